/** Partial and full synchronisation, versions, min-replicas (facts F13–F16, F19, C12, C14). */
import { expect, test } from 'vitest'
import { dataAgeUs } from '../../models/redis/failover.ts'
import { newUpstream } from '../../models/redis/replication.ts'
import type { Server } from '../../models/redis/server.ts'
import { Stage } from './stage.ts'

const events = (stage: Stage, pod: string): string[] => (stage.sim.records ?? []).filter(r => r.node === pod && r.label.startsWith('redis.')).map(r => r.label)

test('a replica that stopped cleanly goes on from its offset; from an append-only file it copies everything, 5 s later (RD-REPL-2, RD-REPL-3, RD-REPL-4, RD-PERSIST-2; C12)', () => {
  const back = (more: object): { seconds: number; full: boolean } => {
    const stage = new Stage(more)
    stage.sh('kubectl delete pod redis-1')
    stage.until(() => stage.cluster.world.serverOf('redis-1')?.state === 'up', 10)
    return { seconds: stage.until(() => stage.server('redis-1').upstream?.state === 'up', 30), full: events(stage, 'redis-1').includes('redis.full-sync') }
  }
  expect(back({})).toMatchObject({ full: false })
  expect(back({}).seconds).toBeLessThan(0.2)
  expect(back({ appendonly: true }).full).toBe(true)
  expect(back({ appendonly: true }).seconds).toBeGreaterThan(4)
  expect(back({ appendonly: true }).seconds).toBeLessThan(7)
  // What it missed is no longer in the backlog.
  expect(back({ replBacklogMB: 0.016, kubernetes: { containerStartSeconds: 3 } }).full).toBe(true)
})

test('a full synchronisation takes 5 s, the transfer and the load; until it loads it serves its old data (RD-REPL-4, RD-REPL-5)', () => {
  const stage = new Stage({ datasetMB: 1000, appendonly: true })
  stage.sh('kubectl delete pod redis-1')
  stage.until(() => stage.cluster.world.serverOf('redis-1')?.state === 'up', 60)
  stage.run(4)
  expect(stage.server('redis-1').sizeMB).toBe(1000)
  const seconds = 4 + stage.until(() => stage.server('redis-1').upstream?.state === 'up', 60)
  // Measured with 1 GB: 14.3 s in all.
  expect(seconds).toBeGreaterThan(11)
  expect(seconds).toBeLessThan(19)
})

test('save "" : a replica restarts with the file of its last full synchronisation (RD-PERSIST-4)', () => {
  const stage = new Stage({ save: '', nodeTimeoutSeconds: 60 })
  const before = stage.server('redis-1').dir.rdb
  expect(before).toBeDefined()
  stage.strike('process-kill', 'member:redis-1', 5)
  stage.run(2)
  expect(stage.cluster.world.dirOf.get('redis-1')?.rdb).toBe(before)
})

test('and that of the last one it is: a node that joins empty keeps what it was sent (RD-PERSIST-4)', () => {
  const stage = new Stage({ save: '' })
  stage.cli('redis-1', 'cluster reset hard')
  expect(stage.server('redis-1').dir.rdb).toBeUndefined()
  stage.cli('redis-2', `cluster meet ${stage.server('redis-1').host.address} 6379`)
  stage.run(8)
  stage.cli('redis-1', `cluster replicate ${stage.server('redis-2').id}`)
  stage.until(() => stage.server('redis-1').upstream?.state === 'up', 30)
  expect(stage.server('redis-1').dir.rdb?.sizeMB).toBe(stage.server('redis-2').sizeMB)
})

test('a link that was lost is tried again each second (RD-REPL-2)', () => {
  const stage = new Stage()
  const { upstream } = stage.server('redis-1')
  upstream?.lost('a test')
  const seconds = stage.until(() => upstream?.state === 'up', 10)
  expect(seconds).toBeGreaterThan(0.9)
  expect(seconds).toBeLessThan(1.3)
})

