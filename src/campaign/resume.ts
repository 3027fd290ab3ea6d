/** Parts of one campaign: how they are told from parts of another, and how a stopped one is taken up again. */
import type { Scenario, ScenarioSource } from '../scenario/scenario.ts'
import type { Aggregate } from './aggregate.ts'
import { aggregateFromJson } from './aggregateJson.ts'
import { countRuns, formatRanges, missingFrom } from './ranges.ts'
import type { CampaignResult } from './result.ts'
import type { StrategySpec } from './strategy.ts'
import type { Circumstances } from './summarise.ts'

/** Results that cannot be put together: of different scenarios, seeds, strategies or versions. */
export class MergeError extends Error {
  override readonly name = 'MergeError'
}

/** What two parts of one campaign have in common; a {@link CampaignResult} has it all. */
export interface Identity {
  readonly scenario: string
  readonly proofroll: string
  readonly seed: string
  readonly strategy: StrategySpec
  readonly without: readonly string[]
  readonly source: ScenarioSource
}

/**
 * @param saying what follows from a difference, for the message
 * @throws MergeError naming the first difference
 */
export function refuseStranger(first: Identity, other: Identity, saying: string): void {
  const same = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) throw new MergeError(`${what} differs (${short(a)} and ${short(b)}): ${saying}`)
  }
  same('the scenario', first.scenario, other.scenario)
  same('the version of Proofroll', first.proofroll, other.proofroll)
  same('the seed', first.seed, other.seed)
  same('the strategy', first.strategy, other.strategy)
  same('`--without`', first.without, other.without)
  if (JSON.stringify(first.source) !== JSON.stringify(other.source)) throw new MergeError(`the text of ${first.scenario} (or an override) differs: ${saying}`)
}

/**
 * The runs that an earlier part of this campaign has done.
 * @throws MergeError when it is of another campaign, or holds runs that were not asked for
 */
export function takeUp(part: CampaignResult, scenario: Scenario, how: Circumstances): Aggregate {
  refuseStranger(part, { scenario: scenario.name, source: scenario.source, proofroll: how.proofroll, seed: how.seed, strategy: how.strategy, without: how.without }, 'it cannot be resumed with these options')
  const beyond = missingFrom(part.ranges, how.asked)
  if (countRuns(beyond) > 0) throw new MergeError(`it holds runs ${formatRanges(beyond)}, which were not asked for now: resume with the same --runs, --first and --shard`)
  return aggregateFromJson(part.aggregate)
}

function short(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
