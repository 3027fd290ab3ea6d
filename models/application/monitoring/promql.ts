/**
 * The part of PromQL that error ratios and alerts are written in: selectors, `rate`/`increase` over a range, sum/avg/min/max/count with `by`, `absent`, arithmetic and
 * comparisons. Everything else is an error that names it. Source: prometheus.io querying/basics, operators, functions; promql/functions.go extrapolatedRate.
 */
import { parseDurationUs, SECOND, type Us } from '../../../src/kernel/index.ts'
import type { Labels, Point, Samples } from './series.ts'

export interface Sample {
  readonly labels: Labels
  readonly value: number
}
export type Value = number | readonly Sample[]
type Node = (samples: Samples, atUs: Us) => Value
/** Nothing has been scraped. */
const NOTHING: Samples = { instant: () => [], range: () => [] }

/** What is wrong with a query, in words. */
export class QueryError extends Error {}

const TOKEN = /\s*(=~|!~|!=|==|>=|<=|[-+*/(){}[\],<>=]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\d+(?:ms|[smhdw])|\d+(?:\.\d+)?(?:e[-+]?\d+)?|[a-zA-Z_:][\w:]*)/y
const AGGREGATES: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: v => v.reduce((a, b) => a + b, 0), avg: v => v.reduce((a, b) => a + b, 0) / v.length, min: v => Math.min(...v), max: v => Math.max(...v), count: v => v.length,
}
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = { '>': (a, b) => a > b, '<': (a, b) => a < b, '>=': (a, b) => a >= b, '<=': (a, b) => a <= b, '==': (a, b) => a === b, '!=': (a, b) => a !== b }
const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = { '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b }

/** @throws QueryError where it is none, or more than is modelled */
export function parseQuery(text: string): Node {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (text.slice(TOKEN.lastIndex).trim() !== '') {
    const from = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) throw new QueryError(`parse error: unexpected ${JSON.stringify(text.slice(from).trim().slice(0, 12))}`)
    tokens.push(match[1] as string)
  }
  let at = 0
  const peek = (): string | undefined => tokens[at]
  const next = (): string => tokens[at++] ?? ''
  const expect = (what: string): void => {
    if (next() !== what) throw new QueryError(`parse error: expected "${what}" in ${JSON.stringify(text)}`)
  }
  const binary = (operators: Readonly<Record<string, unknown>>, below: () => Node, join: (op: string, a: Node, b: Node) => Node) => (): Node => {
    let left = below()
    while (peek() !== undefined && peek() as string in operators) left = join(next(), left, below())
    return left
  }
  const primary = (): Node => {
    const token = next()
    if (token === '(') {
      const inner = expression()
      expect(')')
      return inner
    }
    if (token === '-') {
      const inner = primary()
      return (s, t) => map(inner(s, t), v => -v)
    }
    if (/^\d/.test(token)) return () => Number(token)
    if (token in AGGREGATES) return aggregate(token)
    if (token === 'rate' || token === 'increase') {
      expect('(')
      const { metric, matches } = selector(next())
      expect('[')
      const window = parseDurationUs(next())
      if (window === undefined) throw new QueryError('parse error: a range is a duration, for example [5m]')
      expect(']')
      expect(')')
      return (s, t) => s.range(metric, t - window, t).filter(({ labels }) => matches(labels)).flatMap(({ labels, points }) => extrapolated(points, t - window, t, token).map(value => ({ labels: nameless(labels), value })))
    }
    if (token === 'absent') {
      expect('(')
      const inner = expression()
      expect(')')
      return (s, t) => (vector(inner(s, t)).length === 0 ? [{ labels: {}, value: 1 }] : [])
    }
    if (!/^[a-zA-Z_:]/.test(token)) throw new QueryError(`parse error: unexpected ${JSON.stringify(token)} in ${JSON.stringify(text)}`)
    if (peek() === '(') throw new QueryError(`the function ${token}() is not modelled; there are: rate, increase, absent, ${Object.keys(AGGREGATES).join(', ')}`)
    const { metric, matches } = selector(token)
    return (s, t) => s.instant(metric, t).filter(({ labels }) => matches(labels))
  }
  const selector = (metric: string): { readonly metric: string; matches(labels: Labels): boolean } => {
    // A metric that nobody exports is no error: it has no series.
    if (!/^[a-zA-Z_:][\w:]*$/.test(metric)) throw new QueryError(`parse error: ${JSON.stringify(metric)} is no metric`)
    const tests: ((labels: Labels) => boolean)[] = []
    if (peek() === '{') {
      next()
      while (peek() !== '}') {
        const label = next()
        const op = next()
        const quoted = next()
        if (!/^["']/.test(quoted)) throw new QueryError(`parse error: expected a string after ${label}${op} in ${JSON.stringify(text)}`)
        const value = quoted.slice(1, -1)
        const whole = op.includes('~') ? pattern(value) : /^$/
        if (op === '=') tests.push(l => (l[label] ?? '') === value)
        else if (op === '!=') tests.push(l => (l[label] ?? '') !== value)
        else if (op === '=~') tests.push(l => whole.test(l[label] ?? ''))
        else if (op === '!~') tests.push(l => !whole.test(l[label] ?? ''))
        else throw new QueryError(`parse error: ${JSON.stringify(op)} is no label match`)
        if (peek() === ',') next()
      }
      next()
    }
    return { metric, matches: labels => tests.every(test => test(labels)) }
  }
  const aggregate = (name: string): Node => {
    const grouping = (): readonly string[] => {
      const labels: string[] = []
      next()
      expect('(')
      while (peek() !== ')') {
        if (peek() === undefined) throw new QueryError(`parse error: expected ")" in ${JSON.stringify(text)}`)
        labels.push(next())
        if (peek() === ',') next()
      }
      next()
      return labels
    }
    let by: readonly string[] = peek() === 'by' ? grouping() : []
    expect('(')
    const inner = expression()
    expect(')')
    if (peek() === 'by') by = grouping()
    return (s, t) => {
      const groups = new Map<string, { readonly labels: Labels; readonly values: number[] }>()
      for (const { labels, value } of vector(inner(s, t))) {
        const kept = Object.fromEntries(by.filter(l => labels[l] !== undefined).map(l => [l, labels[l] as string]))
        const key = JSON.stringify(kept)
        const group = groups.get(key)
        if (group === undefined) groups.set(key, { labels: kept, values: [value] })
        else group.values.push(value)
      }
      return [...groups.values()].map(({ labels, values }) => ({ labels, value: (AGGREGATES[name] as (v: readonly number[]) => number)(values) }))
    }
  }
  const product = binary({ '*': 0, '/': 0 }, primary, arithmetic)
  const sum = binary({ '+': 0, '-': 0 }, product, arithmetic)
  const expression: () => Node = binary(COMPARISONS, sum, compare)
  const whole = expression()
  if (at < tokens.length) throw new QueryError(`parse error: unexpected ${JSON.stringify(peek())} in ${JSON.stringify(text)}`)
  // Whether a value is a scalar or a vector depends on the query alone: what does not fit shows on nothing, too.
  whole(NOTHING, 0)
  return whole
}

/** A regular expression of a label match: the whole value. */
function pattern(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`)
  } catch {
    throw new QueryError(`parse error: ${JSON.stringify(text)} is no regular expression`)
  }
}

function vector(value: Value): readonly Sample[] {
  if (typeof value === 'number') throw new QueryError('expected an instant vector, got a scalar')
  return value
}

function map(value: Value, by: (v: number) => number): Value {
  return typeof value === 'number' ? by(value) : value.map(({ labels, value: v }) => ({ labels: nameless(labels), value: by(v) }))
}

/** Labels without the metric's name, which nothing that is reckoned keeps. */
export function nameless(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([label]) => label !== '__name__'))
}

/** Of two vectors those elements meet that have the same labels. */
function* pairs(a: readonly Sample[], b: readonly Sample[]): Generator<readonly [Sample, Sample]> {
  const key = ({ labels }: Sample): string => JSON.stringify(Object.entries(nameless(labels)).sort(([x], [y]) => (x < y ? -1 : 1)))
  const others = new Map(b.map(each => [key(each), each]))
  for (const each of a) {
    const other = others.get(key(each))
    if (other !== undefined) yield [each, other]
  }
}

function arithmetic(op: string, left: Node, right: Node): Node {
  const apply = ARITHMETIC[op] as (a: number, b: number) => number
  return (s, t) => {
    const a = left(s, t)
    const b = right(s, t)
    if (typeof b === 'number') return map(a, v => apply(v, b))
    if (typeof a === 'number') return map(b, v => apply(a, v))
    return [...pairs(a, b)].map(([x, y]) => ({ labels: nameless(x.labels), value: apply(x.value, y.value) }))
  }
}

/** A comparison keeps what it holds for: nothing of NaN. */
function compare(op: string, left: Node, right: Node): Node {
  const holds = COMPARISONS[op] as (a: number, b: number) => boolean
  return (s, t) => {
    const a = left(s, t)
    const b = right(s, t)
    if (typeof a === 'number' && typeof b === 'number') throw new QueryError('parse error: comparisons between scalars must use BOOL modifier')
    if (typeof b === 'number') return (a as readonly Sample[]).filter(({ value }) => holds(value, b))
    if (typeof a === 'number') return b.filter(({ value }) => holds(a, value))
    return [...pairs(a, b)].filter(([x, y]) => holds(x.value, y.value)).map(([x]) => x)
  }
}

/** rate() and increase(): of two samples at least, stretched to the ends of the range where they come near enough; a counter that fell began again at zero, and was never below. */
function extrapolated(points: readonly Point[], fromUs: Us, toUs: Us, what: 'rate' | 'increase'): readonly number[] {
  const first = points[0]
  const last = points.at(-1)
  if (first === undefined || last === undefined || points.length < 2) return []
  let grown = last.value - first.value
  for (const [i, { value }] of points.entries()) if (value < (points[i - 1]?.value ?? 0)) grown += points[i - 1]?.value ?? 0
  const sampledUs = last.atUs - first.atUs
  const meanUs = sampledUs / (points.length - 1)
  const reach = (us: Us): number => (us < meanUs * 1.1 ? us : meanUs / 2)
  const startUs = Math.min(reach(first.atUs - fromUs), grown > 0 ? sampledUs * (first.value / grown) : Number.POSITIVE_INFINITY)
  const wholeUs = sampledUs + startUs + reach(toUs - last.atUs)
  const increase = grown * (wholeUs / sampledUs)
  return [what === 'increase' ? increase : (increase / (toUs - fromUs)) * SECOND]
}
