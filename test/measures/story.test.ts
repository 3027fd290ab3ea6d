/** Measures over whole stories on the toy. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MINUTE, SECOND, Simulation } from '../../src/kernel/index.ts'
import { ExposureWatch, Recorder, runUntilQuiet } from '../../src/measures/index.ts'
import { startWorkload } from '../../src/workload/index.ts'
import { toyCluster } from '../toy/engine.ts'
import { type Stage, tell, toyLoad } from '../toy/story.ts'

/** The procedure as it should be: pause, stop, promote, route, resume, re-point, restart. */
function fenced({ step }: Stage): void {
  step('pause', w => w.hold(true))
  step('stop', w => void w.stop('m-0', 'clean', 'runbook'))
  step('promote', w => void w.promote('m-1'))
  step('route', w => w.route('m-1'))
  step('resume', w => w.hold(false))
  step('rejoin', w => {
    w.follow('m-2', 'm-1')
    w.follow('m-0', 'm-1')
    w.start('m-0', 'v2')
  })
}

test('nothing happens, nothing is measured', () => {
  const { recording } = tell(({ wait }) => wait(MINUTE))
  const zero = Object.entries(recording.measures).filter(([id]) => !['durationSeconds', 'baseNodeHours', 'peakMultiplier', 'monthMultiplier'].includes(id))
  expect(zero.filter(([, value]) => value !== 0)).toEqual([])
  expect(recording.measures).toMatchObject({ durationSeconds: 60, peakMultiplier: 1, monthMultiplier: 1 })
  expect(recording.open).toEqual([])
  expect(recording.acknowledgedWrites).toBeGreaterThan(129_000)
})

test('a fenced switch costs its pause, step by step, and loses nothing', () => {
  const { recording } = tell(fenced)
  expect(recording.measures).toMatchObject({ lostAcknowledgedWrites: 0, splitBrainSeconds: 0, durationSeconds: 6 })
  expect(recording.measures.writeDowntimeSeconds).toBeCloseTo(4, 1)
  expect(recording.measures.longestWriteGapSeconds).toBeCloseTo(4, 1)
  const perStep = recording.steps.map(s => s.writeDowntimeUs / SECOND)
  for (const i of [0, 1, 2, 3]) expect(perStep[i]).toBeCloseTo(1, 2)
  expect(perStep[5]).toBe(0)
  expect(perStep.reduce((a, b) => a + b, 0)).toBeCloseTo(recording.measures.writeDowntimeSeconds, 9)
})

test('mixed versions are counted from the restart on, with the requests served meanwhile, and flagged open', () => {
  const { recording } = tell(fenced)
  expect(recording.measures.mixedVersionSeconds).toBeCloseTo(61, 1)
  expect(recording.open).toContain('mixedVersionSeconds')
  expect(Math.abs(recording.measures.mixedVersionRequests - 61 * 1100)).toBeLessThan(100)
})

test('an unfenced promotion: split brain from then until the old leader stops, and every write it took meanwhile is lost', () => {
  const { recording } = tell(({ step }) => {
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('route', w => w.route('m-1'), 2 * SECOND)
    step('stop', w => void w.stop('m-0', 'clean', 'runbook'), 2 * SECOND)
  })
  expect(recording.measures.splitBrainSeconds).toBe(4)
  expect(Math.abs(recording.measures.lostAcknowledgedWrites - 4000)).toBeLessThanOrEqual(3)
  expect(recording.measures.splitBrainWrites).toBe(recording.measures.lostAcknowledgedWrites)
  expect(recording.measures.inherentLostWrites).toBe(0)
  expect(recording.measures.strandedWrites).toBe(recording.measures.lostAcknowledgedWrites)
})

test('without its last holder a lost write is destroyed, not stranded', () => {
  const { recording } = tell(({ step }) => {
    step('cut', w => w.stop('m-2', 'clean', 'runbook'))
    step('promote', w => void w.promote('m-1'), 2 * SECOND)
    step('destroy', w => w.destroy('m-0', 'runbook'))
    step('route', w => w.route('m-1'))
  })
  expect(recording.measures.lostAcknowledgedWrites).toBeGreaterThan(1_900)
  expect(recording.measures.strandedWrites).toBe(0)
})

