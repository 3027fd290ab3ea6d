import type { Bytes } from '../../src/cluster/log/index.ts'
import type { TimerId, Us } from '../../src/kernel/index.ts'
import { LogBook } from '../kubernetes/container.ts'
import { flushingUs, paced, redoUs } from './checkpoints.ts'
import { readConfiguration } from './configuration.ts'
import { type DataDirectory, formatLsn, RECORD_BYTES } from './datadir.ts'
import { CRASHED, PROMOTE_ASKED, READ_ONLY, READ_WRITE, RELOADED, SHARED, SHUTDOWN, START_FAILED, STARTED, STOPPED } from './events.ts'
import { type Backend, type Host, rank, type ShutdownMode } from './host.ts'
import { type ServerEvent, type ServerState, serverTable } from './lifecycle.ts'
import { replayedXactUs } from './replayed.ts'
import { finishPromotion } from './promotion.ts'
import { awaitWalsenders, refuseSubscriber } from './departures.ts'
import { Receiver, type Walsender } from './replication.ts'
import { watchRoom } from './room.ts'
import { ServerLocks } from './schema/server-locks.ts'
import { sessionState } from './sessions.ts'
import { refusePromotion, watchSizes } from './shortage.ts'
import { parseTimeUs, type SyncNames } from './settings.ts'
import { type Refusal, refusalOf } from './starting.ts'
import { applySynchronousStandbys } from './syncrep.ts'
import { loseUnwritten } from './unwritten.ts'
import type { World } from './world.ts'

/** One incarnation of a PostgreSQL server process on a data directory. */
export class Server {
  state: ServerState = 'starting'
  readonly walsenders: Walsender[] = []
  readonly backends = new Set<Backend>()
  receiver: Receiver | undefined
  settings: Record<string, string> = {}
  readonly pendingRestart = new Set<string>()
  /** What VACUUM and ANALYZE have done here, by deed and table: the statistics of this incarnation. */
  readonly maintained = new Map<string, { readonly atUs: Us; readonly times: number }>()
  syncNames: SyncNames | undefined
  /** When it was promoted in this incarnation, and the last commit it had replayed then: pg_last_xact_replay_timestamp() stands still instead of being NULL (rule PG-LAG-2). */
  promotedAtUs: Us | undefined
  lastReplayedUs: Us | undefined
  /** Commits made up to then were replayed before this incarnation started. */
  replaysFromUs: Us = 0
  startedAtUs: Us
  /** SIGSTOPped by a fault: holds its sessions and locks, answers nothing. */
  paused = false
  replayPaused = false
  /** Why replay is held for good: its primary has larger sizes (rule PG-SIZE-2). */
  shortage: string | undefined
  /** WAL was streamed in this incarnation; before that pg_last_wal_receive_lsn() is NULL (rule PG-LAG-6). */
  streamed = false
  receivedAtPromotion: Bytes | undefined
  replayedAtPromotion: Bytes | undefined
  private readonly whenContinued: (() => void)[] = []
  readonly logBook = new LogBook(() => this.world.sim.now)
  private nextPid: number
  private readonly timers = new Set<TimerId>()
  shutdownMode: ShutdownMode | undefined
  private finishing = false
  /** The log copy it writes: the directory's, or one of its own when the directory is shared against all rules. */
  readonly copy: DataDirectory['copy']
  /** Its pod's name. */
  readonly name: string
  private readonly shares: boolean

  constructor(
    readonly world: World,
    readonly dir: DataDirectory,
    readonly host: Host,
    readonly incarnation: number,
  ) {
    this.name = host.pod
    this.startedAtUs = world.sim.now
    this.nextPid = 30 + incarnation * 1000
    this.shares = dir.open > 0
    this.copy = this.shares ? world.log.copy(`${dir.name} (second postmaster)`, dir.position) : dir.copy
    if (this.shares) {
      dir.corrupted = true
      world.sim.note(SHARED, this.name, dir.open + 1, `${this.name}: a second postmaster opened the same data directory; nothing stops it across containers`)
    }
    dir.open += 1
    world.servers.add(this)
  }

