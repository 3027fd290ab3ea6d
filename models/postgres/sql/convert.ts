import { UnsupportedError } from '../../../src/operator/command.ts'
import { DAY_US, intervalLengthUs, parseInterval, parseTimestamp, printDate, printInterval, printTimestamp } from './datetime.ts'
import { Numeric } from './numeric.ts'
import { displayType, elementOf, type Interval, isArray, isFloat, isInteger, isText, type PgType, SqlError, type Value } from './types.ts'

const LSN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/
const TRUE = /^(t|tr|tru|true|y|ye|yes|on|1)$/i
const FALSE = /^(f|fa|fal|fals|false|n|no|of|off|0)$/i
const SPECIAL_FLOATS: Readonly<Record<string, number>> = { nan: Number.NaN, infinity: Infinity, '-infinity': -Infinity }
const INTEGER_LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  int2: [-32_768, 32_767], int4: [-2_147_483_648, 2_147_483_647], oid: [0, 4_294_967_295], xid: [0, 4_294_967_295],
}

/** Position in bytes of the WAL into PostgreSQL's `X/X` form. */
export function printLsn(bytes: number): string {
  const high = Math.floor(bytes / 4_294_967_296)
  return `${high.toString(16).toUpperCase()}/${(bytes - high * 4_294_967_296).toString(16).toUpperCase()}`
}

/** `X/X` into a position in bytes; undefined if the text is no LSN. */
export function parseLsn(text: string): number | undefined {
  const match = LSN.exec(text)
  return match === null ? undefined : Number.parseInt(match[1] as string, 16) * 4_294_967_296 + Number.parseInt(match[2] as string, 16)
}

/** The shortest text of a double that reads back the same, in PostgreSQL's style. */
export function printFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (power < -4 || power >= 15) return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
  if (power >= 0 || !String(value).includes('e')) return String(value)
  return value.toFixed(20).replace(/0+$/, '')
}

/** A non-null value as the server sends it in text form. */
export function print(value: Value, type: PgType): string {
  if (value === null) return ''
  if (isArray(type)) return `{${(value as readonly Value[]).map(item => printElement(item, elementOf(type))).join(',')}}`
  switch (type) {
    case 'bool': return value === true ? 't' : 'f'
    case 'pg_lsn': return printLsn(value as number)
    case 'timestamptz': return `${printTimestamp(value as number)}+00`
    case 'timestamp': return printTimestamp(value as number)
    case 'date': return printDate(value as number)
    case 'interval': return printInterval(value as Interval)
    case 'float4': case 'float8': return printFloat(value as number)
    default: return String(value)
  }
}

