import type { Network } from '../../src/cluster/network.ts'
import type { Branch, Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Departure, Promotion } from '../../src/engine.ts'
import { type Distribution, MILLISECOND, sample, type Simulation, type Us } from '../../src/kernel/index.ts'
import type { Kubernetes, PodView } from '../kubernetes/index.ts'
import type { DataDirectory } from './datadir.ts'
import type { Defects } from './defects.ts'
import type { PostgresOptions, Timing, TimingName } from './options.ts'
import type { Server } from './server.ts'
import { type SizesTold, tellSizes } from './shortage.ts'
import { LogicalReplication } from './logical.ts'
import type { Zone } from './dns/zone.ts'
import type { ManagedService } from './managed/service.ts'
import type { Dcs } from './patroni/dcs.ts'
import type { Application } from './schema/application.ts'
import { Access } from './access.ts'
import { Tables } from './tables.ts'

const knownAliases = new WeakMap<PostgresOptions, ReadonlyMap<string, string>>()

/** Alias → pod name: the same for all rehearsals of one scenario. */
function aliasesOf(options: PostgresOptions): ReadonlyMap<string, string> {
  let aliases = knownAliases.get(options)
  if (aliases === undefined) knownAliases.set(options, (aliases = new Map(Object.entries(options.aliases))))
  return aliases
}

/** Everything the parts of the PostgreSQL model share in one rehearsal. */
export class World {
  readonly servers = new Set<Server>()
  readonly directories: DataDirectory[] = []
  readonly promotions: Promotion[] = []
  readonly departures: Departure[] = []
  /** True while a fault is being struck: what goes away then went because of the fault. */
  faultStriking = false
  kubernetes!: Kubernetes
  private readonly listeners = new Set<() => void>()
  /** How many draws there were so far, by purpose and entity. */
  private readonly counters = new Map<string, Map<string, number>>()

  constructor(
    readonly sim: Simulation,
    readonly options: PostgresOptions,
    readonly timing: Timing,
    readonly network: Network,
    readonly log: ReplicatedLog,
    readonly genesis: Branch,
    readonly defects: Defects,
  ) {
    this.aliases = aliasesOf(options)
  }

  /** System identifier of the database that the story is about. */
  readonly systemId = '7390000000000000001'
  readonly tables = new Tables()
  readonly access = new Access()
  readonly logical = new LogicalReplication(this)
  /** The service that runs the database, where one does. */
  managed: ManagedService | undefined
  dns: Zone | undefined
  /** What the members' HA managers share, where they have any. */
  patroni: Dcs | undefined
  /** The program that the database is for, where the scenario has one. */
  application: Application | undefined
  private readonly aliases: ReadonlyMap<string, string>
  /** Commits of single SQL sessions, oldest first (those of the load are a flow). */
  readonly commits: { readonly at: Position; readonly atUs: Us }[] = []
  /** On which machine the leading server ran, from when on: commits carry its clock's time. */
  readonly reigns: { readonly fromUs: Us; readonly place: string }[] = []
  /** Sizes that leaders have written down, oldest first (rule PG-SIZE-1). */
  readonly sizesTold: SizesTold[] = []
  /** Until when a fault holds up the restart of a member's process. */
  readonly heldUntilUs = new Map<string, Us>()
  /** The data directory of each member by pod name: the one its volume holds. */
  readonly directoryOf = new Map<string, DataDirectory>()

  /** Names of the members' StatefulSet pods that are meant to exist, in order (not those of a green cluster). */
  memberNames: readonly string[] = []

  /** A server leads from now on: it writes log of its own in the background, and commits carry its machine's time. */
  reignBegins(server: Server): void {
    server.copy.setBackground(this.options.backgroundWalKBps * 1000)
    this.reigns.push({ fromUs: this.sim.now, place: server.place })
    tellSizes(server)
  }

  /** Tells `listener` whenever who can reach which server in what role may have changed; returns how to stop. */
  onTopology(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Says that it did. */
  topologyChanged(): void {
    this.sim.touch()
    for (const listener of [...this.listeners]) listener()
  }

  /** The pod that another name in the cluster's DNS stands for; undefined for a name that stands for itself. */
  aliasOf(name: string): string | undefined {
    return this.aliases.size === 0 ? undefined : this.aliases.get(name)
  }

  /** The running server of a pod, by pod name (or alias); undefined while there is none. */
  serverOf(pod: string): Server | undefined {
    const name = this.aliases.size === 0 ? pod : (this.aliases.get(pod) ?? pod)
    let found: Server | undefined
    for (const server of this.servers) if (server.name === name && server.state !== 'down') found = server
    return found
  }

  /** The running server behind the address of this very pod: a successor of the same name has another address (rule PG-ROUTE-2). */
  serverIn(pod: PodView): Server | undefined {
    let found: Server | undefined
    for (const server of this.servers) if (server.host.podUid === pod.uid && server.state !== 'down') found = server
    return found
  }

  /** Whether packets to a pod's address vanish: its machine has no power, or the address belongs to nobody any more. */
  unanswered(pod: PodView): boolean {
    return pod.removed || (pod.node !== undefined && this.kubernetes.machines.get(pod.node)?.up === false)
  }

  /** A time of the timing table, drawn for the n-th such event of `entity`, in microseconds. */
  timeUs(name: TimingName, entity: string): Us {
    const d = this.timing[name]
    const value = typeof d === 'number' ? d : this.draw(d, entity, name)
    return Math.max(1, Math.round(value * MILLISECOND))
  }

  /** A rate of the timing table in bytes per second. */
  bytesPerSecond(name: TimingName, entity: string): number {
    const d = this.timing[name]
    return (typeof d === 'number' ? d : this.draw(d, entity, name)) * 1_000_000
  }

  /** One keyed draw: the n-th of (entity, purpose) in this rehearsal. */
  draw(d: Distribution, entity: string, purpose: string): number {
    let ofPurpose = this.counters.get(purpose)
    if (ofPurpose === undefined) this.counters.set(purpose, (ofPurpose = new Map()))
    const nth = ofPurpose.get(entity) ?? 0
    ofPurpose.set(entity, nth + 1)
    return sample(d, this.sim.chance.draw(entity, purpose, nth))
  }

  /** Extra transactions that faults hold open: the longest end instant. */
  longTransactionUntilUs: Us = 0
  longTransactionSinceUs: Us = 0

  /**
   * How long a drain waits for the longest open transaction now: mostly milliseconds, with probability `longTransactionP` seconds, and never
   * less than one that a fault holds open. Source: PG §2 (PAUSE), E-13 (14–69 ms).
   */
  longTransactionUs(entity: string): Us {
    const long = this.uniform(entity, 'is-long') < this.options.longTransactionP
    const us = long
      ? this.draw({ is: 'lognormal', median: 3_000_000, p95: 30_000_000, max: 600_000_000 }, entity, 'long-transaction')
      : this.draw({ is: 'uniform', min: 1_000, max: 40_000 }, entity, 'short-transaction')
    return Math.round(Math.max(us, this.longTransactionUntilUs - this.sim.now))
  }

  /** A keyed uniform number in [0, 1), counted as {@link draw} counts. */
  uniform(entity: string, purpose: string): number {
    return this.draw({ is: 'uniform', min: 0, max: 1 }, entity, purpose)
  }
}
