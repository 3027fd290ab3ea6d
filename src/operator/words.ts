import { parse } from 'unbash'
import type { CommandNode, DoubleQuotedChild, Redirection, Word, WordPart } from 'unbash'
import { UnsupportedError } from './command.ts'

/** A piece of a word: fixed text, or a variable of the runbook. An unquoted variable is split at blanks, as a shell does. */
export type Part = string | { readonly name: string; readonly quoted: boolean }
/** A word whose variables are not filled in yet; a plain string has none. */
export type Template = string | readonly Part[]

/** One program of a pipeline. */
export interface Stage {
  readonly words: readonly Template[]
  /** The argument vector when it holds no variable: made once, shared by all runs. */
  readonly constant: readonly string[] | undefined
  readonly env: readonly (readonly [string, Template])[]
  readonly stdin: Template | undefined
  readonly errTo: 'terminal' | 'out' | 'nowhere'
  readonly outTo: 'next' | 'nowhere'
}

/** A command line, taken apart once: the programs of a pipeline, left to right. */
export interface CommandLine {
  readonly text: string
  readonly stages: readonly Stage[]
  /** Names of the runbook's variables in it, each once. */
  readonly variables: readonly string[]
}

/** Variables of a run. */
export type Lookup = (name: string) => string | undefined

/** A variable that no step has captured. The step that needs it fails: nobody can type a name he does not know. */
export class UnknownVariableError extends Error {
  constructor(readonly variable: string) {
    super(`\${${variable}} has no value`)
    this.name = 'UnknownVariableError'
  }
}

const VARIABLE = /(\$?)\$\{([A-Za-z_][A-Za-z0-9_-]*)\}/g
const OPEN = '\uE000'
const CLOSE = '\uE001'
const KEPT = '\uE002'
const MARK = /\uE000(\d+)\uE001/
const SUPPORTED = ['words, quotes, ${variable}', '| between programs', '<<< and <<EOF', '2>&1', '>/dev/null', 'NAME=value before the program']

/** The names of the `${variables}` in a text. `$${x}` is a literal `${x}`. */
export function variablesOf(text: string): string[] {
  const names = new Set<string>()
  for (const [, escape, name] of text.matchAll(VARIABLE)) if (escape === '') names.add(name as string)
  return [...names]
}

/** Makes a template of a text that is no command line (an expected value, an argument of a claim). */
export function templateOf(text: string): Template {
  const parts: Part[] = []
  let last = 0
  for (const match of text.matchAll(VARIABLE)) {
    parts.push(text.slice(last, match.index))
    parts.push(match[1] === '' ? { name: match[2] as string, quoted: true } : match[0].slice(1))
    last = match.index + match[0].length
  }
  if (last === 0) return text
  parts.push(text.slice(last))
  return simplify(parts)
}

/** Fills a template in as one text. @throws UnknownVariableError */
export function fill(template: Template, lookup: Lookup): string {
  if (typeof template === 'string') return template
  let text = ''
  for (const part of template) text += typeof part === 'string' ? part : value(part.name, lookup)
  return text
}

/** The vectors that a stage has been filled in to, by the values of its variables. */
interface Filled {
  readonly names: readonly string[]
  readonly byValues: Map<string, readonly string[]>
  /** The latest one and its values: a gate's line is filled in with the same ones again and again. */
  latest: { readonly values: readonly string[]; readonly argv: readonly string[] } | undefined
}

const filled = new WeakMap<Stage, Filled>()
/** Values that are other ones in each rehearsal (a position in a log) would fill the memory. */
const MANY = 2_000

/** The argument vector of a stage: for the same values the same vector, so that others can remember what they read in it. @throws UnknownVariableError */
export function fillWords(stage: Stage, lookup: Lookup): readonly string[] {
  if (stage.constant !== undefined) return stage.constant
  let known = filled.get(stage)
  if (known === undefined) {
    known = { names: stage.words.flatMap(word => (typeof word === 'string' ? [] : word.flatMap(part => (typeof part === 'string' ? [] : [part.name])))), byValues: new Map(), latest: undefined }
    filled.set(stage, known)
  }
  const values = known.names.map(name => value(name, lookup))
  const { latest } = known
  if (latest !== undefined && latest.values.every((given, i) => given === values[i])) return latest.argv
  const key = values.map(given => `${given.length}:${given}`).join('')
  let argv = known.byValues.get(key)
  if (argv === undefined) {
    argv = fillAfresh(stage, lookup)
    if (known.byValues.size >= MANY) known.byValues.clear()
    known.byValues.set(key, argv)
  }
  known.latest = { values, argv }
  return argv
}

