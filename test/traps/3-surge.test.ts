/** Traps of facts §7.3: the quick version and step 1, adding the new node. */
import { describe, expect, test } from 'vitest'
import { command, play, Stage, variant, verdict, why } from './stage.ts'

const WHEEL = 'postgres-ferris-wheel/as-documented'
const QUICK = 'postgres-ferris-wheel/quick'
const NEW = 'postgres-cluster-3'

const EVERYWHERE = { zones: [1, 2, 3, 1, 2, 3] }

/** The document's template change, alone. */
const SURGE = (label: string, pool = 'upgraded-pool'): string =>
  `kubectl patch statefulset postgres-cluster --patch '{"spec":{"replicas":4,"template":{"spec":{"nodeSelector":{"${label}":"${pool}"}}}}}'`

const changesOf = (result: ReturnType<typeof play>, member: string) => (result.story?.members ?? []).filter(m => m.member === member && m.atUs > 0)

describe('adding the new node', () => {
  test('PG-T12 an image that does not clone (K3) makes an empty primary of its own: promote fails unheard, and the Service shows nobody’s data', () => {
    const result = play(variant(WHEEL, { set: { 'cluster.cloneOnStart': 'false' }, without: ['clean-up'] }))
    expect(command(result, 'promote')).toMatchObject({ code: 1, err: expect.stringContaining('not in standby mode') })
    expect(verdict(result, 'no-acknowledged-write-lost').signature?.cause).toBe('wiped')
    expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(30_000)
    expect(why(result, 'no-acknowledged-write-lost')).toContain('shares nothing')
    const stage = new Stage({ cloneOnStart: false })
    stage.run('kubectl scale statefulset postgres-cluster --replicas=4')
    expect(stage.until(() => stage.ready(NEW))).toBe(true)
    const id = (pod: string) => /system identifier: +(\d+)/.exec(stage.run(`kubectl exec ${pod} -- pg_controldata -D /var/lib/postgresql/data`).out)?.[1]
    expect(id(NEW)).not.toBe(id('postgres-cluster-0'))
    expect(stage.leaders).toContain(NEW)
  })

  test('PG-T13 Ready is not caught up: a replica that is minutes behind is Ready, and its promotion drops those minutes; a long copy outlasts the wait', () => {
    const behind = new Stage({})
    behind.sql('postgres-cluster-1', 'SELECT pg_wal_replay_pause()')
    behind.write('postgres-cluster-0', 2000)
    behind.wait(60)
    expect(behind.ready('postgres-cluster-1')).toBe(true)
    expect(behind.run('kubectl wait --for=condition=ready pod postgres-cluster-1 --timeout=300s').code).toBe(0)
    expect(Number(behind.sql('postgres-cluster-0', `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication WHERE application_name = 'postgres-cluster-1'`))).toBeGreaterThan(1_900_000_000)
    // One connection carries less than the load writes: the new pod never catches up, and is Ready.
    const lagging = play(variant(QUICK, { set: { 'cluster.timing.replicationMBps': '0.1', 'cluster.databaseMB': '10' } }))
    expect(command(lagging, 'wait').code).toBe(0)
    expect(lagging.measures.lostAcknowledgedWrites).toBeGreaterThan(2 * play(variant(QUICK)).measures.lostAcknowledgedWrites)
    const large = play(variant(QUICK, { set: { 'cluster.databaseMB': '60000' } }))
    expect(command(large, 'wait')).toMatchObject({ code: 1, err: expect.stringContaining('timed out') })
    expect(command(large, 'promote').code).not.toBe(0)
    expect(large.outcome).toBe('completed')
    // The controller has not made the pod yet: NotFound at once, instead of waiting for it.
    const race = new Stage({ kubernetes: { controllerLagSeconds: 2 } })
    race.run('kubectl scale statefulset postgres-cluster --replicas=4')
    expect(race.run('kubectl wait --for=condition=ready pod postgres-cluster-3 --timeout=300s')).toMatchObject({ code: 1, err: expect.stringContaining('not found') })
  })

  test('PG-T14 the quick version upgrades no node at all', () => {
    const result = play(variant(QUICK))
    expect(result.measures.mixedVersionSeconds).toBe(0)
    expect(verdict(result, 'target-reached').evidence).toContain('All 4 members have node 1.28.9')
    expect(result.story?.members.every(m => m.versions['node'] === undefined || m.versions['node'] === '1.28.9')).toBe(true)
  })

  test('PG-T15 the template change restarts every pod, the primary too; OnDelete or a partition restarts none', () => {
    const roll = new Stage({ upgradedPool: EVERYWHERE })
    roll.run(SURGE('kubernetes.azure.com/agentpool'))
    expect(roll.until(() => roll.traced('postgres-cluster-0 shut down cleanly'), 7200, 5)).toBe(true)
    const still = new Stage({ upgradedPool: EVERYWHERE, updateStrategy: 'OnDelete' })
    still.run(SURGE('kubernetes.azure.com/agentpool'))
    expect(still.until(() => still.ready(NEW), 3600, 5)).toBe(true)
    still.wait(1800)
    expect(still.traced('postgres-cluster-2 shut down cleanly')).toBe(false)
    // In the document it runs beside the failover: nobody names pod 2, and it goes away.
    const result = play(variant(WHEEL))
    expect(changesOf(result, 'postgres-cluster-2').some(m => !m.running)).toBe(true)
  })

  test.each([['false', 'no pool was made'], ['{label: kubernetes.azure.com/agentpool}', 'the pool has AKS’s own label']])('PG-T16 the label aks-nodepool selects no node (upgradedPool %s: %s): the Service ends with no endpoint, and the scale-back lets the roll take a replica', pool => {
    const result = play(variant(WHEEL, { set: { 'cluster.upgradedPool': pool } }))
    expect(command(result, 'promote').code).not.toBe(0)
    expect(verdict(result, 'serves-at-end').status).toBe('fail')
    const stage = new Stage({ serviceSelects: 'pod-name' })
    stage.run(SURGE('aks-nodepool'))
    stage.wait(120)
    expect(stage.run('kubectl get pod postgres-cluster-3').out).toContain('Pending')
    expect(stage.ready('postgres-cluster-2')).toBe(true)
    stage.run(`kubectl patch statefulset postgres-cluster --patch '{"spec":{"replicas":3}}'`)
    stage.wait(120)
    expect(stage.run('kubectl get pod postgres-cluster-2').out).toContain('Pending')
  })

  test('PG-T17 disks are bound to their zone: with no upgraded node there a rolled pod stays Pending', () => {
    const stage = new Stage({ upgradedPool: { zones: [1, 1, 1, 1] } })
    stage.run(SURGE('kubernetes.azure.com/agentpool'))
    stage.wait(1800)
    const pods = stage.run('kubectl get pods -l app=postgres-cluster').out
    expect(pods).toContain('Pending')
    expect(stage.traced('volume node affinity conflict')).toBe(true)
  })

  test('PG-T18 `kubectl get -w` never returns: as a script the wheel is stuck at step 1', () => {
    const result = play(variant(WHEEL, { step: { watch: step => { delete step['timeout'] } } }))
    expect(result.outcome).toBe('stuck')
    expect(verdict(result, 'terminates').signature).toMatchObject({ cause: 'stuck-command', step: 'watch' })
  })

  test('PG-T19 pg_stat_replication of a leaf is empty, and of the new primary only shown', () => {
    const stage = new Stage()
    expect(stage.run('kubectl exec postgres-cluster-2 -- psql -c "SELECT * FROM pg_stat_replication;"')).toMatchObject({ code: 0, out: expect.stringContaining('(0 rows)') })
    const result = play(variant(WHEEL))
    expect(command(result, 'show-new-replica')).toMatchObject({ code: 0, out: expect.stringContaining('(0 rows)') })
  })

  test('PG-T20 without slot or wal_keep_size the log after the backup is recycled before the copy starts: Ready, and never streaming', () => {
    const slow = { kubernetes: { containerStartSeconds: 120 }, checkpointTimeoutSeconds: 30, maxWalSizeMB: 64 }
    const stage = new Stage(slow)
    stage.run('kubectl scale statefulset postgres-cluster --replicas=4')
    stage.until(() => stage.traced('postgres-cluster-3 holds a base backup'), 600, 1)
    stage.write('postgres-cluster-0', 500)
    expect(stage.until(() => stage.ready(NEW), 600)).toBe(true)
    stage.wait(30)
    expect(stage.sql('postgres-cluster-0', "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'postgres-cluster-3'")).toBe('0')
    expect(stage.traced('requested WAL segment has already been removed')).toBe(true)
    const result = play(variant(QUICK, { set: { 'cluster.kubernetes.containerStartSeconds': '120', 'cluster.checkpointTimeoutSeconds': '30', 'cluster.maxWalSizeMB': '64' } }))
    expect(command(result, 'promote').code).toBe(0)
    expect(result.measures.lostAcknowledgedWrites).toBeGreaterThan(30_000)
  })
})
