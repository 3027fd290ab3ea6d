import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { signatureKey } from '../../src/campaign/aggregate.ts'
import { type Form, allBut, leavesOf, leftOut } from '../../src/campaign/form.ts'
import { leastHalf, leastPart } from '../../src/campaign/least.ts'
import { realRehearser } from '../../src/campaign/real.ts'
import { type Failing, failsWith, shrinkSchedule, shrinkWhole } from '../../src/campaign/shrink.ts'
import { resized } from '../../src/campaign/shrink-sizes.ts'
import type { Fault } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { loadScenarioFrom } from '../../src/scenario/index.ts'
import { withSteps } from '../rehearsal/scenarios.ts'
import { toy } from '../toy/engine.ts'

describe('the two searches', () => {
  test('a least part is enough, and no single item can go: whatever "enough" means', () => {
    // Any predicate at all over up to ten items: a table of which parts are enough. The whole always is.
    const worlds = fc.integer({ min: 1, max: 8 }).chain((n) => fc.record({ n: fc.constant(n), table: fc.array(fc.boolean(), { minLength: 2 ** n, maxLength: 2 ** n }) }))
    fc.assert(
      fc.property(worlds, ({ n, table }) => {
        const items = Array.from({ length: n }, (_, i) => i)
        const enough = (part: readonly number[]): boolean => part.length === n || table[part.reduce((sum, i) => sum + (1 << i), 0)] === true
        const least = leastPart(items, enough)
        expect(enough(least)).toBe(true)
        for (const item of least) expect(enough(least.filter((other) => other !== item))).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  test('big cuts come first: one item out of a thousand takes few questions', () => {
    let asked = 0
    const least = leastPart(Array.from({ length: 1000 }, (_, i) => i), (part) => (asked++, part.includes(617)))
    expect(least).toEqual([617])
    expect(asked).toBeLessThan(40)
  })

  test('a least half is enough, and its half is not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 0, max: 100 }), fc.func(fc.boolean()), (value, floor, answer) => {
        const enough = (half: number): boolean => half === value || answer(half)
        const least = leastHalf(value, floor, enough)
        expect(enough(least)).toBe(true)
        const half = Math.floor(least / 2)
        if (half >= floor && half < least) expect(enough(half)).toBe(false)
      }),
    )
    expect(leastHalf(85 * SECOND, SECOND, (us) => us >= 9 * SECOND)).toBe(10 * SECOND)
    expect(leastHalf(85 * SECOND, SECOND, () => true)).toBe(SECOND)
  })
})

/** A careless swap with much around it that does not matter. */
const swap = withSteps(`  - id: look
    steps:
      - { id: look-0, run: role m-0 }
      - { id: look-1, run: role m-1 }
  - { id: wait, sleep: 20s }
  - id: each
    forEach: { words: m-1 m-2, as: member, steps: [{ id: ask, run: 'role \${member}' }, { id: breathe, sleep: 2s }] }
  - { id: promote, run: promote m-1 }
  - { id: linger, sleep: 3s }
  - { id: route, run: route m-1 }
  - { id: remove, run: stop m-0 }
  - { id: done, sleep: 5s }`)

/** One whose failure needs a fault: a follower that lags is promoted after the leader has stopped. */
const lagging = withSteps(`  - { id: look, run: role m-0 }
  - { id: wait, sleep: 30s }
  - { id: pause, run: pause }
  - { id: stop, run: stop m-0 }
  - { id: promote, run: promote m-1 }
  - { id: route, run: [follow m-2 m-1, route m-1] }
  - { id: resume, run: resume }
  - { id: done, sleep: 5s }`)

function firstFailing(schedule: readonly Fault[], scenario = lagging, seed = 's'): Failing | undefined {
  const result = realRehearser.rehearse({ scenario, seed, schedule })
  const failed = result.inBudget ? result.verdicts.find((verdict) => verdict.check === 'no-acknowledged-write-lost' && verdict.status === 'fail') : undefined
  return failed?.signature === undefined ? undefined : { scenario, rehearser: realRehearser, seed, schedule, key: signatureKey(failed.signature), step: failed.signature.step }
}

/** Brute force, with none of the shrinker's own code for making candidates: everything that is one cut smaller. */
function* oneSmaller({ schedule, without, set }: Form, failing: Failing): Generator<Form> {
  const { scenario, step } = failing
  for (let i = 0; i < schedule.length; i++) {
    yield { schedule: schedule.filter((_, n) => n !== i), without, set }
    const halved = Math.floor((schedule[i] as Fault).durationUs / 2)
    if (halved >= SECOND) yield { schedule: schedule.map((fault, n) => (n === i ? { ...fault, durationUs: halved } : fault)), without, set }
  }
  const gone = leftOut(scenario.runbook, without)
  for (const each of scenario.runbook.steps) if (each.path === 'forward' && each.id !== step && !gone.has(each.id) && each.action.kind !== 'group' && each.action.kind !== 'forEach') yield { schedule, without: [...without, each.id], set }
  const now = loadScenarioFrom(scenario.source, [toy], { set })
  const members = (now.options as { members: number }).members
  if (members > 1) yield { schedule, without, set: { ...set, 'cluster.members': String(members - 1) } }
  const { writesPerSecond, connections, cohorts } = now.load
  if (writesPerSecond >= 2) yield { schedule, without, set: { ...set, 'load.writesPerSecond': String(Math.floor(writesPerSecond / 2)) } }
  if (Math.floor(connections / 2) >= cohorts) yield { schedule, without, set: { ...set, 'load.connections': String(Math.floor(connections / 2)) } }
}

/** Fails alike, played from the scenario's own text with the values set, as a user would. */
function fails({ schedule, without, set }: Form, { scenario, seed, key }: Failing): boolean {
  return failsWith(realRehearser.rehearse({ scenario: loadScenarioFrom(scenario.source, [toy], { set }), seed, schedule, without }), key)
}

describe('shrinking on the toy', () => {
  test('leaves the steps that do it, on the smallest cluster, under the least load', () => {
    const failing = firstFailing([], swap) as Failing
    expect(failing.key).toBe('no-acknowledged-write-lost/overlap/linger')
    const { form, result, minimal } = shrinkWhole(failing)
    expect(minimal).toBe(true)
    expect(form).toEqual({ schedule: [], without: ['look', 'wait', 'each', 'remove', 'done'], set: expect.objectContaining({ 'cluster.members': '2', 'load.writesPerSecond': '1' }) })
    const again = realRehearser.rehearse({ scenario: loadScenarioFrom(swap.source, [toy], { set: form.set }), seed: failing.seed, schedule: form.schedule, without: form.without })
    expect(again.hash).toBe(result.hash)
  })

  test('1-minimal: nothing that is one cut smaller fails alike', () => {
    const fault = fc.record({
      kind: fc.constantFrom('replication-lag' as const, 'process-pause' as const, 'partition' as const, 'process-kill' as const),
      target: fc.constantFrom('role:follower/0', 'role:follower/1', 'any/2', 'any/1'),
      at: fc.oneof(
        fc.integer({ min: 0, max: 35 * SECOND }),
        fc.record({ step: fc.constantFrom('look', 'wait', 'pause', 'stop', 'promote'), path: fc.constant('forward' as const), visit: fc.constant(1), phase: fc.constantFrom('start' as const, 'await' as const, 'end' as const), command: fc.constant(1), offsetUs: fc.integer({ min: 0, max: SECOND }) }),
      ),
      durationUs: fc.integer({ min: SECOND, max: 300 * SECOND }),
      magnitude: fc.constant(0),
    })
    // Most small schedules lose nothing: one that does is put among them.
    const culprit: Fault = { kind: 'replication-lag', target: 'role:follower/0', at: 20 * SECOND, durationUs: 120 * SECOND, magnitude: 0 }
    let failed = 0
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 3 }), fc.nat({ max: 3 }), (others, at) => {
        const schedule = [...others.slice(0, at), culprit, ...others.slice(at)]
        const failing = firstFailing(schedule)
        if (failing === undefined) return
        failed += 1
        const { form, minimal } = shrinkWhole(failing)
        expect(minimal).toBe(true)
        expect(fails(form, failing)).toBe(true)
        for (const smaller of oneSmaller(form, failing)) expect(fails(smaller, failing), JSON.stringify({ form, smaller })).toBe(false)
      }),
      { numRuns: 25 },
    )
    expect(failed).toBeGreaterThan(10)
  })

  test('a fault goes to the simplest place, the simplest target, the shortest time', () => {
    const company: Fault = { kind: 'process-pause', target: 'any/2', at: 3 * SECOND, durationUs: 4 * SECOND, magnitude: 0 }
    const lag: Fault = { kind: 'replication-lag', target: 'any/1', at: 29 * SECOND, durationUs: 200 * SECOND, magnitude: 0 }
    const { form, attempts } = shrinkSchedule(firstFailing([company, lag]) as Failing)
    expect(form).toEqual({ schedule: [{ kind: 'replication-lag', target: 'role:follower/0', at: { step: 'wait', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: expect.any(Number), magnitude: 0 }], without: [], set: {} })
    expect(form.schedule[0]?.durationUs).toBeLessThan(65 * SECOND)
    expect(attempts).toBeLessThan(30)
  })

  test('a failure that takes one step and nothing else comes to an end', () => {
    const rehearser = { ...realRehearser, rehearse: () => realRehearser.rehearse({ scenario: swap, schedule: [], seed: 's' }) }
    const { form, minimal } = shrinkWhole({ ...(firstFailing([], swap) as Failing), rehearser })
    expect(minimal).toBe(true)
    expect(leavesOf(swap.runbook).filter((leaf) => !leftOut(swap.runbook, form.without).has(leaf.id)).map((leaf) => leaf.id)).toEqual(['linger'])
  })

  test('what does not fail is given back as it is', () => {
    const calm: Failing = { scenario: lagging, rehearser: realRehearser, seed: 's', schedule: [], key: 'no-acknowledged-write-lost/overlap/promote', step: 'promote' }
    expect(shrinkWhole(calm)).toMatchObject({ form: { schedule: [], without: [], set: {} }, minimal: false })
  })

  test('a step left out that sends the runbook round in circles is given up, not waited for', () => {
    const circles = withSteps(`  - { id: promote, run: promote m-1 }
  - { id: pause, run: pause }
  - { id: held, gate: role m-1, expect: { equals: leader }, every: 1s, timeout: 1s, otherwise: { goto: pause } }
  - { id: route, run: [route m-1, resume] }`)
    const failing = firstFailing([], circles)
    if (failing === undefined) throw new Error('the runbook does not fail')
    expect(() => realRehearser.rehearse({ scenario: circles, seed: 's', schedule: [], without: ['promote'], visitsMax: 50 })).toThrow('after 50 visits of steps')
    expect(shrinkWhole(failing).form.without).not.toContain('promote')
  })
})

describe('forms', () => {
  test('all but some leaves: whole groups go by their own name, and nothing else does', () => {
    const leaves = leavesOf(swap.runbook)
    fc.assert(
      fc.property(fc.subarray(leaves), (kept) => {
        const gone = leftOut(swap.runbook, allBut(swap.runbook, kept))
        expect(leaves.filter((leaf) => !gone.has(leaf.id))).toEqual(kept)
      }),
    )
    expect(allBut(swap.runbook, leaves.filter((leaf) => leaf.id === 'ask'))).toEqual(['look', 'wait', 'breathe', 'promote', 'linger', 'route', 'remove', 'done'])
  })

  test('a resized scenario is the one that --set gives; one that cannot be is none', () => {
    const set = { 'cluster.members': '5', 'load.writesPerSecond': '7' }
    const loaded = loadScenarioFrom(swap.source, [toy], { set })
    expect(resized(swap, set)).toMatchObject({ options: loaded.options, load: loaded.load, source: loaded.source })
    expect(resized({ ...swap, options: { ...(swap.options as object), promise: 'synchronous' } }, { 'cluster.members': '1' })).toBeUndefined()
  })
})
