import { type Process, TIMED_OUT, within } from '../../kernel/index.ts'
import { descriptor, isPipe } from './redirect.ts'
import type { Shell, Status } from './shell.ts'
import { type Source, WAIT } from './streams.ts'

interface Wanted {
  readonly raw: boolean
  readonly delimiter: string
  readonly count: number | undefined
  readonly exact: boolean
  readonly array: string | undefined
  readonly names: readonly string[]
  readonly source: Source
  readonly timeoutUs: number
}

/** `read [-r] [-d C] [-n N] [-a ARRAY] [-t S] [-u FD] [-p PROMPT] NAME…` */
export function read(shell: Shell, argv: readonly string[]): Status {
  const wanted = options(shell, argv)
  if (typeof wanted === 'number') return wanted
  // Whether there is something to read, the end included; nothing is read.
  if (wanted.timeoutUs === 0) return isPipe(wanted.source) && !wanted.source.ready ? 1 : 0
  const piece = next(wanted)
  if (piece === WAIT) return later(shell, wanted)
  return take(shell, wanted, piece ?? '', piece === undefined || (wanted.count === undefined && !piece.endsWith(wanted.delimiter)))
}

function next(wanted: Wanted): string | undefined | typeof WAIT {
  return wanted.count === undefined ? wanted.source.line(wanted.delimiter) : wanted.source.some(wanted.count)
}

function* later(shell: Shell, wanted: Wanted): Process<number> {
  const end = shell.session.host.sim.now + wanted.timeoutUs
  for (;;) {
    const piece = next(wanted)
    if (piece !== WAIT) return take(shell, wanted, piece ?? '', piece === undefined || (wanted.count === undefined && !piece.endsWith(wanted.delimiter)))
    const came = yield within(wanted.source.more(), end - shell.session.host.sim.now)
    if (came === TIMED_OUT) return 142
  }
}

function options(shell: Shell, argv: readonly string[]): Wanted | number {
  let raw = false
  let delimiter = '\n'
  let count: number | undefined
  let exact = false
  let array: string | undefined
  let fd = 0
  let timeoutUs = Number.POSITIVE_INFINITY
  let i = 1
  for (; i < argv.length; i++) {
    const arg = argv[i] as string
    if (arg === '--') {
      i += 1
      break
    }
    if (!arg.startsWith('-') || arg === '-') break
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j] as string
      if (letter === 'r') raw = true
      else if (letter === 's' || letter === 'e') continue
      else if ('dnNatupi'.includes(letter)) {
        const value = j + 1 < arg.length ? arg.slice(j + 1) : (argv[++i] ?? '')
        if (letter === 'd') delimiter = value === '' ? '\0' : (value[0] as string)
        else if (letter === 'n' || letter === 'N') {
          count = Number(value)
          exact = letter === 'N'
        } else if (letter === 'a') array = value
        else if (letter === 'u') fd = Number(value)
        else if (letter === 't') {
          if (!/^(?:\d+\.?\d*|\.\d+)$/.test(value)) {
            shell.complain(`read: ${value}: invalid timeout specification`)
            return 1
          }
          timeoutUs = Number(value) * 1_000_000
        }
        else if (letter === 'p') shell.session.prompt(value)
        break
      } else {
        shell.complain(`read: -${letter}: invalid option`)
        return 2
      }
    }
  }
  const source = descriptor(shell.fds, fd)?.source
  if (source === undefined) {
    shell.complain(`read: ${fd}: invalid file descriptor: Bad file descriptor`)
    return 1
  }
  return { raw, delimiter, count, exact, array, names: argv.slice(i), source, timeoutUs }
}

