/** gzip and its kin, and what is asked of files: their size. */
import { absolute } from '../files.ts'
import type { Utility, UtilityCall } from '../utilities.ts'
import { type Output, UnsupportedError, answer, failed, joined, ok, options } from './options.ts'

/** How a packed text begins. What follows is the text itself: it is as long as it was, and it can be unpacked. */
const PACKED = '\u001f\u008b\b'
const CANNOT = 2

/** gzip, gunzip and zcat on texts. Nothing gets smaller: whoever compares sizes sees that of the text. Messages and statuses: gzip 1.12. */
function gzip(name: string, preset: string): Utility {
  const run = (call: UtilityCall): Output => {
    const parsed = options(call.argv, 'cdkftqvn123456789', '', { stdout: 'c', 'to-stdout': 'c', decompress: 'd', uncompress: 'd', keep: 'k', force: 'f', test: 't', quiet: 'q', verbose: 'v', fast: '1', best: '9', 'no-name': 'n' })
    const on = new Set([...parsed.on.keys(), ...preset])
    const unpacks = on.has('d') || on.has('t')
    const files = call.shell.session.host.files
    let out = ''
    let err = ''
    let code = 0
    const problem = (text: string, status = 1): void => {
      err += `gzip: ${text}\n`
      code = Math.max(code, status)
    }
    const truncated = (given: string): undefined => {
      err += '\n'
      problem(`${given}: unexpected end of file`)
    }
    const turned = (text: string, given: string): string | undefined => {
      if (!unpacks) return `${PACKED}${text}`
      if (text === '') return truncated(given)
      if (text.startsWith(PACKED)) return text.slice(PACKED.length).replaceAll(PACKED, '')
      err += '\n'
      return void problem(`${given}: not in gzip format`)
    }
    if (parsed.rest.length === 0 || (parsed.rest.length === 1 && parsed.rest[0] === '-')) {
      const text = turned(call.stdin(), 'stdin')
      return { out: on.has('t') ? '' : (text ?? ''), err, code }
    }
    for (const given of parsed.rest) {
      // A name is completed where only the packed file is there.
      const shown = unpacks && call.read(given) === undefined && !given.endsWith('.gz') ? `${given}.gz` : given
      const path = absolute(shown, call.shell.cwd)
      if (files.kind(path) === 'd') problem(`${given} is a directory -- ignored`, CANNOT)
      else {
        const text = files.read(path)
        if (text === undefined) {
          problem(`${shown}: No such file or directory`)
          continue
        }
        const to = unpacks ? path.replace(/\.gz$/, '') : `${path}.gz`
        if (!on.has('c') && !on.has('t') && unpacks && to === path) problem(`${given}: unknown suffix -- ignored`, CANNOT)
        else if (!on.has('c') && !unpacks && path.endsWith('.gz') && !on.has('f')) problem(`${given} already has .gz suffix -- unchanged`, 0)
        else if (!on.has('c') && !on.has('t') && !on.has('f') && files.kind(to) !== undefined) problem(`${unpacks ? shown.replace(/\.gz$/, '') : `${shown}.gz`} already exists;\tnot overwritten`, CANNOT)
        else {
          const result = turned(text, shown)
          if (result === undefined || on.has('t')) continue
          if (on.has('c')) out += result
          else {
            const failure = files.write(to, result)
            if (failure !== undefined) problem(`${shown}: ${failure}`)
            else if (!on.has('k')) files.remove(path)
          }
        }
      }
    }
    return { out, err, code }
  }
  return { name, run }
}

/** A size as people read it: rounded up, with one decimal below ten. Source: gnulib human.c, human_ceiling */
export function humanSize(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  if (unit === 0) return String(bytes)
  const tenth = Math.ceil(value * 10) / 10
  return `${tenth < 10 ? tenth.toFixed(1) : String(Math.ceil(value))}${units[unit]}`
}

