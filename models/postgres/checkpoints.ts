/** What a checkpoint, a stop and a recovery have to write or redo, and how long that takes. Source: PG §1.5 (E-6, E-11). */
import type { Bytes } from '../../src/cluster/log/index.ts'
import { SECOND, type Us } from '../../src/kernel/index.ts'
import { advanceCheckpoint } from './datadir.ts'
import type { Server } from './server.ts'
import { parseBytes, parseTimeUs } from './settings.ts'

const PAGE_BYTES = 8192
/** A spread checkpoint that is ahead of its schedule writes a page and sleeps so long. */
const PAGE_PAUSE_US: Us = 100_000

/**
 * The checkpoint after a promotion is a spread one: over 0.9 of checkpoint_timeout (checkpoint_completion_target), but no longer than its pages take that it writes one by one. A server
 * that had little to write is done at once (rule PG-CHECKPOINT-2). Source: checkpointer.c CheckpointWriteDelay; PostgreSQL 15.18 (idle: 0.1 s; after 40 MB: not within 25 s).
 */
export function spreadCheckpointUs(server: Server): Us {
  return Math.min(Math.round(0.9 * checkpointTimeoutUs(server)), Math.max(PAGE_PAUSE_US, Math.ceil(walSinceCheckpoint(server) / PAGE_BYTES) * PAGE_PAUSE_US))
}

/** WAL written since the last checkpoint: what a crash would have to redo. */
export function walSinceCheckpoint({ world, dir }: Server): Bytes {
  const { options, sim } = world
  return advanceCheckpoint(dir, sim.now, options.checkpointTimeoutSeconds * SECOND, options.maxWalSizeMB * 1_000_000)
}

/** checkpoint_timeout and max_wal_size of a configuration, else of the cluster's description. A bare number counts in s and MB. */
function paceOf({ world }: Server, settings: Readonly<Record<string, string>>): { readonly us: Us; readonly bytes: Bytes } {
  const { checkpoint_timeout: every, max_wal_size: most } = settings
  const us = every === undefined ? undefined : parseTimeUs(/^\s*\d+\s*$/.test(every) ? `${every.trim()}s` : every)
  return { us: us ?? world.options.checkpointTimeoutSeconds * SECOND, bytes: (most === undefined ? undefined : parseBytes(most)) ?? world.options.maxWalSizeMB * 1_000_000 }
}

/** What is in force from now on, as it was given: those checkpoints that are past came as it was before. */
export function paced(server: Server, settings: Record<string, string>): Record<string, string> {
  const { dir } = server
  if (settings['checkpoint_timeout'] === undefined && settings['max_wal_size'] === undefined && dir.pace === undefined) return settings
  walSinceCheckpoint(server)
  dir.pace = paceOf(server, settings)
  return settings
}

/** checkpoint_timeout in force. */
export const checkpointTimeoutUs = (server: Server): Us => paceOf(server, server.settings).us

/** max_wal_size in force. */
export const maxWalBytes = (server: Server): Bytes => paceOf(server, server.settings).bytes

export function redoUs(server: Server): Us {
  return Math.round((walSinceCheckpoint(server) / server.world.bytesPerSecond('redoMBps', server.name)) * SECOND)
}

/** Writing the dirty buffers, which shared_buffers bounds, at the disk's rate, or as slowly as the server works. */
export function flushingUs(server: Server): Us {
  const { world } = server
  const dirty = Math.min(walSinceCheckpoint(server), world.options.sharedBuffersMB * 1_000_000)
  return Math.round((dirty / (world.bytesPerSecond('flushMBps', server.name) / Math.max(1, server.diskSlowdown))) * SECOND * server.slowness)
}

/** CHECKPOINT: how long it takes; dirty buffers are written by then (rule PG-CHECKPOINT-1). */
export function checkpointUs(server: Server): Us {
  return flushingUs(server) + 2_000
}
