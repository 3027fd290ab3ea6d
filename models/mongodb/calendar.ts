/** Instants of the story as the servers' clocks show them: a fixed date, in UTC. */
import { MILLISECOND, type Us } from '../../src/kernel/index.ts'
import { EPOCH_SECONDS } from '../../src/operator/shell/container.ts'

/** 2026-01-01T00:00:00Z in milliseconds since 1970: when every story begins, as the scripts' `date` and the API server have it. */
export const EPOCH_MS = EPOCH_SECONDS * 1000

export const msOf = (us: Us): number => EPOCH_MS + Math.floor(us / MILLISECOND)
export const secondsOf = (us: Us): number => Math.floor(msOf(us) / 1000)

/** `2026-01-01T02:00:00.000Z` of milliseconds since 1970. */
export function isoOfMs(ms: number): string {
  const day = Math.floor(ms / 86_400_000)
  const rest = ms - day * 86_400_000
  // Civil calendar from days (Howard Hinnant's days_from_civil, turned round).
  const z = day + 719_468
  const era = Math.floor(z / 146_097)
  const doe = z - era * 146_097
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365)
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100))
  const mp = Math.floor((5 * doy + 2) / 153)
  const d = doy - Math.floor((153 * mp + 2) / 5) + 1
  const month = mp < 10 ? mp + 3 : mp - 9
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${year}-${two(month)}-${two(d)}T${two(Math.floor(rest / 3_600_000))}:${two(Math.floor(rest / 60_000) % 60)}:${two(Math.floor(rest / 1000) % 60)}.${String(Math.floor(rest) % 1000).padStart(3, '0')}Z`
}

export const isoOf = (us: Us): string => isoOfMs(msOf(us))
