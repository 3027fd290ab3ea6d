/** The built-in scenarios of the dual-write migration: what the documented one shows. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
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
