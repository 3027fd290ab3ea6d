/** Scripts that want something of whoever starts them: arguments, variables, answers at the terminal. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { ScenarioError, loadScenarioWritten, type Scenario } from '../../src/scenario/index.ts'
import { checkRunbook, formatFindings } from '../../src/operator/index.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { rehearse } from '../../src/rehearsal.ts'

function scenarioOf(script: string, given = '', set: Readonly<Record<string, string>> = {}): Scenario {
  const yaml = `format: 1\ncluster: { engine: postgres, name: ledger, serviceSelects: pod-name, kubernetes: { namespace: bank } }\nload: { writesPerSecond: 100 }\nrunbook: ./mine.sh\n${given}deadline: 2h\n`
  return loadScenarioWritten({ name: 'mine', folder: '/nowhere', yaml, files: { 'mine.sh': script } }, engines, { set })
}

function told(scenario: Scenario): string {
  return formatFindings(scenario.runbook, checkRunbook(scenario.runbook, scenario.engine.build(new Simulation({ seed: 'check' }), scenario.options).commands))
}

function refused(script: string, given = ''): string {
  try {
    scenarioOf(script, given)
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.replace(/\s+/g, ' ')
    throw error
  }
  return ''
}

const run = (scenario: Scenario) => rehearse({ scenario, seed: 'started/0', schedule: [] })

/** Asks twice: once for a key, once for a word. */
const ASKS = `#!/usr/bin/env bash
set -euo pipefail
read -p "Restart the primary? [y/N] " -n 1 -r
[[ $REPLY =~ ^[Yy]$ ]] || { echo "as you like"; exit 3; }
until [ "\${name:-}" = ledger ]; do read -rp "Its name, to be sure: " name || exit 4; done
kubectl -n bank delete pod "$name-0"
kubectl -n bank wait --for=condition=Ready "pod/$name-0" --timeout=10m
`

test('what is typed when a script asks is said in the scenario, each answer to one question', () => {
  const answered = scenarioOf(ASKS, 'script: { answers: [y, ledge, ledger] }\n')
  expect(told(answered)).not.toContain('nobody answers')
  const result = run(answered)
  expect(result.outcome).toBe('completed')
  expect(result.measures.writeDowntimeSeconds).toBeGreaterThan(1)
  expect(run(scenarioOf(ASKS, 'script: { answers: [n] }\n')).outcomeReason).toMatch(/ended with status 3 at line 4; the last line it printed: as you like$/)
})

