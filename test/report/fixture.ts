import { type Rehearser, runRange } from '../../src/campaign/rehearser.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import { conclude } from '../../src/campaign/summarise.ts'
import { outlineOf, type Story } from '../../src/report/story.ts'
import { fakeRehearser, fakeScenario } from '../campaign/fakes.ts'

/** A campaign of the fake world, without threads and clocks. */
export function fakeCampaign(runs: number, faults: number, rehearser: Rehearser = fakeRehearser): { result: CampaignResult; stories: Story[] } {
  const strategy = { kind: 'random', faults } as const
  const aggregate = runRange(fakeScenario, rehearser, { seed: '1', strategy, first: 0, end: runs })
  const { result, stories } = conclude(fakeScenario, rehearser, aggregate, { proofroll: '0.1.0', seed: '1', strategy, without: [], asked: [[0, runs]], strict: false, elapsedSeconds: () => 2.1 })
  return { result, stories: stories.map(({ counterexample, rehearsal, twin }) => ({ scenario: fakeScenario.name, outline: outlineOf(fakeScenario.runbook), counterexample, rehearsal, twin })) }
}
