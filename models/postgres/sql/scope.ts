import type { Aggregate } from './aggregates.ts'
import type { Bound } from './bound.ts'
import { type Column, SqlError } from './types.ts'

/** One item of FROM, at its place in the joined row. */
export interface Source {
  readonly alias: string
  readonly columns: readonly Column[]
  readonly offset: number
}

/** A column as `*` lists it and a bare name finds it: after JOIN USING the common columns come first, once. */
export interface Visible extends Column {
  readonly index: number
  readonly alias: string
}

/** An aggregate call of a SELECT: computed once per group. */
export interface AggregateCall {
  readonly aggregate: Aggregate
  readonly args: readonly Bound[]
  readonly filter: Bound | undefined
  readonly distinct: boolean
  readonly order: readonly SortKey[]
}

export interface SortKey {
  readonly by: Bound
  readonly descending: boolean
  readonly nullsFirst: boolean
}

/** Where aggregates are being collected: a SELECT list, HAVING or ORDER BY. */
export interface Grouping {
  readonly calls: AggregateCall[]
  /** Columns of GROUP BY, by index, and other expressions of it, by key. */
  readonly columns: ReadonlySet<number>
  readonly expressions: ReadonlySet<string>
  /** Whether this SELECT groups at all, so that other columns are refused. */
  grouped: boolean
}

/** What names mean at one place of a query. */
export class Scope {
  readonly depth: number
  readonly sources: Source[] = []
  visible: readonly Visible[] = []
  grouping: Grouping | undefined
  /** The clause being compiled, for the message that aggregates are not allowed in it. */
  clause = 'WHERE'

  constructor(readonly parent: Scope | undefined) {
    this.depth = parent === undefined ? 0 : parent.depth + 1
  }

  get width(): number {
    return this.sources.reduce((sum, { columns }) => sum + columns.length, 0)
  }

  /** Finds a column here or further out. */
  resolve(table: string | undefined, name: string, at: number): { scope: Scope; column: Visible } {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      const column = table === undefined ? scope.bare(name, at) : scope.qualified(table, name, at)
      if (column !== undefined) return { scope, column }
    }
    if (table === undefined) throw new SqlError(`column "${name}" does not exist`, { state: '42703', at })
    throw new SqlError(`missing FROM-clause entry for table "${table}"`, { state: '42P01', at })
  }

  private bare(name: string, at: number): Visible | undefined {
    const found = this.visible.filter(column => column.name === name)
    if (found.length > 1) throw new SqlError(`column reference "${name}" is ambiguous`, { state: '42702', at })
    return found[0]
  }

  private qualified(table: string, name: string, at: number): Visible | undefined {
    const source = this.sources.find(({ alias }) => alias === table)
    if (source === undefined) return undefined
    const index = source.columns.findIndex(column => column.name === name)
    if (index < 0) throw new SqlError(`column ${table}.${name} does not exist`, { state: '42703', at })
    return { ...(source.columns[index] as Column), index: source.offset + index, alias: table }
  }
}
