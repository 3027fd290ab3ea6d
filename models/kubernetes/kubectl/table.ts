/** The tables of `kubectl get`. */
import { SECOND } from '../../../src/kernel/index.ts'
import type { Kubernetes } from '../kubernetes.ts'
import { age, type DeploymentSpec, type ServiceSpec, type StatefulSetSpec } from '../objects.ts'
import type { Pod } from '../pod.ts'
import { deploymentStatus, statefulSetStatus } from './present.ts'
import type { Found } from './resources.ts'

/** Lines of columns, each as wide as its widest cell (those printed before in `widths`) and three spaces; no padding at the end of a line but kubectl's own. */
export function align(rows: readonly (readonly string[])[], widths: number[] = []): string {
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)))
  return rows.map(row => `${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd((widths[i] as number) + 3))).join('')}\n`).join('')
}

export function headers(kind: string, wide: boolean): readonly string[] {
  const w = (more: readonly string[]) => (wide ? more : [])
  switch (kind) {
    case 'Pod':
      return ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', ...w(['IP', 'NODE', 'NOMINATED NODE', 'READINESS GATES'])]
    case 'Node':
      return ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION', ...w(['INTERNAL-IP', 'EXTERNAL-IP', 'OS-IMAGE', 'KERNEL-VERSION', 'CONTAINER-RUNTIME'])]
    case 'StatefulSet':
      return ['NAME', 'READY', 'AGE', ...w(['CONTAINERS', 'IMAGES'])]
    case 'Namespace':
      return ['NAME', 'STATUS', 'AGE']
    case 'Deployment':
      return ['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE', ...w(['CONTAINERS', 'IMAGES', 'SELECTOR'])]
    case 'Service':
      return ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE', ...w(['SELECTOR'])]
    case 'Endpoints':
      return ['NAME', 'ENDPOINTS', 'AGE']
    case 'ConfigMap':
      return ['NAME', 'DATA', 'AGE']
    case 'Secret':
      return ['NAME', 'TYPE', 'DATA', 'AGE']
    case 'PersistentVolumeClaim':
      return ['NAME', 'STATUS', 'VOLUME', 'CAPACITY', 'ACCESS MODES', 'STORAGECLASS', 'AGE']
    case 'PodDisruptionBudget':
      return ['NAME', 'MIN AVAILABLE', 'MAX UNAVAILABLE', 'ALLOWED DISRUPTIONS', 'AGE']
    case 'NetworkPolicy':
      return ['NAME', 'POD-SELECTOR', 'AGE']
    case 'Job':
      return ['NAME', 'STATUS', 'COMPLETIONS', 'DURATION', 'AGE']
    case 'CronJob':
      return ['NAME', 'SCHEDULE', 'TIMEZONE', 'SUSPEND', 'ACTIVE', 'LAST SCHEDULE', 'AGE']
    case 'Lease':
      return ['NAME', 'HOLDER', 'AGE']
    case 'Event':
      return ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']
    case 'PersistentVolume':
      return ['NAME', 'CAPACITY', 'ACCESS MODES', 'RECLAIM POLICY', 'STATUS', 'CLAIM', 'STORAGECLASS', 'VOLUMEATTRIBUTESCLASS', 'REASON', 'AGE']
    default:
      return ['NAME', 'AGE']
  }
}

export function row(kube: Kubernetes, f: Found, name: string, wide: boolean): readonly string[] {
  const w = (more: readonly string[]) => (wide ? more : [])
  if (f.type.kind === 'Pod') return podRow(kube, kube.pods$.get(f.key) as Pod, name, wide)
  if (f.type.kind === 'Node') {
    const node = kube.nodes.get(f.name)
    if (node === undefined) throw new Error(`kubectl: node ${f.name} vanished while it was printed`)
    const status = `${node.ready === 'True' ? 'Ready' : 'NotReady'}${node.unschedulable ? ',SchedulingDisabled' : ''}`
    return [name, status, '<none>', age(kube.sim.now - node.createdUs), `v${node.version}`, ...w([node.ip, '<none>', 'Ubuntu 22.04.5 LTS', '5.15.0-1089-azure', 'containerd://1.7.27'])]
  }
  if (f.type.kind === 'Namespace') return [name, 'Active', age(kube.sim.now - (kube.store.entry('Namespace', f.key)?.createdUs ?? 0))]
  if (f.type.kind === 'Event') return eventRow(kube, f)
  if (f.type.kind === 'PersistentVolume') return volumeRow(kube, f, name)
  return storedRow(kube, f, name, w)
}

function eventRow(kube: Kubernetes, f: Found): readonly string[] {
  const found = kube.happened.list(kube.sim.now, kube.options.namespace).find(({ object }) => object.metadata.name === f.name)
  if (found === undefined) throw new Error(`kubectl: the event ${f.name} vanished while it was printed`)
  const { atUs, object } = found
  const about = object.involvedObject as { kind: string; name: string }
  return [age(kube.sim.now - atUs), String(object.type), String(object.reason), `${about.kind.toLowerCase()}/${about.name}`, String(object.message)]
}

function volumeRow(kube: Kubernetes, f: Found, name: string): readonly string[] {
  const { spec = {}, status = {} } = f.json()
  const claim = spec.claimRef as { name: string; namespace: string }
  return [name, (spec.capacity as { storage: string }).storage, accessModeShort(kube, f.key), 'Delete', String(status.phase), `${claim.namespace}/${claim.name}`, String(spec.storageClassName), '<unset>', '', age(kube.sim.now - (kube.store.entry('PersistentVolumeClaim', f.key)?.createdUs ?? 0))]
}

