import { expect, it } from 'vitest'
import { NEVER, SECOND } from '../../src/kernel/index.ts'
import { cluster, run, shell, statefulSet, type TestCluster } from './cluster.ts'

function started(options = {}): TestCluster {
  const c = cluster(3, options)
  c.kube.create(statefulSet('web', 3))
  c.kube.begin()
  return c
}

function budget(c: TestCluster, spec: Record<string, unknown>): void {
  c.kube.create({ kind: 'PodDisruptionBudget', metadata: { name: 'web' }, spec: { selector: { matchLabels: { app: 'web' } }, ...spec } })
}

it('K8S-DRAIN-1: cordons, evicts, waits, leaves the node cordoned', () => {
  const c = started()
  const node = c.kube.pod('web-1')?.node as string
  const r = shell(c, `kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data --grace-period=300`)
  expect(r.code).toBe(0)
  expect(r.out).toBe(`node/${node} cordoned\nevicting pod default/web-1\npod/web-1 evicted\nnode/${node} drained\n`)
  expect(r.err).toMatch(/^Warning: ignoring DaemonSet-managed Pods: kube-system\/azure-ip-masq-agent-/)
  expect(shell(c, 'kubectl get nodes --no-headers').out).toContain('Ready,SchedulingDisabled')
  expect(shell(c, `kubectl uncordon ${node}`).out).toBe(`node/${node} uncordoned\n`)
  expect(shell(c, `kubectl cordon ${node}`).out).toBe(`node/${node} cordoned\n`)
  expect(shell(c, `kubectl cordon ${node}`).out).toBe(`node/${node} already cordoned\n`)
})

it('K8S-DRAIN-2: refuses to begin without the flags, but has cordoned', () => {
  const c = cluster(1)
  c.kube.create({ kind: 'Pod', metadata: { name: 'bare' }, spec: { containers: [{ name: 'm', image: 'toy:1' }], volumes: [{ name: 's', emptyDir: {} }] } })
  c.kube.begin()
  const bare = shell(c, 'kubectl drain vm-0')
  expect(bare.code).toBe(1)
  expect(bare.out).toBe('node/vm-0 cordoned\n')
  for (const text of ['cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)', 'cannot delete Pods with local storage (use --delete-emptydir-data to override): default/bare', 'cannot delete Pods that declare no controller (use --force to override): default/bare']) expect(bare.err).toContain(text)
  expect(shell(c, 'kubectl drain vm-0 --ignore-daemonsets --delete-emptydir-data --force').code).toBe(0)
  expect(c.kube.pods()).toHaveLength(0)
})

it('K8S-PDB-1, K8S-DRAIN-1: a budget holds the eviction back until it is met again', () => {
  const c = started({ daemonSets: [] })
  budget(c, { maxUnavailable: 1 })
  const end = c.kube.faults.probeFails('web-0')
  run(c, 60)
  const node = c.kube.pod('web-2')?.node as string
  const before = c.sim.eventsRun
  const r = shell(c, `kubectl drain ${node} --timeout=300s`)
  expect(r.code).toBe(1)
  expect(r.us / SECOND).toBeGreaterThan(300)
  expect(r.err).toContain(`error when evicting pods/"web-2" -n "default" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.`)
  expect(r.err).toContain('global timeout reached: 5m0s')
  expect(c.sim.eventsRun - before).toBeLessThan(50)
  expect(c.kube.pod('web-2')?.terminating).toBe(false)
  c.sim.call(c.sim.now + 60 * SECOND, end)
  const again = shell(c, `kubectl drain ${node}`)
  expect(again.code).toBe(0)
  expect(again.us / SECOND).toBeGreaterThan(60)
  expect(again.us / SECOND).toBeLessThan(90)
})

it('K8S-PDB-1: minAvailable, percentages, deletion ignores budgets', () => {
  const c = started()
  budget(c, { minAvailable: 3 })
  const allowed = () => shell(c, ['kubectl', 'get', 'pdb', 'web', '-o', 'jsonpath={.status.disruptionsAllowed}']).out
  expect(allowed()).toBe('0')
  c.kube.create({ kind: 'PodDisruptionBudget', metadata: { name: 'web' }, spec: { selector: { matchLabels: { app: 'web' } }, minAvailable: '50%' } })
  expect(allowed()).toBe('1')
  c.kube.create({ kind: 'PodDisruptionBudget', metadata: { name: 'web' }, spec: { selector: { matchLabels: { app: 'web' } }, maxUnavailable: 0 } })
  expect(shell(c, 'kubectl delete pod web-0').code).toBe(0)
})

