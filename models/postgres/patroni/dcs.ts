/** What the members of a Patroni cluster know of each other through the Kubernetes API. Source: Patroni patroni/dcs/kubernetes.py, docs/kubernetes.rst. */
import { defineEvent, SECOND, Signal, type Us } from '../../../src/kernel/index.ts'
import type { World } from '../world.ts'
import type { Agent } from './agent.ts'
import type { PatroniOptions } from './options.ts'

const LEADER = defineEvent('patroni.leader-key')
const RELEASED = defineEvent('patroni.leader-key-released')

export interface Failover {
  readonly leader: string | undefined
  readonly candidate: string | undefined
}

/** The cluster's objects: leader key, its last position, what was asked for, whether it is paused. */
export class Dcs {
  leader: string | undefined
  private renewedUs: Us = 0
  /** The position that the leader told last. */
  optimeLsn = 0
  /** Members that may be promoted in synchronous mode: the leader of that time and its synchronous standby. */
  sync: readonly string[] | undefined
  failover: Failover | undefined
  paused = false
  /** The initialize key: the system identifier that members must have; undefined until a leader sets it (rule PG-MAJOR-7). */
  systemId: string | undefined
  /** Members by name. */
  readonly agents = new Map<string, Agent>()
  /** Members that have been gone for so long that they have no slot any more (rule PG-PATRONI-17). */
  readonly gone = new Set<string>()
  /** Fired when an object changes: members watch them. */
  readonly changed = new Signal()

  constructor(
    readonly world: World,
    readonly options: PatroniOptions,
  ) {
    this.systemId = world.systemId
  }

  /** Whether the API answers somebody there. */
  reachedFrom(place: string): boolean {
    const { kubernetes, network } = this.world
    return kubernetes.apiUp && network.connected(place, 'control-plane')
  }

  /** Who holds the leader key, as long as it is renewed (rule PG-PATRONI-1). */
  get holder(): string | undefined {
    return this.leader !== undefined && this.world.sim.now - this.renewedUs < this.options.ttlSeconds * SECOND ? this.leader : undefined
  }

  /** Takes the key if nobody holds it. The key is the Service's Endpoints object: they are empty until the new holder renews it (rule PG-PATRONI-13). */
  acquire(name: string): boolean {
    const { holder } = this
    if (holder !== undefined && holder !== name) return false
    const fresh = this.leader !== name
    this.leader = name
    this.renewedUs = this.world.sim.now
    if (!fresh) return true
    this.world.sim.note(LEADER, name, 0, `${name} holds the leader key`)
    this.point(undefined)
    return true
  }

  renew(name: string, lsn: number): void {
    if (this.leader !== name) return
    this.renewedUs = this.world.sim.now
    this.optimeLsn = lsn
  }

  /** Gives the key back before its time: the others hear at once, and the Service has no endpoint until one of them leads (rule PG-PATRONI-13). */
  release(name: string, lsn: number): void {
    if (this.leader !== name) return
    this.leader = undefined
    this.optimeLsn = lsn
    this.point(undefined)
    this.world.sim.note(RELEASED, name, 0, `${name} gives the leader key back`)
    this.tell()
  }

  tell(): void {
    this.world.sim.touch()
    this.changed.fire()
  }

  /** Leads the Service to a member, or to nobody: its role is primary, everybody else's replica. */
  point(name: string | undefined): void {
    const { pods$ } = this.world.kubernetes
    const { key, primary, replica } = this.world.options.roleLabel
    for (const pod of pods$.list()) {
      if (!this.world.memberNames.includes(pod.name)) continue
      const role = pod.name === name ? primary : replica
      if (pod.labels[key] !== role) pods$.setLabels(pod, { ...pod.labels, [key]: role })
    }
  }
}
