import type { Node, SelectStmt, SortBy, WithClause } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { isAggregate } from './aggregates.ts'
import { Binder, type Plan } from './binder.ts'
import { type Bound, coerce, commonType, condition, settled } from './bound.ts'
import { sortKey } from './call.ts'
import { castTo, groupKey, parse } from './convert.ts'
import { bindExpression } from './expression.ts'
import { bindFromList } from './from.ts'
import { expressionKey, figureName, lastName } from './parse.ts'
import { candidatesOf, type Distinct, plainRows, project, type Row, type Slice } from './rows.ts'
import type { Run } from './run.ts'
import { type Grouping, Scope, type SortKey } from './scope.ts'
import { type Column, isText, type PgType, SqlError, type Value } from './types.ts'

interface Target {
  readonly name: string
  readonly bound: Bound
  /** Where it stands, if it is a quoted literal and nothing else. */
  readonly literalAt: number | undefined
}

/** Compiles a SELECT, VALUES or set operation. */
export function bindSelect(node: Node, parent: Scope | undefined, binder: Binder): Plan {
  if (!('SelectStmt' in node)) throw new UnsupportedError('this statement inside a query is not modelled', ['SELECT', 'VALUES'])
  return bindStatement(node.SelectStmt, parent, binder)
}

function bindStatement(select: SelectStmt, parent: Scope | undefined, binder: Binder): Plan {
  const before = binder.withQueries
  try {
    if (select.withClause !== undefined) bindWith(select.withClause, parent, binder)
    if (select.intoClause !== undefined) throw new UnsupportedError('SELECT INTO is not modelled', ['CREATE TABLE, INSERT … SELECT'])
    if ((select.windowClause ?? []).length > 0) throw new UnsupportedError('WINDOW is not modelled', ['GROUP BY'])
    const plan = select.op !== undefined && select.op !== 'SETOP_NONE' ? bindSetOperation(select, parent, binder)
      : select.valuesLists !== undefined ? bindValues(select.valuesLists, parent, binder)
      : bindPlain(select, parent, binder)
    return plan
  } finally {
    binder.withQueries = before
  }
}

function bindWith({ ctes = [], recursive }: WithClause, parent: Scope | undefined, binder: Binder): void {
  if (recursive === true) throw new UnsupportedError('WITH RECURSIVE is not modelled', ['WITH'])
  for (const node of ctes) {
    if (!('CommonTableExpr' in node)) continue
    const { ctename = '', ctequery, aliascolnames = [] } = node.CommonTableExpr
    if (ctequery === undefined || !('SelectStmt' in ctequery)) throw new UnsupportedError('WITH holding INSERT, UPDATE or DELETE is not modelled', ['WITH … AS (SELECT …)'])
    const plan = bindStatement(ctequery.SelectStmt, parent, binder)
    const place = binder.withCount++
    const columns = plan.columns.map((column, i) => ({ name: aliascolnames[i] === undefined ? column.name : lastName([aliascolnames[i]]), type: column.type }))
    binder.withQueries = [...binder.withQueries, { name: ctename, columns, rows: run => (run.withRows[place] ??= plan.rows(run)) }]
  }
}

function bindPlain(select: SelectStmt, parent: Scope | undefined, binder: Binder): Plan {
  const scope = new Scope(parent)
  const from = (select.fromClause ?? []).length === 0 ? undefined : bindFromList(select.fromClause as Node[], scope, binder)
  const where = select.whereClause === undefined ? undefined : condition(bindExpression(select.whereClause, scope, binder), 'WHERE')
  const targetNodes = expandStars(select.targetList ?? [], scope, binder)
  const groups = bindGroups(select, targetNodes, scope, binder)
  const grouping: Grouping = {
    calls: [], columns: groups.columns, expressions: groups.expressions,
    grouped: groups.keys.length > 0 || select.havingClause !== undefined || [...targetNodes, ...(select.sortClause ?? [])].some(hasAggregate),
  }
  scope.grouping = grouping
  const targets = targetNodes.map(target => bindTarget(target, scope, binder))
  const having = select.havingClause === undefined ? undefined : condition(bindExpression(select.havingClause, scope, binder), 'HAVING')
  const sort = (select.sortClause ?? []).map(node => bindSort((node as { SortBy: SortBy }).SortBy, targets, scope, binder))
  const distinct = bindDistinctClause(select.distinctClause, targets, scope, binder)
  scope.grouping = undefined
  const slice = bindSlice(select, scope, binder)
  const { depth, width } = scope
  const columns = targets.map(({ name, bound }) => ({ name, type: bound.type }))
  const literalsAt = targets.map(({ literalAt }) => literalAt)
  if (!grouping.grouped && sort.length === 0 && distinct === undefined && slice === undefined) return { columns, literalsAt, rows: plainRows(depth, from, where, targets) }
  const candidates = candidatesOf(depth, from, where, grouping.grouped ? { keys: groups.keys, calls: grouping.calls, having, width } : undefined)
  return {
    columns,
    literalsAt,
    rows: run => {
      const outer = [run.rows[depth], run.aggregates[depth]] as const
      try {
        return project(run, depth, candidates(run), targets, sort, distinct, slice?.(run) ?? ALL)
      } finally {
        if (outer[0] !== undefined) run.rows[depth] = outer[0]
        if (outer[1] !== undefined) run.aggregates[depth] = outer[1]
      }
    },
  }
}

