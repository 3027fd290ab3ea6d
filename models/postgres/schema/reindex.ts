/** REINDEX: indexes written anew, one table after another (rule PG-DDL-10). Source: D:sql-reindex; PostgreSQL 15.18. */
import { type Process, SECOND, type Us } from '../../../src/kernel/index.ts'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { eyesOf, SqlSession, Transaction } from '../sessions.ts'
import type { EffectResult, MaintenanceEffect } from '../sql/host.ts'
import type { Notice } from '../sql/types.ts'
import type { Table } from '../tables.ts'
import { build, type Commit, findIndex, INDEX_SHARE, keeping, scan, sessionsWithSnapshots } from './ddl.ts'
import { acquire, awaitOthers, type Failure, timeoutUs, works } from './waiting.ts'

const error = (state: string, message: string): Failure => ({ is: 'error', state, message })

/** The catalogs' own indexes. Judgement. */
const CATALOGS_US: Us = Math.round(0.3 * SECOND)
const NOT_CONCURRENTLY: Notice = { severity: 'WARNING', message: 'cannot reindex system catalogs concurrently, skipping all' }

/** Carries out one statement; those of a whole database or schema commit after each table. */
export function* reindex(session: SqlSession, effect: MaintenanceEffect, commit: Commit): Process<EffectResult> {
  const { server } = session
  if (server.inRecovery) return error('25006', 'cannot execute REINDEX during recovery')
  if (!server.copy.leading || session.readsOnly) return error('25006', 'cannot execute REINDEX in a read-only transaction')
  const limitUs = timeoutUs(session, 'statement_timeout')
  const endsUs = limitUs > 0 ? server.world.sim.now + limitUs : Number.POSITIVE_INFINITY
  const { options, tables } = server.world
  if (effect.of === 'index' || effect.of === 'table') {
    const eyes = eyesOf(server, session)
    const table = effect.of === 'table' ? tables.find(effect.name, eyes) : (findIndex(session, effect.name)?.table ?? tables.visibleTo(eyes).find(each => `${each.name}_pkey` === effect.name))
    if (table === undefined) return error('42P01', `relation "${effect.name}" does not exist`)
    return yield* one(session, table, effect.of === 'index' ? 1 : indexes(session, table), effect.concurrently, commit, endsUs)
  }
  const database = session.login?.database ?? options.database
  if (effect.of !== 'schema' && effect.name !== '' && effect.name !== database) return error('0A000', 'can only reindex the currently open database')
  const clients = database === options.database && options.application === false
  const user = effect.of === 'system' ? [] : tables.visibleTo(eyesOf(server, session))
  // Which tables the client programs have, and how large, is not known: how long each of them would be locked cannot be told.
  if (clients && effect.of !== 'system' && !effect.concurrently) {
    throw new UnsupportedError(`REINDEX ${effect.of.toUpperCase()} keeps writers off one table after another for as long as its indexes take, and the scenario does not say which tables the client programs have: give it \`application\``, ['REINDEX … CONCURRENTLY', 'REINDEX TABLE of a table that the runbook made'])
  }
  for (const table of user) {
    const result = yield* one(session, table, indexes(session, table), effect.concurrently, commit, endsUs)
    if (result.is !== 'ok') return result
  }
  // All of the clients' indexes: nobody waits for that, but it is read and written.
  if (clients && effect.of !== 'system') {
    const bytes = options.databaseMB * 1_000_000
    const failure = yield* works(session, Math.round((bytes / server.world.bytesPerSecond('dumpMBps', server.name)) * SECOND), bytes * INDEX_SHARE, endsUs)
    if (failure !== undefined) return failure
  }
  if (effect.concurrently) return { is: 'ok', value: null, notices: effect.of === 'schema' ? [] : [NOT_CONCURRENTLY] }
  const failure = yield* works(session, CATALOGS_US, 0, endsUs)
  return failure ?? { is: 'ok', value: null }
}

/** Those that are known, and that of the primary key. */
const indexes = (session: SqlSession, table: Table): number => Math.max(1, table.indexesFor(eyesOf(session.server, session)).length)

/**
 * Without CONCURRENTLY writers wait (SHARE on the table), and so does nearly every query: planning one locks each index of its table, and the one that is written is locked exclusively.
 * CONCURRENTLY builds beside the old one, and waits for older transactions as CREATE INDEX CONCURRENTLY does.
 */
function* one(session: SqlSession, table: Table, count: number, concurrently: boolean, commit: Commit, endsUs: Us): Process<EffectResult> {
  const { server } = session
  const tag = `table ${table.name}` as const
  const failure = yield* acquire(session, tag, concurrently ? 'ShareUpdateExclusive' : 'AccessExclusive', 'transaction', endsUs)
  if (failure !== undefined) return failure
  const transaction = concurrently ? new Transaction() : (session.bracket ?? new Transaction())
  for (let i = 0; i < count; i++) {
    const cut = yield* build(session, table, endsUs)
    if (cut !== undefined) return cut
  }
  transaction.wrote = true
  if (concurrently) {
    const kept = yield* keeping(session, commit, transaction)
    if (kept !== undefined) return kept
    const cut = yield* scan(session, table, endsUs)
    if (cut !== undefined) return cut
    const before = new Set(sessionsWithSnapshots(session))
    const waited = yield* awaitOthers(session, () => sessionsWithSnapshots(session).filter(s => before.has(s)), server.locks.clientTransactionsUs(), endsUs)
    if (waited !== undefined) return waited
    return yield* commit(session, new Transaction(), { is: 'ok', value: null })
  }
  if (session.bracket !== undefined) return { is: 'ok', value: null }
  return yield* commit(session, transaction, { is: 'ok', value: null })
}
