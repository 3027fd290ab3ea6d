import { z } from 'zod'
import type { Distribution } from '../../src/kernel/index.ts'
import { namingOptions } from '../kubernetes/naming.ts'
import { distributionSchema, kubernetesOptions } from '../kubernetes/options.ts'
import { dnsOptions } from './dns/zone.ts'
import { managedOptions } from './managed/options.ts'
import { PGDATA } from './names.ts'
import { patroniOptions } from './patroni/options.ts'
import { applicationOptions } from './schema/options.ts'

/**
 * The `cluster:` section of a PostgreSQL scenario. Every field has a default with a unit and a source; what the user leaves out is listed as
 * an assumption. Fields marked K1…K14 are the readings of the documents that the facts leave open (facts/postgres.md §6).
 */
const uniform = (min: number, max: number): Distribution => ({ is: 'uniform', min, max })

/** Times and rates of the server, by profile: `cloud` is a managed Kubernetes with network disks, `lab` one machine on loopback as in the measurements. */
const TIMING = {
  commitMs: [uniform(0.8, 3), uniform(0.4, 1.2), 'ms', 'flushing a commit to the local disk', 'PG §5 (1–3 ms, judgement); lab: measured 4.5 k tps on 4 writers'],
  standbyFlushMs: [uniform(0.5, 2), uniform(0.3, 0.8), 'ms', 'flushing received WAL on a standby', 'PG §5'],
  promoteMs: [uniform(100, 1000), uniform(20, 24), 'ms', 'promotion once all received WAL is replayed', 'E-10 (20–24 ms); loaded cloud disk 0.1–1 s, judgement'],
  replayMBps: [60, 160, 'MB/s', 'replay of received WAL on a standby', 'E-6 (1,010 MB in 6.3 s); OLTP 20–100 MB/s, judgement'],
  redoMBps: [60, 550, 'MB/s', 'redo after a crash', 'E-6 (1,010 MB in 2.5 s); OLTP 20–100 MB/s, judgement'],
  flushMBps: [150, 900, 'MB/s', 'writing dirty buffers at a checkpoint', 'E-11 (1 GB in 1.12 s); network disks 100–200 MB/s, judgement'],
  fastStopMs: [uniform(100, 115), uniform(50, 90), 'ms', 'fast shutdown without dirty buffers or lagging standbys', 'E-13 (103–115 ms with pg_ctl, which polls every 100 ms)'],
  startMs: [uniform(110, 220), uniform(60, 100), 'ms', 'start of a cleanly stopped server until it accepts connections', 'E-6 (115 ms); real-measurements standby_start_ms 111–218'],
  crashStartMs: [uniform(800, 2000), uniform(160, 290), 'ms', 'start after a crash apart from redo (synchronising the data directory)', 'real-measurements restart_immediate: gap 262–403 ms; network disks slower, judgement'],
  orphanMs: [uniform(1000, 1600), uniform(1000, 1600), 'ms', 'how long the children of a killed postmaster keep its lock file and memory, where they outlive it (a supervised container)', 'real-measurements restart_kill9 against restart_immediate: 1.3–2.0 s'],
  replicationMBps: [200, 1000, 'MB/s', 'most that one replication connection carries', 'judgement; lab: loopback, above the 482 MB/s of E-11'],
  repointMs: [uniform(25, 112), uniform(25, 112), 'ms', 'from the reloaded primary_conninfo until WAL streams', 'E-10/F (35–124 ms from the command, of which 10 ms until the signal is acted upon)'],
  connectMs: [uniform(1, 5), uniform(0.5, 2), 'ms', 'opening a database connection', 'judgement'],
  dumpMBps: [40, 100, 'MB/s', 'pg_dump: one process that reads tables and writes them as text', 'judgement: below pg_basebackup'],
  baseBackupMBps: [100, 482, 'MB/s', 'pg_basebackup', 'PG §5 (50–200, judgement); E-11 (482 MB/s)'],
  baseBackupMs: [uniform(500, 2000), uniform(180, 550), 'ms', 'pg_basebackup apart from checkpoint and copying (end of the WAL stream, manifest, synchronising)', 'real-measurements pg_basebackup: 248 MB in 0.73–1.12 s; cloud: judgement'],
  rewindMs: [uniform(2000, 8000), uniform(560, 780), 'ms', 'pg_rewind apart from copying', 'E-4 (775 ms), real-measurements 593 ms for 51 MB'],
  logicalDelayMs: [uniform(20, 200), uniform(5, 20), 'ms', 'from a commit on the publisher until it is applied on the subscriber, without backlog', 'VB §6 (0.1 s base lag)'],
  logicalMBps: [15, 60, 'MB/s', 'WAL that one apply worker decodes and applies', 'VB §6 (apply 1.05–4 times a usual write rate), judgement'],
  initialSyncMBps: [30, 120, 'MB/s', 'initial table synchronisation of a subscription (COPY into the new tables, with indexes)', 'judgement: below pg_basebackup, above pg_restore with one job'],
} as const satisfies Record<string, readonly [number | Distribution, number | Distribution, string, string, string]>

