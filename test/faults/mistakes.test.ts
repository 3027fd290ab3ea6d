/** Each of the operator's faults alone changes something that anybody can name; where it finds nothing to strike it says why. */
import { describe, expect, test } from 'vitest'
import { type Anchor, type Fault, faultSpec, type Schedule } from '../../src/faults/index.ts'
import { type Mixup, mixupIn, retyped } from '../../src/faults/names.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { withSteps } from '../rehearsal/scenarios.ts'

const STEPS = `
  - { id: look, run: role m-0, as: role }
  - { id: rent, run: rent 1, undo: rent 0 }
  - { id: stop, run: stop m-0, undo: start m-0 }
  - { id: switch, steps: [{ id: promote, run: promote m-1 }, { id: route, run: route m-1 }] }
  - { id: rejoin, run: [follow m-0 m-1 --rewind, start m-0 v2] }
  - { id: wait, gate: role m-1, expect: { equals: leader }, timeout: 20s, every: 1s }`
const scenario = withSteps(STEPS, 'faults: { kinds: [operator-skips, operator-repeats, operator-swaps, operator-wrong-target, operator-stale-reading] }')

const anchor = (step: string, phase: Anchor['phase'] = 'start', more: Partial<Anchor> = {}): Anchor => ({ step, path: 'forward', visit: 1, phase, command: 1, offsetUs: 0, ...more })
const fault = (kind: Fault['kind'], at: Fault['at'], magnitude = faultSpec(kind).magnitude?.usual ?? 0): Fault => ({ kind, target: 'operator', at, durationUs: 0, magnitude })
const run = (schedule: Schedule, on = scenario): RehearsalResult => rehearse({ scenario: on, schedule, seed: '1', record: true })
const typed = (result: RehearsalResult): string[] => (result.story?.commands ?? []).map(c => c.argv.join(' '))
const became = (result: RehearsalResult): string[] => result.faults.map(f => (f.struck ? `${f.step}: ${f.words}` : `missed: ${f.why}`))
const PLAIN = ['role m-0', 'rent 1', 'stop m-0', 'promote m-1', 'route m-1', 'follow m-0 m-1 --rewind', 'start m-0 v2', 'role m-1']
const PAIR = withSteps('  - { id: pair, steps: [{ id: x, run: rent 1 }, { id: y, run: rent 2 }] }\n  - rent 3')

test('without a fault the runbook is typed as written', () => {
  const result = run([])
  expect([result.outcome, result.measures.splitBrainSeconds]).toEqual(['completed', 0])
  expect(typed(result)).toEqual(PLAIN)
})

describe('operator-skips', () => {
  test('a step is passed over: the old leader is not stopped, and two lead', () => {
    const result = run([fault('operator-skips', anchor('stop'))])
    expect(typed(result).slice(0, 4)).toEqual(['role m-0', 'rent 1', 'promote m-1', 'route m-1'])
    expect(result.measures.splitBrainSeconds).toBeGreaterThan(0)
    expect(result.steps.find(s => s.step === 'stop')?.result).toBe('skipped')
    expect(became(result)).toEqual(['stop: passes over step stop'])
    expect([result.struck, result.inBudget]).toEqual([1, true])
  })

  test('with all that it holds; and it cannot be passed over once it is under way', () => {
    expect(typed(run([fault('operator-skips', anchor('pair'))], PAIR))).toEqual(['rent 3'])
    const late = run([fault('operator-skips', anchor('stop', 'await'))])
    expect([typed(late), became(late)]).toEqual([PLAIN, ['missed: operator-skips strikes at the start of a step, not at its await']])
  })

  test('a pass of a loop that is passed over keeps the number of the passes after it', () => {
    const loop = withSteps('  - forEach: { list: [a, b, c], as: x, steps: [{ id: do, run: \'rent ${x}\' }] }')
    const result = run([fault('operator-skips', anchor('do', 'start', { visit: 2 })), fault('operator-skips', anchor('do', 'start', { visit: 3 }))], loop)
    expect(typed(result)).toEqual(['rent a'])
  })
})

