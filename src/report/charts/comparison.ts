/** Two or more scenarios on the same luck: paired differences with their intervals, and from which price of downtime on the dearer one pays off. */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import { background, base, FONT, linear, rulers, rulerSpace, tidy } from './common.ts'
import type { Theme } from './palette.ts'

/** A paired difference as a share of the greater mean, so that all measures fit on one axis. */
export interface DifferenceBar {
  readonly name: string
  /** Percent: second less first, ÷ the greater of the two means. */
  readonly percent: number
  readonly low: number | null
  readonly high: number | null
  /** In the measure's own unit, in words. */
  readonly words: string
  readonly winner: 'first' | 'second' | 'same' | 'open' | 'mixed' | 'incomparable'
}

export function differenceHeight(bars: readonly DifferenceBar[]): number {
  return 140 + bars.length * 26
}

export function differenceChart(bars: readonly DifferenceBar[], [first, second]: readonly [string, string], theme: Theme, title: string): ChartConfiguration {
  const names = bars.map(({ name }) => name)
  const reach = Math.min(300, Math.max(10, ...bars.flatMap(({ percent, low, high }) => [percent, low ?? percent, high ?? percent]).map(Math.abs)) * 1.05)
  const options = base(theme, title, true)
  const legend = (options['plugins'] as { legend: { labels: object } }).legend
  legend.labels = { ...legend.labels, usePointStyle: true }
  // Each in the colour that its line has in the other chart.
  const sets: readonly (readonly [string, readonly DifferenceBar['winner'][], string, string])[] = [[`${first} has less`, ['first'], theme.blue, 'circle'], [`${second} has less`, ['second'], theme.orange, 'rect'], ['not told apart, or not comparable', ['open', 'mixed', 'same', 'incomparable'], theme.grey, 'triangle']]
  return {
    type: 'scatter',
    data: {
      datasets: sets.map(([label, winners, colour, pointStyle]) => ({
        label, data: bars.flatMap((bar, i) => (winners.includes(bar.winner) ? [{ x: Math.max(-reach, Math.min(reach, bar.percent)), y: i, low: bar.low, high: bar.high, words: bar.words }] : [])), backgroundColor: colour, borderColor: colour, pointStyle, radius: 6,
      })),
    },
    options: {
      ...options,
      scales: {
        x: linear(theme, { text: `mean difference, ${second} less ${first} [% of the greater mean]; bars: 95 %`, min: -reach, max: reach, ticks: (value) => `${value > 0 ? '+' : ''}${tidy(value)}` }),
        y: { type: 'linear', min: -0.6, max: bars.length - 0.4, reverse: true, grid: { color: theme.grid }, border: { color: theme.grid }, afterBuildTicks: (axis: { ticks: { value: number }[] }) => { axis.ticks = names.map((_, value) => ({ value })) }, ticks: { color: theme.text, font: { family: FONT, size: 11 }, autoSkip: false, callback: (value: number) => names[value] ?? '' } },
      },
    } as unknown as NonNullable<ChartConfiguration['options']>,
    plugins: [background(theme.background), intervals(theme, reach)],
  } as ChartConfiguration
}

