import type { Numeric } from './numeric.ts'

/** The types that are modelled, by PostgreSQL's internal names; an array type is its element type followed by `[]`. */
export type BaseType =
  | 'bool' | 'int2' | 'int4' | 'int8' | 'oid' | 'xid' | 'float4' | 'float8' | 'numeric' | 'text' | 'name' | 'varchar' | 'bpchar' | 'char' | 'inet' | 'pg_lsn'
  | 'timestamptz' | 'timestamp' | 'date' | 'interval' | 'uuid' | 'json' | 'jsonb' | 'regtype' | 'void' | 'unknown'
export type PgType = BaseType | `${BaseType}[]`

/** A span as PostgreSQL keeps it: months and days are no fixed number of microseconds. */
export interface Interval {
  readonly months: number
  readonly days: number
  readonly us: number
}

/**
 * A value of SQL. Its type is known statically (a column's or an expression's {@link PgType}):
 * numbers hold integers, oids, floats, LSNs (bytes), timestamps (µs since 1970-01-01 UTC) and dates (days since then).
 */
export type Value = null | boolean | number | string | Numeric | Interval | readonly Value[]

export interface Column {
  readonly name: string
  readonly type: PgType
  /** Of a system view: its values may change with time alone, while the rows stay. Only who reads one sees something that moves. */
  readonly moves?: boolean
}

export interface Relation {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly Value[])[]
}

/** What a server reports besides an error: printed on stderr, changes no exit status. */
export interface Notice {
  readonly severity: 'NOTICE' | 'WARNING' | 'INFO'
  readonly message: string
  readonly detail?: string
  readonly hint?: string
}

export interface SqlErrorFields {
  /** SQLSTATE, five characters. */
  readonly state: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** Index into the SQL text (UTF-16 units) of the word at fault; psql then shows the line. */
  readonly at?: number | undefined
}

/**
 * An Error that takes no stack. A server under an upgrade refuses statements by the thousand, each is an answer and nothing is wrong with our code; taking
 * the stacks was a thirtieth of a rehearsal.
 */
const Stackless = function (this: Error, message: string): void {
  this.message = message
} as unknown as new (message: string) => Error
Object.setPrototypeOf(Stackless.prototype, Error.prototype)

/** An ERROR of the server, as it would report it. */
export class SqlError extends Stackless {
  readonly state: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly at: number | undefined

  constructor(message: string, fields: SqlErrorFields) {
    super(message)
    this.name = 'SqlError'
    this.state = fields.state
    this.detail = fields.detail
    this.hint = fields.hint
    this.at = fields.at
  }
}

/** The text is no SQL: PostgreSQL's own grammar refuses it. */
export class SqlSyntaxError extends SqlError {
  constructor(message: string, at: number) {
    super(message, { state: '42601', at })
    this.name = 'SqlSyntaxError'
  }
}

const DISPLAY: Readonly<Record<string, string>> = {
  bool: 'boolean', int2: 'smallint', int4: 'integer', int8: 'bigint', float4: 'real', float8: 'double precision', varchar: 'character varying',
  bpchar: 'character', char: '"char"', timestamptz: 'timestamp with time zone', timestamp: 'timestamp without time zone',
}
const ALIASES: Readonly<Record<string, PgType>> = { serial: 'int4', serial4: 'int4', bigserial: 'int8', serial8: 'int8', smallserial: 'int2' }
const BASE_TYPES: ReadonlySet<string> = new Set<BaseType>([
  'bool', 'int2', 'int4', 'int8', 'oid', 'xid', 'float4', 'float8', 'numeric', 'text', 'name', 'varchar', 'bpchar', 'char', 'inet', 'pg_lsn',
  'timestamptz', 'timestamp', 'date', 'interval', 'uuid', 'json', 'jsonb', 'regtype', 'void', 'unknown',
])

/** The type as error messages name it: `integer`, `timestamp with time zone`. */
export function displayType(type: PgType): string {
  if (type.endsWith('[]')) return `${displayType(type.slice(0, -2) as PgType)}[]`
  return DISPLAY[type] ?? type
}

/** The modelled type of that internal name (`int4`, `serial`), or undefined. */
export function typeNamed(name: string): PgType | undefined {
  return ALIASES[name] ?? (BASE_TYPES.has(name) ? (name as PgType) : undefined)
}

export const isArray = (type: PgType): boolean => type.endsWith('[]')
export const elementOf = (type: PgType): PgType => type.slice(0, -2) as PgType

const INTEGERS: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid'])
const TEXTS: ReadonlySet<string> = new Set(['text', 'name', 'varchar', 'bpchar', 'char', 'unknown'])
const PRINTED_RIGHT: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'float4', 'float8', 'numeric', 'oid', 'xid'])
const NUMBERS: readonly PgType[] = ['int2', 'int4', 'int8', 'oid', 'numeric', 'float4', 'float8']

export const isInteger = (type: PgType): boolean => INTEGERS.has(type)
export const isText = (type: PgType): boolean => TEXTS.has(type)
export const isFloat = (type: PgType): boolean => type === 'float4' || type === 'float8'
export const isNumber = (type: PgType): boolean => NUMBERS.includes(type)
/** psql aligns these to the right. */
export const isPrintedRight = (type: PgType): boolean => PRINTED_RIGHT.has(type)

/** The wider of two number types. */
export function widerNumber(a: PgType, b: PgType): PgType {
  return NUMBERS.indexOf(a) >= NUMBERS.indexOf(b) ? a : b
}
