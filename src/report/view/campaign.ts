/** One campaign as the page shows it: every figure and sentence of the terminal's summary, as tables. Nothing is computed here that is not in the result. */
import { exact95 } from '../../campaign/intervals.ts'
import { countRuns } from '../../campaign/ranges.ts'
import { type CampaignResult, type CheckSummary, runsJudged } from '../../campaign/result.ts'
import { unhit } from '../../campaign/probes.ts'
import { notNeeded } from '../../campaign/needless.ts'
import { againWords } from '../again.ts'
import { deedRows, idleBadge } from '../deeds.ts'
import { endingRows } from '../ending.ts'
import { noneWords, offersOf } from '../mends.ts'
import { MEASURES, type MeasureId } from '../../result.ts'
import { exploredWords } from '../charts/index.ts'
import { OUTCOMES } from '../../campaign/aggregate.ts'
import { causeNamed } from '../causes.ts'
import type { StepNames } from '../explained.ts'
import { type OutlineStep, namesOf, outlineOf } from '../story.ts'
import { atEndWords } from '../atEnd.ts'
import { passedOverSentences } from '../slips.ts'
import { timed } from './clock.ts'
import { folderOf } from '../files.ts'
import { GATE_COLUMNS, gateFigures, howJudged, titleOf, wordFor } from '../gates.ts'
import { flipSentences, valueText } from '../sensitivity.ts'
import { badgeWords, judgedOf, neverCompleted, notTried, notTriedWords, reasonsOf, sentence, stepLabel } from '../summary.ts'
import { GRID_COLUMNS, completeness, gridRows, toleranceOf, turningBack } from '../sweep.ts'
import { overrideWords, settingsOf, settingWords, type Setting } from '../settings.ts'
import { type Told, correctedOf, storiesOf } from '../told.ts'
import { checkMeaning, count, formatMeasure, formatShare, formatZeroBelow, measureMeaning, measureName, plain, violationWords } from '../words.ts'
import { formatDuration } from '../../kernel/index.ts'
import { distributionOf, isTelling } from './distribution.ts'
import { notCoveredOf, upgradeWords } from './covered.ts'
import { failureView, spoken, treeOf } from './failure.ts'
import { heatMapsOf } from './heat.ts'
import { boundWords, missedOf } from './missed.ts'
import type { CampaignView, Row, TableView, WorstView } from './page.ts'
import { standstillsView } from './standstill.ts'
import { timelineOf } from './timeline.ts'
import { worstViews } from './worst.ts'

const UNFINISHED_MAX = 5
const BEYOND_MAX = 12
const NOT_STRUCK_MAX = 6
/** Lines are not broken here: the browser does that. */
const WIDE = { columns: 1_000_000, colour: false, unicode: true } as const
const LIMIT = 'This was rehearsed against a model of the engine and its platform, not against the real ones. It verifies the runbook, not the database. Every rule of the model has a source and a test: `proofroll facts`.'

