import { compare, groupKey, print } from './convert.ts'
import { addIntervals, scaleInterval } from './datetime.ts'
import { Numeric } from './numeric.ts'
import { type Interval, isFloat, isInteger, type PgType, type Value } from './types.ts'

/** What an aggregate makes of the argument rows of a group (nulls still in them, unless it skips them). */
export interface Aggregate {
  readonly returns: PgType
  readonly finish: (rows: readonly (readonly Value[])[]) => Value
}

type Values = readonly Value[]

const firsts = (rows: readonly Values[]): Value[] => rows.flatMap(row => (row[0] === null || row[0] === undefined ? [] : [row[0]]))
/** An aggregate of the non-null values; null if there are none. */
const over = (returns: PgType, finish: (values: Value[]) => Value): Aggregate => ({
  returns,
  finish: rows => {
    const values = firsts(rows)
    return values.length === 0 ? null : finish(values)
  },
})

const extreme = (type: PgType, sign: number): Aggregate => over(type, values => values.reduce((best, v) => (compare(v, best, type) * sign > 0 ? v : best)))
const numerics = (values: Value[], type: PgType): Numeric[] => values.map(v => (type === 'numeric' ? (v as Numeric) : Numeric.of(v as number)))
const total = (values: Numeric[]): Numeric => values.reduce((a, b) => a.plus(b), Numeric.of(0))

function sum(type: PgType): Aggregate | undefined {
  if (type === 'int4' || type === 'int2') return over('int8', values => (values as number[]).reduce((a, b) => a + b, 0))
  if (isInteger(type) || type === 'numeric') return over('numeric', values => total(numerics(values, type)))
  if (isFloat(type)) return over(type, values => (values as number[]).reduce((a, b) => a + b, 0))
  return type === 'interval' ? over('interval', values => (values as Interval[]).reduce(addIntervals)) : undefined
}

function average(type: PgType): Aggregate | undefined {
  if (isInteger(type) || type === 'numeric') return over('numeric', values => total(numerics(values, type)).dividedBy(Numeric.of(values.length)))
  if (isFloat(type)) return over('float8', values => (values as number[]).reduce((a, b) => a + b, 0) / values.length)
  return type === 'interval' ? over('interval', values => scaleInterval((values as Interval[]).reduce(addIntervals), 1 / values.length)) : undefined
}

const NAMES: ReadonlySet<string> = new Set(['count', 'sum', 'avg', 'max', 'min', 'bool_and', 'bool_or', 'every', 'string_agg', 'array_agg'])

export const isAggregate = (name: string): boolean => NAMES.has(name)
export const AGGREGATES: readonly string[] = [...NAMES]

/** The aggregate for arguments of these types; undefined if PostgreSQL has none. No argument: `count(*)`. */
export function aggregateFor(name: string, types: readonly PgType[]): Aggregate | undefined {
  const [first] = types
  if (name === 'count') return { returns: 'int8', finish: rows => (first === undefined ? rows.length : firsts(rows).length) }
  if (first === undefined || (types.length === 2) !== (name === 'string_agg')) return undefined
  switch (name) {
    case 'sum': return sum(first)
    case 'avg': return average(first)
    // There is no max of booleans.
    case 'max': return first === 'bool' ? undefined : extreme(first === 'name' ? 'text' : first, 1)
    case 'min': return first === 'bool' ? undefined : extreme(first === 'name' ? 'text' : first, -1)
    case 'bool_and': case 'every': return first === 'bool' ? over('bool', values => values.every(v => v === true)) : undefined
    case 'bool_or': return first === 'bool' ? over('bool', values => values.some(v => v === true)) : undefined
    case 'array_agg': return { returns: `${first}[]` as PgType, finish: rows => (rows.length === 0 ? null : rows.map(row => row[0] as Value)) }
    default: return { returns: 'text', finish: joined(first) }
  }
}

/** string_agg: the separator of a row stands before its value. */
const joined = (type: PgType) => (rows: readonly Values[]): Value => {
  const kept = rows.filter(row => row[0] !== null)
  if (kept.length === 0) return null
  return kept.map((row, i) => (i === 0 || row[1] === null ? '' : (row[1] as string)) + print(row[0] as Value, type)).join('')
}

/** The rows without those whose first value occurred before, in the order of that value: what `count(DISTINCT x)` sees. */
export function distinctRows(rows: readonly Values[], types: readonly PgType[]): Values[] {
  const seen = new Set<string>()
  const kept = rows.filter(row => {
    const key = types.map((type, i) => groupKey(row[i] as Value, type)).join('\u0000')
    return !seen.has(key) && seen.add(key) !== undefined
  })
  const [first] = types
  return first === undefined ? kept : kept.sort((a, b) => (a[0] === null ? (b[0] === null ? 0 : 1) : b[0] === null ? -1 : compare(a[0] as Value, b[0] as Value, first)))
}
