/** Worker threads, on the built code (a thread cannot load TypeScript) and the toy engine bundled for it. Both sides are the built code: a stale build must not look like a difference. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { CampaignResult } from '../../src/campaign/index.ts'
import type { Engine } from '../../src/engine.ts'
import { FENCED, SWAP, SWAP_RUNBOOK, enterFolder, proofroll } from '../cli/workshop.ts'
import { bundleEngines } from './bundle.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let enginesModule: string

/**
 * The toy engine, but the first `PROOFROLL_TEST_DEATHS` times that a thread builds a cluster, the thread dies: it exits, or throws where nobody
 * catches. The deaths are counted in a file, because a dead thread remembers nothing.
 */
const DEADLY = `
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { toy } from TOY
const { PROOFROLL_TEST_DEATHS: deaths = '0', PROOFROLL_TEST_HOW: how = 'exit' } = process.env
let builds = 0
function die() {
  const seen = existsSync('deaths.txt') ? readFileSync('deaths.txt', 'utf8').length : 0
  if (seen >= Number(deaths) || builds++ < 5) return
  writeFileSync('deaths.txt', 'x'.repeat(seen + 1))
  if (how === 'exit') process.exit(7)
  setTimeout(() => { throw new Error('thrown where nobody catches') })
}
const assumptions = () => [{ option: 'cluster.commandUs', value: 100_000, meaning: '', source: '', range: { low: 50_000, high: 900_000, source: '' } }]
export const engines = [{ ...toy, assumptions, build(sim, options) { if (!isMainThread) die(); return toy.build(sim, options) } }]
`

async function built(): Promise<{ runComparison: typeof import('../../src/campaign/index.ts').runComparison; runCampaign: typeof import('../../src/campaign/index.ts').runCampaign; analyseSensitivity: typeof import('../../src/campaign/index.ts').analyseSensitivity; mergeResults: typeof import('../../src/campaign/index.ts').mergeResults; realRehearser: typeof import('../../src/campaign/index.ts').realRehearser; loadScenario: typeof import('../../src/scenario/index.ts').loadScenario; engines: Engine[] }> {
  const load = async (file: string): Promise<object> => (await import(file)) as object
  return Object.assign({}, await load(pathToFileURL(`${root}dist/src/campaign/index.js`).href), await load(pathToFileURL(`${root}dist/src/scenario/index.js`).href), await load(enginesModule)) as Awaited<ReturnType<typeof built>>
}

beforeAll(async () => {
  enginesModule = await bundleEngines('threads', DEADLY)
}, 30_000)
afterAll(() => rmSync(fileURLToPath(enginesModule), { force: true }))
afterEach(() => {
  delete process.env['PROOFROLL_TEST_DEATHS']
  delete process.env['PROOFROLL_TEST_HOW']
})

test('--jobs 1 and --jobs 2 give the same result, to the last byte', async () => {
  enterFolder({ 'sub/swap.yaml': SWAP, 'sub/swap.runbook.yaml': SWAP_RUNBOOK })
  const { runCampaign, loadScenario, engines } = await built()
  const scenario = loadScenario('sub/swap.yaml', engines)
  const campaign = async (jobs: number): Promise<CampaignResult> =>
    (await runCampaign(scenario, { runs: 80, faults: 2, seed: '1', jobs, without: ['partition'], clockMs: () => 0, enginesModule })).result
  const one = await campaign(1)
  expect(one.determinism.mismatches).toEqual([])
  expect(JSON.stringify(await campaign(2))).toBe(JSON.stringify(one))
  expect(JSON.stringify(await campaign(3))).toBe(JSON.stringify(one))
}, 60_000)

test('a comparison on one thread and on two: the same to the last byte', async () => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK, 'fenced.yaml': FENCED })
  const { runComparison, loadScenario, engines } = await built()
  const scenarios = ['swap.yaml', 'fenced.yaml'].map((name) => loadScenario(name, engines))
  const compared = async (jobs: number): Promise<string> => JSON.stringify(await runComparison(scenarios, engines, { runs: 40, faults: 2, seed: '1', jobs, clockMs: () => 0, enginesModule }))
  expect(await compared(2)).toBe(await compared(1))
}, 60_000)

