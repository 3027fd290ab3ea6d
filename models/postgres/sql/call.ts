import type { FuncCall, Node } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { aggregateFor, AGGREGATES, isAggregate } from './aggregates.ts'
import type { Binder } from './binder.ts'
import { type Bound, coerce, condition, constant, isImplicit, settled } from './bound.ts'
import { print } from './convert.ts'
import { type Builtin, BUILTINS, type Parameter } from './functions.ts'
import { EFFECT_FUNCTIONS, type FunctionSignature, HOST_FUNCTIONS } from './host.ts'
import { lastName } from './parse.ts'
import type { Run } from './run.ts'
import type { Scope, SortKey } from './scope.ts'
import { type Column, displayType, isArray, type PgType, SqlError, type Value } from './types.ts'

/** Compiles a function call: an aggregate, a function of the model, of the host, or one with an effect. */
export function bindCall(call: FuncCall, scope: Scope, binder: Binder): Bound {
  const name = lastName(call.funcname)
  const at = binder.at(call.location)
  if (call.over !== undefined) throw new UnsupportedError(`window functions (${name}() OVER) are not modelled`, ['aggregates with GROUP BY', 'subqueries'])
  if (isAggregate(name)) return bindAggregate(name, call, scope, binder)
  const nodes = call.args ?? []
  const overloads = BUILTINS[name]
  if (overloads !== undefined) {
    const args = nodes.map(node => binder.expression(node, scope))
    const chosen = choose(overloads, args)
    if (chosen === undefined) throw noSuchFunction(name, args, at)
    return bindBuiltin(chosen, args, at)
  }
  const signature = HOST_FUNCTIONS[name]
  if (signature !== undefined) return bindHostCall(name, signature, bindArguments(name, signature, nodes, scope, binder, at), at)
  const effect = EFFECT_FUNCTIONS[name]
  if (effect !== undefined) return bindEffectCall(name, effect, bindArguments(name, effect, nodes, scope, binder, at), at)
  const columns = nodes.length === 0 ? binder.columnsOf(name) : undefined
  if (columns !== undefined) return bindRecord(columns, run => run.scanWhole(name, columns)[0] ?? null, at)
  throw new UnsupportedError(`the function ${name}() is not modelled`, [...Object.keys(BUILTINS), ...AGGREGATES, ...Object.keys(HOST_FUNCTIONS), ...Object.keys(EFFECT_FUNCTIONS)])
}

function noSuchFunction(name: string, args: readonly Bound[], at: number): SqlError {
  return new SqlError(`function ${name}(${args.map(arg => displayType(arg.type)).join(', ')}) does not exist`, {
    state: '42883',
    at,
    hint: 'No function matches the given name and argument types. You might need to add explicit type casts.',
  })
}

/** The overload that takes these arguments with the fewest conversions. */
function choose(overloads: readonly Builtin[], args: readonly Bound[]): Builtin | undefined {
  let best: { builtin: Builtin; cost: number } | undefined
  for (const builtin of overloads) {
    const { params, variadic = false } = builtin
    if (args.length < params.length || (args.length > params.length && !variadic)) continue
    let cost = 0
    for (const [i, arg] of args.entries()) cost += conversionCost(arg.type, params[Math.min(i, params.length - 1)] as Parameter)
    if (cost < (best?.cost ?? Infinity)) best = { builtin, cost }
  }
  return best?.builtin
}

function conversionCost(from: PgType, to: Parameter): number {
  if (from === to || to === 'any') return 0
  if (to === 'anyarray') return isArray(from) ? 0 : Infinity
  return isImplicit(from, to) ? 1 : Infinity
}

function bindBuiltin({ params, returns, takesNull = false, apply }: Builtin, given: readonly Bound[], at: number): Bound {
  const args = given.map((arg, i) => {
    const to = params[Math.min(i, params.length - 1)] as Parameter
    return to === 'any' || to === 'anyarray' ? (params[0] === 'any' && returns === 'regtype' ? arg : settled(arg)) : coerce(arg, to)
  })
  const types = args.map(arg => arg.type)
  return {
    type: returns,
    at,
    get: run => {
      const values: Value[] = []
      for (const arg of args) {
        const value = arg.get(run)
        if (value === null && !takesNull) return null
        values.push(value)
      }
      return apply(values, types, run)
    },
  }
}

