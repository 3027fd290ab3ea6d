/** One rehearsal of a campaign in which no check failed, recorded: what a reader looks at who wants to see the runbook at work, or where it stops. */
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Rehearser } from './rehearser.ts'
import type { CampaignResult } from './result.ts'
import { strategyOf } from './strategy.ts'

/** Rehearsals looked at for one that shows what a fault does. */
const TRIED_MAX = 12

/** Which rehearsal it is, and how it went. */
export interface Sample {
  readonly run: number
  readonly seed: string
  readonly rehearsal: RehearsalResult
}

/**
 * The first rehearsal that completed with no check violated, of a campaign with faults one in which a fault struck where one of the first is such;
 * else the first of all. Where too few came to their end the first that did not: that is what there is to be seen. undefined where there is a failure to look at, nothing was rehearsed, or the runs are cells of a grid.
 */
export function sampleOf(scenario: Scenario, rehearser: Rehearser, { ranges, strategy, seed, faultsPerRun, counterexamples, floors }: Pick<CampaignResult, 'ranges' | 'strategy' | 'seed' | 'faultsPerRun' | 'counterexamples' | 'floors'>): Sample | undefined {
  if (counterexamples.length > 0 || ranges.length === 0 || strategy.kind !== 'random') return undefined
  const { caseOf } = strategyOf(strategy, scenario, rehearser, seed)
  const runs = ranges.flatMap(([from, to]) => Array.from({ length: Math.min(TRIED_MAX, to - from) }, (_, i) => from + i)).slice(0, TRIED_MAX)
  const stopping = floors.some(({ id, status }) => id === 'completes' && status === 'fail')
  const looked: { readonly run: number; readonly whole: boolean; readonly struck: boolean; readonly stopped: boolean }[] = []
  for (const run of runs) {
    const { seed: luck, schedule } = caseOf(run)
    const result = rehearser.rehearse({ scenario, seed: luck, schedule })
    const whole = result.inBudget && result.outcome === 'completed' && result.verdicts.every(({ status }) => status !== 'fail')
    const stopped = stopping && result.outcome !== 'completed'
    looked.push({ run, whole, struck: result.struck > 0, stopped })
    if (stopped) break
    if (!stopping && whole && (faultsPerRun === 0 || result.struck > 0)) break
  }
  const chosen = looked.find(({ stopped }) => stopped) ?? looked.find(({ whole, struck }) => whole && (faultsPerRun === 0 || struck)) ?? looked.find(({ whole }) => whole) ?? looked[0]
  if (chosen === undefined) return undefined
  const { seed: luck, schedule } = caseOf(chosen.run)
  return { run: chosen.run, seed: luck, rehearsal: rehearser.rehearse({ scenario, seed: luck, schedule, record: true }) }
}
