import type { CommandRegistry } from '../command.ts'
import { leaversOf } from './guards.ts'
import { BUILTIN_NAMES, UTILITY_NAMES } from '../shell/index.ts'
import { type ScriptFinding, functionsOf } from '../shell/check.ts'
import { type Assignment, type Node, type Part, type Script, type Simple, type Word, bodiesOf, everyNode, isAssignment, wordsOf, wordsOfParameter } from '../shell/syntax.ts'

/** Rules about what a script overlooks. */
export type ScriptRule = 'guard-without-data' | 'failure-passed-over' | 'unbounded-wait' | 'unquoted' | 'result-never-read' | 'status-hidden'

const NUMERIC = /^-(?:eq|ne|lt|le|gt|ge)$/

/** What a script overlooks, by reading it: guards that pass without data, failures nobody looks at, waits without an end. In the order of its lines. */
export function lintScript(script: Script, registry: CommandRegistry): ScriptFinding[] {
  const functions = functionsOf(script)
  const found = new Map<string, ScriptFinding>()
  const say = (line: number, rule: ScriptRule, message: string, shellCheck?: string): void => {
    const key = `${line}/${rule}`
    if (!found.has(key)) found.set(key, { severity: 'warning', line, rule, message, ...(shellCheck === undefined ? {} : { shellCheck }) })
  }
  const isProgram = (node: Node): node is Simple => node.is === 'simple' && programOf(node, registry, functions) !== undefined
  const fed = fedByPrograms(script, isProgram)
  const strict = strictMode(script)
  const plain = neverEmpty(script)
  const leavers = leaversOf(script)
  everyNode(script.body, (node, around) => {
    if (node.is === 'simple') {
      guards(node, fed, script, say)
      unquoted(node, isProgram, plain, say)
      hidden(node, isProgram, strict.pipefail, say)
      if (isProgram(node) && !strict.errexit && !looksAt(node, around)) say(node.line, 'failure-passed-over', `whatever becomes of \`${programOf(node, registry, functions) as string}\`, the next command runs: use \`set -e\`, or \`… || exit 1\``)
    }
    if (node.is === 'conditional' || node.is === 'arithmetic') compared(node, fed, script, say)
    if (node.is === 'simple' && constant(node.words[0]) === 'watch' && !around.some(outer => outer.is === 'background')) say(node.line, 'unbounded-wait', '`watch` never ends by itself: a person looks at it and presses Ctrl-C, the script goes no further. Ask in a loop that ends, or leave it out of what is rehearsed')
    if (node.is === 'while' && waits(node, isProgram) && !bounded(node, leavers)) say(node.line, 'unbounded-wait', 'this loop has no limit of its own: if what it waits for never comes, the script hangs. Count the passes, or compare with a deadline')
  })
  for (const [name, at] of fed) if (!mentioned(script, name)) say(at.line, 'result-never-read', `\`${name}\` is never looked at`, 'SC2034')
  return [...found.values()].sort((a, b) => a.line - b.line)
}

/** The program of the registry that a command starts, also behind `timeout 5` and the like. */
function programOf(node: Simple, registry: CommandRegistry, functions: ReadonlySet<string>): string | undefined {
  for (const word of node.words) {
    const text = isAssignment(word) ? undefined : word.constant
    if (text === undefined) return undefined
    if (functions.has(text)) return undefined
    if (['timeout', 'env', 'sudo', 'nohup', 'command', 'time', 'exec'].includes(text) || /^-|^[\d.]+[smh]?$|=/.test(text)) continue
    const base = text.slice(text.lastIndexOf('/') + 1)
    return registry.has(base) && !BUILTIN_NAMES.has(text) && !UTILITY_NAMES.has(text) ? base : undefined
  }
  return undefined
}

function strictMode(script: Script): { readonly errexit: boolean; readonly pipefail: boolean } {
  let errexit = /^#!.*\s-[a-z]*e/.test(script.text)
  let pipefail = false
  everyNode(script.body, node => {
    if (node.is !== 'simple' || constant(node.words[0]) !== 'set') return
    const args = node.words.slice(1).map(w => constant(w) ?? '')
    if (args.some(a => /^-[a-zA-Z]*e/.test(a)) || args.includes('errexit')) errexit = true
    if (args.includes('pipefail')) pipefail = true
  })
  return { errexit, pipefail }
}

const constant = (word: Word | Assignment | undefined): string | undefined => (word === undefined || isAssignment(word) ? undefined : word.constant)

/** Variables whose value is what a program printed, with the line of it. */
function fedByPrograms(script: Script, isProgram: (node: Node) => node is Simple): ReadonlyMap<string, { readonly line: number }> {
  const fed = new Map<string, { line: number }>()
  everyNode(script.body, node => {
    if (node.is !== 'simple') return
    for (const a of [...node.assignments, ...node.words.filter(isAssignment)]) {
      if (Array.isArray(a.value)) continue
      if ((a.value as Word).parts.some(part => part.is === 'command' && holds(part.body, isProgram))) fed.set(a.name, { line: node.line })
    }
  })
  return fed
}

