/** What a failing rehearsal is told with beyond its trace: the smallest form that fails alike, since when it was inevitable, and the nearest run that passes. */
import type { CheckId, RehearsalResult, Signature } from '../result.ts'
import type { Schedule } from '../faults/schedule.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { signatureKey } from './aggregate.ts'
import { type Form, leavesOf, leftOut } from './form.ts'
import { type Inevitability, whenInevitable } from './inevitable.ts'
import type { Rehearser } from './rehearser.ts'
import { shrinkWhole } from './shrink.ts'
import { type Twins, edited, nearestTwin } from './twin.ts'

/** The smallest form of a failure, with the trace hash of exactly this form. */
export interface Smallest extends Form {
  readonly hash: string
  /** Steps that hold no others: all of the runbook's, and those that the failure needs. */
  readonly steps: number
  readonly needed: readonly string[]
  /** Nothing single can be taken away any more. */
  readonly minimal: boolean
  /** Rehearsals it took to find. */
  readonly attempts: number
}

export interface Explanation {
  readonly smallest: Smallest
  readonly inevitable: Inevitability
  readonly twins: Twins
}

/** A failing rehearsal to explain; `result` is how it went. */
export interface Explained {
  readonly scenario: Scenario
  readonly rehearser: Rehearser
  readonly seed: string
  readonly schedule: Schedule
  readonly signature: Signature
  readonly result: RehearsalResult
}

/** Looks into a failing rehearsal: some hundred rehearsals more. */
export function explainFailure(what: Explained): Explanation {
  const check: CheckId = what.signature.check
  return { smallest: smallestOf(what), inevitable: whenInevitable({ ...what, check }), twins: nearestTwin({ ...what, check }) }
}

function smallestOf({ scenario, rehearser, seed, schedule, signature }: Explained): Smallest {
  const { form, result, attempts, minimal } = shrinkWhole({ scenario, rehearser, seed, schedule, key: signatureKey(signature), step: signature.step })
  const gone = leftOut(scenario.runbook, form.without)
  const leaves = leavesOf(scenario.runbook)
  return { ...form, hash: result.hash, steps: leaves.length, needed: leaves.filter((leaf) => !gone.has(leaf.id)).map((leaf) => leaf.id), minimal, attempts }
}

/** The nearest passing rehearsal once more, recorded for its story; undefined when there is none. */
export function rehearseTwin({ scenario, rehearser, seed, schedule }: Pick<Explained, 'scenario' | 'rehearser' | 'seed' | 'schedule'>, { nearest }: Twins): RehearsalResult | undefined {
  return nearest === null ? undefined : rehearser.rehearse({ ...edited(scenario, schedule, nearest.edit), seed, record: true })
}