export type TimingName = keyof typeof TIMING
export type Timing = Readonly<Record<TimingName, number | Distribution>>

const timingShape = Object.fromEntries(
  Object.entries(TIMING).map(([name, [, , unit, description, source]]) => [name, distributionSchema.optional().describe(description).meta({ unit, source })]),
) as Record<TimingName, z.ZodOptional<typeof distributionSchema>>

const pooler = z.strictObject({
  replicas: z.number().int().min(1).max(16).default(2).describe('PgBouncer pods').meta({ unit: 'pods', source: 'scenario' }),
  config: z.enum(['volume', 'volume-with-reloader', 'subPath']).default('volume').describe('how the pods see the ConfigMap `pgbouncer-config` (K11)').meta({ unit: '', source: 'PG §6 K11' }),
  poolMode: z.enum(['session', 'transaction', 'statement']).default('transaction').describe('pool_mode').meta({ unit: '', source: 'PG §2' }),
  queryWaitTimeoutSeconds: z.number().min(0).default(120).describe('query_wait_timeout: a queued client is disconnected after this').meta({ unit: 's', source: 'pgbouncer config.md' }),
  serverLoginRetrySeconds: z.number().min(0).default(15).describe('server_login_retry: after a failed login no new one is tried for this long').meta({ unit: 's', source: 'pgbouncer config.md; E-8/G' }),
  serverLifetimeSeconds: z.number().min(0).default(3600).describe('server_lifetime: an idle server connection is replaced after this age').meta({ unit: 's', source: 'pgbouncer config.md' }),
  serverConnectTimeoutSeconds: z.number().min(0).default(15).describe('server_connect_timeout').meta({ unit: 's', source: 'pgbouncer config.md' }),
})

const green = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('green-db').describe('name of its StatefulSet and `app` label').meta({ unit: '', source: 'seed 001' }),
  replicas: z.number().int().min(0).max(3).default(0).describe('pods of it when the story begins').meta({ unit: 'pods', source: 'scenario' }),
  standbys: z.boolean().default(false).describe('its pods but the first are standbys that clone themselves from the first; false: each is an independent, empty cluster of its own').meta({ unit: '', source: 'scenario' }),
  nodes: z.number().int().min(1).max(9).nullable().default(null).describe('machines bought for it; null: as many as `members`').meta({ unit: 'nodes', source: 'scenario' }),
  readOnly: z.boolean().default(true).describe('its configuration says default_transaction_read_only = on until somebody changes that').meta({ unit: '', source: 'VB §2.1 BG-F06' }),
  retain: z.boolean().default(true).describe('volumes outlive their StatefulSets; false: deleting a StatefulSet deletes its claims, as an operator with enable_persistent_volume_claim_deletion does').meta({ unit: '', source: 'VB §2.2 BG-F21' }),
})

