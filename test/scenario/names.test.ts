import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { builtInScenarios, loadScenario, loadScenarioFrom, unknownNames } from '../../src/scenario/index.ts'

const doubted = (line: string): string[] => {
  const runbook = `format: 1\ntitle: One line\nvars: { target: pg-1, there: postgres-cluster-1 }\nsteps:\n  - { run: kubectl get pods -o name, as: captured }\n  - run: ${line}\n`
  const source = { name: 'one', yaml: 'format: 1\ncluster: { engine: postgres }\nrunbook: one.runbook.yaml\ndeadline: 1h\n', files: { 'one.runbook.yaml': runbook }, set: {} }
  return unknownNames(loadScenarioFrom(source, engines)).map(({ severity, message, place }) => `${place.line} ${severity}: ${message}`)
}

test.each([
  'kubectl exec pg-1 -- psql -Atc "select 1"',
  'kubectl exec -it -c postgres ${target} -- psql -Atc "select 1"',
  'kubectl delete pod postgres-cluster-0 pg-1 --wait=false',
  'kubectl get pod/pg-1',
  'psql -h pg-1.postgres-cluster -Atc "select 1"',
  'psql --host=${target} -Atc "select 1"',
  'kubectl exec ${captured} -- psql -h pg-1 -Atc "select 1"',
])('nothing answers: %s', line => {
  expect(doubted(line)).toEqual([expect.stringMatching(/^6 warning: nothing is called `pg-1` when the runbook begins.* There are: postgres-cluster-0, /)])
})

test.each([
  'kubectl exec ${there} -- psql -Atc "select 1"',
  'kubectl exec postgres-cluster-7 -- psql -Atc "select 1"',
  'kubectl exec sts/postgres-cluster -- psql -Atc "select 1"',
  'kubectl exec ${captured} -- psql -h localhost -Atc "select 1"',
  'kubectl get pods -l app=x',
  'kubectl get pods -o name',
  'psql -h 10.0.0.1 -Atc "select 1"',
])('no doubt: %s', line => {
  expect(doubted(line)).toEqual([])
})

test('the built-in scenarios name what there is, but for the mistake of a document', () => {
  const doubts = builtInScenarios().flatMap(name => unknownNames(loadScenario(name, engines)).map(({ message }) => `${name}: ${message.slice(0, message.indexOf(' when'))}`))
  expect([...new Set(doubts)]).toEqual(['postgres-ferris-wheel/as-documented: nothing is called `postgres-primary-0`'])
})

test('in a script each line is read: what nothing answers to is an error, but for what the script makes itself', () => {
  const doubtedIn = (script: string, files: Record<string, string> = {}): string[] => {
    const source = { name: 'one', yaml: 'format: 1\ncluster: { engine: postgres }\nrunbook: ./one.sh\ndeadline: 1h\n', files: { 'one.sh': script, ...files }, set: {} }
    return unknownNames(loadScenarioFrom(source, engines)).map(({ severity, message, step }) => `${step} ${severity}: ${/`([^`]+)`/.exec(message)?.[1] ?? ''}`)
  }
  expect(doubtedIn('P=pg-1\nkubectl exec "$P" -- true\nkubectl get pod $UNKNOWN\nkubectl delete pod postgres-cluster-7\n')).toEqual(['L2 error: pg-1'])
  expect(doubtedIn('for p in postgres-cluster-0 pg-2; do\n  timeout 5 kubectl delete pod $p\ndone\nkubectl get svc nobody\nkubectl get svc/postgres-primary\n')).toEqual(['L2 error: pg-2', 'L4 error: nobody'])
  expect(doubtedIn('kubectl run t --image=postgres:15.8 -- date\nkubectl get pod t\nkubectl apply -f x.yaml\nkubectl get svc made\n', { 'x.yaml': 'apiVersion: v1\nkind: Service\nmetadata:\n  name: made\n' })).toEqual([])
  expect(doubtedIn('f() {\n  local disk pod patient shard\n  echo restart pod patient\n  read -r svc name\n}\nf\nkubectl get pods\n')).toEqual([])
  // Of another namespace nothing is known; where all lines speak of it, the cluster's is meant, and it has another name.
  expect(doubtedIn('kubectl -n other exec pg-1 -- true\nkubectl get pods\n')).toEqual([])
  expect(() => doubtedIn('kubectl -n other exec pg-1 -- true\n')).toThrow(/there is no namespace `other`: this cluster lives in `default`. Add `--set cluster.kubernetes.namespace=other`/)
})
