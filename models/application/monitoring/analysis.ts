/**
 * An analysis run of Argo Rollouts with Prometheus as provider: measurements, each Successful, Failed, Inconclusive or an Error, until one of them has come too often
 * (rules APP-ANALYSIS-…). Source: argo-rollouts docs/features/analysis.md; utils/evaluate/evaluate.go EvaluateResult; analysis/analysis.go assessMetricStatus.
 */
import { type Process, SECOND } from '../../../src/kernel/index.ts'
import type { Prometheus } from './prometheus.ts'

export interface Analysis {
  readonly name: string
  readonly query: string
  readonly intervalSeconds: number
  readonly count: number
  readonly initialDelaySeconds: number
  readonly successCondition: string
  readonly failureCondition: string
  readonly failureLimit: number
  readonly inconclusiveLimit: number
  readonly consecutiveErrorLimit: number
}

export type Phase = 'Successful' | 'Failed' | 'Inconclusive' | 'Error'
export interface Verdict {
  readonly phase: Phase
  readonly why: string
}

/** What could not be measured is tried again then. Source: analysis.go DefaultErrorRetryInterval */
const RETRY_US = 10 * SECOND

const TERM = /^\s*(?:(!?)\s*isNaN\(result\[0\]\)|len\(result\)\s*(==|!=|>=|<=|>|<)\s*(\d+)|result\[0\]\s*(==|!=|>=|<=|>|<)\s*(-?\d+(?:\.\d+)?))\s*$/

/** A condition over `result`, the values of the query. @throws Error with what is modelled */
export function parseCondition(text: string): (result: readonly number[]) => boolean {
  const any = text.split('||').map(part => part.split('&&').map(parseTerm))
  return result => any.some(all => all.every(term => term(result)))
}

function parseTerm(text: string): (result: readonly number[]) => boolean {
  const match = TERM.exec(text)
  if (match === null) throw new Error(`the condition \`${text.trim()}\` is not modelled; right would be, for example, result[0] < 0.01, isNaN(result[0]), len(result) == 0, joined by && or ||`)
  const [, not, length, n, op, value] = match
  if (length !== undefined) return result => compared(length, result.length, Number(n))
  if (op !== undefined) return result => compared(op, first(result), Number(value))
  return result => Number.isNaN(first(result)) !== (not === '!')
}

/** `result[0]` of no result is an error, not a value. */
function first(result: readonly number[]): number {
  const value = result[0]
  if (value === undefined) throw new Error('reflect: slice index out of range')
  return value
}

/** Nothing holds of NaN but that it differs. */
function compared(op: string, a: number, b: number): boolean {
  return op === '==' ? a === b : op === '!=' ? a !== b : op === '>' ? a > b : op === '<' ? a < b : op === '>=' ? a >= b : a <= b
}

/** One measurement. With one condition alone what does not hold is its opposite; with both, what neither holds for is inconclusive. */
export function judge(result: readonly number[], { successCondition, failureCondition }: Pick<Analysis, 'successCondition' | 'failureCondition'>): Phase {
  try {
    const success = successCondition === '' ? undefined : parseCondition(successCondition)(result)
    const failure = failureCondition === '' ? undefined : parseCondition(failureCondition)(result)
    if (failure === true || (failure === undefined && success === false)) return 'Failed'
    return success === false ? 'Inconclusive' : 'Successful'
  } catch {
    return 'Error'
  }
}

/** Measures until the verdict stands. */
export function* analyse(prometheus: Prometheus | undefined, spec: Analysis): Process<Verdict> {
  if (spec.initialDelaySeconds > 0) yield spec.initialDelaySeconds * SECOND
  let failed = 0
  let inconclusive = 0
  let errors = 0
  for (let measured = 0; ; ) {
    const phase = measure(prometheus, spec)
    if (phase === 'Error') {
      errors += 1
      if (errors > spec.consecutiveErrorLimit) return { phase, why: `Metric "${spec.name}" assessed Error due to consecutiveErrors (${errors}) > consecutiveErrorLimit (${spec.consecutiveErrorLimit})` }
      yield RETRY_US
      continue
    }
    errors = 0
    measured += 1
    if (phase === 'Failed' && ++failed > spec.failureLimit) return { phase, why: `Metric "${spec.name}" assessed Failed due to failed (${failed}) > failureLimit (${spec.failureLimit})` }
    if (phase === 'Inconclusive' && ++inconclusive > spec.inconclusiveLimit) return { phase, why: `Metric "${spec.name}" assessed Inconclusive due to inconclusive (${inconclusive}) > inconclusiveLimit (${spec.inconclusiveLimit})` }
    if (measured >= spec.count) return { phase: 'Successful', why: '' }
    yield spec.intervalSeconds * SECOND
  }
}

function measure(prometheus: Prometheus | undefined, spec: Analysis): Phase {
  if (prometheus === undefined) return 'Error'
  const value = prometheus.evaluated(spec.query)
  if (value === undefined) return 'Error'
  return judge(typeof value === 'number' ? [value] : value.map(each => each.value), spec)
}
