/** Every other check, each where it passes, fails and has nothing to judge. */
import { expect, test } from 'vitest'
import { ALL_CHECKS, judge } from '../../src/checks/index.ts'
import { clock } from '../../src/checks/chain.ts'
import { noFalseSuccess } from '../../src/checks/falseSuccess.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { CHECKS, type GateRecord } from '../../src/result.ts'
import { type Stage, tell } from '../toy/story.ts'

/** As it should be: every member ends on v2, one history, all attached. */
function upgrade({ step }: Stage): void {
  step('pause', w => w.hold(true))
  step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
  step('promote', w => void w.promote('m-1'))
  step('route', w => w.route('m-1'))
  step('resume', w => w.hold(false))
  step('rejoin', w => {
    w.follow('m-0', 'm-1', true)
    w.follow('m-2', 'm-1')
    w.start('m-0', 'v2')
    w.stop('m-2', 'clean', 'runbook')
    w.start('m-2', 'v2')
  })
  step('back-pause', w => w.hold(true))
  step('back-stop', w => void w.stop('m-1', 'clean', 'runbook'))
  step('back-promote', w => void w.promote('m-0'))
  step('back-route', w => w.route('m-0'))
  step('back-resume', w => w.hold(false))
  step('back-rejoin', w => {
    w.follow('m-1', 'm-0', true)
    w.follow('m-2', 'm-0')
    w.start('m-1', 'v2')
  })
}

const good = tell(upgrade)
const idle = tell(({ step }) => step('nothing', () => {}))

test('each check of the result format is judged once', () => {
  expect(ALL_CHECKS.map(c => c.id).sort()).toEqual([...CHECKS].sort())
})

test('a good upgrade: what was at stake passes, the rest says why it was not', () => {
  expect(Object.fromEntries(good.verdicts.map(v => [v.check, v.status]))).toEqual({
    'no-acknowledged-write-lost': 'pass',
    'no-split-brain': 'pass',
    'no-forbidden-skew': 'pass',
    'serves-at-end': 'pass',
    'target-reached': 'pass',
    converges: 'pass',
    linearizable: 'notApplicable',
    'no-divergent-rows': 'notApplicable',
    'no-false-success': 'pass',
    'rollback-safe': 'notExercised',
    terminates: 'pass',
    'gates-honest': 'notApplicable',
    'objectives-met': 'notApplicable',
  })
})

test('every failure has evidence with a number, a cause, and a chain that begins with the effect', () => {
  const bad = tell(({ step }) => step('promote', w => void w.promote('m-1'), 5 * SECOND))
  const failed = bad.verdicts.filter(v => v.status === 'fail')
  expect(failed.length).toBeGreaterThan(3)
  for (const v of failed) {
    expect(v.evidence).toMatch(/\d/)
    expect(v.signature?.check).toBe(v.check)
    expect(v.signature?.cause).toBeTruthy()
    expect(v.because?.length).toBeGreaterThan(0)
    for (const clause of v.because ?? []) expect(Number.isFinite(clause.atUs) && clause.text.length > 0).toBe(true)
  }
  for (const v of bad.verdicts) if (v.status !== 'fail') expect(v.because).toBe(undefined)
})

// ── no-split-brain ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('no-split-brain: an old leader that is started again comes back as one', () => {
  const { verdict } = tell(({ step }) => {
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
    step('restart', w => void w.start('m-0'), 3 * SECOND)
  })
  const v = verdict('no-split-brain')
  expect(v.signature).toMatchObject({ cause: 'returned-leader' })
  expect(v.because?.map(c => c.text)).toEqual([
    'm-0 and m-1 could each acknowledge a write from 00:03.000 until the end',
    'm-0 started as a leader',
    expect.stringMatching(/^the runbook promoted m-1 from LSN/),
    expect.stringMatching(/^the runbook took m-0 away/),
  ])
  expect(v.because?.[1]?.step).toBe('restart')
})