function holds(nodes: readonly Node[], is: (node: Node) => boolean): boolean {
  let found = false
  everyNode(nodes, node => {
    if (is(node)) found = true
  })
  return found
}

function parametersOf(parts: readonly Part[]): string[] {
  return parts.flatMap(part => (part.is === 'parameter' ? [part.name, ...wordsOfParameter(part).flatMap(w => parametersOf(w.parts))] : part.is === 'arithmetic' ? [...parametersOf(part.expression.parts), ...(part.expression.source.match(/[A-Za-z_]\w*/g) ?? [])] : part.is === 'command' ? part.body.flatMap(deep) : []))
}

const deep = (node: Node): string[] => [...wordsOf(node).flatMap(w => parametersOf(w.parts)), ...bodiesOf(node).flatMap(list => list.flatMap(deep))]

/** `[ "$N" -lt 2 ]` with a variable that a program filled: empty, the test is an error of status 2, and `if` takes the other branch. */
function guards(node: Simple, fed: ReadonlyMap<string, unknown>, script: Script, say: Say): void {
  const name = constant(node.words[0])
  if (name !== '[' && name !== 'test') return
  node.words.forEach((word, i) => {
    if (isAssignment(word) || !NUMERIC.test(word.constant ?? '')) return
    for (const side of [node.words[i - 1], node.words[i + 1]]) {
      if (side === undefined || isAssignment(side)) continue
      const variable = parametersOf(side.parts).find(n => fed.has(n))
      const direct = side.parts.some(p => p.is === 'command' && !alwaysPrints(p.body))
      if (variable !== undefined && checkedBefore(script, variable, node.line)) continue
      if (variable !== undefined || direct) say(node.line, 'guard-without-data', `if ${variable === undefined ? 'the command prints nothing' : `\`${variable}\` is empty`} this test is no "no" but an error (status 2): \`if\` takes the other branch and goes on. Check for a number first: \`[[ \${${variable ?? 'x'}:-} =~ ^[0-9]+$ ]] || exit 1\``)
    }
  })
}

/** A clock or a count: a number whatever else is wrong. */
function alwaysPrints(nodes: readonly Node[]): boolean {
  const last = nodes.at(-1)
  const program = last?.is === 'pipeline' ? last.commands.at(-1) : last
  return program?.is === 'simple' && (['date', 'wc', 'nproc'].includes(constant(program.words[0]) ?? '') || (constant(program.words[0]) === 'grep' && program.words.some(w => constant(w) === '-c')))
}

type Say = (line: number, rule: ScriptRule, message: string, shellCheck?: string) => void

/** An earlier line asks whether the variable has a value. */
function checkedBefore(script: Script, name: string, line: number): boolean {
  let checked = false
  everyNode(script.body, node => {
    if (node.line > line) return
    if (node.is === 'conditional' && wordsOf(node).some(w => parametersOf(w.parts).includes(name))) checked = true
    if (node.is === 'simple' && ['[', 'test'].includes(constant(node.words[0]) ?? '') && node.words.some(w => ['-n', '-z'].includes(constant(w) ?? '')) && wordsOf(node).some(w => parametersOf(w.parts).includes(name))) checked = true
  })
  return checked
}

/** `(( … ))` and `[[ … -gt … ]]` over what a program printed: empty counts as 0, or the line is an error that reads as no. */
function compared(node: Extract<Node, { is: 'conditional' | 'arithmetic' }>, fed: ReadonlyMap<string, unknown>, script: Script, say: Say): void {
  if (node.is === 'conditional' && !(node.test.is === 'binary' && NUMERIC.test(node.test.operator))) return
  // What is counted is a number, whatever is counted.
  const counted = /\$\((?:wc|grep -c|date|nproc)\b[^()]*\)/g
  const names = wordsOf(node).flatMap(w => [...parametersOf(w.parts.filter(p => p.is !== 'command' || !alwaysPrints(p.body))), ...(node.is === 'arithmetic' ? (w.source.replace(counted, '').match(/[A-Za-z_]\w*/g) ?? []) : [])])
  const variable = names.find(n => fed.has(n) && !checkedBefore(script, n, node.line))
  if (variable !== undefined) say(node.line, 'guard-without-data', `if \`${variable}\` is empty or no number, this is false and the script goes on as if the guard had held. Check for a number first`)
}

/** Variables that are one word whatever happens: each time they are set it is to a text without blanks, a number, or something with a default; or they run over a list. */
function neverEmpty(script: Script): ReadonlySet<string> {
  const sure = new Map<string, boolean>()
  const put = (name: string, one: boolean): void => void sure.set(name, one && sure.get(name) !== false)
  everyNode(script.body, node => {
    if (node.is === 'for') put(node.name, true)
    if (node.is !== 'simple') return
    for (const a of [...node.assignments, ...node.words.filter(isAssignment)]) put(a.name, a.index === undefined && !Array.isArray(a.value) && isOneWord(a.value as Word))
    const name = constant(node.words[0])
    if (name === 'read' || name === 'mapfile' || name === 'readarray' || name === 'getopts' || name === 'printf' || name === 'unset' || name === 'local' || name === 'declare') for (const word of node.words.slice(1)) if (!isAssignment(word)) put(word.constant ?? '', false)
  })
  return new Set([...sure].filter(([, one]) => one).map(([name]) => name))
}