/** @param others campaigns of the same scenario to lay over the distributions (without faults beside with faults) */
export function campaignView(told: Told, others: readonly CampaignResult[], id: string): CampaignView {
  const { result, scenario } = told
  const drawn = result.sweep === null && result.runs > 0
  const stories = storiesOf(told)
  const outline = outlineOf(scenario.runbook)
  const corrected = correctedOf(scenario, result)
  const settings = settingsOf(scenario)
  const recorded = stories[0]?.rehearsal ?? told.sample?.rehearsal
  const failures = stories.map((story, i) => ({ ...failureView(story, result, scenario.runbook, i), id: `${id}/${i + 1}` }))
  const sample = sampleView(told, outline, id)
  const { worst, beyond } = worstViews(told, outline, id, { all: [failures, sample], shown: [failures[0] ?? null, sample] })
  return {
    id,
    scenario: result.scenario, title: result.title, engine: result.engine,
    apart: others.length === 0 ? '' : exploredWords(result),
    // A part into which no rehearsal fell has held nothing.
    verdict: result.verdict === 'violated' ? 'violated' : result.partial || result.runs === 0 ? 'partial' : 'held',
    badge: badgeWords(result),
    sentence: sentence(result),
    description: scenario.description.replace(/\s+/g, ' ').trim(),
    overrides: overrideWords(scenario),
    upgrade: upgradeWords(recorded, scenario.assumedTargets ?? []),
    notCovered: notCoveredOf(result),
    corrected: corrected === null ? null : { name: corrected, command: `proofroll run ${corrected}` },
    missed: drawn ? missedOf(result, recorded, namesOf(outline), scenario.engine.remedies) : [],
    sample,
    worst,
    worstBeyond: beyond,
    repeat: repeatOf(result),
    facts: factsOf(result, settings),
    limit: LIMIT,
    unfinished: unfinishedWords(result),
    stopped: stoppedWords(result),
    deeds: deedsView(result),
    claims: drawn ? claims(result, worst) : null,
    objectives: drawn ? objectives(result) : null,
    checks: checks(result),
    flips: result.sensitivity === undefined ? [] : flipSentences(result.sensitivity),
    tornado: tornado(result),
    assumptions: { head: ['assumption', 'value', 'meaning', 'where it comes from'], rows: result.assumptions.map(({ option, value, meaning, source }) => ({ cells: [option, valueText(value), meaning, source] })), notes: [] },
    settings: settings.length === 0 ? null : { head: ['what the scenario says', 'value', 'meaning'], rows: settings.map(({ option, value, meaning, overridden }) => ({ cells: [option, `${value}${overridden ? ' (set on the command line)' : ''}`, meaning] })), notes: [] },
    measures: drawn ? measures(result, worst) : null,
    distributions: drawn ? distributions(result, others.filter(({ sweep, runs }) => sweep === null && runs > 0)) : [],
    downtimeSteps: drawn ? downtimeSteps(result, namesOf(outline)) : null,
    failures,
    failuresBeyond: beyondWords(result),
    mends: mendsOf(result),
    ending: result.ending === undefined ? null : { head: ['at', 'step', 'what happened'], rows: endingRows(result).map(({ at, step, text, answer }) => ({ cells: [at, step, answer === undefined ? text : `${text} → ${answer}`] })), notes: [] },
    again: againWords(result),
    gates: gates(result),
    needless: needless(result),
    grid: result.sweep === null ? null : { head: GRID_COLUMNS, rows: gridRows(result.sweep).map((cells) => ({ cells })), notes: [completeness(result, result.sweep), ...result.sweep.notStruck.slice(0, NOT_STRUCK_MAX).map(({ why, runs }) => `Not struck: ${plain(runs)} ${why}`), ...(result.sweep.notStruck.length > NOT_STRUCK_MAX ? [`And ${count(result.sweep.notStruck.length - NOT_STRUCK_MAX, 'more reason')} not to strike, all in result.json.`] : [])] },
    heat: heatMapsOf(result),
    noReturn: turningBack(result, WIDE).slice(1).map((line) => line.trim().replace(/^(declared|measured) +/, '$1: ')),
    tolerance: tolerance(result),
    explored: explored(result),
    // Where nothing was rehearsed all of it was missed, which is said already.
    unhit: result.runs === 0 ? [] : unhit(result.faultsPerRun > 0 ? result.probes : result.probes.filter(({ probe }) => probe === 'gate-passed')).map(([words, of]) => `${words}: ${of.join(', ')}`).concat(result.coverage.stepsNeverStarted.length > 0 ? [`steps never started: ${result.coverage.stepsNeverStarted.join(', ')}`] : []),
    outOfBudget: result.outOfBudget.runs === 0 ? '' : `${count(result.outOfBudget.runs, 'rehearsal')} had more faults at once than the design must survive. They are in no figure here.${Object.entries(result.outOfBudget.violations).map(([check, n]) => ` ${plain(n)} ${violationWords(check)}.`).join('')}`,
  }
}

function unfinishedWords(result: CampaignResult): string[] {
  const reasons = reasonsOf(result)
  const beyond = reasons.length - UNFINISHED_MAX
  return [...reasons.slice(0, UNFINISHED_MAX).map(({ outcome, why, runs }) => `${plain(runs)} × ${outcome === 'rolledBack' ? 'rolled back' : outcome}: ${why}`), ...(beyond > 0 ? [`and ${count(beyond, 'more reason')}, all in result.json`] : [])]
}

