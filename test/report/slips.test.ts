/** What went amiss and stopped nobody: by rules that know no engine. */
import { describe, expect, test } from 'vitest'
import type { CommandRecord, GateRecord, RehearsalResult, StepRecord } from '../../src/result.ts'
import { unnoticedOf } from '../../src/report/first.ts'
import { downAtEnd, heldNobody, passedOver, passedOverSentences, slipsOf } from '../../src/report/slips.ts'
import type { OutlineStep } from '../../src/report/story.ts'
import { tellsError } from '../../src/operator/told.ts'
import { clock, timed } from '../../src/report/view/clock.ts'
import { ticksOf, axisOf } from '../../src/report/view/axis.ts'
import type { Timeline } from '../../src/report/view/data.ts'

const names = (id: string): string => id

function step(id: string, fromS: number, toS: number, more: Partial<StepRecord> = {}): StepRecord {
  return { step: id, title: '', path: 'forward', visit: 1, startUs: fromS * 1e6, endUs: toS * 1e6, result: 'done', writeDowntimeUs: 0, commands: 1, ...more }
}

function typed(id: string, atS: number, more: Partial<CommandRecord> = {}): CommandRecord {
  return { atUs: atS * 1e6, step: id, argv: ['tool'], code: 0, out: '', err: '', ...more }
}

type Story = NonNullable<RehearsalResult['story']>

function rehearsal(steps: readonly StepRecord[], story: Partial<Story>, more: Partial<RehearsalResult> = {}): RehearsalResult {
  return { outcome: 'completed', steps, gates: [], measures: { durationSeconds: 100 }, schedule: [], faults: [], verdicts: [], story: { line: '', trace: [], members: [], clients: [], commands: [], faults: [], lines: [], acknowledgers: [], lag: [], windows: [], losses: [], ...story }, ...more } as unknown as RehearsalResult
}

function gate(id: string, more: Partial<GateRecord> = {}): GateRecord {
  return { step: id, path: 'forward', visit: 1, passed: true, polls: 1, missing: false, stale: false, waited: false, claims: [], honest: undefined, ...more }
}

describe('errors that stopped nothing', () => {
  test.each([['ERR wrong number of arguments', true], ['(error) READONLY You can not', true], ['Error from server (NotFound): pods "a" not found', true], ['psql: error: connection failed', true], ['MongoServerError: not primary', true], ['FATAL: no', true], ['OK', false], ['errors 0', false], ['Failed over to m-1', false], ['0', false], ['PONG', false], ['', false]] as const)('%s', (said, is) => {
    expect(tellsError({ out: said, err: '' })).toBe(is)
    expect(tellsError({ out: '', err: said })).toBe(is)
  })

  test('a variable that was empty is told with the command that failed for it, and with the step that had printed nothing', () => {
    const outline: OutlineStep[] = [{ id: 'find', number: '1', title: '', depth: 0, container: false, typed: 'tool nodes | grep ${who}', captures: 'id' }, { id: 'forget', number: '2', title: '', depth: 0, container: false, typed: 'tool forget ${id}' }]
    const steps = [step('find', 0, 5), step('forget', 10, 15)]
    const say = (out: string): string[] => passedOverSentences(rehearsal(steps, { commands: [typed('find', 1, { out, stages: [['tool', 'nodes'], ['grep', 'm-1']] }), typed('forget', 11, { out: 'ERR wrong number of arguments' })] }), names, () => true, outline)
    expect(say('\n')).toEqual(['Step forget got an error (with exit status 0), and the runbook went on: `ERR wrong number of arguments`. Its `${id}` was empty: step find (`tool nodes | grep m-1`) had printed nothing.'])
    expect(say('abc\n')).toEqual(['Step forget got an error (with exit status 0), and the runbook went on: `ERR wrong number of arguments`.'])
  })

  test('are told once each with the steps that got them, the most frequent first; success by status alone is said to be that', () => {
    const steps = ['a', 'b', 'c', 'd'].map((id, i) => step(id, i * 10, i * 10 + 5))
    const commands = [typed('a', 1, { out: 'ERR no', code: 0 }), typed('b', 11, { err: 'not found', code: 1 }), typed('c', 21, { err: 'not found\nmore', code: 1 }), typed('d', 31, { err: '^C', code: 130 })]
    expect(passedOverSentences(rehearsal(steps, { commands }), names)).toEqual(['Steps b and c got an error, and the runbook went on: `not found`.', 'Step a got an error (with exit status 0), and the runbook went on: `ERR no`.'])
  })

  test('a gate that asked until it had an answer, and the step that stopped the runbook, passed nothing over', () => {
    const steps = [step('wait', 0, 5), step('stop', 6, 7, { result: 'failed' })]
    const commands = [typed('wait', 1, { err: 'refused', code: 1 }), typed('wait', 3, { out: '0' }), typed('stop', 6, { err: 'Error: no', code: 1 })]
    expect(passedOver(rehearsal(steps, { commands }, { gates: [gate('wait', { waited: true, polls: 2 })], outcome: 'aborted' }))).toEqual([])
    // One that took no answer for a yes did.
    expect(passedOver(rehearsal(steps, { commands }, { gates: [gate('wait', { missing: true })], outcome: 'aborted' })).map((each) => each.step)).toEqual(['wait'])
  })
})

