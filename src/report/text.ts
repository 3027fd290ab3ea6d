/** Lines of text for people: width, colour, wrapping, tables. Colour never carries meaning alone. */
import pc from 'picocolors'

/** What the reader's screen can do. */
export interface Screen {
  readonly columns: number
  readonly colour: boolean
  readonly unicode: boolean
}

export const PLAIN: Screen = { columns: 80, colour: false, unicode: true }

export type Paint = ReturnType<typeof pc.createColors>

export function paintFor(screen: Screen): Paint {
  return pc.createColors(screen.colour)
}

export interface Glyphs {
  readonly good: string
  readonly bad: string
  readonly none: string
  readonly strike: string
  readonly bar: string
  readonly half: string
  readonly rule: string
  readonly arrow: string
  readonly ellipsis: string
  readonly atMost: string
  readonly atLeast: string
  readonly leader: string
  readonly follower: string
  readonly neither: string
  readonly down: string
  readonly range: string
  readonly needs: string
}

// Each is one column wide on every terminal: no sign that some draw as a picture over two.
const UNICODE: Glyphs = {
  good: '✓', bad: '✗', none: '–', strike: '↯', bar: '█', half: '▌', rule: '─', arrow: '←', ellipsis: '…', atMost: '≤', atLeast: '≥',
  leader: '█', follower: '▒', neither: '░', down: '·', range: '–', needs: '•',
}
const ASCII: Glyphs = {
  good: '+', bad: 'x', none: '-', strike: '!', bar: '#', half: '', rule: '-', arrow: '<-', ellipsis: '..', atMost: '<=', atLeast: '>=',
  leader: 'L', follower: 'f', neither: 'o', down: '.', range: '-', needs: '*',
}

export function glyphsFor(screen: Screen): Glyphs {
  return screen.unicode ? UNICODE : ASCII
}

/** Breaks a text at blanks so that no line is longer than `width`; words longer than that stand alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    if (line === '') line = word
    else if (line.length + 1 + word.length <= width) line += ` ${word}`
    else {
      lines.push(line)
      line = word
    }
  }
  if (line !== '' || lines.length === 0) lines.push(line)
  return lines
}

/** Wraps with a first-line prefix and a hanging indent of the same width. */
export function hang(prefix: string, text: string, columns: number): string[] {
  return wrap(text, Math.max(20, columns - prefix.length)).map((line, i) => (i === 0 ? prefix : ' '.repeat(prefix.length)) + line)
}

/** A text of several lines, each broken at blanks where it is longer than the screen; what is broken goes on a little further in. */
export function fitted(text: string, columns: number): string {
  return text.split('\n').map((line) => {
    if (line.length <= columns) return line
    const indent = /^ */.exec(line)?.[0] ?? ''
    return wrap(line, columns - indent.length - 4).map((part, i) => `${indent}${i === 0 ? '' : '    '}${part}`).join('\n')
  }).join('\n')
}

/** Cuts the beginning of a name: of many that begin alike the end tells them apart. */
export function cutFront(name: string, width: number, ellipsis: string): string {
  return name.length <= width ? name : `${ellipsis}${name.slice(name.length - width + ellipsis.length)}`
}

/** Cuts a text to `width`, marking the cut. */
export function cut(text: string, width: number, ellipsis: string): string {
  return text.length <= width ? text : text.slice(0, Math.max(0, width - ellipsis.length)) + ellipsis
}

/** Rows in columns two blanks apart: the first left-aligned, the rest right-aligned; trailing blanks are cut. */
export function table(rows: readonly (readonly string[])[], indent: number, leftColumns = 1): string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)))
  return rows.map((row) => {
    const cells = row.map((cell, i) => (i < leftColumns ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
    return (' '.repeat(indent) + cells.join('  ')).trimEnd()
  })
}
