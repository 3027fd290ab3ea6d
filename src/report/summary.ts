/** The end-of-run summary: what a tired person must know, verdict first. Everything comes from the result file, so `report FILE` shows the same screen. */
import { formatDuration } from '../kernel/index.ts'
import { OUTCOMES } from '../campaign/aggregate.ts'
import { unhit } from '../campaign/probes.ts'
import { countRuns } from '../campaign/ranges.ts'
import { type CampaignResult, type CheckSummary, type ObjectiveSummary, runsJudged } from '../campaign/result.ts'
import { CHECKS, type MeasureId, type Outcome } from '../result.ts'
import { renderAgain } from './again.ts'
import { idleBadge, idleWords, renderDeeds } from './deeds.ts'
import { renderEnding } from './ending.ts'
import { gates, needless } from './gates.ts'
import type { StepNames } from './explained.ts'
import { renderSensitivity } from './sensitivity.ts'
import { type OutlineStep, type Story, namesOf } from './story.ts'
import { briefLines } from './brief.ts'
import { overrideWords, settingLines, settingsOf } from './settings.ts'
import type { Scenario } from '../scenario/index.ts'
import { renderSweep } from './sweep.ts'
import { type Screen, cut, glyphsFor, hang, paintFor, table } from './text.ts'
import { count, divergenceWords, formatMeasure, formatShare, formatZeroBelow, measureName, plain, violationWords } from './words.ts'

/** How many assumptions are listed before the rest are only counted. */
const ASSUMPTIONS_SHOWN = 16
const STEPS_SHOWN = 5
/** Of each sort of thing never hit, so many are named; with `--strict` all of them. */
const UNHIT_SHOWN = 8
/** Reasons for not completing: how many are shown, and the share of runs up to which they are not. */
const REASONS_SHOWN = 2
/** A reason has two lines, and one more where only that keeps it whole. */
const REASON_LINES = 3
const TOLERATED_UNFINISHED = 0.1

const OUTCOME_NAMES: Readonly<Record<Outcome, string>> = { completed: 'completed', rolledBack: 'rolled back', aborted: 'aborted', stuck: 'stuck' }
const PASSIVE: Readonly<Record<Outcome, string>> = { completed: 'completed', rolledBack: 'were rolled back', aborted: 'were aborted', stuck: 'got stuck' }

