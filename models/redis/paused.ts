/** The master's part in a manual failover: it stands still, and says where (rule RD-MANUAL-1). */
import { SECOND } from '../../src/kernel/index.ts'
import { whenLevel } from './dataset.ts'
import type { Server } from './server.ts'
import type { Peer } from './table.ts'

/** CLUSTER_MF_TIMEOUT: after this a manual failover is called off; the master holds writes for up to twice that. */
export const TIMEOUT_US = 5 * SECOND

/** The master is asked: it holds writes and tells the replica where it stands, if it knows it as its replica (rule RD-MANUAL-1). */
export function started(master: Server, replica: Server): void {
  const { world } = master
  const peer = master.table.peers.get(replica.id)
  if (peer === undefined || !master.isMaster || peer.role !== 'replica' || peer.masterId !== master.id) return
  master.resetManualFailover()
  master.mfEndUs = world.sim.now + TIMEOUT_US
  master.mfReplica = replica.id
  world.bus.stir()
  master.holds.holdWrites(world.sim.now + 2 * TIMEOUT_US)
  master.later(TIMEOUT_US + 1, () => master.mfEndUs !== 0 && master.mfEndUs <= world.sim.now && master.resetManualFailover())
  // On the connection that the question came by.
  world.bus.send(master, { link: replica }, to => paused(to, master))
}

/** Its master has stopped writing: the offset to wait for. */
function paused(replica: Server, master: Server): void {
  if (replica.mfEndUs === 0 || replica.mfMasterOffset >= 0 || replica.table.myself.masterId !== master.id) return
  const { world } = replica
  const offset = master.offset
  replica.mfMasterOffset = offset
  if (replica.upstream?.state !== 'up') return
  whenLevel(replica.data, master.data, () => {
    if (!replica.alive || replica.mfMasterOffset !== offset) return
    replica.later(Math.round(world.timeUs('failoverStepMs', replica.name) * replica.slowness), () => {
      if (replica.mfEndUs === 0 || replica.mfMasterOffset !== offset) return
      replica.mfCanStart = true
      replica.poke()
    })
  })
}

/** Any packet of a master that holds writes says where it stands. */
export function sawPausedMaster(replica: Server, sender: Peer, master: Server): void {
  if (replica.mfMasterOffset >= 0 || replica.table.myself.masterId !== sender.id || master.mfReplica !== replica.id) return
  paused(replica, master)
}
