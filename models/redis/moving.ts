/** Slots that change hands by command (rules RD-MOVE-…). Source: cluster.c clusterCommand SETSLOT, ADDSLOTS, clusterBumpConfigEpochWithoutConsensus (7.0.15); recordings of 7.0.15. */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { SLOT_MOVED } from './events.ts'
import { groupsIn, isolate, width } from './groups.ts'
import { COMMIT_US, owns, replicaMigration } from './lead.ts'
import { SLOTS } from './names.ts'
import { announce } from './receive.ts'
import type { Server } from './server.ts'
import { rangeOf } from './slots.ts'
import { updateState } from './state.ts'

/** A key of the load, with its value: `datasetMB` in thousands. */
const KEYS_PER_MB = 1000
/** What the deletion of a key takes in the stream. */
const DELETION_BYTES = 45

/** Slots that a node's table gives to the master that it is or follows. */
export function slotsOf(server: Server): number {
  const { table, world } = server
  const master = server.isMaster ? table.myself : table.master
  return master === undefined ? 0 : table.groupsOf(master).reduce((sum, group) => sum + width(world, group), 0)
}

/** How many keys of a slot this process has. The load's keys lie evenly in the slots; those of one on its way leave together, last. */
export function keysIn(server: Server, slot: number): number {
  const { table, world } = server
  if (server.strays.has(slot)) return server.strays.get(slot) as number
  const owner = table.owner[rangeOf(world.ranges, slot)]
  if (owner === undefined || owner.id !== (server.isMaster ? server.id : table.myself.masterId)) return 0
  return Math.round((server.sizeMB * KEYS_PER_MB) / Math.max(1, slotsOf(server)))
}

/** From its own table: an epoch greater than any that it knows, without asking anybody (rule RD-MOVE-4). @returns whether it took a new one */
export function bumpEpoch(server: Server): boolean {
  const { table } = server
  let most = table.currentEpoch
  for (const peer of table.peers.values()) most = Math.max(most, peer.configEpoch)
  if (table.myself.configEpoch !== 0 && table.myself.configEpoch === most) return false
  table.currentEpoch = most + 1
  table.myself.configEpoch = table.currentEpoch
  table.version++
  server.world.bus.stir()
  return true
}

/** CLUSTER SETSLOT (rule RD-MOVE-1): `OK`, or the error. */
export function setSlot(server: Server, slot: number, action: string, id: string | undefined): string {
  const { table, world } = server
  if (!server.isMaster) return 'ERR Please use SETSLOT only with masters.'
  if (!(slot >= 0 && slot < SLOTS)) return 'ERR Invalid or out of range slot'
  const mine = (): boolean => table.owner[rangeOf(world.ranges, slot)] === table.myself
  if (action === 'migrating' && id !== undefined) {
    if (!mine()) return `ERR I'm not the owner of hash slot ${slot}`
    const peer = table.peers.get(id)
    if (peer === undefined) return `ERR I don't know about node ${id}`
    if (peer.role === 'replica') return 'ERR Target node is not a master'
    isolate(world, slot, slot)
    table.migrating.set(slot, id)
  } else if (action === 'importing' && id !== undefined) {
    if (mine()) return `ERR I'm already the owner of hash slot ${slot}`
    const peer = table.peers.get(id)
    if (peer === undefined) return `ERR I don't know about node ${id}`
    if (peer.role === 'replica') return 'ERR Target node is not a master'
    isolate(world, slot, slot)
    table.importing.set(slot, id)
  } else if (action === 'stable' && id === undefined) {
    table.migrating.delete(slot)
    table.importing.delete(slot)
  } else if (action === 'node' && id !== undefined) {
    const known = table.peers.get(id)
    if (known?.role === 'master' && known !== table.myself && mine() && keysIn(server, slot) > 0) return `ERR Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`
    return assign(server, slot, slot, id)
  }
  else return 'ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP'
  changed(server)
  return 'OK'
}

function changed(server: Server): void {
  server.table.version++
  server.world.bus.stir()
  updateState(server, server.world.sim.now)
  server.changed()
}

