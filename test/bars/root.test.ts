/** The root of a because-chain is tested: taken out, the failure must be gone, or the chain is called correlated. */
import { expect, test } from 'vitest'
import { runCampaign } from '../../src/campaign/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { rehearse, runSeed } from '../../src/rehearsal.ts'
import { engines } from '../../models/index.ts'

test('the lost writes of the quick wheel hang on its promotion', async () => {
  const { result } = await runCampaign(loadScenario('postgres-ferris-wheel/quick', engines, {}), { runs: 4, seed: '1', faults: 0, jobs: 1 })
  const lost = result.counterexamples.find(c => c.check === 'no-acknowledged-write-lost')
  expect(lost).toMatchObject({ cause: 'overlap', step: 'promote', root: { what: 'step promote', tested: true } })
})

test('a step passed over leaves the luck of the others as it was', () => {
  const scenario = loadScenario('postgres-ferris-wheel/quick', engines, {})
  const seed = runSeed('1', 0)
  const whole = rehearse({ scenario, schedule: [], seed })
  const part = rehearse({ scenario, schedule: [], seed, without: ['remove'] })
  expect(part.steps.find(s => s.step === 'remove')?.result).toBe('skipped')
  const times = (r: typeof whole) => r.steps.filter(s => s.step !== 'remove').map(s => [s.step, s.startUs, s.endUs])
  expect(times(part)).toEqual(times(whole))
})

test('the documented wheel ends unavailable, and the chain names the step that scaled the new primary away', async () => {
  const { result } = await runCampaign(loadScenario('postgres-ferris-wheel/as-documented', engines, {}), { runs: 3, seed: '1', faults: 0, jobs: 1 })
  const ends = result.counterexamples.find(c => c.check === 'serves-at-end')
  const words = ends?.because.map(clause => `${clause.text} [${clause.step ?? ''}]`) ?? []
  expect(words).toContainEqual(expect.stringContaining('postgres-cluster-3 deleted: StatefulSet postgres-cluster scales down from the highest ordinal'))
  expect(words).toContain('StatefulSet postgres-cluster changed [scale-back]')
})
