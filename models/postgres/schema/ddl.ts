/** What ALTER TABLE, CREATE INDEX and LOCK TABLE lock, how long they work, and what they leave. Source: D:sql-altertable, D:sql-createindex, D:explicit-locking. */
import { type Process, SECOND, type Us } from '../../../src/kernel/index.ts'
import { sqlHost } from '../relations.ts'
import type { Server } from '../server.ts'
import { eyesOf, SqlSession, Transaction } from '../sessions.ts'
import type { AlterAction, EffectResult, SchemaEffect } from '../sql/host.ts'
import type { Value } from '../sql/types.ts'
import { type Eyes, holds, type Index, type ShapeColumn, type Table } from '../tables.ts'
import { type LockMode, MODES } from './locks.ts'
import { acquire, awaitOthers, type Failure, timeoutUs, works } from './waiting.ts'

/** Commits a transaction of this session's: given by effects.ts, which knows the wait for standbys. */
export type Commit = (session: SqlSession, transaction: Transaction, result: EffectResult) => Process<EffectResult>

const error = (state: string, message: string, more: { detail?: string; hint?: string } = {}): Failure => ({ is: 'error', state, message, ...more })
const done = (notice?: string): EffectResult => ({ is: 'ok', value: null, ...(notice === undefined ? {} : { notices: [{ severity: 'NOTICE', message: notice }] }) })

const NAMES: Readonly<Record<SchemaEffect['kind'], string>> = { alterTable: 'ALTER TABLE', createIndex: 'CREATE INDEX', dropIndex: 'DROP INDEX', lockTable: 'LOCK TABLE' }

/** Types between which no row need be written anew. Source: D:sql-altertable (binary coercible) */
const COERCIBLE: ReadonlySet<string> = new Set(['varchar>text', 'text>varchar', 'varchar>varchar', 'text>text'])

/** Share of a table's size that one index of it has. Judgement. */
export const INDEX_SHARE = 0.2

/** The lock of one action (rule PG-DDL-1). */
function modeOf({ do: what }: AlterAction): LockMode {
  return what === 'validate' ? 'ShareUpdateExclusive' : 'AccessExclusive'
}

const ROW_EXCLUSIVE = 3

/** Carries out one statement. Runs as a backend: the client may be gone meanwhile. */
export function* changeSchema(session: SqlSession, effect: SchemaEffect, commit: Commit): Process<EffectResult> {
  const { server } = session
  // LOCK TABLE changes nothing: a read-only transaction may, and a standby up to ROW EXCLUSIVE, where nobody else minds.
  if (effect.kind === 'lockTable' && server.inRecovery) return effect.mode > ROW_EXCLUSIVE ? error('25006', 'cannot execute LOCK TABLE during recovery') : done()
  if (effect.kind !== 'lockTable' && (!server.copy.leading || session.readsOnly)) return error('25006', `cannot execute ${NAMES[effect.kind]} in a read-only transaction`)
  const limitUs = timeoutUs(session, 'statement_timeout')
  const endsUs = limitUs > 0 ? server.world.sim.now + limitUs : Number.POSITIVE_INFINITY
  if (effect.kind === 'createIndex' && effect.concurrently) return yield* createConcurrently(session, effect, commit, endsUs)
  const transaction = session.bracket ?? new Transaction()
  const result = yield* perform(session, effect, transaction, endsUs)
  if (result.is !== 'ok') return result
  if (effect.kind !== 'lockTable') transaction.wrote = true
  if (session.bracket !== undefined) return result
  return yield* commit(session, transaction, result)
}

function* perform(session: SqlSession, effect: SchemaEffect, by: Transaction, endsUs: Us): Process<EffectResult> {
  switch (effect.kind) {
    case 'alterTable':
      return yield* alterTable(session, effect, by, endsUs)
    case 'createIndex':
      return yield* createIndex(session, effect, by, endsUs)
    case 'dropIndex':
      return yield* dropIndexes(session, effect, by, endsUs)
    case 'lockTable':
      for (const name of effect.tables) {
        if (tableOf(session, name) === undefined) return missing(name)
        const mode = MODES[effect.mode - 1] ?? 'AccessExclusive'
        if (effect.noWait && session.server.locks.blocks(`table ${name}`, mode)) return error('55P03', `could not obtain lock on relation "${name}"`)
        const failure = yield* acquire(session, `table ${name}`, mode, 'transaction', endsUs)
        if (failure !== undefined) return failure
      }
      return done()
  }
}

const missing = (name: string): Failure => error('42P01', `relation "${name}" does not exist`)

