/** The toy's programs, each on the operator's workstation: one effect after one fixed latency. */
import type { Process } from '../../src/kernel/index.ts'
import { type Call, type Command, CommandRegistry, failed, type Finding, type Look, ok, type Output } from '../../src/operator/command.ts'
import { NoMemberError, type ToyWorld } from './world.ts'

/** A program with an effect. `act` gives an error text, or undefined when all went well. */
function program(world: ToyWorld, name: string, summary: string, words: number, act: (args: readonly string[], call: Call) => string | undefined): Command {
  return {
    name,
    summary,
    check: argv => usage(name, summary, argv, words),
    latencyUs: () => world.options.commandUs,
    look: () => undefined,
    *run(call): Process<Output> {
      const error = unlessUnknown(() => act(call.argv.slice(1), call), message => message)
      return error === undefined ? ok(`${name}: done\n`) : failed(`${name}: ${error}\n`)
    },
  }
}

/** A program that only reads. `moves`: its answer changes by itself. */
function question(world: ToyWorld, name: string, summary: string, words: number, moves: boolean, answer: (args: readonly string[]) => string): Command {
  return {
    name,
    summary,
    check: argv => usage(name, summary, argv, words),
    latencyUs: () => world.options.commandUs,
    look(call): Look {
      return { output: unlessUnknown(() => ok(`${answer(call.argv.slice(1))}\n`), message => failed(`${name}: ${message}\n`)), afterUs: 0, stableUntilUs: moves ? world.sim.now : Number.POSITIVE_INFINITY }
    },
    *run(): Process<Output> {
      throw new Error(`toy: ${name} only reads`)
    },
  }
}

function unlessUnknown<T>(act: () => T, otherwise: (message: string) => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof NoMemberError) return otherwise(error.message)
    throw error
  }
}

function usage(name: string, summary: string, argv: readonly string[], words: number): readonly Finding[] {
  return argv.length - 1 >= words ? [] : [{ severity: 'error', message: `${name}: ${summary}; it needs ${words} argument${words === 1 ? '' : 's'}` }]
}

export function toyCommands(world: ToyWorld): CommandRegistry {
  const done = (well: boolean, error: string): string | undefined => (well ? undefined : error)
  return new CommandRegistry('this workstation').register(
    program(world, 'promote', 'promote MEMBER', 1, ([m = '']) => done(world.promote(m), `${m} does not run as a follower`)),
    program(world, 'stop', 'stop MEMBER [--kill]', 1, ([m = '', how]) => done(world.stop(m, how === '--kill' ? 'killed' : 'clean', 'runbook'), `${m} does not run`)),
    program(world, 'start', 'start MEMBER [VERSION]', 1, ([m = '', version]) => done(world.start(m, version), `${m} runs or has no volume`)),
    program(world, 'route', 'route MEMBER|nobody', 1, ([m = '']) => {
      world.route(m === 'nobody' ? undefined : m)
      return undefined
    }),
    program(world, 'follow', 'follow MEMBER UPSTREAM [--rewind]', 2, ([m = '', upstream = '', how]) => {
      world.follow(m, upstream, how === '--rewind')
      return undefined
    }),
    program(world, 'pause', 'pause', 0, () => {
      world.hold(true)
      return undefined
    }),
    program(world, 'resume', 'resume', 0, () => {
      world.hold(false)
      return undefined
    }),
    program(world, 'destroy', 'destroy MEMBER', 1, ([m = '']) => {
      world.destroy(m, 'runbook')
      return undefined
    }),
    program(world, 'rent', 'rent NODES', 1, ([n = '0']) => {
      world.rent(Number(n))
      return undefined
    }),
    question(world, 'role', 'role MEMBER', 1, false, ([m = '']) => world.members().find(x => x.name === m)?.role ?? 'unknown'),
    question(world, 'lag', 'lag MEMBER', 1, true, ([m = '']) => String(world.member(m).copy?.lagBytes('receive') ?? '')),
  )
}
