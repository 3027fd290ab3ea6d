import { NEVER, SECOND, type Process, type Simulation, type Task, type TimerId, type Us, defineEvent } from '../kernel/index.ts'
import { Actor } from './actor.ts'
import { Journal } from './journal.ts'
import type { Outcome } from './observer.ts'
import type { OperatorOptions, OperatorRun } from './options.ts'
import { END, canRollBack, isInside, type Plan, type PlanStep, type StepPath } from './plan.ts'
import { judge } from './expect.ts'
import { ScriptOperator } from './script/operator.ts'
import { UnknownVariableError, fill } from './words.ts'

interface LoopFrame {
  readonly step: number
  readonly items: readonly string[]
  position: number
}

/** Two neighbours that change places by mistake: `early` is written after `late` and done first. */
interface Swap {
  readonly early: PlanStep
  readonly late: PlanStep
  /** The one of them that is being done. */
  at: number
}

/** A step that was started, with the loop variables it was started with. */
interface Started {
  readonly key: string
  readonly step: number
  readonly bindings: readonly (readonly [string, string])[]
}

const STARTED = defineEvent('operator.step-started')
const DONE = defineEvent('operator.step-done')
const FAILED = defineEvent('operator.step-failed')
const SKIPPED = defineEvent('operator.step-skipped')
const POSTPONED = defineEvent('operator.step-postponed')
const ROLLBACK = defineEvent('operator.rollback')
const OUTCOME = defineEvent('operator.outcome')
const KILLED = defineEvent('operator.killed')
const RESUMED = defineEvent('operator.resumed')

/** Starts a person on a plan, now. @throws UnsupportedError from within the run for a command that no model has */
export function startOperator(sim: Simulation, plan: Plan, options: OperatorOptions): OperatorRun {
  return plan.script === undefined ? new Run(sim, plan, options) : new ScriptOperator(sim, plan, options)
}

class Run implements OperatorRun {
  readonly journal = new Journal()
  readonly vars: Map<string, string>
  outcome: Outcome | undefined
  reason = ''
  private task: Task<void> | undefined
  private deadline: TimerId
  private deadlineUs: Us
  /** One for each life: the hands of a killed person stay still even if someone else has taken over. */
  private actor: Actor
  private readonly visits: Int32Array
  private readonly where: string
  /** When each step last failed into a goto. */
  private readonly jumpedUs: Float64Array

  // Where the person is; all of it is in the journal, so it survives a kill.
  private path: StepPath = 'forward'
  private at: number
  /** Arrived at a composite step from the end of its body. */
  private closing = false
  /** Begun and not done. */
  private open: PlanStep | undefined
  private loops: LoopFrame[] = []
  /** By step and loop pass, the latest start last. */
  private readonly started = new Map<string, Started>()
  private undoing: Started[] = []
  private swaps: Swap[] = []

  constructor(
    private readonly sim: Simulation,
    private readonly plan: Plan,
    private readonly options: OperatorOptions,
  ) {
    this.vars = new Map(plan.vars)
    for (const [name, value] of Object.entries(options.vars ?? {})) this.vars.set(name, value)
    this.visits = new Int32Array(plan.steps.length)
    this.jumpedUs = new Float64Array(plan.steps.length).fill(-1)
    this.at = plan.entry
    this.where = options.workstation ?? 'workstation'
    this.actor = new Actor(sim, options, this.vars)
    this.deadlineUs = options.deadlineUs
    this.deadline = this.armDeadline()
    this.task = sim.spawn(this.work())
  }

  get alive(): boolean {
    return this.task !== undefined && this.outcome === undefined
  }

  kill(): void {
    if (this.task === undefined || this.outcome !== undefined) return
    const task = this.task
    this.task = undefined
    this.actor.gone = true
    this.journal.write(this.sim.now, this.open?.id ?? '', this.path, this.open === undefined ? 0 : this.visitOf(this.open), 'killed')
    this.options.observer?.control?.({ is: 'kill', step: this.open?.index ?? END })
    task.kill()
    this.sim.log(KILLED, this.where)
  }

