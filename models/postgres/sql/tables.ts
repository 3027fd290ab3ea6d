import { castTo, compare, print } from './convert.ts'
import type { Effect, EffectResult, NewColumn, SqlHost } from './host.ts'
import { type Column, displayType, type Notice, type PgType, type Relation, SqlError, type Value } from './types.ts'

type Row = readonly Value[]

/** A user table: never changed in place, so that a standby can keep an older one. */
export interface Table {
  readonly definition: readonly NewColumn[]
  /** The same array for as long as the table has these columns: compiled queries are tied to it. */
  readonly relation: Relation
  /** What the next `serial` gives. */
  readonly nextSerial: number
}

export type Tables = ReadonlyMap<string, Table>

/** The effects that concern user tables only. */
export type TableEffect = Extract<Effect, { kind: 'insert' | 'update' | 'delete' | 'truncate' | 'createTable' | 'dropTable' }>

export interface Applied {
  /** The tables afterwards; the ones given, if nothing changed. */
  readonly tables: Tables
  readonly result: EffectResult
}

const refused = (tables: Tables, state: string, message: string, detail?: string): Applied => ({
  tables,
  result: { is: 'error', state, message, ...(detail === undefined ? {} : { detail }) },
})

/** Applies a statement to user tables, as a server that accepts writes would. Time and waiting are the server's affair. */
export function applyToTables(tables: Tables, effect: TableEffect, host: SqlHost): Applied {
  try {
    return apply(tables, effect, host)
  } catch (error) {
    // An expression of the statement failed on some row: nothing of it is kept.
    if (error instanceof SqlError) return refused(tables, error.state, error.message, error.detail)
    throw error
  }
}

function apply(tables: Tables, effect: TableEffect, host: SqlHost): Applied {
  switch (effect.kind) {
    case 'createTable': return create(tables, effect)
    case 'dropTable': return drop(tables, effect)
    case 'truncate': return truncate(tables, effect)
    default: return change(tables, effect, host)
  }
}

const replaced = (tables: Tables, name: string, table: Table): Tables => new Map(tables).set(name, table)

function create(tables: Tables, { table, ifNotExists, columns }: Extract<Effect, { kind: 'createTable' }>): Applied {
  if (!tables.has(table)) {
    const relation = { columns: columns.map(({ name, type }): Column => ({ name, type })), rows: [] }
    return { tables: replaced(tables, table, { definition: columns, relation, nextSerial: 1 }), result: { is: 'ok' } }
  }
  if (!ifNotExists) return refused(tables, '42P07', `relation "${table}" already exists`)
  return { tables, result: { is: 'ok', notices: [{ severity: 'NOTICE', message: `relation "${table}" already exists, skipping` }] } }
}

function drop(tables: Tables, { tables: names, ifExists }: Extract<Effect, { kind: 'dropTable' }>): Applied {
  const left = new Map(tables)
  const notices: Notice[] = []
  for (const name of names) {
    if (left.delete(name)) continue
    if (!ifExists) return refused(tables, '42P01', `table "${name}" does not exist`)
    notices.push({ severity: 'NOTICE', message: `table "${name}" does not exist, skipping` })
  }
  return { tables: left, result: { is: 'ok', notices } }
}

function truncate(tables: Tables, { tables: names }: Extract<Effect, { kind: 'truncate' }>): Applied {
  let after = tables
  for (const name of names) {
    const table = tables.get(name)
    if (table === undefined) return refused(tables, '42P01', `relation "${name}" does not exist`)
    after = replaced(after, name, { ...table, relation: { ...table.relation, rows: [] } })
  }
  return { tables: after, result: { is: 'ok' } }
}

