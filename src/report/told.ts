/** A campaign's result with what is needed to tell its stories. */
import type { CampaignResult, Sample, Worst } from '../campaign/index.ts'
import type { RehearsalResult } from '../result.ts'
import type { Scenario } from '../scenario/index.ts'
import { type Story, outlineOf } from './story.ts'

export interface Told {
  readonly result: CampaignResult
  readonly scenario: Scenario
  /** The recorded rehearsal of each counterexample, in the result's order. */
  readonly rehearsals: readonly RehearsalResult[]
  /** The recorded nearest passing rehearsal of each that has one, in the same order. */
  readonly twins?: readonly (RehearsalResult | undefined)[]
  /** A recorded rehearsal in which nothing failed, where there is no counterexample to look at. */
  readonly sample?: Sample | undefined
  /** Recorded rehearsals in which a measure was worst. */
  readonly worst?: readonly Worst[] | undefined
}

/** In how many of those that were drawn a check failed; undefined for the cells of a grid, which are no draws. */
function oftenOf({ sweep, checks }: CampaignResult, check: string): Story['often'] {
  const summary = checks.find(({ id }) => id === check)
  return sweep !== null || summary === undefined || check === 'objectives-met' ? undefined : { failed: summary.violations, judged: summary.judged }
}

/** Where this one fails: a scenario that its author names as one without its mistakes. */
export function correctedOf({ correctedBy, name }: Pick<Scenario, 'correctedBy' | 'name'>, { verdict, source }: CampaignResult): string | null {
  return correctedBy === undefined || correctedBy === name || verdict !== 'violated' || source.set['cluster.engine'] !== undefined ? null : correctedBy
}

/** The story of each counterexample, the gravest first. */
export function storiesOf({ result, scenario, rehearsals, twins }: Told): Story[] {
  const outline = outlineOf(scenario.runbook)
  const corrected = correctedOf(scenario, result)
  return result.counterexamples.flatMap((counterexample, i) => {
    const rehearsal = rehearsals[i]
    return rehearsal === undefined ? [] : [{ scenario: result.scenario, outline, counterexample, rehearsal, twin: twins?.[i], remedies: scenario.engine.remedies, often: oftenOf(result, counterexample.check), ...(corrected === null ? {} : { corrected }) }]
  })
}
