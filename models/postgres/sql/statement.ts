import type { CreateStmt, ExplainStmt, Node, TransactionStmt, VariableSetStmt } from 'libpg-query'
import { accessStatement } from './access.ts'
import type { Process } from '../../../src/kernel/index.ts'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { isRefused, refusal } from '../parameters.ts'
import { isAggregate } from './aggregates.ts'
import { Binder, type Plan } from './binder.ts'
import { bindExpression } from './expression.ts'
import { BUILTINS, settingOf } from './functions.ts'
import { EFFECT_FUNCTIONS, type Effect, type EffectResult, HOST_FUNCTIONS, type Perform, type SqlHost } from './host.ts'
import { callsAny, kindOf, type Parsed, parseStatements } from './parse.ts'
import { EffectNeeded, Run, snapshotOf, StalePlan } from './run.ts'
import { catalogStatement } from './catalog.ts'
import { copiedQuery, copyLines } from './copy.ts'
import { schemaStatement } from './ddl.ts'
import { logicalStatement } from './logical.ts'
import { bindSelect } from './select.ts'
import { type Column, type Notice, type Relation, SqlError, type Value } from './types.ts'
import { bindCreateTable, bindDelete, bindInsert, bindUpdate, dropTable, type Write } from './write.ts'

/** The rows of a query, and whether they may change with time alone. */
export interface Answer extends Relation {
  readonly movesByItself: boolean
}

/** What a finished statement gives: its command tag, rows if it has any, notices. */
export interface StatementResult {
  readonly tag: string
  readonly relation: Relation | undefined
  readonly notices: readonly Notice[]
}

/** The connection broke while a statement ran. */
export class ConnectionLost extends Error {
  constructor(
    readonly fatal: string | undefined,
    readonly notices: readonly Notice[],
  ) {
    super('connection to server was lost')
  }
}

/** An error that the server reported for an effect, with the notices that came before it. */
export class EffectError extends SqlError {
  constructor(result: Extract<EffectResult, { is: 'error' }>) {
    super(result.message, { state: result.state, detail: result.detail, hint: result.hint })
    this.notices = result.notices ?? []
  }
  readonly notices: readonly Notice[]
}

interface Common {
  readonly text: string
  /** Refused inside BEGIN … COMMIT and among several statements of one string. */
  readonly forbiddenInTransaction: string | undefined
  /** Refused outside of it. */
  readonly needsTransaction: string | undefined
  readonly transaction: 'begin' | 'commit' | 'rollback' | undefined
  /** Of a query, what it reads but for the catalogs: tables, mostly; names of its own (WITH) among them. */
  readonly reads?: readonly string[]
}

/** A statement that only reads: judged at one instant. */
export interface QueryStatement extends Common {
  readonly kind: 'query'
  /** `COPY`: its rows are the lines that are sent, as they are. */
  readonly tag: 'SELECT' | 'SHOW' | 'EXPLAIN' | 'COPY'
  /** @throws SqlError as the server would report it */
  evaluate(host: SqlHost): Answer
}

/** A statement that changes something or waits. */
export interface EffectStatement extends Common {
  readonly kind: 'effect'
  /** Evaluates what there is to evaluate against `host`, has the effects performed one by one, and gives the result. @throws SqlError, ConnectionLost */
  execute(host: SqlHost, perform: Perform): Process<StatementResult>
}

export type Statement = QueryStatement | EffectStatement

const compiled = new Map<string, readonly Statement[]>()
const STATEMENTS: readonly string[] = [
  'SELECT', 'VALUES', 'SHOW', 'EXPLAIN', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'CREATE TABLE', 'DROP TABLE', 'CHECKPOINT', 'ALTER SYSTEM', 'SET', 'RESET', 'BEGIN', 'COMMIT',
  'ROLLBACK', 'VACUUM', 'ANALYZE', 'CREATE PUBLICATION', 'DROP PUBLICATION', 'CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION', 'DROP SUBSCRIPTION', 'ALTER TABLE', 'CREATE INDEX',
  'DROP INDEX', 'LOCK TABLE', 'COPY … TO STDOUT', 'CREATE|ALTER|DROP ROLE|USER|DATABASE|EXTENSION', 'GRANT', 'REINDEX',
]

/**
 * Compiles the statements of an SQL text; the same text is compiled once.
 * @throws SqlSyntaxError with PostgreSQL's message
 * @throws UnsupportedError for a statement that is not modelled
 */
