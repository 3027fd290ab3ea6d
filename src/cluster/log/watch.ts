import type { Us } from '../../kernel/index.ts'
import type { Copy } from './copy.ts'
import { type Curve, SLACK } from './curve.ts'
import type { Bytes, Stage } from './position.ts'

export interface WatchFor {
  readonly copy: Copy
  readonly stage: Stage
  readonly lsn: Bytes | undefined
  readonly lagBytes: Bytes | undefined
  readonly then: () => void
}

/** A threshold somebody waits for. Fires once. */
export class Watch {
  /** For the log: the earliest instant at which it can be met as things stand. */
  atUs = Number.POSITIVE_INFINITY

  constructor(
    readonly wanted: WatchFor,
    private readonly forget: (w: Watch) => void,
  ) {}

  cancel(): void {
    this.forget(this)
  }

  /** Whether the threshold is met at this instant, in whole bytes. */
  met(): boolean {
    const { copy, stage, lsn, lagBytes } = this.wanted
    if (lsn !== undefined) return copy.lsn(stage) >= lsn
    if (!copy.leading && !copy.root().leading && copy.upstream === undefined) return false
    return copy.lagBytes(stage) <= (lagBytes as Bytes)
  }

  /** Predicts from the curves as they stand. */
  plan(now: Us): void {
    const { copy, stage, lsn, lagBytes } = this.wanted
    const curve = copy.curves[stage]
    if (lsn !== undefined) this.atUs = curve.reaches(lsn - SLACK, now)
    else {
      const root = copy.root()
      if (root === copy) this.atUs = copy.leading ? now : Number.POSITIVE_INFINITY
      else this.atUs = gapAtMost(root.curves.receive, curve, lagBytes as Bytes, now)
    }
  }
}

/** The first instant from `t0` on at which `ahead` is at most `gap` over `behind`; Infinity if never as far as the curves tell. */
export function gapAtMost(ahead: Curve, behind: Curve, gap: number, t0: number): number {
  let i = ahead.index(t0)
  let j = behind.index(t0)
  let t = t0
  for (;;) {
    const a = ahead.by(i, t)
    const b = behind.by(j, t)
    if (a - b <= gap + SLACK / 2) return t
    const nextA = i + 1 < ahead.start.length ? (ahead.start[i + 1] as number) : Number.POSITIVE_INFINITY
    const nextB = j + 1 < behind.start.length ? (behind.start[j + 1] as number) : Number.POSITIVE_INFINITY
    const end = Math.min(nextA, nextB)
    const closing = (behind.slope[j] as number) - (ahead.slope[i] as number)
    if (closing > 0) {
      const hit = t + (a - b - gap) / closing
      if (hit < end) return hit
    }
    if (end === Number.POSITIVE_INFINITY) return end
    if (nextA === end) i++
    if (nextB === end) j++
    t = Math.max(t, end)
  }
}
