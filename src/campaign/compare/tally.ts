/**
 * What a comparison remembers: integers only, so that the parts of a shard, a thread and a machine add up to exactly what one machine doing it all
 * would have found. Of each scenario an ordinary aggregate; of each two scenarios the distribution of their differences, run by run.
 */
import { CHECKS, MEASURES, type CheckId, type MeasureId, type RehearsalResult } from '../../result.ts'
import { type Aggregate, addRun, emptyAggregate, mergeAggregate, scaleOf } from '../aggregate.ts'
import { type AggregateJson, aggregateFromJson, aggregateToJson } from '../aggregateJson.ts'
import type { Divergence } from '../diverge.ts'
import { type Sketch, type SketchJson, addValue, emptySketch, mergeSketch, sketchFromJson, sketchToJson } from '../sketch.ts'

/** The measures that the price of a pattern is made of; their differences are also multiplied with one another. */
export const PRICED = ['extraCostDollars', 'writeDowntimeSeconds', 'durationSeconds'] as const satisfies readonly MeasureId[]
/** Pairs of them, each once: cost², cost·downtime, cost·duration, downtime², downtime·duration, duration². */
export const PRODUCTS: readonly (readonly [number, number])[] = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]]

/** The differences of one measure, second less first, in the measure's integer unit. */
export interface Differences {
  equal: number
  /** Runs in which the second had less: how much less. */
  readonly less: Sketch
  readonly more: Sketch
  /** Sum of the squares of the differences; and of each scenario's own values (for what independent runs would have shown). */
  squares: bigint
  firstSquares: bigint
  secondSquares: bigint
  firstSum: bigint
  secondSum: bigint
}

/** How often each failed a check, run by run. */
export interface CheckPair {
  both: number
  onlyFirst: number
  onlySecond: number
  /** Runs in which it was judged in both. */
  judged: number
}

export interface PairTally {
  /** Runs in budget in both. */
  runs: number
  readonly measures: Record<MeasureId, Differences>
  readonly checks: Record<CheckId, CheckPair>
  /** Sums of products of differences, by {@link PRODUCTS}. */
  readonly products: bigint[]
}

export interface Tally {
  /** In the order of the scenarios. */
  readonly aggregates: Aggregate[]
  /** Of each two, in the order of {@link pairsOf}. */
  readonly pairs: PairTally[]
}

/** Every two of `n` scenarios by number, the first with each other one first. */
export function pairsOf(n: number): readonly (readonly [number, number])[] {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n - i - 1 }, (_, j) => [i, i + j + 1] as const)).flat()
}

export function emptyTally(n: number): Tally {
  return { aggregates: Array.from({ length: n }, emptyAggregate), pairs: pairsOf(n).map(emptyPair) }
}

function emptyPair(): PairTally {
  return {
    runs: 0,
    measures: Object.fromEntries(MEASURES.map((id): [string, Differences] => [id, { equal: 0, less: emptySketch(), more: emptySketch(), squares: 0n, firstSquares: 0n, secondSquares: 0n, firstSum: 0n, secondSum: 0n }])) as PairTally['measures'],
    checks: Object.fromEntries(CHECKS.map((id): [string, CheckPair] => [id, { both: 0, onlyFirst: 0, onlySecond: 0, judged: 0 }])) as PairTally['checks'],
    products: PRODUCTS.map(() => 0n),
  }
}

/** Adds run number `run`: one result a scenario. @param again its repetition, of each that was done twice */
export function addTogether(into: Tally, run: number, results: readonly RehearsalResult[], again: readonly ({ readonly hash: string; divergence(): Divergence } | undefined)[]): void {
  results.forEach((result, i) => addRun(into.aggregates[i] as Aggregate, run, result, again[i]))
  pairsOf(results.length).forEach(([a, b], i) => {
    const [first, second] = [results[a] as RehearsalResult, results[b] as RehearsalResult]
    // A run that faults alone brought down says nothing about either: its twin goes with it.
    if (first.inBudget && second.inBudget) addPair(into.pairs[i] as PairTally, first, second)
  })
}

function addPair(into: PairTally, first: RehearsalResult, second: RehearsalResult): void {
  into.runs += 1
  for (const id of MEASURES) addDifference(into.measures[id], wholeOf(id, first), wholeOf(id, second))
  const differences = PRICED.map((id) => BigInt(wholeOf(id, second) - wholeOf(id, first)))
  PRODUCTS.forEach(([i, j], k) => (into.products[k] = (into.products[k] as bigint) + (differences[i] as bigint) * (differences[j] as bigint)))
  for (const id of CHECKS) addCheck(into.checks[id], statusOf(first, id), statusOf(second, id))
}

function wholeOf(id: MeasureId, { measures }: RehearsalResult): number {
  return Math.round(measures[id] * scaleOf(id))
}

