/** Commands that only read, but for the status: hello, configuration, versions, parameters. */
import { refuse } from '../errors.ts'
import type { Mongod } from '../mongod.ts'
import { releaseIndex } from '../names.ts'
import type { World } from '../world.ts'

const at = (key: string): object => ({ $at: key })

/** `hello`, and `isMaster` with the old names. */
export function hello(m: Mongod, old: boolean): object {
  if (m.quiescing) return { ok: 0, errmsg: 'The server is in quiesce mode and will shut down', code: 91, codeName: 'ShutdownInProgress' }
  const { config } = m
  const writable = m.isPrimary && m.writable && !m.steppingDown
  const shared = { maxBsonObjectSize: 16777216, maxMessageSizeBytes: 48000000, maxWriteBatchSize: 100000, localTime: at('now'), logicalSessionTimeoutMinutes: 30, connectionId: 1, minWireVersion: 0, maxWireVersion: 13 + 4 * Math.max(0, releaseIndex(m.host.version) - 3), readOnly: false, ok: 1 }
  const role = old ? { ismaster: writable } : { isWritablePrimary: writable }
  if (config === undefined) return { ...role, secondary: false, info: 'Does not have a valid replica set config', isreplicaset: true, ...shared }
  const primary = m.isPrimary ? config.member(m.name)?.host : m.primary === undefined ? undefined : config.member(m.primary.name)?.host
  return {
    topologyVersion: { processId: { $oid: '000000000000000000000000' }, counter: { $long: m.term } },
    hosts: config.members.filter(c => !c.arbiterOnly && !c.hidden && c.priority > 0).map(c => c.host),
    ...(config.members.some(c => !c.arbiterOnly && !c.hidden && c.priority === 0) ? { passives: config.members.filter(c => !c.arbiterOnly && !c.hidden && c.priority === 0).map(c => c.host) } : {}),
    ...(config.members.some(c => c.arbiterOnly) ? { arbiters: config.members.filter(c => c.arbiterOnly).map(c => c.host) } : {}),
    setName: config.set,
    setVersion: config.version,
    ...role,
    secondary: m.state === 'SECONDARY',
    ...(m.state === 'ARBITER' ? { arbiterOnly: true } : {}),
    ...(m.me?.hidden === true ? { hidden: true } : {}),
    ...(primary === undefined ? {} : { primary }),
    me: m.me?.host ?? '',
    ...(writable ? { electionId: { $oid: `7fffffff${String(m.term).padStart(16, '0')}` } } : {}),
    lastWrite: { lastWriteDate: at('lastWrite'), majorityWriteDate: at('lastWrite') },
    ...shared,
  }
}

export function configOf(_world: World, m: Mongod): object {
  const { config } = m
  if (config === undefined) return refuse('NotYetInitialized', 'no replset config has been received')
  return {
    config: {
      _id: config.set,
      version: config.version,
      term: config.term,
      members: config.members.map(c => ({ _id: c._id, host: c.host, arbiterOnly: c.arbiterOnly, buildIndexes: c.buildIndexes, hidden: c.hidden, priority: c.priority, tags: {}, secondaryDelaySecs: { $long: c.secondaryDelaySecs }, votes: c.votes })),
      protocolVersion: { $long: 1 },
      writeConcernMajorityJournalDefault: true,
      settings: { ...config.settings, getLastErrorModes: {}, getLastErrorDefaults: { w: 1, wtimeout: 0 }, replicaSetId: { $oid: '000000000000000000000001' } },
    },
    ok: 1,
  }
}

export function buildInfo(_world: World, m: Mongod): object {
  return { version: m.host.version, gitVersion: '', modules: [], allocator: 'tcmalloc', javascriptEngine: 'mozjs', versionArray: [...m.host.version.split('.').map(Number), 0].slice(0, 4), bits: 64, debug: false, maxBsonObjectSize: 16777216, storageEngines: ['devnull', 'wiredTiger'], ok: 1 }
}

export function serverStatus(_world: World, m: Mongod): object {
  return {
    host: m.name,
    version: m.host.version,
    process: 'mongod',
    uptime: at(`uptime:${m.name}`),
    localTime: at('now'),
    connections: { current: m.backends.size },
    repl: { setName: m.config?.set ?? '', isWritablePrimary: m.isPrimary && m.writable, secondary: m.state === 'SECONDARY', rbid: 1 + m.dir.rollbackFiles.length },
    flowControl: { enabled: m.parameters.flowControl, isLagged: m.throttleUs > 0, targetRateLimit: m.throttleUs > 0 ? Math.round(1e6 / m.throttleUs) : 1_000_000_000 },
    storageEngine: { name: 'wiredTiger', persistent: true },
    ok: 1,
  }
}

/** `getParameter`: those that runbooks of upgrades read. */
export function parameter(_world: World, m: Mongod, args: Readonly<Record<string, unknown>>): object {
  const result: Record<string, unknown> = {}
  for (const name of Object.keys(args)) {
    if (NO_PARAMETER.test(name)) continue
    result[name] = name === 'featureCompatibilityVersion' ? { version: m.fcv } : m.parameters.value(name)
  }
  return Object.keys(result).length === 0 ? refuse('BadValue', 'no option found to get') : { ...result, ok: 1 }
}

/** Words of a request that are no parameters. */
export const NO_PARAMETER = /^(?:[gs]etParameter|comment|\$.*)$/

/** `currentOp`: the shell's own; the clients' operations are not told apart. Whether it is locked is what people look for. */
export function currentOp(_world: World, m: Mongod, args: Readonly<Record<string, unknown>>): object {
  const own = { type: 'op', host: `${m.name}:27017`, desc: 'conn1', connectionId: 1, active: true, currentOpTime: at('now'), opid: 1, secs_running: { $long: 0 }, microsecs_running: { $long: 400 }, op: 'command', ns: 'admin.$cmd.aggregate', command: args, numYields: 0, waitingForLock: false, locks: {} }
  return { inprog: [own], ...(m.lock.held ? { fsyncLock: true, info: 'use db.fsyncUnlock() to terminate the fsync write/snapshot lock' } : {}), ok: 1 }
}

export function commandLine(world: World, m: Mongod): object {
  const { replicaSet } = world.options
  return { argv: ['mongod', '--replSet', replicaSet, '--bind_ip_all'], parsed: { net: { bindIp: '*' }, replication: { replSet: replicaSet }, storage: { dbPath: '/data/db' } }, ok: m.alive ? 1 : 0 }
}

/** `db.getSiblingDB('local').oplog.rs.stats()`: its size, and that it is a ring. */
export function oplogStats(world: World, m: Mongod): object {
  if (m.copy === undefined) return refuse('CommandFailed', 'local.oplog.rs: no oplog on an arbiter')
  const bytes = world.oplogOf(m.copy).sizeMB * 1_000_000
  return { ns: 'local.oplog.rs', capped: true, maxSize: bytes, size: bytes, storageSize: bytes, nindexes: 0, ok: 1 }
}

export function defaults(world: World, m: Mongod): object {
  const w = world.defaultWriteConcern ?? m.config?.implicitWriteConcern ?? 1
  return { defaultReadConcern: { level: 'local' }, defaultWriteConcern: { w, wtimeout: 0 }, defaultWriteConcernSource: world.defaultWriteConcern === undefined ? 'implicit' : 'global', defaultReadConcernSource: 'implicit', ok: 1 }
}
