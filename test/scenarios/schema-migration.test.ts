/** Schema migrations: the usual way, what goes wrong with it, and expand and contract. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { runCampaign } from '../../src/campaign/index.ts'
import type { EngineKind } from '../../src/engine.ts'
import type { Schedule } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { type Change, command, play, variant, verdict } from '../traps/stage.ts'

const USUAL = 'schema-migration/init-container'
const CORRECTED = 'schema-migration/expand-contract'
/** Whether clients were told this by the release they asked. */
const told = (result: ReturnType<typeof play>, text: string): boolean => result.story?.trace.some(r => r.label === 'client.state' && r.detail.includes(text)) === true
const failing = (result: ReturnType<typeof play>): string[] => result.verdicts.filter(v => v.status === 'fail').map(v => v.check)
/** One fault at the start of a step's first command, or so long after it was issued. */
const at = (step: string, kind: EngineKind, target: string, seconds: number, offsetSeconds = 0): Schedule => [
  { kind, target, at: { step, path: 'forward', visit: 1, phase: offsetSeconds > 0 ? 'await' : 'start', command: 1, offsetUs: offsetSeconds * SECOND }, durationUs: seconds * SECOND, magnitude: 1 },
]

describe('the usual way', () => {
  test('BG-T25 pods migrate one by one while old pods serve: writers wait for the index, and old pods ask for a column that is gone', () => {
    const result = play(variant(USUAL))
    expect(result.outcome).toBe('completed')
    const { writeDowntimeSeconds, failedAfterRetry, lostAcknowledgedWrites } = result.measures
    // 5,000 MB at 50 MB/s, whoever is asked.
    expect(writeDowntimeSeconds).toBeGreaterThan(100)
    expect(failedAfterRetry).toBeGreaterThan(10_000)
    expect(lostAcknowledgedWrites).toBe(0)
    expect(result.story?.clients.some(c => c.state === 'failing')).toBe(true)
    expect(failing(result)).toEqual(['objectives-met'])
  })

  test('one client that keeps a transaction open makes everybody wait for it', () => {
    const schedule = at('release', 'long-transaction', 'member:orders-db-0', 600)
    const calm = play(variant(USUAL))
    const struck = play(variant(USUAL), '1/0', schedule)
    expect(struck.struck).toBe(1)
    expect(struck.measures.writeDowntimeSeconds - calm.measures.writeDowntimeSeconds).toBeGreaterThan(500)
    // With a lock_timeout the pods fail and try again, ever more seldom, and users wait for seconds of it. After ten minutes without a pod more the rollout is given up (K8S-DEPLOYMENT-4).
    const soft = variant(USUAL, { set: { 'cluster.application.lockTimeoutSeconds': '1' } })
    expect(play(soft, '1/0', schedule).outcome).toBe('rolledBack')
    const limited = play(soft, '1/0', at('release', 'long-transaction', 'member:orders-db-0', 120))
    expect(limited.outcome).toBe('completed')
    expect(limited.measures.writeDowntimeSeconds).toBeLessThan(calm.measures.writeDowntimeSeconds + 60)
  })

  test('BG-T26 a pod that dies while it holds the lock of a table leaves it to nobody: the rollout never ends', () => {
    const change: Change = { set: { 'cluster.application.lock': 'table' } }
    const nodes = [...new Set(play(variant(USUAL)).story?.trace.filter(r => r.label === 'kubernetes.pod-scheduled' && r.node.startsWith('web-')).map(r => r.detail.split(' on ')[1] ?? '') ?? [])]
    const outcomes = nodes.map(node => play(variant(USUAL, change), '1/0', at('rolled', 'node-loss', `node:${node}`, 60, 30)).outcome)
    expect(outcomes).toContain('rolledBack')
    // The lock of a session goes with it, as soon as the server knows; a killed pod's at once.
    expect(command(play(variant(USUAL)), 'rolled').out).toContain('successfully rolled out')
  })

  test('BG-T29 the old release put back meets the new schema: a rollback of the pods is none of the database', () => {
    const result = play(variant(USUAL, { replace: [['--timeout=15m', '--timeout=90s']] }))
    expect(result.outcome).toBe('rolledBack')
    expect(verdict(result, 'serves-at-end')).toMatchObject({ status: 'fail', evidence: expect.stringContaining('column "customer"') as string })
  })

  test('PG-S18 a hook after the upgrade migrates when the new pods are there already: they ask for what does not exist yet', () => {
    const hook = (migrateBy: string): ReturnType<typeof play> =>
      play(variant(USUAL, { set: { 'cluster.application.migrateBy': migrateBy, 'cluster.application.tableMB': '500' }, step: { release: step => void (step['run'] = 'helm upgrade web ./chart --set image=shop:2 --wait --timeout 10m') } }))
    const after = hook('post-upgrade')
    expect(after.outcome).toBe('completed')
    expect(told(after, '"customer_name"')).toBe(true)
    // Before it, it is the old pods that fail, as long as the roll takes.
    const before = hook('pre-upgrade')
    expect(told(before, '"customer_name"')).toBe(false)
    expect(told(before, '"customer"')).toBe(true)
  })
})

describe('expand and contract', () => {
  test('changes the same with nobody failing and nobody waiting a second', async () => {
    const { result } = await runCampaign(loadScenario(CORRECTED, engines), { runs: 8, seed: '1', faults: 0 })
    expect(result.outcomes.completed).toBe(8)
    expect(result.checks.filter(c => c.status === 'fail')).toEqual([])
    for (const id of ['target-reached', 'converges', 'serves-at-end', 'no-false-success']) expect(result.checks.find(c => c.id === id)).toMatchObject({ status: 'pass', judged: 8 })
    const { writeDowntimeSeconds, failedAttempts, lostAcknowledgedWrites } = result.measures
    expect(writeDowntimeSeconds.max).toBeLessThanOrEqual(1.5)
    expect([failedAttempts.max, lostAcknowledgedWrites.max]).toEqual([0, 0])
  })

  test('a client that keeps a transaction open is waited for by the runbook, not by everybody', () => {
    for (const step of ['expand-quiet', 'contract-quiet']) {
      const result = play(loadScenario(CORRECTED, engines), '1/0', at(step, 'long-transaction', 'member:orders-db-0', 600))
      expect(result).toMatchObject({ outcome: 'completed', struck: 1 })
      expect(result.measures.writeDowntimeSeconds, step).toBeLessThan(3)
    }
  })

  test('the primary that dies in the middle of building the index leaves it invalid, and it is made again', () => {
    const schedule = at('create-index', 'process-kill', 'member:orders-db-0', 5, 60)
    const result = play(loadScenario(CORRECTED, engines), '1/0', schedule)
    expect(result).toMatchObject({ outcome: 'completed', struck: 1 })
    expect(result.steps.filter(s => s.step === 'create-index').length).toBe(2)
    expect(result.story?.commands.some(c => c.step === 'drop-one' && c.code === 0)).toBe(true)
    expect(failing(result).filter(id => id !== 'objectives-met')).toEqual([])
  })

  test('a backfill before the last old pod is gone has to be done again', () => {
    const set = { 'cluster.application.rows': '200000' }
    const early = play(variant(CORRECTED, { set, without: ['write-both-everywhere', 'filled'] }))
    expect(early.outcome).not.toBe('completed')
    const looked = play(variant(CORRECTED, { set, without: ['write-both-everywhere'] }))
    expect(looked.steps.filter(s => s.step === 'pieces').length).toBeGreaterThan(1)
    expect(looked.outcome).toBe('completed')
  })
})
