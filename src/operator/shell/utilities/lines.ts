import type { Process } from '../../../kernel/index.ts'
import { CLASSES } from '../pattern.ts'
import { isPipe } from '../redirect.ts'
import { WAIT } from '../streams.ts'
import type { Utility, UtilityCall } from '../utilities.ts'
import { type Output, UnsupportedError, allInput, answer, failed, inputs, joined, linesOf, ok, options } from './options.ts'

const cat: Utility = {
  name: 'cat',
  run(call): Output | Process<number> {
    const { on, rest } = options(call.argv, 'nAvbsetuE', '')
    if (rest.length === 0 && on.size === 0 && isPipe(call.shell.fds.in) && !call.shell.fds.in.complete) return streamed(call)
    const { text, err } = allInput(call, rest)
    if (on.size === 0) return answer(text, err)
    const lines = linesOf(text)
    let n = 0
    const out = lines.map(line => {
      const numbered = on.has('n') || (on.has('b') && line !== '') ? `${String(++n).padStart(6)}\t` : ''
      const shown = on.has('A') || on.has('t') ? line.replaceAll('\t', '^I') : line
      return numbered + shown + (on.has('A') || on.has('e') || on.has('E') ? '$' : '')
    })
    return answer(joined(out), err)
  },
  streams: true,
}

function* streamed(call: UtilityCall): Process<number> {
  const input = call.shell.fds.in
  for (;;) {
    const piece = input.some(65_536)
    if (piece === undefined) return 0
    if (piece === WAIT) yield input.more()
    else if (!call.shell.fds.out.write(piece)) return 141
  }
}

/** What `head` and `tail` say of a number of lines or bytes that is none. */
function notANumber(name: string, on: ReadonlyMap<string, string>): Output | undefined {
  for (const [letter, what] of [['n', 'lines'], ['c', 'bytes']] as const) {
    const text = on.get(letter)
    if (text !== undefined && !/^[-+]?\d+$/.test(text)) return failed(`${name}: invalid number of ${what}: ‘${text}’\n`)
  }
  return undefined
}

/** `head -n N`, `-N`, `-c N`; of a pipe that is still written it takes what it needs and goes. */
const head: Utility = {
  name: 'head',
  streams: true,
  run(call): Output | Process<number> {
    const argv = call.argv.map((a, i) => (i > 0 && /^-\d+$/.test(a) && !/^-[nc]$/.test(call.argv[i - 1] ?? '') ? `-n${a.slice(1)}` : a))
    const { on, rest } = options(argv, 'qv', 'nc', { 'lines=': 'n', 'bytes=': 'c' })
    const n = Number(on.get('n') ?? 10)
    const bad = notANumber('head', on)
    if (bad !== undefined) return bad
    const input = call.shell.fds.in
    if (rest.length === 0 && isPipe(input) && !input.complete) return headOf(call, n)
    const { texts, err } = inputs(call, rest)
    const cut = (text: string): string => {
      if (on.has('c')) return Number(on.get('c')) >= 0 ? text.slice(0, Number(on.get('c'))) : text.slice(0, Number(on.get('c')))
      const lines = linesOf(text)
      const kept = n >= 0 && !(on.get('n') ?? '').startsWith('-') ? lines.slice(0, n) : lines.slice(0, Math.max(0, lines.length + n))
      return kept.length === lines.length ? text : joined(kept)
    }
    if (rest.length === 0 && n >= 0) call.shell.session.unread = (texts[0]?.text.length ?? 0) - cut(texts[0]?.text ?? '').length
    const out = texts.map((t, i) => (texts.length > 1 && !on.has('q') ? `${i > 0 ? '\n' : ''}==> ${t.name} <==\n` : '') + cut(t.text)).join('')
    return answer(out, err)
  },
}

function* headOf(call: UtilityCall, n: number): Process<number> {
  const input = call.shell.fds.in
  for (let left = n; left > 0; ) {
    const line = input.line('\n')
    if (line === undefined) return 0
    if (line === WAIT) yield input.more()
    else {
      left -= 1
      if (!call.shell.fds.out.write(line)) return 141
    }
  }
  return 0
}

