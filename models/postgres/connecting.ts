/** Whom psql and its like connect to: the local server of a container, servers by host name, one after another, or through a pooler. */
import type { Process, Us } from '../../src/kernel/index.ts'
import type { Call } from '../../src/operator/command.ts'
import type { Login } from './access.ts'
import { BROKEN_LOGIN } from './defects.ts'
import { perform } from './effects.ts'
import { addressOf, findServerByHost, isLoopback, readHost } from './hosts.ts'
import { POOLER } from './names.ts'
import { mayNotSet } from './parameters.ts'
import type { Bouncer } from './pgbouncer/bouncer.ts'
import type { BouncerProgram } from './pgbouncer/program.ts'
import type { Connection, Target } from './psql/index.ts'
import { sqlHost } from './relations.ts'
import type { Server } from './server.ts'
import { SqlSession } from './sessions.ts'
import type { Effect, EffectResult, SqlHost } from './sql/host.ts'
import type { World } from './world.ts'

/** Where every server listens. */
const PORT = '5432'

export interface Client {
  readonly place: () => string
  readonly user: string
  /** The server of the same container, for connections without a host. */
  readonly server: () => Server | undefined
  readonly pod: string
  readonly poolers?: BouncerProgram
  /** What a file of its container holds; not for a workstation, whose disk comes with each call. */
  readonly file?: (path: string) => string | undefined
}

/** A pooler by pod name, pod IP, pod DNS name or Service. */
export function findBouncer(world: World, poolers: BouncerProgram, place: string, host: string, nth: number): Bouncer | string {
  const name = readHost(host).first
  const pods = world.kubernetes.pods().filter(p => p.labels.app === POOLER)
  let pod = pods.find(p => p.name === name || p.podIP === host)
  if (pod === undefined && world.kubernetes.resolve(host)?.is === 'service') {
    const route = world.kubernetes.route(name, `psql@${place}`, nth)
    if (route.is === 'pod') pod = route.pod
  }
  const where = `connection to server at "${host}", port 6432 failed`
  if (pod === undefined) return pods.length > 0 && name !== POOLER ? `could not translate host name "${host}" to address: Name or service not known` : `${where}: Connection refused`
  const bouncer = poolers.of(pod.uid)
  if (bouncer === undefined) return `${where}: Connection refused`
  if (!world.network.connected(place, bouncer.host.place)) return `${where}: Connection timed out`
  return bouncer
}

const fatal = (where: string, why: string): Connection => ({ is: 'error', stderr: `psql: error: ${where}FATAL:  ${why}\n`, code: 2, afterUs: 1_000 })

const ATTRIBUTES: readonly string[] = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby']

/**
 * Tries the hosts in their order until one answers and is what `target_session_attrs` asks for (rule PG-CONNECT-1). A server that answers and refuses for good ends it: only one that
 * cannot take connections now is passed over. Source: D:libpq-connect; fe-connect.c PQconnectPoll.
 */
export function connect(world: World, client: Client, target: Target, call: Call): Connection {
  const { attributes = 'any' } = target
  if (attributes === 'any' && target.host?.includes(',') !== true) return timed(connectOne(world, client, target, call), target)
  if (!ATTRIBUTES.includes(attributes)) return { is: 'error', stderr: `psql: error: invalid target_session_attrs value: "${attributes}"\n`, code: 2, afterUs: 0 }
  const hosts = target.host === undefined || target.host.startsWith('/') ? [target.host] : target.host.split(',')
  const ports = target.port?.split(',') ?? []
  if (ports.length > 1 && ports.length !== hosts.length) return { is: 'error', stderr: `psql: error: could not match ${ports.length} port numbers to ${hosts.length} hosts\n`, code: 2, afterUs: 0 }
  const said: string[] = []
  let afterUs: Us = 0
  // Who prefers a standby takes anything at the second try.
  for (const wanted of attributes === 'prefer-standby' ? ['standby', 'any'] : [attributes]) {
    for (const [i, host] of hosts.entries()) {
      const port = ports.length > 1 ? ports[i] : ports[0]
      const { host: _host, port: _port, ...rest } = target
      const connection = timed(connectOne(world, client, { ...rest, ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) }, call), target)
      if (connection.is === 'ok') {
        const unfit = whyUnfit(connection.host, wanted)
        if (unfit === undefined) return connection
        connection.close?.()
        said.push(`${whereOf(world, host, port)} failed: ${unfit}\n`)
        continue
      }
      said.push(connection.stderr.replace(/^psql: error: /, ''))
      afterUs += connection.afterUs
      if (connection.stderr.includes('FATAL:') && !/the database system is|not yet accepting/.test(connection.stderr)) return { ...connection, stderr: `psql: error: ${said.join('')}`, afterUs }
    }
  }
  return { is: 'error', stderr: `psql: error: ${said.join('')}`, code: 2, afterUs, stableUntilUs: 0 }
}

const whereOf = (world: World, host: string | undefined, port = PORT): string => (host === undefined || host.startsWith('/') ? `connection to server on socket "/var/run/postgresql/.s.PGSQL.${port}"` : `connection to server at ${addressOf(world, host)}, port ${port}`)

