import type { Process } from '../../kernel/index.ts'
import { ArithmeticError, type Names, calculate, calculateNumber } from './arithmetic.ts'
import { runAndOr } from './andor.ts'
import { conditional, pureConditional } from './conditional.ts'
import { pureText, textOf } from './expand.ts'
import { SyntaxError } from './parse.ts'
import type { Fds } from './redirect.ts'
import { ExpansionError, StuckError } from './errors.ts'
import type { Frame, Session } from './session.ts'
import { SharedMap } from './shared.ts'
import { NOTHING } from './streams.ts'
import { dispatch, runSimple } from './simple.ts'
import { specialArray, specialParameter } from './special.ts'
import type { Arithmetic, Conditional, Node, ParameterPart, Simple, Word } from './syntax.ts'
import { BUILTIN_US, DEEPEST, LONGEST } from './limits.ts'
import { Variables } from './variables.ts'

/** Control leaves where it is; `discard` goes on with the next unit of the script. */
export type Jump = { readonly is: 'exit' | 'discard'; readonly status: number } | { readonly is: 'return'; readonly status: number } | { readonly is: 'break' | 'continue'; left: number }

/** A status, or what has to be run to its end to know it. */
export type Status = number | Process<number>

export interface Options {
  errexit: boolean
  nounset: boolean
  pipefail: boolean
  noglob: boolean
  xtrace: boolean
  verbose: boolean
  errtrace: boolean
  noclobber: boolean
  allexport: boolean
  noexec: boolean
}

const NO_OPTIONS: Readonly<Options> = { errexit: false, nounset: false, pipefail: false, noglob: false, xtrace: false, verbose: false, errtrace: false, noclobber: false, allexport: false, noexec: false }
const LONG_DEBT_US = 20_000

/** One shell process: the script's own, or a subshell of it. */
export class Shell {
  vars: Variables
  readonly functions: SharedMap<Node>
  /** Those that `export -f` hands on to every bash that is started. */
  exportedFunctions: readonly string[] = []
  positional: readonly string[] = []
  readonly options: Options
  readonly shopt: SharedMap<true>
  readonly traps: SharedMap<string>
  fds: Fds
  cwd = '/root'
  status = 0
  /** The status of the last command substitution of the command under way. */
  substituted: number | undefined
  pipestatus: readonly number[] = [0]
  lastJob = ''
  jump: Jump | undefined
  /** In a condition: a failure here is being looked at, so `set -e` does not act. */
  tested = 0
  /** The command whose own status is somebody else's business: that of a `!`, one of a pipeline. What it runs inside is not. */
  own: Node | undefined
  line = 0
  /** The command under way, as it is written. */
  command = ''
  readonly pid: number
  /** `$$`: of the program that this is a part of. */
  programPid: number
  /** Signals that have come and whose traps have not run yet. */
  readonly pending: string[] = []
  readonly calls: Frame[] = []
  background = false
  /** How many loops are around, for `break N`. */
  loops = 0
  optind = 1
  optchar = 0
  depth: number
  private cachedIfs = ' \t\n'
  private namesOfThis: Names | undefined

  constructor(
    readonly session: Session,
    readonly name0: string,
    readonly parent?: Shell,
  ) {
    this.depth = (parent?.depth ?? 0) + 1
    if (this.depth > DEEPEST) throw new StuckError(session.line, `${DEEPEST} shells inside one another`)
    this.pid = parent === undefined ? session.mainPid : session.pid()
    this.programPid = parent?.programPid ?? this.pid
    this.vars = parent === undefined ? new Variables() : parent.vars.copy()
    this.functions = parent === undefined ? new SharedMap() : parent.functions.copy()
    this.options = parent === undefined ? { ...NO_OPTIONS } : { ...parent.options }
    this.shopt = parent === undefined ? new SharedMap() : parent.shopt.copy()
    this.traps = new SharedMap()
    this.fds = parent?.fds ?? { in: NOTHING, own: false, out: { write: () => true }, err: { write: () => true }, more: undefined }
    if (parent === undefined) return
    // What is ignored stays ignored; every other trap is the parent's own.
    if (parent.traps.size > 0) for (const [signal, action] of parent.traps.entries()) if (action === '' || (signal === 'ERR' && parent.options.errtrace)) this.traps.set(signal, action)
    this.exportedFunctions = parent.exportedFunctions
    this.positional = parent.positional
    this.cwd = parent.cwd
    this.status = parent.status
    this.lastJob = parent.lastJob
    this.tested = parent.tested
    this.line = parent.line
    this.background = parent.background
    this.calls = parent.calls.slice()
    this.loops = parent.loops
    this.cachedIfs = parent.cachedIfs
  }

