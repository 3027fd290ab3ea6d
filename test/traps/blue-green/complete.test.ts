/** The list of the blue/green traps is whole: every id has a row, and every row that says "shown" a test that names it. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const rows = new Map(
  read('README.md')
    .split('\n')
    .filter(line => /^\| (?:BG-T|PG-S)/.test(line))
    .map(line => line.split('|').map(cell => cell.trim()))
    .map(([, id = '', by = '', what = '']) => [id, { by, what }] as const),
)
const ids = (stem: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${stem}${String(i + 1).padStart(2, '0')}`)

/** The titles of the tests of scenarios and of the application: each names the traps it shows. */
const titles = ['../../scenarios', '../../application'].flatMap(folder =>
  readdirSync(new URL(folder, import.meta.url))
    .filter(file => file.endsWith('.test.ts'))
    .flatMap(file => [...read(`${folder}/${file}`).matchAll(/(?:test|describe)\('([^']*)'/g)].map(match => match[1] as string)),
)

test('each trap is shown by a test that names it, or listed with the reason', () => {
  expect([...rows.keys()]).toEqual([...ids('BG-T', 42), ...ids('PG-S', 22)])
  const named = new Set(titles.flatMap(title => [...title.matchAll(/(?:BG-T|PG-S)\d\d/g)].map(id => id[0])))
  expect([...named].sort()).toEqual([...rows].filter(([, { by }]) => by === 'shown').map(([id]) => id).sort())
  for (const { what } of rows.values()) expect(what.length).toBeGreaterThan(5)
})
