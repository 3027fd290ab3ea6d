import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration } from '../../src/kernel/index.ts'
import { lasting } from '../../src/report/page/duration.ts'
import { escapeHtml, escapeJson, renderPage } from '../../src/report/html.ts'
import { chromeTrace } from '../../src/report/trace.ts'
import { type CampaignResult, sampleOf, worstOf } from '../../src/campaign/index.ts'
import type { Told } from '../../src/report/told.ts'
import { upgradeWords } from '../../src/report/view/covered.ts'
import type { FaultKind } from '../../src/engine.ts'
import { FAULT_KINDS } from '../../src/faults/index.ts'
import { faultsNamed } from '../../src/report/view/faults.ts'
import { fakeRehearser, fakeScenario, goodRehearser } from '../campaign/fakes.ts'
import { fakeCampaign } from './fixture.ts'
import { EVIL, dataOf, empty, fleet, hostile, long, many, passing, told } from './pages.ts'

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
    ['nothing rehearsed', [empty()], ['NOTHING REHEARSED', 'No rehearsal fell into this part', 'Nothing was rehearsed.']],
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

  test('each fault that is named has its meaning, as text with the failure and in a list that its name leads to', async () => {
    const data = dataOf([told(40, 2)])
    const named = [...new Set(data.campaigns[0]!.failures.flatMap(({ schedule }) => schedule.map((words) => /^[\w-]+/.exec(words)![0])))]
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((kind) => !data.faults.some((each) => each.kind === kind && each.means.length > 20))).toEqual([])
    const html = await renderPage(data)
    const body = html.slice(html.indexOf('<body>'), html.indexOf('<script type="application/json"'))
    for (const { kind, means } of data.faults) {
      expect(body).toContain(`id="fault-${kind}"`)
      expect(body).toContain(escapeHtml(means.split('`')[0]!).replaceAll('&#39;', "'").replaceAll('&gt;', '>'))
    }
    const [, kind = '', title = ''] = /<a class="kind" href="#fault-([\w-]+)" title="([^"]+)"/.exec(body) ?? []
    expect(data.faults.find((each) => each.kind === kind)?.means.slice(0, 20)).toBe(title.slice(0, 20))
    expect(dataOf([passing()]).faults).toEqual([])
  })

  test('a fault whose name is a word of everyday language is told only where it is a name', () => {
    const [view] = dataOf([passing()]).campaigns
    const named = (sentence: string, unhit: readonly string[] = []) => faultsNamed([{ ...view!, sentence, unhit, assumptions: { head: [], rows: [{ cells: ['latency of disks'] }], notes: [] } }]).map(({ kind }) => kind)
    expect(named('the latency was low, and api-server-away')).toEqual(['api-server-away'])
    expect(named('latency of node:aks-1 for 3 s')).toEqual(['latency'])
    expect(named('', ['faults never struck: eviction, partition-pair'])).toEqual(['partition-pair', 'eviction'].toSorted((a, b) => FAULT_KINDS.indexOf(a as FaultKind) - FAULT_KINDS.indexOf(b as FaultKind)))
  })

  test('of a fleet it says whose writes stood still, the longest first; four of them are told, the rest counted', async () => {
    const { standstills } = dataOf([fleet()]).campaigns[0]!.failures[0]!
    expect(standstills.told.length).toBe(4)
    expect(standstills.told.map(({ words }) => words).join()).toMatch(/key share 80-: no writes for 1\.00 s, from 2\.0s to 3\.0s/)
    expect(standstills.told.flatMap(({ told: clauses }) => clauses.map(({ text }) => text))).toContain('tablet-0 is demoted while the fault process-kill lasts')
    expect(standstills.more).toMatch(/^\d more stops?, of 1\.00 s: key share 80-\.$/)
    expect(await renderPage(dataOf([fleet()]))).toContain('When writes stood still, the longest first')
  })

  test('campaigns with and without faults of one scenario are laid over one another', () => {
    const { campaigns } = dataOf([told(40, 2), told(40, 0)])
    expect(campaigns[0]?.distributions[0]?.series.map(({ label }) => label)).toEqual(['up to 2 faults each', 'without faults'])
    expect(new Set(campaigns.map(({ id }) => id)).size).toBe(2)
  })
})

