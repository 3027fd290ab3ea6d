/**
 * A cohort: clients that behave alike and share one connection state. Its connection follows `lifecycle.ts`; its writes are a flow (`Demand`)
 * on one log; its reads are answered while the session can read. An established connection stays where it is whatever happens to routing:
 * this is how a promoted second leader reaches some users and not others.
 */
import { Demand, type Copy, type ReplicatedLog } from '../cluster/log/index.ts'
import type { Client, Entrance, Session, SessionState } from '../engine.ts'
import { defineEvent, type Simulation, type TimerId, type Us } from '../kernel/index.ts'
import type { Load } from '../scenario/scenario.ts'
import { FailureTally } from './failures.ts'
import { type ConnectionEvent, type ConnectionState, EVENT_OF, isOpen, nextState, NOTED } from './lifecycle.ts'
import { attemptUs, type RetryFailures } from './retries.ts'

const CLIENT_STATE = defineEvent('client.state')
const CLIENT_LOAD = defineEvent('client.load')

/** A pause between connection attempts varies by this share up and down, so that cohorts do not knock in step. */
const RETRY_JITTER_SHARE = 0.2

/** After so many refusals in a row a client knocks again only when something has changed: the answers between would have been the same. */
const PATIENCE = 3

/** What one cohort is and how much of the load it carries. */
export interface CohortOptions {
  readonly id: string
  readonly place: string
  /** Share of the declared load, 0 … 1. */
  readonly share: number
  readonly connections: number
  readonly load: Load
  /** Where it waits to be woken when something has changed (see {@link Cohort.wake}). */
  readonly parking: Set<Cohort>
}

/** TCP's handshake, and the answer to the first message: the least that any protocol needs before the first operation. */
const CONNECT_ROUND_TRIPS = 2

export type CohortListener = (cohort: Cohort) => void

export class Cohort implements Client {
  readonly id: string
  readonly place: string
  readonly share: number
  readonly dnsCacheUs: Us
  readonly connections: number
  readonly demand: Demand
  readonly failures: FailureTally
  private readonly load: Load
  private readonly parking: Set<Cohort>
  private at: ConnectionState = 'idle'
  private session: Session | undefined
  private target: Copy | undefined
  /** As the log last told: judging it anew is dear. */
  private flows = false
  private holding = false
  /** While it is held only writes wait. */
  private readsWhileHeld = false
  /** How long the session lets a write wait while it is held. */
  private holdLimitUs: Us = Number.POSITIVE_INFINITY
  private arriving = false
  private lastError = ''
  private readonly surges: number[] = []
  private knocks = 0
  private lives = 0
  private noted = NOTED.idle
  /** Refusals (or read-only answers) since the last success, and the world's epoch when the latest knock was judged. */
  private refusals = 0
  private knockEpoch = -1
  private parked = false
  private waiting: TimerId | undefined
  private life: TimerId | undefined
  private readonly listeners: CohortListener[] = []

  constructor(
    private readonly sim: Simulation,
    private readonly entrance: Entrance,
    readonly log: ReplicatedLog,
    options: CohortOptions,
  ) {
    const { load, share } = options
    this.id = options.id
    this.place = options.place
    this.share = share
    this.dnsCacheUs = load.dnsCacheUs
    this.connections = options.connections
    this.parking = options.parking
    this.load = load
    this.demand = new Demand(log, {
      id: options.id,
      loop: load.loop,
      writesPerSecond: load.writesPerSecond * share,
      thinkUs: load.thinkUs,
      connections: options.connections,
      bytesPerWrite: load.bytesPerWrite,
      timeoutUs: load.timeoutUs,
      queueAgeLimitUs: load.queueAgeLimitUs,
      roundTripUs: entrance.roundTripUs,
    })
    this.failures = new FailureTally(load, share, options.connections, entrance.roundTripUs)
    this.demand.onFlow = flowing => this.flowChanged(flowing)
  }

  get state(): ConnectionState {
    return this.at
  }

  /** The state in a word for people: the ways of having no session are one (`away`), and a session without acknowledgements is `hanging`. */
  get label(): string {
    return this.at === 'writable' && !this.flows && this.wantsToWrite ? 'hanging' : NOTED[this.at].label
  }

  /** Whether writes are being acknowledged now. */
  get writing(): boolean {
    return this.flows
  }

  /** Whether reads are being answered now. */
  get reading(): boolean {
    // An answer that comes after the client has given up is none.
    if (this.demand.addedUs > this.load.timeoutUs) return false
    return this.at === 'writable' || this.at === 'readOnly' || (this.at === 'held' && this.readsWhileHeld)
  }

  /** Whether this cohort issues any operation at all. */
  get wantsToWrite(): boolean {
    return this.load.loop === 'closed' || this.load.writesPerSecond > 0
  }

