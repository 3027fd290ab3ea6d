/** Keyspaces, and the key ranges whose rows several of them may hold while tables move from one to another (rules VT-MOVE-…). */
import type { ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Shard } from './shard.ts'
import type { GateSession } from './vtgate.ts'

export type DurabilityPolicy = 'none' | 'semi_sync' | 'semi_sync_with_rdonly_ack' | 'cross_cell'

/** What the cluster object says of a keyspace. */
export interface KeyspaceSpec {
  readonly name: string
  readonly durabilityPolicy: DurabilityPolicy
  readonly parts: number
  readonly replicas: number
}

export class Keyspace {
  readonly shards: Shard[] = []
  /** It is not in the cluster object any more: its tablets are turned down. */
  removed = false
  /** The policy that VTOrc has read in its record. */
  heard: DurabilityPolicy

  constructor(
    /** 0 is the one that the story begins with. */
    readonly index: number,
    readonly name: string,
    /** What its record says; a shard's primary goes by `shard.policy` (rule VT-DUR-1). */
    public durabilityPolicy: DurabilityPolicy,
    readonly tabletsPerShard: number,
    readonly rdonlyPerShard: number,
  ) {
    this.heard = durabilityPolicy
  }
}

/** One key range: its log, and the shards of the keyspaces that hold it. */
export class KeyRange {
  readonly shards: Shard[] = []
  /** Whose tables the routing rules send to (rule VT-MOVE-6). */
  serving!: Shard
  readonly sessions = new Set<GateSession>()

  constructor(
    readonly name: string,
    readonly log: ReplicatedLog,
  ) {}
}
