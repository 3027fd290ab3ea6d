import { describe, expect, test } from 'vitest'
import type { Fault, Schedule } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { itineraryOf, rehearse, runSeed, scheduleFor } from '../../src/rehearsal.ts'
import type { CheckId, RehearsalResult, Status } from '../../src/result.ts'
import { careful, withSteps } from './scenarios.ts'

const run = (schedule: Schedule = [], more: Partial<Parameters<typeof rehearse>[0]> = {}): RehearsalResult => rehearse({ scenario: careful, schedule, seed: '1', ...more })
const status = (result: RehearsalResult, check: CheckId): Status | undefined => result.verdicts.find(v => v.check === check)?.status
const kill: Fault = { kind: 'process-kill', target: 'role:leader', at: 0, durationUs: 10 * SECOND, magnitude: 0 }
const plain = (result: RehearsalResult): unknown => ({ ...result, eventsRun: 0 })

describe('fault-free', () => {
  test('the careful runbook completes, loses nothing, and its steps begin at zero', () => {
    const result = run()
    expect(result).toMatchObject({ outcome: 'completed', struck: 0, inBudget: true, undone: [] })
    expect(result.measures).toMatchObject({ lostAcknowledgedWrites: 0, splitBrainSeconds: 0 })
    expect(result.measures.writeDowntimeSeconds).toBeGreaterThan(0)
    expect(result.steps.map(s => `${s.step} ${s.visit} ${s.result} ${s.commands}`)).toEqual(['caught-up 1 done 1', 'pause 1 done 1', 'stop 1 done 1', 'promote 1 done 1', 'rejoin 1 done 3', 'route 1 done 2'])
    expect(result.steps[0]?.startUs).toBe(0)
    expect(result.gates).toMatchObject([{ step: 'caught-up', passed: true, claims: ['one-leader'], honest: true }])
  })

  test('promoting without stopping the old leader splits and loses', () => {
    const result = rehearse({ scenario: withSteps('  - run: promote m-1\n  - sleep: 20s\n  - run: route m-1\n  - run: follow m-0 m-1 --rewind'), schedule: [], seed: '1' })
    expect(result.outcome).toBe('completed')
    expect(status(result, 'no-split-brain')).toBe('fail')
    expect(status(result, 'no-acknowledged-write-lost')).toBe('fail')
  })

  test('a gate that claims what is not so is dishonest', () => {
    const gate = (claim: string): string => `  - gate: role m-1\n    expect: { equals: follower }\n    claims: ${claim}\n    timeout: 1m`
    expect(rehearse({ scenario: withSteps(gate('one-leader')), schedule: [], seed: '1' }).gates[0]?.honest).toBe(true)
    expect(rehearse({ scenario: withSteps(gate('writable(m-1)')), schedule: [], seed: '1' }).gates[0]?.honest).toBe(false)
  })
})

describe('a pure function', () => {
  const schedule: Schedule = [{ ...kill, at: { step: 'stop', path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 20_000 } }, { ...kill, kind: 'operator-killed', target: 'operator', at: 400_000 }]

  test('twice the same call, twice the same result', () => {
    expect(run(schedule)).toEqual(run(schedule))
    expect(run(schedule, { seed: '2' }).schedule).toEqual(schedule)
  })

  test('a recorded run is the same run', () => {
    const { story, ...recorded } = run(schedule, { record: true })
    expect(recorded).toEqual(run(schedule))
    expect(story?.faults.map(f => `${f.kind} ${f.struck}`)).toEqual(['process-kill true', 'operator-killed true'])
    expect(story?.commands.length).toBeGreaterThan(3)
    expect(story?.trace.every(record => record.atUs >= 0)).toBe(true)
  })

  test('other luck after an instant: the same past, another future', () => {
    const crash: Schedule = [{ ...kill, at: 100_000 }]
    const base = run(crash, { record: true })
    const late = run(crash, { record: true, reseedAtUs: 3600 * SECOND })
    expect(plain(late)).toEqual(plain(base))
    const other = run(crash, { record: true, reseedAtUs: 100_000 })
    const past = (result: RehearsalResult): unknown => result.story?.trace.filter(record => record.atUs <= 100_000)
    expect(past(other)).toEqual(past(base))
    expect(other.hash).not.toBe(base.hash)
    expect(run(crash, { reseedAtUs: 100_000, reseedSalt: 'third' }).hash).not.toBe(other.hash)
  })

  test('elided polls change nothing, with and without faults, over drawn schedules', () => {
    const patient = withSteps('  - gate: role m-2\n    expect: { equals: none }\n    every: 3s\n    timeout: 2m\n    claims: one-leader\n    otherwise: continue\n  - run: pause\n  - gate: role m-0\n    expect: { equals: leader }\n    for: 20s\n    timeout: 1m\n  - run: resume')
    for (const scenario of [careful, patient]) {
      for (let i = 0; i < 60; i++) {
        const drawn = i === 0 ? [] : scheduleFor(scenario, 'elide', i, 3)
        const seed = runSeed('elide', i)
        expect(plain(run(drawn, { scenario, seed, elide: true })), JSON.stringify(drawn)).toEqual(plain(run(drawn, { scenario, seed, elide: false })))
      }
    }
  })
})

