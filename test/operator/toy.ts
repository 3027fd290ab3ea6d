import { NEVER, type Process, Simulation, type Us } from '../../src/kernel/index.ts'
import { type Call, type Command, CommandRegistry, type Look, type Output, failed, ok } from '../../src/operator/index.ts'

/** A world of named values that change at given instants, and commands that read and write it. */
export class ToyWorld {
  readonly values = new Map<string, string>()
  readonly log: string[] = []

  constructor(readonly sim: Simulation) {}

  set(name: string, value: string): void {
    this.values.set(name, value)
    this.sim.touch()
  }

  at(us: Us, name: string, value: string): void {
    this.sim.call(us, () => this.set(name, value))
  }
}

interface ToyOptions {
  readonly latencyUs?: (call: Call) => Us
  readonly afterUs?: (text: string) => Us
  readonly boundUs?: Us
}

/** `get NAME` (a look), `age` (moves by itself), `set NAME VALUE`, `fail [CODE]`, `work SECONDS`, `flaky NAME` (fails until NAME is `up`), `maybe N` (succeeds N times of ten). */
export function toyRegistry(world: ToyWorld, o: ToyOptions = {}): CommandRegistry {
  const latencyUs = o.latencyUs ?? ((): Us => 100_000)
  const command = (name: string, look: (call: Call) => Look | undefined, run: (call: Call) => Process<Output>): Command => ({
    name, summary: name, check: argv => (argv.length > 4 ? [{ severity: 'error', message: `\`${name}\` takes at most 3 arguments` }] : []),
    latencyUs, look, run,
    ...(o.boundUs === undefined ? {} : { latencyBoundUs: () => o.boundUs as Us }),
  })
  const effect = (act: (call: Call) => Process<Output>) => function* (call: Call): Process<Output> {
    world.log.push(`${world.sim.now} ${call.argv.join(' ')}`)
    return yield* act(call)
  }
  const none = (): undefined => undefined
  const never = function* (): Process<Output> { throw new Error('a look answered') }
  return new CommandRegistry('the toy').register(
    command('get', call => {
      const value = world.values.get(call.argv[1] ?? '')
      const output = value === undefined ? failed('no such value') : ok(value === '' ? '' : `${value}\n`)
      return { output, afterUs: o.afterUs?.(value ?? '') ?? 50_000, stableUntilUs: NEVER }
    }, never),
    command('age', () => ({ output: ok(`${Math.floor(world.sim.now / 1_000_000)}\n`), afterUs: 50_000, stableUntilUs: (Math.floor(world.sim.now / 1_000_000) + 1) * 1_000_000 }), never),
    command('set', none, effect(function* (call) {
      world.set(call.argv[1] ?? '', call.argv[2] ?? '')
      yield 20_000
      return ok(`${call.argv[1]} set\n`)
    })),
    command('fail', none, effect(function* (call) {
      yield 10_000
      return failed('it failed', Number(call.argv[1] ?? 1))
    })),
    command('work', none, effect(function* (call) {
      yield Number(call.argv[1]) * 1_000_000
      return ok('worked\n')
    })),
    command('maybe', none, effect(function* (call) {
      yield 30_000
      return world.sim.chance.draw(call.key, 'maybe', call.nth) * 10 < Number(call.argv[1]) ? ok('fine\n') : failed('bad luck')
    })),
    command('flaky', none, effect(function* (call) {
      yield 10_000
      return world.values.get(call.argv[1] ?? '') === 'up' ? ok('fine\n') : failed('not up')
    })),
  )
}
