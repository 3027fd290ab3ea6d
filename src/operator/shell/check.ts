import { Simulation } from '../../kernel/index.ts'
import { CommandRegistry, UnsupportedError, UTILITY_SUMMARY } from '../command.ts'
import { UNSUPPORTED_BUILTINS } from './builtins.ts'
import { MemoryFiles, absolute } from './files.ts'
import { BUILTIN_NAMES, ScriptRun, UTILITY_NAMES } from './index.ts'
import { SyntaxError, parseScript } from './parse.ts'
import { NOTHING } from './streams.ts'
import { type ArrayElement, type Node, type Script, type Simple, type Word, everyNode, isAssignment } from './syntax.ts'
import { UTILITIES } from './utilities/index.ts'
import { functionBodies, startedBy } from './wrappers.ts'

/** Something about a script that can be told without running it. */
export interface ScriptFinding {
  readonly severity: 'error' | 'warning'
  readonly line: number
  readonly rule: string
  /** ShellCheck's number of the same rule, if it has one. */
  readonly shellCheck?: string
  /** What is wrong, and what would be right. */
  readonly message: string
  /** The command it is about. */
  readonly command?: string
}

/** The names of the functions a script defines. */
export function functionsOf(script: Script): ReadonlySet<string> {
  const names = new Set<string>()
  everyNode(script.body, node => {
    if (node.is === 'function') names.add(node.name)
  })
  return names
}

/** Variables that are assigned once, a fixed text (or one unless the caller gives another: `NS=${NS:-shop}`, `NS=${1:-shop}`), and not otherwise set: their value is known before any run. */
export function constantsOf(script: Script): ReadonlyMap<string, string> {
  const values = new Map<string, string | undefined>()
  const arrays = new Map<string, readonly ArrayElement[] | undefined>()
  const put = (name: string, value: string | undefined): void => void values.set(name, values.has(name) ? undefined : value)
  everyNode(script.body, (node, around) => {
    if (node.is === 'for') put(node.name, undefined)
    if (node.is !== 'simple') return
    const assigned = [...node.assignments, ...node.words.filter(isAssignment)]
    const inFunction = around.some(outer => outer.is === 'function')
    for (const a of assigned) if (Array.isArray(a.value) || a.append || a.index !== undefined || arrays.has(a.name)) arrays.set(a.name, arrays.has(a.name) || a.append || !Array.isArray(a.value) ? undefined : a.value)
    for (const a of assigned) put(a.name, !a.append && a.index === undefined && !Array.isArray(a.value) && node.words.length !== 1 ? ((a.value as Word).constant ?? (inFunction ? undefined : givenOf(a.name, a.value as Word, script))) : undefined)
    const name = constantOf(node.words[0])
    if (name === 'read' || name === 'mapfile' || name === 'readarray' || name === 'getopts' || name === 'printf' || name === 'unset') {
      for (const word of node.words.slice(1)) {
        put(constantOf(word) ?? '', undefined)
        arrays.set(constantOf(word) ?? '', undefined)
      }
    }
  })
  const known = new Map([...values].filter((entry): entry is [string, string] => entry[1] !== undefined))
  for (const [name, value] of Object.entries(script.given?.environment ?? {})) if (!values.has(name)) known.set(name, value)
  // An array that is assigned once stands for its words: `k=(kubectl -n "$NS")`, and `"${k[@]}" get pods`.
  for (const [name, elements] of arrays) if (elements?.every(({ index, append }) => index === undefined && !append)) known.set(wordsOfArray(name), elements.flatMap(({ value }) => writtenWords(value, known)).join(BETWEEN))
  return known
}

const BETWEEN = '\0'
/** Under which name the words of an array are known. */
const wordsOfArray = (name: string): string => `${name}[@]`

