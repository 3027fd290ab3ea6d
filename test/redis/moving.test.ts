/** Slots that move: with redis-cli --cluster, by hand, and half-way. Texts and end states are those of 7.0.15. */
import { describe, expect, test } from 'vitest'
import type { Task } from '../../src/kernel/index.ts'
import type { Output } from '../../src/operator/command.ts'
import { answer } from '../../models/redis/entrances.ts'
import { Stage } from './stage.ts'
import { splitLine } from './words.ts'

/** Seven pods, the last a new master without slots that the cluster takes for well. */
function seven(given: Record<string, unknown> = {}, seed = 'moving'): { stage: Stage; id: (pod: string) => string; ip: (pod: string) => string } {
  const stage = new Stage({ spareNodes: 3, nodeTimeoutSeconds: 2, slotShares: 4, layout: 'masters-first', ...given }, seed)
  stage.sh('kubectl scale statefulset redis --replicas=7')
  stage.run(20)
  const ip = (pod: string): string => stage.server(pod).host.address
  stage.sh(`redis-cli --cluster add-node ${ip('redis-6')}:6379 redis-1.redis:6379`)
  stage.run(9)
  return { stage, id: pod => stage.cli(pod, 'cluster myid'), ip }
}

const nothingLost = (stage: Stage): number => stage.cluster.logs.reduce((sum, _, i) => sum + stage.lost(i), 0)
const slotsOf = (stage: Stage, pod: string): string => (stage.cli(pod, 'cluster nodes').split('\n').find(line => line.includes('myself')) ?? '').split(' ').slice(8).join(' ')

