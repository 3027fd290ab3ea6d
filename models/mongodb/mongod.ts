/** One mongod process: its member state, term, whom it believes primary, and what it does when it learns something. Rules: README. */
import type { Copy, Position } from '../../src/cluster/log/index.ts'
import { MILLISECOND, type Process, type Task, type TimerId, type Us } from '../../src/kernel/index.ts'
import { LogBook } from '../kubernetes/container.ts'
import { commitPace, setAcknowledgement } from './acknowledge.ts'
import { Config, type MemberConfig } from './config.ts'
import type { DbPath } from './dbpath.ts'
import { campaign, type CampaignReason, electionOffset } from './election.ts'
import { CONFIG, CRASHED, STARTED, START_FAILED, STATE, STEPPED_DOWN, STOPPED, TERM } from './events.ts'
import { FsyncLock } from './fsync-lock.ts'
import { Heartbeats } from './heartbeats.ts'
import type { Backend, Host } from './host.ts'
import { acceptsFcv } from './names.ts'
import { ServerParameters } from './server-parameters.ts'
import { sessionState } from './sessions.ts'
import { Syncing } from './syncing.ts'
import { loseUnjournaled } from './unsynced.ts'
import { Vigil } from './vigil.ts'
import type { World } from './world.ts'

export type MemberState = 'STARTUP' | 'STARTUP2' | 'RECOVERING' | 'SECONDARY' | 'PRIMARY' | 'ROLLBACK' | 'ARBITER' | 'REMOVED'

/** myState of rs.status(). */
export const STATE_NUMBER: Readonly<Record<MemberState, number>> = { STARTUP: 0, PRIMARY: 1, SECONDARY: 2, RECOVERING: 3, STARTUP2: 5, ARBITER: 7, ROLLBACK: 9, REMOVED: 10 }

export interface Believed {
  readonly name: string
  readonly term: number
}

export class Mongod {
  state: MemberState = 'STARTUP'
  alive = true
  /** Its port is open. */
  listening = false
  paused = false
  term = 0
  /** A primary past catch-up and drain: hello says isWritablePrimary. */
  writable = false
  /** A step-down is under way: writes are refused though it is still primary (rule MG-STEPDOWN-2). */
  steppingDown = false
  /** It has been told to stop. */
  stopping = false
  /** hello is answered with ShutdownInProgress: drivers go elsewhere (rule MG-SHUTDOWN-2). */
  quiescing = false
  /** Not a candidate before this instant: stepDownSecs, rs.freeze(). */
  ineligibleUntilUs: Us = 0
  primary: Believed | undefined
  /** When the present primary made itself known. */
  private primarySinceUs = Number.NEGATIVE_INFINITY
  /** When it last heard from a primary, as long as it knows none. */
  lastContactUs: Us
  readonly startedAtUs: Us
  electionUs: Us | undefined
  readonly heartbeats: Heartbeats
  readonly syncing: Syncing
  readonly lock = new FsyncLock(this)
  readonly parameters: ServerParameters
  readonly backends = new Set<Backend>()
  readonly logBook = new LogBook(() => this.world.sim.now)
  campaigning = false
  /** What a commit takes here when all is well; drawn for each reign. */
  commitUs: Us | undefined
  /** What flushing its journal takes this process when all is well. */
  journalUs: Us | undefined
  /** How long an entry of its sync source takes until it is sent. */
  visibilityUs: Us | undefined
  /** What flow control makes each write wait on top. */
  throttleUs: Us = 0
  private electionTimer: TimerId | undefined
  private readonly vigil: Vigil
  private readonly tasks = new Set<Task<unknown>>()

  constructor(
    readonly world: World,
    readonly dir: DbPath,
    readonly host: Host,
    readonly incarnation: number,
  ) {
    this.startedAtUs = world.sim.now
    this.lastContactUs = world.sim.now
    this.parameters = new ServerParameters(world.options)
    this.heartbeats = new Heartbeats(this)
    this.syncing = new Syncing(this)
    this.vigil = new Vigil(this)
    world.mongods.add(this)
  }

  get name(): string {
    return this.host.pod
  }

  get place(): string {
    return this.host.place
  }

  get copy(): Copy | undefined {
    return this.dir.copy
  }

  get config(): Config | undefined {
    return this.dir.config
  }

  get me(): MemberConfig | undefined {
    return this.dir.config?.member(this.name)
  }

  get isPrimary(): boolean {
    return this.state === 'PRIMARY'
  }

