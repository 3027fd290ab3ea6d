/** What a node takes from a heartbeat: clusterProcessPacket for PING and PONG (rules RD-BUS-…, RD-SLOT-…, RD-ID-…). */
import type { Us } from '../../src/kernel/index.ts'
import { ADDRESS, FAIL_CLEARED, NOADDR } from './events.ts'
import { forgottenBy } from './forget.ts'
import { gossip } from './gossip.ts'
import { sawPausedMaster } from './paused.ts'
import { newUpstream } from './replication.ts'
import { giveUp, replicaMigration } from './lead.ts'
import type { Server } from './server.ts'
import { updateState } from './state.ts'
import type { Peer } from './table.ts'

/** The slots a packet claims, as its sender's table has them: its own, or its master's. */
export interface Claim {
  readonly epoch: number
  readonly groups: readonly number[]
}

export function claimOf(sender: Server): Claim {
  const { table } = sender
  const of = table.myself.role === 'replica' ? (table.master ?? table.myself) : table.myself
  return { epoch: of.configEpoch, groups: table.groupsOf(of) }
}

/** What two tables had when they last agreed: no need to compare roles and slots again. */
interface Synced {
  mine: number
  theirs: number
}
const synced = new WeakMap<Peer, Synced>()

/**
 * `to` gets a heartbeat of `from`: judged at `nowUs`, arriving `delayUs` later. `via` is the peer whose link a pong came on.
 */
export function receive(to: Server, from: Server, type: 'ping' | 'pong' | 'announce', via: Peer | undefined, nowUs: Us, delayUs: Us): void {
  const { table, world } = to
  const atUs = nowUs + delayUs
  if (type === 'pong' && via !== undefined && via.id !== from.id) return mismatch(to, via)
  const sender = table.peers.get(from.id)
  if (sender === undefined || sender === table.myself) return
  sender.dataUs = atUs
  const theirs = from.table
  const claim = theirs.myself.role === 'replica' ? (theirs.master ?? theirs.myself) : theirs.myself
  if (theirs.currentEpoch > table.currentEpoch) {
    table.currentEpoch = theirs.currentEpoch
    world.bus.stir()
  }
  if (claim.configEpoch > sender.configEpoch) {
    sender.configEpoch = claim.configEpoch
    table.version++
  }
  sender.offset = from.offsetAt(nowUs)
  sender.cannotFailover = from.cannotFailover
  if (to.mfEndUs !== 0) sawPausedMaster(to, sender, from)
  if (type === 'ping' && (sender.ip !== from.host.address || sender.noaddr)) moved(to, sender, from)
  if (sender.hostname !== theirs.myself.hostname) {
    sender.hostname = theirs.myself.hostname
    table.version++
  }
  if (type === 'pong' && via !== undefined) answered(to, via, atUs)
  const known = synced.get(sender)
  if (known === undefined || known.mine !== table.version || known.theirs !== theirs.version) {
    takeRole(to, sender, from)
    // What is still at odds is looked at again with the next packet.
    if (!takeSlots(to, sender, from)) synced.delete(sender)
    else if (known === undefined) synced.set(sender, { mine: table.version, theirs: theirs.version })
    else {
      known.mine = table.version
      known.theirs = theirs.version
    }
  }
  if (from.blacklist.size > 0 && from.version >= 702 && to.version >= 702) forgottenBy(to, from, nowUs)
  if (type !== 'announce' && table.peers.get(from.id) === sender) gossip(to, sender, from, nowUs)
}

/** Somebody else answers at that address: the node is without one from now on, and is neither suspected nor failed over (rule RD-ID-3). */
function mismatch(to: Server, via: Peer): void {
  via.noaddr = true
  via.ip = ''
  via.link = undefined
  to.table.version++
  to.world.bus.stir()
  to.world.sim.note(NOADDR, to.name, 0, `${to.name} finds another node at the address of ${via.id.slice(0, 8)}: its address is unknown now`)
  if (to.table.myself.masterId === via.id) return
  to.changed()
}

/** A known node speaks from another address: the link to it is dropped, and replicas of it follow it there (rule RD-ID-2). */
export function moved(to: Server, sender: Peer, from: Server): void {
  sender.ip = from.host.address
  sender.noaddr = false
  sender.link = undefined
  to.table.version++
  to.world.bus.stir()
  to.world.sim.note(ADDRESS, to.name, 0, `${to.name} knows the new address of ${from.name}`)
  if (to.table.myself.role === 'replica' && to.table.myself.masterId === sender.id) newUpstream(to)
}

function answered(to: Server, via: Peer, atUs: Us): void {
  via.pongUs = atUs
  via.pingSentUs = 0
  if (via.pfail) {
    via.pfail = false
    to.table.version++
    to.world.bus.stir()
    updateState(to, to.world.sim.now)
  } else if (via.failed) clearFailure(to, via, atUs)
}

