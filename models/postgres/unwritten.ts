import type { Server } from './server.ts'

/** Three times wal_writer_delay (200 ms). */
const WINDOW_US = 600_000

/**
 * With synchronous_commit = off the last commits were acknowledged before their WAL left shared memory: after a crash up to 0.6 s of it is
 * gone. What a standby has was written here first, so that much is never lost (rule PG-ACK-8). Call once the copy no longer leads.
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