describe('what the first screen must say', () => {
  const held = (): Told => {
    const base = fakeCampaign(40, 0, goodRehearser)
    return { result: base.result, scenario: fakeScenario, rehearsals: [], sample: sampleOf(fakeScenario, goodRehearser, base.result) }
  }

  test('a page without failures shows one rehearsal, its steps and commands, and what was not covered', async () => {
    const [view] = dataOf([held()]).campaigns
    expect(view!.verdict).toBe('held')
    expect(view!.sample?.timeline?.steps.length).toBeGreaterThan(3)
    expect(view!.sample?.tree.map(({ command }) => command)).toContain('lag-of postgres-cluster-3')
    expect(view!.notCovered[0]).toMatch(/^faults: every rehearsal was without any/)
    const html = await renderPage(dataOf([held()]))
    const body = html.slice(html.indexOf('<body>'), html.indexOf('<script type="application/json"'))
    // Before anything that can be scrolled past.
    expect(body.indexOf('Not covered')).toBeLessThan(body.indexOf('Claimed beside measured'))
    expect(body.indexOf('One rehearsal as it went')).toBeGreaterThan(0)
  })

  test('a sample is of a campaign without failures only, and of those with faults one that was struck', () => {
    const { result } = fakeCampaign(40, 0)
    expect(sampleOf(fakeScenario, fakeRehearser, result)).toBeUndefined()
    const struck = fakeCampaign(40, 2, goodRehearser).result
    expect(sampleOf(fakeScenario, goodRehearser, struck)!.rehearsal.struck).toBeGreaterThan(0)
  })

  test('the worst rehearsals can be opened from their figures, and are told like a failure', async () => {
    const base = told(40, 0)
    expect(base.worst!.length).toBeGreaterThan(0)
    const data = dataOf([base])
    const [view] = data.campaigns
    const [worst] = view!.worst
    expect(worst!.measures.map((id) => base.result.measures[id as 'writeDowntimeSeconds'].max)).toEqual(worst!.measures.map((id) => base.worst![0]!.rehearsal.measures[id as 'writeDowntimeSeconds']))
    expect(worst!.command).toMatch(/^proofroll run \S+ .*--seed 1 --first \d+ --runs 1$/)
    expect(worst!.first).not.toBeNull()
    const links = view!.measures!.rows.flatMap(({ links: all }) => Object.values(all ?? {}))
    expect(new Set(links)).toEqual(new Set(view!.worst.map(({ id }) => `#${id}`)))
    const html = await renderPage(data)
    expect(html).toContain(`id="${worst!.id}-headline"`)
    // Of one that differs little from the others there is nothing to be seen.
    const even = worstOf(fakeScenario, fakeRehearser, { ...base.result, measures: Object.fromEntries(Object.entries(base.result.measures).map(([id, each]) => [id, { ...each, p50: each.max }])) as typeof base.result.measures })
    expect(even).toEqual([])
    expect(worstOf(fakeScenario, fakeRehearser, { ...base.result, aggregate: { ...base.result.aggregate, worst: {} } })).toEqual([])
  })

  test('a runbook that mostly stops: what stopped it stands first, how sure is about that, and the rehearsal shown is one that stopped', async () => {
    const { result } = fakeCampaign(40, 0, goodRehearser)
    const stopping: CampaignResult = { ...result, verdict: 'violated', floors: [{ id: 'completes', status: 'fail', evidence: '' }], outcomes: { completed: 10, rolledBack: 0, aborted: 30, stuck: 0 }, reasons: { 'aborted: line N said no': 30 }, ending: { run: 3, outcome: 'aborted', reason: 'line 9 said no', endUs: 5e6, moments: [{ atUs: 1e6, step: 'L9', text: 'redis-cli ping', times: 1, answer: 'LOADING `now`' }] } }
    const aborting = { ...goodRehearser, rehearse: (what: Parameters<typeof goodRehearser.rehearse>[0]) => ({ ...goodRehearser.rehearse(what), ...(what.seed.endsWith('/0') ? {} : { outcome: 'aborted' as const, outcomeReason: 'line 9 said no' }) }) }
    const sample = sampleOf(fakeScenario, aborting, stopping)
    expect([sample?.run, sample?.rehearsal.outcome]).toEqual([1, 'aborted'])
    const data = dataOf([{ result: stopping, scenario: fakeScenario, rehearsals: [], sample }])
    const [view] = data.campaigns
    expect(view!.stopped.at(-1)).toBe('In run 3 the last command, at step L9, was `redis-cli ping`, and its answer `LOADING ’now’`.')
    expect(view!.facts.find(([name]) => name === 'confidence')?.[1]).toMatch(/^it did not reach its end in 30 of 40; .* 59 % to 87 % of them \(95 % sure\)\. No check failed in any$/)
    expect(view!.sample).toMatchObject({ headline: 'One rehearsal that did not reach its end', first: { what: 'the runbook ends too early' } })
    const html = await renderPage(data)
    const body = html.slice(html.indexOf('<body>'), html.indexOf('<script type="application/json"'))
    expect(body.indexOf('What stopped it')).toBeLessThan(body.indexOf('>confidence<'))
    expect(body).not.toContain('None was found')
    expect(body).not.toContain('a failure is below')
  })

  test('what is missed and no check speaks of has its own why; what a check speaks of is told once', () => {
    const base = told(40, 0)
    const missed = (measure: 'writeDowntimeSeconds' | 'lostAcknowledgedWrites') => ({ measure, at: 'p99' as const, max: 0, min: null, faults: 'any' as const, measured: 7, status: 'fail' as const })
    const [view] = dataOf([{ ...base, result: { ...base.result, objectives: [missed('writeDowntimeSeconds'), missed('lostAcknowledgedWrites')] } }]).campaigns
    expect(view!.missed.map(({ headline }) => headline)).toEqual(['It missed an objective: write downtime p99 7.00 s, wanted at most 0 s'])
    expect(view!.missed[0]!.why[0]).toMatch(/^Of all write downtime .*% passed during step/)
    expect(view!.failures.filter(({ check }) => check === 'no-false-success').every(({ follows }) => follows)).toBe(true)
  })

  test('the usual remedy is said to be untested beside each failure and on top; a scenario without these mistakes is named, but never itself', async () => {
    const base = told(40, 0)
    const corrected = (correctedBy: string): Told => ({ ...base, scenario: { ...fakeScenario, correctedBy } })
    const html = await renderPage(dataOf([corrected('wheel/fenced')]))
    const body = html.slice(html.indexOf('<body>'), html.indexOf('<script type="application/json"'))
    expect(body.split('Usual remedy, not rehearsed here').length).toBe(3)
    expect(body.split('proofroll run wheel/fenced').length).toBe(3)
    expect(dataOf([corrected(fakeScenario.name)]).campaigns[0]!.corrected).toBeNull()
    expect(dataOf([{ ...held(), scenario: { ...fakeScenario, correctedBy: 'wheel/fenced' } }]).campaigns[0]!.corrected).toBeNull()
  })

  test('a claim that was not kept is no violation', () => {
    const [view] = dataOf([held()]).campaigns
    const { result } = fakeCampaign(40, 0, goodRehearser)
    const claim = { measure: 'writeDowntimeSeconds', claimed: 0, p50: 1, p95: 1, p99: 1, max: 1, mean: 1, runsAbove: 40 }
    const claims = dataOf([{ ...held(), result: { ...result, claims: [claim], objectives: [] } }]).campaigns[0]!.claims!
    expect(claims.rows[0]!.status).toBe('over')
    expect(claims.notes.join(' ')).toMatch(/the verdict does not hang on it.*No objective of this scenario is about write downtime/s)
    expect(view!.checks.rows.find(({ cells }) => cells[0] === 'terminates')?.cells.at(-1)).toBe('below 7.2 %')
  })

  test('versions are told from what members ran to what they are to run', () => {
    const at = (atUs: number, engine: string) => ({ atUs, member: 'm', node: '', running: true, role: 'leader' as const, timeline: 1, versions: { engine, node: '1.28' } })
    const of = (targets: Record<string, string>, members: ReturnType<typeof at>[], assumed: string[] = []): string => upgradeWords({ story: { targets, members } } as never, assumed)
    expect(of({ engine: '16' }, [at(-5, '15'), at(9, '16')])).toBe('engine 15 → 16')
    expect(of({ engine: '16', node: '1.29' }, [at(-5, '15')])).toBe('engine 15 → 16; node 1.28 → 1.29')
    // What nobody stated, and nobody came to run, is no upgrade.
    expect(of({ engine: '16', node: '1.29' }, [at(-5, '15')], ['node'])).toBe('engine 15 → 16')
    expect(of({ engine: '15' }, [at(-5, '15')])).toBe('')
    expect(upgradeWords(undefined, [])).toBe('')
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
  // What Perfetto's importer asks beyond the format: it names a thread by its number alone, whatever its process; counts only with numbers; an instant of a thread has one.
  const threads = traceEvents.filter(({ name }) => name === 'thread_name').map(({ tid }) => tid)
  expect(new Set(threads).size).toBe(threads.length)
  expect(traceEvents.filter(({ ph, args }) => ph === 'C' && !Object.values(args ?? {}).every((value) => typeof value === 'number' && Number.isFinite(value)))).toEqual([])
  expect(spans.filter(({ ph, s, tid, dur }) => (ph === 'i' && (s !== 't' || tid === 0)) || (ph === 'X' && !(dur! > 0)))).toEqual([])
  expect(() => chromeTrace({ ...rehearsal!, story: undefined as never }, {})).toThrow('not recorded')
})
