/** Objects in files, and what else a shell script asks of kubectl. */
import { readFileSync } from 'node:fs'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenarioWritten } from '../../src/scenario/index.ts'
import { expect, test } from 'vitest'
import { VERBS } from '../../models/kubernetes/kubectl/kubectl.ts'
import type { Disk } from '../../src/operator/command.ts'
import { cluster, run, service, shell, statefulSet, type TestCluster } from './cluster.ts'
import { CommandRegistry, type Output, recall } from '../../src/operator/command.ts'

class Folder implements Disk {
  constructor(readonly texts: Record<string, string>) {}
  read(path: string): string | undefined {
    return this.texts[path]
  }
  write(path: string, text: string): undefined {
    this.texts[path] = text
  }
  list(path: string): readonly string[] | undefined {
    const inside = Object.keys(this.texts).filter(name => name.startsWith(`${path}/`)).map(name => name.slice(path.length + 1))
    return inside.length === 0 ? undefined : inside
  }
}

function typed(c: TestCluster, folder: Disk, words: readonly string[], stdin = ''): Output {
  const registry = new CommandRegistry('test').register(c.kube.commands.kubectl)
  const task = c.sim.spawn(registry.run(recall({ argv: words, stdin, key: 'k', nth: c.sim.now }, { disk: folder })))
  for (let i = 0; i < 2000 && task.state === 'running'; i++) run(c, 1)
  return task.result as Output
}

const CONFIG = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { x: "1" }\n'
const BUDGET = 'apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: { name: b }\nspec: { maxUnavailable: 1, selector: { matchLabels: { app: t } } }\n'

