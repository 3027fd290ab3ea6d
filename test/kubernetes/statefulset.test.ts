import { SECOND } from '../../src/kernel/index.ts'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../models/kubernetes/index.ts'
import { cluster, run, service, shell, statefulSet, type TestCluster } from './cluster.ts'

/** Deletions and creations of pods, in order. */
function story(c: TestCluster): string[] {
  return (c.sim.records ?? []).filter(r => (r.label === 'kubernetes.pod-created' || (r.label === 'kubernetes.pod-gone'))).map(r => `${r.label === 'kubernetes.pod-gone' ? '-' : '+'}${r.node}`)
}

function patch(c: TestCluster, name: string, change: object): string {
  const r = shell(c, ['kubectl', 'patch', 'sts', name, '-p', JSON.stringify(change)])
  expect(r.code).toBe(0)
  return r.out
}

function images(c: TestCluster): Record<string, string> {
  return Object.fromEntries(c.kube.pods().map(p => [p.name, p.image]))
}

const toImage = (image: string) => ({ spec: { template: { spec: { containers: [{ name: 'main', image }] } } } })

function started(name: string, replicas: number, extra: Record<string, unknown> = {}, nodes = 6): TestCluster {
  const c = cluster(nodes)
  c.kube.create(statefulSet(name, replicas, extra))
  c.kube.begin()
  return c
}

it.each([
  ['nothing', {}, ['data-db-0', 'data-db-1', 'data-db-2'], ['data-db-0', 'data-db-1', 'data-db-2']],
  ['whenScaled', { whenScaled: 'Delete' }, ['data-db-0', 'data-db-1'], ['data-db-0', 'data-db-1']],
  ['whenDeleted', { whenDeleted: 'Delete' }, ['data-db-0', 'data-db-1', 'data-db-2'], ['data-db-2']],
])('claims are kept, but for what persistentVolumeClaimRetentionPolicy says: %s', (_name, persistentVolumeClaimRetentionPolicy, scaled, deleted) => {
  const c = started('db', 3, { persistentVolumeClaimRetentionPolicy })
  const claims = (): string[] => shell(c, 'kubectl get pvc -o name').out.trim().split('\n').map(line => line.split('/')[1] ?? '').filter(name => name !== '')
  shell(c, 'kubectl scale statefulset db --replicas=2')
  run(c, 300)
  expect(claims()).toEqual(scaled)
  shell(c, 'kubectl delete statefulset db')
  run(c, 300)
  expect(claims()).toEqual(deleted)
})

it('is at rest before the story: every pod Ready, no time passed', () => {
  const c = cluster(3)
  c.kube.create(service('db', { app: 'db' }))
  c.kube.create(statefulSet('db', 3))
  c.kube.begin()
  expect(c.sim.now).toBe(0)
  expect(c.kube.pods().map(p => [p.name, p.phase, p.ready])).toEqual([0, 1, 2].map(i => [`db-${i}`, 'Running', true]))
  expect(new Set(c.kube.pods().map(p => p.node)).size).toBe(3)
  expect(c.kube.endpoints('db')).toHaveLength(3)
  const before = c.sim.traceHash()
  run(c, 3600)
  expect(c.sim.traceHash()).toBe(before)
  expect(c.sim.eventsRun).toBeLessThan(20)
})

