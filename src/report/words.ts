/** Names and figures as people say them. */
import { formatDuration } from '../kernel/index.ts'
import type { Divergence, DivergingEvent } from '../campaign/diverge.ts'
import type { CheckId, FaultOutcome, MeasureId, RehearsalResult } from '../result.ts'
import type { BlockId } from '../campaign/sweep/spec.ts'
import type { Schedule } from '../faults/schedule.ts'
import { zeroBelow95 } from '../campaign/intervals.ts'

const MEASURE_NAMES: Readonly<Record<MeasureId, string>> = {
  writeDowntimeSeconds: 'write downtime',
  longestWriteGapSeconds: 'longest write gap',
  readDowntimeSeconds: 'read downtime',
  lostAcknowledgedWrites: 'acknowledged writes lost',
  inherentLostWrites: 'loss inherent to async',
  strandedWrites: 'stranded on a dead branch',
  splitBrainSeconds: 'split brain',
  splitBrainWrites: 'writes on a losing side',
  divergentRows: 'divergent rows',
  mixedVersionSeconds: 'versions mixed',
  mixedVersionRequests: 'requests while mixed',
  forbiddenSkewSeconds: 'unsupported version mix',
  redundancyExposedSeconds: 'writes on one copy only',
  failedAttempts: 'failed attempts',
  failedAfterRetry: 'failed after retries',
  durationSeconds: 'duration',
  baseNodeHours: 'node-hours of its own',
  extraNodeHours: 'extra node-hours',
  extraCostDollars: 'extra cost',
  peakMultiplier: 'peak bill',
  monthMultiplier: 'bill of the month',
  capacityDeficitNodeHours: 'missing node-hours',
}

/** What it means that a check was violated: completes "in 12 of 500 rehearsals it …". */
const VIOLATIONS: Readonly<Record<CheckId, string>> = {
  'no-acknowledged-write-lost': 'lost acknowledged writes',
  'no-split-brain': 'had two leaders taking writes at once',
  'no-forbidden-skew': 'ran versions together that do not support it',
  'serves-at-end': 'could not be written to at the end',
  'target-reached': 'completed with a member on the wrong version',
  converges: 'did not come back to one healthy cluster',
  'no-divergent-rows': 'left rows that are not what was acknowledged',
  'no-false-success': 'reported success although the truth was otherwise',
  'rollback-safe': 'could not go back any more before its declared point of no return',
  terminates: 'got stuck',
  'gates-honest': 'passed a gate whose claim was false',
  linearizable: 'showed a client a value that cannot be',
  'objectives-met': 'missed an objective',
}

const BLOCK_WORDS: Readonly<Record<BlockId, string>> = {
  'fault-free': 'without a fault',
  faults: 'one fault: each step boundary and wait (of a gate’s polls the first and the last), each kind, each target there',
  'operator-killed': 'the operator killed at each boundary and wait, and resumed',
  mistakes: 'one mistake of the operator at each visit of a step (judged by nobody)',
  rollback: 'the operator turns back at each boundary',
  'rollback-under-fault': 'the same while a fault strikes there',
  pairs: 'two faults, the second at the same place or a later one',
}

/** What a block of a sweep's grid holds. */
export function blockWords(id: BlockId): string {
  return BLOCK_WORDS[id]
}

export function measureName(measure: string): string {
  return MEASURE_NAMES[measure as MeasureId] ?? measure
}

export function violationWords(check: string): string {
  if (check === 'x-completes') return 'did not complete'
  // A check of a test suite's own has no words but its name.
  return VIOLATIONS[check as CheckId] ?? `failed ${check}`
}

