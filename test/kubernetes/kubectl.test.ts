import { expect, it } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import { cluster, run, service, shell, statefulSet, type TestCluster } from './cluster.ts'

function started(name = 'pg', replicas = 3): TestCluster {
  const c = cluster(4)
  c.kube.create(service(name, { app: name }))
  c.kube.create(statefulSet(name, replicas))
  c.kube.begin()
  return c
}

it('prints tables', () => {
  const c = started()
  run(c, 125)
  expect(shell(c, 'kubectl get pods').out).toMatchInlineSnapshot(`
    "NAME   READY   STATUS    RESTARTS   AGE
    pg-0   1/1     Running   0          2m5s
    pg-1   1/1     Running   0          2m5s
    pg-2   1/1     Running   0          2m5s
    "
  `)
  expect(shell(c, 'kubectl get sts,svc').out).toMatchInlineSnapshot(`
    "NAME                  READY   AGE
    statefulset.apps/pg   3/3     2m5s

    NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)    AGE
    service/pg   ClusterIP   10.0.0.10    <none>        5432/TCP   2m5s
    "
  `)
  expect(shell(c, 'kubectl get pods -o custom-columns=:metadata.name,:status.phase --no-headers').out).toBe('pg-0   Running\npg-1   Running\npg-2   Running\n')
  const told = shell(c, 'kubectl describe pod pg-0').out
  expect(told.split('\n').filter(line => /^(?:Name|Node|Status|IP):/.test(line)).map(line => line.replace(/ +/, ' '))).toEqual(['Name: pg-0', expect.stringMatching(/^Node: \S+\/\d+\.\d+\.\d+\.\d+$/), 'Status: Running', expect.stringMatching(/^IP: \d+\.\d+\.\d+\.\d+$/)])
  expect(shell(c, 'kubectl get pods -o custom-columns=N:.metadata.name,R:.spec.nothing --no-headers').out).toBe('pg-0   <none>\npg-1   <none>\npg-2   <none>\n')
  expect(shell(c, 'kubectl get po -A -l app=pg -L app -o name').out).toBe('pod/pg-0\npod/pg-1\npod/pg-2\n')
  expect(shell(c, 'kubectl get pod/pg-1 sts/pg -o name').out).toBe('pod/pg-1\nstatefulset.apps/pg\n')
  expect(JSON.parse(shell(c, 'kubectl get pods -o json').out).items).toHaveLength(3)
  expect(shell(c, 'kubectl get sts pg -o yaml').out).toContain('currentRevision: pg-')
})

it('K8S-KUBECTL-1: nothing selected is exit 0, a missing name is exit 1, a missing type an error', () => {
  const c = started()
  expect(shell(c, 'kubectl get pods -l tier=database -o wide')).toMatchObject({ out: '', err: 'No resources found in default namespace.\n', code: 0 })
  expect(shell(c, 'kubectl get pods -n other')).toMatchObject({ err: 'No resources found in other namespace.\n', code: 0 })
  expect(shell(c, 'kubectl get pod pg-0 pg-9')).toMatchObject({ code: 1, err: 'Error from server (NotFound): pods "pg-9" not found\n', out: expect.stringContaining('pg-0') })
  expect(shell(c, 'kubectl get sts nope')).toMatchObject({ code: 1, err: 'Error from server (NotFound): statefulsets.apps "nope" not found\n' })
  expect(shell(c, 'kubectl get pod nope --ignore-not-found')).toMatchObject({ code: 0, out: '', err: '' })
  expect(shell(c, 'kubectl get unicorns')).toMatchObject({ code: 1, err: 'error: the server doesn\'t have a resource type "unicorns"\n' })
})

