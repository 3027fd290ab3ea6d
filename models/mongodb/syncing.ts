/** How a member gets its data: choosing a sync source, following it, rolling back, initial sync (rules MG-SYNC-…, MG-ROLLBACK-…, MG-OPLOG-…). */
import { contains, type Copy, forkPoint, type Position, type Watch } from '../../src/cluster/log/index.ts'
import { type Process, SECOND, type Task, type TimerId, type Us, within } from '../../src/kernel/index.ts'
import { comparePositions } from './election.ts'
import { INITIAL_SYNC, ROLLBACK, STALE, SYNC_SOURCE } from './events.ts'
import type { Mongod } from './mongod.ts'
import { releaseIndex } from './names.ts'
import { oplogStart, writtenAtUs } from './optime.ts'

/** Looks for a source without anything having changed. */
const MOST_RETRIES = 15
const LOOK_BACK_US = 60 * SECOND
/** initialSyncTransientErrorRetryPeriodSeconds. */
const RESUMABLE_US = 24 * 3600 * SECOND
/** Writing the files of a rollback. */
const ROLLBACK_BYTES_PER_SECOND = 50_000_000

export class Syncing {
  /** Whom it fetches from. */
  source: Mongod | undefined
  /** It has been down for longer than anybody's oplog reaches back. */
  stale = false
  /** An initial sync restarts: how often it has begun. */
  attempts = 0
  private pending: TimerId | undefined
  private pendingFor: Mongod | undefined
  private watch: Watch | undefined
  private task: Task<void> | undefined
  private busy = false
  private retry: TimerId | undefined
  private retries = 0
  /** When the last batch came from the source it had before. */
  private fetched: Us = Number.NEGATIVE_INFINITY

  constructor(private readonly me: Mongod) {}

  private get copy(): Copy | undefined {
    return this.me.copy
  }

  /** Nothing but eligibility stands between it and a candidacy. */
  get fit(): boolean {
    return !this.stale && !this.me.dir.needsInitialSync
  }

  /** How late it is, by the clock of whoever wrote last. */
  lagUs(): Us {
    const { copy, me } = this
    if (copy === undefined) return 0
    const root = copy.root()
    return root === copy || copy.lsn('apply') >= root.lsn('receive') ? 0 : Math.max(0, me.world.sim.now - writtenAtUs(me.world, copy))
  }

  /** When it last fetched something: a batch tells of the primary as a heartbeat does (rule MG-ELECT-2). Looks back a minute. */
  get fetchedUs(): Us {
    const { copy, source } = this
    const { now } = this.me.world.sim
    if (copy === undefined || source === undefined) return this.fetched
    const fromUs = Math.max(copy.curves.receive.start[0] as number, now - LOOK_BACK_US)
    // An instant is a whole number of microseconds.
    const us = Math.floor(copy.curves.receive.reaches(copy.lsn('receive'), fromUs))
    return us <= fromUs || us > now ? this.fetched : us
  }

  /** Whether this member's history is part of that one's. */
  shares(other: Mongod): boolean {
    const { copy } = this
    return copy !== undefined && other.copy !== undefined && contains(other.copy.position('flush'), copy.position('receive'))
  }

  stop(): void {
    this.cancel()
    this.watch?.cancel()
    this.task?.kill()
    this.source = undefined
  }

  /** Something changed: keeps, drops or looks for a source. */
  reconsider(): void {
    const { me, copy } = this
    const { world } = me
    if (copy === undefined || !me.alive || this.busy) return
    const { source } = this
    if (source !== undefined && (!source.alive || !world.talks(me, source) || source.copy === undefined || world.defects.parts(source, me))) this.drop()
    if (!me.listening || me.paused) return
    if (me.state === 'STARTUP2' && me.dir.needsInitialSync) return this.beginInitialSync()
    if (me.state !== 'SECONDARY' && me.state !== 'RECOVERING') return this.cancel()
    const wanted = this.choose()
    if (wanted === undefined && copy.upstream === undefined && this.retries < MOST_RETRIES) this.retryLater()
    if (wanted === undefined || (wanted === this.source && copy.upstream === wanted.copy)) return this.cancel()
    if (this.pendingFor === wanted) return
    this.cancel()
    this.pendingFor = wanted
    this.pending = world.sim.after(world.timeUs('fetchMs', me.name), () => {
      this.pending = undefined
      this.pendingFor = undefined
      if (!me.alive) return
      // Meanwhile another may be the furthest, one that took from this one, say: then it is that one's turn.
      if (this.choose() === wanted) this.connect(wanted)
      else this.reconsider()
    })
  }

