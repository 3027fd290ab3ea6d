import { z } from 'zod'
import type { Distribution } from '../../src/kernel/index.ts'
import { namingOptions } from '../kubernetes/naming.ts'
import { distributionSchema, kubernetesOptions } from '../kubernetes/options.ts'

/** The `cluster:` section of a Redis Cluster scenario. Every field has a default with a unit and a source; what the user leaves out is listed as an assumption. */
const uniform = (min: number, max: number): Distribution => ({ is: 'uniform', min, max })

/** Times and rates of the server, by profile: `cloud` is a managed Kubernetes with network disks, `lab` one machine on loopback as in the measurements. */
const TIMING = {
  startMs: [uniform(50, 200), uniform(20, 80), 'ms', 'start of the process until it listens, without data', 'RD §4 (0.02–0.2 s)'],
  rdbSaveMBps: [120, 174, 'MB/s', 'writing an RDB file', 'RD §4 (1.004 GB in 5.78 s); network disks 100–200 MB/s, judgement'],
  rdbLoadMBps: [200, 332, 'MB/s', 'loading an RDB file', 'RD §4 (1.0 GB in 3.02 s; 100–400)'],
  aofLoadMBps: [100, 200, 'MB/s', 'loading an append-only file with an RDB preamble', 'judgement: commands replay more slowly than an RDB loads'],
  fullSyncMBps: [80, 110, 'MB/s', 'sending an RDB to a replica', 'RD §4 (50–150; 108 on loopback)'],
  replicationMBps: [100, 400, 'MB/s', 'most that one replication connection carries', 'judgement: 1–10 GbE'],
  handshakeMs: [uniform(5, 20), uniform(5, 15), 'ms', 'a replica connects until it asks for PSYNC', 'RD F14 (partial resynchronisation 20–70 ms in all)'],
  partialSyncMs: [uniform(15, 60), uniform(10, 55), 'ms', 'answer to PSYNC until the link is up', 'RD F14 (0.02–0.07 s in all)'],
  failoverStepMs: [uniform(1.5, 6), uniform(1.5, 5.5), 'ms', 'event loops between asking for a manual failover and the election', 'real-measurements replica_is_master_after 2.4–6.2 ms; RD §4 3–13 ms'],
  voteMs: [uniform(0.5, 4), uniform(0.2, 0.8), 'ms', 'a vote: nodes.conf is synced before the answer', 'RD F01, §1.1 (lastVoteEpoch fsynced); judgement'],
  refreshMs: [uniform(10, 50), { is: 'triangular', min: 8, mode: 44, max: 50 }, 'ms', 'a client that was redirected until it writes elsewhere', 'RD §4 (10–50 ms); real-measurements client_write_gap 8–52 ms'],
  connectTimeoutMs: [500, 100, 'ms', 'a client tries an address that does not answer until it turns to another node', 'client libraries: 0.1–10 s; judgement'],
  reconnectMs: [uniform(2, 20), uniform(1, 4), 'ms', 'a client connects and asks for the slot map', 'judgement'],
  moveCommandMs: [1, 0.35, 'ms', 'one command of a resharding (SETSLOT, GETKEYSINSLOT, MIGRATE of ten keys) and its answer', 'measured on 7.0.15: 5,461 slots of 12 keys in 21.4 s; across zones a round trip more'],
  stopMs: [uniform(50, 300), uniform(50, 120), 'ms', 'SIGTERM until exit, apart from replicas and RDB', 'RD §4 (0.1–1.0 s)'],
} as const satisfies Record<string, readonly [number | Distribution, number | Distribution, string, string, string]>

export type TimingName = keyof typeof TIMING
export type Timing = Readonly<Record<TimingName, number | Distribution>>

const timingShape = Object.fromEntries(
  Object.entries(TIMING).map(([name, [, , unit, description, source]]) => [name, distributionSchema.optional().describe(description).meta({ unit, source })]),
) as Record<TimingName, z.ZodOptional<typeof distributionSchema>>

