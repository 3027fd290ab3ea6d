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

/** The tests of all scenarios: each names the traps it shows in its title. */
const titles = readdirSync(new URL('../../scenarios', import.meta.url)).map(file => read(`../../scenarios/${file}`)).join('\n')

test('each trap is shown by a test that names it, or listed with the reason', () => {
  expect([...rows.keys()]).toEqual([...ids('BG-T', 42), ...ids('PG-S', 22)])
<<<<<<< HEAD
  const named = new Set([...titles.matchAll(/test\('(?:[^']*?)((?:(?:BG-T|PG-S)\d\d(?:, O9|, )?)+)/g)].flatMap(match => [...(match[1] as string).matchAll(/(?:BG-T|PG-S)\d\d/g)].map(id => id[0])))
=======
  const files = ['../../scenarios/blue-green.test.ts', ...readdirSync(new URL('../../application', import.meta.url)).filter(file => file.endsWith('.test.ts')).map(file => `../../application/${file}`)]
  const titles = files.flatMap(file => [...read(file).matchAll(/(?:test|describe)\('([^']*)'/g)].map(match => match[1] as string))
  const named = new Set(titles.flatMap(title => [...title.matchAll(/(?:BG-T|PG-S)\d\d/g)].map(id => id[0])))
>>>>>>> c4922f4 (An application between its clients and two databases: dual writes, flags, a canary, backfill and checksum jobs, on rows of a sample of keys; the documented dual-write migration)
  expect([...named].sort()).toEqual([...rows].filter(([, { by }]) => by === 'shown').map(([id]) => id).sort())
  for (const { what } of rows.values()) expect(what.length).toBeGreaterThan(5)
})
