/** Scripts of somebody who had only README: what `check` says of their own names, and what a rehearsal must find, predicted before it was run. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { ScenarioError, loadScenarioWritten, type Scenario } from '../../src/scenario/index.ts'
import { checkRunbook, formatFindings } from '../../src/operator/index.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { rehearsals } from './play.ts'

const POSTGRES = `#!/usr/bin/env bash
set -euo pipefail
NS=\${NS:-orders}
STS=orders-db
IMAGE=\${IMAGE:-registry.acme.io:5000/team/postgres:15.8}
k() { kubectl -n "$NS" "$@"; }
sql() { local pod=$1; shift; k exec "$pod" -c postgres -- psql -U postgres -qAtX -c "$*"; }
primary=
for p in $(k get pods -l app="$STS" -o jsonpath='{.items[*].metadata.name}'); do
  if [[ "$(sql "$p" 'select pg_is_in_recovery()')" == "f" ]]; then primary=$p; fi
done
k patch statefulset "$STS" --type merge -p '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'
k set image statefulset/"$STS" postgres="$IMAGE"
candidate=$(k get pods -l app="$STS" -o name | sed 's|^pod/||' | grep -v "^$primary$" | head -n1)
k delete pod "$candidate"
sleep 30
k exec "$candidate" -c postgres -- pg_ctl promote -D /var/lib/postgresql/data -w
k patch service "$STS"-rw -p "{\\"spec\\":{\\"selector\\":{\\"statefulset.kubernetes.io/pod-name\\":\\"$candidate\\"}}}"
`

/** Reads a list, and asks inside the loop with `exec -i`: the list is gone after the first master. */
const REDIS = `NS=web
RC="kubectl -n $NS exec -i sess-0 -- redis-cli"
$RC cluster nodes | awk '$3 ~ /master/ { print $1 }' > /tmp/masters
n=0
while read -r id; do
  r=$($RC cluster nodes | awk -v id="$id" '$4 == id { split($2, a, ":"); print a[1] }')
  [ -n "$r" ] && n=$((n + 1))
done < /tmp/masters
[ "$n" -eq 3 ] || { echo "only $n of 3 masters"; exit 1; }
`

function scenarioOf(cluster: string, script: string): Scenario {
  const yaml = `format: 1\ncluster: ${cluster}\nload: { writesPerSecond: 200 }\nrunbook: ./mine.sh\ndeadline: 2h\n`
  return loadScenarioWritten({ name: 'mine', folder: '/nowhere', yaml, files: { 'mine.sh': script } }, engines, {})
}

function refused(cluster: string, script: string): ScenarioError {
  try {
    scenarioOf(cluster, script)
  } catch (error) {
    if (error instanceof ScenarioError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

test('a script for another cluster is told every name at once, each once, with what to set', () => {
  const { message } = refused('{ engine: postgres }', POSTGRES)
  expect(message.match(/there is no namespace `orders`/g)).toHaveLength(1)
  expect(message).toContain('--set cluster.kubernetes.namespace=orders')
  expect(message.replace(/\s+/g, ' ')).toContain('--set cluster.name=orders-db')
  expect(message).toMatch(/and in lines 9, 10, 12/)
  // The image is the same one in the shop's own registry, and that has a port.
  expect(message).not.toContain('registry')
})

test('the other engines refuse the namespace and the set in the same words', () => {
  for (const engine of ['redis', 'mongodb', 'vitess']) expect(refused(`{ engine: ${engine} }`, 'NS="${1:-shop}"\nkubectl -n $NS get pods\nkubectl -n $NS scale sts mine --replicas=3\n').message, engine).toMatch(/there is no namespace `shop`[\s\S]*there is no statefulset `mine`/)
})

test('with its names set it is understood, and does what it does: two lead, and writes are lost', () => {
  const scenario = scenarioOf('{ engine: postgres, name: orders-db, kubernetes: { namespace: orders }, service: orders-db-rw, serviceSelects: pod-name, image: "postgres:15.4", targetImage: "postgres:15.8" }', POSTGRES)
  const result = rehearse({ scenario, seed: 'newcomer/0', schedule: [] })
  expect(result.outcome).toBe('completed')
  expect(result.verdicts.filter(({ status }) => status === 'fail').map(({ check }) => check)).toEqual(expect.arrayContaining(['no-acknowledged-write-lost', 'no-split-brain', 'no-false-success']))
})

test('a selector that no pod has is doubted, once for all its lines, with the labels that there are', () => {
  const { runbook, engine, options } = scenarioOf('{ engine: postgres, name: ledger, patroni: {} }', 'C=ledger\nleader() { kubectl get pods -l "cluster-name=${C},role=master" -o name; }\nleader || exit 1\nkubectl wait pod -l cluster-name=ledger,role=master --for=condition=Ready || exit 1\n')
  const told = formatFindings(runbook, checkRunbook(runbook, engine.build(new Simulation({ seed: 'check' }), options).commands))
  expect(told).toContain('no pod has the labels `cluster-name=ledger,role=master` when the runbook begins: `kubectl get` finds nothing. Pods have app=ledger, app.kubernetes.io/component=database, role=primary|replica')
})

test('exec -i inside a loop over a list takes the list, and the script stops at its own check', () => {
  const cluster = '{ engine: redis, name: sess, kubernetes: { namespace: web } }'
  const run = (script: string): string => rehearse({ scenario: scenarioOf(cluster, script), seed: 'newcomer/1', schedule: [] }).outcomeReason
  expect(run(REDIS)).toContain('only 1 of 3 masters')
  expect(run(REDIS.replace('exec -i', 'exec'))).not.toContain('masters')
})

test.each([['postgres', 'postgres:fifteen'], ['redis', 'redis:latest']])('%s: an image without a version is refused', (engine, image) => {
  expect(refused(`{ engine: ${engine}, targetImage: "${image}" }`, 'kubectl get pods\n').message).toMatch(new RegExp(`\`${image}\` names no version; right would be, for example, ${engine}:\\d`))
})

test('why a script ended is what it ended on, not an error that it had gone on from', () => {
  const reason = (script: string) => rehearsals({ cluster: { engine: 'redis' }, script }, 1)[0]?.outcomeReason
  const gone = 'kubectl get pod nosuch || true'
  expect(reason(`${gone}\nkubectl get nodes > /dev/null\necho 'giving up'\nexit 7`)).toBe('unseen.sh ended with status 7 at line 4; the last line it printed: giving up')
  // Nothing of the cluster was asked in between: it may well be why.
  expect(reason(`${gone}\nexit 7`)).toContain('pods "nosuch" not found')
  // Its own words stay, whatever a trap does afterwards.
  expect(reason(`trap 'kubectl get nodes > /dev/null' EXIT\necho 'no candidate' >&2\nexit 7`)).toContain('no candidate')
})
