/** A cut between two members takes away one of them, whichever is behind; both are watched. */
import { expect, test } from 'vitest'
import type { Cluster, Member } from '../../src/engine.ts'
import { BudgetWatch } from '../../src/faults/budget.ts'
import { faultSpec } from '../../src/faults/index.ts'

function member(name: string, whole: boolean): Member {
  return { name, node: name, zone: undefined, running: whole, ready: whole, role: 'follower', timeline: 1, versions: {}, copy: undefined, attached: whole, caughtUp: whole }
}

function held(whole: Readonly<Record<string, boolean>>, kind: 'partition-pair' | 'latency'): number {
  const members = Object.entries(whole).map(([name, is]) => member(name, is))
  const budget = new BudgetWatch({ truth: { members: () => members } } as unknown as Cluster, 1, [kind])
  budget.struck(faultSpec(kind), faultSpec(kind).example, ['a', 'b'])
  budget.look(0)
  return budget.peak
}

test.each([
  [{ a: true, b: true, c: false }, 0],
  [{ a: false, b: true, c: true }, 1],
  [{ a: true, b: false, c: true }, 1],
  [{ a: false, b: false, c: true }, 1],
])('of %j a cut between a and b holds %i', (whole, expected) => {
  expect(held(whole, 'partition-pair')).toBe(expected)
})

test('another fault that touches two holds both', () => {
  expect(held({ a: false, b: false, c: true }, 'latency')).toBe(2)
})