  get place(): string {
    return this.host.place
  }

  get alive(): boolean {
    return this.state !== 'down'
  }

  /** Accepts sessions: what pg_isready calls "accepting connections". A paused process answers nothing. */
  get accepting(): boolean {
    return !this.paused && (this.state === 'primary' || this.state === 'standby' || this.state === 'promoting')
  }

  get inRecovery(): boolean {
    return this.state !== 'primary' && !(this.state === 'stopping' && this.copy.leading)
  }

  /** Starts: instantly when the story begins with it running, otherwise in its own time (rules PG-START-1…5). */
  start(atBoot: boolean): void {
    const { sim } = this.world
    sim.note(STARTED, this.name, this.incarnation)
    const refusal = this.readSettings(true)
    const cannot = refusal !== undefined ? { why: refusal, code: 1 } : refusalOf(this)
    if (cannot !== undefined) return this.refuse(cannot)
    this.dir.logHints = /^(?:on|true|yes|1)$/i.test(this.settings.wal_log_hints ?? '')
    const clean = this.dir.control === 'shut down' || this.dir.control === 'shut down in recovery'
    if (!clean) this.dir.control = 'in crash recovery'
    const open = () => {
      if (this.state !== 'starting') return
      if (this.dir.isStandby) this.openReadOnly()
      else this.openReadWrite(undefined)
    }
    if (atBoot) return open()
    const heldUs = Math.max(0, (this.world.heldUntilUs.get(this.name) ?? 0) - sim.now, this.dir.orphansUntilUs - sim.now)
    this.later(heldUs + Math.round(this.slowness * (clean ? this.world.timeUs('startMs', this.name) : this.world.timeUs('crashStartMs', this.name) + redoUs(this))), open)
    this.host.readinessChanged()
  }

  /** Reads the configuration. Returns why the server refuses to start, if so. */
  private readSettings(starting: boolean): string | undefined {
    const { options, patroni } = this.world
    const read = readConfiguration(this.host.baseConf(), this.dir.files, this.settings, starting, this.pendingRestart, options.dataDirectory, patroni !== undefined)
    if ('refusal' in read) return read.refusal
    this.syncNames = read.syncNames
    this.settings = paced(this, read.settings)
    for (const complaint of read.complaints) this.logBook.add(complaint)
    return undefined
  }

  /** SIGHUP: re-reads the configuration. Stops no writes; an invalid value leaves the old one (rule PG-CONF-1). */
  reload(): void {
    const { primary_conninfo: before, primary_slot_name: slotBefore, synchronous_commit: commitBefore } = this.settings
    const problem = this.readSettings(false)
    if (problem !== undefined) {
      this.logBook.add(problem)
      return
    }
    this.world.sim.note(RELOADED, this.name)
    applySynchronousStandbys(this)
    if (commitBefore !== this.settings.synchronous_commit) for (const sender of this.walsenders) sender.relink()
    // default_transaction_read_only holds from the next transaction of every session on (rule PG-CONF-3).
    this.tellBackends()
    if (this.receiver !== undefined && (before !== this.settings.primary_conninfo || slotBefore !== this.settings.primary_slot_name)) this.receiver.repoint()
    this.world.topologyChanged()
  }

  private refuse({ why, code }: Refusal): void {
    this.logBook.add(why)
    this.later(60_000, () => {
      this.world.sim.note(START_FAILED, this.name, 0, `${this.name} does not start: ${why}`)
      this.gone(code)
    })
  }

  private openReadOnly(): void {
    this.transit('OPEN_READ_ONLY')
    this.dir.control = 'in archive recovery'
    this.dir.image = this.host.version
    this.replaysFromUs = this.dir.checkpointAtUs
    this.applyBytesPerSecond = this.world.bytesPerSecond('replayMBps', this.name)
    this.paceChanged()
    if (this.replayPaused) this.copy.freeze('apply')
    else if (this.copy.frozenApply) this.copy.thaw('apply') // A pause is the process's, not the directory's.
    this.receiver = new Receiver(this)
    this.world.sim.note(READ_ONLY, this.name, this.dir.timeline, `${this.name} is open read-only on timeline ${this.dir.timeline}`)
    this.opened()
    this.receiver.start()
  }