it('K8S-KUBECTL-2: jsonpath', () => {
  const c = started()
  const path = (p: string, what = ['pods']) => shell(c, ['kubectl', 'get', ...what, '-o', `jsonpath=${p}`])
  expect(path('{.items[*].metadata.name}').out).toBe('pg-0 pg-1 pg-2')
  expect(path('{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}').out).toBe('pg-0\tRunning\npg-1\tRunning\npg-2\tRunning\n')
  expect(path('{.status.conditions[?(@.type=="Ready")].status}', ['pod', 'pg-0']).out).toBe('True')
  expect(path('{.metadata.labels.statefulset\\.kubernetes\\.io/pod-name}', ['pod', 'pg-0']).out).toBe('pg-0')
  expect(path("{.metadata.labels['app']}", ['pod', 'pg-0']).out).toBe('pg')
  expect(path('{.items[?(@.metadata.name!="pg-1")].metadata.name}').out).toBe('pg-0 pg-2')
  expect(path('{.items[-1].metadata.name} {.items[0:2].metadata.name}').out).toBe('pg-2 pg-0 pg-1')
  expect(path('{..podIP}', ['pod', 'pg-0']).out).toContain('10.244.0.4')
  expect(path('{.status.nothing.here}', ['pod', 'pg-0'])).toMatchObject({ out: '', code: 0 })
  expect(path('{.items[0].metadata.name}', ['pods', '-l', 'a=b'])).toMatchObject({ code: 1, err: expect.stringContaining('array index out of bounds: index 0, length 0') })
  expect(path('{.status.currentRevision}', ['sts', 'pg']).out).toMatch(/^pg-/)
})

it('K8S-KUBECTL-3: get -w never returns', () => {
  const c = started()
  expect(shell(c, 'kubectl get pods -l app=pg -w', 3 * 3600 * SECOND).code).toBe(-1)
})

it('K8S-KUBECTL-3: who reads a watch sees each change as it comes, and ends it by leaving', () => {
  const c = started()
  run(c, 60)
  const printed: { text: string; atUs: number }[] = []
  const watched = (line: string, leavesAt: RegExp): number | undefined => {
    printed.length = 0
    const emit = (text: string): boolean => (printed.push({ text, atUs: c.sim.now }), !leavesAt.test(text))
    const task = c.sim.spawn(new CommandRegistry('test').register(c.kube.commands.kubectl).run({ argv: line.split(' '), stdin: '', key: line, nth: 1, emit }))
    c.sim.run(c.sim.now + SECOND)
    shell(c, 'kubectl delete pod pg-1 --wait=false')
    run(c, 600)
    task.kill()
    return (task.result as { code: number } | undefined)?.code
  }
  expect(watched('kubectl get pods -l app=pg -w', /$^/)).toBeUndefined()
  const rows = printed.flatMap(p => p.text.split('\n').filter(row => row !== ''))
  expect(rows.slice(0, 4).map(row => row.split(/ +/).slice(0, 3).join(' '))).toEqual(['NAME READY STATUS', 'pg-0 1/1 Running', 'pg-1 1/1 Running', 'pg-2 1/1 Running'])
  const later = rows.slice(4)
  expect(later.every(row => row.startsWith('pg-1 '))).toBe(true)
  expect(later.join('\n')).toMatch(/Terminating[^]*Pending[^]*ContainerCreating[^]*0\/1 +Running|Terminating[^]*Pending[^]*ContainerCreating[^]*1\/1 +Running/)
  expect(new Set(printed.map(p => p.atUs)).size).toBeGreaterThan(3)
  // One who has seen enough; no head; only what comes; one name a line.
  expect(watched('kubectl get pods pg-1 -w --no-headers', /Terminating/)).toBe(141)
  expect(printed.map(p => p.text).join('')).toMatch(/^pg-1 +1\/1 +Running[^\n]*\npg-1 +1\/1 +Terminating[^\n]*\n$/)
  expect(watched('kubectl get pods --watch-only -o name', /pg-1/)).toBe(141)
  expect(printed[0]?.text).toBe('pod/pg-1\n')
  expect(watched('kubectl get pod pg-1 -w -o jsonpath={.status.phase}{"\\n"}', /Pending/)).toBe(141)
  expect(printed[0]?.text).toBe('Running\n')
  expect(watched('kubectl get pods,svc -w', /./)).toBe(1)
  expect(watched('kubectl get pod nope -w', /./)).toBe(1)
})

