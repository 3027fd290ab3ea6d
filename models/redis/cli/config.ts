/** CONFIG GET and SET of the parameters that the model knows. */
import { MILLISECOND, SECOND } from '../../../src/kernel/index.ts'
import type { Server } from '../server.ts'
import { OK, type Reply } from './reply.ts'

interface Parameter {
  readonly default: (server: Server) => string
  /** undefined = it cannot be set while the server runs, or setting it is not modelled. */
  readonly set?: 'number' | 'yes-no' | 'text'
}

const PARAMETERS: Readonly<Record<string, Parameter>> = {
  appendfsync: { default: s => s.world.options.appendfsync },
  appendonly: { default: s => (s.world.options.appendonly ? 'yes' : 'no') },
  'cluster-allow-reads-when-down': { default: s => yes(s.world.options.allowReadsWhenDown) },
  'cluster-allow-replica-migration': { default: s => yes(s.world.options.allowReplicaMigration), set: 'yes-no' },
  'cluster-announce-hostname': { default: s => s.table.myself.hostname },
  'cluster-announce-ip': { default: s => (s.world.options.announceIp ? s.host.address : '') },
  'cluster-enabled': { default: () => 'yes' },
  'cluster-migration-barrier': { default: s => String(s.world.options.migrationBarrier) },
  'cluster-node-timeout': { default: s => String(Math.round((s.world.options.nodeTimeoutSeconds * SECOND) / MILLISECOND)), set: 'number' },
  'cluster-replica-no-failover': { default: () => 'no', set: 'yes-no' },
  'cluster-replica-validity-factor': { default: s => String(s.world.options.replicaValidityFactor) },
  'cluster-require-full-coverage': { default: s => yes(s.world.options.requireFullCoverage), set: 'yes-no' },
  'min-replicas-max-lag': { default: s => String(s.world.options.minReplicasMaxLagSeconds) },
  'min-replicas-to-write': { default: s => String(s.world.options.minReplicasToWrite), set: 'number' },
  port: { default: () => '6379' },
  'repl-backlog-size': { default: s => String(Math.round(s.world.options.replBacklogMB * 1_000_000)) },
  'repl-diskless-sync': { default: () => 'yes' },
  'repl-diskless-sync-delay': { default: s => String(s.world.options.replDisklessSyncDelaySeconds) },
  'repl-timeout': { default: s => String(s.world.options.replTimeoutSeconds) },
  requirepass: { default: s => s.world.options.password },
  save: { default: s => s.world.options.save, set: 'text' },
  'shutdown-timeout': { default: s => String(s.world.options.shutdownTimeoutSeconds) },
}

const yes = (value: boolean): string => (value ? 'yes' : 'no')

export const SETTABLE = Object.entries(PARAMETERS).filter(([, p]) => p.set !== undefined).map(([name]) => name)

function matches(pattern: string, name: string): boolean {
  return new RegExp(`^${pattern.replace(/[.+^${}()|\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i').test(name)
}

export function configGet(server: Server, patterns: readonly string[]): Reply {
  const found: string[] = []
  for (const [name, parameter] of Object.entries(PARAMETERS)) if (patterns.some(pattern => matches(pattern, name))) found.push(name, server.setting(name, parameter.default(server)))
  return found
}

export function configSet(server: Server, name: string, value: string): Reply {
  const key = name.toLowerCase().replace(/\bslave(?=s?\b)/, 'replica')
  const parameter = PARAMETERS[key]
  if (parameter === undefined) return { error: `ERR Unknown option or number of arguments for CONFIG SET - '${name}'` }
  const because = (why: string): Reply => ({ error: `ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}` })
  if (parameter.set === undefined) return because("can't set immutable config")
  if (parameter.set === 'number' && !/^-?\d+$/.test(value)) return because("argument couldn't be parsed into an integer")
  if (parameter.set === 'number' && !(Number(value) >= 0 && Number(value) <= 2_147_483_647)) return because('argument must be between 0 and 2147483647 inclusive')
  if (key === 'save' && !/^(\d+ \d+( \d+ \d+)*)?$/.test(value.trim())) return because('Invalid save parameters')
  if (parameter.set === 'yes-no' && value !== 'yes' && value !== 'no') return because("argument must be 'yes' or 'no'")
  server.config.set(key, value)
  server.world.bus.stir()
  server.changed()
  return OK
}
