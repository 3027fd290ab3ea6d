import { expect, test } from 'vitest'
import type { Schedule } from '../../src/faults/index.ts'
import { loadScenario, rehearse } from '../../src/index.ts'
import { SECOND } from '../../src/kernel/index.ts'

test('a crash loop that a fault left behind is tried once more before the end is judged: its back-off is no silence', () => {
  const schedule: Schedule = [{ kind: 'disk-full', target: 'role:leader', at: { step: 'heartbeat', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 876 * SECOND, magnitude: 0 }]
  // The operator gives up while the disk is still full; then the fault ends, and the pod waits out a back-off of up to five minutes.
  const result = rehearse({ scenario: loadScenario('postgres-ferris-wheel/fenced'), schedule, seed: '7/6022' })
  expect(result.outcome).toBe('aborted')
  expect(result.inBudget).toBe(true)
  expect(result.verdicts.filter(v => v.status === 'fail')).toEqual([])
})
