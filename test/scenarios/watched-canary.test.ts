/** The built-in canary that is watched: what the documented analysis and alerts let through, and what watching the outbox itself finds. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse, scheduleFor } from '../../src/rehearsal.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { variant, verdict } from '../traps/stage.ts'

const play = (name: string, change: Parameters<typeof variant>[1] = {}, seed = '1'): RehearsalResult => rehearse({ scenario: variant(`watched-canary/${name}`, change), schedule: [], seed, record: seed === '1' })
const failed = ({ verdicts }: RehearsalResult): readonly string[] => verdicts.filter(({ status }) => status === 'fail').map(({ check }) => check)
const told = (result: RehearsalResult, step: string): string => result.story?.commands.find(each => each.step === step)?.err ?? ''
const FAST = { set: { 'cluster.relays.0.batchRows': '1000' } }

test.each(['1', '2', '3'])('as documented (luck %s): every analysis passes and no alert fires while the relay falls behind; what is in the outbox goes with the old database', seed => {
  const result = play('as-documented', {}, seed)
  expect(result.outcome).toBe('completed')
  expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(50_000)
  expect(result.measures.failedAttempts).toBe(0)
  expect(result.gates.find(({ step }) => step === 'no-alert')).toMatchObject({ passed: true, honest: false })
  expect(failed(result)).toEqual(expect.arrayContaining(['no-acknowledged-write-lost', 'no-divergent-rows', 'no-false-success', 'gates-honest']))
})

test('BG-T14: it is the name: asked for the lag that there is, the alert holds it up', () => {
  const result = play('as-documented', { set: { 'cluster.monitoring.rules.1.expr': 'max(outbox_oldest_seconds) > 5' } })
  expect(result.outcome).toBe('rolledBack')
  expect(result.outcomeReason).toContain('no-alert')
  expect(result.measures.lostAcknowledgedWrites).toBe(0)
})

describe('verified', () => {
  test.each(['1', '2', '3'])('(luck %s): the age of the outbox fails the analysis at the half, the canary is aborted and all of it taken back', seed => {
    const result = play('verified', {}, seed)
    expect(result.outcome).toBe('rolledBack')
    expect(failed(result)).toEqual([])
    expect([result.measures.lostAcknowledgedWrites, result.measures.divergentRows, result.measures.writeDowntimeSeconds]).toEqual([0, 0, 0])
    if (seed === '1') expect(told(result, 'rolled-out')).toContain('Metric "outbox-age" assessed Failed')
  })

  test('a relay that nobody scrapes is no relay that is well', () => {
    const result = play('verified', { step: { relays: step => void (step['run'] = 'kubectl scale deployment backward --replicas=1') }, without: ['watched'] })
    expect(result.outcome).toBe('rolledBack')
    expect(told(result, 'rolled-out')).toContain('Metric "outbox-age" assessed Error due to consecutiveErrors (5)')
    expect(failed(result)).toEqual([])
  })

  test('without its analyses the alerts find it, and without those the comparison', () => {
    const blind = { set: { 'cluster.canary': '[{ setWeight: 20 }, { pause: { duration: 2m } }]' } }
    const alerted = play('verified', blind)
    expect([alerted.outcome, alerted.outcomeReason, alerted.measures.lostAcknowledgedWrites]).toEqual(['rolledBack', expect.stringContaining('no-alert'), 0])
    const compared = play('verified', { ...blind, without: ['no-alert'] })
    expect([compared.outcome, compared.outcomeReason, compared.measures.lostAcknowledgedWrites]).toEqual(['rolledBack', expect.stringContaining('compared'), 0])
  })
})

describe('with a relay that keeps up', () => {
  test.each(['1', '2', '3'])('(luck %s): completes, nothing is lost, no row differs, one database takes writes at any time, and clients wait less than four seconds', seed => {
    const result = play('verified-fast-relay', {}, seed)
    expect(result.outcome).toBe('completed')
    expect(failed(result)).toEqual([])
    const { lostAcknowledgedWrites, divergentRows, splitBrainSeconds, writeDowntimeSeconds } = result.measures
    expect([lostAcknowledgedWrites, divergentRows, splitBrainSeconds]).toEqual([0, 0, 0])
    expect(writeDowntimeSeconds).toBeLessThan(4)
    expect(verdict(result, 'gates-honest').status).toBe('pass')
  })

  test('BG-T11: what the canary carried lies beside what pods without an outbox wrote: kept, rows differ and the comparison says so', () => {
    const result = play('verified-fast-relay', { without: ['fresh'] }, '2')
    expect([result.outcome, result.measures.lostAcknowledgedWrites]).toEqual(['rolledBack', 0])
    const uncompared = play('verified-fast-relay', { without: ['fresh', 'verify', 'check-back'] }, '2')
    expect(failed(uncompared)).toContain('no-divergent-rows')
  })

  test.each([1, 2, 3, 5, 8, 13])('under up to two faults (luck %i): completes or rolls back, and nothing is lost either way', seed => {
    const scenario = loadScenario('watched-canary/verified-fast-relay', engines)
    const result = rehearse({ scenario, schedule: scheduleFor(scenario, 'c', seed, 2), seed: `c/${seed}` })
    expect(['completed', 'rolledBack']).toContain(result.outcome)
    if (result.inBudget) expect(failed(result).filter(check => check !== 'objectives-met')).toEqual([])
  })

  test('the documented runbook with it passes a gate whose claim is not so', () => {
    const result = play('as-documented', FAST)
    expect(result.outcome).toBe('completed')
    expect(failed(result)).toContain('gates-honest')
  })
})
