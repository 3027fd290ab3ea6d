import type { Alias, JoinExpr, Node, RangeFunction, RangeVar } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { Binder, Plan } from './binder.ts'
import { type Bound, coerce, condition } from './bound.ts'
import { compare } from './convert.ts'
import { bindExpression } from './expression.ts'
import { EFFECT_FUNCTIONS } from './host.ts'
import { comparable } from './operators.ts'
import { kindOf, lastName } from './parse.ts'
import type { Run } from './run.ts'
import { Scope, type Visible } from './scope.ts'
import { type Column, SqlError, type Value } from './types.ts'

type Row = readonly Value[]

/** An item of FROM, compiled: it has entered its columns into the scope. */
export interface FromItem {
  readonly width: number
  rows(run: Run): readonly Row[]
}

const nothing = (width: number): Row => Array.from({ length: width }, () => null)

/** Compiles one item of FROM and enters its columns into `scope`. */
export function bindFrom(node: Node, scope: Scope, binder: Binder): FromItem {
  if ('RangeVar' in node) return bindTable(node.RangeVar, scope, binder)
  if ('JoinExpr' in node) return bindJoin(node.JoinExpr, scope, binder)
  if ('RangeSubselect' in node) {
    const { subquery, alias, lateral } = node.RangeSubselect
    if (lateral === true) throw new UnsupportedError('LATERAL is not modelled', ['subqueries without LATERAL'])
    return enter(binder.select(subquery as Node, scope.parent), alias?.aliasname ?? '', alias, scope)
  }
  if ('RangeFunction' in node) return bindFunction(node.RangeFunction, scope, binder)
  throw new UnsupportedError(`${kindOf(node)} in FROM is not modelled`, ['tables', 'views', 'functions', 'subqueries', 'JOIN'])
}

/** Several items, joined one after the other to every combination. */
export function bindFromList(nodes: readonly Node[], scope: Scope, binder: Binder): FromItem {
  const items = nodes.map(node => bindFrom(node, scope, binder))
  return items.reduce((left, right) => ({ width: left.width + right.width, rows: run => cross(left.rows(run), right.rows(run)) }))
}

function cross(left: readonly Row[], right: readonly Row[]): Row[] {
  return left.flatMap(a => right.map(b => [...a, ...b]))
}

/** Enters the columns of a plan under a name. */
function enter({ columns, rows }: Plan, name: string, alias: Alias | undefined, scope: Scope): FromItem {
  const names = (alias?.colnames ?? []).map(node => ('String' in node ? (node.String.sval ?? '') : ''))
  const renamed = names.length === 0 ? columns : columns.map((column, i) => ({ ...column, name: names[i] ?? column.name }))
  const offset = scope.width
  scope.sources.push({ alias: name, columns: renamed, offset })
  scope.visible = [...scope.visible, ...renamed.map((column, i) => ({ ...column, index: offset + i, alias: name }))]
  return { width: columns.length, rows }
}

function bindTable({ relname = '', alias, location }: RangeVar, scope: Scope, binder: Binder): FromItem {
  const name = alias?.aliasname ?? relname
  const query = binder.withQueries.findLast(candidate => candidate.name === relname)
  if (query !== undefined) return enter(query, name, alias, scope)
  const columns = binder.columnsOf(relname)
  if (columns === undefined) throw new SqlError(`relation "${relname}" does not exist`, { state: '42P01', at: binder.at(location) })
  return enter({ columns, rows: run => run.scan(relname, columns) }, name, alias, scope)
}

function bindFunction({ functions = [], alias, lateral, ordinality }: RangeFunction, scope: Scope, binder: Binder): FromItem {
  const [item] = functions
  const call = item !== undefined && 'List' in item ? item.List.items?.[0] : undefined
  if (lateral === true || ordinality === true || functions.length > 1 || call === undefined || !('FuncCall' in call)) {
    throw new UnsupportedError('this form of function in FROM is not modelled', ['FROM function(…) AS name(columns)'])
  }
  const name = lastName(call.FuncCall.funcname)
  const args = call.FuncCall.args ?? []
  // Arguments see the outer queries, not the items beside them.
  const outer = new Scope(scope.parent)
  const bound = args.map(arg => ('NamedArgExpr' in arg ? undefined : bindExpression(arg, outer, binder)))
  const alias1 = alias?.aliasname ?? name
  if (name === 'generate_series') return enter(series(bound as Bound[], alias1), alias1, alias, scope)
  if (name === 'unnest' && bound[0] !== undefined) {
    const [array] = bound as [Bound]
    const type = array.type === 'unknown' ? 'text' : (array.type.replace(/\[\]$/, '') as Column['type'])
    const items = array.type === 'unknown' ? coerce(array, 'text[]') : array
    return enter({ columns: [{ name: alias1, type }], rows: run => ((items.get(run) as readonly Value[] | null) ?? []).map(v => [v]) }, alias1, alias, scope)
  }
  const columns = args.length === 0 && !(name in EFFECT_FUNCTIONS) ? binder.columnsOf(name) : undefined
  if (columns !== undefined) return enter({ columns, rows: run => run.scan(name, columns) }, alias1, alias, scope)
  const value = bindExpression(call, outer, binder)
  const { fields, record } = value
  if (fields !== undefined && record !== undefined) {
    return enter({ columns: fields, rows: run => { const row = record(run); return [row ?? nothing(fields.length)] } }, alias1, alias, scope)
  }
  return enter({ columns: [{ name: alias1, type: value.type }], rows: run => [[value.get(run)]] }, alias1, alias, scope)
}

