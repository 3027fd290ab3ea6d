import { NEVER, type Process, SECOND, type Simulation, type Task, type TimerId, type Us, defineEvent } from '../../kernel/index.ts'
import type { Output } from '../command.ts'
import { Journal } from '../journal.ts'
import type { Outcome } from '../observer.ts'
import type { OperatorOptions, OperatorRun } from '../options.ts'
import { END, type Plan, type PlanStep } from '../plan.ts'
import { type Caller, type Frame, type Issue, MemoryFiles, ScriptRun, StuckError, type Watcher } from '../shell/index.ts'
import { EPOCH_SECONDS } from '../shell/container.ts'
import type { Shell } from '../shell/shell.ts'
import { Answers } from '../shell/streams.ts'
import type { For, Script, Simple, While } from '../shell/syntax.ts'
import { GuardKeeper, type GuardTeller } from './guarding.ts'
import { passedOver, wouldAct } from './barren.ts'
import { lineId } from './plan.ts'
import { LineRecorder, withoutColours } from './record.ts'

const COMMAND = defineEvent('operator.command')
const STARTED = defineEvent('operator.step-started')
const DONE = defineEvent('operator.step-done')
const SKIPPED = defineEvent('operator.step-skipped')
const OUTCOME = defineEvent('operator.outcome')
const KILLED = defineEvent('operator.killed')
const RESUMED = defineEvent('operator.resumed')
const ROLLBACK = defineEvent('operator.rollback')
const OUTCOMES: readonly Outcome[] = ['completed', 'rolledBack', 'aborted', 'stuck']
const LAST_WORDS = 400
/** Whoever runs a failed script again has read what it printed. */
const LOOK_US = 60 * SECOND

/** A visit of a line that is under way. */
interface Visit {
  readonly step: PlanStep
  readonly visit: number
  commands: number
  /** Of the commands on the line, the last one issued. */
  ordinal: number
  /** The call of a helper that the visit is, until that ends. */
  readonly call: Frame | undefined
  readonly skipped: boolean
}

/**
 * The person who runs a script: starts it, and goes by its exit status. Killed, the script dies where it is (no trap runs); whoever takes over
 * runs it again from the top. Turning back is Ctrl-C: its traps run.
 */
export class ScriptOperator implements OperatorRun {
  readonly journal = new Journal()
  readonly vars: ReadonlyMap<string, string>
  outcome: Outcome | undefined
  reason = ''
  private task: Task<void> | undefined
  private run: ScriptRun | undefined
  private current: Script | undefined
  private gone = false
  private deadline: TimerId
  private deadlineUs: Us
  private readonly visits: Int32Array
  private open: Visit | undefined
  private readonly issued = new Map<number, Visit>()
  private readonly where: string
  private readonly files: MemoryFiles
  /** What it printed last on standard error, and on standard output: many scripts complain there. */
  private lastWords = ''
  private lastPrinted = ''
  /** Why the last program failed, if it did: a script's own message often hides it. */
  private lastFailure = ''
  /** What the last program that failed had to say, alone. */
  private programWords = ''
  private lines: LineRecorder | undefined
  private keeper: GuardKeeper | undefined
  private readonly teller: GuardTeller | undefined
  private reruns: number
  /** Whoever sits at the terminal of the script under way. */
  private answers: Answers | undefined
  /** Commands that a trap started. */
  private undoing = 0

  constructor(
    private readonly sim: Simulation,
    private readonly plan: Plan,
    private readonly options: OperatorOptions,
  ) {
    this.vars = new Map(plan.vars)
    this.visits = new Int32Array(plan.steps.length)
    this.where = options.workstation ?? 'workstation'
    this.files = new MemoryFiles(plan.script?.mounted ?? new Map())
    this.reruns = options.reruns ?? 0
    const { observer, slips } = options
    if (observer?.guard !== undefined || slips?.wave !== undefined) this.teller = { visits: new Map(), guard: e => observer?.guard?.(e), claiming: claims => observer?.claiming?.(claims), ...(slips?.wave === undefined ? {} : { waves: (guard, visit) => slips.wave?.(guard, 'forward', visit) === true }) }
    this.deadlineUs = options.deadlineUs
    this.deadline = this.armDeadline()
    this.task = sim.spawn(this.work())
  }

