/** An operator over Patroni: a minor update, and what the documented major one does instead. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { runCampaign } from '../../src/campaign/index.ts'
import type { EngineKind } from '../../src/engine.ts'
import type { Schedule } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { play, variant, verdict } from '../traps/stage.ts'

const MINOR = 'postgres-operator/rolling-minor'
const at = (step: string, kind: EngineKind, target: string, seconds: number, offsetSeconds = 1): Schedule => [
  { kind, target, at: { step, path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: offsetSeconds * SECOND }, durationUs: seconds * SECOND, magnitude: 1 },
]
const failing = (result: ReturnType<typeof play>): string[] => result.verdicts.filter(v => v.status === 'fail' && v.check !== 'objectives-met').map(v => v.check)

describe('a minor update', () => {
  test('is done within minutes, with seconds of reconnecting and nothing lost', async () => {
    const { result } = await runCampaign(loadScenario(MINOR, engines), { runs: 10, seed: '1', faults: 0 })
    expect(result.outcomes.completed).toBe(10)
    expect(result.checks.filter(c => c.status === 'fail')).toEqual([])
    for (const id of ['target-reached', 'converges', 'serves-at-end', 'no-split-brain', 'no-false-success']) expect(result.checks.find(c => c.id === id)).toMatchObject({ status: 'pass', judged: 10 })
    const { writeDowntimeSeconds, lostAcknowledgedWrites } = result.measures
    // "Less than 5 s" is the manual's figure; clients whose connection hangs at the old address wait for their own time-out.
    expect(writeDowntimeSeconds.p50).toBeLessThan(5)
    expect(writeDowntimeSeconds.max).toBeLessThan(10)
    expect(lostAcknowledgedWrites.max).toBe(0)
  })

  test('a primary whose machine is lost meanwhile is replaced by Patroni, and the update goes on', () => {
    const calm = play(loadScenario(MINOR, engines))
    const node = calm.story?.members.find(m => m.member === 'acid-main-0' && m.running)?.node ?? ''
    const result = play(loadScenario(MINOR, engines), '1/0', at('done', 'node-loss', `node:${node}`, 300))
    expect(result).toMatchObject({ outcome: 'completed', struck: 1 })
    expect(failing(result)).toEqual([])
    expect(result.measures.writeDowntimeSeconds).toBeGreaterThan(15)
    expect(result.measures.writeDowntimeSeconds).toBeLessThan(120)
  })

  test('an outage of the API alone takes all writes away; in failsafe mode it does not', () => {
    const schedule = at('all-follow', 'api-server-away', 'control-plane', 120)
    const usual = play(loadScenario(MINOR, engines), '1/0', schedule)
    expect(usual.measures.writeDowntimeSeconds).toBeGreaterThan(80)
    const failsafe = play(variant(MINOR, { set: { 'cluster.patroni.failsafeMode': 'true' } }), '1/0', schedule)
    expect(failsafe.measures.writeDowntimeSeconds).toBeLessThan(15)
    for (const result of [usual, failsafe]) expect(failing(result)).toEqual([])
  })

  test('without a watchdog a primary that stood still leads on beside its successor', () => {
    const found = ['1/0', '1/1', '1/2', '1/3'].map(seed => play(variant(MINOR), seed, at('all-follow', 'process-pause', 'member:acid-main-0', 60, 20)))
    expect(found.some(r => verdict(r, 'no-split-brain').status === 'fail')).toBe(true)
  })
})

describe('what the document does', () => {
  test('BG-T24, PG-S10 another version in the object: all pods are made anew, and the database is of the version that it was', () => {
    const result = play(variant(MINOR, { replace: [['{"spec":{"dockerImage":"${image}"}}', '{"spec":{"postgresql":{"version":"17"}}}']], without: ['done', 'version'] }))
    expect(result.outcome).toBe('completed')
    expect(result.story?.trace.filter(r => r.label === 'kubernetes.pod-deleted').length).toBe(3)
    expect(verdict(result, 'target-reached')).toMatchObject({ status: 'fail', evidence: expect.stringContaining('16.4') as string })
    expect(verdict(result, 'no-false-success').status).toBe('fail')
  })

  test('PG-S12 who waits for a phase waits for a field that the object does not have', () => {
    const result = play(variant(MINOR, { step: { 'at-rest': step => { step['gate'] = 'kubectl get postgresql acid-main -o yaml | grep phase' } } }))
    expect(result.outcomeReason).toContain('at-rest')
    expect(result.outcome).not.toBe('completed')
  })
})