/** What makes rows equal: all columns for DISTINCT (an empty node), the expressions of DISTINCT ON; undefined without either. */
function bindDistinctClause(clause: readonly Node[] | undefined, targets: readonly Target[], scope: Scope, binder: Binder): Distinct | undefined {
  if (clause === undefined) return undefined
  const written = clause.filter(node => Object.keys(node).length > 0)
  if (written.length === 0) return { by: targets.map(({ bound }) => bound), first: false }
  return { by: written.map(node => bindSort({ node }, targets, scope, binder).by), first: true }
}

/** The SELECT list with every `*` written out. */
function expandStars(list: readonly Node[], scope: Scope, binder: Binder): Node[] {
  return list.flatMap(node => {
    if (!('ResTarget' in node) || node.ResTarget.val === undefined || !('ColumnRef' in node.ResTarget.val)) return [node]
    const { fields = [], location } = node.ResTarget.val.ColumnRef
    const last = fields[fields.length - 1]
    if (last === undefined || !('A_Star' in last)) return [node]
    const table = fields.length > 1 ? lastName([fields[fields.length - 2] as Node]) : undefined
    const source = scope.sources.find(({ alias }) => alias === table)
    if (table !== undefined && source === undefined) throw new SqlError(`missing FROM-clause entry for table "${table}"`, { state: '42P01', at: binder.at(location) })
    if (table === undefined && scope.sources.length === 0) throw new SqlError('SELECT * with no tables specified is not valid', { state: '42601', at: binder.at(location) })
    const columns = source === undefined ? scope.visible : source.columns.map(({ name }) => ({ name, alias: source.alias }))
    return columns.map(({ name, alias }) => {
      const names = [alias, name].map(sval => ({ String: { sval } }))
      return { ResTarget: { name, val: { ColumnRef: { fields: names, location: location ?? 0 } }, location: location ?? 0 } }
    })
  })
}

function bindTarget(node: Node, scope: Scope, binder: Binder): Target {
  if (!('ResTarget' in node) || node.ResTarget.val === undefined) throw new UnsupportedError('this SELECT list is not modelled', ['expressions', '*'])
  const { name, val } = node.ResTarget
  const bound = bindExpression(val, scope, binder)
  return { name: name ?? figureName(val).name, bound: settled(bound), literalAt: bound.type === 'unknown' ? bound.at : undefined }
}

/** Whether an aggregate is called at this level: not in a subquery. */
function hasAggregate(node: unknown): boolean {
  if (Array.isArray(node)) return node.some(hasAggregate)
  if (node === null || typeof node !== 'object' || 'SelectStmt' in node) return false
  const { FuncCall: call } = node as { FuncCall?: { funcname?: Node[]; over?: unknown } }
  if (call !== undefined && call.over === undefined && isAggregate(lastName(call.funcname))) return true
  return Object.values(node).some(hasAggregate)
}