/** The summary as lines, without the story. @param outline of the runbook, for the numbers of its steps @param told the scenario, for what it sets, and the gravest failure, for the lines below the verdict */
export function renderSummary(result: CampaignResult, screen: Screen, outline: readonly OutlineStep[] = [], told?: { readonly scenario: Scenario; readonly story: Story | undefined }): string[] {
  const brief = told?.story === undefined ? [] : briefLines(told.story, screen)
  const settings = told === undefined ? [] : settingLines(told.scenario, settingsOf(told.scenario), screen)
  const sections = [headline(result, screen, told?.scenario), brief, unfinished(result, screen), renderDeeds(result, screen), renderEnding(result, screen), renderAgain(result, screen), ...evidence(result, screen, namesOf(outline)), gates(result, screen), needless(result, screen), outOfBudget(result, screen), saturation(result, screen), coverage(result, screen), renderSensitivity(result, screen), settings, assumptions(result, screen)]
  return sections.filter((lines) => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

/** What the verdict rests on. The cells of a grid are no draws: they have no rates and no quantiles. */
function evidence(result: CampaignResult, screen: Screen, names: StepNames): string[][] {
  if (result.sweep !== null) return [checks(result, screen), ...renderSweep(result, screen)]
  return [claims(result, screen), objectives(result, screen), checks(result, screen), measures(result, screen), downtimeSteps(result, screen, names)]
}

function title(text: string, screen: Screen): string {
  return paintFor(screen).bold(text)
}

function headline(result: CampaignResult, screen: Screen, scenario?: Scenario): string[] {
  const paint = paintFor(screen)
  const held = result.verdict === 'held'
  const words = badgeWords(result)
  const badge = paint.bold(held ? (result.partial ? paint.yellow(words) : paint.green(words)) : paint.red(words))
  const faults = result.faultsPerRun === 0 ? 'without faults' : `with up to ${count(result.faultsPerRun, 'fault')} each (${plain(result.struck)} struck)`
  const speed = result.elapsedSeconds > 0 ? `, in ${formatDuration(result.elapsedSeconds * 1e6)}` : ''
  const ran = result.sweep === null ? `${count(result.runs, 'rehearsal')} ${faults}${speed}; seed ${result.seed}.` : `Swept: ${plain(result.runs)} of ${count(result.sweep.size, 'cell')}${speed}; seed ${result.seed}.`
  const set = scenario === undefined ? '' : overrideWords(scenario)
  const lines = [`${badge}  ${paint.bold(result.scenario)}`, ...hang('  ', result.title, screen.columns), ...hang('  ', ran, screen.columns), ...(set === '' ? [] : hang('  ', `Set on the command line: ${set}.`, screen.columns)), ...(result.partial ? hang('  ', partialWords(result), screen.columns) : []), '', ...hang('  ', sentence(result, false), screen.columns)]
  const { mismatches, divergence } = result.determinism
  if (mismatches.length > 0) lines.push(...hang('  ', `NOT DETERMINISTIC: run ${mismatches.join(', ')} differed when repeated. This is a defect of Proofroll; please report it.${divergence === null ? '' : ` ${divergenceWords(divergence)}`}`, screen.columns))
  return lines
}

/** The verdict in a word or two. A campaign in which nothing was violated because nothing came to its end has not violated anything. */
export function badgeWords(result: CampaignResult): string {
  if (result.runs === 0) return 'NOTHING REHEARSED'
  if (result.verdict === 'held') return result.partial ? 'PARTIAL' : 'HELD'
  if (result.checks.some(({ status }) => status === 'fail')) return 'VIOLATED'
  if (!tooSeldom(result)) return idleBadge(result) ?? 'VIOLATED'
  return result.outcomes.completed === 0 ? 'NEVER COMPLETED' : 'SELDOM COMPLETED'
}

/** Whether no rehearsal reached the end of the runbook. */
export function neverCompleted(result: Pick<CampaignResult, 'floors' | 'outcomes'>): boolean {
  return tooSeldom(result) && result.outcomes.completed === 0
}

function tooSeldom({ floors }: Pick<CampaignResult, 'floors'>): boolean {
  return floors.some(({ id, status }) => id === 'completes' && status === 'fail')
}

/** Reasons for not reaching the end, the most frequent first, each as the run of lowest number gave it. */
export function reasonsOf({ reasons, aggregate }: CampaignResult): { readonly outcome: Outcome; readonly why: string; readonly runs: number }[] {
  return Object.entries(reasons).filter(([reason]) => !reason.startsWith('completed:')).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([reason, runs]) => {
    const [, outcome = 'aborted', why = ''] = /^(\w+): ?(.*)$/s.exec(aggregate.reasonExamples[reason]?.text ?? reason) ?? []
    return { outcome: outcome as Outcome, why: why === '' ? 'no reason given' : why, runs }
  })
}

/** `all were aborted`, `15 were aborted, 5 rolled back`. */
function howTheyEnded({ outcomes, outOfBudget, unjudged }: CampaignResult): string {
  const ended = OUTCOMES.map((id) => ({ words: PASSIVE[id], runs: outcomes[id] - outOfBudget.outcomes[id] - unjudged.outcomes[id] })).filter(({ runs }) => runs > 0)
  return ended.length === 1 ? `all ${ended[0]?.words ?? ''}` : ended.map(({ words, runs }) => `${plain(runs)} ${words}`).join(', ')
}

function partialWords({ runs, asked, resume }: CampaignResult): string {
  return `Partial: ${plain(runs)} of ${plain(countRuns(asked))} rehearsals are done, and all that is said here is said of them alone.${resume === undefined ? '' : ` To go on: ${resume}`}`
}

/**
 * Why runs did not come to their end, when that is more than an exception: whoever mistyped a command must not have to look for it in a file.
 */
function unfinished(result: CampaignResult, screen: Screen): string[] {
  const inBudget = runsJudged(result)
  const reasons = reasonsOf(result)
  const runs = reasons.reduce((sum, each) => sum + each.runs, 0)
  if (runs <= (undisturbed(result) ? 0 : inBudget * TOLERATED_UNFINISHED)) return []
  const lines = reasons.slice(0, REASONS_SHOWN).flatMap(({ outcome, why, runs: n }) => inFewLines(`  ${plain(n)} of ${plain(inBudget)} `, `${OUTCOME_NAMES[outcome]}: ${why}`, screen))
  const more = reasons.length > REASONS_SHOWN ? [`  and ${count(reasons.length - REASONS_SHOWN, 'more reason')}; all are in the JSON result`] : []
  return [title('Why the runbook did not reach its end', screen), ...lines, ...more]
}

/** Keeps the end of a reason, where the program's own words stand, by shortening the command line quoted in it. */
function inFewLines(prefix: string, text: string, screen: Screen): string[] {
  const { ellipsis } = glyphsFor(screen)
  const fits = (words: string, most = 2): boolean => hang(prefix, words, screen.columns).length <= most
  let shown = (screen.unicode ? text : text.replaceAll('µ', 'u')).replace(/\s+/g, ' ')
  for (let room = 60; !fits(shown) && room >= 20; room -= 5) shown = shown.replace(/`([^`]+)`/g, (_, command: string) => `\`${cut(command, room, ellipsis)}\``)
  while (!fits(shown, REASON_LINES)) shown = `${shown.slice(0, -2 - ellipsis.length)}${ellipsis}`
  return hang(prefix, shown, screen.columns)
}

