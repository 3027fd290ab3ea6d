/** How each fault of the vocabulary strikes a PostgreSQL cluster, and what it may strike. */
import type { Disk } from '../../src/cluster/disk.ts'
import type { EngineKind, FaultKind, Strike, StruckFault } from '../../src/engine.ts'
import { defineEvent } from '../../src/kernel/index.ts'
import { isPlatformKind, PLATFORM_KINDS, type PlatformFaults } from '../kubernetes/index.ts'
import { leadAstray, loseSlot, NEW_VERSION, strikeVersion } from './database-faults.ts'
import type { Subscription } from './logical.ts'
import { POOLER } from './names.ts'
import type { Server } from './server.ts'
import { loseUnsynced } from './unwritten.ts'
import type { World } from './world.ts'

const LAG = defineEvent('fault.replication-lag')
const TRANSACTION = defineEvent('fault.long-transaction')

export const FAULT_KINDS: readonly FaultKind[] = [
  'process-crash', 'process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'zone-outage', 'partition', 'partition-inbound', 'partition-outbound',
  'latency', 'replication-lag', 'replay-stall', 'long-transaction', 'disk-slow', 'disk-full', 'api-server-away', 'image-pull-slow', 'operator-killed',
  'slot-lost', 'standby-diverged', 'load-spike', 'new-version-crashes', 'new-version-slow', 'new-version-cannot-read', 'new-version-breaks-replication', 'new-version-false-ready',
  ...PLATFORM_KINDS, 'proxy-restart', 'unsynced-writes-lost',
]

const MISSED: Strike = { struck: false, members: [], end: () => {} }

/** Volumes of members by pod name, for the disk faults. */
export type Volumes = (pod: string) => Disk | undefined

