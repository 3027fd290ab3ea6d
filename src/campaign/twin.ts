/**
 * The nearest rehearsal that passes: the same scenario and luck with one thing different. Of all that are one edit away and keep the check, the one
 * in which least else goes wrong, then the one with the smallest edit, then the one that parts latest from the run that failed.
 *
 * It is an observation on one luck. Readers take a change to the runbook for advice all the same, so one that only blinds it (a guard left out, or
 * looked at too late) or that only stops it is counted, but never chosen.
 */
import { type Anchor, type Fault, type Schedule, isAnchor } from '../faults/index.ts'
import { SECOND } from '../kernel/index.ts'
import { type Plan, type PlanStep, isInside } from '../operator/index.ts'
import type { CheckId, Outcome, RehearsalResult, StepRecord } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { attempt, leavesOf, patienceFor } from './form.ts'
import type { Failed } from './inevitable.ts'
import { neighbours, swapped } from './swap.ts'

/** Rehearsals spent at most; a runbook of a hundred steps has as many neighbours. */
const ATTEMPTS_MAX = 240

/** One difference. The smaller the edit, the earlier it stands here. */
export type Edit =
  | { readonly is: 'shorten'; readonly fault: number; readonly durationUs: number }
  | { readonly is: 'shift'; readonly fault: number; readonly at: Anchor }
  | { readonly is: 'drop'; readonly fault: number }
  | { readonly is: 'swap'; readonly step: string; readonly with: string }
  | { readonly is: 'omit'; readonly step: string }

const SIZES: readonly Edit['is'][] = ['shorten', 'shift', 'drop', 'swap', 'omit']
const OUTCOMES: readonly Outcome[] = ['completed', 'rolledBack', 'aborted', 'stuck']

export interface Twin {
  readonly edit: Edit
  readonly outcome: Outcome
  readonly hash: string
  /** Other checks that it fails. */
  readonly fails: readonly CheckId[]
}

export interface Twins {
  /** Variants one edit away that were rehearsed, and how many of them pass the check. */
  readonly tried: number
  readonly passing: number
  /** null: none passes, or those that do only leave out a guard or stop the runbook. */
  readonly nearest: Twin | null
  /** Where the nearest differs in a fault: the nearest that differs in the runbook, which is what people can change, if it completes and every check passes. */
  readonly runbook: Twin | null
  /** Steps each of which, left out alone, makes the check pass. */
  readonly steps: readonly string[]
}

/** What an edit makes of a rehearsal: the arguments to rehearse it with. */
export function edited(scenario: Scenario, schedule: Schedule, edit: Edit): { readonly scenario: Scenario; readonly schedule: Schedule; readonly without?: readonly string[] } {
  switch (edit.is) {
    case 'shorten':
      return { scenario, schedule: changed(schedule, edit.fault, { durationUs: edit.durationUs }) }
    case 'shift':
      return { scenario, schedule: changed(schedule, edit.fault, { at: edit.at }) }
    case 'drop':
      return { scenario, schedule: schedule.filter((_, i) => i !== edit.fault) }
    case 'omit':
      return { scenario, schedule, without: [edit.step] }
    case 'swap': {
      const pair = neighbours(scenario.runbook).find(([first, second]) => first.id === edit.step && second.id === edit.with)
      return { scenario: pair === undefined ? scenario : { ...scenario, runbook: swapped(scenario.runbook, ...pair) }, schedule }
    }
  }
}

function changed(schedule: Schedule, nth: number, change: Partial<Fault>): Schedule {
  return schedule.map((fault, i) => (i === nth ? { ...fault, ...change } : fault))
}

/** Rehearses everything one edit away and chooses. */
export function nearestTwin({ scenario, rehearser, seed, schedule, check, result }: Failed): Twins {
  const passing: { readonly twin: Twin; readonly rank: readonly number[] }[] = []
  const edits = editsOf(scenario, schedule, result).slice(0, ATTEMPTS_MAX)
  for (const edit of edits) {
    const other = attempt(rehearser, { ...edited(scenario, schedule, edit), seed, visitsMax: patienceFor(result) })
    if (other === undefined || !other.inBudget || !other.verdicts.some((verdict) => verdict.check === check && verdict.status === 'pass')) continue
    const fails = other.verdicts.filter((verdict) => verdict.status === 'fail').map((verdict) => verdict.check)
    const rank = [fails.length, OUTCOMES.indexOf(other.outcome), newlyFailed(result.steps, other.steps), SIZES.indexOf(edit.is), -partingOf(result.steps, other.steps)]
    passing.push({ twin: { edit, outcome: other.outcome, hash: other.hash, fails }, rank })
  }
  const steps = passing.flatMap(({ twin: { edit } }) => (edit.is === 'omit' ? [edit.step] : []))
  const offered = passing.filter(({ twin }) => !isOfRunbook(twin.edit) || (isEnded(twin.outcome) && !blinds(scenario.runbook, twin.edit)))
  const nearest = best(offered)
  const whole = offered.filter(({ twin }) => isOfRunbook(twin.edit) && twin.outcome === 'completed' && twin.fails.length === 0)
  const runbook = nearest === undefined || isOfRunbook(nearest.edit) ? undefined : best(whole)
  return { tried: edits.length, passing: passing.length, nearest: nearest ?? null, runbook: runbook ?? null, steps }
}

