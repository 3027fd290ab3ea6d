/**
 * Follows the decisions of a script as it runs: which way they go, what they had to go by, and where one of them is to be waved through. It hears what
 * the script hears; without a wave it changes nothing.
 */
import type { Simulation, Us } from '../../kernel/index.ts'
import type { Output } from '../command.ts'
import type { GuardEvent } from '../observer.ts'
import type { Decider, Deciding, Frame, Judged } from '../shell/session.ts'
import type { Shell } from '../shell/shell.ts'
import { Collector, Pipe } from '../shell/streams.ts'
import type { Node, Script } from '../shell/syntax.ts'
import type { Decision, Decisions } from './decisions.ts'
import { lineId } from './plan.ts'

/** What a value was made of. */
interface Origin {
  /** Some program behind it failed. */
  readonly failed: boolean
  readonly stale: boolean
}

/** An answer that the script caught. */
interface Answer extends Origin {
  readonly empty: boolean
  readonly atUs: Us
}

/** A decision under way, with those inside it that belong to the same line. */
interface Open {
  readonly node: Node
  readonly line: string
  readonly guard: string
  readonly visit: number
  readonly waved: boolean
  readonly decision: Decision
  polls: number
  waited: boolean
  missing: boolean
  stale: boolean
  told: boolean
  readonly claims: GuardEvent['claims']
  /** When its last answer came, or it began. */
  judgedUs: Us
  /** Answers caught in it that went into no variable and no test yet. */
  answers: Answer[]
}

/** How the guards of a plan are asked and told about, for all runs of its scripts: visits count on when a script is run again. */
export interface GuardTeller {
  readonly visits: Map<string, number>
  guard(e: GuardEvent): void
  /** A guard that claims something begins to look. */
  claiming?(claims: GuardEvent['claims']): void
  /** Whether this visit is to go on whatever it finds. */
  waves?(guard: string, visit: number): boolean
}

const NUMBER = /^\s*[-+]?\d+\s*$/
/** Answers kept until a command that sets a variable has taken them. */
const ANSWERS_MOST = 100

export class GuardKeeper implements Decider {
  private readonly open: Open[] = []
  private readonly origins = new Map<string, Origin>()
  private answers: Answer[] = []
  /** Where a guard has stopped the script last: what follows from that at once is no stop of its own. */
  private stopUs: Us = -1
  private commands = 0

  constructor(
    private readonly sim: Simulation,
    private readonly script: Script,
    private readonly several: boolean,
    private readonly decisions: Decisions,
    private readonly teller: GuardTeller,
  ) {}

