import { expect, test } from 'vitest'
import { HOUR, Simulation, formatClock } from '../../src/kernel/index.ts'
import { compileRunbook, startOperator } from '../../src/operator/index.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

function rehearse(text: string, values: Record<string, string> = {}, prepare?: (w: ToyWorld) => void) {
  const sim = new Simulation({ seed: '1' })
  const world = new ToyWorld(sim)
  for (const [k, v] of Object.entries(values)) world.set(k, v)
  prepare?.(world)
  const run = startOperator(sim, compileRunbook(text), { registry: toyRegistry(world), deadlineUs: HOUR, elide: true })
  sim.run()
  return { world, run, journal: run.journal.toText(formatClock) }
}

test('a wheel in miniature: capture, choose, gate, write', () => {
  const { world, run } = rehearse(
    `
format: 1
title: wheel
steps:
  - run: get replicas
    as: lags
  - pick: { from: '\${lags}', separator: ',', column: 2, by: smallest, where: { column: 3, equals: streaming }, as: candidate }
  - id: caught-up
    gate: get \${candidate}
    expect: { max: 10 }
    every: 1s
    for: 2s
    timeout: 60s
    claims: caught-up(\${candidate})
  - run: set leader \${candidate}
    undo: set leader old
`,
    { replicas: 'pg-1,900,streaming\npg-2,5,broken\npg-3,30,streaming', 'pg-3': '5000' },
    w => w.at(7_300_000, 'pg-3', '3'),
  )
  expect(run.outcome).toBe('completed')
  expect(world.log).toEqual(['10400000 set leader pg-3'])
})

test('a failure takes back what was started, newest first', () => {
  const { world, run, journal } = rehearse(`
format: 1
title: back
steps:
  - { id: a, run: set a 1, undo: set a 0 }
  - id: pods
    forEach: { list: [x, y], as: pod, steps: [{ id: b, run: 'set \${pod} 1', undo: 'set \${pod} 0' }] }
  - { id: c, run: fail 3, undo: set c 0 }
undo: set all 0
`)
  expect(run.outcome).toBe('rolledBack')
  expect(run.reason).toBe('step c failed: `fail 3` ended with status 3: it failed')
  expect(world.log.map(l => l.split(' ').slice(1).join(' '))).toEqual(['set a 1', 'set x 1', 'set y 1', 'fail 3', 'set c 0', 'set y 0', 'set x 0', 'set a 0', 'set all 0'])
  expect(journal).toMatchInlineSnapshot(`
    "00:00.000 a #1 started
    00:00.120 a #1 done
    00:00.120 pods #1 started
    00:00.120 b #1 started
    00:00.240 b #1 done
    00:00.240 b #2 started
    00:00.360 b #2 done
    00:00.360 pods #1 done
    00:00.360 c #1 started
    00:00.470 c #1 failed: \`fail 3\` ended with status 3: it failed
    00:00.470 undo of c #1 started
    00:00.590 undo of c #1 done
    00:00.590 undo of b #1 started
    00:00.710 undo of b #1 done
    00:00.710 undo of b #2 started
    00:00.830 undo of b #2 done
    00:00.830 undo of a #1 started
    00:00.950 undo of a #1 done
    00:00.950 undo of runbook #1 started
    00:01.070 undo of runbook #1 done
    00:01.070 undo of  #0 outcome: rolledBack"
  `)
})
