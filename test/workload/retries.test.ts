import fc from 'fast-check'
import { expect, test } from 'vitest'
import { failuresIn, type RetryPolicy } from '../../src/workload/index.ts'
import { overloadFailures } from '../../src/workload/retries.ts'

/** The same, one attempt at a time: `starts` are the offsets at which operations begin. */
function counted(outageUs: number, attemptUs: number, policy: RetryPolicy, starts: readonly number[]): { attempts: number; operations: number } {
  let attempts = 0
  let operations = 0
  for (const start of starts) {
    for (let k = 0; k < policy.attempts; k++) {
      if (start + k * (attemptUs + policy.retryUs) + attemptUs > outageUs) break
      attempts += 1
      if (k === policy.attempts - 1) operations += 1
    }
  }
  return { attempts, operations }
}

const outages = { outageUs: fc.integer({ min: 1, max: 60_000_000 }), attemptUs: fc.constantFrom(0, 1_000, 3_000_000), attempts: fc.integer({ min: 1, max: 5 }), retryUs: fc.integer({ min: 0, max: 2_000_000 }) }

test('open loop: the closed form counts what one event per attempt would', () => {
  fc.assert(
    fc.property(fc.record(outages), ({ outageUs, attemptUs, attempts, retryUs }) => {
      const policy: RetryPolicy = { loop: 'open', operationsPerSecond: 1000, connections: 1, cycleUs: 0, attempts, retryUs }
      const starts = Array.from({ length: Math.ceil(outageUs / 1000) }, (_, i) => i * 1000 + 500).filter(u => u <= outageUs)
      const expected = counted(outageUs, attemptUs, policy, starts)
      const found = failuresIn(outageUs, attemptUs, policy)
      expect(Math.abs(found.attempts - expected.attempts)).toBeLessThanOrEqual(attempts)
      expect(Math.abs(found.operations - expected.operations)).toBeLessThanOrEqual(1)
    }),
    { numRuns: 60 },
  )
})

test('closed loop: likewise, each connection starting within its think time', () => {
  fc.assert(
    fc.property(fc.record(outages), fc.integer({ min: 1_000, max: 3_000_000 }), ({ outageUs, attemptUs, attempts, retryUs }, cycleUs) => {
      const connections = 400
      const policy: RetryPolicy = { loop: 'closed', operationsPerSecond: 0, connections, cycleUs, attempts, retryUs }
      const period = attempts * attemptUs + (attempts - 1) * retryUs + cycleUs
      const starts: number[] = []
      for (let c = 0; c < connections; c++) for (let u = ((c + 0.5) / connections) * cycleUs; u <= outageUs; u += period) starts.push(u)
      const expected = counted(outageUs, attemptUs, policy, starts)
      const found = failuresIn(outageUs, attemptUs, policy)
      expect(Math.abs(found.attempts - expected.attempts)).toBeLessThanOrEqual(attempts)
      expect(Math.abs(found.operations - expected.operations)).toBeLessThanOrEqual(1)
    }),
    { numRuns: 60 },
  )
})

test('retries hide an outage shorter than they last, and never more than they do', () => {
  const policy: RetryPolicy = { loop: 'open', operationsPerSecond: 1000, connections: 1, cycleUs: 0, attempts: 3, retryUs: 200_000 }
  expect(failuresIn(399_999, 0, policy).operations).toBe(0)
  expect(failuresIn(400_000, 0, policy).operations).toBe(0)
  expect(failuresIn(1_400_000, 0, policy).operations).toBe(1000)
  fc.assert(
    fc.property(fc.record(outages), ({ outageUs, attemptUs, attempts, retryUs }) => {
      const p: RetryPolicy = { ...policy, attempts, retryUs }
      const found = failuresIn(outageUs, attemptUs, p)
      expect(found.operations * attempts).toBeLessThanOrEqual(found.attempts + 1e-6)
      expect(found.operations).toBeLessThanOrEqual(outageUs / 1000 + 1e-6)
      expect(failuresIn(outageUs * 2, attemptUs, p).attempts).toBeGreaterThanOrEqual(found.attempts)
    }),
  )
})

test('overload: of those that fail an attempt the same share fails the next', () => {
  expect(overloadFailures(0, 100, 3)).toEqual({ attempts: 0, operations: 0 })
  expect(overloadFailures(50, 100, 1)).toEqual({ attempts: 50, operations: 50 })
  expect(overloadFailures(50, 100, 3)).toEqual({ attempts: 50 + 25 + 12.5, operations: 12.5 })
  // Never more than every attempt of all that came.
  expect(overloadFailures(120, 100, 3)).toEqual({ attempts: 360, operations: 120 })
})
