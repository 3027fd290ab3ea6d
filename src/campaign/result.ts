/** A campaign's result: what the JSON file holds, field for field (design §11). Plain data; `aggregate` and `source` make it mergeable and replayable. */
import type { Assumption } from '../engine.ts'
import type { Schedule } from '../faults/schedule.ts'
import type { CheckId, Clause, MeasureId, Outcome, Signature, Status } from '../result.ts'
import type { Quantile, ScenarioSource } from '../scenario/scenario.ts'
import type { Us } from '../kernel/index.ts'
import type { Counts } from './aggregate.ts'
import type { AggregateJson } from './aggregateJson.ts'
import type { Divergence } from './diverge.ts'
import type { Explanation } from './explanation.ts'
import type { Probe } from './probes.ts'
import type { GateAggregate } from './gates.ts'
import type { PointOfNoReturn } from './pointOfNoReturn.ts'
import type { Ranges } from './ranges.ts'
import type { Saturation } from './saturation.ts'
import type { StrategySpec } from './strategy.ts'
import type { SweepSummary } from './sweep/summary.ts'

export const RESULT_FORMAT = 1

/** In the measure's own unit (seconds, writes, hours, dollars, factors). */
export type Quantiles = Readonly<Record<Quantile, number>>

export interface CheckSummary {
  readonly id: CheckId
  readonly status: Status
  /** Runs in budget that failed it. */
  readonly violations: number
  /** Runs in budget in which it was judged (passed or failed). */
  readonly judged: number
  /** violations ÷ judged; null when it was never judged. */
  readonly rate: number | null
  /** Exact two-sided 95 % interval of the rate. */
  readonly ci95: readonly [number, number] | null
}

export interface ObjectiveSummary {
  readonly measure: string
  readonly at: Quantile
  readonly max: number | null
  readonly min: number | null
  /** `none`: only a campaign without faults judges it. */
  readonly faults: 'any' | 'none'
  readonly measured: number
  readonly status: 'pass' | 'fail' | 'notExercised'
}

/** A floor below which a campaign has shown nothing, however green its checks are. */
export interface FloorSummary {
  /** completes: the runbook reached its end at least once, without any fault in at least half of the rehearsals · faults-strike: of the faults drawn, one struck · probes-hit (only with `--strict`): every probe was hit · acts: most rehearsals that reached the end did something of what the runbook is written to do. */
  readonly id: 'completes' | 'faults-strike' | 'probes-hit' | 'acts'
  readonly status: 'pass' | 'fail' | 'notApplicable'
  readonly evidence: string
}

/** What a document promises beside what was measured. Never judged. */
export interface ClaimSummary extends Quantiles {
  readonly measure: string
  readonly claimed: number
  /** Runs that measured more than was claimed. */
  readonly runsAbove: number
}

export interface StepSummary {
  readonly step: string
  readonly title: string
  /** It holds other steps, and its figures are theirs. */
  readonly container: boolean
  readonly visits: number
  readonly undoVisits: number
  readonly failed: number
  /** Mean write downtime that falls into it, over all runs in budget. */
  readonly writeDowntimeSecondsMean: number
  readonly writeDowntimeSecondsP99: number
  /** Its share of all write downtime; what no step has fell after the runbook's end. */
  readonly share: number
}

/** What a gate did over the runs in budget; see {@link GateAggregate}. */
export interface GateSummary extends Readonly<GateAggregate> {
  readonly step: string
  /** Of a guard of a script: the line as it is written. */
  readonly text?: string
}

/** Whether some run needed a step or gate. */
export interface NeededStep {
  readonly step: string
  /** The step that holds it. */
  readonly within: string | null
  readonly gate: boolean
  readonly needed: boolean
  /** What went wrong without it: the check that was violated, or `completes`; and in which run. */
  readonly by: string | null
  readonly run: number | null
  /** Runs rehearsed without it. A gate that was happy at once everywhere was never tried. */
  readonly tried: number
}

/** What taking out each step and gate in turn has shown. */
export interface Needless {
  /** Runs in budget, of which each step was taken out of some. */
  readonly sampled: number
  readonly steps: readonly NeededStep[]
}

/** What the campaign could have hit and did not: a bound on what its silence means. */
export interface Coverage {
  readonly faultsDrawn: number
  readonly faultsStruck: number
  /** Kinds that the scenario allows and that were never certain to have struck. */
  readonly kindsNeverStruck: readonly string[]
  readonly stepsNeverStarted: readonly string[]
  readonly gatesNeverFailed: readonly string[]
  readonly undoNeverTaken: readonly string[]
}