/** Reasons told on the first screen. */
const STOPPED_FIRST = 2

/** What stopped a runbook that mostly does not reach its end, and what the last command of such a run had answered; none where that is not the matter. */
function stoppedWords(result: CampaignResult): string[] {
  if (!stopsMostly(result) || result.runs === 0) return []
  const { ending } = result
  const last = ending?.moments.findLast(({ answer }) => answer !== undefined)
  return [
    ...unfinishedWords(result).slice(0, STOPPED_FIRST).map((words) => `${words}.`),
    ...(ending === undefined || last === undefined ? [] : [`In run ${plain(ending.run)} the last command, at step ${last.step ?? '-'}, was \`${last.text.replaceAll('`', '’').replace(/\s+/g, ' ')}\`, and its answer \`${(last.answer ?? '').replaceAll('`', '’').replace(/\s+/g, ' ')}\`.`]),
  ]
}

/** Steps told before the rest are only counted. */
const DEEDS_MAX = 6

/** `Line 8` of a script, `Step 3`. */
function lineWords(step: string): string {
  return /^L\d+$/.test(step) ? `Line ${step.slice(1)}` : /:\d+$/.test(step) ? step : `Step ${step}`
}

function deedsView(result: CampaignResult): CampaignView['deeds'] {
  const found = deedRows(result)
  if (found === undefined) return null
  const code = (text: string): string => `\`${text.replaceAll('`', '’').replace(/\s+/g, ' ').trim()}\``
  const lines = found.rows.slice(0, DEEDS_MAX).map(({ step, text, said }) => {
    const at = text.indexOf(': ')
    return `${lineWords(step)} ${text.slice(0, at)}: ${code(text.slice(at + 2))}${said === '' ? '' : ` answered ${code(said)}`}`
  })
  return { idle: idleBadge(result) !== undefined, lines: [...lines, ...(found.rows.length > DEEDS_MAX ? [`and ${count(found.rows.length - DEEDS_MAX, 'more step')}, all in result.json`] : [])], advice: found.advice }
}

/** Each measure that any of them shows, in one unit and the same bars. */
function distributions(result: CampaignResult, beside: readonly CampaignResult[]): CampaignView['distributions'] {
  const all = [result, ...beside]
  return MEASURES.filter((id) => all.some((each) => isTelling(each, id))).map((id) => ({ measure: id, name: measureName(id), series: all.map((each) => ({ label: exploredWords(each), distribution: distributionOf(each, id, all) })) }))
}

/** An id that is fit for a link. */
export function campaignId(result: CampaignResult, taken: ReadonlySet<string>): string {
  const wanted = folderOf(result.scenario)
  for (let n = 1; ; n++) {
    const id = n === 1 ? wanted : `${wanted}-${n}`
    if (!taken.has(id)) return id
  }
}

function factsOf(result: CampaignResult, given: readonly Setting[]): [string, string][] {
  const inBudget = runsJudged(result)
  const { sweep, strategy } = result
  const how = sweep !== null ? `every fault at every step and wait: ${plain(result.runs)} of ${count(sweep.size, 'cell')} of the grid` : result.faultsPerRun === 0 ? 'without faults' : `with up to ${count(result.faultsPerRun, 'fault')} each, drawn at random; in ${plain(result.struck)} at least one struck`
  const outcomes = OUTCOMES.map((id) => [id, result.outcomes[id] - result.outOfBudget.outcomes[id] - result.unjudged.outcomes[id]] as const).filter(([, n]) => n > 0).map(([id, n]) => `${plain(n)} ${id === 'rolledBack' ? 'rolled back' : id}`)
  const beyond = result.outOfBudget.runs
  return [
    ['rehearsals', `${plain(result.runs)}, ${how}${beyond === 0 ? '' : `; ${plain(inBudget)} are judged, for ${plain(beyond)} had more faults at once than the design must survive`}`],
    ...(result.partial ? [['partial', `${plain(result.runs)} of ${plain(countRuns(result.asked))} rehearsals are done${result.resume === undefined ? '' : `; to go on: ${result.resume}`}`] as [string, string]] : []),
    ['as the operator saw it', outcomes.join(', ') || 'nothing was rehearsed'],
    ...(strategy.kind === 'random' && inBudget > 0 ? [[idleBadge(result) === undefined ? 'confidence' : 'what this shows', confidence(result, inBudget)] as [string, string]] : []),
    ...(given.some(({ overridden }) => !overridden) ? [['what the scenario says of its cluster and load', settingWords(given)] as [string, string]] : []),
    ...(result.without.length > 0 ? [['without', result.without.join(', ')] as [string, string]] : []),
  ]
}

