import { expect, it } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { cluster, run, service, shell, statefulSet, type TestCluster } from './cluster.ts'

function started(extra: Record<string, unknown> = {}): TestCluster {
  const c = cluster(3)
  c.kube.create(service('peers', { app: 'node' }, extra))
  c.kube.create(service('front', { 'statefulset.kubernetes.io/pod-name': 'node-0' }))
  c.kube.create(statefulSet('node', 3, { serviceName: 'peers' }))
  c.kube.begin()
  return c
}

it('K8S-SERVICE-1: all pairs must match, and only Ready pods count', () => {
  const c = started()
  expect(c.kube.route('front', 'me', 0)).toMatchObject({ is: 'pod', pod: { name: 'node-0' } })
  expect(c.kube.route('nothing', 'me', 0)).toEqual({ is: 'no-service' })
  shell(c, ['kubectl', 'patch', 'svc', 'front', '-p', '{"spec":{"selector":{"role":"x"}}}'])
  run(c, 3)
  expect(c.kube.route('front', 'me', 0)).toEqual({ is: 'no-endpoints' })
  c.kube.faults.probeFails('node-1')
  run(c, 60)
  expect(c.kube.endpoints('peers').map(p => p.name)).toEqual(['node-0', 'node-2'])
  shell(c, 'kubectl delete pod node-2 --wait=false')
  run(c, 2.1)
  expect(c.kube.endpoints('peers').map(p => p.name)).toEqual(['node-0'])
})

it('K8S-SERVICE-1: publishNotReadyAddresses takes the others too', () => {
  const c = started({ publishNotReadyAddresses: true, clusterIP: 'None' })
  c.kube.faults.probeFails('node-1')
  run(c, 60)
  expect(c.kube.endpoints('peers')).toHaveLength(3)
})

it('K8S-SERVICE-2: the data plane follows 0.2–2 s later and catches what happened meanwhile', () => {
  const c = started()
  const changes: string[] = []
  c.kube.onRouteChange(s => changes.push(`${s} ${c.kube.endpoints(s).map(p => p.name)}`))
  c.kube.create(service('front', { 'statefulset.kubernetes.io/pod-name': 'node-1' }))
  const since = c.sim.now
  expect(c.kube.route('front', 'me', 0)).toMatchObject({ pod: { name: 'node-0' } })
  run(c, 0.1)
  c.kube.create(service('front', { 'statefulset.kubernetes.io/pod-name': 'node-2' }))
  run(c, 0.09)
  expect(changes).toEqual([])
  run(c, 2)
  expect(changes).toEqual(['front node-2'])
  expect(c.sim.now - since).toBeLessThan(3 * SECOND)
})

it('spreads clients over several endpoints by keyed luck', () => {
  const c = started()
  const hit = new Map<string, number>()
  for (let i = 0; i < 300; i++) {
    const r = c.kube.route('peers', 'client', i)
    if (r.is === 'pod') hit.set(r.pod.name, (hit.get(r.pod.name) ?? 0) + 1)
  }
  expect([...hit.values()].every(n => n > 60)).toBe(true)
  expect(c.kube.route('peers', 'client', 7)).toEqual(c.kube.route('peers', 'client', 7))
})

it('K8S-SERVICE-3: names of pods and Services', () => {
  const c = started()
  expect(c.kube.resolve('node-1.peers')).toMatchObject({ is: 'pod', pod: { name: 'node-1' } })
  expect(c.kube.resolve('node-1.peers.default.svc.cluster.local')).toMatchObject({ is: 'pod', pod: { name: 'node-1' } })
  expect(c.kube.resolve('front')).toEqual({ is: 'service', service: 'front' })
  expect(c.kube.resolve('front.default.svc')).toEqual({ is: 'service', service: 'front' })
  expect(c.kube.resolve('node-1.front')).toBeUndefined()
  expect(c.kube.resolve('nobody')).toBeUndefined()
  c.kube.faults.probeFails('node-1')
  run(c, 60)
  expect(c.kube.resolve('node-1.peers')).toBeUndefined()
})

it('K8S-SERVICE-4: a data plane that hears of nothing leads where it led, and catches up afterwards', () => {
  const c = started({ publishNotReadyAddresses: true, clusterIP: 'None' })
  const old = c.kube.pod('node-1')
  const end = c.kube.faults.endpointsStale()
  shell(c, 'kubectl delete pod node-1')
  shell(c, ['kubectl', 'patch', 'svc', 'front', '-p', '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"node-2"}}}'])
  run(c, 120)
  expect(c.kube.pod('node-1')).toMatchObject({ ready: true })
  const stale = c.kube.endpoints('peers').find(p => p.name === 'node-1')
  expect([stale?.uid, stale?.removed]).toEqual([old?.uid, true])
  expect(c.kube.route('front', 'me', 0)).toMatchObject({ pod: { name: 'node-0' } })
  end()
  end()
  run(c, 3)
  expect(c.kube.endpoints('peers').find(p => p.name === 'node-1')?.uid).toBe(c.kube.pod('node-1')?.uid)
  expect(c.kube.route('front', 'me', 0)).toMatchObject({ pod: { name: 'node-2' } })
})

it('K8S-SERVICE-4: two reasons to stand still end one after the other', () => {
  const c = started()
  const ends = [c.kube.faults.endpointsStale(), c.kube.faults.endpointsStale()]
  shell(c, ['kubectl', 'patch', 'svc', 'front', '-p', '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"node-2"}}}'])
  ends[0]?.()
  run(c, 10)
  expect(c.kube.route('front', 'me', 0)).toMatchObject({ pod: { name: 'node-0' } })
  ends[1]?.()
  run(c, 3)
  expect(c.kube.route('front', 'me', 0)).toMatchObject({ pod: { name: 'node-2' } })
})

it('a Service without an endpoint says what it selects and what the nearest pods lack', () => {
  const c = started()
  const select = (selector: Record<string, string>) => shell(c, ['kubectl', 'patch', 'svc', 'front', '--type=json', '-p', JSON.stringify([{ op: 'replace', path: '/spec/selector', value: selector }])])
  const app = c.kube.pod('node-0')?.labels['app'] as string
  select({ app, role: 'primary' })
  run(c, 10)
  expect(c.kube.endpoints('front')).toEqual([])
  expect(c.kube.whyNoEndpoint('front')).toMatch(/^no Ready pod matches its selector app=\S+,role=primary: node-0, node-1, .*lack role=primary$/)
  shell(c, 'kubectl label pod node-1 role=primary')
  c.toy.isReady = h => h.pod.name !== 'node-1'
  run(c, 60)
  expect(c.kube.whyNoEndpoint('front')).toContain('role=primary: node-1 is not Ready')
  expect(c.kube.whyNoEndpoint('gone')).toBe('it does not exist')
})
