/**
 * The part of PromQL that error ratios, lags and alerts are written in. Prometheus' own grammar reads it (@prometheus-io/lezer-promql); what it means is here, and whatever is
 * not here is an error that names it. Source: prometheus.io querying/basics, operators, functions; promql/functions.go extrapolatedRate, promql/engine.go VectorBinop.
 */
import { parser } from '@prometheus-io/lezer-promql'
import { parseDurationUs, SECOND, type Us } from '../../../src/kernel/index.ts'
import type { Labels, Point, Samples } from './series.ts'

export interface Sample {
  readonly labels: Labels
  readonly value: number
}
export type Value = number | readonly Sample[]
type Evaluate = (samples: Samples, atUs: Us) => Value
type SyntaxNode = ReturnType<typeof parser.parse>['topNode']
/** Nothing has been scraped. */
const NOTHING: Samples = { instant: () => [], range: () => [] }

/** What is wrong with a query, in words. */
export class QueryError extends Error {}

/** The least or the greatest of what is a number; NaN where nothing is. */
const extreme = (of: (...values: readonly number[]) => number) => (values: readonly number[]): number => {
  const numbers = values.filter(value => !Number.isNaN(value))
  return numbers.length === 0 ? Number.NaN : of(...numbers)
}
const AGGREGATES: Readonly<Record<string, (values: readonly number[]) => number>> = {
  sum: v => v.reduce((a, b) => a + b, 0), avg: v => v.reduce((a, b) => a + b, 0) / v.length, min: extreme(Math.min), max: extreme(Math.max), count: v => v.length,
}
/** Over the samples of one series in a range. */
const OVER_TIME: Readonly<Record<string, (points: readonly Point[]) => number>> = Object.fromEntries(Object.entries(AGGREGATES).map(([name, of]) => [`${name}_over_time`, (points: readonly Point[]) => of(points.map(({ value }) => value))]))
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = { '>': (a, b) => a > b, '<': (a, b) => a < b, '>=': (a, b) => a >= b, '<=': (a, b) => a <= b, '==': (a, b) => a === b, '!=': (a, b) => a !== b }
const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = { '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b, '%': (a, b) => a % b }
const SETS = ['and', 'or', 'unless']
const FUNCTIONS = ['rate', 'increase', 'absent', 'vector', ...Object.keys(OVER_TIME), ...Object.keys(AGGREGATES)]

/** @returns what the query yields at an instant @throws QueryError where it is none, or more than is modelled */
export function parseQuery(text: string): Evaluate {
  const tree = parser.parse(text)
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError) throw new QueryError(`parse error: unexpected ${JSON.stringify(text.slice(from).trim().slice(0, 12) || 'end of input')} in ${JSON.stringify(text)}`)
    },
  })
  const whole = new Reader(text).expression(children(tree.topNode)[0] ?? null)
  // Whether a value is a scalar or a vector depends on the query alone: what does not fit shows on nothing, too.
  whole(NOTHING, 0)
  return whole
}

class Reader {
  constructor(private readonly text: string) {}

  expression(node: SyntaxNode | null): Evaluate {
    switch (node?.name) {
      case 'ParenExpr':
        return this.expression(node.firstChild)
      case 'NumberDurationLiteral':
        return this.number(node)
      case 'UnaryExpr': {
        const inner = this.expression(node.lastChild)
        return this.said(node.firstChild) === '-' ? (s, t) => map(inner(s, t), v => -v) : inner
      }
      case 'BinaryExpr':
        return this.binary(node)
      case 'AggregateExpr':
        return this.aggregate(node)
      case 'FunctionCall':
        return this.call(node)
      case 'OffsetExpr': {
        if (node.firstChild?.name !== 'VectorSelector') throw new QueryError(`parse error: an offset follows a selector or its range, for example sum(up offset 5m), in ${JSON.stringify(this.text)}`)
        const inner = this.expression(node.firstChild)
        const byUs = this.offsetUs(node)
        return (s, t) => inner(s, t - byUs)
      }
      case 'VectorSelector': {
        const { metric, matches } = this.selector(node)
        return (s, t) => s.instant(metric, t).filter(({ labels }) => matches(labels))
      }
      case 'MatrixSelector':
        throw new QueryError(`${JSON.stringify(this.said(node))} is a range: expected an instant vector in ${JSON.stringify(this.text)}`)
      default:
        throw new QueryError(`${JSON.stringify(this.said(node))} is not modelled; there are: selectors, ranges, offset, by, without, on, ignoring, bool, and, or, unless, arithmetic and comparisons`)
    }
  }

