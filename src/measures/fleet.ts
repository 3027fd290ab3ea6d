/**
 * What an upgrade of a fleet takes and costs: the arithmetic alone, for tables, comparisons and bills (facts on fleets, §5).
 *
 * Symbols of the facts: F tablets, n tablets of a shard, S = F ÷ n shards, W shards worked on at once (one tablet each), u time of one tablet,
 * p time of a shard's planned reparent and its verification, s surge nodes for a tablet in work (0 or 1), D how long two environments stand side by
 * side, P dollars of a node-hour. Times here are hours unless a name says otherwise; nothing is rounded.
 */
import { HOURS_PER_MONTH } from './cost.ts'

/** A fleet and how it is rolled through. */
export interface FleetRoll {
  /** F */
  readonly tablets: number
  /** n */
  readonly tabletsPerShard: number
  /** W; Infinity = every shard at once. */
  readonly shardsAtOnce: number
  /** u */
  readonly tabletHours: number
  /** p */
  readonly reparentHours: number
  /** s */
  readonly surgeNodes?: number
}

/** The parts of u, in seconds. */
export interface TabletParts {
  readonly drain: number
  readonly shutdown: number
  readonly scheduleAndAttach: number
  readonly start: number
  readonly restore?: number
  readonly catchUp: number
  readonly soak: number
}

/** u = t_drain + t_shutdown + t_schedule+attach + t_start + t_restore + t_catchup + t_soak, in hours. */
export function tabletHours(parts: TabletParts): number {
  return (parts.drain + parts.shutdown + parts.scheduleAndAttach + parts.start + (parts.restore ?? 0) + parts.catchUp + parts.soak) / 3600
}

/** How long a replica that was away `downSeconds` needs to be level again: t_down × r ÷ (a − r) seconds; Infinity if it applies no faster than is written. */
export function catchUpSeconds(downSeconds: number, writeRate: number, applyRate: number): number {
  if (downSeconds === 0 || writeRate === 0) return 0
  return applyRate <= writeRate ? Number.POSITIVE_INFINITY : (downSeconds * writeRate) / (applyRate - writeRate)
}

/** S */
export function shardsOf({ tablets, tabletsPerShard }: Pick<FleetRoll, 'tablets' | 'tabletsPerShard'>): number {
  return tablets / tabletsPerShard
}

/** T_shard = n × u + p. */
export function shardHours({ tabletsPerShard, tabletHours, reparentHours }: Pick<FleetRoll, 'tabletsPerShard' | 'tabletHours' | 'reparentHours'>): number {
  return tabletsPerShard * tabletHours + reparentHours
}

/** T = ⌈S ÷ W⌉ × T_shard. */
export function fleetHours(roll: FleetRoll): number {
  const shards = shardsOf(roll)
  return Math.ceil(shards / Math.min(shards, roll.shardsAtOnce)) * shardHours(roll)
}

/** How long one shard runs mixed versions: T_shard − u of its first tablet. The fleet's window is {@link fleetHours}. */
export function mixedShardHours(roll: FleetRoll): number {
  return shardHours(roll) - roll.tabletHours
}

/** W ÷ F: the share of the fleet that is being replaced at any time, 1 ÷ n with every shard at once. */
export function capacityInFlight(roll: FleetRoll): number {
  return Math.min(shardsOf(roll), roll.shardsAtOnce) / roll.tablets
}

/** Node-hours that the roll lacks without surge nodes: W nodes for T. */
export function capacityDeficitNodeHours(roll: FleetRoll): number {
  return roll.surgeNodes === undefined || roll.surgeNodes === 0 ? Math.min(shardsOf(roll), roll.shardsAtOnce) * fleetHours(roll) : 0
}

/** Node-hours beyond the fleet's own: s × F × u, whatever the width. */
export function rollingExtraNodeHours({ tablets, tabletHours, surgeNodes = 0 }: FleetRoll): number {
  return surgeNodes * tablets * tabletHours
}

/** What the bill's rate is multiplied by while it rolls: 1 + s × W ÷ F. */
export function rollingMultiplier(roll: FleetRoll): number {
  return 1 + (roll.surgeNodes ?? 0) * capacityInFlight(roll)
}

/** P × [s × F × u + R_keep × S × T_soak]: surge nodes, and copies on the old version kept in each shard for the way back. */
export function rollingDollars(roll: FleetRoll, dollarsPerNodeHour: number, kept: { readonly copiesPerShard: number; readonly soakHours: number } = { copiesPerShard: 0, soakHours: 0 }): number {
  return dollarsPerNodeHour * (rollingExtraNodeHours(roll) + kept.copiesPerShard * shardsOf(roll) * kept.soakHours)
}

