import { expect, test } from 'vitest'
import { SECOND, Simulation } from '../../src/kernel/index.ts'
import { startWorkload } from '../../src/workload/index.ts'
import { toyCluster } from './engine.ts'
import type { Load } from '../../src/scenario/scenario.ts'

const load: Load = { writesPerSecond: 1000, readsPerSecond: 0, loop: 'open', thinkUs: 0, cohorts: 2, connections: 10, bytesPerWrite: 200, entrance: undefined, timeoutUs: 5 * SECOND, queueAgeLimitUs: 3 * SECOND, retryUs: 200_000, attempts: 3, connectionLifeUs: Infinity, onReadOnly: 'reconnect', warningsAreUnknown: false, dnsCacheUs: 0 }

test('a promotion without a fence loses what the old leader goes on acknowledging', () => {
  const sim = new Simulation({ seed: '1' })
  const cluster = toyCluster(sim)
  cluster.settle()
  const log = cluster.logs[0]!
  startWorkload(sim, cluster, load, log)
  sim.run(sim.now + 10 * SECOND)
  expect(log.ledger.ackedWrites()).toBeGreaterThan(9_900)
  const task = sim.spawn(cluster.commands.run({ argv: ['promote', 'm-1'], stdin: '', key: 't', nth: 1 }))
  sim.run(sim.now + SECOND)
  expect(task.result).toMatchObject({ code: 0 })
  expect(cluster.truth.couldAcknowledge()).toEqual(['m-0', 'm-1'])
  cluster.world.route('m-1')
  sim.run(sim.now + 2 * SECOND)
  cluster.world.stop('m-0', 'clean', 'runbook')
  sim.run(sim.now + 2 * SECOND)
  const authority = cluster.truth.authority(log)
  expect(authority.member).toBe('m-1')
  const lost = log.ledger.beyond(authority.position!).reduce((sum, i) => sum + i.writes, 0)
  expect(lost).toBeGreaterThan(2_800)
  expect(lost).toBeLessThan(3_000)
})
