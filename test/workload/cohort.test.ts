import { expect, test } from 'vitest'
import { HOUR, MINUTE, SECOND, Simulation } from '../../src/kernel/index.ts'
import type { Load } from '../../src/scenario/scenario.ts'
import { startWorkload } from '../../src/workload/index.ts'
import { toyCluster } from '../toy/engine.ts'
import { toyLoad } from '../toy/story.ts'

function world(load: Partial<Load> = {}, seed = 'w') {
  const sim = new Simulation({ seed, record: true })
  const cluster = toyCluster(sim)
  cluster.settle()
  const log = cluster.logs[0]!
  const workload = startWorkload(sim, cluster, { ...toyLoad, ...load }, log)
  sim.run(sim.now + SECOND)
  const wait = (us: number): void => sim.run(sim.now + us)
  return { sim, cluster, toy: cluster.world, log, workload, wait, cohort: workload.cohorts[0]! }
}

test('a load is shared out over the cohorts, and all of it is written', () => {
  const { workload, log, wait } = world({ cohorts: 3, connections: 10, writesPerSecond: 900 })
  expect(workload.cohorts.map(c => c.demand.options.connections)).toEqual([4, 3, 3])
  expect(workload.cohorts.every(c => c.writing && c.reading && c.backend === 'm-0')).toBe(true)
  const before = log.ledger.ackedWrites()
  wait(10 * SECOND)
  expect(Math.abs(log.ledger.ackedWrites() - before - 9000)).toBeLessThanOrEqual(3)
})

test('an entrance that the cluster lacks, or too few connections, is refused by name', () => {
  expect(() => world({ entrance: 'side-door' })).toThrow('workload: the cluster has no entrance `side-door`; it has: main')
  expect(() => world({ cohorts: 3, connections: 2 })).toThrow('workload: 3 cohorts cannot share 2 connections; each needs one')
})

test('an established session stays where it is when the route changes', () => {
  const { toy, wait, workload } = world()
  toy.promote('m-1')
  toy.route('m-1')
  wait(MINUTE)
  expect(workload.cohorts.map(c => c.backend)).toEqual(['m-0', 'm-0'])
  toy.stop('m-0', 'clean', 'runbook')
  wait(SECOND)
  expect(workload.cohorts.map(c => c.backend)).toEqual(['m-1', 'm-1'])
})

test('a pooled connection is renewed when its life is over, each cohort at its own time, and so finds the new route', () => {
  const { toy, wait, workload } = world({ connectionLifeUs: 10 * MINUTE })
  toy.promote('m-1')
  toy.route('m-1')
  wait(1)
  expect(workload.cohorts.map(c => c.backend)).toEqual(['m-0', 'm-0'])
  wait(10 * MINUTE + SECOND)
  expect(workload.cohorts.map(c => c.backend)).toEqual(['m-1', 'm-1'])
})

test('told "read-only", a client reconnects; or stays when that is its way', () => {
  for (const onReadOnly of ['reconnect', 'stay'] as const) {
    const { toy, wait, cohort } = world({ onReadOnly })
    toy.promote('m-1')
    toy.route('m-1')
    toy.follow('m-0', 'm-1')
    expect(cohort.state).toBe('readOnly')
    expect(cohort.error).toBe('m-0 is read-only')
    expect(cohort.reading).toBe(true)
    wait(MINUTE)
    expect(cohort.backend).toBe(onReadOnly === 'reconnect' ? 'm-1' : 'm-0')
    expect(cohort.writing).toBe(onReadOnly === 'reconnect')
  }
})

test('a paused entrance queues: nothing fails at once, and what waits is written after', () => {
  const { toy, wait, cohort, log, sim } = world({ queueAgeLimitUs: MINUTE })
  wait(100_000)
  toy.hold(true)
  wait(2 * SECOND)
  expect(cohort.state).toBe('held')
  expect(cohort.writing).toBe(false)
  const before = log.ledger.ackedWrites()
  toy.hold(false)
  wait(2 * SECOND)
  expect(cohort.writing).toBe(true)
  expect(log.ledger.ackedWrites() - before).toBeGreaterThan(3_900)
  expect(log.ledger.total('unknown')).toBe(0)
  expect(cohort.failures.total(sim.now).attempts).toBe(0)
})

test('what the connections cannot carry fails, although writes flow all the while; what they can carry does not', () => {
  const failed = (writesPerSecond: number): { attempts: number; operations: number } => {
    const { wait, cohort, sim } = world({ writesPerSecond, queueAgeLimitUs: SECOND, attempts: 1, cohorts: 1 })
    wait(MINUTE)
    expect(cohort.writing).toBe(true)
    return cohort.failed(sim.now)
  }
  expect(failed(100)).toEqual({ attempts: 0, operations: 0 })
  const [much, more] = [failed(1_000_000), failed(2_000_000)]
  expect(much.operations).toBeGreaterThan(0)
  expect(much.operations).toBe(much.attempts)
  // All that comes beyond what is carried: a million more a second, but for the second that the queue holds.
  expect((more.operations - much.operations) / 59e6).toBeCloseTo(1, 1)
})

