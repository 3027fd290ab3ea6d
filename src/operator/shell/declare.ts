import type { Process } from '../../kernel/index.ts'
import { assign } from './assign.ts'
import { fieldsOf, pureText, textOf } from './expand.ts'
import { hideOptions } from './getopts.ts'
import { quoteForShell } from './parameter.ts'
import { ExpansionError } from './errors.ts'
import { written } from './parse.ts'
import { say } from './printing.ts'
import type { Shell, Status } from './shell.ts'
import { type Assignment, type Simple, type Word, isAssignment } from './syntax.ts'

/** `declare`, `typeset`, `local`, `export`, `readonly`: their words may be assignments, which are not split. */
export function declare(shell: Shell, argv: readonly string[], node: Simple): Status {
  if (argv[0] !== 'local' || !shell.vars.inFunction || !isPlain(node)) return failing(shell, declareLater(shell, argv, node))
  try {
    return locals(shell, node)
  } catch (error) {
    return shell.expansionFailed(error)
  }
}

function* failing(shell: Shell, process: Process<number>): Process<number> {
  try {
    return yield* process
  } catch (error) {
    return shell.expansionFailed(error)
  }
}

const plains = new WeakMap<Simple, boolean>()

/** `local a b=$1 c="x $a"`: names and scalar values in which nothing has to be run, as nearly every `local` is. */
function isPlain(node: Simple): boolean {
  let plain = plains.get(node)
  if (plain === undefined) {
    plain = node.words.length > 1 && node.words.slice(1).every(word => (isAssignment(word) ? word.pure && word.index === undefined && !Array.isArray(word.value) && word.name !== 'OPTIND' : /^[A-Za-z_]\w*$/.test(word.constant ?? '') && word.constant !== 'OPTIND'))
    plains.set(node, plain)
  }
  return plain
}

function locals(shell: Shell, node: Simple): number {
  let status = 0
  const { words } = node
  // All words are expanded before any is declared: `local x=$x`, and in `local a=1 b=$a` the `$a` is the caller's.
  const values = words.map((word, i) => (i > 0 && isAssignment(word) ? pureText(shell, word.value as Word) : undefined))
  for (let i = 1; i < words.length; i++) {
    const word = words[i] as Word | Assignment
    const name = isAssignment(word) ? word.name : (word.constant as string)
    const value = isAssignment(word) && word.append ? `${shell.get(name) ?? ''}${values[i]}` : values[i]
    if (isLocked(shell, 'local', name)) {
      status = 1
      continue
    }
    shell.vars.declareLocal(name)
    if (value !== undefined && !guarded(shell, 'local', () => shell.set(name, value))) status = 1
  }
  return status
}

function* declareLater(shell: Shell, argv: readonly string[], node: Simple): Process<number> {
  const name = argv[0] as string
  const flags = new Set<string>()
  const off = new Set<string>()
  const items: (Assignment | string)[] = []
  for (const word of node.words.slice(1)) {
    if (isAssignment(word)) {
      items.push(word)
      continue
    }
    for (const text of yield* fieldsOf(shell, [word as Word])) {
      if (/^[-+][a-zA-Z]+$/.test(text) && items.length === 0) for (const c of text.slice(1)) (text[0] === '-' ? flags : off).add(c)
      else if (text !== '--') items.push(text)
    }
  }
  if (name === 'local' && !shell.vars.inFunction) {
    shell.complain('local: can only be used in a function')
    return 1
  }
  if (flags.has('F') && items.length === 0) return say(shell, name, [...shell.functions.keys()].sort().map(known => `declare -f ${known}\n`).join(''))
  if (flags.has('f') && items.length === 0 && name !== 'local') return say(shell, name, [...shell.functions.keys()].sort().map(known => definitionOf(shell, known)).join(''))
  if (flags.has('p') || (items.length === 0 && name !== 'local')) return print(shell, name, items.map(i => (typeof i === 'string' ? i : i.name)), flags)
  if (flags.has('f') || flags.has('F')) {
    if (name === 'export' || flags.has('x')) return exportFunctions(shell, name, items, flags.has('n') || off.has('x'))
    const known = items.filter((i): i is string => typeof i === 'string' && shell.functions.has(i))
    say(shell, name, known.map(i => (flags.has('F') ? `${i}\n` : definitionOf(shell, i))).join(''))
    return known.length === items.length ? 0 : 1
  }
  const isLocal = name === 'local' || ((name === 'declare' || name === 'typeset') && shell.vars.inFunction && !flags.has('g'))
  let status = 0
  // All words are expanded before any is declared, but for arrays, which are set as they are read.
  const arrays = items.some(item => typeof item !== 'string' && Array.isArray(item.value))
  const texts = new Map<Assignment, string>()
  if (!arrays) for (const item of items) if (typeof item !== 'string' && !Array.isArray(item.value) && item.index === undefined) texts.set(item, yield* textOf(shell, item.value as Word))
  for (const item of items) if (!(yield* one(shell, name, item, flags, off, isLocal, texts))) status = 1
  // `local x=$(false)` succeeds: the substitution's failure is passed over.
  return status
}

/** A function as it was written; bash lays it out anew. */
export function definitionOf({ functions }: Shell, name: string): string {
  const body = functions.get(name)
  return body === undefined ? '' : `${name} () \n${written.get(body) ?? ''}\n`
}

function exportFunctions(shell: Shell, name: string, items: readonly (Assignment | string)[], off: boolean): number {
  let status = 0
  for (const item of items) {
    if (typeof item === 'string' && shell.functions.has(item)) {
      const others = shell.exportedFunctions.filter(other => other !== item)
      shell.exportedFunctions = off ? others : [...others, item]
    } else {
      shell.complain(`${name}: ${typeof item === 'string' ? item : item.name}: not a function`)
      status = 1
    }
  }
  return status
}

