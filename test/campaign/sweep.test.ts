/** The exact grid of a sweep, on the toy engine: its size, that every cell is struck or explained, and that it is a campaign like any other. */
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseCell } from '../../src/campaign/cells.ts'
import { type CampaignResult, realRehearser, runCampaign, sweepGrid } from '../../src/campaign/index.ts'
import { mergeResults } from '../../src/campaign/summarise.ts'
import { pairsOf } from '../../src/campaign/sweep/pairs.ts'
import { SWEEP, type SweepSpec } from '../../src/campaign/sweep/spec.ts'
import { OPERATOR_TARGET } from '../../src/faults/index.ts'
import { type Way, scout } from '../../src/rehearsal/scout.ts'
import { type Scenario, loadScenario } from '../../src/scenario/index.ts'
import { FENCED, engine, enterFolder } from '../cli/workshop.ts'

/** A group, a loop, a gate that polls several times, a step with two commands. */
const LOOPED = `format: 1
title: Every sort of step
cluster: { engine: toy }
runbook:
  - id: prepare
    title: A group
    steps:
      - { id: pause, run: pause }
      - { id: both, run: [stop m-1, start m-1 v2] }
  - id: each
    title: A loop
    forEach: { words: m-2, as: who, steps: [{ id: again, run: 'stop \${who}' }, { id: back, run: 'start \${who} v2' }] }
  - { id: rest, sleep: 10s }
  - { id: resume, run: resume }
deadline: 1h
`
/** Once clients have written to the new leader, turning back loses what they wrote. @param declared the step that is said to be the point of no return */
const oneWay = (declared: string): string => `format: 1
title: Back until the clients have written
cluster: { engine: toy }
load: { writesPerSecond: 100 }
runbook:
  - { id: hold, run: pause, undo: [{ id: undo-hold, run: resume }] }
  - { id: stop, run: stop m-0, undo: [{ id: undo-stop, run: start m-0, otherwise: continue }] }
  - { id: promote, run: [promote m-1, follow m-2 m-1] }
  - { id: route, run: route m-1, undo: [{ id: undo-route, run: route m-0 }] }
  - { id: let-go, run: resume }
  - { id: watch, sleep: 10s }
  - { id: publish, run: route m-1 }
deadline: 1h
`.replace(`id: ${declared},`, `id: ${declared}, pointOfNoReturn: true,`)
const SMALL: SweepSpec = { ...SWEEP, rollbacks: { alone: 0, underFault: 0 } }
const clockMs = () => 0
let fenced: Scenario
let looped: Scenario
let way: Way

beforeAll(() => {
  enterFolder({ 'fenced.yaml': FENCED, 'looped.yaml': LOOPED })
  fenced = loadScenario('fenced.yaml', [engine])
  looped = loadScenario('looped.yaml', [engine])
  way = scout(fenced, '1/0', fenced.faults.kinds)
})

const sweep = async (scenario: Scenario, more: object = {}): Promise<CampaignResult> => (await runCampaign(scenario, { seed: '1', strategy: SMALL, clockMs, ...more })).result

describe('the way', () => {
  test('a boundary before each step that acts, a wait for each command', () => {
    const found = scout(looped, '1/0', looped.faults.kinds)
    expect(found.places.map(({ is, anchor }) => (is === 'await' ? `${anchor.step} ${anchor.command}` : `${is} ${anchor.step}`))).toEqual([
      'boundary pause', 'pause 1', 'boundary both', 'both 1', 'both 2', 'boundary again', 'again 1', 'boundary back', 'back 1', 'boundary rest', 'rest 1', 'boundary resume', 'resume 1',
    ])
    expect(found.visits.map(({ step }) => step)).toEqual(['prepare', 'pause', 'both', 'each', 'again', 'back', 'rest', 'resume'])
    expect(found.result.outcome).toBe('completed')
  })

  test('looking on changes nothing: same hash, and a wait is met halfway through its command', () => {
    expect(way.result.hash).toBe(realRehearser.rehearse({ scenario: fenced, seed: '1/0', schedule: [] }).hash)
    const waits = way.places.filter(({ is }) => is === 'await')
    const next = (i: number): number => way.places[i + 1]?.atUs ?? Infinity
    for (const wait of waits) {
      const i = way.places.indexOf(wait)
      expect(wait.atUs).toBeGreaterThanOrEqual(way.places[i - 1]?.atUs ?? Infinity)
      expect(wait.atUs).toBeLessThanOrEqual(next(i))
    }
    // The toy's commands take 100 ms, and starting a member none.
    expect(waits.filter(({ anchor }) => anchor.offsetUs === 50_000).length).toBeGreaterThan(waits.length / 2)
  })
})

