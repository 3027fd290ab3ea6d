/** Whether a node answers for the cluster: clusterUpdateState (rules RD-STATE-…). */
import { MILLISECOND, SECOND, type Us } from '../../src/kernel/index.ts'
import { STATE } from './events.ts'
import { width } from './groups.ts'
import type { Server } from './server.ts'

/** CLUSTER_WRITABLE_DELAY: a master that has just started is not believed ready at once (rule RD-STATE-2). */
const WRITABLE_DELAY_US = 2 * SECOND

/** Judges the state anew at an instant of the bus. */
export function updateState(server: Server, nowUs: Us): void {
  if (!server.onBus) return
  const { table } = server
  if (server.stateSinceUs === undefined) server.stateSinceUs = nowUs
  if (server.isMaster && !server.clusterOk && nowUs - server.stateSinceUs < WRITABLE_DELAY_US) return
  let ok = true
  if (server.setting('cluster-require-full-coverage', server.world.options.requireFullCoverage ? 'yes' : 'no') === 'yes') {
    for (let group = 0; group < table.owner.length && ok; group++) {
      const owner = table.owner[group]
      if (owner === undefined ? width(server.world, group) > 0 : owner.failed) ok = false
    }
  }
  let size = 0
  let reachable = 0
  for (const peer of table.peers.values()) {
    if (peer.role !== 'master' || peer.slots === 0) continue
    size++
    if (peer.good) reachable++
  }
  if (reachable < Math.floor(size / 2) + 1) {
    ok = false
    server.minorityUs = nowUs
  }
  if (ok === server.clusterOk) return
  // A master that comes back from a minority gives the others time to reconfigure it (rule RD-STATE-3).
  if (ok && server.isMaster) {
    const delayUs = Math.min(Math.max(server.nodeTimeoutUs, 500 * MILLISECOND), 5 * SECOND)
    if (nowUs - server.minorityUs < delayUs) return
  }
  server.clusterOk = ok
  server.world.sim.note(STATE, server.name, ok ? 1 : 0, `${server.name}: cluster_state:${ok ? 'ok' : 'fail'}`)
  server.world.bus.stir()
  server.host.readinessChanged()
  server.changed()
}
