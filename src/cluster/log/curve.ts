import type { Us } from '../../kernel/index.ts'

/** A segment's lag when its slope does not come from the leader's writing: a frozen, held or bandwidth-limited stretch. */
export const LIMITED = -1

/** Bytes (or writes) below which two amounts are the same: rounding of doubles at 10^12, never a whole byte. */
export const SLACK = 0.001

/** The whole number that a real-valued amount stands for: floor, forgiving rounding. Every position that leaves the log goes through here. */
export function whole(value: number): number {
  return Math.floor(value + SLACK)
}

/** A list of one number that is kept as doubles from the start: one that began with small whole numbers would be made anew when others come. */
export function doubles(first: number): number[] {
  const list = [0.5]
  list[0] = first
  return list
}

/**
 * A non-decreasing piecewise-linear function of time that knows its past and, until something changes, its future:
 * the last segment goes on for ever. Right-continuous; an upward jump is a segment that starts higher.
 *
 * A segment is start (valid from), anchor (at, value), slope per µs, and lag: by how many µs it is the delayed image of the leader's own
 * writing, or {@link LIMITED}. The anchor is kept apart from the start so that a follower that has caught up computes bit for bit what its
 * source computes: "caught up" is equality.
 */
export class Curve {
  readonly start: number[]
  readonly at: number[]
  readonly value: number[]
  readonly slope: number[]
  readonly lag: number[]
  /** Grows whenever the future changes: what is derived from this curve must then be derived again. */
  version = 0

  constructor(startUs: Us, value: number) {
    this.start = doubles(startUs)
    this.at = doubles(startUs)
    this.value = doubles(value)
    this.slope = doubles(0)
    this.lag = doubles(LIMITED)
  }

  /** The segment valid at `t` if the curve is shifted later by `shiftUs`. Before the first segment, the first. */
  index(t: number, shiftUs = 0): number {
    const { start } = this
    let high = start.length - 1
    for (let steps = 0; steps < 6; steps++) {
      if (high === 0 || (start[high] as number) + shiftUs <= t) return high
      high--
    }
    let low = 0
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((start[middle] as number) + shiftUs <= t) low = middle
      else high = middle - 1
    }
    return low
  }

  /** The value at `t` by segment `i`. */
  by(i: number, t: number): number {
    const slope = this.slope[i] as number
    return slope === 0 ? (this.value[i] as number) : (this.value[i] as number) + slope * (t - (this.at[i] as number))
  }

  valueAt(t: number): number {
    const i = this.index(t)
    return t <= (this.start[i] as number) ? this.by(i, this.start[i] as number) : this.by(i, t)
  }

  /** Forgets what was expected after `t`. */
  cut(t: number): void {
    const { start } = this
    let n = start.length
    while (n > 1 && (start[n - 1] as number) > t) n--
    if (n < start.length) this.shorten(n)
  }

  /** Goes on from `startUs` (not before the last segment's start) along the line through (at, value). Replaces a segment that starts at the same instant. */
  add(startUs: number, at: number, value: number, slope: number, lag: number): void {
    let last = this.start.length - 1
    if ((this.start[last] as number) >= startUs && last > 0) {
      this.shorten(last)
      last--
    }
    const sameLine = this.slope[last] === slope && this.lag[last] === lag && ((this.at[last] === at && this.value[last] === value) || this.by(last, at) === value)
    if (sameLine) return
    if ((this.start[last] as number) >= startUs) this.shorten(last)
    this.start.push(startUs)
    this.at.push(at)
    this.value.push(value)
    this.slope.push(slope)
    this.lag.push(lag)
  }

  /** The first instant at or after `t` at which the curve is at least `target`; Infinity if never. */
  reaches(target: number, t: number): number {
    const n = this.start.length
    for (let i = this.index(t); i < n; i++) {
      const from = Math.max(t, this.start[i] as number)
      if (this.by(i, from) >= target) return from
      const slope = this.slope[i] as number
      if (slope <= 0) continue
      const hit = Math.max(from, (this.at[i] as number) + (target - (this.value[i] as number)) / slope)
      if (i + 1 >= n || hit < (this.start[i + 1] as number)) return hit
    }
    return Number.POSITIVE_INFINITY
  }

  /** A curve of its own with the last `segments` of this one: for a copy whose stages part again after it has led. */
  tail(segments: number): Curve {
    const from = Math.max(0, this.start.length - segments)
    const copy = new Curve(this.start[from] as number, 0)
    copy.shorten(0)
    for (let i = from; i < this.start.length; i++) {
      copy.start.push(this.start[i] as number)
      copy.at.push(this.at[i] as number)
      copy.value.push(this.value[i] as number)
      copy.slope.push(this.slope[i] as number)
      copy.lag.push(this.lag[i] as number)
    }
    return copy
  }

  /** Taking off one by one is cheaper than setting a length: there are few. */
  private shorten(n: number): void {
    for (let i = this.start.length; i > n; i--) {
      this.start.pop()
      this.at.pop()
      this.value.pop()
      this.slope.pop()
      this.lag.pop()
    }
  }
}

