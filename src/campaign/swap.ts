import { END, type Plan, type PlanStep } from '../operator/index.ts'

/** Pairs of forward steps that follow one another in the same body, in the order of the runbook. */
export function neighbours(plan: Plan): (readonly [PlanStep, PlanStep])[] {
  return plan.steps.flatMap((step) => {
    const next = plan.steps[step.next]
    return step.path === 'forward' && !step.closes && next !== undefined && next.parent === step.parent && next.path === 'forward' ? [[step, next] as const] : []
  })
}

/** The runbook with a step and the one after it the other way round. */
export function swapped(plan: Plan, first: PlanStep, second: PlanStep): Plan {
  const leads = (index: number): number => (index === first.index ? second.index : index)
  const steps = plan.steps.map((step): PlanStep => {
    if (step === first) return { ...step, next: second.next, closes: second.closes }
    if (step === second) return { ...step, next: first.index, closes: false }
    const { action } = step
    // Whoever led to the first of the two (the step before it, or the body around it) leads to the second now.
    const inside = action.kind === 'group' || action.kind === 'forEach' ? { ...action, first: leads(action.first) } : action
    return { ...step, action: inside, next: step.closes || step.path === 'undo' ? step.next : leads(step.next) }
  })
  return { ...plan, steps, entry: plan.entry === END ? END : leads(plan.entry) }
}
