/** Turns the options into Kubernetes objects: pools, StatefulSets, Services, ConfigMaps, poolers, as a user would have applied them. */
import { frozen, type Kubernetes, type KubeObject, secretObjects } from '../kubernetes/index.ts'
import type { PostgresOptions } from './options.ts'
import { defaultIni } from './pgbouncer/config.ts'
import { CONFIG_MAP, CONFIG_MOUNT, POOLER, POOLER_IMAGE } from './names.ts'

/** Label that marks a pod as a data-bearing member of the cluster, whatever StatefulSet it is in. */
const COMPONENT = { key: 'app.kubernetes.io/component', value: 'database' }

export interface SetPlan {
  readonly name: string
  readonly replicas: number
  /** The headless Service of its pods. */
  readonly headless: string
}

const plans = new WeakMap<PostgresOptions, readonly SetPlan[]>()

/** The StatefulSets of the topology: the same for all rehearsals of one scenario. */
export function statefulSets(options: PostgresOptions): readonly SetPlan[] {
  let sets = plans.get(options)
  if (sets === undefined) plans.set(options, (sets = plan(options)))
  return sets
}

function plan(options: PostgresOptions): readonly SetPlan[] {
  if (options.topology === 'one-statefulset') return [{ name: options.name, replicas: options.members, headless: options.naming.headless ?? options.name }]
  return Array.from({ length: options.members }, (_, i) => ({ name: i === 0 ? 'postgres-primary' : `postgres-replica-${i}`, replicas: 1, headless: options.naming.headless ?? 'postgres' }))
}

/** The pod that a pod of the green cluster clones itself from; undefined: it is of none, or initialises a database of its own. */
export function greenSource(options: PostgresOptions, pod: string): string | undefined {
  if (options.green === false || !options.green.standbys || !isGreen(options, pod)) return undefined
  const first = `${options.green.name}-0`
  return pod === first ? undefined : first
}

/** Whether a pod belongs to the second, green cluster, by its name. */
export function isGreen({ green }: PostgresOptions, pod: string): boolean {
  return green !== false && pod.startsWith(`${green.name}-`) && /^\d+$/.test(pod.slice(green.name.length + 1))
}

/** Pod names of the members at the start, in order. */
export function memberNames(options: PostgresOptions): readonly string[] {
  return statefulSets(options).flatMap(set => Array.from({ length: set.replicas }, (_, i) => `${set.name}-${i}`))
}

/** DNS name of a member's pod. */
export function podDns(options: PostgresOptions, pod: string): string {
  if (options.green !== false && isGreen(options, pod)) return `${pod}.${options.green.name}`
  const set = statefulSets(options).find(s => pod.startsWith(`${s.name}-`))
  return `${pod}.${set?.headless ?? options.name}`
}

/** Whether a pod of the API is a member (it carries a data volume of a member set). */
export function isMemberSet(options: PostgresOptions, owner: string | undefined): boolean {
  if (owner === undefined) return false
  for (const set of statefulSets(options)) if (set.name === owner) return true
  return options.green !== false && options.green.name === owner
}

function zoneName(i: number, options: PostgresOptions): string {
  return String((i % options.zones) + 1)
}

const VMSS = '12345678-vmss'

/** Machines: a pool for the members (with spare nodes), and one for everything else. */
export function addMachines(kube: Kubernetes, options: PostgresOptions): void {
  const version = options.kubernetesVersion
  const spare = options.spareNodes
  for (let i = 0; i < options.members + spare; i++) {
    const pool = options.poolPerNode ? `nodepool${i + 1}` : 'nodepool1'
    kube.addMachine(`aks-${pool}-${VMSS}${String(options.poolPerNode ? 0 : i).padStart(6, '0')}`, zoneName(i, options), pool, { version })
  }
  for (let i = 0; i < Math.min(2, options.zones); i++) kube.addMachine(`aks-system-${VMSS}${String(i).padStart(6, '0')}`, zoneName(i, options), 'system', { version: options.controlPlaneVersion })
}