const tail: Utility = {
  name: 'tail',
  run(call): Output {
    const argv = call.argv.map((a, i) => (i > 0 && /^-\d+$/.test(a) && !/^-[nc]$/.test(call.argv[i - 1] ?? '') ? `-n${a.slice(1)}` : a))
    if (argv.some(a => /^-[a-zA-Z]*[fF]/.test(a) || a.startsWith('--follow'))) throw new UnsupportedError('`tail -f`', ['tail -n N', 'tail -n +N', 'tail -c N'])
    const { on, rest } = options(argv, 'q', 'nc', { 'lines=': 'n', 'bytes=': 'c' })
    const wanted = on.get('n') ?? '10'
    const n = Number(wanted)
    const bad = notANumber('tail', on)
    if (bad !== undefined) return bad
    const { texts, err } = inputs(call, rest)
    const cut = (text: string): string => {
      if (on.has('c')) return (on.get('c') as string).startsWith('+') ? text.slice(Number(on.get('c')) - 1) : text.slice(-Number(on.get('c')))
      const lines = linesOf(text)
      const kept = wanted.startsWith('+') ? lines.slice(Math.max(0, n - 1)) : n === 0 ? [] : lines.slice(-Math.abs(n))
      return kept.length === 0 ? '' : text.endsWith('\n') ? joined(kept) : kept.join('\n')
    }
    return answer(texts.map((t, i) => (texts.length > 1 && !on.has('q') ? `${i > 0 ? '\n' : ''}==> ${t.name} <==\n` : '') + cut(t.text)).join(''), err)
  },
}

const wc: Utility = {
  name: 'wc',
  run(call): Output {
    const { on, rest } = options(call.argv, 'lwcmL', '', { lines: 'l', words: 'w', bytes: 'c', chars: 'm' })
    const { texts, err } = inputs(call, rest)
    const letters = (['l', 'w', 'm', 'c', 'L'] as const).filter(k => (on.size === 0 ? k === 'l' || k === 'w' || k === 'c' : on.has(k)))
    const count = (text: string): number[] => letters.map(k => (k === 'l' ? text.split('\n').length - 1 : k === 'w' ? text.split(/\s+/).filter(w => w !== '').length : k === 'm' ? [...text].length : k === 'L' ? Math.max(0, ...text.split('\n').map(l => l.length)) : Buffer.byteLength(text)))
    const rows = texts.map(t => ({ counts: count(t.text), name: rest.length === 0 ? '' : t.name }))
    if (rest.length > 1) rows.push({ counts: letters.map((_k, i) => rows.reduce((sum, r) => sum + (r.counts[i] as number), 0)), name: 'total' })
    const bytes = texts.reduce((sum, t) => sum + Buffer.byteLength(t.text), 0)
    const width = letters.length === 1 && rows.length === 1 ? 0 : rest.length === 0 ? 7 : String(bytes).length
    return answer(rows.map(r => `${r.counts.map(n => String(n).padStart(width)).join(' ')}${r.name === '' ? '' : ` ${r.name}`}\n`).join(''), err)
  },
}