it('a drain of a process that will not stop ends at the grace period', () => {
  const c = started({ daemonSets: [] })
  c.toy.stopUs = NEVER
  const r = shell(c, `kubectl drain ${c.kube.pod('web-0')?.node} --grace-period=90`)
  expect(r.code).toBe(0)
  expect(Math.round(r.us / SECOND)).toBeGreaterThanOrEqual(90)
  expect(Math.round(r.us / SECOND)).toBeLessThan(93)
})

it('K8S-PDB-2: a budget that allows nothing refuses every eviction; deletion goes past it', () => {
  const c = started({ daemonSets: [] })
  const end = c.kube.faults.budgetBlocks()
  expect(shell(c, 'kubectl get pdb --no-headers').out).toMatch(/^keep-everything-0 /)
  expect(c.kube.faults.apiEviction('web-1')).toBe(false)
  const node = c.kube.pod('web-2')?.node as string
  expect(shell(c, `kubectl drain ${node} --timeout=60s`)).toMatchObject({ code: 1, err: expect.stringContaining('would violate') })
  shell(c, 'kubectl delete pod web-0')
  expect(c.kube.pod('web-0')?.removed).not.toBe(true)
  c.sim.call(c.sim.now + 60 * SECOND, end)
  expect(shell(c, `kubectl drain ${node}`).code).toBe(0)
  expect(shell(c, 'kubectl get pdb --no-headers').out).toBe('')
  expect(c.kube.faults.apiEviction('web-1')).toBe(true)
})

it('K8S-PDB-2: a blocking budget beside another holds drains back, and ends none', () => {
  const c = started({ daemonSets: [] })
  budget(c, { maxUnavailable: 1 })
  c.sim.call(c.sim.now + 60 * SECOND, c.kube.faults.budgetBlocks())
  const r = shell(c, `kubectl drain ${c.kube.pod('web-2')?.node}`)
  expect(r.code).toBe(0)
  expect(r.us / SECOND).toBeGreaterThan(60)
})

it('K8S-EVICT-1: node pressure goes past every budget, gives a second, and keeps the node empty meanwhile', () => {
  const c = started()
  budget(c, { maxUnavailable: 0 })
  c.toy.stopUs = 20 * SECOND
  const { node, uid } = c.kube.pod('web-1') as { node: string; uid: string }
  const sinceUs = c.sim.now
  const end = c.kube.faults.nodePressure('web-1')
  run(c, 10)
  const killedUs = Number(c.toy.log.find(l => l.includes('KILL web-1'))?.split(' ')[0])
  expect(killedUs - sinceUs).toBeGreaterThanOrEqual(SECOND)
  expect(killedUs - sinceUs).toBeLessThan(3 * SECOND)
  run(c, 120)
  const next = c.kube.pod('web-1')
  expect(next?.uid).not.toBe(uid)
  expect(next?.node).not.toBe(node)
  expect(c.kube.nodes.get(node)?.taints).toHaveLength(1)
  end?.()
  expect(c.kube.nodes.get(node)?.taints).toHaveLength(0)
})

it('K8S-PDB-3: two budgets over one pod: not evicted, not tried again; the others go, and the drain fails', () => {
  const c = started({ daemonSets: [] })
  c.kube.create(statefulSet('other', 3))
  run(c, 120)
  budget(c, { maxUnavailable: 1 })
  c.kube.create({ kind: 'PodDisruptionBudget', metadata: { name: 'all' }, spec: { selector: {}, maxUnavailable: 1 } })
  const node = c.kube.pod('web-2')?.node as string
  const beside = c.kube.pods().filter(p => p.node === node && p.labels.app === 'other').map(p => p.uid)
  const r = shell(c, `kubectl drain ${node}`)
  expect(r.code).toBe(1)
  expect(r.us / SECOND).toBeLessThan(30)
  expect(r.err).toContain('error when evicting pods/"web-2" -n "default": This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.')
  expect(r.err).not.toContain('will retry')
  expect(c.kube.pod('web-2')?.terminating).toBe(false)
  expect(beside.length).toBeGreaterThan(0)
  expect(c.kube.pods().some(p => beside.includes(p.uid))).toBe(false)
  shell(c, 'kubectl delete pdb all')
  expect(shell(c, `kubectl drain ${node}`).code).toBe(0)
})
