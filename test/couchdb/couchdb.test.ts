/** The small CouchDB model: rules CD-…. */
import { describe, expect, test } from 'vitest'
import { CouchdbCluster, couchdbOptions } from '../../models/couchdb/index.ts'
import { SECOND, Simulation } from '../../src/kernel/index.ts'
import { startWorkload } from '../../src/workload/index.ts'
import { LOAD } from '../mongodb/lab.ts'

function start(setting: Record<string, unknown> = {}) {
  const sim = new Simulation({ seed: '1', record: true })
  const cluster = new CouchdbCluster(sim, couchdbOptions.parse(setting))
  cluster.settle()
  const [log] = cluster.logs
  if (log === undefined) throw new Error('no log')
  const clients = startWorkload(sim, cluster, { ...LOAD, cohorts: 3, writesPerSecond: 300, retryUs: SECOND / 5 }, log)
  sim.run(sim.now + 3 * SECOND)
  const kill = (i: number): void => void cluster.strike({ kind: 'process-kill', target: `member:couchdb-${i}`, durationUs: 600 * SECOND, magnitude: 0, nth: i })
  const flowing = (): number => clients.cohorts.filter(c => c.writing).length
  return { sim, cluster, log, kill, flowing }
}

describe('a cluster without a primary', () => {
  test('CD-WRITE-1, CD-WRITE-2: writes go on through any node, down to the last one', () => {
    const { sim, kill, flowing, cluster, log } = start()
    expect(flowing()).toBe(3)
    for (const i of [0, 1]) {
      kill(i)
      sim.run(sim.now + 15 * SECOND)
      expect(flowing()).toBe(3)
    }
    kill(2)
    sim.run(sim.now + 5 * SECOND)
    expect(flowing()).toBe(0)
    const { position } = cluster.truth.authority(log)
    expect(position === undefined ? [] : log.ledger.beyond(position)).toEqual([])
  })

  test('CD-SYNC-1: a node that was away gets what it missed', () => {
    const { sim, cluster } = start()
    cluster.strike({ kind: 'process-kill', target: 'member:couchdb-1', durationUs: 20 * SECOND, magnitude: 0, nth: 0 })
    sim.run(sim.now + 10 * SECOND)
    const lagging = cluster.truth.members()[1]
    expect(lagging).toMatchObject({ running: false, attached: false })
    sim.run(sim.now + 60 * SECOND)
    expect(cluster.truth.members()[1]).toMatchObject({ running: true, attached: true, caughtUp: true })
  })

  test('CD-TRUTH-1: one node stands for all; nothing is ever promoted', () => {
    const { sim, kill, cluster } = start()
    expect(cluster.truth.members().map(m => m.role)).toEqual(['leader', 'follower', 'follower'])
    kill(0)
    sim.run(sim.now + 5 * SECOND)
    expect(cluster.truth.members().map(m => m.role)).toEqual(['none', 'leader', 'follower'])
    expect(cluster.truth.promotions).toEqual([])
  })
})
