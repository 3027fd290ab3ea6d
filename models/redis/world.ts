import type { Branch, Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Network } from '../../src/cluster/network.ts'
import type { Departure, Promotion } from '../../src/engine.ts'
import { type Distribution, MILLISECOND, sample, type Simulation, type Us } from '../../src/kernel/index.ts'
import { EPOCH_SECONDS } from '../../src/operator/shell/container.ts'
import type { Kubernetes, PodView } from '../kubernetes/index.ts'
import type { Bus } from './bus.ts'
import type { DataDir } from './data.ts'
import type { Defects } from './defects.ts'
import type { RedisOptions, Timing, TimingName } from './options.ts'
import type { Server } from './server.ts'
import { shareSlot } from './slots.ts'
import { Acquaintances } from './table.ts'

/** A key that somebody wrote by hand (the load's own keys are a flow). */
export interface Key {
  readonly value: string
  readonly at: Position
  readonly log: ReplicatedLog
}

/** Everything the parts of the Redis model share in one rehearsal. */
export class World {
  readonly servers = new Set<Server>()
  private readonly byPod = new Map<string, Server>()
  /** Grows whenever some node comes to know, or forgets, another, and when a master comes or goes. */
  readonly acquaintances = new Acquaintances()
  readonly dirs: DataDir[] = []
  readonly dirOf = new Map<string, DataDir>()
  readonly promotions: Promotion[] = []
  readonly promotionLogs = new Map<Promotion, ReplicatedLog>()
  readonly departures: Departure[] = []
  /** Slots have changed hands other than by failover. */
  slotsMoved = false
  /** Running processes by the address they listen on. */
  readonly byAddress = new Map<string, Server>()
  readonly keys = new Map<string, Key[]>()
  /** Client programs in the order in which they first connected. */
  readonly clientNumbers = new Map<string, number>()
  /** True while a fault is being struck: what goes away then went because of the fault. */
  faultStriking = false
  kubernetes!: Kubernetes
  bus!: Bus
  memberNames: readonly string[] = []
  /** Until when a fault holds up the restart of a member's process. */
  readonly heldUntilUs = new Map<string, Us>()
  /** Factors that faults put on loading, by pod name. */
  readonly loadFactor = new Map<string, number>()
  /** Members whose disk keeps nothing new: persistence fails silently. */
  readonly unpersisted = new Set<string>()
  /** What faults leave of the replication backlog (1 = all). */
  backlogShare = 1
  private readonly listeners = new Set<() => void>()
  private readonly counters = new Map<string, number>()
  /** What the wall clock of the world showed at time 0 (2025-11-01). */
  readonly epochMs = EPOCH_SECONDS * 1000
  readonly shareSlots: readonly number[]
  readonly shareGroups: number[]
  /** Groups that are no more: their numbers may be given again. */
  readonly freeGroups: number[] = []

  constructor(
    readonly sim: Simulation,
    readonly options: RedisOptions,
    readonly timing: Timing,
    readonly network: Network,
    readonly logs: readonly ReplicatedLog[],
    readonly geneses: readonly Branch[],
    /** First and last slot of each slot group (groups.ts). */
    readonly ranges: (readonly [number, number])[],
    readonly defects: Defects,
  ) {
    this.shareSlots = logs.map((_, i) => shareSlot(ranges[Math.floor(i / options.slotShares)] as readonly [number, number], i % options.slotShares, options.slotShares))
    this.shareGroups = logs.map((_, i) => Math.floor(i / options.slotShares))
  }

  /** The slot that stands for a key share: its traffic and its data are where this slot's keys are. */
  slotOf(log: ReplicatedLog): number {
    return this.shareSlots[this.logs.indexOf(log)] as number
  }

  /** The key share that a slot began in. */
  shareOf(slot: number): ReplicatedLog {
    let nearest = 0
    this.shareSlots.forEach((own, i) => {
      if (Math.abs(own - slot) < Math.abs((this.shareSlots[nearest] as number) - slot)) nearest = i
    })
    return this.logs[nearest] as ReplicatedLog
  }

  /** The slot group that a key share's slot lies in. */
  groupOf(log: ReplicatedLog): number {
    return this.shareGroups[this.logs.indexOf(log)] as number
  }

  /** The key shares of some slot groups. */
  logsIn(groups: readonly number[]): readonly ReplicatedLog[] {
    return this.logs.filter((_, i) => groups.includes(this.shareGroups[i] as number))
  }

  /** Somebody leads a share from here on. */
  promoted(log: ReplicatedLog, promotion: Promotion): void {
    this.promotions.push(promotion)
    this.promotionLogs.set(promotion, log)
  }

  /** Shares by the shards that they began in, in words. */
  shardsOf(logs: readonly ReplicatedLog[]): string {
    const { slotShares } = this.options
    return logs.length === 0 ? 'a few slots' : `shard ${[...new Set(logs.map(log => Math.floor(this.logs.indexOf(log) / slotShares)))].join(', ')}`
  }

  onTopology(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Says that roles, states or links changed: whoever looks on looks again. */
  changed(): void {
    this.sim.touch()
    for (const listener of [...this.listeners]) listener()
  }

  /** The running process of a pod, by pod name; the latest where there are two. */
  serverOf(pod: string): Server | undefined {
    return this.byPod.get(pod)
  }

  /** A process has begun. */
  began(server: Server): void {
    this.servers.add(server)
    this.byPod.set(server.name, server)
  }

  /** A process has ended. */
  ended(server: Server): void {
    this.servers.delete(server)
    if (this.byPod.get(server.name) !== server) return
    this.byPod.delete(server.name)
    for (const other of this.servers) if (other.name === server.name) this.byPod.set(server.name, other)
  }

  serverIn(pod: PodView): Server | undefined {
    for (const server of this.servers) if (server.host.podUid === pod.uid && server.alive) return server
    return undefined
  }

  /** The running node with an id; the latest where a stopped clone shares it. */
  serverById(id: string): Server | undefined {
    for (const server of this.servers) if (server.alive && server.id === id) return server
    return undefined
  }

  /** A time of the timing table, drawn for the next such event of `entity`, in microseconds. */
  timeUs(name: TimingName, entity: string): Us {
    const d = this.timing[name]
    const value = typeof d === 'number' ? d : this.draw(d, entity, name)
    return Math.max(1, Math.round(value * MILLISECOND))
  }

  /** A rate of the timing table in MB per second. */
  rateMBps(name: TimingName, entity: string): number {
    const d = this.timing[name]
    return Math.max(0.001, typeof d === 'number' ? d : this.draw(d, entity, name))
  }

  draw(d: Distribution, entity: string, purpose: string): number {
    return sample(d, this.uniform(entity, purpose))
  }

  /** A keyed uniform number in [0, 1): the n-th of (entity, purpose) in this rehearsal. */
  uniform(entity: string, purpose: string): number {
    const key = `${entity}/${purpose}`
    const nth = this.counters.get(key) ?? 0
    this.counters.set(key, nth + 1)
    return this.sim.chance.draw(entity, purpose, nth)
  }

  /** A node id: 40 hexadecimal digits. */
  newId(entity: string): string {
    let id = ''
    while (id.length < 40) id += Math.floor(this.uniform(entity, 'node id') * 0x10000).toString(16).padStart(4, '0')
    return id
  }

  bytesPerWrite(log: ReplicatedLog): number {
    return log.demands[0]?.options.bytesPerWrite ?? 2000
  }
}
