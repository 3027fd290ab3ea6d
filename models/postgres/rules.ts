import type { Rule } from '../../src/engine.ts'

/** Every rule of the PostgreSQL and PgBouncer models. README.md prints this list; a test keeps the two, and the comments that cite it, equal. */
const rule = (id: string, statement: string, source: string, test: string): Rule => ({ id, statement, source, test: `test/postgres/experiments/${test}.test.ts` })

const postgresRules: readonly Rule[] = [
  rule('PG-ACK-1', 'A commit is flushed here, then waits for the synchronous standbys, then is acknowledged. It is irrevocable from the flush on: cancel, terminate, a dead client, shutdown and restart all leave it committed.', 'facts §1.1; E-2', 'e02'),
  rule('PG-ACK-2', 'While it waits its rows are invisible on the primary and visible on any standby that has replayed them. The wait is the backend’s: it goes on when the client has gone.', 'facts §1.1; E-2, E-6', 'e02'),
  rule('PG-ACK-3', 'Reads and rollbacks never wait, and a session may opt out by its own synchronous_commit.', 'facts §1.1; E-2/F; D:warm-standby 27.2.8', 'e02'),
  rule('PG-ACK-4', 'A cancelled wait answers with the success tag and a warning: an acknowledged write that no standby confirmed.', 'facts §1.1; E-2', 'e02'),
  rule('PG-ACK-5', 'statement_timeout ends a statement that works or sleeps, not one that waits for standbys.', 'facts §0.1; E-2', 'e02'),
  rule('PG-ACK-6', 'ANY k says that k hold a write, not which; FIRST k says which. Promoting one that was not asked loses what it lacks; the furthest of N−k+1 loses nothing.', 'facts §1.2; E-5 L4–L7', 'e05'),
  rule('PG-ACK-7', 'synchronous_commit names the stage: remote_write received, on flushed, remote_apply replayed (a paused replay then hangs commits).', 'facts §1.1; E-12', 'e10'),
  rule('PG-SYNC-1', 'Only directly connected standbys in state streaming take part.', 'facts §1.2; E-1', 'e01'),
  rule('PG-SYNC-2', 'A standby is named by its application_name (cluster_name, else walreceiver), case-insensitively; `*` names everybody. sync_state: quorum for ANY; sync for the first k, potential for the rest; async for who is not named.', 'facts §1.2; E-1', 'e01'),
  rule('PG-SYNC-3', 'Fewer than k of them: every commit hangs, without a time-out and without degrading. When one leaves or comes the rule is applied anew at once.', 'facts §1.2; E-1, E-10/G3', 'e01'),
  rule('PG-SYNC-4', 'A name with a hyphen needs double quotes. A syntax error keeps the old value on reload and stops the next start.', 'facts §1.2; E-12', 'e10'),
  rule('PG-SYNC-5', 'The setting is each server’s own: a shared file makes a promoted primary demand a quorum that nobody gives yet.', 'facts §1.2; E-6/E16', 'e06'),
  rule('PG-SYNC-6', 'A standby that is silent without closing its connection counts on until wal_sender_timeout: FIRST stalls that long, ANY takes the other.', 'facts §1.2; E-10 G, G2', 'e10'),
  rule('PG-STANDBY-1', 'A standby answers reads and refuses writes (25006); SELECT 1 and version() tell nothing.', 'facts §1.4; E-3', 'e03'),
  rule('PG-PROMOTE-1', 'A promotion takes 20–24 ms once all is replayed (pg_ctl, which polls, 103–136 ms); it asks nobody whether the old primary is dead.', 'facts §1.3; E-3, E-10; real-measurements promote', 'e03'),
  rule('PG-PROMOTE-2', 'First everything received is replayed, a paused replay included; pg_ctl gives up at its time-out with status 1 while the promotion goes on.', 'facts §1.3; E-6', 'e06'),
  rule('PG-PROMOTE-3', 'The new timeline is the old plus one and forks where replay ended; what the old primary has beyond is another branch.', 'facts §1.3', 'e03'),
  rule('PG-PROMOTE-4', 'On what is no standby it fails (status 1, “not in standby mode”).', 'facts §1.3; E-3', 'e03'),
  rule('PG-FOLLOW-1', 'A standby without upstream tries again every wal_retrieve_retry_interval (5 s).', 'D:runtime-config-replication; E-10', 'e10'),
  rule('PG-FOLLOW-2', 'Another primary_conninfo or slot takes effect by reload: streaming 35–124 ms later.', 'facts §1.3; E-10/F', 'e04'),
  rule('PG-FOLLOW-3', 'A standby whose history is not its upstream’s never streams: it tries for ever, is in pg_stat_replication as `startup`, is Ready and serves stale reads.', 'facts §1.3; E-4/T2, E-10/B', 'e04'),
  rule('PG-FOLLOW-4', 'The host in primary_conninfo is resolved at each attempt: a Service leads wherever it points by then.', 'facts §6 K4', 'e10'),
  rule('PG-FOLLOW-5', 'An old primary that was stopped cleanly, and whose standby had all of it when it was promoted, follows it without rewind.', 'facts §1.3; E-4/T5, E-13', 'e04'),
  rule('PG-FOLLOW-6', 'A stream needs one system identifier and one major version.', 'facts §1.7, §6.4', 'e10'),
  rule('PG-FOLLOW-7', 'Standbys may follow standbys: one that is ahead of its upstream is refused until that has caught up; after a promotion it follows on the new timeline by itself.', 'facts §1.3; D:warm-standby 27.2.7', 'e10'),
  rule('PG-REWIND-1', 'pg_rewind wants its target stopped cleanly.', 'facts §1.3; D:app-pgrewind', 'e04'),
  rule('PG-REWIND-2', 'It wants wal_log_hints or checksums.', 'facts §1.3; E-4/T3', 'e04'),
  rule('PG-REWIND-3', 'It erases what diverged (about 0.8 s on a small database); interrupted, it leaves the target unusable.', 'facts §1.3; E-4/T4; real-measurements pg_rewind', 'e04'),
  rule('PG-REWIND-4', 'It takes over the source’s configuration; only -R writes standby.signal and primary_conninfo.', 'facts §1.3', 'e04'),
  rule('PG-LAG-1', 'pg_last_xact_replay_timestamp() is NULL on a server that has replayed no commit since it started: a primary, or a restarted standby.', 'facts §1.4; E-3, E-4, E-9', 'e03'),
  rule('PG-LAG-2', 'On a promoted primary it is the last commit replayed before: the “lag” grows for ever.', 'facts §1.4; E-3', 'e03'),
  rule('PG-LAG-3', 'On an idle standby that has everything the “lag” grows by a second a second.', 'facts §1.4; E-3', 'e03'),
  rule('PG-LAG-4', 'pg_stat_replication lists who follows this server; on a leaf it is empty.', 'facts §1.4; E-3', 'e03'),
  rule('PG-LAG-5', 'replay_lag is NULL when everything is replayed; the bytes between pg_current_wal_lsn() and replay_lsn are the true gap.', 'facts §1.4; D:monitoring-stats', 'e03'),
  rule('PG-READY-1', 'pg_isready says “accepts connections”: true for lagging, diverged and wrong-role servers, false in crash recovery and while stopping.', 'facts §1.4; E-3, E-4, E-6, E-9', 'e06'),
  rule('PG-READY-2', 'A role-aware probe (K6) is Ready only as primary or while streaming.', 'facts §6 K6', 'others'),
  rule('PG-STOP-1', 'SIGTERM is a smart shutdown: new sessions are refused, and it ends with the last old one.', 'facts §1.5; E-6', 'e06'),
  rule('PG-STOP-2', 'SIGINT is a fast one: sessions get 57P01, dirty buffers are written, the connected standbys get everything; then the control file says “shut down”.', 'facts §1.5; E-5 L2, E-11', 'e05'),
  rule('PG-STOP-3', 'It waits for a silent standby up to wal_sender_timeout and then is “clean” all the same: only comparing positions tells what that standby lacks.', 'facts §1.5; E-5 L8, E-10/J', 'e10'),
  rule('PG-STOP-4', 'SIGQUIT, SIGKILL and power loss stop at once: what no standby had received is lost if another is promoted, nothing if it comes back.', 'facts §1.5; E-5 L1; real-measurements restart', 'e05'),
  rule('PG-STOP-5', 'The image’s STOPSIGNAL decides (K7): with TERM a pod with clients is refused connections for the grace period and then killed.', 'facts §1.5; K8s pod-lifecycle', 'others'),
  rule('PG-START-1', 'recovery.conf, an unreadable configuration or a half-written PGDATA: the server does not start.', 'facts §1.3, §6.5; E-6, E-12', 'e06'),
  rule('PG-START-2', 'Without standby.signal a server starts as primary of its own timeline, whatever happened meanwhile, and is Ready.', 'facts §1.3; E-4/T1', 'e04'),
  rule('PG-START-3', 'standby.signal and primary_conninfo in PGDATA act at the next start, not before: a fence by construction.', 'facts §9 E-15', 'e04'),
  rule('PG-START-4', 'Children of a postmaster that was killed alone hold its lock file and memory for about a second; in a container of its own all die together.', 'real-measurements restart_kill9', 'e11'),
  rule('PG-START-5', 'A start takes about 0.1 s after a clean stop; after a crash the WAL since the last checkpoint is redone first.', 'facts §1.5; E-6', 'e06'),
  rule('PG-CHECKPOINT-1', 'A checkpoint writes the dirty buffers (at most shared_buffers) at the disk’s rate, and the stop after it is short. By themselves they come every checkpoint_timeout or half of max_wal_size.', 'facts §1.5; E-11', 'e11'),
  rule('PG-WAL-1', 'WAL before the last checkpoint is recycled: who needs it gets “already removed”, never streams again, and is Ready.', 'facts §1.6; E-9', 'e08'),
  rule('PG-WAL-2', 'wal_keep_size keeps that much more.', 'facts §1.6', 'e08'),
  rule('PG-WAL-3', 'A standby that finds all it needs goes on where it was.', 'facts §1.6', 'e08'),
  rule('PG-SLOT-1', 'A slot keeps WAL for its standby, without limit unless max_slot_wal_keep_size is set.', 'facts §1.6; E-9', 'e08'),
  rule('PG-SLOT-2', 'Slots are not replicated: one that the new primary lacks keeps its standby from streaming.', 'facts §1.3; E-12', 'e10'),
  rule('PG-SLOT-3', 'wal_status: reserved, extended (beyond max_wal_size), unreserved (beyond its limit), lost at the next checkpoint.', 'facts §1.6; D:view-pg-replication-slots; E-9', 'e08'),
  rule('PG-CLONE-1', 'An image that clones fills an empty volume from the primary, as its script knows it, before the server starts (K3).', 'facts §6 K3', 'others'),
  rule('PG-CLONE-2', 'The stock image on an empty volume initialises an independent cluster with a system identifier of its own, Ready and writable.', 'facts §3; PG-T12', 'others'),
  rule('PG-CLONE-3', 'A base backup takes a checkpoint (spread: up to 0.9 × checkpoint_timeout) plus size ÷ rate.', 'facts §1.6; E-11; real-measurements pg_basebackup', 'e11'),
  rule('PG-CONF-1', 'A reload stops no writes, and one wrong line leaves everything as it was.', 'facts §1.2; E-12; PG-T46', 'e10'),
  rule('PG-CONF-2', 'A value in double quotes is a syntax error.', 'facts §0.1; E-12', 'e10'),
  rule('PG-DATA-1', 'Nothing keeps a second postmaster in another container off the same PGDATA: both write, and nothing is logged.', 'facts §1.5; E-7', 'e06'),
  rule('PG-DISK-1', 'A full volume is a PANIC, again at each restart, until there is room.', 'facts §1.6', 'others'),
  rule('PG-EXEC-1', 'As root pg_ctl refuses and psql knows no such role (K2).', 'facts §3; E-14', 'e11'),
  rule('PG-ROUTE-1', 'An established connection stays on its server whatever the Service selects; only new ones follow it.', 'facts §3; kubernetes/kubernetes#100698', 'others'),
  rule('PG-VERSION-1', 'A floating tag gives whoever pulls anew the newer minor version (K14): members differ, which is discouraged where the primary is the newer, and forbidden only across majors.', 'facts §1.7; PG-T65', 'others'),
]