  begin(node: Node, shell: Shell): Deciding | undefined {
    const decision = this.decisions.byNode.get(node)
    if (decision === undefined || shell.parent !== undefined || shell.session.inTrap > 0) return undefined
    const { open } = this
    if (decision.of !== undefined) {
      const loop = open.findLast(each => each.node === decision.of)
      if (loop !== undefined) return this.deciding(decision, loop, shell)
    }
    const line = this.lineOf(node.line, shell.calls)
    const around = open.find(each => each.line === line && each.node !== node)
    if (around !== undefined) return this.deciding(decision, around, shell)
    // One that control has left some other way (`return`, `break`) is over.
    const again = open.findIndex(each => each.node === node && each.line === line)
    if (again >= 0) open.length = again
    const guard = `${line} (${decision.sort})`
    const visit = this.visit(guard)
    const claims = decision.claims.map(({ name, args }) => ({ name, args: args.map(arg => arg.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_all, a?: string, b?: string) => shell.get(a ?? b ?? '') ?? '')) }))
    if (claims.length > 0) this.teller.claiming?.(claims)
    const own: Open = { node, line, guard, visit, waved: this.teller.waves?.(guard, visit) === true, decision, polls: 1, waited: false, missing: false, stale: false, told: false, claims, judgedUs: this.sim.now, answers: [] }
    open.push(own)
    return this.deciding(decision, own, shell)
  }

  private deciding(decision: Decision, open: Open, shell: Shell): Deciding {
    const own = open.decision === decision
    const { stops, counts } = decision
    let looked = false
    return {
      stops, counts,
      stopped: () => {
        open.waited = true
        this.weigh(decision.node, shell)
        if (open.waved) {
          this.tell(open, true, true)
          return true
        }
        this.tell(open, false, true)
        this.stopUs = this.sim.now
        this.commands = shell.session.ticket
        return false
      },
      look: () => {
        if (looked) open.polls += 1
        looked = true
        open.missing = open.stale = false
        open.answers = []
      },
      waits: () => {
        open.waited = true
        return open.waved
      },
      end: passed => {
        if (!own) return
        this.weigh(decision.node, shell)
        this.tell(open, passed, false)
      },
    }
  }

  /** A test has been made, in all decisions under way: what it had to go by. */
  private weigh(node: Node, shell: Shell): void {
    const test = this.decisions.tests.get(node)
    if (test === undefined || this.open.length === 0) return
    let [missing, stale] = [false, false]
    for (const name of test.reads) {
      const origin = this.origins.get(name)
      if (origin === undefined) continue
      const value = shell.get(name) ?? ''
      if (value === '' ? origin.failed || !test.emptiness : test.numbers && !NUMBER.test(value)) missing = true
      if (origin.stale) stale = true
    }
    for (const open of this.open) {
      if (missing) open.missing = true
      if (stale) open.stale = true
      if (open.answers.length === 0) continue
      for (const { failed, empty, stale: old } of open.answers) {
        if (failed || (empty && !test.emptiness)) open.missing = true
        if (old) open.stale = true
      }
      open.answers = []
    }
  }

  private tell(open: Open, passed: boolean, stopped: boolean): void {
    const at = this.open.lastIndexOf(open)
    if (at >= 0) this.open.length = at
    if (open.told) return
    open.told = true
    // What is left went through a pipe: that nothing came may be an answer, a failure is none.
    const missing = open.missing || open.answers.some(({ failed }) => failed)
    const stale = open.stale || open.answers.some(answer => answer.stale)
    const { guard, visit, polls, waited, judgedUs } = open
    this.teller.guard({ guard, visit, atUs: this.sim.now, passed, stopped: stopped && !passed, polls, waited: waited || !passed, missing, stale, claims: open.waved ? [] : open.claims, judgedUs })
  }

  spares(shell: Shell): boolean {
    const { session } = shell
    if (shell.parent !== undefined || session.inTrap > 0) return false
    // A function that a guard has just ended with `return 1`.
    if (this.stopUs === this.sim.now && this.commands === session.ticket) return false
    const guard = `${this.lineOf(shell.line, shell.calls)} (set -e)`
    const visit = this.visit(guard)
    const waved = this.teller.waves?.(guard, visit) === true
    this.teller.guard({ guard, visit, atUs: this.sim.now, passed: waved, stopped: !waved, polls: 1, waited: true, missing: false, stale: false, claims: [], judgedUs: this.sim.now })
    return waved
  }

  /** A program has answered. */
  returned(output: Output, shell: Shell): void {
    for (const open of this.open) open.judgedUs = this.sim.now
    if (!isCaught(shell)) return
    const answer: Answer = { failed: output.code !== 0, empty: output.out.trim() === '', stale: output.asOfUs !== undefined, atUs: this.sim.now }
    this.answers.push(answer)
    if (this.answers.length > ANSWERS_MOST) this.answers = this.answers.slice(ANSWERS_MOST / 2)
    for (const open of this.open) if (open.answers.length < ANSWERS_MOST) open.answers.push(answer)
  }

  /** A command has ended: a test, a variable set. */
  ran(node: Judged, argv: readonly string[], status: number, sinceUs: Us, shell: Shell): void {
    if (this.open.length > 0) {
      if (status >= 2 && (argv[0] === '[' || argv[0] === 'test')) for (const open of this.open) open.missing = true
      this.weigh(node, shell)
    }
    const fed = this.decisions.feeds.get(node)
    if (fed === undefined) return
    if (this.answers.length === 0 && this.origins.size === 0) return
    const answers = this.answers.length === 0 ? this.answers : this.answers.filter(answer => answer.atUs > sinceUs)
    if (answers.length > 0) {
      this.answers = []
      // What goes into a variable is looked at when that is.
      for (const open of this.open) open.answers = open.answers.filter(answer => !answers.includes(answer))
    }
    for (const { name, from } of fed) {
      let origin: Origin | undefined
      for (const answer of answers) origin = both(origin, answer)
      for (const other of from) origin = both(origin, this.origins.get(other))
      if (origin === undefined) this.origins.delete(name)
      else this.origins.set(name, origin)
    }
  }

  private visit(guard: string): number {
    const visit = (this.teller.visits.get(guard) ?? 0) + 1
    this.teller.visits.set(guard, visit)
    return visit
  }

  /** The line that a person would name: where it stands, or where what it stands in was called. */
  private lineOf(line: number, calls: readonly Frame[]): string {
    let at: { readonly line: number; readonly file: string } = { line, file: '' }
    for (let i = calls.length - 1; i >= 0 && this.decisions.through.has((calls[i] as Frame).name); i--) at = calls[i] as Frame
    const foreign = at.file !== '' && at.file !== this.script.file
    return lineId({ file: foreign ? at.file : this.script.file }, at.line, this.several || foreign)
  }
}

/** What is made of two. The same object as one of them where that says it all. */
function both(a: Origin | undefined, b: Origin | undefined): Origin | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return { failed: a.failed || b.failed, stale: a.stale || b.stale }
}

/** Whether what a program prints goes into the script: a variable, or the next program. A log that the whole script is sent through is none. */
function isCaught({ fds, session }: Shell): boolean {
  return fds.out instanceof Collector || (fds.out instanceof Pipe && !session.writing.includes(fds.out))
}
