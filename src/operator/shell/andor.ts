import type { Process } from '../../kernel/index.ts'
import type { Shell, Status } from './shell.ts'
import type { Node } from './syntax.ts'

/** Goes on with the next commands of a chain, the last one having ended with `first`. */
export function andOrFrom(shell: Shell, node: Extract<Node, { is: 'and-or' }>, first: number, at: number): Status {
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
export function* andOr(shell: Shell, node: Extract<Node, { is: 'and-or' }>, running: Process<number>, counted: boolean, at = 0): Process<number> {
  let status: number
  try {
    status = yield* running
  } finally {
    if (counted) shell.tested -= 1
  }
  const rest = andOrFrom(shell, node, status, at)
  return typeof rest === 'number' ? rest : yield* rest
}
