/** The operator of scripts against the chart of a script's life, by property: whatever happens, only what was begun is done, and no end comes out of nowhere. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HOUR, MINUTE, Simulation } from '../../src/kernel/index.ts'
import { type OperatorObserver, scriptPlan, startOperator } from '../../src/operator/index.ts'
import { followScript } from '../../src/operator/statechart.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

const LINES = [
  './set a 1', 'work 1', 'fail 1', 'fail 1 || ./set b 1', 'sleep 3', 'put c 2', 'retry fail 1 || true', './set a 2; work 1', 'for i in 1 2 3; do ./set i $i; sleep 1; done', 'work 1 & work 1; wait', '(work 1; ./set s 1)',
  'x=$(get a); ./set b "$x"', 'until get ready; do sleep 20; done', 'if get a; then work 1; fi', 'work 1 | cat', 'exit 3', 'both', 'true', 'eval "./set e 1"', 'timeout 2 work 9',
]
const HEADS = ['', 'set -e', "trap './set undone 1' EXIT", "trap 'fail 1' EXIT", "trap './set undone 1; exit 1' INT", 'set -e; back() { put undone 1; work 1; }; trap back EXIT']
const FUNCTIONS = 'put() { ./set "$1" "$2"; }\nretry() { local n=3; until "$@"; do (( n-- > 0 )) || return 1; sleep 1; done; }\nboth() {\n  work 1\n  put two 2\n}\n'

const trial = fc.record({
  head: fc.constantFrom(...HEADS),
  body: fc.array(fc.constantFrom(...LINES), { minLength: 1, maxLength: 7 }),
  kills: fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 20_000 }), awayMs: fc.integer({ min: 1, max: 5_000 }) }), { maxLength: 3 }),
  turnsBackMs: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 15_000 }) }),
  killAtPhase: fc.option(fc.integer({ min: 1, max: 15 })),
  skipAt: fc.option(fc.integer({ min: 1, max: 6 })),
})

test('the operator of scripts and the chart of a script’s life go the same way', () => {
  const met: Record<string, number> = {}
  fc.assert(
    fc.property(trial, ({ head, body, kills, turnsBackMs, killAtPhase, skipAt }) => {
      const sim = new Simulation({ seed: '1' })
      const chart = followScript(sim)
      let phases = 0
      let decided = 0
      const observer: OperatorObserver = {
        ...chart.observer,
        control: e => {
          met[e.is] = (met[e.is] ?? 0) + 1
          chart.observer.control?.(e)
        },
        phase: () => {
          phases += 1
          if (phases !== killAtPhase) return
          run.kill()
          sim.after(2_500_000, () => run.resume())
        },
      }
      const plan = scriptPlan([{ file: 'a.sh', text: `${FUNCTIONS}${head}\n${body.join('\n')}\n` }])
      const run = startOperator(sim, plan, { registry: toyRegistry(new ToyWorld(sim)), deadlineUs: 2 * MINUTE, elide: true, observer, slips: { decide: () => ((decided += 1) === skipAt ? 'skip' : undefined) } })
      for (const kill of kills) {
        sim.call(kill.atMs * 1000, () => run.kill())
        sim.call((kill.atMs + kill.awayMs) * 1000, () => run.resume())
      }
      if (turnsBackMs !== null) sim.call(turnsBackMs * 1000, () => run.turnBack())
      sim.run(HOUR)
      expect(chart.refused).toEqual([])
      expect(chart.at).toBe(run.outcome)
      if (run.outcome === 'completed') expect(chart.open).toEqual([])
      met[run.outcome ?? 'none'] = (met[run.outcome ?? 'none'] ?? 0) + 1
    }),
    { numRuns: 400, seed: 7 },
  )
  // Not vacuous: every end and every turn is met often.
  for (const what of ['completed', 'rolledBack', 'aborted', 'stuck', 'enter', 'done', 'skip', 'kill', 'resume', 'rollback', 'deadline']) expect(met[what], what).toBeGreaterThan(10)
}, 60_000)
