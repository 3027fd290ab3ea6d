import type { Process } from '../../kernel/index.ts'
import { type Call, type Output, UTILITY_SUMMARY, UnsupportedError } from '../command.ts'
import { absolute } from './files.ts'
import { sameVector } from './memory.ts'
import { isPipe } from './redirect.ts'
import { SyntaxError } from './parse.ts'
import type { Issue } from './session.ts'
import { Shell, type Status } from './shell.ts'
import { Answers, NOTHING, WAIT } from './streams.ts'
import type { Simple } from './syntax.ts'
import type { Utility, UtilityCall } from './utilities.ts'

/** What a program of the workstation costs to start, in microseconds of its processor. */
const FORK_US = 1_200

/** Runs a program: of the registry, a script, or a text program. */
export function runProgram(shell: Shell, node: Simple, argv: readonly string[]): Status {
  const name = argv[0] as string
  const { session } = shell
  session.step(FORK_US)
  const base = name.includes('/') ? name.slice(name.lastIndexOf('/') + 1) : name
  if (name.includes('/')) {
    const path = absolute(name, shell.cwd)
    const text = session.host.files.read(path)
    if (text !== undefined) return runFile(shell, name, path, text, argv)
  }
  const utility = session.machine.utilities.get(base)
  if (session.host.registry.has(base) && !(utility !== undefined && session.host.registry.get(base).summary === UTILITY_SUMMARY)) return external(shell, node, argv)
  if (utility !== undefined) return runUtility(shell, utility, argv, node)
  if (name.includes('/') || session.host.missing === 'not-found') {
    shell.complain(name.includes('/') ? `${name}: No such file or directory` : `${name}: command not found`)
    return 127
  }
  throw new UnsupportedError(`line ${shell.line}: ${session.host.registry.missing(name)}`, [...session.host.registry.names, ...session.machine.utilities.keys()])
}

/** A script started as a program: only what is exported reaches it. */
function runFile(shell: Shell, name: string, path: string, text: string, argv: readonly string[]): Status {
  const { files } = shell.session.host
  if (files.kind(path) === 'd') {
    shell.complain(`${name}: Is a directory`)
    return 126
  }
  if (files.executable?.(path) !== true) {
    shell.complain(`${name}: Permission denied`)
    return 126
  }
  return runScript(shell, name, text, argv.slice(1))
}

/** Runs a script in a shell of its own. */
export function* runScript(shell: Shell, name: string, text: string, args: readonly string[], options: Partial<Shell['options']> = {}): Process<number> {
  const child = new Shell(shell.session, name, shell)
  const env = shell.vars.environment()
  child.reset(env, args)
  Object.assign(child.options, options)
  try {
    return yield* child.program(shell.session.parse(text, name, 1).units)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    shell.fds.err.write(`${name}: line ${error.line}: syntax error: ${error.what}\n`)
    return 2
  }
}

/** A program of the simulated world: time passes, and what it does is real there. */
function* external(shell: Shell, node: Simple, argv: readonly string[]): Process<number> {
  const { session } = shell
  if (isPipe(shell.fds.in) && !shell.fds.in.complete && session.host.registry.readsInput(argv)) yield* filled(shell)
  const debt = session.takeDebt()
  if (debt > 0) yield debt
  const watcher = session.host.watcher
  const words = sameVector(argv)
  const issue = watcher === undefined ? plainIssue(shell, words) : watcher.issue(node, words, shell)
  if (issue === undefined) {
    // Whoever ran the script was killed by whoever was told: its process ends at its next wait.
    yield 0
    return 130
  }
  session.acted()
  if (issue.skipped === true) return 0
  const input = shell.fds.in
  const read = (): string => {
    const text = input.all()
    return text === WAIT ? '' : text
  }
  // Where there is nothing to read, whether it was read matters to nobody.
  // Programs get nothing of what somebody answers to the script's own questions.
  const nothing = (input === NOTHING || input instanceof Answers) && !shell.fds.own
  const stdin = shell.fds.own ? read() : nothing ? '' : read
  const call = session.call(issue.argv, issue.key, issue.nth, stdin, shell.vars.environment(), shell.cwd)
  const stream = issue.registry.streams(issue.argv) ? new Stream(shell) : undefined
  const ended: Output = yield* issue.registry.run(stream === undefined ? call : stream.given(call), shell.fds.own ? undefined : nothing ? session.memoryWithoutInput : session.memory, issue.deed)
  // Whoever looks on sees all of it; it has gone where it goes already.
  const output = stream === undefined ? ended : { ...ended, out: stream.text + ended.out }
  session.failing = output.code !== 0
  watcher?.returned(node, issue, output, shell)
  return deliver(shell, argv[0] as string, ended)
}

