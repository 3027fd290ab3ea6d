/** One rehearsal as bars over time: the operator's steps, the clients, each member by role and version, faults. Squeezed, as in the page. */
import type { ChartConfiguration, Plugin } from 'chart.js'
import { instantsOf, squeezedAxis } from '../view/axis.ts'
import type { MemberSpan, Timeline } from '../view/data.ts'
import { background, base, clockText, FONT, linear } from './common.ts'
import { type Theme, versionColours } from './palette.ts'

interface Bar {
  readonly lane: string
  readonly fromUs: number
  readonly toUs: number
  readonly kind: string
  readonly text?: string
}

const LANE_PX = 26
const STEPS = 'steps'
const FAULTS = 'faults'
const WRITES = 'writes'
const WINDOWS: Readonly<Record<string, string>> = { split: 'two leaders', mixed: 'versions mixed' }

export function timelineHeight(timeline: Timeline): number {
  return 150 + lanesOf(timeline).length * LANE_PX
}

function lanesOf(timeline: Timeline): string[] {
  return [STEPS, ...(timeline.faults.some(({ struck }) => struck) ? [FAULTS] : []), WRITES, ...timeline.members.map(({ member }) => member), ...Object.entries(WINDOWS).filter(([is]) => timeline.windows.some((each) => each.is === is)).map(([, lane]) => lane)]
}

export function timelineChart(timeline: Timeline, theme: Theme, title: string): ChartConfiguration {
  const axis = squeezedAxis(instantsOf(timeline), timeline.endUs)
  const lanes = lanesOf(timeline)
  const colours = versionColours(theme)
  const kinds = new Map<string, { readonly colour: string; readonly legend: boolean }>([
    ['step', { colour: theme.grey, legend: false }],
    ['fault', { colour: theme.purple, legend: true }],
    // What is named first is drawn on top.
    ['no writes', { colour: theme.red, legend: true }],
    ['writes go through', { colour: theme.green, legend: true }],
    ...timeline.versions.map((version, i): [string, { colour: string; legend: boolean }] => [versionKind(timeline, version), { colour: colours[i % colours.length] as string, legend: true }]),
    ['follows (pale)', { colour: `${colours[0]}55`, legend: true }],
    ['down', { colour: theme.grid, legend: true }],
    ['two leaders at once', { colour: theme.orange, legend: true }],
    ['mixed', { colour: theme.grey, legend: false }],
  ])
  const bars = barsOf(timeline)
  const datasets = [...kinds].flatMap(([kind, { colour }]) => {
    // The legend takes the first bar's colour: those that lead come first.
    const mine = [...bars.filter((bar) => bar.kind === kind), ...bars.filter((bar) => bar.kind === `${kind} follows`)]
    if (mine.length === 0 && kind !== 'follows (pale)') return []
    return [{
      label: kind,
      data: mine.map((bar) => ({ y: bar.lane, x: [axis.at(bar.fromUs), axis.at(bar.toUs)], text: bar.text ?? '' })),
      backgroundColor: mine.length === 0 ? colour : mine.map((bar) => (bar.kind.endsWith(' follows') ? `${colour}55` : colour)),
      borderColor: theme.background, borderWidth: 0.5, borderSkipped: false, grouped: false, barPercentage: 0.8, categoryPercentage: 1, minBarLength: 2,
    }]
  })
  const options = base(theme, title, true)
  const plugins = options['plugins'] as Record<string, Record<string, unknown>>
  const hidden = new Set([...kinds].filter(([, { legend }]) => !legend).map(([kind]) => kind))
  plugins['legend'] = { ...plugins['legend'], labels: { ...(plugins['legend']?.['labels'] as object), filter: ({ text }: { text: string }) => !hidden.has(text) } }
  return {
    type: 'bar',
    data: { labels: lanes, datasets },
    options: {
      ...options,
      indexAxis: 'y',
      scales: {
        x: { ...linear(theme, { text: 'time since the first step [min:s], quiet stretches squeezed', min: 0, max: 1, ticks: (place) => clockText(axis.instant(place)) }) },
        y: { type: 'category', labels: lanes, stacked: false, grid: { display: false }, border: { color: theme.grid }, ticks: { color: theme.text, font: { family: FONT, size: 12 }, autoSkip: false } },
      },
    } as unknown as NonNullable<ChartConfiguration['options']>,
    plugins: [background(theme.background), stepNumbers(theme), endOfRunbook(axis.at(timeline.operatorEndUs), theme)],
  } as unknown as ChartConfiguration
}

