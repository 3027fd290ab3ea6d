/**
 * Room for WAL: what a data volume has beside the database, and what of the log must stay there. Nobody polls: a server is looked at again when its log
 * may have filled the volume at the earliest. What the tables themselves grow by is not reckoned. Source: facts §1.6, PG-T61; D:warm-standby 27.2.6.
 */
import type { Bytes, Watch } from '../../src/cluster/log/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { maxWalBytes } from './checkpoints.ts'
import { advanceCheckpoint, type DataDirectory, SEGMENT_BYTES, type Slot } from './datadir.ts'
import { backupBytes } from './merged.ts'
import type { Server } from './server.ts'
import { parseBytes, parseConf } from './settings.ts'
import { heldFrom, oldestWal, walKeepBytes } from './slots.ts'
import { slotName } from './standby-conf.ts'
import type { World } from './world.ts'

/** The last words of a server that finds no room for another WAL file. */
export const NO_ROOM = 'PANIC: could not write to file "pg_wal": No space left on device'

/** What the volume of this directory has for WAL. */
function roomBytes(world: World, dir: DataDirectory): Bytes {
  return world.options.diskMB * 1_000_000 - backupBytes(world, dir)
}

/**
 * First byte of WAL that a stopped directory still has: its shutdown checkpoint has recycled what came before, but for wal_keep_size and slots. So
 * what pg_rewind has to read, from the last common checkpoint on, is often gone (rule PG-REWIND-6).
 */
export function oldestKept(world: World, dir: DataDirectory): Bytes {
  const conf = parseConf(dir.files.get('postgresql.auto.conf') ?? '', 'postgresql.auto.conf')
  const said = typeof conf.error === 'string' ? undefined : (conf as Readonly<Record<string, string>>).wal_keep_size
  const keep = parseBytes(said ?? `${world.options.walKeepMB}MB`) ?? 0
  return wholeSegment(Math.min(dir.checkpointLsn - keep, heldFrom(dir)))
}

function wholeSegment(lsn: Bytes): Bytes {
  return Math.max(0, Math.floor(lsn / SEGMENT_BYTES) * SEGMENT_BYTES)
}

/** Whether the WAL that a stopped directory must keep leaves no room to begin (rule PG-DISK-3). */
export function walFills(world: World, dir: DataDirectory): boolean {
  const { options, sim } = world
  // What redo needs begins at the last checkpoint that was, by whomever it was looked at last.
  if (dir.control !== 'shut down') advanceCheckpoint(dir, sim.now, options.checkpointTimeoutSeconds * SECOND, options.maxWalSizeMB * 1_000_000)
  return dir.copy.lsn('flush') - oldestKept(world, dir) >= roomBytes(world, dir)
}

const watches = new WeakMap<Server, Watch>()

/**
 * Sees to it that this server dies when its WAL no longer fits beside the database (rule PG-DISK-3). To be called when it opens, and whenever something
 * new begins to hold its log: a slot, or a replay that stands still.
 */
export function watchRoom(server: Server): void {
  watches.get(server)?.cancel()
  watches.delete(server)
  if (!server.alive) return
  const { world, dir, copy } = server
  const room = roomBytes(world, dir)
  const keep = walKeepBytes(server)
  // By itself a server keeps what max_wal_size and wal_keep_size say.
  if (heldFrom(dir) === Number.POSITIVE_INFINITY && !server.replayPaused && room > maxWalBytes(server) + keep) return
  const here = copy.lsn('flush')
  let oldest = Math.min(dir.checkpointLsn, here - keep, heldFrom(dir), replayed(server))
  // So far nothing was looked at. The truth costs more, and is only asked for when it may matter.
  if (here - wholeSegment(oldest) >= room) {
    oldest = Math.min(oldestWal(server), replayed(server))
    if (here - wholeSegment(oldest) >= room) return server.later(0, () => server.crash(NO_ROOM, 1))
  }
  watches.set(server, copy.whenReaches('flush', Math.max(wholeSegment(oldest) + room, here + SEGMENT_BYTES), () => watchRoom(server)))
}

/** A standby keeps what it has not replayed: all there is from where its replay stands still. Started again it replays first, and makes room. */
function replayed({ copy, replayPaused }: Server): Bytes {
  return replayPaused && !copy.leading ? copy.lsn('apply') : Number.POSITIVE_INFINITY
}

/** A new slot of this server; Infinity as `restartLsn` is one that was made without reserving: it holds nothing until somebody streams through it (rule PG-SLOT-5). */
export function addSlot(server: Server, name: string, restartLsn: Bytes, logical?: Slot['logical']): void {
  server.dir.slots.set(name, { name, restartLsn, active: false, lost: false, ...(logical === undefined ? {} : { logical }) })
  watchRoom(server)
}

/**
 * A server that takes the lead has a slot for each of these members, which holds from where that member is: Patroni keeps members' slots on every node and
 * moves them on as the leader's move, so that nothing a member still needs is gone after a failover. Source: Patroni slots.py (4.0).
 */
export function reserveSlots(server: Server, members: readonly string[]): void {
  const here = server.copy.lsn('flush')
  for (const member of members) {
    const name = slotName(member)
    if (!Number.isFinite(server.dir.slots.get(name)?.restartLsn)) addSlot(server, name, Math.min(here, server.world.directoryOf.get(member)?.copy.lsn('flush') ?? here))
  }
}

/** On a node that follows, members' slots are moved on with the leader's: they hold nothing of their own (see {@link reserveSlots}). */
export function releaseSlots(dir: DataDirectory | undefined, members: readonly string[]): void {
  for (const member of members) {
    const slot = dir?.slots.get(slotName(member))
    if (slot !== undefined && !slot.active && !slot.lost) slot.restartLsn = Number.POSITIVE_INFINITY
  }
}
