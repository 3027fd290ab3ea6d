import { expect, it } from 'vitest'
import { HOUR, SECOND } from '../../src/kernel/index.ts'
import { cluster, run, shell, statefulSet } from './cluster.ts'

const reasons = 'kubectl get events --no-headers -o custom-columns=R:.reason,O:.involvedObject.name'

it('K8S-EVENT-1: what scheduler and kubelet tell of a pod, oldest first, for an hour', () => {
  const c = cluster(3)
  c.kube.create(statefulSet('web', 2))
  c.kube.begin()
  expect(shell(c, reasons)).toMatchObject({ code: 0, out: '' })
  shell(c, 'kubectl delete pod web-1')
  run(c, 30)
  const told = shell(c, reasons).out.split('\n').map(line => line.split(/\s+/).slice(0, 2).join(' ')).filter(line => line.endsWith(' web-1'))
  expect(told).toEqual(['Killing web-1', 'Scheduled web-1', 'Started web-1'])
  expect(shell(c, 'kubectl get events').out).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\d+s +Normal +Killing +pod\/web-1 +Stopping container\n/)
  expect(shell(c, `kubectl get ev ${shell(c, 'kubectl get events -o name').out.split('\n')[0]?.replace('event/', '')} -o jsonpath={.reason}`).out).toBe('Killing')
  run(c, HOUR / SECOND + 1)
  expect(shell(c, 'kubectl get events').err).toBe('No resources found in default namespace.\n')
})

it('K8S-EVENT-1: a granted eviction is a deletion', () => {
  const c = cluster(3)
  c.kube.create(statefulSet('web', 1))
  c.kube.begin()
  shell(c, `kubectl drain ${c.kube.pod('web-0')?.node} --ignore-daemonsets`)
  expect(shell(c, reasons).out).toContain('Killing')
  expect(shell(c, reasons).out).not.toContain('Evicted')
})