test('no-split-brain: an earlier departure, from which it had come back, is not what took it away this time; and who never led has not come back as a leader', () => {
  const { facts, recording } = tell(({ step }) => {
    step('stop-once', w => void w.stop('m-0', 'clean', 'runbook'))
    step('start-once', w => void w.start('m-0'), 2 * SECOND)
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
    step('restart', w => void w.start('m-0'), 3 * SECOND)
  })
  const judged = (changed: object) => judge({ ...facts, ...changed }).find(v => v.check === 'no-split-brain')
  const texts = (changed: object) => judged(changed)?.because?.map(c => c.text) ?? []
  expect(facts.departures).toHaveLength(2)
  expect(texts({}).filter(text => text.startsWith('the runbook took m-0 away'))).toHaveLength(1)
  // As if a fault had held it the second time: it was away, and no departure tells of it.
  expect(texts({ departures: facts.departures.slice(0, 1) }).join()).not.toContain('took m-0 away')
  // As if it had been made just then, beside the one that leads.
  const start = recording.changes.findLast(c => c.member === 'm-0' && c.running)
  expect(start).toBeDefined()
  expect(judged({ departures: [], recording: { ...recording, changes: recording.changes.filter(c => c.member !== 'm-0' || c.atUs >= start!.atUs) } })?.signature?.cause).toBe('two-leaders')
})

test('no-split-brain: it needs somebody who could acknowledge, and a second member', () => {
  expect(tell(({ wait }) => wait(SECOND), { toy: { members: 1 } }).verdict('no-split-brain')).toMatchObject({ status: 'notExercised', evidence: 'there was never more than one member' })
  const none = judge({ ...idle.facts, recording: { ...idle.recording, anybodyCouldAcknowledge: false } }).find(v => v.check === 'no-split-brain')
  expect(none?.status).toBe('notExercised')
})

test('no-split-brain, no-forbidden-skew: what a fault or the engine itself did is a violation all the same, and the evidence says whose it was', () => {
  const split = { fromUs: SECOND, toUs: 3 * SECOND, open: false, members: ['m-0', 'm-1'], newcomers: ['m-1'], inherent: true }
  const skew = { fromUs: SECOND, toUs: 5 * SECOND, open: false, what: ['m-0 (v1) follows m-1 (v3)'], members: ['m-0', 'm-1'], inherent: true }
  const judged = (recording: object) => Object.fromEntries(judge({ ...good.facts, recording: { ...good.recording, ...recording } }).map(v => [v.check, v]))
  const own = judged({ splits: [split], skews: [skew] })
  expect(own['no-split-brain']).toMatchObject({ status: 'fail', evidence: expect.stringMatching(/, 2 s in 1 stretch.*; the engine itself replaced a leader that a fault had taken away$/) })
  expect(own['no-forbidden-skew']).toMatchObject({ status: 'fail', evidence: expect.stringMatching(/for 4 s: .*; a fault had taken one of them away$/) })
  const both = judged({ splits: [split, { ...split, inherent: false, toUs: 2 * SECOND }], skews: [skew, { ...skew, inherent: false, toUs: 2 * SECOND }] })
  expect(both['no-split-brain']?.evidence).toMatch(/, 3 s in 2 stretches.*losing branches$/)
  expect(both['no-forbidden-skew']?.evidence).toMatch(/for 5 s: [^;]*$/)
})

// ── no-forbidden-skew ────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('no-forbidden-skew: a version too far is named with the step that brought it', () => {
  const { verdict, recording } = tell(({ step }) => {
    step('leap', w => {
      w.stop('m-2', 'clean', 'runbook')
      w.start('m-2', 'v3')
    }, 7 * SECOND)
    step('undo', w => {
      w.stop('m-2', 'clean', 'runbook')
      w.start('m-2', 'v1')
    })
  })
  const v = verdict('no-forbidden-skew')
  expect(recording.measures.forbiddenSkewSeconds).toBe(7)
  expect(v).toMatchObject({ status: 'fail', evidence: 'unsupported versions beside each other for 7 s: v1 beside v3', signature: { cause: 'forbidden-skew', step: 'leap' } })
  expect(v.because?.[1]?.text).toBe('m-2 became a follower on engine v3')
  expect(idle.verdict('no-forbidden-skew').status).toBe('notExercised')
})

