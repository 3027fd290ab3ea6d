/** What is acknowledged, what survives, what is rolled back: rules MG-ACK-…, MG-DISK-…, MG-ROLLBACK-…, MG-FLOW-1. */
import { describe, expect, test } from 'vitest'
import { sessionState } from '../../models/mongodb/sessions.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { Lab, type Setting } from './lab.ts'

const under = (setting: Setting = {}, load = {}): Lab => {
  const lab = new Lab(setting)
  lab.clients(load)
  lab.wait(2 * SECOND)
  return lab
}
const flowing = (lab: Lab): boolean => lab.cluster.world.log.demands[0]?.flowing === true

describe('write concerns', () => {
  test('MG-ELECT-4: a member that is only starting, though it has more, is no copy that could have been reached when another was elected', () => {
    const lab = under({ writeConcern: 1, timing: { crashStartMs: 60_000 } })
    for (const late of [1, 2]) lab.strike('replication-lag', `member:mongo-${late}`, 60 * SECOND, 5 * SECOND)
    lab.wait(10 * SECOND)
    lab.kill(0, SECOND)
    lab.wait(2 * SECOND)
    lab.until(() => lab.primary() !== undefined)
    expect(lab.cluster.truth.promotions.at(-1)).toMatchObject({ furthestReachable: true })
  })

  test('MG-ACK-1: a majority needs a majority of the votes; w:2 any two; too few, and it waits', () => {
    const outage = (setting: Setting, down: readonly number[]): boolean => {
      const lab = under(setting)
      for (const i of down) lab.kill(i, 600 * SECOND)
      lab.wait(3 * SECOND)
      return flowing(lab)
    }
    expect(outage({ writeConcern: 'majority' }, [2])).toBe(true)
    expect(outage({ writeConcern: 'majority' }, [1, 2])).toBe(false)
    expect(outage({ writeConcern: 2 }, [2])).toBe(true)
    expect(outage({ writeConcern: 3 }, [2])).toBe(false)
    expect(outage({ writeConcern: 1 }, [1, 2])).toBe(true)
    expect(outage({ members: 5, writeConcern: 'majority' }, [3, 4])).toBe(true)
    expect(outage({ members: 5, writeConcern: 'majority' }, [2, 3, 4])).toBe(false)
    // Members without a vote do not count for a majority.
    expect(outage({ members: 5, votes: [1, 1, 1, 0, 0], writeConcern: 'majority' }, [1, 2])).toBe(false)
  })

  test('MG-READ-1: a primary out of touch with all the others answers its clients until it steps down, and only the latest one’s reads are held to be new', () => {
    const lab = under()
    for (const i of [1, 2]) lab.strike('partition-pair', `pair:mongo-0~mongo-${i}`, 60 * SECOND)
    const place = 'clients'
    lab.wait(5 * SECOND)
    expect([flowing(lab), sessionState(lab.mongod(0), place).is]).toEqual([false, 'writable'])
    lab.wait(10 * SECOND)
    expect(sessionState(lab.mongod(0), place).is).toBe('readOnly')
    expect(lab.cluster.truth.deposedAnswerReads).toBe(true)
  })

  test('MG-ACK-1: an arbiter votes and holds nothing: with the one secondary away a majority is never acknowledged', () => {
    const lab = under({ members: 2, arbiters: 1, writeConcern: 'majority' })
    expect(flowing(lab)).toBe(true)
    lab.kill(1, 600 * SECOND)
    lab.wait(30 * SECOND)
    expect([flowing(lab), lab.state(0)]).toEqual([false, 'PRIMARY'])
    expect(lab.sh(0, 'const s = rs.status(); `${s.majorityVoteCount} ${s.writeMajorityCount} ${s.votingMembersCount} ${s.writableVotingMembersCount}`').out).toBe('2 2 3 2\n')
  })

  test('MG-ACK-2: without a write concern it is majority, but w:1 with primary, secondary and arbiter', () => {
    const w = (setting: Setting): string => new Lab(setting).sh(0, 'const d = db.adminCommand({getDefaultRWConcern: 1}); d.defaultWriteConcern.w + " " + d.defaultWriteConcernSource').out
    expect(w({})).toBe('majority implicit\n')
    expect(w({ members: 2, arbiters: 1 })).toBe('1 implicit\n')
    expect(w({ members: 4, arbiters: 1 })).toBe('majority implicit\n')
    const lab = under({ members: 2, arbiters: 1 })
    lab.kill(1, 600 * SECOND)
    lab.wait(3 * SECOND)
    expect(flowing(lab)).toBe(true)
    expect(lab.sh(0, 'db.adminCommand({setDefaultRWConcern: 1, defaultWriteConcern: {w: "majority"}}).ok').out).toBe('1\n')
    lab.wait(SECOND)
    expect(flowing(lab)).toBe(false)
  })

  test('MG-ACK-3: over 30 killed primaries a majority loses nothing, w:1 loses some', () => {
    const lost = (writeConcern: 1 | 'majority'): number[] =>
      Array.from({ length: 30 }, (_, i) => {
        const lab = under({ seed: `k${i}`, writeConcern, journal: true }, { writesPerSecond: 3000, connections: 100 })
        lab.kill(0, 60 * SECOND)
        lab.until(() => lab.primary() !== undefined, 30 * SECOND, 50_000)
        return lab.lost()
      })
    expect(lost('majority').every(n => n === 0)).toBe(true)
    const one = lost(1)
    expect(one.some(n => n > 0)).toBe(true)
    // Milliseconds of writes, not seconds.
    expect(Math.max(...one)).toBeLessThan(100)
  })
})

