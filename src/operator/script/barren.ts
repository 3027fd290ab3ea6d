/** Loops that made no pass, and failures that nobody looked at: what a script overlooks when what it names is not there. */
import type { CommandRegistry } from '../command.ts'
import { constantsOf, writtenArgv } from '../shell/check.ts'
import type { Shell } from '../shell/shell.ts'
import { type For, type Node, type Script, type Simple, type While, everyNode, wordsOf } from '../shell/syntax.ts'
import { functionBodies, startedBy } from '../shell/wrappers.ts'
import { placeOf, placesOf, readerOf } from './consulted.ts'

/**
 * Whether a loop over words, or over the lines of an input, would change something if it made a pass: only then is it amiss that it makes none. A
 * script that asks first whether there is anything at all (`[ -z "$pods" ]`, `${#pods[@]}`) has seen to it.
 */
export function wouldAct(loop: For | While, script: Script, registry: CommandRegistry): boolean {
  if (loop.is === 'while' && !loop.test.some(node => holds(node, simple => simple.words.some(word => 'constant' in word && word.constant === 'read')))) return false
  if (listOf(loop, script).some(name => asksWhetherAny(name, script))) return false
  const constants = constantsOf(script)
  const bodies = functionBodies(script)
  const seen = new Set<string>()
  const acts = (nodes: readonly Node[]): boolean => nodes.some(node => holds(node, simple => {
    const argv = writtenArgv(simple, constants)
    if ([argv, ...startedBy(argv, bodies, constants)].some(each => registry.has(each[0] ?? '') && registry.intent(each) === 'acts')) return true
    const body = bodies.get(argv[0] ?? '')
    if (body === undefined || seen.has(argv[0] as string)) return false
    seen.add(argv[0] as string)
    return acts([body])
  }))
  return acts(loop.body)
}

function holds(node: Node, is: (simple: Simple) => boolean): boolean {
  let found = false
  everyNode([node], each => {
    if (!found && each.is === 'simple' && is(each)) found = true
  })
  return found
}

/** The variables that a loop runs over. */
function listOf(loop: For | While, script: Script): string[] {
  const words = loop.is === 'for' ? (loop.words ?? []).map(({ source }) => source) : []
  if (loop.is === 'while') everyNode(script.body, node => void (node.is === 'redirected' && node.command === loop && words.push(...wordsOf(node).map(({ source }) => source))))
  return words.flatMap(source => [...source.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name as string))
}

function asksWhetherAny(name: string, { text }: Script): boolean {
  return new RegExp(`(?:\\[|\\btest|&&|\\|\\||-[ao])\\s+(?:!\\s+)?-[zn]\\s+"?\\$\\{?${name}\\b|\\$\\{#${name}\\b`, 'm').test(text)
}

/** Whether nothing looks at a failure: no condition, strict mode, trap or `$?`; and nobody has its words thrown away, as one does who expects it. */
export function passedOver(node: Simple, script: Script, shell: Shell, outer: Shell): boolean {
  if (shell.session.inTrap > 0) return false
  const { errexit, pipefail } = outer.options
  if (readerOf(placeOf(placesOf(script), node), { errexit, pipefail, trapsErrors: outer.traps.has('ERR'), tested: shell.tested }) !== undefined) return false
  if (node.redirections.some(r => r.is === 'file' && (r.fd === 2 || r.operator.startsWith('&')) && r.target.constant === '/dev/null')) return false
  const lines = script.text.split('\n')
  const last = node.line - 1 + node.source.split('\n').length
  return !lines.slice(node.line - 1, last + 1).some(line => /\$\{?(?:\?|PIPESTATUS)/.test(line))
}