function addDifference(into: Differences, first: number, second: number): void {
  const difference = second - first
  if (difference === 0) into.equal += 1
  else addValue(difference < 0 ? into.less : into.more, Math.abs(difference))
  into.squares += BigInt(difference) * BigInt(difference)
  into.firstSquares += BigInt(first) * BigInt(first)
  into.secondSquares += BigInt(second) * BigInt(second)
  into.firstSum += BigInt(first)
  into.secondSum += BigInt(second)
}

function statusOf({ verdicts }: RehearsalResult, id: CheckId): 'pass' | 'fail' | undefined {
  const status = verdicts.find(({ check }) => check === id)?.status
  return status === 'pass' || status === 'fail' ? status : undefined
}

function addCheck(into: CheckPair, first: 'pass' | 'fail' | undefined, second: 'pass' | 'fail' | undefined): void {
  if (first === undefined || second === undefined) return
  into.judged += 1
  if (first === 'fail' && second === 'fail') into.both += 1
  else if (first === 'fail') into.onlyFirst += 1
  else if (second === 'fail') into.onlySecond += 1
}

/** Union. @throws OverlapError when they share a run */
export function mergeTally(into: Tally, other: Tally): void {
  into.aggregates.forEach((aggregate, i) => mergeAggregate(aggregate, other.aggregates[i] as Aggregate))
  into.pairs.forEach((pair, i) => mergePair(pair, other.pairs[i] as PairTally))
}

function mergePair(into: PairTally, other: PairTally): void {
  into.runs += other.runs
  other.products.forEach((sum, k) => (into.products[k] = (into.products[k] as bigint) + sum))
  for (const id of MEASURES) {
    const [mine, theirs] = [into.measures[id], other.measures[id]]
    mine.equal += theirs.equal
    mergeSketch(mine.less, theirs.less)
    mergeSketch(mine.more, theirs.more)
    for (const key of ['squares', 'firstSquares', 'secondSquares', 'firstSum', 'secondSum'] as const) mine[key] += theirs[key]
  }
  for (const id of CHECKS) for (const key of ['both', 'onlyFirst', 'onlySecond', 'judged'] as const) into.checks[id][key] += other.checks[id][key]
}

// ── as JSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

type SumKey = 'squares' | 'firstSquares' | 'secondSquares' | 'firstSum' | 'secondSum'
export type DifferencesJson = { readonly equal: number; readonly less: SketchJson; readonly more: SketchJson } & Readonly<Record<SumKey, string>>
export interface PairTallyJson {
  readonly runs: number
  readonly measures: Readonly<Record<MeasureId, DifferencesJson>>
  readonly checks: Readonly<Record<CheckId, Readonly<CheckPair>>>
  readonly products: readonly string[]
}
export interface TallyJson {
  readonly aggregates: readonly AggregateJson[]
  readonly pairs: readonly PairTallyJson[]
}

export function tallyToJson({ aggregates, pairs }: Tally): TallyJson {
  return {
    aggregates: aggregates.map(aggregateToJson),
    pairs: pairs.map(({ runs, measures, checks, products }) => ({ runs, measures: perMeasure(measures, differencesToJson), checks, products: products.map(String) })),
  }
}

/** @throws RangeError or SyntaxError when a sketch or a sum is damaged */
export function tallyFromJson({ aggregates, pairs }: TallyJson): Tally {
  return {
    aggregates: aggregates.map(aggregateFromJson),
    pairs: pairs.map(({ runs, measures, checks, products }) => ({ runs, measures: perMeasure(measures, differencesFromJson), checks: structuredClone(checks) as PairTally['checks'], products: products.map(BigInt) })),
  }
}

function differencesToJson({ equal, less, more, squares, firstSquares, secondSquares, firstSum, secondSum }: Differences): DifferencesJson {
  return { equal, less: sketchToJson(less), more: sketchToJson(more), squares: String(squares), firstSquares: String(firstSquares), secondSquares: String(secondSquares), firstSum: String(firstSum), secondSum: String(secondSum) }
}

function differencesFromJson({ equal, less, more, ...sums }: DifferencesJson): Differences {
  return { equal, less: sketchFromJson(less), more: sketchFromJson(more), squares: BigInt(sums.squares), firstSquares: BigInt(sums.firstSquares), secondSquares: BigInt(sums.secondSquares), firstSum: BigInt(sums.firstSum), secondSum: BigInt(sums.secondSum) }
}

function perMeasure<A, B>(record: Readonly<Record<MeasureId, A>>, change: (value: A) => B): Record<MeasureId, B> {
  return Object.fromEntries(MEASURES.map((id) => [id, change(record[id])])) as Record<MeasureId, B>
}
