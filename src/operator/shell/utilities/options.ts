import { type Output, UnsupportedError, failed, ok } from '../../command.ts'
import type { UtilityCall } from '../utilities.ts'

/** The lines of a text; a final newline ends the last line and begins none. */
export function linesOf(text: string): string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

export const joined = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`)

export interface Parsed {
  /** By letter; a long option by its whole name without the dashes. */
  readonly on: ReadonlyMap<string, string>
  /** Every value of an option that may be given several times. */
  readonly all: ReadonlyMap<string, readonly string[]>
  readonly rest: readonly string[]
}

/**
 * Options of a program: letters alone or bundled, long ones with or without a value.
 * @param flags letters without a value; @param valued letters with one; @param long long options: the letter they stand for, or their own name; with `=` at the end they take a value
 * @throws UnsupportedError for any other
 */
export function options(argv: readonly string[], flags: string, valued = '', long: Readonly<Record<string, string>> = {}, stopAtFirst = false): Parsed {
  const program = argv[0] as string
  const on = new Map<string, string>()
  const all = new Map<string, string[]>()
  const rest: string[] = []
  const put = (name: string, value: string): void => {
    on.set(name, value)
    all.set(name, [...(all.get(name) ?? []), value])
  }
  for (let i = 1; i < argv.length; i++) {
    const arg = argv[i] as string
    if (arg === '--' || (stopAtFirst && !arg.startsWith('-'))) {
      rest.push(...argv.slice(arg === '--' ? i + 1 : i))
      break
    }
    if (!arg.startsWith('-') || arg === '-') rest.push(arg)
    else if (arg.startsWith('--')) {
      const [name = '', value] = splitOnce(arg.slice(2))
      const known = long[name] ?? long[`${name}=`]
      if (known === undefined) throw unsupported(program, arg, flags, valued, long)
      const takes = `${name}=` in long || valued.includes(known)
      put(known, takes ? (value ?? argv[++i] ?? '') : (value ?? ''))
    } else {
      for (let j = 1; j < arg.length; j++) {
        const letter = arg[j] as string
        if (valued.includes(letter)) {
          put(letter, j + 1 < arg.length ? arg.slice(j + 1) : (argv[++i] ?? ''))
          break
        }
        if (!flags.includes(letter)) throw unsupported(program, arg, flags, valued, long)
        put(letter, '')
      }
    }
  }
  return { on, all, rest }
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function unsupported(program: string, arg: string, flags: string, valued: string, long: Readonly<Record<string, string>>): UnsupportedError {
  return new UnsupportedError(`\`${program} ${arg}\``, [...[...`${flags}${valued}`].map(f => `-${f}`), ...Object.keys(long).map(l => `--${l}`)])
}

/** The texts of a program's files in turn, or its standard input; a file that is not there is said and makes the status 1. */
export function inputs(call: UtilityCall, files: readonly string[]): { readonly texts: readonly { name: string; text: string }[]; readonly err: string } {
  if (files.length === 0) return { texts: [{ name: '-', text: call.stdin() }], err: '' }
  const texts: { name: string; text: string }[] = []
  let err = ''
  for (const name of files) {
    const text = call.read(name)
    if (text === undefined) err += `${call.argv[0]}: ${name === '-' ? 'standard input' : name}: No such file or directory\n`
    else texts.push({ name, text })
  }
  return { texts, err }
}

/** All input as one text. */
export function allInput(call: UtilityCall, files: readonly string[]): { readonly text: string; readonly err: string } {
  const { texts, err } = inputs(call, files)
  return { text: texts.map(t => t.text).join(''), err }
}

/** Output with what was wrong with the files. */
export const answer = (out: string, err: string, code = 0): Output => (err === '' ? { out, err: '', code } : { out, err, code: code === 0 ? 1 : code })

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export { failed, ok, UnsupportedError }
export type { Output }
