/** The PgBouncer image: the process, its ConfigMap, its admin console, and the entrance it gives to clients. */
import type { Client, Entrance, Knock } from '../../../src/engine.ts'
import type { Process } from '../../../src/kernel/index.ts'
import { type Call, type Command, CommandRegistry, type Look, ok, type Output } from '../../../src/operator/command.ts'
import { withShell } from '../../../src/operator/shell/container.ts'
import type { ContainerHandle, ContainerProgram } from '../../kubernetes/container.ts'
import { freshAmong } from '../entrances.ts'
import { findServerByHost } from '../hosts.ts'
import { CONFIG_MOUNT } from '../names.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { Bouncer } from './bouncer.ts'

export class BouncerProgram implements ContainerProgram {
  private readonly running = new Map<string, Bouncer>()
  /** Of each process that somebody looked at from within. */
  private readonly inside = new WeakMap<Bouncer, CommandRegistry>()
  private programsOf: (bouncer: Bouncer) => readonly Command[] = () => []

  constructor(
    private readonly world: World,
    private readonly reloader: boolean,
  ) {}

  /** The commands inside the container (psql to the console) are given later: they need the whole cluster. */
  setPrograms(programs: (bouncer: Bouncer) => readonly Command[]): void {
    this.programsOf = programs
  }

  start(c: ContainerHandle): void {
    const bouncer = new Bouncer(this.world, {
      pod: c.pod.name,
      place: c.machine.name,
      ini: () => c.configFile(CONFIG_MOUNT, 'pgbouncer.ini') ?? '',
      exited: code => c.exited(code),
      readinessChanged: () => c.readinessChanged(),
    })
    this.running.set(c.pod.uid, bouncer)
    // A sidecar that reloads when the mounted file changes; without one a changed file alone does nothing (rule PGB-CONF-3).
    if (this.reloader) c.onConfigChange(() => bouncer.running && bouncer.reload())
    bouncer.start()
  }

  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const bouncer = this.running.get(c.pod.uid)
    if (bouncer?.running) bouncer.stop(s === 'KILL' ? 137 : 0)
    else c.exited(s === 'KILL' ? 137 : 0)
  }

  machineLost(c: ContainerHandle): void {
    this.running.get(c.pod.uid)?.stop(137)
  }

  ready(c: ContainerHandle): boolean {
    return this.running.get(c.pod.uid)?.running === true
  }

  programs(c: ContainerHandle): CommandRegistry {
    const bouncer = this.running.get(c.pod.uid)
    if (bouncer === undefined) return new CommandRegistry('container pgbouncer')
    let registry = this.inside.get(bouncer)
    if (registry === undefined) this.inside.set(bouncer, (registry = withShell(this.world.sim, new CommandRegistry('container pgbouncer').register(...this.programsOf(bouncer)))))
    return registry
  }

  /** The process in a pod, if it runs. */
  of(podUid: string): Bouncer | undefined {
    const bouncer = this.running.get(podUid)
    return bouncer?.running ? bouncer : undefined
  }
}

/** Clients → Service of the pooler → one PgBouncer → whatever its configuration names. */
export class PoolerEntrance implements Entrance {
  readonly name = 'pooler'

  constructor(
    private readonly world: World,
    private readonly program: BouncerProgram,
    readonly roundTripUs: number,
    private readonly service: string,
  ) {}

  connect(client: Client, nth: number): Knock {
    const route = this.world.kubernetes.route(this.service, client.id, nth)
    if (route.is !== 'pod') return { is: 'refused', error: 'connection refused', afterUs: 1_000 }
    const bouncer = this.program.of(route.pod.uid)
    if (bouncer !== undefined) return bouncer.connect(client)
    const machine = route.pod.node
    return machine !== undefined && this.world.kubernetes.machines.get(machine)?.up === false ? { is: 'silent' } : { is: 'refused', error: 'connection refused', afterUs: 1_000 }
  }

  varies(): boolean {
    return this.world.kubernetes.endpoints(this.service).length > 1
  }

