import { type AnyActorLogic, createActor, setup } from 'xstate'
import type { Simulation } from '../kernel/index.ts'
import type { ControlEvent, OperatorObserver, Outcome } from './observer.ts'
import { END, canRollBack, isInside, type Plan, type PlanStep, stepName } from './plan.ts'

/**
 * The plan as an XState statechart: the same meaning written a second time, in the language made for it. It is walked for all its paths in
 * tests and held equal to the executor by property; it does not drive the run (the executor does, fifty times faster).
 *
 * One state a step, with substates: `ready` (arrived, not begun), `working`, `waiting` (before a retry), `away` (the person is gone), and for
 * what holds other steps `closing` and `ended`. The events are {@link ChartEvent}: what happened, never where to go.
 */
export interface ChartContext {
  readonly retriesLeft: number
  /** Of each loop: how many passes, and the one it is in. */
  readonly passes: Readonly<Record<number, { readonly count: number; readonly position: number }>>
  /** Steps to be undone, oldest first: `index/pass/pass`. */
  readonly started: readonly string[]
  readonly undoing: readonly string[]
  /** Neighbours that have changed places: the one put off, and the one of them that is being done. */
  readonly swaps: readonly { readonly late: number; readonly at: number }[]
}

export type ChartEvent =
  | { readonly type: 'ENTER' }
  | { readonly type: 'SKIP' }
  | { readonly type: 'DONE' }
  | { readonly type: 'FAIL' }
  | { readonly type: 'ITEMS'; readonly count: number }
  | { readonly type: 'KILL' }
  | { readonly type: 'RESUME' }
  | { readonly type: 'SWAP' }
  | { readonly type: 'ROLLBACK' }
  | { readonly type: 'DEADLINE' }

type Update = (context: ChartContext, event: ChartEvent) => Partial<ChartContext>
interface Way {
  readonly target: string
  readonly guard?: (args: { context: ChartContext; event: ChartEvent }) => boolean
  readonly actions?: ReturnType<typeof update>
}

const charts = new WeakMap<Plan, ReturnType<typeof build>>()

/** The statechart of a plan, built once for each plan. */
export function statechart(plan: Plan): ReturnType<typeof build> {
  let chart = charts.get(plan)
  if (chart === undefined) {
    chart = build(plan)
    charts.set(plan, chart)
  }
  return chart
}

const ROOT_UNDO = 'runbook'
const setting = setup({ types: { context: {} as ChartContext, events: {} as ChartEvent } })
const update = (change: Update): ReturnType<typeof setting.assign> => setting.assign(({ context, event }) => change(context, event))
const stateId = (index: number): string => `s${index}`
const inside = (index: number, substate: string): string => `#${stateId(index)}.${substate}`

function build(plan: Plan) {
  const states: Record<string, object> = {}
  for (const step of plan.steps) states[stateId(step.index)] = isComposite(step) ? compositeState(plan, step) : leafState(plan, step)
  return setting.createMachine({
    id: 'runbook',
    context: { retriesLeft: 0, passes: {}, started: [], undoing: [], swaps: [] },
    initial: stateId(plan.entry),
    on: {
      DEADLINE: { target: '#runbook.stuck' },
      // Decided, not forced: it may happen anywhere on the way forward.
      ROLLBACK: canRollBack(plan) ? { target: '#runbook.rollback', actions: rollsBack(plan) } : { target: '#runbook.aborted' },
    },
    states: {
      ...states,
      rollback: { always: rollbackWays(plan) },
      completed: { type: 'final' },
      rolledBack: { type: 'final' },
      aborted: { type: 'final' },
      stuck: { type: 'final' },
    },
  })
}

const isComposite = (step: PlanStep): boolean => step.action.kind === 'forEach' || step.action.kind === 'group'

/** Where control arrives after a step as it is written. */
function written(step: PlanStep): string {
  if (step.next === END) return step.path === 'forward' ? '#runbook.completed' : '#runbook.rollback'
  return inside(step.next, step.closes ? 'closing' : 'ready')
}