export function compile(sql: string): readonly Statement[] {
  let statements = compiled.get(sql)
  if (statements === undefined) {
    statements = parseStatements(sql).map(compileOne)
    // Texts with values woven in would fill the memory of a long campaign.
    if (compiled.size >= 5000) compiled.clear()
    compiled.set(sql, statements)
  }
  return statements
}

// These are answered by a relation of the host, whose names only the host knows.
const RELATION_FUNCTIONS = /^pg_(control|stat|ls|get|show|prepared|lock)_/
const SET_FUNCTIONS: ReadonlySet<string> = new Set(['generate_series', 'unnest'])

/** The functions that an SQL text calls and nobody models: told without a server. */
export function unmodelledFunctions(sql: string): readonly string[] {
  const names = new Set<string>()
  callsAny(parseStatements(sql).map(({ node }) => node), name => {
    const modelled = name in BUILTINS || name in HOST_FUNCTIONS || name in EFFECT_FUNCTIONS || isAggregate(name) || SET_FUNCTIONS.has(name) || RELATION_FUNCTIONS.test(name)
    if (!modelled) names.add(name)
    return false
  })
  return [...names]
}

/** The system catalogs and views that a text reads. User tables are left out: a runbook may create them on its way. */
export function catalogsRead(sql: string): readonly string[] {
  return [...new Set(parseStatements(sql).flatMap(({ node }) => relationsOf(node)))].filter(name => name.startsWith('pg_'))
}

/** The names of tables and views that stand in a statement, of the schemas that are searched. */
function relationsOf(statement: unknown): readonly string[] {
  const names = new Set<string>()
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    const { relname, schemaname } = node as { relname?: unknown; schemaname?: unknown }
    if (typeof relname === 'string' && (schemaname === undefined || schemaname === 'pg_catalog' || schemaname === 'public')) names.add(relname)
    for (const child of Object.values(node)) walk(child)
  }
  walk(statement)
  return [...names]
}

const LINES: readonly Column[] = [{ name: 'line', type: 'text' }]

const binderFor = (host: SqlHost, parsed: Parsed): Binder => new Binder(host, parsed, { select: bindSelect, expression: bindExpression })

function compileOne(parsed: Parsed): Statement {
  const { node, text } = parsed
  const common: Common = { text, forbiddenInTransaction: undefined, needsTransaction: undefined, transaction: undefined }
  if ('SelectStmt' in node) {
    const reads = relationsOf(node).filter(name => !name.startsWith('pg_'))
    const more = reads.length === 0 ? common : { ...common, reads }
    if (callsAny(node, name => name in EFFECT_FUNCTIONS)) return { ...more, kind: 'effect', execute: executeCalls(parsed) }
    return { ...more, kind: 'query', tag: 'SELECT', evaluate: planned(parsed) }
  }
  if ('CopyStmt' in node) {
    const query = copiedQuery(node.CopyStmt)
    const lines = copyLines(node.CopyStmt)
    const evaluate = planned({ ...parsed, node: query })
    const reads = relationsOf(query).filter(name => !name.startsWith('pg_'))
    return {
      ...common, ...(reads.length === 0 ? {} : { reads }), kind: 'query', tag: 'COPY',
      evaluate: host => {
        const answer = evaluate(host)
        return { columns: LINES, rows: lines(answer).map(line => [line]), movesByItself: answer.movesByItself }
      },
    }
  }
  if ('VariableShowStmt' in node) return { ...common, kind: 'query', tag: 'SHOW', evaluate: host => show(node.VariableShowStmt.name ?? '', host) }
  if ('ExplainStmt' in node) return { ...common, kind: 'query', tag: 'EXPLAIN', evaluate: explain(node.ExplainStmt, parsed) }
  const write = writeOf(node)
  if (write !== undefined) return { ...common, kind: 'effect', execute: (host, perform) => executeWrite(write(binderFor(host, parsed)), perform) }
  if ('CreateStmt' in node) return { ...common, kind: 'effect', execute: createTable(node.CreateStmt, parsed) }
  const catalog = catalogStatement(node)
  if (catalog !== undefined) return { ...common, forbiddenInTransaction: catalog.alone, kind: 'effect', execute: (_host, perform) => executeUtility(catalog.effect, catalog.tag, perform) }
  const schema = schemaOf(parsed)
  if (schema !== undefined) {
    const { tag, alone, inside } = schema()
    const more = { forbiddenInTransaction: alone ? `${tag} CONCURRENTLY` : undefined, needsTransaction: inside ? tag : undefined }
    return { ...common, ...more, kind: 'effect', execute: (host, perform) => executeUtility(schema(host).effect, tag, perform) }
  }
  return compileUtility(node, common)
}

