/** The shapes of results and counterexample files, held against their types by the compiler. */
import { CHECKS } from '../result.ts'
import type { Aggregate, ReasonExample } from './aggregate.ts'
import type { CellCounts } from './cells.ts'
import type { CounterexampleFile, SmallestFile } from './counterexample.ts'
import type { OverlookedDeed } from './deeds.ts'
import type { Divergence } from './diverge.ts'
import type { Explanation, Smallest } from './explanation.ts'
import type { GateAggregate } from './gates.ts'
import type { Inevitability, Moment } from './inevitable.ts'
import { BROKEN_ROLLBACKS, type NoReturn, type PointOfNoReturn } from './pointOfNoReturn.ts'
import type { Probe } from './probes.ts'
import type { Again, CampaignResult, CheckSummary, ClaimSummary, Counterexample, Coverage, Ending, Flip, FloorSummary, GateSummary, Mend, Mends, Needless, NeededStep, ObjectiveSummary, Quantiles, Sensitivity, SignatureSummary, StepSummary, Tornado, Tried } from './result.ts'
import type { Saturation } from './saturation.ts'
import { type Shape, anything, clauses, count, digits, flag, list, number, object, optional, orNull, outcome, pair, perCheck, perMeasure, perOutcome, ranges, schedule, signature, sketch, source, status, text, under, values, word } from './shape.ts'
import type { RandomSpec } from './strategy.ts'
import type { SweepSpec } from './sweep/spec.ts'
import { BLOCKS } from './sweep/spec.ts'
import type { BlockSummary, SweepSummary } from './sweep/summary.ts'
import type { Twin, Twins } from './twin.ts'

const verdict = word(['held', 'violated'])
const quantileKeys = { mean: number, p50: number, p95: number, p99: number, max: number }
export const quantiles = object<Quantiles>(quantileKeys)
const gateKeys = { passed: number, failed: number, mattered: number, missing: number, stale: number, blind: number, scored: number, dishonest: number, stopped: number, judged: number, caught: number, falseAlarms: number, stoppedAnyway: number }
const beyond = object<Aggregate['beyond']>({ reasons: number, signatures: count })
const divergence = orNull(object<Divergence>({ run: number, event: orNull(number), first: orNull(anything), second: orNull(anything) }))
const determinism = object<Aggregate['determinism']>({ twice: number, mismatches: list(number), divergence })
const outOfBudget = object<Aggregate['outOfBudget']>({ runs: number, outcomes: perOutcome, violations: count })
const unjudged = object<Aggregate['unjudged']>({ runs: number, outcomes: perOutcome })

const random = object<RandomSpec>({ kind: text, faults: number })
const sweep = object<SweepSpec>({ kind: text, lucks: number, strengths: word(['usual', 'range']), pairs: flag, rollbacks: object<SweepSpec['rollbacks']>({ alone: number, underFault: number }) })
const kindOf = object<{ kind: string }>({ kind: word(['random', 'sweep']) })
const strategy: Shape = (value, path) => kindOf(value, path) ?? ((value as { kind: string }).kind === 'random' ? random : sweep)(value, path)

const smallestKeys = { schedule, without: list(text), set: values(text), hash: text }
const smallest = object<Smallest>({ ...smallestKeys, steps: number, needed: list(text), minimal: flag, attempts: number })
const moment = object<Moment>({ atUs: number, is: word(['before', 'struck', 'ended']), what: text, visit: number, failed: number, futures: number })
const inevitable = object<Inevitability>({ moments: list(moment), jump: orNull(number), steep: flag, sure: orNull(number) })
const edit = object<{ is: string }>({ is: word(['shorten', 'shift', 'drop', 'swap', 'omit']) })
const twin = orNull(object<Twin>({ edit, outcome, hash: text, fails: list(word(CHECKS)) }))
const twins = object<Twins>({ tried: number, passing: number, nearest: twin, runbook: twin, steps: list(text) })
const explained = optional(object<Explanation>({ smallest, inevitable, twins }))
const signatureKeys = { check: word(CHECKS), cause: text, step: text }
const counterexample = object<Counterexample>({
  ...signatureKeys, signature: text, run: number, seed: text, schedule, hash: text, outcome, faults: number, faultsFound: number, evidence: text, explanation: text, because: clauses,
  root: object<Counterexample['root']>({ what: text, tested: flag }), explained, file: orNull(text), replay: text,
})

