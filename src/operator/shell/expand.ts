import type { Process } from '../../kernel/index.ts'
import { calculate } from './arithmetic.ts'
import { absolute } from './files.ts'
import { escapePattern, escapeRegExp, hasPattern, patternRegExp } from './pattern.ts'
import { defaultUsed, isMissing, isPlain, parameterValue, plainValue } from './parameter.ts'
import type { Shell } from './shell.ts'
import { type Assignment, type CommandPart, type Part, type Word, isAssignment } from './syntax.ts'

/** What an expansion gives: one text, or a list of them as `$@` does. */
export type Value = string | readonly string[]

/** Builds the fields that a word becomes. */
export class Fields {
  readonly done: string[] = []
  private text: string | undefined
  /** The field as a pattern, kept from the first active pattern character on. */
  private pattern: string | undefined

  constructor(
    private readonly shell: Shell,
    private readonly ifs: string,
    private readonly globbing: boolean,
  ) {}

  add(text: string, quoted: boolean): void {
    if (this.globbing && !quoted && hasPattern(text)) this.pattern = (this.pattern ?? escapePattern(this.text ?? '')) + text
    else if (this.pattern !== undefined) this.pattern += escapePattern(text)
    this.text = this.text === undefined ? text : this.text + text
  }

  /** A piece of a pattern as the script writes it; between `@(` and `)` any text is one. */
  glob(text: string): void {
    if (!this.globbing) return this.add(text, true)
    this.pattern = (this.pattern ?? escapePattern(this.text ?? '')) + text
    this.text = this.text === undefined ? text : this.text + text
  }

  value(value: Value, quoted: boolean): void {
    if (typeof value === 'string') {
      if (quoted) this.add(value, true)
      else this.split(value)
      return
    }
    value.forEach((item, i) => {
      if (i > 0) this.end()
      if (quoted) this.add(item, true)
      else if (item !== '') this.split(item)
    })
  }

  /** Fields of an expansion without quotes. */
  private split(text: string): void {
    if (text === '') return
    const { ifs } = this
    if (ifs === '') return this.add(text, false)
    if (ifs === ' \t\n') {
      if (!/[ \t\n]/.test(text)) return this.add(text, false)
      const pieces = text.split(/[ \t\n]+/)
      pieces.forEach((piece, i) => {
        if (i > 0) this.end()
        if (piece !== '') this.add(piece, false)
      })
      return
    }
    const white = [...ifs].filter(c => c === ' ' || c === '\t' || c === '\n').join('')
    let i = 0
    while (i < text.length && white.includes(text[i] as string)) i += 1
    if (i > 0 && this.text !== undefined) this.end()
    let piece = ''
    let open = false
    for (; i < text.length; i++) {
      const c = text[i] as string
      if (!ifs.includes(c)) {
        piece += c
        open = true
        continue
      }
      // A separator that is no blank ends a field, even an empty one; blanks around it belong to it.
      let hard = !white.includes(c)
      let j = i + 1
      while (j < text.length && (white.includes(text[j] as string) || (!hard && ifs.includes(text[j] as string)))) {
        if (!white.includes(text[j] as string)) hard = true
        j += 1
      }
      if (open || hard) this.add(piece, false)
      this.end()
      piece = ''
      open = false
      i = j - 1
    }
    if (open) this.add(piece, false)
  }

  end(): void {
    if (this.text === undefined) return
    if (this.pattern === undefined) this.done.push(this.text)
    else this.done.push(...matching(this.shell, this.pattern, this.text))
    this.text = undefined
    this.pattern = undefined
  }
}

/** Names of files that match a pattern; the pattern itself if there is none. */
function matching(shell: Shell, pattern: string, text: string): string[] {
  const plain = text
  const pieces = pattern.split('/')
  let found: string[] = [pattern.startsWith('/') ? '/' : '']
  pieces.forEach((piece, i) => {
    if (piece === '' && i === 0) return
    found = found.flatMap(base => {
      const path = base === '' ? '' : base.endsWith('/') ? base : `${base}/`
      if (!hasPattern(piece.replace(/\\./g, ''))) return [path + piece.replace(/\\(.)/g, '$1')]
      const names = shell.session.host.files.list?.(absolute(base === '' ? '.' : base, shell.cwd)) ?? []
      const wanted = patternRegExp(piece, false, shell.shopt.has('extglob'))
      return names.filter(name => (!name.startsWith('.') || piece.startsWith('.') || shell.shopt.has('dotglob')) && wanted.test(name)).map(name => path + name)
    })
  })
  const files = found.filter(path => shell.session.host.files.kind(absolute(path, shell.cwd)) !== undefined).sort()
  if (files.length > 0) return files
  return shell.shopt.has('nullglob') ? [] : [plain]
}