/** ALTER TABLE and the like; its defaults are expressions, which are bound to the host that is asked first. */
function schemaOf(parsed: Parsed): ((host?: SqlHost) => NonNullable<ReturnType<typeof schemaStatement>>) | undefined {
  let known: ReturnType<typeof schemaStatement>
  const read = (host: SqlHost | undefined): ReturnType<typeof schemaStatement> => schemaStatement(parsed.node, () => binderFor(host ?? NO_HOST, parsed))
  if (read(undefined) === undefined) return undefined
  return host => (host === undefined ? read(host) : (known ??= read(host))) as NonNullable<typeof known>
}

/** Where a statement is compiled before anybody runs it. */
const NO_HOST: SqlHost = { inRecovery: false, nowUs: () => 0, relation: () => undefined, call: () => undefined, setting: () => undefined }

/** A table is the same wherever it is made: read once. */
function createTable(node: CreateStmt, parsed: Parsed): EffectStatement['execute'] {
  let effect: Effect | undefined
  return (host, perform) => {
    if (effect === undefined) {
      const binder = binderFor(host, parsed)
      effect = bindCreateTable(node, binder)
      binder.release()
    }
    return executeUtility(effect, 'CREATE TABLE', perform)
  }
}

function writeOf(node: Node): ((binder: Binder) => Write) | undefined {
  if ('InsertStmt' in node) return binder => bindInsert(node.InsertStmt, binder)
  if ('UpdateStmt' in node) return binder => bindUpdate(node.UpdateStmt, binder)
  if ('DeleteStmt' in node) return binder => bindDelete(node.DeleteStmt, binder)
  return undefined
}

function compileUtility(node: Node, common: Common): EffectStatement {
  const utility = (effect: Effect, tag: string, more: Partial<Common> = {}): EffectStatement => ({
    ...common, ...more, kind: 'effect', execute: (_host, perform) => executeUtility(effect, tag, perform),
  })
  if ('CheckPointStmt' in node) return utility({ kind: 'checkpoint' }, 'CHECKPOINT')
  if ('AlterSystemStmt' in node) {
    const { name, value } = setting(node.AlterSystemStmt.setstmt as VariableSetStmt)
    if (name !== null && isRefused(name, value)) throw new UnsupportedError(refusal(name), ['every other parameter'])
    return utility({ kind: 'alterSystem', ...setting(node.AlterSystemStmt.setstmt as VariableSetStmt) }, 'ALTER SYSTEM', { forbiddenInTransaction: 'ALTER SYSTEM' })
  }
  if ('VariableSetStmt' in node) {
    const { kind = '', is_local: local = false } = node.VariableSetStmt
    return utility({ kind: 'set', local, ...setting(node.VariableSetStmt) }, kind.startsWith('VAR_RESET') ? 'RESET' : 'SET')
  }
  if ('TransactionStmt' in node) return transaction(node.TransactionStmt, utility)
  if ('TruncateStmt' in node) return utility({ kind: 'truncate', tables: tablesOf(node.TruncateStmt.relations) }, 'TRUNCATE TABLE')
  const logical = logicalStatement(node)
  if (logical !== undefined) return utility(logical.effect, logical.tag, logical.alone ? { forbiddenInTransaction: logical.tag } : {})
  if ('DropStmt' in node) return utility(dropTable(node.DropStmt), 'DROP TABLE')
  const access = accessStatement(node, setting)
  if (access !== undefined) return utility(access, access.tag)
  if ('VacuumStmt' in node) {
    if ((node.VacuumStmt.options ?? []).some(option => 'DefElem' in option && option.DefElem.defname === 'full')) throw new UnsupportedError('VACUUM FULL is not modelled: it writes the whole table anew and keeps everybody off it meanwhile', ['VACUUM', 'VACUUM ANALYZE'])
    const tables = (node.VacuumStmt.rels ?? []).flatMap(rel => ('VacuumRelation' in rel ? [rel.VacuumRelation.relation?.relname ?? ''] : []))
    if (node.VacuumStmt.is_vacuumcmd !== true) return utility({ kind: 'analyze', tables }, 'ANALYZE')
    const alsoAnalyze = (node.VacuumStmt.options ?? []).some(option => 'DefElem' in option && option.DefElem.defname === 'analyze')
    return utility({ kind: 'vacuum', tables, ...(alsoAnalyze ? { alsoAnalyze } : {}) }, 'VACUUM', { forbiddenInTransaction: 'VACUUM' })
  }
  throw new UnsupportedError(`the statement \`${common.text.slice(0, 60)}\` (${kindOf(node)}) is not modelled`, STATEMENTS)
}

