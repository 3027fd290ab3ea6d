import { expect, test } from 'vitest'
import { Simulation, SECOND, MILLISECOND } from '../../../src/kernel/index.ts'
import { Demand, ReplicatedLog, contains } from '../../../src/cluster/log/index.ts'

const LINK = { delayUs: 1 * MILLISECOND, ackDelayUs: 1 * MILLISECOND, flushDelayUs: 500, bytesPerSecond: Infinity }
const OPEN = { id: 'w', loop: 'open' as const, writesPerSecond: 1000, thinkUs: 0, connections: 20, bytesPerWrite: 200, timeoutUs: Infinity, queueAgeLimitUs: 5 * SECOND, roundTripUs: 1000 }

function pair() {
  const sim = new Simulation({ seed: 'x' })
  const log = new ReplicatedLog(sim, 'pg')
  const root = log.genesis(1000)
  const a = log.copy('a', { branch: root, lsn: 1000 })
  const b = log.copy('b', { branch: root, lsn: 1000 })
  const c = log.copy('c', { branch: root, lsn: 1000 })
  a.lead()
  b.follow(a, LINK)
  c.follow(a, LINK)
  return { sim, log, root, a, b, c }
}

test('asynchronous: what a killed leader acknowledged but had not sent is lost at the promotion', () => {
  const { sim, log, a, b } = pair()
  const d = new Demand(log, OPEN)
  d.attach(a)
  sim.run(10 * SECOND)
  expect(d.counts()).toMatchObject({ acked: 9999, outstanding: 1, queued: 0 })
  a.stopLeading('killed')
  sim.run(11 * SECOND)
  expect(b.lagBytes('receive')).toBe(0)
  b.unfollow()
  b.lead({ timeline: 2 })
  expect(log.ledger.beyond(b.position('receive'))).toEqual([])
})

test('synchronous: a frozen member hangs the acknowledgements at the pool size, thaw lets them go', () => {
  const { sim, log, a, b } = pair()
  const d = new Demand(log, OPEN)
  const flow: [number, boolean][] = []
  d.onFlow = f => flow.push([sim.now, f])
  a.acknowledge({ k: 1, members: [b], stage: 'flush' })
  d.attach(a)
  sim.run(10 * SECOND)
  b.freeze('receive')
  sim.run(20 * SECOND)
  expect(a.ackHung).toBe(true)
  expect(d.counts().outstanding).toBe(20)
  expect(d.counts().queued).toBe(5000)
  b.thaw('receive')
  sim.run(60 * SECOND)
  expect(a.ackHung).toBe(false)
  expect(d.counts()).toMatchObject({ queued: 0, unknown: 0 })
  console.log(flow, d.counts(), log.wakes)
  expect(contains(a.position('receive'), b.position('receive'))).toBe(true)
})
