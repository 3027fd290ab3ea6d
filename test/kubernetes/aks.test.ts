import { expect, it } from 'vitest'
import { HOUR, SECOND } from '../../src/kernel/index.ts'
import { cluster, run, shell, statefulSet, type TestCluster } from './cluster.ts'

function started(nodes = 3, options = {}): TestCluster {
  const c = cluster(nodes, { controlPlaneVersion: '1.30.5', ...options })
  c.kube.create(statefulSet('db', nodes))
  c.kube.begin()
  return c
}

const controlPlane = (c: TestCluster, version: string) => shell(c, `az aks upgrade -g rg -n aks --kubernetes-version ${version} --control-plane-only --yes -o none`)
const upgrade = (c: TestCluster, version: string, more = '--max-surge 0 --max-unavailable 1') => shell(c, `az aks nodepool upgrade --resource-group rg --cluster-name aks --name workers --kubernetes-version ${version} ${more} -o none`, 12 * HOUR)
const versions = (c: TestCluster) => [...c.kube.nodes.values()].map(n => n.version)

it('K8S-AKS-1: in place, every node is drained, reimaged and uncordoned, one after the other', () => {
  const c = started()
  expect(controlPlane(c, '1.31.2').code).toBe(0)
  let fewest = 9
  c.sim.observe(() => {
    fewest = Math.min(fewest, [...c.kube.nodes.values()].filter(n => n.machine.up).length)
  })
  const r = upgrade(c, '1.31.2')
  expect(r.code).toBe(0)
  expect(versions(c)).toEqual(['1.31.2', '1.31.2', '1.31.2'])
  expect([...c.kube.nodes.values()].some(n => n.unschedulable)).toBe(false)
  expect(fewest).toBe(2)
  expect(r.us / SECOND).toBeGreaterThan(3 * 240)
  run(c, 600)
  expect(c.kube.pods().every(p => p.ready && p.nodeVersion === '1.31.2')).toBe(true)
  expect(c.kube.cost()).toMatchObject({ nodeHoursExtra: 0, nodesPeak: 3 })
})

it('K8S-AKS-1, K8S-COST-1: with surge, extra nodes come first, cost, and go last', () => {
  const c = started(4)
  controlPlane(c, '1.31.2')
  let fewest = 9
  c.sim.observe(() => {
    fewest = Math.min(fewest, [...c.kube.nodes.values()].filter(n => n.machine.up).length)
  })
  const since = c.sim.now
  const r = upgrade(c, '1.31.2', '--max-surge 1')
  expect(r.code).toBe(0)
  expect(fewest).toBe(4)
  expect(c.kube.nodes.size).toBe(4)
  const cost = c.kube.cost()
  expect(cost).toMatchObject({ nodesPeak: 5, nodesNow: 4 })
  expect(cost.nodeUsExtra).toBeLessThanOrEqual(c.sim.now - since)
  expect(cost.nodeUsExtra).toBeGreaterThan((c.sim.now - since) / 2)
  expect(cost.nodeUsBase).toBe(4 * c.sim.now)
})

it('K8S-AKS-2: a drain that a budget blocks fails the operation after 30 min; the next goes on from there', () => {
  const c = started()
  c.kube.create({ kind: 'PodDisruptionBudget', metadata: { name: 'db' }, spec: { selector: { matchLabels: { app: 'db' } }, minAvailable: 3 } })
  controlPlane(c, '1.31.2')
  const r = upgrade(c, '1.31.2')
  expect(r.code).toBe(1)
  expect(r.err).toContain('ERROR: (UpgradeFailed) Drain node vm-0 failed when evicting pod')
  expect(r.us / SECOND).toBeGreaterThan(1800)
  expect(r.us / SECOND).toBeLessThan(1820)
  expect(versions(c)).toEqual(['1.30.5', '1.30.5', '1.30.5'])
  expect(shell(c, 'kubectl get node vm-0 --no-headers').out).toContain('SchedulingDisabled')
  expect(shell(c, 'az aks nodepool show -g rg --cluster-name aks -n workers --query provisioningState -o tsv').out).toBe('Failed\n')
  shell(c, 'kubectl delete pdb db')
  expect(upgrade(c, '1.31.2').code).toBe(0)
  expect(versions(c)).toEqual(['1.31.2', '1.31.2', '1.31.2'])
})

