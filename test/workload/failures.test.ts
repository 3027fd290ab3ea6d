import { expect, test } from 'vitest'
import { WRITERS } from '../postgres/experiments/lab.ts'
import { FailureTally } from '../../src/workload/failures.ts'

const SECOND = 1_000_000

/** Attempts that fail in an outage from 0 to 10 s while `factors` [from, factor] hold. */
function failed(...factors: readonly (readonly [number, number])[]): number {
  const tally = new FailureTally({ ...WRITERS, loop: 'open', writesPerSecond: 100 }, 1, 10, 0)
  tally.account(0, false, true, 0)
  for (const [at, factor] of factors) tally.setFactor(at * SECOND, factor)
  tally.account(10 * SECOND, true, true, 0)
  return tally.total(20 * SECOND).attempts
}

test('an outage under a surge fails in proportion to what was wanted meanwhile', () => {
  const plain = failed()
  expect(plain).toBe(1000)
  expect(failed([0, 3])).toBe(3 * plain)
  expect(failed([5, 3])).toBe(2 * plain)
  expect(failed([0, 3], [5, 1])).toBe(2 * plain)
  // A surge that is over before the outage, or begins after it, changes nothing.
  expect(failed([0, 3], [0, 1])).toBe(plain)
  expect(failed([10, 3])).toBe(plain)
})
