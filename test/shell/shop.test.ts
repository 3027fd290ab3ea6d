/** What operators type and no built-in scenario does: short scripts on the default cluster of an engine, through one whole rehearsal each. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { checkRunbook } from '../../src/operator/index.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { type Scenario, ScenarioError, loadScenarioWritten } from '../../src/scenario/index.ts'

function scenarioOf(engine: string, script: string, cluster: readonly string[] = []): Scenario {
  const yaml = ['format: 1', 'load: { writesPerSecond: 50 }', 'deadline: 1h', 'cluster:', `  engine: ${engine}`, ...cluster.map(line => `  ${line}`), 'runbook: ./s.sh', ''].join('\n')
  return loadScenarioWritten({ name: 'shop', folder: '/tmp', yaml, files: { 's.sh': script } }, engines, {})
}

interface Played {
  readonly outcome: string
  readonly reason: string
  /** Each command's status and output, both streams. */
  readonly said: readonly string[]
}

function play(engine: string, script: string, cluster: readonly string[] = []): Played {
  const said: string[] = []
  const result = rehearse({ scenario: scenarioOf(engine, script, cluster), seed: '1', schedule: [], watch: () => ({ commandReturned: ({ output }) => void said.push(`${output.code} ${output.out}${output.err}`) }) })
  return { outcome: result.outcome, reason: result.outcomeReason, said }
}

const findings = (engine: string, script: string, cluster: readonly string[] = []): string[] => {
  try {
    const scenario = scenarioOf(engine, script, cluster)
    return checkRunbook(scenario.runbook, scenario.engine.build(new Simulation({ seed: 'check' }), scenario.options).commands).map(f => `${f.step} ${f.severity} ${f.rule}`)
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error
    return error.problems.map(p => `${p.line} ${p.message}`)
  }
}

test('mongosh takes a program on standard input, statement by statement, as if it were typed', () => {
  const { said } = play('mongodb', `kubectl exec -i mongo-1 -- mongosh --quiet <<'JS'
const s = rs.status()
s.members.forEach(m => {
  print(m.stateStr)
})
use admin
nothing.there
1 + 1
db.getName()
JS
kubectl exec mongo-0 -- mongosh --quiet <<'JS'
rs.stepDown()
JS
echo 'print(rs.status().set); quit(3)' > /tmp/x.js
kubectl cp /tmp/x.js mongo-0:/tmp/x.js
kubectl exec mongo-0 -- mongosh --quiet --file /tmp/x.js
kubectl exec mongo-0 -- mongosh --quiet /tmp/y.js
mongosh mongodb://mongo-0.mongo,mongo-1.mongo/?replicaSet=rs0 --quiet --eval 'db.hello().setName' /tmp/x.js
`)
  const prompt = 'rs0 [direct: secondary] '
  expect(said[0]).toBe(`0 ${prompt}test> ${prompt}test> PRIMARY\nSECONDARY\nSECONDARY\n${prompt}test> switched to db admin\n${prompt}admin> ReferenceError: nothing is not defined\n${prompt}admin> 2\n${prompt}admin> admin\n${prompt}admin> `)
  // Without -i nothing of the input arrives, and that is no failure.
  expect(said[1]).toBe('0 rs0 [direct: primary] test> ')
  expect(said.slice(3)).toEqual(['3 rs0\ncommand terminated with exit code 3\n', "1 Error: ENOENT: no such file or directory, open '/tmp/y.js'\ncommand terminated with exit code 1\n", '3 rs0\nrs0\n'])
})

test('text programs and sleep run in the containers of every engine', () => {
  for (const [engine, pod] of [['postgres', 'postgres-cluster-0'], ['redis', 'redis-0'], ['mongodb', 'mongo-0'], ['vitess', 'example-vttablet-zone1-0000000101']] as const) {
    const { said } = play(engine, `kubectl exec ${pod} -- sleep 2\nkubectl exec ${pod} -- sh -c 'echo a > /tmp/f; grep -c a /tmp/f'\nkubectl exec ${pod} -- cat /tmp/f\n`)
    expect(said, engine).toEqual(['0 ', '0 1\n', '0 a\n'])
  }
})

test('all clocks agree: date, the API server, the databases', () => {
  for (const [engine, ask] of [['postgres', `kubectl exec postgres-cluster-0 -- psql -Atc "select extract(epoch from now())::bigint"`], ['mongodb', `kubectl exec mongo-0 -- mongosh --quiet --eval 'Math.floor(Date.now()/1000)'`], ['redis', `kubectl exec redis-0 -- redis-cli time | head -1`]] as const) {
    const { reason } = play(engine, `now=$(date +%s)\nthere=$(${ask})\n(( there - now >= 0 && there - now < 10 )) || { echo "off by $(( there - now ))"; exit 1; }\n`)
    expect(reason, engine).toBe('')
  }
})

