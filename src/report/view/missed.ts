/** Objectives that were missed and that no check speaks of: how far, in which steps the time went, and what the rehearsal that is told shows of it. */
import type { CampaignResult, ObjectiveSummary } from '../../campaign/result.ts'
import { formatDuration } from '../../kernel/index.ts'
import type { MemberChange, RehearsalResult, StoryWindow } from '../../result.ts'
import type { StepNames } from '../explained.ts'
import { remedyFor } from '../remedies.ts'
import { isNamed, passedOverSentences } from '../slips.ts'
import { standstillsOf } from '../standstill.ts'
import { formatMeasure, formatShare, measureName } from '../words.ts'
import { clock, timed } from './clock.ts'
import { isToldOf } from './failure.ts'
import type { MissedView } from './page.ts'

const STEPS_SHOWN = 2
/** A leader that went away so long before a write stop had to do with it. */
const BEFORE_US = 5e6

const OF_WRITE_OUTAGES: readonly string[] = ['writeDowntimeSeconds', 'longestWriteGapSeconds', 'failedAttempts', 'failedAfterRetry']

/** @param rehearsal a recorded one, where there is one @param remedies what its engine advises, by cause */
export function missedOf(result: CampaignResult, rehearsal: RehearsalResult | undefined, names: StepNames, remedies: Readonly<Record<string, string>> = {}): MissedView[] {
  return result.objectives.filter(({ status, measure }) => status === 'fail' && !isToldOf(measure, result.counterexamples)).map((each) => {
    const headline = `It missed an objective: ${measureName(each.measure)} ${each.at} ${formatMeasure(each.measure, each.measured)}, wanted ${boundWords(each)}`
    if (!OF_WRITE_OUTAGES.includes(each.measure)) return { headline, why: [], remedy: '' }
    const stop = rehearsal === undefined ? undefined : longestStop(rehearsal)
    const took = rehearsal === undefined || stop === undefined ? undefined : leaderTaken(rehearsal, stop)
    const errors = rehearsal === undefined ? [] : errorsBefore(rehearsal, stop, names)
    // A leader that is stopped so that another may be promoted is a switchover, and no mistake: one that leads again itself was not handed over, nor one that
    // was removed and whose successor no command had named.
    const next = took === undefined || rehearsal === undefined ? undefined : nextLeader(rehearsal, took.atUs)
    const unhanded = took?.by === 'the runbook' && rehearsal !== undefined && (errors.length > 0 || next?.member === took.member || (next !== undefined && leftToTheCluster(rehearsal, took, next)))
    const other = took?.by === 'the runbook' && rehearsal !== undefined ? leadsBeside(rehearsal, took) : undefined
    return {
      headline,
      why: [...where(result, names), ...(rehearsal === undefined ? [] : [...longest(rehearsal, names), ...errors])],
      // Advice only where the recorded rehearsal shows what it is against.
      remedy: other !== undefined && took !== undefined ? `${other} led already when ${took.member} was taken away: let clients reach ${other}, and see that they do, before ${took.member} goes.` : unhanded ? (remedyFor('removed-leader', remedies) ?? '') : stop?.open === true ? (remedyFor('not-serving', remedies) ?? '') : '',
    }
  })
}

/** Errors that were passed over in the same part of the runbook as the write stop, and before it. Others have not led to it, and stand with the failure. */
function errorsBefore(rehearsal: RehearsalResult, stop: StoryWindow | undefined, names: StepNames): string[] {
  const step = stop === undefined ? undefined : stepOf(rehearsal, stop)
  if (stop === undefined || step === undefined) return []
  const part = (id: string): string => /^\d+(?=\.)/.exec(names(id))?.[0] ?? ''
  return passedOverSentences(rehearsal, names, (each) => each.atUs <= stop.fromUs && part(each.step) === part(step.step)).map(timed)
}

/** `at most 30.0 s`. */
export function boundWords({ measure, max, min }: Pick<ObjectiveSummary, 'measure' | 'max' | 'min'>): string {
  return [min === null ? '' : `at least ${formatMeasure(measure, min)}`, max === null ? '' : `at most ${formatMeasure(measure, max)}`].filter((part) => part !== '').join(', ')
}

function where({ steps, sweep }: CampaignResult, names: StepNames): string[] {
  if (sweep !== null) return []
  const most = steps.filter(({ container, share }) => !container && share >= 0.005).toSorted((a, b) => b.share - a.share).slice(0, STEPS_SHOWN)
  const after = 1 - steps.filter(({ container }) => !container).reduce((sum, { share }) => sum + share, 0)
  const places = [...(after >= 0.5 ? [`${formatShare(after)} came after the runbook’s end`] : []), ...most.map(({ step, share }) => `${formatShare(share)} passed during step ${names(step)}`)]
  return places.length === 0 ? [] : [`Of all write downtime ${places.slice(0, STEPS_SHOWN).join(', ')}: that is what was under way, and need not be what caused it.`]
}

