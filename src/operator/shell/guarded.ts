/** Decisions that somebody follows: the same as in `andor.ts` and `compound.ts`, asking at each fork whether it is to be taken. */
import type { Process } from '../../kernel/index.ts'
import type { Deciding } from './session.ts'
import type { Shell } from './shell.ts'
import type { AndOr, If, Node } from './syntax.ts'

/** `a && b || c`, of which some command stops the script. */
export function* guardedChain(shell: Shell, node: AndOr, deciding: Deciding): Process<number> {
  let status = 0
  const last = node.commands.length - 1
  for (let i = 0; i <= last; i++) {
    if (i > 0) {
      if (shell.jump !== undefined) return status
      if ((node.operators[i - 1] === '&&') !== (status === 0)) continue
      if (deciding.stops.has(i) && deciding.stopped()) return shell.ended(0)
    }
    status = yield* counted(shell, node.commands[i] as Node, i < last)
  }
  deciding.end(shell.jump === undefined)
  return status
}

function* counted(shell: Shell, node: Node, tested: boolean): Process<number> {
  if (tested) shell.tested += 1
  try {
    const result = shell.run(node)
    return typeof result === 'number' ? result : yield* result
  } finally {
    if (tested) shell.tested -= 1
  }
}

/** An `if` of which some branch stops the script. @param test runs a list whose failures are looked at */
export function* guardedIf(shell: Shell, node: If, deciding: Deciding, test: (nodes: readonly Node[]) => number | Process<number>): Process<number> {
  const { branches, otherwise } = node
  let chosen = otherwise === undefined ? undefined : branches.length
  for (let i = 0; i < branches.length; i++) {
    const result = test((branches[i] as If['branches'][number]).test)
    const status = typeof result === 'number' ? result : yield* result
    if (shell.jump !== undefined) return status
    if (status !== 0) continue
    chosen = i
    break
  }
  if (chosen !== undefined && deciding.stops.has(chosen)) {
    if (deciding.stopped()) chosen = otherway(node, deciding)
  } else deciding.end(true)
  const body = chosen === undefined ? undefined : (branches[chosen]?.body ?? otherwise)
  if (body === undefined) return shell.ended(0)
  const result = shell.list(body)
  return typeof result === 'number' ? result : yield* result
}

/** The way that goes on. */
function otherway({ branches, otherwise }: If, { stops }: Deciding): number | undefined {
  if (!stops.has(branches.length)) return otherwise === undefined ? undefined : branches.length
  return branches.findIndex((_, i) => !stops.has(i))
}
