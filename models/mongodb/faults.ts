/** How each fault of the vocabulary strikes a replica set, and what it may strike. */
import type { Disk } from '../../src/cluster/disk.ts'
import type { EngineKind, FaultKind, Strike, StruckFault } from '../../src/engine.ts'
import { defineEvent } from '../../src/kernel/index.ts'
import { isPlatformKind, PLATFORM_KINDS, type PlatformFaults } from '../kubernetes/index.ts'
import type { Defect } from './defects.ts'
import type { Mongod } from './mongod.ts'
import { loseUnsynced } from './unsynced.ts'
import type { World } from './world.ts'

const LAG = defineEvent('fault.replication-lag')
const STALL = defineEvent('fault.apply-stalled')
const NEW_VERSION = 'new-version'

export const FAULT_KINDS: readonly FaultKind[] = [
  'process-crash', 'process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'zone-outage', 'partition', 'partition-inbound', 'partition-outbound',
  'latency', 'replication-lag', 'replay-stall', 'disk-slow', 'disk-full', 'api-server-away', 'image-pull-slow', 'operator-killed', 'load-spike',
  'new-version-crashes', 'new-version-slow', 'new-version-cannot-read', 'new-version-breaks-replication', 'new-version-false-ready', ...PLATFORM_KINDS, 'unsynced-writes-lost',
]

const DEFECTS: Partial<Record<FaultKind, Defect>> = {
  'new-version-crashes': 'crashes',
  'new-version-slow': 'slow',
  'new-version-cannot-read': 'cannot-read',
  'new-version-breaks-replication': 'breaks-replication',
  'new-version-false-ready': 'false-ready',
}

const MISSED: Strike = { struck: false, members: [], end: () => {} }

export type Volumes = (pod: string) => Disk | undefined

export class MongodbFaults {
  constructor(
    private readonly world: World,
    private readonly volume: Volumes,
    private readonly platform: PlatformFaults,
  ) {}

  /** What a kind can strike at this instant, in a fixed order. */
  targets(kind: EngineKind): readonly string[] {
    const { world } = this
    const { kubernetes } = world
    if (isPlatformKind(kind)) return this.platform.targets(kind)
    switch (kind) {
      case 'process-crash':
      case 'process-kill':
      case 'process-pause':
      case 'unsynced-writes-lost':
        return this.mongods().map(m => `member:${m.name}`)
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
      case 'replay-stall':
        return this.mongods().filter(m => m.state === 'SECONDARY' && m.copy?.upstream !== undefined).map(m => `member:${m.name}`)
      case 'disk-slow':
      case 'disk-full':
        return kubernetes.pods().filter(p => this.volume(p.name) !== undefined).map(p => `volume:${p.name}`)
      case 'api-server-away':
        return ['control-plane']
      case 'image-pull-slow':
        return ['registry']
      case 'operator-killed':
      case 'operator-rolls-back':
      case 'operator-skips':
      case 'operator-repeats':
      case 'operator-swaps':
      case 'operator-wrong-target':
      case 'operator-stale-reading':
        return ['operator']
      case 'load-spike':
        return ['clients']
      case 'new-version-crashes':
      case 'new-version-slow':
      case 'new-version-cannot-read':
      case 'new-version-breaks-replication':
      case 'new-version-false-ready':
        return world.defects.target.engine === undefined ? [] : [NEW_VERSION]
      default:
        return []
    }
  }

