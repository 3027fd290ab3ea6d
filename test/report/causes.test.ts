/** What stands beside the ids of causes, and where a failure begins on its time axis. */
import { readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { CAUSE_IDS, causeNamed, causeWords } from '../../src/report/causes.ts'
import { clauseWords, evidenceWords, newClauses, repeats } from '../../src/report/evidence.ts'
import { firstOf, unnoticedOf } from '../../src/report/first.ts'
import { remedyFor } from '../../src/report/remedies.ts'
import type { GateRecord, StoryLoss, StoryWindow } from '../../src/result.ts'
import { told } from './pages.ts'

/** Every cause that a check or a model can give, as its source has it. */
function causesInSource(): string[] {
  const files = ['src/checks', 'models/application'].flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.ts')).map((name) => readFileSync(`${folder}/${name}`, 'utf8')))
  const found = files.flatMap((text) => [/cause: '([a-z-]+)'/g, /^ \* \| ([a-z-]+) \| (?!most)/gm, /\bfail\(ID, .*'([a-z]+(?:-[a-z]+)+)', chain/g, /return '([a-z]+(?:-[a-z]+)+)'$/gm, /\? '([a-z]+(?:-[a-z]+)+)' :/g].flatMap((pattern) => [...text.matchAll(pattern)].map(([, id = '']) => id)))
  const others = ['cause', 'fault', 'runbook', 'no-acknowledged-write-lost', 'serves-at-end']
  return [...new Set(found)].filter((id) => !others.includes(id))
}

describe('causes', () => {
  test('each that there is has a sentence and advice, and no sentence has an id that there is not', () => {
    const all = causesInSource()
    expect(all.length).toBeGreaterThan(25)
    expect(all.filter((id) => !CAUSE_IDS.includes(id))).toEqual([])
    expect(CAUSE_IDS.filter((id) => remedyFor(id) === undefined)).toEqual([])
    for (const id of CAUSE_IDS) expect(causeNamed(id)).toBe(`${causeWords(id)} (${id})`)
  })

  test('an engine’s own words stand behind the general ones, and are about causes that there are', () => {
    for (const { name, remedies = {} } of engines) for (const cause of Object.keys(remedies)) {
      expect(CAUSE_IDS, name).toContain(cause)
      expect(remedyFor(cause, remedies)).toBe(`${remedyFor(cause)} ${remedies[cause]}`)
      expect(remedies[cause]).toMatch(/^Here: .*`.*\.$/)
    }
    expect(engines.find(({ name }) => name === 'mongodb')?.remedies?.['unreplicated-tail']).toContain('rs.stepDown()')
    expect(remedyFor('mine', { mine: 'Do it.' })).toBe('Do it.')
  })

  test('of an objective the measure is named; a cause that nobody knows stands as it is', () => {
    expect(causeNamed('lostAcknowledgedWrites')).toBe('its acknowledged writes lost came out beyond what is allowed')
    expect(causeNamed('mine')).toBe('mine')
  })
})

describe('evidence', () => {
  test('what checks call by id has its name', () => {
    expect(evidenceWords('objectives-met', 'writeDowntimeSeconds 158.7 (p99 ≤ 30); lostAcknowledgedWrites 592 (max ≤ 0)')).toBe('write downtime 2m 39s (wanted: p99 at most 30.0 s); acknowledged writes lost 592 (wanted: max at most 0)')
    expect(evidenceWords('no-false-success', 'completed, although: target-reached (All 6 have engine 7); converges (completed, but x)')).toBe('completed, although it had members not on the target version (All 6 have engine 7); did not come back to one healthy cluster (completed, but x)')
    expect(evidenceWords('no-acknowledged-write-lost', '10 of 99 are lost (behind-candidate 4, overlap 1,006): on no copy')).toBe('10 of 99 are lost (4 because the member that was promoted lacked the last writes, and one that had them could be reached; 1,006 because another member was promoted while the old leader still took writes): on no copy')
    expect(clauseWords('lostAcknowledgedWrites came to 592')).toBe('acknowledged writes lost came to 592')
    expect(clauseWords('hot-3 became so (interleaved)')).toBe('hot-3 became so: the two databases got writes to one row in different orders')
  })

  test('words of users stay as they are', () => {
    fc.assert(fc.property(fc.string(), (text) => evidenceWords('converges', text) === text))
    expect(evidenceWords('objectives-met', 'mine 3 (max ≤ 1)')).toBe('mine 3 (max ≤ 1)')
    expect(evidenceWords('no-acknowledged-write-lost', 'x (mine 4, overlap 2): y')).toBe('x (mine 4, overlap 2): y')
  })

  test('a clause that only repeats the evidence is not told again; one that says more is, and the last is never dropped', () => {
    const evidence = 'm-3 and m-0 could each acknowledge writes, 8.887 s in 2 stretches; 464 writes acknowledged on losing branches'
    const again = { text: 'm-3 and m-0 could each acknowledge a write from 01:57.244 until 02:05.211' }
    const more = { text: 'm-0 started as a leader' }
    expect(newClauses(evidence, [again, more])).toEqual({ effect: again, rest: [more] })
    expect(newClauses(evidence, [more, again])).toEqual({ effect: undefined, rest: [more, again] })
    expect(newClauses(evidence, [again])).toEqual({ effect: undefined, rest: [again] })
    expect(repeats(evidence, 'the history that counts lacks them')).toBe(false)
    expect(repeats(evidence, '')).toBe(false)
  })
})

describe('where a failure begins', () => {
  const base = told(10, 0)
  const [rehearsal] = base.rehearsals
  const window = (is: StoryWindow['is'], fromUs: number, toUs: number, open = false): StoryWindow => ({ is, fromUs, toUs, open, who: '' })
  const loss = (fromUs: number, inherent = false): StoryLoss => ({ writes: 1, inherent, fate: 'stranded', holders: [], leader: 'm', fromUs, toUs: fromUs + 1, timeline: 1 })
  const run = {
    ...rehearsal!,
    outcome: 'completed' as const,
    measures: { ...rehearsal!.measures, durationSeconds: 90 },
    story: { ...rehearsal!.story!, windows: [window('writesDown', 5e6, 6e6), window('writesDown', 20e6, 40e6), window('writesDown', 70e6, 85e6, true), window('split', 8e6, 9e6), window('mixed', 3e6, 4e6)], losses: [loss(2e6, true), loss(50e6), loss(30e6)] },
  }
  const because = [{ atUs: 99e6, text: 'the effect' }, { atUs: 30e6, text: 'the second' }, { atUs: 12e6, text: 'the third', step: 'restart' }, { atUs: -5, text: 'before all' }]
  const first = (check: string, cause = '', from = run) => firstOf({ counterexample: { check: check as never, cause, because }, rehearsal: from })
  const at = (check: string, cause = '') => (first(check, cause)?.atUs ?? Number.NaN) / 1e6

  test('is an instant of that very failure, not of whatever goes wrong first', () => {
    expect(at('no-acknowledged-write-lost')).toBe(30)
    expect(at('serves-at-end')).toBe(70)
    expect(at('target-reached')).toBe(12)
    expect(at('no-false-success')).toBe(90)
    expect(at('terminates')).toBe(30)
    expect(at('no-split-brain')).toBe(99)
    expect(at('converges', 'diverged-follower')).toBe(12)
    expect(at('converges', 'mixed-versions')).toBe(90)
    expect(at('mine')).toBe(12)
  })

  test('of a missed objective it is what the measure counts', () => {
    expect(at('objectives-met', 'writeDowntimeSeconds')).toBe(20)
    expect(at('objectives-met', 'lostAcknowledgedWrites')).toBe(30)
    expect(at('objectives-met', 'splitBrainSeconds')).toBe(8)
    expect(at('objectives-met', 'mixedVersionSeconds')).toBe(3)
    expect(at('objectives-met', 'durationSeconds')).toBe(12)
  })

  test('rows that left no trace have no losses, and are told by their chain', () => {
    const { story, ...rest } = run
    expect(first('no-acknowledged-write-lost', '', { ...rest, story: { ...story, losses: [] } })).toEqual({ atUs: 12e6, what: 'the third' })
  })

  const gate = (more: Partial<GateRecord>): GateRecord => ({ step: 'wait', path: 'forward', visit: 1, passed: true, polls: 2, missing: false, stale: false, waited: true, claims: [], honest: undefined, ...more })
  const record = { step: 'wait', title: '', path: 'forward' as const, visit: 1, startUs: 60e6, endUs: 90e6, result: 'done' as const, writeDowntimeUs: 0, commands: 1 }
  const command = { atUs: 80e6, step: 'wait', argv: ['kubectl'], code: 1, out: '0\n', err: 'refused' }
  const seen = (check: string, gates: readonly GateRecord[], commands = [command]) => unnoticedOf({ counterexample: { check: check as never, cause: '', because }, rehearsal: { ...run, gates, steps: [record], story: { ...run.story, lines: [], commands } } }, (id) => `2 ${id}`)

  test('the last gate that said yes is told, with what it saw; one that looked too early only when it saw nothing', () => {
    expect(seen('target-reached', [gate({})])).toMatchObject({ step: '2 wait', words: 'The last gate before the end, step 2 wait, said yes at 01:30.0: its 2nd look came out as yes. Its last look printed `0`, and as an error `refused`.' })
    expect(seen('target-reached', [gate({})])?.advice).toContain('Let step 2 wait say no when its command fails')
    expect(seen('target-reached', [gate({})], [{ ...command, code: 0 }])?.advice).toBe('')
    expect(seen('target-reached', [gate({ passed: false })])).toBeNull()
    expect(seen('target-reached', [])?.words).toMatch(/^Nothing could stop it/)
    expect(seen('no-acknowledged-write-lost', [])).toBeNull()
    expect(seen('no-acknowledged-write-lost', [gate({})], [{ ...command, err: '' }])).toBeNull()
    expect(seen('no-acknowledged-write-lost', [gate({ missing: true })])?.words).toContain('no data to go by')
    expect(seen('terminates', [gate({})])).toBeNull()
  })
})