describe('what a crash takes', () => {
  test('MG-DISK-1: a killed primary comes back without the last w:1 writes its journal did not have; with j:true it has them', () => {
    const gone = (journal: boolean): number => {
      const lab = under({ writeConcern: 1, journal }, { writesPerSecond: 5000, connections: 100 })
      const before = lab.mongod(0).copy?.lsn('receive') ?? 0
      const { copy } = lab.mongod(0)
      lab.kill(0, 60 * SECOND)
      return before - (copy?.lsn('flush') ?? 0)
    }
    expect(gone(true)).toBe(0)
    expect(gone(false)).toBeGreaterThan(0)
    expect(gone(false)).toBeLessThanOrEqual(5000 * 2000 * 0.1)
  })

  test('MG-DISK-2: a volume that lied goes back in time; one that is full ends the process', () => {
    const lab = under({ writeConcern: 1 })
    const { copy } = lab.mongod(0)
    const before = copy?.lsn('flush') ?? 0
    lab.strike('unsynced-writes-lost', 'member:mongo-0', 60 * SECOND, SECOND)
    expect(before - (copy?.lsn('flush') ?? 0)).toBeGreaterThan(400 * 2000)
    const full = under()
    full.strike('disk-full', 'volume:mongo-1', 60 * SECOND)
    expect(full.state(1)).toBe('DOWN')
  })
})

describe('rollback', () => {
  /** mongo-0 goes on acknowledging w:1 alone, then the others elect another and it comes back. */
  function parted(setting: Setting = {}): { lab: Lab; at: number } {
    const lab = under({ writeConcern: 1, ...setting })
    const at = lab.now
    const node = lab.node(0)
    const others = (place: string): boolean => place.startsWith('aks-') && place !== node
    const ends = [lab.cluster.world.network.cut('a', place => place === node, others), lab.cluster.world.network.cut('b', others, place => place === node)]
    lab.until(() => lab.primary()?.term === 2, 30 * SECOND, 10_000)
    for (const end of ends) end()
    return { lab, at }
  }

  test('MG-ROLLBACK-1, MG-ROLLBACK-2: writes that only the old primary has are rolled back, and lie in files beside its data', () => {
    const { lab, at } = parted()
    lab.until(() => lab.state(0) === 'SECONDARY' && lab.mongod(0).copy?.upstream !== undefined, 60 * SECOND, 10_000)
    const states = lab.told('mongodb.member-state', at).filter(t => t.startsWith('mongo-0'))
    expect(states).toEqual(['mongo-0 is SECONDARY', 'mongo-0 is ROLLBACK', 'mongo-0 is RECOVERING', 'mongo-0 is SECONDARY'])
    const lost = lab.lost()
    expect(lost).toBeGreaterThan(3000)
    expect(lost).toBeLessThan(6500)
    const { truth, world } = lab.cluster
    const { position } = truth.authority(world.log)
    const [interval] = position === undefined ? [] : world.log.ledger.beyond(position)
    expect(interval === undefined ? [] : truth.holders(interval)).toEqual(['mongo-0 (rollback files)'])
    expect(lab.sh(0, 'db.serverStatus().repl.rbid').out).toBe('2\n')
  })

  test('MG-ROLLBACK-3: without a common point in the oplog the process ends', () => {
    const { lab } = parted({ oplogMB: 1 })
    lab.wait(30 * SECOND)
    expect(lab.told('mongodb.crashed').join()).toContain('UnrecoverableRollbackError')
  })
})

