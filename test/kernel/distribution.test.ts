import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Distribution, sample } from '../../src/kernel/index.ts'

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const positive = fc.double({ min: 1e-3, max: 1e9, noNaN: true })
const distribution: fc.Arbitrary<Distribution> = fc.oneof(
  fc.record({ is: fc.constant('constant' as const), value: positive }),
  fc.tuple(positive, positive).map(([a, b]) => ({ is: 'uniform' as const, min: Math.min(a, b), max: Math.max(a, b) })),
  fc.tuple(positive, positive, positive).map(three => {
    const [min, mode, max] = three.sort((x, y) => x - y) as [number, number, number]
    return { is: 'triangular' as const, min, mode, max }
  }),
  fc.record({ is: fc.constant('exponential' as const), mean: positive }),
  fc.tuple(positive, fc.double({ min: 1, max: 50, noNaN: true }), fc.double({ min: 1, max: 1000, noNaN: true })).map(([median, a, b]) => ({ is: 'lognormal' as const, median, p95: median * a, max: median * a * b })),
)

describe('every distribution', () => {
  test('rises with the share and is never NaN, from 0 to just below 1', () => {
    fc.assert(
      fc.property(distribution, fc.tuple(share, share), (d, [a, b]) => {
        const low = sample(d, Math.min(a, b))
        const high = sample(d, Math.max(a, b))
        expect(low).not.toBeNaN()
        // Acklam's pieces meet with a step of about 1e-9.
        expect(high).toBeGreaterThanOrEqual(low - Math.abs(low) * 1e-7)
      }),
      { numRuns: 3000 },
    )
  })

  test('a lognormal whose spread rounding has eaten is its median, at both ends too', () => {
    const d = { is: 'lognormal', median: 8508941.172427263, p95: 8508941.172427265, max: 8508941.172427265 } as const
    expect([0, 0.5, 1 - Number.EPSILON].map(u => sample(d, u))).toEqual([d.median, d.median, d.median])
  })

  test('gives a finite value that is not negative at both ends', () => {
    fc.assert(
      fc.property(distribution, fc.constantFrom(0, 2 ** -53, 0.5, 1 - 2 ** -53), (d, u) => {
        expect(sample(d, u)).toBeGreaterThanOrEqual(0)
        expect(Number.isFinite(sample(d, u))).toBe(true)
      }),
    )
  })
})

describe('quantiles', () => {
  test('uniform and constant', () => {
    expect([0, 0.25, 0.5, 1 - 2 ** -53].map(u => sample({ is: 'uniform', min: 10, max: 30 }, u))).toEqual([10, 15, 20, expect.closeTo(30, 10)])
    expect(sample({ is: 'constant', value: 4 }, 0.9)).toBe(4)
  })

  test('exponential: median ln 2, p95 ln 20, p99 ln 100 means', () => {
    const d = { is: 'exponential', mean: 7 } as const
    expect(sample(d, 0)).toBe(0)
    for (const p of [0.5, 0.95, 0.99]) expect(sample(d, p)).toBeCloseTo(-7 * Math.log(1 - p), 12)
  })

  test('triangular: ends, mode and the quadratic in between', () => {
    const d = { is: 'triangular', min: 2, mode: 5, max: 12 } as const
    expect(sample(d, 0)).toBe(2)
    expect(sample(d, 0.3)).toBeCloseTo(5, 12)
    expect(sample(d, 1 - 1e-15)).toBeCloseTo(12, 6)
    // Cumulative function at x: (x-2)²/30 left of the mode, 1-(12-x)²/70 right of it.
    for (const x of [3, 4.5]) expect(sample(d, (x - 2) ** 2 / 30)).toBeCloseTo(x, 12)
    for (const x of [6, 11]) expect(sample(d, 1 - (12 - x) ** 2 / 70)).toBeCloseTo(x, 12)
    for (const mode of [2, 12]) expect(sample({ ...d, mode }, 0.5)).toBeGreaterThan(2)
    expect(sample({ is: 'triangular', min: 3, mode: 3, max: 3 }, 0.4)).toBe(3)
  })

  test('lognormal: the published median and 95th percentile come back, the cap holds', () => {
    const d = { is: 'lognormal', median: 40, p95: 200, max: 1000 } as const
    expect(sample(d, 0.5)).toBeCloseTo(40, 8)
    expect(sample(d, 0.95)).toBeCloseTo(200, 5)
    expect(sample(d, 0.05)).toBeCloseTo(8, 7)
    expect(sample(d, 0.999999)).toBe(1000)
    expect(sample(d, 0)).toBe(0)
  })

  test('a lognormal without spread is a constant, also at the very ends', () => {
    for (const u of [0, 0.3, 1 - 2 ** -53]) expect(sample({ is: 'lognormal', median: 5, p95: 5, max: 9 }, u)).toBe(5)
    expect(sample({ is: 'lognormal', median: 5, p95: 5, max: 3 }, 0.5)).toBe(3)
  })

  test('a change of parameters moves the sample, not the luck: scaling the mean scales every sample', () => {
    fc.assert(
      fc.property(share, positive, (u, mean) => {
        expect(sample({ is: 'exponential', mean: 2 * mean }, u)).toBe(2 * sample({ is: 'exponential', mean }, u))
      }),
    )
  })

  test('means over an even grid of shares are the textbook means', () => {
    const mean = (d: Distribution): number => {
      let sum = 0
      for (let i = 0; i < 100_000; i++) sum += sample(d, (i + 0.5) / 100_000)
      return sum / 100_000
    }
    expect(mean({ is: 'exponential', mean: 3 })).toBeCloseTo(3, 3)
    expect(mean({ is: 'uniform', min: 1, max: 4 })).toBeCloseTo(2.5, 9)
    expect(mean({ is: 'triangular', min: 2, mode: 5, max: 12 })).toBeCloseTo(19 / 3, 5)
    const sigma = Math.log(5) / 1.6448536269514722
    expect(mean({ is: 'lognormal', median: 1, p95: 5, max: Number.POSITIVE_INFINITY }) / Math.exp((sigma * sigma) / 2)).toBeCloseTo(1, 2)
  })
})
