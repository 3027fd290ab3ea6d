/** What replication slots hold of a server's log (rules PG-SLOT-1…5). Source: facts §1.6; D:view-pg-replication-slots. */
import type { Bytes } from '../../src/cluster/log/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { maxWalBytes } from './checkpoints.ts'
import { advanceCheckpoint, type DataDirectory, SEGMENT_BYTES, type Slot } from './datadir.ts'
import type { Server } from './server.ts'
import { parseBytes } from './settings.ts'

/** From where on the slots of a directory hold its log, as far as they have told; Infinity when none does. */
export function heldFrom(dir: DataDirectory): Bytes {
  let oldest = Number.POSITIVE_INFINITY
  for (const slot of dir.slots.values()) if (!slot.lost) oldest = Math.min(oldest, slot.restartLsn)
  return oldest
}

/** wal_keep_size in bytes. */
export function walKeepBytes({ settings, world }: Server): Bytes {
  return parseBytes(settings['wal_keep_size'] ?? `${world.options.walKeepMB}MB`) ?? 0
}

/** wal_status of a slot, as pg_replication_slots shows it (rule PG-SLOT-3); null of one that holds nothing yet (PG-SLOT-5). */
export function walStatus(upstream: Server, slot: Slot): 'reserved' | 'extended' | 'unreserved' | 'lost' | null {
  if (slot.lost) return 'lost'
  if (!Number.isFinite(slot.restartLsn)) return null
  const held = upstream.copy.lsn('flush') - slot.restartLsn
  const limit = slotLimit(upstream)
  if (limit >= 0 && held > limit) return 'unreserved'
  return held > maxWalBytes(upstream) ? 'extended' : 'reserved'
}

/** How much may still be written before a slot is lost: its limit (whole files, and one more) less what it holds; null without a limit, or when it is lost. Source: slotfuncs.c pg_get_replication_slots. */
export function safeWalSize(upstream: Server, slot: Slot): number | null {
  const limit = slotLimit(upstream)
  if (slot.lost || limit < 0 || !Number.isFinite(slot.restartLsn)) return null
  const keep = Math.floor(Math.max(limit, walKeepBytes(upstream)) / SEGMENT_BYTES)
  return (Math.floor(slot.restartLsn / SEGMENT_BYTES) + keep + 1) * SEGMENT_BYTES - upstream.copy.lsn('flush')
}

function slotLimit(upstream: Server): number {
  return parseBytes(upstream.settings.max_slot_wal_keep_size ?? '-1') ?? -1
}

/** First byte of WAL that `upstream` can still send: since its last checkpoint, wal_keep_size more, or what a slot holds (rules PG-WAL-1…3, PG-SLOT-1). */
export function oldestWal(upstream: Server): number {
  const { options, sim } = upstream.world
  advanceCheckpoint(upstream.dir, sim.now, options.checkpointTimeoutSeconds * SECOND, options.maxWalSizeMB * 1_000_000)
  let oldest = Math.min(upstream.dir.checkpointLsn, upstream.copy.lsn('flush') - walKeepBytes(upstream))
  const limit = slotLimit(upstream)
  for (const slot of upstream.dir.slots.values()) {
    refreshSlot(upstream, slot, limit)
    if (!slot.lost) oldest = Math.min(oldest, slot.restartLsn)
  }
  // Whole segments are kept or recycled.
  return Math.max(0, oldest - SEGMENT_BYTES)
}

function refreshSlot(upstream: Server, slot: Slot, limitBytes: number): void {
  // What the subscriber has confirmed is no longer needed for it (rule PG-LOGICAL-3).
  if (slot.logical !== undefined) slot.restartLsn = slot.logical.confirmedLsn
  if (slot.active) {
    for (const sender of upstream.walsenders) if (sender.slot === slot) slot.restartLsn = sender.standby.copy.lsn('flush')
    return
  }
  // Only a checkpoint removes WAL: until the next one a slot beyond its limit can still be saved.
  if (limitBytes >= 0 && upstream.dir.checkpointLsn - slot.restartLsn > limitBytes) slot.lost = true
}