const sizeOf = (text: string): number => Buffer.byteLength(text)

/** `stat -c FORMAT FILE…`: the size, the name, the kind. */
const stat: Utility = {
  name: 'stat',
  run(call) {
    // What BSD takes for a format is for GNU another option, and letters that it does not have: scripts try both.
    const bsd = call.argv.find(arg => /^-f./.test(arg))
    if (bsd !== undefined) return failed(`stat: invalid option -- '${bsd.charAt(2)}'\nTry 'stat --help' for more information.\n`)
    const { on, rest } = options(call.argv, 'L', 'c', { 'format=': 'c', 'printf=': 'printf', dereference: 'L' })
    const format = on.get('c') ?? on.get('printf')
    if (rest.length === 0) return failed("stat: missing operand\nTry 'stat --help' for more information.\n")
    if (format === undefined || /%[^sFna%]/.test(format)) throw new UnsupportedError(format === undefined ? '`stat` without `-c`' : `\`stat -c ${format}\``, ['-c or --format with %s, %n, %F, %a'])
    let out = ''
    let err = ''
    for (const given of rest) {
      const path = absolute(given, call.shell.cwd)
      const files = call.shell.session.host.files
      const kind = files.kind(path)
      if (kind === undefined) {
        err += `stat: cannot statx '${given}': No such file or directory\n`
        continue
      }
      const text = files.read(path) ?? ''
      const told = format.replace(/%(.)/g, (_all, letter: string) => (letter === 's' ? String(kind === 'd' ? 4096 : sizeOf(text)) : letter === 'n' ? given : letter === 'F' ? (kind === 'd' ? 'directory' : text === '' ? 'regular empty file' : 'regular file') : letter === 'a' ? (kind === 'd' || files.executable?.(path) === true ? '755' : '644') : '%'))
      out += on.has('c') ? `${told}\n` : told.replace(/\\n/g, '\n').replace(/\\t/g, '\t')
    }
    return answer(out, err)
  },
}

const BLOCK = 4096

/** `du -sh PATH…`: blocks of 4 KiB. */
const du: Utility = {
  name: 'du',
  run(call) {
    const { on, rest } = options(call.argv, 'shkbmac', '', { 'summarize': 's', 'human-readable': 'h', 'bytes': 'b' })
    const files = call.shell.session.host.files
    const lines: string[] = []
    let err = ''
    let total = 0
    const shown = (bytes: number): string => (on.has('h') ? (bytes === 0 ? '0' : humanSize(bytes)) : on.has('b') ? String(bytes) : String(Math.ceil(bytes / (on.has('m') ? 1_048_576 : 1024))))
    const walk = (path: string, given: string, top: boolean): number => {
      const kind = files.kind(path)
      const own = kind === 'd' ? BLOCK : sizeOf(files.read(path) ?? '')
      let bytes = on.has('b') || kind === 'd' ? own : Math.ceil(own / BLOCK) * BLOCK
      if (kind === 'd') for (const name of files.list?.(path) ?? []) bytes += walk(`${path === '/' ? '' : path}/${name}`, `${given.replace(/\/$/, '')}/${name}`, false)
      if (top || (!on.has('s') && (kind === 'd' || on.has('a')))) lines.push(`${shown(bytes)}\t${given}`)
      return bytes
    }
    for (const given of rest.length === 0 ? ['.'] : rest) {
      const path = absolute(given, call.shell.cwd)
      if (files.kind(path) === undefined) err += `du: cannot access '${given}': No such file or directory\n`
      else total += walk(path, given, true)
    }
    if (on.has('c')) lines.push(`${shown(total)}\ttotal`)
    return err === '' ? ok(joined(lines)) : answer(joined(lines), err)
  },
}

export const ARCHIVE_UTILITIES: readonly Utility[] = [gzip('gzip', ''), gzip('gunzip', 'd'), gzip('zcat', 'dc'), stat, du]