const ONE_WORD = /^[\w./:@%+=,-]+$/

function isOneWord(value: Word): boolean {
  if (value.constant !== undefined) return ONE_WORD.test(value.constant)
  const only = value.parts.length === 1 ? value.parts[0] : undefined
  if (only?.is === 'arithmetic') return true
  return only?.is === 'parameter' && only.operation?.is === 'default' && only.operation.colon && (only.operation.operator === '-' || only.operation.operator === '=') && ONE_WORD.test(only.operation.word.constant ?? '')
}

/** Variables without quotes in what a program is told. @param plain those that are set once, to one word */
function unquoted(node: Simple, isProgram: (node: Node) => node is Simple, plain: ReadonlySet<string>, say: Say): void {
  const name = constant(node.words[0])
  if (!isProgram(node) && name !== '[' && name !== 'test') return
  for (const word of node.words.slice(1)) {
    if (isAssignment(word)) continue
    const bare = word.parts.find(p => p.is === 'parameter' && !p.quoted && !['#', '?', '$', '!', '@'].includes(p.name) && !p.length && !plain.has(p.name))
    if (bare?.is === 'parameter') say(node.line, 'unquoted', `\`${bare.source}\` without quotes vanishes when it is empty, and the words after it move up: \`"${bare.source}"\``, 'SC2086')
  }
}

/** A failure that something around the program swallows: `local x=$(…)`, a pipeline without pipefail. */
function hidden(node: Simple, isProgram: (node: Node) => node is Simple, pipefail: boolean, say: Say): void {
  for (const word of node.words) {
    if (!isAssignment(word) || Array.isArray(word.value)) continue
    if ((word.value as Word).parts.some(p => p.is === 'command' && holds(p.body, isProgram))) say(node.line, 'status-hidden', `\`${constant(node.words[0])} ${word.name}=$(…)\` has the status of \`${constant(node.words[0])}\`, not of the command: declare first, then assign`, 'SC2155')
  }
  if (pipefail) return
  for (const a of node.assignments) {
    if (Array.isArray(a.value)) continue
    for (const part of (a.value as Word).parts) {
      if (part.is !== 'command') continue
      const pipeline = part.body.find(n => n.is === 'pipeline' && n.commands.length > 1)
      if (pipeline?.is === 'pipeline' && pipeline.commands.slice(0, -1).some(c => isProgram(c))) say(node.line, 'status-hidden', 'the status of a pipeline is that of its last program: a failure of the first one is not seen. Use `set -o pipefail`')
    }
  }
}

/** Whether something looks at the status of a command. */
function looksAt(node: Simple, around: readonly Node[]): boolean {
  let inner: Node = node
  for (let i = around.length - 1; i >= 0; i--) {
    const outer = around[i] as Node
    if (outer.is === 'and-or' || (outer.is === 'pipeline' && outer.negated)) return true
    if (outer.is === 'if' && outer.branches.some(b => b.test.includes(inner))) return true
    if (outer.is === 'while' && outer.test.includes(inner)) return true
    // In a substitution: its output is what is looked at.
    if (outer.is === 'simple' || outer.is === 'conditional' || outer.is === 'arithmetic' || outer.is === 'for' || outer.is === 'case') return true
    inner = outer
  }
  return false
}

/** Whether a loop waits for something of the simulated world. */
const waits = (node: Extract<Node, { is: 'while' }>, isProgram: (node: Node) => node is Simple): boolean => holds(node.test, isProgram) || holds(node.body, n => n.is === 'simple' && constant(n.words[0]) === 'sleep')

/** A loop that counts, looks at a clock, reads an input, or can be left. */
function bounded(node: Extract<Node, { is: 'while' }>, leavers: ReadonlySet<string>): boolean {
  const inTest = node.test.flatMap(deep)
  if (holds(node.test, n => n.is === 'arithmetic' || (n.is === 'simple' && (constant(n.words[0]) === 'read' || n.words.some(w => NUMERIC.test(constant(w) ?? '')))))) return true
  if (inTest.includes('SECONDS')) return true
  return holds(node.body, n => n.is === 'simple' && (['break', 'exit', 'return'].includes(constant(n.words[0]) ?? '') || leavers.has(constant(n.words[0]) ?? ''))) && (holds(node.body, n => n.is === 'arithmetic' || n.is === 'conditional' || (n.is === 'simple' && ['[', 'test'].includes(constant(n.words[0]) ?? '') && n.words.some(w => NUMERIC.test(constant(w) ?? '')))))
}

function mentioned(script: Script, name: string): boolean {
  return new RegExp(`\\$\\{?[#!]?${name}\\b|\\bexport\\s+(?:\\w+\\s+)*${name}\\b|\\(\\(.*\\b${name}\\b`).test(script.text)
}
