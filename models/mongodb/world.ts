import type { Network } from '../../src/cluster/network.ts'
import { type Branch, contains, type Copy, type Position, type ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Departure, Promotion } from '../../src/engine.ts'
import { type Distribution, MILLISECOND, sample, Signal, type Simulation, type Us } from '../../src/kernel/index.ts'
import type { Kubernetes, PodView } from '../kubernetes/index.ts'
import type { Config } from './config.ts'
import type { DbPath } from './dbpath.ts'
import type { Defects } from './defects.ts'
import type { Mongod } from './mongod.ts'
import { Oplog } from './oplog.ts'
import type { MongodbOptions, Timing, TimingName } from './options.ts'

/** Everything the parts of the MongoDB model share in one rehearsal. */
export class World {
  readonly mongods = new Set<Mongod>()
  readonly dbpaths: DbPath[] = []
  /** The dbpath of each member by pod name: the one its volume holds. */
  readonly dbpathOf = new Map<string, DbPath>()
  readonly promotions: Promotion[] = []
  readonly departures: Departure[] = []
  /** Entries of the oplog that set the feature compatibility version, oldest first (rule MG-FCV-1). */
  readonly fcvEntries: { readonly at: Position; readonly fcv: string }[] = []
  /** setDefaultRWConcern, if somebody has. */
  defaultWriteConcern: 'majority' | number | undefined
  /** True while a fault is being struck: what goes away then went because of the fault. */
  faultStriking = false
  kubernetes!: Kubernetes
  /** Fired at every change of a member or of who reaches whom. */
  readonly changed = new Signal<void>()
  /** Copies whose apply something holds up, a fault or a lock against writes: by how many. */
  readonly frozen = new Map<Copy, number>()
  private readonly oplogs = new Map<Copy, Oplog>()
  /** By how much a fault delays what a member fetches. */
  readonly lateUs = new Map<string, Us>()
  /** Until when a fault holds up the restart of a member's process. */
  readonly heldUntilUs = new Map<string, Us>()
  /** Heartbeats happen at every tick, also where they could tell nothing new: what a test holds the lazy evaluation against. */
  everyTick = false
  memberNames: readonly string[] = []
  private readonly listeners = new Set<() => void>()
  private readonly counters = new Map<string, number>()
  private telling = false
  private again = false

  constructor(
    readonly sim: Simulation,
    readonly options: MongodbOptions,
    readonly timing: Timing,
    readonly network: Network,
    readonly log: ReplicatedLog,
    readonly genesis: Branch,
    readonly firstConfig: Config,
    readonly defects: Defects,
  ) {}

  /** Tells `listener` whenever who can reach which member in what role may have changed; returns how to stop. */
  onTopology(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Says that it did. Members look again at one another, drivers at all of them. */
  topologyChanged(): void {
    this.sim.touch()
    if (this.telling) {
      this.again = true
      return
    }
    this.telling = true
    do {
      this.again = false
      for (const m of [...this.mongods]) m.worldChanged()
      for (const listener of [...this.listeners]) listener()
    } while (this.again)
    this.telling = false
    this.changed.fire()
  }

  /** The running mongod behind a member's name now; undefined while there is none. */
  mongodOf(pod: string): Mongod | undefined {
    let found: Mongod | undefined
    for (const m of this.mongods) if (m.name === pod && m.alive) found = m
    return found
  }

  mongodIn(pod: PodView): Mongod | undefined {
    let found: Mongod | undefined
    for (const m of this.mongods) if (m.host.podUid === pod.uid && m.alive) found = m
    return found
  }

  /** The oplog of a member's data, as large as the configuration file says until it is resized (rule MG-OPLOG-3). */
  oplogOf(copy: Copy): Oplog {
    let oplog = this.oplogs.get(copy)
    if (oplog === undefined) this.oplogs.set(copy, (oplog = new Oplog(this.options.oplogMB)))
    return oplog
  }

  /** Nothing is applied to `copy` until the function that it returns is called. */
  holdApply(copy: Copy): () => void {
    const before = this.frozen.get(copy) ?? 0
    this.frozen.set(copy, before + 1)
    if (before === 0) copy.freeze('apply')
    let done = false
    return () => {
      if (done) return
      done = true
      const left = (this.frozen.get(copy) ?? 1) - 1
      if (left > 0) return void this.frozen.set(copy, left)
      this.frozen.delete(copy)
      copy.thaw('apply')
    }
  }

  /** Whether two processes can hold a conversation now. */
  talks(a: Mongod, b: Mongod): boolean {
    return a.listening && b.listening && !a.paused && !b.paused && this.network.connected(a.place, b.place)
  }

  roundTripUs(a: Mongod, b: Mongod): Us {
    return this.network.delayUs(a.place, b.place) + this.network.delayUs(b.place, a.place)
  }

  /** The feature compatibility version in the data that ends at `position` (rule MG-FCV-1). */
  fcvAt(position: Position): string {
    let fcv = this.fcvEntries[0]?.fcv ?? ''
    for (const entry of this.fcvEntries) if (contains(position, entry.at)) fcv = entry.fcv
    return fcv
  }

  /** A time of the timing table, drawn for the n-th such event of `entity`, in microseconds. */
  timeUs(name: TimingName, entity: string): Us {
    const d = this.timing[name]
    return Math.max(1, Math.round((typeof d === 'number' ? d : this.draw(d, entity, name)) * MILLISECOND))
  }

  bytesPerSecond(name: TimingName, entity: string): number {
    const d = this.timing[name]
    return (typeof d === 'number' ? d : this.draw(d, entity, name)) * 1_000_000
  }

  /** One keyed draw: the n-th of (entity, purpose) in this rehearsal. */
  draw(d: Distribution, entity: string, purpose: string): number {
    const key = `${entity}/${purpose}`
    const nth = this.counters.get(key) ?? 0
    this.counters.set(key, nth + 1)
    return sample(d, this.sim.chance.draw(entity, purpose, nth))
  }
}