test('where nobody sits at the terminal it fails as in CI, and both the check and the result say what to do', () => {
  const nobody = scenarioOf(ASKS)
  expect(told(nobody)).toContain('the script asks “Restart the primary? [y/N]”, and nobody answers: `read` fails, as in CI. What you would type: `--set script.answers=[y]`')
  const { outcome, outcomeReason } = run(nobody)
  expect(outcome).toBe('aborted')
  expect(outcomeReason).toMatch(/ended with status 1 at line 3; it asked, and nobody answered \(what is typed then: .*--set script\.answers=\[y\]/)
  // Answers run out, too.
  expect(run(scenarioOf(ASKS, 'script: { answers: [y] }\n')).outcomeReason).toContain('ended with status 4 at line 5; it asked, and nobody answered')
})

test('a loop that asks until it is told is no mystery', () => {
  const loop = 'while true; do read -p "y or n? " yn; case $yn in [Yy]*) break;; [Nn]*) exit;; *) echo "Please answer y or n.";; esac; done\nkubectl get pods -n bank\n'
  const stuck = run(scenarioOf(loop))
  expect(stuck.outcome).toBe('stuck')
  expect(stuck.outcomeReason).toContain('it asked, and nobody answered')
  expect(run(scenarioOf(loop, 'script: { answers: [perhaps, "y"] }\n')).outcome).toBe('completed')
})

test('answers are for `read` alone: what a program would read from the terminal is nothing, and a terminal is there only if somebody is', () => {
  const script = 'kubectl exec -i -n bank ledger-0 -- cat\ncat\n[ -t 0 ] || exit 8\n[[ -t 0 ]] || exit 9\n[ -t 1 ] && exit 10\nread -r x\n[ "$x" = go ] || exit 7\nkubectl get pods -n bank\n'
  expect(run(scenarioOf(script, 'script: { answers: [go] }\n')).outcomeReason).toBe('')
  expect(run(scenarioOf(script)).outcomeReason).toContain('status 8')
})

const TAKES = `#!/bin/bash
set -eu
NS=\${2:-staging}
SET="\${STS:-db}"
VERSION=$1
: "\${TICKET:?a change needs a ticket}"
kubectl -n "$NS" set image "statefulset/$SET" postgres="postgres:$VERSION"
kubectl -n "$NS" rollout status "statefulset/$SET" --timeout=30m
`

test('arguments and variables: what it wants is told before, what it is given is gone by', () => {
  // Without any it would be about another namespace and set, so that there is nothing to rehearse.
  expect(refused(TAKES)).toMatch(/there is no namespace `staging`.*there is no statefulset `db`/)
  const bare = scenarioOf(TAKES.replace('staging', 'bank').replace('-db}', '-ledger}'))
  expect(told(bare)).toContain('the script takes arguments (`$1` here), and is given none')
  expect(told(bare)).toContain('the script wants `$TICKET` set')
  expect(run(bare).outcomeReason).toContain('$1: unbound variable')
  const given = scenarioOf(TAKES, 'script: { arguments: [15.9, bank], environment: { STS: ledger, TICKET: 4711 } }\n')
  expect(told(given)).not.toMatch(/takes arguments|wants|there is no/)
  expect(run(given)).toMatchObject({ outcome: 'completed' })
})

test('an option loop wants nothing, and its `$1` is none that could be known', () => {
  const loop = 'NS=bank\nwhile [[ $# -gt 0 ]]; do case $1 in -n) NS=$2; shift 2;; *) echo "what is $1?"; exit 2;; esac; done\nif [ "${1:-}" = --force ]; then echo; fi\nkubectl -n "$NS" get pods\n'
  expect(told(scenarioOf(loop))).not.toContain('takes arguments')
  expect(told(scenarioOf(loop, 'script: { arguments: [-n, nowhere] }\n'))).not.toContain('there is no namespace `-n`')
  expect(told(scenarioOf('set -u\nkubectl get pods -n bank\nrc=$?\nall="$*"\nif [ "$rc" -ne 0 ]; then exit "$rc"; fi\n'))).not.toContain('takes arguments')
  expect(run(scenarioOf(loop, 'script: { arguments: [--what] }\n')).outcomeReason).toContain('status 2')
  // The same from the command line.
  expect(run(scenarioOf(loop, '', { 'script.arguments': '["-n", "bank"]' })).outcome).toBe('completed')
})

test('a runbook of steps is not started like a script, and a variable has a name', () => {
  const yaml = 'format: 1\ncluster: { engine: postgres }\nrunbook:\n  - run: kubectl get pods\nscript: { answers: [y] }\ndeadline: 1h\n'
  expect(() => loadScenarioWritten({ name: 'x', folder: '/nowhere', yaml, files: {} }, engines, {})).toThrow('`script` says how a shell script is started, and the runbook is none')
  expect(refused('kubectl get pods\n', 'script: { environment: { "a b": 1 } }\n')).toContain('a variable’s name is letters')
})

test('an option that no text program here has is told before any run, whatever else is in a variable', () => {
  expect(refused('f=$(mktemp)\njq --stream . "$f"\nkubectl get pods -n bank\n')).toContain('`jq --stream`. Supported:')
  expect(refused('f=$(mktemp)\njq -c --rawfile a "$f" . "$f"\nsed -n "s/$f/x/p" "$f"\ndate -d "$f" +%s\nkubectl get pods -n bank\n')).toBe('')
  expect(told(scenarioOf('watch -n 5 kubectl get pods -n bank\n'))).toContain('`watch` never ends by itself')
})
