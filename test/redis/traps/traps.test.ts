/** Each trap of the documented Redis procedure (facts §6.1) and, as far as Redis is concerned, of the emergency list (§6.3): see README.md. */
import { beforeAll, describe, expect, test } from 'vitest'
import { engines } from '../../../models/index.ts'
import type { RedisCluster } from '../../../models/redis/index.ts'
import type { Cluster } from '../../../src/engine.ts'
import { rehearse } from '../../../src/rehearsal.ts'
import type { RehearsalResult } from '../../../src/result.ts'
import { loadScenario } from '../../../src/scenario/index.ts'
import { type Change, variant } from '../../variant.ts'
import { Stage } from '../stage.ts'
import { Lab } from '../../vitess/lab.ts'

interface Story {
  readonly result: RehearsalResult
  readonly cluster: RedisCluster
  readonly outputs: ReadonlyMap<string, readonly string[]>
  readonly codes: ReadonlyMap<string, readonly number[]>
  readonly labels: readonly string[]
}

/** One rehearsal, the cluster as it was left, and what each step's commands printed. */
function played(name: string, change: Change = {}, seed = 'traps'): Story {
  const outputs = new Map<string, string[]>()
  const codes = new Map<string, number[]>()
  let left: Cluster | undefined
  const result = rehearse({
    scenario: variant(`redis-rolling-replace/${name}`, change), schedule: [], seed, record: true,
    watch: (_sim, cluster) => {
      left = cluster
      return { commandReturned: e => {
        outputs.set(e.step, [...(outputs.get(e.step) ?? []), `${e.output.out}${e.output.err}`.trim()])
        codes.set(e.step, [...(codes.get(e.step) ?? []), e.output.code])
      } }
    },
  })
  return { result, cluster: left as RedisCluster, outputs, codes, labels: (result.story?.trace ?? []).map(r => `${r.label} ${r.node}`) }
}

const failed = (story: Story): string[] => story.result.verdicts.filter(v => v.status === 'fail').map(v => v.check)
const gap = (story: Story): number => story.result.measures.longestWriteGapSeconds
/** Write downtime of all shards together. */
const total = (story: Story): number => story.result.measures.writeDowntimeSeconds * 3

let documented: Story
let standard: Story
let hostnames8: Story
let emptyDir: Story
beforeAll(() => {
  documented = played('as-documented')
  standard = played('standard-layout')
  hostnames8 = played('hostnames-8')
  emptyDir = played('empty-dir')
})

