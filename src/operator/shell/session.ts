import { type Process, Signal, type Simulation, type Task, type Us } from '../../kernel/index.ts'
import type { Call, CommandRegistry, Deed, Output } from '../command.ts'
import { type Files, FolderDisk } from './files.ts'
import { StuckError } from './errors.ts'
import type { Machine } from './machine.ts'
import { LookMemory } from './memory.ts'
import { SyntaxError, parseScript } from './parse.ts'
import type { Pipe, Sink } from './streams.ts'
import type { Shell, Status } from './shell.ts'
import type { Arithmetic, Conditional, For, Node, Script, Simple, While } from './syntax.ts'

/** What a shell finds around it. */
export interface ShellHost {
  readonly sim: Simulation
  /** The programs that act on the simulated world. */
  readonly registry: CommandRegistry
  readonly files: Files
  /** Names this shell's luck. */
  readonly key: string
  /** Who works here, as `whoami` says. */
  readonly user: string
  /** As whom the programs it starts are called; undefined as for a runbook of steps, where nobody said. */
  readonly runAs?: string | undefined
  readonly hostname: string
  /** Seconds since 1970 at the simulation's instant 0. */
  readonly epochSeconds: number
  /** A program that is not there: an error of the input (a rehearsal), or `command not found` and status 127 (as in a container). */
  readonly missing: 'unsupported' | 'not-found'
  /** Work of the shell itself takes time, as on a workstation; false inside a container's command, whose latency covers it. */
  readonly costs?: boolean
  /** The how-manieth call of `key` the shell itself is; names the luck of what it starts. */
  readonly nth?: number
  readonly watcher?: Watcher
  /** What a program read is not read again while the world is as it was. */
  readonly remembers?: boolean
}

/** What has a status of its own. */
export type Judged = Simple | Conditional | Arithmetic

/** Told about what a script does, command by command. */
export interface Watcher {
  /**
   * A program of the registry is about to be started. Gives what is really started, and under which name its luck is drawn;
   * undefined when the person who ran the script is gone.
   */
  issue(node: Simple, argv: readonly string[], shell: Caller): Issue | undefined
  /** It has ended. @param shell the one that started it */
  returned(node: Simple, issue: Issue, output: Output, shell: Shell): void
  /** A simple command, `[[ … ]]` or `(( … ))` has ended: for the record of the lines that ran. */
  ran?(node: Judged, argv: readonly string[], status: number, sinceUs: Us, shell: Shell): void
  /** A loop over words, or over the lines of an input, made no pass. */
  barren?(node: For | While, shell: Shell): void
  /** What reached the terminal. */
  printed?(text: string, error: boolean): void
  /** Follows the decisions that can stop a script or hold it up. */
  readonly decider?: Decider
}

/** Told how a script decides, and free to have it go on all the same. */
export interface Decider {
  /** A decision begins; undefined when it is none that counts (in a trap, in a process of its own). */
  begin(node: Node, shell: Shell): Deciding | undefined
  /** A failure is about to end the script by `set -e`. True = it goes on all the same. */
  spares(shell: Shell): boolean
}

/** A decision under way. */
export interface Deciding {
  /** By number the commands of a chain, or branches, with which the script ends. */
  readonly stops: ReadonlySet<number>
  /** Of a loop: it goes by what its body finds out. */
  readonly counts: boolean
  /** It takes a way that ends the script. True = it is not to. */
  stopped(): boolean
  /** Of a loop: it looks once more. */
  look(): void
  /** Of a loop: it has looked, and is to go on waiting. True = it is to be left. */
  waits(): boolean
  /** It has been made. @param passed whether the script goes on as if all were well */
  end(passed: boolean): void
}

/** A call of a function that is under way, and where it was called. */
export interface Frame {
  readonly name: string
  readonly line: number
  readonly file: string
}

/** The shell that starts a program, as far as a watcher needs to know it. */
export interface Caller {
  readonly background: boolean
  /** The calls of functions under way, innermost last. */
  readonly calls: readonly Frame[]
}

export interface Issue {
  readonly argv: readonly string[]
  readonly registry: CommandRegistry
  readonly key: string
  readonly nth: number
  readonly ticket: number
  /** Noted as it runs. */
  readonly deed?: Deed
  /** Left out by mistake: nothing is started, and it looks like success. */
  readonly skipped?: boolean
}

const MOST_COMMANDS = 5_000_000
const MOST_IDLE = 200_000
const MOST_CHARACTERS = 64_000_000
const MOST_PROCESSES = 256
const FIRST_PID = 4_711
const NO_WORDS: readonly string[] = []

/** A job that runs beside the shell. */
export interface Job {
  readonly pid: number
  readonly number: number
  readonly task: Task<number>
  readonly source: string
  status: number | undefined
  /** A signal that ended it. */
  signal: number
  waited: boolean
  signalled(name: string): boolean
}

