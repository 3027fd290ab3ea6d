/** What others read is held to their rules: the page by html-validate, Markdown by marked, JUnit by the common schema's structure, a trace by its format. */
import { HtmlValidate } from 'html-validate/node'
import { marked, type Token, type Tokens } from 'marked'
import { describe, expect, test } from 'vitest'
import { renderPage } from '../../src/report/html.ts'
import { renderJUnit } from '../../src/report/junit.ts'
import { renderMarkdown } from '../../src/report/markdown.ts'
import { chromeTrace } from '../../src/report/trace.ts'
import { type Told, storiesOf } from '../../src/report/told.ts'
import { renderStory } from '../../src/report/story.ts'
import { PLAIN } from '../../src/report/text.ts'
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

/** Of the schema that Jenkins publishes (`jenkins-junit.xsd`) what elements a file may hold: attributes, those of them required, children. */
const JUNIT: Readonly<Record<string, { readonly may: readonly string[]; readonly must: readonly string[]; readonly children: readonly string[] }>> = {
  testsuites: { may: ['name', 'time', 'tests', 'failures', 'disabled', 'errors'], must: [], children: ['testsuite'] },
  testsuite: { may: ['name', 'tests', 'failures', 'errors', 'time', 'disabled', 'skipped', 'timestamp', 'hostname', 'id', 'package'], must: ['name', 'tests'], children: ['properties', 'testcase', 'system-out', 'system-err'] },
  properties: { may: [], must: [], children: ['property'] },
  property: { may: ['name', 'value'], must: ['name', 'value'], children: [] },
  testcase: { may: ['name', 'assertions', 'time', 'classname', 'status'], must: ['name'], children: ['skipped', 'error', 'failure', 'system-out', 'system-err'] },
  failure: { may: ['type', 'message'], must: [], children: [] },
  skipped: { may: ['message', 'type'], must: [], children: [] },
}

/** Reads XML as strictly as we need: tags that match, attributes in double quotes, no bare `<` or `&`, no control characters. @returns element, its parent, its attributes */
function readXml(xml: string): { readonly name: string; readonly parent: string; readonly attributes: Readonly<Record<string, string>> }[] {
  const found: ReturnType<typeof readXml> = []
  const open: string[] = []
  const rest = xml.replace('<?xml version="1.0" encoding="UTF-8"?>\n', '').replace(/<(\/?)([a-z-]+)((?:\s+[a-z]+="[^"<]*")*)(\/?)>/g, (_, closing: string, name: string, attributes: string, empty: string) => {
    if (closing !== '') expect(open.pop()).toBe(name)
    else {
      found.push({ name, parent: open.at(-1) ?? '', attributes: Object.fromEntries([...attributes.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])) })
      if (empty === '') open.push(name)
    }
    return ''
  })
  expect(open).toEqual([])
  expect(/[<]|&(?!(?:amp|lt|gt|quot|apos|#\d+);)|[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.exec(rest + found.map(({ attributes }) => Object.values(attributes).join('')).join(''))?.[0]).toBeUndefined()
  return found
}

test.each(CAMPAIGNS)('JUnit is as the common schema wants: %s', (_, all) => {
  const elements = readXml(renderJUnit(all.map(({ result }) => result)))
  expect(elements[0]?.name).toBe('testsuites')
  for (const { name, parent, attributes } of elements) {
    const rule = JUNIT[name]
    if (rule === undefined) throw new Error(`no element ${name} in the schema`)
    expect(parent === '' || JUNIT[parent]?.children.includes(name), `${name} in ${parent}`).toBe(true)
    expect(Object.keys(attributes).filter((key) => !rule.may.includes(key)), name).toEqual([])
    expect(rule.must.filter((key) => !(key in attributes)), name).toEqual([])
    for (const key of ['tests', 'failures', 'errors', 'skipped']) if (key in attributes) expect(attributes[key]).toMatch(/^\d+$/)
    if ('time' in attributes) expect(attributes['time']).toMatch(/^\d+(\.\d+)?$/)
  }
  const sum = (key: string): number => elements.filter(({ name }) => name === 'testsuite').reduce((total, { attributes }) => total + Number(attributes[key]), 0)
  const counted = (element: string): number => elements.filter(({ name }) => name === element).length
  expect([sum('tests'), sum('failures'), sum('skipped')]).toEqual([counted('testcase'), counted('failure'), counted('skipped')])
})

/** What the Trace Event Format asks of each phase that we write. */
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
