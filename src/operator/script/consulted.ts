import { type Node, type Script, type Simple, bodiesOf, everyNode } from '../shell/syntax.ts'

/**
 * Where the status of a command goes, by the place it stands at. `condition`: something branches on it. `end`: it is the script's own. `returned`:
 * its function's. `piped`: seen only under `pipefail`. `hidden`: nothing can see it (`local x=$(…)`, `[ "$(…)" = … ]`, `&`). `open`: `set -e`, a
 * trap on ERR or a `$?` right behind it may look at it; nothing else does.
 */
export type Fate = 'condition' | 'end' | 'returned' | 'piped' | 'hidden' | 'open'

/** The fate of a command's status, and how many conditions the shell counts for the place itself (pipelines and substitutions around it). */
export interface Place {
  readonly fate: Fate
  readonly inherent: number
}

const known = new WeakMap<Script, ReadonlyMap<Node, Place>>()
const OPEN: Place = { fate: 'open', inherent: 0 }

/** Of each command of a script the fate of its status. Made once for a script. */
export function placesOf(script: Script): ReadonlyMap<Node, Place> {
  let places = known.get(script)
  if (places === undefined) {
    const found = new Map<Node, Place>()
    everyNode(script.body, (node, around) => {
      if (node.is === 'simple' || node.is === 'conditional' || node.is === 'arithmetic') found.set(node, { fate: fateOf(node, around, script.body), inherent: inherentOf(around) })
    })
    known.set(script, (places = found))
  }
  return places
}

/** Of a command that no file holds (of a trap's text, or of a file that is sourced) little is known. */
export const placeOf = (places: ReadonlyMap<Node, Place>, node: Node): Place => places.get(node) ?? OPEN

function inherentOf(around: readonly Node[]): number {
  const from = around.findLastIndex(outer => outer.is === 'function') + 1
  return around.slice(from).filter(outer => (outer.is === 'pipeline' && outer.commands.length > 1) || outer.is === 'simple').length
}

function fateOf(node: Node, around: readonly Node[], top: readonly Node[]): Fate {
  let inner = node
  let piped = false
  for (let i = around.length - 1; i >= 0; i--) {
    const outer = around[i] as Node
    const list = bodiesOf(outer).find(body => body.includes(inner)) ?? []
    const isLast = list.at(-1) === inner
    switch (outer.is) {
      case 'and-or':
        if (outer.commands.at(-1) !== inner) return piped ? 'piped' : 'condition'
        break
      case 'pipeline':
        if (outer.negated) return 'condition'
        if (outer.commands.at(-1) !== inner) piped = true
        break
      case 'if':
        if (outer.branches.some(branch => branch.test === list)) return isLast ? (piped ? 'piped' : 'condition') : 'open'
        if (!isLast) return 'open'
        break
      case 'while':
        return list === outer.test && isLast ? (piped ? 'piped' : 'condition') : 'open'
      case 'case':
      case 'group':
      case 'subshell':
        if (!isLast) return 'open'
        break
      case 'redirected':
        break
      case 'function':
        return piped ? 'piped' : 'returned'
      case 'simple':
        // `x=$(…)` has the status of what is in it; with a word before (`local x=$(…)`, `echo $(…)`) that word's program has the say.
        if (!isLast || outer.words.length > 0) return 'hidden'
        break
      case 'for':
      case 'for-arithmetic':
        if (list !== outer.body) return 'hidden'
        return piped ? 'piped' : 'open'
      default:
        return 'hidden'
    }
    inner = outer
  }
  if (piped) return 'piped'
  return top.at(-1) === inner ? 'end' : 'open'
}

/** Of a command that has ended: what the shell around it does about a failure. */
export interface Shelled {
  readonly errexit: boolean
  readonly pipefail: boolean
  readonly trapsErrors: boolean
  /** How many conditions are around it, those of calls included. */
  readonly tested: number
}

/** What looks at a status; undefined = nothing does. */
export type Reader = 'condition' | 'errexit' | 'trap' | '$?' | 'end'

/** Who looks at the status of a command that stands there. (`$?` is seen only afterwards.) */
export function readerOf({ fate, inherent }: Place, { errexit, pipefail, trapsErrors, tested }: Shelled): Reader | undefined {
  if (fate === 'condition' || fate === 'end') return fate
  if (fate === 'hidden' || (fate === 'piped' && !pipefail)) return undefined
  // In a function that a condition calls `set -e` sleeps; only what the function returns is looked at.
  if (tested > inherent) return fate === 'returned' ? 'condition' : undefined
  return errexit ? 'errexit' : trapsErrors ? 'trap' : undefined
}

/** Where the text that a command prints goes. */
export type OutputTo = 'terminal' | 'script' | 'file' | 'nowhere'

/** By the redirections of the command itself; undefined = where those of the shell around it lead. */
export function redirectedTo(node: Simple): OutputTo | undefined {
  for (const r of node.redirections.toReversed()) {
    if (r.is !== 'file' || r.operator.startsWith('<') || (r.fd !== 1 && !r.operator.startsWith('&'))) continue
    return r.target.constant === '/dev/null' ? 'nowhere' : r.target.parts.some(p => p.is === 'process') ? 'script' : 'file'
  }
  return undefined
}
