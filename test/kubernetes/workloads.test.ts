import { SECOND } from '../../src/kernel/index.ts'
import { expect, it } from 'vitest'
import { cluster, run, shell, statefulSet, type TestCluster } from './cluster.ts'

function deployment(c: TestCluster, name: string, replicas: number, extra: Record<string, unknown> = {}): void {
  c.kube.create({
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'toy:1', readinessProbe: {} }] } }, ...extra },
  })
}

const update = (c: TestCluster, name: string) => shell(c, ['kubectl', 'patch', 'deploy', name, '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"toy:2"}]}}}}'])

it('K8S-DEPLOYMENT-1: rolls with surge, never below what must be available', () => {
  for (const [name, replicas] of [['pooler', 2], ['app', 4]] as const) {
    const c = cluster(3)
    deployment(c, name, replicas)
    c.kube.begin()
    let most = 0
    let least = 99
    c.sim.observe(() => {
      most = Math.max(most, c.kube.pods().filter(p => !p.terminating).length)
      least = Math.min(least, c.kube.pods().filter(p => p.ready && !p.terminating).length)
    })
    update(c, name)
    expect(shell(c, `kubectl rollout status deploy/${name} --timeout=10m`).out).toContain(`deployment "${name}" successfully rolled out`)
    expect(c.kube.pods().filter(p => !p.terminating).every(p => p.image === 'toy:2')).toBe(true)
    expect(most).toBe(replicas + 1)
    expect(least).toBe(replicas === 2 ? 2 : 3)
  }
})

it('K8S-DEPLOYMENT-1: Recreate stops all old pods first', () => {
  const c = cluster(3)
  deployment(c, 'app', 2, { strategy: { type: 'Recreate' } })
  c.kube.begin()
  let mixed = false
  c.sim.observe(() => {
    mixed ||= new Set(c.kube.pods().map(p => p.image)).size > 1
  })
  update(c, 'app')
  run(c, 300)
  expect(c.kube.pods().map(p => p.image)).toEqual(['toy:2', 'toy:2'])
  expect(mixed).toBe(false)
})

it('K8S-DEPLOYMENT-2: nothing but a Deployment can be held', () => {
  const c = cluster(3)
  c.kube.create(statefulSet('db', 2))
  c.kube.begin()
  for (const verb of ['pause', 'resume']) expect(shell(c, `kubectl rollout ${verb} sts/db`)).toMatchObject({ code: 1, err: `error: statefulsets.apps "db" ${verb === 'pause' ? 'pausing' : 'resuming'} is not supported\n` })
})

it('K8S-DEPLOYMENT-2: paused, it keeps its pods as they were; resumed, it rolls', () => {
  const c = cluster(3)
  deployment(c, 'app', 2)
  c.kube.begin()
  expect(shell(c, 'kubectl rollout pause deploy/app')).toMatchObject({ code: 0, out: 'deployment.apps/app paused\n' })
  expect(shell(c, 'kubectl rollout pause deploy/app')).toMatchObject({ code: 1, err: 'error: deployments.apps "app" is already paused\n' })
  update(c, 'app')
  shell(c, `kubectl delete pod ${c.kube.pods()[0]?.name ?? ''}`)
  shell(c, 'kubectl scale deploy/app --replicas=3')
  run(c, 300)
  expect(c.kube.pods().map(p => p.image)).toEqual(['toy:1', 'toy:1', 'toy:1'])
  expect(shell(c, 'kubectl rollout status deploy/app --timeout=5s').code).toBe(1)
  expect(shell(c, 'kubectl rollout restart deploy/app').err).toContain(`can't restart paused deployment`)
  expect(shell(c, 'kubectl rollout resume deploy/app').out).toBe('deployment.apps/app resumed\n')
  expect(shell(c, 'kubectl rollout status deploy/app --timeout=5m').code).toBe(0)
  expect(c.kube.pods().filter(p => !p.terminating).map(p => p.image)).toEqual(['toy:2', 'toy:2', 'toy:2'])
  expect(shell(c, 'kubectl rollout resume deploy/app').err).toBe('error: deployments.apps "app" is not paused\n')
})

it('a Deployment replaces a deleted or evicted pod by another name', () => {
  const c = cluster(3)
  deployment(c, 'app', 2)
  c.kube.begin()
  const name = c.kube.pods()[0]?.name as string
  shell(c, `kubectl delete pod ${name}`)
  run(c, 120)
  expect(c.kube.pod(name)).toBeUndefined()
  expect(c.kube.pods().filter(p => p.ready)).toHaveLength(2)
  expect(shell(c, 'kubectl rollout undo deploy/app').err).toContain('no rollout history')
  update(c, 'app')
  run(c, 300)
  expect(shell(c, 'kubectl rollout undo deploy/app').out).toBe('deployment.apps/app rolled back\n')
  run(c, 300)
  expect(c.kube.pods().map(p => p.image)).toEqual(['toy:1', 'toy:1'])
})

