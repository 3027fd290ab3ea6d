/** From sums and buckets to differences with their intervals. Everything is computed from integers, so that any order of the runs gives the same file. */
import { CHECKS, MEASURES, type MeasureId } from '../../result.ts'
import { scaleOf } from '../aggregate.ts'
import { exact95, medianRanks95, student95 } from '../intervals.ts'
import { type Sketch, middleOf } from '../sketch.ts'
import { isEffort } from './fit.ts'
import type { BreakEven, CheckComparison, MeasureComparison, PairComparison, Prices, Standing, Winner } from './result.ts'
import { type CheckPair, type Differences, PRICED, PRODUCTS, type PairTally } from './tally.ts'

/** A 95 % interval; null where the runs are too few for one. */
type Interval = readonly [number, number] | null

/** Two scenarios run by run. @param first @param second their positions @param unfit whether each may win nothing by effort (fit.ts) */
export function comparePair(tally: PairTally, first: number, second: number, prices: Prices, unfit: readonly [boolean, boolean] = [false, false]): PairComparison {
  return {
    first,
    second,
    runs: tally.runs,
    measures: MEASURES.map((id) => fairly(compareMeasure(id, tally.measures[id], tally.runs), unfit)),
    checks: CHECKS.filter((id) => id !== 'objectives-met' && tally.checks[id].judged > 0).map((id) => compareCheck(id, tally.checks[id])),
    breakEven: unfit.includes(true) ? withoutVerdict(breakEvenOf(tally, prices)) : breakEvenOf(tally, prices),
  }
}

function fairly(compared: MeasureComparison, [first, second]: readonly [boolean, boolean]): MeasureComparison {
  const { measure, winner } = compared
  return isEffort(measure) && ((first && winner === 'first') || (second && winner === 'second')) ? { ...compared, winner: 'incomparable' } : compared
}

/** The sums stay, as facts; what they would recommend does not. */
function withoutVerdict(of: BreakEven): BreakEven {
  return { ...of, verdict: 'incomparable', dollarsPerMinute: null, interval95: null, total: of.total === null ? null : { ...of.total, winner: 'incomparable' } }
}

function compareMeasure(measure: MeasureId, of: Differences, runs: number): MeasureComparison {
  const scale = scaleOf(measure)
  const sum = of.secondSum - of.firstSum
  const mean = ratio(sum, runs) / scale
  const mean95 = student(mean, variance(sum, of.squares, runs), runs, scale)
  const ranks = medianRanks95(runs)
  const at = (rank: number): number => valueAt(of, rank) / scale
  const share95 = of.less.count + of.more.count === 0 ? null : exact95(of.less.count, of.less.count + of.more.count)
  return {
    measure,
    firstMean: ratio(of.firstSum, runs) / scale,
    secondMean: ratio(of.secondSum, runs) / scale,
    meanDifference: mean,
    meanDifference95: mean95,
    medianDifference: runs === 0 ? 0 : (at(Math.ceil(runs / 2)) + at(Math.floor(runs / 2) + 1)) / 2,
    medianDifference95: ranks === undefined ? null : [at(ranks[0]), at(ranks[1])],
    firstLess: of.more.count,
    secondLess: of.less.count,
    equal: of.equal,
    secondLessShare95: share95,
    varianceRatio: varianceRatio(of, runs),
    winner: winnerOf(mean, mean95, share95),
  }
}

/**
 * Who has less. The mean counts what a bill and an error budget add up; the exact share counts runs and assumes nothing. One of them must tell them
 * apart; if both do and they disagree (rarely much more, mostly a little less) nobody has simply won.
 */
function winnerOf(mean: number, mean95: Interval, share95: Interval): Winner {
  if (share95 === null) return 'same'
  const byMean = mean95 === null || (mean95[0] <= 0 && mean95[1] >= 0) ? 'open' : mean > 0 ? 'first' : 'second'
  const byShare = share95[0] > 0.5 ? 'second' : share95[1] < 0.5 ? 'first' : 'open'
  if (byMean === byShare || byShare === 'open') return byMean
  if (byMean !== 'open') return 'mixed'
  // The mean alone cannot tell them apart; it must not point the other way.
  return (byShare === 'first' ? mean >= 0 : mean <= 0) ? byShare : 'open'
}

