import type { Us } from '../../kernel/index.ts'
import type { Copy } from './copy.ts'
import { whole } from './curve.ts'
import type { ReplicatedLog } from './log.ts'
import { type Branch, type Bytes, type Position, sharedUpTo } from './position.ts'

export type AckKind = 'ok' | 'warned' | 'unknown'

/**
 * A stretch of one demand's writes with one outcome, evenly spaced within. `fromUs`…`toUs` is when they were written; `ackFromUs`…`ackToUs`
 * when their client learned the outcome (for unknown: when it gave up or its connection broke).
 */
export interface AckInterval {
  readonly demand: string
  readonly branch: Branch
  readonly fromLsn: Bytes
  readonly toLsn: Bytes
  readonly fromUs: Us
  readonly toUs: Us
  readonly ackFromUs: Us
  readonly ackToUs: Us
  /** Whole writes: the floor of the cumulative count at the end less that at the beginning. */
  readonly writes: number
  readonly kind: AckKind
}

/** A history, or the part of it from byte `since` on: what somebody has merged who began in the middle. */
export interface History extends Position {
  readonly since?: Bytes
}

/** An interval as kept: real-valued cumulative counts and log ends, still growing at its end. */
export interface Entry {
  demand: string
  branch: Branch
  kind: AckKind
  n1: number
  n2: number
  x1: number
  x2: number
  w1: number
  w2: number
  a1: number
  a2: number
}

const JOIN = 1e-6

/** What clients were told, as intervals. Nothing is ever removed from it. */
export class Ledger {
  private readonly entries: Entry[] = []
  /** Where new stretches also go: marks. */
  readonly listeners: ((e: Readonly<Entry>) => void)[] = []

  constructor(private readonly log: ReplicatedLog) {}

  /** For the log: appends a stretch, joined to the one before it when it goes on along the same line. The entry stays the caller's. */
  add(e: Entry): void {
    for (const listener of this.listeners) listener(e)
    const { entries } = this
    for (let i = entries.length - 1; i >= 0 && i > entries.length - 5; i--) {
      const p = entries[i] as Entry
      if (p.demand !== e.demand) continue
      if (joins(p, e)) {
        p.n2 = e.n2
        p.x2 = e.x2
        p.w2 = e.w2
        p.a2 = e.a2
        return
      }
      break
    }
    entries.push({ ...e })
  }

  /** All intervals up to now, in the order in which their outcome began. */
  intervals(): readonly AckInterval[] {
    this.log.account()
    return this.entries.map(e => present(e, e.n1, e.n2))
  }

  /** Acknowledged writes, those with a warning included. */
  ackedWrites(): number {
    return this.total('ok') + this.total('warned')
  }

  /** Writes with this outcome so far. */
  total(kind: AckKind): number {
    this.log.account()
    let sum = 0
    for (const e of this.entries) if (e.kind === kind) sum += whole(e.n2) - whole(e.n1)
    return sum
  }

  /** When the first write on this very branch was acknowledged; Infinity as long as none is. */
  firstAckUs(branch: Branch): number {
    this.log.account()
    let firstUs = Number.POSITIVE_INFINITY
    for (const e of this.entries) if (e.branch === branch && e.kind !== 'unknown' && e.n2 > e.n1 && e.a1 < firstUs) firstUs = e.a1
    return firstUs
  }

  /** For counts: one demand's writes with this outcome, as accounted. */
  of(demand: string, kind: AckKind): number {
    let sum = 0
    for (const e of this.entries) if (e.kind === kind && e.demand === demand) sum += whole(e.n2) - whole(e.n1)
    return sum
  }

  /**
   * A waiting commit is cancelled on each of `connections` connections of `leader`: the oldest outstanding writes (shared out over the
   * demands in proportion) are acknowledged with a warning although the rule is not met.
   */
  warn(leader: Copy, connections: number): void {
    this.log.warn(leader, connections)
  }

