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

interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

const LABEL_HEIGHT = 14
const POINT_PX = 9

/** A line up to the worst, and the name of each point where it covers nothing: no point, no line, no other name. */
function whiskers(theme: Theme): Plugin {
  return {
    id: 'whiskers',
    afterDatasetsDraw(chart): void {
      const { ctx, chartArea, scales } = chart
      const points = chart.data.datasets.flatMap((dataset, i) => chart.getDatasetMeta(i).data.map((element, n) => {
        const { top, text } = dataset.data[n] as unknown as { top: number; text: string }
        const { x, y } = element as unknown as { x: number; y: number }
        return { x, y, text, topPx: scales['y']?.getPixelForValue(top) ?? y, colour: dataset.borderColor as string }
      }))
      const taken: Box[] = points.flatMap(({ x, y, topPx }) => [{ left: x - POINT_PX, right: x + POINT_PX, top: y - POINT_PX, bottom: y + POINT_PX }, { left: x - 2, right: x + 2, top: topPx, bottom: y }])
      ctx.save()
      ctx.font = `11px ${FONT}`
      ctx.textBaseline = 'middle'
      for (const { x, y, text, topPx, colour } of points) {
        ctx.strokeStyle = colour
        ctx.lineWidth = 1.5
        ctx.beginPath()
        ctx.moveTo(x, y)
        ctx.lineTo(x, topPx)
        ctx.stroke()
        const { width } = ctx.measureText(text)
        const box = placeOf({ x, y }, width, chartArea, taken)
        taken.push(box)
        ctx.fillStyle = theme.text
        ctx.fillText(text, box.left, (box.top + box.bottom) / 2)
      }
      ctx.restore()
    },
  }
}

/** Beside the point, right or left, else ever further above it; beside it all the same where there is no room at all. */
function placeOf({ x, y }: { readonly x: number; readonly y: number }, width: number, area: Box, taken: readonly Box[]): Box {
  const at = (left: number, middle: number): Box => ({ left, right: left + width, top: middle - LABEL_HEIGHT / 2, bottom: middle + LABEL_HEIGHT / 2 })
  const [right, left] = [x + POINT_PX + 4, x - POINT_PX - 4 - width]
  for (let middle = y; middle > area.top; middle -= LABEL_HEIGHT) {
    for (const box of [at(right, middle), at(left, middle)]) {
      const inside = box.left >= area.left && box.right <= area.right
      if (inside && !taken.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom)) return box
    }
  }
  return at(right, y)
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