test('a sweep on one thread, on two, and in shards of two merged: the same to the last byte', async () => {
  enterFolder({ 'fenced.yaml': FENCED })
  const { runCampaign, loadScenario, mergeResults, realRehearser, engines } = await built()
  const scenario = loadScenario('fenced.yaml', engines)
  const strategy = { kind: 'sweep', lucks: 1, strengths: 'usual', pairs: false, rollbacks: { alone: 2, underFault: 1 } } as const
  const sweep = async (more: object): Promise<CampaignResult> => (await runCampaign(scenario, { strategy, seed: '1', without: ['partition', 'partition-pair', 'flapping'], clockMs: () => 0, enginesModule, ...more })).result
  const one = await sweep({ jobs: 1 })
  expect(one.determinism.mismatches).toEqual([])
  expect(one.runs).toBe(one.sweep?.size)
  expect(JSON.stringify(await sweep({ jobs: 2 }))).toBe(JSON.stringify(one))
  const shards = [await sweep({ jobs: 2, shard: { n: 2, of: 2 } }), await sweep({ jobs: 1, shard: { n: 1, of: 2 } })].map((shard) => JSON.parse(JSON.stringify(shard)) as CampaignResult)
  const prepared = { ...scenario, faults: { ...scenario.faults, kinds: scenario.faults.kinds.filter((kind) => !one.without.includes(kind)) } }
  expect(JSON.stringify(mergeResults(prepared, shards, realRehearser).result)).toBe(JSON.stringify(one))
}, 120_000)

test('what goes wrong in a thread is told as if there were none', async () => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK })
  const { runCampaign, loadScenario, engines } = await built()
  const scenario = loadScenario('swap.yaml', engines)
  const broken = { ...scenario, source: { ...scenario.source, yaml: scenario.source.yaml.replace('deadline: 1h', 'deadline: soon') } }
  await expect(runCampaign(broken, { runs: 50, seed: '1', jobs: 2, enginesModule })).rejects.toThrow(/deadline/)
}, 60_000)

test.each(['exit', 'throw'])('a thread that dies (%s) loses its range only: it is run again, and the result is the same to the last byte', async (how) => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK })
  const { runCampaign, loadScenario, engines } = await built()
  const scenario = loadScenario('swap.yaml', engines)
  const campaign = async (jobs: number): Promise<CampaignResult> => (await runCampaign(scenario, { runs: 60, faults: 1, seed: '2', jobs, clockMs: () => 0, enginesModule })).result
  const whole = await campaign(1)
  process.env['PROOFROLL_TEST_DEATHS'] = '2'
  process.env['PROOFROLL_TEST_HOW'] = how
  expect(JSON.stringify(await campaign(2))).toBe(JSON.stringify(whole))
  expect(readFileSync('deaths.txt', 'utf8')).toBe('xx')
}, 60_000)

test('a range that kills every thread it is given to ends the campaign, named, as a defect', async () => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK })
  process.env['PROOFROLL_TEST_DEATHS'] = '1000'
  const { code, out, err } = await proofroll(['run', 'swap.yaml', '--runs', '8', '--jobs', '2', '--json', 'r.json'], { enginesModule })
  expect({ code, out }).toEqual({ code: 3, out: '' })
  expect(err).toContain('runs 0…7: 3 worker threads died of them, one after the other; the last one: it exited with code 7')
  expect(err).toContain('`--first 0 --runs 8 --jobs 1` meets it again')
  expect(existsSync('r.json')).toBe(false)
}, 60_000)

test('assumptions varied on threads give what one thread gives', async () => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK })
  const { analyseSensitivity, loadScenario, engines } = await built()
  const analyse = (jobs: number): Promise<object> => analyseSensitivity(loadScenario('swap.yaml', engines), { runs: 4, seed: '1', strategy: { kind: 'random', faults: 1 }, without: [], jobs, enginesModule })
  const one = await analyse(1)
  expect(one).toMatchObject({ varied: 1, complete: true })
  expect(await analyse(2)).toEqual(one)
}, 60_000)
