/** `mongodump`: reads everything through one server for as long as that takes (rule MG-DUMP-1). What is dumped is nowhere: nothing can be restored from it. */
import { parseArgs } from 'node:util'
import { MILLISECOND, type Process, SECOND, within } from '../../src/kernel/index.ts'
import { type Call, type Command, type Disk, failed, type Finding, type Output, UnsupportedError } from '../../src/operator/command.ts'
import { rememberedByWords } from '../../src/operator/remembered.ts'
import { isoOf } from './calendar.ts'
import type { Where } from './mongosh/command.ts'
import { parseOptions, type Parsed } from './mongosh/options.ts'
import { reach } from './mongosh/reach.ts'
import type { Mongod } from './mongod.ts'
import type { World } from './world.ts'

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
/** Source: mongodump documentation, 100.x. */
const OPTIONS = {
  host: { ...text, short: 'h' }, port: text, uri: text, username: { ...text, short: 'u' }, password: { ...text, short: 'p' }, authenticationDatabase: text, authenticationMechanism: text,
  db: { ...text, short: 'd' }, collection: { ...text, short: 'c' }, query: { ...text, short: 'q' }, out: { ...text, short: 'o' }, archive: text, readPreference: text, numParallelCollections: { ...text, short: 'j' },
  excludeCollection: { ...text, multiple: true }, excludeCollectionsWithPrefix: { ...text, multiple: true }, sslCAFile: text, sslPEMKeyFile: text, config: text,
  gzip: flag, oplog: flag, quiet: flag, verbose: { ...flag, short: 'v' }, dumpDbUsersAndRoles: flag, viewsAsCollections: flag, forceTableScan: flag, ssl: flag, tlsInsecure: flag, sslAllowInvalidCertificates: flag, sslAllowInvalidHostnames: flag,
} as const
const SUPPORTED = `supported: ${Object.keys(OPTIONS).map(name => `--${name}`).join(' ')}`

/** Server selection of the tools' driver. */
const SELECTION_MS = 30_000
const LITTLE_SECONDS = 1

interface Asked {
  readonly address: Parsed | undefined
  readonly oplog: boolean
  readonly quiet: boolean
  /** One collection, or definitions: next to nothing is read. */
  readonly little: boolean
  readonly out: string | undefined
  readonly archive: string | undefined
  readonly problem: string | undefined
}

const parse = rememberedByWords((argv): Asked => {
  // `--archive` alone means standard output.
  const words = argv.slice(1).map(word => (word === '--archive' ? '--archive=-' : word))
  try {
    const { values, positionals } = parseArgs({ args: words, options: OPTIONS, strict: true, allowPositionals: true })
    const user = values.username === undefined ? [] : ['-u', values.username]
    const uri = values.uri ?? positionals[0]
    const where = uri !== undefined ? [uri] : [...(values.host === undefined ? [] : ['--host', values.host]), ...(values.port === undefined ? [] : ['--port', values.port])]
    const wrong = values.oplog === true && values.db !== undefined ? '--oplog mode only supported on full dumps' : undefined
    return {
      address: parseOptions(['mongosh', ...where, ...user]),
      oplog: values.oplog === true,
      quiet: values.quiet === true,
      little: values.collection !== undefined || ['admin', 'config'].includes(values.db ?? ''),
      out: values.out,
      archive: values.archive,
      problem: wrong,
    }
  } catch (error) {
    return { address: undefined, oplog: false, quiet: false, little: false, out: undefined, archive: undefined, problem: `${(error as Error).message.replace(/\. .*$/s, '')}; ${SUPPORTED}` }
  }
})

/** @param where the place it runs in; @param disk of a container; a workstation's comes with each call */
export function mongodump(world: World, where: Where, disk?: Disk): Command {
  return {
    name: 'mongodump',
    summary: 'reads all data through one server',
    check: (argv): Finding[] => {
      const { problem } = parse(argv)
      return problem === undefined || argv.some(word => word.includes('$')) ? [] : [{ severity: 'error', message: `mongodump: ${problem}` }]
    },
    latencyUs: () => 50 * MILLISECOND,
    // It changes nothing in the set.
    intent: () => 'reads',
    readsInput: () => false,
    look: () => undefined,
    run: call => dump(world, where, call, disk ?? call.disk),
  }
}

