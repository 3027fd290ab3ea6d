import { type Output, UnsupportedError, failed, ok } from './command.ts'
import { awk } from './awk.ts'

/**
 * The pure text programs that people put behind a `|`: small, and honest about what is not there.
 * None takes a file, none takes time.
 */
export type Filter = (stdin: string) => Output
type Maker = (args: readonly string[]) => Filter

/** The lines of a text; a final newline ends the last line and begins none. */
export function linesOf(text: string): string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

const joined = (lines: readonly string[]): Output => ok(lines.length === 0 ? '' : `${lines.join('\n')}\n`)

/** Options of one letter, alone or bundled; those in `valued` take a value. @throws UnsupportedError */
function options(program: string, args: readonly string[], flags: string, valued: string): { on: Map<string, string>; rest: string[] } {
  const on = new Map<string, string>()
  const rest: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    if (arg === '--') {
      rest.push(...args.slice(i + 1))
      break
    }
    if (!arg.startsWith('-') || arg === '-') {
      rest.push(arg)
      continue
    }
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j] as string
      if (valued.includes(letter)) {
        on.set(letter, j + 1 < arg.length ? arg.slice(j + 1) : (args[++i] ?? ''))
        break
      }
      if (!flags.includes(letter)) throw new UnsupportedError(`\`${program} ${arg}\``, [...`${flags}${valued}`].map(f => `-${f}`))
      on.set(letter, '')
    }
  }
  return { on, rest }
}

function noFiles(program: string, rest: readonly string[]): void {
  if (rest.length > 0) throw new UnsupportedError(`\`${program} ${rest.join(' ')}\`: a file`, [`${program} on the output of the program before it`])
}

const CLASSES: Record<string, string> = {
  space: '\\s', blank: ' \\t', digit: '0-9', alpha: 'A-Za-z', alnum: 'A-Za-z0-9', upper: 'A-Z', lower: 'a-z', punct: '!-\\/:-@\\[-`{-~', xdigit: '0-9A-Fa-f',
}

/** A POSIX regular expression as JavaScript's: extended, or basic where `+ ? | ( ) { }` are plain unless escaped. */
export function posixRegExp(pattern: string, extended: boolean, flags: string): RegExp {
  let source = ''
  let inBracket = false
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (inBracket) {
      const named = /^\[:(\w+):\]/.exec(pattern.slice(i))
      if (named !== null) {
        source += CLASSES[named[1] as string] ?? ''
        i += named[0].length - 1
        continue
      }
      if (c === ']') inBracket = false
      source += c === '\\' || c === '[' ? `\\${c}` : c
    } else if (c === '[') {
      inBracket = true
      source += c
    } else if (c === '\\' && i + 1 < pattern.length) {
      const next = pattern[++i] as string
      source += !extended && '+?|(){}'.includes(next) ? next : `\\${next}`
    } else if (!extended && '+?|(){}'.includes(c)) source += `\\${c}`
    // Any character, a carriage return as well.
    else source += c === '.' ? '[^]' : c
  }
  return new RegExp(source, flags)
}

const grep: Maker = args => {
  const { on, rest } = options('grep', args, 'cvioqEFwxnhas', 'em')
  const pattern = on.get('e') ?? rest.shift()
  if (pattern === undefined) throw new UnsupportedError('`grep` without a pattern', ['grep [-civoqEFwxn] [-m N] PATTERN'])
  noFiles('grep', rest)
  let source = on.has('F') ? pattern.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : posixRegExp(pattern, on.has('E'), '').source
  if (on.has('w')) source = `(?<!\\w)(?:${source})(?!\\w)`
  if (on.has('x')) source = `^(?:${source})$`
  const wanted = new RegExp(source, on.has('i') ? 'i' : '')
  const all = new RegExp(source, on.has('i') ? 'gi' : 'g')
  const most = on.has('m') ? Number(on.get('m')) : Number.POSITIVE_INFINITY
  return stdin => {
    const hits: string[] = []
    linesOf(stdin).forEach((line, i) => {
      if (wanted.test(line) === on.has('v') || hits.length >= most) return
      const prefix = on.has('n') ? `${i + 1}:` : ''
      if (on.has('o') && !on.has('v')) for (const match of line.match(all) ?? []) hits.push(prefix + match)
      else hits.push(prefix + line)
    })
    const code = hits.length > 0 ? 0 : 1
    const out = on.has('q') ? '' : on.has('c') ? `${hits.length}\n` : joined(hits).out
    return { out, err: '', code }
  }
}

