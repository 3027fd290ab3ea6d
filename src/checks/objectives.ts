/**
 * objectives-met, of one run: an objective on `max` is violated by any run beyond it. Objectives on quantiles and means are the campaign's to
 * judge; a run lists its values as evidence. Cause: the measure's name. Where a check tells why there is any of it (lost writes, split brain, …), its
 * chain is told on.
 */
import { type CheckId, MEASURES, type MeasureId, type Verdict } from '../result.ts'
import type { Objective } from '../scenario/scenario.ts'
import { Chain, clock, fail, notApplicable, notExercised, pass, plural } from './chain.ts'
import type { Check, Facts } from './facts.ts'

const ID = 'objectives-met'

export const objectivesMet: Check = {
  id: ID,
  judge(facts, others) {
    if (facts.objectives.length === 0) return notApplicable(ID, 'the scenario states no objective')
    const values = facts.objectives.map(objective => ({ objective, value: valueOf(facts, objective) }))
    const text = values.map(({ objective, value }) => `${objective.measure} ${value} (${objective.at} ${wanted(objective)})`).join('; ')
    const ofOneRun = values.filter(({ objective }) => objective.at === 'max')
    if (ofOneRun.length === 0) return notExercised(ID, `quantiles are judged over the campaign; this run: ${text}`)
    const missed = ofOneRun.filter(({ objective, value }) => (objective.max !== undefined && value > objective.max) || (objective.min !== undefined && value < objective.min))
    const first = missed[0]
    if (first === undefined) return pass(ID, `${plural(ofOneRun.length, 'objective')} of a single run held: ${text}`)
    const measure = first.objective.measure as MeasureId
    const told = others.find(({ check, status }) => check === TOLD_BY[measure] && status === 'fail')
    // One objective is missed in one way: where it happened is the other check's to tell apart.
    return fail(ID, text, measure, explain(facts, measure, first.value, told), told === undefined ? undefined : '-')
  },
}

/** @throws Error when the objective names no measure: the scenario's loader should have refused it */
function valueOf({ recording }: Facts, { measure }: Objective): number {
  if (!(MEASURES as readonly string[]).includes(measure)) throw new Error(`checks: there is no measure \`${measure}\`; there are ${MEASURES.join(', ')}`)
  return recording.measures[measure as MeasureId]
}

function wanted({ max, min }: Objective): string {
  return [max === undefined ? '' : `≤ ${max}`, min === undefined ? '' : `≥ ${min}`].filter(Boolean).join(' and ')
}

/** What grows while writes are down; attempts fail then, too. */
const OF_WRITE_OUTAGES: readonly MeasureId[] = ['writeDowntimeSeconds', 'longestWriteGapSeconds', 'failedAttempts', 'failedAfterRetry']

/** What a check tells the story of: why there is any of it at all. */
const TOLD_BY: Partial<Record<MeasureId, CheckId>> = {
  lostAcknowledgedWrites: 'no-acknowledged-write-lost', strandedWrites: 'no-acknowledged-write-lost', splitBrainSeconds: 'no-split-brain', splitBrainWrites: 'no-split-brain',
  forbiddenSkewSeconds: 'no-forbidden-skew', divergentRows: 'no-divergent-rows',
}

/** @param told a failed check that tells why there is any of it */
function explain(facts: Facts, measure: MeasureId, value: number, told: Verdict | undefined): Chain {
  const { horizon, writeOutages, readOutages, steps } = facts.recording
  const chain = new Chain(facts).add(horizon.endUs, `${measure} came to ${value}${facts.recording.open.includes(measure) ? ' and was still growing at the end' : ''}`)
  if (told?.because !== undefined) return chain.append(told.because)
  const outages = measure === 'readDowntimeSeconds' ? readOutages : OF_WRITE_OUTAGES.includes(measure) ? writeOutages : []
  const longest = outages.reduce<(typeof outages)[number] | undefined>((a, b) => (a === undefined || b.toUs - b.fromUs > a.toUs - a.fromUs ? b : a), undefined)
  if (longest !== undefined) {
    chain.add(longest.fromUs, `${longest.cohort} got no answer (${longest.state}) from ${clock(facts, longest.fromUs)} until ${longest.open ? 'the end' : clock(facts, longest.toUs)}`, { inStep: true })
    const departure = facts.departures.filter(d => d.atUs <= longest.fromUs).at(-1)
    if (departure !== undefined) chain.departure(departure)
    chain.faultsOn(facts.members.map(m => m.name), longest.fromUs)
  } else if (steps.length > 0) {
    const slowest = steps.reduce((a, b) => ((b.endUs ?? horizon.endUs) - b.startUs > (a.endUs ?? horizon.endUs) - a.startUs ? b : a))
    chain.add(slowest.startUs, `the longest step was ${slowest.step}`, { inStep: true })
  }
  return chain
}