/** Where control arrives after a step: as written, unless it has changed places with a neighbour. */
function after(plan: Plan, step: PlanStep): Way[] {
  const swapped = (late: number, at: number) => ({ context }: { context: ChartContext }) => context.swaps.some(swap => swap.late === late && swap.at === at)
  const ways: Way[] = []
  const before = plan.steps.find(other => other.next === step.index && !other.closes)
  if (before !== undefined) {
    ways.push({
      target: inside(before.index, 'ready'), guard: swapped(before.index, step.index),
      actions: update(({ swaps }) => ({ swaps: swaps.map(swap => (swap.late === before.index ? { late: before.index, at: before.index } : swap)) })),
    })
  }
  const next = neighbour(plan, step)
  if (next !== undefined) ways.push({ target: written(next), guard: swapped(step.index, step.index), actions: update(({ swaps }) => ({ swaps: swaps.filter(swap => swap.late !== step.index) })) })
  return [...ways, { target: written(step) }]
}

/** The step that it could change places with: the one after it in the same list. */
function neighbour(plan: Plan, step: PlanStep): PlanStep | undefined {
  return step.next === END || step.closes ? undefined : plan.steps[step.next]
}

/** What may happen to a step that control has reached. */
function arrivals(plan: Plan, step: PlanStep, entered: Way): Record<string, Way | Way[]> {
  const next = neighbour(plan, step)
  const swap = next === undefined ? {} : { SWAP: { target: inside(next.index, 'ready'), actions: update(({ swaps }) => ({ swaps: [...swaps, { late: step.index, at: next.index }] })) } }
  return { ENTER: entered, SKIP: after(plan, step), ...swap }
}

/** Where a failure leads. */
function failureWay(plan: Plan, step: PlanStep): Way {
  const policy = step.otherwise
  switch (policy.is) {
    case 'continue':
      // The executor says `done` next; until then the step is still its own.
      return { target: inside(step.index, 'passedOver') }
    case 'abort':
      return { target: '#runbook.aborted' }
    case 'goto':
      return {
        target: inside(policy.step, 'ready'),
        actions: update(({ swaps }) => ({ swaps: swaps.filter(swap => isInside(plan, policy.step, swap.at)) })),
      }
    case 'rollback':
      return {
        target: '#runbook.rollback',
        actions: rollsBack(plan),
      }
  }
}

function rollsBack(plan: Plan): ReturnType<typeof update> {
  return update(context => ({ undoing: [...context.started].reverse().concat(plan.undo === END ? [] : [ROOT_UNDO]) }))
}

/** A step that may have to be undone is remembered at its latest start, once for each pass of the loops around it. */
function begun(step: PlanStep, retries: boolean): ReturnType<typeof update> {
  return update(context => {
    const changes: { retriesLeft?: number; started?: readonly string[] } = {}
    if (retries) changes.retriesLeft = step.retry?.times ?? 0
    if (step.path === 'forward' && step.undo !== END) {
      const key = `${step.index}/${step.loops.map(loop => context.passes[loop]?.position ?? 0).join('/')}`
      changes.started = [...context.started.filter(k => k !== key), key]
    }
    return changes
  })
}

function resumed(step: PlanStep): Way {
  if (step.resume === 'stop') return { target: '#runbook.aborted' }
  return step.resume === 'skip' ? { target: inside(step.index, 'passedOver') } : { target: inside(step.index, 'ready') }
}

/** Before a step is begun: nothing to resume, it begins afresh. */
const notBegun = (plan: Plan, step: PlanStep, entered: Way): Record<string, object> => ({
  ready: {
    on: { ...arrivals(plan, step, entered), KILL: { target: inside(step.index, 'notYet') } },
  },
  notYet: { on: { RESUME: { target: inside(step.index, 'ready') } } },
})

function leafState(plan: Plan, step: PlanStep): object {
  const gone = { KILL: { target: inside(step.index, 'away') } }
  return {
    id: stateId(step.index), description: stepName(step), initial: 'ready',
    states: {
      ...notBegun(plan, step, { target: inside(step.index, 'working'), actions: begun(step, true) }),
      working: {
        on: {
          ...gone,
          // A step done twice by mistake begins again without having ended.
          ENTER: { target: inside(step.index, 'working'), actions: begun(step, false) },
          DONE: after(plan, step),
          FAIL: [
            { target: inside(step.index, 'waiting'), guard: ({ context }: { context: ChartContext }) => context.retriesLeft > 0, actions: update(context => ({ retriesLeft: context.retriesLeft - 1 })) },
            failureWay(plan, step),
          ],
        },
      },
      waiting: { on: { ...gone, ENTER: { target: inside(step.index, 'working'), actions: begun(step, false) } } },
      passedOver: { on: { DONE: after(plan, step) } },
      away: { on: { RESUME: resumed(step) } },
    },
  }
}

