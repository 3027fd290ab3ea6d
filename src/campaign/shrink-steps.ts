/** Leaves out the steps that a failure does not need: whole groups first, then ever smaller runs of steps, then one by one. */
import type { Plan, PlanStep } from '../operator/index.ts'
import { type Form, allBut, leavesOf, leftOut, withAncestors } from './form.ts'
import { leastPart } from './least.ts'
import type { Search } from './search.ts'

/** @param step the step of the signature (a step id, `undo of …`, or `-`): it is never left out */
export function shrinkSteps(search: Search, plan: Plan, step: string): void {
  const always = plan.steps.find((each) => each.path === 'forward' && each.id === step.replace(/^undo of /, ''))
  const gone = leftOut(plan, search.best.without)
  const leaves = leavesOf(plan).filter((leaf) => leaf !== always && !gone.has(leaf.id))
  const keeps = (kept: readonly PlanStep[]): boolean => search.keeps(withOnly(search.best, plan, always === undefined ? kept : [...kept, always], always))
  // Steps that the run never came to do nothing for it.
  const visited = new Set(search.found.steps.filter((record) => record.result !== 'skipped').map((record) => record.step))
  const reached = leaves.filter((leaf) => visited.has(leaf.id))
  let kept: readonly PlanStep[] = reached.length < leaves.length && keeps(reached) ? reached : leaves
  if (keeps([])) return
  for (const group of plan.steps.filter((each) => each.path === 'forward' && !leavesOf(plan).includes(each)).reverse()) {
    const rest = kept.filter((leaf) => !withAncestors(plan, leaf).includes(group))
    if (rest.length > 0 && rest.length < kept.length && keeps(rest)) kept = rest
  }
  leastPart(kept, keeps)
}

/** Only these steps; faults anchored in the others go along. */
function withOnly(form: Form, plan: Plan, kept: readonly PlanStep[], always: PlanStep | undefined): Form {
  const without = allBut(plan, kept, always)
  const gone = leftOut(plan, without)
  return { ...form, without, schedule: form.schedule.filter(({ at }) => typeof at === 'number' || !gone.has(at.step)) }
}
