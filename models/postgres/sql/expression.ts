import type { A_Expr, CaseExpr, ColumnRef, Node, SubLink, TypeCast, TypeName } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { Binder } from './binder.ts'
import { type Bound, coerce, commonType, condition, constant } from './bound.ts'
import { bindCall } from './call.ts'
import { compare } from './convert.ts'
import { DAY_US, parseInterval } from './datetime.ts'
import { Numeric } from './numeric.ts'
import { bindDistinct, bindLogic, bindOperator, bindPrefix } from './operators.ts'
import { expressionKey, kindOf, lastName, valueFunctionName } from './parse.ts'
import type { Scope } from './scope.ts'
import { elementOf, isArray, type PgType, SqlError, typeNamed, type Value } from './types.ts'

const INTERVAL_UNITS: Readonly<Record<number, string>> = { 4: 'year', 2: 'month', 8: 'day', 1024: 'hour', 2048: 'minute', 4096: 'second' }
const SUPPORTED = ['literals', 'columns', 'operators', 'functions', 'casts', 'CASE', 'COALESCE', 'IN', 'EXISTS', 'subqueries', 'arrays']

/** Compiles an expression in a scope. */
export function bindExpression(node: Node, scope: Scope, binder: Binder): Bound {
  const { grouping } = scope
  if (grouping !== undefined && grouping.expressions.size > 0 && grouping.expressions.has(expressionKey(node))) {
    // An expression of GROUP BY has one value in the whole group; what is in it needs no further check.
    scope.grouping = undefined
    try {
      return bindNode(node, scope, binder)
    } finally {
      scope.grouping = grouping
    }
  }
  return bindNode(node, scope, binder)
}

function bindNode(node: Node, scope: Scope, binder: Binder): Bound {
  const bind = (inner: Node | undefined): Bound => bindExpression(inner as Node, scope, binder)
  if ('A_Const' in node) return bindConstant(node, binder)
  if ('ColumnRef' in node) return bindColumn(node.ColumnRef, scope, binder)
  if ('A_Expr' in node) return bindAExpr(node.A_Expr, scope, binder)
  if ('FuncCall' in node) return bindCall(node.FuncCall, scope, binder)
  if ('TypeCast' in node) return bindCast(node.TypeCast, scope, binder)
  if ('BoolExpr' in node) {
    const { boolop, args = [], location } = node.BoolExpr
    const what = boolop === 'AND_EXPR' ? 'AND' : boolop === 'OR_EXPR' ? 'OR' : 'NOT'
    const operands = args.map(arg => condition(bind(arg), what))
    if (what !== 'NOT') return bindLogic(what === 'AND', operands, binder.at(location))
    const { get } = operands[0] as Bound
    return { type: 'bool', at: binder.at(location), get: run => { const value = get(run); return value === null ? null : value !== true } }
  }
  if ('NullTest' in node) {
    const { get } = bind(node.NullTest.arg)
    const wanted = node.NullTest.nulltesttype === 'IS_NULL'
    return { type: 'bool', at: binder.at(node.NullTest.location), get: run => (get(run) === null) === wanted }
  }
  if ('BooleanTest' in node) {
    const { booltesttype = '', location } = node.BooleanTest
    const { get } = condition(bind(node.BooleanTest.arg), booltesttype.replaceAll('_', ' '))
    const wanted = booltesttype.endsWith('TRUE') ? true : booltesttype.endsWith('FALSE') ? false : null
    const negated = booltesttype.startsWith('IS_NOT')
    return { type: 'bool', at: binder.at(location), get: run => (get(run) === wanted) !== negated }
  }
  if ('CaseExpr' in node) return bindCase(node.CaseExpr, scope, binder)
  if ('CoalesceExpr' in node) return bindChoice('COALESCE', (node.CoalesceExpr.args ?? []).map(bind), binder.at(node.CoalesceExpr.location))
  if ('MinMaxExpr' in node) {
    const { op, args = [], location } = node.MinMaxExpr
    return bindChoice(op === 'IS_LEAST' ? 'LEAST' : 'GREATEST', args.map(bind), binder.at(location))
  }
  if ('SubLink' in node) return bindSubLink(node.SubLink, scope, binder)
  if ('A_ArrayExpr' in node) {
    const items = (node.A_ArrayExpr.elements ?? []).map(bind)
    const type = commonType(items, 'ARRAY')
    const gets = items.map(item => coerce(item, type).get)
    return { type: `${type}[]` as PgType, at: binder.at(node.A_ArrayExpr.location), get: run => gets.map(get => get(run)) }
  }
  if ('SQLValueFunction' in node) return bindValueFunction(valueFunctionName(node.SQLValueFunction.op), binder.at(node.SQLValueFunction.location))
  if ('A_Indirection' in node) return bindIndirection(node.A_Indirection.arg as Node, node.A_Indirection.indirection ?? [], scope, binder)
  throw new UnsupportedError(`the expression ${kindOf(node)} is not modelled`, SUPPORTED)
}