/** Arguments in order, those with names at their place, those left out with their defaults. */
function bindArguments(name: string, signature: FunctionSignature, nodes: readonly Node[], scope: Scope, binder: Binder, at: number): readonly Bound[] {
  const given: (Bound | undefined)[] = []
  for (const [i, node] of nodes.entries()) {
    if (!('NamedArgExpr' in node)) given[i] = binder.expression(node, scope)
    else given[signature.argNames?.indexOf(node.NamedArgExpr.name ?? '') ?? -1] = binder.expression(node.NamedArgExpr.arg as Node, scope)
  }
  const { args, defaults = [] } = signature
  const required = args.length - defaults.length
  const bound = args.map((type, i) => {
    const arg = given[i]
    if (arg !== undefined && isImplicit(arg.type, type)) return coerce(arg, type)
    if (arg !== undefined || i < required) throw noSuchFunction(name, given.flatMap(g => (g === undefined ? [] : [g])), at)
    return constant(type, defaults[i - required] as Value, at)
  })
  if (nodes.length > args.length) throw noSuchFunction(name, given.flatMap(g => (g === undefined ? [] : [g])), at)
  return bound
}

function bindHostCall(name: string, { returns }: FunctionSignature, args: readonly Bound[], at: number): Bound {
  if (args.length === 0) return { type: returns, at, get: run => run.call(name, []) }
  return {
    type: returns,
    at,
    get: run => {
      const values = args.map(arg => arg.get(run))
      return values.includes(null) ? null : run.call(name, values)
    },
  }
}

function bindEffectCall(name: string, { returns, columns }: FunctionSignature, args: readonly Bound[], at: number): Bound {
  const perform = (run: Run): Value => {
    const values = args.map(arg => arg.get(run))
    return values.includes(null) ? null : run.effect(name, values)
  }
  if (columns !== undefined) return bindRecord(columns, run => perform(run) as readonly Value[] | null, at)
  return { type: returns, at, get: perform }
}

function bindRecord(fields: readonly Column[], record: (run: Run) => readonly Value[] | null, at: number): Bound {
  return {
    type: 'text',
    at,
    fields,
    record,
    get: run => {
      const values = record(run)
      return values === null ? null : `(${values.map((value, i) => printField(value, (fields[i] as Column).type)).join(',')})`
    },
  }
}

function printField(value: Value, type: PgType): string {
  if (value === null) return ''
  const text = print(value, type)
  return text === '' || /[(),"\\\s]/.test(text) ? `"${text.replace(/(["\\])/g, '$1$1')}"` : text
}

function bindAggregate(name: string, call: FuncCall, scope: Scope, binder: Binder): Bound {
  const at = binder.at(call.location)
  const { grouping } = scope
  if (grouping === undefined) throw new SqlError(`aggregate functions are not allowed in ${scope.clause}`, { state: '42803', at })
  // Inside, columns are those of the rows of the group, and no further aggregate may stand.
  scope.grouping = undefined
  const clause = scope.clause
  scope.clause = 'an aggregate'
  try {
    const args = call.agg_star === true ? [] : (call.args ?? []).map(node => settled(binder.expression(node, scope)))
    const separated = name === 'string_agg' && args.length === 2 ? [args[0] as Bound, coerce(args[1] as Bound, 'text')] : args
    const aggregate = aggregateFor(name, separated.map(arg => arg.type))
    if (aggregate === undefined || (name === 'string_agg' && !isImplicit((args[0] as Bound).type, 'text'))) throw noSuchFunction(name, args, at)
    const filter = call.agg_filter === undefined ? undefined : condition(binder.expression(call.agg_filter, scope), 'FILTER')
    const order = (call.agg_order ?? []).flatMap(node => ('SortBy' in node ? [sortKey(settled(binder.expression(node.SortBy.node as Node, scope)), node.SortBy)] : []))
    const index = grouping.calls.push({ aggregate, args: separated, filter, distinct: call.agg_distinct === true, order }) - 1
    const { depth } = scope
    return { type: aggregate.returns, at, get: run => (run.aggregates[depth] as readonly Value[])[index] as Value }
  } finally {
    scope.grouping = grouping
    scope.clause = clause
  }
}

/** A key of ORDER BY with its direction; nulls come last going up and first going down unless it says otherwise. */
export function sortKey(by: Bound, { sortby_dir: direction, sortby_nulls: nulls }: { sortby_dir?: string; sortby_nulls?: string }): SortKey {
  const descending = direction === 'SORTBY_DESC'
  return { by, descending, nullsFirst: nulls === 'SORTBY_NULLS_FIRST' || (nulls !== 'SORTBY_NULLS_LAST' && descending) }
}
