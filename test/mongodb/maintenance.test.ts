/** What people do around an upgrade: locks for a backup, dumps, another oplog, parameters. Rules MG-FSYNC-…, MG-DUMP-1, MG-OPLOG-3, MG-PARAM-1. */
import { describe, expect, test } from 'vitest'
import { SECOND } from '../../src/kernel/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import { Lab, type Setting } from './lab.ts'

const under = (setting: Setting = {}, load = {}): Lab => {
  const lab = new Lab(setting)
  lab.clients(load)
  lab.wait(2 * SECOND)
  return lab
}

const acked = (lab: Lab, seconds: number): number => {
  const before = lab.acked()
  lab.wait(seconds * SECOND)
  return lab.acked() - before
}

describe('fsyncLock', () => {
  test('MG-FSYNC-1: on a secondary it stops applying, not fetching; a majority without it goes on, and it is level again soon after', () => {
    const lab = under({ writeConcern: 'majority' })
    expect(lab.sh(2, 'db.fsyncLock()').out).toContain("info: 'now locked against writes, use db.fsyncUnlock() to unlock',\n  lockCount: Long('1'),\n  seeAlso: 'http://dochub.mongodb.org/core/fsynccommand',\n  ok: 1")
    expect(acked(lab, 20)).toBeGreaterThan(9_500)
    const copy = lab.mongod(2).copy
    expect(copy?.lsn('receive')).toBeGreaterThan((copy?.lsn('apply') ?? 0) + 9_000 * 2_000)
    expect(lab.sh(2, 'db.currentOp().fsyncLock').out).toBe('true\n')
    expect(lab.sh(0, 'db.currentOp().fsyncLock').out).toBe('')
    expect(lab.sh(2, 'db.fsyncUnlock()').out).toContain("info: 'fsyncUnlock completed',\n  lockCount: Long('0')")
    lab.wait(5 * SECOND)
    expect(lab.mongod(2).syncing.lagUs()).toBeLessThan(SECOND)
  })

  test('MG-FSYNC-1: two of three locked: no majority acknowledges, and no step-down finds a successor', () => {
    const lab = under({ writeConcern: 'majority' })
    lab.sh(1, 'db.fsyncLock()')
    lab.sh(2, 'db.fsyncLock()')
    lab.wait(SECOND)
    expect(acked(lab, 20)).toBe(0)
    expect(lab.sh(0, 'rs.stepDown(60)').err).toContain('No electable secondaries caught up')
    lab.sh(2, 'db.fsyncUnlock()')
    expect(acked(lab, 10)).toBeGreaterThan(3_000)
  })

  test('MG-FSYNC-2: on the primary writes wait, reads are answered, nobody is elected instead; each lock wants its unlock', () => {
    const lab = under({}, { readsPerSecond: 100 })
    lab.sh(0, 'db.fsyncLock()')
    expect(lab.sh(0, 'db.fsyncLock().lockCount').out).toBe("Long('2')\n")
    lab.wait(SECOND)
    const session = [...lab.mongod(0).backends][0] as unknown as { state: { is: string; readsFrom?: unknown } }
    expect(session.state).toMatchObject({ is: 'held', readsFrom: lab.mongod(0).copy })
    expect(acked(lab, 30)).toBe(0)
    expect(lab.states()).toBe('PRIMARY SECONDARY SECONDARY')
    lab.sh(0, 'db.fsyncUnlock()')
    expect(acked(lab, 5)).toBe(0)
    lab.sh(0, 'db.fsyncUnlock()')
    expect(acked(lab, 10)).toBeGreaterThan(3_000)
    expect(lab.sh(0, 'db.fsyncUnlock()').err).toContain('MongoServerError[IllegalOperation]: fsyncUnlock called when not locked\n')
    expect(lab.lost()).toBe(0)
  })

  test('MG-FSYNC-2: drivers without retryable writes see no error either; a step-down of the locked primary takes their reads away until there is another', () => {
    const lab = under({ retryWrites: false })
    const sessions = [...lab.mongod(0).backends]
    lab.sh(0, 'db.fsyncLock()')
    lab.wait(5 * SECOND)
    expect([...lab.mongod(0).backends]).toEqual(sessions)
    expect(lab.cluster.entrances['replica-set']?.fresh()).toEqual({ is: 'none', why: 'mongo-0 is locked against writes (fsyncLock)' })
    const other = under({ electionHandoff: false })
    const [session] = [...other.mongod(0).backends] as unknown as { state: { is: string; readsFrom?: unknown } }[]
    other.sh(0, 'db.fsyncLock()')
    expect(session?.state).toMatchObject({ is: 'held', readsFrom: other.mongod(0).copy })
    other.sh(0, 'rs.stepDown(60)')
    expect(session?.state).toEqual({ is: 'held' })
  })

  test('MG-FSYNC-2: what writes waits with the clients: a person’s insert, the feature compatibility version, a configuration', () => {
    const lab = under({ fcv: '6.0' })
    lab.sh(0, 'db.fsyncLock()')
    const tasks = ['db.t.insertOne({a: 1}).acknowledged', "db.adminCommand({ setFeatureCompatibilityVersion: '7.0', confirm: true }).ok", "rs.add({ host: 'mongo-9.mongo:27017', priority: 0, votes: 0 }).ok"].map(what => lab.startSh(0, what))
    lab.wait(20 * SECOND)
    expect(tasks.map(task => task.state)).toEqual(['running', 'running', 'running'])
    lab.sh(0, 'db.fsyncUnlock()')
    lab.wait(5 * SECOND)
    expect(tasks.map(task => task.state)).toEqual(['done', 'done', 'done'])
    expect(tasks[0]?.result).toMatchObject({ out: 'true\n' })
  })

  test('MG-FSYNC-3: a locked member that is elected takes no writes before it is unlocked; a locked primary that steps down applies nothing', () => {
    // Under load the others have applied more than it has, and do not vote for it.
    const lab = new Lab()
    lab.sh(1, 'db.fsyncLock()')
    lab.sh(2, 'rs.freeze(600)')
    lab.kill(0, 600 * SECOND)
    lab.until(() => lab.state(1) === 'PRIMARY')
    lab.wait(20 * SECOND)
    expect(lab.mongod(1).writable).toBe(false)
    lab.sh(1, 'db.fsyncUnlock()')
    lab.until(() => lab.mongod(1).writable)
    const other = under()
    other.sh(0, 'db.fsyncLock()')
    expect(other.sh(0, 'rs.stepDown(60).ok').out).toBe('1\n')
    other.until(() => other.primary() !== undefined)
    other.wait(10 * SECOND)
    const late = other.mongod(0).copy
    expect(late?.lsn('apply')).toBeLessThan((late?.lsn('receive') ?? 0) - 1_000_000)
    expect(other.sh(0, 'db.fsyncUnlock().ok').out).toBe('1\n')
    other.wait(5 * SECOND)
    expect(other.mongod(0).syncing.lagUs()).toBeLessThan(SECOND)
  })

  test('MG-FSYNC-4: a lock is in the memory of the process: a restart ends it, also where a fault holds the same member', () => {
    const lab = under()
    lab.sh(2, 'db.fsyncLock()')
    lab.kill(2, SECOND)
    lab.until(() => lab.state(2) === 'SECONDARY')
    lab.wait(10 * SECOND)
    expect(lab.mongod(2).syncing.lagUs()).toBeLessThan(SECOND)
    expect(lab.sh(2, 'db.currentOp().fsyncLock').out).toBe('')
  })
})

