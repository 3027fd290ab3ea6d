import { expect, it } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { cluster, run, service, shell, statefulSet, type TestCluster } from './cluster.ts'

function started(nodes = 4): TestCluster {
  const c = cluster(nodes)
  c.kube.create(service('shard', { app: 'shard' }))
  c.kube.create(statefulSet('shard', 3))
  c.kube.begin()
  return c
}

/** Cuts a node off from the control plane; returns how to heal it. */
function partition(c: TestCluster, node: string): () => void {
  const to = c.network.cut('t1', p => p === node, p => p === 'control-plane')
  const from = c.network.cut('t2', p => p === 'control-plane', p => p === node)
  return () => {
    to()
    from()
  }
}

const nodeOf = (c: TestCluster, pod: string) => c.kube.pod(pod)?.node as string
const when = (c: TestCluster, label: string, node: string) => (c.sim.records?.find(r => r.label === label && r.node === node)?.atUs ?? Number.NaN) / SECOND

it('K8S-NODE-1: a silent node is Unknown after 50–55 s; its pods count as not Ready and run on', () => {
  const c = started()
  const node = nodeOf(c, 'shard-1')
  partition(c, node)
  run(c, 49)
  expect(c.kube.pod('shard-1')?.ready).toBe(true)
  expect(shell(c, `kubectl get node ${node} --no-headers`).out).toContain('Ready ')
  run(c, 10)
  expect(when(c, 'kubernetes.node-unknown', node)).toBeGreaterThanOrEqual(50)
  expect(when(c, 'kubernetes.node-unknown', node)).toBeLessThanOrEqual(55)
  expect(shell(c, ['kubectl', 'get', 'node', node, '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}']).out).toBe('Unknown')
  expect(c.kube.pod('shard-1')?.ready).toBe(false)
  expect(c.kube.endpoints('shard').map(p => p.name)).toEqual(['shard-0', 'shard-2'])
  expect([...c.toy.running].some(h => h.pod.name === 'shard-1')).toBe(true)
})

it('K8S-NODE-2: its pods are Terminating 300 s later, for ever, with no replacement', () => {
  const c = started()
  partition(c, nodeOf(c, 'shard-1'))
  run(c, 340)
  expect(c.kube.pod('shard-1')?.terminating).toBe(false)
  run(c, 20)
  expect(c.kube.pod('shard-1')?.terminating).toBe(true)
  const uid = c.kube.pod('shard-1')?.uid
  run(c, 7200)
  expect(c.kube.pod('shard-1')?.uid).toBe(uid)
  expect([...c.toy.running].some(h => h.pod.name === 'shard-1')).toBe(true)
})

it('K8S-NODE-2: force deletion frees the name: two processes of it, until the disk is taken away after 6 min', () => {
  const c = started(6)
  partition(c, nodeOf(c, 'shard-1'))
  run(c, 400)
  shell(c, 'kubectl delete pod shard-1 --force')
  run(c, 300)
  const alive = () => [...c.toy.running].filter(h => h.pod.name === 'shard-1').map(h => h.machine.name)
  expect(alive()).toHaveLength(1)
  run(c, 2400)
  expect(alive()).toEqual([nodeOf(c, 'shard-1')])
  expect(c.kube.pod('shard-1')?.ready).toBe(true)
})

it('K8S-NODE-3: a kubelet that is heard again stops what was deleted and reports the rest', () => {
  const c = started()
  const node = nodeOf(c, 'shard-2')
  const heal = partition(c, node)
  run(c, 100)
  expect(c.kube.pod('shard-2')?.ready).toBe(false)
  heal()
  run(c, 11)
  expect(c.kube.pod('shard-2')?.ready).toBe(true)
  expect(c.kube.pod('shard-2')?.restarts).toBe(0)
  const again = partition(c, node)
  run(c, 400)
  const uid = c.kube.pod('shard-2')?.uid
  again()
  run(c, 120)
  expect(c.kube.pod('shard-2')?.uid).not.toBe(uid)
  expect(c.kube.pod('shard-2')?.ready).toBe(true)
})

it('K8S-NODE-3: a cut shorter than the grace changes nothing', () => {
  const c = started()
  const heal = partition(c, nodeOf(c, 'shard-0'))
  run(c, 45)
  heal()
  run(c, 600)
  expect(c.sim.records?.some(r => r.label === 'kubernetes.node-unknown')).toBe(false)
})

