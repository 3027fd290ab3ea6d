/** Rules that a review by fresh eyes asked for: each is what a guard of a real runbook relies on. */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, WRITERS } from './lab.ts'

const PGDATA = '/var/lib/postgresql/data'

/** The second server was promoted while the first went on by a row, and the first was stopped. */
function diverged(options: Record<string, unknown>, megabytes = 0): Lab {
  const lab = new Lab({ supervised: true, ...options })
  lab.sql(0, 'CREATE TABLE w (n int)')
  lab.sql(0, 'CHECKPOINT')
  lab.server(0).copy.append(megabytes * 1_000_000)
  lab.wait(5 * SECOND)
  lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA)
  lab.sql(0, 'INSERT INTO w VALUES (1)')
  lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'fast')
  return lab
}

describe('what guards rely on', () => {
  it('PG-CONF-3: a reload to read-only stops the sessions that are there', () => {
    const lab = new Lab()
    const clients = lab.clients(WRITERS)
    lab.wait(2 * SECOND)
    lab.sql(0, 'ALTER SYSTEM SET default_transaction_read_only = on')
    lab.sql(0, 'SELECT pg_reload_conf()')
    lab.wait(SECOND)
    const acked = lab.cluster.logs[0]?.ledger.ackedWrites() ?? 0
    expect(acked).toBeGreaterThan(0)
    lab.wait(5 * SECOND)
    expect(lab.cluster.logs[0]?.ledger.ackedWrites()).toBe(acked)
    clients.stop()
  })

  it('PG-STOP-6: a standby that has everything has received past the location in the control file', () => {
    const lab = new Lab({ supervised: true })
    lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'fast')
    const control = lab.exec(0, 'pg_controldata', '-D', PGDATA).out
    const location = /Latest checkpoint location: +(\S+)/.exec(control)?.[1] ?? ''
    expect(lab.sql(1, `SELECT pg_last_wal_receive_lsn() > '${location}'`)).toBe('t')
  })

  it('PG-LAG-6: the received position is NULL after a restart without an upstream, and stands still after a promotion', () => {
    const lab = new Lab({ supervised: true })
    lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'immediate')
    lab.exec(1, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'fast')
    lab.exec(1, 'pg_ctl', 'start', '-D', PGDATA)
    lab.wait(2 * SECOND)
    expect(lab.sql(1, 'SELECT pg_last_wal_receive_lsn() IS NULL')).toBe('t')
    const received = lab.sql(2, 'SELECT pg_last_wal_receive_lsn()')
    lab.exec(2, 'pg_ctl', 'promote', '-D', PGDATA)
    expect(lab.sql(2, 'SELECT pg_last_wal_receive_lsn()')).toBe(received)
  })

  it('PG-LAG-7: once nobody writes the lag is exactly nothing, physical and logical, and the position moves every 15 s at most; under load it is more', () => {
    const lab = new Lab({ profile: 'cloud', members: 2, databaseMB: 100 })
    const clients = lab.clients({ loop: 'open', writesPerSecond: 500, connections: 10 })
    const look = () => lab.sql(0, 'SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), pg_current_wal_lsn() FROM pg_stat_replication').split('|')
    lab.wait(20 * SECOND)
    expect(Number(look()[0])).toBeGreaterThan(0)
    clients.stop()
    lab.wait(SECOND)
    const from = lab.now
    const seen = Array.from({ length: 60 }, () => {
      lab.wait(SECOND)
      return look()
    })
    expect(seen.filter(([lag]) => lag === '0').length).toBeGreaterThan(57)
    expect(new Set(seen.map(([, lsn]) => lsn)).size).toBeLessThanOrEqual((lab.now - from) / (15 * SECOND) + 2)
    expect(lab.sql(0, 'SELECT replay_lag IS NULL FROM pg_stat_replication')).toBe('t')
    // Whoever writes a row sees it in the position at once.
    const before = lab.sql(0, 'SELECT pg_current_wal_lsn()')
    lab.sql(0, 'CREATE TABLE w (n int)')
    expect(lab.sql(0, `SELECT pg_current_wal_lsn() > '${before}'`)).toBe('t')
  })

  it('PG-CLONE-4: a clone keeps what ALTER SYSTEM wrote', () => {
    const lab = new Lab()
    lab.sql(0, "ALTER SYSTEM SET statement_timeout = '7s'")
    lab.run('kubectl', 'delete', 'pvc', 'data-postgres-cluster-1', '--wait=false')
    lab.run('kubectl', 'delete', 'pod', 'postgres-cluster-1')
    lab.until(() => lab.cluster.truth.members().filter(m => m.attached && m.ready).length === 3, 120 * SECOND)
    expect(lab.sql(1, 'SHOW statement_timeout')).toBe('7s')
  })

  it('PG-PROMOTE-5: asked again while a promotion runs, both wait and succeed', () => {
    const lab = new Lab({ timing: { promoteMs: 5000 } })
    expect(lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA, '-t', '1').code).toBe(1)
    expect(lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA, '-t', '30').code).toBe(0)
  })

  it('PG-REWIND-5: before the checkpoint of the promoted server pg_rewind finds nothing to do', () => {
    const lab = new Lab({ supervised: true })
    lab.sql(0, 'CREATE TABLE w (n int)')
    // What is to be written spreads that checkpoint.
    lab.bulk(60_000_000)
    lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA)
    lab.sql(0, 'INSERT INTO w VALUES (1)')
    lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'immediate')
    const rewind = () => lab.exec(0, 'pg_rewind', '--target-pgdata', PGDATA, '--source-server', `host=${lab.dns(1)}`, '-R')
    expect(rewind()).toMatchObject({ code: 0, err: expect.stringContaining('no rewind required') as string })
    lab.sql(1, 'CHECKPOINT')
    expect(rewind()).toMatchObject({ code: 0, err: expect.stringContaining('servers diverged') as string })
  })

  it('PG-REWIND-5: told to write the configuration, it does so although there is nothing to rewind: the old primary comes up as a standby that cannot follow', () => {
    const lab = diverged({})
    expect(lab.exec(0, 'pg_rewind', '-D', PGDATA, '--source-server', `host=${lab.dns(1)}`, '-R').err).toBe('pg_rewind: source and target cluster are on the same timeline\npg_rewind: no rewind required\n')
    lab.exec(0, 'pg_ctl', 'start', '-D', PGDATA)
    lab.wait(20 * SECOND)
    expect(lab.sql(0, 'SELECT pg_is_in_recovery()')).toBe('t')
    expect(lab.sql(1, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = 'postgres-cluster-0'")).toBe('0')
  })

  it.each([
    { megabytes: 0, walKeepMB: 0, code: 0 },
    { megabytes: 40, walKeepMB: 0, code: 1 },
    { megabytes: 40, walKeepMB: 500, code: 0 },
  ])('PG-REWIND-6: $megabytes MB after the last common checkpoint, wal_keep_size $walKeepMB MB: status $code', ({ megabytes, walKeepMB, code }) => {
    const lab = diverged({ walKeepMB }, megabytes)
    lab.sql(1, 'CHECKPOINT')
    const rewind = lab.exec(0, 'pg_rewind', '-D', PGDATA, '--source-server', `host=${lab.dns(1)}`)
    expect(rewind.code).toBe(code)
    expect(rewind.err).toContain(code === 0 ? 'rewinding from last common checkpoint' : 'could not find previous WAL record')
  })

  it('PG-DATA-2: an emptied PGDATA is filled by pg_basebackup -R, and its server follows; without -R it would lead', () => {
    for (const role of ['-R', '-P']) {
      const lab = diverged({})
      const backup = () => lab.exec(0, 'pg_basebackup', '-h', lab.dns(1), '-U', 'replicator', '-D', PGDATA, '-c', 'fast', role)
      expect(backup()).toMatchObject({ code: 1, err: expect.stringContaining('exists but is not empty') as string })
      expect(lab.exec(0, 'sh', '-c', `rm -rf ${PGDATA}/*`).code).toBe(0)
      expect(lab.exec(0, 'ls', PGDATA).out).toBe('')
      expect(backup().code).toBe(0)
      lab.exec(0, 'pg_ctl', 'start', '-D', PGDATA)
      lab.wait(20 * SECOND)
      expect(lab.sql(0, 'SELECT pg_is_in_recovery()')).toBe(role === '-R' ? 't' : 'f')
      expect(lab.cluster.truth.members()[0]).toMatchObject({ attached: true, caughtUp: true })
    }
  })

  it('PG-DATA-2: who removes the files under a running server ends it, and the image makes an empty database of what is left', () => {
    const lab = new Lab()
    const before = lab.cluster.truth.members()[2]?.copy
    expect(lab.exec(2, 'rm', '-rf', PGDATA).code).not.toBe(0)
    lab.wait(20 * SECOND)
    expect(lab.cluster.truth.members()[2]).toMatchObject({ role: 'leader' })
    expect(lab.cluster.truth.members()[2]?.copy).not.toBe(before)
  })

  it('PG-ACK-9: with synchronous_commit off a standby has what was written up to 200 ms ago, and so a crash of the primary loses acknowledged writes that no standby has either', () => {
    const lost = (synchronousCommit: string): number => {
      const lab = new Lab({ synchronousCommit, supervised: true })
      lab.clients(WRITERS)
      lab.wait(3 * SECOND)
      expect(Number(lab.sql(0, 'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), pg_current_wal_lsn())')) > 0).toBe(synchronousCommit === 'off')
      const log = lab.cluster.logs[0]
      lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'immediate')
      const copy = log?.copies.find(c => c.name === 'postgres-cluster-1')
      if (log === undefined || copy === undefined) throw new Error('no log')
      return log.ledger.beyond(copy.position('flush')).reduce((sum, part) => sum + part.writes, 0)
    }
    // Four writers, some 4,500 a second: 200 ms are about 900.
    expect(lost('off')).toBeGreaterThan(400)
    expect(lost('on')).toBeLessThan(50)
  })

  it('PG-ACK-8: with synchronous_commit off a crash loses at most the last 0.6 s, and nothing that a standby has', () => {
    const lost: number[] = []
    for (let i = 0; i < 10; i++) {
      const lab = new Lab({ seed: `off/${i}`, synchronousCommit: 'off', supervised: true })
      lab.clients(WRITERS)
      for (const pod of [1, 2]) lab.exec(pod, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'fast')
      lab.wait(3 * SECOND)
      const log = lab.cluster.logs[0]
      lab.exec(0, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'immediate')
      const copy = log?.copies.find(c => c.name === 'postgres-cluster-0')
      if (log === undefined || copy === undefined) throw new Error('no log')
      const gone = log.ledger.beyond(copy.position('flush'))
      lost.push(gone.reduce((sum, part) => sum + part.writes, 0))
      for (const part of gone) expect(lab.now - part.fromUs).toBeLessThan(700_000 + 5 * SECOND)
    }
    expect(Math.max(...lost)).toBeGreaterThan(0)
  })
})

