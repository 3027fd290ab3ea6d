import { expect, it } from 'vitest'
import { NEVER, SECOND } from '../../src/kernel/index.ts'
import { BackOff } from '../../models/kubernetes/backoff.ts'
import { withDefaults } from '../../models/kubernetes/index.ts'
import { cluster, run, shell, statefulSet, type TestCluster } from './cluster.ts'

function started(options = {}, template = {}): TestCluster {
  const c = cluster(3, options)
  c.kube.create(statefulSet('kv', 2, {}, template))
  c.kube.begin()
  return c
}

const at = (line: string | undefined) => Number(line?.split(' ')[0]) / SECOND

it('K8S-POD-1: a new pod passes through its phases; nothing starts before its image is there', () => {
  const c = cluster(1, { imagePullSeconds: 30, attachSeconds: 20, mountSeconds: 1, containerStartSeconds: 2, scheduleSeconds: 0, kubeletLagSeconds: 0, controllerLagSeconds: 0 })
  c.kube.begin()
  c.kube.create(statefulSet('kv', 1))
  const seen: string[] = []
  for (let s = 0; s < 70; s += 5) {
    run(c, 5)
    const p = c.kube.pod('kv-0')
    seen.push(`${p?.phase} ${p?.containerState}`)
  }
  expect(new Set(seen)).toEqual(new Set(['Pending waiting', 'Running running']))
  expect(at(c.toy.log[0])).toBe(53)
})

it('K8S-POD-2: TERM first, KILL when the grace period is over, the object last', () => {
  const c = started()
  c.toy.stopUs = NEVER
  const r = shell(c, 'kubectl delete pod kv-1')
  expect(c.toy.log.map(l => l.slice(l.indexOf(' ') + 1))).toEqual(['start kv-0 vm-', 'start kv-1 vm-', 'TERM kv-1', 'KILL kv-1'].map(l => expect.stringContaining(l)))
  expect(at(c.toy.log[3]) - at(c.toy.log[2])).toBeCloseTo(30, 0)
  expect(r.us / SECOND).toBeGreaterThan(30)
  expect(r.out).toBe('pod "kv-1" deleted\n')
})

it('K8S-POD-2: the image’s stop signal, the pod’s grace period, preStop within it', () => {
  const c = cluster(1)
  c.kube.defineImage({ ...c.image, name: 'toy:int', stopSignal: 'INT' })
  c.kube.create({ kind: 'Pod', metadata: { name: 'p' }, spec: { terminationGracePeriodSeconds: 8, containers: [{ name: 'm', image: 'toy:int', lifecycle: { preStop: { sleep: { seconds: 5 } } } }] } })
  c.kube.begin()
  c.toy.stopUs = NEVER
  shell(c, 'kubectl delete pod p')
  const [, int, kill] = c.toy.log
  expect(int).toContain('INT p')
  expect(kill).toContain('KILL p')
  expect(at(kill) - at(int)).toBeCloseTo(3)
})

it('K8S-POD-3: a second deletion shortens the grace, never lengthens it', () => {
  const c = started()
  c.toy.stopUs = NEVER
  shell(c, 'kubectl delete pod kv-1 --wait=false --grace-period=100')
  run(c, 5)
  shell(c, 'kubectl delete pod kv-1 --wait=false --grace-period=200')
  run(c, 1)
  shell(c, 'kubectl delete pod kv-1 --wait=false --grace-period=10')
  run(c, 30)
  const kill = c.toy.log.find(l => l.includes('KILL'))
  expect(at(kill)).toBeGreaterThan(10)
  expect(at(kill)).toBeLessThan(20)
})

it('K8S-POD-4: restarts at once, then after 10, 20, 40 … 300 s', () => {
  const c = started({ containerStartSeconds: 0 })
  c.toy.startsWith = h => (h.pod.name === 'kv-1' ? 1 : undefined)
  c.kube.faults.podKill('kv-1')
  run(c, 2400)
  const starts = c.toy.log.filter(l => l.includes('start kv-1')).map(at)
  const gaps = starts.slice(2).map((t, i) => Math.round(t - (starts[i + 1] as number)))
  expect(gaps.slice(0, 7)).toEqual([10, 20, 40, 80, 160, 300, 300])
  expect(c.kube.pod('kv-1')?.reason).toBe('CrashLoopBackOff')
  expect(shell(c, 'kubectl get pod kv-1').out).toContain('CrashLoopBackOff')
  c.toy.startsWith = () => undefined
  run(c, 700)
  run(c, 700)
  c.kube.faults.podKill('kv-1')
  run(c, 2)
  expect(c.kube.pod('kv-1')?.containerState).toBe('running')
})

it('K8S-POD-4: ten minutes of running start the back-off afresh, a second less does not', () => {
  const backOff = new BackOff(withDefaults({}))
  expect([1, 1, 1, 599.9, 600, 1].map(ranSeconds => backOff.failed(ranSeconds * SECOND) / SECOND)).toEqual([0.5, 10, 20, 40, 0.5, 10])
  const waits = (ranSeconds: number): number => {
    const c = started({ containerStartSeconds: 0 })
    c.toy.startsWith = h => (h.pod.name === 'kv-1' && c.toy.log.filter(l => l.includes('start kv-1')).length < 5 ? 1 : undefined)
    c.kube.faults.podKill('kv-1')
    for (let i = 0; i < 200 && c.kube.pod('kv-1')?.containerState !== 'running'; i++) run(c, 1)
    const from = at(c.toy.log.findLast(l => l.includes('start kv-1')))
    run(c, ranSeconds - (c.sim.now / SECOND - from))
    c.kube.faults.podKill('kv-1')
    const killedUs = c.sim.now
    run(c, 400)
    return at(c.toy.log.findLast(l => l.includes('start kv-1'))) - killedUs / SECOND
  }
  expect(waits(590)).toBeGreaterThan(39)
  expect(waits(610)).toBeLessThan(2)
})

