import { expect, test } from 'vitest'
import { Simulation } from '../../src/kernel/index.ts'
import { RunbookError, checkRunbook, compileRunbook, forEach, formatFindings, gate, group, lint, pick, run, runbook, sleep } from '../../src/operator/index.ts'
import { ToyWorld, toyRegistry } from './toy.ts'

function errorOf(text: string): string {
  try {
    compileRunbook(text, 'x.runbook.yaml')
    return 'no error'
  } catch (error) {
    expect(error).toBeInstanceOf(RunbookError)
    return (error as Error).message
  }
}

test('every mistake is told at once, with its place and what would be right', () => {
  expect(errorOf(`format: 1
title: t
stpes: []
steps:
  - run: a
    onFailure: continue
  - gate: b
    expext: { equals: 1 }
    timeout: 30
  - pick: { from: x, as: 1bad }
  - forEach: { lines: x, as: y, steps: [{ sleep: 5 }] }
`)).toMatchInlineSnapshot(`
  "x.runbook.yaml:3:1: unknown key \`stpes\`; did you mean \`steps\`? Known here: format, title, description, source, vars, otherwise, steps, undo
  x.runbook.yaml:6:5: unknown key \`onFailure\`; did you mean \`otherwise\`? Known here: id, title, note, when, run, parallel, gate, sleep, fail, pick, as, collect, expect, missing, for, every, timeout, claims, otherwise, retry, resume, pointOfNoReturn, forEach, steps, undo
  x.runbook.yaml:8:5: unknown key \`expext\`; did you mean \`expect\`? Known here: id, title, note, when, run, parallel, gate, sleep, fail, pick, as, collect, expect, missing, for, every, timeout, claims, otherwise, retry, resume, pointOfNoReturn, forEach, steps, undo
  x.runbook.yaml:9:5: \`steps[2].timeout\`: a duration is written with its unit: 30s, 5m, 1h30m, 500ms
  x.runbook.yaml:10:22: \`steps[3].pick.as\`: a name is letters, digits, _ and -, and begins with a letter
  x.runbook.yaml:11:43: \`steps[4].forEach.steps[1].sleep\`: a duration is written with its unit: 30s, 5m, 1h30m, 500ms"
`)
  expect(errorOf(`format: 1
title: t
steps:
  - id: first
    run: a "unfinished
  - id: first
    run: a && b
  - run: c
    gate: d
  - sleep: 1s
    claims: one-leader
  - gate: e
    claims: [caught-upp(x), fenced]
    otherwise: { goto: frist }
  - run: a $(b)
    pointOfNoReturn: true
  - run: a > file
    pointOfNoReturn: true
    undo: [{ run: x, otherwise: rollback, undo: y }]
  - run: if true; then x; fi
  - {}
  - gate: x
    expect: { matches: '(' }
`)).toMatchInlineSnapshot(`
  "x.runbook.yaml:5:5: \`a "unfinished\` is no command line (unterminated double quote). Supported: words, quotes, \${variable}, | between programs, <<< and <<EOF, 2>&1, >/dev/null, NAME=value before the program
  x.runbook.yaml:6:5: the id \`first\` is taken by the step in line 4: an id names one step
  x.runbook.yaml:7:5: a step's command line cannot hold \`&&\` and \`||\`: write the commands as a list, a failing one ends the step (in \`a && b\`). Supported: words, quotes, \${variable}, | between programs, <<< and <<EOF, 2>&1, >/dev/null, NAME=value before the program
  x.runbook.yaml:9:5: a step does one thing, this one has \`run\` and \`gate\`: make two steps, or nest them under \`steps\`
  x.runbook.yaml:11:5: \`claims\` belongs to a step with \`gate\`, this one has \`sleep\`
  x.runbook.yaml:13:5: unknown claim \`caught-upp(x)\`; did you mean \`caught-up\`? A gate may claim caught-up, writable, one-leader, fenced, on-version
  x.runbook.yaml:13:5: the claim \`fenced\` takes 1 argument(s), \`fenced\` has 0
  x.runbook.yaml:14:5: goto \`frist\`: there is no such step; did you mean \`first\`? Steps: first, first, 3, 4, 5, 6, 7, 8, 9, 10
  x.runbook.yaml:15:5: a step's command line cannot hold \`$(b)\`: write \${name} for a captured output, and capture outputs with \`as\` (in \`a $(b)\`). Supported: words, quotes, \${variable}, | between programs, <<< and <<EOF, 2>&1, >/dev/null, NAME=value before the program
  x.runbook.yaml:17:5: a step's command line cannot hold the redirection \`> file\` (in \`a > file\`). Supported: words, quotes, \${variable}, | between programs, <<< and <<EOF, 2>&1, >/dev/null, NAME=value before the program
  x.runbook.yaml:18:5: a runbook has at most one point of no return, and line 15 declares it
  x.runbook.yaml:19:22: a rollback cannot be rolled back: use abort, continue or {goto: ID}
  x.runbook.yaml:19:43: an undo step has no undo of its own: leave it out
  x.runbook.yaml:20:5: a step's command line cannot hold if: that takes a shell script as the runbook (in \`if true; then x; fi\`). Supported: words, quotes, \${variable}, | between programs, <<< and <<EOF, 2>&1, >/dev/null, NAME=value before the program
  x.runbook.yaml:21:5: a step needs one of run, parallel, gate, sleep, fail, pick, forEach, steps or note
  x.runbook.yaml:23:15: \`(\` is no regular expression: Invalid regular expression: /(/m: Unterminated group"
`)
  expect(errorOf('format: 2\ntitle: t\nsteps: [a]')).toMatchInlineSnapshot(`"x.runbook.yaml:1:1: \`format\`: this version of Proofroll reads format: 1"`)
  expect(errorOf('format: 1\ntitle: t: u\nsteps: [a]')).toMatchInlineSnapshot(`"x.runbook.yaml:2:8: this is not YAML: nested mappings are not allowed in compact mappings"`)
  expect(errorOf('format: 1\ntitle: t\nsteps:\n  - id: a\n\trun: a\n  - id: b\n    run: |\n\t\ta\n')).toMatchInlineSnapshot(`"x.runbook.yaml:5:1: this is not YAML: tabs are not allowed as indentation (nor in line 8); indent with spaces"`)
})

