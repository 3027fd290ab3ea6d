/**
 * The small edits of a script that might keep a failure from happening: a guard, strict mode, two commands the other way round, a known-safe
 * command beside another. Each is made as text and read again: only what changes the script as meant is a candidate.
 */
import type { Plan } from '../plan.ts'
import { type Script, parseScript } from '../shell/index.ts'
import { constantsOf, functionsOf, typedCommand } from '../shell/check.ts'
import { functionBodies } from '../shell/wrappers.ts'
import { type Node, type Simple, everyNode, isAssignment } from '../shell/syntax.ts'
import { unifiedDiff } from './diff.ts'
import { isPlace, lineId } from './plan.ts'

/** A command as a script has it. */
export interface Typed {
  /** Its words, expanded where that is known before any run; else `${x}`. */
  readonly words: readonly string[]
  /** The same words as written: what an inserted line must say to mean the same. Of a variable or a function that stands for several, all but the first are empty. */
  readonly source: readonly string[]
}

/** Lines of shell that are known to be safe beside a command. */
export interface SafeLines {
  /** What they do, for people: `wait until it has replayed all it received`. */
  readonly does: string
  readonly where: 'before' | 'after'
  readonly lines: readonly string[]
}

export interface ScriptEdit {
  readonly is: 'guard' | 'strict' | 'reorder' | 'insert'
  /** The script, as its plan names it; the line of the script as it is, and its id. */
  readonly file: string
  readonly line: number
  readonly step: string
  /** What it does, for people. */
  readonly does: string
  /** The whole script with it. */
  readonly text: string
  /** Against the script as it is. */
  readonly patch: string
  /** Lines added and lines taken away. */
  readonly changed: number
}

/** Commands that change places are at most so far apart. */
const REACH = 6
/** A command is at most so many lines long. */
const LONGEST = 80
const STRICT = 'set -euo pipefail'
const TALK = new Set(['echo', 'printf', 'log', 'warn', 'info', 'logger', ':', 'true'])

/** A command of a list that is run one after the other. */
interface Statement {
  readonly node: Node
  readonly list: readonly Node[]
  /** Which list of the script that is, in the order they are written. */
  readonly nth: number
  readonly at: number
}

/** Every edit of a plan's scripts, the smallest kinds first. @param beside what an engine knows to be safe beside a command */
export function scriptEdits(plan: Plan, beside: (typed: Typed) => readonly SafeLines[]): ScriptEdit[] {
  const scripts = plan.script?.scripts ?? []
  const edits = scripts.flatMap(script => new Editor(script, scripts.length > 1, beside).edits())
  const seen = new Set<string>()
  return edits.filter(({ file, text }) => !seen.has(`${file}\0${text}`) && seen.add(`${file}\0${text}`) !== undefined)
}

class Editor {
  private readonly lines: readonly string[]
  private readonly statements: readonly Statement[]
  private readonly functions: ReadonlySet<string>
  private readonly constants: ReadonlyMap<string, string>
  private readonly bodies: ReadonlyMap<string, Node>
  private readonly ends = new Map<Node, number | undefined>()

  constructor(
    private readonly script: Script,
    private readonly several: boolean,
    private readonly beside: (typed: Typed) => readonly SafeLines[],
  ) {
    this.lines = script.text.split('\n')
    this.statements = statementsOf(script)
    this.functions = functionsOf(script)
    this.constants = constantsOf(script)
    this.bodies = functionBodies(script)
  }

  edits(): ScriptEdit[] {
    const acting = this.statements.filter(s => this.acts(s.node))
    return [...acting.flatMap(s => this.guards(s)), ...this.talking(), ...this.strict(), ...acting.flatMap(s => this.insertions(s)), ...this.swaps()]
  }

  /** Something of the simulated world is started, or waited for, in it. */
  private acts(node: Node): boolean {
    let acts = false
    everyNode([node], each => {
      if (each.is === 'simple' && (isPlace(each, this.functions) || this.functions.has(nameOf(each) ?? ''))) acts = true
    })
    return acts && node.is !== 'function'
  }

