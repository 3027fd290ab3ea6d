/** Differences and their intervals, against brute force and against the laws they rest on. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { unfitOf } from '../../src/campaign/compare/fit.ts'
import { comparePair, standingsOf } from '../../src/campaign/compare/judge.ts'
import { NO_PRICES } from '../../src/campaign/compare/run.ts'
import { type Tally, addTogether, emptyTally, mergeTally, pairsOf, tallyFromJson, tallyToJson } from '../../src/campaign/compare/tally.ts'
import { medianRanks95, student95 } from '../../src/campaign/intervals.ts'
import { MEASURES, type MeasureId, type RehearsalResult, type Verdict } from '../../src/result.ts'

const ZERO = Object.fromEntries(MEASURES.map((id) => [id, 0])) as Record<MeasureId, number>
const verdict = (status: Verdict['status']): Verdict => ({ check: 'serves-at-end', status, evidence: '' })

function ran(measures: Partial<Record<MeasureId, number>>, more: { inBudget?: boolean; status?: Verdict['status'] } = {}): RehearsalResult {
  return {
    outcome: 'completed', outcomeReason: '', hash: '0123456789abcdef', schedule: [], struck: 0, faults: [], inBudget: more.inBudget ?? true, measures: { ...ZERO, ...measures }, verdicts: [verdict(more.status ?? 'pass')],
    steps: [], gates: [], undone: [], simulatedUs: 1, eventsRun: 1,
  }
}

function tallyOf(runs: readonly (readonly RehearsalResult[])[], first = 0): Tally {
  const tally = emptyTally(runs[0]?.length ?? 2)
  runs.forEach((results, i) => addTogether(tally, first + i, results, []))
  return tally
}

const down = (seconds: number, dollars = 0): RehearsalResult => ran({ writeDowntimeSeconds: seconds, extraCostDollars: dollars })
const downtime = (tally: Tally) => comparePair(tally.pairs[0]!, 0, 1, NO_PRICES).measures.find(({ measure }) => measure === 'writeDowntimeSeconds')!

describe('the laws', () => {
  test('Student’s quantiles are those of the tables', () => {
    expect([1, 2, 10, 30, 1000].map((freedom) => student95(freedom).toFixed(3))).toEqual(['12.706', '4.303', '2.228', '2.042', '1.962'])
  })

  test('the ranks of the median are those of the sign test: P(Bin(n, ½) < low rank) ≤ 2.5 %, and the next rank is too much', () => {
    const tail = (n: number, k: number): number => {
      let [term, sum] = [0.5 ** n, 0]
      for (let i = 0; i <= k; i++) {
        sum += term
        term = (term * (n - i)) / (i + 1)
      }
      return sum
    }
    for (const n of [6, 7, 10, 25, 100, 333]) {
      const [low, high] = medianRanks95(n)!
      expect(low + high).toBe(n + 1)
      expect(tail(n, low - 1)).toBeLessThanOrEqual(0.025)
      expect(tail(n, low)).toBeGreaterThan(0.025)
    }
    expect(medianRanks95(5)).toBeUndefined()
  })
})

describe('one measure of two scenarios', () => {
  test('is what brute force over the pairs says', () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 }))
    fc.assert(
      fc.property(fc.array(pair, { minLength: 6, maxLength: 40 }), (pairs) => {
        // Milliseconds, so that buckets above 512 µs would show: what is exact here are counts and sums, the quantiles are within 0.2 %.
        const found = downtime(tallyOf(pairs.map(([a, b]) => [down(a / 1e6), down(b / 1e6)])))
        const differences = pairs.map(([a, b]) => b - a).sort((x, y) => x - y)
        const mean = differences.reduce((sum, d) => sum + d, 0) / pairs.length
        const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (pairs.length - 1)
        const half = student95(pairs.length - 1) * Math.sqrt(variance / pairs.length)
        expect(found.meanDifference * 1e6).toBeCloseTo(mean, 6)
        expect(found.meanDifference95![0] * 1e6).toBeCloseTo(mean - half, 4)
        expect(found.meanDifference95![1] * 1e6).toBeCloseTo(mean + half, 4)
        const [low, high] = medianRanks95(pairs.length)!
        expect(found.medianDifference95!.map((d) => Math.round(d * 1e6))).toEqual([differences[low - 1], differences[high - 1]])
        expect([found.secondLess, found.equal, found.firstLess]).toEqual([differences.filter((d) => d < 0).length, differences.filter((d) => d === 0).length, differences.filter((d) => d > 0).length])
        const of = (values: readonly number[]): number => {
          const middle = values.reduce((sum, v) => sum + v, 0) / values.length
          return values.reduce((sum, v) => sum + (v - middle) ** 2, 0) / (values.length - 1)
        }
        if (variance > 0) expect(found.varianceRatio! * variance).toBeCloseTo(of(pairs.map(([a]) => a)) + of(pairs.map(([, b]) => b)), 4)
        else expect(found.varianceRatio).toBeNull()
      }),
      { numRuns: 60 },
    )
  })

  test('has the winner that a person would name', () => {
    const runs = (n: number, a: (i: number) => number, b: (i: number) => number) => downtime(tallyOf(Array.from({ length: n }, (_, i) => [down(a(i)), down(b(i))]))).winner
    expect(runs(20, () => 5, () => 4)).toBe('second')
    expect(runs(20, () => 4, () => 5)).toBe('first')
    expect(runs(20, () => 5, () => 5)).toBe('same')
    expect(runs(4, (i) => i, (i) => 3 - i)).toBe('open')
    // A rare disaster: the mean cannot tell yet, the exact sign test can.
    expect(runs(100, (i) => (i % 14 === 3 ? 10 ** (i / 14) : 0), () => 0)).toBe('second')
    // Mostly a little less, but on average far more.
    expect(runs(200, (i) => (i % 4 === 0 ? 100 : 1), () => 2)).toBe('mixed')
  })

  test('out of budget in one of them takes the pair out, and nothing else', () => {
    const tally = tallyOf([[down(1), ran({ writeDowntimeSeconds: 9 }, { inBudget: false })], [down(2), down(3)]])
    expect(comparePair(tally.pairs[0]!, 0, 1, NO_PRICES).runs).toBe(1)
    expect(downtime(tally).meanDifference).toBe(1)
    expect(tally.aggregates.map(({ outOfBudget }) => outOfBudget.runs)).toEqual([0, 1])
  })

  test('a check is compared where both were judged, exactly', () => {
    const fails = (a: Verdict['status'], b: Verdict['status']) => [ran({}, { status: a }), ran({}, { status: b })]
    const tally = tallyOf([...Array.from({ length: 9 }, () => fails('fail', 'pass')), fails('fail', 'fail'), fails('pass', 'pass'), fails('notExercised', 'fail')])
    expect(comparePair(tally.pairs[0]!, 0, 1, NO_PRICES).checks).toEqual([{ check: 'serves-at-end', both: 1, onlyFirst: 9, onlySecond: 0, judged: 11, onlySecondShare95: [0, expect.closeTo(0.3363, 3)], winner: 'second' }])
  })
})

describe('the price of a minute', () => {
  const priced = (runs: readonly (readonly RehearsalResult[])[], prices = NO_PRICES) => comparePair(tallyOf(runs).pairs[0]!, 0, 1, prices).breakEven

  test('is the dollars more over the minutes less', () => {
    // The second costs $30 more and is down 6 s less, give or take; nothing else is uncertain.
    const found = priced(Array.from({ length: 40 }, (_, i) => [down(10 + (i % 3), 10), down(4 + (i % 2), 40 + (i % 5) / 10)]))
    expect(found.verdict).toBe('secondDearer')
    expect(found.dollarsPerMinute).toBeCloseTo(30.2 / (6.475 / 60), 0)
    const [low, high] = found.interval95!
    expect(low!).toBeLessThan(found.dollarsPerMinute!)
    expect(high!).toBeGreaterThan(found.dollarsPerMinute!)
    // At that price the totals are not told apart; far from it they are.
    const at = (price: number) => priced(Array.from({ length: 40 }, (_, i) => [down(10 + (i % 3), 10), down(4 + (i % 2), 40 + (i % 5) / 10)]), { downtimePerMinute: price, labourPerHour: null }).total
    expect(at(found.dollarsPerMinute!)).toMatchObject({ winner: 'open', difference: expect.closeTo(0, 6) as number })
    expect(at(high! * 1.01)!.winner).toBe('second')
    expect(at(low! * 0.99)!.winner).toBe('first')
  })

  test('does not exist where one is better on both, and says nothing where chance decides', () => {
    expect(priced(Array.from({ length: 20 }, () => [down(10, 10), down(4, 5)]))).toMatchObject({ verdict: 'second', dollarsPerMinute: null, interval95: null })
    expect(priced(Array.from({ length: 20 }, () => [down(4, 5), down(4, 5)])).verdict).toBe('same')
    expect(priced(Array.from({ length: 20 }, (_, i) => [down(i % 2, 1), down((i + 1) % 2, 2)])).verdict).toBe('open')
  })

  test('counts labour by the hour', () => {
    const hours = (n: number): RehearsalResult => ran({ durationSeconds: n * 3600, writeDowntimeSeconds: 60 / n, extraCostDollars: 1 })
    const found = priced(Array.from({ length: 10 }, () => [hours(1), hours(3)]), { downtimePerMinute: null, labourPerHour: 100 })
    expect(found).toMatchObject({ verdict: 'secondDearer', dollars: expect.closeTo(200, 6) as number, minutes: expect.closeTo(-2 / 3, 6) as number, dollarsPerMinute: expect.closeTo(300, 3) as number })
  })
})

describe('who failed wins nothing by effort', () => {
  // The second is quicker and cheaper, and down longer.
  const tally = tallyOf(Array.from({ length: 20 }, () => [ran({ durationSeconds: 600, extraCostDollars: 3, writeDowntimeSeconds: 1 }), ran({ durationSeconds: 60, extraCostDollars: 1, writeDowntimeSeconds: 9 })]))
  const winners = (unfit: readonly [boolean, boolean]) => {
    const { measures, breakEven } = comparePair(tally.pairs[0]!, 0, 1, { downtimePerMinute: 5, labourPerHour: null }, unfit)
    const of = (id: MeasureId) => measures.find(({ measure }) => measure === id)!.winner
    return [of('durationSeconds'), of('extraCostDollars'), of('writeDowntimeSeconds'), breakEven.verdict, breakEven.dollarsPerMinute === null, breakEven.total!.winner]
  }

  test('of a pair: no winner, no price; what users suffer is compared anyhow', () => {
    expect(winners([false, false])).toEqual(['second', 'second', 'first', 'firstDearer', false, 'second'])
    expect(winners([false, true])).toEqual(['incomparable', 'incomparable', 'first', 'incomparable', true, 'incomparable'])
    expect(winners([true, false])).toEqual(['second', 'second', 'first', 'incomparable', true, 'incomparable'])
  })

  test('of all: who failed is not among those with least', () => {
    const means = [600, 60].map((duration, i) => Object.fromEntries(MEASURES.map((id) => [id, { mean: id === 'durationSeconds' ? duration : id === 'writeDowntimeSeconds' ? 1 + 8 * i : 0 }])) as Record<MeasureId, { mean: number }>)
    const best = (unfit: readonly [boolean, boolean], id: MeasureId) => standingsOf([comparePair(tally.pairs[0]!, 0, 1, NO_PRICES, unfit)], means, unfit).find(({ measure }) => measure === id)!.best
    expect([best([false, false], 'durationSeconds'), best([false, true], 'durationSeconds'), best([true, false], 'durationSeconds'), best([true, true], 'writeDowntimeSeconds')]).toEqual([[1], [], [1], [0]])
  })

  test('a failure in one run of a hundred is negligible, more is not, and faults alone are nobody’s failure', () => {
    const check = (violations: number) => [{ id: 'target-reached' as const, status: 'fail' as const, violations, judged: 100, rate: violations / 100, ci95: null }]
    const of = (completed: number, outOfBudget: number, violations: number) => unfitOf({ runs: 100, outcomes: { completed, rolledBack: 100 - completed, aborted: 0, stuck: 0 } as Parameters<typeof unfitOf>[0]['outcomes'], outOfBudget, checks: check(violations) })
    expect(of(99, 0, 1)).toEqual([])
    expect(of(90, 10, 0)).toEqual([])
    expect(of(98, 0, 2)).toEqual([{ check: 'completes', runs: 2, of: 100 }, { check: 'target-reached', runs: 2, of: 100 }])
  })
})

test('a tally of parts is the tally of the whole, through JSON, in any order', () => {
  const result = fc.record({ down: fc.integer({ min: 0, max: 3_000_000 }), dollars: fc.integer({ min: 0, max: 900 }), inBudget: fc.boolean(), fails: fc.boolean() }).map((each) => ran({ writeDowntimeSeconds: each.down / 1e6, extraCostDollars: each.dollars / 100 }, { inBudget: each.inBudget, status: each.fails ? 'fail' : 'pass' }))
  fc.assert(
    fc.property(fc.array(fc.tuple(result, result, result), { minLength: 2, maxLength: 12 }), fc.nat(), (runs, cut) => {
      const at = 1 + (cut % (runs.length - 1))
      const late = tallyFromJson(JSON.parse(JSON.stringify(tallyToJson(tallyOf(runs.slice(at), at)))) as ReturnType<typeof tallyToJson>)
      mergeTally(late, tallyOf(runs.slice(0, at)))
      expect(JSON.stringify(tallyToJson(late))).toBe(JSON.stringify(tallyToJson(tallyOf(runs))))
    }),
    { numRuns: 40 },
  )
  expect(pairsOf(3)).toEqual([[0, 1], [0, 2], [1, 2]])
})
