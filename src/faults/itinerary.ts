import { SECOND, type Us } from '../kernel/index.ts'

/** One visit of one step, as a place where a fault can strike. */
export interface Stop {
  readonly step: string
  readonly path: 'forward' | 'undo'
  readonly visit: number
  /** How many commands it issues there (polls included); a group, a loop, a note and a pick issue none themselves. */
  readonly commands: number
  /** How long it takes; undefined when nobody has measured it. */
  readonly durationUs: Us | undefined
}

/** The way a runbook takes: what schedules are drawn over. Taken from a fault-free rehearsal, or from the plan alone. */
export interface Itinerary {
  readonly stops: readonly Stop[]
  /** From the first step to the operator's end. */
  readonly durationUs: Us
  /** Undo steps: they run only after a failure. */
  readonly undo: readonly Stop[]
}

/** What an itinerary needs of a compiled runbook. */
export interface PlanOutline {
  readonly steps: readonly { readonly id: string; readonly path: 'forward' | 'undo'; readonly action: { readonly kind: string } }[]
}

/** What an itinerary needs of a finished rehearsal. */
export interface StepVisit {
  readonly step: string
  readonly path: 'forward' | 'undo'
  readonly visit: number
  readonly startUs: Us
  readonly endUs: Us | undefined
  readonly commands: number
  readonly result: string
}

const SILENT = ['group', 'forEach', 'note', 'pick', 'fail']
const GUESSED_STEP_US = 20 * SECOND

/** Every step once, as written: for when no rehearsal has been made yet. */
export function itineraryOfPlan(plan: PlanOutline): Itinerary {
  const stops = stopsOf(plan, 'forward')
  return { stops, durationUs: Math.max(1, stops.length) * GUESSED_STEP_US, undo: stopsOf(plan, 'undo') }
}

/** The way a fault-free rehearsal took. `endUs` is when its operator ended. Falls back to the plan if it visited nothing. */
export function itineraryOfRun(plan: PlanOutline, visits: readonly StepVisit[], endUs: Us): Itinerary {
  const forward = visits.filter(v => v.path === 'forward' && v.result !== 'skipped')
  const first = forward[0]
  if (first === undefined) return itineraryOfPlan(plan)
  const stops = forward.map(v => ({
    step: v.step,
    path: v.path,
    visit: v.visit,
    commands: v.commands,
    durationUs: Math.max(0, (v.endUs ?? endUs) - v.startUs),
  }))
  return { stops, durationUs: Math.max(1, endUs - first.startUs), undo: stopsOf(plan, 'undo') }
}

function stopsOf(plan: PlanOutline, path: 'forward' | 'undo'): readonly Stop[] {
  return plan.steps.filter(step => step.path === path).map(step => ({ step: step.id, path, visit: 1, commands: SILENT.includes(step.action.kind) ? 0 : 1, durationUs: undefined }))
}
