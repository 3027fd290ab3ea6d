/** Bills of fleets that no table has, by hand from facts §5: shards × time, node-hours × price. */
import { expect, test } from 'vitest'
import { billOf, blueGreenDollars, breakEvenDollarsPerMinute, capacityDeficitNodeHours, capacityInFlight, catchUpSeconds, dualWriteDollars, expectedPrimaryFailures, fleetHours, mixedShardHours, monthMultiplier, rollingDollars, rollingExtraNodeHours, rollingMultiplier, scatterHitP, shardHours, tabletHours } from '../../src/measures/fleet.ts'

/** 48 tablets in 16 shards of three, four shards at once, 20 min a tablet, 2 min a reparent. */
const roll = { tablets: 48, tabletsPerShard: 3, shardsAtOnce: 4, tabletHours: 20 / 60, reparentHours: 2 / 60 }

test('48 tablets in threes, four shards at once: 62 min a shard, 248 min in all, a twelfth of the fleet away', () => {
  expect([shardHours(roll) * 60, fleetHours(roll) * 60, mixedShardHours(roll) * 60].map(Math.round)).toEqual([62, 248, 42])
  expect(capacityInFlight(roll)).toBeCloseTo(4 / 48, 12)
  expect(capacityDeficitNodeHours(roll)).toBeCloseTo((4 * 248) / 60, 9)
})

test('with a surge node: 16 node-hours whatever the width, $11.20 at $0.70, and no deficit', () => {
  for (const shardsAtOnce of [1, 4, 16]) expect(rollingExtraNodeHours({ ...roll, shardsAtOnce, surgeNodes: 1 })).toBeCloseTo(16, 9)
  expect(rollingDollars({ ...roll, surgeNodes: 1 }, 0.7)).toBeCloseTo(11.2, 9)
  expect([capacityDeficitNodeHours({ ...roll, surgeNodes: 1 }), rollingMultiplier({ ...roll, surgeNodes: 1 })]).toEqual([0, 1 + 4 / 48])
})

test('an odd width: five shards at once are four rounds, not three and a fifth', () => {
  expect(fleetHours({ ...roll, shardsAtOnce: 5 }) * 60).toBeCloseTo(4 * 62, 9)
  expect(fleetHours({ ...roll, shardsAtOnce: Number.POSITIVE_INFINITY }) * 60).toBeCloseTo(62, 9)
})

test('old copies kept for two days in each shard, one a shard: 768 node-hours more', () => {
  expect(rollingDollars({ ...roll, surgeNodes: 1 }, 0.5, { copiesPerShard: 1, soakHours: 48 })).toBeCloseTo(0.5 * (16 + 768), 9)
})

test('a tablet of 30 + 120 + 45 + 15 + 420 + 570 s is 20 min; away for 210 s at an apply ratio of 1.5 it catches up in 420', () => {
  expect(tabletHours({ drain: 30, shutdown: 120, scheduleAndAttach: 45, start: 15, catchUp: 420, soak: 570 }) * 60).toBeCloseTo(20, 9)
  expect(catchUpSeconds(210, 400, 600)).toBe(420)
  expect(catchUpSeconds(210, 600, 600)).toBe(Number.POSITIVE_INFINITY)
})

test('blue/green of it for 36 h at $0.70: $1,209.60, and 1.049 times the month; dual writes for three weeks with two workers: $12,600 and the writes', () => {
  expect(blueGreenDollars(48, 36, 0.7)).toBeCloseTo(1_209.6, 9)
  expect(monthMultiplier(36)).toBeCloseTo(1.0493, 4)
  // (48 + 2) nodes × 504 h × $0.50, and 300 writes/s × 504 h at $0.20 a million.
  expect(dualWriteDollars(48, 504, 0.5, { workerNodes: 2, writesPerSecond: 300, dollarsPerMillionWrites: 0.2 })).toBeCloseTo(12_600 + 108.864, 6)
})

test('unplanned failures of 16 primaries in 248 min: 0.0038; a query over all of them meets one of 2 s in an hour with 0.88 %', () => {
  expect(expectedPrimaryFailures(16, 5.7e-5, 248 / 60)).toBeCloseTo(0.00377, 5)
  expect(scatterHitP(16, 2, 3_600)).toBeCloseTo(0.00885, 4)
})

test('a bill with two hours of somebody at $120 and 90 s of downtime at $500 a minute; the price of a minute at which both ways cost the same', () => {
  expect(billOf({ extraCostDollars: 11.2, durationSeconds: 7_200, writeDowntimeSeconds: 90 }, { dollarsPerAttendedHour: 120, dollarsPerDowntimeMinute: 500 })).toEqual({ infrastructureDollars: 11.2, labourDollars: 240, downtimeDollars: 750, totalDollars: 1_001.2 })
  // $1,198.40 more for 4 s instead of 28.
  expect(breakEvenDollarsPerMinute({ dollars: 1_209.6, downtimeSeconds: 4 }, { dollars: 11.2, downtimeSeconds: 28 })).toBeCloseTo(2_996, 6)
  expect(breakEvenDollarsPerMinute({ dollars: 11.2, downtimeSeconds: 4 }, { dollars: 1_209.6, downtimeSeconds: 28 })).toBeUndefined()
})