  private said(node: SyntaxNode | null): string {
    return node === null ? '' : this.text.slice(node.from, node.to)
  }

  private number(node: SyntaxNode): Evaluate {
    const said = this.said(node)
    const value = /^inf$/i.test(said) ? Number.POSITIVE_INFINITY : Number(said)
    if (Number.isNaN(value) && !/^nan$/i.test(said)) throw new QueryError(`${JSON.stringify(said)} is not modelled as a number`)
    return () => value
  }

  private durationUs(node: SyntaxNode | null): Us {
    const us = parseDurationUs(this.said(node))
    if (us === undefined) throw new QueryError('parse error: a range is a duration, for example [5m]')
    return us
  }

  private offsetUs(node: SyntaxNode): Us {
    const last = node.lastChild
    if (last?.firstChild?.name !== 'NumberDurationLiteralInDurationContext') throw new QueryError(`${JSON.stringify(this.said(node))}: an offset is a duration that is not negative, for example offset 5m`)
    return this.durationUs(last.firstChild)
  }

  private selector(node: SyntaxNode): { readonly metric: string; matches(labels: Labels): boolean } {
    const identifier = node.getChild('Identifier')
    if (identifier === null) throw new QueryError(`${JSON.stringify(this.said(node))}: a selector without a metric is not modelled`)
    const tests = (node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []).map((matcher): ((labels: Labels) => boolean) => {
      const label = this.said(matcher.getChild('LabelName'))
      const op = this.said(matcher.getChild('MatchOp'))
      const value = unquoted(this.said(matcher.getChild('StringLiteral')))
      if (op === '=') return l => (l[label] ?? '') === value
      if (op === '!=') return l => (l[label] ?? '') !== value
      const whole = pattern(value)
      return op === '=~' ? l => whole.test(l[label] ?? '') : l => !whole.test(l[label] ?? '')
    })
    if ((node.getChild('LabelMatchers')?.getChild('QuotedLabelMatcher') ?? null) !== null) throw new QueryError(`${JSON.stringify(this.said(node))}: quoted label names are not modelled`)
    // A metric that nobody exports is no error: it has no series.
    return { metric: this.said(identifier), matches: labels => tests.every(test => test(labels)) }
  }

  private call(node: SyntaxNode): Evaluate {
    const name = this.said(node.getChild('FunctionIdentifier'))
    const args = children(node.getChild('FunctionCallBody'))
    const unknown = (): QueryError => new QueryError(`the function ${name}() is not modelled; there are: ${FUNCTIONS.join(', ')}`)
    if (!FUNCTIONS.includes(name)) throw unknown()
    if (args.length !== 1) throw new QueryError(`parse error: ${name}() takes one argument in ${JSON.stringify(this.text)}`)
    const arg = args[0] as SyntaxNode
    if (name === 'vector') {
      const inner = this.expression(arg)
      return (s, t) => [{ labels: {}, value: scalar(inner(s, t)) }]
    }
    if (name === 'absent') {
      const inner = this.expression(arg)
      return (s, t) => (vector(inner(s, t)).length === 0 ? [{ labels: {}, value: 1 }] : [])
    }
    return this.overRange(name, arg)
  }

  private overRange(name: string, arg: SyntaxNode): Evaluate {
    const matrix = arg.name === 'OffsetExpr' ? arg.firstChild : arg
    if (matrix?.name !== 'MatrixSelector') throw new QueryError(`parse error: ${name}() takes a range, for example ${name}(up[5m]) in ${JSON.stringify(this.text)}`)
    const byUs = arg.name === 'OffsetExpr' ? this.offsetUs(arg) : 0
    const { metric, matches } = this.selector(matrix.getChild('VectorSelector') as SyntaxNode)
    const windowUs = this.durationUs(matrix.getChild('DurationExpr'))
    const over = OVER_TIME[name]
    return (s, t) => {
      const toUs = t - byUs
      return s.range(metric, toUs - windowUs, toUs).filter(({ labels }) => matches(labels)).flatMap(({ labels, points }) => {
        const values = over === undefined ? extrapolated(points, toUs - windowUs, toUs, name === 'increase') : [over(points)]
        return values.map(value => ({ labels: nameless(labels), value }))
      })
    }
  }

