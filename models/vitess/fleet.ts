/** A keyspace’s shards and tablets, with the logs and copies that hold their rows: those that the story begins with, and those of keyspaces that are added later. */
import { type Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import { Keyspace, KeyRange, type KeyspaceSpec } from './keyspace.ts'
import { aliasOf, cellName, keyRanges, podOf, tabletUid } from './names.ts'
import { Shard } from './shard.ts'
import { Tablet } from './tablet.ts'
import { shardKey } from './topology.ts'
import type { World } from './world.ts'

/** First LSN of a shard's story: a database that has lived a little. */
const GENESIS_LSN = 1024 * 1024 * 1024
/** Tablet numbers and terms of one keyspace are this far from those of the next. */
const APART = 10_000_000

/**
 * Declares the shards and tablets of a keyspace. One that is added later holds the same key ranges as the first: each of its shards has empty
 * tables, a history of its own, and lies in the same log as the shard whose rows may be moved to it.
 * @throws UnsupportedError when it is cut into other ranges
 */
export function declareKeyspace(world: World, spec: KeyspaceSpec, rdonlyPerShard: number): Keyspace {
  const { options, sim } = world
  const keyspace = new Keyspace(world.keyspacesMade++, spec.name, spec.durabilityPolicy, spec.replicas, rdonlyPerShard)
  world.keyspaces.set(spec.name, keyspace)
  const first = keyspace.index === 0
  if (first) for (const range of keyRanges(spec.parts)) addRange(world, new KeyRange(range, new ReplicatedLog(sim, range)))
  const ranges = [...world.ranges.values()]
  if (spec.parts !== ranges.length) throw new UnsupportedError(`vitess: a keyspace of ${spec.parts} shards beside one of ${ranges.length} is not modelled`, [`equal: { parts: ${ranges.length} }`])
  for (const [i, keys] of ranges.entries()) {
    const shard = new Shard(world, i, keys.name, shardKey(options, spec.name, keys.name), keys.log, keyspace, keys)
    shard.terms = keyspace.index * APART + 1
    shard.initialised = first
    // A new keyspace has no tables (rule VT-SCHEMA-1), and nobody may write to those that a workflow makes before they are switched to it (rule VT-MOVE-1).
    if (!first) {
      shard.bare = true
      shard.deniedUs = sim.now
    }
    const at: Position = { branch: keys.log.genesis(GENESIS_LSN + i, shard.terms), lsn: GENESIS_LSN + i }
    for (let k = 0; k < spec.replicas; k++) {
      const cell = cellName(i + k, options)
      const uid = keyspace.index * APART + tabletUid(i, k, options.firstTabletUid)
      const alias = aliasOf(cell, uid)
      const pod = podOf(options.name, alias)
      const tablet = new Tablet(world, shard, alias, uid, cell, pod, k >= spec.replicas - rdonlyPerShard ? 'rdonly' : 'replica', keys.log.copy(pod, at))
      tablet.timeline = shard.terms
      shard.tablets.push(tablet)
      world.tablets.set(pod, tablet)
      world.byAlias.set(alias, tablet)
    }
    if (first) {
      keys.serving = shard
      const primary = shard.tablets[0] as Tablet
      shard.primary = primary
      primary.term = 1
    }
    keys.shards.push(shard)
    keyspace.shards.push(shard)
    world.shards.push(shard)
    world.byPath.set(shard.path, shard)
    world.backups.set(shard, { position: at, version: undefined })
  }
  return keyspace
}

function addRange(world: World, keys: KeyRange): void {
  world.ranges.set(keys.log, keys)
}

/** Nothing of a keyspace is left: its tablets are gone with their disks. */
export function forgetKeyspace(world: World, keyspace: Keyspace): void {
  world.keyspaces.delete(keyspace.name)
  for (const shard of keyspace.shards) {
    for (const tablet of shard.tablets) {
      tablet.hasData = false
      world.tablets.delete(tablet.pod)
      world.byAlias.delete(tablet.alias)
    }
    shard.ordinal = undefined
    world.byPath.delete(shard.path)
    world.shards.splice(world.shards.indexOf(shard), 1)
    shard.keys.shards.splice(shard.keys.shards.indexOf(shard), 1)
  }
  for (const listener of world.keyspaceListeners) listener(keyspace)
}

/** The first tablet of a new shard becomes its primary, with empty tables (rule VT-OP-8). */
export function initialise(shard: Shard): void {
  const { world } = shard
  const [first] = shard.tablets
  if (first === undefined || shard.initialised) return
  shard.initialised = true
  shard.primary = first
  shard.termStartUs = world.sim.now
  first.term = shard.terms
  first.lead(undefined)
  first.serving = true
  for (const tablet of shard.tablets) if (tablet !== first) tablet.setSource(first)
  shard.changed()
}