function series(args: readonly Bound[], name: string): Plan {
  const [from, to, step] = args.map(arg => coerce(arg, arg.type === 'int8' ? 'int8' : 'int4'))
  if (from === undefined || to === undefined) throw new UnsupportedError('generate_series() takes two or three whole numbers', ['generate_series(1, 3)'])
  const type = args.some(arg => arg.type === 'int8') ? 'int8' : 'int4'
  return {
    columns: [{ name, type }],
    rows: run => {
      const [first, last, by] = [from.get(run), to.get(run), step === undefined ? 1 : step.get(run)] as (number | null)[]
      if (typeof first !== 'number' || typeof last !== 'number' || typeof by !== 'number') return []
      if (by === 0) throw new SqlError('step size cannot equal zero', { state: '22023' })
      const rows: Row[] = []
      for (let i = first; by > 0 ? i <= last : i >= last; i += by) rows.push([i])
      return rows
    },
  }
}

function bindJoin(join: JoinExpr, scope: Scope, binder: Binder): FromItem {
  const { jointype, larg, rarg, quals, usingClause = [], isNatural, alias } = join
  if (isNatural === true || alias !== undefined) throw new UnsupportedError('NATURAL JOIN and a name for a join are not modelled', ['JOIN … ON', 'JOIN … USING'])
  const before = scope.visible
  scope.visible = []
  const left = bindFrom(larg as Node, scope, binder)
  const leftVisible = scope.visible
  scope.visible = []
  const right = bindFrom(rarg as Node, scope, binder)
  const rightVisible = scope.visible
  const names = usingClause.map(node => lastName([node]))
  const pairs = names.map(name => pairOf(name, leftVisible, rightVisible))
  scope.visible = [...leftVisible, ...rightVisible]
  scope.clause = 'JOIN conditions'
  const on = quals === undefined ? undefined : condition(bindExpression(quals, scope, binder), 'JOIN/ON')
  scope.clause = 'WHERE'
  if (pairs.length > 0) {
    if (jointype === 'JOIN_FULL') throw new UnsupportedError('FULL JOIN … USING is not modelled', ['FULL JOIN … ON'])
    const merged = pairs.map(([a, b]) => (jointype === 'JOIN_RIGHT' ? b : a))
    scope.visible = [...merged, ...[...leftVisible, ...rightVisible].filter(column => !names.includes(column.name))]
  }
  scope.visible = [...before, ...scope.visible]
  const { depth } = scope
  const offset = scope.width - left.width - right.width
  const matches = (run: Run, row: Row): boolean => {
    // Indices count from the first item of FROM, so a join further right is judged on a row shifted to its place.
    run.rows[depth] = offset === 0 ? row : [...nothing(offset), ...row]
    return pairs.every(([a, b]) => equal(run, run.rows[depth] as Row, a, b)) && (on === undefined || on.get(run) === true)
  }
  const keepLeft = jointype === 'JOIN_LEFT' || jointype === 'JOIN_FULL'
  const keepRight = jointype === 'JOIN_RIGHT' || jointype === 'JOIN_FULL'
  return { width: left.width + right.width, rows: run => joinRows(run, left, right, matches, keepLeft, keepRight) }
}

function pairOf(name: string, left: readonly Visible[], right: readonly Visible[]): readonly [Visible, Visible] {
  const [a, b] = [left, right].map((side, i) => {
    const column = side.find(candidate => candidate.name === name)
    if (column === undefined) throw new SqlError(`column "${name}" specified in USING clause does not exist in ${i === 0 ? 'left' : 'right'} table`, { state: '42703' })
    return column
  }) as [Visible, Visible]
  const sides = comparable({ type: a.type, get: () => null, at: undefined }, { type: b.type, get: () => null, at: undefined })
  if (sides === undefined || a.type !== b.type) throw new UnsupportedError('USING with columns of different types is not modelled', ['JOIN … ON'])
  return [a, b]
}

function equal(run: Run, row: Row, a: Visible, b: Visible): boolean {
  if (a.moves === true || b.moves === true) run.moves = true
  const [x, y] = [row[a.index] as Value, row[b.index] as Value]
  return x !== null && y !== null && compare(x, y, a.type) === 0
}

function joinRows(run: Run, left: FromItem, right: FromItem, matches: (run: Run, row: Row) => boolean, keepLeft: boolean, keepRight: boolean): Row[] {
  const rights = right.rows(run)
  const met = new Set<Row>()
  const joined: Row[] = []
  for (const a of left.rows(run)) {
    let found = false
    for (const b of rights) {
      const row = [...a, ...b]
      if (!matches(run, row)) continue
      found = true
      met.add(b)
      joined.push(row)
    }
    if (!found && keepLeft) joined.push([...a, ...nothing(right.width)])
  }
  if (keepRight) for (const b of rights) if (!met.has(b)) joined.push([...nothing(left.width), ...b])
  return joined
}
