import { UnsupportedError } from '../../../src/operator/command.ts'
import { type Effect, HOST_FUNCTIONS, type SqlHost } from './host.ts'
import type { Column, Relation, Value } from './types.ts'

/** Thrown when a relation has other columns than the query was compiled for: compile it again. */
export class StalePlan extends Error {}

/** Thrown when a query reaches a function with an effect that has not been performed yet. Nothing is wrong, so it carries no stack. */
export class EffectNeeded {
  constructor(readonly effect: Effect) {}
}

/** One evaluation of a compiled query against a host. */
export class Run {
  /** Whether anything was read that changes with time alone. */
  moves = false
  /** The current row of each enclosing SELECT, by depth. */
  readonly rows: (readonly Value[])[] = []
  /** The aggregates of the current group of each enclosing SELECT, by depth. */
  readonly aggregates: (readonly Value[])[] = []
  /** Rows of the WITH queries evaluated so far, by number. */
  readonly withRows: (readonly (readonly Value[])[] | undefined)[] = []
  private nextAnswer = 0

  /** @param answers the values of the functions with effects, in the order they were reached in the evaluations before this one */
  constructor(
    readonly host: SqlHost,
    private readonly answers: readonly Value[] = [],
  ) {}

  nowUs(): number {
    this.moves = true
    return this.host.nowUs()
  }

  call(name: string, args: readonly Value[]): Value {
    const answer = this.host.call(name, args)
    if (answer === undefined) throw new UnsupportedError(`the function ${name}() is not modelled on this server`, Object.keys(HOST_FUNCTIONS))
    if (answer.movesByItself) this.moves = true
    return answer.value
  }

  /** The rows of a relation that had these columns when the query was compiled. */
  scan(name: string, columns: readonly Column[]): Relation['rows'] {
    const found = this.host.relation(name)
    if (found === undefined || found.relation.columns !== columns) throw new StalePlan()
    if (found.movesByItself) this.moves = true
    return found.relation.rows
  }

  /** The same for who reads its rows as a whole. */
  scanWhole(name: string, columns: readonly Column[]): Relation['rows'] {
    const rows = this.scan(name, columns)
    if (rows.length > 0 && columns.some(({ moves }) => moves === true)) this.moves = true
    return rows
  }

  /** The value of a function with an effect: performed already, or to be performed before the evaluation starts over. */
  effect(name: string, args: readonly Value[]): Value {
    if (this.nextAnswer >= this.answers.length) throw new EffectNeeded({ kind: 'call', name, args })
    return this.answers[this.nextAnswer++] as Value
  }
}

/** A host whose answers stay as they were when first asked: one statement sees one snapshot, however often its evaluation starts over. */
export function snapshotOf(host: SqlHost): SqlHost {
  const relations = new Map<string, ReturnType<SqlHost['relation']>>()
  const calls = new Map<string, ReturnType<SqlHost['call']>>()
  const nowUs = host.nowUs()
  return {
    inRecovery: host.inRecovery,
    nowUs: () => nowUs,
    setting: name => host.setting(name),
    relation(name) {
      if (!relations.has(name)) relations.set(name, host.relation(name))
      return relations.get(name)
    },
    call(name, args) {
      const key = `${name}(${args.map(String).join(',')})`
      if (!calls.has(key)) calls.set(key, host.call(name, args))
      return calls.get(key)
    },
  }
}
