/** The age of the last replayed commit: what pg_last_xact_replay_timestamp() tells, and what it does not. Source: facts §1.4 (E-3, E-4, E-9). */
import { contains } from '../../src/cluster/log/index.ts'
import { SECOND, type Us } from '../../src/kernel/index.ts'
import type { Server } from './server.ts'

/** When the leader made the last commit that this server has replayed; undefined if it has replayed none. Other log counts for nothing. */
function lastCommitUs(server: Server): Us | undefined {
  const { world } = server
  const root = server.copy.root()
  const written = root.curves.receive
  const atUs = written.reaches(server.copy.lsn('apply'), written.start[0] as number)
  const backgroundPerUs = (world.options.backgroundWalKBps * 1000) / SECOND
  let us: Us | undefined
  for (let i = written.index(Math.min(atUs, world.sim.now)); i >= 0; i--) {
    // What flows faster than the background are clients' transactions.
    if ((written.slope[i] as number) <= backgroundPerUs * 1.5) continue
    us = Math.floor(Math.min(atUs, i + 1 < written.start.length ? (written.start[i + 1] as number) : world.sim.now, world.sim.now))
    break
  }
  const applied = server.copy.position('apply')
  for (let i = world.commits.length - 1; i >= 0; i--) {
    const commit = world.commits[i] as { at: typeof applied; atUs: Us }
    if (us !== undefined && commit.atUs <= us) break
    if (contains(applied, commit.at)) return commit.atUs
  }
  return us
}

/** The same for this incarnation: undefined when it has replayed no commit since it started (rules PG-LAG-1…3). */
export function replayedXactUs(server: Server): Us | undefined {
  const us = lastCommitUs(server)
  return us === undefined || us <= server.replaysFromUs ? undefined : us
}
