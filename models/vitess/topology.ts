/** The Kubernetes objects of a VitessCluster, as the operator makes them: the cluster object, one object a shard, pods, claims, vtgates. */
import { differences, type Kubernetes, type KubeObject, type PodSpec, quantity } from '../kubernetes/index.ts'
import { POLICIES } from './durability.ts'
import type { KeyspaceSpec } from './keyspace.ts'
import { cellName, DATA_MOUNT, LABEL, safeRange, waveOf } from './names.ts'
import type { VitessOptions } from './options.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'

export const VTGATE_IMAGE = 'vitess/lite:vtgate'

/** What a tablet's containers ask for, beside the memory that is the instance class. */
const MYSQLD_CPU = '4'
const VTTABLET_REQUESTS = { cpu: '1', memory: '1Gi' }

export function mysqldImage(version: string): string {
  return `mysql:${version}`
}

export function vitessImage(major: number): string {
  return `vitess/lite:v${major}.0.0`
}

export function vtgateName(options: VitessOptions): string {
  return `${options.name}-vtgate`
}

export function shardKey(options: VitessOptions, keyspace: string, range: string): string {
  return `${options.name}-${keyspace.replaceAll('_', '-')}-${safeRange(range)}`
}

/** The VitessCluster object: what a user applies and patches. */
export function clusterObject(options: VitessOptions, parts: number): KubeObject {
  return {
    apiVersion: 'planetscale.com/v2',
    kind: 'VitessCluster',
    metadata: { name: options.name },
    spec: {
      images: { vttablet: vitessImage(options.vitessVersion), vtgate: VTGATE_IMAGE, mysqld: { mysql80Compatible: mysqldImage(options.mysqlVersion) } },
      updateStrategy: { type: options.updateStrategy },
      cells: Array.from({ length: options.cells }, (_, i) => ({ name: cellName(i, options), gateway: { replicas: options.vtgates } })),
      keyspaces: [
        {
          name: options.keyspace,
          durabilityPolicy: options.durabilityPolicy,
          partitionings: [{ equal: { parts, shardTemplate: { tabletPools: [{ type: 'replica', replicas: options.tabletsPerShard, mysqld: { resources: { requests: { cpu: MYSQLD_CPU, memory: options.memory } } } }] } } }],
        },
      ],
    },
  }
}

/** What the cluster object asks of a tablet: the parts of a pod that make it another one. */
export interface Template {
  readonly mysqld: string
  readonly vttablet: string
  readonly memory: string
}

interface Partitioning {
  readonly equal?: { readonly parts?: number; readonly shardTemplate?: { readonly tabletPools?: readonly { readonly replicas?: number; readonly mysqld?: { readonly resources?: { readonly requests?: { readonly memory?: string } } } }[] } }
}

interface ClusterSpec {
  readonly images?: { readonly vttablet?: string; readonly mysqld?: { readonly mysql80Compatible?: string; readonly mysql56Compatible?: string } }
  readonly updateStrategy?: { readonly type?: string }
  readonly keyspaces?: readonly { readonly name?: string; readonly durabilityPolicy?: string; readonly turndownPolicy?: string; readonly partitionings?: readonly Partitioning[] }[]
}

export function specOf(kube: Kubernetes, options: VitessOptions): ClusterSpec {
  return (kube.store.get('VitessCluster', options.name)?.spec ?? {}) as ClusterSpec
}

/** The keyspaces that the cluster object asks for, in its order. One without a durability policy has none, as Vitess takes it. */
export function keyspacesOf(spec: ClusterSpec): readonly KeyspaceSpec[] {
  return (spec.keyspaces ?? []).flatMap(({ name, durabilityPolicy, partitionings }) => {
    const equal = partitionings?.[0]?.equal
    // What the schema of the object would not let in is not there (rule VT-OP-7).
    if (name === undefined || !isCount(equal?.parts) || !isCount(equal?.shardTemplate?.tabletPools?.[0]?.replicas)) return []
    return [{ name, durabilityPolicy: POLICIES.find(policy => policy === durabilityPolicy) ?? 'none', parts: equal?.parts as number, replicas: equal?.shardTemplate?.tabletPools?.[0]?.replicas as number }]
  })
}