function compareCheck(check: CheckComparison['check'], { both, onlyFirst, onlySecond, judged }: CheckPair): CheckComparison {
  const share95 = onlyFirst + onlySecond === 0 ? null : exact95(onlySecond, onlyFirst + onlySecond)
  const winner: Winner = share95 === null ? 'same' : share95[0] > 0.5 ? 'first' : share95[1] < 0.5 ? 'second' : 'open'
  return { check, both, onlyFirst, onlySecond, judged, onlySecondShare95: share95, winner }
}

/** Of each measure the scenarios with the least mean, and those not told apart from that one. @param unfit by scenario: it may win nothing by effort */
export function standingsOf(pairs: readonly PairComparison[], means: readonly Readonly<Record<MeasureId, { readonly mean: number }>>[], unfit: readonly boolean[]): Standing[] {
  return MEASURES.map((measure) => {
    const least = means.reduce((best, each, i) => (each[measure].mean < (means[best] as (typeof means)[number])[measure].mean ? i : best), 0)
    const rivals = means.flatMap((_, i) => (i === least || !beaten(pairs, measure, least, i) ? [i] : []))
    // Where all have the same there is nothing to win, and so nobody who may not.
    if (!isEffort(measure) || rivals.length === means.length) return { measure, best: rivals, clear: rivals.length === 1 }
    const best = unfit[least] === true ? [] : rivals.filter((i) => unfit[i] !== true)
    return { measure, best, clear: best.length === 1 }
  })
}

function beaten(pairs: readonly PairComparison[], measure: MeasureId, by: number, who: number): boolean {
  const pair = pairs.find(({ first, second }) => first === Math.min(by, who) && second === Math.max(by, who))
  const winner = pair?.measures.find((each) => each.measure === measure)?.winner
  // Not comparable, it has less all the same: that it may not win by it is for its standing to say.
  return winner === (by < who ? 'first' : 'second') || winner === 'incomparable'
}

// ── the price of a minute of downtime ────────────────────────────────────────────────────────────────────────────────────────────

/** Dollars and minutes, second less first, with their sums of squares and products (a run, in floating point from exact sums). */
interface Money {
  readonly dollars: number
  readonly minutes: number
  readonly dollars2: number
  readonly minutes2: number
  readonly both: number
}

function breakEvenOf(tally: PairTally, prices: Prices): BreakEven {
  const { runs } = tally
  const money = moneyOf(tally, prices)
  const dollars95 = interval(money.dollars, money.dollars2, runs)
  const minutes95 = interval(money.minutes, money.minutes2, runs)
  const price = prices.downtimePerMinute
  const difference = money.dollars + (price ?? 0) * money.minutes
  const total95 = price === null ? null : interval(difference, money.dollars2 + 2 * price * money.both + price * price * money.minutes2, runs)
  const verdict = verdictOf(money, dollars95, minutes95)
  const dearer = verdict === 'firstDearer' || verdict === 'secondDearer'
  return {
    verdict,
    dollarsPerMinute: dearer ? -money.dollars / money.minutes : null,
    interval95: dearer ? fieller(money, runs) : null,
    dollars: money.dollars,
    dollars95,
    minutes: money.minutes,
    minutes95,
    total: price === null ? null : { difference, interval95: total95, winner: sideOf(difference, total95) },
  }
}

function sideOf(difference: number, within: Interval): Winner {
  if (difference === 0 && (within === null || (within[0] === 0 && within[1] === 0))) return 'same'
  return within === null || (within[0] <= 0 && within[1] >= 0) ? 'open' : difference > 0 ? 'first' : 'second'
}

function verdictOf({ dollars, minutes }: Money, dollars95: Interval, minutes95: Interval): BreakEven['verdict'] {
  const [money, time] = [sideOf(dollars, dollars95), sideOf(minutes, minutes95)]
  if (money === 'same' && time === 'same') return 'same'
  if (money === 'open' || time === 'open') return 'open'
  if (money === 'same') return time as 'first' | 'second'
  if (time === 'same' || time === money) return money as 'first' | 'second'
  return money === 'first' ? 'secondDearer' : 'firstDearer'
}