function printElement(value: Value, type: PgType): string {
  if (value === null) return 'NULL'
  const text = print(value, type)
  return text === '' || /[{}",\\\s]/.test(text) || /^null$/i.test(text) ? `"${text.replace(/(["\\])/g, '\\$1')}"` : text
}

const invalid = (type: PgType, text: string, at?: number): SqlError => new SqlError(`invalid input syntax for type ${displayType(type)}: "${text}"`, { state: '22P02', at })

/** Checks the range of an integer result. */
export function checkInteger(value: number, type: PgType): number {
  const limits = INTEGER_LIMITS[type]
  if (limits !== undefined && (value < limits[0] || value > limits[1])) throw new SqlError(`${displayType(type)} out of range`, { state: '22003' })
  if (!Number.isSafeInteger(value)) throw new UnsupportedError('integers beyond 2^53 are not modelled', ['smaller numbers', 'numeric'])
  return value + 0
}

/** Reads a value from its text form. @throws SqlError `invalid input syntax…`, pointing `at` the literal */
export function parse(text: string, type: PgType, at?: number): Value {
  if (isArray(type)) return parseArray(text, type, at)
  if (isText(type) || type === 'json' || type === 'jsonb' || type === 'uuid' || type === 'inet' || type === 'regtype') return text
  const value = parseScalar(text, type)
  if (value !== undefined) return value
  if (type === 'int2' || type === 'int4' || type === 'int8') {
    if (/^\s*[+-]?\d+\s*$/.test(text)) throw new SqlError(`value "${text}" is out of range for type ${displayType(type)}`, { state: '22003', at })
  }
  throw invalid(type, text, at)
}

function parseScalar(text: string, type: PgType): Value | undefined {
  const trimmed = text.trim()
  switch (type) {
    case 'bool': return TRUE.test(trimmed) ? true : FALSE.test(trimmed) ? false : undefined
    case 'int2': case 'int4': case 'int8': case 'oid': case 'xid': return parseInteger(trimmed, type)
    case 'numeric': return Numeric.parse(text)
    case 'float4': case 'float8': return SPECIAL_FLOATS[trimmed.toLowerCase()] ?? Numeric.parse(text)?.toNumber()
    case 'pg_lsn': return parseLsn(trimmed)
    case 'timestamp': return parseTimestamp(text.replace(/(\d)(Z|UTC|[+-]\d{2}(:?\d{2})?)\s*$/i, (whole, digit: string) => (text.includes(':') ? digit : whole)))
    case 'timestamptz': return parseTimestamp(text)
    case 'date': {
      const us = parseTimestamp(text)
      return us === undefined ? undefined : Math.floor(us / DAY_US)
    }
    case 'interval': return parseInterval(text)
    case 'void': return ''
    default: return undefined
  }
}

function parseInteger(text: string, type: PgType): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const value = Number(text)
  const limits = INTEGER_LIMITS[type]
  return limits !== undefined && (value < limits[0] || value > limits[1]) ? undefined : value
}

function parseArray(text: string, type: PgType, at: number | undefined): Value {
  if (!/^\s*\{.*\}\s*$/s.test(text)) throw new SqlError(`malformed array literal: "${text}"`, { state: '22P02', detail: 'Array value must start with "{" or dimension information.', at })
  const inner = text.trim().slice(1, -1)
  if (inner.includes('{')) throw new UnsupportedError('arrays of arrays are not modelled', ['one-dimensional arrays'])
  if (inner.trim() === '') return []
  const items: Value[] = []
  for (const [, quoted, bare] of inner.matchAll(/\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]*))\s*(?:,|$)/g)) {
    if (quoted === undefined && bare === '' && items.length > 0) break
    if (quoted === undefined && /^null$/i.test((bare as string).trim())) items.push(null)
    else items.push(parse(quoted?.replace(/\\(.)/g, '$1') ?? (bare as string).trim(), elementOf(type), at))
  }
  return items
}

/** Rounds half to even, as a cast from a float to an integer does. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/** Whether a value of one type may be cast to the other at all. */
export type Cast = (value: Value) => Value

/**
 * How a non-null value of one type becomes one of another by an explicit cast; undefined if PostgreSQL has no such cast.
 * `modifiers` are those of `numeric(10,2)`, `varchar(5)`, `timestamp(0)`.
 */
export function castTo(from: PgType, to: PgType, modifiers: readonly number[] = []): Cast | undefined {
  const plain = from === to ? (value: Value): Value => value : castBase(from, to)
  if (plain === undefined) return undefined
  const [first, second] = modifiers
  if (first === undefined) return plain
  if (to === 'numeric') return value => fitNumeric(plain(value) as Numeric, first, second ?? 0)
  if (to === 'varchar' || to === 'bpchar') return value => (plain(value) as string).slice(0, first)
  if (to === 'timestamp' || to === 'timestamptz') {
    const step = Number(`1e${6 - first}`)
    return value => Math.round((plain(value) as number) / step) * step
  }
  return plain
}

function fitNumeric(value: Numeric, precision: number, scale: number): Numeric {
  const fitted = value.rounded(scale)
  if (fitted.absolute().compare(new Numeric(BigInt(`1${'0'.repeat(precision - scale)}`), 0)) >= 0) {
    throw new SqlError('numeric field overflow', {
      state: '22003',
      detail: `A field with precision ${precision}, scale ${scale} must round to an absolute value less than ${precision === scale ? '1' : `10^${precision - scale}`}.`,
    })
  }
  return fitted
}

function castBase(from: PgType, to: PgType): Cast | undefined {
  if (isText(to) || to === 'json' || to === 'jsonb') return from === 'bool' ? value => (value === true ? 'true' : 'false') : value => print(value, from)
  if (isText(from)) return value => parse(value as string, to)
  if (isArray(from) && isArray(to)) {
    const item = castTo(elementOf(from), elementOf(to))
    return item === undefined ? undefined : value => (value as readonly Value[]).map(v => (v === null ? null : item(v)))
  }
  return castNumber(from, to) ?? castTime(from, to)
}

function castNumber(from: PgType, to: PgType): Cast | undefined {
  if (from === 'bool') return to === 'int4' ? value => (value === true ? 1 : 0) : undefined
  if (to === 'bool') return from === 'int4' ? value => value !== 0 : undefined
  if (isInteger(to)) {
    if (isInteger(from)) return value => checkInteger(value as number, to)
    if (from === 'numeric') return value => checkInteger((value as Numeric).rounded(0).toNumber(), to)
    if (isFloat(from)) return value => checkInteger(roundHalfEven(value as number), to)
    return undefined
  }
  if (to === 'numeric') {
    if (isInteger(from)) return value => Numeric.of(value as number)
    return isFloat(from) ? value => Numeric.ofFloat(value as number) : undefined
  }
  if (isFloat(to)) {
    if (isInteger(from) || isFloat(from)) return value => value
    return from === 'numeric' ? value => (value as Numeric).toNumber() : undefined
  }
  return undefined
}

function castTime(from: PgType, to: PgType): Cast | undefined {
  const instants: readonly PgType[] = ['timestamp', 'timestamptz']
  if (instants.includes(from) && instants.includes(to)) return value => value
  if (instants.includes(from) && to === 'date') return value => Math.floor((value as number) / DAY_US)
  return from === 'date' && instants.includes(to) ? value => (value as number) * DAY_US : undefined
}

/** Orders two non-null values of one type: negative, zero or positive. Text goes by code unit (the `C` collation). */
export function compare(a: Value, b: Value, type: PgType): number {
  if (type === 'numeric') return (a as Numeric).compare(b as Numeric)
  if (type === 'interval') return intervalLengthUs(a as Interval) - intervalLengthUs(b as Interval)
  if (isArray(type)) {
    const [left, right] = [a as readonly Value[], b as readonly Value[]]
    for (let i = 0; i < Math.min(left.length, right.length); i++) {
      const order = compareNullsLast(left[i] as Value, right[i] as Value, elementOf(type))
      if (order !== 0) return order
    }
    return left.length - right.length
  }
  const [x, y] = [a as number, b as number]
  return x < y ? -1 : x > y ? 1 : 0
}

export function compareNullsLast(a: Value, b: Value, type: PgType): number {
  if (a === null) return b === null ? 0 : 1
  return b === null ? -1 : compare(a, b, type)
}

/** A text that is equal for equal values: the key of a group. */
export function groupKey(value: Value, type: PgType): string {
  if (value === null) return 'N'
  // 1.0 and 1.00 are one group; so are 24:00:00 and 1 day.
  if (type === 'numeric') return `v${(value as Numeric).toString().replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')}`
  if (type === 'interval') return `v${intervalLengthUs(value as Interval)}`
  return `v${print(value, type)}`
}
