/** The `cluster:` section of a Vitess scenario: strict, every field with its default, meaning, unit and source. VT = facts/vitess-bluegreen.md. */
import { z } from 'zod'
import type { Distribution } from '../../src/kernel/index.ts'
import { distributionSchema, kubernetesOptions } from '../kubernetes/index.ts'

const uniform = (min: number, max: number): Distribution => ({ is: 'uniform', min, max })

/** Times of the servers and of the tools: default, unit, meaning, source. */
export const TIMING = {
  commitMs: [2, 'ms', 'a commit on the primary, flushed to the local disk', 'VT §6 (1–3 ms)'],
  relayFlushMs: [uniform(0.3, 1.5), 'ms', 'a replica flushing what it received to its relay log', 'VT-F23; judgement'],
  mysqlStopSeconds: [uniform(6, 14), 's', 'clean shutdown of mysqld', 'VT §6 (10 s, 5–600)'],
  slowStopSeconds: [uniform(60, 240), 's', 'shutdown with innodb_fast_shutdown=0, as before a new series', 'VT-F55 (120 s)'],
  mysqlStartSeconds: [uniform(10, 25), 's', 'start of mysqld and vttablet after a clean shutdown', 'VT §6 (15 s)'],
  crashStartSeconds: [uniform(30, 90), 's', 'start of mysqld after a crash, with InnoDB recovery', 'VT §6 (60 s, 5–600)'],
  dictionaryUpgradeSeconds: [uniform(30, 90), 's', 'first start of a newer MySQL on a data directory: data dictionary upgrade', 'VT §6 (60 s)'],
  vttabletRestartSeconds: [uniform(2, 8), 's', 'restart of a vttablet whose mysqld went on', 'judgement'],
  rpcMs: [uniform(5, 60), 'ms', 'one administrative call to a tablet or to the topo server', 'judgement'],
  reparentSeconds: [{ is: 'lognormal', median: 1.2, p95: 3.3, max: 15 }, 's', 'a planned reparent from “not serving” to the new primary’s “serving”, apart from open transactions and replication lag', 'VT §6 (median 1.2 s, p99 5 s)'],
  backupMinutes: [uniform(20, 40), 'min', 'a backup of a tablet, apart from the stop and start of its mysqld', 'judgement: as long as reading what a restore writes (VT §6: 40 min)'],
  restoreMinutes: [uniform(30, 50), 'min', 'restore of a tablet from the latest backup', 'VT §6 (40 min, 10 min–12 h)'],
  vreplicationMs: [uniform(20, 200), 'ms', 'from a commit on the source of a workflow until it is applied on the target, without backlog', 'VT §6 (0.1 s base lag)'],
  vreplicationCopyMBps: [uniform(20, 60), 'MB/s', 'copy phase of a workflow: rows read from the source and inserted into the target, a stream a shard', 'judgement: below a restore'],
  vdiffMBps: [uniform(50, 150), 'MB/s', 'VDiff reading and comparing both sides, a shard at a time in parallel', 'judgement'],
  switchMs: [uniform(100, 600), 'ms', 'writing journals and routing rules, and until the vtgates have them', 'judgement'],
  replicationMBps: [100, 'MB/s', 'most that one replication connection carries', 'judgement'],
} as const satisfies Record<string, readonly [number | Distribution, string, string, string]>

export type TimingName = keyof typeof TIMING

const timingShape = Object.fromEntries(
  Object.entries(TIMING).map(([name, [, unit, description, source]]) => [name, distributionSchema.optional().describe(description).meta({ unit, source })]),
) as Record<TimingName, z.ZodOptional<typeof distributionSchema>>

const buffer = z.strictObject({
  enabled: z.boolean().default(false).describe('enable_buffer of the vtgates').meta({ unit: '', source: 'VT-F30 (off by default)' }),
  size: z.number().int().min(1).default(1000).describe('buffer_size: requests a vtgate holds, of all shards together').meta({ unit: 'requests', source: 'VT-F30' }),
  windowSeconds: z.number().min(1).default(10).describe('buffer_window: how long one request may wait').meta({ unit: 's', source: 'VT-F30' }),
  maxFailoverSeconds: z.number().min(1).default(20).describe('buffer_max_failover_duration: after which a shard is no longer buffered').meta({ unit: 's', source: 'VT-F30' }),
  minBetweenSeconds: z.number().min(0).default(60).describe('buffer_min_time_between_failovers: a reparent sooner after the last one is not buffered').meta({ unit: 's', source: 'VT-F30, VT-F31' }),
  drainConcurrency: z.number().int().min(1).default(1).describe('buffer_drain_concurrency').meta({ unit: '', source: 'VT-F30' }),
})

