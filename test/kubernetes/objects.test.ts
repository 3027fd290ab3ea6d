import fc from 'fast-check'
import { expect, test } from 'vitest'
import { alike, canonical, copy } from '../../models/kubernetes/objects.ts'

const json = fc.letrec(tie => ({
  value: fc.oneof({ maxDepth: 4 }, fc.constantFrom<unknown>(null, undefined, true, false, 0, -0, 1, Number.NaN, '', 'a', '1'), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true })),
})).value

test('two objects are alike when their canonical JSON is the same', () => {
  let same = 0
  fc.assert(fc.property(json, json, (a, b) => {
    for (const [x, y] of [[a, b], [a, copy(a)], [[a, b], [a, a]], [{ a, b }, { b, a }], [{ a, c: b }, { a }]] as const) {
      expect(alike(x, y), `${canonical(x)} and ${canonical(y)}`).toBe(canonical(x) === canonical(y))
      if (alike(x, y)) same += 1
    }
  }), { numRuns: 1000 })
  expect(same).toBeGreaterThan(1000)
})