describe('a step that held clients up', () => {
  // Titles say nothing: what a step did does.
  const steps = [step('a', 10, 12), step('b', 20, 21, { title: 'Pause all writes' })]
  const paused = (atS: number): Story['trace'][number] => ({ atUs: atS * 1e6, label: 'pooler.paused', node: 'pooler-1', payload: 1, detail: '', holdsClients: true })
  const trace = [{ ...paused(10.5), holdsClients: undefined }, paused(11), paused(11.5)] as unknown as Story['trace']
  const writing = (client: string, more: readonly [atS: number, state: string][] = []): Story['clients'][number][] => [[-1, 'writable'] as const, ...more].map(([atS, state]) => ({ atUs: atS * 1e6, client, state }))

  test('is told once when every group went on writing, and only then', () => {
    const held = (clients: Story['clients']): string[] => heldNobody(rehearsal(steps, { clients, trace }), 20e6, names)
    expect(held([...writing('c-1'), ...writing('c-2')])).toEqual(['Step a held nobody up: pooler-1 holds clients from 00:11.0 on, but all 2 groups of clients went on writing until 00:20.0.'])
    expect(held([...writing('c-1'), ...writing('c-2', [[12, 'held']])])).toEqual([])
    // Held, and let on again within the step.
    expect(held([...writing('c-1', [[11, 'held'], [11.8, 'writable']])])).toEqual([])
    expect(held([])).toEqual([])
  })

  test('is one by what it did, whatever it is called; a failure that is not about writes does not hang on it', () => {
    const clients = writing('c-1')
    expect(heldNobody(rehearsal(steps, { clients, trace: [] }), 30e6, names)).toEqual([])
    expect(heldNobody(rehearsal(steps, { clients, trace: [paused(15)] }), 30e6, names)).toEqual([])
    const of = (check: 'no-split-brain' | 'target-reached'): string[] => slipsOf({ counterexample: { check, cause: '', evidence: '', because: [{ atUs: 20e6, text: 'x' }] }, rehearsal: rehearsal(steps, { clients, trace }) }, names)
    expect([of('no-split-brain').length, of('target-reached').length]).toEqual([1, 0])
  })
})

