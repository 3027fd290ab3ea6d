/**
 * The register check against trying every order, on *all* histories of at most six operations, each once.
 *
 * Which order is allowed depends on who returned before whom was called, and on nothing else: an interval order. Each has one tightest way to be
 * written down, as intervals [i, j] of whole numbers with a call and a return at every number; there are 1, 2, 5, 15, 53 and 217 of them with 1 to 6
 * intervals (the Fishburn numbers). Operations with the same interval can change places, and values are only names: so of each history one form is
 * enough, kinds and values ascending among equal intervals, values numbered as they come (0 is the initial one). Values that are written and never
 * read need no names of their own either: one of them stands for all.
 */
import { describe, expect, test } from 'vitest'
import { judgeRegister, type RegisterOperation } from '../../src/checks/index.ts'

interface Interval {
  readonly from: number
  readonly to: number
}

/** All interval orders of `n` operations: ways to put `n` intervals into an upper triangle of which no row and no column is empty. */
function intervalOrders(n: number): Interval[][] {
  const found: Interval[][] = []
  for (let size = 1; size <= n; size++) {
    const cells = Array.from({ length: size }, (_, from) => Array.from({ length: size - from }, (_unused, i): Interval => ({ from, to: from + i }))).flat()
    const fill = (at: number, chosen: readonly Interval[]): void => {
      if (chosen.length === n) {
        const whole = Array.from({ length: size }, (_, i) => chosen.some(({ from }) => from === i) && chosen.some(({ to }) => to === i)).every(Boolean)
        if (whole) found.push([...chosen])
        return
      }
      for (let cell = at; cell < cells.length; cell++) fill(cell, [...chosen, cells[cell] as Interval])
    }
    fill(0, [])
  }
  return found
}

/** Calls `each` with every history on these intervals. Reads of what nobody wrote are violated at once; `ghosts` says whether they are wanted. */
function histories(intervals: readonly Interval[], ghosts: boolean, each: (operations: readonly RegisterOperation[]) => void): void {
  const last = Math.max(...intervals.map(({ to }) => to))
  const operations: RegisterOperation[] = []
  const codes: number[] = []
  /** @param values how many have a name @param written, read which of them, one bit each */
  const go = (at: number, values: number, written: number, read: number): void => {
    const interval = intervals[at]
    if (interval === undefined) {
      const unread = written & ~read
      if ((unread & (unread - 1)) === 0 && (ghosts || (read & ~written & ~1) === 0)) each(operations)
      return
    }
    const before = intervals[at - 1]
    const least = before !== undefined && before.from === interval.from && before.to === interval.to ? (codes[at - 1] as number) : 0
    // A write, a read, and a write without an answer: that one precedes nobody.
    for (let kind = 0; kind < (interval.to === last ? 3 : 2); kind++) {
      for (let value = 0; value <= values; value++) {
        const code = kind * 8 + value
        if (code < least) continue
        codes[at] = code
        operations.push({ kind: kind === 1 ? 'read' : 'write', value, callUs: 10 * interval.from, returnUs: kind === 2 ? Infinity : 10 * interval.to })
        go(at + 1, Math.max(values, value + 1), kind === 1 ? written : written | (1 << value), kind === 1 ? read | (1 << value) : read)
        operations.pop()
      }
    }
  }
  go(0, 1, 0, 0)
}

/** Every order of the operations, one by one: slow, short and obviously right. What never returned may be left out. */
function byBruteForce(operations: readonly RegisterOperation[]): boolean {
  const go = (left: number, value: number): boolean => {
    let over = true
    for (let i = 0; i < operations.length; i++) if ((left >> i) & 1 && (operations[i] as RegisterOperation).returnUs !== Infinity) over = false
    if (over) return true
    for (let i = 0; i < operations.length; i++) {
      const next = operations[i] as RegisterOperation
      if (!((left >> i) & 1) || (next.kind === 'read' && next.value !== value)) continue
      let first = true
      for (let j = 0; j < operations.length; j++) if ((left >> j) & 1 && (operations[j] as RegisterOperation).returnUs < next.callUs) first = false
      if (first && go(left & ~(1 << i), next.kind === 'write' ? next.value : value)) return true
    }
    return false
  }
  return go((1 << operations.length) - 1, 0)
}

test('there are as many interval orders as Fishburn counted', () => {
  expect([1, 2, 3, 4, 5, 6].map(n => intervalOrders(n).length)).toEqual([1, 2, 5, 15, 53, 217])
})

describe('agrees with trying every order, on every history', () => {
  test.each([
    [1, 6, 1],
    [2, 44, 20],
    [3, 580, 344],
    [4, 11_111, 7_769],
    [5, 122_363, 59_302],
    [6, 3_746_187, 2_173_885],
  ])(
    'of %i operations: %i, of which %i have no order',
    (n, all, without) => {
      let tried = 0
      let violated = 0
      const disagreed: RegisterOperation[][] = []
      for (const intervals of intervalOrders(n)) {
        histories(intervals, n <= 4, operations => {
          tried += 1
          const expected = byBruteForce(operations)
          if (!expected) violated += 1
          if ((judgeRegister({ key: 'k', initial: 0, operations }).is === 'linearizable') !== expected && disagreed.length < 3) disagreed.push([...operations])
        })
      }
      expect(disagreed).toEqual([])
      expect([tried, violated]).toEqual([all, without])
    },
    300_000,
  )
})
