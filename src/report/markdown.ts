/** Markdown for a job summary or a pull request. */
import { countRuns } from '../campaign/ranges.ts'
import { notNeeded } from '../campaign/needless.ts'
import { AGAIN_TITLE, againWords } from './again.ts'
import { endingRows, endingTitle } from './ending.ts'
import type { CampaignResult, Mends, Sensitivity } from '../campaign/result.ts'
import type { MeasureId } from '../result.ts'
import type { SweepSummary } from '../campaign/sweep/summary.ts'
import { GATE_COLUMNS, gateFigures, howJudged, telling, titleOf, wordFor } from './gates.ts'
import { heatMaps } from './heat.ts'
import { noneWords, offersOf } from './mends.ts'
import { renderSensitivity, valueText } from './sensitivity.ts'
import { badgeWords, saturation, sentence } from './summary.ts'
import { GRID_COLUMNS, completeness, gridRows, toleranceOf, turningBack } from './sweep.ts'
import { PLAIN } from './text.ts'
import type { Setting } from './settings.ts'
import { count, formatMeasure, formatShare, formatZeroBelow, measureName, plain } from './words.ts'

/** What a section says beside the result. */
export interface Beside {
  readonly description: string
  readonly settings: readonly Setting[]
  readonly overrides: string
  /** Where, why and what would avoid it, as on a terminal. */
  readonly brief: readonly string[]
}

/** One section a scenario. @param stories the told story of each result, by scenario name @param beside what its scenario says, likewise */
export function renderMarkdown(results: readonly CampaignResult[], stories: ReadonlyMap<string, readonly string[]>, beside: ReadonlyMap<string, Beside> = new Map()): string {
  return results.map((result) => section(result, stories.get(result.scenario) ?? [], beside.get(result.scenario))).join('\n')
}

function section(result: CampaignResult, story: readonly string[], beside?: Beside): string {
  const badge = `${result.verdict === 'violated' ? '❌' : result.partial ? '⏸' : '✅'} ${badgeWords(result).toLowerCase()}`
  const faults = result.sweep !== null ? `${plain(result.runs)} of ${count(result.sweep.size, 'cell')} of the grid` : result.faultsPerRun === 0 ? 'no faults' : `up to ${count(result.faultsPerRun, 'fault')} each, ${plain(result.struck)} struck`
  const lines = [`## ${cell(result.scenario)}: ${badge}`, '', cell(sentence(result)), '', `${count(result.runs, 'rehearsal')}, ${faults}, seed \`${result.seed}\`, fingerprint \`${result.fingerprint}\`, Proofroll ${result.proofroll}.`]
  if (beside !== undefined && beside.overrides !== '') lines.push('', `**Set on the command line:** ${cell(beside.overrides)}.`)
  if (beside !== undefined && beside.brief.length > 0) lines.push('', '```text', ...beside.brief, '```')
  // Why it failed comes before what was measured.
  if (story.length > 0) lines.push('', '### The smallest failing story', '', '```text', ...story, '```')
  if (result.partial) lines.push('', `Partial: ${plain(result.runs)} of ${plain(countRuns(result.asked))} rehearsals are done.${result.resume === undefined ? '' : ` To go on: \`${result.resume}\``}`)
  // The cells of a grid are no draws: they have neither quantiles nor intervals.
  if (result.claims.length > 0 && result.sweep === null) {
    const rows = result.claims.map((claim) => [measureName(claim.measure), formatMeasure(claim.measure, claim.claimed), formatMeasure(claim.measure, claim.p50), formatMeasure(claim.measure, claim.p99), plain(claim.runsAbove)])
    lines.push('', '### Claimed and measured', '', ...grid(['measure', 'claimed', 'p50', 'p99', 'runs above'], rows))
  }
  if (result.objectives.length > 0) {
    const rows = result.objectives.map((each) => [measureName(each.measure), each.at, each.max === null ? `≥ ${formatMeasure(each.measure, each.min ?? 0)}` : `≤ ${formatMeasure(each.measure, each.max)}`, formatMeasure(each.measure, each.measured), each.status])
    lines.push('', '### Objectives', '', ...grid(['measure', 'at', 'wanted', 'measured', 'status'], rows))
  }
  const checks = result.checks.filter((check) => check.status !== 'notApplicable').map((check) => [check.id, check.status, plain(check.violations), check.ci95 === null ? '' : check.violations === 0 ? formatZeroBelow(check.judged) : `${formatShare(check.ci95[0])} – ${formatShare(check.ci95[1])}`])
  const heads = ['check', 'status', 'violations', ...(result.sweep === null ? ['rate (95 % sure)'] : [])]
  lines.push('', '### Checks', '', ...grid(heads, checks.map((row) => row.slice(0, heads.length))))
  if (result.sweep !== null) lines.push('', ...sweepSection(result, result.sweep))
  else lines.push('', '### Measured', '', ...measured(result))
  const gates = telling(result)
  if (gates.length > 0) lines.push('', wordFor(gates) === 'gate' ? '### Gates' : '### Guards', '', ...grid([wordFor(gates), ...GATE_COLUMNS, 'no data', 'stale'], gates.map((gate) => [titleOf(gate), ...gateFigures(gate), plain(gate.missing), plain(gate.stale)])), '', howJudged(gates))
  if (result.ending !== undefined) lines.push('', `### ${endingTitle(result)}`, '', ...grid(['at', 'step', ''], endingRows(result).map(({ at, step, text, answer }) => [at, step, cell(answer === undefined ? text : `${text} → ${answer}`)])))
  if (result.again !== undefined) lines.push('', `### ${AGAIN_TITLE}`, '', ...againWords(result).map((words) => `- ${cell(words)}`))
  if (result.needless !== undefined) {
    const spare = notNeeded(result.needless)
    lines.push('', '### No rehearsal needed', '', spare.length === 0 ? 'Each step and gate was needed.' : spare.map((step) => `${cell(step.step)} (tried without in ${plain(step.tried)})`).join(', '))
  }
  if (result.sensitivity !== undefined) lines.push('', ...sensitivitySection(result, result.sensitivity))
  if (result.mends !== undefined) lines.push('', ...mendsSection(result, result.mends))
  if (beside !== undefined && beside.settings.length > 0) lines.push('', '### What the scenario says of its cluster and load', '', ...(beside.description === '' ? [] : [cell(beside.description.trim()), '']), ...grid(['option', 'value', 'meaning'], beside.settings.map(({ option, value, meaning, overridden }) => [`\`${option}\``, `${value}${overridden ? ' (set)' : ''}`, meaning])))
  return [...lines, ''].join('\n')
}

