/** Which assumption flips the verdict, and which measure moves with what: the tornado table. */
import type { CampaignResult, Flip, Sensitivity, Tornado } from '../campaign/result.ts'
import type { MeasureId } from '../result.ts'
import { type Screen, cut, glyphsFor, hang, paintFor, table } from './text.ts'
import { count, formatMeasure, measureName, plain, violationWords } from './words.ts'

/** Of each measure so many assumptions are shown, and so many measures. */
const ROWS_SHOWN = 3
const MEASURES_SHOWN = 8
const FLIPS_SHOWN = 8
/** A measure that no assumption moves by more than this share is not shown. */
const SHARE_SHOWN = 0.02

/** The section as lines; none when no sensitivity was asked for. */
export function renderSensitivity({ sensitivity }: CampaignResult, screen: Screen): string[] {
  if (sensitivity === undefined) return []
  const { runs, varied, complete, impossible } = sensitivity
  const head = `Each of ${count(varied, 'assumption')} varied alone within its range, ${count(runs, 'rehearsal')} a value on the same luck.${complete ? '' : ' Stopped before its end.'}${impossible.length > 0 ? ` ${count(impossible.length, 'value')} cannot be in this scenario; the JSON says why.` : ''}`
  return [paintFor(screen).bold('What hangs on the assumptions'), ...hang('  ', head, screen.columns), ...flipLines(sensitivity, screen), '', ...tornadoLines(sensitivity, screen)]
}

/** Which assumptions flip the verdict, then those that change other checks, as sentences. */
export function flipSentences({ flips, verdict, varied, runs }: Sensitivity): string[] {
  const turning = flips.filter((flip) => flip.flipsVerdict)
  const others = flips.filter((flip) => !flip.flipsVerdict)
  const head = turning.length === 0 ? `None of ${count(varied, 'assumption')}, varied alone within its range (${count(runs, 'rehearsal')} a value), changes the verdict (${verdict}).` : `${count(turning.length, 'value')} of ${count(varied, 'assumption')}, varied alone, would change the verdict (${verdict} as assumed):`
  return [head, ...turning.map(flipWords), ...others.map((flip) => `The verdict stays, but with ${flipWords(flip)}`)]
}

function flipLines({ flips, verdict }: Sensitivity, screen: Screen): string[] {
  const { bad, good } = glyphsFor(screen)
  const turning = flips.filter((flip) => flip.flipsVerdict)
  const others = flips.filter((flip) => !flip.flipsVerdict)
  const lines = turning.length === 0 ? hang('  ', `None of them alone changes the verdict (${verdict}).`, screen.columns) : hang('  ', `${turning.length === 1 ? 'One value changes' : `${turning.length} values change`} the verdict (${verdict} as assumed):`, screen.columns)
  for (const flip of turning.slice(0, FLIPS_SHOWN)) lines.push(...hang(`  ${flip.verdict === 'violated' ? bad : good} `, flipWords(flip), screen.columns))
  if (turning.length > FLIPS_SHOWN) lines.push(`    and ${turning.length - FLIPS_SHOWN} more`)
  if (others.length > 0) lines.push(...hang('  ', 'The verdict stays, but other checks fail or hold:', screen.columns))
  for (const flip of others.slice(0, FLIPS_SHOWN)) lines.push(...hang('    ', flipWords(flip), screen.columns))
  if (others.length > FLIPS_SHOWN) lines.push(`    and ${others.length - FLIPS_SHOWN} more`)
  return lines
}

function flipWords({ option, assumed, value, checks, verdict, flipsVerdict, between }: Flip): string {
  const broken = checks.filter((check) => check.is === 'fail').map(brokenWords)
  const mended = checks.filter((check) => check.was === 'fail').map((check) => `${objectiveWords(check.id) ?? check.id} no longer fails`)
  const where = between === null ? '' : ` (turns between ${plain(between[0])} and ${plain(between[1])})`
  const what = [...broken, ...mended]
  return `${option} = ${valueText(value)} instead of ${valueText(assumed)}: ${what.length > 0 ? what.join('; ') : flipsVerdict ? verdict : ''}${where}`
}

