/** E-1: who is synchronous (facts §1.2). */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab } from './lab.ts'

const NAMES = '("postgres-cluster-1","postgres-cluster-2","postgres-cluster-3")'

/** synchronous_standby_names, sync_state of the three standbys, what the document's check L123 counts. */
const MATRIX: readonly (readonly [string, string, string])[] = [
  ['', 'async,async,async', '0'],
  ['"postgres-cluster-1", "postgres-cluster-2"', 'sync,potential,async', '1'],
  [`FIRST 1 ${NAMES}`, 'sync,potential,potential', '1'],
  [`FIRST 2 ${NAMES}`, 'sync,sync,potential', '2'],
  [`2 ${NAMES}`, 'sync,sync,potential', '2'],
  [`ANY 1 ${NAMES}`, 'quorum,quorum,quorum', '0'],
  [`ANY 2 ${NAMES}`, 'quorum,quorum,quorum', '0'],
  ['ANY 2 ("postgres-cluster-1","postgres-cluster-2")', 'quorum,quorum,async', '0'],
  ['*', 'sync,potential,potential', '1'],
  ['FIRST 2 ("POSTGRES-CLUSTER-2","postgres-cluster-1")', 'sync,sync,async', '2'],
  ['FIRST 1 (standby1, standby2)', 'async,async,async', '0'],
]

describe('E-1: sync_state (PG-SYNC-1, PG-SYNC-2, PG-SYNC-3)', () => {
  it.each(MATRIX)('synchronous_standby_names = %s → %s, counts %s', (names, states, count) => {
    const lab = new Lab({ members: 4, synchronousStandbyNames: names })
    expect(lab.sql(0, 'SELECT sync_state FROM pg_stat_replication ORDER BY application_name').replaceAll('\n', ',')).toBe(states)
    expect(lab.sql(0, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")).toBe(count)
  })

  it('names that match nobody: every commit hangs, without any time-out', () => {
    const lab = new Lab({ synchronousStandbyNames: 'FIRST 1 (standby1, standby2)' })
    const insert = lab.startSql(0, 'CREATE TABLE t (id int)')
    lab.wait(300 * SECOND)
    expect(insert.done).toBe(false)
    expect(lab.sql(0, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")).toBe('1')
  })

  it('the load hangs too: nothing is acknowledged until the names match (PG-SYNC-3)', () => {
    const lab = new Lab({ synchronousStandbyNames: 'FIRST 1 (standby1, standby2)' })
    lab.clients()
    lab.wait(10 * SECOND)
    expect(lab.acked()).toBe(0)
    lab.sql(0, `ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 ${NAMES}'`)
    lab.sql(0, 'SELECT pg_reload_conf()')
    lab.wait(SECOND)
    expect(lab.acked()).toBeGreaterThan(1_000)
  })

  it('a named standby that is connected but does not stream does not count: FIRST 1 takes the next (PG-SYNC-1)', () => {
    const lab = new Lab({ members: 4, supervised: true, synchronousStandbyNames: 'FIRST 1 ("postgres-cluster-2","postgres-cluster-3")' })
    lab.sql(0, 'CREATE TABLE w (n int)')
    lab.follow(3, 1)
    lab.sql(3, 'SELECT pg_reload_conf()')
    lab.until(() => lab.replication(1) === 's3|streaming|potential' || lab.server(3).receiver?.sender?.upstream.name === 'postgres-cluster-1')
    lab.exec(1, 'pg_ctl', 'promote', '-D', '/var/lib/postgresql/data')
    lab.exec(0, 'psql', '-U', 'postgres', '-c', 'INSERT INTO w VALUES (1)')
    // Member 2 has what the old primary wrote past the fork; it shows up at the new one, in state startup.
    lab.follow(2, 1)
    lab.sql(2, 'SELECT pg_reload_conf()')
    lab.wait(10 * SECOND)
    expect(lab.replication(1)).toBe('s2|startup|async\ns3|streaming|sync')
    expect(lab.exec(1, 'psql', '-U', 'postgres', '-c', 'INSERT INTO w VALUES (2)').us / SECOND).toBeLessThan(0.1)
  })

  it('application_name is walreceiver unless somebody sets it: `*` matches it, the pod names do not', () => {
    const lab = new Lab({ applicationNames: 'walreceiver', synchronousStandbyNames: 'ANY 1 (walreceiver)' })
    expect(lab.sql(0, 'SELECT DISTINCT application_name, sync_state FROM pg_stat_replication')).toBe('walreceiver|quorum')
    expect(new Lab({ applicationNames: 'walreceiver', synchronousStandbyNames: 'ANY 1' }).sql(0, 'SELECT DISTINCT sync_state FROM pg_stat_replication')).toBe('async')
  })

  it('a named standby that catches up does not count yet: FIRST 1 stays with the next until it streams (PG-SYNC-1)', () => {
    const lab = new Lab({ synchronousStandbyNames: 'FIRST 1 ("postgres-cluster-1","postgres-cluster-2")', walSenderTimeoutSeconds: 10, slots: true })
    const heal = lab.cutOff(1)
    lab.wait(20 * SECOND)
    expect(lab.replication(0)).toBe('s2|streaming|sync')
    lab.bulk(2_000_000_000)
    heal()
    lab.until(() => lab.replication(0).startsWith('s1|catchup'))
    expect(lab.replication(0)).toBe('s1|catchup|potential\ns2|streaming|sync')
    lab.until(() => lab.replication(0).startsWith('s1|streaming'))
    expect(lab.replication(0)).toBe('s1|streaming|sync\ns2|streaming|potential')
  })

  it('names are compared without their case, on either side (PG-SYNC-2)', () => {
    const lab = new Lab({ synchronousStandbyNames: 'ANY 1 ("postgres-cluster-1")' })
    lab.sql(1, `ALTER SYSTEM SET primary_conninfo = 'host=${lab.dns(0)} port=5432 user=replicator application_name=Postgres-Cluster-1'`)
    lab.sql(1, 'SELECT pg_reload_conf()')
    lab.wait(10 * SECOND)
    expect(lab.sql(0, 'SELECT application_name, sync_state FROM pg_stat_replication ORDER BY 1')).toBe('Postgres-Cluster-1|quorum\npostgres-cluster-2|async')
  })

  it('who could acknowledge: a primary as long as enough of those whose word counts can answer', () => {
    const lab = new Lab({ synchronousStandbyNames: 'ANY 1 ("postgres-cluster-1","postgres-cluster-2")' })
    const could = () => lab.cluster.truth.couldAcknowledge()
    expect(could()).toEqual(['postgres-cluster-0'])
    const first = lab.cutOff(1)
    expect(could()).toEqual(['postgres-cluster-0'])
    lab.cutOff(2)
    expect(could()).toEqual([])
    first()
    lab.wait(10 * SECOND)
    expect(could()).toEqual(['postgres-cluster-0'])
  })

  it('a reload with a value that cannot be read keeps the list that was (PG-CONF-1)', () => {
    const lab = new Lab({ synchronousStandbyNames: 'ANY 1 ("postgres-cluster-1","postgres-cluster-2")' })
    lab.write(0, 'postgresql.conf', "synchronous_standby_names = 'ANY 1 (postgres-cluster-1)'")
    lab.sql(0, 'SELECT pg_reload_conf()')
    lab.wait(SECOND)
    expect(lab.sql(0, 'SELECT DISTINCT sync_state FROM pg_stat_replication')).toBe('quorum')
  })
})
