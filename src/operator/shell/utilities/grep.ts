import type { Process } from '../../../kernel/index.ts'
import { escapeRegExp, posixSource } from '../pattern.ts'
import { isPipe } from '../redirect.ts'
import { type Pipe, WAIT } from '../streams.ts'
import type { Utility, UtilityCall } from '../utilities.ts'
import { type Output, failed, inputs, joined, linesOf, options, UnsupportedError } from './options.ts'

const LONG = {
  'ignore-case': 'i', 'invert-match': 'v', count: 'c', quiet: 'q', silent: 'q', 'extended-regexp': 'E', 'fixed-strings': 'F', 'perl-regexp': 'P', 'only-matching': 'o', 'word-regexp': 'w', 'line-regexp': 'x',
  'line-number': 'n', 'no-filename': 'h', 'with-filename': 'H', 'files-with-matches': 'l', 'no-messages': 's', text: 'a', 'regexp=': 'e', 'max-count=': 'm', 'after-context=': 'A', 'before-context=': 'B', 'context=': 'C',
  'color=': 'color', color: 'color', 'line-buffered': 'line-buffered',
}

const grep = (name: string, implied: string): Utility => ({
  name,
  streams: true,
  run(call): Output | Process<number> {
    const { on, all, rest } = options(call.argv, 'ivcqEFPowxnhHlsaGL', 'emABCf', LONG)
    const files = rest.slice()
    const given = all.get('e') ?? (on.has('f') ? [call.read(on.get('f') as string) ?? ''] : undefined) ?? [files.shift()]
    if (given[0] === undefined) return failed(`Usage: ${name} [OPTION]... PATTERNS [FILE]...\n`, 2)
    const sources = given.flatMap(p => (p as string).replace(/\n$/, '').split('\n')).map(p => source(p, on.has('F') || implied === 'F', on.has('E') || implied === 'E', on.has('P')))
    let body = sources.length === 1 ? (sources[0] as string) : sources.map(s => `(?:${s})`).join('|')
    if (on.has('w')) body = `(?<!\\w)(?:${body})(?!\\w)`
    if (on.has('x')) body = `^(?:${body})$`
    let wanted: RegExp
    try {
      wanted = new RegExp(body, on.has('i') ? 'is' : 's')
    } catch (error) {
      return failed(`${name}: ${/character class/.test(String(error)) ? 'Unmatched [, [^, [:, [., or [=' : 'Unmatched ( or \\('}\n`, 2)
    }
    if (/[^\d-]/.test(on.get('m') ?? '')) return failed(`${name}: invalid max count\n`, 2)
    const search: Search = { on, files, wanted, every: new RegExp(body, on.has('i') ? 'gis' : 'gs'), most: on.has('m') ? Number(on.get('m')) : Number.POSITIVE_INFINITY }
    const input = call.shell.fds.in
    return files.length === 0 && isPipe(input) && !input.complete ? asItComes(call, search, input) : searched(call, search)
  },
})

interface Search {
  readonly on: ReadonlyMap<string, string>
  readonly files: readonly string[]
  readonly wanted: RegExp
  readonly every: RegExp
  /** It leaves after so many lines. */
  readonly most: number
}

function searched(call: UtilityCall, { on, files, wanted, every, most }: Search): Output {
  const after = Number(on.get('A') ?? on.get('C') ?? 0)
  const before = Number(on.get('B') ?? on.get('C') ?? 0)
  const { texts, err } = inputs(call, files)
  const named = (files.length > 1 && !on.has('h')) || on.has('H')
  let out = ''
  let found = false
  for (const { name: file, text } of texts) {
    const lines = linesOf(text)
    const hits: number[] = []
    for (let i = 0; i < lines.length && hits.length < most; i++) if (wanted.test(lines[i] as string) !== on.has('v')) hits.push(i)
    if (hits.length > 0) found = true
    const prefix = named ? `${file === '-' ? '(standard input)' : file}:` : ''
    // Whoever asks only whether there is one leaves at the first.
    if ((on.has('q') || hits.length === most) && files.length === 0 && hits.length > 0) call.shell.session.unread = text.length - lines.slice(0, (on.has('q') ? (hits[0] as number) : (hits.at(-1) as number)) + 1).join('\n').length
    if (on.has('q')) continue
    if (on.has('l')) out += hits.length > 0 ? `${file === '-' ? '(standard input)' : file}\n` : ''
    else if (on.has('L')) out += hits.length === 0 ? `${file === '-' ? '(standard input)' : file}\n` : ''
    else if (on.has('c')) out += `${prefix}${hits.length}\n`
    else out += joined(shown(lines, hits, { prefix, numbers: on.has('n'), only: on.has('o') && !on.has('v') ? every : undefined, silent: on.has('o') && on.has('v'), before, after }))
  }
  const trouble = on.has('s') ? '' : err
  return { out, err: trouble, code: err !== '' && !(found && on.has('q')) ? 2 : found ? 0 : 1 }
}

