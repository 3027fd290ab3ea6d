/**
 * Moves slots from one master to another as redis-cli does: SETSLOT IMPORTING and MIGRATING, keys ten at a time, SETSLOT NODE to both and to all other masters (rule RD-MOVE-1).
 * Source: redis-cli.c clusterManagerMoveSlot (7.0.15); measured on 7.0.15.
 */
import { MILLISECOND, type Process, SECOND, Signal, type Us, within } from '../../../src/kernel/index.ts'
import { tidy } from '../groups.ts'
import { assign, keysIn, moveKeys, setSlot, sharesIn, stopShares } from '../moving.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import { type Place, reach } from './reach.ts'
import { PORT } from '../names.ts'

/** As many slots as this long takes are looked at together: whoever breaks in finds those before done, and one open. */
const STRETCH_US: Us = SECOND / 4
const BATCH = 10
/** How long MIGRATE waits for its target. */
const MIGRATE_TIMEOUT_US = 60 * SECOND

export interface Moving {
  readonly world: World
  readonly place: Place
  /** Masters when the tool looked; it does not look again. */
  readonly masters: readonly Server[]
  /** Told of each slot whose keys go. */
  readonly began: (slot: number, from: Server, keys: number) => void
}

/** Why it stopped, in the tool's words; undefined = all are moved. */
export function* moveSlots(m: Moving, from: Server, to: Server, first: number, last: number): Process<string | undefined> {
  const { world } = m
  for (let slot = first; slot <= last; ) {
    const keys = keysIn(from, slot)
    const slotUs = Math.round(world.timeUs('moveCommandMs', from.name) * exchanges(m, keys))
    // A slot that stands for a share goes alone, so that its traffic goes when it does.
    let end = Math.min(last, slot + Math.max(1, Math.floor(STRETCH_US / slotUs)) - 1)
    if (sharesIn(from, slot, slot).length > 0) end = slot
    else while (end > slot && sharesIn(from, slot, end).length > 0) end--
    const why = yield* stretch(m, from, to, slot, end, slotUs, keys)
    if (why !== undefined) return why
    slot = end + 1
  }
  return undefined
}

/** Commands for one slot. */
function exchanges({ masters }: Moving, keys: number): number {
  const batches = Math.ceil(keys / BATCH)
  return 2 + batches + (batches + 1) + Math.max(2, masters.length)
}

function* stretch(m: Moving, from: Server, to: Server, first: number, last: number, slotUs: Us, keys: number): Process<string | undefined> {
  const { world } = m
  const beganUs = world.sim.now
  for (const [node, peer, action] of [[to, from, 'importing'], [from, to, 'migrating']] as const) {
    if (!answers(m, node)) return 'CLUSTER SETSLOT failed to run'
    world.bus.catchUp()
    const said = setSlot(node, first, action, peer.id)
    if (said !== 'OK') return said
  }
  m.began(first, from, keys)
  // With keys to take, a target that is down refuses them.
  if (keys > 0 && !to.clusterOk) return 'ERR Target instance replied with error: CLUSTERDOWN The cluster is down'
  const brief = sharesIn(from, first, last).length > 0
  let over = false
  let stopped: string | undefined
  try {
    while (world.sim.now - beganUs < (last - first + 1) * slotUs) {
      const moved = new Signal()
      const forget = world.onTopology(() => moved.fire())
      yield within(moved, beganUs + (last - first + 1) * slotUs - world.sim.now)
      forget()
      stopped = trouble(m, from, to)
      if (stopped === STANDS_STILL) stopped = yield* stoodStill(m, from, to, keys)
      if (stopped !== undefined) break
    }
    if (stopped === undefined && brief) {
      stopShares(from, first, last)
      yield MILLISECOND
      stopped = trouble(m, from, to)
      if (stopped === STANDS_STILL) stopped = READING
    }
    over = stopped === undefined
  } finally {
    // Broken into, by whatever it may be: the slots before the one in hand are done.
    const done = over ? last : Math.min(last, first + Math.floor((world.sim.now - beganUs) / slotUs)) - 1
    if (!over) for (const log of sharesIn(from, first, last)) from.leaving.delete(log)
    world.bus.catchUp()
    if (done >= first) {
      const why = settle(m, from, to, first, done)
      stopped ??= why
    }
    if (!over && done < last && done >= first) {
      if (to.alive) setSlot(to, done + 1, 'importing', from.id)
      if (from.alive) setSlot(from, done + 1, 'migrating', to.id)
    }
  }
  for (let slot = first + 1; slot <= last && stopped === undefined; slot++) m.began(slot, from, keys)
  return stopped
}

/** Keys and ownership of whole slots. */
function settle(m: Moving, from: Server, to: Server, first: number, last: number): string | undefined {
  const { world } = m
  // Those before the first were opened and closed one by one.
  if (to.alive) for (let slot = first; slot <= last; slot++) to.table.importing.set(slot, from.id)
  moveKeys(from, to, first, last)
  let why: string | undefined
  const tell = (node: Server): string => (node.alive ? assign(node, first, last, to.id) : 'CLUSTER SETSLOT failed to run')
  const said = tell(to)
  if (said !== 'OK') why = said
  // The last slot of the source: it may know already, and be a replica by now.
  const source = tell(from)
  if (source !== 'OK' && !source.startsWith('ERR Please use SETSLOT only with masters.')) why ??= source
  for (const node of m.masters) {
    if (node === to || node === from || why !== undefined) continue
    const other = tell(node)
    if (other !== 'OK') why = other
  }
  tidy(world)
  return why
}

const STANDS_STILL = 'stands still'
const MIGRATE = 'migrate'
const READING = 'IOERR error or timeout reading to target instance'

function answers({ world, place }: Moving, node: Server): boolean {
  const reached = reach(world, place, node.host.address, PORT)
  return !('error' in reached) && !('hangs' in reached)
}

/** What keeps the next key from moving. */
function trouble(m: Moving, from: Server, to: Server): string | undefined {
  if (!from.alive || !answers(m, from)) return ''
  if (!from.isMaster) return 'ERR Please use SETSLOT only with masters.'
  if (!to.alive) return 'CLUSTER SETSLOT failed to run'
  if (stands(m, from, to)) return STANDS_STILL
  return undefined
}

/** The target does not answer: the tool waits for it, or MIGRATE does, and with it the whole source for up to a minute (rule RD-MOVE-8). */
function* stoodStill(m: Moving, from: Server, to: Server, keys: number): Process<string | undefined> {
  const { world } = m
  const migrating = world.uniform(from.name, 'in MIGRATE') < Math.ceil(keys / BATCH) / exchanges(m, keys)
  const untilUs = migrating ? world.sim.now + MIGRATE_TIMEOUT_US : Number.POSITIVE_INFINITY
  if (migrating) from.pause(true, MIGRATE)
  try {
    while (world.sim.now < untilUs) {
      if (!from.alive) return ''
      if (!to.alive) return migrating ? READING : 'CLUSTER SETSLOT failed to run'
      if (!stands(m, from, to)) return undefined
      const moved = new Signal()
      const forget = world.onTopology(() => moved.fire())
      yield within(moved, untilUs - world.sim.now)
      forget()
    }
    return READING
  } finally {
    if (migrating && from.alive) from.pause(false, MIGRATE)
  }
}

function stands({ world }: Moving, from: Server, to: Server): boolean {
  return to.paused || to.blocked || !world.network.connected(from.place, to.place)
}
