/** A process ends and another starts on the same volume, or on none (facts F09–F13, C7, C13). */
import { describe, expect, test } from 'vitest'
import { manualFailover } from '../../models/redis/manual.ts'
import { Stage } from './stage.ts'

/** A pod is back 6 s after its process ended. */
const SIX = { kubernetes: { imagePullSeconds: 0, unmountSeconds: 0.5, controllerLagSeconds: 0.05, scheduleSeconds: 0.1, kubeletLagSeconds: 0.1, mountSeconds: 1, containerStartSeconds: 4.15 }, timing: { startMs: 100, stopMs: 100 } }

describe('a master is deleted and back in 6 s, before the node time-out (C7)', () => {
  test('with its RDB: away for the restart and 2 s, nothing lost, no failover (RD-STATE-2, RD-STOP-1, RD-PERSIST-1)', () => {
    const stage = new Stage(SIX).run(10)
    stage.sh('kubectl delete pod redis-0')
    stage.run(40)
    expect(stage.gapsOf(0).length).toBe(1)
    expect(stage.gapsOf(0)[0]).toBeGreaterThan(7.8)
    expect(stage.gapsOf(0)[0]).toBeLessThan(8.4)
    expect([stage.lost(0), stage.leader(0), stage.cluster.world.promotions.length]).toEqual([0, 'redis-0', 0])
  })

  test('with nodes.conf and no data: the same outage, and everything is lost, the replica’s copy too (RD-EMPTY-1)', () => {
    const stage = new Stage({ ...SIX, save: '' }).run(10)
    stage.sh('kubectl delete pod redis-0')
    const before = stage.acked(0)
    stage.run(40)
    expect(stage.gapsOf(0)[0]).toBeLessThan(8.4)
    expect(before).toBeGreaterThan(1000)
    expect(stage.lost(0)).toBe(before)
    expect([stage.server('redis-0').sizeMB, stage.server('redis-1').sizeMB, stage.leader(0)]).toEqual([0, 0, 'redis-0'])
  })

  test('without nodes.conf, at a new address: it is nobody’s, and its replica takes over after the node time-out (RD-ID-1)', () => {
    const stage = new Stage({ ...SIX, storage: 'emptyDir' }).run(10)
    stage.sh('kubectl delete pod redis-0')
    stage.run(40)
    expect(stage.gapsOf(0)[0]).toBeGreaterThan(17)
    expect(stage.gapsOf(0)[0]).toBeLessThan(24)
    expect([stage.lost(0), stage.leader(0)]).toEqual([0, 'redis-1'])
    expect(stage.cli('redis-0', 'cluster info')).toMatch(/cluster_known_nodes:1\r/)
  })

  test('without nodes.conf, at the same address: never FAIL, never replaced, and the replica is wiped (RD-ID-3)', () => {
    const stage = new Stage({ ...SIX, storage: 'emptyDir', hostNetwork: true }).run(10)
    stage.sh('kubectl delete pod redis-0')
    stage.run(60)
    expect(stage.gapsOf(0)).toEqual([Number.POSITIVE_INFINITY])
    expect([...stage.gapsOf(1), ...stage.gapsOf(2)]).toEqual([])
    expect(stage.cli('redis-2', 'cluster nodes')).toMatch(/ :6379@16379 master,noaddr - /)
    expect(stage.server('redis-1').sizeMB).toBe(0)
    expect(stage.lost(0)).toBe(stage.acked(0))
  })
})

test('killed, a master comes back with its last background save: what came later is gone (RD-PERSIST-3)', () => {
  const lost = (save: string): number => {
    const stage = new Stage({ save, nodeTimeoutSeconds: 60 }, 'killed').run(100)
    stage.strike('process-kill', 'member:redis-0')
    stage.run(30)
    expect(stage.cluster.world.promotions).toEqual([])
    return stage.lost(0) / 100
  }
  // 100 writes a second: every 10 s enough changes.
  expect(lost('10 900')).toBeLessThan(11)
  expect(lost('60 5000')).toBeGreaterThan(11)
  expect(lost('60 5000')).toBeLessThan(61)
  expect(lost('60 10000')).toBeGreaterThan(61)
})