export const redisOptions = z.strictObject({
  engine: z.literal('redis').default('redis'),
  profile: z.enum(['cloud', 'lab']).default('cloud').describe('set of defaults: `cloud` (managed Kubernetes, network disks) or `lab` (one machine, loopback, as in the measurements)').meta({ unit: '', source: 'RD §4' }),
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('redis').describe('name of the StatefulSet, its headless Service and the `app` label').meta({ unit: '', source: 'seed 000' }),
  shards: z.number().int().min(3).max(1000).default(3).describe('masters, each with an equal range of slots').meta({ unit: 'shards', source: 'scenario; redis-cli --cluster create wants 3' }),
  slotShares: z.number().int().min(1).max(64).default(1).describe('equal parts in which the keys of each shard are followed; each is where the slot in its middle is. More than 1 matters only where slots are moved').meta({ unit: 'parts', source: 'accuracy of the model, not of a cluster' }),
  replicasPerShard: z.number().int().min(0).max(5).default(1).describe('replicas of each master').meta({ unit: 'replicas', source: 'scenario' }),
  layout: z.enum(['interleaved', 'masters-first']).default('masters-first').describe('which pods are masters: `masters-first` as redis-cli --cluster create gives (0, 1, 2), or `interleaved` (0, 2, 4, each followed by its replica)').meta({ unit: '', source: 'RD §0; seed 000' }),
  storage: z.enum(['pvc', 'emptyDir']).default('pvc').describe('where nodes.conf, RDB and append-only file lie').meta({ unit: '', source: 'RD §8.1 P4' }),
  save: z.string().regex(/^(\d+ \d+( \d+ \d+)*)?$/).default('3600 1 300 100 60 10000').describe('save points; empty = no RDB is written').meta({ unit: '', source: 'config.c; CONFIG GET' }),
  appendonly: z.boolean().default(false).describe('appendonly').meta({ unit: '', source: 'config.c' }),
  appendfsync: z.enum(['everysec', 'always', 'no']).default('everysec').describe('appendfsync: what a power failure takes of the append-only file').meta({ unit: '', source: 'redis.conf' }),
  nodeTimeoutSeconds: z.number().min(0.1).max(600).default(15).describe('cluster-node-timeout').meta({ unit: 's', source: 'config.c:3209' }),
  requireFullCoverage: z.boolean().default(true).describe('cluster-require-full-coverage').meta({ unit: '', source: 'config.c' }),
  allowReadsWhenDown: z.boolean().default(false).describe('cluster-allow-reads-when-down').meta({ unit: '', source: 'config.c' }),
  allowReplicaMigration: z.boolean().default(true).describe('cluster-allow-replica-migration').meta({ unit: '', source: 'config.c' }),
  migrationBarrier: z.number().int().min(0).default(1).describe('cluster-migration-barrier').meta({ unit: 'replicas', source: 'redis.conf' }),
  replicaValidityFactor: z.number().int().min(0).default(10).describe('cluster-replica-validity-factor; 0 = any replica may stand').meta({ unit: '', source: 'redis.conf' }),
  minReplicasToWrite: z.number().int().min(0).default(0).describe('min-replicas-to-write; 0 = off').meta({ unit: 'replicas', source: 'config.c' }),
  minReplicasMaxLagSeconds: z.number().min(0).default(10).describe('min-replicas-max-lag').meta({ unit: 's', source: 'config.c' }),
  replBacklogMB: z.number().min(0.016).default(1.048576).describe('repl-backlog-size').meta({ unit: 'MB', source: 'config.c (1 MiB)' }),
  replDisklessSyncDelaySeconds: z.number().min(0).default(5).describe('repl-diskless-sync-delay').meta({ unit: 's', source: 'config.c' }),
  replTimeoutSeconds: z.number().min(1).default(60).describe('repl-timeout').meta({ unit: 's', source: 'config.c' }),
  shutdownTimeoutSeconds: z.number().min(0).default(10).describe('shutdown-timeout: how long a stopping master waits for its replicas (7.0 and later)').meta({ unit: 's', source: 'redis.conf' }),
  announceIp: z.boolean().default(false).describe('cluster-announce-ip is the pod’s own address').meta({ unit: '', source: 'RD F09' }),
  announceHostname: z.boolean().default(false).describe('cluster-announce-hostname is the pod’s DNS name, which CLUSTER NODES then prints').meta({ unit: '', source: 'RD-T01' }),
  hostNetwork: z.boolean().default(false).describe('pods have the address of their node').meta({ unit: '', source: 'RD F11' }),
  password: z.string().default('').describe('requirepass and masterauth; empty = none').meta({ unit: '', source: 'RD-T23' }),
  datasetMB: z.number().min(0).default(500).describe('data of each shard').meta({ unit: 'MB', source: 'judgement' }),
  image: z.string().default('redis:7.0.15').describe('image of the members at the start').meta({ unit: '', source: 'scenario' }),
  targetImage: z.string().nullable().default('redis:7.2.5').describe('image the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  kubernetesVersion: z.string().default('1.29.0').describe('version of the nodes at the start').meta({ unit: '', source: 'scenario' }),
  targetKubernetesVersion: z.string().nullable().default(null).describe('version the nodes of the members are meant to reach; null = not part of the upgrade').meta({ unit: '', source: 'scenario' }),
  controlPlaneVersion: z.string().default('1.29.0').describe('version of the control plane at the start').meta({ unit: '', source: 'AKS: control plane first' }),
  zones: z.number().int().min(1).max(6).default(3).describe('availability zones').meta({ unit: 'zones', source: 'scenario' }),
  spareNodes: z.number().int().min(0).max(8).default(1).describe('nodes of the members’ pool beyond one per member').meta({ unit: 'nodes', source: 'judgement' }),
  podDisruptionBudget: z.boolean().default(false).describe('a PodDisruptionBudget with maxUnavailable 1 over the members').meta({ unit: '', source: 'RD-T24' }),
  updateStrategy: z.enum(['RollingUpdate', 'OnDelete']).default('RollingUpdate').describe('updateStrategy of the StatefulSet').meta({ unit: '', source: 'K8s default' }),
  podManagementPolicy: z.enum(['OrderedReady', 'Parallel']).default('Parallel').describe('podManagementPolicy of the StatefulSet').meta({ unit: '', source: 'bitnami/charts redis-cluster' }),
  terminationGraceSeconds: z.number().int().min(1).default(30).describe('terminationGracePeriodSeconds of the members').meta({ unit: 's', source: 'K8s default' }),
  readinessDelaySeconds: z.number().int().min(0).default(5).describe('initialDelaySeconds of the readiness probe (redis-cli ping)').meta({ unit: 's', source: 'RD §4 (5–15 s)' }),
  readinessPeriodSeconds: z.number().int().min(1).default(5).describe('periodSeconds of the readiness probe').meta({ unit: 's', source: 'RD §4' }),
  diskMB: z.number().positive().default(20_000).describe('size of each data volume').meta({ unit: 'MB', source: 'judgement' }),
  operatorPlace: z.enum(['bastion-pod', 'workstation']).default('bastion-pod').describe('where the operator sits: a pod inside the cluster reaches members directly, a workstation only through kubectl').meta({ unit: '', source: 'judgement' }),
  lazyBus: z.boolean().default(true).describe('leave out the ticks of the cluster bus while nothing is silent or changing; changes no result').meta({ unit: '', source: 'test/redis/lazy.test.ts' }),
  dollarsPerNodeHour: z.number().min(0).default(0.384).describe('price of a node').meta({ unit: '$/h', source: 'Azure D8s v5 list price' }),
  naming: namingOptions('redis').describe('what your objects are called, beside `name`').meta({ unit: '', source: 'scenario' }),
  timing: z.strictObject(timingShape).default({}).describe('times and rates of the server'),
  kubernetes: kubernetesOptions.partial().default({}).describe('numbers of the Kubernetes model'),
})

export type RedisOptions = z.output<typeof redisOptions>

/** The times and rates in force: the profile's, overlaid by what the scenario sets. */
export function timingOf(options: RedisOptions): Timing {
  const column = options.profile === 'lab' ? 1 : 0
  const result: Record<string, number | Distribution> = {}
  for (const [name, row] of Object.entries(TIMING)) result[name] = options.timing[name as TimingName] ?? (row[column] as number | Distribution)
  return result as Timing
}

/** One-way network delays in microseconds by profile. Source: PG §5 (RTT 1–2 ms cross-AZ); lab: loopback. */
export function networkDelaysUs(options: RedisOptions): { localUs: number; nearUs: number; farUs: number } {
  return options.profile === 'lab' ? { localUs: 20, nearUs: 20, farUs: 20 } : { localUs: 50, nearUs: 250, farUs: 700 }
}

/** What the `lab` profile changes in the Kubernetes model: commands run beside the servers, no scheduler, no cloud disks. */
export const LAB_KUBERNETES = {
  apiCallSeconds: uniform(0.001, 0.003),
  execSeconds: uniform(0.001, 0.003),
  controllerLagSeconds: 0.001,
  scheduleSeconds: 0.001,
  kubeletLagSeconds: 0.001,
  mountSeconds: 0.001,
  unmountSeconds: 0.001,
  attachSeconds: 0.001,
  diskMoveSeconds: 0.001,
  imagePullSeconds: 0.001,
  containerStartSeconds: 0.005,
  endpointSeconds: 0.001,
  configSyncSeconds: 0.001,
  configCacheSeconds: 0.001,
} as const

export { TIMING }