/** What `${OTHER:-text}`, `$1` or `${1:-text}` gives a variable: what the script is given, else the text. */
function givenOf(name: string, word: Word, { given, text }: Script): string | undefined {
  // Quotes leave an empty text before what stands in them.
  const parts = word.parts.filter(each => each.is !== 'text' || each.text !== '')
  const [part] = parts
  if (parts.length !== 1 || part?.is !== 'parameter' || part.index !== undefined || part.indirect || part.length) return undefined
  const { operation } = part
  if (operation !== undefined && operation.is !== 'default') return undefined
  const positional = /^[1-9]$/.test(part.name)
  // Shifted, `$1` is another argument; and a variable of another name may be set anywhere.
  if (!positional && !/^[A-Za-z_]\w*$/.test(part.name)) return undefined
  if (positional ? given !== undefined && given.arguments.length > 0 && /\bshift\b/.test(text) : part.name !== name && setSomewhere(part.name, text)) return undefined
  const value = positional ? given?.arguments[Number(part.name) - 1] : given?.environment[part.name]
  const isThere = value !== undefined && (value !== '' || operation?.colon !== true)
  if (operation?.operator === '+') return isThere ? operation.word.constant : ''
  return isThere ? value : operation?.operator === '-' || operation?.operator === '=' ? operation.word.constant : undefined
}

/** Whether a script, or a file that it reads in, may set a variable. */
export function setSomewhere(name: string, text: string): boolean {
  return /(?:^|[;&|\s])(?:source|\.)\s/m.test(text) || new RegExp(`(?:^|[;&|({\\s"'])${name}(?:\\[[^\\]]*\\])?\\+?=|\\b(?:read|for|printf|mapfile|readarray|getopts|declare|local|typeset)\\b[^\\n]*\\b${name}\\b|\\b${name}:?=`, 'm').test(text)
}

const constantOf = (word: Simple['words'][number] | undefined): string | undefined => (word === undefined || isAssignment(word) ? undefined : word.constant)

/** A word as it stands, known variables filled in; what is not known stays `${x}`. */
function written(word: Word, constants: ReadonlyMap<string, string>): string {
  if (word.constant !== undefined) return word.constant
  return word.parts.map(part => {
    if (part.is === 'text' || part.is === 'glob') return part.text
    if (part.is === 'parameter' && part.operation === undefined && part.index === undefined && !part.length && !part.indirect) return constants.get(part.name) ?? `\${${part.name}}`
    return '${…}'
  }).join('')
}

/** The argument vector of a command as far as it is known; an unquoted variable that is empty or holds several words is taken apart. */
export function writtenArgv(node: Simple, constants: ReadonlyMap<string, string>): string[] {
  return node.words.flatMap(word => writtenWords(word, constants))
}

function writtenWords(word: Simple['words'][number], constants: ReadonlyMap<string, string>): string[] {
  if (isAssignment(word)) return [`${word.name}=…`]
  // Quotes leave an empty text before what stands in them.
  const parts = word.parts.filter(part => part.is !== 'text' || part.text !== '')
  const only = parts.length === 1 ? parts[0] : undefined
  if (only?.is === 'parameter' && only.all === '@' && !only.length && !only.indirect && (only.operation === undefined || only.operation.is === 'default')) {
    const words = constants.get(wordsOfArray(only.name))
    if (words !== undefined) return words === '' ? [] : words.split(BETWEEN)
  }
  const text = written(word, constants)
  if (only?.is === 'parameter' && !only.quoted && only.all === undefined && constants.has(only.name)) return text.split(/\s+/).filter(t => t !== '')
  return [text]
}

/**
 * A command as {@link writtenArgv} has it, and each of its words as the script writes it. A variable or a function that stands for several words
 * (`$KUBECTL`, `k() { kubectl -n "$NS" "$@"; }`) is written at the first of them, and the others are empty.
 */
