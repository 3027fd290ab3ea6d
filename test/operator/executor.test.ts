import { expect, test } from 'vitest'
import { z } from 'zod'
import { HOUR, Simulation, formatClock } from '../../src/kernel/index.ts'
import { type GateEvent, type OperatorOptions, type PhaseEvent, RunbookSchema, UnsupportedError, compileRunbook, startOperator } from '../../src/operator/index.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

function rehearse(text: string, values: Record<string, string> = {}, prepare?: (w: ToyWorld) => void, options: Partial<OperatorOptions> = {}) {
  const sim = new Simulation({ seed: '1' })
  const world = new ToyWorld(sim)
  for (const [k, v] of Object.entries(values)) world.set(k, v)
  prepare?.(world)
  const run = startOperator(sim, compileRunbook(text), { registry: toyRegistry(world), deadlineUs: HOUR, elide: true, ...options })
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

const typed = (log: readonly string[]): string[] => log.map(line => line.split(' ').slice(1).join(' '))

test('continue is a script without set -e: the next command of the list is typed too', () => {
  const { world, run } = rehearse('format: 1\ntitle: t\notherwise: continue\nsteps:\n  - run: [fail 1, set a 1]\n  - set b 1\n')
  expect([run.outcome, typed(world.log)]).toEqual(['completed', ['fail 1', 'set a 1', 'set b 1']])
  const strict = rehearse('format: 1\ntitle: t\nsteps:\n  - run: [fail 1, set a 1]\n  - set b 1\n')
  expect([strict.run.outcome, typed(strict.world.log)]).toEqual(['aborted', ['fail 1']])
})

test('a watch is ended by the person, commands in parallel start together, a condition skips, a goto goes', () => {
  const { world, run, journal } = rehearse(`
format: 1
title: t
vars: { mode: fast }
steps:
  - { id: watch, run: work 900, timeout: 60s, otherwise: continue }
  - { id: pause, parallel: [work 3, work 5, set p 1] }
  - { id: slow, run: set slow 1, when: { value: '\${mode}', not: fast } }
  - { id: try, gate: get never, every: 1s, timeout: 2s, otherwise: { goto: last } }
  - { id: between, run: set between 1 }
  - { id: last, run: get p, as: p, expect: { equals: 1 } }
`)
  expect(run.outcome).toBe('completed')
  expect(run.vars.get('p')).toBe('1')
  expect(typed(world.log)).toEqual(['work 900', 'work 3', 'work 5', 'set p 1'])
  expect(journal).toMatchInlineSnapshot(`
    "00:00.000 watch #1 started
    01:00.000 watch #1 failed: \`work 900\` ended with status 130: ^C
    01:00.000 watch #1 done: failed, went on
    01:00.000 pause #1 started
    01:05.100 pause #1 done
    01:05.100 slow #0 skipped: its condition does not hold
    01:05.100 try #1 started
    01:07.100 try #1 failed: \`get never\` did not hold in time; last output: nothing, which is no data
    01:07.100 last #1 started
    01:07.250 last #1 done
    01:07.250  #0 outcome: completed"
  `)
})

test('words: blanks in an unquoted variable separate, an empty one vanishes, single quotes keep it whole', () => {
  const { world } = rehearse(`
format: 1
title: t
vars: { two: x y, none: '' }
steps:
  - set \${two}
  - set "\${two}" 1
  - set '{"a":"\${two}"}' \${none} b\${two}
  - set '$\${two}' $'\\t'
`)
  expect(world.log.map(l => l.slice(l.indexOf(' ') + 1))).toEqual(['set x y', 'set x y 1', 'set {"a":"x y"} bx y', 'set ${two} \t'])
})

test('a circle that takes no time does not hang: every further round takes a second', () => {
  const { run } = rehearse("format: 1\ntitle: t\nsteps:\n  - { id: a, note: look }\n  - { pick: { from: '', as: x }, otherwise: { goto: a } }\n")
  expect([run.outcome, run.journal.entries.filter(e => e.step === 'a' && e.what === 'started').length]).toEqual(['stuck', 3601])
})

test('missing data: a careless gate passes on it and says so', () => {
  const gates: GateEvent[] = []
  const observer = { gate: (e: GateEvent) => gates.push(e) }
  const text = (missing: string, expectation: string): string => `format: 1\ntitle: t\nsteps:\n  - { gate: get lag, expect: ${expectation}, missing: ${missing}, timeout: 7s, claims: [caught-up(pg-1), one-leader], otherwise: continue }\n`
  for (const [missing, expectation, lag] of [['pass', '{ max: 1 }', ''], ['fail', '{ max: 1 }', ''], ['fail', '{ max: 1 }', 'NULL'], ['fail', '{ count: 0 }', ''], ['fail', '{ not: x }', ''], ['fail', '{ max: 1 }', '0\n3'], ['fail', '{ max: 3, min: 0 }', '0\n3']] as const) {
    rehearse(text(missing, expectation), { lag }, undefined, { observer })
  }
  expect(gates.map(g => `${g.passed ? 'passed' : 'failed'} after ${g.polls}${g.missing ? ', missing' : ''}, claims ${g.claims.length}`)).toEqual([
    'passed after 1, missing, claims 2', 'failed after 2, missing, claims 0', 'failed after 2, missing, claims 0', 'passed after 1, claims 2', 'failed after 2, missing, claims 0', 'failed after 2, claims 0', 'passed after 1, claims 2',
  ])
})

test('anchors: every phase, visit and command is told', () => {
  const events: string[] = []
  const observer = { phase: (e: PhaseEvent) => events.push(`${e.path} ${e.step} visit ${e.visit} ${e.phase}${e.command === undefined ? '' : ` ${e.command}`} ${formatClock(e.atUs)}`) }
  rehearse('format: 1\ntitle: t\nsteps:\n  - { id: a, run: [set a 1, flaky up], retry: { times: 1, every: 2s }, undo: set a 0 }\n  - { id: g, gate: get b, expect: { equals: 1 }, every: 1s, timeout: 2s }\n', { b: '0' }, w => w.at(1_000_000, 'up', 'up'), { observer, elide: false })
  expect(events).toMatchInlineSnapshot(`
    [
      "forward a visit 1 start 00:00.000",
      "forward a visit 1 await 1 00:00.000",
      "forward a visit 1 await 2 00:00.120",
      "forward a visit 2 start 00:02.230",
      "forward a visit 2 await 1 00:02.230",
      "forward a visit 2 await 2 00:02.350",
      "forward a visit 2 end 00:02.460",
      "forward g visit 1 start 00:02.460",
      "forward g visit 1 await 1 00:02.460",
      "forward g visit 1 await 2 00:03.460",
      "undo a visit 1 start 00:04.460",
      "undo a visit 1 await 1 00:04.460",
      "undo a visit 1 end 00:04.580",
    ]
  `)
})

test('operator errors: a step left out, done twice, typed on the wrong thing', () => {
  const plan = 'format: 1\ntitle: t\nsteps: [set a 1, set b 1, set c 1]\n'
  const slips = {
    decide: (step: string) => (step === '1' ? ('skip' as const) : undefined),
    again: (step: string, _path: string, visit: number) => step === '2' && visit === 1,
    retype: (argv: readonly string[]) => argv.map(word => (word === 'c' ? 'wrong' : word)),
  }
  const { world, run } = rehearse(plan, {}, undefined, { slips })
  expect([run.outcome, typed(world.log)]).toEqual(['completed', ['set b 1', 'set b 1', 'set wrong 1']])
})

test('a name nobody captured fails the step; a failed undo aborts; an unmodelled command is bad input', () => {
  expect(rehearse('format: 1\ntitle: t\nsteps:\n  - { run: get nothing, as: x, when: { value: a, equals: b } }\n  - set ${x} 1\n').run.reason).toBe('step 2 failed: ${x} has no value')
  const { run } = rehearse('format: 1\ntitle: t\nsteps:\n  - { id: a, run: fail 1, undo: fail 2 }\n')
  expect([run.outcome, run.reason]).toEqual(['aborted', 'step a of the rollback failed: `fail 2` ended with status 2: it failed'])
  expect(() => rehearse('format: 1\ntitle: t\nsteps: [kubectl get pods]\n')).toThrow(UnsupportedError)
})

test('the candidate is chosen by parsed columns', () => {
  const chosen = (pick: string, rows: string): string | undefined => rehearse(`format: 1\ntitle: t\nsteps:\n  - { run: get rows, as: rows }\n  - pick: ${pick}\n`, { rows }).run.vars.get('c')
  const rows = 'NAME LSN STATE\npg-1 0/9000000 streaming\npg-2 1/10 streaming\npg-3 A/0 startup\npg-4 ? streaming'
  expect(chosen("{ from: '${rows}', skip: 1, column: 2, by: largest, where: { column: 3, equals: streaming }, as: c }", rows)).toBe('pg-2')
  expect(chosen("{ from: '${rows}', skip: 1, column: 2, by: smallest, compare: lsn, as: c }", rows)).toBe('pg-1')
  expect(chosen("{ from: '${rows}', separator: '|', column: 2, take: 3, as: c }", 'a|7|x\nb|12|y\nc||z')).toBe('y')
  expect(chosen("{ from: '${rows}', where: { column: 1, matches: '^z' }, as: c }", rows)).toBeUndefined()
})

test('the grammar can be published as a JSON Schema', () => {
  const schema = JSON.stringify(z.toJSONSchema(RunbookSchema, { io: 'input' }))
  for (const key of ['pointOfNoReturn', 'claims', 'forEach', 'parallel']) expect(schema).toContain(`"${key}"`)
})

test('fail stops on purpose, with its reason', () => {
  const text = (otherwise: string) => `format: 1\ntitle: t\nvars: { who: a person }\nsteps:\n  - { run: set a 1, undo: set a 0 }\n  - { id: call, fail: '\${who} decides', otherwise: ${otherwise} }\n  - run: set b 1\n`
  const aborted = rehearse(text('abort'))
  expect([aborted.run.outcome, aborted.run.reason]).toEqual(['aborted', 'step call failed: a person decides'])
  expect(rehearse(text('rollback')).run.outcome).toBe('rolledBack')
  expect(rehearse(text('continue')).run.outcome).toBe('completed')
})

test('collect gathers a line of each pass, afresh whenever the loop begins', () => {
  const { world, run } = rehearse(
    `
format: 1
title: ask around
vars: { again: '0' }
steps:
  - id: ask
    forEach: { list: [a, b, c], as: pod, steps: [{ run: 'get \${pod}', collect: found, otherwise: continue }] }
  - { run: get again, as: again }
  - { id: once-more, when: { value: '\${again}', equals: '' }, run: [set again 1, set b "b 9", fail 1], otherwise: { goto: ask } }
  - pick: { from: '\${found}', column: 2, by: largest, as: best }
  - run: set best \${best} of \${found}
`,
    { a: 'a 1', c: 'c 7', b: 'b 3', again: '' },
  )
  expect(run.outcome).toBe('completed')
  expect(world.log.at(-1)?.split(' ').slice(1).join(' ')).toBe('set best b of a 1 b 9 c 7')
  expect(() => compileRunbook('format: 1\ntitle: t\nsteps:\n  - { run: get a, collect: x }\n')).toThrow('`collect` gathers over the passes of a loop: put the step under `forEach`, or use `as`')
})
