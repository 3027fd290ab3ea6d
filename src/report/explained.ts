/** The parts of a story that needed more rehearsals than its own: what can be left out, since when it was inevitable, and the nearest run that passes. */
import type { Edit, Explanation, Moment, Twin } from '../campaign/index.ts'
import type { Root } from '../campaign/result.ts'
import type { Schedule } from '../faults/schedule.ts'
import { type Us, formatClock, formatDuration } from '../kernel/index.ts'
import type { RehearsalResult } from '../result.ts'
import { milestonesOf, partingOf } from './milestones.ts'
import { compactStrip, shownOf } from './strip.ts'
import { type Screen, cut, cutFront, glyphsFor, hang, paintFor } from './text.ts'
import { count, faultPlace, faultWords, plain } from './words.ts'

/** Names a step by its number and id. */
export type StepNames = (step: string) => string

/** What the failure does not need, below the tree. */
export function smallestLines(explained: Explanation, faults: number, failing: string, screen: Screen): string[] {
  const { smallest } = explained
  const { needs, bad } = glyphsFor(screen)
  // The step that fails has a mark of its own, and is one of them.
  const mark = smallest.needed.length === 0 || smallest.steps <= smallest.needed.length ? '' : smallest.needed.includes(failing) ? (smallest.needed.length === 1 ? `${bad} ` : `${needs} and ${bad} are `) : `${needs} `
  const sentence = smallestSentence(explained, faults)
  return hang('  ', mark === '' ? `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}` : `${mark}${sentence}`, screen.columns)
}

/** The same as a sentence. */
export function smallestSentence({ smallest }: Explanation, faults: number): string {
  const { needed, steps, set, minimal } = smallest
  const sizes = Object.entries(set).map(([path, value]) => `${path.replace(/^(?:cluster|load)\./, '')}=${value}`)
  const idle = steps - needed.length
  const alone = smallest.schedule.length > 0 ? `so ${smallest.schedule.length === 1 ? 'the fault alone does it' : 'the faults alone do it'}` : 'so what does it is what no step does'
  const parts = needed.length === 0 ? [`no step does it: with all ${steps} left out it fails the same way, ${alone}`] : idle > 0 ? [`${needed.length === 1 ? 'the one step' : `the ${needed.length} steps`} that the failure takes: without the other ${idle === 1 ? 'one' : idle} it fails the same way`] : [`It takes every one of the ${steps} steps`]
  if (smallest.schedule.length < faults) parts.push(`, then with ${smallest.schedule.length === 0 ? 'no fault' : `${count(smallest.schedule.length, 'fault')} (${smallest.schedule.map(({ kind, target }) => `${kind} of ${target.replace(/^member:/, '')}`).join(', ')})`}`)
  if (sizes.length > 0) parts.push(`, and on the smallest cluster and load that were tried (${sizes.join(', ')})`)
  return `${parts.join('')}.${minimal ? '' : ' (The search was cut short: there may be less.)'}`
}

/** Moments shown at most. */
const ROWS_MAX = 5
const BAR_WIDTH = 12

/**
 * What the test of a chain's root showed, as a sentence. Where leaving out the step that is blamed (or the faults) does not help, another step is named
 * without which it does not happen: what it takes, and not what did it.
 */
export function rootSentence({ root, step, schedule }: { readonly root: Root; readonly step: string; readonly schedule: Schedule }, names: StepNames): string {
  const named = root.what.replace(/^step (.*)$/, (_, id: string) => `step ${names(id)}`)
  if (!root.tested) return `It also happens without ${named}, on the same luck: the chain tells what went together, not what did it.`
  if (!root.what.startsWith('step ')) return `Tested: without ${named}, on the same luck, it does not happen.`
  if (root.what === `step ${step}` && schedule.length === 0) return `Tested: ${named} does it. Left out, on the same luck, it does not happen, which shows the cause and is no remedy.`
  const blamed = schedule.length > 0 ? (schedule.length === 1 ? 'the fault' : 'the faults') : `step ${names(step)}`
  return `Tested: without ${named}, on the same luck, it does not happen; without ${blamed} it still does. That shows what it takes, and is no remedy.`
}

