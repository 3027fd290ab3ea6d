/**
 * What a campaign remembers of its runs: integers and fixed buckets only, so that results of any two disjoint sets of runs add up to exactly
 * what one machine doing them all in order would have found. Nothing here depends on the order in which runs finish.
 */
import type { Schedule } from '../faults/schedule.ts'
import { avalanche } from '../kernel/index.ts'
import { CHECKS, MEASURES, type CheckId, type Clause, type MeasureId, type Outcome, type RehearsalResult, type Signature, type Status } from '../result.ts'
import { type DeedsAggregate, addDeeds, mergeDeeds, noDeeds } from './deeds.ts'
import type { Divergence } from './diverge.ts'
import { type GateAggregate, countVisit, gateName, newGate } from './gates.ts'
import type { Case } from './strategy.ts'
import { type Cells, addToCells, mergeCells } from './cells.ts'
import { type Combinations, addCombinations, mergeCombinations } from './saturation.ts'
import { type Ranges, countRuns, unite } from './ranges.ts'
import { type Sketch, addValue, emptySketch, mergeSketch } from './sketch.ts'

export type Counts<K extends string = string> = Record<K, number>

/** The failures that are the same one, and the one of lowest run number that stands for them. */
export interface SignatureRecord {
  readonly signature: Signature
  runs: number
  run: number
  hash: string
  schedule: Schedule
  evidence: string
  because: readonly Clause[]
}

/** A reason as one run gave it. */
export interface ReasonExample {
  readonly run: number
  readonly text: string
}

export interface StepAggregate {
  readonly title: string
  /** Times it was started, on the way forward and while undoing. */
  visits: number
  undoVisits: number
  failed: number
  /** Runs' write downtime that fell into the step, µs a run in which it was visited. */
  readonly writeDowntimeUs: Sketch
}

export interface Aggregate {
  ranges: Ranges
  /** Order-free combination of all trace hashes: two 32-bit halves. */
  fingerprint: [number, number]
  /** Of all runs, in budget or not. */
  outcomes: Counts<Outcome>
  /** Runs in which at least one fault struck something. */
  struckRuns: number
  faultsDrawn: number
  faultsStruck: number
  simulatedUs: bigint
  eventsRun: bigint
  /** How often each kind was drawn; and runs in which it struck. */
  kinds: Record<string, { drawn: number; struckRuns: number }>
  /** Of a sweep: its tables. */
  cells: Cells
  /** Runs that nobody promises will end well (rollbacks past the point of no return, the operator's mistakes): in `cells` only. */
  unjudged: { runs: number; outcomes: Counts<Outcome> }
  /** Which faults struck where, in which situation. */
  combinations: Combinations
  outOfBudget: { runs: number; outcomes: Counts<Outcome>; violations: Counts }
  // From here on: runs in budget only.
  checks: Record<CheckId, Counts<Status>>
  measures: Record<MeasureId, Sketch>
  /** Of each measure the run in which it was greatest, of several the first; none where it never was above 0. */
  worst: Partial<Record<MeasureId, number>>
  steps: Record<string, StepAggregate>
  gates: Record<string, GateAggregate>
  undone: Counts
  /** Why runs ended as they did, numbers but exit statuses blanked so that there are few. */
  reasons: Counts
  /** Of each of these the words of its run of lowest number, with the numbers in them. */
  reasonExamples: Record<string, ReasonExample>
  deeds: DeedsAggregate
  signatures: Record<string, SignatureRecord>
  /** Runs whose reason is not among the {@link REASONS_KEPT}; failures by check whose signature is not among the {@link SIGNATURES_KEPT}. */
  beyond: { reasons: number; signatures: Counts }
  /** Runs done a second time, those whose second trace differed, and where the traces of the first of these part. */
  determinism: { twice: number; mismatches: number[]; divergence: Divergence | null }
}

export const OUTCOMES: readonly Outcome[] = ['completed', 'rolledBack', 'aborted', 'stuck']
/** How many mismatching run numbers are kept; one is already a defect. */
const MISMATCHES_KEPT = 20
/**
 * What a runbook's words can multiply is bounded, so that memory does not grow with the number of runs: the first keys in plain text order are
 * kept. A key that is among the first of the whole is among the first of every part, so that its count is exact however the runs were split.
 */
const REASONS_KEPT = 200
/** Of each check. */
const SIGNATURES_KEPT = 100
/** A reason or an evidence quotes commands and their output, which may be of any length. */
const REASON_LENGTH = 500
const EVIDENCE_LENGTH = 4000

