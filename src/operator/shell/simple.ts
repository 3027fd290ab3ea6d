import type { Process } from '../../kernel/index.ts'
import { assign, assignPure } from './assign.ts'
import { StuckError } from './errors.ts'
import { fieldsOf, pureFields } from './expand.ts'
import { showOptions } from './getopts.ts'
import { redirect } from './redirect.ts'
import { BUILTIN_US, DEEPEST } from './limits.ts'
import type { Shell, Status } from './shell.ts'
import { type Assignment, type Node, type Simple, isAssignment } from './syntax.ts'

export function runSimple(shell: Shell, node: Simple): Status {
  shell.line = node.line
  if (shell.session.inTrap === 0) shell.command = node.source
  shell.session.line = node.line
  if (!node.pure || node.redirections.length > 0 || shell.options.xtrace) return simpleLater(shell, node)
  if (node.assignments.length > 0) return node.words.length === 0 && node.assignments.every(isScalar) ? pureAssignments(shell, node) : simpleLater(shell, node)
  let argv: readonly string[]
  try {
    argv = node.constant ?? argvOf(shell, node)
  } catch (error) {
    return shell.finish(shell.expansionFailed(error), node)
  }
  const sinceUs = shell.session.host.sim.now
  const result = dispatch(shell, node, argv)
  if (typeof result === 'number') {
    shell.session.ran(node, argv, result, sinceUs, shell)
    return shell.finish(result, node)
  }
  return finishSimple(shell, node, argv, sinceUs, result)
}

const isScalar = (a: Assignment): boolean => a.index === undefined && !Array.isArray(a.value)

/** Assignments alone in which nothing has to be run. */
function pureAssignments(shell: Shell, node: Simple): Status {
  const sinceUs = shell.session.host.sim.now
  let status = 0
  try {
    for (const a of node.assignments) assignPure(shell, a)
    shell.session.step(BUILTIN_US)
  } catch (error) {
    status = shell.expansionFailed(error)
  }
  shell.session.ran(node, [], status, sinceUs, shell)
  return shell.finish(status, node)
}

function argvOf(shell: Shell, node: Simple): readonly string[] {
  if (node.words.every(w => !isAssignment(w))) return pureFields(shell, node.words)
  const step = fieldsOf(shell, node.words).next()
  if (step.done !== true) throw new Error('shell: a pure expansion waits')
  return step.value
}

function* finishSimple(shell: Shell, node: Simple, argv: readonly string[], sinceUs: number, process: Process<number>): Process<number> {
  const status = yield* process
  shell.session.ran(node, argv, status, sinceUs, shell)
  const result = shell.finish(status, node)
  return typeof result === 'number' ? result : yield* result
}

/** A simple command with substitutions, assignments or redirections. */
function* simpleLater(shell: Shell, node: Simple): Process<number> {
  const sinceUs = shell.session.host.sim.now
  shell.substituted = undefined
  const before = shell.fds
  let argv: readonly string[] = []
  let status: number
  try {
    try {
      argv = node.constant ?? (node.words.length === 0 ? [] : yield* fieldsOf(shell, node.words))
      shell.line = node.line
      // Without a command the variables are set first: nothing of that goes where the redirections lead, and they are set whatever becomes of those.
      const alone = argv.length === 0 ? yield* assigned(shell, node, argv) : undefined
      if (node.redirections.length > 0) {
        const problem = yield* redirect(shell, node.redirections, true)
        if (problem !== undefined) {
          shell.fds = before
          shell.complain(problem)
          const result = shell.finish(1, node)
          return typeof result === 'number' ? result : yield* result
        }
      }
      status = alone ?? (yield* assigned(shell, node, argv))
    } catch (error) {
      status = shell.expansionFailed(error)
    }
  } finally {
    if (argv[0] !== 'exec' || argv.length > 1) shell.fds = before
  }
  shell.session.ran(node, argv, status, sinceUs, shell)
  const result = shell.finish(status, node)
  return typeof result === 'number' ? result : yield* result
}

