import { isPrintedRight, print as printValue, type Relation } from '../sql/index.ts'
import type { PrintOptions } from './settings.ts'

type Cells = readonly (readonly string[])[]

interface Table {
  readonly headers: readonly string[]
  readonly cells: Cells
}

const widthOf = (text: string): number => Array.from(text).length
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))
const padLeft = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text))) + text
const rowCount = (count: number): string => `(${count} ${count === 1 ? 'row' : 'rows'})`

/** A result as psql prints it, byte for byte. */
export function printRelation({ columns, rows }: Relation, options: PrintOptions): string {
  const nullText = options.nullText ?? ''
  if (options.format === 'unaligned' && options.tuplesOnly === true && options.expanded !== true) return printTuples({ columns, rows }, options, nullText)
  const table: Table = {
    headers: columns.map(({ name }) => name),
    cells: rows.map(row => columns.map(({ type }, i) => (row[i] === null || row[i] === undefined ? nullText : printValue(row[i], type)))),
  }
  const expanded = options.expanded === true
  if (options.format === 'csv') return printCsv(table, options, expanded)
  if (options.format === 'unaligned') return expanded ? printUnalignedExpanded(table, options) : printUnaligned(table, options)
  return expanded ? printExpanded(table, options) : printAligned(table, columns.map(({ type }) => isPrintedRight(type)), options)
}

/** The commonest form, `psql -At`: nothing but the rows. */
function printTuples({ columns, rows }: Relation, { fieldSeparator = '|', recordSeparator = '\n' }: PrintOptions, nullText: string): string {
  if (rows.length === 0) return ''
  let text = ''
  for (let n = 0; n < rows.length; n++) {
    const row = rows[n] as Relation['rows'][number]
    if (n > 0) text += recordSeparator
    for (let i = 0; i < columns.length; i++) {
      if (i > 0) text += fieldSeparator
      const value = row[i]
      text += value === null || value === undefined ? nullText : printValue(value, (columns[i] as Relation['columns'][number]).type)
    }
  }
  return text + ending(recordSeparator)
}

