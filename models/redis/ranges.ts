/** Within what the defaults of a Redis Cluster may plausibly lie ([P] published, [M] measured, [J] judgement): what an analysis of assumptions varies. Units are the options'. */
import type { AssumptionRange } from '../../src/engine.ts'
import type { RedisOptions, TimingName } from './options.ts'

const between = (low: number, high: number, source: string): AssumptionRange => ({ low, high, source })
const either = (source: string, ...values: readonly unknown[]): AssumptionRange => ({ values, source })
const yesOrNo = (source: string): AssumptionRange => either(source, false, true)

/** A managed Kubernetes with network disks. The measured machine of `profile: lab` has no ranges: its times are what they were. */
export const TIMING_RANGES: Record<TimingName, AssumptionRange> = {
  startMs: between(20, 1000, '0.02–0.2 s [M], a slow image 1 s [J]'),
  rdbSaveMBps: between(50, 300, '80–300 [M RD §4], a small network disk 50 [J]'),
  rdbLoadMBps: between(50, 400, '100–400 [M RD §4], many small keys 50 [J]'),
  aofLoadMBps: between(20, 300, 'commands replay at 20–100 MB/s, an RDB preamble at 100–300 [J]'),
  fullSyncMBps: between(20, 150, '50–150 [M RD §4], across regions 20 [J]'),
  replicationMBps: between(20, 1000, '1–10 GbE [J]'),
  handshakeMs: between(1, 200, 'five round trips of 0.1–40 ms [J]'),
  partialSyncMs: between(5, 200, '20–70 ms in all [M F14]'),
  failoverStepMs: between(1, 30, '2.4–25 ms [M real-measurements]'),
  voteMs: between(0.2, 20, 'a sync of nodes.conf: 0.2 ms on NVMe to 20 ms on a busy network disk [J]'),
  refreshMs: between(1, 2000, 'one round trip to seconds of client refresh [M, P RD §4]'),
  connectTimeoutMs: between(100, 10_000, 'defaults of client libraries 0.1–10 s [P]'),
  reconnectMs: between(1, 500, '1–500 ms with TLS and a pool [J]'),
  moveCommandMs: between(0.3, 5, '0.35 on loopback [M], a busy server or keys of 100 kB [J]'),
  stopMs: between(20, 1000, '0.1–1.0 s [M RD §4]'),
}

/** Options that the scenario's author may well have left at a default that is not theirs. What is absent is a choice or a constant. */
export const OPTION_RANGES: Partial<Record<keyof RedisOptions, AssumptionRange>> = {
  layout: either('a failover changes roles; --cluster create begins masters-first [M RD §0]', 'masters-first', 'interleaved'),
  storage: either('caches are often run without a volume [J]', 'pvc', 'emptyDir'),
  save: either('caches often switch saving off [J]', '3600 1 300 100 60 10000', ''),
  appendonly: yesOrNo('default no; durable set-ups yes [P redis.conf]'),
  nodeTimeoutSeconds: between(5, 30, 'default 15 s; charts use 5–30 s [J]'),
  requireFullCoverage: yesOrNo('default yes; charts for caches set no [J]'),
  minReplicasToWrite: either('default 0; guarded set-ups 1 [P redis.conf]', 0, 1),
  replBacklogMB: between(1.048576, 512, 'default 1 MiB; advice is rate × outage [P redis.conf]'),
  replDisklessSyncDelaySeconds: between(0, 5, 'default 5 s, 0 in older advice [P redis.conf]'),
  announceIp: yesOrNo('charts differ [J]'),
  announceHostname: yesOrNo('since 7.0, off by default [P redis.conf]'),
  datasetMB: between(10, 25_000, 'a session cache to a large shard [J]'),
  updateStrategy: either('RollingUpdate by default [P]', 'RollingUpdate', 'OnDelete'),
  podManagementPolicy: either('charts use Parallel, Kubernetes OrderedReady [P]', 'Parallel', 'OrderedReady'),
  terminationGraceSeconds: between(10, 120, 'default 30 s [P]'),
  readinessDelaySeconds: between(0, 20, '5–15 s [J RD §4]'),
  podDisruptionBudget: yesOrNo('charts differ [J]'),
  spareNodes: either('a pool with or without room [J]', 0, 1),
}
