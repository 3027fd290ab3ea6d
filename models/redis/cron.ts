/** clusterCron of one node: links, pings, suspicion, and what a replica does about a lost master (rules RD-BUS-…). Source: cluster_legacy.c clusterCron; facts §1.2. */
import { MILLISECOND, SECOND, type Us } from '../../src/kernel/index.ts'
import { FORGOTTEN } from './events.ts'
import { markFailing } from './failing.ts'
import { handleReplicaFailover } from './failover.ts'
import { handshake } from './meet.ts'
import { considerMigration } from './migration.ts'
import { receive } from './receive.ts'
import { newUpstream } from './replication.ts'
import type { Server } from './server.ts'
import { updateState } from './state.ts'
import type { Peer } from './table.ts'

/** A random peer is pinged every tenth tick: the one of five whose answer is oldest (rule RD-BUS-1). */
const SAMPLES = 5
const EVERY = 10

/** Ticks in which there is nothing to do are not looked at (bus.ts). */
export const TICK_US: Us = 100 * MILLISECOND

/** What a node's tick has to look at: most peers have answered lately over a link that stands, and there is nothing to be done about them. */
interface Attention {
  /** Of the table, and of the links of all nodes, when it was made out. */
  version: number
  links: number
  /** Peers with a ping pending or no link, in the table's order. */
  peers: readonly Peer[]
  /** The oldest answer of all the others. */
  pongUs: Us
}
const attention = new WeakMap<Server, Attention>()

/** What was made out at the last look, while no table entry and no link has changed since. */
function stillSo(server: Server): Attention | undefined {
  const known = attention.get(server)
  return known !== undefined && known.version === server.table.version && known.links === server.world.bus.links ? known : undefined
}

function lookedAtAll(server: Server): void {
  const { table, world } = server
  const before = stillSo(server)
  const oldest = before === undefined || before.peers.length > 0 ? undefined : table.beats.oldestPongUs(table.others.length)
  if (before !== undefined && oldest !== undefined) {
    before.pongUs = oldest
    return
  }
  const peers: Peer[] = []
  let pongUs = Number.POSITIVE_INFINITY
  for (const peer of table.others) {
    if (peer.pingSentUs !== 0 || (!linked(peer) && !peer.noaddr)) peers.push(peer)
    else if (peer.pongUs < pongUs && !peer.noaddr) pongUs = peer.pongUs
  }
  attention.set(server, { version: table.version, links: world.bus.links, peers, pongUs })
}

function linked(peer: Peer): boolean {
  return peer.link?.alive === true && peer.link.host.address === peer.ip
}

/**
 * One tick at `nowUs`: the present, or an instant before it that is made up for. Gives the earliest later tick in which there will be something to
 * do, as long as the bus is not stirred.
 */
export function cron(server: Server, nowUs: Us): Us {
  const { table, world } = server
  const { replaying } = world.bus
  if (!server.onBus && !replaying) return Number.POSITIVE_INFINITY
  const timeoutUs = server.nodeTimeoutUs
  if (server.mfEndUs !== 0 && server.mfEndUs < nowUs) server.resetManualFailover()
  if (server.meets.length > 0) for (const meet of [...server.meets]) handshake(server, meet, nowUs)
  if (server.blacklist.size > 0) expire(server, nowUs)
  let busy = false
  const known = stillSo(server)
  const before = known?.peers ?? table.others
  for (let i = 0; i < before.length && !replaying; i++) {
    const peer = before[i] as Peer
    if (peer.noaddr || linked(peer)) continue
    connect(server, peer, nowUs)
  }
  const unanswered = server.iteration++ % EVERY === 0 && pingRandom(server, nowUs)
  let changed = false
  // The list may grow while it is gone through (a node learned from gossip): those wait for the next tick.
  const aged = known === undefined || nowUs - known.pongUs > timeoutUs / 2
  const list = aged || unanswered ? table.others : before
  for (let i = 0; i < list.length; i++) {
    if (list === table.others && table.beats.isIdle(i, nowUs - timeoutUs / 2)) continue
    const peer = list[i] as Peer
    if (peer.noaddr) continue
    if (peer.pingSentUs === 0) {
      if (nowUs - peer.pongUs <= timeoutUs / 2) continue
      ping(server, peer, nowUs)
      if (peer.pingSentUs === 0) continue
    } else if (peer.link?.onBus === true) {
      // What was lost on the way is sent again, and arrives once the way is free.
      ping(server, peer, nowUs)
      if (peer.pingSentUs === 0) continue
    }
    // Anything that was heard counts as well as an answer (rule RD-BUS-2).
    if (peer.good && nowUs - Math.max(peer.pingSentUs, peer.dataUs) > timeoutUs) {
      peer.pfail = true
      table.version++
      changed = true
      world.bus.stir()
      markFailing(server, peer, nowUs)
    }
  }
  if (list === table.others || table.version !== attention.get(server)?.version) lookedAtAll(server)
  if (!server.isMaster) {
    // The offset to wait for may have been reached by a link that came up later.
    if (server.mfMasterOffset >= 0 && !server.mfCanStart && server.offset === server.mfMasterOffset) server.mfCanStart = true
    if (server.upstream === undefined && table.master !== undefined) newUpstream(server)
    if (considerMigration(server, nowUs)) busy = true
    handleReplicaFailover(server, nowUs)
  }
  if (changed || !server.clusterOk) updateState(server, nowUs)
  return busy || restless(server) ? nowUs + TICK_US : due(server, nowUs)
}

