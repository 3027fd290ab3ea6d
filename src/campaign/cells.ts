/** The cells of a sweep's tables, counted: integers only, so that any two disjoint parts add up to the whole. */
import type { CheckId, Outcome, RehearsalResult } from '../result.ts'
import type { Cell } from './sweep/spec.ts'

export interface CellCounts {
  runs: number
  /** Runs in which every fault of the schedule struck (there may be none). */
  struck: number
  /** Runs in which faults took away more than the design must survive. Where that is so, nothing is said to have broken. */
  outOfBudget: number
  /** Runs that enter no check and no verdict, because nobody promises that they end well: none of the cell's or all. */
  unjudged: number
  outcomes: Record<Outcome, number>
  /** Runs that failed a check; and which. */
  broken: number
  broke: Partial<Record<CheckId, number>>
  /** Why a fault did not strike, by reason. */
  missed: Record<string, number>
  /** The lowest run number that failed a check; undefined = none. */
  firstBroken?: number
}

export type Cells = Record<string, CellCounts>

/** The text by which a cell is kept. Neither ids of steps nor words of the vocabulary hold a slash. */
export function cellKey({ block, row, column }: Cell): string {
  return `${block}/${row}/${column}`
}

/** Reads {@link cellKey}. */
export function parseCell(key: string): Cell {
  const [block, row, column] = key.split('/') as [Cell['block'], string, string]
  return { block, row, column }
}

/** Counts one run into its cell. @param judged false: nobody promises that it ends well */
export function addToCells(into: Cells, cell: Cell, run: number, result: RehearsalResult, judged: boolean): void {
  const key = cellKey(cell)
  const mine = (into[key] ??= noCounts())
  mine.runs += 1
  if (!judged) mine.unjudged += 1
  mine.outcomes[result.outcome] += 1
  const missed = result.faults.find((fault) => !fault.struck)
  if (missed === undefined) mine.struck += 1
  // The step is the cell's row already; without it there are few reasons.
  else increase(mine.missed, `${missed.kind}: ${missed.why.replaceAll(cell.row, 'that step')}`)
  // A mistake of the operator is out of budget by its nature; what became of it is what its table is for.
  if (!result.inBudget && cell.block !== 'mistakes') {
    mine.outOfBudget += 1
    return
  }
  const broken = result.verdicts.filter(({ check, status }) => status === 'fail' && check !== 'objectives-met')
  for (const { check } of broken) increase(mine.broke as Record<string, number>, check)
  if (broken.length === 0) return
  mine.broken += 1
  mine.firstBroken = Math.min(mine.firstBroken ?? run, run)
}

/** Adds `other` into `into`. */
export function mergeCells(into: Cells, other: Cells): void {
  for (const [key, counts] of Object.entries(other)) {
    const mine = (into[key] ??= noCounts())
    mine.runs += counts.runs
    mine.struck += counts.struck
    mine.outOfBudget += counts.outOfBudget
    mine.unjudged += counts.unjudged
    mine.broken += counts.broken
    addCounts(mine.outcomes, counts.outcomes)
    addCounts(mine.broke as Record<string, number>, counts.broke as Record<string, number>)
    addCounts(mine.missed, counts.missed)
    if (counts.firstBroken !== undefined) mine.firstBroken = Math.min(mine.firstBroken ?? counts.firstBroken, counts.firstBroken)
  }
}

/** With keys in one order, whatever order the runs came in. */
export function sortedCells(cells: Cells): Cells {
  return byKey(Object.fromEntries(Object.entries(cells).map(([key, { broke, missed, ...counts }]) => [key, { ...counts, broke: byKey(broke as Record<string, number>), missed: byKey(missed) }])))
}

function noCounts(): CellCounts {
  return { runs: 0, struck: 0, outOfBudget: 0, unjudged: 0, outcomes: { completed: 0, rolledBack: 0, aborted: 0, stuck: 0 }, broken: 0, broke: {}, missed: {} }
}

function increase(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

function addCounts(into: Record<string, number>, other: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(other)) into[key] = (into[key] ?? 0) + count
}

function byKey<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}