/** Of which rehearsals a check can be judged: all, those that completed, or some others. */
export function judgedOf(result: CampaignResult, id: string): { readonly is: 'all' | 'completed' | 'some'; readonly judged: number } {
  const { outcomes, outOfBudget, unjudged, checks: all } = result
  const inBudget = runsJudged(result)
  const judged = all.find((check) => check.id === id)?.judged ?? 0
  const completed = outcomes.completed - outOfBudget.outcomes.completed - unjudged.outcomes.completed
  // What is missed on the whole is judged once, and tells of all.
  return id === 'objectives-met' || judged === 0 || judged === inBudget ? { is: 'all', judged: inBudget } : { is: judged === completed ? 'completed' : 'some', judged }
}

/**
 * The verdict in plain words.
 * @param reasons with the most frequent reason for not reaching the end, where nothing else shows it
 */
export function sentence(result: CampaignResult, reasons = true): string {
  const inBudget = runsJudged(result)
  if (result.runs === 0) return 'No rehearsal fell into this part.'
  if (inBudget === 0) return result.unjudged.runs > 0 ? 'Nothing here is judged: mistakes of the operator, turns past the point of no return, or too much at once.' : 'Every rehearsal was out of budget: nothing was judged.'
  const failed = result.checks.filter((check) => check.status === 'fail' && check.id !== 'objectives-met')
  // What happened equally often, of equally many, is one sentence.
  const often = [...new Set(failed.map(({ violations, judged }) => `${violations}/${judged}`))]
  const parts = often.map((key) => {
    const alike = failed.filter(({ violations, judged }) => `${violations}/${judged}` === key) as [CheckSummary, ...CheckSummary[]]
    const [{ violations, judged, id }] = alike
    const words = listed(alike.map((check) => violationWords(check.id)))
    const of = judgedOf(result, id)
    if (of.is === 'completed') return `${violations === judged ? `All ${plain(judged)}` : `${plain(violations)} of the ${plain(judged)}`} that completed ${words.replace(/^completed with/, 'had')}.`
    return `${violations === inBudget ? 'Every time' : `In ${plain(violations)} of ${plain(judged)}${of.is === 'some' ? ' that this can be said of' : ''}`} it ${words}.`
  })
  const missed = result.objectives.filter((objective) => objective.status === 'fail')
  if (missed.length > 0) parts.push(`${missed.length === 1 ? 'One objective was' : `${missed.length} objectives were`} missed: ${missed.map((each) => measureName(each.measure)).join(', ')}.`)
  for (const floor of result.floors ?? []) {
    if (floor.status !== 'fail') continue
    if (floor.id === 'probes-hit') parts.push(`Not everything was hit, and --strict wants it: ${floor.evidence.split(';')[0] ?? ''}.`)
    else if (floor.id === 'completes' && result.outcomes.completed > 0) parts.push(`In ${plain(inBudget - result.outcomes.completed)} of ${count(inBudget, 'rehearsal')} the runbook did not reach its end${result.faultsPerRun === 0 ? ', though no fault struck' : ''} (${howTheyEnded(result)})${reasons ? `. ${firstReason(result)}` : ''}.`)
    else if (floor.id === 'completes') parts.push(`In none of ${count(inBudget, 'rehearsal')} did the runbook reach its end (${howTheyEnded(result)}), so nothing was shown about it${reasons ? `. ${firstReason(result)}` : ''}.`)
    else if (floor.id === 'acts') parts.push(idleWords(result))
    else parts.push('No fault ever struck, so nothing was shown about faults.')
  }
  if (parts.length > 0) return parts.join(' ')
  if (result.sweep !== null) return `Nothing failed in ${plain(inBudget)} cells${result.runs < result.sweep.size ? ` (of ${plain(result.sweep.size)})` : ', the whole grid'}.`
  return `Nothing failed in ${plain(inBudget)}: a failure is ${formatZeroBelow(inBudget)} of rehearsals drawn this way, with 95 % confidence.${undisturbed(result) ? cutShort(result) : ''}`
}

