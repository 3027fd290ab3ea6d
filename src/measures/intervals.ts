/** Cutting acknowledgement intervals: writes are evenly spaced within one, so a cut by time is linear and its parts add up exactly. */
import type { AckInterval } from '../cluster/log/index.ts'
import type { Us } from '../kernel/index.ts'

/**
 * The part of `interval` whose clients learned the outcome in [fromUs, toUs), or undefined when there is none.
 * Counts are cumulative floors: the parts of a partition sum to the whole. An interval learned at one instant is never divided.
 */
export function learnedWithin(interval: AckInterval, fromUs: Us, toUs: Us): AckInterval | undefined {
  const { ackFromUs, ackToUs } = interval
  if (ackToUs <= ackFromUs) return ackFromUs >= fromUs && ackFromUs < toUs ? interval : undefined
  return between(interval, (fromUs - ackFromUs) / (ackToUs - ackFromUs), (toUs - ackFromUs) / (ackToUs - ackFromUs))
}

/** The part of `interval` that was written in [fromUs, toUs), or undefined when there is none. Cut like {@link learnedWithin}. */
export function writtenWithin(interval: AckInterval, fromUs: Us, toUs: Us): AckInterval | undefined {
  if (interval.toUs <= interval.fromUs) return interval.fromUs >= fromUs && interval.fromUs < toUs ? interval : undefined
  return between(interval, (fromUs - interval.fromUs) / (interval.toUs - interval.fromUs), (toUs - interval.fromUs) / (interval.toUs - interval.fromUs))
}

function between(interval: AckInterval, from: number, to: number): AckInterval | undefined {
  const f = Math.max(0, from)
  const g = Math.min(1, to)
  if (!(g > f)) return undefined
  if (f === 0 && g === 1) return interval
  const at = (a: number, b: number, share: number): number => Math.round(a + (b - a) * share)
  return {
    ...interval,
    fromLsn: at(interval.fromLsn, interval.toLsn, f),
    toLsn: at(interval.fromLsn, interval.toLsn, g),
    fromUs: at(interval.fromUs, interval.toUs, f),
    toUs: at(interval.fromUs, interval.toUs, g),
    ackFromUs: at(interval.ackFromUs, interval.ackToUs, f),
    ackToUs: at(interval.ackFromUs, interval.ackToUs, g),
    writes: Math.floor(interval.writes * g) - Math.floor(interval.writes * f),
  }
}

/** Sum of the whole writes of intervals. */
export function writesOf(intervals: readonly AckInterval[]): number {
  let sum = 0
  for (const interval of intervals) sum += interval.writes
  return sum
}
