/** Traps of facts §7.4 (promote and route) and §7.5 (clean-up). */
import { describe, expect, test } from 'vitest'
import { command, gate, halfTurned, play, Stage, variant, verdict, why } from './stage.ts'

const WHEEL = 'postgres-ferris-wheel/as-documented'
const QUICK = 'postgres-ferris-wheel/quick'
const [OLD, NEW] = ['postgres-cluster-0', 'postgres-cluster-3']
const DATA = '/var/lib/postgresql/data'

const POINT_AT = (pod: string): string => `kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"${pod}"}}}'`
const INI = (more = '', mode = 'statement'): string =>
  `kubectl patch configmap pgbouncer-config --patch '{"data":{"pgbouncer.ini":"[databases]\\napp_db = host=postgres-primary port=5432 dbname=appdb pool_mode=${mode}${more}"}}'`

describe('promote and route', () => {
  test('PG-T21 promotion stops nobody: two servers acknowledge at once, writes are lost, and clients notice next to nothing', () => {
    const result = play(variant(QUICK))
    expect(verdict(result, 'no-acknowledged-write-lost').signature).toMatchObject({ cause: 'overlap', step: 'promote' })
    expect(why(result, 'no-acknowledged-write-lost')).toContain('nothing had stopped postgres-cluster-0 before')
    expect(verdict(result, 'no-split-brain').status).toBe('fail')
    const promote = result.steps.find(s => s.step === 'promote')
    expect(promote?.writeDowntimeUs).toBeLessThan(100_000)
  })

  test('PG-T22 a candidate fixed by name may lack what ANY 2 had acknowledged; the furthest of the others has it', () => {
    const rows = (candidate: string): string => {
      const stage = new Stage({ members: 4, synchronousStandbyNames: 'ANY 2' })
      stage.sql(OLD, 'CREATE TABLE t (n int)')
      stage.wait(1)
      const end = stage.strike('process-pause', `member:${NEW}`, 3600)
      expect(stage.sql(OLD, 'INSERT INTO t VALUES (1)')).toBe('INSERT 0 1')
      stage.strike('node-loss', `node:${stage.cluster.kubernetes.pod(OLD)?.node}`, 3600)
      end()
      stage.wait(1)
      stage.run(`kubectl exec ${candidate} -- pg_ctl promote -D ${DATA}`)
      stage.wait(5)
      return stage.sql(candidate, 'SELECT count(*) FROM t')
    }
    expect(rows(NEW)).toBe('0')
    expect(rows('postgres-cluster-1')).toBe('1')
  })

  test('PG-T23 the lag query on a primary is empty, and passes; on a promoted primary it grows, and the second turn never passes', () => {
    const query = 'SELECT EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp());'
    const stage = halfTurned()
    expect(stage.sql(OLD, query)).toBe('')
    stage.wait(20)
    const first = Number(stage.sql(NEW, query))
    stage.wait(20)
    expect(first).toBeGreaterThan(10)
    expect(Number(stage.sql(NEW, query))).toBeGreaterThan(first + 15)
    expect(gate(play(variant(WHEEL, { set: { 'cluster.aliases': '{postgres-primary-0: postgres-cluster-0}' }, without: ['two-sync-replicas'], step: { 'small-lag': s => { s['timeout'] = '10s'; s['every'] = '1m' } } })), 'small-lag')).toMatchObject({ passed: true, missing: true })
    const second = play(variant('postgres-emergency/rollback-immediate', {
      set: { 'cluster.aliases': '{postgres-primary-0: postgres-cluster-3}' },
      step: { redirect: s => { delete s['run']; Object.assign(s, { gate: `kubectl exec postgres-primary-0 -- psql -t -c "${query}"`, expect: { max: 0.1 }, missing: 'pass', timeout: '10s', every: '1m', otherwise: 'abort' }) } },
    }))
    expect(second).toMatchObject({ outcome: 'aborted' })
  })

  test('PG-T24 max_db_connections=0 means unlimited: loaded at once (K11 with a reloader) it holds up nobody', () => {
    const stage = new Stage({ pooler: { config: 'volume-with-reloader' } })
    const client = stage.visitor('pooler')
    expect(client.state).toBe('writable')
    stage.run(INI(' max_db_connections=0', 'transaction'))
    stage.wait(180)
    expect(stage.traced('re-read its configuration')).toBe(true)
    expect(client.state).toBe('writable')
    expect(stage.visitor('pooler').state).toBe('writable')
  })

  test.each(['volume', 'subPath'])('PG-T25 nobody reloads (K11 %s): the "pause" changes nothing in the poolers', config => {
    const stage = new Stage({ pooler: { config } })
    const client = stage.visitor('pooler')
    stage.run(INI(' max_db_connections=0'))
    stage.wait(300)
    expect(client.state).toBe('writable')
    expect(stage.visitor('pooler').state).toBe('writable')
    expect(stage.traced('re-read its configuration')).toBe(false)
    // With a volume the file is there by now, and only a restart reads it; with a subPath it never comes.
    const result = play(variant(WHEEL, { set: { 'cluster.pooler.config': config } }))
    expect(result.story?.trace.some(r => r.detail.includes('PAUSE'))).toBe(false)
  })

  test('PG-T26 the patch drops [pgbouncer]: the next restart of any pooler refuses to start, and nobody comes through any more', () => {
    const stage = new Stage({ pooler: { replicas: 2, config: 'volume' } })
    stage.run(INI())
    stage.wait(180)
    expect(stage.endpoints('pgbouncer')).toHaveLength(2)
    for (const pod of stage.endpoints('pgbouncer')) stage.run(`kubectl delete pod ${pod}`)
    stage.wait(120)
    expect(stage.traced('main section missing from config file')).toBe(true)
    expect(stage.endpoints('pgbouncer')).toEqual([])
    expect(stage.visitor('pooler').state).toBe('refused')
  })

  test('PG-T27 pool_mode=statement stays after the "resume": every BEGIN is refused, for good', () => {
    const stage = new Stage({ pooler: { config: 'volume-with-reloader' } })
    const client = stage.visitor('pooler')
    stage.run(INI(' max_db_connections=0'))
    stage.wait(10)
    stage.run(INI())
    stage.wait(180)
    expect(client).toMatchObject({ state: 'failing', error: expect.stringContaining('transaction blocks not allowed in statement pooling mode') })
    const result = play(variant(WHEEL, { set: { 'cluster.pooler.config': 'volume-with-reloader' } }))
    expect(verdict(result, 'serves-at-end').status).toBe('fail')
  })

  test('PG-T28 sleep 10 drains nothing: a long transaction is still open after it, and new ones begin', () => {
    const stage = new Stage()
    const client = stage.visitor()
    stage.strike('long-transaction', `member:${OLD}`, 120)
    stage.wait(10)
    expect(stage.sql(OLD, "SELECT count(*) FROM pg_stat_activity WHERE xact_start < now() - interval '5 seconds'")).toBe('1')
    expect(client.state).toBe('writable')
    const drain = play(variant(WHEEL), '1/1').steps.find(s => s.step === 'drain')
    expect(drain?.writeDowntimeUs ?? 0).toBeLessThan(5_000_000)
  })

  test('PG-T29 with much to replay pg_ctl gives up after 60 s, unheard, and the Service leads to a server that still recovers', () => {
    const stage = new Stage({ serviceSelects: 'pod-name', sharedBuffersMB: 100 })
    stage.sql('postgres-cluster-1', 'SELECT pg_wal_replay_pause()')
    stage.write(OLD, 6000)
    stage.wait(60)
    expect(stage.run(`kubectl exec postgres-cluster-1 -- pg_ctl promote -D ${DATA}`)).toMatchObject({ code: 1, err: expect.stringContaining('did not promote in time') })
    stage.run(POINT_AT('postgres-cluster-1'))
    stage.wait(3)
    expect(stage.visitor()).toMatchObject({ state: 'readOnly', error: expect.stringContaining('25006') })
    expect(stage.until(() => stage.sql('postgres-cluster-1', 'SELECT pg_is_in_recovery()') === 'f', 300)).toBe(true)
    expect(stage.visitor().state).toBe('writable')
  })

  test('PG-T30 a selector key that no pod bears: no endpoint', () => {
    const stage = new Stage()
    stage.run(`kubectl patch service postgres-primary --patch '{"spec":{"selector":{"app":"postgres-cluster","role":"primary","pod":"postgres-cluster-3"}}}'`)
    stage.wait(3)
    expect(stage.endpoints()).toEqual([])
    expect(stage.visitor()).toMatchObject({ state: 'refused' })
    expect(verdict(play(variant(QUICK)), 'serves-at-end').signature?.cause).toBe('no-endpoint')
  })

  test('PG-T31 a patch merges: the quick selector and the rollback’s together match nobody; a JSON patch replaces', () => {
    const stage = new Stage()
    stage.run(`kubectl patch service postgres-primary --patch '{"spec":{"selector":{"app":"postgres-cluster","role":"primary","pod":"postgres-cluster-3"}}}'`)
    stage.run(POINT_AT('postgres-cluster-1'))
    stage.wait(3)
    expect(stage.run(`kubectl get service postgres-primary -o jsonpath='{.spec.selector}'`).out).toMatch(/pod-name.*postgres-cluster-1/)
    expect(stage.run(`kubectl get service postgres-primary -o jsonpath='{.spec.selector.pod}'`).out).toBe('postgres-cluster-3')
    expect(stage.endpoints()).toEqual([])
    stage.run(`kubectl patch service postgres-primary --type=json --patch '[{"op":"replace","path":"/spec/selector","value":{"statefulset.kubernetes.io/pod-name":"postgres-cluster-1"}}]'`)
    stage.wait(3)
    expect(stage.endpoints()).toEqual(['postgres-cluster-1'])
  })

  test('PG-T32 the Service moves and established connections stay: they write on the old primary (iptables mode)', () => {
    const stage = new Stage({ serviceSelects: 'pod-name' })
    const before = stage.visitor()
    stage.run('kubectl exec postgres-cluster-1 -- pg_ctl promote -D /var/lib/postgresql/data')
    stage.run(POINT_AT('postgres-cluster-1'))
    stage.wait(600)
    const after = stage.visitor()
    expect([before.backend, before.state]).toEqual([OLD, 'writable'])
    expect([after.backend, after.state]).toEqual(['postgres-cluster-1', 'writable'])
    // The pooler's server connections live for server_lifetime, an hour.
    const pooled = new Stage({ serviceSelects: 'pod-name', pooler: {} })
    const through = pooled.visitor('pooler')
    pooled.run('kubectl exec postgres-cluster-1 -- pg_ctl promote -D /var/lib/postgresql/data')
    pooled.run(POINT_AT('postgres-cluster-1'))
    pooled.wait(1800)
    expect([through.backend, through.state]).toEqual([OLD, 'writable'])
  })

  test('PG-T33 the replicas stay with the old primary (K4 pod DNS) and can then never follow the new one: Ready, stale, in state startup', () => {
    const stage = halfTurned()
    expect(stage.sql(OLD, 'SELECT count(*) FROM pg_stat_replication')).toBe('2')
    expect(stage.sql(NEW, 'SELECT count(*) FROM pg_stat_replication')).toBe('0')
    stage.sql(OLD, 'CREATE TABLE stale (n int)')
    stage.wait(1)
    stage.sql('postgres-cluster-1', `ALTER SYSTEM SET primary_conninfo = 'host=${NEW}.postgres-cluster application_name=postgres-cluster-1'`)
    stage.sql('postgres-cluster-1', 'SELECT pg_reload_conf()')
    stage.wait(60)
    expect(stage.sql(NEW, 'SELECT application_name, state FROM pg_stat_replication')).toBe('postgres-cluster-1|startup')
    expect(stage.ready('postgres-cluster-1')).toBe(true)
    expect(stage.sql('postgres-cluster-1', 'SELECT count(*) FROM stale')).toBe('0')
    // K4 Service: they come over by themselves when the old primary goes, and end up the same way.
    const service = halfTurned({ primaryConninfo: 'service' })
    service.sql(OLD, 'CREATE TABLE stale (n int)')
    service.wait(1)
    service.run(`kubectl delete pod ${OLD}`)
    service.wait(60)
    expect(service.sql(NEW, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name <> 'postgres-cluster-0'")).toBe('0')
  })

  test.each(['ANY 1', 'ANY 2', 'FIRST 1'])('PG-T34 the new primary demands the same standbys (%s) and has none: its first commit hangs', names => {
    const stage = halfTurned({ synchronousStandbyNames: `${names} ("postgres-cluster-0","postgres-cluster-1","postgres-cluster-2","postgres-cluster-3")` })
    const insert = stage.start(`kubectl exec ${NEW} -- psql -c "CREATE TABLE t (n int)"`)
    stage.wait(600)
    expect(insert.done).toBe(false)
    expect(stage.leaders).not.toContain(NEW)
  })

  test('PG-T35 one failed login arms server_login_retry: the pooler refuses everybody for up to 15 s more', () => {
    const stage = new Stage({ serviceSelects: 'pod-name', pooler: { replicas: 1 } })
    stage.run(POINT_AT('nobody-0'))
    stage.wait(3)
    const client = stage.visitor('pooler')
    expect(client).toMatchObject({ state: 'failing', error: expect.stringContaining('server_login_retry') })
    stage.run(POINT_AT(OLD))
    stage.wait(3)
    expect(client.state).toBe('failing')
    stage.wait(13)
    expect(client.state).toBe('writable')
  })
})

describe('clean-up', () => {
  test('PG-T36 the deleted pod comes back on its volume: a Ready primary on timeline 1', () => {
    const stage = halfTurned()
    stage.run(`kubectl delete pod ${OLD}`)
    expect(stage.leaders).toEqual([NEW])
    expect(stage.until(() => stage.ready(OLD), 60)).toBe(true)
    expect(stage.leaders).toEqual([OLD, NEW])
    expect(stage.sql(OLD, 'SELECT timeline_id FROM pg_control_checkpoint()')).toBe('1')
    expect(stage.sql(OLD, 'CREATE TABLE orphan (n int)')).toBe('CREATE TABLE')
    const fenced = halfTurned()
    fenced.run(`kubectl exec ${OLD} -- touch ${DATA}/standby.signal`)
    fenced.run(`kubectl delete pod ${OLD}`)
    fenced.until(() => fenced.ready(OLD), 60)
    expect(fenced.leaders).toEqual([NEW])
  })

  test('PG-T37 --force frees the name before the process is dead: two postmasters open one PGDATA, both write', () => {
    const stage = new Stage({ kubernetes: { killSeconds: 20, kubeletLagSeconds: 0.02, containerStartSeconds: 0.5, mountSeconds: 0.3 }, stopSignal: 'TERM' })
    const client = stage.visitor()
    expect(client.backend).toBe(OLD)
    stage.run(`kubectl delete pod ${OLD} --force`)
    stage.wait(10)
    expect(stage.traced('a second postmaster opened the same data directory')).toBe(true)
    expect(client.state).toBe('writable')
    expect(stage.leaders.filter(name => name === OLD).length).toBeGreaterThanOrEqual(1)
    expect([...stage.cluster.world.servers].filter(s => s.name === OLD && s.copy.leading)).toHaveLength(2)
    expect(stage.cluster.world.directoryOf.get(OLD)?.corrupted).toBe(true)
  })

  test('PG-T38 scaling back removes the highest ordinal, which is the new primary: no endpoint, and its writes are only on its volume', () => {
    const stage = halfTurned()
    expect(stage.sql(NEW, 'CREATE TABLE since (n int)')).toBe('CREATE TABLE')
    stage.run(`kubectl patch statefulset postgres-cluster --patch '{"spec":{"replicas":3}}'`)
    stage.wait(60)
    expect(stage.run(`kubectl get pod ${NEW}`).code).toBe(1)
    expect(stage.endpoints()).toEqual([])
    expect(stage.run('kubectl get pvc').out).toContain(`data-${NEW}`)
    stage.run(POINT_AT(OLD))
    stage.wait(3)
    expect(stage.visitor().state).toBe('writable')
    expect(stage.sql(OLD, 'SELECT count(*) FROM since')).toContain('does not exist')
  })

  test('PG-T39 the connection test reads: it says yes to a read-only server, and no to the right one under the pooler’s database name', () => {
    const stage = new Stage({ serviceSelects: 'pod-name' })
    stage.run(POINT_AT('postgres-cluster-1'))
    stage.wait(3)
    expect(stage.visitor().state).toBe('readOnly')
    expect(stage.run('psql -h postgres-primary -U app_user -d appdb -c "SELECT version();"')).toMatchObject({ code: 0, out: expect.stringContaining('PostgreSQL 15') })
    stage.run(POINT_AT(OLD))
    stage.wait(3)
    expect(stage.run('psql -h postgres-primary -U app_user -d app_db -c "SELECT version();"')).toMatchObject({ code: 2, err: expect.stringContaining('database "app_db" does not exist') })
    // The pod's exit status is lost on the way, so not even that is noticed.
    expect(command(play(variant(WHEEL)), 'test-connection')).toMatchObject({ code: 0, err: expect.stringContaining('database "app_db" does not exist') })
  })
})