export function typedCommand(node: Simple, constants: ReadonlyMap<string, string>, bodies: ReadonlyMap<string, Node>, depth = 0): { readonly words: readonly string[]; readonly source: readonly string[] } {
  const pairs = node.words.flatMap(word => writtenWords(word, constants).map((text, i) => [text, i > 0 ? '' : isAssignment(word) ? `${word.name}=…` : word.source] as const))
  const name = pairs[0]?.[0]
  const inner = name === undefined || depth > 2 ? undefined : forwarding(bodies.get(name))
  if (inner === undefined) return { words: pairs.map(([text]) => text), source: pairs.map(([, source]) => source) }
  const before = typedCommand({ ...inner, words: inner.words.slice(0, -1) }, constants, bodies, depth + 1).words
  return { words: [...before, ...pairs.slice(1).map(([text]) => text)], source: [...before.map((_, i) => (i === 0 ? (pairs[0]?.[1] ?? '') : '')), ...pairs.slice(1).map(([, source]) => source)] }
}

/** The one command of a function that only hands on what it is given: `{ kubectl -n "$NS" "$@"; }`. */
function forwarding(body: Node | undefined): Simple | undefined {
  const simple: Simple[] = []
  let others = false
  if (body !== undefined) everyNode([body], node => void (node.is === 'simple' ? simple.push(node) : node.is === 'group' ? 0 : (others = true)))
  const [only] = simple
  const last = only?.words.at(-1)
  return !others && simple.length === 1 && last !== undefined && !isAssignment(last) && /^"?\$@"?$/.test(last.source) && only !== undefined && only.words.length > 1 ? only : undefined
}

/** Every simple command of a script with its words as far as they are known. A variable that runs over a fixed list stands for each of its words. */
export function commandsOf(script: Script): readonly { readonly argv: readonly string[]; readonly node: Simple }[] {
  const constants = constantsOf(script)
  const bodies = functionBodies(script)
  const found: { argv: readonly string[]; node: Simple }[] = []
  everyNode(script.body, (node, around) => {
    if (node.is !== 'simple' || node.words.length === 0) return
    const loop = around.findLast(outer => outer.is === 'for' && outer.words?.every(word => word.constant !== undefined))
    const values = loop?.is === 'for' ? (loop.words ?? []).map(word => new Map([...constants, [loop.name, word.constant as string]])) : [constants]
    const seen = new Set<string>()
    for (const known of values) {
      const written = writtenArgv(node, known)
      for (const each of [written, ...startedBy(written, bodies, known)]) {
        const argv = through(each)
        if (!seen.has(argv.join('\0'))) found.push({ argv, node })
        seen.add(argv.join('\0'))
      }
    }
  })
  return found
}

/** What `timeout 5 kubectl …` and the like start. */
function through(argv: readonly string[]): readonly string[] {
  const at = startOf(argv)
  return at > 0 ? through(argv.slice(at)) : argv
}

/** Programs that start another one: the letters of their options that take a word, and what else may stand before its name. */
const THROUGH: Readonly<Record<string, { readonly takes: string; readonly before?: RegExp; readonly most?: number }>> = {
  timeout: { takes: 'ks', before: /^/, most: 1 }, nohup: { takes: '' }, sudo: { takes: 'ughpCrtTUDR', before: /=/ }, nice: { takes: 'n' }, time: { takes: 'fo' }, command: { takes: '' }, exec: { takes: 'a' }, env: { takes: 'uCS', before: /=/ },
  stdbuf: { takes: 'ioe' }, setsid: { takes: '' }, watch: { takes: 'n' }, xargs: { takes: 'InLPdsEa' }, builtin: { takes: '' }, '!': { takes: '' },
}

/** Where the command begins that such a program starts; -1: it is none, or starts nothing. */
function startOf(argv: readonly string[]): number {
  const spec = THROUGH[nameOf(argv)]
  if (spec === undefined) return -1
  let before = 0
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i] as string
    if (/^-./.test(word)) i += word.length === 2 && spec.takes.includes(word.charAt(1)) ? 1 : 0
    else if (spec.before?.test(word) === true && before < (spec.most ?? Number.POSITIVE_INFINITY)) before += 1
    else return i
  }
  return -1
}