const tableOf = (session: SqlSession, name: string): Table | undefined => session.server.world.tables.find(name, eyesOf(session.server, session))

function* alterTable(session: SqlSession, { table: name, ifExists, actions }: Extract<SchemaEffect, { kind: 'alterTable' }>, by: Transaction, endsUs: Us): Process<EffectResult> {
  const modes = actions.map(modeOf)
  const mode = modes.includes('AccessExclusive') ? 'AccessExclusive' : 'ShareUpdateExclusive'
  if (tableOf(session, name) === undefined) return ifExists ? done(`relation "${name}" does not exist, skipping`) : missing(name)
  const failure = yield* acquire(session, `table ${name}`, mode, 'transaction', endsUs)
  if (failure !== undefined) return failure
  // It may have gone, or changed, while this waited.
  const table = tableOf(session, name)
  if (table === undefined) return missing(name)
  let notice: string | undefined
  for (const action of actions) {
    const result = yield* alter(session, table, action, by, endsUs)
    if (typeof result === 'string') notice = result
    else if (result !== undefined) return result
  }
  return done(notice)
}

/** One action. Gives a failure, a notice, or nothing. */
function* alter(session: SqlSession, table: Table, action: AlterAction, by: Transaction, endsUs: Us): Process<Failure | string | undefined> {
  const { server } = session
  const own: Eyes = { ...eyesOf(server, session), own: by }
  const { definition } = table.shape(own)
  const noColumn = (name: string): Failure => error('42703', `column "${name}" of relation "${table.name}" does not exist`)
  const reshape = (change: (column: ShapeColumn) => ShapeColumn | undefined): void => table.reshape(definition.map(change).filter(c => c !== undefined), by)
  const column = 'name' in action ? definition.find(c => c.name === action.name) : undefined
  switch (action.do) {
    case 'addColumn': {
      const { column: added } = action
      if (definition.some(c => c.name === added.name)) return action.ifNotExists ? `column "${added.name}" of relation "${table.name}" already exists, skipping` : error('42701', `column "${added.name}" of relation "${table.name}" already exists`)
      if (action.volatileDefault) {
        const failure = yield* rewrite(session, table, endsUs)
        if (failure !== undefined) return failure
      }
      const before: Value = added.defaultOf?.(sqlHost(server, session)) ?? null
      // Without a default the rows that are there would have NULL at once.
      if (added.notNull && !added.serial && before === null && rowsOf(session, table).length > 0) return error('23502', `column "${added.name}" of relation "${table.name}" contains null values`)
      table.reshape([...definition, { ...added, number: table.nextNumber(), before }], by)
      return undefined
    }
    case 'dropColumn':
      if (column === undefined) return action.ifExists ? `column "${action.name}" of relation "${table.name}" does not exist, skipping` : noColumn(action.name)
      return void reshape(c => (c === column ? undefined : c))
    case 'renameColumn':
      if (column === undefined) return error('42703', `column "${action.name}" does not exist`)
      if (definition.some(c => c.name === action.to)) return error('42701', `column "${action.to}" of relation "${table.name}" already exists`)
      return void reshape(c => (c === column ? { ...c, name: action.to } : c))
    case 'setDefault':
      if (column === undefined) return noColumn(action.name)
      return void reshape(c => (c === column ? { ...c, defaultOf: action.defaultOf } : c))
    case 'dropNotNull':
      if (column === undefined) return noColumn(action.name)
      return void reshape(c => (c === column ? { ...c, notNull: false } : c))
    case 'setNotNull': {
      if (column === undefined) return noColumn(action.name)
      // A valid CHECK (column IS NOT NULL) proves it without reading the table (since version 12).
      const proved = table.constraintsFor(own).some(c => c.notNullOf === action.name && holds(c.validBy, own))
      const failure = proved ? undefined : yield* scan(session, table, endsUs)
      if (failure !== undefined) return failure
      if (anyNull(session, table, own, column)) return error('23502', `column "${action.name}" of relation "${table.name}" contains null values`)
      return void reshape(c => (c === column ? { ...c, notNull: true } : c))
    }
    case 'setType': {
      if (column === undefined) return noColumn(action.name)
      const failure = COERCIBLE.has(`${column.type}>${action.type}`) ? undefined : yield* rewrite(session, table, endsUs)
      if (failure !== undefined) return failure
      return void reshape(c => (c === column ? { ...c, type: action.type } : c))
    }
    case 'addCheck': {
      if (table.constraintsFor(own).some(c => c.name === action.name)) return error('42710', `constraint "${action.name}" for relation "${table.name}" already exists`)
      const failure = action.notValid ? undefined : yield* check(session, table, action, endsUs)
      if (failure !== undefined) return failure
      table.constraints.push({ name: action.name, by, notNullOf: action.notNullOf, validBy: action.notValid ? undefined : by, droppedBy: [] })
      return undefined
    }
    case 'validate': {
      const constraint = table.constraintsFor(own).find(c => c.name === action.name)
      if (constraint === undefined) return error('42704', `constraint "${action.name}" of relation "${table.name}" does not exist`)
      if (holds(constraint.validBy, own)) return undefined
      const failure = yield* check(session, table, constraint, endsUs)
      if (failure !== undefined) return failure
      constraint.validBy = by
      return undefined
    }
    case 'dropConstraint': {
      const constraint = table.constraintsFor(own).find(c => c.name === action.name)
      if (constraint === undefined) return action.ifExists ? `constraint "${action.name}" of relation "${table.name}" does not exist, skipping` : error('42704', `constraint "${action.name}" of relation "${table.name}" does not exist`)
      constraint.droppedBy.push(by)
      return undefined
    }
  }
}

