/** CLUSTER FAILOVER: the handshake with the master, and the ways round it (rules RD-MANUAL-…). Source: cluster_legacy.c; facts F03–F05. */
import { SECOND } from '../../src/kernel/index.ts'
import { MANUAL } from './events.ts'
import { handleReplicaFailover, win } from './failover.ts'
import type { Server } from './server.ts'
import type { Peer } from './table.ts'

/** CLUSTER_MF_TIMEOUT: after this a manual failover is called off; the master holds writes for up to twice that. */
const TIMEOUT_US = 5 * SECOND

/** What the command answers. */
export function manualFailover(server: Server, how: 'ask' | 'force' | 'takeover'): string {
  const { table, world } = server
  const { master } = table
  if (server.isMaster) return 'ERR You should send CLUSTER FAILOVER to a replica'
  if (master === undefined) return "ERR I'm a replica but my master is unknown to me"
  if ((master.failed || master.link?.alive !== true) && how === 'ask') return 'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE'
  server.resetManualFailover()
  server.mfEndUs = world.sim.now + TIMEOUT_US
  world.bus.stir()
  world.sim.note(MANUAL, server.name, 1, `${server.name} was asked to fail over`)
  server.later(TIMEOUT_US + 1, () => server.mfEndUs !== 0 && server.mfEndUs <= world.sim.now && server.resetManualFailover())
  if (how === 'takeover') {
    // An epoch of its own choosing: no majority is asked (rule RD-MANUAL-3).
    let most = 0
    for (const peer of table.peers.values()) most = Math.max(most, peer.configEpoch)
    if (table.myself.configEpoch === 0 || table.myself.configEpoch < most) {
      table.currentEpoch = Math.max(table.currentEpoch, most) + 1
      table.myself.configEpoch = table.currentEpoch
    }
    win(server, 'operator')
  } else if (how === 'force') {
    server.mfCanStart = true
    server.later(1_000, () => handleReplicaFailover(server, world.sim.now))
  } else world.bus.send(server, master, to => started(to, server))
  return 'OK'
}

/** The master is asked: it holds writes and tells the replica where it stands, if it knows it as its replica (rule RD-MANUAL-1). */
function started(master: Server, replica: Server): void {
  const { world } = master
  const peer = master.table.peers.get(replica.id)
  if (peer === undefined || !master.isMaster || peer.role !== 'replica' || peer.masterId !== master.id) return
  master.resetManualFailover()
  master.mfEndUs = world.sim.now + TIMEOUT_US
  master.mfReplica = replica.id
  world.bus.stir()
  master.pauseWrites(world.sim.now + 2 * TIMEOUT_US)
  master.later(TIMEOUT_US + 1, () => master.mfEndUs !== 0 && master.mfEndUs <= world.sim.now && master.resetManualFailover())
  world.bus.send(master, peer, to => to === replica && paused(to, master))
}

/** Its master has stopped writing: the offset to wait for. */
function paused(replica: Server, master: Server): void {
  if (replica.mfEndUs === 0 || replica.mfMasterOffset >= 0 || replica.table.myself.masterId !== master.id) return
  const { world } = replica
  const offset = master.offset
  replica.mfMasterOffset = offset
  const { copy } = replica
  if (copy === undefined || replica.upstream?.state !== 'up') return
  copy.whenReaches('receive', offset, () => {
    if (!replica.alive || replica.mfMasterOffset !== offset) return
    replica.later(Math.round(world.timeUs('failoverStepMs', replica.name) * replica.slowness), () => {
      if (replica.mfEndUs === 0 || replica.mfMasterOffset !== offset) return
      replica.mfCanStart = true
      handleReplicaFailover(replica, world.sim.now)
    })
  })
}

/** Any packet of a master that holds writes says where it stands. */
export function sawPausedMaster(replica: Server, sender: Peer, master: Server): void {
  if (replica.mfMasterOffset >= 0 || replica.table.myself.masterId !== sender.id || master.mfReplica !== replica.id) return
  paused(replica, master)
}