// ── serves-at-end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('serves-at-end: five ways not to', () => {
  const cause = (script: (stage: Stage) => void, toy = {}) => {
    const v = tell(script, { toy }).verdict('serves-at-end')
    return [v.status, v.signature?.cause, v.signature?.step]
  }
  expect(cause(({ step }) => step('unroute', w => {
    w.route(undefined)
    w.stop('m-2', 'clean', 'runbook')
  }))).toEqual(['fail', 'no-endpoint', '-'])
  expect(cause(({ step }) => step('remove', w => void w.stop('m-0', 'clean', 'runbook')))).toEqual(['fail', 'removed-leader', 'remove'])
  expect(cause(({ fault, step }) => {
    fault('process-kill', 'member:m-0')
    step('wait', () => {})
  })[1]).toBe('no-leader')
  expect(cause(({ step }) => {
    step('route', w => w.route('m-1'))
  }).slice(0, 2)).toEqual(['fail', 'read-only-route'])
  expect(cause(({ step }) => step('stop-both', w => {
    w.stop('m-1', 'clean', 'runbook')
    w.stop('m-2', 'clean', 'runbook')
  }), { promise: 'synchronous' }).slice(0, 2)).toEqual(['fail', 'ack-hang'])
  expect(idle.verdict('serves-at-end')).toMatchObject({ status: 'pass', evidence: 'a fresh client of 1 log can write (m-0)' })
})

// ── target-reached, converges ────────────────────────────────────────────────────────────────────────────────────────────────────

test('target-reached: names who is behind; judges only a completed runbook and a stated target', () => {
  const v = idle.verdict('target-reached')
  expect(v).toMatchObject({ status: 'fail', evidence: 'All 3 members have engine v1; the target is engine v2', signature: { cause: 'never-introduced', step: '-' } })
  expect(v.because?.map(({ text }) => text)).toEqual([
    'all 3 members have engine v1',
    'up to the end of the runbook no member had ever run engine v2: no step brought it to any of them',
    'm-0, m-1 and m-2 were not started again, and run engine v1 as before',
  ])
  expect(tell(({ wait }) => wait(SECOND), { outcome: 'aborted' }).verdict('target-reached').status).toBe('notExercised')
  expect(tell(({ wait }) => wait(SECOND), { facts: { targetVersions: {} } }).verdict('target-reached').status).toBe('notApplicable')
  // Somebody did bring it in, where no member went.
  const there = tell(({ wait }) => wait(SECOND), { facts: { versionsAround: { engine: [{ name: 'node-7', version: 'v2' }, { name: 'node-8', version: 'v1' }] } } }).verdict('target-reached')
  expect(there.signature?.cause).toBe('not-upgraded')
  expect(there.because?.map(({ text }) => text)).toContain('engine v2 is on node-7, where no member runs or ever ran')
  // A target that is a mere default is judged only where somebody got there.
  const assumed = { facts: { assumedTargets: ['engine'] } }
  expect(tell(({ wait }) => wait(SECOND), assumed).verdict('target-reached')).toMatchObject({ status: 'notApplicable', evidence: 'nothing says which version is to be reached, and none changed (engine v1)' })
  const one = ({ step }: Stage): void => step('one', w => {
    w.stop('m-2', 'clean', 'runbook')
    w.start('m-2', 'v2')
  })
  expect(tell(one, assumed).verdict('target-reached')).toMatchObject({ status: 'fail', signature: { cause: 'not-upgraded' } })
  expect(tell(({ wait }) => wait(SECOND), { facts: { members: [] } }).verdict('target-reached')).toMatchObject({ status: 'fail', signature: { cause: 'missing-member' } })
})

