/** The gossip section of a heartbeat: what the sender thinks of some others (rules RD-BUS-3…5). */
import { SECOND, type Us } from '../../src/kernel/index.ts'
import { ADDED } from './events.ts'
import { markFailing } from './failing.ts'
import { FAILED, KNOWN, NOADDR, PFAIL, toldSeconds } from './heartbeats.ts'
import type { Server } from './server.ts'
import type { Peer } from './table.ts'

/** How much newer than now a gossiped pong may be. */
const AHEAD_US = SECOND / 2

/** `to` reads the entries of a packet of `from`, whom it knows as `sender`. */
export function gossip(to: Server, sender: Peer, from: Server, nowUs: Us): void {
  const { beats } = from.table
  const n = from.table.others.length
  const wanted = Math.min(Math.max(3, Math.floor((n + 1) / 10)), n - 1)
  const packet = ++from.packets
  const reader = to.table.myself.index
  const told = from.world.bus.tellingOf(wanted)
  let chosen = 0
  for (let tries = 3 * wanted; tries > 0 && chosen < wanted; tries--) {
    const index = beats.others[Math.floor(from.busLuck(from.draws++) * n)] as number
    if (index === reader || ((beats.is[index] as number) & (PFAIL | NOADDR)) !== 0 || beats.told[index] === packet) continue
    beats.told[index] = packet
    told[chosen++] = index
  }
  const mine = to.table.beats
  for (let i = 0; i < chosen; i++) {
    const index = told[i] as number
    // The usual case first: both think well of a node, nobody says otherwise, and no ping to it is pending. Only its answer may be a newer one.
    if (mine.is[index] === KNOWN && ((beats.is[index] as number) & FAILED) === 0) {
      const pongUs = toldSeconds(beats.pongUs[index] as number)
      if (pongUs > (mine.pongUs[index] as number) && pongUs <= nowUs + AHEAD_US) mine.pongUs[index] = pongUs
    } else entry(to, sender, from.table.at(index) as Peer, nowUs)
  }
  // All that the sender suspects go along, so that suspicions spread.
  for (const peer of from.table.suspected) if (peer.id !== to.id && !peer.noaddr) entry(to, sender, peer, nowUs)
}

function entry(to: Server, sender: Peer, about: Peer, nowUs: Us): void {
  const { table } = to
  const known = table.same(about)
  if (known === undefined) {
    learn(to, about, nowUs)
    return
  }
  if (known === table.myself) return
  const bad = about.failed || about.pfail
  if (sender.role === 'master') {
    if (bad) {
      const reports = known.reports ?? new Map<string, Us>()
      reports.set(sender.id, nowUs)
      known.reports = reports
      markFailing(to, known, nowUs)
    } else if (known.reports !== undefined) {
      known.reports.delete(sender.id)
      if (known.reports.size === 0) known.reports = undefined
    }
  }
  if (bad) return
  if (known.good && known.pingSentUs === 0 && known.reports === undefined) {
    // Pongs are gossiped in whole seconds.
    const pongUs = toldSeconds(about.pongUs)
    if (pongUs <= nowUs + AHEAD_US && pongUs > known.pongUs) known.pongUs = pongUs
  }
  // A node that is lost here, but reached by the sender at another address. A replica of it keeps the link it has (rule RD-REPL-7).
  if (!known.good && !about.noaddr && about.ip !== '' && known.ip !== about.ip) {
    known.ip = about.ip
    known.noaddr = false
    known.link = undefined
    table.version++
    to.world.bus.stir()
  }
}

/** A node that the sender knows and this one does not: taken in, unless it has an open ban (rules RD-FORGET-2, RD-MEET-2). */
function learn(to: Server, about: Peer, nowUs: Us): void {
  if (about.noaddr || about.ip === '' || to.blacklist.has(about.id)) return
  const peer = to.table.add(about.id, nowUs)
  peer.ip = about.ip
  peer.hostname = about.hostname
  peer.role = about.role
  peer.failed = about.failed
  peer.pongUs = 0
  peer.dataUs = 0
  if (about.role === 'replica' && about.masterId !== undefined && to.table.peers.has(about.masterId)) to.table.setReplica(peer, about.masterId)
  to.world.bus.stir()
  to.world.sim.note(ADDED, to.name, 0, `${to.name} learned of ${about.id.slice(0, 8)}`)
}
