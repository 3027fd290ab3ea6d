/** The parts of a story that needed more rehearsals than its own: what can be left out, since when it was inevitable, and the nearest run that passes. */
import type { Edit, Explanation, Moment, Twin } from '../campaign/index.ts'
import type { Schedule } from '../faults/schedule.ts'
import { type Us, formatClock, formatDuration } from '../kernel/index.ts'
import type { RehearsalResult } from '../result.ts'
import { milestonesOf, partingOf } from './milestones.ts'
import { compactStrip, shownOf } from './strip.ts'
import { type Screen, cut, cutFront, glyphsFor, hang, paintFor } from './text.ts'
import { count, faultPlace, faultWords, violationWords } from './words.ts'

/** Names a step by its number and id. */
export type StepNames = (step: string) => string

/** What the failure does not need, below the tree. */
export function smallestLines(explained: Explanation, faults: number, screen: Screen): string[] {
  const { smallest } = explained
  const mark = smallest.needed.length > 0 && smallest.steps > smallest.needed.length ? `${glyphsFor(screen).needs} ` : ''
  const sentence = smallestSentence(explained, faults)
  return hang('  ', mark === '' ? `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}` : `${mark}${sentence}`, screen.columns)
}

/** The same as a sentence. */
export function smallestSentence({ smallest }: Explanation, faults: number): string {
  const { needed, steps, set, minimal } = smallest
  const sizes = Object.entries(set).map(([path, value]) => `${path.replace(/^(?:cluster|load)\./, '')}=${value}`)
  const idle = steps - needed.length
  const parts = needed.length === 0 ? [`no step is needed for it: all ${steps} can be left out and it still fails the same way`] : idle > 0 ? [`${needed.length === 1 ? 'the one step' : `the ${needed.length} steps`} that the failure takes: without the other ${idle === 1 ? 'one' : idle} it fails the same way`] : [`It takes every one of the ${steps} steps`]
  if (smallest.schedule.length < faults) parts.push(`, then with ${smallest.schedule.length === 0 ? 'no fault' : count(smallest.schedule.length, 'fault')}`)
  if (sizes.length > 0) parts.push(`, and on the smallest cluster and load that were tried (${sizes.join(', ')})`)
  return `${parts.join('')}.${minimal ? '' : ' (The search was cut short: there may be less.)'}`
}

/** Moments shown at most. */
const ROWS_MAX = 5
const BAR_WIDTH = 12

/** When the last fault of a rehearsal struck: before that instant a failure that needs it was not yet sure. undefined when none did. */
export function lastStrikeOf({ faults }: Pick<RehearsalResult, 'faults'>): Us | undefined {
  const strikes = faults.filter(({ struck }) => struck).map(({ atUs }) => atUs)
  return strikes.length === 0 ? undefined : Math.max(...strikes)
}

/**
 * Since when it was inevitable, as a sentence; empty where that was not looked into. A future counts when it fails the check that is explained, for
 * whatever cause; the faults are part of every future.
 */
export function inevitableSentence({ inevitable: { moments, jump, steep, sure } }: Explanation, faults: number, lastStrikeUs: Us | undefined, names: StepNames): string {
  const [first, last] = [moments[0], moments.at(-1)]
  if (first === undefined || last === undefined) return ''
  const given = faults === 0 ? '' : faults === 1 ? ', with this fault' : ', with these faults'
  const doers = faults === 0 ? 'the runbook does it' : `the runbook and the ${faults === 1 ? 'fault' : 'faults'} do it`
  if (sure === 0) return `From the first step on: ${first.failed} of ${first.futures} futures with other luck from there${given}${given === '' ? '' : ','} failed the same check. Not luck, ${doers}.`
  const head = sure !== null ? sentenceFor(moments, sure, faults, lastStrikeUs, names) : `Never quite: with other luck from the end on ${last.failed} of ${last.futures} futures failed the same check.`
  return steep && jump !== null && jump !== sure ? `${head} ${decision(moments, jump, names)}` : head
}