const tablesOf = (nodes: readonly Node[] | undefined): string[] => (nodes ?? []).flatMap(node => ('RangeVar' in node ? [node.RangeVar.relname ?? ''] : []))

function transaction({ kind, options }: TransactionStmt, utility: (effect: Effect, tag: string, more: Partial<Common>) => EffectStatement): EffectStatement {
  const verbs: Readonly<Record<string, readonly ['begin' | 'commit' | 'rollback', string]>> = {
    TRANS_STMT_BEGIN: ['begin', 'BEGIN'], TRANS_STMT_START: ['begin', 'START TRANSACTION'], TRANS_STMT_COMMIT: ['commit', 'COMMIT'], TRANS_STMT_ROLLBACK: ['rollback', 'ROLLBACK'],
  }
  const verb = verbs[kind ?? '']
  if (verb === undefined) throw new UnsupportedError(`the transaction statement ${kind ?? ''} is not modelled`, ['BEGIN', 'COMMIT', 'ROLLBACK'])
  const readOnly = readOnlyOf(options)
  return utility({ kind: 'transaction', verb: verb[0], implicit: false, ...(readOnly === undefined ? {} : { readOnly }) }, verb[1], { transaction: verb[0] })
}

/** READ ONLY or READ WRITE among the modes of a transaction; isolation levels are not looked at. */
function readOnlyOf(options: readonly Node[] | undefined): boolean | undefined {
  for (const option of options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'transaction_read_only') continue
    const { arg } = option.DefElem
    return arg !== undefined && 'A_Const' in arg && (arg.A_Const.ival?.ival ?? 0) !== 0
  }
  return undefined
}

/** Name and value of SET, RESET and ALTER SYSTEM; several values are joined as the configuration file has them. */
function setting({ kind, name = '', args = [] }: VariableSetStmt): { readonly name: string | null; readonly value: string | null } {
  if (kind === 'VAR_RESET_ALL') return { name: null, value: null }
  if (kind === 'VAR_RESET' || kind === 'VAR_SET_DEFAULT') return { name, value: null }
  if (kind === 'VAR_SET_MULTI' && (name === 'TRANSACTION' || name === 'SESSION CHARACTERISTICS')) {
    const readOnly = readOnlyOf(args)
    const prefix = name === 'TRANSACTION' ? '' : 'default_'
    return readOnly === undefined ? { name: `${prefix}transaction_isolation`, value: null } : { name: `${prefix}transaction_read_only`, value: readOnly ? 'on' : 'off' }
  }
  if (kind !== 'VAR_SET_VALUE') throw new UnsupportedError(`this form of SET is not modelled`, ['SET name = value', 'SET LOCAL', 'SET name TO DEFAULT', 'RESET'])
  const values = args.map(arg => {
    if (!('A_Const' in arg)) throw new UnsupportedError('only plain values can be set', ['texts', 'numbers', 'on', 'off'])
    const { ival, fval, sval, boolval } = arg.A_Const
    if (ival !== undefined) return String(ival.ival ?? 0)
    return sval?.sval ?? fval?.fval ?? (sval !== undefined ? '' : boolval?.boolval === true ? 'on' : 'off')
  })
  return { name, value: values.join(', ') }
}

/**
 * Compiles a query for a host when it is first evaluated, and again when a relation has got other columns.
 * `answers`: the values of its functions with effects, as far as they have been performed.
 */
function planned(parsed: Parsed): (host: SqlHost, answers?: readonly Value[]) => Answer {
  let plan: Plan | undefined
  return (host, answers) => {
    for (let attempt = 0; ; attempt++) {
      plan ??= bindQuery(parsed, host)
      try {
        const run = new Run(host, answers)
        const rows = plan.rows(run)
        return { columns: plan.columns, rows, movesByItself: run.moves }
      } catch (error) {
        if (!(error instanceof StalePlan) || attempt > 0) throw error
        plan = undefined
      }
    }
  }
}