describe('operator-repeats', () => {
  test('a step is done twice; what cannot be done twice fails', () => {
    expect(typed(run([fault('operator-repeats', anchor('rent', 'end'))])).filter(line => line === 'rent 1')).toHaveLength(2)
    const result = run([fault('operator-repeats', anchor('stop', 'end'))])
    expect([result.outcome, result.outcomeReason]).toEqual(['rolledBack', 'step stop failed: `stop m-0` ended with status 1: stop: m-0 does not run'])
    expect(became(result)).toEqual(['stop: does step stop once more'])
  })

  test('with all that it holds, as new visits', () => {
    const result = run([fault('operator-repeats', anchor('pair'))], PAIR)
    expect(typed(result)).toEqual(['rent 1', 'rent 2', 'rent 1', 'rent 2', 'rent 3'])
    expect(result.steps.map(s => `${s.step} ${s.visit}`)).toEqual(['pair 1', 'x 1', 'y 1', 'pair 2', 'x 2', 'y 2', '2 1'])
  })

  test('a person who was killed does not remember that it wanted to do it again', () => {
    const kill: Fault = { kind: 'operator-killed', target: 'operator', at: anchor('rent', 'await'), durationUs: SECOND, magnitude: 0 }
    const result = run([kill, fault('operator-repeats', anchor('rent', 'end'))])
    expect(typed(result).filter(line => line === 'rent 1')).toHaveLength(2)
    expect(result.faults.map(f => `${f.kind} ${f.struck} ${f.why}`)).toEqual(['operator-killed true ', 'operator-repeats false never reached'])
  })
})

describe('operator-swaps', () => {
  test('a step changes places with the next one: promoted before the old leader is stopped, two lead', () => {
    const result = run([fault('operator-swaps', anchor('stop'))])
    expect(typed(result)).toEqual(['role m-0', 'rent 1', 'promote m-1', 'route m-1', 'stop m-0', ...PLAIN.slice(5)])
    expect(result.measures.splitBrainSeconds).toBeGreaterThan(0)
    expect(became(result)).toEqual(['stop: does step switch before step stop'])
  })

  test('inside a list, at its end, and killed between the two', () => {
    expect(typed(run([fault('operator-swaps', anchor('promote'))])).slice(3, 5)).toEqual(['route m-1', 'promote m-1'])
    const last = run([fault('operator-swaps', anchor('route'))])
    expect([typed(last), became(last)]).toEqual([PLAIN, ['missed: no step comes after route in its list']])
    const kill: Fault = { kind: 'operator-killed', target: 'operator', at: anchor('promote', 'start'), durationUs: 5 * SECOND, magnitude: 0 }
    const killed = run([fault('operator-swaps', anchor('stop')), kill])
    expect([killed.outcome, typed(killed).filter(line => line === 'stop m-0')]).toEqual(['completed', ['stop m-0']])
  })
})

