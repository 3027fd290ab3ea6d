import { expect, it } from 'vitest'
import { cluster, run, shell, statefulSet, type TestCluster } from './cluster.ts'

function pod(c: TestCluster, name: string, spec: Record<string, unknown>, labels: Record<string, string> = {}): string {
  c.kube.create({ kind: 'Pod', metadata: { name, labels }, spec: { containers: [{ name: 'm', image: 'toy:1', resources: spec.resources }], ...spec } })
  run(c, 1)
  return c.kube.pod(name)?.node ?? shell(c, ['kubectl', 'get', 'pod', name, '-o', 'jsonpath={.status.containerStatuses}']).out + (c.sim.records?.findLast(r => r.label === 'kubernetes.pod-unschedulable' && r.node === name)?.detail ?? '')
}

it('K8S-SCHEDULE-1: nodeSelector, cordon, taints, node name, capacity, affinity; the message counts the reasons', () => {
  const c = cluster(3, { nodeCpu: 4 })
  c.kube.begin()
  expect(pod(c, 'a', { nodeSelector: { 'kubernetes.io/hostname': 'vm-1' } })).toBe('vm-1')
  expect(pod(c, 'b', { nodeSelector: { 'aks-nodepool': 'x' } })).toContain("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.")
  expect(pod(c, 'b2', { nodeSelector: { agentpool: 'workers', 'kubernetes.azure.com/agentpool': 'workers' } })).toMatch(/^vm-/)
  shell(c, 'kubectl cordon vm-0 vm-1')
  shell(c, 'kubectl taint nodes vm-2 gpu=yes:NoSchedule')
  expect(pod(c, 'c', {})).toContain('0/3 nodes are available: 1 node(s) had untolerated taint {gpu: yes}, 2 node(s) were unschedulable.')
  expect(pod(c, 'd', { tolerations: [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }] })).toBe('vm-2')
  shell(c, 'kubectl uncordon vm-0')
  run(c, 1)
  expect(c.kube.pod('c')?.node).toBe('vm-0')
  expect(pod(c, 'e', { resources: { requests: { cpu: '3500m' } } })).toBe('vm-0')
  expect(pod(c, 'f', { resources: { requests: { cpu: 1 } } })).toContain('1 Insufficient cpu')
  shell(c, 'kubectl delete pod e')
  run(c, 1)
  expect(c.kube.pod('f')?.node).toBe('vm-0')
  expect(pod(c, 'g', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['z'] }] }] } } } })).toContain('affinity/selector')
})

it('K8S-SCHEDULE-1: anti-affinity keeps two of a kind apart', () => {
  const c = cluster(2)
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app: 'x' } }, topologyKey: 'kubernetes.io/hostname' }] } }
  c.kube.create(statefulSet('x', 3, { podManagementPolicy: 'Parallel' }, { affinity }))
  c.kube.begin()
  expect(new Set(c.kube.pods().map(p => p.node)).size).toBe(3)
  expect(c.kube.pods().filter(p => p.node === undefined)).toHaveLength(1)
})

it('K8S-SCHEDULE-2: a zone-bound disk keeps its pod in its zone; a zone-redundant one does not', () => {
  for (const zoneRedundantDisks of [false, true]) {
    const c = cluster(3, { zoneRedundantDisks })
    c.kube.create(statefulSet('db', 3))
    c.kube.begin()
    const home = c.kube.pod('db-1')?.node as string
    shell(c, `kubectl cordon ${home}`)
    shell(c, 'kubectl delete pod db-1')
    run(c, 3600)
    expect(c.kube.pod('db-1')?.ready).toBe(zoneRedundantDisks)
    if (!zoneRedundantDisks) {
      expect(c.sim.records?.some(r => r.detail.includes('volume node affinity conflict'))).toBe(true)
      shell(c, `kubectl uncordon ${home}`)
      run(c, 60)
      expect(c.kube.pod('db-1')?.node).toBe(home)
    }
  }
})

it('a pod that names a claim nobody made waits for it', () => {
  const c = cluster(1)
  c.kube.begin()
  expect(pod(c, 'p', { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'later' } }] })).toContain('persistentvolumeclaim "later" not found')
  c.kube.create({ kind: 'PersistentVolumeClaim', metadata: { name: 'later' }, spec: {} })
  run(c, 120)
  expect(c.kube.pod('p')?.ready).toBe(true)
})

it('K8S-SCHEDULE-3: spread over zones: a cordoned zone that is empty keeps the others from taking more than maxSkew, unless taints are honoured', () => {
  for (const [more, placed] of [[{}, false], [{ nodeTaintsPolicy: 'Honor' }, true], [{ whenUnsatisfiable: 'ScheduleAnyway' }, true], [{ maxSkew: 2 }, true], [{ labelSelector: { matchLabels: { app: 'y' } } }, true]] as const) {
    const c = cluster(3)
    const topologySpreadConstraints = [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'x' } }, ...more }]
    c.kube.create(statefulSet('x', 3, { podManagementPolicy: 'Parallel', volumeClaimTemplates: [] }, { topologySpreadConstraints }))
    c.kube.begin()
    expect(new Set(c.kube.pods().map(p => p.node)).size).toBe(3)
    const node = c.kube.pod('x-2')?.node as string
    shell(c, `kubectl cordon ${node}`)
    shell(c, 'kubectl delete pod x-2')
    run(c, 60)
    expect(c.kube.pod('x-2')?.node !== undefined).toBe(placed)
    if (!placed) expect(c.sim.records?.findLast(r => r.label === 'kubernetes.pod-unschedulable')?.detail).toContain("2 node(s) didn't match pod topology spread constraints")
  }
})

it('K8S-SCHEDULE-3: a node without the label is no place for it, and minDomains holds it back while there are fewer', () => {
  const c = cluster(2)
  c.kube.begin()
  const spread = (more: Record<string, unknown>) => ({ topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', labelSelector: { matchLabels: { app: 'x' } }, ...more }] })
  expect(pod(c, 'a', spread({ topologyKey: 'rack' }), { app: 'x' })).toContain('missing required label')
  expect(pod(c, 'b', spread({ minDomains: 3 }), { app: 'x' })).toMatch(/^vm-/)
  expect(pod(c, 'd', spread({ minDomains: 3 }), { app: 'x' })).toMatch(/^vm-/)
  expect(pod(c, 'e', spread({ minDomains: 3 }), { app: 'x' })).toContain('topology spread constraints')
  expect(pod(c, 'f', spread({}), { app: 'x' })).toMatch(/^vm-/)
})