/** What it takes to rehearse the very same again, and to see that it was. */
function repeatOf({ proofroll, engine, seed, fingerprint, simulatedSeconds }: CampaignResult): [string, string][] {
  return [['made by', `Proofroll ${proofroll}, engine ${engine}, ${formatDuration(simulatedSeconds * 1e6)} simulated`], ['seed', seed], ['fingerprint (the same command with the same version has the same)', fingerprint]]
}

function sampleView({ sample, scenario, result }: Told, outline: readonly OutlineStep[], id: string): CampaignView['sample'] {
  const timeline = sample === undefined ? undefined : timelineOf(sample.rehearsal, outline, scenario.runbook)
  if (sample === undefined || timeline === undefined) return null
  const { rehearsal, run } = sample
  const struck = timeline.faults.filter((fault) => fault.struck)
  const last = stopsMostly(result) && rehearsal.outcome !== 'completed' ? (rehearsal.steps.findLast((step) => step.result === 'failed' || step.result === 'open') ?? rehearsal.steps.findLast((step) => step.path === 'forward' && step.result !== 'skipped')) : undefined
  return {
    id: `${id}/0`, headline: last === undefined ? 'One rehearsal' : 'One rehearsal that did not reach its end', timeline, tree: treeOf({ outline, rehearsal, counterexample: { step: last?.step ?? '-' } }, scenario.runbook),
    because: [], first: last === undefined ? null : { atUs: timeline.operatorEndUs, what: 'the runbook ends too early' }, inevitable: null, twin: null, about: [], step: last?.step ?? '', needed: [], smallest: null, slips: passedOverSentences(rehearsal, namesOf(outline)).map(timed), atEnd: timed(atEndWords(rehearsal)), standstills: standstillsView(rehearsal, namesOf(outline)),
    words: `Run ${plain(run)} of them, ${struck.length === 0 ? 'in which no fault struck' : `in which ${struck.length === 1 ? 'this fault' : 'these faults'} struck: ${struck.map(({ words }) => words).join('; ')}`}: it ${rehearsal.outcome === 'completed' ? 'completed' : rehearsal.outcome === 'rolledBack' ? 'was rolled back' : rehearsal.outcome === 'aborted' ? 'was aborted' : 'got stuck'}${last === undefined || rehearsal.outcomeReason === '' ? '' : ` (${rehearsal.outcomeReason.replace(/\.$/, '')})`}. ${rehearsal.verdicts.some(({ status }) => status === 'fail') ? '' : 'No check of it failed. '}It is one of many, and no average.`,
  }
}

/** Nothing was broken, and yet too few came to their end. */
function stopsMostly({ floors }: CampaignResult): boolean {
  return floors.some(({ id, status }) => id === 'completes' && status === 'fail')
}

function confidence(result: CampaignResult, inBudget: number): string {
  const { checks: all } = result
  // Of several the gravest: it is the one that is told first. They are in their order.
  const worst = all.find(({ status, id }) => status === 'fail' && id !== 'objectives-met')
  if (worst?.ci95 == null && stopsMostly(result)) {
    const stopped = inBudget - result.outcomes.completed
    const [low, high] = exact95(stopped, inBudget)
    return `it did not reach its end in ${plain(stopped)} of ${plain(inBudget)}; had there been any number of rehearsals, it would be ${formatShare(low)} to ${formatShare(high)} of them (95 % sure). No check failed in any`
  }
  if (worst?.ci95 == null && idleBadge(result) !== undefined) return 'nothing: no check failed, and none was put to the test'
  if (worst?.ci95 == null) return `0 failures in ${plain(inBudget)}: a failure is ${formatZeroBelow(inBudget)} of rehearsals drawn this way (95 %)`
  return `it ${violationWords(worst.id)} in ${plain(worst.violations)} of ${plain(worst.judged)}${worst.judged < inBudget ? (judgedOf(result, worst.id).is === 'completed' ? ' that completed' : ' that this can be said of') : ''}; had there been any number of rehearsals, it would be ${formatShare(worst.ci95[0])} to ${formatShare(worst.ci95[1])} of them (95 % sure)`
}