/** The assignments before a command, then the command. */
function* assigned(shell: Shell, node: Simple, argv: readonly string[]): Process<number> {
  if (argv.length === 0) {
    for (const a of node.assignments) yield* assign(shell, a)
    if (shell.options.xtrace && node.assignments.length > 0) for (const a of node.assignments) trace(shell, [`${a.name}=${shell.get(a.name) ?? ''}`])
    shell.session.step(BUILTIN_US)
    return shell.substituted ?? 0
  }
  if (shell.options.xtrace) trace(shell, argv)
  if (node.assignments.length === 0) {
    const result = dispatch(shell, node, argv)
    return typeof result === 'number' ? result : yield* result
  }
  // They hold for this command only.
  shell.vars.pushLayer()
  try {
    for (const a of node.assignments) {
      shell.vars.declareLocal(a.name)
      yield* assign(shell, a)
      shell.vars.mark(a.name, { exported: true })
    }
    const result = dispatch(shell, node, argv)
    return typeof result === 'number' ? result : yield* result
  } finally {
    shell.vars.popLayer()
    shell.refreshIfs()
  }
}

function trace(shell: Shell, argv: readonly string[]): void {
  const shown = argv.map(word => (word === '' || /[^A-Za-z0-9_./:=,%+@-]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : word))
  shell.fds.err.write(`${shell.get('PS4') ?? '+ '}${shown.join(' ')}\n`)
}

/** Runs what an argument vector names: a function, a builtin, or a program. */
export function dispatch(shell: Shell, node: Simple, argv: readonly string[], functions = true): Status {
  const name = argv[0]
  if (name === undefined) return 0
  if (functions && shell.functions.size > 0) {
    const body = shell.functions.get(name)
    if (body !== undefined) return callFunction(shell, node, name, body, argv)
  }
  const builtin = shell.session.machine.builtins.get(name)
  if (builtin !== undefined) {
    shell.session.failing = false
    shell.session.step(BUILTIN_US)
    return builtin(shell, argv, node)
  }
  return shell.session.machine.program(shell, node, argv)
}

/** What a call of a function has hidden. */
interface Hidden {
  readonly positional: readonly string[]
  readonly loops: number
  readonly trapped: string | undefined
}

function callFunction(shell: Shell, node: Simple, name: string, body: Node, argv: readonly string[]): Status {
  shell.session.step(BUILTIN_US)
  if (shell.calls.length >= DEEPEST) throw new StuckError(node.line, `the function ${name} calls itself more than ${DEEPEST} times`)
  const hidden: Hidden = { positional: shell.positional, loops: shell.loops, trapped: shell.options.errtrace ? undefined : shell.traps.get('ERR') }
  shell.positional = argv.slice(1)
  shell.calls.push({ name, line: node.line, file: node.file })
  shell.vars.pushLayer()
  shell.loops = 0
  if (hidden.trapped !== undefined) shell.traps.delete('ERR')
  let waits = false
  try {
    const result = shell.run(body)
    if (typeof result === 'number') return returned(shell, result)
    waits = true
    return functionLater(shell, node, hidden, result)
  } finally {
    if (!waits) leaveFunction(shell, node, hidden)
  }
}

function* functionLater(shell: Shell, node: Simple, hidden: Hidden, running: Process<number>): Process<number> {
  try {
    return returned(shell, yield* running)
  } finally {
    leaveFunction(shell, node, hidden)
  }
}

function returned(shell: Shell, status: number): number {
  if (shell.jump?.is !== 'return') return status
  const { status: said } = shell.jump
  shell.session.failing = said !== 0
  shell.jump = undefined
  return said
}

function leaveFunction(shell: Shell, node: Simple, { positional, loops, trapped }: Hidden): void {
  if (trapped !== undefined && !shell.traps.has('ERR')) shell.traps.set('ERR', trapped)
  if (shell.vars.popLayer()) shell.refreshIfs()
  if (shell.session.hiddenOptions.length > 0) showOptions(shell)
  shell.calls.pop()
  shell.line = node.line
  shell.positional = positional
  shell.loops = loops
}