  /** Leads from now on: on its own timeline, or on a new one. */
  openReadWrite(timeline: number | undefined): void {
    const { world } = this
    this.transit('OPEN_READ_WRITE')
    this.commitUs = world.timeUs('commitMs', this.name)
    const commitLatencyUs = Math.round(this.commitUs * this.slowness)
    if (timeline === undefined) this.copy.lead({ commitLatencyUs })
    else {
      this.copy.lead({ timeline, commitLatencyUs })
      this.dir.timeline = timeline
      this.copy.append(RECORD_BYTES)
    }
    this.dir.leads(this.host.version)
    world.reignBegins(this)
    applySynchronousStandbys(this)
    world.sim.note(READ_WRITE, this.name, this.dir.timeline, `${this.name} accepts writes on timeline ${this.dir.timeline} from ${formatLsn(this.copy.lsn('flush'))}`)
    this.opened()
  }

  private opened(): void {
    this.dir.resumed(this.world.sim.now)
    watchRoom(this)
    watchSizes(this)
    this.host.readinessChanged()
    this.tellBackends()
    this.world.topologyChanged()
  }

  /**
   * pg_promote / pg_ctl promote: replays all it has received, then switches to a new timeline. Nobody asks whether the old primary is dead,
   * and no attempt is made to fetch more (rules PG-PROMOTE-1…4). Asked again meanwhile, the one under way answers both (PG-PROMOTE-5). False: no standby.
   */
  promote(by: 'operator' | 'engine' = 'operator'): boolean {
    if (this.state === 'promoting') return true
    if (this.state !== 'standby') return false
    if (this.paused) {
      this.whenContinued.push(() => this.promote(by))
      return true
    }
    if (this.shortage !== undefined) return refusePromotion(this)
    refuseSubscriber(this.dir)
    const { sim } = this.world
    this.transit('PROMOTE')
    sim.note(PROMOTE_ASKED, this.name, 0, `${this.name} was told to promote`)
    this.receiver?.stop()
    this.receiver = undefined
    this.replayPaused = false
    this.copy.thaw('apply')
    const received = this.copy.lsn('receive')
    const finish = (): void => finishPromotion(this, by)
    if (this.copy.lsn('apply') >= received) finish()
    else this.copy.whenReaches('apply', received, () => this.alive && this.state === 'promoting' && finish())
    return true
  }

  /** SIGTERM (smart), SIGINT (fast), SIGQUIT (immediate): rules PG-STOP-1…4. */
  shutdown(mode: ShutdownMode): void {
    if (!this.alive) return
    if (this.paused) {
      this.whenContinued.push(() => this.shutdown(mode))
      return
    }
    const { sim } = this.world
    if (this.shutdownMode !== undefined && rank(mode) <= rank(this.shutdownMode)) return
    this.shutdownMode = mode
    sim.note(SHUTDOWN, this.name, rank(mode), `${this.name} was told to shut down (${mode})`)
    if (mode === 'immediate') return this.crash('immediate shutdown', 2)
    const wasOpen = this.state === 'primary' || this.state === 'standby' || this.state === 'promoting'
    if (this.state !== 'stopping') this.transit('SHUTDOWN')
    this.host.readinessChanged()
    this.world.topologyChanged()
    // Interrupted before it was open: the control file stays as it was, and recovery begins anew next time.
    if (!wasOpen) return void this.later(50_000, () => this.gone(0))
    if (mode === 'smart' && this.backends.size > 0) return
    this.closeBackends('57P01 terminating connection due to administrator command')
    this.finishShutdown()
  }

