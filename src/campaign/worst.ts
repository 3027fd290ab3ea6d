/** The worst rehearsals of a campaign, recorded: what a reader opens who asks how the longest write stop of all came about. */
import type { MeasureId } from '../result.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Rehearser } from './rehearser.ts'
import type { CampaignResult } from './result.ts'
import type { Sample } from './sample.ts'
import { strategyOf } from './strategy.ts'

/** Measures of which the worst rehearsal is worth a look, the most telling first; what an objective was missed for comes before them. */
const TELLING: readonly MeasureId[] = ['lostAcknowledgedWrites', 'writeDowntimeSeconds', 'longestWriteGapSeconds', 'splitBrainSeconds', 'mixedVersionSeconds']
const KEPT = 2
/** So much worse than the median, or it is one of many. */
const WORSE = 1.2

/** A rehearsal with the measures of which no other had more. */
export interface Worst extends Sample {
  readonly measures: readonly MeasureId[]
}

/**
 * At most two, each the worst of one measure or of several. None of a measure that was never above 0, that is much the same in every rehearsal, or of
 * which an older version kept no run; none of the cells of a grid, which are no draws.
 */
export function worstOf(scenario: Scenario, rehearser: Rehearser, { strategy, seed, aggregate, measures, objectives }: Pick<CampaignResult, 'strategy' | 'seed' | 'aggregate' | 'measures' | 'objectives'>): Worst[] {
  if (strategy.kind !== 'random') return []
  const { caseOf } = strategyOf(strategy, scenario, rehearser, seed)
  const missed = objectives.filter(({ status }) => status === 'fail').map(({ measure }) => measure as MeasureId)
  const byRun = new Map<number, MeasureId[]>()
  for (const id of TELLING.toSorted((a, b) => Number(missed.includes(b)) - Number(missed.includes(a)))) {
    const run = aggregate.worst?.[id]
    if (run === undefined || measures[id].max < WORSE * measures[id].p50) continue
    const known = byRun.get(run)
    if (known !== undefined) known.push(id)
    else if (byRun.size < KEPT) byRun.set(run, [id])
  }
  return [...byRun].map(([run, ids]) => {
    const { seed: luck, schedule } = caseOf(run)
    return { run, seed: luck, measures: ids, rehearsal: rehearser.rehearse({ scenario, seed: luck, schedule, record: true }) }
  })
}
