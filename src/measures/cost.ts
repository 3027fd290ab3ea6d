/**
 * The bill (formulas: facts on fleets, §5).
 *
 * - `baseNodeHours` = node time of the cluster's own nodes over the horizon, `extraNodeHours` = node time beyond it.
 * - `extraCostDollars` = extraNodeHours × dollars per node-hour.
 * - `peakMultiplier` = most nodes at one time ÷ nodes of the cluster.
 * - `monthMultiplier` = 1 + extraNodeHours ÷ (nodes of the cluster × 730 h): what the month's bill is multiplied by. A *rate* of 2 for a
 *   day is 1.03 on the bill.
 */
import type { Cluster } from '../engine.ts'

const US_PER_HOUR = 3_600_000_000
/** Hours in a mean month: 8,760 ÷ 12. */
export const HOURS_PER_MONTH = 730

export type Bill = ReturnType<Cluster['cost']>

export interface Cost {
  readonly baseNodeHours: number
  readonly extraNodeHours: number
  readonly extraCostDollars: number
  readonly peakMultiplier: number
  readonly monthMultiplier: number
}

/** The cost between two readings of the cluster's meter. */
export function costBetween(before: Bill, after: Bill): Cost {
  const extraNodeHours = (after.extraNodeUs - before.extraNodeUs) / US_PER_HOUR
  const nodes = Math.max(1, after.baseNodes)
  return {
    baseNodeHours: (after.baseNodeUs - before.baseNodeUs) / US_PER_HOUR,
    extraNodeHours,
    extraCostDollars: extraNodeHours * after.dollarsPerNodeHour,
    peakMultiplier: after.peakNodes / nodes,
    monthMultiplier: 1 + extraNodeHours / (nodes * HOURS_PER_MONTH),
  }
}
