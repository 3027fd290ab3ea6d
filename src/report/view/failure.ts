/** One distinct failure as the page shows it. */
import type { Counterexample, CampaignResult } from '../../campaign/result.ts'
import type { Plan } from '../../operator/index.ts'
import { atEndWords } from '../atEnd.ts'
import { partingOf, milestonesOf } from '../milestones.ts'
import { faultTwinSentence, inevitableSentence, isShown, lastStrikeOf, rootSentence, smallestSentence, wayOut, wayOutSentences } from '../explained.ts'
import { causeWords } from '../causes.ts'
import { clauseWords, evidenceWords, newClauses } from '../evidence.ts'
import { firstOf, unnoticedOf } from '../first.ts'
import { REMEDY_NOTE, remedyFor } from '../remedies.ts'
import { endedByHand, isNamed, passedOver, slipsOf } from '../slips.ts'
import { UNSEEN, scriptLines } from '../lines.ts'
import { type Story, namesOf, withLines } from '../story.ts'
import { judgedOf } from '../summary.ts'
import { placeOf, typedWords } from '../brief.ts'
import { asStruck, count, faultWords, formatMeasure, measureName, plain, violationWords } from '../words.ts'
import { formatDuration } from '../../kernel/index.ts'
import type { GateRecord, MeasureId, RehearsalResult, StoryLoss } from '../../result.ts'
import type { FailureView, TreeLine, TwinView } from './page.ts'
import { standstillsView } from './standstill.ts'
import { clock, timed } from './clock.ts'
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
  const of = judgedOf(result, check)
  const thatCompleted = of.is === 'completed' ? ' that completed' : ''
  const told = timed(evidenceWords(check, evidence))
  const { effect } = newClauses(evidenceWords(check, evidence), because)
  const first = firstOf(story)
  const unnoticed = unnoticedOf(story, names)
  const stepLabel = step === '-' ? '' : names(step)
  const place = placeOf(story, names)
  const members = [...new Set((rehearsal.story?.members ?? []).map(({ member }) => member))]
  return {
    id: String(nth + 1),
    check, cause, causeWords: causeWords(cause),
    step: step === '-' ? '' : step,
    stepLabel,
    headline: `It ${violationWords(check)}`,
    where: place.where,
    typed: place.step === '' ? '' : typedWords(outline, place.step, COMMAND_MAX),
    runs,
    faults: counterexample.schedule.length,
    faultsFound: counterexample.faultsFound,
    schedule: schedule.map(faultWords),
    evidence: told,
    because: because.toReversed().sort((a, b) => a.atUs - b.atUs).map((clause) => ({ atUs: Math.round(clause.atUs), clock: clause.atUs < 0 ? 'before' : clock(clause.atUs), text: timed(clauseWords(clause.text)), step: clause.step === undefined || clause.step === '-' ? '' : names(clause.step), said: clause === effect })),
    first: first === undefined ? null : { atUs: Math.max(0, Math.round(first.atUs)), what: timed(clauseWords(first.what)) },
    unnoticed: timed(unnoticed?.words ?? ''),
    about: members.filter((member) => [evidence, ...because.flatMap(({ text, node }) => [text, node ?? ''])].some((text) => isNamed(member, text))),
    root: root === undefined || root.what === '' ? null : { tested: root.tested, words: rootSentence({ root, step, schedule }, names) },
    heldUp: because.filter(({ text, atUs }) => rehearsal.story?.trace.some((record) => record.waits === true && record.atUs === atUs && record.detail === text) === true).map(({ text, atUs }) => `From ${clock(atUs)} on ${timed(text)}.`),
    slips: slipsOf(story, names).map(timed),
    tested: explained === undefined ? [] : wayOutSentences(explained, rehearsal, names).map((words) => ({ words, mends: wayOut(explained, rehearsal) !== undefined })),
    observed: explained === undefined ? '' : faultTwinSentence(explained, schedule, names),
    amount: amountOf(check, result),
    atEnd: timed(atEndWords(rehearsal)),
    judgedAt: judgedAtWords(rehearsal),
    standstills: nth < PICTURED_MAX ? standstillsView(rehearsal, names) : { told: [], more: '' },
    follows: followsFrom(counterexample, result.counterexamples),
    remedy: remedyFor(cause, story.remedies) ?? null,
    remedyNote: REMEDY_NOTE,
    advice: unnoticed?.advice ?? '',
    smallest: explained === undefined ? null : smallestSentence(explained, counterexample.schedule.length),
    needed: explained === undefined || explained.smallest.needed.length === explained.smallest.steps ? [] : explained.smallest.needed,
    inevitable: explained === undefined ? null : {
      words: timed(inevitableSentence(explained, counterexample.schedule.length, lastStrikeOf(rehearsal), names, story.often)),
      moments: explained.inevitable.moments.map(({ atUs, is, what, failed, futures }) => ({ atUs: Math.max(0, Math.round(atUs)), what: is === 'ended' ? 'the operator has ended' : is === 'struck' ? `after the ${what}` : `before step ${names(what)}`, failed, futures })),
    },
    tree: treeOf(story, plan),
    stranded: lossesOf(rehearsal.story?.losses ?? [], rehearsal.story?.line ?? ''),
    timeline: timeline ?? null,
    twin: nth < PICTURED_MAX ? twinView(story, plan, names) : null,
    replay: counterexample.replay,
    seed: counterexample.seed,
    run: whole?.run ?? 0,
    hash: rehearsal.hash,
    words: `${counterexample.schedule.length === 0 ? 'no fault needed' : count(counterexample.schedule.length, 'fault')}, ${plain(runs)} of ${plain(of.judged)}${thatCompleted}`,
    oftenWords: `${plain(runs)} of ${plain(of.judged)}${thatCompleted}`,
    often: runs === 0 ? '' : `It happened in ${runs === of.judged ? 'all' : `${plain(runs)} of`} ${count(of.judged, 'rehearsal')}${thatCompleted}.`,
  }
}