  resume(): void {
    if (this.task !== undefined || this.outcome !== undefined) return
    const open = this.open
    this.actor = new Actor(this.sim, this.options, this.vars)
    this.journal.write(this.sim.now, open?.id ?? '', this.path, open === undefined ? 0 : this.visitOf(open), 'resumed')
    this.options.observer?.control?.({ is: 'resume', step: open?.index ?? END })
    this.sim.log(RESUMED, this.where)
    if (open !== undefined) {
      if (open.resume === 'stop') return this.finish('aborted', `taken over at step ${open.id}, which says resume: stop`)
      if (open.resume === 'skip') this.leave(open, 'skipped on resume')
      else this.go(open.index, false)
    }
    this.task = this.sim.spawn(this.work())
  }

  turnBack(): boolean {
    const { task, open } = this
    if (task === undefined || this.outcome !== undefined || this.path === 'undo') return false
    this.task = undefined
    this.actor.gone = true
    const why = `decided to roll back${open === undefined ? '' : ` in step ${open.id}`}`
    if (open !== undefined) this.journal.write(this.sim.now, open.id, open.path, this.visitOf(open), 'failed', why)
    this.options.observer?.control?.({ is: 'rollback', step: open?.index ?? END })
    task.kill()
    if (!canRollBack(this.plan)) {
      this.finish('aborted', `${why}, but the runbook has no undo`)
      return true
    }
    this.actor = new Actor(this.sim, this.options, this.vars)
    this.rollBack(why)
    this.task = this.sim.spawn(this.work())
    return true
  }

  extendDeadline(us: Us): void {
    if (us <= this.deadlineUs || this.outcome !== undefined) return
    this.deadlineUs = us
    this.sim.cancel(this.deadline)
    this.deadline = this.armDeadline()
  }

  private armDeadline(): TimerId {
    return this.deadlineUs === NEVER ? -1 : this.sim.call(Math.max(this.sim.now, this.deadlineUs), () => this.expire())
  }

  private expire(): void {
    if (this.outcome !== undefined) return
    const task = this.task
    this.task = undefined
    this.actor.gone = true
    this.options.observer?.control?.({ is: 'deadline', step: this.open?.index ?? END })
    this.finish('stuck', this.open === undefined ? 'the deadline passed and nobody was at work' : `the deadline passed in step ${this.open.id}`)
    task?.kill()
  }

  private visitOf(step: PlanStep): number {
    return this.visits[step.index] as number
  }

  private go(to: number, closing: boolean): void {
    this.at = to
    this.closing = closing
  }

  /** The whole life of the person: one step after the other until there is an outcome. */
  private *work(): Process<void> {
    const { actor } = this
    while (this.outcome === undefined && !actor.gone) {
      if (this.at === END) this.endOfPath()
      else {
        const step = this.plan.steps[this.at] as PlanStep
        if (this.closing) this.closeBody(step)
        else yield* this.step(step)
      }
    }
  }

  private endOfPath(): void {
    if (this.path === 'forward') return this.finish('completed', '')
    const next = this.undoing.shift()
    if (next === undefined) return this.finish('rolledBack', this.reason)
    for (const [name, value] of next.bindings) this.vars.set(name, value)
    this.loops = []
    this.go(next.step, false)
  }

  private *step(step: PlanStep): Process<void> {
    const { actor } = this
    let visit = this.visitOf(step) + 1
    if (!this.wanted(step)) return this.skip(step, 'its condition does not hold')
    if (this.options.slips?.decide !== undefined && this.slipped(step, visit)) return
    let left = step.retry?.times ?? 0
    for (;;) {
      this.begin(step, visit)
      if (actor.gone) return
      const failure = yield* this.attempt(actor, step, visit)
      if (actor.gone) return
      if (failure === undefined) {
        // A composite whose body was entered stays open; everything else is done, unless it is all done again by mistake.
        if (this.at !== step.index) return
        if (!this.again(step)) return this.leave(step, '')
      } else {
        this.options.observer?.control?.({ is: 'fail', step: step.index })
        this.journal.write(this.sim.now, step.id, step.path, visit, 'failed', failure)
        this.sim.log(FAILED, step.id, visit, failure)
        if (left === 0) {
          this.fail(step, failure)
          // Round and round at one instant would never end: nobody reads a page again in no time.
          if (step.otherwise.is === 'goto' && this.jumpedUs[step.index] === this.sim.now) yield SECOND
          this.jumpedUs[step.index] = this.sim.now
          return
        }
        left -= 1
        if (step.retry !== undefined) yield step.retry.everyUs
      }
      visit += 1
    }
  }