function* dump(world: World, where: Where, call: Call, disk: Disk | undefined): Process<Output> {
  const asked = parse(call.argv)
  const say = (line: string): string => `${isoOf(world.sim.now).replace('Z', '+0000')}\t${line}\n`
  const { address } = asked
  if (address === undefined) throw new UnsupportedError(`mongodump: ${asked.problem}`, [SUPPORTED])
  if ('refusal' in address) return failed(say(`error parsing command line options: ${address.refusal.err.trim()}`))
  if (asked.problem !== undefined) return failed(say(`Failed: bad option: ${asked.problem}`))
  const shown = address.hosts?.join(',') ?? 'localhost:27017'
  const untilUs = world.sim.now + SELECTION_MS * MILLISECOND
  let reached = reach(world, where, address)
  while (('error' in reached || !readable(reached.m)) && world.sim.now < untilUs) {
    yield within(world.changed, untilUs - world.sim.now)
    reached = reach(world, where, address)
  }
  if ('error' in reached || !readable(reached.m)) return failed(say(`Failed: can't create session: failed to connect to mongodb://${shown}/: server selection error: server selection timeout`))
  const { m } = reached
  if (world.options.auth && address.user === undefined) return failed(say('Failed: error getting database names: (Unauthorized) Command listDatabases requires authentication'))
  const { copy } = m
  const fromLsn = copy?.lsn('apply') ?? 0
  const seconds = asked.little ? LITTLE_SECONDS : (world.options.databaseMB * 1_000_000) / world.bytesPerSecond('dumpMBps', call.key)
  const endUs = world.sim.now + Math.round(seconds * SECOND * m.host.diskSlowdown() * m.host.machineSlowdown())
  const began = say('writing admin.system.version to dump/admin/system.version.bson')
  while (world.sim.now < endUs) {
    if (!m.alive || !m.listening || !readable(m)) return failed(`${began}${say('Failed: error reading collection: connection closed')}`)
    if (m.paused || !world.network.connected(where.place(), m.place)) {
      yield SELECTION_MS * MILLISECOND
      return failed(`${began}${say('Failed: error reading collection: connection timed out')}`)
    }
    yield within(world.changed, endUs - world.sim.now)
  }
  // What was written meanwhile must still be in the ring.
  if (asked.oplog && copy !== undefined && world.oplogOf(copy).start(copy) > fromLsn) return failed(`${began}${say('Failed: oplog overflow: mongodump was unable to capture all new oplog entries during execution')}`)
  const err = asked.quiet ? '' : `${began}${say('done dumping admin.system.version (1 document)')}`
  const stand = `mongodump of ${world.options.replicaSet}${asked.oplog ? ' with oplog' : ''}\n`
  if (asked.archive === '-') return { out: stand, err, code: 0 }
  // A container's programs stand in its root.
  const from = (path: string): string => (where.local() === undefined && where.pod === 'operator') || path.startsWith('/') ? path : `/${path}`
  const out = from(asked.out ?? 'dump')
  const path = asked.archive === undefined ? `${out}/admin/system.version.bson` : from(asked.archive)
  if (asked.archive === undefined) for (const folder of [out, `${out}/admin`]) disk?.makeDirectory?.(folder)
  const problem = disk?.write(path, stand)
  return problem === undefined ? { out: '', err, code: 0 } : failed(say(`Failed: error creating ${asked.archive === undefined ? 'directory' : 'archive'}: ${path}: ${problem}`))
}

/** A member that answers reads. */
function readable(m: Mongod): boolean {
  return m.copy !== undefined && (m.state === 'PRIMARY' || m.state === 'SECONDARY') && !m.quiescing
}
