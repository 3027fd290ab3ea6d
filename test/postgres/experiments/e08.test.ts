/** E-8, E-9: PgBouncer, slots, WAL that is gone (facts §2, §1.6). */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, ms } from './lab.ts'

const DATA = '/var/lib/postgresql/data'
const ctl = (lab: Lab, pod: number, ...words: string[]) => lab.exec(pod, 'pg_ctl', ...words, '-D', DATA)
/** One process of the pooler, as measured. */
const POOLER = { replicas: 1 }
const console_ = (lab: Lab, word: string) => lab.run('psql', '-h', 'pgbouncer', '-p', '6432', '-U', 'pgbouncer', 'pgbouncer', '-c', word)
const startConsole = (lab: Lab, word: string) => lab.start('psql', '-h', 'pgbouncer', '-p', '6432', '-U', 'pgbouncer', 'pgbouncer', '-c', word)
const through = ['psql', '-h', 'pgbouncer', '-p', '6432', '-U', 'app', 'app_db']

/** The runbook's file: [databases] alone, `max_db_connections=0`, statement pooling. */
function replaceIni(lab: Lab, text = '[databases]\napp_db = host=postgres-primary port=5432 dbname=appdb pool_mode=statement max_db_connections=0\n'): void {
  expect(lab.run('kubectl', 'patch', 'configmap', 'pgbouncer-config', '--patch', JSON.stringify({ data: { 'pgbouncer.ini': text } })).code).toBe(0)
  lab.wait(3 * SECOND)
}

