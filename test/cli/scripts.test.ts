/** Shell scripts at the command line. */
import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import type { CampaignResult } from '../../src/campaign/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { toleranceOf } from '../../src/report/sweep.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import type { Fault } from '../../src/faults/index.ts'
import { removeFolders } from '../folder.ts'
import { enterFolder, proofroll } from './workshop.ts'

afterAll(removeFolders)

test('check fails on names that exist nowhere, on commands that are not there (with the reason) and on files that nobody writes; all at once', async () => {
  enterFolder({ 'a.sh': 'kubectl exec pg-9 -- true\nkubectl apply -f none.yaml\n', 'b.sh': 'kubectl exec postgres-cluster-0 -- true || exit 1\n', 'c.sh': 'patronictl list\ncurl https://example.com/x\nkubectl frobnicate\n' })
  const check = (file: string) => proofroll(['check', file, '--engine', 'postgres'], { engines })
  const names = await check('a.sh')
  expect([names.code, names.err]).toEqual([2, expect.stringContaining('nothing is called `pg-9`')])
  expect(names.out).toContain('there is no file `none.yaml` beside the script')
  expect((await check('b.sh')).code).toBe(0)
  enterFolder({ 'd.sh': 'kubectl scale deploy web --replicas=2\n', 'c.sh': 'patronictl list\ncurl https://example.com/x\nkubectl frobnicate\n' })
  const absent = await check('d.sh')
  expect([absent.code, absent.err]).toEqual([2, expect.stringContaining('there is no deployment `web` when the runbook begins')])
  const missing = await check('c.sh')
  expect(missing.code).toBe(2)
  for (const words of ['this cluster has no Patroni', 'there is no network in a rehearsal', 'the verb `kubectl frobnicate` is not modelled']) expect(missing.err.replace(/\s+/g, ' ')).toContain(words)
})

test('a script beside a scenario of its own name runs on that cluster', async () => {
  enterFolder({ 'upgrade.sh': 'kubectl get pod pg-0 || exit 1\n', 'upgrade.yaml': 'format: 1\ncluster: { engine: postgres, name: pg }\nrunbook: ./upgrade.sh\ndeadline: 1h\n' })
  expect(await proofroll(['check', 'upgrade.sh', '--cluster', 'upgrade.yaml'], { engines })).toMatchObject({ code: 0, err: '' })
  const ran = await proofroll(['run', './upgrade.sh', '--cluster', './upgrade.yaml', '--runs', '2', '--jobs', '1'], { engines })
  expect([ran.code, ran.out]).toEqual([0, expect.stringContaining('upgrade.sh')])
})

test('check fails on arguments that bash or the program itself refuses, read by the very parser of the run; a run shows what it says', async () => {
  const refused: readonly (readonly [line: string, said: string])[] = [
    ['kubectl get pods -o json | jq ".items["', 'jq: syntax error'], ['source ./missing.sh', './missing.sh: No such file or directory'], ['sleep 5minutes', 'sleep: invalid time interval ‘5minutes’'], ['timeout 5min kubectl get pods', 'timeout: invalid time interval ‘5min’'],
    ['kubectl wait --for=condition=Ready pod/postgres-cluster-0 --timeout=5min', 'time: unknown unit "min" in duration "5min"'], ['kubectl rollout status sts/postgres-cluster --timeout=10', 'time: missing unit in duration "10"'],
    ['kubectl scale sts postgres-cluster --replicas=two', 'parsing "two": invalid syntax'], ["kubectl get pods | grep -E '(a'", 'grep: Unmatched ('], ["echo a | sed 's/a/b'", "unterminated `s' command"], ['seq 1 x', 'invalid floating point argument'],
  ]
  const lines = refused.map(([line]) => line)
  enterFolder({ 'a.sh': `${lines.join('\n')}\n`, 'b.sh': '[ -f ./lib.sh ] && source ./lib.sh\nsource ./own.sh || true\nsudo -u postgres timeout -s KILL -k 5 10 nice -n 5 env -u X A=1 kubectl get pods || exit 1\nsleep "$1"\n' })
  const told = await proofroll(['check', 'a.sh', '--engine', 'postgres'], { engines })
  expect(told.code).toBe(2)
  const err = told.err.replace(/\s+/g, ' ')
  for (const [nth, [, said]] of refused.entries()) expect(err).toMatch(new RegExp(`a\\.sh:${nth + 1}:1: [^\\n]*${said.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`))
  expect(err.match(/a\.sh:\d+:1/g)).toHaveLength(refused.length)
  const none = await proofroll(['check', 'b.sh', '--engine', 'postgres'], { engines })
  expect([none.code, none.err]).toEqual([0, ''])
  const run = await proofroll(['run', 'a.sh', '--cluster', 'postgres', '--runs', '1', '--faults', '0', '--json', 'a.json', '-q'], { engines })
  expect(run.err).toBe('')
  // The statuses are those of the real programs.
  enterFolder({ 'a.sh': `${lines.map(line => `${line}; said="$said $?"`).join('\n')}\n[ "$said" = " 3 1 1 125 1 1 1 2 1 1" ] || exit 7\n`, 'a.yaml': 'format: 1\ncluster: { engine: postgres }\nrunbook: ./a.sh\ndeadline: 1h\n' })
  expect(rehearse({ scenario: loadScenario('a.yaml', engines), seed: '1', schedule: [] })).toMatchObject({ outcome: 'completed' })
})

