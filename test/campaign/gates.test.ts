/** What gates were good for, on the toy: a gate that catches, one that cries wolf, one that changes nothing; and which steps nobody needed. */
import { describe, expect, test } from 'vitest'
import { type GateAggregate, judgeStops, newGate, stopsOf } from '../../src/campaign/gates.ts'
import { findNeedless, notNeeded } from '../../src/campaign/needless.ts'
import { probesOf } from '../../src/campaign/probes.ts'
import { realRehearser } from '../../src/campaign/real.ts'
import { runRange } from '../../src/campaign/rehearser.ts'
import { compileRunbook } from '../../src/operator/index.ts'
import type { Needless } from '../../src/campaign/result.ts'
import type { GateRecord, RehearsalResult } from '../../src/result.ts'
import { loadScenarioFrom } from '../../src/scenario/index.ts'
import { fakeRehearsal } from './fakes.ts'
import { toy } from '../toy/engine.ts'
import { withSteps } from '../rehearsal/scenarios.ts'

const GOOD = `
  - { id: pause, run: pause, undo: resume }
  - { id: stop, run: stop m-0, undo: start m-0 }
  - { id: promote, run: promote m-1 }
  - { id: rejoin, run: [follow m-0 m-1 --rewind, follow m-2 m-1, start m-0 v2, stop m-2, start m-2 v2] }
  - { id: route, run: [route m-1, resume] }
  - { id: turn, run: [stop m-1, start m-1 v2] }`
const NEVER = (id: string, more = ''): string => `\n  - { id: ${id}, gate: role m-0, expect: { equals: follower }, timeout: 3s, every: 1s${more} }`
const campaign = (steps: string, end = 3) => runRange(withSteps(steps), realRehearser, { seed: '1', strategy: { kind: 'random', faults: 0 }, first: 0, end })

describe('what a gate stopped', () => {
  test('caught: waved through, two members lead', () => {
    const { gates } = campaign(`${NEVER('guard')}\n  - { id: promote, run: promote m-1 }\n  - { id: wait, sleep: 20s }\n  - { id: route, run: route m-1 }`)
    expect(gates).toEqual({ guard: { ...newGate(), failed: 3, mattered: 3, stopped: 3, judged: 3, caught: 3 } })
  })

  test('false alarm: waved through, the runbook completes and nothing is wrong', () => {
    expect(campaign(GOOD).checks['converges']).toMatchObject({ fail: 0, pass: 3 })
    expect(campaign(`${NEVER('wolf')}${GOOD}`).gates['wolf']).toEqual({ ...newGate(), failed: 3, mattered: 3, stopped: 3, judged: 3, falseAlarms: 3 })
  })

  test('stopped anyway: waved through, the next step fails', () => {
    expect(campaign(`${NEVER('first')}${NEVER('second')}`).gates).toEqual({ first: { ...newGate(), failed: 3, mattered: 3, stopped: 3, judged: 3, stoppedAnyway: 3 } })
  })

  test('a gate that is happy at once, and one that is to be ignored, stopped nothing', () => {
    const { gates } = campaign(`  - { id: ok, gate: role m-0, expect: { equals: leader }, claims: one-leader }${NEVER('ignored', ', otherwise: continue')}`)
    expect(gates).toEqual({ ok: { ...newGate(), passed: 3, scored: 3 }, ignored: { ...newGate(), failed: 3, mattered: 3 } })
  })
})

const visit = (step: string, nth: number, passed: boolean, path: GateRecord['path'] = 'forward'): GateRecord => ({ step, path, visit: nth, passed, polls: 1, missing: false, stale: false, waited: !passed, claims: [], honest: undefined })

test('a stop is a failure that was not tried again; of each gate the first', () => {
  const plan = compileRunbook({ format: 1, title: 't', steps: [{ id: 'a', gate: 'x', retry: { times: 1 } }, { id: 'b', gate: 'x', otherwise: { goto: 'a' } }, { id: 'c', gate: 'x', otherwise: 'continue' }] })
  expect(stopsOf(plan, [visit('a', 1, false), visit('a', 2, true), visit('b', 1, false), visit('a', 3, false), visit('a', 4, false), visit('b', 2, false), visit('c', 1, false)])).toEqual([{ step: 'b', visit: 1 }, { step: 'a', visit: 4 }])
  expect(stopsOf(plan, [visit('b', 1, false, 'undo')])).toEqual([])
})

test('what a stop is judged on costs little: all at first, then one run in twenty, whatever the order', () => {
  const plan = compileRunbook({ format: 1, title: 't', steps: [{ id: 'a', gate: 'x' }] })
  const base = { ...fakeRehearsal({ seed: '1', schedule: [] }), gates: [visit('a', 1, false)] } as RehearsalResult
  const into: Record<string, GateAggregate> = {}
  let rehearsed = 0
  for (let run = 999; run >= 0; run--) judgeStops(into, plan, run, base, () => (rehearsed++, base))
  expect([into['a']?.stopped, into['a']?.judged, rehearsed]).toEqual([1000, 525, 525])
  judgeStops(into, plan, 0, { ...base, inBudget: false }, () => base)
  judgeStops(into, plan, 0, base, () => ({ ...base, inBudget: false }))
  expect([into['a']?.stopped, into['a']?.judged]).toEqual([1001, 525])
})

