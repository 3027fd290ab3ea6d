import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration } from '../../src/kernel/index.ts'
import { lasting } from '../../src/report/page/duration.ts'
import { escapeHtml, escapeJson, renderPage } from '../../src/report/html.ts'
import { chromeTrace } from '../../src/report/trace.ts'
import { EVIL, dataOf, empty, hostile, long, many, passing, told } from './pages.ts'

/** How often a tag is opened and closed in a text. */
function tags(html: string, name: string): [number, number] {
  return [html.match(new RegExp(`<${name}[\\s>]`, 'gi'))?.length ?? 0, html.match(new RegExp(`</${name}>`, 'gi'))?.length ?? 0]
}

describe('the page as text', () => {
  test('says the verdict, the claims and the failure without its program, and asks nobody for anything', async () => {
    const html = await renderPage(dataOf([told(40, 0)]))
    const body = html.slice(html.indexOf('<body>'), html.indexOf('<script type="application/json"'))
    expect(['VIOLATED', 'Claimed beside measured', 'lost acknowledged writes', 'What went wrong', 'What would avoid it', 'proofroll r'].filter((words) => !body.includes(words))).toEqual([])
    expect(/(?:src|href)="?https?:|url\(https?:|@import/.exec(html)?.[0]).toBeUndefined()
    expect(html.length).toBeLessThan(1_000_000)
  })

  test('is made of balanced tags, with one id each', async () => {
    const html = await renderPage(dataOf([told(40, 0), passing()]))
    const body = html.slice(html.indexOf('<body>'), html.indexOf('<script type="application/json"'))
    for (const name of ['table', 'tr', 'td', 'th', 'section', 'article', 'svg', 'g', 'dl', 'div', 'p', 'ul', 'ol', 'li', 'button', 'details']) expect([name, ...tags(body, name)]).toEqual([name, tags(body, name)[0], tags(body, name)[0]])
    const ids = [...body.replaceAll(/<defs>.*?<\/defs>/gs, '').matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
  })

  test('holds the data it was made from, whatever its texts say', async () => {
    const data = dataOf([hostile()])
    const html = await renderPage(data)
    expect(tags(html, 'script')).toEqual([2, 2])
    expect(html.includes('<img src=x')).toBe(false)
    expect(html.match(/<title>[^<]*<\/title>/)?.[0]).toContain('&lt;/script&gt;')
    const embedded = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? ''
    expect(JSON.parse(embedded)).toEqual(JSON.parse(JSON.stringify(data)))
  })

  test.each([
    ['nothing rehearsed', [empty()], ['NOTHING REHEARSED', 'No rehearsal fell into this part', 'None was found']],
    ['one run', [told(1, 0)], ['1, without faults']],
    ['no failure', [passing()], ['HELD', 'None was found', 'Nothing failed in 40']],
    ['fifty failures', [many()], ['50 ways it failed', 'cause-49']],
    ['no result at all', [], ['There is no result to show']],
  ] as const)('is sensible with %s', async (_, all, wanted) => {
    const html = await renderPage(dataOf(all))
    const shown = html.slice(html.indexOf('<body>'), html.indexOf('<script type="application/json"'))
    expect(wanted.filter((words) => !shown.includes(words))).toEqual([])
    expect(/\bundefined\b|NaN/.exec(shown)?.[0]).toBeUndefined()
    expect(html.length).toBeLessThan(1_000_000)
  })

  test('of 100,000 events it says what was left out, loses no peak and no error, and stays small', async () => {
    const data = dataOf([long()])
    const [timeline] = data.campaigns.flatMap(({ failures }) => failures.map((failure) => failure.timeline!))
    expect(timeline!.leftOut.map((words) => words.replace(/^[\d,]+ /, '')).sort()).toEqual(['client changes', 'commands', 'lag points', 'member changes', 'quorum changes', 'step visits'])
    expect(timeline!.leftOut).toContain('4,880 commands')
    expect(Math.max(...timeline!.members.flatMap(({ lag }) => lag.map(([, seconds]) => seconds ?? 0)))).toBe(99)
    expect(timeline!.clients.some(({ spans }) => spans.some(({ is }) => is === 'error'))).toBe(true)
    // What is drawn together covers the same time: no hole, no overlap.
    for (const { spans } of [...timeline!.clients, ...timeline!.members]) expect(spans.slice(1).filter(({ fromUs }, i) => fromUs !== spans[i]!.toUs)).toEqual([])
    const html = await renderPage(data)
    expect(html).toMatch(/Left out or drawn together with its neighbours: [^.]*4,880 commands/)
    expect(html.length).toBeLessThan(4_000_000)
  })

  test('campaigns with and without faults of one scenario are laid over one another', () => {
    const { campaigns } = dataOf([told(40, 2), told(40, 0)])
    expect(campaigns[0]?.distributions[0]?.series.map(({ label }) => label)).toEqual(['up to 2 faults each', 'without faults'])
    expect(new Set(campaigns.map(({ id }) => id)).size).toBe(2)
  })
})

test('the page tells durations as everything else does', () => {
  fc.assert(fc.property(fc.oneof(fc.integer({ min: 0, max: 2_000_000 }), fc.integer({ min: 0, max: 1e12 })), (us) => {
    expect(lasting(us)).toBe(formatDuration(us))
  }))
})

test('escaped text cannot leave its place', () => {
  expect(escapeHtml(`<a b="c" d='e'>&`)).toBe('&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;')
  expect(escapeJson({ a: EVIL })).not.toMatch(/<|\u2028/)
  expect(JSON.parse(escapeJson({ a: EVIL }))).toEqual({ a: EVIL })
})

test('a trace has every span inside the rehearsal, every thread named, and times in order', () => {
  const [rehearsal] = told(10, 0).rehearsals
  const { traceEvents } = chromeTrace(rehearsal!, { seed: '1' })
  const named = new Set(traceEvents.filter(({ name }) => name === 'thread_name').map(({ pid, tid }) => `${pid}/${tid}`))
  const spans = traceEvents.filter(({ ph }) => ph !== 'M')
  expect(spans.length).toBeGreaterThan(10)
  for (const { ph, ts, dur = 0, pid, tid, name } of spans) {
    expect(name).not.toBe('')
    expect(named.has(`${pid}/${tid}`)).toBe(true)
    expect(ts).toBeGreaterThanOrEqual(0)
    if (ph === 'X') expect(ts + dur).toBeLessThanOrEqual(Math.max(rehearsal!.simulatedUs, ts) + 1e9)
  }
  expect(spans.map(({ ts }) => ts)).toEqual(spans.map(({ ts }) => ts).sort((a, b) => a - b))
  expect(() => chromeTrace({ ...rehearsal!, story: undefined as never }, {})).toThrow('not recorded')
})
