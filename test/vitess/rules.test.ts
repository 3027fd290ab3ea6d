/** The list of rules, the comments that cite them, the tests that hold them, and the README: one and the same. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { rules, rulesTable } from '../../models/vitess/rules.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const sources = readdirSync(new URL('models/vitess', root), { recursive: true, encoding: 'utf8' }).map(f => f.replaceAll('\\', '/')).filter(f => f.endsWith('.ts') && f !== 'rules.ts')

/** `VT-OP-1…3` names three rules. Traps (VT-T12) and facts (VT-F15) have no second hyphen. */
function cited(text: string): string[] {
  return [...text.matchAll(/\b(VT-[A-Z]+)-(\d+)(?:…(\d+))?/g)].flatMap(([, stem, from, to]) => Array.from({ length: Number(to ?? from) - Number(from) + 1 }, (_, i) => `${stem}-${Number(from) + i}`))
}

it('every rule is cited in the model, and every citation is a rule', () => {
  const inModel = new Set(sources.flatMap(f => cited(read(`models/vitess/${f}`))))
  const listed = rules.map(r => r.id)
  expect(new Set(listed).size).toBe(listed.length)
  expect([...inModel].filter(id => !listed.includes(id)).sort()).toEqual([])
  expect(listed.filter(id => !inModel.has(id))).toEqual([])
})

it('rules are numbered without gaps', () => {
  const next = new Map<string, number>()
  for (const { id } of rules) {
    const stem = id.slice(0, id.lastIndexOf('-'))
    const n = (next.get(stem) ?? 0) + 1
    next.set(stem, n)
    expect(id).toBe(`${stem}-${n}`)
  }
})

it('every test of a rule exists and names it', () => {
  const missing = rules.filter(r => !existsSync(new URL(r.test, root)) || !cited(read(r.test)).includes(r.id))
  expect(missing.map(r => `${r.id} in ${r.test}`)).toEqual([])
})

it('README.md prints the list', () => {
  const readme = read('models/vitess/README.md')
  const table = readme.split('\n').filter(line => /^\| (?:rule|VT-[A-Z]+-\d+) |^\|---\|---\|---\|---\|$/.test(line)).join('\n')
  expect(table).toBe(rulesTable())
})
