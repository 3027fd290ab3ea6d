/**
 * The distribution of one measure over many runs, in memory that does not grow with the number of runs and that merges by adding integers.
 * A value is an integer (microseconds, micro-dollars, writes). Up to 511 each value has its own bucket (zero included); above, a power of two
 * is cut into 256 buckets, so a quantile read from a bucket's middle is off by at most 0.2 % (QUANTILE_ERROR). Count, sum, mean, least and
 * greatest are exact.
 */
import type { Quantile } from '../scenario/scenario.ts'

/** Greatest relative error of a quantile. */
export const QUANTILE_ERROR = 0.002

const EXACT_BELOW = 512
const STEPS = 256

export interface Sketch {
  count: number
  /** Exact: sums of microseconds over a million runs pass 2^53. */
  sum: bigint
  min: number
  max: number
  /** Bucket number → how many values fell into it. */
  readonly buckets: Map<number, number>
}

/** A sketch as it stands in a JSON file: the sum as decimal digits, the buckets as `number:count` words in ascending order (a pair a line would be most of the file). */
export interface SketchJson {
  readonly count: number
  readonly sum: string
  readonly min: number
  readonly max: number
  readonly buckets: string
}

export function emptySketch(): Sketch {
  return { count: 0, sum: 0n, min: 0, max: 0, buckets: new Map() }
}

/** Counts one value. @throws RangeError unless it is a whole number from 0 to 2^53 − 1 */
export function addValue(sketch: Sketch, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`a sketch counts whole numbers from 0 on, not ${value}`)
  sketch.min = sketch.count === 0 ? value : Math.min(sketch.min, value)
  sketch.max = Math.max(sketch.max, value)
  sketch.count += 1
  sketch.sum += BigInt(value)
  const bucket = bucketOf(value)
  sketch.buckets.set(bucket, (sketch.buckets.get(bucket) ?? 0) + 1)
}

/** Adds `other` into `into`. */
export function mergeSketch(into: Sketch, other: Sketch): void {
  if (other.count === 0) return
  into.min = into.count === 0 ? other.min : Math.min(into.min, other.min)
  into.max = Math.max(into.max, other.max)
  into.count += other.count
  into.sum += other.sum
  for (const [bucket, count] of other.buckets) into.buckets.set(bucket, (into.buckets.get(bucket) ?? 0) + count)
}

/** The quantile, in the sketch's integer unit (mean: fractional); 0 when nothing was counted. Nearest rank, within {@link QUANTILE_ERROR}. */
export function quantileOf(sketch: Sketch, at: Quantile): number {
  if (sketch.count === 0) return 0
  if (at === 'max') return sketch.max
  if (at === 'mean') return meanOf(sketch)
  const percent = at === 'p50' ? 50 : at === 'p95' ? 95 : 99
  const rank = Math.ceil((sketch.count * percent) / 100)
  let seen = 0
  for (const [bucket, count] of sorted(sketch)) {
    seen += count
    // The extremes are known exactly, so no answer lies outside them: a constant is reported as itself.
    if (seen >= rank) return Math.min(Math.max(middleOf(bucket), sketch.min), sketch.max)
  }
  return sketch.max
}

/** How many values lie above `limit` (in the sketch's unit). Exact below 512 and for limits outside the values; elsewhere the limit's own bucket counts as not above. */
export function countAbove(sketch: Sketch, limit: number): number {
  if (sketch.count === 0 || limit >= sketch.max) return 0
  if (limit < sketch.min) return sketch.count
  const edge = bucketOf(Math.floor(limit))
  let above = 0
  for (const [bucket, count] of sketch.buckets) if (bucket > edge) above += count
  return above
}

export function sketchToJson(sketch: Sketch): SketchJson {
  return { count: sketch.count, sum: String(sketch.sum), min: sketch.min, max: sketch.max, buckets: sorted(sketch).map(([bucket, count]) => `${bucket}:${count}`).join(' ') }
}

export function sketchFromJson(json: SketchJson): Sketch {
  const buckets = new Map<number, number>()
  for (const word of json.buckets.split(' ').filter((each) => each !== '')) {
    const [bucket, count] = word.split(':').map(Number)
    if (!Number.isSafeInteger(bucket) || !Number.isSafeInteger(count)) throw new RangeError(`\`${word}\` is no bucket of a sketch`)
    buckets.set(bucket as number, count as number)
  }
  return { count: json.count, sum: BigInt(json.sum), min: json.min, max: json.max, buckets }
}

function sorted(sketch: Sketch): [number, number][] {
  return [...sketch.buckets].sort((a, b) => a[0] - b[0])
}

function meanOf(sketch: Sketch): number {
  const count = BigInt(sketch.count)
  const whole = sketch.sum / count
  return Number(whole) + Number(sketch.sum - whole * count) / sketch.count
}

/** The bucket of a value: itself below 512, then 256 a power of two. Integer arithmetic only, so that every machine agrees. */
export function bucketOf(value: number): number {
  if (value < EXACT_BELOW) return value
  const high = Math.floor(value / 4294967296)
  const exponent = high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value)
  const step = Math.floor(value / 2 ** (exponent - 8)) - STEPS
  return EXACT_BELOW + (exponent - 9) * STEPS + step
}

/** The middle of a bucket's values. */
export function middleOf(bucket: number): number {
  if (bucket < EXACT_BELOW) return bucket
  const exponent = 9 + Math.floor((bucket - EXACT_BELOW) / STEPS)
  const width = 2 ** (exponent - 8)
  const low = (STEPS + ((bucket - EXACT_BELOW) % STEPS)) * width
  return low + Math.floor((width - 1) / 2)
}
