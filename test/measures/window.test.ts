import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clip, covers, lengthUs, overlapUs, Switch } from '../../src/measures/index.ts'

const changes = fc.array(fc.record({ us: fc.integer({ min: 0, max: 1_000 }), on: fc.boolean() }), { maxLength: 40 }).map(list => list.sort((a, b) => a.us - b.us))

function windowsOf(list: readonly { us: number; on: boolean }[], endUs: number) {
  const held = new Switch()
  for (const { us, on } of list) held.set(us, on, undefined)
  return held.windows(endUs)
}

test('a switch integrates what a clock ticking every microsecond would count', () => {
  fc.assert(
    fc.property(changes, list => {
      let ticks = 0
      for (let us = 0; us < 1_000; us++) if (list.filter(c => c.us <= us).at(-1)?.on === true) ticks += 1
      expect(lengthUs(windowsOf(list, 1_000))).toBe(ticks)
    }),
  )
})

test('lengths are additive over a split of the horizon', () => {
  fc.assert(
    fc.property(changes, fc.integer({ min: 0, max: 1_000 }), (list, splitUs) => {
      const all = windowsOf(list, 1_000)
      expect(lengthUs(clip(all, 0, splitUs)) + lengthUs(clip(all, splitUs, 1_000))).toBe(lengthUs(all))
      expect(all.reduce((sum, w) => sum + overlapUs(w, 0, splitUs) + overlapUs(w, splitUs, 1_000), 0)).toBe(lengthUs(all))
    }),
  )
})

test('a window still open at the end says so, and only that one', () => {
  const held = new Switch()
  held.set(10, true, undefined)
  held.set(20, false, undefined)
  held.set(30, true, undefined)
  expect(held.windows(50)).toMatchObject([{ fromUs: 10, toUs: 20, open: false }, { fromUs: 30, toUs: 50, open: true }])
  expect(covers(held.windows(50), 19)).toBe(true)
  expect(covers(held.windows(50), 20)).toBe(false)
  expect(covers(held.windows(50), 60)).toBe(true)
})
