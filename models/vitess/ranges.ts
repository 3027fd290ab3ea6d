/**
 * Within what the defaults of a fleet may plausibly lie ([P] published, [J] judgement): what an analysis of assumptions varies. Units are the
 * options'. VT = facts/vitess-bluegreen.md.
 */
import type { AssumptionRange } from '../../src/engine.ts'
import type { TimingName, VitessOptions } from './options.ts'

const between = (low: number, high: number, source: string): AssumptionRange => ({ low, high, source })
const either = (source: string, ...values: readonly unknown[]): AssumptionRange => ({ values, source })

export const TIMING_RANGES: Record<TimingName, AssumptionRange> = {
  commitMs: between(1, 10, '1–3 ms [VT §6]; a burstable disk 10 ms [J]'),
  relayFlushMs: between(0.1, 5, 'as commitMs [J]'),
  mysqlStopSeconds: between(5, 600, 'VT §6 (5–600)'),
  slowStopSeconds: between(10, 600, 'VT §6 (5–600): minutes on dirty buffer pools [P VT-F55]'),
  mysqlStartSeconds: between(5, 600, 'VT §6 (5–600)'),
  crashStartSeconds: between(5, 600, 'VT §6 (5–600)'),
  dictionaryUpgradeSeconds: between(5, 600, 'VT §6 (5–600)'),
  vttabletRestartSeconds: between(1, 30, 'a container start to a slow topo server [J]'),
  rpcMs: between(1, 500, 'one machine to across regions [J]'),
  reparentSeconds: between(0.2, 15, 'VT §6 (0.2–15); “milliseconds or seconds” [P PS-DOC]'),
  backupMinutes: between(5, 720, 'as restoreMinutes [J]'),
  restoreMinutes: between(10, 720, 'VT §6 (10 min–12 h)'),
  vreplicationMs: between(5, 1000, '0.1 s at rest, 1–30 s under load [VT §6]; the load makes its backlog by itself [J]'),
  vreplicationCopyMBps: between(5, 100, 'many indexes to memory-resident [J]'),
  vdiffMBps: between(10, 300, 'as a scan over both sides [J]'),
  switchMs: between(50, 5000, 'a quick topo server to hundreds of shards to journal [J]'),
  replicationMBps: between(20, 1000, 'one TCP stream across zones to one machine [J]'),
}

export const OPTION_RANGES: Partial<Record<keyof VitessOptions, AssumptionRange>> = {
  durabilityPolicy: either('VT-F21; the default of Vitess is none [P]', 'none', 'semi_sync', 'semi_sync_with_rdonly_ack', 'cross_cell'),
  semiSyncTimeoutSeconds: either('Vitess: never [P VT-F22]; stock MySQL: 10 s [P MY-SEMI]', null, 10),
  vitessVersion: between(18, 24, 'releases in use; several defaults differ [P VT-F12, VT-F40]'),
  updateStrategy: either('VT-F51', 'External', 'Immediate'),
  availableSeconds: between(0, 60, 'V-OP; [J]'),
  transactionTimeoutSeconds: between(20, 300, 'PlanetScale 20 s, default 30 s, 5 min reported [P VT-F12, VT-F58]'),
  longTransactionP: between(0, 0.5, 'strict time-outs to reports on the primary [J]'),
  waitReplicasSeconds: between(5, 60, 'default 15 s [P VT-F10]'),
  operatorWaitReplicasSeconds: between(15, 60, 'default 30 s [P VT-F10]'),
  versionAwareReparent: either('before and after mid-2026 [P VT-F16]', false, true),
  seriesBreakP: between(0.1, 1, 'VT-F54 (0.1–1) [U]'),
  patchBreakP: between(0, 0.1, 'VT-F54 (0–0.1) [U]'),
  replicaNetTimeoutSeconds: between(8, 60, '8 s for a while in v20, MySQL 60 s [P VT-F44, VT-F41]'),
  connectRetrySeconds: between(1, 60, 'vttablet 10 s, MySQL 60 s [P]'),
  healthcheckTimeoutSeconds: between(5, 60, 'default 60 s [P VT-F04]; tuned down [J]'),
  applyRatio: between(1.05, 4, 'VT §6 (1.05–4)'),
  coldCacheFactor: between(1, 10, 'VT §6 (1–10×)'),
  coldCacheSeconds: between(60, 1800, 'VT §6 (1–30 min)'),
  shardDataMB: between(1000, 250_000, 'a small shard to the recommended most [P vitess.io]'),
  backupEngine: either('vitess.io creating-a-backup: builtin by default, xtrabackup recommended [P]', 'builtin', 'xtrabackup'),
  backup: either('a cluster without restore_from_backup is met in practice [P VT-F57]', false, true),
  terminationGraceSeconds: between(30, 1800, 'K8s default 30 s [P]; the operator 1800 s [J]'),
}

/** Why an option has no range. */
export const OPTIONS_FIXED: Partial<Record<keyof VitessOptions, string>> = {
  engine: 'the engine itself',
  name: 'a name',
  keyspace: 'a name',
  firstTabletUid: 'a name',
  fleet: 'what the user has',
  tabletsPerShard: 'what the user has',
  rdonlyPerShard: 'what the user has',
  cells: 'what the user has',
  vtgates: 'what the user has',
  mysqlVersion: 'what is upgraded',
  targetMysqlVersion: 'what is upgraded',
  memory: 'what is resized',
  targetMemory: 'what is resized',
  kubernetesVersion: 'what is upgraded',
  targetKubernetesVersion: 'what is upgraded',
  controlPlaneVersion: 'what is upgraded',
  shardsPerWave: 'how the runbook is run',
  poolPerNode: 'what the user has',
  spareNodes: 'what the user has',
  shutdownGraceSeconds: 'follows from the version; set where it is tuned',
  operatorTolerableLagSeconds: 'a constant of the operator',
  lockTimeoutSeconds: 'a constant of vtctld',
  buffer: 'flags the user sets; their defaults are the software’s',
  vtorc: 'flags the user sets; their defaults are the software’s',
  dollarsPerNodeHour: 'a price: it moves the cost and nothing else',
  timing: 'each time is an assumption of its own',
  kubernetes: 'each number is an assumption of its own',
}
