/** A tablet: one mysqld and one vttablet on one data directory. What it is lives in the topo record and on the disk; pods come and go. */
import { type Copy, contains, forkPoint, type Link } from '../../src/cluster/log/index.ts'
import { MILLISECOND, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import { takePolicy } from './durability.ts'
import { EVENT } from './events.ts'
import { compareMysql, seriesOf } from './names.ts'
import { acknowledgementRule, watchStockTimeout } from './semisync.ts'
import type { Shard } from './shard.ts'
import { ADMIN_PLACE, type World } from './world.ts'

export type TabletType = 'primary' | 'replica' | 'rdonly' | 'spare' | 'drained' | 'backup' | 'restore'

/** Lag within which a replica counts as level: half a second of the load, and not less than this. */
const LEVEL_BYTES = 1024 * 1024

export class Tablet {
  /** As in its topo record. */
  type: TabletType
  /** Its term as a primary: a newer one wins (rule VT-TOPO-2). */
  term = 0
  timeline = 1
  state: 'down' | 'starting' | 'up' | 'stopping' = 'down'
  /** The vttablet process; mysqld runs on without it (rule VT-TABLET-3). */
  agent = false
  paused = false
  /** Says that it serves as a primary; false while a reparent demotes it. */
  serving = false
  /** Machine it runs on, while it has a process. */
  place = ''
  /** MySQL that runs, or last ran. */
  version: string
  /** Newest MySQL that has opened its data directory: an older series cannot any more (rule VT-VERSION-2). */
  dataVersion: string
  /** There are data on its disk. */
  hasData = true
  /** Whom it is told to replicate from. */
  source: Tablet | undefined
  /** Somebody stopped its replication; whom it would replicate from stays as it is (rule VT-REPL-2). */
  halted = false
  /** The version of a source that it cannot replicate from (rule VT-VERSION-1). */
  brokenBy: string | undefined
  /** Holds transactions that the primary’s history lacks (rule VT-GTID-1). */
  errant = false
  /** Faults: receiving stands still, extra delay, slower disk, no room. */
  extraDelayUs: Us = 0
  diskFactor = 1
  diskFull = false
  applyPauses = 0
  startedUs = 0
  /** mysqld was shut down cleanly: it starts without recovery. */
  clean = true
  /** Until when its I/O thread believes to be connected though nothing comes (rule VT-REPL-1). */
  private believesUntilUs = Number.NEGATIVE_INFINITY
  private retry: TimerId | undefined
  private retries = 0
  private retryAtUs = 0
  private linkText = ''
  private catchingUp = false
  machineFactor = (): number => 1

  constructor(
    readonly world: World,
    readonly shard: Shard,
    readonly alias: string,
    readonly uid: number,
    readonly cell: string,
    readonly pod: string,
    readonly declared: 'replica' | 'rdonly',
    readonly copy: Copy,
  ) {
    this.type = declared
    this.version = world.options.mysqlVersion
    this.dataVersion = this.version
  }

  get up(): boolean {
    return this.state === 'up'
  }

  /** mysqld runs, answers and lets programs write. */
  get writable(): boolean {
    return this.up && !this.paused && this.copy.leading
  }

  /** Whether an administrative call from vtctld, VTOrc or the operator gets an answer. */
  get answers(): boolean {
    return this.up && this.agent && !this.paused && this.world.network.connected(ADMIN_PLACE, this.place)
  }

  /** Whether such a call is refused at once, rather than unanswered: its machine is there, its process is not. */
  get refuses(): boolean {
    const machine = this.world.kubernetes.machines.get(this.place)
    return !this.paused && !(this.up && this.agent) && machine?.up !== false && this.world.network.connected(ADMIN_PLACE, this.place)
  }

  /** Its replication threads run, as far as it knows: a silent source is noticed after replica_net_timeout (rule VT-REPL-1). */
  get replicates(): boolean {
    if (!this.up || this.paused || this.halted || this.source === undefined) return false
    return this.linked || this.world.sim.now < this.believesUntilUs
  }

  /** Until when {@link replicates} holds without a connection. */
  get illusionEndsUs(): Us {
    return this.believesUntilUs
  }

  get linked(): boolean {
    return this.copy.upstream !== undefined
  }

  /** How far behind the primary it is, in bytes it has applied. */
  get lagBytes(): number {
    if (this.linked) return this.copy.lagBytes('apply')
    const leader = this.shard.leader
    return leader === undefined || leader === this ? 0 : Math.max(0, leader.copy.lsn('receive') - this.copy.lsn('apply'))
  }

  /** Lag in seconds of the declared load: what SHOW REPLICA STATUS comes to. */
  get lagSeconds(): number {
    const rate = this.shard.bytesPerSecond
    return rate === 0 ? 0 : this.lagBytes / rate
  }

  get levelBytes(): number {
    return Math.max(LEVEL_BYTES, this.shard.bytesPerSecond / 2)
  }

  /** Healthy as vttablet reports it: serves as a primary, or replicates without being hours behind (rule VT-TABLET-2). */
  get healthy(): boolean {
    if (!this.up || !this.agent || this.paused) return false
    if (this.type === 'primary') return this.copy.leading && this.serving
    return (this.type === 'replica' || this.type === 'rdonly') && this.replicates && !this.errant
  }

  /** Ready as its probes say: who is to serve does, a spare or drained one is there (rule VT-TABLET-2). */
  get ready(): boolean {
    if (this.type === 'spare') return this.up && this.agent && !this.paused
    if (this.type === 'drained') return this.up && this.agent && !this.paused && this.replicates && !this.errant
    return this.healthy
  }

  /** How many times slower it works than it should: disk, version, machine. */
  get slowness(): number {
    return this.diskFactor * this.world.defects.slowness(this) * this.machineFactor()
  }

  get newVersion(): boolean {
    return this.world.defects.isNew(this)
  }

  // ── replication ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** SetReplicationSource. Its own tail decides whether it can (rule VT-GTID-1). */
  setSource(source: Tablet): void {
    this.source = source
    this.setHalted(false)
    if (!this.linked || this.copy.upstream !== source.copy) this.copy.unfollow()
    this.believesUntilUs = Number.NEGATIVE_INFINITY
    this.retryAtUs = 0
    this.judgeTail(source)
    this.relink()
  }

  /** STOP REPLICA and START REPLICA: what it has received and not applied stands still as well (rule VT-REPL-2). */
  halt(halted: boolean): void {
    if (this.halted === halted || this.copy.leading) return
    this.setHalted(halted)
    this.world.sim.note(EVENT.halted, this.pod, halted ? 0 : 1, `the replication of ${this.pod} is ${halted ? 'stopped' : 'started'}`)
    this.retryAtUs = 0
    this.relink()
  }

  setHalted(halted: boolean): void {
    if (this.halted === halted) return
    this.halted = halted
    this.pauseApplying(halted ? 1 : -1)
  }

  /** Several may keep it from applying at once. */
  pauseApplying(by: 1 | -1): void {
    this.applyPauses += by
    if (this.applyPauses > 0) this.copy.freeze('apply')
    else this.copy.thaw('apply')
  }

  /** Follows its source if it can; drops the connection if it cannot any more. */
  relink(): void {
    const { copy, source } = this
    if (copy.leading) return
    const possible = source !== undefined && this.canFollow(source)
    if (!possible) {
      if (copy.upstream !== undefined) this.disconnect(source)
      return
    }
    if (copy.upstream === source.copy) {
      this.adjust(source)
      return this.watchLevel()
    }
    if (this.world.sim.now < this.retryAtUs) return this.tryAt(this.retryAtUs)
    this.follow(source)
  }

  private canFollow(source: Tablet): boolean {
    if (!this.up || this.paused || this.errant || !source.up || source.paused || !this.world.network.connected(this.place, source.place)) return false
    if (this.type === 'restore' || this.type === 'backup' || this.halted || !this.hasData) return false
    return this.brokenBy !== source.version && !this.world.defects.partsThem(source, this)
  }

  private follow(source: Tablet): void {
    const mine = this.copy.position('receive')
    if (!contains(source.copy.position('flush'), mine)) {
      // Its source is behind it, for now or for ever: nothing to stream until it is not.
      this.judgeTail(source)
      if (this.errant || !contains(source.copy.position('flush'), this.copy.position('receive'))) return
    }
    if (this.breaks(source)) return
    for (let above: Copy | undefined = source.copy; above !== undefined; above = above.upstream) if (above === this.copy) return
    const link = this.linkTo(source)
    this.linkText = textOf(link)
    this.timeline = source.timeline
    this.copy.follow(source.copy, link)
    this.setPace()
    this.watchLevel()
  }

  /** While it is behind: whoever lives by it hears when it is level again. */
  private watchLevel(): void {
    if (this.catchingUp || this.copy.lagBytes('flush') <= this.levelBytes) return
    this.catchingUp = true
    this.copy.whenLagAtMost('flush', this.levelBytes, () => {
      this.catchingUp = false
      this.shard.changed()
    })
  }

  /** What an older server cannot read from a newer source breaks its replication for good (rule VT-VERSION-1). */
  private breaks(source: Tablet): boolean {
    if (compareMysql(source.version, this.version) <= 0) return false
    const { options } = this.world
    const p = seriesOf(source.version) === seriesOf(this.version) ? options.patchBreakP : options.seriesBreakP
    if (this.world.sim.chance.draw(`${this.alias}/${this.version}`, `vitess.follows/${source.version}`, 0) >= p) return false
    this.brokenBy = source.version
    this.world.sim.note(EVENT.broken, this.pod, 0, `${this.pod} (MySQL ${this.version}) cannot replicate from ${source.pod} (MySQL ${source.version}): an older replica of a newer source`)
    return true
  }

  /** Transactions of its own that the source’s history lacks: none in flight at the fork, or errant GTIDs (rule VT-GTID-1). */
  private judgeTail(source: Tablet): void {
    const { copy, world } = this
    if (copy.leading || this.errant || copy.upstream !== undefined) return
    const mine = copy.position('flush')
    const theirs = source.copy.position('flush')
    if (contains(theirs, mine)) return
    const fork = forkPoint(theirs, mine)
    // Ahead on the same line: the source will get there, or somebody else leads.
    if (fork.lsn === theirs.lsn && fork.branch === theirs.branch && mine.branch === theirs.branch) return
    const tail = (mine.lsn - fork.lsn) / this.shard.bytesPerWrite
    if (tail < 1 && world.uniform(this.alias, 'in-flight') >= tail) return copy.adopt(fork)
    this.errant = true
    world.sim.note(EVENT.errant, this.pod, Math.ceil(tail), `${this.pod} holds ${Math.max(1, Math.round(tail))} transactions that ${source.pod} lacks: errant GTIDs`)
  }

  private disconnect(source: Tablet | undefined): void {
    const silent = source !== undefined && this.up && !this.paused && (source.paused || !this.world.network.connected(this.place, source.place) || this.world.kubernetes.machines.get(source.place)?.up === false)
    this.copy.unfollow()
    const { now } = this.world.sim
    this.believesUntilUs = silent ? now + this.world.options.replicaNetTimeoutSeconds * SECOND : Number.NEGATIVE_INFINITY
    // A connection that was refused is tried again at the interval; packets that come again go on at once.
    if (!silent) this.retryAtUs = now + Math.round(this.world.sim.chance.draw(this.alias, 'vitess.connect-retry', this.retries++) * this.world.options.connectRetrySeconds * SECOND)
    else this.world.sim.call(this.believesUntilUs, () => this.shard.changed())
  }

  private tryAt(us: Us): void {
    if (this.retry !== undefined) return
    this.retry = this.world.sim.call(us, () => {
      this.retry = undefined
      this.shard.changed()
    })
  }

  private linkTo(source: Tablet): Link {
    const { network } = this.world
    const extra = this.extraDelayUs
    return {
      delayUs: network.delayUs(source.place, this.place) + extra,
      ackDelayUs: network.delayUs(this.place, source.place),
      flushDelayUs: Math.round(this.world.timeUs('relayFlushMs', this.alias) * this.diskFactor),
      bytesPerSecond: Math.min(this.megabytes('replicationMBps'), network.bytesPerSecond(source.place, this.place)),
    }
  }

  private megabytes(name: 'replicationMBps'): number {
    const d = this.world.timing[name]
    return (typeof d === 'number' ? d : this.world.draw(d, this.alias, name)) * 1_000_000
  }

  /** Delays or bandwidth of its connection may be others now. */
  private adjust(source: Tablet): void {
    const { network } = this.world
    const { link } = this.copy
    if (link === undefined) return
    const delayUs = network.delayUs(source.place, this.place) + this.extraDelayUs
    const ackDelayUs = network.delayUs(this.place, source.place)
    const bytesPerSecond = Math.min(this.megabytes('replicationMBps'), network.bytesPerSecond(source.place, this.place))
    const next = { ...link, delayUs, ackDelayUs, bytesPerSecond }
    if (textOf(next) === this.linkText) return
    this.linkText = textOf(next)
    this.copy.setLink(next)
  }

  /** How fast it applies, and how long a commit takes here now (disk, defects, machine, cold cache). */
  setPace(): void {
    const { world, copy } = this
    const slow = this.slowness
    const rate = this.shard.bytesPerSecond
    if (!copy.leading) copy.setApplyRate(rate === 0 ? Number.POSITIVE_INFINITY : Math.max(1, (world.options.applyRatio * rate) / slow))
    else copy.setCommitLatency(Math.round(world.timeUs('commitMs', this.alias) * slow * this.coldness()))
  }

  /** How many times slower a cold buffer pool makes it (rule VT-TABLET-4): 1 + (factor − 1)·e^(−t/τ), in steps of τ/2. */
  private coldness(): number {
    const { coldCacheFactor, coldCacheSeconds } = this.world.options
    if (this.startedUs === 0 || coldCacheSeconds === 0) return 1
    let left = coldCacheFactor - 1
    for (let us = this.world.sim.now - this.startedUs; us >= (coldCacheSeconds * SECOND) / 2 && left > 0.05; us -= (coldCacheSeconds * SECOND) / 2) left *= HALF_TAU
    return left > 0.05 ? 1 + left : 1
  }

  // ── leading ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes writes from now on. With a `term`: a promotion; without: it was the primary and still is. */
  lead(term: number | undefined): void {
    this.source = undefined
    this.believesUntilUs = Number.NEGATIVE_INFINITY
    this.copy.unfollow()
    if (term !== undefined) {
      this.term = term
      this.timeline = term
      this.copy.lead({ timeline: term })
    } else this.copy.lead()
    this.setType('primary')
    takePolicy(this.shard)
    this.applyRule()
    this.setPace()
    this.warm()
    this.world.sim.note(EVENT.serving, this.pod, this.term)
  }

  /** super_read_only: what is written is acknowledged or never will be. */
  stopLeading(cause: 'clean' | 'killed'): void {
    if (!this.copy.leading) return
    this.serving = false
    this.copy.stopLeading(cause)
  }

  /** Who has to acknowledge is asked anew (rule VT-SEMI-1). */
  applyRule(): void {
    if (!this.copy.leading) return
    if (this.diskFull) this.copy.acknowledge({ k: 1, members: [], stage: 'flush' })
    else this.copy.acknowledge(this.shard.degraded ? null : acknowledgementRule(this))
    watchStockTimeout(this)
  }

  /** The cache warms: its commits become quicker in steps. */
  private warm(): void {
    if (this.startedUs === 0) return
    const stepUs = (this.world.options.coldCacheSeconds * SECOND) / 2
    const { copy } = this
    const { head } = copy
    const step = (): void => {
      if (copy.head !== head || this.coldness() === 1) return
      this.world.sim.after(stepUs, () => {
        if (copy.head !== head) return
        this.setPace()
        step()
      })
    }
    if (stepUs > 0) step()
  }

  setType(type: TabletType): void {
    if (this.type === type) return
    this.type = type
    this.world.sim.note(EVENT.typed, this.pod, 0, `${this.pod} is ${type} now`)
  }
}

/** e^(−1/2) */
const HALF_TAU = 0.6065306597126334

function textOf(link: Link): string {
  return `${link.delayUs}/${link.ackDelayUs}/${link.bytesPerSecond}`
}

/** How long a call waits that nobody answers (RemoteOperationTimeout). */
export const REMOTE_OPERATION_US = 15 * SECOND
/** Until the I/O of a call that is refused at once is back. */
export const REFUSED_US = 5 * MILLISECOND