export interface SignatureSummary extends Signature {
  /** Runs in budget that failed this way; `firstRun` is the lowest of them. */
  readonly runs: number
  readonly firstRun: number
}

/** The root of a because-chain, tested: taken out, does the check hold? */
export interface Root {
  /** What was taken out (`step 3.4 promote`, `the fault`); empty when the chain names nothing that can be. */
  readonly what: string
  /** Without it the check holds. Otherwise the chain only tells what went together. */
  readonly tested: boolean
}

export interface Counterexample {
  readonly check: CheckId
  /** `check/cause/step`. */
  readonly signature: string
  readonly cause: string
  readonly step: string
  /** The run it came from, its seed, and the schedule left after shrinking. */
  readonly run: number
  readonly seed: string
  readonly schedule: Schedule
  /** Trace hash of exactly this schedule and seed. */
  readonly hash: string
  readonly outcome: Outcome
  /** Faults left, and before shrinking. */
  readonly faults: number
  readonly faultsFound: number
  readonly evidence: string
  readonly explanation: string
  readonly because: readonly Clause[]
  readonly root: Root
  /** Smallest form, since when it was inevitable, nearest passing twin: of the gravest, which is told in full. */
  readonly explained?: Explanation
  /** Where it was written, from the working folder; null when it was not. */
  readonly file: string | null
  /** The command that plays it again. */
  readonly replay: string
}

/** An assumption that, in another value, changes what a campaign says. */
export interface Flip {
  readonly option: string
  readonly assumed: unknown
  readonly value: unknown
  /** With that value. */
  readonly verdict: 'held' | 'violated'
  readonly flipsVerdict: boolean
  /** What fails only there, or no longer fails: a check, `objective MEASURE QUANTILE`, or a floor; counts are of checks. */
  readonly checks: readonly { readonly id: string; readonly was: string; readonly is: string; readonly violations: number; readonly judged: number }[]
  /** Of an ordered range: the last value tried that keeps the verdict, and the first that does not. */
  readonly between: readonly [number, number] | null
}

/** How far one assumption moves one measure: means over the rehearsals, in the measure's unit. */
export interface Tornado {
  readonly measure: MeasureId
  readonly option: string
  /** The ends of its range; of words, those with the least and the greatest measure. */
  readonly low: unknown
  readonly high: unknown
  readonly atLow: number
  readonly atAssumed: number
  readonly atHigh: number
  /** Greatest less least, over every value tried and the assumed one. */
  readonly swing: number
}

export interface Sensitivity {
  /** Rehearsals a value; and all that were done. */
  readonly runs: number
  readonly rehearsals: number
  /** It was not stopped before its end. */
  readonly complete: boolean
  /** How many assumptions have a range and were varied. */
  readonly varied: number
  /** Of as many rehearsals with everything as assumed. */
  readonly verdict: 'held' | 'violated'
  readonly flips: readonly Flip[]
  readonly tornado: readonly Tornado[]
  /** Values that the scenario cannot have, given the rest of it. */
  readonly impossible: readonly { readonly option: string; readonly value: unknown; readonly why: string }[]
}

/** What became of a campaign's runs, before and after an edit. */
export interface Tried {
  /** Runs in budget. */
  readonly runs: number
  readonly outcomes: Readonly<Counts<Outcome>>
  /** By check, where there are any. */
  readonly violations: Readonly<Counts>
}

/** An edit of a script with which a check held in every run of the campaign, and no other was violated more often. */
export interface Mend {
  readonly is: 'guard' | 'strict' | 'reorder' | 'insert'
  readonly file: string
  readonly line: number
  readonly does: string
  /** Lines added and lines taken away. */
  readonly changed: number
  /** A unified diff. */
  readonly patch: string
  /** The same seeds with it. */
  readonly after: Tried
  /** Fewer than half as many runs as before reach the end: it prevents the failure by stopping the script. */
  readonly stops: boolean
}

/** What small edits of a script have shown. */
export interface Mends {
  /** Edits tried, and rehearsals that took. */
  readonly tried: number
  readonly rehearsals: number
  /** Not stopped before its end. */
  readonly complete: boolean
  readonly before: Tried
  /** Of each violated check the edits that prevent it, the smallest first; none when no single edit does. */
  readonly checks: readonly { readonly check: CheckId; readonly mends: readonly Mend[] }[]
}

/** What led to the stop of a runbook that no run brought to its end, in the first of them. */
export interface Ending {
  readonly run: number
  readonly outcome: Outcome
  readonly reason: string
  readonly endUs: Us
  /** Commands (with their step, and what the last of them answered) and what happened in the cluster, in order; a command that was tried again at once is told once. */
  readonly moments: readonly { readonly atUs: Us; readonly step: string | null; readonly text: string; readonly times: number; readonly answer?: string }[]
}