const noOutcomes = (): Counts<Outcome> => ({ completed: 0, rolledBack: 0, aborted: 0, stuck: 0 })

export function emptyAggregate(): Aggregate {
  return {
    ranges: [],
    fingerprint: [0, 0],
    outcomes: noOutcomes(),
    struckRuns: 0,
    faultsDrawn: 0,
    faultsStruck: 0,
    simulatedUs: 0n,
    eventsRun: 0n,
    kinds: {},
    cells: {},
    unjudged: { runs: 0, outcomes: noOutcomes() },
    combinations: {},
    outOfBudget: { runs: 0, outcomes: noOutcomes(), violations: {} },
    checks: Object.fromEntries(CHECKS.map((id) => [id, { pass: 0, fail: 0, notExercised: 0, notApplicable: 0 }])) as Aggregate['checks'],
    measures: Object.fromEntries(MEASURES.map((id) => [id, emptySketch()])) as Aggregate['measures'],
    worst: {},
    steps: {},
    gates: {},
    undone: {},
    reasons: {},
    reasonExamples: {},
    deeds: noDeeds(),
    signatures: {},
    beyond: { reasons: 0, signatures: {} },
    determinism: { twice: 0, mismatches: [], divergence: null },
  }
}

/** The whole number in which a measure is counted: micro-units of seconds, hours, dollars and multipliers; single writes, rows and attempts. */
export function scaleOf(measure: MeasureId): number {
  return /(?:Seconds|Hours|Dollars|Multiplier)$/.test(measure) ? 1_000_000 : 1
}

/** The text that names a signature in maps and files. */
export function signatureKey(signature: Signature): string {
  return `${signature.check}/${signature.cause}/${signature.step}`
}

/**
 * Adds one run.
 * @param again the run's repetition, when it was done twice: its trace hash, and how to find where it differs
 * @param of the case it was
 */
export function addRun(into: Aggregate, run: number, result: RehearsalResult, again: { readonly hash: string; divergence(): Divergence } | undefined, { cell, judged }: Pick<Case, 'cell' | 'judged'> = { judged: true }): void {
  into.ranges = unite(into.ranges, [[run, run + 1]])
  foldHash(into, run, result.hash)
  into.outcomes[result.outcome] += 1
  into.simulatedUs += BigInt(result.simulatedUs)
  into.eventsRun += BigInt(result.eventsRun)
  addFaults(into, result)
  if (again !== undefined) {
    into.determinism.twice += 1
    if (again.hash !== result.hash) addMismatch(into, run, again.divergence)
  }
  addCombinations(into.combinations, run, result)
  if (cell !== undefined) addToCells(into.cells, cell, run, result, judged)
  if (!judged) addUnjudged(into, result)
  else if (result.inBudget) addInBudget(into, run, result)
  else addOutOfBudget(into, result)
}

/** Adds `other` into `into`: union. @throws OverlapError when they share a run */
export function mergeAggregate(into: Aggregate, other: Aggregate): void {
  into.ranges = unite(into.ranges, other.ranges)
  into.fingerprint = [(into.fingerprint[0] + other.fingerprint[0]) >>> 0, (into.fingerprint[1] + other.fingerprint[1]) >>> 0]
  addCounts(into.outcomes, other.outcomes)
  into.struckRuns += other.struckRuns
  into.faultsDrawn += other.faultsDrawn
  into.faultsStruck += other.faultsStruck
  into.simulatedUs += other.simulatedUs
  into.eventsRun += other.eventsRun
  for (const [kind, counts] of Object.entries(other.kinds)) addCounts((into.kinds[kind] ??= { drawn: 0, struckRuns: 0 }), counts)
  mergeCells(into.cells, other.cells)
  mergeCombinations(into.combinations, other.combinations)
  into.unjudged.runs += other.unjudged.runs
  addCounts(into.unjudged.outcomes, other.unjudged.outcomes)
  into.outOfBudget.runs += other.outOfBudget.runs
  addCounts(into.outOfBudget.outcomes, other.outOfBudget.outcomes)
  addCounts(into.outOfBudget.violations, other.outOfBudget.violations)
  for (const id of CHECKS) addCounts(into.checks[id], other.checks[id])
  for (const id of MEASURES) {
    keepWorst(into, id, other.measures[id].max, other.worst[id])
    mergeSketch(into.measures[id], other.measures[id])
  }
  for (const [id, step] of Object.entries(other.steps)) {
    const mine = (into.steps[id] ??= newStep(step.title))
    mine.visits += step.visits
    mine.undoVisits += step.undoVisits
    mine.failed += step.failed
    mergeSketch(mine.writeDowntimeUs, step.writeDowntimeUs)
  }
  for (const [id, gate] of Object.entries(other.gates)) addCounts((into.gates[id] ??= newGate()), gate)
  addCounts(into.undone, other.undone)
  into.beyond.reasons += other.beyond.reasons
  for (const [reason, runs] of Object.entries(other.reasons)) addReason(into, reason, runs, other.reasonExamples[reason])
  mergeDeeds(into.deeds, other.deeds)
  addCounts(into.beyond.signatures, other.beyond.signatures)
  for (const [key, record] of Object.entries(other.signatures)) addSignature(into, key, record)
  into.determinism.twice += other.determinism.twice
  into.determinism.mismatches = keepMismatches([...into.determinism.mismatches, ...other.determinism.mismatches])
  into.determinism.divergence = earlier(into.determinism.divergence, other.determinism.divergence)
}

