import type { ColumnDef, CreateStmt, DeleteStmt, DropStmt, InsertStmt, Node, RangeVar, ResTarget, SelectStmt, UpdateStmt } from 'libpg-query'
import { UnsupportedError } from '../../../src/operator/command.ts'
import type { Binder } from './binder.ts'
import { type Bound, coerce, condition, settled } from './bound.ts'
import { castTo } from './convert.ts'
import { bindExpression, typeOf } from './expression.ts'
import type { Effect, NewColumn, SqlHost } from './host.ts'
import { figureName, lastName } from './parse.ts'
import { Run } from './run.ts'
import { Scope, type Visible } from './scope.ts'
import { type Column, displayType, isText, type PgType, type Relation, SqlError, type Value } from './types.ts'

type Row = readonly Value[]

/** A statement that changes rows, compiled for one host at one instant. */
export interface Write {
  readonly effect: Effect
  /** What RETURNING makes of the rows that changed; undefined without RETURNING. */
  readonly returning: ((rows: readonly Row[]) => Relation) | undefined
  tag(count: number): string
}

interface Table {
  readonly name: string
  readonly columns: readonly Column[]
  readonly scope: Scope
}

/** What a name finds in a table that stands alone, once per set of columns: a probe writes to the same one again and again. */
const seen = new WeakMap<readonly Column[], { readonly alias: string; readonly visible: readonly Visible[] }>()

function visibleAs(columns: readonly Column[], alias: string): readonly Visible[] {
  let known = seen.get(columns)
  if (known?.alias !== alias) seen.set(columns, (known = { alias, visible: columns.map((column, index) => ({ ...column, index, alias })) }))
  return known.visible
}

function openTable({ relname = '', alias, location }: RangeVar, binder: Binder): Table {
  const columns = binder.columnsOf(relname)
  if (columns === undefined) throw new SqlError(`relation "${relname}" does not exist`, { state: '42P01', at: binder.at(location) })
  const name = alias?.aliasname ?? relname
  const scope = new Scope(undefined)
  scope.sources.push({ alias: name, columns, offset: 0 })
  scope.visible = visibleAs(columns, name)
  return { name: relname, columns, scope }
}

function columnOf({ name: table, columns }: Table, { name = '', location }: ResTarget, binder: Binder): number {
  const index = columns.findIndex(column => column.name === name)
  if (index < 0) throw new SqlError(`column "${name}" of relation "${table}" does not exist`, { state: '42703', at: binder.at(location) })
  return index
}

/** An expression as the type of the column it is written to. */
function assignable(bound: Bound, column: Column): Bound {
  const castable = bound.literal !== undefined || isText(column.type) || bound.type === column.type || (!isText(bound.type) && castTo(bound.type, column.type) !== undefined)
  if (castable) return coerce(bound, column.type)
  throw new SqlError(`column "${column.name}" is of type ${displayType(column.type)} but expression is of type ${displayType(bound.type)}`, {
    state: '42804', at: bound.at, hint: 'You will need to rewrite or cast the expression.',
  })
}

function bindReturning(list: readonly Node[] | undefined, { columns, scope }: Table, binder: Binder): Write['returning'] {
  if (list === undefined) return undefined
  const targets = list.flatMap(node => {
    if (!('ResTarget' in node)) return []
    const { val, name } = node.ResTarget
    const star = val !== undefined && 'ColumnRef' in val && val.ColumnRef.fields?.some(field => 'A_Star' in field)
    if (star) return columns.map((column, i) => ({ name: column.name, bound: { type: column.type, at: undefined, get: (run: Run) => (run.rows[0] as Row)[i] as Value } as Bound }))
    return [{ name: name ?? figureName(val).name, bound: settled(bindExpression(val as Node, scope, binder)) }]
  })
  return rows => ({
    columns: targets.map(({ name, bound }) => ({ name, type: bound.type })),
    rows: rows.map(row => targets.map(({ bound }) => evaluateOn(binder.host, bound, row))),
  })
}

function evaluateOn(host: SqlHost, bound: Bound, row: Row): Value {
  const run = new Run(host)
  run.rows[0] = row
  return bound.get(run)
}

