import { NEVER, type Process, type Simulation, TIMED_OUT, type Task, type Us, defineEvent, within } from '../kernel/index.ts'
import { type Deed, type Output, ok } from './command.ts'
import { type Judgement, judge } from './expect.ts'
import type { OperatorOptions } from './options.ts'
import { type BoundLine, Lookable, type Workplace, bindLine, countsLines, runBound } from './line.ts'
import { pickFrom } from './pick.ts'
import type { Action, PlacedLine, PlanStep } from './plan.ts'
import { Poller } from './poll.ts'
import { fill } from './words.ts'

/** What a person reads when a command is ended with Ctrl-C. */
const INTERRUPTED: Output = { out: '', err: '^C', code: 130 }

const COMMAND = defineEvent('operator.command')
const GATE_PASSED = defineEvent('operator.gate-passed')
const GATE_FAILED = defineEvent('operator.gate-failed')

/** The hands and eyes of the operator: does one step's action once. It knows what commands printed and nothing else. */
export class Actor {
  /** The person was killed: nothing more may be done. */
  gone = false
  readonly lookup: (name: string) => string | undefined
  /** The workstation as it is, and as it looks in the visit under way. */
  private readonly workplace: Workplace
  private place: Workplace

  constructor(
    private readonly sim: Simulation,
    private readonly options: OperatorOptions,
    private readonly vars: Map<string, string>,
  ) {
    this.lookup = name => vars.get(name)
    this.workplace = { registry: options.registry, user: options.user, env: options.env }
    this.place = this.workplace
  }

  /** Undefined when the step succeeded, else why not. @throws UnknownVariableError */
  *act(step: PlanStep, visit: number): Process<string | undefined> {
    const { action } = step
    const reread = this.options.slips?.reread?.(step.id, step.path, visit)
    this.place = reread === undefined ? this.workplace : { ...this.workplace, registry: this.workplace.registry.through(reread) }
    switch (action.kind) {
      case 'note':
        return undefined
      case 'fail':
        return fill(action.reason, this.lookup)
      case 'sleep':
        this.phase(step, visit, 1, ['sleep', String(action.us / 1_000_000)], this.sim.now)
        if (!this.gone) yield action.us
        return undefined
      case 'pick': {
        const choice = pickFrom(action.pick, this.lookup)
        if (typeof choice === 'string') this.vars.set(action.pick.as, choice)
        return typeof choice === 'string' ? undefined : choice.why
      }
      case 'run':
        return yield* this.runAll(step, visit, action)
      case 'parallel':
        return yield* this.runTogether(step, visit, action)
      case 'gate':
        return yield* this.gate(step, visit, action)
      default:
        throw new Error(`operator: step ${step.id} is composite and has no action of its own`)
    }
  }

  private bind(step: PlanStep, visit: number, line: PlacedLine, command: number): BoundLine {
    const { slips } = this.options
    return bindLine(line, this.place, this.lookup, slips?.retype === undefined ? undefined : argv => slips.retype?.(argv, step.id, step.path, visit, command) ?? argv)
  }

  private *runAll(step: PlanStep, visit: number, action: Extract<Action, { kind: 'run' }>): Process<string | undefined> {
    const key = keyOf(step, visit)
    const outputs: Output[] = []
    let failure: string | undefined
    for (let i = 0; i < action.lines.length; i++) {
      const line = this.bind(step, visit, action.lines[i] as PlacedLine, i + 1)
      this.phase(step, visit, i + 1, line.argv, this.sim.now, line)
      if (this.gone) return undefined
      this.sim.log(COMMAND, step.id, i + 1, line.text)
      const deed = { acted: false }
      const process = runBound(line, key, i + 1, this.place, deed)
      const output = action.timeoutUs === NEVER ? yield* process : yield* this.limited(process, action.timeoutUs)
      this.returned(step, visit, i + 1, line, output, deed)
      outputs.push(output)
      if (output.code === 0) continue
      failure ??= failureOf(line, output)
      // As a script without `set -e` does, `continue` goes on with the next command too.
      if (step.otherwise.is !== 'continue') return failure
    }
    return this.conclude(step, outputs, failure, action.expect)
  }

  private *runTogether(step: PlanStep, visit: number, action: Extract<Action, { kind: 'parallel' }>): Process<string | undefined> {
    const key = keyOf(step, visit)
    const lines = action.lines.map((line, i) => this.bind(step, visit, line, i + 1))
    const deeds = lines.map((): Deed => ({ acted: false }))
    const tasks: Task<Output>[] = []
    try {
      for (const [i, line] of lines.entries()) {
        this.phase(step, visit, i + 1, line.argv, this.sim.now, line)
        if (this.gone) return undefined
        this.sim.log(COMMAND, step.id, i + 1, line.text)
        tasks.push(this.sim.spawn(this.limited(runBound(line, key, i + 1, this.place, deeds[i]), action.timeoutUs)))
      }
      const outputs: Output[] = []
      let failure: string | undefined
      for (const [i, task] of tasks.entries()) {
        const output = ((yield task) as Output | undefined) ?? INTERRUPTED
        const line = lines[i] as BoundLine
        this.returned(step, visit, i + 1, line, output, deeds[i])
        outputs.push(output)
        if (output.code !== 0) failure ??= failureOf(line, output)
      }
      return this.conclude(step, outputs, failure, action.expect)
    } finally {
      for (const task of tasks) task.kill()
    }
  }