describe('E-8: PgBouncer', () => {
  it('PAUSE waits for the open transaction: one of 4 s held it 3.3 s; RESUME lets the queue run without an error (PGB-PAUSE-1, PGB-PAUSE-2)', () => {
    const lab = new Lab({ pooler: POOLER })
    const load = lab.clients()
    lab.wait(SECOND)
    lab.strike('long-transaction', 'member:postgres-cluster-0', 4 * SECOND)
    lab.wait(700_000)
    const pause = console_(lab, 'PAUSE')
    expect(pause).toMatchObject({ code: 0, out: 'PAUSE\n' })
    expect(pause.us / SECOND).toBeGreaterThan(3.2)
    expect(pause.us / SECOND).toBeLessThan(3.4)
    lab.wait(SECOND)
    const before = lab.acked()
    lab.wait(SECOND)
    expect(lab.acked()).toBe(before)
    expect(console_(lab, 'RESUME').out).toBe('RESUME\n')
    lab.wait(SECOND)
    expect(lab.acked()).toBeGreaterThan(before + 1_000)
    expect(load.failures(lab.now).attempts).toBe(0)
    expect(lab.cluster.world.log.ledger.total('unknown')).toBe(0)
  })

  it('a query that came during PAUSE is held until RESUME (PGB-PAUSE-2)', () => {
    const lab = new Lab({ pooler: POOLER })
    console_(lab, 'PAUSE')
    const query = lab.start(...through, '-tAc', 'SELECT 1')
    lab.wait(SECOND)
    expect(query.done).toBe(false)
    console_(lab, 'RESUME')
    lab.until(() => query.done, SECOND)
    expect(query.output).toMatchObject({ code: 0, out: '1\n' })
  })

  it('query_wait_timeout disconnects who has queued too long: 3.27 s with 3 s (PGB-PAUSE-3)', () => {
    const lab = new Lab({ pooler: { ...POOLER, queryWaitTimeoutSeconds: 3 } })
    const load = lab.clients()
    lab.wait(SECOND)
    console_(lab, 'PAUSE')
    const from = lab.now
    const query = lab.run(...through, '-tAc', 'SELECT 1')
    expect(query).toMatchObject({ code: 2, err: expect.stringContaining('query_wait_timeout') })
    expect((lab.now - from) / SECOND).toBeGreaterThan(2.9)
    expect((lab.now - from) / SECOND).toBeLessThan(3.3)
    lab.wait(SECOND)
    expect(load.cohorts[0]?.error).toBe('query_wait_timeout')
  })

  it('what arrives during PAUSE fails query_wait_timeout later, as often as the pause outlasts it; nothing fails where it does not (PGB-PAUSE-3)', () => {
    const paused = (queryWaitTimeoutSeconds: number) => {
      const lab = new Lab({ pooler: { ...POOLER, queryWaitTimeoutSeconds } })
      const load = lab.clients({ loop: 'open', attempts: 1, writesPerSecond: 1_000, readsPerSecond: 0, timeoutUs: 30 * SECOND, queueAgeLimitUs: 30 * SECOND })
      lab.wait(SECOND)
      console_(lab, 'PAUSE')
      lab.wait(8 * SECOND)
      console_(lab, 'RESUME')
      lab.wait(SECOND)
      return load.failures(lab.now).attempts
    }
    // Arrivals of the first 8 s − 3 s = 5 s of a pause of 8 s wait for longer than 3 s: 1,000 a second of them.
    expect(paused(3) / 5_000).toBeCloseTo(1, 1)
    expect(paused(12)).toBe(0)
    expect(paused(0)).toBe(0)
  })

  it('a failed login is not tried again for server_login_retry: up to 15 s after the server is back (PGB-LOGIN-1); measured 12.2 s', () => {
    const tails: number[] = []
    for (const away of [4, 8, 12, 20]) {
      const lab = new Lab({ pooler: POOLER, supervised: true })
      lab.clients({ retryUs: 100_000 })
      lab.wait(SECOND)
      ctl(lab, 0, 'stop')
      lab.wait(away * SECOND)
      ctl(lab, 0, 'start')
      const back = lab.now
      const before = lab.acked()
      lab.until(() => lab.acked() > before, 20 * SECOND)
      tails.push((lab.now - back) / SECOND)
    }
    for (const tail of tails) expect(tail).toBeLessThan(15)
    expect(Math.max(...tails)).toBeGreaterThan(9)
    expect(new Set(tails.map(t => Math.round(t))).size).toBeGreaterThan(2)
  })

  it('that holds for who comes meanwhile, too (PGB-LOGIN-1)', () => {
    const lab = new Lab({ pooler: POOLER, supervised: true })
    lab.clients({ retryUs: 100_000 })
    lab.wait(SECOND)
    ctl(lab, 0, 'stop')
    lab.wait(2 * SECOND)
    ctl(lab, 0, 'start')
    lab.until(() => lab.cluster.kubernetes.endpoints('postgres-primary').length === 1, 12 * SECOND)
    const late = lab.clients({ retryUs: 100_000, cohorts: 1 })
    lab.wait(100_000)
    expect(late.cohorts[0]?.error).toContain('server_login_retry')
    lab.wait(15 * SECOND)
    expect(late.cohorts[0]?.state).toBe('writable')
  })

  it('a changed file alone does nothing; RELOAD applies [databases] and hides the error; a restart refuses (PGB-CONF-1, PGB-CONF-2, PGB-CONF-3)', () => {
    const lab = new Lab({ pooler: POOLER })
    const load = lab.clients()
    lab.wait(SECOND)
    replaceIni(lab)
    const before = lab.acked()
    lab.wait(SECOND)
    expect(lab.acked()).toBeGreaterThan(before + 1_000)
    expect(console_(lab, 'RELOAD')).toMatchObject({ code: 0, out: 'RELOAD\n', err: '' })
    expect(console_(lab, 'SHOW DATABASES').out).toMatch(/app_db.*statement/)
    lab.wait(SECOND)
    // PGB-MODE-1: every BEGIN is refused from then on. max_db_connections=0 paused nothing (PGB-LIMIT-1).
    expect(load.cohorts[0]?.error).toContain('transaction blocks not allowed in statement pooling mode')
    const pod = lab.cluster.kubernetes.pods().find(p => p.name.startsWith('pgbouncer'))?.name ?? ''
    lab.run('kubectl', 'delete', 'pod', pod)
    lab.wait(30 * SECOND)
    expect(lab.told('pgbouncer.refused-to-start').length).toBeGreaterThan(0)
    expect(lab.run(...through, '-tAc', 'SELECT 1').err).toContain('Connection refused')
  })

  it('max_db_connections = 0 means unlimited, not paused (PGB-LIMIT-1)', () => {
    const lab = new Lab({ pooler: { ...POOLER, config: 'volume-with-reloader' } })
    const load = lab.clients()
    lab.wait(SECOND)
    replaceIni(lab, '[databases]\napp_db = host=postgres-primary port=5432 dbname=appdb max_db_connections=0\n[pgbouncer]\npool_mode = transaction\n')
    expect(lab.told('pgbouncer.config')).toHaveLength(1)
    const before = lab.acked()
    lab.wait(SECOND)
    expect(lab.acked()).toBeGreaterThan(before + 1_000)
    expect(load.cohorts[0]?.error).toBe('')
  })

  it('session pooling: PAUSE waits for clients to disconnect (PGB-PAUSE-1); two processes are paused one by one (PGB-MANY-1)', () => {
    const session = new Lab({ pooler: { ...POOLER, poolMode: 'session' } })
    session.clients()
    session.wait(SECOND)
    const pause = startConsole(session, 'PAUSE')
    session.wait(20 * SECOND)
    expect(pause.done).toBe(false)
    const two = new Lab({ pooler: { replicas: 2 } })
    two.clients({ cohorts: 4, connections: 8 })
    two.wait(SECOND)
    const pods = two.cluster.kubernetes.pods().filter(p => p.name.startsWith('pgbouncer'))
    two.run('psql', '-h', pods[0]?.podIP ?? '', '-p', '6432', '-U', 'pgbouncer', 'pgbouncer', '-c', 'PAUSE')
    const before = two.acked()
    two.wait(SECOND)
    expect(two.acked()).toBeGreaterThan(before + 100)
    two.run('psql', '-h', pods[1]?.podIP ?? '', '-p', '6432', '-U', 'pgbouncer', 'pgbouncer', '-c', 'PAUSE')
    const paused = two.acked()
    two.wait(SECOND)
    expect(two.acked()).toBe(paused)
  })

  it('session pooling: who has a server connection writes on through PAUSE, and queues once that is gone (PGB-PAUSE-5)', () => {
    const lab = new Lab({ pooler: { ...POOLER, poolMode: 'session' }, supervised: true })
    const load = lab.clients()
    lab.wait(SECOND)
    const pause = startConsole(lab, 'PAUSE')
    const before = lab.acked()
    lab.wait(2 * SECOND)
    expect(pause.done).toBe(false)
    expect(lab.acked()).toBeGreaterThan(before + 1_000)
    ctl(lab, 0, 'stop', '-m', 'fast')
    lab.until(() => pause.done)
    ctl(lab, 0, 'start')
    lab.wait(5 * SECOND)
    expect(load.cohorts[0]?.state).toBe('held')
    console_(lab, 'RESUME')
    lab.wait(SECOND)
    expect(load.cohorts[0]?.state).toBe('writable')
  })

  it('RECONNECT moves server connections at once, in session pooling only when their client leaves, unless server_fast_close is on (PGB-RECONNECT-2)', () => {
    const moved = (poolMode: string, more = ''): boolean => {
      const lab = new Lab({ serviceSelects: 'pod-name', pooler: { ...POOLER, poolMode, config: 'volume-with-reloader' } })
      if (more !== '') replaceIni(lab, `[databases]\napp_db = host=postgres-primary port=5432 dbname=appdb\n[pgbouncer]\npool_mode = ${poolMode}\n${more}\n`)
      lab.wait(200 * SECOND)
      const load = lab.clients()
      lab.wait(SECOND)
      ctl(lab, 1, 'promote')
      lab.run('kubectl', 'patch', 'service', 'postgres-primary', '--patch', '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"postgres-cluster-1"}}}')
      lab.wait(5 * SECOND)
      console_(lab, 'RECONNECT')
      lab.wait(SECOND)
      return load.cohorts[0]?.leader?.name === 'postgres-cluster-1'
    }
    expect([moved('transaction'), moved('session'), moved('session', 'server_fast_close = 1')]).toEqual([true, false, true])
  })

  it('PAUSE refuses a second time, RESUME when nothing is paused; DISABLE refuses new clients (PGB-CONSOLE-1)', () => {
    const lab = new Lab({ pooler: POOLER })
    expect(console_(lab, 'RESUME').code).toBe(1)
    console_(lab, 'PAUSE')
    expect(console_(lab, 'PAUSE')).toMatchObject({ code: 1, err: expect.stringContaining('already suspended/paused') })
    console_(lab, 'RESUME')
    console_(lab, 'DISABLE')
    expect(lab.run(...through, '-tAc', 'SELECT 1').err).toContain('database "app_db" is disabled')
  })

  it('after the Service turns, pooled connections stay on the old server for server_lifetime; RECONNECT and RELOAD of another host move them (PGB-RECONNECT-1)', () => {
    const lab = new Lab({ pooler: POOLER })
    const load = lab.clients()
    lab.wait(SECOND)
    ctl(lab, 1, 'promote')
    lab.run('kubectl', 'label', 'pod', 'postgres-cluster-0', 'role-')
    lab.run('kubectl', 'label', 'pod', 'postgres-cluster-1', 'role=primary')
    lab.wait(60 * SECOND)
    expect(load.cohorts[0]?.leader?.name).toBe('postgres-cluster-0')
    console_(lab, 'RECONNECT')
    lab.wait(SECOND)
    expect(load.cohorts[0]?.leader?.name).toBe('postgres-cluster-1')
    const old = new Lab({ pooler: { ...POOLER, serverLifetimeSeconds: 30 } })
    const stay = old.clients()
    old.wait(SECOND)
    ctl(old, 1, 'promote')
    old.run('kubectl', 'label', 'pod', 'postgres-cluster-0', 'role-')
    old.run('kubectl', 'label', 'pod', 'postgres-cluster-1', 'role=primary')
    old.wait(31 * SECOND)
    expect(stay.cohorts[0]?.leader?.name).toBe('postgres-cluster-1')
  })
})

