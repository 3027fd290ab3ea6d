import type { Process, Us } from '../kernel/index.ts'
import type { Call, CommandRegistry, Deed, Look, Output } from './command.ts'
import { type Filter, filterOf } from './filters.ts'
import { type CommandLine, type Lookup, type Stage, fill, fillWords } from './words.ts'

/** Who types the commands and where. */
export interface Workplace {
  readonly registry: CommandRegistry
  readonly user: string | undefined
  readonly env: Readonly<Record<string, string>> | undefined
}

interface BoundStage {
  readonly argv: readonly string[]
  /** `argv` is not what the runbook says. */
  readonly mistyped: boolean
  readonly env: Readonly<Record<string, string>> | undefined
  readonly stdin: string | undefined
  /** The text program it is; undefined for a command of the registry. */
  readonly filter: Filter | undefined
  readonly stage: Stage
}

/** A command line whose variables are filled in: what a person types. */
export interface BoundLine {
  readonly text: string
  /** The argument vector of the first program that is a command of the registry (or else of the first program). */
  readonly argv: readonly string[]
  readonly stages: readonly BoundStage[]
  /** The one command among text programs; −1 when there are none, −2 when there are several. */
  readonly real: number
}

const NO_REAL = -1
const SEVERAL_REAL = -2
const constantFilters = new WeakMap<Stage, Filter>()

/**
 * Fills in the variables of a command line. `retype` lets a fault change what is typed.
 * @throws UnknownVariableError for a variable without a value, UnsupportedError for an argument a text program does not have
 */
export function bindLine(line: CommandLine, place: Workplace, lookup: Lookup, retype?: (argv: readonly string[]) => readonly string[]): BoundLine {
  const [only] = line.stages
  if (line.stages.length === 1 && only !== undefined && retype === undefined && only.env.length === 0 && only.stdin === undefined) {
    const argv = fillWords(only, lookup)
    if (place.registry.has(argv[0] ?? '')) return plainLine(line, only, argv, place.env)
  }
  const stages = line.stages.map(stage => bindStage(stage, place, lookup, retype))
  let real = NO_REAL
  stages.forEach((stage, i) => {
    if (stage.filter === undefined) real = real === NO_REAL ? i : SEVERAL_REAL
  })
  const spoken = stages.find(stage => stage.filter === undefined) ?? (stages[0] as BoundStage)
  const text = stages.some(stage => stage.mistyped) ? stages.map(stage => stage.argv.join(' ')).join(' | ') : line.text
  return { text, argv: spoken.argv, stages, real }
}

const plainLines = new WeakMap<readonly string[], BoundLine>()

/** One program and nothing else: for the same words the same line in every rehearsal (see `fillWords`). */
function plainLine(line: CommandLine, stage: Stage, argv: readonly string[], env: Workplace['env']): BoundLine {
  let bound = plainLines.get(argv)
  if (bound === undefined || bound.stages[0]?.stage !== stage || bound.stages[0].env !== env || bound.text !== line.text) {
    bound = { text: line.text, argv, stages: [{ argv, mistyped: false, env, stdin: undefined, filter: undefined, stage }], real: 0 }
    plainLines.set(argv, bound)
  }
  return bound
}

function bindStage(stage: Stage, place: Workplace, lookup: Lookup, retype: ((argv: readonly string[]) => readonly string[]) | undefined): BoundStage {
  const meant = fillWords(stage, lookup)
  const argv = retype === undefined ? meant : retype(meant)
  let env = place.env
  if (stage.env.length > 0) env = { ...env, ...Object.fromEntries(stage.env.map(([name, value]) => [name, fill(value, lookup)])) }
  const stdin = stage.stdin === undefined ? undefined : fill(stage.stdin, lookup)
  return { argv, mistyped: argv !== meant, env, stdin, filter: filterFor(stage, argv, place.registry), stage }
}

/** A command of that name in the registry comes first; only then the text program. */
function filterFor(stage: Stage, argv: readonly string[], registry: CommandRegistry): Filter | undefined {
  if (registry.has(argv[0] ?? '')) return undefined
  if (argv !== stage.constant) return filterOf(argv)
  let filter = constantFilters.get(stage)
  if (filter === undefined) {
    filter = filterOf(argv)
    if (filter !== undefined) constantFilters.set(stage, filter)
  }
  return filter
}

function callOf(stage: BoundStage, i: number, stdin: string, key: string, nth: number, place: Workplace): Call {
  const call: { -readonly [K in keyof Call]: Call[K] } = { argv: stage.argv, stdin, key: i === 0 ? key : `${key}|${i}`, nth }
  if (place.user !== undefined) call.user = place.user
  if (stage.env !== undefined) call.env = stage.env
  return call
}