function bindQuery(parsed: Parsed, host: SqlHost): Plan {
  const binder = binderFor(host, parsed)
  const plan = bindSelect(parsed.node, undefined, binder)
  binder.release()
  return plan
}

function show(name: string, host: SqlHost): Answer {
  if (name === 'all') throw new UnsupportedError('SHOW ALL is not modelled', ['SHOW name', 'SELECT … FROM pg_settings'])
  const value = settingOf(new Run(host), name, false)
  return { columns: [{ name, type: 'text' }], rows: [[value]], movesByItself: false }
}

const WIDTHS: Readonly<Record<string, number>> = { bool: 1, int2: 2, int4: 4, oid: 4, float4: 4, date: 4, int8: 8, float8: 8, timestamptz: 8, timestamp: 8, pg_lsn: 8, interval: 16, name: 64 }

/** EXPLAIN: the form of a plan, with costs nobody should compare. EXPLAIN ANALYZE evaluates the query. */
function explain({ query, options = [] }: ExplainStmt, parsed: Parsed): (host: SqlHost) => Answer {
  if (query === undefined || !('SelectStmt' in query) || callsAny(query, name => name in EFFECT_FUNCTIONS)) throw new UnsupportedError('EXPLAIN is modelled for reading queries only', ['EXPLAIN [ANALYZE] SELECT'])
  const names = options.flatMap(option => ('DefElem' in option ? [option.DefElem.defname ?? ''] : []))
  if (names.includes('format')) throw new UnsupportedError('EXPLAIN (FORMAT …) is not modelled', ['EXPLAIN [ANALYZE] SELECT'])
  const evaluate = planned({ ...parsed, node: query })
  const [table] = tablesOf(query.SelectStmt.fromClause)
  return host => {
    const { columns, rows, movesByItself } = evaluate(host)
    const width = columns.reduce((sum, { type }) => sum + (WIDTHS[type] ?? 32), 0)
    const analyze = names.includes('analyze')
    const cost = table === undefined ? '0.00..0.01' : `0.00..${(1 + rows.length / 100).toFixed(2)}`
    const actual = analyze ? ` (actual time=0.010..0.012 rows=${rows.length} loops=1)` : ''
    const lines = [`${table === undefined ? 'Result' : `Seq Scan on ${table}`}  (cost=${cost} rows=${Math.max(1, rows.length)} width=${width})${actual}`]
    if (analyze) lines.push('Planning Time: 0.060 ms', 'Execution Time: 0.030 ms')
    return { columns: [{ name: 'QUERY PLAN', type: 'text' }], rows: lines.map(line => [line]), movesByItself }
  }
}

function* performed(perform: Perform, effect: Effect): Process<Extract<EffectResult, { is: 'ok' }>> {
  const result = yield* perform(effect)
  if (result.is === 'lost') throw new ConnectionLost(result.fatal, result.notices ?? [])
  if (result.is === 'error') throw new EffectError(result)
  return result
}

function* executeUtility(effect: Effect, tag: string, perform: Perform): Process<StatementResult> {
  const { notices = [] } = yield* performed(perform, effect)
  return { tag, relation: undefined, notices }
}

function* executeWrite({ effect, returning, tag }: Write, perform: Perform): Process<StatementResult> {
  const { rows = [], notices = [] } = yield* performed(perform, effect)
  return { tag: tag(rows.length), relation: returning?.(rows), notices }
}

/** A query with functions that have effects: evaluated over and over on one snapshot, each time one performed function further. */
function executeCalls(parsed: Parsed): EffectStatement['execute'] {
  const evaluate = planned(parsed)
  return function* (host, perform) {
    const snapshot = snapshotOf(host)
    const answers: Value[] = []
    const notices: Notice[] = []
    for (;;) {
      let needed: Effect
      try {
        const relation = evaluate(snapshot, answers)
        return { tag: `SELECT ${relation.rows.length}`, relation, notices }
      } catch (error) {
        if (!(error instanceof EffectNeeded)) throw error
        needed = error.effect
      }
      const result = yield* performed(perform, needed)
      answers.push(result.value ?? null)
      notices.push(...(result.notices ?? []))
    }
  }
}
