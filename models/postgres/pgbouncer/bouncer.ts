import type { Client, Knock, Session, SessionState } from '../../../src/engine.ts'
import { defineEvent, type Process, SECOND, Signal, TIMED_OUT, type TimerId, type Us, within } from '../../../src/kernel/index.ts'
import { clientsLogin } from '../access.ts'
import { ServerSession } from '../entrances.ts'
import { findServerByHost } from '../hosts.ts'
import type { World } from '../world.ts'
import { type BouncerConfig, type DatabaseEntry, modelled, parseIni } from './config.ts'

const PAUSED = defineEvent('pgbouncer.paused', { holdsClients: true })
const RESUMED = defineEvent('pgbouncer.resumed')
const CONFIG = defineEvent('pgbouncer.config')
const LOGIN_FAILED = defineEvent('pgbouncer.server-login-failed')
const REFUSED = defineEvent('pgbouncer.refused-to-start')

export interface BouncerHost {
  readonly pod: string
  readonly place: string
  /** pgbouncer.ini as mounted now. */
  ini(): string
  exited(code: number): void
  readinessChanged(): void
}

/** One PgBouncer process (rule PGB-MANY-1). Every cohort of clients has one queue here, and behind it one server link that carries the cohort's pool. */
export class Bouncer {
  running = false
  paused = false
  private pauses = 0
  private readonly resumed = new Signal()
  /** A client has given its server connection back, or PAUSE is over. */
  private readonly unlinked = new Signal()
  disabled = false
  readonly log: string[] = []
  config: BouncerConfig = { databases: [], settings: {}, hasMain: false }
  private readonly queues = new Set<Queue>()
  /** Until when no new server login is tried (server_login_retry; rule PGB-LOGIN-1). */
  loginRetryAtUs: Us = 0

  constructor(
    readonly world: World,
    readonly host: BouncerHost,
  ) {}

  /** Starts, or refuses to when the main section is missing (rule PGB-CONF-2). */
  start(): void {
    this.config = modelled(parseIni(this.host.ini()))
    if (!this.config.hasMain) {
      this.log.push('ERROR load_init_file: main section missing from config file', 'FATAL cannot load config file')
      this.world.sim.note(REFUSED, this.host.pod, 0, `${this.host.pod} does not start: main section missing from config file`)
      this.world.sim.after(50_000, () => this.host.exited(1))
      return
    }
    this.running = true
    this.host.readinessChanged()
    this.world.topologyChanged()
  }

  stop(code: number): void {
    if (!this.running) return
    this.running = false
    for (const queue of [...this.queues]) queue.end('server closed the connection unexpectedly')
    this.resumed.fire()
    this.unlinked.fire()
    this.host.exited(code)
    this.world.topologyChanged()
  }

  get database(): DatabaseEntry | undefined {
    return this.config.databases.find(d => d.name !== '*') ?? this.config.databases[0]
  }

  get poolMode(): string {
    return this.database?.poolMode ?? this.config.settings.pool_mode ?? 'session'
  }

  settingUs(name: string, fallbackSeconds: number): Us {
    const text = this.config.settings[name]
    const value = text === undefined ? fallbackSeconds : Number(text)
    return (Number.isFinite(value) ? value : fallbackSeconds) * SECOND
  }

  connect(client: Client): Knock {
    if (!this.world.network.connected(client.place, this.host.place)) return { is: 'silent' }
    if (!this.running) return { is: 'refused', error: 'connection refused', afterUs: 1_000 }
    if (this.disabled || this.database === undefined) return { is: 'refused', error: 'database "app_db" is disabled', afterUs: 1_000 }
    const queue = new Queue(this, client)
    this.queues.add(queue)
    queue.open()
    return { is: 'open', session: queue, afterUs: 500 }
  }

  left(queue: Queue): void {
    this.queues.delete(queue)
    this.unlinked.fire()
  }

  /**
   * Whether a server connection is its client's for as long as that stays: PAUSE, RECONNECT and server_lifetime then come to it when the client
   * leaves (rules PGB-PAUSE-5, PGB-RECONNECT-2).
   */
  get sticky(): boolean {
    return this.poolMode === 'session'
  }

