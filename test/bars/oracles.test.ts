/** The list of oracles and published figures is whole, and each that is held is named by a test where the list says so. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const rows = read('oracles.md').split('\n').filter(line => /^\| (?:O|PF)\d/.test(line)).map(line => line.split('|').map(cell => cell.trim()))
const IDS = [...Array.from({ length: 11 }, (_, i) => `O${i + 1}`), ...['01', '02', '04', '05', '07', '08', '10', '11', '13', '14', '16', '17', '19', '20', '22', '23', '25', '26', '28', '29', '31'].map(n => `PF${n}`)]

test('each oracle and figure is held by a test that names it, or listed with the reason', () => {
  expect(rows.map(([, id]) => id)).toEqual(IDS)
  for (const [, id = '', by = '', what = ''] of rows) {
    expect(what.length, id).toBeGreaterThan(20)
    if (by === 'not held') continue
    const titles = [...read(`../${by}.test.ts`).matchAll(/(?:test|it|describe)(?:\.each\([\s\S]*?\))?\(\s*'([^']*)'/g)].map(([, title = '']) => title)
    // O6 is the figures that it names.
    const named = id === 'O6' ? ['PF19', 'PF20'] : [id]
    for (const name of named) expect(titles.some(title => new RegExp(`\\b${name}\\b`).test(title)), `${id} in ${by}`).toBe(true)
  }
})