/** The fields of a command's words. The generator never waits if all words are pure. */
export function* fieldsOf(shell: Shell, words: readonly (Word | Assignment)[]): Process<string[]> {
  const fields = new Fields(shell, shell.ifs, !shell.options.noglob)
  for (const word of words) {
    if (isAssignment(word)) {
      fields.add(`${word.name}=`, true)
      fields.end()
      continue
    }
    if (word.constant !== undefined) fields.add(word.constant, true)
    else for (const part of word.parts) if (part.pure) addPure(shell, fields, part, false); else yield* addWaiting(shell, fields, part, false)
    fields.end()
  }
  return fields.done
}

/** As {@link fieldsOf}, for pure words. */
export function pureFields(shell: Shell, words: readonly (Word | Assignment)[]): string[] {
  const fields = new Fields(shell, shell.ifs, !shell.options.noglob)
  for (const word of words as readonly Word[]) {
    if (word.constant !== undefined) fields.done.push(word.constant)
    else {
      for (const part of word.parts) addPure(shell, fields, part, false)
      fields.end()
    }
  }
  return fields.done
}

/** The operand of `${x:-y}` if it is the one that counts; `${x:=y}` has assigned by the time this returns. */
function usedDefault(shell: Shell, part: Extract<Part, { is: 'parameter' }>): Word | undefined {
  const op = part.operation
  if (op?.is !== 'default') return undefined
  if (op.operator === '=' && op.word.pure && isMissing(shell, part, op.colon, word => pureText(shell, word))) shell.assignDefault(part, pureText(shell, op.word))
  return defaultUsed(shell, part, word => pureText(shell, word))
}

function addPure(shell: Shell, fields: Fields, part: Part, quoted: boolean): void {
  switch (part.is) {
    case 'text':
      return fields.add(part.text, quoted || part.quoted)
    case 'glob':
      return quoted ? fields.add(part.text, true) : fields.glob(part.text)
    case 'tilde':
      return fields.add(home(shell, part.user), true)
    case 'arithmetic':
      return fields.value(calculate(pureText(shell, part.expression), shell.names), quoted || part.quoted)
    case 'parameter': {
      if (isPlain(part)) return fields.value(plainValue(shell, part), quoted || part.quoted)
      const used = usedDefault(shell, part)
      if (used !== undefined) {
        for (const inner of used.parts) addPure(shell, fields, inner, quoted || part.quoted)
        if (used.parts.length === 0 && part.quoted) fields.add('', true)
        return
      }
      return fields.value(parameterValue(shell, part, word => pureText(shell, word), word => purePattern(shell, word)), quoted || part.quoted)
    }
    default:
      throw new Error('shell: this part is not pure')
  }
}

function* addWaiting(shell: Shell, fields: Fields, part: Part, quoted: boolean): Process<void> {
  switch (part.is) {
    case 'command':
      return fields.value(yield* substitute(shell, part), quoted || part.quoted)
    case 'arithmetic':
      return fields.value(calculate(yield* textOf(shell, part.expression), shell.names), quoted || part.quoted)
    case 'process':
      return fields.add(shell.session.machine.processFile(shell, part), true)
    case 'parameter': {
      const used = usedDefault(shell, part)
      if (used !== undefined) {
        for (const inner of used.parts) if (inner.pure) addPure(shell, fields, inner, quoted || part.quoted); else yield* addWaiting(shell, fields, inner, quoted || part.quoted)
        return
      }
      return fields.value(yield* waitingParameter(shell, part), quoted || part.quoted)
    }
    default:
      return addPure(shell, fields, part, quoted)
  }
}

/** The value of a parameter whose operands hold a command: they are run first. */
function* waitingParameter(shell: Shell, part: Extract<Part, { is: 'parameter' }>): Process<Value> {
  const texts = new Map<Word, string>()
  const patterns = new Map<Word, string>()
  const op = part.operation
  if (op?.is === 'default' && (op.operator === '=' || op.operator === '?') && isMissing(shell, part, op.colon, word => pureText(shell, word))) {
    const text = yield* textOf(shell, op.word)
    if (op.operator === '=') shell.assignDefault(part, text)
    else texts.set(op.word, text)
  }
  const operands = [part.index, op?.is === 'slice' ? op.offset : undefined, op?.is === 'slice' ? op.length : undefined, op?.is === 'replace' ? op.by : undefined]
  for (const word of operands) if (word !== undefined && !word.pure) texts.set(word, yield* textOf(shell, word))
  for (const word of [op?.is === 'remove' ? op.word : undefined, op?.is === 'replace' ? op.pattern : undefined, op?.is === 'case' ? op.pattern : undefined]) {
    if (word !== undefined && !word.pure) patterns.set(word, yield* patternOf(shell, word))
  }
  return parameterValue(shell, part, word => texts.get(word) ?? pureText(shell, word), word => patterns.get(word) ?? purePattern(shell, word))
}

