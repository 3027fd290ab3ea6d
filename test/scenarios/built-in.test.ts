/** Every built-in scenario without faults (bar 1 of issue 2), and that each loads and has no static finding but those expected. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { runCampaign } from '../../src/campaign/index.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { checkRunbook } from '../../src/operator/index.ts'
import { builtInScenarios, loadScenario } from '../../src/scenario/index.ts'
import { play, variant, verdict, why } from '../traps/stage.ts'

const RUNS = 40

const campaigns = new Map<string, Promise<CampaignResult>>()
/** One fault-free campaign for each scenario, made once. */
function campaign(name: string): Promise<CampaignResult> {
  let found = campaigns.get(name)
  if (found === undefined) {
    found = runCampaign(loadScenario(name, engines), { runs: RUNS, seed: '1', faults: 0 }).then(c => c.result)
    campaigns.set(name, found)
  }
  return found
}

const violations = (result: CampaignResult, id: string): number => result.checks.find(c => c.id === id)?.violations ?? 0

/** Steps about which `check` has something to say, by scenario: guards written down as careless as the documents have them. */
const REMARKS: Readonly<Record<string, readonly string[]>> = {
  // No kubectl has the flag `--mongo`.
  'mongodb-step-down/as-documented': ['status'],
  'postgres-ferris-wheel/as-documented': ['small-lag', 'two-sync-replicas'],
  'postgres-rotate-in-place/as-documented': ['watch-node1'],
}

describe('built-in scenarios', () => {
  test.each(builtInScenarios().map(name => [name]))('%s loads, and its runbook has no finding but the expected', name => {
    const { runbook, options, engine, objectives, claims, correctedBy } = loadScenario(name, engines)
    const findings = checkRunbook(runbook, engine.build(new Simulation({ seed: 'check' }), options).commands)
    expect(findings.filter(f => f.severity === 'error')).toEqual([])
    expect([...new Set(findings.map(f => f.step))].sort()).toEqual(REMARKS[name] ?? [])
    expect(objectives.length).toBeGreaterThan(0)
    expect(Object.keys(claims).length).toBeGreaterThan(0)
    if (correctedBy !== undefined) expect(builtInScenarios()).toContain(correctedBy)
  })
})

describe.each(['postgres-ferris-wheel/fenced', 'postgres-ferris-wheel/quorum', 'postgres-rotate-in-place/fenced'])('%s without faults', name => {
  test('reaches its target, loses nothing, never splits, and clients wait a few seconds at most', async () => {
    const result = await campaign(name)
    expect(result.outcomes).toMatchObject({ completed: RUNS })
    expect(result.checks.filter(c => c.status === 'fail').map(c => c.id)).toEqual([])
    for (const id of ['target-reached', 'converges', 'serves-at-end', 'no-false-success', 'gates-honest']) expect(result.checks.find(c => c.id === id)).toMatchObject({ status: 'pass', judged: RUNS })
    const { writeDowntimeSeconds, lostAcknowledgedWrites, splitBrainSeconds, failedAttempts } = result.measures
    expect(writeDowntimeSeconds.p50).toBeGreaterThan(0)
    expect(writeDowntimeSeconds.p50).toBeLessThanOrEqual(6)
    expect(writeDowntimeSeconds.p99).toBeLessThanOrEqual(30)
    expect([lostAcknowledgedWrites.max, splitBrainSeconds.max, failedAttempts.max]).toEqual([0, 0, 0])
  })
})