  get ifs(): string {
    return this.cachedIfs
  }

  /** Where arithmetic finds its variables. */
  get names(): Names {
    this.namesOfThis ??= {
      read: (name, index) => {
        const value = index === undefined ? this.get(name) : (this.specialArray(name)?.[Number(this.key(name, index))] ?? this.vars.element(name, this.key(name, index)))
        if (value === undefined && this.options.nounset) throw new ExpansionError(`${name}: unbound variable`, true)
        return value ?? ''
      },
      write: (name, index, value) => this.set(name, value, index === undefined ? undefined : this.key(name, index)),
    }
    return this.namesOfThis
  }

  /** The key of an element: a text for a map, else a calculated number. */
  key(name: string, index: string): string {
    return this.vars.isMap(name) ? index.replace(/^(["'])(.*)\1$/s, '$2') : String(calculateNumber(index, this.names))
  }

  /** The value of a variable or special parameter. */
  get(name: string): string | undefined {
    const known = this.vars.get(name)
    if (known !== undefined) return known
    return specialParameter(this, name)
  }

  specialArray(name: string): readonly string[] | undefined {
    return specialArray(this, name)
  }

  /** Sets a variable or an element. @throws ExpansionError when it may not be set */
  set(name: string, value: string, key?: string): void {
    if (value.length > LONGEST) throw new StuckError(this.line, `the variable ${name} grows beyond ${LONGEST / 1_000_000} million characters`)
    const evaluate = (text: string): string => calculate(text, this.names)
    const done = key === undefined ? this.vars.set(name, value, evaluate) : this.vars.setElement(name, key, value, evaluate)
    if (!done) throw new ExpansionError(`${name}: readonly variable`, false)
    if (name === 'IFS') this.cachedIfs = value
    else if (name === 'RANDOM') {
      this.session.random.state = Number(value) >>> 0
      this.vars.unset('RANDOM')
    } else if (name === 'OPTIND') {
      this.optind = Number(value)
      this.optchar = 0
    } else if (this.options.allexport) this.vars.mark(name, { exported: true })
  }

  unset(name: string): boolean {
    if (name === 'IFS') this.cachedIfs = ' \t\n'
    return this.vars.unset(name)
  }

  /** After a layer of variables has come or gone, IFS may be another. */
  refreshIfs(): void {
    this.cachedIfs = this.vars.get('IFS') ?? ' \t\n'
  }

  /** `${x:=y}` */
  assignDefault(part: ParameterPart, value: string): void {
    this.set(part.name, value, part.index === undefined ? undefined : this.key(part.name, pureText(this, part.index)))
  }

  complain(message: string): void {
    this.fds.err.write(`${this.name0}: ${this.background ? '' : ''}line ${this.line}: ${message}\n`)
  }

  // --- running

  /** A list of commands. */
  list(nodes: readonly Node[]): Status {
    let status = 0
    for (let i = 0; i < nodes.length; i++) {
      const result = this.run(nodes[i] as Node)
      if (typeof result !== 'number') return this.listFrom(nodes, i, result)
      status = result
      if (this.jump !== undefined) return status
      if (this.pending.length > 0) return this.listFrom(nodes, i, this.runPending(status))
    }
    return status
  }

  private *listFrom(nodes: readonly Node[], from: number, first: Process<number>): Process<number> {
    let status = yield* first
    for (let i = from + 1; i < nodes.length; i++) {
      if (this.pending.length > 0) status = yield* this.runPending(status)
      if (this.jump !== undefined) return status
      const result = this.run(nodes[i] as Node)
      status = typeof result === 'number' ? result : yield* result
    }
    if (this.pending.length > 0 && this.jump === undefined) status = yield* this.runPending(status)
    return status
  }

  /** Traps of signals that came while something ran. */
  *runPending(status: number): Process<number> {
    for (let signal = this.pending.shift(); signal !== undefined; signal = this.pending.shift()) {
      const action = this.traps.get(signal)
      if (action !== undefined && action !== '') yield* this.evaluateKeeping(action)
    }
    return status
  }

  /** Runs a trap's text; `$?` is afterwards what it was. */
  *evaluateKeeping(action: string): Process<void> {
    const before = this.status
    const result = this.evaluate(action)
    if (typeof result !== 'number') yield* result
    if (this.jump === undefined) this.status = before
  }

  run(node: Node): Status {
    switch (node.is) {
      case 'simple':
        return runSimple(this, node)
      case 'pipeline':
        return this.session.machine.pipeline(this, node)
      case 'and-or':
        return runAndOr(this, node)
      case 'conditional':
        this.line = node.line
        this.session.step(BUILTIN_US)
        if (node.test.pure) return this.session.judged(node, this.pureTest(node), this)
        return this.finishLater(node, this.expandingLater(conditional(this, node.test)))
      case 'arithmetic':
        this.line = node.line
        this.session.step(BUILTIN_US)
        return node.expression.pure ? this.session.judged(node, this.arithmetic(pureText(this, node.expression)), this) : this.finishLater(node, this.arithmeticLater(node.expression))
      case 'function':
        this.functions.set(node.name, node.body)
        this.session.functionNames.add(node.name)
        return this.ended(0)
      default:
        return this.session.machine.compound(this, node)
    }
  }

  private arithmetic(text: string): number {
    try {
      return calculateNumber(text, this.names) !== 0 ? 0 : 1
    } catch (error) {
      if (error instanceof ArithmeticError) {
        this.complain(`((: ${error.said}`)
        return 1
      }
      return this.expansionFailed(error)
    }
  }

  private *arithmeticLater(expression: Word): Process<number> {
    const text = yield* this.expandingText(expression)
    return text === undefined ? 1 : this.arithmetic(text)
  }

  /** The text of a word, or undefined if its expansion failed (which has been said). */
  *expandingText(word: Word): Process<string | undefined> {
    try {
      return yield* textOf(this, word)
    } catch (error) {
      this.expansionFailed(error)
      return undefined
    }
  }

  private pureTest({ test }: Conditional): number {
    try {
      return pureConditional(this, test)
    } catch (error) {
      return this.expansionFailed(error)
    }
  }

  private *expandingLater(process: Process<number>): Process<number> {
    try {
      return yield* process
    } catch (error) {
      return this.expansionFailed(error)
    }
  }

  /** Says what was wrong with an expansion. @throws whatever is no fault of the script's words */
  expansionFailed(error: unknown): number {
    if (error instanceof ExpansionError) {
      this.complain(error.what)
      this.jump = error.fatal ? { is: 'exit', status: 1 } : { is: 'discard', status: 1 }
      return 1
    }
    if (error instanceof ArithmeticError) {
      this.complain(error.said)
      this.jump = { is: 'discard', status: 1 }
      return 1
    }
    if (error instanceof SyntaxError) {
      this.complain(`syntax error: ${error.what}`)
      return 2
    }
    throw error
  }

  /** Runs what an argument vector names: a function, a builtin, or a program. */
  dispatch(node: Simple, argv: readonly string[], functions = true): Status {
    return dispatch(this, node, argv, functions)
  }

  /** A command (`node`) has ended: its status is known to `$?`, `set -e` and the ERR trap. */
  finish(status: number, node: Node | undefined): Status {
    if (status === 0) this.session.failing = false
    this.pipestatus = status === 0 ? OK : [status]
    this.status = status
    if (status === 0 || this.tested > 0 || this.jump !== undefined || (node !== undefined && node === this.own)) return status
    return this.failed(status)
  }

  private *finishLater(node: Conditional | Arithmetic, process: Process<number>): Process<number> {
    const result = this.session.judged(node, yield* process, this)
    return typeof result === 'number' ? result : yield* result
  }

  /** As {@link finish}, for what `set -e` leaves alone. */
  ended(status: number): number {
    this.status = status
    return status
  }

  /** A failure nobody looks at. */
  failed(status: number): Status {
    if (this.parent === undefined) this.session.passOver()
    if (this.options.errexit && this.session.decider?.spares(this) === true) return status
    const action = this.traps.get('ERR')
    if (action !== undefined && action !== '') return this.trapFailure(action, status)
    if (this.options.errexit) this.jump = { is: 'exit', status }
    return status
  }

  private *trapFailure(action: string, status: number): Process<number> {
    this.traps.delete('ERR')
    this.session.trapped(true)
    yield* this.evaluateKeeping(action)
    this.session.trapped(false)
    if (!this.traps.has('ERR')) this.traps.set('ERR', action)
    if (this.options.errexit && this.jump === undefined) this.jump = { is: 'exit', status }
    return status
  }

  /** Runs a text as commands of this shell. */
  evaluate(text: string): Status {
    try {
      return this.units(this.session.parse(text, this.name0, this.line).units)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      this.complain(`syntax error: ${error.what}`)
      return 2
    }
  }

  // --- subshells

  /** The units of a text: an error that throws a command away goes on with the next one. */
  *units(units: readonly (readonly Node[])[]): Process<number> {
    let status = 0
    for (const unit of units) {
      const result = this.list(unit)
      status = typeof result === 'number' ? result : yield* result
      if (this.jump === undefined) continue
      if (this.jump.is !== 'discard' || this.parent !== undefined) return status
      status = this.jump.status
      this.jump = undefined
      this.status = status
    }
    return status
  }

  /** Runs a whole script in this shell, its EXIT trap included. */
  *program(units: readonly (readonly Node[])[]): Process<number> {
    const status = yield* this.units(units)
    return yield* this.ending(status)
  }

  /** Runs a list as a process of its own, from beginning to end, its EXIT trap included. */
  *main(nodes: readonly Node[]): Process<number> {
    const result = this.list(nodes)
    const status = typeof result === 'number' ? result : yield* result
    return yield* this.ending(status)
  }

  private *ending(before: number): Process<number> {
    let status = this.leave(before)
    const action = this.traps.get('EXIT')
    if (action !== undefined && action !== '') status = yield* this.atExit(action, status)
    return status
  }

  *atExit(action: string, status: number): Process<number> {
    this.traps.delete('EXIT')
    this.status = status
    this.session.trapped(true)
    const result = this.evaluate(action)
    if (typeof result !== 'number') yield* result
    this.session.trapped(false)
    return this.leave(status)
  }

  /** The status that a jump out of everything carries. */
  leave(status: number): number {
    const { jump } = this
    this.jump = undefined
    return jump === undefined || !('status' in jump) ? status : jump.status
  }

  /** Waits if a long stretch of computing has to be paid for. */
  get owes(): boolean {
    return this.session.debtUs > LONG_DEBT_US
  }

  /** Makes this a program of its own: it knows the environment and nothing else of its parent. */
  reset(env: Readonly<Record<string, string>>, args: readonly string[]): void {
    this.vars = new Variables()
    for (const [name, value] of Object.entries(env)) {
      this.vars.set(name, value)
      this.vars.mark(name, { exported: true })
    }
    if (/^(?:.*\/)?(?:da)?sh$/.test(this.name0)) this.exportedFunctions = []
    for (const name of [...this.functions.keys()]) if (!this.exportedFunctions.includes(name)) this.functions.delete(name)
    this.traps.clear()
    this.programPid = this.pid
    this.positional = args
    this.calls.length = 0
    this.loops = 0
    this.tested = 0
    this.status = 0
    this.line = 0
    Object.assign(this.options, NO_OPTIONS)
    this.refreshIfs()
  }
}

const OK: readonly number[] = [0]