function compositeState(plan: Plan, step: PlanStep): object {
  const { action } = step
  if (action.kind !== 'forEach' && action.kind !== 'group') throw new Error('statechart: not a composite')
  const body = inside(action.first, 'ready')
  const gone = { KILL: { target: inside(step.index, 'away') } }
  const common = { id: stateId(step.index), description: stepName(step), initial: 'ready' }
  const ends = {
    // Done, or done all over again by mistake.
    ended: { on: { ...arrivals(plan, step, { target: inside(step.index, 'working'), actions: begun(step, true) }), KILL: { target: inside(step.index, 'endedAway') }, DONE: after(plan, step) } },
    endedAway: { on: { RESUME: { target: inside(step.index, 'ended') } } },
    passedOver: { on: { DONE: after(plan, step) } },
    away: { on: { RESUME: resumed(step) } },
  }
  if (action.kind === 'group') {
    return {
      ...common,
      states: {
        ...notBegun(plan, step, { target: inside(step.index, 'working'), actions: begun(step, true) }),
        working: { on: { ...gone, ITEMS: { target: body } } },
        closing: { always: { target: inside(step.index, 'ended') } },
        ...ends,
      },
    }
  }
  const position = (context: ChartContext): number => context.passes[step.index]?.position ?? 0
  const pass = (context: ChartContext, count: number, at: number): Partial<ChartContext> => ({ passes: { ...context.passes, [step.index]: { count, position: at } } })
  return {
    ...common,
    states: {
      ...notBegun(plan, step, { target: inside(step.index, 'working'), actions: begun(step, true) }),
      working: {
        on: {
          ...gone,
          ITEMS: [
            { target: body, guard: ({ event }: { event: ChartEvent }) => event.type === 'ITEMS' && event.count > 0, actions: update((context, event) => pass(context, event.type === 'ITEMS' ? event.count : 0, 0)) },
            { target: inside(step.index, 'ended') },
          ],
          FAIL: failureWay(plan, step),
        },
      },
      closing: {
        always: [
          { target: body, guard: ({ context }: { context: ChartContext }) => position(context) + 1 < (context.passes[step.index]?.count ?? 0), actions: update(context => pass(context, context.passes[step.index]?.count ?? 0, position(context) + 1)) },
          { target: inside(step.index, 'ended') },
        ],
      },
      ...ends,
    },
  }
}

/** From the rollback's hub to the undo of the newest step still to be undone. */
function rollbackWays(plan: Plan): Way[] {
  const shift = update(context => ({ undoing: context.undoing.slice(1) }))
  const ways: Way[] = []
  for (const step of plan.steps) {
    if (step.undo === END) continue
    ways.push({ target: inside(step.undo, 'ready'), guard: ({ context }) => context.undoing[0]?.startsWith(`${step.index}/`) === true, actions: shift })
  }
  if (plan.undo !== END) ways.push({ target: inside(plan.undo, 'ready'), guard: ({ context }) => context.undoing[0] === ROOT_UNDO, actions: shift })
  ways.push({ target: '#runbook.rolledBack' })
  return ways
}

interface ScriptContext {
  /** Lines begun and not done: several when some run in the background. */
  readonly open: readonly number[]
}
type ScriptEvent = { readonly type: Exclude<ChartEvent['type'], 'ITEMS' | 'FAIL' | 'SWAP'>; readonly step: number } | { readonly type: 'END'; readonly outcome: Outcome }

const script = setup({ types: { context: {} as ScriptContext, events: {} as ScriptEvent } })
const stepOf = (event: ScriptEvent): number => ('step' in event ? event.step : END)
const SCRIPT = script.createMachine({
  id: 'script', context: { open: [] }, initial: 'running',
  states: {
    running: lines('running', { ROLLBACK: { target: 'trapping', actions: script.assign({ open: [] }) } }, ['completed', 'rolledBack', 'aborted', 'stuck']),
    // Ctrl-C: whatever ran is over, and what runs now are the traps.
    trapping: lines('trapping', {}, ['rolledBack', 'aborted', 'stuck']),
    gone: { on: { RESUME: { target: 'running', actions: script.assign({ open: [] }) }, DEADLINE: { actions: script.assign({}) }, END: { target: 'stuck', guard: ({ event }) => event.type === 'END' && event.outcome === 'stuck' } } },
    completed: { type: 'final' }, rolledBack: { type: 'final' }, aborted: { type: 'final' }, stuck: { type: 'final' },
  },
})