  private labels(node: SyntaxNode | null): readonly string[] {
    const listed = node?.getChild('GroupingLabels') ?? null
    if ((listed?.getChildren('QuotedLabelName') ?? []).length > 0) throw new QueryError(`${JSON.stringify(this.said(listed))}: quoted label names are not modelled`)
    return (listed?.getChildren('LabelName') ?? []).map(each => this.said(each))
  }

  private aggregate(node: SyntaxNode): Evaluate {
    const name = this.said(node.getChild('AggregateOp'))
    const of = AGGREGATES[name]
    const args = children(node.getChild('FunctionCallBody'))
    if (of === undefined) throw new QueryError(`the function ${name}() is not modelled; there are: ${FUNCTIONS.join(', ')}`)
    if (args.length !== 1) throw new QueryError(`parse error: ${name}() takes one argument in ${JSON.stringify(this.text)}`)
    const inner = this.expression(args[0] as SyntaxNode)
    const modifier = node.getChild('AggregateModifier')
    const names = this.labels(modifier)
    const keep: Keep = (modifier?.getChild('Without') ?? null) === null ? only(names) : without(['__name__', ...names])
    return (s, t) => {
      const groups = new Map<string, { readonly labels: Labels; readonly values: number[] }>()
      for (const { labels, value } of vector(inner(s, t))) {
        const own = keep(labels)
        const key = keyOf(own)
        const group = groups.get(key)
        if (group === undefined) groups.set(key, { labels: own, values: [value] })
        else group.values.push(value)
      }
      return [...groups.values()].map(({ labels, values }) => ({ labels, value: of(values) }))
    }
  }

  private binary(node: SyntaxNode): Evaluate {
    const parts = children(node)
    const left = this.expression(parts[0] as SyntaxNode)
    const right = this.expression(parts.at(-1) as SyntaxNode)
    const op = this.said(parts[1] as SyntaxNode)
    const clause = node.getChild('MatchingModifierClause')
    if (clause !== null && (clause.getChild('GroupLeft') ?? clause.getChild('GroupRight')) !== null) throw new QueryError('group_left and group_right are not modelled')
    const names = this.labels(clause)
    const ignoring = (clause?.getChild('On') ?? null) === null
    const matching: Matching = { said: clause !== null, keep: ignoring ? without(['__name__', ...names]) : only(names), whole: ignoring ? without(names) : only(names) }
    const bool = node.getChild('BoolModifier') !== null
    if (bool && !(op in COMPARISONS)) throw new QueryError(`parse error: bool modifier can only be used on comparison operators, not on ${op}`)
    if (SETS.includes(op)) return joined(op, left, right, matching)
    if (op in COMPARISONS) return compare(op, left, right, matching, bool)
    if (op in ARITHMETIC) return arithmetic(op, left, right, matching)
    throw new QueryError(`the operator ${op} is not modelled; there are: ${[...Object.keys(ARITHMETIC), ...Object.keys(COMPARISONS), ...SETS].join(' ')}`)
  }
}

function children(node: SyntaxNode | null): readonly SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) if (child.name !== 'LineComment') found.push(child)
  return found
}

const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\', '"': '"', "'": "'", n: '\n', r: '\r', t: '\t' }

/** What a string literal says: a backslash stands for itself between backquotes only. */
function unquoted(literal: string): string {
  const inner = literal.slice(1, -1)
  if (literal.startsWith('`')) return inner
  return inner.replace(/\\(.)/gs, (whole, letter: string) => {
    const said = ESCAPED[letter]
    if (said === undefined) throw new QueryError(`parse error: unknown escape sequence ${whole} in ${literal}: a backslash is written \\\\, or the text between backquotes`)
    return said
  })
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

function scalar(value: Value): number {
  if (typeof value !== 'number') throw new QueryError('expected a scalar, got an instant vector')
  return value
}

function map(value: Value, by: (v: number) => number): Value {
  return typeof value === 'number' ? by(value) : value.map(({ labels, value: v }) => ({ labels: nameless(labels), value: by(v) }))
}

type Keep = (labels: Labels) => Labels

const only = (names: readonly string[]): Keep => labels => Object.fromEntries(Object.entries(labels).filter(([label]) => names.includes(label)))
const without = (names: readonly string[]): Keep => labels => Object.fromEntries(Object.entries(labels).filter(([label]) => !names.includes(label)))

/** Labels without the metric's name, which nothing that is reckoned keeps. */
export const nameless: Keep = without(['__name__'])

/** How the elements of two vectors meet. */
interface Matching {
  /** With `on` or `ignoring`. */
  readonly said: boolean
  /** The labels in which two that meet agree: those that what is reckoned of them has. */
  readonly keep: Keep
  /** Those of an element that a comparison keeps. */
  readonly whole: Keep
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([x], [y]) => (x < y ? -1 : 1)))
}

