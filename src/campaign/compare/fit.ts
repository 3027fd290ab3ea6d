/**
 * Who may win by effort. An upgrade that breaks its promises or does not get to its target is often quicker and cheaper, because it did less: its
 * duration, its bill and its time of mixed versions are then no merit, and there is no price at which it pays off. What users suffer is compared anyhow.
 */
import type { CheckId, MeasureId, Outcome } from '../../result.ts'
import type { Counts } from '../aggregate.ts'
import type { CheckSummary } from '../result.ts'

/** What doing the upgrade takes, as opposed to what it does to users and data. */
const EFFORT: ReadonlySet<MeasureId> = new Set<MeasureId>(['mixedVersionSeconds', 'mixedVersionRequests', 'durationSeconds', 'baseNodeHours', 'extraNodeHours', 'extraCostDollars', 'peakMultiplier', 'monthMultiplier', 'capacityDeficitNodeHours'])

/** A share of runs up to which a failure leaves the means of the others what they are. */
const NEGLIGIBLE_SHARE = 0.01

/** In how many runs a scenario failed a check, or (`completes`) did not complete. */
export interface Unfit {
  readonly check: CheckId | 'completes'
  readonly runs: number
  readonly of: number
}

export function isEffort(measure: MeasureId): boolean {
  return EFFORT.has(measure)
}

/**
 * Why a scenario wins nothing by effort; empty when it may. Objectives are not asked: they bound figures that are compared themselves.
 * @param outOfBudget runs that faults alone brought down: not completing one of them is nobody's failure
 */
export function unfitOf({ runs, outcomes, outOfBudget, checks }: { readonly runs: number; readonly outcomes: Readonly<Counts<Outcome>>; readonly outOfBudget: number; readonly checks: readonly CheckSummary[] }): Unfit[] {
  const unfinished = runs - outcomes.completed
  const failed = checks.filter(({ id, violations, judged }) => id !== 'objectives-met' && violations > NEGLIGIBLE_SHARE * judged)
  return [
    ...(unfinished - outOfBudget > NEGLIGIBLE_SHARE * runs ? [{ check: 'completes' as const, runs: unfinished, of: runs }] : []),
    ...failed.map(({ id, violations, judged }) => ({ check: id, runs: violations, of: judged })),
  ]
}