/** A figure that leads to the rehearsal in which it was so. */
function linked(column: number, measure: string, worst: readonly WorstView[]): Pick<Row, 'links'> {
  const found = worst.find(({ measures: ids }) => ids.includes(measure))
  return found === undefined ? {} : { links: { [column]: `#${found.id}` } }
}

function claims(result: CampaignResult, worst: readonly WorstView[]): TableView | null {
  if (result.claims.length === 0) return null
  const inBudget = runsJudged(result)
  const rows = result.claims.map((claim): Row => ({
    ...linked(4, claim.measure, worst),
    status: claim.runsAbove > 0 ? 'over' : neverCompleted(result) ? 'none' : 'pass',
    cells: [measureName(claim.measure), claim.claimed === 0 ? 'none' : `at most ${formatMeasure(claim.measure, claim.claimed)}`, formatMeasure(claim.measure, claim.p50), formatMeasure(claim.measure, claim.p99), formatMeasure(claim.measure, claim.max), claim.runsAbove === 0 ? (neverCompleted(result) ? 'not shown' : 'never') : claim.runsAbove === inBudget ? 'every time' : `${plain(claim.runsAbove)} of ${plain(inBudget)}`],
  }))
  const judged = new Set(result.objectives.map(({ measure }) => measure))
  const loose = result.claims.filter(({ measure, runsAbove }) => runsAbove > 0 && !judged.has(measure)).map(({ measure }) => measureName(measure))
  const others = [...judged].map(measureName)
  return { head: ['', 'the document claims', 'measured, median', 'p99', 'worst', 'exceeded'], rows, notes: ['A claim is what the document promises: it is shown beside what was measured, and the verdict does not hang on it. The verdict comes from the objectives of the scenario and from the checks.', ...(loose.length === 0 ? [] : [`No objective of this scenario is about ${loose.join(', ')}${others.length === 0 ? '' : `; it is judged by ${others.join(', ')}`}.`])] }
}

function objectives(result: CampaignResult): TableView | null {
  if (result.objectives.length === 0) return null
  const untested = result.load?.writesPerSecond === 0
  const rows = result.objectives.map((each): Row => {
    const never = neverCompleted(result)
    const tested = !(each.status === 'pass' && (never || (untested && /writ/i.test(each.measure))))
    return { status: each.status === 'fail' ? 'fail' : each.status === 'pass' && tested ? 'pass' : 'none', cells: [measureName(each.measure), `${each.at} ${boundWords(each)}`, each.status === 'notExercised' ? (each.faults === 'none' ? 'about rehearsals without faults' : 'not judged') : `${formatMeasure(each.measure, each.measured)}${tested ? '' : never ? ' (not tested: never completed)' : ' (not tested: no writes)'}`] }
  })
  return { head: ['objective', 'wanted', 'measured'], rows, notes: [] }
}

const STATUS_WORDS: Readonly<Record<CheckSummary['status'], string>> = { pass: 'held', fail: 'violated', notExercised: 'never put to the test', notApplicable: 'does not apply' }

