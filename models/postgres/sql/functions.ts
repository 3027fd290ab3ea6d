import { UnsupportedError } from '../../../src/operator/command.ts'
import { print } from './convert.ts'
import { addToTimestamp, extractFromInterval, extractFromTimestamp, formatTimestamp, scaleInterval, truncateTimestamp } from './datetime.ts'
import { Numeric } from './numeric.ts'
import type { Run } from './run.ts'
import { displayType, elementOf, type Interval, isArray, type PgType, SqlError, type Value } from './types.ts'

/** What an argument may be: a type, or anything, or any array. */
export type Parameter = PgType | 'any' | 'anyarray'

/** One overload of a function that needs no server. */
export interface Builtin {
  readonly params: readonly Parameter[]
  /** The last parameter may repeat. */
  readonly variadic?: boolean
  readonly returns: PgType
  /** Called also when an argument is null. */
  readonly takesNull?: boolean
  /** `types` are those of the arguments after conversion. */
  readonly apply: (args: readonly Value[], types: readonly PgType[], run: Run) => Value
}

const of = (returns: PgType, params: readonly Parameter[], apply: (...args: never[]) => Value): Builtin => ({
  params,
  returns,
  apply: args => (apply as unknown as (...values: readonly Value[]) => Value)(...args),
})
const anyNumber = (integer: (value: number) => number, exact: (value: Numeric) => Numeric, float: (value: number) => number): readonly Builtin[] => [
  ...(['int4', 'int8'] as const).map(type => of(type, [type], integer)),
  of('numeric', ['numeric'], exact),
  of('float8', ['float8'], float),
]
/** round, floor and their like turn integers into floats; there is no overload for integers. */
const rounding = (exact: (value: Numeric) => Numeric, float: (value: number) => number): readonly Builtin[] => [of('float8', ['float8'], float), of('numeric', ['numeric'], exact)]
const wholeFloat = (value: number): number => {
  const floor = Math.floor(value)
  return value - floor === 0.5 ? (floor % 2 === 0 ? floor : floor + 1) : Math.round(value)
}
const divisionByZero = (): SqlError => new SqlError('division by zero', { state: '22012' })

const NUMBERS: Readonly<Record<string, readonly Builtin[]>> = {
  abs: anyNumber(Math.abs, v => v.absolute(), Math.abs),
  floor: rounding(v => v.floor(), Math.floor),
  ceil: rounding(v => v.ceil(), Math.ceil),
  ceiling: rounding(v => v.ceil(), Math.ceil),
  trunc: [...rounding(v => v.truncated(0), Math.trunc), of('numeric', ['numeric', 'int4'], (v: Numeric, digits: number) => v.truncated(digits))],
  round: [...rounding(v => v.rounded(0), wholeFloat), of('numeric', ['numeric', 'int4'], (v: Numeric, digits: number) => v.rounded(digits))],
  sign: rounding(v => Numeric.of(v.compare(Numeric.of(0))), Math.sign),
  sqrt: [of('float8', ['float8'], Math.sqrt)],
  mod: [
    ...(['int4', 'int8'] as const).map(type => of(type, [type, type], (a: number, b: number) => {
      if (b === 0) throw divisionByZero()
      return a % b
    })),
    of('numeric', ['numeric', 'numeric'], (a: Numeric, b: Numeric) => {
      if (b.isZero) throw divisionByZero()
      return a.remainder(b)
    }),
  ],
  pg_wal_lsn_diff: [of('numeric', ['pg_lsn', 'pg_lsn'], (a: number, b: number) => Numeric.of(a - b))],
  pg_size_pretty: [of('text', ['int8'], prettySize), of('text', ['numeric'], (v: Numeric) => prettySize(v.toNumber()))],
}

/** A size with the largest unit that keeps at least 10 of it, halves rounded up, as the server does it. */
function prettySize(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB']
  let size = bytes
  let unit = 0
  const half = (value: number): number => Math.trunc((value + (value < 0 ? -1 : 1)) / 2)
  // The first step keeps one bit more than the unit, so that the last halving rounds.
  while (unit < units.length - 1 && Math.abs(size) >= (unit === 0 ? 10 * 1024 : 20 * 1024 - 1)) {
    size = Math.trunc(size / (unit === 0 ? 512 : 1024))
    unit++
  }
  return `${unit === 0 ? size : half(size)} ${units[unit] as string}`
}