  private capture(step: PlanStep, out: string): void {
    if (step.as !== undefined) this.vars.set(step.as, out)
    if (step.collect === undefined || out === '') return
    const before = this.vars.get(step.collect) ?? ''
    this.vars.set(step.collect, before === '' ? out : `${before}\n${out}`)
  }

  /** Captures what the commands printed and judges it. */
  private conclude(step: PlanStep, outputs: readonly Output[], failure: string | undefined, expect: Extract<Action, { kind: 'run' }>['expect']): string | undefined {
    const out = outputs.map(o => o.out.trim()).filter(text => text !== '').join('\n')
    this.capture(step, out)
    if (failure !== undefined || expect === undefined) return failure
    const judgement = judge(expect, ok(out), this.lookup)
    return judgement.holds ? undefined : unexpected(out, judgement)
  }

  /** A command that the person ends with Ctrl-C after `us`. */
  private *limited(process: Process<Output>, us: Us): Process<Output> {
    if (us === NEVER) return yield* process
    const task = this.sim.spawn(process)
    try {
      const output = (yield within(task, us)) as Output | typeof TIMED_OUT | undefined
      return output === TIMED_OUT || output === undefined ? INTERRUPTED : output
    } finally {
      task.kill()
    }
  }

  private *gate(step: PlanStep, visit: number, action: Extract<Action, { kind: 'gate' }>): Process<string | undefined> {
    const line = this.bind(step, visit, action.line, 1)
    const waved = this.options.slips?.wave?.(step.id, step.path, visit) === true
    const watch = new GateWatch(action, line, this.lookup, waved)
    const giveUpUs = this.sim.now + action.timeoutUs
    const target = Lookable.of(line, keyOf(step, visit), this.place)
    if (target === undefined) yield* this.pollByRunning(step, visit, action, line, watch, giveUpUs)
    else yield* this.pollByLooking(step, visit, action, line, target, watch, giveUpUs)
    if (this.gone) return undefined
    this.sim.log(watch.passed ? GATE_PASSED : GATE_FAILED, step.id, visit, () => `${line.text} printed ${JSON.stringify(watch.output.out.trim())}`)
    this.options.observer?.gate?.({
      step: step.id, path: step.path, visit, atUs: this.sim.now, passed: watch.passed, polls: watch.polls, output: watch.output, judgedUs: watch.judgedUs,
      claims: watch.passed && !waved ? action.claims.map(claim => ({ name: claim.name, args: claim.args.map(arg => fill(arg, this.lookup)) })) : [],
      missing: watch.judgement.missing, stale: watch.asOfUs < watch.judgedUs, asOfUs: watch.asOfUs, waited: watch.waited,
    })
    if (!watch.passed) return `\`${line.text}\` did not hold in time; last output: ${watch.polls === 0 ? 'none' : unexpected(watch.output.out.trim(), watch.judgement)}`
    this.capture(step, watch.output.out.trim())
    return undefined
  }

  private *pollByLooking(step: PlanStep, visit: number, action: Extract<Action, { kind: 'gate' }>, line: BoundLine, target: Lookable, watch: GateWatch, giveUpUs: Us): Process<void> {
    const { observer, elide } = this.options
    const poller: Poller = new Poller({
      sim: this.sim, target, everyUs: action.everyUs, giveUpUs, elide,
      issued: (nth, atUs) => this.phase(step, visit, nth, line.argv, atUs, line),
      wanted: () => observer?.wantsPoll?.(step.id, step.path, visit, poller.nth) ?? Number.POSITIVE_INFINITY,
    })
    try {
      for (;;) {
        const result = (yield poller) as Exclude<Parameters<Parameters<Poller['park']>[1]>[0], undefined>
        if (this.gone) return
        if (result.is === 'gaveUp') {
          if (result.judgedUs !== undefined) watch.repeated(result.judgedUs)
          break
        }
        const judgedUs = result.is === 'polled' ? result.judgedUs : this.sim.now
        const output = result.is === 'polled' ? result.output : yield* this.limited(target.run(poller.nth), giveUpUs - this.sim.now)
        if (output === INTERRUPTED) break
        this.returned(step, visit, poller.nth, line, output)
        watch.read(output, judgedUs, result.is === 'polled' ? result.asOfUs : judgedUs, poller.nth)
        if (watch.passed || this.gone) return
        poller.next(this.sim.now, watch.matterUs)
      }
      watch.polls = poller.returned
    } finally {
      poller.close()
    }
  }

