/** Things that show nothing must not come out green: a runbook that does nothing, one that gives up at once, an injector that strikes air. */
import { expect, test } from 'vitest'
import { runCampaign } from '../../src/campaign/index.ts'
import type { Cluster, Engine, Strike } from '../../src/engine.ts'
import { sentence } from '../../src/report/summary.ts'
import { loadScenario, loadScenarioFrom } from '../../src/scenario/index.ts'
import { engines } from '../../models/index.ts'

const HEAD = 'format: 1\ntitle: floor\ncluster: { engine: postgres, targetKubernetesVersion: 1.29.0 }\ndeadline: 1h\n'

function scenario(runbook: string) {
  return loadScenarioFrom({ name: 'floor', yaml: `${HEAD}runbook:\n${runbook}`, files: {}, set: {} }, engines, {})
}

async function campaign(of: ReturnType<typeof scenario>, faults = 0) {
  const { result } = await runCampaign(of, { runs: 12, seed: 'floor', faults, jobs: 1 })
  return result
}

/** The engine with another way to strike. */
function striking(strike: (cluster: Cluster) => Strike): readonly Engine[] {
  return engines.map(engine => ({
    ...engine,
    build(sim, options) {
      const cluster = engine.build(sim, options as never)
      Object.defineProperty(cluster, 'strike', { value: () => strike(cluster) })
      return cluster
    },
  }))
}

test('a runbook that does nothing reaches no target', async () => {
  const result = await campaign(scenario('  - id: idle\n    note: nothing is done here\n'))
  expect(result.verdict).toBe('violated')
  expect(result.checks.find(c => c.id === 'target-reached')).toMatchObject({ status: 'fail', violations: 12 })
})

test('a runbook that gives up at its first step is below the floor', async () => {
  const result = await campaign(scenario('  - id: give-up\n    run: kubectl get pod nobody\n    otherwise: abort\n'))
  expect(result.checks.every(c => c.status !== 'fail')).toBe(true)
  expect(result.floors.find(f => f.id === 'completes')?.status).toBe('fail')
  expect(result.verdict).toBe('violated')
})

// A script that stops in most rehearsals though nothing struck upgrades nothing; that it broke nothing either is no verdict to be proud of.
test('a runbook that mostly stops without any fault is below the floor, one that mostly goes on is not', async () => {
  const stops = (below: number) => loadScenarioFrom({ name: 'floor', yaml: 'format: 1\ntitle: floor\ncluster: { engine: postgres }\ndeadline: 1h\nrunbook: ./mine.sh\n', files: { 'mine.sh': `kubectl get pods\n[ $(( RANDOM % 10 )) -ge ${below} ] || exit 7\n` }, set: {} }, engines, {})
  const mostly = await campaign(stops(8))
  expect(mostly.outcomes.completed).toBeGreaterThan(0)
  expect(mostly.outcomes.completed).toBeLessThan(6)
  expect(mostly.floors.find(f => f.id === 'completes')).toMatchObject({ status: 'fail', evidence: expect.stringContaining('most often') })
  expect(sentence(mostly)).toMatch(/^In \d+ of 12 rehearsals the runbook did not reach its end, though no fault struck/)
  const seldom = await campaign(stops(2))
  expect(seldom.outcomes.completed).toBeGreaterThan(6)
  expect(seldom.floors.find(f => f.id === 'completes')?.status).toBe('pass')
  // Under faults it may well stop: that is what gates are for.
  const struck = await campaign(stops(8), 2)
  expect(struck.floors.find(f => f.id === 'completes')?.status).toBe(struck.outcomes.completed > 0 ? 'pass' : 'fail')
})

// What the injector itself carries out (on the operator, on the clients) is left out: it strikes whatever the engine does.
test('an injector that never strikes is below the floor', async () => {
  const air = loadScenario('postgres-ferris-wheel/quick', striking(() => ({ struck: false, members: [], end: () => {} })), {})
  const { result } = await runCampaign(air, { runs: 6, seed: 'floor', faults: 2, jobs: 1, without: ['operator-killed', 'load-spike'] })
  expect(result.floors.find(f => f.id === 'faults-strike')?.status).toBe('fail')
})

test('an injector that claims to strike and changes nothing is a defect', async () => {
  const liar = loadScenario('postgres-ferris-wheel/quick', striking(() => ({ struck: true, members: [], end: () => {} })), {})
  await expect(runCampaign(liar, { runs: 6, seed: 'floor', faults: 2, jobs: 1, without: ['operator-killed', 'load-spike'] })).rejects.toThrow(/noted no change/)
})
