/** A campaign: many rehearsals of one scenario, added up. It can be stopped between two ranges of runs and taken up again later. */
import { CHECKS } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { type Aggregate, emptyAggregate, mergeAggregate } from './aggregate.ts'
import { type Lane, openLane } from './pool.ts'
import { withoutKinds } from './prepare.ts'
import { PIECE_LEAST, PIECE_MOST, RunQueue, pieceFor } from './queue.ts'
import { type Ranges, countRuns, missingFrom, shardOf } from './ranges.ts'
import { type RangeSpec, type Rehearser, runRange } from './rehearser.ts'
import { realRehearser } from './real.ts'
import type { CampaignResult } from './result.ts'
import { takeUp } from './resume.ts'
import { type StrategySpec, strategyOf } from './strategy.ts'
import { type Campaign, type Circumstances, conclude, summarise } from './summarise.ts'
import { version } from './version.ts'

export interface CampaignOptions {
  /** How many rehearsals. Default: all that the strategy has. */
  readonly runs?: number
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
  /** Fail when a fault kind, gate outcome or undo edge was never hit. */
  readonly strict?: boolean
  readonly onProgress?: (done: number, total: number, violated: number) => void
  /**
   * Called after each range of runs, with a function that makes the result as it stands (without counterexamples: finding the smallest form
   * of a failure takes time). Written to a file, it is what `resume` wants.
   */
  readonly onRange?: (soFar: () => CampaignResult) => void
  /** A partial result of this campaign: only the runs that it lacks are rehearsed. */
  readonly resume?: CampaignResult
  /** When aborted, no further range is begun; those in flight are finished, and the result says that it is partial. */
  readonly stop?: AbortSignal
  /** File address of a module exporting `engines`, for worker threads. Default: the models of this package. */
  readonly enginesModule?: string
  /** Monotonic milliseconds, for the elapsed time. */
  readonly clockMs?: () => number
}

/**
 * Rehearses a scenario many times and says what gave way. Which runs fail, and how, depends on scenario, strategy, seed and run numbers alone:
 * jobs, shards, stopping and resuming change nothing but the time it takes.
 * @throws RehearsalError when a rehearsal throws; its cause says whether input or Proofroll is at fault
 * @throws WorkerDiedError when a range of runs killed every thread that it was given to
 * @throws MergeError when `resume` is no part of this campaign
 */
export async function runCampaign(given: Scenario, options: CampaignOptions, rehearser: Rehearser = realRehearser): Promise<Campaign> {
  const { seed, firstRun = 0, without = [], strict = false, clockMs = () => performance.now() } = options
  const scenario = withoutKinds(given, without)
  const strategy = options.strategy ?? { kind: 'random', faults: options.faults ?? scenario.faults.max }
  const { size } = strategyOf(strategy, scenario, rehearser, seed)
  const [first, end] = shardOf(firstRun, runsOf(firstRun, options.runs, size), options.shard?.n ?? 1, options.shard?.of ?? 1)
  const asked: Ranges = end > first ? [[first, end]] : []
  const startMs = clockMs()
  const spentSeconds = options.resume?.elapsedSeconds ?? 0
  const how: Circumstances = { proofroll: version, seed, strategy, without, asked, strict, elapsedSeconds: () => Math.round(spentSeconds * 1000 + clockMs() - startMs) / 1000 }
  const aggregate = options.resume === undefined ? emptyAggregate() : takeUp(options.resume, scenario, how)
  const missing = missingFrom(asked, aggregate.ranges)
  const lanes = openLanes(scenario, countRuns(missing), options, rehearser)
  try {
    await rehearseAll(aggregate, missing, { seed, strategy }, lanes, options, () => summarise(scenario, rehearser, aggregate, [], how))
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()))
  }
  return conclude(scenario, rehearser, aggregate, how)
}

/** How many runs from the first one on: those asked for, and no more than there are. @throws RangeError when neither says how many */
function runsOf(firstRun: number, asked: number | undefined, size: number | undefined): number {
  const left = size === undefined ? undefined : Math.max(0, size - firstRun)
  const runs = Math.min(asked ?? Infinity, left ?? Infinity)
  if (runs === Infinity) throw new RangeError('runCampaign: say how many `runs`, this strategy has no end')
  return runs
}

/** Empties the queue of missing runs into the aggregate, all lanes at once, until it is empty or the campaign is stopped. */
async function rehearseAll(into: Aggregate, missing: Ranges, what: Pick<RangeSpec, 'seed' | 'strategy'>, lanes: readonly SizedLane[], options: CampaignOptions, soFar: () => CampaignResult): Promise<void> {
  const queue = new RunQueue(missing)
  const total = countRuns(into.ranges) + countRuns(missing)
  let failed = false
  const work = async (lane: SizedLane): Promise<void> => {
    while (!failed && options.stop?.aborted !== true) {
      const next = queue.take(lane.most())
      if (next === undefined) return
      const [first, end] = next
      mergeAggregate(into, await lane.rehearse({ ...what, first, end }))
      options.onProgress?.(countRuns(into.ranges), total, violatedRuns(into))
      options.onRange?.(soFar)
    }
  }
  await Promise.all(
    lanes.map((lane) =>
      work(lane).catch((error: unknown) => {
        failed = true
        throw error
      }),
    ),
  )
}

/** A lane that says how many runs it wants next. */
interface SizedLane extends Lane {
  most(): number
}

/** This thread lets the progress bar draw and Ctrl-C arrive so often. */
const SLICE_MS = 50
/** A thread answers so often: what a kill loses, and how long Ctrl-C waits. */
const PIECE_MS = 500

function openLanes(scenario: Scenario, runs: number, options: CampaignOptions, rehearser: Rehearser): SizedLane[] {
  const jobs = Math.min(options.jobs ?? 1, Math.max(1, runs))
  if (jobs <= 1) return [sized(inThisThread(scenario, rehearser), 1, PIECE_MOST, SLICE_MS)]
  return Array.from({ length: jobs }, () => sized(openLane(scenario, options.without ?? [], options.enginesModule), PIECE_LEAST, pieceFor(runs, jobs), PIECE_MS))
}

/** A lane that begins with `least` runs and then takes as many, up to `most`, as it rehearses in `targetMs`. */
function sized(lane: Lane, least: number, most: number, targetMs: number): SizedLane {
  let wanted = least
  return {
    ...lane,
    most: () => wanted,
    async rehearse(range) {
      const startMs = performance.now()
      const aggregate = await lane.rehearse(range)
      const msARun = (performance.now() - startMs) / (range.end - range.first)
      wanted = Math.max(least, Math.min(most, 4 * wanted, Math.floor(targetMs / msARun)))
      return aggregate
    },
  }
}

function inThisThread(scenario: Scenario, rehearser: Rehearser): Lane {
  return {
    async rehearse(range) {
      const aggregate = runRange(scenario, rehearser, range)
      await new Promise((resolve) => setImmediate(resolve))
      return aggregate
    },
    close: () => Promise.resolve(),
  }
}

/** Violations of the check violated most often: a lower bound of the runs that failed, for the progress line. */
function violatedRuns(aggregate: Aggregate): number {
  return Math.max(...CHECKS.filter((id) => id !== 'objectives-met').map((id) => aggregate.checks[id].fail))
}
