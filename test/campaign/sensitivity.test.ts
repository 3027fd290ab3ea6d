/** Assumptions varied within their range, on the toy engine with four assumptions whose effect is known. */
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { runCampaign } from '../../src/campaign/campaign.ts'
import { analyseSensitivity, variantsOf } from '../../src/campaign/sensitivity.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import type { Assumption, Engine } from '../../src/engine.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { FENCED, engine, enterFolder, proofroll } from '../cli/workshop.ts'

const assume = (option: string, value: unknown, range: Assumption['range']): Assumption => ({ option: `cluster.${option}`, value, meaning: '', source: 'made up', ...(range === undefined ? {} : { range }) })
const guessing: Engine = {
  ...engine,
  assumptions: (given) => [
    assume('commandUs', 100_000, { low: 50_000, high: 1_000_000, source: 'made up' }),
    assume('delayUs', 500, { low: 400, high: 600, source: 'made up' }),
    assume('promise', 'asynchronous', { values: ['asynchronous', 'synchronous', 'semi'], source: 'made up' }),
    assume('members', 3, undefined),
  ].filter(({ option }) => given[option.replace('cluster.', '')] === undefined),
}
// The commands of the runbook take commandUs each, and it sleeps for 20 s: above about 0.4 s a command it takes longer than 25 s.
const TIMED = `${FENCED.replace('objectives:\n', 'objectives:\n  - { measure: durationSeconds, at: max, max: 25s }\n')}`
const options = { runs: 3, seed: '1', strategy: { kind: 'random', faults: 0 }, without: [], jobs: 1 } as const

beforeEach(() => void enterFolder({ 'timed.yaml': TIMED }))

describe('the analysis', () => {
  test('tries both ends of a range and each other word; what has no range is left alone', () => {
    const scenario = loadScenario('timed.yaml', [guessing])
    expect(variantsOf(scenario).map(({ assumption, value }) => [assumption.option, value])).toEqual([['cluster.commandUs', 50_000], ['cluster.commandUs', 1_000_000], ['cluster.delayUs', 400], ['cluster.delayUs', 600], ['cluster.promise', 'synchronous'], ['cluster.promise', 'semi']])
    expect(variantsOf(loadScenario('timed.yaml', [guessing], { set: { 'cluster.commandUs': '100000', 'cluster.promise': 'synchronous' } })).map(({ assumption }) => assumption.option)).toEqual(['cluster.delayUs', 'cluster.delayUs'])
  })

  test('says which assumption flips the verdict, by which check, and between which values it turns', async () => {
    const found = await analyseSensitivity(loadScenario('timed.yaml', [guessing]), options)
    expect(found).toMatchObject({ runs: 3, complete: true, varied: 3, verdict: 'held' })
    expect(found.flips).toHaveLength(1)
    expect(found.flips[0]).toMatchObject({ option: 'cluster.commandUs', assumed: 100_000, value: 1_000_000, verdict: 'violated', flipsVerdict: true, checks: [{ id: 'objective durationSeconds max', was: 'pass', is: 'fail' }] })
    const [keeps, turns] = found.flips[0]?.between ?? [0, 0]
    const durationAt = async (commandUs: number): Promise<number> => (await runCampaign(loadScenario('timed.yaml', [guessing], { set: { 'cluster.commandUs': String(commandUs) } }), { runs: 3, seed: '1', faults: 0 })).result.measures.durationSeconds.max
    expect(await durationAt(keeps)).toBeLessThanOrEqual(25)
    expect(await durationAt(turns)).toBeGreaterThan(25)
    expect(turns - keeps).toBeLessThan(900_000 / 2 ** 4)
  })

  test('says which measure moves with what, the greatest swing first, and which values cannot be', async () => {
    const { tornado, impossible, rehearsals } = await analyseSensitivity(loadScenario('timed.yaml', [guessing]), options)
    const duration = tornado.filter((row) => row.measure === 'durationSeconds')
    expect(duration[0]).toMatchObject({ option: 'cluster.commandUs', low: 50_000, high: 1_000_000 })
    expect(duration[0]?.swing).toBeCloseTo((duration[0]?.atHigh ?? 0) - (duration[0]?.atLow ?? 0), 5)
    // Ten commands and more, each 0.95 s longer.
    expect(duration[0]?.swing).toBeGreaterThan(9)
    for (const measure of new Set(tornado.map((row) => row.measure))) {
      const swings = tornado.filter((row) => row.measure === measure).map((row) => row.swing)
      expect(swings).toEqual([...swings].sort((a, b) => b - a))
    }
    expect(impossible.map(({ option, value }) => [option, value])).toEqual([['cluster.promise', 'semi']])
    expect(impossible[0]?.why).toContain('promise')
    expect(rehearsals).toBeGreaterThanOrEqual(3 * 6)
    expect(rehearsals).toBeLessThanOrEqual(3 * 11)
  })

  test('stopped before it began, it says that it is not complete', async () => {
    const stop = new AbortController()
    stop.abort()
    expect(await analyseSensitivity(loadScenario('timed.yaml', [guessing]), { ...options, stop: stop.signal })).toMatchObject({ complete: false, rehearsals: 3, flips: [], tornado: [] })
  })
})

test('run --sensitivity: the cost first, then the table, in the file and in the report', async () => {
  const { code, out, err } = await proofroll(['run', 'timed.yaml', '--runs', '5', '--sensitivity', '--sensitivity-runs', '2', '--json', 'r.json', '--report', 'out', '--jobs', '1'], { engines: [guessing] })
  expect(code).toBe(0)
  expect(err).toBe('timed: sensitivity: 6 values of 3 assumptions, 14 rehearsals, and a few more where the verdict flips\n')
  expect(out).toContain('What hangs on the assumptions\n  Each of 3 assumptions varied alone within its range, 2 rehearsals a value on\n  the same luck. 1 value cannot be in this scenario; the JSON says why.\n  One value changes the verdict (held as assumed):\n  ✗ cluster.commandUs = 1,000,000 instead of 100,000: the objective on duration\n    (max) is missed (turns between 409,375 and 437,500)\n\n')
  expect(out).toMatch(/\n {2}duration: 2\d\.\d s as assumed\n {4}commandUs +50,000–1,000,000 +2\d\.\d s +3\d\.\d s +1\d\.\d s\n/)
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  expect((JSON.parse(readFileSync('r.json', 'utf8')) as CampaignResult).sensitivity?.flips[0]?.option).toBe('cluster.commandUs')
  expect(readFileSync('out/report.md', 'utf8')).toContain('### What hangs on the assumptions')
  expect(readFileSync('out/report.md', 'utf8')).toMatch(/\| duration \| `cluster\.commandUs` \| 50,000 – 1,000,000 \| /)
})
