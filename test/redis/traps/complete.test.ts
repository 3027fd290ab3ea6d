/** The list of traps is whole: every id of facts §6.1 and §6.3 is in the README, and in a test's title unless the README says why it is not shown. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const folder = new URL('./', import.meta.url)
const ids = (stem: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${stem}-T${String(i + 1).padStart(2, '0')}`)
const IDS = [...ids('RD', 27), ...ids('EM', 9)]
const rows = new Map(readFileSync(new URL('README.md', folder), 'utf8').split('\n').filter(line => /^\| (RD|EM)-T/.test(line)).map(line => line.split('|').map(cell => cell.trim())).map(([, id = '', by = '', what = '']) => [id, { by, what }] as const))
const titles = new Set(['./', '../'].flatMap(dir => readdirSync(new URL(dir, folder)).filter(file => file.endsWith('.test.ts') && file !== 'complete.test.ts').flatMap(file => [...readFileSync(new URL(`${dir}${file}`, folder), 'utf8').matchAll(/'((?:RD|EM)-T\d\d) /g)].map(match => match[1] as string))))

test('all are listed, each with what it shows or why not', () => {
  expect([...rows.keys()]).toEqual(IDS)
  for (const { by, what } of rows.values()) expect(by.length > 3 && what.length > 3).toBe(true)
})

test('each is shown by a test that names it, or listed as not shown', () => {
  expect(IDS.filter(id => !titles.has(id))).toEqual(IDS.filter(id => rows.get(id)?.by === 'not shown'))
})
