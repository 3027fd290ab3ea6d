import type { Node } from 'libpg-query'
import type { SqlHost } from './host.ts'
import type { Parsed } from './parse.ts'
import type { Run } from './run.ts'
import type { Scope } from './scope.ts'
import type { Column, Value } from './types.ts'

/** A compiled query: its columns, and its rows in one run. */
export interface Plan {
  readonly columns: readonly Column[]
  rows(run: Run): readonly (readonly Value[])[]
}

/** A query of WITH, visible to what stands after it. */
export interface WithQuery {
  readonly name: string
  readonly columns: readonly Column[]
  rows(run: Run): readonly (readonly Value[])[]
}

/** What compiling one statement for one host shares. */
export class Binder {
  withQueries: readonly WithQuery[] = []
  /** How many WITH queries there are so far: each has a place of its own in a run. */
  withCount = 0

  constructor(
    readonly host: SqlHost,
    private readonly parsed: Parsed,
    private readonly bindSelect: (node: Node, parent: Scope | undefined, binder: Binder) => Plan,
  ) {}

  /** Where a node stands in the SQL text. */
  at(location: number | undefined): number {
    return this.parsed.at(location)
  }

  select(node: Node, parent: Scope | undefined): Plan {
    return this.bindSelect(node, parent, this)
  }
}