test('a replica without a link of its own gives nobody anything: a replica of it waits until it has one (RD-REPL-2)', () => {
  const stage = new Stage({ replicasPerShard: 2 })
  const master = stage.server(stage.leader(0) as string)
  const [upper, lower] = [...stage.cluster.world.servers].filter(s => s.table.myself.masterId === master.id) as [Server, Server]
  upper.upstream?.stop()
  lower.follow(upper.id)
  stage.run(3.5)
  expect([upper.upstream?.state, lower.upstream?.ip, lower.upstream?.state]).toEqual(['closed', upper.host.address, 'connecting'])
  newUpstream(upper)
  expect(stage.until(() => lower.upstream?.state === 'up', 5)).toBeLessThan(1.5)
  expect(lower.copy?.upstream).toBe(upper.copy)
})

test('who never had a link has data of no age at all (RD-ELECT-3)', () => {
  const replica = new Stage().server('redis-1')
  replica.upstream = undefined
  expect(dataAgeUs(replica, replica.world.sim.now)).toBe(Number.POSITIVE_INFINITY)
})

test.each([['unsynced-writes-lost', 0.9, 1.1], ['process-kill', 0, 0]] as const)('appendonly, %s: the last second is lost with the power, nothing with the process (RD-PERSIST-2)', (kind, least, most) => {
  const stage = new Stage({ appendonly: true, nodeTimeoutSeconds: 60 }).run(20)
  stage.strike(kind, 'member:redis-0')
  stage.run(30)
  expect(stage.leader(0)).toBe('redis-0')
  expect(stage.lost(0) / 100).toBeGreaterThanOrEqual(least)
  expect(stage.lost(0) / 100).toBeLessThanOrEqual(most)
})

test.each([['always', 0, 0], ['everysec', 0.9, 1.1], ['no', 19, 31]] as const)('appendfsync %s: what the power takes (RD-PERSIST-5)', (appendfsync, least, most) => {
  const stage = new Stage({ appendonly: true, appendfsync, nodeTimeoutSeconds: 60 }).run(40)
  expect(stage.cli('redis-0', 'config get appendfsync')).toBe(`appendfsync\n${appendfsync}`)
  stage.strike('unsynced-writes-lost', 'member:redis-0')
  stage.run(30)
  expect(stage.lost(0) / 100).toBeGreaterThanOrEqual(least)
  expect(stage.lost(0) / 100).toBeLessThanOrEqual(most)
})

// At a node time-out of 1 s and a factor of 10: 10 s, 10 s for pings, and the second that the failure takes to be noticed.
test.each([[15, 'redis-1'], [25, undefined]])('without a link for %i s: %s is elected (RD-ELECT-3)', (seconds, leader) => {
  const stage = new Stage({ nodeTimeoutSeconds: 1 })
  stage.server('redis-1').upstream?.stop()
  stage.run(seconds)
  stage.strike('process-kill', 'member:redis-0', 600)
  stage.run(10)
  expect(stage.leader(0)).toBe(leader)
})

test.each([['redis:7.0.15', 2.5, 4.5], ['redis:6.2.14', 0, 0.5]])('%s: a master that is told to stop waits until its replica has everything (RD-STOP-1)', (image, least, most) => {
  const stage = new Stage({ image, targetImage: null, save: '' })
  stage.strike('replication-lag', 'member:redis-1', 60, 3_000_000)
  stage.run(6)
  const master = stage.server('redis-0')
  const end = master.offset
  master.shutdown()
  const seconds = stage.until(() => !master.alive, 20)
  expect(seconds).toBeGreaterThan(least)
  expect(seconds).toBeLessThan(most)
  if (least > 0) expect(stage.server('redis-1').offset).toBeGreaterThanOrEqual(end)
  else expect(stage.server('redis-1').offset).toBeLessThan(end)
})

test('min-replicas-to-write with one replica: no write for as long as the replica restarts (RD-REPL-6; X6)', () => {
  const stage = new Stage({ minReplicasToWrite: 1, kubernetes: { containerStartSeconds: 8 } })
  stage.sh('kubectl delete pod redis-1')
  stage.run(20)
  expect(stage.gapsOf(0).length).toBe(1)
  expect(stage.gapsOf(0)[0]).toBeGreaterThan(8)
  expect(stage.gapsOf(0)[0]).toBeLessThan(10.5)
  expect(stage.lost(0)).toBe(0)
})

