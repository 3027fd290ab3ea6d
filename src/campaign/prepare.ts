import type { Engine } from '../engine.ts'
import { type Scenario, type ScenarioSource, loadScenarioFrom } from '../scenario/index.ts'

/** The scenario with some fault kinds taken out of what a campaign draws from. */
export function withoutKinds(scenario: Scenario, kinds: readonly string[]): Scenario {
  if (kinds.length === 0) return scenario
  return { ...scenario, faults: { ...scenario.faults, kinds: scenario.faults.kinds.filter((kind) => !kinds.includes(kind)) } }
}

/** Loads a scenario from its own text, as a worker, a merge or a replay does. @throws ScenarioError */
export function prepareScenario(source: ScenarioSource, engines: readonly Engine[], without: readonly string[] = []): Scenario {
  return withoutKinds(loadScenarioFrom(source, engines), without)
}
