/** Left-out ticks of the bus change nothing: the same rehearsals with every tick as an event (rule RD-BUS-6). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FaultKind } from '../../src/engine.ts'
import { Stage } from './stage.ts'

const act = fc.oneof(
  fc.record({ is: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ is: fc.constant('strike' as const), kind: fc.constantFrom<FaultKind>('process-kill', 'process-pause', 'partition-peers', 'partition-heartbeats', 'replication-lag'), pod: fc.integer({ min: 0, max: 5 }), seconds: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ is: fc.constant('failover' as const), pod: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ is: fc.constant('forget' as const), pod: fc.integer({ min: 0, max: 5 }), whom: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ is: fc.constant('delete' as const), pod: fc.integer({ min: 0, max: 5 }) }),
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

/** All that could be noticed: the trace, gaps, losses, every table with the times of its heartbeats. */
function story(lazyBus: boolean, seed: string, acts: readonly Act[]): unknown {
  const stage = new Stage({ lazyBus, nodeTimeoutSeconds: 5 }, seed)
  const ends: (() => void)[] = []
  for (const a of acts) {
    const alive = a.is === 'wait' ? undefined : stage.cluster.world.serverOf(`redis-${a.pod}`)
    if (a.is === 'wait') stage.run(a.seconds + 0.0371)
    else if (alive === undefined || alive.state === 'loading') stage.run(1)
    else if (a.is === 'strike') {
      const strike = stage.cluster.strike({ kind: a.kind as never, target: `member:redis-${a.pod}`, durationUs: a.seconds * 1e6, magnitude: 2e6, nth: 0 })
      if (strike.struck) ends.push(strike.end)
      stage.run(a.seconds)
      while (ends.length > 0) ends.pop()?.()
    } else if (a.is === 'failover') stage.cli(`redis-${a.pod}`, 'cluster failover')
    else if (a.is === 'forget') stage.cli(`redis-${a.pod}`, `cluster forget ${stage.cluster.world.serverOf(`redis-${a.whom}`)?.id ?? 'nobody'}`)
    else stage.sh(`kubectl delete pod redis-${a.pod} --wait=false`)
  }
  stage.run(20)
  stage.cluster.world.bus.catchUp()
  const tables = [...stage.cluster.world.servers].map(s => [s.name, s.sent, s.received, s.clusterOk, s.table.currentEpoch, [...s.table.peers.values()].map(p => [p.id, p.ip, p.role, p.slots, p.pongUs, p.dataUs, p.pingSentUs, p.failed, p.pfail])])
  return { records: stage.sim.records?.map(r => `${r.atUs} ${r.label} ${r.node} ${r.payload}`), gaps: stage.gaps, lost: [0, 1, 2].map(i => stage.lost(i)), tables }
}

test('lazy = ticks, in random stories of kills, pauses, cuts, failovers, bans and deleted pods', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), fc.array(act, { minLength: 1, maxLength: 6 }), (seed, acts) => {
      expect(story(true, `lazy/${seed}`, acts)).toEqual(story(false, `lazy/${seed}`, acts))
    }),
    { numRuns: 25, seed: 7 },
  )
})

test('and they are left out: a quiet minute has hardly an event', () => {
  const quiet = (lazyBus: boolean): number => {
    const stage = new Stage({ lazyBus })
    const before = stage.sim.eventsRun
    stage.run(60)
    return stage.sim.eventsRun - before
  }
  expect(quiet(true)).toBeLessThan(20)
  expect(quiet(false)).toBeGreaterThan(3_000)
})

test('nor do those wait at each tick who only wait for a silent node', () => {
  const silent = (lazyBus: boolean): number => {
    const stage = new Stage({ lazyBus })
    stage.cluster.strike({ kind: 'process-pause', target: 'member:redis-0', durationUs: 60e6, magnitude: 0, nth: 0 })
    const before = stage.sim.eventsRun
    stage.run(12)
    return stage.sim.eventsRun - before
  }
  expect(silent(true)).toBeLessThan(silent(false) / 3)
})
