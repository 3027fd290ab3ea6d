import { distinctRows } from './aggregates.ts'
import type { Bound } from './bound.ts'
import { sortKey } from './call.ts'
import { compareNullsLast, groupKey } from './convert.ts'
import type { FromItem } from './from.ts'
import type { Run } from './run.ts'
import type { AggregateCall, SortKey } from './scope.ts'
import type { Value } from './types.ts'

export type Row = readonly Value[]

/** A row on its way through a SELECT: what it was made of, so that its columns can be computed late. */
export interface Candidate {
  readonly row: Row
  readonly aggregates: Row
}

export interface Distinct {
  readonly by: readonly Bound[]
  /** DISTINCT ON: of equal rows the first in order stays. */
  readonly first: boolean
}

/** Which of the rows LIMIT and OFFSET leave. */
export type Slice = (run: Run) => { readonly from: number; readonly count: number }

export interface GroupPlan {
  readonly keys: readonly Bound[]
  readonly calls: readonly AggregateCall[]
  readonly having: Bound | undefined
  readonly width: number
}

const NO_FROM: readonly Row[] = [[]]

/** The rows of a SELECT that neither groups, sorts, sifts out equal ones nor cuts off: each row as it comes. */
export function plainRows(depth: number, from: FromItem | undefined, where: Bound | undefined, targets: readonly { readonly bound: Bound }[]): (run: Run) => Row[] {
  return run => {
    const found = from === undefined ? NO_FROM : from.rows(run)
    const outer = run.rows[depth]
    try {
      let kept = found
      if (where !== undefined) {
        const passed: Row[] = []
        for (const row of found) {
          run.rows[depth] = row
          if (where.get(run) === true) passed.push(row)
        }
        kept = passed
      }
      const rows: Row[] = []
      for (const row of kept) {
        run.rows[depth] = row
        const values: Value[] = []
        for (const { bound } of targets) values.push(bound.get(run))
        rows.push(values)
      }
      return rows
    } finally {
      if (outer !== undefined) run.rows[depth] = outer
    }
  }
}

/** The rows that reach the SELECT list: joined, filtered, grouped. */
export function candidatesOf(depth: number, from: FromItem | undefined, where: Bound | undefined, groups: GroupPlan | undefined): (run: Run) => Candidate[] {
  const filtered = (run: Run): readonly Row[] => {
    const rows = from === undefined ? NO_FROM : from.rows(run)
    if (where === undefined) return rows
    return rows.filter(row => {
      run.rows[depth] = row
      return where.get(run) === true
    })
  }
  if (groups === undefined) return run => filtered(run).map(row => ({ row, aggregates: [] }))
  const nulls: Row = Array.from({ length: groups.width }, () => null)
  const counted = onlyCounted(groups)
  // Nothing but how many there are is asked: `select count(*) …`, the commonest question of a gate.
  if (counted !== undefined) return run => {
    const rows = filtered(run)
    run.rows[depth] = rows[0] ?? nulls
    const aggregates = counted.map(({ aggregate: { finish } }) => finish(rows))
    run.aggregates[depth] = aggregates
    return [{ row: run.rows[depth] as Row, aggregates }]
  }
  return run => groupRows(run, depth, filtered(run), groups, nulls)
}

/** The calls of a SELECT without GROUP BY and HAVING that does nothing but count rows; undefined for any other. */
function onlyCounted({ keys, calls, having }: GroupPlan): readonly AggregateCall[] | undefined {
  const counts = keys.length === 0 && having === undefined && calls.every(({ args, filter, distinct, order }) => args.length === 0 && filter === undefined && !distinct && order.length === 0)
  return counts ? calls : undefined
}

function groupRows(run: Run, depth: number, rows: readonly Row[], { keys, calls, having }: GroupPlan, nulls: Row): Candidate[] {
  // Without GROUP BY there is one group, even of no rows.
  if (keys.length === 0) return groupCandidates(run, depth, [rows], calls, having, nulls)
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    run.rows[depth] = row
    const key = keys.map(({ get, type }) => groupKey(get(run), type)).join('\u0000')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return groupCandidates(run, depth, groups.values(), calls, having, nulls)
}

function groupCandidates(run: Run, depth: number, groups: Iterable<readonly Row[]>, calls: readonly AggregateCall[], having: Bound | undefined, nulls: Row): Candidate[] {
  const candidates: Candidate[] = []
  for (const group of groups) {
    const aggregates = calls.map(call => aggregate(run, depth, group, call))
    run.rows[depth] = group[0] ?? nulls
    run.aggregates[depth] = aggregates
    if (having === undefined || having.get(run) === true) candidates.push({ row: run.rows[depth] as Row, aggregates })
  }
  return candidates
}

function aggregate(run: Run, depth: number, group: readonly Row[], { aggregate: { finish }, args, filter, distinct, order }: AggregateCall): Value {
  // count(*) asks how many there are, and nothing of them.
  if (args.length === 0 && filter === undefined && !distinct && order.length === 0) return finish(group)
  let rows: { values: Row; keys: Row }[] = []
  for (const row of group) {
    run.rows[depth] = row
    if (filter !== undefined && filter.get(run) !== true) continue
    rows.push({ values: args.map(arg => arg.get(run)), keys: order.map(({ by }) => by.get(run)) })
  }
  if (order.length > 0) rows = sorted(rows, order, ({ keys }) => keys)
  const values = rows.map(row => row.values)
  return finish(distinct ? distinctRows(values, args.map(arg => arg.type)) : values)
}

function sorted<T>(items: readonly T[], order: readonly SortKey[], keysOf: (item: T) => Row): T[] {
  const keyed = items.map(item => ({ item, keys: keysOf(item) }))
  keyed.sort((a, b) => {
    for (const [i, { by, descending, nullsFirst }] of order.entries()) {
      const [x, y] = [a.keys[i] as Value, b.keys[i] as Value]
      if (x === null || y === null) {
        if (x !== y) return (x === null) === nullsFirst ? -1 : 1
        continue
      }
      const difference = compareNullsLast(x, y, by.type)
      if (difference !== 0) return descending ? -difference : difference
    }
    return 0
  })
  return keyed.map(({ item }) => item)
}

/** Distinct, ordered and sliced rows with their columns computed. */
export function project(run: Run, depth: number, candidates: Candidate[], targets: readonly { readonly bound: Bound }[], sort: readonly SortKey[], distinct: Distinct | undefined, slice: { from: number; count: number }): Row[] {
  const at = (candidate: Candidate): void => {
    run.rows[depth] = candidate.row
    run.aggregates[depth] = candidate.aggregates
  }
  let kept = candidates
  const order = sort.length === 0 && distinct?.first === true ? distinct.by.map(by => sortKey(by, {})) : sort
  if (order.length > 0) {
    kept = sorted(kept, order, candidate => {
      at(candidate)
      return order.map(({ by }) => by.get(run))
    })
  }
  if (distinct !== undefined) {
    const seen = new Set<string>()
    kept = kept.filter(candidate => {
      at(candidate)
      const key = distinct.by.map(({ get, type }) => groupKey(get(run), type)).join('\u0000')
      return !seen.has(key) && seen.add(key) !== undefined
    })
  }
  // Columns are computed last, so that a function with an effect is called for the rows that remain only.
  if (slice.from > 0 || slice.count < kept.length) kept = kept.slice(slice.from, slice.from + slice.count)
  return kept.map(candidate => {
    at(candidate)
    return targets.map(({ bound }) => bound.get(run))
  })
}
