/** pg_stat_activity: one row for each single session, as it is, and one for each connection of the client programs. Sessions that only look have none. Source: D:monitoring-stats. */
import { stampUs } from './clock.ts'
import { CALENDAR_US, columns, type View } from './columns.ts'
import type { Backend } from './host.ts'
import type { Server } from './server.ts'
import { SqlSession } from './sessions.ts'
import type { Value } from './sql/types.ts'

interface Doing {
  readonly sinceUs: number
  readonly state: string
  readonly wait: readonly [type: string, event: string] | undefined
  readonly query: string
}

const IDLE = ['Client', 'ClientRead'] as const
const WAITS_FOR_STANDBYS = ['IPC', 'SyncRep'] as const

function sessionRow(server: Server, session: SqlSession, nowUs: number): Value[] {
  const { login, pid, query } = session
  const waits = session.waitEvent === undefined ? undefined : ([session.waitEvent.type, session.waitEvent.event] as const)
  const active = session.activity === 'active' || session.activity === 'SyncRep' || session.busy || waits !== undefined
  const doing: Doing = active
    ? { sinceUs: session.sinceUs, state: 'active', wait: waits ?? (session.activity === 'SyncRep' ? WAITS_FOR_STANDBYS : session.sleeps ? ['Timeout', 'PgSleep'] : undefined), query }
    : { sinceUs: session.sinceUs, state: session.bracket === undefined ? 'idle' : 'idle in transaction', wait: IDLE, query }
  const database = login?.database ?? 'postgres'
  const oid = server.world.access.databases(server).get(database)?.oid ?? null
  return row(oid, database, pid, login?.role ?? 'postgres', 'psql', nowUs, doing, active || session.bracket !== undefined)
}

function row(databaseOid: number | null, database: string, pid: number, role: string, application: string, nowUs: number, { sinceUs, state, wait, query }: Doing, inTransaction: boolean): Value[] {
  return [databaseOid, database, pid, null, role === 'postgres' ? 10 : 16_386, role, application, null, null, application === 'psql' ? -1 : 40_000, nowUs, inTransaction ? sinceUs : null, sinceUs, sinceUs, wait?.[0] ?? null, wait?.[1] ?? null, state, null, null, null, query, 'client backend']
}

export const activityView: View = {
  columns: columns('datid oid, datname name, pid int4, leader_pid int4, usesysid oid, usename name, application_name text, client_addr inet, client_hostname text, client_port int4, backend_start timestamptz, xact_start timestamptz, query_start timestamptz, state_change timestamptz, wait_event_type text, wait_event text, state text, backend_xid xid, backend_xmin xid, query_id int8, query text, backend_type text'),
  fill: server => {
    const { world } = server
    const nowUs = CALENDAR_US + stampUs(world, server.place)
    const hung = server.copy.leading && server.copy.ackHung
    const ofClients = (backend: Backend, doing: Doing): Value[] => row(16_385, world.options.database, backend.pid, world.options.role, 'app', nowUs, doing, doing.state !== 'idle')
    const rows = [...server.backends].map(b => (b instanceof SqlSession ? sessionRow(server, b, nowUs) : ofClients(b, hung ? { sinceUs: nowUs, state: 'active', wait: WAITS_FOR_STANDBYS, query: 'COMMIT' } : { sinceUs: nowUs, state: 'idle', wait: IDLE, query: '' })))
    // The transaction that a fault holds open is one of theirs.
    const first = [...server.backends].findIndex(b => !(b instanceof SqlSession))
    const backend = [...server.backends][first]
    if (backend !== undefined && world.longTransactionUntilUs > world.sim.now) rows[first] = ofClients(backend, { sinceUs: CALENDAR_US + stampUs(world, server.place, world.longTransactionSinceUs), state: 'idle in transaction', wait: IDLE, query: 'SELECT 1' })
    return { moves: rows.length > 0, rows }
  },
}