describe('operator-wrong-target', () => {
  test('the commands of a visit go to another member', () => {
    const result = run([fault('operator-wrong-target', anchor('stop'))])
    expect(typed(result).slice(0, 4)).toEqual(['role m-0', 'rent 1', 'stop m-1', 'promote m-1'])
    expect(result.story?.trace.filter(r => r.label === 'operator.command').map(r => r.detail)).toContain('stop m-1')
    expect(result.steps.filter(s => s.result === 'failed').map(s => s.step)).toEqual(['promote', 'stop'])
    expect(became(result)).toEqual(['stop: types m-1 where m-0 is meant'])
  })

  test('how far off is the magnitude, round and round; all commands of the visit, or the one it is anchored to', () => {
    expect([1, 2, 3].map(far => typed(run([fault('operator-wrong-target', anchor('stop'), far)]))[2])).toEqual(['stop m-1', 'stop m-2', 'stop m-1'])
    expect(typed(run([fault('operator-wrong-target', anchor('rejoin'), 2)])).slice(5, 7)).toEqual(['follow m-2 m-1 --rewind', 'start m-2 v2'])
    expect(typed(run([fault('operator-wrong-target', anchor('rejoin', 'await', { command: 2 }), 2)])).slice(5, 7)).toEqual(['follow m-0 m-1 --rewind', 'start m-2 v2'])
  })

  test('a visit that names nobody is missed', () => {
    expect(became(run([fault('operator-wrong-target', anchor('rent'))]))).toEqual(['missed: no command of that visit names a member or node that has another beside it'])
  })

  test('names are whole: pg-0 is not pg-01, data-pg-0 is of pg-0', () => {
    const sorts = [['pg-0', 'pg-01', 'pg-1'], ['aks-1', 'aks-2'], ['alone']]
    const say = (line: string, places = 1): string => {
      const mixup = mixupIn(line.split(' '), sorts, places)
      return mixup === undefined ? 'nothing' : retyped(line.split(' '), mixup).join(' ')
    }
    expect(say('delete pod pg-0')).toBe('delete pod pg-01')
    expect(say('delete pod pg-01')).toBe('delete pod pg-1')
    expect(say('delete pvc data-pg-0 pg-0.pg pg-01')).toBe('delete pvc data-pg-01 pg-01.pg pg-01')
    expect(say('exec pg-0 -- ssh pg-1', 2)).toBe('exec pg-1 -- ssh pg-1')
    expect(say('drain aks-1')).toBe('drain aks-2')
    const nodes = [['aks-1', 'aks-1-spare', 'aks-2']]
    const drain = 'drain aks-1-spare aks-1 aks-1-disk'.split(' ')
    expect(retyped(drain, mixupIn(drain, nodes, 1) as Mixup).join(' ')).toBe('drain aks-2 aks-1 aks-1-disk')
    const back = 'drain aks-1 aks-1-spare aks-1-disk'.split(' ')
    expect(retyped(back, mixupIn(back, nodes, 2) as Mixup).join(' ')).toBe('drain aks-2 aks-1-spare aks-2-disk')
    expect(['mypg-0', 'pg-0x', 'pg-012', 'alone'].map(word => say(word))).toEqual(['nothing', 'nothing', 'nothing', 'nothing'])
  })
})

describe('operator-stale-reading', () => {
  const TAIL = `
  - { id: before, sleep: 60s }
  - { id: stop, run: stop m-0 }
  - { id: switch, run: promote m-1 }
  - { id: see, run: role m-1, as: role }
  - { id: wait, gate: role m-1, expect: { equals: leader }, timeout: 60s, every: 1s }`
  const told = withSteps(TAIL, 'faults: { kinds: [operator-stale-reading] }')
  const role = (result: RehearsalResult): string | undefined => result.story?.commands.find(c => c.step === 'see')?.out.trim()

  test('a command shows what was so then', () => {
    expect(role(run([], told))).toBe('leader')
    const stale = run([fault('operator-stale-reading', anchor('see'), 30)], told)
    expect([role(stale), became(stale)]).toEqual(['follower', ['see: reads in step see what was so 30.0 s ago']])
    expect([stale.gates[0]?.stale, stale.inBudget]).toEqual([false, true])
  })

  test('a gate waits until the old state shows what it waits for, and is told as stale', () => {
    const plain = run([], told)
    const stale = run([fault('operator-stale-reading', anchor('wait'), 30)], told)
    expect([plain.gates[0]?.polls, plain.gates[0]?.stale, plain.gates[0]?.waited]).toEqual([1, false, false])
    expect(stale.gates[0]).toMatchObject({ passed: true, stale: true, waited: true })
    expect(stale.gates[0]?.polls).toBeGreaterThan(28)
    expect(stale.measures.durationSeconds - plain.measures.durationSeconds).toBeGreaterThan(28)
  })

  test('a gate passes on what is not so any more', () => {
    const gone = withSteps('  - { id: before, sleep: 60s }\n  - { id: stop, run: stop m-0 }\n  - { id: wait, gate: role m-0, expect: { equals: leader }, claims: one-leader, timeout: 5s, every: 1s }', 'faults: { kinds: [operator-stale-reading] }')
    expect(run([], gone).gates[0]?.passed).toBe(false)
    expect(run([fault('operator-stale-reading', anchor('wait'), 30)], gone).gates[0]).toMatchObject({ passed: true, stale: true, honest: false })
  })

  test('two of them, by time, and where nothing is read; elided or not it is the same run', () => {
    const two = [fault('operator-stale-reading', 40 * SECOND, 20), fault('operator-stale-reading', anchor('wait'), 30), fault('operator-stale-reading', anchor('stop'), 30)]
    const result = run(two, told)
    expect(became(result)).toEqual(['missed: that visit reads nothing', 'see: reads in step see what was so 20.0 s ago', expect.stringMatching(/^wait: reads in step wait what was so 30/)])
    const { eventsRun: _elided, ...plain } = rehearse({ scenario: told, schedule: two, seed: '1', elide: false, record: true })
    const { eventsRun: _all, ...all } = result
    expect(plain).toEqual(all)
  })
})

