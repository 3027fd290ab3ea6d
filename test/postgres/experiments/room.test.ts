/** What must be kept of the WAL has to fit on the volume (rule PG-DISK-3), and what slots hold of it (PG-SLOT-5; facts §1.6, PG-T61). */
import { describe, expect, it } from 'vitest'
import { postgres, postgresOptions } from '../../../models/postgres/index.ts'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab } from './lab.ts'

const MB = 1_000_000
/** 200 MB beside a database of 500 MB; what max_wal_size lets a primary keep by itself fits. */
const SMALL = { databaseMB: 500, diskMB: 700, members: 2, checkpointTimeoutSeconds: 30, maxWalSizeMB: 100 }
/** A megabyte of WAL a second. */
const LOAD = { loop: 'open', writesPerSecond: 1_000, bytesPerWrite: 1_000, readsPerSecond: 0 } as const
const NO_ROOM = 'No space left on device'

function died(lab: Lab, pod: number): boolean {
  return lab.told('postgres.crashed').some(text => text.includes(`postgres-cluster-${pod} died`) && text.includes(NO_ROOM))
}

/** Seconds until a member's volume was full; undefined when that did not come. */
function fullAfter(lab: Lab, pod: number, limitSeconds: number): number | undefined {
  const from = lab.now
  for (let s = 0; s < limitSeconds; s++) {
    lab.wait(SECOND)
    if (died(lab, pod)) return (lab.now - from) / SECOND
  }
  return undefined
}

