import type { Family, SourceDefect } from '../defect.ts'

const rule = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `rule-rd-${id}`, what, patches: [{ file: `models/redis/${file}`, find, replace }], tests: tests.map(t => `test/redis/${t}.test.ts`) })

export const redisRules: Family = {
  name: 'redis-rules',
  title: 'Rules of the Redis model',
  defects: [
    rule('no-writable-delay', 'a restarted master is ok at once', 'state.ts', 'nowUs - server.stateSinceUs < WRITABLE_DELAY_US', 'nowUs - server.stateSinceUs < 0', 'restart'),
    rule('no-rejoin-delay', 'a master back from a minority is ok at once', 'state.ts', 'if (nowUs - server.minorityUs < delayUs) return', 'if (nowUs - server.minorityUs < 0) return', 'partition'),
    rule('election-forgotten', 'an election is forgotten after a moment', 'failover.ts', 'if (age > 2 * authTimeoutUs) {', 'if (age > 0.01 * authTimeoutUs) {', 'failover'),
    rule('pfail-early', 'a node is suspected after half the node time-out', 'cron.ts', 'Math.max(peer.pingSentUs, peer.dataUs) > timeoutUs', 'Math.max(peer.pingSentUs, peer.dataUs) > timeoutUs / 2', 'failover'),
    rule('quorum-of-one', 'one vote is a majority', 'table.ts', 'return Math.floor(this.size / 2) + 1', 'return 1', 'failover', 'partition'),
    rule('no-ban', 'gossip brings a forgotten node back at once', 'gossip.ts', ' || to.blacklist.has(about.id)', '', 'forget'),
    rule('ban-not-spread', 'a ban stays with one node in 7.2, too', 'receive.ts', 'from.version >= 702 && to.version >= 702', 'from.version >= 9902', 'forget'),
    rule('ban-spread-early', 'bans are spread in 7.0 already', 'receive.ts', 'from.version >= 702 && to.version >= 702', 'from.version >= 600', 'forget'),
    rule('noaddr-keeps-its-address', 'a stranger at a known address changes nothing', 'receive.ts', 'via.noaddr = true', 'via.noaddr = false', 'restart'),
    rule('aof-resumes', 'after a start from the append-only file a replica goes on from its offset', 'replication.ts', '!replica.resumable || ', '', 'replication'),
    rule('backlog-without-end', 'the backlog has everything', 'replication.ts', 'return replica.offset >= backlogStart(master, master.offset)', 'return replica.offset >= Math.min(0, backlogStart(master, master.offset))', 'replication'),
    rule('no-diskless-delay', 'a full synchronisation begins at once', 'replication.ts', 'master.world.options.replDisklessSyncDelaySeconds * SECOND', 'master.world.options.replDisklessSyncDelaySeconds * 0 * SECOND', 'replication'),
    rule('reads-any-rdb', 'an old replica reads the RDB of any version', 'replication.ts', 'if (rdbVersion(master.host.version) > rdbVersion(replica.host.version)) {', 'if (rdbVersion(master.host.version) > 99 + rdbVersion(replica.host.version)) {', 'replication'),
    rule('min-replicas-ignored', 'min-replicas-to-write refuses nothing', 'entrances.ts', 'if (server.goodReplicas < server.minReplicas) return', 'if (server.goodReplicas < 0 * server.minReplicas) return', 'replication', 'partition'),
    rule('failover-of-a-master-ok', 'CLUSTER FAILOVER is OK on a master', 'manual.ts', "if (server.isMaster) return 'ERR You should send CLUSTER FAILOVER to a replica'", "if (server.isMaster) return 'OK'", 'cli'),
    rule('errors-have-a-status', 'redis-cli exits 1 when the server answers an error', 'cli/redis-cli.ts', 'const code = options.strict && isError(reply) ? 1 : 0', 'const code = isError(reply) ? 1 : 0', 'cli'),
    rule('ticks-left-out-for-good', 'ticks that were left out are not made up for', 'bus.ts', 'this.replay(now)', 'void now', 'lazy'),
    rule('force-asks-nobody', 'FORCE needs no votes', 'manual.ts', "if (how === 'takeover') {", "if (how === 'takeover' || how === 'force') {", 'failover'),
    rule('linkless-replica-serves', 'a replica without a link of its own gives another what it has', 'replication.ts', "return master.isMaster || master.upstream?.state === 'up'", 'return master.alive', 'replication'),
    rule('gossip-without-roles', 'who is learned of by gossip is a master until it says otherwise', 'gossip.ts', '  peer.role = about.role\n', '', 'forget'),
    rule('clients-stay', 'clients stay with a node that is of no use', 'entrances.ts', '    else this.lookElsewhere()\n', '', 'partition'),
  ],
}