/** Gives a line's fields to the names. Status 1 at the end of the input. */
function take(shell: Shell, wanted: Wanted, piece: string, ended: boolean): number {
  let line = wanted.count === undefined && piece.endsWith(wanted.delimiter) ? piece.slice(0, -1) : piece
  if (wanted.count !== undefined) line = line.split('\n')[0] as string
  let marked = line
  if (!wanted.raw) {
    // A backslash keeps the next character from separating; at the end of the line it joins the next one.
    while (marked.endsWith('\\') && !ended && wanted.count === undefined) {
      const more = wanted.source.line(wanted.delimiter)
      if (typeof more !== 'string') break
      marked = marked.slice(0, -1) + (more.endsWith(wanted.delimiter) ? more.slice(0, -1) : more)
      if (!more.endsWith(wanted.delimiter)) ended = true
    }
    marked = marked.replace(/\\(.?)/gs, (_all, c: string) => [...c].map(x => `\uE000${x}`).join(''))
  }
  const clean = (text: string): string => text.replaceAll('\uE000', '')
  if (wanted.array !== undefined) {
    shell.vars.setArray(wanted.array, split(shell, marked, Number.POSITIVE_INFINITY).map(clean), undefined)
  } else if (wanted.names.length === 0) shell.set('REPLY', clean(marked))
  else {
    const fields = split(shell, marked, wanted.names.length)
    wanted.names.forEach((name, i) => shell.set(name, clean(fields[i] ?? '')))
  }
  return ended ? 1 : 0
}

/** Fields by IFS, at most `most`: the last one takes the rest, with its inner separators. */
function split(shell: Shell, text: string, most: number): string[] {
  const { ifs } = shell
  if (ifs === '') return [text]
  const white = [...ifs].filter(c => ' \t\n'.includes(c))
  const isSeparator = (i: number): boolean => ifs.includes(text[i] as string) && text[i - 1] !== '\uE000'
  const isWhite = (i: number): boolean => white.includes(text[i] as string) && text[i - 1] !== '\uE000'
  let i = 0
  while (i < text.length && isWhite(i)) i += 1
  let end = text.length
  while (end > i && isWhite(end - 1)) end -= 1
  const fields: string[] = []
  while (i < end) {
    if (fields.length === most - 1) {
      let rest = text.slice(i, end)
      // One separator at the very end goes if it closes the last field.
      const last = rest[rest.length - 1] as string
      if (ifs.includes(last) && !white.includes(last) && ![...rest.slice(0, -1)].some((_c, k) => isSeparator(i + k) && !isWhite(i + k))) rest = rest.slice(0, -1)
      fields.push(rest)
      return fields
    }
    let j = i
    while (j < end && !isSeparator(j)) j += 1
    fields.push(text.slice(i, j))
    while (j < end && isWhite(j)) j += 1
    if (j < end && isSeparator(j) && !isWhite(j)) {
      j += 1
      while (j < end && isWhite(j)) j += 1
    }
    i = j
  }
  return fields
}

/** `mapfile [-t] [-n N] [-s N] [-d C] ARRAY`, `readarray` */
export function mapfile(shell: Shell, argv: readonly string[]): number {
  let strip = false
  let most = Number.POSITIVE_INFINITY
  let skip = 0
  let delimiter = '\n'
  let name = 'MAPFILE'
  let origin: number | undefined
  for (let i = 1; i < argv.length; i++) {
    const arg = argv[i] as string
    if (arg === '-t') strip = true
    else if (arg === '-n') most = Number(argv[++i]) || Number.POSITIVE_INFINITY
    else if (arg === '-s') skip = Number(argv[++i])
    else if (arg === '-d') delimiter = (argv[++i] ?? '')[0] ?? '\0'
    else if (arg === '-td') {
      strip = true
      delimiter = (argv[++i] ?? '')[0] ?? '\0'
    } else if (/^-t?d./.test(arg)) {
      strip ||= arg[1] === 't'
      delimiter = arg[arg.indexOf('d') + 1] as string
    } else if (arg === '-O') origin = Number(argv[++i])
    else if (/^-n\d/.test(arg)) most = Number(arg.slice(2)) || Number.POSITIVE_INFINITY
    else if (/^-s\d/.test(arg)) skip = Number(arg.slice(2))
    else if (arg === '-tn') {
      strip = true
      most = Number(argv[++i]) || Number.POSITIVE_INFINITY
    }
    else if (!arg.startsWith('-')) name = arg
    else {
      shell.complain(`mapfile: ${arg}: invalid option`)
      return 2
    }
  }
  const lines: string[] = []
  for (let n = 0; lines.length < most; n++) {
    const line = shell.fds.in.line(delimiter)
    if (typeof line !== 'string') break
    if (n >= skip) lines.push(strip && line.endsWith(delimiter) ? line.slice(0, -1) : line)
  }
  const before = origin === undefined ? [] : [...(shell.vars.variable(name)?.list ?? [])]
  lines.forEach((line, i) => (before[(origin ?? 0) + i] = line))
  shell.vars.setArray(name, before, undefined)
  return 0
}