/** The share of futures that fail, instant by instant. */
export function inevitableLines(explained: Explanation, faults: number, lastStrikeUs: Us | undefined, names: StepNames, screen: Screen): string[] {
  const { moments, jump, steep, sure } = explained.inevitable
  if (moments.length === 0) return []
  const told = hang('  ', inevitableSentence(explained, faults, lastStrikeUs, names), screen.columns)
  if (sure === 0) return told
  const turn = jump === null || jump === sure ? [] : steep ? [jump - 1, jump] : [jump]
  const wanted = [0, ...turn, ...(sure === null ? [moments.length - 1] : [sure - 1, sure])]
  const shown = moments.filter((_, i) => wanted.includes(i)).slice(0, ROWS_MAX)
  const label = (moment: Moment): string => `${formatClock(moment.atUs).slice(0, -2).padStart(9)}  ${momentWords(moment, names)}`
  const room = screen.columns - BAR_WIDTH - 16
  const rows = shown.map((moment) => {
    const { bar } = glyphsFor(screen)
    const width = moment.failed === 0 ? 0 : Math.max(1, Math.round((BAR_WIDTH * moment.failed) / moment.futures))
    return `${cut(label(moment), room, glyphsFor(screen).ellipsis).padEnd(room)}  ${`${moment.failed} of ${moment.futures}`.padStart(8)}  ${bar.repeat(width)}`.trimEnd()
  })
  return [...told, ...rows]
}

function sentenceFor(moments: readonly Moment[], sure: number, faults: number, lastStrikeUs: Us | undefined, names: StepNames): string {
  const [before, from] = [moments[sure - 1], moments[sure]] as [Moment, Moment]
  // Before the strike the fault itself could have stayed away.
  const toCome = lastStrikeUs !== undefined && from.atUs < lastStrikeUs
  const since = `From ${momentWords(from, names).replace(/^before /, '')} on (${formatClock(from.atUs).slice(0, -4)})`
  const where = from.is === 'ended' ? 'Only at the end was it certain' : toCome ? `${since} other luck could not save it from the ${faults === 1 ? 'fault' : 'faults'} to come` : `${since} nothing could save it`
  return `${where}: ${from.failed} of ${from.futures} futures failed the same check; before that ${before.failed} of ${before.futures}.`
}

function decision(moments: readonly Moment[], jump: number, names: StepNames): string {
  const [before, from] = [moments[jump - 1], moments[jump]] as [Moment, Moment]
  return `Most of it was decided between ${momentWords(before, names).replace(/^before /, 'the start of ')} and ${momentWords(from, names).replace(/^before /, 'that of ').replace(/^after /, 'the strike of ')}.`
}

function momentWords({ is, what, visit }: Moment, names: StepNames): string {
  if (is === 'ended') return 'the operator has ended'
  return is === 'struck' ? `after the ${what}` : `before step ${names(what)}${visit > 1 ? ` (visit ${visit})` : ''}`
}

/** What one change avoids the failure, and how the two runs look side by side. */
export function twinLines(explained: Explanation, schedule: Schedule, runs: { readonly failed: RehearsalResult; readonly twin: RehearsalResult | undefined; readonly about: string }, names: StepNames, screen: Screen): string[] {
  const { nearest, tried, passing } = explained.twins
  const lines = twinSentences(explained, schedule, names).flatMap((sentence) => hang('  ', sentence, screen.columns))
  if (nearest === null) return lines
  lines.push(...hang('  ', `${passing} of ${tried} runs with one fault or step changed pass this check.`, screen.columns).map(paintFor(screen).dim))
  const { failed, twin, about } = runs
  if (twin === undefined || failed.story === undefined) return lines
  return [...lines, ...sideBySide({ failed, twin }, about, screen), ...parting(failed, twin, screen)]
}

