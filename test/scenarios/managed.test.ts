/** Blue/green by a managed service: what it guards, and what it does not give back. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { runCampaign } from '../../src/campaign/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { play, variant, verdict } from '../traps/stage.ts'

const MANAGED = 'blue-green/managed'

test('PF01: switches within a minute, drops everybody once and loses nothing', async () => {
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

test('O10, PF04: clients that keep addresses make the outage theirs: with a minute’s cache it is 26 to 60 s, of which the switch is the least', () => {
  const of = (seconds: number): number[] => ['1/0', '1/1', '1/2', '1/3'].map(seed => play(variant(MANAGED, { set: { 'load.dnsCache': `${seconds}s` } }), seed).measures.longestWriteGapSeconds)
  const usual = Math.max(...['1/0', '1/1', '1/2', '1/3'].map(seed => play(variant(MANAGED), seed).measures.longestWriteGapSeconds))
  expect(usual).toBeLessThan(20)
  for (const gap of of(60)) {
    expect(gap).toBeGreaterThan(26)
    // The switch itself, and what is left of the name’s time to live, come on top of a minute.
    expect(gap).toBeLessThan(60 + usual)
  }
  expect(Math.min(...of(120))).toBeGreaterThan(usual + 20)
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
