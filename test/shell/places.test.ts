/** To which line a command belongs, and what makes a failed script one that has rolled back. */
import { describe, expect, test } from 'vitest'
import { Simulation } from '../../src/kernel/index.ts'
import { type CommandRegistry, type OperatorRun, scriptPlan, startOperator } from '../../src/operator/index.ts'
import { ToyWorld, toyRegistry } from '../operator/toy.ts'

interface Told {
  readonly run: OperatorRun
  /** `step#visit command words`. */
  readonly typed: string[]
  readonly steps: string[]
}

/** `work NAME` takes a second, `./set K V` sets, `get K` prints, `fail N` fails: the toy's commands. */
function rehearse(text: string, options: { readonly mounted?: ReadonlyMap<string, string>; readonly registry?: (registry: CommandRegistry) => CommandRegistry } = {}): Told {
  const sim = new Simulation({ seed: '1' })
  const plan = scriptPlan([{ file: 'a.sh', text }], options.mounted)
  const typed: string[] = []
  const registry = toyRegistry(new ToyWorld(sim))
  const run = startOperator(sim, plan, {
    registry: options.registry?.(registry) ?? registry, deadlineUs: 3_600_000_000, elide: true,
    observer: { phase: e => void (e.phase === 'await' && typed.push(`${e.step}#${e.visit} ${e.command} ${e.argv?.join(' ')}`)) },
  })
  sim.run()
  return { run, typed, steps: plan.steps.map(step => step.id) }
}

describe('the line of a command', () => {
  test('is the one that calls the helpers it stands in; a call is one visit, however often it tries', () => {
    const told = rehearse(`retry() {
  local left=$1; shift
  until "$@"; do (( left-- > 0 )) || return 1; sleep 1; done
}
put() { timeout 5 ./set "$1" "$2"; }
attempt() { retry 2 "$@"; }
retry 2 put a 1
attempt fail 1 || true
put b 2
`)
    expect(told.steps).toEqual(['L7', 'L8', 'L9'])
    expect(told.typed).toEqual(['L7#1 1 ./set a 1', 'L8#1 1 fail 1', 'L8#1 2 sleep 1', 'L8#1 3 fail 1', 'L8#1 4 sleep 1', 'L8#1 5 fail 1', 'L9#1 1 ./set b 2'])
  })

  test('is its own in a function that does several things, and a call in a loop is a visit each time', () => {
    const told = rehearse(`put() { ./set "$1" "$2"; }
move() {
  put "$1" 1
  put "$1" 2
}
for i in a b; do move $i; done
`)
    expect(told.steps).toEqual(['L3', 'L4'])
    expect(told.typed).toEqual(['L3#1 1 ./set a 1', 'L4#1 1 ./set a 2', 'L3#2 1 ./set b 1', 'L4#2 1 ./set b 2'])
  })

  test('a helper handed a function with steps of its own is only where it waits', () => {
    const told = rehearse('retry() { until "$@"; do sleep 1; done; }\nboth() {\n  ./set a 1\n  ./set b 1\n}\nretry both\n')
    expect(told.steps).toEqual(['L3', 'L4'])
    expect(told.typed).toEqual(['L3#1 1 ./set a 1', 'L4#1 1 ./set b 1'])
  })

  test('in a function of a file that is sourced is the line of the script that called it: no line of that file is one of the script’s', () => {
    const lib = '\n\nretry() {\n  until "$@"; do sleep 1; done\n}\nboth() {\n  ./set x 1\n  ./set y 1\n}\n'
    const told = rehearse('source ./lib.sh\n./set a 1\nretry ./set b 1\nboth\n./set c 1\n./set d 1\n./set e 1\n', { mounted: new Map([['/root/lib.sh', lib]]) })
    expect(told.typed).toEqual(['L2#1 1 ./set a 1', 'L3#1 1 ./set b 1', 'L4#1 1 ./set x 1', 'L4#1 2 ./set y 1', 'L5#1 1 ./set c 1', 'L6#1 1 ./set d 1', 'L7#1 1 ./set e 1'])
  })
})

describe('a script that fails has rolled back', () => {
  const outcome = (script: string): string | undefined => rehearse(script).run.outcome
  test('if its trap looks at what fails, and goes on until it succeeds', () => {
    expect(outcome('n=0\nsometimes() { (( ++n > 2 )) || fail 1; }\nback() { until sometimes; do sleep 1; done; ./set a 0; }\ntrap back EXIT\nexit 1\n')).toBe('rolledBack')
    expect(outcome('trap "fail 1 || ./set a 0" EXIT\nexit 1\n')).toBe('rolledBack')
    expect(outcome('trap "./set a 0; [ -f /nowhere ] && ./set b 0" EXIT\nexit 1\n')).toBe('rolledBack')
  })

  test('but not if it passes a failure over, or says itself that it could not', () => {
    expect(outcome('trap "fail 1; ./set a 0" EXIT\nexit 1\n')).toBe('aborted')
    expect(outcome('back() { ./set a 0; fail 1 || return 1; }\ntrap back EXIT\nexit 1\n')).toBe('aborted')
    expect(outcome('set -e\nback() { fail 1; ./set a 0; }\ntrap back EXIT\nexit 1\n')).toBe('aborted')
  })
})

test('a program is called by nobody in particular, as a step calls it: it goes by its own default', () => {
  const users: unknown[] = []
  const registry = (all: CommandRegistry): CommandRegistry => all.register({ name: 'who', summary: '', check: () => [], latencyUs: () => 1, look: () => undefined, *run(call) { users.push(call.user); return { out: '', err: '', code: 0 } } })
  expect(rehearse('who\n', { registry }).run.outcome).toBe('completed')
  expect(users).toEqual([undefined])
})
