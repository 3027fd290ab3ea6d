/** Objectives that were missed and that no check speaks of: how far, in which steps the time went, and what the rehearsal that is told shows of it. */
import type { CampaignResult, ObjectiveSummary } from '../../campaign/result.ts'
import { formatDuration } from '../../kernel/index.ts'
import type { RehearsalResult, StoryWindow } from '../../result.ts'
import type { StepNames } from '../explained.ts'
import { passedOverSentences } from '../slips.ts'
import { formatMeasure, formatShare, measureName } from '../words.ts'
import { clock, timed } from './clock.ts'
import { isToldOf } from './failure.ts'
import type { MissedView } from './page.ts'

const STEPS_SHOWN = 2
/** A leader that went away so long before a write stop had to do with it. */
const BEFORE_US = 5e6

const OF_WRITE_OUTAGES: readonly string[] = ['writeDowntimeSeconds', 'longestWriteGapSeconds', 'failedAttempts', 'failedAfterRetry']

/** @param rehearsal a recorded one, where there is one */
export function missedOf(result: CampaignResult, rehearsal: RehearsalResult | undefined, names: StepNames): MissedView[] {
  return result.objectives.filter(({ status, measure }) => status === 'fail' && !isToldOf(measure, result.counterexamples)).map((each) => ({
    headline: `It missed an objective: ${measureName(each.measure)} ${each.at} ${formatMeasure(each.measure, each.measured)}, wanted ${boundWords(each)}`,
    why: OF_WRITE_OUTAGES.includes(each.measure) ? [...where(result, names), ...(rehearsal === undefined ? [] : [...longest(rehearsal, names), ...passedOverSentences(rehearsal, names).map(timed)])] : [],
  }))
}

/** `at most 30.0 s`. */
export function boundWords({ measure, max, min }: Pick<ObjectiveSummary, 'measure' | 'max' | 'min'>): string {
  return [min === null ? '' : `at least ${formatMeasure(measure, min)}`, max === null ? '' : `at most ${formatMeasure(measure, max)}`].filter((part) => part !== '').join(', ')
}

function where({ steps, sweep }: CampaignResult, names: StepNames): string[] {
  if (sweep !== null) return []
  const most = steps.filter(({ container, share }) => !container && share >= 0.005).toSorted((a, b) => b.share - a.share).slice(0, STEPS_SHOWN)
  const after = 1 - steps.filter(({ container }) => !container).reduce((sum, { share }) => sum + share, 0)
  const places = [...(after >= 0.5 ? [`${formatShare(after)} came after the runbook’s end`] : []), ...most.map(({ step, share }) => `${formatShare(share)} fell into step ${names(step)}`)]
  return places.length === 0 ? [] : [`Of all write downtime ${places.slice(0, STEPS_SHOWN).join(', ')}.`]
}

/** The longest write stop of one rehearsal, and the leader that went away about then. */
function longest({ story, steps }: RehearsalResult, names: StepNames): string[] {
  const stops = (story?.windows ?? []).filter(({ is }) => is === 'writesDown')
  const stop = stops.reduce<StoryWindow | undefined>((a, b) => (a === undefined || b.toUs - b.fromUs > a.toUs - a.fromUs ? b : a), undefined)
  if (stop === undefined || story === undefined) return []
  const step = steps.findLast(({ startUs, endUs, result }) => result !== 'skipped' && startUs <= stop.fromUs && (endUs === undefined || stop.fromUs <= endUs))
  const gone = story.members.findLast((change, i) => !change.running && change.atUs <= stop.fromUs + 5e4 && change.atUs >= stop.fromUs - BEFORE_US && story.members.slice(0, i).findLast(({ member }) => member === change.member)?.role === 'leader')
  const led = gone === undefined ? '' : `; ${gone.member} led, and went away at ${clock(gone.atUs)}`
  return [`In the rehearsal told here the longest write stop lasted ${formatDuration(stop.toUs - stop.fromUs)} from ${clock(stop.fromUs)}${step === undefined ? '' : `, in step ${names(step.step)}`}${led}.${stop.open ? ' It had not ended when the rehearsal did: so long at least.' : ''}`]
}
