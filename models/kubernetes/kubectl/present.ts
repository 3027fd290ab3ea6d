/** The JSON of API objects, built only when something prints it. */
import type { Disk } from '../../../src/cluster/disk.ts'
import { withDefaults } from '../defaults.ts'
import type { Kubernetes } from '../kubernetes.ts'
import type { KubeNode } from '../node.ts'
import { countOrShare, type DeploymentSpec, type KubeObject, type StatefulSetSpec, timestamp } from '../objects.ts'
import type { Pod } from '../pod.ts'
import type { Stored } from '../store.ts'

/** Its parts are made when they are asked for: read it at once, and change nothing of it. */
export function podObject(kube: Kubernetes, pod: Pod): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    get metadata() {
      return podMetadata(pod)
    },
    get spec() {
      return { ...(pod.spec as unknown as Record<string, unknown>), ...(pod.node === undefined ? {} : { nodeName: pod.node }) }
    },
    get status() {
      return podStatus(kube, pod)
    },
  }
}

function podMetadata(pod: Pod): KubeObject['metadata'] {
  return {
    name: pod.name,
    namespace: pod.namespace,
    uid: pod.uid,
    resourceVersion: String(pod.resourceVersion),
    creationTimestamp: timestamp(pod.createdUs),
    labels: { ...pod.labels },
    ...(Object.keys(pod.annotations).length === 0 ? {} : { annotations: { ...pod.annotations } }),
    ...(pod.deletedUs === undefined ? {} : { deletionTimestamp: timestamp(pod.deletedUs + (pod.graceSeconds ?? 0) * 1_000_000), deletionGracePeriodSeconds: pod.graceSeconds }),
    ...(pod.owner === undefined ? {} : { ownerReferences: [{ apiVersion: 'apps/v1', kind: pod.owner.kind === 'Deployment' ? 'ReplicaSet' : pod.owner.kind, name: pod.owner.name, uid: pod.owner.uid, controller: true }] }),
  }
}

function podStatus(kube: Kubernetes, pod: Pod): Record<string, unknown> {
  const condition = (type: string, status: boolean, us: number) => ({ type, status: status ? 'True' : 'False', lastTransitionTime: timestamp(us) })
  const early = {
    phase: pod.phase,
    get conditions() {
      return [
        condition('PodScheduled', pod.node !== undefined, pod.createdUs),
        condition('Initialized', pod.containerState !== 'waiting' || pod.restarts > 0, pod.createdUs),
        condition('ContainersReady', pod.ready, pod.readyChangedUs),
        condition('Ready', pod.ready, pod.readyChangedUs),
      ]
    },
  }
  if (pod.node === undefined) return early
  // Not spread: that would make at once what is to be made when it is asked for.
  return Object.defineProperties(early, {
    hostIP: { enumerable: true, value: kube.nodes.get(pod.node)?.ip ?? '' },
    podIP: { enumerable: true, value: pod.podIP },
    podIPs: { enumerable: true, get: () => [{ ip: pod.podIP }] },
    containerStatuses: { enumerable: true, get: () => containerStatuses(pod) },
  })
}

function containerStatuses(pod: Pod): readonly Record<string, unknown>[] {
  const { main, image, ready, restarts: restartCount, lastExitCode } = pod
  return [{ name: main.name, image, ready, started: pod.containerState === 'running', restartCount, state: containerState(pod), lastState: lastExitCode === undefined ? {} : { terminated: { exitCode: lastExitCode } } }]
}

function containerState(pod: Pod): Record<string, unknown> {
  if (pod.containerState === 'running') return { running: { startedAt: timestamp(pod.startedUs ?? 0) } }
  if (pod.containerState === 'terminated') return { terminated: { exitCode: pod.exitCode, reason: pod.reason } }
  return { waiting: { reason: pod.reason || 'ContainerCreating', ...(pod.message === '' ? {} : { message: pod.message }) } }
}