const vtorc = z.strictObject({
  instancePollSeconds: z.number().positive().default(5).describe('instance-poll-time').meta({ unit: 's', source: 'VT-F40' }),
  recoveryPollSeconds: z.number().positive().default(1).describe('recovery-poll-duration').meta({ unit: 's', source: 'VT-F40' }),
  waitReplicasSeconds: z.number().positive().default(30).describe('wait-replicas-timeout').meta({ unit: 's', source: 'VT-F40' }),
  allowEmergencyReparent: z.boolean().default(true).describe('allow-emergency-reparent').meta({ unit: '', source: 'VT-F40' }),
})

export const vitessOptions = z.strictObject({
  engine: z.literal('vitess').default('vitess'),
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('example').describe('name of the VitessCluster').meta({ unit: '', source: 'vitess-operator examples' }),
  keyspace: z.string().regex(/^[a-z][a-z0-9_]*$/).default('commerce').describe('the keyspace').meta({ unit: '', source: 'vitess examples' }),
  fleet: z.number().int().min(1).max(65_536).default(8).describe('tablets in all; shards = fleet ÷ tabletsPerShard').meta({ unit: 'tablets', source: 'VT §6 (32, 256, 1024)' }),
  tabletsPerShard: z.number().int().min(1).max(9).default(4).describe('tablets of a shard: a primary, its replicas and the rdonly ones').meta({ unit: 'tablets', source: 'VT §6 (4; 2–6)' }),
  rdonlyPerShard: z.number().int().min(0).max(4).default(0).describe('how many of them are rdonly: not promotable, no acknowledgement unless the policy says so').meta({ unit: 'tablets', source: 'VT-F03' }),
  cells: z.number().int().min(1).max(6).default(3).describe('cells (availability zones); a shard’s tablets go round them').meta({ unit: 'cells', source: 'scenario' }),
  vtgates: z.number().int().min(1).max(64).default(3).describe('vtgate pods').meta({ unit: 'pods', source: 'VT §6' }),
  durabilityPolicy: z.enum(['none', 'semi_sync', 'semi_sync_with_rdonly_ack', 'cross_cell']).default('semi_sync').describe('durability policy of the keyspace; the default of Vitess is none').meta({ unit: '', source: 'VT-F21' }),
  semiSyncTimeoutSeconds: z.number().min(0).nullable().default(null).describe('rpl_semi_sync_source_timeout after which commits go on without acknowledgement; null = never, as Vitess sets it (stock MySQL: 10)').meta({ unit: 's', source: 'VT-F22' }),
  mysqlVersion: z.string().regex(/^\d+\.\d+\.\d+$/).default('8.0.36').describe('MySQL at the start').meta({ unit: '', source: 'scenario' }),
  targetMysqlVersion: z.string().regex(/^\d+\.\d+\.\d+$/).nullable().default(null).describe('MySQL that the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  vitessVersion: z.number().int().min(14).max(30).default(21).describe('major of vttablet and vtctld: several defaults hang on it').meta({ unit: 'major', source: 'scenario' }),
  memory: z.string().regex(/^\d+Gi$/).default('16Gi').describe('memory that a tablet asks for: the instance class').meta({ unit: '', source: 'scenario' }),
  targetMemory: z.string().regex(/^\d+Gi$/).nullable().default(null).describe('memory that the resize is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  kubernetesVersion: z.string().default('1.31.2').describe('version of the tablets’ nodes at the start').meta({ unit: '', source: 'scenario' }),
  targetKubernetesVersion: z.string().nullable().default(null).describe('version that the tablets’ nodes are meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  controlPlaneVersion: z.string().default('1.32.4').describe('version of the control plane').meta({ unit: '', source: 'scenario' }),
  updateStrategy: z.enum(['External', 'Immediate']).default('External').describe('updateStrategy of the VitessCluster').meta({ unit: '', source: 'VT-F51' }),
  availableSeconds: z.number().min(0).default(30).describe('a tablet is Available once it was Ready for this long').meta({ unit: 's', source: 'V-OP; judgement' }),
  shardsPerWave: z.number().int().min(1).max(65_536).default(1).describe('shards of one wave: pods and shards carry the label `rollout/wave`, for runbooks that go wave by wave').meta({ unit: 'shards', source: 'VT §5 (W)' }),
  poolPerNode: z.boolean().default(false).describe('each tablet’s node is a node pool of its own, so that one can be upgraded alone').meta({ unit: '', source: 'judgement' }),
  spareNodes: z.number().int().min(0).max(64).default(0).describe('idle nodes beyond one per tablet').meta({ unit: 'nodes', source: 'judgement' }),
  terminationGraceSeconds: z.number().int().min(1).default(1800).describe('terminationGracePeriodSeconds of tablets').meta({ unit: 's', source: 'vitess-operator; judgement' }),
  transactionTimeoutSeconds: z.number().min(0).default(30).describe('queryserver-config-transaction-timeout').meta({ unit: 's', source: 'VT-F12' }),
  shutdownGraceSeconds: z.number().min(0).nullable().default(null).describe('shutdown_grace_period: what open transactions get before they are killed; null = the version’s default (up to v19 the transaction time-out, from v20 3 s)').meta({ unit: 's', source: 'VT-F12' }),
  longTransactionP: z.number().min(0).max(1).default(0.05).describe('chance that a transaction of seconds is open when a primary is demoted').meta({ unit: '', source: 'VT §6 (0.1 % of transactions; judgement)' }),
  waitReplicasSeconds: z.number().positive().default(15).describe('wait-replicas-timeout of vtctldclient').meta({ unit: 's', source: 'VT-F10' }),
  operatorWaitReplicasSeconds: z.number().positive().default(30).describe('the operator’s plannedReparentTimeout').meta({ unit: 's', source: 'VT-F10' }),
  operatorTolerableLagSeconds: z.number().min(0).default(15).describe('the operator’s tolerableReplicationLag').meta({ unit: 's', source: 'VT-F10' }),
  lockTimeoutSeconds: z.number().positive().default(45).describe('lock-timeout: how long to wait for a shard’s lock').meta({ unit: 's', source: 'VT §1.2' }),
  versionAwareReparent: z.boolean().default(false).describe('reparents prefer candidates on the older version (from mid-2026); before they are blind to it').meta({ unit: '', source: 'VT-F16' }),
  seriesBreakP: z.number().min(0).max(1).default(1).describe('chance that a replica of an older series cannot follow a newer primary').meta({ unit: '', source: 'VT-F54 (1.0; 0.1–1)' }),
  patchBreakP: z.number().min(0).max(1).default(0.02).describe('the same within one series').meta({ unit: '', source: 'VT-F54 (0.02; 0–0.1)' }),
  replicaNetTimeoutSeconds: z.number().positive().default(60).describe('replica_net_timeout: after which a replica notices that its source is silent').meta({ unit: 's', source: 'VT-F41' }),
  connectRetrySeconds: z.number().positive().default(10).describe('replication_connect_retry of vttablet').meta({ unit: 's', source: 'vttablet flags' }),
  healthcheckTimeoutSeconds: z.number().positive().default(60).describe('healthcheck_timeout of the vtgates: the only detector of a silent tablet').meta({ unit: 's', source: 'VT-F04' }),
  applyRatio: z.number().min(0.1).default(2).describe('how much faster a replica applies than is written').meta({ unit: '×', source: 'VT §6 (1.05–4)' }),
  coldCacheFactor: z.number().min(1).default(3).describe('how many times slower a tablet commits just after its start').meta({ unit: '×', source: 'VT §6 (3×; 1–10)' }),
  coldCacheSeconds: z.number().min(0).default(300).describe('time constant of the warming').meta({ unit: 's', source: 'VT §6 (5 min; 1–30)' }),
  shardDataMB: z.number().positive().default(60_000).describe('rows of one shard: what a workflow copies').meta({ unit: 'MB', source: 'vitess.io: at most 250 GB a shard; judgement' }),
  backup: z.boolean().default(true).describe('there is a backup from which a tablet without data restores itself').meta({ unit: '', source: 'VT-F57' }),
  backupEngine: z.enum(['builtin', 'xtrabackup']).default('builtin').describe('engine of backups: builtin shuts the tablet’s mysqld down, xtrabackup does not').meta({ unit: '', source: 'vitess.io creating-a-backup (builtin by default)' }),
  buffer: buffer.prefault({}).describe('buffering of the vtgates'),
  vtorc: z.union([z.literal(false), vtorc]).default(vtorc.parse({})).describe('VTOrc, or false where none runs').meta({ unit: '', source: 'VT-F40' }),
  dollarsPerNodeHour: z.number().min(0).default(0.5).describe('price of a node').meta({ unit: '$/h', source: 'VT §5 (assumption)' }),
  firstTabletUid: z.number().int().min(101).max(4_200_000_000).default(101).describe('uid of the first tablet; vitess-operator’s have ten digits, so that label and alias agree, for example 1000000101').meta({ unit: '', source: 'vitess examples' }),
  timing: z.strictObject(timingShape).default({}).describe('times of servers and tools'),
  kubernetes: kubernetesOptions.partial().default({}).describe('numbers of the Kubernetes model'),
})

export type VitessOptions = z.output<typeof vitessOptions>
export type Timing = Readonly<Record<TimingName, number | Distribution>>

/** The times in force: the defaults, overlaid by what the scenario sets. */
export function timingOf(options: VitessOptions): Timing {
  const result: Record<string, number | Distribution> = {}
  for (const [name, row] of Object.entries(TIMING)) result[name] = options.timing[name as TimingName] ?? (row[0] as number | Distribution)
  return result as Timing
}

/** shutdown_grace_period in force (rule VT-PRS-3). */
export function shutdownGraceSeconds(options: VitessOptions): number {
  return options.shutdownGraceSeconds ?? (options.vitessVersion <= 19 ? options.transactionTimeoutSeconds : 3)
}

/** One-way network delays in microseconds: same machine, same zone, across zones. Source: VT §6 (RTT 0.3 ms, 1 ms). */
export const NETWORK_DELAYS_US = { localUs: 20, nearUs: 150, farUs: 500 } as const
