/** What a cluster looks like at the end, in a sentence. */
import { expect, test } from 'vitest'
import { atEndWords } from '../../src/report/atEnd.ts'
import type { MemberChange, RehearsalResult, StoryWindow } from '../../src/result.ts'

const member = (name: string, more: Partial<MemberChange> = {}): MemberChange => ({ atUs: 0, member: name, node: 'n', running: true, role: 'follower', timeline: 1, versions: { engine: '2' }, ...more })
const down: StoryWindow = { is: 'writesDown', fromUs: 0, toUs: 1, open: true, who: 'a' }

function at(members: readonly MemberChange[], more: { readonly durationSeconds?: number; readonly windows?: readonly StoryWindow[]; readonly targets?: Readonly<Record<string, string>>; readonly clients?: readonly string[] } = {}): string {
  const { windows = [], targets, clients = ['a'], durationSeconds = 90 } = more
  return atEndWords({ simulatedUs: 90_000_000, measures: { durationSeconds }, story: { members, windows, ...(targets === undefined ? {} : { targets }), clients: clients.map((client) => ({ atUs: 0, client, state: 'writable' })) } } as unknown as RehearsalResult)
}

test('of few members each is named as it was last', () => {
  expect(at([member('m-1'), member('m-0', { role: 'leader' }), member('m-1', { atUs: 5, versions: { engine: '1' } })])).toBe('At the end (01:30.0): m-0 leads on engine 2; m-1 follows on engine 1; clients can write.')
  expect(at([member('m-0', { running: false }), member('m-1', { role: 'none', versions: {} })], { windows: [down] })).toBe('At the end (01:30.0): m-0 is down; m-1 runs, and neither leads nor follows; clients cannot write.')
})

test('of few members those that are alike stand together', () => {
  expect(at([member('m-0', { role: 'leader' }), member('m-1'), member('m-2'), member('m-3', { running: false }), member('m-4', { running: false })])).toBe('At the end (01:30.0): m-0 leads on engine 2; m-1 and m-2 follow on engine 2; m-3 and m-4 are down; clients can write.')
})

test('of a fleet they are counted, and the exceptions named', () => {
  const fleet = Array.from({ length: 12 }, (_, i) => member(`t-${i}`, { role: i < 3 ? 'leader' : 'follower', versions: { engine: i === 7 ? '1' : '2', other: String(i) } }))
  expect(at([...fleet, member('t-9', { atUs: 1, running: false })], { targets: { engine: '2' } })).toBe('At the end (01:30.0): of 12 members 3 lead; 1 is down (t-9); 10 on engine 2; 1 on engine 1 (t-7); clients can write.')
})

test('who was removed is gone, and not down', () => {
  const gone: Partial<MemberChange> = { atUs: 9, running: false, role: 'none', gone: true }
  expect(at([member('m-0', { role: 'leader' }), member('m-1'), member('m-3', { running: false }), member('m-4', gone), member('m-3', gone)])).toBe('At the end (01:30.0): m-0 leads on engine 2; m-1 follows on engine 2; m-3 and m-4 are gone; clients can write.')
  const fleet = Array.from({ length: 9 }, (_, i) => member(`t-${i}`, { role: i < 3 ? 'leader' : 'follower' }))
  expect(at([...fleet, member('t-8', gone)])).toBe('At the end (01:30.0): of 8 members 3 lead; 8 on engine 2; t-8 is gone; clients can write.')
})

test('clients of whom only some are cut off', () => {
  const two = [member('m-0', { role: 'leader' })]
  expect(at(two, { windows: [down], clients: ['a', 'b'] })).toContain('; 1 group of 2 of clients cannot write.')
  expect(at(two, { windows: [{ ...down, open: false }] })).toContain('clients can write')
  expect(at([])).toBe('')
  // Checks judge later than the runbook ends: whose end it is is said.
  expect(at(two, { durationSeconds: 30 })).toContain('At the end (01:30.0, 1m 00s after the runbook’s): ')
})
