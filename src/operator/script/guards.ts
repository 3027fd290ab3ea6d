import { type Node, type Script, type Simple, bodiesOf, everyNode, isAssignment } from '../shell/syntax.ts'

/**
 * The commands of a script that can stop it, or hold it up, because of what they see: `check || exit 1`, `if ! check; then exit 1; fi`,
 * `[ "$(ask)" = t ] || die`, `until check; do …`. Left out, such a command looks like success: that blinds the script and mends nothing.
 */
export function guardsOf(script: Script): ReadonlySet<Simple> {
  const leavers = leaversOf(script)
  const guards = new Set<Simple>()
  everyNode(script.body, (node, around) => {
    if (node.is === 'simple' && decides(node, around, leavers)) guards.add(node)
  })
  return guards
}

const LEAVES: ReadonlySet<string> = new Set(['exit', 'return', 'break', 'continue'])

function nameOf(node: Simple): string {
  const word = node.words[0]
  return word === undefined || isAssignment(word) ? '' : (word.constant ?? '')
}

/** Functions that end the script: `die() { echo …; exit 1; }`. */
export function leaversOf(script: Script): ReadonlySet<string> {
  const names = new Set<string>()
  everyNode(script.body, node => {
    if (node.is === 'function' && has([node.body], simple => nameOf(simple) === 'exit')) names.add(node.name)
  })
  return names
}

function has(nodes: readonly Node[], is: (node: Simple) => boolean): boolean {
  let found = false
  everyNode(nodes, node => {
    if (node.is === 'simple' && is(node)) found = true
  })
  return found
}

function decides(node: Node, around: readonly Node[], leavers: ReadonlySet<string>): boolean {
  const leaves = (nodes: readonly Node[]): boolean => has(nodes, simple => LEAVES.has(nameOf(simple)) || leavers.has(nameOf(simple)))
  let inner = node
  for (let i = around.length - 1; i >= 0; i--) {
    const outer = around[i] as Node
    switch (outer.is) {
      case 'and-or':
        if (leaves(outer.commands.slice(outer.commands.indexOf(inner) + 1))) return true
        break
      case 'if': {
        const at = outer.branches.findIndex(branch => branch.test.includes(inner))
        return at >= 0 && leaves([...outer.branches.slice(at).flatMap(branch => branch.body), ...(outer.otherwise ?? [])])
      }
      case 'while':
        return outer.test.includes(inner)
      case 'simple':
        // In `[ "$(…)" = x ]` it is the test that goes on; in `echo "$(…)"` nothing does.
        if (!['[', 'test', ''].includes(nameOf(outer))) return false
        break
      case 'pipeline':
      case 'conditional':
      case 'arithmetic':
        break
      default:
        if (bodiesOf(outer).find(list => list.includes(inner))?.at(-1) !== inner) return false
        if (outer.is === 'function') return false
    }
    inner = outer
  }
  return false
}