function change(tables: Tables, effect: Extract<Effect, { kind: 'insert' | 'update' | 'delete' }>, host: SqlHost): Applied {
  const table = tables.get(effect.table)
  if (table === undefined) return refused(tables, '42P01', `relation "${effect.table}" does not exist`)
  const { rows } = table.relation
  if (effect.kind === 'delete') {
    const gone = rows.filter(row => effect.matches(row))
    return { tables: replaced(tables, effect.table, withRows(table, rows.filter(row => !gone.includes(row)))), result: { is: 'ok', rows: gone } }
  }
  const filler = new Filler(table, host)
  if (effect.kind === 'update') {
    const touched = rows.filter(row => effect.matches(row))
    const changed = touched.map(row => filler.fill(effect.change(row)))
    const kept = rows.filter(row => !touched.includes(row))
    // An updated row moves to the end of the heap, where PostgreSQL puts its new version.
    return settle(tables, effect.table, table, kept, changed, filler, false)
  }
  return settle(tables, effect.table, table, rows, effect.rows.map(row => filler.fill(row)), filler, effect.onConflictDoNothing)
}

const withRows = (table: Table, rows: readonly Row[]): Table => ({ ...table, relation: { columns: table.relation.columns, rows } })

/** A value as its column takes it: rounded to the digits of `numeric(10,2)`, refused when it is too long for `varchar(5)`. */
function fitted(value: Value, { type, modifiers }: NewColumn): Value {
  if (value === null || modifiers.length === 0) return value
  const fits = castTo(type, type, modifiers)?.(value) ?? value
  if ((type === 'varchar' || type === 'bpchar') && (fits as string).length < (value as string).trimEnd().length) {
    throw new SqlError(`value too long for type ${displayType(type)}(${modifiers[0] as number})`, { state: '22001' })
  }
  return fits
}

/** Puts defaults where a statement left them open. */
class Filler {
  nextSerial: number

  constructor(
    private readonly table: Table,
    private readonly host: SqlHost,
  ) {
    this.nextSerial = table.nextSerial
  }

  fill(row: readonly (Value | undefined)[]): Row {
    return this.table.definition.map((column, i) => {
      const value = row[i]
      if (value !== undefined) return fitted(value, column)
      return column.serial ? this.nextSerial++ : fitted(column.defaultOf?.(this.host) ?? null, column)
    })
  }
}

/** Adds rows if NOT NULL and the primary key allow them. */
function settle(tables: Tables, name: string, table: Table, kept: readonly Row[], added: readonly Row[], filler: Filler, skipConflicts: boolean): Applied {
  const { definition } = table
  const keys = definition.flatMap(({ primaryKey, type }, i) => (primaryKey ? [{ i, type }] : []))
  const rows: Row[] = [...kept]
  const accepted: Row[] = []
  for (const row of added) {
    const empty = definition.find(({ notNull }, i) => notNull && row[i] === null)
    if (empty !== undefined) return refused(tables, '23502', `null value in column "${empty.name}" of relation "${name}" violates not-null constraint`, `Failing row contains (${row.map((v, i) => textOf(v, definition[i] as NewColumn)).join(', ')}).`)
    const clash = keys.length > 0 && rows.some(other => keys.every(({ i, type }) => sameKey(other[i] as Value, row[i] as Value, type)))
    if (clash && skipConflicts) continue
    if (clash) return refused(tables, '23505', `duplicate key value violates unique constraint "${name}_pkey"`, `Key (${keys.map(({ i }) => (definition[i] as NewColumn).name).join(', ')})=(${keys.map(({ i }) => textOf(row[i] as Value, definition[i] as NewColumn)).join(', ')}) already exists.`)
    rows.push(row)
    accepted.push(row)
  }
  const after: Table = { ...withRows(table, rows), nextSerial: filler.nextSerial }
  return { tables: replaced(tables, name, after), result: { is: 'ok', rows: accepted } }
}

const textOf = (value: Value, { type }: NewColumn): string => (value === null ? 'null' : print(value, type))
const sameKey = (a: Value, b: Value, type: PgType): boolean => a !== null && b !== null && compare(a, b, type) === 0

/** A table definition from columns alone: all of them optional, without defaults. */
export function plainTable(relation: Relation): Table {
  const definition = relation.columns.map((column): NewColumn => ({ ...column, modifiers: [], serial: false, notNull: false, primaryKey: false, defaultOf: undefined }))
  return { definition, relation, nextSerial: 1 }
}