describe('--cluster reshard (RD-CLI-4, RD-MOVE-1, RD-MOVE-2)', () => {
  test('all slots of a master go to a new one: it becomes a replica of it, and so does its replica; nothing is lost', () => {
    const { stage, id } = seven()
    const before = stage.cluster.logs.map((_, i) => stage.acked(i))
    const old = id('redis-0')
    const done = stage.sh(`redis-cli --cluster reshard redis-1.redis:6379 --cluster-from ${old} --cluster-to ${id('redis-6')} --cluster-slots 5461 --cluster-yes`)
    expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/Ready to move 5461 slots\.\n {2}Source nodes:\n[^]*Resharding plan:\n {4}Moving slot 0 from [0-9a-f]{40}\n[^]*Moving slot 5460 from [\d.]+:6379 to [\d.]+:6379: \n$/) })
    stage.run(20)
    expect(slotsOf(stage, 'redis-6')).toBe('0-5460')
    expect(stage.cli('redis-0', 'role').split('\n')[0]).toBe('slave')
    for (const pod of ['redis-0', 'redis-4']) expect(stage.server(pod).upstream?.master?.name).toBe('redis-6')
    for (let i = 0; i < 4; i++) {
      expect(stage.leader(i)).toBe('redis-6')
      expect(Math.max(0, ...stage.gapsOf(i))).toBeLessThan(0.2)
      expect(stage.acked(i)).toBeGreaterThan((before[i] as number) + 2000)
    }
    expect(nothingLost(stage)).toBe(0)
    expect(stage.sh('redis-cli --cluster check redis-1.redis:6379').code).toBe(0)
    expect(stage.sh(`redis-cli --cluster del-node redis-1.redis:6379 ${old}`).code).toBe(0)
  })

  test('half of the slots: half of the traffic goes with them, the larger source gives first', () => {
    const { stage, id } = seven()
    const done = stage.sh(`redis-cli --cluster reshard redis-1.redis:6379 --cluster-from all --cluster-to ${id('redis-6')} --cluster-slots 8192 --cluster-yes`)
    expect(done.code).toBe(0)
    stage.run(10)
    expect(slotsOf(stage, 'redis-6')).toBe('0-2729 5461-8191 10923-13652')
    expect(stage.cluster.logs.map((_, i) => stage.leader(i))).toEqual(['redis-6', 'redis-6', 'redis-0', 'redis-0', 'redis-6', 'redis-6', 'redis-1', 'redis-1', 'redis-6', 'redis-6', 'redis-2', 'redis-2'])
    expect(nothingLost(stage)).toBe(0)
    expect(stage.gaps.every(gap => gap.toUs - gap.fromUs < 200_000)).toBe(true)
  })

  test('what it refuses, in its words; without --cluster-yes nobody said yes', () => {
    const { stage, id } = seven()
    const reshard = (words: string): Output => stage.sh(`redis-cli --cluster reshard redis-1.redis:6379 ${words}`)
    expect(reshard(`--cluster-slots 3 --cluster-to ${id('redis-6')} --cluster-from ${id('redis-0')}`)).toMatchObject({ code: 1, out: expect.stringMatching(/Do you want to proceed with the proposed reshard plan \(yes\/no\)\? $/) })
    expect(reshard(`--cluster-slots 3 --cluster-to beef --cluster-from ${id('redis-0')} --cluster-yes`)).toMatchObject({ code: 1, out: expect.stringContaining('*** The specified node (beef) is not known or not a master, please retry.') })
    expect(reshard(`--cluster-slots 3 --cluster-to ${id('redis-4')} --cluster-from all --cluster-yes`).out).toContain('is not known or not a master')
    const same = id('redis-0')
    expect(reshard(`--cluster-slots 3 --cluster-to ${same} --cluster-from ${same} --cluster-yes`)).toMatchObject({ code: 1, out: expect.stringContaining('*** It is not possible to use the target node as source node.') })
    expect(slotsOf(stage, 'redis-0')).toBe('0-5460')
    const asked = stage.sim.spawn(stage.cluster.commands.run({ argv: splitLine(`redis-cli --cluster reshard redis-1.redis:6379 --cluster-slots 3 --cluster-to ${id('redis-6')} --cluster-from ${same}`), stdin: 'yes\n', key: 'test', nth: 8 }))
    stage.run(2)
    expect(asked.result?.code).toBe(0)
    expect(slotsOf(stage, 'redis-6')).toBe('0-2')
    const findings = (line: string): string => stage.cluster.commands.check(splitLine(line)).map(f => f.message).join()
    expect(findings('redis-cli --cluster reshard redis-1:6379 --cluster-yes')).toMatch(/asks a person for what it was not told/)
    expect(findings('redis-cli --cluster fix redis-1:6379 --cluster-yes')).toMatch(/not modelled/)
  })

  test('a new node that still says CLUSTERDOWN takes no keys: the first slot stays open', () => {
    const { stage, id, ip } = seven({ datasetMB: 100 })
    stage.sh('kubectl scale statefulset redis --replicas=8')
    stage.run(20)
    stage.sh(`redis-cli --cluster add-node ${ip('redis-7')}:6379 redis-1.redis:6379`)
    stage.run(1)
    const done = stage.sh(`redis-cli --cluster reshard redis-1.redis:6379 --cluster-from ${id('redis-0')} --cluster-to ${id('redis-7')} --cluster-slots 5461 --cluster-yes`)
    expect(done).toMatchObject({ code: 1, out: expect.stringContaining('clusterManagerMoveSlot failed: ERR Target instance replied with error: CLUSTERDOWN The cluster is down') })
    expect(slotsOf(stage, 'redis-0')).toBe(`0-5460 [0->-${id('redis-7')}]`)
    expect(slotsOf(stage, 'redis-7')).toBe(`[0-<-${id('redis-0')}]`)
    stage.run(5)
    expect(stage.sh('redis-cli --cluster fix redis-1.redis:6379')).toMatchObject({ code: 0, out: expect.stringContaining('>>> Case 1: Moving slot 0 from ') })
    expect(slotsOf(stage, 'redis-7')).toBe('0')
  })
})

/** A command that goes on while the test does something else. */
function begin(stage: Stage, line: string): Task<Output> {
  return stage.sim.spawn(stage.cluster.commands.run({ argv: splitLine(line), stdin: '', key: 'test', nth: 9 }))
}

