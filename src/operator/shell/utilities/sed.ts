import { absolute } from '../files.ts'
import type { Utility } from '../utilities.ts'
import { type Output, UnsupportedError, answer, failed, inputs, options } from './options.ts'
import { type Address, type Instruction, SED_SUPPORTED, SedError, SedReader } from './sed-script.ts'

/** What a match is replaced by, changes of letters included. */
function replaced(by: Instruction['by'], groups: readonly (string | undefined)[]): string {
  let out = ''
  let letters = ''
  let next = ''
  for (const piece of by) {
    if (typeof piece === 'string' && /^\\[ULEul]$/.test(piece)) {
      if (/[ul]/.test(piece)) next = piece
      else letters = piece === '\\E' ? '' : piece
      continue
    }
    let text = typeof piece === 'number' ? (groups[piece] ?? '') : piece
    if (letters === '\\U') text = text.toUpperCase()
    if (letters === '\\L') text = text.toLowerCase()
    if (next !== '' && text !== '') {
      text = (next === '\\u' ? (text[0] as string).toUpperCase() : (text[0] as string).toLowerCase()) + text.slice(1)
      next = ''
    }
    out += text
  }
  return out
}

const MOST_JUMPS = 100_000

class Machine {
  private out = ''
  private hold = ''
  private space = ''
  private n = 0
  private after = ''
  private swapped = false
  code = 0

  constructor(
    private readonly script: readonly Instruction[],
    private readonly lines: readonly string[],
    private readonly endsWithNewline: boolean,
    private readonly quiet: boolean,
  ) {}

  run(): string {
    let restart = false
    for (;;) {
      if (!restart) {
        if (this.n >= this.lines.length) break
        this.space = this.lines[this.n++] as string
      }
      restart = false
      this.swapped = false
      const end = this.cycle()
      if (end === 'restart') {
        restart = true
        this.flush()
        continue
      }
      if (end !== 'delete' && end !== 'quit-silently' && !this.quiet) this.print(this.space)
      this.flush()
      if (end === 'quit' || end === 'quit-silently') break
    }
    return this.out
  }

  private print(text: string): void {
    this.out += this.n >= this.lines.length && !this.endsWithNewline && this.after === '' ? text : `${text}\n`
  }

  private flush(): void {
    this.out += this.after
    this.after = ''
  }

  private at(address: Address): boolean {
    switch (address.is) {
      case 'line': return this.n === address.n
      case 'last': return this.n >= this.lines.length
      case 'match': return address.re?.test(this.space) ?? false
      case 'step': return address.step === 0 ? this.n === address.first : this.n >= address.first && (this.n - address.first) % address.step === 0
      case 'more': return false
    }
  }

  private selected(i: Instruction): boolean {
    if (i.from === undefined) return true
    if (i.to === undefined) return this.at(i.from)
    if (i.active) {
      const done = i.to.is === 'line' ? this.n >= i.to.n : i.to.is === 'more' ? this.n >= i.until : this.at(i.to)
      if (done) i.active = false
      // A line number that has gone by already ends the range before this line.
      return !(i.to.is === 'line' && this.n > i.to.n)
    }
    if (!this.at(i.from)) return false
    if (i.to.is === 'more') {
      i.until = this.n + i.to.n
      i.active = i.to.n > 0
    } else i.active = !(i.to.is === 'line' && i.to.n <= this.n) && !(i.to.is === 'last' && this.n >= this.lines.length)
    return true
  }