/** `head` and `tail` know `-n N`, `-N`, and for tail `-n +N`. */
const ends = (program: 'head' | 'tail'): Maker => args => {
  const { on, rest } = options(program, args.map((a, i) => (/^-\d+$/.test(a) && args[i - 1] !== '-n' ? `-n${a.slice(1)}` : a)), '', 'n')
  noFiles(program, rest)
  const text = on.get('n') ?? '10'
  const n = Number(text)
  return stdin => {
    const lines = linesOf(stdin)
    if (program === 'head') return joined(n >= 0 ? lines.slice(0, n) : lines.slice(0, Math.max(0, lines.length + n)))
    return joined(text.startsWith('+') ? lines.slice(Math.max(0, n - 1)) : n === 0 ? [] : lines.slice(-n))
  }
}

const wc: Maker = args => {
  const { on, rest } = options('wc', args, 'lwc', '')
  noFiles('wc', rest)
  return stdin => {
    const counts = { l: stdin.split('\n').length - 1, w: stdin.split(/\s+/).filter(w => w !== '').length, c: Buffer.byteLength(stdin) }
    const wanted = (['l', 'w', 'c'] as const).filter(k => on.size === 0 || on.has(k)).map(k => counts[k])
    return ok(wanted.length === 1 ? `${wanted[0]}\n` : `${wanted.map(n => String(n).padStart(7)).join(' ')}\n`)
  }
}

