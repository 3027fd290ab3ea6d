/** A comparison as Markdown, for a pull request or a design document. */
import type { ComparisonCell, ComparisonResult } from '../campaign/compare/result.ts'
import { countRuns } from '../campaign/ranges.ts'
import { VARIED_MEASURES, breakEvenWords, cellsOf, groundOf, groundWords, incomparableWords, letterOf, outcomeWords, variedHeads, variedRow, varyShort, varyWords, winnerShown, winnerWord } from './compare.ts'
import { count, measureName } from './words.ts'
import { markdownGrid as grid } from './markdown.ts'

export function renderComparisonMarkdown(result: ComparisonResult): string {
  const [cell] = result.cells as readonly [ComparisonCell]
  const faults = result.faultsPerRun === 0 ? 'no faults' : `up to ${count(result.faultsPerRun, 'fault')} each, ${cell.anchoring === 'step' ? 'at the same steps' : 'at the same times and roles'}`
  const lines = [
    `## ${cell.scenarios.map(({ scenario }) => `\`${scenario}\``).join(' against ')}`,
    '',
    `${count(countRuns(result.asked), 'rehearsal')} of each, ${faults}; ${groundOf(result)}; seed \`${result.seed}\`, Proofroll ${result.proofroll}.${result.partial ? ' **Partial.**' : ''}`,
    ...groundWords(cell).flatMap((words) => ['', `**${words}**`]),
    ...result.cells.flatMap((each) => cellLines(each, result)),
  ]
  if (result.cells.length > 1) {
    lines.push('', '### How it changes')
    for (const measure of VARIED_MEASURES) lines.push('', ...grid([measureName(measure), ...variedHeads(cell.scenarios.length)], result.cells.map((each) => [varyShort(each), ...variedRow(each, measure)])))
  }
  return [...lines, ''].join('\n')
}

function cellLines(cell: ComparisonCell, { prices }: ComparisonResult): string[] {
  const words = varyWords(cell)
  const lines = words === '' ? [] : ['', `### At \`${words}\``]
  lines.push('', ...grid(['', 'scenario', 'how it did'], cell.scenarios.map((each, i) => [letterOf(i), each.scenario, outcomeWords(each)])))
  for (const pair of cell.pairs) {
    const [a, b] = [letterOf(pair.first), letterOf(pair.second)]
    lines.push('', `#### ${b} against ${a}`, '')
    const rows = pair.measures.filter(({ firstMean, secondMean, equal }) => firstMean !== secondMean || firstMean > 0 || equal < pair.runs)
    lines.push(...grid(['mean of a rehearsal', a, b, `${b} less ${a}`, '95 %', 'less'], rows.map((each) => [measureName(each.measure), ...cellsOf(each, '–'), winnerWord(winnerShown(each), a, b)])))
    lines.push(...incomparableWords(pair, cell).flatMap((each) => ['', each]), '', breakEvenWords(pair, cell, prices.labourPerHour !== null))
  }
  return lines
}
