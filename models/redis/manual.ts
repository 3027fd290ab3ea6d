/** CLUSTER FAILOVER: the handshake with the master, and the ways round it (rules RD-MANUAL-…). Source: cluster_legacy.c; facts F03–F05. */
import { MANUAL } from './events.ts'
import { win } from './failover.ts'
import { bumpEpoch } from './moving.ts'
import { started, TIMEOUT_US } from './paused.ts'
import type { Server } from './server.ts'

/** What the command answers: also `OK` only says that it was begun (rules RD-MANUAL-1, RD-MANUAL-2). */
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
    bumpEpoch(server)
    win(server, 'operator')
  } else if (how === 'force') {
    server.mfCanStart = true
    server.later(1_000, () => server.poke())
  } else world.bus.send(server, master, to => started(to, server))
  return 'OK'
}
