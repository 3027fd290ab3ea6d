/** A failing rehearsal in its smallest form, and the file that carries it: scenario, schedule, seed and expected trace hash. */
import type { Schedule } from '../faults/schedule.ts'
import { CHECKS, type Clause, type Outcome, type RehearsalResult, type Signature, type Verdict } from '../result.ts'
import type { Scenario, ScenarioSource } from '../scenario/scenario.ts'
import { type Aggregate, type SignatureRecord, signatureKey } from './aggregate.ts'
import { type Smallest, explainFailure, rehearseTwin } from './explanation.ts'
import { type Form, attempt, patienceFor } from './form.ts'
import { judgeObjectives } from './judge.ts'
import type { Rehearser } from './rehearser.ts'
import type { Counterexample, Root } from './result.ts'
import { failsWith, shrinkSchedule } from './shrink.ts'
import { resized } from './shrink-sizes.ts'
import { type StrategySpec, commandFor, objectivesFor, strategyOf } from './strategy.ts'
import type { Twins } from './twin.ts'

export const COUNTEREXAMPLE_FORMAT = 1

/** Of each check, so many signatures (the most frequent) get a counterexample; all are counted. */
const KEPT_PER_CHECK = 3

export interface CounterexampleFile {
  readonly format: typeof COUNTEREXAMPLE_FORMAT
  readonly kind: 'proofroll counterexample'
  /** The version that found it. */
  readonly proofroll: string
  readonly scenario: string
  readonly signature: Signature
  readonly seed: string
  readonly schedule: Schedule
  readonly expected: { readonly hash: string; readonly outcome: Outcome; readonly evidence: string; readonly because: readonly Clause[] }
  /** The smallest form that fails alike, where it was looked for: fewer steps, a smaller cluster, less load. `expected` is of the whole scenario. */
  readonly smallest?: SmallestFile
  /** A run of a campaign, or a test of a user's suite by its name. */
  readonly foundBy: { readonly seed: string; readonly run: number; readonly strategy: StrategySpec } | { readonly suite: string }
  readonly source: ScenarioSource
}

/** The smallest form as a file carries it, with the trace hash that it alone has. */
export interface SmallestFile extends Form {
  readonly hash: string
}

/**
 * The failures that get a counterexample: of each check the most frequent signatures. A run beyond an objective's limit is a failure only
 * if the campaign's quantile is: one slow run in a hundred keeps a p99.
 * @param missed the measures of the objectives that were not met; they are the causes of `objectives-met`
 */
export function chooseSignatures(aggregate: Aggregate, missed: ReadonlySet<string>): SignatureRecord[] {
  return CHECKS.flatMap((check) =>
    Object.entries(aggregate.signatures)
      .filter(([, { signature }]) => signature.check === check && (check !== 'objectives-met' || missed.has(signature.cause)))
      .sort(([a, x], [b, y]) => y.runs - x.runs || x.run - y.run || (a < b ? -1 : 1))
      .slice(0, KEPT_PER_CHECK)
      .map(([, record]) => record),
  )
}

/** A counterexample with the rehearsal recorded for its story. */
export interface RecordedCounterexample {
  readonly counterexample: Counterexample
  readonly rehearsal: RehearsalResult
  /** The nearest rehearsal that passes, recorded too; undefined when none was found or looked for. */
  readonly twin?: RehearsalResult | undefined
  /** The recorded rehearsal of the schedule as it was found had another trace than in the campaign. */
  readonly mismatch: boolean
}

/** The campaign that a failure was met in: its seed, and what its run numbers stand for. */
export interface Origin {
  readonly seed: string
  readonly strategy: StrategySpec
}

