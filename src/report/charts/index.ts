/** Which charts a report has. The same configurations are drawn into files and in the page. */
import type { CampaignResult } from '../../campaign/result.ts'
import type { MeasureId } from '../../result.ts'
import type { Timeline } from '../view/data.ts'
import { distributionOf } from '../view/distribution.ts'
import { heatMapsOf } from '../view/heat.ts'
import { formatMeasure, measureName } from '../words.ts'
import type { NamedChart } from './common.ts'
import { distributionChart, type Series } from './distribution.ts'
import { heatChart, heatSize } from './heat.ts'
import type { Theme } from './palette.ts'
import { type CostPoint, type Growth, costChart, growthChart } from './relations.ts'
import { timelineChart, timelineHeight } from './timeline.ts'

export type { NamedChart } from './common.ts'

const WIDTH = 1000
const HEIGHT = 520

/** Measures that have a picture of their own, with the name of the file. */
const PICTURED: readonly (readonly [MeasureId, string])[] = [['writeDowntimeSeconds', 'downtime'], ['lostAcknowledgedWrites', 'loss'], ['mixedVersionSeconds', 'mixed-versions']]

/** What a report's pictures are made from. */
export interface Pictured {
  readonly result: CampaignResult
  /** Of the gravest failure, or of a fault-free run. */
  readonly worst?: { readonly timeline: Timeline; readonly words: string } | undefined
}

/** The charts of one scenario. @param all its campaigns: the first leads, others (with or without faults) are laid over it */
export function chartsOf(all: readonly Pictured[], theme: Theme): NamedChart[] {
  const [first] = all
  if (first === undefined || first.result.runs === 0) return []
  const { result } = first
  const charts: NamedChart[] = []
  if (result.sweep === null) {
    for (const [id, name] of PICTURED) {
      const drawn = all.filter(({ result: each }) => each.sweep === null)
      if (drawn.every(({ result: each }) => each.measures[id].max === 0) && id !== 'writeDowntimeSeconds') continue
      const series = drawn.map(({ result: each }): Series => ({ label: exploredWords(each), distribution: distributionOf(each, id, drawn.map((other) => other.result)) }))
      const { p50, p99, max } = result.measures[id]
      const title = `${result.scenario}: ${measureName(id)}`
      charts.push({ name, title, alt: `Distribution of ${measureName(id)} over ${result.runs} rehearsals: median ${formatMeasure(id, p50)}, p99 ${formatMeasure(id, p99)}, worst ${formatMeasure(id, max)}.`, width: WIDTH, height: HEIGHT, config: distributionChart(series, theme, title) })
    }
  }
  for (const { worst } of all.slice(0, 1)) {
    if (worst === undefined) continue
    const title = `${result.scenario}: ${worst.words}`
    charts.push({ name: 'timeline', title, alt: `Timeline of one rehearsal: ${worst.words}.`, width: WIDTH + 200, height: timelineHeight(worst.timeline), config: timelineChart(worst.timeline, theme, title) })
  }
  heatMapsOf(result).forEach((heat, i) => {
    const title = `${result.scenario}: faults × steps`
    charts.push({ name: i === 0 ? 'heat-map' : 'heat-map-pairs', title, alt: `${heat.heading}: ${heat.cells.filter(({ broken }) => broken > 0).length} of ${heat.cells.length} fields broke something.`, ...heatSize(heat), config: heatChart(heat, theme, title) })
  })
  return charts
}

export function exploredWords({ faultsPerRun, sweep }: Pick<CampaignResult, 'faultsPerRun' | 'sweep'>): string {
  if (sweep !== null) return 'sweep'
  return faultsPerRun === 0 ? 'without faults' : `up to ${faultsPerRun} fault${faultsPerRun === 1 ? '' : 's'} each`
}

/** Charts about several scenarios together. */
export function chartsAcross(results: readonly CampaignResult[], theme: Theme): NamedChart[] {
  const drawn = results.filter(({ sweep, runs }) => sweep === null && runs > 0)
  const charts: NamedChart[] = []
  if (isWorthACostChart(drawn)) {
    const title = 'What an upgrade costs, and how long writes are down'
    charts.push({ name: 'cost-downtime', title, alt: drawn.map((each) => `${each.scenario}: ${formatMeasure('extraCostDollars', each.measures.extraCostDollars.p50)}, ${formatMeasure('writeDowntimeSeconds', each.measures.writeDowntimeSeconds.p50)} down`).join('; '), width: WIDTH, height: HEIGHT, config: costChart(drawn.map(costPoint), theme, title) })
  }
  for (const growth of growthsOf(drawn)) {
    const title = `${growth.scenario}: growth with ${growth.growth.option}`
    charts.push({ name: `growth-${growth.growth.option.replace(/[^\w-]+/g, '-')}`, title, alt: growth.growth.measures.map(({ name, unit, points }) => `${name} [${unit}]: ${points.map(({ size, p50 }) => `${size}: ${p50}`).join(', ')}`).join('; '), width: WIDTH, height: HEIGHT, config: growthChart(growth.growth, theme, title) })
  }
  return charts
}

/** One scenario with faults and without is no choice between two prices. */
export function isWorthACostChart(drawn: readonly CampaignResult[]): boolean {
  return new Set(drawn.map(({ scenario, source }) => JSON.stringify([scenario, source.set]))).size > 1
}

export function costPoint(result: CampaignResult): CostPoint {
  const { measures } = result
  return { label: `${result.scenario}${result.faultsPerRun > 0 ? ` (${exploredWords(result)})` : ''}`, dollars: measures.extraCostDollars.p50, downtimeSeconds: measures.writeDowntimeSeconds.p50, downtimeWorstSeconds: measures.writeDowntimeSeconds.max, losesWrites: measures.lostAcknowledgedWrites.max > 0 }
}

/** Results of one scenario that differ in one numeric setting (`--set cluster.members=5`). */
export function growthsOf(results: readonly CampaignResult[]): { readonly scenario: string; readonly growth: Growth }[] {
  const byScenario = new Map<string, CampaignResult[]>()
  for (const result of results) byScenario.set(result.scenario, [...(byScenario.get(result.scenario) ?? []), result])
  return [...byScenario].flatMap(([scenario, all]) => {
    const options = new Set(all.flatMap(({ source }) => Object.keys(source.set)))
    return [...options].flatMap((option) => {
      const sized = all.map((result) => ({ result, size: Number(result.source.set[option]) })).filter(({ size }) => Number.isFinite(size)).sort((a, b) => a.size - b.size)
      if (new Set(sized.map(({ size }) => size)).size < 2) return []
      const measure = (id: MeasureId): Growth['measures'][number] => ({ name: measureName(id), unit: 's', points: sized.map(({ result, size }) => ({ size, p50: result.measures[id].p50, max: result.measures[id].max })) })
      return [{ scenario, growth: { option, measures: [measure('durationSeconds'), measure('writeDowntimeSeconds')] } }]
    })
  })
}
