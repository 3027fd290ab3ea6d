/** What a call of a script's own function starts: `k() { kubectl -n "$NS" "$@"; }` and the like, as far as it can be told by reading. */
import { type Assignment, type Node, type Script, type Simple, type Word, everyNode, isAssignment } from './syntax.ts'

/** Functions inside one another are followed no deeper. */
const DEEPEST = 4

/** The bodies of a script's functions, by name; of several of one name the last. */
export function functionBodies(script: Script): ReadonlyMap<string, Node> {
  const bodies = new Map<string, Node>()
  everyNode(script.body, node => {
    if (node.is === 'function') bodies.set(node.name, node.body)
  })
  return bodies
}

/**
 * The argument vectors of the commands that a call starts with words that it was given; those that do not hang on them are in the function itself.
 * @param argv the call; words that are not known hold a `${…}` @param constants variables whose value is known
 */
export function startedBy(argv: readonly string[], bodies: ReadonlyMap<string, Node>, constants: ReadonlyMap<string, string>, depth = 0): readonly (readonly string[])[] {
  const body = bodies.get(argv[0] ?? '')
  if (body === undefined || depth >= DEEPEST) return []
  const reading = new Reading(argv.slice(1), constants)
  everyNode([body], (node, around) => {
    if (node.is === 'simple') reading.take(node, around.some(outer => outer.is === 'while' || outer.is === 'for' || outer.is === 'case' || outer.is === 'if'))
  })
  return reading.started.flatMap(inner => (bodies.has(inner[0] ?? '') ? startedBy(inner, bodies, constants, depth + 1) : [inner]))
}

/** One call of a function, read from its top to its end. */
class Reading {
  readonly started: (readonly string[])[] = []
  private shifted = 0
  private lost = false
  private readonly known: Map<string, string>
  /** Variables that hold a word of the call. */
  private readonly given = new Set<string>()

  constructor(
    private readonly args: readonly string[],
    constants: ReadonlyMap<string, string>,
  ) {
    this.known = new Map(constants)
  }

  take(node: Simple, conditional: boolean): void {
    for (const a of [...node.assignments, ...node.words.filter(isAssignment)]) this.assign(a)
    const first = node.words[0]
    if (first !== undefined && !isAssignment(first) && first.constant === 'shift') {
      const count = node.words[1] === undefined || isAssignment(node.words[1]) ? 1 : Number(node.words[1].constant)
      // Shifted in a loop over options: what is left nobody knows.
      if (conditional || !Number.isInteger(count)) this.lost = true
      this.shifted += Number.isInteger(count) ? count : 0
      return
    }
    if (this.lost || node.words.some(isAssignment) || !node.words.some(word => this.hangsOnCall(word as Word))) return
    const argv = node.words.flatMap(word => this.words(word as Word))
    if (argv.length > 0) this.started.push(argv)
  }

  private assign({ name, value, append, index }: Assignment): void {
    if (Array.isArray(value)) return
    const word = value as Word
    const text = append || index !== undefined ? undefined : word.parts.every(part => part.is === 'text' || part.is === 'parameter') ? this.text(word) : undefined
    this.known.set(name, text ?? `\${${name}}`)
    if (text !== undefined && this.hangsOnCall(word)) this.given.add(name)
    else this.given.delete(name)
  }

  private hangsOnCall(word: Word): boolean {
    return word.parts.some(part => part.is === 'parameter' && (/^[1-9@*]$/.test(part.name) || this.given.has(part.name)))
  }

  private words(word: Word): readonly string[] {
    const only = word.parts.length === 1 ? word.parts[0] : undefined
    if (only?.is === 'parameter' && only.operation === undefined && (only.name === '@' || (only.name === '*' && !only.quoted))) return this.args.slice(this.shifted)
    const text = this.text(word)
    return only?.is === 'parameter' && !only.quoted && !text.includes('${') ? text.split(/\s+/).filter(t => t !== '') : [text]
  }

  private text(word: Word): string {
    if (word.constant !== undefined) return word.constant
    return word.parts.map(part => {
      if (part.is === 'text' || part.is === 'glob') return part.text
      if (part.is !== 'parameter' || part.operation !== undefined || part.index !== undefined || part.length || part.indirect) return '${…}'
      if (part.name === '@' || part.name === '*') return this.args.slice(this.shifted).join(' ')
      if (/^[1-9]$/.test(part.name)) return this.args[this.shifted + Number(part.name) - 1] ?? `\${${part.name}}`
      return this.known.get(part.name) ?? `\${${part.name}}`
    }).join('')
  }
}
