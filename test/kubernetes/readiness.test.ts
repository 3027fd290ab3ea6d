import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SECOND, Simulation } from '../../src/kernel/index.ts'
import { Readiness } from '../../models/kubernetes/readiness.ts'

/** The same verdicts by running every probe. */
function byProbing(changes: readonly [number, boolean][], firstUs: number, failures: number, successes: number, endUs: number): string[] {
  let verdict = false
  let streak = 0
  let last = false
  const out: string[] = []
  for (let t = firstUs; t <= endUs; t += 10 * SECOND) {
    let truth = false
    for (const [at, value] of changes) if (at <= t) truth = value
    streak = truth === last ? streak + 1 : 1
    last = truth
    if (truth !== verdict && streak >= (truth ? successes : failures)) {
      verdict = truth
      out.push(`${t} ${verdict}`)
    }
  }
  return out
}

it('K8S-PROBE-1: elided probes give the verdicts of real ones, at the same instants', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), fc.boolean()), { maxLength: 25 }),
      fc.integer({ min: 1, max: 9_999_999 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      (raw, phase, failures, successes) => {
        const changes = raw.map(([s, v]) => [s * SECOND, v] as [number, boolean]).sort((a, b) => a[0] - b[0])
        const sim = new Simulation({ seed: '1' })
        const out: string[] = []
        const probe = new Readiness(sim, { periodSeconds: 10, failureThreshold: failures, successThreshold: successes }, phase, () => out.push(`${sim.now} ${probe.verdict}`))
        for (const [at, value] of changes) sim.call(at, () => probe.set(value))
        sim.run(400 * SECOND)
        expect(out).toEqual(byProbing(changes, phase, failures, successes, 400 * SECOND))
        expect(sim.eventsRun).toBeLessThanOrEqual(2 * changes.length + 1)
      },
    ),
    { seed: 1, numRuns: 1000 },
  )
})

it('K8S-PROBE-1: a failing process is not Ready after three probes, a recovered one after one', () => {
  const sim = new Simulation({ seed: '1' })
  const out: string[] = []
  const probe = new Readiness(sim, {}, 4 * SECOND, () => out.push(`${sim.now / SECOND} ${probe.verdict}`))
  probe.set(true)
  sim.call(15 * SECOND, () => probe.set(false))
  sim.call(80 * SECOND, () => probe.set(true))
  sim.run(200 * SECOND)
  expect(out).toEqual(['4 true', '44 false', '84 true'])
})