it('K8S-POD-8: power loss kills without a signal; when it returns, the pod starts over in place', () => {
  const c = started()
  const node = nodeOf(c, 'shard-0')
  const end = c.kube.faults.nodeLoss(node, { volume: false })
  expect(c.toy.log.at(-1)).toContain('lost shard-0')
  expect(c.toy.log.some(l => l.includes('TERM'))).toBe(false)
  run(c, 120)
  end()
  run(c, 120)
  expect(c.kube.pod('shard-0')).toMatchObject({ ready: true, restarts: 1, node })
})

it('a lost node that is deleted lets the pod come back elsewhere, if its disk can go there', () => {
  const c = cluster(6)
  c.kube.create(statefulSet('shard', 3))
  c.kube.begin()
  const node = nodeOf(c, 'shard-1')
  c.kube.faults.nodeLoss(node)
  run(c, 60)
  expect(shell(c, `kubectl delete node ${node}`).out).toBe(`node "${node}" deleted\n`)
  run(c, 1800)
  expect(c.kube.pod('shard-1')?.ready).toBe(true)
  expect(nodeOf(c, 'shard-1')).not.toBe(node)
})

it('a node lost with its volume destroys the disk', () => {
  const c = started()
  c.kube.faults.nodeLoss(nodeOf(c, 'shard-1'), { volume: true })
  expect(c.kube.volumes.disk('data-shard-1')?.destroyed).toBe(true)
  expect(c.kube.volumes.disk('data-shard-0')?.destroyed).toBe(false)
})

it('a zone outage takes every machine of the zone, and gives them back', () => {
  const c = cluster(7)
  c.kube.begin()
  const end = c.kube.faults.zoneOutage('a')
  expect([...c.kube.machines.values()].filter(m => !m.up).map(m => m.name)).toEqual(['vm-0', 'vm-3', 'vm-6'])
  end()
  expect([...c.kube.machines.values()].every(m => m.up)).toBe(true)
})

it('K8S-API-1: without the API server kubectl fails, nobody is found missing, and containers run on', () => {
  const c = started()
  const end = c.kube.faults.apiServer('down')
  const heal = partition(c, nodeOf(c, 'shard-0'))
  const r = shell(c, 'kubectl get pods')
  expect(r.code).toBe(1)
  expect(r.err).toMatch(/^The connection to the server .* was refused/)
  c.toy.isReady = () => false
  for (const h of c.toy.running) h.readinessChanged()
  run(c, 600)
  expect(c.kube.pods().every(p => p.ready)).toBe(true)
  expect(c.toy.running.size).toBe(3)
  heal()
  end()
  run(c, 30)
  expect(c.kube.pods().every(p => !p.ready)).toBe(true)
})

it('K8S-API-1: what was deleted just before is carried out afterwards', () => {
  const c = started()
  shell(c, 'kubectl delete pod shard-2 --wait=false')
  const end = c.kube.faults.apiServer('down')
  run(c, 300)
  end()
  run(c, 120)
  expect(c.kube.pod('shard-2')?.ready).toBe(true)
  expect(c.toy.log.filter(l => l.includes('start shard-2'))).toHaveLength(2)
})

it('an operator who is cut off gets a time-out', () => {
  const c = started()
  c.network.cut('t', p => p === 'operator', p => p === 'control-plane')
  const r = shell(c, 'kubectl get pods')
  expect(r.err).toBe('Unable to connect to the server: dial tcp 20.50.1.1:443: i/o timeout\n')
  expect(r.us).toBeGreaterThan(30 * SECOND)
})

it('K8S-CONTROLLER-1: without controllers kubectl works and nothing is made, routed, moved or found missing; afterwards all of it is', () => {
  const c = started()
  const end = c.kube.faults.controllerManagerDown()
  const heal = partition(c, nodeOf(c, 'shard-0'))
  expect(shell(c, 'kubectl delete pod shard-1').code).toBe(0)
  expect(shell(c, 'kubectl scale statefulset shard --replicas=4').code).toBe(0)
  run(c, 900)
  expect(c.kube.pods().map(p => p.name).sort()).toEqual(['shard-0', 'shard-2'])
  expect(c.kube.endpoints('shard').map(p => p.name)).toEqual(['shard-0', 'shard-1', 'shard-2'])
  expect(c.kube.nodes.get(nodeOf(c, 'shard-0'))?.ready).toBe('True')
  heal()
  end()
  run(c, 300)
  expect(c.kube.pods().filter(p => p.ready).map(p => p.name).sort()).toEqual(['shard-0', 'shard-1', 'shard-2', 'shard-3'])
  expect(c.kube.endpoints('shard')).toHaveLength(4)
})