export const checkSummary = object<CheckSummary>({ id: word(CHECKS), status, violations: number, judged: number, rate: orNull(number), ci95: orNull(pair) })
export const objectiveSummary = object<ObjectiveSummary>({ measure: text, at: text, max: orNull(number), min: orNull(number), faults: word(['any', 'none']), measured: number, status })
export const floorSummary = object<FloorSummary>({ id: text, status, evidence: text })
export const claimSummary = object<ClaimSummary>({ ...quantileKeys, measure: text, claimed: number, runsAbove: number })
const step = object<StepSummary>({ step: text, title: text, container: flag, visits: number, undoVisits: number, failed: number, writeDowntimeSecondsMean: number, writeDowntimeSecondsP99: number, share: number })
const coverage = object<Coverage>({ faultsDrawn: number, faultsStruck: number, kindsNeverStruck: list(text), stepsNeverStarted: list(text), gatesNeverFailed: list(text), undoNeverTaken: list(text) })
const probe = object<Probe>({ probe: word(['fault', 'gate-passed', 'gate-failed', 'undo']), of: text, hits: number })
const needed = object<NeededStep>({ step: text, within: orNull(text), gate: flag, needed: flag, by: orNull(text), run: orNull(number), tried: number })
const needless = optional(object<Needless>({ sampled: number, steps: list(needed) }))
const ending = optional(object<Ending>({ run: number, outcome, reason: text, endUs: number, moments: list(object<Ending['moments'][number]>({ atUs: number, step: orNull(text), text, times: number, answer: optional(text) })) }))
const again = optional(object<Again>({ looked: number, again: number, outcomes: perOutcome, harmed: list(object<Again['harmed'][number]>({ check: word(CHECKS), runs: number, firstRun: number, evidence: text })), reasons: list(object<Again['reasons'][number]>({ reason: text, runs: number })) }))
const tried = object<Tried>({ runs: number, outcomes: perOutcome, violations: count })
const mend = object<Mend>({ is: word(['guard', 'strict', 'reorder', 'insert']), file: text, line: number, does: text, changed: number, patch: text, after: tried, stops: flag })
const mends = optional(object<Mends>({ tried: number, rehearsals: number, complete: flag, before: tried, checks: list(object<Mends['checks'][number]>({ check: word(CHECKS), mends: list(mend) })) }))
const saturation = object<Saturation>({ combinations: number, once: number, twice: number, unseenShare: orNull(number), unseenAtLeast: orNull(number), nothingNewInLast: number })

const flip = object<Flip>({ option: text, assumed: anything, value: anything, verdict, flipsVerdict: flag, checks: list(object<Flip['checks'][number]>({ id: text, was: text, is: text, violations: number, judged: number })), between: orNull(pair) })
const tornado = object<Tornado>({ measure: text, option: text, low: anything, high: anything, atLow: number, atAssumed: number, atHigh: number, swing: number })
const impossible = object<Sensitivity['impossible'][number]>({ option: text, value: anything, why: text })
const sensitivity = optional(object<Sensitivity>({ runs: number, rehearsals: number, complete: flag, varied: number, verdict, flips: list(flip), tornado: list(tornado), impossible: list(impossible) }))