function intervals(theme: Theme, reach: number): Plugin {
  return {
    id: 'intervals',
    beforeDatasetsDraw({ ctx, data, scales, chartArea }): void {
      const { x, y } = scales
      if (x === undefined || y === undefined) return
      ctx.save()
      ctx.strokeStyle = theme.muted
      ctx.lineWidth = 1
      ctx.beginPath()
      ctx.moveTo(x.getPixelForValue(0), chartArea.top)
      ctx.lineTo(x.getPixelForValue(0), chartArea.bottom)
      ctx.stroke()
      ctx.lineWidth = 2.5
      ctx.font = `11px ${FONT}`
      ctx.textBaseline = 'middle'
      for (const dataset of data.datasets) {
        ctx.strokeStyle = dataset.borderColor as string
        for (const point of dataset.data as unknown as readonly { x: number; y: number; low: number | null; high: number | null; words: string }[]) {
          const at = y.getPixelForValue(point.y)
          const clamp = (value: number): number => x.getPixelForValue(Math.max(-reach, Math.min(reach, value)))
          if (point.low !== null && point.high !== null) {
            ctx.beginPath()
            ctx.moveTo(clamp(point.low), at)
            ctx.lineTo(clamp(point.high), at)
            ctx.stroke()
          }
          // The words stand on the side of zero on which nothing is drawn, clear of an interval that reaches over.
          const { width } = ctx.measureText(point.words)
          const zero = x.getPixelForValue(0)
          ctx.fillStyle = theme.text
          ctx.fillText(point.words, point.x <= 0 ? Math.min(chartArea.right - width - 4, Math.max(zero, clamp(point.high ?? 0)) + 8) : Math.max(chartArea.left + 4, Math.min(zero, clamp(point.low ?? 0)) - width - 8), at)
        }
      }
      ctx.restore()
    },
  }
}

/** What one scenario costs: its bill, and the minutes of write downtime of a rehearsal. */
export interface Priced {
  readonly label: string
  readonly dollars: number
  readonly minutes: number
}

/** Later lines are thinner, dashed and on top, so that one that covers another shows it. @param breakEvens prices of a minute at which two lines cross, with words */
export function breakEvenChart(scenarios: readonly Priced[], breakEvens: readonly { readonly price: number; readonly text: string }[], theme: Theme, title: string, bill = 'nodes and downtime'): ChartConfiguration {
  const colours = [theme.blue, theme.orange, theme.green, theme.purple, theme.sky]
  const minutes = Math.max(...scenarios.map((each) => each.minutes))
  const dollars = Math.max(...scenarios.map((each) => each.dollars))
  const greatest = breakEvens.length > 0 ? Math.max(...breakEvens.map(({ price }) => price)) * 2 : minutes > 0 ? (2 * Math.max(dollars, 1)) / minutes : 1
  const options = base(theme, title, true, rulerSpace(breakEvens.length))
  const legend = (options['plugins'] as { legend: { labels: object } }).legend
  // Each by a piece of its line, dashed as it is, in the order of its letter: of its own accord Chart.js takes the dashes of its points, which have none.
  legend.labels = { ...legend.labels, usePointStyle: true, pointStyleWidth: 44, generateLabels: (chart: Chart) => chart.data.datasets.map((dataset, datasetIndex) => ({ text: dataset.label ?? '', datasetIndex, hidden: !chart.isDatasetVisible(datasetIndex), fontColor: theme.text, fillStyle: dataset.borderColor, strokeStyle: dataset.borderColor, lineWidth: dataset.borderWidth, lineDash: (dataset as { borderDash?: number[] }).borderDash ?? [], pointStyle: 'line' })) }
  const lines = breakEvens.map(({ price, text }) => ({ at: price, text, colour: theme.text, dash: [6, 3] }))
  return {
    type: 'line',
    data: { datasets: scenarios.map(({ label, dollars: bill, minutes: down }, i) => ({ label, data: [0, greatest].map((price) => ({ x: price, y: bill + down * price })), borderColor: colours[i % colours.length], backgroundColor: colours[i % colours.length], borderDash: i % 2 === 0 ? [] : [8, 6], borderWidth: i % 2 === 0 ? 5 : 2.5, order: -i, pointStyle: 'line', pointRadius: 0 })) },
    options: {
      ...options,
      scales: { x: linear(theme, { text: 'price of a minute of write downtime [dollars]', min: 0, max: greatest, ticks: tidy }), y: linear(theme, { text: `one upgrade: ${bill} [dollars]`, min: 0, ticks: tidy }) },
    } as unknown as NonNullable<ChartConfiguration['options']>,
    plugins: [background(theme.background), rulers(lines, theme)],
  } as ChartConfiguration
}