it('K8S-CONTROLLER-1: what was asked for meanwhile is done when they are back, though nothing else happens then', () => {
  const c = started()
  c.kube.create({ kind: 'Deployment', metadata: { name: 'app' }, spec: { replicas: 1, selector: { matchLabels: { app: 'app' } }, template: { metadata: { labels: { app: 'app' } }, spec: { containers: [{ name: 'main', image: 'toy:1' }] } } } })
  run(c, 60)
  const all = c.kube.faults.controllerManagerDown()
  expect(shell(c, 'kubectl delete pod shard-1').code).toBe(0)
  shell(c, 'kubectl scale deploy/app --replicas=3')
  c.kube.create({ kind: 'Job', metadata: { name: 'once' }, spec: { template: { spec: { containers: [{ name: 'm', image: 'toy:1', args: ['work', '1', '0'] }] } } } })
  run(c, 600)
  const there = () => [c.kube.pod('shard-1')?.ready === true, c.kube.pods().filter(p => p.owner?.name === 'app').length, c.kube.pods().filter(p => p.owner?.name === 'once').length]
  expect(there()).toEqual([false, 1, 0])
  all()
  run(c, 60)
  expect(there()).toEqual([true, 3, 1])
})

it('K8S-CONTROLLER-1: a disk that is wanted elsewhere moves when the controllers are back', () => {
  const c = cluster(6, { kubeletLagSeconds: 2 })
  c.kube.create(statefulSet('shard', 3))
  c.kube.begin()
  const node = nodeOf(c, 'shard-1')
  shell(c, `kubectl cordon ${node}`)
  shell(c, 'kubectl delete pod shard-1')
  for (let i = 0; i < 100 && c.kube.pod('shard-1')?.node === undefined; i++) run(c, 0.1)
  expect(c.kube.pod('shard-1')?.node).toMatch(/^vm-/)
  expect(c.kube.pod('shard-1')?.node).not.toBe(node)
  expect(c.kube.volumes.disk('data-shard-1')?.attachedTo).toBe(node)
  const end = c.kube.faults.controllerManagerDown()
  run(c, 1800)
  expect(c.kube.volumes.disk('data-shard-1')?.attachedTo).toBe(node)
  end()
  run(c, 1800)
  expect(c.kube.pod('shard-1')?.ready).toBe(true)
})

it('K8S-NODE-4: a slowed machine starts containers by its factor more slowly', () => {
  const startUs = (factor: number) => {
    const c = cluster(1, { scheduleSeconds: 0, kubeletLagSeconds: 0, imagePullSeconds: 0, mountSeconds: 0, containerStartSeconds: 2 })
    c.kube.begin()
    const end = c.kube.faults.machineSlow('vm-0', factor)
    c.kube.create({ kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'm', image: 'toy:1' }] } })
    run(c, 60)
    end()
    return Number(c.toy.log[0]?.split(' ')[0])
  }
  expect(startUs(5) - startUs(1)).toBe(8 * SECOND)
})

it('K8S-NODE-5: a wrong clock shows in what the kubelet reports, and nowhere else', () => {
  const c = started()
  const node = nodeOf(c, 'shard-1')
  const show = (pod: string, path: string) => Date.parse(shell(c, ['kubectl', 'get', 'pod', pod, '-o', `jsonpath={${path}}`]).out) / 1000
  const end = c.kube.faults.clockJump(node, -300 * SECOND)
  const deletedS = c.sim.now / SECOND
  shell(c, 'kubectl delete pod shard-1')
  run(c, 120)
  expect(nodeOf(c, 'shard-1')).toBe(node)
  const born = show('shard-1', '.metadata.creationTimestamp')
  const started_ = show('shard-1', '.status.containerStatuses[0].state.running.startedAt')
  expect(started_ - born).toBeLessThan(-240)
  expect(shell(c, `kubectl get node ${node} --no-headers`).out).toContain('Ready ')
  expect(c.sim.now / SECOND - deletedS).toBeGreaterThan(100)
  end()
  expect(c.kube.machines.get(node)?.clockOffUs()).toBe(0)
  expect(c.kube.machines.get(node)?.clockOffUs(Math.round((deletedS + 1) * SECOND))).toBe(-300 * SECOND)
})