  /** Without a source it looks again each second; after a while only when something has changed. */
  private retryLater(): void {
    if (this.retry !== undefined) return
    this.retries += 1
    this.retry = this.me.world.sim.after(SECOND, () => {
      this.retry = undefined
      if (this.me.alive) this.reconsider()
    })
  }

  /** The primary if it can be reached; else, where chaining is allowed, a secondary that is ahead (rule MG-SYNC-2). */
  private choose(): Mongod | undefined {
    const { me, copy } = this
    const { world } = me
    if (copy === undefined) return undefined
    const primary = me.primary === undefined ? undefined : world.mongodOf(me.primary.name)
    if (primary !== undefined && primary.isPrimary && world.talks(me, primary)) return primary.writable && primary.copy?.leading && !world.defects.parts(primary, me) ? primary : undefined
    if (this.source !== undefined && this.source.alive && this.source.copy !== undefined && this.source.copy.upstream === undefined && !this.source.copy.leading && primary === undefined && comparePositions(this.source.copy.position('receive'), copy.position('receive')) > 0) return this.source
    if (me.config?.settings.chainingAllowed === false) return undefined
    // A primary that is merely not writable yet, or was cut off a moment ago, is waited for.
    if (primary !== undefined && world.talks(me, primary)) return undefined
    let best: Mongod | undefined
    for (const other of world.mongods) {
      if (other === me || other.copy === undefined || other.state !== 'SECONDARY' || !world.talks(me, other) || world.defects.parts(other, me) || other.copy.root() === copy) continue
      if (comparePositions(other.copy.position('receive'), copy.position('receive')) <= 0 || !this.shares(other)) continue
      if (best?.copy === undefined || comparePositions(other.copy.position('receive'), best.copy.position('receive')) > 0) best = other
    }
    return best
  }

  private connect(to: Mongod): void {
    const { me, copy } = this
    const { world } = me
    if (copy === undefined || to.copy === undefined || copy.leading) return
    const mine = copy.position('receive')
    const theirs = to.copy.position('flush')
    if (!contains(theirs, mine)) {
      if (contains(mine, theirs)) return this.waitFor(to, mine.lsn)
      return this.rollback(to)
    }
    if (mine.lsn < oplogStart(world, to.copy)) return this.tooStale(to)
    this.follow(to)
    if (me.state === 'RECOVERING') this.whenLevel(() => me.become('SECONDARY'))
  }

  /** For a new primary's catch-up: fetches from there at once. */
  followFor(to: Mongod): void {
    if (this.source === to && this.copy?.upstream === to.copy) return
    if (to.copy !== undefined && this.copy !== undefined && to.copy.root() !== this.copy && this.shares(to)) this.follow(to)
  }

  private follow(to: Mongod): void {
    const { me, copy } = this
    const { world } = me
    if (copy === undefined || to.copy === undefined) return
    this.watch?.cancel()
    copy.follow(to.copy, this.link(to))
    copy.setApplyRate(world.bytesPerSecond('applyMBps', me.name) / (me.host.machineSlowdown() * me.host.diskSlowdown() * world.defects.slowness(me.host.version)))
    this.stale = false
    this.source = to
    world.sim.note(SYNC_SOURCE, me.name, 1, `${me.name} fetches from ${to.name}`)
    world.topologyChanged()
  }

