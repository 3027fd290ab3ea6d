/** Logical replication between two clusters: what a subscription holds, what stops it, and what a switch without a fence costs. */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab, WRITERS } from './lab.ts'

const LOAD = { ...WRITERS, loop: 'open' as const, writesPerSecond: 500, connections: 20, timeoutUs: 5 * SECOND }
const BLUE = 'blue-db-0'
const GREEN = 'green-db-0'
const RW = 'SET default_transaction_read_only = off'
const SUBSCRIBE = "CREATE SUBSCRIPTION green CONNECTION 'host=blue-db-0.blue-db dbname=appdb user=replicator' PUBLICATION upgrade"

/** Blue with clients, green beside it; 20 MB, so that copying takes a moment. */
function pair(setting: Record<string, unknown> = {}, readOnly = true): Lab {
  const lab = new Lab({ name: 'blue-db', members: 1, service: 'database', serviceSelects: 'pod-name', image: 'postgres:16.9', targetImage: 'postgres:17.5', targetKubernetesVersion: null, databaseMB: 600, green: { name: 'green-db', readOnly }, ...setting })
  lab.run('kubectl', 'scale', 'statefulset', 'green-db', '--replicas=1')
  lab.until(() => lab.running(GREEN) && lab.ready(GREEN))
  return lab
}

/** The same with the subscription in place. */
function following(setting: Record<string, unknown> = {}, readOnly = true): Lab {
  return subscribed(pair(setting, readOnly))
}

function subscribed(lab: Lab): Lab {
  lab.clients(LOAD)
  lab.sql(BLUE, 'CREATE PUBLICATION upgrade FOR ALL TABLES')
  lab.sql(GREEN, RW, SUBSCRIBE)
  lab.until(() => state(lab) === 'r')
  lab.wait(3 * SECOND)
  return lab
}

const state = (lab: Lab): string => lab.sql(GREEN, 'SELECT srsubstate FROM pg_subscription_rel')
const missing = (lab: Lab, pod: string): number => lab.cluster.world.log.ledger.beyond(lab.server(pod).dir.histories).reduce((sum, { writes }) => sum + writes, 0)
const error = (lab: Lab, pod: string, ...statements: string[]): string => lab.exec(pod, 'psql', '-U', 'postgres', ...statements.flatMap(s => ['-c', s])).err.trim()

