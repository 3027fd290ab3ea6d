/** Intervals of a campaign's statistics: exact ones of rates, by the binomial law of `measures/exact.ts`; those of medians and of means. */
import { regularisedBeta } from '../measures/index.ts'

export { exact95, regularisedBeta, zeroBelow95 } from '../measures/index.ts'

/** The t within which a Student variable with `freedom` degrees of freedom falls in 95 % of cases; 12.706 for 1, 1.960 for many. */
export function student95(freedom: number): number {
  let low = 0
  let high = 13
  for (let i = 0; i < 200 && high - low > 1e-12; i++) {
    const t = (low + high) / 2
    // Beyond t on both sides: I(ν/(ν+t²)) with parameters ν/2 and ½.
    if (regularisedBeta(freedom / (freedom + t * t), freedom / 2, 0.5) > 0.05) low = t
    else high = t
  }
  return (low + high) / 2
}

/**
 * The ranks (from 1, of `runs` values in ascending order) between which the median lies with at least 95 % probability, whatever the distribution:
 * exact, by the binomial law. Undefined below 6 values, where no two of them do.
 */
export function medianRanks95(runs: number): readonly [number, number] | undefined {
  // The most values that may lie beyond on each side: P(Bin(n, ½) ≤ k) = I(½; n − k, k + 1) ≤ 2.5 %.
  let low = -1
  let high = Math.floor(runs / 2)
  while (high - low > 1) {
    const k = Math.floor((low + high) / 2)
    if (regularisedBeta(0.5, runs - k, k + 1) <= 0.025) low = k
    else high = k
  }
  return low < 0 ? undefined : [low + 1, runs - low]
}
