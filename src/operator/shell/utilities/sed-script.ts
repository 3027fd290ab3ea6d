import { posixSource } from '../pattern.ts'
import { UnsupportedError } from './options.ts'

export type Address = { readonly is: 'line'; readonly n: number } | { readonly is: 'last' } | { readonly is: 'match'; readonly re: RegExp | undefined } | { readonly is: 'step'; readonly first: number; readonly step: number } | { readonly is: 'more'; readonly n: number }

/** One command of a sed script. */
export interface Instruction {
  readonly from: Address | undefined
  readonly to: Address | undefined
  readonly negated: boolean
  readonly name: string
  /** Text of a, i, c; label of b, t, T, `:`; file of w, r. */
  readonly text: string
  readonly re: RegExp | undefined
  readonly by: readonly (string | number | '\\U' | '\\L' | '\\E' | '\\u' | '\\l')[]
  readonly flags: string
  readonly nth: number
  /** Where a block ends. */
  end: number
  active: boolean
  until: number
}

export const SED_SUPPORTED = ['s y d D p P q Q a i c = n N h H g G x b t T { }', 'addresses N, $, /re/, N,M, 0,/re/, N,+M, N~M, !', '-n -e -E -r -i -s']

/** Reads a script. */
export class SedReader {
  private at = 0
  readonly list: Instruction[] = []
  private readonly open: number[] = []
  private last: RegExp | undefined

  constructor(
    private readonly script: string,
    private readonly extended: boolean,
  ) {}

  read(): Instruction[] {
    for (;;) {
      this.skip(/[\s;]/)
      if (this.at >= this.script.length) break
      if (this.script[this.at] === '#') {
        this.line()
        continue
      }
      if (this.script[this.at] === '}') {
        this.at += 1
        const open = this.open.pop()
        if (open === undefined) throw new SedError("unexpected `}'")
        ;(this.list[open] as Instruction).end = this.list.length
        continue
      }
      this.instruction()
    }
    if (this.open.length > 0) throw new SedError("unmatched `{'")
    return this.list
  }

  private skip(what: RegExp): void {
    while (this.at < this.script.length && what.test(this.script[this.at] as string)) this.at += 1
  }

  private line(): string {
    const end = this.script.indexOf('\n', this.at)
    const text = this.script.slice(this.at, end < 0 ? undefined : end)
    this.at = end < 0 ? this.script.length : end + 1
    return text
  }

  private address(): Address | undefined {
    const rest = this.script.slice(this.at)
    const step = /^(\d+)~(\d+)/.exec(rest)
    if (step !== null) {
      this.at += step[0].length
      return { is: 'step', first: Number(step[1]), step: Number(step[2]) }
    }
    const number = /^\d+/.exec(rest)
    if (number !== null) {
      this.at += number[0].length
      return { is: 'line', n: Number(number[0]) }
    }
    const more = /^\+(\d+)/.exec(rest)
    if (more !== null) {
      this.at += more[0].length
      return { is: 'more', n: Number(more[1]) }
    }
    if (rest.startsWith('$')) {
      this.at += 1
      return { is: 'last' }
    }
    if (rest.startsWith('/') || rest.startsWith('\\')) {
      if (rest.startsWith('\\')) this.at += 1
      const source = this.delimited()
      const flag = this.script[this.at] === 'I'
      if (flag) this.at += 1
      return { is: 'match', re: this.regexp(source, flag ? 'i' : '') }
    }
    return undefined
  }

  /** An empty one is the last one again, under these flags; undefined if there is none. */
  private regexp(source: string, flags: string): RegExp | undefined {
    if (source !== '') return (this.last = new RegExp(posixSource(source.replace(/\\n/g, '\n'), this.extended), flags))
    if (this.last === undefined) return undefined
    return new RegExp(this.last.source, this.last.ignoreCase && !flags.includes('i') ? `${flags}i` : flags)
  }

  /** The text between two delimiters, of which the first is here. */
  private delimited(): string {
    const delimiter = this.script[this.at] as string
    this.at += 1
    const text = this.upTo(delimiter, true)
    return text
  }

