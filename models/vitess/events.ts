/** The events of tablets, shards and their keepers, as traces name them. */
import { defineEvent } from '../../src/kernel/index.ts'

export const EVENT = {
  started: defineEvent('vitess.tablet-started'),
  startFailed: defineEvent('vitess.tablet-start-failed'),
  stopping: defineEvent('vitess.tablet-stopping'),
  stopped: defineEvent('vitess.tablet-stopped'),
  crashed: defineEvent('vitess.tablet-crashed'),
  agentDown: defineEvent('vitess.vttablet-down'),
  agentUp: defineEvent('vitess.vttablet-up'),
  paused: defineEvent('vitess.tablet-paused'),
  serving: defineEvent('vitess.primary-serving'),
  demoted: defineEvent('vitess.primary-demoted'),
  undone: defineEvent('vitess.demotion-undone'),
  promoted: defineEvent('vitess.promoted'),
  stepsDown: defineEvent('vitess.primary-steps-down'),
  typed: defineEvent('vitess.tablet-type'),
  broken: defineEvent('vitess.replication-broken'),
  errant: defineEvent('vitess.errant-gtid'),
  restored: defineEvent('vitess.restored-from-backup'),
  degraded: defineEvent('vitess.semi-sync-off'),
  topo: defineEvent('vitess.topo'),
  keeper: defineEvent('vitess.keeper'),
  recovery: defineEvent('vitess.vtorc-recovery'),
  rollout: defineEvent('vitess.rollout'),
  drain: defineEvent('vitess.drain'),
  fault: defineEvent('vitess.fault'),
} as const