describe('golden traces of the documented script (facts §7)', () => {
  test('a: every failover is refused with exit status 0, a live master is deleted, each shard is away for the restart and 2 s, nothing is lost', () => {
    expect(documented.outputs.get('failover')).toEqual(Array.from({ length: 3 }, () => 'ERR You should send CLUSTER FAILOVER to a replica'))
    expect(documented.codes.get('failover')).toEqual([0, 0, 0])
    expect(gap(documented)).toBeGreaterThan(7.8)
    expect(gap(documented)).toBeLessThan(8.6)
    expect(total(documented)).toBeGreaterThan(23.4)
    expect([documented.result.outcome, documented.result.measures.lostAcknowledgedWrites]).toEqual(['completed', 0])
    expect(documented.cluster.world.promotions).toEqual([])
  })

  test('b: emptyDir: everything is lost, no shard serves, three orphans of one node each', () => {
    const { measures } = emptyDir.result
    expect(measures.lostAcknowledgedWrites).toBe(emptyDir.cluster.logs.reduce((sum, log) => sum + log.ledger.total('ok'), 0))
    expect(failed(emptyDir)).toEqual(expect.arrayContaining(['no-acknowledged-write-lost', 'serves-at-end', 'converges', 'no-false-success']))
    const known = [...emptyDir.cluster.world.servers].map(s => s.table.peers.size).sort((a, b) => a - b)
    expect(known.slice(0, 3)).toEqual([1, 1, 1])
    expect(known.slice(3)).toEqual([9, 9, 9])
  })

  test('c: back after the node time-out: each master is replaced after 17 to 24 s, the others are CLUSTERDOWN about a second each time, nothing is lost', () => {
    const story = played('after-node-timeout')
    expect(gap(story)).toBeGreaterThan(17)
    expect(gap(story)).toBeLessThan(24)
    // One that is back just in time goes on as master.
    const promoted = story.cluster.world.promotions.map(p => p.member)
    expect(promoted.length).toBeGreaterThanOrEqual(2)
    expect(['redis-1', 'redis-3', 'redis-5']).toEqual(expect.arrayContaining(promoted))
    expect(total(story)).toBeGreaterThan(3 * 17 + 4 * 0.5)
    expect([story.result.measures.lostAcknowledgedWrites, story.result.outcome]).toEqual([0, 'completed'])
  })

  test('d: the layout of --cluster create: shard 0 is hit twice, once by each loop', () => {
    // redis-1 as a replica, redis-0 and redis-2 as masters, redis-4 promoted for a moment.
    expect(total(standard)).toBeGreaterThan(4 * 7.8)
    expect(standard.cluster.world.departures.map(d => d.member)).toEqual(['redis-1', 'redis-0', 'redis-2', 'redis-4'])
    expect(standard.result.measures.lostAcknowledgedWrites).toBe(0)
  })

  test('f: announced names on 7.0: replicas are forgotten and met again; as a', () => {
    const story = played('hostnames')
    expect(story.outputs.get('forget')).toEqual(['OK', 'OK', 'OK'])
    expect(gap(story)).toBeLessThan(8.6)
    expect([...story.cluster.world.servers].every(s => s.table.peers.size === 6)).toBe(true)
    expect(story.result.measures.lostAcknowledgedWrites).toBe(0)
  })

  test('g: announced names on 8.0: cluster_state ok, masters that know three nodes, replicas outside', () => {
    const masters = [...hostnames8.cluster.world.servers].filter(s => s.isMaster)
    expect(masters.map(s => [s.clusterOk, s.table.peers.size])).toEqual([[true, 3], [true, 3], [true, 3]])
    expect(failed(hostnames8)).toContain('converges')
    expect(failed(hostnames8)).not.toContain('serves-at-end')
    expect(hostnames8.result.measures.lostAcknowledgedWrites).toBe(0)
  })

  test('h: no persistence: 8 s of outage, and all that was acknowledged is gone', () => {
    const story = played('no-persistence')
    expect(gap(story)).toBeLessThan(8.6)
    expect(story.result.measures.lostAcknowledgedWrites).toBeGreaterThan(15_000)
    expect(failed(story)).not.toContain('serves-at-end')
  })

  test('i: announced names on 8.0 and the usual layout: two shards down, for good', () => {
    const story = played('hostnames-8-standard-layout')
    expect(failed(story)).toContain('serves-at-end')
    expect(gap(story)).toBeGreaterThan(120)
  })
})