test('check finds every unsupported command and everything static, in the order of the file', () => {
  const plan = compileRunbook(`format: 1
title: t
steps:
  - run: kubctl get pods
  - run: get x
    as: x
    undo: set x 0
  - gate: get \${z} | grep -P x | jq .
  - gate: get \${later}
    missing: pass
    timeout: 1m
    otherwise: abort
  - run: get y
    as: later
    when: { value: '\${x}', equals: 1 }
    pointOfNoReturn: true
  - run: set \${later} 1 2 3 4
  - run: get y
    otherwise: rollback
`, 't.runbook.yaml')
  const registry = toyRegistry(new ToyWorld(new Simulation({ seed: '1' })))
  expect(formatFindings(plan, checkRunbook(plan, registry))).toMatchInlineSnapshot(`
    "t.runbook.yaml:4:5: error: step 1: the command \`kubctl\` is not modelled on the toy; there are: age, fail, flaky, get, maybe, set, work. If it does nothing to this cluster: \`--set commands.kubctl={}\` lets it print nothing and succeed; what else it prints is said in the scenario, \`commands: { kubctl: { output: … } }\` (in \`kubctl get pods\`)
    t.runbook.yaml:8:5: error: step 3: \`grep -P\`. Supported: -c, -v, -i, -o, -q, -E, -F, -w, -x, -n, -h, -a, -s, -e, -m (in \`get \${z} | grep -P x | jq .\`)
    t.runbook.yaml:8:5: error: step 3: the command \`jq\` is not modelled on the toy; there are: age, fail, flaky, get, maybe, set, work. If it does nothing to this cluster: \`--set commands.jq={}\` lets it print nothing and succeed; what else it prints is said in the scenario, \`commands: { jq: { output: … } }\` (in \`get \${z} | grep -P x | jq .\`)
    t.runbook.yaml:8:5: error: step 3: \${z} is never captured; did you mean \${x}? Capture it with \`as\`, declare it under \`vars\`, or write $\${z} to leave it to an inner shell
    t.runbook.yaml:8:5: warning: step 3: this gate has no timeout: if it never holds, the runbook is stuck until its deadline
    t.runbook.yaml:9:5: error: step 4: \${later} is used before any step captures it
    t.runbook.yaml:9:5: warning: step 4: this gate passes when its command prints nothing or fails: a guard that holds on missing data guards nothing
    t.runbook.yaml:17:5: error: step 6: \`set\` takes at most 3 arguments (in \`set \${later} 1 2 3 4\`)
    t.runbook.yaml:17:5: warning: step 6: \${later} is not captured on every way to this step
    t.runbook.yaml:18:5: error: step 7: its failure leads to a rollback, but step 5 before it is the point of no return: use abort, continue or a goto"
  `)
})

test('an undo that nothing leads to, and a loop over nothing', () => {
  const plan = compileRunbook('format: 1\ntitle: t\notherwise: continue\nsteps:\n  - { run: a, undo: b }\n  - forEach: { list: [], as: x, steps: [c] }\n')
  expect(lint(plan).map(f => `${f.step} ${f.rule}`)).toEqual(['2.1 unreachable', 'undo of 1 never-undone'])
})

test('TypeScript and YAML give the same plan', () => {
  const written = compileRunbook(`
format: 1
title: both
vars: { target: 16 }
steps:
  - run: get replicas
    as: lags
    retry: { times: 2, every: 1s }
  - { pick: { from: '\${lags}', column: 2, by: smallest, where: [{ column: 3, equals: streaming }], as: candidate } }
  - forEach: { words: a b, as: pod, steps: [{ gate: 'get \${pod}', expect: { equals: '\${target}' }, timeout: 5m, claims: 'on-version(\${pod}, \${target})' }, { sleep: 10s }] }
  - { steps: ['set a 1', 'set b 1'], undo: set a 0, otherwise: abort }
`)
  const typed = compileRunbook(runbook({
    title: 'both',
    vars: { target: 16 },
    steps: [
      run('get replicas', { as: 'lags', retry: { times: 2, every: '1s' } }),
      pick({ from: '${lags}', column: 2, by: 'smallest', where: [{ column: 3, equals: 'streaming' }], as: 'candidate' }),
      forEach({ words: 'a b', as: 'pod', steps: [gate('get ${pod}', { expect: { equals: '${target}' }, timeout: '5m', claims: 'on-version(${pod}, ${target})' }), sleep('10s')] }),
      group(['set a 1', 'set b 1'], { undo: 'set a 0', otherwise: 'abort' }),
    ],
  }))
  const bare = (plan: object): unknown => JSON.parse(JSON.stringify(plan, (key, value) => (key === 'place' ? undefined : value instanceof Map ? [...value] : value === Infinity ? 'never' : value)))
  expect(bare(typed)).toEqual(bare(written))
})