  private mongods(): Mongod[] {
    return [...this.world.mongods].filter(m => m.alive && m.listening && m.copy !== undefined).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.incarnation - b.incarnation))
  }

  private membersOn(machine: (name: string) => boolean): string[] {
    return this.world.kubernetes.pods().filter(p => p.node !== undefined && machine(p.node) && this.world.memberNames.includes(p.name)).map(p => p.name)
  }

  strike(fault: StruckFault): Strike {
    this.world.faultStriking = true
    try {
      return this.hit(fault)
    } finally {
      this.world.faultStriking = false
    }
  }

  private hit(fault: StruckFault): Strike {
    const { world } = this
    const { kubernetes, network, sim } = world
    const name = fault.target.slice(fault.target.indexOf(':') + 1)
    if (isPlatformKind(fault.kind)) return this.platform.strike(fault.kind, fault) ?? MISSED
    const m = this.mongods().find(x => x.name === name)
    switch (fault.kind) {
      case 'process-crash':
      case 'process-kill': {
        if (m === undefined) return MISSED
        world.heldUntilUs.set(name, sim.now + fault.durationUs)
        m.crash(fault.kind === 'process-crash' ? 'Fatal assertion' : 'SIGKILL', fault.kind === 'process-crash' ? 134 : 137)
        return { struck: true, members: [name], end: () => {} }
      }
      case 'process-pause': {
        if (m === undefined || m.paused) return MISSED
        m.pause(true)
        return { struck: true, members: [name], end: () => m.alive && m.pause(false) }
      }
      case 'node-loss':
      case 'node-loss-with-volume': {
        if (kubernetes.machines.get(name)?.up !== true) return MISSED
        const members = this.membersOn(x => x === name)
        return { struck: true, members, end: kubernetes.faults.nodeLoss(name, { volume: fault.kind === 'node-loss-with-volume' }) }
      }
      case 'zone-outage': {
        if (![...kubernetes.machines.values()].some(x => x.up && x.zone === name)) return MISSED
        const members = this.membersOn(x => kubernetes.machines.get(x)?.zone === name)
        return { struck: true, members, end: kubernetes.faults.zoneOutage(name) }
      }
      case 'partition':
      case 'partition-inbound':
      case 'partition-outbound': {
        if (!kubernetes.machines.has(name)) return MISSED
        const is = (place: string): boolean => place === name
        const others = (place: string): boolean => place !== name
        const ends: (() => void)[] = []
        if (fault.kind !== 'partition-outbound') ends.push(network.cut(`into ${name}`, others, is))
        if (fault.kind !== 'partition-inbound') ends.push(network.cut(`out of ${name}`, is, others))
        return { struck: true, members: this.membersOn(x => x === name), end: () => ends.forEach(end => end()) }
      }
      case 'latency':
        if (!kubernetes.machines.has(name)) return MISSED
        return { struck: true, members: this.membersOn(x => x === name), end: network.slowDown(name, Math.round(fault.magnitude)) }
      case 'replication-lag': {
        if (m?.copy?.upstream === undefined) return MISSED
        // A lag cannot grow faster than time passes.
        const lateUs = Math.round(Math.min(fault.magnitude, Math.max(fault.durationUs, 1)))
        this.late(name, lateUs)
        sim.note(LAG, name, lateUs, `${name} receives the oplog ${Math.round(lateUs / 1000) / 1000} s late`)
        return { struck: true, members: [name], end: () => this.late(name, -lateUs) }
      }
      case 'replay-stall': {
        const copy = m?.copy
        if (m === undefined || copy === undefined || copy.leading || world.frozen.has(copy)) return MISSED
        const release = world.holdApply(copy)
        sim.note(STALL, name, 1, `${name} applies nothing`)
        world.topologyChanged()
        const end = (): void => {
          release()
          sim.note(STALL, name, 0, `${name} applies again`)
          world.topologyChanged()
        }
        return { struck: true, members: [name], end }
      }
      case 'disk-slow': {
        const disk = this.volume(name)
        return disk === undefined ? MISSED : { struck: true, members: [name], end: disk.slow(Math.max(1, fault.magnitude)) }
      }
      case 'disk-full': {
        const disk = this.volume(name)
        return disk === undefined ? MISSED : { struck: true, members: [name], end: disk.fill() }
      }
      case 'api-server-away':
        return { struck: true, members: [], end: kubernetes.faults.apiServer('down') }
      case 'image-pull-slow':
        return { struck: true, members: [], end: kubernetes.faults.imagePullSlow(Math.max(1, fault.magnitude)) }
      case 'new-version-crashes':
      case 'new-version-slow':
      case 'new-version-cannot-read':
      case 'new-version-breaks-replication':
      case 'new-version-false-ready':
        return this.defect(DEFECTS[fault.kind] as Defect, Math.max(1, fault.magnitude))
      case 'unsynced-writes-lost':
        if (m === undefined) return MISSED
        world.heldUntilUs.set(name, sim.now + fault.durationUs)
        loseUnsynced(m, fault.magnitude)
        return { struck: true, members: [name], end: () => {} }
      // The others are carried out by the injector, or nothing here has them.
      default:
        return MISSED
    }
  }

  private late(name: string, byUs: number): void {
    const { world } = this
    const left = (world.lateUs.get(name) ?? 0) + byUs
    if (left > 0) world.lateUs.set(name, left)
    else world.lateUs.delete(name)
    world.mongodOf(name)?.syncing.relink()
    world.topologyChanged()
  }

  private defect(defect: Defect, factor: number): Strike {
    const { world } = this
    if (world.defects.target.engine === undefined) return MISSED
    const touched = this.mongods().filter(m => world.defects.isNew(m.host.version) && (defect === 'slow' || defect === 'false-ready')).map(m => m.name)
    return { struck: true, members: touched, end: world.defects.begin(world, defect, factor) }
  }
}
