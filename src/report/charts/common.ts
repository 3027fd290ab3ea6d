/** What all charts have in common: font, sizes, background, and lines at values that matter. Drawn by the same code in the page and in files. */
import type { Chart, ChartConfiguration, Plugin } from 'chart.js'
import type { Theme } from './palette.ts'

/** A chart with what its file and its alternative text are called. */
export interface NamedChart {
  /** Of the file: `downtime`. */
  readonly name: string
  readonly title: string
  /** What a reader who cannot see it must know. */
  readonly alt: string
  readonly width: number
  readonly height: number
  readonly config: ChartConfiguration
}

/** The font as it is registered where files are drawn: a name that no system has, so that no system's version is taken. */
export const FONT_NAME = 'Proofroll Sans'
/** What charts ask for. A browser does not have the first. */
export const FONT = `'${FONT_NAME}', system-ui, sans-serif`

/** Fills the background: a transparent picture is unreadable on half of all pages. */
export function background(colour: string): Plugin {
  return {
    id: 'background',
    beforeDraw({ ctx, width, height }: Chart): void {
      ctx.save()
      ctx.fillStyle = colour
      ctx.fillRect(0, 0, width, height)
      ctx.restore()
    },
  }
}

/** A vertical line at a value of the x axis, with its words above the plot. */
export interface Ruler {
  readonly at: number
  readonly text: string
  readonly colour: string
  readonly dash: readonly number[]
}

const LINE_HEIGHT = 14
/** Words above the plot keep so far from the edges of the picture. */
const MARGIN = 6

/** Rows of words that {@link rulers} needs above the plot. */
export function rulerSpace(count: number): number {
  return 6 + count * LINE_HEIGHT
}

/** Each ruler has a row of its own for its words, so that none runs into another. */
export function rulers(lines: readonly Ruler[], theme: Theme): Plugin {
  return {
    id: 'rulers',
    afterDatasetsDraw({ ctx, chartArea, scales, width: whole }: Chart): void {
      const x = scales['x']
      if (x === undefined) return
      ctx.save()
      ctx.textBaseline = 'middle'
      const placed = lines.map((line, i) => ({ ...line, place: Math.min(chartArea.right, Math.max(chartArea.left, x.getPixelForValue(line.at))), y: chartArea.top - 4 - (i + 0.5) * LINE_HEIGHT }))
      for (const { place, y, colour, dash } of placed) {
        ctx.strokeStyle = colour
        ctx.lineWidth = 1.5
        ctx.setLineDash([...dash])
        ctx.beginPath()
        ctx.moveTo(place, chartArea.bottom)
        ctx.lineTo(place, y)
        ctx.stroke()
      }
      // Words stand on a ground of their own, on top of every line, and never outside the picture.
      for (const { text, place, y } of placed) {
        ctx.font = `11px ${FONT}`
        // On a phone a long one is written smaller rather than cut.
        const room = whole - 2 * MARGIN
        const wanted = ctx.measureText(text).width
        if (wanted > room) ctx.font = `${Math.max(7.5, (11 * room) / wanted)}px ${FONT}`
        const { width } = ctx.measureText(text)
        const [right, before] = [place + 5, Math.max(MARGIN, Math.min(place - 5 - width, whole - MARGIN - width))]
        // Lines whose words stand higher run through this row: words keep to the side where none does.
        const crossed = (at: number): boolean => placed.some((other) => other.y < y && other.place > at - 3 && other.place < at + width + 3)
        const fits = right + width <= chartArea.right
        const left = fits && !(crossed(right) && before + width < place && !crossed(before)) ? right : before
        ctx.fillStyle = theme.background
        ctx.fillRect(left - 2, y - 6, width + 4, 12)
        ctx.fillStyle = theme.text
        ctx.fillText(text, left, y)
      }
      ctx.restore()
    },
  }
}

interface AxisOptions {
  readonly text: string
  readonly min?: number
  readonly max?: number
  /** The words of a tick; `step` is the distance to its neighbour. */
  readonly ticks?: (value: number, step: number) => string
  readonly grid?: boolean
}

/** A linear scale in the theme's colours. */
export function linear(theme: Theme, { text, min, max, ticks, grid = true }: AxisOptions): object {
  return {
    type: 'linear',
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    title: { display: text !== '', text, color: theme.muted, font: { family: FONT, size: 12 } },
    border: { color: theme.grid },
    grid: { color: theme.grid, display: grid },
    ticks: { color: theme.muted, font: { family: FONT, size: 11 }, maxRotation: 0, includeBounds: false, ...(ticks === undefined ? {} : { callback: (value: unknown, _: number, all: readonly { readonly value: number }[]) => ticks(Number(value), Math.abs((all[1]?.value ?? 0) - (all[0]?.value ?? 0))) }) },
  }
}

/** Options every chart begins with. */
export function base(theme: Theme, title: string, legend: boolean, top = 0): Record<string, unknown> {
  return {
    responsive: false,
    maintainAspectRatio: false,
    animation: false,
    // Room for words above the plot goes below the title, and where there is none above everything.
    layout: { padding: { left: 8, right: 18, top: title === '' ? 4 + top : 4, bottom: 4 } },
    font: { family: FONT },
    plugins: {
      title: { display: title !== '', text: title, color: theme.text, align: 'start', font: { family: FONT, size: 15, weight: 'bold' }, padding: { top: 4, bottom: 6 + top } },
      legend: { display: legend, position: 'bottom', labels: { color: theme.text, font: { family: FONT, size: 12 }, boxWidth: 14, boxHeight: 10 } },
      tooltip: { enabled: true },
    },
  }
}

/** `1,204`, `12.5`, `0.004`: no more digits than tell; beside others `step` apart as many as tell them apart. */
export function tidy(value: number, step = 0): string {
  const size = Math.abs(value)
  const needed = step > 0 && step < 1 ? Math.min(6, Math.ceil(-Math.log10(step) - 1e-9)) : 0
  const exact = value.toFixed(needed + 1).replace(/0$/, '')
  const text = needed > 0 && size >= 10 ? exact.replace(/\.$/, '') : size >= 100 || Number.isInteger(value) ? String(Math.round(value)) : size >= 10 ? value.toFixed(1).replace(/\.0$/, '') : Number(value.toPrecision(3)).toString()
  const [whole = '', fraction] = text.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

/** Seconds in the unit that suits them: `240 ms`, `4.7 s`, `2 min 20 s`. */
export function clockText(us: number): string {
  const seconds = us / 1e6
  const pad = (n: number): string => String(Math.floor(n)).padStart(2, '0')
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${pad((seconds % 3600) / 60)}:${pad(seconds % 60)}` : `${pad(seconds / 60)}:${pad(seconds % 60)}`
}
