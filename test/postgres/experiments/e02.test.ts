/** E-2: a commit that waits for its standbys (facts §1.1). `ANY 2` of two standbys, one of them stopped: every commit hangs. */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab } from './lab.ts'

/** Two standbys of which one is away, both needed; the survivor (1) still receives and replays everything. */
function hanging(): Lab {
  const lab = new Lab({ synchronousStandbyNames: 'ANY 2', supervised: true })
  lab.sql(0, 'CREATE TABLE w (n int)')
  lab.exec(2, 'pg_ctl', 'stop', '-m', 'fast', '-D', '/var/lib/postgresql/data')
  lab.until(() => !lab.running(2))
  return lab
}

const rows = (lab: Lab, pod: number): string => lab.sql(pod, 'SELECT count(*) FROM w')
const pidOf = (lab: Lab): string => lab.sql(0, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")

describe('E-2: a commit waits for synchronous standbys', () => {
  it('statement_timeout does not bound the wait (PG-ACK-5), neither alone nor in a transaction; a statement that sleeps it ends', () => {
    const lab = hanging()
    const alone = lab.startSql(0, "SET statement_timeout = '1500ms'", 'INSERT INTO w VALUES (1)')
    const explicit = lab.startSql(0, "SET statement_timeout = '1500ms'", 'BEGIN; INSERT INTO w VALUES (2); COMMIT')
    lab.wait(5 * SECOND)
    expect([alone.done, explicit.done]).toEqual([false, false])
    const sleep = lab.exec(0, 'psql', '-U', 'postgres', '-c', "SET statement_timeout = '1500ms'", '-c', 'SELECT pg_sleep(3)')
    expect(sleep.err).toContain('canceling statement due to statement timeout')
    expect(sleep.us / SECOND).toBeLessThan(1.6)
  })

  it('while it waits the row is not there on the primary, and is there on a standby that replayed it (PG-ACK-2)', () => {
    const lab = hanging()
    lab.startSql(0, 'INSERT INTO w VALUES (1)')
    lab.wait(SECOND)
    expect([rows(lab, 0), rows(lab, 1)]).toEqual(['0', '1'])
    lab.exec(2, 'pg_ctl', 'start', '-D', '/var/lib/postgresql/data')
    lab.until(() => rows(lab, 0) === '1')
    expect(pidOf(lab)).toBe('')
  })

  it('a cancel acknowledges it with a warning (PG-ACK-4): a success tag for a row that no standby was asked about', () => {
    const lab = hanging()
    const insert = lab.startSql(0, 'INSERT INTO w VALUES (1)')
    lab.wait(SECOND)
    expect(lab.sql(0, `SELECT pg_cancel_backend(${pidOf(lab)})`)).toBe('t')
    lab.until(() => insert.done)
    expect(insert.output).toMatchObject({ code: 0, out: 'INSERT 0 1\n' })
    expect(insert.output?.err).toContain('WARNING:  canceling wait for synchronous replication due to user request\nDETAIL:  The transaction has already committed locally')
    expect(rows(lab, 0)).toBe('1')
  })

  it('termination and fast shutdown break the connection: outcome unknown, yet committed; all rows are there after the restart (PG-ACK-1)', () => {
    const lab = hanging()
    const waiting = [1, 2, 3].map(n => {
      const insert = lab.startSql(0, `INSERT INTO w VALUES (${n})`)
      lab.wait(SECOND)
      return insert
    })
    const [terminated, died, stopped] = waiting as [typeof waiting[0], typeof waiting[0], typeof waiting[0]]
    lab.sql(0, `SELECT pg_terminate_backend(${pidOf(lab).split('\n')[0]})`)
    lab.until(() => terminated.done)
    expect(terminated.output?.code).toBe(2)
    expect(terminated.output?.err).toContain('server closed the connection unexpectedly')
    died.kill()
    lab.exec(0, 'pg_ctl', 'stop', '-m', 'fast', '-D', '/var/lib/postgresql/data')
    lab.until(() => stopped.done)
    expect(stopped.output?.code).toBe(2)
    lab.until(() => !lab.running(0))
    lab.exec(0, 'pg_ctl', 'start', '-D', '/var/lib/postgresql/data')
    lab.until(() => lab.running(0) && lab.server(0).accepting)
    expect(lab.sql(0, 'SELECT n FROM w ORDER BY n').split('\n')).toEqual(['1', '2', '3'])
  })

  it('a client that dies leaves its backend waiting: invisible until the quorum is there (PG-ACK-2)', () => {
    const lab = hanging()
    const insert = lab.startSql(0, 'INSERT INTO w VALUES (1)')
    lab.wait(SECOND)
    insert.kill()
    lab.wait(SECOND)
    expect(rows(lab, 0)).toBe('0')
    lab.exec(2, 'pg_ctl', 'start', '-D', '/var/lib/postgresql/data')
    lab.until(() => rows(lab, 0) === '1')
  })

  it('reads, rollbacks and sessions that opted out never wait (PG-ACK-3)', () => {
    const lab = hanging()
    expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'BEGIN; INSERT INTO w VALUES (9); ROLLBACK').us / SECOND).toBeLessThan(0.1)
    expect(rows(lab, 0)).toBe('0')
    expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'SET synchronous_commit = local', '-c', 'INSERT INTO w VALUES (7)').us / SECOND).toBeLessThan(0.1)
    expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'BEGIN; SET LOCAL synchronous_commit = off; INSERT INTO w VALUES (8); COMMIT').us / SECOND).toBeLessThan(0.1)
    expect(rows(lab, 0)).toBe('2')
    const insert = lab.startSql(0, 'CREATE TABLE ddl (n int)')
    lab.wait(SECOND)
    expect(insert.done).toBe(false)
  })
})
