/**
 * Lost writes: acknowledged, and not in the authority's history. Counted from the ledger's flows as exact integers.
 *
 * - *stranded* = still on a durable copy, which is named; *destroyed* = on none.
 * - *inherent* = all three of
 *   1. the branch's leader was down or cut off by a **fault** when the branch was dropped, or when the engine gave it up for lost;
 *   2. the engine's own failover dropped the branch, or the operator promoted the furthest reachable copy after the write was acknowledged,
 *      or nobody promoted anything: the fault destroyed the last copy, and the furthest one left counts, as in any failover;
 *   3. the write was no older at the fault than the lag without the runbook: written after the earliest lag-making fault then active,
 *      less the lag that the cluster had before the first step (and never less than one second).
 *   Everything else is the runbook's.
 *
 * An interval is cut where the answer changes (at the promotion, and at the age limit), so each part has one answer.
 */
import { type AckInterval, type Branch, forkPoint, type Position } from '../cluster/log/index.ts'
import type { Departure, Promotion } from '../engine.ts'
import { NEVER, SECOND, type Us } from '../kernel/index.ts'
import type { MemberChange } from '../result.ts'
import { learnedWithin, writtenWithin } from './intervals.ts'

/** A write this much older than the fault may be missing on a follower of any healthy asynchronous cluster. */
export const LEAST_LAG_US = SECOND

/** A fault as the story had it. */
export interface FaultRecord {
  readonly atUs: Us
  /** When it ended; undefined = not yet, or never. */
  readonly endUs: Us | undefined
  readonly kind: string
  readonly target: string
  readonly struck: boolean
  /** Members it took away, cut off or slowed. */
  readonly members: readonly string[]
}

/** Part of the loss with one explanation. */
export interface Loss {
  readonly interval: AckInterval
  readonly writes: number
  readonly inherent: boolean
  /** Which clause of "inherent" fails first; empty when inherent. */
  readonly why: string
  readonly fate: 'stranded' | 'destroyed'
  readonly holders: readonly string[]
  /** The member that acknowledged it, if known. */
  readonly leader: string | undefined
  /** The promotion that began the history in which it is missing; undefined when no promotion did. */
  readonly dropper: Promotion | undefined
  /** Where the two histories part; LSN −1 = they have nothing in common. Undefined without an authority. */
  readonly fork: Position | undefined
  /** The history that counts has taken theirs up by merging it (logical replication), up to {@link fork}. */
  readonly merged: boolean
  /** The departure of that leader that came before the promotion (or the last one, without a promotion). */
  readonly departure: Departure | undefined
  /** Acknowledged at or after the instant of the promotion that dropped it. */
  readonly afterPromotion: boolean
}

export interface LossContext {
  readonly authority: Position | undefined
  /** Histories merged into the authority's. */
  readonly merged?: readonly Position[]
  readonly promotions: readonly Promotion[]
  readonly departures: readonly Departure[]
  readonly faults: readonly FaultRecord[]
  readonly changes: readonly MemberChange[]
  /** Lag of a healthy follower before the first step. */
  readonly baselineLagUs: Us
  holders(interval: AckInterval): readonly string[]
}

/** Explains each interval of `lost` (the ledger beyond the authority). Parts come in the order of the intervals, earliest first within one. */
export function explainLoss(lost: readonly AckInterval[], context: LossContext): readonly Loss[] {
  const losses: Loss[] = []
  for (const interval of lost) {
    const end = { branch: interval.branch, lsn: interval.toLsn }
    const own = context.authority === undefined ? undefined : forkPoint(context.authority, end)
    // Merged in: how far that came says more than that the two databases are not one.
    const through = own === undefined || own.lsn >= 0 ? [] : (context.merged ?? []).map(history => forkPoint(history, end)).filter(({ lsn }) => lsn >= 0)
    const fork = through.reduce<Position | undefined>((best, each) => (best === undefined || each.lsn > best.lsn ? each : best), undefined) ?? own
    const dropper = dropperOf(interval, context)
    for (const part of cut(interval, dropper, context)) if (part.writes > 0) losses.push(explain(part, dropper, fork, through.length > 0, context))
  }
  return losses
}