  /**
   * PAUSE: who has no server connection queues at once; returns when every server connection has been released. In transaction pooling that is the
   * end of the longest open transaction, in session pooling the end of the longest session (rule PGB-PAUSE-1), and until then its client goes on
   * (rule PGB-PAUSE-5). Connections are then closed.
   */
  *pause(): Process<string | undefined> {
    if (this.paused) return 'already suspended/paused'
    this.paused = true
    const { sticky } = this
    const waitUs = this.world.longTransactionUs(this.host.pod)
    this.world.sim.note(PAUSED, this.host.pod, 1, `${this.host.pod}: PAUSE, new queries queue`)
    for (const queue of this.queues) if (!sticky || !queue.linked) queue.hold()
    // The process drains whether or not somebody waits for its answer; a RESUME meanwhile calls it off (rule PGB-PAUSE-4).
    const turn = ++this.pauses
    this.world.sim.after(waitUs, () => {
      if (!sticky && this.paused && this.pauses === turn) for (const queue of this.queues) queue.release()
    })
    yield waitUs
    while (sticky && this.paused && this.pauses === turn && [...this.queues].some(queue => queue.linked)) yield this.unlinked
    return undefined
  }

  /** For a single client that queues during PAUSE: whether RESUME came before query_wait_timeout (or the process's end). */
  *untilResumed(): Process<boolean> {
    const limitUs = this.settingUs('query_wait_timeout', 120)
    const woken = yield limitUs > 0 ? within(this.resumed, limitUs) : this.resumed
    return woken !== TIMED_OUT && this.running
  }

  resume(): string | undefined {
    if (!this.paused) return 'database "app_db" is not paused'
    this.paused = false
    this.world.sim.note(RESUMED, this.host.pod, 0, `${this.host.pod}: RESUME`)
    for (const queue of this.queues) queue.unhold()
    this.resumed.fire()
    this.unlinked.fire()
    return undefined
  }

  /** RELOAD: with the main section missing the [databases] part is applied all the same, and only the log knows (rule PGB-CONF-1). */
  reload(): void {
    const before = this.database
    const next = modelled(parseIni(this.host.ini()))
    if (!next.hasMain) {
      this.log.push('ERROR load_init_file: main section missing from config file', 'WARNING config file loading failed')
      this.config = { databases: next.databases, settings: this.config.settings, hasMain: false }
    } else this.config = next
    this.world.sim.note(CONFIG, this.host.pod, next.hasMain ? 1 : 0, `${this.host.pod} re-read its configuration${next.hasMain ? '' : ' (main section missing)'}`)
    const after = this.database
    if (before?.host !== after?.host || before?.port !== after?.port) this.reconnect()
    for (const queue of [...this.queues]) queue.modeChanged()
  }

  /** RECONNECT: server connections are closed as they are released, new ones follow wherever the host name leads now (rule PGB-RECONNECT-1). */
  reconnect(): void {
    for (const queue of this.queues) queue.renew()
  }

  /** KILL: drops all connections of the database at once and stays paused. */
  kill(): void {
    this.paused = true
    for (const queue of [...this.queues]) queue.end('database removed')
  }

  get queueCount(): number {
    return this.queues.size
  }

  get linkStates(): readonly string[] {
    return [...this.queues].map(q => q.state.is)
  }
}

/** A cohort at the pooler: its client side stays open while the server side comes and goes. */
class Queue implements Session {
  state: SessionState
  private link: ServerSession | undefined
  private timer: TimerId | undefined
  private waitTimer: TimerId | undefined
  private lifeTimer: TimerId | undefined
  private open_ = true
  /** It waits for RESUME. */
  private holding = false
  private attempts = 0

  constructor(
    private readonly bouncer: Bouncer,
    private readonly client: Client,
  ) {
    this.state = this.waits()
  }

  /** A query waits here, for a server connection or for RESUME, as long as query_wait_timeout lets it (0 = for ever; rule PGB-PAUSE-3). */
  private waits(): SessionState {
    const us = this.bouncer.settingUs('query_wait_timeout', 120)
    return us > 0 ? { is: 'held', ageLimitUs: us } : { is: 'held' }
  }

  get backend(): string | undefined {
    return this.link?.backend
  }

  addedUs(): number {
    return this.bouncer.world.network.addedUs(this.client.place, this.bouncer.host.place) + (this.link?.addedUs() ?? 0)
  }

  /** Whether a server connection is its own now. */
  get linked(): boolean {
    return this.link !== undefined
  }

  open(): void {
    if (this.bouncer.paused) {
      this.holding = true
      this.armWaitTimeout()
    } else this.login(true)
  }

  private set(state: SessionState, silently = false): void {
    this.state = state
    if (!silently && this.open_) this.client.sessionChanged(state)
  }