  private cycle(): 'end' | 'delete' | 'restart' | 'quit' | 'quit-silently' {
    let jumps = 0
    for (let pc = 0; pc < this.script.length; pc++) {
      const i = this.script[pc] as Instruction
      if (this.selected(i) === i.negated) {
        if (i.name === '{') pc = i.end - 1
        continue
      }
      switch (i.name) {
        case 's': this.substitute(i); break
        case 'y': this.space = [...this.space].map(c => (i.text.includes(c) ? ([...(i.by[0] as string)][[...i.text].indexOf(c)] ?? c) : c)).join(''); break
        case 'd': return 'delete'
        case 'D': {
          const at = this.space.indexOf('\n')
          if (at < 0) return 'delete'
          this.space = this.space.slice(at + 1)
          return 'restart'
        }
        case 'p': this.out += `${this.space}\n`; break
        case 'P': this.out += `${this.space.split('\n')[0]}\n`; break
        case '=': this.out += `${this.n}\n`; break
        case 'q': case 'Q':
          this.code = Number(i.text || 0)
          return i.name === 'q' ? 'quit' : 'quit-silently'
        case 'a': this.after += `${i.text}\n`; break
        case 'i': this.out += `${i.text}\n`; break
        case 'c':
          if (i.to === undefined || !i.active) this.out += `${i.text}\n`
          return 'delete'
        case 'n':
          if (this.n >= this.lines.length) return this.quiet ? 'quit-silently' : 'quit'
          if (!this.quiet) this.print(this.space)
          this.flush()
          this.space = this.lines[this.n++] as string
          break
        case 'N':
          if (this.n >= this.lines.length) return 'quit'
          this.space += `\n${this.lines[this.n++]}`
          break
        case 'h': this.hold = this.space; break
        case 'H': this.hold += `\n${this.space}`; break
        case 'g': this.space = this.hold; break
        case 'G': this.space += `\n${this.hold}`; break
        case 'x': [this.space, this.hold] = [this.hold, this.space]; break
        case 'b': case 't': case 'T': {
          if (i.name === 't' && !this.swapped) break
          if (i.name === 'T' && this.swapped) {
            this.swapped = false
            break
          }
          if (i.name === 't') this.swapped = false
          if (++jumps > MOST_JUMPS) throw new UnsupportedError('a sed script that never ends', SED_SUPPORTED)
          if (i.text === '') return 'end'
          const target = this.script.findIndex(other => other.name === ':' && other.text === i.text)
          if (target < 0) throw new SedError(`can't find label for jump to \`${i.text}'`)
          pc = target
        }
      }
    }
    return 'end'
  }

  private substitute(i: Instruction): void {
    if (i.re === undefined) throw new SedError('no previous regular expression')
    let count = 0
    let changed = false
    i.re.lastIndex = 0
    const result = this.space.replace(i.re, (...args: unknown[]) => {
      count += 1
      const matched = args[0] as string
      if (count < i.nth || (count > i.nth && !i.flags.includes('g'))) return matched
      changed = true
      const groups = args.slice(0, args.findIndex((a, k) => k > 0 && typeof a === 'number')) as (string | undefined)[]
      return replaced(i.by, groups)
    })
    if (!changed) return
    this.space = result
    this.swapped = true
    if (i.flags.includes('p')) this.out += `${this.space}\n`
  }
}

export const SED: Utility = {
  name: 'sed',
  run(call): Output {
    // `-i.bak` has its value attached, `-i` alone has none.
    const inPlace = call.argv.slice(1).find(a => /^-[nEr]*i/.test(a) || a.startsWith('--in-place'))
    const { on, all, rest } = options(call.argv.filter(a => a !== inPlace || a === undefined), 'nErsuz', 'ef', { quiet: 'n', silent: 'n', 'regexp-extended': 'E', 'expression=': 'e' })
    const bundled = inPlace?.startsWith('--') === true ? '' : (inPlace ?? '').split('i')[0]?.slice(1) ?? ''
    const files = rest.slice()
    const scripts = [...(all.get('e') ?? []), ...(all.get('f') ?? []).map(f => call.read(f) ?? '')]
    if (scripts.length === 0) {
      const first = files.shift()
      if (first === undefined) return failed('Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n', 1)
      scripts.push(first)
    }
    const extended = on.has('E') || on.has('r') || /[Er]/.test(bundled)
    const quiet = on.has('n') || bundled.includes('n')
    try {
      const read = (): Instruction[] => new SedReader(scripts.join('\n'), extended).read()
      const { texts, err } = inputs(call, files)
      const sedErr = err.replace(/^sed: (.*): No such/gm, "sed: can't read $1: No such")
      const transform = (text: string): { out: string; code: number } => {
        const machine = new Machine(read(), text === '' ? [] : (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n'), text.endsWith('\n'), quiet)
        return { out: machine.run(), code: machine.code }
      }
      if (inPlace === undefined) {
        const { out, code } = transform(texts.map(t => t.text).join(''))
        return answer(out, sedErr, sedErr === '' ? code : 2)
      }
      const suffix = inPlace.startsWith('--') ? (inPlace.split('=')[1] ?? '') : inPlace.slice(inPlace.indexOf('i') + 1)
      for (const { name, text } of texts) {
        const path = absolute(name, call.shell.cwd)
        if (suffix !== '') call.shell.session.host.files.write(path + suffix, text)
        call.shell.session.host.files.write(path, transform(text).out)
      }
      return answer('', sedErr, sedErr === '' ? 0 : 2)
    } catch (error) {
      if (error instanceof SedError) return failed(`sed: -e expression #1, char ${scripts.join('\n').length}: ${error.message}\n`, 1)
      if (error instanceof SyntaxError) return failed(`sed: -e expression #1, char ${scripts.join('\n').length}: Invalid preceding regular expression\n`, 1)
      throw error
    }
  },
}
