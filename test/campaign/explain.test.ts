import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { explainFailure } from '../../src/campaign/explanation.ts'
import { attempt } from '../../src/campaign/form.ts'
import { whenInevitable } from '../../src/campaign/inevitable.ts'
import { realRehearser } from '../../src/campaign/real.ts'
import { neighbours, swapped } from '../../src/campaign/swap.ts'
import { edited, nearestTwin } from '../../src/campaign/twin.ts'
import type { Fault } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { withSteps } from '../rehearsal/scenarios.ts'
import { fakeRehearsal, fakeRehearser, fakeScenario } from './fakes.ts'

/** A world of fifty steps, ten seconds each, in which luck before some instant decides. */
function fated(decidedUs: number, failsBefore: (salt: number) => boolean, strikeUs?: number) {
  const base = fakeRehearsal({ schedule: [], seed: 's' })
  const steps = Array.from({ length: 50 }, (_, i) => ({ ...(base.steps[0] as RehearsalResult['steps'][number]), step: `s${i}`, startUs: i * 10 * SECOND, endUs: (i + 1) * 10 * SECOND }))
  const faults = strikeUs === undefined ? [] : [{ nth: 0, kind: 'partition', target: 'x', atUs: strikeUs, endUs: strikeUs + SECOND, struck: true, why: '', step: 's', situation: '', words: '' }]
  const result: RehearsalResult = { ...base, steps, faults }
  let rehearsals = 0
  const rehearser = {
    ...fakeRehearser,
    rehearse: ({ reseedAtUs = Number.POSITIVE_INFINITY, reseedSalt = '' }: { reseedAtUs?: number; reseedSalt?: string }): RehearsalResult => {
      rehearsals += 1
      const fails = reseedAtUs > decidedUs || failsBefore(Number(reseedSalt.split('/')[1]))
      return { ...result, verdicts: [{ check: 'no-split-brain', status: fails ? 'fail' : 'pass', evidence: '' }] }
    },
  }
  const when = whenInevitable({ scenario: fakeScenario, rehearser, seed: 's', schedule: [], check: 'no-split-brain', result })
  return { ...when, rehearsals: () => rehearsals }
}

describe('since when it was inevitable', () => {
  test('the step in which it was decided is found, whichever it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 48 }), (n) => {
        const { moments, jump, steep, sure } = fated(n * 10 * SECOND + 5, (salt) => salt % 8 === 0)
        expect([steep, sure]).toEqual([true, jump])
        // Before step n + 1 begins all is decided; when step n begins nothing is.
        expect(moments[jump as number]).toMatchObject({ is: 'before', what: `s${n + 1}`, failed: 32, futures: 32 })
        expect(moments[(jump as number) - 1]).toMatchObject({ what: `s${n}`, failed: 4, futures: 32 })
      }),
    )
  })

  test('a strike is an instant of its own', () => {
    const { moments, sure } = fated(122 * SECOND, () => false, 122 * SECOND)
    expect(moments[sure as number]).toMatchObject({ is: 'struck', what: 'partition', atUs: 122 * SECOND + 1, failed: 32 })
  })

  test('from the start: two looks are enough', () => {
    const { moments, jump, sure, rehearsals } = fated(-1, () => true)
    expect(moments).toHaveLength(2)
    expect([jump, sure, rehearsals()]).toEqual([null, 0, 32])
  })

  test('never quite: luck after the end of the runbook decides', () => {
    const { jump, steep, sure } = fated(10_000 * SECOND, (salt) => salt % 2 === 0)
    expect([jump, steep, sure]).toEqual([null, false, null])
  })

  test('a search over fifty steps costs a few hundred rehearsals', () => {
    expect(fated(333 * SECOND, () => false).rehearsals()).toBeLessThan(250)
  })
})

const careless = withSteps(`  - { id: pause, run: pause }
  - { id: promote, run: promote m-1 }
  - { id: stop, run: stop m-0 }
  - { id: group
      , steps: [{ id: follow, run: follow m-2 m-1 }, { id: route, run: route m-1 }] }
  - { id: resume, run: resume }
  - { id: done, sleep: 5s }`)

describe('steps the other way round', () => {
  test('a swapped runbook runs its two steps in the other order, and all others as before', () => {
    const order = (result: RehearsalResult): string[] => result.steps.map((step) => step.step)
    const plain = order(rehearse({ scenario: careless, schedule: [], seed: 's' }))
    for (const [first, second] of neighbours(careless.runbook)) {
      const ran = order(rehearse({ scenario: { ...careless, runbook: swapped(careless.runbook, first, second) }, schedule: [], seed: 's' }))
      const inside = (id: string): string[] => (id === 'group' ? ['group', 'follow', 'route'] : [id])
      const rest = (ids: readonly string[]): string[] => ids.filter((id) => ![...inside(first.id), ...inside(second.id)].includes(id))
      expect(rest(ran)).toEqual(rest(plain))
      expect(ran.indexOf(second.id)).toBeLessThan(ran.indexOf(first.id))
      expect(ran.slice(ran.indexOf(second.id), ran.indexOf(second.id) + inside(second.id).length + inside(first.id).length)).toEqual([...inside(second.id), ...inside(first.id)])
    }
    expect(neighbours(careless.runbook).map(([a, b]) => `${a.id} ${b.id}`)).toEqual(['pause promote', 'promote stop', 'stop group', 'group resume', 'follow route', 'resume done'])
  })
})

