import type { Process } from '../../kernel/index.ts'
import { calculateNumber, ArithmeticError } from './arithmetic.ts'
import { fieldsOf, patternOf, textOf } from './expand.ts'
import { startJob } from './jobs.ts'
import { guardedIf } from './guarded.ts'
import { patternRegExp } from './pattern.ts'
import { redirect } from './redirect.ts'
import type { Deciding } from './session.ts'
import { Shell, type Status } from './shell.ts'
import type { Case, For, ForArithmetic, Group, If, Node, Redirected, While, Word } from './syntax.ts'

/** Runs a command that holds others. Their own failures have been seen to; it hands on its last status. */
export function runCompound(shell: Shell, node: Node): Status {
  switch (node.is) {
    case 'if':
      return runIf(shell, node)
    case 'while':
      return runWhile(shell, node)
    case 'for':
      return runFor(shell, node)
    case 'for-arithmetic':
      return runForArithmetic(shell, node)
    case 'case':
      return runCase(shell, node)
    case 'group':
      return shell.list(node.body)
    case 'subshell':
      return runSubshell(shell, node)
    case 'redirected':
      return runRedirected(shell, node)
    case 'background':
      return shell.ended(startJob(shell, node))
    default:
      throw new Error(`shell: ${node.is} is no compound command`)
  }
}

/** A list whose failures are looked at. */
function test(shell: Shell, nodes: readonly Node[]): Status {
  shell.tested += 1
  const result = shell.list(nodes)
  if (typeof result !== 'number') return testLater(shell, result)
  shell.tested -= 1
  return result
}

function* testLater(shell: Shell, running: Process<number>): Process<number> {
  try {
    return yield* running
  } finally {
    shell.tested -= 1
  }
}

function runIf(shell: Shell, node: If): Status {
  const deciding = shell.session.decider?.begin(node, shell)
  if (deciding !== undefined) return guardedIf(shell, node, deciding, nodes => test(shell, nodes))
  for (let i = 0; i < node.branches.length; i++) {
    const branch = node.branches[i] as If['branches'][number]
    const result = test(shell, branch.test)
    if (typeof result !== 'number') return ifFrom(shell, node, i, result)
    if (shell.jump !== undefined) return result
    if (result === 0) return shell.list(branch.body)
  }
  return node.otherwise === undefined ? shell.ended(0) : shell.list(node.otherwise)
}

function* ifFrom(shell: Shell, node: If, from: number, first: Process<number>): Process<number> {
  let status = yield* first
  for (let i = from; ; ) {
    if (shell.jump !== undefined) return status
    if (status === 0) {
      const result = shell.list((node.branches[i] as If['branches'][number]).body)
      return typeof result === 'number' ? result : yield* result
    }
    i += 1
    const branch = node.branches[i]
    if (branch === undefined) break
    const result = test(shell, branch.test)
    status = typeof result === 'number' ? result : yield* result
  }
  if (node.otherwise === undefined) return shell.ended(0)
  const result = shell.list(node.otherwise)
  return typeof result === 'number' ? result : yield* result
}

/** After a pass of a loop: true when the loop is over. */
function leaves(shell: Shell): boolean {
  const { jump } = shell
  if (jump === undefined) return false
  if (jump.is !== 'break' && jump.is !== 'continue') return true
  jump.left -= 1
  if (jump.left > 0) return true
  shell.jump = undefined
  return jump.is === 'break'
}

function* runWhile(shell: Shell, node: While): Process<number> {
  let status = 0
  const deciding = shell.session.decider?.begin(node, shell)
  let left = false
  let passes = 0
  shell.loops += 1
  try {
    for (;;) {
      deciding?.look()
      const tested = test(shell, node.test)
      const holds = (typeof tested === 'number' ? tested : yield* tested) === 0
      if (shell.jump !== undefined) {
        if (leaves(shell)) break
        continue
      }
      if (holds === node.until) {
        if (passes === 0) shell.session.host.watcher?.barren?.(node, shell)
        break
      }
      passes += 1
      if (deciding?.counts === false && deciding.waits()) break
      const result = shell.list(node.body)
      status = typeof result === 'number' ? result : yield* result
      if (shell.jump !== undefined && leaves(shell)) {
        status = shell.status
        left = true
        break
      }
      if (deciding?.counts === true && deciding.waits()) break
      if (shell.owes) yield shell.session.takeDebt()
    }
  } finally {
    shell.loops -= 1
  }
  if (deciding !== undefined) endLoop(shell, deciding, left, status)
  return shell.ended(status)
}