export function bindInsert(statement: InsertStmt, binder: Binder): Write {
  const { relation, cols = [], selectStmt, onConflictClause, withClause, returningClause } = statement
  if (withClause !== undefined) throw new UnsupportedError('WITH before INSERT is not modelled', ['INSERT … SELECT'])
  const onConflictDoNothing = onConflictClause !== undefined
  if (onConflictDoNothing && onConflictClause.action !== 'ONCONFLICT_NOTHING') throw new UnsupportedError('ON CONFLICT DO UPDATE is not modelled', ['ON CONFLICT DO NOTHING'])
  const table = openTable(relation as RangeVar, binder)
  const places = cols.length === 0 ? table.columns.map((_, i) => i) : cols.map(col => columnOf(table, (col as { ResTarget: ResTarget }).ResTarget, binder))
  const rows = insertedRows(selectStmt, table, places, binder)
  return {
    effect: { kind: 'insert', table: table.name, rows, onConflictDoNothing },
    returning: bindReturning(returningClause?.exprs, table, binder),
    tag: count => `INSERT 0 ${count}`,
  }
}

/** The rows to insert in the order of the table's columns; undefined stands for a default. */
function insertedRows(source: Node | undefined, table: Table, places: readonly number[], binder: Binder): (Value | undefined)[][] {
  const blank = (): (Value | undefined)[] => table.columns.map(() => undefined)
  if (source === undefined) return [blank()]
  const { SelectStmt: select } = source as { SelectStmt: SelectStmt }
  const place = (values: readonly (Value | undefined)[]): (Value | undefined)[] => {
    const row = blank()
    for (const [i, value] of values.entries()) row[places[i] as number] = value
    return row
  }
  const columnAt = (i: number, at: number | undefined): Column => {
    const column = table.columns[places[i] ?? -1]
    if (column === undefined) throw new SqlError('INSERT has more expressions than target columns', { state: '42601', at })
    return column
  }
  if (select.valuesLists !== undefined) {
    const scope = new Scope(undefined)
    scope.clause = 'VALUES'
    return select.valuesLists.map(list => {
      const items = 'List' in list ? (list.List.items ?? []) : []
      return place(items.map((node, i) => {
        if ('SetToDefault' in node) return undefined
        const bound = bindExpression(node, scope, binder)
        return assignable(bound, columnAt(i, bound.at)).get(new Run(binder.host))
      }))
    })
  }
  const plan = binder.select(source, undefined)
  const casts = plan.columns.map(({ type }, i) => assignable({ type, get: run => (run.rows[0] as Row)[i] as Value, at: undefined }, columnAt(i, undefined)))
  return plan.rows(new Run(binder.host)).map(row => place(casts.map(cast => evaluateOn(binder.host, cast, row))))
}

export function bindUpdate({ relation, targetList = [], whereClause, fromClause, withClause, returningClause }: UpdateStmt, binder: Binder): Write {
  if ((fromClause ?? []).length > 0 || withClause !== undefined) throw new UnsupportedError('UPDATE … FROM and WITH before UPDATE are not modelled', ['UPDATE … SET … WHERE'])
  const table = openTable(relation as RangeVar, binder)
  const sets = targetList.flatMap(node => {
    if (!('ResTarget' in node)) return []
    const index = columnOf(table, node.ResTarget, binder)
    const val = node.ResTarget.val as Node
    if ('MultiAssignRef' in val) throw new UnsupportedError('UPDATE … SET (a, b) = … is not modelled', ['UPDATE … SET a = …, b = …'])
    return [{ index, bound: 'SetToDefault' in val ? undefined : assignable(bindExpression(val, table.scope, binder), table.columns[index] as Column) }]
  })
  return {
    effect: {
      kind: 'update',
      table: table.name,
      matches: bindMatches(whereClause, table, binder),
      change: row => {
        const changed: (Value | undefined)[] = [...row]
        for (const { index, bound } of sets) changed[index] = bound === undefined ? undefined : evaluateOn(binder.host, bound, row)
        return changed
      },
    },
    returning: bindReturning(returningClause?.exprs, table, binder),
    tag: count => `UPDATE ${count}`,
  }
}