/** Paths of a VitessCluster's spec, keyspaces by name, that the operator goes by, and those that change nothing here. */
const READ = /^(?:images\.(?:vttablet|mysqld\.mysql80Compatible|vtctld|vtorc|vtbackup|vtadmin|mysqldExporter)|updateStrategy\..+|keyspaces\.[^.]+\.(?:durabilityPolicy|turndownPolicy|partitionings\.0\.equal\.shardTemplate\.tabletPools\.0\.mysqld\.resources\..+))$/

/** Which changed path of the cluster object nobody here goes by: a keyspace that is there keeps its shards and tablets, say. */
export function unreadPath(spec: Readonly<Record<string, unknown>>, before: Readonly<Record<string, unknown>>, isMade: (keyspace: string) => boolean): { readonly what: string; readonly instead: string } | undefined {
  const named = (of: Readonly<Record<string, unknown>>) => Object.fromEntries(((of.keyspaces ?? []) as { readonly name?: string }[]).map(keyspace => [keyspace.name ?? '', keyspace]))
  const [now, then] = [named(spec), named(before)]
  // Whole keyspaces may come and go (rules VT-OP-8, VT-OP-9).
  const kept = (of: Record<string, unknown>) => Object.fromEntries(Object.entries(of).filter(([name]) => name in now && name in then && isMade(name)))
  const other = differences({ ...before, keyspaces: kept(then) }, { ...spec, keyspaces: kept(now) }).find(path => !READ.test(path))
  return other === undefined ? undefined : { what: `\`${other}\``, instead: 'of what is there already the operator goes by images.vttablet, images.mysqld.mysql80Compatible, updateStrategy.type, a keyspace’s durabilityPolicy and turndownPolicy, and the resources of its tablets’ mysqld; keyspaces can be added and taken out' }
}

/** What the schema of the object does not let in: a keyspace without a number of shards or tablets (rule VT-OP-7). */
export function invalidIn(spec: Readonly<Record<string, unknown>>): string | undefined {
  for (const [k, { partitionings }] of ((spec as ClusterSpec).keyspaces ?? []).entries()) {
    const equal = partitionings?.[0]?.equal
    if (equal === undefined) continue
    const path = `spec.keyspaces[${k}].partitionings[0].equal`
    const counts: [string, unknown][] = [[`${path}.parts`, equal.parts], [`${path}.shardTemplate.tabletPools[0].replicas`, equal.shardTemplate?.tabletPools?.[0]?.replicas]]
    for (const [at, value] of counts) {
      if (value === undefined || value === null) return `${at}: Required value`
      if (!isCount(value)) return `${at}: Invalid value: ${JSON.stringify(value)}`
    }
  }
  return undefined
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1
}

/** The durability policies that the cluster object names, by keyspace, as they stand there. */
export function policiesOf(spec: ClusterSpec): readonly (readonly [keyspace: string, policy: string])[] {
  return (spec.keyspaces ?? []).flatMap(({ name, durabilityPolicy }) => (name === undefined || durabilityPolicy === undefined || durabilityPolicy === '' ? [] : [[name, durabilityPolicy] as const]))
}

/** Whether a keyspace may be turned down when it is taken out of the cluster object: by default only one without tablets (rule VT-OP-9). */
export function turnsDownAtOnce(spec: ClusterSpec, keyspace: string): boolean {
  return spec.keyspaces?.find(({ name }) => name === keyspace)?.turndownPolicy === 'Immediate'
}

export function templateOf(spec: ClusterSpec, options: VitessOptions, keyspace: string): Template {
  const pool = (spec.keyspaces?.find(({ name }) => name === keyspace) ?? spec.keyspaces?.[0])?.partitionings?.[0]?.equal?.shardTemplate?.tabletPools?.[0]
  return {
    mysqld: spec.images?.mysqld?.mysql80Compatible ?? mysqldImage(options.mysqlVersion),
    vttablet: spec.images?.vttablet ?? vitessImage(options.vitessVersion),
    memory: pool?.mysqld?.resources?.requests?.memory ?? options.memory,
  }
}

export function labelsOf(tablet: Tablet): Record<string, string> {
  const { options } = tablet.world
  return {
    [LABEL.cluster]: options.name,
    [LABEL.component]: 'vttablet',
    [LABEL.cell]: tablet.cell,
    [LABEL.keyspace]: tablet.shard.keyspace.name,
    [LABEL.shard]: safeRange(tablet.shard.range),
    [LABEL.uid]: String(tablet.uid),
    [LABEL.type]: tablet.declared,
    [LABEL.index]: String(tablet.shard.tablets.indexOf(tablet) + 1),
    [LABEL.wave]: waveOf(tablet.shard.index, options),
  }
}

