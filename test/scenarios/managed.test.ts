/** Blue/green by a managed service: what it guards, and what it does not give back. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { runCampaign } from '../../src/campaign/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { play, variant, verdict } from '../traps/stage.ts'

const MANAGED = 'blue-green/managed'

test('switches within a minute, drops everybody once and loses nothing', async () => {
  const { result } = await runCampaign(loadScenario(MANAGED, engines), { runs: 8, seed: '1', faults: 0 })
  expect(result.outcomes.completed).toBe(8)
  expect(result.checks.filter(c => c.status === 'fail')).toEqual([])
  for (const id of ['target-reached', 'converges', 'serves-at-end', 'no-split-brain']) expect(result.checks.find(c => c.id === id)).toMatchObject({ status: 'pass', judged: 8 })
  const { writeDowntimeSeconds, lostAcknowledgedWrites, failedAttempts } = result.measures
  expect(writeDowntimeSeconds.p50).toBeGreaterThan(2)
  expect(writeDowntimeSeconds.max).toBeLessThan(60)
  expect(lostAcknowledgedWrites.max).toBe(0)
  expect(failedAttempts.p50).toBeGreaterThan(0)
})

test('of a service one instance is modelled: more are refused, instead of a green that lacks them', () => {
  expect(() => variant(MANAGED, { set: { 'cluster.members': '3' } })).toThrow(/of a managed service one instance is modelled, and green is as large: right would be 1, not 3/)
})

test('clients that keep addresses make the outage theirs', () => {
  const usual = play(variant(MANAGED))
  const cached = play(variant(MANAGED, { set: { 'load.dnsCache': '120s' } }))
  expect(cached.measures.writeDowntimeSeconds).toBeGreaterThan(usual.measures.writeDowntimeSeconds + 20)
})

test('an apply worker that stands still: the switchover is taken back after its time-out, and tried again', () => {
  const result = play(variant(MANAGED), '1/0', [{ kind: 'replay-stall', target: 'member:green-db-0', at: { step: 'switch', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 400 * SECOND, magnitude: 1 }])
  expect(result.struck).toBe(1)
  expect(result.measures.lostAcknowledgedWrites).toBe(0)
  expect(result.measures.writeDowntimeSeconds).toBeGreaterThan(200)
})

test('the old name is the new database: deleting blue by it deletes what serves', () => {
  const result = play(variant(MANAGED, { step: { 'delete-old': step => void (step['run'] = 'aws rds delete-db-instance --db-instance-identifier blue-db --skip-final-snapshot') } }))
  expect(verdict(result, 'serves-at-end').status).toBe('fail')
  expect(verdict(result, 'no-acknowledged-write-lost').status).toBe('fail')
})
