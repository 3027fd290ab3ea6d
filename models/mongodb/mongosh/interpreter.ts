/**
 * JavaScript for the shell: QuickJS, compiled to WebAssembly. It knows nothing of this process but what `__ask` answers; its clock is the
 * story's, it has no luck, and its work is bounded. Loaded once, with this module, and synchronous from then on.
 */
import * as variant from '@jitl/quickjs-wasmfile-release-sync'
import { newQuickJSWASMModuleFromVariant, type QuickJSContext, type QuickJSHandle, type QuickJSSyncVariant } from 'quickjs-emscripten-core'
import { PRELUDE } from './prelude.ts'

const quickjs = await newQuickJSWASMModuleFromVariant(variant.default as unknown as QuickJSSyncVariant)

/** Interrupts of about 10,000 operations each before a script counts as endless. */
const MOST_INTERRUPTS = 2_000
const MEMORY_BYTES = 32 * 1024 * 1024

export interface Script {
  /** The texts of --eval, in order. */
  readonly sources: readonly string[]
  readonly db: string
  readonly json: boolean
}

/** One question of a script: a command's name and its arguments as JSON. */
export interface Question {
  readonly name: string
  readonly args: string
}

export type Evaluated =
  /** It ran to its end. */
  | { readonly is: 'done'; readonly out: string; readonly err: string; readonly code: number }
  /** It asks something that nobody could answer. */
  | { readonly is: 'asks'; readonly question: Question }
  /** It ran on and on. */
  | { readonly is: 'endless' }

/** The evaluation under way. One at a time: it never waits. */
interface Underway {
  readonly answer: (question: Question, nth: number) => string | undefined
  asked: Question | undefined
  failure?: unknown
  nth: number
  interrupts: number
}

/**
 * One interpreter for all scripts of a thread: making one takes milliseconds. Each script runs in a function of its own by a direct eval, so that
 * its names go with it; what the language brings is frozen, and globals that it made are deleted before the next.
 */
class Interpreter {
  private readonly runtime = quickjs.newRuntime()
  private readonly context: QuickJSContext
  private readonly whole: QuickJSHandle
  private underway: Underway = { answer: () => undefined, asked: undefined, nth: 0, interrupts: 0 }

  constructor() {
    this.runtime.setMemoryLimit(MEMORY_BYTES)
    this.runtime.setMaxStackSize(512 * 1024)
    // Once it cannot be answered nothing that it does counts any more, whatever it catches.
    this.runtime.setInterruptHandler(() => this.underway.asked !== undefined || ++this.underway.interrupts > MOST_INTERRUPTS)
    const context = (this.context = this.runtime.newContext())
    const ask = context.newFunction('ask', (name, args) => context.newString(this.ask(context.getString(name), context.getString(args))))
    const make = context.unwrapResult(context.evalCode(PRELUDE, 'mongosh', { type: 'global' }))
    const runner = context.unwrapResult(context.evalCode('(function () { return eval(arguments[0]) })', 'mongosh', { type: 'global' }))
    this.whole = context.unwrapResult(context.callFunction(make, context.undefined, ask, runner))
  }

  private ask(name: string, args: string): string {
    const { underway } = this
    if (underway.asked !== undefined) throw new Error('suspended')
    const question = { name, args }
    let text: string | undefined
    try {
      text = underway.answer(question, underway.nth)
    } catch (error) {
      // An error of ours is none that the script may catch.
      underway.failure = error
    }
    if (text === undefined) {
      underway.asked = question
      throw new Error('suspended')
    }
    underway.nth += 1
    return text
  }

  evaluate(script: Script, answer: (question: Question, nth: number) => string | undefined): Evaluated {
    const underway = (this.underway = { answer, asked: undefined, nth: 0, interrupts: 0 } as Underway)
    const { context } = this
    // Every handle is given back: QuickJS counts references.
    const handles: QuickJSHandle[] = []
    const keep = (handle: QuickJSHandle): QuickJSHandle => {
      handles.push(handle)
      return handle
    }
    const text = (value: string): QuickJSHandle => keep(context.newString(value))
    try {
      const result = context.callFunction(this.whole, context.undefined, text(script.db), script.json ? context.true : context.false, text(script.sources.join('\n;')))
      keep(result.error ?? result.value)
      if (underway.failure !== undefined) throw underway.failure
      if (underway.asked !== undefined) return { is: 'asks', question: underway.asked }
      if (underway.interrupts > MOST_INTERRUPTS) return { is: 'endless' }
      if (result.error !== undefined) throw new Error(`mongosh: the shell itself failed: ${JSON.stringify(context.dump(result.error))}`)
      const said = context.getString(result.value)
      if (said.startsWith('k')) return { is: 'done', out: said.slice(1), err: '', code: 0 }
      const end = said.indexOf('\n')
      const ended = JSON.parse(said.slice(1, end)) as { error?: string; code: number }
      return { is: 'done', out: said.slice(end + 1), err: ended.error === undefined ? '' : `${ended.error}\n`, code: ended.code }
    } finally {
      for (const handle of handles) if (handle.alive) handle.dispose()
    }
  }
}

/** Made when the first script runs; what it answers depends on no script before (see the class). */
const made: { interpreter?: Interpreter } = {}

/** Runs a script from its beginning; `answer` gives the answer to its n-th question, or undefined: then it goes no further. */
export function evaluate(script: Script, answer: (question: Question, nth: number) => string | undefined): Evaluated {
  made.interpreter ??= new Interpreter()
  return made.interpreter.evaluate(script, answer)
}

/** What is wrong with a script's syntax; undefined when nothing is. */
export function syntaxError(source: string): string | undefined {
  const runtime = quickjs.newRuntime()
  const context = runtime.newContext()
  try {
    // Compiled, never called.
    const result = context.evalCode(`(function () { ${source}\n})`, '@(shell eval)')
    if (result.error === undefined) {
      result.value.dispose()
      return undefined
    }
    const message = context.getProp(result.error, 'message')
    const text = context.getString(message)
    message.dispose()
    result.error.dispose()
    return text
  } finally {
    context.dispose()
    runtime.dispose()
  }
}
