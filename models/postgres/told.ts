/**
 * Positions as servers tell them. What a primary writes by itself is a steady trickle in the log, and comes in lumps in reality: a record of the running
 * transactions every 15 s, now and then a checkpoint or a vacuum. In between an idle cluster stands still, and whoever asks reads a lag of nothing.
 * Source: bgwriter.c (LOG_SNAPSHOT_INTERVAL_MS); PostgreSQL 15.18, idle: lag 0 in 120 of 120 looks, the position moved twice in 60 s (rule PG-LAG-7).
 */
import type { Bytes, Stage } from '../../src/cluster/log/index.ts'
import { SECOND, type Us } from '../../src/kernel/index.ts'
import type { Server } from './server.ts'

const LUMP_US: Us = 15 * SECOND
/** A jump smaller than this is rounding. */
const JUMP_BYTES = 0.5

/** How far the log goes that this server knows of, without the trickle since the latest lump; undefined while clients write, or nobody. */
function toldEnd(server: Server): Bytes | undefined {
  const { sim, options } = server.world
  const written = server.copy.root().curves.receive
  const quietPerUs = ((options.backgroundWalKBps * 1000) / SECOND) * 1.5
  let i = written.index(sim.now)
  const slope = written.slope[i] as number
  if (slope > quietPerUs || slope === 0) return undefined
  // Quiet since: back to where clients wrote, or somebody wrote at once.
  for (; i > 0; i--) {
    if ((written.slope[i - 1] as number) > quietPerUs) break
    const at = written.start[i] as number
    if (written.by(i, at) - written.by(i - 1, at) > JUMP_BYTES) break
  }
  const sinceUs = Math.max(written.start[i] as number, Math.floor(sim.now / LUMP_US) * LUMP_US)
  return Math.ceil(written.valueAt(Math.min(sinceUs, sim.now)))
}

/** A position that a server tells of itself, or of somebody who follows it: `actual` but for the trickle since the latest lump. */
export function toldLsn(server: Server, actual: Bytes): Bytes {
  const end = toldEnd(server)
  return end === undefined ? actual : Math.min(actual, end)
}

/** How far this server's own copy has come, as it tells it. */
export function toldStage(server: Server, stage: Stage): Bytes {
  return toldLsn(server, server.copy.lsn(stage))
}
