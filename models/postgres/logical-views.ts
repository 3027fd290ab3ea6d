/** What the catalogs and views say of logical replication. Source: D:catalog-pg-subscription, D:monitoring-stats, D:view-pg-replication-slots. */
import { CALENDAR_US, columns, type View } from './columns.ts'
import { stampUs } from './clock.ts'
import type { Slot } from './datadir.ts'
import type { Subscription } from './logical.ts'
import { safeWalSize, walStatus } from './slots.ts'
import type { Server } from './server.ts'
import type { Value } from './sql/types.ts'
import { toldLsn, toldStage } from './told.ts'

const oid = (i: number): number => 24_576 + i
const subscriptionsOf = (server: Server): Subscription[] => [...server.dir.subscriptions.values()]

export const LOGICAL_VIEWS: Readonly<Record<string, View>> = {
  pg_publication: {
    columns: columns('oid oid, pubname name, puballtables bool'),
    fill: server => ({ moves: false, rows: [...server.dir.publications].map((name, i) => [oid(i), name, true]) }),
  },
  pg_subscription: {
    columns: columns('oid oid, subname name, subenabled bool, subconninfo text, subslotname name, subpublications text[], suborigin text'),
    fill: server => ({ moves: false, rows: subscriptionsOf(server).map((s, i) => [oid(i), s.name, s.enabled, s.conninfo, s.slotName, [s.publication], s.origin]) }),
  },
  // One row a table; the load is not told apart by table, so there is one. `i` = not begun, `d` = copying, `r` = ready.
  pg_subscription_rel: {
    columns: columns('srsubid oid, srrelid oid, srsubstate "char", srsublsn pg_lsn').map(column => (column.name === 'srsubstate' ? { ...column, type: 'text' } : column)),
    fill: server => ({ moves: false, rows: subscriptionsOf(server).map((s, i) => [oid(i), 16_400, s.copied ? 'r' : s.publisher === undefined ? 'i' : 'd', null]) }),
  },
  // The positions are the publisher's. A worker that is not running has a row without a pid.
  pg_stat_subscription: {
    columns: columns('subid oid, subname name, pid int4, relid oid, received_lsn pg_lsn, last_msg_send_time timestamptz, last_msg_receipt_time timestamptz, latest_end_lsn pg_lsn, latest_end_time timestamptz'),
    fill: server => ({
      moves: server.dir.subscriptions.size > 0,
      rows: subscriptionsOf(server).map((s, i): Value[] => {
        const running = s.publisher !== undefined
        const now = CALENDAR_US + stampUs(server.world, server.place)
        return [oid(i), s.name, running ? s.pid : null, null, running ? s.confirmedLsn : null, running ? now : null, running ? now : null, running ? s.confirmedLsn : null, running ? now : null]
      }),
    }),
  },
}

/** Rows of pg_stat_replication: a walsender for each apply worker, named after its subscription. */
export function logicalSenders(server: Server): Value[][] {
  return server.world.logical.readersOf(server.dir).filter(s => s.publisher === server).map((s): Value[] => {
    const lsn = toldLsn(server, s.confirmedLsn)
    return [s.pid, 16_384, 'replicator', s.name, null, null, 50_000, CALENDAR_US, null, s.copied ? 'streaming' : 'startup', toldStage(server, 'flush'), lsn, lsn, lsn, null, null, null, 0, 'async', CALENDAR_US]
  })
}

/** Its row in pg_replication_slots. */
export function logicalSlot(server: Server, slot: Slot, subscription: Subscription): Value[] {
  return [slot.name, 'pgoutput', 'logical', 16_385, server.world.options.database, false, slot.active, slot.active ? 41 : null, null, null, slot.lost ? null : slot.restartLsn, slot.lost ? null : toldLsn(server, subscription.confirmedLsn), walStatus(server, slot), safeWalSize(server, slot), false]
}