  private edit(is: ScriptEdit['is'], line: number, does: string, text: string): ScriptEdit[] {
    const { file } = this.script
    const { patch, changed } = unifiedDiff(file.replace(/^\.?\/| \(in code\)$/g, ''), this.script.text, text)
    return changed === 0 ? [] : [{ is, file, line, step: lineId(this.script, line, this.several), does, text, patch, changed }]
  }

  // --- guards

  private guards(s: Statement): ScriptEdit[] {
    const { node } = s
    const found: ScriptEdit[] = []
    const simple = node.is === 'simple' ? node : node.is === 'pipeline' && !node.negated ? node.commands.find(c => c.is === 'simple') : undefined
    // A chain that ends with `|| …` has its guard.
    if (simple === undefined && (node.is !== 'and-or' || node.operators.at(-1) === '||')) return []
    const guarded = this.appended(s, ' || exit 1')
    if (guarded !== undefined) found.push(...this.edit('guard', node.line, 'stop if it fails', guarded))
    if (node.is !== 'simple' || node.words.length > 0) return found
    for (const { name } of node.assignments.filter(a => a.index === undefined && !a.append)) {
      const put = (does: string, line: string): void => {
        const text = this.inserted(s, 'after', [line])
        if (text !== undefined) found.push(...this.edit('guard', node.line, does, text))
      }
      put(`stop if it says nothing (\`${name}\` is empty)`, `[ -n "$${name}" ] || exit 1`)
      if (this.isNumber(name)) put(`stop unless \`${name}\` is a number`, `[[ $${name} =~ ^[0-9]+([.][0-9]+)?$ ]] || exit 1`)
    }
    return found
  }

  /** Somewhere it is compared as a number. */
  private isNumber(name: string): boolean {
    return new RegExp(`\\$\\{?${name}\\b[^\\n]*-(?:eq|ne|lt|le|gt|ge)\\b|-(?:eq|ne|lt|le|gt|ge) "?\\$\\{?${name}\\b|\\(\\([^\\n]*\\b${name}\\b`).test(this.script.text)
  }

  /** A test behind which the script only talks: `if [ … ]; then echo WARNING; fi`, `[ … ] || echo WARNING`. */
  private talking(): ScriptEdit[] {
    return this.statements.flatMap(s => {
      const { node } = s
      if (node.is === 'and-or') {
        const last = node.commands.at(-1)
        if (last?.is !== 'simple' || !talks(last)) return []
        const text = this.replaced(last, `{ ${last.source}; exit 1; }`)
        return text === undefined ? [] : this.edit('guard', node.line, 'stop there instead of only saying so', text)
      }
      if (node.is !== 'if') return []
      return [...node.branches.map(b => b.body), ...(node.otherwise === undefined ? [] : [node.otherwise])].flatMap(body => {
        if (!body.every(each => each.is === 'simple' && talks(each))) return []
        const inner = this.statements.find(each => each.node === body.at(-1))
        const text = inner === undefined ? undefined : this.inserted(inner, 'after', ['exit 1'])
        return text === undefined ? [] : this.edit('guard', inner?.node.line ?? node.line, 'stop there instead of only saying so', text)
      })
    })
  }