function nameOf([name = '']: readonly string[]): string {
  return name.includes('/') ? name.slice(name.lastIndexOf('/') + 1) : name
}

/**
 * Every command and flag of a script that a rehearsal does not have, at once.
 * @param registry the programs of the place; @param mounted the files of the workstation; @param inherited functions that it is handed
 */
export function unsupportedIn(script: Script, registry: CommandRegistry, mounted: ReadonlyMap<string, string> = new Map(), inherited: readonly string[] = []): ScriptFinding[] {
  const files = new FilesOf(script, mounted, hereFiles(script, constantsOf(script)))
  const findings: ScriptFinding[] = []
  const functions = new Set([...functionsOf(script), ...inherited])
  const constants = constantsOf(script)
  const bodies = functionBodies(script)
  const probe = new Probe()
  /** What was said of other parts of the cluster, and how many commands speak of this one: where those are the fewer, the script means this one by another name. */
  const elsewhere: ScriptFinding[] = []
  let atHome = 0
  let away = 0
  const extended = [script.text, ...mounted.values()].some(text => text.includes('extglob'))
  everyNode(script.body, (node, around) => {
    if (!extended) checkPatterns(node)
    if (node.is !== 'simple' || node.words.length === 0) return
    const argv = writtenArgv(node, constants)
    const given = givenTo(node, around.at(-1), constants)
    for (const each of [argv, ...startedBy(argv, bodies, constants)]) {
      checkArgv(each, node, around)
      checkTexts(through(each), node, given)
      checkStream(through(each), node, around)
    }
  })
  /** `@(a|b)` outside `[[ ]]` without `shopt -s extglob`: bash does not even read the script. */
  function checkPatterns(node: Node): void {
    const words = node.is === 'simple' ? node.words.filter(word => !isAssignment(word)) : node.is === 'for' ? (node.words ?? []) : node.is === 'case' ? node.items.flatMap(item => item.patterns) : []
    const word = (words as readonly Word[]).find(each => each.parts.some(part => part.is === 'glob' && /^[@!+?*]\(/.test(part.text)))
    if (word !== undefined) findings.push({ severity: 'error', line: node.line, rule: 'syntax', message: `syntax error near unexpected token \`(': \`${word.source}\` is a pattern only after \`shopt -s extglob\` on a line before`, command: word.source })
  }
  /** A program that prints as it goes, read by one that here reads its input to the end before it does anything, where the real one would not. */
  function checkStream(argv: readonly string[], node: Simple, around: readonly Node[]): void {
    const name = argv[0] ?? ''
    if (functions.has(name) || !registry.streams(argv)) return
    for (const [i, outer] of around.entries()) {
      if (outer.is !== 'pipeline') continue
      const inner = around[i + 1] ?? node
      for (const reader of outer.commands.slice(outer.commands.indexOf(inner) + 1)) {
        const words = reader.is === 'simple' ? writtenArgv(reader, constants) : []
        if (!leavesEarly(words)) continue
        const message = `\`${words[0]}\` reads its input to the end before it does anything here, and \`${argv.slice(0, 3).join(' ')} …\` prints as it goes: read it with \`while read\`, \`grep -m\`, \`grep --line-buffered\` or \`head\`, or ask again in a loop`
        findings.push({ severity: 'error', line: node.line, rule: 'unsupported', message, command: node.source.split('\n')[0] as string })
      }
    }
  }
  /** What a program will read: what it is given, and files beside the script or written by it as they stand there. */
  function checkTexts(argv: readonly string[], node: Simple, given: string | undefined): void {
    const name = argv[0] ?? ''
    const check = registry.has(name) && !functions.has(name) ? registry.get(name) : undefined
    if (check?.checkText === undefined) return
    const known = argv.flatMap(word => (files.text(word) === undefined ? [] : [[word, files.text(word) as string] as const]))
    for (const [file, text] of [...(given === undefined ? [] : [['-', given] as const]), ...known]) {
      for (const found of check.checkText(argv, file, text)) findings.push({ severity: found.severity, line: node.line, rule: 'unsupported', message: found.message, command: node.source.split('\n')[0] as string })
    }
  }
  function checkArgv(argv: readonly string[], node: Simple, around: readonly Node[]): void {
    const name = argv[0]
    if (name === undefined || name.includes('${') || functions.has(name)) return
    const base = nameOf(argv)
    const say = (message: string, severity: 'error' | 'warning' = 'error', rule = 'unsupported'): void => void findings.push({ severity, line: node.line, rule, message, command: node.source.split('\n')[0] as string })
    const refusal = UTILITY_NAMES.has(base) && !(registry.has(base) && registry.get(base).summary !== UTILITY_SUMMARY) ? probe.refusal(base, argv) : undefined
    if (refusal !== undefined) return say(refusal, 'error', 'refused')
    if (THROUGH[base] !== undefined && (BUILTIN_NAMES.has(base) || UTILITY_NAMES.has(base))) {
      const at = startOf(argv)
      if (base === 'command' && argv.slice(1).some(a => /^-[vV]/.test(a))) return
      if (at > 0) checkArgv(argv.slice(at), node, around)
      return
    }
    if (base === 'bash' || base === 'sh') return checkInner(argv, node)
    if (name.includes('/') && !registry.has(base) && !UTILITY_NAMES.has(base)) return
    if (registry.has(base) && registry.get(base).summary !== UTILITY_SUMMARY) {
      const deaf = registry.get(base).deaf?.(argv)
      if (deaf !== undefined && node.redirections.some(r => r.is === 'text')) findings.push({ severity: 'warning', line: node.line, rule: 'input-unread', message: deaf, command: node.source.split('\n')[0] as string })
      const all = registry.check(argv)
      if (all.some(found => found.elsewhere === true)) away += all.some(found => found.elsewhere === true && !files.makes(found.object ?? '')) ? 1 : 0
      else if (!argv.includes('${@}')) atHome += 1
      for (const found of all) if (found.elsewhere === true && !files.makes(found.object ?? '')) elsewhere.push({ severity: found.severity, line: node.line, rule: 'unsupported', message: found.message, command: node.source.split('\n')[0] as string })
      else if ((found.file === undefined || !files.has(found.file)) && (found.object === undefined || !files.makes(found.object))) say(found.file === undefined ? found.message : `there is no file \`${found.file}\` beside the script, and no line of it writes one`, found.file === undefined ? found.severity : 'warning', found.refused === true ? 'refused' : found.object === undefined ? 'unsupported' : 'unknown-name')
      return
    }
    if (BUILTIN_NAMES.has(name)) {
      if (name === 'trap' && argv.some(a => a === 'DEBUG' || a === 'RETURN')) say('`trap … DEBUG` and `trap … RETURN` are not supported. Supported: EXIT, ERR, the signals')
      if (name === 'source' || name === '.') sourced(argv[1] ?? '', node, around)
      if (name === 'shopt' && argv.includes('-s') && argv.includes('expand_aliases')) say('`shopt -s expand_aliases`: words of an alias are not replaced in a rehearsal. Supported: functions')
      return
    }
    if (UTILITY_NAMES.has(base)) {
      const dynamic = argv.some(a => a.includes('${'))
      const problem = probe.problem(base, dynamic ? argv.map(a => (a.includes('${') ? 'x' : a)) : argv)
      // With words that are not known yet only an option that stands there is sure to be meant.
      if (problem !== undefined && (!dynamic || argv.some(a => /^-./.test(a) && problem.startsWith(`\`${base} ${a}\``)))) say(problem)
      return
    }
    if (UNSUPPORTED_BUILTINS.includes(name)) say(`the builtin \`${name}\` is not supported in a rehearsal`)
    else say(registry.unknown(name))
  }
  /** A file that is to be read in: bash refuses one that is not there, unless the script asks for it before, or goes on without. */
  function sourced(file: string, node: Simple, around: readonly Node[]): void {
    if (file === '' || file.startsWith('/dev/') || files.has(file) || around.some(outer => outer.is === 'and-or' || outer.is === 'if')) return
    findings.push({ severity: file.startsWith('/') ? 'warning' : 'error', line: node.line, rule: 'refused', message: `${file}: No such file or directory: it is not beside the script, and no line of it writes it`, command: node.source.split('\n')[0] as string })
  }
  function checkInner(argv: readonly string[], node: Simple): void {
    const at = argv.findIndex(a => /^-[a-z]*c$/.test(a))
    const text = at > 0 ? argv[at + 1] : undefined
    if (text === undefined || text.includes('${')) return
    try {
      for (const found of unsupportedIn(parseScript(text, script.file, node.line), registry, mounted, exportedBy(script))) findings.push(found)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      findings.push({ severity: 'error', line: error.line, rule: 'syntax', message: error.what, command: node.source })
    }
  }
  for (const each of elsewhere) findings.push(atHome >= away ? { ...each, severity: 'warning' } : each)
  // Two functions may come to the same.
  const seen = new Set<string>()
  return findings.sort((a, b) => a.line - b.line).filter(({ line, message }) => !seen.has(`${line} ${message}`) && seen.add(`${line} ${message}`))
}

/** The functions that a script hands on to whatever bash it starts. */
function exportedBy(script: Script): readonly string[] {
  const names: string[] = []
  everyNode(script.body, node => {
    const [name, flags, ...words] = node.is === 'simple' ? node.words.map(word => (isAssignment(word) ? '' : (word.constant ?? ''))) : []
    if ((name === 'export' && flags === '-f') || (name === 'declare' && /^-(?:fx|xf)$/.test(flags ?? ''))) names.push(...words)
  })
  return names
}

/** The text that a command gets on its standard input, if it stands there: a here-document, or that of the `cat` before the pipe. */
function givenTo(node: Simple, outer: Node | undefined, constants: ReadonlyMap<string, string>): string | undefined {
  const own = hereText(node, constants)
  if (own !== undefined || outer?.is !== 'pipeline') return own
  const before = outer.commands[outer.commands.indexOf(node) - 1]
  return before?.is === 'simple' && ['cat', 'envsubst'].includes(writtenArgv(before, constants)[0] ?? '') ? hereText(before, constants) : undefined
}

function hereText(node: Simple, constants: ReadonlyMap<string, string>): string | undefined {
  const text = node.redirections.findLast(r => r.is === 'text')
  return text?.is === 'text' ? written(text.body, constants) : undefined
}

/** `cat > file <<EOF`, `tee file <<EOF` */
function hereFiles(script: Script, constants: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  everyNode(script.body, node => {
    if (node.is !== 'simple') return
    const text = hereText(node, constants)
    if (text === undefined) return
    const [name, ...words] = writtenArgv(node, constants)
    for (const r of node.redirections) if (r.is === 'file' && r.operator.startsWith('>')) files.set(written(r.target, constants), text)
    if (name === 'tee') for (const word of words) files.set(word, text)
  })
  return files
}

/** The files that a script will find: those on the workstation, and those that it may write itself. */
class FilesOf {
  private readonly writes: boolean

  constructor(
    private readonly script: Script,
    private readonly mounted: ReadonlyMap<string, string>,
    /** Texts that stand in the script and go to a file, by the name it is given there. */
    private readonly here: ReadonlyMap<string, string>,
  ) {
    // A folder that it leaves, or a file that a variable names, may be anything.
    this.writes = /(?:^|[;&|\s])(?:cd|pushd|mktemp|tar|unzip|git|cp|mv)\s/m.test(script.text)
  }

  /** Whether a manifest beside the script or in it, or a line of it, may make an object of that name. */
  makes(name: string): boolean {
    const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    const made = new RegExp(`name["']?:\\s*["']?${escaped}|\\b(?:create|run|expose|add)\\b[^\\n]*\\b${escaped}\\b`)
    return [this.script.text, ...this.mounted.values()].some(text => made.test(text))
  }

  /** What a file will hold, if that is known. */
  text(file: string): string | undefined {
    return this.here.get(file) ?? this.mounted.get(absolute(file, '/root'))
  }

  has(file: string): boolean {
    if (this.writes || file.includes('$')) return true
    const path = absolute(file, '/root')
    return [...this.mounted.keys()].some(known => known === path || known.startsWith(`${path}/`)) || new RegExp(`(?:>|\\btee\\b[^\\n|]*)\\s*"?${file.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`).test(this.script.text)
  }
}

/** Tries a text program's options out, on nothing. */
class Probe {
  private readonly run = new ScriptRun(
    { sim: new Simulation({ seed: 'check' }), registry: new CommandRegistry('nowhere'), files: new MemoryFiles(), key: 'check', user: 'operator', hostname: 'check', epochSeconds: 0, missing: 'not-found' },
    { file: '', text: '', body: [], units: [] },
    { name: 'check', out: { write: () => true }, err: { write: () => true }, in: NOTHING },
  )

  /** What a text program says of arguments that it refuses, whatever it is given to read. */
  refusal(name: string, argv: readonly string[]): string | undefined {
    if (!STRICT.has(name) || argv.some(word => word.includes('${'))) return undefined
    try {
      const result = UTILITIES.get(name)?.run({ argv, shell: this.run.shell, node: PLACEHOLDER, stdin: () => '', read: () => '', nowSeconds: 0 })
      // Only of its own arguments it complains with 125; that what it is to start is not there is told elsewhere.
      if (result === undefined || !('code' in result) || result.err === '' || (name === 'timeout' && result.code !== 125)) return undefined
      return (result.err.split('\n')[0] as string).replace(/^jq: error: /, 'jq: ')
    } catch (error) {
      if (error instanceof UnsupportedError) return undefined
      throw error
    }
  }

  problem(name: string, argv: readonly string[]): string | undefined {
    try {
      UTILITIES.get(name)?.run({ argv, shell: this.run.shell, node: PLACEHOLDER, stdin: () => '', read: () => '', nowSeconds: 0 })
      return undefined
    } catch (error) {
      if (error instanceof UnsupportedError) return error.message
      throw error
    }
  }
}

/** Whether a text program that reads all of its input here would leave, or print, before the end of it. */
function leavesEarly([name = '', ...words]: readonly string[]): boolean {
  const text = words.join(' ')
  if (/^[gm]?awk$/.test(name)) return /\bexit\b|fflush|system\s*\(|getline|-W\s*interactive/.test(text)
  if (name === 'sed') return words.some(word => /^-[a-zA-Z]*[uz]|--unbuffered/.test(word)) || /(?:^|[;{\s/\d$])[qQ](?:\s*[\d;}]|$)/.test(text)
  return name === 'stdbuf' || (name === 'jq' && text.includes('--unbuffered')) || (/^(?:tr|cut|sort)$/.test(name) && text.includes('buffered'))
}

/** Programs whose arguments are a language of their own, or a number, and are read before anything else. */
const STRICT: ReadonlySet<string> = new Set(['jq', 'sleep', 'timeout', 'grep', 'egrep', 'sed', 'awk', 'gawk', 'date', 'head', 'tail', 'seq', 'cut', 'sort', 'tr'])

const PLACEHOLDER = { is: 'simple', line: 0, source: '', words: [], constant: undefined, assignments: [], redirections: [], pure: true, ordinal: 1, last: true, file: '' } as unknown as Simple