test('members that a failure is about are told when they were down at the end of the runbook', () => {
  const change = (atS: number, running: boolean): Story['members'][number] => ({ atUs: atS * 1e6, member: 'm-1', node: '', running, role: 'follower', timeline: 1, versions: {} })
  expect(downAtEnd(rehearsal([], { members: [change(-1, true), change(30, false), change(40, false)] }), ['m-1'])).toEqual(['m-1 was down when the runbook said at 01:40.0 that it was done, since 00:30.0.'])
  expect(downAtEnd(rehearsal([], { members: [change(-1, true), change(30, false), change(90, true), change(101, false)] }), ['m-1', 'm-2'])).toEqual([])
})

test('a gate whose command failed in front of a pipe decided without data, and is told what to do about it', () => {
  const counterexample = { check: 'target-reached' as const, cause: 'not-upgraded', because: [] }
  const run = (more: Partial<CommandRecord>, missing: boolean): RehearsalResult => rehearsal([step('rolled', 0, 60)], { commands: [typed('rolled', 59, { out: '0', err: 'refused', code: 1, ...more })] }, { gates: [gate('rolled', { missing, polls: 4 })] })
  const piped = unnoticedOf({ counterexample, rehearsal: run({ sourceFailed: true }, true) }, names)
  expect(piped?.words).toBe('The last gate before the end, step rolled, said yes at 01:00.0: all 4 looks came out as yes, though the last of them had no data to go by. Its last look printed `0`, and as an error `refused`.')
  expect(piped?.advice).toBe('Let step rolled say no when its command fails or prints nothing: here that was taken for a yes.')
  const stages = [['kubectl', 'get', 'pods'], ['grep', '-vc', '2']]
  const told = (code: number): string => unnoticedOf({ counterexample, rehearsal: run({ sourceFailed: true, stages, code }, true) }, names)?.advice ?? ''
  expect(told(1)).toBe('Let step rolled tell no answer from a good one: `kubectl` failed, `grep -vc 2` made `0` of its silence, and that passed. Demand what silence cannot give (the count of those that are as wanted, not of the others), or look at the status of `kubectl` itself; `pipefail` alone will not do, for `grep` itself ended with status 1 and was taken for a yes.')
  expect(told(0)).toMatch(/itself \(with `pipefail`, say\)\.$/)
})

test('instants are written so that nobody takes a minute for an hour; what was printed stays', () => {
  expect([0, 14.7e6, 74.78e6, 3723.4e6].map(clock)).toEqual(['0.0s', '14.7s', '1m14.7s', '1h02m03.4s'])
  expect(timed('from 01:14.778 to 00:05.957, at 1:02:03.250 (`12:30.5`), version 01:02:03.4.5, ratio 16:30')).toBe('from 1m14.778s to 5.957s, at 1h02m03.250s (`12:30.5`), version 01:02:03.4.5, ratio 16:30')
})

test('the axis is marked where steps begin, or at round times, and no two marks touch', () => {
  const steps = [0, 1, 2, 70, 71, 100].map((fromS) => ({ fromUs: fromS * 1e6, toUs: fromS * 1e6 + 5e5, container: false, result: 'done' }))
  const timeline = { endUs: 282.9e6, operatorEndUs: 101e6, steps, faults: [], members: [], windows: [], clients: [] } as unknown as Timeline
  for (const toScale of [false, true]) {
    const axis = axisOf(timeline, [], toScale)
    const ticks = ticksOf(timeline, axis, toScale, 0.08)
    expect(ticks.length).toBeGreaterThan(3)
    // The end is always written, left of itself: its neighbour keeps clear of the whole of its words.
    expect(ticks.at(-1)).toBe(282.9e6)
    expect(axis.at(ticks.at(-2)!)).toBeLessThanOrEqual(1 - 0.12 + 1e-9)
    expect(ticks.slice(1).every((us, i) => axis.at(us) - axis.at(ticks[i]!) >= 0.08 - 1e-9)).toBe(true)
    expect(ticks.every((us) => (toScale ? us % 30e6 === 0 || us === 282.9e6 : [0, 1e6, 2e6, 70e6, 71e6, 100e6, 101e6, 282.9e6].includes(us)))).toBe(true)
  }
})
