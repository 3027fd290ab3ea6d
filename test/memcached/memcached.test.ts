/** The small Memcached model: rules MC-…. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Caching, remainders, type Traffic } from '../../models/memcached/caching.ts'
import { MemcachedCluster, memcachedOptions } from '../../models/memcached/index.ts'
import { MINUTE, SECOND, Simulation } from '../../src/kernel/index.ts'
import { LOAD } from '../mongodb/lab.ts'
import { startWorkload } from '../../src/workload/index.ts'
import { play, variant, verdict } from '../variant.ts'

const TRAFFIC: Traffic = { members: 4, hashing: 'ketama', onFailure: 'eject', readsPerSecond: 5_000, writesPerSecond: 100, databasePerSecond: 1e9, hitShare: 0.9, keys: 400_000, hotKeys: 0.2, hotReads: 0.8 }

function start(setting: Record<string, unknown> = {}) {
  const sim = new Simulation({ seed: '1', record: true })
  const cluster = new MemcachedCluster(sim, memcachedOptions.parse(setting))
  cluster.settle()
  const [log] = cluster.logs
  if (log === undefined) throw new Error('no log')
  const clients = startWorkload(sim, cluster, { ...LOAD, cohorts: 20, writesPerSecond: 100, readsPerSecond: 5_000, timeoutUs: 2 * SECOND }, log)
  sim.run(sim.now + 3 * SECOND)
  const kill = (i: number, seconds = 600): void => void cluster.strike({ kind: 'process-kill', target: `member:memcached-${i}`, durationUs: seconds * SECOND, magnitude: 0, nth: i })
  const waiting = (): number => clients.cohorts.filter(c => !c.reading).length
  const sh = (argv: readonly string[], stdin: string) => {
    const task = sim.spawn(cluster.commands.run({ argv, stdin, key: `test/${stdin}`, nth: sim.now }))
    sim.run(sim.now + 5 * SECOND)
    return task.result
  }
  return { sim, cluster, kill, waiting, sh, caching: cluster.shared.caching, log }
}

describe('who is asked for a key', () => {
  test('MC-HASH-1: on the ring only the keys of the server that left move', () => {
    const c = new Caching(TRAFFIC)
    c.set(1, false, true)
    expect(c.hitShare).toBeCloseTo(0.9 * 3 / 4, 12)
    // The others take them over, and fill.
    c.advance(2 * 3600 * SECOND)
    expect(c.hitShare).toBeCloseTo(0.9, 3)
    expect(c.items(0)).toBeCloseTo(100_000 * 4 / 3, -3)
    // It comes back empty: its own share is cold a second time.
    c.set(1, true, false)
    expect(c.hitShare).toBeCloseTo(0.9 * 3 / 4, 3)
    expect([c.items(0), c.items(1)]).toEqual([100_000, 0])
  })

  test('MC-HASH-2: by remainder a server fewer moves all but one in n, and its return brings them back', () => {
    for (const n of [2, 3, 4, 7, 16]) for (const gone of [0, n - 1]) {
      const stays = remainders(Array.from({ length: n }, (_, i) => i !== gone))
      expect(stays.reduce((a, b) => a + b, 0) / n).toBeCloseTo(1 / n, 12)
      expect(stays[gone]).toBe(0)
    }
    const c = new Caching({ ...TRAFFIC, hashing: 'modulo' })
    c.set(1, false, true)
    expect(c.hitShare).toBeCloseTo(0.9 / 4, 12)
    c.advance(SECOND)
    c.set(1, true, false)
    expect(c.hitShare).toBeCloseTo(0.9 * 3 / 4, 2)
  })

  test('MC-HASH-2: the shares that stay are those of counted keys, whoever is away', () => {
    fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }), live => {
      const list = live.flatMap((is, i) => (is ? [i] : []))
      const found = remainders(live)
      for (let i = 0; i < live.length; i++) {
        let mine = 0
        let same = 0
        // 2,520 is a multiple of every number up to 10.
        for (let hash = i; hash < 2_520 * live.length; hash += live.length) {
          mine += 1
          if (list.length > 0 && list[hash % list.length] === i) same += 1
        }
        expect(found[i]).toBeCloseTo(same / mine, 12)
      }
    }))
  })

  test('MC-HASH-3: a server that stays on the list is missed for as long as it is away', () => {
    const c = new Caching({ ...TRAFFIC, onFailure: 'miss' })
    c.set(1, false, true)
    c.advance(3600 * SECOND)
    expect(c.hitShare).toBeCloseTo(0.9 * 3 / 4, 12)
    expect(c.items(0)).toBe(100_000)
  })
})

describe('what is held', () => {
  test('MC-FILL-1: the flow is what single requests come to', () => {
    const traffic = { ...TRAFFIC, members: 1, keys: 4_000, readsPerSecond: 1_000, hitShare: 1 }
    const c = new Caching(traffic)
    c.set(0, false, true)
    c.set(0, true, false)
    const sim = new Simulation({ seed: '1' })
    const held = new Set<number>()
    for (let second = 0; second < 20; second++) {
      let hits = 0
      for (let i = 0; i < 1_000; i++) {
        const hot = sim.chance.draw('reads', 'hot', second * 1_000 + i) < 0.8
        const at = Math.floor(sim.chance.draw('reads', 'which', second * 1_000 + i) * (hot ? 800 : 3_200))
        const key = hot ? at : 800 + at
        if (held.has(key)) hits += 1
        held.add(key)
      }
      c.advance(SECOND / 2)
      expect(Math.abs(c.hitShare - hits / 1_000)).toBeLessThan(0.05)
      c.advance(SECOND / 2)
      expect(Math.abs(c.items(0) - held.size)).toBeLessThan(120)
    }
  })

  test('MC-FILL-1: how often one looks does not matter', () => {
    const [once, often] = [new Caching(TRAFFIC), new Caching(TRAFFIC)]
    for (const c of [once, often]) c.set(2, false, true)
    once.advance(60 * SECOND)
    for (let i = 0; i < 240; i++) often.advance(SECOND / 4)
    expect(often.hitShare).toBeCloseTo(once.hitShare, 10)
  })

  test('MC-FILL-1: a read that the database does not answer fills nothing', () => {
    const c = new Caching({ ...TRAFFIC, members: 1, databasePerSecond: 510 })
    c.set(0, false, true)
    c.set(0, true, false)
    c.advance(SECOND)
    // A tenth of 5,000 reads a second, nearly all of keys that were missing.
    expect(c.items(0)).toBeGreaterThan(490)
    expect(c.items(0)).toBeLessThanOrEqual(500)
  })

  test('MC-SHARE-1: a process that ends has lost its share, one that is out of reach has not', () => {
    const { sim, cluster, kill, caching } = start()
    const machine = cluster.truth.members()[0]?.node ?? ''
    const cut = cluster.strike({ kind: 'partition', target: `node:${machine}`, durationUs: 20 * SECOND, magnitude: 0, nth: 0 })
    expect(caching.hitShare).toBeCloseTo(0.95 * 3 / 4, 6)
    sim.run(sim.now + 5 * SECOND)
    cut.end()
    expect(caching.hitShare).toBeCloseTo(0.95, 6)
    kill(0, 1)
    sim.run(sim.now + 10 * SECOND)
    expect(cluster.truth.members()[0]).toMatchObject({ running: true, caughtUp: false })
    expect(caching.hitShare).toBeLessThan(0.9)
    sim.run(sim.now + 20 * MINUTE)
    expect(cluster.truth.members()[0]).toMatchObject({ running: true, caughtUp: true })
  })
})

describe('the storm', () => {
  test('MC-STORM-1: what goes through is what the database can answer', () => {
    const { sim, kill, waiting, caching } = start({ databasePerSecond: 2_000 })
    kill(0)
    sim.run(sim.now + SECOND)
    // 5,000 reads, of which 95 % of three quarters hit, and 100 writes: 1,537.5.
    expect(caching.demandPerSecond).toBeCloseTo(1_537.5, 1)
    expect(waiting()).toBe(0)
    kill(1)
    sim.run(sim.now + SECOND)
    expect(caching.demandPerSecond).toBeCloseTo(2_725, 1)
    expect(caching.served).toBeCloseTo(2_000 / 2_725, 6)
    expect(waiting()).toBe(Math.round(20 * (1 - 2_000 / 2_725)))
  })

  test('MC-DATA-1: with every cache gone nothing that was acknowledged is lost', () => {
    const { sim, kill, cluster, log } = start()
    for (const i of [0, 1, 2, 3]) kill(i, 30)
    sim.run(sim.now + MINUTE)
    const { position } = cluster.truth.authority(log)
    expect(position === undefined ? undefined : log.ledger.beyond(position)).toEqual([])
    sim.run(sim.now + 30 * MINUTE)
    expect(cluster.shared.caching.hitShare).toBeCloseTo(0.95, 2)
  })

  test('a database that cannot answer the usual misses is refused', () => {
    expect(() => variant('memcached-rolling-replace/as-documented', { set: { 'cluster.databasePerSecond': '300' } })).toThrow(/nothing would ever recover/)
  })
})

test('MC-STATS-1: stats of a fresh process, in the words of the protocol', () => {
  const { sim, kill, sh } = start()
  const ask = (line: string) => sh(['kubectl', 'exec', '-i', 'memcached-0', '--', 'nc', 'localhost', '11211'], `${line}\n`)
  const number = (name: string): number => Number(new RegExp(`^STAT ${name} (\\d+)\\r$`, 'm').exec(ask('stats')?.out ?? '')?.[1])
  expect(number('curr_items')).toBe(100_000)
  kill(0, 1)
  sim.run(sim.now + 4 * SECOND)
  const [items, hits, misses] = [number('curr_items'), number('get_hits'), number('get_misses')]
  expect(items).toBeGreaterThan(0)
  expect(items).toBeLessThan(50_000)
  expect(hits + misses).toBeGreaterThan(0)
  expect(hits + misses).toBeLessThan(1_250 * 30)
  expect(ask('version')).toMatchObject({ out: 'VERSION 1.6.21\r\n', code: 0 })
  expect(ask('rubbish')).toMatchObject({ out: 'ERROR\r\n' })
})

test('MC-TRUTH-1: the first server that runs stands for all', () => {
  const { sim, kill, cluster } = start()
  expect(cluster.truth.members().map(m => m.role)).toEqual(['leader', 'follower', 'follower', 'follower'])
  kill(0)
  sim.run(sim.now + SECOND)
  expect(cluster.truth.members().map(m => m.role)).toEqual(['none', 'leader', 'follower', 'follower'])
})

describe('memcached-rolling-replace', () => {
  test('as documented: completed, nothing lost, and reads go unanswered while the next servers are emptied', () => {
    const result = play(variant('memcached-rolling-replace/as-documented'))
    expect(result.outcome).toBe('completed')
    expect(result.measures.lostAcknowledgedWrites).toBe(0)
    expect(result.measures.readDowntimeSeconds).toBeGreaterThan(5)
    expect(result.measures.failedAttempts).toBeGreaterThan(10_000)
    for (const id of ['target-reached', 'converges', 'serves-at-end'] as const) expect(verdict(result, id)).toMatchObject({ status: 'pass' })
  })

  test('it is the database that makes the difference: one that can answer all reads shows no downtime', () => {
    const { measures } = play(variant('memcached-rolling-replace/as-documented', { set: { 'cluster.databasePerSecond': '5100' } }))
    expect([measures.readDowntimeSeconds, measures.failedAttempts]).toEqual([0, 0])
  })

  test('by remainder, with dead servers taken off the list, each replacement is a storm of its own', () => {
    const set = { 'cluster.hashing': 'modulo', 'cluster.onFailure': 'eject' }
    const storm = play(variant('memcached-rolling-replace/as-documented', { set }))
    const ring = play(variant('memcached-rolling-replace/as-documented', { set: { 'cluster.onFailure': 'eject' } }))
    expect(storm.measures.readDowntimeSeconds).toBeGreaterThan(2 * ring.measures.readDowntimeSeconds)
    // Waiting until it is warm does not help against that.
    expect(play(variant('memcached-rolling-replace/verified', { set })).measures.readDowntimeSeconds).toBeGreaterThan(5)
  })

  test('verified: each server is warm before the next goes, and nobody waits', () => {
    const result = play(variant('memcached-rolling-replace/verified'))
    expect(result.outcome).toBe('completed')
    expect([result.measures.readDowntimeSeconds, result.measures.failedAttempts, result.measures.lostAcknowledgedWrites]).toEqual([0, 0, 0])
    for (const id of ['target-reached', 'converges', 'serves-at-end', 'gates-honest', 'no-false-success'] as const) expect(verdict(result, id)).toMatchObject({ status: 'pass' })
  })
})