describe('mongodump', () => {
  const dump = (lab: Lab, ...argv: string[]) => lab.run('kubectl', 'exec', 'mongo-1', '--', 'mongodump', ...argv)

  test('MG-DUMP-1: takes as long as reading all does, writes a stand-in, changes nothing', () => {
    const lab = under({ databaseMB: 3_000, timing: { dumpMBps: 50 } })
    const done = dump(lab, '--out=/tmp/backup', '--quiet')
    expect(done).toMatchObject({ code: 0, out: '', err: '' })
    expect(done.us / SECOND).toBeGreaterThan(60)
    expect(done.us / SECOND).toBeLessThan(63)
    expect(lab.run('kubectl', 'exec', 'mongo-1', '--', 'cat', '/tmp/backup/admin/system.version.bson').code).toBe(0)
    expect(lab.run('kubectl', 'exec', 'mongo-1', '--', 'mongodump', '--archive').out).toContain('mongodump of rs0')
  })

  test('MG-DUMP-1: fails when its server goes, when nobody can be reached, and with --oplog when the oplog has gone on past it', () => {
    const lab = under({ databaseMB: 3_000, timing: { dumpMBps: 50 } })
    const task = lab.start('mongodump', '--host', 'mongo-1.mongo', '--out', '/tmp/x')
    lab.wait(20 * SECOND)
    lab.kill(1, 600 * SECOND)
    lab.wait(SECOND)
    expect(task.result).toMatchObject({ code: 1 })
    expect(task.result?.err).toContain('Failed: error reading collection: connection closed')
    const nobody = lab.run('mongodump', '--host', 'mongo-1.mongo')
    expect(nobody).toMatchObject({ code: 1 })
    expect(nobody.err).toContain("Failed: can't create session")
    expect(nobody.us / SECOND).toBeCloseTo(30, 0)
    const small = under({ databaseMB: 3_000, oplogMB: 20, timing: { dumpMBps: 50 } })
    expect(dump(small, '--oplog').err).toContain('Failed: oplog overflow')
    expect(dump(under({ databaseMB: 300, timing: { dumpMBps: 50 } }), '--oplog')).toMatchObject({ code: 0 })
    expect(() => dump(lab, '--restoreToThePast')).toThrow("mongodump: Unknown option '--restoreToThePast'")
    expect(() => dump(lab, '--oplog', '--db', 'shop')).toThrow('--oplog mode only supported on full dumps')
  })
})

