import { castTo, parse } from './convert.ts'
import { type Run } from './run.ts'
import { displayType, isArray, isNumber, isText, type PgType, SqlError, type Value, widerNumber } from './types.ts'

/** An expression compiled for one set of relations. */
export interface Bound {
  readonly type: PgType
  get(run: Run): Value
  /** The text of a quoted literal (null for NULL) whose type is still open. */
  readonly literal?: string | null
  /** A constant's value never changes. */
  readonly constant?: boolean
  /** Where it stands in the SQL text. */
  readonly at: number | undefined
  /** The fields of a record, and the record itself; `get` then gives its text. */
  readonly fields?: readonly { readonly name: string; readonly type: PgType }[]
  record?(run: Run): readonly Value[] | null
}

export const constant = (type: PgType, value: Value, at: number | undefined): Bound => ({ type, get: () => value, constant: true, at })

/** Whether a value of one type is taken for another without a cast being written. */
export function isImplicit(from: PgType, to: PgType): boolean {
  if (from === to || from === 'unknown') return true
  if (isNumber(from) && isNumber(to)) return to !== 'oid' ? widerNumber(from, to) === to : from === 'int2' || from === 'int4' || from === 'int8'
  if (isText(from)) return to === 'text' || (isText(to) && to === 'varchar')
  return (from === 'date' && (to === 'timestamp' || to === 'timestamptz')) || (from === 'timestamp' && to === 'timestamptz')
}

/** The expression as another type: an open literal is read as it, anything else converted. */
export function coerce(bound: Bound, to: PgType, modifiers: readonly number[] = []): Bound {
  if (bound.literal !== undefined) {
    const read = bound.literal === null ? null : parse(bound.literal, to, bound.at)
    const fitted = read === null || modifiers.length === 0 ? read : (castTo(to, to, modifiers) as (v: Value) => Value)(read)
    return constant(to, fitted, bound.at)
  }
  if (bound.type === to && modifiers.length === 0) return bound
  const cast = castTo(bound.type, to, modifiers)
  if (cast === undefined) {
    throw new SqlError(`cannot cast type ${displayType(bound.type)} to ${displayType(to)}`, { state: '42846', at: bound.at })
  }
  if (bound.constant === true) {
    const value = bound.get(undefined as never)
    return constant(to, value === null ? null : cast(value), bound.at)
  }
  const { get } = bound
  return {
    type: to,
    at: bound.at,
    get: run => {
      const value = get(run)
      return value === null ? null : cast(value)
    },
  }
}

/** An expression whose literal is still open becomes text; others stay. */
export const settled = (bound: Bound): Bound => (bound.type === 'unknown' ? coerce(bound, 'text') : bound)

/** The one type that several branches (CASE, COALESCE, UNION) take on. */
export function commonType(branches: readonly Bound[], what: string): PgType {
  let common: PgType | undefined
  for (const { type, at } of branches) {
    if (type === 'unknown' || type === common) continue
    if (common === undefined) common = type
    else if (isNumber(type) && isNumber(common)) common = widerNumber(common, type)
    else if (isImplicit(type, common)) continue
    else if (isImplicit(common, type)) common = type
    else if (isText(common) && isText(type)) common = 'text'
    else throw new SqlError(`${what} types ${displayType(common)} and ${displayType(type)} cannot be matched`, { state: '42804', at })
  }
  return common ?? 'text'
}

/** An expression that must be a condition. */
export function condition(bound: Bound, what: string): Bound {
  if (bound.type === 'bool') return bound
  if (bound.type === 'unknown') return coerce(bound, 'bool')
  throw new SqlError(`argument of ${what} must be type boolean, not type ${displayType(bound.type)}`, { state: '42804', at: bound.at })
}

/** A strict function of its arguments: null if any of them is. */
export function strict(type: PgType, args: readonly Bound[], at: number | undefined, apply: (...values: never[]) => Value): Bound {
  const call = apply as unknown as (...values: Value[]) => Value
  const [first, second] = args
  if (args.length === 1 && first !== undefined) {
    const get = first.get
    return { type, at, get: run => { const value = get(run); return value === null ? null : call(value) } }
  }
  if (args.length === 2 && first !== undefined && second !== undefined) {
    const [left, right] = [first.get, second.get]
    return {
      type,
      at,
      get: run => {
        const a = left(run)
        if (a === null) return null
        const b = right(run)
        return b === null ? null : call(a, b)
      },
    }
  }
  return {
    type,
    at,
    get: run => {
      const values: Value[] = []
      for (const arg of args) {
        const value = arg.get(run)
        if (value === null) return null
        values.push(value)
      }
      return call(...values)
    },
  }
}

export const isArrayLike = (bound: Bound): boolean => isArray(bound.type)
