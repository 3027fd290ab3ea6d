/** Packets that take longer or are lost on the way to the leader: client programs feel it as every program does, by Little's law and by their own time-outs. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import type { Cluster } from '../../src/engine.ts'
import { MILLISECOND, MINUTE, SECOND, Simulation } from '../../src/kernel/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import type { Load } from '../../src/scenario/scenario.ts'
import { startWorkload } from '../../src/workload/index.ts'

function world(name: string, load: Partial<Load>) {
  const scenario = loadScenario(name, engines)
  const sim = new Simulation({ seed: '1' })
  const cluster = scenario.engine.build(sim, scenario.options)
  cluster.settle()
  const log = cluster.logs[0]!
  const workload = startWorkload(sim, cluster, { ...scenario.load, loop: 'open', writesPerSecond: 500, connections: 40, cohorts: 4, timeoutUs: 5 * SECOND, queueAgeLimitUs: SECOND, connectionLifeUs: Number.POSITIVE_INFINITY, ...load }, log)
  const wait = (us: number): void => sim.run(sim.now + us)
  wait(5 * SECOND)
  /** Writes acknowledged a second. */
  const rate = (us: number): number => {
    const before = log.ledger.ackedWrites()
    wait(us)
    return ((log.ledger.ackedWrites() - before) * SECOND) / us
  }
  const failed = (): number => workload.failures(sim.now).operations
  return { sim, cluster, workload, wait, rate, failed }
}

function strike(cluster: Cluster, kind: 'latency' | 'packet-loss', role: 'leader' | 'follower', magnitude: number): () => void {
  const member = cluster.truth.members().find(m => m.role === role && (role === 'follower' || cluster.logs.length === 1 || m.copy?.log === cluster.logs[0]))!
  const struck = cluster.strike({ kind, target: `node:${member.node}`, durationUs: MINUTE, magnitude, nth: 0 })
  expect(struck.struck).toBe(true)
  return () => struck.end()
}

describe.each([
  ['postgres-rotate-in-place/as-documented', 200],
  ['postgres-ferris-wheel/fenced', 200],
  ['schema-migration/init-container', 200],
  ['redis-rolling-replace/as-documented', 200],
  ['mongodb-step-down/naive', 200],
  // Semi-synchronous: the primary waits for a replica's answer, over the same link.
  ['vitess-rolling/primary-last', 100],
])('%s', (name, perSecond) => {
  test('40 connections carry 40 writes per round trip, and no more; afterwards all is as before', () => {
    const { cluster, wait, rate, failed } = world(name, {})
    const usual = rate(2 * SECOND)
    expect(usual).toBeGreaterThan(480)
    // Each way 100 ms longer: a round trip of a fifth of a second.
    const end = strike(cluster, 'latency', 'leader', 100 * MILLISECOND)
    wait(3 * SECOND)
    const slow = rate(20 * SECOND)
    expect(slow).toBeGreaterThan(perSecond * 0.95)
    expect(slow).toBeLessThan(perSecond * 1.01)
    expect(failed()).toBeGreaterThan(1000)
    end()
    wait(5 * SECOND)
    const before = failed()
    expect(Math.abs(rate(5 * SECOND) - usual)).toBeLessThan(5)
    expect(failed() - before).toBeLessThan(1)
  })

  test('an answer that takes longer than the client waits is none, for reads as for writes; whoever connects anew waits in vain as well', () => {
    const { cluster, wait, rate, workload } = world(name, { timeoutUs: SECOND })
    const end = strike(cluster, 'latency', 'leader', SECOND)
    wait(MILLISECOND)
    expect(workload.cohorts.some(cohort => cohort.reading)).toBe(false)
    wait(4 * SECOND)
    expect(workload.cohorts.some(cohort => cohort.reading || cohort.writing)).toBe(false)
    expect(rate(30 * SECOND)).toBe(0)
    end()
    wait(10 * SECOND)
    expect(workload.cohorts.every(cohort => cohort.writing && cohort.reading)).toBe(true)
    expect(rate(2 * SECOND)).toBeGreaterThan(480)
  })
})