test('target-reached: the step named is the one that took the member away, not the one that waits for it or changes its role', () => {
  const restarted = tell(({ step, wait }) => {
    step('look', () => {})
    step('delete', w => {
      wait(SECOND)
      w.stop('m-2', 'clean', 'runbook')
    })
    step('wait', w => {
      wait(SECOND)
      w.start('m-2', 'v1')
    })
    for (const member of ['m-0', 'm-1']) step(`replace ${member}`, w => {
      w.stop(member, 'clean', 'runbook')
      wait(SECOND)
      w.start(member, 'v2')
    })
  }).verdict('target-reached')
  expect(restarted.signature).toEqual({ check: 'target-reached', cause: 'not-upgraded', step: 'delete' })
  expect(restarted.because?.map(({ text, step }) => [text, step])).toEqual([
    ['m-2 has engine v1', undefined], ['m-2 went away to be started again, for the last time, and came up with engine v1 as before', 'delete'],
  ])
  // What happens at the very end of a step, as the next one begins, is its doing.
  const atTheBorder = tell(({ step, wait }) => {
    step('replace', w => {
      wait(SECOND)
      w.stop('m-2', 'clean', 'runbook')
    }, 0)
    step('wait', w => {
      wait(SECOND)
      w.start('m-2', 'v1')
    })
  }).verdict('target-reached')
  expect(atTheBorder.because?.filter(({ step }) => step !== undefined).map(({ step }) => step)).toEqual(['replace'])
})

test('target-reached: what restarts could not bring, because no step had brought it in, is told of all members alike and laid to no step', () => {
  const roll = (versions: readonly string[]) => tell(({ step, wait }) => {
    for (const [i, version] of versions.entries()) step('replace', w => {
      wait(SECOND)
      w.stop(`m-${i}`, 'clean', 'runbook')
      wait(SECOND)
      w.start(`m-${i}`, version)
    })
    step('done', () => {})
  }).verdict('target-reached')
  const never = roll(['v1', 'v1', 'v1'])
  expect(never.signature).toEqual({ check: 'target-reached', cause: 'never-introduced', step: '-' })
  expect(never.because?.at(-1)).toMatchObject({ step: 'replace', text: 'm-0, m-1 and m-2 went away to be started again, for the last time, and came up with engine v1 as before' })
  expect(roll(['v3', 'v3', 'v3']).because?.at(-1)?.text).toContain('and came up with engine v3 instead of v1')
  // One that got there shows that a step can.
  expect(roll(['v2', 'v1', 'v1'])).toMatchObject({ evidence: '2 of 3 members (m-1 and m-2) have engine v1; the target is engine v2', signature: { cause: 'not-upgraded', step: 'replace' } })
  expect(roll(['v2', 'v2']).because?.map(({ text }) => text)).toEqual(['m-2 has engine v1', 'm-2 was not started again, and runs engine v1 as before'])
})

test('converges: each way of not being whole has its name', () => {
  const cause = (script: (stage: Stage) => void) => tell(script).verdict('converges').signature?.cause
  expect(cause(({ step }) => step('down', w => void w.stop('m-2', 'clean', 'runbook')))).toBe('missing-member')
  expect(cause(({ step }) => step('remove', w => void w.stop('m-0', 'clean', 'runbook')))).toBe('no-leader')
  expect(cause(({ step }) => step('promote', w => void w.promote('m-1')))).toBe('two-leaders')
  expect(cause(({ step }) => {
    step('pause', w => w.hold(true))
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('promote', w => void w.promote('m-1'))
    step('route', w => w.route('m-1'))
    step('resume', w => w.hold(false))
  })).toBe('unattached-follower')
  expect(cause(({ step }) => {
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('route', w => w.route('m-1'))
    step('rejoin', w => w.follow('m-2', 'm-1'))
  })).toBe('diverged-follower')
  expect(cause(({ step }) => step('one', w => {
    w.stop('m-2', 'clean', 'runbook')
    w.start('m-2', 'v2')
  }))).toBe('mixed-versions')
})

test('converges: of a fleet only the promotion of the same log is told', () => {
  const { facts } = tell(({ step }) => {
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('route', w => w.route('m-1'))
    step('rejoin', w => w.follow('m-2', 'm-1'))
  })
  const [own] = facts.promotions
  expect(facts.members.every(({ log }) => log !== undefined)).toBe(true)
  const other = { ...own!, atUs: own!.atUs + SECOND, member: 'x-1' }
  const fleet = [...facts.members, { ...facts.members[0]!, name: 'x-1', log: 'another', running: true, role: 'follower' as const, diverged: false, attached: true, caughtUp: true }]
  const told = (members: typeof fleet) => judge({ ...facts, members, promotions: [...facts.promotions, other] }).find(v => v.check === 'converges')?.because?.map(c => c.text).filter(text => text.includes(' promoted ')).join()
  expect(told(fleet)).toContain('promoted m-1')
  expect(told(fleet.map(m => ({ ...m, log: 'one' })))).toContain('promoted x-1')
})

