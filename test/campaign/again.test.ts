/** A script that fails is run again from the top: what that does, beside leaving it alone. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { type CampaignResult, campaignResult, realRehearser, runAgain, version } from '../../src/campaign/index.ts'
import { runRange } from '../../src/campaign/rehearser.ts'
import { summarise } from '../../src/campaign/summarise.ts'
import { againWords } from '../../src/report/again.ts'
import { type Scenario, loadScenarioWritten } from '../../src/scenario/index.ts'

function campaignOf(script: string, runs = 3): { scenario: Scenario; result: CampaignResult } {
  const scenario = loadScenarioWritten({ name: 'mine', folder: '/nowhere', yaml: 'format: 1\ncluster: { engine: postgres }\nload: { writesPerSecond: 50 }\nrunbook: ./mine.sh\ndeadline: 2h\n', files: { 'mine.sh': script } }, engines)
  const strategy = { kind: 'random', faults: 0 } as const
  const aggregate = runRange(scenario, realRehearser, { seed: '1', strategy, first: 0, end: runs })
  return { scenario, result: summarise(scenario, realRehearser, aggregate, [], { proofroll: version, seed: '1', strategy, without: [], asked: [[0, runs]], strict: false, elapsedSeconds: () => 1 }) }
}

const FIRST_FAILS = '[ -e /tmp/tried ] || { touch /tmp/tried; echo "not yet"; exit 4; }\n'

test('what it left behind is there the second time, and it reaches its end', () => {
  const { scenario, result } = campaignOf(`kubectl get pods\n${FIRST_FAILS}kubectl get pods\n`)
  expect(result.outcomes.aborted).toBe(3)
  const again = runAgain(scenario, realRehearser, result)
  expect(again).toEqual({ looked: 3, again: 3, outcomes: { completed: 3, rolledBack: 0, aborted: 0, stuck: 0 }, harmed: [], reasons: [] })
  const told: CampaignResult = { ...result, again: again as NonNullable<typeof again> }
  expect(againWords(told)).toEqual(['It can be run again: each time the second run reached its end, and nothing broke.', 'Of 3 rehearsals looked at it failed in 3, and was run again a minute later: 3 reached its end.'])
  expect(campaignResult(told, '')).toBeUndefined()
  expect(campaignResult({ ...told, again: { ...told.again, looked: 'many' } }, '')).toBe('`again.looked` is not a number')
})

test('a second run that does harm is told apart from a failure that was there already', () => {
  const { scenario, result } = campaignOf(`${FIRST_FAILS}kubectl scale statefulset postgres-cluster --replicas=0\nsleep 60\nexit 5\n`, 2)
  const again = runAgain(scenario, realRehearser, result)
  expect(again?.outcomes.aborted).toBe(2)
  expect(again?.harmed.map(({ check, runs, firstRun }) => [check, runs, firstRun])).toEqual(expect.arrayContaining([['serves-at-end', 2, 0], ['converges', 2, 0]]))
  expect(again?.reasons).toEqual([{ reason: 'mine.sh (in code) ended with status 5 at line 4; the last line it printed: statefulset.apps/postgres-cluster scaled', runs: 2 }])
  expect(againWords({ ...result, again: again as NonNullable<typeof again> })[0]).toBe('It must not simply be run again: that does harm.')
})

test('a script that never failed is not run again, nor are steps; without reruns a rehearsal is what it was', () => {
  const { scenario, result } = campaignOf('kubectl get pods\n', 1)
  expect(runAgain(scenario, realRehearser, result)).toBeUndefined()
  const failing = campaignOf(FIRST_FAILS, 1)
  const what = { scenario: failing.scenario, seed: '1', schedule: [] }
  expect(realRehearser.rehearse({ ...what, reruns: 0 }).hash).toBe(realRehearser.rehearse(what).hash)
  expect(realRehearser.rehearse({ ...what, reruns: 1 })).toMatchObject({ outcome: 'completed' })
})
