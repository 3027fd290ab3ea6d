/** What small edits of a script would have done: the diffs, and the campaign with them. */
import { type CampaignResult, type Mend, type Tried } from '../campaign/result.ts'
import type { CheckId } from '../result.ts'
import { type Screen, hang, paintFor } from './text.ts'
import { count, plain, violationWords } from './words.ts'

const OUTCOME_WORDS = { completed: 'completed', rolledBack: 'rolled back', aborted: 'aborted', stuck: 'got stuck' } as const

/** One edit and the checks that it keeps. */
export interface Offer {
  readonly mend: Mend
  readonly checks: readonly CheckId[]
  /** `wheel.sh:17: first …`. */
  readonly title: string
  /** What the campaign gave before and after. */
  readonly words: readonly string[]
}

/** Each edit once, for the checks of which it is the smallest that prevents them; then the others that do. */
export function offersOf({ mends }: CampaignResult): { readonly first: readonly Offer[]; readonly others: readonly Offer[]; readonly none: readonly CheckId[]; readonly how: string } {
  const checks = mends?.checks ?? []
  const found = new Map<string, { mend: Mend; best: boolean }>()
  for (const { mends: offered } of checks) {
    offered.forEach((mend, i) => {
      found.set(mend.patch, { mend, best: i === 0 || found.get(mend.patch)?.best === true })
    })
  }
  const before = mends?.before ?? { runs: 0, outcomes: { completed: 0, rolledBack: 0, aborted: 0, stuck: 0 }, violations: {} }
  const offer = ({ mend }: { mend: Mend }): Offer => {
    const kept = checks.map(({ check }) => check).filter((check) => (mend.after.violations[check] ?? 0) === 0)
    return { mend, checks: kept, title: `${mend.file}:${mend.line}: ${mend.does}`, words: wordsOf(mend, kept, before) }
  }
  const all = [...found.values()]
  return {
    first: all.filter(({ best }) => best).map(offer),
    others: all.filter(({ best }) => !best).map(offer),
    none: checks.filter((each) => each.mends.length === 0).map(({ check }) => check),
    how: mends === undefined ? '' : `${count(mends.tried, 'edit')} tried on the same ${count(before.runs, 'rehearsal')}, seeds and faults alike (${plain(mends.rehearsals)} in all)${mends.complete ? '' : '; stopped before the end'}.`,
  }
}

function wordsOf({ after, stops }: Mend, checks: readonly CheckId[], before: Tried): string[] {
  const kept = checks.map((check) => `${violationWords(check)}: ${plain(before.violations[check] ?? 0)} of ${plain(before.runs)} before, 0 of ${plain(after.runs)} with it`)
  const left = Object.entries(after.violations).map(([check, n]) => `still ${violationWords(check as CheckId)}: ${plain(n)} of ${plain(after.runs)}`)
  const ends = `${outcomesOf(before)} before, ${outcomesOf(after)} with it${stops ? ': the script stops before it can do harm, and the upgrade does not come about' : ''}`
  return [...kept, ...left, ends]
}

function outcomesOf({ outcomes }: Tried): string {
  return Object.entries(OUTCOME_WORDS).filter(([outcome]) => outcomes[outcome as keyof typeof OUTCOME_WORDS] > 0).map(([outcome, words]) => `${plain(outcomes[outcome as keyof typeof OUTCOME_WORDS])} ${words}`).join(', ') || 'none ended'
}

/** For what no edit prevents. */
export function noneWords(none: readonly CheckId[], tried: number): string {
  const names = none.map((check) => `it ${violationWords(check)}`)
  return `None of the ${count(tried, 'edit')} alone prevents that ${names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`}: that takes more than a guard, strict mode, another order or one more command.`
}

/** As lines of text; none without `--mend`. */
export function renderMends(result: CampaignResult, screen: Screen): string[] {
  if (result.mends === undefined) return []
  const paint = paintFor(screen)
  const { first, others, none, how } = offersOf(result)
  const lines = [paint.bold('Smallest edits that prevent it'), ...hang('  ', how, screen.columns)]
  if (result.mends.checks.length === 0) lines.push(...hang('  ', 'Nothing was violated, so there was nothing to mend.', screen.columns))
  first.forEach((offer) => lines.push('', ...hang('  ', offer.title, screen.columns), ...offer.words.flatMap((words) => hang('    ', words, screen.columns)), ...offer.mend.patch.split('\n').map((line) => `    ${line.startsWith('+') ? paint.green(line) : line.startsWith('-') ? paint.red(line) : line}`.trimEnd())))
  if (others.length > 0) lines.push('', ...hang('  ', 'So do (diffs in the JSON result and in the report):', screen.columns), ...others.flatMap((offer) => hang('    ', `${offer.title} (${offer.checks.map((check) => violationWords(check)).join('; ')}${offer.mend.stops ? '; by stopping the script' : ''})`, screen.columns)))
  if (none.length > 0) lines.push('', ...hang('  ', noneWords(none, result.mends.tried), screen.columns))
  return lines
}
