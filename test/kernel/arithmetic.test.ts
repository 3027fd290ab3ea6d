import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exp, ln, normalQuantile } from '../../src/kernel/index.ts'

/** Distance between two doubles in units of the larger one's last place. */
function ulps(a: number, b: number): number {
  if (a === b) return 0
  const size = Math.max(Math.abs(a), Math.abs(b))
  const exponent = Math.max(-1022, Math.floor(Math.log2(size)))
  return Math.abs(a - b) / 2 ** (exponent - 52)
}

const positive = fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true })

describe('ln', () => {
  test('agrees with Math.log over all positive doubles', () => {
    fc.assert(
      fc.property(positive, x => {
        expect(ulps(ln(x), Math.log(x))).toBeLessThanOrEqual(4)
      }),
      { numRuns: 20_000 },
    )
  })

  test('keeps its relative accuracy near 1, where the logarithm vanishes', () => {
    fc.assert(
      fc.property(fc.double({ min: -0.3, max: 0.4, noNaN: true }), d => {
        expect(ulps(ln(1 + d), Math.log(1 + d))).toBeLessThanOrEqual(4)
      }),
      { numRuns: 20_000 },
    )
  })

  test('ends of the range', () => {
    expect(ln(1)).toBe(0)
    expect(ln(0)).toBe(Number.NEGATIVE_INFINITY)
    expect(ln(-1)).toBeNaN()
    expect(ln(Number.NaN)).toBeNaN()
    expect(ln(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
    expect(ln(Number.MIN_VALUE)).toBeCloseTo(-744.4400719213812, 10)
    expect(ln(Number.MAX_VALUE)).toBeCloseTo(709.782712893384, 10)
  })

  test('golden bits', () => {
    const bits = (x: number): string => Buffer.from(new Float64Array([x]).buffer).reverse().toString('hex')
    expect([0.1, 0.5, 2, 3, 10, 12345.678].map(x => bits(ln(x)))).toMatchInlineSnapshot(`
      [
        "c0026bb1bbb55515",
        "bfe62e42fefa39ef",
        "3fe62e42fefa39ef",
        "3ff193ea7aad030b",
        "40026bb1bbb55516",
        "4022d79559791e31",
      ]
    `)
    expect([-3, -0.1, 0.5, 1, 2.5, 20].map(x => bits(exp(x)))).toMatchInlineSnapshot(`
      [
        "3fa97db0ccceb0af",
        "3fecf46d99d52b3a",
        "3ffa61298e1e069c",
        "4005bf0a8b14576a",
        "40285d6fd931e0bb",
        "41bceb088b68e804",
      ]
    `)
    expect([0.001, 0.1, 0.3, 0.95, 0.999].map(p => bits(normalQuantile(p)))).toMatchInlineSnapshot(`
      [
        "c008b8cbb6ee2822",
        "bff4813c3681e9f4",
        "bfe0c7e395d14936",
        "3ffa515208ea8020",
        "4008b8cbb6ee2822",
      ]
    `)
  })
})

describe('exp', () => {
  test('agrees with Math.exp where doubles are normal', () => {
    fc.assert(
      fc.property(fc.double({ min: -708, max: 709.78, noNaN: true }), x => {
        expect(ulps(exp(x), Math.exp(x))).toBeLessThanOrEqual(8)
      }),
      { numRuns: 20_000 },
    )
  })

  test('undoes ln', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), x => {
        expect(Math.abs(exp(ln(x)) / x - 1)).toBeLessThan(1e-14)
      }),
      { numRuns: 5000 },
    )
  })

  test('ends of the range', () => {
    expect(exp(0)).toBe(1)
    expect(exp(1)).toBeCloseTo(Math.E, 14)
    expect(exp(Number.NEGATIVE_INFINITY)).toBe(0)
    expect(exp(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
    expect(exp(-746)).toBe(0)
    expect(exp(710)).toBe(Number.POSITIVE_INFINITY)
    expect(Number.isFinite(exp(709.78))).toBe(true)
    expect(exp(Number.NaN)).toBeNaN()
  })
})

/** The lower tail of the standard normal distribution for x ≤ 0: a power series near 0, a continued fraction further out. */
function lowerTail(x: number): number {
  if (x > -2.5) {
    let term = x
    let sum = x
    for (let n = 1; n < 100; n++) {
      term *= (-x * x) / (2 * n)
      sum += term / (2 * n + 1)
    }
    return 0.5 + sum / Math.sqrt(2 * Math.PI)
  }
  let fraction = -x
  for (let n = 200; n >= 1; n--) fraction = -x + n / fraction
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI) / fraction
}

describe('normalQuantile', () => {
  test('the tail function of this test agrees with tables', () => {
    expect(lowerTail(0)).toBe(0.5)
    expect(lowerTail(-1)).toBeCloseTo(0.15865525393145707, 14)
    expect(lowerTail(-1.6448536269514722)).toBeCloseTo(0.05, 14)
    expect(lowerTail(-3) / 0.0013498980316300946).toBeCloseTo(1, 10)
  })

  test('relative error below 1.2e-9 in both halves and far into the tails', () => {
    for (let i = 1; i < 4000; i++) {
      const p = i < 2000 ? i / 4000 : 10 ** (-(i - 1999) / 150)
      const x = normalQuantile(p)
      // One Newton step from x gives the true quantile to double precision: x is that close already.
      const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
      const error = (lowerTail(x) - p) / density
      expect(Math.abs(error)).toBeLessThan(1.2e-9 * Math.max(1e-3, Math.abs(x)))
      if (p > 1e-5) expect(normalQuantile(1 - p)).toBeCloseTo(-x, 8)
    }
  })

  test('ends of the range', () => {
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY)
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY)
    expect(normalQuantile(0.5)).toBe(0)
  })
})
