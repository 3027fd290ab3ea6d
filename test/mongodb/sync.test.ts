/** How members get their data: rules MG-SYNC-…, MG-OPLOG-…, MG-READY-1. */
import { describe, expect, test } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const under = (setting: Setting = {}, load = {}): Lab => {
  const lab = new Lab(setting)
  lab.clients(load)
  lab.wait(2 * SECOND)
  return lab
}

describe('sync sources', () => {
  test('MG-SYNC-1, MG-SYNC-2: from the primary; from a secondary that is ahead where the primary is out of reach and chaining allowed', () => {
    const lab = under()
    expect(lab.mongod(2).syncing.source?.name).toBe('mongo-0')
    const strike = lab.strike('partition-pair', 'pair:mongo-0~mongo-2', 60 * SECOND)
    lab.wait(20 * SECOND)
    expect(lab.mongod(2).syncing.source?.name).toBe('mongo-1')
    expect(lab.mongod(2).syncing.lagUs()).toBeLessThan(SECOND)
    strike.end()
    lab.wait(5 * SECOND)
    expect(lab.mongod(2).syncing.source?.name).toBe('mongo-0')
    const without = under({ chainingAllowed: false })
    without.strike('partition-pair', 'pair:mongo-0~mongo-2', 60 * SECOND)
    without.wait(20 * SECOND)
    expect(without.mongod(2).syncing.source).toBeUndefined()
  })

  test('MG-SYNC-2: cut off from their primary, all the others come level with the furthest of them, whoever takes from whom meanwhile', () => {
    for (const seed of ['1', '2', '3', '4', '5', '6']) {
      const lab = under({ members: 5, seed })
      lab.strike('partition', `node:${lab.mongod(0).place}`, 60 * SECOND)
      lab.wait(2 * SECOND)
      const ends = [1, 2, 3, 4].map(i => lab.mongod(i).copy?.lsn('apply'))
      expect(new Set(ends).size, seed).toBe(1)
    }
  })
})

describe('the oplog', () => {
  test('MG-OPLOG-1, MG-OPLOG-2: who was away for longer than it reaches back is too stale, and stays RECOVERING', () => {
    const away = (oplogMB: number): string => {
      const lab = under({ oplogMB })
      lab.kill(2, 40 * SECOND)
      lab.wait(120 * SECOND)
      return lab.state(2)
    }
    // 1 MB/s.
    expect(away(30)).toBe('RECOVERING')
    expect(away(200)).toBe('SECONDARY')
    const lab = under({ oplogMB: 3600 })
    expect(Number(lab.sh(0, 'db.getReplicationInfo().timeDiffHours').out)).toBeCloseTo(1, 1)
  })
})

describe('initial sync', () => {
  test('MG-SYNC-3, MG-READY-1: an empty dbpath copies everything; a TCP probe is Ready meanwhile, one that asks for the state is not', () => {
    for (const readiness of ['tcp', 'member-state']) {
      const lab = under({ storage: 'emptyDir', databaseMB: 3000, readiness })
      lab.run('kubectl', 'delete', 'pod', 'mongo-2')
      lab.until(() => lab.state(2) === 'STARTUP2', 90 * SECOND, 100_000)
      lab.wait(20 * SECOND)
      expect(lab.state(2)).toBe('STARTUP2')
      expect(lab.cluster.kubernetes.pod('mongo-2')?.ready).toBe(readiness === 'tcp')
      // It has its vote all the time.
      expect(lab.sh(0, 'rs.status().votingMembersCount').out).toBe('3\n')
      const us = lab.until(() => lab.state(2) === 'SECONDARY', 300 * SECOND, 100_000)
      // 3 GB at 60 MB/s.
      expect(us / SECOND).toBeGreaterThan(20)
      expect(us / SECOND).toBeLessThan(60)
      expect(lab.mongod(2).copy?.root()).toBe(lab.mongod(0).copy)
    }
  })

  test('MG-SYNC-4: it begins anew when its source goes away, and when the oplog does not reach back', () => {
    const lab = under({ storage: 'emptyDir', databaseMB: 3000 })
    lab.run('kubectl', 'delete', 'pod', 'mongo-2')
    lab.until(() => lab.told('mongodb.initial-sync').length === 1, 90 * SECOND, 100_000)
    lab.wait(20 * SECOND)
    lab.kill(0, 5 * SECOND)
    lab.until(() => lab.told('mongodb.initial-sync').length === 2, 90 * SECOND, 100_000)
    lab.until(() => lab.state(2) === 'SECONDARY', 300 * SECOND, 100_000)
    const short = under({ storage: 'emptyDir', databaseMB: 3000, oplogMB: 30 })
    short.run('kubectl', 'delete', 'pod', 'mongo-2')
    short.wait(300 * SECOND)
    expect(short.state(2)).toBe('STARTUP2')
    expect(short.told('mongodb.initial-sync').length).toBeGreaterThan(2)
  })
})
