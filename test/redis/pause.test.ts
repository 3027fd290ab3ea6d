/** CLIENT PAUSE and UNPAUSE, what goes on meanwhile, and DEBUG SLEEP (rules RD-PAUSE-1, RD-DEBUG-1). */
import { describe, expect, test } from 'vitest'
import { Stage } from './stage.ts'

/** Whether a shard's reads were answered at every look over so many seconds. */
function reads(stage: Stage, shard: number, seconds: number): boolean {
  let all = true
  for (let i = 0; i < seconds * 20; i++) {
    stage.run(0.05)
    all &&= stage.workloads[shard]?.cohorts[0]?.reading === true
  }
  return all
}

/** Seconds that a command takes. */
function taken(stage: Stage, pod: string, words: string): number {
  const from = stage.seconds
  stage.cli(pod, words)
  return stage.seconds - from
}

describe('CLIENT PAUSE (RD-PAUSE-1)', () => {
  test('WRITE: writes of that master wait, its reads and the other shards do not, nothing is lost', () => {
    const stage = new Stage({}, 'pause/write', { readsPerSecond: 100 })
    expect(stage.cli('redis-0', 'client pause 3000 write')).toBe('OK')
    expect(reads(stage, 0, 4)).toBe(true)
    expect(stage.gapsOf(0)).toHaveLength(1)
    expect(stage.gapsOf(0)[0]).toBeGreaterThan(2.9)
    expect(stage.gapsOf(0)[0]).toBeLessThan(3.1)
    expect([...stage.gapsOf(1), ...stage.gapsOf(2)]).toEqual([])
    expect(stage.lost(0)).toBe(0)
  })

  test('UNPAUSE ends it, and no other command waits for that', () => {
    const stage = new Stage({}, 'pause/unpause')
    stage.cli('redis-0', 'client pause 600000 WRITE')
    stage.run(1)
    expect(stage.cli('redis-0', 'role')).toMatch(/^master/)
    expect(stage.workloads[0]?.cohorts[0]?.writing).toBe(false)
    expect(stage.cli('redis-0', 'client unpause')).toBe('OK')
    stage.run(0.1)
    expect(stage.workloads[0]?.cohorts[0]?.writing).toBe(true)
    expect(stage.gapsOf(0)).toHaveLength(1)
  })

  test('without a mode every command waits, CLIENT UNPAUSE too, and the probe gets no answer; bus and replication go on', () => {
    const stage = new Stage({ nodeTimeoutSeconds: 2 }, 'pause/all', { readsPerSecond: 100 })
    stage.cli('redis-0', 'client pause 40000')
    stage.run(1)
    expect(stage.workloads[0]?.cohorts[0]?.reading).toBe(false)
    expect(stage.cluster.entrances['cluster']?.fresh(stage.cluster.logs[0])).toMatchObject({ is: 'none' })
    expect(taken(stage, 'redis-0', 'client unpause')).toBeGreaterThan(38)
    expect(stage.workloads[0]?.cohorts[0]?.reading).toBe(true)
    // Twenty times the node time-out, and nobody was suspected.
    expect(stage.leader(0)).toBe('redis-0')
    expect(stage.sim.records?.filter(r => r.label === 'redis.marked-fail' || r.label === 'redis.replication-down')).toEqual([])
  })

  test('the pod is not Ready meanwhile', () => {
    const stage = new Stage({}, 'pause/ready')
    const ready = (): string => stage.sh('kubectl get pod redis-0 --no-headers').out.split(/\s+/)[1] ?? ''
    stage.cli('redis-0', 'client pause 60000 write')
    stage.run(45)
    expect(ready()).toBe('1/1')
    stage.cli('redis-0', 'client pause 60000')
    stage.run(45)
    expect(ready()).toBe('0/1')
    stage.run(40)
    expect(ready()).toBe('1/1')
  })

  test('asked again it lasts until the later end, and holds back the more', () => {
    const stage = new Stage({}, 'pause/again')
    stage.cli('redis-0', 'client pause 20000 write')
    stage.cli('redis-0', 'client pause 1000 write')
    stage.run(5)
    expect(stage.workloads[0]?.cohorts[0]?.writing).toBe(false)
    stage.cli('redis-0', 'client pause 1000 all')
    expect(taken(stage, 'redis-0', 'ping')).toBeGreaterThan(10)
    // The more of the two stays, should both come at once: after the first nobody can ask again.
    const { holds } = stage.server('redis-2')
    holds.pauseClients(20e6, true)
    holds.pauseClients(1e6, false)
    expect([holds.all, holds.writes]).toEqual([true, true])
    // What is over counts no more.
    stage.cli('redis-0', 'client pause 1000 write')
    expect(taken(stage, 'redis-0', 'ping')).toBeLessThan(0.5)
  })

  test.each(['write', 'all'])('%s: a master that is paused acknowledges nothing, hands over as ever, and redirects at once', mode => {
    const stage = new Stage({}, 'pause/handover')
    stage.cli('redis-0', `client pause 60000 ${mode}`)
    stage.run(1)
    expect(stage.leader(0)).toBeUndefined()
    const replica = [...stage.cluster.world.servers].find(s => s.table.master === s.table.peers.get(stage.server('redis-0').id) && !s.isMaster)?.name ?? ''
    expect(stage.cli(replica, 'cluster failover')).toBe('OK')
    stage.until(() => stage.workloads[0]?.cohorts[0]?.writing === true, 5)
    expect(stage.gapsOf(0)[0]).toBeLessThan(1.6)
    expect(stage.leader(0)).toBe(replica)
    expect(stage.lost(0)).toBe(0)
  })

  test('it ends with the process', () => {
    const stage = new Stage({ save: '3600 1' }, 'pause/restart')
    stage.cli('redis-0', 'client pause 600000')
    stage.strike('process-kill', 'member:redis-0')
    stage.run(10)
    expect(taken(stage, 'redis-0', 'ping')).toBeLessThan(0.5)
  })

  test.each([
    ['client pause', "ERR wrong number of arguments for 'client|pause' command"],
    ['client pause 100 reads', 'ERR CLIENT PAUSE mode must be WRITE or ALL'],
    ['client pause soon', 'ERR timeout is not an integer or out of range'],
    ['client pause -1', 'ERR timeout is negative'],
    ['client', "ERR wrong number of arguments for 'client' command"],
  ])('%s: %s', (words, answer) => {
    expect(new Stage().cli('redis-0', words)).toBe(answer)
  })
})

