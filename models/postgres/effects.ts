/** What statements do to a server. Source: facts §1.1 (waiting commits), §1.3 (promotion), §1.5, D:functions-admin. */
import { type Process, Signal, type Task } from '../../src/kernel/index.ts'
import { namedIn } from './access.ts'
import { call, mayAdminister } from './calls.ts'
import { changeCatalog } from './catalog/perform.ts'
import { checkpointUs } from './checkpoints.ts'
import { stampUs } from './clock.ts'
import { CALENDAR_US } from './columns.ts'
import { done, error, lost } from './results.ts'
import { complaintOf, mayNotSet, whenSet } from './parameters.ts'
import { formatSettings, parseConf } from './settings.ts'
import type { Server } from './server.ts'
import type { Effect, EffectResult } from './sql/host.ts'
import type { Notice, Value } from './sql/types.ts'
import { sqlHost } from './relations.ts'
import { changeSchema } from './schema/ddl.ts'
import { reindex } from './schema/reindex.ts'
import { bulk, lockTables, readTables } from './schema/statement-locks.ts'
import { asBackend } from './schema/waiting.ts'
import { eyesOf, type SqlSession, Transaction } from './sessions.ts'
import { quorum } from './syncrep.ts'
import { type Eyes, type Shape, type ShapeColumn, Table } from './tables.ts'

/** WAL of one small transaction. */
const TRANSACTION_BYTES = 200

/** Carries out one effect of a session; `lost` when the server goes away or ends the session meanwhile. */
export function* perform(session: SqlSession, effect: Effect): Process<EffectResult> {
  const { server } = session
  if (!server.alive || session.ended !== undefined) return lost(session)
  session.register()
  session.activity = 'active'
  session.sinceUs = CALENDAR_US + stampUs(server.world, server.place)
  const result = yield* act(session, effect)
  session.activity = 'idle'
  return session.ended !== undefined && result.is !== 'lost' ? lost(session) : result
}

function* act(session: SqlSession, effect: Effect): Process<EffectResult> {
  const { server } = session
  switch (effect.kind) {
    case 'call':
      return yield* call(session, effect.name, effect.args)
    case 'checkpoint':
      if (!mayAdminister(session)) return error('42501', 'must be superuser or have privileges of pg_checkpoint to do CHECKPOINT')
      yield checkpointUs(server)
      if (!server.alive) return { is: 'lost' }
      server.checkpointDone()
      return done()
    case 'alterSystem':
      if (!mayAdminister(session)) return error('42501', `permission denied to ${effect.name === null ? 'perform ALTER SYSTEM RESET ALL' : `set parameter "${effect.name}"`}`)
      return alterSystem(server, effect.name, effect.value)
    case 'readTables':
      return yield* releasing(session, readTables(session, effect.tables))
    case 'set':
      return set(session, effect)
    case 'transaction':
      return yield* bracket(session, effect)
    case 'createPublication':
    case 'dropPublication':
    case 'createSubscription':
    case 'alterSubscription':
    case 'dropSubscription':
      return yield* server.world.logical.perform(session, effect)
    case 'catalog':
      return yield* changeCatalog(session, effect, commit)
    case 'reindex':
      return yield* asBackend(session, releasing(session, reindex(session, effect, commit)))
    case 'access':
      return yield* changeAccess(session, effect)
    case 'vacuum':
    case 'analyze':
      if (server.inRecovery) return error('25006', `cannot execute ${effect.kind.toUpperCase()} during recovery`)
      return yield* maintain(session, effect)
    case 'alterTable':
    case 'createIndex':
    case 'dropIndex':
    case 'lockTable':
      return yield* asBackend(session, releasing(session, changeSchema(session, effect, commit)))
    default:
      return yield* releasing(session, write(session, effect))
  }
}

/** VACUUM and ANALYZE keep nobody off; how long a large table takes is not modelled. What was done is in the statistics of this server. */
function* maintain(session: SqlSession, { kind, tables, alsoAnalyze }: Extract<Effect, { kind: 'vacuum' | 'analyze' }>): Process<EffectResult> {
  const { server } = session
  const eyes = eyesOf(server, session)
  const missing = tables.find(name => !name.startsWith('pg_') && server.world.tables.find(name, eyes) === undefined)
  if (missing !== undefined) return error('42P01', `relation "${missing}" does not exist`)
  yield 200_000
  if (!server.alive) return { is: 'lost' }
  for (const name of tables.length > 0 ? tables : server.world.tables.visibleTo(eyes).map(table => table.name)) {
    for (const what of alsoAnalyze === true ? ['vacuum', 'analyze'] : [kind]) {
      const key = `${what} ${name}`
      server.maintained.set(key, { atUs: server.world.sim.now, times: (server.maintained.get(key)?.times ?? 0) + 1 })
    }
  }
  return done()
}