for (const name of ['db', 'my-redis-shard']) {
  describe(`a set called ${name}`, () => {
    it('K8S-STATEFULSET-1: a deleted pod comes back under its name with its old disk', () => {
      const c = started(name, 3)
      const disk = c.kube.volumes.disk(`data-${name}-1`)
      expect(disk).toBeDefined()
      if (disk !== undefined) disk.contents = 'precious'
      const uid = c.kube.pod(`${name}-1`)?.uid
      shell(c, `kubectl delete pod ${name}-1`)
      run(c, 900)
      const back = c.kube.pod(`${name}-1`)
      expect(back?.ready).toBe(true)
      expect(back?.uid).not.toBe(uid)
      expect(c.kube.volumes.disk(`data-${name}-1`)).toBe(disk)
      expect(disk?.contents).toBe('precious')
    })

    it('K8S-STATEFULSET-2: OrderedReady grows one by one, waiting for Ready', () => {
      const c = started(name, 1)
      c.toy.isReady = h => h.pod.name !== `${name}-2`
      shell(c, `kubectl scale sts ${name} --replicas=5`)
      run(c, 3600)
      expect(c.kube.pods().map(p => p.name)).toEqual([0, 1, 2].map(i => `${name}-${i}`))
      expect(c.kube.pod(`${name}-2`)?.ready).toBe(false)
    })

    it('K8S-STATEFULSET-2: Parallel grows all at once', () => {
      const c = started(name, 1, { podManagementPolicy: 'Parallel' })
      c.toy.isReady = () => false
      shell(c, `kubectl scale sts ${name} --replicas=5`)
      run(c, 1)
      expect(c.kube.pods()).toHaveLength(5)
    })

    it('K8S-STATEFULSET-3: shrinks from the highest ordinal, whatever that pod is', () => {
      const c = started(name, 5)
      shell(c, `kubectl scale sts ${name} --replicas=2`)
      run(c, 900)
      expect(story(c)).toEqual([4, 3, 2].map(i => `-${name}-${i}`))
    })

    it('K8S-STATEFULSET-3: does not shrink while a pod that stays is not Ready', () => {
      const c = started(name, 4)
      c.kube.faults.probeFails(`${name}-0`)
      run(c, 60)
      expect(c.kube.pod(`${name}-0`)?.ready).toBe(false)
      shell(c, `kubectl scale sts ${name} --replicas=3`)
      run(c, 3600)
      expect(c.kube.pods()).toHaveLength(4)
    })

    it('K8S-STATEFULSET-4: rolls highest to 0, one at a time, also when Parallel', () => {
      for (const podManagementPolicy of ['OrderedReady', 'Parallel']) {
        const c = started(name, 3, { podManagementPolicy })
        patch(c, name, toImage('toy:2'))
        run(c, 3600)
        expect(story(c)).toEqual([2, 1, 0].flatMap(i => [`-${name}-${i}`, `+${name}-${i}`]))
        expect(Object.values(images(c))).toEqual(['toy:2', 'toy:2', 'toy:2'])
      }
    })

    it('K8S-STATEFULSET-5: only ordinals from the partition up are updated; a deleted pod below it keeps the old revision', () => {
      const c = started(name, 4, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } })
      patch(c, name, toImage('toy:2'))
      run(c, 3600)
      shell(c, `kubectl delete pod ${name}-0`)
      run(c, 1800)
      expect(images(c)).toEqual({ [`${name}-0`]: 'toy:1', [`${name}-1`]: 'toy:1', [`${name}-2`]: 'toy:2', [`${name}-3`]: 'toy:2' })
      expect(story(c)).toEqual([3, 2, 0].flatMap(i => [`-${name}-${i}`, `+${name}-${i}`]))
    })

    it('K8S-STATEFULSET-6: OnDelete restarts nothing; a deleted pod comes back new', () => {
      const c = started(name, 3, { updateStrategy: { type: 'OnDelete' } })
      patch(c, name, toImage('toy:2'))
      run(c, 3600)
      expect(story(c)).toEqual([])
      shell(c, `kubectl delete pod ${name}-0`)
      run(c, 1800)
      expect(images(c)).toMatchObject({ [`${name}-0`]: 'toy:2', [`${name}-1`]: 'toy:1' })
    })

    it('K8S-STATEFULSET-7: replicas and template together: the new pod is new at once, and the others roll under it', () => {
      const c = started(name, 3)
      patch(c, name, { spec: { replicas: 4, ...toImage('toy:2').spec } })
      run(c, 3600)
      expect(story(c)).toEqual([`+${name}-3`, ...[2, 1, 0].flatMap(i => [`-${name}-${i}`, `+${name}-${i}`])])
    })

    it('K8S-STATEFULSET-7: if the new pod can never be placed, nothing else moves, until it is scaled away', () => {
      const c = started(name, 3)
      patch(c, name, { spec: { replicas: 4, template: { spec: { nodeSelector: { nowhere: 'x' } } } } })
      run(c, 3600)
      expect(story(c)).toEqual([`+${name}-3`])
      expect(c.kube.pod(`${name}-3`)?.phase).toBe('Pending')
      shell(c, `kubectl scale sts ${name} --replicas=3`)
      run(c, 600)
      // The roll goes on, and the first pod that it deletes cannot be placed either: a replica is lost.
      expect(story(c)).toEqual([`+${name}-3`, `-${name}-3`, `-${name}-2`, `+${name}-2`])
      expect(c.kube.pod(`${name}-2`)?.phase).toBe('Pending')
    })

    it('K8S-STATEFULSET-8: a broken rollout is stuck after the template is reverted, until the bad pod is deleted by hand', () => {
      const c = started(name, 3)
      c.toy.isReady = h => h.pod.image !== 'toy:2'
      patch(c, name, toImage('toy:2'))
      run(c, 600)
      patch(c, name, toImage('toy:1'))
      run(c, 3600)
      expect(images(c)[`${name}-2`]).toBe('toy:2')
      shell(c, `kubectl delete pod ${name}-2`)
      run(c, 900)
      expect(images(c)[`${name}-2`]).toBe('toy:1')
      expect(c.kube.pods().every(p => p.ready)).toBe(true)
    })
  })
}

it('deleting the set deletes its pods; --cascade=orphan keeps them, and a set of that name adopts them', () => {
  const c = started('db', 3)
  shell(c, 'kubectl delete sts db --cascade=orphan')
  run(c, 600)
  expect(c.kube.pods()).toHaveLength(3)
  const set: KubeObject = statefulSet('db', 3)
  c.kube.create(set)
  run(c, 600)
  expect(story(c)).toEqual([])
  shell(c, 'kubectl delete sts db')
  run(c, 600)
  expect(c.kube.pods()).toHaveLength(0)
})

it('the same seed gives the same trace, another seed another', () => {
  const hash = (seed: string) => {
    const c = cluster(4, {}, seed)
    c.kube.create(statefulSet('db', 3))
    c.kube.begin()
    shell(c, 'kubectl rollout restart sts/db')
    run(c, 3600)
    return c.sim.traceHash()
  }
  expect(hash('7')).toBe(hash('7'))
  expect(hash('7')).not.toBe(hash('8'))
})

it('K8S-STATEFULSET-9: minReadySeconds holds a roll between pods with OrderedReady, not with Parallel', () => {
  for (const [podManagementPolicy, least, most] of [['OrderedReady', 240, 330], ['Parallel', 0, 120]] as const) {
    const c = cluster(3)
    c.kube.create(statefulSet('web', 3, { podManagementPolicy, minReadySeconds: 120 }))
    c.kube.begin()
    run(c, 300)
    shell(c, ['kubectl', 'patch', 'sts', 'web', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"toy:2"}]}}}}'])
    const r = shell(c, 'kubectl rollout status sts/web --timeout=30m')
    expect(r.code).toBe(0)
    expect(r.us / SECOND).toBeGreaterThan(least)
    expect(r.us / SECOND).toBeLessThan(most)
    expect(shell(c, ['kubectl', 'get', 'sts', 'web', '-o', 'jsonpath={.status.readyReplicas} {.status.availableReplicas}']).out).toBe(podManagementPolicy === 'Parallel' ? '3 0' : '3 2')
  }
})