/** When the last fault of a rehearsal struck: before that instant a failure that needs it was not yet sure. undefined when none did. */
export function lastStrikeOf({ faults }: Pick<RehearsalResult, 'faults'>): Us | undefined {
  const strikes = faults.filter(({ struck }) => struck).map(({ atUs }) => atUs)
  return strikes.length === 0 ? undefined : Math.max(...strikes)
}

/** In how many rehearsals of a campaign the check failed, for whatever cause. */
export interface Often {
  readonly failed: number
  readonly judged: number
}

/** That so many futures all fail by chance alone is less likely than this: then what they have in common matters. */
const CHANCE = 0.01

/**
 * Since when it was inevitable, as a sentence; empty where that was not looked into. A future counts when it fails the check that is explained, for
 * whatever cause; the faults are part of every future, and so is all that was drawn before the first step: what this cluster is like, and how it stood.
 * @param often in how many rehearsals the check failed, where that is known: only what happens every time is no luck
 */
export function inevitableSentence({ inevitable: { moments, jump, steep, sure } }: Explanation, faults: number, lastStrikeUs: Us | undefined, names: StepNames, often?: Often): string {
  const [first, last] = [moments[0], moments.at(-1)]
  if (first === undefined || last === undefined) return ''
  const given = faults === 0 ? '' : faults === 1 ? ', with this fault' : ', with these faults'
  const doers = faults === 0 ? 'the runbook does it' : `the runbook and the ${faults === 1 ? 'fault' : 'faults'} do it`
  if (sure === 0) return `From the first step on: ${first.failed} of ${first.futures} futures with other luck from there${given}${given === '' ? '' : ','} failed the same check. ${sharedWords(first, faults, doers, often)}`
  const head = sure !== null ? sentenceFor(moments, sure, faults, lastStrikeUs, names) : `Never quite: with other luck from the end on ${last.failed} of ${last.futures} futures failed the same check.`
  return steep && jump !== null && jump !== sure ? `${head} ${decision(moments, jump, names)}` : head
}

/** What futures that differ in their luck from the first step on have in common, and what that means. */
function sharedWords({ failed, futures }: Moment, faults: number, doers: string, often: Often | undefined): string {
  if (often !== undefined && often.judged > 0 && often.failed === often.judged) return `So did all ${plain(often.judged)} rehearsals: not luck, ${doers}.`
  const shared = 'They share what was drawn before the first step: what this cluster is like, and how it stood.'
  // Of a campaign with faults the others had others.
  if (often === undefined || often.judged === 0 || faults > 0) return shared
  const all = `Of all rehearsals, each with a cluster drawn anew, ${plain(often.failed)} of ${plain(often.judged)} did`
  return failed === futures && (often.failed / often.judged) ** futures < CHANCE ? `${shared} ${all}: so it also hangs on that.` : `${shared} ${all}.`
}

