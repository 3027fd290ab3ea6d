/** Traps of facts §7.8: the in-place wheel. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { RehearsalResult } from '../../src/result.ts'
import { command, gate, play, Stage, variant, verdict, why } from './stage.ts'

const ROTATE = 'postgres-rotate-in-place/as-documented'
const FENCED = 'postgres-rotate-in-place/fenced'
const [FORMER, LEADER, STALE] = ['postgres-primary-0', 'postgres-replica-1-0', 'postgres-replica-2-0']
const DATA = '/var/lib/postgresql/data'
const UPGRADE = 'az aks nodepool upgrade --resource-group production-rg --cluster-name aks-prod --name nodepool1 --kubernetes-version 1.29.0 --max-surge 0 --max-unavailable 1'

/** Three StatefulSets with replica 1 promoted and nobody fenced: where step 3 of the document begins. */
function afterFailover(options: Readonly<Record<string, unknown>> = {}): Stage {
  const stage = new Stage({ topology: 'three-statefulsets', serviceSelects: 'pod-name', spareNodes: 0, ...options })
  stage.run(`kubectl exec ${LEADER} -- pg_ctl promote -D ${DATA}`)
  stage.run(`kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"${LEADER}"}}}'`)
  stage.wait(3)
  return stage
}

describe('the in-place wheel', () => {
  let result: RehearsalResult
  beforeAll(() => {
    result = play(variant(ROTATE))
  })
  const left = (member: string): number[] => (result.story?.members ?? []).filter(m => m.member === member && !m.running && m.atUs > 0).map(m => m.atUs)

  test('PG-T51 "upgrade the node" rolls the whole pool: the current primary is evicted, and later steps have nothing left to do', () => {
    const step = result.steps.find(s => s.step === 'upgrade-pool')
    expect(left(LEADER).filter(us => us > (step?.startUs ?? 0) && us < (step?.endUs ?? 0)).length).toBeGreaterThanOrEqual(1)
    expect(step?.writeDowntimeUs).toBeGreaterThan(30_000_000)
    const again = result.steps.find(s => s.step === 'upgrade-pool-again')
    expect((again?.endUs ?? 0) - (again?.startUs ?? 0)).toBeLessThan(10_000_000)
    // Without a second node in the zone it is down until the node is back.
    const tight = play(variant(ROTATE, { set: { 'cluster.spareNodes': '0' } }))
    expect(tight.steps.find(s => s.step === 'upgrade-pool')?.writeDowntimeUs).toBeGreaterThan(200_000_000)
    expect(verdict(tight, 'serves-at-end').status).toBe('fail')
  })

  test('PG-T52 the drain evicts at once without a budget, hangs with one that refuses, waits 300 s under a smart shutdown, and leaves a Pending pod', () => {
    const node = (stage: Stage, pod: string): string => stage.cluster.kubernetes.pod(pod)?.node ?? ''
    const drain = (stage: Stage, pod: string): string => `kubectl drain ${node(stage, pod)} --grace-period=300 --delete-emptydir-data --ignore-daemonsets`
    const open = afterFailover()
    expect(open.run(drain(open, LEADER)).seconds).toBeLessThan(10)
    open.wait(1800)
    expect(open.run(`kubectl get pod ${LEADER}`).out).toContain('Pending')
    const guarded = afterFailover({ podDisruptionBudget: true })
    guarded.run(drain(guarded, STALE))
    const stuck = guarded.start(drain(guarded, LEADER))
    guarded.wait(4 * 3600)
    expect(stuck.done).toBe(false)
    const smart = afterFailover({ stopSignal: 'TERM' })
    expect(smart.visitor().backend).toBe(LEADER)
    const seconds = smart.run(drain(smart, LEADER)).seconds
    expect(seconds).toBeGreaterThan(299)
    expect(smart.traced(`${LEADER} died (SIGKILL)`)).toBe(true)
  })

  test('PG-T53 the stale replica is promoted last: every write since the first failover is lost', () => {
    expect(verdict(result, 'no-acknowledged-write-lost').signature?.step).toBe('promote')
    expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(500 * 60 * 5)
    expect(why(result, 'no-acknowledged-write-lost')).toMatch(/promoted postgres-replica-2-0 .* although a copy further ahead could be reached/)
    expect(gate(play(variant(FENCED)), 'candidate-has-all').honest).toBe(true)
  })

  test('PG-T54 the loop waits while Ready is "False": an unreachable node is Unknown, a missing one empty, and both end it; nobody looks at version or cordon', () => {
    const stage = afterFailover()
    const name = stage.cluster.kubernetes.pod(STALE)?.node ?? ''
    const status = `kubectl get node ${name} -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}'`
    stage.strike('partition', `node:${name}`, 3600)
    stage.wait(120)
    expect(stage.run(status).out).toBe('Unknown')
    stage.run(`kubectl delete node ${name}`)
    expect(stage.run(status)).toMatchObject({ out: '' })
    const old = afterFailover()
    const other = old.cluster.kubernetes.pod(STALE)?.node ?? ''
    old.run(`kubectl drain ${other} --ignore-daemonsets --delete-emptydir-data`)
    expect(old.run(`kubectl get node ${other} -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}'`).out).toBe('True')
    expect(old.run(`kubectl get node ${other} -o jsonpath='{.status.nodeInfo.kubeletVersion}'`).out).toBe('v1.28.9')
    expect(old.run(`kubectl get node ${other} -o jsonpath='{.spec.unschedulable}'`).out).toBe('true')
    expect(gate(result, 'watch-node1')).toMatchObject({ passed: true, polls: 1 })
  })

  test('PG-T55 the control plane must go first: the upgrade is refused, unheard, and the success is reported all the same', () => {
    const refused = play(variant(ROTATE, { set: { 'cluster.controlPlaneVersion': '1.28.9' } }))
    expect(command(refused, 'upgrade-pool')).toMatchObject({ code: 1, err: expect.stringContaining('incompatible') })
    expect(refused.outcome).toBe('completed')
    expect(verdict(refused, 'target-reached').status).toBe('fail')
    expect(play(variant(FENCED, { set: { 'cluster.controlPlaneVersion': '1.28.9' } }))).toMatchObject({ outcome: 'aborted', outcomeReason: expect.stringContaining('control-plane') })
  })

  test('PG-T56 before it is reconfigured the former primary is back as a Ready primary on timeline 1', () => {
    const stage = afterFailover()
    stage.run(`kubectl delete pod ${FORMER}`)
    expect(stage.run(`kubectl wait --for=condition=ready pod ${FORMER} --timeout=300s`).code).toBe(0)
    expect(stage.leaders).toEqual([FORMER, LEADER])
    expect(verdict(result, 'no-split-brain').signature?.cause).toBe('returned-leader')
  })

  test('PG-T57 recovery.conf keeps PostgreSQL 12 and later from starting: CrashLoopBackOff, the wait times out, and success is reported', () => {
    expect(command(result, 'restart-old', 1)).toMatchObject({ code: 1, err: expect.stringContaining('timed out') })
    const stage = afterFailover()
    stage.run(`kubectl exec ${FORMER} -- bash -c "echo 'standby_mode = on' >> ${DATA}/recovery.conf"`)
    stage.run(`kubectl delete pod ${FORMER}`)
    stage.wait(200)
    expect(stage.run(`kubectl get pod ${FORMER}`).out).toMatch(/CrashLoopBackOff|Error/)
    expect(stage.traced('using recovery command file "recovery.conf" is not supported')).toBe(true)
  })

  test('PG-T58 a diverged node that rejoins without pg_rewind stays Ready, never streams, and shows up in the query that "verifies" it', () => {
    const stage = afterFailover()
    stage.sql(FORMER, 'CREATE TABLE orphan (n int)')
    stage.wait(1)
    stage.run(`kubectl exec ${FORMER} -- touch ${DATA}/standby.signal`)
    stage.sql(FORMER, `ALTER SYSTEM SET primary_conninfo = 'host=${LEADER}.postgres application_name=${FORMER}'`)
    stage.run(`kubectl delete pod ${FORMER}`)
    expect(stage.until(() => stage.ready(FORMER), 120)).toBe(true)
    stage.wait(60)
    expect(stage.sql(LEADER, `SELECT application_name, state FROM pg_stat_replication WHERE application_name='${FORMER}'`)).toBe(`${FORMER}|startup`)
    expect(stage.sql(FORMER, 'SELECT count(*) FROM orphan')).toBe('0')
    expect(stage.ready(FORMER)).toBe(true)
  })

  test('PG-T59 wait after delete: NotFound at once when the controller is slow, a time-out when the disk is, and both are passed over', () => {
    const busy = afterFailover({ kubernetes: { controllerLagSeconds: 2 } })
    busy.run(`kubectl delete pod ${FORMER}`)
    expect(busy.run(`kubectl wait --for=condition=ready pod ${FORMER} --timeout=120s`)).toMatchObject({ code: 1, err: expect.stringContaining('not found') })
    const slow = afterFailover({ spareNodes: 3, kubernetes: { diskMoveSeconds: 600 } })
    slow.run(`kubectl cordon ${slow.cluster.kubernetes.pod(FORMER)?.node}`)
    slow.run(`kubectl delete pod ${FORMER}`)
    slow.wait(1)
    expect(slow.run(`kubectl wait --for=condition=ready pod ${FORMER} --timeout=120s`)).toMatchObject({ code: 1, err: expect.stringContaining('timed out') })
  })

  test('PG-T60 the verifications print: no row, state startup or a lag all look like success to a script', () => {
    for (const step of ['show-old', 'show-replicas', 'show-connected']) expect(command(result, step)).toMatchObject({ code: 0, out: expect.stringContaining('(0 rows)') })
    expect(result.outcome).toBe('completed')
    // Where application_name is the default, even a good replica is not found under its pod's name.
    const stage = new Stage({ applicationNames: 'walreceiver' })
    expect(stage.sql('postgres-cluster-0', "SELECT count(*) FROM pg_stat_replication WHERE application_name='postgres-cluster-1'")).toBe('0')
  })

  test('PG-T61 no slots: a standby whose node is away for its upgrade finds its log recycled, is Ready and never streams; a slot keeps it', () => {
    const away = (options: Readonly<Record<string, unknown>>): Stage => {
      const stage = new Stage({ checkpointTimeoutSeconds: 60, maxWalSizeMB: 200, ...options })
      const nodes = [...stage.cluster.kubernetes.machines.keys()].filter(name => name.includes('nodepool1')).join(' ')
      stage.run(`kubectl cordon ${nodes}`)
      stage.run('kubectl delete pod postgres-cluster-2')
      for (let i = 0; i < 8; i++) {
        stage.write('postgres-cluster-0', 300)
        stage.wait(60)
      }
      stage.run(`kubectl uncordon ${nodes}`)
      stage.until(() => stage.ready('postgres-cluster-2'), 3600)
      stage.wait(120)
      return stage
    }
    const lost = away({})
    expect(lost.ready('postgres-cluster-2')).toBe(true)
    expect(lost.traced('requested WAL segment has already been removed')).toBe(true)
    expect(lost.sql('postgres-cluster-0', "SELECT count(*) FROM pg_stat_replication WHERE application_name='postgres-cluster-2'")).toBe('0')
    expect(away({ slots: true }).sql('postgres-cluster-0', "SELECT state FROM pg_stat_replication WHERE application_name='postgres-cluster-2'")).toBe('streaming')
    const limited = away({ slots: true, maxSlotWalKeepMB: 100 })
    expect(limited.sql('postgres-cluster-0', "SELECT wal_status FROM pg_replication_slots WHERE slot_name='postgres_cluster_2'")).toBe('lost')
    expect(limited.ready('postgres-cluster-2')).toBe(true)
  })

  test('PG-T61 an unlimited slot on a small volume: what it keeps for the standby that is away fills the disk of the primary', () => {
    const stage = new Stage({ checkpointTimeoutSeconds: 60, maxWalSizeMB: 200, slots: true, diskMB: 1_500 })
    const nodes = [...stage.cluster.kubernetes.machines.keys()].filter(name => name.includes('nodepool1')).join(' ')
    stage.run(`kubectl cordon ${nodes}`)
    stage.run('kubectl delete pod postgres-cluster-2')
    for (let i = 0; i < 3; i++) {
      stage.write('postgres-cluster-0', 300)
      stage.wait(60)
    }
    expect(stage.ready('postgres-cluster-0')).toBe(true)
    stage.write('postgres-cluster-0', 300)
    stage.wait(60)
    expect(stage.ready('postgres-cluster-0')).toBe(false)
    expect(stage.traced('No space left on device')).toBe(true)
  })

  test('PG-T62 the final failover promotes while the leader serves: two leaders until the drain reaches the old one, if it does', () => {
    const promoted = result.story?.members.find(m => m.member === STALE && m.role === 'leader')
    expect(promoted).toBeDefined()
    const leader = (result.story?.members ?? []).filter(m => m.member === LEADER && m.atUs <= (promoted?.atUs ?? 0)).at(-1)
    expect(leader).toMatchObject({ running: true, role: 'leader' })
    expect(command(result, 'route').atUs).toBeLessThan(command(result, 'promote').atUs)
  })

  test('PG-T63 "rejoin Node2" waits for Ready: at the end two Ready primaries and no standby of the serving one', () => {
    expect(command(result, 'wait-replica1').code).toBe(0)
    expect(verdict(result, 'converges')).toMatchObject({ status: 'fail', signature: { cause: 'two-leaders' } })
    expect(verdict(result, 'converges').evidence).toContain(`${LEADER} and ${STALE} both lead`)
    expect(result.outcome).toBe('completed')
  })

  test('PG-T64 the validation proves nothing: no pod has the label, the counted table is gone, and it succeeds', () => {
    expect(command(result, 'show-pods')).toMatchObject({ code: 0, err: expect.stringContaining('No resources found') })
    expect(command(result, 'count-rows')).toMatchObject({ code: 1, err: expect.stringContaining('"upgrade_test" does not exist') })
    expect(result.outcome).toBe('completed')
    expect(verdict(result, 'no-false-success').status).toBe('fail')
  })

  test('PG-T65 a floating tag (K14): the new pod gets another minor version, and leads standbys that are older', () => {
    const floating = play(variant('postgres-ferris-wheel/quick', { set: { 'cluster.imagePinned': 'false' } }))
    const versions = new Map((floating.story?.members ?? []).filter(m => m.running).map(m => [m.member, m.versions['engine']]))
    expect(versions.get('postgres-cluster-3')).toBe('15.9')
    expect(versions.get('postgres-cluster-1')).toBe('15.8')
    expect(floating.measures.mixedVersionSeconds).toBeGreaterThan(0)
  })
})

test('the upgrade command of these tests is the document’s', () => {
  expect(new Stage({ controlPlaneVersion: '1.28.9' }).run(UPGRADE).code).toBe(1)
})
