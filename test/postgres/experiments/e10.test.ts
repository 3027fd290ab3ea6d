/** E-10, E-12: partitions, frozen standbys, followers past the fork; names and slots that do not fit (facts §1.2, §1.3, §1.5). */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, ms } from './lab.ts'

const DATA = '/var/lib/postgresql/data'
const ctl = (lab: Lab, pod: number, ...words: string[]) => lab.exec(pod, 'pg_ctl', ...words, '-D', DATA)
const two = '("postgres-cluster-1","postgres-cluster-2")'

/** Writes a setting into every member's postgresql.auto.conf before anything happens, and reloads. */
function set(lab: Lab, name: string, value: string): void {
  for (const pod of lab.cluster.world.memberNames) {
    lab.sql(pod, `ALTER SYSTEM SET ${name} = '${value}'`)
    lab.sql(pod, 'SELECT pg_reload_conf()')
  }
  lab.wait(SECOND)
}

/** How long one commit takes after `disturb`, with wal_sender_timeout 6 s. */
function commitAfter(names: string, disturb: (lab: Lab) => void): number {
  const lab = new Lab({ synchronousStandbyNames: names, supervised: true })
  lab.sql(0, 'CREATE TABLE w (n int)')
  set(lab, 'wal_sender_timeout', '6s')
  disturb(lab)
  const from = lab.now
  expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'INSERT INTO w VALUES (1)')).toMatchObject({ code: 0, err: '' })
  return ms(lab.now - from)
}

describe('E-10', () => {
  it('J: with a partitioned standby a fast stop ends at wal_sender_timeout, "shut down", and promoting that standby loses what it lacks (PG-STOP-3; measured 3.4 s, 4,086 lost)', () => {
    const lab = new Lab({ supervised: true })
    set(lab, 'wal_sender_timeout', '4s')
    lab.clients()
    lab.wait(SECOND)
    const heal = lab.cutOff(1)
    lab.wait(600_000)
    const stop = ctl(lab, 0, 'stop', '-m', 'fast')
    expect(stop.us / SECOND).toBeGreaterThan(3.3)
    expect(stop.us / SECOND).toBeLessThan(3.6)
    const control = lab.exec(0, 'pg_controldata').out
    expect(control).toMatch(/Database cluster state: +shut down\n/)
    heal()
    const end = /Latest checkpoint location: +(\S+)/.exec(control)?.[1] ?? ''
    // The comparison that would have told.
    expect([1, 2].map(pod => lab.sql(pod, `SELECT pg_last_wal_receive_lsn() >= '${end}'`))).toEqual(['f', 't'])
    ctl(lab, 1, 'promote')
    expect(lab.lost(1)).toBeGreaterThan(1_000)
    expect(lab.lost(1)).toBeLessThan(5_000)
    expect(lab.lost(2)).toBe(0)
  })

  it('G: FIRST 1 with its standby frozen stalls for wal_sender_timeout (measured 6,017 ms of 6 s); then the next takes over (PG-SYNC-6)', () => {
    const took = commitAfter(`FIRST 1 ${two}`, lab => void lab.freeze(1))
    expect(took).toBeGreaterThan(5_900)
    expect(took).toBeLessThan(6_100)
  })

  it('G2: ANY 1 of 2 with one frozen does not notice (measured 12 ms) (PG-SYNC-6)', () => {
    expect(commitAfter(`ANY 1 ${two}`, lab => void lab.freeze(1))).toBeLessThan(20)
  })

  it('G3: when it closes its connection the next takes over at once (measured 15 ms) (PG-SYNC-3)', () => {
    expect(commitAfter(`FIRST 1 ${two}`, lab => void ctl(lab, 1, 'stop', '-m', 'immediate'))).toBeLessThan(20)
  })

  it('B: a standby that followed the old primary past the fork can never follow the new one: state startup, Ready (PG-FOLLOW-3)', () => {
    const lab = new Lab({ supervised: true })
    lab.clients()
    lab.wait(SECOND)
    ctl(lab, 1, 'promote')
    lab.wait(SECOND)
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.wait(60 * SECOND)
    expect(lab.replication(1)).toBe('s2|startup|async')
    expect(lab.ready(2)).toBe(true)
  })

  it('a standby that has lost its upstream tries again on the five-second grid (PG-FOLLOW-1), wherever primary_conninfo leads by then (PG-FOLLOW-4)', () => {
    const lab = new Lab({ supervised: true })
    lab.wait(10 * SECOND)
    ctl(lab, 0, 'stop')
    lab.wait(7 * SECOND)
    ctl(lab, 0, 'start')
    const from = lab.now
    lab.until(() => lab.server(1).receiver?.streaming === true)
    expect((lab.now - from) / SECOND).toBeGreaterThan(2)
    expect((lab.now - from) / SECOND).toBeLessThan(5.2)
    // K4 = service: the standbys follow the Service, and so the new primary once it is labelled.
    const service = new Lab({ supervised: true, primaryConninfo: 'service' })
    ctl(service, 0, 'stop')
    ctl(service, 1, 'promote')
    service.run('kubectl', 'label', 'pod', 'postgres-cluster-0', 'role-')
    service.run('kubectl', 'label', 'pod', 'postgres-cluster-1', 'role=primary')
    service.until(() => service.replication(1) === 's2|streaming|async', 30 * SECOND)
  })

  it('another system identifier or another major version is no upstream (PG-FOLLOW-6)', () => {
    const lab = new Lab({ cloneOnStart: false })
    lab.run('kubectl', 'scale', 'statefulset', 'postgres-cluster', '--replicas=4')
    lab.until(() => lab.running(3) && lab.ready(3))
    lab.follow(1, 3)
    lab.sql(1, 'SELECT pg_reload_conf()')
    lab.wait(10 * SECOND)
    expect(lab.server(1).receiver?.trouble).toContain('database system identifier differs')
    expect(lab.ready(1)).toBe(true)
  })

  it('a cascaded standby follows its promoted upstream by itself (PG-FOLLOW-7)', () => {
    const lab = new Lab({ supervised: true })
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.until(() => lab.server(2).receiver?.streaming === true && lab.server(2).receiver?.sender?.upstream.name === 'postgres-cluster-1')
    ctl(lab, 0, 'stop')
    ctl(lab, 1, 'promote')
    lab.until(() => lab.replication(1).includes('s2|streaming'), 10 * SECOND)
    expect(lab.server(2).dir.timeline).toBe(2)
  })

  it('a cascaded standby is caught up only while every link above it carries what is written', () => {
    const lab = new Lab({ kubernetes: {} })
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.until(() => lab.server(2).receiver?.streaming === true && lab.server(2).receiver?.sender?.upstream.name === 'postgres-cluster-1')
    const third = () => lab.cluster.truth.members()[2]
    expect(third()).toMatchObject({ attached: true, caughtUp: true })
    // Of the upper link alone; nothing is written yet that it could lag by.
    const heal = lab.cluster.world.network.cut('0 to 1', place => place === lab.node(0), place => place === lab.node(1))
    lab.wait(SECOND / 10)
    expect(third()).toMatchObject({ attached: true, caughtUp: false })
    heal()
    lab.wait(SECOND)
    expect(third()).toMatchObject({ attached: true, caughtUp: true })
  })

  it('the server side of a promotion takes 20–24 ms (PG-PROMOTE-1)', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const lab = new Lab({ seed: String(seed), backgroundWalKBps: 0 })
      lab.startExec(1, 'pg_ctl', 'promote', '-D', DATA)
      lab.until(() => lab.told('postgres.promotion-requested').length > 0)
      const from = lab.now
      lab.until(() => lab.server(1).state === 'primary')
      expect(ms(lab.now - from)).toBeGreaterThanOrEqual(19)
      expect(ms(lab.now - from)).toBeLessThanOrEqual(25)
    }
  })
})