/** What came of running the script again, from the top, after it had failed. */
export interface Again {
  /** Runs looked at, and those of them in which the script failed and was run again. */
  readonly looked: number
  readonly again: number
  /** How the second run ended. */
  readonly outcomes: Counts<Outcome>
  /** Of each check how many kept it when the script was left alone, and violate it when it is run again; the first such run. */
  readonly harmed: readonly { readonly check: CheckId; readonly runs: number; readonly firstRun: number; readonly evidence: string }[]
  /** Why the second run did not reach its end, the commonest first. */
  readonly reasons: readonly { readonly reason: string; readonly runs: number }[]
}

/** Runs that checks and measures are about: all but those out of budget and those that nobody promises will end well. */
export function runsJudged({ runs, outOfBudget, unjudged }: Pick<CampaignResult, 'runs' | 'outOfBudget' | 'unjudged'>): number {
  return runs - outOfBudget.runs - unjudged.runs
}

export interface CampaignResult {
  readonly format: typeof RESULT_FORMAT
  readonly proofroll: string
  readonly scenario: string
  readonly title: string
  readonly engine: string
  readonly verdict: 'held' | 'violated'
  readonly seed: string
  readonly runs: number
  /** The run numbers it holds. */
  readonly ranges: Ranges
  /** Those it was to hold. */
  readonly asked: Ranges
  /** The campaign was stopped before its end, or parts are missing: what is said here is said of `ranges` alone. */
  readonly partial: boolean
  /** The command that goes on with a partial result; absent otherwise. */
  readonly resume?: string
  /** What the run numbers stand for. */
  readonly strategy: StrategySpec
  /** At most so many faults a run; 0 = none. */
  readonly faultsPerRun: number
  readonly without: readonly string[]
  readonly elapsedSeconds: number
  readonly runsPerSecond: number
  readonly simulatedSeconds: number
  readonly eventsRun: number
  readonly fingerprint: string
  readonly outcomes: Readonly<Counts<Outcome>>
  readonly reasons: Readonly<Counts>
  /** Runs whose reason, and failures by check whose signature, is not listed, because there were too many different ones. */
  readonly beyond: AggregateJson['beyond']
  /** Runs in which at least one fault struck. */
  readonly struck: number
  readonly outOfBudget: { readonly runs: number; readonly outcomes: Readonly<Counts<Outcome>>; readonly violations: Readonly<Counts> }
  /** Runs of a sweep that nobody promises will end well: rollbacks past the declared point of no return, the operator's mistakes. In its tables only. */
  readonly unjudged: { readonly runs: number; readonly outcomes: Readonly<Counts<Outcome>> }
  readonly checks: readonly CheckSummary[]
  readonly objectives: readonly ObjectiveSummary[]
  readonly floors: readonly FloorSummary[]
  readonly claims: readonly ClaimSummary[]
  /** What the clients asked for: without writes, no objective about them was put to the test. */
  readonly load?: { readonly writesPerSecond: number; /** Absent in files of before. */ readonly readsPerSecond?: number }
  readonly assumptions: readonly Assumption[]
  /** Only with `--sensitivity`. */
  readonly sensitivity?: Sensitivity
  readonly steps: readonly StepSummary[]
  readonly gates: readonly GateSummary[]
  /** Only where no run reached its end. */
  readonly ending?: Ending
  /** Only of scripts that failed in some run. */
  readonly again?: Again
  /** Only when asked for (`--needless`). */
  readonly needless?: Needless
  /** Only of scripts, and when asked for (`--mend`). */
  readonly mends?: Mends
  readonly coverage: Coverage
  /** Everything that could have been hit, and how often it was. */
  readonly probes: readonly Probe[]
  /** Only a sweep measures it. */
  readonly pointOfNoReturn: PointOfNoReturn | null
  /** Of a sweep: what it covered; its tables are in `aggregate.cells`. */
  readonly sweep: SweepSummary | null
  readonly saturation: Saturation
  readonly measures: Readonly<Record<MeasureId, Quantiles>>
  /** Greatest relative error of the p50, p95 and p99 above. */
  readonly quantileError: number
  readonly signatures: readonly SignatureSummary[]
  readonly counterexamples: readonly Counterexample[]
  readonly determinism: { readonly twice: number; readonly mismatches: readonly number[]; readonly divergence: Divergence | null }
  readonly source: ScenarioSource
  readonly aggregate: AggregateJson
}
