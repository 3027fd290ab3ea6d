import type { Us } from '../../kernel/index.ts'
import { type Curve, LIMITED } from './curve.ts'

/** A piecewise-linear target read segment by segment: after `seek(t)` the fields describe the segment valid at `t`, up to `end`. */
export interface Target {
  seek(t: number): void
  at: number
  value: number
  slope: number
  lag: number
  end: number
}

/**
 * What arrives when, over a connection that keeps order: at time t everything sent up to σ(t) is there.
 * What was sent before a change of delay still takes the old one; nothing overtakes. So a longer delay holds the position for a while
 * and a shorter one takes effect when the last byte sent under the old one is in.
 */
export class Passage {
  /** Piece p is valid from `from[p]`: σ(t) = min(ceil, max(floor, t − delay)). */
  private readonly from: number[] = []
  private readonly floor: number[] = []
  private readonly delay: number[] = []
  private readonly ceil: number[] = []
  version = 0

  constructor(openedUs: Us, delayUs: Us) {
    this.push(openedUs + delayUs, openedUs, delayUs)
  }

  /** From `now` on, what is sent takes `delayUs`. */
  setDelay(now: Us, delayUs: Us): void {
    const last = this.from.length - 1
    if (this.delay[last] === delayUs) return
    this.push(Math.max(this.from[last] as number, now + (this.delay[last] as number)), now, delayUs)
  }

  /** Nothing more is sent from `now` on; what is on the way still arrives. */
  stop(now: Us): void {
    for (let p = this.from.length - 1; p >= 0 && (this.ceil[p] as number) > now; p--) this.ceil[p] = now
    this.version++
  }

  /** Sending goes on at `now` with what is there by then. */
  resume(now: Us): void {
    const last = this.from.length - 1
    const delayUs = this.delay[last] as number
    this.push(Math.max(this.from[last] as number, now + delayUs), now, delayUs)
  }

  get delayUs(): Us {
    return this.delay[this.delay.length - 1] as number
  }

  /** Fills `view` with the segment of `source` seen at `t`. */
  look(source: Curve, t: number, view: View): void {
    const { from } = this
    let p = from.length - 1
    while (p >= 0 && (from[p] as number) > t) p--
    let end = p + 1 < from.length ? (from[p + 1] as number) : Number.POSITIVE_INFINITY
    view.at = t
    view.slope = 0
    view.lag = LIMITED
    if (p < 0) {
      view.value = Number.NEGATIVE_INFINITY
      view.end = end
      return
    }
    const floor = this.floor[p] as number
    const delay = this.delay[p] as number
    const ceil = this.ceil[p] as number
    if (t < floor + delay) {
      view.value = source.valueAt(Math.min(floor, ceil))
      view.end = Math.min(end, floor + delay)
      return
    }
    if (t >= ceil + delay) {
      view.value = source.valueAt(ceil)
      view.end = end
      return
    }
    const i = source.index(t, delay)
    if (i + 1 < source.start.length) end = Math.min(end, (source.start[i + 1] as number) + delay)
    view.at = (source.at[i] as number) + delay
    view.value = source.value[i] as number
    view.slope = source.slope[i] as number
    if (t < (source.start[i] as number) + delay) view.slope = 0
    view.lag = (source.lag[i] as number) < 0 ? LIMITED : (source.lag[i] as number) + delay
    view.end = Math.min(end, ceil + delay)
  }

  private push(from: Us, floor: Us, delay: Us): void {
    this.from.push(from)
    this.floor.push(floor)
    this.delay.push(delay)
    this.ceil.push(Number.POSITIVE_INFINITY)
    this.version++
  }
}

/** A curve as seen through a passage. */
export class View implements Target {
  at = 0
  value = 0
  slope = 0
  lag = LIMITED
  end = 0

  constructor(
    public source: Curve,
    public passage: Passage,
  ) {}

  /** Looks at something else from now on. */
  through(source: Curve, passage: Passage): this {
    this.source = source
    this.passage = passage
    return this
  }

  seek(t: number): void {
    this.passage.look(this.source, t, this)
  }
}

/** Two values this close (bytes) are the same point of a crossing; the slopes then tell who is ahead just after. */
const TIE = 0.01
const STEP = 0.01

/** The k-th largest of several views: what a quorum of k has. */
export class KthView implements Target {
  at = 0
  value = 0
  slope = 0
  lag = LIMITED
  end = 0
  /** Which view determined the answer at the last seek. */
  chosen = 0
  private readonly order: number[]
  private readonly here: number[]

  constructor(
    readonly views: readonly View[],
    readonly k: number,
  ) {
    this.order = views.map((_, i) => i)
    this.here = views.map(() => 0)
  }

  seek(t: number): void {
    const { views, order, here } = this
    let end = Number.POSITIVE_INFINITY
    for (let i = 0; i < views.length; i++) {
      const v = views[i] as View
      v.seek(t)
      here[i] = v.value + v.slope * (t - v.at)
      if (v.end < end) end = v.end
    }
    for (let i = 1; i < order.length; i++) {
      for (let j = i; j > 0 && this.ahead(order[j] as number, order[j - 1] as number); j--) {
        const swap = order[j] as number
        order[j] = order[j - 1] as number
        order[j - 1] = swap
      }
    }
    this.chosen = order[this.k - 1] as number
    const chosen = views[this.chosen] as View
    const mine = here[this.chosen] as number
    for (let i = 0; i < views.length; i++) {
      const other = views[i] as View
      if (i === this.chosen || other.slope === chosen.slope) continue
      const cross = t + ((here[i] as number) - mine) / (chosen.slope - other.slope)
      if (cross > t + STEP && cross < end) end = cross
    }
    this.at = chosen.at
    this.value = chosen.value
    this.slope = chosen.slope
    this.lag = chosen.lag
    this.end = end
  }

  private ahead(a: number, b: number): boolean {
    const x = this.here[a] as number
    const y = this.here[b] as number
    if (x > y + TIE) return true
    if (y > x + TIE) return false
    const sx = (this.views[a] as View).slope
    const sy = (this.views[b] as View).slope
    return sx !== sy ? sx > sy : a < b
  }
}
