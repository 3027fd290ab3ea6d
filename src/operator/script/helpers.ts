import { type Node, type Simple, everyNode, isAssignment } from '../shell/syntax.ts'

/**
 * The functions of a script that stand between a line and the one program it starts: `retry 5 10 kubectl …`, `sql "$host" 'select …'`. They wait, run
 * what they are given, and start at most one program of their own. A command in one of them belongs to the line that called it: that is where a person
 * would look for it, and one line in `retry` would otherwise be all the steps of a runbook. Functions of files that are sourced are all helpers: their
 * lines are none of the script's.
 */
export function helpersOf(own: readonly (readonly Node[])[], sourced: readonly (readonly Node[])[], isPlace: (node: Simple, functions: ReadonlySet<string>) => boolean): { readonly helpers: ReadonlySet<string>; readonly acting: ReadonlySet<string> } {
  const functions = new Map<string, Node>()
  const define = (body: readonly Node[]): void => everyNode(body, node => void (node.is === 'function' && functions.set(node.name, node.body)))
  sourced.forEach(define)
  const foreign = new Set(functions.keys())
  own.forEach(define)
  everyNode(own.flat(), node => void (node.is === 'function' && foreign.delete(node.name)))
  const names = new Set(functions.keys())
  const helpers = new Set<string>()
  const acting = new Set<string>()
  const seen = new Set<string>()
  const look = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    let places = 0
    let passesOn = false
    let acts = false
    everyNode([functions.get(name) as Node], node => {
      if (node.is !== 'simple') return
      const word = programOf(node)
      if (word !== undefined && names.has(word)) look(word)
      if (isWait(node)) acts = true
      else if (passesOnWords(node)) passesOn = acts = true
      else if (isPlace(node, names)) places += 1
      else if (word !== undefined && acting.has(word)) {
        acts = true
        if (helpers.has(word)) places += 1
        // It calls what has steps of its own.
        else places += 2
      }
    })
    if (places > 0 || acts) acting.add(name)
    if ((places > 0 && foreign.has(name)) || places === 1 || (places === 0 && (passesOn || acts))) helpers.add(name)
  }
  for (const name of names) look(name)
  return { helpers, acting }
}

/** The program that a command names, if that stands written; of `timeout 5 psql` it is `timeout`. */
export function programOf(node: Simple): string | undefined {
  const word = node.words[0]
  return word === undefined || isAssignment(word) ? undefined : word.constant
}

const isWait = (node: Simple): boolean => ['sleep', 'wait'].includes(programOf(node) ?? '')

/** `"$@"`, `"${@:2}"`, `$1`, `"${command[@]}"`: the program is not the function's own, also behind `timeout 5`. */
function passesOnWords(node: Simple): boolean {
  const name = programOf(node)
  if (name !== undefined && !['timeout', 'command', 'env', 'nohup', 'time', 'exec'].includes(name)) return false
  const first = name === undefined ? node.words[0] : node.words.find((word, i) => i > 0 && !isAssignment(word) && !/^(?:-|[\d.]+[smhd]?$)/.test(word.constant ?? '') && !isCount(word))
  return first !== undefined && !isAssignment(first) && first.constant === undefined
}

/** `"$seconds"` behind `timeout`, when more words follow. */
const isCount = (word: Simple['words'][number]): boolean => !isAssignment(word) && word.parts.length === 1 && word.parts[0]?.is === 'parameter' && !['@', '*'].includes(word.parts[0].name)