/** GROUP BY: expressions, numbers of the SELECT list or its names. */
function bindGroups(select: SelectStmt, targets: readonly Node[], scope: Scope, binder: Binder): { keys: Bound[]; columns: Set<number>; expressions: Set<string> } {
  const groups = { keys: [] as Bound[], columns: new Set<number>(), expressions: new Set<string>() }
  scope.clause = 'GROUP BY'
  for (const written of select.groupClause ?? []) {
    if ('GroupingSet' in written) throw new UnsupportedError('GROUPING SETS, ROLLUP and CUBE are not modelled', ['GROUP BY'])
    const node = groupNode(written, targets, scope, binder)
    groups.keys.push(settled(bindExpression(node, scope, binder)))
    if ('ColumnRef' in node) {
      const names = (node.ColumnRef.fields ?? []).map(field => lastName([field]))
      const { scope: owner, column } = scope.resolve(names[names.length - 2], names[names.length - 1] as string, binder.at(node.ColumnRef.location))
      if (owner === scope) groups.columns.add(column.index)
    } else groups.expressions.add(expressionKey(node))
  }
  scope.clause = 'WHERE'
  return groups
}

function groupNode(node: Node, targets: readonly Node[], scope: Scope, binder: Binder): Node {
  if ('A_Const' in node && node.A_Const.ival !== undefined) {
    const position = node.A_Const.ival.ival ?? 0
    const target = targets[position - 1]
    if (target === undefined || !('ResTarget' in target)) {
      throw new SqlError(`GROUP BY position ${position} is not in select list`, { state: '42P10', at: binder.at(node.A_Const.location) })
    }
    return target.ResTarget.val as Node
  }
  if (!('ColumnRef' in node) || node.ColumnRef.fields?.length !== 1) return node
  const name = lastName(node.ColumnRef.fields)
  // A column of the input goes before a name of the output.
  if (scope.visible.some(column => column.name === name)) return node
  const target = targets.find(candidate => 'ResTarget' in candidate && candidate.ResTarget.name === name)
  return target !== undefined && 'ResTarget' in target ? (target.ResTarget.val as Node) : node
}

/** ORDER BY: numbers and names of the SELECT list go before columns of the input. */
function bindSort(sort: SortBy, targets: readonly Target[], scope: Scope, binder: Binder): SortKey {
  const node = sort.node as Node
  if ('A_Const' in node && node.A_Const.ival !== undefined) return sortKey(targetAt(node.A_Const.ival.ival ?? 0, targets, binder.at(node.A_Const.location)).bound, sort)
  if ('ColumnRef' in node && node.ColumnRef.fields?.length === 1) {
    const named = targets.find(({ name }) => name === lastName(node.ColumnRef.fields))
    if (named !== undefined) return sortKey(named.bound, sort)
  }
  return sortKey(settled(bindExpression(node, scope, binder)), sort)
}

function targetAt(position: number, targets: readonly Target[], at: number): Target {
  const target = targets[position - 1]
  if (target === undefined) throw new SqlError(`ORDER BY position ${position} is not in select list`, { state: '42P10', at })
  return target
}

const ALL = { from: 0, count: Infinity }

/** Undefined when nothing is cut off. */
function bindSlice(select: SelectStmt, scope: Scope, binder: Binder): Slice | undefined {
  if (select.limitOption === 'LIMIT_OPTION_WITH_TIES') throw new UnsupportedError('WITH TIES is not modelled', ['LIMIT'])
  scope.clause = 'LIMIT'
  const [limit, offset] = [select.limitCount, select.limitOffset].map(node => (node === undefined ? undefined : coerce(bindExpression(node, scope, binder), 'int8')))
  if (limit === undefined && offset === undefined) return undefined
  const read = (bound: Bound | undefined, run: Run, what: string): number | null => {
    const value = bound === undefined ? null : (bound.get(run) as number | null)
    if (value !== null && value < 0) throw new SqlError(`${what} must not be negative`, { state: what === 'LIMIT' ? '2201W' : '2201X' })
    return value
  }
  return run => ({ from: read(offset, run, 'OFFSET') ?? 0, count: read(limit, run, 'LIMIT') ?? Infinity })
}

function bindValues(lists: readonly Node[], parent: Scope | undefined, binder: Binder): Plan {
  const scope = new Scope(parent)
  scope.clause = 'VALUES'
  const rows = lists.map(list => ('List' in list ? (list.List.items ?? []) : []).map(node => bindExpression(node, scope, binder)))
  const width = (rows[0] as Bound[]).length
  const uneven = rows.find(row => row.length !== width)
  if (uneven !== undefined) throw new SqlError('VALUES lists must all be the same length', { state: '42601', at: uneven[0]?.at })
  const types = Array.from({ length: width }, (_, i) => commonType(rows.map(row => row[i] as Bound), 'VALUES'))
  const cells = rows.map(row => row.map((bound, i) => coerce(bound, types[i] as PgType)))
  return { columns: types.map((type, i) => ({ name: `column${i + 1}`, type })), rows: run => cells.map(row => row.map(cell => cell.get(run))) }
}