describe('the oplog’s size', () => {
  test('MG-OPLOG-3: a smaller one lets a member that was away come back too stale; a larger one brings nothing back', () => {
    const lab = under({ oplogMB: 4_000 })
    expect(lab.sh(0, "db.getSiblingDB('local').oplog.rs.stats().maxSize").out).toBe('4000000000\n')
    expect(lab.sh(0, 'db.adminCommand({ replSetResizeOplog: 1, size: Double(500) })').err).toContain("BSON field 'size' value must be >= 990")
    expect(lab.sh(0, 'db.adminCommand({ replSetResizeOplog: 1, size: Double(990) }).ok').out).toBe('1\n')
    expect(lab.sh(0, 'db.getReplicationInfo().configuredLogSizeMB').out).toBe('990\n')
    expect(lab.sh(1, 'db.getReplicationInfo().configuredLogSizeMB').out).toBe('4000\n')
    lab.wait(2_000 * SECOND)
    const before = lab.cluster.world.oplogOf(lab.mongod(0).copy as never).start(lab.mongod(0).copy as never)
    lab.sh(0, 'db.adminCommand({ replSetResizeOplog: 1, size: 8000 })')
    expect(lab.cluster.world.oplogOf(lab.mongod(0).copy as never).start(lab.mongod(0).copy as never)).toBeGreaterThanOrEqual(before)
    const away = under({ oplogMB: 4_000 }, { writesPerSecond: 1_000 })
    away.sh(0, 'db.adminCommand({ replSetResizeOplog: 1, size: 990 })')
    away.kill(2, 700 * SECOND)
    away.wait(760 * SECOND)
    expect(away.state(2)).toBe('RECOVERING')
  })
})

