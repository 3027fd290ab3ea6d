import type { Family, SourceDefect } from '../defect.ts'

const E = (name: string): string => `test/postgres/experiments/${name}.test.ts`
/** @param id the rule that is broken, and how @param file in `models/postgres` @param tests the rule's own first */
const rule = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `rule-${id}`, what, patches: [{ file: `models/postgres/${file}`, find, replace }], tests: tests.map(name => (name.includes('/') ? name : E(name))) })

export const postgresRules: Family = {
  name: 'postgres-rules',
  title: 'Rules of the PostgreSQL model',
  defects: [
    rule('pg-ack-1-no-wait', 'a commit waits for one standby less than the list says', 'syncrep.ts', 'return { k, members: method', 'return { k: k - 1, members: method', 'e02', 'e01'),
    rule('pg-ack-3-opt-out-ignored', 'a session with synchronous_commit = local waits all the same', 'syncrep.ts', "level === 'off' || level === 'local'", "level === 'off'", 'e02'),
    rule('pg-ack-7-stage-ignored', 'remote_apply waits for the flush only', 'syncrep.ts', "level === 'remote_apply' ? 'apply' : 'flush'", "'flush'", 'e10'),
    rule('pg-ack-8-nothing-unwritten', 'with synchronous_commit = off a crash loses nothing', 'server.ts', "if (wasLeading && this.settings.synchronous_commit === 'off') loseUnwritten(this)", 'void loseUnwritten', 'review'),
    rule('pg-ack-5-timeout-ends-the-wait', 'a cancelled wait for standbys is an error, not an acknowledgement with a warning', 'effects.ts', "return { ...result, notices: [...(result.notices ?? []), notice] }", "return error('57014', 'canceling statement due to user request')", 'e02'),
    rule('pg-sync-1-catching-up-counts', 'a standby that catches up is synchronous', 'syncrep.ts', "s.state === 'streaming' && syncPriority(server, s) > 0", "s.state !== 'startup' && syncPriority(server, s) > 0", 'e01'),
    rule('pg-sync-2-case', 'application names are compared with their case', 'syncrep.ts', 'sender.applicationName.toLowerCase()', 'sender.applicationName', 'e01', 'e10'),
    rule('pg-sync-2-first-is-any', 'FIRST k takes any k', 'syncrep.ts', "method === 'ANY' ? all : all.slice(0, k)", 'all', 'e05', 'e01', 'e10'),
    rule('pg-promote-3-no-new-timeline', 'a promotion stays on its timeline', 'promotion.ts', 'server.openReadWrite(dir.timeline + 1)', 'server.openReadWrite(dir.timeline)', 'e03'),
    rule('pg-promote-2-replay-skipped', 'a promotion does not replay what was received first', 'server.ts', "if (this.copy.lsn('apply') >= received) finish()", "if (this.copy.lsn('apply') >= 0) finish()", 'e06'),
    rule('pg-promote-4-anywhere', 'a primary can be promoted again', 'server.ts', "if (this.state !== 'standby') return false", "if (this.state !== 'standby') return true", 'e03'),
    rule('pg-promote-5-twice', 'asking again while a promotion runs fails', 'server.ts', "if (this.state === 'promoting') return true", "if (this.state === 'promoting') return false", 'review'),
    rule('pg-start-2-fenced-by-magic', 'an old primary knows by itself that it is none any more', 'server.ts', 'if (this.dir.isStandby) this.openReadOnly()', "if (this.dir.isStandby || (!atBoot && this.dir.control === 'shut down')) this.openReadOnly()", 'e04', 'e11'),
    rule('pg-start-3-signal-ignored', 'standby.signal does nothing', 'server.ts', 'if (this.dir.isStandby) this.openReadOnly()', "if (this.dir.isStandby && this.dir.control !== 'shut down') this.openReadOnly()", 'e04'),
    rule('pg-follow-3-no-timeline-check', 'a standby with another history streams all the same', 'replication.ts', "if (!contains(upstream.copy.position('flush'), received)) return", "if (received.lsn < 0) return", 'e04', 'e10', 'database-faults'),
    rule('pg-follow-2-reload-does-nothing', 'another primary_conninfo takes effect at the next start only', 'server.ts', 'if (this.receiver !== undefined && (before !== this.settings.primary_conninfo ||', 'if (this.receiver !== undefined && (before === undefined ||', 'e04'),
    rule('pg-follow-6-any-system', 'the copy of another database streams', 'replication.ts', 'if (upstream.dir.systemId !== this.server.dir.systemId) {', "if (upstream.dir.systemId === '') {", 'e10', 'others'),
    rule('pg-wal-1-kept-for-ever', 'log is never recycled', 'replication.ts', "if (this.server.copy.lsn('receive') < oldest) {", "if (this.server.copy.lsn('receive') < 0 * oldest) {", 'e08'),
    rule('pg-slot-1-keeps-nothing', 'a slot keeps no log', 'slots.ts', 'refreshSlot(upstream, slot, limit)\n    if (!slot.lost) oldest = Math.min(oldest, slot.restartLsn)', 'refreshSlot(upstream, slot, limit)', 'e08'),
    rule('pg-slot-2-made-by-itself', 'a slot that is not there is none that is needed', 'replication.ts', 'if (slot === undefined || slot.lost || slot.active) return', 'if (slot?.lost || slot?.active) return', 'e10', 'e08'),
    rule('pg-slot-3-limit-ignored', 'max_slot_wal_keep_size does nothing', 'slots.ts', 'limitBytes >= 0 && upstream.dir.checkpointLsn', 'limitBytes < -1 && upstream.dir.checkpointLsn', 'e08'),
    rule('pg-stop-2-standbys-not-served', 'a fast stop does not wait for the standbys', 'departures.ts', "s.state === 'streaming' || s.state === 'catchup'", "s.state === 'startup'", 'e05', 'e10'),
    rule('pg-stop-1-smart-is-fast', 'a smart shutdown does not wait for sessions', 'server.ts', "if (mode === 'smart' && this.backends.size > 0) return\n", '', 'e06'),
    rule('truth-any-copy-is-the-furthest', 'whoever is promoted counts as the furthest copy that could be reached', 'departures.ts', "if (!contains(from, other.copy.position('flush'))) return false", 'void contains', 'test/bars/inherent.test.ts', 'test/scenarios/built-in.test.ts'),
    rule('pg-checkpoint-1-not-bounded', 'dirty buffers are not bounded by shared_buffers', 'checkpoints.ts', 'Math.min(walSinceCheckpoint(server), world.options.sharedBuffersMB * 1_000_000)', 'walSinceCheckpoint(server) * 4', 'e11'),
    rule('pg-start-5-no-redo', 'after a crash nothing is redone', 'server.ts', "this.world.timeUs('crashStartMs', this.name) + redoUs(this)", "this.world.timeUs('crashStartMs', this.name) + 0 * redoUs(this)", 'e06'),
    rule('pg-version-2-any-data', 'a server reads the data of another major', 'starting.ts', "dir.image !== '' && major(dir.image) !== major(host.version)", "dir.image === '?' && major(dir.image) !== major(host.version)", 'version-faults'),
    rule('pg-conf-1-half-a-reload', 'a value that cannot be parsed unsets the old one', 'configuration.ts', 'if (before[name] !== undefined) settings[name] = before[name]\n    else delete settings[name]', 'delete settings[name]', 'e01', 'e10'),
    rule('pg-sync-4-hyphens', 'a name with a hyphen needs no quotes', 'settings.ts', '([A-Za-z_\\u0080-\\uffff][A-Za-z0-9_$\\u0080-\\uffff]*)', '([A-Za-z_\\u0080-\\uffff][A-Za-z0-9_$\\u0080-\\uffff-]*)', 'e10'),
    rule('pg-sync-6-silence-acknowledges', 'a primary is taken to be able to acknowledge when its standbys are silent, not when they answer', 'syncrep.ts', '!s.frozen && !(rule.stage', 's.frozen && !(rule.stage', 'e01'),
  ],
}