test('silence is given up after the time-out, and what was in flight is unknown', () => {
  const { toy, wait, cohort, log } = world({ timeoutUs: 5 * SECOND })
  toy.setCutOff('m-0', true)
  expect(cohort.state).toBe('silent')
  wait(4_999_000)
  expect(cohort.state).toBe('silent')
  wait(10_000)
  expect(cohort.state).not.toBe('silent')
  expect(cohort.error).toBe(`no answer within the client's time-out`)
  expect(log.ledger.total('unknown')).toBeGreaterThan(0)
  // Its next attempt gets no answer either: it is not refused, it waits.
  wait(SECOND)
  expect(cohort.state).toBe('unanswered')
  toy.setCutOff('m-0', false)
  wait(10 * SECOND)
  expect(cohort.writing).toBe(true)
})

test('a leader that acknowledges nothing is given up after the time-out', () => {
  const sim = new Simulation({ seed: 'h' })
  const cluster = toyCluster(sim, { promise: 'synchronous' })
  cluster.settle()
  const workload = startWorkload(sim, cluster, toyLoad, cluster.logs[0]!)
  const cohort = workload.cohorts[0]!
  sim.run(sim.now + SECOND)
  expect(cohort.writing).toBe(true)
  cluster.world.stop('m-1', 'clean', 'runbook')
  cluster.world.stop('m-2', 'clean', 'runbook')
  sim.run(sim.now + SECOND)
  expect(cohort.state).toBe('writable')
  expect(cohort.label).toBe('hanging')
  expect(workload.probeFreshWrite()).toEqual({ ok: false, why: 'm-0 acknowledges nothing: no follower has its writes' })
  let away = 0
  workload.onChange(c => {
    if (c.state === 'backingOff') away += 1
  })
  sim.run(sim.now + 6 * SECOND)
  expect(away).toBe(2)
  cluster.world.start('m-1')
  sim.run(sim.now + 10 * SECOND)
  expect(workload.cohorts.every(c => c.writing)).toBe(true)
})

test('a client that is refused again and again costs nothing, and knocks again within one retry period of a change', () => {
  const { sim, toy, wait, cohort, workload } = world()
  toy.stop('m-0', 'clean', 'runbook')
  wait(5 * SECOND)
  const events = sim.eventsRun
  wait(HOUR)
  expect(sim.eventsRun - events).toBe(0)
  toy.start('m-0')
  const from = sim.now
  let backUs = 0
  workload.onChange(c => {
    if (c === cohort && c.writing && backUs === 0) backUs = sim.now
  })
  wait(SECOND)
  expect(backUs).toBeGreaterThan(from)
  expect(backUs - from).toBeLessThan(toyLoad.retryUs + 20_000)
})

test('what changes while a refusal is on its way is not slept through', () => {
  // The refusal takes 1 ms to arrive. For every instant of a knock the change may fall just after it was judged.
  for (let offsetUs = 0; offsetUs < 300_000; offsetUs += 997) {
    const { toy, wait, workload } = world({ cohorts: 1 }, `s${offsetUs}`)
    toy.stop('m-0', 'clean', 'runbook')
    wait(500_000 + offsetUs)
    toy.start('m-0')
    wait(SECOND)
    expect(workload.cohorts[0]!.writing).toBe(true)
  }
})

test('what becomes of a session while the answer to the knock is on its way is learnt with the answer, not before', () => {
  const { toy, wait, workload, sim } = world({ cohorts: 1 })
  const cohort = workload.cohorts[0]!
  toy.route('m-1')
  toy.stop('m-0', 'clean', 'runbook')
  // Up to the knock at m-1, which reads only; the answer takes 2 ms.
  while (cohort.state !== 'connecting') sim.run(sim.now + 100)
  const knockedUs = sim.now
  toy.promote('m-1')
  expect(cohort.state).toBe('connecting')
  wait(1_500)
  expect(cohort.state).toBe('connecting')
  wait(1_000)
  expect(cohort.state).toBe('writable')
  expect(sim.now - knockedUs).toBeLessThan(3_000)
})

test('stopped clients stay away', () => {
  const { wait, workload, log } = world()
  workload.stop()
  wait(SECOND)
  const before = log.ledger.ackedWrites()
  wait(10 * SECOND)
  expect(log.ledger.ackedWrites()).toBe(before)
  expect(workload.cohorts.every(c => c.state === 'stopped' && !c.writing)).toBe(true)
})

test('one seed, one trace; another seed, another', () => {
  const run = (seed: string): string => {
    const { sim, toy, wait } = world({ connectionLifeUs: MINUTE }, seed)
    toy.stop('m-0', 'killed', 'fault')
    wait(10 * SECOND)
    toy.promote('m-1')
    toy.route('m-1')
    wait(5 * MINUTE)
    return sim.traceHash()
  }
  expect(run('1')).toBe(run('1'))
  expect(run('1')).not.toBe(run('2'))
})
