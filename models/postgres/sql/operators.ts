import { UnsupportedError } from '../../../src/operator/command.ts'
import { type Bound, coerce, isImplicit, settled, strict } from './bound.ts'
import { checkInteger, compare } from './convert.ts'
import { addIntervals, addToTimestamp, DAY_US, scaleInterval, timestampDifference } from './datetime.ts'
import { Numeric } from './numeric.ts'
import { displayType, type Interval, isArray, isFloat, isInteger, isNumber, isText, type PgType, SqlError, type Value, widerNumber } from './types.ts'

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '=': order => order === 0,
  '<>': order => order !== 0,
  '<': order => order < 0,
  '<=': order => order <= 0,
  '>': order => order > 0,
  '>=': order => order >= 0,
}
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/', '%', '^'])
const MATCHES: Readonly<Record<string, { readonly like: boolean; readonly not: boolean; readonly fold: boolean }>> = {
  '~~': { like: true, not: false, fold: false }, '!~~': { like: true, not: true, fold: false },
  '~~*': { like: true, not: false, fold: true }, '!~~*': { like: true, not: true, fold: true },
  '~': { like: false, not: false, fold: false }, '!~': { like: false, not: true, fold: false },
  '~*': { like: false, not: false, fold: true }, '!~*': { like: false, not: true, fold: true },
}
/** The operators that are modelled, for the message about one that is not. */
export const OPERATORS: readonly string[] = [...Object.keys(COMPARISONS), ...ARITHMETIC, '||', ...Object.keys(MATCHES)]

const divisionByZero = (): SqlError => new SqlError('division by zero', { state: '22012' })

function noSuchOperator(op: string, left: Bound | undefined, right: Bound, at: number | undefined): SqlError {
  const operands = `${left === undefined ? '' : `${displayType(left.type)} `}${op} ${displayType(right.type)}`
  return new SqlError(`operator does not exist: ${operands}`, {
    state: '42883',
    at,
    hint: 'No operator matches the given name and argument types. You might need to add explicit type casts.',
  })
}

/** Compiles `left op right`. @param at where the operator stands */
export function bindOperator(op: string, left: Bound, right: Bound, at: number | undefined): Bound {
  if (op in COMPARISONS) return bindComparison(op, left, right, at)
  if (ARITHMETIC.has(op)) return bindArithmetic(op, left, right, at)
  if (op === '||') return bindConcatenation(left, right, at)
  if (op in MATCHES) return bindMatch(op, left, right, at)
  throw new UnsupportedError(`the operator ${op} is not modelled`, OPERATORS)
}

/** Both sides as one comparable type, and that type; undefined if PostgreSQL has no such comparison. */
export function comparable(left: Bound, right: Bound): { left: Bound; right: Bound; type: PgType } | undefined {
  if (left.type === 'unknown' && right.type === 'unknown') return { left: settled(left), right: settled(right), type: 'text' }
  const type = left.type === 'unknown' ? right.type
    : right.type === 'unknown' ? left.type
    : left.type === right.type ? left.type
    : isNumber(left.type) && isNumber(right.type) ? widerNumber(left.type, right.type)
    : isText(left.type) && isText(right.type) ? 'text'
    : isImplicit(left.type, right.type) && !isText(right.type) ? right.type
    : isImplicit(right.type, left.type) && !isText(left.type) ? left.type
    : undefined
  return type === undefined ? undefined : { left: coerce(left, type), right: coerce(right, type), type }
}

function bindComparison(op: string, left: Bound, right: Bound, at: number | undefined): Bound {
  const sides = comparable(left, right)
  if (sides === undefined) throw noSuchOperator(op, left, right, at)
  const { type } = sides
  const holds = COMPARISONS[op] as (order: number) => boolean
  if (op === '=' && typeof type === 'string' && isText(type)) return strict('bool', [sides.left, sides.right], at, (a: string, b: string) => a === b)
  return strict('bool', [sides.left, sides.right], at, (a: Value, b: Value) => holds(compare(a, b, type)))
}

