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
