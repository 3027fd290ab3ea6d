/** E-4 and E-15: what becomes of the old primary (facts §1.3), and how a file written beforehand fences it (§8.3). */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, ms } from './lab.ts'

const DATA = '/var/lib/postgresql/data'
const ctl = (lab: Lab, pod: number, ...words: string[]) => lab.exec(pod, 'pg_ctl', ...words, '-D', DATA)
const insert = (lab: Lab, pod: number) => lab.exec(pod, 'psql', '-U', 'postgres', '-c', 'INSERT INTO w VALUES (1)')
const count = (lab: Lab, pod: number) => lab.sql(pod, 'SELECT count(*) FROM w')
const ready = (lab: Lab, pod: number) => lab.exec(pod, 'pg_isready').out.trim().endsWith('accepting connections')

/** The document's order: member 1 is promoted while member 0 serves; 0 takes one more write, 1 takes two. */
function diverged(setting: Record<string, unknown> = {}): Lab {
  const lab = new Lab({ supervised: true, ...setting })
  lab.sql(0, 'CREATE TABLE w (n int)')
  lab.wait(SECOND)
  ctl(lab, 1, 'promote')
  insert(lab, 0)
  insert(lab, 1)
  insert(lab, 1)
  return lab
}

/** As standby of 1 from its next start on. */
function standbyOf1(lab: Lab, pod: number): void {
  lab.exec(pod, 'touch', `${DATA}/standby.signal`)
  lab.write(pod, 'postgresql.auto.conf', `primary_conninfo = 'host=${lab.dns(1)} port=5432 user=replicator application_name=${lab.pod(pod)}'`)
}

const states = (lab: Lab) => lab.sql(1, "SELECT application_name || '=' || state FROM pg_stat_replication ORDER BY 1")

describe('E-4: the old primary after a promotion', () => {
  it('T1: restarted as it is, it is a Ready primary of its old timeline (PG-START-2)', () => {
    const lab = diverged()
    ctl(lab, 0, 'restart')
    expect([ready(lab, 0), lab.sql(0, 'SELECT pg_is_in_recovery()'), insert(lab, 0).code]).toEqual([true, 'f', 0])
    lab.wait(20 * SECOND)
    expect(lab.ready(0)).toBe(true)
    expect([count(lab, 0), count(lab, 1)]).toEqual(['2', '2'])
    expect(lab.exec(0, 'pg_controldata').out).toMatch(/TimeLineID: +1\n/)
    expect(lab.cluster.truth.couldAcknowledge()).toHaveLength(2)
  })

  it('T2: with standby.signal and without rewind it never streams, is Ready, serves stale rows, and is in pg_stat_replication (PG-FOLLOW-3)', () => {
    const lab = diverged()
    ctl(lab, 0, 'stop')
    standbyOf1(lab, 0)
    ctl(lab, 0, 'start')
    lab.wait(60 * SECOND)
    expect([ready(lab, 0), lab.ready(0), lab.sql(0, 'SELECT pg_is_in_recovery()'), count(lab, 0)]).toEqual([true, true, 't', '1'])
    expect(states(lab)).toBe('postgres-cluster-0=startup')
    expect(lab.told('postgres.diverged').at(-1)).toContain('new timeline 2 forked off current database system timeline 1 before current recovery point')
    expect(lab.cluster.truth.members().find(m => m.name === 'postgres-cluster-0')?.attached).toBe(false)
  })

  it('T3: pg_rewind refuses a running target, and one without hint bits or checksums (PG-REWIND-1, PG-REWIND-2)', () => {
    const lab = diverged({ rewindable: false })
    const rewind = () => lab.exec(0, 'pg_rewind', '-D', DATA, `--source-server=host=${lab.dns(1)} user=postgres`, '-R')
    // It tries to recover it by a single-user server, which finds the lock file.
    expect(rewind()).toMatchObject({ code: 1, err: expect.stringContaining('FATAL:  lock file "postmaster.pid" already exists') })
    expect(lab.exec(0, 'pg_rewind', '-D', DATA, `--source-server=host=${lab.dns(1)} user=postgres`, '--no-ensure-shutdown')).toMatchObject({ code: 1, err: 'pg_rewind: error: target server must be shut down cleanly\ncommand terminated with exit code 1\n' })
    ctl(lab, 0, 'stop')
    expect(rewind().err).toContain('needs to use either data checksums or "wal_log_hints = on"')
  })

  it('T4: with them it erases what diverged, takes the source\'s configuration, and the server then streams (PG-REWIND-3, PG-REWIND-4)', () => {
    const lab = diverged()
    ctl(lab, 0, 'stop')
    lab.sql(1, 'CHECKPOINT')
    const rewind = lab.exec(0, 'pg_rewind', '-D', DATA, `--source-server=host=${lab.dns(1)} user=postgres application_name=postgres-cluster-0`, '-R')
    expect(rewind.code).toBe(0)
    expect(rewind.err).toMatch(/servers diverged at WAL location .* on timeline 1/)
    // Measured 775 ms (E-4) and 593 ms (51 MB to copy).
    expect(ms(rewind.us)).toBeGreaterThan(590)
    expect(ms(rewind.us)).toBeLessThan(900)
    ctl(lab, 0, 'start')
    lab.until(() => states(lab) === 'postgres-cluster-0=streaming')
    expect([count(lab, 0), lab.sql(0, 'SELECT pg_is_in_recovery()')]).toEqual(['2', 't'])
    expect(lab.sql(0, 'SHOW primary_conninfo')).toContain(lab.dns(1))
  })

  it('T5: stopped first and then followed, the old primary needs no rewind (PG-FOLLOW-5)', () => {
    const lab = new Lab({ supervised: true })
    const load = lab.clients()
    lab.wait(SECOND)
    ctl(lab, 0, 'stop', '-m', 'fast')
    const position = /Latest checkpoint location: +(\S+)/.exec(lab.exec(0, 'pg_controldata').out)?.[1] ?? ''
    expect(lab.exec(0, 'pg_controldata').out).toMatch(/Database cluster state: +shut down\n/)
    expect(lab.sql(1, `SELECT pg_last_wal_receive_lsn() >= '${position}'`)).toBe('t')
    ctl(lab, 1, 'promote')
    standbyOf1(lab, 0)
    const startedUs = lab.now
    ctl(lab, 0, 'start')
    lab.until(() => lab.server(0).receiver?.streaming === true)
    // Measured 130–160 ms from the command.
    expect(ms(lab.now - startedUs)).toBeLessThan(260)
    expect(lab.lost(1)).toBe(0)
    load.stop()
  })

  it('another standby is led to the new primary by reload, in 35–124 ms (PG-FOLLOW-2)', () => {
    const took: number[] = []
    for (let seed = 1; seed <= 12; seed++) {
      const lab = new Lab({ supervised: true, seed: String(seed) })
      ctl(lab, 0, 'stop')
      ctl(lab, 1, 'promote')
      lab.follow(2, 1)
      const from = lab.now
      lab.sql(2, 'SELECT pg_reload_conf()')
      lab.until(() => lab.server(2).receiver?.streaming === true)
      took.push(ms(lab.now - from))
    }
    expect(Math.min(...took)).toBeGreaterThan(30)
    expect(Math.max(...took)).toBeLessThan(150)
  })
})

