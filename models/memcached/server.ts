/** The memcached process in a container, and what all of them share: who is within the clients' reach, and which clients wait for the database. */
import type { Copy, Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Network } from '../../src/cluster/network.ts'
import { defineEvent, SECOND, type Simulation, type TimerId, type Us } from '../../src/kernel/index.ts'
import type { Client, Session, SessionState } from '../../src/engine.ts'
import { type Command, CommandRegistry, failed, ok } from '../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes/index.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/container.ts'
import { Caching } from './caching.ts'
import type { MemcachedOptions } from './options.ts'

const UP = defineEvent('memcached.up')
const DOWN = defineEvent('memcached.down')
const REACH = defineEvent('memcached.reach')
const STORM = defineEvent('memcached.storm')
const WARM = defineEvent('memcached.warm')

/** How often the flows are looked at: while some clients wait, and while the caches only fill (then nothing depends on the step). */
const STORM_STEP_US = SECOND / 4
const FILL_STEP_US = 2 * SECOND
/** A server whose hits are that share of a warm one's has caught up. */
export const WARM_SHARE = 0.9

export class Server {
  alive = true
  up = false
  paused = false
  upSinceUs: Us = 0

  constructor(
    readonly shared: Shared,
    readonly c: ContainerHandle,
  ) {
    shared.servers.set(c.pod.name, this)
  }

  get name(): string {
    return this.c.pod.name
  }

  start(): void {
    const { sim, options } = this.shared
    const answers = (): void => {
      if (!this.alive) return
      this.up = true
      this.upSinceUs = sim.now
      sim.note(UP, this.name, 0, `${this.name} answers${this.c.atBoot ? '' : ', empty'}`)
      this.c.readinessChanged()
      this.shared.changed()
    }
    if (this.c.atBoot) return answers()
    sim.after(Math.max(0, (this.shared.heldUntilUs.get(this.name) ?? 0) - sim.now) + options.startSeconds * SECOND * this.c.machine.slowdownFactor, answers)
  }

  end(code: number, why: string): void {
    if (!this.alive) return
    const { shared } = this
    this.alive = false
    this.up = false
    if (shared.servers.get(this.name) === this) shared.servers.delete(this.name)
    shared.sim.note(DOWN, this.name, code, `${this.name}: ${why}; what it held is gone`)
    shared.emptied(this.name)
    this.c.exited(code)
    shared.changed()
  }
}

/** A client program: it reads from the caches and, where they miss, from the database; it writes to the database. */
export class ApplicationSession implements Session {
  readonly backend = 'database'
  state: SessionState
  private open = true

  constructor(
    private readonly shared: Shared,
    readonly client: Client,
  ) {
    this.state = shared.stateFor(false)
    shared.join(this)
  }

  told(state: SessionState): void {
    if (!this.open || this.state.is === state.is) return
    this.state = state
    this.client.sessionChanged(state)
  }

  close(): void {
    this.open = false
    this.shared.leave(this)
  }
}

export class Shared {
  readonly servers = new Map<string, Server>()
  readonly heldUntilUs = new Map<string, number>()
  kubernetes!: Kubernetes
  readonly caching: Caching
  readonly database: Copy
  readonly names: readonly string[]
  private readonly sessions: ApplicationSession[] = []
  private readonly reached: boolean[]
  private sinceUs: Us
  private timer: TimerId | undefined
  private waiting = 0
  private wasWarm = true

  constructor(
    readonly sim: Simulation,
    readonly options: MemcachedOptions,
    readonly network: Network,
    log: ReplicatedLog,
    genesis: Position,
  ) {
    this.names = Array.from({ length: options.members }, (_, i) => `${options.name}-${i}`)
    this.caching = new Caching(options)
    this.reached = this.names.map(() => true)
    this.sinceUs = sim.now
    this.database = log.copy('database', genesis)
    this.database.lead({ commitLatencyUs: 5_000 })
    this.database.acknowledge(null)
  }

  /** Whether clients reach a server; before the story begins all are taken to be there. */
  reaches(name: string): boolean {
    const server = this.servers.get(name)
    return server !== undefined && server.up && !server.paused && this.network.connected('clients', server.c.machine.name)
  }

  warm(name: string): boolean {
    return this.caching.warmth(this.names.indexOf(name)) >= WARM_SHARE
  }

  emptied(name: string): void {
    this.catchUp()
    const i = this.names.indexOf(name)
    if (i < 0) return
    this.reached[i] = false
    this.caching.set(i, false, true)
    this.sim.note(REACH, name, 0, `clients do not reach ${name}`)
  }

  /** Lets the flows run up to this instant. */
  catchUp(): void {
    this.caching.advance(this.sim.now - this.sinceUs)
    this.sinceUs = this.sim.now
  }

  /** A server came, went, or is out of reach: the flows from now on. */
  changed(): void {
    this.catchUp()
    this.names.forEach((name, i) => {
      const now = this.reaches(name)
      if (now === this.reached[i]) return
      this.reached[i] = now
      this.caching.set(i, now, false)
      this.sim.note(REACH, name, now ? 1 : 0, now ? `clients reach ${name}` : `clients do not reach ${name}`)
    })
    this.sim.touch()
    this.flow()
  }

