/**
 * Exact confidence intervals for a rate that was seen k times in n independent runs (Clopper–Pearson).
 * simple-statistics has the log-gamma function but no beta quantile, so the incomplete beta function and its inverse stand here.
 */
import { gammaln } from 'simple-statistics'
import { exp, ln } from '../kernel/index.ts'

/**
 * The exact two-sided 95 % interval of a rate seen `hits` times in `runs`; `[0, 1]` when there were no runs.
 * @throws RangeError unless 0 ≤ hits ≤ runs
 */
export function exact95(hits: number, runs: number): readonly [number, number] {
  if (!(hits >= 0 && hits <= runs)) throw new RangeError(`${hits} hits in ${runs} runs`)
  if (runs === 0) return [0, 1]
  const low = hits === 0 ? 0 : betaQuantile(0.025, hits, runs - hits + 1)
  const high = hits === runs ? 1 : betaQuantile(0.975, hits + 1, runs - hits)
  return [low, high]
}

/**
 * "0 in N ⇒ below x": the rate that, were it the true one, would have shown itself in `runs` runs with 95 % probability.
 * One-sided, because nothing can be below zero; about 3 ÷ runs.
 */
export function zeroBelow95(runs: number): number {
  return runs === 0 ? 1 : -expm1(ln(0.05) / runs)
}

/** e^x − 1 without cancellation near zero. */
function expm1(x: number): number {
  if (Math.abs(x) > 1e-3) return exp(x) - 1
  return x * (1 + (x / 2) * (1 + (x / 3) * (1 + x / 4)))
}

/** The x at which the regularised incomplete beta function with parameters a, b reaches `share`, by bisection to the last bit that matters. */
function betaQuantile(share: number, a: number, b: number): number {
  let low = 0
  let high = 1
  for (let i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    const middle = (low + high) / 2
    if (regularisedBeta(middle, a, b) < share) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The regularised incomplete beta function I_x(a, b): the share of a beta(a, b) distribution below x. */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * ln(x) + b * ln1m(x))
  // The continued fraction converges fast below the mean and slowly above it; there the mirror image is used.
  if (x < (a + 1) / (a + b + 2)) return (front * continuedFraction(x, a, b)) / a
  return 1 - (front * continuedFraction(1 - x, b, a)) / b
}

/** ln(1 − x), accurate for small x. */
function ln1m(x: number): number {
  if (x > 1e-3) return ln(1 - x)
  return -x * (1 + x * (1 / 2 + x * (1 / 3 + x * (1 / 4 + x * (1 / 5 + x / 6)))))
}

/** Lentz's evaluation of the incomplete beta function's continued fraction. */
function continuedFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const guard = (value: number): number => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / guard(1 + even * d)
    c = guard(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / guard(1 + odd * d)
    c = guard(1 + odd / c)
    fraction *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return fraction
}