/** `$(…)`: what the commands print, without the newlines at the end. */
export function substitute(shell: Shell, part: CommandPart): Process<string> {
  return part.file === undefined ? shell.session.machine.capture(shell, part) : fileOf(shell, part.file)
}

function* fileOf(shell: Shell, file: Word): Process<string> {
  return fileText(shell, yield* textOf(shell, file)).replace(/\n+$/, '')
}

/** A text without the newlines at its end, and without what no variable can hold. */
export function trimmed(text: string): string {
  let end = text.length
  while (end > 0 && text.charCodeAt(end - 1) === 10) end -= 1
  const whole = end === text.length ? text : text.slice(0, end)
  return whole.includes('\0') ? trimmed(whole.replaceAll('\0', '')) : whole
}

/** How the pieces of a text without splitting are treated: as they are, as a pattern, or as a regular expression. */
type Mode = 'text' | 'pattern' | 'regexp'

function quote(text: string, quoted: boolean, mode: Mode): string {
  if (mode === 'text' || !quoted) return text
  return mode === 'pattern' ? escapePattern(text) : escapeRegExp(text)
}

const joinValue = (shell: Shell, value: Value, star: boolean): string => (typeof value === 'string' ? value : value.join(star ? shell.ifs.slice(0, 1) : ' '))

function pureJoin(shell: Shell, word: Word, mode: Mode): string {
  if (word.constant !== undefined && mode === 'text') return word.constant
  let text = ''
  for (const part of word.parts) text += purePart(shell, part, mode)
  return text
}

function purePart(shell: Shell, part: Part, mode: Mode): string {
  switch (part.is) {
    case 'text':
      return quote(part.text, part.quoted, mode)
    case 'glob':
      return part.text
    case 'tilde':
      return quote(home(shell, part.user), true, mode)
    case 'arithmetic':
      return calculate(pureText(shell, part.expression), shell.names)
    case 'parameter': {
      if (isPlain(part)) return quote(joinValue(shell, plainValue(shell, part), part.name === '*'), part.quoted, mode)
      const used = usedDefault(shell, part)
      if (used !== undefined) return pureJoin(shell, used, mode)
      const value = parameterValue(shell, part, word => pureText(shell, word), word => purePattern(shell, word))
      return quote(joinValue(shell, value, part.name === '*' || part.all === '*'), part.quoted, mode)
    }
    default:
      throw new Error('shell: this part is not pure')
  }
}

function* waitingJoin(shell: Shell, word: Word, mode: Mode): Process<string> {
  let text = ''
  for (const part of word.parts) {
    if (part.pure) text += purePart(shell, part, mode)
    else if (part.is === 'command') text += quote(yield* substitute(shell, part), part.quoted, mode)
    else if (part.is === 'arithmetic') text += calculate(yield* textOf(shell, part.expression), shell.names)
    else if (part.is === 'process') text += shell.session.machine.processFile(shell, part)
    else if (part.is === 'parameter') {
      const used = usedDefault(shell, part)
      if (used !== undefined) text += yield* waitingJoin(shell, used, mode)
      else text += quote(joinValue(shell, yield* waitingParameter(shell, part), part.name === '*' || part.all === '*'), part.quoted, mode)
    }
  }
  return text
}

/** A word as one text: no splitting, no files. */
export const pureText = (shell: Shell, word: Word): string => word.constant ?? pureJoin(shell, word, 'text')
export const purePattern = (shell: Shell, word: Word): string => pureJoin(shell, word, 'pattern')
export const pureRegExp = (shell: Shell, word: Word): string => pureJoin(shell, word, 'regexp')

// Each generator between a wait and the kernel is gone through at every wait: these add none.
export const textOf = (shell: Shell, word: Word): Process<string> => (word.pure ? atOnce(shell, word, pureText) : waitingJoin(shell, word, 'text'))
export const patternOf = (shell: Shell, word: Word): Process<string> => (word.pure ? atOnce(shell, word, purePattern) : waitingJoin(shell, word, 'pattern'))
export const regExpOf = (shell: Shell, word: Word): Process<string> => (word.pure ? atOnce(shell, word, pureRegExp) : waitingJoin(shell, word, 'regexp'))

function* atOnce(shell: Shell, word: Word, text: (shell: Shell, word: Word) => string): Process<string> {
  return text(shell, word)
}

function home(shell: Shell, user: string): string {
  if (user === '') return shell.get('HOME') ?? '/root'
  if (user === '+') return shell.cwd
  return user === 'root' ? '/root' : user === shell.session.host.user ? `/home/${user}` : `~${user}`
}

/** `$(<file)` */
function fileText(shell: Shell, path: string): string {
  const text = shell.session.host.files.read(absolute(path, shell.cwd))
  if (text === undefined) {
    shell.complain(`${path}: No such file or directory`)
    shell.substituted = 1
    return ''
  }
  shell.substituted = 0
  return text
}
