/** Commands that a test suite writes as plain functions: wrappers of its own that act on the cluster. */
import type { Cluster, Engine } from '../engine.ts'
import { MILLISECOND, parseDurationUs, type Process, type Simulation, type Us } from '../kernel/index.ts'
import { BUILTIN_NAMES, type Call, type Command, type CommandPlace, type Output, type Overlay, parseCommandLines } from '../operator/index.ts'

/** What a function may give back: what is printed (with status 0), or all that a program leaves. */
export type Printed = string | Partial<Output>

/** A command as a name and a function. */
export interface OwnCommand {
  readonly name: string
  /** From the call until the function is asked, as people write it: `2s`. Default: 100ms. */
  readonly takes?: string
  /** Where it is installed: at the operator's desk, in the containers (`exec`), or both. Default: everywhere. */
  readonly where?: 'workstation' | 'containers' | 'everywhere'
  /**
   * What it does. A generator function may wait: `yield 2_000_000` for two seconds (µs), `yield* call.run('…')` for another command.
   * It must be a pure function of what it is given: no clock and no luck of its own, or a failure will not replay.
   */
  run(call: OwnCall): Printed | Process<Printed>
}

/** One invocation. */
export interface OwnCall {
  readonly args: readonly string[]
  readonly stdin: string
  readonly env: Readonly<Record<string, string>>
  readonly atUs: Us
  /** The cluster as it truly is, to look at. */
  readonly cluster: Cluster
  /** Runs one command line of the operator's workstation, without pipes; the output when it has ended. */
  run(line: string): Process<Output>
}

/** Checks a command. @throws Error that says what is wrong with it */
export function command(given: OwnCommand): OwnCommand {
  const { name, takes } = given
  if (!/^[A-Za-z0-9_][\w.+-]*$/.test(name)) throw new Error(`\`${name}\` cannot be the name of a command: it is one word without a path, such as notify-team`)
  if (BUILTIN_NAMES.has(name)) throw new Error(`\`${name}\` is a builtin of the shell, which no program can replace`)
  if (takes !== undefined && parseDurationUs(takes) === undefined) throw new Error(`${name}: \`${takes}\` is no duration; write 500ms, 30s, 5m`)
  return given
}

/** Engines whose clusters have these commands as well: for a file that exports `engines`, as with `withFaults`. */
export function withCommands(engines: readonly Engine[], commands: readonly OwnCommand[]): readonly Engine[] {
  if (commands.length === 0) return engines
  const names = commands.map(each => command(each).name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Error(`${twice}: two commands have this name`)
  return engines.map(engine => ({
    ...engine,
    build(sim, options) {
      const cluster = engine.build(sim, options)
      cluster.commands.layOver(commands.map(each => overlay(sim, cluster, each)))
      return cluster
    },
  }))
}

function overlay(sim: Simulation, cluster: Cluster, own: OwnCommand): Overlay {
  const where = own.where ?? 'everywhere'
  const here = (place: CommandPlace): boolean => where === 'everywhere' || (where === 'containers') === place.inside
  const latencyUs = own.takes === undefined ? 100 * MILLISECOND : (parseDurationUs(own.takes) ?? 0)
  const program: Command = { name: own.name, summary: 'a command of the test suite', check: () => [], latencyUs: () => latencyUs, look: () => undefined, run: call => doing(sim, cluster, own, call) }
  return { name: own.name, at: place => (here(place) ? program : undefined) }
}

function* doing(sim: Simulation, cluster: Cluster, own: OwnCommand, call: Call): Process<Output> {
  let ran = 0
  const given: OwnCall = {
    args: call.argv.slice(1),
    get stdin() {
      return call.stdin
    },
    env: call.env ?? {},
    atUs: sim.now,
    cluster,
    // A key of its own for each: two commands of one call must not share their luck.
    run: line => cluster.commands.run({ argv: argvOf(own.name, line), stdin: '', key: `${call.key}/${own.name}#${call.nth}`, nth: (ran += 1) }),
  }
  const result = own.run(given)
  const printed = typeof result === 'object' && 'next' in result ? yield* result : result
  return typeof printed === 'string' ? { out: printed, err: '', code: 0 } : { out: printed.out ?? '', err: printed.err ?? '', code: printed.code ?? 0 }
}

/** @throws Error for a pipeline, several lines or a variable */
function argvOf(name: string, text: string): readonly string[] {
  const [line, ...more] = parseCommandLines(text)
  const words = line?.stages[0]?.constant
  if (words === undefined || more.length > 0 || (line?.stages.length ?? 0) > 1) throw new Error(`${name}: \`${text}\` is not one plain command line: no pipes, no \${variables}, one program`)
  return words
}
