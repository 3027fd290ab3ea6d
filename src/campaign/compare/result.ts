/** A comparison's result: what the JSON file holds, field for field. Plain data; `tally` and `sources` make it mergeable. */
import type { Assumption } from '../../engine.ts'
import type { CheckId, MeasureId, Outcome } from '../../result.ts'
import type { ScenarioSource } from '../../scenario/scenario.ts'
import type { Counts } from '../aggregate.ts'
import type { Ranges } from '../ranges.ts'
import type { CheckSummary, ClaimSummary, FloorSummary, ObjectiveSummary, Quantiles } from '../result.ts'
import type { TallyJson } from './tally.ts'

export const COMPARISON_FORMAT = 1

/** first, second: that one has less (less is better, of every measure) · same: equal in every run · open: not told apart · mixed: less on average, but more in most of the runs that differ · incomparable: the one with less failed its checks or its target, so that less is no merit. */
export type Winner = 'first' | 'second' | 'same' | 'open' | 'mixed' | 'incomparable'

/** One measure of two scenarios, run by run on the same luck. Differences are second less first, in the measure's own unit. */
export interface MeasureComparison {
  readonly measure: MeasureId
  readonly firstMean: number
  readonly secondMean: number
  readonly meanDifference: number
  /** 95 % interval of the mean difference (Student, over the paired differences); null below 2 runs. */
  readonly meanDifference95: readonly [number, number] | null
  readonly medianDifference: number
  /** Exact 95 % interval of the median difference (order statistics; no assumption about the distribution); null below 6 runs. */
  readonly medianDifference95: readonly [number, number] | null
  /** Runs in which the first had less, the second had less, and both the same. */
  readonly firstLess: number
  readonly secondLess: number
  readonly equal: number
  /** Exact 95 % interval of the share that the second has less, of the runs that differ; null when none does. */
  readonly secondLessShare95: readonly [number, number] | null
  /**
   * Variance of the difference on independent luck (first + second) ÷ that on common luck: how many times fewer rehearsals the comparison takes.
   * Null when they never differ but by a constant.
   */
  readonly varianceRatio: number | null
  readonly winner: Winner
}

export interface CheckComparison {
  readonly check: CheckId
  readonly both: number
  readonly onlyFirst: number
  readonly onlySecond: number
  readonly judged: number
  /** Exact 95 % interval of the share that only the second failed, of the runs in which one of them did; null when none. */
  readonly onlySecondShare95: readonly [number, number] | null
  readonly winner: Winner
}

/** What a minute of write downtime must cost for the dearer of two scenarios to be worth it. */
export interface BreakEven {
  /** `firstDearer`, `secondDearer`: above the price it pays off · `first`, `second`: cheaper and no more downtime, at any price · `same`: equal in both · `open`: the intervals do not say · `incomparable`: one of them failed its checks or its target. */
  readonly verdict: 'firstDearer' | 'secondDearer' | 'first' | 'second' | 'same' | 'open' | 'incomparable'
  /** Dollars a minute of write downtime; null unless one is dearer and has less downtime. */
  readonly dollarsPerMinute: number | null
  /** Fieller's 95 % interval of it; null ends where it has none. */
  readonly interval95: readonly [number | null, number | null] | null
  /** Second less first, a rehearsal: dollars (nodes and labour), and minutes of write downtime. */
  readonly dollars: number
  readonly dollars95: readonly [number, number] | null
  readonly minutes: number
  readonly minutes95: readonly [number, number] | null
  /** With a price of downtime: second less first, everything in dollars. */
  readonly total: { readonly difference: number; readonly interval95: readonly [number, number] | null; readonly winner: Winner } | null
}

export interface PairComparison {
  /** Positions in {@link ComparisonCell.scenarios}. */
  readonly first: number
  readonly second: number
  /** Runs in budget in both: all that is said of the pair is said of these. */
  readonly runs: number
  readonly measures: readonly MeasureComparison[]
  readonly checks: readonly CheckComparison[]
  readonly breakEven: BreakEven
}

/** One scenario as it did in this comparison: the fields are those of a campaign's result. */
export interface ComparedScenario {
  readonly scenario: string
  readonly title: string
  readonly verdict: 'held' | 'violated'
  readonly runs: number
  readonly outcomes: Readonly<Counts<Outcome>>
  readonly struck: number
  readonly outOfBudget: number
  readonly checks: readonly CheckSummary[]
  readonly objectives: readonly ObjectiveSummary[]
  readonly floors: readonly FloorSummary[]
  readonly claims: readonly ClaimSummary[]
  readonly measures: Readonly<Record<MeasureId, Quantiles>>
  readonly assumptions: readonly Assumption[]
  /** What its own `cluster:` and `load:` say otherwise than the first one's, on which it ran; empty where it kept its own. */
  readonly replaced: readonly string[]
  /** What the command line set for it, beside what it says of that itself (null: nothing). Absent in files of before. */
  readonly overridden?: readonly { readonly option: string; readonly value: string; readonly own: string | null }[]
  /** From which versions to which, by component: `engine 15 → 16`. Absent in files of before. */
  readonly upgrade?: readonly string[]
  /** Nodes, labour and downtime, a rehearsal, in dollars; labour and downtime only where they have a price. */
  readonly dollars: { readonly nodes: number; readonly labour: number | null; readonly downtime: number | null; readonly total: number }
}

/** Which scenarios have least of a measure. */
export interface Standing {
  readonly measure: MeasureId
  /** Positions of those with the least; several when they are the same or not told apart; none where the least is of one that may not win by it. */
  readonly best: readonly number[]
  /** Every other one has significantly more than the best. */
  readonly clear: boolean
}

/** The comparison at one point of `--vary`. */
export interface ComparisonCell {
  /** What was varied, by path; empty without `--vary`. */
  readonly vary: Readonly<Record<string, string>>
  readonly scenarios: readonly ComparedScenario[]
  /** Every two, the first with each other one first. */
  readonly pairs: readonly PairComparison[]
  readonly standings: readonly Standing[]
  /** `step`: the runbooks have the same steps, and faults are anchored to them · `time`: faults come at a time and strike a role. */
  readonly anchoring: 'step' | 'time'
  readonly kinds: readonly string[]
  readonly ranges: Ranges
  readonly determinism: { readonly twice: number; readonly mismatches: readonly number[] }
  readonly sources: readonly ScenarioSource[]
  readonly tally: TallyJson
}

export interface Prices {
  /** Dollars a minute of write downtime. */
  readonly downtimePerMinute: number | null
  /** Dollars an hour of somebody attending the upgrade. */
  readonly labourPerHour: number | null
}

export interface ComparisonResult {
  readonly format: typeof COMPARISON_FORMAT
  readonly kind: 'comparison'
  readonly proofroll: string
  readonly engine: string
  readonly verdict: 'held' | 'violated'
  readonly seed: string
  readonly faultsPerRun: number
  readonly without: readonly string[]
  /** False: all run on the first one's cluster, under its load. */
  readonly ownClusters: boolean
  readonly prices: Prices
  readonly asked: Ranges
  readonly partial: boolean
  readonly elapsedSeconds: number
  /** One without `--vary`; else one for each combination, in the order given. */
  readonly cells: readonly ComparisonCell[]
}
