import { loadScenario, loadScenarioFrom, type Scenario } from '../../src/scenario/index.ts'
import { toy } from '../toy/engine.ts'

/** The careful runbook: gate, pause, stop, promote, re-point, route. */
export const careful: Scenario = loadScenario('test/scenario/files/good.yaml', [toy])

/** A scenario with these steps (YAML list, two spaces in), on the toy. */
export function withSteps(steps: string, more = ''): Scenario {
  const yaml = `format: 1\ntitle: Test\ncluster: { engine: toy }\ndeadline: 10m\nload: { writesPerSecond: 100, cohorts: 1 }\n${more}\nrunbook:\n${steps}\n`
  return loadScenarioFrom({ name: 'test', yaml, files: {}, set: {} }, [toy])
}