  get alive(): boolean {
    return this.task !== undefined && this.outcome === undefined
  }

  private *work(): Process<void> {
    for (const script of this.plan.script?.scripts ?? []) {
      const run = this.runOf(script)
      this.run = run
      this.current = script
      run.session.onStuck = error => void this.sim.after(0, () => this.jammed(script.file, error.message))
      let status: number
      try {
        status = yield* run.run()
      } catch (error) {
        if (!(error instanceof StuckError)) throw error
        return this.finish('stuck', `${script.file}: ${error.message}${this.unanswered()}`)
      } finally {
        run.stop()
        this.lines?.close()
      }
      if (!this.gone) this.close()
      // Killed while its last command ended: nobody is there to see how it went.
      if (this.gone) return
      if (status !== 0) {
        const reason = `${script.file} ended with status ${status} at line ${run.shell.line}${this.said()}${this.unanswered()}`
        return this.reruns > 0 ? yield* this.again(reason) : this.ended(reason)
      }
    }
    this.finish('completed', '')
  }

  /** The script has failed: somebody runs it again, from the top, whatever it left behind. */
  private *again(reason: string): Process<void> {
    this.reruns -= 1
    this.journal.write(this.sim.now, '', 'forward', 0, 'resumed', `${reason}; run again from the top`)
    this.sim.log(RESUMED, this.where, 1, `${reason}; run again from the top`)
    this.undoing = 0
    this.lastWords = ''
    this.lastFailure = ''
    this.lastPrinted = ''
    yield LOOK_US
    yield* this.work()
  }

  /** The last words on the terminal, and those of the program that failed just before, where they are others. */
  private said(): string {
    const { lastFailure } = this
    const [lastWords, lastPrinted] = [lastLine(this.lastWords), lastLine(this.lastPrinted)]
    if (lastWords === '') return lastFailure === '' ? (lastPrinted === '' ? '' : `; the last line it printed: ${lastPrinted}`) : `: ${lastFailure}`
    return lastFailure === '' || lastFailure.includes(lastWords) ? `: ${lastFailure === '' ? lastWords : lastFailure}` : `: ${lastWords} (${lastFailure})`
  }

  /** That it asked last and got no answer, which is then why it ended as it did. */
  private unanswered(): string {
    return this.answers?.starved === true ? '; it asked, and nobody answered (what is typed then: `script: { answers: [y] }` in the scenario, or `--set script.answers=[y]`)' : ''
  }

  /** Something beside the script's main process cannot end. */
  private jammed(file: string, why: string): void {
    if (this.task === undefined || this.outcome !== undefined) return
    this.halt()
    this.finish('stuck', `${file}: ${why}`)
  }

  /** A script has failed: it has rolled back if its trap did something and passed over no failure in that (one that it tries again, it looks at). */
  private ended(reason: string): void {
    this.finish(this.undoing > 0 && (this.run?.session.passedOver ?? 0) === 0 ? 'rolledBack' : 'aborted', reason)
  }

