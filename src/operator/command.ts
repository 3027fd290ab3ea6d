import type { Process, Us } from '../kernel/index.ts'
import { tellsError } from './told.ts'

/** What a finished command leaves: both streams as text and the exit status. */
export interface Output {
  readonly out: string
  readonly err: string
  readonly code: number
  /** The instant whose state it shows, where that was past when it was asked. */
  readonly asOfUs?: Us
  /** Of a pipeline: a command of the simulated world in it failed, and the status that is told is that of a text program behind it. */
  readonly sourceFailed?: true
  /** It succeeded by the status, and there was nothing for it to do: what it was told to act on is not there. */
  readonly idle?: true
}

/** What an invocation is written to do, whatever becomes of it: look, wait for the cluster, or change it. */
export type Intent = 'reads' | 'waits' | 'acts'

/** What is noted of a call that is run, for whoever wants to know. */
export interface Deed {
  /** It was to change something, and was carried out or failed at that. */
  acted: boolean
}

export const ok = (out = ''): Output => ({ out, err: '', code: 0 })
export const failed = (err: string, code = 1, out = ''): Output => ({ out, err, code })

/** One invocation of a program. `argv[0]` is the program's name. */
export interface Call {
  readonly argv: readonly string[]
  readonly stdin: string
  /** Who calls, for keyed draws (latencies and the like): a step and visit of the runbook, say. */
  readonly key: string
  /** How-manieth command of `key` this is. (key, nth) names a command's luck, so that a skipped poll shifts nobody else's. */
  readonly nth: number
  /** The user the program runs as; set by whoever starts it (a container's user). */
  readonly user?: string
  readonly env?: Readonly<Record<string, string>>
  /** The disk of the machine it is typed on; undefined where there is none (a step of a runbook). */
  readonly disk?: Disk
  /** Of a program that prints as it goes ({@link Command.streams}): prints now. False = nobody will ever read it. Undefined where only the end is seen. */
  readonly emit?: (text: string) => boolean
}

/** The files of who calls; paths are relative to where it stands. */
export interface Disk {
  read(path: string): string | undefined
  /** Undefined on success, else why not, as the system says it. */
  write(path: string, text: string): string | undefined
  /** The names in a directory; undefined when it is none. */
  list(path: string): readonly string[] | undefined
  /** Undefined on success, else why not. */
  makeDirectory?(path: string): string | undefined
}

/** The same call with some things changed. Its input stays unread until somebody asks for it: `{ ...call }` would read it. */
export function recall(call: Call, changes: Partial<Omit<Call, 'stdin'>>): Call {
  const changed: { -readonly [K in keyof Call]: Call[K] } = {
    argv: changes.argv ?? call.argv, key: changes.key ?? call.key, nth: changes.nth ?? call.nth,
    get stdin() {
      return call.stdin
    },
  }
  const user = changes.user ?? call.user
  const env = changes.env ?? call.env
  const disk = changes.disk ?? call.disk
  if (user !== undefined) changed.user = user
  if (env !== undefined) changed.env = env
  if (disk !== undefined) changed.disk = disk
  if (call.emit !== undefined) changed.emit = call.emit
  return changed
}

/** What a read-only command would print at this instant. */
export interface Look {
  readonly output: Output
  /** Time from the instant judged until the caller has the output. As long as the output stays the same this does too, whatever `nth`: a look draws no luck. */
  readonly afterUs: Us
  /** The instant whose state the output shows, when that is older than the instant judged (a cached status, a metric last scraped). */
  readonly asOfUs?: Us
  /**
   * Until when the output stays the same if nothing {@link Simulation.touch}es the world: NEVER for plain state, `now` for what moves by
   * itself (a lag, a clock). Lets a polling gate skip the polls that could not tell it anything new.
   */
  readonly stableUntilUs: Us
}

/** Something wrong with a command that can be told without running it. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  /** What is wrong, and what would be right. */
  readonly message: string
  /** The file that it would have to find: no error where there is a disk (a script's workstation) and the file is on it. */
  readonly file?: string
  /** The object of the cluster that it would have to find: no error where the runbook makes it. */
  readonly object?: string
  /** The program itself refuses it, with a message and a status: a rehearsal shows that, so it is an error to whoever checks and none to whoever runs. */
  readonly refused?: true
  /** It speaks of a part of the cluster that the scenario says nothing of: no error where other lines of a script speak of the part that is there. */
  readonly elsewhere?: true
}