test('exposure: with one follower gone nothing, with both from one second after', () => {
  const one = tell(({ step }) => step('one', w => void w.stop('m-1', 'clean', 'runbook'), MINUTE))
  expect(one.recording.measures.redundancyExposedSeconds).toBe(0)
  const both = tell(({ step, wait }) => {
    step('both', w => {
      w.stop('m-1', 'clean', 'runbook')
      w.stop('m-2', 'clean', 'runbook')
    }, 10 * SECOND)
    step('back', w => void w.start('m-1'))
    wait(SECOND)
  })
  expect(both.recording.measures.redundancyExposedSeconds).toBeCloseTo(9, 1)
})

test('exposure: followers that stand still cover nothing, though they stay connected', () => {
  const { recording } = tell(({ step, world }) => {
    const both = (act: 'freeze' | 'thaw') => () => {
      for (const m of ['m-1', 'm-2']) world.member(m).copy?.[act]('receive')
    }
    step('freeze', both('freeze'), 10 * SECOND)
    step('thaw', both('thaw'))
  })
  expect(recording.measures.redundancyExposedSeconds).toBeCloseTo(9, 1)
  expect(recording.open).toEqual([])
})

test('exposure: what the log alone tells is enough, whatever the members look like', () => {
  const { sim, cluster, world, log } = (() => {
    const sim = new Simulation({ seed: 'e' })
    const cluster = toyCluster(sim)
    cluster.settle()
    startWorkload(sim, cluster, toyLoad, cluster.logs[0]!)
    return { sim, cluster, world: cluster.world, log: cluster.logs[0]! }
  })()
  const watch = new ExposureWatch(cluster)
  for (const m of cluster.truth.members()) watch.setMember(undefined, m)
  watch.look(sim.now)
  sim.observe(() => watch.look(sim.now))
  const copies = log.copies.slice(1)
  const link = copies[0]!.link!
  sim.run(sim.now + 5 * SECOND)
  const from = sim.now
  for (const copy of copies) copy.unfollow()
  sim.run(sim.now + 4 * SECOND)
  // One follower becomes a fresh copy of what the leader has, then follows it.
  copies[0]!.adopt(log.copies[0]!.position('flush'))
  sim.run(sim.now + 100_000)
  copies[0]!.follow(log.copies[0]!, link)
  sim.run(sim.now + 5 * SECOND)
  expect(world.member('m-1').running).toBe(true)
  const windows = watch.windows(sim.now)
  expect(windows.length).toBe(1)
  expect(windows[0]!.fromUs - from).toBeGreaterThan(990_000)
  expect(windows[0]!.fromUs - from).toBeLessThan(1_001_000)
  expect(windows[0]!.toUs - from).toBe(4 * SECOND)
})

test('requests in mixed versions: reads only while they are answered, writes only those acknowledged', () => {
  let before = 0
  const reads = tell(({ step }) => {
    step('one', w => {
      w.stop('m-2', 'clean', 'runbook')
      w.start('m-2', 'v2')
    }, 10 * SECOND)
    step('down', w => {
      w.stop('m-0', 'clean', 'runbook')
    }, 10 * SECOND)
  }, { load: { writesPerSecond: 0 }, settle: false })
  // The leader was v1: with it gone m-1 (v1) and m-2 (v2) still differ, and nobody reads for 10 s.
  expect(reads.recording.measures.mixedVersionSeconds).toBe(20)
  expect(Math.abs(reads.recording.measures.mixedVersionRequests - 1000)).toBeLessThan(5)
  const writes = tell(({ step, log, world }) => {
    before = log.ledger.ackedWrites()
    step('one', w => {
      w.stop('m-2', 'clean', 'runbook')
      w.start('m-2', 'v2')
    }, 10 * SECOND)
    for (const m of ['m-1', 'm-2']) world.member(m).copy?.freeze('receive')
    step('hang', () => {}, 10 * SECOND)
  }, { load: { readsPerSecond: 0 }, toy: { promise: 'synchronous' }, settle: false })
  expect(writes.recording.unknownWrites).toBeGreaterThan(5)
  expect(writes.recording.measures.mixedVersionRequests).toBe(writes.recording.acknowledgedWrites - before)
})

