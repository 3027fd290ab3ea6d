/**
 * no-divergent-rows: violated when, of rows that are written to two databases, some are not what the acknowledged writes call for, or differ although
 * both databases are kept. Judged on a sample of keys; the numbers are extrapolated, and the interval says how far.
 *
 * | cause | most of the rows … |
 * |---|---|
 * | interleaved | got two writes in another order than the other database |
 * | not-written-there | were written by programs that did not write to the database concerned |
 * | failed-statement | were written there by a statement that failed or was not answered |
 * | no-row-yet | were changed there before they had been copied: the statement matched nothing |
 * | stale-overwrite | were overwritten by an older image: a backfill, or a redelivered change |
 * | resurrected-delete | were deleted, and brought back |
 * | out-of-order | were overwritten by an older change that a relay carried later |
 * | redelivered | were overwritten by a change that came a second time |
 * | never-copied | were there before the story and were never copied |
 * | destroyed-volume | were on volumes that are gone |
 */
import type { DivergentRow } from '../engine.ts'
import { estimateRows } from '../measures/index.ts'
import { Chain, fail, notApplicable, notExercised, pass, plural } from './chain.ts'
import type { Check, Facts } from './facts.ts'

const ID = 'no-divergent-rows'

export const noDivergentRows: Check = {
  id: ID,
  judge(facts) {
    const { rows } = facts.recording
    if (rows === undefined) return notApplicable(ID, 'no row is written to two databases')
    const { divergent, low, high, sampled, found } = estimateRows(rows)
    if (sampled === 0) return notExercised(ID, 'no key was sampled')
    if (found === 0) return pass(ID, `none of ${plural(sampled, 'sampled key')} differs: fewer than ${plural(high, 'row')} of all, with 95 % confidence`)
    const kinds = count(rows.divergent, ({ kind }) => kind)
    const evidence = `${found} of ${plural(sampled, 'sampled key')} differ (${listed(kinds)}): about ${plural(divergent, 'row')} of all (95 %: ${plural(low, 'row').replace(/ rows?$/, '')} to ${plural(high, 'row').replace(/ rows?$/, '')})`
    const cause = mostOf(rows.divergent)
    return fail(ID, evidence, cause, explainRows(facts, rows.divergent.filter(row => row.cause === cause)))
  },
}

/** The cause that most of the rows have; of equally many the first in the alphabet. */
export function mostOf(rows: readonly DivergentRow[]): string {
  const causes = [...count(rows, ({ cause }) => cause)].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  return causes[0]?.[0] ?? 'unknown'
}

/** Effect first: what is wrong with a few of the rows, and when the first of them became so. */
export function explainRows(facts: Facts, rows: readonly DivergentRow[]): Chain {
  const chain = new Chain(facts)
  const byTime = [...rows].sort((a, b) => a.atUs - b.atUs)
  const [first] = byTime
  if (first === undefined) return chain
  chain.add(facts.recording.horizon.endUs, `at the end ${plural(rows.length, 'sampled key')} ${rows.length === 1 ? 'is' : 'are'} not what was acknowledged, such as ${first.key}: ${first.text}`, { node: first.where })
  const members = new Set(rows.map(({ where }) => where))
  chain.add(first.atUs, `${first.key} became so (${first.cause})`, { node: first.where, inStep: true })
  return chain.faultsOn([...members], first.atUs)
}

function count(rows: readonly DivergentRow[], of: (row: DivergentRow) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const row of rows) counts.set(of(row), (counts.get(of(row)) ?? 0) + 1)
  return counts
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, n]) => `${name} ${n}`).join(', ')
}
