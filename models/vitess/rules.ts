/** The rules of the Vitess model: each has an id, a source and a test. The README's table is `rulesTable()`. */
import type { Rule } from '../../src/engine.ts'

const rows: readonly (readonly [string, string, string, string])[] = [
  ['VT-TOPO-1', 'Queries do not need the topo server. What needs a lock (reparents, VTOrc’s recoveries) fails or waits while it is away, and a tablet that starts waits for it.', 'facts VT-F02', 'topo'],
  ['VT-TOPO-2', 'The shard record names the primary; the newest term wins. A primary that reads of a newer one steps down.', 'facts VT-F26', 'topo'],
  ['VT-TABLET-1', 'A tablet that comes up does what the shard record says: it goes on as the primary, or replicates from it.', 'vttablet tm_init.go; facts VT-F01', 'tablet'],
  ['VT-TABLET-2', 'Ready is healthy: a primary that serves, a replica that replicates without errant transactions. Version, lag of seconds and cold caches do not count.', 'facts VT-F04, VT-F05', 'tablet'],
  ['VT-TABLET-3', 'vttablet and mysqld are two processes: without its vttablet a mysqld goes on replicating and being replicated from, and no query reaches it.', 'facts VT-F43', 'tablet'],
  ['VT-TABLET-4', 'After a start commits are coldCacheFactor times slower; that wears off with coldCacheSeconds.', 'facts §6, VT-T06', 'tablet'],
  ['VT-TABLET-5', 'On a machine that is n times slower a replica applies and a primary commits n times more slowly, as long as the machine is slow.', 'judgement: applying and committing compute; as PG-PACE-1', 'tablet'],
  ['VT-REPL-1', 'A source whose process is gone is noticed at once, a silent one after replica_net_timeout; until then the replica says that it replicates.', 'facts VT-F41', 'vtorc'],
  ['VT-SEMI-1', 'The durability policy says who may acknowledge: nobody needs to (none), a replica (semi_sync), a replica or rdonly (…_with_rdonly_ack), a replica of another cell (cross_cell). An acknowledgement is “flushed to the relay log”.', 'facts VT-F21, VT-F23', 'semisync'],
  ['VT-SEMI-2', 'Vitess’s semi-sync never degrades: without anybody to acknowledge, commits hang until somebody does.', 'facts VT-F22, VT-F25', 'semisync'],
  ['VT-SEMI-3', 'Stock MySQL acknowledges by itself after rpl_semi_sync_source_timeout, until an acknowledging replica is level again: what is acknowledged meanwhile is on one tablet.', 'facts VT-F22; dev.mysql.com replication-semisync', 'semisync'],
  ['VT-GTID-1', 'A tablet with transactions that the primary’s history lacks has errant GTIDs: it does not replicate until it is restored. Commits that were in flight when a primary died are such transactions; nobody was told that they succeeded.', 'facts VT-F24, VT-F26', 'emergency'],
  ['VT-VERSION-1', 'An older replica of a newer source is not supported: across series it breaks (seriesBreakP), within one seldom (patchBreakP). An older source of a newer replica is fine.', 'facts VT-F54', 'version'],
  ['VT-VERSION-2', 'A data directory that a newer series has opened is not opened by an older one.', 'facts VT-F54 (MY-DOWN)', 'version'],
  ['VT-BACKUP-1', 'A tablet without data restores the latest backup and catches up; without a backup it stays empty.', 'facts VT-F57', 'tablet'],
  ['VT-PRS-1', 'Until the demotion a planned reparent that fails changes nothing: no lock, an unreachable or unfit candidate, one that does not come near within wait-replicas-timeout.', 'facts §1.2, phases 1–3', 'reparent'],
  ['VT-PRS-2', 'Without --new-primary a REPLICA of the primary’s cell is chosen (any cell if allowed) that answers and is not too far behind: the furthest, whatever its version; from mid-2026 the older version first.', 'facts VT-F16', 'reparent'],
  ['VT-PRS-3', 'A demoted primary says at once that it does not serve. Open transactions get shutdown_grace_period (up to v19 the transaction time-out, from v20 3 s), then they are killed and it is read-only.', 'facts VT-F12, VT-F13', 'reparent'],
  ['VT-PRS-4', 'What fails after the demotion is undone: the old primary serves again, and the outage was as long as the waiting.', 'facts §1.2, phase 5; VT-F11', 'reparent'],
  ['VT-PRS-5', 'The promoted tablet serves at once; its commits wait until the first acknowledging replica follows it.', 'facts §1.2, phases 6–7', 'reparent'],
  ['VT-PRS-6', 'A tablet that does not answer, or restores, is left behind: the command fails after wait-replicas-timeout although the primary has moved.', 'facts VT-F14', 'reparent'],
  ['VT-ERS-1', 'An emergency reparent stops replication everywhere and goes on when all but one have answered; a primary that answers is demoted.', 'facts VT-F20', 'emergency'],
  ['VT-ERS-2', 'If two or more do not answer and one of them could acknowledge for another, it refuses.', 'facts VT-F20; reparentutil replication.go', 'emergency'],
  ['VT-ERS-3', 'Everybody applies what it has received (or it fails); the most advanced that can make progress is promoted.', 'facts VT-F20', 'emergency'],
  ['VT-ORC-1', 'VTOrc sees at its polls (instance-poll-time, then recovery-poll-duration). Up to v19 it leaves a shard alone for 30 s after a recovery.', 'facts VT-F40', 'vtorc'],
  ['VT-ORC-2', 'DeadPrimary: the primary does not answer and no replica that answers replicates from it. Then an emergency reparent.', 'facts VT-F41', 'vtorc'],
  ['VT-ORC-3', 'A primary whose vttablet is gone while its mysqld replicates is not failed over.', 'facts VT-F43', 'vtorc'],
  ['VT-ORC-4', 'It repairs replicas that follow somebody else and primaries that are read-only, and makes tablets with errant GTIDs DRAINED.', 'facts V-ORC', 'vtorc'],
  ['VT-OP-1', 'With External the operator marks pods as scheduled and replaces those that somebody released (or a cascade); with Immediate all, every shard at the same time.', 'facts VT-F51', 'operator'],
  ['VT-OP-2', 'In a shard one tablet at a time: a drained one first, then non-primaries in random order, the primary last.', 'facts VT-F52', 'operator'],
  ['VT-OP-3', 'A tablet that is not Available (Ready for a while) pauses the rollout of its shard for as long as it is not.', 'facts VT-F52', 'operator'],
  ['VT-OP-4', 'A drain is asked for, acknowledged and finished by annotations: at most one is finished in a shard, none while the shard is unhealthy; a primary is reparented first.', 'facts VT-F53', 'operator'],
  ['VT-OP-5', 'With fewer than two tablets that could be primary the primary’s pod is deleted directly.', 'facts VT-F52', 'operator'],
  ['VT-OP-6', 'The operator’s candidate is the furthest REPLICA whose pod is Ready and not draining, whatever its version.', 'facts VT-F53', 'operator'],
  ['VT-GATE-1', 'A vtgate sends writes to the newest primary that says it serves. A process that is gone is noticed at once.', 'facts VT-F04', 'vtgate'],
  ['VT-GATE-2', 'A silent tablet counts as healthy until healthcheck_timeout; queries to it hang meanwhile.', 'facts VT-F04', 'vtgate'],
  ['VT-BUF-1', 'Buffering is off by default. On, requests outside transactions wait while a planned reparent goes on.', 'facts VT-F30, VT-F31', 'buffer'],
  ['VT-BUF-2', 'Statements in transactions and on reserved connections are never buffered.', 'facts VT-F13, VT-F31', 'buffer'],
  ['VT-BUF-3', 'buffer_size is one vtgate’s, for all shards. Full, the shard’s oldest request is turned away for the newest: max(0, rate × stall − size) of an open loop; nobody waits longer than buffer_window.', 'facts VT-F30, VT-F32, VT-F35', 'buffer'],
  ['VT-BUF-4', 'A reparent within buffer_min_time_between_failovers of the last, or seen by a vtgate that has just started, is not buffered; after buffer_max_failover_duration buffering ends.', 'facts VT-F31, VT-F36', 'buffer'],
  ['VT-BUF-5', 'An unplanned failover is not buffered.', 'facts VT-F33', 'buffer'],
  ['VT-BUF-6', 'Clients that wait for their answers never fill a buffer as large as they are many.', 'facts VT-F35', 'buffer'],
]

export const rules: readonly Rule[] = rows.map(([id, statement, source, test]) => ({ id, statement, source, test: `test/vitess/${test}.test.ts` }))

/** The rules as a Markdown table. */
export function rulesTable(): string {
  return ['| rule | statement | source | test |', '|---|---|---|---|', ...rows.map(([id, statement, source, test]) => `| ${id} | ${statement} | ${source} | ${test} |`)].join('\n')
}