test('check names objects of a kind that is not modelled, wherever their text stands; and verbs that are not there, with what does the same', async () => {
  const policy = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: fence }\nspec: { podSelector: { matchLabels: { app: pg } }, policyTypes: [Ingress] }\n'
  const said = async (script: string, files: Readonly<Record<string, string>> = {}): Promise<string> => {
    enterFolder({ 'a.sh': script, ...files })
    const told = await proofroll(['check', 'a.sh', '--engine', 'postgres'], { engines })
    return `${told.code} ${told.err.replace(/\s+/g, ' ')}`
  }
  const fence = '2 .*a\\.sh:LINE.*objects of kind NetworkPolicy are not modelled: a fence made of them would do nothing here'
  expect(await said(`kubectl apply -f - <<EOF\n${policy}EOF\n`)).toMatch(new RegExp(fence.replace('LINE', '1')))
  expect(await said(`NAME=fence\ncat <<EOF | kubectl apply -f -\n${policy.replace('name: fence', 'name: $NAME')}EOF\n`)).toMatch(new RegExp(fence.replace('LINE', '2')))
  expect(await said(`cat > fence.yaml <<'EOF'\n${policy}EOF\nk() { kubectl -n default "$@"; }\nk apply -f fence.yaml\n`)).toMatch(new RegExp(fence.replace('LINE', '8')))
  expect(await said('kubectl create -f fence.yaml\n', { 'fence.yaml': policy })).toMatch(new RegExp(fence.replace('LINE', '1')))
  // What is modelled, and a text that nothing applies, is no error.
  expect(await said(`cat > fence.yaml <<'EOF'\n${policy}EOF\nkubectl apply -f - <<EOF\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\nEOF\n`)).toBe('0 ')
  expect(await said('kubectl port-forward pod/postgres-cluster-0 5432:5432 &\n')).toContain('is not modelled: a rehearsal has no local ports')
  expect(await said('kubectl apply -k overlays/prod\n')).toContain('nothing here renders a kustomization')
  expect(await said('kubectl events --for pod/postgres-cluster-0\n')).toContain('`kubectl get events` prints them')
})

test('run takes a script with a wrong name all the same, and says what kubectl said', async () => {
  enterFolder({ 'a.sh': 'kubectl exec pg-9 -- true || { echo "cannot go on" >&2; exit 3; }\n' })
  const told = await proofroll(['run', 'a.sh', '--cluster', 'postgres', '--runs', '2', '--faults', '0'], { engines })
  expect(told.code).toBe(1)
  expect(told.out.replace(/\s+/g, ' ')).toMatch(/a\.sh ended with status 3 at line 1: cannot go on \(kubectl: Error from server \(NotFound\): pods "pg-\w" not found\)/)
})

const RESTART = '#!/bin/bash\nset -e\nkubectl delete pod postgres-cluster-2\nkubectl wait --for=condition=Ready pod/postgres-cluster-2 --timeout=300s || exit 1\n'

