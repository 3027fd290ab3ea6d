/**
 * A comparison: several scenarios on one cluster, under one load, on the same luck. Which of them wins depends on scenarios, seed and run numbers
 * alone: threads and shards change nothing but the time it takes.
 */
import type { Engine } from '../../engine.ts'
import type { Scenario } from '../../scenario/scenario.ts'
import { type TogetherLane, openTogetherLane } from '../pool.ts'
import { prepareScenario, withoutKinds } from '../prepare.ts'
import { RunQueue, pieceFor } from '../queue.ts'
import { type Ranges, countRuns, sameRanges, shardOf, uniteLoosely } from '../ranges.ts'
import { realRehearser } from '../real.ts'
import type { Rehearser } from '../rehearser.ts'
import { MergeError } from '../resume.ts'
import type { CampaignResult } from '../result.ts'
import { summarise } from '../summarise.ts'
import { version } from '../version.ts'
import { unfitOf } from './fit.ts'
import { CompareError, onCommonGround, onOneEngine, overriddenIn, pathVaried, refuseStrangers, replacedBy, upgradeOf } from './ground.ts'
import { comparePair, standingsOf } from './judge.ts'
import { COMPARISON_FORMAT, type ComparedScenario, type ComparisonCell, type ComparisonResult, type Prices } from './result.ts'
import { type Tally, emptyTally, mergeTally, pairsOf, tallyFromJson, tallyToJson } from './tally.ts'
import { luckOf, rehearseTogether } from './together.ts'

/** One option in several values. */
export interface Varied {
  /** A path (`cluster.members`), or the name of an option of the cluster or the load. */
  readonly key: string
  readonly values: readonly string[]
}

export interface ComparisonOptions {
  /** How many rehearsals of each scenario, at each point of `vary`. */
  readonly runs: number
  readonly seed: string
  /** At most so many faults a run; 0 = none. */
  readonly faults: number
  readonly firstRun?: number
  readonly shard?: { readonly n: number; readonly of: number }
  readonly jobs?: number
  readonly without?: readonly string[]
  /** Let each scenario keep its own cluster and load (the fleets must still be equal). */
  readonly ownClusters?: boolean
  readonly prices?: Prices
  /** Every combination of the values is compared. */
  readonly vary?: readonly Varied[]
  readonly onProgress?: (done: number, total: number) => void
  readonly stop?: AbortSignal
  readonly enginesModule?: string
  readonly clockMs?: () => number
}

export const NO_PRICES: Prices = { downtimePerMinute: null, labourPerHour: null }
/** Points of `--vary`: more is a mistake in typing. */
const CELLS_MOST = 64
const SLICE_MS = 50

/**
 * Compares scenarios, the first against each other one and those among themselves.
 * @throws CompareError when they cannot be compared, RehearsalError when a rehearsal throws
 */
export async function runComparison(asGiven: readonly Scenario[], engines: readonly Engine[], options: ComparisonOptions, rehearser: Rehearser = realRehearser): Promise<ComparisonResult> {
  const { seed, faults, without = [], firstRun = 0, ownClusters = false, prices = NO_PRICES, clockMs = () => performance.now() } = options
  const startMs = clockMs()
  const given = onOneEngine(asGiven, engines)
  const [first, end] = shardOf(firstRun, options.runs, options.shard?.n ?? 1, options.shard?.of ?? 1)
  const asked: Ranges = end > first ? [[first, end]] : []
  const grounds = variationsOf(given, options.vary ?? []).map((vary) => ({ vary, scenarios: onCommonGround(given, engines, vary, ownClusters).map((scenario) => withoutKinds(scenario, without)) }))
  const total = grounds.length * countRuns(asked)
  const replaced = given.map((scenario) => (ownClusters ? [] : replacedBy(given[0] as Scenario, scenario, engines)))
  const overridden = asGiven.map((scenario) => overriddenIn(scenario, engines))
  const cells: ComparisonCell[] = []
  for (const { vary, scenarios } of grounds) {
    if (!ownClusters && cells.length === 0) refuseStrangers(scenarios, onCommonGround(given, engines, vary, true), (scenario) => rehearser.rehearse({ scenario, schedule: [], seed: rehearser.seedOf(seed, firstRun) }))
    const done = cells.length * countRuns(asked)
    const tally = await rehearseAll(scenarios, asked, options, rehearser, (runs) => options.onProgress?.(done + runs, total))
    cells.push(cellOf(scenarios, vary, tally, { seed, faults, without, asked, prices, replaced, overridden }, rehearser))
  }
  const elapsedSeconds = Math.round(clockMs() - startMs) / 1000
  return conclude(cells, { proofroll: version, engine: (given[0] as Scenario).engine.name, seed, faultsPerRun: faults, without, ownClusters, prices, asked, elapsedSeconds })
}