const sort: Maker = args => {
  const { on, rest } = options('sort', args, 'nruV', 'kt')
  noFiles('sort', rest)
  const field = on.has('k') ? Number.parseInt(on.get('k') as string, 10) : 0
  const numeric = on.has('n') || /n/.test(on.get('k') ?? '')
  const reverse = on.has('r') || /r/.test(on.get('k') ?? '')
  const keyOf = (line: string): string => (field === 0 ? line : (on.has('t') ? line.split(on.get('t') as string) : line.trim().split(/\s+/)).slice(field - 1).join(' '))
  const compare = (a: string, b: string): number => {
    if (on.has('V')) return compareVersions(keyOf(a), keyOf(b))
    if (numeric) return (Number.parseFloat(keyOf(a)) || 0) - (Number.parseFloat(keyOf(b)) || 0)
    return byText(keyOf(a), keyOf(b))
  }
  return stdin => {
    const lines = linesOf(stdin).sort((a, b) => (reverse ? -1 : 1) * (compare(a, b) || byText(a, b)))
    return joined(on.has('u') ? lines.filter((line, i) => i === 0 || compare(line, lines[i - 1] as string) !== 0) : lines)
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function compareVersions(a: string, b: string): number {
  const as = a.match(/\d+|\D+/g) ?? []
  const bs = b.match(/\d+|\D+/g) ?? []
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const x = as[i] ?? ''
    const y = bs[i] ?? ''
    const order = /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : byText(x, y)
    if (order !== 0) return order
  }
  return 0
}

const uniq: Maker = args => {
  const { on, rest } = options('uniq', args, 'c', '')
  noFiles('uniq', rest)
  return stdin => {
    const runs: { line: string; n: number }[] = []
    for (const line of linesOf(stdin)) {
      const last = runs[runs.length - 1]
      if (last?.line === line) last.n += 1
      else runs.push({ line, n: 1 })
    }
    return joined(runs.map(r => (on.has('c') ? `${String(r.n).padStart(7)} ${r.line}` : r.line)))
  }
}

function characters(set: string): string {
  const plain = set
    .replace(/\[:(\w+):\]/g, (_all, name: string) => ({ space: ' \t\n\r\v\f', blank: ' \t', digit: '0123456789', upper: 'A-Z', lower: 'a-z' })[name] ?? '')
    .replace(/\\(.)/g, (_all, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? c)
  return plain.replace(/(.)-(.)/gs, (_all, from: string, to: string) => {
    let range = ''
    for (let c = from.charCodeAt(0); c <= to.charCodeAt(0); c++) range += String.fromCharCode(c)
    return range
  })
}

const tr: Maker = args => {
  const { on, rest } = options('tr', args, 'ds', '')
  const from = characters(rest[0] ?? '')
  const to = characters(rest[1] ?? '')
  if (from === '' || (rest.length < 2 && on.size === 0)) throw new UnsupportedError(`\`tr ${args.join(' ')}\``, ['tr SET1 SET2', 'tr -d SET', 'tr -s SET [SET2]'])
  return stdin => {
    let out = ''
    for (const c of stdin) {
      const at = from.indexOf(c)
      if (at >= 0 && on.has('d')) continue
      const mapped = at < 0 || to === '' ? c : (to[Math.min(at, to.length - 1)] as string)
      if (on.has('s') && at >= 0 && out.endsWith(mapped)) continue
      out += mapped
    }
    return ok(out)
  }
}

const cut: Maker = args => {
  const { on, rest } = options('cut', args, 's', 'dfc')
  noFiles('cut', rest)
  const list = on.get('f') ?? on.get('c')
  if (list === undefined) throw new UnsupportedError('`cut` without -f or -c', ['cut -d CHAR -f LIST', 'cut -c LIST'])
  const ranges = list.split(',').map(piece => {
    const [first = '', last] = piece.split('-')
    return { from: Number(first || 1), to: last === undefined ? Number(first) : Number(last || Number.POSITIVE_INFINITY) }
  })
  const delimiter = on.get('d') ?? '\t'
  const wanted = (i: number): boolean => ranges.some(r => i >= r.from && i <= r.to)
  return stdin =>
    joined(linesOf(stdin).flatMap(line => {
      if (on.has('c')) return [[...line].filter((_c, i) => wanted(i + 1)).join('')]
      if (!line.includes(delimiter)) return on.has('s') ? [] : [line]
      return [line.split(delimiter).filter((_f, i) => wanted(i + 1)).join(delimiter)]
    }))
}

const echo: Maker = args => {
  const bare = args[0] === '-n'
  const interpreted = args[0] === '-e'
  const text = (bare || interpreted ? args.slice(1) : args).join(' ')
  return () => ok((interpreted ? unescape(text) : text) + (bare ? '' : '\n'))
}

const unescape = (text: string): string => text.replace(/\\([ntr\\])/g, (_all, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? c)

const printf: Maker = args => {
  const format = unescape(args[0] ?? '')
  if (/%(?![sd%])/.test(format)) throw new UnsupportedError(`\`printf ${args[0]}\``, ['%s', '%d', '%%'])
  return () => {
    const values = args.slice(1)
    let out = ''
    do out += format.replace(/%([sd%])/g, (_all, kind: string) => (kind === '%' ? '%' : (values.shift() ?? (kind === 'd' ? '0' : ''))))
    while (values.length > 0 && /%[sd]/.test(format))
    return ok(out)
  }
}

const cat: Maker = args => {
  noFiles('cat', args.filter(a => a !== '-'))
  return stdin => ok(stdin)
}

const MAKERS: Record<string, Maker> = {
  grep, head: ends('head'), tail: ends('tail'), wc, sort, uniq, tr, cut, awk, echo, printf, cat, true: () => () => ok(), false: () => () => failed('', 1),
}

/** The names of the text programs that every place has. */
export const FILTER_NAMES: readonly string[] = Object.keys(MAKERS)

/** The text program of an argument vector, or undefined if `argv[0]` is none. @throws UnsupportedError for an argument it does not have */
export function filterOf(argv: readonly string[]): Filter | undefined {
  const maker = Object.hasOwn(MAKERS, argv[0] ?? '') ? MAKERS[argv[0] as string] : undefined
  return maker?.(argv.slice(1))
}
