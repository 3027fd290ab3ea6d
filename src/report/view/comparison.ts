/** A comparison as the page shows it, and its charts. */
import type { ComparisonCell, ComparisonResult, MeasureComparison, PairComparison, Winner } from '../../campaign/compare/result.ts'
import { unfitOf } from '../../campaign/compare/fit.ts'
import { countRuns } from '../../campaign/ranges.ts'
import { breakEvenChart, type DifferenceBar, differenceChart, differenceHeight, type Priced } from '../charts/comparison.ts'
import type { NamedChart } from '../charts/common.ts'
import type { Theme } from '../charts/palette.ts'
import { breakEvenWords, cellsOf, groundOf, groundWords, incomparableWords, leastWords, letterOf, lossWords, meansOf, outcomeWords, signed, varyWords, winnerShown } from '../compare.ts'
import { count, measureName, plain, violationWords } from '../words.ts'
import type { Row, TableView } from './page.ts'

export interface PairView {
  readonly title: string
  readonly names: readonly [string, string]
  readonly table: TableView
  readonly bars: readonly DifferenceBar[]
  readonly checks: readonly string[]
  readonly words: string
}

export interface ComparisonCellView {
  readonly id: string
  /** What was varied here; empty without `--vary`. */
  readonly vary: string
  readonly scenarios: readonly { readonly letter: string; readonly scenario: string; readonly title: string; /** `engine 16.9 → 17.5`; empty where no version is reached. */ readonly upgrade: string; readonly held: boolean; readonly words: string }[]
  /** Of more than two; of two their pair says it all. */
  readonly decision: TableView | null
  readonly pairs: readonly PairView[]
  readonly priced: readonly Priced[]
  /** What their price is made of. */
  readonly bill: string
  readonly breakEvens: readonly { readonly price: number; readonly text: string }[]
  /** What no price covers; empty where nobody loses a write. */
  readonly losses: string
}

export interface ComparisonView {
  /** What may make the figures another thing than they look. */
  readonly notes: readonly string[]
  /** What it comes to, where one sentence can say it. */
  readonly sentences: readonly string[]
  readonly facts: readonly (readonly [string, string])[]
  readonly cells: readonly ComparisonCellView[]
}

export function comparisonView(result: ComparisonResult): ComparisonView {
  const [cell] = result.cells as readonly [ComparisonCell]
  return {
    notes: groundWords(cell).map((words) => words.replace(/^NOTE: (\w)/, (_, first: string) => first.toUpperCase())),
    sentences: result.cells.length === 1 ? cell.pairs.map((pair) => breakEvenWords(pair, cell, result.prices.labourPerHour !== null)) : [],
    facts: [
      ['rehearsals', `${count(countRuns(result.asked), 'rehearsal')} of each${result.partial ? ', partial' : ''}, ${result.faultsPerRun === 0 ? 'without faults' : `with up to ${count(result.faultsPerRun, 'fault')} each, ${cell.anchoring === 'step' ? 'at the same steps' : 'at the same times and roles'}`}`],
      ['ground', groundOf(result)],
      ['luck', result.ownClusters ? 'the same seeds; runbooks, clusters and loads differ' : 'the same seeds: what differs is the runbook'],
      ['seed', result.seed],
      ['Proofroll', result.proofroll],
    ],
    cells: result.cells.map((each, i) => cellView(each, result, i)),
  }
}

function cellView(cell: ComparisonCell, { prices }: ComparisonResult, nth: number): ComparisonCellView {
  const labour = prices.labourPerHour !== null
  return {
    id: `comparison-${nth + 1}`,
    vary: varyWords(cell),
    scenarios: cell.scenarios.map((each, i) => ({ letter: letterOf(i), scenario: each.scenario, title: each.title, upgrade: each.upgrade?.join(', ') ?? '', held: each.verdict === 'held', words: outcomeWords(each) })),
    decision: cell.scenarios.length === 2 ? null : decisionOf(cell),
    pairs: cell.pairs.map((pair) => pairView(pair, cell, labour)),
    // What failed is no choice at any price, and its line would look like the cheaper one.
    priced: cell.scenarios.flatMap((each, i) => (unfitOf(each).length > 0 && cell.scenarios.some((other) => unfitOf(other).length === 0) ? [] : [{ label: `${letterOf(i)}  ${each.scenario}${unfitOf(each).length > 0 ? ' (failed: not comparable)' : ''}`, dollars: each.dollars.nodes + (each.dollars.labour ?? 0), minutes: each.measures.writeDowntimeSeconds.mean / 60 }])),
    bill: labour ? 'nodes, labour and downtime' : 'nodes and downtime',
    breakEvens: cell.pairs.flatMap(({ breakEven, first, second }) => (breakEven.dollarsPerMinute === null || breakEven.dollarsPerMinute <= 0 ? [] : [{ price: breakEven.dollarsPerMinute, text: `above $${breakEven.dollarsPerMinute.toFixed(2)} a minute ${letterOf(breakEven.verdict === 'firstDearer' ? first : second)} pays off against ${letterOf(breakEven.verdict === 'firstDearer' ? second : first)}` }])),
    losses: lossWords(cell),
  }
}

