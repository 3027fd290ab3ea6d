/** Commands of one's own: said in the scenario, known to `check`, run by steps, scripts and `kubectl exec`, carried by what replays. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenarioFrom, type Scenario, ScenarioError } from '../../src/scenario/index.ts'
import { toy } from '../toy/engine.ts'

const all = [...engines, toy]
const load = (commands: string, runbook: string, engine = 'toy', file = 'mine.runbook.yaml'): Scenario =>
  loadScenarioFrom({ name: 'own', yaml: `format: 1\ncluster: { engine: ${engine} }\n${commands}runbook: ${file}\ndeadline: 1h\n`, files: { [file]: runbook }, set: {} }, all)
const steps = (...lines: readonly string[]): string => `format: 1\ntitle: Mine\nsteps:\n${lines.map(line => `  - ${line}\n`).join('')}`
const run = (scenario: Scenario, seed = '1') => rehearse({ scenario, schedule: [], seed, record: true })
const told = (scenario: Scenario, seed = '1') => run(scenario, seed).story?.commands.map(({ argv, out, err, code }) => `${argv.join(' ')} → ${code} ${out}${err}`.trim())

function complaint(commands: string, runbook = steps('run: route m1')): string {
  try {
    load(commands, runbook)
  } catch (error) {
    if (error instanceof ScenarioError) return error.message
    throw error
  }
  return 'accepted'
}

describe('what they answer', () => {
  const PAGE = 'commands:\n  page:\n    - { args: "^--who", output: "ann\\nbob", duration: 2s }\n    - { args: "^send ann$", error: no route, exit: 3 }\n'

  test('the first answer that fits: output, standard error, exit status, and the time it takes', () => {
    const scenario = load(PAGE, steps('{ run: page --who | tail -1, as: who }', '{ run: "page send ann", otherwise: continue }', 'run: page --who ${who}'))
    const result = run(scenario)
    expect(result.outcome).toBe('completed')
    expect(result.story?.commands.map(({ argv, code }) => `${argv.join(' ')} ${code}`)).toEqual(['page --who 0', 'page send ann 3', 'page --who bob 0'])
    const [first, second] = result.steps
    expect(((first?.endUs ?? 0) - (first?.startUs ?? 0)) / 1e6).toBeCloseTo(2, 3)
    expect(((second?.endUs ?? 0) - (second?.startUs ?? 0)) / 1e6).toBeCloseTo(0.1, 3)
  })

  test('in a script as in steps: output, status and time', () => {
    const script = 'set -u\nwho=$(page --who | head -1)\npage send "$who"; status=$?\n[ "$status" = 3 ] || exit 9\n[ "$who" = ann ]\n'
    expect(told(load(PAGE, script, 'toy', 'mine.sh'))).toEqual(['page --who → 0 ann\nbob', 'page send ann → 3 no route'])
    const result = run(load(PAGE, script, 'toy', 'mine.sh'))
    expect(result.outcome).toBe('completed')
    expect(result.measures.durationSeconds).toBeGreaterThan(2.1)
    expect(result.measures.durationSeconds).toBeLessThan(2.3)
  })

  test('what none fits goes to the command that the cluster has, else it is an error that names them', () => {
    const stub = 'commands: { route: { args: "^--dry-run", output: would } }\n'
    const scenario = load(stub, steps('run: route --dry-run m2', 'run: route m1'))
    expect(told(scenario)).toEqual(['route --dry-run m2 → 0 would', 'route m1 → 0 route: done'])
    expect(complaint(PAGE, steps('run: page nobody'))).toContain('`page` on this workstation has no answer to `page nobody`; there are answers for: /^--who/, /^send ann$/')
    expect(complaint(stub, steps('run: route'))).toContain('it needs 1 argument')
  })

  test('a spread is drawn for each call: by its name, within its bounds, the same for the same seed', () => {
    const scenario = load('commands: { slow: { duration: { min: 1s, usual: 2s, max: 9s } } }\n', steps('run: slow', 'run: slow', 'run: slow'))
    const seconds = (seed: string): readonly number[] => run(scenario, seed).steps.map(step => ((step.endUs ?? 0) - step.startUs) / 1e6)
    expect(seconds('1')).toEqual(seconds('1'))
    const drawn = ['1', '2', '3', '4', '5'].flatMap(seconds)
    expect(new Set(drawn).size).toBe(15)
    for (const value of drawn) expect(value).toBeGreaterThanOrEqual(1)
    for (const value of drawn) expect(value).toBeLessThan(9.001)
  })

  test('a gate that polls one skips the polls that cannot differ, and nothing else', () => {
    const scenario = load('commands: { ready: { output: "no", duration: { median: 200ms, p95: 900ms } } }\n', steps('{ gate: ready, expect: { equals: "yes" }, every: 1s, timeout: 5m, otherwise: continue }'))
    const [elided, polled] = [true, false].map(elide => rehearse({ scenario, schedule: [], seed: '1', elide }))
    expect(elided?.hash).toBe(polled?.hash)
    expect(elided?.gates).toEqual(polled?.gates)
    expect(elided?.eventsRun).toBeLessThan((polled?.eventsRun ?? 0) - 200)
  })
})

test('inside `kubectl exec`, alone and under bash; only where it is installed', () => {
  const where = (place: string): string => `commands: { backup-now: { output: saved, duration: 90s, where: ${place} } }\n`
  const pod = 'kubectl exec postgres-cluster-1 --'
  const script = `${pod} backup-now && ${pod} bash -c "backup-now && echo after"\n`
  expect(told(load(where('containers'), script, 'postgres', 'mine.sh'))).toEqual([
    `${pod} backup-now → 0 saved`,
    'kubectl exec postgres-cluster-1 -- bash -c backup-now && echo after → 0 saved\nafter',
  ])
  expect(run(load(where('everywhere'), steps(`run: ${pod} backup-now`), 'postgres')).measures.durationSeconds).toBeGreaterThan(90)
  expect(() => load(where('workstation'), script, 'postgres', 'mine.sh')).toThrow('`backup-now` is not modelled on container postgres')
  expect(() => load(where('containers'), 'backup-now\n', 'postgres', 'mine.sh')).toThrow('`backup-now` is not modelled on the operator')
})

test('the source that replay files carry holds them', () => {
  const scenario = load('commands: { mine: { output: here, exit: 4 } }\n', steps('{ run: mine, otherwise: continue }'))
  expect(told(loadScenarioFrom(scenario.source, all))).toEqual(['mine → 4 here'])
})

test.each([
  ['commands: { a b: { output: x } }\n', 'one word without a path'],
  ['commands: { cd: { output: x } }\n', 'a builtin of the shell'],
  ['commands: { mine: { outptu: x } }\n', 'outptu'],
  ['commands: { mine: { exit: 900 } }\n', '255'],
  ['commands: { mine: { args: "(" } }\n', 'regular expression'],
  ['commands: { mine: { duration: soon } }\n', '{ min: 1s, usual: 2s, max: 5s }'],
  ['commands: { mine: { duration: { min: 5s, max: 1s } } }\n', '{ min: 1s, usual: 2s, max: 5s }'],
  ['commands: { mine: [{ output: 5 }] }\n', '`0.output`'],
  ['commands: { mine: 7 }\n', 'a command is what it answers'],
])('%s is one clear error with its line', (commands, message) => {
  const said = complaint(commands)
  expect(said.split('\n').filter(line => /^\S*:\d+:/.test(line))).toEqual([expect.stringContaining('own.yaml:3:')])
  expect(said).toContain(message)
})
