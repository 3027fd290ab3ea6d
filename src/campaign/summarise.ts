/** Puts a campaign's result together, and merges results of disjoint runs. */
import type { Scenario } from '../scenario/scenario.ts'
import { type Aggregate, aggregateTotals, fingerprintOf, mergeAggregate, signatureKey } from './aggregate.ts'
import { aggregateFromJson, aggregateToJson } from './aggregateJson.ts'
import { byGravity, chooseSignatures } from './counterexample.ts'
import { compareClaims, coverageOf, judgeChecks, judgeObjectives, summariseGates, summariseMeasures, summariseSignatures, summariseSteps } from './judge.ts'
import { type CampaignResult, type Counterexample, RESULT_FORMAT } from './result.ts'
import { QUANTILE_ERROR } from './sketch.ts'

/** The circumstances of a campaign that are not in its aggregate. */
export interface Circumstances {
  readonly proofroll: string
  readonly seed: string
  readonly faults: number
  readonly without: readonly string[]
  readonly elapsedSeconds: number
}

/** @param scenario as it was rehearsed (kinds taken out by `--without` already gone) */
export function summarise(scenario: Scenario, aggregate: Aggregate, counterexamples: readonly Counterexample[], how: Circumstances): CampaignResult {
  const order = scenario.runbook.steps.filter((step) => step.path === 'forward').map((step) => step.id)
  const objectives = judgeObjectives(aggregate, scenario.objectives)
  const checks = judgeChecks(aggregate, objectives)
  const { runs, simulatedSeconds, eventsRun } = aggregateTotals(aggregate)
  return {
    format: RESULT_FORMAT,
    proofroll: how.proofroll,
    scenario: scenario.name,
    title: scenario.title,
    engine: scenario.engine.name,
    verdict: checks.some((check) => check.status === 'fail') ? 'violated' : 'held',
    seed: how.seed,
    runs,
    ranges: aggregate.ranges,
    faultsPerRun: how.faults,
    without: how.without,
    elapsedSeconds: how.elapsedSeconds,
    runsPerSecond: how.elapsedSeconds > 0 ? Math.round(runs / how.elapsedSeconds) : 0,
    simulatedSeconds,
    eventsRun,
    fingerprint: fingerprintOf(aggregate),
    outcomes: aggregate.outcomes,
    reasons: aggregateToJson(aggregate).reasons,
    struck: aggregate.struckRuns,
    outOfBudget: aggregateToJson(aggregate).outOfBudget,
    checks,
    objectives,
    claims: compareClaims(aggregate, scenario.claims),
    assumptions: scenario.assumptions,
    steps: summariseSteps(aggregate, order),
    gates: summariseGates(aggregate, order),
    coverage: coverageOf(aggregate, how.faults > 0 ? scenario.faults.kinds : [], order),
    pointOfNoReturn: null,
    measures: summariseMeasures(aggregate),
    quantileError: QUANTILE_ERROR,
    signatures: summariseSignatures(aggregate),
    counterexamples: [...counterexamples].sort(byGravity),
    determinism: aggregate.determinism,
    source: scenario.source,
    aggregate: aggregateToJson(aggregate),
  }
}

/** Results that cannot be merged: of different scenarios, seeds, fault counts or versions. */
export class MergeError extends Error {
  override readonly name = 'MergeError'
}

/**
 * The union of results of one scenario over disjoint runs. Elapsed time is the sum (work done, wherever it was done).
 * @param scenario loaded from the results' own source
 * @throws MergeError when they are not parts of one campaign, OverlapError when they share runs
 */
export function mergeResults(scenario: Scenario, results: readonly CampaignResult[]): CampaignResult {
  const [first, ...others] = results
  if (first === undefined) throw new MergeError('nothing to merge')
  for (const other of others) refuseStranger(first, other)
  const aggregate = aggregateFromJson(first.aggregate)
  for (const other of others) mergeAggregate(aggregate, aggregateFromJson(other.aggregate))
  const all = results.flatMap((result) => result.counterexamples)
  const counterexamples = chooseSignatures(aggregate).flatMap((record) => all.find((each) => each.run === record.run && each.signature === signatureKey(record.signature)) ?? [])
  const elapsedSeconds = results.reduce((sum, result) => sum + result.elapsedSeconds, 0)
  return summarise(scenario, aggregate, counterexamples, { proofroll: first.proofroll, seed: first.seed, faults: first.faultsPerRun, without: first.without, elapsedSeconds })
}

function refuseStranger(first: CampaignResult, other: CampaignResult): void {
  const same = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) throw new MergeError(`${what} differs (${short(a)} and ${short(b)}): these are not parts of one campaign`)
  }
  same('the scenario', first.scenario, other.scenario)
  same('the version of Proofroll', first.proofroll, other.proofroll)
  same('the seed', first.seed, other.seed)
  same('the number of faults a run', first.faultsPerRun, other.faultsPerRun)
  same('`--without`', first.without, other.without)
  if (JSON.stringify(first.source) !== JSON.stringify(other.source)) throw new MergeError(`the text of ${first.scenario} (or an override) differs between the results: these are not parts of one campaign`)
}

function short(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
