import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { kubernetesRules } from '../../models/kubernetes/index.ts'
import { cluster, run, service, shell, statefulSet } from './cluster.ts'

/** The commands of the seed document's scripts are understood as they stand (the programs inside containers are the engines' business). */
const LINES = [
  ['kubectl', 'get', 'pods', '-l', 'tier=database', '-o', 'wide'],
  ['kubectl', 'get', 'job', 'backup-job', '-o', 'jsonpath={.status.completionTime}'],
  ['kubectl', 'scale', 'statefulset', 'postgres-cluster', '--replicas=4'],
  ['kubectl', 'wait', '--for=condition=ready', 'pod', 'postgres-cluster-3', '--timeout=300s'],
  ['kubectl', 'patch', 'service', 'postgres-primary', '--patch', '{"spec":{"selector":{"app":"postgres-cluster","role":"primary","pod":"postgres-cluster-3"}}}'],
  ['kubectl', 'delete', 'pod', 'postgres-cluster-0'],
  ['kubectl', 'delete', 'pod', 'postgres-cluster-0', '--force'],
  ['kubectl', 'get', 'pods', '-l', 'app=postgres-cluster', '-w'],
  ['kubectl', 'patch', 'configmap', 'pgbouncer-config', '--patch', '{"data":{"pgbouncer.ini":"[databases]\\napp_db = host=postgres-primary"}}'],
  ['kubectl', 'run', 'test-db-connection', '--image=toy:1', '--rm', '-it', '--', 'whoami', '-h', 'postgres-primary'],
  ['kubectl', 'drain', 'aks-nodepool1-12345678-vmss000000', '--grace-period=300', '--delete-emptydir-data', '--ignore-daemonsets'],
  ['az', 'aks', 'nodepool', 'upgrade', '--resource-group', 'production-rg', '--cluster-name', 'aks-prod', '--name', 'nodepool1', '--kubernetes-version', '1.29.0', '--max-surge', '0', '--max-unavailable', '1'],
  ['kubectl', 'get', 'node', 'aks-nodepool1-12345678-vmss000000', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'],
]

it('understands every kubectl and az line of the seed', () => {
  const { kube } = cluster(1)
  for (const argv of LINES) expect((argv[0] === 'az' ? kube.commands.az : kube.commands.kubectl).check(argv).filter(found => found.object === undefined)).toEqual([])
})

it('the quick path ends where its rules lead: a Service that selects nobody', () => {
  const c = cluster(4)
  c.kube.create(service('postgres-primary', { app: 'postgres-cluster', role: 'primary' }))
  c.kube.create(statefulSet('postgres-cluster', 3))
  c.kube.begin()
  for (const argv of [LINES[2], LINES[3], LINES[4], LINES[5]]) shell(c, argv as string[])
  run(c, 600)
  expect(c.kube.pods().map(p => p.name).sort()).toEqual([0, 1, 2, 3].map(i => `postgres-cluster-${i}`))
  expect(c.kube.route('postgres-primary', 'app', 0)).toEqual({ is: 'no-endpoints' })
})

it('README.md lists every rule, with its source and its test; every test names its rule', () => {
  const readme = readFileSync(new URL('../../models/kubernetes/README.md', import.meta.url), 'utf8')
  const ids = kubernetesRules.map(r => r.id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const rule of kubernetesRules) {
    expect(readme).toContain(`| ${rule.id} | ${rule.statement} | ${rule.source} | ${rule.test.replace('test/kubernetes/', '').replace('.test.ts', '')} |`)
    expect(readFileSync(new URL(`../../${rule.test}`, import.meta.url), 'utf8')).toContain(rule.id)
  }
  expect([...readme.matchAll(/^\| (K8S-[A-Z]+-\d+) /gm)].map(m => m[1])).toEqual(ids)
})