function accessModeShort(kube: Kubernetes, claim: string): string {
  return { ReadWriteOnce: 'RWO', ReadWriteOncePod: 'RWOP', ReadWriteMany: 'RWX', ReadOnlyMany: 'ROX' }[kube.accessMode(claim)] ?? 'RWO'
}

/** What the STATUS column of a pod says. */
export function podStatus(pod: Pod, nodeLost: boolean): string {
  if (pod.terminating) return nodeLost ? 'Terminating' : 'Terminating'
  if (pod.finished) return pod.phase === 'Succeeded' ? 'Completed' : 'Error'
  if (pod.containerState === 'running') return 'Running'
  if (pod.node === undefined) return 'Pending'
  return pod.reason || 'ContainerCreating'
}

function podRow(kube: Kubernetes, pod: Pod, name: string, wide: boolean): string[] {
  const status = podStatus(pod, pod.node !== undefined && kube.nodes.get(pod.node)?.ready === 'Unknown')
  const n = pod.spec.containers.length
  const basic = [name, `${pod.ready ? n : 0}/${n}`, status, String(pod.restarts), age(kube.sim.now - pod.createdUs)]
  return wide ? [...basic, pod.podIP ?? '<none>', pod.node ?? '<none>', '<none>', '<none>'] : basic
}

function storedRow(kube: Kubernetes, f: Found, name: string, w: (more: readonly string[]) => readonly string[]): readonly string[] {
  const entry = kube.store.entry(f.type.kind === 'Endpoints' ? 'Service' : f.type.kind, f.key)
  if (entry === undefined) throw new Error(`kubectl: ${f.type.kind} ${f.key} vanished while it was printed`)
  const { object } = entry
  const old = age(kube.sim.now - entry.createdUs)
  const spec = object.spec ?? {}
  switch (f.type.kind) {
    case 'StatefulSet': {
      const s = spec as unknown as StatefulSetSpec
      const status = statefulSetStatus(kube, f.key, entry)
      return [name, `${status.readyReplicas}/${s.replicas ?? 1}`, old, ...w([s.template.spec.containers.map(c => c.name).join(','), s.template.spec.containers.map(c => c.image).join(',')])]
    }
    case 'Deployment': {
      const s = spec as unknown as DeploymentSpec
      const status = deploymentStatus(kube, f.key, entry)
      return [name, `${status.readyReplicas}/${s.replicas ?? 1}`, String(status.updatedReplicas), String(status.availableReplicas), old, ...w([s.template.spec.containers.map(c => c.name).join(','), s.template.spec.containers.map(c => c.image).join(','), pairs(s.selector?.matchLabels)])]
    }
    case 'Service': {
      const s = spec as ServiceSpec
      return [name, s.type ?? 'ClusterIP', s.clusterIP ?? '10.0.0.10', '<none>', (s.ports ?? []).map(p => `${p.port}/TCP`).join(',') || '<none>', old, ...w([pairs(s.selector)])]
    }
    case 'Endpoints': {
      const port = kube.services.spec(f.key)?.ports?.[0]?.port
      const all = kube.services.wanted(f.key).map(p => `${p.podIP}${port === undefined ? '' : `:${port}`}`)
      const shown = all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',')
      return [name, shown || '<none>', old]
    }
    case 'ConfigMap':
      return [name, String(Object.keys(object.data ?? {}).length), old]
    case 'Secret':
      return [name, String(object.type ?? 'Opaque'), String(Object.keys(object.data ?? {}).length), old]
    case 'PersistentVolumeClaim': {
      const disk = kube.volumes.disk(f.key)
      const resources = spec.resources as { requests?: { storage?: string } } | undefined
      const status = entry.deletedUs !== undefined ? 'Terminating' : disk === undefined ? 'Pending' : disk.destroyed ? 'Lost' : 'Bound'
      const mode = accessModeShort(kube, f.key)
      return [name, status, disk?.name ?? '', disk === undefined ? '' : (resources?.requests?.storage ?? '100Gi'), disk === undefined ? '' : mode, String(spec.storageClassName ?? 'managed-csi'), old]
    }
    case 'PodDisruptionBudget':
      return [name, String(spec.minAvailable ?? 'N/A'), String(spec.maxUnavailable ?? 'N/A'), String(kube.disruption.budget(f.key)?.allowed ?? 0), old]
    case 'NetworkPolicy':
      return [name, pairs((spec.podSelector as { matchLabels?: Record<string, string> } | undefined)?.matchLabels), old]
    case 'Job': {
      const status = object.status ?? {}
      const done = status.completionTime !== undefined
      return [name, done ? 'Complete' : status.failed !== undefined ? 'Failed' : 'Running', done ? '1/1' : '0/1', old, old]
    }
    case 'CronJob':
      return [name, String(spec.schedule ?? ''), '<none>', String(spec.suspend ?? false).replace(/^./, c => c.toUpperCase()), '0', '<none>', old]
    case 'Lease':
      return [name, String(spec.holderIdentity ?? ''), old]
    default:
      return [name, old]
  }
}

function pairs(labels: Readonly<Record<string, string>> | undefined): string {
  const all = Object.entries(labels ?? {}).map(([k, v]) => `${k}=${v}`)
  return all.join(',') || '<none>'
}

/** Smallest unit in which printed ages move. */
export const AGE_STEP_US = SECOND