  private upTo(delimiter: string, pattern: boolean): string {
    let text = ''
    let bracket = false
    for (; this.at < this.script.length; this.at++) {
      const c = this.script[this.at] as string
      if (c === '\\' && this.at + 1 < this.script.length) {
        const next = this.script[++this.at] as string
        text += next === delimiter && !(pattern && /[.*[\]^$+?(){}|]/.test(next)) ? next : `\\${next}`
        continue
      }
      if (pattern && c === '[' && !bracket) bracket = true
      else if (pattern && c === ']' && bracket && !/\[\^?$/.test(text)) bracket = false
      else if (c === delimiter && !bracket) {
        this.at += 1
        return text
      }
      text += c
    }
    throw new SedError("unterminated `s' command")
  }

  private instruction(): void {
    const from = this.address()
    let to: Address | undefined
    this.skip(/[ \t]/)
    if (from !== undefined && this.script[this.at] === ',') {
      this.at += 1
      this.skip(/[ \t]/)
      to = this.address()
      if (to === undefined) throw new SedError('unexpected `,\'')
    }
    this.skip(/[ \t]/)
    let negated = false
    while (this.script[this.at] === '!') {
      negated = true
      this.at += 1
      this.skip(/[ \t]/)
    }
    const name = this.script[this.at] ?? ''
    this.at += 1
    const base: Instruction = { from, to, negated, name, text: '', re: undefined, by: [], flags: '', nth: 1, end: 0, active: from?.is === 'line' && from.n === 0, until: 0 }
    switch (name) {
      case '{':
        this.open.push(this.list.length)
        this.list.push(base)
        return
      case 's':
        return this.substitution(base)
      case 'y': {
        const delimiter = this.script[this.at] as string
        const source = this.delimited()
        const target = this.upTo(delimiter, false)
        if ([...unescape(source)].length !== [...unescape(target)].length) throw new SedError("strings for `y' command are different lengths")
        this.list.push({ ...base, text: unescape(source), by: [unescape(target)] })
        return
      }
      case 'a': case 'i': case 'c': {
        this.skip(/[ \t]/)
        if (this.script[this.at] === '\\') {
          this.at += 1
          this.skip(/[ \t]/)
          if (this.script[this.at] === '\n') this.at += 1
        }
        let text = this.line()
        while (/(?:^|[^\\])(?:\\\\)*\\$/.test(text) && this.at < this.script.length) text = `${text.slice(0, -1)}\n${this.line()}`
        this.list.push({ ...base, text: text.replace(/\\(.)/g, (_all, c: string) => (c === 't' ? '\t' : c)) })
        return
      }
      case 'b': case 't': case 'T': case ':': {
        this.skip(/[ \t]/)
        const label = /^[^\s;}]*/.exec(this.script.slice(this.at))?.[0] ?? ''
        this.at += label.length
        this.list.push({ ...base, text: label })
        return
      }
      case 'q': case 'Q': {
        this.skip(/[ \t]/)
        const code = /^\d*/.exec(this.script.slice(this.at))?.[0] ?? ''
        this.at += code.length
        this.list.push({ ...base, text: code })
        return
      }
      case 'd': case 'D': case 'p': case 'P': case '=': case 'n': case 'N': case 'h': case 'H': case 'g': case 'G': case 'x': case 'l':
        this.list.push(base)
        return
      default:
        if (name === 'w' || name === 'r' || name === 'R' || name === 'e') throw new UnsupportedError(`the sed command \`${name}\``, SED_SUPPORTED)
        throw new SedError(name === '' ? 'missing command' : `unknown command: \`${name}'`)
    }
  }

  private substitution(base: Instruction): void {
    const delimiter = this.script[this.at] as string
    const source = this.delimited()
    const replacement = this.upTo(delimiter, false)
    const flags = /^[gpiIeMm0-9]*/.exec(this.script.slice(this.at))?.[0] ?? ''
    this.at += flags.length
    if (this.script[this.at] === 'w' || flags.includes('e')) throw new UnsupportedError(`the sed flag \`${this.script[this.at] ?? 'e'}\` of s`, SED_SUPPORTED)
    const re = this.regexp(source, `g${/[iI]/.test(flags) ? 'i' : ''}${/[mM]/.test(flags) ? 'm' : ''}`)
    this.list.push({ ...base, re, by: replacementOf(replacement), flags, nth: Number(/\d+/.exec(flags)?.[0] ?? 1) })
  }
}

export class SedError extends Error {}

const unescape = (text: string): string => text.replace(/\\(.)/gs, (_all, c: string) => (c === 'n' ? '\n' : c === 't' ? '\t' : c))

function replacementOf(text: string): Instruction['by'] {
  const pieces: (string | number)[] = []
  let plain = ''
  const flush = (): void => {
    if (plain !== '') pieces.push(plain)
    plain = ''
  }
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string
    if (c === '&') {
      flush()
      pieces.push(0)
    } else if (c === '\\' && i + 1 < text.length) {
      const next = text[++i] as string
      if (/\d/.test(next)) {
        flush()
        pieces.push(Number(next))
      } else if (/[ULEul]/.test(next)) {
        flush()
        pieces.push(`\\${next}`)
      } else plain += next === 'n' ? '\n' : next === 't' ? '\t' : next
    } else plain += c
  }
  flush()
  return pieces
}
