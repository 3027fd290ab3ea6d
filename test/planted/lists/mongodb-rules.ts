import type { Family, SourceDefect } from '../defect.ts'

const rule = (id: string, what: string, file: string, find: string, replace: string, ...tests: string[]): SourceDefect => ({
  id: `rule-mg-${id}`,
  what,
  patches: [{ file: `models/mongodb/${file}`, find, replace }],
  tests: tests.map(t => `test/mongodb/${t}.test.ts`),
})

export const mongodbRules: Family = {
  name: 'mongodb-rules',
  title: 'Rules of the MongoDB model',
  defects: [
    rule('majority-less-one', 'a majority is one member too few', 'acknowledge.ts', "const need = w === 'majority' ? config.writeMajority : w", "const need = w === 'majority' ? config.writeMajority - 1 : w", 'durability'),
    rule('implicit-always-majority', 'arbiters do not change the implicit write concern', 'config.ts', 'this.voters.length - arbiters <= this.majority ? 1', 'this.voters.length - arbiters <= 0 ? 1', 'durability'),
    rule('stale-candidates-win', 'a voter does not look at how much the candidate has applied', 'election.ts', 'comparePositions(theirs, mine) < 0 && !abreast(voter, candidate, mine.lsn - theirs.lsn)) return false', 'comparePositions(theirs, mine) < -Infinity) return false', 'elections', 'durability'),
    rule('election-timeout-doubled', 'the election time-out is twice as long', 'election.ts', 'timeoutUs * (1 + OFFSET_SHARE', 'timeoutUs * (2 + OFFSET_SHARE', 'elections'),
    rule('takeover-at-once', 'a member of higher priority takes over without its delay', 'election.ts', 'return (rank + 1) *', 'return rank *', 'elections'),
    rule('minority-primary', 'a primary that hears from nobody stays primary', 'vigil.ts', 'if (live < config.majority) return', 'if (live < 0) return', 'elections'),
    rule('step-down-regardless', 'a step-down succeeds without a caught-up secondary', 'stepdown.ts', 'if (!level && !force) {', 'if (!level && !force && deadlineUs < 0) {', 'step-down'),
    rule('no-handoff', 'nobody is nominated at a step-down', 'stepdown.ts', 'force || !m.parameters.electionHandoff ? undefined', 'deadlineUs > 0 ? undefined', 'step-down'),
    rule('eligible-at-once', 'a member that stepped down may be elected at once', 'stepdown.ts', 'receivedUs + stepDownSecs * SECOND', 'receivedUs', 'step-down'),
    rule('no-rollback-files', 'what is rolled back is nowhere', 'syncing.ts', 'me.dir.rollbackFiles.push({ position: mine, fromLsn: fork.lsn })', 'me.log(String(mine.lsn))', 'durability'),
    rule('oplog-without-end', 'the oplog reaches back for ever', 'syncing.ts', 'if (mine.lsn < oplogStart(world, to.copy)) return this.tooStale(to)', '', 'sync'),
    rule('any-fcv', 'a binary starts on any data', 'names.ts', 'return fcv === releaseOf(binary) || fcv === releaseBefore(binary)', "return fcv !== '' || binary !== ''", 'versions'),
    rule('older-primary-preferred', 'of two primaries a driver takes the older', 'driver.ts', 'if (best === undefined || m.term > best.term) best = m', 'if (best === undefined || m.term < best.term) best = m', 'drivers'),
    rule('journal-ignored', 'j:true is as good as without', 'unsynced.ts', 'world.options.journal || writeConcernOf(m)', 'writeConcernOf(m)', 'durability'),
    rule('no-quiesce', 'a member that stops does not say so', 'stepdown.ts', 'm.quiescing = true', 'm.quiescing = false', 'step-down'),
    rule('scripts-leave-traces', 'what a script changes in the language stays for the next', 'mongosh/prelude.ts', 'Object.freeze(o);', '', 'mongosh'),
    rule('reconfig-alone', 'a configuration is answered when the primary has it', 'reconfig.ts', 'if (having >= next.majority) break', 'if (having >= 1) break', 'configuration'),
    rule('sync-over-fcv', 'an initial sync goes on over a new feature compatibility version', 'fcv.ts', '      other.syncing.restartInitialSync()\n', '', 'sync'),
    rule('sync-past-a-gap', 'an initial sync goes on though the oplog has gone on without it', 'syncing.ts', ' && fetchedLsn >= oplogStart(world, theirs) ? found', ' ? found', 'sync'),
    rule('flow-control-late', 'flow control begins at the whole target', 'flow-control.ts', 'const THRESHOLD = 0.5', 'const THRESHOLD = 1', 'durability'),
    rule('flow-control-to-nothing', 'flow control lets ten a second through', 'flow-control.ts', 'const LEAST_PER_SECOND = 100', 'const LEAST_PER_SECOND = 10', 'durability'),
    rule('locked-takes-writes', 'fsyncLock lets clients write', 'sessions.ts', "m.lock.held ? { is: 'held', readsFrom: m.copy } : ", '', 'maintenance'),
    rule('lock-outlives', 'a lock outlives its process', 'mongod.ts', '    this.lock.drop()\n', '', 'maintenance'),
    rule('larger-oplog-recalls', 'a larger oplog has again what was forgotten', 'oplog.ts', 'if (sizeMB > this.sizeMB) this.gone = this.start(copy)', '', 'maintenance'),
    rule('dump-past-the-ring', 'mongodump --oplog never overflows', 'dump.ts', '.start(copy) > fromLsn)', '.start(copy) > Infinity)', 'maintenance'),
    rule('freeze-shortens', 'rs.freeze shortens what a step-down said', 'commands/actions.ts', 'Math.max(m.ineligibleUntilUs, world.sim.now + secs * SECOND)', 'world.sim.now + secs * SECOND', 'step-down'),
  ],
}
