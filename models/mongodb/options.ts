/** The `cluster:` section of a MongoDB scenario. Every default has its unit and its source; `facts` is facts/redis-mongo.md. */
import { z } from 'zod'
import type { Distribution } from '../../src/kernel/index.ts'
import { namingOptions } from '../kubernetes/naming.ts'
import { distributionSchema, kubernetesOptions } from '../kubernetes/options.ts'

const uniform = (min: number, max: number): Distribution => ({ is: 'uniform', min, max })

/** Times and rates of the server: [cloud, lab, unit, meaning, source]. */
const TIMING = {
  commitMs: [uniform(0.4, 1.5), uniform(0.1, 0.4), 'ms', 'a write on the primary until w:1 answers', 'judgement: memory and oplog, no disk'],
  journalMs: [uniform(1, 5), uniform(0.5, 2), 'ms', 'flushing the journal (network disk)', 'judgement: network disks 1–5 ms'],
  visibilityMs: [uniform(1, 8), uniform(0.5, 3), 'ms', 'until a new oplog entry is visible to cursors and leaves in a batch', 'judgement: oplog visibility and getMore batching'],
  fetchMs: [uniform(5, 100), uniform(2, 20), 'ms', 'a secondary opens its oplog cursor on a sync source', 'judgement'],
  voteMs: [uniform(2, 20), uniform(1, 5), 'ms', 'a voter judges a vote request and stores its vote', 'facts §2.6 (1 RTT + fsync of the vote)'],
  drainMs: [uniform(20, 900), uniform(5, 100), 'ms', 'a new primary applies what it has fetched and writes its first entry', 'facts §2.6 (drain 0–1 s)'],
  stepDownMs: [uniform(10, 500), uniform(5, 50), 'ms', 'a primary interrupts operations and takes the replication state lock', 'facts §2.6 (10–500 ms)'],
  handoffMs: [uniform(10, 100), uniform(2, 20), 'ms', 'the nominated secondary is told to step up', 'facts §2.6 (≤ 100 ms)'],
  discoveryMs: [uniform(1, 60), uniform(0.5, 5), 'ms', 'a driver with a streaming hello learns of a change, beyond the round trip', 'facts M41 (about one RTT)'],
  connectMs: [uniform(2, 20), uniform(0.5, 3), 'ms', 'opening a connection, with its handshake', 'judgement'],
  startMs: [uniform(3000, 10_000), uniform(500, 1500), 'ms', 'start of a cleanly stopped mongod until it is SECONDARY', 'facts §4 (3–10 s)'],
  crashStartMs: [uniform(4000, 20_000), uniform(1000, 3000), 'ms', 'start after an unclean stop, journal and oplog recovery included', 'facts §4 (to minutes), judgement'],
  rollbackMs: [uniform(500, 3000), uniform(100, 500), 'ms', 'rolling back to the common point, apart from writing the files', 'judgement: recover to a stable timestamp'],
  initialSyncMBps: [60, 200, 'MB/s', 'initial sync', 'facts §4 (30–100 MB/s)'],
  replicationMBps: [150, 800, 'MB/s', 'most that one oplog cursor carries', 'judgement'],
  dumpMBps: [uniform(20, 60), uniform(80, 200), 'MB/s', 'mongodump reads a database', 'judgement: four collections at a time, BSON over one connection each'],
  applyMBps: [80, 400, 'MB/s', 'applying fetched oplog on a secondary', 'judgement'],
} as const satisfies Record<string, readonly [number | Distribution, number | Distribution, string, string, string]>

export type TimingName = keyof typeof TIMING
export type Timing = Readonly<Record<TimingName, number | Distribution>>

const timingShape = Object.fromEntries(
  Object.entries(TIMING).map(([name, [, , unit, description, source]]) => [name, distributionSchema.optional().describe(description).meta({ unit, source })]),
) as Record<TimingName, z.ZodOptional<typeof distributionSchema>>

