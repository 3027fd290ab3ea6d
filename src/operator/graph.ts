import { expectationTemplates } from './expect.ts'
import { END, type Plan, type PlanStep } from './plan.ts'
import type { Template } from './words.ts'

/**
 * The plan as a graph, for lint and drawings. Each step is a node (its index); a composite has a second one where its body comes back to it.
 * The ends are `completed`, `rolledBack`, `aborted`, and `rollback` is where all undo begins.
 */
export type Node = string
export interface Edge {
  readonly from: Node
  readonly to: Node
  readonly why: 'start' | 'done' | 'skipped' | 'failed' | 'continued' | 'pass' | 'no items' | 'undo'
}

export const enter = (step: number): Node => String(step)
export const close = (step: number): Node => `${step} end`

const arrival = (step: PlanStep, end: Node): Node => (step.next === END ? end : step.closes ? close(step.next) : enter(step.next))

/** Every way control can go, in the order of the plan. */
export function edgesOf(plan: Plan): Edge[] {
  const edges: Edge[] = [{ from: 'start', to: enter(plan.entry), why: 'start' }]
  for (const step of plan.steps) {
    const end = step.path === 'forward' ? 'completed' : 'rolledBack'
    const out = arrival(step, end)
    const { action } = step
    if (step.when !== undefined) edges.push({ from: enter(step.index), to: out, why: 'skipped' })
    if (action.kind === 'forEach' || action.kind === 'group') {
      edges.push({ from: enter(step.index), to: enter(action.first), why: 'pass' })
      if (action.kind === 'forEach') {
        edges.push({ from: close(step.index), to: enter(action.first), why: 'pass' })
        edges.push({ from: enter(step.index), to: out, why: 'no items' })
      }
      edges.push({ from: close(step.index), to: out, why: 'done' })
    } else {
      if (action.kind !== 'fail') edges.push({ from: enter(step.index), to: out, why: 'done' })
      if (action.kind !== 'note' && action.kind !== 'sleep') edges.push(failure(step, out))
    }
    if (step.undo !== END) edges.push({ from: 'rollback', to: enter(step.undo), why: 'undo' })
  }
  if (plan.undo !== END) edges.push({ from: 'rollback', to: enter(plan.undo), why: 'undo' })
  else edges.push({ from: 'rollback', to: 'rolledBack', why: 'undo' })
  return edges
}

function failure(step: PlanStep, out: Node): Edge {
  const from = enter(step.index)
  switch (step.otherwise.is) {
    case 'continue':
      return { from, to: out, why: 'continued' }
    case 'abort':
      return { from, to: 'aborted', why: 'failed' }
    case 'rollback':
      return { from, to: 'rollback', why: 'failed' }
    case 'goto':
      return { from, to: enter(step.otherwise.step), why: 'failed' }
  }
}

/** The nodes that can be reached from `roots`. */
export function reachable(edges: readonly Edge[], roots: readonly Node[]): Set<Node> {
  const following = new Map<Node, Node[]>()
  for (const { from, to } of edges) following.set(from, [...(following.get(from) ?? []), to])
  const seen = new Set<Node>(roots)
  const open = [...roots]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    for (const to of following.get(node) ?? []) {
      if (seen.has(to)) continue
      seen.add(to)
      open.push(to)
    }
  }
  return seen
}

/** The variables a step needs before it can do its action. */
export function needs(step: PlanStep): Set<string> {
  const names = new Set<string>()
  const add = (template: Template | undefined): void => {
    if (template === undefined || typeof template === 'string') return
    for (const part of template) if (typeof part !== 'string') names.add(part.name)
  }
  const { action } = step
  if (step.when !== undefined) for (const t of expectationTemplates(step.when.expect)) add(t)
  if (action.kind === 'run' || action.kind === 'parallel') {
    for (const line of action.lines) for (const name of line.variables) names.add(name)
    if (action.expect !== undefined) for (const t of expectationTemplates(action.expect)) add(t)
  } else if (action.kind === 'gate') {
    for (const name of action.line.variables) names.add(name)
    for (const t of expectationTemplates(action.expect)) add(t)
    for (const claim of action.claims) for (const arg of claim.args) add(arg)
  } else if (action.kind === 'fail') add(action.reason)
  else if (action.kind === 'pick') {
    add(action.pick.from)
    for (const where of action.pick.where) for (const t of expectationTemplates(where.expect)) add(t)
  } else if (action.kind === 'forEach') {
    if (action.items.by === 'list') for (const item of action.items.list) add(item)
    else add(action.items.from)
  }
  return names
}

/** The variable that the step sets on the way `why` out of it. */
export function captures(step: PlanStep, why: Edge['why']): string | undefined {
  const { action } = step
  if (action.kind === 'forEach') return why === 'pass' ? action.as : undefined
  if (action.kind === 'pick') return why === 'done' ? action.pick.as : undefined
  // A failed command that the runbook passes over has printed something nevertheless; a gate that did not pass has not.
  if (why === 'done' || (why === 'continued' && action.kind !== 'gate')) return step.as ?? step.collect
  return undefined
}