test('converges: a follower that runs but lags is not redundancy', () => {
  const members = good.facts.members.map(m => (m.name === 'm-2' ? { ...m, caughtUp: false } : m))
  const v = judge({ ...good.facts, members }).find(v => v.check === 'converges')
  expect(v).toMatchObject({ status: 'fail', signature: { cause: 'missing-member' } })
  expect(v?.evidence).toBe('completed, but 2 of 3 members are running and caught up')
})

test('converges: a leader that waits for nobody any more breaks a synchronous promise; under an asynchronous one there is none to break', () => {
  const judged = (promise: 'synchronous' | 'asynchronous', acknowledgeAlone: readonly string[]) => judge({ ...good.facts, promise, acknowledgeAlone }).find(v => v.check === 'converges')
  expect(judged('synchronous', ['m-0'])).toMatchObject({ status: 'fail', signature: { cause: 'promise-dropped' } })
  expect(judged('synchronous', [])?.status).toBe('pass')
  expect(judged('asynchronous', ['m-0'])?.status).toBe('pass')
})

test('converges: the story says in the database’s own words why a member does not follow', () => {
  const members = good.facts.members.map(m => (m.name === 'm-2' ? { ...m, attached: false, caughtUp: false, trouble: 'requested log has been removed' } : m))
  const v = judge({ ...good.facts, members }).find(v => v.check === 'converges')
  expect(v?.signature?.cause).toBe('unattached-follower')
  expect(v?.because?.map(({ text }) => text)).toContain('m-2 cannot follow: requested log has been removed')
})

test('converges: after an abort one spare copy is enough, and none is not; a stuck run is not judged', () => {
  const one = (stage: Stage): void => stage.step('down', w => void w.stop('m-2', 'clean', 'runbook'))
  expect(tell(one, { outcome: 'aborted' }).verdict('converges').status).toBe('pass')
  expect(tell(stage => {
    one(stage)
    stage.step('down too', w => void w.stop('m-1', 'clean', 'runbook'))
  }, { outcome: 'aborted' }).verdict('converges')).toMatchObject({ status: 'fail', signature: { cause: 'missing-member' } })
  expect(tell(one, { outcome: 'stuck' }).verdict('converges').status).toBe('notExercised')
})

// ── no-false-success, terminates ─────────────────────────────────────────────────────────────────────────────────────────────────

test('no-false-success: takes the gravest failure for its cause and tells its chain on', () => {
  const bad = tell(({ step }) => {
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('route', w => w.route('m-1'))
  })
  const v = bad.verdict('no-false-success')
  expect(v.signature).toEqual({ check: 'no-false-success', cause: 'overlap', step: 'promote' })
  expect(v.because?.[0]?.text).toBe('the runbook said "completed" after step route')
  expect(v.because?.slice(1)).toEqual(bad.verdict('no-acknowledged-write-lost').because)
  expect(tell(({ wait }) => wait(SECOND), { outcome: 'rolledBack' }).verdict('no-false-success').status).toBe('notExercised')
})

test.each([
  ['no-acknowledged-write-lost'],
  ['serves-at-end'],
  ['no-split-brain'],
  ['linearizable'],
  ['converges'],
  ['target-reached'],
  ['no-forbidden-skew'],
] as const)('no-false-success: %s alone makes success a false one', check => {
  const others = good.verdicts.filter(v => v.check !== 'no-false-success').map(v => (v.check === check ? { ...v, status: 'fail' as const, signature: { check, cause: 'some-cause', step: 'some-step' } } : v))
  expect(noFalseSuccess.judge(good.facts, others)).toMatchObject({ status: 'fail', signature: { check: 'no-false-success', cause: 'some-cause', step: 'some-step' } })
})

