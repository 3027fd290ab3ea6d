/** Changing the configuration (rules MG-CONFIG-…). Source: replSetReconfig documentation; facts M31. */
import { MILLISECOND, type Process, SECOND, within } from '../../src/kernel/index.ts'
import { refreshAll } from './acknowledge.ts'
import { Config, type MemberConfig, type Settings } from './config.ts'
import { type Refused, refuse } from './errors.ts'
import type { Mongod } from './mongod.ts'
import { memberHost } from './topology-names.ts'

type Plain = Readonly<Record<string, unknown>>

const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value)
const numberOr = (value: unknown, fallback: number): number => (typeof value === 'number' ? value : fallback)

/** Reads a configuration document. */
function readConfig(m: Mongod, value: unknown, base: Config | undefined): Config | Refused {
  const bad = (why: string): Refused => refuse('InvalidReplicaSetConfig', why)
  if (!isPlain(value) || !Array.isArray(value.members)) return bad('a configuration needs members')
  const members: MemberConfig[] = []
  for (const item of value.members as unknown[]) {
    if (!isPlain(item) || typeof item.host !== 'string') return bad('each member needs a host')
    const name = item.host.split(':')[0]?.split('.')[0] ?? ''
    const arbiterOnly = item.arbiterOnly === true
    const priority = numberOr(item.priority, arbiterOnly ? 0 : 1)
    const votes = numberOr(item.votes, 1)
    if (votes === 0 && priority > 0) return bad(`priority must be 0 when non-voting (votes:0), not ${priority} (member ${item.host})`)
    if (item.hidden === true && priority > 0) return bad('priority must be 0 when hidden=true')
    const secondaryDelaySecs = numberOr(item.secondaryDelaySecs, 0)
    if (secondaryDelaySecs > 0 && priority > 0) return bad('priority must be 0 when secondaryDelaySecs is used')
    const known = base?.member(name)
    // A member that is new does not vote before it has its data.
    const newlyAdded = base !== undefined && known === undefined && votes > 0 && !arbiterOnly ? true : known?.newlyAdded === true
    members.push({ _id: numberOr(item._id, members.length), name, host: item.host.includes(':') ? item.host : `${item.host}:27017`, arbiterOnly, buildIndexes: item.buildIndexes !== false, hidden: item.hidden === true, priority, secondaryDelaySecs, votes, ...(newlyAdded ? { newlyAdded } : {}) })
  }
  if (members.every(x => x.priority === 0)) return bad('Replica set configuration must contain at least one non-arbiter member with priority > 0')
  if (members.filter(x => x.votes > 0).length > 7) return bad('Replica set configuration contains more than 7 voting members, but must be at least 1 and no more than 7')
  if (new Set(members.map(x => x.host)).size < members.length) return bad('two members have the same host')
  if (new Set(members.map(x => x._id)).size < members.length) return bad('two members have the same _id')
  const given = isPlain(value.settings) ? value.settings : {}
  const own = base?.settings ?? m.world.firstConfig.settings
  const settings = Object.fromEntries(Object.entries(own).map(([key, old]) => [key, typeof given[key] === typeof old ? given[key] : old])) as unknown as Settings
  return new Config(String(value._id ?? m.world.options.replicaSet), Math.max((base?.version ?? 0) + 1, numberOr(value.version, 1)), m.term, members, settings)
}

export function* reconfigure(m: Mongod, value: unknown, force: boolean): Process<Refused | undefined> {
  const { world, config } = m
  yield 5 * MILLISECOND
  if (config === undefined) return refuse('NotYetInitialized', 'a replica set configuration has not been received yet')
  if (!force && (!m.isPrimary || !m.writable || m.steppingDown)) return refuse('NotWritablePrimary', `New config is rejected. Not primary. Use the force flag to reconfig on a non-primary`)
  const next = readConfig(m, value, config)
  if (!(next instanceof Config)) return next
  if (next.set !== config.set) return refuse('NewReplicaSetConfigurationIncompatible', 'New and old configurations differ in replica set name')
  const own = next.member(m.name)
  if (own === undefined) return refuse('NodeNotFound', 'No host described in new configuration maps to this node')
  if (!force && own.priority === 0) return refuse('NodeNotElectable', `This node, ${own.host}, with _id MemberId(${own._id}) is not electable under the new configuration with {version: ${next.version}, term: ${next.term}} for replica set ${next.set}`)
  if (!force && voterChanges(config, next) > 1) return refuse('NewReplicaSetConfigurationIncompatible', 'Non force replica set reconfig can only add or remove at most 1 voting member.')
  if (!force) {
    const refused = yield* askQuorum(m, next)
    if (refused !== undefined) return refused
  }
  // The document is written before anybody has it.
  yield* m.lock.wait()
  if (!m.alive || (!force && (!m.isPrimary || !m.writable))) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
  adopt(m, force ? new Config(next.set, next.version + 10_000, m.term, next.members, next.settings) : next)
  if (force) return undefined
  // A majority of the new configuration must have it before the answer.
  const deadlineUs = world.sim.now + 60 * SECOND
  for (;;) {
    const having = next.voters.filter(v => v.name === m.name || ((world.mongodOf(v.name)?.config?.version ?? -1) >= next.version && world.mongodOf(v.name)?.listening === true)).length
    if (having >= next.majority) break
    if (!m.alive || !m.isPrimary) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
    if (world.sim.now >= deadlineUs) return refuse('ConfigurationInProgress', 'Current configuration has not been committed')
    yield within(world.changed, deadlineUs - world.sim.now)
  }
  return undefined
}

