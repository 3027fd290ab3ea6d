/**
 * Makes a failing schedule smaller while it still fails in the same way (same check, cause and step). Greedy and short: drop faults one by
 * one, then halve durations. Luck is keyed by name, so that taking a fault out leaves every other draw as it was.
 */
import { SECOND } from '../kernel/index.ts'
import type { Schedule } from '../faults/schedule.ts'
import type { RehearsalResult } from '../result.ts'
import { signatureKey } from './aggregate.ts'

/** Below this a duration is not halved any more. */
const SHORTEST_US = SECOND
/** Rehearsals spent at most; a few faults need far fewer. */
const ATTEMPTS_MAX = 200

export interface Shrunk {
  readonly schedule: Schedule
  readonly attempts: number
}

/**
 * @param key the signature to keep, as {@link signatureKey} writes it
 * @param rehearse one rehearsal of a candidate, on the failing run's seed
 */
export function shrink(schedule: Schedule, key: string, rehearse: (candidate: Schedule) => RehearsalResult): Shrunk {
  let best = schedule
  let attempts = 0
  const stillFails = (candidate: Schedule): boolean => {
    if (attempts >= ATTEMPTS_MAX) return false
    attempts += 1
    if (!failsWith(rehearse(candidate), key)) return false
    best = candidate
    return true
  }
  // Most stories of a bad runbook need no fault at all: ask that first.
  if (best.length > 0) stillFails([])
  for (let again = true; again; ) {
    again = false
    for (let i = best.length - 1; i >= 0; i--) if (stillFails(best.filter((_, n) => n !== i))) again = true
  }
  for (let i = 0; i < best.length; i++) {
    for (let durationUs = halved(best[i]?.durationUs); durationUs >= SHORTEST_US; durationUs = halved(durationUs)) {
      if (!stillFails(best.map((fault, n) => (n === i ? { ...fault, durationUs } : fault)))) break
    }
  }
  return { schedule: best, attempts }
}

/** Whether a rehearsal in budget fails with that signature. */
export function failsWith(result: RehearsalResult, key: string): boolean {
  return result.inBudget && result.verdicts.some((verdict) => verdict.status === 'fail' && verdict.signature !== undefined && signatureKey(verdict.signature) === key)
}

function halved(us: number | undefined): number {
  return Math.floor((us ?? 0) / 2)
}