function versionKind({ component }: Timeline, version: string): string {
  return `leads, ${component === '' ? 'version' : component} ${version}`
}

function barsOf(timeline: Timeline): Bar[] {
  const steps = timeline.steps.filter(({ container, result }) => !container && result !== 'skipped').map((step): Bar => ({ lane: STEPS, fromUs: step.fromUs, toUs: step.toUs, kind: 'step', text: `${step.undo ? 'u' : ''}${step.number || step.step}` }))
  const faults = timeline.faults.filter(({ struck }) => struck).map((fault): Bar => ({ lane: FAULTS, fromUs: fault.fromUs, toUs: fault.toUs, kind: 'fault' }))
  const down = timeline.windows.filter(({ is }) => is === 'writesDown').map((window): Bar => ({ lane: WRITES, fromUs: window.fromUs, toUs: window.toUs, kind: 'no writes' }))
  const members = timeline.members.flatMap(({ member, spans }) => joined(spans.map((span): Bar => ({ lane: member, fromUs: span.fromUs, toUs: span.toUs, kind: memberKind(timeline, span) }))))
  const windows = timeline.windows.flatMap(({ is, fromUs, toUs }): Bar[] => {
    const lane = WINDOWS[is]
    return lane === undefined ? [] : [{ lane, fromUs, toUs, kind: is === 'split' ? 'two leaders at once' : 'mixed' }]
  })
  return [...steps, ...faults, { lane: WRITES, fromUs: 0, toUs: timeline.endUs, kind: 'writes go through' }, ...down, ...members, ...windows]
}

/** Neighbours that look alike (down on one machine, then on the next) are one bar. */
function joined(bars: readonly Bar[]): Bar[] {
  const kept: Bar[] = []
  for (const bar of bars) {
    const last = kept.at(-1)
    if (last !== undefined && last.kind === bar.kind && last.toUs === bar.fromUs) kept[kept.length - 1] = { ...last, toUs: bar.toUs }
    else kept.push(bar)
  }
  return kept
}

function memberKind(timeline: Timeline, { state, version }: MemberSpan): string {
  if (state === 'down') return 'down'
  const kind = versionKind(timeline, version || (timeline.versions[0] ?? ''))
  return state === 'leader' ? kind : `${kind} follows`
}

/** The number of each step on its bar, where it fits. */
function stepNumbers(theme: Theme): Plugin {
  return {
    id: 'stepNumbers',
    afterDatasetsDraw(chart): void {
      const { ctx } = chart
      const i = chart.data.datasets.findIndex(({ label }) => label === 'step')
      const bars = chart.data.datasets[i]?.data as unknown as readonly { text: string }[] | undefined
      if (bars === undefined) return
      ctx.save()
      ctx.font = `10px ${FONT}`
      ctx.fillStyle = theme.text
      ctx.textAlign = 'center'
      ctx.textBaseline = 'middle'
      chart.getDatasetMeta(i).data.forEach((element, n) => {
        const text = bars[n]?.text ?? ''
        const { x, y, width = 0, base: from = x } = element as unknown as { x: number; y: number; width?: number; base?: number }
        const room = Math.abs(width) || Math.abs(x - from)
        if (ctx.measureText(text).width + 4 <= room) ctx.fillText(text, (x + from) / 2, y)
      })
      ctx.restore()
    },
  }
}

function endOfRunbook(place: number, theme: Theme): Plugin {
  return {
    id: 'endOfRunbook',
    beforeDatasetsDraw({ ctx, chartArea, scales }): void {
      const x = scales['x']?.getPixelForValue(place)
      if (x === undefined) return
      ctx.save()
      ctx.strokeStyle = theme.muted
      ctx.setLineDash([4, 3])
      ctx.beginPath()
      ctx.moveTo(x, chartArea.top)
      ctx.lineTo(x, chartArea.bottom)
      ctx.stroke()
      ctx.restore()
    },
  }
}
