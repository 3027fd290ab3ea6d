import type { Node } from 'libpg-query'
import type { Bound } from './bound.ts'
import type { SqlHost } from './host.ts'
import type { Parsed } from './parse.ts'
import type { Run } from './run.ts'
import type { Scope } from './scope.ts'
import { type Column, SqlSyntaxError, type Value } from './types.ts'

/** A compiled query: its columns, and its rows in one run. */
export interface Plan {
  readonly columns: readonly Column[]
  /** Where the columns stand that are bare quoted literals: a set operation may still read those as another type. */
  readonly literalsAt?: readonly (number | undefined)[]
  rows(run: Run): readonly (readonly Value[])[]
}

/** A query of WITH, visible to what stands after it. */
export interface WithQuery {
  readonly name: string
  readonly columns: readonly Column[]
  rows(run: Run): readonly (readonly Value[])[]
}

/** The two rules that everything else is made of; handed in, because they need each other. */
export interface Grammar {
  select(node: Node, parent: Scope | undefined, binder: Binder): Plan
  expression(node: Node, scope: Scope, binder: Binder): Bound
}

/** What compiling one statement for one host shares. A plan outlives the host it was compiled for and must not keep it: {@link release}. */
export class Binder {
  withQueries: readonly WithQuery[] = []
  /** How many WITH queries there are so far: each has a place of its own in a run. */
  withCount = 0

  constructor(
    private compiledFor: SqlHost | undefined,
    private readonly parsed: Parsed,
    private readonly grammar: Grammar,
  ) {}

  get host(): SqlHost {
    if (this.compiledFor === undefined) throw new Error('sql: a compiled query asks for the host it was compiled for')
    return this.compiledFor
  }

  /** The columns that a relation of the host has; undefined if there is none of that name. */
  columnsOf(relation: string): readonly Column[] | undefined {
    const { host } = this
    return host.columns === undefined ? host.relation(relation)?.relation.columns : host.columns(relation)
  }

  /** All is compiled. */
  release(): void {
    this.compiledFor = undefined
  }

  /** Where a node stands in the SQL text. */
  at(location: number | undefined): number {
    return this.parsed.at(location)
  }

  /** PostgreSQL 16 learned `0x1F` and `1_000`, and the grammar is younger than the servers that are modelled: 15 refuses them. */
  refuseNewNumber(at: number): void {
    const word = /^(?:0[xXoObB]|\d+_)\w*/.exec(this.parsed.sql.slice(at, at + 40))?.[0]
    if (word !== undefined) throw new SqlSyntaxError(`trailing junk after numeric literal at or near "${word}"`, at)
  }

  select(node: Node, parent: Scope | undefined): Plan {
    return this.grammar.select(node, parent, this)
  }

  expression(node: Node, scope: Scope): Bound {
    return this.grammar.expression(node, scope, this)
  }
}