/** The fingerprint as 16 hexadecimal digits. */
export function fingerprintOf(aggregate: Aggregate): string {
  return aggregate.fingerprint.map((half) => half.toString(16).padStart(8, '0')).join('')
}

function addFaults(into: Aggregate, result: RehearsalResult): void {
  const { schedule, struck, faults } = result
  into.faultsDrawn += schedule.length
  into.faultsStruck += struck
  if (struck > 0) into.struckRuns += 1
  for (const fault of schedule) (into.kinds[fault.kind] ??= { drawn: 0, struckRuns: 0 }).drawn += 1
  for (const kind of new Set(faults.filter((fault) => fault.struck).map((fault) => fault.kind))) (into.kinds[kind] ??= { drawn: 0, struckRuns: 0 }).struckRuns += 1
}

function addUnjudged({ unjudged }: Aggregate, { outcome }: RehearsalResult): void {
  unjudged.runs += 1
  unjudged.outcomes[outcome] += 1
}

function addOutOfBudget(into: Aggregate, result: RehearsalResult): void {
  into.outOfBudget.runs += 1
  into.outOfBudget.outcomes[result.outcome] += 1
  for (const verdict of result.verdicts) if (verdict.status === 'fail' && verdict.check !== 'objectives-met') increase(into.outOfBudget.violations, verdict.check)
}

function addInBudget(into: Aggregate, run: number, result: RehearsalResult): void {
  for (const verdict of result.verdicts) {
    into.checks[verdict.check][verdict.status] += 1
    if (verdict.status !== 'fail') continue
    const signature = verdict.signature ?? { check: verdict.check, cause: 'unexplained', step: '-' }
    const { hash, schedule } = result
    addSignature(into, signatureKey(signature), { signature, runs: 1, run, hash, schedule, evidence: shortened(verdict.evidence, EVIDENCE_LENGTH), because: verdict.because ?? [] })
  }
  for (const id of MEASURES) {
    const value = result.measures[id]
    if (!Number.isFinite(value) || value < 0) throw new RangeError(`run ${run} measured ${id} = ${value}`)
    const whole = Math.round(value * scaleOf(id))
    keepWorst(into, id, whole, run)
    addValue(into.measures[id], whole)
  }
  addSteps(into, result)
  for (const gate of result.gates) countVisit((into.gates[gateName(gate)] ??= newGate()), gate)
  for (const step of result.undone) increase(into.undone, step)
  addDeeds(into.deeds, run, result)
  const reason = `${result.outcome}: ${result.outcomeReason}`
  addReason(into, shortened(reason.replace(/(?<!(?:status|line) \d*)\d(?:[\d.:]*\d)?/g, 'N'), REASON_LENGTH), 1, { run, text: shortened(reason, REASON_LENGTH) })
}

/** Before `value` is added: whether its run is the worst so far. A part made by a version that kept none leaves it open which it was. */
function keepWorst(into: Aggregate, id: MeasureId, value: number, run: number | undefined): void {
  const { max } = into.measures[id]
  const mine = into.worst[id]
  if (value === 0 || value < max) return
  if (value > max && run === undefined) delete into.worst[id]
  else if (run !== undefined && (value > max || (mine !== undefined && run < mine))) into.worst[id] = run
}

