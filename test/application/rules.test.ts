/** The rules: listed in the README as in the code, and each named test file exists. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { application, applicationOptions } from '../../models/application/index.ts'
import { RANGES } from '../../models/application/ranges.ts'
import { rules, rulesTable } from '../../models/application/rules.ts'
import { Simulation } from '../../src/kernel/index.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('the README has the table of the rules', () => {
  expect(readFileSync(`${ROOT}models/application/README.md`, 'utf8')).toContain(rulesTable())
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length)
  expect(rules.filter(({ test: file }) => !existsSync(ROOT + file))).toEqual([])
})

test('every range contains its default, and each end is a cluster that starts', () => {
  const database = { name: 'blue-db', members: 1, targetKubernetesVersion: null, green: { replicas: 1, readOnly: false }, pooler: false }
  const defaults = applicationOptions.parse({ database })
  for (const [name, range] of Object.entries(RANGES)) {
    const value = defaults[name as keyof typeof RANGES]
    const middle = typeof value === 'object' && value !== null && 'median' in value ? value.median : value
    expect(range.low, name).toBeLessThanOrEqual(middle as number)
    expect(range.high, name).toBeGreaterThanOrEqual(middle as number)
    for (const end of [range.low, range.high]) {
      const options = applicationOptions.parse({ database, sampledHot: 1, sampledCold: 1, [name]: end })
      expect(application.problems(options)).toEqual([])
      expect(() => application.build(new Simulation({ seed: '1' }), options).settle(), `${name} = ${String(end)}`).not.toThrow()
    }
  }
})

test('what is wrong with a cluster is said with its place', () => {
  const problems = (options: Record<string, unknown>): readonly string[] => application.problems(applicationOptions.parse(options)).map(({ path }) => path.join('.'))
  expect(problems({ database: { pooler: false } })).toEqual(['database.green'])
  expect(problems({ database: { green: {}, pooler: {} } })).toEqual(['database.pooler'])
  const builds = { 'webapp:2': { flags: { path: { both: { writes: 'both', statement: 'versioned', order: 'modern-first' } } } } }
  expect(problems({ database: { green: {}, pooler: false }, builds })).toEqual(['builds.webapp:2.order'])
  expect(problems({ database: { green: {}, pooler: false }, keys: 1_000 })).toEqual(['sampledHot'])
})
