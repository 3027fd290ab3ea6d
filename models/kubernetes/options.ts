import { z } from 'zod'
import type { Distribution } from '../../src/kernel/index.ts'

/** A distribution as people write it in a scenario: a bare number is a constant. The unit is the field's. */
export const distributionSchema = z.union([
  z.number().min(0),
  z.strictObject({ is: z.literal('constant'), value: z.number() }),
  z.strictObject({ is: z.literal('uniform'), min: z.number(), max: z.number() }),
  z.strictObject({ is: z.literal('triangular'), min: z.number(), mode: z.number(), max: z.number() }),
  z.strictObject({ is: z.literal('exponential'), mean: z.number() }),
  z.strictObject({ is: z.literal('lognormal'), median: z.number(), p95: z.number(), max: z.number() }),
])

const uniform = (min: number, max: number): Distribution => ({ is: 'uniform', min, max })

function seconds(value: Distribution, description: string, source: string) {
  return distributionSchema.default(value).describe(description).meta({ unit: 's', source })
}

function plainSeconds(value: number, description: string, source: string) {
  return z.number().min(0).default(value).describe(description).meta({ unit: 's', source })
}

/** Every number of the Kubernetes model. The defaults are those of a managed cloud cluster; `source` says where each comes from. */
export const kubernetesOptions = z.strictObject({
  namespace: z.string().default('default').describe('namespace of the kubectl context').meta({ unit: '', source: 'kubectl default' }),
  clusterName: z.string().default('aks').describe('name of the managed cluster, for `az aks --name`; any name is accepted unless `strictNames`').meta({ unit: '', source: 'scenario' }),
  resourceGroup: z.string().default('rg').describe('resource group of the managed cluster').meta({ unit: '', source: 'scenario' }),
  strictNames: z.boolean().default(false).describe('whether `az aks` refuses another cluster or resource group than the declared one').meta({ unit: '', source: 'judgement' }),
  controlPlaneVersion: z.string().default('1.32.4').describe('version of the control plane at the start').meta({ unit: '', source: 'scenario' }),
  nodeVersion: z.string().optional().describe('kubelet version of machines that name none; default: the control plane version').meta({ unit: '', source: 'scenario' }),
  availableVersions: z.array(z.string()).default([]).describe('versions that can be upgraded to; empty accepts any well-formed one within one minor of the control plane').meta({ unit: '', source: 'az aks get-upgrades' }),
  apiCallSeconds: seconds(uniform(0.05, 0.5), 'one kubectl call to the API server', 'facts/postgres.md §5 (judgement)'),
  execSeconds: seconds(uniform(0.3, 1), 'kubectl exec until the inner command starts', 'facts/postgres.md §5 (judgement)'),
  azCallSeconds: seconds(uniform(0.8, 3), 'one read-only az call', 'judgement'),
  connectTimeoutSeconds: plainSeconds(30, 'how long kubectl tries an API server or kubelet that does not answer', 'net/http dial time-out'),
  controllerLagSeconds: seconds(uniform(0.01, 0.1), 'from a change until a controller acts on it', 'judgement'),
  scheduleSeconds: seconds(uniform(0.01, 0.2), 'from a pod being created until it is bound to a node', 'judgement'),
  kubeletLagSeconds: seconds(uniform(0.02, 0.3), 'from a change in the API until the kubelet concerned acts', 'judgement'),
  mountSeconds: seconds(uniform(0.3, 2), 'mounting volumes that are attached to the node already', 'judgement'),
  unmountSeconds: seconds(uniform(0.2, 1), 'from the end of the container until its volumes are unmounted and the pod object removed', 'judgement'),
  attachSeconds: seconds({ is: 'triangular', min: 5, mode: 15, max: 40 }, 'attaching a disk that is attached nowhere', 'cloud-provider-azure#78 (about 15 s)'),
  diskMoveSeconds: seconds({ is: 'lognormal', median: 60, p95: 480, max: 1500 }, 'detach and attach when a disk moves between nodes', 'Azure/AKS#2936, #477, #4170'),
  forceDetachSeconds: plainSeconds(360, 'after which a volume is detached from a node that cannot unmount it', 'kubernetes.io node-shutdown (6 min)'),
  imagePullSeconds: seconds({ is: 'lognormal', median: 8, p95: 40, max: 180 }, 'pulling an image that the node has not cached', 'facts/postgres.md §5 (0–60 s, judgement)'),
  containerStartSeconds: seconds(uniform(0.5, 2.5), 'creating and starting a container whose image is present', 'facts/postgres.md §5 (judgement)'),
  backOffFirstSeconds: plainSeconds(10, 'first crash-loop back-off; doubles each time', 'kubernetes.io pod-lifecycle'),
  backOffMaxSeconds: plainSeconds(300, 'longest crash-loop back-off', 'kubernetes.io pod-lifecycle'),
  backOffResetSeconds: plainSeconds(600, 'a container that ran this long starts its back-off afresh', 'kubernetes.io pod-lifecycle'),
  killSeconds: plainSeconds(2, 'grace that a kubelet gives to a pod whose object was force-deleted', 'pkg/kubelet minimumGracePeriodInSeconds'),
  endpointSeconds: seconds(uniform(0.2, 2), 'from a change of a Service or of readiness until the data plane routes by it', 'kubernetes.io virtual-ips (minSyncPeriod 1 s)'),
  configSyncSeconds: seconds(uniform(0, 60), 'kubelet sync period until a changed ConfigMap or Secret reaches a mounted volume', 'kubernetes.io configure-pod-configmap'),
  configCacheSeconds: seconds(uniform(0, 60), 'kubelet cache time-to-live that is added to the sync period', 'kubernetes.io configure-pod-configmap'),
  monitorGraceSeconds: plainSeconds(50, 'silence after which a node is Ready=Unknown (40 s before 1.32)', 'kubernetes.io nodes'),
  monitorPollSeconds: seconds(uniform(0, 5), 'added by the node monitor period', 'kubernetes.io nodes'),
  tolerationSeconds: plainSeconds(300, 'after which pods of an unreachable node are deleted', 'kubernetes.io nodes (default toleration)'),
  heartbeatSeconds: seconds(uniform(0, 10), 'until a returning kubelet is heard', 'kubernetes.io nodes (lease renewed every 10 s)'),
  kubeletStartSeconds: seconds(uniform(15, 45), 'from power on of a machine until its kubelet works', 'judgement'),
  drainRetrySeconds: plainSeconds(5, 'pause of kubectl drain after a refused eviction', 'kubectl drain'),
  reimageSeconds: seconds({ is: 'triangular', min: 240, mode: 420, max: 1200 }, 'reimaging one node during an AKS upgrade', 'facts/postgres.md §5; Azure/AKS#2881'),
  provisionSeconds: seconds({ is: 'triangular', min: 60, mode: 120, max: 300 }, 'adding one node to a pool', 'judgement'),
  controlPlaneUpgradeSeconds: seconds({ is: 'triangular', min: 240, mode: 420, max: 900 }, 'upgrading an AKS control plane', 'judgement'),
  drainTimeoutSeconds: plainSeconds(1800, 'AKS drain time-out per node; the operation then fails', 'AKS upgrade-aks-node-pools-rolling (30 min)'),
  podsPerNode: z.number().int().min(1).default(110).describe('pods a node takes').meta({ unit: 'pods', source: 'kubelet maxPods' }),
  nodeCpu: z.number().default(8).describe('allocatable processors of a node').meta({ unit: 'cores', source: 'scenario' }),
  nodeMemoryBytes: z.number().default(34_359_738_368).describe('allocatable memory of a node').meta({ unit: 'B', source: 'scenario' }),
  poolQuotaNodes: z.number().int().default(1000).describe('nodes the subscription has room for; a surge beyond it fails').meta({ unit: 'nodes', source: 'scenario' }),
  diskBytesPerSecond: z.number().default(200_000_000).describe('throughput of a provisioned disk').meta({ unit: 'B/s', source: 'Azure P30' }),
  zoneRedundantDisks: z.boolean().default(false).describe('ZRS disks attach in any zone; LRS ones only in their own').meta({ unit: '', source: 'AKS upgrade-options' }),
  networkPolicy: z.enum(['none']).optional().describe('what enforces NetworkPolicies: `none` takes them and does nothing, as AKS without an engine for them does (its default). Unset, they are refused by name; an engine that enforces them is not modelled').meta({ unit: '', source: 'kubernetes.io network-policies (prerequisites); AKS use-network-policies' }),
  daemonSets: z.array(z.string()).default(['azure-ip-masq-agent', 'kube-proxy']).describe('DaemonSets with a pod on each node, in kube-system').meta({ unit: '', source: 'AKS' }),
})

export type KubernetesOptions = z.output<typeof kubernetesOptions>
export type KubernetesOptionsInput = z.input<typeof kubernetesOptions>

const parsedDefaults = kubernetesOptions.parse({})

/** The defaults with some fields replaced, without running the schema (a scenario loader has done so): cheap enough for each rehearsal. */
export function withDefaults(some: Partial<KubernetesOptions> = {}): KubernetesOptions {
  return { ...parsedDefaults, ...some }
}

/** Reads a distribution field: a bare number is that number always. */
export function asDistribution(value: number | Distribution): Distribution {
  return typeof value === 'number' ? { is: 'constant', value } : value
}