describe('room for WAL', () => {
  it('the slot of a standby that is away fills the primary’s volume: room over rate, and no restart makes room', () => {
    const lab = new Lab({ ...SMALL, slots: true })
    lab.clients(LOAD)
    lab.wait(5 * SECOND)
    lab.cutOff(1)
    lab.run('kubectl', 'delete', 'pod', 'postgres-cluster-1', '--force', '--grace-period=0')
    const after = fullAfter(lab, 0, 400) ?? Number.NaN
    // 200 s for 200 MB, but what is written beside the clients' rows comes on top.
    expect(after).toBeGreaterThan(150)
    expect(after).toBeLessThan(205)
    lab.wait(60 * SECOND)
    expect(lab.running(0)).toBe(false)
    expect(lab.told('postgres.start-failed').at(-1)).toContain(NO_ROOM)
  })

  it('with max_slot_wal_keep_size the slot is lost instead, and without a slot nothing is held', () => {
    for (const setting of [{ slots: true, maxSlotWalKeepMB: 20 }, { slots: false }]) {
      const lab = new Lab({ ...SMALL, ...setting })
      lab.clients(LOAD)
      lab.wait(5 * SECOND)
      lab.cutOff(1)
      expect(fullAfter(lab, 0, 600)).toBeUndefined()
      expect(lab.running(0)).toBe(true)
    }
  })

  it('a standby that streams holds nothing, however long', () => {
    const lab = new Lab({ ...SMALL, slots: true })
    lab.clients(LOAD)
    expect(fullAfter(lab, 0, 600)).toBeUndefined()
    expect(died(lab, 1)).toBe(false)
  })

  it('a paused replay fills the standby’s own volume; started again it replays, and lives', () => {
    const lab = new Lab(SMALL)
    lab.clients(LOAD)
    lab.wait(2 * SECOND)
    lab.sql(1, 'SELECT pg_wal_replay_pause()')
    const after = fullAfter(lab, 1, 400) ?? Number.NaN
    expect(after).toBeGreaterThan(150)
    expect(after).toBeLessThan(205)
    expect(died(lab, 0)).toBe(false)
    lab.wait(60 * SECOND)
    expect(lab.running(1)).toBe(true)
    const { copy } = lab.server(1)
    expect((copy.lsn('flush') - copy.lsn('apply')) / MB).toBeLessThan(1)
  })

  it('a slot made by hand and never used holds from then on if it was told to reserve, else not', () => {
    for (const [reserve, full] of [['true', true], ['false', false]] as const) {
      const lab = new Lab(SMALL)
      lab.clients(LOAD)
      lab.sql(0, `SELECT pg_create_physical_replication_slot('forgotten', ${reserve})`)
      expect(fullAfter(lab, 0, 300) !== undefined).toBe(full)
    }
  })

  it('one that was made without reserving holds nothing until its standby streams through it, then also while that is away (PG-SLOT-5)', () => {
    const lab = new Lab(SMALL)
    lab.clients(LOAD)
    const asked = (column: string) => lab.sql(0, `SELECT ${column} FROM pg_replication_slots WHERE slot_name = 'postgres_cluster_1'`)
    lab.sql(0, "SELECT pg_create_physical_replication_slot('postgres_cluster_1')")
    expect([asked('restart_lsn'), asked('wal_status')]).toEqual(['', ''])
    lab.sql(1, "ALTER SYSTEM SET primary_slot_name = 'postgres_cluster_1'", 'SELECT pg_reload_conf()')
    lab.wait(10 * SECOND)
    expect([asked('active'), asked('wal_status')]).toEqual(['t', 'reserved'])
    lab.cutOff(1)
    // The walsender gives up after a minute; the slot stays where the standby was.
    const after = fullAfter(lab, 0, 400) ?? Number.NaN
    expect(after).toBeGreaterThan(150)
    expect(after).toBeLessThan(205)
  })

  it('under Patroni the slots of whoever follows hold nothing of its own, those of whoever leads hold from where each member is', () => {
    const lab = new Lab({ ...SMALL, members: 3, patroni: {}, diskMB: 2_000 })
    lab.clients(LOAD)
    const restart = (pod: number, of: number) => lab.sql(pod, `SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'postgres_cluster_${of}'`)
    expect([restart(1, 0), restart(1, 2)]).toEqual(['', ''])
    lab.cutOff(2)
    lab.wait(120 * SECOND)
    const done = lab.exec(0, 'patronictl', 'switchover', 'postgres-cluster', '--leader', 'postgres-cluster-0', '--candidate', 'postgres-cluster-1', '--force')
    expect(done.code).toBe(0)
    lab.wait(60 * SECOND)
    // What the member that is away needs is kept by the new leader; the old one holds nothing any more.
    expect(Number(lab.sql(1, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots WHERE slot_name = 'postgres_cluster_2'")) / MB).toBeGreaterThan(100)
    expect([restart(0, 1), restart(0, 2)]).toEqual(['', ''])
  })

  it('where max_wal_size has no room the primary fills its volume alone', () => {
    const alone = (checkpointTimeoutSeconds: number) => {
      const lab = new Lab({ databaseMB: 500, diskMB: 700, members: 1, checkpointTimeoutSeconds })
      lab.clients(LOAD)
      return fullAfter(lab, 0, 500)
    }
    expect(alone(300)).toBeGreaterThan(150)
    expect(alone(60)).toBeUndefined()
  })

  it('nobody takes checkpoints while no server runs: what redo needs after a crash does not shrink by waiting', () => {
    const redo = (awaySeconds: number): number => {
      const lab = new Lab({ members: 1, databaseMB: 500, supervised: true, timing: { redoMBps: 10 } })
      lab.clients(LOAD)
      lab.wait(100 * SECOND)
      lab.exec(0, 'pg_ctl', 'stop', '-m', 'immediate', '-D', '/var/lib/postgresql/data')
      lab.wait(awaySeconds * SECOND)
      return lab.exec(0, 'pg_ctl', 'start', '-D', '/var/lib/postgresql/data', '-t', '600').us / SECOND
    }
    const soon = redo(5)
    expect(soon).toBeGreaterThan(9)
    expect(Math.abs(redo(1_200) - soon)).toBeLessThan(1)
  })

  it('nor does the time that a standby was away bring its next restartpoint nearer', () => {
    const lab = new Lab({ ...SMALL, supervised: true, checkpointTimeoutSeconds: 300, maxWalSizeMB: 1_000 })
    lab.clients(LOAD)
    lab.wait(100 * SECOND)
    lab.exec(1, 'pg_ctl', 'stop', '-m', 'immediate', '-D', '/var/lib/postgresql/data')
    lab.wait(1_200 * SECOND)
    lab.exec(1, 'pg_ctl', 'start', '-D', '/var/lib/postgresql/data', '-t', '600')
    lab.wait(10 * SECOND)
    const { dir } = lab.server(1)
    expect(dir.sinceCheckpointUs(lab.sim.now) / SECOND).toBeGreaterThan(100)
    expect(dir.sinceCheckpointUs(lab.sim.now) / SECOND).toBeLessThan(180)
  })

  it('a database that its volume cannot hold is no cluster', () => {
    const problems = (databaseMB: number) => postgres.problems(postgresOptions.parse({ databaseMB, diskMB: 700 })).map(({ path, message }) => `${path.join('.')}: ${message}`)
    expect(problems(699)).toEqual([])
    expect(problems(700)).toEqual([expect.stringMatching(/^databaseMB: a database of 700 MB does not fit on a volume of 700 MB; .*diskMB: 1400$/)])
  })

  it('a restart that is refused for hours takes none either', () => {
    const redo = (awaySeconds: number): number => {
      const lab = new Lab({ members: 1, databaseMB: 500, timing: { redoMBps: 10 } })
      lab.clients(LOAD)
      lab.wait(100 * SECOND)
      const full = lab.strike('disk-full', 'volume:postgres-cluster-0')
      lab.wait(awaySeconds * SECOND)
      full.end()
      lab.until(() => lab.told('postgres.started').length > lab.told('postgres.start-failed').length + 1, 600 * SECOND)
      return lab.until(() => lab.running(0) && lab.server(0).accepting, 600 * SECOND) / SECOND
    }
    const soon = redo(5)
    expect(soon).toBeGreaterThan(9)
    expect(Math.abs(redo(1_200) - soon)).toBeLessThan(1)
  })
})