  get wantsToRead(): boolean {
    return this.load.readsPerSecond > 0
  }

  /** The server its session ends on, if it has one that does. */
  get backend(): string | undefined {
    return this.session?.backend
  }

  /** The leader that its session writes to and reads from now. */
  get leader(): Copy | undefined {
    return this.at === 'writable' ? this.target : undefined
  }

  /** The last error it was told; empty before the first. */
  get error(): string {
    return this.lastError
  }

  onChange(listener: CohortListener): void {
    this.listeners.push(listener)
  }

  start(): void {
    this.step('START')
  }

  /** Ends the cohort: its operations in flight finish, none follows. */
  stop(): void {
    this.step('STOP')
  }

  /** Wants `factor` times as much from now on, on top of other surges: more arrivals (open loop), more clients (closed loop). */
  surge(factor: number): void {
    this.surges.push(factor)
    this.surgesChanged()
  }

  /** The end of one surge of that factor. */
  calm(factor: number): void {
    const i = this.surges.indexOf(factor)
    if (i >= 0) this.surges.splice(i, 1)
    this.surgesChanged()
  }

  private surgesChanged(): void {
    const factor = this.surges.reduce((product, each) => product * each, 1)
    this.failures.setFactor(this.sim.now, factor)
    this.demand.setRate(factor)
    this.sim.note(CLIENT_LOAD, this.id, Math.round(factor * 1000), () => `${this.id} wants ${Math.round(factor * 10) / 10} times the declared load`)
  }

  sessionChanged(state: SessionState): void {
    // Until the answer to the knock has arrived the client cannot know; then it finds the session as it is by that time.
    if (this.arriving || this.session === undefined) return
    this.learn(state)
  }

  private learn(state: SessionState): void {
    if ('error' in state) this.lastError = state.error
    if (state.is === 'writable') this.target = state.leader
    if (state.is === 'held') {
      this.holdLimitUs = state.ageLimitUs ?? Number.POSITIVE_INFINITY
      this.readsWhileHeld = state.readsFrom !== undefined
    }
    this.step(EVENT_OF[state.is])
  }

  private step(event: ConnectionEvent): void {
    const from = this.at
    const to = nextState(from, event)
    if (to === undefined) return
    this.cancelWait()
    this.arriving = false
    this.parked = false
    this.at = to
    // While it knocks nothing is known yet: what is noted is the outcome. So a client that is refused again and again leaves no trace of it.
    if (to !== 'connecting' && NOTED[to].number !== this.noted.number) {
      this.noted = NOTED[to]
      this.sim.note(CLIENT_STATE, this.id, this.noted.number, () => (to === 'writable' ? `on ${this.backend ?? '?'}` : this.lastError))
    }
    this.enter(from, to, event)
    this.changed()
  }

  private enter(from: ConnectionState, to: ConnectionState, event: ConnectionEvent): void {
    if (to !== 'held') this.releaseHold()
    // Where each attempt fails at once nothing queues, and nothing bursts afterwards. A client that knocks elsewhere meanwhile has not learned better yet.
    if (to === 'readOnly' || to === 'failing') this.demand.refuse()
    else if (to !== 'connecting') this.demand.accept()
    switch (to) {
      case 'connecting':
        this.leave('drained')
        this.knock()
        return
      case 'unanswered':
        this.wait(this.load.timeoutUs, 'TIMED_OUT')
        return
      case 'writable':
        this.refusals = 0
        this.join(this.target as Copy)
        if (!isOpen(from)) this.armLife()
        this.watchHang()
        return
      case 'readOnly':
        this.demand.detach('drained')
        if (!isOpen(from)) this.armLife()
        if (this.load.onReadOnly === 'reconnect' && this.wantsToWrite) this.retryLater()
        return
      case 'held':
        this.holding = true
        this.demand.hold(this.holdLimitUs)
        return
      case 'silent':
        this.demand.detach('broken')
        if (this.wantsToWrite || this.wantsToRead) this.wait(this.load.timeoutUs, 'TIMED_OUT')
        return
      case 'failing':
        this.demand.detach('broken')
        return
      case 'backingOff':
        if (event === 'TIMED_OUT') this.lastError = `no answer within the client's time-out`
        this.leave('broken')
        this.retryLater()
        return
      case 'stopped':
        this.leave('drained')
        return
      case 'idle':
        return
    }
  }

  /** Closes what is open. `how` is the fate of writes in flight: answered ('drained') or unknown ('broken'). */
  private leave(how: 'drained' | 'broken'): void {
    this.demand.detach(how)
    if (this.life !== undefined) this.sim.cancel(this.life)
    this.life = undefined
    const session = this.session
    this.session = undefined
    session?.close()
  }

