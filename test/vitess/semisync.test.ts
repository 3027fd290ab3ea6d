/** Durability policies and who acknowledges (rules VT-SEMI-1…3; facts §1.3; oracle O5). */
import { describe, expect, it } from 'vitest'
import { Lab } from './lab.ts'

const node = (lab: Lab, n: number): string => `node:${lab.tablet(n).place}`

describe('VT-SEMI-1: the policy says who may acknowledge', () => {
  it('none: the primary alone', () => {
    const lab = new Lab({ durabilityPolicy: 'none' }, {})
    for (const n of [1, 2, 3]) lab.strike('process-pause', `member:${lab.tablet(n).pod}`)
    lab.wait(5)
    expect(lab.writing).toBe(true)
    expect(lab.cluster.truth.promise).toBe('asynchronous')
  })

  it('semi_sync: any one replica will do, an rdonly will not', () => {
    const lab = new Lab({ rdonlyPerShard: 1 }, {})
    lab.strike('process-pause', `member:${lab.tablet(1).pod}`)
    lab.wait(2)
    expect(lab.writing).toBe(true)
    lab.strike('process-pause', `member:${lab.tablet(2).pod}`)
    lab.wait(2)
    expect(lab.writing).toBe(false)
    const rdonly = new Lab({ rdonlyPerShard: 1, durabilityPolicy: 'semi_sync_with_rdonly_ack' }, {})
    for (const n of [1, 2]) rdonly.strike('process-pause', `member:${rdonly.tablet(n).pod}`)
    rdonly.wait(2)
    expect(rdonly.writing).toBe(true)
  })

  it('cross_cell: not one of the primary’s own cell', () => {
    const lab = new Lab({ durabilityPolicy: 'cross_cell' }, {})
    // Tablets 1 and 2 are in other cells, tablet 3 is in the primary's.
    expect([0, 1, 2, 3].map(n => lab.tablet(n).cell)).toEqual(['zone1', 'zone2', 'zone3', 'zone1'])
    for (const n of [1, 2]) lab.strike('process-pause', `member:${lab.tablet(n).pod}`)
    lab.wait(2)
    expect(lab.writing).toBe(false)
  })

  it('an acknowledgement means flushed to the relay log, not applied', () => {
    const lab = new Lab({}, {})
    for (const n of [1, 2, 3]) lab.strike('replay-stall', `member:${lab.tablet(n).pod}`)
    lab.wait(5)
    expect(lab.writing).toBe(true)
    expect(lab.tablet(1).lagSeconds).toBeGreaterThan(4)
  })
})

describe('VT-SEMI-2: nobody acknowledges, commits hang (O5, VT-T05)', () => {
  it.each([
    [2, 0, true],
    [3, 0, false],
    [3, 1, true],
    [4, 1, false],
  ])('%i tablets, one being replaced and %i more lost: hangs %s', (tabletsPerShard, more, hangs) => {
    const lab = new Lab({ fleet: tabletsPerShard, tabletsPerShard }, {})
    lab.ok(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
    if (more > 0) lab.strike('process-pause', `member:${lab.tablet(2).pod}`)
    lab.wait(5)
    expect(lab.writing).toBe(!hangs)
  })

  it('with two tablets the stall is as long as the replacement', () => {
    const lab = new Lab({ fleet: 2, tabletsPerShard: 2 }, { timeoutUs: 600_000_000 })
    lab.start(`kubectl delete pod ${lab.tablet(1).pod} --wait=false`)
    const gap = lab.gap(300)
    // Shutdown 5 s, pull 1 s, start 10 s, and Kubernetes between.
    expect(gap).toBeGreaterThan(16)
    expect(gap).toBeLessThan(30)
  })

  it('a primary without room on its disk acknowledges nothing, one with room again goes on', () => {
    const lab = new Lab({}, { timeoutUs: 600_000_000 })
    const full = lab.strike('disk-full', `volume:${lab.primary.pod}`)
    lab.wait(3)
    expect(lab.writing).toBe(false)
    full.end()
    lab.wait(3)
    expect(lab.writing).toBe(true)
  })
})

describe('VT-SEMI-3: stock MySQL goes on alone after its time-out', () => {
  it('10 s later it acknowledges what only it has, until a replica is level again', () => {
    const lab = new Lab({ fleet: 3, tabletsPerShard: 3, semiSyncTimeoutSeconds: 10 }, { timeoutUs: 600_000_000 })
    const cuts = [1, 2].map(n => lab.strike('partition', node(lab, n)))
    const gap = lab.gap(60)
    expect(gap).toBeGreaterThan(9.5)
    expect(gap).toBeLessThan(11)
    expect(lab.shard.degraded).toBe(true)
    expect(lab.cluster.truth.acknowledgeAlone?.()).toEqual([lab.primary.pod])
    expect(lab.tablet(1).lagBytes).toBeGreaterThan(1000)
    for (const cut of cuts) cut.end()
    lab.until(() => !lab.shard.degraded, 120, 'semi-sync on again')
    expect(lab.cluster.truth.acknowledgeAlone?.()).toEqual([])
    expect(lab.writing).toBe(true)
  })

  it('a full disk starts no such time: a commit does not come as far as waiting for an answer', () => {
    const lab = new Lab({ fleet: 3, tabletsPerShard: 3, semiSyncTimeoutSeconds: 10 }, { timeoutUs: 600_000_000 })
    const full = lab.strike('disk-full', `volume:${lab.primary.pod}`)
    lab.wait(60)
    expect(lab.writing).toBe(false)
    expect(lab.story('semi-sync-off')).toEqual([])
    full.end()
    lab.until(() => lab.writing, 60, 'writing again')
  })

  it('Vitess never does', () => {
    const lab = new Lab({ fleet: 3, tabletsPerShard: 3 }, { timeoutUs: 600_000_000 })
    for (const n of [1, 2]) lab.strike('partition', node(lab, n))
    lab.wait(120)
    expect(lab.writing).toBe(false)
  })
})
