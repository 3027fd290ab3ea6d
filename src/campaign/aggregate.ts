/**
 * What a campaign remembers of its runs: integers and fixed buckets only, so that results of any two disjoint sets of runs add up to exactly
 * what one machine doing them all in order would have found. Nothing here depends on the order in which runs finish.
 */
import type { Schedule } from '../faults/schedule.ts'
import { avalanche } from '../kernel/index.ts'
import { CHECKS, MEASURES, type CheckId, type Clause, type MeasureId, type Outcome, type RehearsalResult, type Signature, type Status } from '../result.ts'
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

export interface StepAggregate {
  readonly title: string
  /** Times it was started, on the way forward and while undoing. */
  visits: number
  undoVisits: number
  failed: number
  /** Runs' write downtime that fell into the step, µs a run in which it was visited. */
  readonly writeDowntimeUs: Sketch
}

export interface GateAggregate {
  passed: number
  failed: number
  /** Decided on empty, non-numeric or failed output. */
  missing: number
  /** Passed with `claims` that could be held against the truth; and how many of those were false. */
  scored: number
  dishonest: number
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
  outOfBudget: { runs: number; outcomes: Counts<Outcome>; violations: Counts }
  // From here on: runs in budget only.
  checks: Record<CheckId, Counts<Status>>
  measures: Record<MeasureId, Sketch>
  steps: Record<string, StepAggregate>
  gates: Record<string, GateAggregate>
  undone: Counts
  /** Why runs ended as they did, numbers but exit statuses blanked so that there are few. */
  reasons: Counts
  signatures: Record<string, SignatureRecord>
  /** Runs done a second time, and those whose second trace differed. */
  determinism: { twice: number; mismatches: number[] }
}

export const OUTCOMES: readonly Outcome[] = ['completed', 'rolledBack', 'aborted', 'stuck']
/** How many mismatching run numbers are kept; one is already a defect. */
const MISMATCHES_KEPT = 20

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
    outOfBudget: { runs: 0, outcomes: noOutcomes(), violations: {} },
    checks: Object.fromEntries(CHECKS.map((id) => [id, { pass: 0, fail: 0, notExercised: 0, notApplicable: 0 }])) as Aggregate['checks'],
    measures: Object.fromEntries(MEASURES.map((id) => [id, emptySketch()])) as Aggregate['measures'],
    steps: {},
    gates: {},
    undone: {},
    reasons: {},
    signatures: {},
    determinism: { twice: 0, mismatches: [] },
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
 * @param secondHash the trace hash of the run's repetition, when it was done twice
 */
export function addRun(into: Aggregate, run: number, result: RehearsalResult, secondHash: string | undefined): void {
  into.ranges = unite(into.ranges, [[run, run + 1]])
  foldHash(into, run, result.hash)
  into.outcomes[result.outcome] += 1
  into.simulatedUs += BigInt(result.simulatedUs)
  into.eventsRun += BigInt(result.eventsRun)
  addFaults(into, result)
  if (secondHash !== undefined) {
    into.determinism.twice += 1
    if (secondHash !== result.hash) into.determinism.mismatches = keepMismatches([...into.determinism.mismatches, run])
  }
  if (result.inBudget) addInBudget(into, run, result)
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
  into.outOfBudget.runs += other.outOfBudget.runs
  addCounts(into.outOfBudget.outcomes, other.outOfBudget.outcomes)
  addCounts(into.outOfBudget.violations, other.outOfBudget.violations)
  for (const id of CHECKS) addCounts(into.checks[id], other.checks[id])
  for (const id of MEASURES) mergeSketch(into.measures[id], other.measures[id])
  for (const [id, step] of Object.entries(other.steps)) {
    const mine = (into.steps[id] ??= newStep(step.title))
    mine.visits += step.visits
    mine.undoVisits += step.undoVisits
    mine.failed += step.failed
    mergeSketch(mine.writeDowntimeUs, step.writeDowntimeUs)
  }
  for (const [id, gate] of Object.entries(other.gates)) addCounts((into.gates[id] ??= newGate()), gate)
  addCounts(into.undone, other.undone)
  addCounts(into.reasons, other.reasons)
  for (const [key, record] of Object.entries(other.signatures)) addSignature(into, key, record)
  into.determinism.twice += other.determinism.twice
  into.determinism.mismatches = keepMismatches([...into.determinism.mismatches, ...other.determinism.mismatches])
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
    addSignature(into, signatureKey(signature), { signature, runs: 1, run, hash, schedule, evidence: verdict.evidence, because: verdict.because ?? [] })
  }
  for (const id of MEASURES) {
    const value = result.measures[id]
    if (!Number.isFinite(value) || value < 0) throw new RangeError(`run ${run} measured ${id} = ${value}`)
    addValue(into.measures[id], Math.round(value * scaleOf(id)))
  }
  addSteps(into, result)
  for (const gate of result.gates) {
    const counts = (into.gates[gate.step] ??= newGate())
    counts[gate.passed ? 'passed' : 'failed'] += 1
    if (gate.missing) counts.missing += 1
    if (gate.passed && gate.honest !== undefined) counts.scored += 1
    if (gate.passed && gate.honest === false) counts.dishonest += 1
  }
  for (const step of result.undone) increase(into.undone, step)
  increase(into.reasons, `${result.outcome}: ${result.outcomeReason.replace(/(?<!status \d*)\d[\d.:]*/g, 'N')}`)
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

function addSignature(into: Aggregate, key: string, record: SignatureRecord): void {
  const mine = into.signatures[key]
  if (mine === undefined) {
    into.signatures[key] = { ...record }
    return
  }
  mine.runs += record.runs
  if (record.run >= mine.run) return
  const { run, hash, schedule, evidence, because } = record
  Object.assign(mine, { run, hash, schedule, evidence, because })
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

function newGate(): GateAggregate {
  return { passed: 0, failed: 0, missing: 0, scored: 0, dishonest: 0 }
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
