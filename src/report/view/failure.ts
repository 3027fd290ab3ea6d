/** One distinct failure as the page shows it. */
import { type Counterexample, type CampaignResult, runsJudged } from '../../campaign/result.ts'
import type { Plan } from '../../operator/index.ts'
import { partingOf, milestonesOf } from '../milestones.ts'
import { inevitableSentence, lastStrikeOf, mends, smallestSentence, twinSentences } from '../explained.ts'
import { causeWords } from '../causes.ts'
import { clauseWords, evidenceWords, newClauses } from '../evidence.ts'
import { firstOf, unnoticedOf } from '../first.ts'
import { REMEDY_NOTE, remedyFor } from '../remedies.ts'
import { UNSEEN, scriptLines } from '../lines.ts'
import { type OutlineStep, type Story, labelOf, withLines } from '../story.ts'
import { asStruck, count, faultWords, plain, violationWords } from '../words.ts'
import { formatClock } from '../../kernel/index.ts'
import type { StoryLoss } from '../../result.ts'
import type { FailureView, TreeLine, TwinView } from './page.ts'
import { timelineOf } from './timeline.ts'

/** Failures with a picture: of each check the first, then more while there is room. The others are listed with their replay command. */
export const PICTURED_MAX = 12

export function failureView(story: Story, result: CampaignResult, plan: Plan, nth: number): FailureView {
  const { counterexample, rehearsal, outline } = story
  const { check, cause, step, evidence, because, root, explained } = counterexample
  const names = namesOf(outline)
  const schedule = asStruck(counterexample.schedule, rehearsal)
  const timeline = nth < PICTURED_MAX ? timelineOf(rehearsal, outline, plan, step.replace(/^undo of /, '')) : undefined
  const whole = result.counterexamples.find((each) => each.signature === (counterexample as Counterexample).signature)
  const runs = result.signatures.find((each) => each.check === check && each.cause === cause && each.step === step)?.runs ?? 0
  const judged = runsJudged(result)
  const told = evidenceWords(check, evidence)
  const { effect } = newClauses(told, because)
  const first = firstOf(story)
  const unnoticed = unnoticedOf(story, names)
  const stepLabel = step === '-' ? '' : names(step)
  const goesBackTo = because.findLast((clause) => clause.step !== undefined && clause.step !== '-')?.step
  const members = [...new Set((rehearsal.story?.members ?? []).map(({ member }) => member))]
  return {
    id: String(nth + 1),
    check, cause, causeWords: causeWords(cause),
    step: step === '-' ? '' : step,
    stepLabel,
    headline: `It ${violationWords(check)}`,
    where: stepLabel !== '' ? `, at step ${stepLabel}` : cause === 'never-introduced' ? ', because a step is missing' : unnoticed !== null && unnoticed.step !== '' ? `, and step ${unnoticed.step} let it pass` : goesBackTo === undefined ? '' : `, which goes back to step ${names(goesBackTo)}`,
    runs,
    faults: counterexample.schedule.length,
    faultsFound: counterexample.faultsFound,
    schedule: schedule.map(faultWords),
    evidence: told,
    because: because.map((clause) => ({ atUs: Math.round(clause.atUs), clock: clause.atUs < 0 ? 'before' : formatClock(clause.atUs), text: clauseWords(clause.text), step: clause.step === undefined || clause.step === '-' ? '' : names(clause.step), said: clause === effect })),
    first: first === undefined ? null : { atUs: Math.max(0, Math.round(first.atUs)), what: clauseWords(first.what) },
    unnoticed: unnoticed?.words ?? '',
    about: members.filter((member) => [evidence, ...because.flatMap(({ text, node }) => [text, node ?? ''])].some((text) => isNamed(member, text))),
    root: root === undefined || root.what === '' ? null : { tested: root.tested, words: root.tested ? `Tested: without ${namedRoot(root.what, names)}, on the same luck, it does not happen.` : `It also happens without ${namedRoot(root.what, names)}, on the same luck: the chain tells what went together, not what did it.` },
    tested: explained === undefined ? [] : twinSentences(explained, schedule, names).map((words, i) => ({ words, mends: i > 0 || (explained.twins.nearest !== null && mends(explained.twins.nearest)) })),
    remedy: remedyFor(cause) ?? null,
    remedyNote: REMEDY_NOTE,
    advice: unnoticed?.advice ?? '',
    smallest: explained === undefined ? null : smallestSentence(explained, counterexample.schedule.length),
    needed: explained === undefined || explained.smallest.needed.length === explained.smallest.steps ? [] : explained.smallest.needed,
    inevitable: explained === undefined ? null : {
      words: inevitableSentence(explained, counterexample.schedule.length, lastStrikeOf(rehearsal), names),
      moments: explained.inevitable.moments.map(({ atUs, is, what, failed, futures }) => ({ atUs: Math.max(0, Math.round(atUs)), what: is === 'ended' ? 'the operator has ended' : is === 'struck' ? `after the ${what}` : `before step ${names(what)}`, failed, futures })),
    },
    tree: treeOf(story),
    stranded: lossesOf(rehearsal.story?.losses ?? [], rehearsal.story?.line ?? ''),
    timeline: timeline ?? null,
    twin: nth < PICTURED_MAX ? twinView(story, plan, names) : null,
    replay: counterexample.replay,
    seed: counterexample.seed,
    run: whole?.run ?? 0,
    hash: rehearsal.hash,
    words: `${counterexample.schedule.length === 0 ? 'no fault needed' : count(counterexample.schedule.length, 'fault')}, ${plain(runs)} of ${plain(judged)}`,
    often: runs === 0 ? '' : runs === judged ? `It happened in all ${count(judged, 'rehearsal')}.` : `It happened in ${plain(runs)} of ${count(judged, 'rehearsal')}.`,
  }
}