  /** A backend left: a smart shutdown waits for the last. */
  backendLeft(backend: Backend): void {
    this.backends.delete(backend)
    if (this.shutdownMode === 'smart' && this.backends.size === 0 && this.alive) this.finishShutdown()
  }

  private finishShutdown(): void {
    if (this.finishing) return
    this.finishing = true
    this.receiver?.stop()
    this.receiver = undefined
    const flushUs = flushingUs(this)
    this.later(Math.round(this.world.timeUs('fastStopMs', this.name) * this.slowness) + flushUs, () => {
      if (!this.copy.leading) {
        this.dir.control = 'shut down in recovery'
        // The restartpoint of a clean stop: what was replayed by now is not replayed again.
        this.dir.checkpoint(this.copy.lsn('apply'), replayedXactUs(this) ?? this.dir.checkpointAtUs)
        return this.stopped()
      }
      this.copy.setBackground(0)
      // The control file names where the checkpoint record begins; its end is what a standby must have (rule PG-STOP-6).
      const end = this.copy.append(RECORD_BYTES)
      this.dir.checkpoint(end - RECORD_BYTES, this.world.sim.now)
      awaitWalsenders(this, end, () => {
        this.dir.control = 'shut down'
        this.stopped()
      })
    })
  }

  /** How many times slower than healthy its volume is; set by the container when a fault slows it. */
  diskSlowdown = 1

  /** The volume got slower or recovered: replay and the incoming link follow. */
  diskChanged(slowdown: number): void {
    this.diskSlowdown = slowdown
    this.paceChanged()
  }

  private applyBytesPerSecond = 0
  private commitUs: Us = 0

  /** How many times slower than healthy its version and its machine make it (rule PG-PACE-1). */
  get slowness(): number {
    return this.world.defects.slowness(this.host) * this.host.machineSlowdown()
  }

  /** Ready, and every login fails: a defect of its version (rule PG-READY-3). */
  get broken(): boolean {
    return this.world.defects.of(this.host, 'false-ready')
  }

  /** Disk, machine or version got slower or recovered. */
  paceChanged(): void {
    if (this.state === 'standby' || this.state === 'promoting') this.copy.setApplyRate(this.applyBytesPerSecond / Math.max(1, this.diskSlowdown) / this.slowness)
    if (this.copy.leading) this.copy.setCommitLatency(Math.round(this.commitUs * this.slowness))
    this.receiver?.sender?.relink()
  }

  /** Reachability or delays changed somewhere: look at every connection of this server. */
  networkChanged(): void {
    for (const sender of this.walsenders.slice()) {
      sender.reachChanged()
      sender.relink()
    }
    this.tellBackends()
  }

  private stopped(): void {
    const position = this.copy.position('flush')
    if (this.copy.leading) {
      this.copy.stopLeading('clean')
      this.world.departures.push({ atUs: this.world.sim.now, member: this.name, position, cause: this.world.faultStriking ? 'fault' : 'runbook' })
    }
    this.world.sim.note(STOPPED, this.name, this.dir.timeline, `${this.name} shut down cleanly at ${formatLsn(position.lsn)}`)
    this.gone(0)
  }

  /** The process dies without a word: kill -9, immediate shutdown, power loss, PANIC. `code` is what its parent sees. */
  crash(why: string, code = 137): void {
    if (!this.alive) return
    const wasLeading = this.copy.leading
    this.copy.crash(why !== 'power loss')
    if (wasLeading && this.settings.synchronous_commit === 'off') loseUnwritten(this)
    const position = this.copy.position('flush')
    // Its children notice only after a while that they are orphans. As a container's first process it takes them all with it (rule PG-START-4).
    if (why === 'SIGKILL' && this.world.options.supervised) this.dir.orphansUntilUs = this.world.sim.now + this.world.timeUs('orphanMs', this.name)
    if (this.dir.control === 'in production' || wasLeading) this.dir.control = 'in production'
    else if (this.dir.control !== 'shut down') this.dir.control = 'in archive recovery'
    if (wasLeading) this.world.departures.push({ atUs: this.world.sim.now, member: this.name, position, cause: this.world.faultStriking ? 'fault' : 'runbook' })
    this.world.sim.note(CRASHED, this.name, wasLeading ? 1 : 0, `${this.name} died (${why})${wasLeading ? ' while it was primary' : ''}`)
    this.gone(code)
  }