/** Which measure says how much of a failure there was. */
const AMOUNTS: Readonly<Partial<Record<string, MeasureId>>> = { 'no-acknowledged-write-lost': 'lostAcknowledgedWrites', 'no-split-brain': 'splitBrainSeconds', 'no-forbidden-skew': 'forbiddenSkewSeconds', 'no-divergent-rows': 'divergentRows' }

function amountOf(check: string, { measures, sweep }: CampaignResult): string {
  const measure = AMOUNTS[check]
  if (measure === undefined || sweep !== null || !(measures[measure].max > 0)) return ''
  const { p50, max } = measures[measure]
  return `${measureName(measure)}: median ${formatMeasure(measure, p50)}, worst ${formatMeasure(measure, max)} a rehearsal`
}

/** Objectives that a check speaks of. */
const OBJECTIVE_OF: Readonly<Partial<Record<string, string>>> = { lostAcknowledgedWrites: 'no-acknowledged-write-lost', strandedWrites: 'no-acknowledged-write-lost', inherentLostWrites: 'no-acknowledged-write-lost', splitBrainSeconds: 'no-split-brain', splitBrainWrites: 'no-split-brain', forbiddenSkewSeconds: 'no-forbidden-skew', divergentRows: 'no-divergent-rows' }

/** Whether a failure is only another one's consequence: success reported although that had happened, an objective about what a check found. */
function followsFrom({ check, cause }: Pick<Counterexample, 'check' | 'cause'>, all: readonly Pick<Counterexample, 'check' | 'cause'>[]): boolean {
  if (check === 'no-false-success') return all.some((other) => other.check !== check && other.check !== 'objectives-met' && other.cause === cause)
  return check === 'objectives-met' && all.some((other) => other.check === OBJECTIVE_OF[cause])
}

/** Whether some failure that is told speaks of the objective. */
export function isToldOf(measure: string, all: readonly Pick<Counterexample, 'check' | 'cause'>[]): boolean {
  return all.some(({ check, cause }) => (check === 'objectives-met' && cause === measure) || check === OBJECTIVE_OF[measure])
}

