import { type Curve, LIMITED, SLACK } from './curve.ts'
import type { Target } from './view.ts'

/** More segments than this in one derivation is a loop that does not advance, not a plan. */
const TOO_MANY = 100_000

/** From `t0` on, `curve` stands still at `value`. */
export function still(curve: Curve, t0: number, value: number): void {
  curve.cut(t0)
  curve.add(t0, t0, value, 0, LIMITED)
  curve.version++
}

/**
 * Replaces the future of `curve` after `t0`: it follows `target`, never faster than `perUs` while behind it, and never backward.
 * An infinite `perUs` jumps to the target. Ends with a segment that is valid for ever.
 */
export function pursue(curve: Curve, t0: number, target: Target, perUs: number): void {
  curve.cut(t0)
  let v = curve.valueAt(t0)
  let t = t0
  let met = false
  // The line the curve is on while it is behind, kept so that its segments join without rounding.
  let lineAt = Number.NaN
  let lineValue = 0
  for (let rounds = 0; t !== Number.POSITIVE_INFINITY; rounds++) {
    if (rounds > TOO_MANY) throw new Error(`log: a curve does not get past ${t} µs`)
    target.seek(t)
    const g = target.slope === 0 ? target.value : target.value + target.slope * (t - target.at)
    const end = target.end
    if (v > g + SLACK) {
      curve.add(t, t, v, 0, LIMITED)
      lineAt = Number.NaN
      met = false
      const reach = target.slope > 0 ? target.at + (v - target.value) / target.slope : Number.POSITIVE_INFINITY
      t = Math.max(t, Math.min(reach, end))
      if (reach <= end) met = true
      if (!met) continue
      if (t >= end) continue
    } else if (perUs === Number.POSITIVE_INFINITY || Math.abs(v - g) <= SLACK) met = true
    else if (g > v + SLACK) met = false
    if (met && target.slope <= perUs) {
      curve.add(t, target.at, target.value, target.slope, target.lag)
      lineAt = Number.NaN
      v = end === Number.POSITIVE_INFINITY ? end : target.value + target.slope * (end - target.at)
      t = end
      continue
    }
    if (Number.isNaN(lineAt)) {
      lineAt = t
      lineValue = v
    }
    curve.add(t, lineAt, lineValue, perUs, LIMITED)
    const meet = perUs > target.slope ? t + (g - v) / (perUs - target.slope) : Number.POSITIVE_INFINITY
    if (!met && meet <= end) {
      t = Math.max(meet, t)
      v = target.value + target.slope * (t - target.at)
      met = true
      lineAt = Number.NaN
      if (t < end) {
        curve.add(t, target.at, target.value, target.slope, target.lag)
        v = end === Number.POSITIVE_INFINITY ? end : target.value + target.slope * (end - target.at)
        t = end
      }
    } else {
      t = end
      v = lineValue + perUs * (t - lineAt)
    }
  }
  curve.version++
}
