/** Parameters and data directories as PostgreSQL 15.18 takes and refuses them: names, values, what waits for a restart, a wrong -D. */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab } from './lab.ts'

/** Output and errors of statements, one psql for all of them. */
const psql = (l: Lab, ...statements: string[]): string => {
  const done = l.exec(0, 'psql', '-U', 'postgres', '-At', ...statements.flatMap(s => ['-c', s]))
  return `${done.out}${done.err}`
}

describe('PG-CONF-4: what there is not', () => {
  it('ALTER SYSTEM and SET refuse names that there are not and values that cannot be, and change nothing', () => {
    const l = new Lab({ synchronousStandbyNames: 'ANY 1' })
    expect(psql(l, "alter system set synchronous_standby_name = ''")).toContain('ERROR:  unrecognized configuration parameter "synchronous_standby_name"')
    expect(psql(l, 'set foo = 1')).toContain('ERROR:  unrecognized configuration parameter "foo"')
    expect(psql(l, "alter system set hot_standby_feedback = 'maybe'")).toContain('ERROR:  parameter "hot_standby_feedback" requires a Boolean value')
    expect(psql(l, "alter system set max_slot_wal_keep_size = '64XB'")).toContain('ERROR:  invalid value for parameter "max_slot_wal_keep_size": "64XB"')
    expect(psql(l, "alter system set wal_level = 'foo'")).toContain('HINT:  Available values: minimal, replica, logical.')
    expect(psql(l, "alter system set server_version = '3'")).toContain('ERROR:  parameter "server_version" cannot be changed')
    expect(psql(l, 'set max_connections = 10')).toContain('ERROR:  parameter "max_connections" cannot be changed without restarting the server')
    expect(psql(l, 'set wal_keep_size = 10')).toContain('ERROR:  parameter "wal_keep_size" cannot be changed now')
    expect(psql(l, 'show synchronous_standby_names')).toMatch(/^ANY 1/)
    for (const good of ["alter system set work_mem = '64MB'", "alter system set TimeZone = 'UTC'", 'set lock_timeout = 500', "alter system set pg_stat_statements.max = 1000", 'alter system set hot_standby_feedback = on']) expect(psql(l, good), good).toMatch(/^(ALTER SYSTEM|SET)$/m)
  })

  it('in a file an unknown name keeps everything as it was, an invalid value that one; the next start fails on either', () => {
    const l = new Lab()
    const keep = (): string => psql(l, 'select pg_reload_conf()', 'select pg_sleep(0.1)', 'show wal_keep_size').trim().split('\n').at(-1) as string
    l.write(0, 'postgresql.conf', "wal_keep_size = '64MB'")
    l.write(0, 'postgresql.conf', 'foo_bar = 1')
    expect(keep()).toBe('0')
    const better = new Lab()
    better.write(0, 'postgresql.conf', "wal_keep_size = '64MB'")
    better.write(0, 'postgresql.conf', 'hot_standby_feedback = maybe')
    expect(psql(better, 'select pg_reload_conf()', 'select pg_sleep(0.1)', 'show wal_keep_size')).toMatch(/64MB\s*$/)
    for (const each of [l, better]) {
      each.run('kubectl', 'delete', 'pod', 'postgres-cluster-0')
      each.wait(60 * SECOND)
      expect(each.ready('postgres-cluster-0')).toBe(false)
    }
  })
})

describe('PG-CONF-5: what is fixed at the start', () => {
  it('a reload leaves wal_level and max_connections, says what is pending, and a restart brings them in', () => {
    const l = new Lab()
    expect(psql(l, "alter system set wal_level = 'logical'", 'alter system set max_connections = 300', 'select pg_reload_conf()', 'select pg_sleep(0.1)', 'show wal_level', 'show max_connections', 'select name from pg_settings where pending_restart order by 1')).toMatch(/replica\n100\nmax_connections\nwal_level\s*$/)
    expect(psql(l, 'alter system reset max_connections', 'select pg_reload_conf()', 'select pg_sleep(0.1)', 'select name from pg_settings where pending_restart')).toMatch(/\nwal_level\s*$/)
    l.run('kubectl', 'delete', 'pod', 'postgres-cluster-0')
    l.until(() => l.ready('postgres-cluster-0'), 300 * SECOND)
    expect(psql(l, 'show wal_level', 'select count(*) from pg_settings where pending_restart').trim()).toBe('logical\n0')
  })
})