  private runOf(script: NonNullable<Plan['script']>['scripts'][number]): ScriptRun {
    const { options } = this
    const terminal = (error: boolean) => ({
      write: (text: string): boolean => {
        if (error) this.lastWords = text
        else this.lastPrinted = text
        this.lines?.wrote(text, error)
        options.terminal?.(text.trimEnd())
        return true
      },
    })
    const host = { sim: this.sim, registry: options.registry, files: this.files, key: `script/${script.file}`, user: options.user ?? 'operator', runAs: options.user, hostname: this.where, epochSeconds: EPOCH_SECONDS, missing: 'unsupported', remembers: options.elide, watcher: this.watcher(script) } as const
    const { given } = script
    this.answers = new Answers(given?.answers ?? [])
    const env = { HOME: '/root', PATH: '/usr/local/bin:/usr/bin:/bin', USER: options.user ?? 'operator', LANG: 'C.UTF-8', ...options.env, ...given?.environment }
    return new ScriptRun(host, script, { name: script.file, args: given?.arguments ?? [], env, cwd: '/root', out: terminal(false), err: terminal(true), in: this.answers })
  }

  private watcher(script: Script): Watcher {
    const several = (this.plan.script?.scripts.length ?? 0) > 1
    const watcher: Watcher = { issue: (node, argv, shell) => this.issue(script.file, node, argv, shell), returned: (node, issue, output, shell) => this.returned(script, node, issue, output, shell), barren: (node, shell) => this.barren(script, node, shell.calls) }
    const { observer } = this.options
    const decisions = this.plan.script?.decisions
    const keeper = this.teller === undefined || decisions === undefined ? undefined : new GuardKeeper(this.sim, script, several, decisions, this.teller)
    this.keeper = keeper
    const guarded = keeper === undefined ? watcher : { ...watcher, decider: keeper, ran: keeper.ran.bind(keeper) }
    if (observer?.line === undefined) return guarded
    const lines = new LineRecorder(this.sim, script, several, e => observer.line?.(e))
    this.lines = lines
    return { ...guarded, ran: (node, argv, status, sinceUs, shell) => {
      keeper?.ran(node, argv, status, sinceUs, shell)
      lines.ran(node, argv, status, sinceUs, shell, this.run?.shell ?? shell)
    } }
  }

  /**
   * The line that asked for a command: its own, or the one that called the helpers it stands in, with that call. A line of a file that was sourced
   * is none of the plan's: it belongs to the step under way.
   */
  private placeOf(file: string, node: Simple, calls: readonly Frame[]): { readonly step: PlanStep; readonly call: Frame | undefined } {
    const { byId, script, steps } = this.plan
    const several = (script?.scripts.length ?? 0) > 1
    let call: Frame | undefined
    for (let i = calls.length - 1; i >= 0 && script?.helpers.has((calls[i] as Frame).name) === true; i--) call = calls[i]
    const at = call ?? node
    const index = at.file === '' || at.file === file ? byId.get(lineId({ file }, at.line, several)) : undefined
    return { step: steps[index ?? this.open?.step.index ?? 0] as PlanStep, call }
  }

  private issue(file: string, node: Simple, argv: readonly string[], { background, calls }: Caller): Issue | undefined {
    if (this.gone) return undefined
    const { slips, observer } = this.options
    const { step, call } = this.placeOf(file, node, calls)
    // It has gone on after its question.
    if (this.answers !== undefined) this.answers.starved = false
    const goesOn = !background && this.open?.step === step && (call === undefined ? this.open.call === undefined && node.ordinal > this.open.ordinal : this.open.call === call)
    const visit = goesOn ? this.open : this.begin(step, background, call)
    if (visit === undefined) return undefined
    visit.ordinal = node.ordinal
    visit.commands += 1
    if (this.gone) return undefined
    const typed = slips?.retype?.(argv, step.id, 'forward', visit.visit, visit.commands) ?? argv
    const reread = slips?.reread?.(step.id, 'forward', visit.visit)
    if (!visit.skipped) {
      observer?.phase?.({ step: step.id, title: step.title, path: 'forward', visit: visit.visit, phase: 'await', command: visit.commands, argv: typed, atUs: this.sim.now })
      if (this.gone) return undefined
      this.sim.log(COMMAND, step.id, visit.commands, () => typed.join(' '))
      this.options.terminal?.(`$ ${typed.join(' ')}`)
    }
    if ((this.run?.session.inTrap ?? 0) > 0) this.undoing += 1
    const session = this.run?.session
    const ticket = session === undefined ? 0 : (session.ticket += 1)
    this.issued.set(ticket, visit)
    const { registry } = this.options
    return { argv: typed, registry: reread === undefined ? registry : registry.through(reread), key: `${step.id}#${visit.visit}`, nth: visit.commands, ticket, skipped: visit.skipped, deed: { acted: false } }
  }

