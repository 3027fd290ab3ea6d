/** When a primary goes and another comes: what a stopping server waits for, and whether the promoted one was the right one. */
import { type Bytes, contains, type Position } from '../../src/cluster/log/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import type { DataDirectory } from './datadir.ts'
import type { Server } from './server.ts'

/** A stopping primary sends everything to the standbys that are connected; a silent one holds it up to wal_sender_timeout (rule PG-STOP-3). */
export function awaitWalsenders(server: Server, end: Bytes, then: () => void): void {
  const waiting = new Set(server.walsenders.filter(s => s.state === 'streaming' || s.state === 'catchup'))
  const check = () => {
    if (server.alive && waiting.size === 0) then()
  }
  for (const sender of waiting) {
    const done = () => {
      if (waiting.delete(sender)) check()
    }
    sender.onGone(done)
    sender.standby.copy.whenReaches('flush', end, done)
  }
  check()
}

/** Whether no running server that the operator can reach holds WAL that `from` lacks. */
export function isFurthestReachable(server: Server, from: Position): boolean {
  for (const other of server.world.servers) {
    if (other === server || !other.alive || other.dir.systemId !== server.dir.systemId) continue
    if (!server.world.network.connected('operator', other.place)) continue
    if (!contains(from, other.copy.position('flush'))) return false
  }
  return true
}

/** A promoted standby of a subscriber would go on with the subscription where its own copy of the catalog ends. @throws UnsupportedError when there is one */
export function refuseSubscriber(dir: DataDirectory): void {
  const held = dir.merged.find(({ by }) => by.subscriber !== dir && by.subscriber.subscriptions.get(by.name) === by)
  if (held === undefined) return
  throw new UnsupportedError(`promoting ${dir.name}, a standby of ${held.by.subscriber.name}, while that has the subscription ${held.by.name} is not modelled`, ['DROP SUBSCRIPTION first'])
}