function fillAfresh(stage: Stage, lookup: Lookup): readonly string[] {
  const argv: string[] = []
  for (const word of stage.words) {
    if (typeof word === 'string') argv.push(word)
    else if (word.every(part => typeof part === 'string' || part.quoted)) argv.push(fill(word, lookup))
    else splitInto(argv, word, lookup)
  }
  return argv
}

/** Fields of a word with unquoted variables: their blanks separate words, and a word that comes out empty vanishes. */
function splitInto(argv: string[], word: readonly Part[], lookup: Lookup): void {
  let field: string | undefined
  for (const part of word) {
    if (typeof part === 'string' || part.quoted) {
      field = (field ?? '') + (typeof part === 'string' ? part : value(part.name, lookup))
      continue
    }
    const text = value(part.name, lookup)
    const fields = text.split(/[ \t\n]+/)
    fields.forEach((piece, i) => {
      if (i > 0) {
        if (field !== undefined) argv.push(field)
        field = undefined
      }
      if (piece !== '') field = (field ?? '') + piece
    })
  }
  if (field !== undefined) argv.push(field)
}

function value(name: string, lookup: Lookup): string {
  const found = lookup(name)
  if (found === undefined) throw new UnknownVariableError(name)
  return found
}

function simplify(parts: readonly Part[]): Template {
  const joined: Part[] = []
  for (const part of parts) {
    const last = joined[joined.length - 1]
    if (part === '') continue
    if (typeof part === 'string' && typeof last === 'string') joined[joined.length - 1] = last + part
    else joined.push(part)
  }
  if (joined.length === 0) return ''
  return joined.length === 1 && typeof joined[0] === 'string' ? joined[0] : joined
}

/**
 * Takes a text of one or more command lines apart (more than one when separated by newlines or `;`).
 * A command line is words, quotes and a pipeline; `${x}` is replaced everywhere, inside single quotes too, and `$${x}` keeps it for an inner shell.
 * @throws UnsupportedError for the rest of the shell's language, naming what there is
 */
export function parseCommandLines(text: string): CommandLine[] {
  const names: string[] = []
  const marked = text.replace(VARIABLE, (_all, escape: string, name: string) => {
    if (escape !== '') return `${KEPT}{${name}}`
    if (!names.includes(name)) names.push(name)
    return `${OPEN}${names.indexOf(name)}${CLOSE}`
  })
  const script = parse(marked)
  const error = script.errors?.[0]
  if (error !== undefined) throw new UnsupportedError(`\`${text}\` is no command line (${error.message})`, SUPPORTED)
  const lines = script.commands.map(statement => {
    const node = statement.command
    const source = unmark(marked.slice(node.pos, node.end), names)
    if (statement.background === true) throw unsupported(source, '`&`: use `parallel`')
    if (node.type === 'Pipeline') {
      if (node.prefixes.length > 0 || node.operators.some(o => o !== '|')) throw unsupported(source, 'a prefix or `|&`')
      return { text: source, stages: node.commands.map(c => stageOf(c, names, source)), variables: variablesOf(source) }
    }
    if (node.type === 'AndOr') throw unsupported(source, '`&&` and `||`: write the commands as a list, a failing one ends the step')
    return { text: source, stages: [stageOf(node, names, source)], variables: variablesOf(source) }
  })
  if (lines.length === 0) throw new UnsupportedError('an empty command line', SUPPORTED)
  return lines
}