/** The upgraded pool, bought for the upgrade once everything else was running: nobody was scheduled on it before, and it costs extra. */
export function addUpgradedPool(kube: Kubernetes, options: PostgresOptions): void {
  if (options.upgradedPool === false) return
  const version = options.kubernetesVersion
  const spare = options.spareNodes
  const { label, name, zones } = options.upgradedPool
  const where = zones ?? Array.from({ length: Math.max(options.zones, options.members + spare) }, (_, i) => (i % options.zones) + 1)
  where.forEach((zone, i) => {
    kube.addMachine(`aks-upgraded-${VMSS}${String(i).padStart(6, '0')}`, String(zone), name, { version: options.targetKubernetesVersion ?? version, labels: { [label]: name } })
  })
}

/** Label value and name of the pool that a green cluster runs on. */
const GREEN_POOL = 'green'

/** Machines of the green cluster, bought for the upgrade. They cost extra from the first step on. */
export function addGreenPool(kube: Kubernetes, options: PostgresOptions): void {
  if (options.green === false) return
  for (let i = 0; i < (options.green.nodes ?? options.members); i++) kube.addMachine(`aks-${GREEN_POOL}-${VMSS}${String(i).padStart(6, '0')}`, zoneName(i, options), GREEN_POOL, { version: options.kubernetesVersion })
}

/** The second cluster: a StatefulSet whose first pod, or each, initialises a database of its own, with a headless Service. */
function greenObjects(options: PostgresOptions): KubeObject[] {
  const { green } = options
  if (green === false) return []
  const labels = { app: green.name, [COMPONENT.key]: COMPONENT.value }
  const template = memberTemplate({ ...options, image: options.targetImage ?? options.image, cloneOnStart: green.standbys }, labels)
  ;(template.spec as Record<string, unknown>).nodeSelector = { agentpool: GREEN_POOL }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name: green.name }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: { app: green.name }, ports: [{ name: 'postgres', port: 5432 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: green.name, labels },
      spec: { replicas: green.replicas, serviceName: green.name, podManagementPolicy: options.podManagementPolicy, updateStrategy: { type: options.updateStrategy }, selector: { matchLabels: labels }, template, ...claimsOf(options) },
    },
  ]
}

/** Claims of a StatefulSet's pods, and what becomes of them when it is deleted. */
function claimsOf(options: PostgresOptions): Record<string, unknown> {
  const retain = options.green === false || options.green.retain
  return {
    volumeClaimTemplates: [{ metadata: { name: options.naming.volume }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: `${Math.round(options.diskMB / 1000)}Gi` } } } }],
    ...(retain ? {} : { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' } }),
  }
}

/** The major version that the `postgresql` object begins with: of a Spilo as it is said, otherwise `postgres:16.4` → 16. */
export function majorOf({ image, patroni }: PostgresOptions): string {
  if (patroni !== false && patroni.spilo !== false) return patroni.spilo.version
  return /:(\d+)/.exec(image)?.[1] ?? ''
}

function memberTemplate(options: PostgresOptions, labels: Record<string, string>, zone?: string): Record<string, unknown> {
  return {
    metadata: { labels },
    spec: {
      // Nothing spreads StatefulSets of one pod each over the zones but saying so.
      ...(zone === undefined ? {} : { nodeSelector: { 'topology.kubernetes.io/zone': zone } }),
      terminationGracePeriodSeconds: options.terminationGraceSeconds,
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { [COMPONENT.key]: labels[COMPONENT.key] } }, topologyKey: 'kubernetes.io/hostname' }],
        },
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'agentpool', operator: 'NotIn', values: ['system'] }] }] } },
      },
      ...(options.cloneOnStart ? { initContainers: [{ name: 'clone', image: options.image }] } : {}),
      containers: [{ name: options.naming.container, image: options.image, ...(options.patroni !== false && options.patroni.operator ? { env: [{ name: 'PGVERSION', value: majorOf(options) }] } : {}), readinessProbe: {}, volumeMounts: [{ name: options.naming.volume, mountPath: options.dataDirectory }] }],
    },
  }
}

const applied = new WeakMap<PostgresOptions, readonly KubeObject[]>()

/** Everything that `kubectl apply` made before the story: the same objects in all rehearsals of one scenario, so nobody may change them. */
export function objects(options: PostgresOptions): readonly KubeObject[] {
  let made = applied.get(options)
  if (made === undefined) applied.set(options, (made = frozen(makeObjects(options))))
  return made
}

