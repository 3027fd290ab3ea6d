/** Loss that asynchronous replication makes unavoidable: the fault destroyed the last copy, and nobody promoted anything. */
import { expect, test } from 'vitest'
import type { Fault } from '../../src/faults/schedule.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenarioFrom } from '../../src/scenario/index.ts'
import { engines } from '../../models/index.ts'

const yaml = 'format: 1\ntitle: wait\ncluster: { engine: postgres }\nrunbook:\n  - id: wait\n    sleep: 60s\ndeadline: 1h\n'
const scenario = loadScenarioFrom({ name: 'wait', yaml, files: {}, set: {} }, engines, {})

test('a volume destroyed with what its followers had not received is inherent loss', () => {
  const fault = (kind: Fault['kind'], target: string, at: number, magnitude: number): Fault => ({ kind, target, at: at * SECOND, durationUs: 60 * SECOND, magnitude })
  const late = (nth: number): Fault => fault('latency', `role:follower/${nth}`, 20, SECOND / 2)
  const { measures } = rehearse({ scenario, schedule: [late(0), late(1), fault('node-loss-with-volume', 'role:leader', 30, 0)], seed: '1' })
  expect(measures.lostAcknowledgedWrites).toBeGreaterThan(0)
  expect(measures.inherentLostWrites).toBe(measures.lostAcknowledgedWrites)
})

test('where the leader itself is late its clients hear of nothing sooner than its followers', () => {
  const fault = (kind: Fault['kind'], at: number, magnitude: number): Fault => ({ kind, target: 'role:leader', at: at * SECOND, durationUs: 60 * SECOND, magnitude })
  const { measures } = rehearse({ scenario, schedule: [fault('latency', 20, SECOND / 2), fault('node-loss-with-volume', 30, 0)], seed: '1' })
  expect(measures.lostAcknowledgedWrites).toBe(0)
})

test('what a link that loses packets had let through too late is inherent too', () => {
  // 5 % lost: a TCP stream of some 100 kB a second, of 1 MB a second that is written.
  const fault = (kind: Fault['kind'], at: number, magnitude: number): Fault => ({ kind, target: 'role:leader', at: at * SECOND, durationUs: 60 * SECOND, magnitude })
  const { measures } = rehearse({ scenario, schedule: [fault('packet-loss', 20, 50), fault('node-loss-with-volume', 30, 0)], seed: '1' })
  expect(measures.lostAcknowledgedWrites).toBeGreaterThan(1000)
  expect(measures.inherentLostWrites).toBe(measures.lostAcknowledgedWrites)
})