it('K8S-KUBECTL-4: wait', () => {
  const c = started()
  expect(shell(c, 'kubectl wait --for=condition=ready pod pg-0 --timeout=300s')).toMatchObject({ out: 'pod/pg-0 condition met\n', code: 0 })
  const absent = shell(c, 'kubectl wait --for=condition=ready pod pg-3 --timeout=300s')
  expect(absent).toMatchObject({ code: 1, err: 'Error from server (NotFound): pods "pg-3" not found\n' })
  expect(absent.us).toBeLessThan(SECOND)
  c.toy.isReady = h => h.pod.name !== 'pg-1'
  shell(c, 'kubectl delete pod pg-1 --wait=false')
  // The dying pod still counts as Ready.
  expect(shell(c, 'kubectl wait --for=condition=ready pod pg-1 --timeout=5s').code).toBe(0)
  expect(shell(c, 'kubectl wait --for=delete pod/pg-1 --timeout=60s').out).toBe('pod/pg-1 condition met\n')
  run(c, 1)
  const late = shell(c, 'kubectl wait --for=condition=ready pod pg-1 --timeout=60s')
  expect(late).toMatchObject({ code: 1, err: 'error: timed out waiting for the condition on pods/pg-1\n' })
  expect(late.us / SECOND).toBeGreaterThan(60)
  expect(shell(c, 'kubectl wait --for=condition=ready pod -l none=here')).toMatchObject({ code: 1, err: 'error: no matching resources found\n' })
  expect(shell(c, ['kubectl', 'wait', '--for=jsonpath={.status.phase}=Running', 'pod/pg-0']).code).toBe(0)
  expect(shell(c, 'kubectl wait --for=create pod/later --timeout=1s').code).toBe(1)
})

it('K8S-KUBECTL-4: a wait that began before outlives the pod and takes its successor', () => {
  const c = started()
  c.kube.faults.probeFails('pg-2')
  run(c, 60)
  c.sim.call(c.sim.now + 10 * SECOND, () => c.kube.faults.podEvict('pg-2'))
  const r = shell(c, 'kubectl wait --for=condition=ready pod pg-2 --timeout=120s')
  expect(r.code).toBe(0)
  expect(r.us / SECOND).toBeGreaterThan(10)
})

it('K8S-KUBECTL-4: delete waits until the very pod is gone', () => {
  const c = started()
  c.toy.stopUs = 12 * SECOND
  const r = shell(c, 'kubectl delete pod pg-0')
  expect(r.us / SECOND).toBeGreaterThan(12)
  expect(shell(c, 'kubectl delete pod pg-0 --wait=false').us).toBeLessThan(SECOND)
  expect(shell(c, 'kubectl delete pod nope --ignore-not-found').code).toBe(0)
  expect(shell(c, 'kubectl delete pod nope')).toMatchObject({ code: 1, err: 'Error from server (NotFound): pods "nope" not found\n' })
  expect(shell(c, 'kubectl delete pod pg-1 --timeout=3s')).toMatchObject({ code: 1, err: 'error: timed out waiting for the condition on pods/pg-1\n' })
})

