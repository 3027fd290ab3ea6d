/** Traps of facts §7.6 (advanced configuration) and §7.7 (emergency rollback). */
import { describe, expect, test } from 'vitest'
import { runCampaign } from '../../src/campaign/index.ts'
import { command, halfTurned, play, Stage, variant, verdict, why } from './stage.ts'

const [OLD, NEW] = ['postgres-cluster-0', 'postgres-cluster-3']
const DATA = '/var/lib/postgresql/data'
const POINT_AT = (pod: string): string => `kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"${pod}"}}}'`

describe('advanced configuration', () => {
  test('PG-T40 the document’s names match no standby: from the reload on every commit hangs', () => {
    const stage = new Stage({ members: 4 })
    stage.sql(OLD, `ALTER SYSTEM SET synchronous_standby_names = 'ANY 2 (standby1, standby2, standby3)'`)
    stage.sql(OLD, 'SELECT pg_reload_conf()')
    stage.wait(1)
    expect(stage.sql(OLD, 'SELECT DISTINCT sync_state FROM pg_stat_replication')).toBe('async')
    const commit = stage.start(`kubectl exec ${OLD} -- psql -c "CREATE TABLE t (n int)"`)
    stage.wait(900)
    expect(commit.done).toBe(false)
    expect(stage.leaders).toEqual([])
  })

  test('PG-T41 a name with a hyphen and without quotes: the reload keeps the old value unheard (asynchronous), the next restart is FATAL', () => {
    const stage = new Stage()
    stage.run(`kubectl exec ${OLD} -- bash -c "echo \\"synchronous_standby_names = 'ANY 2 (postgres-cluster-1, postgres-cluster-2)'\\" >> ${DATA}/postgresql.conf"`)
    expect(stage.run(`kubectl exec ${OLD} -- cat ${DATA}/postgresql.conf`).out).toContain('ANY 2 (postgres-cluster-1')
    expect(stage.sql(OLD, 'SELECT pg_reload_conf()')).toBe('t')
    stage.wait(1)
    expect(stage.sql(OLD, 'SELECT DISTINCT sync_state FROM pg_stat_replication')).toBe('async')
    stage.run(`kubectl delete pod ${OLD}`)
    stage.wait(120)
    expect(stage.ready(OLD)).toBe(false)
    expect(stage.run(`kubectl get pod ${OLD}`).out).toMatch(/CrashLoopBackOff|Error/)
    expect(stage.leaders).toEqual([])
  })

  test('PG-T42 ANY 2 with the two standbys of a three-node cluster: the upgrade of one node stops all commits', () => {
    const stage = new Stage({ synchronousStandbyNames: 'ANY 2', spareNodes: 0 })
    stage.sql(OLD, 'CREATE TABLE t (n int)')
    const node = stage.cluster.kubernetes.pod('postgres-cluster-2')?.node
    stage.run(`kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data`)
    const insert = stage.start(`kubectl exec ${OLD} -- psql -c "INSERT INTO t VALUES (1)"`)
    stage.wait(1200)
    expect(insert.done).toBe(false)
    stage.run(`kubectl uncordon ${node}`)
    expect(stage.until(() => insert.done, 1800)).toBe(true)
    // After a failover the list holds the new primary itself, and not enough others stream.
    const turned = halfTurned({ synchronousStandbyNames: 'ANY 2 ("postgres-cluster-1","postgres-cluster-2","postgres-cluster-3")' })
    expect(turned.leaders).not.toContain(NEW)
  })

  test('PG-T43 remote_apply puts replay into every commit: where replay pauses commits hang, with `on` they do not', () => {
    const hangs = (level: string): boolean => {
      const stage = new Stage({ synchronousStandbyNames: 'ANY 2', synchronousCommit: level })
      stage.sql(OLD, 'CREATE TABLE t (n int)')
      stage.wait(1)
      stage.sql('postgres-cluster-1', 'SELECT pg_wal_replay_pause()')
      const insert = stage.start(`kubectl exec ${OLD} -- psql -c "INSERT INTO t VALUES (1)"`)
      stage.wait(60)
      return !insert.done
    }
    expect(hangs('remote_apply')).toBe(true)
    expect(hangs('on')).toBe(false)
  })

  test('PG-T44 "30 seconds, no loss" is wrong both ways: clients notice a second where nothing else goes wrong, minutes elsewhere, and writes are lost', async () => {
    const { result: campaign } = await runCampaign(variant('postgres-ferris-wheel/as-documented'), { runs: 30, seed: '1', faults: 0 })
    const claim = campaign.claims.find(c => c.measure === 'writeDowntimeSeconds')
    expect(claim?.claimed).toBe(30)
    expect(claim?.p50).not.toBeCloseTo(30, -1)
    expect(campaign.claims.find(c => c.measure === 'lostAcknowledgedWrites')).toMatchObject({ claimed: 0 })
    expect(campaign.measures.lostAcknowledgedWrites.p50).toBeGreaterThan(0)
  })
})

