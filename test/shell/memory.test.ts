/** What a script has read before is not made anew while the world is as it was: with and without that, every rehearsal is the same, event by event. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, scriptPlan, startOperator } from '../../src/operator/index.ts'
import { rehearse, runSeed, scheduleFor } from '../../src/rehearsal.ts'
import { loadScenario } from '../../src/scenario/index.ts'

/** Seeds among them whose gates poll `kubectl exec` while a node is lost or a container starts: what the models owe to whoever leaves a poll out. */
describe.each([
  ['redis-rolling-replace/verified', [3, 14]],
  ['redis-rolling-replace/verified-script', [17]],
  ['postgres-ferris-wheel/fenced-script', [0, 1]],
  ['postgres-rotate-in-place/fenced-script', [3]],
] as const)('%s under faults', (name, runs) => {
  test.each(runs)('run %i', run => {
    const scenario = loadScenario(name, engines)
    const options = { scenario, seed: runSeed('e', run), schedule: scheduleFor(scenario, 'e', run, 2) }
    expect(rehearse(options).hash).toBe(rehearse({ ...options, elide: false }).hash)
  })
})

/** A world of one number that changes now and then; `number` prints it, `luck` what its own luck is, `count` how often it was asked, `input` what it is given. */
function play(script: string, changesMs: readonly number[], elide: boolean): { hash: string; asked: number; printed: string } {
  const sim = new Simulation({ seed: '1' })
  let value = 0
  let asked = 0
  const reader = (name: string, read: (call: Parameters<Command['look']>[0]) => string, stable = Number.POSITIVE_INFINITY): Command => ({
    name, summary: name, check: () => [], latencyUs: call => 1_000 + Math.floor(sim.chance.draw(call.key, name, call.nth) * 50_000),
    look: call => ((asked += 1), { output: { out: `${read(call)}\n`, err: '', code: 0 }, afterUs: 100 + value, stableUntilUs: stable === 0 ? sim.now : stable }),
    *run() { throw new Error('never') },
  })
  const registry = new CommandRegistry('toy').register(
    reader('number', () => String(value)), reader('moving', () => String(sim.now), 0), reader('input', call => call.stdin),
    reader('luck', call => sim.chance.draw(call.key, 'luck', call.nth).toFixed(3)), reader('variable', call => call.env?.['V'] ?? 'none'),
  )
  for (const ms of changesMs) {
    sim.after(ms * 1_000, () => {
      value += 1
      sim.touch()
    })
  }
  let printed = ''
  startOperator(sim, scriptPlan([{ file: 'a.sh', text: script }]), { registry, deadlineUs: 3_600_000_000, elide, terminal: text => void (printed += `${sim.now} ${text}\n`) })
  sim.run(20_000_000)
  return { hash: sim.traceHash(), asked, printed }
}

test('property: every line is printed at the same instant, whatever is asked how often and whenever the world changes', () => {
  const commands = ['number', 'moving', 'luck', 'echo $RANDOM | input', 'input', 'input <<< "$i"', 'export V=$i; variable', 'V=2 variable', 'x=$(number); echo "$x"', 'number | tr 0 o', 'for j in 1 2; do number; done', '[[ $(number) == 0 ]] || luck', 'while read -r l; do echo "$l"; input; done <<< "a"', '(number; variable)']
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...commands), { minLength: 1, maxLength: 4 }), fc.array(fc.integer({ min: 0, max: 9_000 }), { maxLength: 5 }), (body, changes) => {
      const script = `for i in 1 2 3 4 5 6; do\n  ${body.join('\n  ')}\n  sleep 0.7\ndone\n`
      const { hash, printed } = play(script, changes, true)
      const full = play(script, changes, false)
      expect({ hash, printed }).toEqual({ hash: full.hash, printed: full.printed })
    }),
    { numRuns: 300, seed: 5 },
  )
})

test('not vacuous: an untouched world is read once, one that moves by itself, has luck in it or reads its input, where there is any, each time', () => {
  const asked = (command: string): number => play(`for i in 1 2 3 4; do ${command}; sleep 1; done\n`, [2_500], true).asked
  expect(asked('number')).toBe(2)
  expect(asked('moving')).toBe(4)
  expect(asked('luck')).toBe(4)
  expect(asked('while read -r l; do input; done <<< "a"')).toBe(4)
  // Of nothing to read there is nothing to read twice.
  expect(asked('input')).toBe(2)
  expect(asked('V=$i variable')).toBe(4)
})
