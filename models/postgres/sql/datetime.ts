import { Numeric } from './numeric.ts'
import type { Interval } from './types.ts'

export const DAY_US = 86_400_000_000
const HOUR_US = 3_600_000_000
const MINUTE_US = 60_000_000
const SECOND_US = 1_000_000

interface Civil {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** Days since 1970-01-01 of a Gregorian date (Howard Hinnant's algorithm). */
export function daysOf({ year, month, day }: Civil): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** The Gregorian date of a day number. */
export function civilOf(days: number): Civil {
  const z = days + 719_468
  const era = Math.floor(z / 146_097)
  const dayOfEra = z - era * 146_097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthIndex = Math.floor((5 * dayOfYear + 2) / 153)
  const month = monthIndex + (monthIndex < 10 ? 3 : -9)
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * monthIndex + 2) / 5) + 1 }
}

const two = (value: number): string => String(value).padStart(2, '0')

function fraction(us: number): string {
  return us === 0 ? '' : `.${String(us).padStart(6, '0').replace(/0+$/, '')}`
}

function clock(us: number): string {
  const seconds = Math.floor(us / SECOND_US)
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${fraction(us % SECOND_US)}`
}

export function printDate(days: number): string {
  const { year, month, day } = civilOf(days)
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
}

export function printTimestamp(us: number): string {
  const days = Math.floor(us / DAY_US)
  return `${printDate(days)} ${clock(us - days * DAY_US)}`
}

/** `2026-11-20[ T]08:19:19.086[+00]` into microseconds since 1970 (UTC); undefined if it is none. Time zone names are not read. */
export function parseTimestamp(text: string): number | undefined {
  const match = /^\s*(\d{4,})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?\s*$/i.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', digits = '', zone] = match
  const civil = { year: Number(year), month: Number(month), day: Number(day) }
  if (civil.month < 1 || civil.month > 12 || civil.day < 1 || civilOf(daysOf(civil)).month !== civil.month) return undefined
  if (Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60) return undefined
  const timeUs = Number(hour) * HOUR_US + Number(minute) * MINUTE_US + Number(second) * SECOND_US + Number(digits.padEnd(6, '0'))
  return daysOf(civil) * DAY_US + timeUs - zoneUs(zone)
}

function zoneUs(zone: string | undefined): number {
  if (zone === undefined || /^(Z|UTC)$/i.test(zone)) return 0
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * HOUR_US + Number(minutes) * MINUTE_US)
}

const UNITS: Readonly<Record<string, Interval>> = {
  microsecond: { months: 0, days: 0, us: 1 }, us: { months: 0, days: 0, us: 1 }, usec: { months: 0, days: 0, us: 1 },
  millisecond: { months: 0, days: 0, us: 1000 }, ms: { months: 0, days: 0, us: 1000 }, msec: { months: 0, days: 0, us: 1000 },
  second: { months: 0, days: 0, us: SECOND_US }, sec: { months: 0, days: 0, us: SECOND_US }, s: { months: 0, days: 0, us: SECOND_US },
  minute: { months: 0, days: 0, us: MINUTE_US }, min: { months: 0, days: 0, us: MINUTE_US }, m: { months: 0, days: 0, us: MINUTE_US },
  hour: { months: 0, days: 0, us: HOUR_US }, hr: { months: 0, days: 0, us: HOUR_US }, h: { months: 0, days: 0, us: HOUR_US },
  day: { months: 0, days: 1, us: 0 }, d: { months: 0, days: 1, us: 0 }, week: { months: 0, days: 7, us: 0 }, w: { months: 0, days: 7, us: 0 },
  month: { months: 1, days: 0, us: 0 }, mon: { months: 1, days: 0, us: 0 }, year: { months: 12, days: 0, us: 0 }, yr: { months: 12, days: 0, us: 0 }, y: { months: 12, days: 0, us: 0 },
}

/** Reads an interval as people write it (`5 minutes`, `1 day 02:03:04.5`, `90s`); a bare number is seconds. */
export function parseInterval(text: string, bareUnit = 'second'): Interval | undefined {
  let rest = text.trim().toLowerCase()
  let sum: Interval = { months: 0, days: 0, us: 0 }
  if (rest === '') return undefined
  const ago = rest.endsWith(' ago')
  if (ago) rest = rest.slice(0, -4)
  while (rest !== '') {
    const time = /^([+-]?)(\d+):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?\s*/.exec(rest)
    const part = time === null ? /^([+-]?\d*\.?\d+)\s*([a-z]*)\s*/.exec(rest) : null
    if (time !== null) {
      const [, sign, hours, minutes, seconds = '0', digits = ''] = time
      const us = Number(hours) * HOUR_US + Number(minutes) * MINUTE_US + Number(seconds) * SECOND_US + Number(digits.padEnd(6, '0'))
      sum = addIntervals(sum, { months: 0, days: 0, us: sign === '-' ? -us : us })
      rest = rest.slice(time[0].length)
    } else if (part !== null) {
      const [whole, amount, word] = part
      const unit = UNITS[word === '' ? bareUnit : (word as string)] ?? UNITS[(word as string).replace(/s$/, '')]
      if (unit === undefined) return undefined
      sum = addIntervals(sum, scaleInterval(unit, Number(amount)))
      rest = rest.slice(whole.length)
    } else return undefined
  }
  return ago ? scaleInterval(sum, -1) : sum
}

export function printInterval({ months, days, us }: Interval): string {
  const words: string[] = []
  const years = Math.trunc(months / 12)
  let negativeBefore = false
  const part = (amount: number, unit: string): void => {
    if (amount === 0) return
    words.push(`${negativeBefore && amount > 0 ? '+' : ''}${amount} ${unit}${amount === 1 ? '' : 's'}`)
    negativeBefore = amount < 0
  }
  part(years, 'year')
  part(months - years * 12, 'mon')
  part(days, 'day')
  if (us !== 0 || words.length === 0) words.push(`${us < 0 ? '-' : negativeBefore ? '+' : ''}${clock(Math.abs(us))}`)
  return words.join(' ')
}

export const addIntervals = (a: Interval, b: Interval): Interval => ({ months: a.months + b.months, days: a.days + b.days, us: a.us + b.us })

/** Interval times a number: fractions of a month spill into days (30 a month), of a day into time. */
export function scaleInterval(interval: Interval, factor: number): Interval {
  const months = interval.months * factor
  const wholeMonths = Math.trunc(months)
  const days = interval.days * factor + (months - wholeMonths) * 30
  const wholeDays = Math.trunc(days)
  const us = Math.round(interval.us * factor + (days - wholeDays) * DAY_US)
  // Adding 0 turns a negative zero into zero.
  return { months: wholeMonths + 0, days: wholeDays + 0, us: us + 0 }
}

/** Length for comparing: a month is 30 days, a day 24 hours. */
export const intervalLengthUs = ({ months, days, us }: Interval): number => (months * 30 + days) * DAY_US + us

/** Difference of two instants: whole days and the rest, as PostgreSQL gives it. */
export function timestampDifference(aUs: number, bUs: number): Interval {
  const us = aUs - bUs
  const days = Math.trunc(us / DAY_US) + 0
  return { months: 0, days, us: us - days * DAY_US }
}

export function addToTimestamp(us: number, interval: Interval): number {
  let day = Math.floor(us / DAY_US)
  const time = us - day * DAY_US
  if (interval.months !== 0) {
    const civil = civilOf(day)
    const index = civil.year * 12 + civil.month - 1 + interval.months
    const year = Math.floor(index / 12)
    const month = index - year * 12 + 1
    const lastDay = daysOf({ year: month === 12 ? year + 1 : year, month: month === 12 ? 1 : month + 1, day: 1 }) - daysOf({ year, month, day: 1 })
    day = daysOf({ year, month, day: Math.min(civil.day, lastDay) })
  }
  return (day + interval.days) * DAY_US + time + interval.us
}

const micros = (us: number): Numeric => new Numeric(BigInt(us), 6)

/** EXTRACT(field FROM instant); undefined for a field that is not modelled. */
export function extractFromTimestamp(field: string, us: number): Numeric | undefined {
  const days = Math.floor(us / DAY_US)
  const { year, month, day } = civilOf(days)
  const time = us - days * DAY_US
  switch (field) {
    case 'epoch': return micros(us)
    case 'year': return Numeric.of(year)
    case 'month': return Numeric.of(month)
    case 'day': return Numeric.of(day)
    case 'dow': return Numeric.of((((days + 4) % 7) + 7) % 7)
    case 'doy': return Numeric.of(days - daysOf({ year, month: 1, day: 1 }) + 1)
    default: return extractFromTime(field, time)
  }
}

/** EXTRACT(field FROM interval); undefined for a field that is not modelled. */
export function extractFromInterval(field: string, { months, days, us }: Interval): Numeric | undefined {
  const years = Math.trunc(months / 12)
  switch (field) {
    // A year is 365.25 days here, a month 30.
    case 'epoch': return micros(years * 31_557_600_000_000 + (months - years * 12) * 30 * DAY_US + days * DAY_US + us)
    case 'year': return Numeric.of(years)
    case 'month': return Numeric.of(months - years * 12)
    case 'day': return Numeric.of(days)
    default: return extractFromTime(field, us)
  }
}

function extractFromTime(field: string, us: number): Numeric | undefined {
  switch (field) {
    case 'hour': return Numeric.of(Math.trunc(us / HOUR_US))
    case 'minute': return Numeric.of(Math.trunc((us % HOUR_US) / MINUTE_US))
    case 'second': return micros(us % MINUTE_US)
    case 'milliseconds': return new Numeric(BigInt(us % MINUTE_US), 3)
    case 'microseconds': return Numeric.of(us % MINUTE_US)
    default: return undefined
  }
}

/** date_trunc; undefined for a field that is not modelled. */
export function truncateTimestamp(field: string, us: number): number | undefined {
  const step = { microseconds: 1, milliseconds: 1000, second: SECOND_US, minute: MINUTE_US, hour: HOUR_US, day: DAY_US }[field]
  if (step !== undefined) return Math.floor(us / step) * step
  const { year, month } = civilOf(Math.floor(us / DAY_US))
  if (field === 'month') return daysOf({ year, month, day: 1 }) * DAY_US
  if (field === 'year') return daysOf({ year, month: 1, day: 1 }) * DAY_US
  return undefined
}

/** to_char(instant, pattern) for the number patterns people use; undefined if the pattern asks for more. */
export function formatTimestamp(us: number, pattern: string): string | undefined {
  const days = Math.floor(us / DAY_US)
  const { year, month, day } = civilOf(days)
  const time = us - days * DAY_US
  const seconds = Math.floor(time / SECOND_US)
  const fields: Readonly<Record<string, string>> = {
    YYYY: String(year).padStart(4, '0'), MM: two(month), DD: two(day), HH24: two(Math.floor(seconds / 3600)), MI: two(Math.floor(seconds / 60) % 60), SS: two(seconds % 60),
    MS: String(Math.floor((time % SECOND_US) / 1000)).padStart(3, '0'), US: String(time % SECOND_US).padStart(6, '0'), TZ: 'UTC', OF: '+00',
  }
  const out = pattern.replace(/"([^"]*)"|(YYYY|HH24|MM|DD|MI|SS|MS|US|TZ|OF)/g, (_, quoted: string | undefined, name: string) => quoted ?? (fields[name] as string))
  const rest = pattern.replace(/"[^"]*"|YYYY|HH24|MM|DD|MI|SS|MS|US|TZ|OF/g, '')
  return /[A-Za-z]/.test(rest) ? undefined : out
}