  private begin(step: PlanStep, background: boolean, call: Frame | undefined): Visit | undefined {
    if (!background) this.close()
    // Killed as the line before ended: this one is not begun.
    if (this.gone) return undefined
    const { observer, slips } = this.options
    const number = (this.visits[step.index] as number) + 1
    this.visits[step.index] = number
    const skipped = slips?.decide?.(step.id, 'forward', number, undefined) === 'skip'
    const visit: Visit = { step, visit: number, commands: 0, ordinal: 0, skipped, call }
    if (!background) this.open = visit
    if (skipped) {
      this.journal.write(this.sim.now, step.id, 'forward', number, 'skipped', 'left out by mistake')
      this.sim.log(SKIPPED, step.id, number, 'left out by mistake')
      observer?.control?.({ is: 'skip', step: step.index })
      return visit
    }
    this.journal.write(this.sim.now, step.id, 'forward', number, 'started')
    this.sim.log(STARTED, step.id, number, step.title)
    observer?.control?.({ is: 'enter', step: step.index })
    observer?.phase?.({ step: step.id, title: step.title, path: 'forward', visit: number, phase: 'start', atUs: this.sim.now })
    return visit
  }

  private returned(script: Script, node: Simple, issue: Issue, output: Output, shell: Shell): void {
    const visit = this.issued.get(issue.ticket)
    this.issued.delete(issue.ticket)
    if (visit === undefined) return
    if ((this.run?.session.inTrap ?? 0) === 0) {
      this.lastFailure = output.code === 0 || output.err === '' ? '' : `${issue.argv[0] ?? ''}: ${lastLine(output.err)}`
      // A program's complaint that the script has gone on after is not why it ends.
      if (output.code === 0 && lastLine(this.lastWords) === this.programWords) this.lastWords = ''
      if (output.code !== 0) this.programWords = lastLine(output.err)
    }
    this.lines?.returned(node, output)
    this.keeper?.returned(output, shell)
    if (!visit.skipped) {
      const acted = issue.deed?.acted === true
      const unseen = acted && passedOver(node, script, shell, this.run?.shell ?? shell)
      this.options.observer?.commandReturned?.({ step: visit.step.id, path: 'forward', visit: visit.visit, command: visit.commands, argv: issue.argv, output, acted, unseen, atUs: this.sim.now })
    }
    if (node.last && visit.call === undefined && this.open === visit) this.close()
    else if (this.open !== visit) this.leave(visit)
  }

  private barren(script: Script, node: For | While, calls: readonly Frame[]): void {
    if (this.gone || this.run === undefined || this.run.session.inTrap > 0 || !wouldAct(node, script, this.options.registry)) return
    const several = (this.plan.script?.scripts.length ?? 0) > 1
    const at = calls.every(({ file }) => file === '' || file === script.file) ? node.line : (calls[0] as Frame).line
    this.options.observer?.barren?.({ step: lineId(script, at, several), text: (script.text.split('\n')[at - 1] ?? '').trim(), atUs: this.sim.now })
  }

  /** The line under way is done. */
  private close(): void {
    const { open } = this
    if (open === undefined) return
    this.open = undefined
    this.leave(open)
  }

  private leave(visit: Visit): void {
    if (visit.skipped) return
    this.journal.write(this.sim.now, visit.step.id, 'forward', visit.visit, 'done')
    this.sim.log(DONE, visit.step.id, visit.visit)
    this.options.observer?.control?.({ is: 'done', step: visit.step.index })
    this.options.observer?.phase?.({ step: visit.step.id, title: visit.step.title, path: 'forward', visit: visit.visit, phase: 'end', atUs: this.sim.now })
  }

