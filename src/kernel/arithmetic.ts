/**
 * Logarithm, exponential and the normal quantile from + − × ÷ √ alone.
 * `Math.log`, `Math.exp` and `Math.pow` differ in their last bit between Node versions, and one bit is enough to change a trace hash.
 */
const LN2_HIGH = 6.93147180369123816490e-1
const LN2_LOW = 1.90821492927058770002e-10
const bits = new DataView(new ArrayBuffer(8))

/** Natural logarithm (relative error about 1e-15). `ln(0)` is −Infinity; a negative argument gives NaN. */
export function ln(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY
  if (!(x > 0)) return Number.NaN
  if (x === Number.POSITIVE_INFINITY) return x
  // Below 2^-1022 doubles have no leading one in their bits: scale by 2^54 first.
  if (x < 2.2250738585072014e-308) return ln(x * 18014398509481984) - 54 * LN2_HIGH - 54 * LN2_LOW
  bits.setFloat64(0, x)
  let exponent = ((bits.getUint32(0) >>> 20) & 0x7ff) - 1023
  bits.setUint32(0, (bits.getUint32(0) & 0x000fffff) | 0x3ff00000)
  let mantissa = bits.getFloat64(0)
  if (mantissa > 1.4142135623730951) {
    mantissa /= 2
    exponent += 1
  }
  const s = (mantissa - 1) / (mantissa + 1)
  const s2 = s * s
  let sum = 0
  for (let n = 23; n >= 1; n -= 2) sum = sum * s2 + 1 / n
  return exponent * LN2_HIGH + (2 * s * sum + exponent * LN2_LOW)
}

/** e to the power x (relative error about 1e-15 for |x| < 700; 0 or Infinity beyond the range of doubles). */
export function exp(x: number): number {
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY
  if (x < -745) return 0
  const k = Math.round(x / 0.6931471805599453)
  const r = x - k * LN2_HIGH - k * LN2_LOW
  let sum = 1
  for (let n = 17; n >= 1; n--) sum = 1 + (r * sum) / n
  let result = sum
  for (let i = 0; i < Math.abs(k); i++) result = k > 0 ? result * 2 : result / 2
  return result
}

/** The standard normal quantile of p in (0, 1), by Acklam's rational approximation (relative error below 1.2e-9). */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return Number.POSITIVE_INFINITY
  if (p < 0.02425) return tail(Math.sqrt(-2 * ln(p)))
  if (p > 1 - 0.02425) return -tail(Math.sqrt(-2 * ln(1 - p)))
  const q = p - 0.5
  const r = q * q
  const top = (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r - 30.66479806614716) * r + 2.506628277459239) * q
  const bottom = ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r - 13.28068155288572) * r + 1
  return top / bottom
}

function tail(q: number): number {
  const top = ((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q + 4.374664141464968) * q + 2.938163982698783
  const bottom = (((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1
  return top / bottom
}
