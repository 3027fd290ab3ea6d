import type { Family, SourceDefect } from '../defect.ts'

const rule = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `rule-vt-${id}`, what, patches: [{ file: `models/vitess/${file}`, find, replace }], tests: tests.map(test => `test/vitess/${test}.test.ts`) })

export const vitessRules: Family = {
  name: 'vitess-rules',
  title: 'Rules of the Vitess model',
  defects: [
    rule('anybody-acknowledges', 'a rdonly tablet acknowledges under semi_sync', 'semisync.ts', "      return type === 'replica'\n    case 'semi_sync_with", "      return type === 'replica' || type === 'rdonly'\n    case 'semi_sync_with", 'semisync'),
    rule('same-cell-acknowledges', 'under cross_cell a tablet of the same cell acknowledges', 'semisync.ts', " && other.cell !== primary.cell", '', 'semisync'),
    rule('old-follows-new', 'an older replica follows a newer series', 'tablet.ts', 'if (compareMysql(source.version, this.version) <= 0) return false', 'if (compareMysql(source.version, this.version) <= 5) return false', 'version'),
    rule('errant-follows', 'errant transactions do not matter', 'tablet.ts', "    this.errant = true\n    world.sim.note(EVENT.errant, this.pod, Math.ceil(tail)", "    world.sim.note(EVENT.errant, this.pod, Math.ceil(tail)", 'emergency'),
    rule('no-grace', 'open transactions are killed at once', 'reparent.ts', 'return (shutdownGraceSeconds ?? (vitessVersion <= 19 ? transactionTimeoutSeconds : 3)) * SECOND', 'return 0 * (shutdownGraceSeconds ?? vitessVersion + transactionTimeoutSeconds) * SECOND', 'reparent'),
    rule('journal-not-awaited', 'a planned reparent waits for nobody’s journal entry', 'reparent.ts', 'options.everyone === true ? yield* missing', 'false ? yield* missing', 'reparent'),
    rule('emergency-without-grace', 'an emergency reparent kills open transactions at once', 'emergency.ts', 'world.sim.spawn(demote(shard, t, Math.round(world.timeUs(\'reparentSeconds\', `${shard.path}/emergency`) * DEMOTION_SHARE)))', "world.sim.spawn((function* () { t.stopLeading('clean'); yield DEMOTION_SHARE; void demote })())", 'emergency'),
    rule('full-disk-waits', 'semi-sync gives up waiting on a full disk', 'semisync.ts', ' || !copy.ackHung || tablet.diskFull) {', ' || !copy.ackHung) {', 'semisync'),
    rule('policy-at-once', 'a changed durability policy is in force at once', 'durability.ts', '  keyspace.durabilityPolicy = policy\n', '  keyspace.durabilityPolicy = policy\n  for (const shard of keyspace.shards) shard.policy = policy\n', 'durability'),
    rule('vtorc-leaves-policy', 'VTOrc lets primaries be that go by another policy', 'vtorc.ts', 'if (primary.copy.leading && isMisset(shard))', 'if (primary.copy.leading && isMisset(shard) && shard.terms < 0)', 'durability'),
    rule('operator-leaves-policy', 'the operator does not look at the durability of keyspaces that are there', 'operator.ts', '    this.keepPolicies(policiesOf(spec))\n', '    void policiesOf\n', 'durability'),
    rule('alone-is-no-finding', 'a primary that acknowledges by itself at the end is nothing to tell', 'truth.ts', "(policy === 'none' || degraded) ? [leader.pod] : []", "(policy === 'none' || degraded) && policy !== 'none' ? [leader.pod] : []", 'durability'),
    rule('demotion-not-undone', 'what fails after the demotion stays demoted', 'reparent.ts', 'if (!promoted) undoDemotion(shard, primary, demoted)', 'void demoted', 'reparent'),
    rule('orc-fails-over-agents', 'a primary whose vttablet is gone is failed over at once', 'vtorc.ts', ' || others.some(t => t.source === primary && t.replicates)', '', 'vtorc'),
    rule('primary-in-the-middle', 'the operator rolls the primary like any other', 'operator.ts', 'const others = released.filter(t => t !== shard.primary)', 'const others = released', 'operator'),
    rule('rolls-when-not-available', 'a tablet that is not Available pauses nothing', 'operator.ts', 'if (missing !== undefined) return this.lookWhenAvailable(shard)', 'void missing', 'operator'),
    rule('buffers-again-at-once', 'a reparent right after another is buffered', 'vtgate.ts', 'if (sinceUs - shard.failoverEndedUs < buffer.minBetweenSeconds * SECOND) return false', '', 'buffer'),
    rule('buffers-transactions', 'programs in transactions are buffered', 'vtgate.ts', 'if (reserved || !mayBuffer(gate, shard, shard.demotedUs)) return', 'if (!mayBuffer(gate, shard, shard.demotedUs)) return', 'buffer'),
    rule('green-open', 'a new keyspace takes writes from the start', 'fleet.ts', '      shard.deniedUs = sim.now\n', '', 'move'),
    rule('switch-without-waiting', 'a switch does not wait until the target has all', 'movetables.ts', "    if ((yield within(reaches(stream.copy, 'apply', leader.copy.lsn('receive')), Math.max(0, endUs - world.sim.now))) === TIMED_OUT)", "    if ((yield within(reaches(stream.copy, 'apply', 0), Math.max(0, endUs - world.sim.now))) === TIMED_OUT)", 'move'),
    rule('switch-while-copying', 'a switch begins while rows are copied', 'movetables.ts', "if (stream.state === 'Copying') return 'copy is still in progress'", '', 'move'),
    rule('no-taking-back', 'a switch that fails leaves the source denied', 'movetables.ts', '  for (const shard of source.shards) shard.allow()\n}\n\n/** Beyond', '}\n\n/** Beyond', 'move'),
    rule('denial-at-once', 'a primary goes by its record before it has read it', 'routing.ts', '  shard.recorded = !remove\n', '  shard.recorded = !remove\n  shard.readRecord()\n', 'routing'),
    rule('promoted-unread', 'a promoted primary does not read its record', 'reparent.ts', '  shard.readRecord()\n', '', 'routing'),
    rule('gone-with-blue', 'what another keyspace holds is gone with the one that served', 'truth.ts', 'for (const shard of [serving, ...serving.keys.shards])', 'for (const shard of [serving])', 'routing'),
    rule('names-ignored', 'whoever names a keyspace goes by the routing rules all the same', 'vtgate.ts', 'if (this.keyspace === undefined || shards.some', 'if (serving !== undefined || shards.some', 'routing'),
    rule('turned-down-unasked', 'a keyspace that is taken out goes whatever was said', 'operator.ts', ' || !this.atOnce.has(keyspace.name)', '', 'move'),
  ],
}