test('what failed before the first step is not the runbook\'s', () => {
  const sim = new Simulation({ seed: 'f' })
  const cluster = toyCluster(sim)
  cluster.settle()
  const recorder = new Recorder(sim, cluster, [startWorkload(sim, cluster, toyLoad, cluster.logs[0]!)])
  cluster.world.stop('m-0', 'clean', 'runbook')
  sim.run(sim.now + 30 * SECOND)
  cluster.world.start('m-0')
  sim.run(sim.now + 5 * SECOND)
  recorder.begin()
  sim.run(sim.now + 5 * SECOND)
  const { measures } = recorder.finish([], [])
  expect(measures).toMatchObject({ failedAttempts: 0, failedAfterRetry: 0, writeDowntimeSeconds: 0, longestWriteGapSeconds: 0 })
})

test('the horizon ends when nothing has changed for a minute, or after fifteen', () => {
  const quiet = tell(({ step }) => step('nothing', () => {}))
  expect(quiet.recording.horizon.endUs - quiet.recording.horizon.operatorEndUs).toBe(60 * SECOND)
  const sim = new Simulation({ seed: 'q' })
  const cluster = toyCluster(sim)
  cluster.settle()
  const recorder = new Recorder(sim, cluster, [startWorkload(sim, cluster, toyLoad, cluster.logs[0]!)])
  recorder.begin()
  const flap = (): void => {
    if (!cluster.world.stop('m-2', 'clean', 'runbook')) cluster.world.start('m-2')
    sim.after(30 * SECOND, flap)
  }
  flap()
  const from = sim.now
  expect(runUntilQuiet(sim, recorder)).toBe(false)
  expect(sim.now - from).toBe(15 * MINUTE)
})

test('what is under way is waited for, though nothing changes meanwhile, and not longer than fifteen minutes', () => {
  const settled = (arrivesAfterUs: number): [boolean, number] => {
    const sim = new Simulation({ seed: 'u' })
    const cluster = toyCluster(sim)
    cluster.settle()
    const recorder = new Recorder(sim, cluster, [startWorkload(sim, cluster, toyLoad, cluster.logs[0]!)])
    recorder.begin()
    sim.run(sim.now + 10 * SECOND)
    const from = sim.now
    cluster.world.underWay = true
    sim.after(arrivesAfterUs, () => {
      cluster.world.underWay = false
    })
    return [runUntilQuiet(sim, recorder), sim.now - from]
  }
  expect(settled(30 * SECOND)).toEqual([true, 60 * SECOND])
  expect(settled(200 * SECOND)).toEqual([true, 200 * SECOND])
  expect(settled(60 * MINUTE)).toEqual([false, 15 * MINUTE])
})

test('clients of a server that became read-only fail at once, and as many arrivals are gone as attempts failed', () => {
  const { recording, stage } = tell(({ step }) => {
    step('demote', w => w.follow('m-0', 'm-1'), 5 * SECOND)
    step('promote', w => void w.promote('m-0'), 10 * SECOND)
  }, { load: { readsPerSecond: 0, attempts: 1, onReadOnly: 'stay' } })
  const expired = stage.log.demands.reduce((n, d) => n + d.counts().expired, 0)
  expect(Math.abs(expired - 5000)).toBeLessThan(10)
  expect(Math.abs(recording.measures.failedAttempts - expired)).toBeLessThan(10)
  expect(recording.measures.writeDowntimeSeconds).toBeCloseTo(5, 1)
})

test('rented nodes are paid for as long as they are there', () => {
  const { recording } = tell(({ step }) => {
    step('rent', w => w.rent(3), 60 * MINUTE)
    step('return', w => w.rent(0), 60 * MINUTE)
  })
  expect(recording.measures.extraNodeHours).toBe(3)
  expect(recording.measures.extraCostDollars).toBe(1.5)
  expect(recording.measures.peakMultiplier).toBe(2)
})

