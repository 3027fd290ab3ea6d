import type { Process } from '../../kernel/index.ts'
import type { Shell, Status } from './shell.ts'
import type { CommandPart, Node, Pipeline, ProcessPart, Simple } from './syntax.ts'
import type { Utility } from './utilities.ts'

export type Builtin = (shell: Shell, argv: readonly string[], node: Simple) => Status

/** The parts of the interpreter that know the shell; it knows them by this interface alone, so that no file imports another in a circle. */
export interface Machine {
  readonly builtins: ReadonlyMap<string, Builtin>
  readonly utilities: ReadonlyMap<string, Utility>
  compound(shell: Shell, node: Node): Status
  pipeline(shell: Shell, node: Pipeline): Status
  program(shell: Shell, node: Simple, argv: readonly string[]): Status
  /** What the commands of `$(…)` print. */
  capture(shell: Shell, part: CommandPart): Process<string>
  /** The name of the file that `<(…)` or `>(…)` is. */
  processFile(shell: Shell, part: ProcessPart): string
  script(shell: Shell, name: string, text: string, args: readonly string[], options?: Partial<Shell['options']>): Process<number>
}