/** What the standard library holds back of what goes into a pipe. */
const BLOCK = 4_096

/** Of a pipe that is still written: each line as it comes; it leaves at the last that it wants, and keeps what it prints until a block is full, unless told. */
function* asItComes(call: UtilityCall, search: Search, input: Pipe): Process<number> {
  const { on, wanted, every, most } = search
  const { out } = call.shell.fds
  if (['A', 'B', 'C', 'c', 'l', 'L'].some(letter => on.has(letter))) {
    while (!input.complete) yield input.more()
    const answer = searched(call, search)
    return answer.out !== '' && !out.write(answer.out) ? 141 : answer.code
  }
  const atOnce = on.has('line-buffered')
  const prefix = on.has('H') ? '(standard input):' : ''
  let held = ''
  let hits = 0
  for (let n = 0; hits < most; ) {
    const piece = input.line('\n')
    if (piece === undefined) break
    if (piece === WAIT) {
      yield input.more()
      continue
    }
    const line = piece.endsWith('\n') ? piece.slice(0, -1) : piece
    n += 1
    if (wanted.test(line) === on.has('v')) continue
    hits += 1
    if (on.has('q')) return 0
    held += joined(shown([line], [0], { prefix, numbers: false, only: on.has('o') && !on.has('v') ? every : undefined, silent: on.has('o') && on.has('v'), before: 0, after: 0 }).map(text => (on.has('n') ? `${prefix}${n}:${text.slice(prefix.length)}` : text)))
    const ready = atOnce ? held.length : held.length - (held.length % BLOCK)
    if (ready > 0 && !out.write(held.slice(0, ready))) return 141
    held = held.slice(ready)
  }
  if (held !== '' && !out.write(held)) return 141
  return hits > 0 ? 0 : 1
}

interface Shown {
  readonly prefix: string
  readonly numbers: boolean
  readonly only: RegExp | undefined
  readonly silent: boolean
  readonly before: number
  readonly after: number
}

function shown(lines: readonly string[], hits: readonly number[], how: Shown): string[] {
  if (how.silent) return []
  const label = (i: number, mark: string): string => (how.prefix === '' ? '' : how.prefix.slice(0, -1) + mark) + (how.numbers ? `${i + 1}${mark}` : '')
  if (how.only !== undefined) return hits.flatMap(i => ((lines[i] as string).match(how.only as RegExp) ?? []).filter(m => m !== '').map(m => label(i, ':') + m))
  if (how.before === 0 && how.after === 0) return hits.map(i => label(i, ':') + (lines[i] as string))
  const isHit = new Set(hits)
  const wanted = new Set<number>()
  for (const i of hits) for (let j = Math.max(0, i - how.before); j <= Math.min(lines.length - 1, i + how.after); j++) wanted.add(j)
  const out: string[] = []
  let last = -2
  for (const i of [...wanted].sort((a, b) => a - b)) {
    if (last >= 0 && i > last + 1) out.push('--')
    out.push(label(i, isHit.has(i) ? ':' : '-') + (lines[i] as string))
    last = i
  }
  return out
}

/** @throws UnsupportedError for a Perl expression that JavaScript does not have */
function source(pattern: string, fixed: boolean, extended: boolean, perl: boolean): string {
  if (fixed) return escapeRegExp(pattern)
  if (!perl) return posixSource(pattern, extended)
  // `\K` forgets what was matched before it.
  const kept = pattern.replace(/^((?:(?!\\K)[^])*)\\K/, '(?<=$1)')
  if (/\\K|\(\?[>&P]|\*\+|\+\+|\?\+|\(\?[a-z]+\)/.test(kept)) throw new UnsupportedError(`the Perl expression \`${pattern}\``, ['grep -P with what JavaScript has too, and one \\K'])
  return kept.replace(/\\h/g, '[ \\t]').replace(/\[:(\w+):\]/g, (_all, name: string) => ({ space: '\\s', digit: '\\d', alnum: 'A-Za-z0-9', alpha: 'A-Za-z' })[name] ?? '')
}

export const GREP: readonly Utility[] = [grep('grep', ''), grep('egrep', 'E'), grep('fgrep', 'F')]
