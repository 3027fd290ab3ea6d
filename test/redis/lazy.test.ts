/** Left-out ticks of the bus change nothing: the same rehearsals with every tick as an event (rule RD-BUS-6). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FaultKind } from '../../src/engine.ts'
import { Stage } from './stage.ts'

const pod = fc.nat({ max: 8 })
const act = fc.oneof(
  fc.record({ is: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 40 }) }),
  // It goes on while the next acts are done, and ends with a `heal`.
  fc.record({ is: fc.constant('strike' as const), kind: fc.constantFrom<FaultKind>('process-kill', 'process-pause', 'partition-peers', 'partition-heartbeats', 'replication-lag'), pod, seconds: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ is: fc.constant('heal' as const) }),
  fc.record({ is: fc.constant('failover' as const), pod, how: fc.constantFrom('', 'force', 'takeover') }),
  fc.record({ is: fc.constant('forget' as const), pod, whom: pod }),
  fc.record({ is: fc.constantFrom('meet' as const, 'replicate' as const), pod, whom: pod }),
  fc.record({ is: fc.constant('config' as const), pod, words: fc.constantFrom('cluster-node-timeout 2000', 'cluster-node-timeout 15000', 'cluster-allow-replica-migration no', 'cluster-require-full-coverage no') }),
  fc.record({ is: fc.constant('delete' as const), pod }),
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never
/** With one replica a shard, or two (so that they may migrate), and with or without full coverage: a cluster that is not `ok` looks at each tick. */
const kind = fc.record({ replicasPerShard: fc.constantFrom(1, 2), requireFullCoverage: fc.boolean(), image: fc.constantFrom('redis:7.0.15', 'redis:7.2.5') })
type Kind = typeof kind extends fc.Arbitrary<infer T> ? T : never
const SMALL: Kind = { replicasPerShard: 1, requireFullCoverage: true, image: 'redis:7.0.15' }

/** All that could be noticed: the trace, gaps, losses, every table with the times of its heartbeats. */
function story(lazyBus: boolean, seed: string, cluster: Kind, acts: readonly Act[]): unknown {
  const stage = new Stage({ lazyBus, nodeTimeoutSeconds: 5, ...cluster }, seed)
  const ends: (() => void)[] = []
  const pods = 3 * (1 + cluster.replicasPerShard)
  const name = (n: number): string => `redis-${n % pods}`
  for (const a of acts) {
    const alive = 'pod' in a ? stage.cluster.world.serverOf(name(a.pod)) : undefined
    if (a.is === 'wait') stage.run(a.seconds + 0.0371)
    else if (a.is === 'heal') ends.pop()?.()
    else if (alive === undefined || alive.state === 'loading') stage.run(1)
    else if (a.is === 'strike') {
      const strike = stage.cluster.strike({ kind: a.kind as never, target: `member:${alive.name}`, durationUs: a.seconds * 1e6, magnitude: 2e6, nth: 0 })
      if (strike.struck) ends.push(strike.end)
      stage.run(a.seconds)
    } else if (a.is === 'delete') stage.sh(`kubectl delete pod ${alive.name} --wait=false`)
    // A process that stands still answers nobody.
    else if (!alive.onBus) stage.run(1)
    else if (a.is === 'failover') stage.cli(alive.name, `cluster failover ${a.how}`)
    else if (a.is === 'config') stage.cli(alive.name, `config set ${a.words}`)
    else {
      const whom = stage.cluster.world.serverOf(name(a.whom))
      stage.cli(alive.name, a.is === 'meet' ? `cluster meet ${whom?.host.address ?? '10.9.9.9'} 6379` : `cluster ${a.is} ${whom?.id ?? 'nobody'}`)
    }
  }
  while (ends.length > 0) ends.pop()?.()
  stage.run(80)
  stage.cluster.world.bus.catchUp()
  const tables = [...stage.cluster.world.servers].map(s => [s.name, s.sent, s.received, s.clusterOk, s.table.currentEpoch, [...s.table.peers.values()].map(p => [p.id, p.ip, p.role, p.slots, p.pongUs, p.dataUs, p.pingSentUs, p.failed, p.pfail])])
  return { records: stage.sim.records?.map(r => `${r.atUs} ${r.label} ${r.node} ${r.payload}`), gaps: stage.gaps, lost: [0, 1, 2].map(i => stage.lost(i)), tables }
}

test('lazy = ticks, in random stories of kills, pauses, cuts, failovers, bans, handshakes, settings and deleted pods', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000 }), kind, fc.array(act, { minLength: 1, maxLength: 8 }), (seed, cluster, acts) => {
      expect(story(true, `lazy/${seed}`, cluster, acts)).toEqual(story(false, `lazy/${seed}`, cluster, acts))
    }),
    { numRuns: 40, seed: 7 },
  )
})

// What a random story seldom meets: each of these hangs on a tick that nothing but its own condition asks for.
test.each<[string, Kind, readonly Act[]]>([
  ['a shorter node time-out while something goes on', SMALL, [{ is: 'failover', pod: 1, how: '' }, { is: 'wait', seconds: 0.2 }, { is: 'config', pod: 0, words: 'cluster-node-timeout 2000' }, { is: 'wait', seconds: 10 }]],
  ['a banned node that is met again', SMALL, [{ is: 'forget', pod: 0, whom: 5 }, { is: 'meet', pod: 0, whom: 5 }, { is: 'wait', seconds: 10 }]],
  ['both replicas of a shard away, so that another shard’s moves there', { ...SMALL, replicasPerShard: 2 }, [{ is: 'strike', kind: 'process-pause', pod: 1, seconds: 0 }, { is: 'strike', kind: 'process-pause', pod: 2, seconds: 25 }]],
  ['a shard whose replicas are told to follow another master', { ...SMALL, replicasPerShard: 2 }, [{ is: 'replicate', pod: 1, whom: 3 }, { is: 'replicate', pod: 2, whom: 3 }, { is: 'wait', seconds: 20 }]],
  ['a replica that is told to lead while it lags', SMALL, [{ is: 'strike', kind: 'replication-lag', pod: 1, seconds: 3 }, { is: 'failover', pod: 1, how: '' }, { is: 'wait', seconds: 1 }, { is: 'heal' }]],
])('lazy = ticks: %s', (_what, cluster, acts) => {
  expect(story(true, 'lazy/example', cluster, acts)).toEqual(story(false, 'lazy/example', cluster, acts))
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
