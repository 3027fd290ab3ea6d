import type { Process } from '../../kernel/index.ts'
import { guardedChain } from './guarded.ts'
import type { Shell, Status } from './shell.ts'
import type { Node } from './syntax.ts'

type AndOr = Extract<Node, { is: 'and-or' }>

/** Runs a chain of `&&` and `||`. */
export function runAndOr(shell: Shell, node: AndOr): Status {
  const deciding = shell.session.decider?.begin(node, shell)
  if (deciding !== undefined) return guardedChain(shell, node, deciding)
  shell.tested += 1
  const first = shell.run(node.commands[0] as Node)
  if (typeof first !== 'number') return andOr(shell, node, first, true)
  shell.tested -= 1
  return andOrFrom(shell, node, first, 0)
}

/** Goes on with the next commands of a chain, the last one having ended with `first`. */
function andOrFrom(shell: Shell, node: AndOr, first: number, at: number): Status {
  let status = first
  for (let i = at; i < node.operators.length; i++) {
    if (shell.jump !== undefined) return status
    if ((node.operators[i] === '&&') !== (status === 0)) continue
    const last = i === node.operators.length - 1
    if (!last) shell.tested += 1
    const result = shell.run(node.commands[i + 1] as Node)
    if (typeof result !== 'number') return andOr(shell, node, result, !last, i + 1)
    if (!last) shell.tested -= 1
    status = result
  }
  return status
}

/** Goes on from a command that has to be waited for; `counted`: it is one whose failure is looked at. */
function* andOr(shell: Shell, node: AndOr, running: Process<number>, counted: boolean, at = 0): Process<number> {
  let status: number
  try {
    status = yield* running
  } finally {
    if (counted) shell.tested -= 1
  }
  const rest = andOrFrom(shell, node, status, at)
  return typeof rest === 'number' ? rest : yield* rest
}
