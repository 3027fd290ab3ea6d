import { type Curve, SLACK } from './curve.ts'

/**
 * Told of each linear piece of acknowledged writing, in order: writes n1…n2 (cumulative), written from w1 to w2, whose log ends at x1…x2,
 * acknowledged by the server from u1 to u2. Returns true to stop the walk. The piece lies in {@link piece}, at {@link N1} and so on.
 */
export interface PieceSink {
  take(): boolean
}

/** The piece at hand: one for all walks, read at once. Eight arguments a call would be eight numbers on the heap. */
export const piece = new Float64Array(8)
export const N1 = 0
export const N2 = 1
export const W1 = 2
export const W2 = 3
export const X1 = 4
export const X2 = 5
export const U1 = 6
export const U2 = 7

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
    private ack: Curve,
    private written: Curve,
    private writes: Curve,
    startUs: number,
  ) {
    this.u = startUs
    this.tau = startUs
    this.x = written.valueAt(startUs)
  }

  /** Becomes a copy of `other`, for looking ahead. */
  restart(other: AckWalk): this {
    this.ack = other.ack
    this.written = other.written
    this.writes = other.writes
    this.u = other.u
    this.x = other.x
    this.tau = other.tau
    return this
  }

  /** Walks on to the server instant `u1`. */
  advance(u1: number, sink: PieceSink): boolean {
    const { ack } = this
    while (this.u < u1) {
      const i = ack.index(this.u)
      const end = i + 1 < ack.start.length ? Math.min(u1, ack.start[i + 1] as number) : u1
      const from = ack.by(i, this.u)
      if (this.reach(from, this.u, this.u, sink)) return true
      // What others wrote before this walk began is acknowledged first.
      const slope = ack.slope[i] as number
      const begins = from < this.x && slope > 0 ? Math.min(end, this.u + (this.x - from) / slope) : this.u
      if (this.reach(ack.by(i, end), begins, end, sink)) return true
      this.u = end
    }
    return this.reach(ack.valueAt(this.u), this.u, this.u, sink)
  }

  /**
   * Everything up to byte `acked` is acknowledged, evenly between u1 and u2; never what is not written by u2: a leader begins at a whole byte,
   * and its followers may hold a part of the next one.
   */
  private reach(acked: number, u1: number, u2: number, sink: PieceSink): boolean {
    const { written } = this
    const x0 = this.x
    if (x0 >= acked) return false
    const limit = written.valueAt(u2)
    const x1 = acked > limit + SLACK ? limit : acked
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
        piece[N1] = writes.by(i, w)
        piece[N2] = writes.by(i, next)
        piece[W1] = w
        piece[W2] = next
        piece[X1] = x1 + (x2 - x1) * a
        piece[X2] = x1 + (x2 - x1) * b
        piece[U1] = u1 + (u2 - u1) * a
        piece[U2] = u1 + (u2 - u1) * b
        if (sink.take()) return true
      }
      w = next
    }
    return false
  }
}
