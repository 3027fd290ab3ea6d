/** Commands that have effects: stepping down, freezing, configurations, the feature compatibility version, shutdown, single writes. */
import { MILLISECOND, type Process, SECOND } from '../../../src/kernel/index.ts'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { refreshAll } from '../acknowledge.ts'
import { type Refused, refuse } from '../errors.ts'
import { setFcv } from '../fcv.ts'
import type { Mongod } from '../mongod.ts'
import { LEAST_OPLOG_MB } from '../oplog.ts'
import { initiate, reconfigure } from '../reconfig.ts'
import { shutDown, stepDown } from '../stepdown.ts'
import type { World } from '../world.ts'
import { NO_PARAMETER } from './readings.ts'
import { singleWrite } from '../write.ts'

/** A checkpoint of what is dirty. Source: judgement. */
const FLUSH_US = 100 * MILLISECOND

type Args = Readonly<Record<string, unknown>>
type Action = (world: World, m: Mongod, args: Args) => Process<object>

const done = (m: Mongod, more: object = {}): object => ({ ...more, ok: 1, $clusterTime: { clusterTime: { $at: 'clusterTime' } }, operationTime: { $at: 'clusterTime' }, ...(m.alive ? {} : {}) })

function number(value: unknown, fallback: number): number {
  if (value !== null && typeof value === 'object' && '$long' in value) return Number((value as { $long: number }).$long)
  return typeof value === 'number' ? value : fallback
}

function* handOverAndStop(m: Mongod, secs: number, force: boolean): Process<Refused | undefined> {
  const refused = m.isPrimary && !force ? yield* stepDown(m, { stepDownSecs: 120, catchUpSecs: secs, force: false }) : undefined
  if (refused === undefined) m.spawn(shutDown(m, secs))
  return refused
}

/** The server goes on with it when whoever asked hangs up, and ends it when it ends itself (rule MG-COMMAND-1). */
function* onServer(m: Mongod, command: Process<Refused | undefined>): Process<Refused | undefined> {
  const task = m.spawn(command)
  const refused = (yield task) as Refused | undefined
  return task.state === 'killed' ? refuse('InterruptedDueToReplStateChange', 'operation was interrupted') : refused
}