describe('the grid', () => {
  test('is exactly places × kinds × targets, no cell twice', () => {
    const grid = sweepGrid(SMALL, fenced, realRehearser, '1')
    const kinds = fenced.faults.kinds.filter((kind) => kind !== 'operator-killed')
    const wanted = way.places.flatMap(({ anchor, targets }) => kinds.flatMap((kind) => (targets[kind] ?? []).map((target) => JSON.stringify([kind, target, anchor]))))
    const killed = way.places.map(({ anchor }) => JSON.stringify(['operator-killed', OPERATOR_TARGET, anchor]))
    const cells = Array.from({ length: grid.size }, (_, run) => grid.caseOf(run))
    const key = ({ schedule }: (typeof cells)[number]): string => JSON.stringify(schedule.map(({ kind, target, at }) => [kind, target, at])[0])
    const of = (block: string): string[] => cells.filter(({ cell }) => cell?.block === block).map(key)
    expect(of('faults').toSorted()).toEqual(wanted.toSorted())
    expect(of('operator-killed').toSorted()).toEqual(killed.toSorted())
    expect(wanted.length).toBeGreaterThan(400)
    expect(new Set(cells.map(({ seed, schedule }) => JSON.stringify([seed, schedule]))).size).toBe(grid.size)
    expect(cells.filter(({ schedule }) => schedule.length === 0)).toHaveLength(1)
    expect(grid.blocks.reduce((sum, { size }) => sum + size, 0)).toBe(grid.size)
    expect(() => grid.caseOf(grid.size)).toThrow(RangeError)
  })

  test('more lucks and a range of strengths multiply it', () => {
    const size = (spec: Partial<SweepSpec>): number => sweepGrid({ ...SMALL, ...spec }, fenced, realRehearser, '1').size
    expect(size({ lucks: 3 })).toBe(3 * size({}))
    expect(size({ strengths: 'range' })).toBeGreaterThan(2 * size({}))
    const of = sweepGrid({ ...SMALL, strengths: 'range' }, fenced, realRehearser, '1')
    expect(new Set(Array.from({ length: of.size }, (_, i) => JSON.stringify(of.caseOf(i).schedule))).size).toBe(of.size)
  })

  test('pairs: every two single faults, the earlier place first, each once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), (n) => {
        const { size, pair } = pairsOf(n)
        const all = Array.from({ length: size }, (_, i) => pair(i))
        expect(new Set(all.map(String)).size).toBe((n * (n - 1)) / 2)
        expect(all.every(([a, b]) => a >= 0 && a < b && b < n)).toBe(true)
      }),
    )
    const grid = sweepGrid({ ...SMALL, pairs: true }, fenced, realRehearser, '1')
    const singles = sweepGrid(SMALL, fenced, realRehearser, '1').blocks.filter(({ id }) => id === 'faults' || id === 'operator-killed').reduce((sum, { size }) => sum + size, 0)
    expect(grid.size).toBe((singles * (singles - 1)) / 2)
    const order = new Map(way.places.map(({ anchor }, i) => [JSON.stringify(anchor), i]))
    for (let i = 0; i < 300; i++) {
      const [a, b] = grid.caseOf(i * 97).schedule.map(({ at }) => order.get(JSON.stringify(at)) ?? Number.NaN)
      expect(a).toBeLessThanOrEqual(b as number)
    }
    // The first of them are spread over the whole way.
    expect(new Set(Array.from({ length: 60 }, (_, i) => grid.caseOf(i).cell?.row)).size).toBeGreaterThan(5)
  })
})