  private gone(code: number): void {
    if (this.state === 'down') return
    this.transit('EXIT')
    for (const timer of this.timers) this.world.sim.cancel(timer)
    this.timers.clear()
    this.receiver?.stop()
    this.receiver = undefined
    this.closeBackends('server closed the connection unexpectedly')
    for (const sender of this.walsenders.slice()) sender.upstreamGone()
    if (this.copy.leading) this.copy.stopLeading('killed')
    if (--this.dir.open === 0) this.dir.ended(this.world.sim.now)
    this.world.servers.delete(this)
    this.host.exited(code)
    this.world.topologyChanged()
  }

  private transit(event: ServerEvent): void {
    const next = serverTable.step(this.state, event)
    if (next === undefined) throw new Error(`postgres: ${this.name} cannot ${event} while ${this.state}`)
    this.state = next
  }

  /** Runs `action` after `us` unless the process is gone by then. */
  later(us: Us, action: () => void): void {
    const timer = this.world.sim.after(us, () => {
      this.timers.delete(timer)
      if (this.alive) action()
    })
    this.timers.add(timer)
  }

  // ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The number the next session would get. */
  get nextPidIs(): number {
    return this.nextPid + 1
  }

  newPid(): number {
    return (this.nextPid += 1)
  }

  /** Its lock table, if anybody has asked for a lock yet; {@link locks} makes one. */
  locksIfAny: ServerLocks | undefined
  get locks(): ServerLocks {
    return (this.locksIfAny ??= new ServerLocks(this))
  }

  /** What statements of the client programs cannot do now for a table lock (rule PG-LOCK-2). */
  get clientsBlocked(): 'writes' | 'all' | undefined {
    return this.locksIfAny?.clientsBlocked
  }

  /** default_transaction_read_only: new transactions of ordinary clients refuse to write. */
  get readOnlyDefault(): boolean {
    return this.settings.default_transaction_read_only === 'on'
  }

  /** Tells every session its state anew. */
  tellBackends(): void {
    for (const backend of [...this.backends]) backend.stateChanged(sessionState(this, backend.place))
  }

  closeBackends(error: string): void {
    for (const backend of [...this.backends]) {
      this.backends.delete(backend)
      backend.stateChanged({ is: 'closed', error })
    }
  }

  /** SIGSTOP and SIGCONT: sessions stay and are silent; replication stalls in both directions. */
  pause(paused: boolean): void {
    if (this.paused === paused) return
    this.paused = paused
    // Signals sent to a stopped process wait for it.
    if (!paused) for (const signal of this.whenContinued.splice(0)) this.later(0, signal)
    if (paused) this.copy.freeze('apply')
    else if (!this.replayPaused) this.copy.thaw('apply')
    this.tellBackends()
    for (const sender of this.walsenders.slice()) sender.reachChanged()
    this.receiver?.reachChanged()
    this.host.readinessChanged()
    this.world.topologyChanged()
  }

  /** pg_wal_replay_pause() and a conflicting query alike. */
  pauseReplay(paused: boolean): void {
    if (!paused && this.shortage !== undefined && this.state === 'standby') return this.later(50_000, () => this.crash('recovery aborted because of insufficient parameter settings', 1))
    this.replayPaused = paused
    if (this.state !== 'standby') return
    if (paused) this.copy.freeze('apply')
    else if (!this.paused) this.copy.thaw('apply')
    watchRoom(this)
    this.world.topologyChanged()
  }

  checkpointDone(): void {
    this.dir.checkpoint(this.copy.lsn('flush'), this.world.sim.now)
  }

  settingUs(name: string, fallbackUs: Us): Us {
    return parseTimeUs(this.settings[name] ?? '') ?? fallbackUs
  }
}
