import type { Process } from '../../kernel/index.ts'
import type { Output } from '../command.ts'
import type { Shell } from './shell.ts'
import type { Simple } from './syntax.ts'

/** What a text program is called with. */
export interface UtilityCall {
  readonly argv: readonly string[]
  readonly shell: Shell
  readonly node: Simple
  /** All of the standard input (taken from it). */
  stdin(): string
  /** A file's text; `-` is the standard input. */
  read(path: string): string | undefined
  readonly nowSeconds: number
}

/** A program of the workstation that touches nothing of the simulated world. */
export interface Utility {
  readonly name: string
  /** Its output at once, or a process that writes as it goes. @throws UnsupportedError for an option it does not have */
  run(call: UtilityCall): Output | Process<number>
  /** It reads a pipe while that is still written. */
  readonly streams?: boolean
}