  /** Whether the step just reached is passed over, or put off until after the next one, by mistake. */
  private slipped(step: PlanStep, visit: number): boolean {
    const next = step.next === END || step.closes || this.swaps.some(swap => swap.at === step.index) ? undefined : (this.plan.steps[step.next] as PlanStep)
    const slip = this.options.slips?.decide?.(step.id, step.path, visit, next?.id)
    if (slip === 'skip') {
      // It counts as a visit, so that the luck and the faults of later visits stay theirs.
      this.visits[step.index] = visit
      this.skip(step, 'left out by mistake')
    } else if (slip === 'swap' && next !== undefined) this.swap(step, next, visit)
    else return false
    return true
  }

  private again(step: PlanStep): boolean {
    return this.options.slips?.again?.(step.id, step.path, this.visitOf(step)) === true
  }

  private swap(late: PlanStep, early: PlanStep, visit: number): void {
    this.swaps.push({ early, late, at: early.index })
    const why = `${early.id} is done first, by mistake`
    this.journal.write(this.sim.now, late.id, late.path, visit, 'postponed', why)
    this.sim.log(POSTPONED, late.id, visit, why)
    this.options.observer?.control?.({ is: 'swap', step: late.index })
    this.go(early.index, false)
  }

  /** Does the step once. Undefined = it succeeded (a composite: its body is entered); else why not. */
  private *attempt(actor: Actor, step: PlanStep, visit: number): Process<string | undefined> {
    try {
      if (step.action.kind === 'forEach') return this.enterLoop(step, step.action)
      if (step.action.kind === 'group') return this.enterGroup(step, step.action.first)
      return yield* actor.act(step, visit)
    } catch (error) {
      if (error instanceof UnknownVariableError) return error.message
      throw error
    }
  }

  private wanted(step: PlanStep): boolean {
    if (step.when === undefined) return true
    try {
      return judge(step.when.expect, { out: fill(step.when.value, this.actor.lookup), err: '', code: 0 }, this.actor.lookup).holds
    } catch (error) {
      if (error instanceof UnknownVariableError) return false
      throw error
    }
  }

  private begin(step: PlanStep, visit: number): void {
    this.visits[step.index] = visit
    this.open = step
    if (step.path === 'forward' && step.undo !== END) this.remember(step)
    this.journal.write(this.sim.now, step.id, step.path, visit, 'started')
    this.sim.log(STARTED, step.id, visit, step.title)
    this.options.observer?.control?.({ is: 'enter', step: step.index })
    this.options.observer?.phase?.({ step: step.id, title: step.title, path: step.path, visit, phase: 'start', atUs: this.sim.now })
  }

  /** Notes that this step will have to be undone: once for each loop pass, at the place of its latest start. */
  private remember(step: PlanStep): void {
    const key = `${step.index}/${this.loops.map(loop => loop.position).join('/')}`
    const bindings = this.loops.map(loop => [loopName(this.plan, loop.step), loop.items[loop.position] as string] as const)
    this.started.delete(key)
    this.started.set(key, { key, step: step.undo, bindings })
  }

  private enterGroup(step: PlanStep, first: number): undefined {
    this.options.observer?.control?.({ is: 'items', step: step.index, count: 1 })
    return this.enterBody(first)
  }

  private enterBody(first: number): undefined {
    this.go(first, false)
    return undefined
  }

  private enterLoop(step: PlanStep, action: Extract<PlanStep['action'], { kind: 'forEach' }>): undefined {
    const { lookup } = this.actor
    const items =
      action.items.by === 'list'
        ? action.items.list.map(item => fill(item, lookup))
        : fill(action.items.from, lookup).split(action.items.by === 'lines' ? '\n' : /\s+/).map(item => item.trim()).filter(item => item !== '')
    this.options.observer?.control?.({ is: 'items', step: step.index, count: items.length })
    for (const name of collectedIn(this.plan, step)) this.vars.set(name, '')
    if (items.length === 0) {
      this.options.observer?.barren?.({ step: step.id, text: step.title, atUs: this.sim.now })
      return undefined
    }
    this.loops.push({ step: step.index, items, position: 0 })
    this.vars.set(action.as, items[0] as string)
    return this.enterBody(action.first)
  }

