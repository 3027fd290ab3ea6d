/** The built-in scenarios of the dual-write migration: what the documented ones show, and that the verified one holds. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse, scheduleFor } from '../../src/rehearsal.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { variant, verdict } from '../traps/stage.ts'

const documented = [1, 2, 3].map(seed => rehearse({ scenario: loadScenario('dual-write-migration/as-documented', engines), schedule: [], seed: String(seed), record: seed === 1 }))
const kinds = ({ verdicts }: RehearsalResult): string => verdicts.find(({ check }) => check === 'no-divergent-rows')?.evidence ?? ''

test('as documented: rows diverge, deletes come back and acknowledged writes are lost, and no client sees one error', () => {
  for (const result of documented) {
    expect(result.outcome).toBe('completed')
    expect(result.measures.divergentRows).toBeGreaterThan(1_000)
    expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(1_000)
    expect(kinds(result)).toMatch(/stale \d+/)
    expect(kinds(result)).toMatch(/95 %: [\d,]+ to [\d,]+/)
    expect([result.measures.failedAttempts, result.measures.writeDowntimeSeconds]).toEqual([0, 0])
    expect(verdict(result, 'no-false-success').status).toBe('fail')
  }
  expect(documented.some(result => /resurrected \d+/.test(kinds(result)))).toBe(true)
})

test('BG-T16: while the flag reaches the pods, some of them write to one database and some to the other', () => {
  for (const { measures } of documented) {
    expect(measures.splitBrainSeconds).toBeGreaterThan(5)
    expect(measures.splitBrainSeconds).toBeLessThan(125)
  }
})

test('BG-T22: the checksum job runs when one of the two is gone', () => {
  const said = documented[0]?.story?.commands.find(({ step }) => step === 'verdict')
  expect(said?.out).toBe('checksum: could not connect to blue-db-0.blue-db\n')
})

test('BG-T09: copied only if absent, the backfill overwrites nothing: far fewer rows differ, though some still may', () => {
  const result = rehearse({ scenario: variant('dual-write-migration/as-documented', { runbook: runbook => Object.assign(runbook.vars as object, { mode: 'insert' }) }), schedule: [], seed: '1' })
  expect(result.measures.divergentRows).toBeLessThan((documented[0]?.measures.divergentRows ?? 0) / 3)
  expect(verdict(result, 'no-divergent-rows').signature?.cause).not.toBe('stale-overwrite')
})

test('BG-T10, PG-S01: a copy taken before everybody writes to both lacks what was written meanwhile', () => {
  const before = rehearse({ scenario: variant('dual-write-migration/as-documented', { without: ['backfill', 'grace', 'delete-legacy', 'switch-service', 'compare', 'verdict', 'tidy'] }), schedule: [], seed: '1' })
  // Nothing is copied: all rows of before are missing where it counts, and the writes to them.
  expect(before.measures.lostAcknowledgedWrites).toBeGreaterThan(10_000)
})

describe('verified', () => {
  const scenario = loadScenario('dual-write-migration/verified', engines)

  test.each([1, 2, 3])('without faults (luck %i): completes, nothing is lost, no row differs, one database takes writes at any time, and clients wait less than three seconds (PF11)', seed => {
    const result = rehearse({ scenario, schedule: [], seed: String(seed) })
    expect(result.outcome).toBe('completed')
    expect(result.verdicts.filter(({ status }) => status === 'fail')).toEqual([])
    const { lostAcknowledgedWrites, divergentRows, splitBrainSeconds, writeDowntimeSeconds } = result.measures
    expect([lostAcknowledgedWrites, divergentRows, splitBrainSeconds]).toEqual([0, 0, 0])
    expect(writeDowntimeSeconds).toBeLessThan(3)
    expect(writeDowntimeSeconds).toBeGreaterThan(0.2)
    expect(verdict(result, 'gates-honest').status).toBe('pass')
  })

  test.each([2, 3, 5, 8, 13, 21, 34, 55])('under up to two faults (luck %i): completes or rolls back, and nothing is lost either way', seed => {
    const result = rehearse({ scenario, schedule: scheduleFor(scenario, 'c', seed, 2), seed: `c/${seed}` })
    expect(['completed', 'rolledBack']).toContain(result.outcome)
    if (result.inBudget) expect(result.verdicts.filter(({ status, check }) => status === 'fail' && check !== 'objectives-met')).toEqual([])
  })

  test.each([1, 2, 3])('pods that miss an update of their flags (luck %i) are told again before anything is fenced: none of them waits on', seed => {
    const forgetful = loadScenario('dual-write-migration/verified', engines, { set: { 'cluster.flags.missedUpdateP': '0.15' } })
    const { outcome, undone, measures } = rehearse({ scenario: forgetful, schedule: [], seed: String(seed) })
    // Who misses both is seen, and all go back: with the old database never fenced.
    if (outcome === 'rolledBack') expect(undone).not.toContain('fence')
    else expect(outcome).toBe('completed')
    expect([measures.longestWriteGapSeconds < 7, measures.lostAcknowledgedWrites]).toEqual([true, 0])
  })

  test('BG-T28: turned back after the new database was opened, what it took is in the old one', () => {
    const back = variant('dual-write-migration/verified', { step: { 'compared-last': step => Object.assign(step, { expect: { equals: 'never' }, timeout: '10s' }) } })
    const result = rehearse({ scenario: back, schedule: [], seed: '1' })
    expect(result.outcome).toBe('rolledBack')
    expect(result.undone).toContain('open')
    expect([result.measures.lostAcknowledgedWrites, result.measures.divergentRows]).toEqual([0, 0])
    expect(verdict(result, 'no-acknowledged-write-lost').status).toBe('pass')
  })
})

test('O9: the documented gate on the lag passes while the connector stands still; nothing of the pause is carried, and it is lost', () => {
  const stall = { kind: 'replay-stall' as const, target: 'connector:cdc', at: { step: 'lag', path: 'forward' as const, visit: 1, phase: 'start' as const, command: 1, offsetUs: 0 }, durationUs: 600_000_000, magnitude: 0 }
  const waiting = variant('dual-write-migration/cdc-lag', { runbook: runbook => void runbook.steps.unshift({ id: 'stalled', sleep: '5m' }) })
  const early = { ...stall, at: { ...stall.at, step: 'stalled' } }
  const result = rehearse({ scenario: waiting, schedule: [early], seed: '1' })
  expect(result.outcome).toBe('completed')
  expect(result.gates.find(({ step }) => step === 'lag')).toMatchObject({ passed: true, honest: false })
  expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(10_000)
})