export function bindDelete({ relation, whereClause, usingClause, withClause, returningClause }: DeleteStmt, binder: Binder): Write {
  if ((usingClause ?? []).length > 0 || withClause !== undefined) throw new UnsupportedError('DELETE … USING and WITH before DELETE are not modelled', ['DELETE FROM … WHERE'])
  const table = openTable(relation as RangeVar, binder)
  return {
    effect: { kind: 'delete', table: table.name, matches: bindMatches(whereClause, table, binder) },
    returning: bindReturning(returningClause?.exprs, table, binder),
    tag: count => `DELETE ${count}`,
  }
}

function bindMatches(where: Node | undefined, { scope }: Table, binder: Binder): (row: Row) => boolean {
  if (where === undefined) return () => true
  const bound = condition(bindExpression(where, scope, binder), 'WHERE')
  return row => evaluateOn(binder.host, bound, row) === true
}

/** CREATE TABLE with columns, defaults and keys; checks and references are refused. */
export function bindCreateTable({ relation, tableElts = [], if_not_exists: ifNotExists, inhRelations = [] }: CreateStmt, binder: Binder): Effect {
  if (inhRelations.length > 0) throw new UnsupportedError('table inheritance and partitions are not modelled', ['CREATE TABLE name (columns)'])
  const columns: NewColumn[] = []
  const keys = new Set<string>()
  for (const element of tableElts) {
    if ('ColumnDef' in element) columns.push(newColumn(element.ColumnDef, binder))
    else if ('Constraint' in element && (element.Constraint.contype === 'CONSTR_PRIMARY' || element.Constraint.contype === 'CONSTR_UNIQUE')) {
      if (element.Constraint.contype === 'CONSTR_PRIMARY') for (const key of element.Constraint.keys ?? []) keys.add(lastName([key]))
    } else throw new UnsupportedError('this table constraint is not modelled', ['PRIMARY KEY', 'UNIQUE', 'NOT NULL', 'DEFAULT'])
  }
  return {
    kind: 'createTable',
    table: relation?.relname ?? '',
    ifNotExists: ifNotExists === true,
    temporary: relation?.relpersistence === 't',
    columns: columns.map(column => (keys.has(column.name) ? { ...column, primaryKey: true, notNull: true } : column)),
  }
}

/** A column of CREATE TABLE or ADD COLUMN. */
export function newColumn({ colname = '', typeName, constraints = [] }: ColumnDef, binder: Binder): NewColumn {
  const { type, modifiers } = typeOf(typeName)
  const word = lastName(typeName?.names)
  const kinds = constraints.flatMap(node => ('Constraint' in node ? [node.Constraint] : []))
  const is = (kind: string): boolean => kinds.some(({ contype }) => contype === kind)
  const known = ['CONSTR_DEFAULT', 'CONSTR_NOTNULL', 'CONSTR_NULL', 'CONSTR_PRIMARY', 'CONSTR_UNIQUE', 'CONSTR_IDENTITY']
  if (kinds.some(({ contype }) => !known.includes(contype ?? ''))) throw new UnsupportedError('this column constraint is not modelled', ['PRIMARY KEY', 'UNIQUE', 'NOT NULL', 'DEFAULT', 'GENERATED … AS IDENTITY'])
  const expression = kinds.find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr
  const column: Column = { name: colname, type: type as PgType }
  const bound = expression === undefined ? undefined : assignable(bindExpression(expression, new Scope(undefined), binder), column)
  const serial = /^(small|big)?serial[248]?$/.test(word) || is('CONSTR_IDENTITY')
  return {
    ...column,
    modifiers,
    serial,
    notNull: serial || is('CONSTR_NOTNULL') || is('CONSTR_PRIMARY'),
    primaryKey: is('CONSTR_PRIMARY'),
    defaultOf: bound === undefined ? undefined : host => bound.get(new Run(host)),
  }
}

export function dropTable({ objects = [], missing_ok: missingOk, removeType }: DropStmt): Effect {
  if (removeType !== 'OBJECT_TABLE') throw new UnsupportedError('of DROP, only DROP TABLE is modelled', ['DROP TABLE [IF EXISTS]'])
  return { kind: 'dropTable', tables: objects.map(object => ('List' in object ? lastName(object.List.items) : '')), ifExists: missingOk === true }
}