describe('the campaign', () => {
  test('runs every cell once; each fault strikes or says why not', async () => {
    const result = await sweep(fenced)
    const grid = sweepGrid(SMALL, fenced, realRehearser, '1')
    expect(result.runs).toBe(grid.size)
    expect(result.sweep?.size).toBe(grid.size)
    const missed = result.sweep?.notStruck.reduce((sum, { runs }) => sum + runs, 0) ?? 0
    const struck = result.sweep?.blocks.reduce((sum, block) => sum + block.struck, 0) ?? 0
    expect(struck + missed).toBe(grid.size)
    // On the same luck every place is reached: what is not struck was not there to be struck.
    expect(result.sweep?.notStruck.filter(({ why }) => why.includes('never reached'))).toEqual([])
    const cells = Object.entries(result.aggregate.cells)
    expect(cells.reduce((sum, [, { runs }]) => sum + runs, 0)).toBe(grid.size)
    expect(cells.map(([key]) => parseCell(key)).every(({ block, row, column }) => block !== undefined && row !== undefined && column !== undefined)).toBe(true)
    // A grid is no draw: no objective, no rate.
    expect(result.objectives).toEqual([])
    expect(result.checks.every(({ rate, ci95 }) => rate === null && ci95 === null)).toBe(true)
  })

  test('a violation names the cell: the command given meets the same failure again', async () => {
    enterFolder({ 'open.yaml': FENCED.replace("  - { id: stop, title: Stop the old leader, run: stop m-0 }\n", '') })
    const open = loadScenario('open.yaml', [engine])
    const whole = await sweep(open, { runs: 40 })
    const found = whole.counterexamples[0]
    expect(whole.verdict).toBe('violated')
    expect(found?.replay).toBe(`proofroll sweep open --rollbacks 0 --rollbacks-under-fault 0 --seed 1 --first ${found?.run} --runs 1`)
    const again = await sweep(open, { firstRun: found?.run, runs: 1 })
    expect(again.signatures.map(({ check, cause, step }) => `${check}/${cause}/${step}`)).toContain(found?.signature)
  })

  test('shards merged are the whole, to the last byte', async () => {
    const whole = await sweep(fenced, { runs: 90 })
    const shards: CampaignResult[] = []
    for (const n of [2, 3, 1]) shards.push(JSON.parse(JSON.stringify(await sweep(fenced, { runs: 90, shard: { n, of: 3 } }))) as CampaignResult)
    expect(JSON.stringify(mergeResults(fenced, shards, realRehearser).result)).toBe(JSON.stringify(whole))
    const other = await sweep(fenced, { runs: 30, firstRun: 90, strategy: { ...SMALL, lucks: 2 } })
    expect(() => mergeResults(fenced, [whole, other], realRehearser)).toThrow('the strategy differs')
  })
})

