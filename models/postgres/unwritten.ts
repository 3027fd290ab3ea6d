import type { Bytes } from '../../src/cluster/log/index.ts'
import { defineEvent, type Us } from '../../src/kernel/index.ts'
import { formatLsn } from './datadir.ts'
import type { Server } from './server.ts'

const LIED = defineEvent('postgres.disk-lied')

/** wal_writer_delay. Source: D:runtime-config-wal */
const WRITER_DELAY_US = 200_000
/** Three times wal_writer_delay. */
const WINDOW_US = 3 * WRITER_DELAY_US

/**
 * How far what a primary has written lies behind what it has acknowledged: with synchronous_commit = off its WAL is written every
 * wal_writer_delay, and only what is written is sent to standbys (rule PG-ACK-9).
 */
export function unwrittenUs(server: Server): Us {
  return server.settings.synchronous_commit === 'off' ? WRITER_DELAY_US : 0
}

/** pg_current_wal_lsn(): how far its WAL is written. A stop writes the rest. */
export function writtenLsn(server: Server): Bytes {
  const { copy, world } = server
  const behindUs = copy.leading && server.state === 'primary' ? unwrittenUs(server) : 0
  if (behindUs === 0) return copy.lsn('flush')
  return Math.max(copy.position('flush').branch.forkLsn, Math.floor(copy.curves.receive.valueAt(Math.max(0, world.sim.now - behindUs))))
}

/**
 * With synchronous_commit = off the last commits were acknowledged before their WAL left shared memory: after a crash up to 0.6 s of it is
 * gone. What a standby has was written here first, so that much is never lost (rule PG-ACK-8; {@link unwrittenUs} holds standbys back). Call once the copy no longer leads.
 */
export function loseUnwritten(server: Server): void {
  const { world, dir, copy } = server
  const agoUs = world.uniform(server.name, 'unwritten') * WINDOW_US
  const kept = Math.floor(copy.curves.receive.valueAt(world.sim.now - agoUs))
  const sent = Math.max(0, ...server.walsenders.filter(s => s.state !== 'startup').map(s => s.standby.copy.lsn('receive')))
  const { branch } = copy.position('flush')
  const lsn = Math.max(kept, sent, branch.forkLsn, dir.checkpointLsn)
  if (lsn < copy.lsn('flush')) copy.adopt({ branch, lsn })
}

/**
 * The volume had answered flushes from a volatile cache and loses it with the last `lostUs` of writes; the server dies of it. What is left is an
 * earlier state of the whole volume, as if the cache had been written back in order: a consistent one, from which recovery starts, only older than
 * what was promised (rule PG-DISK-2). Configuration files and a timeline switch within that time are kept: they are small and long written back.
 * With `fsync = on` and an honest disk nothing of this happens: a crash costs only what was never flushed.
 */
export function loseUnsynced(server: Server, lostUs: Us): void {
  const { world, dir, copy } = server
  const { branch } = copy.position('flush')
  const before = copy.lsn('flush')
  const left = Math.floor(copy.curves.flush.valueAt(Math.max(0, world.sim.now - lostUs)))
  server.crash('PANIC: could not read from its volume, which lost its write cache', 134)
  const lsn = Math.max(branch.forkLsn, Math.min(left, before))
  if (lsn < dir.checkpointLsn) dir.checkpoint(lsn, Math.max(0, world.sim.now - lostUs))
  if (lsn < copy.lsn('flush')) copy.adopt({ branch, lsn })
  world.sim.note(LIED, server.name, before - lsn, `the volume of ${server.name} lost ${before - lsn} bytes of WAL that it had called safe: it ends at ${formatLsn(lsn)} instead of ${formatLsn(before)}`)
}