/** What a program prints as it goes, kept for whoever looks on as far as that is of use. */
class Stream {
  text = ''

  constructor(private readonly shell: Shell) {}

  given(call: Call): Call {
    return Object.assign(Object.create(call) as Call, { emit: (text: string) => this.emit(text) })
  }

  private emit(text: string): boolean {
    if (this.text.length < 65_536) this.text += text
    return this.shell.fds.out.write(text)
  }
}

/** How a command is started when nobody watches. */
function plainIssue(shell: Shell, argv: readonly string[]): Issue {
  const { session } = shell
  session.ticket += 1
  return { argv, registry: session.host.registry, key: `${session.host.key}${session.ticket}`, nth: session.host.nth ?? 1, ticket: session.ticket }
}

/** Waits until a pipe has been written to its end. */
export function* filled(shell: Shell): Process<void> {
  const input = shell.fds.in
  if (!isPipe(input)) return
  while (!input.complete) yield input.more()
}

function deliver(shell: Shell, name: string, output: Output): number {
  if (output.out !== '' && !shell.fds.out.write(output.out)) return brokenPipe(shell, name)
  if (output.err !== '') shell.fds.err.write(output.err)
  return output.code
}

/** Nobody reads any more, or the disk is full. */
export function brokenPipe(shell: Shell, name: string): number {
  const problem = shell.session.writeProblem
  if (problem === undefined) return 141
  shell.session.writeProblem = undefined
  shell.fds.err.write(`${name}: write error: ${problem}\n`)
  return 1
}

/** Runs a text program; it ends at once unless it has to wait for its input or for time to pass. */
export function runUtility(shell: Shell, utility: Utility, argv: readonly string[], node: Simple): Status {
  const input = shell.fds.in
  if ((isPipe(input) && !input.complete && utility.streams !== true) || namesPipe(shell, argv)) return laterUtility(shell, utility, argv, node)
  const result = utility.run(callOf(shell, argv, node))
  if (typeof result === 'object' && 'code' in result) return deliver(shell, argv[0] as string, result)
  return result
}

/** Whether an argument is the file of a process substitution that is still written. */
function namesPipe(shell: Shell, argv: readonly string[]): boolean {
  return shell.session.pipes.size > 0 && argv.some(word => shell.session.pipes.get(word)?.complete === false) && argv[0] !== 'tee'
}

/** Waits for the files of process substitutions that an argument vector names. */
function* substituted(shell: Shell, argv: readonly string[]): Process<void> {
  for (const word of argv) {
    const pipe = shell.session.pipes.get(word)
    if (pipe !== undefined) while (!pipe.complete) yield pipe.more()
  }
}

function* laterUtility(shell: Shell, utility: Utility, argv: readonly string[], node: Simple): Process<number> {
  if (utility.streams !== true) yield* filled(shell)
  yield* substituted(shell, argv)
  const result = utility.run(callOf(shell, argv, node))
  if ('code' in result) return deliver(shell, argv[0] as string, result)
  return yield* result
}

function callOf(shell: Shell, argv: readonly string[], node: Simple): UtilityCall {
  return new Invocation(shell, argv, node)
}

/** What a text program finds around it. */
class Invocation implements UtilityCall {
  constructor(
    readonly shell: Shell,
    readonly argv: readonly string[],
    readonly node: Simple,
  ) {}

  stdin(): string {
    const text = this.shell.fds.in.all()
    return text === WAIT ? '' : text
  }

  read(path: string): string | undefined {
    if (path === '-' || path === '/dev/stdin') return this.stdin()
    if (path === '/dev/null') return ''
    const pipe = this.shell.session.pipes.get(path)
    if (pipe !== undefined) {
      const text = pipe.all()
      return text === WAIT ? '' : text
    }
    return this.shell.session.host.files.read(absolute(path, this.shell.cwd))
  }

  get nowSeconds(): number {
    return this.shell.session.nowSeconds
  }
}