const pgbouncerRules: readonly Rule[] = [
  rule('PGB-PAUSE-1', 'PAUSE returns when all server connections are released: at the end of the longest open transaction, in session pooling of the longest session. It has no time-out of its own.', 'facts §2; E-8/E', 'e08'),
  rule('PGB-PAUSE-2', 'Meanwhile queries queue, and the server may go and come; after RESUME they run, without an error.', 'facts §2; E-8 D, F', 'e08'),
  rule('PGB-PAUSE-3', 'Who has queued for query_wait_timeout (120 s) is disconnected with that error.', 'facts §2; E-8/D', 'e08'),
  rule('PGB-LOGIN-1', 'After a failed login clients get an error at once until server_login_retry (15 s) is over, also when the server is back.', 'facts §2; E-8/G', 'e08'),
  rule('PGB-CONF-1', 'RELOAD of a file without its main section applies [databases] and tells only the log.', 'facts §2; E-8, E-9', 'e08'),
  rule('PGB-CONF-2', 'With such a file the process does not start.', 'facts §2; E-9', 'e08'),
  rule('PGB-CONF-3', 'A changed file alone does nothing: somebody must RELOAD (K11).', 'facts §2; E-8/A', 'e08'),
  rule('PGB-LIMIT-1', 'max_db_connections limits server connections; 0 means no limit, and pauses nothing.', 'facts §2; E-8; PG-T24', 'e08'),
  rule('PGB-MODE-1', 'Statement pooling refuses BEGIN.', 'facts §2; E-8/B', 'e08'),
  rule('PGB-MANY-1', 'Every process has its own console: a PAUSE of one pauses one.', 'facts §2', 'e08'),
  rule('PGB-RECONNECT-1', 'Server connections stay where they are until server_lifetime, RECONNECT, or a RELOAD with another host.', 'facts §2; PG-T32', 'e08'),
  rule('PGB-CONSOLE-1', 'The console refuses a second PAUSE and a RESUME of what is not paused; DISABLE refuses new clients.', 'facts §2; real-measurements pgbouncer', 'e08'),
]

export const rules: readonly Rule[] = [...postgresRules, ...pgbouncerRules]

/** The list as README.md prints it. */
export function rulesTable(of: readonly Rule[] = rules): string {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const rows = of.map(r => `| ${r.id} | ${cell(r.statement)} | ${cell(r.source)} | ${r.test.replace('test/postgres/experiments/', '').replace('.test.ts', '')} |`)
  return ['| rule | statement | source | test |', '|---|---|---|---|', ...rows].join('\n')
}
