const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']

export interface Civil {
  readonly year: number
  /** 1…12 */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  /** 0 is Sunday. */
  readonly weekday: number
  /** 1…366 */
  readonly yearday: number
}

/** Days since 1970-01-01 of a date of the Gregorian calendar (H. Hinnant's `days_from_civil`). */
export function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yoe = y - era * 400
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719_468
}

/** The date and time in UTC of an instant in seconds since 1970. */
export function civil(seconds: number): Civil {
  const days = Math.floor(seconds / 86_400)
  const rest = Math.floor(seconds - days * 86_400)
  const z = days + 719_468
  const era = Math.floor(z / 146_097)
  const doe = z - era * 146_097
  const yoe = Math.floor((doe - Math.floor(doe / 1_460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365)
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100))
  const mp = Math.floor((5 * doy + 2) / 153)
  const month = mp < 10 ? mp + 3 : mp - 9
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0)
  return {
    year, month, day: doy - Math.floor((153 * mp + 2) / 5) + 1, hour: Math.floor(rest / 3_600), minute: Math.floor((rest % 3_600) / 60), second: rest % 60,
    weekday: (((days + 4) % 7) + 7) % 7, yearday: days - daysOf(year, 1, 1) + 1,
  }
}

const two = (n: number): string => String(n).padStart(2, '0')

/** A date by a format of `date` or `printf %()T`, in UTC. */
export function strftime(format: string, seconds: number, nanoseconds: number): string {
  const t = civil(seconds)
  const hour12 = t.hour % 12 === 0 ? 12 : t.hour % 12
  const one = (letter: string, flag: string): string => {
    const trim = (text: string): string => (flag === '-' ? text.replace(/^[0 ]+(?=.)/, '') : text)
    switch (letter) {
      case 'Y': return String(t.year)
      case 'y': return two(t.year % 100)
      case 'C': return two(Math.floor(t.year / 100))
      case 'm': return trim(two(t.month))
      case 'd': return trim(two(t.day))
      case 'e': return trim(String(t.day).padStart(2))
      case 'H': return trim(two(t.hour))
      case 'k': return trim(String(t.hour).padStart(2))
      case 'I': return trim(two(hour12))
      case 'l': return trim(String(hour12).padStart(2))
      case 'M': return trim(two(t.minute))
      case 'S': return trim(two(t.second))
      case 'j': return trim(String(t.yearday).padStart(3, '0'))
      case 'N': return String(Math.floor(nanoseconds)).padStart(9, '0')
      case 's': return String(Math.floor(seconds))
      case 'F': return `${t.year}-${two(t.month)}-${two(t.day)}`
      case 'T': case 'X': return `${two(t.hour)}:${two(t.minute)}:${two(t.second)}`
      case 'R': return `${two(t.hour)}:${two(t.minute)}`
      case 'D': case 'x': return `${two(t.month)}/${two(t.day)}/${two(t.year % 100)}`
      case 'r': return `${two(hour12)}:${two(t.minute)}:${two(t.second)} ${t.hour < 12 ? 'AM' : 'PM'}`
      case 'c': return `${(DAYS[t.weekday] as string).slice(0, 3)} ${(MONTHS[t.month - 1] as string).slice(0, 3)} ${String(t.day).padStart(2)} ${two(t.hour)}:${two(t.minute)}:${two(t.second)} ${t.year}`
      case 'a': return (DAYS[t.weekday] as string).slice(0, 3)
      case 'A': return DAYS[t.weekday] as string
      case 'b': case 'h': return (MONTHS[t.month - 1] as string).slice(0, 3)
      case 'B': return MONTHS[t.month - 1] as string
      case 'u': return String(t.weekday === 0 ? 7 : t.weekday)
      case 'w': return String(t.weekday)
      case 'p': return t.hour < 12 ? 'AM' : 'PM'
      case 'P': return t.hour < 12 ? 'am' : 'pm'
      case 'Z': return 'UTC'
      case 'z': return '+0000'
      case 'n': return '\n'
      case 't': return '\t'
      case '%': return '%'
      default: return `%${flag}${letter}`
    }
  }
  return format.replace(/%:z/g, '+00:00').replace(/%([-_0^#]?)(\d*)([A-Za-z%])/g, (_all, flag: string, width: string, letter: string) => {
    const text = one(letter, flag)
    if (letter === 'N' && width !== '') return text.slice(0, Number(width))
    const upper = flag === '^' ? text.toUpperCase() : text
    return width === '' ? upper : upper.padStart(Number(width), flag === '_' ? ' ' : '0')
  })
}