describe('the nearest passing twin', () => {
  const lag: Fault = { kind: 'replication-lag', target: 'role:follower/0', at: { step: 'wait', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 120 * SECOND, magnitude: 0 }
  const scenario = withSteps(`  - { id: wait, sleep: 30s }
  - { id: pause, run: pause }
  - { id: stop, run: stop m-0 }
  - { id: promote, run: promote m-1 }
  - { id: route, run: [follow m-2 m-1, route m-1] }
  - { id: resume, run: resume }
  - { id: done, sleep: 5s }`)
  const result = rehearse({ scenario, schedule: [lag], seed: 's' })
  const failed = { scenario, rehearser: realRehearser, seed: 's', schedule: [lag], check: 'no-acknowledged-write-lost' as const, result }

  test('it is one edit away, passes, and the same again when it is played', () => {
    const { nearest, passing, tried, steps } = nearestTwin(failed)
    expect(nearest?.edit).toEqual({ is: 'drop', fault: 0 })
    const again = rehearse({ ...edited(scenario, [lag], nearest!.edit), seed: 's' })
    expect(again.hash).toBe(nearest?.hash)
    expect(again.verdicts.find((verdict) => verdict.check === failed.check)?.status).toBe('pass')
    expect(passing).toBeLessThan(tried)
    // Brute force: what each step left out alone does.
    const alone = scenario.runbook.steps.filter((step) => rehearse({ scenario, schedule: [lag], seed: 's', without: [step.id] }).verdicts.some((verdict) => verdict.check === failed.check && verdict.status === 'pass'))
    expect(steps).toEqual(alone.map((step) => step.id))
  })

  test('a runbook that does not depend on luck or faults has its twin in the runbook', () => {
    const naive = rehearse({ scenario: careless, schedule: [], seed: 's' })
    const check = naive.verdicts.find((verdict) => verdict.status === 'fail' && verdict.check === 'no-split-brain')?.check
    expect(check).toBe('no-split-brain')
    const { nearest } = nearestTwin({ ...failed, scenario: careless, schedule: [], check: 'no-split-brain', result: naive })
    expect(nearest?.edit).toEqual({ is: 'swap', step: 'promote', with: 'stop' })
  })

  test('a guard left out or looked at too late is counted, and never offered; nor is a change to the runbook that only stops it', () => {
    const guarded = withSteps(`  - { id: look, gate: role m-1, expect: { equals: follower }, timeout: 1m }
  - { id: act, run: pause }`)
    const failing = rehearse({ scenario: guarded, schedule: [], seed: 's' })
    const passes = (outcome: 'completed' | 'aborted', only: (without: readonly string[]) => boolean) => nearestTwin({
      ...failed, scenario: guarded, schedule: [], result: failing,
      rehearser: { ...realRehearser, rehearse: ({ without = [] }) => ({ ...failing, outcome, verdicts: [{ check: failed.check, status: only(without) ? 'pass' : 'fail', evidence: '' }] }) },
    })
    expect(failing.steps.map((step) => step.step)).toEqual(['look', 'act'])
    expect(passes('completed', (without) => without.includes('look'))).toMatchObject({ nearest: null, runbook: null, passing: 1, steps: ['look'] })
    // The swap of the gate and what it guards.
    expect(passes('completed', (without) => without.length === 0)).toMatchObject({ nearest: null, passing: 1, steps: [] })
    expect(passes('completed', () => true).nearest?.edit).toEqual({ is: 'omit', step: 'act' })
    expect(passes('aborted', () => true)).toMatchObject({ nearest: null, passing: 3 })
  })

  test('where nothing one edit away helps, it says so', () => {
    const { nearest, passing, tried } = nearestTwin({ ...failed, rehearser: { ...realRehearser, rehearse: () => result } })
    expect([nearest, passing, tried > 5]).toEqual([null, 0, true])
  })

  test('all of it together, on the same failure', () => {
    const signature = result.verdicts.find((verdict) => verdict.check === failed.check)?.signature
    const { smallest, inevitable, twins } = explainFailure({ ...failed, signature: signature! })
    expect(smallest).toMatchObject({ minimal: true, steps: 7 })
    expect(smallest.needed).toContain('promote')
    expect(inevitable.sure).toBe(0)
    expect(twins).toEqual(nearestTwin(failed))
  })
})

test('a variant that comes to something that no model has tells nothing, and ends nothing; any other error is one', () => {
  const rehearser = (error: Error) => ({ ...fakeRehearser, rehearse: () => { throw error } })
  const what = { scenario: fakeScenario, seed: '1', schedule: [] }
  expect(attempt(rehearser(new UnsupportedError('a patch without a value', [])), what as never)).toBeUndefined()
  expect(() => attempt(rehearser(new Error('a defect')), what as never)).toThrow('a defect')
})