const noReturnKeys = { step: text, before: text, runs: number, tried: number, broke: list(word(BROKEN_ROLLBACKS)) }
const pointOfNoReturn = orNull(object<PointOfNoReturn>({
  declared: orNull(text), measured: orNull(object<NoReturn>(noReturnKeys)), underFaults: list(object<PointOfNoReturn['underFaults'][number]>({ ...noReturnKeys, kind: text })),
  seeds: number, seedsUnderFault: number, tried: number, boundaries: number,
}))
const block = object<BlockSummary>({ id: word(BLOCKS), size: number, runs: number, struck: number, outOfBudget: number, broken: number, failed: number })
const swept = orNull(object<SweepSummary>({ size: number, steps: list(text), blocks: list(block), notStruck: list(object<SweepSummary['notStruck'][number]>({ why: text, runs: number })) }))
const cell = object<CellCounts>({ runs: number, struck: number, outOfBudget: number, unjudged: number, outcomes: perOutcome, broken: number, broke: count, missed: count, firstBroken: optional(number) })

const record = object<Aggregate['signatures'][string]>({ signature, runs: number, run: number, hash: text, schedule, evidence: text, because: clauses })
// Older results have none.
const deeds = optional(object<Aggregate['deeds']>({ judged: number, nothing: number, little: number, failed: values(object<OverlookedDeed>({ runs: number, unseen: number, run: number, command: text, said: text })), barren: values(object<Aggregate['deeds']['barren'][string]>({ runs: number, run: number, text })) }))
export const aggregate = object<Aggregate>({
  ranges, fingerprint: pair, outcomes: perOutcome, struckRuns: number, faultsDrawn: number, faultsStruck: number, simulatedUs: digits, eventsRun: digits,
  kinds: values(object<Aggregate['kinds'][string]>({ drawn: number, struckRuns: number })), cells: values(cell), unjudged, combinations: values(pair), outOfBudget,
  checks: perCheck(under(['pass', 'fail', 'notExercised', 'notApplicable'], number)), measures: perMeasure(sketch), worst: optional(count),
  steps: values(object<Aggregate['steps'][string]>({ title: text, visits: number, undoVisits: number, failed: number, writeDowntimeUs: sketch })),
  gates: values(object<GateAggregate>(gateKeys)), undone: count, reasons: count, reasonExamples: values(object<ReasonExample>({ run: number, text })), deeds, signatures: values(record), beyond, determinism,
})

/** What `run`, `sweep` and `merge` write. */
export const campaignResult = object<CampaignResult>({
  format: number, proofroll: text, scenario: text, title: text, engine: text, verdict, seed: text, runs: number, ranges, asked: ranges, partial: flag, resume: optional(text), strategy, faultsPerRun: number,
  without: list(text), elapsedSeconds: number, runsPerSecond: number, simulatedSeconds: number, eventsRun: number, fingerprint: text, outcomes: perOutcome, reasons: count, beyond, struck: number, outOfBudget, unjudged,
  checks: list(checkSummary), objectives: list(objectiveSummary), floors: list(floorSummary), claims: list(claimSummary), load: optional(object<NonNullable<CampaignResult['load']>>({ writesPerSecond: number, readsPerSecond: optional(number) })),
  assumptions: list(object<{ option: string; value: unknown; meaning: string; source: string }>({ option: text, value: anything, meaning: text, source: text })), sensitivity,
  steps: list(step), gates: list(object<GateSummary>({ ...gateKeys, step: text, text: optional(text) })), needless, mends, ending, again, coverage, probes: list(probe), pointOfNoReturn, sweep: swept, saturation, measures: perMeasure(quantiles),
  quantileError: number, signatures: list(object<SignatureSummary>({ ...signatureKeys, runs: number, firstRun: number })), counterexamples: list(counterexample), determinism, source, aggregate,
})

/** What `replay` reads. */
export const counterexampleFile = object<CounterexampleFile>({
  format: number, kind: text, proofroll: text, scenario: text, signature, seed: text, schedule,
  expected: object<CounterexampleFile['expected']>({ hash: text, outcome, evidence: text, because: clauses }),
  smallest: optional(object<SmallestFile>(smallestKeys)), foundBy: values(anything), source,
})