/** Of two vectors those elements meet that agree in the labels that `keep` leaves; two of one side that do are an error, on the left where both `count`. */
function* pairs(a: readonly Sample[], b: readonly Sample[], keep: Keep, counts = (_x: number, _y: number): boolean => true): Generator<readonly [Sample, Sample]> {
  // With nothing on one side nobody looks at the other.
  if (a.length === 0) return
  const others = new Map<string, Sample>()
  for (const each of b) {
    const key = keyOf(keep(each.labels))
    if (others.has(key)) throw new QueryError('found duplicate series for the match group on the right hand-side of the operation; many-to-many matching not allowed: matching labels must be unique on one side')
    others.set(key, each)
  }
  const met = new Set<string>()
  for (const each of a) {
    const key = keyOf(keep(each.labels))
    const other = others.get(key)
    if (other === undefined || !counts(each.value, other.value)) continue
    if (met.has(key)) throw new QueryError('multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)')
    met.add(key)
    yield [each, other]
  }
}

function ofVectors({ said }: Matching, a: Value, b: Value): void {
  if (said && (typeof a === 'number' || typeof b === 'number')) throw new QueryError('parse error: vector matching only allowed between instant vectors')
}

function arithmetic(op: string, left: Evaluate, right: Evaluate, matching: Matching): Evaluate {
  const apply = ARITHMETIC[op] as (a: number, b: number) => number
  return (s, t) => {
    const a = left(s, t)
    const b = right(s, t)
    ofVectors(matching, a, b)
    if (typeof b === 'number') return map(a, v => apply(v, b))
    if (typeof a === 'number') return map(b, v => apply(a, v))
    return [...pairs(a, b, matching.keep)].map(([x, y]) => ({ labels: matching.keep(x.labels), value: apply(x.value, y.value) }))
  }
}

/** A comparison keeps what it holds for, nothing of NaN; with `bool` it says 1 or 0 of each. */
function compare(op: string, left: Evaluate, right: Evaluate, matching: Matching, bool: boolean): Evaluate {
  const holds = COMPARISONS[op] as (a: number, b: number) => boolean
  const told = (elements: readonly Sample[], test: (value: number) => boolean): readonly Sample[] => (bool ? elements.map(({ labels, value }) => ({ labels: nameless(labels), value: Number(test(value)) })) : elements.filter(({ value }) => test(value)))
  return (s, t) => {
    const a = left(s, t)
    const b = right(s, t)
    ofVectors(matching, a, b)
    if (typeof a === 'number' && typeof b === 'number') {
      if (!bool) throw new QueryError('parse error: comparisons between scalars must use BOOL modifier')
      return Number(holds(a, b))
    }
    if (typeof b === 'number') return told(a as readonly Sample[], value => holds(value, b))
    if (typeof a === 'number') return told(b, value => holds(a, value))
    if (bool) return [...pairs(a, b, matching.keep)].map(([x, y]) => ({ labels: matching.keep(x.labels), value: Number(holds(x.value, y.value)) }))
    return [...pairs(a, b, matching.keep, holds)].map(([x]) => ({ labels: matching.whole(x.labels), value: x.value }))
  }
}

/** `and`, `or`, `unless`: elements whole, by whether the other side has one of the same labels. */
function joined(op: string, left: Evaluate, right: Evaluate, { keep }: Matching): Evaluate {
  return (s, t) => {
    const a = vector(left(s, t))
    const b = vector(right(s, t))
    const keys = (of: readonly Sample[]): ReadonlySet<string> => new Set(of.map(({ labels }) => keyOf(keep(labels))))
    if (op === 'or') {
      const there = keys(a)
      return [...a, ...b.filter(({ labels }) => !there.has(keyOf(keep(labels))))]
    }
    const there = keys(b)
    return a.filter(({ labels }) => there.has(keyOf(keep(labels))) === (op === 'and'))
  }
}

/** rate() and increase(): of two samples at least, stretched to the ends of the range where they come near enough; a counter that fell began again at zero, and was never below. */
function extrapolated(points: readonly Point[], fromUs: Us, toUs: Us, whole: boolean): readonly number[] {
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
  return [whole ? increase : (increase / (toUs - fromUs)) * SECOND]
}
