/** Evidence and clauses of the checks as a reader is told them: what they call by id has its name, and what is said already is not said again. */
import { CHECKS } from '../result.ts'
import { CAUSE_IDS, causeWords } from './causes.ts'
import { formatMeasure, isMeasure, measureName, violationWords } from './words.ts'

/** Ids of checks, causes and measures in a check's words, by their names. Texts of users and models stay as they are. */
export function evidenceWords(check: string, evidence: string): string {
  if (check === 'objectives-met') return measuresNamed(evidence)
  if (check === 'no-false-success') return causesNamed(evidence.replace('although: ', 'although it ').replace(/(although it |; )([a-z-]+) \(/g, (all, before: string, id: string) => ((CHECKS as readonly string[]).includes(id) ? `${before}${violationWords(id).replace(/^completed with/, 'had')} (` : all)))
  return check === 'no-acknowledged-write-lost' ? causesNamed(evidence) : evidence
}

/** A clause likewise. */
export function clauseWords(text: string): string {
  return text.replace(/ struck member:/, ' struck ').replace(/^(\w+) came to ([\d.e+]+)/, (all, id: string, value: string) => (isMeasure(id) ? `${measureName(id)} came to ${formatMeasure(id, Number(value))}` : all)).replace(/ became so \(([a-z-]+)\)$/, (all, cause: string) => (causeWords(cause) === '' ? all : ` became so: ${causeWords(cause)}`))
}

/** `writeDowntimeSeconds 158.7 (p99 ≤ 30)` is `write downtime 2m 39s (wanted: p99 at most 30.0 s)`. */
function measuresNamed(evidence: string): string {
  return evidence.replace(/(\w+) ([\d.e+-]+) \((\w+) ([^)]*)\)/g, (all, id: string, value: string, at: string, bounds: string) => {
    if (!isMeasure(id)) return all
    const wanted = bounds.replace(/([≤≥]) ([\d.e+-]+)/g, (_, sign: string, bound: string) => `${sign === '≤' ? 'at most' : 'at least'} ${formatMeasure(id, Number(bound))}`)
    return `${measureName(id)} ${formatMeasure(id, Number(value))} (wanted: ${at} ${wanted})`
  })
}

/** `(behind-candidate 4, unreplicated-tail 6)` by what they mean. */
function causesNamed(evidence: string): string {
  return evidence.replace(/ \(((?:[a-z-]+ [\d,]+(?:, )?){2,})\)/, (all, list: string) => {
    const parts = list.split(/, (?=[a-z])/).map((part) => /^([a-z-]+) ([\d,]+)$/.exec(part) ?? [])
    return parts.every(([, id = '']) => CAUSE_IDS.includes(id)) ? ` (${parts.map(([, id = '', n]) => `${n} because ${causeWords(id)}`).join('; ')})` : all
  })
}

/** Share of a clause's words that the evidence must have, for the clause to say nothing new. */
const SAME_SHARE = 0.75

/** Whether a clause only says again what the evidence says; when is told beside it anyway. */
export function repeats(evidence: string, clause: string): boolean {
  const wordsOf = (text: string): string[] => text.toLowerCase().replace(/\b(?:\d+:)+\d+(?:\.\d+)?\b|\b(?:from|until|the|end|at|a)\b/g, ' ').split(/[^\p{L}\p{N}.-]+/u).map((word) => word.replace(/\.$|s$/, '')).filter((word) => word !== '')
  const known = new Set(wordsOf(evidence))
  const words = wordsOf(clause)
  return words.length > 0 && words.filter((word) => known.has(word)).length >= SAME_SHARE * words.length
}

/** The chain without its first clause where that repeats the evidence and more follow. */
export function newClauses<C extends { readonly text: string }>(evidence: string, because: readonly C[]): { readonly effect: C | undefined; readonly rest: readonly C[] } {
  const [first, ...rest] = because
  return first !== undefined && rest.length > 0 && repeats(evidence, first.text) ? { effect: first, rest } : { effect: undefined, rest: because }
}
