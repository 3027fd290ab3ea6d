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
