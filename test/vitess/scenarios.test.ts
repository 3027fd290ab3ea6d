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
