/** Maps that forks share are as good as copies. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SharedMap } from '../../src/operator/shell/shared.ts'

test('whatever is forked, changed and released in whatever order, each has what a copy of its own would have', () => {
  const act = fc.record({ is: fc.constantFrom('fork', 'set', 'set', 'delete', 'release', 'clear'), who: fc.nat(7), name: fc.constantFrom('a', 'b', 'c'), value: fc.nat(99) })
  fc.assert(fc.property(fc.array(act, { maxLength: 60 }), acts => {
    const all: { readonly shared: SharedMap<number>; readonly own: Map<string, number> }[] = [{ shared: new SharedMap(), own: new Map() }]
    for (const { is, who, name, value } of acts) {
      const at = who % all.length
      const { shared, own } = all[at]!
      if (is === 'fork') all.push({ shared: shared.copy(), own: new Map(own) })
      else if (is === 'set') {
        shared.set(name, value)
        own.set(name, value)
      } else if (is === 'delete') {
        shared.delete(name)
        own.delete(name)
      } else if (is === 'clear') {
        shared.clear()
        own.clear()
      } else if (all.length > 1) {
        shared.release()
        all.splice(at, 1)
      }
      for (const each of all) expect(new Map(each.shared.entries())).toEqual(each.own)
    }
  }), { numRuns: 300 })
})