const gate = (over: Partial<GateRecord>): GateRecord => ({ step: 'wait', path: 'forward', visit: 1, passed: true, polls: 4, missing: false, stale: false, waited: true, claims: ['caught-up(m-1)'], honest: true, ...over })

test('terminates: stuck names the step and whether a gate held it', () => {
  const stuck = tell(({ step }) => step('wait', () => {}), { outcome: 'stuck', gates: [gate({ passed: false, honest: undefined, polls: 900, missing: true })] })
  expect(stuck.verdict('terminates')).toMatchObject({ status: 'fail', signature: { cause: 'stuck-gate', step: 'wait' } })
  expect(stuck.verdict('terminates').because?.[1]?.text).toBe('step wait began and never ended (its gate was polled 900 times, the last time without a usable answer)')
  expect(tell(({ step }) => step('wait', () => {}), { outcome: 'stuck' }).verdict('terminates').signature?.cause).toBe('stuck-command')
})

test('gates-honest: a gate that passed against the truth; one that passed on nothing; one that nobody can judge', () => {
  const told = (gates: GateRecord[]) => tell(({ step }) => step('wait', () => {}), { gates }).verdict('gates-honest')
  expect(told([gate({}), gate({ passed: false, honest: undefined })])).toMatchObject({ status: 'pass', evidence: '1 gate with claims passed, each claim true' })
  expect(told([gate({ honest: false })])).toMatchObject({ status: 'fail', signature: { cause: 'dishonest-gate', step: 'wait' } })
  expect(told([gate({}), gate({ honest: false, missing: true })]).signature?.cause).toBe('passed-on-nothing')
  expect(told([gate({ honest: undefined })]).status).toBe('notExercised')
  expect(told([gate({ passed: false, honest: undefined })]).status).toBe('notExercised')
  expect(told([gate({ claims: [] })]).status).toBe('notApplicable')
})

// ── objectives-met, linearizable ─────────────────────────────────────────────────────────────────────────────────────────────────

test('objectives-met: judges what one run can miss, and says which measure', () => {
  const told = (at: 'max' | 'p99', max: number) => tell(upgrade, { objectives: [{ measure: 'writeDowntimeSeconds', at, max, min: undefined, faults: 'any' as const }] }).verdict('objectives-met')
  expect(told('max', 30).status).toBe('pass')
  expect(told('max', 5)).toMatchObject({ status: 'fail', signature: { cause: 'writeDowntimeSeconds' } })
  expect(told('max', 5).because?.length).toBeGreaterThan(1)
  expect(told('p99', 5).status).toBe('notExercised')
  expect(() => tell(upgrade, { objectives: [{ measure: 'speed', at: 'max', max: 1, min: undefined, faults: 'any' as const }] })).toThrow('there is no measure `speed`')
})

test('linearizable: where it is promised, and something was traced', () => {
  const told = (promise: 'asynchronous' | 'synchronous', registers: Parameters<typeof judge>[0]['registers']) => tell(({ step }) => step('promote', () => {}), { toy: { promise }, facts: { registers } }).verdict('linearizable')
  const write = (value: number, callUs: number, returnUs: number) => ({ kind: 'write' as const, value, callUs, returnUs })
  const read = (value: number, callUs: number, returnUs: number) => ({ kind: 'read' as const, value, callUs, returnUs })
  expect(told('asynchronous', undefined).status).toBe('notApplicable')
  expect(told('synchronous', undefined).status).toBe('notExercised')
  expect(told('synchronous', [{ key: 'k', initial: 0, operations: [write(1, 0, 10), read(1, 20, 30)] }])).toMatchObject({ status: 'pass', evidence: '2 traced operations on 1 key have a linear order' })
  expect(told('synchronous', [{ key: 'k', initial: 0, operations: [write(1, 0, 10), read(0, 20, 30)] }])).toMatchObject({ status: 'fail', signature: { cause: 'stale-read' } })
})