/** Every combination of the varied values by path; one empty one when nothing is varied. */
function variationsOf(given: readonly Scenario[], vary: readonly Varied[]): Readonly<Record<string, string>>[] {
  let all: Readonly<Record<string, string>>[] = [{}]
  for (const { key, values } of vary) {
    const path = pathVaried(key, given[0] as Scenario)
    all = all.flatMap((each) => values.map((value) => ({ ...each, [path]: value })))
  }
  if (all.length > CELLS_MOST) throw new CompareError(`--vary: ${all.length} combinations; at most ${CELLS_MOST} are compared at a time`)
  return all
}

async function rehearseAll(scenarios: readonly Scenario[], asked: Ranges, options: ComparisonOptions, rehearser: Rehearser, onDone: (runs: number) => void): Promise<Tally> {
  const { seed, faults, stop } = options
  const runs = countRuns(asked)
  const jobs = Math.min(options.jobs ?? 1, Math.max(1, runs))
  const queue = new RunQueue(asked)
  const into = emptyTally(scenarios.length)
  const sources = scenarios.map((scenario) => scenario.source)
  // Before any thread: what is wrong with the luck is said once.
  luckOf(scenarios, faults)
  const lanes: readonly TogetherLane[] = jobs <= 1 ? [inThisThread(scenarios, rehearser)] : Array.from({ length: jobs }, () => openTogetherLane(scenarios[0] as Scenario, options.without ?? [], options.enginesModule))
  let most = jobs <= 1 ? 1 : Math.min(8, pieceFor(runs, jobs))
  let failed = false
  const work = async (lane: TogetherLane): Promise<void> => {
    while (!failed && stop?.aborted !== true) {
      const next = queue.take(most)
      if (next === undefined) return
      const startMs = performance.now()
      mergeTally(into, await lane.rehearse({ seed, strategy: { kind: 'random', faults }, first: next[0], end: next[1] }, { sources }))
      const msARun = (performance.now() - startMs) / (next[1] - next[0])
      most = Math.max(1, Math.min(4 * most, Math.floor((jobs <= 1 ? SLICE_MS : 10 * SLICE_MS) / msARun), pieceFor(runs, jobs)))
      onDone(countRuns((into.aggregates[0] as Tally['aggregates'][number]).ranges))
    }
  }
  try {
    await Promise.all(lanes.map((lane) => work(lane).catch((error: unknown) => {
      failed = true
      throw error
    })))
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()))
  }
  return into
}

function inThisThread(scenarios: readonly Scenario[], rehearser: Rehearser): TogetherLane {
  return {
    async rehearse(range) {
      const tally = rehearseTogether(scenarios, rehearser, range)
      await new Promise((resolve) => setImmediate(resolve))
      return tally
    },
    close: () => Promise.resolve(),
  }
}

interface Around {
  readonly seed: string
  readonly faults: number
  readonly without: readonly string[]
  readonly asked: Ranges
  readonly prices: Prices
  readonly replaced: readonly (readonly string[])[]
  readonly overridden: readonly NonNullable<ComparedScenario['overridden']>[]
}

