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

/** What each measures, for who has never seen the word. */
const MEASURE_MEANINGS: Readonly<Record<MeasureId, string>> = {
  writeDowntimeSeconds: 'time in which clients wanted to write and nothing was acknowledged, each weighted by its share',
  longestWriteGapSeconds: 'the longest time in which some group of clients could not write at all',
  readDowntimeSeconds: 'the same for reads',
  lostAcknowledgedWrites: 'writes that clients were told had been made, and that are missing at the end',
  inherentLostWrites: 'of these, what no runbook could have kept: a fault took the leader before it had passed them on',
  strandedWrites: 'of these, what still lies on a copy that nobody reads',
  splitBrainSeconds: 'time in which two members could each take a write for the same data',
  splitBrainWrites: 'writes acknowledged meanwhile by those whose history did not win',
  divergentRows: 'rows that are not what the acknowledged writes call for',
  mixedVersionSeconds: 'time in which members ran different versions',
  mixedVersionRequests: 'requests served meanwhile',
  forbiddenSkewSeconds: 'of that, time in a mix that is not supported',
  redundancyExposedSeconds: 'time in which an acknowledged write was on one copy only',
  failedAttempts: 'requests that failed at the first try',
  failedAfterRetry: 'requests that failed for good',
  durationSeconds: 'from the first step to the end of the last',
  baseNodeHours: 'nodes of the cluster itself, meanwhile',
  extraNodeHours: 'nodes beyond those of the cluster itself',
  extraCostDollars: 'what these cost',
  peakMultiplier: 'most nodes at once, in clusters: 2x is twice the usual',
  monthMultiplier: 'the bill of a month with this upgrade, in usual months',
  capacityDeficitNodeHours: 'nodes of the cluster that were away, times how long',
}

/** What has to be so for a check to hold. */
const CHECK_MEANINGS: Readonly<Record<CheckId, string>> = {
  'no-acknowledged-write-lost': 'every write that a client was told had been made is there at the end',
  'no-split-brain': 'no two members could take writes for the same data at once',
  'no-forbidden-skew': 'versions ran beside one another only where that is supported',
  'serves-at-end': 'at the end a new client can write',
  'target-reached': 'who says “completed” has every member on the target version',
  converges: 'it ends with one healthy cluster: one history, one version, nobody missing',
  'no-divergent-rows': 'rows kept in two databases are the same, and what was acknowledged',
  'no-false-success': 'who says “completed” has broken nothing',
  'rollback-safe': 'up to the declared point of no return it can go back',
  terminates: 'it comes to an end before the deadline',
  'gates-honest': 'what a gate that passed claims was so',
  linearizable: 'reads and writes of a key fit into one order',
  'objectives-met': 'objectives are met',
}

/** What it means that a check was violated: completes "in 12 of 500 rehearsals it …". */
const VIOLATIONS: Readonly<Record<CheckId, string>> = {
  'no-acknowledged-write-lost': 'lost acknowledged writes',
  'no-split-brain': 'had two leaders that could take writes at once',
  'no-forbidden-skew': 'ran versions together that do not support it',
  'serves-at-end': 'could not be written to at the end',
  'target-reached': 'completed with members not on the target version',
  converges: 'did not come back to one healthy cluster',
  'no-divergent-rows': 'left rows that are not what was acknowledged',
  'no-false-success': 'reported success falsely',
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

/** Whether a name is one of a measure, as results write it. */
export function isMeasure(name: string): boolean {
  return name in MEASURE_NAMES
}

/** What a measure says, in a few words; empty for one that is not known. */
export function measureMeaning(measure: string): string {
  return MEASURE_MEANINGS[measure as MeasureId] ?? ''
}

/** What has to be so; empty for a check of a test suite's own. */
export function checkMeaning(check: string): string {
  return CHECK_MEANINGS[check as CheckId] ?? ''
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
  if (measure.endsWith('Hours')) return nodeHours(value)
  if (measure.endsWith('Dollars')) return `$${value.toFixed(2)}`
  if (measure.endsWith('Multiplier')) return `${value.toFixed(2)}x`
  return plain(value)
}

/** Hours of nodes, few of them too: a row in minutes and in hours cannot be read across. */
function nodeHours(hours: number): string {
  const size = Math.abs(hours)
  if (hours === 0 || size >= 0.1) return `${plain(hours)} h`
  return size < 0.0005 ? '< 0.001 h' : `${hours.toFixed(3)} h`
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
  return `${kind} of ${targetWords(target)}${lasts}, ${faultPlace(at)}`
}

/** A target in words: that a member is a member is seen by its name. */
function targetWords(target: string): string {
  return target.replace(/^member:/, '')
}

/** A schedule with the targets that its faults found in a rehearsal (`role:leader` was `member:m-0`), for words about that rehearsal. */
export function asStruck(schedule: Schedule, { faults }: Pick<RehearsalResult, 'faults'>): Schedule {
  return schedule.map((fault, i) => {
    const found = faults.find(({ nth, struck }) => nth === i && struck)
    return found === undefined ? fault : { ...fault, target: found.target }
  })
}

/** How long a recorded fault was to last; 0 when that is not known. Faults end when the runbook has. */
export function plannedUs({ faults, schedule }: Pick<RehearsalResult, 'faults' | 'schedule'>, { kind, target, atUs }: Pick<FaultOutcome, 'kind' | 'target' | 'atUs'>): number {
  const nth = faults.find((each) => each.struck && each.kind === kind && each.target === target && each.atUs === atUs)?.nth
  return nth === undefined ? 0 : (schedule[nth]?.durationUs ?? 0)
}

/** Where a fault strikes: `at the start of step promote`. */
export function faultPlace(at: Schedule[number]['at']): string {
  if (typeof at === 'number') return `${formatDuration(at)} after the start`
  const visit = at.visit > 1 ? ` (visit ${at.visit})` : ''
  const step = `${at.path === 'undo' ? 'the undo of ' : ''}step ${at.step}${visit}`
  return at.phase === 'await' ? `${formatDuration(at.offsetUs)} into command ${at.command} of ${step}` : `at the ${at.phase} of ${step}`
}

/** What a fault of a recorded rehearsal did: `partition of role:leader for 30.0 s`, or that it found nothing. @param plannedUs how long it was to last, where that is known */
export function faultSentence({ kind, target, atUs, endUs, struck, why, words }: Pick<FaultOutcome, 'kind' | 'target' | 'atUs' | 'endUs' | 'struck' | 'why' | 'words'>, plannedUs = 0): string {
  if (!struck) return `${kind} of ${targetWords(target)} found nothing to strike${why === '' ? '' : `: ${why}`}`
  if (words !== '') return `${kind}: the operator ${words}`
  return `${kind} of ${targetWords(target)}${endUs !== undefined && endUs > atUs ? ` for ${formatDuration(endUs - atUs)}${plannedUs > endUs - atUs ? ` of ${formatDuration(plannedUs)}, for faults end with the runbook` : ''}` : ''}`
}