describe('operator-rolls-back', () => {
  const plainKinds = withSteps(STEPS)

  test('the operator turns back at the start, in the middle and at the end of a step: in budget, named or not', () => {
    for (const at of [anchor('switch'), anchor('promote', 'await', { offsetUs: 50_000 }), anchor('stop', 'end')]) {
      const result = run([fault('operator-rolls-back', at)], plainKinds)
      expect([result.outcome, result.undone, result.struck, result.inBudget], JSON.stringify(at)).toEqual(['rolledBack', ['stop', 'rent'], 1, true])
      expect(result.outcomeReason).toMatch(/^decided to roll back/)
    }
  })

  test('started is undone, even if no command of it has run; on the way back there is no turning back', () => {
    const twice = run([fault('operator-rolls-back', anchor('rent')), fault('operator-rolls-back', anchor('rent', 'await', { path: 'undo' }))], plainKinds)
    expect([twice.outcome, twice.undone, twice.outcomeReason]).toEqual(['rolledBack', ['rent'], 'decided to roll back in step rent'])
    expect(became(twice)).toEqual(['rent: decides to roll back', 'missed: the operator was already rolling back'])
  })

  test('a runbook without undo is aborted; a dead operator decides nothing; killed on the way back and resumed it goes on', () => {
    const none = run([fault('operator-rolls-back', anchor('2'))], withSteps('  - rent 1\n  - rent 2'))
    expect([none.outcome, none.outcomeReason]).toEqual(['aborted', 'decided to roll back in step 2, but the runbook has no undo'])
    const kill = (at: Anchor): Fault => ({ kind: 'operator-killed', target: 'operator', at, durationUs: 5 * SECOND, magnitude: 0 })
    const dead = run([kill(anchor('rent')), fault('operator-rolls-back', 2 * SECOND)], plainKinds)
    expect(became(dead)).toEqual(['rent: ', 'missed: the operator was not at work'])
    const back = run([fault('operator-rolls-back', anchor('stop', 'end')), kill(anchor('stop', 'await', { path: 'undo' }))], plainKinds)
    expect([back.outcome, back.undone]).toEqual(['rolledBack', ['stop', 'rent']])
  })
})

test('a mistake that the scenario did not ask for is out of budget', () => {
  expect(run([fault('operator-skips', anchor('stop'))], withSteps(STEPS)).inBudget).toBe(false)
})

test('by time a mistake is made at the next occasion', () => {
  const result = run([fault('operator-skips', 150_000), fault('operator-repeats', 0), fault('operator-wrong-target', 150_000)])
  expect(typed(result).slice(0, 4)).toEqual(['role m-0', 'role m-0', 'stop m-1', 'promote m-1'])
})
