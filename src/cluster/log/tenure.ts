import type { Us } from '../../kernel/index.ts'
import type { Demand } from './demand.ts'
import type { Head } from './head.ts'
import { SLACK } from './curve.ts'
import type { AckKind, Entry } from './ledger.ts'
import type { Share } from './rates.ts'
import { AckWalk, N1, N2, piece, type PieceSink, U1, U2, W1, W2, X1, X2 } from './walk.ts'

/** What is to be expected of a tenure, as far as the present future tells. */
export interface Forecast {
  /** Acknowledgements flow just after now. */
  readonly flowing: boolean
  /** When that changes; Infinity if it does not. */
  readonly changesAtUs: number
  /** Before this instant the same question has the same answer, as long as the curves stay as they are. */
  readonly goodUntilUs: number
  /** When as many are outstanding as asked; Infinity if never. */
  readonly fullAtUs: number
}

const HORIZON_US = 20_000_000_000
const FORECAST_PIECES = 200

/** One demand's stay with one leader: pairs its writes with their acknowledgements. Numbers of writes are the demand's cumulative ones. */
export class Tenure implements PieceSink {
  readonly walk: AckWalk
  /** Acknowledged by the server's rule, in time for the client or not. */
  nAcked: number
  /** Has an outcome for the client. */
  nDone: number
  /** Written up to now, and for ever once the tenure drains. */
  nEnd = Number.POSITIVE_INFINITY
  /** From the server's acknowledgement position to the client's knowledge. */
  readonly replyUs: Us
  /** Clients time out now and again: the rate is then their mean rate, not the echo of their burst. */
  expiring = false
  /** For the log: the number of busy connections at which the rate must be looked at again. */
  full = Number.POSITIVE_INFINITY
  /** For the log: acknowledgements are held back and the pool is what limits the rate; then time-outs free connections. */
  limitedFull = Number.POSITIVE_INFINITY
  /** For the log: the pool has been full under the present limit; small drift does not start a new run-up. */
  saturated = false
  /** For the log: writing rests until then. */
  resumeAtUs = Number.POSITIVE_INFINITY

  /** The versions of the curves that were found to lead to a steady state, and whether acknowledgements flow in it. */
  private ackSeen = -1
  private writtenSeen = -1
  private writesSeen = -1
  private endSeen = 0
  private steadilyFlowing = false
  /** The stretch at hand, read at once: most go on where the one before ended, and none needs to be kept. Its numbers are doubles from the start. */
  private readonly stretch: Entry
  /** For the log: its part in the leader's writing, written anew at each look. */
  readonly share: Share = { tenure: this, waiting: false, extraUs: 0, rate: 0, full: Number.POSITIVE_INFINITY }

  constructor(
    readonly demand: Demand,
    readonly head: Head,
    now: Us,
  ) {
    this.replyUs = head.commitLatencyUs + demand.options.roundTripUs + demand.addedUs
    this.walk = new AckWalk(head.ack, head.written, demand.writes, now)
    this.nAcked = demand.writes.valueAt(now)
    this.nDone = this.nAcked
    this.stretch = { demand: demand.options.id, branch: head.branch, kind: 'ok', n1: 0.5, n2: 0.5, x1: 0.5, x2: 0.5, w1: 0.5, w2: 0.5, a1: 0.5, a2: 0.5 }
  }

  written(now: Us): number {
    return Math.min(this.nEnd, this.demand.writes.valueAt(now))
  }

  /** How many connections are taken: a client that timed out has gone on (open loop), or still waits (closed loop). */
  busy(now: Us): number {
    return Math.max(0, this.written(now) - (this.demand.options.loop === 'open' ? this.nDone : this.nAcked))
  }

  /** Brings outcomes up to now. */
  account(now: Us): void {
    const limit = this.demand.options.timeoutUs
    this.walk.advance(now - this.replyUs, this)
    if (limit !== Number.POSITIVE_INFINITY) {
      const due = Math.min(this.nEnd, this.demand.writes.valueAt(now - limit))
      if (due > this.nDone) this.outcome('unknown', due, now, limit)
    }
  }

  /** For the walk: a stretch was acknowledged. */
  take(): boolean {
    const limit = this.demand.options.timeoutUs
    const n1 = piece[N1] as number
    const n2 = piece[N2] as number
    const w1 = piece[W1] as number
    const w2 = piece[W2] as number
    const x1 = piece[X1] as number
    const x2 = piece[X2] as number
    if (n2 > this.nAcked) this.nAcked = n2
    const a1 = (piece[U1] as number) + this.replyUs
    const a2 = (piece[U2] as number) + this.replyUs
    const l1 = a1 - w1
    const l2 = a2 - w2
    if (l1 <= limit && l2 <= limit) this.put('ok', n1, n2, w1, w2, x1, x2, a1, a2)
    else if (l1 > limit && l2 > limit) this.put('unknown', n1, n2, w1, w2, x1, x2, w1 + limit, w2 + limit)
    else {
      const f = (limit - l1) / (l2 - l1)
      const [n, w, x, a] = [n1 + (n2 - n1) * f, w1 + (w2 - w1) * f, x1 + (x2 - x1) * f, a1 + (a2 - a1) * f]
      this.put(l1 <= limit ? 'ok' : 'unknown', n1, n, w1, w, x1, x, l1 <= limit ? a1 : w1 + limit, l1 <= limit ? a : w + limit)
      this.put(l2 <= limit ? 'ok' : 'unknown', n, n2, w, w2, x, x2, l2 <= limit ? a : w + limit, l2 <= limit ? a2 : w2 + limit)
    }
    return false
  }