function bindSetOperation(select: SelectStmt, parent: Scope | undefined, binder: Binder): Plan {
  const [left, right] = [select.larg, select.rarg].map(side => bindStatement(side as SelectStmt, parent, binder)) as [Plan, Plan]
  const what = { SETOP_UNION: 'UNION', SETOP_INTERSECT: 'INTERSECT', SETOP_EXCEPT: 'EXCEPT' }[select.op as string] as string
  if (left.columns.length !== right.columns.length) {
    const target = select.rarg?.targetList?.[0]
    const at = target !== undefined && 'ResTarget' in target ? binder.at(target.ResTarget.location) : undefined
    throw new SqlError(`each ${what} query must have the same number of columns`, { state: '42601', at })
  }
  const columns = left.columns.map(({ name, type }, i) => {
    // A bare literal on one side is read as the type of the other.
    const side = ({ columns: cols, literalsAt }: Plan): Bound => ({ type: literalsAt?.[i] === undefined ? (cols[i] as Column).type : 'unknown', get: () => null, at: undefined })
    return { name, type: commonType([{ ...side(left), type: side(left).type === 'unknown' ? 'unknown' : type }, side(right)], what) }
  })
  const [lefts, rights] = [left, right].map(plan => converter(plan, columns)) as [Plan['rows'], Plan['rows']]
  const combined = (run: Run): Row[] => combine(what, select.all === true, lefts(run), rights(run), columns)
  return arrange(select, columns, combined, parent, binder)
}

function converter(plan: Plan, columns: readonly Column[]): Plan['rows'] {
  const casts = columns.map(({ type }, i) => {
    const from = (plan.columns[i] as Column).type
    return from === type ? undefined : isText(from) ? (v: Value): Value => parse(v as string, type, plan.literalsAt?.[i]) : castTo(from, type)
  })
  if (casts.every(cast => cast === undefined)) return run => plan.rows(run)
  return run => plan.rows(run).map(row => row.map((value, i) => (value === null ? null : (casts[i]?.(value) ?? value))))
}

function combine(what: string, all: boolean, left: readonly Row[], right: readonly Row[], columns: readonly Column[]): Row[] {
  if (what === 'UNION' && all) return [...left, ...right]
  if (all) throw new UnsupportedError(`${what} ALL is not modelled`, [what, 'UNION ALL'])
  const keyOf = (row: Row): string => row.map((value, i) => groupKey(value, (columns[i] as Column).type)).join('\u0000')
  const others = new Set(right.map(keyOf))
  const seen = new Set<string>()
  const source = what === 'UNION' ? [...left, ...right] : left.filter(row => others.has(keyOf(row)) === (what === 'INTERSECT'))
  return source.filter(row => !seen.has(keyOf(row)) && seen.add(keyOf(row)) !== undefined)
}

/** ORDER BY and LIMIT of a set operation: by names and numbers of its columns only. */
function arrange(select: SelectStmt, columns: readonly Column[], rows: (run: Run) => Row[], parent: Scope | undefined, binder: Binder): Plan {
  const scope = new Scope(parent)
  const targets = columns.map(({ name, type }, i): Target => ({ name, literalAt: undefined, bound: { type, at: undefined, get: run => (run.rows[scope.depth] as Row)[i] as Value } }))
  const sort = (select.sortClause ?? []).map(node => {
    const { SortBy: by } = node as { SortBy: SortBy }
    const key = by.node as Node
    if (!('A_Const' in key) && !('ColumnRef' in key)) throw new UnsupportedError('ORDER BY an expression after UNION is not modelled', ['column names', 'column numbers'])
    return bindSort(by, targets, scope, binder)
  })
  const slice = bindSlice(select, scope, binder)
  return {
    columns,
    rows: run => {
      const outer = run.rows[scope.depth]
      const result = project(run, scope.depth, rows(run).map(row => ({ row, aggregates: [] })), targets, sort, undefined, slice?.(run) ?? ALL)
      if (outer !== undefined) run.rows[scope.depth] = outer
      return result
    },
  }
}
