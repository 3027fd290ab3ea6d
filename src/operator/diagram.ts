import { formatDuration } from '../kernel/index.ts'
import { END, type Plan, type PlanStep } from './plan.ts'
import type { Template } from './words.ts'

/**
 * The plan as the text of a Mermaid `stateDiagram-v2`: done goes down, failures to the side, the rollback newest first.
 * Nesting is drawn flat (Mermaid has no arrows between the insides of two composites): a loop is a state its body comes back to.
 */
export function diagram(plan: Plan): string {
  const lines = ['stateDiagram-v2', '  direction TB']
  for (const step of plan.steps) lines.push(`  ${name(step.index)} : ${label(step)}`)
  lines.push(`  [*] --> ${name(plan.entry)}`)
  for (const step of plan.steps) lines.push(...arrows(plan, step).map(a => `  ${a}`))
  const rollsBack = plan.steps.some(s => s.path === 'forward' && s.otherwise.is === 'rollback')
  if (rollsBack) lines.push(...rollback(plan).map(a => `  ${a}`))
  for (const end of ['completed', 'rolledBack', 'aborted']) if (lines.some(l => l.includes(`--> ${end}`))) lines.push(`  ${end} --> [*]`)
  return `${lines.join('\n')}\n`
}

const name = (index: number): string => `s${index}`

/** Where control goes after a step: groups end without a state of their own, loops are come back to. */
function after(plan: Plan, step: PlanStep): string {
  if (step.next === END) return step.path === 'forward' ? 'completed' : undoneNext(plan, step)
  const next = plan.steps[step.next] as PlanStep
  return step.closes && next.action.kind === 'group' ? after(plan, next) : name(step.next)
}

function arrows(plan: Plan, step: PlanStep): string[] {
  const from = name(step.index)
  const to = after(plan, step)
  const { action } = step
  const list: string[] = []
  if (action.kind === 'group') list.push(`${from} --> ${name(action.first)}`)
  else if (action.kind === 'forEach') list.push(`${from} --> ${name(action.first)} : each ${action.as}`, `${from} --> ${to} : no more`)
  else if (action.kind !== 'fail' || step.otherwise.is === 'continue') list.push(`${from} --> ${to}${step.otherwise.is === 'continue' ? ' : done or failed' : ''}`)
  if (step.when !== undefined) list.push(`${from} --> ${to} : not needed`)
  if (['note', 'sleep', 'group', 'forEach'].includes(action.kind)) return list
  if (step.retry !== undefined) list.push(`${from} --> ${from} : retry ${step.retry.times}×`)
  if (step.otherwise.is === 'abort') list.push(`${from} --> aborted : failed`)
  if (step.otherwise.is === 'rollback') list.push(`${from} --> rollback : failed`)
  if (step.otherwise.is === 'goto') list.push(`${from} --> ${name(step.otherwise.step)} : failed`)
  return list
}

/** Undo roots in the order a rollback takes them if every step was started. */
function undoRoots(plan: Plan): number[] {
  const roots = plan.steps.filter(s => s.undo !== END).map(s => s.undo).reverse()
  return plan.undo === END ? roots : [...roots, plan.undo]
}

function undoneNext(plan: Plan, step: PlanStep): string {
  const roots = undoRoots(plan)
  const mine = roots.findLastIndex(root => root <= step.index && plan.steps[root]?.owner === step.owner)
  const next = roots[mine + 1]
  return next === undefined ? 'rolledBack' : name(next)
}

function rollback(plan: Plan): string[] {
  const first = undoRoots(plan)[0]
  return [`rollback : roll back what was started, newest first`, `rollback --> ${first === undefined ? 'rolledBack' : name(first)}`]
}

function label(step: PlanStep): string {
  const mark = step.pointOfNoReturn ? ' (point of no return)' : ''
  const text = `${step.path === 'undo' ? 'undo of ' : ''}${step.id} · ${step.title === '' ? describe(step) : step.title}${mark}`
  // Mermaid ends a label at a semicolon or a line break, and reads # and : in its own way.
  return text.replace(/[\n;#]+/g, ' ').replaceAll(':', '∶').slice(0, 90)
}

function describe(step: PlanStep): string {
  const { action } = step
  switch (action.kind) {
    case 'run':
      return action.lines.map(l => l.text).join(', then ')
    case 'parallel':
      return `together ${action.lines.map(l => l.text).join(', ')}`
    case 'gate':
      return `until ${action.line.text}`
    case 'sleep':
      return `sleep ${formatDuration(action.us)}`
    case 'pick':
      return `choose ${action.pick.as}${action.pick.column === undefined ? '' : ` by the ${action.pick.by} column ${action.pick.column}`}`
    case 'forEach':
      return `for each ${action.as} in ${action.items.by === 'list' ? action.items.list.map(written).join(' ') : written(action.items.from)}`
    case 'group':
      return 'steps'
    case 'fail':
      return `stop: ${written(action.reason)}`
    case 'note':
      return step.note ?? ''
  }
}

const written = (template: Template): string => (typeof template === 'string' ? template : template.map(part => (typeof part === 'string' ? part : `\${${part.name}}`)).join(''))
