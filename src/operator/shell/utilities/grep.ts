import { escapeRegExp, posixSource } from '../pattern.ts'
import type { Utility } from '../utilities.ts'
import { type Output, failed, inputs, joined, linesOf, options, UnsupportedError } from './options.ts'

const LONG = {
  'ignore-case': 'i', 'invert-match': 'v', count: 'c', quiet: 'q', silent: 'q', 'extended-regexp': 'E', 'fixed-strings': 'F', 'perl-regexp': 'P', 'only-matching': 'o', 'word-regexp': 'w', 'line-regexp': 'x',
  'line-number': 'n', 'no-filename': 'h', 'with-filename': 'H', 'files-with-matches': 'l', 'no-messages': 's', text: 'a', 'regexp=': 'e', 'max-count=': 'm', 'after-context=': 'A', 'before-context=': 'B', 'context=': 'C',
  'color=': 'color', color: 'color', 'line-buffered': 'line-buffered',
}

const grep = (name: string, implied: string): Utility => ({
  name,
  run(call): Output {
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
    const every = new RegExp(body, on.has('i') ? 'gis' : 'gs')
    if (/[^\d-]/.test(on.get('m') ?? '')) return failed(`${name}: invalid max count\n`, 2)
    const most = on.has('m') ? Number(on.get('m')) : Number.POSITIVE_INFINITY
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
  },
})

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
