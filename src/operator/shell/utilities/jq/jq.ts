import type { Utility } from '../../utilities.ts'
import { type Output, UnsupportedError, failed, inputs } from '../options.ts'
import { parseJq } from './parse.ts'
import { type Scope, values } from './run.ts'
import { type Filter, JqError, JqSyntaxError, type Json } from './syntax.ts'
import { isObject, toText } from './values.ts'

const filters = new Map<string, Filter>()

/** A filter parsed, once for each text. */
function filterOf(source: string): Filter {
  let known = filters.get(source)
  if (known === undefined) {
    known = parseJq(source)
    if (filters.size > 500) filters.clear()
    filters.set(source, known)
  }
  return known
}

class JsonError extends Error {}

/** The values of a text, one after the other. @throws JsonError */
function* documents(text: string): Generator<Json> {
  const trimmed = text.trim()
  if (trimmed === '') return
  try {
    yield JSON.parse(trimmed) as Json
    return
  } catch {
    // Several values, or none.
  }
  let at = 0
  while (at < text.length) {
    const end = endOfValue(text, at)
    const piece = text.slice(at, end).trim()
    if (piece === '') break
    try {
      yield JSON.parse(piece) as Json
    } catch {
      const line = text.slice(0, end).split('\n').length
      const wrong = /^[A-Za-z]/.test(piece) || /^['<%*\\]/.test(piece)
      throw new JsonError(wrong ? `Invalid literal at line ${line}, column ${end - text.lastIndexOf('\n', end - 1)}` : `Unfinished JSON term at EOF at line ${line}, column 0`)
    }
    at = end
  }
}

function endOfValue(text: string, from: number): number {
  let depth = 0
  let i = from
  while (i < text.length && /\s/.test(text[i] as string)) i += 1
  for (; i < text.length; i++) {
    const c = text[i] as string
    if (c === '"') {
      for (i += 1; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i += 1
      if (depth === 0) return i + 1
    } else if (c === '{' || c === '[') depth += 1
    else if (c === '}' || c === ']') {
      depth -= 1
      if (depth <= 0) return i + 1
    } else if (depth === 0 && /\s/.test(c)) return i
  }
  return text.length
}

const FLAGS = 'rjcnesSRaCM'
const LONG: Readonly<Record<string, string>> = { 'raw-output': 'r', 'join-output': 'j', 'compact-output': 'c', 'null-input': 'n', 'exit-status': 'e', slurp: 's', 'sort-keys': 'S', 'raw-input': 'R', 'ascii-output': 'a', 'color-output': 'C', 'monochrome-output': 'M', tab: 'tab' }

export const JQ: Utility = {
  name: 'jq',
  run(call): Output {
    const on = new Set<string>()
    const rest: string[] = []
    const named: Record<string, Json> = {}
    const positional: Json[] = []
    let indent: number | '\t' = 2
    for (let i = 1; i < call.argv.length; i++) {
      const arg = call.argv[i] as string
      if (arg === '--arg') named[call.argv[++i] as string] = call.argv[++i] ?? ''
      else if (arg === '--argjson') {
        const name = call.argv[++i] as string
        try {
          named[name] = JSON.parse(call.argv[++i] ?? '') as Json
        } catch {
          return failed(`jq: Invalid JSON text passed to --argjson\nUse jq --help for help with command-line options,\nor see the jq manpage, or online docs  at https://stedolan.github.io/jq\n`, 2)
        }
      } else if (arg === '--rawfile' || arg === '--slurpfile') {
        const name = call.argv[++i] as string
        const file = call.argv[++i] ?? ''
        const text = call.read(file)
        if (text === undefined) return failed(`jq: Bad JSON in --${arg.slice(2)} ${name} ${file}: Could not open ${file}: No such file or directory\n`, 2)
        try {
          named[name] = arg === '--rawfile' ? text : [...documents(text)]
        } catch {
          return failed(`jq: Bad JSON in --slurpfile ${name} ${file}\n`, 2)
        }
      } else if (arg === '--indent') indent = Number(call.argv[++i])
      else if (arg === '--args') {
        positional.push(...call.argv.slice(i + 1))
        i = call.argv.length
      } else if (arg.startsWith('--')) {
        const letter = LONG[arg.slice(2)]
        if (letter === undefined) throw new UnsupportedError(`\`jq ${arg}\``, [...[...FLAGS].map(f => `-${f}`), '--arg', '--argjson', '--rawfile', '--slurpfile', '--args', '--indent', '--tab'])
        on.add(letter)
      } else if (/^-[a-zA-Z]+$/.test(arg)) {
        for (const letter of arg.slice(1)) {
          if (!FLAGS.includes(letter)) throw new UnsupportedError(`\`jq -${letter}\``, [...FLAGS].map(f => `-${f}`))
          on.add(letter)
        }
      } else rest.push(arg)
    }
    const source = rest.shift()
    if (source === undefined) return failed('jq - commandline JSON processor\n', 2)
    if (on.has('tab')) indent = '\t'
    if (on.has('c')) indent = 0
    let filter: Filter
    try {
      filter = filterOf(source)
    } catch (error) {
      if (!(error instanceof JqSyntaxError)) throw error
      return failed(`jq: error: ${error.message} (Unix shell quoting issues?) at <top-level>, line 1:\n${source}\njq: 1 compile error\n`, 3)
    }
    const { texts, err } = on.has('n') && rest.length === 0 ? { texts: [{ name: '-', text: '' }], err: '' } : inputs(call, rest)
    if (err !== '') return failed(err.replace(/^jq: (.*): No such file/gm, 'jq: error: Could not open file $1: No such file'), 2)
    const all = texts.map(t => t.text).join('')
    const stream = on.has('R') ? (on.has('s') ? [all][Symbol.iterator]() : (all === '' ? [] : all.replace(/\n$/, '').split('\n'))[Symbol.iterator]()) : documents(on.has('n') && rest.length === 0 ? call.stdin() : all)
    return outputs(filter, { on, indent, named, positional, env: call.shell.vars.environment(), nowSeconds: call.nowSeconds, stream, lines: () => all.split('\n').length - 1 })
  },
}

interface Run {
  readonly on: ReadonlySet<string>
  readonly indent: number | '\t'
  readonly named: Readonly<Record<string, Json>>
  readonly positional: readonly Json[]
  readonly env: Readonly<Record<string, string>>
  readonly nowSeconds: number
  readonly stream: Iterator<Json>
  /** Lines of the input, for messages. */
  lines(): number
}

function outputs(filter: Filter, r: Run): Output {
  let out = ''
  let err = ''
  let code = 0
  let last: Json | undefined
  const next = (): Json | undefined => {
    const step = r.stream.next()
    return step.done === true ? undefined : (step.value as Json)
  }
  let scope: Scope = { outer: undefined, machine: { nowSeconds: r.nowSeconds, env: r.env, next, steps: 0 } }
  const bound = { ...r.named, __prog_args: [], ARGS: { positional: r.positional, named: r.named } }
  for (const [name, value] of Object.entries(bound)) scope = { variable: { name, value: value as Json }, outer: scope, machine: scope.machine }
  const one = (input: Json): void => {
    try {
      for (const value of values(filter, input, scope)) {
        last = value
        out += (on('r') || on('j')) && typeof value === 'string' ? value : toText(value, r.indent, on('S'))
        if (!on('j')) out += '\n'
      }
    } catch (error) {
      if (!(error instanceof JqError)) throw error
      const undefinedName = error.value !== null && isObject(error.value) ? error.value['__jq'] : undefined
      if (undefinedName !== undefined) {
        err += `jq: error: ${String(undefinedName)} at <top-level>, line 1:\njq: 1 compile error\n`
        code = 3
        return
      }
      err += typeof error.value === 'string' ? `jq: error (at <stdin>:${r.lines()}): ${error.value}\n` : `jq: error (at <stdin>:${r.lines()}) (not a string): ${toText(error.value, 0, false)}\n`
      code = 5
    }
  }
  const on = (letter: string): boolean => r.on.has(letter)
  try {
    if (on('n')) one(null)
    else if (on('s') && !on('R')) one([...{ [Symbol.iterator]: () => r.stream }])
    else for (let input = next(); input !== undefined && code !== 3; input = next()) one(input)
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    err += `parse error: ${error.message}\n`
    code = 4
  }
  if (code === 0 && on('e')) code = last === undefined ? 4 : last === null || last === false ? 1 : 0
  return { out, err, code }
}