export const mongodbOptions = z.strictObject({
  engine: z.literal('mongodb').default('mongodb'),
  profile: z.enum(['cloud', 'lab']).default('cloud').describe('set of defaults: `cloud` (managed Kubernetes, network disks) or `lab` (one machine, loopback)').meta({ unit: '', source: 'facts §4' }),
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('mongo').describe('name of the StatefulSet, of its headless Service and of the `app` label').meta({ unit: '', source: 'seed 000' }),
  replicaSet: z.string().default('rs0').describe('replSetName').meta({ unit: '', source: 'mongod documentation' }),
  members: z.number().int().min(1).max(50).default(3).describe('data-bearing members').meta({ unit: 'members', source: 'seed 000' }),
  arbiters: z.number().int().min(0).max(2).default(0).describe('arbiters, in a StatefulSet `NAME-arbiter`').meta({ unit: 'members', source: 'scenario' }),
  primary: z.number().int().min(0).default(0).describe('which member is the primary at the start').meta({ unit: 'ordinal', source: 'scenario' }),
  priorities: z.array(z.number().min(0).max(1000)).default([]).describe('priority of each data-bearing member; missing ones are 1').meta({ unit: '', source: 'rs.conf default 1' }),
  votes: z.array(z.number().int().min(0).max(1)).default([]).describe('votes of each data-bearing member; missing ones are 1').meta({ unit: 'votes', source: 'rs.conf default 1' }),
  hidden: z.array(z.number().int().min(0)).default([]).describe('hidden members (their priority must be 0)').meta({ unit: 'ordinals', source: 'rs.conf' }),
  delays: z.array(z.number().int().min(0).max(31_622_400)).default([]).describe('secondaryDelaySecs of each data-bearing member (its priority must be 0); missing ones are 0').meta({ unit: 's', source: 'rs.conf' }),
  writeConcern: z.union([z.literal('implicit'), z.literal('majority'), z.number().int().min(1).max(50)]).default('implicit').describe('w of the client programs; implicit = the default of the set (M20): majority, or 1 where arbiters make the majority hang on all others').meta({ unit: '', source: 'facts M20' }),
  journal: z.boolean().default(false).describe('j:true of the client programs: w:1 waits for the journal as well').meta({ unit: '', source: 'scenario' }),
  retryWrites: z.boolean().default(true).describe('retryable writes of the drivers; without, an interrupted operation surfaces as an error').meta({ unit: '', source: 'facts M40' }),
  multiDocument: z.boolean().default(false).describe('the client programs write with updateMany and deleteMany, which no driver retries').meta({ unit: '', source: 'facts M40' }),
  serverSelectionSeconds: z.number().positive().default(30).describe('serverSelectionTimeoutMS of the drivers').meta({ unit: 's', source: 'facts M41' }),
  electionTimeoutMillis: z.number().int().min(100).default(10_000).describe('settings.electionTimeoutMillis').meta({ unit: 'ms', source: 'facts M01' }),
  heartbeatIntervalMillis: z.number().int().min(50).default(2_000).describe('settings.heartbeatIntervalMillis').meta({ unit: 'ms', source: 'facts M01' }),
  heartbeatTimeoutSeconds: z.number().int().min(1).default(10).describe('settings.heartbeatTimeoutSecs').meta({ unit: 's', source: 'facts M01' }),
  catchUpTimeoutMillis: z.number().int().min(-1).default(-1).describe('settings.catchUpTimeoutMillis; -1 = as long as it takes').meta({ unit: 'ms', source: 'facts M01' }),
  electionHandoff: z.boolean().default(true).describe('enableElectionHandoff').meta({ unit: '', source: 'facts M13' }),
  chainingAllowed: z.boolean().default(true).describe('settings.chainingAllowed: a secondary that cannot reach the primary may fetch from another secondary').meta({ unit: '', source: 'facts M01' }),
  shutdownTimeoutSeconds: z.number().min(0).default(15).describe('shutdownTimeoutMillisForSignaledShutdown (10 up to 4.4)').meta({ unit: 's', source: 'facts M15' }),
  forwardsSignals: z.boolean().default(true).describe('the entry point passes SIGTERM on to mongod; otherwise it is killed when the grace period ends').meta({ unit: '', source: 'facts MG-T09' }),
  flowControlTargetLagSeconds: z.number().positive().default(10).describe('flowControlTargetLagSeconds').meta({ unit: 's', source: 'facts M24' }),
  oplogMB: z.number().positive().default(20_000).describe('size of the oplog').meta({ unit: 'MB', source: 'facts M24 (5 % of the disk, 990 MB to 50 GB)' }),
  databaseMB: z.number().positive().default(10_000).describe('size of the data').meta({ unit: 'MB', source: 'judgement' }),
  storage: z.enum(['pvc', 'emptyDir']).default('pvc').describe('where the dbpath lies: a claim that outlives the pod, or an emptyDir that goes with it').meta({ unit: '', source: 'facts K03' }),
  diskMB: z.number().positive().default(100_000).describe('size of each data volume').meta({ unit: 'MB', source: 'judgement' }),
  auth: z.boolean().default(false).describe('access control is on and the shell is given no credentials').meta({ unit: '', source: 'facts MG-T07' }),
  image: z.string().default('mongo:7.0.14').describe('image of the members at the start').meta({ unit: '', source: 'scenario' }),
  targetImage: z.string().nullable().default('mongo:8.0.4').describe('image the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  targetFcv: z.string().nullable().default(null).describe('featureCompatibilityVersion the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'facts M32' }),
  fcv: z.string().nullable().default(null).describe('featureCompatibilityVersion at the start; null = that of the image').meta({ unit: '', source: 'facts M31' }),
  kubernetesVersion: z.string().default('1.28.9').describe('version of the nodes').meta({ unit: '', source: 'scenario' }),
  zones: z.number().int().min(1).max(6).default(3).describe('availability zones').meta({ unit: 'zones', source: 'scenario' }),
  spareNodes: z.number().int().min(0).max(8).default(1).describe('nodes beyond one for each member').meta({ unit: 'nodes', source: 'judgement' }),
  podDisruptionBudget: z.boolean().default(false).describe('a PodDisruptionBudget with maxUnavailable 1 over the members').meta({ unit: '', source: 'facts K02' }),
  readiness: z.enum(['tcp', 'member-state']).default('tcp').describe('readiness probe: accepts connections, or is PRIMARY or SECONDARY').meta({ unit: '', source: 'facts MG-T13' }),
  updateStrategy: z.enum(['RollingUpdate', 'OnDelete']).default('RollingUpdate').describe('updateStrategy of the StatefulSet').meta({ unit: '', source: 'K8s default' }),
  terminationGraceSeconds: z.number().int().min(1).default(30).describe('terminationGracePeriodSeconds of the members').meta({ unit: 's', source: 'K8s default' }),
  backgroundOplogKBps: z.number().min(0).default(0).describe('oplog written besides the clients, as a steady stream (sessions, TTL deletes); the no-op every 10 s of an idle primary is not modelled').meta({ unit: 'kB/s', source: 'judgement' }),
  dollarsPerNodeHour: z.number().min(0).default(0.384).describe('price of a node').meta({ unit: '$/h', source: 'Azure D8s v5 list price' }),
  naming: namingOptions('mongod').describe('what your objects are called, beside `name`').meta({ unit: '', source: 'scenario' }),
  timing: z.strictObject(timingShape).default({}).describe('times and rates of the server'),
  kubernetes: kubernetesOptions.partial().default({}).describe('numbers of the Kubernetes model'),
})

export type MongodbOptions = z.output<typeof mongodbOptions>

/** The times and rates in force: the profile's, overlaid by what the scenario sets. */
export function timingOf(options: MongodbOptions): Timing {
  const column = options.profile === 'lab' ? 1 : 0
  const result: Record<string, number | Distribution> = {}
  for (const [name, row] of Object.entries(TIMING)) result[name] = options.timing[name as TimingName] ?? (row[column] as number | Distribution)
  return result as Timing
}

/** One-way network delays in microseconds: same machine, same zone, across zones. Source: RTT 1–2 ms between zones, as in the PostgreSQL model. */
export function networkDelaysUs(options: MongodbOptions): { localUs: number; nearUs: number; farUs: number } {
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
} as const

export { TIMING }
