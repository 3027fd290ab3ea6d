import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeRegister, type RegisterOperation } from '../../src/checks/index.ts'

/** Every order of the operations, tried one by one: slow, short and obviously right. Operations without an answer may be left out. */
function byBruteForce(initial: number, operations: readonly RegisterOperation[]): boolean {
  const go = (value: number, left: readonly RegisterOperation[]): boolean => {
    if (left.every(o => o.returnUs === Infinity)) return true
    return left.some((o, i) => {
      if (left.some(p => p !== o && p.returnUs < o.callUs)) return false
      if (o.kind === 'read' && o.value !== value) return false
      return go(o.kind === 'write' ? o.value : value, left.filter((_, j) => j !== i))
    })
  }
  return go(initial, operations)
}

const operation = fc.record({ kind: fc.constantFrom('read' as const, 'write' as const), value: fc.integer({ min: 0, max: 2 }), callUs: fc.integer({ min: 0, max: 20 }), lengthUs: fc.integer({ min: 1, max: 8 }), unknown: fc.boolean() })

test('agrees with trying every order', () => {
  let violated = 0
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 6 }), list => {
      const operations = list.map(({ kind, value, callUs, lengthUs, unknown }): RegisterOperation => ({ kind, value, callUs, returnUs: unknown && kind === 'write' ? Infinity : callUs + lengthUs }))
      const expected = byBruteForce(0, operations)
      if (!expected) violated += 1
      expect(judgeRegister({ key: 'k', initial: 0, operations }).is).toBe(expected ? 'linearizable' : 'violated')
    }),
    { numRuns: 2_000 },
  )
  expect(violated).toBeGreaterThan(100)
})

test('names an operation that cannot be placed', () => {
  const stale: RegisterOperation = { kind: 'read', value: 0, callUs: 20, returnUs: 30 }
  expect(judgeRegister({ key: 'k', initial: 0, operations: [{ kind: 'write', value: 1, callUs: 0, returnUs: 10 }, stale] })).toEqual({ is: 'violated', operation: stale })
})

test('a write without an answer may take effect late, or never', () => {
  const lostWrite: RegisterOperation = { kind: 'write', value: 1, callUs: 0, returnUs: Infinity }
  const read = (value: number, callUs: number): RegisterOperation => ({ kind: 'read', value, callUs, returnUs: callUs + 5 })
  expect(judgeRegister({ key: 'k', initial: 0, operations: [lostWrite, read(0, 10), read(1, 20)] }).is).toBe('linearizable')
  expect(judgeRegister({ key: 'k', initial: 0, operations: [lostWrite, read(0, 10), read(0, 20)] }).is).toBe('linearizable')
  expect(judgeRegister({ key: 'k', initial: 0, operations: [lostWrite, read(1, 10), read(0, 20)] }).is).toBe('violated')
})