  /** Ends what runs at once; no trap. */
  private halt(): void {
    const { task, run } = this
    this.task = undefined
    this.gone = true
    this.issued.clear()
    task?.kill()
    run?.stop()
    this.lines?.close()
  }

  kill(): void {
    if (this.task === undefined || this.outcome !== undefined) return
    const { open } = this
    this.journal.write(this.sim.now, open?.step.id ?? '', 'forward', open?.visit ?? 0, 'killed')
    this.options.observer?.control?.({ is: 'kill', step: open?.step.index ?? END })
    this.halt()
    this.sim.log(KILLED, this.where)
  }

  /** Someone runs the script again, from the top. */
  resume(): void {
    if (this.task !== undefined || this.outcome !== undefined) return
    const { open } = this
    this.journal.write(this.sim.now, open?.step.id ?? '', 'forward', open?.visit ?? 0, 'resumed', 'run again from the top')
    this.options.observer?.control?.({ is: 'resume', step: open?.step.index ?? END })
    this.sim.log(RESUMED, this.where)
    this.open = undefined
    this.gone = false
    this.task = this.sim.spawn(this.work())
  }

  turnBack(): boolean {
    if (this.task === undefined || this.outcome !== undefined || (this.run?.session.inTrap ?? 0) > 0) return false
    const { run, open } = this
    const why = `interrupted with Ctrl-C${open === undefined ? '' : ` at ${open.step.id}`}`
    this.options.observer?.control?.({ is: 'rollback', step: open?.step.index ?? END })
    this.halt()
    this.gone = false
    this.sim.log(ROLLBACK, this.where, 0, why)
    if (open !== undefined) this.journal.write(this.sim.now, open.step.id, 'forward', open.visit, 'failed', why)
    this.open = undefined
    this.task = this.sim.spawn(this.traps(run, why))
    return true
  }

  private *traps(run: ScriptRun | undefined, why: string): Process<void> {
    if (run === undefined) return this.finish('aborted', why)
    run.session.trapped(true)
    const { trapped } = yield* run.interrupted('INT')
    run.session.trapped(false)
    run.stop()
    if (!this.gone) this.close()
    if (this.gone) return
    this.ended(trapped ? why : `${why}, and the script has no trap`)
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
    const { open } = this
    this.options.observer?.control?.({ is: 'deadline', step: open?.step.index ?? END })
    const alive = this.task !== undefined
    const line = this.run?.shell.line ?? 0
    // What the script stands at may start nothing, such as a `wait`.
    const text = this.current?.text.split('\n')[line - 1]?.trim() ?? open?.step.title
    this.halt()
    this.finish('stuck', alive ? `the deadline passed in line ${line}${text === undefined || text === '' ? '' : `: ${text}`}` : 'the deadline passed and nobody was at work')
  }

  private finish(outcome: Outcome, reason: string): void {
    if (this.outcome !== undefined) return
    this.outcome = outcome
    this.reason = reason
    this.sim.cancel(this.deadline)
    this.journal.write(this.sim.now, '', 'forward', 0, 'outcome', outcome)
    this.sim.log(OUTCOME, this.where, OUTCOMES.indexOf(outcome), reason === '' ? outcome : `${outcome}: ${reason}`)
    this.options.observer?.outcome?.(outcome, reason, this.sim.now)
  }
}

/** The last line; before one that only gives the status of a program run elsewhere, what that program said. */
function lastLine(text: string): string {
  const lines = withoutColours(text).trim().split('\n')
  if (lines.length > 1 && /^command terminated with exit code \d+$/.test(lines.at(-1) as string)) lines.pop()
  return lines.pop()?.slice(0, LAST_WORDS) ?? ''
}