/** P × F × D, and the second copy's storage where it is not shared: P_s × bytes × D (0 with copy-on-write until it diverges). */
export function blueGreenDollars(tablets: number, dualHours: number, dollarsPerNodeHour: number, storage: { readonly gigabytes: number; readonly dollarsPerGigabyteHour: number } = { gigabytes: 0, dollarsPerGigabyteHour: 0 }): number {
  return dollarsPerNodeHour * tablets * dualHours + storage.dollarsPerGigabyteHour * storage.gigabytes * dualHours
}

/** P × F_green × D + the applications' extra processors + the writes' second I/O + the workers of backfill and change capture. */
export function dualWriteDollars(
  greenTablets: number,
  dualHours: number,
  dollarsPerNodeHour: number,
  more: { readonly applicationNodes?: number; readonly workerNodes?: number; readonly writesPerSecond?: number; readonly dollarsPerMillionWrites?: number } = {},
): number {
  const nodes = greenTablets + (more.applicationNodes ?? 0) + (more.workerNodes ?? 0)
  return dollarsPerNodeHour * nodes * dualHours + ((more.writesPerSecond ?? 0) * 3600 * dualHours * (more.dollarsPerMillionWrites ?? 0)) / 1_000_000
}

/** What the month's bill is multiplied by when the fleet is doubled for D hours: 1 + D ÷ 730. "Twice" is a rate, not a bill. */
export function monthMultiplier(dualHours: number): number {
  return 1 + dualHours / HOURS_PER_MONTH
}

/** Unplanned failures of a primary to expect while versions are mixed: S × λ × T. */
export function expectedPrimaryFailures(shards: number, failuresPerHour: number, hours: number): number {
  return shards * failuresPerHour * hours
}

/**
 * How likely a query that touches all S shards meets one that stands still: 1 − (1 − d ÷ T)^S, each of the shards standing still once for
 * `stallSeconds` somewhere within `windowSeconds`.
 */
export function scatterHitP(shards: number, stallSeconds: number, windowSeconds: number): number {
  let none = 1
  for (let i = 0; i < shards; i++) none *= 1 - Math.min(1, stallSeconds / windowSeconds)
  return 1 - none
}

/** The standing still that a query over all shards meets in all: S × k × d one after the other, about d × k if all at once. */
export function scatterStallSeconds(shards: number, reparents: number, stallSeconds: number, together: boolean): number {
  return (together ? 1 : shards) * reparents * stallSeconds
}

/** What a run cost in money, from its measures and prices. */
export interface Prices {
  /** Of an hour of somebody who watches over it; 0 = not counted. */
  readonly dollarsPerAttendedHour?: number
  /** Of a minute in which nobody could write; 0 = not counted. */
  readonly dollarsPerDowntimeMinute?: number
}

export interface RunBill {
  readonly infrastructureDollars: number
  readonly labourDollars: number
  readonly downtimeDollars: number
  readonly totalDollars: number
}

/** The whole bill of a run: what was rented beyond the fleet, who watched for how long, and what not being able to write was worth. */
export function billOf(measures: { readonly extraCostDollars: number; readonly durationSeconds: number; readonly writeDowntimeSeconds: number }, prices: Prices = {}): RunBill {
  const infrastructureDollars = measures.extraCostDollars
  const labourDollars = (measures.durationSeconds / 3600) * (prices.dollarsPerAttendedHour ?? 0)
  const downtimeDollars = (measures.writeDowntimeSeconds / 60) * (prices.dollarsPerDowntimeMinute ?? 0)
  return { infrastructureDollars, labourDollars, downtimeDollars, totalDollars: infrastructureDollars + labourDollars + downtimeDollars }
}

/**
 * The price of a minute without writes at which two ways of doing it cost the same: above it the one with less downtime is the cheaper one.
 * Undefined when one of them is better (or no worse) in both, so that no price changes the answer.
 */
export function breakEvenDollarsPerMinute(a: { readonly dollars: number; readonly downtimeSeconds: number }, b: { readonly dollars: number; readonly downtimeSeconds: number }): number | undefined {
  const dearer = a.dollars - b.dollars
  const saved = (b.downtimeSeconds - a.downtimeSeconds) / 60
  if (saved === 0) return undefined
  const price = dearer / saved
  return price > 0 ? price : undefined
}