test('steps and gates that no rehearsal needed', async () => {
  const steps = `
  - { id: sure, gate: role m-0, expect: { equals: leader } }
  - { id: rest, steps: [{ id: idle, sleep: 1s }, { id: rent, run: rent 0 }] }${GOOD}
  - { id: behind, gate: lag m-0, expect: { max: 0 }, timeout: 1m }`
  const told = (await findNeedless(withSteps(steps), realRehearser, { seed: '1', strategy: { kind: 'random', faults: 0 }, runs: 5 })) as Needless
  expect(told.sampled).toBe(5)
  expect(told.steps.filter((step) => step.needed).map((step) => `${step.step} ${step.by} ${step.tried}`)).toMatchInlineSnapshot(`
    [
      "stop no-split-brain 1",
      "promote serves-at-end 1",
      "rejoin target-reached 1",
      "route serves-at-end 1",
      "turn completes 1",
    ]
  `)
  expect(notNeeded(told).map((step) => `${step.step} ${step.gate} ${step.tried}`)).toMatchInlineSnapshot(`
    [
      "rest false 5",
      "pause false 5",
      "behind true 2",
    ]
  `)
  expect(told.steps.find((step) => step.step === 'sure')).toEqual({ step: 'sure', within: null, gate: true, needed: false, by: null, run: null, tried: 0 })
})

test('a gate on the way back is counted under its own name, and probed under it', () => {
  const scenario = withSteps(`  - { id: stop, run: stop m-0, undo: [start m-0, { id: led, gate: role m-0, expect: { equals: leader } }] }\n  - { id: no, fail: on purpose, otherwise: rollback }`)
  const aggregate = runRange(scenario, realRehearser, { seed: '1', strategy: { kind: 'random', faults: 0 }, first: 0, end: 2 })
  expect(aggregate.gates).toEqual({ 'undo of led': { ...newGate(), passed: 2 } })
  expect(probesOf(aggregate, scenario, false)).toContainEqual({ probe: 'gate-passed', of: 'undo of led', hits: 2 })
})

describe('the guards of a script', () => {
  const scripted = (script: string) => loadScenarioFrom({ name: 'scripted', yaml: 'format: 1\ncluster: { engine: toy }\ndeadline: 10m\nload: { writesPerSecond: 100, cohorts: 1 }\nrunbook: ./a.sh\n', files: { 'a.sh': script }, set: {} }, [toy])
  const rehearsed = (script: string) => runRange(scripted(script), realRehearser, { seed: '1', strategy: { kind: 'random', faults: 0 }, first: 0, end: 3 }).gates
  const WELL = 'pause\nstop m-0\npromote m-1\nfollow m-0 m-1 --rewind\nfollow m-2 m-1\nstart m-0 v2\nstop m-2\nstart m-2 v2\nroute m-1\nresume\nstop m-1\nstart m-1 v2\n'

  test('are judged as gates are: caught, a false alarm, stopped anyway; and what passed without data is told', () => {
    expect(rehearsed('[[ $(role m-0) == follower ]] || exit 1\npromote m-1\nsleep 20\nroute m-1\n')).toEqual({ 'L1 (||)': { ...newGate(), failed: 3, mattered: 3, stopped: 3, judged: 3, caught: 3 } })
    expect(rehearsed(`if [[ $(role m-0) != follower ]]; then\n  exit 1\nfi\n${WELL}`)).toEqual({ 'L1 (if)': { ...newGate(), failed: 3, mattered: 3, stopped: 3, judged: 3, falseAlarms: 3 } })
    expect(rehearsed('set -e\nstart m-0\nstart m-1\n')).toEqual({ 'L2 (set -e)': { ...newGate(), failed: 3, mattered: 3, stopped: 3, judged: 3, stoppedAnyway: 3 } })
    expect(rehearsed(`n=$(lag m-9)\nif [ "$n" -gt 0 ]; then exit 1; fi\n${WELL}`)).toEqual({ 'L2 (if)': { ...newGate(), passed: 3, missing: 3, blind: 3 } })
  })

  test('and asked whether anybody needs them, beside the lines', async () => {
    const scenario = scripted('[[ $(role m-0) == leader ]] || exit 1\n[[ $(role m-0) == follower ]] || exit 1\npromote m-1\nrole m-2\n')
    const needless = await findNeedless(scenario, realRehearser, { seed: '1', strategy: { kind: 'random', faults: 0 }, runs: 2 }) as Needless
    expect(needless.steps.map(({ step, gate, needed, tried }) => [step, gate, needed, tried])).toEqual([
      ['L1', false, false, 2], ['L2', false, false, 2], ['L3', false, false, 0], ['L4', false, false, 0],
      ['L1 (||)', true, false, 0], ['L2 (||)', true, true, 1],
    ])
  })
})
