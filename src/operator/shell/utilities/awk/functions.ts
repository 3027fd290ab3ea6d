import { exp, ln } from '../../../../kernel/index.ts'
import { format } from '../../printf.ts'
import { UnsupportedError } from '../options.ts'
import { strftime } from '../strftime.ts'
import type { AwkHost } from './run.ts'
import { AwkError, type Expression } from './syntax.ts'

/** A number, a string, or a string from the input that looks like a number (compared as one). */
export type Value = number | string | Looks
interface Looks {
  readonly text: string
  readonly number: number
}

export type Table = Map<string, Value>

const NUMBER = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/

/** A text of the input. */
export const fromInput = (text: string): Value => (NUMBER.test(text) ? { text, number: Number(text) } : text)

/** What the functions need of the machine. */
export interface AwkMachine {
  readonly globals: Map<string, Value>
  readonly record: string
  readonly host: AwkHost
  isArray(name: string): boolean
  array(name: string): Table
  text(value: Value): string
  number(value: Value): number
  evaluate(e: Expression): Value
  assign(to: Expression, value: Value): Value
  regexp(e: Expression): RegExp
  splitText(text: string, separator: string): string[]
}

/** A function of the language. */
export function callBuiltin(machine: AwkMachine, e: Extract<Expression, { is: 'call' }>): Value {
  const arg = (i: number): Expression => e.args[i] ?? { is: 'string', value: '' }
  const text = (i: number): string => machine.text(machine.evaluate(arg(i)))
  const number = (i: number): number => machine.number(machine.evaluate(arg(i)))
  switch (e.name) {
    case 'length': {
      const only = e.args[0]
      if (only?.is === 'variable' && machine.isArray(only.name)) return machine.array(only.name).size
      return [...(only === undefined ? machine.record : text(0))].length
    }
    case 'substr': {
      const from = Math.round(number(1))
      const count = e.args.length > 2 ? Math.round(number(2)) : Number.POSITIVE_INFINITY
      const start = Math.max(1, from)
      return text(0).slice(start - 1, Math.max(start - 1, from - 1 + count))
    }
    case 'index': return text(0).indexOf(text(1)) + 1
    case 'split': {
      const name = arg(1)
      if (name.is !== 'variable') throw new AwkError('split: second argument is no array')
      const source = text(0)
      const separator = e.args[2]
      const pieces = separator?.is === 'regexp' ? (source === '' ? [] : source.split(separator.re)) : machine.splitText(source, separator === undefined ? machine.text(machine.globals.get('FS') ?? ' ') : text(2))
      const table = machine.array(name.name)
      table.clear()
      pieces.forEach((piece, i) => table.set(String(i + 1), fromInput(piece)))
      return pieces.length
    }
    case 'sub': case 'gsub': {
      const re = new RegExp(machine.regexp(arg(0)).source, 'g')
      const by = text(1)
      const target = e.args[2] ?? ({ is: 'field', of: { is: 'number', value: 0 } } satisfies Expression)
      let count = 0
      const result = machine.text(machine.evaluate(target)).replace(re, found => {
        if (e.name === 'sub' && count > 0) return found
        count += 1
        return by.replace(/\\\\&|\\&|&/g, all => (all === '&' ? found : all === '\\&' ? '&' : `\\${found}`))
      })
      if (count > 0) machine.assign(target, result)
      return count
    }
    case 'match': {
      const found = machine.regexp(arg(1)).exec(text(0))
      machine.globals.set('RSTART', found === null ? 0 : found.index + 1)
      machine.globals.set('RLENGTH', found === null ? -1 : found[0].length)
      return found === null ? 0 : found.index + 1
    }
    case 'sprintf': return formatted(text(0), e.args.slice(1).map((_a, i) => text(i + 1)), e.args.slice(1).map((_a, i) => number(i + 1)), machine.host.nowSeconds)
    case 'tolower': return text(0).toLowerCase()
    case 'toupper': return text(0).toUpperCase()
    case 'int': return Math.trunc(number(0))
    case 'sqrt': return Math.sqrt(number(0))
    case 'log': return ln(number(0))
    case 'exp': return exp(number(0))
    case 'rand': return machine.host.random()
    case 'srand': return 0
    case 'systime': return Math.floor(machine.host.nowSeconds)
    case 'strftime': return strftime(e.args.length === 0 ? '%c' : text(0), e.args.length > 1 ? number(1) : Math.floor(machine.host.nowSeconds), 0)
    case 'fflush': case 'close': return 0
    default: throw new UnsupportedError(`awk’s function \`${e.name}\``, ['length substr index split sub gsub match sprintf tolower toupper int sqrt log exp rand srand systime strftime', 'functions of the program'])
  }
}

/** Empty text and zero at once. */
export const UNSET: Value = { text: '', number: 0 }

/** `printf`: numbers for %d and the like, texts for %s. */
export function formatted(template: string, texts: readonly string[], numbers: readonly number[], nowSeconds: number): string {
  let at = 0
  return template.replace(/%(?:%|[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?[a-zA-Z])/g, spec => {
    if (spec === '%%') return '%'
    const star = (part: string): string => part.replace('*', () => String(numbers[at++] ?? 0))
    const filled = star(star(spec))
    const kind = filled[filled.length - 1] as string
    const i = at++
    if (kind === 's') return format(filled, [texts[i] ?? ''], nowSeconds, () => undefined).text
    if (kind === 'c') return /^\d+$/.test(texts[i] ?? '') ? String.fromCharCode(numbers[i] ?? 0) : (texts[i] ?? '').slice(0, 1)
    const n = numbers[i] ?? 0
    return format(filled, ['d', 'i', 'o', 'x', 'X', 'u'].includes(kind) ? [BigInt(Math.trunc(n)).toString()] : [String(n)], nowSeconds, () => undefined).text
  })
}

/** By repeated multiplication where the exponent is whole. */
export function power(a: number, b: number): number {
  if (Number.isInteger(b)) {
    let result = 1
    for (let i = 0; i < Math.min(Math.abs(b), 5_000); i++) result *= a
    return b < 0 ? 1 / result : result
  }
  return exp(b * ln(a))
}