/** One shard, as the operator keeps it beside the cluster object. */
export function shardObject(shard: Shard): KubeObject {
  const { options } = shard.world
  return { apiVersion: 'planetscale.com/v2', kind: 'VitessShard', metadata: { name: shard.key, labels: { [LABEL.keyspace]: shard.keyspace.name, [LABEL.shard]: safeRange(shard.range), [LABEL.wave]: waveOf(shard.index, options) } }, spec: { name: shard.range } }
}

/** The claim of a tablet's disk. */
export function claimOf(tablet: Tablet): KubeObject {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: tablet.pod, labels: labelsOf(tablet) }, spec: { accessModes: ['ReadWriteOnce'] } }
}

/** One tablet's pod: mysqld first, which is the one that runs in this model, the vttablet beside it. */
export function podSpec(tablet: Tablet, template: Template): PodSpec {
  const { options } = tablet.world
  return {
    terminationGracePeriodSeconds: options.terminationGraceSeconds,
    nodeSelector: { 'topology.kubernetes.io/zone': tablet.cell, 'vitess/pool': 'tablets' },
    containers: [
      { name: 'mysqld', image: template.mysqld, readinessProbe: { periodSeconds: 10 }, resources: { requests: { cpu: MYSQLD_CPU, memory: template.memory } }, volumeMounts: [{ name: DATA_MOUNT, mountPath: '/vt/vtdataroot' }] },
      { name: 'vttablet', image: template.vttablet, resources: { requests: VTTABLET_REQUESTS } },
    ],
    volumes: [{ name: DATA_MOUNT, persistentVolumeClaim: { claimName: tablet.pod } }],
  }
}

/** What a node must have for a tablet's pod of an instance class (`16Gi`): processors, and bytes of memory. */
export function neededFor(memory: string): { readonly cpu: number; readonly memoryBytes: number } {
  return { cpu: quantity(MYSQLD_CPU) + quantity(VTTABLET_REQUESTS.cpu), memoryBytes: quantity(memory) + quantity(VTTABLET_REQUESTS.memory) }
}

/** The template that a pod was made of. */
export function templateOfPod(spec: PodSpec): Template {
  const [mysqld, vttablet] = spec.containers
  return { mysqld: mysqld?.image ?? '', vttablet: vttablet?.image ?? '', memory: String(mysqld?.resources?.requests?.memory ?? '') }
}

export function sameTemplate(a: Template, b: Template): boolean {
  return a.mysqld === b.mysqld && a.vttablet === b.vttablet && a.memory === b.memory
}

/** Machines: one a tablet, in its cell, some to spare, and a few for everything else. */
export function addMachines(kube: Kubernetes, options: VitessOptions, tablets: readonly Tablet[]): void {
  const version = options.kubernetesVersion
  const labels = { 'vitess/pool': 'tablets' }
  for (const tablet of tablets) {
    const pool = options.poolPerNode ? `pool${tablet.uid}` : 'tablets'
    kube.addMachine(`node-${tablet.uid}`, tablet.cell, pool, { version, labels })
  }
  for (let i = 0; i < options.spareNodes; i++) kube.addMachine(`node-spare-${i + 1}`, cellName(i, options), 'tablets', { version, labels })
  for (let i = 0; i < Math.max(2, options.cells); i++) kube.addMachine(`node-system-${i + 1}`, cellName(i, options), 'system', { version: options.controlPlaneVersion })
}

/** The vtgates and their Service. */
export function gateObjects(options: VitessOptions): readonly KubeObject[] {
  const name = vtgateName(options)
  const labels = { [LABEL.cluster]: options.name, [LABEL.component]: 'vtgate' }
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name, labels }, spec: { selector: labels, ports: [{ name: 'mysql', port: 3306 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: {
        replicas: options.vtgates,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { nodeSelector: { agentpool: 'system' }, containers: [{ name: 'vtgate', image: VTGATE_IMAGE, readinessProbe: { periodSeconds: 5 } }] } },
      },
    },
  ]
}