describe('postgres-ferris-wheel/as-documented without faults', () => {
  test('loses acknowledged writes and splits in most runs, and every run fails while it says that it is done', async () => {
    const result = await campaign('postgres-ferris-wheel/as-documented')
    expect(result.outcomes.completed).toBe(RUNS)
    expect(violations(result, 'no-acknowledged-write-lost')).toBeGreaterThan(0.7 * RUNS)
    expect(violations(result, 'no-split-brain')).toBeGreaterThan(0.7 * RUNS)
    expect(violations(result, 'converges')).toBe(RUNS)
    expect(violations(result, 'no-false-success')).toBe(RUNS)
    const promote = result.steps.find(s => s.step === 'promote')
    expect(promote?.writeDowntimeSecondsMean).toBeLessThan(1)
  })

  test('the explanation names the old primary that nobody fenced', () => {
    const result = firstWith('postgres-ferris-wheel/as-documented', 'no-acknowledged-write-lost', 'overlap')
    expect(verdict(result, 'no-acknowledged-write-lost').signature?.step).toBe('promote')
    expect(why(result, 'no-acknowledged-write-lost')).toContain('nothing had stopped postgres-cluster-0 before: it neither exited nor was fenced')
  })

  test('it ends unavailable in most runs because scaling back removes the new primary, and says so', async () => {
    const summary = await campaign('postgres-ferris-wheel/as-documented')
    // In the others the scale-back still waits for a pod whose disk is on its way when everything has been quiet for a minute.
    expect(violations(summary, 'serves-at-end')).toBeGreaterThan(0.5 * RUNS)
    const result = firstWith('postgres-ferris-wheel/as-documented', 'serves-at-end', 'no-endpoint')
    expect(why(result, 'serves-at-end')).toContain('postgres-cluster-0 could acknowledge a write, but the way in does not lead there')
    expect(why(result, 'serves-at-end')).toContain('the runbook took postgres-cluster-3 away')
  })
})

test('postgres-ferris-wheel/quick ends with no endpoint: its selector matches no pod', async () => {
  const result = await campaign('postgres-ferris-wheel/quick')
  expect(violations(result, 'serves-at-end')).toBe(RUNS)
  const story = firstWith('postgres-ferris-wheel/quick', 'serves-at-end', 'no-endpoint')
  expect(verdict(story, 'serves-at-end').evidence).toContain('no Ready pod matches its selector')
  expect(violations(result, 'no-acknowledged-write-lost')).toBeGreaterThan(0.7 * RUNS)
})

test('postgres-rotate-in-place/as-documented: the stale replica’s promotion loses minutes of writes', async () => {
  const result = await campaign('postgres-rotate-in-place/as-documented')
  const lost = result.checks.find(c => c.id === 'no-acknowledged-write-lost')
  expect(lost?.violations).toBeGreaterThan(0.8 * RUNS)
  // 500 writes a second: more than ten minutes' worth.
  expect(result.measures.lostAcknowledgedWrites.p50).toBeGreaterThan(500 * 600)
  const story = play(variant('postgres-rotate-in-place/as-documented'))
  expect(why(story, 'no-acknowledged-write-lost')).toMatch(/promoted postgres-replica-2-0 .* although a copy further ahead could be reached/)
})

describe('the emergency procedures without faults', () => {
  test('checklist: the wheel turns again on two primaries and ends with no endpoint', async () => {
    const result = await campaign('postgres-emergency/checklist')
    for (const id of ['no-split-brain', 'serves-at-end', 'no-false-success']) expect(violations(result, id)).toBe(RUNS)
  })

  test('rollback-immediate: read-only from then on', async () => {
    const result = await campaign('postgres-emergency/rollback-immediate')
    expect(violations(result, 'serves-at-end')).toBe(RUNS)
    expect(result.signatures.filter(s => s.check === 'serves-at-end').map(s => s.cause)).toEqual(['read-only-route'])
  })

  test('rollback-comprehensive: what was acknowledged since the failover is lost, and three primaries remain', async () => {
    const result = await campaign('postgres-emergency/rollback-comprehensive')
    for (const id of ['no-acknowledged-write-lost', 'no-split-brain', 'converges']) expect(violations(result, id)).toBe(RUNS)
    expect(verdict(play(variant('postgres-emergency/rollback-comprehensive')), 'converges').evidence).toContain('postgres-cluster-0 and postgres-cluster-1 and postgres-cluster-3 both lead')
  })
})

/** The first run of the campaign whose check failed for that cause. */
function firstWith(name: string, check: Parameters<typeof verdict>[1], cause: string) {
  for (let run = 0; run < RUNS; run++) {
    const result = play(loadScenario(name, engines), `1/${run}`)
    const found = verdict(result, check)
    if (found.status === 'fail' && found.signature?.cause === cause) return result
  }
  throw new Error(`no run of ${name} in which ${check} fails for ${cause}`)
}