const NEW = `--type merge --patch '{"spec":{"template":{"spec":{"containers":[{"name":"redis","image":"redis:8.0.2"}]}}}}'`

test('a newer replica follows an older master (RD-VERSION-1)', () => {
  const stage = new Stage({ targetImage: 'redis:8.0.2', updateStrategy: 'OnDelete' })
  stage.sh(`kubectl patch statefulset redis ${NEW}`)
  stage.sh('kubectl delete pod redis-1')
  stage.run(15)
  expect([stage.server('redis-1').host.version, stage.server('redis-1').upstream?.state]).toEqual(['8.0.2', 'up'])
})

test('an older replica follows a newer master from its offset, and never again once it needs everything (RD-VERSION-2; C14)', () => {
  const stage = new Stage({ targetImage: 'redis:8.0.2', updateStrategy: 'OnDelete' })
  stage.sh(`kubectl patch statefulset redis ${NEW}`)
  stage.sh('kubectl delete pod redis-0')
  stage.run(10)
  expect([stage.server('redis-0').host.version, stage.server('redis-1').upstream?.state]).toEqual(['8.0.2', 'up'])
  expect(stage.cluster.truth.forbiddenSkew()).toEqual([])
  stage.strike('backlog-short', 'backlog', 600, 10_000)
  const end = stage.strike('partition-peers', 'member:redis-1', 62)
  stage.run(62)
  end()
  stage.run(200)
  expect(stage.server('redis-1').upstream?.state).not.toBe('up')
  expect(stage.server('redis-1').sizeMB).toBe(0)
  expect(stage.cluster.truth.forbiddenSkew()).toEqual(['redis-1 (7.0.15) follows redis-0 (8.0.2)'])
  expect(stage.server('redis-1').logBook.lines.filter(line => line === "Can't handle RDB format version 12").length).toBeGreaterThan(2)
  // It has no data to speak of: it is not elected by itself (RD-ELECT-3).
  stage.strike('node-loss', `node:${stage.server('redis-0').place}`, 600)
  stage.run(240)
  expect(stage.leader(0)).toBeUndefined()
})

test('a replica whose link has been down for less than the validity limit is electable, with what it has (RD-ELECT-3; F16)', () => {
  const stage = new Stage({ nodeTimeoutSeconds: 5 }, 'stale').run(2)
  const end = stage.strike('replication-lag', 'member:redis-1', 30, 20_000_000)
  stage.run(20)
  stage.strike('process-kill', 'member:redis-0', 600)
  stage.run(20)
  end()
  expect(stage.leader(0)).toBe('redis-1')
  expect(stage.lost(0) / 100).toBeGreaterThan(10)
})

test('an address learned by gossip changes the table and not the link; REPLICATE makes it anew (RD-REPL-7)', () => {
  // A master that is cut off, and replaced by a replica whose address changed meanwhile: what it hears first decides.
  let stuck: Stage | undefined
  for (let seed = 0; seed < 12 && stuck === undefined; seed++) {
    const stage = new Stage({ nodeTimeoutSeconds: 5 }, `gossip ${seed}`)
    const end = stage.strike('partition-heartbeats', 'member:redis-0', 60)
    stage.run(1)
    stage.sh('kubectl delete pod redis-1')
    stage.run(50)
    expect(stage.leader(0)).toBe('redis-1')
    end()
    stage.run(60)
    const { table, upstream } = stage.server('redis-0')
    expect([table.master?.id, table.master?.ip]).toEqual([stage.server('redis-1').id, stage.server('redis-1').host.address])
    if (upstream?.state !== 'up') stuck = stage
  }
  const stage = stuck as Stage
  expect(stage.server('redis-0').upstream?.ip).not.toBe(stage.server('redis-1').host.address)
  expect(stage.cli('redis-0', 'info replication')).toContain('master_link_status:down')
  expect(stage.cli('redis-0', `cluster replicate ${stage.server('redis-1').id}`)).toBe('OK')
  stage.run(15)
  expect(stage.server('redis-0').upstream?.state).toBe('up')
})