test('a restarted node keeps its old address of itself until somebody meets it (RD-ID-2)', () => {
  const stage = new Stage()
  const old = stage.server('redis-0').host.address
  stage.sh('kubectl delete pod redis-0')
  stage.run(10)
  const { address } = stage.server('redis-0').host
  expect(address).not.toBe(old)
  const line = (of: string): string => stage.cli(of, 'cluster nodes').split('\n').find(l => l.startsWith(stage.server('redis-0').id)) ?? ''
  expect(line('redis-2')).toContain(` ${address}:6379@16379 master `)
  expect(line('redis-0')).toContain(` ${old}:6379@16379 myself,master `)
  // Who asks redis-0 for the map is sent to an address that is nobody's; the client turns to another node (RD-CLIENT-1).
  expect(stage.cli('redis-0', 'cluster slots').split('\n')).toContain(old)
  expect(stage.leader(0)).toBe('redis-0')
  stage.cli('redis-2', `cluster meet ${address} 6379`)
  stage.run(1)
  expect(line('redis-0')).toContain(` ${address}:6379@16379 myself,master `)
  const announced = new Stage({ announceIp: true })
  announced.sh('kubectl delete pod redis-0')
  announced.run(10)
  expect(announced.server('redis-0').table.myself.ip).toBe(announced.server('redis-0').host.address)
})

test('a failover asked for while links to the new address are down loses its votes (RD-ELECT-5, RD-BUS-4; C13)', () => {
  const lostVotes = Array.from({ length: 10 }, (_, i) => {
    const stage = new Stage({ timing: { handshakeMs: 1, partialSyncMs: 1 } }, `votes/${i}`)
    stage.sh('kubectl delete pod redis-1')
    stage.until(() => stage.cluster.world.serverOf('redis-1')?.upstream?.state === 'up', 30)
    const replica = stage.server('redis-1')
    stage.until(() => replica.table.master?.link?.alive === true, 1)
    expect(manualFailover(replica, 'ask')).toBe('OK')
    stage.run(0.06)
    const votes = stage.sim.records?.filter(r => r.label === 'redis.vote').length ?? 0
    return votes > replica.authCount
  })
  expect(lostVotes).toContain(true)
})

test('while it loads it is Ready, answers LOADING, and is silent on the bus: a load longer than the node time-out is a failover (RD-LOAD-1, RD-READY-1)', () => {
  const stage = new Stage({ datasetMB: 10_000, nodeTimeoutSeconds: 5, readinessDelaySeconds: 0, readinessPeriodSeconds: 1, terminationGraceSeconds: 600 })
  stage.sh('kubectl delete pod redis-0')
  stage.run(4)
  expect(stage.cluster.kubernetes.pod('redis-0')?.ready).toBe(true)
  expect(stage.cli('redis-0', 'ping')).toBe('LOADING Redis is loading the dataset in memory')
  expect(stage.sh('kubectl exec redis-0 -- redis-cli ping').code).toBe(0)
  stage.run(10)
  expect(stage.leader(0)).toBe('redis-1')
})

test('SHUTDOWN of 7.0: NOW waits for nobody, ABORT calls off what waits (RD-STOP-2)', () => {
  const stage = new Stage({ shutdownTimeoutSeconds: 30 }, 'stop/abort')
  const cli = (words: string): string => stage.cli('redis-0', words)
  expect(cli('shutdown abort')).toBe('ERR No shutdown in progress.')
  expect(cli('shutdown nosave save')).toBe('ERR syntax error')
  expect(cli('shutdown abort now')).toBe('ERR syntax error')
  // Its replica stands still.
  stage.strike('process-pause', 'member:redis-1', 100)
  const task = stage.sim.spawn(stage.cluster.commands.run({ argv: 'kubectl exec redis-0 -- redis-cli shutdown'.split(' '), stdin: '', key: 'test', nth: 77 }))
  stage.run(2)
  expect(task.state).toBe('running')
  expect(stage.leader(stage.shardOf('redis-0'))).toBeUndefined()
  expect(cli('shutdown abort')).toBe('OK')
  stage.run(0.1)
  expect(task.result).toMatchObject({ code: 0, out: 'ERR Errors trying to SHUTDOWN. Check logs.\n\n' })
  expect(stage.leader(stage.shardOf('redis-0'))).toBe('redis-0')
  stage.run(40)
  expect(cli('ping')).toBe('PONG')
  const before = stage.sim.now
  stage.sh('kubectl exec redis-0 -- redis-cli shutdown now nosave')
  expect((stage.sim.now - before) / 1e6).toBeLessThan(2)
})
