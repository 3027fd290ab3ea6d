/** The faults that a page names, with what each is: a name alone tells only who knows the vocabulary. */
import type { FaultKind } from '../../engine.ts'
import { type FaultSpec, VOCABULARY, faultSpec, knowsKind } from '../../faults/index.ts'
import type { CampaignView, PageData } from './page.ts'

/** Fields that speak of `latency` and the like in another sense. */
const ELSEWHERE: readonly string[] = ['assumptions', 'tornado', 'flips']

/** In the order of the vocabulary; kinds of a test suite's own behind them. */
export function faultsNamed(campaigns: readonly CampaignView[]): PageData['faults'] {
  const text = JSON.stringify(campaigns, (key, value: unknown) => (ELSEWHERE.includes(key) ? undefined : value))
  const words = new Set(text.split(/[^\w-]+/))
  const listed = new Set(campaigns.flatMap(({ unhit }) => unhit).flatMap((line) => line.split(/[^\w-]+/)))
  // A kind that is a word of everyday language counts where it stands as a name.
  const isNamed = (kind: string): boolean => words.has(kind) && (kind.includes('-') || listed.has(kind) || text.includes(`"${kind}"`) || text.includes(`${kind} of `))
  const own = [...words].filter((word) => word.startsWith('x-') && knowsKind(word as FaultKind)).map((word) => faultSpec(word as FaultKind))
  return [...VOCABULARY, ...own].filter(({ kind }) => isNamed(kind)).map(({ kind, doc }: FaultSpec) => ({ kind, means: doc }))
}