/** Reads the whole table for a CHECK. */
function* check(session: SqlSession, table: Table, { name, notNullOf }: { readonly name: string; readonly notNullOf: string | undefined }, endsUs: Us): Process<Failure | undefined> {
  const failure = yield* scan(session, table, endsUs)
  if (failure !== undefined || notNullOf === undefined) return failure
  const eyes = eyesOf(session.server, session)
  const column = table.shape(eyes).definition.find(c => c.name === notNullOf)
  if (column === undefined || !anyNull(session, table, eyes, column)) return undefined
  return error('23514', `check constraint "${name}" of relation "${table.name}" is violated by some row`)
}

function rowsOf({ server }: SqlSession, table: Table): readonly unknown[] {
  server.world.application?.materialise(server)
  return table.visible(eyesOf(server))
}

function anyNull({ server }: SqlSession, table: Table, eyes: Eyes, { number, before }: ShapeColumn): boolean {
  server.world.application?.materialise(server)
  return table.visible(eyes).some(row => (number < row.values.length ? (row.values[number] ?? null) : before) === null)
}

// ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of a table: the client programs' as declared, others' nearly none. */
function bytesOf(server: Server, table: Table): number {
  const { application } = server.world.options
  return application !== false && application.table === table.name ? application.tableMB * 1_000_000 : 0
}

/** Reading all of it. */
export function* scan(session: SqlSession, table: Table, endsUs: Us): Process<Failure | undefined> {
  return yield* works(session, workUs(session.server, table, 'scanMBps'), 0, endsUs)
}

/** Writing all rows anew, with their indexes (rule PG-DDL-2). */
function* rewrite(session: SqlSession, table: Table, endsUs: Us): Process<Failure | undefined> {
  const { server } = session
  return yield* works(session, workUs(server, table, 'rewriteMBps'), bytesOf(server, table) * (1 + INDEX_SHARE * table.indexesFor(eyesOf(server, session)).length), endsUs)
}

/** Reading, sorting and writing an index. */
export function* build(session: SqlSession, table: Table, endsUs: Us): Process<Failure | undefined> {
  return yield* works(session, workUs(session.server, table, 'indexMBps'), bytesOf(session.server, table) * INDEX_SHARE, endsUs)
}

function workUs(server: Server, table: Table, rate: 'scanMBps' | 'rewriteMBps' | 'indexMBps'): Us {
  const { application } = server.world.options
  return application === false ? 0 : Math.round((bytesOf(server, table) / (application[rate] * 1_000_000)) * SECOND)
}

// ── indexes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

type CreateIndex = Extract<SchemaEffect, { kind: 'createIndex' }>

export function findIndex(session: SqlSession, name: string): { readonly table: Table; readonly index: Index } | undefined {
  const eyes = eyesOf(session.server, session)
  for (const table of session.server.world.tables.visibleTo(eyes)) {
    const index = table.indexesFor(eyes).find(i => i.name === name)
    if (index !== undefined) return { table, index }
  }
  return undefined
}

/** What stands against a new index: no table or column, or the name is taken. A notice when that is no error. */
function obstacle(session: SqlSession, { table: name, index, columns, ifNotExists }: CreateIndex): Failure | string | undefined {
  const table = tableOf(session, name)
  if (table === undefined) return missing(name)
  if (findIndex(session, index) !== undefined) return ifNotExists ? `relation "${index}" already exists, skipping` : error('42P07', `relation "${index}" already exists`)
  const { definition } = table.shape(eyesOf(session.server, session))
  const unknown = columns.find(column => column !== 'expr' && !definition.some(c => c.name === column))
  return unknown === undefined ? undefined : error('42703', `column "${unknown}" does not exist`)
}

