/** What others read is held to their rules: the page by html-validate, Markdown by marked, JUnit by libxml2 and a schema, a trace by its format. */
import { readFileSync } from 'node:fs'
import { HtmlValidate } from 'html-validate/node'
import { marked, type Token, type Tokens } from 'marked'
import { describe, expect, test } from 'vitest'
import { validateXML } from 'xmllint-wasm'
import { renderPage } from '../../src/report/html.ts'
import { renderJUnit } from '../../src/report/junit.ts'
import { renderMarkdown } from '../../src/report/markdown.ts'
import { chromeTrace } from '../../src/report/trace.ts'
import { type Told, storiesOf } from '../../src/report/told.ts'
import { renderStory } from '../../src/report/story.ts'
import { PLAIN } from '../../src/report/text.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { dataOf, empty, hostile, many, passing, told } from './pages.ts'

const PIPES = 'a | b \\| c `d` *e* <img src=x> [f](g) &amp; \n# h'

/** Names with all that a table, a heading or a tag could stumble over. */
function piped(): Told {
  const base = told(30, 0)
  const { result } = base
  return { ...base, result: { ...result, scenario: PIPES, gates: result.gates.map((gate) => ({ ...gate, step: PIPES })), counterexamples: result.counterexamples.map((each) => ({ ...each, step: PIPES, replay: PIPES })) } }
}

const CAMPAIGNS: readonly (readonly [string, readonly Told[]])[] = [
  ['a failure', [told(40, 0)]], ['hostile names', [hostile()]], ['pipes in names', [piped()]], ['nothing rehearsed', [empty()]], ['no failure', [passing()]], ['fifty failures', [many()]], ['with faults and without', [told(40, 2), told(40, 0)]], ['none', []],
]

test.each(CAMPAIGNS)('HTML validates: %s', async (_, all) => {
  // Only which quotes and how tags are closed is a matter of taste; `standard` judges neither.
  const report = await new HtmlValidate({ root: true, extends: ['html-validate:standard'] }).validateString(await renderPage(dataOf(all)))
  expect(report.results.flatMap(({ messages }) => messages.map(({ ruleId, message, selector }) => `${ruleId}: ${message} at ${selector ?? '?'}`)).slice(0, 10)).toEqual([])
}, 30_000)

test('the validator finds what is wrong in a page', async () => {
  const page = (await renderPage(dataOf([told(10, 0)]))).replace('<main id="main">', '<main id="main"><div id="main"></div><p><div></div></p><ul><p>no item</p></ul>')
  const report = await new HtmlValidate({ root: true, extends: ['html-validate:standard'] }).validateString(page)
  const found = new Set(report.results.flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId)))
  expect(['no-dup-id', 'element-permitted-content'].filter((rule) => !found.has(rule))).toEqual([])
}, 30_000)

