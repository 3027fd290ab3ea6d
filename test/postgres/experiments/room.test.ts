/** What must be kept of the WAL has to fit on the volume (rule PG-DISK-3; facts §1.6, PG-T61). */
import { describe, expect, it } from 'vitest'
import { SECOND } from '../../../src/kernel/index.ts'
import { Lab } from './lab.ts'

const MB = 1_000_000
/** 200 MB beside a database of 500 MB; a checkpoint every 30 s, or the primary alone would need more than that (max_wal_size). */
const SMALL = { databaseMB: 500, diskMB: 700, members: 2, checkpointTimeoutSeconds: 30 }
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
    for (const setting of [{ slots: true, maxSlotWalKeepMB: 20, maxWalSizeMB: 40 }, { slots: false }]) {
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
})