/** Its locks go; who works with the tables may find other columns. */
function transactionOver(session: SqlSession): void {
  session.server.locksIfAny?.release(session, 'transaction')
  session.server.world.application?.look()
}

/** Locks of a statement that is a transaction of its own go with it; after an error those of the whole transaction go at once. */
function* releasing(session: SqlSession, work: Process<EffectResult>): Process<EffectResult> {
  const result = yield* work
  if (session.bracket === undefined || result.is === 'error') transactionOver(session)
  return result
}

function set(session: SqlSession, effect: Extract<Effect, { kind: 'set' }>): EffectResult {
  const where = effect.local && session.bracket !== undefined ? session.local : session.settings
  if (effect.name !== null) {
    const complaint = mayNotSet(effect.name, effect.value)
    if (complaint !== undefined) return error(complaint.state, complaint.message, complaint)
  }
  // It is the transaction's, whoever says so: outside of one it is over with the statement (rule PG-CONF-10).
  if (effect.name?.toLowerCase() === 'transaction_read_only') {
    const on = /^(?:on|true|yes|1)$/i.test(effect.value ?? 'off')
    if (!on && session.server.inRecovery) return error('25006', 'cannot set transaction read-write mode during recovery')
    if (session.bracket !== undefined) session.local.set('transaction_read_only', on ? 'on' : 'off')
    return done()
  }
  if (effect.name === null) where.clear()
  else if (effect.value === null) where.delete(effect.name.toLowerCase())
  else where.set(effect.name.toLowerCase(), effect.value)
  return done()
}

/** BEGIN, COMMIT, ROLLBACK. Only a commit that wrote something waits; a rollback never does (rule PG-ACK-3). */
function* bracket(session: SqlSession, { verb, implicit, readOnly }: Extract<Effect, { kind: 'transaction' }>): Process<EffectResult> {
  if (readOnly === false && session.server.inRecovery) return error('25006', 'cannot set transaction read-write mode during recovery')
  const transaction = session.bracket
  if (verb === 'begin') {
    if (transaction === undefined) session.bracket = new Transaction()
    if (!implicit && session.bracket !== undefined) session.bracket.implicit = false
    if (readOnly !== undefined) session.local.set('transaction_read_only', readOnly ? 'on' : 'off')
    return done()
  }
  session.bracket = undefined
  const result = verb === 'commit' && transaction?.wrote === true ? yield* commit(session, transaction, done()) : done()
  session.local.clear()
  transactionOver(session)
  return result
}

const unknownParameter = (name: string): EffectResult => error('42704', `unrecognized configuration parameter "${name}"`)

/** ALTER SYSTEM writes postgresql.auto.conf; nothing happens before a reload or restart. Allowed on a standby too. */
function alterSystem(server: Server, name: string | null, value: string | null): EffectResult {
  // A name that there is not, or a value that cannot be, is refused here; one written into a file by hand is not (rules PG-CONF-1, PG-CONF-4).
  if (name !== null) {
    const when = whenSet(name)
    if (when === undefined) return unknownParameter(name)
    if (when === 'never') return error('55P02', `parameter "${name}" cannot be changed`)
    const complaint = value === null ? undefined : complaintOf(name, value)
    if (complaint !== undefined) return error(complaint.state, complaint.message, complaint)
  }
  const text = server.dir.files.get('postgresql.auto.conf') ?? ''
  const parsed = parseConf(text, 'postgresql.auto.conf')
  const settings: Record<string, string> = typeof parsed.error === 'string' || name === null ? {} : { ...(parsed as Record<string, string>) }
  if (name !== null) {
    if (value === null) delete settings[name.toLowerCase()]
    else settings[name.toLowerCase()] = value
  }
  server.dir.files.set('postgresql.auto.conf', formatSettings(settings))
  return done()
}

export type WriteEffect = Extract<Effect, { kind: 'insert' | 'update' | 'delete' | 'truncate' | 'createTable' | 'dropTable' }>

const VERBS: Record<WriteEffect['kind'], string> = { insert: 'INSERT', update: 'UPDATE', delete: 'DELETE', truncate: 'TRUNCATE TABLE', createTable: 'CREATE TABLE', dropTable: 'DROP TABLE' }