/** Where the traces of a run and its repetition part. */
export function divergenceWords({ run, event, first, second }: Divergence): string {
  if (event === null) return `Recorded again, run ${run} did not differ: it depends on what its process did before.`
  const words = (each: DivergingEvent | null): string => (each === null ? 'nothing more' : `${(each.atUs / 1e6).toFixed(6)} s ${each.kind} at ${each.node || '-'} (payload ${each.payload}${each.detail === '' ? '' : `: ${each.detail}`})`)
  return `The traces of run ${run} part at event ${plain(event)}: ${words(first)} the first time, ${words(second)} the second.`
}

/** A measured value with its unit. */
export function formatMeasure(measure: string, value: number): string {
  if (measure.endsWith('Seconds')) return formatDuration(value * 1e6)
  if (measure.endsWith('Hours')) return `${plain(value)} h`
  if (measure.endsWith('Dollars')) return `$${value.toFixed(2)}`
  if (measure.endsWith('Multiplier')) return `${value.toFixed(2)}x`
  return plain(value)
}

/** `1,204` or `12.5`. Written by hand: no locale decides what a report looks like. */
export function plain(value: number): string {
  const text = Number.isInteger(value) ? String(value) : value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2)
  const [whole = '', fraction] = text.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

/** A share as a percentage that never rounds a rare event to "0 %" or an almost sure one to "100 %". */
export function formatShare(share: number): string {
  const percent = share * 100
  if (percent === 0 || percent === 100) return `${percent} %`
  if (percent < 0.01) return '< 0.01 %'
  if (percent > 99.94) return '> 99.9 %'
  if (percent < 1) return `${percent.toFixed(2)} %`
  if (percent < 10 || percent > 99) return `${percent.toFixed(1)} %`
  return `${percent.toFixed(0)} %`
}

/** `below 0.60 %`: what nothing in so many runs means, at 95 % confidence. */
export function formatZeroBelow(runs: number): string {
  return `below ${formatShare(zeroBelow95(runs))}`
}

/** `1 rehearsal`, `2 rehearsals`. */
export function count(n: number, noun: string): string {
  return `${plain(n)} ${noun}${n === 1 ? '' : 's'}`
}

/** One fault in words: `process-kill of role:leader for 30.0 s, at the start of step promote`. */
export function faultWords({ kind, target, at, durationUs }: Schedule[number]): string {
  const lasts = durationUs > 0 ? ` for ${formatDuration(durationUs)}` : ''
  return `${kind} of ${target}${lasts}, ${faultPlace(at)}`
}

/** A schedule with the targets that its faults found in a rehearsal (`role:leader` was `member:m-0`), for words about that rehearsal. */
export function asStruck(schedule: Schedule, { faults }: Pick<RehearsalResult, 'faults'>): Schedule {
  return schedule.map((fault, i) => {
    const found = faults.find(({ nth, struck }) => nth === i && struck)
    return found === undefined ? fault : { ...fault, target: found.target }
  })
}

/** Where a fault strikes: `at the start of step promote`. */
export function faultPlace(at: Schedule[number]['at']): string {
  if (typeof at === 'number') return `${formatDuration(at)} after the start`
  const visit = at.visit > 1 ? ` (visit ${at.visit})` : ''
  const step = `${at.path === 'undo' ? 'the undo of ' : ''}step ${at.step}${visit}`
  return at.phase === 'await' ? `${formatDuration(at.offsetUs)} into command ${at.command} of ${step}` : `at the ${at.phase} of ${step}`
}

/** What a fault of a recorded rehearsal did: `partition of role:leader for 30.0 s`, or that it found nothing. */
export function faultSentence({ kind, target, atUs, endUs, struck, why, words }: Pick<FaultOutcome, 'kind' | 'target' | 'atUs' | 'endUs' | 'struck' | 'why' | 'words'>): string {
  if (!struck) return `${kind} of ${target} found nothing to strike${why === '' ? '' : `: ${why}`}`
  if (words !== '') return `${kind}: the operator ${words}`
  return `${kind} of ${target}${endUs !== undefined && endUs > atUs ? ` for ${formatDuration(endUs - atUs)}` : ''}`
}
