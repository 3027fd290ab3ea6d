import fc from 'fast-check'
import { expect, it } from 'vitest'
import { jsonPatch, merge } from '../../models/kubernetes/kubectl/patching.ts'
import { cluster, service, shell, statefulSet } from './cluster.ts'

const json = fc.letrec(tie => ({
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value'), { maxKeys: 4 }),
  value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.constantFrom('x', 'y'), fc.array(fc.integer(), { maxLength: 3 }), tie('map')),
}))

it('K8S-PATCH-1: merging a map keeps what it does not name, sets what it names, and twice is once', () => {
  fc.assert(
    fc.property(json.map, json.map, (target, patch) => {
      for (const strategic of [true, false]) {
        const before = JSON.stringify(target)
        const out = merge(target, patch, strategic) as Record<string, unknown>
        expect(JSON.stringify(target)).toBe(before)
        for (const key of Object.keys(target as object)) if (!Object.hasOwn(patch as object, key)) expect(out[key]).toEqual((target as Record<string, unknown>)[key])
        for (const [key, value] of Object.entries(patch as object)) if (value === null || typeof value !== 'object' || Array.isArray(value)) expect(out[key]).toEqual(value)
        expect(merge(out, patch, strategic)).toEqual(out)
      }
    }),
    { seed: 1 },
  )
})

it('K8S-PATCH-1: null deletes a key; lists are replaced by merge, merged by key by strategic', () => {
  expect(merge({ a: 1, b: 2 }, { a: null }, true)).toEqual({ b: 2 })
  const target = { containers: [{ name: 'x', image: '1', env: [{ name: 'A', value: '1' }] }, { name: 'y', image: '1' }] }
  const change = { containers: [{ name: 'x', image: '2' }] }
  expect(merge(target, change, true)).toEqual({ containers: [{ name: 'x', image: '2', env: [{ name: 'A', value: '1' }] }, { name: 'y', image: '1' }] })
  expect(merge(target, change, false)).toEqual(change)
  expect(merge({ a: { b: 1, c: 2 } }, { a: { $patch: 'replace', d: 3 } }, true)).toEqual({ a: { d: 3 } })
  expect(merge(target, { containers: [{ name: 'y', $patch: 'delete' }] }, true)).toMatchObject({ containers: [{ name: 'x' }] })
})

it('K8S-PATCH-1: JSON patch replaces, adds, removes, tests', () => {
  const target = { spec: { selector: { a: '1', b: '2' }, list: [1, 2] } }
  expect(jsonPatch(target, [{ op: 'replace', path: '/spec/selector', value: { c: '3' } }])).toEqual({ spec: { selector: { c: '3' }, list: [1, 2] } })
  expect(jsonPatch(target, [{ op: 'add', path: '/spec/list/-', value: 3 }, { op: 'remove', path: '/spec/selector/a' }])).toEqual({ spec: { selector: { b: '2' }, list: [1, 2, 3] } })
  expect(jsonPatch({ 'a/b': 1 }, [{ op: 'replace', path: '/a~1b', value: 2 }])).toEqual({ 'a/b': 2 })
  expect(() => jsonPatch(target, [{ op: 'remove', path: '/spec/none' }])).toThrow('rejected')
  expect(() => jsonPatch(target, [{ op: 'test', path: '/spec/list', value: [] }])).toThrow('rejected')
})

it('K8S-PATCH-1: leftovers of an earlier selector stay and match nobody; JSON patch replaces them', () => {
  const c = cluster(2)
  c.kube.create(service('rw', { app: 'n', role: 'primary' }))
  c.kube.create(statefulSet('n', 2))
  c.kube.begin()
  const selector = () => shell(c, ['kubectl', 'get', 'svc', 'rw', '-o', 'jsonpath={.spec.selector}']).out
  shell(c, ['kubectl', 'patch', 'service', 'rw', '--patch', 'spec: {selector: {statefulset.kubernetes.io/pod-name: n-1}}'])
  expect(selector()).toBe('{"app":"n","role":"primary","statefulset.kubernetes.io/pod-name":"n-1"}')
  expect(c.kube.services.wanted('rw')).toEqual([])
  expect(shell(c, ['kubectl', 'patch', 'svc', 'rw', '--type=json', '-p', '[{"op":"replace","path":"/spec/selector","value":{"app":"n"}}]']).out).toBe('service/rw patched\n')
  expect(c.kube.services.wanted('rw').map(p => p.name)).toEqual(['n-0', 'n-1'])
  expect(shell(c, ['kubectl', 'patch', 'svc', 'rw', '--type', 'merge', '-p', '{"spec":{"selector":{"app":"n"}}}']).out).toBe('service/rw patched (no change)\n')
  expect(shell(c, ['kubectl', 'patch', 'sts', 'n', '-p', '{"spec":{"serviceName":"other"}}']).err).toContain('updates to statefulset spec for fields other than')
  expect(shell(c, ['kubectl', 'patch', 'svc', 'gone', '-p', '{}'])).toMatchObject({ code: 1, err: 'Error from server (NotFound): services "gone" not found\n' })
})