/** The characters of a `tr` set; repetition `[x*n]` is not there. */
function characters(set: string): string[] {
  const list: string[] = []
  for (let i = 0; i < set.length; i++) {
    const named = /^\[:(\w+):\]/.exec(set.slice(i))
    if (named !== null) {
      const re = new RegExp(`[${CLASSES[named[1] as string] ?? ''}]`)
      for (let c = 0; c < 256; c++) if (re.test(String.fromCharCode(c))) list.push(String.fromCharCode(c))
      i += named[0].length - 1
      continue
    }
    const one = (at: number): { c: string; next: number } => {
      if (set[at] !== '\\' || at + 1 >= set.length) return { c: set[at] as string, next: at + 1 }
      const octal = /^[0-7]{1,3}/.exec(set.slice(at + 1))
      if (octal !== null) return { c: String.fromCharCode(Number.parseInt(octal[0], 8)), next: at + 1 + octal[0].length }
      return { c: ({ n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' } as Record<string, string>)[set[at + 1] as string] ?? (set[at + 1] as string), next: at + 2 }
    }
    const from = one(i)
    if (set[from.next] === '-' && from.next + 1 < set.length) {
      const to = one(from.next + 1)
      for (let c = from.c.charCodeAt(0); c <= to.c.charCodeAt(0); c++) list.push(String.fromCharCode(c))
      i = to.next - 1
    } else {
      list.push(from.c)
      i = from.next - 1
    }
  }
  return list
}

const tr: Utility = {
  name: 'tr',
  run(call): Output {
    const { on, rest } = options(call.argv, 'dscCt', '', { delete: 'd', 'squeeze-repeats': 's', complement: 'c' })
    const from = characters(rest[0] ?? '')
    const to = characters(rest[1] ?? '')
    if (rest.length === 0) return failed('tr: missing operand\nTry \'tr --help\' for more information.\n')
    if (rest.length < 2 && !on.has('d') && !on.has('s')) return failed(`tr: missing operand after ‘${rest[0]}’\nTwo strings must be given when translating.\nTry 'tr --help' for more information.\n`)
    const complement = on.has('c') || on.has('C')
    const index = new Map<string, number>()
    from.forEach((c, i) => {
      if (!index.has(c)) index.set(c, i)
    })
    const at = (c: string): number => (complement ? (index.has(c) ? -1 : to.length - 1) : (index.get(c) ?? -1))
    const squeezed = new Set(rest.length > 1 ? to : from)
    const squeeze = (c: string): boolean => on.has('s') && (rest.length === 1 && complement ? !index.has(c) : squeezed.has(c))
    let out = ''
    let last = ''
    for (const c of call.stdin()) {
      const i = complement && rest.length < 2 ? (index.has(c) ? -1 : 0) : at(c)
      if (i >= 0 && on.has('d')) continue
      const mapped = i < 0 || to.length === 0 || on.has('d') ? c : (to[Math.min(i, to.length - 1)] as string)
      if (mapped === last && squeeze(mapped)) continue
      out += mapped
      last = mapped
    }
    return ok(out)
  },
}

function ranges(list: string): (i: number) => boolean {
  const parts = list.split(/[, ]/).map(piece => {
    const [first = '', last] = piece.split('-')
    return { from: Number(first || 1), to: last === undefined ? Number(first) : last === '' ? Number.POSITIVE_INFINITY : Number(last) }
  })
  return i => parts.some(r => i >= r.from && i <= r.to)
}

const cut: Utility = {
  name: 'cut',
  run(call): Output {
    const { on, rest } = options(call.argv, 's', 'dfcb', { 'delimiter=': 'd', 'fields=': 'f', 'characters=': 'c', 'only-delimited': 's', 'output-delimiter=': 'O', complement: 'complement' })
    const list = on.get('f') ?? on.get('c') ?? on.get('b')
    if (list === undefined) return failed("cut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.\n")
    const what = on.has('f') ? 'field' : 'byte or character'
    const bad = list.split(/[, ]/).find(piece => !/^(?:\d+(?:-\d*)?|-\d+)$/.test(piece))
    if (bad !== undefined) return failed(`cut: invalid ${what === 'field' ? 'field value' : 'byte/character position'} ‘${bad}’\nTry 'cut --help' for more information.\n`)
    if (list.split(/[, ]/).some(piece => /^0+(?:-|$)/.test(piece))) return failed(`cut: ${what === 'field' ? 'fields' : 'byte/character positions'} are numbered from 1\nTry 'cut --help' for more information.\n`)
    const inList = ranges(list)
    const wanted = on.has('complement') ? (i: number): boolean => !inList(i) : inList
    const delimiter = on.get('d') ?? '\t'
    if (delimiter.length > 1) return failed("cut: the delimiter must be a single character\nTry 'cut --help' for more information.\n")
    const { text, err } = allInput(call, rest)
    const out = linesOf(text).flatMap(line => {
      if (!on.has('f')) return [[...line].filter((_c, i) => wanted(i + 1)).join('')]
      if (!line.includes(delimiter)) return on.has('s') ? [] : [line]
      return [line.split(delimiter).filter((_f, i) => wanted(i + 1)).join(on.get('O') ?? delimiter)]
    })
    return answer(joined(out), err)
  },
}

const paste: Utility = {
  name: 'paste',
  run(call): Output {
    const { on, rest } = options(call.argv, 's', 'd', { 'delimiters=': 'd', serial: 's' })
    const delimiters = [...(on.get('d') ?? '\t').replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\\0/g, '')]
    const files = rest.length === 0 ? ['-'] : rest
    // Each `-` takes the next line of the one standard input.
    const shared = files.filter(f => f === '-').length > 1 ? linesOf(call.stdin()) : undefined
    const columns = shared !== undefined && files.every(f => f === '-') ? files.map((_f, i) => shared.filter((_l, j) => j % files.length === i)) : files.map(f => linesOf(call.read(f) ?? ''))
    const glue = (items: readonly string[]): string => items.reduce((line, item, i) => (i === 0 ? item : line + (delimiters[(i - 1) % Math.max(1, delimiters.length)] ?? '') + item), '')
    if (on.has('s')) return ok(columns.map(lines => `${glue(lines)}\n`).join(''))
    const rows = Math.max(0, ...columns.map(c => c.length))
    return ok(Array.from({ length: rows }, (_x, i) => `${glue(columns.map(c => c[i] ?? ''))}\n`).join(''))
  },
}

const rev: Utility = {
  name: 'rev',
  run(call): Output {
    const { text, err } = allInput(call, call.argv.slice(1))
    return answer(joined(linesOf(text).map(line => [...line].reverse().join(''))), err)
  },
}

const tac: Utility = {
  name: 'tac',
  run(call): Output {
    const { texts, err } = inputs(call, call.argv.slice(1))
    return answer(texts.map(t => joined(linesOf(t.text).reverse())).join(''), err)
  },
}

const nl: Utility = {
  name: 'nl',
  run(call): Output {
    const { on, rest } = options(call.argv, '', 'bwsv')
    const { text, err } = allInput(call, rest)
    let n = Number(on.get('v') ?? 1)
    return answer(joined(linesOf(text).map(line => (line === '' && on.get('b') !== 'a' ? `${' '.repeat(Number(on.get('w') ?? 6))} ` : `${String(n++).padStart(Number(on.get('w') ?? 6))}${on.get('s') ?? '\t'}${line}`))), err)
  },
}

const fold: Utility = {
  name: 'fold',
  run(call): Output {
    const { on, rest } = options(call.argv, '', 'w')
    const { text, err } = allInput(call, rest)
    const width = Number(on.get('w') ?? 80)
    return answer(joined(linesOf(text).flatMap(line => line.match(new RegExp(`.{1,${width}}`, 'g')) ?? [''])), err)
  },
}

const column: Utility = {
  name: 'column',
  run(call): Output {
    const { on, rest } = options(call.argv, 't', 'so', { table: 't', 'separator=': 's', 'output-separator=': 'o' })
    const { text, err } = allInput(call, rest)
    if (!on.has('t')) return answer(joined(linesOf(text).filter(l => l !== '')), err)
    const separators = on.get('s')
    const rows = linesOf(text).filter(l => l.trim() !== '').map(l => (separators === undefined ? l.trim().split(/[ \t]+/) : l.split(new RegExp(`[${separators.replace(/[\\\]^-]/g, '\\$&')}]`))))
    const widths: number[] = []
    for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)))
    const gap = on.get('o') ?? '  '
    return answer(joined(rows.map(row => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] as number))).join(gap))), err)
  },
}

export const LINE_UTILITIES: readonly Utility[] = [cat, head, tail, wc, tr, cut, paste, rev, tac, nl, fold, column]
