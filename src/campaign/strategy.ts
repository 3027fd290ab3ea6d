/**
 * What a campaign explores: which case each run number stands for. A spec is plain data, so that it crosses to worker threads and into result
 * files; the same spec, scenario and seed give the same cases in any process.
 */
import type { Schedule } from '../faults/schedule.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Rehearser } from './rehearser.ts'
import { type Grid, gridOf } from './sweep/grid.ts'
import { type Cell, SWEEP, type SweepSpec } from './sweep/spec.ts'

/** Independent draws: run *i* has its own luck and 1…`faults` faults, none when that is 0. */
export interface RandomSpec {
  readonly kind: 'random'
  /** At most so many faults a run. */
  readonly faults: number
}

export type StrategySpec = RandomSpec | SweepSpec

/** One run: what is to be rehearsed. */
export interface Case {
  /** Names its luck. */
  readonly seed: string
  readonly schedule: Schedule
  /** Where it stands in the tables of a sweep; undefined where there are none. */
  readonly cell?: Cell
  /** False: nobody promises that this ends well. It enters no check, measure or exit code, only its cell. */
  readonly judged: boolean
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
  if (spec.kind === 'sweep') return sweepGrid(spec, scenario, rehearser, campaignSeed)
  return {
    size: undefined,
    caseOf: (run) => ({ seed: rehearser.seedOf(campaignSeed, run), schedule: rehearser.scheduleOf(scenario, campaignSeed, run, spec.faults), judged: true }),
  }
}

const grids = new WeakMap<Rehearser, WeakMap<Scenario, Map<string, Grid>>>()

/** The grid of a sweep, made once for a scenario: it costs a rehearsal a luck. */
export function sweepGrid(spec: SweepSpec, scenario: Scenario, rehearser: Rehearser, campaignSeed: string): Grid {
  const ofRehearser = grids.get(rehearser) ?? new WeakMap<Scenario, Map<string, Grid>>()
  const ofScenario = ofRehearser.get(scenario) ?? new Map<string, Grid>()
  grids.set(rehearser, ofRehearser.set(scenario, ofScenario))
  const key = JSON.stringify([spec, campaignSeed])
  const grid = ofScenario.get(key) ?? gridOf(spec, scenario, rehearser, campaignSeed)
  ofScenario.set(key, grid)
  return grid
}

/** The objectives that a campaign judges. They are about quantiles of what chance draws; the cells of a grid are no draws. */
export function objectivesFor(spec: StrategySpec, { objectives }: Scenario): Scenario['objectives'] {
  return spec.kind === 'random' ? objectives : []
}

/** How many faults a run of this strategy has at most. */
export function faultsPerRun(spec: StrategySpec): number {
  if (spec.kind === 'random') return spec.faults
  return spec.pairs || spec.rollbacks.underFault > 0 ? 2 : 1
}

/** The command that meets one run of a campaign again. */
export function commandFor(spec: StrategySpec, scenario: Scenario, campaignSeed: string, run: number): string {
  if (spec.kind === 'random') {
    const faults = spec.faults === scenario.faults.max ? '' : ` --faults ${spec.faults}`
    return `proofroll run ${scenario.name}${faults} --seed ${campaignSeed} --first ${run} --runs 1`
  }
  const option = (name: string, value: number | string, usual: number | string): string => (value === usual ? '' : ` --${name} ${value}`)
  const { rollbacks } = SWEEP
  const how = [spec.pairs ? ' --pairs' : '', option('seeds', spec.lucks, SWEEP.lucks), option('strengths', spec.strengths, SWEEP.strengths), option('rollbacks', spec.rollbacks.alone, rollbacks.alone), option('rollbacks-under-fault', spec.rollbacks.underFault, rollbacks.underFault)]
  return `proofroll sweep ${scenario.name}${how.join('')} --seed ${campaignSeed} --first ${run} --runs 1`
}
