/** Base backup: what pg_basebackup and a cloning init container do. Source: facts §1.6, real-measurements pg_basebackup. */
import { defineEvent, type Process, SECOND, Signal, TIMED_OUT, within } from '../../src/kernel/index.ts'
import { checkpointTimeoutUs, checkpointUs, walSinceCheckpoint } from './checkpoints.ts'
import { DataDirectory } from './datadir.ts'
import { backupBytes, mergedLike } from './merged.ts'
import { addSlot } from './room.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

const BACKUP = defineEvent('postgres.base-backup-started')

export interface CloneOptions {
  readonly checkpoint: 'fast' | 'spread'
  /** Slot to create on the source and stream through, if any. */
  readonly slot: string | undefined
}

/**
 * Copies `source` into a new data directory, WAL streamed alongside (-X stream). Takes the checkpoint (a spread one waits for up to
 * 0.9 × checkpoint_timeout when there is something to write) plus size ÷ rate (rule PG-CLONE-3). Gives the directory, or why it failed, in the tool's words.
 */
export function* cloneFrom(world: World, source: Server, name: string, place: string, options: CloneOptions): Process<DataDirectory | string> {
  const { sim } = world
  sim.note(BACKUP, name, 0, `${name} takes a base backup of ${source.name}`)
  if (options.slot !== undefined && !source.dir.slots.has(options.slot)) {
    addSlot(source, options.slot, source.copy.lsn('flush'))
  }
  const spread = options.checkpoint === 'spread' && walSinceCheckpoint(source) > 1_000_000
  const waitUs = spread ? Math.round(0.9 * checkpointTimeoutUs(source)) : checkpointUs(source)
  if (!(yield* stays(world, source, place, waitUs))) return 'could not initiate base backup: server closed the connection unexpectedly'
  source.checkpointDone()
  const startLsn = source.copy.lsn('flush')
  const startUs = sim.now
  const bytesPerSecond = Math.min(world.bytesPerSecond('baseBackupMBps', name), world.bytesPerSecond('replicationMBps', name)) / Math.max(1, source.diskSlowdown)
  const copyUs = world.timeUs('baseBackupMs', name) + Math.round((backupBytes(world, source.dir) / bytesPerSecond) * SECOND)
  if (!(yield* stays(world, source, place, copyUs))) return 'could not read COPY data: server closed the connection unexpectedly'
  const dir = new DataDirectory(name, source.dir.systemId, world.log.copy(name, source.copy.position('flush')), source.dir.timeline, source.dir.image)
  dir.control = 'in production'
  mergedLike(world, dir, source.dir)
  // Recovery of the copy begins at the checkpoint the backup began with.
  dir.checkpoint(startLsn, startUs)
  // All of PGDATA comes along, what ALTER SYSTEM wrote too (rule PG-CLONE-4).
  for (const [file, text] of source.dir.files) dir.files.set(file, text)
  world.directories.push(dir)
  return dir
}

/** Waits `us` as long as the source lives and can be reached; false as soon as not. */
function* stays(world: World, source: Server, place: string, us: number): Process<boolean> {
  const broken = new Signal()
  const forget = world.onTopology(() => {
    if (!source.alive || source.state === 'stopping' || !world.network.connected(place, source.place)) broken.fire()
  })
  const result = yield within(broken, us)
  forget()
  return result === TIMED_OUT
}
