/** The measures that are pure functions of records, one by one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AckInterval, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Member } from '../../src/engine.ts'
import { HOUR, SECOND, Simulation } from '../../src/kernel/index.ts'
import { attributeToSteps, costBetween, downtimeUs, learnedWithin, longestGapUs, type Outage, OutageWatch, VersionWatch, writtenWithin } from '../../src/measures/index.ts'
import { exposedSpans } from '../../src/measures/exposure.ts'
import type { StepRecord } from '../../src/result.ts'

const outage = (fromUs: number, toUs: number, share = 1, cohort = 'a'): Outage => ({ fromUs, toUs, open: false, cohort, share, state: 'away' })
const step = (id: string, startUs: number, endUs: number | undefined): StepRecord => ({ step: id, title: id, path: 'forward', visit: 1, startUs, endUs, result: 'done', writeDowntimeUs: 0, commands: 1 })

test('downtime: under 20 ms is none, 20 ms is, and each cohort weighs its share', () => {
  const watch = new OutageWatch('a', 0.25)
  for (const [from, to] of [[0, 19_999], [100_000, 120_000], [200_000, 1_200_000]] as const) {
    watch.set(from, false, 'away')
    watch.set(to, true, 'writable')
  }
  const outages = watch.outages(0, 2_000_000)
  expect(outages.map(o => o.toUs - o.fromUs)).toEqual([20_000, 1_000_000])
  expect(downtimeUs(outages)).toBe(255_000)
})

test('downtime: an outage across the beginning counts from there on, however short the rest', () => {
  const watch = new OutageWatch('a', 1)
  watch.set(0, false, 'away')
  watch.set(110_000, true, 'writable')
  expect(downtimeUs(watch.outages(100_000, 200_000))).toBe(10_000)
})

test('the longest gap is unweighted, of any cohort with at least one per cent of the demand', () => {
  expect(longestGapUs([outage(0, 5_000_000, 0.01), outage(0, 9_000_000, 0.009)])).toBe(5_000_000)
})

test('downtime per step: what falls into it, weighted; none between steps; an open step lasts to the end', () => {
  // The operator was killed in the first visit, and began anew: no instant counts twice.
  expect(attributeToSteps([{ ...step('a', 0, undefined), result: 'open' }, { ...step('a', 120, 200), visit: 2 }], [outage(50, 250, 1)], 300).map(each => each.writeDowntimeUs)).toEqual([70, 80])
  const steps = attributeToSteps([step('a', 0, 100), step('b', 150, 200), step('c', 200, undefined)], [outage(50, 250, 0.5)], 300)
  expect(steps.map(s => s.writeDowntimeUs)).toEqual([25, 25, 25])
})

test('downtime per step: each step has the sum of what overlaps it, however many there are and in whatever order they come', () => {
  const time = fc.integer({ min: 0, max: 300 })
  fc.assert(
    fc.property(fc.array(fc.tuple(time, time, fc.constantFrom(0.25, 0.1, 1)), { maxLength: 12 }), fc.array(fc.tuple(time, fc.option(time, { nil: undefined })), { maxLength: 12 }), (stretches, spans) => {
      const outages = stretches.map(([a, b, share]) => outage(Math.min(a, b), Math.max(a, b), share))
      const steps = spans.map(([a, b], i) => step(String(i), b === undefined ? a : Math.min(a, b), b === undefined ? undefined : Math.max(a, b)))
      expect(attributeToSteps(steps, outages, 300).map(s => s.writeDowntimeUs)).toEqual(
        steps.map(({ startUs, endUs = 300 }) => outages.reduce((sum, o) => sum + Math.max(0, Math.min(o.toUs, endUs) - Math.max(o.fromUs, startUs)) * o.share, 0)),
      )
    }),
  )
})

test('cutting an interval by time conserves its writes, whatever the cuts', () => {
  const branch = new ReplicatedLog(new Simulation({ seed: '1' }), 'l').genesis(0)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: 5_000_000 }), fc.array(fc.integer({ min: -10, max: 5_000_010 }), { maxLength: 6 }), fc.boolean(), (writes, lengthUs, cuts, byAck) => {
      const interval: AckInterval = { demand: 'd', branch, fromLsn: 0, toLsn: writes * 100, fromUs: 0, toUs: lengthUs, ackFromUs: 0, ackToUs: lengthUs, writes, kind: 'ok' }
      const ends = [-Infinity, ...cuts.sort((a, b) => a - b), Infinity]
      let sum = 0
      for (let i = 0; i + 1 < ends.length; i++) sum += (byAck ? learnedWithin : writtenWithin)(interval, ends[i]!, ends[i + 1]!)?.writes ?? 0
      expect(sum).toBe(writes)
    }),
  )
})

const member = (name: string, versions: Record<string, string>, running = true): Member => ({ name, node: undefined, zone: undefined, running, ready: running, role: 'follower', timeline: 1, versions, copy: undefined, attached: true, caughtUp: true })

/** Watches the members given from one instant to the next. */
function watching(): { watch: VersionWatch; set(nowUs: number, members: readonly Member[]): void } {
  const watch = new VersionWatch()
  let known: readonly Member[] = []
  return {
    watch,
    set(nowUs, members) {
      for (const name of new Set([...known, ...members].map(m => m.name))) watch.setMember(known.find(m => m.name === name), members.find(m => m.name === name))
      known = members
      watch.look(nowUs)
    },
  }
}

