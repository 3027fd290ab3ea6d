/** `kubectl set` (rules K8S-SET-1, K8S-SET-2). */
import { expect, it } from 'vitest'
import { cluster, run, service, shell, statefulSet } from './cluster.ts'

function started() {
  const c = cluster(3)
  c.kube.create(service('rw', { app: 'n', role: 'primary' }))
  c.kube.create(statefulSet('n', 3))
  c.kube.begin()
  return c
}

it('K8S-SET-1: a new image rolls the set from the highest ordinal; the same image again says and does nothing', () => {
  const c = started()
  const name = shell(c, ['kubectl', 'get', 'sts', 'n', '-o', 'jsonpath={.spec.template.spec.containers[0].name}']).out
  expect(shell(c, `kubectl set image statefulset/n ${name}=toy:2`)).toMatchObject({ code: 0, out: 'statefulset.apps/n image updated\n' })
  const order: string[] = []
  c.sim.observe(() => {
    for (const pod of c.kube.pods()) if (pod.image === 'toy:2' && !order.includes(pod.name)) order.push(pod.name)
  })
  expect(shell(c, 'kubectl rollout status sts/n --timeout=60m')).toMatchObject({ code: 0, err: '' })
  expect(order).toEqual(['n-2', 'n-1', 'n-0'])
  expect(shell(c, `kubectl set image statefulset n ${name}=toy:2`)).toMatchObject({ code: 0, out: '' })
  expect(shell(c, `kubectl set image statefulset/n *=toy:1`).out).toBe('statefulset.apps/n image updated\n')
  run(c, 600)
  expect(c.kube.pods().map(p => p.image)).toEqual(['toy:1', 'toy:1', 'toy:1'])
})

it('K8S-SET-1: what is wrong is said as kubectl says it, and changes nothing', () => {
  const c = started()
  expect(shell(c, 'kubectl set image statefulset/n nobody=toy:2')).toMatchObject({ code: 1, err: 'error: unable to find container named "nobody"\n' })
  expect(shell(c, 'kubectl set image statefulset/n')).toMatchObject({ code: 1, err: 'error: at least one image update is required\n' })
  expect(shell(c, 'kubectl set image sts/gone a=toy:2')).toMatchObject({ code: 1, err: 'Error from server (NotFound): statefulsets.apps "gone" not found\n' })
  expect(shell(c, 'kubectl set image service/rw a=toy:2').err).toContain('does not have a pod template')
  expect(shell(c, 'kubectl set env sts/n').err).toContain('at least one environment variable')
  run(c, 60)
  expect(c.kube.pods().every(p => p.image === 'toy:1')).toBe(true)
})

it('K8S-SET-1: env and resources change the template, and list shows it', () => {
  const c = started()
  expect(shell(c, 'kubectl set env sts/n MODE=fast LEVEL=2').out).toBe('statefulset.apps/n env updated\n')
  expect(shell(c, 'kubectl set env sts/n --list').out).toMatch(/^# StatefulSet n, container \S+\n(.*\n)*MODE=fast\nLEVEL=2\n$/)
  expect(shell(c, 'kubectl set env sts/n LEVEL-').out).toBe('statefulset.apps/n env updated\n')
  expect(shell(c, 'kubectl set env sts/n --list').out).not.toContain('LEVEL')
  expect(shell(c, 'kubectl set env sts/n MODE=slow --overwrite=false').err).toContain(`'MODE' already has a value (fast)`)
  expect(shell(c, 'kubectl set resources sts/n --limits=memory=2Gi --requests=cpu=1,memory=1Gi').out).toBe('statefulset.apps/n resource requirements updated\n')
  expect(shell(c, ['kubectl', 'get', 'sts', 'n', '-o', 'jsonpath={.spec.template.spec.containers[0].resources}']).out).toBe('{"limits":{"memory":"2Gi"},"requests":{"cpu":"1","memory":"1Gi"}}')
  expect(shell(c, 'kubectl set env sts/n A=1 --containers=none*').err).toContain('does not have any containers matching')
})

it('K8S-SET-2: a selector is replaced whole, unlike by a patch', () => {
  const c = started()
  expect(shell(c, 'kubectl set selector service/rw statefulset.kubernetes.io/pod-name=n-1').out).toBe('service/rw selector updated\n')
  expect(shell(c, ['kubectl', 'get', 'svc', 'rw', '-o', 'jsonpath={.spec.selector}']).out).toBe('{"statefulset.kubernetes.io/pod-name":"n-1"}')
  expect(c.kube.services.wanted('rw').map(p => p.name)).toEqual(['n-1'])
})