export const postgresOptions = z.strictObject({
  engine: z.literal('postgres').default('postgres'),
  profile: z.enum(['cloud', 'lab']).default('cloud').describe('set of defaults: `cloud` (managed Kubernetes, network disks) or `lab` (one machine, loopback, as in the measurements)').meta({ unit: '', source: 'PG §5, §9' }),
  topology: z.enum(['one-statefulset', 'three-statefulsets']).default('one-statefulset').describe('one StatefulSet `name`, or one StatefulSet per member, each bound to a zone: postgres-primary, postgres-replica-1, … (K1)').meta({ unit: '', source: 'PG §6 K1' }),
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('postgres-cluster').describe('name of the StatefulSet and of the `app` label').meta({ unit: '', source: 'seed 000' }),
  members: z.number().int().min(1).max(9).default(3).describe('members before and after the upgrade').meta({ unit: 'members', source: 'scenario' }),
  zones: z.number().int().min(1).max(6).default(3).describe('availability zones').meta({ unit: 'zones', source: 'scenario' }),
  aliases: z.record(z.string(), z.string()).default({}).describe('other names under which commands reach pods (K1 alias)').meta({ unit: '', source: 'PG §6 K1' }),
  service: z.string().default('postgres-primary').describe('the read-write Service').meta({ unit: '', source: 'seed 000' }),
  serviceSelects: z.enum(['role', 'pod-name', 'app']).default('role').describe('selector of the read-write Service at the start: {app, role: primary}, {statefulset.kubernetes.io/pod-name} or {app} alone: whichever pod of the set is Ready (K5)').meta({ unit: '', source: 'PG §6 K5' }),
  green: z.union([z.literal(false), green]).default(false).describe('a second database cluster beside this one, on `targetImage` and on machines bought for the upgrade, to be filled by logical replication; or false').meta({ unit: '', source: 'VB §9b' }),
  dns: z.union([z.literal(false), dnsOptions]).default(false).describe('clients know the databases by a name outside the cluster, with weighted records (entrance `dns`); or false').meta({ unit: '', source: 'VB BG-T15' }),
  managed: z.union([z.literal(false), managedOptions]).default(false).describe('the database is a service’s, with managed blue/green deployments (it needs `green`); or false').meta({ unit: '', source: 'VB §2.1' }),
  patroni: z.union([z.literal(false), patroniOptions]).default(false).describe('an HA manager (Patroni) in each member, with its state in the Kubernetes API, and an operator over it; or false').meta({ unit: '', source: 'PG §4' }),
  application: z.union([z.literal(false), applicationOptions]).default(false).describe('the program that the database is for, where its schema is what is upgraded; or false').meta({ unit: '', source: 'PG §7b PG-S18' }),
  primary: z.number().int().min(0).default(0).describe('which member is the primary at the start').meta({ unit: 'ordinal', source: 'scenario' }),
  synchronousStandbyNames: z.string().default('').describe('synchronous_standby_names: empty, `FIRST k`, `ANY k` (over all members), or a whole setting as in postgresql.conf (K8)').meta({ unit: '', source: 'PG §1.2' }),
  synchronousCommit: z.enum(['off', 'local', 'remote_write', 'on', 'remote_apply']).default('on').describe('synchronous_commit of the client programs').meta({ unit: '', source: 'PG §1.1' }),
  applicationNames: z.enum(['pod', 'walreceiver']).default('pod').describe('application_name of the standbys: their pod name, or the default').meta({ unit: '', source: 'PG §1.2' }),
  primaryConninfo: z.enum(['pod-dns', 'service']).default('pod-dns').describe('host in primary_conninfo: DNS name of the primary pod, or the read-write Service (K4)').meta({ unit: '', source: 'PG §6 K4' }),
  cloneOnStart: z.boolean().default(true).describe('an empty volume is filled by pg_basebackup before the server starts (K3); otherwise by initdb').meta({ unit: '', source: 'PG §6 K3' }),
  execUser: z.enum(['postgres', 'root']).default('postgres').describe('user that `kubectl exec` gets in the container (K2)').meta({ unit: '', source: 'PG §6 K2' }),
  readiness: z.enum(['pg_isready', 'role-aware']).default('pg_isready').describe('readiness probe: accepts connections, or is the primary or streams from it (K6)').meta({ unit: '', source: 'PG §6 K6' }),
  stopSignal: z.enum(['INT', 'TERM', 'QUIT']).default('INT').describe('STOPSIGNAL of the image: INT = fast, TERM = smart shutdown (K7)').meta({ unit: '', source: 'PG §6 K7' }),
  supervised: z.boolean().default(false).describe('the main process of the container is a supervisor: stopping PostgreSQL leaves the container running').meta({ unit: '', source: 'official image: false' }),
  rewindable: z.boolean().default(true).describe('wal_log_hints or data checksums are on, so pg_rewind works (K9)').meta({ unit: '', source: 'PG §6 K9' }),
  slots: z.boolean().nullable().default(null).describe('each standby has a physical replication slot on the primary (K10); with Patroni on every member, as 4.x keeps them; null = none, but those of Patroni (use_slots)').meta({ unit: '', source: 'PG §6 K10; Patroni dynamic_configuration.rst use_slots' }),
  maxSlotWalKeepMB: z.number().min(-1).default(-1).describe('max_slot_wal_keep_size; -1 = unlimited').meta({ unit: 'MB', source: 'PG §1.6' }),
  walKeepMB: z.number().min(0).default(0).describe('wal_keep_size').meta({ unit: 'MB', source: 'PG §1.6' }),
  pooler: z.union([z.literal(false), pooler]).default(false).describe('PgBouncer between clients and the read-write Service, or false').meta({ unit: '', source: 'PG §2' }),
  image: z.string().default('postgres:15.8').describe('image of the members at the start').meta({ unit: '', source: 'scenario' }),
  imagePinned: z.boolean().default(true).describe('a fresh pull of the image gives the same version; otherwise the newer `floatingTo` (K14)').meta({ unit: '', source: 'PG §6 K14' }),
  floatingTo: z.string().default('15.9').describe('version a floating tag gives on a fresh pull').meta({ unit: '', source: 'PG-T65' }),
  targetImage: z.string().nullable().default(null).describe('image the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  kubernetesVersion: z.string().default('1.28.9').describe('version of the nodes at the start').meta({ unit: '', source: 'scenario' }),
  targetKubernetesVersion: z.string().nullable().default('1.29.0').describe('version the nodes of the members are meant to reach; null = not part of the upgrade').meta({ unit: '', source: 'seed 000' }),
  controlPlaneVersion: z.string().default('1.29.0').describe('version of the control plane at the start').meta({ unit: '', source: 'AKS: control plane first' }),
  upgradedPool: z.union([z.literal(false), z.strictObject({
    label: z.string().default('kubernetes.azure.com/agentpool').describe('node label that carries the pool name (K12)').meta({ unit: '', source: 'AKS use-labels; PG-T16' }),
    name: z.string().default('upgraded-pool').describe('name of the pool').meta({ unit: '', source: 'seed 000' }),
    zones: z.array(z.number().int().min(1)).nullable().default(null).describe('zones of its nodes; null = one node in every zone (K12)').meta({ unit: 'zones', source: 'PG-T17' }),
  })]).default(false).describe('a second node pool that already runs the target version, or false (K12)').meta({ unit: '', source: 'PG §6 K12' }),
  spareNodes: z.number().int().min(0).max(8).default(1).describe('nodes of the members\' pool beyond one per member').meta({ unit: 'nodes', source: 'judgement' }),
  poolPerNode: z.boolean().default(false).describe('each member has a node pool of its own, so that one node can be upgraded alone').meta({ unit: '', source: 'PG-T51' }),
  podDisruptionBudget: z.boolean().default(false).describe('a PodDisruptionBudget with maxUnavailable 1 over the members (K13)').meta({ unit: '', source: 'PG §6 K13' }),
  updateStrategy: z.enum(['RollingUpdate', 'OnDelete']).default('RollingUpdate').describe('updateStrategy of the StatefulSet').meta({ unit: '', source: 'K8s default' }),
  podManagementPolicy: z.enum(['OrderedReady', 'Parallel']).default('OrderedReady').describe('podManagementPolicy of the StatefulSet').meta({ unit: '', source: 'K8s default' }),
  terminationGraceSeconds: z.number().int().min(1).default(30).describe('terminationGracePeriodSeconds of the members').meta({ unit: 's', source: 'K8s default' }),
  databaseMB: z.number().positive().default(10_000).describe('size of the database').meta({ unit: 'MB', source: 'judgement' }),
  backupCheckpoint: z.enum(['fast', 'spread']).default('fast').describe('checkpoint that pg_basebackup asks for when a pod clones itself').meta({ unit: '', source: 'real-measurements pg_basebackup' }),
  sharedBuffersMB: z.number().positive().default(2_000).describe('shared_buffers: bounds the dirty pages a checkpoint writes').meta({ unit: 'MB', source: 'judgement' }),
  checkpointTimeoutSeconds: z.number().positive().default(300).describe('checkpoint_timeout').meta({ unit: 's', source: 'PG §1.5' }),
  maxWalSizeMB: z.number().positive().default(1_000).describe('max_wal_size').meta({ unit: 'MB', source: 'PG §1.5' }),
  diskMB: z.number().positive().default(100_000).describe('size of each data volume: what of the WAL must be kept has to fit beside the database').meta({ unit: 'MB', source: 'judgement' }),
  walSenderTimeoutSeconds: z.number().min(0).default(60).describe('wal_sender_timeout').meta({ unit: 's', source: 'PG §5' }),
  walReceiverTimeoutSeconds: z.number().min(0).default(60).describe('wal_receiver_timeout').meta({ unit: 's', source: 'PG §5' }),
  walRetrieveRetrySeconds: z.number().positive().default(5).describe('wal_retrieve_retry_interval').meta({ unit: 's', source: 'PG §1.3' }),
  backgroundWalKBps: z.number().min(0).default(10).describe('WAL written without any client').meta({ unit: 'kB/s', source: 'PG §5 (idle 10 KB/s)' }),
  longTransactionP: z.number().min(0).max(1).default(0.02).describe('chance that a transaction longer than a second is open when somebody drains or pauses').meta({ unit: '', source: 'judgement' }),
  operatorPlace: z.enum(['bastion-pod', 'workstation']).default('bastion-pod').describe('where the operator sits: a pod inside the cluster reaches members and poolers directly, a workstation only through kubectl').meta({ unit: '', source: 'judgement' }),
  dollarsPerNodeHour: z.number().min(0).default(0.384).describe('price of a node').meta({ unit: '$/h', source: 'Azure D8s v5 list price' }),
  naming: namingOptions('postgres').describe('what your objects are called, beside `name` and `service`').meta({ unit: '', source: 'scenario' }),
  database: z.string().regex(/^[a-z_][a-z0-9_-]*$/).default('appdb').describe('the database of the client programs').meta({ unit: '', source: 'scenario' }),
  role: z.string().regex(/^[a-z_][a-z0-9_-]*$/).default('app_user').describe('the role that they log in as; no superuser, and not the owner').meta({ unit: '', source: 'scenario' }),
  extensions: z.record(z.string().regex(/^[a-z_][a-z0-9_-]*$/), z.string()).default({}).describe('extensions beyond those of the official image, with their versions: in the image, and installed in `database`').meta({ unit: '', source: 'scenario' }),
  dataDirectory: z.string().regex(/^\/[^\s]*[^\s/]$/, 'right would be a path, for example /var/lib/postgresql/data').default(PGDATA).describe('PGDATA in the containers').meta({ unit: '', source: 'official image' }),
  roleLabel: z.strictObject({
    key: z.string().default('role').describe('label of a pod that says its role').meta({ unit: '', source: 'seed 000; Patroni kubernetes.role_label' }),
    primary: z.string().default('primary').describe('its value on the primary').meta({ unit: '', source: 'Patroni kubernetes.leader_label_value' }),
    replica: z.string().default('replica').describe('its value on a standby').meta({ unit: '', source: 'Patroni kubernetes.follower_label_value' }),
  }).default({ key: 'role', primary: 'primary', replica: 'replica' }).describe('how pods say who leads: Patroni keeps it, otherwise whoever writes it').meta({ unit: '', source: 'Patroni kubernetes.role_label' }),
  timing: z.strictObject(timingShape).default({}).describe('times and rates of the server'),
  kubernetes: kubernetesOptions.partial().default({}).describe('numbers of the Kubernetes model'),
})

export type PostgresOptions = z.output<typeof postgresOptions>
export type PoolerOptions = z.output<typeof pooler>

/** Whether standbys stream through slots: as the scenario says, otherwise as Patroni does where there is one. */
export function usesSlots({ slots, patroni }: Pick<PostgresOptions, 'slots' | 'patroni'>): boolean {
  return slots ?? patroni !== false
}

/** The times and rates in force: the profile's, overlaid by what the scenario sets. */
export function timingOf(options: PostgresOptions): Timing {
  const column = options.profile === 'lab' ? 1 : 0
  const result: Record<string, number | Distribution> = {}
  for (const [name, row] of Object.entries(TIMING)) result[name] = options.timing[name as TimingName] ?? (row[column] as number | Distribution)
  return result as Timing
}

/** One-way network delays in microseconds by profile: same machine, same zone, across zones. Source: PG §5 (RTT 1–2 ms cross-AZ), V27 (0.1–10 ms lag). */
export function networkDelaysUs(options: PostgresOptions): { localUs: number; nearUs: number; farUs: number } {
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
