import type { Utility } from '../utilities.ts'
import { absolute } from '../files.ts'
import { type Output, allInput, answer, byText, failed, joined, linesOf, ok, options } from './options.ts'

interface Key {
  readonly from: number
  readonly to: number
  readonly fromCharacter: number
  readonly flags: string
}

function keyOf(text: string): Key {
  const match = /^(\d+)(?:\.(\d+))?([a-zA-Z]*)(?:,(\d+)(?:\.\d+)?([a-zA-Z]*))?$/.exec(text)
  return { from: Number(match?.[1] ?? 1), to: match?.[4] === undefined ? Number.POSITIVE_INFINITY : Number(match[4]), fromCharacter: Number(match?.[2] ?? 1), flags: (match?.[3] ?? '') + (match?.[5] ?? '') }
}

/** The text of a key in a line. Without a separator the blanks before a field belong to it. */
function part(line: string, key: Key, separator: string | undefined): string {
  const fields = separator === undefined ? (line.match(/\s*\S+|\s+$/g) ?? []) : line.split(separator)
  const text = fields.slice(key.from - 1, key.to).join(separator ?? '')
  return key.fromCharacter > 1 ? text.slice(key.fromCharacter - 1) : text
}

const SUFFIX = ['', 'K', 'M', 'G', 'T', 'P', 'E']

function compareBy(a: string, b: string, flags: string): number {
  const clean = (text: string): string => (flags.includes('b') || flags.includes('n') || flags.includes('h') || flags.includes('g') ? text.trimStart() : text)
  const x = clean(a)
  const y = clean(b)
  if (flags.includes('h')) {
    const rank = (t: string): [number, number] => {
      const m = /^(-?[\d.]+)\s*([KMGTPE])?/i.exec(t)
      return [SUFFIX.indexOf((m?.[2] ?? '').toUpperCase()), Number(m?.[1] ?? 0)]
    }
    const [p, n] = rank(x)
    const [q, m] = rank(y)
    return p - q || n - m
  }
  if (flags.includes('n') || flags.includes('g')) return number(x) - number(y)
  if (flags.includes('V')) return compareVersions(x, y)
  if (flags.includes('M')) return month(x) - month(y)
  return flags.includes('f') ? byText(x.toUpperCase(), y.toUpperCase()) : byText(x, y)
}

const number = (text: string): number => Number(/^-?\d*\.?\d+/.exec(text)?.[0] ?? 0)
const month = (text: string): number => ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'].indexOf(text.trim().slice(0, 3).toUpperCase())

export function compareVersions(a: string, b: string): number {
  const as = a.match(/\d+|\D+/g) ?? []
  const bs = b.match(/\d+|\D+/g) ?? []
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const x = as[i] ?? ''
    const y = bs[i] ?? ''
    const order = /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : x.startsWith('~') !== y.startsWith('~') ? (x.startsWith('~') ? -1 : 1) : byText(x, y)
    if (order !== 0) return order
  }
  return 0
}

const sort: Utility = {
  name: 'sort',
  run(call): Output {
    const { on, all, rest } = options(call.argv, 'nruVfbhgMsczRm', 'ktoTS', { numeric: 'n', 'numeric-sort': 'n', reverse: 'r', unique: 'u', 'version-sort': 'V', 'key=': 'k', 'field-separator=': 't', 'human-numeric-sort': 'h', 'ignore-case': 'f', 'output=': 'o', stable: 's' })
    const { text, err } = allInput(call, rest)
    const global = [...on.keys()].filter(k => 'nVfbhgM'.includes(k)).join('')
    const bad = all.get('k')?.find(key => !/^\d/.test(key))
    if (bad !== undefined) return failed(`sort: invalid number at field start: invalid count at start of ‘${bad}’\n`, 2)
    const keys = (all.get('k') ?? []).map(keyOf)
    const separator = on.get('t') === '\\t' ? '\t' : on.get('t')
    const reverse = on.has('r')
    const byKeys = (a: string, b: string): number => {
      if (keys.length === 0) return compareBy(a, b, global) * (reverse ? -1 : 1)
      for (const key of keys) {
        const flags = key.flags === '' ? global : key.flags
        const order = compareBy(part(a, key, separator), part(b, key, separator), flags) * (key.flags === '' ? (reverse ? -1 : 1) : key.flags.includes('r') ? -1 : 1)
        if (order !== 0) return order
      }
      return 0
    }
    const last = (a: string, b: string): number => (on.has('s') || on.has('u') ? 0 : byText(a, b) * (reverse ? -1 : 1))
    const lines = linesOf(text)
    if (on.has('c')) {
      const at = lines.findIndex((line, i) => i > 0 && byKeys(lines[i - 1] as string, line) > 0)
      return at < 0 ? ok() : failed(`sort: ${rest[0] ?? '-'}:${at + 1}: disorder: ${lines[at]}\n`)
    }
    const sorted = lines.sort((a, b) => byKeys(a, b) || last(a, b))
    const out = joined(on.has('u') ? sorted.filter((line, i) => i === 0 || byKeys(line, sorted[i - 1] as string) !== 0) : sorted)
    if (!on.has('o')) return answer(out, err)
    call.shell.session.host.files.write(absolute(on.get('o') as string, call.shell.cwd), out)
    return answer('', err)
  },
}