export const actions: Readonly<Record<string, Action>> = {
  *replSetStepDown(_world, m, args): Process<object> {
    const force = args.force === true
    // Nothing is a minute; with force the default is not to wait at all.
    const secs = number(args.replSetStepDown, 60) || 60
    const catchUp = number(args.secondaryCatchUpPeriodSecs, force ? 0 : 10)
    if (secs < 0) return refuse('BadValue', 'stepdown period must be a positive integer')
    if (catchUp < 0) return refuse('BadValue', 'secondaryCatchUpPeriodSecs period must be a positive or absent')
    if (secs < catchUp || (args.secondaryCatchUpPeriodSecs !== undefined && secs <= catchUp)) return refuse('BadValue', 'stepdown period must be longer than secondaryCatchUpPeriodSecs')
    const refused = yield* onServer(m, stepDown(m, { stepDownSecs: secs, catchUpSecs: catchUp, force }))
    return refused ?? done(m)
  },

  *replSetStepUp(world, m): Process<object> {
    if (m.isPrimary) return done(m)
    if (!m.electable) return refuse('CommandFailed', 'Election failed.')
    const untilUs = world.sim.now + 5 * SECOND
    m.run('asked')
    while (m.alive && m.campaigning && world.sim.now < untilUs) yield 5 * MILLISECOND
    return m.isPrimary ? done(m) : refuse('CommandFailed', 'Election failed.')
  },

  *replSetFreeze(world, m, args): Process<object> {
    yield MILLISECOND
    const secs = number(args.replSetFreeze, 0)
    if (m.isPrimary || m.campaigning) return refuse('NotSecondary', `Cannot freeze node when primary or running for election, state: ${m.isPrimary ? 'Primary' : 'Running-Election'}`)
    m.ineligibleUntilUs = secs === 0 ? world.sim.now : Math.max(m.ineligibleUntilUs, world.sim.now + secs * SECOND)
    world.topologyChanged()
    return done(m, secs === 0 ? { info: 'unfreezing' } : secs === 1 ? { warning: 'you really want to freeze for only 1 second?' } : {})
  },

  *replSetReconfig(_world, m, args): Process<object> {
    const refused = yield* onServer(m, reconfigure(m, args.replSetReconfig, args.force === true))
    return refused ?? done(m)
  },

  *replSetInitiate(_world, m, args): Process<object> {
    const refused = yield* initiate(m, args.replSetInitiate)
    return refused ?? done(m)
  },

  *setFeatureCompatibilityVersion(_world, m, args): Process<object> {
    const wtimeout = (args.writeConcern as { wtimeout?: number } | undefined)?.wtimeout
    const refused = yield* onServer(m, setFcv(m, String(args.setFeatureCompatibilityVersion), args.confirm === true, wtimeout ?? 60_000))
    return refused ?? done(m)
  },

  *setDefaultRWConcern(world, m, args): Process<object> {
    yield 5 * MILLISECOND
    if (!m.isPrimary || !m.writable) return refuse('NotWritablePrimary', 'not primary')
    const w = (args.defaultWriteConcern as { w?: unknown } | undefined)?.w
    if (w !== 'majority' && typeof w !== 'number') return refuse('BadValue', 'defaultWriteConcern needs w')
    world.defaultWriteConcern = w
    refreshAll(world)
    world.topologyChanged()
    return done(m, { defaultWriteConcern: { w, wtimeout: 0 }, defaultWriteConcernSource: 'global' })
  },

  *setParameter(world, m, args): Process<object> {
    yield MILLISECOND
    const answer = m.parameters.set(Object.fromEntries(Object.entries(args).filter(([name]) => !NO_PARAMETER.test(name))))
    world.sim.touch()
    return 'was' in answer ? done(m, answer) : answer
  },

  /** Writes what is in memory to disk; with `lock` nothing is written after (rule MG-FSYNC-1). */
  *fsync(_world, m, args): Process<object> {
    yield FLUSH_US * m.host.diskSlowdown() * m.host.machineSlowdown()
    if (args.lock !== true && args.lock !== 1) return done(m, { numFiles: 1 })
    return done(m, { info: 'now locked against writes, use db.fsyncUnlock() to unlock', lockCount: { $long: m.lock.take() }, seeAlso: 'http://dochub.mongodb.org/core/fsynccommand' })
  },

  *fsyncUnlock(_world, m): Process<object> {
    yield MILLISECOND
    if (!m.lock.held) return refuse('IllegalOperation', 'fsyncUnlock called when not locked')
    return done(m, { info: 'fsyncUnlock completed', lockCount: { $long: m.lock.giveBack() } })
  },

  /** Rule MG-OPLOG-3. */
  *replSetResizeOplog(world, m, args): Process<object> {
    yield 5 * MILLISECOND
    if (m.copy === undefined) return refuse('IllegalOperation', 'oplog.rs does not exist on an arbiter')
    const sizeMB = number(args.size, Number.NaN)
    if (args.minRetentionHours !== undefined) throw new UnsupportedError('replSetResizeOplog with minRetentionHours', ['{ replSetResizeOplog: 1, size: MEGABYTES }'])
    if (!Number.isFinite(sizeMB)) return refuse('BadValue', 'replSetResizeOplog needs a size in megabytes')
    if (sizeMB < LEAST_OPLOG_MB) return refuse('BadValue', `BSON field 'size' value must be >= ${LEAST_OPLOG_MB}, actual value '${sizeMB}'`)
    world.oplogOf(m.copy).resize(m.copy, sizeMB)
    world.topologyChanged()
    return done(m)
  },

  *logRotate(_world, m): Process<object> {
    yield MILLISECOND
    return done(m)
  },

  /** What is profiled is not simulated; nothing of it is seen in a rehearsal. */
  *profile(world, m, args): Process<object> {
    yield MILLISECOND
    const was = m.parameters.profiling
    const level = number(args.profile, -1)
    if (level > 2 || level < -1) return refuse('BadValue', `Invalid profiling level: ${level}`)
    if (level >= 0) m.parameters.profiling = level
    world.sim.touch()
    return done(m, { was, slowms: 100, sampleRate: 1 })
  },

  /** The connection goes with the server: the shell sees it closed. A primary without a caught-up heir refuses, unless forced (rule MG-SHUTDOWN-3). */
  *shutdown(_world, m, args): Process<object> {
    const force = args.force === true
    const secs = number(args.timeoutSecs, m.parameters.shutdownTimeoutSeconds)
    const refused = yield* onServer(m, handOverAndStop(m, secs, force))
    if (refused !== undefined) return refused
    while (m.alive) yield 100 * MILLISECOND
    return { $network: `connection 1 to 127.0.0.1:27017 closed` }
  },

  *$write(_world, m, args): Process<object> {
    return yield* singleWrite(m, args.writeConcern as { w?: unknown; wtimeout?: unknown } | null)
  },
}
