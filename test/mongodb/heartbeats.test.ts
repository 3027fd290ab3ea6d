/** Heartbeats: rules MG-HEARTBEAT-…; and the law that evaluating them lazily is the same as running every tick. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { Lab } from './lab.ts'

describe('views', () => {
  test('MG-HEARTBEAT-1: a changed state is seen within an interval, a new primary at once', () => {
    const lab = new Lab()
    lab.sh(0, 'rs.stepDown(60)')
    lab.until(() => lab.primary() !== undefined, 10 * SECOND)
    const heir = lab.primary()?.name ?? ''
    expect(lab.mongod(2).heartbeats.view(heir)?.state ?? lab.state(2)).toBe('PRIMARY')
    lab.wait(2.1 * SECOND)
    expect(lab.mongod(heir).heartbeats.view('mongo-0')?.state).toBe('SECONDARY')
  })

  test('MG-HEARTBEAT-1, MG-HEARTBEAT-2: another interval or time-out of the configuration holds from then on, on every member', () => {
    for (const everyTick of [false, true]) {
      const lab = new Lab({ everyTick })
      lab.wait(5 * SECOND)
      lab.sh(0, 'const c = rs.conf(); c.settings.heartbeatIntervalMillis = 200; c.settings.heartbeatTimeoutSecs = 3; rs.reconfig(c)')
      lab.wait(5 * SECOND)
      lab.kill(2, 600 * SECOND)
      for (const n of [0, 1]) expect(lab.until(() => lab.mongod(n).heartbeats.view('mongo-2')?.up === false, 30 * SECOND, 10_000) / SECOND).toBeLessThanOrEqual(0.22)
      lab.strike('process-pause', 'member:mongo-1', 600 * SECOND)
      const silent = lab.until(() => lab.mongod(0).heartbeats.view('mongo-1')?.up === false, 30 * SECOND, 10_000) / SECOND
      expect(silent).toBeGreaterThan(2.9)
      expect(silent).toBeLessThanOrEqual(3.3)
    }
  })

  test('MG-HEARTBEAT-2: who refuses is down at the next heartbeat, who is silent after ten seconds', () => {
    const seen = (strike: (lab: Lab) => void): number => {
      const lab = new Lab()
      strike(lab)
      return lab.until(() => lab.mongod(0).heartbeats.view('mongo-2')?.up === false, 30 * SECOND, 10_000) / SECOND
    }
    expect(seen(lab => lab.kill(2, 600 * SECOND))).toBeLessThanOrEqual(2)
    const silent = seen(lab => lab.strike('process-pause', 'member:mongo-2', 600 * SECOND))
    expect(silent).toBeGreaterThan(9.9)
    expect(silent).toBeLessThanOrEqual(12.1)
  })
})

const story = fc.array(
  fc.record({
    what: fc.constantFrom('kill', 'pause', 'cut', 'pair', 'stepDown', 'freeze', 'lag', 'slow'),
    who: fc.integer({ min: 0, max: 4 }),
    other: fc.integer({ min: 1, max: 4 }),
    after: fc.integer({ min: 0, max: 25_000 }),
    lasts: fc.integer({ min: 100, max: 30_000 }),
  }),
  { minLength: 1, maxLength: 6 },
)
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never

/** What happened that anybody could notice, with its instants: heartbeats that told nothing new leave no trace. */
function tell(events: Story, members: number, everyTick: boolean): string {
  const lab = new Lab({ seed: `h${members}`, members, arbiters: members === 2 ? 1 : 0, priorities: members === 5 ? [1, 1, 2] : [], writeConcern: 1, everyTick })
  lab.clients({ writesPerSecond: 200 })
  for (const { what, who, other, after, lasts } of events) {
    lab.wait(after * 1000)
    const name = `mongo-${who % members}`
    const m = lab.cluster.world.mongodOf(name)
    if (m === undefined || !m.listening) continue
    const during = (end: () => void): void => void lab.sim.after(lasts * 1000, end)
    if (what === 'kill') lab.kill(who % members, lasts * 1000)
    else if (what === 'pause') during(() => undefined)
    if (what === 'pause' && !m.paused) {
      const strike = lab.strike('process-pause', `member:${name}`)
      during(() => strike.end())
    } else if (what === 'cut') {
      const end = lab.cutOff(who % members)
      during(end)
    } else if (what === 'pair') {
      const pair = `mongo-${(who + other) % members}`
      if (pair !== name && lab.cluster.targets('partition-pair').includes(`pair:${name}~${pair}`)) {
        const strike = lab.strike('partition-pair', `pair:${name}~${pair}`)
        during(() => strike.end())
      }
    } else if (what === 'stepDown' && m.isPrimary && m.writable && !m.steppingDown) lab.startSh(who % members, 'rs.stepDown(30, 5)')
    else if (what === 'freeze' && !m.isPrimary) lab.startSh(who % members, 'rs.freeze(20)')
    else if (what === 'lag' && lab.cluster.targets('replication-lag').includes(`member:${name}`)) {
      const strike = lab.strike('replication-lag', `member:${name}`, lasts * 1000, 2 * SECOND)
      during(() => strike.end())
    } else if (what === 'slow') {
      const strike = lab.strike('latency', `node:${lab.node(who % members)}`, 0, 150_000)
      during(() => strike.end())
    }
  }
  lab.wait(60 * SECOND)
  return (lab.sim.records ?? []).map(r => `${r.atUs} ${r.label} ${r.node} ${r.payload}`).join('\n')
}

test('lazy heartbeats and heartbeats at every tick tell the same story, to the microsecond', () => {
  fc.assert(
    fc.property(story, fc.constantFrom(2, 3, 5), (events, members) => {
      expect(tell(events, members, false)).toBe(tell(events, members, true))
    }),
    { numRuns: 60, seed: 11 },
  )
})

test('a set at rest has next to no events', () => {
  const lab = new Lab()
  lab.wait(10 * SECOND)
  const before = lab.sim.eventsRun
  lab.wait(600 * SECOND)
  expect(lab.sim.eventsRun - before).toBeLessThan(20)
})