/** Parts of the interval, acknowledged before and after the promotion, and of the former those older than the lag and those not. */
function cut(interval: AckInterval, dropper: Promotion | undefined, context: LossContext): readonly AckInterval[] {
  const droppedUs = dropper?.atUs ?? NEVER
  const before = learnedWithin(interval, Number.NEGATIVE_INFINITY, droppedUs)
  const after = dropper === undefined ? undefined : learnedWithin(interval, droppedUs, NEVER)
  const parts: AckInterval[] = []
  if (before !== undefined) {
    const limitUs = ageLimitUs(leaderAt(context.changes, before), dropper, before, context)
    for (const part of [writtenWithin(before, Number.NEGATIVE_INFINITY, limitUs), writtenWithin(before, limitUs, NEVER)]) if (part !== undefined) parts.push(part)
  }
  if (after !== undefined) parts.push(after)
  return parts
}

function explain(interval: AckInterval, dropper: Promotion | undefined, fork: Position | undefined, merged: boolean, context: LossContext): Loss {
  const leader = leaderAt(context.changes, interval)
  const afterPromotion = dropper !== undefined && interval.ackFromUs >= dropper.atUs
  const holders = context.holders(interval)
  const why = runbooksFault(interval, leader, dropper, afterPromotion, holders.length > 0, context)
  return {
    interval,
    writes: interval.writes,
    inherent: why === '',
    why,
    fate: holders.length > 0 ? 'stranded' : 'destroyed',
    holders,
    leader,
    dropper,
    fork,
    merged,
    departure: departureOf(leader, dropper?.atUs ?? NEVER, context.departures),
    afterPromotion,
  }
}

/** The first clause of "inherent" that does not hold, in words; empty when all hold. */
function runbooksFault(interval: AckInterval, leader: string | undefined, dropper: Promotion | undefined, afterPromotion: boolean, stranded: boolean, context: LossContext): string {
  if (dropper === undefined && (stranded || context.authority === undefined)) return 'no promotion dropped these writes'
  const struckUs = struckAtUs(leader, dropper, context)
  if (struckUs === undefined) return `no fault had taken ${leader ?? 'the leader'} away`
  if (dropper?.by === 'operator') {
    if (afterPromotion) return `${dropper.member} was promoted before they were acknowledged`
    if (!dropper.furthestReachable) return `${dropper.member} was not the furthest copy that could be reached`
  }
  if (interval.fromUs < ageLimitUs(leader, dropper, interval, context)) return 'they were older than the lag without the runbook'
  return ''
}

/** When a fault took the leader away, down or cut off, as of the promotion (or of the engine's verdict before it); undefined = none did. */
export function struckAtUs(leader: string | undefined, dropper: Promotion | undefined, context: Pick<LossContext, 'departures' | 'faults' | 'changes'>): Us | undefined {
  const departure = departureOf(leader, dropper?.atUs ?? NEVER, context.departures)
  if (departure !== undefined && !(dropper !== undefined && ledAgain(context.changes, departure, dropper.atUs))) return departure.cause === 'fault' ? departure.atUs : undefined
  if (dropper === undefined) return undefined
  const verdictUs = dropper.verdictUs ?? dropper.atUs
  let struckUs: Us | undefined
  for (const fault of context.faults) {
    if (!fault.struck || leader === undefined || !fault.members.includes(leader) || !takesAway(fault.kind)) continue
    if (fault.atUs <= verdictUs && (fault.endUs === undefined || fault.endUs > verdictUs)) struckUs = fault.atUs
  }
  return struckUs
}