test('linearizable: traced through a whole story, a fenced switch holds and a leader that outlives its successor does not', () => {
  const sync = { toy: { promise: 'synchronous' as const } }
  const fine = tell(upgrade, sync)
  expect(fine.verdict('linearizable')).toMatchObject({ status: 'pass' })
  expect(fine.facts.registers?.length).toBe(4)
  expect(fine.facts.registers?.every(r => r.operations.some(o => o.kind === 'read') && r.operations.some(o => o.kind === 'write'))).toBe(true)
  // m-0 keeps its sessions and answers reads from before; new clients write to m-1.
  const stale = tell(({ step, workload }) => {
    step('pause', w => w.hold(true))
    step('promote', w => {
      w.follow('m-2', 'm-1')
      w.promote('m-1')
      w.route('m-1')
      w.hold(false)
    })
    step('renew', () => workload.cohorts[0]?.sessionChanged({ is: 'closed', error: 'the pool renewed it' }), 4 * SECOND)
  }, sync)
  expect(stale.verdict('linearizable')).toMatchObject({ status: 'fail', signature: { cause: 'stale-read', step: 'promote' } })
})

test('linearizable: a read through the new leader misses what the promotion dropped', () => {
  const { verdict, recording } = tell(({ step, world }) => {
    step('stall', () => world.member('m-1').copy?.freeze('receive'), 3 * SECOND)
    step('pause', w => w.hold(true))
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
    step('promote', w => {
      w.promote('m-1')
      w.route('m-1')
      w.hold(false)
    }, 2 * SECOND)
  }, { toy: { promise: 'synchronous' } })
  expect(recording.measures.lostAcknowledgedWrites).toBeGreaterThan(2_900)
  expect(verdict('linearizable')).toMatchObject({ status: 'fail', signature: { cause: 'lost-update' } })
})

test('rollback-safe: judged where the operator turned back on purpose, and only before the declared point had begun', () => {
  expect(good.verdict('rollback-safe').status).toBe('notExercised')
  /** The operator turns back in `back`; the runbook declares `declared`. The old leader is stopped for good where `lose` says so. */
  const turned = (declared: string | undefined, lose: boolean) => {
    let turnedUs = 0
    return tell(
      ({ step, sim }) => {
        step('hold', () => {})
        step('go', w => lose && void w.stop('m-0', 'clean', 'runbook'))
        turnedUs = sim.now
        step('back', () => {})
      },
      {
        outcome: 'rolledBack',
        facts: {
          pointOfNoReturn: declared,
          get faults() {
            return [{ kind: 'operator-rolls-back', target: 'operator', atUs: turnedUs, endUs: turnedUs, struck: true, members: [] }]
          },
        },
      },
    ).verdict('rollback-safe')
  }
  expect(turned('later', false).status).toBe('pass')
  expect(turned('later', true)).toMatchObject({ status: 'fail', signature: { cause: 'not-serving' } })
  expect(turned('go', true)).toMatchObject({ status: 'notExercised', evidence: expect.stringContaining('after go had begun') })
  // It begins where the operator turns back: not yet begun.
  expect(turned('back', true)).toMatchObject({ status: 'fail' })
  expect(turned(undefined, true).status).toBe('notApplicable')
})

test('rollback-safe: a rollback that stops at an undo step with nothing lost is told by the point of no return, and judged by nobody', () => {
  const turn = { kind: 'operator-rolls-back', target: 'operator', atUs: good.recording.horizon.endUs, endUs: good.recording.horizon.endUs, struck: true, members: [] }
  const undo = { ...good.recording.steps[0], path: 'undo', result: 'failed' }
  const facts = { ...good.facts, pointOfNoReturn: 'later', outcome: 'aborted', outcomeReason: 'step undo-pause of the rollback failed', faults: [turn], recording: { ...good.recording, steps: [...good.recording.steps, undo] } } as typeof good.facts
  expect(judge(facts).find(v => v.check === 'rollback-safe')?.status).toBe('pass')
})

test('what was before the first step is told in words, not by a negative clock', () => {
  const { facts } = tell(() => {})
  const { startUs } = facts.recording.horizon
  expect(clock(facts, startUs + 1_500_000)).toBe('00:01.500')
  expect(clock(facts, startUs - 1_500_000)).toBe('1.50 s before the start')
})
