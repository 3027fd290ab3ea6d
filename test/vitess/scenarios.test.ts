/** The built-in scenarios of fleets: what each shows, without faults and under some. */
import { describe, expect, it } from 'vitest'
import { engines } from '../../models/index.ts'
import type { Schedule } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenario } from '../../src/scenario/index.ts'

const play = (name: string, schedule: Schedule = [], seed = '1', set: Record<string, string> = {}) => rehearse({ scenario: loadScenario(name, engines, { set }), schedule, seed })
const failing = (r: ReturnType<typeof play>): string[] => r.verdicts.filter(v => v.status === 'fail').map(v => v.check)

describe.each(['vitess-rolling/primary-last', 'vitess-resize/primary-last'])('%s', name => {
  it('completes with one buffered reparent a shard and not one failed attempt (O4, PF16)', () => {
    const r = play(name)
    expect([r.outcome, ...failing(r)]).toEqual(['completed'])
    expect(r.measures.failedAttempts).toBe(0)
    expect(r.measures.longestWriteGapSeconds).toBeLessThan(15)
  })

  it.each([
    ['process-kill', 'role:leader'], ['process-crash', 'role:leader'], ['process-pause', 'role:leader'], ['partition', 'role:leader'], ['node-loss', 'role:leader'],
    ['node-loss-with-volume', 'role:follower'], ['standby-diverged', 'role:follower'], ['coordinator-away', 'any/0'],
  ] as const)('%s of %s: nothing lost, nothing divergent', (kind, target) => {
    const r = play(name, [{ kind, target, at: 8 * MINUTE, durationUs: 90 * SECOND, magnitude: 50 }], '1', { 'cluster.fleet': '4' })
    expect(r.faults.map(f => f.struck)).toEqual([true])
    expect([r.outcome, ...failing(r)]).toEqual(['completed'])
    expect(r.measures.lostAcknowledgedWrites).toBe(0)
  })
})

it('vitess-rolling/operator-immediate: every shard at once, and without buffering each reparent is an outage (VT-T01, VT-T04)', () => {
  const r = play('vitess-rolling/operator-immediate', [], '1', { 'cluster.fleet': '8' })
  expect([r.outcome, ...failing(r)]).toEqual(['completed'])
  expect(r.measures.failedAttempts).toBeGreaterThan(100)
  expect(r.measures.capacityDeficitNodeHours).toBeGreaterThan(0)
})

it('vitess-rolling/operator-external: shard after shard takes longer and stalls the same', () => {
  const [one, all] = ['operator-external', 'operator-immediate'].map(v => play(`vitess-rolling/${v}`, [], '1', { 'cluster.fleet': '16' }))
  expect([one!.outcome, ...failing(one!)]).toEqual(['completed'])
  expect(one!.measures.durationSeconds).toBeGreaterThan(2 * all!.measures.durationSeconds)
})

describe('blue-green/guarded on Vitess', () => {
  const onVitess = (schedule: Schedule = [], seed = '1', set: Record<string, string> = {}) => play('blue-green/guarded', schedule, seed, { 'cluster.engine': 'vitess', 'cluster.fleet': '4', ...set })

  it('reaches its target with one buffered switch and not one failed attempt, and pays for a second fleet meanwhile', () => {
    const r = onVitess([], '1', { 'cluster.fleet': '8' })
    expect([r.outcome, ...failing(r)]).toEqual(['completed'])
    expect(r.measures.failedAttempts).toBe(0)
    expect(r.measures.longestWriteGapSeconds).toBeLessThan(10)
    expect(r.measures.peakMultiplier).toBe(2)
    expect(r.measures.capacityDeficitNodeHours).toBeLessThan(0.01)
  })

  it.each([
    ['process-kill', 'member:example-vttablet-zone1-0000000101', 'switch-traffic'], ['node-loss', 'node:node-101', 'switch-traffic'], ['coordinator-away', 'coordinator:topo', 'switch-traffic'], ['replay-stall', 'role:follower', 'go'],
    ['zone-outage', 'any/0', 'copied'], ['node-loss-with-volume', 'role:leader', 'soak-after'], ['operator-killed', 'operator', 'switch-traffic'],
  ] as const)('%s of %s at %s: nothing lost, and it is done or taken back', (kind, target, step) => {
    const r = onVitess([{ kind, target, at: { step, path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 400_000 }, durationUs: 90 * SECOND, magnitude: 0 }])
    expect(r.faults.map(f => f.struck)).toEqual([true])
    expect(['completed', 'rolledBack']).toContain(r.outcome)
    expect(failing(r)).toEqual([])
    expect(r.measures.lostAcknowledgedWrites).toBe(0)
  })
})

// What somebody else’s shard of an earlier wave went through is mended before the roll is over, and before it is taken back.
it('a primary of the first wave that dies while the second is rolled does not undo the roll', () => {
  const r = play('vitess-rolling/primary-last', [{ kind: 'process-kill', target: 'role:leader', at: 796 * SECOND, durationUs: 0, magnitude: 0 }])
  expect(r.faults.map(f => f.struck)).toEqual([true])
  expect([r.outcome, ...failing(r)]).toEqual(['completed'])
})

it('blue-green/service-switch on Vitess: an outage from the deletion until clients are sent over by hand, what had not come over is lost, and there is nothing to compare with (BG-T18, BG-T22)', () => {
  const r = play('blue-green/service-switch', [], '1', { 'cluster.engine': 'vitess', 'cluster.fleet': '4' })
  expect(r.outcome).toBe('completed')
  expect(failing(r)).toContain('no-acknowledged-write-lost')
  expect(r.measures.lostAcknowledgedWrites).toBeGreaterThan(0)
  expect(r.measures.writeDowntimeSeconds).toBeGreaterThan(1)
  expect(r.steps.filter(({ result }) => result === 'failed').map(({ step }) => step)).toEqual(['switch-traffic', 'verdict'])
})
