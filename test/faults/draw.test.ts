import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scheduleArbitrary } from '../../src/faults/arbitrary.ts'
import { drawSchedule, FAULT_KINDS, faultSpec, isAnchor, USUAL_KINDS, type Schedule } from '../../src/faults/index.ts'
import { parseSchedule } from '../../src/faults/parse.ts'
import { Chance } from '../../src/kernel/index.ts'
import { itinerary, plan, space } from './space.ts'

const draw = (seed: string, max = 6, kinds = space.kinds): Schedule => drawSchedule(new Chance(seed), { ...space, kinds }, itinerary, max)

test('a schedule is a function of the seed, and golden: a release cannot silently change a replay', () => {
  expect(draw('7')).toEqual(draw('7'))
  const line = (seed: string): string => draw(seed, 3).map(f => `${f.kind} ${f.target} ${isAnchor(f.at) ? Object.values(f.at).join('/') : f.at} ${f.durationUs} ${f.magnitude}`).join(' + ')
  expect(['1', '2', '3', '4', '5'].map(line)).toMatchInlineSnapshot(`
    [
      "process-crash role:leader 29185000 12118000 0 + coordinator-away any/2 36278000 89243000 0",
      "operator-killed operator promote/forward/1/start/1/0 30000000 0",
      "proxy-restart any/6 promote/forward/1/start/1/0 0 0",
      "process-crash role:follower/0 promote/forward/1/await/1/0 51615000 0",
      "proxy-restart any/10 look/forward/1/start/1/0 0 0",
    ]
  `)
})

test('every schedule drawn has 1…K faults of allowed kinds and passes the validation of files', () => {
  for (let i = 0; i < 2000; i++) {
    const schedule = draw(`seed ${i}`, 3)
    expect(schedule.length).toBeGreaterThanOrEqual(1)
    expect(schedule.length).toBeLessThanOrEqual(3)
    expect(parseSchedule(JSON.parse(JSON.stringify(schedule)), 'drawn', plan.steps)).toEqual(schedule)
    for (const fault of schedule) {
      const spec = faultSpec(fault.kind)
      expect(fault.durationUs).toBeGreaterThanOrEqual(spec.durationUs.min)
      if (!spec.mayLast) expect(fault.durationUs).toBeLessThanOrEqual(900_000_000)
    }
  }
  expect(draw('x', 0)).toEqual([])
  expect(draw('x', 3, [])).toEqual([])
})

test('draws reach every kind, every phase, undo and times; half the kinds are off in a run', () => {
  const faults = Array.from({ length: 3000 }, (_, i) => draw(`reach ${i}`)).flat()
  expect(new Set(faults.map(f => f.kind)).size).toBe(USUAL_KINDS.length)
  const anchors = faults.flatMap(f => (isAnchor(f.at) ? [f.at] : []))
  expect(anchors.length / faults.length).toBeGreaterThan(0.6)
  expect(anchors.length / faults.length).toBeLessThan(0.9)
  expect(new Set(anchors.map(a => `${a.path} ${a.phase}`)).size).toBe(6)
  expect(anchors.some(a => a.path === 'undo' && a.step === 'stop')).toBe(true)
  const kindsInRun = Array.from({ length: 300 }, (_, i) => new Set(draw(`swarm ${i}`, 20).map(f => f.kind)).size)
  expect(kindsInRun.some(n => n <= 2)).toBe(true)
  expect(kindsInRun.some(n => n >= 6)).toBe(true)
})

test('taking a kind away leaves the other draws of a run as they were, where it was not chosen', () => {
  for (let i = 0; i < 200; i++) {
    const all = draw(`s${i}`)
    if (all.some(f => f.kind === 'image-pull-slow')) continue
    const fewer = draw(`s${i}`, 6, space.kinds.filter(kind => kind !== 'image-pull-slow'))
    // A run in which it was the only kind on has to take another one.
    if (fewer.length === all.length && fewer[0]?.kind === all[0]?.kind) expect(fewer).toEqual(all)
  }
})

test('the arbitrary gives valid schedules, and shrinks to the plainest one', () => {
  const schedules = scheduleArbitrary(space, plan, { 'node-loss': ['node:aks-1'] })
  fc.assert(
    fc.property(schedules, schedule => {
      parseSchedule(JSON.parse(JSON.stringify(schedule)), 'arbitrary', plan.steps)
    }),
    { numRuns: 500, seed: 1 },
  )
  const found = fc.check(fc.property(schedules, schedule => !schedule.some(f => f.kind === 'partition')), { numRuns: 500, seed: 2 })
  expect(found.counterexample?.[0]).toEqual([{ kind: 'partition', target: 'role:leader', at: { step: 'look', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: faultSpec('partition').durationUs.usual, magnitude: 0 }])
})

test('a kind that can strike only at some phases is drawn at those, by anchor or by time', () => {
  const mistakes = FAULT_KINDS.filter(kind => faultSpec(kind).onlyWhenNamed === 'operator-error')
  const faults = Array.from({ length: 500 }, (_, i) => draw(`mistakes ${i}`, 3, mistakes)).flat()
  expect(new Set(faults.map(f => f.kind))).toEqual(new Set(mistakes))
  for (const { kind, at, target, durationUs } of faults) {
    expect([target, durationUs]).toEqual(['operator', 0])
    if (isAnchor(at)) expect(faultSpec(kind).phases, kind).toContain(at.phase)
  }
})