/** SETSLOT NODE for a range of slots whose keys are gone, as one after the other (rules RD-MOVE-1, RD-MOVE-4, RD-MOVE-5). */
export function assign(server: Server, first: number, last: number, id: string): string {
  const { table, world } = server
  if (!server.isMaster) return 'ERR Please use SETSLOT only with masters.'
  const peer = table.peers.get(id)
  if (peer === undefined) return `ERR Unknown node ${id}`
  if (peer.role === 'replica') return 'ERR Target node is not a master'
  const groups = groupsIn(world, first, last)
  const lost = groups.filter(group => table.owner[group] === table.myself)
  let imported = false
  for (let slot = first; slot <= last; slot++) {
    table.migrating.delete(slot)
    server.strays.delete(slot)
    if (peer === table.myself && table.importing.delete(slot)) imported = true
  }
  for (const group of groups) table.own(group, peer)
  if (peer !== table.myself && lost.length > 0 && table.myself.slots === 0 && replicaMigration(server)) {
    for (const log of world.logs) if (server.data.of(log)?.leading === true) dropShare(server, log)
    server.follow(id)
  }
  if (imported) {
    bumpEpoch(server)
    announce(server)
  }
  changed(server)
  return 'OK'
}

function dropShare(server: Server, log: ReplicatedLog): void {
  const copy = server.data.of(log) as Copy
  copy.stopLeading('clean')
  server.data.drop(copy)
}

/** ADDSLOTS and DELSLOTS of whole ranges: all or nothing (rule RD-MOVE-6). */
export function ownSlots(server: Server, ranges: readonly (readonly [number, number])[], own: boolean): string {
  const { table, world } = server
  const seen = new Set<number>()
  for (const [first, last] of ranges) {
    for (let slot = first; slot <= last; slot++) {
      if (!(slot >= 0 && slot < SLOTS)) return 'ERR Invalid or out of range slot'
      const owner = table.owner[rangeOf(world.ranges, slot)]
      if (own && owner !== undefined) return `ERR Slot ${slot} is already busy`
      if (!own && owner === undefined) return `ERR Slot ${slot} is already unassigned`
      if (seen.has(slot)) return `ERR Slot ${slot} specified multiple times`
      seen.add(slot)
    }
  }
  for (const [first, last] of ranges) {
    for (const group of groupsIn(world, first, last)) {
      table.own(group, own ? table.myself : undefined)
      for (let slot = first; slot <= last; slot++) table.importing.delete(slot)
    }
  }
  if (own) for (const log of world.logs) if (owns(server, log) && server.data.of(log) === undefined) beginEmpty(server, log)
  changed(server)
  return 'OK'
}

/** A share whose slots were nobody's, and of whose keys it has none. */
function beginEmpty(server: Server, log: ReplicatedLog): void {
  const position = { branch: log.genesis(0, server.table.myself.configEpoch), lsn: 0 }
  take(server, log, position)
}

function take(server: Server, log: ReplicatedLog, position: ReturnType<Copy['position']>): void {
  const { world, data } = server
  const copy = server.dir.copyIn(log, position)
  copy.adopt(position)
  const promotion = { atUs: world.sim.now, member: server.name, from: position, furthestReachable: true, by: 'operator' as const }
  copy.lead({ timeline: server.table.myself.configEpoch, commitLatencyUs: COMMIT_US })
  data.take(copy, world.sim.now)
  world.promoted(log, promotion)
}

/** The shares whose own slot is one of these. */
export function sharesIn(server: Server, first: number, last: number): readonly ReplicatedLog[] {
  const { world } = server
  return world.logs.filter(log => world.slotOf(log) >= first && world.slotOf(log) <= last)
}

/** While the keys of its own slot are on their way a share's writes wait: MIGRATE stops both servers (rule RD-MOVE-2). */
export function stopShares(server: Server, first: number, last: number): void {
  for (const log of sharesIn(server, first, last)) server.leaving.add(log)
  server.changed()
}

/**
 * All keys of some slots go from one master to another: MIGRATE is a RESTORE there and a DEL here. The history of a share goes with its slot. Their replicas hear of
 * it by their streams, unless these stand still: what has not arrived is lost with the master (rule RD-MOVE-2).
 */
export function moveKeys(from: Server, to: Server, first: number, last: number): void {
  const { world } = from
  const n = last - first + 1
  const share = Math.min(1, n / Math.max(1, slotsOf(from)))
  const movedMB = from.sizeMB * share
  from.sizeMB -= movedMB
  to.sizeMB += movedMB
  to.data.beside += Math.round(movedMB * 1_000_000)
  from.data.beside += Math.round(movedMB * KEYS_PER_MB) * DELETION_BYTES
  for (const log of sharesIn(from, first, last)) {
    from.leaving.delete(log)
    const copy = from.data.of(log)
    if (copy?.leading !== true) continue
    const position = copy.stopLeading('clean')
    from.data.drop(copy)
    take(to, log, position)
    to.resumable = true
  }
  world.sim.note(SLOT_MOVED, to.name, last, `the keys of slots ${first}–${last} (${Math.round(movedMB * KEYS_PER_MB)}) go from ${from.name} to ${to.name}`)
  for (const server of [from, to]) {
    for (const link of server.downstream) link.align()
    server.changed()
  }
}
