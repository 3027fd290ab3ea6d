/** One shard: its log, its tablets, its record and its lock in the topo server. */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { SECOND, Signal, type Us } from '../../src/kernel/index.ts'
import type { DurabilityPolicy, Keyspace, KeyRange } from './keyspace.ts'
import type { Tablet } from './tablet.ts'
import type { Stream } from './vreplication.ts'
import type { World } from './world.ts'

export class Shard {
  readonly tablets: Tablet[] = []
  /** primary_alias of the shard record (rule VT-TOPO-2); the newest term. */
  primary: Tablet | undefined
  /** When that term began. */
  termStartUs: Us = 0
  /** Numbers the terms: a promotion forks the log with the next one. */
  terms = 1
  /** Who holds the shard's lock, in words; undefined = nobody. */
  lockedBy: string | undefined
  readonly unlocked = new Signal<void>()
  /** Fired at every {@link changed}. */
  readonly stirred = new Signal<void>()
  /** A planned demotion under way: since when the primary says that it does not serve. Clients may be buffered from then on. */
  demotedUs: Us | undefined
  /** When the vtgates last saw the end of a reparent, or gave up buffering one. */
  failoverEndedUs = Number.NEGATIVE_INFINITY
  /** The durability policy that its primary is set up by. */
  policy: DurabilityPolicy
  /** Stock semi-sync gave up waiting: commits are acknowledged by the primary alone. */
  degraded = false
  /** Since when its tables are denied to clients: another keyspace has them, or is about to (rule VT-MOVE-4). */
  deniedUs: Us | undefined
  /** What its record says of that since SetShardTabletControl, while its primary has not read it: whether they are denied (rule VT-ROUTE-2). */
  recorded: boolean | undefined
  /** It has no tables: nobody can write there until a workflow or ApplySchema makes them (rule VT-SCHEMA-1). */
  bare = false
  /** A new keyspace’s shard has no primary until one is made of its empty tablets (rule VT-OP-8). */
  initialised = true
  /** Workflows that bring rows of another shard here, of now and before. */
  streams: Stream[] = []
  /** Where its tablets begin in the list of members. */
  ordinal: number | undefined
  /** Its tables were dropped when a workflow was completed: what it held is not there any more. */
  dropped = false
  /** Bytes of an average write, as the clients declare; undefined before there are any. */
  private seenDemands = 0

  constructor(
    readonly world: World,
    readonly index: number,
    readonly range: string,
    /** Name of its VitessShard object. */
    readonly key: string,
    readonly log: ReplicatedLog,
    readonly keyspace: Keyspace,
    /** The key range, with the shards of other keyspaces that hold it too. */
    readonly keys: KeyRange,
  ) {
    this.policy = keyspace.durabilityPolicy
    log.onChange(() => this.noticeLoad())
  }

  /** `commerce/-80` */
  get path(): string {
    return `${this.keyspace.name}/${this.range}`
  }

  /** The tablet whose copy takes writes now with the newest term, if any. */
  get leader(): Tablet | undefined {
    let found: Tablet | undefined
    for (const t of this.tablets) if (t.copy.leading && (found === undefined || t.term > found.term)) found = t
    return found
  }

  /** Bytes that a second of the declared load writes. 0 before there are clients. */
  get bytesPerSecond(): number {
    let sum = 0
    for (const { options } of this.log.demands) {
      // A closed loop is as fast as its answers: some milliseconds each.
      const perSecond = options.loop === 'open' ? options.writesPerSecond : (options.connections * 1_000_000) / (options.thinkUs + options.roundTripUs + 5_000)
      sum += perSecond * options.bytesPerWrite
    }
    return sum
  }

  get bytesPerWrite(): number {
    return this.log.demands[0]?.options.bytesPerWrite ?? 1
  }

  /** Whether its record denies its tables, read or not. */
  get denies(): boolean {
    return this.recorded ?? (this.deniedUs !== undefined && !this.bare)
  }

  /** Its primary reads the record: it comes up, is promoted, or is told to (rule VT-ROUTE-2). */
  readRecord(): void {
    const { recorded } = this
    if (recorded === undefined) return
    this.recorded = undefined
    if (recorded) this.deny()
    else this.allow()
  }

  /** Its tables are denied to clients from now on. */
  deny(): void {
    this.recorded = undefined
    if (this.deniedUs !== undefined) return
    const { sim, options } = this.world
    this.deniedUs = sim.now
    this.changed()
    sim.after(options.buffer.maxFailoverSeconds * SECOND, () => {
      if (this.deniedUs !== undefined) this.changed()
    })
  }

  /** Clients may use its tables again. */
  allow(): void {
    this.recorded = undefined
    if (this.deniedUs === undefined) return
    this.deniedUs = undefined
    this.failoverEndedUs = this.world.sim.now
    this.changed()
  }

  copyOf(tablet: Tablet): Copy {
    return tablet.copy
  }

  /** Something about who runs, leads, replicates or serves changed: whoever lives by it looks again. */
  changed(): void {
    this.world.sim.touch()
    for (const tablet of this.tablets) tablet.relink()
    for (const listener of this.world.shardListeners) listener(this)
    for (const session of this.keys.sessions) if (session.shard === this) session.refresh()
    this.stirred.fire()
  }

  lock(by: string): boolean {
    if (this.lockedBy !== undefined || !this.world.topoUp) return false
    this.lockedBy = by
    return true
  }

  unlock(): void {
    this.lockedBy = undefined
    this.unlocked.fire()
    this.changed()
  }

  /** Once clients are there, how fast replicas apply is known. */
  private noticeLoad(): void {
    const { demands } = this.log
    if (demands.length === this.seenDemands) return
    this.seenDemands = demands.length
    this.world.sim.call(this.world.sim.now, () => {
      for (const tablet of this.tablets) tablet.setPace()
    })
  }
}