test('su and runuser change the user, as root alone may', () => {
  const script = `kubectl exec postgres-cluster-0 -- su - postgres -c 'psql -Atc "select 1"; whoami'\nkubectl exec postgres-cluster-0 -- runuser -u postgres -- whoami\n`
  expect(play('postgres', script, ['execUser: root']).said).toEqual(['0 1\npostgres\n', '0 postgres\n'])
  expect(play('postgres', script).said.map(text => text[0])).toEqual(['1', '1'])
})

test('events, volumes, logs since, templates and short names', () => {
  const { said } = play('postgres', `kubectl delete pod postgres-cluster-2 --wait=false
sleep 150
kubectl get events --no-headers -o custom-columns=R:.reason,O:.involvedObject.name
kubectl get events --field-selector metadata.name=none
kubectl get pv -o jsonpath='{.items[0].status.phase} {.items[0].spec.claimRef.name}'
kubectl logs -l app=postgres-cluster --since=10s --tail=5
kubectl get pods -o go-template='{{range .items}}{{.metadata.name}} {{end}}'
kubectl get pods -o jsonpath --template='{.items[0].metadata.name}'
az aks get-upgrades -g rg -n aks --query 'controlPlaneProfile.upgrades[].kubernetesVersion' -o tsv
az aks nodepool list -g rg --cluster-name aks --query "[?name=='nodepool1'].{n:name,v:currentOrchestratorVersion} | [0].n" -o tsv
`)
  expect(said[2]).toMatch(/^0 Killing +postgres-cluster-2\nScheduled +postgres-cluster-2\nStarted +postgres-cluster-2\n/)
  expect(said.slice(3)).toEqual(['0 No resources found in default namespace.\n', '0 Bound data-postgres-cluster-0', '0 ', '0 postgres-cluster-0 postgres-cluster-1 postgres-cluster-2 ', '0 postgres-cluster-0', '0 1.30.0\n', '0 nodepool1\n'])
})

test('drain --pod-selector evicts those alone', () => {
  const { said } = play('postgres', `n=$(kubectl get pod postgres-cluster-1 -o jsonpath='{.spec.nodeName}')\nkubectl drain $n --pod-selector app=other --timeout=1m\nkubectl get pod postgres-cluster-1 -o name\n`)
  expect(said[1]).toMatch(/^0 node\/\S+ cordoned\nnode\/\S+ drained\n$/)
  expect(said[2]).toBe('0 pod/postgres-cluster-1\n')
})

test('patronictl lists as JSON where there is Patroni, and says how to have it where there is none', () => {
  const script = `kubectl exec postgres-cluster-0 -- patronictl list -f json | jq -r '.[] | select(.Role == "Leader") | .Member'\nm() { kubectl exec postgres-cluster-0 -- patronictl "$@"; }\nm list\n`
  expect(JSON.parse((play('postgres', script, ['patroni: {}']).said[0] as string).slice(2))).toEqual([expect.objectContaining({ Member: 'postgres-cluster-0', Role: 'Leader', State: 'running' }), expect.objectContaining({ Role: 'Replica', 'Lag in MB': 0 }), expect.anything()])
  expect(findings('postgres', script)[0]).toMatch(/this cluster has no Patroni\. Give it one with `cluster: \{ patroni: \{\} \}`/)
})

test('check reads through functions, and doubts names of sets, nodes and namespaces', () => {
  expect(findings('vitess', 'vt() { vtctldclient --server x:1 "$@"; }\nvt GetKeyspaces\nvt Foo a\n')).toEqual([expect.stringMatching(/^3 vtctldclient: `Foo` is not modelled/)])
  expect(findings('postgres', 'kubectl rollout status sts/other\nkubectl drain node-1\nkubectl scale deploy web --replicas=2\n').map(text => text.slice(0, 51))).toEqual(expect.arrayContaining(['L1 error unknown-name', 'L2 error unknown-name', 'L3 error unknown-name']))
  expect(findings('postgres', 'set -e\nkubectl apply -f - <<E\nkind: Deployment\nmetadata:\n  name: web\nE\nkubectl scale deploy web --replicas=2\n')).toEqual([])
  expect(findings('postgres', 'NS=prod\nk() { kubectl -n "$NS" "$@"; }\nk get pods\n')).toEqual(expect.arrayContaining([expect.stringContaining('Add `--set cluster.kubernetes.namespace=prod`')]))
  expect(findings('mongodb', "set -e\nkubectl exec mongo-0 -- mongosh <<'E'\n1\nE\n")).toEqual(['L2 warning input-unread'])
})

test('a loop over a list, a default and a clock are no reason to warn', () => {
  expect(findings('postgres', `set -euo pipefail
NS=\${NS:-default}
die() { echo "$*" >&2; exit 1; }
wait_for() {
  local end=$(( $(date +%s) + 60 ))
  while ! "$@"; do
    if [ "$(date +%s)" -gt "$end" ]; then die "timeout"; fi
    sleep 2
  done
}
for pod in postgres-cluster-1 postgres-cluster-2; do
  kubectl -n $NS delete pod $pod
  wait_for kubectl -n $NS get pod $pod
done
`)).toEqual([])
})