test('K8S-APPLY-1 files, folders and standard input: several documents, JSON, Lists; created, configured, unchanged, replaced, deleted', () => {
  const c = cluster()
  const folder = new Folder({ 'all.yaml': `---\n${CONFIG}---\n${BUDGET}`, 'dir/a.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [service('s', { app: 't' })] }), 'dir/notes.txt': 'no', 'a2.yaml': CONFIG.replace('"1"', '"2"') })
  expect(typed(c, folder, ['kubectl', 'apply', '-f', 'all.yaml'])).toEqual({ out: 'configmap/a created\npoddisruptionbudget.policy/b created\n', err: '', code: 0 })
  expect(typed(c, folder, ['kubectl', 'apply', '-f', 'a2.yaml', '-f', 'dir']).out).toBe('configmap/a configured\nservice/s created\n')
  expect(typed(c, folder, ['kubectl', 'apply', '-f', '-'], CONFIG.replace('"1"', '"2"')).out).toBe('configmap/a unchanged\n')
  expect(typed(c, folder, ['kubectl', 'create', '-f', 'all.yaml'])).toEqual({ out: '', err: 'Error from server (AlreadyExists): error when creating "all.yaml": configmaps "a" already exists\nError from server (AlreadyExists): error when creating "all.yaml": poddisruptionbudgets.policy "b" already exists\n', code: 1 })
  expect(typed(c, folder, ['kubectl', 'replace', '-f', 'all.yaml']).out).toBe('configmap/a replaced\npoddisruptionbudget.policy/b replaced\n')
  expect(typed(c, folder, ['kubectl', 'get', 'cm', 'a', '-o', 'jsonpath={.data.x}']).out).toBe('1')
  expect(typed(c, folder, ['kubectl', 'delete', '-f', 'all.yaml']).out).toBe('configmap "a" deleted\npoddisruptionbudget.policy "b" deleted\n')
  expect(typed(c, folder, ['kubectl', 'replace', '-f', 'all.yaml'])).toMatchObject({ code: 1, err: expect.stringContaining('Error from server (NotFound): error when replacing "all.yaml": configmaps "a" not found') })
  expect(typed(c, folder, ['kubectl', 'delete', '-f', 'all.yaml', '--ignore-not-found']).code).toBe(0)
})

test('K8S-APPLY-1 -f takes lists with commas; -o shows what the server then has, and of a client-side dry run what it had', () => {
  const c = cluster()
  const folder = new Folder({ 'a.yaml': CONFIG, 'b.yaml': BUDGET, 'a2.yaml': CONFIG.replace('"1"', '"2"') })
  expect(typed(c, folder, ['kubectl', 'apply', '-f', 'a.yaml,b.yaml', '-o', 'name']).out).toBe('configmap/a\npoddisruptionbudget.policy/b\n')
  expect(typed(c, folder, ['kubectl', 'apply', '-f', 'a.yaml,c.yaml'])).toMatchObject({ code: 1, err: 'error: the path "c.yaml" does not exist\n' })
  expect(JSON.parse(typed(c, folder, ['kubectl', 'apply', '-f', 'a2.yaml', '--dry-run=client', '-ojson']).out)).toMatchObject({ kind: 'ConfigMap', data: { x: '1' } })
  expect(JSON.parse(typed(c, folder, ['kubectl', 'apply', '-f', 'a2.yaml', '-o', 'json']).out)).toMatchObject({ kind: 'ConfigMap', data: { x: '2' } })
  expect(typed(c, folder, ['kubectl', 'apply', '-f', 'a2.yaml,b.yaml', '-o', 'yaml']).out).toMatch(/^apiVersion: v1\nitems:\n {2}- [\s\S]*kind: List\n/)
  expect(c.kube.commands.kubectl.check(['kubectl', 'apply', '-f', '-', '-o', 'wide']).map(found => found.message)).toEqual(['the output format `wide` of kubectl apply is not modelled; supported: yaml, json, name'])
  expect(c.kube.commands.kubectl.check(['kubectl', 'replace', '-f', '-', '-o', 'name']).map(found => found.message)[0]).toMatch(/^the flag `--output` of kubectl replace/)
})

test('K8S-GET-1 of kinds that the cluster has none of, none are found; to make one is refused by name', () => {
  const c = cluster()
  const folder = new Folder({})
  expect(typed(c, folder, ['kubectl', 'get', 'ingress'])).toEqual({ out: '', err: 'No resources found in default namespace.\n', code: 0 })
  expect(typed(c, folder, ['kubectl', 'get', 'hpa', 'web'])).toEqual({ out: '', err: 'Error from server (NotFound): horizontalpodautoscalers.autoscaling "web" not found\n', code: 1 })
  expect(() => typed(c, folder, ['kubectl', 'apply', '-f', '-'], 'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: web }\n')).toThrow('objects of kind Ingress (networking.k8s.io/v1) are not modelled')
})

test('K8S-APPLY-1 what is not there, or no manifest, fails as kubectl does; a kind that the model lacks is named as such', () => {
  const c = cluster()
  const folder = new Folder({ 'old.yaml': BUDGET.replace('policy/v1', 'policy/v1beta1'), 'foo.yaml': 'apiVersion: example.com/v1\nkind: Foo\nmetadata: { name: f }\n', 'bad.yaml': 'a: [', 'empty.yaml': '', 'kindless.yaml': 'metadata: { name: x }\n', 'role.yaml': 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: r }\n' })
  const fails = (file: string): string => {
    const { code, err } = typed(c, folder, ['kubectl', 'apply', '-f', file])
    expect(code).toBe(1)
    return err
  }
  expect(fails('no.yaml')).toBe('error: the path "no.yaml" does not exist\n')
  expect(fails('foo.yaml')).toBe('error: resource mapping not found for name: "f" namespace: "" from "foo.yaml": no matches for kind "Foo" in version "example.com/v1"\nensure CRDs are installed first\n')
  // Removed with Kubernetes 1.25: what an old manifest meets after the upgrade.
  expect(fails('old.yaml')).toContain('no matches for kind "PodDisruptionBudget" in version "policy/v1beta1"')
  expect(fails('bad.yaml')).toContain('error: error parsing bad.yaml: error converting YAML to JSON')
  expect(fails('empty.yaml')).toBe('error: no objects passed to apply\n')
  expect(fails('kindless.yaml')).toContain('error validating data: [apiVersion not set, kind not set]')
  expect(() => typed(c, folder, ['kubectl', 'apply', '-f', 'role.yaml'])).toThrow('objects of kind Role (rbac.authorization.k8s.io/v1) are not modelled')
  const { kubectl } = c.kube.commands
  expect(kubectl.check(['kubectl', 'apply', '-f', 'https://example.com/a.yaml'])).toMatchObject([{ severity: 'error', message: expect.stringContaining('there is no network') }])
  expect(kubectl.check(['kubectl', 'apply', '-f', 'a.yaml'])).toMatchObject([{ severity: 'error', file: 'a.yaml' }])
  expect(kubectl.check(['kubectl', 'apply', '-f', '-'])).toEqual([])
})

test('create --dry-run -o yaml goes through a pipe into apply', () => {
  const c = cluster()
  const folder = new Folder({ 'pg.conf': 'a = 1\n' })
  const made = typed(c, folder, ['kubectl', 'create', 'configmap', 'conf', '--from-file=pg.conf', '--from-file=other=pg.conf', '--from-literal=k=v', '--dry-run=client', '-o', 'yaml'])
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(shell(c, 'kubectl get cm conf').code).toBe(1)
  expect(typed(c, folder, ['kubectl', 'apply', '-f', '-'], made.out).out).toBe('configmap/conf created\n')
  expect(shell(c, ['kubectl', 'get', 'cm', 'conf', '-o', 'jsonpath={.data.pg\\.conf}|{.data.other}|{.data.k}']).out).toBe('a = 1\n|a = 1\n|v')
  expect(typed(c, folder, ['kubectl', 'create', 'namespace', 'x', '--dry-run=client']).out).toBe('namespace/x created (dry run)\n')
  expect(typed(c, folder, ['kubectl', 'create', 'namespace', 'x', '--dry-run=true']).err).toContain('no longer supported')
})

test('K8S-GET-1 --sort-by is natural order, --field-selector knows few fields, --raw asks for the API server’s health', () => {
  const c = cluster(4)
  c.kube.create(statefulSet('s', 11))
  run(c, 900)
  const names = (words: readonly string[]): string => shell(c, ['kubectl', 'get', 'pods', ...words, '-o', 'jsonpath={.items[*].metadata.name}']).out
  expect(names([]).split(' ').slice(0, 3)).toEqual(['s-0', 's-1', 's-10'])
  expect(names(['--sort-by=.metadata.name']).split(' ').slice(0, 3)).toEqual(['s-0', 's-1', 's-2'])
  expect(names(['--sort-by={.metadata.name}']).split(' ').at(-1)).toBe('s-10')
  expect(names(['--field-selector', 'metadata.name=s-3'])).toBe('s-3')
  expect(names(['--field-selector', 'status.phase=Running,metadata.name!=s-3']).split(' ').length).toBe(10)
  expect(shell(c, 'kubectl get pods --field-selector spec.containers=x')).toMatchObject({ code: 1, err: expect.stringContaining('field label not supported: spec.containers') })
  expect(shell(c, 'kubectl get --raw /readyz')).toMatchObject({ out: 'ok', code: 0 })
  expect(shell(c, 'kubectl get --raw=/livez?verbose').out).toMatch(/livez check passed\n$/)
  c.kube.apiUp = false
  expect(shell(c, 'kubectl get --raw /readyz').code).toBe(1)
  expect(c.kube.commands.kubectl.check(['kubectl', 'get', '--raw', '/metrics'])).toMatchObject([{ message: expect.stringContaining('/readyz') }])
})

test('config, logs, cp and namespaces as far as they go', () => {
  const c = cluster()
  expect(shell(c, 'kubectl get ns -o name').out).toBe('namespace/default\nnamespace/kube-node-lease\nnamespace/kube-public\nnamespace/kube-system\n')
  expect(shell(c, 'kubectl get ns default').out).toMatch(/^NAME      STATUS   AGE\ndefault   Active   \S+\n$/)
  expect(shell(c, 'kubectl get ns none').err).toBe('Error from server (NotFound): namespaces "none" not found\n')
  expect(shell(c, 'kubectl create namespace mine').out).toBe('namespace/mine created\n')
  expect(shell(c, 'kubectl get ns mine -o jsonpath={.metadata.name}').out).toBe('mine')
  c.kube.create(statefulSet('s', 1))
  run(c, 60)
  const name = c.kube.options.clusterName
  expect(shell(c, 'kubectl config current-context').out).toBe(`${name}\n`)
  expect(shell(c, `kubectl config use-context ${name}`).out).toBe(`Switched to context "${name}".\n`)
  expect(shell(c, 'kubectl config use-context other')).toMatchObject({ code: 1, err: 'error: no context exists with the name: "other"\n' })
  expect(shell(c, 'kubectl logs s-0 --tail=1').code).toBe(0)
  expect(shell(c, 'kubectl logs -f s-0', 5_000_000).code).toBe(-1)
  expect(typed(c, new Folder({}), ['kubectl', 'cp', 'none', 's-0:/tmp/x'])).toMatchObject({ code: 1, err: "error: none doesn't exist in local filesystem\n" })
})

test('docs/commands.md lists no verb and no flag that is not there', () => {
  const rows = [...readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8').split('## The others')[0]?.matchAll(/^\| `([\w-]+)` \|[^|]*\|([^|]*)\|$/gm) ?? []]
  expect(rows.length).toBeGreaterThan(20)
  for (const [, name, flags = ''] of rows) expect(Object.keys(VERBS.find(verb => verb.name === name)?.flags ?? {}), name).toEqual(expect.arrayContaining([...flags.matchAll(/--([\w-]+)/g)].map(found => found[1] as string)))
})

test('K8S-APPLY-2 what matters and is not modelled is refused by name, before a run and in it; what stays as it was is not', () => {
  const c = cluster()
  c.kube.create(statefulSet('web', 1))
  c.kube.begin()
  const told = (spec: unknown): readonly string[] => c.kube.commands.kubectl.check(['kubectl', 'patch', 'sts', 'web', '-p', JSON.stringify({ spec })]).map(({ message }) => message)
  const main = (more: Record<string, unknown>, pod: Record<string, unknown> = {}) => ({ template: { spec: { containers: [{ name: 'main', ...more }], ...pod } } })
  expect(told(main({ livenessProbe: { tcpSocket: { port: 1 } } }))).toEqual([expect.stringMatching(/^`livenessProbe` of the container `main` is not modelled: no probe restarts a container here/)])
  expect(told(main({ startupProbe: {} }))[0]).toContain('`startupProbe`')
  expect(told(main({ readinessProbe: { tcpSocket: { port: 9999 } } }))[0]).toContain('`tcpSocket` of a port that the container does not declare')
  expect(told(main({ readinessProbe: { exec: { command: ['pg_isready', '-p', '9999'] } } }))[0]).toContain('readinessProbe')
  for (const fine of [{ readinessProbe: { exec: { command: ['pg_isready'] }, periodSeconds: 3 } }, { readinessProbe: { tcpSocket: { port: 5432 } }, ports: [{ containerPort: 5432 }] }, { readinessProbe: { httpGet: { port: 'http' } }, ports: [{ name: 'http', containerPort: 80 }] }, { image: 'toy:2', livenessProbe: null }]) expect(told(main(fine))).toEqual([])
  for (const [pod, what] of [[{ priorityClassName: 'high' }, 'priorityClassName'], [{ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] } } }, 'podAffinity'], [{ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }] } } } }, '`Gt`']] as const) expect(told(main({}, pod))[0]).toContain(what)
  expect(told({ ordinals: { start: 1 } })[0]).toContain('ordinals.start')
  expect(told({ type: 'ExternalName', externalName: 'x' })).toHaveLength(2)
  expect(told({ sessionAffinity: 'ClientIP' })[0]).toContain('sessionAffinity')
  expect(told({ sessionAffinity: 'None' })).toEqual([])
  const run = (words: readonly string[], stdin = '') => () => typed(c, new Folder({}), words, stdin)
  expect(run(['kubectl', 'patch', 'sts', 'web', '--type=json', '-p', '[{"op":"add","path":"/spec/template/spec/containers/0/livenessProbe","value":{"periodSeconds":1}}]'])).toThrow('`livenessProbe` of the container `main` of StatefulSet web is not modelled')
  expect(run(['kubectl', 'patch', 'sts', 'web', '-p', JSON.stringify({ spec: { template: { spec: { initContainers: [{ name: 'wait', image: 'busybox:1.36' }] } } } })])).toThrow('the init container `wait` (busybox:1.36) of StatefulSet web')
  expect(typed(c, new Folder({}), ['kubectl', 'patch', 'sts', 'web', '-p', JSON.stringify({ spec: { template: { spec: { initContainers: [{ name: 'first', image: 'mirror.example:5000/x/toy:1' }] } } } })]).code).toBe(0)
  // What was there before stays.
  c.kube.create({ kind: 'Deployment', metadata: { name: 'd' }, spec: { selector: { matchLabels: { app: 'd' } }, template: { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'main', image: 'toy:1', readinessProbe: { tcpSocket: { port: 7 } }, livenessProbe: { periodSeconds: 9 } }] } } } })
  expect(typed(c, new Folder({}), ['kubectl', 'set', 'image', 'deploy/d', 'main=toy:2']).code).toBe(0)
  expect(run(['kubectl', 'apply', '-f', '-'], 'apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { type: ExternalName, externalName: other.example }\n')).toThrow('`externalName` of Service s')
})

