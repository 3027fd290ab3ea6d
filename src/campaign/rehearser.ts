import type { FaultKind } from '../engine.ts'
import type { RehearsalResult } from '../result.ts'
import type { Schedule } from '../faults/schedule.ts'
import type { Us } from '../kernel/index.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { type Aggregate, addRun, emptyAggregate } from './aggregate.ts'
import { findDivergence } from './diverge.ts'
import { type GateVisit, judgeStops } from './gates.ts'
import type { Way } from '../rehearsal/scout.ts'
import { type StrategySpec, strategyOf } from './strategy.ts'

/** What to rehearse, and how; see `RehearsalOptions`. */
export interface Rehearsed {
  readonly scenario: Scenario
  readonly schedule: Schedule
  readonly seed: string
  readonly record?: boolean
  readonly without?: readonly string[]
  readonly reseedAtUs?: Us
  readonly reseedSalt?: string
  readonly visitsMax?: number
  readonly reruns?: number
  readonly waved?: GateVisit
}

/** What a campaign needs to rehearse: four pure functions. `src/rehearsal.ts` is the real one; tests bring their own. */
export interface Rehearser {
  /** The seed of run number `run` of the campaign seed. */
  seedOf(campaignSeed: string, run: number): string
  /** Its faults: at most `faults`, none when that is 0. */
  scheduleOf(scenario: Scenario, campaignSeed: string, run: number, faults: number): Schedule
  /** The fault-free way on one luck, with what each kind could strike where. */
  scout(scenario: Scenario, seed: string, kinds: readonly FaultKind[]): Way
  rehearse(what: Rehearsed): RehearsalResult
}

/** One pass in so many is run twice, and every failure: that is how "0 mismatches" is known. */
const PASSES_PER_REPETITION = 100

/** Which runs, of which strategy, and from which luck. Plain data. */
export interface RangeSpec {
  readonly seed: string
  readonly strategy: StrategySpec
  readonly first: number
  readonly end: number
}

/** Rehearses the runs `[first, end)` and adds them up. @throws RehearsalError when one of them throws */
export function runRange(scenario: Scenario, rehearser: Rehearser, { seed: campaignSeed, strategy, first, end }: RangeSpec): Aggregate {
  const aggregate = emptyAggregate()
  const { caseOf } = strategyOf(strategy, scenario, rehearser, campaignSeed)
  for (let run = first; run < end; run++) {
    try {
      const { seed, schedule, ...of } = caseOf(run)
      const what = { scenario, seed, schedule }
      const result = rehearser.rehearse(what)
      const failed = of.judged && result.inBudget && result.verdicts.some((verdict) => verdict.status === 'fail')
      const twice = failed || run % PASSES_PER_REPETITION === 0
      const again = twice ? { hash: rehearser.rehearse(what).hash, divergence: () => findDivergence(run, () => rehearser.rehearse({ ...what, record: true })) } : undefined
      addRun(aggregate, run, result, again, of)
      if (of.judged) judgeStops(aggregate.gates, scenario.runbook, run, result, (waved) => rehearser.rehearse({ ...what, waved }))
    } catch (error) {
      throw new RehearsalError(run, error)
    }
  }
  return aggregate
}

/** A rehearsal threw. That is a defect of ours, unless the cause says that the input was wrong (an unsupported command found only now). */
export class RehearsalError extends Error {
  constructor(
    readonly run: number,
    override readonly cause: unknown,
  ) {
    super(`run ${run}: ${cause instanceof Error ? cause.message : String(cause)}`)
    this.name = 'RehearsalError'
  }
}