  join(session: ApplicationSession): void {
    this.sessions.push(session)
    this.sessions.sort((a, b) => (a.client.id < b.client.id ? -1 : 1))
    this.sim.after(0, () => this.flow())
  }

  leave(session: ApplicationSession): void {
    const at = this.sessions.indexOf(session)
    if (at >= 0) this.sessions.splice(at, 1)
  }

  stateFor(waits: boolean): SessionState {
    return waits ? { is: 'held' } : { is: 'writable', leader: this.database }
  }

  /** What a server answers to lines of the text protocol; what it does not know is ERROR (rule MC-STATS-1). */
  answers(server: Server, input: string): string {
    this.catchUp()
    let text = ''
    for (const line of input.split(/\r?\n/)) {
      if (line === 'quit') break
      if (line === 'stats') text += this.stats(server)
      else if (line === 'version') text += `VERSION ${server.c.imageUsed.versions.engine ?? ''}\r\n`
      else if (line !== '') text += 'ERROR\r\n'
    }
    return text
  }

  private stats(server: Server): string {
    const i = this.names.indexOf(server.name)
    const { hits, misses } = this.caching.counters[i] ?? { hits: 0, misses: 0 }
    const rows: readonly (readonly [string, string | number])[] = [
      ['pid', 1], ['uptime', Math.floor((this.sim.now - server.upSinceUs) / SECOND)], ['version', server.c.imageUsed.versions.engine ?? ''],
      ['cmd_get', Math.floor(hits) + Math.floor(misses)], ['get_hits', Math.floor(hits)], ['get_misses', Math.floor(misses)], ['curr_items', this.caching.items(i)],
    ]
    return `${rows.map(([name, value]) => `STAT ${name} ${value}\r\n`).join('')}END\r\n`
  }

  /** Who waits, and when to look again. */
  private flow(): void {
    const { sim, sessions } = this
    this.catchUp()
    const { served, settled } = this.caching
    const waiting = Math.round((1 - served) * sessions.length)
    if (waiting !== this.waiting) {
      this.waiting = waiting
      sim.note(STORM, 'database', Math.round(this.caching.demandPerSecond), () => `${Math.round(this.caching.demandPerSecond)} operations a second want the database, which answers ${this.options.databasePerSecond}: ${waiting} of ${sessions.length} groups of clients wait`)
      sim.touch()
    }
    const warm = this.names.every(name => this.warm(name))
    if (warm !== this.wasWarm) {
      this.wasWarm = warm
      sim.note(WARM, 'caches', warm ? 1 : 0, warm ? 'all caches are warm' : 'some cache is cold')
      sim.touch()
    }
    sessions.forEach((session, i) => session.told(this.stateFor(i < waiting)))
    if (this.timer !== undefined) sim.cancel(this.timer)
    this.timer = settled ? undefined : sim.after(served < 1 ? STORM_STEP_US : FILL_STEP_US, () => this.flow())
  }
}

const key = (c: ContainerHandle): string => `${c.pod.uid}/${c.incarnation}`

export class Program implements ContainerProgram {
  private readonly running = new Map<string, Server>()

  constructor(private readonly shared: Shared) {}

  start(c: ContainerHandle): void {
    const server = new Server(this.shared, c)
    this.running.set(key(c), server)
    server.start()
  }

  /** It exits at SIGTERM, at once: there is nothing to hand over or to save. */
  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const server = this.running.get(key(c))
    if (server === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    if (s === 'KILL') server.end(137, 'SIGKILL')
    else this.shared.sim.after(SECOND / 20, () => server.end(0, 'stopped'))
  }

  machineLost(c: ContainerHandle): void {
    this.running.get(key(c))?.end(137, 'power loss')
  }

  ready(c: ContainerHandle): boolean {
    return this.running.get(key(c))?.up === true
  }

  programs(c: ContainerHandle): CommandRegistry {
    const { shared } = this
    const nc: Command = {
      name: 'nc',
      summary: 'echo stats | kubectl exec -i POD -- nc localhost 11211',
      check: argv => {
        const words = argv.slice(1).filter((a, i, all) => a !== '-w' && all[i - 1] !== '-w')
        return words.length === 2 && ['localhost', '127.0.0.1'].includes(words[0] ?? '') && words[1] === '11211' ? [] : [{ severity: 'error', message: 'nc: only `nc [-w SECONDS] localhost 11211` is modelled here, with stats, version or quit as input' }]
      },
      latencyUs: () => 5_000,
      look: call => {
        const server = this.running.get(key(c))
        if (server?.up !== true) return { output: failed('nc: localhost (127.0.0.1:11211): Connection refused\n'), afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }
        return { output: ok(shared.answers(server, call.stdin)), afterUs: 0, stableUntilUs: shared.sim.now }
      },
      *run() {
        return ok()
      },
    }
    return new CommandRegistry('container memcached').register(nc)
  }
}
