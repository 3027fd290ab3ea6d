import type { Utility } from '../utilities.ts'
import { daysOf, civil, strftime } from './strftime.ts'
import { type Output, UnsupportedError, failed, ok, options } from './options.ts'

const UNIT_SECONDS: Readonly<Record<string, number>> = { sec: 1, second: 1, min: 60, minute: 60, hour: 3_600, day: 86_400, week: 604_800, fortnight: 1_209_600 }
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** The instant that a text names, in seconds since 1970: a timestamp, a date, and shifts such as `-5 minutes` or `2 hours ago`. Undefined if it names none. */
export function instantOf(text: string, nowSeconds: number): number | undefined {
  let rest = text.trim()
  const epoch = /^@(-?\d+(?:\.\d+)?)$/.exec(rest)
  if (epoch !== null) return Number(epoch[1])
  let seconds = nowSeconds
  let known = false
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?/i.exec(rest)
  if (iso !== null) {
    const [, y, m, d, hh, mm, ss, fraction, zone] = iso
    const day = civil(daysOf(Number(y), Number(m), Number(d)) * 86_400)
    // The 30th of February, or half past twenty-five.
    if (day.month !== Number(m) || day.day !== Number(d) || Number(hh ?? 0) > 23 || Number(mm ?? 0) > 59) return undefined
    seconds = daysOf(Number(y), Number(m), Number(d)) * 86_400 + Number(hh ?? 0) * 3_600 + Number(mm ?? 0) * 60 + Number(ss ?? 0) + Number(fraction ?? 0)
    const offset = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? '')
    if (offset !== null) seconds -= (offset[1] === '+' ? 1 : -1) * (Number(offset[2]) * 3_600 + Number(offset[3] ?? 0) * 60)
    rest = rest.slice(iso[0].length).trim()
    known = true
  }
  const long = /^(?:[A-Z][a-z]{2},? )?(?:([A-Z][a-z]{2}) +(\d{1,2})|(\d{1,2}) ([A-Z][a-z]{2})) (?:(\d{2}):(\d{2}):(\d{2}) (?:UTC )?(\d{4})|(\d{4}) (\d{2}):(\d{2}):(\d{2})(?: (?:UTC|GMT|\+0000))?)/.exec(rest)
  if (!known && long !== null) {
    const month = MONTHS.indexOf(((long[1] ?? long[4]) as string).toLowerCase()) + 1
    seconds = daysOf(Number(long[8] ?? long[9]), month, Number(long[2] ?? long[3])) * 86_400 + Number(long[5] ?? long[10]) * 3_600 + Number(long[6] ?? long[11]) * 60 + Number(long[7] ?? long[12])
    rest = rest.slice(long[0].length).trim()
    known = true
  }
  while (rest !== '') {
    const named = /^(now|today|yesterday|tomorrow|midnight|utc)\b/i.exec(rest)
    if (named !== null) {
      const name = (named[1] as string).toLowerCase()
      if (name === 'yesterday') seconds -= 86_400
      if (name === 'tomorrow') seconds += 86_400
      if (name === 'midnight') seconds -= ((seconds % 86_400) + 86_400) % 86_400
      rest = rest.slice(named[0].length).trim()
      continue
    }
    const shift = /^([+-]?)\s*(\d+)?\s*(sec|second|min|minute|hour|day|week|fortnight|month|year)s?\b(\s+ago\b)?/i.exec(rest)
    if (shift === null) return undefined
    const count = Number(shift[2] ?? 1) * (shift[1] === '-' ? -1 : 1) * (shift[4] === undefined ? 1 : -1)
    const unit = (shift[3] as string).toLowerCase()
    if (unit === 'month' || unit === 'year') {
      const t = civil(seconds)
      const months = t.year * 12 + t.month - 1 + count * (unit === 'year' ? 12 : 1)
      seconds += (daysOf(Math.floor(months / 12), (months % 12) + 1, t.day) - daysOf(t.year, t.month, t.day)) * 86_400
    } else seconds += count * (UNIT_SECONDS[unit] as number)
    rest = rest.slice(shift[0].length).trim()
  }
  return seconds
}

const ISO: readonly (readonly [name: string, format: string])[] = [['date', '+%F'], ['hours', '+%FT%H+00:00'], ['minutes', '+%FT%H:%M+00:00'], ['seconds', '+%FT%T+00:00'], ['ns', '+%FT%T,%N+00:00']]
const RFC_3339: readonly (readonly [name: string, format: string])[] = [['date', '+%F'], ['seconds', '+%F %T+00:00'], ['ns', '+%F %T.%N+00:00']]

/** `-Iseconds`, `-Is`, `--iso-8601=min`, `--rfc-3339=s` as the format that they mean: a name may be cut short. Any other word as it is. */
function isoOf(word: string): string {
  const [, iso, cut = 'date'] = /^(-I|--iso-8601(?==|$)|--rfc-3339(?==))=?(.+)?$/.exec(word) ?? []
  return iso === undefined ? word : ((iso === '--rfc-3339' ? RFC_3339 : ISO).find(([name]) => name.startsWith(cut))?.[1] ?? word)
}

/** `date [-u] [-d TEXT] [+FORMAT]` on the simulation's time, always in UTC. */
const date: Utility = {
  name: 'date',
  run(call): Output {
    const argv = call.argv.map(isoOf)
    const { on, rest } = options(argv, 'uR', 'dr', { 'date=': 'd', utc: 'u', universal: 'u', 'rfc-email': 'R' })
    if (on.has('r')) throw new UnsupportedError('`date -r`', ['date [-u] [-d TEXT] [+FORMAT]'])
    const seconds = on.has('d') ? instantOf(on.get('d') as string, call.nowSeconds) : call.nowSeconds
    if (seconds === undefined) return failed(`date: invalid date ‘${on.get('d')}’\n`)
    const format = rest[0]
    if (format !== undefined && !format.startsWith('+')) return failed(`date: invalid date ‘${format}’\n`)
    const pattern = format?.slice(1) ?? (on.has('R') ? '%a, %d %b %Y %T %z' : '%a %b %e %H:%M:%S %Z %Y')
    // Whole microseconds: the simulation has none finer.
    const micros = Math.round((seconds - Math.floor(seconds)) * 1_000_000)
    return ok(`${strftime(pattern, Math.floor(seconds), micros * 1_000)}\n`)
  },
}

export const DATE_UTILITIES: readonly Utility[] = [date]