/** Writes rows. Alone it is a transaction of its own; in a bracket the commit comes later. */
function* write(session: SqlSession, effect: WriteEffect): Process<EffectResult> {
  const { server } = session
  if (!server.copy.leading || session.readsOnly) return error('25006', `cannot execute ${VERBS[effect.kind]} in a read-only transaction`)
  const transaction = session.bracket ?? new Transaction()
  const failure = yield* lockTables(session, effect)
  if (failure !== undefined) return failure
  const toil = yield* bulk(session, effect)
  if (toil !== undefined) return toil
  const result = change(session, effect, transaction)
  if (result.is === 'error') return result
  transaction.wrote = true
  if (session.bracket !== undefined) return result
  return yield* commit(session, transaction, result)
}

/** ALTER DATABASE, ALTER ROLE, GRANT and REVOKE: rows of the catalog, committed like others (rule PG-ACCESS-1). */
function* changeAccess(session: SqlSession, effect: Extract<Effect, { kind: 'access' }>): Process<EffectResult> {
  const { server } = session
  if (!server.copy.leading || session.readsOnly) return error('25006', `cannot execute ${effect.tag} in a read-only transaction`)
  const { roles, database } = namedIn(effect)
  const missing = roles.find(name => !server.world.access.hasRole(server, name))
  if (database !== undefined && !server.world.access.hasDatabase(server, database)) return error('3D000', `database "${database}" does not exist`)
  if (missing !== undefined) return error('42704', `role "${missing}" does not exist`)
  const transaction = session.bracket ?? new Transaction()
  server.world.access.change(server, effect, transaction)
  transaction.wrote = true
  if (session.bracket !== undefined) return done()
  const result = yield* commit(session, transaction, done())
  server.world.topologyChanged()
  return result
}

/**
 * Commits: the record is flushed here, then the synchronous standbys are waited for without any time-out, and only then others see it here
 * (rules PG-ACK-1…2). The wait is the backend's, not the client's: whoever goes away leaves it waiting. Cancelled, it is acknowledged with a
 * warning (PG-ACK-4); statement_timeout does not end it (PG-ACK-5).
 */
function* commit(session: SqlSession, transaction: Transaction, result: EffectResult): Process<EffectResult> {
  const { server } = session
  if (!server.copy.leading) return lost(session)
  const level = session.setting('synchronous_commit')
  const lsn = server.copy.append(TRANSACTION_BYTES)
  transaction.at = server.copy.position('flush')
  transaction.waitingOn = server
  // A table that an apply worker waits for may be there now.
  if (server.world.logical.any) server.world.topologyChanged()
  server.world.commits.push({ at: transaction.at, atUs: server.world.sim.now })
  const backend: Task<boolean> = server.world.sim.spawn(backendCommit(server, transaction, lsn, level))
  session.activity = 'SyncRep'
  const over = new Signal<'acknowledged' | 'ended' | 'cancelled'>()
  const forget = [backend.park(server.world.sim, acknowledged => over.fire(acknowledged === true ? 'acknowledged' : 'ended')), session.interrupted.park(server.world.sim, why => over.fire(why))]
  const how = yield over
  for (const stop of forget) stop()
  if (how === 'acknowledged') return result
  // Whatever ends the wait, the commit stands.
  backend.kill()
  if (how === 'cancelled') {
    transaction.waitingOn = undefined
    const notice: Notice = { severity: 'WARNING', message: 'canceling wait for synchronous replication due to user request', detail: NOT_REPLICATED }
    return { ...result, notices: [...(result.notices ?? []), notice] }
  }
  if (server.alive) transaction.waitingOn = undefined
  const spoken = session.ended?.startsWith('57P01') === true
  return lost(session, spoken ? [{ severity: 'WARNING', message: 'canceling the wait for synchronous replication and terminating connection due to administrator command', detail: NOT_REPLICATED }] : [])
}

const NOT_REPLICATED = 'The transaction has already committed locally, but might not have been replicated to the standby.'

/** The server's side of a commit; false when the server went away first. */
function* backendCommit(server: Server, transaction: Transaction, lsn: number, level: string | undefined): Process<boolean> {
  yield server.copy.head?.commitLatencyUs ?? 1_000
  if (!(yield* acknowledgedAt(server, lsn, level))) return false
  transaction.waitingOn = undefined
  return true
}

