/** Rule K8S-EXEC-2: kubectl exec -i takes what the loop around it reads, as ssh does. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenarioWritten } from '../../src/scenario/index.ts'

/** With which status the script ends. */
function statusOf(script: string): number {
  const yaml = 'format: 1\nload: { writesPerSecond: 50 }\ndeadline: 1h\ncluster: { engine: redis }\nrunbook: ./s.sh\n'
  const scenario = loadScenarioWritten({ name: 'stdin', folder: '/nowhere', yaml, files: { 's.sh': script } }, engines, {})
  return Number(/ended with status (\d+)/.exec(rehearse({ scenario, seed: '1', schedule: [] }).outcomeReason)?.[1])
}

const loop = (inner: string): string => `n=0\nprintf 'a\\nb\\nc\\n' > /tmp/list\nwhile read -r x; do\n  n=$((n + 1))\n  ${inner}\ndone < /tmp/list\nexit $n\n`

test.each([
  ['kubectl exec -i redis-0 -- redis-cli ping', 1],
  ['y=$(kubectl exec -i redis-0 -- redis-cli cluster info | grep state)', 1],
  ['kubectl exec --stdin redis-0 -- redis-cli ping', 1],
  ['kubectl exec -i redis-0 -- redis-cli ping < /dev/null', 3],
  ['echo | kubectl exec -i redis-0 -- redis-cli ping', 3],
  ['kubectl exec redis-0 -- redis-cli ping', 3],
  ['kubectl exec --stdin=false redis-0 -- redis-cli ping', 3],
  // What was answered before the list was there is not remembered over it.
  ['kubectl exec -i redis-0 -- redis-cli ping; kubectl exec -i redis-0 -- redis-cli ping', 1],
  // Who is not reached is sent nothing.
  ['kubectl exec -i redis-9 -- redis-cli ping', 3],
])('a loop over a list of three, with `%s`: %i passes', (inner, passes) => {
  expect(statusOf(loop(inner))).toBe(passes)
})

test('the program in the container reads it', () => {
  expect(statusOf('echo 7 > /tmp/f\nexit "$(kubectl exec -i redis-0 -- cat < /tmp/f)"\n')).toBe(7)
})

test('what a watch or a log prints reaches the script as it comes: it goes on when the line that it waits for is there', () => {
  const watched = `
kubectl delete pod redis-1 --wait=false
while read -r pod ready status rest; do
  kubectl get pod redis-1 -o name > /dev/null
  [ "$status" = Running ] && [ "$ready" = 1/1 ] && [ "$gone" = yes ] && exit 7
  [ "$status" = Terminating ] && gone=yes
done < <(kubectl get pod redis-1 -w --no-headers)
`
  expect(statusOf(watched)).toBe(7)
  // In a pipeline the watch lives on when its reader has left, until it has another line to print: here there is none.
  const piped = watched.replace('while read', 'kubectl get pod redis-1 -w --no-headers | while read').replace(/done <.*/, 'done')
  expect(statusOf(piped)).toBeNaN()
  expect(statusOf(`${piped.replace('kubectl get pod redis-1 -w', 'timeout 1500 kubectl get pod redis-1 -w')}exit $?\n`)).toBe(7)
  expect(statusOf('kubectl delete pod redis-1 --wait=false\ntimeout 300 kubectl get pods -w | grep -m1 "redis-1.*ContainerCreating" || exit 1\nkubectl get pod redis-1 -o "jsonpath={.status.phase}" | grep -q Pending && exit 3\n')).toBe(3)
  expect(statusOf('timeout 20 kubectl get pods -w > /tmp/log; [ "$(wc -l < /tmp/log)" -ge 7 ] && exit 4\n')).toBe(4)
  expect(statusOf('kubectl logs -f redis-0 > /tmp/log &\nsleep 5; kill $!; wait $!; exit $(( $? - 140 ))\n')).toBe(3)
})

test('psql -c leaves the list of the loop alone', () => {
  const yaml = 'format: 1\nload: { writesPerSecond: 50 }\ndeadline: 1h\ncluster: { engine: postgres }\nrunbook: ./s.sh\n'
  const inLoop = (inner: string): number => {
    const scenario = loadScenarioWritten({ name: 'stdin', folder: '/nowhere', yaml, files: { 's.sh': loop(inner) } }, engines, {})
    return Number(/ended with status (\d+)/.exec(rehearse({ scenario, seed: '1', schedule: [] }).outcomeReason)?.[1])
  }
  expect(inLoop('psql -h postgres-cluster -U postgres -Atc "select 1"')).toBe(3)
  expect(inLoop('psql -h postgres-cluster -U postgres -Atc "select pg_switch_wal()"')).toBe(3)
  expect(inLoop('psql -h postgres-cluster -U postgres -At')).toBe(1)
})
