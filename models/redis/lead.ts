/** Which key shares a master leads: those whose slots it has (rules RD-EMPTY-1, RD-ELECT-6, RD-MOVE-3). */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { unpack } from './dataset.ts'
import { EMPTY, PROMOTED } from './events.ts'
import type { Server } from './server.ts'
import type { Peer } from './table.ts'

/** A position in a history never had: the least a copy can hold. */
const NOTHING_LSN = 0
/** Acknowledged by the master alone (rule RD-REPL-1). */
export const COMMIT_US = 100

/** Whether a node's own table gives it the slots of a key share. */
export function owns(server: Server, log: ReplicatedLog): boolean {
  return server.table.owner[server.world.groupOf(log)] === server.table.myself
}

/** An empty copy of a share, of a history that nobody else has. */
function emptyCopy(server: Server, log: ReplicatedLog): Copy {
  const position = { branch: log.genesis(NOTHING_LSN, server.table.myself.configEpoch), lsn: NOTHING_LSN }
  const [copy] = unpack(server.dir, [{ log, position }])
  return copy as Copy
}

/** Its copies of some shares; what it has of others goes. Where it has none at all, it is empty. */
function copiesOf(server: Server, logs: readonly ReplicatedLog[]): readonly Copy[] {
  const { data } = server
  const copies = logs.map(log => data.of(log) ?? emptyCopy(server, log))
  if (copies.length === data.copies.length && copies.every((copy, i) => copy === data.copies[i])) return copies
  if (logs.every(log => data.of(log) === undefined)) server.sizeMB = 0
  data.become(copies, data.copies.length === 0 ? 0 : data.offset - copies.reduce((sum, copy) => sum + copy.lsn('receive'), 0))
  return copies
}

/** A master comes up with its slots: it goes on with the data it has, or with none at all (rule RD-EMPTY-1). */
export function leadOn(server: Server): void {
  const { world, table, data } = server
  const logs = world.logsIn(table.groupsOf(table.myself))
  const lacking = logs.filter(log => data.of(log) === undefined)
  const none = lacking.length === logs.length
  const copies = copiesOf(server, logs)
  if (lacking.length > 0) world.sim.note(EMPTY, server.name, world.groupOf(lacking[0] as ReplicatedLog), none ? `${server.name} came up empty and still owns its slots: there was nothing on its volume to load` : `${server.name} came up without the keys of slots that it owns: they had come to it after what is on its volume was written`)
  for (const copy of copies) copy.lead({ commitLatencyUs: COMMIT_US })
  server.backlogFrom = server.offset
  server.resumable = true
  server.datasetIs()
}

/** It has taken over its master's slots, and leads their histories from here (rule RD-ELECT-6). */
export function inherit(server: Server, old: Peer, groups: readonly number[], by: 'operator' | 'engine'): void {
  const { world, table } = server
  const logs = world.logsIn(groups)
  for (const copy of copiesOf(server, logs)) {
    const from = copy.position('receive')
    const furthestReachable = ![...world.servers].some(s => s !== server && s.onBus && world.network.connected('operator', s.place) && further(s.data.of(copy.log), copy))
    copy.lead({ timeline: table.myself.configEpoch, commitLatencyUs: COMMIT_US })
    world.promoted(copy.log, { atUs: world.sim.now, member: server.name, from, furthestReachable, by, ...(by === 'engine' && old.failed ? { verdictUs: Math.min(old.failedAtUs, world.sim.now) } : {}) })
  }
  world.sim.note(PROMOTED, server.name, table.myself.configEpoch, `${server.name} took over the slots of ${world.shardsOf(logs)} in epoch ${table.myself.configEpoch}`)
}

function further(other: Copy | undefined, copy: Copy): boolean {
  return other !== undefined && other.branch === copy.branch && other.lsn('receive') > copy.lsn('receive')
}

/** Slots went to another master by its claim: their keys are deleted here (rule RD-MOVE-3). */
export function giveUp(server: Server): void {
  const { data } = server
  for (const copy of data.copies) {
    if (!copy.leading || owns(server, copy.log) || server.table.importing.has(server.world.slotOf(copy.log))) continue
    copy.stopLeading('clean')
    data.drop(copy)
  }
}

/** cluster-allow-replica-migration: whether a node whose master (or who itself) lost its last slot follows whoever took it. */
export function replicaMigration(server: Server): boolean {
  return server.setting('cluster-allow-replica-migration', server.world.options.allowReplicaMigration ? 'yes' : 'no') === 'yes'
}
