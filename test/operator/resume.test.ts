import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HOUR, MINUTE, Simulation } from '../../src/kernel/index.ts'
import { type Plan, compileRunbook, startOperator } from '../../src/operator/index.ts'
import { runbook } from './arbitrary.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

interface Kill {
  readonly atUs: number
  readonly resumes: boolean
}

function rehearse(plan: Plan, kill?: Kill) {
  const sim = new Simulation({ seed: '3' })
  const world = new ToyWorld(sim)
  world.at(4_000_000, 'x', '1')
  const instants = new Set<number>()
  const run = startOperator(sim, plan, {
    registry: toyRegistry(world), deadlineUs: 5 * MINUTE, elide: true,
    observer: { phase: e => instants.add(e.atUs), commandReturned: e => instants.add(e.atUs) },
  })
  if (kill !== undefined) {
    sim.call(kill.atUs, () => run.kill())
    if (kill.resumes) sim.call(kill.atUs + 700_000, () => run.resume())
  }
  sim.run(HOUR)
  return { run, world, instants: [...instants] }
}

const WHEEL = compileRunbook(`
format: 1
title: wheel
steps:
  - { id: scale, run: set n 4, undo: set n 3 }
  - { id: ready, gate: get x, every: 1s, timeout: 20s }
  - { id: pods, forEach: { list: [a, b], as: pod, steps: [{ id: move, run: ['set \${pod} 1', work 2], undo: 'set \${pod} 0', retry: { times: 1 } }] } }
  - { id: promote, run: set leader new, resume: stop, pointOfNoReturn: true }
  - { id: drain, sleep: 3s, resume: skip }
  - { id: clean, parallel: [work 1, work 2], timeout: 90s }
`)

test('killed at every await and resumed: always a legal outcome, with the journal in order', () => {
  const { instants } = rehearse(WHEEL)
  const outcomes = new Set<string>()
  // Just before, at and just after each instant at which something is issued or returns.
  for (const atUs of instants.flatMap(t => [t - 1, t, t + 1]).filter(t => t >= 0)) {
    const { run, world } = rehearse(WHEEL, { atUs, resumes: true })
    outcomes.add(run.outcome ?? 'none')
    const what = run.journal.entries.map(e => e.what)
    expect(what.at(-1)).toBe('outcome')
    if (run.outcome === 'completed') expect(['1', '4']).toEqual([world.values.get('a'), world.values.get('n')])
    else expect(run.reason).toBe('taken over at step promote, which says resume: stop')
  }
  expect([...outcomes].sort()).toEqual(['aborted', 'completed'])
})

test('killed for good is stuck at the deadline, and touches nothing more', () => {
  const { instants } = rehearse(WHEEL)
  for (const atUs of instants) {
    const { run, world } = rehearse(WHEEL, { atUs, resumes: false })
    if (run.outcome !== 'completed') expect(run.outcome).toBe('stuck')
    for (const line of world.log) if (run.outcome === 'stuck') expect(Number(line.split(' ')[0])).toBeLessThanOrEqual(atUs)
  }
})

test('any runbook, killed at any instant and resumed, ends in a legal outcome', () => {
  fc.assert(
    fc.property(runbook, fc.integer({ min: 0, max: 20_000_000 }), (source, atUs) => {
      const { run } = rehearse(compileRunbook(source), { atUs, resumes: true })
      expect(['completed', 'rolledBack', 'aborted', 'stuck']).toContain(run.outcome)
      // `started` comes before `done`, and every visit that is done was started.
      const open = new Map<string, number>()
      for (const e of run.journal.entries) {
        if (e.what === 'started') open.set(`${e.path} ${e.step}`, e.visit)
        if (e.what === 'done') expect(open.get(`${e.path} ${e.step}`)).toBe(e.visit)
      }
    }),
    { numRuns: 200, seed: 5 },
  )
})

test('the deadline can be moved later, never earlier', () => {
  const sim = new Simulation({ seed: '1' })
  const run = startOperator(sim, compileRunbook({ format: 1, title: 't', steps: [{ gate: 'get never' }] }), { registry: toyRegistry(new ToyWorld(sim)), deadlineUs: MINUTE, elide: true })
  sim.call(MINUTE / 2, () => {
    run.extendDeadline(3 * MINUTE)
    run.extendDeadline(MINUTE)
  })
  sim.run(2 * MINUTE)
  expect(run.outcome).toBeUndefined()
  sim.run(4 * MINUTE)
  expect([run.outcome, run.reason, sim.now, run.journal.entries.at(-1)?.atUs]).toEqual(['stuck', 'the deadline passed in step 1', 4 * MINUTE, 3 * MINUTE])
})