/** A campaign without faults: a runbook that does not reach its end there has something to be looked at. */
function undisturbed({ faultsPerRun, sweep }: CampaignResult): boolean {
  return faultsPerRun === 0 && sweep === null
}

/** That nothing was damaged is half of it: ` But 4 did not complete (4 were aborted).` */
function cutShort({ outcomes, outOfBudget, unjudged }: CampaignResult): string {
  const short = OUTCOMES.filter((id) => id !== 'completed').map((id) => ({ words: PASSIVE[id], runs: outcomes[id] - outOfBudget.outcomes[id] - unjudged.outcomes[id] })).filter(({ runs }) => runs > 0)
  if (short.length === 0) return ''
  return ` But ${plain(short.reduce((sum, { runs }) => sum + runs, 0))} did not complete (${short.map(({ words, runs }) => `${plain(runs)} ${words}`).join(', ')}).`
}

function firstReason(result: CampaignResult): string {
  const [first] = reasonsOf(result)
  return first === undefined ? 'No reason was given' : `Most often: ${first.why.replace(/\.$/, '')}`
}

/** `a`, `a and b`, `a, b and c`. */
function listed(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`
}

function claims(result: CampaignResult, screen: Screen): string[] {
  if (result.claims.length === 0) return []
  const { atMost } = glyphsFor(screen)
  const inBudget = runsJudged(result)
  const rows = result.claims.map((claim) => [
    measureName(claim.measure),
    claim.claimed === 0 ? 'none' : `${atMost} ${formatMeasure(claim.measure, claim.claimed)}`,
    formatMeasure(claim.measure, claim.p50),
    formatMeasure(claim.measure, claim.p99),
    claim.runsAbove === 0 ? (neverCompleted(result) ? 'not shown' : 'never') : claim.runsAbove === inBudget ? 'every time' : `${plain(claim.runsAbove)} of ${plain(inBudget)}`,
  ])
  return [title('Claimed and measured', screen), ...table([['', 'claimed', 'p50', 'p99', 'exceeded'], ...rows], 2)]
}

function objectives(result: CampaignResult, screen: Screen): string[] {
  if (result.objectives.length === 0) return []
  const rows = result.objectives.map((each) => [`${mark(isUntested(result, each) ? 'none' : each.status, screen)} ${measureName(each.measure)}`, `${each.at} ${bounds(each, screen)}`, formatMeasure(each.measure, each.measured)])
  return [title('Objectives', screen), ...paintMarks(table([['', 'wanted', 'measured'], ...rows], 2), screen), ...untested(result, screen), ...aboutFaultFree(result, screen)]
}

/** Without a single write nothing can be lost or wait, and a runbook that never reaches its end costs nothing: such an objective is met and not tested. */
function isUntested(result: CampaignResult, { measure, status }: ObjectiveSummary): boolean {
  return status === 'pass' && (neverCompleted(result) || withoutWrites(result, measure))
}

function withoutWrites({ load }: CampaignResult, measure: string): boolean {
  return load?.writesPerSecond === 0 && /writ/i.test(measure)
}

function untested(result: CampaignResult, screen: Screen): string[] {
  if (neverCompleted(result)) return result.objectives.some((each) => isUntested(result, each)) ? hang('  ', 'not tested: the runbook never reached its end', screen.columns) : []
  const names = result.objectives.filter((each) => isUntested(result, each)).map((each) => measureName(each.measure))
  return names.length === 0 ? [] : hang('  ', `not tested: the load is 0 writes/s (${[...new Set(names)].join(', ')})`, screen.columns)
}

/** Objectives that speak of the upgrade alone, in a campaign with faults. */
function aboutFaultFree(result: CampaignResult, screen: Screen): string[] {
  const skipped = result.objectives.filter((each) => each.status === 'notExercised' && each.faults === 'none')
  return skipped.length === 0 ? [] : hang('  ', `not judged here, about rehearsals without faults: ${[...new Set(skipped.map((each) => measureName(each.measure)))].join(', ')}`, screen.columns)
}

function bounds({ measure, max, min }: ObjectiveSummary, screen: Screen): string {
  const { atMost, atLeast } = glyphsFor(screen)
  const parts = [min === null ? '' : `${atLeast} ${formatMeasure(measure, min)}`, max === null ? '' : `${atMost} ${formatMeasure(measure, max)}`]
  return parts.filter((part) => part !== '').join(', ')
}

function checks(result: CampaignResult, screen: Screen): string[] {
  const inBudget = runsJudged(result)
  const perRun = result.checks.filter((check) => check.id !== 'objectives-met')
  const failed = perRun.filter((check) => check.status === 'fail').map((check) => [`${mark('fail', screen)} ${check.id}`, `violated in ${plain(check.violations)} of ${plain(check.judged)}`, ...(check.ci95 === null ? [] : [`${formatShare(check.rate ?? 0)} (${interval(check, screen)})`])])
  const lines = paintMarks(table(failed, 2, 2), screen)
  const fold = (checks: readonly CheckSummary[], sign: string, words: string): void => {
    if (checks.length > 0) lines.push(...paintMarks(hang(`  ${sign} `, `${words}: ${checks.map((check) => check.id).join(', ')}`, screen.columns), screen))
  }
  const passed = perRun.filter((check) => check.status === 'pass')
  fold(passed.filter((check) => check.judged === inBudget), mark('pass', screen), `held in all ${plain(inBudget)}`)
  fold(passed.filter((check) => check.judged !== inBudget), mark('pass', screen), 'held wherever they applied')
  fold(perRun.filter((check) => check.status === 'notExercised'), mark('none', screen), 'never put to the test')
  return [title('Checks', screen), ...lines]
}

function interval(check: CheckSummary, screen: Screen): string {
  const [low, high] = check.ci95 ?? [0, 1]
  return `${formatShare(low).replace(' %', '')}${glyphsFor(screen).range}${formatShare(high)}`
}

function measures(result: CampaignResult, screen: Screen): string[] {
  const ids = Object.keys(result.measures) as MeasureId[]
  const unchanged = (id: MeasureId): boolean => id.endsWith('Multiplier') && result.measures[id].max <= 1
  const idle = notTried(result)
  const zero = ids.filter((id) => result.measures[id].max === 0 && !idle.includes(id))
  const shown = ids.filter((id) => !zero.includes(id) && !idle.includes(id) && !unchanged(id))
  const rows = shown.map((id) => [measureName(id), ...(['p50', 'p95', 'p99', 'max'] as const).map((at) => formatMeasure(id, result.measures[id][at]))])
  const lines = table([['', 'p50', 'p95', 'p99', 'max'], ...rows], 2)
  // An aborted campaign of zeros everywhere still says so; a multiplier of zero only means that no bill was made.
  const folded = zero.filter((id) => !id.endsWith('Multiplier')).map(measureName)
  if (folded.length > 0) lines.push(...hang('  ', `always 0: ${folded.join(', ')}`, screen.columns).map(paintFor(screen).dim))
  if (idle.length > 0) lines.push(...hang('  ', notTriedWords(idle), screen.columns).map(paintFor(screen).dim))
  return [title('Measured', screen), ...lines, ...outcomes(result, screen)]
}

/** Measures of what no client asked for: that there was none of it says nothing. */
export function notTried({ load, measures: all }: CampaignResult): MeasureId[] {
  return load?.readsPerSecond === 0 && all.readDowntimeSeconds.max === 0 ? ['readDowntimeSeconds'] : []
}

/** `not tried: read downtime (the load has no reads)`. */
export function notTriedWords(ids: readonly MeasureId[]): string {
  return `not tried: ${ids.map(measureName).join(', ')} (the clients of this load read nothing: load.readsPerSecond is 0)`
}

function outcomes(result: CampaignResult, screen: Screen): string[] {
  const counts = OUTCOMES.map((id) => [OUTCOME_NAMES[id], result.outcomes[id] - result.outOfBudget.outcomes[id] - result.unjudged.outcomes[id]] as const).filter(([, n]) => n > 0)
  if (counts.length === 0) return []
  return hang('  ', `as the operator saw it: ${counts.map(([name, n]) => `${plain(n)} ${name}`).join(', ')}`, screen.columns)
}

function downtimeSteps(result: CampaignResult, screen: Screen, names: StepNames): string[] {
  const leaves = result.steps.filter((step) => !step.container && step.share > 0)
  const total = result.measures.writeDowntimeSeconds.mean
  if (total === 0) return []
  const rest = 1 - leaves.reduce((sum, step) => sum + step.share, 0)
  const places = leaves.map((step) => ({ name: stepLabel(names(step.step), step.title === step.step ? '' : step.title), mean: step.writeDowntimeSecondsMean, share: step.share }))
  if (rest > 0.005) places.push({ name: 'after the runbook ended', mean: total * rest, share: rest })
  places.sort((a, b) => b.share - a.share)
  const { bar, ellipsis } = glyphsFor(screen)
  const width = screen.columns - 42
  const rows = places.slice(0, STEPS_SHOWN).map(({ name, mean, share }) => [cut(name, width, ellipsis), `${formatDuration(mean * 1e6)} a run`, formatShare(share), bar.repeat(Math.max(1, Math.round(share * 12))).padEnd(12)])
  const more = places.length > STEPS_SHOWN ? [`  and ${count(places.length - STEPS_SHOWN, 'more step')}`] : []
  return [title('During which step writes were down, on average', screen), ...table(rows, 2), ...more, ...hang('  ', 'It was under way; what caused it may have been typed in an earlier one.', screen.columns).map(paintFor(screen).dim)]
}

/** `promote: Promote the new pod`, or the id alone when the title says nothing more. */
export function stepLabel(id: string, stepTitle: string): string {
  return stepTitle === '' || stepTitle === id ? id : `${id}: ${stepTitle}`
}

function outOfBudget(result: CampaignResult, screen: Screen): string[] {
  const { runs, violations } = result.outOfBudget
  if (runs === 0) return []
  const seen = CHECKS.filter((check) => (violations[check] ?? 0) > 0).map((check) => `${plain(violations[check] ?? 0)} ${violationWords(check)}`)
  const text = `${count(runs, 'rehearsal')} had more faults at once than the design must survive. They are in no figure above.${seen.length > 0 ? ` Of these, ${seen.join('; ')}.` : ''}`
  return [title('Out of budget', screen), ...hang('  ', text, screen.columns)]
}

/** Whether the last runs still met anything new. A grid is not drawn, so nothing can be said about what lies outside it. */
export function saturation({ saturation: found, runs, sweep }: CampaignResult, screen: Screen): string[] {
  if (found.combinations === 0) return []
  const met = `${count(found.combinations, 'combination')} of step, situation of the cluster and fault met`
  const unseen = found.unseenShare === null || found.unseenAtLeast === null ? '' : `, ${plain(found.once)} of them once. About ${formatShare(found.unseenShare)} of what such draws meet is still unmet (at least ${plain(Math.ceil(found.unseenAtLeast))} combinations)`
  const quiet = found.nothingNewInLast > 0 ? ` The last ${plain(found.nothingNewInLast)} of ${plain(runs)} met nothing new.` : ' The very last run still met a new one.'
  return [title('Explored', screen), ...hang('  ', sweep === null ? `${met}${unseen}.${quiet}` : `${met}.`, screen.columns)]
}

function coverage(result: CampaignResult, screen: Screen): string[] {
  const { stepsNeverStarted } = result.coverage
  const strict = result.floors.some((floor) => floor.id === 'probes-hit' && floor.status === 'fail')
  const shown = strict ? Number.POSITIVE_INFINITY : UNHIT_SHOWN
  const list = (words: string, ids: readonly string[]): string[] => {
    const more = ids.length > shown ? ` and ${plain(ids.length - shown)} more` : ''
    return hang('  ', `${words}: ${ids.slice(0, shown).join(', ')}${more}`, screen.columns)
  }
  const lines = stepsNeverStarted.length > 0 ? list('steps never started', stepsNeverStarted) : []
  // What a step never started would have hit is said already; without faults nothing has to fail or to be taken back.
  const wanted = strict ? result.probes : result.faultsPerRun > 0 ? result.probes.filter((probe) => !stepsNeverStarted.includes(probe.of)) : []
  lines.push(...unhit(wanted).flatMap(([words, of]) => list(words, of)))
  if (lines.length === 0) return []
  return [title('Not exercised', screen), ...lines.map(paintFor(screen).dim)]
}

/** The scenario's own name for each and its value; what they mean and where they come from is in the JSON. */
function assumptions(result: CampaignResult, screen: Screen): string[] {
  if (result.assumptions.length === 0) return []
  const { ellipsis } = glyphsFor(screen)
  const pairs = result.assumptions.slice(0, ASSUMPTIONS_SHOWN).map(({ option, value }) => cut(`${option} = ${valueWords(value)}`, screen.columns - 2, ellipsis))
  const rest = result.assumptions.length - ASSUMPTIONS_SHOWN
  const more = rest > 0 ? hang('  ', `and ${rest} more; all are in the JSON result, with what they mean and where they come from`, screen.columns) : []
  return [title('Assumed about the cluster, because the scenario does not say', screen), ...[...fold(pairs, screen.columns), ...more].map(paintFor(screen).dim)]
}

function valueWords(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value)
}

/** As many pairs a line as there is room for; a pair is never broken. */
function fold(pairs: readonly string[], columns: number): string[] {
  const lines: string[] = []
  for (const pair of pairs) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 2 + pair.length <= columns) lines[lines.length - 1] = `${last}, ${pair}`
    else lines.push(`  ${pair}`)
  }
  return lines
}

function mark(status: CheckSummary['status'] | 'none', screen: Screen): string {
  const { good, bad, none } = glyphsFor(screen)
  return status === 'pass' ? good : status === 'fail' ? bad : none
}

/** Colours the first mark of each line, after widths were settled. */
function paintMarks(lines: readonly string[], screen: Screen): string[] {
  const paint = paintFor(screen)
  const { good, bad } = glyphsFor(screen)
  return lines.map((line) => {
    const sign = line.slice(2, 3)
    if (sign === good) return `  ${paint.green(good)}${line.slice(3)}`
    return sign === bad ? `  ${paint.red(bad)}${line.slice(3)}` : line
  })
}