const characters = (text: string): string[] => Array.from(text)
const cut = (text: string, from: number, to: number): string => characters(text).slice(Math.max(0, from), Math.max(0, to)).join('')
const trimOf = (text: string, set: string, left: boolean, right: boolean): string => {
  const all = characters(text)
  let start = 0
  let end = all.length
  while (left && start < end && set.includes(all[start] as string)) start++
  while (right && end > start && set.includes(all[end - 1] as string)) end--
  return all.slice(start, end).join('')
}
const trims = (left: boolean, right: boolean): readonly Builtin[] => [
  of('text', ['text'], (text: string) => trimOf(text, ' ', left, right)),
  of('text', ['text', 'text'], (text: string, set: string) => trimOf(text, set, left, right)),
]
/** The server refuses a text beyond a gigabyte; one of millions of characters is no runbook's. */
function within(length: number, times: number): number {
  if (length * times > 1_073_741_819) throw new SqlError('requested length too large', { state: '54000' })
  if (length * times > 16_000_000) throw new UnsupportedError('a text of more than 16 million characters is not modelled', ['shorter ones'])
  return times
}

const pads = (left: boolean): readonly Builtin[] => {
  const pad = (text: string, length: number, fill: string): string => {
    const all = characters(text)
    if (all.length >= length || fill === '') return all.slice(0, Math.max(0, length)).join('')
    const filling = characters(fill.repeat(within(1, length))).slice(0, length - all.length).join('')
    return left ? filling + text : text + filling
  }
  return [of('text', ['text', 'int4'], (text: string, length: number) => pad(text, length, ' ')), of('text', ['text', 'int4', 'text'], pad)]
}
const substrings: readonly Builtin[] = [
  of('text', ['text', 'int4'], (text: string, from: number) => cut(text, from - 1, text.length)),
  of('text', ['text', 'int4', 'int4'], (text: string, from: number, length: number) => {
    if (length < 0) throw new SqlError('negative substring length not allowed', { state: '22011' })
    return cut(text, from - 1, from - 1 + length)
  }),
]
const positions: readonly Builtin[] = [of('int4', ['text', 'text'], (text: string, part: string) => {
  const index = text.indexOf(part)
  return index < 0 ? 0 : characters(text.slice(0, index)).length + 1
})]
const lengths: readonly Builtin[] = [of('int4', ['text'], (text: string) => characters(text).length)]

const TEXTS: Readonly<Record<string, readonly Builtin[]>> = {
  length: lengths, char_length: lengths, character_length: lengths,
  upper: [of('text', ['text'], (text: string) => text.toUpperCase())],
  lower: [of('text', ['text'], (text: string) => text.toLowerCase())],
  btrim: trims(true, true), ltrim: trims(true, false), rtrim: trims(false, true), trim: trims(true, true),
  left: [of('text', ['text', 'int4'], (text: string, n: number) => (n >= 0 ? cut(text, 0, n) : cut(text, 0, characters(text).length + n)))],
  right: [of('text', ['text', 'int4'], (text: string, n: number) => cut(text, n >= 0 ? characters(text).length - n : -n, text.length))],
  replace: [of('text', ['text', 'text', 'text'], (text: string, from: string, to: string) => (from === '' ? text : text.split(from).join(to)))],
  split_part: [of('text', ['text', 'text', 'int4'], splitPart)],
  substr: substrings, substring: substrings,
  strpos: positions, position: positions,
  lpad: pads(true), rpad: pads(false),
  repeat: [of('text', ['text', 'int4'], (text: string, n: number) => text.repeat(within(text.length, Math.max(0, n))))],
  reverse: [of('text', ['text'], (text: string) => characters(text).reverse().join(''))],
  starts_with: [of('bool', ['text', 'text'], (text: string, prefix: string) => text.startsWith(prefix))],
  quote_ident: [of('text', ['text'], quoteIdentifier)],
  quote_literal: [of('text', ['text'], quoteLiteral)],
  host: [of('text', ['inet'], (address: string) => address.replace(/\/.*$/, ''))],
  concat: [{ params: ['any'], variadic: true, returns: 'text', takesNull: true, apply: (args, types) => args.map((v, i) => (v === null ? '' : print(v, types[i] as PgType))).join('') }],
  concat_ws: [{
    params: ['text', 'any'], variadic: true, returns: 'text', takesNull: true,
    apply: ([separator, ...rest], types) => (separator === null ? null : rest.flatMap((v, i) => (v === null ? [] : [print(v, types[i + 1] as PgType)])).join(separator as string)),
  }],
  format: [{ params: ['text', 'any'], variadic: true, returns: 'text', takesNull: true, apply: formatText }, { params: ['text'], returns: 'text', apply: formatText }],
  regexp_replace: [
    of('text', ['text', 'text', 'text'], (text: string, pattern: string, to: string) => text.replace(new RegExp(pattern), to.replace(/\\(\d)/g, '$$$1'))),
    of('text', ['text', 'text', 'text', 'text'], (text: string, pattern: string, to: string, flags: string) => text.replace(new RegExp(pattern, flags.replace(/[^gi]/g, '')), to.replace(/\\(\d)/g, '$$$1'))),
  ],
}

