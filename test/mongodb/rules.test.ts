/** The list of rules, the comments that cite them, the tests that hold them, and the README: one and the same. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { mongodb } from '../../models/mongodb/index.ts'
import { rules, rulesTable } from '../../models/mongodb/rules.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const sources = readdirSync(new URL('models/mongodb', root), { recursive: true, encoding: 'utf8' }).map(f => f.replaceAll('\\', '/')).filter(f => f.endsWith('.ts') && f !== 'rules.ts')
const listed = rules.map(r => r.id)

/** `MG-FOLLOW-1…3` names three rules; traps (MG-T12) have no second hyphen. */
const cited = (text: string): string[] =>
  [...text.matchAll(/\b(MG-[A-Z]+)-(\d+)(?:…(\d+))?/g)].flatMap(([, stem, from, to]) => Array.from({ length: Number(to ?? from) - Number(from) + 1 }, (_, i) => `${stem}-${Number(from) + i}`))

it('every citation in the model is a rule, and no rule is listed twice', () => {
  expect(new Set(listed).size).toBe(listed.length)
  expect([...new Set(sources.flatMap(f => cited(read(`models/mongodb/${f}`))))].filter(id => !listed.includes(id)).sort()).toEqual([])
})

it('rules are numbered without gaps', () => {
  const next = new Map<string, number>()
  for (const id of listed) {
    const stem = id.slice(0, id.lastIndexOf('-'))
    const n = (next.get(stem) ?? 0) + 1
    next.set(stem, n)
    expect(id).toBe(`${stem}-${n}`)
  }
})

it('every test of a rule exists and names it', () => {
  expect(rules.filter(r => !existsSync(new URL(r.test, root)) || !cited(read(r.test)).includes(r.id)).map(r => `${r.id} in ${r.test}`)).toEqual([])
})

it('README.md prints the list', () => {
  const table = read('models/mongodb/README.md').split('\n').filter(line => /^\| (?:rule|MG-[A-Z]+-\d+) |^\|---\|---\|---\|---\|$/.test(line)).join('\n')
  expect(table).toBe(rulesTable())
})

it('every default that may differ has a range around it', () => {
  const options = mongodb.options.parse({})
  const all = mongodb.assumptions({}, options)
  expect(all.length).toBeGreaterThan(60)
  for (const { option, range, source, meaning } of all) {
    expect([option, source.length > 0, meaning.length > 0]).toEqual([option, true, true])
    if (range?.low !== undefined) expect(range.low).toBeLessThanOrEqual(range.high)
  }
})
