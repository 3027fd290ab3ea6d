/** What a sweep has covered: its blocks by size, and the cells in which nothing was struck. */
import type { CellCounts, Cells } from '../cells.ts'
import { parseCell } from '../cells.ts'
import type { Grid } from './grid.ts'
import type { BlockId } from './spec.ts'

export interface BlockSummary {
  readonly id: BlockId
  /** Cells of the grid. */
  readonly size: number
  /** Cells rehearsed here: all of them, or a shard's. */
  readonly runs: number
  /** Those in which the fault struck. */
  readonly struck: number
  readonly outOfBudget: number
  /** Those in which a check failed. */
  readonly broken: number
  /** Those of them that are judged: mistakes, and rollbacks past the declared point of no return, are promised by nobody. */
  readonly failed: number
}

export interface SweepSummary {
  readonly size: number
  /** The steps in the runbook's order, for tables. */
  readonly steps: readonly string[]
  readonly blocks: readonly BlockSummary[]
  /** Why cells were not struck, most frequent first. */
  readonly notStruck: readonly { readonly why: string; readonly runs: number }[]
}

export function summariseSweep(grid: Grid, cells: Cells, steps: readonly string[]): SweepSummary {
  const counted = Object.entries(cells).map(([key, counts]) => ({ block: parseCell(key).block, counts }))
  const ids = [...new Set(grid.blocks.map(({ id }) => id))]
  const blocks = ids.map((id): BlockSummary => {
    const mine = counted.filter(({ block }) => block === id).map(({ counts }) => counts)
    const sum = (of: (counts: CellCounts) => number): number => mine.reduce((total, counts) => total + of(counts), 0)
    return {
      id,
      size: grid.blocks.filter((block) => block.id === id).reduce((total, { size }) => total + size, 0),
      runs: sum(({ runs }) => runs),
      struck: sum(({ struck }) => struck),
      outOfBudget: sum(({ outOfBudget }) => outOfBudget),
      broken: sum(({ broken }) => broken),
      failed: sum(({ broken, unjudged }) => (unjudged === 0 ? broken : 0)),
    }
  })
  const reasons = new Map<string, number>()
  for (const { counts } of counted) for (const [why, runs] of Object.entries(counts.missed)) reasons.set(why, (reasons.get(why) ?? 0) + runs)
  const notStruck = [...reasons].map(([why, runs]) => ({ why, runs })).sort((a, b) => b.runs - a.runs || (a.why < b.why ? -1 : 1))
  return { size: grid.size, steps, blocks, notStruck }
}
