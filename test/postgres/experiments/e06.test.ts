/** E-6, E-7: configuration shared by all, smart shutdown, backlog, crash recovery; two postmasters on one PGDATA (facts §1.2, §1.3, §1.5). */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, median, ms } from './lab.ts'

const DATA = '/var/lib/postgresql/data'
const ctl = (lab: Lab, pod: number, ...words: string[]) => lab.exec(pod, 'pg_ctl', ...words, '-D', DATA)

describe('E-6', () => {
  it('ANY 2 shared by all: the promoted primary hangs with no standby and with one; its rows are seen on the standby only; two release it (PG-SYNC-5)', () => {
    const lab = new Lab({ members: 4, synchronousStandbyNames: 'ANY 2', supervised: true })
    lab.sql(0, 'CREATE TABLE w (n int)')
    ctl(lab, 0, 'stop')
    ctl(lab, 1, 'promote')
    const insert = lab.startSql(1, 'INSERT INTO w VALUES (1)')
    lab.wait(5 * SECOND)
    expect(insert.done).toBe(false)
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.until(() => lab.server(2).receiver?.streaming === true)
    lab.wait(5 * SECOND)
    expect(insert.done).toBe(false)
    expect([lab.sql(1, 'SELECT count(*) FROM w'), lab.sql(2, 'SELECT count(*) FROM w')]).toEqual(['0', '1'])
    lab.follow(3, 1)
    lab.sql(3, 'SELECT pg_reload_conf()')
    lab.until(() => insert.done)
    expect(insert.output).toMatchObject({ code: 0, err: '' })
  })

  it('smart shutdown waits for the last idle client; new ones are refused and pg_isready says rejecting (PG-STOP-1, PG-READY-1)', () => {
    const lab = new Lab({ supervised: true })
    const idle = lab.clients({ loop: 'open', writesPerSecond: 0, readsPerSecond: 1, entrance: 'service' })
    lab.wait(SECOND)
    const from = lab.now
    const stop = lab.startExec(0, 'pg_ctl', 'stop', '-m', 'smart', '-D', DATA)
    lab.wait(11 * SECOND)
    expect(stop.done).toBe(false)
    expect(lab.exec(0, 'pg_isready')).toMatchObject({ code: 1, out: expect.stringContaining('rejecting connections') })
    expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'SELECT 1').err).toContain('the database system is shutting down')
    idle.stop()
    lab.until(() => stop.done)
    expect((lab.now - from) / SECOND).toBeLessThan(11.3)
  })

  it('a smart shutdown lets the sessions that are there go on: two servers acknowledge when another is promoted meanwhile (PG-STOP-1)', () => {
    const lab = new Lab({ supervised: true })
    const clients = lab.clients({ entrance: 'service' })
    lab.wait(SECOND)
    lab.startExec(0, 'pg_ctl', 'stop', '-m', 'smart', '-D', DATA)
    ctl(lab, 1, 'promote')
    const before = lab.acked()
    lab.wait(SECOND)
    expect(lab.acked()).toBeGreaterThan(before + 1_000)
    expect([...lab.cluster.truth.couldAcknowledge()].sort()).toEqual(['postgres-cluster-0', 'postgres-cluster-1'])
    clients.stop()
    lab.wait(SECOND)
    expect(lab.cluster.truth.couldAcknowledge()).toEqual(['postgres-cluster-1'])
  })

  it('recovery.conf: the server does not start (PG-START-1)', () => {
    const lab = new Lab({ supervised: true })
    ctl(lab, 1, 'stop')
    lab.write(1, 'recovery.conf', "standby_mode = 'on'")
    expect(ctl(lab, 1, 'start')).toMatchObject({ code: 1 })
    expect(lab.running(1)).toBe(false)
    expect(lab.told('postgres.start-failed').at(-1)).toContain('using recovery command file "recovery.conf" is not supported')
  })

  it('a promotion replays what was received first: 1,010 MB take 6.3 s, overriding a paused replay; -t 1 gives up, the promotion does not (PG-PROMOTE-2)', () => {
    const lab = new Lab({ supervised: true })
    lab.sql(1, 'SELECT pg_wal_replay_pause()')
    lab.bulk(1_010_000_000)
    ctl(lab, 0, 'stop', '-m', 'fast')
    expect(Number(lab.sql(1, 'SELECT pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn()')) / 1e6).toBeCloseTo(1010, -2)
    const from = lab.now
    const promote = ctl(lab, 1, 'promote', '-t', '1')
    expect(promote).toMatchObject({ code: 1, err: expect.stringContaining('server did not promote in time') })
    expect(promote.us / SECOND).toBeLessThan(1.1)
    expect(lab.sql(1, 'SELECT pg_is_in_recovery()')).toBe('t')
    lab.until(() => lab.server(1).state === 'primary')
    expect((lab.now - from) / SECOND).toBeGreaterThan(6.0)
    expect((lab.now - from) / SECOND).toBeLessThan(6.6)
  })

  it('crash recovery redoes the WAL since the last checkpoint: 1,010 MB, 2.5 s in all (PG-START-5); after a clean stop 0.115 s', () => {
    const took: number[] = []
    for (const seed of ['1', '2', '3']) {
      // As in the experiment no checkpoint came between: max_wal_size was above what was written.
      const lab = new Lab({ supervised: true, maxWalSizeMB: 4_000, seed })
      lab.sql(0, 'CHECKPOINT')
      lab.bulk(1_010_000_000)
      ctl(lab, 0, 'stop', '-m', 'immediate')
      const from = lab.now
      lab.startExec(0, 'pg_ctl', 'start', '-D', DATA)
      lab.wait(100_000)
      expect(lab.exec(0, 'pg_isready').out).toContain('rejecting')
      lab.until(() => lab.server(0).accepting)
      took.push((lab.now - from) / SECOND)
    }
    expect(median(took)).toBeGreaterThan(2.0)
    expect(median(took)).toBeLessThan(2.75)
    const lab = new Lab({ supervised: true })
    ctl(lab, 0, 'stop')
    const from = lab.now
    lab.startExec(0, 'pg_ctl', 'start', '-D', DATA)
    lab.until(() => lab.running(0) && lab.server(0).accepting)
    expect(ms(lab.now - from)).toBeGreaterThan(60)
    expect(ms(lab.now - from)).toBeLessThan(120)
  })
})