/** Names of the pods that are on their way out, or gone, of those that were there. */
const leaving = (c: TestCluster, before: readonly string[]): string[] => before.filter(name => c.kube.pod(name)?.terminating !== false)
const pods = (c: TestCluster) => c.kube.pods().filter(p => !p.terminating)

it('K8S-DEPLOYMENT-3: scaled down, the unready leaves first, then whoever has company on its node, then the one that is Ready for the shortest time', () => {
  const c = cluster(4)
  deployment(c, 'app', 3)
  c.kube.begin()
  const [first, second, third] = c.kube.pods().map(p => p.name) as [string, string, string]
  expect(new Set(c.kube.pods().map(p => p.node)).size).toBe(3)
  // One is made anew: youngest, and Ready for the shortest time.
  run(c, 60)
  shell(c, `kubectl delete pod ${first}`)
  run(c, 60)
  const young = pods(c).map(p => p.name).find(name => ![second, third].includes(name)) as string
  c.toy.isReady = h => h.pod.name !== third
  for (const handle of c.toy.running) handle.readinessChanged()
  run(c, 60)
  expect(c.kube.pod(third)?.ready).toBe(false)
  shell(c, 'kubectl scale deploy/app --replicas=2')
  run(c, 1)
  expect(leaving(c, [second, third, young])).toEqual([third])
  shell(c, 'kubectl scale deploy/app --replicas=1')
  run(c, 1)
  expect(leaving(c, [second, young])).toEqual([young])
  const crowded = cluster(2)
  deployment(crowded, 'app', 3)
  crowded.kube.begin()
  run(crowded, 60)
  const alone = crowded.kube.pods().find(p => crowded.kube.pods().filter(o => o.node === p.node).length === 1)?.name as string
  const all = crowded.kube.pods().map(p => p.name)
  shell(crowded, `kubectl delete pod ${alone}`)
  run(crowded, 60)
  // The youngest is alone on its node: one of the two others goes.
  shell(crowded, 'kubectl scale deploy/app --replicas=2')
  run(crowded, 1)
  expect(leaving(crowded, all.filter(name => name !== alone))).toHaveLength(1)
})

it('K8S-DEPLOYMENT-3: a rollout takes the unready of every old revision first, then the oldest revision', () => {
  const c = cluster(6)
  const none = { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }
  deployment(c, 'app', 4, none)
  c.kube.begin()
  const image = (name: string) => c.kube.pod(name)?.image
  // A second revision stops half way: of its pods the third is never Ready.
  const old = c.kube.pods().map(p => p.name)
  let made = 0
  const seen = new Map<string, number>()
  c.toy.isReady = h => {
    if (h.pod.image !== 'toy:2') return true
    if (!seen.has(h.pod.name)) seen.set(h.pod.name, ++made)
    return (seen.get(h.pod.name) as number) < 3
  }
  update(c, 'app')
  run(c, 300)
  const second = pods(c).filter(p => p.image === 'toy:2').map(p => p.name)
  expect([second.length, leaving(c, old).length]).toEqual([3, 2])
  const stuck = second.find(name => c.kube.pod(name)?.ready === false) as string
  const left: string[] = []
  const before = pods(c).map(p => [p.name, image(p.name)] as const)
  c.sim.observe(() => {
    for (const [name, of] of before) if (c.kube.pod(name)?.terminating !== false && !left.includes(`${name} ${of}`)) left.push(`${name} ${of}`)
  })
  shell(c, ['kubectl', 'patch', 'deploy', 'app', '-p', '{"spec":{"template":{"metadata":{"labels":{"again":"yes"}},"spec":{"containers":[{"name":"main","image":"toy:1"}]}}}}'])
  run(c, 600)
  expect(left[0]).toBe(`${stuck} toy:2`)
  expect(left.map(line => line.split(' ')[1])).toEqual(['toy:2', 'toy:1', 'toy:1', 'toy:2', 'toy:2'])
})

const job = (args: string[]) => ({ backoffLimit: 2, template: { spec: { containers: [{ name: 'm', image: 'toy:1', args }] } } })