  /**
   * The acknowledged writes that the history ending at `authority` does not contain, cut at the fork. A write is contained when its last
   * byte is; intervals without a whole write beyond the fork are left out. Several histories: what none of them contains (a database into which
   * another one's changes are merged holds both).
   */
  beyond(authority: Position | readonly History[], kinds: readonly AckKind[] = ['ok', 'warned']): readonly AckInterval[] {
    this.log.account()
    const histories: readonly History[] = 'branch' in authority ? [authority] : authority
    const entire = histories.filter(({ since }) => since === undefined)
    const partial = histories.filter(({ since }) => since !== undefined)
    const shared = new Map<Branch, Bytes>()
    const lost: AckInterval[] = []
    for (const e of this.entries) {
      if (!kinds.includes(e.kind)) continue
      let limit = shared.get(e.branch)
      if (limit === undefined) {
        limit = Math.max(-1, ...entire.map(history => sharedUpTo(history, e.branch)))
        shared.set(e.branch, limit)
      }
      let parts: (readonly [number, number])[] = [[countAt(e, limit), e.n2]]
      for (const history of partial) parts = parts.flatMap(part => without(part, countAt(e, history.since as Bytes), countAt(e, sharedUpTo(history, e.branch))))
      for (const [from, to] of parts) if (whole(to) > whole(from)) lost.push(present(e, from, to))
    }
    return lost
  }
}

/** A stretch of counts without those from `low` to `high`. */
function without([from, to]: readonly [number, number], low: number, high: number): (readonly [number, number])[] {
  if (high <= low || high <= from || low >= to) return [[from, to]]
  return [...(low > from ? [[from, low] as const] : []), ...(high < to ? [[high, to] as const] : [])]
}

/** The cumulative count of an entry's writes whose last byte lies before byte `lsn`: an LSN is a floor, so a write ending within it is in. */
function countAt(e: Entry, lsn: Bytes): number {
  const end = lsn + 1 - 2 * 0.001
  if (end >= e.x2) return e.n2
  if (end <= e.x1) return e.n1
  return e.n1 + ((e.n2 - e.n1) * (end - e.x1)) / (e.x2 - e.x1)
}

function present(e: Entry, n1: number, n2: number): AckInterval {
  const span = e.n2 - e.n1
  const f = span > 0 ? (n1 - e.n1) / span : 0
  const g = span > 0 ? (n2 - e.n1) / span : 1
  return {
    demand: e.demand,
    branch: e.branch,
    fromLsn: whole(e.x1 + (e.x2 - e.x1) * f),
    toLsn: whole(e.x1 + (e.x2 - e.x1) * g),
    fromUs: Math.round(e.w1 + (e.w2 - e.w1) * f),
    toUs: Math.round(e.w1 + (e.w2 - e.w1) * g),
    ackFromUs: Math.round(e.a1 + (e.a2 - e.a1) * f),
    ackToUs: Math.round(e.a1 + (e.a2 - e.a1) * g),
    writes: whole(n2) - whole(n1),
    kind: e.kind,
  }
}

function joins(p: Entry, e: Entry): boolean {
  if (p.kind !== e.kind || p.branch !== e.branch || Math.abs(p.n2 - e.n1) > JOIN) return false
  return goesOn(p.w1, p.w2, e.w1, e.w2, p, e) && goesOn(p.a1, p.a2, e.a1, e.a2, p, e) && goesOn(p.x1, p.x2, e.x1, e.x2, p, e)
}

/** Whether a coordinate goes on along the same line per write, within half a µs (or byte). */
function goesOn(p1: number, p2: number, e1: number, e2: number, p: Entry, e: Entry): boolean {
  if (Math.abs(e1 - p2) > 0.5) return false
  const n = p.n2 - p.n1
  const m = e.n2 - e.n1
  if (n <= 0 || m <= 0) return true
  const expected = p1 + ((p2 - p1) * (e.n2 - p.n1)) / n
  return Math.abs(e2 - expected) <= 0.5
}