describe('parameters', () => {
  test('MG-PARAM-1: what a process is told holds until it ends, and for it alone', () => {
    const lab = under()
    expect(lab.sh(0, 'db.adminCommand({ setParameter: 1, enableElectionHandoff: false }).was').out).toBe('true\n')
    expect(lab.sh(0, 'db.adminCommand({ getParameter: 1, enableElectionHandoff: 1 }).enableElectionHandoff').out).toBe('false\n')
    expect(lab.sh(1, 'db.adminCommand({ getParameter: 1, enableElectionHandoff: 1 }).enableElectionHandoff').out).toBe('true\n')
    lab.sh(0, 'rs.stepDown(60)')
    // Nobody is nominated: the election time-out passes.
    expect(lab.until(() => lab.primary() !== undefined) / SECOND).toBeGreaterThan(8)
    lab.kill(0, SECOND)
    lab.until(() => lab.state(0) === 'SECONDARY')
    expect(lab.sh(0, 'db.adminCommand({ getParameter: 1, enableElectionHandoff: 1 }).enableElectionHandoff').out).toBe('true\n')
  })

  test('MG-PARAM-1: flow control can be switched off; the shutdown time-out can be made longer', () => {
    const throttled = (off: boolean): number => {
      const lab = under({ writeConcern: 1, timing: { applyMBps: 1 } }, { writesPerSecond: 2_000 })
      if (off) lab.sh(0, 'db.adminCommand({ setParameter: 1, enableFlowControl: false })')
      lab.wait(60 * SECOND)
      return lab.mongod(0).throttleUs
    }
    expect(throttled(false)).toBeGreaterThan(0)
    expect(throttled(true)).toBe(0)
    const lab = under()
    lab.sh(2, 'db.adminCommand({ setParameter: 1, shutdownTimeoutMillisForSignaledShutdown: 3000 })')
    lab.run('kubectl', 'exec', 'mongo-2', '--', 'kill', '1')
    expect(lab.until(() => lab.state(2) === 'DOWN') / SECOND).toBeCloseTo(3, 0)
  })

  test('what the model does not know is refused, not answered', () => {
    const lab = under()
    expect(() => lab.sh(0, 'db.adminCommand({ setParameter: 1, wiredTigerConcurrentReadTransactions: 64 })')).toThrow(UnsupportedError)
    expect(() => lab.sh(0, 'db.adminCommand({ getParameter: 1, syncdelay: 1 })')).toThrow(UnsupportedError)
    expect(lab.sh(0, 'db.adminCommand({ setParameter: 1, flowControlTargetLagSeconds: "x" })').err).toContain('Invalid value for parameter flowControlTargetLagSeconds')
  })
})

describe('small things that scripts do on the way', () => {
  test.each([
    ['db.currentOp({ secs_running: { $gt: 5 } }).inprog.length', '0\n'],
    ['db.currentOp().inprog.length', '1\n'],
    ['db.currentOp({ active: true, "command.currentOp": { $exists: true }, op: /comm/ }).inprog.length', '1\n'],
    ['db.adminCommand({ getCmdLineOpts: 1 }).parsed.replication.replSet', 'rs0\n'],
    ["db.getSiblingDB('admin').auth('root', 'x').ok", '1\n'],
    ['db.setProfilingLevel(1).was + "" + db.getProfilingLevel()', '01\n'],
    ['db.adminCommand({ logRotate: 1 }).ok', '1\n'],
    ['db.setLogLevel(1).was', '0\n'],
    ['db.runCommand({ fsync: 1 }).numFiles', '1\n'],
  ])('%s', (source, out) => {
    expect(new Lab().sh(0, source)).toMatchObject({ out, code: 0 })
  })

  test('with access control a login in the script counts as one on the command line', () => {
    const lab = new Lab({ auth: true })
    expect(lab.sh(0, 'rs.status().ok').err).toContain('requires authentication')
    expect(lab.sh(0, "db.getSiblingDB('admin').auth('root', 'x'); rs.status().ok").out).toBe('1\n')
  })

  test('reading documents is refused before the first rehearsal: what stands in them is not simulated', () => {
    const lab = new Lab()
    for (const source of ['db.orders.countDocuments({})', "db.getSiblingDB('shop').orders.findOne()", "db.getCollection('orders').find()", 'db.a.b.aggregate([])']) expect(() => lab.sh(0, source), source).toThrow('what stands in documents is not simulated')
    expect(lab.sh(0, "db.getSiblingDB('shop').orders.insertOne({ a: 1 }).acknowledged").out).toBe('true\n')
  })
})