it('K8S-JOB-1: only a Job that succeeded has a completionTime', () => {
  const c = cluster(1)
  c.kube.create({ kind: 'Job', metadata: { name: 'old' }, status: { completionTime: '2025-12-31T22:00:00Z', succeeded: 1 } })
  c.kube.begin()
  const time = (name: string) => shell(c, ['kubectl', 'get', 'job', name, '-o', 'jsonpath={.status.completionTime}'])
  expect(time('old')).toMatchObject({ out: '2025-12-31T22:00:00Z', code: 0 })
  c.kube.create({ kind: 'Job', metadata: { name: 'good' }, spec: job(['work', '5', '0']) })
  c.kube.create({ kind: 'Job', metadata: { name: 'bad' }, spec: job(['work', '5', '1']) })
  expect(time('good')).toMatchObject({ out: '', code: 0 })
  run(c, 300)
  expect(time('good').out).toMatch(/^2026-01-01T00:0\d:\d\dZ$/)
  expect(time('bad')).toMatchObject({ out: '', code: 0 })
  expect(c.kube.pods().filter(p => p.phase === 'Failed')).toHaveLength(3)
  expect(shell(c, 'kubectl get jobs --no-headers').out).toMatch(/bad {4}Failed[^]*good {3}Complete[^]*old {4}Complete/)
})

it('a CronJob can be run by hand', () => {
  const c = cluster(1)
  c.kube.create({ kind: 'CronJob', metadata: { name: 'backup' }, spec: { schedule: '0 3 * * *', jobTemplate: { spec: job(['work', '1', '0']) } } })
  c.kube.begin()
  expect(shell(c, 'kubectl create job --from=cronjob/backup now').out).toBe('job.batch/now created\n')
  expect(shell(c, 'kubectl wait --for=condition=complete job/now --timeout=120s').out).toBe('job.batch/now condition met\n')
})

it('K8S-DEPLOYMENT-4: a rollout that gets no further is failed after progressDeadlineSeconds, and nothing is taken back', () => {
  for (const [extra, seconds] of [[{}, 600], [{ progressDeadlineSeconds: 90 }, 90]] as const) {
    const c = cluster(3)
    deployment(c, 'app', 4, extra)
    c.kube.begin()
    c.toy.isReady = handle => handle.pod.image === 'toy:1'
    update(c, 'app')
    // What changes nothing of the rollout is no progress.
    c.sim.call(c.sim.now + seconds * 0.8 * SECOND, () => c.kube.controllers.enqueue('Deployment', 'app'))
    const r = shell(c, 'kubectl rollout status deploy/app')
    expect(r).toMatchObject({ code: 1, err: 'error: deployment "app" exceeded its progress deadline\n' })
    expect(r.us / SECOND).toBeGreaterThan(seconds - 5)
    expect(r.us / SECOND).toBeLessThan(seconds + 60)
    expect(shell(c, 'kubectl rollout status deploy/app').us / SECOND).toBeLessThan(5)
    expect(c.kube.pods().filter(p => p.image === 'toy:2' && !p.terminating)).toHaveLength(2)
    expect(shell(c, 'kubectl rollout status deploy/app --timeout=5s').err).toContain('progress deadline')
    shell(c, 'kubectl rollout undo deploy/app')
    expect(shell(c, 'kubectl rollout status deploy/app').code).toBe(0)
    run(c, 700)
    expect(shell(c, 'kubectl rollout status deploy/app').code).toBe(0)
    // One that was done is not failed by a pod that is not Ready later.
    const end = c.kube.faults.probeFails(c.kube.pods()[0]?.name ?? '')
    run(c, 700)
    expect(shell(c, 'kubectl rollout status deploy/app --timeout=5s').err).toBe('error: timed out waiting for the condition\n')
    end()
  }
})

it('K8S-DEPLOYMENT-4: minReadySeconds: no old pod goes before a new one has been Ready for so long', () => {
  const c = cluster(3)
  deployment(c, 'app', 2, { minReadySeconds: 60 })
  c.kube.begin()
  run(c, 120)
  update(c, 'app')
  const r = shell(c, 'kubectl rollout status deploy/app --timeout=30m')
  expect(r.code).toBe(0)
  expect(r.us / SECOND).toBeGreaterThan(120)
  expect(r.us / SECOND).toBeLessThan(240)
})

it('K8S-DEPLOYMENT-5: Available holds while a rollout is on its way', () => {
  const c = cluster(3)
  deployment(c, 'app', 4)
  c.kube.begin()
  c.toy.isReady = handle => handle.pod.image === 'toy:1'
  update(c, 'app')
  run(c, 120)
  expect(c.kube.pods().filter(p => p.ready && !p.terminating)).toHaveLength(3)
  expect(shell(c, 'kubectl wait --for=condition=Available deploy/app --timeout=5s').code).toBe(0)
  deployment(c, 'three', 3)
  expect(shell(c, 'kubectl wait --for=condition=Available deploy/three --timeout=120s').code).toBe(0)
})
