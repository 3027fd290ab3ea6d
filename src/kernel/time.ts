/** Virtual time: an integer count of microseconds since the rehearsal's clock began. Names that hold one end in `Us`. */
export type Us = number

export const MILLISECOND: Us = 1_000
export const SECOND: Us = 1_000_000
export const MINUTE: Us = 60 * SECOND
export const HOUR: Us = 60 * MINUTE
/** An instant that never comes. */
export const NEVER: Us = Number.POSITIVE_INFINITY

const UNITS: Record<string, Us> = { us: 1, ms: MILLISECOND, s: SECOND, m: MINUTE, h: HOUR, d: 24 * HOUR }
const DURATION = /^(?:\d+(?:\.\d+)?(?:us|ms|s|m|h|d))+$/
const PART = /(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g

/**
 * Reads a duration as people write it (`90s`, `1h30m`, `250ms`) into microseconds, or returns undefined when the text is no duration.
 * A bare number has no unit and is refused: the caller knows whether seconds were meant.
 */
export function parseDurationUs(text: string): Us | undefined {
  const trimmed = text.trim()
  if (!DURATION.test(trimmed)) return undefined
  let totalUs = 0
  for (const [, amount, unit] of trimmed.matchAll(PART)) totalUs += Number(amount) * (UNITS[unit as string] as number)
  return Math.round(totalUs)
}

/** Writes a duration for people: three significant figures below a minute, then `4m 05s`, `1h 20m`. */
export function formatDuration(us: Us): string {
  if (!Number.isFinite(us)) return 'for ever'
  const sign = us < 0 ? '-' : ''
  const abs = Math.abs(us)
  if (abs === 0) return '0 s'
  // The limits are where rounding to three figures would reach the next unit: 999.9 ms is written as 1.00 s.
  if (abs < 999.5) return `${sign}${Math.round(abs)} µs`
  if (abs < 999.5 * MILLISECOND) return `${sign}${significant(abs / MILLISECOND)} ms`
  if (abs < 59.95 * SECOND) return `${sign}${significant(abs / SECOND)} s`
  const totalSeconds = Math.round(abs / SECOND)
  const hours = Math.floor(totalSeconds / 3600)
  const minutes = Math.floor((totalSeconds % 3600) / 60)
  const seconds = totalSeconds % 60
  if (hours > 0) return `${sign}${hours}h ${String(minutes).padStart(2, '0')}m`
  return `${sign}${minutes}m ${String(seconds).padStart(2, '0')}s`
}

/** Writes an instant as a clock reading since the rehearsal began: `12:03.250` or `1:02:03.250`. */
export function formatClock(us: Us): string {
  const totalMs = Math.floor(us / MILLISECOND)
  const ms = String(totalMs % 1000).padStart(3, '0')
  const totalSeconds = Math.floor(totalMs / 1000)
  const seconds = String(totalSeconds % 60).padStart(2, '0')
  const minutes = Math.floor(totalSeconds / 60)
  if (minutes < 60) return `${String(minutes).padStart(2, '0')}:${seconds}.${ms}`
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${seconds}.${ms}`
}

function significant(value: number): string {
  if (value >= 99.95) return value.toFixed(0)
  if (value >= 9.995) return value.toFixed(1)
  return value.toFixed(2)
}
