/** Several campaigns against one another: what downtime costs, and how figures grow with a size. */
import type { ChartConfiguration, Plugin } from 'chart.js'
import { background, base, FONT, linear, tidy } from './common.ts'
import type { Theme } from './palette.ts'

/** A campaign in the plane of cost and downtime: medians, with the worst. */
export interface CostPoint {
  readonly label: string
  readonly dollars: number
  readonly downtimeSeconds: number
  readonly downtimeWorstSeconds: number
  readonly losesWrites: boolean
}

export function costChart(points: readonly CostPoint[], theme: Theme, title: string): ChartConfiguration {
  const set = (label: string, mine: readonly CostPoint[], colour: string, pointStyle: string): object => ({
    label, data: mine.map((point) => ({ x: point.dollars, y: point.downtimeSeconds, top: point.downtimeWorstSeconds, text: point.label })), backgroundColor: colour, borderColor: colour, pointStyle, radius: 7, hoverRadius: 9, borderWidth: 2,
  })
  const safe = points.filter(({ losesWrites }) => !losesWrites)
  const unsafe = points.filter(({ losesWrites }) => losesWrites)
  const dollars = Math.max(0.01, ...points.map((point) => point.dollars))
  const seconds = Math.max(0.1, ...points.map((point) => point.downtimeWorstSeconds))
  return {
    type: 'scatter',
    data: { datasets: [...(safe.length > 0 ? [set('loses no acknowledged write', safe, theme.blue, 'circle')] : []), ...(unsafe.length > 0 ? [set('loses acknowledged writes', unsafe, theme.red, 'crossRot')] : [])] },
    options: {
      ...base(theme, title, true),
      scales: {
        x: linear(theme, { text: 'extra cost of one upgrade, median [dollars]', min: 0, max: dollars * 1.35, ticks: tidy }),
        y: linear(theme, { text: 'write downtime, median; whisker: worst [s]', min: 0, max: seconds * 1.1, ticks: tidy }),
      },
    } as unknown as NonNullable<ChartConfiguration['options']>,
    plugins: [background(theme.background), whiskers(theme)],
  } as ChartConfiguration
}

/** A line up to the worst, and the name beside the point; names that would run into one another move down. */
function whiskers(theme: Theme): Plugin {
  return {
    id: 'whiskers',
    afterDatasetsDraw(chart): void {
      const { ctx, chartArea, scales } = chart
      const placed: { x: number; y: number; width: number }[] = []
      ctx.save()
      ctx.font = `11px ${FONT}`
      ctx.textBaseline = 'middle'
      chart.data.datasets.forEach((dataset, i) => {
        chart.getDatasetMeta(i).data.forEach((element, n) => {
          const { top, text } = dataset.data[n] as unknown as { top: number; text: string }
          const { x, y } = element as unknown as { x: number; y: number }
          ctx.strokeStyle = dataset.borderColor as string
          ctx.lineWidth = 1.5
          ctx.beginPath()
          ctx.moveTo(x, y)
          ctx.lineTo(x, scales['y']?.getPixelForValue(top) ?? y)
          ctx.stroke()
          const { width } = ctx.measureText(text)
          const left = x + 12 + width <= chartArea.right ? x + 12 : Math.max(chartArea.left, x - 12 - width)
          let at = y
          while (placed.some((other) => Math.abs(other.y - at) < 14 && left < other.x + other.width && other.x < left + width)) at -= 14
          placed.push({ x: left, y: at, width })
          ctx.fillStyle = theme.text
          ctx.fillText(text, left, at)
        })
      })
      ctx.restore()
    },
  }
}

export interface GrowthPoint {
  readonly size: number
  readonly p50: number
  readonly max: number
}

export interface Growth {
  /** What was varied: `cluster.members`. */
  readonly option: string
  readonly measures: readonly { readonly name: string; readonly unit: string; readonly points: readonly GrowthPoint[] }[]
}

/** How measures grow with a size of the cluster, each in its own unit. @throws RangeError when there is no measure */
export function growthChart({ option, measures }: Growth, theme: Theme, title: string): ChartConfiguration {
  const [left, right] = measures
  if (left === undefined) throw new RangeError('growth of nothing')
  const colours = [theme.blue, theme.orange]
  const sizes = left.points.map(({ size }) => size)
  return {
    type: 'line',
    data: {
      datasets: [left, ...(right === undefined ? [] : [right])].flatMap(({ name, unit, points }, i) => [
        { label: `${name}, median [${unit}]`, data: points.map(({ size, p50 }) => ({ x: size, y: p50 })), borderColor: colours[i], backgroundColor: colours[i], pointStyle: i === 0 ? 'circle' : 'rect', radius: 4, yAxisID: i === 0 ? 'y' : 'right', borderWidth: 2 },
        { label: `${name}, worst [${unit}]`, data: points.map(({ size, max }) => ({ x: size, y: max })), borderColor: colours[i], backgroundColor: colours[i], pointStyle: i === 0 ? 'circle' : 'rect', radius: 2, yAxisID: i === 0 ? 'y' : 'right', borderWidth: 1, borderDash: [5, 4] },
      ]),
    },
    options: {
      ...base(theme, title, true),
      scales: {
        x: linear(theme, { text: option, min: Math.min(...sizes), max: Math.max(...sizes), ticks: tidy }),
        y: linear(theme, { text: `${left.name} [${left.unit}]`, min: 0, ticks: tidy }),
        ...(right === undefined ? {} : { right: { ...linear(theme, { text: `${right.name} [${right.unit}]`, min: 0, ticks: tidy, grid: false }), position: 'right' } }),
      },
    } as unknown as NonNullable<ChartConfiguration['options']>,
    plugins: [background(theme.background)],
  } as ChartConfiguration
}