/** Whether the text speaks of the member, and not of one whose name is longer. */
function isNamed(member: string, text: string): boolean {
  if (member === '') return false
  for (let at = text.indexOf(member); at >= 0; at = text.indexOf(member, at + 1)) if (!/[\w-]/.test(text.charAt(at + member.length)) && !/[\w-]/.test(text.charAt(at - 1))) return true
  return false
}

/** Losses that differ in nothing but their time are told as one. */
function lossesOf(losses: readonly StoryLoss[], word: string): FailureView['stranded'] {
  const told = new Map<string, FailureView['stranded'][number]>()
  for (const { writes, fate, holders, leader = '', inherent, fromUs, toUs, timeline } of losses) {
    const key = JSON.stringify([fate, holders, leader, inherent, timeline])
    const before = told.get(key)
    const [from, to] = [Math.max(0, Math.round(fromUs)), Math.max(0, Math.round(toUs))]
    told.set(key, { writes: writes + (before?.writes ?? 0), fate, holders, leader, inherent, line: word === '' ? '' : `${word} ${timeline}`, fromUs: Math.min(from, before?.fromUs ?? from), toUs: Math.max(to, before?.toUs ?? to) })
  }
  return [...told.values()]
}

function namedRoot(what: string, names: (id: string) => string): string {
  return what.replace(/^step (.*)$/, (_, id: string) => `step ${names(id)}`)
}

/** Number and id of a step. */
export function namesOf(outline: readonly OutlineStep[]): (id: string) => string {
  return (id) => {
    const step = outline.find((each) => each.id === id.replace(/^undo of /, ''))
    return step === undefined ? id : `${id.startsWith('undo of ') ? 'undo of ' : ''}${labelOf(step)}`
  }
}

function treeOf({ outline, rehearsal, counterexample }: Story): TreeLine[] {
  const failing = counterexample.step.replace(/^undo of /, '')
  const needed = new Set(counterexample.explained?.smallest.needed ?? [])
  const forward = rehearsal.steps.filter(({ path }) => path === 'forward')
  const undo = rehearsal.steps.filter(({ path }) => path === 'undo')
  const script = new Map(scriptLines(rehearsal).map((line) => [line.line, line]))
  const lines = withLines(outline, [...script.values()]).map((step): TreeLine => {
    const records = forward.filter((record) => record.step === step.id)
    const line = script.get(step.id)
    // A line of a script that starts no program is no step, and has no records.
    const first = records[0] ?? line
    const took = records.length === 0 ? (line?.tookUs ?? 0) : records.reduce((sum, { startUs, endUs }) => sum + ((endUs ?? startUs) - startUs), 0)
    return {
      step: step.id, number: step.number, title: step.title === step.id ? '' : step.title, depth: step.depth, container: step.container, undo: false,
      startUs: first === undefined ? null : Math.max(0, first.startUs),
      tookUs: took,
      visits: records.length === 0 ? (line?.passes ?? 0) : records.length,
      result: records.some(({ result }) => result === 'failed') ? 'failed' : (records.at(-1)?.result ?? (line === undefined ? 'not reached' : 'done')),
      downUs: step.container ? 0 : records.reduce((sum, { writeDowntimeUs }) => sum + writeDowntimeUs, 0),
      failing: step.id === failing && !counterexample.step.startsWith('undo of '),
      needed: needed.has(step.id),
      remarks: (line?.remarks ?? []).map((words) => ({ words, unseen: words.includes(UNSEEN) })),
    }
  })
  const back = undo.map((record): TreeLine => ({
    step: record.step, number: '', title: record.title, depth: 0, container: false, undo: true, startUs: Math.max(0, record.startUs), tookUs: (record.endUs ?? record.startUs) - record.startUs, visits: 1, result: record.result, downUs: record.writeDowntimeUs,
    failing: counterexample.step === `undo of ${record.step.replace(/^undo of /, '')}`, needed: false, remarks: [],
  }))
  return [...lines, ...back]
}

function twinView({ counterexample, rehearsal, twin, outline }: Story, plan: Plan, names: (id: string) => string): TwinView | null {
  const { explained } = counterexample
  if (twin === undefined || explained === undefined) return null
  const timeline = timelineOf(twin, outline, plan)
  if (timeline === undefined) return null
  const [a, b] = partingOf(milestonesOf(rehearsal), milestonesOf(twin), 3)
  const [words = ''] = twinSentences(explained, asStruck(counterexample.schedule, rehearsal), names)
  return { passes: explained.twins.nearest?.fails.length === 0, words, timeline: { ...timeline, commands: [] }, parting: [a, b].map((list) => list.map(({ atUs, text }) => ({ atUs: Math.max(0, Math.round(atUs)), text }))) as unknown as TwinView['parting'] }
}
