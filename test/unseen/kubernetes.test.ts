/** What Kubernetes itself does to a database: see `play.ts`. Budgets, spreads, probes, grace periods, rollouts; PostgreSQL is what runs in it. */
import { expect, test } from 'vitest'
import type { Fault } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'
import { scenarioOf, unseen } from './play.ts'

const SET = 'postgres-cluster'
const pod = (n: number): string => `${SET}-${n}`
const passOver = (run: string): Step => ({ run, otherwise: 'continue' })
const wait = (sleep: string): Step => ({ sleep })
const ready = (n: number, timeout = '10m'): string => `kubectl wait --for=condition=Ready pod/${pod(n)} --timeout=${timeout}`
const nodeOf = (n: number, as = 'node'): Step => ({ run: `kubectl get pod ${pod(n)} -o jsonpath='{.spec.nodeName}'`, as })
const drain = (node: string, timeout: string): string => `kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data --timeout=${timeout}`
const patch = (spec: unknown): string => `kubectl patch statefulset ${SET} --patch '${JSON.stringify({ spec })}'`
const main = (more: Record<string, unknown>, rest: Record<string, unknown> = {}) => ({ template: { spec: { ...rest, containers: [{ name: 'postgres', ...more }] } } })
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'postgres', serviceSelects: 'pod-name', databaseMB: 500, targetKubernetesVersion: null, slots: true, ...more })
const fault = (kind: Fault['kind'], target: string, at: number, durationUs: number): Fault => ({ kind, target, at, durationUs, magnitude: 0 })
/** A budget over the members, then what follows, with pod 2's node in `$node`. */
const budgeted = (spec: Record<string, unknown>, then: string): string =>
  `kubectl apply -f - <<'E'\n${JSON.stringify({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'own' }, spec: { selector: { matchLabels: { app: SET } }, ...spec } })}\nE\nnode=$(kubectl get pod ${pod(2)} -o jsonpath='{.spec.nodeName}')\n${then}\nkubectl uncordon $node\n`
const quick = { timeout: '5s', queueAgeLimit: '10s' }
const BROKEN = main({ image: 'postgres:15.9-typo/x' })

