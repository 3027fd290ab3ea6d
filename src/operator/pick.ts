import { judge } from './expect.ts'
import type { Pick } from './plan.ts'
import { type Lookup, fill } from './words.ts'

/** Chooses a candidate from the lines of an output: its captured text, or why there is none. @throws UnknownVariableError */
export function pickFrom(pick: Pick, lookup: Lookup): string | { readonly why: string } {
  const rows = fill(pick.from, lookup)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .slice(pick.skip)
    .map(line => line.split(pick.separator ?? /\s+/).map(cell => cell.trim()))
  const candidates = rows.filter(row => pick.where.every(w => judge(w.expect, { out: row[w.column - 1] ?? '', err: '', code: 0 }, lookup).holds))
  if (candidates.length === 0) return { why: `no candidate among ${rows.length} line(s)` }
  const best = pick.column === undefined ? candidates[0] : extreme(candidates, pick.column - 1, pick)
  const taken = best?.[pick.take - 1] ?? ''
  if (best === undefined || taken === '') return { why: `none of ${candidates.length} candidate(s) has ${best === undefined ? `a value in column ${pick.column} that can be compared` : `a column ${pick.take}`}` }
  return taken
}

/** The row with the largest or smallest value; the first of equals. Rows without a comparable value are left out. */
function extreme(rows: readonly (readonly string[])[], column: number, pick: Pick): readonly string[] | undefined {
  const cells = rows.map(row => row[column] ?? '').filter(cell => cell !== '')
  const how = pick.compare ?? (cells.some(isLsn) && !cells.some(cell => Number.isFinite(Number(cell))) ? 'lsn' : 'number')
  let best: readonly string[] | undefined
  let bestValue: string | number = 0
  for (const row of rows) {
    const value = valueOf(row[column] ?? '', how)
    if (value === undefined) continue
    if (best === undefined || (pick.by === 'largest' ? value > bestValue : value < bestValue)) {
      best = row
      bestValue = value
    }
  }
  return best
}

const isLsn = (text: string): boolean => /^[0-9A-Fa-f]+\/[0-9A-Fa-f]+$/.test(text)

function valueOf(text: string, how: 'number' | 'lsn' | 'text'): string | number | undefined {
  if (text === '') return undefined
  if (how === 'text') return text
  if (how === 'number') return Number.isFinite(Number(text)) ? Number(text) : undefined
  if (!isLsn(text)) return undefined
  const [high, low] = text.split('/') as [string, string]
  return Number.parseInt(high, 16) * 4294967296 + Number.parseInt(low, 16)
}