  /** A gate on a pipeline of several commands: every poll is run. */
  private *pollByRunning(step: PlanStep, visit: number, action: Extract<Action, { kind: 'gate' }>, line: BoundLine, watch: GateWatch, giveUpUs: Us): Process<void> {
    let issueUs = this.sim.now
    for (let nth = 1; issueUs < giveUpUs; nth++) {
      yield issueUs - this.sim.now
      this.phase(step, visit, nth, line.argv, this.sim.now, line)
      if (this.gone) return
      const output = yield* this.limited(runBound(line, keyOf(step, visit), nth, this.place), giveUpUs - this.sim.now)
      if (output === INTERRUPTED) return
      this.returned(step, visit, nth, line, output)
      watch.read(output, this.sim.now, this.sim.now, nth)
      if (watch.passed || this.gone) return
      issueUs += action.everyUs * Math.max(1, Math.ceil((this.sim.now - issueUs) / action.everyUs))
      if (line.real === -1 && action.forUs === 0 && issueUs < giveUpUs) issueUs = giveUpUs
    }
    if (giveUpUs === NEVER) return
    yield giveUpUs - this.sim.now
  }

  private phase(step: PlanStep, visit: number, command: number, argv: readonly string[], atUs: Us, line?: BoundLine): void {
    this.options.terminal?.(`$ ${argv.join(' ')}`)
    const { observer } = this.options
    if (observer?.phase === undefined) return
    const event = { step: step.id, title: step.title, path: step.path, visit, phase: 'await', command, argv, atUs } as const
    observer.phase(line === undefined || line.stages.length < 2 || this.sim.records === undefined ? event : { ...event, stages: line.stages.map(stage => stage.argv) })
  }

  private returned(step: PlanStep, visit: number, command: number, line: BoundLine, output: Output, deed?: Deed): void {
    if (this.options.terminal !== undefined && output.out + output.err !== '') this.options.terminal((output.out + output.err).trimEnd())
    // Whoever goes on whatever happens looks at no failure.
    this.options.observer?.commandReturned?.({ step: step.id, path: step.path, visit, command, argv: line.argv, output, acted: deed?.acted === true, unseen: step.otherwise.is === 'continue', atUs: this.sim.now })
  }
}

/** Reads the polls of a gate and says when it has passed. */
class GateWatch {
  passed = false
  polls = 0
  /** A poll said no. */
  waited = false
  output: Output = { out: '', err: '', code: 0 }
  judgement: Judgement = { holds: false, missing: true }
  judgedUs = 0
  asOfUs = 0
  /** From this judged instant on a poll matters even if it prints what the last one printed. */
  matterUs: Us = NEVER
  private heldSinceUs: Us | undefined
  private readonly countsLines: boolean

  constructor(
    private readonly action: Extract<Action, { kind: 'gate' }>,
    line: BoundLine,
    private readonly lookup: (name: string) => string | undefined,
    private readonly waved: boolean,
  ) {
    this.countsLines = countsLines(line)
  }

  /** Later polls printed the same, the last of them judged then. */
  repeated(judgedUs: Us): void {
    if (this.asOfUs === this.judgedUs) this.asOfUs = judgedUs
    this.judgedUs = judgedUs
  }

  read(output: Output, judgedUs: Us, asOfUs: Us, nth: number): void {
    this.output = output
    this.judgement = judge(this.action.expect, output, this.lookup, this.countsLines)
    this.judgedUs = judgedUs
    this.asOfUs = asOfUs
    this.polls = nth
    if (!this.judgement.holds) this.waited = true
    if (this.waved) {
      this.passed = true
      return
    }
    if (!this.judgement.holds) {
      this.heldSinceUs = undefined
      this.matterUs = NEVER
      return
    }
    this.heldSinceUs ??= judgedUs
    this.matterUs = this.heldSinceUs + this.action.forUs
    this.passed = judgedUs >= this.matterUs
  }
}

const visitKeys = new WeakMap<PlanStep, string[]>()

/** The name of a visit's luck: the same text for all rehearsals, so that whoever looks something up by it need not read it anew. */
function keyOf(step: PlanStep, visit: number): string {
  let keys = visitKeys.get(step)
  if (keys === undefined) visitKeys.set(step, (keys = []))
  // A loop without end makes no memory without end.
  return visit > 100 ? keyOfVisit(step, visit) : (keys[visit] ??= keyOfVisit(step, visit))
}

function keyOfVisit(step: PlanStep, visit: number): string {
  return `${step.path === 'undo' ? 'undo/' : ''}${step.id}#${visit}`
}

function failureOf(line: BoundLine, output: Output): string {
  const said = (output.err.trim() === '' ? output.out : output.err).trim().split('\n')[0] ?? ''
  return `\`${line.text}\` ended with status ${output.code}${said === '' ? '' : `: ${said}`}`
}

function unexpected(out: string, judgement: Judgement): string {
  const text = out === '' ? 'nothing' : `\`${out.split('\n')[0]}\``
  return `${text}${judgement.missing ? ', which is no data' : ', which is not what was expected'}`
}