/** Why a session is not what was asked for, in libpq's words. */
function whyUnfit(host: SqlHost, wanted: string): string | undefined {
  const readOnly = host.setting('transaction_read_only') === 'on'
  switch (wanted) {
    case 'read-write':
      return readOnly ? 'session is read-only' : undefined
    case 'read-only':
      return readOnly ? undefined : 'session is not read-only'
    case 'primary':
      return host.inRecovery ? 'server is in hot standby mode' : undefined
    case 'standby':
      return host.inRecovery ? undefined : 'server is not in hot standby mode'
    default:
      return undefined
  }
}

/** `connect_timeout` ends what nobody answers; less than two seconds are taken for two. */
function timed(connection: Connection, { timeout }: Target): Connection {
  const seconds = Number.parseInt(timeout ?? '0', 10)
  if (connection.is === 'ok' || !(seconds > 0) || !connection.stderr.includes(' failed: Connection timed out')) return connection
  return { ...connection, stderr: connection.stderr.replace(/ failed: Connection timed out[\s\S]*$/, ' failed: timeout expired\n'), afterUs: Math.max(2, seconds) * 1_000_000 }
}

function connectOne(world: World, client: Client, target: Target, call: Call): Connection {
  const user = target.user ?? call.user ?? client.user
  const database = target.dbname ?? user
  const port = target.port ?? PORT
  if (target.host === undefined || target.host === '' || target.host.startsWith('/')) {
    const where = `connection to server on socket "/var/run/postgresql/.s.PGSQL.${port}" failed: `
    const server = port === PORT ? client.server() : undefined
    if (server === undefined) return { is: 'error', stderr: `psql: error: ${where}No such file or directory\n\tIs the server running locally and accepting connections on that socket?\n`, code: 2, afterUs: 1_000 }
    return local(server, client, user, database, target.options, where)
  }
  const pooled = client.poolers === undefined ? undefined : findPooled(world, client, target.host, database, call.nth)
  if (pooled === undefined && isLoopback(target.host, client.pod)) {
    const server = port === PORT ? client.server() : undefined
    const where = `connection to server at "${target.host}" (${target.host === '::1' ? '::1' : '127.0.0.1'}), port ${port} failed: `
    if (server === undefined) return { is: 'error', stderr: `psql: error: ${where}Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n`, code: 2, afterUs: 1_000 }
    return local(server, client, user, database, target.options, where)
  }
  const server = pooled ?? findServerByHost(world, client.place(), target.host, call.key, call.nth)
  if (typeof server === 'string') return { is: 'error', stderr: `psql: error: ${server}\n`, code: 2, afterUs: server.includes('timed out') ? 30_000_000 : 1_000 }
  const where = `connection to server at ${addressOf(world, target.host)}, port ${port} failed: `
  if (pooled === undefined && port !== PORT) return { is: 'error', stderr: `psql: error: ${where}Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n`, code: 2, afterUs: 1_000 }
  return opened(server, client.place(), { role: user, database }, target.options, where, pooled !== undefined)
}

/** A connection to the server of the same container. */
function local(server: Server, client: Client, user: string, database: string, options: string | undefined, where: string): Connection {
  if (!server.accepting) return fatal(where, `the database system is ${server.state === 'stopping' ? 'shutting down' : 'starting up'}`)
  if (server.broken) return { is: 'error', stderr: `psql: error: ${where}${BROKEN_LOGIN}\n`, code: 2, afterUs: 1_000 }
  return opened(server, client.place(), { role: user, database }, options, where)
}

/** The server that a pooler's clients end on now; undefined when the host is no pooler. */
function findPooled(world: World, client: Client, host: string, database: string, nth: number): Server | string | undefined {
  if (!readHost(host).isPooler) return undefined
  const bouncer = findBouncer(world, client.poolers as BouncerProgram, client.place(), host, nth)
  if (typeof bouncer === 'string') return bouncer
  if (bouncer.disabled) return `connection to server at "${host}", port 6432 failed: FATAL:  database "${database}" is disabled`
  return findServerByHost(world, bouncer.host.place, bouncer.database?.host ?? '', `psql@${bouncer.host.pod}`, nth)
}

/** A session, with what `options` sets in it (`-c name=value`, `--name=value`); a parameter that it cannot set ends it before it begins (rule PG-CONF-6). */
function opened(server: Server, place: string, login: Login, options: string | undefined, where: string, pooled = false): Connection {
  const { access } = server.world
  // A pooler logs in as itself.
  const refusal = pooled ? access.refusal(server, login) : access.loginError(server, login)
  if (refusal !== undefined) return { is: 'error', stderr: `psql: error: ${where}${refusal}\n`, code: 2, afterUs: 1_000, stableUntilUs: 0 }
  const session = new SqlSession(server, place, login)
  const readOnly = access.readOnly(server, login)
  if (readOnly !== undefined) session.settings.set('default_transaction_read_only', readOnly ? 'on' : 'off')
  for (const [, name = '', value = ''] of (options ?? '').matchAll(/(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)/g)) {
    const problem = mayNotSet(name.replaceAll('-', '_'), value)
    if (problem !== undefined) return fatal(where, problem.message)
    session.settings.set(name.replaceAll('-', '_').toLowerCase(), value.replaceAll(/\\(.)/g, '$1'))
  }
  return new Opened(session)
}

/** A connection that stands. */
class Opened {
  readonly is = 'ok'
  readonly host: SqlHost

  constructor(private readonly session: SqlSession) {
    this.host = sqlHost(session.server, session)
    this.host.asked = sql => {
      session.query = sql
    }
  }

  run(effect: Effect): Process<EffectResult> {
    return perform(this.session, effect)
  }

  close(): void {
    this.session.close()
  }
}