function bindConstant(node: Extract<Node, { A_Const: unknown }>, binder: Binder): Bound {
  const { ival, fval, boolval, sval, isnull, location } = node.A_Const
  const at = binder.at(location)
  if (ival !== undefined || fval !== undefined) binder.refuseNewNumber(at)
  if (isnull === true) return { type: 'unknown', literal: null, get: () => null, constant: true, at }
  if (ival !== undefined) return constant('int4', ival.ival ?? 0, at)
  if (boolval !== undefined) return constant('bool', boolval.boolval ?? false, at)
  if (sval !== undefined) {
    const text = sval.sval ?? ''
    return { type: 'unknown', literal: text, get: () => text, constant: true, at }
  }
  const text = fval?.fval ?? ''
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return constant('int8', Number(text), at)
  const numeric = Numeric.parse(text)
  if (numeric === undefined) throw new UnsupportedError(`the literal ${text} is not modelled`, ['numbers', 'texts', 'booleans', 'NULL'])
  return constant('numeric', numeric, at)
}

function bindColumn({ fields = [], location }: ColumnRef, scope: Scope, binder: Binder): Bound {
  const names = fields.map(field => ('String' in field ? (field.String.sval ?? '') : '*'))
  const at = binder.at(location)
  const name = names[names.length - 1] as string
  if (name === '*') throw new UnsupportedError('a row as a value (`*` inside an expression) is not modelled', ['columns'])
  const { scope: owner, column } = scope.resolve(names[names.length - 2], name, at)
  const { grouping } = owner
  if (grouping !== undefined && grouping.grouped && !grouping.columns.has(column.index)) {
    throw new SqlError(`column "${column.alias}.${name}" must appear in the GROUP BY clause or be used in an aggregate function`, { state: '42803', at })
  }
  const { depth } = owner
  const { index } = column
  if (column.moves === true) {
    return { type: column.type, at, get: run => {
      run.moves = true
      return (run.rows[depth] as readonly Value[])[index] as Value
    } }
  }
  return { type: column.type, at, get: run => (run.rows[depth] as readonly Value[])[index] as Value }
}

function bindAExpr(expression: A_Expr, scope: Scope, binder: Binder): Bound {
  const { kind, lexpr, rexpr, location } = expression
  const at = binder.at(location)
  const op = lastName(expression.name)
  const bind = (inner: Node | undefined): Bound => bindExpression(inner as Node, scope, binder)
  if (kind === 'AEXPR_OP' && lexpr === undefined) return bindPrefix(op, bind(rexpr), at)
  const left = bind(lexpr)
  switch (kind) {
    case 'AEXPR_OP': case 'AEXPR_LIKE': case 'AEXPR_ILIKE': return bindOperator(op, left, bind(rexpr), at)
    case 'AEXPR_DISTINCT': return bindDistinct(left, bind(rexpr), false, at)
    case 'AEXPR_NOT_DISTINCT': return bindDistinct(left, bind(rexpr), true, at)
    case 'AEXPR_NULLIF': {
      const equal = bindOperator('=', left, bind(rexpr), at)
      const kept = left.type === 'unknown' ? coerce(left, 'text') : left
      return { type: kept.type, at, get: run => (equal.get(run) === true ? null : kept.get(run)) }
    }
    case 'AEXPR_IN': return bindLogic(op !== '=', listOf(rexpr).map(item => bindOperator(op, left, bind(item), at)), at)
    case 'AEXPR_OP_ANY': return bindAnyAll(op, left, bind(rexpr), true, at)
    case 'AEXPR_OP_ALL': return bindAnyAll(op, left, bind(rexpr), false, at)
    case 'AEXPR_BETWEEN': case 'AEXPR_NOT_BETWEEN': {
      const [low, high] = listOf(rexpr).map(bind) as [Bound, Bound]
      const not = kind === 'AEXPR_NOT_BETWEEN'
      return bindLogic(!not, [bindOperator(not ? '<' : '>=', left, low, at), bindOperator(not ? '>' : '<=', left, high, at)], at)
    }
    default: throw new UnsupportedError(`the operator ${kind ?? op} is not modelled`, ['comparisons', 'IN', 'BETWEEN', 'LIKE', 'ANY', 'ALL'])
  }
}

