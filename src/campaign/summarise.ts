/** Puts a campaign's result together, and merges results of disjoint runs. */
import { END } from '../operator/index.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { type Aggregate, aggregateTotals, fingerprintOf, mergeAggregate } from './aggregate.ts'
import { aggregateFromJson, aggregateToJson } from './aggregateJson.ts'
import { type RecordedCounterexample, makeCounterexamples } from './counterexample.ts'
import { compareClaims, coverageOf, judgeChecks, judgeFloors, judgeObjectives, summariseGates, summariseMeasures, summariseSignatures, summariseSteps } from './judge.ts'
import { type CampaignResult, type Counterexample, RESULT_FORMAT } from './result.ts'
import type { Rehearser } from './rehearser.ts'
import { QUANTILE_ERROR } from './sketch.ts'
import { type StrategySpec, faultsPerRun } from './strategy.ts'

/** The circumstances of a campaign that are not in its aggregate. */
export interface Circumstances {
  readonly proofroll: string
  readonly seed: string
  readonly strategy: StrategySpec
  readonly without: readonly string[]
  /** Asked for when all is done. */
  elapsedSeconds(): number
}

/** A campaign's result and the recorded rehearsals of its counterexamples, in the same order. */
export interface Campaign {
  readonly result: CampaignResult
  readonly stories: readonly RecordedCounterexample[]
}

/** Makes the counterexamples of what was found and puts the result together. */
export function conclude(scenario: Scenario, rehearser: Rehearser, aggregate: Aggregate, how: Circumstances): Campaign {
  const stories = makeCounterexamples(scenario, rehearser, how, aggregate)
  // A counterexample's first rehearsal is one more repetition of a run that another thread or machine may have done.
  const differing = stories.filter((each) => each.mismatch).map((each) => each.counterexample.run)
  aggregate.determinism.mismatches = [...new Set([...aggregate.determinism.mismatches, ...differing])].sort((a, b) => a - b)
  return { result: summarise(scenario, aggregate, stories.map((each) => each.counterexample), how), stories }
}

/** @param scenario as it was rehearsed (kinds taken out by `--without` already gone) */
export function summarise(scenario: Scenario, aggregate: Aggregate, counterexamples: readonly Counterexample[], how: Circumstances): CampaignResult {
  const forward = scenario.runbook.steps.filter((step) => step.path === 'forward')
  const order = forward.map((step) => step.id)
  const containers = new Set(forward.flatMap((step) => forward.find((other) => other.index === step.parent)?.id ?? []))
  const undoable = forward.filter((step) => step.undo !== END).map((step) => step.id)
  const objectives = judgeObjectives(aggregate, scenario.objectives)
  const checks = judgeChecks(aggregate, objectives)
  const faults = faultsPerRun(how.strategy)
  const floors = judgeFloors(aggregate, faults)
  const { runs, simulatedSeconds, eventsRun } = aggregateTotals(aggregate)
  const elapsedSeconds = how.elapsedSeconds()
  return {
    format: RESULT_FORMAT,
    proofroll: how.proofroll,
    scenario: scenario.name,
    title: scenario.title,
    engine: scenario.engine.name,
    verdict: checks.some((check) => check.status === 'fail') || floors.some((floor) => floor.status === 'fail') ? 'violated' : 'held',
    seed: how.seed,
    runs,
    ranges: aggregate.ranges,
    strategy: how.strategy,
    faultsPerRun: faults,
    without: how.without,
    elapsedSeconds,
    runsPerSecond: elapsedSeconds > 0 ? Math.round(runs / elapsedSeconds) : 0,
    simulatedSeconds,
    eventsRun,
    fingerprint: fingerprintOf(aggregate),
    outcomes: aggregate.outcomes,
    reasons: aggregateToJson(aggregate).reasons,
    struck: aggregate.struckRuns,
    outOfBudget: aggregateToJson(aggregate).outOfBudget,
    checks,
    objectives,
    floors,
    claims: compareClaims(aggregate, scenario.claims),
    load: { writesPerSecond: scenario.load.writesPerSecond },
    assumptions: scenario.assumptions,
    steps: summariseSteps(aggregate, order, containers),
    gates: summariseGates(aggregate, order),
    coverage: coverageOf(aggregate, faults > 0 ? scenario.faults.kinds : [], order, undoable),
    pointOfNoReturn: null,
    measures: summariseMeasures(aggregate),
    quantileError: QUANTILE_ERROR,
    signatures: summariseSignatures(aggregate, objectives),
    counterexamples,
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
 * The union of results of one scenario over disjoint runs. Counterexamples are made anew from the union, so that they are what one campaign
 * over all the runs would have shown. Elapsed time is the sum: work done, wherever it was done.
 * @param scenario loaded from the results' own source
 * @throws MergeError when they are not parts of one campaign, OverlapError when they share runs
 */
export function mergeResults(scenario: Scenario, results: readonly CampaignResult[], rehearser: Rehearser): Campaign {
  const [first, ...others] = results
  if (first === undefined) throw new MergeError('nothing to merge')
  for (const other of others) refuseStranger(first, other)
  const aggregate = aggregateFromJson(first.aggregate)
  for (const other of others) mergeAggregate(aggregate, aggregateFromJson(other.aggregate))
  const elapsedSeconds = results.reduce((sum, result) => sum + result.elapsedSeconds, 0)
  return conclude(scenario, rehearser, aggregate, { proofroll: first.proofroll, seed: first.seed, strategy: first.strategy, without: first.without, elapsedSeconds: () => elapsedSeconds })
}

function refuseStranger(first: CampaignResult, other: CampaignResult): void {
  const same = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) throw new MergeError(`${what} differs (${short(a)} and ${short(b)}): these are not parts of one campaign`)
  }
  same('the scenario', first.scenario, other.scenario)
  same('the version of Proofroll', first.proofroll, other.proofroll)
  same('the seed', first.seed, other.seed)
  same('the number of faults a run', first.faultsPerRun, other.faultsPerRun)
  same('the strategy', first.strategy, other.strategy)
  same('`--without`', first.without, other.without)
  if (JSON.stringify(first.source) !== JSON.stringify(other.source)) throw new MergeError(`the text of ${first.scenario} (or an override) differs between the results: these are not parts of one campaign`)
}

function short(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
