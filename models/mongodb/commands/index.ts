/**
 * The server's commands. `read` answers what only reads, at one instant, as JSON; `act` carries out the rest and takes its time. In an answer
 * `{"$at": key}` stands for a value that moves by itself: it is asked for with `$value`.
 */
import type { Process } from '../../../src/kernel/index.ts'
import { UnsupportedError } from '../../../src/operator/command.ts'
import { refuse } from '../errors.ts'
import type { Mongod } from '../mongod.ts'
import { COMMANDS } from '../mongosh/supported.ts'
import type { World } from '../world.ts'
import { actions } from './actions.ts'
import { buildInfo, commandLine, configOf, currentOp, defaults, hello, oplogStats, parameter, serverStatus } from './readings.ts'
import { replicationInfo, status } from './status.ts'
import { valueOf } from './values.ts'

type Args = Readonly<Record<string, unknown>>
type Reading = (world: World, m: Mongod, args: Args) => object

const READINGS: Readonly<Record<string, Reading>> = {
  replSetGetStatus: status,
  replSetGetConfig: configOf,
  hello: (_world, m) => hello(m, false),
  isMaster: (_world, m) => hello(m, true),
  ping: () => ({ ok: 1 }),
  buildInfo,
  serverStatus,
  getParameter: parameter,
  getDefaultRWConcern: defaults,
  replSetGetRBID: (_world, m) => ({ rbid: 1 + m.dir.rollbackFiles.length, ok: 1 }),
  currentOp,
  getCmdLineOpts: commandLine,
  $replicationInfo: replicationInfo,
  $oplogStats: oplogStats,
}

/** The answer of a command that only reads; undefined for one that has effects. @throws UnsupportedError for one that is not modelled */
export function read(world: World, m: Mongod, name: string, args: string): string | undefined {
  if (name === '$value') return JSON.stringify(valueOf(world, m, JSON.parse(args) as string))
  if (name === '$auth') return 'null'
  if (name === '$unsupported') throw new UnsupportedError(`${String(JSON.parse(args))} of mongosh is not modelled`, ['rs.status()', 'rs.conf()', 'rs.stepDown()', 'db.hello()', 'db.adminCommand({…})'])
  const reading = Object.hasOwn(READINGS, name) ? READINGS[name] : undefined
  if (reading !== undefined) return JSON.stringify(reading(world, m, JSON.parse(args) as Args))
  if (Object.hasOwn(actions, name) || name === '$sleep') return undefined
  if (/^[a-z]\w*$/i.test(name) && !COMMANDS.has(name)) throw new UnsupportedError(`the command ${name} is not modelled`, [...COMMANDS])
  return JSON.stringify(refuse('CommandNotFound', `no such command: '${name}'`))
}

/** Carries out a command that has effects or waits. */
export function* act(world: World, m: Mongod, name: string, args: string): Process<string> {
  const action = actions[name]
  if (action === undefined) throw new Error(`mongodb: ${name} neither reads nor acts`)
  return JSON.stringify(yield* action(world, m, JSON.parse(args) as Args))
}