export function nodeObject(kube: Kubernetes, node: KubeNode): KubeObject {
  const lost = node.ready === 'Unknown'
  const automatic = [
    ...(node.unschedulable ? [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] : []),
    ...(lost ? [{ key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' }, { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] : []),
  ]
  const taints = [...node.taints, ...automatic]
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.name, uid: node.uid, creationTimestamp: timestamp(node.createdUs), labels: { ...node.labels }, annotations: { ...node.annotations } },
    spec: { ...(node.unschedulable ? { unschedulable: true } : {}), ...(taints.length === 0 ? {} : { taints }) },
    status: {
      capacity: { cpu: String(kube.options.nodeCpu), memory: String(kube.options.nodeMemoryBytes), pods: String(kube.options.podsPerNode) },
      allocatable: { cpu: String(kube.options.nodeCpu), memory: String(kube.options.nodeMemoryBytes), pods: String(kube.options.podsPerNode) },
      conditions: [
        ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map(type => ({ type, status: lost ? 'Unknown' : 'False' })),
        { type: 'Ready', status: node.ready, reason: lost ? 'NodeStatusUnknown' : 'KubeletReady', lastTransitionTime: timestamp(node.readyChangedUs) },
      ],
      addresses: [{ type: 'InternalIP', address: node.ip }, { type: 'Hostname', address: node.name }],
      nodeInfo: { kubeletVersion: `v${node.version}`, kubeProxyVersion: `v${node.version}`, osImage: 'Ubuntu 22.04.5 LTS', containerRuntimeVersion: 'containerd://1.7.27' },
    },
  }
}

/** A stored object with its server-side metadata and the status that its controller would have written. */
export function storedObject(kube: Kubernetes, kind: string, key: string, entry: Stored): KubeObject {
  if (kind === 'Endpoints') return endpointsObject(kube, key, entry)
  const object: KubeObject = { ...withDefaults(entry.object) }
  object.metadata = {
    ...object.metadata,
    uid: entry.uid,
    resourceVersion: String(entry.version),
    generation: entry.generation,
    creationTimestamp: timestamp(entry.createdUs),
    ...(entry.deletedUs === undefined ? {} : { deletionTimestamp: timestamp(entry.deletedUs) }),
  }
  const status = statusOf(kube, kind, key, entry)
  if (status !== undefined) object.status = { ...object.status, ...status }
  return object
}

function statusOf(kube: Kubernetes, kind: string, key: string, entry: Stored): Record<string, unknown> | undefined {
  switch (kind) {
    case 'StatefulSet':
      return statefulSetStatus(kube, key, entry)
    case 'Deployment':
      return deploymentStatus(kube, key, entry)
    case 'PersistentVolumeClaim': {
      const disk = kube.volumes.disk(key)
      return { phase: disk === undefined ? 'Pending' : disk.destroyed ? 'Lost' : 'Bound' }
    }
    case 'PodDisruptionBudget': {
      const b = kube.disruption.budget(key)
      return { currentHealthy: b?.healthy, desiredHealthy: b?.desired, disruptionsAllowed: b?.allowed, expectedPods: b?.expected }
    }
    default:
      return undefined
  }
}

export function statefulSetStatus(kube: Kubernetes, key: string, entry: Stored): Record<string, unknown> {
  const spec = entry.object.spec as unknown as StatefulSetSpec
  const revisions = kube.statefulSets.revisionsOf(key, spec)
  const name = entry.object.metadata.name
  const pods = kube.pods$.ownedBy('StatefulSet', key)
  const at = (hash: string) => pods.filter(p => p.labels['controller-revision-hash'] === `${name}-${hash}`).length
  return {
    observedGeneration: entry.generation,
    replicas: pods.length,
    readyReplicas: pods.filter(p => p.ready).length,
    availableReplicas: pods.filter(p => p.availableUs(spec.minReadySeconds) <= kube.sim.now).length,
    currentReplicas: at(revisions.current),
    updatedReplicas: at(revisions.update),
    currentRevision: `${name}-${revisions.current}`,
    updateRevision: `${name}-${revisions.update}`,
  }
}

export function deploymentStatus(kube: Kubernetes, key: string, entry: Stored): Record<string, unknown> {
  const spec = entry.object.spec as unknown as DeploymentSpec
  const revisions = kube.deployments.revisionsOf(key, spec)
  const pods = kube.pods$.ownedBy('Deployment', key).filter(p => !p.terminating)
  const available = pods.filter(p => p.availableUs(spec.minReadySeconds) <= kube.sim.now).length
  const replicas = spec.replicas ?? 1
  // Available says that no more are missing than a rollout may take away, not that the rollout is done (rule K8S-DEPLOYMENT-5).
  const away = spec.strategy?.type === 'Recreate' ? 0 : countOrShare(spec.strategy?.rollingUpdate?.maxUnavailable, replicas, '25%', 'down')
  return {
    observedGeneration: entry.generation,
    replicas: pods.length,
    readyReplicas: pods.filter(p => p.ready).length,
    availableReplicas: available,
    updatedReplicas: pods.filter(p => p.labels['pod-template-hash'] === revisions.update).length,
    conditions: [{ type: 'Available', status: available >= replicas - Math.min(away, replicas) ? 'True' : 'False' }],
  }
}

function endpointsObject(kube: Kubernetes, key: string, entry: Stored): KubeObject {
  const pods = kube.services.wanted(key)
  const spec = kube.services.spec(key)
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: entry.object.metadata.name, ...(entry.object.metadata.namespace === undefined ? {} : { namespace: entry.object.metadata.namespace }), creationTimestamp: timestamp(entry.createdUs) },
    ...(pods.length === 0
      ? {}
      : {
          subsets: [
            {
              addresses: pods.map(p => ({ ip: p.podIP, nodeName: p.node, targetRef: { kind: 'Pod', name: p.name, namespace: p.namespace, uid: p.uid } })),
              ports: (spec?.ports ?? []).map(p => ({ ...(p.name === undefined ? {} : { name: p.name }), port: typeof p.targetPort === 'number' ? p.targetPort : p.port, protocol: 'TCP' })),
            },
          ],
        }),
  }
}

/** The persistent volume that a claim is bound to. */
export function volumeObject(kube: Kubernetes, claim: string, entry: Stored, disk: Disk): KubeObject {
  const spec = entry.object.spec ?? {}
  const resources = spec.resources as { requests?: { storage?: string } } | undefined
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: disk.name, creationTimestamp: timestamp(entry.createdUs) },
    spec: {
      accessModes: [kube.accessMode(claim)],
      capacity: { storage: resources?.requests?.storage ?? '100Gi' },
      claimRef: { kind: 'PersistentVolumeClaim', name: entry.object.metadata.name, namespace: entry.object.metadata.namespace ?? kube.options.namespace },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: String(spec.storageClassName ?? 'managed-csi'),
      ...(disk.zone === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: [disk.zone] }] }] } } }),
    },
    status: { phase: disk.destroyed ? 'Failed' : 'Bound' },
  }
}
