import type { Engine } from '../engine.ts'
import type { Rehearser } from '../campaign/index.ts'
import { type Screen, writeWhole } from '../report/index.ts'

/** What the command line stands on. Tests bring their own. */
export interface Context {
  /** The arguments, without node and script. */
  readonly argv: readonly string[]
  readonly engines: readonly Engine[]
  readonly rehearser: Rehearser
  /** Module that worker threads take their `engines` from; undefined = the models of this package. */
  readonly enginesModule: string | undefined
  /** Results. */
  out(text: string): void
  /** Progress and errors. */
  err(text: string): void
  readonly screen: Screen
  /** Someone watches `err`: draw a bar. */
  readonly watched: boolean
}

/** `interrupted`: stopped before its end with nothing violated so far. */
export const EXIT = { held: 0, violated: 1, input: 2, defect: 3, interrupted: 130 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The arguments are wrong: exit code 2, and the message is all the user sees. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export function print(context: Context, lines: readonly string[]): void {
  context.out(`${lines.join('\n')}\n`)
}

/** What `--json` names for standard output: the JSON takes the place of what is printed for people. */
export const STDOUT = '-'

/** Writes a result where `--json` says; true when that took standard output. */
export function writeJson(file: string | undefined, text: string, context: Context): boolean {
  if (file === STDOUT) context.out(text)
  else if (file !== undefined) writeWhole(file, text)
  return file === STDOUT
}

/** The screen that a process writes to. NO_COLOR and FORCE_COLOR are obeyed; a terminal that cannot show more gets ASCII. */
export function screenOf(stream: { readonly isTTY?: boolean; readonly columns?: number }, env: Readonly<Record<string, string | undefined>>): Screen {
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== ''
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  // A locale that names another character set, or plain C, cannot be trusted with more than ASCII on a terminal; files and pipes are UTF-8.
  const ascii = env['TERM'] === 'dumb' || (stream.isTTY === true && process.platform !== 'win32' && locale !== '' && !/utf-?8/i.test(locale))
  return { columns: Math.min(110, Math.max(80, stream.columns ?? 80)), colour: !refused && (forced || stream.isTTY === true), unicode: !ascii }
}