/** Something is under way that each tick looks after. */
function restless(server: Server): boolean {
  const { table, upstream } = server
  if (server.mfEndUs !== 0 || !server.clusterOk || server.meets.length > 0 || server.blacklist.size > 0) return true
  if (server.isMaster) return false
  const { master } = table
  return master !== undefined && (upstream === undefined || master.failed)
}

/** When its next random ping, or a peer's silence, wants a tick (rules RD-BUS-1, RD-BUS-2). */
function due(server: Server, nowUs: Us): Us {
  const { peers, pongUs } = attention.get(server) as Attention
  const timeoutUs = server.nodeTimeoutUs
  // Of the peers that are looked at in each tick most only wait: for a process at the address, which stirs the bus, or for their time to be over.
  let overUs = pongUs + timeoutUs / 2
  for (const peer of peers) {
    if (peer.noaddr) continue
    if (peer.pingSentUs === 0) overUs = Math.min(overUs, peer.pongUs + timeoutUs / 2)
    else if (peer.link?.onBus === true) return nowUs + TICK_US
    else if (peer.good) overUs = Math.min(overUs, Math.max(peer.pingSentUs, peer.dataUs) + timeoutUs)
  }
  const randomUs = nowUs + TICK_US * (1 + ((EVERY - (server.iteration % EVERY)) % EVERY))
  return Math.min(randomUs, nowUs + TICK_US * Math.max(1, Math.floor((overUs - nowUs) / TICK_US) + 1))
}

/** Bans on forgotten nodes end by the second hand of the clock, as time(NULL) shows it. */
function expire(server: Server, nowUs: Us): void {
  const clock = nowUs + server.host.clockOffUs()
  for (const [id, untilUs] of server.blacklist) {
    if (Math.floor(clock / SECOND) * SECOND <= untilUs) continue
    server.blacklist.delete(id)
    server.world.sim.note(FORGOTTEN, server.name, 0, `${server.name} may learn of ${id.slice(0, 8)} again`)
  }
}

/** Opens a link to the address the table has; a ping goes out with it, and keeps the time of one that is pending. */
function connect(server: Server, peer: Peer, nowUs: Us): void {
  peer.link = undefined
  const target = server.world.byAddress.get(peer.ip)
  if (target === undefined || !target.onBus || target === server) return
  if (!server.world.bus.arrives(server, target) || !server.world.bus.arrives(target, server)) return
  peer.link = target
  const before = peer.pingSentUs
  ping(server, peer, nowUs)
  if (before !== 0 && peer.pingSentUs !== 0) peer.pingSentUs = before
}

/** Whether its ping is still pending afterwards. */
function pingRandom(server: Server, nowUs: Us): boolean {
  const { others } = server.table
  let oldest: Peer | undefined
  for (let i = 0; i < SAMPLES && others.length > 0; i++) {
    const peer = others[Math.floor(server.busLuck(server.draws++) * others.length)] as Peer
    if (peer.pingSentUs !== 0 || peer.noaddr) continue
    if (oldest === undefined || peer.pongUs < oldest.pongUs) oldest = peer
  }
  if (oldest === undefined) return false
  ping(server, oldest, nowUs)
  return oldest.pingSentUs !== 0
}

/** A ping, and its answer if there is one in time. */
export function ping(server: Server, peer: Peer, nowUs: Us): void {
  const { world } = server
  if (peer.pingSentUs === 0) peer.pingSentUs = nowUs
  server.sent++
  const to = peer.link
  const { bus } = world
  if (to === undefined || (!bus.replaying && (!to.onBus || !bus.arrives(server, to)))) return
  const there = world.network.delayUs(server.place, to.place)
  const back = world.network.delayUs(to.place, server.place)
  to.received++
  to.sent++
  receive(to, server, 'ping', undefined, nowUs, there)
  if (!bus.replaying && (!bus.arrives(to, server) || there + back > server.nodeTimeoutUs)) return
  // The peer may have been forgotten, or its address changed, by what the ping brought about.
  server.received++
  if (peer.link === to) receive(server, to, 'pong', peer, nowUs, there + back)
}