describe('the rolling replace', () => {
  test('RD-T01 no pod name in CLUSTER NODES: nothing is forgotten, and nobody minds', () => {
    expect(documented.outputs.get('find-id')).toEqual(['', '', ''])
    expect(documented.outputs.get('forget')?.[0]).toBe("ERR wrong number of arguments for 'cluster|forget' command")
    expect(documented.codes.get('forget')).toEqual([0, 0, 0])
  })

  test('RD-T02 a node that forgot a replica ignores it in an election: with one other master gone there is no failover for a minute', () => {
    const elected = (forget: boolean): number => {
      const stage = new Stage({ nodeTimeoutSeconds: 5 }, 't02')
      // redis-2 of the voters is down for good; of those left, redis-0 does not know the candidate redis-5.
      if (forget) stage.cli('redis-0', `cluster forget ${stage.server('redis-5').id}`)
      stage.strike('process-kill', 'member:redis-4', 900)
      stage.strike('process-pause', 'member:redis-3', 900)
      stage.run(1)
      stage.cluster.world.bus.stir()
      return stage.until(() => stage.leader(2) === 'redis-5', 120)
    }
    expect(elected(false)).toBeLessThan(15)
    const both = new Stage({ nodeTimeoutSeconds: 5 }, 't02')
    both.cli('redis-0', `cluster forget ${both.server('redis-5').id}`)
    both.cli('redis-2', `cluster forget ${both.server('redis-5').id}`)
    both.strike('process-kill', 'member:redis-4', 900)
    both.run(50)
    expect(both.leader(2)).toBeUndefined()
  })

  test('RD-T03 forget, then meet, on 7.2 and later: detached replicas, which a lost master does not come back from', () => {
    const stage = new Stage({ image: 'redis:8.0.2', targetImage: null, nodeTimeoutSeconds: 5 })
    stage.cli('redis-0', `cluster forget ${stage.server('redis-1').id}`)
    stage.run(10)
    stage.cli('redis-0', `cluster meet ${stage.server('redis-1').host.address} 6379`)
    stage.run(5)
    expect(stage.cluster.truth.members().find(m => m.name === 'redis-1')).toMatchObject({ role: 'follower', attached: false })
    stage.strike('node-loss', `node:${stage.server('redis-0').place}`, 900)
    stage.run(60)
    expect(stage.leader(0)).toBeUndefined()
  })

  test('RD-T04 roles by ordinals: on the usual layout a master is deleted "without impact to writes"', () => {
    const at = standard.result.story?.trace.find(r => r.label === 'redis.down' && r.node === 'redis-1')?.atUs ?? 0
    expect(standard.result.steps.find(s => s.step === 'delete-replica' && s.startUs <= at && (s.endUs ?? 0) >= at)).toBeDefined()
  })

  test('RD-T05 a live master is forgotten as readily', () => {
    const story = played('hostnames-8-standard-layout')
    expect(story.outputs.get('forget')?.[0]).toBe('OK')
    expect(story.labels).toContain('redis.forgotten redis-0')
    expect(gap(story)).toBeGreaterThan(60)
  })

  test('RD-T06 a failover asked of a master is an error that nobody reads', () => {
    expect(documented.outputs.get('failover')?.[0]).toMatch(/^ERR /)
    expect(documented.codes.get('failover')).toEqual([0, 0, 0])
  })

  test('RD-T07 the "demoted" node is the master', () => {
    expect(documented.cluster.world.departures.map(d => [d.member, d.cause])).toEqual([['redis-0', 'runbook'], ['redis-2', 'runbook'], ['redis-4', 'runbook']])
  })

  test('RD-T08 on the usual layout redis-4 is promoted, and deleted ten seconds later', () => {
    expect(standard.cluster.world.promotions.map(p => p.member)).toEqual(['redis-4'])
    expect(standard.cluster.world.departures.at(-1)?.member).toBe('redis-4')
  })

  test('RD-T09 a failover tried again too soon: OK, five seconds without writes, nothing done', () => {
    const stage = new Stage({}, 't09')
    stage.cli('redis-1', 'cluster failover')
    stage.run(9)
    stage.cli('redis-0', 'cluster failover')
    stage.run(30)
    expect(stage.cli('redis-1', 'cluster failover')).toBe('OK')
    stage.run(10)
    expect(stage.leader(0)).toBe('redis-0')
    expect(stage.gapsOf(0).at(-1)).toBeCloseTo(5, 1)
  })

  test('RD-T10 ten seconds are no confirmation: a replica that lags does not take over, and the master is killed', () => {
    const stage = new Stage({}, 't10')
    stage.strike('replication-lag', 'member:redis-1', 60, 30_000_000)
    stage.run(40)
    expect(stage.cli('redis-1', 'cluster failover')).toBe('OK')
    stage.run(10)
    expect(stage.cli('redis-0', 'role').split('\n')[0]).toBe('master')
    expect(stage.gapsOf(0)[0]).toBeCloseTo(5, 0)
  })

  test('RD-T11 on emptyDir a replica comes back as an empty master that replicates nobody', () => {
    const roles = ['redis-1', 'redis-3', 'redis-5'].map(pod => emptyDir.cluster.world.serverOf(pod)).map(s => [s?.isMaster, s?.table.myself.slots])
    expect(roles).toEqual([[true, 0], [true, 0], [true, 0]])
  })

  test('RD-T12 nodes.conf without data: the empty master wipes its replica', () => {
    const story = played('no-persistence')
    expect(story.labels).toEqual(expect.arrayContaining(['redis.empty-master redis-0', 'redis.dataset-replaced redis-1']))
  })

  test('RD-T13 on emptyDir nothing meets a replaced master: its slots belong to nobody alive, and quorum goes with the second', () => {
    expect(emptyDir.cluster.logs.map(log => emptyDir.cluster.truth.couldAcknowledge(log))).toEqual([[], [], []])
    expect(emptyDir.cluster.world.promotions).toEqual([])
  })

  test('RD-T14 another id at the same address: noaddr, never replaced', () => {
    const stage = new Stage({ storage: 'emptyDir', hostNetwork: true })
    stage.sh('kubectl delete pod redis-0')
    stage.run(60)
    expect(stage.cli('redis-2', 'cluster nodes')).toContain('master,noaddr')
    expect(stage.leader(0)).toBeUndefined()
  })

  test('RD-T15 a wait that runs out stops nothing: the next pod is deleted while this one is away', () => {
    const story = played('as-documented', { set: { 'cluster.kubernetes.containerStartSeconds': '200' } })
    expect(story.outputs.get('wait-replica')?.[0]).toMatch(/timed out waiting/)
    expect(story.result.outcome).toBe('completed')
    const order = story.labels.filter(label => /redis\.(down|up) redis-[13]$/.test(label)).slice(-4)
    expect(order).toEqual(['redis.down redis-1', 'redis.down redis-3', 'redis.up redis-1', 'redis.up redis-3'])
  })

  test('RD-T16 Ready before it is in step: 500 MB are still to be copied', () => {
    const stage = new Stage({ appendonly: true, datasetMB: 500, readinessDelaySeconds: 0, readinessPeriodSeconds: 1 })
    stage.sh('kubectl delete pod redis-1')
    stage.sh('kubectl wait --for=condition=ready pod redis-1 --timeout=120s')
    stage.run(3)
    expect(stage.cluster.kubernetes.pod('redis-1')?.ready).toBe(true)
    expect(stage.cli('redis-1', 'info replication')).toContain('master_link_status:down')
  })

  test('RD-T17 a failover right after a restart may lose its votes', () => {
    const failures = Array.from({ length: 12 }, (_, i) => {
      const stage = new Stage({ timing: { handshakeMs: 1, partialSyncMs: 1 } }, `t17/${i}`)
      stage.sh('kubectl delete pod redis-1')
      stage.until(() => stage.cluster.world.serverOf('redis-1')?.table.master?.link?.alive === true && stage.server('redis-1').upstream?.state === 'up', 30)
      const said = stage.cli('redis-1', 'cluster failover')
      stage.run(8)
      return said === 'OK' && stage.leader(0) === 'redis-0' && (stage.gapsOf(0)[0] ?? 0) > 4.9
    })
    expect(failures).toContain(true)
  })

  test('RD-T18 nothing is upgraded: same image, same node', () => {
    expect(failed(documented)).toContain('target-reached')
    expect(documented.cluster.truth.members().map(m => m.versions.engine)).toEqual(Array.from({ length: 6 }, () => '7.0.15'))
  })

  test('RD-T19 min-replicas-to-write 1 with one replica: no writes for each replica’s restart', () => {
    const story = played('as-documented', { set: { 'cluster.minReplicasToWrite': '1' } })
    expect(total(story)).toBeGreaterThan(total(documented) + 3 * 5)
  })

  test('RD-T20 an old replica of a new master that needs everything never gets it', () => {
    const stage = new Stage({ targetImage: 'redis:8.0.2', updateStrategy: 'OnDelete', replBacklogMB: 0.016 })
    stage.sh(`kubectl patch statefulset redis --patch '{"spec":{"template":{"spec":{"containers":[{"name":"redis","image":"redis:8.0.2"}]}}}}'`)
    stage.sh('kubectl delete pod redis-0')
    stage.run(5)
    const end = stage.strike('partition-peers', 'member:redis-1', 70)
    stage.run(70)
    end()
    stage.run(60)
    expect(stage.server('redis-1').logBook.lines).toContain("Can't handle RDB format version 12")
    expect(stage.cluster.truth.forbiddenSkew().length).toBe(1)
  })

  test('RD-T21 a cut-off master acknowledges on for about the node time-out, and all of that is lost', () => {
    const stage = new Stage({}, 't21')
    const end = stage.strike('partition-peers', 'member:redis-0', 40)
    stage.run(40)
    end()
    stage.run(2)
    expect(stage.lost(0)).toBeGreaterThan(100 * 14)
    expect(stage.lost(0)).toBeLessThan(100 * 24)
  })

  test('RD-T22 after a restart a node tells clients its old address', () => {
    const servers = ['redis-0', 'redis-2', 'redis-4'].map(pod => documented.cluster.world.serverOf(pod))
    for (const server of servers) expect(server?.table.myself.ip).not.toBe(server?.host.address)
    // The replicas were met, so they know.
    const met = documented.cluster.world.serverOf('redis-1')
    expect(met?.table.myself.ip).toBe(met?.host.address)
  })

  test('RD-T23 with a password every redis-cli is refused with exit status 0, and the pods are deleted all the same', () => {
    const story = played('as-documented', { set: { 'cluster.password': 'secret' } })
    expect(story.outputs.get('topology')).toEqual(['NOAUTH Authentication required.'])
    expect(story.codes.get('failover')).toEqual([0, 0, 0])
    expect(story.result.outcome).toBe('completed')
    expect(gap(story)).toBeGreaterThan(7)
  })

  test('RD-T24 deletion asks no disruption budget', () => {
    const story = played('as-documented', { set: { 'cluster.podDisruptionBudget': 'true' } })
    expect(story.codes.get('delete-master')).toEqual([0, 0, 0])
  })

  test('RD-T25 completed, whatever happened', () => {
    for (const story of [documented, emptyDir, hostnames8]) expect([story.result.outcome, story.outputs.get('done')]).toEqual(['completed', ['Redis cluster upgrade completed']])
    expect(failed(emptyDir)).toContain('no-false-success')
  })

  test('RD-T26 "Downtime: None": claimed beside what is measured, corrected too', () => {
    const scenario = loadScenario('redis-rolling-replace/as-documented', engines)
    expect(scenario.claims).toEqual({ writeDowntimeSeconds: 0, lostAcknowledgedWrites: 0 })
    expect(documented.result.measures.writeDowntimeSeconds).toBeGreaterThan(7)
    const verified = played('verified')
    expect(gap(verified)).toBeGreaterThan(0)
    expect(gap(verified)).toBeLessThan(0.2)
  })

  test('RD-T27 nothing checks between two replicas that the first has its data again', () => {
    const story = played('as-documented', { set: { 'cluster.appendonly': 'true', 'cluster.datasetMB': '2000' } })
    const trace = story.result.story?.trace ?? []
    const second = trace.find(r => r.label === 'redis.down' && r.node === 'redis-3')?.atUs ?? 0
    const back = trace.find(r => r.label === 'redis.replication-up' && r.node === 'redis-1' && r.atUs > 10_000_000)?.atUs ?? Number.POSITIVE_INFINITY
    expect(second).toBeLessThan(back)
  })
})

