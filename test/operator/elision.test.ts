import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HOUR, Simulation } from '../../src/kernel/index.ts'
import { type GateEvent, type PhaseEvent, type RunbookSource, compileRunbook, startOperator } from '../../src/operator/index.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

/**
 * A gate that skips the polls it knows the answer of must be the gate that does not: same outputs, same instants, same luck, same trace.
 * The toy worlds change on coarse instants so that changes and polls collide, and latencies are sometimes longer than `every`.
 */
const tick = 250_000
const change = fc.record({ at: fc.integer({ min: 0, max: 400 }), name: fc.constantFrom('a', 'b', 'noise'), value: fc.constantFrom('', '1', '5', 'up', 'down') })
const gate = fc.record({
  gate: fc.constantFrom('get a', 'get b', 'age', 'get a | wc -w', 'get b | grep -c up', 'flaky a'),
  expect: fc.constantFrom<RunbookSource['steps'][number] extends infer _ ? Record<string, unknown> : never>({ equals: 'up' }, { max: 3 }, { min: 1 }, { count: 0 }, { not: 'down' }, { min: 40 }),
  missing: fc.constantFrom('fail', 'pass'),
  every: fc.constantFrom('250ms', '1s', '1500ms', '5s'),
  for: fc.constantFrom('0s', '1s', '3s', '7s'),
  timeout: fc.constantFrom('1s', '9s', '30s', '1m30s'),
  otherwise: fc.constant('continue'),
})
const world = fc.record({
  changes: fc.array(change, { maxLength: 12 }),
  gates: fc.array(gate, { minLength: 1, maxLength: 3 }),
  latency: fc.constantFrom('fixed', 'zero', 'keyed', 'long'),
  bounded: fc.boolean(),
  chained: fc.boolean(),
  afterUsPerLetter: fc.constantFrom(7_000, 90_000),
  wants: fc.option(fc.integer({ min: 1, max: 12 })),
  killAt: fc.option(fc.integer({ min: 0, max: 120 })),
})
type World = typeof world extends fc.Arbitrary<infer T> ? T : never

function play(w: World, elide: boolean) {
  const sim = new Simulation({ seed: 'toy' })
  const toy = new ToyWorld(sim)
  for (const { at, name, value } of w.changes) toy.at(at * tick, name, value)
  if (w.chained) sim.observe(() => { if (toy.values.get('b') === '5') toy.set('a', 'up'); if (toy.values.get('b') === '5') toy.set('b', 'up') })
  const latencyUs = (call: { key: string; nth: number }): number => {
    const draw = sim.chance.draw(call.key, 'latency', call.nth)
    return { fixed: 100_000, zero: 0, keyed: Math.floor(draw * 240_000), long: Math.floor(draw * 2_400_000) }[w.latency]
  }
  const boundUs = { fixed: 100_000, zero: 0, keyed: 240_000, long: 2_400_000 }[w.latency]
  const registry = toyRegistry(toy, { latencyUs, afterUs: text => text.length * w.afterUsPerLetter, ...(w.bounded ? { boundUs } : {}) })
  const plan = compileRunbook({ format: 1, title: 'toy', steps: [...w.gates, 'set done 1'] })
  const gates: GateEvent[] = []
  const awaits: PhaseEvent[] = []
  const run = startOperator(sim, plan, {
    registry, deadlineUs: HOUR, elide,
    observer: {
      gate: e => gates.push(e),
      phase: e => { if (e.phase === 'await') awaits.push(e) },
      wantsPoll: (_s, _p, _v, from) => (w.wants !== null && from <= w.wants ? w.wants : undefined),
    },
  })
  if (w.killAt !== null) {
    sim.call(w.killAt * tick, () => run.kill())
    sim.call(w.killAt * tick + 1_234_567, () => run.resume())
  }
  sim.run()
  const wanted = awaits.filter(e => e.command === w.wants).map(e => [e.step, e.visit, e.atUs])
  return { outcome: run.outcome, journal: run.journal.toText(), gates, log: toy.log, wanted, hash: sim.traceHash(), events: sim.eventsRun }
}

test('elided = not elided', () => {
  let elided = 0
  let real = 0
  fc.assert(
    fc.property(world, w => {
      const { events: more, ...all } = play(w, false)
      const { events: less, ...few } = play(w, true)
      expect(few).toEqual(all)
      elided += less
      real += more
    }),
    { numRuns: 800, seed: 7 },
  )
  expect(elided).toBeLessThan(real / 2)
}, 60_000)

test('a command that fails in front of a pipe leaves no data, whatever the rest of the pipe makes of it; what the shell sees decides as before', () => {
  const gateOf = (line: string, elide: boolean): Pick<GateEvent, 'passed' | 'missing' | 'polls'> => {
    const sim = new Simulation({ seed: 'toy' })
    const toy = new ToyWorld(sim)
    toy.at(0, 'there', 'down')
    const gates: GateEvent[] = []
    startOperator(sim, compileRunbook({ format: 1, title: 'toy', steps: [{ gate: line, expect: { max: 0 }, for: '2s', every: '1s', timeout: '9s' }] }), { registry: toyRegistry(toy), deadlineUs: HOUR, elide, observer: { gate: e => gates.push(e) } })
    sim.run()
    const [{ passed, missing, polls }] = gates as [GateEvent]
    return { passed, missing, polls }
  }
  for (const elide of [true, false]) {
    expect(gateOf('get nothing | grep -c up', elide)).toEqual({ passed: true, missing: true, polls: 3 })
    expect(gateOf('get there | grep -c up', elide)).toEqual({ passed: true, missing: false, polls: 3 })
    expect(gateOf('get nothing', elide)).toMatchObject({ passed: false, missing: true })
    // Run, not looked at: the command has effects.
    expect(gateOf('fail | wc -l', elide)).toMatchObject({ passed: true, missing: true })
  }
})