describe('the point of no return', () => {
  const measured = async (declared: string, underFault = 0): Promise<CampaignResult> => {
    enterFolder({ 'one-way.yaml': oneWay(declared) })
    const scenario = loadScenario('one-way.yaml', [engine])
    const strategy: SweepSpec = { ...SMALL, rollbacks: { alone: 3, underFault } }
    const { blocks } = sweepGrid(strategy, scenario, realRehearser, '1')
    const before = blocks.slice(0, blocks.findIndex(({ id }) => id === 'rollback')).reduce((sum, { size }) => sum + size, 0)
    return sweep(scenario, { strategy, firstRun: before })
  }

  test('is measured by turning back at every boundary; declared early enough, rollback-safe passes', async () => {
    const { pointOfNoReturn, checks, unjudged, sweep: swept } = await measured('let-go')
    expect(pointOfNoReturn).toMatchObject({ declared: 'let-go', measured: { step: 'watch', before: 'publish', tried: 3, runs: 3, broke: ['no-acknowledged-write-lost'] }, underFaults: [], seeds: 3, seedsUnderFault: 0, tried: 7, boundaries: 7 })
    expect(checks.find(({ id }) => id === 'rollback-safe')).toMatchObject({ status: 'pass', violations: 0 })
    // What comes after the declared point is measured, and judged by nobody.
    expect(unjudged.runs).toBe(2 * 3)
    expect(swept?.blocks.find(({ id }) => id === 'rollback')).toMatchObject({ size: 21, runs: 21, struck: 21 })
  })

  test('comes before the declared one: rollback-safe fails, and the story is a turn at that boundary', async () => {
    const result = await measured('publish')
    expect(result.pointOfNoReturn).toMatchObject({ declared: 'publish', measured: { step: 'watch', before: 'publish' } })
    expect(result.checks.find(({ id }) => id === 'rollback-safe')).toMatchObject({ status: 'fail' })
    expect(result.verdict).toBe('violated')
    const found = result.counterexamples.find(({ check }) => check === 'rollback-safe')
    expect(found).toMatchObject({ cause: 'loss', step: 'publish', schedule: [{ kind: 'operator-rolls-back', at: { step: 'publish', phase: 'start' } }] })
  })

  test('a fault at the boundary brings it forward: said for each kind', async () => {
    const { pointOfNoReturn, checks } = await measured('let-go', 1)
    expect(pointOfNoReturn).toMatchObject({ measured: { step: 'watch' }, seedsUnderFault: 1 })
    // The toy's killed leader is not started again by anybody.
    expect(pointOfNoReturn?.underFaults).toContainEqual({ kind: 'process-kill', step: '-', before: 'hold', runs: 1, tried: 1, broke: ['serves-at-end'] })
    expect(pointOfNoReturn?.underFaults.map(({ kind }) => kind)).not.toContain('process-pause')
    expect(checks.find(({ id }) => id === 'rollback-safe')?.status).toBe('fail')
  })

  test('a rollback of which an undo step fails is none: the way back ends before it; without any undo there was none to begin with', async () => {
    enterFolder({ 'stays.yaml': oneWay('let-go').replace('  - { id: route,', '  - { id: gone, run: resume, undo: [{ id: undo-gone, run: start m-9 }] }\n  - { id: route,'), 'none.yaml': oneWay('let-go').replaceAll(/, undo: \[.*\] \}/g, ' }') })
    const strategy: SweepSpec = { ...SMALL, rollbacks: { alone: 2, underFault: 0 } }
    const rollbacks = (name: string): Promise<CampaignResult> => {
      const scenario = loadScenario(name, [engine])
      const { blocks } = sweepGrid(strategy, scenario, realRehearser, '1')
      return sweep(scenario, { strategy, firstRun: blocks.slice(0, blocks.findIndex(({ id }) => id === 'rollback')).reduce((sum, { size }) => sum + size, 0) })
    }
    const stays = await rollbacks('stays.yaml')
    expect(stays.pointOfNoReturn?.measured).toEqual({ step: 'promote', before: 'gone', tried: 2, runs: 2, broke: ['serves-at-end', 'undo-failed'] })
    expect(stays.checks.find(({ id }) => id === 'rollback-safe')).toMatchObject({ status: 'fail' })
    const none = await rollbacks('none.yaml')
    expect(none.pointOfNoReturn?.measured?.broke).not.toContain('undo-failed')
  })

  test('none declared: measured all the same, and nothing is promised', async () => {
    const result = await measured('nothing')
    expect(result.pointOfNoReturn).toMatchObject({ declared: null, measured: { step: 'watch' } })
    expect(result.checks.find(({ id }) => id === 'rollback-safe')?.status).not.toBe('fail')
    expect(result.unjudged.runs).toBe(result.runs)
  })
})

describe('mistakes', () => {
  test('one of each kind at each visit; in a table of their own, in no verdict', async () => {
    const spec: SweepSpec = { ...SMALL }
    const { blocks } = sweepGrid(spec, fenced, realRehearser, '1')
    const before = blocks.slice(0, blocks.findIndex(({ id }) => id === 'mistakes')).reduce((sum, { size }) => sum + size, 0)
    const result = await sweep(fenced, { strategy: spec, firstRun: before })
    expect(result.runs).toBe(way.visits.length * 5)
    expect(result.unjudged.runs).toBe(result.runs)
    expect(result.checks.every(({ violations }) => violations === 0)).toBe(true)
    // Whoever does not stop the old leader has two.
    expect(result.aggregate.cells['mistakes/stop/operator-skips']?.broke).toHaveProperty('no-split-brain', 1)
    expect(result.aggregate.cells['mistakes/settle/operator-skips']).toMatchObject({ runs: 1, struck: 1, outOfBudget: 0 })
  })
})