describe('what a subscription holds', () => {
  it('a copy of what was there, then each commit after it; interrupted, the copy begins again (PG-LOGICAL-1)', () => {
    const lab = pair()
    lab.clients(LOAD)
    lab.wait(2 * SECOND)
    lab.sql(BLUE, 'CREATE PUBLICATION upgrade FOR ALL TABLES')
    lab.sql(GREEN, RW, SUBSCRIBE)
    lab.wait(2 * SECOND)
    expect(state(lab)).toBe('d')
    // Nothing of it counts before all of it is there.
    expect(missing(lab, GREEN)).toBe(lab.acked())
    const cut = lab.cutOff(BLUE)
    lab.wait(2 * SECOND)
    expect(state(lab)).toBe('i')
    cut()
    const fromUs = lab.now
    lab.until(() => state(lab) === 'r')
    // 600 MB at 120 MB/s, all of it, after the retry.
    expect(lab.now - fromUs).toBeGreaterThan(5 * SECOND)
    lab.wait(3 * SECOND)
    expect(missing(lab, GREEN)).toBeLessThan(30)
  })

  it('a slot is made once the longest open transaction has ended (PG-LOGICAL-2)', () => {
    const lab = pair()
    lab.clients(LOAD)
    lab.sql(BLUE, 'CREATE PUBLICATION upgrade FOR ALL TABLES')
    lab.strike('long-transaction', `member:${BLUE}`, 8 * SECOND)
    expect(lab.exec(GREEN, 'psql', '-U', 'postgres', '-c', RW, '-c', SUBSCRIBE).us).toBeGreaterThan(7 * SECOND)
  })

  it('what blue wrote last is confirmed by position; a small lag still lacks writes (PG-LOGICAL-3)', () => {
    const lab = following()
    expect(missing(lab, GREEN)).toBeGreaterThan(0)
    expect(Number(lab.sql(BLUE, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) FROM pg_replication_slots WHERE slot_name = 'green'"))).toBeLessThan(100_000)
    lab.sql(BLUE, "ALTER SYSTEM SET default_transaction_read_only = 'on'", 'SELECT pg_reload_conf()')
    lab.wait(SECOND)
    const end = lab.sql(BLUE, 'SELECT pg_current_wal_lsn()')
    lab.wait(SECOND)
    expect(lab.sql(BLUE, `SELECT confirmed_flush_lsn >= '${end}' FROM pg_replication_slots WHERE slot_name = 'green'`)).toBe('t')
    expect(missing(lab, GREEN)).toBe(0)
    expect(lab.sql(BLUE, "SELECT slot_type, plugin, active FROM pg_replication_slots")).toBe('logical|pgoutput|t')
  })

  it('green takes writes of clients all the while; both stand side by side, and blue never gets them (PG-LOGICAL-4)', () => {
    const lab = following({}, false)
    expect(lab.cluster.truth.couldAcknowledge()).toEqual([BLUE, GREEN])
    lab.sql(BLUE, 'CREATE TABLE t (n int4)')
    lab.sql(GREEN, 'CREATE TABLE t (n int4)', 'INSERT INTO t VALUES (1)')
    lab.sql(BLUE, 'INSERT INTO t VALUES (2)')
    lab.wait(2 * SECOND)
    expect(lab.sql(GREEN, 'SELECT n FROM t ORDER BY n')).toBe('1\n2')
    expect(lab.sql(BLUE, 'SELECT n FROM t ORDER BY n')).toBe('2')
  })

  it('a subscription without a copy holds what comes after it and nothing before', () => {
    const lab = pair()
    lab.clients(LOAD)
    lab.wait(3 * SECOND)
    lab.sql(BLUE, 'CREATE PUBLICATION upgrade FOR ALL TABLES')
    const before = lab.acked()
    lab.sql(GREEN, RW, `${SUBSCRIBE} WITH (copy_data = false)`)
    lab.wait(5 * SECOND)
    expect(missing(lab, GREEN)).toBeGreaterThanOrEqual(before)
    expect(missing(lab, GREEN)).toBeLessThan(before + 250)
  })
})

describe('standbys of the subscriber', () => {
  const [ONE, TWO] = ['green-db-1', 'green-db-2']
  /** Green with one standby, which was there before the subscription. */
  function redundant(setting: Record<string, unknown> = {}): Lab {
    const lab = pair({ members: 3, green: { name: 'green-db', standbys: true }, ...setting })
    lab.run('kubectl', 'scale', 'statefulset', 'green-db', '--replicas=2')
    lab.until(() => lab.running(ONE) && lab.server(ONE).receiver?.streaming === true)
    return subscribed(lab)
  }

  it('get what is applied by streaming its WAL, the initial copy included, and after it (PG-LOGICAL-10)', () => {
    const lab = redundant()
    expect(missing(lab, ONE)).toBeLessThan(60)
    expect(missing(lab, ONE)).toBeGreaterThanOrEqual(missing(lab, GREEN))
    // Cut off from green it stands still while green goes on; afterwards it has all again.
    const heal = lab.cutOff(ONE)
    lab.wait(5 * SECOND)
    expect(missing(lab, ONE)).toBeGreaterThan(2_000)
    expect(missing(lab, GREEN)).toBeLessThan(60)
    heal()
    lab.wait(20 * SECOND)
    expect(missing(lab, ONE)).toBeLessThan(60)
    expect(lab.cluster.truth.members().filter(({ merged, role, name }) => name.startsWith('green') && (role === 'leader' || merged !== undefined)).map(({ name }) => name)).toEqual([ONE])
  })

  it('wait for the WAL of the initial copy, too, and are no copy of anything before it is there (PG-LOGICAL-10)', () => {
    // 600 MB at 120 MB/s for the subscriber, at 20 MB/s for its standby.
    const lab = redundant({ timing: { replicationMBps: 20 } })
    expect(missing(lab, GREEN)).toBeLessThan(60)
    expect(missing(lab, ONE)).toBeGreaterThan(2_000)
    lab.wait(15 * SECOND)
    expect(missing(lab, ONE)).toBeGreaterThan(2_000)
    lab.wait(15 * SECOND)
    expect(missing(lab, ONE)).toBeLessThan(60)
  })

  it('clone an empty database in no time, and a filled one in as long as its size takes (PG-CLONE-3)', () => {
    const took = (filled: boolean): number => {
      const lab = pair({ members: 3, databaseMB: 5_000, green: { name: 'green-db', standbys: true } })
      if (filled) subscribed(lab)
      const fromUs = lab.now
      lab.run('kubectl', 'scale', 'statefulset', 'green-db', '--replicas=2')
      lab.until(() => lab.running(ONE) && lab.server(ONE).receiver?.streaming === true)
      return (lab.now - fromUs) / SECOND
    }
    const [empty, full] = [took(false), took(true)]
    expect(full - empty).toBeGreaterThan(8)
  })

  it('a new one brings what was merged along with its base backup, and holds nothing of it before (PG-LOGICAL-10, PG-CLONE-3)', () => {
    const lab = redundant()
    lab.run('kubectl', 'scale', 'statefulset', 'green-db', '--replicas=3')
    lab.until(() => lab.running(TWO) && lab.server(TWO).receiver?.streaming === true)
    lab.wait(2 * SECOND)
    expect(missing(lab, TWO)).toBeLessThan(60)
    expect(lab.server(TWO).dir.systemId).toBe(lab.server(GREEN).dir.systemId)
  })

  it('cannot be promoted while there is the subscription: that is not modelled, and said; without it they lead with all that was merged', () => {
    const lab = redundant()
    expect(() => lab.sql(ONE, 'SELECT pg_promote()')).toThrow('promoting green-db-1, a standby of green-db-0, while that has the subscription green is not modelled')
    lab.sql(BLUE, "ALTER SYSTEM SET default_transaction_read_only = 'on'", 'SELECT pg_reload_conf()')
    lab.wait(2 * SECOND)
    lab.sql(GREEN, RW, 'DROP SUBSCRIPTION green')
    lab.wait(2 * SECOND)
    expect(lab.sql(ONE, 'SELECT pg_promote()')).toBe('t')
    expect(missing(lab, ONE)).toBe(0)
  })
})

describe('what stops it', () => {
  it('comes back 5 s after its last start, when the publisher does (PG-LOGICAL-5)', () => {
    const lab = following()
    const heal = lab.cutOff(BLUE)
    lab.wait(SECOND)
    expect(lab.sql(GREEN, 'SELECT count(pid) FROM pg_stat_subscription')).toBe('0')
    heal()
    expect(lab.until(() => lab.sql(GREEN, 'SELECT count(pid) FROM pg_stat_subscription') === '1', 10 * SECOND)).toBeLessThan(6 * SECOND)
  })

  it('a publisher that stops sends it everything first, however late it is; one that confirms nothing is given up after wal_sender_timeout; a killed one sends no more (PG-LOGICAL-11)', () => {
    const gone = (lab: Lab, limitUs = 120 * SECOND): number => lab.until(() => !lab.running(BLUE), limitUs) / SECOND
    const late = following()
    late.strike('replication-lag', `member:${GREEN}`, 10 * SECOND, 5 * SECOND)
    late.wait(10 * SECOND)
    expect(missing(late, GREEN)).toBeGreaterThan(2_000)
    late.server(BLUE).shutdown('fast')
    expect(gone(late)).toBeGreaterThan(3)
    expect(missing(late, GREEN)).toBe(0)
    expect(late.told('postgres.subscription-lost').at(-1)).toContain('the publisher went away')
    const stalled = following()
    stalled.strike('replay-stall', `member:${GREEN}`)
    stalled.wait(2 * SECOND)
    stalled.server(BLUE).shutdown('fast')
    const waited = gone(stalled)
    expect(waited).toBeGreaterThan(60)
    expect(waited).toBeLessThan(63)
    expect(missing(stalled, GREEN)).toBeGreaterThan(500)
    const killed = following()
    killed.strike('replication-lag', `member:${GREEN}`, 10 * SECOND, 5 * SECOND)
    killed.wait(10 * SECOND)
    killed.server(BLUE).shutdown('immediate')
    killed.wait(SECOND)
    expect(missing(killed, GREEN)).toBeGreaterThan(2_000)
    // A copy that is not whole is broken off: there is nothing to wait for.
    const copying = pair()
    copying.clients(LOAD)
    copying.sql(BLUE, 'CREATE PUBLICATION upgrade FOR ALL TABLES')
    copying.sql(GREEN, RW, SUBSCRIBE)
    copying.wait(2 * SECOND)
    expect(state(copying)).toBe('d')
    copying.server(BLUE).shutdown('fast')
    expect(copying.told('postgres.subscription-lost').at(-1)).toContain('the publisher went away')
    expect(gone(copying)).toBeLessThan(3)
    // One that is later than the time-out, and gets on all the while, is waited for.
    const slow = following()
    slow.strike('replication-lag', `member:${GREEN}`, 300 * SECOND, 90 * SECOND)
    slow.wait(120 * SECOND)
    slow.server(BLUE).shutdown('fast')
    expect(gone(slow)).toBeGreaterThan(80)
    expect(missing(slow, GREEN)).toBe(0)
  })

  it('a row for a table that green lacks, until the table is there (PG-LOGICAL-6)', () => {
    const lab = following()
    lab.sql(BLUE, 'CREATE TABLE marker (n int4)')
    lab.wait(2 * SECOND)
    expect(lab.sql(GREEN, 'SELECT count(pid) FROM pg_stat_subscription')).toBe('1')
    lab.sql(BLUE, 'INSERT INTO marker VALUES (1)')
    lab.wait(2 * SECOND)
    expect(lab.sql(GREEN, 'SELECT count(pid) FROM pg_stat_subscription')).toBe('0')
    expect(lab.told('postgres.subscription-lost').at(-1)).toContain('logical replication target relation "public.marker" does not exist')
    lab.sql(GREEN, RW, 'CREATE TABLE marker (n int4)')
    lab.wait(7 * SECOND)
    expect(lab.sql(GREEN, 'SELECT n FROM marker')).toBe('1')
  })

  it('DROP needs the publisher, or a subscription that has let go of its slot (PG-LOGICAL-7)', () => {
    const lab = following()
    const heal = lab.cutOff(BLUE)
    lab.wait(2 * SECOND)
    expect(error(lab, GREEN, RW, 'DROP SUBSCRIPTION green')).toContain('could not connect to publisher when attempting to drop replication slot "green"')
    expect(error(lab, GREEN, RW, 'ALTER SUBSCRIPTION green SET (slot_name = NONE)')).toContain('cannot set slot_name = NONE for enabled subscription')
    lab.sql(GREEN, RW, 'ALTER SUBSCRIPTION green DISABLE')
    lab.sql(GREEN, RW, 'ALTER SUBSCRIPTION green SET (slot_name = NONE)')
    lab.sql(GREEN, RW, 'DROP SUBSCRIPTION green')
    heal()
    expect(lab.sql(BLUE, 'SELECT slot_name, active FROM pg_replication_slots')).toBe('green|f')
  })

  it('a read-only green refuses commands, unless the session says otherwise, and goes on applying (PG-LOGICAL-8)', () => {
    const lab = following()
    expect(error(lab, GREEN, 'CREATE TABLE t (n int4)')).toContain('cannot execute CREATE TABLE in a read-only transaction')
    expect(error(lab, GREEN, 'DROP SUBSCRIPTION green')).toContain('cannot execute DROP SUBSCRIPTION in a read-only transaction')
    const before = Number(lab.sql(GREEN, "SELECT pg_wal_lsn_diff(latest_end_lsn, '0/0') FROM pg_stat_subscription"))
    lab.wait(SECOND)
    expect(Number(lab.sql(GREEN, "SELECT pg_wal_lsn_diff(latest_end_lsn, '0/0') FROM pg_stat_subscription"))).toBeGreaterThan(before)
    expect(lab.cluster.truth.couldAcknowledge()).toEqual([BLUE])
  })

  it('the two majors beside one another are no unsupported mixture (PG-LOGICAL-9)', () => {
    const lab = following()
    expect([lab.sql(BLUE, 'SHOW server_version'), lab.sql(GREEN, 'SHOW server_version')]).toEqual(['16.9', '17.5'])
    expect(lab.cluster.truth.forbiddenSkew()).toEqual([])
  })

  it('each fault of replication strikes it: late, standing still, its slot gone', () => {
    const lab = following()
    const late = lab.strike('replication-lag', `member:${GREEN}`, 10 * SECOND, 5 * SECOND)
    lab.wait(10 * SECOND)
    expect(missing(lab, GREEN)).toBeGreaterThan(2_000)
    late.end()
    lab.wait(8 * SECOND)
    expect(missing(lab, GREEN)).toBeLessThan(50)
    const stall = lab.strike('replay-stall', `member:${GREEN}`)
    lab.wait(4 * SECOND)
    expect(missing(lab, GREEN)).toBeGreaterThan(1_500)
    stall.end()
    lab.wait(3 * SECOND)
    expect(missing(lab, GREEN)).toBeLessThan(50)
    lab.strike('slot-lost', `member:${GREEN}`)
    lab.wait(8 * SECOND)
    expect(lab.sql(GREEN, 'SELECT count(pid) FROM pg_stat_subscription')).toBe('0')
    expect(lab.sql(BLUE, 'SELECT wal_status FROM pg_replication_slots')).toBe('lost')
  })
})

describe('a circle', () => {
  it('is refused unless changes carry their origin', () => {
    const lab = following()
    lab.sql(GREEN, RW, 'CREATE PUBLICATION back FOR ALL TABLES')
    const back = "CREATE SUBSCRIPTION blue CONNECTION 'host=green-db-0.green-db dbname=appdb' PUBLICATION back WITH (copy_data = false)"
    expect(() => lab.sql(BLUE, back)).toThrow('two subscriptions in a circle send each change round and round')
    lab.sql(BLUE, back.replace('false)', 'false, origin = none)'))
  })
})