/** A plain one keeps writers out (SHARE) until it is built (rule PG-DDL-3). */
function* createIndex(session: SqlSession, effect: CreateIndex, by: Transaction, endsUs: Us): Process<EffectResult> {
  if (tableOf(session, effect.table) === undefined) return missing(effect.table)
  const failure = yield* acquire(session, `table ${effect.table}`, 'Share', 'transaction', endsUs)
  if (failure !== undefined) return failure
  const against = obstacle(session, effect)
  if (against !== undefined) return typeof against === 'string' ? done(against) : against
  const table = tableOf(session, effect.table) as Table
  const cut = yield* build(session, table, endsUs)
  if (cut !== undefined) return cut
  table.indexes.push({ name: effect.index, unique: effect.unique, columns: effect.columns, by, validBy: by, droppedBy: [] })
  return done()
}

/**
 * CONCURRENTLY keeps nobody out: it makes the index in the catalog first, waits for the transactions that do not know of it, builds, waits again, reads the table a
 * second time, and waits at last for every statement that sees an older state (rule PG-DDL-6). Whatever ends it on the way leaves the index there, invalid (PG-DDL-5).
 */
function* createConcurrently(session: SqlSession, effect: CreateIndex, commit: Commit, endsUs: Us): Process<EffectResult> {
  const { server } = session
  if (tableOf(session, effect.table) === undefined) return missing(effect.table)
  const tag = `table ${effect.table}` as const
  const failure = yield* acquire(session, tag, 'ShareUpdateExclusive', 'transaction', endsUs)
  if (failure !== undefined) return failure
  const against = obstacle(session, effect)
  if (against !== undefined) return typeof against === 'string' ? done(against) : against
  const table = tableOf(session, effect.table) as Table
  const made = new Transaction()
  const index: Index = { name: effect.index, unique: effect.unique, columns: effect.columns, by: made, validBy: undefined, droppedBy: [] }
  table.indexes.push(index)
  const kept = yield* keeping(session, commit, made)
  if (kept !== undefined) return kept
  const writers = (): readonly SqlSession[] => server.locks.holders(tag, 'Share').filter(o => o instanceof SqlSession && o !== session) as SqlSession[]
  for (const pass of ['build', 'scan'] as const) {
    const waited = yield* awaitOthers(session, writers, server.locks.clientTransactionsUs(), endsUs)
    if (waited !== undefined) return waited
    const cut = yield* pass === 'build' ? build(session, table, endsUs) : scan(session, table, endsUs)
    if (cut !== undefined) return cut
  }
  const before = new Set(sessionsWithSnapshots(session))
  const waited = yield* awaitOthers(session, () => sessionsWithSnapshots(session).filter(s => before.has(s)), server.locks.clientTransactionsUs(), endsUs)
  if (waited !== undefined) return waited
  const valid = new Transaction()
  index.validBy = valid
  return yield* commit(session, valid, done())
}

/** Commits on the way, keeping the lock: the statement goes on in a transaction of its own. */
export function* keeping(session: SqlSession, commit: Commit, transaction: Transaction): Process<Failure | undefined> {
  const { server } = session
  const result = yield* commit(session, transaction, done())
  if (result.is !== 'ok') return result
  if (!server.alive || session.ended !== undefined) return { is: 'lost' }
  return undefined
}

/** Other sessions in the middle of a statement: it sees the database as it was when it began, also one that waits for an advisory lock. */
export function sessionsWithSnapshots(session: SqlSession): SqlSession[] {
  return [...session.server.backends].filter((b): b is SqlSession => b instanceof SqlSession && b !== session && b.busy)
}

function* dropIndexes(session: SqlSession, { names, concurrently, ifExists }: Extract<SchemaEffect, { kind: 'dropIndex' }>, by: Transaction, endsUs: Us): Process<EffectResult> {
  let notice: string | undefined
  for (const name of names) {
    const found = findIndex(session, name)
    if (found === undefined) {
      if (!ifExists) return error('42704', `index "${name}" does not exist`)
      notice = `index "${name}" does not exist, skipping`
      continue
    }
    // The table is locked as well: planning a query reads its indexes (rule PG-DDL-4).
    const failure = yield* acquire(session, `table ${found.table.name}`, concurrently ? 'ShareUpdateExclusive' : 'AccessExclusive', 'transaction', endsUs)
    if (failure !== undefined) return failure
    found.index.droppedBy.push(by)
  }
  return done(notice)
}