describe('PG-CONF-7: what is measured hangs on it', () => {
  const redo = (l: Lab): string => psql(l, 'select pg_current_wal_lsn() - redo_lsn from pg_control_checkpoint()').trim()
  const loaded = (): Lab => {
    const l = new Lab({ longTransactionP: 0 })
    l.clients({ loop: 'open', writesPerSecond: 10_000, entrance: 'service' })
    return l
  }

  it('checkpoints come every checkpoint_timeout or half of max_wal_size as the configuration has them, from the reload on', () => {
    const [as, seldom, often] = [loaded(), loaded(), loaded()]
    for (const [l, every, most] of [[seldom, '30min', '100GB'], [often, '30', '100GB']] as const) psql(l, `alter system set checkpoint_timeout = '${every}'`, `alter system set max_wal_size = '${most}'`, 'select pg_reload_conf()')
    for (const l of [as, seldom, often]) l.wait(400 * SECOND)
    const [byDefault, more, less] = [as, seldom, often].map(l => Number(redo(l))) as [number, number, number]
    expect(more).toBeGreaterThan(2 * byDefault)
    expect(less).toBeLessThan(byDefault)
    // Half of max_wal_size, however long checkpoint_timeout is.
    const small = loaded()
    psql(small, "alter system set checkpoint_timeout = '1h'", "alter system set max_wal_size = '200MB'", 'select pg_reload_conf()')
    small.wait(400 * SECOND)
    expect(Number(redo(small))).toBeLessThan(110 * 1024 * 1024)
    psql(small, 'alter system reset all', 'select pg_reload_conf()')
    small.wait(200 * SECOND)
    expect(Number(redo(small))).toBeGreaterThan(110 * 1024 * 1024)
  })

  it('what is not modelled is named wherever it stands, unless it is what a server does anyhow', () => {
    const l = new Lab()
    expect(() => psql(l, "alter system set recovery_min_apply_delay = '1h'")).toThrow('recovery_min_apply_delay is not modelled')
    expect(psql(l, "alter system set recovery_min_apply_delay = 0", "alter system set recovery_target_timeline = 'latest'", "alter system set restore_command = ''", 'alter system reset fsync', 'select pg_reload_conf()')).toMatch(/^(ALTER SYSTEM\n){4}t$/m)
    const other = new Lab()
    other.write(0, 'postgresql.conf', "restore_command = 'cp /archive/%f %p'")
    expect(() => {
      psql(other, 'select pg_reload_conf()')
      other.wait(SECOND)
    }).toThrow('in the configuration of PostgreSQL: the parameter restore_command is not modelled')
  })
})

it('PG-CONF-6: PGOPTIONS and options of a connection string set parameters of the session; one that cannot be set ends the connection', () => {
  const l = new Lab()
  const env = (options: string) => l.exec(0, 'env', `PGOPTIONS=${options}`, 'psql', '-U', 'postgres', '-Atc', 'show lock_timeout')
  expect(env('-c lock_timeout=2s').out).toBe('2s\n')
  expect(env('--lock-timeout=3s -c statement_timeout=1min').out).toBe('3s\n')
  expect(l.exec(0, 'psql', "user=postgres options='-c lock_timeout=4s'", '-Atc', 'show lock_timeout').out).toBe('4s\n')
  expect(env('-c foo=1')).toMatchObject({ code: 2, err: expect.stringContaining('FATAL:  unrecognized configuration parameter "foo"') as string })
  expect(env('-c max_connections=3').err).toContain('FATAL:  parameter "max_connections" cannot be changed without restarting the server')
})

it('on another port nobody listens', () => {
  const l = new Lab()
  expect(l.exec(0, 'psql', '-U', 'postgres', '-p', '6000', '-c', 'select 1')).toMatchObject({ code: 2, err: expect.stringContaining('.s.PGSQL.6000" failed: No such file or directory') as string })
  expect(l.exec(0, 'psql', '-h', 'postgres-cluster-1.postgres-cluster', '-U', 'postgres', '-p', '6000', '-c', 'select 1')).toMatchObject({ code: 2, err: expect.stringContaining('port 6000 failed: Connection refused') as string })
  expect(l.exec(0, 'psql', '-h', 'postgres-cluster-1.postgres-cluster', '-U', 'postgres', '-p', '5432', '-Atc', 'select 1').out).toBe('1\n')
})

it('PG-EXEC-2: on another directory than PGDATA pg_ctl, pg_rewind and pg_controldata fail, and nothing happens', () => {
  const l = new Lab()
  const bash = (line: string) => l.exec(1, 'bash', '-c', `d=$(echo /var/lib/pgsql/15/data); ${line}`)
  expect(bash('pg_ctl promote -D $d')).toMatchObject({ code: 1, err: expect.stringContaining('pg_ctl: directory "/var/lib/pgsql/15/data" does not exist') as string })
  expect(bash('pg_ctl status -D $d').code).toBe(4)
  expect(bash('pg_controldata $d').code).toBe(1)
  expect(bash("pg_rewind -D $d --source-server='host=postgres-cluster-0.postgres-cluster user=postgres'").code).toBe(1)
  expect(l.server(1).state).toBe('standby')
  expect(l.cluster.commands.check(['kubectl', 'exec', 'postgres-cluster-1', '--', 'pg_ctl', 'promote', '-D', '/var/lib/pgsql/15/data']).map(f => f.message)).toEqual(['pg_ctl: there is no data directory `/var/lib/pgsql/15/data` in the container: PGDATA is /var/lib/postgresql/data. If yours is there: `--set cluster.dataDirectory=/var/lib/pgsql/15/data`'])
  expect(l.exec(1, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data/').code).toBe(0)
})
