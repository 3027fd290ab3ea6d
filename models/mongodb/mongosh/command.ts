/** The program `mongosh` (and, in old images, `mongo`): connects, runs the texts of --eval, prints. */
import { MILLISECOND, NEVER, type Process, type Us } from '../../../src/kernel/index.ts'
import { type Call, type Command, failed, type Finding, type Look, ok, type Output, UnsupportedError } from '../../../src/operator/command.ts'
import { rememberedByText, rememberedByWords } from '../../../src/operator/remembered.ts'
import { act, read } from '../commands/index.ts'
import type { Mongod } from '../mongod.ts'
import type { World } from '../world.ts'
import { type Question, syntaxError } from './interpreter.ts'
import { Run } from './memory.ts'
import { parseOptions, type Parsed, type ShellOptions } from './options.ts'
import { unmodelled } from './supported.ts'
import { reach } from './reach.ts'
import { typedIn, unreadable, withPrompts } from './repl.ts'

export interface Where {
  readonly place: () => string
  /** The mongod of this container. */
  readonly local: () => Mongod | undefined
  readonly pod: string
  /** The files of this container; on the workstation a call brings its own. */
  readonly read?: (path: string) => string | undefined
}

const VERSION = '2.3.2'
/** mongosh starts a Node.js process: several hundred milliseconds [J]. */
const START = { is: 'uniform', min: 350 * MILLISECOND, max: 900 * MILLISECOND } as const
/** Commands that one script may give: a loop without end in time is an error of the runbook. */
const MOST_QUESTIONS = 5_000

