/** Who is synchronous, and what a commit waits for. Source: facts §1.1, §1.2 (E-1, E-2, E-10). */
import { clientsLogin } from './access.ts'
import type { Stage } from '../../src/cluster/log/index.ts'
import type { Walsender } from './replication.ts'
import type { Server } from './server.ts'

export type SyncState = 'async' | 'potential' | 'sync' | 'quorum'

/** The place of a standby in the list (from 1; in one of ANY all have the first), 0 when it is not named. `*` matches everybody (rule PG-SYNC-2). */
export function syncPriority(server: Server, sender: Walsender): number {
  const { syncNames } = server
  if (syncNames === undefined) return 0
  const i = syncNames.names.findIndex(n => n === '*' || n === sender.applicationName.toLowerCase())
  return syncNames.method === 'ANY' ? Math.min(1, i + 1) : i + 1
}

/** The standbys that take part, by priority: only directly connected, streaming ones count (rule PG-SYNC-1). */
function candidates(server: Server): Walsender[] {
  return server.walsenders
    .filter(s => s.state === 'streaming' && syncPriority(server, s) > 0)
    .sort((a, b) => syncPriority(server, a) - syncPriority(server, b) || a.pid - b.pid)
}

/** What pg_stat_replication shows as sync_state. */
export function syncState(server: Server, sender: Walsender): SyncState {
  const names = server.syncNames
  if (names === undefined || syncPriority(server, sender) === 0) return 'async'
  if (names.method === 'ANY') return candidates(server).includes(sender) ? 'quorum' : 'potential'
  return candidates(server).indexOf(sender) < names.k && candidates(server).includes(sender) ? 'sync' : 'potential'
}

/**
 * The standbys whose word counts now, and how many of them are needed. Undefined = local flush is enough. `level` is the synchronous_commit
 * of the session, where it has its own: anyone may opt out (rule PG-ACK-3). It names the stage (PG-ACK-7). Which k of ANY answered is
 * nobody's knowledge (PG-ACK-6).
 */
export function quorum(server: Server, ownLevel?: string): { readonly k: number; readonly members: readonly Walsender[]; readonly stage: Stage } | undefined {
  const level = ownLevel ?? server.settings.synchronous_commit ?? 'on'
  if (server.syncNames === undefined || level === 'off' || level === 'local') return undefined
  const stage: Stage = level === 'remote_write' ? 'receive' : level === 'remote_apply' ? 'apply' : 'flush'
  const { method, k } = server.syncNames
  const all = candidates(server)
  return { k, members: method === 'ANY' ? all : all.slice(0, k), stage }
}

/** Puts the rule in force on the log. Called whenever a standby comes, goes or changes state, and on reload (rule PG-SYNC-3). */
export function applySynchronousStandbys(server: Server): void {
  if (!server.copy.leading) return
  const rule = quorum(server)
  server.copy.acknowledge(rule === undefined ? null : { k: rule.k, members: rule.members.map(s => s.standby.copy), stage: rule.stage })
  server.world.sim.touch()
}

/** Whether a commit on this server would be acknowledged at the declared durability: enough of the standbys whose word counts can answer. */
export function canAcknowledge(server: Server): boolean {
  if (!server.copy.leading || server.paused || server.readOnlyDefault || server.broken) return false
  // Who is in may go on, whatever new ones are told (rule PG-ACCESS-2).
  if (!takesNewWriters(server) && ![...server.backends].some(backend => backend.writes === true)) return false
  const rule = quorum(server)
  if (rule === undefined) return true
  return rule.members.filter(s => !s.frozen && !(rule.stage === 'apply' && s.standby.replayPaused)).length >= rule.k
}

/** Whether a client that logs in now is let in, and may write. */
export function takesNewWriters(server: Server): boolean {
  const { access } = server.world
  return !access.any || (access.refusal(server, clientsLogin(server)) === undefined && access.readOnly(server, clientsLogin(server)) !== true)
}
