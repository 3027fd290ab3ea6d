/** The worst rehearsals of a campaign as the page shows them: how one came to be, and how to see it again. */
import { runsJudged } from '../../campaign/result.ts'
import { commandFor } from '../../campaign/strategy.ts'
import type { Worst } from '../../campaign/worst.ts'
import type { CheckId, MeasureId } from '../../result.ts'
import { atEndWords } from '../atEnd.ts'
import { causeNamed } from '../causes.ts'
import { clauseWords } from '../evidence.ts'
import { firstOf, ofMeasure } from '../first.ts'
import { isNamed, listed, passedOverSentences } from '../slips.ts'
import { type OutlineStep, namesOf } from '../story.ts'
import type { Told } from '../told.ts'
import { formatMeasure, measureName, plain, violationWords } from '../words.ts'
import { clock, timed } from './clock.ts'
import { treeOf } from './failure.ts'
import { longest } from './missed.ts'
import type { WorstView } from './page.ts'
import { standstillsView } from './standstill.ts'
import { timelineOf } from './timeline.ts'

const OUTCOMES = { completed: 'completed', rolledBack: 'was rolled back', aborted: 'was aborted', stuck: 'got stuck' } as const
/** Commands kept with their output, around where it goes wrong. */
const COMMANDS_MAX = 40
/** What failures, sample and worst may take together: a page has to stay below 1 MB, of which program, style and the rest are 0.3. As JSON; what is shown at first counts twice, for it is there as text as well. */
const ROOM_BYTES = 640_000
/** What a check says of the measure explains how it came to be so much. */
const CHECK_OF: Readonly<Partial<Record<MeasureId, CheckId>>> = { lostAcknowledgedWrites: 'no-acknowledged-write-lost', splitBrainSeconds: 'no-split-brain' }

/**
 * @param id of the campaign: those here are `id/w1`, `id/w2`
 * @param others views that are on the page already, and those of them that are shown at first
 * @returns those with a picture, and what to type for one that had no room
 */
export function worstViews(told: Told, outline: readonly OutlineStep[], id: string, others: { readonly all: readonly unknown[]; readonly shown: readonly unknown[] }): { readonly worst: readonly WorstView[]; readonly beyond: readonly string[] } {
  const worst: WorstView[] = []
  const beyond: string[] = []
  let bytes = JSON.stringify(others.all).length + JSON.stringify(others.shown).length
  for (const each of told.worst ?? []) {
    const view = worstView(each, told, outline, `${id}/w${worst.length + 1}`)
    const size = JSON.stringify(view ?? '').length * (worst.length === 0 ? 2 : 1)
    if (view !== undefined && bytes + size <= ROOM_BYTES) {
      worst.push(view)
      bytes += size
    }
    else beyond.push(`The worst rehearsal for ${listed(each.measures.map(measureName))} was run ${plain(each.run)}: \`${commandFor(told.result.strategy, told.scenario, told.result.seed, each.run)} --report DIR\`.`)
  }
  return { worst, beyond }
}

function worstView({ run, measures, rehearsal }: Worst, { scenario, result }: Told, outline: readonly OutlineStep[], id: string): WorstView | undefined {
  const names = namesOf(outline)
  const [most] = measures as readonly [MeasureId, ...MeasureId[]]
  const failed = rehearsal.verdicts.filter(({ status, check }) => status === 'fail' && check !== 'objectives-met')
  const verdict = failed.find(({ check }) => measures.some((measure) => CHECK_OF[measure] === check))
  const because = verdict?.because ?? []
  const first = ofMeasure(most, rehearsal) ?? (verdict === undefined ? undefined : firstOf({ counterexample: { check: verdict.check, cause: verdict.signature?.cause ?? '', because: [...because] }, rehearsal }))
  const at = rehearsal.steps.findLast(({ path, result: is, startUs }) => path === 'forward' && is !== 'skipped' && startUs <= (first?.atUs ?? 0))?.step
  const timeline = timelineOf(rehearsal, outline, scenario.runbook, at, COMMANDS_MAX)
  if (timeline === undefined) return undefined
  const struck = timeline.faults.filter((fault) => fault.struck)
  const chain = because.toSorted((a, b) => a.atUs - b.atUs)
  const writeStop = measures.some((measure) => ofMeasure(measure, rehearsal)?.what.includes('write stop')) ? longest(rehearsal, names, 'In it') : []
  const about = [...chain.map(({ text }) => text), ...writeStop, ...struck.map(({ target }) => target)]
  return {
    id, headline: `The worst rehearsal for ${listed(measures.map(measureName))}`, timeline,
    tree: treeOf({ outline, rehearsal, counterexample: { step: '-' } }, scenario.runbook),
    because: chain.map(({ atUs, text, step }) => ({ atUs: Math.round(atUs), clock: atUs < 0 ? 'before' : clock(atUs), text: timed(clauseWords(text)), step: step === undefined || step === '-' ? '' : names(step), said: false })),
    first: first === undefined ? null : { atUs: Math.max(0, Math.round(first.atUs)), what: first.what }, inevitable: null, twin: null,
    about: timeline.members.map(({ member }) => member).filter((member) => about.some((words) => isNamed(member, words))),
    step: '', needed: [], smallest: null, slips: passedOverSentences(rehearsal, names).map(timed), atEnd: timed(atEndWords(rehearsal)), standstills: standstillsView(rehearsal, names),
    measures,
    amounts: measures.map((each) => `${measureName(each)} ${formatMeasure(each, rehearsal.measures[each])} (half of all at most ${formatMeasure(each, result.measures[each].p50)})`).join(', '),
    why: [...(verdict?.signature === undefined ? [] : [`${capital(causeNamed(verdict.signature.cause))}.`]), ...writeStop],
    command: commandFor(result.strategy, scenario, result.seed, run),
    words: `Run ${plain(run)}, one of ${plain(runsJudged(result))}${struck.length === 0 ? ', in which no fault struck' : `, in which ${struck.length === 1 ? 'this fault' : 'these faults'} struck: ${struck.map(({ words }) => words).join('; ')}`}. It ${OUTCOMES[rehearsal.outcome]}${failed.length === 0 ? ', and no check of it failed' : `. It ${failed.map(({ check }) => violationWords(check)).join('; it ')}`}.`,
  }
}

function capital(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}