  /** Connects to the server, or fails everybody until server_login_retry has passed. */
  private login(opening = false): void {
    const { bouncer } = this
    const { world } = bouncer
    if (!this.open_ || bouncer.paused) return
    this.clear('timer')
    if (this.needsTransactions()) return this.set({ is: 'failing', error: 'transaction blocks not allowed in statement pooling mode' }, opening)
    if (world.sim.now < bouncer.loginRetryAtUs) return this.failUntilRetry(opening)
    const host = bouncer.database?.host ?? ''
    this.attempts += 1
    const found = findServerByHost(world, bouncer.host.place, host, this.client.id, this.attempts)
    const server = typeof found === 'string' ? found : (world.access.refusal(found, clientsLogin(found)) ?? found)
    if (typeof server === 'string') {
      const timedOut = server.includes('timed out')
      world.sim.note(LOGIN_FAILED, bouncer.host.pod, 0, `${bouncer.host.pod} could not log in to ${host}: ${server.split('\n')[0]}`)
      if (timedOut) {
        // A black hole costs server_connect_timeout before it counts as failed.
        this.set(this.waits(), opening)
        this.timer = world.sim.after(bouncer.settingUs('server_connect_timeout', 15), () => {
          bouncer.loginRetryAtUs = world.sim.now + bouncer.settingUs('server_login_retry', 15)
          this.failUntilRetry(false)
        })
        return
      }
      bouncer.loginRetryAtUs = world.sim.now + bouncer.settingUs('server_login_retry', 15)
      return this.failUntilRetry(opening)
    }
    this.link = new ServerSession(server, bouncer.host.place, state => this.linkChanged(state))
    const lifeUs = bouncer.settingUs('server_lifetime', 3600)
    if (lifeUs > 0) this.lifeTimer = world.sim.after(lifeUs, () => this.renew())
    this.set(this.link.state, opening)
  }

  /** Application clients run transaction blocks; statement pooling refuses BEGIN (rule PGB-MODE-1). */
  private needsTransactions(): boolean {
    return this.bouncer.poolMode === 'statement'
  }

  private failUntilRetry(opening: boolean): void {
    const { bouncer } = this
    this.set({ is: 'failing', error: 'server login has been failing, try again later (server_login_retry)' }, opening)
    this.timer = bouncer.world.sim.call(Math.max(bouncer.world.sim.now, bouncer.loginRetryAtUs), () => this.login())
  }

  private linkChanged(state: SessionState): void {
    if (state.is !== 'closed') {
      if (!this.holding) this.set(state)
      return
    }
    this.link = undefined
    this.clear('lifeTimer')
    // In PAUSE the released server connections close without any client noticing (rule PGB-PAUSE-2).
    if (this.holding) return
    this.end(state.error)
  }

  hold(): void {
    this.holding = true
    this.clear('timer')
    this.set(this.waits())
    this.armWaitTimeout()
  }

  /** The pool has drained: server connections are closed. */
  release(): void {
    const link = this.link
    this.link = undefined
    this.clear('lifeTimer')
    link?.close()
  }

  unhold(): void {
    if (!this.holding) return
    this.holding = false
    this.clear('waitTimer')
    if (this.link !== undefined) this.set(this.link.state)
    else this.login()
  }

  /** query_wait_timeout: who has queued too long is disconnected with an error (rule PGB-PAUSE-3). */
  private armWaitTimeout(): void {
    const us = this.bouncer.settingUs('query_wait_timeout', 120)
    if (us <= 0) return
    this.clear('waitTimer')
    this.waitTimer = this.bouncer.world.sim.after(us, () => this.end('query_wait_timeout'))
  }

  renew(): void {
    const { bouncer } = this
    if (bouncer.paused || (bouncer.sticky && this.linked && bouncer.config.settings['server_fast_close'] !== '1')) return
    const link = this.link
    this.link = undefined
    this.clear('lifeTimer')
    link?.close()
    this.login()
  }

  modeChanged(): void {
    if (this.bouncer.paused) return
    if (this.needsTransactions()) {
      this.release()
      this.set({ is: 'failing', error: 'transaction blocks not allowed in statement pooling mode' })
    } else if (this.state.is === 'failing' && this.link === undefined) this.login()
  }

  /** The client side is closed by the pooler. */
  end(error: string): void {
    if (!this.open_) return
    const { client } = this
    this.close()
    this.state = { is: 'closed', error }
    client.sessionChanged(this.state)
  }

  close(): void {
    if (!this.open_) return
    this.open_ = false
    this.clear('timer')
    this.clear('waitTimer')
    this.clear('lifeTimer')
    const link = this.link
    this.link = undefined
    link?.close()
    this.bouncer.left(this)
  }

  private clear(which: 'timer' | 'waitTimer' | 'lifeTimer'): void {
    const timer = this[which]
    if (timer !== undefined) this.bouncer.world.sim.cancel(timer)
    this[which] = undefined
  }
}