function makeObjects(options: PostgresOptions): readonly KubeObject[] {
  const result: KubeObject[] = secretObjects(options.naming)
  const app = options.name
  const labels: Record<string, string> = { app, [COMPONENT.key]: COMPONENT.value, ...options.naming.labels }
  const selected = { app: labels.app as string }
  const { key: roleKey, primary: leads } = options.roleLabel
  const headless = new Set(statefulSets(options).map(s => s.headless))
  for (const name of headless) {
    result.push({ apiVersion: 'v1', kind: 'Service', metadata: { name, labels }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: selected, ports: [{ name: 'postgres', port: 5432 }] } })
  }
  const primary = memberNames(options)[options.primary] ?? ''
  result.push({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: options.service, labels },
    // Patroni writes the Endpoints itself: who holds the leader key is in them, Ready or not (rule PG-PATRONI-13).
    spec: { ...(options.patroni === false ? {} : { publishNotReadyAddresses: true }), selector: options.serviceSelects === 'role' ? { ...selected, [roleKey]: leads } : options.serviceSelects === 'app' ? selected : { 'statefulset.kubernetes.io/pod-name': primary }, ports: [{ name: 'postgres', port: 5432 }] },
  })
  result.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'postgres-config' }, data: { 'primary-host': podDns(options, primary) } })
  const sets = statefulSets(options)
  for (const [i, set] of sets.entries()) {
    const own = sets.length === 1 ? labels : { ...labels, set: set.name }
    result.push({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: set.name, labels },
      spec: {
        replicas: set.replicas,
        serviceName: set.headless,
        podManagementPolicy: options.podManagementPolicy,
        // Who has an operator leaves the pods to it.
        updateStrategy: { type: options.patroni !== false && options.patroni.operator ? 'OnDelete' : options.updateStrategy },
        selector: { matchLabels: own },
        template: memberTemplate(options, own, options.topology === 'one-statefulset' ? undefined : zoneName(i, options)),
        ...claimsOf(options),
      },
    })
  }
  result.push(...greenObjects(options))
  if (options.patroni !== false && options.patroni.operator) {
    // The operator's own budget: the primary is not to be evicted, it has to be moved first (rule PG-OPERATOR-4).
    result.push({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: `postgres-${options.name}-pdb` }, spec: { minAvailable: 1, selector: { matchLabels: { ...selected, [roleKey]: leads } } } })
  }
  if (options.podDisruptionBudget) {
    result.push({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: options.name }, spec: { maxUnavailable: 1, selector: { matchLabels: labels } } })
  }
  result.push(...backupJob(), ...poolerObjects(options), ...applicationObjects(options))
  return result
}

/** A finished backup Job, as the documents look for it; that it was restored and tested nobody knows. */
function backupJob(): KubeObject[] {
  return [{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'postgres-backup' }, spec: {}, status: { succeeded: 1, completionTime: '2025-07-09T02:00:00Z' } }]
}

/** The application: a Deployment and its Service; with an init container that migrates, if its chart has one. */
function applicationObjects({ application }: PostgresOptions): KubeObject[] {
  if (application === false) return []
  const { name, replicas, image, migrateBy } = application
  const labels = { app: name }
  const initContainers = migrateBy === 'init-container' ? { initContainers: [{ name: 'migrate', image, command: ['migrate', 'up'] }] } : {}
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: labels, ports: [{ port: 80 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { nodeSelector: { agentpool: 'system' }, ...initContainers, containers: [{ name, image, readinessProbe: { periodSeconds: 2 } }] } } },
    },
  ]
}

function poolerObjects(options: PostgresOptions): KubeObject[] {
  if (options.pooler === false) return []
  const labels = { app: POOLER }
  const mount = { name: CONFIG_MOUNT, mountPath: '/etc/pgbouncer', ...(options.pooler.config === 'subPath' ? { subPath: 'pgbouncer.ini' } : {}) }
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: CONFIG_MAP }, data: { 'pgbouncer.ini': defaultIni({ service: options.service, database: options.database, ...options.pooler }) } },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: POOLER }, spec: { selector: labels, ports: [{ port: 6432 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: POOLER },
      spec: {
        replicas: options.pooler.replicas,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { nodeSelector: { agentpool: 'system' }, containers: [{ name: POOLER, image: POOLER_IMAGE, readinessProbe: {}, volumeMounts: [mount] }], volumes: [{ name: CONFIG_MOUNT, configMap: { name: CONFIG_MAP } }] },
        },
      },
    },
  ]
}
