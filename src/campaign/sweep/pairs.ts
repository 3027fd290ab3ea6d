/** Numbers the pairs of n things so that any first part of the numbers is spread over all of them: a sweep of pairs may be stopped early. */

export interface PairIndex {
  /** n (n − 1) ÷ 2. */
  readonly size: number
  /** The i-th pair, lesser first. Every pair has exactly one number. */
  pair(i: number): readonly [number, number]
}

/** @throws RangeError when the pairs cannot be counted exactly */
export function pairsOf(n: number): PairIndex {
  const size = (n * (n - 1)) / 2
  if (!Number.isSafeInteger(size)) throw new RangeError(`the pairs of ${n} faults cannot be counted exactly`)
  const stride = strideFor(size)
  return {
    size,
    pair(i) {
      if (!Number.isInteger(i) || i < 0 || i >= size) throw new RangeError(`pair ${i}: there are ${size}`)
      return unrank(Number((BigInt(i) * stride) % BigInt(size)))
    },
  }
}

/** A step round the circle of `size` numbers that meets each once: near the golden section of it, and without a common divisor. */
function strideFor(size: number): bigint {
  let stride = Math.max(1, Math.round(size * 0.6180339887498949))
  while (divisor(stride, size) > 1) stride += 1
  return BigInt(stride)
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}

/** 0 → (0, 1), 1 → (0, 2), 2 → (1, 2), 3 → (0, 3) … */
function unrank(rank: number): readonly [number, number] {
  let b = Math.max(1, Math.floor((1 + Math.sqrt(1 + 8 * rank)) / 2))
  // The root is inexact for great ranks.
  while ((b * (b - 1)) / 2 > rank) b -= 1
  while ((b * (b + 1)) / 2 <= rank) b += 1
  return [rank - (b * (b - 1)) / 2, b]
}