  get fcv(): string {
    return this.copy === undefined ? '' : this.world.fcvAt(this.copy.position('apply'))
  }

  log(line: string): void {
    this.logBook.add(line)
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts the process. `boot`: it is up and in its steady state before the story begins. */
  start(boot: boolean): void {
    const { world, dir } = this
    if (boot) return this.opened()
    if (dir.locked) return this.failStart(100, 'DBPathInUse: Unable to lock the lock file: /data/db/mongod.lock (Resource temporarily unavailable). Another mongod instance is already running on the /data/db directory')
    dir.locked = true
    const held = Math.max(0, (world.heldUntilUs.get(this.name) ?? 0) - world.sim.now)
    const base = world.timeUs(dir.clean ? 'startMs' : 'crashStartMs', this.name)
    this.after(held + base * this.host.machineSlowdown() * this.host.diskSlowdown(), () => {
      if (world.defects.of(this.host.version, 'crashes')) return this.failStart(14, 'Fatal assertion 51014')
      if (world.defects.of(this.host.version, 'cannot-read') && dir.binary !== '' && dir.binary !== this.host.version) return this.failStart(14, 'WiredTiger error: unsupported WiredTiger file version')
      if (this.copy !== undefined && !dir.needsInitialSync && !acceptsFcv(this.host.version, this.fcv)) {
        return this.failStart(62, `Wrong mongod version … UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document (ERROR: Invalid feature compatibility version value '${this.fcv}')`)
      }
      this.opened()
    })
  }

  private failStart(code: number, why: string): void {
    const { world } = this
    this.log(why)
    world.sim.note(START_FAILED, this.name, code, `${this.name} does not start: ${why}`)
    this.after(200 * MILLISECOND, () => {
      if (code !== 100) this.dir.locked = false
      this.end(code)
    })
  }

  private opened(): void {
    const { world, dir } = this
    dir.locked = true
    dir.clean = false
    dir.binary = this.host.version
    this.listening = true
    this.term = Math.max(dir.lastVote.term, this.copy?.position('receive').branch.timeline ?? 0)
    this.lastContactUs = world.sim.now
    world.sim.note(STARTED, this.name, 0, `${this.name} runs mongod ${this.host.version}`)
    if (dir.config !== undefined) this.joined()
    else world.topologyChanged()
  }

  /** It has a configuration: takes its place in the set. */
  private joined(): void {
    this.heartbeats.configure()
    if (this.me === undefined) return this.become('REMOVED')
    if (this.me.arbiterOnly || this.copy === undefined) return this.become('ARBITER')
    if (this.dir.needsInitialSync) this.become('STARTUP2')
    else this.become('SECONDARY')
  }

  /** Runs `then` after `us` of this process's life. */
  after(us: Us, then: () => void): void {
    this.world.sim.after(us, () => {
      if (this.alive) then()
    })
  }

  /** A process of its own that dies with it. */
  spawn<T>(process: Process<T>): Task<T> {
    const task = this.world.sim.spawn(process)
    this.tasks.add(task as Task<unknown>)
    return task
  }

  /** The process is gone without a word: crash, SIGKILL, power loss. */
  crash(why: string, code = 137): void {
    if (!this.alive) return
    this.world.sim.note(CRASHED, this.name, code, `${this.name}: ${why}`)
    this.log(why)
    this.leave()
    const led = this.copy?.leading === true
    if (this.copy !== undefined) this.copy.crash(false)
    if (led) loseUnjournaled(this)
    this.dir.locked = false
    this.end(code)
  }

  /** A clean end. */
  exit(code = 0): void {
    if (!this.alive) return
    this.world.sim.note(STOPPED, this.name, code, `mongod of ${this.name} has stopped`)
    this.leave()
    if (this.copy?.leading) this.copy.stopLeading('clean')
    this.copy?.unfollow()
    this.dir.clean = true
    this.dir.locked = false
    this.end(code)
  }

  private leave(): void {
    if (this.isPrimary && this.copy !== undefined) this.departed()
  }

  /** A primary's reign is over. */
  departed(): void {
    const { world } = this
    const held = world.faultStriking || (world.heldUntilUs.get(this.name) ?? -1) >= world.sim.now
    world.departures.push({ atUs: world.sim.now, member: this.name, position: (this.copy as Copy).position('receive'), cause: held ? 'fault' : 'runbook' })
  }

  private end(code: number): void {
    this.alive = false
    this.listening = false
    this.writable = false
    this.heartbeats.stop()
    this.syncing.stop()
    this.lock.drop()
    if (this.electionTimer !== undefined) this.world.sim.cancel(this.electionTimer)
    this.vigil.stop()
    for (const task of this.tasks) if (task.state === 'running') task.kill()
    this.world.mongods.delete(this)
    for (const backend of [...this.backends]) backend.stateChanged({ is: 'closed', error: 'MongoNetworkError: connection closed' })
    this.backends.clear()
    this.host.exited(code)
    this.world.topologyChanged()
  }

  /** SIGSTOP and SIGCONT. */
  pause(paused: boolean): void {
    this.paused = paused
    this.world.sim.note(STATE, this.name, paused ? 98 : 99, `${this.name} is ${paused ? 'stopped by SIGSTOP' : 'continued'}`)
    this.syncing.reconsider()
    this.world.topologyChanged()
    if (!paused) {
      this.rearm()
      this.checkLiveness()
    }
  }

  // ── state ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  become(state: MemberState): void {
    if (this.state === state) return
    this.state = state
    this.world.sim.note(STATE, this.name, STATE_NUMBER[state], `${this.name} is ${state}`)
    this.lock.reconsider()
    this.syncing.reconsider()
    this.world.topologyChanged()
    this.rearm()
    this.host.readinessChanged()
  }