it('K8S-AKS-3: never newer than the control plane, no downgrade, one minor at a time', () => {
  const c = started()
  expect(upgrade(c, '1.31.2').err).toContain('(NodePoolMcVersionIncompatible)')
  expect(upgrade(c, '1.29.0').err).toContain('Downgrading Kubernetes version 1.30.5 to 1.29.0 is not allowed')
  expect(controlPlane(c, '1.32.0').err).toContain('not allowed')
  expect(controlPlane(c, '1.30.1').err).toContain('Downgrading')
  expect(shell(c, 'az aks upgrade -g rg -n aks -k 1.31.0').err).toContain('Use --yes')
  expect(upgrade(c, '1.30.5', '--max-surge 1 --max-unavailable 1').err).toContain('cannot both be set')
  expect(c.kube.controlPlaneVersion).toBe('1.30.5')
})

it('K8S-AKS-3: one operation at a time; K8S-AKS-4: it goes on without its caller', () => {
  const c = started()
  controlPlane(c, '1.31.2')
  expect(shell(c, 'az aks nodepool upgrade -g rg --cluster-name aks -n workers -k 1.31.2 --max-surge 0 --max-unavailable 1 --no-wait')).toMatchObject({ code: 0, out: '' })
  expect(upgrade(c, '1.31.2').err).toContain('(OperationNotAllowed)')
  expect(controlPlane(c, '1.32.0').err).toContain('in progress Upgrading agent pool workers')
  run(c, 3 * 3600)
  expect(versions(c)).toEqual(['1.31.2', '1.31.2', '1.31.2'])
  const d = started()
  controlPlane(d, '1.31.2')
  const call = { argv: 'az aks nodepool upgrade -g rg --cluster-name aks -n workers -k 1.31.2 --max-surge 0 --max-unavailable 1'.split(' '), stdin: '', key: 'k', nth: 0 }
  const task = d.sim.spawn(d.kube.commands.az.run(call))
  run(d, 60)
  task.kill()
  run(d, 3 * 3600)
  expect(versions(d)).toEqual(['1.31.2', '1.31.2', '1.31.2'])
})

it('pools can be added, listed, scaled and deleted; their nodes carry the pool labels', () => {
  const c = started(2)
  const r = shell(c, ['az', 'aks', 'nodepool', 'add', '-g', 'rg', '--cluster-name', 'aks', '-n', 'blue', '-c', '2', '--zones', 'a', 'b', '--labels', 'tier=db', '--node-taints', 'only=db:NoSchedule', '-o', 'tsv', '--query', 'count'])
  expect(r).toMatchObject({ code: 0, out: '2\n' })
  expect(shell(c, 'kubectl get nodes -l agentpool=blue,kubernetes.azure.com/agentpool=blue,tier=db -o name').out).toMatch(/^node\/aks-blue-\d{8}-vmss000000\nnode\/aks-blue-\d{8}-vmss000001\n$/)
  expect(shell(c, 'az aks nodepool list -g rg --cluster-name aks --query [].name -o tsv').out).toBe('workers\nblue\n')
  expect(shell(c, 'az aks nodepool scale -g rg --cluster-name aks -n blue -c 1 -o none').code).toBe(0)
  expect(c.kube.nodes.size).toBe(3)
  expect(shell(c, 'az aks nodepool delete -g rg --cluster-name aks -n blue --yes').code).toBe(0)
  expect(c.kube.nodes.size).toBe(2)
  expect(shell(c, 'az aks nodepool show -g rg --cluster-name aks -n blue')).toMatchObject({ code: 3 })
})

it('a surge without capacity fails', () => {
  const c = started()
  controlPlane(c, '1.31.2')
  c.kube.faults.capacityMissing()
  expect(upgrade(c, '1.31.2', '--max-surge 1').err).toContain('(AllocationFailed)')
  expect(c.kube.nodes.size).toBe(3)
})

it('says what of az is not modelled', () => {
  const { az } = started().kube.commands
  expect(az.check(['az', 'vm', 'list'])[0]?.message).toContain('`az vm list` is not modelled')
  expect(az.check('az aks nodepool upgrade -g rg --cluster-name c -n p --snapshot-id x'.split(' '))[0]?.message).toContain('`--snapshot-id`')
  expect(az.check('az aks nodepool upgrade -g rg -n p'.split(' '))[0]?.message).toContain('--cluster-name')
  expect(az.check('az aks nodepool upgrade --resource-group production-rg --cluster-name aks-prod --name nodepool1 --kubernetes-version 1.29.0 --max-surge 0 --max-unavailable 1'.split(' '))).toEqual([])
})