const listOf = (node: Node | undefined): readonly Node[] => (node !== undefined && 'List' in node ? (node.List.items ?? []) : [])

/** `x op ANY (array)`, `x op ALL (array)`: the element stands in a cell that each round fills. */
function bindAnyAll(op: string, left: Bound, array: Bound, any: boolean, at: number): Bound {
  const typed = array.type === 'unknown' ? coerce(array, `${left.type === 'unknown' ? 'text' : left.type}[]` as PgType) : array
  if (!isArray(typed.type)) throw new SqlError('op ANY/ALL (array) requires array on right side', { state: '42809', at })
  let element: Value = null
  const holds = bindOperator(op, left, { type: elementOf(typed.type), get: () => element, at: typed.at }, at)
  return {
    type: 'bool',
    at,
    get: run => {
      const items = typed.get(run) as readonly Value[] | null
      if (items === null) return null
      let unknown = false
      for (const item of items) {
        element = item
        const value = holds.get(run)
        if (value === null) unknown = true
        else if (value === any) return any
      }
      return unknown ? null : !any
    },
  }
}

/** The modelled type of a type name, with its modifiers. */
export function typeOf(name: TypeName | undefined): { readonly type: PgType; readonly modifiers: readonly number[] } {
  const word = lastName(name?.names)
  const base = typeNamed(word)
  if (base === undefined) {
    throw new UnsupportedError(`the type "${word}" is not modelled`, ['boolean', 'integer', 'bigint', 'numeric', 'double precision', 'text', 'timestamptz', 'timestamp', 'date', 'interval', 'pg_lsn', 'oid', 'inet', 'arrays of them'])
  }
  const modifiers = (name?.typmods ?? []).map(node => ('A_Const' in node ? (node.A_Const.ival?.ival ?? 0) : 0))
  return { type: (name?.arrayBounds ?? []).length > 0 ? (`${base}[]` as PgType) : base, modifiers }
}

function bindCast({ arg, typeName, location }: TypeCast, scope: Scope, binder: Binder): Bound {
  const { type, modifiers } = typeOf(typeName)
  const operand = bindExpression(arg as Node, scope, binder)
  if (type === 'interval' && modifiers.length > 0) {
    // `interval '1' day`: the unit of a bare number.
    const unit = INTERVAL_UNITS[modifiers[0] as number]
    const span = typeof operand.literal === 'string' && unit !== undefined ? parseInterval(operand.literal, unit) : undefined
    if (span === undefined) throw new UnsupportedError('this form of interval is not modelled', ["interval '5 minutes'", "interval '1' day"])
    return constant('interval', span, operand.at)
  }
  const cast = coerce(operand, type, modifiers)
  return { ...cast, at: location !== undefined && location >= 0 && operand.literal === undefined ? binder.at(location) : operand.at }
}

function bindCase({ arg, args = [], defresult, location }: CaseExpr, scope: Scope, binder: Binder): Bound {
  const bind = (inner: Node | undefined): Bound => bindExpression(inner as Node, scope, binder)
  const tested = arg === undefined ? undefined : bind(arg)
  const whens = args.flatMap(when => ('CaseWhen' in when ? [when.CaseWhen] : []))
  const tests = whens.map(when => {
    const test = bind(when.expr)
    return tested === undefined ? condition(test, 'CASE/WHEN') : bindOperator('=', tested, test, test.at)
  })
  const results = whens.map(when => bind(when.result))
  const otherwise = defresult === undefined ? constant('unknown', null, undefined) : bind(defresult)
  const type = commonType([...results, otherwise], 'CASE')
  const gets = results.map(result => coerce(result, type).get)
  const last = defresult === undefined ? (): Value => null : coerce(otherwise, type).get
  return {
    type,
    at: binder.at(location),
    get: run => {
      for (let i = 0; i < tests.length; i++) if ((tests[i] as Bound).get(run) === true) return (gets[i] as Bound['get'])(run)
      return last(run)
    },
  }
}

