/** Why an objective was missed: the leader that was taken away, the errors that led there, and advice only against what the rehearsal shows. */
import { expect, test } from 'vitest'
import { missedOf } from '../../src/report/view/missed.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import type { MemberChange, RehearsalResult } from '../../src/result.ts'

const S = 1e6
const NAMES: Readonly<Record<string, string>> = { forget: '2.2 forget', failover: '3.1 failover', remove: '3.3 remove', wait: '3.4 wait' }
const names = (id: string): string => NAMES[id] ?? id
const step = (id: string, fromS: number, toS: number) => ({ step: id, title: '', path: 'forward', visit: 1, startUs: fromS * S, endUs: toS * S, result: 'done', writeDowntimeUs: 0, commands: 1 })
const change = (atS: number, member: string, running: boolean, role: MemberChange['role']): MemberChange => ({ atUs: atS * S, member, node: undefined, running, role, timeline: 1, versions: {} })
const command = (atS: number, id: string, err: string) => ({ atUs: atS * S, step: id, argv: ['x'], code: 1, out: '', err })
const result = { objectives: [{ measure: 'writeDowntimeSeconds', at: 'p99', max: 0, min: null, faults: 'any', measured: 8, status: 'fail' }], counterexamples: [], sweep: null, steps: [{ step: 'wait', container: false, share: 0.9 }] } as unknown as CampaignResult

interface Told {
  readonly after: MemberChange
  readonly commands?: readonly object[]
  readonly faults?: readonly object[]
  readonly open?: boolean
  readonly trace?: readonly object[]
  readonly before?: readonly MemberChange[]
}

function why({ after, commands = [], faults = [], open = false, trace = [], before = [] }: Told): { readonly why: readonly string[]; readonly remedy: string } {
  const rehearsal = {
    outcome: 'completed', gates: [], faults, measures: { durationSeconds: 80 },
    steps: [step('forget', 1, 2), step('failover', 50, 51), step('remove', 60, 62), step('wait', 62, 80)],
    story: { lines: [], commands, trace, windows: [{ is: 'writesDown', fromUs: 61 * S, toUs: 69 * S, open, who: '' }], members: [change(0, 'm-0', true, 'leader'), change(0, 'm-1', true, 'follower'), ...before, change(61, 'm-0', false, 'none'), after] },
  } as unknown as RehearsalResult
  const [missed] = missedOf(result, rehearsal, names, { 'removed-leader': 'Here: `hand over`.' })
  return { why: missed!.why, remedy: missed!.remedy }
}

test('an error counts where it stands in the same part of the runbook, before the write stop', () => {
  const told = why({ after: change(69, 'm-1', true, 'leader'), commands: [command(1, 'forget', 'ERR wrong number'), command(50, 'failover', 'ERR send it to a replica'), command(70, 'wait', 'ERR afterwards')] })
  expect(told.why).toEqual([
    'Of all write downtime 90 % passed during step 3.4 wait: that is what was under way, and need not be what caused it.',
    'In the rehearsal told here the longest write stop lasted 8.00 s from 1m01.0s, in step 3.3 remove: the runbook took m-0 away at 1m01.0s, while it led.',
    'Step 3.1 failover got an error, and the runbook went on: `ERR send it to a replica`.',
  ])
  expect(told.remedy).toMatch(/^Do not remove the member that leads: .* Here: `hand over`\.$/)
})

test('a leader that leads again itself was not handed over; one that is stopped so that another leads is a switchover, and no mistake', () => {
  expect(why({ after: change(69, 'm-0', true, 'leader') }).remedy).toContain('move leadership first')
  expect(why({ after: change(69, 'm-1', true, 'leader') }).remedy).toBe('')
})

test('a leader that was removed, and whose successor no command had named, was left to the cluster to replace', () => {
  const trace = [{ atUs: 60.5 * S, label: 'pod.deleted', node: 'm-0', payload: 0, detail: 'pod m-0 is going' }]
  const acted = (argv: readonly string[]) => ({ ...command(60, 'remove', ''), code: 0, argv, acted: true })
  expect(why({ after: change(69, 'm-1', true, 'leader'), trace, commands: [acted(['delete', 'm-0'])] }).remedy).toContain('move leadership first')
  expect(why({ after: change(69, 'm-1', true, 'leader'), trace, commands: [acted(['delete', 'm-0']), acted(['promote', 'm-1'])] }).remedy).toBe('')
})

test('where another led already, the clients were to be sent there first', () => {
  expect(why({ after: change(69, 'm-1', true, 'leader'), before: [change(30, 'm-1', true, 'leader')] }).remedy).toBe('m-1 led already when m-0 was taken away: let clients reach m-1, and see that they do, before m-0 goes.')
})

test('what a fault took away is the fault’s, and who did it is not said where another struck; writes that never come back have their own advice', () => {
  const fault = (target: string) => ({ struck: true, atUs: 60.5 * S, target })
  const [, one] = why({ after: change(69, 'm-0', true, 'leader'), faults: [fault('member:m-0')] }).why
  expect(one).toContain(': a fault took m-0 away at 1m01.0s, while it led.')
  const [, other] = why({ after: change(69, 'm-0', true, 'leader'), faults: [fault('node:n-1')] }).why
  expect(other).toContain('; m-0 led, and went away at 1m01.0s.')
  const open = why({ after: change(69, 'm-1', true, 'leader'), open: true })
  expect(open.why[1]).toMatch(/Writes had not come back when the rehearsal ended, so it is longer than that\.$/)
  expect(open.remedy).toBe('End with a write from a fresh client; if it fails, go back.')
})