function splitPart(text: string, separator: string, n: number): string {
  if (n === 0) throw new SqlError('field position must not be zero', { state: '22023' })
  const parts = separator === '' ? [text] : text.split(separator)
  return parts[n > 0 ? n - 1 : parts.length + n] ?? ''
}

function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? `E${quoted}` : quoted
}

function formatText(args: readonly Value[], types: readonly PgType[]): Value {
  if (args[0] === null) return null
  let next = 1
  return (args[0] as string).replace(/%(.)/g, (_, kind: string) => {
    if (kind === '%') return '%'
    if (!'sIL'.includes(kind)) throw new UnsupportedError(`format('%${kind}') is not modelled`, ['%s', '%I', '%L', '%%'])
    if (next >= args.length) throw new SqlError('too few arguments for format()', { state: '22023' })
    const [value, type] = [args[next] as Value, types[next++] as PgType]
    if (value === null && kind === 'I') throw new SqlError('null values cannot be formatted as an SQL identifier', { state: '22004' })
    if (value === null) return kind === 'L' ? 'NULL' : ''
    const text = print(value, type)
    return kind === 's' ? text : kind === 'I' ? quoteIdentifier(text) : quoteLiteral(text)
  })
}

function fieldOf(kind: PgType, field: string, at: Numeric | undefined): Numeric {
  if (at !== undefined) return at
  throw new UnsupportedError(`the field "${field}" of a ${displayType(kind)} is not modelled`, ['epoch', 'year', 'month', 'day', 'hour', 'minute', 'second', 'milliseconds', 'microseconds'])
}
const extracts = (returns: 'numeric' | 'float8'): readonly Builtin[] => {
  const as = (value: Numeric): Value => (returns === 'numeric' ? value : value.toNumber())
  const instant = (type: PgType): Builtin => of(returns, ['text', type], (field: string, us: number) => as(fieldOf(type, field, extractFromTimestamp(field.toLowerCase(), us))))
  return [instant('timestamptz'), instant('timestamp'), of(returns, ['text', 'interval'], (field: string, span: Interval) => as(fieldOf('interval', field, extractFromInterval(field.toLowerCase(), span))))]
}
const truncations = (type: PgType): Builtin => of(type, ['text', type], (field: string, us: number) => {
  const truncated = truncateTimestamp(field.toLowerCase().replace(/s$/, ''), us)
  if (truncated === undefined) throw new UnsupportedError(`date_trunc('${field}') is not modelled`, ['second', 'minute', 'hour', 'day', 'month', 'year'])
  return truncated
})
const toChar = (type: PgType): Builtin => of('text', [type, 'text'], (us: number, pattern: string) => {
  const text = formatTimestamp(us, pattern)
  if (text === undefined) throw new UnsupportedError(`to_char with the pattern '${pattern}' is not modelled`, ['YYYY', 'MM', 'DD', 'HH24', 'MI', 'SS', 'MS', 'US'])
  return text
})
const atZone = (from: PgType, to: PgType): Builtin => of(to, ['text', from], (zone: string, us: number) => {
  if (!/^(utc|gmt|etc\/utc)$/i.test(zone)) throw new UnsupportedError(`the time zone '${zone}' is not modelled`, ['UTC'])
  return us
})
const clock: Builtin = { params: [], returns: 'timestamptz', apply: (_args, _types, run) => run.nowUs() }

