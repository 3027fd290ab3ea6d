import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failuresIn, type RetryPolicy } from '../../src/workload/index.ts'
import { failuresOf, type Mode, overloadFailures } from '../../src/workload/retries.ts'

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

describe('an outage of several modes', () => {
  /** When an attempt fails that is issued at `us`: when it has taken as long as the mode that holds then lets it. */
  const failsAt = (modes: readonly Mode[], us: number): number => {
    let fromUs = 0
    for (const { untilUs, attemptUs } of modes) {
      const at = Math.max(fromUs, us + attemptUs)
      if (at <= untilUs) return at
      fromUs = untilUs
    }
    return Number.POSITIVE_INFINITY
  }
  /** One attempt at a time; a closed loop goes on after an operation that failed. */
  const one = (modes: readonly Mode[], policy: RetryPolicy, startUs: number): { attempts: number; operations: number } => {
    let attempts = 0
    let operations = 0
    for (let us = startUs; ; us += policy.cycleUs) {
      for (let k = 0; k < policy.attempts; k++) {
        const at = failsAt(modes, us)
        if (at === Number.POSITIVE_INFINITY) return { attempts, operations }
        attempts += 1
        us = at + (k < policy.attempts - 1 ? policy.retryUs : 0)
      }
      operations += 1
      if (policy.loop === 'open') return { attempts, operations }
    }
  }
  const outage = fc.array(fc.record({ us: fc.integer({ min: 1, max: 20_000_000 }), attemptUs: fc.constantFrom(0, 1_000, 700_000, 3_000_000, 30_000_000) }), { minLength: 1, maxLength: 5 }).map(parts => {
    let untilUs = 0
    return parts.map(({ us, attemptUs }): Mode => ({ untilUs: (untilUs += us), attemptUs, factor: 1 }))
  })

  test.each(['open', 'closed'] as const)('%s loop: the sums count what one event per attempt would', loop => {
    fc.assert(
      fc.property(outage, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 2_000_000 }), fc.integer({ min: 50_000, max: 3_000_000 }), (modes, attempts, retryUs, cycleUs) => {
        const policy: RetryPolicy = { loop, operationsPerSecond: 100, connections: 100, cycleUs, attempts, retryUs }
        const untilUs = modes.at(-1)?.untilUs ?? 0
        const many = loop === 'open' ? Math.ceil(untilUs / 10_000) : 100
        const expected = { attempts: 0, operations: 0 }
        for (let i = 0; i < many; i++) {
          const found = one(modes, policy, loop === 'open' ? i * 10_000 + 5_000 : ((i + 0.5) / many) * cycleUs)
          expected.attempts += found.attempts
          expected.operations += found.operations
        }
        const found = failuresOf(modes, policy)
        expect(Math.abs(found.attempts - expected.attempts)).toBeLessThanOrEqual(2 * attempts)
        expect(Math.abs(found.operations - expected.operations)).toBeLessThanOrEqual(2)
      }),
      { numRuns: 60 },
    )
  })

  test('what was refused at once before a long silence has failed', () => {
    const policy: RetryPolicy = { loop: 'open', operationsPerSecond: 100, connections: 10, cycleUs: 100_000, attempts: 1, retryUs: 0 }
    const refused = { untilUs: 5_000_000, attemptUs: 0, factor: 1 }
    const silent = { untilUs: 10_000_000, attemptUs: 30_000_000, factor: 1 }
    expect(failuresOf([refused, silent], policy).attempts).toBe(500)
    expect(failuresOf([refused, silent], { ...policy, loop: 'closed' }).attempts).toBe(500)
    // Those that hang when it begins to refuse are refused.
    expect(failuresOf([{ ...silent, untilUs: 5_000_000 }, { ...refused, untilUs: 10_000_000 }], policy).attempts).toBe(1_000)
    // A surge counts where its attempts are issued.
    expect(failuresOf([{ ...refused, factor: 3 }, silent], policy).attempts).toBe(1_500)
    expect(failuresOf([refused, { ...silent, factor: 3 }], policy).attempts).toBe(500)
    expect(failuresOf([], policy).attempts).toBe(0)
  })

  test('a day of refusals is counted as fast as a second', () => {
    const policy: RetryPolicy = { loop: 'closed', operationsPerSecond: 0, connections: 10, cycleUs: 1_000, attempts: 3, retryUs: 1_000 }
    const untilUs = 86_400_000_000
    const from = process.cpuUsage()
    for (let i = 0; i < 1_000; i++) expect(failuresOf([{ untilUs: untilUs / 2, attemptUs: 0, factor: 1 }, { untilUs, attemptUs: 1_000, factor: 1 }], policy).operations / 10).toBeCloseTo(untilUs / 2 / 3_000 + untilUs / 2 / 6_000, -1)
    expect(process.cpuUsage(from).user).toBeLessThan(1_000_000)
  })
})
