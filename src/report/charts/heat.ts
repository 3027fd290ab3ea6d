/** Steps × fault kinds: the worst that came of each, as coloured fields with a sign in each. */
import type { ChartConfiguration, Plugin } from 'chart.js'
import type { HeatMap } from '../view/data.ts'
import { background, base, FONT } from './common.ts'
import type { Theme } from './palette.ts'

const CELL_PX = 24

export function heatSize({ rows, columns }: HeatMap): { readonly width: number; readonly height: number } {
  return { width: Math.max(700, 260 + columns.length * CELL_PX), height: 270 + rows.length * CELL_PX }
}

/** The colour of a fate: harm is warm, what the runbook survived is cool. */
export function fateColour(id: string, theme: Theme): string {
  const colours: Readonly<Record<string, string>> = {
    lost: theme.red, split: theme.orange, skew: theme.purple, down: theme.purple, stuck: theme.yellow, unhealthy: theme.yellow, false: theme.yellow, broke: theme.orange,
    aborted: theme.sky, back: theme.sky, over: theme.grid, missed: theme.background, fine: `${theme.green}66`,
  }
  return colours[id] ?? theme.grey
}

export function heatChart(heat: HeatMap, theme: Theme, title: string): ChartConfiguration {
  const columns = heat.columns.map(({ kind }) => kind)
  const fates = [...new Set(heat.cells.map(({ fate }) => fate))].map((id) => heat.legend.find((each) => each.id === id) ?? { id, sign: '?', means: id })
  return {
    type: 'matrix',
    data: {
      datasets: fates.map(({ id, sign, means }) => ({
        label: `${sign}  ${means}`,
        data: heat.cells.filter(({ fate }) => fate === id).map(({ row, kind }) => ({ x: kind, y: row, sign })),
        backgroundColor: fateColour(id, theme), borderColor: theme.grid, borderWidth: 0.5,
        width: ({ chart }: { chart: { chartArea?: { width: number } } }) => (chart.chartArea?.width ?? 0) / Math.max(1, columns.length) - 1,
        height: ({ chart }: { chart: { chartArea?: { height: number } } }) => (chart.chartArea?.height ?? 0) / Math.max(1, heat.rows.length) - 1,
      })),
    },
    options: {
      ...base(theme, title, true),
      scales: {
        x: { type: 'category', labels: columns, position: 'top', offset: true, grid: { display: false }, border: { display: false }, ticks: { color: theme.text, font: { family: FONT, size: 11 }, minRotation: 60, maxRotation: 90, autoSkip: false } },
        y: { type: 'category', labels: [...heat.rows].reverse(), offset: true, grid: { display: false }, border: { display: false }, ticks: { color: theme.text, font: { family: FONT, size: 11 }, autoSkip: false } },
      },
    } as unknown as NonNullable<ChartConfiguration['options']>,
    plugins: [background(theme.background), signs(theme)],
  } as unknown as ChartConfiguration
}

function signs(theme: Theme): Plugin {
  return {
    id: 'signs',
    afterDatasetsDraw(chart): void {
      const { ctx } = chart
      ctx.save()
      ctx.font = `bold 11px ${FONT}`
      ctx.textAlign = 'center'
      ctx.textBaseline = 'middle'
      chart.data.datasets.forEach((dataset, i) => {
        // Signs on dark fields are light.
        ctx.fillStyle = [theme.red, theme.purple].includes(dataset.backgroundColor as string) ? theme.background : theme.text
        chart.getDatasetMeta(i).data.forEach((element, n) => {
          const { sign } = dataset.data[n] as unknown as { sign: string }
          const { x, y } = (element as unknown as { getCenterPoint(): { x: number; y: number } }).getCenterPoint()
          ctx.fillText(sign, x, y)
        })
      })
      ctx.restore()
    },
  }
}
