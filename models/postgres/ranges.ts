/**
 * Within what the defaults of a PostgreSQL cluster may plausibly lie ([P] published, [M] measured, [J] judgement): what an analysis of assumptions
 * varies. Units are the options'. K1…K14 are the readings that the documents leave open (facts/postgres.md §6).
 */
import type { AssumptionRange } from '../../src/engine.ts'
import type { PostgresOptions, TimingName } from './options.ts'

const between = (low: number, high: number, source: string): AssumptionRange => ({ low, high, source })
const either = (source: string, ...values: readonly unknown[]): AssumptionRange => ({ values, source })
const yesOrNo = (source: string): AssumptionRange => either(source, false, true)

/** A managed Kubernetes with network disks. The measured machine of `profile: lab` has no ranges: its times are what they were. */
export const TIMING_RANGES: Record<TimingName, AssumptionRange> = {
  commitMs: between(0.4, 5, 'local NVMe 0.4 ms [M], network disks 1–3 ms [J, PG §5], burstable ones 5 ms [J]'),
  standbyFlushMs: between(0.3, 5, 'as commitMs [J]'),
  promoteMs: between(20, 1000, '20–24 ms [M E-10], a loaded cloud disk 0.1–1 s [J, PG §5]'),
  replayMBps: between(20, 550, 'OLTP 20–100 MB/s [J], bulk 160–550 MB/s [M, PG §5]'),
  redoMBps: between(20, 550, 'OLTP 20–100 MB/s [J], bulk 550 MB/s [M E-6]'),
  flushMBps: between(100, 900, 'network disks 100–200 MB/s [J], NVMe 900 MB/s [M E-11]'),
  fastStopMs: between(50, 500, '103–115 ms [M E-13]; a loaded machine [J]'),
  startMs: between(60, 1000, '111–218 ms [M]; a loaded machine 1 s [J]'),
  crashStartMs: between(160, 10_000, '160–290 ms [M]; synchronising many files on a network disk: seconds [J]'),
  orphanMs: between(1000, 2000, '1.3–2.0 s [M]'),
  replicationMBps: between(50, 1000, 'one TCP stream between zones 50 MB/s [J], loopback 482 MB/s and more [M E-11]'),
  repointMs: between(25, 5112, '35–124 ms [M E-10/F], plus up to wal_retrieve_retry_interval [P]'),
  connectMs: between(0.5, 50, '0.5 ms on one machine [M]; TLS across zones tens of ms [J]'),
  dumpMBps: between(10, 150, 'compressed on a small machine 10 MB/s, from memory 150 MB/s [J]'),
  baseBackupMBps: between(50, 482, '50–200 MB/s [J, PG §5], 482 MB/s [M E-11]'),
  baseBackupMs: between(180, 5000, '0.18–0.55 s [M]; network disks seconds [J]'),
  logicalDelayMs: between(5, 1000, '0.1 s at rest, 1–30 s under load [VB §6]; the load makes its backlog by itself [J]'),
  logicalMBps: between(2, 60, 'one worker, row by row: a slow key lookup 2 MB/s, memory-resident 60 MB/s [J]'),
  initialSyncMBps: between(5, 150, 'COPY with many indexes 5 MB/s, without 150 MB/s [J]'),
  rewindMs: between(560, 60_000, '0.6–0.8 s on a small database [M E-4]; it reads the whole list of files: a minute on a large one [J]'),
}

