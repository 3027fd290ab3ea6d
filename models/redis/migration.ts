/** Replica migration: a master that lost its last replica gets one from a master that has several (rule RD-MIGRATE-1). Source: clusterHandleSlaveMigration. */
import { SECOND, type Us } from '../../src/kernel/index.ts'
import type { Server } from './server.ts'
import type { Peer, Table } from './table.ts'

/** CLUSTER_SLAVE_MIGRATION_DELAY. */
const DELAY_US = 5 * SECOND

/** The most replicas that any master has, reachable or not: without two of one master nobody moves, and it is not worth a look. */
const most = new WeakMap<Table, { version: number; replicas: number }>()
/** As of this version of a table every master had a good replica: nothing to be done before it changes. */
const none = new WeakMap<Table, number>()

function mostReplicas(table: Table): number {
  let known = most.get(table)
  if (known?.version === table.version) return known.replicas
  const counts = new Map<string, number>()
  let replicas = 0
  for (const { role, masterId } of table.peers.values()) {
    if (role !== 'replica' || masterId === undefined) continue
    const n = (counts.get(masterId) ?? 0) + 1
    counts.set(masterId, n)
    replicas = Math.max(replicas, n)
  }
  most.set(table, (known = { version: table.version, replicas }))
  return known.replicas
}

/** Whether it has to be looked at again at the next tick, though nothing changes. */
export function considerMigration(server: Server, nowUs: Us): boolean {
  const { table, world } = server
  if (mostReplicas(table) < 2 || none.get(table) === table.version || !server.clusterOk || server.setting('cluster-allow-replica-migration', world.options.allowReplicaMigration ? 'yes' : 'no') !== 'yes') return false
  const mine = table.master
  if (mine === undefined) return false
  const good = new Map<string, number>()
  let orphans = 0
  for (const peer of table.peers.values()) if (peer.role === 'replica' && peer.masterId !== undefined && peer.good) good.set(peer.masterId, (good.get(peer.masterId) ?? 0) + 1)
  let most = 0
  let target: Peer | undefined
  for (const peer of table.peers.values()) {
    if (peer.role !== 'master') continue
    const replicas = good.get(peer.id) ?? 0
    most = Math.max(most, replicas)
    if (replicas > 0 || !peer.hadReplicas || peer.slots === 0 || !peer.good) peer.orphanedUs = 0
    else {
      orphans += 1
      if (peer.orphanedUs === 0) peer.orphanedUs = nowUs
      if (target === undefined && nowUs - peer.orphanedUs > DELAY_US) target = peer
    }
  }
  if (orphans === 0) none.set(table, table.version)
  const ours = good.get(mine.id) ?? 0
  if (target === undefined || most < 2 || ours !== most || ours <= world.options.migrationBarrier) return orphans > 0
  // The replica with the smallest id among those of the masters that have most goes.
  for (const peer of table.peers.values()) if (peer.role === 'replica' && peer.masterId !== undefined && peer.good && good.get(peer.masterId) === most && peer.id < table.myself.id) return true
  server.follow(target.id)
  return true
}
