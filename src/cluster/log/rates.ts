import type { Us } from '../../kernel/index.ts'
import type { Tenure } from './tenure.ts'

/** One demand's part in a leader's writing. `rate` and `full` are the answer: go at `rate` once `full` connections are busy (Infinity: at once). */
export interface Share {
  readonly tenure: Tenure
  waiting: boolean
  /** What an answer takes beyond the replication lag. */
  extraUs: Us
  /** Writes per µs. */
  rate: number
  full: number
}

const HALVINGS = 60

/**
 * The rates at which writing settles when acknowledgements cannot rise faster than `ackPerUs` bytes per µs (Infinity: they follow the
 * writing after `lagUs`). Found as the replication lag at which what the clients then write is just what can be acknowledged: as the lag
 * grows, pools and thinking clients slow down. Depends on modes only, never on a delayed rate, so it does not echo.
 */
export function equilibrium(shares: readonly Share[], now: Us, lagUs: Us, ackPerUs: number, backgroundPerUs: number): void {
  for (const s of shares) {
    s.rate = s.tenure.demand.rateAt(s.extraUs + lagUs, s.waiting)
    s.full = Number.POSITIVE_INFINITY
  }
  const free = offered(shares, backgroundPerUs)
  if (free <= ackPerUs) {
    for (const s of shares) s.tenure.expiring = false
    return
  }
  for (const s of shares) {
    const { tenure } = s
    const { timeoutUs, loop } = tenure.demand.options
    if (loop !== 'open') continue
    if (tenure.expiring) tenure.expiring = !tenure.forecast(now, Number.POSITIVE_INFINITY).flowing
    else tenure.expiring = now - tenure.oldestUs(now) >= timeoutUs - 1.5
  }
  const lag = settledLag(shares, lagUs, ackPerUs, backgroundPerUs)
  const scale = lag === Number.POSITIVE_INFINITY && ackPerUs > 0 ? ackPerUs / free : 0
  for (const s of shares) {
    const { demand } = s.tenure
    const freely = s.rate
    s.rate = lag === Number.POSITIVE_INFINITY && !s.tenure.expiring ? freely * scale : rateUnder(s, lag)
    if (s.rate >= freely) s.rate = freely
    else s.full = demand.options.loop === 'closed' ? demand.places - demand.options.thinkUs * s.rate : demand.places
  }
}

/** The lag at which the offered bytes are what can be acknowledged; Infinity when no lag slows the clients enough. */
function settledLag(shares: readonly Share[], lagUs: Us, ackPerUs: number, backgroundPerUs: number): number {
  if (ackPerUs <= 0) return Number.POSITIVE_INFINITY
  let low = lagUs
  let high = lagUs + 1000
  while (offeredUnder(shares, high, backgroundPerUs) > ackPerUs) {
    low = high
    high *= 4
    if (high > 1e12) return Number.POSITIVE_INFINITY
  }
  for (let i = 0; i < HALVINGS && high - low > 1e-6; i++) {
    const middle = (low + high) / 2
    if (offeredUnder(shares, middle, backgroundPerUs) > ackPerUs) low = middle
    else high = middle
  }
  return high
}

function offered(shares: readonly Share[], backgroundPerUs: number): number {
  let sum = backgroundPerUs
  for (const s of shares) if (!s.tenure.demand.resting) sum += s.rate * s.tenure.demand.options.bytesPerWrite
  return sum
}

function offeredUnder(shares: readonly Share[], lagUs: number, backgroundPerUs: number): number {
  let sum = backgroundPerUs
  for (const s of shares) if (!s.tenure.demand.resting) sum += rateUnder(s, lagUs) * s.tenure.demand.options.bytesPerWrite
  return sum
}

function rateUnder(s: Share, lagUs: number): number {
  const { demand, expiring } = s.tenure
  const response = lagUs + s.extraUs
  if (response === Number.POSITIVE_INFINITY && !expiring) return 0
  return demand.rateAt(expiring ? demand.options.timeoutUs : response, s.waiting)
}