/** Means and mean products of the priced differences: dollars of nodes and labour, minutes of downtime. */
function moneyOf({ measures, products, runs }: PairTally, { labourPerHour }: Prices): Money {
  const means = PRICED.map((id) => ratio(measures[id].secondSum - measures[id].firstSum, runs) / scaleOf(id))
  const product = (a: number, b: number): number => {
    const k = PRODUCTS.findIndex(([i, j]) => i === Math.min(a, b) && j === Math.max(a, b))
    return ratio(products[k] ?? 0n, runs) / (scaleOf(PRICED[a] as MeasureId) * scaleOf(PRICED[b] as MeasureId))
  }
  const labour = (labourPerHour ?? 0) / 3600
  return {
    dollars: (means[0] as number) + labour * (means[2] as number),
    minutes: (means[1] as number) / 60,
    dollars2: product(0, 0) + 2 * labour * product(0, 2) + labour * labour * product(2, 2),
    minutes2: product(1, 1) / 3600,
    both: (product(0, 1) + labour * product(1, 2)) / 60,
  }
}

/** 95 % of a mean by Student from the mean and the mean square. */
function interval(mean: number, meanSquare: number, runs: number): Interval {
  if (runs < 2) return null
  const half = student95(runs - 1) * Math.sqrt(Math.max(0, meanSquare - mean * mean) / (runs - 1))
  return [mean - half, mean + half]
}

/**
 * Fieller's interval of the price at which both cost the same: every p for which the mean of (dollars + p · minutes) is not told apart from 0.
 * An end is null where the price has no bound on that side; null altogether when downtime is not told apart.
 */
function fieller({ dollars, minutes, dollars2, minutes2, both }: Money, runs: number): BreakEven['interval95'] {
  if (runs < 2) return null
  const t2 = student95(runs - 1) ** 2 / (runs - 1)
  const a = minutes * minutes - t2 * Math.max(0, minutes2 - minutes * minutes)
  const b = 2 * (dollars * minutes - t2 * (both - dollars * minutes))
  const c = dollars * dollars - t2 * Math.max(0, dollars2 - dollars * dollars)
  if (a <= 0) return null
  const root = Math.sqrt(Math.max(0, b * b - 4 * a * c))
  const [low, high] = [(-b - root) / (2 * a), (-b + root) / (2 * a)]
  return [low < 0 ? null : low, high]
}

// ── arithmetic ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A sum of integers ÷ runs, as exact as a float is. */
function ratio(sum: bigint, runs: number): number {
  if (runs === 0) return 0
  const whole = sum / BigInt(runs)
  return Number(whole) + Number(sum - whole * BigInt(runs)) / runs
}

/** Sample variance, from integers: (n·Σd² − (Σd)²) ÷ (n·(n−1)). */
function variance(sum: bigint, squares: bigint, runs: number): number {
  if (runs < 2) return 0
  const n = BigInt(runs)
  return Number(n * squares - sum * sum) / (runs * (runs - 1))
}

function student(mean: number, varianceInUnits: number, runs: number, scale: number): Interval {
  if (runs < 2) return null
  const half = (student95(runs - 1) * Math.sqrt(varianceInUnits / runs)) / scale
  return [mean - half, mean + half]
}

function varianceRatio(of: Differences, runs: number): number | null {
  const paired = variance(of.secondSum - of.firstSum, of.squares, runs)
  if (paired === 0) return null
  return (variance(of.firstSum, of.firstSquares, runs) + variance(of.secondSum, of.secondSquares, runs)) / paired
}

/** The difference of that rank (from 1, ascending: the most negative first), in the measure's integer unit. */
function valueAt({ less, more, equal }: Differences, rank: number): number {
  if (rank <= less.count) return -rankOf(less, less.count + 1 - rank)
  if (rank <= less.count + equal) return 0
  return rankOf(more, rank - less.count - equal)
}

function rankOf(sketch: Sketch, rank: number): number {
  let seen = 0
  for (const [bucket, count] of [...sketch.buckets].sort((a, b) => a[0] - b[0])) {
    seen += count
    if (seen >= rank) return Math.min(Math.max(middleOf(bucket), sketch.min), sketch.max)
  }
  return sketch.max
}
