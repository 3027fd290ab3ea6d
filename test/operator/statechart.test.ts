import fc from 'fast-check'
import { expect, test } from 'vitest'
import { getShortestPaths } from 'xstate/graph'
import { HOUR, MINUTE, Simulation } from '../../src/kernel/index.ts'
import { type ControlEvent, type OperatorObserver, type RunbookSource, type Slips, compileRunbook, diagram, startOperator } from '../../src/operator/index.ts'
import { type ChartEvent, followChart, statechart } from '../../src/operator/statechart.ts'
import { runbook } from './arbitrary.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

interface Trial {
  readonly source: RunbookSource
  readonly seed: string
  readonly kills: readonly { readonly atMs: number; readonly awayMs: number }[]
  readonly slips: readonly { readonly at: number; readonly what: 'skip' | 'swap' | 'again' }[]
  readonly turnsBackMs: number | null
  readonly killAtPhase: number | null
}

/** Runs the executor with the chart following, and compares them at every move of control. */
function compare(trial: Trial): { outcome: string | undefined; moves: number; kinds: Set<string> } {
  const sim = new Simulation({ seed: trial.seed })
  const world = new ToyWorld(sim)
  const plan = compileRunbook(trial.source)
  const chart = followChart(sim, plan)
  const wrong: string[] = []
  const kinds = new Set<string>()
  let moves = 0
  let steps = 0
  const repeated = new Set<string>()
  let phases = 0
  const observer: OperatorObserver = {
    control: (e: ControlEvent) => {
      moves += 1
      kinds.add(e.is)
      if (e.is === 'enter' || e.is === 'skip' || e.is === 'swap' || e.is === 'done' || e.is === 'fail') {
        if (chart.at !== e.step) wrong.push(`${moves}: executor ${e.is} ${e.step}, chart in ${chart.at} ${chart.substate}`)
      }
      chart.observer.control?.(e)
    },
    phase: () => {
      phases += 1
      if (phases === trial.killAtPhase) {
        run.kill()
        sim.after(2_500_000, () => run.resume())
      }
    },
  }
  const due = (what: string): boolean => trial.slips.some(slip => slip.what === what && slip.at === steps)
  const slips: Slips = {
    decide: (_step, _path, _visit, next) => {
      steps += 1
      return due('skip') ? 'skip' : due('swap') && next !== undefined ? 'swap' : undefined
    },
    again: (step, path, visit) => due('again') && !repeated.has(`${path} ${step} ${visit - 1}`) && repeated.add(`${path} ${step} ${visit}`).size > 0,
  }
  const run = startOperator(sim, plan, { registry: toyRegistry(world), deadlineUs: 2 * MINUTE, elide: true, observer, slips })
  for (const kill of trial.kills) {
    sim.call(kill.atMs * 1000, () => run.kill())
    sim.call((kill.atMs + kill.awayMs) * 1000, () => run.resume())
  }
  if (trial.turnsBackMs !== null) sim.call(trial.turnsBackMs * 1000, () => run.turnBack())
  sim.run(HOUR)
  expect(wrong).toEqual([])
  expect(chart.at).toBe(run.outcome)
  if (repeated.size > 0) kinds.add('again')
  return { outcome: run.outcome, moves, kinds }
}

const trial: fc.Arbitrary<Trial> = fc.record({
  source: runbook,
  seed: fc.integer({ min: 0, max: 1000 }).map(String),
  kills: fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 30_000 }), awayMs: fc.integer({ min: 1, max: 5_000 }) }), { maxLength: 3 }),
  slips: fc.array(fc.record({ at: fc.integer({ min: 1, max: 8 }), what: fc.constantFrom<'skip' | 'swap' | 'again'>('skip', 'swap', 'swap', 'again') }), { maxLength: 3 }),
  turnsBackMs: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 20_000 }) }),
  killAtPhase: fc.option(fc.integer({ min: 1, max: 25 })),
})

test('the statechart and the executor go the same way', () => {
  const outcomes: Record<string, number> = {}
  const met: Record<string, number> = {}
  fc.assert(
    fc.property(trial, t => {
      const { outcome, kinds } = compare(t)
      for (const kind of kinds) met[kind] = (met[kind] ?? 0) + 1
      outcomes[outcome ?? 'none'] = (outcomes[outcome ?? 'none'] ?? 0) + 1
    }),
    { numRuns: 500, seed: 11 },
  )
  // Not vacuous: every end is reached often.
  for (const outcome of ['completed', 'rolledBack', 'aborted', 'stuck']) expect(outcomes[outcome]).toBeGreaterThan(5)
  for (const kind of ['swap', 'skip', 'again', 'rollback', 'kill', 'resume']) expect(met[kind], kind).toBeGreaterThan(20)
}, 60_000)

const SMALL: RunbookSource = {
  format: 1, title: 'small', undo: 'set all 0',
  steps: [
    { id: 'scale', run: 'set n 4', undo: 'set n 3' },
    { id: 'pods', forEach: { list: ['a', 'b'], as: 'pod', steps: [{ id: 'sync', gate: 'get ${pod}', timeout: '1m', otherwise: { goto: 'scale' } }] } },
    { id: 'promote', run: 'set leader a', pointOfNoReturn: true, retry: { times: 1 } },
    { id: 'clean', run: 'set old gone', otherwise: 'continue' },
  ],
}

test('every path of a small runbook is walked, and all its ends are reached', () => {
  const events: ChartEvent[] = [{ type: 'ENTER' }, { type: 'DONE' }, { type: 'FAIL' }, { type: 'ITEMS', count: 0 }, { type: 'ITEMS', count: 2 }, { type: 'KILL' }, { type: 'RESUME' }]
  const paths = getShortestPaths(statechart(compileRunbook(SMALL)), {
    events, limit: 50_000, serializeState: s => JSON.stringify([s.value, (s as { context?: unknown }).context]),
  })
  const ends = new Set(paths.map(p => JSON.stringify(p.state.value)).filter(v => !v.startsWith('{')))
  expect([...ends].sort()).toEqual(['"aborted"', '"completed"', '"rolledBack"'])
  const visited = new Set(paths.flatMap(p => Object.keys(typeof p.state.value === 'string' ? {} : p.state.value)))
  expect([...visited].sort()).toEqual(compileRunbook(SMALL).steps.map(s => `s${s.index}`).sort())
  expect(paths.length).toBeGreaterThan(50)
})

test('the diagram', () => {
  expect(diagram(compileRunbook(SMALL))).toMatchInlineSnapshot(`
    "stateDiagram-v2
      direction TB
      s0 : scale · set n 4
      s1 : pods · for each pod in a b
      s2 : sync · until get \${pod}
      s3 : promote · set leader a (point of no return)
      s4 : clean · set old gone
      s5 : undo of scale · set n 3
      s6 : undo of runbook · set all 0
      [*] --> s0
      s0 --> s1
      s0 --> rollback : failed
      s1 --> s2 : each pod
      s1 --> s3 : no more
      s2 --> s1
      s2 --> s0 : failed
      s3 --> s4
      s3 --> s3 : retry 1×
      s3 --> rollback : failed
      s4 --> completed : done or failed
      s5 --> s6
      s5 --> aborted : failed
      s6 --> rolledBack
      s6 --> aborted : failed
      rollback : roll back what was started, newest first
      rollback --> s5
      completed --> [*]
      rolledBack --> [*]
      aborted --> [*]
    "
  `)
})