describe('E-7: two postmasters on one PGDATA (PG-DATA-1)', () => {
  it('a forced deletion lets the next pod start on the same volume while the old process lives: both write, nothing is logged', () => {
    // SIGTERM = smart: the old process serves its client until SIGKILL comes. The new pod fits on no other node than that of its volume.
    const lab = new Lab({ spareNodes: 0, stopSignal: 'TERM' })
    lab.sql(0, 'CREATE TABLE w (n int)')
    const old = lab.server(0)
    const node = lab.node(0)
    const load = lab.clients({ entrance: 'service' })
    lab.wait(SECOND)
    lab.run('kubectl', 'delete', 'pod', 'postgres-cluster-0', '--force', '--grace-period=0')
    const leaders = () => [...lab.cluster.world.servers].filter(s => s.name === 'postgres-cluster-0' && s.copy.leading)
    lab.until(() => leaders().length === 2, 2 * SECOND)
    expect([lab.node(0), lab.server(0) === old, old.dir === lab.server(0).dir]).toEqual([node, false, true])
    expect([old.dir.corrupted, old.logBook.lines, lab.server(0).logBook.lines]).toEqual([true, [], []])
    const before = lab.acked()
    lab.wait(200_000)
    expect(load.cohorts[0]?.leader).toBe(old.copy)
    expect(lab.acked()).toBeGreaterThan(before + 300)
    expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'INSERT INTO w VALUES (1)').code).toBe(0)
    // What the one writes the other's history lacks.
    expect(old.copy.position('flush').branch).not.toBe(lab.server(0).copy.position('flush').branch)
    lab.wait(3 * SECOND)
    expect(old.alive).toBe(false)
    expect(lab.lost(0)).toBeGreaterThan(300)
  })
})