test('mixed versions: per component, running members only; a component one lacks says nothing', () => {
  const mixed = (...members: Member[]) => {
    const { watch, set } = watching()
    set(0, members)
    return watch.mixed(1).map(w => w.component)
  }
  expect(mixed(member('a', { engine: '1', node: 'x' }), member('b', { engine: '2', node: 'x' }))).toEqual(['engine'])
  expect(mixed(member('a', { engine: '1' }), member('b', { engine: '2' }, false))).toEqual([])
  expect(mixed(member('a', { engine: '1' }), member('b', { node: 'x' }))).toEqual([])
})

test('mixed versions: the union is not the sum', () => {
  const { watch, set } = watching()
  set(0, [member('a', { engine: '1', node: 'x' }), member('b', { engine: '1', node: 'x' })])
  set(10, [member('a', { engine: '2', node: 'x' }), member('b', { engine: '1', node: 'x' })])
  set(20, [member('a', { engine: '2', node: 'y' }), member('b', { engine: '1', node: 'x' })])
  set(30, [member('a', { engine: '2', node: 'y' }), member('b', { engine: '2', node: 'x' })])
  set(40, [member('a', { engine: '2', node: 'y' }), member('b', { engine: '2', node: 'y' })])
  expect(watch.mixed(50).map(w => [w.component, w.fromUs, w.toUs])).toEqual([['engine', 10, 30], ['node', 20, 40]])
  expect(watch.mixedUnion(50)).toMatchObject([{ fromUs: 10, toUs: 40, open: false }])
})

test('mixed versions: a member that leaves, or comes back as another, is counted once', () => {
  const { watch, set } = watching()
  set(0, [member('a', { engine: '1' }), member('b', { engine: '2' })])
  set(10, [member('b', { engine: '2' })])
  set(20, [member('a', { engine: '2' }), member('b', { engine: '2' })])
  expect(watch.mixed(50).map(w => [w.component, w.fromUs, w.toUs])).toEqual([['engine', 0, 10]])
})

test('cost: the published table (256 nodes doubled for 96 h at $0.50) comes out', () => {
  const bill = (extraNodeUs: number, peakNodes: number) => ({ baseNodeUs: 0, extraNodeUs, peakNodes, baseNodes: 256, dollarsPerNodeHour: 0.5 })
  const blueGreen = costBetween(bill(0, 256), bill(256 * 96 * HOUR, 512))
  expect(blueGreen.extraCostDollars).toBe(12_288)
  expect(blueGreen.peakMultiplier).toBe(2)
  expect(blueGreen.monthMultiplier).toBeCloseTo(1.1315, 4)
  expect(costBetween(bill(0, 256), bill(192 * HOUR, 257)).extraCostDollars).toBe(96)
})

test('exposure: the crossings of a slow follower are found where a sampled sum finds them', () => {
  const sim = new Simulation({ seed: '1' })
  const log = new ReplicatedLog(sim, 'l')
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 30 })), { minLength: 1, maxLength: 6 }), fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 30 })), { minLength: 1, maxLength: 6 }), (a, b) => {
      const curve = log.copy('x', { branch: log.genesis(0), lsn: 0 }).curves.flush
      const make = (pieces: [number, number][]) => {
        const c = curve.tail(1)
        let t = 0
        let v = 0
        for (const [us, slope] of pieces) {
          c.add(t, t, v, slope, -1)
          v += us * slope
          t += us
        }
        c.add(t, t, v, 0, -1)
        return c
      }
      const need = make(a)
      const leader = { curve: need, limitLsn: Infinity }
      const follower = { curve: make(b), limitLsn: Infinity }
      const spans = exposedSpans(us => need.valueAt(us), need.start, [leader, follower], 0, 1000)
      let sampled = 0
      for (let us = 0; us < 1000; us++) if (need.valueAt(us + 0.5) > follower.curve.valueAt(us + 0.5) + 1) sampled += 1
      const exact = spans.reduce((sum, s) => sum + s.toUs - s.fromUs, 0)
      expect(Math.abs(exact - sampled)).toBeLessThanOrEqual(2 + a.length + b.length)
    }),
    { numRuns: 300 },
  )
  expect(SECOND).toBe(1_000_000)
})
