import { tidy } from '../../src/report/charts/common.ts'
import { GlobalFonts, createCanvas, loadImage } from '@napi-rs/canvas'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyAggregate } from '../../src/campaign/aggregate.ts'
import { summariseMeasures } from '../../src/campaign/judge.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import { addValue, sketchToJson } from '../../src/campaign/sketch.ts'
import { drawPng, drawSvg } from '../../src/report/charts/draw.ts'
import { chartsAcross, chartsOf, growthsOf } from '../../src/report/charts/index.ts'
import { FONT_NAME } from '../../src/report/charts/common.ts'
import { DARK, LIGHT } from '../../src/report/charts/palette.ts'
import { squeezedAxis } from '../../src/report/view/axis.ts'
import { distributionOf, distributionsOf, niceStep } from '../../src/report/view/distribution.ts'
import { timelineOf } from '../../src/report/view/timeline.ts'
import { fakeCampaign } from './fixture.ts'

const { result, stories } = fakeCampaign(60, 0)
const [story] = stories
const timeline = timelineOf(story!.rehearsal, story!.outline, undefined)!
const charts = chartsOf([{ result, worst: { timeline, words: 'how it lost writes' } }], LIGHT)

/** How many pixels of a strip are as dark as text. */
async function inkIn(png: Buffer, height: number): Promise<number> {
  const image = await loadImage(png)
  const context = createCanvas(image.width, height).getContext('2d')
  context.drawImage(image, 0, 0)
  const { data } = context.getImageData(0, 0, image.width, height)
  let ink = 0
  for (let i = 0; i < data.length; i += 4) if (data[i]! + data[i + 1]! + data[i + 2]! < 200) ink += 1
  return ink
}

describe('charts', () => {
  test('a failing campaign has its measures and its worst case drawn', () => {
    expect(charts.map(({ name }) => name)).toEqual(['downtime', 'loss', 'mixed-versions', 'timeline'].filter((name) => name !== 'mixed-versions' || result.measures.mixedVersionSeconds.max > 0))
    for (const { alt } of charts) expect(alt).toMatch(/\d|it /)
  })

  test('PNG files are sharp, have text without any system font, and are the same to the byte each time', async () => {
    for (const chart of charts) {
      const png = await drawPng(chart)
      const { width, height } = await loadImage(png)
      expect([width, height]).toEqual([2 * chart.width, 2 * chart.height])
      // The title stands in the first 30 pixels, and nothing else: without a font there is no ink.
      expect(await inkIn(png, 60)).toBeGreaterThan(300)
      expect(png.equals(await drawPng(chart))).toBe(true)
    }
    expect(GlobalFonts.has(FONT_NAME)).toBe(true)
  })

  test('SVG files keep their text as text', () => {
    const svg = drawSvg(charts[0]!)
    expect(svg).toContain('rehearsals [%]')
    expect(svg).toMatch(/^<\?xml.*<\/svg>$/s)
    expect(svg).not.toContain(FONT_NAME)
  })

  test('a dark theme has another background', async () => {
    const [dark] = chartsOf([{ result }], DARK)
    const light = await inkIn(await drawPng(charts[0]!), 20)
    expect(await inkIn(await drawPng(dark!), 20)).toBeGreaterThan(light + 10_000)
  })

  test('an empty campaign has no charts, and a campaign of one run has some that can be drawn', async () => {
    expect(chartsOf([{ result: { ...result, runs: 0 } }], LIGHT)).toEqual([])
    const [one] = chartsOf([{ result: fakeCampaign(1, 0).result }], LIGHT)
    expect((await drawPng(one!)).length).toBeGreaterThan(10_000)
  })

  test('campaigns of one scenario at several sizes show how figures grow', async () => {
    const sized = (members: string): CampaignResult => ({ ...result, source: { ...result.source, set: { 'cluster.members': members } } })
    expect(growthsOf([sized('9'), sized('3')]).map(({ growth }) => growth.measures[0]?.points.map(({ size }) => size))).toEqual([[3, 9]])
    expect(growthsOf([sized('3'), sized('3')])).toEqual([])
    const across = chartsAcross([sized('3'), sized('9')], LIGHT)
    expect(across.map(({ name }) => name)).toEqual(['cost-downtime', 'growth-cluster-members'])
    for (const chart of across) expect((await drawPng(chart)).length).toBeGreaterThan(10_000)
  })
})