function isOfRunbook(edit: Edit): boolean {
  return edit.is === 'swap' || edit.is === 'omit'
}

/** It came to an end that its author meant. */
function isEnded(outcome: Outcome): boolean {
  return outcome === 'completed' || outcome === 'rolledBack'
}

/** The edit takes a guard away, or puts it after what it guarded. */
function blinds(plan: Plan, edit: Edit): boolean {
  if (!('step' in edit)) return false
  const moved = plan.steps.find((step) => step.path === 'forward' && step.id === edit.step)
  const held = moved === undefined ? [] : leavesOf(plan).filter((leaf) => isInside(plan, leaf.index, moved.index))
  return held.length > 0 && held.every((leaf) => isGuard(leaf) || plan.script?.guards.has(leaf.id) === true)
}

/** A step that can stop the runbook because of what it sees. */
function isGuard({ action }: PlanStep): boolean {
  return action.kind === 'gate' || action.kind === 'fail' || ((action.kind === 'run' || action.kind === 'parallel') && action.expect !== undefined)
}

function best(twins: readonly { readonly twin: Twin; readonly rank: readonly number[] }[]): Twin | undefined {
  return twins.reduce<(typeof twins)[number] | undefined>((a, b) => (a === undefined || before(b.rank, a.rank) ? b : a), undefined)?.twin
}

/** Steps that were done in the one and failed in the other: a step that keeps a later one from working is no remedy. */
function newlyFailed(a: readonly StepRecord[], b: readonly StepRecord[]): number {
  const failed = (steps: readonly StepRecord[]): Set<string> => new Set(steps.filter((step) => step.result === 'failed').map((step) => step.step))
  const before = failed(a)
  return [...failed(b)].filter((step) => !before.has(step)).length
}

function before(a: readonly number[], b: readonly number[]): boolean {
  const i = a.findIndex((each, n) => each !== b[n])
  return i >= 0 && (a[i] as number) < (b[i] as number)
}

/** When the first step went otherwise. */
function partingOf(a: readonly StepRecord[], b: readonly StepRecord[]): number {
  const i = a.findIndex((step, n) => step.step !== b[n]?.step || step.startUs !== b[n]?.startUs || step.endUs !== b[n]?.endUs || step.result !== b[n]?.result)
  return a[i]?.startUs ?? Number.POSITIVE_INFINITY
}

function editsOf(scenario: Scenario, schedule: Schedule, result: RehearsalResult): Edit[] {
  const ran = new Set(result.steps.filter((step) => step.path === 'forward' && step.result !== 'skipped').map((step) => step.step))
  const faults = schedule.flatMap((fault, nth): Edit[] => [
    ...(fault.durationUs >= 2 * SECOND ? [{ is: 'shorten' as const, fault: nth, durationUs: Math.floor(fault.durationUs / 2) }] : []),
    ...boundariesAround(fault, nth, result).map((at): Edit => ({ is: 'shift', fault: nth, at })),
    { is: 'drop', fault: nth },
  ])
  const swaps = neighbours(scenario.runbook).filter((pair) => pair.every((step) => ran.has(step.id))).map(([step, other]): Edit => ({ is: 'swap', step: step.id, with: other.id }))
  const omissions = leavesOf(scenario.runbook).filter((step) => ran.has(step.id)).map((step): Edit => ({ is: 'omit', step: step.id }))
  return [...faults, ...swaps, ...omissions]
}

/** The boundaries next to where a fault struck: start and end of that step, the end of the one before, the start of the one after. */
function boundariesAround({ at }: Fault, nth: number, result: RehearsalResult): Anchor[] {
  const struck = result.faults.find((fault) => fault.nth === nth && fault.struck)
  if (struck === undefined) return []
  const steps = result.steps.filter((step) => step.result !== 'skipped')
  const here = steps.findLastIndex((step) => (isAnchor(at) ? step.step === at.step && step.path === at.path && step.visit === at.visit : step.startUs <= struck.atUs))
  const anchor = (i: number, phase: 'start' | 'end'): Anchor[] => {
    const stop = steps[i]
    return stop === undefined ? [] : [{ step: stop.step, path: stop.path, visit: stop.visit, phase, command: 1, offsetUs: 0 }]
  }
  const around = here < 0 ? [] : [...anchor(here, 'start'), ...anchor(here, 'end'), ...anchor(here - 1, 'start'), ...anchor(here + 1, 'start')]
  return around.filter((each) => !isAnchor(at) || each.step !== at.step || each.phase !== at.phase || each.visit !== at.visit)
}