/**
 * One program. It does what the real one does: output, exit status, effects, and the virtual time it takes.
 * A read-only invocation implements `latencyUs` and `look` (judged at one instant, no draw of its own, no effect); everything else `run`.
 */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Unknown verbs, flags and malformed arguments of an argument vector. Words that are not known yet hold a `${…}`; accept those. */
  check(argv: readonly string[]): readonly Finding[]
  /**
   * What can be told before any run of a text that it will read, as far as that is known: `file` as its words name it, `-` for its standard input.
   * What is not known yet stands as `${…}`. Optional.
   */
  checkText?(argv: readonly string[], file: string, text: string): readonly Finding[]
  /** Time from the call until its effect is judged, a pure function of (key, nth, argv). */
  latencyUs(call: Call): Us
  /** No latency of `argv` is ever longer than this. Optional: it lets a gate skip thousands of polls without asking for each one's latency. */
  latencyBoundUs?(argv: readonly string[]): Us
  /** The output at this instant if this invocation only reads; undefined if it has effects or waits. */
  look(call: Call): Look | undefined
  /**
   * Optional: true of an invocation that is written to have effects, so that it is run without a look first. Should it turn out to have none,
   * `run` must take the time and give the output that `look` would have told.
   */
  acts?(call: Call): boolean
  /** Runs an invocation that has effects or waits (after `latencyUs` has passed). Never asked when `look` answered. */
  run(call: Call): Process<Output>
  /**
   * What an invocation is written to do, by its words alone; words that are not known yet hold a `${…}`. Optional, and undefined where only the
   * cluster could say: then what answers a {@link look} only reads.
   */
  intent?(argv: readonly string[]): Intent | undefined
  /** Whether an invocation prints as it goes, by {@link Call.emit}: a watch, a log that is followed. Optional. */
  streams?(argv: readonly string[]): boolean
  /** Whether an invocation reads its standard input. Without it: yes, so that it is not begun before a pipe has been written to its end. */
  readsInput?(argv: readonly string[]): boolean
  /** Why nothing of what is sent to its standard input reaches whoever would read it; undefined where it does, or where nobody reads. Optional. */
  deaf?(argv: readonly string[]): string | undefined
  /** Lays programs over those of the places that this one reaches, such as containers. Only of a command that runs others elsewhere. */
  layOver?(programs: readonly Overlay[]): void
}

/** A program that a scenario or a test suite brings along. It may pass on to the one of the same name that it hides. */
export interface Overlay {
  readonly name: string
  /** The program at one place; undefined when it is not there. */
  at(place: CommandPlace, hidden: Command | undefined): Command | undefined
}

/** Where a program is run: `inside` a container of the cluster, or at the operator's desk. */
export interface CommandPlace {
  readonly inside: boolean
  /** As errors name it. */
  readonly name: string
}

/** A command or flag that no model supports: bad input (exit code 2), never silently ignored. */
export class UnsupportedError extends Error {
  constructor(
    readonly what: string,
    readonly supported: readonly string[],
  ) {
    super(`${what}. Supported: ${supported.join(', ')}`)
    this.name = 'UnsupportedError'
  }
}

/** Remembers what read-only commands printed, as long as they would print the same. */
export interface Memory {
  /** What the same call printed when it was last asked, if that still holds at this instant. */
  recall(call: Call): Look | undefined
  /** Looks, and remembers the answer if it hangs on nothing but the words, the environment and the world. */
  keep(call: Call, look: () => Look | undefined): Look | undefined
}

/** The summary of a text program that stands in a registry, so that it can be called without a shell. */
export const UTILITY_SUMMARY = 'a text program'

/** Whether two names differ by one letter, or by two that have changed places. */
function nearly(a: string, b: string): boolean {
  let same = 0
  while (same < a.length && a[same] === b[same]) same += 1
  const [restA, restB] = [a.slice(same), b.slice(same)]
  if (a.length < 4 || Math.abs(a.length - b.length) > 1) return false
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1) || (restA.slice(2) === restB.slice(2) && restA[0] === restB[1] && restA[1] === restB[0])
}

/** The programs that can be run in one place: the operator's workstation, or inside one container. */
export class CommandRegistry {
  private commands = new Map<string, Command>()
  private rereading: ((call: Call, look: Look) => Look) | undefined
  private laid: readonly Overlay[] | undefined
  private readonly refused = new Map<string, string>()

  /** @param place names the place in errors, e.g. `this workstation` or `container postgres` */
  constructor(readonly place: string) {}

  /** The same programs, whose outputs are misread: `reread` says what is taken for each output of a command that only reads. */
  through(reread: (call: Call, look: Look) => Look): CommandRegistry {
    const seen = new CommandRegistry(this.place)
    seen.commands = this.commands
    seen.rereading = reread
    return seen
  }

  register(...commands: readonly Command[]): this {
    for (const command of commands) this.commands.set(command.name, command)
    return this
  }

  /** Says of a well-known program why it is not here. It stays unknown: `command -v` does not find it. */
  refuse(name: string, why: string): this {
    this.refused.set(name, why)
    return this
  }

  /** What is said of a program that is not here. */
  missing(name: string): string {
    const why = this.refused.get(name.slice(name.lastIndexOf('/') + 1))
    return `the command \`${name}\` is not modelled on ${this.place}${why === undefined ? '' : `: ${why}`}`
  }