/** Measures in rows, scenarios in columns, and who has least. */
function decisionOf(cell: ComparisonCell): TableView {
  const { scenarios, standings } = cell
  const told = standings.filter(({ measure }) => scenarios.some((each) => each.measures[measure].max !== (measure.endsWith('Multiplier') ? 1 : 0)))
  const rows = told.map(({ measure, best: least, clear }): Row => {
    const means = meansOf(cell, measure)
    const best = leastWords(cell, measure) === '–' ? scenarios.map((_, i) => i) : least
    return { cells: [measureName(measure), ...means, new Set(means).size === 1 ? 'the same' : best.length === scenarios.length ? 'not told apart' : best.length === 0 ? 'not comparable' : clear ? best.map(letterOf).join(', ') : `${best.map(letterOf).join(', ')} (not clearly)`] }
  })
  return { head: ['mean of a rehearsal', ...scenarios.map(({ scenario }, i) => `${letterOf(i)}  ${scenario}`), 'least'], rows, notes: ['A scenario that violates its objectives is no choice, however cheap. Not comparable: the one with least failed its checks or its target, so that less of it is no merit.'] }
}

function pairView(pair: PairComparison, cell: ComparisonCell, labour: boolean): PairView {
  const { first, second, measures, checks, runs } = pair
  const [a, b] = [letterOf(first), letterOf(second)]
  const isTold = ({ measure, firstMean, secondMean }: MeasureComparison): boolean => {
    const usual = measure.endsWith('Multiplier') ? 1 : 0
    return firstMean !== usual || secondMean !== usual
  }
  const told = measures.filter(isTold)
  const zero = measures.filter((each) => !isTold(each) && !each.measure.endsWith('Multiplier')).map(({ measure }) => measureName(measure))
  return {
    title: `${b} against ${a}`,
    names: [a, b],
    table: { head: ['mean of a rehearsal', a, b, `${b} less ${a}`, '95 %', 'who has less'], rows: told.map((each): Row => ({ cells: [measureName(each.measure), ...cellsOf(each, '–'), lessWords(winnerShown(each), a, b)] })), notes: [`Over ${count(runs, 'rehearsal')} on the same luck.${told.some(({ winner }) => winner === 'mixed') ? ' Mixed: less on average, but more in most of the rehearsals that differ.' : ''}`, ...(zero.length === 0 ? [] : [`0 in both: ${zero.join(', ')}.`]), ...incomparableWords(pair, cell).map((words) => words.replace(/^n\/c = n/, 'N'))] },
    bars: told.filter((each) => winnerShown(each) !== 'same').map(barOf),
    checks: checks.filter(({ onlyFirst, onlySecond }) => onlyFirst + onlySecond > 0).map(({ check, onlyFirst, onlySecond, both, judged, winner }) => `${violationWords(check)}: only ${a} in ${plain(onlyFirst)}, only ${b} in ${plain(onlySecond)}, both in ${plain(both)} of ${plain(judged)}${winner === 'open' ? ' (not told apart)' : ''}`),
    words: breakEvenWords(pair, cell, labour),
  }
}

function lessWords(winner: Winner, a: string, b: string): string {
  return { first: a, second: b, same: 'the same', open: 'not told apart', mixed: 'mixed', incomparable: 'not comparable' }[winner]
}

function barOf(compared: MeasureComparison): DifferenceBar {
  const { measure, firstMean, secondMean, meanDifference, meanDifference95 } = compared
  const greater = Math.max(Math.abs(firstMean), Math.abs(secondMean)) || 1
  const percent = (value: number): number => (100 * value) / greater
  return { name: measureName(measure), percent: percent(meanDifference), low: meanDifference95 === null ? null : percent(meanDifference95[0]), high: meanDifference95 === null ? null : percent(meanDifference95[1]), words: signed(measure, meanDifference), winner: winnerShown(compared) }
}

export function comparisonCharts({ cells }: ComparisonView, theme: Theme): NamedChart[] {
  return cells.flatMap((cell, n) => {
    const suffix = cells.length > 1 ? `-${n + 1}` : ''
    const where = cell.vary === '' ? '' : ` (${cell.vary})`
    const differences = cell.pairs.filter(({ bars }) => bars.length > 0).map((pair): NamedChart => ({
      name: `difference-${pair.names[0]}-${pair.names[1]}${suffix}`, title: pair.title, alt: pair.bars.map(({ name, words }) => `${name}: ${words}`).join('; '), width: 1000, height: differenceHeight(pair.bars),
      config: differenceChart(pair.bars, pair.names, theme, `${named(cell, pair.names[1])} against ${named(cell, pair.names[0])}${where}`),
    }))
    const money: NamedChart = { name: `break-even${suffix}`, title: 'break-even', alt: cell.pairs.map(({ words }) => words).join(' '), width: 1000, height: 480, config: breakEvenChart(cell.priced, cell.breakEvens, theme, `What an upgrade costs, by the price of downtime${where}`, cell.bill) }
    return [...differences, money]
  })
}

function named({ scenarios }: ComparisonCellView, letter: string): string {
  return `${letter} ${scenarios.find((each) => each.letter === letter)?.scenario ?? ''}`
}
