import { UnsupportedError, ok } from './command.ts'
import type { Filter } from './filters.ts'

const SUPPORTED = ["awk [-F SEP] '{print $1, $NF}'", "awk '/regex/ {print $1}'", "awk 'NR==1 {print}'", "awk '$2==\"x\" {print $1}'", "awk '{print $1 + 1}'"]
const PROGRAM = /^\s*(?<condition>[^{]*?)\s*(?:\{\s*print\s*(?<list>[^{};]*?)\s*;?\s*\})?\s*$/

type Row = { readonly line: string; readonly fields: readonly string[]; readonly number: number }

/** The one-liners of awk that pick lines and print columns; anything more is unsupported. */
export function awk(args: readonly string[]): Filter {
  const rest = [...args]
  let separator: string | undefined
  while (rest[0]?.startsWith('-F')) {
    const first = rest.shift() as string
    separator = first.length > 2 ? first.slice(2) : rest.shift()
  }
  const program = rest.shift()
  const match = program === undefined || rest.length > 0 ? null : PROGRAM.exec(program)
  if (match?.groups === undefined) throw new UnsupportedError(`\`awk ${args.join(' ')}\``, SUPPORTED)
  const holds = condition(match.groups['condition'] ?? '')
  const printed = items(match.groups['list'] ?? '')
  const split = splitter(separator)
  return stdin => {
    const lines = stdin === '' ? [] : (stdin.endsWith('\n') ? stdin.slice(0, -1) : stdin).split('\n')
    let out = ''
    lines.forEach((line, i) => {
      const row: Row = { line, fields: split(line), number: i + 1 }
      if (holds(row)) out += `${printed.map(item => item(row)).join(' ')}\n`
    })
    return ok(out)
  }
}

function splitter(separator: string | undefined): (line: string) => string[] {
  if (separator === undefined || separator === ' ') return line => line.split(/[ \t\n]+/).filter(f => f !== '')
  if (separator.length === 1) return line => line.split(separator === 't' ? '\t' : separator)
  const pattern = new RegExp(separator)
  return line => line.split(pattern)
}

function field(name: string): (row: Row) => string {
  if (name === 'NF') return row => (row.fields.length === 0 ? row.line : (row.fields[row.fields.length - 1] as string))
  const n = Number(name)
  return row => (n === 0 ? row.line : (row.fields[n - 1] ?? ''))
}

function condition(text: string): (row: Row) => boolean {
  if (text === '') return () => true
  const regex = /^(!?)\/(.*)\/$/.exec(text)
  if (regex !== null) {
    const pattern = new RegExp(regex[2] as string)
    return row => pattern.test(row.line) !== (regex[1] === '!')
  }
  const compared = /^(?:\$(NF|\d+)|(NR|NF))\s*(==|!=|<=|>=|<|>|~|!~)\s*(?:"(.*)"|\/(.*)\/|(-?\d+(?:\.\d+)?))$/.exec(text)
  if (compared === null) throw new UnsupportedError(`the awk condition \`${text}\``, SUPPORTED)
  const [, column, counter, operator, word, pattern, number] = compared
  const left = column !== undefined ? field(column) : (row: Row): string => String(counter === 'NR' ? row.number : row.fields.length)
  if (pattern !== undefined || operator === '~' || operator === '!~') {
    const wanted = new RegExp(pattern ?? word ?? number ?? '')
    return row => wanted.test(left(row)) === (operator === '~')
  }
  if (word !== undefined) return row => compare(operator as string, left(row) < word ? -1 : left(row) > word ? 1 : 0)
  return row => compare(operator as string, Number(left(row)) - Number(number))
}

function compare(operator: string, order: number): boolean {
  switch (operator) {
    case '==': return order === 0
    case '!=': return order !== 0
    case '<': return order < 0
    case '<=': return order <= 0
    case '>': return order > 0
    default: return order >= 0
  }
}

function items(list: string): ((row: Row) => string)[] {
  if (list === '') return [row => row.line]
  return (list.match(/"[^"]*"|[^,]+/g) ?? []).map(raw => {
    const item = raw.trim()
    const column = /^\$(NF|\d+)$/.exec(item)
    if (column !== null) return field(column[1] as string)
    const sum = /^\$(NF|\d+)\s*([-+*])\s*(\d+(?:\.\d+)?)$/.exec(item)
    if (sum !== null) return arithmetic(field(sum[1] as string), sum[2] as string, Number(sum[3]))
    if (item === 'NR') return (row: Row) => String(row.number)
    if (item === 'NF') return (row: Row) => String(row.fields.length)
    if (/^".*"$/.test(item)) return () => item.slice(1, -1)
    throw new UnsupportedError(`\`print ${item}\` in awk`, SUPPORTED)
  })
}

/** A column and a number. Text counts as the number it begins with, or 0; whole results are printed whole, others with six digits, as OFMT says. */
function arithmetic(left: (row: Row) => string, operator: string, right: number): (row: Row) => string {
  return row => {
    const value = Number(/^\s*[-+]?(?:\d+\.?\d*|\.\d+)/.exec(left(row))?.[0] ?? 0)
    const result = operator === '+' ? value + right : operator === '-' ? value - right : value * right
    return Number.isInteger(result) ? String(result) : String(Number(result.toPrecision(6)))
  }
}