function brokenWords({ id, violations, judged }: Flip['checks'][number]): string {
  const objective = objectiveWords(id)
  if (objective !== undefined) return `${objective} is missed`
  if (id === 'completes') return 'the runbook never reached its end'
  if (id === 'faults-strike') return 'no fault ever struck'
  return `in ${plain(violations)} of ${plain(judged)} it ${violationWords(id)}`
}

/** `objective writeDowntimeSeconds p99` in words; undefined for anything else. */
function objectiveWords(id: string): string | undefined {
  const [word, measure = '', at = ''] = id.split(' ')
  return word === 'objective' ? `the objective on ${measureName(measure)} (${at})` : undefined
}

function tornadoLines({ tornado }: Sensitivity, screen: Screen): string[] {
  const { ellipsis, range } = glyphsFor(screen)
  const measures = [...new Set(tornado.map((row) => row.measure))].filter((measure) => tornado.some((row) => row.measure === measure && shareOf(row) >= SHARE_SHOWN))
  if (measures.length === 0) return hang('  ', 'No measure moves by more than 2 % of its mean.', screen.columns)
  const rows: string[][] = [['mean a rehearsal', `low${range}high`, 'at low', 'at high', 'swing']]
  for (const measure of measures.slice(0, MEASURES_SHOWN)) {
    const of = tornado.filter((row) => row.measure === measure && shareOf(row) >= SHARE_SHOWN)
    rows.push([`${measureName(measure)}: ${formatMeasure(measure, of[0]?.atAssumed ?? 0)} as assumed`, '', '', '', ''])
    for (const row of of.slice(0, ROWS_SHOWN)) rows.push(tornadoRow(measure, row, screen.columns, ellipsis, range))
    if (of.length > ROWS_SHOWN) rows.push([`    and ${of.length - ROWS_SHOWN} more`, '', '', '', ''])
  }
  // A measure's own line takes no part in the width of the first column.
  const heads = new Map(rows.flatMap((row, i) => (row.slice(1).every((cell) => cell === '') ? [[i, row[0] ?? ''] as const] : [])))
  const lines = table(rows.map((row, i) => (heads.has(i) ? ['', '', '', '', ''] : row)), 2).map((line, i) => (heads.has(i) ? `  ${heads.get(i) ?? ''}` : line))
  if (measures.length > MEASURES_SHOWN) lines.push(`  and ${count(measures.length - MEASURES_SHOWN, 'more measure')}; all are in the JSON result`)
  return lines
}

function tornadoRow(measure: MeasureId, { option, low, high, atLow, atHigh, swing }: Tornado, columns: number, ellipsis: string, range: string): string[] {
  const values = `${valueText(low)}${range}${valueText(high)}`
  // Nearly all of them are the cluster's: without that word there is room for what tells them apart.
  return [cut(`  ${option.replace(/^cluster\./, '')}`, columns - 50, ellipsis), cut(values, 16, ellipsis), ...[atLow, atHigh, swing].map((value) => formatMeasure(measure, value))]
}

/** The swing as a share of the greatest mean in it. */
function shareOf({ atLow, atAssumed, atHigh, swing }: Tornado): number {
  return swing / Math.max(atLow, atAssumed, atHigh)
}

/** A value as a person writes it. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') return plain(value)
  if (typeof value === 'string' && value !== '') return value
  if (typeof value === 'object' && value !== null && 'is' in value) return distributionText(value as Readonly<Record<string, unknown>>)
  return JSON.stringify(value)
}

/** `uniform 100–1,000`. */
function distributionText({ is, ...figures }: Readonly<Record<string, unknown>>): string {
  return `${String(is)} ${Object.values(figures).map((figure) => (typeof figure === 'number' ? plain(figure) : String(figure))).join('–')}`
}
