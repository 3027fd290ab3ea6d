/** What is wrong with a runbook's commands is said before anything runs: by `run`, by `check`, by whoever loads the scenario. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { loadScenarioFrom, ScenarioError } from '../../src/scenario/index.ts'

/** The complaint about one command line in a runbook on the default PostgreSQL cluster. */
function complaint(line: string): string {
  const runbook = `format: 1\ntitle: One line\nvars: { target: postgres-cluster-1, verb: promot }\nsteps:\n  - { run: kubectl get pods -o name, as: captured }\n  - run: ${line}\n`
  try {
    loadScenarioFrom({ name: 'one', yaml: 'format: 1\ncluster: { engine: postgres }\nrunbook: one.runbook.yaml\ndeadline: 1h\n', files: { 'one.runbook.yaml': runbook }, set: {} }, engines)
  } catch (error) {
    if (error instanceof ScenarioError) return error.message
    throw error
  }
  return 'accepted'
}

describe('commands', () => {
  test.each([
    ['kubectl exec ${target} -- pg_ctl promot', 'pg_ctl: the operation `promot` is not modelled; supported: promote'],
    ['kubectl exec ${captured} -- pg_ctl promot', 'pg_ctl: the operation `promot` is not modelled'],
    ['kubectl exec ${target} -- pg_ctl ${verb}', 'pg_ctl: the operation `promot` is not modelled'],
    ['kubectl exec ${captured} -- helmfoo bar', 'the command `helmfoo` is not modelled on container postgres'],
    ['kubectl exec ${captured} -- psql -c "selekt 1"', 'syntax error at or near "selekt"'],
    ['kubectl exec ${captured} -- psql -c "select * from pg_nope"', 'the relation pg_nope is not modelled'],
    ['kubectl run x --rm -i --image=postgres:15.8 -- helmfoo', 'the command `helmfoo` is not modelled'],
    ['kubectl delete pod ${captured} --now-please', 'the flag `--now-please` of kubectl delete is not modelled'],
    ['kubectl delete pod ${candidat}', '${candidat} is never captured. Capture it with `as`'],
    ["kubectl patch sts postgres-cluster --patch '{bad'", '`{bad` is neither JSON nor YAML'],
    ['kubctl get pods', 'did you mean `kubectl`?'],
  ])('%s', (line, message) => {
    const said = complaint(line)
    expect(said).toContain('one.runbook.yaml:6:')
    expect(said).toContain(message)
  })

  test.each([
    'kubectl exec ${captured} -- pg_ctl promote',
    'kubectl exec ${captured} -- psql -Atc "select count(*) from pg_stat_replication"',
    'kubectl exec ${captured} -- psql -c "select * from mine"',
    'kubectl exec ${captured} -- psql -p 6432 pgbouncer -c "SHOW POOLS"',
    'kubectl exec ${captured} -- bash -c "pg_ctl promote && echo done"',
  ])('accepted: %s', line => {
    expect(complaint(line)).toBe('accepted')
  })
})

describe('scripts that keep a command in an array', () => {
  const complaints = (...lines: readonly string[]): string => {
    try {
      loadScenarioFrom({ name: 'one', yaml: 'format: 1\ncluster: { engine: postgres }\nrunbook: ./s.sh\ndeadline: 1h\n', files: { 's.sh': `${lines.join('\n')}\n` }, set: {} }, engines)
    } catch (error) {
      if (error instanceof ScenarioError) return error.message
      throw error
    }
    return 'accepted'
  }

  test.each([
    [['NS=default; k=(kubectl --namespace "$NS")', '"${k[@]}" get pods --now-please'], 'the flag `--now-please` of kubectl get is not modelled'],
    [['k=(kubectl)', '${k[@]} delete pod postgres-cluster-1 --quietly'], 'quietly'],
    [['declare -a sql=(psql -U postgres -Atc)', 'kubectl exec postgres-cluster-0 -- "${sql[@]}" "selekt 1"'], 'syntax error at or near "selekt"'],
    [['opts=()', 'kubectl get pods "${opts[@]}" "${opts[@]+"${opts[@]}"}" --now-please'], 'the flag `--now-please` of kubectl get is not modelled'],
  ])('%j', (lines, message) => expect(complaints(...lines)).toContain(message))

  test.each([
    // What is put together as it goes is not known.
    [['opts=(--now-please)', '[ $# -gt 0 ] && opts=()', 'kubectl get pods "${opts[@]}"']],
    [['opts=()', 'opts+=(--context x)', 'kubectl get pods "${opts[@]}"']],
    [['k=(kubectl)', 'for pod in $("${k[@]}" get pods -o name); do "${k[@]}" delete "$pod"; done']],
    [['mapfile -t pods < <(kubectl get pods -o name)', 'kubectl delete "${pods[@]}"']],
    [['p=$(mktemp)', 'kubectl patch sts postgres-cluster --patch-file "$p"', 'kubectl patch sts postgres-cluster --patch-file /dev/stdin <<< "spec: {replicas: 3}"']],
  ])('%j is taken', lines => expect(complaints(...lines)).toBe('accepted'))
})

