/** A runbook that says it is done although most of what it is written to do failed must not come out green; one that only looks, or finds all done, must. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runCampaign } from '../../src/campaign/index.ts'
import { type DeedsAggregate, addDeeds, mergeDeeds, noDeeds } from '../../src/campaign/deeds.ts'
import { renderDeeds } from '../../src/report/deeds.ts'
import { pageData, renderPage } from '../../src/report/html.ts'
import { badgeWords, sentence } from '../../src/report/summary.ts'
import { loadScenarioFrom } from '../../src/scenario/index.ts'
import { engines } from '../../models/index.ts'

const SCREEN = { columns: 100, colour: false, unicode: true } as never

async function rehearsed(script: string, { engine = 'postgres', more = '', start = '' } = {}) {
  const yaml = `format: 1\ntitle: deeds\ncluster: { engine: ${engine}${more} }\ndeadline: 1h\nrunbook: ./mine.sh\n${start}`
  const scenario = loadScenarioFrom({ name: 'deeds', yaml, files: { 'mine.sh': script }, set: {} }, engines, {})
  const { result } = await runCampaign(scenario, { runs: 3, seed: 'deeds', faults: 0, jobs: 1 })
  return { result, scenario, badge: badgeWords(result), told: renderDeeds(result, SCREEN).join('\n'), acts: result.floors.find(({ id }) => id === 'acts')?.status }
}

// What is not there is known only as it runs, so nothing refuses these before.
const WRONG_NAMESPACE = `set -u
NS="$(printf pro)dd"
log() { echo "[$(date +%T)] $*"; }
log start
kubectl -n "$NS" exec postgres-cluster-0 -- psql -U postgres -c CHECKPOINT
kubectl -n "$NS" delete pod postgres-cluster-1
kubectl -n "$NS" wait --for=condition=Ready pod/postgres-cluster-1 --timeout=300s
log done
`
const NO_SUCH_POD = 'NODE=$(kubectl get pod "postgres-cluster-$((3 + 4))" -o jsonpath={.spec.nodeName})\nkubectl cordon "$NODE"\nkubectl delete pod "postgres-cluster-$((3 + 4))"\nkubectl uncordon "$NODE"\necho upgraded\n'
const NO_SUCH_LABEL = 'for pod in $(kubectl get pods -l app=postgresqll -o name); do\n  kubectl delete "$pod"\ndone\necho upgraded\n'

test.each([
  ['a namespace that is not there', WRONG_NAMESPACE, /L5 +failed in all 3 and nothing looked at it: kubectl -n prodd exec[^→]*→ Error from server \(NotFound\): .*postgres-cluster-0/s],
  ['a pod that is not there', NO_SUCH_POD, /L3 +failed in all 3.*→ Error from server \(NotFound\): pods "postgres-cluster-7" not found/s],
  ['a failure that only a message follows', 'POD=postgres-cluster-$((4 + 4))\nkubectl delete pod "$POD" || echo "could not delete $POD"\necho done\n', /L2 +failed in all 3 and the runbook went on/],
  ['a loop over nothing', NO_SUCH_LABEL, /L1 +made no pass in all 3 because its list was empty: for pod in/],
  ['lines that never came', 'kubectl get pods -l app=nope -o name | while read -r pod; do kubectl delete "$pod"; done\n', /L1 +made no pass/],
  ['lines of a here-string that never came', 'PODS=$(kubectl get pods -l app=nope -o name)\nwhile read -r pod; do\n  [ -z "$pod" ] && continue\n  kubectl delete "$pod"\ndone < <(echo -n "$PODS")\n', /L2 +made no pass/],
  ['a loop in a function over nothing', 'roll() {\n  local pod\n  for pod in $(kubectl get pods -l "app=$1" -o name); do restart "$pod"; done\n}\nrestart() { kubectl delete "$1"; }\nroll typo\n', /L3 +made no pass in all 3 because its list was empty: for pod in/],
  ['a selector that matches nothing', 'kubectl delete pods -l app=typo\necho restarted\n', /L1 +failed in all 3 and nothing looked at it: kubectl delete pods -l app=typo[^→]*→ No resources found/s],
])('%s is no success', async (_name, script, told) => {
  const it = await rehearsed(script)
  expect(it.result.outcomes.completed).toBe(3)
  expect(it.result.verdict).toBe('violated')
  expect(it.badge).toBe('DID NOTHING')
  expect(sentence(it.result)).toBe('All 3 rehearsals reached the end of the runbook, and nothing of what it is written to do was done. So nothing was shown about it.')
  expect(it.told).toMatch(told)
})

test('the page says on its first screen what failed, and nothing of failures that did not happen', async () => {
  const { result, scenario } = await rehearsed(WRONG_NAMESPACE)
  const data = pageData([{ result, scenario, rehearsals: [] }], '0.1.0')
  const { deeds, facts } = data.campaigns[0]!
  expect(deeds?.idle).toBe(true)
  expect(deeds?.lines[0]).toMatch(/^Line 5 failed in all 3 and nothing looked at it: `kubectl -n prodd exec .*` answered `Error from server \(NotFound\)/)
  expect(facts).toContainEqual(['what this shows', 'nothing: no check failed, and none was put to the test'])
  const html = await renderPage(data)
  const first = html.slice(html.indexOf('<header'), html.indexOf('</header>'))
  expect(['DID NOTHING', 'What failed, and was passed over', 'set -e'].filter(words => !first.includes(words))).toEqual([])
  expect(/0 failures|None was found/.exec(html.slice(0, html.indexOf('<script type="application/json"')))).toBeNull()
  const fine = await rehearsed('kubectl delete pod postgres-cluster-1\n')
  expect(pageData([{ result: fine.result, scenario: fine.scenario, rehearsals: [] }], '0.1.0').campaigns[0]!.deeds).toBeNull()
})

test('an error that the tool tells with status 0 is one', async () => {
  const it = await rehearsed('for n in 0 1 2; do\n  kubectl exec "redis-$n" -- redis-cli cluster failover\ndone\necho done\n', { engine: 'redis' })
  // The first three are masters, and refuse.
  expect(it.badge).toBe('DID NOTHING')
  expect(it.told).toContain('ERR You should send CLUSTER FAILOVER to a replica')
  const all = await rehearsed('for n in 0 1 2; do\n  kubectl exec "redis-$n" -- redis-cli cluster forget 0123456789012345678901234567890123456789\ndone\necho done\n', { engine: 'redis' })
  expect(all.badge).toBe('DID NOTHING')
  expect(all.told).toContain('ERR Unknown node')
})

test('most of it failed unseen: done little', async () => {
  const it = await rehearsed('X=$(printf nope)\nkubectl annotate pod postgres-cluster-0 upgrade=started\nkubectl cordon "$X"\nkubectl drain "$X" --ignore-daemonsets\nkubectl delete pod "$X"\necho done\n')
  expect(it.badge).toBe('DID LITTLE')
  expect(sentence(it.result)).toContain('most of what it is written to do failed')
  expect(it.told).toMatch(/L3 .*\n.*→ .*nodes "nope" not found/)
})

test('steps that go on whatever happens are judged alike', async () => {
  const run = async (otherwise: string) => {
    const yaml = `format: 1\ntitle: steps\ncluster: { engine: postgres }\ndeadline: 1h\nrunbook:\n  - { id: x, run: printf postgres-cluster-9, as: pod }\n  - { id: gone, run: 'kubectl delete pod \${pod}'${otherwise} }\n`
    return (await runCampaign(loadScenarioFrom({ name: 'steps', yaml, files: {}, set: {} }, engines, {}), { runs: 3, seed: 'deeds', faults: 0, jobs: 1 })).result
  }
  const result = await run(', otherwise: continue')
  expect(badgeWords(result)).toBe('DID NOTHING')
  expect(renderDeeds(result, SCREEN).join('\n')).toMatch(/gone +failed in all 3 and nothing looked at it: kubectl delete pod postgres-cluster-9/)
  expect(badgeWords(await run(''))).toBe('NEVER COMPLETED')
})

test.each([
  ['one that only looks', 'kubectl get pods\nkubectl exec postgres-cluster-0 -- psql -U postgres -Atc "select 1"\nkubectl describe node > /dev/null\n'],
  ['one that looks at what is not there', 'kubectl get pod "postgres-cluster-$((3 + 4))"\nkubectl exec "postgres-cluster-$((3 + 4))" -- psql -U postgres -Atc "select 1"\necho\n'],
  ['one that looks through the shell of a container', 'for i in 0 1 9; do kubectl exec "postgres-cluster-$i" -- sh -c "psql -U postgres -Atc \\"select pg_is_in_recovery()\\" | tr a-z A-Z"; done\necho\n'],
  ['one that waits in vain', 'kubectl wait --for=condition=Ready "pod/postgres-cluster-$((3 + 4))" --timeout=5s\necho\n'],
  ['one that lists what is broken, and nothing is', 'for pod in $(kubectl get pods --field-selector status.phase=Failed -o name); do kubectl describe "$pod"; done\n'],
  ['one that finds all done', 'v=$(kubectl exec postgres-cluster-0 -- psql -U postgres -Atc "show server_version")\ncase "$v" in 15.*) echo "at $v already"; exit 0 ;; esac\nkubectl delete pod "postgres-cluster-$((3 + 4))"\n'],
  ['one that asks first whether there is anything', 'PODS=$(kubectl get pods -l version=old -o name)\n[ -n "$PODS" ] || { echo "nothing to do"; exit 0; }\nfor p in $PODS; do kubectl delete "$p"; done\n'],
  ['one that counts first', 'mapfile -t pods < <(kubectl get pods -l version=old -o name)\necho "${#pods[@]} to do"\nfor p in "${pods[@]}"; do kubectl delete "$p"; done\n'],
  ['one that cleans up what may not be there', 'kubectl delete job old-job 2>/dev/null\nkubectl delete configmap old || true\nkubectl exec postgres-cluster-0 -- psql -U postgres -c CHECKPOINT\n'],
  ['one that is refused once and does it then', 'kubectl cordon "$(printf nope)"\nkubectl exec postgres-cluster-0 -- psql -U postgres -c CHECKPOINT\n'],
])('%s is as good as it was', async (_name, script) => {
  const it = await rehearsed(script)
  expect(it.result.outcomes.completed).toBe(3)
  expect([it.badge, it.acts]).toEqual(['HELD', 'pass'])
})

test('what is tidied up in silence, or with its status looked at, is not told as passed over', async () => {
  const it = await rehearsed('kubectl delete job old-job 2>/dev/null\nkubectl delete configmap old || true\nkubectl delete pod "postgres-cluster-$((7))"\nif [ $? -ne 0 ]; then echo none; fi\nkubectl exec postgres-cluster-0 -- psql -U postgres -c CHECKPOINT\n')
  expect([it.badge, it.told]).toEqual(['HELD', ''])
  // A failure that nothing looks at is told, also where the rest is in order.
  const other = await rehearsed('kubectl delete pod "postgres-cluster-$((7))"\nkubectl exec postgres-cluster-0 -- psql -U postgres -c CHECKPOINT\necho\n')
  expect(other.badge).toBe('HELD')
  expect(other.told).toMatch(/L1 +failed in all 3 and nothing looked at it/)
})

test('a second run of the same script may find nothing left to do', async () => {
  const script = 'for p in $(kubectl get pods -l "todo=yes" -o name); do kubectl delete "$p"; done\n'
  expect((await rehearsed(script, { start: 'start: ./mine.sh\n' })).badge).toBe('HELD')
  expect((await rehearsed(script)).badge).toBe('DID NOTHING')
})

test('parts of a campaign add up to the whole', () => {
  const deed = fc.record({ step: fc.constantFrom('L1', 'L2', 'L3'), command: fc.constantFrom('a', 'b'), said: fc.constantFrom('x', 'y'), unseen: fc.boolean() })
  const deeds = fc.record({ done: fc.nat(2), failed: fc.uniqueArray(deed, { selector: ({ step }) => step }), barren: fc.uniqueArray(fc.record({ step: fc.constantFrom('L4', 'L5'), text: fc.constant('for') }), { selector: ({ step }) => step }) })
  const sum = (runs: readonly (readonly [number, object])[]): DeedsAggregate => runs.reduce((into, [run, each]) => (addDeeds(into, run, { outcome: 'completed', deeds: each as never }), into), noDeeds())
  fc.assert(fc.property(fc.array(deeds, { maxLength: 8 }), fc.func(fc.boolean()), (all, left) => {
    const numbered = all.map((each, run) => [run, each] as const)
    const parts = [numbered.filter(([run]) => left(run)), numbered.filter(([run]) => !left(run))].map(sum)
    const merged = noDeeds()
    for (const part of parts.toReversed()) mergeDeeds(merged, part)
    expect(merged).toEqual(sum(numbered))
  }))
})

test('a command that ends with the container that it stopped has stopped it, and a step that may fail by its own words is not told of under a green verdict', async () => {
  const stop = 'kubectl exec postgres-cluster-2 -- pg_ctl stop -m fast -D /var/lib/postgresql/data'
  const script = await rehearsed(`${stop} || true\nkubectl wait --for=condition=Ready pod/postgres-cluster-2 --timeout=5m\necho restarted\n`)
  expect([script.result.verdict, script.acts, script.told]).toEqual(['held', 'pass', ''])
  const yaml = `format: 1\ntitle: deeds\ncluster: { engine: postgres }\ndeadline: 1h\nrunbook:\n  - { id: stop, run: '${stop}', otherwise: continue }\n  - { id: gone, run: kubectl delete pod postgres-cluster-7, otherwise: continue }\n  - { id: rest, sleep: 60s }\n`
  const { result } = await runCampaign(loadScenarioFrom({ name: 'deeds', yaml, files: {}, set: {} }, engines, {}), { runs: 2, seed: 'deeds', faults: 0, jobs: 1 })
  expect(result.verdict).toBe('held')
  expect(Object.keys(result.aggregate.deeds.failed)).toEqual(['gone'])
  expect(renderDeeds(result, SCREEN)).toEqual([])
})