test('sweep takes a bare script: its lines are the places, and whoever killed it runs it again from the top', async () => {
  enterFolder({ 'a.sh': RESTART })
  const told = await proofroll(['sweep', 'a.sh', '--cluster', 'postgres', '--rollbacks', '0', '--rollbacks-under-fault', '0', '--without', 'load-spike', '--runs', '3', '--json', 'a.json', '-q'], { engines })
  expect(told.err).toBe('')
  const result = JSON.parse(readFileSync('a.json', 'utf8')) as CampaignResult
  expect([result.scenario, result.steps.map(({ step }) => step)]).toEqual(['a', ['L3', 'L4']])
  expect(result.gates).toMatchObject([{ step: 'L4 (||)', text: expect.stringMatching(/^kubectl wait .* \|\| exit 1$/), passed: expect.any(Number) }])
  expect(result.sweep?.blocks.find(({ id }) => id === 'operator-killed')?.size).toBeGreaterThanOrEqual(4)
  // Who runs a script makes no step twice and changes none for another: three mistakes a line, and it is said of the others that they do not apply.
  expect(result.sweep?.blocks.find(({ id }) => id === 'mistakes')?.size).toBe(6)
  const missed = { runs: 1, struck: 1, outOfBudget: 0, broken: 0, failing: 0, broke: {}, outcomes: {}, missed: {} }
  const tolerance = toleranceOf({ ...result, aggregate: { ...result.aggregate, cells: { 'mistakes/L3/operator-skips': missed } } } as unknown as CampaignResult)
  expect(tolerance?.words).toContain('repeats and swaps: does not apply, the lines of a script come in bash’s order.')
  enterFolder({ 'a.sh': RESTART, 'a.yaml': 'format: 1\ncluster: { engine: postgres }\nrunbook: ./a.sh\ndeadline: 1h\n' })
  const mistakes = (['operator-swaps', 'operator-repeats'] as const).map((kind): Fault => ({ kind, target: 'operator', at: { step: 'L3', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 0, magnitude: 0 }))
  expect(rehearse({ scenario: loadScenario('a.yaml', engines), seed: '1', schedule: mistakes }).faults.map(({ struck, why }) => [struck, why])).toEqual(mistakes.map(() => [false, 'does not apply to a script']))
})

test('compare sets bare scripts beside one another, also two of one name', async () => {
  enterFolder({ 'old/a.sh': RESTART, 'new/a.sh': RESTART.replace('postgres-cluster-2\n', 'postgres-cluster-2 --wait=false\nsleep 30\n') })
  const told = await proofroll(['compare', 'old/a.sh', 'new/a.sh', '--cluster', 'postgres', '--runs', '2'], { engines })
  expect([told.err, told.out]).toEqual(['', expect.stringMatching(/A {2}old\/a\nB {2}new\/a\n/)])
  expect((await proofroll(['compare', 'old/a.sh', './old/a.sh', '--cluster', 'postgres'], { engines })).err).toContain('old/a.sh is named twice')
  expect((await proofroll(['compare', 'old/a.sh', 'new/a.sh'], { engines })).err).toContain('a script runs on a cluster: add `--cluster ENGINE`')
})

test('what stands behind `--` is what the script is called with; a program is let be by one --set', async () => {
  enterFolder({ 'go.sh': '#!/bin/bash\nset -eu\npod=$1; aws s3 ls "s3://$2/"\n[ "$2" = "a b" ] || exit 5\nread -p "Sure? " yes\n[ "$yes" = y ] || exit 6\nkubectl delete pod "$pod"\nexit 9\n' })
  const run = (...more: string[]) => proofroll(['run', './go.sh', '--cluster', 'postgres', '--runs', '2', '--jobs', '1', '--report', 'r', ...more], { engines })
  const refused = await run('--', 'postgres-cluster-0', 'a b')
  expect([refused.code, refused.err.replace(/\s+/g, ' ')]).toEqual([2, expect.stringContaining('`--set commands.aws={}` lets it print nothing and succeed')])
  const ran = await run('--set', 'commands.aws={}', '--set', 'script.answers=[y]', '--', 'postgres-cluster-0', 'a b')
  expect(ran.out.replace(/\s+/g, ' ')).toContain('ended with status 9 at line 8')
  const unanswered = await run('--set', 'commands.aws={}', '--', 'postgres-cluster-0', 'a b')
  expect(unanswered.out.replace(/\s+/g, ' ')).toContain('ended with status 1 at line 5; it asked, and nobody answered')
})
