/** `onEngine:`: one question asked of several engines. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { runComparison } from '../../src/campaign/index.ts'
import { loadScenario, loadScenarioFrom, loadScenarioWritten, ScenarioError } from '../../src/scenario/index.ts'

const GUARDED = 'blue-green/guarded'
const written = (yaml: string, set: Record<string, string> = {}) =>
  loadScenarioWritten({ name: 'two', folder: '.', yaml, files: { 'pg.runbook.yaml': 'format: 1\ntitle: One\nsteps: [{ id: a, run: kubectl get pods }]\n', 'vt.runbook.yaml': 'format: 1\ntitle: Two\nsteps: [{ id: b, run: vtctldclient GetTablets }]\n' } }, engines, { set })
const TWO = `format: 1
cluster: { engine: postgres, members: 2 }
load: { writesPerSecond: 7 }
runbook: ./pg.runbook.yaml
deadline: 1h
onEngine:
  vitess:
    cluster: { fleet: 4 }
    runbook: ./vt.runbook.yaml
`
const wrong = (yaml: string, set?: Record<string, string>): string => {
  try {
    written(yaml, set)
    return 'nothing'
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error
    return error.message
  }
}

test('the engine that is chosen decides which sections hold; what it does not name stays', () => {
  const own = written(TWO)
  expect([own.engine.name, own.alsoOn, own.runbook.title, own.load.writesPerSecond]).toEqual(['postgres', ['vitess'], 'One', 7])
  const other = written(TWO, { 'cluster.engine': 'vitess', 'cluster.vtgates': '2' })
  expect([other.engine.name, other.alsoOn, other.runbook.title, other.load.writesPerSecond, other.deadlineUs]).toEqual(['vitess', ['postgres'], 'Two', 7, 3600e6])
  expect(other.options).toMatchObject({ fleet: 4, vtgates: 2 })
})

test('a section may name the engine that runs on the one that was chosen', () => {
  const layered = TWO.replace('cluster: { fleet: 4 }', "cluster: { engine: application, vitess: { fleet: 4 }, legacy: commerce, modern: green }")
  const there = written(layered, { 'cluster.engine': 'vitess', 'cluster.vitess.vtgates': '2' })
  expect([there.engine.name, there.runbook.title, there.alsoOn]).toEqual(['application', 'Two', ['postgres']])
  expect(there.options).toMatchObject({ vitess: { fleet: 4, vtgates: 2 } })
  expect(loadScenarioFrom(there.source, engines).engine.name).toBe('application')
  expect(wrong(TWO.replace('{ fleet: 4 }', '{ engine: nothing }'), { 'cluster.engine': 'vitess' })).toContain('there is no engine `nothing`')
})

test('its source has the files of all, so that another engine can be chosen wherever it goes', () => {
  const again = loadScenarioFrom(written(TWO).source, engines, { set: { cluster: '{ engine: vitess, fleet: 8 }' } })
  expect([again.engine.name, again.runbook.title]).toEqual(['vitess', 'Two'])
  expect(again.options).toMatchObject({ fleet: 8 })
})

test('what is wrong in such a section is said where it stands', () => {
  expect(wrong(TWO.replace('fleet: 4', 'fleets: 4'), { 'cluster.engine': 'vitess' })).toContain('two.yaml (in code):8:16: unknown key `fleets` in `cluster`')
  expect(wrong(TWO.replace('vt.runbook', 'tv.runbook'), { 'cluster.engine': 'vitess' })).toContain('there is no runbook `./tv.runbook.yaml`')
  expect(wrong(TWO.replace('  vitess:', '  vites:'))).toContain('there is no engine `vites`')
  expect(wrong(TWO.replace('    runbook: ./vt.runbook.yaml\n', ''))).toMatch(/two\.yaml \(in code\):7:\d+: .*runbook/)
})

test('compare takes the form of the first one’s engine', async () => {
  const { cells } = await runComparison(['vitess-rolling/primary-last', GUARDED].map(name => loadScenario(name, engines)), engines, { runs: 1, seed: '1', faults: 0 })
  const [rolling, green] = cells[0]!.scenarios
  expect([rolling!.outcomes.completed, green!.outcomes.completed]).toEqual([1, 1])
  expect(green!.replaced).toEqual([])
  // A second fleet costs; one tablet missing at a time does not.
  expect(green!.measures.extraCostDollars!.mean).toBeGreaterThan(rolling!.measures.extraCostDollars!.mean)
  expect(green!.measures.capacityDeficitNodeHours!.mean).toBeLessThan(rolling!.measures.capacityDeficitNodeHours!.mean)
})
