/** A campaign: many rehearsals of one scenario, added up. */
import { CHECKS } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { type Aggregate, emptyAggregate, mergeAggregate } from './aggregate.ts'
import { chunksOf, openPool } from './pool.ts'
import { withoutKinds } from './prepare.ts'
import { shardOf } from './ranges.ts'
import { type RangeSpec, type Rehearser, runRange } from './rehearser.ts'
import { realRehearser } from './real.ts'
import type { StrategySpec } from './strategy.ts'
import { type Campaign, conclude } from './summarise.ts'
import { version } from './version.ts'

export interface CampaignOptions {
  /** How many rehearsals. */
  readonly runs: number
  /** The campaign's seed: any text. */
  readonly seed: string
  /** At most so many faults a run (1…faults are drawn); 0 = none. Default: the scenario's own `faults.max`. */
  readonly faults?: number
  /** What to explore. Default: random draws of up to `faults` faults. */
  readonly strategy?: StrategySpec
  /** The number of the first run. Default 0. */
  readonly firstRun?: number
  /** Only the n-th of `of` equal parts, n from 1. */
  readonly shard?: { readonly n: number; readonly of: number }
  /** Worker threads; 1 = in this thread. Default 1. */
  readonly jobs?: number
  /** Fault kinds left out. */
  readonly without?: readonly string[]
  readonly onProgress?: (done: number, total: number, violated: number) => void
  /** File address of a module exporting `engines`, for worker threads. Default: the models of this package. */
  readonly enginesModule?: string
  /** Monotonic milliseconds, for the elapsed time. */
  readonly clockMs?: () => number
}

/**
 * Rehearses a scenario many times and says what gave way. Which runs fail, and how, depends on scenario, seed and run numbers alone: jobs and
 * shards change nothing but the time it takes.
 * @throws RehearsalError when a rehearsal throws; its cause says whether input or Proofroll is at fault
 */
export async function runCampaign(given: Scenario, options: CampaignOptions, rehearser: Rehearser = realRehearser): Promise<Campaign> {
  const { seed, firstRun = 0, without = [], clockMs = () => performance.now() } = options
  const scenario = withoutKinds(given, without)
  const strategy = options.strategy ?? { kind: 'random', faults: options.faults ?? scenario.faults.max }
  const [first, end] = shardOf(firstRun, options.runs, options.shard?.n ?? 1, options.shard?.of ?? 1)
  const startMs = clockMs()
  const aggregate = await rehearseAll(scenario, { seed, strategy, first, end }, options, rehearser)
  return conclude(scenario, rehearser, aggregate, { proofroll: version, seed, strategy, without, elapsedSeconds: () => Math.round(clockMs() - startMs) / 1000 })
}

async function rehearseAll(scenario: Scenario, range: RangeSpec, options: CampaignOptions, rehearser: Rehearser): Promise<Aggregate> {
  const total = range.end - range.first
  const jobs = Math.min(options.jobs ?? 1, Math.max(1, total))
  const aggregate = emptyAggregate()
  const chunks = chunksOf(range.first, range.end, jobs)
  let done = 0
  const add = (part: Aggregate, first: number, end: number): void => {
    mergeAggregate(aggregate, part)
    done += end - first
    options.onProgress?.(done, total, violatedRuns(aggregate))
  }
  if (jobs <= 1) {
    for (const [first, end] of chunks) {
      add(runRange(scenario, rehearser, { ...range, first, end }), first, end)
      // Lets the progress bar draw and Ctrl-C arrive.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return aggregate
  }
  const pool = openPool(scenario, options.without ?? [], jobs, options.enginesModule)
  try {
    await Promise.all(chunks.map(async ([first, end]) => add(await pool.rehearse({ ...range, first, end }), first, end)))
  } finally {
    await pool.close()
  }
  return aggregate
}

/** Violations of the check violated most often: a lower bound of the runs that failed, for the progress line. */
function violatedRuns(aggregate: Aggregate): number {
  return Math.max(...CHECKS.filter((id) => id !== 'objectives-met').map((id) => aggregate.checks[id].fail))
}
