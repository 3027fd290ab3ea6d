/**
 * Since when a failure was inevitable: the same run up to some instant, then other luck, many times. Of those futures some fail the same check
 * (for whatever cause) and some do not; where their share jumps, the failure was decided. The faults of the schedule are no luck: they stay where they are.
 */
import type { CheckId, RehearsalResult } from '../result.ts'
import type { Schedule } from '../faults/schedule.ts'
import type { Us } from '../kernel/index.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Rehearser } from './rehearser.ts'

/** Futures tried from an instant, and from the two between which the share jumps. */
const FUTURES = 16
const FUTURES_AT_JUMP = 32
/** A smaller difference of shares, of so few futures, may be chance. */
const JUMP = 0.25
/** Practically all futures fail. */
const SURE = 15 / 16

/** How many of the futures from one instant on fail. */
export interface Moment {
  readonly atUs: Us
  /** What is about to happen, or has just happened: a step is about to start (at 0 the first one), a fault has struck, the operator has ended. */
  readonly is: 'before' | 'struck' | 'ended'
  /** The step that is about to start, the kind of the fault, or empty. */
  readonly what: string
  /** The how-manieth time that step starts; 1 for the others. */
  readonly visit: number
  readonly failed: number
  readonly futures: number
}

export interface Inevitability {
  /** The instants looked at, in order of time. */
  readonly moments: readonly Moment[]
  /** Where most of the change is: the share passes the middle between those at the start and at the end just before this moment. null: there is hardly a change. */
  readonly jump: number | null
  /** The change there is a real step, not one of many small ones. */
  readonly steep: boolean
  /** From this moment on practically all futures fail; 0 = from the first instant on, null = not even at the end. */
  readonly sure: number | null
}

/** What is looked into: a failing rehearsal, and as which check it counts. */
export interface Failed {
  readonly scenario: Scenario
  readonly rehearser: Rehearser
  readonly seed: string
  readonly schedule: Schedule
  readonly check: CheckId
  /** How it went. */
  readonly result: RehearsalResult
}

type Instant = Pick<Moment, 'atUs' | 'is' | 'what' | 'visit'>

/**
 * Looks for two instants by bisection over the starts of steps, the strikes of faults and the operator's end: where the share of failing futures
 * passes the middle between that at the start and that at the end, and from where on practically all fail.
 */
export function whenInevitable(failed: Failed): Inevitability {
  const instants = instantsOf(failed.result)
  const moments = new Map<number, Moment>()
  const look = (i: number, futures = FUTURES): Moment => {
    const known = moments.get(i)
    if (known !== undefined && known.futures >= futures) return known
    const instant = instants[i] as Instant
    const moment = { ...instant, futures, failed: (known?.failed ?? 0) + failing(failed, instant.atUs, known?.futures ?? 0, futures) }
    moments.set(i, moment)
    return moment
  }
  const last = instants.length - 1
  const [first, end] = [shareFailed(look(0)), shareFailed(look(last))]
  const jump = Math.abs(end - first) < JUMP ? undefined : crossing(last, (i) => (end > first ? shareFailed(look(i)) >= (first + end) / 2 : shareFailed(look(i)) <= (first + end) / 2))
  const sure = first >= SURE ? 0 : end < SURE ? undefined : crossing(last, (i) => shareFailed(look(i)) >= SURE)
  for (const i of [jump, sure]) if (i !== undefined && i > 0) for (const at of [i - 1, i]) look(at, FUTURES_AT_JUMP)
  const steep = jump !== undefined && Math.abs(shareFailed(look(jump)) - shareFailed(look(jump - 1))) >= JUMP
  const seen = [...moments.keys()].sort((a, b) => a - b)
  const place = (i: number | undefined): number | null => (i === undefined ? null : seen.indexOf(i))
  return { moments: seen.map((i) => moments.get(i) as Moment), jump: place(jump), steep, sure: place(sure) }
}

/** The index in (0, last] at which something that is false at 0 and true at `last` becomes true, if it does so once; else one of those. */
function crossing(last: number, holds: (i: number) => boolean): number {
  let [no, yes] = [0, last]
  while (yes - no > 1) {
    const middle = (no + yes) >> 1
    if (holds(middle)) yes = middle
    else no = middle
  }
  return yes
}

export function shareFailed({ failed, futures }: Moment): number {
  return failed / futures
}

/** How many of the futures number `from` up to, but without, `to` fail. */
function failing({ scenario, rehearser, seed, schedule, check }: Failed, atUs: Us, from: number, to: number): number {
  let failed = 0
  for (let n = from; n < to; n++) {
    const { verdicts } = rehearser.rehearse({ scenario, seed, schedule, reseedAtUs: atUs, reseedSalt: `future/${n}` })
    if (verdicts.some((verdict) => verdict.check === check && verdict.status === 'fail')) failed += 1
  }
  return failed
}

/** Boundaries in order of time, one an instant. A fault's luck is drawn when it strikes, so the instant after it is the one that tells. */
function instantsOf(result: RehearsalResult): Instant[] {
  const steps = result.steps.filter((step) => step.result !== 'skipped')
  const befores = steps.map((step): Instant => ({ atUs: Math.max(0, step.startUs), is: 'before', what: step.path === 'undo' ? `undo of ${step.step.replace(/^undo of /, '')}` : step.step, visit: step.visit }))
  const strikes = result.faults.filter((fault) => fault.struck).map((fault): Instant => ({ atUs: fault.atUs + 1, is: 'struck', what: fault.kind, visit: 1 }))
  const endUs = Math.max(0, ...steps.map((step) => step.endUs ?? step.startUs))
  const all = [...befores, ...strikes, { atUs: endUs, is: 'ended' as const, what: '', visit: 1 }].sort((a, b) => a.atUs - b.atUs)
  // Of several steps that start at one instant (a group and its first) the innermost is the last.
  return all.filter((instant, i) => instant.atUs !== all[i + 1]?.atUs)
}