/** Somebody is at work on a script: a shell decides which line comes next, so any may be begun, and only what was begun can be done. */
function lines(itself: string, more: object, ends: readonly Outcome[]): object {
  return {
    on: {
      ENTER: { target: itself, actions: script.assign({ open: ({ context, event }) => [...context.open, stepOf(event)] }) },
      SKIP: { actions: script.assign({}) },
      DONE: {
        target: itself, guard: ({ context, event }: { context: ScriptContext; event: ScriptEvent }) => context.open.includes(stepOf(event)),
        actions: script.assign({ open: ({ context, event }) => context.open.filter((step, i) => step !== stepOf(event) || i !== context.open.indexOf(step)) }),
      },
      KILL: { target: 'gone' },
      DEADLINE: { actions: script.assign({}) },
      END: ends.map(outcome => ({ target: outcome, guard: ({ event }: { event: ScriptEvent }) => event.type === 'END' && event.outcome === outcome })),
      ...more,
    },
  }
}

/** What follows the run of a script: give its `observer` to the operator. */
export interface ScriptFollower {
  readonly observer: OperatorObserver
  readonly at: string
  readonly open: readonly number[]
  /** What the operator reported and the chart has no way for. */
  readonly refused: readonly string[]
}

/** Starts the chart of a script's life and feeds it what the operator reports. The same for all scripts: which line comes next only their shell knows. */
export function followScript(sim: Simulation): ScriptFollower {
  const actor = createActor(SCRIPT as unknown as AnyActorLogic, { clock: clockOf(sim) as never })
  const refused: string[] = []
  const snapshot = (): { value: string; context: ScriptContext; can(event: ScriptEvent): boolean } => actor.getSnapshot() as never
  const send = (event: ScriptEvent): void => {
    if (!snapshot().can(event)) refused.push(`${event.type} ${'step' in event ? event.step : event.outcome} in ${snapshot().value}, open: ${snapshot().context.open.join()}`)
    actor.send(event)
  }
  actor.start()
  return {
    observer: { control: e => send({ type: TYPES[e.is] as never, step: e.step }), outcome: outcome => send({ type: 'END', outcome }) },
    get at() {
      return snapshot().value
    },
    get open() {
      return snapshot().context.open
    },
    refused,
  }
}

/** XState's clock on virtual time: no real timer ever runs. */
export function clockOf(sim: Simulation): { setTimeout(fn: (...args: unknown[]) => void, ms: number): unknown; clearTimeout(id: unknown): void } {
  return {
    setTimeout: (fn, ms) => sim.after(ms * 1000, () => fn()),
    clearTimeout: id => {
      if (typeof id === 'number') sim.cancel(id)
    },
  }
}

const TYPES: Readonly<Record<ControlEvent['is'], ChartEvent['type']>> = {
  enter: 'ENTER', skip: 'SKIP', done: 'DONE', fail: 'FAIL', items: 'ITEMS', kill: 'KILL', resume: 'RESUME', swap: 'SWAP', rollback: 'ROLLBACK', deadline: 'DEADLINE',
}

/** A statechart that follows a run: give its `observer` to the operator. */
export interface Follower {
  readonly observer: OperatorObserver
  /** The step the chart is in, or an outcome, or `rollback`. */
  readonly at: number | Outcome | 'rollback'
  readonly substate: string
}

/** Starts the chart of `plan` on the kernel's clock and feeds it what the operator reports. */
export function followChart(sim: Simulation, plan: Plan): Follower {
  const actor = createActor(statechart(plan) as unknown as AnyActorLogic, { clock: clockOf(sim) as never })
  let trouble: unknown
  // XState would rethrow through a real timer, and the run would merely look stuck.
  actor.subscribe({ error: error => { trouble = error } })
  const raise = (): void => {
    if (trouble !== undefined) throw trouble as Error
  }
  actor.start()
  raise()
  const value = (): string | Record<string, string> => (actor.getSnapshot() as { value: string | Record<string, string> }).value
  return {
    observer: {
      control: e => {
        if ((actor.getSnapshot() as { status: string }).status !== 'active') return
        actor.send({ type: TYPES[e.is], count: e.count ?? 0 })
        raise()
      },
    },
    get at() {
      const now = value()
      return typeof now === 'string' ? (now as Outcome | 'rollback') : Number((Object.keys(now)[0] as string).slice(1))
    },
    get substate() {
      const now = value()
      return typeof now === 'string' ? '' : (Object.values(now)[0] as string)
    },
  }
}