  /** A primary steps down: no longer writable, a secondary from now on. Its connections stay (rule MG-STEPDOWN-5). */
  stepDownNow(why: string): void {
    if (!this.isPrimary) return
    if (this.copy?.leading) {
      this.departed()
      this.copy.stopLeading('clean')
    } else if (this.copy !== undefined && this.writable) this.departed()
    this.writable = false
    this.steppingDown = false
    this.primary = undefined
    this.lastContactUs = this.world.sim.now
    this.world.sim.note(STEPPED_DOWN, this.name, this.term, `${this.name} is no longer primary: ${why}`)
    this.become('SECONDARY')
  }

  /** A higher term seen: whoever leads in an older one steps down (rule MG-TERM-1). */
  observeTerm(term: number): void {
    if (term <= this.term) return
    this.term = term
    this.world.sim.note(TERM, this.name, term, `${this.name} is in term ${term}`)
    this.stepDownNow(`there is a term ${term}`)
  }

  adopt(config: Config): void {
    const before = this.dir.config
    if (before !== undefined && !config.newerThan(before)) return
    this.dir.config = config
    this.world.sim.note(CONFIG, this.name, config.version, `${this.name} has configuration ${config.version} of term ${config.term}`)
    if (before === undefined && this.state === 'STARTUP' && this.listening) return this.joined()
    this.heartbeats.configure()
    if (before?.member(this.name)?.secondaryDelaySecs !== this.me?.secondaryDelaySecs) this.syncing.refetch()
    if (this.me === undefined) {
      this.stepDownNow('it was removed from the set')
      this.become('REMOVED')
    } else if (this.state === 'REMOVED') this.become(this.me.arbiterOnly ? 'ARBITER' : this.dir.needsInitialSync ? 'STARTUP2' : 'SECONDARY')
    if (this.isPrimary && this.me?.priority === 0) this.stepDownNow('the new configuration lets it lead no more')
    this.rearm()
    this.world.topologyChanged()
  }

  // ── what it hears ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody's heartbeat was answered. `before`: this member's last contact with a primary up to then. */
  heardFrom(name: string, before: Us): void {
    const other = this.world.mongodOf(name)
    if (other === undefined) return
    if (other.config !== undefined && (this.config === undefined || other.config.newerThan(this.config))) this.adopt(other.config)
    if (this.config !== undefined && (other.config === undefined || this.config.newerThan(other.config))) other.adopt(this.config)
    this.observeTerm(other.term)
    this.giveVote(other)
    if (other.isPrimary && other.term >= this.term) this.learnPrimary(other)
    else if (this.primary?.name === name && !other.isPrimary) {
      this.primary = undefined
      this.lastContactUs = Number.isFinite(before) ? Math.max(before, this.syncing.fetchedUs) : this.world.sim.now
      this.syncing.reconsider()
    }
    this.rearm()
  }