function addSteps(into: Aggregate, result: RehearsalResult): void {
  const downtimeUs = new Map<string, number>()
  for (const record of result.steps) {
    const step = (into.steps[record.step] ??= newStep(record.title))
    if (record.path === 'undo') step.undoVisits += 1
    else step.visits += 1
    if (record.result === 'failed') step.failed += 1
    downtimeUs.set(record.step, (downtimeUs.get(record.step) ?? 0) + record.writeDowntimeUs)
  }
  for (const [id, us] of downtimeUs) addValue((into.steps[id] as StepAggregate).writeDowntimeUs, Math.round(us))
}

function addReason(into: Aggregate, reason: string, runs: number, example: ReasonExample | undefined): void {
  const isNew = into.reasons[reason] === undefined
  into.reasons[reason] = (into.reasons[reason] ?? 0) + runs
  const mine = into.reasonExamples[reason]
  if (example !== undefined && (mine === undefined || example.run < mine.run)) into.reasonExamples[reason] = example
  if (!isNew) return
  const last = lastBeyond(Object.keys(into.reasons), REASONS_KEPT)
  if (last === undefined) return
  into.beyond.reasons += into.reasons[last] ?? 0
  delete into.reasons[last]
  delete into.reasonExamples[last]
}

function addSignature(into: Aggregate, key: string, record: SignatureRecord): void {
  const mine = into.signatures[key]
  if (mine === undefined) {
    into.signatures[key] = { ...record }
    dropSignatureBeyond(into, record.signature.check)
    return
  }
  mine.runs += record.runs
  if (record.run >= mine.run) return
  const { run, hash, schedule, evidence, because } = record
  Object.assign(mine, { run, hash, schedule, evidence, because })
}

function dropSignatureBeyond(into: Aggregate, check: CheckId): void {
  const last = lastBeyond(Object.keys(into.signatures).filter((key) => into.signatures[key]?.signature.check === check), SIGNATURES_KEPT)
  if (last === undefined) return
  into.beyond.signatures[check] = (into.beyond.signatures[check] ?? 0) + (into.signatures[last]?.runs ?? 0)
  delete into.signatures[last]
}

/** The last of the keys in plain text order when there is one too many. */
function lastBeyond(keys: readonly string[], kept: number): string | undefined {
  return keys.length <= kept ? undefined : keys.reduce((last, key) => (key > last ? key : last))
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

/** Keeps the run, and of the lowest such run where its traces part: finding that takes a few more rehearsals. */
export function addMismatch(into: Aggregate, run: number, divergence: () => Divergence): void {
  const { determinism } = into
  determinism.mismatches = keepMismatches([...new Set([...determinism.mismatches, run])])
  if (determinism.divergence === null || run < determinism.divergence.run) determinism.divergence = divergence()
}

function earlier(a: Divergence | null, b: Divergence | null): Divergence | null {
  return a === null || (b !== null && b.run < a.run) ? b : a
}

/** Folds one trace hash in by addition of its avalanched halves: any order gives the same sum, and two equal traces do not cancel. */
function foldHash(into: Aggregate, run: number, hash: string): void {
  const high = Number.parseInt(hash.slice(0, 8), 16) >>> 0
  const low = Number.parseInt(hash.slice(8, 16), 16) >>> 0
  const a = avalanche(high ^ Math.imul(run + 1, 0x9e3779b1))
  const b = avalanche(low ^ a)
  into.fingerprint = [(into.fingerprint[0] + a) >>> 0, (into.fingerprint[1] + b) >>> 0]
}

function keepMismatches(runs: readonly number[]): number[] {
  return [...runs].sort((a, b) => a - b).slice(0, MISMATCHES_KEPT)
}

function newStep(title: string): StepAggregate {
  return { title, visits: 0, undoVisits: 0, failed: 0, writeDowntimeUs: emptySketch() }
}

function increase(counts: Counts, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

function addCounts<T extends object>(into: T, other: T): void {
  const target = into as Record<string, number>
  for (const [key, count] of Object.entries(other as Record<string, number>)) target[key] = (target[key] ?? 0) + count
}

/** Runs, simulated time and events as numbers for people and files. */
export function aggregateTotals(aggregate: Aggregate): { runs: number; simulatedSeconds: number; eventsRun: number } {
  return { runs: countRuns(aggregate.ranges), simulatedSeconds: Number(aggregate.simulatedUs / 1000n) / 1000, eventsRun: Number(aggregate.eventsRun) }
}