test('a follower far away slows nobody whom it does not acknowledge', () => {
  const { cluster, rate, failed } = world('postgres-ferris-wheel/fenced', {})
  strike(cluster, 'latency', 'follower', 500 * MILLISECOND)
  expect(rate(20 * SECOND)).toBeGreaterThan(495)
  expect(failed()).toBe(0)
})

test('a lost packet is sent again after the time-out of TCP: 30 % of them each way make a round trip last 0.3 s', () => {
  const { cluster, wait, rate } = world('redis-rolling-replace/as-documented', {})
  strike(cluster, 'packet-loss', 'leader', 300)
  wait(3 * SECOND)
  // p·RTO ÷ (1 − 2p) = 150 ms each way: 40 ÷ 0.3 s.
  const slow = rate(20 * SECOND)
  expect(slow).toBeGreaterThan(120)
  expect(slow).toBeLessThan(140)
})

test('a program between the clients and its database: it waits for each of its statements, and what is on the slow machine itself is far from the clients instead', () => {
  const { cluster, wait, rate } = world('dual-write-migration/as-documented', {})
  const usual = rate(2 * SECOND)
  const end = strike(cluster, 'latency', 'leader', 100 * MILLISECOND)
  wait(3 * SECOND)
  const slow = rate(20 * SECOND)
  expect(slow).toBeGreaterThan(190)
  expect(slow).toBeLessThan(202)
  end()
  wait(5 * SECOND)
  expect(Math.abs(rate(5 * SECOND) - usual)).toBeLessThan(5)
})

test('connecting costs two round trips: with 0.6 s each and patience for one second an old connection is served, a new one is not', () => {
  const { cluster, wait, rate, workload } = world('redis-rolling-replace/as-documented', { timeoutUs: SECOND, connectionLifeUs: 20 * SECOND })
  strike(cluster, 'latency', 'leader', 300 * MILLISECOND)
  wait(25 * SECOND)
  expect(workload.cohorts.some(cohort => cohort.writing)).toBe(false)
  expect(rate(5 * SECOND)).toBe(0)
  const patient = world('redis-rolling-replace/as-documented', { timeoutUs: 2 * SECOND, connectionLifeUs: 20 * SECOND })
  strike(patient.cluster, 'latency', 'leader', 300 * MILLISECOND)
  patient.wait(25 * SECOND)
  expect(patient.rate(5 * SECOND)).toBeGreaterThan(50)
})

test.each([
  ['a pooler', 'postgres-ferris-wheel/fenced', 'pgbouncer'],
  ['a vtgate', 'vitess-rolling/primary-last', 'vtgate'],
  ['a pod of the program', 'dual-write-migration/as-documented', 'webapp'],
])('%s on a slow machine slows its clients, wherever the leader is', (_what, name, pods) => {
  const { cluster, wait, rate, workload } = world(name, {})
  const { kubernetes } = (cluster as unknown as { world: { kubernetes: { pods(): readonly { name: string; node: string | undefined }[] } } }).world
  const nodes = new Set(kubernetes.pods().filter(pod => pod.name.includes(pods)).map(pod => pod.node))
  const usual = rate(2 * SECOND)
  for (const member of cluster.truth.members()) nodes.delete(member.node)
  expect(nodes.size).toBeGreaterThan(0)
  for (const node of nodes) expect(cluster.strike({ kind: 'latency', target: `node:${node}`, durationUs: MINUTE, magnitude: 200 * MILLISECOND, nth: 0 }).struck).toBe(true)
  wait(5 * SECOND)
  // There and back, from the clients to it and from it to the leader.
  expect(Math.max(...workload.cohorts.map(cohort => cohort.demand.addedUs))).toBe(4 * 200 * MILLISECOND)
  expect(rate(10 * SECOND)).toBeLessThan(usual * 0.9)
})