  /** The same for whoever reads a whole script: what there is, and how to let a program be that does nothing to the cluster. */
  unknown(name: string): string {
    const base = name.slice(name.lastIndexOf('/') + 1)
    // Where it is known why, neither a list of others nor a stand-in helps.
    if (this.refused.has(base)) return this.missing(name)
    // Whoever has mistyped one that is here does not want another.
    if (this.names.some(known => nearly(known, base))) return `${this.missing(name)}; there are: ${this.listed}`
    const stub = /^[A-Za-z0-9_][\w+-]*$/.test(base) ? `\`--set commands.${base}={}\` lets it print nothing and succeed; ` : ''
    return `${this.missing(name)}; there are: ${this.listed}. If it does nothing to this cluster: ${stub}what else it prints is said in the scenario, \`commands: { ${base}: { output: … } }\``
  }

  /** Lays programs over those that are here, and over those of the places that these reach. The same list once more changes nothing. */
  layOver(programs: readonly Overlay[], inside = false): this {
    if (this.laid === programs) return this
    this.laid = programs
    for (const program of programs) {
      const command = program.at({ inside, name: this.place }, this.commands.get(program.name))
      if (command !== undefined) this.commands.set(program.name, command)
    }
    for (const command of this.commands.values()) command.layOver?.(programs)
    return this
  }

  get names(): readonly string[] {
    return [...this.commands.keys()].sort()
  }

  /** What there is, for messages: text programs are many, and known. */
  private get listed(): string {
    const own = this.names.filter(name => this.commands.get(name)?.summary !== UTILITY_SUMMARY)
    return own.length === this.commands.size ? own.join(', ') : `${own.join(', ')}, and text programs (cat, grep, sed, awk, jq, …)`
  }

  has(name: string): boolean {
    return this.commands.has(name)
  }

  /** The command of that name. @throws UnsupportedError naming what there is */
  get(name: string): Command {
    const command = this.commands.get(name.includes('/') ? name.slice(name.lastIndexOf('/') + 1) : name)
    if (command === undefined) throw new UnsupportedError(this.missing(name), this.names)
    return command
  }

  check(argv: readonly string[]): readonly Finding[] {
    const name = argv[0] ?? ''
    if (name.includes('${')) return []
    if (!this.has(name.slice(name.lastIndexOf('/') + 1))) {
      return [{ severity: 'error', message: this.unknown(name) }]
    }
    return this.get(name).check(argv)
  }

  latencyUs(call: Call): Us {
    return this.get(call.argv[0] ?? '').latencyUs(call)
  }

  /** Whether an invocation reads its standard input, as far as it says. */
  readsInput(argv: readonly string[]): boolean {
    const name = argv[0] ?? ''
    return this.commands.get(name.includes('/') ? name.slice(name.lastIndexOf('/') + 1) : name)?.readsInput?.(argv) !== false
  }

  /** Whether an invocation prints as it goes. */
  streams(argv: readonly string[]): boolean {
    const name = argv[0] ?? ''
    return this.commands.get(name.includes('/') ? name.slice(name.lastIndexOf('/') + 1) : name)?.streams?.(argv) === true
  }

  look(call: Call): Look | undefined {
    const look = this.get(call.argv[0] ?? '').look(call)
    return look === undefined || this.rereading === undefined ? look : this.rereading(call, look)
  }

  /** What an invocation is written to do. A program that does not say so is asked for a look: what it refuses to show has effects. */
  intent(argv: readonly string[]): Intent {
    const command = this.get(argv[0] ?? '')
    const intent = command.intent?.(argv)
    if (intent !== undefined) return intent
    try {
      return command.look({ argv, stdin: '', key: '', nth: 0 }) === undefined ? 'acts' : 'reads'
    } catch (error) {
      if (error instanceof UnsupportedError) return 'acts'
      throw error
    }
  }

  /**
   * Runs a command from issue to return: latency, then its one look or its effects.
   * @param memory what somebody read before, to be read again for nothing; @param deed where it is noted whether it was to change something
   */
  *run(call: Call, memory?: Memory, deed?: Deed): Process<Output> {
    const command = this.get(call.argv[0] ?? '')
    yield command.latencyUs(call)
    let look: Look | undefined
    if (memory !== undefined && this.rereading === undefined) {
      look = memory.recall(call)
      if (look === undefined && command.acts?.(call) !== true) look = memory.keep(call, () => command.look(call))
    } else if (this.rereading !== undefined || command.acts?.(call) !== true) {
      // Who misreads outputs is told of every look that answers.
      look = this.look(call)
    }
    if (look === undefined) {
      if (deed !== undefined) deed.acted = (command.intent?.(call.argv) ?? 'acts') === 'acts'
      return yield* command.run(call)
    }
    // What answers a look has changed nothing; it may have failed before it could.
    if (deed !== undefined) deed.acted = (look.output.code !== 0 || tellsError(look.output)) && command.intent?.(call.argv) === 'acts'
    yield look.afterUs
    return shown(look)
  }
}

const shown = ({ output, asOfUs }: Look): Output => (asOfUs === undefined ? output : { ...output, asOfUs })