it('an amount that is none is refused, whoever writes it, and nothing is changed', () => {
  const c = cluster(2)
  c.kube.create(statefulSet('n', 1))
  c.kube.begin()
  const write = (memory: string) => shell(c, ['kubectl', 'patch', 'sts', 'n', '-p', JSON.stringify({ spec: { template: { spec: { containers: [{ name: 'main', resources: { requests: { memory } } }] } } } })])
  const before = shell(c, ['kubectl', 'get', 'sts', 'n', '-o', 'jsonpath={.spec.template}']).out
  for (const bad of ['', '4 Gi', '4GB', 'much']) {
    expect(write(bad)).toMatchObject({ code: 1, err: "Error from server (BadRequest): quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'\n" })
  }
  expect(shell(c, ['kubectl', 'get', 'sts', 'n', '-o', 'jsonpath={.spec.template}']).out).toBe(before)
  for (const good of ['4Gi', '1e9', '500m', '.5', '2']) expect(write(good).code).toBe(0)
})

const strategyPatch = (type: 'strategic' | 'merge' | 'json', change: unknown): string[] => ['kubectl', 'patch', 'statefulset', 't', '--type', type, '-p', JSON.stringify(change)]

it('K8S-DEFAULT-1: what the API server has filled in is read, and replaced by a JSON patch; a number in quotes is refused', () => {
  const c = cluster()
  c.kube.create(statefulSet('t', 3))
  const kubectl = (words: readonly string[]): { out: string; err: string; code: number } => { const { out, err, code } = shell(c, words); return { out, err, code } }
  expect(kubectl(['kubectl', 'get', 'sts', 't', '-o', 'jsonpath={.spec.updateStrategy.type}/{.spec.updateStrategy.rollingUpdate.partition}/{.spec.revisionHistoryLimit}/{.spec.persistentVolumeClaimRetentionPolicy.whenScaled}']).out).toBe('RollingUpdate/0/10/Retain')
  const partition = (value: unknown): string[] => strategyPatch('json', [{ op: 'replace', path: '/spec/updateStrategy/rollingUpdate/partition', value }])
  expect(kubectl(partition(0)).out).toBe('statefulset.apps/t patched (no change)\n')
  expect(kubectl(partition(3)).out).toBe('statefulset.apps/t patched\n')
  expect(kubectl(['kubectl', 'get', 'sts', 't', '-o', 'jsonpath={.spec.updateStrategy.rollingUpdate.partition}']).out).toBe('3')
  expect(kubectl(partition('0'))).toMatchObject({ code: 1, out: '', err: expect.stringContaining('cannot unmarshal string into Go struct field StatefulSetSpec.spec.updateStrategy.rollingUpdate.partition of type int32') })
  expect(kubectl(strategyPatch('merge', { spec: { replicas: '2' } })).code).toBe(1)
  expect(kubectl(['kubectl', 'get', 'sts', 't', '-o', 'jsonpath={.spec.replicas} {.spec.updateStrategy.rollingUpdate.partition}']).out).toBe('3 3')
})

it('K8S-DEFAULT-2: OnDelete alone is refused for a set that rolls, by a patch and by a manifest; with rollingUpdate null it is taken', () => {
  const c = cluster()
  c.kube.create(statefulSet('t', 3))
  const kubectl = (words: readonly string[]): { out: string; err: string; code: number } => { const { out, err, code } = shell(c, words); return { out, err, code } }
  for (const type of ['strategic', 'merge'] as const) {
    expect(kubectl(strategyPatch(type, { spec: { updateStrategy: { type: 'OnDelete' } } }))).toEqual({ code: 1, out: '', err: `The StatefulSet "t" is invalid: spec.updateStrategy.rollingUpdate: Invalid value: apps.RollingUpdateStatefulSetStrategy{Partition:0, MaxUnavailable:(*intstr.IntOrString)(nil)}: only allowed for updateStrategy 'RollingUpdate'\n` })
  }
  expect(kubectl(strategyPatch('json', [{ op: 'replace', path: '/spec/updateStrategy', value: { type: 'OnDelete' } }])).out).toBe('statefulset.apps/t patched\n')
  expect(kubectl(strategyPatch('merge', { spec: { updateStrategy: { type: 'RollingUpdate' } } })).code).toBe(0)
  expect(kubectl(strategyPatch('strategic', { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } })).out).toBe('statefulset.apps/t patched\n')
  // Where it is so already nothing is in the way.
  expect(kubectl(strategyPatch('merge', { spec: { updateStrategy: { type: 'OnDelete' } } })).out).toBe('statefulset.apps/t patched (no change)\n')
})