function checks(result: CampaignResult): TableView {
  const perRun = result.checks.filter(({ id, status }) => id !== 'objectives-met' && status !== 'notApplicable')
  const drawn = result.sweep === null
  const rows = perRun.map(({ id, status, violations, judged, rate, ci95 }): Row => ({
    status: status === 'fail' ? 'fail' : status === 'pass' ? 'pass' : 'none',
    cells: [id, checkMeaning(id), STATUS_WORDS[status], judged === 0 ? '' : `${plain(violations)} of ${plain(judged)}`, ...(drawn ? [rate === null || ci95 === null ? '' : violations === 0 ? formatZeroBelow(judged) : `${formatShare(rate)} (${formatShare(ci95[0])} – ${formatShare(ci95[1])})`] : [])],
  }))
  const order = { fail: 0, over: 1, pass: 2, none: 3 }
  return { head: ['check', 'what has to be so', 'result', 'violated in', ...(drawn ? ['rate (95 % sure)'] : [])], rows: rows.sort((a, b) => order[a.status ?? 'none'] - order[b.status ?? 'none']), notes: perRun.some(({ judged }) => judged > 0 && judged < runsJudged(result)) ? ['Some checks cannot be judged of every rehearsal: whether the target is reached only of those that completed.'] : [] }
}

function measures(result: CampaignResult, worst: readonly WorstView[]): TableView {
  const ids = (Object.keys(result.measures) as MeasureId[]).filter((id) => !(id.endsWith('Multiplier') && result.measures[id].max <= 1))
  const shown = ids.filter((id) => result.measures[id].max > 0)
  const idle = notTried(result)
  const zero = ids.filter((id) => result.measures[id].max === 0 && !idle.includes(id)).map(measureName)
  const rows = shown.map((id): Row => ({ ...linked(5, id, worst), cells: [measureName(id), measureMeaning(id), ...(['p50', 'p95', 'p99', 'max', 'mean'] as const).map((at) => formatMeasure(id, result.measures[id][at]))] }))
  return { head: ['measure', 'what it is', 'median', 'p95', 'p99', 'worst', 'mean'], rows, notes: [...(zero.length > 0 ? [`Always 0: ${zero.join(', ')}.`] : []), ...(idle.length === 0 ? [] : [`N${notTriedWords(idle).slice(1)}.`])] }
}

/** Steps that had less of it are counted. */
const LEAST_SHARE = 0.001

function downtimeSteps(result: CampaignResult, names: StepNames): TableView | null {
  const total = result.measures.writeDowntimeSeconds.mean
  if (total === 0) return null
  const leaves = result.steps.filter((step) => !step.container && step.share > 0)
  const rest = 1 - leaves.reduce((sum, step) => sum + step.share, 0)
  const places = leaves.map((step) => ({ name: spoken(stepLabel(names(step.step), step.title === step.step ? '' : step.title)), mean: step.writeDowntimeSecondsMean, share: step.share }))
  if (rest > 0.005) places.push({ name: 'after the runbook ended', mean: total * rest, share: rest })
  places.sort((a, b) => b.share - a.share)
  const told = places.filter(({ share }) => share >= LEAST_SHARE)
  return { head: ['where writes were down', 'mean a rehearsal', 'share'], rows: told.map(({ name, mean, share }) => ({ cells: [name, formatDuration(mean * 1e6), formatShare(share)] })), notes: ['The step that was under way is named; what caused it may have been typed in an earlier one, and stands with each write stop.', ...(told.length < places.length ? [`${plain(places.length - told.length)} more with less than ${formatShare(LEAST_SHARE)} each.`] : []), ...(result.checks.some(({ id, status }) => id === 'serves-at-end' && status === 'fail') ? ['Where writes had not come back when the rehearsal ended, the downtime is what had passed by then, and was to go on.'] : [])] }
}

function beyondWords(result: CampaignResult): string {
  const told = new Set(result.counterexamples.map(({ signature }) => signature))
  const rest = result.signatures.filter(({ check, cause, step }) => check !== 'objectives-met' && !told.has(`${check}/${cause}/${step}`))
  if (rest.length === 0) return ''
  const shown = rest.slice(0, BEYOND_MAX)
  // What differs in its step alone is one sentence.
  const groups = [...new Set(shown.map(({ check, cause }) => `${violationWords(check)}: ${causeNamed(cause)}`))].map((words) => {
    const steps = shown.filter(({ check, cause }) => `${violationWords(check)}: ${causeNamed(cause)}` === words).map(({ step, runs }) => `${step === '-' ? '' : `at step ${step} `}${count(runs, 'time')}`)
    return `${words}, ${steps.join(', ')}`
  })
  return `Of each check the first three ways to fail are told. ${count(rest.length, 'more way')} to fail: ${groups.join('; ')}${rest.length > BEYOND_MAX ? `; and ${plain(rest.length - BEYOND_MAX)} more, all in result.json` : ''}.`
}