const uniq: Utility = {
  name: 'uniq',
  run(call): Output {
    const { on, rest } = options(call.argv, 'cdui', 'f', { count: 'c', repeated: 'd', unique: 'u', 'ignore-case': 'i' })
    const { text, err } = allInput(call, rest.slice(0, 1))
    const runs: { line: string; n: number }[] = []
    const same = (a: string, b: string): boolean => (on.has('i') ? a.toLowerCase() === b.toLowerCase() : a === b)
    for (const line of linesOf(text)) {
      const last = runs[runs.length - 1]
      if (last !== undefined && same(last.line, line)) last.n += 1
      else runs.push({ line, n: 1 })
    }
    const kept = runs.filter(r => (!on.has('d') || r.n > 1) && (!on.has('u') || r.n === 1))
    return answer(joined(kept.map(r => (on.has('c') ? `${String(r.n).padStart(7)} ${r.line}` : r.line))), err)
  },
}

const comm: Utility = {
  name: 'comm',
  run(call): Output {
    const { on, rest } = options(call.argv, '123', '')
    const [first = '-', second = '-'] = rest
    const texts = [first, second].map(file => call.read(file))
    const missing = [first, second].find((_f, n) => texts[n] === undefined)
    if (missing !== undefined) return failed(`comm: ${missing}: No such file or directory\n`)
    const [a, b] = texts.map(text => linesOf(text ?? ''))
    const out: string[] = []
    const tab = (column: number): string => '\t'.repeat([1, 2].filter(c => c < column && !on.has(String(c))).length)
    const put = (column: number, line: string): void => {
      if (!on.has(String(column))) out.push(tab(column) + line)
    }
    let i = 0
    let j = 0
    while (a !== undefined && b !== undefined && (i < a.length || j < b.length)) {
      const order = i >= a.length ? 1 : j >= b.length ? -1 : byText(a[i] as string, b[j] as string)
      if (order < 0) put(1, a[i++] as string)
      else if (order > 0) put(2, b[j++] as string)
      else {
        put(3, a[i++] as string)
        j += 1
      }
    }
    const unsorted = [a, b].map(lines => lines?.some((line, n) => n > 0 && byText(lines[n - 1] as string, line) > 0) === true)
    const said = unsorted.flatMap((is, n) => (is ? [`comm: file ${n + 1} is not in sorted order\n`] : [])).join('')
    return said === '' ? ok(joined(out)) : { out: joined(out), err: `${said}comm: input is not in sorted order\n`, code: 1 }
  },
}

const shuffled: Utility = {
  name: 'shuf',
  run(call): Output {
    const { on, rest } = options(call.argv, 'e', 'ni')
    const range = /^(\d+)-(\d+)$/.exec(on.get('i') ?? '')
    const items = on.has('e') ? rest.slice() : range === null ? linesOf(allInput(call, rest).text) : Array.from({ length: Number(range[2]) - Number(range[1]) + 1 }, (_x, i) => String(Number(range[1]) + i))
    for (let i = items.length - 1; i > 0; i--) {
      const j = call.shell.session.nextRandom() % (i + 1)
      ;[items[i], items[j]] = [items[j] as string, items[i] as string]
    }
    return ok(joined(items.slice(0, Number(on.get('n') ?? items.length))))
  },
}

export const SORT_UTILITIES: readonly Utility[] = [sort, uniq, comm, shuffled]