function bindChoice(what: 'COALESCE' | 'GREATEST' | 'LEAST', branches: readonly Bound[], at: number): Bound {
  const type = commonType(branches, what)
  const gets = branches.map(branch => coerce(branch, type).get)
  if (what === 'COALESCE') {
    return {
      type,
      at,
      get: run => {
        for (const get of gets) {
          const value = get(run)
          if (value !== null) return value
        }
        return null
      },
    }
  }
  const sign = what === 'GREATEST' ? 1 : -1
  return {
    type,
    at,
    get: run => gets.reduce<Value>((best, get) => {
      const value = get(run)
      return value === null ? best : best === null || compare(value, best, type) * sign > 0 ? value : best
    }, null),
  }
}

function bindSubLink({ subLinkType, testexpr, operName, subselect, location }: SubLink, scope: Scope, binder: Binder): Bound {
  const at = binder.at(location)
  const plan = binder.select(subselect as Node, scope)
  const [column] = plan.columns
  if (subLinkType === 'EXISTS_SUBLINK') return { type: 'bool', at, get: run => plan.rows(run).length > 0 }
  if (column === undefined || plan.columns.length > 1) throw new SqlError('subquery must return only one column', { state: '42601', at })
  if (subLinkType === 'EXPR_SUBLINK') {
    return {
      type: column.type,
      at,
      get: run => {
        const rows = plan.rows(run)
        if (rows.length > 1) throw new SqlError('more than one row returned by a subquery used as an expression', { state: '21000' })
        return rows[0]?.[0] ?? null
      },
    }
  }
  if (subLinkType === 'ARRAY_SUBLINK') return { type: `${column.type}[]` as PgType, at, get: run => plan.rows(run).map(row => row[0] as Value) }
  if (subLinkType !== 'ANY_SUBLINK' && subLinkType !== 'ALL_SUBLINK') throw new UnsupportedError(`the subquery ${subLinkType ?? ''} is not modelled`, SUPPORTED)
  const array: Bound = { type: `${column.type}[]` as PgType, at, get: run => plan.rows(run).map(row => row[0] as Value) }
  const op = operName === undefined ? '=' : lastName(operName)
  return bindAnyAll(op, bindExpression(testexpr as Node, scope, binder), array, subLinkType === 'ANY_SUBLINK', at)
}

function bindValueFunction(name: string, at: number): Bound {
  switch (name) {
    case 'current_date': return { type: 'date', at, get: run => Math.floor(run.nowUs() / DAY_US) }
    case 'current_timestamp': return { type: 'timestamptz', at, get: run => run.nowUs() }
    case 'localtimestamp': return { type: 'timestamp', at, get: run => run.nowUs() }
    case 'current_catalog': return { type: 'name', at, get: run => run.call('current_database', []) }
    case 'user': case 'current_role': return { type: 'name', at, get: run => run.call('current_user', []) }
    case 'current_user': case 'session_user': case 'current_schema': return { type: 'name', at, get: run => run.call(name, []) }
    default: throw new UnsupportedError(`this value function is not modelled`, ['current_user', 'current_date', 'current_timestamp', 'current_schema'])
  }
}

/** `(record()).field` and `array[n]`. */
function bindIndirection(arg: Node, steps: readonly Node[], scope: Scope, binder: Binder): Bound {
  const [step] = steps
  const bound = bindExpression(arg, scope, binder)
  if (steps.length === 1 && step !== undefined && 'String' in step && bound.fields !== undefined) {
    const field = step.String.sval ?? ''
    const index = bound.fields.findIndex(({ name }) => name === field)
    if (index < 0) throw new SqlError(`column "${field}" not found in data type record`, { state: '42703', at: bound.at })
    return { type: (bound.fields[index] as { type: PgType }).type, at: bound.at, get: run => (bound.record?.(run) as readonly Value[] | null)?.[index] ?? null }
  }
  if (steps.length === 1 && step !== undefined && 'A_Indices' in step && step.A_Indices.is_slice !== true && isArray(bound.type)) {
    const index = coerce(bindExpression(step.A_Indices.uidx as Node, scope, binder), 'int4')
    return {
      type: elementOf(bound.type),
      at: bound.at,
      get: run => {
        const [items, n] = [bound.get(run) as readonly Value[] | null, index.get(run) as number | null]
        return items === null || n === null ? null : (items[n - 1] ?? null)
      },
    }
  }
  throw new UnsupportedError('this subscript or field is not modelled', ['array[n]', '(function()).field'])
}