/** Counterexamples for all that a campaign found, the gravest first. That one is also explained: it is the one that is told in full. */
export function makeCounterexamples(scenario: Scenario, rehearser: Rehearser, origin: Origin, aggregate: Aggregate): RecordedCounterexample[] {
  const missed = new Set(judgeObjectives(aggregate, objectivesFor(origin.strategy, scenario)).filter((each) => each.status === 'fail').map((each) => each.measure))
  const made = chooseSignatures(aggregate, missed).map((record) => makeCounterexample(scenario, rehearser, origin, record))
  const runsOf = ({ signature }: Counterexample): number => aggregate.signatures[signature]?.runs ?? 0
  const [gravest, ...others] = made.sort((a, b) => byGravity(a.counterexample, b.counterexample, runsOf))
  return gravest === undefined ? [] : [explained(scenario, rehearser, gravest), ...others]
}

/** Looks into a counterexample: its smallest form, since when it was inevitable, its nearest passing twin. A root that did not pass its test gets a better name. */
export function explained(scenario: Scenario, rehearser: Rehearser, recorded: RecordedCounterexample): RecordedCounterexample {
  const { counterexample, rehearsal } = recorded
  const { check, cause, step, seed, schedule } = counterexample
  const what = { scenario, rehearser, seed, schedule, signature: { check, cause, step }, result: rehearsal }
  // What could not be repeated cannot be explained by repeating it.
  if (!failsWith(rehearsal, counterexample.signature)) return recorded
  const explained = explainFailure(what)
  return { ...recorded, counterexample: { ...counterexample, root: betterRoot(counterexample.root, explained.twins), explained }, twin: rehearseTwin(what, explained.twins) }
}

/** When what the chain names is not the root, the last step without which the check holds is. */
function betterRoot(root: Root, { steps }: Twins): Root {
  const last = steps.at(-1)
  return root.tested || last === undefined ? root : { what: `step ${last}`, tested: true }
}

/** Shrinks a failure and records the story of the smallest form. */
export function makeCounterexample(scenario: Scenario, rehearser: Rehearser, origin: Origin, record: SignatureRecord): RecordedCounterexample {
  const { seed } = strategyOf(origin.strategy, scenario, rehearser, origin.seed).caseOf(record.run)
  const key = signatureKey(record.signature)
  const found = rehearser.rehearse({ scenario, seed, schedule: record.schedule })
  const { form: { schedule } } = shrinkSchedule({ scenario, rehearser, seed, schedule: record.schedule, key, step: record.signature.step })
  const rehearsal = rehearser.rehearse({ scenario, seed, schedule, record: true })
  const verdict = verdictOf(rehearsal, key)
  const evidence = verdict?.evidence ?? record.evidence
  const because = verdict?.because ?? record.because
  const counterexample: Counterexample = {
    check: record.signature.check,
    signature: key,
    cause: record.signature.cause,
    step: record.signature.step,
    run: record.run,
    seed,
    schedule,
    hash: rehearsal.hash,
    outcome: rehearsal.outcome,
    faults: schedule.length,
    faultsFound: record.schedule.length,
    evidence,
    explanation: explain(evidence, because),
    because,
    root: testRoot(scenario, rehearser, rehearsal, seed, record.signature),
    file: null,
    replay: commandFor(origin.strategy, scenario, origin.seed, record.run),
  }
  return { counterexample, rehearsal, mismatch: found.hash !== record.hash || !failsWith(found, key) }
}

/**
 * Tests the root of a because-chain: takes it out and rehearses again on the same luck. With the faults it needed gone (shrinking has left no
 * other), or with its step passed over, the check must hold; else the chain tells what went together, not what did it.
 */
export function testRoot(scenario: Scenario, rehearser: Rehearser, found: RehearsalResult, seed: string, { check, step }: Signature): Root {
  const { schedule } = found
  // One that goes round in circles does not show that the check holds.
  const fails = (what: { readonly schedule: Schedule; readonly without?: readonly string[] }): boolean =>
    attempt(rehearser, { scenario, seed, visitsMax: patienceFor(found), ...what })?.verdicts.some((verdict) => verdict.check === check && verdict.status === 'fail') ?? true
  if (schedule.length > 0) return { what: schedule.length === 1 ? 'the fault' : 'the faults', tested: !fails({ schedule: [] }) }
  if (!scenario.runbook.steps.some((each) => each.path === 'forward' && each.id === step)) return { what: '', tested: false }
  return { what: `step ${step}`, tested: !fails({ schedule, without: [step] }) }
}