/** A loop that only counts has seen what it waited for if something in it left it; any other one if its test ended it, too. */
function endLoop({ jump }: Shell, deciding: Deciding, left: boolean, status: number): void {
  if (jump === undefined) deciding.end(left || !deciding.counts)
  // With `exit` the script is over, and whatever ended it has been told.
  else if (jump.is !== 'exit') deciding.end(jump.is === 'return' ? jump.status === 0 : status === 0)
}

function* runFor(shell: Shell, node: For): Process<number> {
  let items: readonly string[]
  shell.line = node.line
  if (node.words === undefined) items = shell.positional
  else {
    try {
      items = yield* fieldsOf(shell, node.words)
    } catch (error) {
      return shell.ended(shell.expansionFailed(error))
    }
  }
  if (items.length === 0) shell.session.host.watcher?.barren?.(node, shell)
  let status = 0
  const deciding = shell.session.decider?.begin(node, shell)
  let left = false
  shell.loops += 1
  try {
    for (const item of items) {
      shell.set(node.name, item)
      deciding?.look()
      const result = shell.list(node.body)
      status = typeof result === 'number' ? result : yield* result
      if (shell.jump !== undefined && leaves(shell)) {
        status = shell.status
        left = true
        break
      }
      if (deciding?.waits() === true) break
      if (shell.owes) yield shell.session.takeDebt()
    }
  } finally {
    shell.loops -= 1
  }
  if (deciding !== undefined) endLoop(shell, deciding, left, status)
  return shell.ended(status)
}

function* runForArithmetic(shell: Shell, node: ForArithmetic): Process<number> {
  const value = function* (word: Word | undefined): Process<number> {
    return word === undefined ? 1 : calculateNumber(yield* textOf(shell, word), shell.names)
  }
  let status = 0
  const deciding = shell.session.decider?.begin(node, shell)
  let left = false
  shell.loops += 1
  shell.line = node.line
  try {
    for (yield* value(node.first); (yield* value(node.test)) !== 0; yield* value(node.next)) {
      deciding?.look()
      const result = shell.list(node.body)
      status = typeof result === 'number' ? result : yield* result
      if (shell.jump !== undefined && leaves(shell)) {
        status = shell.status
        left = true
        break
      }
      if (deciding?.waits() === true) break
      if (shell.owes) yield shell.session.takeDebt()
      shell.session.step(0)
    }
  } catch (error) {
    if (!(error instanceof ArithmeticError)) throw error
    shell.complain(`((: ${error.message}`)
    return shell.ended(1)
  } finally {
    shell.loops -= 1
  }
  if (deciding !== undefined) endLoop(shell, deciding, left, status)
  return shell.ended(status)
}

function* runCase(shell: Shell, node: Case): Process<number> {
  shell.line = node.line
  const deciding = shell.session.decider?.begin(node, shell)
  const text = yield* shell.expandingText(node.word)
  if (text === undefined) return shell.ended(1)
  let through = false
  let status = 0
  for (const [nth, item] of node.items.entries()) {
    let matches = through
    for (let i = 0; i < item.patterns.length && !matches; i++) {
      matches = patternRegExp(yield* patternOf(shell, item.patterns[i] as Word), shell.shopt.has('nocasematch'), shell.shopt.has('extglob')).test(text)
    }
    if (!matches) continue
    if (deciding?.stops.has(nth) === true) {
      if (deciding.stopped()) return shell.ended(0)
    } else deciding?.end(true)
    const result = shell.list(item.body)
    status = typeof result === 'number' ? result : yield* result
    if (shell.jump !== undefined || item.end === ';;') return item.body.length === 0 ? shell.ended(0) : status
    through = item.end === ';&'
  }
  deciding?.end(true)
  return shell.ended(status)
}

function* runSubshell(shell: Shell, node: Group): Process<number> {
  const child = new Shell(shell.session, shell.name0, shell)
  const result = shell.finish(yield* child.main(node.body), node)
  return typeof result === 'number' ? result : yield* result
}

function* runRedirected(shell: Shell, node: Redirected): Process<number> {
  const before = shell.fds
  shell.line = node.line
  const waiting = shell.session.writing.length
  try {
    const problem = yield* redirect(shell, node.redirections, false)
    if (problem !== undefined) {
      shell.fds = before
      shell.complain(problem)
      const result = shell.finish(1, node)
      return typeof result === 'number' ? result : yield* result
    }
    const result = shell.run(node.command)
    return typeof result === 'number' ? result : yield* result
  } finally {
    if (shell.session.locks.size > 0) for (const [fd, { sink }] of shell.fds.more ?? []) if (sink !== undefined && before.more?.get(fd)?.sink !== sink) shell.session.unlock(sink)
    shell.fds = before
    shell.session.endWriting(waiting)
  }
}