it('K8S-EXEC-1: user, exit code, and the reasons for which it fails', () => {
  const c = started()
  expect(shell(c, 'kubectl exec -it pg-1 -- whoami')).toMatchObject({ out: 'root@pg-1\n', code: 0 })
  expect(shell(c, 'kubectl exec pod/pg-1 -c main -- work 1 7')).toMatchObject({ code: 7, err: 'it broke\ncommand terminated with exit code 7\n' })
  expect(shell(c, 'kubectl exec sts/pg -- whoami').code).toBe(0)
  expect(shell(c, 'kubectl exec pg-7 -- whoami')).toMatchObject({ code: 1, err: 'Error from server (NotFound): pods "pg-7" not found\n' })
  expect(shell(c, 'kubectl exec pg-1 whoami').err).toContain('is not supported anymore')
  // No kubectl has that flag, so this is what it says; one that it has and the model lacks is an error of the input.
  expect(shell(c, 'kubectl exec pg-1 --mongo --eval')).toMatchObject({ code: 1, out: '', err: "error: unknown flag: --mongo\nSee 'kubectl exec --help' for usage.\n" })
  expect(() => shell(c, 'kubectl exec pg-1 --pod-running-timeout=1m -- whoami')).toThrow('the flag `--pod-running-timeout` of kubectl exec is not modelled')
  const us = shell(c, 'kubectl exec pg-1 -- work 5 0').us / SECOND
  expect(us).toBeGreaterThan(5.3)
  expect(us).toBeLessThan(6.2)
})

it('K8S-EXEC-1: it ends when the container does, and does not reach a cut-off node', () => {
  const c = started()
  c.sim.call(c.sim.now + 10 * SECOND, () => c.kube.faults.podKill('pg-1'))
  const r = shell(c, 'kubectl exec pg-1 -- work 1000 0')
  expect(r).toMatchObject({ code: 137, err: 'command terminated with exit code 137\n' })
  expect(r.us / SECOND).toBeLessThan(11)
  const node = c.kube.pod('pg-2')?.node
  c.network.cut('t', p => p === node, p => p === 'control-plane')
  const cut = shell(c, 'kubectl exec pg-2 -- whoami')
  expect(cut).toMatchObject({ code: 1, err: expect.stringContaining('error dialing backend: dial tcp 10.224.0.') })
  expect(cut.us / SECOND).toBeGreaterThan(30)
  expect([...c.toy.running].some(h => h.pod.name === 'pg-2')).toBe(true)
})

it('an inner look is a look, and tells until when it holds', () => {
  const c = started()
  const call = { argv: ['kubectl', 'exec', 'pg-0', '--', 'whoami'], stdin: '', key: 'k', nth: 0 }
  expect(c.kube.commands.kubectl.look(call)).toEqual({ output: { out: 'root@pg-0\n', err: '', code: 0 }, afterUs: 500, stableUntilUs: Number.POSITIVE_INFINITY })
  expect(c.kube.commands.kubectl.look({ ...call, argv: ['kubectl', 'exec', 'pg-0', '--', 'work', '1', '0'] })).toBeUndefined()
  expect(c.kube.commands.kubectl.look({ ...call, argv: ['kubectl', 'get', 'pods'] })?.stableUntilUs).toBe(c.sim.now)
  expect(c.kube.commands.kubectl.look({ ...call, argv: ['kubectl', 'get', 'pods', '-o', 'name'] })?.stableUntilUs).toBe(Number.POSITIVE_INFINITY)
  expect(c.kube.commands.kubectl.latencyUs(call)).toBe(c.kube.commands.kubectl.latencyUs(call))
})