const TIMES: Readonly<Record<string, readonly Builtin[]>> = {
  now: [clock], clock_timestamp: [clock], statement_timestamp: [clock], transaction_timestamp: [clock],
  extract: extracts('numeric'), date_part: extracts('float8'),
  date_trunc: [truncations('timestamptz'), truncations('timestamp')],
  to_char: [toChar('timestamptz'), toChar('timestamp')],
  timezone: [atZone('timestamptz', 'timestamp'), atZone('timestamp', 'timestamptz')],
  to_timestamp: [of('timestamptz', ['float8'], (seconds: number) => Math.round(seconds * 1e6))],
  age: [{ params: ['timestamptz', 'timestamptz'], returns: 'interval', apply: () => { throw new UnsupportedError('age() is not modelled', ['timestamp - timestamp']) } }],
  make_interval: [{ params: ['any'], variadic: true, returns: 'interval', apply: () => { throw new UnsupportedError('make_interval() is not modelled', ["interval '5 seconds'"]) } }],
  justify_interval: [of('interval', ['interval'], (span: Interval) => scaleInterval(span, 1))],
  date: [of('date', ['timestamptz'], (us: number) => Math.floor(addToTimestamp(us, { months: 0, days: 0, us: 0 }) / 86_400_000_000))],
}

const ANYTHING: Readonly<Record<string, readonly Builtin[]>> = {
  pg_typeof: [{ params: ['any'], returns: 'regtype', takesNull: true, apply: (_args, types) => displayType(types[0] as PgType) }],
  array_length: [of('int4', ['anyarray', 'int4'], (array: readonly Value[], dimension: number) => (dimension !== 1 || array.length === 0 ? null : array.length))],
  cardinality: [of('int4', ['anyarray'], (array: readonly Value[]) => array.length)],
  array_to_string: [
    { params: ['anyarray', 'text'], returns: 'text', apply: ([array, separator], types) => joinArray(array as readonly Value[], types[0] as PgType, separator as string, null) },
    { params: ['anyarray', 'text', 'text'], returns: 'text', apply: ([array, separator, nulls], types) => joinArray(array as readonly Value[], types[0] as PgType, separator as string, nulls as string) },
  ],
  string_to_array: [of('text[]', ['text', 'text'], (text: string, separator: string) => (text === '' ? [] : separator === '' ? [text] : text.split(separator)))],
  current_setting: [
    { params: ['text'], returns: 'text', apply: ([name], _types, run) => settingOf(run, name as string, false) },
    { params: ['text', 'bool'], returns: 'text', apply: ([name, missing], _types, run) => settingOf(run, name as string, missing as boolean) },
  ],
}

function joinArray(array: readonly Value[], type: PgType, separator: string, nulls: string | null): string {
  return array.flatMap(v => (v === null ? (nulls === null ? [] : [nulls]) : [print(v, isArray(type) ? elementOf(type) : type)])).join(separator)
}

/** A parameter as SHOW prints it. @throws SqlError if there is none of that name */
export function settingOf(run: Run, name: string, missingOk: boolean): Value {
  const value = run.host.setting(name.toLowerCase())
  if (value !== undefined) return value
  if (missingOk) return null
  throw new SqlError(`unrecognized configuration parameter "${name}"`, { state: '42704' })
}

/** The functions that need no server, by name; overloads in the order in which they are preferred. */
export const BUILTINS: Readonly<Record<string, readonly Builtin[]>> = { ...NUMBERS, ...TEXTS, ...TIMES, ...ANYTHING }
