/**
 * A sweep for people: what was covered, then steps × faults with the worst that came of each, where a rollback still brings the cluster back, and
 * which mistakes of the operator the runbook survives. Every sign is a letter or a mark of its own, so that nothing hangs on colour.
 */
import type { NoReturn } from '../campaign/pointOfNoReturn.ts'
import type { CampaignResult } from '../campaign/result.ts'
import type { SweepSummary } from '../campaign/sweep/summary.ts'
import type { FaultKind } from '../engine.ts'
import { FAULT_KINDS, faultSpec } from '../faults/index.ts'
import { type Fate, type PlacedCounts, cellsOf, rowsOf, worst } from './fates.ts'
import { heatMaps } from './heat.ts'
import { type Screen, cut, glyphsFor, hang, paintFor, table } from './text.ts'
import { count, formatShare, plain } from './words.ts'

/** Reasons for not striking that are shown before the rest are only counted. */
const REASONS_SHOWN = 4
const NAME_WIDTH_MAX = 26

/** All sections of a sweep, as lines; empty for another campaign. */
export function renderSweep(result: CampaignResult, screen: Screen): string[][] {
  if (result.sweep === null) return []
  return [covered(result, screen), ...heatMaps(result, screen), turningBack(result, screen), mistakes(result, screen)]
}

/** The heads of the grid's table, the first one empty. */
export const GRID_COLUMNS = ['', 'cells', 'run', 'struck', 'out of budget', 'broke'] as const

/** A row a block of the grid. */
export function gridRows({ blocks }: SweepSummary): string[][] {
  return blocks.filter(({ size }) => size > 0).map(({ id, size, runs, struck, outOfBudget, broken }) => [id, plain(size), plain(runs), id === 'fault-free' ? '' : plain(struck), plain(outOfBudget), plain(broken)])
}

/** Whether all of the grid was rehearsed. */
export function completeness({ runs }: CampaignResult, { size }: SweepSummary): string {
  const skipped = size - runs
  return skipped === 0 ? `All ${plain(size)} cells were rehearsed, 0 skipped.` : `${plain(runs)} of ${plain(size)} cells were rehearsed here; the other ${plain(skipped)} are for other shards or runs.`
}

function covered(result: CampaignResult, screen: Screen): string[] {
  const { sweep } = result
  if (sweep === null) return []
  const lines = [paintFor(screen).bold('The grid'), ...table([GRID_COLUMNS, ...gridRows(sweep)], 2), ...hang('  ', completeness(result, sweep), screen.columns)]
  const notStruck = sweep.notStruck.slice(0, REASONS_SHOWN).map(({ why, runs }) => `${plain(runs)} ${why}`)
  const rest = sweep.notStruck.slice(REASONS_SHOWN).reduce((sum, { runs }) => sum + runs, 0)
  if (notStruck.length > 0) lines.push(...hang('  not struck: ', `${notStruck.join('; ')}${rest > 0 ? `; ${plain(rest)} for other reasons` : ''}`, screen.columns))
  return lines
}

// ── the way back ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where a rollback still brings the cluster back; empty where none was tried. */
export function turningBack(result: CampaignResult, screen: Screen): string[] {
  const point = result.pointOfNoReturn
  if (point === null) return []
  const { declared, measured, underFaults, seeds, seedsUnderFault } = point
  const where = ({ step, before, runs, tried, broke }: NoReturn): string => `${step === '-' ? 'before the first step' : `once ${step} has begun`} (turning back before ${before}: ${broke.map((check) => wordOf(check)).join(', ')} in ${plain(runs)} of ${plain(tried)})`
  const lines = [paintFor(screen).bold('Point of no return')]
  lines.push(...hang('  declared  ', declared === null ? 'none' : `step ${declared}`, screen.columns))
  lines.push(...hang('  measured  ', measured === null ? `none: turning back brought the cluster back from all ${plain(point.tried)} boundaries` : where(measured), screen.columns))
  if (seedsUnderFault > 0 && underFaults.length === 0) lines.push(...hang('            ', 'no single fault at a boundary brings it forward', screen.columns))
  for (const [place, kinds] of byPlace(underFaults, where)) lines.push(...hang('            ', `under ${kinds.join(', ')}: ${place}`, screen.columns))
  const scope = point.tried === point.boundaries ? `${plain(point.boundaries)} boundaries` : `${plain(point.tried)} of ${plain(point.boundaries)} boundaries`
  lines.push(...hang('  ', `${scope}, ${count(seeds, 'luck')} each${seedsUnderFault > 0 ? `; under each kind of fault ${count(seedsUnderFault, 'luck')}` : ''}`, screen.columns).map(paintFor(screen).dim))
  return lines
}

