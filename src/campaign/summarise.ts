/** Puts a campaign's result together, and merges results of disjoint runs. */
import { END } from '../operator/index.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { type Aggregate, addMismatch, aggregateTotals, fingerprintOf, mergeAggregate } from './aggregate.ts'
import { aggregateFromJson, aggregateToJson } from './aggregateJson.ts'
import { type RecordedCounterexample, makeCounterexamples } from './counterexample.ts'
import { findDivergence } from './diverge.ts'
import { compareClaims, coverageOf, judgeChecks, judgeFloors, judgeObjectives, summariseGates, summariseMeasures, summariseSignatures, summariseSteps } from './judge.ts'
import { type CampaignResult, type Counterexample, RESULT_FORMAT, type Sensitivity } from './result.ts'
import type { Rehearser } from './rehearser.ts'
import { probesOf } from './probes.ts'
import { type Ranges, sameRanges, uniteLoosely } from './ranges.ts'
import { pointOfNoReturnOf } from './pointOfNoReturn.ts'
import { MergeError, refuseStranger } from './resume.ts'
import { saturationOf } from './saturation.ts'
import { QUANTILE_ERROR } from './sketch.ts'
import { type StrategySpec, faultsPerRun, objectivesFor, strategyOf, sweepGrid } from './strategy.ts'
import { summariseSweep } from './sweep/summary.ts'

/** The circumstances of a campaign that are not in its aggregate. */
export interface Circumstances {
  readonly proofroll: string
  readonly seed: string
  readonly strategy: StrategySpec
  readonly without: readonly string[]
  /** The runs that were to be rehearsed: all of them are there unless the campaign was stopped. */
  readonly asked: Ranges
  /** Fail when a probe was never hit. */
  readonly strict: boolean
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
  const { caseOf } = strategyOf(how.strategy, scenario, rehearser, how.seed)
  for (const { counterexample } of stories.filter((each) => each.mismatch)) {
    const { seed, schedule } = caseOf(counterexample.run)
    addMismatch(aggregate, counterexample.run, () => findDivergence(counterexample.run, () => rehearser.rehearse({ scenario, seed, schedule, record: true })))
  }
  return { result: summarise(scenario, rehearser, aggregate, stories.map((each) => each.counterexample), how), stories }
}

/** @param scenario as it was rehearsed (kinds taken out by `--without` already gone) */
export function summarise(scenario: Scenario, rehearser: Rehearser, aggregate: Aggregate, counterexamples: readonly Counterexample[], how: Circumstances): CampaignResult {
  const forward = scenario.runbook.steps.filter((step) => step.path === 'forward')
  const order = forward.map((step) => step.id)
  const containers = new Set(forward.flatMap((step) => forward.find((other) => other.index === step.parent)?.id ?? []))
  const undoable = forward.filter((step) => step.undo !== END).map((step) => step.id)
  const grid = how.strategy.kind === 'sweep' ? sweepGrid(how.strategy, scenario, rehearser, how.seed) : undefined
  const objectives = judgeObjectives(aggregate, objectivesFor(how.strategy, scenario))
  const judged = judgeChecks(aggregate, objectives)
  // The cells of a grid are no draws: their share is no rate, and has no interval.
  const checks = grid === undefined ? judged : judged.map((check) => ({ ...check, rate: null, ci95: null }))
  const faults = faultsPerRun(how.strategy)
  const probes = probesOf(aggregate, scenario, faults > 0)
  const partial = !sameRanges(aggregate.ranges, how.asked)
  // What is missing yet may still hit the rest.
  const floors = judgeFloors(aggregate, faults, how.strict && !partial ? probes : undefined, grid === undefined)
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
    asked: how.asked,
    partial,
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
    beyond: aggregateToJson(aggregate).beyond,
    struck: aggregate.struckRuns,
    outOfBudget: aggregateToJson(aggregate).outOfBudget,
    unjudged: aggregate.unjudged,
    checks,
    objectives,
    floors,
    claims: compareClaims(aggregate, scenario.claims),
    load: { writesPerSecond: scenario.load.writesPerSecond, readsPerSecond: scenario.load.readsPerSecond },
    assumptions: scenario.assumptions,
    steps: summariseSteps(aggregate, order, containers),
    gates: summariseGates(aggregate, order, scenario.runbook),
    coverage: coverageOf(aggregate, faults > 0 ? scenario.faults.kinds : [], order, undoable),
    probes,
    pointOfNoReturn: grid === undefined ? null : pointOfNoReturnOf(scenario, aggregate.cells, grid.boundaries, scenario.faults.kinds),
    sweep: grid === undefined ? null : summariseSweep(grid, aggregate.cells, order),
    saturation: saturationOf(aggregate.combinations, aggregate.ranges),
    measures: summariseMeasures(aggregate),
    quantileError: QUANTILE_ERROR,
    signatures: summariseSignatures(aggregate, objectives),
    counterexamples,
    determinism: aggregate.determinism,
    source: scenario.source,
    aggregate: aggregateToJson(aggregate),
  }
}

/**
 * The union of results of one scenario over disjoint runs. Counterexamples are made anew from the union, so that they are what one campaign
 * over all the runs would have shown. Elapsed time is the sum: work done, wherever it was done.
 * @param scenario loaded from the results' own source
 * @param strict fail when a fault kind, gate outcome or undo edge was never hit in all of them together
 * @throws MergeError when they are not parts of one campaign, OverlapError when they share runs
 */
export function mergeResults(scenario: Scenario, results: readonly CampaignResult[], rehearser: Rehearser, strict = false): Campaign {
  const [first, ...others] = results
  if (first === undefined) throw new MergeError('nothing to merge')
  for (const other of others) refuseStranger(first, other, 'these are not parts of one campaign')
  const aggregate = aggregateFromJson(first.aggregate)
  for (const other of others) mergeAggregate(aggregate, aggregateFromJson(other.aggregate))
  const elapsedSeconds = results.reduce((sum, result) => sum + result.elapsedSeconds, 0)
  const asked = results.reduce<Ranges>((all, result) => uniteLoosely(all, result.asked), [])
  const { proofroll, seed, strategy, without } = first
  const campaign = conclude(scenario, rehearser, aggregate, { proofroll, seed, strategy, without, asked, strict, elapsedSeconds: () => elapsedSeconds })
  // Both are found on samples that do not depend on the part: whichever part has one speaks for all.
  const needless = results.find((result) => result.needless !== undefined)?.needless
  const sensitivity = sensitivitiesOf(results).length === 1 ? sensitivitiesOf(results)[0] : undefined
  return { ...campaign, result: { ...campaign.result, ...(sensitivity === undefined ? {} : { sensitivity }), ...(needless === undefined ? {} : { needless }) } }
}

/**
 * The different answers that parts of one campaign give about its assumptions. More than one, because they were looked for with different numbers
 * of rehearsals or stopped in the middle, and a merge keeps none of them.
 */
export function sensitivitiesOf(results: readonly CampaignResult[]): readonly Sensitivity[] {
  const found = results.flatMap(({ sensitivity }) => (sensitivity === undefined ? [] : [sensitivity]))
  return found.filter((one, i) => found.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)) === i)
}
