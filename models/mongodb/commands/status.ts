/** `rs.status()` and the oplog's window, as the server gives them. Source: replSetGetStatus documentation, 7.0. */
import { SECOND } from '../../../src/kernel/index.ts'
import { isoOf, msOf } from '../calendar.ts'
import { refuse } from '../errors.ts'
import type { MemberConfig } from '../config.ts'
import { type Mongod, STATE_NUMBER } from '../mongod.ts'
import type { World } from '../world.ts'
import { valueOf } from './values.ts'

const at = (key: string): object => ({ $at: key })
const optime = (key: string): object => ({ $at: key })

export function status(world: World, m: Mongod): object {
  const { config } = m
  if (config === undefined) return refuse('NotYetInitialized', 'no replset config has been received')
  if (m.state === 'REMOVED') return refuse('InvalidReplicaSetConfig', 'Our replica set config is invalid or we are not a member of it')
  const source = m.syncing.source
  return {
    set: config.set,
    date: at('now'),
    myState: STATE_NUMBER[m.state],
    term: { $long: m.term },
    syncSourceHost: source === undefined ? '' : hostOf(m, source.name),
    syncSourceId: source === undefined ? -1 : (config.member(source.name)?._id ?? -1),
    heartbeatIntervalMillis: { $long: config.settings.heartbeatIntervalMillis },
    majorityVoteCount: config.majority,
    writeMajorityCount: config.writeMajority,
    votingMembersCount: config.voters.length,
    writableVotingMembersCount: config.voters.filter(v => !v.arbiterOnly).length,
    optimes: { lastCommittedOpTime: optime('committed:'), appliedOpTime: optime(`optime:${m.name}`), durableOpTime: optime(`durable:${m.name}`) },
    members: config.members.map(c => memberStatus(world, m, c)),
    ok: 1,
    $clusterTime: { clusterTime: at('clusterTime') },
    operationTime: at('clusterTime'),
  }
}

function hostOf(m: Mongod, name: string): string {
  return m.config?.member(name)?.host ?? name
}

function memberStatus(world: World, m: Mongod, c: MemberConfig): object {
  const self = c.name === m.name
  const view = m.heartbeats.view(c.name)
  const up = self || view?.up === true
  const state = self ? m.state : view?.state
  const other = world.mongodOf(c.name)
  const head = { _id: c._id, name: c.host, health: up ? 1 : 0, state: !up || state === undefined ? (up ? 0 : 8) : STATE_NUMBER[state], stateStr: !up ? '(not reachable/healthy)' : (state ?? 'STARTUP') }
  if (!up) {
    return { ...head, uptime: 0, optime: { ts: { $timestamp: { t: 0, i: 0 } }, t: { $long: -1 } }, optimeDate: { $date: 0 }, lastHeartbeat: at('now'), lastHeartbeatRecv: at(`heard:${c.name}`), pingMs: { $long: 0 }, lastHeartbeatMessage: 'Error connecting: Connection refused', syncSourceHost: '', syncSourceId: -1, infoMessage: '', configVersion: -1, configTerm: -1 }
  }
  const times = c.arbiterOnly ? {} : { optime: optime(`optime:${c.name}`), optimeDurable: optime(`durable:${c.name}`), optimeDate: at(`optimeDate:${c.name}`) }
  const source = other?.syncing.source
  const rest = { syncSourceHost: source === undefined ? '' : hostOf(m, source.name), syncSourceId: source === undefined ? -1 : (m.config?.member(source.name)?._id ?? -1), infoMessage: '' }
  const elected = state === 'PRIMARY' && other?.electionUs !== undefined ? { electionTime: { $timestamp: { t: Math.floor(msOf(other.electionUs) / 1000), i: 1 } }, electionDate: { $date: Math.floor(msOf(other.electionUs) / 1000) * 1000 } } : {}
  const version = { configVersion: (other?.config ?? m.config)?.version ?? -1, configTerm: (other?.config ?? m.config)?.term ?? -1 }
  if (self) return { ...head, uptime: at(`uptime:${c.name}`), ...times, ...rest, ...elected, ...version, self: true, lastHeartbeatMessage: '' }
  return { ...head, uptime: at(`uptime:${c.name}`), ...times, lastHeartbeat: at(`heard:${c.name}`), lastHeartbeatRecv: at(`heard:${c.name}`), pingMs: { $long: 0 }, lastHeartbeatMessage: '', ...rest, ...elected, ...version }
}

/** `db.getReplicationInfo()`: how far back the oplog reaches. */
export function replicationInfo(world: World, m: Mongod): object {
  if (m.copy === undefined) return refuse('CommandFailed', 'local.oplog.rs: no oplog on an arbiter')
  const spanUs = Number(valueOf(world, m, 'oplogFirst:'))
  const seconds = Math.round(spanUs / SECOND)
  const now = world.sim.now
  const { sizeMB } = world.oplogOf(m.copy)
  return {
    configuredLogSizeMB: sizeMB,
    logSizeMB: sizeMB,
    usedMB: sizeMB,
    timeDiff: seconds,
    timeDiffHours: Math.round(seconds / 36) / 100,
    tFirst: isoOf(now - spanUs),
    tLast: isoOf(now),
    now: isoOf(now),
  }
}
