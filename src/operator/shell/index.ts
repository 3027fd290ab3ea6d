import type { Process } from '../../kernel/index.ts'
import { BUILTINS } from './builtins.ts'
import { runCompound } from './compound.ts'
import { StuckError } from './errors.ts'
import type { Machine } from './machine.ts'
import { runPipeline } from './pipeline.ts'
import { runProgram, runScript } from './program.ts'
import { type Job, type ShellHost, Session } from './session.ts'
import { Shell } from './shell.ts'
import type { Sink, Source } from './streams.ts'
import { capture, processFile } from './substitution.ts'
import type { Script } from './syntax.ts'
import { UTILITIES } from './utilities/index.ts'

export { StuckError } from './errors.ts'
export { type Files, MemoryFiles, absolute } from './files.ts'
export { SyntaxError as ScriptSyntaxError, parseScript } from './parse.ts'
export type { Caller, Frame, Issue, ShellHost, Watcher } from './session.ts'
export { NOTHING, TextSource } from './streams.ts'
export * as syntax from './syntax.ts'
export type { Script } from './syntax.ts'

const MACHINE: Machine = { builtins: BUILTINS, utilities: UTILITIES, compound: runCompound, pipeline: runPipeline, program: runProgram, script: runScript, capture, processFile }

/** Names that the shell itself has: builtins and text programs. */
export const BUILTIN_NAMES: ReadonlySet<string> = new Set(BUILTINS.keys())
export const UTILITY_NAMES: ReadonlySet<string> = new Set(UTILITIES.keys())

export interface ScriptOptions {
  /** What `$0` is. */
  readonly name: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly out: Sink
  readonly err: Sink
  readonly in?: Source
  readonly set?: Partial<Shell['options']>
}

/** A script being run by a shell of its own. */
export class ScriptRun {
  readonly session: Session
  readonly shell: Shell
  /** The status once it has ended. */
  status: number | undefined

  constructor(
    host: ShellHost,
    private readonly script: Script,
    options: ScriptOptions,
  ) {
    this.session = new Session(host, MACHINE)
    this.shell = new Shell(this.session, options.name)
    const { shell } = this
    shell.reset(options.env ?? {}, options.args ?? [])
    shell.cwd = options.cwd ?? '/root'
    shell.fds = { ...shell.fds, out: options.out, err: options.err, ...(options.in === undefined ? {} : { in: options.in }) }
    Object.assign(shell.options, options.set ?? {})
    this.session.signalMain = name => this.signal(name)
  }

  /** Runs it from the top to its end. @throws StuckError when it cannot end */
  *run(): Process<number> {
    const status = yield* this.shell.program(this.script.units)
    // What reads its output through >(…) ends with it.
    this.session.endWriting(0)
    for (const reader of this.session.readers) yield reader
    if (this.session.stuck !== undefined) throw this.session.stuck
    this.status = status
    return status
  }

  /** A signal to the script itself: its trap runs before the next command; without one the script ends. */
  private signal(name: string): void {
    const { shell } = this
    const action = shell.traps.get(name)
    if (action === '') return
    if (action !== undefined && name !== 'KILL') shell.pending.push(name)
    else if (name === 'KILL') {
      shell.traps.delete('EXIT')
      shell.jump = { is: 'exit', status: 137 }
    } else if (!['CONT', 'CHLD', 'WINCH', 'STOP', 'TSTP'].includes(name)) shell.jump = { is: 'exit', status: 128 + (({ HUP: 1, INT: 2, QUIT: 3, TERM: 15, USR1: 10, USR2: 12, ALRM: 14, PIPE: 13 } as Record<string, number>)[name] ?? 15) }
  }

  /**
   * What is left to do after the script's foreground was interrupted by a signal (Ctrl-C, a closed terminal): its trap, then its EXIT trap.
   * The process that ran the script has been killed before. Gives the status the script ends with, and whether any trap ran.
   */
  *interrupted(name: string): Process<{ status: number; trapped: boolean }> {
    const { shell } = this
    const number = ({ HUP: 1, INT: 2, TERM: 15 } as Record<string, number>)[name] ?? 2
    shell.jump = undefined
    shell.status = 128 + number
    let trapped = false
    const action = shell.traps.get(name)
    if (action !== undefined && action !== '') {
      trapped = true
      const result = shell.evaluate(action)
      if (typeof result !== 'number') yield* result
    }
    let status = shell.leave(128 + number)
    const exit = shell.traps.get('EXIT')
    if (exit !== undefined && exit !== '') {
      trapped = true
      status = yield* shell.atExit(exit, status)
    }
    return { status, trapped }
  }

  /** Ends every process that still runs beside the script. */
  stop(): void {
    for (const job of this.session.jobs as readonly Job[]) job.task.kill()
    for (const reader of this.session.readers) reader.kill()
  }
}

export { Session, Shell, StuckError as Stuck }
