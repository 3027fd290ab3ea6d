/** From suspicion to verdict: a majority of masters makes a node FAIL, for everybody (rules RD-FAIL-…). */
import type { Us } from '../../src/kernel/index.ts'
import { FAIL } from './events.ts'
import type { Server } from './server.ts'
import { updateState } from './state.ts'
import type { Peer } from './table.ts'

/** markNodeAsFailingIfNeeded (rule RD-FAIL-1). */
export function markFailing(server: Server, peer: Peer, nowUs: Us): void {
  if (!peer.pfail || peer.failed) return
  const { table } = server
  let failures = server.isMaster ? 1 : 0
  const { reports } = peer
  if (reports !== undefined) {
    const oldest = nowUs - 2 * server.nodeTimeoutUs
    for (const [by, atUs] of reports) {
      if (atUs < oldest) reports.delete(by)
      else failures++
    }
    if (reports.size === 0) peer.reports = undefined
  }
  if (failures < table.quorum) return
  fail(server, peer, nowUs)
  const { id } = peer
  for (const other of table.others) {
    if (other === peer) continue
    server.world.bus.send(server, other, to => {
      const known = to.table.peers.get(id)
      if (known !== undefined && known !== to.table.myself && !known.failed && to.table.peers.has(server.id)) fail(to, known, to.world.sim.now)
    })
  }
}

function fail(server: Server, peer: Peer, nowUs: Us): void {
  peer.failed = true
  peer.pfail = false
  peer.failedAtUs = nowUs
  server.table.version++
  server.world.bus.stir()
  server.world.sim.note(FAIL, server.name, 0, `${server.name} marks ${server.world.serverById(peer.id)?.name ?? peer.id.slice(0, 8)} as FAIL`)
  updateState(server, nowUs)
}