function gates(result: CampaignResult): TableView | null {
  if (result.gates.length === 0) return null
  const rows = result.gates.map((gate): Row => ({
    status: gate.dishonest > 0 || gate.blind > 0 ? 'fail' : gate.mattered === 0 ? 'none' : 'pass',
    cells: [titleOf(gate), ...gateFigures(gate).map((cell) => (cell === '' ? '–' : cell)), plain(gate.missing), plain(gate.stale), gate.blind > 0 ? `said yes without data in ${plain(gate.blind)}: that protects nothing` : gate.mattered === 0 ? 'never said no, so it protected nothing here' : gate.stopped === 0 ? 'only ever waited, and passed' : ''],
  }))
  const word = wordFor(result.gates)
  return { head: [word, ...GATE_COLUMNS, 'without data', 'on stale data', ''], rows, notes: [howJudged(result.gates), `${word === 'guard' ? 'A guard is a decision of the script that can end it or hold it up; the status of a command under set -e is met only where it ends the script. stopped: it ended the script. caught: the run would have failed; false alarm: it would have completed. dishonest: it passed, and what the comment above it claims was not so. without data: it decided on an empty or failed answer. on stale data: on one that was already old.' : 'A gate looks again and again until the answer is the one it waits for. stopped: it ended the run or sent it elsewhere. caught: the run would have failed; false alarm: it would have completed. dishonest: it passed, and what it claims was not so. without data: it decided on empty or failed output. on stale data: on an answer that was already old.'} –: nothing to tell (no stop to be judged, or no claim to be held against the truth).`] }
}

function mendsOf(result: CampaignResult): CampaignView['mends'] {
  if (result.mends === undefined) return null
  const { first, others, none, how } = offersOf(result)
  return { how, offers: [...first, ...others].map(({ title, words, mend }) => ({ title, words, patch: mend.patch })), none: none.length === 0 ? '' : noneWords(none, result.mends.tried) }
}

function needless({ needless: found }: CampaignResult): string[] {
  if (found === undefined) return []
  const spare = notNeeded(found)
  return [spare.length === 0 ? 'Each step and gate was needed.' : `No rehearsal needed: ${spare.map((step) => `${step.step} (tried without in ${plain(step.tried)})`).join(', ')}.`]
}

function tornado({ sensitivity }: CampaignResult): TableView | null {
  if (sensitivity === undefined || sensitivity.tornado.length === 0) return null
  const rows = sensitivity.tornado.slice(0, 24).map(({ measure, option, low, high, atLow, atAssumed, atHigh, swing }): Row => ({ cells: [measureName(measure), option, `${valueText(low)} – ${valueText(high)}`, ...[atLow, atAssumed, atHigh, swing].map((value) => formatMeasure(measure, value))] }))
  const more = sensitivity.tornado.length - rows.length
  return { head: ['measure', 'assumption', 'range', 'mean at low', 'as assumed', 'at high', 'swing'], rows, notes: more > 0 ? [`${plain(more)} more in result.json.`] : [] }
}

function tolerance(result: CampaignResult): TableView | null {
  const found = toleranceOf(result)
  return found === undefined ? null : { head: ['step', ...found.columns], rows: found.rows.map((cells) => ({ cells })), notes: [found.words] }
}

function explored({ saturation: found, runs, sweep }: CampaignResult): string[] {
  if (found.combinations === 0) return []
  const met = `${count(found.combinations, 'combination')} of step, situation of the cluster and fault met.`
  if (sweep !== null || found.unseenShare === null) return [met]
  return [met, `About ${formatShare(found.unseenShare)} of what such draws meet is still unmet.`, found.nothingNewInLast > 0 ? `The last ${plain(found.nothingNewInLast)} of ${plain(runs)} met nothing new.` : 'The very last run still met a new one.']
}
