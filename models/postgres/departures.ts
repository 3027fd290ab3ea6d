/** When a primary goes and another comes: what a stopping server waits for, and whether the promoted one was the right one. */
import { type Bytes, contains, type Position } from '../../src/cluster/log/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import { SECOND } from '../../src/kernel/index.ts'
import type { DataDirectory } from './datadir.ts'
import type { Subscription } from './logical.ts'
import type { Walsender } from './replication.ts'
import type { Server } from './server.ts'

/**
 * A stopping primary sends everything to the standbys that are connected, and to the apply workers; a silent one holds it up to wal_sender_timeout
 * (rules PG-STOP-3, PG-LOGICAL-11).
 */
export function awaitWalsenders(server: Server, end: Bytes, then: () => void): void {
  const { logical, options } = server.world
  const standbys = server.walsenders.filter(s => s.state === 'streaming' || s.state === 'catchup')
  const readers = logical.servedBy(server)
  const waiting = new Set<Walsender | Subscription>([...standbys, ...readers])
  const check = () => {
    if (server.alive && waiting.size === 0) then()
  }
  const leaves = (one: Walsender | Subscription) => () => {
    if (waiting.delete(one)) check()
  }
  for (const sender of standbys) {
    sender.onGone(leaves(sender))
    sender.standby.copy.whenReaches('flush', end, leaves(sender))
  }
  const timeoutUs = server.settingUs('wal_sender_timeout', options.walSenderTimeoutSeconds * SECOND)
  for (const reader of readers) {
    reader.onGone(leaves(reader))
    reader.copy.whenReaches('flush', end, leaves(reader))
    const patience = (): void => {
      const confirmed = reader.confirmedLsn
      server.later(timeoutUs, () => {
        if (!waiting.has(reader)) return
        if (reader.confirmedLsn > confirmed) patience()
        else logical.hangUp(reader)
      })
    }
    if (timeoutUs > 0) patience()
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
