/**
 * Proofroll as a library: load a scenario, rehearse it once or many times, read what gave way.
 *
 * ```ts
 * import { loadScenario, runCampaign } from 'proofroll'
 * const { result } = await runCampaign(loadScenario('postgres-ferris-wheel/fenced'), { runs: 500, seed: '1', faults: 1 })
 * console.log(result.verdict, result.measures.writeDowntimeSeconds.p99)
 * ```
 */
import { engines } from '../models/index.ts'
import { type Scenario, loadScenario as load } from './scenario/index.ts'

/**
 * Loads a scenario by built-in name (`postgres-ferris-wheel/fenced`) or path, with the models of this package.
 * @param set overrides by path: `{ 'cluster.members': '5' }`
 * @throws ScenarioError with everything that is wrong, its place, and what would be right
 */
export function loadScenario(nameOrPath: string, set: Readonly<Record<string, string>> = {}): Scenario {
  return load(nameOrPath, engines, { set })
}

export { engines }
export { type BreakEven, type ComparisonCell, type ComparisonOptions, type ComparisonResult, type MeasureComparison, type PairComparison, type Prices, CompareError, runComparison } from './campaign/index.ts'
export { type Campaign, type CampaignOptions, type CampaignResult, type CheckSummary, type ClaimSummary, type Counterexample, type CounterexampleFile, type ObjectiveSummary, type Quantiles, type StepSummary, MergeError, OverlapError, RehearsalError, exact95, mergeResults, replay, runCampaign, version, zeroBelow95 } from './campaign/index.ts'
export type { Assumption, Cluster, Engine, FaultKind, Rule } from './engine.ts'
export type { Anchor, Fault, Schedule } from './faults/schedule.ts'
export { type Plan, type RunbookSource, RunbookError, compileRunbook } from './operator/index.ts'
export { type RehearsalOptions, rehearse, runSeed, scheduleFor } from './rehearsal.ts'
export { type Screen, PLAIN, outlineOf, renderComparison, renderComparisonMarkdown, renderJUnit, renderMarkdown, renderStory, renderSummary } from './report/index.ts'
export { type CheckId, type Clause, type MeasureId, type Outcome, type RehearsalResult, type Signature, type Status, type Verdict, CHECKS, MEASURES } from './result.ts'
export { type Scenario, type ScenarioSource, ScenarioError, builtInScenarios } from './scenario/index.ts'
export * from './suite/index.ts'
