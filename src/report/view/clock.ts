/** Instants and sentences about them as the page writes them: `1m14.7s` cannot be taken for an hour and a quarter. */

/** `14.7s`, `1m14.7s`, `1h02m03.4s` since the first step; tenths put events in order for a reader. */
export function clock(us: number): string {
  const tenths = Math.floor(Math.max(0, us) / 1e5)
  const pad = (n: number): string => String(n).padStart(2, '0')
  const seconds = Math.floor(tenths / 10)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return written(hours, minutes, `${hours > 0 || minutes > 0 ? pad(seconds % 60) : seconds % 60}.${tenths % 10}`)
}

function written(hours: number, minutes: number, seconds: string): string {
  return `${hours > 0 ? `${hours}h${String(minutes).padStart(2, '0')}m` : minutes > 0 ? `${minutes}m` : ''}${seconds}s`
}

const READING = /(?<![\d:.-])(?:(\d+):)?(\d{2}):(\d{2}\.\d{1,3})(?![\d:]|\.\d)/g

/** A sentence of the checks, in which instants are written as on a clock (`01:14.778`), with them as {@link clock} writes them; what is quoted stays as it was printed. */
export function timed(text: string): string {
  return text.split('`').map((part, i) => (i % 2 === 1 ? part : part.replace(READING, (_, hours: string | undefined, minutes: string, seconds: string) => written(Number(hours ?? 0), Number(minutes), hours === undefined && minutes === '00' ? seconds.replace(/^0(?=\d)/, '') : seconds)))).join('`')
}
