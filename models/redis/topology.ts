/** Turns the options into Kubernetes objects, and says who is what when the story begins. */
import { type Kubernetes, type KubeObject, secretObjects } from '../kubernetes/index.ts'
import { PORT } from './names.ts'
import type { RedisOptions } from './options.ts'

export interface Seat {
  readonly pod: string
  readonly shard: number
  readonly master: boolean
}

const plans = new WeakMap<RedisOptions, readonly Seat[]>()

/** Which pod is master or replica of which shard at the start, by ordinal (rule RD-LAYOUT-1). */
export function seats(options: RedisOptions): readonly Seat[] {
  let plan = plans.get(options)
  if (plan === undefined) plans.set(options, (plan = seat(options)))
  return plan
}

function seat(options: RedisOptions): readonly Seat[] {
  const { shards, replicasPerShard, layout } = options
  const size = shards * (1 + replicasPerShard)
  if (layout === 'interleaved') {
    return Array.from({ length: size }, (_, i) => ({ pod: podName(options, i), shard: Math.floor(i / (1 + replicasPerShard)), master: i % (1 + replicasPerShard) === 0 }))
  }
  // redis-cli --cluster create: masters first; the replicas are dealt out from a list turned by one: 4 to master 0, 5 to 1, 3 to 2.
  const replicas = Array.from({ length: size - shards }, (_, i) => i)
  const turned = [...replicas.slice(1), ...replicas.slice(0, 1)]
  const shardOf = new Map<number, number>()
  turned.forEach((replica, i) => shardOf.set(replica, Math.floor(i / replicasPerShard)))
  return Array.from({ length: size }, (_, i) => ({ pod: podName(options, i), shard: i < shards ? i : (shardOf.get(i - shards) as number), master: i < shards }))
}

function podName(options: RedisOptions, ordinal: number): string {
  return `${options.name}-${ordinal}`
}

export function memberNames(options: RedisOptions): readonly string[] {
  return seats(options).map(s => s.pod)
}

/** The headless Service. */
export function headlessName({ naming, name }: RedisOptions): string {
  return naming.headless ?? name
}

export function podDns(options: RedisOptions, pod: string): string {
  return `${pod}.${headlessName(options)}`
}

function zoneName(i: number, options: RedisOptions): string {
  return String((i % options.zones) + 1)
}

const VMSS = '12345678-vmss'

/** Machines: a pool for the members (with spare nodes), and one for everything else. */
export function addMachines(kube: Kubernetes, options: RedisOptions): void {
  const members = memberNames(options).length
  for (let i = 0; i < members + options.spareNodes; i++) kube.addMachine(`aks-nodepool1-${VMSS}${String(i).padStart(6, '0')}`, zoneName(i, options), 'nodepool1', { version: options.kubernetesVersion })
  for (let i = 0; i < Math.min(2, options.zones); i++) kube.addMachine(`aks-system-${VMSS}${String(i).padStart(6, '0')}`, zoneName(i, options), 'system', { version: options.controlPlaneVersion })
}

/** Everything that `kubectl apply` made before the story. */
export function objects(options: RedisOptions): readonly KubeObject[] {
  const { name, naming } = options
  const labels = { app: name, ...naming.labels }
  const headless = headlessName(options)
  const emptyDir = options.storage === 'emptyDir'
  const result: KubeObject[] = [
    ...secretObjects(naming),
    { apiVersion: 'v1', kind: 'Service', metadata: { name: headless, labels }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: labels, ports: [{ name: 'redis', port: PORT }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name, labels },
      spec: {
        replicas: memberNames(options).length,
        serviceName: headless,
        podManagementPolicy: options.podManagementPolicy,
        updateStrategy: { type: options.updateStrategy },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: options.terminationGraceSeconds,
            ...(options.hostNetwork ? { hostNetwork: true } : {}),
            affinity: {
              podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' }] },
              nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'agentpool', operator: 'NotIn', values: ['system'] }] }] } },
            },
            containers: [{
              name: naming.container,
              image: options.image,
              readinessProbe: { initialDelaySeconds: options.readinessDelaySeconds, periodSeconds: options.readinessPeriodSeconds },
              volumeMounts: [{ name: naming.volume, mountPath: '/data' }],
              ...(options.password === '' ? {} : { env: [{ name: 'REDIS_PASSWORD', value: options.password }] }),
            }],
            ...(emptyDir ? { volumes: [{ name: naming.volume, emptyDir: {} }] } : {}),
          },
        },
        ...(emptyDir ? {} : { volumeClaimTemplates: [{ metadata: { name: naming.volume }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: `${Math.max(1, Math.round(options.diskMB / 1000))}Gi` } } } }] }),
      },
    },
  ]
  if (options.podDisruptionBudget) result.push({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name }, spec: { maxUnavailable: 1, selector: { matchLabels: labels } } })
  return result
}