test('a script that cannot be rehearsed is told all that is wrong with it at once; one that can is left to show it', () => {
  const problems = (...lines: readonly string[]): string[] => {
    try {
      loadScenarioFrom({ name: 'one', yaml: 'format: 1\ncluster: { engine: postgres }\nrunbook: ./s.sh\ndeadline: 1h\n', files: { 's.sh': `${lines.join('\n')}\n` }, set: {} }, engines)
    } catch (error) {
      if (error instanceof ScenarioError) return error.problems.map(({ line, message }) => `${line ?? 0} ${message.slice(0, 40)}`)
      throw error
    }
    return []
  }
  const shown = ['kubectl wait pod/postgres-cluster-0 --for=condition=Ready --timeout=5min', "jq '.items[' x.json", 'sleep 5minutes']
  expect(problems(...shown)).toEqual([])
  const all = problems('frobnicate --all', ...shown, 'kubectl get pods --now-please')
  expect(all.map(each => each.split(' ')[0])).toEqual(['1', '2', '3', '4', '5'])
  expect(all[1]).toContain('kubectl wait fails: invalid argument')
})

test('what a watch prints as it goes: a reader that would leave early, and here reads to the end, is told before it hangs', () => {
  const load = (script: string): string => {
    try {
      loadScenarioFrom({ name: 'one', yaml: 'format: 1\ncluster: { engine: postgres }\nrunbook: ./s.sh\ndeadline: 1h\n', files: { 's.sh': script }, set: {} }, engines, {})
    } catch (error) {
      if (error instanceof ScenarioError) return error.message.replace(/\s+/g, ' ')
      throw error
    }
    return 'accepted'
  }
  for (const script of ["kubectl get pods -w | awk '/Running/{print; exit}'\n", "timeout 60 kubectl get pods --watch | sed '/Running/q'\n", "k() { kubectl -n default \"$@\"; }\nk get pods -w | sed -u 's/a/b/' | head -1\n", 'kubectl logs -f postgres-cluster-0 | jq --unbuffered .msg\n']) {
    expect(load(script), script).toMatch(/`(?:awk|sed|jq)` reads its input to the end before it does anything here, and `kubectl .* …` prints as it goes/)
  }
  for (const script of ['kubectl get pods -w | grep -m1 Running\n', 'while read -r l; do echo "$l"; done < <(timeout 60 kubectl get pods --watch)\n', "timeout 9 kubectl get pods -w | awk '{print $1}' | sort -u\n", 'kubectl logs -f postgres-cluster-0 | grep -q ready\n','timeout 30 kubectl get pods -w || true\n', 'kubectl get pods --watch=false | head -1\n', 'kubectl get pods -w &\nsleep 5; kill $!\n', 'x=$(kubectl get pods); kubectl get pods -w > /dev/null &\n']) expect(load(script), script).toBe('accepted')
})

test('an extended pattern without `shopt -s extglob` is a syntax error, as in bash; between [[ and ]] it is none', () => {
  const load = (script: string): string => {
    try {
      loadScenarioFrom({ name: 'one', yaml: 'format: 1\ncluster: { engine: postgres }\nrunbook: ./s.sh\ndeadline: 1h\n', files: { 's.sh': script }, set: {} }, engines, {})
    } catch (error) {
      if (error instanceof ScenarioError) return error.message.replace(/\s+/g, ' ')
      throw error
    }
    return 'accepted'
  }
  for (const script of ['case "$1" in\n  pg-@(0|1)) kubectl get pods ;;\nesac\n', 'for f in !(a|b); do kubectl get pods; done\n']) expect(load(script), script).toMatch(/syntax error near unexpected token `\('.*is a pattern only after `shopt -s extglob` on a line before/)
  for (const script of ['shopt -s extglob\ncase "$1" in\n  pg-@(0|1)) kubectl get pods ;;\nesac\n', '[[ $1 == pg-@(0|1) ]] && kubectl get pods\nx=${1##+(0)}\ncat <<EOF\n@(a)\nEOF\nkubectl get pods\n']) expect(load(script), script).toBe('accepted')
})