export const OPTION_RANGES: Partial<Record<keyof PostgresOptions, AssumptionRange>> = {
  serviceSelects: either('PG §6 K5', 'role', 'pod-name'),
  synchronousStandbyNames: either('PG §6 K8', '', 'FIRST 1', 'ANY 1'),
  synchronousCommit: either('PG §1.1', 'off', 'local', 'remote_write', 'on', 'remote_apply'),
  applicationNames: either('PG §1.2', 'pod', 'walreceiver'),
  primaryConninfo: either('PG §6 K4', 'pod-dns', 'service'),
  cloneOnStart: yesOrNo('PG §6 K3; the official image does not clone'),
  execUser: either('PG §6 K2; the official image: root', 'postgres', 'root'),
  readiness: either('PG §6 K6', 'pg_isready', 'role-aware'),
  stopSignal: either('PG §6 K7; images without STOPSIGNAL: TERM', 'INT', 'TERM'),
  supervised: yesOrNo('the official image: false; Spilo and the like: true [P]'),
  rewindable: yesOrNo('PG §6 K9; off by default before 18'),
  slots: either('PG §6 K10; Patroni has them by default [P]', null, false, true),
  maxSlotWalKeepMB: either('unlimited by default [P]; a quarter of an hour at 16 MB/s is 14,400 MB [PG §1.6]', -1, 1000, 14_400),
  walKeepMB: between(0, 14_400, 'default 0 [P]; a quarter of an hour at 16 MB/s is 14,400 MB [PG §1.6]'),
  imagePinned: yesOrNo('PG §6 K14'),
  podDisruptionBudget: yesOrNo('PG §6 K13'),
  updateStrategy: either('K8s statefulset', 'RollingUpdate', 'OnDelete'),
  podManagementPolicy: either('K8s statefulset', 'OrderedReady', 'Parallel'),
  terminationGraceSeconds: between(30, 1800, 'default 30 s [P K8s pod-lifecycle]; CloudNativePG stopDelay 1800 s [P]'),
  databaseMB: between(1000, 80_000, 'from a small service to what the default volume holds beside its WAL [J]'),
  backupCheckpoint: either('pg_basebackup --checkpoint; spread is its own default [P]', 'fast', 'spread'),
  sharedBuffersMB: between(128, 8000, '128 MB by default [P], a quarter of 32 GB as is usual [P runtime-config-resource]'),
  checkpointTimeoutSeconds: between(300, 1800, '5 min by default [P], 15–30 min on busy servers [J]'),
  maxWalSizeMB: between(1000, 32_000, '1 GB by default [P], tens of GB on busy servers [J]'),
  walSenderTimeoutSeconds: between(5, 60, '60 s by default [P]; operators set 5–10 s [P CloudNativePG 5 s]'),
  walReceiverTimeoutSeconds: between(5, 60, '60 s by default [P]; operators set 5–10 s [P CloudNativePG 5 s]'),
  walRetrieveRetrySeconds: between(1, 5, '5 s by default [P]; 1 s where failover is to be quick [J]'),
  backgroundWalKBps: between(1, 100, 'idle 10 kB/s [J, PG §5]'),
  longTransactionP: between(0, 0.2, 'from strict time-outs to reports on the primary [J]'),
  operatorPlace: either('PG §6; people work from either', 'bastion-pod', 'workstation'),
}

/** Why an option has no range. */
export const OPTIONS_FIXED: Partial<Record<keyof PostgresOptions, string>> = {
  green: 'a choice of the scenario',
  application: 'a choice of the scenario',
  patroni: 'what the user has',
  dns: 'what the user has',
  managed: 'what the user has',
  engine: 'the engine itself',
  profile: 'a set of defaults, each of which is an assumption of its own',
  topology: 'the names that the runbook uses hang on it',
  name: 'a name',
  members: 'what the runbook is for',
  zones: 'what the user has',
  aliases: 'names',
  naming: 'names',
  dataDirectory: 'a name',
  extensions: 'names',
  database: 'a name',
  role: 'a name',
  roleLabel: 'names',
  service: 'a name',
  primary: 'what the runbook is for',
  pooler: 'what the user has',
  image: 'what is upgraded',
  floatingTo: 'what is upgraded',
  targetImage: 'what is upgraded',
  kubernetesVersion: 'what is upgraded',
  targetKubernetesVersion: 'what is upgraded',
  controlPlaneVersion: 'what is upgraded',
  upgradedPool: 'what the user has',
  spareNodes: 'what the user has',
  poolPerNode: 'what the user has',
  diskMB: 'what the user has',
  dollarsPerNodeHour: 'a price: it moves the cost and nothing else',
  timing: 'each time is an assumption of its own',
  kubernetes: 'each number is an assumption of its own',
}
