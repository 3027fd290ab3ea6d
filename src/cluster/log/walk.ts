import { type Curve, SLACK } from './curve.ts'

/**
 * Told of each linear piece of acknowledged writing, in order: writes n1…n2 (cumulative), written from w1 to w2, whose log ends at x1…x2,
 * acknowledged by the server from u1 to u2. Returns true to stop the walk.
 */
export type PieceSink = (n1: number, n2: number, w1: number, w2: number, x1: number, x2: number, u1: number, u2: number) => boolean

/**
 * Pairs each acknowledged byte with the instant it was written: walks an acknowledgement curve forward and, beside it, the writing curve
 * and the count of one demand's writes. Costs one step per segment passed, whatever the rate.
 */
export class AckWalk {
  /** Accounted up to this server instant, this byte, and the instant at which that byte was written. */
  u: number
  x: number
  tau: number

  constructor(
    readonly ack: Curve,
    readonly written: Curve,
    readonly writes: Curve,
    startUs: number,
  ) {
    this.u = startUs
    this.tau = startUs
    this.x = written.valueAt(startUs)
  }

  copy(): AckWalk {
    const c = new AckWalk(this.ack, this.written, this.writes, this.u)
    c.x = this.x
    c.tau = this.tau
    return c
  }

  /** Walks on to the server instant `u1`. */
  advance(u1: number, sink: PieceSink): boolean {
    const { ack } = this
    while (this.u < u1) {
      const i = ack.index(this.u)
      const end = i + 1 < ack.start.length ? Math.min(u1, ack.start[i + 1] as number) : u1
      if (this.reach(ack.by(i, this.u), this.u, this.u, sink)) return true
      if (this.reach(ack.by(i, end), this.u, end, sink)) return true
      this.u = end
    }
    return this.reach(ack.valueAt(this.u), this.u, this.u, sink)
  }

  /** Everything up to byte `x1` is acknowledged, evenly between u1 and u2. */
  private reach(x1: number, u1: number, u2: number, sink: PieceSink): boolean {
    const { written } = this
    const x0 = this.x
    const perByte = x1 > x0 ? (u2 - u1) / (x1 - x0) : 0
    while (this.x < x1) {
      const j = written.index(this.tau)
      const here = written.by(j, this.tau)
      if (this.x < here - SLACK) {
        // A discrete record: bytes without a client's write.
        this.x = Math.min(x1, here)
        continue
      }
      const last = j + 1 >= written.start.length
      const segmentEnd = last ? Number.POSITIVE_INFINITY : (written.start[j + 1] as number)
      const slope = written.slope[j] as number
      if (slope <= 0) {
        if (last) {
          this.x = x1
          break
        }
        this.tau = segmentEnd
        continue
      }
      const reached = (written.at[j] as number) + (x1 - (written.value[j] as number)) / slope
      const tau2 = Math.max(this.tau, Math.min(segmentEnd, reached))
      const x2 = reached <= segmentEnd ? x1 : written.by(j, segmentEnd)
      const stop = this.count(this.tau, tau2, this.x, x2, u1 + (this.x - x0) * perByte, u1 + (Math.min(x2, x1) - x0) * perByte, sink)
      this.tau = tau2
      this.x = Math.max(this.x, x2)
      if (stop) return true
    }
    return false
  }

  private count(w1: number, w2: number, x1: number, x2: number, u1: number, u2: number, sink: PieceSink): boolean {
    const { writes } = this
    if (w2 <= w1) return false
    for (let i = writes.index(w1), w = w1; w < w2; i++) {
      const next = i + 1 < writes.start.length ? Math.min(w2, writes.start[i + 1] as number) : w2
      if (next > w && (writes.slope[i] as number) > 0) {
        const a = (w - w1) / (w2 - w1)
        const b = (next - w1) / (w2 - w1)
        if (sink(writes.by(i, w), writes.by(i, next), w, next, x1 + (x2 - x1) * a, x1 + (x2 - x1) * b, u1 + (u2 - u1) * a, u1 + (u2 - u1) * b)) return true
      }
      w = next
    }
    return false
  }
}
