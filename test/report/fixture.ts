import { chooseSignatures, makeCounterexample } from '../../src/campaign/counterexample.ts'
import { type Rehearser, runRange } from '../../src/campaign/rehearser.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import { byGravity } from '../../src/campaign/counterexample.ts'
import { summarise } from '../../src/campaign/summarise.ts'
import { outlineOf, type Story } from '../../src/report/story.ts'
import { fakeRehearser, fakeScenario } from '../campaign/fakes.ts'

/** A campaign of the fake world, without threads and clocks. */
export function fakeCampaign(runs: number, faults: number, rehearser: Rehearser = fakeRehearser): { result: CampaignResult; stories: Story[] } {
  const aggregate = runRange(fakeScenario, rehearser, { seed: '1', faults, first: 0, end: runs })
  const recorded = chooseSignatures(aggregate).map((record) => makeCounterexample(fakeScenario, rehearser, '1', record)).sort((a, b) => byGravity(a.counterexample, b.counterexample))
  const result = summarise(fakeScenario, aggregate, recorded.map((each) => each.counterexample), { proofroll: '0.1.0', seed: '1', faults, without: [], elapsedSeconds: 2.1 })
  const stories = recorded.map(({ counterexample, rehearsal }) => ({ scenario: fakeScenario.name, outline: outlineOf(fakeScenario.runbook), counterexample, rehearsal }))
  return { result, stories }
}
