/** The distribution of a measure as bars of equal width, from the buckets that a result keeps. */
import { scaleOf } from '../../campaign/aggregate.ts'
import type { CampaignResult } from '../../campaign/result.ts'
import { middleOf, sketchFromJson } from '../../campaign/sketch.ts'
import { MEASURES, type MeasureId } from '../../result.ts'
import { formatMeasure, measureName } from '../words.ts'
import type { Distribution } from './data.ts'

/** Bars at most; and at most so many bars' widths on the whole axis. */
const BARS = 24
const BARS_ON_AXIS = 80

/** Those measures that differ from 0 somewhere, in their order. */
export function distributionsOf(result: CampaignResult, beside: readonly CampaignResult[] = []): Distribution[] {
  return MEASURES.filter((id) => isTelling(result, id)).map((id) => distributionOf(result, id, beside))
}

export function isTelling({ measures }: CampaignResult, id: MeasureId): boolean {
  return measures[id].max > 0 && !(id.endsWith('Multiplier') && measures[id].max <= 1)
}

/** @param beside campaigns that are laid over this one: all are told in one unit and in the same bars */
export function distributionOf(result: CampaignResult, id: MeasureId, beside: readonly CampaignResult[] = []): Distribution {
  const all = [result, ...beside.filter((each) => each !== result && each.runs > 0)]
  const cut = Math.max(...all.map((each) => cutOf(each, id)))
  const greatest = Math.min(cut, Math.max(...all.map(({ measures }) => measures[id].max)))
  const limits = result.objectives.filter((each) => each.measure === id && each.max !== null).map((each) => each.max as number)
  const claimed = result.claims.find((each) => each.measure === id)?.claimed
  const allowed = limits.length === 0 ? undefined : Math.min(...limits)
  const least = Math.min(...all.map((each) => sketchFromJson(each.aggregate.measures[id]).min / scaleOf(id)), claimed ?? greatest, allowed ?? greatest)
  const { scale, unit } = scaleFor(id, greatest, Math.max(greatest, claimed ?? 0, allowed ?? 0) - least)
  const lines = [claimed, allowed].flatMap((line) => (line === undefined ? [] : [line / scale]))
  const perUnit = scaleOf(id) * scale
  const valuesIn = (each: CampaignResult): Value[] => {
    const sketch = sketchFromJson(each.aggregate.measures[id])
    return [...sketch.buckets].map(([bucket, runs]) => ({ value: Math.min(sketch.max, Math.max(sketch.min, middleOf(bucket))) / perUnit, runs }))
  }
  const drawn = (each: CampaignResult): Value[] => valuesIn(each).filter(({ value }) => value <= cut / scale)
  const values = drawn(result)
  const runs = valuesIn(result).reduce((sum, each) => sum + each.runs, 0)
  const { p50, p95, p99, max, mean } = result.measures[id]
  const say = (value: number | undefined): string => (value === undefined ? '' : `${formatMeasure(id, value)}${isWhole(id) ? ` ${unit}` : ''}`)
  return {
    measure: id,
    name: measureName(id),
    unit,
    bars: barsOf(values, widthOf(all.flatMap(drawn), lines, isWhole(id))),
    runs,
    p50: p50 / scale, p95: p95 / scale, p99: p99 / scale, max: max / scale, mean: mean / scale,
    claimed: claimed === undefined ? null : claimed / scale,
    allowed: allowed === undefined ? null : allowed / scale,
    words: { p50: say(p50), p99: say(p99), max: say(max), claimed: say(claimed), allowed: say(allowed) },
    beyond: runs - values.reduce((sum, each) => sum + each.runs, 0),
  }
}

interface Value {
  readonly value: number
  readonly runs: number
}

/** So many times the 99th percentile is too far out to be drawn to scale with the rest; what is left is drawn to a little beyond that percentile. */
const FAR = 4
const MARGIN = 1.25

function cutOf({ measures }: CampaignResult, id: MeasureId): number {
  const { p99, max } = measures[id]
  return p99 > 0 && max > FAR * p99 ? MARGIN * p99 : max
}

/** A picture that spans less has its marks at whole seconds, written as minutes and seconds: nobody reads 12.04 min. */
const NARROW_SECONDS = 300

/** Seconds are told in the unit that suits the greatest that is drawn. @param span from the least to the greatest that is drawn */
function scaleFor(id: MeasureId, greatest: number, span: number): { readonly scale: number; readonly unit: string } {
  if (id.endsWith('Seconds')) return greatest >= 600 && span < NARROW_SECONDS ? { scale: 1, unit: 's' } : greatest >= 3 * 3600 ? { scale: 3600, unit: 'h' } : greatest >= 600 ? { scale: 60, unit: 'min' } : greatest >= 1 || greatest === 0 ? { scale: 1, unit: 's' } : { scale: 0.001, unit: 'ms' }
  if (id.endsWith('Hours')) return { scale: 1, unit: 'node-hours' }
  if (id.endsWith('Dollars')) return { scale: 1, unit: 'dollars' }
  if (id.endsWith('Multiplier')) return { scale: 1, unit: 'times' }
  return { scale: 1, unit: id.endsWith('Rows') ? 'rows' : id.endsWith('Requests') ? 'requests' : id.startsWith('failedAfter') ? 'operations' : id.startsWith('failedA') ? 'attempts' : 'writes' }
}

function isWhole(id: MeasureId): boolean {
  return !/(?:Seconds|Hours|Dollars|Multiplier)$/.test(id)
}

/** Bars are fit for what is drawn, but none is a hair on an axis that reaches to a far claim. @returns 0 when all is one value */
function widthOf(values: readonly Value[], lines: readonly number[], whole: boolean): number {
  if (values.length === 0) return 0
  const span = (all: readonly number[]): number => Math.max(...all) - Math.min(...all)
  const drawn = values.map(({ value }) => value)
  const least = Math.max(span(drawn) / BARS, span([...drawn, ...lines]) / BARS_ON_AXIS)
  return span(drawn) === 0 || least === 0 ? 0 : niceStep(least, whole)
}

function barsOf(values: readonly Value[], step: number): (readonly [number, number, number])[] {
  if (values.length === 0) return []
  const low = Math.min(...values.map(({ value }) => value))
  const high = Math.max(...values.map(({ value }) => value))
  if (step === 0) return [[low, high, values.reduce((sum, { runs }) => sum + runs, 0)]]
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