/** It came back as a leader before somebody else was promoted: why it went away then has nothing to do with that. */
function ledAgain(changes: readonly MemberChange[], { member, atUs }: Departure, beforeUs: Us): boolean {
  return changes.some(c => c.member === member && c.running && c.role === 'leader' && c.atUs > atUs && c.atUs < beforeUs)
}

/** Writes older than this, as of the fault, cannot be blamed on ordinary lag. Lag-making faults that were active then move it back to their start. */
function ageLimitUs(leader: string | undefined, dropper: Promotion | undefined, interval: AckInterval, context: LossContext): Us {
  const struckUs = struckAtUs(leader, dropper, context) ?? interval.ackFromUs
  let earliestUs = struckUs
  for (const fault of context.faults) {
    if (!fault.struck || fault.atUs > struckUs || !(takesAway(fault.kind) || makesLag(fault.kind))) continue
    if (fault.endUs === undefined || fault.endUs >= struckUs - LEAST_LAG_US) earliestUs = Math.min(earliestUs, fault.atUs)
  }
  return earliestUs - Math.max(LEAST_LAG_US, context.baselineLagUs)
}

/** A fault that leaves its members down, out of reach or standing still. */
export function takesAway(kind: string): boolean {
  return kind === 'flapping' || kind === 'process-crash' || kind === 'process-kill' || kind === 'process-pause' || kind.startsWith('node-loss') || kind === 'zone-outage' || kind.startsWith('partition')
}

const LAG_MAKERS: ReadonlySet<string> = new Set(['replication-lag', 'replay-stall', 'latency', 'packet-loss', 'machine-slow', 'load-spike', 'disk-slow', 'disk-full'])

/** A fault under which followers fall behind, whatever the runbook does: a slow link or machine, a trickle through lost packets, more writes than get through. */
function makesLag(kind: string): boolean {
  return LAG_MAKERS.has(kind)
}

/**
 * The promotion that began the authority's side of the fork. Walks the authority's chain up to the branch whose parent both share; undefined
 * when the authority stayed on the writes' own line or shares nothing with it.
 */
function dropperOf(interval: AckInterval, context: LossContext): Promotion | undefined {
  if (context.authority === undefined) return undefined
  const shared = new Set<Branch>()
  for (let b: Branch | null = interval.branch; b !== null; b = b.parent) shared.add(b)
  for (let b: Branch | null = context.authority.branch; b?.parent != null && !shared.has(b); b = b.parent) {
    if (!shared.has(b.parent)) continue
    const { forkLsn, parent } = b
    return context.promotions.find(p => p.from.lsn === forkLsn && p.from.branch === parent) ?? context.promotions.find(p => p.from.lsn === forkLsn)
  }
  return undefined
}

/** The member that led the interval's branch when it was acknowledged: by role and timeline, else by role alone. */
export function leaderAt(changes: readonly MemberChange[], interval: AckInterval): string | undefined {
  const leaders = leadersAt(changes, interval.fromUs)
  return (leaders.find(change => change.timeline === interval.branch.timeline) ?? (leaders.length === 1 ? leaders[0] : undefined))?.member
}

/** The members that ran as a leader at the instant (its changes included), by their last change before it. */
export function leadersAt(changes: readonly MemberChange[], atUs: Us): readonly MemberChange[] {
  const last = new Map<string, MemberChange>()
  for (const change of changes) if (change.atUs <= atUs) last.set(change.member, change)
  return [...last.values()].filter(change => change.running && change.role === 'leader')
}

function departureOf(leader: string | undefined, beforeUs: Us, departures: readonly Departure[]): Departure | undefined {
  let found: Departure | undefined
  for (const departure of departures) if (departure.member === leader && departure.atUs <= beforeUs) found = departure
  return found
}

/** Sum of the writes of the losses that `select` wants. */
export function countLosses(losses: readonly Loss[], select: (loss: Loss) => boolean = () => true): number {
  let sum = 0
  for (const loss of losses) if (select(loss)) sum += loss.writes
  return sum
}