/** Small edits of a script that prevent a failure, as diffs. */
function mendsSection(result: CampaignResult, mends: Mends): string[] {
  const { first, others, none, how } = offersOf(result)
  const told = [...first, ...others].flatMap((offer) => ['', `**${cell(offer.title)}**`, '', ...offer.words.map((words) => `- ${words}`), '', '```diff', offer.mend.patch, '```'])
  return ['### Smallest edits that prevent it', '', how, ...told, ...(none.length > 0 ? ['', noneWords(none, mends.tried)] : [])]
}

function measured(result: CampaignResult): string[] {
  const ids = (Object.keys(result.measures) as MeasureId[]).filter((id) => result.measures[id].max > 0)
  return grid(['measure', 'p50', 'p95', 'p99', 'max'], ids.map((id) => [measureName(id), ...(['p50', 'p95', 'p99', 'max'] as const).map((at) => formatMeasure(id, result.measures[id][at]))]))
}

/** What was covered and what came of it. Maps and the way back as on a terminal, tables as tables. */
function sweepSection(result: CampaignResult, sweep: SweepSummary): string[] {
  const lines = ['### The grid', '', ...grid(GRID_COLUMNS, gridRows(sweep)), '', completeness(result, sweep)]
  if (sweep.notStruck.length > 0) lines.push('', 'Not struck:', '', ...grid(['cells', 'why'], sweep.notStruck.map(({ why, runs }) => [plain(runs), why])))
  for (const [heading = '', ...told] of [...heatMaps(result, PLAIN), turningBack(result, PLAIN)].filter((section) => section.length > 0)) lines.push('', `### ${heading}`, '', '```text', ...told, '```')
  const tolerance = toleranceOf(result)
  if (tolerance !== undefined) lines.push('', '### Which mistakes of the operator the runbook survives', '', ...grid(['step', ...tolerance.columns], tolerance.rows), '', tolerance.words)
  const [heading = '', ...told] = saturation(result, PLAIN)
  if (told.length > 0) lines.push('', `### ${heading}`, '', told.map((line) => line.trim()).join(' '))
  return lines
}

/** The same words as on a terminal, and the table as a table. */
function sensitivitySection(result: CampaignResult, { tornado }: Sensitivity): string[] {
  const words = renderSensitivity(result, PLAIN)
  const told = words.slice(1, words.indexOf('')).map((line) => line.trimEnd())
  const rows = tornado.map(({ measure, option, low, high, atLow, atHigh, swing }) => [measureName(measure), `\`${option}\``, `${valueText(low)} – ${valueText(high)}`, ...[atLow, atHigh, swing].map((value) => formatMeasure(measure, value))])
  return ['### What hangs on the assumptions', '', '```text', ...told, '```', '', ...grid(['measure', 'assumption', 'low – high', 'mean at low', 'mean at high', 'swing'], rows)]
}

/** A Markdown table. */
export const markdownGrid = grid

function grid(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)]
}

function cell(text: string): string {
  return text.replace(/[|\\]/g, '\\$&').replace(/</g, '&lt;').replace(/\s+/g, ' ')
}