function judgedAtWords({ simulatedUs, measures }: RehearsalResult): string {
  const afterUs = simulatedUs - Math.round(measures.durationSeconds * 1e6)
  return afterUs < 1e6 ? '' : `Checks judge when everything has come to rest, 15 minutes after the runbook’s end at the latest: here ${formatDuration(afterUs)} after it.`
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

/** What a rehearsal's tree is made of. */
type Grown = Pick<Story, 'outline' | 'rehearsal'> & { readonly counterexample: Pick<Counterexample, 'step'> & { readonly explained?: Counterexample['explained'] | undefined } }

export function treeOf({ outline, rehearsal, counterexample }: Grown, plan: Plan): TreeLine[] {
  const failing = counterexample.step.replace(/^undo of /, '')
  const needed = new Set(counterexample.explained?.smallest.needed ?? [])
  const forward = rehearsal.steps.filter(({ path }) => path === 'forward')
  const undo = rehearsal.steps.filter(({ path }) => path === 'undo')
  const script = new Map(scriptLines(rehearsal).map((line) => [line.line, line]))
  const errors = passedOver(rehearsal)
  const errorOf = (step: string): TreeLine['error'] => {
    const own = errors.filter((each) => each.step === step)
    return own.length === 0 ? 'none' : own.every(({ silent }) => silent) ? 'silent' : 'passed over'
  }
  const lines = withLines(outline, [...script.values()]).map((step): TreeLine => {
    const records = forward.filter((record) => record.step === step.id)
    const line = script.get(step.id)
    // A line of a script that starts no program is no step, and has no records.
    const first = records[0] ?? line
    const took = records.length === 0 ? (line?.tookUs ?? 0) : records.reduce((sum, { startUs, endUs }) => sum + ((endUs ?? startUs) - startUs), 0)
    return {
      step: step.id, number: step.number, title: step.title === step.id ? '' : spoken(step.title), depth: step.depth, container: step.container, undo: false,
      startUs: first === undefined ? null : Math.max(0, first.startUs),
      tookUs: took,
      visits: records.length === 0 ? (line?.passes ?? 0) : records.length,
      skipped: records.filter(({ result }) => result === 'skipped').length,
      result: records.some((record) => record.result === 'failed' && !endedByHand(rehearsal, record)) ? 'failed' : records.some((record) => endedByHand(rehearsal, record)) ? 'interrupted' : (records.at(-1)?.result ?? (line === undefined ? 'not reached' : 'done')),
      downUs: step.container ? 0 : records.reduce((sum, { writeDowntimeUs }) => sum + writeDowntimeUs, 0),
      failing: step.id === failing && !counterexample.step.startsWith('undo of '),
      needed: needed.has(step.id),
      command: step.container || line !== undefined ? '' : commandsOf(plan, step.id, step.title),
      gate: gateWords(rehearsal.gates.filter((gate) => gate.step === step.id && gate.path === 'forward').at(-1)),
      error: errorOf(step.id),
      remarks: (line?.remarks ?? []).map((words) => ({ words, unseen: words.includes(UNSEEN) })),
    }
  })
  const back = undo.map((record): TreeLine => ({
    step: record.step, number: '', title: spoken(record.title), depth: 0, container: false, undo: true, startUs: Math.max(0, record.startUs), tookUs: (record.endUs ?? record.startUs) - record.startUs, visits: 1, skipped: 0, result: record.result, downUs: record.writeDowntimeUs,
    failing: counterexample.step === `undo of ${record.step.replace(/^undo of /, '')}`, needed: false, command: '', gate: '', error: errorOf(`undo of ${record.step.replace(/^undo of /, '')}`), remarks: [],
  }))
  return [...lines, ...back]
}

/** A variable of the runbook, told as what it stands for: its value is another in every pass. */
export function spoken(title: string): string {
  return title.replace(/\$\{(\w+)\}/g, '‹$1›')
}

const COMMAND_MAX = 1600

function commandsOf(plan: Plan, id: string, title: string): string {
  const action = plan.steps.find((step) => step.path === 'forward' && step.id === id)?.action
  const texts = action === undefined ? [] : action.kind === 'run' || action.kind === 'parallel' ? action.lines.map(({ text }) => text) : action.kind === 'gate' ? [action.line.text] : []
  const text = texts.join('; ').replace(/\s+/g, ' ').trim()
  return text === title ? '' : text.length <= COMMAND_MAX ? text : `${text.slice(0, COMMAND_MAX)} …`
}

function gateWords(gate: GateRecord | undefined): string {
  if (gate === undefined) return ''
  if (!gate.passed) return `gate said no${gate.missing ? ', for want of data' : ''}`
  return `gate said yes${gate.missing ? ' without data' : ''}${gate.honest === false ? ', against the truth' : ''}`
}

/** The nearest other rehearsal, where it shows something: see `isShown`. */
function twinView({ counterexample, rehearsal, twin, outline }: Story, plan: Plan, names: (id: string) => string): TwinView | null {
  const { explained } = counterexample
  if (twin === undefined || explained === undefined || !isShown(explained, rehearsal)) return null
  const timeline = timelineOf(twin, outline, plan)
  if (timeline === undefined) return null
  const [a, b] = partingOf(milestonesOf(rehearsal), milestonesOf(twin), 3)
  const ofRunbook = wayOut(explained, rehearsal) === explained.twins.nearest
  const words = ofRunbook ? (wayOutSentences(explained, rehearsal, names)[0] ?? '') : faultTwinSentence(explained, asStruck(counterexample.schedule, rehearsal), names)
  return { ofRunbook, words, timeline: { ...timeline, commands: [] }, parting: [a, b].map((list) => list.map(({ atUs, text }) => ({ atUs: Math.max(0, Math.round(atUs)), text }))) as unknown as TwinView['parting'] }
}