/** What all shells of one run share: the limits, the processes, the clock. */
export class Session {
  commands = 0
  private idle = 0
  private characters = 0
  private live = 0
  private nextPid = FIRST_PID
  /** Work done since the last wait, in microseconds of the workstation's processor; it takes its time at the next wait. */
  debtUs: Us = 0
  line = 0
  stuck: StuckError | undefined
  /** Told when a process beside the main one is stuck. */
  onStuck: (error: StuckError) => void = () => undefined
  readonly jobs: Job[] = []
  readonly startUs: Us
  readonly random: { state: number; draws: number } = { state: 0, draws: 0 }
  ticket = 0
  /** Files made by mktemp so far. */
  temporary = 0
  /** `$?` has been read since the last command. */
  statusRead = false
  /** A file sourced is being run: `return` may leave it. */
  sourcing = false
  /** Files locked by `flock`, and through what: a descriptor, or a command that runs meanwhile. */
  readonly locks = new Map<string, object>()
  readonly lockFreed = new Signal()
  /** Characters of its input that a text program left unread, because it had seen enough. */
  unread = 0
  /** Why the last write to a file failed. */
  writeProblem: string | undefined
  /** Ends of process substitutions, by the name of their file. */
  readonly pipes = new Map<string, Pipe>()
  /** Pipes that processes of `>(…)` read, to be ended when their writer is done; and those processes. */
  readonly writing: Pipe[] = []
  readonly readers: Task<number>[] = []
  /** Every function ever defined, for the record. */
  readonly functionNames = new Set<string>()
  readonly jobEnded = new Signal()
  /** A trap's text is being run. */
  inTrap = 0
  /** The last command that failed is a program of the simulated world, or a function that says so by `return`; not a mere `[ … ]` that does not hold. */
  failing = false
  /** Failures inside a trap that nothing looked at. */
  passedOver = 0
  /** Where `getopts` had come before a function made OPTIND its own, innermost last. */
  readonly hiddenOptions: { readonly shell: Shell; readonly depth: number; readonly optind: number; readonly optchar: number }[] = []
  /** Gets signals that the script sends to itself. */
  signalMain: (name: string) => void = () => undefined
  /** What was read before; none where every question is to be asked anew. */
  readonly memory: LookMemory | undefined
  readonly decider: Decider | undefined
  /** The same of those that have nothing to read: what they were answered says nothing of the same words over a list. */
  readonly memoryWithoutInput: LookMemory | undefined
  readonly terminal: Sink = { write: text => (this.host.watcher?.printed?.(text, false), true) }

  constructor(
    readonly host: ShellHost,
    readonly machine: Machine,
  ) {
    this.startUs = host.sim.now
    this.decider = host.watcher?.decider
    this.memory = host.remembers === true ? new LookMemory(host.sim) : undefined
    this.memoryWithoutInput = host.remembers === true ? new LookMemory(host.sim) : undefined
    this.random.state = Math.floor(host.sim.chance.draw(host.key, 'shell-random', 0) * 4294967296)
  }

  readonly charge = (characters: number): void => {
    this.characters += characters
    if (this.characters > MOST_CHARACTERS) throw new StuckError(this.line, `printed more than ${MOST_CHARACTERS / 1_000_000} million characters`)
  }

  /** Counts a simple command that takes `us` of processor. */
  step(us: Us): void {
    // One process is stuck: all are.
    if (this.stuck !== undefined) throw this.stuck
    if (this.host.costs !== false) this.debtUs += us
    this.commands += 1
    if (++this.idle > MOST_IDLE) throw new StuckError(this.line, 'an endless loop: 200,000 commands ran and none of them waited for anything')
    if (this.commands > MOST_COMMANDS) throw new StuckError(this.line, 'five million commands ran')
  }

  /** A command of the simulated world was started, or time was spent on purpose. */
  acted(): void {
    this.idle = 0
    // What was printed before is read or gone: a script that asks for a large answer every second is no flood.
    this.characters = 0
  }

  takeDebt(): Us {
    const us = this.debtUs
    this.debtUs = 0
    return us
  }

  pid(): number {
    this.nextPid += 1
    return this.nextPid
  }

  get mainPid(): number {
    return FIRST_PID
  }

  /** Starts a process beside the ones that run. */
  spawn(process: Process<number>): Task<number> {
    if (this.live >= MOST_PROCESSES) throw new StuckError(this.line, `more than ${MOST_PROCESSES} processes at once: fork: Resource temporarily unavailable`)
    this.live += 1
    return this.host.sim.spawn(this.guarded(process))
  }

  private *guarded(process: Process<number>): Process<number> {
    try {
      return yield* process
    } catch (error) {
      if (!(error instanceof StuckError)) throw error
      if (this.stuck === undefined) {
        this.stuck = error
        this.onStuck(error)
      }
      return 1
    } finally {
      this.live -= 1
    }
  }