  /** The connection as the network, the disk and faults make it. */
  private link(to: Mongod) {
    const { me } = this
    const { world } = me
    // A delayed member applies what it fetches later; an initial sync does not wait (rule MG-SYNC-6).
    const lateUs = (world.lateUs.get(me.name) ?? 0) + (me.dir.needsInitialSync ? 0 : (me.me?.secondaryDelaySecs ?? 0) * SECOND)
    return {
      delayUs: world.network.delayUs(to.place, me.place) + Math.round((me.visibilityUs ??= world.timeUs('visibilityMs', me.name)) * to.host.machineSlowdown()) + lateUs,
      ackDelayUs: world.network.delayUs(me.place, to.place),
      flushDelayUs: Math.round((me.journalUs ??= world.timeUs('journalMs', me.name)) * me.host.diskSlowdown() * me.host.machineSlowdown()),
      bytesPerSecond: Math.min(world.bytesPerSecond('replicationMBps', me.name), world.network.bytesPerSecond(to.place, me.place)),
    }
  }

  /** Delay or pace changed. */
  relink(): void {
    const { me, copy, source } = this
    if (copy === undefined || source === undefined || copy.upstream !== source.copy) return
    copy.setLink(this.link(source))
    copy.setApplyRate(me.world.bytesPerSecond('applyMBps', me.name) / (me.host.machineSlowdown() * me.host.diskSlowdown() * me.world.defects.slowness(me.host.version)))
  }

  /** Its delay is another: what was held back is fetched anew, and goes by the new one. */
  refetch(): void {
    const { copy, source } = this
    if (copy === undefined || source?.copy === undefined || copy.upstream !== source.copy) return
    copy.unfollow()
    this.follow(source)
  }

  private drop(): void {
    const { me } = this
    this.fetched = this.fetchedUs
    this.copy?.unfollow()
    me.world.sim.note(SYNC_SOURCE, me.name, 0, `${me.name} lost its sync source ${this.source?.name ?? ''}`)
    this.source = undefined
    this.retries = 0
    this.watch?.cancel()
  }

  private cancel(): void {
    if (this.pending !== undefined) this.me.world.sim.cancel(this.pending)
    this.pending = undefined
    this.pendingFor = undefined
  }

  private waitFor(to: Mongod, lsn: number): void {
    this.watch?.cancel()
    this.watch = to.copy?.whenReaches('flush', lsn, () => this.reconsider())
  }

  /** Calls `then` once it has applied what its source has now. */
  private whenLevel(then: () => void): void {
    const { copy, source, me } = this
    if (copy === undefined || source?.copy === undefined) return
    this.watch?.cancel()
    this.watch = copy.whenReaches('apply', source.copy.lsn('flush'), () => {
      this.watch = undefined
      if (me.alive) then()
    })
  }

  /** Rule MG-OPLOG-2. */
  private tooStale(to: Mongod): void {
    const { me } = this
    if (!this.stale) me.world.sim.note(STALE, me.name, 0, `${me.name} is too stale to catch up: the oplog of ${to.name} no longer reaches back to it`)
    this.stale = true
    me.log(`We are too stale to use ${to.name} as a sync source`)
    me.become('RECOVERING')
  }

  /** What the source does not have is taken out of the history and kept in files (rules MG-ROLLBACK-1…3). */
  private rollback(to: Mongod): void {
    const { me, copy } = this
    const { world } = me
    if (copy === undefined || to.copy === undefined) return
    const mine = copy.position('receive')
    const fork = forkPoint(to.copy.position('flush'), mine)
    if (fork.lsn < 0 || fork.lsn < oplogStart(world, to.copy)) {
      me.log('UnrecoverableRollbackError: need to rollback, but unable to determine common point')
      return me.crash('UnrecoverableRollbackError: no common point with its sync source', 14)
    }
    this.busy = true
    copy.unfollow()
    this.source = undefined
    me.become('ROLLBACK')
    const bytes = mine.lsn - fork.lsn
    world.sim.note(ROLLBACK, me.name, bytes, `${me.name} rolls back ${bytes} bytes of oplog that ${to.name} does not have`)
    me.after(world.timeUs('rollbackMs', me.name) + Math.round((bytes * SECOND) / ROLLBACK_BYTES_PER_SECOND), () => {
      me.dir.rollbackFiles.push({ position: mine, fromLsn: fork.lsn })
      copy.adopt(fork)
      this.busy = false
      me.become('RECOVERING')
      this.reconsider()
    })
  }