describe('the emergency list', () => {
  test('EM-T01 a label that nobody has: no pods, exit status 0', () => {
    expect(new Stage().sh('kubectl get pods -l tier=database -o wide')).toMatchObject({ out: '', code: 0 })
  })

  test('EM-T02 a script that is not there is named before anything runs', () => {
    expect(new Stage().cluster.commands.check(['./scripts/check-replica-health.sh'])[0]?.message).toContain('check-replica-health.sh')
  })

  test('EM-T03 no such Job', () => {
    expect(new Stage().sh("kubectl get job backup-job -o jsonpath='{.status.completionTime}'")).toMatchObject({ code: 1, out: '' })
  })

  test('EM-T04 the wheel of PostgreSQL on MySQL: its commands are not there, and the script goes on', () => {
    const lab = new Lab()
    const before = lab.primary
    const pod = lab.cluster.kubernetes.pods().find(p => p.name.includes('-vttablet-'))?.name ?? ''
    const output = lab.run(`kubectl exec ${pod} -c mysqld -- sh -c 'pg_ctl promote -D /var/lib/postgresql/data; echo promoted'`)
    expect(output).toMatchObject({ code: 0, out: 'promoted\n' })
    expect(output.err).toContain('pg_ctl: command not found')
    expect(lab.primary).toBe(before)
  })

  test('EM-T05 Memcached copies nothing: each replaced server is empty, no write is lost, and reads wait for the database', () => {
    const { measures } = rehearse({ scenario: variant('memcached-rolling-replace/as-documented'), schedule: [], seed: 'traps' })
    expect(measures.lostAcknowledgedWrites).toBe(0)
    expect(measures.readDowntimeSeconds).toBeGreaterThan(5)
  })

  test('EM-T07 a budget of minutes: one replica of 100 GB takes a quarter of an hour to copy', () => {
    const stage = new Stage({ datasetMB: 100_000, appendonly: true, terminationGraceSeconds: 5 })
    stage.sh('kubectl delete pod redis-1')
    stage.until(() => stage.cluster.world.serverOf('redis-1')?.state === 'up', 1200)
    expect(stage.until(() => stage.server('redis-1').upstream?.state === 'up', 4000)).toBeGreaterThan(900)
  })

  test('EM-T08 no way back: the old version cannot read what the new one saved', () => {
    const stage = new Stage({ targetImage: 'redis:8.0.2', updateStrategy: 'OnDelete' })
    const image = (name: string): void => void stage.sh(`kubectl patch statefulset redis --patch '{"spec":{"template":{"spec":{"containers":[{"name":"redis","image":"${name}"}]}}}}'`)
    image('redis:8.0.2')
    stage.sh('kubectl delete pod redis-1')
    stage.run(20)
    image('redis:7.0.15')
    stage.sh('kubectl delete pod redis-1')
    stage.run(60)
    expect(stage.cluster.kubernetes.pod('redis-1')).toMatchObject({ ready: false, reason: 'CrashLoopBackOff' })
  })

  test('EM-T09 "Complexity: Low": the corrected procedure has more gates than the document has commands', () => {
    const gates = loadScenario('redis-rolling-replace/verified', engines).runbook.steps.filter(s => s.action.kind === 'gate').length
    expect(gates).toBeGreaterThan(loadScenario('redis-rolling-replace/as-documented', engines).runbook.steps.filter(s => s.action.kind === 'run').length)
  })
})
