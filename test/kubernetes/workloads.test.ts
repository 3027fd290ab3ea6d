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