it('K8S-POD-5: force deletion frees the name while the process still runs', () => {
  const c = started({ kubeletLagSeconds: 0.3, containerStartSeconds: 0.2, mountSeconds: 0.2, controllerLagSeconds: 0.01, scheduleSeconds: 0.01 })
  c.toy.stopUs = NEVER
  const r = shell(c, 'kubectl delete pod kv-1 --force')
  expect(r.out).toBe('pod "kv-1" force deleted\n')
  expect(r.err).toContain('may continue to run on the cluster indefinitely')
  run(c, 1.2)
  // Two incarnations of one name on one disk: the old one has about two seconds, the new one did not wait.
  expect([...c.toy.running].filter(h => h.pod.name === 'kv-1')).toHaveLength(2)
  run(c, 3)
  expect([...c.toy.running].filter(h => h.pod.name === 'kv-1')).toHaveLength(1)
})

it('K8S-POD-5: a grace period of 0 without --force is one second, and waits for the process', () => {
  const c = started()
  c.toy.stopUs = NEVER
  const r = shell(c, 'kubectl delete pod kv-1 --grace-period=0')
  expect(r.us / SECOND).toBeGreaterThan(1)
  expect(c.toy.log.some(l => l.includes('KILL kv-1'))).toBe(true)
})

it('K8S-POD-6: a cached image is not pulled; a moved tag changes only later pulls; an unknown one never starts', () => {
  const c = started({ imagePullSeconds: 50 })
  shell(c, 'kubectl delete pod kv-1')
  run(c, 20)
  expect(c.kube.pod('kv-1')?.ready).toBe(true)
  c.kube.defineImage({ ...c.image, versions: { toy: '1.0.1' } })
  shell(c, 'kubectl delete pod kv-1')
  shell(c, 'kubectl scale sts kv --replicas=3')
  run(c, 600)
  const version = (name: string) => [...c.toy.running].find(h => h.pod.name === name)?.imageUsed.versions.toy
  expect([version('kv-0'), version('kv-1'), version('kv-2')]).toEqual(['1', '1', '1.0.1'])
  c.kube.create({ kind: 'Pod', metadata: { name: 'x' }, spec: { containers: [{ name: 'm', image: 'nobody:9' }] } })
  run(c, 600)
  expect(shell(c, 'kubectl get pod x --no-headers').out).toMatch(/^x {3}0\/1 {3}ImagePullBackOff/)
  // Of a known repository any version can be had, also from a mirror of it, and nothing else.
  c.kube.defineRepository('toy:1', name => ({ ...c.image, name, versions: { toy: name.split(':')[1] as string } }))
  const images = ['toy:3.1', 'toy:latest', 'registry.test:5000/toy:3.1', 'toy']
  images.forEach((image, i) => c.kube.create({ kind: 'Pod', metadata: { name: `y-${i}` }, spec: { containers: [{ name: 'm', image }] } }))
  run(c, 600)
  expect(images.map((_, i) => c.kube.pod(`y-${i}`)?.ready)).toEqual([true, false, true, false])
  expect(version('y-0')).toBe('3.1')
})

it('K8S-POD-7: an init container that fails is retried with back-off, and the pod starts when it succeeds', () => {
  const c = cluster(1)
  let tries = 0
  c.toy.init = function* () {
    yield SECOND
    return ++tries < 3 ? 1 : 0
  }
  c.kube.begin()
  c.kube.create(statefulSet('kv', 1, {}, { initContainers: [{ name: 'clone', image: 'toy:1' }] }))
  run(c, 300)
  expect(tries).toBe(3)
  expect(c.kube.pod('kv-0')?.ready).toBe(true)
})

it('a pod that was never placed is gone at once when it is deleted', () => {
  const c = cluster(1)
  c.kube.begin()
  c.kube.create({ kind: 'Pod', metadata: { name: 'p' }, spec: { nodeSelector: { no: 'where' }, containers: [{ name: 'm', image: 'toy:1' }] } })
  run(c, 5)
  expect(shell(c, 'kubectl delete pod p').us).toBeLessThan(SECOND)
  expect(c.toy.log).toEqual([])
})

it('K8S-POD-9: a hook that outlasts the grace period is cut short: the stop signal, and two seconds; one that ends just in time leaves as much', () => {
  for (const [seconds, from] of [[60, 8], [7, 7]] as const) {
    const c = cluster(1)
    c.kube.create({ kind: 'Pod', metadata: { name: 'p' }, spec: { terminationGracePeriodSeconds: 8, containers: [{ name: 'm', image: 'toy:1', lifecycle: { preStop: { sleep: { seconds } } } }] } })
    c.kube.begin()
    c.toy.stopUs = NEVER
    const since = c.sim.now
    shell(c, 'kubectl delete pod p')
    const [, term, kill, ...more] = c.toy.log
    expect(term).toContain('TERM p')
    expect(kill).toContain('KILL p')
    expect(more).toEqual([])
    expect(at(term) - since / SECOND).toBeGreaterThan(from)
    expect(at(term) - since / SECOND).toBeLessThan(from + 1)
    expect(at(kill) - at(term)).toBeCloseTo(2)
  }
})
