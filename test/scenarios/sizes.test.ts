/** Corrected runbooks ask how large the cluster is: on one of another size than theirs they do what they say. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { play } from '../traps/stage.ts'

const WHEELS = ['postgres-ferris-wheel/fenced', 'postgres-ferris-wheel/quorum', 'postgres-ferris-wheel/fenced-script', 'postgres-ferris-wheel/quorum-script']

test.each(WHEELS.flatMap(name => ['2', '4', '5'].map(members => [name, members] as const)))('%s with %s members', (name, members) => {
  const result = play(loadScenario(name, engines, { set: { 'cluster.members': members } }), '1/0')
  expect([result.outcome, result.outcomeReason, ...result.verdicts.filter(({ status }) => status === 'fail')]).toEqual(['completed', '', ])
  expect(result.measures).toMatchObject({ lostAcknowledgedWrites: 0, splitBrainSeconds: 0, failedAttempts: 0 })
})

test('more members than the pool bought for the upgrade has room for: nothing is begun', () => {
  const result = play(loadScenario('postgres-ferris-wheel/fenced', engines, { set: { 'cluster.members': '7' } }), '1/0')
  expect([result.outcome, result.measures.writeDowntimeSeconds]).toEqual(['rolledBack', 0])
  expect(result.outcomeReason).toContain('pool-ready')
})
