/** When nothing on the bus could come of itself: every node knows the same living nodes, reaches them, and agrees with them. */
import type { Server } from './server.ts'
import type { Table } from './table.ts'
import type { World } from './world.ts'

/** Whether heartbeats would only go to and fro. */
export function calm(world: World): boolean {
  const { servers } = world.bus
  const first = servers[0]
  if (first === undefined) return true
  for (const server of servers) if (!steady(server, servers) || !agree(first.table, server.table)) return false
  for (const server of world.servers) if (!servers.includes(server) || server.paused) return false
  return true
}

function steady(server: Server, servers: readonly Server[]): boolean {
  const { table } = server
  if (!server.onBus || !server.clusterOk || server.mfEndUs !== 0 || server.blacklist.size > 0 || server.meets.length > 0) return false
  if (table.peers.size !== servers.length) return false
  if (!server.isMaster && server.upstream?.state !== 'up') return false
  const { bus, network } = server.world
  for (const peer of table.others) {
    const { link } = peer
    if (link === undefined || !link.onBus || link.id !== peer.id || link.host.address !== peer.ip) return false
    if (!peer.good || peer.pingSentUs !== 0 || peer.noaddr || peer.reports !== undefined || peer.orphanedUs !== 0) return false
    if (!bus.arrives(server, link) || !bus.arrives(link, server)) return false
    if (network.delayUs(server.place, link.place) + network.delayUs(link.place, server.place) > server.nodeTimeoutUs / 4) return false
    const theirs = link.table.myself
    if (peer.role !== theirs.role || peer.masterId !== theirs.masterId || peer.hostname !== theirs.hostname || peer.cannotFailover !== link.cannotFailover) return false
    if (peer.role === 'master' && peer.configEpoch !== theirs.configEpoch) return false
  }
  return true
}

function agree(a: Table, b: Table): boolean {
  if (a === b) return true
  if (a.currentEpoch !== b.currentEpoch) return false
  for (let g = 0; g < a.owner.length; g++) if (a.owner[g]?.id !== b.owner[g]?.id) return false
  return true
}
