import { expect, it } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { cluster, run, shell, statefulSet, type TestCluster } from './cluster.ts'

const fast = { scheduleSeconds: 0, kubeletLagSeconds: 0, controllerLagSeconds: 0, mountSeconds: 1, unmountSeconds: 0, containerStartSeconds: 1, imagePullSeconds: 0, attachSeconds: 15, diskMoveSeconds: 100 }

function pinned(name: string, node: string, claim: string) {
  return { kind: 'Pod', metadata: { name }, spec: { nodeName: node, containers: [{ name: 'm', image: 'toy:1' }], volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] } }
}

function claim(c: TestCluster, name: string, modes: string[] = ['ReadWriteOnce']): void {
  c.kube.create({ kind: 'PersistentVolumeClaim', metadata: { name }, spec: { accessModes: modes } })
}

const startOf = (c: TestCluster, pod: string) => Number(c.toy.log.find(l => l.includes(`start ${pod}`))?.split(' ')[0]) / SECOND

it('K8S-VOLUME-1: first use attaches (15 s), a return to the same node mounts, another node costs a move', () => {
  const c = cluster(4, fast)
  claim(c, 'd')
  c.kube.begin()
  c.kube.create(pinned('one', 'vm-0', 'd'))
  run(c, 60)
  expect(startOf(c, 'one')).toBe(17)
  shell(c, 'kubectl delete pod one')
  const t1 = c.sim.now / SECOND
  c.kube.create(pinned('two', 'vm-0', 'd'))
  run(c, 60)
  expect(startOf(c, 'two') - t1).toBeCloseTo(2)
  shell(c, 'kubectl delete pod two')
  const t2 = c.sim.now / SECOND
  c.kube.create(pinned('three', 'vm-3', 'd'))
  run(c, 300)
  expect(startOf(c, 'three') - t2).toBeCloseTo(102)
  expect(c.kube.volumes.disk('d')?.attachedTo).toBe('vm-3')
})

it('K8S-VOLUME-2: a disk does not leave a healthy node while a pod there uses it', () => {
  const c = cluster(4, fast)
  claim(c, 'd')
  c.kube.create(pinned('one', 'vm-0', 'd'))
  c.kube.begin()
  c.kube.create(pinned('two', 'vm-3', 'd'))
  run(c, 3600)
  expect(startOf(c, 'two')).toBeNaN()
  expect(shell(c, ['kubectl', 'get', 'pod', 'two', '-o', 'jsonpath={.status.containerStatuses[0].state.waiting.message}']).out).toContain('Multi-Attach error')
  shell(c, 'kubectl delete pod one')
  run(c, 200)
  expect(startOf(c, 'two')).toBeGreaterThan(3600)
})

it('K8S-VOLUME-2: an unhealthy node loses it after 6 min; at once with the out-of-service taint', () => {
  for (const taint of [false, true]) {
    const c = cluster(4, fast)
    claim(c, 'd')
    c.kube.create(pinned('one', 'vm-0', 'd'))
    c.kube.begin()
    c.kube.faults.nodeLoss('vm-0')
    run(c, 100)
    shell(c, 'kubectl delete pod one --force')
    if (taint) shell(c, 'kubectl taint nodes vm-0 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute')
    const t = c.sim.now / SECOND
    c.kube.create(pinned('two', 'vm-3', 'd'))
    run(c, 1200)
    expect(Math.round(startOf(c, 'two') - t)).toBe(taint ? 102 : 462)
  }
})

it('K8S-VOLUME-2: a force-deleted pod on a healthy node keeps the disk until its process is gone', () => {
  const c = cluster(4, { ...fast, kubeletLagSeconds: 0.3 })
  c.toy.stopUs = Number.POSITIVE_INFINITY
  claim(c, 'd')
  c.kube.create(pinned('one', 'vm-0', 'd'))
  c.kube.begin()
  shell(c, 'kubectl delete pod one --force')
  c.kube.create(pinned('two', 'vm-3', 'd'))
  run(c, 300)
  expect(startOf(c, 'two')).toBeGreaterThan(102)
  expect(c.sim.records?.some(r => r.label === 'kubernetes.disk-force-detached')).toBe(false)
})

it('K8S-VOLUME-3: two pods of one node share a ReadWriteOnce disk, not a ReadWriteOncePod one', () => {
  for (const mode of ['ReadWriteOnce', 'ReadWriteOncePod']) {
    const c = cluster(1, fast)
    claim(c, 'd', [mode])
    c.kube.create(pinned('one', 'vm-0', 'd'))
    c.kube.begin()
    c.kube.create(pinned('two', 'vm-0', 'd'))
    run(c, 600)
    expect(c.toy.running.size).toBe(mode === 'ReadWriteOnce' ? 2 : 1)
  }
})

it('K8S-CLAIM-1: scaling down keeps the claim; scaling up again revives its data', () => {
  const c = cluster(3)
  c.kube.create(statefulSet('q', 3))
  c.kube.begin()
  const disk = c.kube.volumes.disk('data-q-2')
  if (disk !== undefined) disk.contents = 'stale'
  shell(c, 'kubectl scale sts q --replicas=2')
  run(c, 300)
  expect(shell(c, 'kubectl get pvc -o name').out.split('\n')).toContain('persistentvolumeclaim/data-q-2')
  shell(c, 'kubectl scale sts q --replicas=3')
  run(c, 900)
  expect([...c.toy.running].find(h => h.pod.name === 'q-2')?.volume('data')?.contents).toBe('stale')
})

it('K8S-CLAIM-2: a used claim stays Terminating; deleting it when unused destroys the disk', () => {
  const c = cluster(3)
  c.kube.create(statefulSet('q', 2))
  c.kube.begin()
  const disk = c.kube.volumes.disk('data-q-1')
  const r = shell(c, 'kubectl delete pvc data-q-1 --timeout=10s')
  expect(r.code).toBe(1)
  expect(r.err).toBe('error: timed out waiting for the condition on persistentvolumeclaims/data-q-1\n')
  expect(shell(c, 'kubectl get pvc data-q-1 --no-headers').out).toContain('Terminating')
  expect(disk?.destroyed).toBe(false)
  shell(c, 'kubectl delete pod q-1')
  run(c, 900)
  expect(disk?.destroyed).toBe(true)
  expect(c.kube.pod('q-1')?.ready).toBe(true)
  expect(c.kube.volumes.disk('data-q-1')).not.toBe(disk)
})

it('a pod without claims has a disk of its own that dies with it', () => {
  const c = cluster(1)
  c.kube.create({ kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'm', image: 'toy:1', volumeMounts: [{ name: 'scratch' }] }], volumes: [{ name: 'scratch', emptyDir: {} }] } })
  c.kube.begin()
  const [h] = c.toy.running
  expect(h?.volume('scratch')).toBeDefined()
  expect(h?.volume('scratch')).toBe(h?.volume('scratch'))
  expect(h?.volume('other')).toBeUndefined()
})