unseen({
  // ── budgets ──
  'two budgets over one pod: the eviction is an error, the drain ends with it, nobody is gone': {
    cluster: cluster({ podDisruptionBudget: true }),
    script: budgeted({ maxUnavailable: 1 }, `uid=$(kubectl get pod ${pod(2)} -o jsonpath='{.metadata.uid}')\nif ${drain('$node', '10m')}; then exit 1; fi\n[ "$(kubectl get pod ${pod(2)} -o jsonpath='{.metadata.uid}')" = "$uid" ] || exit 2`),
    predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [0, 20] }, passes: 'all' }, source: 'eviction.go; kubernetes#75957',
  },
  '67 % of three, rounded up, is three: nobody may be evicted': {
    cluster: cluster(), script: budgeted({ minAvailable: '67%' }, `${drain('$node', '2m')} && exit 1`), predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [115, 135] }, passes: 'all' }, source: 'configure-pdb: rounded up',
  },
  'maxUnavailable of one per cent, rounded up, is one': {
    cluster: cluster(), script: budgeted({ maxUnavailable: '1%' }, `${drain('$node', '2m')} || exit 1`), predicts: { measures: { writeDowntimeSeconds: 0 } }, source: 'disruption.go getExpectedPodCount',
  },
  'a standby that crash-loops under a budget of all three: its node cannot be drained': {
    cluster: cluster({ updateStrategy: 'OnDelete' }),
    script: budgeted({ minAvailable: 3 }, `kubectl set image statefulset/${SET} postgres=postgres:16.4\nkubectl delete pod ${pod(2)}\nsleep 120\n${drain('$node', '2m')} && exit 1`),
    predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [235, 300] }, fails: ['converges'] }, source: 'unhealthyPodEvictionPolicy IfHealthyBudget',
  },
  'with unhealthyPodEvictionPolicy AlwaysAllow it can': {
    cluster: cluster({ updateStrategy: 'OnDelete' }),
    script: budgeted({ minAvailable: 3, unhealthyPodEvictionPolicy: 'AlwaysAllow' }, `kubectl set image statefulset/${SET} postgres=postgres:16.4\nkubectl delete pod ${pod(2)}\nsleep 120\n${drain('$node', '2m')} || exit 1`),
    predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [120, 190] }, fails: ['converges'] }, source: 'unhealthyPodEvictionPolicy AlwaysAllow',
  },
  'a taint NoExecute on the primary’s node: gone past the budget, back when the taint is': {
    cluster: cluster({ podDisruptionBudget: true, spareNodes: 0 }), load: quick,
    steps: [nodeOf(0), 'kubectl taint nodes ${node} maintenance=true:NoExecute', wait('60s'), 'kubectl taint nodes ${node} maintenance=true:NoExecute-', ready(0), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [55, 80] }, passes: 'all' }, source: 'taint-and-toleration; deletion ignores budgets',
  },
  // ── grace ──
  'a preStop hook longer than the grace period: the stop signal comes all the same, and two seconds are enough for a clean stop': {
    cluster: cluster({ updateStrategy: 'OnDelete', synchronousCommit: 'off', spareNodes: 0 }), load: quick,
    steps: [patch(main({ lifecycle: { preStop: { exec: { command: ['sleep', '60'] } } } }, { terminationGracePeriodSeconds: 20 })), `kubectl delete pod ${pod(0)}`, wait('5s'), ready(0), wait('60s'), `kubectl delete pod ${pod(0)}`, wait('5s'), ready(0), wait('30s')],
    predicts: { measures: { lostAcknowledgedWrites: 0 }, passes: 'all' }, source: 'pod-lifecycle: extended once by 2 s; a fast shutdown writes out what synchronous_commit off has not',
  },
  // ── scheduling ──
  'spread over zones, the deleted standby’s zone cordoned: Pending until it is open again': {
    cluster: cluster({ spareNodes: 3, updateStrategy: 'OnDelete', kubernetes: { zoneRedundantDisks: true, diskMoveSeconds: 30 } }),
    steps: [
      patch({ template: { spec: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: SET } } }] } } }), nodeOf(2),
      { run: "kubectl get node ${node} -o jsonpath='{.metadata.labels.topology\\.kubernetes\\.io/zone}'", as: 'zone' }, 'kubectl cordon -l topology.kubernetes.io/zone=${zone}', `kubectl delete pod ${pod(2)}`, passOver(ready(2)), 'kubectl uncordon -l topology.kubernetes.io/zone=${zone}', ready(2), wait('60s'),
    ],
    predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [660, 760] }, passes: 'all' }, source: 'topology-spread-constraints: a cordoned node counts (nodeTaintsPolicy Ignore)',
  },
  'the primary’s machine dead, its pod deleted by force: its disk stays there for six minutes': {
    cluster: cluster({ spareNodes: 3, kubernetes: { zoneRedundantDisks: true, diskMoveSeconds: 60 } }), load: quick,
    steps: [wait('3m'), `kubectl delete pod ${pod(0)} --force --grace-period=0`, ready(0, '20m'), wait('60s')], faults: [fault('node-loss', 'role:leader', 10 * SECOND, 60 * MINUTE)],
    predicts: { measures: { writeDowntimeSeconds: [585, 640] }, passes: ['no-split-brain', 'no-acknowledged-write-lost', 'serves-at-end'] }, source: 'node-shutdown: 6 min',
  },
  'told that it is out of service: at once': {
    cluster: cluster({ spareNodes: 3, kubernetes: { zoneRedundantDisks: true, diskMoveSeconds: 60 } }), load: quick,
    steps: [wait('3m'), nodeOf(0), 'kubectl taint nodes ${node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute', `kubectl delete pod ${pod(0)} --force --grace-period=0`, ready(0, '20m'), wait('60s')], faults: [fault('node-loss', 'role:leader', 10 * SECOND, 60 * MINUTE)],
    predicts: { measures: { writeDowntimeSeconds: [225, 290] }, passes: ['no-split-brain', 'no-acknowledged-write-lost', 'serves-at-end'] }, source: 'node-shutdown: out-of-service',
  },
  // ── rollouts ──
  'an image that no registry has, OrderedReady: undo heals nothing until the pod is deleted': {
    cluster: cluster({ spareNodes: 0 }), steps: [patch(BROKEN), passOver(`kubectl rollout status statefulset/${SET} --timeout=2m`), `kubectl rollout undo statefulset/${SET}`, passOver(`kubectl rollout status statefulset/${SET} --timeout=3m`), `kubectl delete pod ${pod(2)}`, `kubectl rollout status statefulset/${SET} --timeout=10m`, wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [300, 420] }, passes: 'all' }, source: 'kubernetes#67250',
  },
  'Parallel: it heals by itself': {
    cluster: cluster({ spareNodes: 0, podManagementPolicy: 'Parallel' }), steps: [patch(BROKEN), passOver(`kubectl rollout status statefulset/${SET} --timeout=2m`), `kubectl rollout undo statefulset/${SET}`, `kubectl rollout status statefulset/${SET} --timeout=5m`, wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [150, 260] }, passes: 'all' }, source: 'stateful_set_control.go: only a monotonic set stops at an unready pod before it rolls',
  },
  'minReadySeconds of two minutes: the roll waits for them twice': {
    cluster: cluster({ spareNodes: 0, targetImage: 'postgres:15.9' }), load: quick, steps: [wait('2m'), patch({ minReadySeconds: 120 }), `kubectl set image statefulset/${SET} postgres=postgres:15.9`, `kubectl rollout status statefulset/${SET} --timeout=60m`],
    predicts: { measures: { durationSeconds: [375, 560], writeDowntimeSeconds: [3, 60] }, passes: 'all' }, source: 'statefulset minReadySeconds',
  },
  'a Service’s selector mistyped: who is connected stays, nobody else comes': {
    cluster: cluster(), steps: [`kubectl patch service postgres-primary --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"postgres-cluster-9"}}}'`, wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['serves-at-end'] }, source: 'service without endpoints',
  },
  'the set deleted with its pods left alone, and made again as it was: nobody notices': {
    cluster: cluster(), script: `kubectl get statefulset ${SET} -o yaml > set.yaml\nkubectl delete statefulset ${SET} --cascade=orphan\nsleep 20\nkubectl apply -f set.yaml\nkubectl rollout status statefulset/${SET} --timeout=5m\nsleep 60\n`,
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'statefulset: adoption',
  },
})

// Predicted: never Ready; killed again and again; hanging in Init. None of it is modelled, and a rehearsal that passed it over would say that all is well.
test.each([
  ['a readiness probe of a wrong port', main({ readinessProbe: { tcpSocket: { port: 9999 } } }), 'readinessProbe'],
  ['a liveness probe', main({ livenessProbe: { tcpSocket: { port: 5432 } } }), 'livenessProbe'],
  ['an init container that waits for what never comes', main({}, { initContainers: [{ name: 'wait-for', image: 'busybox', command: ['sh', '-c', 'until nslookup nowhere; do sleep 2; done'] }] }), 'wait-for'],
])('%s is refused by name', async (_name, spec, word) => {
  const { rehearse } = await import('../../src/rehearsal.ts')
  expect(() => rehearse({ scenario: scenarioOf({ cluster: cluster(), steps: [patch(spec)] }), schedule: [], seed: '1' })).toThrow(word)
})