  fresh(): ReturnType<Entrance['fresh']> {
    const pods = this.world.kubernetes.endpoints(this.service)
    if (pods.length === 0) return { is: 'none', why: `the Service ${this.service} has no endpoint` }
    const servers: Server[] = []
    let why = 'no PgBouncer is running'
    for (const pod of pods) {
      const bouncer = this.program.of(pod.uid)
      if (bouncer === undefined) continue
      if (bouncer.paused) {
        why = `${pod.name} is paused`
        continue
      }
      if (bouncer.poolMode === 'statement') {
        why = `${pod.name} refuses transaction blocks (statement pooling)`
        continue
      }
      const server = findServerByHost(this.world, bouncer.host.place, bouncer.database?.host ?? '', 'fresh')
      if (typeof server === 'string') why = `${pod.name}: ${server.split('\n')[0]}`
      else if (!servers.includes(server)) servers.push(server)
    }
    return freshAmong(servers, () => why)
  }
}

/** What the admin console answers to one statement (rule PGB-CONSOLE-1); undefined = a syntax the console does not know. */
export function* console_(bouncer: Bouncer, statement: string): Process<Output | undefined> {
  const word = statement.trim().replace(/;$/, '').trim()
  const upper = word.toUpperCase()
  const verb = upper.split(/\s+/)[0] as string
  const error = (text: string): Output => ({ out: '', err: `ERROR:  ${text}\n`, code: 1 })
  switch (verb) {
    case 'PAUSE': {
      const problem = yield* bouncer.pause()
      return problem === undefined ? ok('PAUSE\n') : error(problem)
    }
    case 'RESUME': {
      const problem = bouncer.resume()
      return problem === undefined ? ok('RESUME\n') : error(problem)
    }
    case 'RELOAD':
      bouncer.reload()
      return ok('RELOAD\n')
    case 'RECONNECT':
      bouncer.reconnect()
      return ok('RECONNECT\n')
    case 'KILL':
      bouncer.kill()
      return ok('KILL\n')
    case 'DISABLE':
      bouncer.disabled = true
      return ok('DISABLE\n')
    case 'ENABLE':
      bouncer.disabled = false
      return ok('ENABLE\n')
    case 'SHUTDOWN':
      bouncer.stop(0)
      return ok('')
    default:
      return undefined
  }
}

/** The tables of SHOW, as rows of text with a header; undefined for one that is not modelled. */
export function show(bouncer: Bouncer, what: string): { columns: readonly string[]; rows: readonly (readonly string[])[] } | undefined {
  const db = bouncer.database
  switch (what.toUpperCase()) {
    case 'VERSION':
      return { columns: ['version'], rows: [['PgBouncer 1.18.0']] }
    case 'DATABASES':
      return {
        columns: ['name', 'host', 'port', 'database', 'force_user', 'pool_size', 'min_pool', 'reserve_pool', 'pool_mode', 'max_connections', 'current_connections', 'paused', 'disabled'],
        rows: bouncer.config.databases.map(d => [d.name, d.host, d.port, d.dbname, '', '20', '0', '0', d.poolMode ?? bouncer.config.settings.pool_mode ?? 'session', String(Math.max(0, d.maxDbConnections)), String(bouncer.queueCount), bouncer.paused ? '1' : '0', bouncer.disabled ? '1' : '0']),
      }
    case 'POOLS': {
      const held = bouncer.linkStates.filter(s => s !== 'writable' && s !== 'readOnly').length
      const active = bouncer.queueCount - held
      const row = (database: string, user: string, clients: number, waiting: number, servers: number, mode: string): string[] => [database, user, ...[clients, waiting, 0, 0, servers, 0, 0, 0, 0, 0, 0, 0, 0].map(String), mode]
      return {
        columns: ['database', 'user', 'cl_active', 'cl_waiting', 'cl_active_cancel_req', 'cl_waiting_cancel_req', 'sv_active', 'sv_active_cancel', 'sv_being_canceled', 'sv_idle', 'sv_used', 'sv_tested', 'sv_login', 'maxwait', 'maxwait_us', 'pool_mode'],
        rows: [row(db?.name ?? '', 'app_user', active, held, active, bouncer.poolMode), row('pgbouncer', 'pgbouncer', 1, 0, 0, 'statement')],
      }
    }
    default:
      return undefined
  }
}

export type { Call, Look }