export class PostgresFaults {
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
        return this.servers().map(s => `member:${s.name}`)
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
      case 'standby-diverged':
        return this.servers().filter(s => s.receiver?.streaming || (kind !== 'standby-diverged' && world.logical.streamingInto(s.name) !== undefined)).map(s => `member:${s.name}`)
      case 'long-transaction':
        return this.servers().filter(s => s.copy.leading).map(s => `member:${s.name}`)
      case 'disk-slow':
      case 'disk-full':
        return kubernetes.pods().filter(p => this.volume(p.name) !== undefined).map(p => `volume:${p.name}`)
      // PostgreSQL itself leans on nothing beside it.
      case 'coordinator-away':
        return []
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
      case 'slot-lost':
        return this.servers().filter(s => s.receiver?.sender?.slot !== undefined || world.logical.streamingInto(s.name) !== undefined).map(s => `member:${s.name}`)
      case 'load-spike':
        return ['clients']
      case 'new-version-crashes':
      case 'new-version-slow':
      case 'new-version-cannot-read':
      case 'new-version-breaks-replication':
      case 'new-version-false-ready':
        return Object.keys(world.defects.target).length === 0 ? [] : [NEW_VERSION]
      case 'proxy-restart':
        return kubernetes.pods().filter(p => p.labels.app === POOLER && p.containerState === 'running').map(p => `pod:${p.name}`)
      // Kinds of other engines.
      default:
        return []
    }
  }

  private servers(): Server[] {
    return [...this.world.servers].filter(s => s.alive).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.incarnation - b.incarnation))
  }

  private membersOn(machine: (name: string) => boolean): string[] {
    return this.world.kubernetes.pods().filter(p => p.node !== undefined && machine(p.node) && this.volume(p.name) !== undefined).map(p => p.name)
  }

  strike(fault: StruckFault): Strike {
    this.world.faultStriking = true
    try {
      return this.hit(fault)
    } finally {
      this.world.faultStriking = false
    }
  }

  /** Changes arrive late; a lag cannot grow faster than time passes. */
  private delaySubscription(subscription: Subscription, fault: StruckFault): Strike {
    const { logical, sim } = this.world
    const { name } = subscription.subscriber
    const lateUs = Math.round(Math.min(fault.magnitude, Math.max(fault.durationUs, 1)))
    const add = (us: number): void => {
      subscription.extraDelayUs += us
      logical.relink(subscription)
    }
    add(lateUs)
    sim.note(LAG, name, lateUs, `${name} applies changes ${Math.round(lateUs / 1000) / 1000} s late`)
    return { struck: true, members: [name], end: () => add(-lateUs) }
  }

  private hit(fault: StruckFault): Strike {
    const { world } = this
    const { kubernetes, network, sim } = world
    const name = fault.target.slice(fault.target.indexOf(':') + 1)
    if (isPlatformKind(fault.kind)) return this.platform.strike(fault.kind, fault) ?? MISSED
    const server = this.servers().find(s => s.name === name)
    switch (fault.kind) {
      case 'process-crash':
      case 'process-kill': {
        if (server === undefined) return MISSED
        world.heldUntilUs.set(name, sim.now + fault.durationUs)
        server.crash(fault.kind === 'process-crash' ? 'PANIC' : 'SIGKILL', fault.kind === 'process-crash' ? 134 : 137)
        return { struck: true, members: [name], end: () => {} }
      }
      case 'process-pause': {
        if (server === undefined || server.paused) return MISSED
        server.pause(true)
        return { struck: true, members: [name], end: () => server.alive && server.pause(false) }
      }
      case 'node-loss':
      case 'node-loss-with-volume': {
        if (kubernetes.machines.get(name)?.up !== true) return MISSED
        const members = this.membersOn(m => m === name)
        const end = kubernetes.faults.nodeLoss(name, { volume: fault.kind === 'node-loss-with-volume' })
        return { struck: true, members, end }
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
      case 'latency':
        if (!kubernetes.machines.has(name)) return MISSED
        return { struck: true, members: this.membersOn(m => m === name), end: network.slowDown(name, Math.round(fault.magnitude)) }
      case 'replication-lag': {
        const subscription = world.logical.streamingInto(name)
        if (subscription !== undefined) return this.delaySubscription(subscription, fault)
        const sender = server?.receiver?.sender
        if (sender === undefined || sender.state === 'startup') return MISSED
        // A lag cannot grow faster than time passes: a second of congestion makes no minute of lag.
        const lateUs = Math.round(Math.min(fault.magnitude, Math.max(fault.durationUs, 1)))
        sender.extraDelayUs += lateUs
        sender.relink()
        sim.note(LAG, name, lateUs, `${name} receives WAL ${Math.round(lateUs / 1000) / 1000} s late`)
        const end = () => {
          sender.extraDelayUs -= lateUs
          if (server?.receiver?.sender === sender) sender.relink()
        }
        return { struck: true, members: [name], end }
      }
      case 'replay-stall': {
        const subscription = world.logical.streamingInto(name)
        if (subscription !== undefined) {
          sim.note(LAG, name, fault.durationUs, `the apply worker of ${name} stands still behind a lock`)
          return { struck: true, members: [name], end: subscription.stall() }
        }
        if (server?.receiver === undefined) return MISSED
        server.pauseReplay(true)
        return { struck: true, members: [name], end: () => server.alive && server.pauseReplay(false) }
      }
      case 'long-transaction': {
        if (server === undefined) return MISSED
        if (world.longTransactionUntilUs <= sim.now) world.longTransactionSinceUs = sim.now
        world.longTransactionUntilUs = Math.max(world.longTransactionUntilUs, sim.now + fault.durationUs)
        sim.note(TRANSACTION, name, fault.durationUs, `a client of ${name} holds a transaction open`)
        return { struck: true, members: [], end: () => {} }
      }
      case 'disk-slow': {
        const disk = this.volume(name)
        if (disk === undefined) return MISSED
        return { struck: true, members: [name], end: disk.slow(Math.max(1, fault.magnitude)) }
      }
      case 'disk-full': {
        const disk = this.volume(name)
        if (disk === undefined) return MISSED
        return { struck: true, members: [name], end: disk.fill() }
      }
      case 'api-server-away':
        return { struck: true, members: [], end: kubernetes.faults.apiServer('down') }
      case 'image-pull-slow':
        return { struck: true, members: [], end: kubernetes.faults.imagePullSlow(Math.max(1, fault.magnitude)) }
      case 'slot-lost': {
        const subscription = world.logical.streamingInto(name)
        if (subscription !== undefined) {
          world.logical.invalidate(subscription)
          return { struck: true, members: [name], end: () => {} }
        }
        return (server === undefined ? undefined : loseSlot(world, server)) ?? MISSED
      }
      case 'standby-diverged':
        return server?.receiver === undefined || server.copy.leading ? MISSED : leadAstray(world, server, fault.magnitude)
      case 'new-version-crashes':
      case 'new-version-slow':
      case 'new-version-cannot-read':
      case 'new-version-breaks-replication':
      case 'new-version-false-ready':
        return strikeVersion(world, fault) ?? MISSED
      case 'proxy-restart':
        if (kubernetes.pod(name)?.containerState !== 'running') return MISSED
        // On a machine that is gone nothing runs, whatever the API says.
        if (!kubernetes.faults.podKill(name)) return MISSED
        return { struck: true, members: [], end: () => {} }
      case 'unsynced-writes-lost':
        if (server === undefined) return MISSED
        world.heldUntilUs.set(name, sim.now + fault.durationUs)
        loseUnsynced(server, fault.magnitude)
        return { struck: true, members: [name], end: () => {} }
      // Carried out by the injector: the operator and the client programs are not the cluster's.
      case 'operator-killed':
      case 'operator-rolls-back':
      case 'operator-skips':
      case 'operator-repeats':
      case 'operator-swaps':
      case 'operator-wrong-target':
      case 'operator-stale-reading':
      case 'load-spike':
      default:
        return MISSED
    }
  }
}
