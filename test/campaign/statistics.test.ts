import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exact95, regularisedBeta, zeroBelow95 } from '../../src/campaign/intervals.ts'
import { OverlapError, countRuns, shardOf, unite } from '../../src/campaign/ranges.ts'
import { type Combinations, saturationOf } from '../../src/campaign/saturation.ts'
import { QUANTILE_ERROR, addValue, bucketOf, countAbove, emptySketch, mergeSketch, middleOf, quantileOf, sketchFromJson, sketchToJson } from '../../src/campaign/sketch.ts'

describe('exact intervals', () => {
  // Reference: R's binom.test(k, n)$conf.int and Hald's tables.
  test.each([
    [0, 10, 0, 0.3084971],
    [1, 10, 0.002528579, 0.4450161],
    [5, 10, 0.187086, 0.812914],
    [10, 10, 0.6915029, 1],
    [480, 500, 0.9389, 0.9754],
  ])('%i of %i', (hits, runs, low, high) => {
    const [a, b] = exact95(hits, runs)
    expect(a).toBeCloseTo(low, 4)
    expect(b).toBeCloseTo(high, 3)
  })

  test('the interval is where the binomial tails hold 2.5 % each', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(), (runs, n) => {
        const hits = n % (runs + 1)
        const [low, high] = exact95(hits, runs)
        if (hits > 0) expect(tail(runs, low, (k) => k >= hits)).toBeCloseTo(0.025, 8)
        if (hits < runs) expect(tail(runs, high, (k) => k <= hits)).toBeCloseTo(0.025, 8)
      }),
      { numRuns: 60 },
    )
  })

  test('nothing in 10,000 means below 0.03 %, and a million runs are no trouble', () => {
    expect(zeroBelow95(10_000)).toBeCloseTo(0.00029953, 7)
    expect(zeroBelow95(1)).toBeCloseTo(0.95, 12)
    expect(zeroBelow95(0)).toBe(1)
    const [low, high] = exact95(1000, 1_000_000)
    expect(low).toBeGreaterThan(0.000938)
    expect(high).toBeLessThan(0.001065)
    expect(regularisedBeta(0.5, 3, 3)).toBeCloseTo(0.5, 12)
  })

  test('no runs say nothing; impossible counts are refused', () => {
    expect(exact95(0, 0)).toEqual([0, 1])
    expect(() => exact95(3, 2)).toThrow(RangeError)
  })
})

describe('sketches', () => {
  const values = fc.array(fc.oneof(fc.constant(0), fc.nat(600), fc.maxSafeNat()), { minLength: 1, maxLength: 200, size: 'max' })
  const sketchOf = (all: readonly number[]) => {
    const sketch = emptySketch()
    for (const value of all) addValue(sketch, value)
    return sketch
  }

  test('quantiles are within the stated error of the exact nearest rank; mean, least and greatest are exact', () => {
    fc.assert(
      fc.property(values, (all) => {
        const sketch = sketchOf(all)
        const exact = [...all].sort((a, b) => a - b)
        for (const [at, percent] of [['p50', 50], ['p95', 95], ['p99', 99]] as const) {
          const truth = exact[Math.ceil((all.length * percent) / 100) - 1] as number
          expect(Math.abs(quantileOf(sketch, at) - truth)).toBeLessThanOrEqual(truth * QUANTILE_ERROR)
        }
        expect(quantileOf(sketch, 'max')).toBe(exact.at(-1))
        expect(sketch.min).toBe(exact[0])
        expect(sketch.sum).toBe(all.reduce((sum, value) => sum + BigInt(value), 0n))
      }),
    )
  })

  test('merging is union in any order, and survives JSON', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const whole = sketchToJson(sketchOf([...a, ...b]))
        const left = sketchOf(a)
        mergeSketch(left, sketchFromJson(JSON.parse(JSON.stringify(sketchToJson(sketchOf(b))))))
        const right = sketchOf(b)
        mergeSketch(right, sketchOf(a))
        expect(sketchToJson(left)).toEqual(whole)
        expect(sketchToJson(right)).toEqual(whole)
      }),
    )
  })

  test('buckets are monotone and the middle of a bucket lies in it', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(bucketOf(middleOf(bucketOf(value)))).toBe(bucketOf(value))
        if (value > 0) expect(bucketOf(value)).toBeGreaterThanOrEqual(bucketOf(value - 1))
      }),
    )
  })

  test('zero has a bucket of its own, so "more than zero" is counted exactly', () => {
    const sketch = sketchOf([0, 0, 1, 5, 1_000_000])
    expect(countAbove(sketch, 0)).toBe(3)
    expect(countAbove(sketch, 5)).toBe(1)
    expect(countAbove(sketch, 1_000_000)).toBe(0)
  })

  test('what is no count is refused', () => {
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => addValue(emptySketch(), bad)).toThrow(RangeError)
  })
})

test('saturation: Good and Turing from what was met once, Chao from once and twice, and the runs since the last new thing', () => {
  const met = { a: [1, 3], b: [1, 7], c: [1, 0], d: [2, 1], e: [5, 2] } satisfies Combinations
  expect(saturationOf(met, [[0, 20], [30, 40]])).toEqual({ combinations: 5, once: 3, twice: 1, unseenShare: 0.3, unseenAtLeast: 1.5, nothingNewInLast: 22 })
  expect(saturationOf({}, [[0, 20]])).toEqual({ combinations: 0, once: 0, twice: 0, unseenShare: null, unseenAtLeast: null, nothingNewInLast: 20 })
})

describe('run ranges', () => {
  test('shards are disjoint and leave nothing out', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(5000), fc.integer({ min: 1, max: 40 }), (first, runs, of) => {
        const parts = Array.from({ length: of }, (_, i) => shardOf(first, runs, i + 1, of)).filter(([a, b]) => b > a)
        const whole = parts.reduce((sum, part) => unite(sum, [part]), [] as ReturnType<typeof unite>)
        expect(whole).toEqual(runs === 0 ? [] : [[first, first + runs]])
        expect(countRuns(whole)).toBe(runs)
      }),
    )
  })

  test('a partial overlap is refused and says which runs', () => {
    expect(() => unite([[0, 10]], [[5, 20]])).toThrow(OverlapError)
    expect(() => unite([[0, 10]], [[5, 20]])).toThrow('runs 5…9 are in both results')
  })
})

/** P(the number of hits in n trials satisfies `counts`), by plain summation. */
function tail(runs: number, rate: number, counts: (k: number) => boolean): number {
  let sum = 0
  let logChoose = 0
  for (let k = 0; k <= runs; k++) {
    if (k > 0) logChoose += Math.log((runs - k + 1) / k)
    if (counts(k)) sum += Math.exp(logChoose + (k === 0 ? 0 : k * Math.log(rate)) + (k === runs ? 0 : (runs - k) * Math.log1p(-rate)))
  }
  return sum
}