/** IS [NOT] DISTINCT FROM. */
export function bindDistinct(left: Bound, right: Bound, negated: boolean, at: number | undefined): Bound {
  const sides = comparable(left, right)
  if (sides === undefined) throw noSuchOperator('=', left, right, at)
  const { left: l, right: r, type } = sides
  return {
    type: 'bool',
    at,
    get: run => {
      const [a, b] = [l.get(run), r.get(run)]
      const distinct = a === null || b === null ? a !== b : compare(a, b, type) !== 0
      return distinct !== negated
    },
  }
}

function bindArithmetic(op: string, left: Bound, right: Bound, at: number | undefined): Bound {
  if (left.type === 'unknown' && right.type === 'unknown') {
    throw new SqlError(`operator is not unique: unknown ${op} unknown`, { state: '42725', at, hint: 'Could not choose a best candidate operator. You might need to add explicit type casts.' })
  }
  const time = bindTimeArithmetic(op, left, right, at)
  if (time !== undefined) return time
  const type = left.type === 'unknown' ? right.type : right.type === 'unknown' ? left.type : widerNumber(left.type, right.type)
  if (!isNumber(type) || (left.type !== 'unknown' && !isNumber(left.type)) || (right.type !== 'unknown' && !isNumber(right.type))) {
    throw noSuchOperator(op, left, right, at)
  }
  return numberOperation(op, coerce(left, type), coerce(right, type), type, at)
}

function numberOperation(op: string, left: Bound, right: Bound, type: PgType, at: number | undefined): Bound {
  if (op === '^') return power(left, right, type, at)
  if (type === 'numeric') return strict(type, [left, right], at, (a: Numeric, b: Numeric) => numericOperation(op, a, b))
  if (isFloat(type)) return strict(type, [left, right], at, (a: number, b: number) => floatOperation(op, a, b))
  return strict(type, [left, right], at, (a: number, b: number) => checkInteger(integerOperation(op, a, b), type))
}

function integerOperation(op: string, a: number, b: number): number {
  switch (op) {
    case '+': return a + b
    case '-': return a - b
    case '*': return a * b
    case '/':
      if (b === 0) throw divisionByZero()
      return Math.trunc(a / b)
    default:
      if (b === 0) throw divisionByZero()
      return a % b
  }
}

function floatOperation(op: string, a: number, b: number): number {
  if (op === '/' && b === 0) throw divisionByZero()
  return op === '+' ? a + b : op === '-' ? a - b : op === '*' ? a * b : a / b
}

function numericOperation(op: string, a: Numeric, b: Numeric): Numeric {
  if ((op === '/' || op === '%') && b.isZero) throw divisionByZero()
  switch (op) {
    case '+': return a.plus(b)
    case '-': return a.minus(b)
    case '*': return a.times(b)
    case '/': return a.dividedBy(b)
    default: return a.remainder(b)
  }
}

/** Powers with a whole exponent of zero or more; others are left out, because their last bit differs between machines. */
function power(left: Bound, right: Bound, type: PgType, at: number | undefined): Bound {
  if (type === 'numeric') throw new UnsupportedError('powers of numeric are not modelled', ['multiplication', 'powers of integers'])
  return strict('float8', [coerce(left, 'float8'), coerce(right, 'float8')], at, (base: number, exponent: number) => {
    if (!Number.isInteger(exponent) || exponent < 0 || exponent > 1000) throw new UnsupportedError('powers with such an exponent are not modelled', ['whole exponents'])
    let product = 1
    for (let i = 0; i < exponent; i++) product *= base
    return product
  })
}

const INSTANTS: readonly PgType[] = ['timestamptz', 'timestamp']

