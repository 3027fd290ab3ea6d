/** How a measure is spread over the rehearsals of one campaign or of several, with what was claimed and what is allowed. */
import type { ChartConfiguration } from 'chart.js'
import type { Distribution } from '../view/data.ts'
import { background, base, linear, rulers, type Ruler, rulerSpace, tidy } from './common.ts'
import type { Theme } from './palette.ts'

export interface Series {
  /** `without faults`, `up to 2 faults`. */
  readonly label: string
  readonly distribution: Distribution
}

/** @param all of one measure, in one unit. The first has the quantile lines. */
export function distributionChart(all: readonly Series[], theme: Theme, title: string): ChartConfiguration {
  const [first] = all
  if (first === undefined) throw new RangeError('a distribution chart of nothing')
  const { unit, claimed, allowed, p50, p99, words, beyond } = first.distribution
  const several = all.length > 1
  // Of several the legend has the figures: lines for all of them would be a thicket.
  const lines: Ruler[] = [
    ...(several ? [] : [{ at: p50, text: `half of them at most ${words.p50}`, colour: theme.text, dash: [2, 3] }]),
    ...(several || p99 === p50 ? [] : [{ at: p99, text: `99 in 100 at most ${words.p99}, worst ${words.max}${farWords(beyond)}`, colour: theme.text, dash: [6, 3] }]),
    ...(allowed === null ? [] : [{ at: allowed, text: `objective: at most ${words.allowed}`, colour: theme.red, dash: [] }]),
    ...(claimed === null || claimed === allowed ? [] : [{ at: claimed, text: claimed === 0 ? 'the document claims none' : `the document claims ${words.claimed}`, colour: theme.purple, dash: [10, 4] }]),
  ]
  const bars = all.map(({ distribution }) => distribution.bars)
  const ends = [...bars.flat().flatMap(([from, to]) => [from, to]), ...lines.map(({ at }) => at)]
  const [low, high] = [Math.min(...ends), Math.max(...ends)]
  const margin = (high - low) * 0.03 || Math.max(1, Math.abs(high)) * 0.5
  const colours = [theme.blue, theme.orange, theme.green, theme.purple]
  return {
    type: 'line',
    data: {
      datasets: all.map(({ label, distribution }, i) => ({
        label: several ? `${label} (${tidy(distribution.runs)} rehearsals): half at most ${distribution.words.p50}, worst ${distribution.words.max}${farWords(distribution.beyond)}` : label,
        data: outline(distribution, margin / 3),
        backgroundColor: `${colours[i % colours.length]}${several ? '66' : 'aa'}`,
        borderColor: colours[i % colours.length], borderWidth: 2, borderDash: i === 0 ? [] : [6, 3], borderJoinStyle: 'miter',
        fill: 'origin', pointRadius: 0, pointHitRadius: 6, tension: 0,
      })),
    },
    options: {
      ...base(theme, title, several, rulerSpace(lines.length)),
      scales: {
        x: linear(theme, { text: `${first.distribution.name} [${unit}]`, min: low >= 0 ? Math.max(0, low - margin) : low - margin, max: high + margin, ticks: unit === 's' && low >= MINUTES_FROM_SECONDS ? minutesAndSeconds : tidy, grid: false }),
        y: linear(theme, { text: 'share of rehearsals [%]', min: 0, ticks: tidy }),
      },
    } as unknown as NonNullable<ChartConfiguration['options']>,
    plugins: [background(theme.background), rulers(lines, theme)],
  } as ChartConfiguration
}

/** A picture that begins later has its marks in minutes and seconds, as its words have them. */
const MINUTES_FROM_SECONDS = 120

function minutesAndSeconds(value: number, step: number): string {
  return step < 1 ? tidy(value, step) : `${Math.floor(value / 60)}m ${String(Math.round(value % 60)).padStart(2, '0')}s`
}

/** What no bar shows is said. */
function farWords(beyond: number): string {
  return beyond === 0 ? '' : ` (${tidy(beyond)} beyond this picture)`
}

/** The bars as one closed line. A measure that is the same everywhere is a narrow bar around its value. */
function outline({ bars, runs }: Distribution, halfWidth: number): { readonly x: number; readonly y: number }[] {
  const [first, last] = [bars[0], bars.at(-1)]
  if (first === undefined || last === undefined) return []
  const share = (n: number): number => (100 * n) / Math.max(1, runs)
  const sides = ([from, to, n]: (typeof bars)[number]): { x: number; y: number }[] => (from === to ? [{ x: from - halfWidth, y: share(n) }, { x: to + halfWidth, y: share(n) }] : [{ x: from, y: share(n) }, { x: to, y: share(n) }])
  const points = bars.flatMap(sides)
  return [{ x: (points[0] as { x: number }).x, y: 0 }, ...points, { x: (points.at(-1) as { x: number }).x, y: 0 }]
}
