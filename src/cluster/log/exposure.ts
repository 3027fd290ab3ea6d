import type { Us } from '../../kernel/index.ts'
import type { Copy } from './copy.ts'
import type { Curve } from './curve.ts'
import type { ReplicatedLog } from './log.ts'
import { type Bytes, sharedUpTo } from './position.ts'

/** One non-decreasing quantity: a curve seen `shiftUs` later and never above `limit`. */
interface Level {
  readonly curve: Curve
  readonly shiftUs: number
  readonly limit: Bytes
}

/**
 * Keeps, for one leader's branch, what has been acknowledged, so that redundancy exposure can be integrated also after the leader is gone.
 * Ask for consecutive spans, one per structural change (who is up, who leads): the sum is then exact, without an event per write.
 */
export class Exposure {
  private readonly ack: Curve
  private readonly written: Curve
  private readonly branch

  /** For the copy's present leadership; throws if it does not lead. */
  constructor(
    private readonly log: ReplicatedLog,
    leader: Copy,
  ) {
    const head = leader.requireHead('be measured')
    this.ack = head.ack
    this.written = head.written
    this.branch = head.branch
  }

  /**
   * µs within fromUs…toUs (toUs ≤ now) in which some acknowledged write older than `ageUs` was flushed on fewer than `enough` of the copies
   * in `up`. A copy counts for the part of its history that it shares with this branch.
   */
  us(up: readonly Copy[], fromUs: Us, toUs: Us, ageUs: Us, enough = 2): Us {
    this.log.settle()
    const held: Level[] = up.map(c => ({ curve: c.curves.flush, shiftUs: 0, limit: sharedUpTo({ branch: c.history(), lsn: Number.MAX_SAFE_INTEGER }, this.branch) }))
    const old: Level = { curve: this.written, shiftUs: ageUs, limit: Number.MAX_SAFE_INTEGER }
    const told: Level = { curve: this.ack, shiftUs: 0, limit: Number.MAX_SAFE_INTEGER }
    const all = [old, told, ...held]
    let sum = 0
    for (let t = fromUs; t < toUs; ) {
      let end = toUs
      const here: number[] = []
      const slope: number[] = []
      for (const level of all) end = Math.min(end, read(level, t, here, slope))
      // Where two lines cross, who is k-th may change: stop there.
      for (let i = 0; i < all.length; i++) {
        for (let j = 0; j < i; j++) {
          const closing = (slope[i] as number) - (slope[j] as number)
          if (closing === 0) continue
          const cross = t + ((here[j] as number) - (here[i] as number)) / closing
          if (cross > t + 0.01 && cross < end) end = cross
        }
      }
      const middle = (end - t) / 2
      const at = (i: number): number => (here[i] as number) + (slope[i] as number) * middle
      const due = Math.min(at(0), at(1))
      let holders = 0
      for (let i = 2; i < all.length; i++) if (at(i) >= due - 1) holders++
      if (due > this.branch.forkLsn && holders < enough) sum += end - t
      t = end
    }
    return Math.round(sum)
  }
}

/**
 * Redundancy exposure of `leader`'s present leadership: see {@link Exposure.us}. `others` are the other copies that are up; the leader itself
 * counts as one. Throws if `leader` does not lead; keep an {@link Exposure} to ask after its end.
 */
export function exposedUs(leader: Copy, others: readonly Copy[], fromUs: Us, toUs: Us, ageUs: Us): Us {
  return new Exposure(leader.log, leader).us([leader, ...others], fromUs, toUs, ageUs)
}

function read(level: Level, t: number, here: number[], slope: number[]): number {
  const { curve, shiftUs, limit } = level
  const i = curve.index(t, shiftUs)
  const end = i + 1 < curve.start.length ? (curve.start[i + 1] as number) + shiftUs : Number.POSITIVE_INFINITY
  const before = t < (curve.start[i] as number) + shiftUs
  const value = before ? curve.by(i, curve.start[i] as number) : curve.by(i, t - shiftUs)
  const s = before ? 0 : (curve.slope[i] as number)
  if (value >= limit) {
    here.push(limit)
    slope.push(0)
    return end
  }
  here.push(value)
  slope.push(s)
  return Math.min(before ? (curve.start[i] as number) + shiftUs : end, s > 0 ? t + (limit - value) / s : end)
}