function stageOf(node: CommandNode, names: readonly string[], source: string): Stage {
  if (node.type !== 'Command') throw unsupported(source, `${node.type.toLowerCase()}: that takes a shell script as the runbook`)
  if (node.name === undefined) throw unsupported(source, 'an assignment without a program: capture outputs with `as`')
  const env: [string, Template][] = []
  for (const prefix of node.prefix) {
    if (prefix.type !== 'Assignment' || prefix.value.type !== 'Word') continue
    env.push([prefix.name, templateOfWord(prefix.value, names, source)])
  }
  const words = [node.name, ...node.args].map(arg => (arg.type === 'Word' ? templateOfWord(arg, names, source) : templateOfText(arg.text, names)))
  const streams = streamsOf(node.redirects, names, source)
  const constant = words.every(word => typeof word === 'string') ? (words as string[]) : undefined
  return { words, constant, env, ...streams }
}

function streamsOf(redirects: readonly Redirection[], names: readonly string[], source: string): Pick<Stage, 'stdin' | 'errTo' | 'outTo'> {
  let stdin: Template | undefined
  let errTo: Stage['errTo'] = 'terminal'
  let outTo: Stage['outTo'] = 'next'
  for (const redirect of redirects) {
    if (redirect.type === 'HereString') {
      const word = redirect.target === undefined ? '' : templateOfWord(redirect.target, names, source)
      stdin = typeof word === 'string' ? `${word}\n` : [...word, '\n']
    } else if (redirect.type === 'HereDoc') {
      stdin = templateOfText(redirect.body?.text ?? '', names)
    } else {
      const from = redirect.descriptor?.type === 'FileDescriptor' ? redirect.descriptor.value : 1
      const target = redirect.target?.value ?? ''
      if (redirect.operator === '>&' && from === 2 && target === '1') errTo = outTo === 'next' ? 'out' : 'nowhere'
      else if (target === '/dev/null' && redirect.operator === '&>') errTo = outTo = 'nowhere'
      else if (target === '/dev/null' && (redirect.operator === '>' || redirect.operator === '>>')) {
        if (from === 2) errTo = 'nowhere'
        else outTo = 'nowhere'
      } else throw unsupported(source, `the redirection \`${redirect.operator} ${unmark(target, names)}\``)
    }
  }
  return { stdin, errTo, outTo }
}

function templateOfWord(word: Word, names: readonly string[], source: string): Template {
  if (word.parts === undefined) return splitMarks(word.value, names, false)
  const parts: Part[] = []
  for (const part of word.parts) addPart(parts, part, names, source, false)
  const template = simplify(parts)
  return template
}

function addPart(parts: Part[], part: WordPart | DoubleQuotedChild, names: readonly string[], source: string, quoted: boolean): void {
  switch (part.type) {
    case 'Literal':
      return void push(parts, splitMarks(part.value, names, quoted))
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return void push(parts, splitMarks(part.value, names, true))
    case 'DoubleQuoted':
      parts.push('')
      for (const child of part.parts) addPart(parts, child, names, source, true)
      return
    case 'Glob':
      // Nothing on the workstation matches, so a pattern stays as it is written, as in bash.
      return void push(parts, splitMarks(part.text, names, quoted))
    case 'ExtendedGlob':
      return void push(parts, splitMarks(part.text, names, quoted))
    default:
      throw unsupported(source, `\`${unmark(part.text, names)}\`: write \${name} for a captured output, and capture outputs with \`as\``)
  }
}

function push(parts: Part[], template: Template): void {
  if (typeof template === 'string') parts.push(template)
  else parts.push(...template)
}

function splitMarks(text: string, names: readonly string[], quoted: boolean): Template {
  if (!text.includes(OPEN) && !text.includes(KEPT)) return text
  const parts: Part[] = []
  let rest = text.replaceAll(KEPT, '$')
  for (let match = MARK.exec(rest); match !== null; match = MARK.exec(rest)) {
    parts.push(rest.slice(0, match.index), { name: names[Number(match[1])] as string, quoted })
    rest = rest.slice(match.index + match[0].length)
  }
  parts.push(rest)
  return simplify(parts)
}

const templateOfText = (text: string, names: readonly string[]): Template => splitMarks(text, names, true)

function unmark(text: string, names: readonly string[]): string {
  return text.replace(new RegExp(MARK, 'g'), (_all, i: string) => `\${${names[Number(i)]}}`).replaceAll(KEPT, '$$')
}

function unsupported(source: string, what: string): UnsupportedError {
  return new UnsupportedError(`a step's command line cannot hold ${what} (in \`${source}\`)`, SUPPORTED)
}
