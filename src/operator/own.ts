/** Programs that a scenario brings along (`commands:`): what they print, how they end and how long that takes, as plain data. */
import { type Distribution, NEVER, type Process, type Simulation, type Us } from '../kernel/index.ts'
import { type Call, type Command, type CommandPlace, type Finding, type Intent, type Look, type Output, type Overlay, UnsupportedError } from './command.ts'

/** What a program of one's own answers to some of its invocations. */
export interface OwnAnswer {
  /** Which invocations: a regular expression for the arguments, joined by blanks. Without it: all of them. */
  readonly args: RegExp | undefined
  readonly output: Output
  /** In microseconds. */
  readonly duration: Distribution
  readonly where: 'workstation' | 'containers' | 'everywhere'
}

/** The first answer that fits an invocation is given. One that no answer fits goes to the program of the same name that the cluster has. */
export function ownProgram(sim: Simulation, name: string, answers: readonly OwnAnswer[]): Overlay {
  return {
    name,
    at(place, hidden) {
      const here = answers.filter(({ where }) => where === 'everywhere' || (where === 'containers') === place.inside)
      return here.length === 0 ? undefined : new OwnProgram(sim, name, here, place, hidden)
    },
  }
}

/** An answer has no effect and never changes, so a gate that polls it need not ask twice. */
class OwnProgram implements Command {
  readonly summary = 'a command of the scenario'

  constructor(
    private readonly sim: Simulation,
    readonly name: string,
    private readonly answers: readonly OwnAnswer[],
    private readonly place: CommandPlace,
    private readonly hidden: Command | undefined,
  ) {}

  check(argv: readonly string[]): readonly Finding[] {
    if (argv.some(word => word.includes('${')) || this.answerTo(argv) !== undefined) return []
    return this.hidden?.check(argv) ?? [{ severity: 'error', message: `${this.unanswered(argv)}; there are answers for: ${this.patterns.join(', ')}` }]
  }

  latencyUs(call: Call): Us {
    const answer = this.answerTo(call.argv)
    if (answer === undefined) return this.behind(call.argv).latencyUs(call)
    return Math.max(0, Math.round(this.sim.chance.sample(answer.duration, call.key, `command/${this.name}`, call.nth)))
  }

  latencyBoundUs(argv: readonly string[]): Us {
    const answer = this.answerTo(argv)
    if (answer === undefined) return this.behind(argv).latencyBoundUs?.(argv) ?? NEVER
    const { duration } = answer
    if (duration.is === 'exponential') return NEVER
    return Math.ceil(duration.is === 'constant' ? duration.value : duration.max)
  }

  look(call: Call): Look | undefined {
    const answer = this.answerTo(call.argv)
    return answer === undefined ? this.behind(call.argv).look(call) : { output: answer.output, afterUs: 0, stableUntilUs: NEVER }
  }

  /** What is written down in a scenario changes nothing of the cluster. */
  intent(argv: readonly string[]): Intent | undefined {
    return this.answerTo(argv) === undefined ? this.hidden?.intent?.(argv) : 'reads'
  }

  streams(argv: readonly string[]): boolean {
    return this.answerTo(argv) === undefined && this.hidden?.streams?.(argv) === true
  }

  readsInput(argv: readonly string[]): boolean {
    return this.answerTo(argv) === undefined && this.hidden?.readsInput?.(argv) !== false
  }

  run(call: Call): Process<Output> {
    return this.behind(call.argv).run(call)
  }

  layOver(programs: readonly Overlay[]): void {
    this.hidden?.layOver?.(programs)
  }

  private answerTo(argv: readonly string[]): OwnAnswer | undefined {
    const args = argv.slice(1).join(' ')
    return this.answers.find(answer => answer.args === undefined || answer.args.test(args))
  }

  /** The cluster's program of this name. @throws UnsupportedError when there is none */
  private behind(argv: readonly string[]): Command {
    if (this.hidden === undefined) throw new UnsupportedError(this.unanswered(argv), this.patterns)
    return this.hidden
  }

  private unanswered(argv: readonly string[]): string {
    return `the scenario’s command \`${this.name}\` on ${this.place.name} has no answer to \`${argv.join(' ')}\``
  }

  private get patterns(): readonly string[] {
    return this.answers.map(answer => `/${answer.args?.source ?? ''}/`)
  }
}
