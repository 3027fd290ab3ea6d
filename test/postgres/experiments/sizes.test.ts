/** Sizes that a standby needs as large as its primary has them, and other parameters that decide whether a server starts. */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab } from './lab.ts'

const sql = (l: Lab, n: number, statement: string): string => l.exec(n, 'psql', '-U', 'postgres', '-Atc', statement).out.trim()
const restart = (l: Lab, n: number, ready = true): void => {
  l.run('kubectl', 'delete', 'pod', l.pod(n))
  if (ready) l.until(() => l.ready(l.pod(n)), 300 * SECOND)
  else l.wait(120 * SECOND)
}
const set = (l: Lab, n: number, name: string, value: string | number): void => void sql(l, n, `alter system set ${name} = '${value}'`)
const log = (l: Lab, n: number): string => `${l.run('kubectl', 'logs', l.pod(n)).out}${(l.sim.records ?? []).filter(r => r.label === 'postgres.start-failed' && r.node === l.pod(n)).map(r => r.detail).join('\n')}`

describe('PG-SIZE-1: what a primary has is in its WAL', () => {
  it('a standby with less does not start; with as much, or more, it does', () => {
    for (const [name, value, starts] of [['max_connections', 99, false], ['max_worker_processes', 4, false], ['max_wal_senders', 9, false], ['max_locks_per_transaction', 32, false], ['max_connections', 100, true], ['max_connections', 101, true], ['max_prepared_transactions', 5, true], ['superuser_reserved_connections', 1, true]] as const) {
      const l = new Lab()
      set(l, 2, name, value)
      restart(l, 2, starts)
      expect(l.ready(l.pod(2)), name).toBe(starts)
    }
  })

  it('lowered on the primary first, then on the standby; raised on the standby first: both fine. The other way round neither', () => {
    const right = new Lab()
    for (const n of [0, 2]) {
      set(right, n, 'max_connections', 50)
      restart(right, n)
      // Before it has replayed what the primary has now it does not start with less.
      right.wait(10 * SECOND)
    }
    for (const n of [2, 1, 0]) {
      set(right, n, 'max_connections', 200)
      restart(right, n)
    }
    right.wait(30 * SECOND)
    expect([1, 2].map(n => sql(right, n, 'select pg_get_wal_replay_pause_state()'))).toEqual(['not paused', 'not paused'])
    // A server that was promoted is the new measure for those that follow it.
    set(right, 1, 'max_connections', 300)
    restart(right, 1)
    sql(right, 2, "alter system set primary_conninfo = 'host=postgres-cluster-1.postgres-cluster user=replicator application_name=postgres-cluster-2'")
    sql(right, 2, 'select pg_reload_conf()')
    right.wait(30 * SECOND)
    expect(sql(right, 2, 'select pg_get_wal_replay_pause_state()')).toBe('not paused')
    right.exec(1, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')
    right.wait(30 * SECOND)
    expect(sql(right, 2, 'select pg_get_wal_replay_pause_state()')).toBe('paused')
  })
})

describe('PG-SIZE-2, PG-SIZE-3: raised on the primary alone', () => {
  const raised = (image?: string): Lab => {
    const l = new Lab(image === undefined ? {} : { image })
    set(l, 0, 'max_connections', 200)
    restart(l, 0)
    l.wait(30 * SECOND)
    return l
  }

  it('replay stands still, receiving goes on, it is Ready; promoted it does not come up; told to go on it ends and does not start', () => {
    const l = raised()
    sql(l, 0, 'create table t (a int)')
    l.wait(5 * SECOND)
    expect(sql(l, 1, 'select pg_get_wal_replay_pause_state()')).toBe('paused')
    expect(sql(l, 1, 'select pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()')).toBe('t')
    expect(l.ready(l.pod(1))).toBe(true)
    expect(log(l, 1)).toContain('WARNING:  hot standby is not possible because of insufficient parameter settings\nDETAIL:  max_connections = 100 is a lower setting than on the primary server, where its value was 200.')
    expect(l.cluster.truth.members().filter(m => m.caughtUp).map(m => m.name)).toEqual([l.pod(0)])
    expect(l.cluster.truth.troubleOf?.(l.pod(1))).toContain('max_connections = 100')
    const promoted = l.exec(1, 'pg_ctl', 'promote', '-t', '20', '-D', '/var/lib/postgresql/data')
    expect(promoted).toMatchObject({ code: 1, err: expect.stringContaining('did not promote in time') as string })
    expect(log(l, 1)).toContain('WARNING:  promotion is not possible because of insufficient parameter settings')
    // What it is to have can be said before its next start: then it goes on where it was.
    set(l, 2, 'max_connections', 200)
    restart(l, 2)
    l.wait(10 * SECOND)
    expect(sql(l, 2, 'select pg_get_wal_replay_pause_state()')).toBe('not paused')
    expect(sql(l, 2, 'select count(*) from t')).toBe('0')
    expect(sql(l, 1, 'select pg_wal_replay_resume()')).toBe('')
    l.wait(120 * SECOND)
    expect(l.ready(l.pod(1))).toBe(false)
    expect(log(l, 1)).toContain('FATAL:  recovery aborted because of insufficient parameter settings')
  })

  it('one that was away meanwhile starts, and comes across it then', () => {
    const l = new Lab({ supervised: true })
    const ctl = (n: number, what: string): void => void l.exec(n, 'pg_ctl', what, '-m', 'fast', '-D', '/var/lib/postgresql/data')
    ctl(2, 'stop')
    set(l, 0, 'max_connections', 200)
    ctl(0, 'restart')
    l.wait(10 * SECOND)
    ctl(2, 'start')
    l.wait(10 * SECOND)
    expect(sql(l, 2, 'select pg_get_wal_replay_pause_state()')).toBe('paused')
  })

  it('before 14 it ends at once', () => {
    const l = raised('postgres:13.15')
    expect([1, 2].map(n => l.ready(l.pod(n)))).toEqual([false, false])
  })
})

describe('PG-CONF-8: whether it starts', () => {
  it('wal_level minimal does not go with walsenders; what is not modelled is refused unless it is as ever', () => {
    const l = new Lab()
    set(l, 0, 'wal_level', 'minimal')
    restart(l, 0, false)
    expect(l.ready(l.pod(0))).toBe(false)
    expect(log(l, 0)).toContain('FATAL:  WAL streaming ("max_wal_senders" > 0) requires "wal_level" to be "replica" or "logical"')
    const other = new Lab()
    for (const [name, odd, usual] of [['hot_standby', 'off', 'on'], ['port', 5433, 5432], ['listen_addresses', 'localhost', '*'], ['max_wal_senders', 0, 20], ['max_replication_slots', 0, 20]] as const) {
      expect(() => sql(other, 1, `alter system set ${name} = '${odd}'`)).toThrow(`${name} is not modelled`)
      expect(sql(other, 1, `alter system set ${name} = '${usual}'`)).toBe('ALTER SYSTEM')
    }
  })
})

it('PG-PATRONI-18: what Patroni gives on the command line ALTER SYSTEM does not change', () => {
  const l = new Lab({ patroni: {} })
  sql(l, 0, "alter system set max_connections = '300'")
  sql(l, 0, "alter system set wal_keep_size = '64MB'")
  expect(sql(l, 0, 'select pg_reload_conf()')).toBe('t')
  l.wait(SECOND)
  expect(sql(l, 0, 'select count(*) from pg_settings where pending_restart')).toBe('0')
  expect(sql(l, 0, 'show wal_keep_size')).toBe('64MB')
  restart(l, 0)
  l.wait(60 * SECOND)
  expect(sql(l, 0, 'show max_connections')).toBe('100')
})

it('PG-REWIND-2: wal_log_hints that were set, and brought in by a restart, make pg_rewind possible; set and not brought in they do not', () => {
  for (const restarted of [true, false]) {
    const l = new Lab({ members: 2, supervised: true, rewindable: false, walKeepMB: 1_000 })
    set(l, 0, 'wal_log_hints', 'on')
    if (restarted) l.exec(0, 'pg_ctl', 'restart', '-m', 'fast', '-D', '/var/lib/postgresql/data')
    l.wait(20 * SECOND)
    l.exec(1, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')
    sql(l, 0, 'create table t (a int)')
    l.exec(0, 'pg_ctl', 'stop', '-m', 'fast', '-D', '/var/lib/postgresql/data')
    expect(l.exec(0, 'pg_controldata').out).toContain(`wal_log_hints setting:                ${restarted ? 'on' : 'off'}`)
    sql(l, 1, 'checkpoint')
    const done = l.exec(0, 'pg_rewind', '-D', '/var/lib/postgresql/data', "--source-server=host=postgres-cluster-1.postgres-cluster user=postgres", '-R')
    expect(done).toMatchObject(restarted ? { code: 0 } : { code: 1, err: expect.stringContaining('needs to use either data checksums or "wal_log_hints = on"') as string })
  }
})

it('PGB-CONF-4: what would end transactions after a time is refused where pgbouncer.ini says it', () => {
  const l = new Lab({ pooler: { replicas: 1 } })
  const ini = l.run('kubectl', 'get', 'configmap', 'pgbouncer-config', '-o', 'jsonpath={.data.pgbouncer\\.ini}').out
  const give = (line: string): void => void l.run('kubectl', 'patch', 'configmap', 'pgbouncer-config', '--type', 'merge', '-p', JSON.stringify({ data: { 'pgbouncer.ini': `${ini}\n${line}\n` } }))
  const restart = (): void => {
    l.run('kubectl', 'rollout', 'restart', 'deployment/pgbouncer')
    l.wait(300 * SECOND)
  }
  give('idle_transaction_timeout = 0')
  expect(restart).not.toThrow()
  give('idle_transaction_timeout = 10')
  expect(restart).toThrow('in pgbouncer.ini: idle_transaction_timeout is not modelled')
})
