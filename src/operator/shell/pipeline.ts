import type { Process } from '../../kernel/index.ts'
import { Shell, type Status } from './shell.ts'
import { NOTHING, Pipe, TextSource, Collector } from './streams.ts'
import type { Node, Pipeline, Simple } from './syntax.ts'

/**
 * A pipeline. Its programs run at the same time; where all but the last are simple programs, whose output comes at their end, that is the same
 * as one after the other, and cheaper.
 */
export function runPipeline(shell: Shell, node: Pipeline): Status {
  shell.line = node.line
  if (node.commands.length === 1) return alone(shell, node)
  return together(shell, node)
}

function* alone(shell: Shell, node: Pipeline): Process<number> {
  const sinceUs = shell.session.host.sim.now
  const before = node.negated ? invert(shell, node.commands[0]) : undefined
  let status: number
  try {
    const result = shell.run(node.commands[0] as Node)
    status = typeof result === 'number' ? result : yield* result
  } finally {
    revert(shell, before)
  }
  if (node.timed) tellTime(shell, sinceUs)
  // `!` is no failure for `set -e`, whatever comes out.
  return node.negated ? shell.ended(status === 0 ? 1 : 0) : status
}

/**
 * Under a `!`: what is negated itself is no failure; under `set -e` nothing inside is one, else what fails inside sets a trap on ERR off. @returns how it was
 * Source: bash execute_cmd.c, where CMD_INVERT_RETURN becomes CMD_IGNORE_RETURN if exit_immediately_on_error.
 */
function invert(shell: Shell, own: Node | undefined): Before {
  const before = { tested: shell.tested, own: shell.own }
  if (shell.options.errexit) shell.tested += 1
  shell.own = own
  return before
}

interface Before {
  readonly tested: number
  readonly own: Node | undefined
}

function revert(shell: Shell, before: Before | undefined): void {
  if (before !== undefined) Object.assign(shell, before)
}

function tellTime(shell: Shell, sinceUs: number): void {
  const us = shell.session.host.sim.now - sinceUs
  const clock = (t: number): string => `${Math.floor(t / 60_000_000)}m${((t % 60_000_000) / 1_000_000).toFixed(3)}s`
  shell.fds.err.write(`\nreal\t${clock(us)}\nuser\t${clock(0)}\nsys\t${clock(0)}\n`)
}

function* together(shell: Shell, node: Pipeline): Process<number> {
  const sinceUs = shell.session.host.sim.now
  const sequential = node.commands.slice(0, -1).every(command => isPlain(shell, command))
  const before = node.negated ? invert(shell, node) : undefined
  let statuses: number[]
  try {
    statuses = sequential ? yield* oneByOne(shell, node) : yield* atOnce(shell, node)
  } finally {
    revert(shell, before)
  }
  if (node.timed) tellTime(shell, sinceUs)
  const failure = statuses.findLast(s => s !== 0)
  const status = shell.options.pipefail ? (failure ?? 0) : (statuses[statuses.length - 1] as number)
  shell.pipestatus = statuses
  if (node.negated) return shell.ended(status === 0 ? 1 : 0)
  const result = shell.finish(status, node)
  shell.pipestatus = statuses
  return typeof result === 'number' ? result : yield* result
}

/** A program or builtin whose output is there all at once, when it ends. */
function isPlain(shell: Shell, command: Node): boolean {
  if (command.is !== 'simple') return false
  const name = command.words[0]
  if (name === undefined || !('constant' in name) || name.constant === undefined) return false
  return !shell.functions.has(name.constant) && !['eval', 'source', '.', 'yes', 'tail', 'watch', 'tee', 'bash', 'sh', 'timeout', 'xargs', 'command'].includes(name.constant) && !prints(shell, name.constant, command)
}

/** Whether a program prints as it goes (a watch), as far as its words say. */
function prints(shell: Shell, name: string, command: Simple): boolean {
  const { registry } = shell.session.host
  if (!registry.has(name) || registry.get(name).streams === undefined) return false
  return registry.streams(command.words.map(word => ('constant' in word ? word.constant : undefined) ?? '${…}'))
}

/** What a pipe holds: whoever has more to write, and a reader that leaves it unread, dies of it. */
const PIPE_CAPACITY = 65_536
const BROKEN = 141

function* oneByOne(shell: Shell, node: Pipeline): Process<number[]> {
  const statuses: number[] = []
  let input: TextSource | undefined
  for (let i = 0; i < node.commands.length; i++) {
    const command = node.commands[i] as Node
    const last = i === node.commands.length - 1
    const out = last ? undefined : new Collector(shell.session.charge)
    const fds = { ...shell.fds, in: input ?? shell.fds.in, own: input === undefined ? shell.fds.own : command.is === 'simple', out: out ?? shell.fds.out, err: out !== undefined && node.errorsToo[i] === true ? out : shell.fds.err }
    shell.session.unread = 0
    if (last && shell.shopt.has('lastpipe')) statuses.push(yield* inShell(shell, command, fds))
    else {
      const child = new Shell(shell.session, shell.name0, shell)
      // Only the whole pipeline's status can end the script, not that of a command in it; what a function in it runs can end that function's process.
      child.own = command
      child.fds = fds
      statuses.push(yield* child.main([command]))
    }
    if (input !== undefined && Math.max(input.left, shell.session.unread) > PIPE_CAPACITY) statuses[i - 1] = BROKEN
    input = out === undefined ? undefined : new TextSource(out.text)
  }
  return statuses
}

/** The last command of a pipeline under `shopt -s lastpipe`: the shell itself runs it. */
function* inShell(shell: Shell, command: Node, fds: Shell['fds']): Process<number> {
  const before = shell.fds
  const { own } = shell
  shell.fds = fds
  shell.own = command
  try {
    const result = shell.run(command)
    return typeof result === 'number' ? result : yield* result
  } finally {
    shell.fds = before
    shell.own = own
  }
}

function* atOnce(shell: Shell, node: Pipeline): Process<number[]> {
  const pipes = node.commands.slice(1).map(() => new Pipe(shell.session.charge))
  const inside = shell.shopt.has('lastpipe') ? (node.commands.at(-1) as Node) : undefined
  const tasks = (inside === undefined ? node.commands : node.commands.slice(0, -1)).map((command, i) => {
    const input = pipes[i - 1]
    const output = pipes[i]
    const child = new Shell(shell.session, shell.name0, shell)
    if (command.is === 'simple') child.own = command
    child.fds = { ...shell.fds, in: input ?? shell.fds.in, own: input === undefined ? shell.fds.own : command.is === 'simple', out: output ?? shell.fds.out, err: output !== undefined && node.errorsToo[i] === true ? output : shell.fds.err }
    return shell.session.spawn(piped(child, command, input, output))
  })
  try {
    const statuses: number[] = []
    let own: number | undefined
    if (inside !== undefined) {
      const input = pipes.at(-1) as Pipe
      own = yield* inShell(shell, inside, { ...shell.fds, in: input, own: inside.is === 'simple' })
      input.abandon()
    }
    for (const task of tasks) statuses.push(((yield task) as number | undefined) ?? 143)
    if (own !== undefined) statuses.push(own)
    return statuses
  } finally {
    for (const task of tasks) task.kill()
  }
}

function* piped(child: Shell, command: Node, input: Pipe | undefined, output: Pipe | undefined): Process<number> {
  try {
    return yield* child.main([command])
  } finally {
    output?.end()
    input?.abandon()
    child.fds = { ...child.fds, in: NOTHING }
  }
}
