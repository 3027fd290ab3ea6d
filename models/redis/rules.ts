import type { Rule } from '../../src/engine.ts'

/** Every rule of the Redis model. README.md prints this list; a test keeps the two, and the comments that cite it, equal. */
const rule = (id: string, statement: string, source: string, test: string): Rule => ({ id, statement, source, test: `test/redis/${test}.test.ts` })

export const rules: readonly Rule[] = [
  rule('RD-SLOT-1', 'A key belongs to slot CRC16(key or its hash tag) mod 16384; --cluster create deals the slots out in equal contiguous ranges.', 'cluster-spec; facts §1', 'cli'),
  rule('RD-SLOT-2', 'A slot is owned by the claimer with the greatest configEpoch; a stale claimer is told so, and who lost its last slot follows whoever took it.', 'facts F01; clusterUpdateSlotsConfigWith', 'failover'),
  rule('RD-LAYOUT-1', '--cluster create makes the first nodes masters and deals the replicas out from a list turned by one: of six, 4 follows 0, 5 follows 1, 3 follows 2.', 'facts §0 [M cc.py]', 'cli'),
  rule('RD-BUS-1', 'Each node pings, ten ticks apart, the one of five random peers whose answer is oldest, and at each tick whoever has not answered for half the node time-out.', 'clusterCron; facts §1', 'failover'),
  rule('RD-BUS-2', 'A node suspects a peer (PFAIL) when a ping is pending, and nothing has been heard from it, for the node time-out; anything heard counts.', 'clusterCron; facts §1', 'failover'),
  rule('RD-BUS-3', 'A heartbeat carries max(3, N/10) random peers and all suspected ones; pongs heard of by others count in whole seconds.', 'clusterSendPing; facts §1.2', 'failover'),
  rule('RD-BUS-4', 'A link that was lost is opened again at the next tick; what was lost on a link that stays is sent again.', 'clusterCron; facts C13, C9', 'restart'),
  rule('RD-BUS-5', 'A packet of an unknown node is answered and otherwise ignored.', 'clusterProcessPacket', 'forget'),
  rule('RD-BUS-6', 'Ticks in which nothing is silent or changing can be left out and made up for: nothing differs.', 'property', 'lazy'),
  rule('RD-FAIL-1', 'A node is FAIL when a majority of masters with slots suspects it, reports being good for twice the node time-out; everybody is told at once.', 'markNodeAsFailingIfNeeded; facts §1', 'failover'),
  rule('RD-FAIL-2', 'FAIL ends when the node answers: at once for a replica, for a master with slots only after twice the node time-out without a successor.', 'clearNodeFailureIfNeeded; facts §1', 'partition'),
  rule('RD-STATE-1', 'A node answers CLUSTERDOWN while a slot has no owner or a FAIL one (with full coverage), or while fewer than a majority of masters are reachable; suspicion of one alone stops nothing.', 'clusterUpdateState; facts F17', 'failover'),
  rule('RD-STATE-2', 'A master that has just started is not ok for 2 s: an outage by restart is the restart plus 2 s.', 'CLUSTER_WRITABLE_DELAY; facts C7', 'restart'),
  rule('RD-STATE-3', 'A master that comes back from a minority waits min(max(node time-out, 0.5 s), 5 s) before it is ok again.', 'clusterUpdateState; facts §1', 'partition'),
  rule('RD-ELECT-1', 'A replica of a FAIL master stands 0.5–1.0 s later, plus 1 s for each replica of the same master with more data; manually, at once.', 'clusterHandleSlaveFailover; facts §1', 'failover'),
  rule('RD-ELECT-2', 'Rank goes by the replication offsets that peers last reported.', 'clusterGetSlaveRank', 'failover'),
  rule('RD-ELECT-3', 'A replica whose data is older than repl-ping-replica-period + validity factor × node time-out (after the time-out itself) does not stand by itself; one that never had a link does not either.', 'clusterHandleSlaveFailover; facts §1, F16', 'replication'),
  rule('RD-ELECT-4', 'A master with slots gives one vote an epoch, to a replica it knows, of a master that is FAIL (or when forced by a manual failover), not twice for one master within twice the node time-out, and not against a newer configEpoch.', 'clusterSendFailoverAuthIfNeeded; facts §1', 'failover'),
  rule('RD-ELECT-5', 'A vote travels on the voter’s own link; where that is down, after a changed address say, it is lost in silence.', 'clusterSendFailoverAuth; facts C13', 'restart'),
  rule('RD-ELECT-6', 'The winner takes its master’s slots under a new configEpoch and tells everybody; other masters and replicas follow within milliseconds.', 'clusterFailoverReplaceYourMaster', 'failover'),
  rule('RD-ELECT-7', 'With cluster-replica-no-failover a replica does not stand by itself, but to a manual failover; its packets say so (`nofailover`), and it counts in nobody’s rank.', 'redis.conf; clusterHandleSlaveFailover, clusterGetSlaveRank', 'failover'),
  rule('RD-MANUAL-1', 'CLUSTER FAILOVER is asked of a replica: its master holds writes, the replica waits for the offset and is elected at once; after 5 s all is called off. OK means that it was begun.', 'facts F03, F05, C2', 'failover'),
  rule('RD-MANUAL-2', 'Sent to a master, or to a replica whose master is down or unknown, it is an error; redis-cli exits 0.', 'facts F04 [M]', 'cli'),
  rule('RD-MANUAL-3', 'FORCE asks the master for nothing but needs the votes; TAKEOVER needs neither and takes an epoch of its own.', 'facts F04; docs cluster-failover', 'failover'),
  rule('RD-MANUAL-4', 'What an election left (time, votes) stays until the process ends: asked again within four times the node time-out it fails after a 5 s write pause; within twice, stale votes make it master for a moment.', 'facts C3, T09 [M e20]', 'failover'),
  rule('RD-PAUSE-1', 'CLIENT PAUSE lets writes wait, or by default every command, CLIENT UNPAUSE and the probe’s ping among them; the bus, replication, redirections and errors go on. Asked again it lasts until the later end and holds back the more of the two. Where only writes wait, reads are answered: so in a manual failover and at a shutdown.', 'networking.c pauseActions; server.c processCommand; docs client-pause', 'pause'),
  rule('RD-FORGET-1', 'FORGET takes a node out of one table and bans it there for 60 s; replication links are not touched.', 'facts F06', 'forget'),
  rule('RD-FORGET-2', 'Up to 7.0 the others still know it, and gossip brings it back when the ban is over: after 60–66 s.', 'facts C4 [M]', 'forget'),
  rule('RD-FORGET-3', 'A master with slots is forgotten as readily: its slots are nobody’s there, and with full coverage that node is down until gossip brings it back.', 'facts F06, C5 [M]', 'forget'),
  rule('RD-FORGET-4', 'From 7.2 on heartbeats carry the ban: within seconds everybody forgets, but for the node itself and replicas of it.', 'facts F07, C4 [M]', 'forget'),
  rule('RD-MEET-1', 'MEET makes two nodes known to each other within some ticks; whoever did not know anybody joins as a master without slots.', 'facts F08', 'forget'),
  rule('RD-MEET-2', 'Up to 7.0 a MEET ends a ban by itself; from 7.2 on the others’ bans undo it within about a second.', 'facts §0 [M e7]', 'forget'),
  rule('RD-ID-1', 'Identity is the id in nodes.conf: without that file a process is a new, empty node.', 'facts F09, T11', 'restart'),
  rule('RD-ID-2', 'A known id at a new address: peers learn it from its pings, and its replicas follow it there; its own view of its address stays old until somebody meets it or it is announced.', 'facts F09 [M e11]', 'restart'),
  rule('RD-ID-3', 'Another id at a known address: the old node is without an address, never FAIL, never replaced, and its replica copies the stranger’s emptiness.', 'facts F11 [M e11]', 'restart'),
  rule('RD-LOAD-1', 'While it loads its data at its start a process answers LOADING, is Ready, and takes no part in the bus.', 'clusterAcceptHandler; facts F18', 'restart'),
  rule('RD-READY-1', 'The usual probe, redis-cli ping, passes whatever the role, the link and the slots, and while loading too.', 'facts F18, T16', 'restart'),
  rule('RD-EMPTY-1', 'A master that comes back within the node time-out without data is master of its slots again, and its replicas copy its emptiness.', 'facts F12, C7 [M e30]', 'restart'),
  rule('RD-STOP-1', 'From 7.0 on SIGTERM holds writes until the replicas have everything (10 s at most), then saves if there are save points.', 'prepareForShutdown; facts §0', 'restart'),
  rule('RD-PERSIST-1', 'A clean stop writes an RDB if there are save points; a kill leaves the last one.', 'redis.conf; facts §0', 'restart'),
  rule('RD-PERSIST-2', 'With appendonly the next process loads the append-only file and nothing else.', 'redis.conf', 'replication'),
  rule('RD-PERSIST-3', 'Background saves come round every so many seconds in which enough changed.', 'redis.conf', 'restart'),
  rule('RD-PERSIST-4', 'The file of a full synchronisation stays on the replica’s volume, save points or not.', 'facts F13', 'replication'),
  rule('RD-REPL-1', 'Replication is asynchronous: a write is acknowledged by the master alone.', 'facts §0', 'partition'),
  rule('RD-REPL-2', 'A replica that comes back goes on from its offset if that is in its master’s history and the backlog still has what follows. A replica without a link of its own serves no other.', 'facts F14, C12 [M X5]', 'replication'),
  rule('RD-REPL-3', 'An append-only file remembers no offset: after a start from it everything is copied.', 'facts F14, C12 [M X5]', 'replication'),
  rule('RD-REPL-4', 'A full synchronisation begins repl-diskless-sync-delay (5 s) after it was asked for.', 'facts §1, F14 [M]', 'replication'),
  rule('RD-REPL-5', 'The replica serves its old data until the new has arrived, then throws it away and loads.', 'replication.c readSyncBulkPayload', 'replication'),
  rule('RD-REPL-6', 'min-replicas-to-write refuses writes while fewer replicas are linked and fresh: with one replica, for as long as that restarts.', 'facts F19 [M X6]', 'replication'),
  rule('RD-WAIT-1', 'WAIT counts replicas that have what its own connection wrote: one that wrote nothing counts those whose link is up; it takes nothing back.', 'facts F19; waitCommand', 'cli'),
  rule('RD-REPL-7', 'The address that a replica follows is the one its table had when it was told to follow: what it learns by gossip later changes the table, not the link, until CLUSTER REPLICATE says it again.', 'clusterProcessGossipSection, clusterSetMaster', 'replication'),
  rule('RD-VERSION-1', 'A newer replica follows an older master.', 'facts F15 [M X3]', 'replication'),
  rule('RD-VERSION-2', 'An older replica goes on from its offset with a newer master, but cannot read its RDB: a full synchronisation empties it and is tried for ever.', 'facts F15, C14 [M X3]', 'replication'),
  rule('RD-MIGRATE-1', 'A master that lost its last replica for 5 s gets one from a master with several, unless the last one was sent elsewhere on purpose.', 'clusterHandleSlaveMigration; facts §1', 'failover'),
  rule('RD-CLIENT-1', 'A client takes the slot map of any node; a node that does not answer, or an address in the map that does not, costs a connection time-out.', 'cluster-spec; facts §11', 'restart'),
  rule('RD-CLIENT-2', 'MOVED is followed, what waits is not lost; CLUSTERDOWN, LOADING and NOREPLICAS are errors at once.', 'facts F18', 'failover'),
  rule('RD-CLI-1', 'redis-cli prints an error that the server answers and exits 0; 1 only with -e, or when it cannot connect.', 'facts §0, K08 [M e1]', 'cli'),
  rule('RD-DEBUG-1', 'DEBUG is refused from 7.0 on unless the configuration file allows it, which it does not by default; before that DEBUG SLEEP stops the whole process, its bus too, for so long.', 'server.c processCommand, allowProtectedAction; config.c enable-debug-command; debug.c', 'pause'),
  rule('RD-CLI-2', 'CLUSTER NODES shows addresses, not pod names, unless cluster-announce-hostname is set.', 'facts T01 [M]', 'cli'),
  rule('RD-CLI-3', '--cluster add-node brings an empty node in with MEET, on request as a replica; del-node has everybody forget a node without slots, and resets it.', 'redis-cli.c clusterManagerCommandAddNode, clusterManagerCommandDeleteNode', 'cli'),
]

/** The list as README.md prints it. */
export function rulesTable(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const rows = rules.map(r => `| ${r.id} | ${cell(r.statement)} | ${cell(r.source)} | ${r.test.replace('test/redis/', '').replace('.test.ts', '')} |`)
  return ['| rule | statement | source | test |', '|---|---|---|---|', ...rows].join('\n')
}