describe('E-9: slots and WAL', () => {
  it('a slot beyond max_slot_wal_keep_size is lost at the next checkpoint; its standby never streams again, is Ready, and knows no lag (PG-SLOT-1, PG-SLOT-3)', () => {
    const lab = new Lab({ supervised: true, slots: true, maxSlotWalKeepMB: 64 })
    const status = () => lab.sql(0, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'postgres_cluster_1'")
    expect(status()).toBe('reserved')
    ctl(lab, 1, 'stop')
    lab.bulk(100_000_000)
    expect(status()).toBe('unreserved')
    lab.sql(0, 'CHECKPOINT')
    expect(status()).toBe('lost')
    ctl(lab, 1, 'start')
    lab.wait(60 * SECOND)
    expect(lab.ready(1)).toBe(true)
    expect(lab.replication(0)).not.toContain('s1')
    expect(lab.sql(1, 'SELECT EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp())')).toBe('')
  })

  it('without a limit a slot holds everything: extended, and the standby catches up (PG-SLOT-1)', () => {
    const lab = new Lab({ supervised: true, slots: true })
    ctl(lab, 1, 'stop')
    lab.bulk(1_500_000_000)
    lab.sql(0, 'CHECKPOINT')
    expect(lab.sql(0, "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'postgres_cluster_1'")).toBe('extended')
    ctl(lab, 1, 'start')
    lab.until(() => lab.replication(0).includes('s1|streaming'))
  })

  it('without slots WAL goes with the checkpoints: "already removed", Ready all the same (PG-WAL-1); wal_keep_size saves it (PG-WAL-2)', () => {
    const away = (setting: Record<string, unknown>) => {
      const lab = new Lab({ supervised: true, ...setting })
      ctl(lab, 1, 'stop')
      lab.bulk(300_000_000)
      lab.sql(0, 'CHECKPOINT')
      ctl(lab, 1, 'start')
      lab.wait(30 * SECOND)
      return lab
    }
    const lost = away({})
    expect(lost.told('postgres.wal-removed').at(-1)).toContain('requested WAL segment has already been removed')
    expect([lost.ready(1), lost.replication(0).includes('s1')]).toEqual([true, false])
    expect(away({ walKeepMB: 512 }).replication(0)).toContain('s1|streaming')
  })

  it('a standby that was away while little was written just goes on (PG-WAL-3)', () => {
    const lab = new Lab({ supervised: true })
    ctl(lab, 1, 'stop')
    lab.wait(SECOND)
    const from = lab.now
    ctl(lab, 1, 'start')
    lab.until(() => lab.replication(0).includes('s1|streaming'))
    expect(ms(lab.now - from)).toBeLessThan(400)
  })
})
