/** The published tables of durations and costs of a fleet (facts on fleets, §5), reproduced exactly: pure arithmetic (oracle O7). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  billOf, blueGreenDollars, breakEvenDollarsPerMinute, capacityDeficitNodeHours, capacityInFlight, catchUpSeconds, dualWriteDollars, expectedPrimaryFailures, fleetHours, type FleetRoll, mixedShardHours, monthMultiplier,
  rollingDollars, rollingExtraNodeHours, rollingMultiplier, scatterHitP, scatterStallSeconds, shardHours, shardsOf, tabletHours,
} from '../../src/measures/index.ts'

const roll = (tablets: number, minutes: number, shardsAtOnce: number, surgeNodes = 0): FleetRoll => ({ tablets, tabletsPerShard: 4, shardsAtOnce, tabletHours: minutes / 60, reparentHours: 0.5 / 60, surgeNodes })
const rounded = (x: number, digits: number): number => Number(x.toFixed(digits))

describe('O7: durations (n = 4, p = 0.5 min)', () => {
  // F, then u = 5 min with W = 1, 8, S, then u = 45 min with W = 1, 8, S: hours, to the digits printed there.
  test.each([
    [32, 2.7, 0.34, 0.34, 24.1, 3.0, 3.0],
    [256, 21.9, 2.7, 0.34, 192.5, 24.1, 3.0],
    [1024, 87.5, 10.9, 0.34, 770, 96.3, 3.0],
  ])('a fleet of %i', (tablets, ...hours) => {
    const digits = (x: number): number => String(x).split('.')[1]?.length ?? 0
    const found = [5, 45].flatMap(minutes => [1, 8, Number.POSITIVE_INFINITY].map(width => fleetHours(roll(tablets, minutes, width))))
    // 0.34 h = 20.5 min; every figure is the exact one rounded as the table rounds it.
    found.forEach((h, i) => expect(Math.abs(h - (hours[i] as number))).toBeLessThanOrEqual(0.5 * 10 ** -digits(hours[i] as number) + 1e-9))
  })

  test('exactly: 20.5 and 180.5 minutes a shard', () => {
    expect(shardHours(roll(32, 5, 1)) * 60).toBeCloseTo(20.5, 9)
    expect(shardHours(roll(32, 45, 1)) * 60).toBeCloseTo(180.5, 9)
    expect(mixedShardHours(roll(32, 5, 1)) * 60).toBeCloseTo(15.5, 9)
    expect(shardsOf(roll(1024, 5, 1))).toBe(256)
  })

  test('capacity in flight: W ÷ F, a quarter with every shard at once', () => {
    expect([32, 256, 1024].map(f => rounded(100 * capacityInFlight(roll(f, 5, 8)), 1))).toEqual([25, 3.1, 0.8])
    expect([32, 256, 1024].map(f => capacityInFlight(roll(f, 5, Number.POSITIVE_INFINITY)))).toEqual([0.25, 0.25, 0.25])
  })
})

describe('O7: cost (P = $0.50)', () => {
  test('rolling with one surge node and 45 min a tablet: $12, $96, $384, whatever the width', () => {
    for (const width of [1, 8, Number.POSITIVE_INFINITY]) expect([32, 256, 1024].map(f => rollingDollars(roll(f, 45, width, 1), 0.5))).toEqual([12, 96, 384])
    expect(rollingDollars(roll(256, 45, 1, 0), 0.5)).toBe(0)
    expect(rollingExtraNodeHours(roll(256, 45, 8, 1))).toBe(192)
  })

  test('without surge nothing is rented and W nodes are missing for as long as it takes', () => {
    expect(capacityDeficitNodeHours(roll(256, 5, 8))).toBeCloseTo(8 * 8 * (20.5 / 60), 9)
    expect(capacityDeficitNodeHours(roll(256, 5, 8, 1))).toBe(0)
    expect(rollingMultiplier(roll(256, 5, 8, 1))).toBe(1 + 8 / 256)
  })

  test('blue/green for 24, 96 and 168 h', () => {
    const table = [32, 256, 1024].map(f => [24, 96, 168].map(d => blueGreenDollars(f, d, 0.5)))
    expect(table).toEqual([[384, 1536, 2688], [3072, 12_288, 21_504], [12_288, 49_152, 86_016]])
    expect([24, 96, 168].map(d => rounded(monthMultiplier(d), d === 24 ? 3 : 2))).toEqual([1.033, 1.13, 1.23])
    expect(blueGreenDollars(256, 96, 0.5) / rollingDollars(roll(256, 45, 8, 1), 0.5)).toBe(128)
    expect(blueGreenDollars(1, 10, 0, { gigabytes: 100, dollarsPerGigabyteHour: 0.001 })).toBeCloseTo(1, 9)
  })

  test('copies kept on the old version for the way back cost by shard', () => {
    expect(rollingDollars(roll(256, 45, 8, 1), 0.5, { copiesPerShard: 1, soakHours: 24 })).toBe(0.5 * (192 + 64 * 24))
  })

  test('dual writes: the second fleet, and what goes with it', () => {
    expect(dualWriteDollars(256, 24, 0.5)).toBe(3072)
    expect(dualWriteDollars(256, 24, 0.5, { applicationNodes: 4, workerNodes: 2, writesPerSecond: 1000, dollarsPerMillionWrites: 0.2 })).toBeCloseTo(0.5 * 262 * 24 + 86.4 * 0.2, 9)
  })
})

test('unplanned primary failures to expect in 256 shards: 0.04, 0.35, 1.4, 11.3', () => {
  const found = [3, 24, 96, 770].map(h => expectedPrimaryFailures(256, 5.7e-5, h))
  expect([rounded(found[0] as number, 2), rounded(found[1] as number, 2), rounded(found[2] as number, 1)]).toEqual([0.04, 0.35, 1.4])
  expect(found[3]).toBeCloseTo(11.24, 2)
})

test('a query over all shards meets a stall: 3.5 % at 64 shards, 13.3 % at 256 (2 s in an hour) [VT-T12]', () => {
  expect(rounded(100 * scatterHitP(64, 2, 3600), 1)).toBe(3.5)
  expect(rounded(100 * scatterHitP(256, 2, 3600), 1)).toBe(13.3)
  expect(scatterStallSeconds(256, 1, 2, false)).toBe(512)
  expect(scatterStallSeconds(256, 1, 2, true)).toBe(2)
})

test('catching up: t × r ÷ (a − r), and never where it applies no faster than is written', () => {
  expect(catchUpSeconds(60, 1, 2)).toBe(60)
  expect(catchUpSeconds(60, 1, 4)).toBe(20)
  expect(catchUpSeconds(60, 1, 1)).toBe(Number.POSITIVE_INFINITY)
  expect(tabletHours({ drain: 10, shutdown: 10, scheduleAndAttach: 60, start: 15, catchUp: catchUpSeconds(95, 1, 2), soak: 110 }) * 3600).toBe(300)
})

test('a roll’s money does not hang on its width, its time does: T falls with W, s × F × u stays', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 120 }), (shards, width, n, minutes) => {
      const at = (shardsAtOnce: number): FleetRoll => ({ tablets: shards * n, tabletsPerShard: n, shardsAtOnce, tabletHours: minutes / 60, reparentHours: 0.01, surgeNodes: 1 })
      expect(fleetHours(at(width + 1))).toBeLessThanOrEqual(fleetHours(at(width)))
      expect(rollingDollars(at(width), 1)).toBe(rollingDollars(at(1), 1))
      expect(fleetHours(at(Number.POSITIVE_INFINITY))).toBe(shardHours(at(1)))
    }),
  )
})

test('the whole bill of a run, and the price of a minute at which two ways cost the same', () => {
  const measures = { extraCostDollars: 96, durationSeconds: 7200, writeDowntimeSeconds: 30 }
  expect(billOf(measures)).toEqual({ infrastructureDollars: 96, labourDollars: 0, downtimeDollars: 0, totalDollars: 96 })
  expect(billOf(measures, { dollarsPerAttendedHour: 120, dollarsPerDowntimeMinute: 1000 })).toEqual({ infrastructureDollars: 96, labourDollars: 240, downtimeDollars: 500, totalDollars: 836 })
  // $12,192 more for 56 s less: worth it above $13,063 a minute.
  expect(breakEvenDollarsPerMinute({ dollars: 12_288, downtimeSeconds: 4 }, { dollars: 96, downtimeSeconds: 60 })).toBeCloseTo(13_062.86, 2)
  expect(breakEvenDollarsPerMinute({ dollars: 96, downtimeSeconds: 4 }, { dollars: 12_288, downtimeSeconds: 60 })).toBeUndefined()
  expect(breakEvenDollarsPerMinute({ dollars: 1, downtimeSeconds: 4 }, { dollars: 2, downtimeSeconds: 4 })).toBeUndefined()
})
