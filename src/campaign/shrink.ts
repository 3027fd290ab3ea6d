/**
 * Makes a failing rehearsal simpler while it still fails in the same way (same check, cause and step): fewer faults, at simpler places, shorter
 * and weaker; then fewer steps, a smaller cluster, less load. Luck is keyed by name, so that taking something out leaves every other draw as it was.
 *
 * The end is 1-minimal: no single fault or step can be taken out and no number halved. That is not assumed but seen: shrinking goes over
 * everything again until a whole round changes nothing, and what was tried before is remembered.
 */
import type { Schedule } from '../faults/schedule.ts'
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { signatureKey } from './aggregate.ts'
import { type Form, formsOf, patienceFor } from './form.ts'
import type { Rehearser } from './rehearser.ts'
import { Search } from './search.ts'
import { dropFaults, simplifyFaults } from './shrink-faults.ts'
import { shrinkSizes } from './shrink-sizes.ts'
import { shrinkSteps } from './shrink-steps.ts'

/** Rehearsals spent at most on the faults of a run, and on the smallest form of one. Usual failures need a fraction. */
const SCHEDULE_ATTEMPTS_MAX = 200
const SMALLEST_ATTEMPTS_MAX = 500

/** What is shrunk: a rehearsal that failed, and how. */
export interface Failing {
  readonly scenario: Scenario
  readonly rehearser: Rehearser
  readonly seed: string
  readonly schedule: Schedule
  /** The signature to keep, as {@link signatureKey} writes it, and the step in it. */
  readonly key: string
  readonly step: string
}

export interface Shrunk {
  readonly form: Form
  readonly result: RehearsalResult
  /** Rehearsals it took. */
  readonly attempts: number
  /** Nothing single can be taken away any more; false when the rehearsals allowed were spent before that was seen, or it did not fail at all. */
  readonly minimal: boolean
}

/** The simplest schedule with which the whole runbook fails alike. */
export function shrinkSchedule(failing: Failing): Shrunk {
  return shrink(failing, SCHEDULE_ATTEMPTS_MAX, (search) => {
    dropFaults(search)
    simplifyFaults(search)
  })
}

/** The smallest form that fails alike: faults, steps, cluster and load. */
export function shrinkWhole(failing: Failing): Shrunk {
  const { scenario, step } = failing
  return shrink(failing, SMALLEST_ATTEMPTS_MAX, (search) => {
    dropFaults(search)
    // Steps before sizes: a shorter run makes every later attempt cheaper.
    shrinkSteps(search, scenario.runbook, step)
    shrinkSizes(search, scenario)
    simplifyFaults(search)
  })
}

function shrink({ scenario, rehearser, seed, schedule, key }: Failing, most: number, round: (search: Search) => void): Shrunk {
  const start: Form = { schedule, without: [], set: {} }
  const found = rehearser.rehearse({ scenario, seed, schedule })
  if (!failsWith(found, key)) return { form: start, result: found, attempts: 1, minimal: false }
  const search = new Search(start, found, formsOf(scenario, rehearser, seed, patienceFor(found)), (result) => failsWith(result, key), most)
  for (let before: Form | undefined; before !== search.best && !search.exhausted; ) {
    before = search.best
    round(search)
  }
  return { form: search.best, result: search.found, attempts: search.attempts + 1, minimal: !search.exhausted }
}

/** Whether a rehearsal in budget fails with that signature. */
export function failsWith(result: RehearsalResult, key: string): boolean {
  return result.inBudget && result.verdicts.some((verdict) => verdict.status === 'fail' && verdict.signature !== undefined && signatureKey(verdict.signature) === key)
}