  /** The end of a composite's body: the next pass of a loop, or its end. */
  private closeBody(step: PlanStep): void {
    const loop = this.loops[this.loops.length - 1]
    if (step.action.kind === 'forEach' && loop !== undefined && loop.step === step.index) {
      loop.position += 1
      if (loop.position < loop.items.length) {
        this.vars.set(step.action.as, loop.items[loop.position] as string)
        return this.go(step.action.first, false)
      }
      this.loops.pop()
    }
    if (this.again(step)) return this.go(step.index, false)
    this.leave(step, '')
  }

  private leave(step: PlanStep, detail: string): void {
    const visit = this.visitOf(step)
    this.journal.write(this.sim.now, step.id, step.path, visit, 'done', detail)
    this.sim.log(DONE, step.id, visit)
    this.open = undefined
    this.goOn(step)
    this.options.observer?.control?.({ is: 'done', step: step.index })
    this.options.observer?.phase?.({ step: step.id, title: step.title, path: step.path, visit, phase: 'end', atUs: this.sim.now })
  }

  private skip(step: PlanStep, why: string): void {
    this.journal.write(this.sim.now, step.id, step.path, this.visitOf(step), 'skipped', why)
    this.sim.log(SKIPPED, step.id, this.visitOf(step), why)
    this.options.observer?.control?.({ is: 'skip', step: step.index })
    this.goOn(step)
  }

  /** To what comes after a step: as written, unless it has changed places with its neighbour. */
  private goOn(step: PlanStep): void {
    const swap = this.swaps.find(each => each.at === step.index)
    if (swap === undefined) return this.go(step.next, step.closes)
    if (swap.early === step) {
      swap.at = swap.late.index
      return this.go(swap.late.index, false)
    }
    this.swaps.splice(this.swaps.indexOf(swap), 1)
    this.go(swap.early.next, swap.early.closes)
  }

  private fail(step: PlanStep, failure: string): void {
    const policy = step.otherwise
    const why = `step ${step.id}${step.path === 'undo' ? ' of the rollback' : ''} failed: ${failure}`
    switch (policy.is) {
      case 'continue':
        return this.leave(step, 'failed, went on')
      case 'abort':
        return this.finish('aborted', why)
      case 'rollback':
        return this.rollBack(why)
      case 'goto': {
        const target = this.plan.steps[policy.step] as PlanStep
        this.vars.set('failure', why)
        this.open = undefined
        this.loops = this.loops.slice(0, target.loops.length)
        // What was put off is forgotten, unless the jump stays inside the step that is being done first.
        this.swaps = this.swaps.filter(swap => isInside(this.plan, policy.step, swap.at))
        this.go(policy.step, false)
      }
    }
  }

  private rollBack(why: string): void {
    this.reason = why
    this.sim.log(ROLLBACK, this.where, this.started.size, why)
    this.path = 'undo'
    this.open = undefined
    this.loops = []
    this.undoing = [...this.started.values()].reverse()
    if (this.plan.undo !== END) this.undoing.push({ key: 'runbook', step: this.plan.undo, bindings: [] })
    this.go(END, false)
  }

  private finish(outcome: Outcome, reason: string): void {
    this.outcome = outcome
    this.reason = reason
    this.sim.cancel(this.deadline)
    this.journal.write(this.sim.now, '', this.path, 0, 'outcome', outcome)
    this.sim.log(OUTCOME, this.where, OUTCOMES.indexOf(outcome), reason === '' ? outcome : `${outcome}: ${reason}`)
    this.options.observer?.outcome?.(outcome, reason, this.sim.now)
  }
}

const collections = new WeakMap<PlanStep, readonly string[]>()

/** The variables that steps of a loop gather: empty when it begins. */
function collectedIn(plan: Plan, loop: PlanStep): readonly string[] {
  let names = collections.get(loop)
  if (names === undefined) collections.set(loop, (names = plan.steps.flatMap(({ collect, loops }) => (collect !== undefined && loops.at(-1) === loop.index ? [collect] : []))))
  return names
}

const OUTCOMES: readonly Outcome[] = ['completed', 'rolledBack', 'aborted', 'stuck']

function loopName(plan: Plan, step: number): string {
  const { action } = plan.steps[step] as PlanStep
  if (action.kind !== 'forEach') throw new Error(`operator: step ${step} is no loop, yet it has a frame`)
  return action.as
}
