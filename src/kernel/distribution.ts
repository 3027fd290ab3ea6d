import { exp, ln, normalQuantile } from './arithmetic.ts'

/**
 * A one-dimensional distribution as plain data, sampled by inverting its cumulative function: one uniform number in, one value out.
 * So a keyed draw costs one number and a change of parameters moves the sample, not the luck. Values are in the unit of whatever they describe.
 */
export type Distribution =
  | { readonly is: 'constant'; readonly value: number }
  | { readonly is: 'uniform'; readonly min: number; readonly max: number }
  | { readonly is: 'triangular'; readonly min: number; readonly mode: number; readonly max: number }
  | { readonly is: 'exponential'; readonly mean: number }
  /** Given by its median and 95th percentile, as published figures are; capped at `max`. */
  | { readonly is: 'lognormal'; readonly median: number; readonly p95: number; readonly max: number }

const Z95 = 1.6448536269514722

/** The value below which the share `u` (0 ≤ u < 1) of the distribution lies. */
export function sample(d: Distribution, u: number): number {
  switch (d.is) {
    case 'constant':
      return d.value
    case 'uniform':
      return d.min + (d.max - d.min) * u
    case 'triangular': {
      const span = d.max - d.min
      if (span <= 0) return d.min
      const cut = (d.mode - d.min) / span
      // Kept on its own side of the mode: rounding must not reverse two samples or leave the range.
      if (u < cut) return Math.min(d.mode, d.min + Math.sqrt(u * span * (d.mode - d.min)))
      return Math.max(d.mode, d.max - Math.sqrt((1 - u) * span * (d.max - d.mode)))
    }
    case 'exponential':
      return 0 - d.mean * ln(1 - u)
    case 'lognormal': {
      const sigma = (ln(d.p95) - ln(d.median)) / Z95
      // No spread, or one that rounding has eaten: 0 times an infinite quantile would be no number.
      if (!(sigma > 0)) return Math.min(d.max, d.median)
      return Math.min(d.max, exp(ln(d.median) + sigma * normalQuantile(u)))
    }
  }
}
