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

describe('a delayed member', () => {
  const acked = (lab: Lab, seconds: number): number => {
    const before = lab.acked()
    lab.wait(seconds * SECOND)
    return lab.acked() - before
  }

  test('MG-SYNC-6: has everything so much later, and nobody waits for it while there are others', () => {
    const lab = under({ delays: [0, 0, 20] })
    lab.wait(60 * SECOND)
    expect(lab.mongod(2).syncing.lagUs() / SECOND).toBeCloseTo(20, 0)
    expect(lab.mongod(1).syncing.lagUs() / SECOND).toBeLessThan(1)
    expect(acked(lab, 10)).toBeGreaterThan(4_900)
    expect(lab.sh(0, 'rs.conf().members[2].secondaryDelaySecs + " " + rs.conf().members[2].priority').out).toBe('20 0\n')
  })

  test('MG-SYNC-6: the only other one with data: a majority is acknowledged when it has it; its vote counts at once', () => {
    const lab = under({ delays: [0, 0, 20], writeConcern: 'majority' })
    lab.wait(40 * SECOND)
    lab.kill(1, 600 * SECOND)
    lab.wait(2 * SECOND)
    expect(acked(lab, 15)).toBeLessThan(100)
    // Forty connections, of which each waits for its own.
    expect(acked(lab, 20)).toBeGreaterThan(30)
    expect(lab.state(0)).toBe('PRIMARY')
    const votes = under({ delays: [0, 0, 600], writeConcern: 1 })
    votes.wait(20 * SECOND)
    votes.kill(0, 600 * SECOND)
    expect(votes.until(() => votes.primary()?.name === 'mongo-1', 14 * SECOND, 100_000) / SECOND).toBeLessThan(13)
  })

  test('MG-SYNC-6: made so and undone by a new configuration; its priority has to be 0', () => {
    const lab = under()
    const config = (what: string): string => lab.sh(0, `const c = rs.conf(); ${what}; rs.reconfig(c).ok`).err
    expect(config('c.members[2].secondaryDelaySecs = 30')).toContain('priority must be 0 when secondaryDelaySecs is used')
    expect(config('c.members[2].secondaryDelaySecs = 30; c.members[2].priority = 0')).toBe('')
    lab.wait(60 * SECOND)
    expect(lab.mongod(2).syncing.lagUs() / SECOND).toBeCloseTo(30, 0)
    expect(config('c.members[2].secondaryDelaySecs = 0')).toBe('')
    lab.wait(20 * SECOND)
    expect(lab.mongod(2).syncing.lagUs() / SECOND).toBeLessThan(1)
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

  /** How often it begins, and how long it takes, when its source is killed for so long after 20 s of some 50. */
  const interrupted = (setting: Setting, awaySeconds: number): { times: number; seconds: number } => {
    const lab = under({ storage: 'emptyDir', databaseMB: 3000, ...setting })
    lab.run('kubectl', 'delete', 'pod', 'mongo-2')
    lab.until(() => lab.told('mongodb.initial-sync').length === 1, 90 * SECOND, 100_000)
    const from = lab.now
    lab.wait(20 * SECOND)
    if (awaySeconds > 0) lab.kill(0, awaySeconds * SECOND)
    lab.until(() => lab.state(2) === 'SECONDARY', 600 * SECOND, 100_000)
    return { times: lab.told('mongodb.initial-sync').filter(text => text.includes('begins')).length, seconds: (lab.now - from) / SECOND }
  }

  test('MG-SYNC-4: while its source is away it waits for it, and goes on where it was', () => {
    // A volume of its own, so that the source comes back with its data.
    const wiped = (setting: Setting, awaySeconds: number): { times: number; seconds: number } => {
      const lab = under({ databaseMB: 3000, ...setting })
      lab.run('kubectl', 'delete', 'pvc', 'data-mongo-2', '--wait=false')
      lab.run('kubectl', 'delete', 'pod', 'mongo-2')
      lab.until(() => lab.told('mongodb.initial-sync').length === 1, 200 * SECOND, 100_000)
      const from = lab.now
      lab.wait(20 * SECOND)
      if (awaySeconds > 0) lab.kill(0, awaySeconds * SECOND)
      lab.until(() => lab.state(2) === 'SECONDARY', 900 * SECOND, 100_000)
      return { times: lab.told('mongodb.initial-sync').filter(text => text.includes('begins')).length, seconds: (lab.now - from) / SECOND }
    }
    const plain = wiped({}, 0)
    const short = wiped({}, 5)
    expect([plain.times, short.times]).toEqual([1, 1])
    expect(short.seconds - plain.seconds).toBeGreaterThan(4)
    expect(short.seconds - plain.seconds).toBeLessThan(40)
    // Before 4.4 it begins anew: the 20 s are in vain.
    expect(wiped({ image: 'mongo:4.2.24', targetImage: null, fcv: '4.2' }, 5).times).toBe(2)
  })

  test('MG-SYNC-4: its source comes back without its data: it begins anew from another', () => {
    expect(interrupted({ members: 5 }, 0).times).toBe(1)
    const lab = under({ storage: 'emptyDir', databaseMB: 3000, members: 5, spareNodes: 1 })
    lab.run('kubectl', 'delete', 'pod', 'mongo-2')
    lab.until(() => lab.told('mongodb.initial-sync').length === 1, 90 * SECOND, 100_000)
    lab.wait(20 * SECOND)
    lab.run('kubectl', 'delete', 'pod', 'mongo-0')
    lab.until(() => lab.state(2) === 'SECONDARY', 900 * SECOND, 100_000)
    expect(lab.told('mongodb.initial-sync').filter(text => text.startsWith('mongo-2 begins')).length).toBe(2)
  })

  test('MG-SYNC-4: an oplog shorter than the copying is enough; one that has gone on past what was fetched is not', () => {
    // 1 MB/s: 30 s, where copying takes some 50.
    expect(interrupted({ oplogMB: 30 }, 0).times).toBe(1)
    const cut = (oplogMB: number): number => {
      const lab = under({ storage: 'emptyDir', databaseMB: 3000, oplogMB, members: 5 })
      lab.run('kubectl', 'delete', 'pod', 'mongo-2')
      lab.until(() => lab.told('mongodb.initial-sync').length === 1, 90 * SECOND, 100_000)
      lab.wait(20 * SECOND)
      const away = lab.cutOff(2)
      lab.wait(60 * SECOND)
      away()
      lab.until(() => lab.state(2) === 'SECONDARY', 600 * SECOND, 100_000)
      return lab.told('mongodb.initial-sync').filter(text => text.includes('begins')).length
    }
    expect(cut(30)).toBe(2)
    expect(cut(200)).toBe(1)
  })

  test('MG-SYNC-4: it begins anew, from nothing, when the feature compatibility version is set meanwhile', () => {
    const begun = (set: boolean): { times: number; us: number } => {
      const lab = under({ storage: 'emptyDir', databaseMB: 3000, image: 'mongo:8.0.4', targetImage: null, fcv: '7.0' })
      lab.run('kubectl', 'delete', 'pod', 'mongo-2')
      lab.until(() => lab.told('mongodb.initial-sync').length === 1, 90 * SECOND, 100_000)
      const from = lab.now
      lab.wait(20 * SECOND)
      if (set) expect(lab.sh(0, "db.adminCommand({setFeatureCompatibilityVersion: '8.0', confirm: true}).ok").out).toBe('1\n')
      lab.until(() => lab.state(2) === 'SECONDARY', 300 * SECOND, 100_000)
      return { times: lab.told('mongodb.initial-sync').filter(text => text.includes('begins')).length, us: lab.now - from }
    }
    const [plain, again] = [begun(false), begun(true)]
    expect(plain.times).toBe(1)
    // Once for each of the two entries.
    expect(again.times).toBeGreaterThanOrEqual(2)
    expect((again.us - plain.us) / SECOND).toBeGreaterThan(18)
  })
})
