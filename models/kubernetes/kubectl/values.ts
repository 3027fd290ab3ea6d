/** Values of flags as kubectl reads them: Go's `time.ParseDuration` and `strconv.ParseInt` [Go 1.22, pflag 1.0.5]. */
import { type Us } from '../../../src/kernel/index.ts'

/** Microseconds of each of Go's units; there are no days. */
const UNITS: Readonly<Record<string, number>> = { ns: 0.001, us: 1, 'µs': 1, 'μs': 1, ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 }
const PIECE = /^(\d+\.?\d*|\.\d+)([^.\d]*)/

/** A duration as Go reads it (`90s`, `1h30m`, `-1s`, `0`), or what Go says of one that is none. */
export function goDuration(text: string): { readonly us: Us } | { readonly problem: string } {
  const quoted = JSON.stringify(text)
  const unsigned = text.replace(/^[-+]/, '')
  if (unsigned === '0') return { us: 0 }
  if (unsigned === '') return { problem: `time: invalid duration ${quoted}` }
  let us = 0
  for (let rest = unsigned; rest !== ''; ) {
    const piece = PIECE.exec(rest)
    if (piece === null) return { problem: `time: invalid duration ${quoted}` }
    const [all, amount = '', unit = ''] = piece
    if (unit === '') return { problem: `time: missing unit in duration ${quoted}` }
    if (UNITS[unit] === undefined) return { problem: `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}` }
    us += Number(amount) * UNITS[unit]
    rest = rest.slice(all.length)
  }
  return { us: text.startsWith('-') ? -Math.round(us) : Math.round(us) }
}

/** The duration that a flag names; `usual` where it is not given. A malformed one is refused before any verb asks. */
export function durationOf(text: string | undefined, usual: Us): Us {
  const read = text === undefined ? { us: usual } : goDuration(text)
  return 'us' in read ? read.us : usual
}

/** What the flag's type says of a value, as pflag tells it; undefined where it is one. What is not known yet (`${…}`) may be anything. */
export function valueProblem(name: string, kind: 'duration' | 'int', value: string): string | undefined {
  if (value.includes('${')) return undefined
  const read = kind === 'duration' ? goDuration(value) : /^[-+]?(?:0x[0-9a-f]+|\d+)$/i.test(value) ? { us: 0 } : { problem: `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax` }
  return 'problem' in read ? `invalid argument ${JSON.stringify(value)} for "--${name}" flag: ${read.problem}` : undefined
}