  /** The oldest outstanding writes up to number `n` get this outcome: at `now`, or each `afterUs` after it was written. */
  outcome(kind: AckKind, n: number, now: Us, afterUs?: Us): void {
    const { writes } = this.demand
    const { written } = this.head
    let from = this.nDone
    while (from < n) {
      // The segment of the count in which write number `from` falls.
      let i = writes.index(this.instant(from))
      while (i + 1 < writes.start.length && ((writes.slope[i] as number) <= 0 || writes.by(i, writes.start[i + 1] as number) <= from)) i++
      const slope = writes.slope[i] as number
      if (slope <= 0) break
      const w1 = (writes.at[i] as number) + (from - (writes.value[i] as number)) / slope
      // Straight in the bytes as well: another demand may have changed its rate within this stretch.
      const j = written.index(w1)
      const wEnd = Math.min(i + 1 < writes.start.length ? (writes.start[i + 1] as number) : Number.POSITIVE_INFINITY, j + 1 < written.start.length ? (written.start[j + 1] as number) : Number.POSITIVE_INFINITY)
      const w2 = Math.min(wEnd, (writes.at[i] as number) + (n - (writes.value[i] as number)) / slope)
      const to = w2 < wEnd ? n : Math.min(n, writes.by(i, wEnd))
      if (to <= from) {
        if (wEnd === Number.POSITIVE_INFINITY || w2 < wEnd) break
        from += 1e-9
        continue
      }
      this.put(kind, from, to, w1, w2, written.by(j, w1), written.by(j, w2), afterUs === undefined ? now : w1 + afterUs, afterUs === undefined ? now : w2 + afterUs)
      from = to
    }
    this.nDone = Math.max(this.nDone, n)
    if (kind === 'warned') this.nAcked = Math.max(this.nAcked, n)
  }

  /** The session is over: what has no outcome will never get one. */
  break(now: Us): void {
    this.account(now)
    const all = this.written(now)
    if (this.nDone > all + 2 * SLACK) throw new Error(`log: ${this.nDone} writes of ${this.demand.options.id} have an outcome, but only ${all} were written`)
    if (all > this.nDone) this.outcome('unknown', all, now)
  }

  /** When the oldest write without an outcome was written; Infinity if there is none. */
  oldestUs(now: Us): number {
    return this.written(now) > this.nDone + 1e-6 ? this.instant(this.nDone) : Number.POSITIVE_INFINITY
  }

  /**
   * Looks ahead along the curves as they stand: `full` is the number of busy connections to watch for. The answer is one object for all
   * tenures: read it before the next forecast.
   */
  forecast(now: Us, full: number): Forecast {
    const { ack, written } = this.head
    const { writes } = this.demand
    const asLast = this.ackSeen === ack.version && this.writtenSeen === written.version && this.writesSeen === writes.version && this.endSeen === this.nEnd
    if (asLast && full === Number.POSITIVE_INFINITY) return outlook.steady(this.steadilyFlowing)
    outlook.of(this, now, full)
    // As long as the curves stay, what is to last for ever need not be looked at again.
    if (outlook.goodUntilUs === Number.POSITIVE_INFINITY) {
      this.ackSeen = ack.version
      this.writtenSeen = written.version
      this.writesSeen = writes.version
      this.endSeen = this.nEnd
      this.steadilyFlowing = outlook.flowing
    } else this.ackSeen = -1
    return outlook
  }

  private instant(n: number): number {
    return this.demand.writes.reaches(n, this.demand.writes.start[0] as number)
  }

  private put(kind: AckKind, n1: number, n2: number, w1: number, w2: number, x1: number, x2: number, a1: number, a2: number): void {
    const to = Math.min(n2, this.nEnd)
    if (to <= this.nDone) return
    const f = n1 < this.nDone ? (this.nDone - n1) / (n2 - n1) : 0
    const g = to < n2 ? (to - n1) / (n2 - n1) : 1
    const entry = this.stretch
    entry.kind = kind
    entry.n1 = Math.max(n1, this.nDone)
    entry.n2 = to
    entry.w1 = between(w1, w2, f)
    entry.w2 = between(w1, w2, g)
    entry.x1 = between(x1, x2, f)
    entry.x2 = between(x1, x2, g)
    entry.a1 = between(a1, a2, f)
    entry.a2 = between(a1, a2, g)
    this.head.log.ledger.add(entry)
    this.nDone = to
  }
}