  /** Copies all data, then what was written meanwhile (rules MG-SYNC-3, MG-SYNC-4). */
  private beginInitialSync(): void {
    const { me } = this
    if (this.task?.state === 'running') return
    this.task = me.spawn(this.initialSync())
  }

  /** Begins anew: another feature compatibility version was set meanwhile (rule MG-SYNC-4). */
  restartInitialSync(): void {
    if (this.task?.state !== 'running') return
    this.task.kill()
    this.beginInitialSync()
  }

  private *initialSync(): Process {
    const { me } = this
    const { world } = me
    const copy = this.copy as Copy
    for (;;) {
      yield SECOND
      let source = [...world.mongods].filter(o => o !== me && this.mayCopyFrom(o)).sort((a, b) => Number(b.isPrimary) - Number(a.isPrimary))[0]
      if (source?.copy === undefined) continue
      this.attempts += 1
      const begin = source.copy.position('apply')
      world.sim.note(INITIAL_SYNC, me.name, this.attempts, `${me.name} begins its initial sync from ${source.name}`)
      // Its oplog is fetched meanwhile, and kept aside.
      let fetchedLsn = begin.lsn
      // In pieces, so that a source that goes away is noticed.
      let left = (world.options.databaseMB * 1_000_000 * SECOND) / world.bytesPerSecond('initialSyncMBps', me.name)
      while (left > 0 && source?.copy !== undefined) {
        const piece = Math.min(left, 10 * SECOND)
        yield piece * me.host.diskSlowdown() * me.host.machineSlowdown()
        if (source.alive && world.talks(me, source)) left -= piece
        source = yield* this.again(source, begin, fetchedLsn)
        fetchedLsn = source?.copy?.lsn('flush') ?? fetchedLsn
      }
      if (source?.copy === undefined) continue
      copy.adopt(begin)
      world.oplogOf(copy).begunAnew()
      this.follow(source)
      const goal = source.copy.lsn('flush')
      while (source !== undefined && copy.lsn('apply') < goal) {
        if (copy.upstream !== undefined) yield SECOND
        else if ((source = yield* this.again(source, copy.position('receive'), Math.max(fetchedLsn, copy.lsn('receive')))) !== undefined) this.follow(source)
      }
      if (copy.lsn('apply') < goal) continue
      me.dir.needsInitialSync = false
      world.sim.note(INITIAL_SYNC, me.name, 0, `${me.name} has completed its initial sync`)
      me.become('SECONDARY')
      this.relink()
      return
    }
  }

  private mayCopyFrom(other: Mongod): boolean {
    return other.copy !== undefined && (other.isPrimary || other.state === 'SECONDARY') && !other.dir.needsInitialSync && this.me.world.talks(this.me, other)
  }

  /**
   * The source of an initial sync, waited for while it is away. From 4.4 on what was copied stays good for a day; undefined = to begin anew, because that is
   * over, its oplog goes on from later than what was fetched, it was synced anew itself, or its history is another one (rule MG-SYNC-4).
   */
  private *again(source: Mongod, since: Position, fetchedLsn: number): Process<Mongod | undefined> {
    const { me } = this
    const { world } = me
    const resumes = (version: string): boolean => releaseIndex(version) >= releaseIndex('4.4')
    const untilUs = world.sim.now + RESUMABLE_US
    let found: Mongod | undefined = source
    while (found === undefined || !found.alive || !this.mayCopyFrom(found)) {
      if (!resumes(me.host.version) || !resumes(source.host.version) || world.sim.now >= untilUs) return undefined
      yield within(world.changed, Math.min(60 * SECOND, untilUs - world.sim.now))
      found = world.mongodOf(source.name)
    }
    const theirs = found.copy as Copy
    return found.dir === source.dir && contains(theirs.position('flush'), since) && fetchedLsn >= oplogStart(world, theirs) ? found : undefined
  }
}
