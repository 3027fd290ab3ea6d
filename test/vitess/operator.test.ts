/** The vitess-operator (rules VT-OP-1…6; facts VT-F51…53; oracle O8; traps VT-T02, VT-T04, VT-T18, VT-T21, VT-T23). */
import { describe, expect, it } from 'vitest'
import { Lab } from './lab.ts'

const CHANGE = `kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.40"}}}}'`
const TARGET = { targetMysqlVersion: '8.0.40' }
const upgraded = (lab: Lab): number => [...lab.cluster.world.tablets.values()].filter(t => t.up && t.version === '8.0.40').length
const annotations = (lab: Lab, n: number): string[] => Object.keys(lab.cluster.kubernetes.pods$.get(lab.tablet(n).pod)?.annotations ?? {}).sort()

describe('VT-OP-1: External and Immediate', () => {
  it('External: pods are scheduled, and nothing happens until one is released', () => {
    const lab = new Lab(TARGET)
    lab.ok(CHANGE)
    lab.wait(600)
    expect(upgraded(lab)).toBe(0)
    expect(annotations(lab, 1)).toEqual(['rollout.planetscale.com/scheduled'])
    lab.ok(`kubectl annotate pod ${lab.tablet(1).pod} rollout.planetscale.com/released=now`)
    lab.until(() => upgraded(lab) === 1, 300, 'the released one')
    lab.wait(600)
    expect(upgraded(lab)).toBe(1)
    lab.ok('kubectl annotate vitessshard example-commerce-x-x rollout.planetscale.com/cascade=now')
    lab.until(() => upgraded(lab) === 4, 1200, 'the whole shard')
  })

  it('Immediate: every shard at once, one tablet of each: a quarter of the fleet away (VT-T04)', () => {
    const lab = new Lab({ ...TARGET, fleet: 16, updateStrategy: 'Immediate' })
    lab.ok(CHANGE)
    lab.until(() => [...lab.cluster.world.tablets.values()].filter(t => !t.up).length === 4, 60, 'one of each shard')
    let most = 0
    lab.until(() => {
      const away = lab.cluster.world.shards.map(s => s.tablets.filter(t => !t.up).length)
      most = Math.max(most, ...away)
      return upgraded(lab) === 16
    }, 2400, 'the whole fleet')
    expect(most).toBe(1)
  })
})

describe('VT-OP-2: the primary last', () => {
  it('one reparent a shard; in random order it would be 1.6 (VT-T02, O8)', () => {
    const lab = new Lab({ ...TARGET, fleet: 16, updateStrategy: 'Immediate' })
    lab.ok(CHANGE)
    lab.until(() => upgraded(lab) === 16, 2400)
    expect(lab.cluster.truth.promotions).toHaveLength(4)
    // Pure counting: whoever is asked for next, and if it leads, a successor at random among the others.
    const chance = lab.sim.chance
    const reparents = (n: number, shard: number): number => {
      const left = Array.from({ length: n }, (_, i) => i)
      let primary = 0
      let count = 0
      while (left.length > 0) {
        const next = left.splice(Math.floor(chance.draw(`o8/${n}/${shard}`, 'order', left.length) * left.length), 1)[0] as number
        if (next !== primary) continue
        count += 1
        const others = Array.from({ length: n }, (_, i) => i).filter(i => i !== next)
        primary = others[Math.floor(chance.draw(`o8/${n}/${shard}`, `successor ${count}`, left.length) * others.length)] as number
      }
      return count
    }
    const mean = (n: number): number => Array.from({ length: 20_000 }, (_, i) => reparents(n, i)).reduce((a, b) => a + b, 0) / 20_000
    // Exactly: with k left the primary is next once in k, and its successor is one of those left k - 1 times in n - 1; where an old one is preferred, always.
    const exactly = (n: number, preferOld: boolean): number => Array.from({ length: n }, (_, i) => i + 1).reduce((e, k) => e * (1 - 1 / k) + (1 + (k === 1 ? 0 : preferOld ? e : (e * (k - 1)) / (n - 1))) / k, 0)
    for (const [n, random, preferred] of [[3, 1.58, 1.83], [4, 1.62, 2.08], [5, 1.65, 2.28]] as const) {
      expect(Math.abs(exactly(n, false) - random)).toBeLessThan(0.01)
      expect(Math.abs(exactly(n, true) - preferred)).toBeLessThan(0.01)
      expect(Math.abs(mean(n) - random)).toBeLessThan(0.02)
    }
  })

  it('non-primaries in no particular order', () => {
    const orders = new Set(['a', 'b', 'c', 'd', 'e', 'f'].map(seed => {
      const lab = new Lab({ ...TARGET, updateStrategy: 'Immediate' }, undefined, seed)
      lab.ok(CHANGE)
      lab.until(() => upgraded(lab) >= 1, 300)
      return lab.shard.tablets.findIndex(t => t.version === '8.0.40')
    }))
    expect(orders.size).toBeGreaterThan(1)
    expect(orders.has(0)).toBe(false)
  })
})