test('a NetworkPolicy is refused by name, unless it is said that nothing enforces it: then it is taken, and cuts nobody off (K8S-POLICY-1)', () => {
  const policy = 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: fence }\nspec: { podSelector: { matchLabels: { app: web } }, policyTypes: [Ingress] }\n'
  const apply = ['kubectl', 'apply', '-f', '-']
  expect(() => typed(cluster(2), new Folder({}), apply, policy)).toThrow('objects of kind NetworkPolicy (networking.k8s.io/v1) are not modelled unless `cluster.kubernetes.networkPolicy` is `none`')
  const c = cluster(2, { networkPolicy: 'none' })
  expect(typed(c, new Folder({}), apply, policy)).toMatchObject({ code: 0, out: 'networkpolicy.networking.k8s.io/fence created\n' })
  expect(typed(c, new Folder({}), ['kubectl', 'get', 'netpol']).out).toMatch(/^NAME +POD-SELECTOR +AGE\nfence +app=web +\S+\n$/)
  expect(typed(c, new Folder({}), ['kubectl', 'delete', 'networkpolicy', 'fence'])).toMatchObject({ code: 0, out: 'networkpolicy.networking.k8s.io "fence" deleted\n' })
  // A fence of it, and a promotion behind it: both lead.
  const yaml = 'format: 1\nload: { writesPerSecond: 200 }\ndeadline: 1h\ncluster: { engine: postgres, kubernetes: { networkPolicy: none } }\nrunbook: ./s.sh\n'
  const script = `kubectl apply -f - <<EOF || exit 1\n${policy.replace('app: web', 'statefulset.kubernetes.io/pod-name: postgres-cluster-0')}EOF\nkubectl exec postgres-cluster-1 -- pg_ctl promote || exit 1\nsleep 60\n`
  const result = rehearse({ scenario: loadScenarioWritten({ name: 'fence', folder: '/nowhere', yaml, files: { 's.sh': script } }, engines, {}), seed: '1', schedule: [] })
  expect(result.verdicts.find(v => v.check === 'no-split-brain')?.status).toBe('fail')
})

test('kubectl top: all, by name, container by container', () => {
  const c = cluster(2)
  c.kube.create({ kind: 'Pod', metadata: { name: 'two' }, spec: { containers: [{ name: 'main', image: 'toy:1', resources: { requests: { cpu: '250m', memory: '64Mi' } } }, { name: 'side', image: 'toy:1', resources: { requests: { cpu: '50m', memory: '16Mi' } } }] } })
  c.kube.begin()
  expect(typed(c, new Folder({}), ['kubectl', 'top', 'pod']).out).toBe('NAME   CPU(cores)   MEMORY(bytes)\ntwo    300m         80Mi\n')
  expect(typed(c, new Folder({}), ['kubectl', 'top', 'pod', 'two', '--containers']).out).toBe('POD   NAME   CPU(cores)   MEMORY(bytes)\ntwo   main   250m         64Mi\ntwo   side   50m          16Mi\n')
  expect(typed(c, new Folder({}), ['kubectl', 'top', 'pod', 'none'])).toMatchObject({ code: 1, err: 'Error from server (NotFound): pods "none" not found\n' })
})