test('reads are answered while a manual failover holds writes (RD-PAUSE-1, RD-MANUAL-1)', () => {
  const stage = new Stage({}, 'pause/manual', { readsPerSecond: 100 })
  // The replica cannot come level: the master holds writes for the 5 s that this is waited for.
  stage.strike('replication-lag', 'member:redis-3', 60, 30e6)
  stage.run(3)
  const shard = stage.shardOf('redis-3')
  expect(stage.cli('redis-3', 'cluster failover')).toBe('OK')
  expect(reads(stage, shard, 6)).toBe(true)
  expect(Math.max(...stage.gapsOf(shard))).toBeGreaterThan(4.9)
})

describe('DEBUG (RD-DEBUG-1)', () => {
  test('from 7.0 on it is refused, with exit status 0, and nothing sleeps', () => {
    const stage = new Stage()
    const { out, code } = stage.sh('kubectl exec redis-0 -- redis-cli debug sleep 30')
    expect({ code, out }).toEqual({ code: 0, out: 'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.\n\n' })
    stage.run(5)
    expect(stage.gaps).toEqual([])
  })

  test('before that the process stands still, and is replaced when that lasts', () => {
    const stage = new Stage({ image: 'redis:6.2.14', nodeTimeoutSeconds: 2 }, 'debug/6')
    const shard = stage.shardOf('redis-0')
    expect(taken(stage, 'redis-0', 'debug sleep 0.5')).toBeLessThan(0.7)
    stage.run(1)
    expect(stage.gapsOf(shard)[0]).toBeLessThan(0.7)
    expect(stage.leader(shard)).toBe('redis-0')
    expect(stage.cli('redis-0', 'debug sleep 20')).toBe('OK')
    // It hears of its successor.
    stage.run(1)
    expect(stage.leader(shard)).not.toBe('redis-0')
    expect(stage.cli('redis-0', 'role')).toMatch(/^slave/)
  })

  test('a signal that stops it meanwhile is another matter', () => {
    const stage = new Stage({ image: 'redis:6.2.14' }, 'debug/7')
    const end = stage.strike('process-pause', 'member:redis-1', 10)
    expect(stage.server('redis-1').paused).toBe(true)
    stage.server('redis-1').pause(true, 'debug sleep')
    end()
    expect(stage.server('redis-1').paused).toBe(true)
    stage.server('redis-1').pause(false, 'debug sleep')
    expect(stage.server('redis-1').paused).toBe(false)
  })
})

describe('what is not modelled is named before anything runs', () => {
  test.each([
    ['client tracking on', 'the command `client tracking` is not modelled in redis-cli; there are: '],
    ['debug segfault', 'the command `debug segfault` is not modelled in redis-cli; there are: '],
    ['--scan --pattern x*', '`--scan` of redis-cli is not modelled (the keys of the load have no names; '],
    ['--bigkeys', '`--bigkeys` of redis-cli is not modelled (the keys of the load have no names; '],
  ])('%s', (words, message) => {
    const [finding] = new Stage().cluster.commands.check(['kubectl', 'exec', 'redis-0', '--', 'redis-cli', ...words.split(' ')])
    expect(finding).toMatchObject({ severity: 'error' })
    expect(finding?.message).toContain(message)
  })

  test.each(['client pause 1000', 'client unpause', 'client pause ${ms} WRITE', 'debug sleep 5', 'dbsize', 'client ${verb}'])('%s is', words => {
    expect(new Stage().cluster.commands.check(['kubectl', 'exec', 'redis-0', '--', 'redis-cli', ...words.split(' ')])).toEqual([])
  })
})