/** What a stage passes on, and what the terminal shows of its error stream. */
function passOn(stage: BoundStage, output: Output, errors: string): { text: string; errors: string } {
  const { errTo, outTo } = stage.stage
  const text = errTo === 'out' ? output.out + output.err : output.out
  return { text: outTo === 'nowhere' ? (errTo === 'out' ? output.err : '') : text, errors: errTo === 'terminal' ? errors + output.err : errors }
}

/**
 * Runs a command line from issue to return. The exit status is the last program's, as in a shell without `pipefail`.
 * @param deed where it is noted whether one of its commands was to change something
 */
export function* runBound(line: BoundLine, key: string, nth: number, place: Workplace, deed?: Deed): Process<Output> {
  if (line.stages.length === 1 && line.real === 0) {
    const stage = line.stages[0] as BoundStage
    const output = yield* place.registry.run(callOf(stage, 0, stage.stdin ?? '', key, nth, place), undefined, deed)
    if (stage.stage.errTo === 'terminal' && stage.stage.outTo === 'next') return output
    const passed = passOn(stage, output, '')
    return { out: passed.text, err: passed.errors, code: output.code }
  }
  let state = { text: '', errors: '' }
  let code = 0
  let sourceFailed = false
  for (let i = 0; i < line.stages.length; i++) {
    const stage = line.stages[i] as BoundStage
    const stdin = stage.stdin ?? state.text
    const before = deed?.acted === true
    const output: Output = stage.filter !== undefined ? stage.filter(stdin) : yield* place.registry.run(callOf(stage, i, stdin, key, nth, place), undefined, deed)
    if (before && deed !== undefined) deed.acted = true
    state = passOn(stage, output, state.errors)
    code = output.code
    sourceFailed ||= stage.filter === undefined && code !== 0 && i < line.stages.length - 1
  }
  return told({ out: state.text, err: state.errors, code }, sourceFailed)
}

/** A line that holds at most one command besides text programs can be looked at: judged at one instant, elided when nothing has changed. */
export class Lookable {
  private readonly stdin: string

  private constructor(
    readonly line: BoundLine,
    private readonly key: string,
    private readonly place: Workplace,
  ) {
    let text = ''
    for (let i = 0; i < line.real; i++) {
      const stage = line.stages[i] as BoundStage
      text = passOn(stage, (stage.filter as Filter)(stage.stdin ?? text), '').text
    }
    this.stdin = (line.stages[line.real] as BoundStage).stdin ?? text
  }

  static of(line: BoundLine, key: string, place: Workplace): Lookable | undefined {
    return line.real >= 0 ? new Lookable(line, key, place) : undefined
  }

  call(nth: number): Call {
    return callOf(this.line.stages[this.line.real] as BoundStage, this.line.real, this.stdin, this.key, nth, this.place)
  }

  latencyUs(nth: number): Us {
    return Math.max(0, Math.round(this.place.registry.latencyUs(this.call(nth))))
  }

  latencyBoundUs(): Us | undefined {
    const argv = (this.line.stages[this.line.real] as BoundStage).argv
    const bound = this.place.registry.get(argv[0] ?? '').latencyBoundUs?.(argv)
    return bound === undefined ? undefined : Math.max(0, Math.round(bound))
  }

  look(nth: number): Look | undefined {
    return this.place.registry.look(this.call(nth))
  }

  /** Runs the invocation that has effects, its latency being over; then the text programs. */
  *run(nth: number): Process<Output> {
    const call = this.call(nth)
    return this.finish(yield* this.place.registry.get(call.argv[0] ?? '').run(call))
  }

  /** What the text programs behind the command make of its output. */
  finish(output: Output): Output {
    const { stages, real } = this.line
    const first = stages[real] as BoundStage
    if (real === stages.length - 1 && first.stage.errTo === 'terminal' && first.stage.outTo === 'next') return output
    let state = passOn(first, output, '')
    let code = output.code
    for (let i = real + 1; i < stages.length; i++) {
      const stage = stages[i] as BoundStage
      const filtered = (stage.filter as Filter)(stage.stdin ?? state.text)
      state = passOn(stage, filtered, state.errors)
      code = filtered.code
    }
    return told({ out: state.text, err: state.errors, code }, output.code !== 0 && real < stages.length - 1)
  }
}

function told(output: Output, sourceFailed: boolean): Output {
  return sourceFailed ? { ...output, sourceFailed } : output
}

/** Whether exit status 1 of this line only says that grep counted nothing (its output is then `0`, a number like any other). */
export function countsLines(line: BoundLine): boolean {
  const last = line.stages[line.stages.length - 1] as BoundStage
  return last.filter !== undefined && last.argv[0] === 'grep' && last.argv.some(arg => /^-[a-zA-Z]*c/.test(arg))
}
