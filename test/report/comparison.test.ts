/** The report of a comparison, from the command line on the toy engine. */
import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import type { ComparisonResult } from '../../src/campaign/index.ts'
import { drawPng } from '../../src/report/charts/draw.ts'
import { LIGHT } from '../../src/report/charts/palette.ts'
import { winnerShown } from '../../src/report/compare.ts'
import { comparisonCharts, comparisonView } from '../../src/report/view/comparison.ts'
import { FENCED, SWAP, SWAP_RUNBOOK, enterFolder, proofroll } from '../cli/workshop.ts'

let result: ComparisonResult

beforeAll(async () => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK, 'fenced.yaml': FENCED })
  await proofroll(['compare', 'fenced.yaml', 'swap.yaml', '--runs', '12', '--report', 'out', '--quiet'])
  result = JSON.parse(readFileSync('out/comparison.json', 'utf8')) as ComparisonResult
})

test('a page, Markdown and charts are written', () => {
  expect(['out/index.html', 'out/comparison.md', 'out/charts/difference-A-B.png', 'out/charts/break-even.svg'].filter((file) => !existsSync(file))).toEqual([])
  const page = readFileSync('out/index.html', 'utf8')
  expect(['Decision table', 'B against A', 'How each did', 'swap'].filter((words) => !page.includes(words))).toEqual([])
})

test('differences are shares of the greater mean, on the side of who has less', () => {
  const [pair] = comparisonView(result).cells[0]!.pairs
  const measures = result.cells[0]!.pairs[0]!.measures
  for (const bar of pair!.bars) {
    expect(Math.abs(bar.percent)).toBeLessThanOrEqual(100.000_001)
    if (bar.winner === 'first') expect(bar.percent).toBeGreaterThan(0)
    if (bar.winner === 'second') expect(bar.percent).toBeLessThan(0)
  }
  const lost = measures.find(({ measure }) => measure === 'lostAcknowledgedWrites')
  expect(lost?.winner).toBe('first')
  expect(pair!.bars.find(({ name }) => name === 'acknowledged writes lost')?.percent).toBeCloseTo(100, 6)
})

test('who failed wins nothing by effort, and no price is named: on the page, in Markdown and in the charts alike', () => {
  const cell = comparisonView(result).cells[0]!
  const row = cell.pairs[0]!.table.rows.find(({ cells }) => cells[0] === 'duration')
  expect(row?.cells.at(-1)).toBe('not comparable')
  expect(cell.breakEvens).toEqual([])
  expect(cell.pairs[0]!.words).toMatch(/^A and B: no price, for they are not comparable\. B .*completed with members not on the target version in 12 of 12/)
  const markdown = readFileSync('out/comparison.md', 'utf8')
  expect(markdown).toMatch(/\| duration .* n\/c \|/)
  expect(markdown).toContain('n/c = not comparable')
  expect(markdown).not.toContain('pays off')
  expect(markdown.indexOf('**NOTE: B ran on the cluster and load of A')).toBeLessThan(markdown.indexOf('| scenario |'))
})

test('a difference that the printed figures do not show has no winner', () => {
  const bill = result.cells[0]!.pairs[0]!.measures.find(({ measure }) => measure === 'monthMultiplier')!
  const shown = (meanDifference: number) => winnerShown({ ...bill, firstMean: 1, secondMean: 1 + meanDifference, meanDifference, meanDifference95: [meanDifference * 1.1, meanDifference * 0.9], winner: 'second' })
  expect([shown(-0.0004), shown(-0.0006), shown(-0.1)]).toEqual(['same', 'second', 'second'])
})

test('the charts can be drawn', async () => {
  for (const chart of comparisonCharts(comparisonView(result), LIGHT)) expect((await drawPng(chart)).length).toBeGreaterThan(20_000)
})
