/**
 * What a campaign explores: which case each run number stands for. A spec is plain data, so that it crosses to worker threads and into result
 * files; the same spec, scenario and seed give the same cases in any process.
 */
import type { Schedule } from '../faults/schedule.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Rehearser } from './rehearser.ts'

/** Independent draws: run *i* has its own luck and 1…`faults` faults, none when that is 0. */
export interface RandomSpec {
  readonly kind: 'random'
  /** At most so many faults a run. */
  readonly faults: number
}

export type StrategySpec = RandomSpec

/** One run: what is to be rehearsed. */
export interface Case {
  /** Names its luck. */
  readonly seed: string
  readonly schedule: Schedule
}

/** The cases of a campaign by run number, from 0. */
export interface Strategy {
  /** How many runs there are; undefined = as many as one likes. */
  readonly size: number | undefined
  /** @throws RangeError beyond `size` */
  caseOf(run: number): Case
}

/** Makes a spec's cases. @param scenario as it is rehearsed (kinds taken out by `--without` already gone) */
export function strategyOf(spec: StrategySpec, scenario: Scenario, rehearser: Rehearser, campaignSeed: string): Strategy {
  return {
    size: undefined,
    caseOf: (run) => ({ seed: rehearser.seedOf(campaignSeed, run), schedule: rehearser.scheduleOf(scenario, campaignSeed, run, spec.faults) }),
  }
}

/** How many faults a run of this strategy has at most. */
export function faultsPerRun(spec: StrategySpec): number {
  return spec.faults
}

/** The command that meets one run of a campaign again. */
export function commandFor(spec: StrategySpec, scenario: Scenario, campaignSeed: string, run: number): string {
  const faults = spec.faults === scenario.faults.max ? '' : ` --faults ${spec.faults}`
  return `proofroll run ${scenario.name}${faults} --seed ${campaignSeed} --first ${run} --runs 1`
}
