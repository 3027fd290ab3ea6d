import { calculateNumber } from './arithmetic.ts'
import type { Value } from './expand.ts'
import { cached, patternRegExp, patternSource } from './pattern.ts'
import { ExpansionError } from './errors.ts'
import type { Shell } from './shell.ts'
import type { Operation, ParameterPart, Word } from './syntax.ts'

type TextOf = (word: Word) => string

/**
 * The value of `$x`, `${x…}`: its operands are given as texts and patterns by the caller. A default that is used (`${x:-y}`) is the caller's business.
 * @throws ExpansionError for `${x?message}`, an unset variable under `set -u`, a bad substitution
 */
export function parameterValue(shell: Shell, part: ParameterPart, text: TextOf, pattern: TextOf): Value {
  const op = part.operation
  if (isPlain(part)) return plainValue(shell, part)
  if (op?.is === 'names') return joined(shell, shell.vars.names().filter(n => n.startsWith(part.name) && shell.vars.isSet(n)), op.star, part.quoted)
  if (part.indirect) return indirect(shell, part, text, pattern)
  if (part.length && op === undefined) return length(shell, part, text)
  const value = valueOf(shell, part, text)
  return op === undefined ? present(shell, part, value) : operate(shell, part, op, value, text, pattern)
}

/** `$x`, `${x}`, `$1`, `$@`: nothing but a name. */
export const isPlain = (part: ParameterPart): boolean => part.operation === undefined && part.index === undefined && part.all === undefined && !part.length && !part.indirect

/** The value of a parameter that {@link isPlain}: what scripts are full of. @throws ExpansionError for an unset one under `set -u` */
export function plainValue(shell: Shell, part: ParameterPart): Value {
  if (part.name === '@') return shell.positional
  if (part.name === '*') return joined(shell, shell.positional, true, part.quoted)
  const value = shell.get(part.name)
  if (value === undefined) {
    if (shell.options.nounset) throw unbound(part.name)
    return ''
  }
  return value
}

const unbound = (name: string): ExpansionError => new ExpansionError(`${/^\d+$/.test(name) ? '$' : ''}${name}: unbound variable`, true)

/** `$*` and `${a[*]}` in quotes are one text; without quotes each item is split. */
function joined(shell: Shell, list: readonly string[], star: boolean, quoted: boolean): Value {
  return star && quoted ? list.join(shell.ifs.slice(0, 1)) : list
}

/** The raw value: a text, a list, or undefined for an unset one. */
function valueOf(shell: Shell, part: ParameterPart, text: TextOf): Value | undefined {
  if (part.name === '@' || part.name === '*') return shell.positional
  if (part.all !== undefined) {
    const special = shell.specialArray(part.name)
    return special ?? shell.vars.values(part.name)
  }
  if (part.index !== undefined) {
    const special = shell.specialArray(part.name)
    const key = shell.key(part.name, text(part.index))
    return special === undefined ? shell.vars.element(part.name, key) : special[Number(key) < 0 ? special.length + Number(key) : Number(key)]
  }
  return shell.get(part.name)
}

function present(shell: Shell, part: ParameterPart, value: Value | undefined): Value {
  if (value === undefined) {
    if (shell.options.nounset) throw unbound(part.index === undefined ? part.name : `${part.name}[${part.index.source}]`)
    return ''
  }
  return typeof value === 'string' ? value : joined(shell, value, part.all === '*' || part.name === '*', part.quoted)
}

function length(shell: Shell, part: ParameterPart, text: TextOf): string {
  if (part.name === '@' || part.name === '*') return String(shell.positional.length)
  const value = valueOf(shell, part, text)
  if (value === undefined && shell.options.nounset) throw unbound(part.name)
  if (value === undefined) return '0'
  return String(typeof value === 'string' ? [...value].length : value.length)
}