describe('broken off half-way (RD-MOVE-8, RD-CLI-6)', () => {
  const half = (given: Record<string, unknown> = {}): { stage: Stage; id: (pod: string) => string; task: Task<Output>; moved: () => number } => {
    const { stage, id } = seven({ datasetMB: 20, ...given })
    const task = begin(stage, `redis-cli --cluster reshard redis-1.redis:6379 --cluster-from ${id('redis-0')} --cluster-to ${id('redis-6')} --cluster-slots 5461 --cluster-yes`)
    stage.run(8)
    expect(task.state).toBe('running')
    return { stage, id, task, moved: () => Number(/^0-(\d+)/.exec(slotsOf(stage, 'redis-6'))?.[1] ?? -1) + 1 }
  }
  const check = (stage: Stage): Output => stage.sh('redis-cli --cluster check redis-1.redis:6379')

  test('the tool is killed: some slots have moved, one is open on both sides, and fix moves it', () => {
    const { stage, id, task, moved } = half()
    task.kill()
    const n = moved()
    expect(n).toBeGreaterThan(1000)
    expect(n).toBeLessThan(5000)
    expect(slotsOf(stage, 'redis-0')).toBe(`${n}-5460 [${n}->-${id('redis-6')}]`)
    expect(check(stage)).toMatchObject({ code: 1, out: expect.stringMatching(new RegExp(`has slots in migrating state ${n}\\.[^]*has slots in importing state ${n}\\.[^]*The following slots are open: ${n}\\.[^]*All 16384 slots covered`)) })
    expect(stage.sh(`redis-cli --cluster reshard redis-1.redis:6379 --cluster-from all --cluster-to ${id('redis-6')} --cluster-slots 10 --cluster-yes`)).toMatchObject({ code: 1, err: expect.stringContaining('*** Please fix your cluster problems before resharding') })
    expect(stage.sh('redis-cli --cluster fix redis-1.redis:6379').code).toBe(0)
    stage.run(3)
    expect(check(stage).code).toBe(0)
    expect(moved()).toBe(n + 1)
    expect(nothingLost(stage)).toBe(0)
  })

  test('the tool is killed in the millisecond in which the keys of a share’s own slot are under way: its writes waited for that, and go on', () => {
    const { stage, task } = half()
    const source = stage.server('redis-0')
    for (let i = 0; source.leaving.size === 0 && i < 100_000 && task.state === 'running'; i++) stage.sim.run(stage.sim.now + 200)
    const [leaving] = source.leaving
    expect(leaving).toBeDefined()
    expect(answer(source, leaving as never)).toEqual({ is: 'held' })
    task.kill()
    expect(answer(source, leaving as never).is).toBe('served')
  })

  test('the target dies and has no replica: what had moved is gone with it, acknowledged writes of before too', () => {
    const { stage, task } = half({ save: '' })
    stage.strike('process-kill', 'member:redis-6', 1)
    stage.run(20)
    expect(task.result).toMatchObject({ code: 1, out: expect.stringContaining('clusterManagerMoveSlot failed: CLUSTER SETSLOT failed to run') })
    expect(nothingLost(stage)).toBeGreaterThan(1000)
    expect(stage.sh('redis-cli --cluster info redis-1.redis:6379').out).toMatch(/-> 0 keys \| \d+ slots \| 0 slaves/)
  })

  test('the target has a replica: it has what had moved, and leads it', () => {
    const { stage, id } = seven({ datasetMB: 20, save: '' })
    stage.sh('kubectl scale statefulset redis --replicas=8')
    stage.run(20)
    stage.sh(`redis-cli --cluster add-node ${stage.server('redis-7').host.address}:6379 redis-1.redis:6379 --cluster-slave --cluster-master-id ${id('redis-6')}`)
    stage.run(10)
    begin(stage, `redis-cli --cluster reshard redis-1.redis:6379 --cluster-from ${id('redis-0')} --cluster-to ${id('redis-6')} --cluster-slots 5461 --cluster-yes`)
    stage.run(8)
    const n = Number(/^0-(\d+)/.exec(slotsOf(stage, 'redis-6'))?.[1])
    stage.strike('process-kill', 'member:redis-6', 60)
    stage.run(15)
    expect(slotsOf(stage, 'redis-7')).toBe(`0-${n}`)
    expect(stage.leader(0)).toBe('redis-7')
    // No more than was on the wire.
    expect(nothingLost(stage)).toBeLessThan(5)
  })

  test('the source dies: its replica takes the slots that are left, and does not know of the open one', () => {
    const { stage, id, task, moved } = half()
    const old = id('redis-0')
    stage.strike('process-kill', 'member:redis-0', 60)
    stage.run(12)
    expect(task.result?.code).toBe(1)
    const n = moved()
    expect(slotsOf(stage, 'redis-4')).toBe(`${n}-5460`)
    expect(slotsOf(stage, 'redis-6')).toBe(`0-${n - 1} [${n}-<-${old}]`)
    expect(check(stage).out).toMatch(/Nodes don't agree about configuration!/)
    expect(stage.sh('redis-cli --cluster fix redis-1.redis:6379')).toMatchObject({ code: 1, out: expect.stringContaining('*** Fixing open slots with 1 unreachable masters is dangerous') })
    expect(nothingLost(stage)).toBeLessThan(5)
  })

  test('the target stands still: the tool waits, or MIGRATE does and the source with it', () => {
    const { stage, task } = half()
    const end = stage.strike('process-pause', 'member:redis-6', 30)
    stage.run(8)
    expect(task.state).toBe('running')
    end()
    stage.run(60)
    expect(task.state).toBe('done')
  })
})

describe('--cluster rebalance (RD-CLI-5)', () => {
  test('moves nothing while all are within the threshold of two per cent, or of another one that it is told', () => {
    const { stage, id } = seven()
    const away = (slots: number): Output => stage.sh(`redis-cli --cluster reshard redis-1.redis:6379 --cluster-from ${id('redis-0')} --cluster-to ${id('redis-1')} --cluster-slots ${slots} --cluster-yes`)
    expect(away(80).code).toBe(0)
    stage.run(5)
    expect(stage.sh('redis-cli --cluster rebalance redis-1.redis:6379').out).toContain('No rebalancing needed! All nodes are within the 2.00% threshold.')
    expect(away(120).code).toBe(0)
    stage.run(5)
    expect(stage.sh('redis-cli --cluster rebalance redis-1.redis:6379 --cluster-threshold 6').out).toContain('within the 6.00% threshold')
    expect(stage.sh('redis-cli --cluster rebalance redis-1.redis:6379 --cluster-simulate').out).toContain('Moving 201 slots from redis-1.redis:6379 to')
  })

  test('within the threshold nothing is done; empty masters take part only when told to', () => {
    const { stage } = seven()
    expect(stage.sh('redis-cli --cluster rebalance redis-1.redis:6379')).toMatchObject({ code: 0, out: expect.stringContaining('*** No rebalancing needed! All nodes are within the 2.00% threshold.') })
    expect(stage.sh('redis-cli --cluster rebalance redis-1.redis:6379 --cluster-weight beef=2')).toMatchObject({ code: 1, out: expect.stringContaining('*** No such master node beef') })
    expect(stage.sh('redis-cli --cluster rebalance redis-1.redis:6379 --cluster-use-empty-masters --cluster-simulate').out).toMatch(/>>> Rebalancing across 4 nodes\. Total weight = 4\.00\n[^]*Moving 1366 slots from [^]*Moving 1365 slots from /)
    expect(stage.sh('redis-cli --cluster rebalance redis-1.redis:6379 --cluster-use-empty-masters').code).toBe(0)
    stage.run(5)
    for (const pod of ['redis-0', 'redis-1', 'redis-2', 'redis-6']) expect(stage.server(pod).data.leading).toBe(true)
    expect(nothingLost(stage)).toBe(0)
  })

  test('a master that is emptied on the way becomes a replica, and the tool stumbles over it (RD-MOVE-5)', () => {
    const { stage, id } = seven()
    const done = stage.sh(`redis-cli --cluster rebalance redis-1.redis:6379 --cluster-use-empty-masters --cluster-weight ${id('redis-1')}=0`)
    expect(done.code).toBe(0)
    // One more to give to: somebody else has to give after it is empty.
    const again = seven()
    again.stage.sh('kubectl scale statefulset redis --replicas=8')
    again.stage.run(20)
    again.stage.sh(`redis-cli --cluster add-node ${again.ip('redis-7')}:6379 redis-1.redis:6379`)
    again.stage.run(9)
    const failed = again.stage.sh(`redis-cli --cluster rebalance redis-1.redis:6379 --cluster-use-empty-masters --cluster-weight ${again.id('redis-1')}=0`)
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining('*** clusterManagerMoveSlot: ERR Please use SETSLOT only with masters.') })
    expect(again.stage.cli('redis-1', 'role').split('\n')[0]).toBe('slave')
  })
})