const CHANGES = /\brs\.(?:stepDown|reconfig\w*|add\w*|remove|freeze|initiate|syncFrom)\b|\b(?:shutdownServer|fsyncLock|fsyncUnlock)\b|\breplSet(?!Get)\w+|\b(?:setFeatureCompatibilityVersion|setDefaultRWConcern|setParameter)\b|\.(?:insert|update|replace|delete|drop|create|bulkWrite)\w*\(/
const commonOptions = rememberedByWords(argv => parseOptions(argv))
const commonSyntax = rememberedByText(text => ({ error: syntaxError(text) }))

export function mongosh(world: World, where: Where, name = 'mongosh'): Command {
  const optionsOf = (call: Call): Parsed => withProgram(commonOptions(call.argv), call, where, name)
  const latencyUs = (call: Call): Us => Math.round(world.sim.chance.sample(START, call.key, 'mongosh start', call.nth))
  return {
    name,
    summary: 'MongoDB shell: runs JavaScript from --eval, from files and from standard input',
    check,
    latencyUs,
    latencyBoundUs: () => START.max,
    // Where there is no server to ask, only the words say what it would do.
    intent: argv => (argv.some(word => CHANGES.test(word)) ? 'acts' : undefined),
    readsInput(argv) {
      const options = commonOptions(argv)
      return !('refusal' in options) && !options.version && options.files.length === 0 && options.sources.length === 0
    },
    look(call) {
      const options = optionsOf(call)
      const early = withoutServer(options)
      if (early !== undefined) return { output: early, afterUs: 0, stableUntilUs: NEVER }
      return looked(world, where, options as ShellOptions)
    },
    *run(call): Process<Output> {
      const options = optionsOf(call)
      const early = withoutServer(options)
      if (early !== undefined) return early
      return yield* perform(world, where, options as ShellOptions)
    },
  }
}

function withoutServer(options: Parsed): Output | undefined {
  if ('refusal' in options) return options.refusal
  if (options.version) return ok(`${VERSION}\n`)
  return undefined
}

/**
 * The options with the texts that they lead to: those of the files; where nothing is named, what stands on standard input, as if somebody typed it.
 * The values of a file's statements are not printed; that of the last `--eval` is.
 */
function withProgram(options: Parsed, call: Call, where: Where, name: string): Parsed {
  if ('refusal' in options || options.version) return options
  if (options.files.length > 0) {
    const texts: string[] = []
    for (const file of options.files) {
      const text = (where.read ?? (path => call.disk?.read(path)))(file)
      if (text === undefined) return { refusal: { out: '', err: `Error: ENOENT: no such file or directory, open '${file}'\n`, code: 1 } }
      const wrong = commonSyntax(text).error
      if (wrong !== undefined) return { refusal: { out: '', err: `SyntaxError: ${wrong}\n`, code: 1 } }
      texts.push(text)
    }
    const shown = options.sources.map((source, i) => (i === options.sources.length - 1 ? `((v) => { if (v !== undefined) print(v) })((${source.trim().replace(/;+$/, '')}\n))` : source))
    return { ...options, sources: [...shown, ...texts, 'undefined'] }
  }
  if (options.sources.length > 0) return options
  const problem = unreadable(call.stdin)[0]
  if (problem?.includes('not modelled') === true) throw new UnsupportedError(`${name} on standard input: ${problem}`, ['JavaScript', 'use DATABASE'])
  return { ...options, sources: [typedIn(call.stdin, name !== 'mongo')], typed: true }
}

function check(argv: readonly string[]): readonly Finding[] {
  const findings: Finding[] = []
  try {
    const options = parseOptions(argv)
    if ('refusal' in options) return [{ severity: 'error', message: options.refusal.err.trim() }]
    for (const source of options.sources) {
      if (source.includes('${')) continue
      const { error } = commonSyntax(source)
      if (error !== undefined) findings.push({ severity: 'error', message: `in \`${source}\`: SyntaxError: ${error}` })
      else findings.push(...unmodelled(source).map((what): Finding => ({ severity: 'error', message: `in \`${source}\`: ${what}` })))
    }
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
    findings.push({ severity: 'error', message: error.message })
  }
  return findings
}

const AUTH_FREE = new Set(['hello', 'isMaster', 'ping', 'buildInfo', '$value', '$sleep'])

/** Who asks: by the command line, or by db.auth() on the way. Whether a password is the right one is not simulated. */
interface Asker {
  known: boolean
}

function denied(world: World, asker: Asker, name: string): string | undefined {
  if (name === '$auth') asker.known = true
  if (!world.options.auth || asker.known || AUTH_FREE.has(name)) return undefined
  return JSON.stringify({ ok: 0, errmsg: `Command ${name} requires authentication`, code: 13, codeName: 'Unauthorized' })
}

/** Reads only: undefined as soon as it would do something. */
function looked(world: World, where: Where, options: ShellOptions): Look | undefined {
  const reached = reach(world, where, options)
  if ('error' in reached) return reached.waits ? undefined : { output: failed(reached.error), afterUs: reached.afterUs, stableUntilUs: NEVER }
  const { m } = reached
  let moves = false
  const asker: Asker = { known: options.user !== undefined }
  const run = new Run({ sources: options.sources, db: options.db, json: options.json })
  const step = run.step(({ name, args }) => {
    if (name === '$value') moves = true
    return denied(world, asker, name) ?? read(world, m, name, args)
  })
  if (step.is === 'asks') return undefined
  if (step.is === 'endless') throw new UnsupportedError('a script of mongosh that never ends', ['loops that end'])
  return { output: finish(options, m, step), afterUs: 0, stableUntilUs: moves ? world.sim.now : NEVER }
}

function* perform(world: World, where: Where, options: ShellOptions): Process<Output> {
  const untilUs = world.sim.now + options.selectionMs * MILLISECOND
  let reached = reach(world, where, options)
  while ('error' in reached && reached.waits && world.sim.now < untilUs) {
    yield Math.min(500 * MILLISECOND, untilUs - world.sim.now)
    reached = reach(world, where, options)
  }
  if ('error' in reached) {
    yield reached.afterUs
    return failed(reached.error)
  }
  const { m } = reached
  const asker: Asker = { known: options.user !== undefined }
  const run = new Run({ sources: options.sources, db: options.db, json: options.json })
  // A connection that was closed, or to a server that no longer answers, gives errors.
  const open = (): boolean => m.alive && m.listening && !m.paused && world.network.connected(where.place(), m.place)
  const known = ({ name, args }: Question): string | undefined => denied(world, asker, name) ?? (name !== '$sleep' && open() ? read(world, m, name, args) : undefined)
  for (;;) {
    const step = run.step(known)
    if (step.is === 'endless' || run.asked > MOST_QUESTIONS) throw new UnsupportedError('a script of mongosh that never ends', ['loops that end'])
    if (step.is === 'done') return finish(options, m, step)
    const { name, args } = step.question
    if (name === '$sleep') {
      yield Math.max(0, Number(JSON.parse(args)) * MILLISECOND)
      run.answer('null')
    } else if (!m.alive || !m.listening) run.answer(JSON.stringify({ $network: 'connection closed' }))
    else if (!open()) {
      yield 30_000 * MILLISECOND
      run.answer(JSON.stringify({ $network: 'connection timed out' }))
    } else run.answer(yield* act(world, m, name, args))
  }
}

function finish(options: ShellOptions, m: Mongod, done: { readonly out: string; readonly err: string; readonly code: number }): Output {
  const banner = options.quiet ? '' : `Current Mongosh Log ID:\t000000000000000000000000\nConnecting to:\t\tmongodb://127.0.0.1:27017/?directConnection=true&serverSelectionTimeoutMS=2000&appName=mongosh+${VERSION}\nUsing MongoDB:\t\t${m.host.version}\nUsing Mongosh:\t\t${VERSION}\n\nFor mongosh info see: https://www.mongodb.com/docs/mongodb-shell/\n\n`
  return { out: banner + (options.typed === true ? withPrompts(done.out, options.set === undefined) : done.out), err: done.err, code: done.code }
}
