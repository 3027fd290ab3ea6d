/** Traps of facts §7.1 (script-wide) and §7.2 (checklist and prerequisites). */
import { describe, expect, test } from 'vitest'
import { command, gate, halfTurned, play, Stage, variant, verdict } from './stage.ts'

const WHEEL = 'postgres-ferris-wheel/as-documented'

/** One poll, however long the exec takes. */
const patient = (step: { [key: string]: unknown }): void => {
  step['every'] = '1m'
  step['timeout'] = '10s'
}

describe('script-wide', () => {
  test('PG-T01 without `set -e` a failed promotion is passed over and the script says that it is done; with it the script ends there', () => {
    const careless = play(variant('postgres-ferris-wheel/quick', { set: { 'cluster.execUser': 'root' } }))
    expect(careless.steps.find(s => s.step === 'promote')?.result).toBe('failed')
    expect(careless.outcome).toBe('completed')
    expect(verdict(careless, 'no-false-success').status).toBe('fail')
    const strict = play(variant('postgres-ferris-wheel/quick', { set: { 'cluster.execUser': 'root' }, runbook: runbook => { runbook.otherwise = 'abort' } }))
    expect(strict.outcome).toBe('aborted')
    expect(strict.steps.some(s => s.step === 'route')).toBe(false)
    expect(verdict(strict, 'serves-at-end').status).toBe('pass')
  })

  test('PG-T02 half of the commands name pods that do not exist (K1 literal): the guards judge nothing and pass', () => {
    const result = play(variant(WHEEL))
    expect(command(result, 'show-replication')).toMatchObject({ code: 1, err: expect.stringContaining('pods "postgres-primary-0" not found') })
    for (const id of ['two-sync-replicas', 'small-lag']) expect(gate(result, id)).toMatchObject({ passed: true, missing: true })
    expect(result.outcome).toBe('completed')
    // A label that no pod has is no error at all.
    expect(new Stage().run('kubectl get pods -l app=postgres -o wide')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('No resources found') })
  })

  test('PG-T03 exec as root (K2): no promotion, no psql, and the Service leads to a read-only standby', () => {
    const stage = new Stage({ execUser: 'root', serviceSelects: 'pod-name' })
    expect(stage.run('kubectl exec postgres-cluster-1 -- pg_ctl promote -D /var/lib/postgresql/data')).toMatchObject({ code: 1, err: expect.stringContaining('cannot be run as root') })
    expect(stage.run('kubectl exec postgres-cluster-1 -- psql -c "SELECT 1"')).toMatchObject({ code: 2, err: expect.stringContaining('role "root" does not exist') })
    stage.run(`kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"postgres-cluster-1"}}}'`)
    stage.wait(3)
    expect(stage.visitor()).toMatchObject({ state: 'readOnly', backend: 'postgres-cluster-1', error: expect.stringContaining('25006') })
    expect(stage.run('kubectl exec postgres-cluster-1 -- gosu postgres pg_ctl promote -D /var/lib/postgresql/data').code).toBe(0)
  })
})

describe('checklist and prerequisites', () => {
  test('PG-T05 the safety check prints and judges nothing: two primaries and no known backup, and the wheel turns again', () => {
    const result = play(variant('postgres-emergency/checklist'))
    expect(command(result, 'replicas-healthy')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('No resources found') })
    expect(command(result, 'backup')).toMatchObject({ code: 1, err: expect.stringContaining('NotFound') })
    expect(result.outcome).toBe('completed')
    expect(result.measures.splitBrainSeconds).toBeGreaterThan(10)
    expect(verdict(result, 'serves-at-end').status).toBe('fail')
    // A Job that runs or has failed prints nothing either, and that is status 0.
    const stage = new Stage()
    stage.cluster.kubernetes.create({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'backup-job' }, spec: {}, status: { failed: 1 } })
    expect(stage.run(`kubectl get job backup-job -o jsonpath='{.status.completionTime}'`)).toMatchObject({ code: 0, out: '' })
  })

  test.each([
    ['', 'async', 'aborted'],
    ['FIRST 1', 'one sync', 'aborted'],
    ['ANY 1', 'quorum', 'aborted'],
    ['ANY 2', 'quorum', 'aborted'],
    ['FIRST 2', 'two sync', 'completed'],
  ])('PG-T07 "two synchronous replicas" counts sync_state=sync alone: %s (%s) → %s', (names, _what, outcome) => {
    const result = play(variant(WHEEL, { set: { 'cluster.aliases': '{postgres-primary-0: postgres-cluster-0}', 'cluster.synchronousStandbyNames': names }, step: { 'two-sync-replicas': patient } }))
    if (outcome === 'aborted') expect(result.outcomeReason).toContain('two-sync-replicas')
    expect(gate(result, 'two-sync-replicas').passed).toBe(outcome === 'completed')
  })

  test('PG-T08 the check that fails for want of an answer says "validated"; asked to fail closed, it stops', () => {
    expect(gate(play(variant(WHEEL)), 'two-sync-replicas')).toMatchObject({ passed: true, missing: true })
    const closed = play(variant(WHEEL, { step: { 'two-sync-replicas': step => { delete step.missing } } }))
    expect(closed.outcome).toBe('aborted')
    expect(verdict(closed, 'no-acknowledged-write-lost').status).toBe('pass')
  })

  test.each(['FIRST 2', 'ANY 2'])('PG-T09 %s of two standbys: while one of them is away every commit hangs', names => {
    const stage = new Stage({ synchronousStandbyNames: names })
    expect(stage.sql('postgres-cluster-0', 'CREATE TABLE t (n int)')).toBe('CREATE TABLE')
    stage.run('kubectl cordon aks-nodepool1-12345678-vmss000000 aks-nodepool1-12345678-vmss000001 aks-nodepool1-12345678-vmss000002 aks-nodepool1-12345678-vmss000003')
    stage.run('kubectl delete pod postgres-cluster-2')
    const insert = stage.start('kubectl exec postgres-cluster-0 -- psql -c "INSERT INTO t VALUES (1)"')
    stage.wait(600)
    expect(insert.done).toBe(false)
    stage.run('kubectl uncordon aks-nodepool1-12345678-vmss000000 aks-nodepool1-12345678-vmss000001 aks-nodepool1-12345678-vmss000002 aks-nodepool1-12345678-vmss000003')
    expect(stage.until(() => insert.done, 3600)).toBe(true)
    expect(insert.output?.code).toBe(0)
  })

  test('PG-T10 the backup check is an echo: two Job names, nothing compared, and no Job at all changes nothing', () => {
    const result = play(variant(WHEEL))
    expect(command(result, 'last-backup')).toMatchObject({ code: 0, out: expect.stringContaining('2025') })
    expect(new Stage().run(`kubectl get job backup-job -o jsonpath='{.status.completionTime}'`).code).toBe(1)
    const without = play(variant(WHEEL, { replace: [['job postgres-backup', 'job postgres-backup-28731']] }))
    expect(command(without, 'last-backup').code).toBe(1)
    expect(without.outcome).toBe('completed')
  })

  test('the half-turned wheel that these tests start from has two primaries', () => {
    expect(halfTurned().leaders).toEqual(['postgres-cluster-0', 'postgres-cluster-3'])
  })
})