  private join(leader: Copy): void {
    const joined = this.demand.tenure?.head.copy
    if (joined === leader) return
    // A pooler moved the session to another server: what was in flight to the old one is unknown.
    if (joined !== undefined) this.demand.detach('broken')
    this.demand.delay(this.addedUs())
    this.demand.attach(leader)
  }

  /** Packets take longer than before, or no longer: who is connected notices with the next operation. */
  delayed(): void {
    if (this.at !== 'writable') return
    this.demand.delay(this.addedUs())
    this.changed()
  }

  private addedUs(): Us {
    return this.session?.addedUs?.() ?? 0
  }

  private knock(): void {
    const knock = this.entrance.connect(this, this.knocks++)
    this.knockEpoch = this.sim.epoch
    if (knock.is === 'silent') {
      this.step('UNANSWERED')
      return
    }
    if (knock.is === 'refused') {
      this.lastError = knock.error
      this.wait(knock.afterUs, 'REFUSED')
      return
    }
    this.session = knock.session
    const afterUs = knock.afterUs + CONNECT_ROUND_TRIPS * this.addedUs()
    if (afterUs > this.load.timeoutUs && afterUs > knock.afterUs) {
      this.leave('broken')
      this.step('UNANSWERED')
      return
    }
    this.arriving = true
    this.waiting = this.sim.after(afterUs, () => {
      this.waiting = undefined
      this.arriving = false
      if (this.session !== undefined) this.learn(this.session.state)
    })
  }

  /**
   * Called for every settled instant in which something changed: a client that had stopped knocking does so again. Its next attempt would
   * have come at some instant of the retry period, so the period's share is drawn.
   */
  wake(): void {
    if (!this.parked) this.parking.delete(this)
    if (!this.parked || this.sim.epoch === this.knockEpoch) return
    this.parked = false
    this.parking.delete(this)
    this.wait(this.load.retryUs * this.sim.chance.draw(this.id, 'retry phase', this.knocks), 'RETRY')
  }

  private park(): void {
    this.parked = true
    this.parking.add(this)
  }

  private retryLater(): void {
    this.refusals += 1
    // What changed while the answer was on its way must not be slept through: then it knocks again as usual.
    // Where chance decides who answers, the next answer may be another one.
    if (this.refusals > PATIENCE && this.sim.epoch === this.knockEpoch && this.entrance.varies?.() !== true) this.park()
    else this.wait(this.pauseUs(), 'RETRY')
  }

  private wait(us: Us, event: ConnectionEvent): void {
    this.waiting = this.sim.after(us, () => {
      this.waiting = undefined
      this.step(event)
    })
  }

  private cancelWait(): void {
    if (this.waiting !== undefined) this.sim.cancel(this.waiting)
    this.waiting = undefined
  }

  private pauseUs(): Us {
    const u = this.sim.chance.draw(this.id, 'retry pause', this.knocks)
    return Math.max(1, this.load.retryUs * (1 + RETRY_JITTER_SHARE * (2 * u - 1)))
  }

  /** The pool's connections are of different ages when the story begins: the first life is what is left of one, the next are whole. */
  private armLife(): void {
    if (!Number.isFinite(this.load.connectionLifeUs)) return
    const first = this.lives === 0 ? this.sim.chance.draw(this.id, 'first connection life', 0) : 1
    this.lives += 1
    this.life = this.sim.after(Math.max(1, this.load.connectionLifeUs * first), () => {
      this.life = undefined
      this.step('RENEW')
    })
  }

  private releaseHold(): void {
    if (!this.holding) return
    this.holding = false
    this.demand.release()
  }

  /** A session on a leader that acknowledges nothing is given up after the client's time-out. */
  private watchHang(): void {
    if (this.at !== 'writable' || this.flows || !this.wantsToWrite) return
    this.wait(this.load.timeoutUs, 'TIMED_OUT')
  }

  private flowChanged(flowing: boolean): void {
    this.flows = flowing
    if (this.at === 'writable') {
      this.cancelWait()
      this.watchHang()
    }
    this.changed()
  }

  /** What failed up to `atUs`, which is now. */
  failed(atUs: Us): RetryFailures {
    this.count()
    return this.failures.total(atUs)
  }

  private count(): void {
    if (this.load.loop === 'open') this.failures.crowd(this.demand.failed.valueAt(this.sim.now), this.demand.arrivals.valueAt(this.sim.now), this.writing)
  }

  private changed(): void {
    this.count()
    this.failures.account(this.sim.now, this.writing, this.reading, attemptUs(this.at, this.load, this.holdLimitUs))
    for (const listener of this.listeners) listener(this)
  }
}