/** Arithmetic of LSNs, instants and spans; undefined if no operand is one. */
function bindTimeArithmetic(op: string, left: Bound, right: Bound, at: number | undefined): Bound | undefined {
  const [l, r] = [left.type, right.type]
  const is = (a: PgType, operator: string, b: PgType): boolean => op === operator && (l === a || (l === 'unknown' && a === r)) && (r === b || r === 'unknown')
  const pair = (a: PgType, b: PgType): readonly [Bound, Bound] => [coerce(left, a), coerce(right, b)]
  if (is('pg_lsn', '-', 'pg_lsn')) return strict('numeric', pair('pg_lsn', 'pg_lsn'), at, (a: number, b: number) => Numeric.of(a - b))
  if (l === 'pg_lsn' && (op === '+' || op === '-') && (isNumber(r) || r === 'unknown')) {
    return strict('pg_lsn', pair('pg_lsn', 'numeric'), at, (a: number, b: Numeric) => (op === '+' ? a + b.toNumber() : a - b.toNumber()))
  }
  for (const instant of INSTANTS) {
    if (is(instant, '-', instant)) return strict('interval', pair(instant, instant), at, (a: number, b: number) => timestampDifference(a, b))
    if (l === instant && r === 'interval' && op === '-') return strict(instant, pair(instant, 'interval'), at, (a: number, b: Interval) => addToTimestamp(a, scaleInterval(b, -1)))
    if (is(instant, '+', 'interval')) return strict(instant, pair(instant, 'interval'), at, (a: number, b: Interval) => addToTimestamp(a, b))
    if (l === 'interval' && r === instant && op === '+') return strict(instant, [right, left], at, (a: number, b: Interval) => addToTimestamp(a, b))
  }
  return bindMixedInstants(op, left, right, at) ?? bindDateArithmetic(op, left, right, at) ?? bindIntervalArithmetic(op, left, right, at)
}

function bindMixedInstants(op: string, left: Bound, right: Bound, at: number | undefined): Bound | undefined {
  const instants: readonly PgType[] = [...INSTANTS, 'date']
  if (op !== '-' || left.type === right.type || !instants.includes(left.type) || !instants.includes(right.type)) return undefined
  return strict('interval', [coerce(left, 'timestamptz'), coerce(right, 'timestamptz')], at, (a: number, b: number) => timestampDifference(a, b))
}

function bindDateArithmetic(op: string, left: Bound, right: Bound, at: number | undefined): Bound | undefined {
  if (left.type !== 'date' || (op !== '+' && op !== '-')) return undefined
  if (op === '-' && (right.type === 'date' || right.type === 'unknown')) return strict('int4', [left, coerce(right, 'date')], at, (a: number, b: number) => a - b)
  if (isInteger(right.type)) return strict('date', [left, right], at, (a: number, b: number) => (op === '+' ? a + b : a - b))
  if (right.type !== 'interval') return undefined
  return strict('timestamp', [left, right], at, (a: number, b: Interval) => addToTimestamp(a * DAY_US, op === '+' ? b : scaleInterval(b, -1)))
}

function bindIntervalArithmetic(op: string, left: Bound, right: Bound, at: number | undefined): Bound | undefined {
  const [l, r] = [left.type, right.type]
  const spans = (l === 'interval' || l === 'unknown') && (r === 'interval' || r === 'unknown')
  if (spans && (op === '+' || op === '-')) {
    return strict('interval', [coerce(left, 'interval'), coerce(right, 'interval')], at, (a: Interval, b: Interval) => addIntervals(a, op === '+' ? b : scaleInterval(b, -1)))
  }
  if (op === '*' && r === 'interval' && (isNumber(l) || l === 'unknown')) return bindIntervalArithmetic(op, right, left, at)
  if (l !== 'interval' || (op !== '*' && op !== '/') || !(isNumber(r) || r === 'unknown')) return undefined
  return strict('interval', [left, coerce(right, 'float8')], at, (a: Interval, b: number) => {
    if (op === '/' && b === 0) throw divisionByZero()
    return scaleInterval(a, op === '*' ? b : 1 / b)
  })
}

