import { expect, it } from 'vitest'
import { cluster, run, shell, type TestCluster } from './cluster.ts'

function started(options = {}, mount: Record<string, unknown> = {}): TestCluster {
  const c = cluster(1, options)
  c.kube.create({ kind: 'ConfigMap', metadata: { name: 'settings' }, data: { 'a.ini': 'one', b: 'x' } })
  c.kube.create({
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: {
      containers: [{ name: 'm', image: 'toy:1', volumeMounts: [{ name: 'conf', ...mount }], env: [{ name: 'B', valueFrom: { configMapKeyRef: { name: 'settings', key: 'b' } } }] }],
      volumes: [{ name: 'conf', configMap: { name: 'settings' } }],
    },
  })
  c.kube.begin()
  return c
}

const write = (c: TestCluster, value: string) => shell(c, ['kubectl', 'patch', 'configmap', 'settings', '--patch', JSON.stringify({ data: { 'a.ini': value, b: value } })])
const read = (c: TestCluster) => shell(c, 'kubectl exec p -- cat conf a.ini').out.trim()

it('K8S-CONFIG-1: the mount follows within two minutes, not at once', () => {
  const c = started()
  const [h] = c.toy.running
  let told = 0
  h?.onConfigChange(() => told++)
  write(c, 'two')
  expect(read(c)).toBe('one')
  run(c, 120)
  expect(read(c)).toBe('two')
  expect(told).toBe(1)
})

it('K8S-CONFIG-1: a version that is overwritten before the sync is never seen', () => {
  const c = started({ configSyncSeconds: 40, configCacheSeconds: 10 })
  const [h] = c.toy.running
  const seen: (string | undefined)[] = []
  h?.onConfigChange(() => seen.push(h.configFile('conf', 'a.ini')))
  write(c, 'paused')
  run(c, 15)
  write(c, 'resumed')
  run(c, 300)
  expect(seen).toEqual(['resumed'])
})

it('K8S-CONFIG-1: a pod that starts later has the current version at once', () => {
  const c = started()
  write(c, 'two')
  shell(c, ['kubectl', 'apply', '-f', '-'], undefined, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'q' }, spec: { containers: [{ name: 'm', image: 'toy:1' }], volumes: [{ name: 'conf', configMap: { name: 'settings' } }] } }))
  run(c, 30)
  expect(shell(c, 'kubectl exec q -- cat conf a.ini').out).toBe('two\n')
})

it('K8S-CONFIG-2: a subPath mount never follows', () => {
  const c = started({}, { subPath: 'a.ini' })
  write(c, 'two')
  run(c, 3600)
  expect(read(c)).toBe('one')
})

it('K8S-CONFIG-3: the environment is fixed when the container starts', () => {
  const c = started()
  write(c, 'two')
  run(c, 3600)
  expect([...c.toy.running][0]?.env.B).toBe('x')
  c.kube.faults.podKill('p')
  run(c, 30)
  expect([...c.toy.running][0]?.env.B).toBe('two')
})

it('K8S-CONFIG-4: a Secret is base64 in the API, and plain in a container', () => {
  const c = cluster(1)
  const value = (key: string) => shell(c, ['kubectl', 'get', 'secret', 's', '-o', `jsonpath={.data.${key}}`]).out
  const apply = (fields: Record<string, unknown>) => shell(c, ['kubectl', 'apply', '-f', '-'], undefined, JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, ...fields }))
  c.kube.begin()
  shell(c, 'kubectl create secret generic s --from-literal=password=s3cret')
  expect(value('password')).toBe('czNjcmV0')
  expect(shell(c, 'kubectl get secret s -o yaml').out).not.toContain('s3cret')
  apply({ stringData: { user: 'anna' } })
  expect([value('user'), value('password'), shell(c, ['kubectl', 'get', 'secret', 's', '-o', 'jsonpath={.stringData}']).out]).toEqual(['YW5uYQ==', 'czNjcmV0', ''])
  // A key that is in stringData no more stays in data, as the API server has never heard of it.
  apply({ stringData: { other: 'x' } })
  expect([value('user'), value('other')]).toEqual(['YW5uYQ==', 'eA=='])
  const again = (keys: Record<string, string>) => shell(c, ['kubectl', 'apply', '-f', '-'], undefined, JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'u' }, stringData: keys }))
  again({ a: '1' })
  again({ b: '2' })
  expect(shell(c, ['kubectl', 'get', 'secret', 'u', '-o', 'jsonpath={.data}']).out).toBe('{"a":"MQ==","b":"Mg=="}')
  expect(shell(c, 'kubectl get secret s').out).toMatch(/^NAME +TYPE +DATA +AGE\ns +Opaque +3 /)
  expect(apply({ data: { user: 'anna!' } })).toMatchObject({ code: 1, err: expect.stringContaining('illegal base64 data at input byte 4') })
  expect(apply({ data: { user: 'anna5' } })).toMatchObject({ code: 1, err: expect.stringContaining('illegal base64 data at input byte 4') })
  shell(c, ['kubectl', 'apply', '-f', '-'], undefined, JSON.stringify({
    apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' },
    spec: { containers: [{ name: 'm', image: 'toy:1', volumeMounts: [{ name: 'conf' }], env: [{ name: 'PW', valueFrom: { secretKeyRef: { name: 's', key: 'password' } } }], envFrom: [{ secretRef: { name: 's' } }] }], volumes: [{ name: 'conf', secret: { secretName: 's' } }] },
  }))
  run(c, 60)
  const [held] = c.toy.running
  expect([held?.env.PW, held?.env.user, held?.configFile('conf', 'password')]).toEqual(['s3cret', 'anna', 's3cret'])
})