describe('emergency rollback', () => {
  test('PG-T45 "the previous primary" is a replica: every new write gets 25006; with the real one the writes since the failover are lost and two primaries serve', () => {
    const replica = play(variant('postgres-emergency/rollback-immediate'))
    expect(verdict(replica, 'serves-at-end').signature?.cause).toBe('read-only-route')
    expect(verdict(replica, 'serves-at-end').evidence).toContain('postgres-cluster-1 is read-only')
    expect(replica.measures.writeDowntimeSeconds).toBeGreaterThan(100)
    const previous = play(variant('postgres-emergency/rollback-immediate', { replace: [['previous: postgres-cluster-1', 'previous: postgres-cluster-0']] }))
    expect(previous.measures.lostAcknowledgedWrites).toBeGreaterThan(30_000)
    expect(previous.measures.splitBrainSeconds).toBeGreaterThan(60)
    expect(previous.measures.splitBrainWrites).toBeGreaterThan(0)
  })

  test('PG-T46 pg_reload_conf() stops no writes, and is aimed at the old primary', () => {
    const stage = halfTurned()
    const client = stage.visitor()
    for (const pod of [OLD, NEW]) expect(stage.sql(pod, 'SELECT pg_reload_conf()')).toBe('t')
    stage.wait(5)
    expect(client).toMatchObject({ state: 'writable', backend: NEW })
    expect(stage.leaders).toEqual([OLD, NEW])
    const result = play(variant('postgres-emergency/rollback-comprehensive'))
    expect(command(result, 'stop-writes').code).toBe(0)
    expect(result.steps.find(s => s.step === 'stop-writes')?.writeDowntimeUs).toBe(0)
  })

  test('PG-T47 the Service moves before the promotion: new connections reach a read-only server until it is over', () => {
    const stage = new Stage({ topology: 'three-statefulsets', serviceSelects: 'pod-name', timing: { promoteMs: 1000 }, kubernetes: { execSeconds: 1, endpointSeconds: 0.2 } })
    stage.run(POINT_AT('postgres-replica-1-0'))
    const promotion = stage.start(`kubectl exec postgres-replica-1-0 -- pg_ctl promote -D ${DATA}`)
    stage.wait(1)
    const client = stage.visitor()
    expect(client).toMatchObject({ state: 'readOnly', backend: 'postgres-replica-1-0', error: expect.stringContaining('25006') })
    expect(stage.until(() => promotion.done, 30)).toBe(true)
    expect(stage.visitor().state).toBe('writable')
    const result = play(variant('postgres-emergency/rollback-comprehensive'))
    expect(verdict(result, 'no-acknowledged-write-lost').signature).toMatchObject({ step: 'promote' })
    expect(why(result, 'no-acknowledged-write-lost')).toContain('nothing had stopped postgres-cluster-3')
  })

  test('PG-T48 the pod was Ready before it was promoted: waiting for Ready says nothing about the promotion', () => {
    const stage = new Stage({ topology: 'three-statefulsets' })
    const wait = stage.run('kubectl wait --for=condition=ready pod postgres-replica-1-0 --timeout=60s')
    expect(wait.code).toBe(0)
    expect(wait.seconds).toBeLessThan(1)
    expect(stage.sql('postgres-replica-1-0', 'SELECT pg_is_in_recovery()')).toBe('t')
  })

  test('PG-T49 the ConfigMap is a second truth: Service and connection string lead to two primaries, and mounted or read-once copies follow late or never', () => {
    const stage = new Stage({ topology: 'three-statefulsets', serviceSelects: 'pod-name' })
    stage.run(`kubectl exec postgres-replica-1-0 -- pg_ctl promote -D ${DATA}`)
    stage.run(`kubectl patch configmap postgres-config --patch '{"data":{"primary-host":"postgres-replica-1-0.postgres"}}'`)
    const host = stage.run(`kubectl get configmap postgres-config -o jsonpath='{.data.primary-host}'`).out
    expect(stage.run(`psql -h ${host} -U postgres -c "CREATE TABLE here (n int)"`).code).toBe(0)
    expect(stage.run('psql -h postgres-primary -U postgres -c "CREATE TABLE there (n int)"').code).toBe(0)
    expect(stage.run('psql -h postgres-primary -U postgres -c "SELECT count(*) FROM here"').err).toContain('does not exist')
    // In the one-StatefulSet reading nobody is behind that name at all.
    expect(new Stage().run('psql -h postgres-replica-1-0.postgres -c "SELECT 1"')).toMatchObject({ code: 2, err: expect.stringContaining('could not translate host name') })
  })

  test('PG-T50 CREATE TABLE as a write test: fails the second time, hangs without synchronous standbys', () => {
    const twice = play(variant('postgres-emergency/rollback-comprehensive', { step: { verify: s => { s['run'] = [...(s['run'] as string[]), ...(s['run'] as string[])] } } }))
    expect(command(twice, 'verify', 0).code).toBe(0)
    expect(command(twice, 'verify', 2)).toMatchObject({ code: 1, err: expect.stringContaining('already exists') })
    const stage = halfTurned({ synchronousStandbyNames: 'ANY 1 ("postgres-cluster-0","postgres-cluster-1","postgres-cluster-2","postgres-cluster-3")' })
    const create = stage.start(`kubectl exec ${NEW} -- psql -c "CREATE TABLE upgrade_test (id serial, timestamp timestamp default now());"`)
    stage.wait(600)
    expect(create.done).toBe(false)
  })
})
