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
  return { sim, cluster, log, clients, kill, flowing }
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

  test('CD-WRITE-1: clients of a node that dies go to another one', () => {
    const { sim, clients, kill } = start()
    const on = (): readonly (string | undefined)[] => clients.cohorts.map(c => c.backend)
    const first = Number(on()[0]?.at(-1))
    kill(first)
    sim.run(sim.now + 15 * SECOND)
    expect(on()).not.toContain(`couchdb-${first}`)
  })

  test('CD-WRITE-2: with all within reach two copies have what is answered: where two stand still nothing is', () => {
    const { sim, cluster, flowing } = start()
    const copies = [1, 2].map(i => cluster.shared.shardsOf.get(`couchdb-${i}`)?.copy)
    for (const copy of copies) copy?.freeze('receive')
    sim.run(sim.now + 5 * SECOND)
    expect(flowing()).toBe(0)
    copies[0]?.thaw('receive')
    sim.run(sim.now + 5 * SECOND)
    expect(flowing()).toBe(3)
  })

  test('CD-SYNC-1: one that stands still takes no part; one that is cut off from the others tells its clients so', () => {
    const { sim, cluster } = start()
    const pause = cluster.strike({ kind: 'process-pause', target: 'member:couchdb-1', durationUs: 20 * SECOND, magnitude: 0, nth: 0 })
    expect(cluster.truth.members()[1]).toMatchObject({ running: false, attached: false })
    pause.end()
    sim.run(sim.now + SECOND)
    expect(cluster.truth.members()[1]).toMatchObject({ running: true, attached: true })
    for (const other of [1, 2]) cluster.strike({ kind: 'partition-pair', target: `pair:couchdb-0~couchdb-${other}`, durationUs: 20 * SECOND, magnitude: 0, nth: other })
    const state = [0, 1, 2].map(i => cluster.shared.stateOf(cluster.shared.nodeOf(`couchdb-${i}`) as NonNullable<ReturnType<typeof cluster.shared.nodeOf>>).is)
    expect(state).toEqual(['failing', 'writable', 'writable'])
  })

  test('CD-SYNC-1: one with an empty volume takes part once it has everything', () => {
    const { sim, cluster } = start({ databaseMB: 2000, syncMBps: 40 })
    for (const argv of [['kubectl', 'delete', 'pvc', 'data-couchdb-1', '--wait=false'], ['kubectl', 'delete', 'pod', 'couchdb-1']]) {
      sim.spawn(cluster.commands.run({ argv, stdin: '', key: argv[2] as string, nth: 0 }))
      sim.run(sim.now + SECOND)
    }
    const seconds = (reached: () => boolean): number => {
      const from = sim.now
      while (!reached() && sim.now < from + 600 * SECOND) sim.run(sim.now + SECOND)
      return (sim.now - from) / SECOND
    }
    const member = () => cluster.truth.members().find(m => m.name === 'couchdb-1')
    seconds(() => member()?.running !== true)
    seconds(() => member()?.running === true)
    const copied = seconds(() => member()?.attached === true)
    expect(copied).toBeGreaterThan(48)
    expect(copied).toBeLessThan(53)
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
