/** What became of the cells of a sweep, for its tables: one sign and one word each, so that nothing hangs on colour. */
import type { CellCounts } from '../campaign/cells.ts'
import { parseCell } from '../campaign/cells.ts'
import type { CampaignResult } from '../campaign/result.ts'
import type { BlockId } from '../campaign/sweep/spec.ts'
import type { CheckId } from '../result.ts'

/** What came of a cell, the worst first: its sign in maps, its word in tables, and what it means. */
export const FATES = [
  { id: 'lost', sign: 'L', word: 'LOST', means: 'acknowledged writes lost' },
  { id: 'split', sign: 'T', word: 'SPLIT', means: 'two leaders at once' },
  { id: 'skew', sign: 'V', word: 'SKEW', means: 'unsupported mix of versions' },
  { id: 'down', sign: 'D', word: 'DOWN', means: 'no writes possible at the end' },
  { id: 'stuck', sign: 'S', word: 'STUCK', means: 'stuck' },
  { id: 'unhealthy', sign: 'H', word: 'UNHEALTHY', means: 'not one healthy cluster at the end' },
  { id: 'false', sign: 'F', word: 'FALSE', means: 'said or showed what is not so' },
  { id: 'broke', sign: 'X', word: 'BROKE', means: 'another check failed' },
  { id: 'aborted', sign: 'a', word: 'aborted', means: 'stopped, nothing broken' },
  { id: 'back', sign: 'r', word: 'rolled back', means: 'rolled back, nothing broken' },
  { id: 'over', sign: 'o', word: 'out of budget', means: 'more than the design must survive' },
  { id: 'missed', sign: '-', word: 'not struck', means: 'there, but not struck' },
  { id: 'fine', sign: '.', word: 'completed', means: 'completed, nothing broken' },
] as const
export type Fate = (typeof FATES)[number]
type FateId = Fate['id']

const FATE_OF_CHECK: Readonly<Partial<Record<CheckId, FateId>>> = {
  'no-acknowledged-write-lost': 'lost', 'no-split-brain': 'split', 'no-forbidden-skew': 'skew', 'serves-at-end': 'down', terminates: 'stuck', converges: 'unhealthy',
  'target-reached': 'unhealthy', 'no-false-success': 'false', 'gates-honest': 'false', linearizable: 'false', 'rollback-safe': 'broke',
}

/** From here on nothing was broken. */
export const FIRST_HARMLESS = FATES.findIndex(({ id }) => id === 'aborted')

export interface PlacedCounts {
  readonly row: string
  readonly column: string
  readonly counts: CellCounts
}

/** The cells of some blocks. */
export function cellsOf(result: CampaignResult, blocks: readonly BlockId[]): PlacedCounts[] {
  return Object.entries(result.aggregate.cells).flatMap(([key, counts]) => {
    const { block, row, column } = parseCell(key)
    return blocks.includes(block) ? [{ row, column, counts: counts as CellCounts }] : []
  })
}

/** Steps in the runbook's order, those of the way back last. */
export function rowsOf(result: CampaignResult, cells: readonly PlacedCounts[]): string[] {
  const order = result.sweep?.steps ?? []
  const place = (row: string): number => (order.includes(row) ? order.indexOf(row) : order.length + (row.startsWith('undo of ') ? 1 : 0))
  return [...new Set(cells.map(({ row }) => row))].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
}

/** The worst that came of some cells; undefined where there are none. */
export function worst(all: readonly CellCounts[]): Fate | undefined {
  const found = all.flatMap(fatesOf)
  return FATES.find(({ id }) => found.includes(id))
}

function fatesOf({ runs, struck, outOfBudget, outcomes, broke }: CellCounts): FateId[] {
  const fates = Object.entries(broke).filter(([, n]) => n > 0).map(([check]) => FATE_OF_CHECK[check as CheckId] ?? 'broke')
  if (outOfBudget > 0) fates.push('over')
  if (struck < runs) fates.push('missed')
  if (outcomes.aborted > 0) fates.push('aborted')
  if (outcomes.rolledBack > 0) fates.push('back')
  if (outcomes.stuck > 0) fates.push('stuck')
  if (outcomes.completed > 0) fates.push('fine')
  return fates
}
