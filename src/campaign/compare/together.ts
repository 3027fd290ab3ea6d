/** Rehearses several scenarios on the same luck, run by run. */
import type { Scenario, ScenarioSource } from '../../scenario/scenario.ts'
import { findDivergence } from '../diverge.ts'
import { type RangeSpec, RehearsalError, type Rehearser } from '../rehearser.ts'
import { faultsPerRun } from '../strategy.ts'
import { type Luck, commonLuck } from './luck.ts'
import { type Tally, addTogether, emptyTally } from './tally.ts'

/** What a thread is told to compare. Plain data. */
export interface TogetherSpec {
  readonly sources: readonly ScenarioSource[]
}

/** One run in so many is done twice: that is how "0 mismatches" is known. */
const RUNS_PER_REPETITION = 50

const lucks = new WeakMap<readonly Scenario[], Map<number, Luck>>()

/** The luck of these scenarios (by identity of the list), made once: it costs a few rehearsals of each. */
export function luckOf(scenarios: readonly Scenario[], faults: number): Luck {
  const known = lucks.get(scenarios) ?? new Map<number, Luck>()
  lucks.set(scenarios, known)
  const luck = known.get(faults) ?? commonLuck(scenarios, faults)
  known.set(faults, luck)
  return luck
}

/** Rehearses the runs `[first, end)` of all scenarios and adds them up. @throws RehearsalError when one of them throws */
export function rehearseTogether(scenarios: readonly Scenario[], rehearser: Rehearser, { seed: campaignSeed, strategy, first, end }: RangeSpec): Tally {
  const tally = emptyTally(scenarios.length)
  const luck = luckOf(scenarios, faultsPerRun(strategy))
  for (let run = first; run < end; run++) {
    try {
      const schedule = luck.scheduleOf(campaignSeed, run)
      const seed = rehearser.seedOf(campaignSeed, run)
      const whats = scenarios.map((scenario) => ({ scenario, seed, schedule }))
      const results = whats.map((what) => rehearser.rehearse(what))
      const again = whats.map((what) =>
        run % RUNS_PER_REPETITION === 0 ? { hash: rehearser.rehearse(what).hash, divergence: () => findDivergence(run, () => rehearser.rehearse({ ...what, record: true })) } : undefined,
      )
      addTogether(tally, run, results, again)
    } catch (error) {
      throw new RehearsalError(run, error)
    }
  }
  return tally
}
