/** Worker threads, on the built code (a thread cannot load TypeScript) and the toy engine bundled for it. Both sides are the built code: a stale build must not look like a difference. */
import { mkdirSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import { beforeAll, expect, test } from 'vitest'
import type { CampaignResult } from '../../src/campaign/index.ts'
import type { Engine } from '../../src/engine.ts'
import { SWAP, SWAP_RUNBOOK, enterFolder } from '../cli/workshop.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
// Beside the packages, so that the bundle finds them.
const bundle = `${root}node_modules/.cache/proofroll/toy.mjs`
const enginesModule = pathToFileURL(bundle).href

async function built(): Promise<{ runCampaign: typeof import('../../src/campaign/index.ts').runCampaign; loadScenario: typeof import('../../src/scenario/index.ts').loadScenario; engines: Engine[] }> {
  const load = async (file: string): Promise<object> => (await import(pathToFileURL(`${root}${file}`).href)) as object
  return Object.assign({}, await load('dist/src/campaign/index.js'), await load('dist/src/scenario/index.js'), await load('node_modules/.cache/proofroll/toy.mjs')) as Awaited<ReturnType<typeof built>>
}

beforeAll(async () => {
  mkdirSync(`${root}node_modules/.cache/proofroll`, { recursive: true })
  const input = `${root}test/toy/engine.ts`
  const build = await rolldown({
    input: 'toy',
    external: /^[^./\0]/,
    plugins: [{ name: 'toy', resolveId: (id) => (id === 'toy' ? '\0toy' : id === input ? input : null), load: (id) => (id === '\0toy' ? `import { toy } from ${JSON.stringify(input)}\nexport const engines = [toy]` : null) }],
  })
  await build.write({ file: bundle, format: 'esm' })
  await build.close()
}, 30_000)

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

test('what goes wrong in a thread is told as if there were none', async () => {
  enterFolder({ 'swap.yaml': SWAP, 'swap.runbook.yaml': SWAP_RUNBOOK })
  const { runCampaign, loadScenario, engines } = await built()
  const scenario = loadScenario('swap.yaml', engines)
  const broken = { ...scenario, source: { ...scenario.source, yaml: scenario.source.yaml.replace('deadline: 1h', 'deadline: soon') } }
  await expect(runCampaign(broken, { runs: 50, seed: '1', jobs: 2, enginesModule })).rejects.toThrow(/deadline/)
}, 60_000)
