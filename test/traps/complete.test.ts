/** The list of traps is whole: every id of facts §7 is in the README, and in a test's title unless the README says why it cannot be shown. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const folder = new URL('./', import.meta.url)
const IDS = Array.from({ length: 66 }, (_, i) => `PG-T${String(i + 1).padStart(2, '0')}`)
const rows = new Map(
  readFileSync(new URL('README.md', folder), 'utf8')
    .split('\n')
    .filter(line => line.startsWith('| PG-T'))
    .map(line => line.split('|').map(cell => cell.trim()))
    .map(([, id = '', by = '', what = '']) => [id, { by, what }] as const),
)
const titles = new Set(
  readdirSync(folder)
    .filter(file => file.endsWith('.test.ts') && file !== 'complete.test.ts')
    .flatMap(file => [...readFileSync(new URL(file, folder), 'utf8').matchAll(/\(?['`](PG-T\d\d) /g)].map(match => match[1] as string)),
)

describe('the table of traps', () => {
  test('has all 66, each with what it shows or why not', () => {
    expect([...rows.keys()]).toEqual(IDS)
    for (const { by, what } of rows.values()) expect([by.length, what.length].every(n => n > 3)).toBe(true)
  })

  test('each is shown by a test that names it, or listed as not shown', () => {
    expect(IDS.filter(id => !titles.has(id))).toEqual(IDS.filter(id => rows.get(id)?.by === 'not shown'))
  })
})