function* one(shell: Shell, name: string, item: Assignment | string, flags: ReadonlySet<string>, off: ReadonlySet<string>, isLocal: boolean, texts: ReadonlyMap<Assignment, string>): Process<boolean> {
  const written = typeof item === 'string' ? /^(\w+)(\+?)=(.*)$/s.exec(item) : null
  const variable = typeof item === 'string' ? (written?.[1] ?? item) : item.name
  if (!/^[A-Za-z_]\w*$/.test(variable)) {
    shell.complain(`${name}: \`${typeof item === 'string' ? item : variable}': not a valid identifier`)
    return false
  }
  const evaluated = typeof item === 'string' ? undefined : item
  const before = isLocal ? shell.get(variable) : undefined
  if (isLocal && isLocked(shell, name, variable)) return false
  if (isLocal && variable === 'OPTIND') hideOptions(shell)
  const text = evaluated === undefined ? undefined : texts.get(evaluated)
  if (isLocal && evaluated !== undefined && !Array.isArray(evaluated.value)) {
    const step = text ?? (yield* fieldsOfValue(shell, evaluated))
    shell.vars.declareLocal(variable)
    marks(shell, variable, name, flags, off, false)
    return guarded(shell, name, () => shell.set(variable, evaluated.append ? (before ?? '') + step : step)) && lock(shell, variable, name, flags)
  }
  if (isLocal) shell.vars.declareLocal(variable)
  if (flags.has('A')) shell.vars.makeArray(variable, 'map')
  else if (flags.has('a')) shell.vars.makeArray(variable, 'list')
  marks(shell, variable, name, flags, off, false)
  try {
    if (evaluated !== undefined && text !== undefined && !evaluated.append) shell.set(variable, text)
    else if (evaluated !== undefined) yield* assign(shell, evaluated)
    else if (written !== null) shell.set(variable, written[2] === '+' ? (shell.get(variable) ?? '') + (written[3] as string) : (written[3] as string))
  } catch (error) {
    if (!(error instanceof ExpansionError) || error.fatal) throw error
    shell.complain(`${name}: ${error.what}`)
    return false
  }
  return lock(shell, variable, name, flags)
}

/** What may not be changed may not be hidden by a local either. */
function isLocked(shell: Shell, name: string, variable: string): boolean {
  if (shell.vars.find(variable)?.readonly !== true) return false
  shell.complain(`${name}: ${variable}: readonly variable`)
  return true
}

function guarded(shell: Shell, name: string, act: () => void): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (!(error instanceof ExpansionError) || error.fatal) throw error
    shell.complain(`${name}: ${error.what}`)
    return false
  }
}

function* fieldsOfValue(shell: Shell, a: Assignment): Process<string> {
  const probe: Assignment = { ...a, name: '__value', append: false, index: undefined }
  yield* assign(shell, probe)
  const value = shell.vars.get('__value') ?? ''
  shell.vars.unset('__value')
  return value
}

function marks(shell: Shell, variable: string, name: string, flags: ReadonlySet<string>, off: ReadonlySet<string>, all: boolean): void {
  const wanted: Parameters<Shell['vars']['mark']>[1] = {}
  if (name === 'export' ? !flags.has('n') : flags.has('x')) wanted.exported = true
  if (off.has('x') || (name === 'export' && flags.has('n'))) wanted.exported = false
  if (flags.has('i')) wanted.integer = true
  if (off.has('i')) wanted.integer = false
  if (flags.has('l')) wanted.letters = 'lower'
  if (flags.has('u')) wanted.letters = 'upper'
  if (flags.has('n') && name !== 'export') wanted.reference = true
  if (all || Object.keys(wanted).length > 0) shell.vars.mark(variable, wanted)
}

function lock(shell: Shell, variable: string, name: string, flags: ReadonlySet<string>): boolean {
  if (name === 'readonly' || flags.has('r')) shell.vars.mark(variable, { readonly: true })
  return true
}

function print(shell: Shell, name: string, names: readonly string[], flags: ReadonlySet<string>): number {
  const wanted = names.length > 0 ? names : shell.vars.names().filter(n => {
    const v = shell.vars.find(n)
    return name === 'export' || flags.has('x') ? v?.exported === true : name === 'readonly' ? v?.readonly === true : true
  })
  let status = 0
  for (const each of wanted) {
    const v = shell.vars.find(each)
    if (v === undefined) {
      shell.complain(`${name}: ${each}: not found`)
      status = 1
      continue
    }
    const letters = `${v.list === undefined ? '' : 'a'}${v.map === undefined ? '' : 'A'}${v.integer ? 'i' : ''}${v.reference ? 'n' : ''}${v.readonly ? 'r' : ''}${v.exported ? 'x' : ''}`
    const inner = v.list !== undefined || v.map !== undefined ? `=(${shell.vars.keys(each).map(k => `[${k}]="${escaped(shell.vars.element(each, k) ?? '')}"`).join(' ')}${v.map === undefined || v.map.size === 0 ? '' : ' '})` : v.value === undefined ? '' : `="${escaped(v.value)}"`
    shell.fds.out.write(/[\x00-\x1f]/.test(v.value ?? '') ? `declare -${letters || '-'} ${each}=${quoteForShell(v.value ?? '')}\n` : `declare -${letters || '-'} ${each}${inner}\n`)
  }
  return status
}

const escaped = (text: string): string => text.replace(/["\\$`]/g, '\\$&')