describe('flow control', () => {
  test('MG-FLOW-1: when the majority point is more than 5 s late, w:1 writes come no faster than they are applied', () => {
    const lab = new Lab({ writeConcern: 1, timing: { applyMBps: 2, replicationMBps: 100 } })
    lab.clients({ writesPerSecond: 4000, connections: 100 })
    lab.wait(10 * SECOND)
    const early = lab.acked()
    let latest = 0
    for (let i = 0; i < 20; i++) {
      lab.wait(10 * SECOND)
      latest = Math.max(latest, lab.mongod(1).syncing.lagUs())
    }
    const rate = (lab.acked() - early) / 200
    expect(early).toBeGreaterThan(30_000)
    expect(lab.told('mongodb.flow-control').length).toBeGreaterThan(0)
    // 2 MB/s of 2 kB each.
    expect(rate).toBeGreaterThan(600)
    expect(rate).toBeLessThan(1200)
    // The backlog of the first ten seconds takes a while; it stays bounded, where it would have grown to minutes.
    expect(latest / SECOND).toBeLessThan(40)
  })

  /** Secondaries that apply 2 MB/s under `writesPerSecond` of 2 kB. */
  const late = (setting: Setting, writesPerSecond = 4000): Lab => {
    const lab = new Lab({ writeConcern: 1, timing: { applyMBps: 2, replicationMBps: 100 }, ...setting })
    lab.clients({ writesPerSecond, connections: 100 })
    return lab
  }

  test.each([[10, 5], [4, 2]])('MG-FLOW-1: with a target of %i s it begins at a lag of %i s', (flowControlTargetLagSeconds, limit) => {
    const lab = late({ flowControlTargetLagSeconds })
    lab.until(() => lab.told('mongodb.flow-control').length > 0, 60 * SECOND, 100_000)
    const lag = lab.mongod(1).syncing.lagUs() / SECOND
    expect(lag).toBeGreaterThan(limit)
    expect(lag).toBeLessThan(limit + 1.2)
  })

  test('MG-FLOW-1: it lets 100 a second through, however late the others are, and ends when they are level', () => {
    const lab = late({ timing: { applyMBps: 20, replicationMBps: 100 } }, 1000)
    const stalls = [1, 2].map(i => lab.strike('replay-stall', `member:mongo-${i}`))
    lab.wait(60 * SECOND)
    const before = lab.acked()
    lab.wait(60 * SECOND)
    expect((lab.acked() - before) / 60).toBeGreaterThan(90)
    expect((lab.acked() - before) / 60).toBeLessThan(130)
    for (const stall of stalls) stall.end()
    lab.wait(20 * SECOND)
    const level = lab.acked()
    lab.wait(10 * SECOND)
    expect((lab.acked() - level) / 10).toBeGreaterThan(990)
    // 5 % and 500 more each second, until they limit nobody.
    lab.wait(60 * SECOND)
    expect(lab.told('mongodb.flow-control').at(-1)).toContain('no longer throttles')
  })

  test('MG-FLOW-1: the slowest member counts that a majority needs, and no other', () => {
    const lab = late({ timing: { applyMBps: 20, replicationMBps: 100 } }, 1000)
    lab.strike('replay-stall', 'member:mongo-2')
    lab.wait(60 * SECOND)
    expect(lab.told('mongodb.flow-control')).toEqual([])
  })
})
