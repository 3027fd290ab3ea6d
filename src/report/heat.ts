/** Steps × fault kinds with the worst that came of each, as a map of signs that fits a terminal. */
import type { CampaignResult } from '../campaign/result.ts'
import type { BlockId } from '../campaign/sweep/spec.ts'
import { VOCABULARY } from '../faults/index.ts'
import { FATES, FIRST_HARMLESS, type Fate, cellsOf, rowsOf, worst } from './fates.ts'
import { type Screen, cut, glyphsFor, hang, paintFor } from './text.ts'

const NAME_WIDTH_MAX = 26
const NAME_WIDTH_LEAST = 8

/** Kinds of one family stand together. */
interface Family {
  readonly name: string
  readonly kinds: readonly { readonly kind: string; readonly number: number }[]
}

/** The maps of a sweep, as lines: of single faults and of pairs; an empty one where there are no cells. */
export function heatMaps(result: CampaignResult, screen: Screen): string[][] {
  return [
    heatMap(result, ['faults', 'operator-killed'], 'What came of each fault at each step (the worst of its places and targets)', screen),
    heatMap(result, ['pairs'], 'What came of pairs, by the step and kind of the first', screen),
  ]
}

function heatMap(result: CampaignResult, blocks: readonly BlockId[], heading: string, screen: Screen): string[] {
  const cells = cellsOf(result, blocks)
  const families = familiesOf(new Set(cells.map(({ column }) => firstOf(column))))
  const rows = rowsOf(result, cells)
  if (rows.length === 0 || families.length === 0) return []
  const fateOf = (row: string, kind: string): Fate | undefined => worst(cells.filter((cell) => cell.row === row && firstOf(cell.column) === kind).map(({ counts }) => counts))
  const maps = rows.map((row) => ({ row, fates: families.map(({ kinds }) => kinds.map(({ kind }) => fateOf(row, kind))) }))
  const eventful = maps.filter(({ fates }) => fates.flat().some((fate) => fate !== undefined && fate.id !== 'fine'))
  const quiet = maps.filter((each) => !eventful.includes(each)).map(({ row }) => row)
  const lines = [paintFor(screen).bold(heading)]
  if (eventful.length > 0) lines.push(...drawn(eventful, families, screen), ...legend(eventful.flatMap(({ fates }) => fates.flat()), screen), ...withoutFault(result, screen), ...keyOf(families, screen))
  if (quiet.length > 0) lines.push(...hang('  ', `completed with nothing broken whatever struck: ${quiet.join(', ')}`, screen.columns))
  return lines
}

/** A pair stands under its first kind. */
function firstOf(column: string): string {
  return column.split(' + ')[0] ?? column
}

/** The kinds in the vocabulary's order, numbered from 1 on: letters would be mixed up with the signs. */
function familiesOf(kinds: ReadonlySet<string>): readonly Family[] {
  const met = VOCABULARY.filter(({ kind }) => kinds.has(kind)).map(({ kind, family }, i) => ({ kind, family, number: i + 1 }))
  const names = [...new Set(met.map(({ family }) => family))]
  return names.map((name) => ({ name, kinds: met.filter(({ family }) => family === name) }))
}

/** The map: the numbers above the columns read downwards, a gap between families. With many kinds the columns close up, so that a row still fits. */
function drawn(rows: readonly { readonly row: string; readonly fates: readonly (readonly (Fate | undefined)[])[] }[], families: readonly Family[], screen: Screen): string[] {
  const { ellipsis } = glyphsFor(screen)
  const columns = families.reduce((sum, { kinds }) => sum + kinds.length, 0)
  const wanted = Math.min(NAME_WIDTH_MAX, Math.max(4, ...rows.map(({ row }) => row.length)))
  const spacious = 4 + wanted + 2 * columns + families.length <= screen.columns
  const width = spacious ? wanted : Math.max(NAME_WIDTH_LEAST, Math.min(wanted, screen.columns - 4 - columns - families.length))
  const line = (name: string, signs: readonly (readonly string[])[]): string => `  ${cut(name, width, ellipsis).padEnd(width)}  ${signs.map((each) => each.join(spacious ? ' ' : '')).join(spacious ? '  ' : ' ')}`.trimEnd()
  const head = (digit: (number: number) => string): string => line('', families.map(({ kinds }) => kinds.map(({ number }) => digit(number))))
  const tens = columns < 10 ? [] : [head((number) => (number < 10 ? ' ' : String(Math.floor(number / 10))))]
  return [...tens, head((number) => String(number % 10)), ...rows.map(({ row, fates }) => line(row, fates.map((each) => each.map((fate) => signOf(fate, screen)))))]
}

function signOf(fate: Fate | undefined, screen: Screen): string {
  if (fate === undefined) return ' '
  const paint = paintFor(screen)
  if (FATES.indexOf(fate) < FIRST_HARMLESS) return paint.bold(paint.red(fate.sign))
  return fate.id === 'fine' ? paint.dim(fate.sign) : fate.sign
}

function legend(fates: readonly (Fate | undefined)[], screen: Screen): string[] {
  const shown = FATES.filter((fate) => fates.includes(fate)).map(({ sign, means }) => `${sign} = ${means}`)
  return items('  ', [...shown, ...(fates.includes(undefined) ? ['blank = nothing there to strike'] : [])], screen).map(paintFor(screen).dim)
}

/** Where the runbook breaks by itself, the map says little about faults: so that is said. */
function withoutFault(result: CampaignResult, screen: Screen): string[] {
  const fate = worst(cellsOf(result, ['fault-free']).map(({ counts }) => counts))
  return fate === undefined || fate.id === 'fine' ? [] : hang('  ', `Without any fault it is ${fate.sign}, too: ${fate.means}.`, screen.columns)
}

/** Which kind each number is, a line or more a family. */
function keyOf(families: readonly Family[], screen: Screen): string[] {
  const width = Math.max(...families.map(({ name }) => name.length))
  return families.flatMap(({ name, kinds }) => items(`  ${name.padEnd(width)}  `, kinds.map(({ kind, number }) => `${number} ${kind}`), screen))
}

/** As many items a line as there is room for; none is broken. */
function items(prefix: string, texts: readonly string[], { columns }: Screen): string[] {
  const lines: string[] = []
  for (const text of texts) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 2 + text.length < columns) lines[lines.length - 1] = `${last}, ${text}`
    else lines.push(`${lines.length === 0 ? prefix : ' '.repeat(prefix.length)}${text}`)
  }
  return lines
}