  /** The script with `more` behind a statement. */
  private appended({ node, nth, list, at }: Statement, more: string): string | undefined {
    for (let n = node.line - 1; n < Math.min(this.lines.length, node.line + LONGEST); n++) {
      const text = this.withLine(n, line => (/\s#/.test(line) ? line.replace(/\s+#[^'"]*$/, comment => more + comment) : line.trimEnd() + more))
      const now = listOf(read(text, this.script.file), nth)
      const put = now?.[at]
      if (now?.length !== list.length || put?.is !== 'and-or' || put.line !== node.line) continue
      const last = put.commands.at(-1)
      const before = node.is === 'and-or' ? node.commands.length : 1
      if (put.commands.length === before + 1 && last?.is === 'simple' && last.constant?.join(' ') === more.replace(/^ \|\| /, '')) return text
    }
    return undefined
  }

  private withLine(n: number, change: (line: string) => string): string {
    return this.lines.map((line, i) => (i === n ? change(line) : line)).join('\n')
  }

  /** The script with one command written otherwise; undefined when its text is not found on its line. */
  private replaced(node: Simple, by: string): string | undefined {
    const line = this.lines[node.line - 1] ?? ''
    const from = line.lastIndexOf(node.source)
    if (from < 0 || node.source === '') return undefined
    const text = this.withLine(node.line - 1, () => line.slice(0, from) + by + line.slice(from + node.source.length))
    return read(text, this.script.file) === undefined ? undefined : text
  }

  // --- strict mode

  private strict(): ScriptEdit[] {
    let has: Simple | undefined
    everyNode(this.script.body, node => {
      if (node.is === 'simple' && nameOf(node) === 'set' && node.words.some(w => !isAssignment(w) && (/^-[a-zA-Z]*[eu]/.test(w.constant ?? '') || w.constant === 'pipefail'))) has ??= node
    })
    if (has !== undefined) {
      if (has.source === STRICT || /-\w*e\w*u\w*o pipefail/.test(has.source)) return []
      const text = this.replaced(has, STRICT)
      return text === undefined ? [] : this.edit('strict', has.line, `\`${STRICT}\` instead of \`${has.source}\``, text)
    }
    let n = 0
    while (n < this.lines.length && /^(?:#|\s*$)/.test(this.lines[n] as string)) n++
    // Behind the shebang and the comment that belongs to it.
    const behind = this.lines.findIndex((line, i) => i >= 0 && !line.startsWith('#'))
    const at = Math.min(n, Math.max(0, behind))
    return this.edit('strict', at + 1, `\`${STRICT}\`: stop at the first failure`, [...this.lines.slice(0, at), STRICT, ...this.lines.slice(at)].join('\n'))
  }

  // --- other places, other commands

  private insertions(s: Statement): ScriptEdit[] {
    const found: ScriptEdit[] = []
    everyNode([s.node], (node, around) => {
      // What stands in a list of its own inside this statement has its turn there.
      if (node.is !== 'simple' || around.some(outer => outer !== s.node && this.statements.some(other => other.node === outer)) || (node !== s.node && this.statements.some(other => other.node === node))) return
      for (const { does, where, lines } of this.beside(this.typed(node))) {
        const text = this.inserted(s, where, lines)
        if (text !== undefined) found.push(...this.edit('insert', s.node.line, `${where === 'before' ? 'first' : 'then'} ${does}`, text))
      }
    })
    return found
  }

  private typed(node: Simple): Typed {
    return typedCommand(node, this.constants, this.bodies)
  }

  /** Two commands of one list, neighbours or not far apart, the other way round. */
  private swaps(): ScriptEdit[] {
    const found: ScriptEdit[] = []
    for (const s of this.statements) {
      if (!this.acts(s.node)) continue
      for (let distance = 1; distance <= REACH; distance++) {
        const other = this.statements.find(each => each.nth === s.nth && each.at === s.at + distance)
        if (other === undefined) break
        if (!this.acts(other.node) || this.hangsOn(other, s)) continue
        const text = this.moved(other, s)
        if (text !== undefined) found.push(...this.edit('reorder', other.node.line, `do it before line ${s.node.line}`, text))
      }
    }
    return found
  }

  /** Whether `later` reads what a statement that it would be moved over has set: before that it would read nothing. */
  private hangsOn(later: Statement, earlier: Statement): boolean {
    const set = new Set(later.list.slice(earlier.at, later.at).flatMap(node => assignedIn(node)))
    const text = this.lines.slice(later.node.line - 1, this.endOf(later) ?? later.node.line).join('\n')
    return [...set].some(name => new RegExp(`\\$\\{?[!#]?${name}\\b|\\(\\([^)]*\\b${name}\\b`).test(text))
  }

  /** The script with the statement `later` before the statement `earlier` of the same list. */
  private moved(later: Statement, earlier: Statement): string | undefined {
    const end = this.endOf(later)
    if (end === undefined || this.endOf(earlier) === undefined) return undefined
    const [from, to] = [later.node.line - 1, earlier.node.line - 1]
    const text = [...this.lines.slice(0, to), ...this.lines.slice(from, end), ...this.lines.slice(to, from), ...this.lines.slice(end)].join('\n')
    const now = listOf(read(text, this.script.file), later.nth)
    if (now?.length !== later.list.length) return undefined
    return now[earlier.at]?.is === later.node.is && now[earlier.at]?.line === earlier.node.line ? text : undefined
  }

  /** The script with lines before or after a statement, indented like it. */
  private inserted(s: Statement, where: 'before' | 'after', lines: readonly string[]): string | undefined {
    const n = where === 'before' ? s.node.line - 1 : this.endOf(s)
    if (n === undefined) return undefined
    const indent = /^\s*/.exec(this.lines[s.node.line - 1] ?? '')?.[0] ?? ''
    const text = [...this.lines.slice(0, n), ...lines.map(line => indent + line), ...this.lines.slice(n)].join('\n')
    const now = listOf(read(text, this.script.file), s.nth)
    const put = where === 'before' ? now?.[s.at] : now?.[s.at + 1]
    return put?.line === n + 1 && (now?.length ?? 0) > s.list.length ? text : undefined
  }

  /** The last line of a statement; undefined when another command shares it. */
  private endOf(s: Statement): number | undefined {
    if (this.ends.has(s.node)) return this.ends.get(s.node)
    let end: number | undefined
    for (let n = s.node.line; n <= Math.min(this.lines.length, s.node.line + LONGEST) && end === undefined; n++) {
      const text = [...this.lines.slice(0, n), ':', ...this.lines.slice(n)].join('\n')
      const now = listOf(read(text, this.script.file), s.nth)
      const [before, mark] = [now?.[s.at], now?.[s.at + 1]]
      if (now?.length === s.list.length + 1 && before?.line === s.node.line && before.is === s.node.is && mark?.is === 'simple' && mark.source === ':' && mark.line === n + 1) end = n
    }
    // What begins on the line of another command cannot be moved by lines.
    if (s.list.some(other => other !== s.node && other.line === s.node.line)) end = undefined
    this.ends.set(s.node, end)
    return end
  }
}

/** Variables that a statement sets. */
function assignedIn(statement: Node): string[] {
  const names: string[] = []
  everyNode([statement], node => {
    if (node.is === 'for') names.push(node.name)
    if (node.is !== 'simple') return
    names.push(...node.assignments.map(({ name }) => name), ...node.words.filter(isAssignment).map(({ name }) => name))
    if (/^(?:read|mapfile|readarray)$/.test(nameOf(node) ?? '')) names.push(...node.words.slice(1).flatMap(word => (isAssignment(word) || !/^[A-Za-z_]\w*$/.test(word.constant ?? '') ? [] : [word.constant as string])))
  })
  return names
}

/** Undefined when it is no script any more. */
function read(text: string, file: string): Script | undefined {
  try {
    return parseScript(text, file)
  } catch {
    return undefined
  }
}

/** The lists of a script whose commands are run one after the other, in the order they are written. */
function listsOf(nodes: readonly Node[]): (readonly Node[])[] {
  return [nodes, ...nodes.flatMap(node => inside(node))]
}

function inside(node: Node): (readonly Node[])[] {
  switch (node.is) {
    case 'function':
      return inside(node.body)
    case 'redirected':
      return inside(node.command)
    case 'and-or':
      return node.commands.flatMap(inside)
    case 'if':
      return [...node.branches.map(b => b.body), ...(node.otherwise === undefined ? [] : [node.otherwise])].flatMap(listsOf)
    case 'case':
      return node.items.filter(item => item.body.length > 0).flatMap(item => listsOf(item.body))
    case 'while':
    case 'for':
    case 'for-arithmetic':
    case 'group':
    case 'subshell':
      return listsOf(node.body)
    default:
      return []
  }
}

const listOf = (script: Script | undefined, nth: number): readonly Node[] | undefined => (script === undefined ? undefined : listsOf(script.body)[nth])

function statementsOf(script: Script): Statement[] {
  return listsOf(script.body).flatMap((list, nth) => list.map((node, at): Statement => ({ node, list, nth, at }))).sort((a, b) => a.node.line - b.node.line)
}

function nameOf(node: Simple): string | undefined {
  const word = node.words[0]
  return word === undefined || isAssignment(word) ? undefined : word.constant
}

const talks = (node: Simple): boolean => TALK.has(nameOf(node) ?? '')