/** `${!x}`: the parameter whose name `x` holds; `${!a[@]}`: the keys. */
function indirect(shell: Shell, part: ParameterPart, text: TextOf, pattern: TextOf): Value {
  if (part.all !== undefined) {
    const special = shell.specialArray(part.name)
    return joined(shell, special === undefined ? shell.vars.keys(part.name) : special.map((_s, i) => String(i)), part.all === '*', part.quoted)
  }
  const name = shell.get(part.name)
  if (name === undefined || name === '') {
    if (name === undefined && shell.options.nounset) throw unbound(part.name)
    throw new ExpansionError(`${part.name}: invalid indirect expansion`, false)
  }
  const element = /^(\w+)\[(.*)\]$/s.exec(name)
  if (element === null && !/^(?:\w+|[@*#?$!-])$/.test(name)) throw new ExpansionError(`${name}: invalid variable name`, false)
  const all = element?.[2] === '@' || element?.[2] === '*' ? element[2] : undefined
  const word = (value: string): Word => ({ source: value, constant: value, parts: [{ is: 'text', text: value, quoted: true, pure: true }], pure: true })
  const target: ParameterPart = { ...part, indirect: false, name: element?.[1] ?? name, all, index: element === null || all !== undefined ? undefined : word(element[2] as string) }
  return parameterValue(shell, target, text, pattern)
}

function operate(shell: Shell, part: ParameterPart, op: Operation, value: Value | undefined, text: TextOf, pattern: TextOf): Value {
  if (op.is === 'default') return defaulted(shell, part, op, value, text)
  if (op.is === 'transform' && op.letter === 'a' && value === undefined) return attributes(shell, part.name)
  if (value === undefined) {
    if (shell.options.nounset) throw unbound(part.name)
    return ''
  }
  if (op.is === 'slice') return slice(shell, part, op, value, text)
  if (op.is === 'transform') return transform(shell, part, op.letter, value)
  const each = eachOf(op, pattern, text, shell.shopt.has('extglob'))
  return typeof value === 'string' ? each(value) : joined(shell, value.map(each), part.all === '*' || part.name === '*', part.quoted)
}

/** The operand that stands for an unset (or, with a colon, empty) parameter: of `${x:-y}`; for `${x:+y}` the other way round. */
export function defaultUsed(shell: Shell, part: ParameterPart, text: TextOf): Word | undefined {
  const op = part.operation
  if (op?.is !== 'default' || part.indirect) return undefined
  if (op.operator === '-') return isMissing(shell, part, op.colon, text) ? op.word : undefined
  return op.operator === '+' && !isMissing(shell, part, op.colon, text) ? op.word : undefined
}

export function isMissing(shell: Shell, part: ParameterPart, colon: boolean, text: TextOf): boolean {
  const value = valueOf(shell, part, text)
  if (value === undefined) return true
  if (typeof value === 'string') return colon && value === ''
  return value.length === 0 || (colon && value.length === 1 && value[0] === '')
}

/** `${x:-y}` where x is set, or `${x:=y}` and `${x:?y}` where it is not (the shell has assigned by then). */
function defaulted(shell: Shell, part: ParameterPart, op: Extract<Operation, { is: 'default' }>, value: Value | undefined, text: TextOf): Value {
  const missing = isMissing(shell, part, op.colon, text)
  if (op.operator === '+') return ''
  if (!missing) return present(shell, part, value)
  if (op.operator === '?') {
    const message = text(op.word)
    throw new ExpansionError(`${part.name}: ${message === '' ? (op.colon ? 'parameter null or not set' : 'parameter not set') : message}`, true)
  }
  return ''
}

function eachOf(op: Operation, pattern: TextOf, text: TextOf, extended: boolean): (value: string) => string {
  switch (op.is) {
    case 'remove': {
      const source = pattern(op.word)
      if (!op.suffix) {
        const re = cached(`^(?:${patternSource(source, !op.longest, extended)})`, 'su')
        return value => value.replace(re, '')
      }
      // The shortest suffix is found from the right.
      const whole = patternRegExp(source, false, extended)
      return value => {
        const from = op.longest ? 0 : value.length
        for (let i = from; op.longest ? i <= value.length : i >= 0; i += op.longest ? 1 : -1) if (whole.test(value.slice(i))) return value.slice(0, i)
        return value
      }
    }
    case 'replace': {
      const source = pattern(op.pattern)
      const by = text(op.by)
      if (source === '') return value => (op.where === 'start' ? by + value : op.where === 'end' ? value + by : value)
      const body = patternSource(source, false, extended)
      const re = cached(op.where === 'start' ? `^(?:${body})` : op.where === 'end' ? `(?:${body})$` : body, op.where === 'all' ? 'gsu' : 'su')
      return value => value.replace(re, () => by)
    }
    case 'case': {
      const wanted = op.pattern === undefined ? undefined : patternRegExp(pattern(op.pattern), false, extended)
      const change = (c: string): string => (wanted !== undefined && !wanted.test(c) ? c : op.upper ? c.toUpperCase() : c.toLowerCase())
      return value => (op.all ? [...value].map(change).join('') : value === '' ? '' : change([...value][0] as string) + [...value].slice(1).join(''))
    }
    default:
      throw new Error('shell: no such operation')
  }
}

function slice(shell: Shell, part: ParameterPart, op: Extract<Operation, { is: 'slice' }>, value: Value, text: TextOf): Value {
  const offset = calculateNumber(text(op.offset), shell.names)
  const count = op.length === undefined ? undefined : calculateNumber(text(op.length), shell.names)
  if (typeof value === 'string') {
    const characters = [...value]
    const from = offset < 0 ? characters.length + offset : offset
    if (from < 0 || from > characters.length) return ''
    if (count === undefined) return characters.slice(from).join('')
    const to = count < 0 ? characters.length + count : from + count
    if (to < from) throw new ExpansionError(`${count}: substring expression < 0`, false)
    return characters.slice(from, to).join('')
  }
  const positional = part.name === '@' || part.name === '*'
  if (count !== undefined && count < 0) throw new ExpansionError(`${count}: substring expression < 0`, false)
  const items = positional ? [shell.name0, ...value] : value
  let from = offset
  if (offset < 0) from = items.length + offset
  if (from < 0) return []
  const picked = positional || shell.vars.variable(part.name)?.list === undefined ? items.slice(from, count === undefined ? undefined : from + count) : sparse(shell, part.name, offset, count)
  return joined(shell, picked, part.all === '*' || part.name === '*', part.quoted)
}

/** Elements of a list from an index on: unset ones are not counted. */
function sparse(shell: Shell, name: string, offset: number, count: number | undefined): string[] {
  const list = shell.vars.variable(name)?.list ?? []
  const from = offset < 0 ? list.length + offset : offset
  if (from < 0) return []
  const items = list.slice(from).filter(v => v !== undefined)
  return count === undefined ? items : items.slice(0, count)
}

/** `${x@E}`: as `$'…'` reads it. */
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', v: '\v', '\\': '\\', "'": "'", '"': '"', '?': '?' }

function ansi(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|[uU]([0-9a-fA-F]{1,8})|c(.)|(.))/gs, (whole, hex?: string, octal?: string, code?: string, control?: string, c?: string) =>
    hex !== undefined ? String.fromCharCode(Number.parseInt(hex, 16)) : octal !== undefined ? String.fromCharCode(Number.parseInt(octal, 8) & 255) : code !== undefined ? String.fromCodePoint(Number.parseInt(code, 16)) : control !== undefined ? String.fromCharCode(control.charCodeAt(0) & 31) : (ESCAPES[c as string] ?? whole))
}

/** The letters of a variable's attributes, as `declare` has them. */
function attributes(shell: Shell, name: string): string {
  const v = shell.vars.variable(name)
  return v === undefined ? '' : [v.map !== undefined ? 'A' : v.list !== undefined ? 'a' : '', v.integer === true ? 'i' : '', v.readonly === true ? 'r' : '', v.exported === true ? 'x' : ''].join('')
}

function transform(shell: Shell, part: ParameterPart, letter: string, value: Value): Value {
  const { name } = part
  const list = typeof value === 'string' ? [value] : value
  if (letter === 'a') {
    const letters = attributes(shell, name)
    return typeof value === 'string' ? letters : joined(shell, value.map(() => letters), part.all === '*', part.quoted)
  }
  if ((letter === 'A' || letter === 'K' || letter === 'k') && part.all !== undefined) {
    const map = shell.vars.isMap(name)
    const pairs = shell.vars.keys(name).map((key, i) => (letter === 'A' ? `[${key}]="${(list[i] ?? '').replace(/["\\$`]/g, '\\$&')}"` : `${key} "${(list[i] ?? '').replace(/["\\$`]/g, '\\$&')}"`))
    if (letter === 'k') return shell.vars.keys(name).flatMap((key, i) => [key, list[i] ?? ''])
    return letter === 'A' ? `declare -${attributes(shell, name)} ${name}=(${pairs.join(' ')}${map ? ' ' : ''})` : `${pairs.join(' ')}${map ? ' ' : ''}`
  }
  if (letter === 'A' && (name === '@' || name === '*')) return `set -- ${list.map(quoteForShell).join(' ')}`
  const each = (text: string): string => {
    switch (letter) {
      case 'Q': return quoteForShell(text)
      case 'U': return text.toUpperCase()
      case 'L': return text.toLowerCase()
      case 'u': return text === '' ? '' : text[0]?.toUpperCase() + text.slice(1)
      case 'E': return ansi(text)
      case 'K': case 'k': return quoteForShell(text)
      case 'A': {
        const letters = attributes(shell, name)
        return `${letters === '' ? '' : `declare -${letters} `}${name}=${quoteForShell(text)}`
      }
      default: throw new ExpansionError(`${part.source}: bad substitution`, false)
    }
  }
  return typeof value === 'string' ? each(value) : joined(shell, value.map(each), part.all === '*', part.quoted)
}

/** As `${x@Q}` and `printf %q` of a text with control characters: `'…'`, or `$'…'`. */
export function quoteForShell(text: string): string {
  if (/[\x00-\x1f\x7f]/.test(text)) {
    const escaped = text.replace(/[\\'\x00-\x1f\x7f]/g, c => ({ '\n': '\\n', '\t': '\\t', '\r': '\\r', '\\': '\\\\', "'": "\\'", '\x1b': '\\E', '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\v': '\\v' })[c] ?? `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)
    return `$'${escaped}'`
  }
  return `'${text.replaceAll("'", "'\\''")}'`
}
