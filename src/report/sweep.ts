/**
 * A sweep for people: what was covered, then steps × faults with the worst that came of each, where a rollback still brings the cluster back, and
 * which mistakes of the operator the runbook survives. Every sign is a letter or a mark of its own, so that nothing hangs on colour.
 */
import type { CellCounts } from '../campaign/cells.ts'
import { parseCell } from '../campaign/cells.ts'
import type { NoReturn } from '../campaign/pointOfNoReturn.ts'
import type { CampaignResult } from '../campaign/result.ts'
import type { BlockId } from '../campaign/sweep/spec.ts'
import { FAULT_KINDS } from '../faults/index.ts'
import type { CheckId } from '../result.ts'
import { type Screen, cut, glyphsFor, hang, paintFor, table } from './text.ts'
import { count, formatShare, plain } from './words.ts'

/** Reasons for not striking that are shown before the rest are only counted. */
const REASONS_SHOWN = 4
const NAME_WIDTH_MAX = 26
/** More kinds than there are letters and digits would have no sign of their own. */
const COLUMN_LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** What came of a cell, the worst first: its sign in maps, its word in tables, and what it means. */
const FATES = [
  { id: 'lost', sign: 'L', word: 'LOST', means: 'acknowledged writes lost' },
  { id: 'split', sign: '2', word: 'SPLIT', means: 'two leaders at once' },
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
type Fate = (typeof FATES)[number]
type FateId = Fate['id']

const FATE_OF_CHECK: Readonly<Partial<Record<CheckId, FateId>>> = {
  'no-acknowledged-write-lost': 'lost', 'no-split-brain': 'split', 'no-forbidden-skew': 'skew', 'serves-at-end': 'down', terminates: 'stuck', converges: 'unhealthy',
  'target-reached': 'unhealthy', 'no-false-success': 'false', 'gates-honest': 'false', linearizable: 'false', 'rollback-safe': 'broke',
}

/** From here on nothing was broken. */
const FIRST_HARMLESS = FATES.findIndex(({ id }) => id === 'aborted')

/** All sections of a sweep, as lines; empty for another campaign. */
export function renderSweep(result: CampaignResult, screen: Screen): string[][] {
  if (result.sweep === null) return []
  return [covered(result, screen), heatMap(result, ['faults', 'operator-killed'], 'What came of each fault at each step (the worst of its places and targets)', screen), heatMap(result, ['pairs'], 'What came of pairs, by the step and kind of the first', screen), turningBack(result, screen), mistakes(result, screen)]
}

function covered(result: CampaignResult, screen: Screen): string[] {
  const { sweep } = result
  if (sweep === null) return []
  const rows = sweep.blocks.filter(({ size }) => size > 0).map(({ id, size, runs, struck, outOfBudget, broken }) => [id, plain(size), plain(runs), id === 'fault-free' ? '' : plain(struck), plain(outOfBudget), plain(broken)])
  const lines = [paintFor(screen).bold('The grid'), ...table([['', 'cells', 'run', 'struck', 'out of budget', 'broke'], ...rows], 2)]
  const skipped = sweep.size - result.runs
  lines.push(...hang('  ', skipped === 0 ? `All ${plain(sweep.size)} cells were rehearsed, 0 skipped.` : `${plain(result.runs)} of ${plain(sweep.size)} cells were rehearsed here; the other ${plain(skipped)} are for other shards or runs.`, screen.columns))
  const notStruck = sweep.notStruck.slice(0, REASONS_SHOWN).map(({ why, runs }) => `${plain(runs)} ${why}`)
  const rest = sweep.notStruck.slice(REASONS_SHOWN).reduce((sum, { runs }) => sum + runs, 0)
  if (notStruck.length > 0) lines.push(...hang('  not struck: ', `${notStruck.join('; ')}${rest > 0 ? `; ${plain(rest)} for other reasons` : ''}`, screen.columns))
  return lines
}

// ── steps × kinds ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function heatMap(result: CampaignResult, blocks: readonly BlockId[], heading: string, screen: Screen): string[] {
  const cells = cellsOf(result, blocks)
  const columns = [...new Set(cells.map(({ column }) => firstOf(column)))]
  const order: readonly string[] = FAULT_KINDS
  columns.sort((a, b) => order.indexOf(a) - order.indexOf(b))
  const rows = rowsOf(result, cells)
  if (rows.length === 0 || columns.length === 0) return []
  const fates = rows.map((row) => columns.map((column) => worst(cells.filter((cell) => cell.row === row && firstOf(cell.column) === column).map(({ counts }) => counts))))
  const eventful = rows.map((row, i) => ({ row, fates: fates[i] as (Fate | undefined)[] })).filter((each) => each.fates.some((fate) => fate !== undefined && fate.id !== 'fine'))
  const { ellipsis } = glyphsFor(screen)
  const width = Math.min(NAME_WIDTH_MAX, Math.max(4, ...rows.map((row) => row.length)))
  // With many kinds the columns close up, so that a row still fits.
  const gap = 4 + width + 2 * columns.length <= screen.columns ? ' ' : ''
  const letters = columns.map((_, i) => COLUMN_LETTERS[i] ?? '?')
  const lines = [paintFor(screen).bold(heading)]
  if (eventful.length > 0) {
    lines.push(`  ${''.padEnd(width)}  ${letters.join(gap)}`)
    for (const each of eventful) lines.push(`  ${cut(each.row, width, ellipsis).padEnd(width)}  ${each.fates.map((fate) => signOf(fate, screen)).join(gap)}`.trimEnd())
    lines.push(...legend(eventful.flatMap((each) => each.fates), screen), ...items(columns.map((column, i) => `${letters[i] ?? ''} ${column}`), screen))
  }
  const quiet = rows.filter((row) => !eventful.some((each) => each.row === row))
  if (quiet.length > 0) lines.push(...hang('  ', `completed with nothing broken whatever struck: ${quiet.join(', ')}`, screen.columns))
  return lines
}