it('labels, annotates, applies, creates, runs', () => {
  const c = started()
  expect(shell(c, 'kubectl label pod pg-0 role=primary').out).toBe('pod/pg-0 labeled\n')
  expect(shell(c, 'kubectl label pod pg-0 role=replica')).toMatchObject({ code: 1, err: "error: 'role' already has a value (primary), and --overwrite is false\n" })
  expect(shell(c, 'kubectl label pods -l app=pg role=replica --overwrite').out).toBe('pod/pg-0 labeled\npod/pg-1 labeled\npod/pg-2 labeled\n')
  expect(shell(c, 'kubectl label pod pg-0 role-').out).toBe('pod/pg-0 unlabeled\n')
  expect(c.kube.pod('pg-0')?.labels.role).toBeUndefined()
  expect(shell(c, 'kubectl annotate sts pg note=x').out).toBe('statefulset.apps/pg annotated\n')
  const lease = 'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: maint}\nspec: {holderIdentity: me}\n'
  expect(shell(c, ['kubectl', 'create', '-f', '-'], undefined, lease).out).toBe('lease.coordination.k8s.io/maint created\n')
  expect(shell(c, ['kubectl', 'create', '-f', '-'], undefined, lease)).toMatchObject({ code: 1, err: expect.stringContaining('already exists') })
  expect(shell(c, ['kubectl', 'apply', '-f', '-'], undefined, lease).out).toBe('lease.coordination.k8s.io/maint unchanged\n')
  expect(shell(c, ['kubectl', 'apply', '-f', '-'], undefined, lease.replace('me}', 'you}')).out).toBe('lease.coordination.k8s.io/maint configured\n')
  expect(shell(c, 'kubectl create configmap conf --from-literal=a=1').out).toBe('configmap/conf created\n')
  expect(shell(c, 'kubectl run t --image=toy:1 --rm -it --restart=Never -- whoami').out).toBe('root@t\npod "t" deleted\n')
  expect(shell(c, 'kubectl run t2 --image=toy:1 --rm -i --restart=Never -- work 1 4')).toMatchObject({ code: 4, out: 'pod "t2" deleted\n' })
})

it('apply removes what it had set before and leaves what others set', () => {
  const c = started()
  const svc = (spec: string) => `apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: ${spec}\n`
  const apply = (text: string) => shell(c, ['kubectl', 'apply', '-f', '-'], undefined, text)
  apply(svc('{selector: {a: "1", b: "2"}}'))
  shell(c, ['kubectl', 'patch', 'svc', 's', '-p', '{"spec":{"selector":{"c":"3"}}}'])
  apply(svc('{selector: {a: "1"}}'))
  expect(c.kube.services.spec('s')?.selector).toEqual({ a: '1', c: '3' })
})

it('follows a rollout', () => {
  const c = started()
  shell(c, 'kubectl rollout restart sts pg')
  const r = shell(c, 'kubectl rollout status sts/pg --timeout=10m')
  expect(r.code).toBe(0)
  expect(r.out).toMatch(/statefulset rolling update complete 3 pods at revision pg-\w+\.\.\.\n$/)
  c.toy.isReady = () => false
  shell(c, 'kubectl rollout restart sts pg')
  expect(shell(c, 'kubectl rollout status sts/pg --timeout=60s')).toMatchObject({ code: 1, err: 'error: timed out waiting for the condition\n' })
  shell(c, ['kubectl', 'patch', 'sts', 'pg', '-p', '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'])
  expect(shell(c, 'kubectl rollout status sts/pg').err).toBe('error: rollout status is only available for RollingUpdate strategy type\n')
})

it('other namespaces are other names', () => {
  const c = started()
  c.kube.create({ ...statefulSet('pg', 1), metadata: { name: 'pg', namespace: 'lab' } })
  run(c, 120)
  expect(c.kube.pod('lab/pg-0')?.ready).toBe(true)
  expect(shell(c, 'kubectl get pods -n lab -o name').out).toBe('pod/pg-0\n')
  expect(shell(c, 'kubectl -n lab exec pg-0 -- whoami').out).toBe('root@pg-0\n')
  shell(c, 'kubectl delete pod pg-0 -n lab')
  expect(c.kube.pod('pg-0')?.ready).toBe(true)
})