/** Who is the next to begin to lead after the instant. */
function nextLeader({ story }: RehearsalResult, afterUs: number): MemberChange | undefined {
  return story?.members.find((change, i) => change.atUs > afterUs && change.running && change.role === 'leader' && story.members.slice(0, i).findLast(({ member }) => member === change.member)?.role !== 'leader')
}

/** Labels of records that tell of a member being removed (see `src/checks/chain.ts`). */
const REMOVAL = /deleted|evicted|removed/
/** Stops that begin so close to one another are one: of all clients, and as one of them saw it. */
const SAME_US = 100_000
/** A command that names the successor is one of this handover. */
const COMMAND_US = 60e6

/** The leader was removed, and no command of the runbook had named the one that led next: the cluster had to find one by itself. */
function leftToTheCluster({ story }: RehearsalResult, took: { readonly member: string; readonly atUs: number }, next: MemberChange): boolean {
  const removed = story?.trace?.some(({ node, label, atUs }) => node === took.member && REMOVAL.test(label) && atUs <= took.atUs && atUs >= took.atUs - COMMAND_US) === true
  return removed && story?.commands.some(({ acted, atUs, argv, stages }) => acted === true && atUs <= next.atUs && atUs >= took.atUs - COMMAND_US && isNamed(next.member, (stages ?? [argv]).flat().join(' '))) === false
}

/** Another member of the same log, or of a database beside it, that led when this one went away. */
function leadsBeside({ story }: RehearsalResult, took: { readonly member: string; readonly atUs: number }): string | undefined {
  if ((story?.logs?.length ?? 0) > 1) return undefined
  const names = [...new Set((story?.members ?? []).map(({ member }) => member))].filter((member) => member !== took.member)
  return names.find((member) => {
    const last = story?.members.findLast((change) => change.member === member && change.atUs < took.atUs)
    return last?.running === true && last.role === 'leader'
  })
}

function longestStop({ story }: RehearsalResult): StoryWindow | undefined {
  const stops = (story?.windows ?? []).filter(({ is }) => is === 'writesDown')
  return stops.reduce<StoryWindow | undefined>((a, b) => (a === undefined || b.toUs - b.fromUs > a.toUs - a.fromUs ? b : a), undefined)
}

/** The step under way when it began. */
function stepOf({ steps }: RehearsalResult, { fromUs }: StoryWindow): RehearsalResult['steps'][number] | undefined {
  return steps.findLast(({ startUs, endUs, result }) => result !== 'skipped' && startUs <= fromUs && (endUs === undefined || fromUs <= endUs))
}

/** The leader that went away about then, and who took it away: a fault that had struck it, or the runbook, in one of its steps. */
function leaderTaken(rehearsal: RehearsalResult, stop: StoryWindow): { readonly member: string; readonly atUs: number; readonly by: 'a fault' | 'the runbook' | '' } | undefined {
  const { story } = rehearsal
  const gone = story?.members.findLast((change, i) => !change.running && change.atUs <= stop.fromUs + 5e4 && change.atUs >= stop.fromUs - BEFORE_US && story.members.slice(0, i).findLast(({ member }) => member === change.member)?.role === 'leader')
  if (gone === undefined) return undefined
  const struck = rehearsal.faults.some((fault) => fault.struck && fault.atUs <= gone.atUs)
  // A fault somewhere else may have done it, too: then nothing is said about who.
  const hit = rehearsal.faults.some((fault) => fault.struck && fault.atUs <= gone.atUs && isNamed(gone.member, fault.target))
  return { member: gone.member, atUs: gone.atUs, by: hit ? 'a fault' : !struck && stepOf(rehearsal, { ...stop, fromUs: gone.atUs }) !== undefined ? 'the runbook' : '' }
}

/** The longest write stop of one rehearsal, and the leader that went away about then. */
export function longest(rehearsal: RehearsalResult, names: StepNames, inIt = 'In the rehearsal told here'): string[] {
  const stop = longestStop(rehearsal)
  if (stop === undefined) return []
  const step = stepOf(rehearsal, stop)
  const taken = leaderTaken(rehearsal, stop)
  const led = taken === undefined ? '' : taken.by === '' ? `; ${taken.member} led, and went away at ${clock(taken.atUs)}` : `: ${taken.by} took ${taken.member} away at ${clock(taken.atUs)}, while it led`
  const begun = standstillsOf(rehearsal, names).find((each) => each.fromUs <= stop.fromUs + SAME_US && each.toUs >= stop.fromUs)?.told.find(({ atUs, text }) => atUs <= stop.fromUs && text.startsWith('step '))
  const command = begun === undefined ? '' : ` What led to it was typed at ${clock(begun.atUs)}, in ${begun.text}.`
  return [`${inIt} the longest write stop lasted ${formatDuration(stop.toUs - stop.fromUs)} from ${clock(stop.fromUs)}${step === undefined ? '' : `, in step ${names(step.step)}`}${led}.${command}${stop.open ? ' Writes had not come back when the rehearsal ended, so it is longer than that.' : ''}`]
}
