/**
 * Within what the defaults of a replica set may plausibly lie ([P] published, [M] measured, [J] judgement): what an analysis of assumptions varies.
 */
import type { AssumptionRange } from '../../src/engine.ts'
import type { MongodbOptions, TimingName } from './options.ts'

const between = (low: number, high: number, source: string): AssumptionRange => ({ low, high, source })
const either = (source: string, ...values: readonly unknown[]): AssumptionRange => ({ values, source })

export const TIMING_RANGES: Record<TimingName, AssumptionRange> = {
  commitMs: between(0.1, 5, 'memory and oplog [J]; a loaded primary [J]'),
  journalMs: between(0.5, 100, 'network disks 1–5 ms [J]; journalCommitInterval 100 ms [P]'),
  visibilityMs: between(0.5, 200, 'idle: a millisecond or two; a busy primary with long batches: hundreds [J]'),
  fetchMs: between(1, 1000, 'sync source selection and one find on the oplog [J]'),
  voteMs: between(1, 100, 'one fsync of the vote [P replREADME]; a slow disk [J]'),
  drainMs: between(5, 1000, '0–1 s [P election_timing_test, facts M06]'),
  stepDownMs: between(5, 1000, '10–500 ms [facts §2.6], long operations more [J]'),
  handoffMs: between(1, 500, '≤ 100 ms [facts §2.6], a slow network [J]'),
  discoveryMs: between(0.5, 500, 'streaming hello: one RTT; minHeartbeatFrequencyMS 500 without [P SDAM]'),
  connectMs: between(0.5, 100, 'TLS and SCRAM across zones: tens of ms [J]'),
  startMs: between(500, 30_000, '3–10 s [facts §4]; many collections take longer [J]'),
  crashStartMs: between(1000, 300_000, 'to minutes [facts §4]'),
  rollbackMs: between(100, 60_000, 'recover to a stable timestamp: seconds to a minute [J]'),
  initialSyncMBps: between(30, 200, '30–100 MB/s [facts §4]; local disks more [J]'),
  replicationMBps: between(50, 800, 'one TCP stream between zones 50 MB/s [J]'),
  dumpMBps: between(5, 200, 'cold data over a network disk; local disks [J]'),
  applyMBps: between(20, 400, 'oplog application with 16 threads [J]'),
}

export const OPTION_RANGES: Partial<Record<keyof MongodbOptions, AssumptionRange>> = {
  arbiters: either('facts M20, M25: PSA sets exist', 0, 1),
  writeConcern: either('facts M20', 'implicit', 'majority', 1),
  journal: either('write concern j', false, true),
  retryWrites: either('facts M40', false, true),
  multiDocument: either('facts M40', false, true),
  serverSelectionSeconds: between(5, 60, 'default 30 s [P server-selection.md]; services set it lower [J]'),
  electionTimeoutMillis: between(5_000, 30_000, 'default 10 s [P]; across regions higher [J]'),
  electionHandoff: either('facts M13', false, true),
  chainingAllowed: either('facts M01', false, true),
  shutdownTimeoutSeconds: between(5, 30, '10 s up to 4.4, 15 s since [P]'),
  forwardsSignals: either('facts MG-T09: a shell as entry point does not', false, true),
  oplogMB: between(990, 50_000, '990 MB to 50 GB [facts M24]'),
  databaseMB: between(1_000, 1_000_000, 'what the set holds [J]'),
  storage: either('facts K03', 'pvc', 'emptyDir'),
  readiness: either('facts MG-T13', 'tcp', 'member-state'),
  updateStrategy: either('K8s', 'RollingUpdate', 'OnDelete'),
  podDisruptionBudget: either('facts K02', false, true),
  terminationGraceSeconds: between(10, 120, 'K8s default 30 s; facts §8.2 P7: 45–60 s'),
  spareNodes: between(0, 2, 'how much spare a pool has [J]'),
  backgroundOplogKBps: between(0, 100, 'sessions, TTL deletes [J]'),
  dollarsPerNodeHour: between(0.1, 2, 'Azure list prices of common sizes'),
}
