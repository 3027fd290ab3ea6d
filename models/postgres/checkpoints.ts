/** What a checkpoint, a stop and a recovery have to write or redo, and how long that takes. Source: PG §1.5 (E-6, E-11). */
import type { Bytes } from '../../src/cluster/log/index.ts'
import { SECOND, type Us } from '../../src/kernel/index.ts'
import { advanceCheckpoint } from './datadir.ts'
import type { Server } from './server.ts'

/** The checkpoint after a promotion: checkpoint_completion_target 0.9 of checkpoint_timeout 5 min. */
export const END_OF_RECOVERY_CHECKPOINT_US: Us = 270 * SECOND

/** WAL written since the last checkpoint: what a crash would have to redo. */
export function walSinceCheckpoint({ world, dir }: Server): Bytes {
  const { options, sim } = world
  return advanceCheckpoint(dir, sim.now, options.checkpointTimeoutSeconds * SECOND, options.maxWalSizeMB * 1_000_000)
}

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
