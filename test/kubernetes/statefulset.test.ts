import { expect, it } from 'vitest'
import { cluster, run, service, statefulSet } from './cluster.ts'

it('is at rest before the story: every pod Ready, no time passed', () => {
  const c = cluster(3)
  c.kube.create(service('db', { app: 'db' }))
  c.kube.create(statefulSet('db', 3))
  c.kube.begin()
  expect(c.sim.now).toBe(0)
  expect(c.kube.pods().map(p => [p.name, p.phase, p.ready])).toEqual([0, 1, 2].map(i => [`db-${i}`, 'Running', true]))
  expect(new Set(c.kube.pods().map(p => p.node)).size).toBe(3)
  expect(c.kube.endpoints('db')).toHaveLength(3)
  const before = c.sim.traceHash()
  run(c, 3600)
  expect(c.sim.traceHash()).toBe(before)
  expect(c.sim.eventsRun).toBeLessThan(20)
})