describe('by hand (RD-MOVE-1, RD-MOVE-3, RD-MOVE-4, RD-MOVE-6, RD-MOVE-7)', () => {
  test('errors, word for word', () => {
    const stage = new Stage({ layout: 'masters-first', datasetMB: 10 }, 'slots')
    const id = (pod: string): string => stage.cli(pod, 'cluster myid')
    const said = (pod: string, words: string): string => stage.cli(pod, `cluster ${words}`)
    expect(said('redis-0', 'setslot 0 migrating beef')).toBe("ERR I don't know about node beef")
    expect(said('redis-1', `setslot 0 migrating ${id('redis-0')}`)).toBe("ERR I'm not the owner of hash slot 0")
    expect(said('redis-0', `setslot 0 importing ${id('redis-1')}`)).toBe("ERR I'm already the owner of hash slot 0")
    expect(said('redis-0', 'setslot 99999 stable')).toBe('ERR Invalid or out of range slot')
    expect(said('redis-0', 'setslot 0 foo')).toBe('ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP')
    expect(said('redis-4', 'setslot 0 stable')).toBe('ERR Please use SETSLOT only with masters.')
    expect(said('redis-0', 'setslot 0 node beef')).toBe('ERR Unknown node beef')
    expect(said('redis-0', `setslot 0 node ${id('redis-4')}`)).toBe('ERR Target node is not a master')
    expect(said('redis-0', `setslot 0 node ${id('redis-1')}`)).toBe("ERR Can't assign hashslot 0 to a different node while I still hold keys for this hash slot.")
    expect(said('redis-0', 'countkeysinslot 0')).toBe('2')
    expect(said('redis-1', 'countkeysinslot 0')).toBe('0')
    expect(said('redis-0', 'addslots 0')).toBe('ERR Slot 0 is already busy')
    expect(said('redis-0', 'addslotsrange 5 3')).toBe('ERR start slot number 5 is greater than end slot number 3')
    expect(said('redis-0', 'addslots 16384')).toBe('ERR Invalid or out of range slot')
    expect(said('redis-0', 'delslots 3 3')).toBe('ERR Slot 3 specified multiple times')
    expect(said('redis-0', 'set-config-epoch 5')).toBe('ERR The user can assign a config epoch only when the node does not know any other node.')
    expect(said('redis-0', 'bumpepoch')).toBe('BUMPED 7')
    expect(said('redis-0', 'bumpepoch')).toBe('STILL 7')
  })

  test('slots that one node gave up are nobody’s there, and it is down; the others are not told', () => {
    const stage = new Stage({ layout: 'masters-first' }, 'delslots')
    expect(stage.cli('redis-0', 'cluster delslotsrange 10 12')).toBe('OK')
    expect(stage.cli('redis-0', 'cluster info')).toMatch(/^cluster_state:fail\r?\ncluster_slots_assigned:16381/)
    stage.run(10)
    expect(slotsOf(stage, 'redis-0')).toBe('0-9 13-5460')
    expect(stage.cli('redis-1', 'cluster info')).toMatch(/^cluster_state:ok\r?\ncluster_slots_assigned:16384/)
    expect(stage.sh('redis-cli --cluster check redis-0.redis:6379')).toMatchObject({ code: 1, out: expect.stringContaining('Not all 16384 slots are covered by nodes.') })
  })

  test('an importing node takes an epoch of its own, and all hear of the slot; clients that ask are sent on', () => {
    const stage = new Stage({ layout: 'masters-first' }, 'ask')
    const id = (pod: string): string => stage.cli(pod, 'cluster myid')
    const slot = stage.cli('redis-0', 'cluster keyslot k2')
    expect(slot).toBe('449')
    expect(stage.cli('redis-1', `cluster setslot 449 importing ${id('redis-0')}`)).toBe('OK')
    expect(stage.cli('redis-0', `cluster setslot 449 migrating ${id('redis-1')}`)).toBe('OK')
    expect(stage.cli('redis-1', `cluster setslot 449 node ${id('redis-1')}`)).toBe('OK')
    stage.run(3)
    expect(stage.cli('redis-1', 'cluster info')).toMatch(/cluster_my_epoch:7/)
    for (const pod of ['redis-2', 'redis-3']) expect(stage.cli(pod, 'cluster nodes')).toMatch(/ 449 5461-10922/)
    expect(stage.cli('redis-0', 'get k2')).toMatch(/^MOVED 449 /)
  })
})
