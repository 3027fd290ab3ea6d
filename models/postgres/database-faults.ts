/** How faults of the database itself, and of a new version of it, strike. Each gives undefined where nothing is there to strike. */
import { defineEvent } from '../../src/kernel/index.ts'
import type { FaultKind, Strike, StruckFault } from '../../src/engine.ts'
import { contains } from '../../src/cluster/log/index.ts'
import type { Defect } from './defects.ts'
import { mergedLike } from './merged.ts'
import { addSlot } from './room.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

const SLOT = defineEvent('fault.slot-lost')
const ASTRAY = defineEvent('fault.standby-diverged')
const REBUILT = defineEvent('fault.standby-rebuilt')

/** Bytes in the kB of a magnitude. */
const KB = 1_000

/** The one target of a defective version, while the upgrade is meant to reach one. */
export const NEW_VERSION = 'new-version'

const DEFECTS: Partial<Record<FaultKind, Defect>> = {
  'new-version-crashes': 'crashes',
  'new-version-slow': 'slow',
  'new-version-cannot-read': 'cannot-read',
  'new-version-breaks-replication': 'breaks-replication',
  'new-version-false-ready': 'false-ready',
}

/** The upgrade's new version has a defect from now on. Members are those it touches at once: what it does at a start touches nobody yet. */
export function strikeVersion(world: World, fault: StruckFault): Strike | undefined {
  const defect = DEFECTS[fault.kind]
  if (defect === undefined || Object.keys(world.defects.target).length === 0) return undefined
  const members = touchedAtOnce(world, defect)
  return { struck: true, members, end: world.defects.begin(world, defect, Math.max(1, fault.magnitude)) }
}

function touchedAtOnce(world: World, defect: Defect): readonly string[] {
  const isNew = (server: Server) => world.defects.isNew(server.host)
  const servers = [...world.servers].filter(s => s.alive)
  switch (defect) {
    case 'crashes':
    case 'cannot-read':
      return []
    case 'slow':
    case 'false-ready':
      return servers.filter(isNew).map(s => s.name)
    case 'breaks-replication':
      // They follow a leader on the new version now.
      return servers.filter(s => !isNew(s) && s.receiver?.sender?.upstream.copy.leading === true && isNew(s.receiver.sender.upstream)).map(s => s.name)
  }
}

/** The slot through which a standby streams is invalidated; later somebody drops it and makes it anew (rule PG-SLOT-4). */
export function loseSlot(world: World, standby: Server): Strike | undefined {
  const sender = standby.receiver?.sender
  const slot = sender?.slot
  if (sender === undefined || slot === undefined) return undefined
  const { upstream } = sender
  world.sim.note(SLOT, standby.name, 0, `the replication slot "${slot.name}" on ${upstream.name} is invalidated`)
  slot.lost = true
  sender.close('its replication slot was invalidated')
  const end = () => {
    // Whoever dropped it, made it anew or removed the directory meanwhile has the last word.
    if (upstream.dir.slots.get(slot.name) !== slot) return
    addSlot(upstream, slot.name, upstream.copy.lsn('flush'))
    world.sim.note(SLOT, standby.name, 1, `the replication slot "${slot.name}" on ${upstream.name} was made anew`)
    world.topologyChanged()
  }
  return { struck: true, members: [standby.name], end }
}

/**
 * A standby that was started without its signal file and promoted for a moment: its process is new, and its log has `ownKb` that nobody else has
 * (rule PG-FOLLOW-3). No client was on it. The fault ends when somebody has rebuilt it from a base backup of the leader.
 */
export function leadAstray(world: World, standby: Server, ownKb: number): Strike {
  const { dir } = standby
  standby.crash('stopped by mistake', 137)
  const timeline = dir.timeline + 1
  dir.copy.lead({ timeline })
  const end = dir.copy.append(Math.max(1, Math.round(ownKb * KB)))
  dir.copy.stopLeading('clean')
  dir.timeline = timeline
  dir.checkpoint(end, world.sim.now)
  dir.control = 'shut down'
  world.sim.note(ASTRAY, standby.name, timeline, `${standby.name} was a primary for a moment and is a standby again: timeline ${timeline} has ${Math.round(ownKb)} kB of its own`)
  const diverged = dir.copy.branch
  let forget: (() => void) | undefined
  const rebuild = () => {
    const leader = [...world.servers].find(s => s.copy.leading && s.dir.systemId === dir.systemId && s.dir !== dir)
    const mine = world.directoryOf.get(standby.name) === dir && !dir.destroyed && dir.isStandby && !dir.copy.leading
    // Rewound, rebuilt, replaced or promoted by somebody else: nothing is left to do.
    if (!mine || dir.copy.branch !== diverged) return void forget?.()
    if (leader === undefined) return
    forget?.()
    if (contains(leader.copy.position('flush'), dir.position)) return
    world.serverOf(standby.name)?.crash('stopped to be rebuilt', 137)
    dir.copy.adopt(leader.copy.position('flush'))
    mergedLike(world, dir, leader.dir)
    dir.timeline = leader.dir.timeline
    dir.checkpoint(leader.copy.lsn('flush'), world.sim.now)
    dir.control = 'in archive recovery'
    world.sim.note(REBUILT, standby.name, dir.timeline, `${standby.name} was rebuilt from a base backup of ${leader.name}`)
  }
  return {
    struck: true,
    members: [standby.name],
    end: () => {
      forget = world.onTopology(rebuild)
      rebuild()
    },
  }
}