/** The share of futures that fail, instant by instant. */
export function inevitableLines(explained: Explanation, faults: number, lastStrikeUs: Us | undefined, names: StepNames, screen: Screen, often?: Often): string[] {
  const { moments, jump, steep, sure } = explained.inevitable
  if (moments.length === 0) return []
  const told = hang('  ', inevitableSentence(explained, faults, lastStrikeUs, names, often), screen.columns)
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

/** What one change would have done, and how the two runs look side by side. */
export function twinLines(explained: Explanation, schedule: Schedule, runs: { readonly failed: RehearsalResult; readonly twin: RehearsalResult | undefined; readonly about: string }, names: StepNames, screen: Screen): string[] {
  const { failed, twin, about } = runs
  const observed = faultTwinSentence(explained, schedule, names)
  const lines = [...wayOutSentences(explained, failed, names), ...(observed === '' ? [] : [observed])].flatMap((sentence) => hang('  ', sentence, screen.columns))
  if (twin === undefined || failed.story === undefined || !isShown(explained, failed)) return lines
  return [...lines, ...sideBySide({ failed, twin }, about, screen), ...parting(failed, twin, screen)]
}

/** Whether there is a version to be reached: where none is, a run that only leaves the work out cannot be told from one that does it. */
function hasTarget({ verdicts }: Pick<RehearsalResult, 'verdicts'>): boolean {
  return verdicts.some(({ check, status }) => check === 'target-reached' && status !== 'notApplicable')
}

/**
 * The change of the runbook that shows a way out: one that people can choose (nobody orders faults), with which it completes and every check passes. One that
 * leaves a step out counts only where the version to be reached says that the job was done all the same.
 */
export function wayOut({ twins: { nearest, runbook } }: Explanation, failed: Pick<RehearsalResult, 'verdicts'>): Twin | undefined {
  return [nearest, runbook].find((twin): twin is Twin => twin !== null && twin.outcome === 'completed' && twin.fails.length === 0 && (twin.edit.is === 'swap' || (twin.edit.is === 'omit' && hasTarget(failed))))
}

/** Whether the nearest other rehearsal is worth a picture: a way out, or the same with a fault that was milder, in which nothing fails. */
export function isShown(explained: Explanation, failed: Pick<RehearsalResult, 'verdicts'>): boolean {
  const { nearest } = explained.twins
  return nearest !== null && nearest.fails.length === 0 && (isOfFault(nearest.edit) || wayOut(explained, failed) === nearest)
}

function isOfFault({ is }: Edit): boolean {
  return is === 'shorten' || is === 'shift' || is === 'drop'
}

/** The single change that helps, on this luck; or that none of those that were rehearsed does. */
export function wayOutSentences(explained: Explanation, failed: Pick<RehearsalResult, 'verdicts' | 'schedule'>, names: StepNames): string[] {
  const { tried, passing } = explained.twins
  const way = wayOut(explained, failed)
  if (way !== undefined) return [`On this luck, ${editWords(way.edit, [], names)}: ${OUTCOMES[way.outcome]}, and every check passes.`]
  if (tried === 0) return []
  const rest = passing === 0 ? 'Each of them fails the same check' : `${passing === 1 ? 'One' : plain(passing)} of them ${passing === 1 ? 'keeps' : 'keep'} this check, but ${passing === 1 ? 'fails' : 'fail'} another, ${passing === 1 ? 'leaves' : 'leave'} out a guard or the work itself, ${failed.schedule.length > 0 ? `${passing === 1 ? 'stops' : 'stop'} the runbook, or ${passing === 1 ? 'spares' : 'spare'} it the fault` : `or ${passing === 1 ? 'stops' : 'stop'} the runbook`}`
  // What leaving out and exchanging show says nothing of a remedy that adds something.
  const head = failed.schedule.length > 0 ? `A step left out, two neighbours exchanged, a fault shorter, elsewhere or away: ${plain(tried)} such changes were rehearsed on this luck, and of those of the runbook none is a way out` : `Leaving a step out or exchanging two neighbours does not help: ${plain(tried)} such changes were rehearsed on this luck, and none is a way out`
  return [`${head}; adding a step was not tried.`, `${rest}.`]
}

/** What a milder fault would have done: it shows what the fault has to do with it, and is no advice. Empty where the nearest differs otherwise, or fails. */
export function faultTwinSentence({ twins: { nearest } }: Explanation, schedule: Schedule, names: StepNames): string {
  if (nearest === null || nearest.fails.length > 0 || !isOfFault(nearest.edit)) return ''
  return `It hangs on the fault: on this luck, ${editWords(nearest.edit, schedule, names)}, ${OUTCOMES[nearest.outcome]}, and every check passes.`
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