  /** `$RANDOM`: bash's generator (Park and Miller), seeded from the rehearsal's luck or by the script. */
  nextRandom(): number {
    const { random } = this
    if (random.state === 0) random.state = 123_459_876
    const high = Math.floor(random.state / 127_773)
    const low = random.state - 127_773 * high
    random.state = 16_807 * low - 2_836 * high
    if (random.state < 0) random.state += 0x7fff_ffff
    random.draws += 1
    return ((Math.floor(random.state / 65_536) ^ (random.state & 65_535)) & 32_767) >>> 0
  }

  get nowSeconds(): number {
    return this.host.epochSeconds + this.host.sim.now / 1_000_000
  }

  /** A call of a program. `stdin` may be read when the program asks for it: one that never does leaves it to the next, as a real one. */
  call(argv: readonly string[], key: string, nth: number, stdin: string | (() => string), env: Readonly<Record<string, string>>, cwd: string): Call {
    const { runAs } = this.host
    const disk = this.diskAt(cwd)
    if (typeof stdin === 'string') return { argv, stdin, key, nth, env, disk, ...(runAs === undefined ? undefined : { user: runAs }) }
    return runAs === undefined ? new ProgramCall(argv, key, nth, env, disk, stdin, this.memory) : new UserCall(argv, key, nth, env, disk, stdin, this.memory, runAs)
  }

  private disk: { readonly cwd: string; readonly disk: FolderDisk } | undefined

  private diskAt(cwd: string): FolderDisk {
    if (this.disk?.cwd !== cwd) this.disk = { cwd, disk: new FolderDisk(this.host.files, cwd) }
    return this.disk.disk
  }

  /** A command has ended: for the record. */
  ran(node: Judged, argv: readonly string[], status: number, sinceUs: Us, shell: Shell): void {
    this.host.watcher?.ran?.(node, argv, status, sinceUs, shell)
  }

  /** A `[[ … ]]` or `(( … ))` has ended. */
  judged(node: Conditional | Arithmetic, status: number, shell: Shell): Status {
    this.ran(node, NO_WORDS, status, this.host.sim.now, shell)
    return shell.finish(status, node)
  }

  /** A command of the script's own shell has failed and nothing looks at it. */
  passOver(): void {
    if (this.inTrap > 0 && this.failing) this.passedOver += 1
  }

  trapped(begins: boolean): void {
    this.inTrap += begins ? 1 : -1
  }

  parse(text: string, file: string, line: number): Script {
    return parseOnce(text, file, line)
  }

  prompt(text: string): void {
    this.host.watcher?.printed?.(text, true)
  }

  /** What held a lock is closed. */
  unlock(holder: object): void {
    for (const [path, by] of this.locks) {
      if (by !== holder) continue
      this.locks.delete(path)
      this.lockFreed.fire()
    }
  }

  /** The writers of `>(…)` opened since have gone: their readers come to the end. */
  endWriting(from: number): void {
    for (const pipe of this.writing.splice(from)) pipe.end()
  }

  whenDone(task: Task<number>, act: (status: number | undefined) => void): void {
    task.park(this.host.sim, status => {
      act(status)
      this.jobEnded.fire()
    })
  }

  /** Programs that there are. */
  programs(): readonly string[] {
    return [...this.host.registry.names, ...this.machine.utilities.keys()]
  }
}

/** A call whose input is read when somebody asks for it. */
class ProgramCall implements Call {
  private text: string | undefined

  constructor(
    readonly argv: readonly string[],
    readonly key: string,
    readonly nth: number,
    readonly env: Readonly<Record<string, string>>,
    readonly disk: FolderDisk,
    private readonly input: () => string,
    private readonly memory: LookMemory | undefined,
  ) {}

  get stdin(): string {
    this.memory?.readsInput()
    this.text ??= this.input()
    return this.text
  }
}

/** One of a named user: who said nothing has no such field. */
class UserCall extends ProgramCall {
  constructor(argv: readonly string[], key: string, nth: number, env: Readonly<Record<string, string>>, disk: FolderDisk, input: () => string, memory: LookMemory | undefined, readonly user: string) {
    super(argv, key, nth, env, disk, input, memory)
  }
}

const parsed = new Map<string, Script | SyntaxError>()
const MANY = 500

/** A script's text parsed, once for each text and place. @throws SyntaxError */
export function parseOnce(text: string, file: string, line: number): Script {
  const key = `${file}:${line}:${text}`
  let known = parsed.get(key)
  if (known === undefined) {
    try {
      known = parseScript(text, file, line)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      known = error
    }
    if (parsed.size >= MANY) parsed.clear()
    parsed.set(key, known)
  }
  if (known instanceof SyntaxError) throw known
  return known
}