describe('a paused pooler', () => {
  it('PGB-PAUSE-4: a RESUME calls a waiting PAUSE off, and clients keep their server connection', () => {
    const lab = new Lab({ pooler: { replicas: 1 }, longTransactionP: 1 })
    lab.clients({ ...WRITERS, entrance: 'pooler' })
    lab.wait(SECOND)
    const pooler = lab.cluster.kubernetes.pods().find(p => p.labels.app === 'pgbouncer')?.name ?? ''
    const console_ = (text: string) => lab.start('kubectl', 'exec', pooler, '--', 'psql', '-p', '6432', '-U', 'pgbouncer', 'pgbouncer', '-c', text)
    const pause = console_('PAUSE')
    lab.wait(100_000)
    expect(pause.done).toBe(false)
    console_('RESUME')
    lab.wait(700 * SECOND)
    expect(lab.cluster.world.serverOf('postgres-cluster-0')?.backends.size).toBeGreaterThan(0)
    const before = lab.cluster.logs[0]?.ledger.ackedWrites() ?? 0
    lab.wait(SECOND)
    expect(lab.cluster.logs[0]?.ledger.ackedWrites()).toBeGreaterThan(before)
  })
})

describe('what a mutation survived', () => {
  it('a cascaded standby takes up the stream at once when its upstream switches timeline', () => {
    const lab = new Lab()
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.until(() => lab.server(1).walsenders.some(s => s.state === 'streaming'))
    // Soon after the last attempt, so that waiting for the next one would show.
    lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA)
    lab.wait(SECOND / 2)
    expect(lab.replication(1)).toContain('s2|streaming')
  })

  it('a second of congestion makes no minute of lag', () => {
    const lab = new Lab()
    lab.clients(WRITERS)
    const strike = lab.strike('replication-lag', 'member:postgres-cluster-1', SECOND, 60 * SECOND)
    lab.wait(SECOND)
    expect(lab.server(1).copy.lagBytes('receive')).toBeGreaterThan(100_000)
    strike.end()
    lab.wait(5 * SECOND)
    expect(lab.server(1).copy.lagBytes('receive')).toBeLessThan(100_000)
  })

  it('a machine without power answers nothing; one that runs refuses what nobody listens to', () => {
    const lab = new Lab({ supervised: true })
    lab.exec(1, 'pg_ctl', 'stop', '-D', PGDATA, '-m', 'fast')
    expect(lab.run('psql', '-h', lab.dns(1), '-Atc', 'SELECT 1').err).toContain('Connection refused')
    lab.strike('node-loss', `node:${lab.node(2)}`, 60 * SECOND)
    expect(lab.run('psql', '-h', lab.dns(2), '-Atc', 'SELECT 1').err).toContain('Connection timed out')
  })

  it('a signal to a stopped process waits for it', () => {
    const lab = new Lab()
    const goOn = lab.freeze(1)
    lab.exec(1, 'pg_ctl', 'promote', '-D', PGDATA, '-W')
    lab.wait(5 * SECOND)
    expect(lab.server(1).state).toBe('standby')
    goOn()
    lab.wait(2 * SECOND)
    expect(lab.server(1).state).toBe('primary')
  })
})
