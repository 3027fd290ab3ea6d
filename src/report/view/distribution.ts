/** The distribution of a measure as bars of equal width, from the buckets that a result keeps. */
import { scaleOf } from '../../campaign/aggregate.ts'
import type { CampaignResult } from '../../campaign/result.ts'
import { middleOf, sketchFromJson } from '../../campaign/sketch.ts'
import { MEASURES, type MeasureId } from '../../result.ts'
import { measureName } from '../words.ts'
import type { Distribution } from './data.ts'

/** Bars at most. */
const BARS = 24

/** Those measures that differ from 0 somewhere, in their order. */
export function distributionsOf(result: CampaignResult): Distribution[] {
  return MEASURES.filter((id) => result.measures[id].max > 0 && !(id.endsWith('Multiplier') && result.measures[id].max <= 1)).map((id) => distributionOf(result, id))
}

export function distributionOf(result: CampaignResult, id: MeasureId): Distribution {
  const sketch = sketchFromJson(result.aggregate.measures[id])
  const { p50, p95, p99, max, mean } = result.measures[id]
  const { scale, unit } = scaleFor(id, max)
  const perUnit = scaleOf(id) * scale
  const values = [...sketch.buckets].map(([bucket, runs]) => ({ value: Math.min(sketch.max, Math.max(sketch.min, middleOf(bucket))) / perUnit, runs }))
  const limits = result.objectives.filter((each) => each.measure === id && each.max !== null).map((each) => each.max as number)
  const claimed = result.claims.find((each) => each.measure === id)?.claimed
  return {
    measure: id,
    name: measureName(id),
    unit,
    bars: barsOf(values, isWhole(id)),
    runs: sketch.count,
    p50: p50 / scale, p95: p95 / scale, p99: p99 / scale, max: max / scale, mean: mean / scale,
    claimed: claimed === undefined ? null : claimed / scale,
    allowed: limits.length === 0 ? null : Math.min(...limits) / scale,
  }
}

/** Seconds are told in the unit that suits their size. */
function scaleFor(id: MeasureId, max: number): { readonly scale: number; readonly unit: string } {
  if (id.endsWith('Seconds')) return max >= 7200 ? { scale: 3600, unit: 'h' } : max >= 180 ? { scale: 60, unit: 'min' } : { scale: 1, unit: 's' }
  if (id.endsWith('Hours')) return { scale: 1, unit: 'node-hours' }
  if (id.endsWith('Dollars')) return { scale: 1, unit: 'dollars' }
  if (id.endsWith('Multiplier')) return { scale: 1, unit: 'times' }
  return { scale: 1, unit: id.endsWith('Rows') ? 'rows' : id.endsWith('Requests') ? 'requests' : id.startsWith('failedAfter') ? 'operations' : id.startsWith('failedA') ? 'attempts' : 'writes' }
}

function isWhole(id: MeasureId): boolean {
  return !/(?:Seconds|Hours|Dollars|Multiplier)$/.test(id)
}

function barsOf(values: readonly { readonly value: number; readonly runs: number }[], whole: boolean): (readonly [number, number, number])[] {
  if (values.length === 0) return []
  const low = Math.min(...values.map(({ value }) => value))
  const high = Math.max(...values.map(({ value }) => value))
  const total = values.reduce((sum, { runs }) => sum + runs, 0)
  if (high === low) return [[low, high, total]]
  const step = niceStep((high - low) / BARS, whole)
  const first = Math.floor(low / step)
  const bars = Array.from({ length: Math.floor(high / step) - first + 1 }, () => 0)
  for (const { value, runs } of values) {
    const i = Math.min(bars.length - 1, Math.floor(value / step) - first)
    bars[i] = (bars[i] as number) + runs
  }
  return bars.map((runs, i) => [rounded((first + i) * step), rounded((first + i + 1) * step), runs])
}

/** The next of 1, 2, 2.5, 5 × a power of ten. */
export function niceStep(least: number, whole = false): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= least * 0.999_999) as number) * power
  return whole ? Math.max(1, Math.ceil(step)) : step
}

function rounded(value: number): number {
  return Number(value.toPrecision(12))
}
