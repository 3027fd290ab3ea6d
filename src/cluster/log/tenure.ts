import type { Us } from '../../kernel/index.ts'
import type { Demand } from './demand.ts'
import type { Head } from './head.ts'
import type { AckKind } from './ledger.ts'
import { AckWalk } from './walk.ts'

/** What is to be expected of a tenure, as far as the present future tells. */
export interface Forecast {
  /** Acknowledgements flow just after now. */
  flowing: boolean
  /** When that changes; Infinity if it does not. */
  changesAtUs: number
  /** When as many are outstanding as asked; Infinity if never. */
  fullAtUs: number
}

const HORIZON_US = 20_000_000_000
const FORECAST_PIECES = 200

/** One demand's stay with one leader: pairs its writes with their acknowledgements. Numbers of writes are the demand's cumulative ones. */
export class Tenure {
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

  constructor(
    readonly demand: Demand,
    readonly head: Head,
    now: Us,
  ) {
    this.replyUs = head.commitLatencyUs + demand.options.roundTripUs
    this.walk = new AckWalk(head.ack, head.written, demand.writes, now)
    this.nAcked = demand.writes.valueAt(now)
    this.nDone = this.nAcked
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
    this.walk.advance(now - this.replyUs, (n1, n2, w1, w2, x1, x2, u1, u2) => {
      if (n2 > this.nAcked) this.nAcked = n2
      const a1 = u1 + this.replyUs
      const a2 = u2 + this.replyUs
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
    })
    if (limit !== Number.POSITIVE_INFINITY) {
      const due = Math.min(this.nEnd, this.demand.writes.valueAt(now - limit))
      if (due > this.nDone) this.outcome('unknown', due, now, limit)
    }
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
    if (this.nDone > all + 1e-3) throw new Error(`log: ${this.nDone} writes of ${this.demand.options.id} have an outcome, but only ${all} were written`)
    if (all > this.nDone) this.outcome('unknown', all, now)
  }

  /** When the oldest write without an outcome was written; Infinity if there is none. */
  oldestUs(now: Us): number {
    return this.written(now) > this.nDone + 1e-6 ? this.instant(this.nDone) : Number.POSITIVE_INFINITY
  }

  /** Looks ahead along the curves as they stand: `full` is the number of busy connections to watch for. */
  forecast(now: Us, full: number): Forecast {
    const f: Forecast = { flowing: false, changesAtUs: Number.POSITIVE_INFINITY, fullAtUs: Number.POSITIVE_INFINITY }
    const { demand, replyUs } = this
    const limit = demand.options.timeoutUs
    const last = demand.writes.start.length - 1
    const rate = this.nEnd === Number.POSITIVE_INFINITY ? (demand.writes.slope[last] as number) : 0
    const n0 = this.written(now)
    let pieces = 0
    let acked = demand.options.loop === 'open' ? this.nDone : this.nAcked
    let flowEnd = now
    let settled = false
    let t = now
    const busyReaches = (until: number): boolean => {
      // Between t and `until` nothing more is acknowledged.
      if (f.fullAtUs === Number.POSITIVE_INFINITY && rate > 0) {
        const hit = now + (full + acked - n0) / rate
        if (hit <= until) f.fullAtUs = Math.max(t, hit)
      }
      return f.fullAtUs !== Number.POSITIVE_INFINITY
    }
    this.walk.copy().advance(now - replyUs + HORIZON_US, (n1, n2, w1, w2, _x1, _x2, u1, u2) => {
      const a1 = u1 + replyUs
      const a2 = u2 + replyUs
      const known = busyReaches(a1)
      if (!settled && a2 > a1 + 0.5 && a1 - w1 <= limit && a2 > now) {
        if (a1 <= flowEnd + 0.5) {
          if (!f.flowing) f.flowing = true
          flowEnd = a2
        } else {
          f.changesAtUs = f.flowing ? flowEnd : a1
          settled = true
        }
        if (!settled && a2 - w2 > limit) {
          const l1 = a1 - w1
          f.changesAtUs = a1 + ((a2 - a1) * (limit - l1)) / (a2 - w2 - l1)
          settled = true
        }
      }
      t = Math.max(t, a1)
      if (!known && rate > 0 && full < Number.POSITIVE_INFINITY) {
        const gain = a2 > a1 ? rate - (n2 - n1) / (a2 - a1) : 0
        const level = n0 + rate * (a1 - now) - n1
        if (level >= full) f.fullAtUs = Math.max(now, a1)
        else if (gain > 0 && a1 + (full - level) / gain <= a2) f.fullAtUs = a1 + (full - level) / gain
      }
      acked = Math.max(acked, n2)
      t = Math.max(t, a2)
      return ++pieces > FORECAST_PIECES || (settled && (full === Number.POSITIVE_INFINITY || f.fullAtUs !== Number.POSITIVE_INFINITY))
    })
    if (full < Number.POSITIVE_INFINITY) busyReaches(now + HORIZON_US)
    if (!settled && f.flowing && flowEnd < now + HORIZON_US / 2) f.changesAtUs = flowEnd
    return f
  }

  private instant(n: number): number {
    return this.demand.writes.reaches(n, this.demand.writes.start[0] as number)
  }

  private put(kind: AckKind, n1: number, n2: number, w1: number, w2: number, x1: number, x2: number, a1: number, a2: number): void {
    const to = Math.min(n2, this.nEnd)
    if (to <= this.nDone) return
    const f = n1 < this.nDone ? (this.nDone - n1) / (n2 - n1) : 0
    const g = to < n2 ? (to - n1) / (n2 - n1) : 1
    const at = (p: number, q: number, h: number): number => (h === 0 ? p : h === 1 ? q : p + (q - p) * h)
    this.head.log.ledger.add({
      demand: this.demand.options.id,
      branch: this.head.branch,
      kind,
      n1: Math.max(n1, this.nDone),
      n2: to,
      w1: at(w1, w2, f),
      w2: at(w1, w2, g),
      x1: at(x1, x2, f),
      x2: at(x1, x2, g),
      a1: at(a1, a2, f),
      a2: at(a1, a2, g),
    })
    this.nDone = to
  }
}
