import type { Family, SourceDefect } from '../defect.ts'

const rule = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({ id: `rule-app-${id}`, what, patches: [{ file: `models/application/${file}`, find, replace }], tests: tests.map(name => `test/application/${name}.test.ts`) })

export const applicationRules: Family = {
  name: 'application-rules',
  title: 'Rules of the application',
  defects: [
    rule('acknowledged-at-once', 'on Vitess a commit is answered before a replica has it', 'vitess.ts', 'acknowledged: (copy, at) => isAcknowledged(tabletOf(copy), at)', 'acknowledged: () => true', 'vitess'),
    rule('tools-by-gate', 'on Vitess jobs and connectors are denied as programs are', 'vitess.ts', "whose === 'program' ? byGate(keyspace) : direct(keyspace)", 'byGate(keyspace)', 'vitess'),
    rule('database-is-a-tablet', 'on Vitess a failover is another database', 'vitess.ts', 'database: copy => tabletOf(copy)?.shard ?? copy,', 'database: copy => copy,', 'vitess'),
    rule('insert-replaces', 'an INSERT of a row that is there succeeds', 'statements.ts', "row.present ? { is: 'duplicate-key' } : { is: 'changed', row: image }", "{ is: 'changed', row: image }", 'statements'),
    rule('no-row-fails', 'an UPDATE that matches nothing inserts', 'statements.ts', "return row.present ? { is: 'changed', row: image } : { is: 'no-row' }\n}", "return { is: 'changed', row: image }\n}", 'statements'),
    rule('no-tombstone', 'a versioned delete leaves nothing behind', 'statements.ts', '{ op: operation.id, present: false, version } : image', '{ op: operation.id, present: false, version: 0 } : image', 'statements'),
    rule('versions-ignored', 'an older version overwrites a newer one', 'statements.ts', 'if (row.version >= version)', 'if (row.version > version + 1_000_000)', 'statements', 'writer'),
    rule('logged-is-returned', 'an error that is only logged is returned', 'requests.ts', "(side === 'legacy' ? build.onLegacyError : build.onModernError) === 'return') return 'error'", "build.writes === 'both') return 'error'", 'writer'),
    rule('second-despite-error', 'what the first statement refuses is tried on the second', 'requests.ts', "else if (build.writes !== 'both' || (side", "else if (build.writes !== 'both' && (side", 'writer'),
    rule('keys-forgotten', 'idempotency keys do not help', 'requests.ts', 'if (before && build.idempotencyKeys)', 'if (before && build.paused)', 'writer'),
    rule('statement-taken-back', 'a statement whose pod dies is not carried out', 'requests.ts', 'const copy = pod.alive ? connection?.writable : sent?.leading === true ? sent : undefined', 'const copy = connection?.writable', 'writer'),
    rule('flags-at-once', 'all pods poll at the same instant', 'flags.ts', "this.periodUs * world.sim.chance.draw(who, 'application.flag-phase', 0)", 'this.periodUs * 0.5', 'flags'),
    rule('defaults-remembered', 'a pod that starts without the flag service knows the flags all the same', 'flags.ts', 'if (world.flagsAway > 0) return', 'if (world.flagsAway > 0 && this.known) return', 'flags'),
    rule('canary-of-none', 'a small weight is no pod', 'rollout.ts', 'Math.max(1, Math.round((replicas * weight) / 100))', 'Math.round((replicas * weight) / 100)', 'canary'),
    rule('pause-ends', 'a pause without duration ends by itself', 'rollout.ts', 'Number.POSITIVE_INFINITY : (parseDurationUs', '60_000_000 : (parseDurationUs', 'canary'),
    rule('mesh-by-pods', 'with a mesh, too, a weight is a share of pods', 'world.ts', 'if (weights === undefined) return', 'if (weights === undefined || weights.share > 0) return', 'canary'),
    rule('chunk-sees-all', 'a chunk is read when it is written', 'backfill.ts', 'for (const { key, row } of read) {', 'for (const { key } of read) {\n        const row = rows.row(reader, key)', 'backfill'),
    rule('insert-overwrites', 'an insert if absent overwrites', 'backfill.ts', "return there.present || there.version > 0 ? undefined : row", 'return row', 'statements', 'backfill'),
    rule('flag-looked-at-twice', 'the flag that stops the backfill holds back the chunk on its way', 'backfill.ts', "      const writer = yield* waitFor", "      if (stopFlag !== undefined && world.kubernetes.store.get('ConfigMap', options.flags.configMap)?.data?.[stopFlag] === 'true') return ok('stopped by it\\n')\n      const writer = yield* waitFor", 'backfill'),
    rule('heap-is-ordered', 'a digest in heap order is one in the order of keys', 'checksum.ts', 'return ordered ? differ :', 'return ordered || !count ? differ :', 'checksum'),
    rule('honest-metric', 'the lag metric grows while a connector stands still', 'cdc.ts', 'leg.moving ? atUs - this.positionUs(atUs) : leg.measuredUs', 'atUs - this.positionUs(atUs)', 'cdc'),
    rule('exactly-once', 'a connector that was killed goes on where it was', 'cdc.ts', 'if (clean && this.offsets !== undefined)', 'if ((clean || code > 0) && this.offsets !== undefined)', 'cdc'),
    rule('deletes-not-carried', 'a connector carries no deletes', 'cdc.ts', "return row.present ? row : { ...NO_ROW, op: row.op }", 'return row.present ? row : undefined', 'cdc'),
    rule('connections-follow', 'a pooled connection follows the Service', 'connection.ts', '    if (!this.open || this.session !== undefined || this.waiting !== undefined', "    if (this.open && this.session !== undefined && this.waiting === undefined && this.sim.epoch !== this.knockEpoch && this.sim.now % 7 === 0) return this.renew()\n    if (!this.open || this.session !== undefined || this.waiting !== undefined", 'program'),
    rule('replaced-is-missed', 'what a later write replaced counts as lost', 'audit.ts', 'each.invokedUs > sinceUs && ', 'each.invokedUs > 0 && ', 'writer', 'audit'),
    rule('read-counts-not', 'of two databases the legacy one always counts', 'truth.ts', "const connection = pod.connection(writes === 'both' ? reads : writes)", "const connection = pod.connection(writes === 'both' ? 'legacy' : writes)", 'audit'),
  ],
}