function cellOf(scenarios: readonly Scenario[], vary: Readonly<Record<string, string>>, tally: Tally, around: Around, rehearser: Rehearser): ComparisonCell {
  const { seed, faults, without, asked, prices, replaced, overridden } = around
  const results = scenarios.map((scenario, i) =>
    summarise(scenario, rehearser, tally.aggregates[i] as Tally['aggregates'][number], [], { proofroll: version, seed, strategy: { kind: 'random', faults }, without, asked, strict: false, elapsedSeconds: () => 0 }),
  )
  const unfit = results.map(({ outOfBudget, ...result }) => unfitOf({ ...result, outOfBudget: outOfBudget.runs }).length > 0)
  const pairs = pairsOf(scenarios.length).map(([a, b], i) => comparePair(tally.pairs[i] as Tally['pairs'][number], a, b, prices, [unfit[a] === true, unfit[b] === true]))
  const luck = luckOf(scenarios, faults)
  const mismatches = [...new Set(results.flatMap((result) => result.determinism.mismatches))].sort((a, b) => a - b)
  return {
    vary,
    scenarios: results.map((result, i) => comparedOf(result, prices, replaced[i] ?? [], overridden[i] ?? [], upgradeOf(scenarios[i] as Scenario))),
    pairs,
    standings: standingsOf(pairs, results.map(({ measures }) => measures), unfit),
    anchoring: luck.anchoring,
    kinds: faults === 0 ? [] : luck.kinds,
    ranges: (results[0] as CampaignResult).ranges,
    determinism: { twice: results.reduce((sum, { determinism }) => sum + determinism.twice, 0), mismatches },
    sources: scenarios.map(({ source }) => source),
    tally: tallyToJson(tally),
  }
}

function comparedOf(result: CampaignResult, prices: Prices, replaced: readonly string[], overridden: NonNullable<ComparedScenario['overridden']>, upgrade: readonly string[]): ComparedScenario {
  const { scenario, title, verdict, runs, outcomes, struck, outOfBudget, checks, objectives, floors, claims, measures, assumptions } = result
  const nodes = measures.extraCostDollars.mean
  const labour = prices.labourPerHour === null ? null : (prices.labourPerHour * measures.durationSeconds.mean) / 3600
  const downtime = prices.downtimePerMinute === null ? null : (prices.downtimePerMinute * measures.writeDowntimeSeconds.mean) / 60
  return { scenario, title, verdict, runs, outcomes, struck, outOfBudget: outOfBudget.runs, checks, objectives, floors, claims, measures, assumptions, replaced, ...(overridden.length === 0 ? {} : { overridden }), upgrade, dollars: { nodes, labour, downtime, total: nodes + (labour ?? 0) + (downtime ?? 0) } }
}

function conclude(cells: readonly ComparisonCell[], rest: Omit<ComparisonResult, 'format' | 'kind' | 'verdict' | 'partial' | 'cells'>): ComparisonResult {
  const violated = cells.some(({ scenarios }) => scenarios.some(({ verdict }) => verdict === 'violated'))
  return { format: COMPARISON_FORMAT, kind: 'comparison', verdict: violated ? 'violated' : 'held', partial: cells.some(({ ranges }) => !sameRanges(ranges, rest.asked)), ...rest, cells }
}

/**
 * Joins parts of one comparison over disjoint runs.
 * @throws MergeError when they are not parts of one comparison, OverlapError when they share runs
 */
export function mergeComparisons(results: readonly ComparisonResult[], engines: readonly Engine[], rehearser: Rehearser = realRehearser): ComparisonResult {
  const [first, ...others] = results
  if (first === undefined) throw new MergeError('nothing to merge')
  const key = ({ proofroll, seed, faultsPerRun, without, ownClusters, prices, cells }: ComparisonResult): string => JSON.stringify([proofroll, seed, faultsPerRun, without, ownClusters, prices, cells.map(({ vary, sources }) => [vary, sources])])
  if (others.some((other) => key(other) !== key(first))) throw new MergeError('these are not parts of one comparison: scenarios, seed, faults, prices and version must be the same')
  const asked = results.reduce<Ranges>((all, result) => uniteLoosely(all, result.asked), [])
  const { seed, faultsPerRun: faults, without, prices } = first
  const cells = first.cells.map((cell, i) => {
    const tally = tallyFromJson(cell.tally)
    for (const other of others) mergeTally(tally, tallyFromJson((other.cells[i] as ComparisonCell).tally))
    const scenarios = cell.sources.map((source) => prepareScenario(source, engines, without))
    return cellOf(scenarios, cell.vary, tally, { seed, faults, without, asked, prices, replaced: cell.scenarios.map((each) => each.replaced), overridden: cell.scenarios.map((each) => each.overridden ?? []) }, rehearser)
  })
  const { format: _format, kind: _kind, verdict: _verdict, partial: _partial, cells: _cells, ...rest } = first
  return conclude(cells, { ...rest, asked, elapsedSeconds: results.reduce((sum, result) => sum + result.elapsedSeconds, 0) })
}
