/** Writes that nobody needs to judge a register: left out, the verdict is the same (the law behind {@link telling}). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeRegister } from '../../src/checks/register.ts'
import { telling } from '../../src/workload/history.ts'
import type { RegisterOperation } from '../../src/workload/index.ts'

/** Writes of versions 1, 2, … that may overlap or never return, and reads one after the other that see any of them. */
const histories = fc.record({
  writes: fc.array(fc.record({ gap: fc.integer({ min: -3, max: 6 }), length: fc.oneof({ arbitrary: fc.integer({ min: 1, max: 5 }), weight: 9 }, { arbitrary: fc.constant(Number.POSITIVE_INFINITY), weight: 1 }) }), { maxLength: 9 }),
  reads: fc.array(fc.record({ gap: fc.integer({ min: 1, max: 9 }), length: fc.integer({ min: 1, max: 3 }), value: fc.integer({ min: 0, max: 9 }) }), { maxLength: 4 }),
})

test('the verdict is the same without them', () => {
  let dropped = 0
  let violated = 0
  fc.assert(
    fc.property(histories, ({ writes, reads }) => {
      let at = 10
      const all = writes.map(({ gap, length }, i): RegisterOperation => {
        const callUs = Math.max(0, at + gap)
        at = callUs + (Number.isFinite(length) ? length : 2)
        return { kind: 'write', value: i + 1, callUs, returnUs: callUs + length }
      })
      let then = 5
      const seen = reads.map(({ gap, length, value }): RegisterOperation => {
        const callUs = then + gap
        then = callUs + length
        return { kind: 'read', value: Math.min(value, writes.length), callUs, returnUs: then }
      })
      const fewer = telling(all, seen)
      dropped += all.length - fewer.length
      const whole = judgeRegister({ key: 'k', initial: 0, operations: [...all, ...seen] }).is
      if (whole === 'violated') violated += 1
      expect(judgeRegister({ key: 'k', initial: 0, operations: [...fewer, ...seen] }).is).toBe(whole)
    }),
    { numRuns: 3000, seed: 1 },
  )
  // Not by never leaving anything out, nor by never failing.
  expect(dropped).toBeGreaterThan(1000)
  expect(violated).toBeGreaterThan(300)
})
