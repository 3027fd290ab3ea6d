/** How each fault of the vocabulary strikes a Redis Cluster, and what it may strike. */
import type { Disk } from '../../src/cluster/disk.ts'
import type { EngineKind, FaultKind, Strike, StruckFault } from '../../src/engine.ts'
import { defineEvent } from '../../src/kernel/index.ts'
import { isPlatformKind, PLATFORM_KINDS, type PlatformFaults } from '../kubernetes/index.ts'
import { DEFECT_OF } from './defects.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

const LAG = defineEvent('fault.replication-lag')
const DEFECT = defineEvent('fault.new-version')
const SETTING = defineEvent('fault.setting')

const OPERATOR_KINDS: readonly EngineKind[] = ['operator-killed', 'operator-rolls-back', 'operator-skips', 'operator-repeats', 'operator-swaps', 'operator-wrong-target', 'operator-stale-reading']

export const FAULT_KINDS: readonly FaultKind[] = [
  'process-crash', 'process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'zone-outage', 'partition', 'partition-inbound', 'partition-outbound', 'partition-peers', 'partition-heartbeats',
  'latency', 'replication-lag', 'disk-slow', 'disk-full', 'load-slow', 'api-server-away', 'image-pull-slow', 'operator-killed', 'load-spike', 'backlog-short', 'persistence-off', 'unsynced-writes-lost',
  'new-version-crashes', 'new-version-slow', 'new-version-cannot-read', 'new-version-breaks-replication', 'new-version-false-ready', ...PLATFORM_KINDS,
]

const MISSED: Strike = { struck: false, members: [], end: () => {} }
const NEW_VERSION = 'new-version'

export class RedisFaults {
  constructor(
    private readonly world: World,
    private readonly volume: (pod: string) => Disk | undefined,
    private readonly platform: PlatformFaults,
  ) {}

  /** What a kind can strike at this instant, in a fixed order. */
  targets(kind: EngineKind): readonly string[] {
    const { world } = this
    const { kubernetes } = world
    if (isPlatformKind(kind)) return this.platform.targets(kind)
    if (OPERATOR_KINDS.includes(kind)) return ['operator']
    if (kind in DEFECT_OF) return Object.keys(world.defects.target).length === 0 ? [] : [NEW_VERSION]
    switch (kind) {
      case 'process-crash':
      case 'process-kill':
      case 'process-pause':
      case 'partition-peers':
      case 'partition-heartbeats':
      case 'persistence-off':
      case 'unsynced-writes-lost':
        return this.servers().map(s => `member:${s.name}`)
      case 'load-slow':
        return world.memberNames.map(name => `member:${name}`)
      case 'node-loss':
      case 'node-loss-with-volume':
      case 'partition':
      case 'partition-inbound':
      case 'partition-outbound':
      case 'latency':
        return [...kubernetes.machines.values()].filter(m => m.up).map(m => `node:${m.name}`)
      case 'zone-outage':
        return [...new Set([...kubernetes.machines.values()].map(m => m.zone))].map(z => `zone:${z}`)
      case 'replication-lag':
        return this.servers().filter(s => s.upstream?.state === 'up').map(s => `member:${s.name}`)
      case 'disk-slow':
      case 'disk-full':
        return kubernetes.pods().filter(p => this.volume(p.name) !== undefined).map(p => `volume:${p.name}`)
      case 'api-server-away':
        return ['control-plane']
      case 'image-pull-slow':
        return ['registry']
      case 'load-spike':
        return ['clients']
      case 'backlog-short':
        return ['backlog']
      default:
        return []
    }
  }