  /** A new member that has its data gets its vote: the primary takes the mark off (rule MG-SYNC-5). */
  private giveVote(other: Mongod): void {
    const { config } = this
    if (!this.isPrimary || !this.writable || config === undefined || other.state !== 'SECONDARY' || config.member(other.name)?.newlyAdded !== true) return
    const members = config.members.map(({ newlyAdded, ...m }) => (m.name === other.name || newlyAdded !== true ? m : { ...m, newlyAdded }))
    this.adopt(new Config(config.set, config.version + 1, this.term, members, config.settings))
    setAcknowledgement(this)
  }

  learnPrimary(other: Mongod): void {
    if (other === this || other.term < this.term) return
    if (this.primary?.name === other.name && this.primary.term === other.term) return
    this.primary = { name: other.name, term: other.term }
    this.primarySinceUs = this.world.sim.now
    this.heartbeats.heard(other.name)
    this.syncing.reconsider()
    this.rearm()
  }

  /** A member is marked down. */
  lostSightOf(name: string): void {
    if (this.primary?.name === name) {
      this.lastContactUs = this.primaryContactUs()
      this.primary = undefined
    }
    this.syncing.reconsider()
    this.rearm()
    this.checkLiveness()
  }

  worldChanged(): void {
    if (!this.alive) return
    this.vigil.noteFollowers()
    this.heartbeats.unsettle()
    this.syncing.reconsider()
    this.rearm()
    this.checkLiveness()
  }

  // ── elections ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Last contact with the primary: its own heartbeats, a batch of its oplog, or word of it through the sync source (rule MG-ELECT-2). */
  primaryContactUs(): Us {
    const { primary, world } = this
    if (primary === undefined) return this.lastContactUs
    let contact = Math.max(this.heartbeats.contactUs(primary.name), this.primarySinceUs, this.syncing.fetchedUs)
    const source = this.syncing.source
    if (source !== undefined && source.name !== primary.name && source.primary?.name === primary.name && world.talks(this, source)) contact = Math.max(contact, source.heartbeats.contactUs(primary.name))
    return contact
  }

  /** May this member lead at all now? */
  get electable(): boolean {
    const { me } = this
    return this.alive && this.state === 'SECONDARY' && me !== undefined && me.priority > 0 && !this.stopping && this.ineligibleUntilUs <= this.world.sim.now && this.syncing.fit
  }

  /** Plans the election time-out and the priority takeover anew. */
  rearm(): void {
    const { sim } = this.world
    if (this.electionTimer !== undefined) sim.cancel(this.electionTimer)
    this.electionTimer = undefined
    if (!this.alive || this.paused || this.state !== 'SECONDARY' || (this.me?.priority ?? 0) <= 0) return
    this.planTakeover()
    if (this.primary !== undefined && this.heartbeats.steady(this.primary.name)) return
    const dueUs = this.electionDueUs()
    this.electionTimer = sim.call(Math.max(sim.now, dueUs), () => {
      this.electionTimer = undefined
      this.electionDue()
    })
  }

  private electionDueUs(): Us {
    const contact = this.primaryContactUs()
    return Math.max(contact + electionOffset(this, contact), this.ineligibleUntilUs)
  }

  private electionDue(): void {
    if (!this.alive || this.paused || this.state !== 'SECONDARY') return
    if (this.electionDueUs() > this.world.sim.now) return this.rearm()
    // Whatever comes of it: the next attempt is a whole time-out away.
    this.lastContactUs = this.world.sim.now
    if (this.primary !== undefined) this.primary = undefined
    if (this.electable) this.run('timeout')
    this.rearm()
  }

  run(reason: CampaignReason): void {
    if (this.campaigning || !this.alive) return
    this.campaigning = true
    this.spawn(campaign(this, reason))
  }

  /** A member of higher priority takes over when it has been fresh for its delay (rule MG-ELECT-6). */
  private planTakeover(): void {
    this.vigil.planTakeover()
  }

  /** A primary that has not heard from a majority for the election time-out steps down (rule MG-TERM-2). */
  checkLiveness(): void {
    this.vigil.checkLiveness()
  }

  // ── clients ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sessions learn what they can do now. */
  tellBackends(): void {
    for (const backend of [...this.backends]) backend.stateChanged(sessionState(this, backend.place))
  }

  /** Machine, disk or defect changed its pace. */
  paceChanged(): void {
    if (this.copy?.leading) this.copy.setCommitLatency(commitPace(this))
    this.syncing.relink()
    this.tellBackends()
    this.host.readinessChanged()
  }

  position(): Position | undefined {
    return this.copy?.position('apply')
  }
}