describe('E-15: fence by construction (PG-START-3)', () => {
  const fenced = (): Lab => {
    const lab = new Lab({ supervised: true })
    lab.sql(0, 'CREATE TABLE w (n int)')
    standbyOf1(lab, 0)
    return lab
  }

  it('standby.signal and primary_conninfo on a running primary change nothing, not even by reload', () => {
    const lab = fenced()
    lab.sql(0, 'SELECT pg_reload_conf()')
    lab.wait(SECOND)
    expect([insert(lab, 0).code, lab.sql(0, 'SELECT pg_is_in_recovery()')]).toEqual([0, 'f'])
  })

  it('after a crash it comes back read-only; pg_promote undoes that, one timeline further', () => {
    const lab = fenced()
    lab.strike('process-kill', 'member:postgres-cluster-0')
    lab.until(() => lab.running(0) && lab.server(0).accepting)
    expect(lab.sql(0, 'SELECT pg_is_in_recovery()')).toBe('t')
    expect(insert(lab, 0).err).toContain('read-only transaction')
    expect(lab.sql(0, 'SELECT pg_promote()')).toBe('t')
    expect(insert(lab, 0).code).toBe(0)
    expect(lab.server(0).dir.timeline).toBe(2)
  })

  it('after a controlled switchover it joins by itself', () => {
    const lab = fenced()
    ctl(lab, 0, 'stop')
    ctl(lab, 1, 'promote')
    ctl(lab, 0, 'start')
    lab.until(() => states(lab) === 'postgres-cluster-0=streaming')
  })

  it('undone before the promotion: without the file it starts as primary, and the standbys return to it', () => {
    const lab = fenced()
    ctl(lab, 0, 'stop')
    lab.exec(0, 'rm', `${DATA}/standby.signal`)
    const from = lab.now
    ctl(lab, 0, 'start')
    expect(insert(lab, 0).code).toBe(0)
    // Measured: writable in 126 ms.
    expect(ms(lab.now - from)).toBeLessThan(150)
    lab.until(() => lab.server(1).receiver?.streaming === true && lab.server(2).receiver?.streaming === true)
    expect(lab.server(0).dir.timeline).toBe(1)
  })
})