function printCsv({ headers, cells }: Table, { csvSeparator: separator = ',', tuplesOnly = false }: PrintOptions, expanded: boolean): string {
  const quote = (text: string): string => (text.includes(separator) || /["\r\n]/.test(text) || text === '\\.' ? `"${text.replaceAll('"', '""')}"` : text)
  const line = (texts: readonly string[]): string => `${texts.map(quote).join(separator)}\n`
  if (expanded) return cells.map(row => row.map((cell, i) => line([headers[i] as string, cell])).join('')).join('')
  return (tuplesOnly ? '' : line(headers)) + cells.map(line).join('')
}

/** The end of the last line is a newline whatever the record separator, unless that is a zero byte. */
const ending = (separator: string): string => (separator === '\0' ? '\0' : '\n')

function printUnaligned({ headers, cells }: Table, options: PrintOptions): string {
  const { fieldSeparator = '|', recordSeparator = '\n', tuplesOnly = false, footer = true, title } = options
  const lines = cells.map(row => row.join(fieldSeparator))
  if (!tuplesOnly) {
    lines.unshift(headers.join(fieldSeparator))
    if (title !== undefined) lines.unshift(title)
    if (footer) lines.push(rowCount(cells.length))
  }
  return lines.length === 0 ? '' : lines.join(recordSeparator) + ending(recordSeparator)
}

function printUnalignedExpanded({ headers, cells }: Table, options: PrintOptions): string {
  const { fieldSeparator = '|', recordSeparator = '\n', tuplesOnly = false, title } = options
  const records = cells.map(row => row.map((cell, i) => headers[i] + fieldSeparator + cell).join(recordSeparator))
  if (!tuplesOnly && title !== undefined) records.unshift(title)
  return records.length === 0 ? '' : records.join(recordSeparator + recordSeparator) + ending(recordSeparator)
}

/** The lines of a cell, tabs and control characters made visible as psql does it. */
function linesOf(cell: string): string[] {
  return cell.split('\n').map(line => {
    let shown = ''
    for (const character of line) {
      const code = character.codePointAt(0) as number
      if (character === '\t') shown += ' '.repeat(8 - (widthOf(shown) % 8))
      else if (character === '\r') shown += '\\r'
      else if (code < 32 || code === 127) shown += `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`
      else shown += character
    }
    return shown
  })
}

function printAligned(table: Table, right: readonly boolean[], options: PrintOptions): string {
  const { border = 1, tuplesOnly = false, footer = true, title } = options
  const { headers } = table
  const cells = table.cells.map(row => row.map(linesOf))
  const widths = headers.map((header, i) => cells.reduce((max, row) => Math.max(max, ...(row[i] as string[]).map(widthOf)), widthOf(header)))
  const out: string[] = []
  const rule = ruleOf(widths, border)
  if (!tuplesOnly) {
    if (title !== undefined) out.push(centredTitle(title, widths, border))
    if (border > 1) out.push(rule)
    if (headers.length > 0) out.push(headerLine(headers, widths, border))
    out.push(rule)
  }
  for (const row of cells) out.push(...rowLines(row, widths, right, border))
  if (border > 1 && !tuplesOnly) out.push(rule)
  if (!tuplesOnly && footer) out.push(rowCount(cells.length))
  return `${out.map(line => `${line}\n`).join('')}\n`
}

function ruleOf(widths: readonly number[], border: number): string {
  if (border === 0) return widths.map(width => '-'.repeat(width)).join(' ')
  const inner = widths.map(width => '-'.repeat(width + 2)).join('+')
  return border === 1 ? inner || '--' : `+${inner}+`
}

function centredTitle(title: string, widths: readonly number[], border: number): string {
  const total = widths.reduce((a, b) => a + b, 0) + (border === 0 ? widths.length : border === 1 ? widths.length * 3 - 1 : widths.length * 3 + 1)
  return ' '.repeat(Math.max(0, Math.floor((total - widthOf(title)) / 2))) + title
}

function headerLine(headers: readonly string[], widths: readonly number[], border: number): string {
  const centred = headers.map((header, i) => {
    const space = (widths[i] as number) - widthOf(header)
    return ' '.repeat(Math.floor(space / 2)) + header + ' '.repeat(Math.ceil(space / 2))
  })
  if (border === 0) return `${centred.join(' ')} `
  const line = centred.map(text => ` ${text} `).join('|')
  return border === 1 ? line : `|${line}|`
}

/** A row takes as many lines as its longest cell; a `+` marks that a cell goes on. */
function rowLines(row: readonly (readonly string[])[], widths: readonly number[], right: readonly boolean[], border: number): string[] {
  const height = row.reduce((max, lines) => Math.max(max, lines.length), 0)
  return Array.from({ length: height }, (_, n) => {
    const parts = row.map((lines, i) => {
      const width = widths[i] as number
      const text = lines[n]
      const goesOn = n + 1 < lines.length
      const padded = i < row.length - 1 || border > 1 || goesOn
      const shown = text === undefined ? (padded ? ' '.repeat(width) : '') : right[i] === true ? padLeft(text, width) : padded ? pad(text, width) : text
      return (border === 0 ? '' : ' ') + shown + (goesOn ? '+' : padded ? ' ' : '')
    })
    if (border === 0) return parts.join('')
    return border === 1 ? parts.join('|') : `|${parts.join('|')}|`
  })
}

function printExpanded({ headers, cells }: Table, options: PrintOptions): string {
  const { border = 1, tuplesOnly = false, footer = true, title } = options
  if (cells.length === 0) return tuplesOnly || !footer ? '\n' : `${rowCount(0)}\n\n`
  const shown = cells.map(row => row.map(linesOf))
  const nameWidth = headers.reduce((max, header) => Math.max(max, widthOf(header)), 0)
  const valueWidth = shown.reduce((max, row) => row.reduce((m, lines) => Math.max(m, ...lines.map(widthOf)), max), 0)
  const out: string[] = []
  if (!tuplesOnly && title !== undefined) out.push(title)
  for (const [n, row] of shown.entries()) {
    if (!tuplesOnly) out.push(recordRule(n + 1, nameWidth, valueWidth, border))
    else if (n > 0 || border > 1) out.push(recordRule(undefined, nameWidth, valueWidth, border))
    for (const [i, lines] of row.entries()) out.push(...fieldLines(headers[i] as string, lines, nameWidth, valueWidth, border))
  }
  if (border > 1) out.push(recordRule(undefined, nameWidth, valueWidth, border))
  return `${out.map(line => `${line}\n`).join('')}\n`
}

/** The line above a record: its label lies over a rule. */
function recordRule(record: number | undefined, nameWidth: number, valueWidth: number, border: number): string {
  if (border === 0) return record === undefined ? '' : pad(`* Record ${record}`, nameWidth + valueWidth)
  const rule = border === 1 ? `${'-'.repeat(nameWidth + 1)}+${'-'.repeat(valueWidth + 1)}` : `+${'-'.repeat(nameWidth + 2)}+${'-'.repeat(valueWidth + 2)}+`
  if (record === undefined) return rule
  const label = `${border === 1 ? '' : '+'}-[ RECORD ${record} ]`
  return border === 1 ? label + rule.slice(label.length) : `${label}${rule.slice(label.length, -2)}-+`
}

function fieldLines(name: string, lines: readonly string[], nameWidth: number, valueWidth: number, border: number): string[] {
  return lines.map((line, n) => {
    const goesOn = n + 1 < lines.length
    const left = pad(n === 0 ? name : '', nameWidth)
    const value = goesOn || border > 1 ? pad(line, valueWidth) + (goesOn ? '+' : border > 1 ? ' ' : '') : line
    if (border === 0) return `${left} ${value}`
    return border === 1 ? `${left} | ${value}` : `| ${left} | ${value}|`
  })
}
