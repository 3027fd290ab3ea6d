/** E-3: signals that lie, and a promotion that asks nobody (facts §1.3, §1.4). */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, ms } from './lab.ts'

/** The document's lag query (L166). */
const LAG = 'SELECT EXTRACT(EPOCH FROM (now() - pg_last_xact_replay_timestamp()))'

describe('E-3: lag, promotion', () => {
  it('on a cleanly started primary the lag is NULL, an empty line (PG-LAG-1)', () => {
    const lab = new Lab()
    lab.clients()
    lab.wait(SECOND)
    const done = lab.exec(0, 'psql', '-U', 'postgres', '-t', '-c', LAG)
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(done.out.trim()).toBe('')
  })

  it('on an idle standby that has everything the lag grows by a second a second (PG-LAG-3)', () => {
    const lab = new Lab()
    lab.sql(0, 'CREATE TABLE w (n int)')
    lab.wait(5 * SECOND)
    expect(Number(lab.sql(1, LAG))).toBeGreaterThan(5)
    expect(Number(lab.sql(1, LAG))).toBeLessThan(6.2)
    expect(Number(lab.sql(0, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication WHERE application_name = 'postgres-cluster-1'"))).toBeLessThan(100)
    const load = lab.clients()
    lab.wait(SECOND)
    expect(Number(lab.sql(1, LAG))).toBeLessThan(0.1)
    load.stop()
  })

  it('on a promoted primary the lag is of the last commit it replayed, and grows for ever (PG-LAG-2)', () => {
    const lab = new Lab()
    lab.sql(0, 'CREATE TABLE w (n int)')
    lab.wait(3 * SECOND)
    lab.exec(1, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')
    lab.sql(1, 'INSERT INTO w VALUES (1)')
    const first = Number(lab.sql(1, LAG))
    expect(first).toBeGreaterThan(3)
    lab.wait(10 * SECOND)
    expect(Number(lab.sql(1, LAG)) - first).toBeCloseTo(10, 1)
  })

  it('pg_stat_replication has no lag for a standby that has replayed everything, and the bytes that matter (PG-LAG-5)', () => {
    const lab = new Lab({ backgroundWalKBps: 0 })
    lab.wait(SECOND)
    expect(lab.sql(0, 'SELECT DISTINCT replay_lag IS NULL, sent_lsn = replay_lsn, state FROM pg_stat_replication')).toBe('t|t|streaming')
    lab.cutOff(1)
    lab.clients()
    lab.wait(2 * SECOND)
    expect(Number(lab.sql(0, "SELECT pg_current_wal_lsn() - replay_lsn FROM pg_stat_replication WHERE application_name = 'postgres-cluster-1'"))).toBeGreaterThan(500_000)
  })

  it('pg_stat_replication of a leaf standby is empty, wherever it stands (PG-LAG-4)', () => {
    const lab = new Lab()
    expect(lab.sql(1, 'SELECT count(*) FROM pg_stat_replication')).toBe('0')
    expect(lab.sql(1, 'SELECT status FROM pg_stat_wal_receiver')).toBe('streaming')
  })

  it('promote asks nobody: the old primary goes on writing; new timeline, one more than the old (PG-PROMOTE-1, PG-PROMOTE-3)', () => {
    const lab = new Lab()
    lab.sql(0, 'CREATE TABLE w (n int)')
    const promote = lab.exec(1, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')
    expect(promote).toMatchObject({ code: 0, out: 'waiting for server to promote.... done\nserver promoted\n' })
    // Measured 103.4–135.8 ms.
    expect(ms(promote.us)).toBeGreaterThan(100)
    expect(ms(promote.us)).toBeLessThan(136)
    expect([0, 1].map(pod => lab.exec(pod, 'psql', '-U', 'postgres', '-c', 'INSERT INTO w VALUES (1)').code)).toEqual([0, 0])
    expect([0, 1].map(pod => lab.sql(pod, 'SELECT pg_is_in_recovery()'))).toEqual(['f', 'f'])
    // The control file says so only after a checkpoint; the WAL in use at once.
    const timeline = (pod: number) => Number.parseInt(lab.sql(pod, 'SELECT pg_walfile_name(pg_current_wal_lsn())').slice(0, 8), 16)
    expect([timeline(0), timeline(1)]).toEqual([1, 2])
    lab.sql(1, 'CHECKPOINT')
    expect([0, 1].map(pod => lab.sql(pod, 'SELECT timeline_id FROM pg_control_checkpoint()'))).toEqual(['1', '2'])
    expect(lab.cluster.truth.couldAcknowledge()).toHaveLength(2)
  })

  it('promote on what is no standby fails (PG-PROMOTE-4); a write on a standby is 25006 (PG-STANDBY-1)', () => {
    const lab = new Lab()
    lab.sql(0, 'CREATE TABLE w (n int)')
    expect(lab.exec(0, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')).toMatchObject({ code: 1, err: expect.stringContaining('pg_ctl: cannot promote server; server is not in standby mode\n') })
    expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'SELECT pg_promote()').err).toContain('recovery is not in progress')
    const write = lab.exec(1, 'psql', '-U', 'postgres', '-v', 'VERBOSITY=verbose', '-c', 'INSERT INTO w VALUES (1)')
    expect(write.err).toContain('cannot execute INSERT in a read-only transaction')
    expect([lab.exec(1, 'psql', '-U', 'postgres', '-c', 'SELECT 1').code, lab.exec(1, 'psql', '-U', 'postgres', '-c', 'SELECT version()').code]).toEqual([0, 0])
  })
})