it('VT-OP-3: one tablet that is not Available pauses its shard, for as long as it is not (VT-T23)', () => {
  const lab = new Lab({ ...TARGET, fleet: 8, updateStrategy: 'Immediate' })
  lab.strike('standby-diverged', `member:${lab.tablet(3).pod}`)
  lab.until(() => lab.cluster.kubernetes.pod(lab.tablet(3).pod)?.ready === false, 60)
  lab.ok(CHANGE)
  lab.wait(3600)
  expect(lab.shard.tablets.filter(t => t.version === '8.0.40')).toHaveLength(0)
  expect(lab.cluster.world.shards[1]!.tablets.filter(t => t.version === '8.0.40')).toHaveLength(4)
  lab.ok(`vtctldclient RestoreFromBackup ${lab.tablet(3).alias}`, 1200)
  lab.until(() => upgraded(lab) === 8, 2400, 'it goes on')
})

describe('VT-OP-4: drains', () => {
  it('asked for, acknowledged, finished; a primary is reparented first, and only one of a shard at a time', () => {
    const lab = new Lab({})
    lab.ok(`kubectl annotate pod ${lab.tablet(0).pod} drain.planetscale.com/started=kernel`)
    lab.until(() => annotations(lab, 0).includes('drain.planetscale.com/finished'), 60, 'drained')
    expect(lab.primary.pod).not.toBe(lab.tablet(0).pod)
    lab.ok(`kubectl annotate pod ${lab.tablet(1).pod} drain.planetscale.com/started=kernel`)
    lab.wait(60)
    expect(annotations(lab, 1)).not.toContain('drain.planetscale.com/finished')
    lab.ok(`kubectl annotate pod ${lab.tablet(0).pod} drain.planetscale.com/started-`)
    lab.until(() => annotations(lab, 1).includes('drain.planetscale.com/finished'), 60, 'the next one')
    expect(annotations(lab, 0)).toEqual([])
  })

  it('not while the shard is unhealthy', () => {
    const lab = new Lab({})
    lab.strike('standby-diverged', `member:${lab.tablet(3).pod}`)
    lab.until(() => lab.cluster.kubernetes.pod(lab.tablet(3).pod)?.ready === false, 60)
    lab.ok(`kubectl annotate pod ${lab.tablet(1).pod} drain.planetscale.com/started=kernel`)
    lab.wait(300)
    expect(annotations(lab, 1)).toContain('drain.planetscale.com/acknowledged')
    expect(annotations(lab, 1)).not.toContain('drain.planetscale.com/finished')
  })
})

it('VT-OP-3: one that is drained already is not replaced either while another is not Available', () => {
  const lab = new Lab(TARGET)
  lab.ok(CHANGE)
  lab.ok(`kubectl annotate pod ${lab.tablet(1).pod} drain.planetscale.com/started=now`)
  lab.until(() => annotations(lab, 1).includes('drain.planetscale.com/finished'), 120, 'it is drained')
  // A restart of a minute: the shard lacks one tablet.
  lab.cluster.tablets.kill(lab.tablet(2))
  lab.wait(1)
  lab.ok(`kubectl annotate pod ${lab.tablet(1).pod} rollout.planetscale.com/released=now`)
  lab.until(() => !lab.tablet(1).up, 300, 'it is replaced')
  expect(lab.tablet(2).up).toBe(true)
  lab.until(() => upgraded(lab) === 1, 300, 'the released one')
})

it('VT-OP-5: alone, a primary’s pod is deleted directly: the outage is its restart (VT-T18)', () => {
  const lab = new Lab({ ...TARGET, fleet: 1, tabletsPerShard: 1, durabilityPolicy: 'none', updateStrategy: 'Immediate' }, { timeoutUs: 600_000_000 })
  lab.start(CHANGE)
  const gap = lab.gap(300)
  expect(gap).toBeGreaterThan(15)
  expect(lab.cluster.truth.promotions).toHaveLength(0)
})

it('VT-OP-6: its candidate is the furthest, whatever its version (VT-T21, VT-T03)', () => {
  const lab = new Lab({ cells: 1 }, {})
  lab.tablet(2).version = '8.4.3'
  for (const n of [1, 3]) lab.strike('replication-lag', `member:${lab.tablet(n).pod}`, 300_000, 1_000_000)
  lab.wait(2)
  lab.ok(`kubectl annotate pod ${lab.primary.pod} drain.planetscale.com/started=kernel`)
  lab.until(() => lab.primary !== lab.tablet(0), 60)
  expect(lab.primary.pod).toBe(lab.tablet(2).pod)
})
