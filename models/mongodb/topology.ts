/** Turns the options into Kubernetes objects: machines, StatefulSets, Services, a budget, as a user would have applied them. */
import { type Kubernetes, type KubeObject, secretObjects } from '../kubernetes/index.ts'
import { DBPATH, PORT } from './names.ts'
import type { MongodbOptions } from './options.ts'
import { headlessName } from './topology-names.ts'

const COMPONENT = { key: 'app.kubernetes.io/component', value: 'database' }
const VMSS = '12345678-vmss'

/** Machines: a pool with one for each member and some spare, and one for everything else. */
export function addMachines(kube: Kubernetes, options: MongodbOptions): void {
  const count = options.members + options.arbiters + options.spareNodes
  for (let i = 0; i < count; i++) kube.addMachine(`aks-nodepool1-${VMSS}${String(i).padStart(6, '0')}`, String((i % options.zones) + 1), 'nodepool1', { version: options.kubernetesVersion })
}

function template(options: MongodbOptions, labels: Record<string, string>, data: boolean): Record<string, unknown> {
  const mount = data ? { volumeMounts: [{ name: options.naming.volume, mountPath: DBPATH }] } : {}
  return {
    metadata: { labels },
    spec: {
      terminationGracePeriodSeconds: options.terminationGraceSeconds,
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { [COMPONENT.key]: labels[COMPONENT.key] } }, topologyKey: 'kubernetes.io/hostname' }] } },
      containers: [{ name: options.naming.container, image: options.image, readinessProbe: {}, ...mount }],
      ...(data && options.storage === 'emptyDir' ? { volumes: [{ name: options.naming.volume, emptyDir: {} }] } : {}),
    },
  }
}

/** Everything that `kubectl apply` made before the story. */
export function objects(options: MongodbOptions): readonly KubeObject[] {
  const { name, naming } = options
  const labels: Record<string, string> = { app: name, [COMPONENT.key]: COMPONENT.value, ...naming.labels }
  const component = { [COMPONENT.key]: labels[COMPONENT.key] as string }
  const result: KubeObject[] = [
    ...secretObjects(naming),
    { apiVersion: 'v1', kind: 'Service', metadata: { name: headlessName(options), labels }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: component, ports: [{ name: 'mongodb', port: PORT }] } },
    set(options, name, options.members, labels, true),
  ]
  if (options.arbiters > 0) result.push(set(options, `${name}-arbiter`, options.arbiters, { ...labels, app: `${labels.app}-arbiter` }, false))
  if (options.podDisruptionBudget) result.push({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name }, spec: { maxUnavailable: 1, selector: { matchLabels: component } } })
  return result
}

function set(options: MongodbOptions, name: string, replicas: number, labels: Record<string, string>, data: boolean): KubeObject {
  const claims = data && options.storage === 'pvc' ? { volumeClaimTemplates: [{ metadata: { name: options.naming.volume }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: `${Math.round(options.diskMB / 1000)}Gi` } } } }] } : {}
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name, labels },
    spec: { replicas, serviceName: headlessName(options), updateStrategy: { type: options.updateStrategy }, selector: { matchLabels: labels }, template: template(options, labels, data), ...claims },
  }
}
