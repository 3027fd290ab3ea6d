/** A keyspace's durability policy: what its record says, what each primary goes by, and who brings the two together (rules VT-DUR-1, VT-DUR-2). */
import { SECOND } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { DurabilityPolicy, Keyspace } from './keyspace.ts'
import type { Shard } from './shard.ts'
import type { World } from './world.ts'

/** Those that come with Vitess. Source: facts VT-F21. */
export const POLICIES: readonly DurabilityPolicy[] = ['none', 'semi_sync', 'semi_sync_with_rdonly_ack', 'cross_cell']

/** topo-information-refresh-duration: VTOrc hears of a changed record within this. Source: facts VT-F40. */
const TOPO_REFRESH_US = 15 * SECOND

/** The record says so from now on. No tablet is told: a primary goes on as before until it is promoted or starts anew, or until VTOrc repairs it. */
export function recordPolicy(world: World, keyspace: Keyspace, policy: DurabilityPolicy, by: string): void {
  if (keyspace.durabilityPolicy === policy) return
  keyspace.durabilityPolicy = policy
  world.sim.note(EVENT.durability, keyspace.name, POLICIES.indexOf(policy), `${by} sets the durability policy of ${keyspace.name} to ${policy}`)
  world.sim.after(world.uniform(keyspace.name, 'vtorc-topo-refresh') * TOPO_REFRESH_US, () => {
    keyspace.heard = keyspace.durabilityPolicy
    for (const shard of keyspace.shards) shard.changed()
  })
}

/** The shard's primary is set up by the record now: it is promoted, starts, or is repaired. */
export function takePolicy(shard: Shard): void {
  shard.policy = shard.keyspace.durabilityPolicy
}

/** Whether VTOrc knows that a shard's primary is not set up as its keyspace's record wants it. */
export function isMisset(shard: Shard): boolean {
  return shard.policy !== shard.keyspace.heard
}