describe('faults', () => {
  test('the operator killed while it waits is resumed after the duration and starts the step again', () => {
    const result = run([{ ...kill, kind: 'operator-killed', target: 'operator', durationUs: 30 * SECOND, at: { step: 'promote', path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 50_000 } }])
    expect(result.struck).toBe(1)
    expect(result.steps.filter(s => s.step === 'promote').map(s => `${s.visit} ${s.result}`)).toEqual(['1 open', '2 done'])
    const [first, second] = result.steps.filter(s => s.step === 'promote')
    expect((second?.startUs ?? 0) - (first?.startUs ?? 0)).toBe(30 * SECOND + 50_000)
    expect(result.outcome).toBe('completed')
    expect(result.inBudget).toBe(true)
  })

  test('anchors: each phase, later visits, later commands, undo', () => {
    const scenario = withSteps('  - id: loop\n    forEach: { list: [m-1, m-2], as: m }\n    '.replace('forEach: { list: [m-1, m-2], as: m }', 'forEach: { list: [m-1, m-2], as: m, steps: [{ id: ask, run: ["role ${m}", "role m-0"] }] }') + '\n  - id: back\n    run: role m-0\n    undo: role m-0\n  - id: fail\n    run: promote m-0\n    otherwise: rollback')
    const pause = { kind: 'process-pause', target: 'member:m-2', durationUs: SECOND, magnitude: 0 } as const
    const at = (step: string, phase: 'start' | 'await' | 'end', more = {}): RehearsalResult => rehearse({ scenario, schedule: [{ ...pause, at: { step, path: 'forward', visit: 1, phase, command: 1, offsetUs: 0, ...more } }], seed: '1', record: true })
    const when = (result: RehearsalResult): number | undefined => (result.struck === 1 ? result.story?.faults[0]?.atUs : undefined)
    expect(at('ask', 'start').outcome).toBe('rolledBack')
    // Each command takes 100 ms.
    expect([when(at('ask', 'start')), when(at('ask', 'await')), when(at('ask', 'end'))]).toEqual([0, 0, 200_000])
    expect(when(at('ask', 'await', { command: 2, offsetUs: 30_000 }))).toBe(130_000)
    expect(when(at('ask', 'await', { command: 1, offsetUs: 60 * SECOND }))).toBe(100_000)
    expect(when(at('ask', 'start', { visit: 2 }))).toBe(200_000)
    expect(when(at('loop', 'end'))).toBe(400_000)
    expect(when(at('back', 'start', { path: 'undo' }))).toBe(600_000)
    expect(at('ask', 'start', { visit: 3 }).struck).toBe(0)
  })

  test('an elided poll that a fault awaits really happens', () => {
    const scenario = withSteps('  - id: wait\n    gate: role m-1\n    expect: { equals: leader }\n    every: 10s\n    timeout: 5m\n    otherwise: continue')
    const at = { step: 'wait', path: 'forward', visit: 1, phase: 'await', command: 12, offsetUs: 0 } as const
    for (const elide of [true, false]) expect(rehearse({ scenario, schedule: [{ ...kill, target: 'member:m-2', at }], seed: '1', elide, record: true }).story?.faults).toMatchObject([{ struck: true, atUs: 110 * SECOND }])
  })

  test('what never came is not struck, and is told', () => {
    const result = run([{ ...kill, at: { step: 'route', path: 'forward', visit: 7, phase: 'start', command: 1, offsetUs: 0 } }, { ...kill, at: 3600 * SECOND }], { record: true })
    expect(result.struck).toBe(0)
    expect(result.story?.faults.map(f => f.struck)).toEqual([false, false])
  })

  test('two members held by faults are out of budget', () => {
    expect(run([{ ...kill, target: 'member:m-1' }, { ...kill, target: 'member:m-2', at: 150_000 }])).toMatchObject({ struck: 2, inBudget: false })
  })

  test('the deadline counts from the last fault’s end', () => {
    const stuck = withSteps('  - gate: role m-1\n    expect: { equals: leader }\n    every: 30s')
    const seconds = (schedule: Schedule): number => rehearse({ scenario: stuck, schedule, seed: '1' }).measures.durationSeconds
    expect(seconds([])).toBe(600)
    expect(seconds([{ ...kill, target: 'member:m-2', at: 100 * SECOND, durationUs: 50 * SECOND }])).toBe(750)
  })

  test('a start that does not succeed is an error of the input', () => {
    expect(() => rehearse({ scenario: withSteps('  - run: role m-0', 'start: [promote m-0]'), schedule: [], seed: '1' })).toThrow('`start` did not succeed')
  })
})

describe('the runs of a campaign', () => {
  test('seeds and schedules are functions of the campaign seed and the run', () => {
    expect(runSeed('7', 3)).toBe('7/3')
    expect(scheduleFor(careful, '7', 3, 2)).toEqual(scheduleFor(careful, '7', 3, 2))
    expect(scheduleFor(careful, '7', 3, 0)).toEqual([])
  })

  test('most schedules strike, since they are drawn along the way that the runbook really takes', () => {
    expect(itineraryOf(careful).stops.map(s => s.step)).toEqual(['caught-up', 'pause', 'stop', 'promote', 'rejoin', 'route'])
    let struck = 0
    for (let i = 0; i < 300; i++) struck += run(scheduleFor(careful, 'share', i, 2), { seed: runSeed('share', i) }).struck > 0 ? 1 : 0
    expect(struck / 300).toBeGreaterThan(0.85)
  })
})
