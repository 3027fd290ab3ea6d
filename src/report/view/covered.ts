/** From which versions to which an upgrade goes, and what the rehearsals of it have not shown. */
import type { CampaignResult } from '../../campaign/result.ts'
import type { RehearsalResult } from '../../result.ts'
import { wordFor } from '../gates.ts'
import { count, plain } from '../words.ts'

/**
 * `engine 15.3 → 15.4`, by component; empty where nothing is to be reached, or no recorded rehearsal tells from where.
 * @param assumed components whose target nobody stated: they count only where some member came to run it
 */
export function upgradeWords(rehearsal: RehearsalResult | undefined, assumed: readonly string[]): string {
  const { story } = rehearsal ?? {}
  if (story?.targets === undefined) return ''
  return Object.entries(story.targets).flatMap(([component, target]) => {
    const before = [...new Set(story.members.filter(({ atUs, running }) => atUs <= 0 && running).map(({ versions }) => versions[component] ?? '').filter((version) => version !== ''))]
    if (before.length === 0 || (before.length === 1 && before[0] === target)) return []
    const reached = story.members.some(({ versions }) => versions[component] === target)
    return assumed.includes(component) && !reached ? [] : [`${component} ${before.join(', ')} → ${target}`]
  }).join('; ')
}

const NAMES_MAX = 8

/** Each a phrase that completes “not covered: …”. */
export function notCoveredOf(result: CampaignResult): string[] {
  const { faultsPerRun, sweep, checks, coverage, gates, runs, steps } = result
  if (runs === 0) return []
  const quiet = gates.filter(({ mattered }) => mattered === 0)
  const never = coverage.stepsNeverStarted
  const shown = never.length > NAMES_MAX ? [...never.slice(0, NAMES_MAX), `${never.length - NAMES_MAX} more`] : never
  return [
    ...(sweep === null && faultsPerRun === 0 ? ['faults: every rehearsal was without any (`--faults 2` draws them, `proofroll sweep` tries each at every step)'] : []),
    ...(checks.some(({ id, status }) => id === 'rollback-safe' && status === 'notExercised') ? ['going back: whether it can be rolled back was never put to the test (`proofroll sweep` does)'] : []),
    ...(never.length > 0 ? [`${count(never.length, 'step')}${steps.length > never.length ? ` of ${plain(steps.length)}` : ''} that never started: ${shown.join(', ')}`] : []),
    ...(quiet.length > 0 ? [`${count(quiet.length, wordFor(gates))} of ${plain(gates.length)} never said no, so nothing is known of what ${quiet.length === 1 ? 'it keeps' : 'they keep'} out`] : []),
  ]
}
