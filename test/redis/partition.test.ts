/** A master that is cut off and does not know it (facts C9, T21). */
import { describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

function cut(nodeTimeoutSeconds: number, seconds: number, kind: 'partition-peers' | 'partition-heartbeats' = 'partition-peers', more = {}): Stage {
  const stage = new Stage({ nodeTimeoutSeconds, ...more }, `cut/${nodeTimeoutSeconds}`, { writesPerSecond: 200 }).run(7)
  const end = stage.strike(kind, 'member:redis-0', seconds)
  stage.run(seconds)
  end()
  return stage
}

describe('a master is cut off from all members, its clients are not (C9)', () => {
  test.each([
    [15, 15, 23, 18, 23],
    [5, 5, 7.5, 6.5, 9.5],
  ])('node time-out %i s: it acknowledges on for %i to %i s, is replaced, and those writes are lost (RD-REPL-1, RD-STATE-1)', (timeout, least, most, soonest, latest) => {
    const stage = cut(timeout, 60)
    const acked = stage.lost(0) / 200
    expect(acked).toBeGreaterThan(least)
    expect(acked).toBeLessThan(most)
    const promoted = ((stage.cluster.world.promotions[0]?.atUs ?? 0) - (stage.gaps[0]?.fromUs ?? 0)) / 1e6 + acked
    expect(promoted).toBeGreaterThan(soonest)
    expect(promoted).toBeLessThan(latest)
    // No moment in which both acknowledge: the old one is down before the new one is up.
    expect(stage.cluster.world.promotions[0]?.atUs ?? 0).toBeGreaterThan(stage.gaps[0]?.fromUs ?? Number.POSITIVE_INFINITY)
  })

  test('after it heals the stale master is put right within half a second and copies everything (RD-FAIL-2, RD-SLOT-2)', () => {
    const stage = cut(5, 60)
    expect(stage.until(() => !stage.server('redis-0').isMaster, 5)).toBeLessThan(0.5)
    stage.run(15)
    expect(stage.server('redis-0').upstream?.state).toBe('up')
    expect(stage.leader(0)).toBe('redis-1')
  })

  test('shorter than the node time-out: nothing happens and nothing is lost', () => {
    const stage = cut(5, 4).run(10)
    expect(stage.gaps).toEqual([])
    expect([stage.lost(0), stage.leader(0)]).toEqual([0, 'redis-0'])
  })

  test('min-replicas-to-write shortens it to its max lag (F19)', () => {
    const stage = cut(15, 60, 'partition-peers', { minReplicasToWrite: 1, minReplicasMaxLagSeconds: 3 })
    expect(stage.lost(0) / 200).toBeLessThan(4.5)
  })
})

test('heartbeats alone are lost: replaced all the same, and the replica has everything up to then', () => {
  const stage = cut(5, 30, 'partition-heartbeats').run(5)
  expect(stage.leader(0)).toBe('redis-1')
  expect(stage.lost(0)).toBe(0)
})

test('a stale master that cannot reach its successor is told by the others whose its slots are (RD-SLOT-2)', () => {
  const stage = new Stage({ nodeTimeoutSeconds: 5 })
  const end = stage.strike('partition-heartbeats', 'member:redis-0', 60)
  stage.run(25)
  expect(stage.leader(0)).toBe('redis-1')
  stage.strike('partition-pair', 'pair:redis-0~redis-1', 60)
  end()
  expect(stage.until(() => !stage.server('redis-0').isMaster, 10)).toBeLessThan(2)
})

test('a replica that was FAIL is not any more as soon as it answers (RD-FAIL-2)', () => {
  const stage = new Stage({ nodeTimeoutSeconds: 5 })
  const { id } = stage.server('redis-1')
  const failed = (): number => [...stage.cluster.world.servers].filter(s => s.table.peers.get(id)?.failed === true).length
  stage.strike('process-kill', 'member:redis-1', 12)
  const after = stage.until(() => failed() === 5, 12)
  stage.until(() => stage.cluster.world.serverOf('redis-1')?.onBus === true, 20)
  expect(stage.until(() => failed() === 0, 10)).toBeLessThan(3)
  // Less than twice the node time-out after the verdict.
  expect(stage.seconds - after).toBeLessThan(10)
})

test('a master back from a minority waits before it is ok again (RD-STATE-3)', () => {
  const stage = new Stage({ nodeTimeoutSeconds: 5 }, 'minority')
  // Both other masters are away: nobody can be elected.
  const ends = ['redis-2', 'redis-4'].map(pod => stage.strike('process-pause', `member:${pod}`, 60))
  stage.run(30)
  expect(stage.server('redis-0').clusterOk).toBe(false)
  for (const end of ends) end()
  const back = stage.until(() => stage.server('redis-0').clusterOk, 20)
  expect(back).toBeGreaterThan(4.5)
  expect(back).toBeLessThan(6)
})

test('clients leave a node that loads or says CLUSTERDOWN for whoever serves their keys, and stay where nobody does (RD-CLIENT-3)', () => {
  // It is back after five seconds, and loads for a minute; its replica leads after eight.
  const loading = new Stage({ nodeTimeoutSeconds: 5, kubernetes: { containerStartSeconds: 4 } })
  loading.strike('process-kill', 'member:redis-0', 60)
  loading.run(30)
  expect(loading.leader(0)).toBe('redis-1')
  expect(loading.gapsOf(0).reduce((sum, gap) => sum + gap, 0)).toBeLessThan(11)
  // Cut off from its peers, not from its clients.
  const apart = new Stage({ nodeTimeoutSeconds: 5 })
  apart.strike('partition-peers', 'member:redis-0', 120)
  apart.run(30)
  expect(apart.leader(0)).toBe('redis-1')
  expect(apart.cli('redis-0', 'cluster info')).toContain('cluster_state:fail')
  expect(apart.gapsOf(0).at(-1)).toBeLessThan(12)
  const nobody = new Stage({ nodeTimeoutSeconds: 5, replicasPerShard: 0 })
  nobody.strike('process-kill', 'member:redis-0', 60)
  nobody.run(30)
  expect(nobody.gapsOf(0)).toEqual([Number.POSITIVE_INFINITY])
})

test('a replica is caught up for whoever claims it until its link has been silent for a second: it acknowledges once a second, and nobody knows sooner', () => {
  const stage = new Stage({ nodeTimeoutSeconds: 5 }, 'level', { writesPerSecond: 200 }).run(7)
  const replica = [...stage.cluster.world.servers].find(server => server.upstream !== undefined)
  const level = () => stage.cluster.claim('caught-up', [replica?.name as string])
  expect(level()).toBe(true)
  stage.strike('partition-peers', `member:${replica?.upstream?.master?.name}`, 60)
  stage.run(0.7)
  expect(level()).toBe(true)
  stage.run(0.5)
  expect(level()).toBe(false)
  // A node that follows nobody is not.
  expect(stage.cluster.claim('caught-up', ['nosuch'])).toBe(false)
})