describe('E-12', () => {
  const HYPHENS = "synchronous_standby_names = 'ANY 1 (postgres-cluster-1, postgres-cluster-2)'"

  it('names with hyphens need double quotes: a reload keeps the old value, the next start refuses (PG-SYNC-4)', () => {
    const lab = new Lab({ supervised: true })
    lab.write(0, 'postgresql.conf', HYPHENS)
    expect(lab.sql(0, 'SELECT pg_reload_conf()')).toBe('t')
    lab.wait(SECOND)
    expect(lab.sql(0, 'SELECT DISTINCT sync_state FROM pg_stat_replication')).toBe('async')
    expect(lab.exec(0, 'psql', '-U', 'postgres', '-c', 'CREATE TABLE w (n int)').code).toBe(0)
    ctl(lab, 0, 'stop')
    expect(ctl(lab, 0, 'start').code).toBe(1)
    expect(lab.told('postgres.start-failed').at(-1)).toContain('invalid value for parameter "synchronous_standby_names"')
    const other = new Lab()
    expect(other.exec(0, 'psql', '-U', 'postgres', '-c', `ALTER SYSTEM SET ${HYPHENS}`).err).toContain('invalid value for parameter "synchronous_standby_names"')
  })

  it('a value in double quotes is a syntax error, also in recovery.conf of old (PG-CONF-2); a broken line leaves everything as it was on reload (PG-CONF-1)', () => {
    const lab = new Lab({ supervised: true })
    lab.write(0, 'postgresql.conf', 'primary_conninfo = "host=elsewhere"')
    lab.sql(0, 'SELECT pg_reload_conf()')
    lab.wait(SECOND)
    expect(lab.server(0).logBook.lines.join('\n')).toContain('syntax error in file "/var/lib/postgresql/data/postgresql.conf" line 1, near token')
    expect(lab.sql(0, 'SELECT 1')).toBe('1')
    ctl(lab, 0, 'stop')
    expect(ctl(lab, 0, 'start').code).toBe(1)
  })

  it('primary_slot_name that the new primary lacks: never streams, Ready; created there it does (PG-SLOT-2)', () => {
    const lab = new Lab({ supervised: true, slots: true })
    ctl(lab, 0, 'stop')
    ctl(lab, 1, 'promote')
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.wait(30 * SECOND)
    expect(lab.replication(1)).toBe('')
    expect([lab.ready(2), lab.server(2).receiver?.trouble]).toEqual([true, 'replication slot "postgres_cluster_2" does not exist'])
    lab.sql(1, "SELECT pg_create_physical_replication_slot('postgres_cluster_2')")
    lab.until(() => lab.replication(1) === 's2|streaming|async', 10 * SECOND)
  })

  it('remote_apply hangs on a paused replay, `on` acknowledges (PG-ACK-7)', () => {
    for (const [level, waits] of [['remote_apply', true], ['on', false], ['remote_write', false]] as const) {
      const lab = new Lab({ synchronousStandbyNames: `FIRST 1 ${two}`, synchronousCommit: level })
      lab.sql(0, 'CREATE TABLE w (n int)')
      lab.sql(1, 'SELECT pg_wal_replay_pause()')
      const insert = lab.startSql(0, 'INSERT INTO w VALUES (1)')
      lab.wait(30 * SECOND)
      expect([level, insert.done]).toEqual([level, !waits])
      lab.sql(1, 'SELECT pg_wal_replay_resume()')
      lab.until(() => insert.done)
    }
  })
})