function between(p: number, q: number, h: number): number {
  return h === 0 ? p : h === 1 ? q : p + (q - p) * h
}

/** Walks ahead without moving anything: the one that makes forecasts. */
class Outlook implements Forecast, PieceSink {
  flowing = false
  changesAtUs = 0
  goodUntilUs = 0
  fullAtUs = 0
  private walk: AckWalk | undefined
  private now: Us = 0
  private full = 0
  private limit = 0
  private replyUs = 0
  private rate = 0
  private n0 = 0
  private acked = 0
  private flowEnd = 0
  private settled = false
  /** A piece too late for its clients becomes quick enough within itself: then the answer depends on where the walk stands. */
  private wavering = false
  private t = 0
  private pieces = 0

  of(tenure: Tenure, now: Us, full: number): this {
    const { demand } = tenure
    const { writes } = demand
    this.flowing = false
    this.changesAtUs = Number.POSITIVE_INFINITY
    this.fullAtUs = Number.POSITIVE_INFINITY
    this.now = now
    this.full = full
    this.limit = demand.options.timeoutUs
    this.replyUs = tenure.replyUs
    this.rate = tenure.nEnd === Number.POSITIVE_INFINITY ? (writes.slope[writes.slope.length - 1] as number) : 0
    this.n0 = tenure.written(now)
    this.acked = demand.options.loop === 'open' ? tenure.nDone : tenure.nAcked
    this.flowEnd = now
    this.settled = false
    this.wavering = false
    this.t = now
    this.pieces = 0
    this.walk = (this.walk ?? new AckWalk(writes, writes, writes, now)).restart(tenure.walk)
    this.walk.advance(now - tenure.replyUs + HORIZON_US, this)
    if (full < Number.POSITIVE_INFINITY) this.busyReaches(now + HORIZON_US)
    if (!this.settled && this.flowing && this.flowEnd < now + HORIZON_US / 2) this.changesAtUs = this.flowEnd
    this.goodUntilUs = this.wavering || this.pieces > FORECAST_PIECES ? now : this.changesAtUs - 1
    return this
  }

  /** What is so now stays so. */
  steady(flowing: boolean): this {
    this.flowing = flowing
    this.changesAtUs = Number.POSITIVE_INFINITY
    this.goodUntilUs = Number.POSITIVE_INFINITY
    this.fullAtUs = Number.POSITIVE_INFINITY
    return this
  }

  /** For the walk: one more piece of the future. */
  take(): boolean {
    const { now, full, limit, replyUs, rate } = this
    const n1 = piece[N1] as number
    const n2 = piece[N2] as number
    const a1 = (piece[U1] as number) + replyUs
    const a2 = (piece[U2] as number) + replyUs
    const l1 = a1 - (piece[W1] as number)
    const l2 = a2 - (piece[W2] as number)
    const known = this.busyReaches(a1)
    if (!this.settled && a2 > a1 + 0.5 && a2 > now) {
      if (l1 > limit) {
        if (l2 <= limit) this.wavering = true
      } else if (a1 <= this.flowEnd + 0.5) {
        this.flowing = true
        this.flowEnd = a2
      } else {
        this.changesAtUs = this.flowing ? this.flowEnd : a1
        this.settled = true
      }
      if (!this.settled && l1 <= limit && l2 > limit) {
        this.changesAtUs = a1 + ((a2 - a1) * (limit - l1)) / (l2 - l1)
        this.settled = true
      }
    }
    if (a1 > this.t) this.t = a1
    if (!known && rate > 0 && full < Number.POSITIVE_INFINITY) {
      const gain = a2 > a1 ? rate - (n2 - n1) / (a2 - a1) : 0
      const level = this.n0 + rate * (a1 - now) - n1
      if (level >= full) this.fullAtUs = Math.max(now, a1)
      else if (gain > 0 && a1 + (full - level) / gain <= a2) this.fullAtUs = a1 + (full - level) / gain
    }
    if (n2 > this.acked) this.acked = n2
    if (a2 > this.t) this.t = a2
    return ++this.pieces > FORECAST_PIECES || (this.settled && (full === Number.POSITIVE_INFINITY || this.fullAtUs !== Number.POSITIVE_INFINITY))
  }

  /** Between t and `until` nothing more is acknowledged. */
  private busyReaches(until: number): boolean {
    if (this.fullAtUs === Number.POSITIVE_INFINITY && this.rate > 0) {
      const hit = this.now + (this.full + this.acked - this.n0) / this.rate
      if (hit <= until) this.fullAtUs = Math.max(this.t, hit)
    }
    return this.fullAtUs !== Number.POSITIVE_INFINITY
  }
}

const outlook = new Outlook()