/** Kinds that bring the point to the same place, told together. */
function byPlace(found: readonly (NoReturn & { readonly kind: string })[], where: (found: NoReturn) => string): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>()
  for (const each of found) places.set(where(each), [...(places.get(where(each)) ?? []), each.kind])
  return places
}

function wordOf(what: NoReturn['broke'][number]): string {
  return what === 'no-acknowledged-write-lost' ? 'writes lost' : what === 'serves-at-end' ? 'not serving' : what === 'undo-failed' ? 'an undo step failed' : 'past the deadline'
}

// ── mistakes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which mistakes the runbook survives, as a table and in words; undefined where none was made. */
export interface Tolerance {
  readonly columns: readonly string[]
  /** The step, then a word a column. */
  readonly rows: readonly (readonly string[])[]
  readonly words: string
}

export function toleranceOf(result: CampaignResult): Tolerance | undefined {
  const cells = cellsOf(result, ['mistakes'])
  if (cells.length === 0) return undefined
  const kinds = FAULT_KINDS.filter((kind) => cells.some(({ column }) => column === kind))
  const word = (fate: Fate | undefined): string => (fate === undefined || fate.id === 'missed' ? '' : fate.id === 'fine' ? 'survived' : fate.id === 'back' ? 'went back' : fate.word)
  const rows = rowsOf(result, cells).map((row) => [row, ...kinds.map((kind) => word(tolerated(cells.filter((cell) => cell.row === row && cell.column === kind))))])
  const made = cells.filter(({ counts }) => counts.struck > 0)
  const survived = made.filter(({ counts }) => counts.broken === 0).length
  const outside = FAULT_KINDS.filter((kind) => faultSpec(kind).ofSteps === true && !kinds.includes(kind)).map(shortName)
  return {
    columns: kinds.map(shortName),
    rows: rows.filter(([, ...words]) => words.some((each) => each !== '')),
    words: `${plain(survived)} of ${plain(made.length)} that could be made (${formatShare(made.length === 0 ? 0 : survived / made.length)}) break nothing. Blank: the mistake cannot be made there. wrong: a command goes to the wrong member or node; stale: a reading shows the past.${outside.length === 0 ? '' : ` ${outside.join(' and ')}: does not apply, the lines of a script come in bash’s order.`} No check is judged by this.`,
  }
}

/** `operator-wrong-target` → `wrong` */
function shortName(kind: FaultKind): string {
  return kind.replace(/^operator-/, '').replace(/-.*/, '')
}

function mistakes(result: CampaignResult, screen: Screen): string[] {
  const tolerance = toleranceOf(result)
  if (tolerance === undefined) return []
  const { columns, rows, words } = tolerance
  const { ellipsis } = glyphsFor(screen)
  const width = Math.min(NAME_WIDTH_MAX, screen.columns - 4 - columns.length * 11)
  return [
    paintFor(screen).bold('Which mistakes of the operator the runbook survives'),
    ...table([['', ...columns], ...rows.map(([row = '', ...each]) => [cut(row, width, ellipsis), ...each])], 2),
    ...hang('  ', words, screen.columns),
  ]
}

/** Out of budget is what a mistake is by nature; it is not what came of it. */
function tolerated(cells: readonly PlacedCounts[]): Fate | undefined {
  return worst(cells.map(({ counts }) => ({ ...counts, outOfBudget: 0 })).filter(({ struck }) => struck > 0))
}
