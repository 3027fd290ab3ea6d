/** What may differ between a rehearsal and a simpler one that fails alike: faults, steps left out, sizes. The seed stays, so that the luck does. */
import type { Schedule } from '../faults/schedule.ts'
import type { Plan, PlanStep } from '../operator/index.ts'
import type { RehearsalResult } from '../result.ts'
import { ScenarioError } from '../scenario/error.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { UnsupportedError } from '../operator/command.ts'
import { EndlessError } from '../rehearsal.ts'
import type { Rehearsed, Rehearser } from './rehearser.ts'
import { resized } from './shrink-sizes.ts'

/** One way to rehearse a scenario. Plain data. */
export interface Form {
  readonly schedule: Schedule
  /** Forward steps passed over, with what they hold. */
  readonly without: readonly string[]
  /** Values of the scenario replaced, as `--set` writes them. */
  readonly set: Readonly<Record<string, string>>
}

/** Rehearses a form; undefined when there can be no such cluster. */
export type Rehearse = (form: Form) => RehearsalResult | undefined

/** Rehearsals of one scenario on one seed in different forms. Resized scenarios are kept: a search asks for the same one many times. */
export function formsOf(scenario: Scenario, rehearser: Rehearser, seed: string, visitsMax: number): Rehearse {
  const scenarios = new Map<string, Scenario | undefined>()
  return ({ schedule, without, set }) => {
    const key = JSON.stringify(set)
    if (!scenarios.has(key)) scenarios.set(key, resized(scenario, set))
    const sized = scenarios.get(key)
    return sized === undefined ? undefined : attempt(rehearser, { scenario: sized, seed, schedule, visitsMax, ...(without.length === 0 ? {} : { without }) })
  }
}

/** A variant that goes on for so much longer than the run it was made from is going round in circles. */
export function patienceFor(found: RehearsalResult): number {
  return 1_000 + 4 * found.steps.length
}

/** Rehearses a variant that may be hopeless: undefined when it goes round in circles, its cluster is too small for what `start` does to it, or it comes to something that no model has. */
export function attempt(rehearser: Rehearser, what: Rehearsed): RehearsalResult | undefined {
  try {
    return rehearser.rehearse(what)
  } catch (error) {
    if (error instanceof EndlessError || error instanceof ScenarioError || error instanceof UnsupportedError) return undefined
    throw error
  }
}

/** The forward steps that hold no other: what a runbook really does, in its order. */
export function leavesOf(plan: Plan): PlanStep[] {
  const parents = new Set(plan.steps.map((step) => step.parent))
  return plan.steps.filter((step) => step.path === 'forward' && !parents.has(step.index))
}

/** A step and the steps around it, innermost first. */
export function withAncestors(plan: Plan, step: PlanStep): PlanStep[] {
  const parent = plan.steps[step.parent]
  return parent === undefined ? [step] : [step, ...withAncestors(plan, parent)]
}

/**
 * What to leave out so that only these leaves are left: whole groups where nothing in them is kept.
 * @param always a step that stays even if nothing in it does
 */
export function allBut(plan: Plan, kept: readonly PlanStep[], always?: PlanStep): string[] {
  const stay = new Set([...kept, ...(always === undefined ? [] : [always])].flatMap((step) => withAncestors(plan, step)))
  const forward = plan.steps.filter((step) => step.path === 'forward' && !stay.has(step))
  // The outermost of what goes: what is in it goes with it.
  return forward.filter((step) => step.parent < 0 || stay.has(plan.steps[step.parent] as PlanStep)).map((step) => step.id)
}

/** The ids of all steps that a `without` takes out, with what they hold. */
export function leftOut(plan: Plan, without: readonly string[]): Set<string> {
  if (without.length === 0) return new Set()
  return new Set(plan.steps.filter((step) => step.path === 'forward' && withAncestors(plan, step).some((each) => without.includes(each.id))).map((step) => step.id))
}