  private servers(): Server[] {
    return [...this.world.servers].filter(s => s.alive && s.state !== 'loading').sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.incarnation - b.incarnation))
  }

  private membersOn(machine: (name: string) => boolean): string[] {
    return this.world.kubernetes.pods().filter(p => p.node !== undefined && machine(p.node) && p.owner?.name === this.world.options.name).map(p => p.name)
  }

  strike(fault: StruckFault): Strike {
    this.world.faultStriking = true
    this.world.bus.catchUp()
    try {
      const { end, ...strike } = this.hit(fault)
      return {
        ...strike,
        end: () => {
          this.world.bus.catchUp()
          end()
        },
      }
    } finally {
      this.world.faultStriking = false
    }
  }

  private hit(fault: StruckFault): Strike {
    const { world } = this
    const { kubernetes, network, sim } = world
    const name = fault.target.slice(fault.target.indexOf(':') + 1)
    if (isPlatformKind(fault.kind)) return this.platform.strike(fault.kind, fault) ?? MISSED
    const defect = DEFECT_OF[fault.kind]
    if (defect !== undefined) {
      if (Object.keys(world.defects.target).length === 0) return MISSED
      sim.note(DEFECT, NEW_VERSION, 1, `the new version ${defect === 'slow' ? 'is slower' : defect}`)
      const end = world.defects.begin(defect, fault.magnitude)
      return { struck: true, members: [], end }
    }
    const server = this.servers().find(s => s.name === name)
    switch (fault.kind) {
      case 'process-crash':
      case 'process-kill':
      case 'unsynced-writes-lost': {
        if (server === undefined) return MISSED
        world.heldUntilUs.set(name, sim.now + fault.durationUs)
        server.crash(fault.kind === 'unsynced-writes-lost' ? 'power' : 'killed', fault.kind === 'process-crash' ? 139 : 137)
        return { struck: true, members: [name], end: () => {} }
      }
      case 'process-pause':
        if (server === undefined || server.paused) return MISSED
        server.pause(true)
        return { struck: true, members: [name], end: () => server.alive && server.pause(false) }
      case 'node-loss':
      case 'node-loss-with-volume': {
        if (kubernetes.machines.get(name)?.up !== true) return MISSED
        const members = this.membersOn(m => m === name)
        return { struck: true, members, end: kubernetes.faults.nodeLoss(name, { volume: fault.kind === 'node-loss-with-volume' }) }
      }
      case 'zone-outage': {
        if (![...kubernetes.machines.values()].some(m => m.up && m.zone === name)) return MISSED
        const members = this.membersOn(m => kubernetes.machines.get(m)?.zone === name)
        return { struck: true, members, end: kubernetes.faults.zoneOutage(name) }
      }
      case 'partition':
      case 'partition-inbound':
      case 'partition-outbound': {
        if (!kubernetes.machines.has(name)) return MISSED
        const is = (place: string) => place === name
        const others = (place: string) => place !== name
        const ends: (() => void)[] = []
        if (fault.kind !== 'partition-outbound') ends.push(network.cut(`into ${name}`, others, is))
        if (fault.kind !== 'partition-inbound') ends.push(network.cut(`out of ${name}`, is, others))
        return { struck: true, members: this.membersOn(m => m === name), end: () => ends.forEach(end => end()) }
      }
      case 'partition-peers':
      case 'partition-heartbeats': {
        if (server === undefined) return MISSED
        sim.note(SETTING, name, 1, `${name} is cut off from the other members${fault.kind === 'partition-heartbeats' ? '’ heartbeats' : ''}`)
        return { struck: true, members: [name], end: world.bus.cut((a, b) => (a === name) !== (b === name), fault.kind === 'partition-peers') }
      }
      case 'latency':
        if (!kubernetes.machines.has(name)) return MISSED
        return { struck: true, members: this.membersOn(m => m === name), end: network.slowDown(name, Math.round(fault.magnitude)) }
      case 'replication-lag': {
        const link = server?.upstream
        if (link?.state !== 'up') return MISSED
        // A lag cannot grow faster than time passes.
        const lateUs = Math.round(Math.min(fault.magnitude, Math.max(fault.durationUs, 1)))
        link.extraDelayUs += lateUs
        link.relink()
        sim.note(LAG, name, lateUs, `${name} receives its master's writes ${Math.round(lateUs / 1000) / 1000} s late`)
        const end = () => {
          link.extraDelayUs -= lateUs
          if (server?.upstream === link) link.relink()
        }
        return { struck: true, members: [name], end }
      }
      case 'disk-slow':
      case 'disk-full': {
        const disk = this.volume(name)
        if (disk === undefined) return MISSED
        const over = fault.kind === 'disk-full' ? disk.fill() : disk.slow(Math.max(1, fault.magnitude))
        world.serverOf(name)?.changed()
        const end = () => {
          over()
          world.serverOf(name)?.changed()
        }
        return { struck: true, members: [name], end }
      }
      case 'load-slow': {
        if (!world.memberNames.includes(name)) return MISSED
        world.loadFactor.set(name, Math.max(1, fault.magnitude))
        sim.note(SETTING, name, Math.round(fault.magnitude), `${name} would load its data ${fault.magnitude} times more slowly`)
        return { struck: true, members: [name], end: () => void world.loadFactor.delete(name) }
      }
      case 'persistence-off':
        if (server === undefined || world.unpersisted.has(name)) return MISSED
        world.unpersisted.add(name)
        sim.note(SETTING, name, 2, `${name} saves nothing any more`)
        return { struck: true, members: [name], end: () => void world.unpersisted.delete(name) }
      case 'backlog-short':
        world.backlogShare /= Math.max(1, fault.magnitude)
        sim.note(SETTING, 'backlog', Math.round(fault.magnitude), `masters keep ${fault.magnitude} times less for replicas that come back`)
        return { struck: true, members: [], end: () => void (world.backlogShare *= Math.max(1, fault.magnitude)) }
      case 'api-server-away':
        return { struck: true, members: [], end: kubernetes.faults.apiServer('down') }
      case 'image-pull-slow':
        return { struck: true, members: [], end: kubernetes.faults.imagePullSlow(Math.max(1, fault.magnitude)) }
      // Carried out by the injector: the operator and the client programs are not the cluster's.
      default:
        return MISSED
    }
  }
}