/** clearNodeFailureIfNeeded: a replica or a master without slots is back at once; one with slots only after twice the node time-out without a successor (rule RD-FAIL-2). */
function clearFailure(to: Server, peer: Peer, atUs: Us): void {
  if (peer.role === 'master' && peer.slots > 0 && atUs - peer.failedAtUs <= 2 * to.nodeTimeoutUs) return
  peer.failed = false
  peer.pfail = false
  to.table.version++
  to.world.bus.stir()
  to.world.sim.note(FAIL_CLEARED, to.name, 0, `${to.name}: ${peer.id.slice(0, 8)} is reachable again`)
  updateState(to, to.world.sim.now)
}

function takeRole(to: Server, sender: Peer, from: Server): void {
  const { table } = to
  const { role, masterId } = from.table.myself
  if (role === 'master') {
    if (sender.role === 'replica') {
      table.setMaster(sender)
      to.world.bus.stir()
    }
    return
  }
  if (sender.role === 'master') {
    for (const group of table.groupsOf(sender)) table.own(group, undefined)
    table.setReplica(sender, undefined)
    to.world.bus.stir()
    updateState(to, to.world.sim.now)
  }
  if (masterId !== undefined && table.peers.has(masterId) && sender.masterId !== masterId) {
    table.setReplica(sender, masterId)
    to.world.bus.stir()
  }
}

/** Whether both tables agree about the sender's slots now. */
function takeSlots(to: Server, sender: Peer, from: Server): boolean {
  const { table } = to
  const owner = sender.role === 'master' ? sender : table.get(sender.masterId)
  const claim = claimOf(from)
  collide(to, sender)
  if (owner === undefined || !differs(to, owner, claim)) return true
  if (sender.role === 'master') slotsOf(to, sender, claim)
  // The sender is out of date: it is told by whom its slots are owned now.
  for (const group of claim.groups) {
    const other = table.owner[group]
    if (other === undefined || other === sender || other === owner || other.configEpoch <= claim.epoch) continue
    sendUpdate(to, sender, other)
    break
  }
  return !differs(to, owner, claim)
}

function differs(to: Server, owner: Peer, claim: Claim): boolean {
  if (owner.slots !== claim.groups.length) return true
  for (const group of claim.groups) if (to.table.owner[group] !== owner) return true
  return false
}

/** clusterUpdateSlotsConfigWith: the greatest configEpoch owns a slot; who lost the last one follows whoever took it (rule RD-SLOT-2). */
export function slotsOf(to: Server, sender: Peer, claim: Claim): void {
  const { table } = to
  const current = table.myself.role === 'master' ? table.myself : table.master
  let taken = 0
  for (const group of claim.groups) {
    const owner = table.owner[group]
    // A slot that is being imported goes by command alone.
    if (table.importing.size > 0 && table.importing.has((to.world.ranges[group] as readonly [number, number])[0])) continue
    if (owner === sender || (owner !== undefined && owner.configEpoch >= claim.epoch)) continue
    if (owner !== undefined && owner === current) taken++
    table.own(group, sender)
  }
  to.world.bus.stir()
  // The whole of a shard's slots: a failover. Of the last of several that went one by one, only with cluster-allow-replica-migration.
  if (taken > 0 && current !== undefined && current.slots === 0 && (taken === claim.groups.length || replicaMigration(to))) to.follow(sender.id)
  else if (taken > 0 && to.isMaster) giveUp(to)
  updateState(to, to.world.sim.now)
}

function sendUpdate(to: Server, stale: Peer, owner: Peer): void {
  const claim: Claim = { epoch: owner.configEpoch, groups: to.table.groupsOf(owner) }
  const { id } = owner
  to.world.bus.stir()
  to.world.bus.send(to, stale, server => {
    const known = server.table.peers.get(id)
    if (known === undefined || known === server.table.myself || known.configEpoch >= claim.epoch) return
    if (known.role === 'replica') server.table.setMaster(known)
    known.configEpoch = claim.epoch
    server.table.version++
    slotsOf(server, known, claim)
  })
}

/** Two masters with one configEpoch: the one with the lesser id takes the next (clusterHandleConfigEpochCollision). */
function collide(to: Server, sender: Peer): void {
  const { table } = to
  const { myself } = table
  if (sender.role !== 'master' || myself.role !== 'master' || sender.configEpoch !== myself.configEpoch || sender.id <= myself.id) return
  table.currentEpoch += 1
  myself.configEpoch = table.currentEpoch
  table.version++
}

/** A PONG to everybody at once: what a node does when its role or slots changed. */
export function announce(server: Server): void {
  const { bus } = server.world
  bus.stir()
  for (const peer of server.table.others) {
    bus.send(server, peer, to => receive(to, server, 'announce', undefined, server.world.sim.now, 0))
  }
}