/** Whether a majority of the voters of a new configuration answers: else it is refused before anybody has it (rule MG-CONFIG-2). */
function* askQuorum(m: Mongod, next: Config): Process<Refused | undefined> {
  const { world } = m
  const answers = (name: string): boolean => {
    const other = name === m.name ? m : world.mongodOf(name)
    return other !== undefined && (other === m || world.talks(m, other))
  }
  const deadlineUs = world.sim.now + next.settings.heartbeatTimeoutSecs * SECOND
  for (;;) {
    const up = next.voters.filter(v => answers(v.name))
    if (up.length >= next.majority) return m.isPrimary && m.writable ? undefined : refuse('NotWritablePrimary', 'not primary')
    if (!m.alive || !m.isPrimary) return refuse('InterruptedDueToReplStateChange', 'operation was interrupted')
    // Who refuses the connection has answered for this; who is silent is waited for until the heartbeat's time-out.
    const silent = next.members.filter(c => !answers(c.name))
    if (world.sim.now >= deadlineUs || silent.every(c => m.heartbeats.view(c.name)?.up === false)) {
      const names = (list: readonly MemberConfig[]): string => list.map(c => c.host).join(', ')
      const down = `; the following nodes did not respond affirmatively: ${silent.map(c => `${c.host} failed with HostUnreachable`).join(', ')}`
      return refuse('NodeNotFound', `Quorum check failed because not enough voting nodes responded; required ${next.majority} but only the following ${up.length} voting nodes responded: ${names(up)}${down}`)
    }
    yield within(world.changed, Math.max(1, deadlineUs - world.sim.now))
  }
}

function voterChanges(a: Config, b: Config): number {
  const before = new Set(a.voters.map(v => v.name))
  const after = new Set(b.members.filter(v => v.votes > 0).map(v => v.name))
  return [...before].filter(v => !after.has(v)).length + [...after].filter(v => !before.has(v)).length
}

/** The node has it; the others within reach hear of it with the next heartbeats, which are sent at once. */
function adopt(m: Mongod, config: Config): void {
  const { world } = m
  m.adopt(config)
  for (const other of [...world.mongods]) {
    if (other === m || !world.talks(m, other)) continue
    if (config.member(other.name) === undefined && other.config?.member(other.name) === undefined) continue
    world.sim.after(world.network.delayUs(m.place, other.place), () => {
      if (m.alive && other.alive && world.talks(m, other)) other.adopt(config)
    })
  }
  refreshAll(world)
}

export function* initiate(m: Mongod, value: unknown): Process<Refused | undefined> {
  const { world } = m
  yield 5 * MILLISECOND
  if (m.config !== undefined) return refuse('AlreadyInitialized', 'already initialized')
  const empty = !isPlain(value) || Object.keys(value).length === 0
  const next = readConfig(m, empty ? { _id: world.options.replicaSet, members: [{ _id: 0, host: memberHost(world.options, m.name) }] } : value, undefined)
  if (!(next instanceof Config)) return next
  if (next.member(m.name) === undefined) return refuse('NodeNotFound', 'No host described in new configuration maps to this node')
  // A new, empty set: its history has nothing of any other.
  const own = next.member(m.name)
  if (own?.priority === 0) return refuse('InvalidReplicaSetConfig', `This node, ${own.host}, with _id MemberId(${own._id}) is not electable under the new configuration with {version: 1, term: 0} for replica set ${next.set}`)
  m.dir.needsInitialSync = false
  adopt(m, new Config(next.set, 1, 1, next.members, next.settings))
  m.run('asked')
  return undefined
}
