/** CLUSTER FORGET and its 60 s ban, RESET, and how 7.2 spreads a ban (rules RD-FORGET-…). */
import { SECOND, type Us } from '../../src/kernel/index.ts'
import { FORGOTTEN, RESET } from './events.ts'
import type { Server } from './server.ts'
import { updateState } from './state.ts'
import type { Peer } from './table.ts'

/** CLUSTER_BLACKLIST_TTL. */
const BAN_US = 60 * SECOND

/** What the command answers. One table loses the node, no link is touched (rule RD-FORGET-1). A master with slots is forgotten as readily as anybody (rule RD-FORGET-3). */
export function forget(server: Server, id: string): string {
  const { table, world } = server
  const peer = table.peers.get(id)
  if (peer === undefined) return server.version >= 702 && server.blacklist.has(id) ? 'OK' : `ERR Unknown node ${id}`
  if (peer === table.myself) return "ERR I tried hard but I can't forget myself..."
  if (!server.isMaster && table.myself.masterId === id) return "ERR Can't forget my master!"
  drop(server, peer, Math.floor((world.sim.now + server.host.clockOffUs()) / SECOND) * SECOND + BAN_US)
  return 'OK'
}

function drop(server: Server, peer: Peer, untilUs: Us): void {
  const { table, world } = server
  server.blacklist.set(peer.id, untilUs)
  table.remove(peer)
  world.bus.stir()
  world.sim.note(FORGOTTEN, server.name, 1, `${server.name} forgets ${world.serverById(peer.id)?.name ?? peer.id.slice(0, 8)}`)
  updateState(server, world.sim.now)
  server.changed()
}

/** From 7.2 on each heartbeat carries the sender's bans, and whoever hears of one joins in, but for itself and its own master (rule RD-FORGET-4). */
export function forgottenBy(to: Server, from: Server, nowUs: Us): void {
  for (const [id, untilUs] of from.blacklist) {
    const peer = to.table.peers.get(id)
    if (peer === undefined || peer === to.table.myself || (!to.isMaster && to.table.myself.masterId === id)) continue
    if (untilUs <= nowUs) continue
    drop(to, peer, untilUs)
  }
}

/** CLUSTER RESET: alone again, a master without slots. `hard`: under another id. */
export function reset(server: Server, hard: boolean): string {
  const { table, world } = server
  if (server.isMaster && (server.sizeMB > 0 || server.data.copies.some(copy => copy.lsn('receive') > 0))) return "ERR CLUSTER RESET can't be called with master nodes containing keys"
  world.sim.note(RESET, server.name, hard ? 1 : 0)
  server.upstream?.stop()
  server.upstream = undefined
  server.data.stopLeading('clean')
  server.data.become([])
  server.sizeMB = 0
  server.dir.rdb = undefined
  server.dir.aof = undefined
  for (let g = 0; g < table.owner.length; g++) table.own(g, undefined)
  for (const peer of [...table.others]) table.remove(peer)
  table.setMaster(table.myself)
  if (hard) {
    table.currentEpoch = 0
    table.lastVoteEpoch = 0
    table.rename(world.newId(server.name))
  }
  world.bus.stir()
  updateState(server, world.sim.now)
  server.changed()
  return 'OK'
}