/** A pair stands under its first kind. */
function firstOf(column: string): string {
  return column.split(' + ')[0] ?? column
}

function legend(fates: readonly (Fate | undefined)[], screen: Screen): string[] {
  const shown = FATES.filter((fate) => fates.includes(fate)).map(({ sign, means }) => `${sign} = ${means}`)
  return items([...shown, ...(fates.includes(undefined) ? ['blank = nothing there to strike'] : [])], screen).map(paintFor(screen).dim)
}

/** As many items a line as there is room for; none is broken. */
function items(texts: readonly string[], { columns }: Screen): string[] {
  const lines: string[] = []
  for (const text of texts) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 2 + text.length < columns) lines[lines.length - 1] = `${last}, ${text}`
    else lines.push(`  ${text}`)
  }
  return lines
}

function signOf(fate: Fate | undefined, screen: Screen): string {
  if (fate === undefined) return ' '
  const paint = paintFor(screen)
  if (FATES.indexOf(fate) < FIRST_HARMLESS) return paint.bold(paint.red(fate.sign))
  return fate.id === 'fine' ? paint.dim(fate.sign) : fate.sign
}

interface PlacedCounts {
  readonly row: string
  readonly column: string
  readonly counts: CellCounts
}

function cellsOf(result: CampaignResult, blocks: readonly BlockId[]): PlacedCounts[] {
  return Object.entries(result.aggregate.cells).flatMap(([key, counts]) => {
    const { block, row, column } = parseCell(key)
    return blocks.includes(block) ? [{ row, column, counts: counts as CellCounts }] : []
  })
}

/** Steps in the runbook's order, those of the way back last. */
function rowsOf(result: CampaignResult, cells: readonly PlacedCounts[]): string[] {
  const order = result.sweep?.steps ?? []
  const place = (row: string): number => (order.includes(row) ? order.indexOf(row) : order.length + (row.startsWith('undo of ') ? 1 : 0))
  return [...new Set(cells.map(({ row }) => row))].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1))
}

/** The worst that came of some cells; undefined where there are none. */
function worst(all: readonly CellCounts[]): Fate | undefined {
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

// ── the way back ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function turningBack(result: CampaignResult, screen: Screen): string[] {
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

function wordOf(check: CheckId): string {
  return check === 'no-acknowledged-write-lost' ? 'writes lost' : check === 'serves-at-end' ? 'not serving' : 'past the deadline'
}

// ── mistakes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function mistakes(result: CampaignResult, screen: Screen): string[] {
  const cells = cellsOf(result, ['mistakes'])
  if (cells.length === 0) return []
  const columns = FAULT_KINDS.filter((kind) => cells.some(({ column }) => column === kind))
  const { ellipsis } = glyphsFor(screen)
  const width = Math.min(NAME_WIDTH_MAX, screen.columns - 4 - columns.length * 11)
  const word = (fate: Fate | undefined): string => (fate === undefined || fate.id === 'missed' ? '' : fate.id === 'fine' ? 'survived' : fate.id === 'back' ? 'went back' : fate.word)
  const rows = rowsOf(result, cells).map((row) => [cut(row, width, ellipsis), ...columns.map((column) => word(tolerated(cells.filter((cell) => cell.row === row && cell.column === column))))])
  const survived = cells.filter(({ counts }) => counts.struck > 0 && counts.broken === 0).length
  const made = cells.filter(({ counts }) => counts.struck > 0).length
  return [
    paintFor(screen).bold('Which mistakes of the operator the runbook survives'),
    ...table([['', ...columns.map((column) => column.replace(/^operator-/, '').replace(/-.*/, ''))], ...rows.filter(([, ...words]) => words.some((each) => each !== ''))], 2),
    ...hang('  ', `${plain(survived)} of ${plain(made)} that could be made (${formatShare(made === 0 ? 0 : survived / made)}) break nothing. Blank: the mistake cannot be made there. wrong: a command goes to the wrong member or node; stale: a reading shows the past. No check is judged by this.`, screen.columns),
  ]
}

/** Out of budget is what a mistake is by nature; it is not what came of it. */
function tolerated(cells: readonly PlacedCounts[]): Fate | undefined {
  return worst(cells.map(({ counts }) => ({ ...counts, outOfBudget: 0 })).filter(({ struck }) => struck > 0))
}