describe('Markdown renders', () => {
  const tokensOf = (all: readonly Told[]): { text: string; tokens: Token[] } => {
    const stories = new Map(all.map((each) => [each.result.scenario, storiesOf(each).slice(0, 1).flatMap((story) => renderStory(story, PLAIN))]))
    const text = renderMarkdown(all.map(({ result }) => result), stories)
    return { text, tokens: marked.lexer(text, { gfm: true }) }
  }

  test.each(CAMPAIGNS.slice(0, -1))('%s', (_, all) => {
    const { text, tokens } = tokensOf(all)
    const tables = tokens.filter((token): token is Tokens.Table => token.type === 'table')
    // Each line of dashes under a head is a table that was understood, and every row of it has as many cells as written: the parser drops what is too much.
    expect(tables.length).toBe([...text.matchAll(/^\|(?:---\|)+$/gm)].length)
    expect(tables.length).toBeGreaterThan(0)
    for (const { raw, header, rows } of tables) {
      const lines = raw.trim().split('\n')
      expect(rows.length).toBe(lines.length - 2)
      for (const line of lines) expect(line.replace(/\\[\\|]/g, '').split('|').length - 2, line).toBe(header.length)
    }
    expect(tokens.filter(({ type }) => type === 'heading').length).toBe(text.replace(/^```text$[\s\S]*?^```$/gm, '').match(/^#{2,3} /gm)?.length)
    // Nothing that a user writes becomes a tag.
    const html = marked.parse(text, { gfm: true, async: false })
    expect(html.match(/<(?:img|script|iframe|b)[\s>]/gi)).toBeNull()
  })
})

const SCHEMA = readFileSync(new URL('junit.xsd', import.meta.url), 'utf8')

/** What libxml2 has to say against a file, by the schema. */
async function complaintsAbout(xml: string): Promise<readonly string[]> {
  const { valid, errors } = await validateXML({ xml: [{ fileName: 'junit.xml', contents: xml }], schema: [{ fileName: 'junit.xsd', contents: SCHEMA }] })
  return valid ? [] : errors.map(({ rawMessage }) => rawMessage)
}

test.each(CAMPAIGNS)('JUnit is valid by the schema of CI systems, and its sums are right: %s', async (_, all) => {
  const xml = renderJUnit(all.map(({ result }) => result))
  expect(await complaintsAbout(xml)).toEqual([])
  // A schema cannot count.
  const counted = (pattern: RegExp): number => xml.match(pattern)?.length ?? 0
  const sum = (key: string): number => [...xml.matchAll(new RegExp(`<testsuite [^>]*?\\b${key}="(\\d+)"`, 'g'))].reduce((total, [, n]) => total + Number(n), 0)
  expect([sum('tests'), sum('failures'), sum('skipped')]).toEqual([counted(/<testcase /g), counted(/<failure /g), counted(/<skipped /g)])
}, 30_000)

test('the schema finds what is wrong in a JUnit file', async () => {
  const xml = renderJUnit([told(10, 0).result])
  const wrong = [['errors="0" ', ''], ['<properties>', '<properties><testcase name="a"/>'], ['<testcase ', '<testcase colour="red" '], [' tests="', ' tests="about '], ['</testsuites>', '</testsuite>'], ['<testcase classname="', '<testcase classname="<']]
  for (const [right = '', spoiled = ''] of wrong) {
    expect(xml).toContain(right)
    expect((await complaintsAbout(xml.replace(right, spoiled))).length, spoiled).toBeGreaterThan(0)
  }
}, 30_000)

/**
 * What the Trace Event Format asks of each phase that we write. There is no published schema file; Perfetto itself reads such traces by this document,
 * and refuses nothing but broken JSON: what it does not like it counts as an error of the trace (`json_parser_failure`) or draws wrongly.
 */
const PHASES: Readonly<Record<string, { readonly must: readonly string[]; readonly may: readonly string[] }>> = {
  X: { must: ['name', 'cat', 'ph', 'ts', 'dur', 'pid', 'tid'], may: ['args'] },
  i: { must: ['name', 'cat', 'ph', 'ts', 'pid', 'tid', 's'], may: ['args'] },
  C: { must: ['name', 'ph', 'ts', 'pid', 'args'], may: ['tid', 'cat'] },
  M: { must: ['name', 'ph', 'pid', 'args'], may: ['tid', 'ts'] },
}

test('a trace has the fields that the format asks of each phase', () => {
  for (const rehearsal of [...told(20, 0).rehearsals, ...hostile().rehearsals]) {
    const trace = JSON.parse(JSON.stringify(chromeTrace(rehearsal, { seed: '1' }))) as { displayTimeUnit: string; traceEvents: Record<string, unknown>[] }
    expect(['ms', 'ns']).toContain(trace.displayTimeUnit)
    expect(trace.traceEvents.filter(({ ph, dur }) => ph === 'X' && !((dur as number) > 0))).toEqual([])
    for (const event of trace.traceEvents) {
      const rule = PHASES[String(event['ph'])]
      if (rule === undefined) throw new Error(`no phase ${String(event['ph'])}`)
      expect(rule.must.filter((key) => !(key in event)), JSON.stringify(event)).toEqual([])
      expect(Object.keys(event).filter((key) => !rule.must.includes(key) && !rule.may.includes(key))).toEqual([])
      for (const key of ['ts', 'dur', 'pid', 'tid']) if (key in event) expect(Number.isFinite(event[key]) && (event[key] as number) >= 0, `${key} of ${JSON.stringify(event)}`).toBe(true)
      if (event['ph'] === 'C') for (const value of Object.values(event['args'] as object)) expect(typeof value).toBe('number')
      if (event['ph'] === 'M') expect(['process_name', 'process_sort_index', 'thread_name']).toContain(event['name'])
      if (event['ph'] === 'i') expect(['g', 'p', 't']).toContain(event['s'])
    }
  }
})

/** Perfetto draws complete events of one thread as a stack: those that overlap without one being inside the other are drawn wrongly (its FAQ). */
test('complete events of a thread nest, of every sort of rehearsal', () => {
  for (const rehearsal of [...told(40, 3).rehearsals, ...told(20, 0).rehearsals, ...hostile().rehearsals, overlapping()]) {
    const threads = new Map<string, { ts: number; end: number; name: string }[]>()
    for (const { ph, pid, tid, ts, dur = 0, name } of chromeTrace(rehearsal, { seed: '1' }).traceEvents) {
      if (ph === 'X') threads.set(`${pid}/${tid}`, [...(threads.get(`${pid}/${tid}`) ?? []), { ts, end: ts + dur, name }])
    }
    for (const events of threads.values()) {
      const open: { end: number; name: string }[] = []
      for (const event of events.sort((a, b) => a.ts - b.ts || b.end - a.end)) {
        while (open.length > 0 && open.at(-1)!.end <= event.ts) open.pop()
        expect(open.length === 0 || event.end <= open.at(-1)!.end, `${event.name} within ${open.at(-1)?.name}`).toBe(true)
        open.push(event)
      }
    }
  }
})

/** Two faults on one target and two windows of one sort, each pair half over one another. */
function overlapping(): RehearsalResult {
  const [base] = told(20, 0).rehearsals
  const fault = { kind: 'partition', target: 'm-0', struck: true, why: '', words: '' }
  const window = { is: 'writesDown' as const, open: false, who: 'clients' }
  return { ...base!, story: { ...base!.story!, faults: [{ ...fault, atUs: 1e6, endUs: 5e6 }, { ...fault, atUs: 3e6, endUs: 9e6 }], windows: [{ ...window, fromUs: 2e6, toUs: 4e6 }, { ...window, fromUs: 3e6, toUs: 6e6 }] } }
}
