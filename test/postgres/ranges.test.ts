/** What the model says its defaults may be instead: every range is complete, contains the default, and can be run. */
import { expect, test } from 'vitest'
import { KUBERNETES_FIXED, KUBERNETES_RANGES, kubernetesOptions } from '../../models/kubernetes/index.ts'
import { postgres, postgresOptions } from '../../models/postgres/index.ts'
import { OPTION_RANGES, OPTIONS_FIXED, TIMING_RANGES } from '../../models/postgres/ranges.ts'
import type { Assumption, AssumptionRange } from '../../src/engine.ts'
import { type Distribution, sample, Simulation } from '../../src/kernel/index.ts'

const assumptions = (given: Record<string, unknown> = {}) => postgres.assumptions(given, postgresOptions.parse(given))

/** The option in a `cluster:` section: `cluster.timing.commitMs` = 3 is `{ timing: { commitMs: 3 } }`. */
function section(option: string, value: unknown): Record<string, unknown> {
  return option.split('.').slice(1).reverse().reduce((inner, key) => ({ [key]: inner }), value as Record<string, unknown>)
}

const ends = (range: AssumptionRange): readonly unknown[] => range.values ?? [range.low, range.high]

function contains({ range, value }: Assumption): boolean {
  if (range === undefined) return false
  if (range.values !== undefined) return range.values.includes(value)
  const middle = typeof value === 'number' ? value : sample(value as Distribution, 0.5)
  return range.low <= middle && middle <= range.high && range.low < range.high
}

test('every option has a range or a reason why not, and never both', () => {
  const pairs: [object, object, object][] = [[postgresOptions.shape, OPTION_RANGES, OPTIONS_FIXED], [kubernetesOptions.shape, KUBERNETES_RANGES, KUBERNETES_FIXED]]
  for (const [shape, ranges, fixed] of pairs) {
    expect([...Object.keys(ranges), ...Object.keys(fixed)].sort()).toEqual(Object.keys(shape).sort())
  }
})

test('every range contains the default', () => {
  const ranged = assumptions().filter(a => a.range !== undefined)
  expect(ranged.length).toBe(Object.keys(OPTION_RANGES).length + Object.keys(TIMING_RANGES).length + Object.keys(KUBERNETES_RANGES).length)
  expect(ranged.filter(a => !contains(a)).map(a => a.option)).toEqual([])
})

test('each end and each value is a cluster that starts', () => {
  for (const { option, range } of assumptions()) {
    if (range === undefined) continue
    expect(range.source, option).toMatch(/\[[PMJ]|§|statefulset|pg_basebackup|image/)
    for (const value of ends(range)) {
      const parsed = postgresOptions.safeParse(section(option, value))
      expect(parsed.success, `${option} = ${String(value)}`).toBe(true)
      if (!parsed.success) continue
      expect(postgres.problems(parsed.data), `${option} = ${String(value)}`).toEqual([])
      const cluster = postgres.build(new Simulation({ seed: 'range' }), parsed.data)
      cluster.settle()
      expect(cluster.truth.members().filter(m => m.attached).length, `${option} = ${String(value)}`).toBe(3)
    }
  }
})

test('what the user set is no assumption, and what would be wrong in this cluster is no value', () => {
  expect(assumptions({ readiness: 'role-aware', timing: { commitMs: 2 } }).map(a => a.option)).not.toContain('cluster.readiness')
  expect(assumptions({ timing: { commitMs: 2 } }).map(a => a.option)).not.toContain('cluster.timing.commitMs')
  const rangeOf = (given: Record<string, unknown>) => assumptions(given).find(a => a.option === 'cluster.synchronousStandbyNames')?.range
  expect(rangeOf({})?.values).toEqual(['', 'FIRST 1', 'ANY 1'])
  expect(rangeOf({ members: 1 })).toBeUndefined()
})

test('the measured machine has no ranges of times: they were measured', () => {
  const lab = assumptions({ profile: 'lab' }).filter(a => a.range !== undefined)
  expect(lab.filter(a => /timing|kubernetes/.test(a.option))).toEqual([])
  expect(lab.length).toBeGreaterThan(20)
})