test('an engine whose recorder is absent has the same trace', () => {
  const run = (recorded: boolean): string => {
    const sim = new Simulation({ seed: 't' })
    const cluster = toyCluster(sim)
    cluster.settle()
    const workload = startWorkload(sim, cluster, toyLoad, cluster.logs[0]!)
    const recorder = recorded ? new Recorder(sim, cluster, [workload]) : undefined
    recorder?.begin()
    sim.run(sim.now + SECOND)
    cluster.world.stop('m-0', 'killed', 'fault')
    sim.run(sim.now + SECOND)
    cluster.world.promote('m-1')
    cluster.world.route('m-1')
    sim.run(sim.now + 10 * SECOND)
    recorder?.finish([], [])
    return sim.traceHash()
  }
  expect(run(true)).toBe(run(false))
})

/** Random acts of a careless operator. */
const act = fc.record({ kind: fc.constantFrom('promote', 'stop', 'kill', 'start', 'route', 'follow', 'rewind', 'hold', 'resume', 'destroy'), a: fc.integer({ min: 0, max: 2 }), b: fc.integer({ min: 0, max: 2 }), us: fc.integer({ min: 1, max: 4_000_000 }) })

test('whatever is done: no measure leaves its bounds', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 12 }), fc.integer({ min: 0, max: 1000 }), fc.constantFrom('asynchronous' as const, 'synchronous' as const), (acts, seed, promise) => {
      const { recording: r } = tell(
        ({ step }) => {
          acts.forEach(({ kind, a, b, us }, i) => {
            step(`${kind}-${i}`, w => {
              const [m, n] = [`m-${a}`, `m-${b}`]
              if (kind === 'promote') w.promote(m)
              if (kind === 'stop') w.stop(m, 'clean', 'runbook')
              if (kind === 'kill') w.stop(m, 'killed', 'runbook')
              if (kind === 'start') w.start(m)
              if (kind === 'route') w.route(m)
              if ((kind === 'follow' || kind === 'rewind') && a !== b && w.member(n).upstream !== m) w.follow(m, n, kind === 'rewind')
              if (kind === 'hold') w.hold(true)
              if (kind === 'resume') w.hold(false)
              if (kind === 'destroy') w.destroy(m, 'runbook')
            }, us)
          })
        },
        { seed: String(seed), toy: { promise } },
      )
      const horizon = (r.horizon.endUs - r.horizon.startUs) / SECOND
      const m = r.measures
      for (const value of Object.values(m)) expect(Number.isFinite(value) && value >= 0).toBe(true)
      for (const id of ['writeDowntimeSeconds', 'longestWriteGapSeconds', 'readDowntimeSeconds', 'splitBrainSeconds', 'redundancyExposedSeconds', 'mixedVersionSeconds'] as const) expect(m[id]).toBeLessThanOrEqual(horizon + 1e-6)
      expect(m.writeDowntimeSeconds).toBeLessThanOrEqual(m.longestWriteGapSeconds * r.writeOutages.length + 1e-6)
      expect(m.lostAcknowledgedWrites).toBeLessThanOrEqual(r.acknowledgedWrites)
      expect(m.inherentLostWrites + r.losses.filter(l => !l.inherent).reduce((s, l) => s + l.writes, 0)).toBe(m.lostAcknowledgedWrites)
      expect(m.strandedWrites).toBeLessThanOrEqual(m.lostAcknowledgedWrites)
      expect(m.splitBrainWrites).toBeLessThanOrEqual(m.lostAcknowledgedWrites)
      expect(m.failedAfterRetry).toBeLessThanOrEqual(m.failedAttempts)
      // No fault struck: nothing can be inherent.
      expect(m.inherentLostWrites).toBe(0)
      const steps = r.steps.reduce((sum, s) => sum + s.writeDowntimeUs, 0)
      expect(steps / SECOND).toBeLessThanOrEqual(m.writeDowntimeSeconds + 1e-6)
      for (const windows of [r.splits, r.exposed, r.skews]) for (let i = 1; i < windows.length; i++) expect(windows[i]!.fromUs).toBeGreaterThanOrEqual(windows[i - 1]!.toUs)
    }),
    { numRuns: 150 },
  )
}, 60_000)