function bindConcatenation(left: Bound, right: Bound, at: number | undefined): Bound {
  const [l, r] = [left.type, right.type]
  if (isArray(l) && l === r) return strict(l, [left, right], at, (a: readonly Value[], b: readonly Value[]) => [...a, ...b])
  if (isArray(l) || isArray(r)) throw new UnsupportedError('joining an array and an element is not modelled', ['array || array', 'text || anything'])
  if (!isText(l) && !isText(r)) throw noSuchOperator('||', left, right, at)
  return strict('text', [textOf(left), textOf(right)], at, (a: string, b: string) => a + b)
}

const textOf = (bound: Bound): Bound => coerce(bound, 'text')

const patterns = new Map<string, RegExp>()

function patternOf(source: string, like: boolean, fold: boolean): RegExp {
  const key = `${like}${fold}${source}`
  let pattern = patterns.get(key)
  if (pattern === undefined) {
    pattern = new RegExp(like ? likeSource(source) : source.replace(/\[\[:(\w+):\]\]/g, posixClass), fold ? 'is' : 's')
    patterns.set(key, pattern)
  }
  return pattern
}

function posixClass(whole: string, name: string): string {
  const classes: Readonly<Record<string, string>> = { digit: '[0-9]', alpha: '[A-Za-z]', alnum: '[A-Za-z0-9]', space: '\\s', upper: '[A-Z]', lower: '[a-z]' }
  return classes[name] ?? whole
}

/** A LIKE pattern as a regular expression: `%` any text, `_` one character, `\` quotes the next. */
function likeSource(like: string): string {
  let source = '^'
  for (let i = 0; i < like.length; i++) {
    let character = like[i] as string
    if (character === '%') source += '.*'
    else if (character === '_') source += '.'
    else {
      if (character === '\\' && i + 1 < like.length) character = like[++i] as string
      source += character.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    }
  }
  return `${source}$`
}

function bindMatch(op: string, left: Bound, right: Bound, at: number | undefined): Bound {
  if (!isText(left.type) || !isText(right.type)) throw noSuchOperator(op, left, right, at)
  const { like, not, fold } = MATCHES[op] as { like: boolean; not: boolean; fold: boolean }
  return strict('bool', [textOf(left), textOf(right)], at, (text: string, source: string) => {
    try {
      return patternOf(source, like, fold).test(text) !== not
    } catch {
      throw new SqlError('invalid regular expression', { state: '2201B' })
    }
  })
}

/** Compiles a prefix operator: `-x`, `+x`. */
export function bindPrefix(op: string, operand: Bound, at: number | undefined): Bound {
  const { type } = operand
  if (op === '+' && isNumber(type)) return operand
  if (op !== '-') throw new UnsupportedError(`the prefix operator ${op} is not modelled`, ['-', '+', 'NOT'])
  if (type === 'numeric') return fold(strict(type, [operand], at, (a: Numeric) => a.negated()), operand)
  if (type === 'interval') return fold(strict(type, [operand], at, (a: Interval) => scaleInterval(a, -1)), operand)
  if (isNumber(type)) return fold(strict(type, [operand], at, (a: number) => (isFloat(type) ? -a : checkInteger(-a, type))), operand)
  throw noSuchOperator(op, undefined, operand, at)
}

/** A prefix operator on a constant is a constant. */
function fold(bound: Bound, operand: Bound): Bound {
  if (operand.constant !== true) return bound
  const value = bound.get(undefined as never)
  return { ...bound, get: () => value, constant: true }
}

/** AND and OR over three truth values. */
export function bindLogic(and: boolean, operands: readonly Bound[], at: number | undefined): Bound {
  return {
    type: 'bool',
    at,
    get: run => {
      let unknown = false
      for (const operand of operands) {
        const value = operand.get(run)
        if (value === null) unknown = true
        else if (value !== and) return !and
      }
      return unknown ? null : and
    },
  }
}