/** What one change would have done, the nearest first: what was seen on one luck, which is no advice. */
export function twinSentences({ twins: { nearest, runbook, tried, passing } }: Explanation, schedule: Schedule, names: StepNames): string[] {
  const all = `the ${tried} runs that differ in one fault or one step`
  if (nearest === null && passing === 0) return [`None of ${all} passes this check.`]
  if (nearest === null) return [`Of ${all}, ${passing} ${passing === 1 ? 'passes' : 'pass'} this check, but only by leaving out a guard, looking at it too late, or stopping the runbook: that mends nothing.`]
  const first = `${nearest.fails.length === 0 ? 'On' : `Each of ${all} fails some check. Nearest to a way out: on`} this luck, ${twinWords(nearest, schedule, names)}`
  return runbook === null ? [first] : [first, `In the runbook itself: on this luck, ${twinWords(runbook, schedule, names)}`]
}

/** Whether a twin shows a way out: every check passes, and the runbook came to an end that its author meant. */
export function mends({ outcome, fails }: Twin): boolean {
  return fails.length === 0 && (outcome === 'completed' || outcome === 'rolledBack')
}

function twinWords({ edit, outcome, fails }: Twin, schedule: Schedule, names: StepNames): string {
  // That the runbook reports success all the same follows from the others.
  const others = fails.filter((each) => each !== 'no-false-success' || fails.length === 1)
  const left = fails.length === 0 ? 'and every check passes' : `without this failure, but it ${others.map(violationWords).join(', ')}`
  return `${editWords(edit, schedule, names)}: ${OUTCOMES[outcome]}, ${left}.`
}

const OUTCOMES = { completed: 'the runbook completes', rolledBack: 'the runbook rolls back', aborted: 'the runbook aborts', stuck: 'the runbook gets stuck' } as const

/** An edit as a condition: `without the partition of role:leader`. */
export function editWords(edit: Edit, schedule: Schedule, names: StepNames): string {
  if (edit.is === 'omit') return `without step ${names(edit.step)}`
  if (edit.is === 'swap') return `with step ${names(edit.step)} after step ${names(edit.with)}`
  const fault = schedule[edit.fault] as Schedule[number]
  if (edit.is === 'drop') return `without the ${faultWords(fault)}`
  if (edit.is === 'shorten') return `had the ${fault.kind} of ${fault.target} lasted ${formatDuration(edit.durationUs)} instead of ${formatDuration(fault.durationUs)}`
  return `had the ${fault.kind} of ${fault.target} struck ${faultPlace(edit.at)} instead of ${faultPlace(fault.at)}`
}

const NAME_WIDTH = 18

function sideBySide({ failed, twin }: { readonly failed: RehearsalResult; readonly twin: RehearsalResult }, about: string, screen: Screen): string[] {
  const width = Math.floor((screen.columns - NAME_WIDTH - 8) / 2)
  const { ellipsis } = glyphsFor(screen)
  const [left, right] = [compactStrip(failed, screen, width), compactStrip(twin, screen, width)]
  const row = (name: string, a: string, b: string): string => `  ${cutFront(name, NAME_WIDTH, ellipsis).padEnd(NAME_WIDTH)}  ${a.padEnd(width)}  ${b}`.trimEnd()
  const names = shownOf([...new Set([...left.keys(), ...right.keys()])], about)
  return [paintFor(screen).dim(row('', 'as it went', 'with that change')), ...names.map((name) => row(name, left.get(name) ?? '', right.get(name) ?? ''))]
}

/** The first things that went otherwise. */
function parting(failed: RehearsalResult, twin: RehearsalResult, screen: Screen): string[] {
  const [a, b] = partingOf(milestonesOf(failed), milestonesOf(twin), 2)
  const words = (list: typeof a): string => list.map(({ atUs, text }) => `${formatClock(atUs).slice(0, -2)} ${text}`).join('; ')
  return [...hang('  they part: as it went  ', words(a) || 'nothing more', screen.columns), ...hang('             the other    ', words(b) || 'nothing more', screen.columns)]
}
