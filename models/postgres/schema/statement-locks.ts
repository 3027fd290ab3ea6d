/** Locks and toil of ordinary statements: advisory locks, the table locks of writes, and changes of many rows. Source: D:explicit-locking. */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import type { WriteEffect } from '../effects.ts'
import { eyesOf, type SqlSession } from '../sessions.ts'
import type { EffectResult } from '../sql/host.ts'
import type { Value } from '../sql/types.ts'
import type { LockMode, Tag } from './locks.ts'
import { acquire, asBackend, timeoutUs, works } from './waiting.ts'

const done = (value: Value = null): EffectResult => ({ is: 'ok', value })

/** Advisory locks: of the session until it unlocks them or ends, or of the transaction; nothing else in the database knows of them (rule PG-LOCK-8). */
export function* advisory(session: SqlSession, name: string, key: number): Process<EffectResult> {
  const { locks } = session.server
  const tag = `advisory ${key}` as const
  // Outside a transaction block one of the transaction goes with the statement.
  const scope = name.includes('xact') ? 'transaction' : 'session'
  switch (name) {
    case 'pg_try_advisory_lock':
    case 'pg_try_advisory_xact_lock':
      return done(locks.attempt(session, tag, 'Exclusive', scope))
    case 'pg_advisory_unlock':
      return locks.unlock(session, tag) ? done(true) : { is: 'ok', value: false, notices: [{ severity: 'WARNING', message: 'you don\'t own a lock of type ExclusiveLock' }] }
    case 'pg_advisory_unlock_all':
      while ([...locks.all()].some(l => l.owner === session && l.granted && l.tag.startsWith('advisory') && locks.unlock(session, l.tag)));
      return done()
    default:
      if (locks.attempt(session, tag, 'Exclusive', scope)) return done()
      return yield* asBackend(session, locked(session, tag, 'Exclusive', scope))
  }
}

function* locked(session: SqlSession, tag: Tag, mode: LockMode, scope: 'transaction' | 'session'): Process<EffectResult> {
  const limitUs = timeoutUs(session, 'statement_timeout')
  return (yield* acquire(session, tag, mode, scope, limitUs > 0 ? session.server.world.sim.now + limitUs : Number.POSITIVE_INFINITY)) ?? done()
}

/** Writes take ROW EXCLUSIVE, DROP and TRUNCATE everything. Where nobody else could meet such a lock it is not written down. */
export function* lockTables(session: SqlSession, effect: WriteEffect): Process<EffectResult | undefined> {
  const { server } = session
  if (effect.kind === 'createTable') return undefined
  const whole = effect.kind === 'dropTable' || effect.kind === 'truncate'
  const mode = whole ? 'AccessExclusive' : 'RowExclusive'
  for (const name of whole ? effect.tables : [effect.table]) {
    const ofClients = server.world.application?.table.name === name
    if (server.locksIfAny === undefined && session.bracket === undefined && !(whole && ofClients)) continue
    const tag = `table ${name}` as const
    const failure = server.locks.blocks(tag, mode) || (whole && ofClients) ? yield* asBackend(session, locked(session, tag, mode, 'transaction')) : yield* acquire(session, tag, mode, 'transaction')
    if (failure !== undefined && failure.is !== 'ok') return failure
  }
  return undefined
}

/** A query takes ACCESS SHARE on what it reads, and keeps it to the end of its transaction (rule PG-LOCK-9). Standbys are left out. */
export function* readTables(session: SqlSession, tables: readonly string[]): Process<EffectResult> {
  const { server } = session
  if (!server.copy.leading) return done()
  for (const name of tables) {
    const tag = `table ${name}` as const
    if (server.world.tables.find(name, eyesOf(server, session)) === undefined || server.locks.holds(session, tag, 'AccessShare')) continue
    const failure = server.locks.blocks(tag, 'AccessShare') ? yield* asBackend(session, locked(session, tag, 'AccessShare', 'transaction')) : yield* acquire(session, tag, 'AccessShare', 'transaction')
    if (failure !== undefined && failure.is !== 'ok') return failure
  }
  return done()
}

/** Changing many rows of the clients' table takes its time, and WAL: its rows here stand for many (rule PG-DDL-7). */
export function* bulk(session: SqlSession, effect: WriteEffect): Process<EffectResult | undefined> {
  const { server } = session
  const { application } = server.world
  if (application === undefined || (effect.kind !== 'update' && effect.kind !== 'delete') || application.table.name !== effect.table) return undefined
  application.materialise(server)
  const eyes = eyesOf(server, session)
  const shape = application.table.shape(eyes)
  const rows = application.table.visible(eyes).filter(r => effect.matches(application.table.project(r, shape))).length * application.rowsEach
  const limitUs = timeoutUs(session, 'statement_timeout')
  const work = works(session, Math.round((rows / application.options.updateRowsPerSecond) * SECOND), rows * ROW_BYTES, limitUs > 0 ? server.world.sim.now + limitUs : Number.POSITIVE_INFINITY)
  const result = yield* asBackend(session, (function* (): Process<EffectResult> {
    return (yield* work) ?? done()
  })())
  return result.is === 'ok' ? undefined : result
}

/** WAL of one updated row with its index entries. Judgement. */
const ROW_BYTES = 300
