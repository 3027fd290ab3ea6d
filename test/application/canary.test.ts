/** The canary: whole pods (rules APP-CANARY-…, APP-ROUTE-1), and what writes to one database only while it lasts. */
import { describe, expect, test } from 'vitest'
import { canaryPods } from '../../models/application/rollout.ts'
import { BOTH, type Bench, bench, calmDown, job } from './lab.ts'

const BUILDS = { 'webapp:2': { ...BOTH, statement: 'upsert' } }
const set = (on: Bench): unknown => on.run('kubectl argo rollouts set image webapp webapp=webapp:2')
const fresh = (on: Bench): number => [...on.cluster.world.pods.values()].filter(pod => pod.c.image === 'webapp:2' && pod.c.pod.ready && !pod.c.pod.terminating).length

test('O11, BG-T12: of six pods 20 % is one and 50 % three; less than 5 % takes 20 pods', () => {
  const counts = (replicas: number, weight: number, surge: number): readonly number[] => Object.values(canaryPods(replicas, weight, surge))
  expect([counts(6, 20, 2), counts(6, 50, 2), counts(6, 0, 2), counts(6, 100, 2)]).toEqual([[1, 5], [3, 3], [0, 6], [6, 0]])
  const smallestShare = (replicas: number): number => canaryPods(replicas, 1, 0).canary / replicas
  expect([6, 10, 19].every(n => smallestShare(n) >= 0.05)).toBe(true)
  expect(smallestShare(21)).toBeLessThan(0.05)
})

test('APP-CANARY-1: of the nearest shares the closest, with a pod more where there may be one, and of neither revision none', () => {
  // Those of argo-rollouts’ own tests and examples, and others reckoned after them.
  for (const [replicas, weight, surge, canary, stable] of [
    [10, 0, 1, 0, 10], [10, 1, 1, 1, 10], [10, 18, 1, 2, 9], [10, 19, 1, 2, 9], [10, 20, 1, 2, 8], [10, 23, 1, 2, 8], [10, 24, 1, 3, 8], [10, 25, 1, 3, 8], [10, 99, 1, 10, 1], [10, 100, 1, 10, 0],
    [10, 5, 1, 1, 10], [1, 5, 1, 1, 1], [1, 95, 1, 1, 1], [4, 10, 1, 1, 4], [5, 25, 2, 1, 4], [6, 1, 2, 1, 6], [6, 95, 2, 6, 1], [6, 95, 0, 5, 1], [3, 50, 0, 2, 1],
  ] as const) expect([replicas, weight, surge, ...Object.values(canaryPods(replicas, weight, surge))]).toEqual([replicas, weight, surge, canary, stable])
  const on = bench({ builds: BUILDS, canary: [{ setWeight: 95 }, { pause: {} }] })
  set(on)
  on.wait(300)
  expect([fresh(on), on.cluster.world.pods.size]).toEqual([6, 7])
  on.run('kubectl argo rollouts promote webapp')
  on.wait(120)
  expect([fresh(on), on.cluster.world.pods.size]).toEqual([6, 6])
})

test('steps: weights are reached, timed pauses end by themselves, and after the last step all pods are new', () => {
  const on = bench({ builds: BUILDS, canary: [{ setWeight: 20 }, { pause: { duration: '2m' } }, { setWeight: 50 }, { pause: { duration: '5m' } }] })
  set(on)
  on.wait(90)
  expect(fresh(on)).toBe(1)
  on.wait(120)
  expect(fresh(on)).toBe(3)
  expect(on.run('kubectl argo rollouts status webapp --watch=false').out).toMatch(/Paused/)
  expect(on.run('kubectl argo rollouts status webapp --timeout=30m')).toMatchObject({ code: 0, out: 'Healthy\n' })
  expect(fresh(on)).toBe(6)
})

test('a pause without duration waits for promote; abort brings the stable pods back', () => {
  const on = bench({ builds: BUILDS, canary: [{ setWeight: 50 }, { pause: {} }] })
  set(on)
  on.wait(1_200)
  expect(fresh(on)).toBe(3)
  on.run('kubectl argo rollouts abort webapp')
  on.wait(120)
  expect(fresh(on)).toBe(0)
  expect(on.cluster.world.pods.size).toBe(6)
  expect(on.run('kubectl argo rollouts status webapp').code).toBe(1)
  const again = bench({ builds: BUILDS, canary: [{ setWeight: 50 }, { pause: {} }] })
  set(again)
  again.wait(120)
  again.run('kubectl argo rollouts promote webapp')
  again.wait(120)
  expect(fresh(again)).toBe(6)
})

test('BG-T18, PG-S15: kubectl does not pause a Rollout, which goes on, and a pause takes no request from anybody', () => {
  const on = bench({ builds: BUILDS, canary: [{ setWeight: 20 }, { pause: { duration: '2m' } }, { setWeight: 50 }, { pause: {} }] })
  set(on)
  on.wait(60)
  expect(on.run('kubectl rollout pause rollout/webapp')).toMatchObject({ code: 1, err: 'error: rollouts.argoproj.io "webapp" pausing is not supported\n' })
  on.wait(240)
  expect([fresh(on), on.run('kubectl argo rollouts status webapp --watch=false').out]).toEqual([3, 'Paused - CanaryPauseStep\n'])
  const begin = on.operations().length
  on.wait(120)
  expect(on.operations().filter(({ id, outcome }) => id > begin && outcome === 'ok').length).toBeGreaterThan(100)
})

describe('BG-T11: while the writer to both is a canary, the rest of the writes are in legacy alone', () => {
  /** The share of writes without a statement on modern, once the canary stands at its weight, and the rows that are missing there. */
  function held(weight: number, trafficRouting: boolean): { alone: number; of: number; rows: number } {
    const on = bench({ builds: BUILDS, canary: [{ setWeight: weight }, { pause: {} }], trafficRouting, followUpShare: 0, deleteShare: 0, absentShare: 0, keys: 20_000, sampledHot: 400, sampledCold: 400, writesPerSecond: 200 })
    set(on)
    on.wait(90)
    job(on, 'backfill', ['backfill', '--mode=upsert'])
    const begin = on.operations().length
    on.wait(300)
    calmDown(on)
    const since = on.operations().filter(({ id }) => id > begin)
    return { alone: since.filter(({ legs }) => !legs.some(({ side }) => side === 'modern')).length, of: since.length, rows: on.cluster.rows().divergent.length }
  }

  const held20 = held(20, false)
  const held50 = held(50, false)

  test.each([['20 % of six pods are one', held20, 5 / 6], ['50 % are three', held50, 3 / 6], ['with a mesh 20 % are 20 %', held(20, true), 0.8]] as const)('%s', (_, { alone, of }, share) => {
    expect(of).toBeGreaterThan(300)
    // Three and a half standard deviations of that many independent requests.
    expect(Math.abs(alone / of - share)).toBeLessThan(3.5 * Math.sqrt((share * (1 - share)) / of))
  })

  test('and the rows that differ are in that proportion', () => {
    expect(held20.rows).toBeGreaterThan(held50.rows * 1.2)
    expect(held50.rows).toBeGreaterThan(50)
  })
})