/** Waits until the synchronous standbys confirm `lsn`; false when the server went away first. */
function* acknowledgedAt(server: Server, lsn: number, level: string | undefined): Process<boolean> {
  for (;;) {
    if (!server.alive) return false
    const rule = quorum(server, level)
    if (rule === undefined) return true
    if (rule.members.filter(s => !s.frozen && s.standby.copy.lsn(rule.stage) >= lsn).length >= rule.k) return true
    const moved = new Signal()
    const forget = server.world.onTopology(() => moved.fire())
    // Who has it already would wake us at once, again and again.
    const behind = rule.members.filter(s => s.standby.copy.lsn(rule.stage) < lsn)
    const watches = behind.map(s => s.standby.copy.whenReaches(rule.stage, lsn, () => moved.fire()))
    try {
      yield moved
    } finally {
      forget()
      for (const watch of watches) watch.cancel()
    }
  }
}

function change(session: SqlSession, effect: WriteEffect, by: Transaction): EffectResult {
  const { server } = session
  const { tables } = server.world
  const eyes = eyesOf(server, session)
  const missing = (name: string) => error('42P01', `relation "${name}" does not exist`)
  switch (effect.kind) {
    case 'createTable':
      if (tables.find(effect.table, eyes) !== undefined) {
        return effect.ifNotExists ? { is: 'ok', notices: [{ severity: 'NOTICE', message: `relation "${effect.table}" already exists, skipping` }] } : error('42P07', `relation "${effect.table}" already exists`)
      }
      tables.add(new Table(effect.table, effect.columns, by))
      return done()
    case 'dropTable':
      for (const name of effect.tables) {
        const table = tables.find(name, eyes)
        if (table !== undefined) table.droppedBy.push(by)
        else if (!effect.ifExists) return error('42P01', `table "${name}" does not exist`)
      }
      return done()
    case 'truncate':
      for (const name of effect.tables) {
        const table = tables.find(name, eyes)
        if (table === undefined) return missing(name)
        for (const row of table.visible(eyes)) row.deletedBy.push(by)
      }
      return done()
    case 'insert': {
      const table = tables.find(effect.table, eyes)
      if (table === undefined) return missing(effect.table)
      const host = sqlHost(server, session)
      const shape = table.shape(eyes)
      const rows = effect.rows.map(row => shape.definition.map((c, i) => (row[i] !== undefined ? (row[i] as Value) : c.serial ? table.nextSerial() : (c.defaultOf?.(host) ?? null))))
      const refused = nullRefused(table, shape, rows, eyes)
      if (refused !== undefined) return refused
      for (const values of rows) table.rows.push({ values: table.stored(values, shape), by, deletedBy: [] })
      server.world.logical.wrote(server, effect.table)
      return { is: 'ok', rows }
    }
    case 'update':
    case 'delete': {
      const table = tables.find(effect.table, eyes)
      if (table === undefined) return missing(effect.table)
      const shape = table.shape(eyes)
      const hit = table.visible(eyes).filter(r => effect.matches(table.project(r, shape)))
      const before = hit.map(r => table.project(r, shape))
      const rows = effect.kind === 'delete' ? before : before.map(values => effect.change(values).map((v, i) => (v === undefined ? (values[i] ?? null) : v)))
      const refused = effect.kind === 'delete' ? undefined : nullRefused(table, shape, rows, eyes)
      if (refused !== undefined) return refused
      for (const row of hit) row.deletedBy.push(by)
      if (effect.kind === 'update') for (const values of rows) table.rows.push({ values: table.stored(values, shape), by, deletedBy: [] })
      table.version += 1
      return { is: 'ok', rows }
    }
  }
}

/** NOT NULL, and CHECKs that say the same: one that is not valid yet binds new rows all the same. */
function nullRefused(table: Table, { definition }: Shape, rows: readonly (readonly Value[])[], eyes: Eyes): EffectResult | undefined {
  const lacks = (i: number): boolean => rows.some(row => row[i] === null)
  const at = definition.findIndex((c, i) => c.notNull && lacks(i))
  if (at >= 0) return error('23502', `null value in column "${(definition[at] as ShapeColumn).name}" of relation "${table.name}" violates not-null constraint`)
  const check = table.constraintsFor(eyes).find(c => definition.some((d, i) => d.name === c.notNullOf && lacks(i)))
  return check === undefined ? undefined : error('23514', `new row for relation "${table.name}" violates check constraint "${check.name}"`)
}