/** The verdict of a rehearsal that carries a signature. */
export function verdictOf(rehearsal: RehearsalResult, key: string): Verdict | undefined {
  return rehearsal.verdicts.find((verdict) => verdict.signature !== undefined && signatureKey(verdict.signature) === key)
}

/** The chain as one sentence: effect first, root last. */
export function explain(evidence: string, because: readonly Clause[]): string {
  return [evidence, ...because.map((clause) => clause.text)].join(', because ')
}

/**
 * What stands first in a report: the gravest check, then the fewest faults, then the most frequent. How grave it is comes first however rare: data that is
 * lost in one upgrade of a hundred is not mended by the ninety-nine. That something else happens more often is told beside it.
 */
export function byGravity(a: Counterexample, b: Counterexample, runsOf: (counterexample: Counterexample) => number): number {
  return CHECKS.indexOf(a.check) - CHECKS.indexOf(b.check) || a.faults - b.faults || runsOf(b) - runsOf(a) || a.run - b.run || (a.signature < b.signature ? -1 : 1)
}

export function toFile(counterexample: Counterexample, origin: { readonly proofroll: string; readonly scenario: string; readonly seed: string; readonly strategy: StrategySpec; readonly source: ScenarioSource }): CounterexampleFile {
  const { check, cause, step, seed, schedule, hash, outcome, evidence, because, run, explained } = counterexample
  return {
    format: COUNTEREXAMPLE_FORMAT,
    kind: 'proofroll counterexample',
    proofroll: origin.proofroll,
    scenario: origin.scenario,
    signature: { check, cause, step },
    seed,
    schedule,
    expected: { hash, outcome, evidence, because },
    ...(explained === undefined ? {} : { smallest: smallestFile(explained.smallest) }),
    foundBy: { seed: origin.seed, run, strategy: origin.strategy },
    source: origin.source,
  }
}

function smallestFile({ schedule, without, set, hash }: Smallest): SmallestFile {
  return { schedule, without, set, hash }
}

/** How a replay compares with what the file expects. */
export interface Replay {
  /** Same: every form in the file has the trace that it had, and fails as it did. A check that judges otherwise now makes a change of the same trace. */
  readonly is: 'same' | 'changed'
  /** The failure is still there, whatever else changed. */
  readonly stillFails: boolean
  readonly rehearsal: RehearsalResult
  /** The smallest form, where the file has one. */
  readonly smallest: { readonly is: 'same' | 'changed'; readonly stillFails: boolean; readonly hash: string } | null
}

/** Plays a counterexample again, recording its story: the whole scenario, and then its smallest form. */
export function replay(file: CounterexampleFile, scenario: Scenario, rehearser: Rehearser): Replay {
  const { seed, schedule, expected } = file
  const key = signatureKey(file.signature)
  const rehearsal = rehearser.rehearse({ scenario, seed, schedule, record: true })
  const smallest = file.smallest === undefined ? null : replaySmallest(file.smallest, key, scenario, rehearser, seed)
  const stillFails = failsWith(rehearsal, key)
  const same = rehearsal.hash === expected.hash && stillFails && smallest?.is !== 'changed'
  return { is: same ? 'same' : 'changed', stillFails, rehearsal, smallest }
}

function replaySmallest({ schedule, without, set, hash }: SmallestFile, key: string, scenario: Scenario, rehearser: Rehearser, seed: string): Replay['smallest'] {
  const played = attempt(rehearser, { scenario: resized(scenario, set) ?? scenario, seed, schedule, without })
  const stillFails = played !== undefined && failsWith(played, key)
  return { is: played?.hash === hash && stillFails ? 'same' : 'changed', stillFails, hash: played?.hash ?? '' }
}