it('check says what is wrong without running', () => {
  const c = started()
  const check = (line: string) => c.kube.commands.kubectl.check(line.split(' ')).map(f => `${f.severity}: ${f.message}`)
  expect(check('kubectl get pods -o wide')).toEqual([])
  expect(check('kubectl snapshot create x')[0]).toContain('error: the verb `kubectl snapshot` is not modelled; there are: annotate, apply')
  expect(check('kubectl get pods --server-print=false')[0]).toContain('error: the flag `--server-print` of kubectl get is not modelled')
  expect(check('kubectl exec pg-0 --mongo')[0]).toBe('warning: kubectl exec fails: unknown flag: --mongo')
  expect(check('kubectl exec pg-0 --kubeconfig=x -- date')[0]).toContain('error: the flag `--kubeconfig` of kubectl exec is not modelled')
  expect(check('kubectl delete pod pg-0 --now-please')[0]).toContain('error: the flag `--now-please` of kubectl delete is not modelled; supported: --wait, --now')
  expect(check('kubectl delete pod pg-0 -z')[0]).toContain('error: the flag `-z` of kubectl delete is not modelled')
  expect(check('kubectl delete pod pg-0 --timeout')[0]).toContain('error: kubectl delete fails: flag needs an argument: --timeout')
  expect(check('kubectl exec pg-0 -- vacuum')[0]).toContain('`vacuum` is not modelled on container pg-0')
  expect(check('kubectl exec pg-8 -- vacuum')[0]).toContain('`vacuum` is not modelled')
  expect(check('kubectl exec ${pod} -- vacuum')[0]).toContain('`vacuum` is not modelled')
  expect(check('kubectl exec ${pod} -- whoami')).toEqual([])
  expect(check('kubectl exec ${pod} -- ${what}')).toEqual([])
  expect(check('kubectl patch sts pg --patch {bad')).toEqual(['error: kubectl patch: `{bad` is neither JSON nor YAML'])
  expect(check('kubectl patch sts pg -p replicas')[0]).toContain('error: kubectl patch: `replicas` is no patch')
  expect(check('kubectl patch sts pg -p {"spec":${what}}')).toEqual([])
  expect(check('kubectl get ${what}')).toEqual([])
  expect(check('kubectl get unicorns')[0]).toContain('`unicorns`')
  expect(check('kubectl run x --image=nobody:1 -- a')[0]).toContain('`nobody:1`')
  expect(check('kubectl wait --for=bliss pod x')[0]).toContain('unrecognized condition')
  expect(() => c.kube.commands.kubectl.look({ argv: ['kubectl', 'snapshot'], stdin: '', key: '', nth: 0 })).toThrow('not modelled')
})

it('K8S-KUBECTL-5: durations and whole numbers are read as Go reads them, before anything else', () => {
  const c = started()
  run(c, 60)
  const said = (flag: string): string => shell(c, `kubectl wait --for=condition=Ready pod/pg-0 ${flag}`).err
  expect(said('--timeout=5min')).toBe(`error: invalid argument "5min" for "--timeout" flag: time: unknown unit "min" in duration "5min"\nSee 'kubectl wait --help' for usage.\n`)
  expect(said('--timeout=1d')).toContain('time: unknown unit "d" in duration "1d"')
  expect(said('--timeout 10')).toContain('time: missing unit in duration "10"')
  for (const none of ['abc', '1h30', '', '-', '5.m.', '.s']) expect(said(`--timeout=${none}`), none).toContain('invalid argument')
  for (const one of ['90s', '1h30m', '1.5h', '.5s', '5.s', '+1s', '-1s', '0', '100ms', '1h0.5m']) expect(said(`--timeout=${one}`), one).toBe('')
  expect(shell(c, 'kubectl scale sts pg --replicas=two')).toMatchObject({ code: 1, err: `error: invalid argument "two" for "--replicas" flag: strconv.ParseInt: parsing "two": invalid syntax\nSee 'kubectl scale --help' for usage.\n` })
  expect(shell(c, 'kubectl logs pg-0 --tail=x').code).toBe(1)
  expect(shell(c, 'kubectl delete pod pg-0 --grace-period=soon').code).toBe(1)
  expect(shell(c, 'kubectl get pods --no-headers').out.match(/Running/g)).toHaveLength(3)
})