describe('distributions', () => {
  test('every rehearsal is in one bar, and the bars span least and greatest', () => {
    for (const { bars, runs, max, beyond } of distributionsOf(result)) {
      expect(bars.reduce((sum, [, , n]) => sum + n, beyond)).toBe(runs)
      if (beyond === 0) expect(bars.at(-1)![1]).toBeGreaterThanOrEqual(max * 0.995)
      for (const [i, [from]] of bars.entries()) if (i > 0) expect(from).toBe(bars[i - 1]![1])
    }
  })

  test('claims and objectives are in the unit of the bars', () => {
    const { claimed, unit, max } = distributionOf(result, 'writeDowntimeSeconds')
    const claim = result.claims.find(({ measure }) => measure === 'writeDowntimeSeconds')
    const scale = { ms: 0.001, s: 1, min: 60, h: 3600 }[unit]!
    expect(max * scale).toBeCloseTo(result.measures.writeDowntimeSeconds.max, 6)
    expect(claimed === null ? undefined : claimed * scale).toBe(claim?.claimed)
  })

  /** A campaign whose write downtimes are these, in seconds. */
  const withDowntimes = (seconds: readonly number[], claimed?: number): CampaignResult => {
    const aggregate = emptyAggregate()
    for (const value of seconds) addValue(aggregate.measures.writeDowntimeSeconds, Math.round(value * 1e6))
    const measures = { ...result.measures, writeDowntimeSeconds: summariseMeasures(aggregate).writeDowntimeSeconds }
    return { ...result, measures, objectives: [], claims: claimed === undefined ? [] : [{ ...result.claims[0]!, measure: 'writeDowntimeSeconds', claimed }], aggregate: { ...result.aggregate, measures: { ...result.aggregate.measures, writeDowntimeSeconds: sketchToJson(aggregate.measures.writeDowntimeSeconds) } } }
  }
  const of = (all: CampaignResult, beside: readonly CampaignResult[] = []) => distributionOf(all, 'writeDowntimeSeconds', beside)

  test.each([[0.2, 'ms'], [8.3, 's'], [191, 's'], [599, 's'], [3000, 'min'], [20_000, 'h']])('up to %d s are told in %s', (greatest, unit) => {
    expect(of(withDowntimes([greatest / 3, greatest / 2, greatest])).unit).toBe(unit)
  })

  test('figures are said as people say them, whatever the axis counts in', () => {
    const { words, unit } = of(withDowntimes([20, 140, 700], 30))
    expect([unit, words.claimed, words.p50, words.max]).toEqual(['min', '30.0 s', '2m 20s', '11m 40s'])
  })

  test('one that is far out does not squeeze the others into one bar, and is counted', () => {
    const tail = of(withDowntimes([...Array.from({ length: 199 }, (_, i) => 10 + i / 20), 4000]))
    expect([tail.unit, tail.beyond, tail.bars.length > 10]).toEqual(['s', 1, true])
    expect(of(withDowntimes([1, 2, 3, 4])).beyond).toBe(0)
    expect(of(withDowntimes([0, 0, 0, 50])).beyond).toBe(0)
  })

  test('a narrow crowd far from what was claimed is a bar that can be seen', () => {
    const [first, last] = [of(withDowntimes([8.25, 8.27, 8.3], 0)).bars[0]!, of(withDowntimes([8.25, 8.27, 8.3], 0)).bars.at(-1)!]
    expect(last[1] - first[0]).toBeGreaterThan(8.3 / 100)
  })

  test('campaigns laid over one another have one unit and the same bars, however different they are', () => {
    const [calm, wild] = [withDowntimes([4, 4.2, 5]), withDowntimes([4, 60, 4000])]
    const [a, b] = [of(calm, [calm, wild]), of(wild, [calm, wild])]
    expect([a.unit, b.unit]).toEqual(['min', 'min'])
    const width = ([from, to]: readonly [number, number, number]): number => Number((to - from).toPrecision(6))
    expect(width(a.bars[0]!)).toBe(width(b.bars[0]!))
  })

  test('steps are round numbers, no smaller than asked for and not much larger', () => {
    fc.assert(fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (least) => {
      const step = niceStep(least)
      expect(step).toBeGreaterThanOrEqual(least * 0.999)
      expect(step).toBeLessThanOrEqual(least * 2.51)
    }))
  })
})

test('a squeezed axis keeps the order of instants and can be read backwards', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000_000 }), { maxLength: 60 }), fc.integer({ min: 1, max: 10_000_000_000 }), fc.integer({ min: 0, max: 1000 }), (instants, endUs, permille) => {
    const axis = squeezedAxis(instants, endUs)
    const us = Math.floor((endUs * permille) / 1000)
    expect(axis.at(0)).toBe(0)
    expect(axis.at(endUs)).toBeCloseTo(1, 9)
    expect(Math.abs(axis.instant(axis.at(us)) - us)).toBeLessThan(Math.max(1, endUs * 1e-6))
    expect(axis.at(us)).toBeLessThanOrEqual(axis.at(Math.min(endUs, us + 1)) + 1e-12)
  }))
})

test('neighbouring ticks of a narrow axis differ, and have no more digits than that takes', () => {
  const named = (from: number, step: number): string[] => Array.from({ length: 6 }, (_, i) => tidy(from + i * step, step))
  for (const [from, step] of [[33.34, 0.02], [33.4, 0.05], [120.1, 0.1], [1_000, 0.25], [0.001, 0.0005], [5, 1]] as const) expect(new Set(named(from, step)).size, `${from} by ${step}`).toBe(6)
  expect(named(33.34, 0.02).slice(0, 2)).toEqual(['33.34', '33.36'])
  expect(named(1_000, 500)[2]).toBe('2,000')
  expect(tidy(1_204)).toBe('1,204')
})
