/** How each fault of the vocabulary strikes a fleet, and what it may strike. */
import type { EngineKind, FaultKind, Strike, StruckFault } from '../../src/engine.ts'
import type { Process } from '../../src/kernel/index.ts'
import { isPlatformKind, PLATFORM_KINDS, type PlatformFaults } from '../kubernetes/index.ts'
import type { VitessCluster } from './cluster.ts'
import type { Defect } from './defects.ts'
import { EVENT } from './events.ts'
import type { Tablet } from './tablet.ts'
import type { Stream } from './vreplication.ts'
import type { World } from './world.ts'
import { VTGATE_IMAGE } from './topology.ts'

export const FAULT_KINDS: readonly FaultKind[] = [
  'process-crash', 'process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'zone-outage', 'partition', 'partition-inbound', 'partition-outbound',
  'latency', 'replication-lag', 'replay-stall', 'long-transaction', 'disk-slow', 'disk-full', 'api-server-away', 'image-pull-slow', 'operator-killed',
  'standby-diverged', 'load-spike', 'new-version-crashes', 'new-version-slow', 'new-version-cannot-read', 'new-version-breaks-replication', 'new-version-false-ready',
  ...PLATFORM_KINDS, 'proxy-restart', 'coordinator-away',
]

const MISSED: Strike = { struck: false, members: [], end: () => {} }
/** The one target of a defective version, while the upgrade is meant to reach one. */
const NEW_VERSION = 'new-version'
/** Bytes in the kB of a magnitude. */
const KB = 1_000

const DEFECTS: Partial<Record<FaultKind, Defect>> = {
  'new-version-crashes': 'crashes',
  'new-version-slow': 'slow',
  'new-version-cannot-read': 'cannot-read',
  'new-version-breaks-replication': 'breaks-replication',
  'new-version-false-ready': 'false-ready',
}

export class VitessFaults {
  constructor(
    private readonly world: World,
    private readonly cluster: VitessCluster,
    private readonly platform: PlatformFaults,
  ) {}

  /** What a kind can strike at this instant, in a fixed order. */
  targets(kind: EngineKind): readonly string[] {
    const { world } = this
    const { kubernetes } = world
    if (isPlatformKind(kind)) return this.platform.targets(kind)
    const tablets = [...world.tablets.values()]
    const names = (fits: (t: Tablet) => boolean): string[] => tablets.filter(fits).map(t => `member:${t.pod}`)
    switch (kind) {
      case 'process-crash':
        return names(t => t.up && t.agent)
      case 'process-kill':
      case 'process-pause':
        return names(t => t.up)
      case 'node-loss':
      case 'node-loss-with-volume':
      case 'partition':
      case 'partition-inbound':
      case 'partition-outbound':
      case 'latency':
        return tablets.flatMap(t => kubernetes.pods$.get(t.pod)?.node ?? []).filter(node => kubernetes.machines.get(node)?.up === true).map(node => `node:${node}`)
      case 'zone-outage':
        return [...new Set(tablets.map(t => t.cell))].sort().map(zone => `zone:${zone}`)
      case 'replication-lag':
      case 'replay-stall':
        return names(t => t.linked || fedBy(t) !== undefined)
      case 'standby-diverged':
        return names(t => t.linked)
      case 'long-transaction':
        return names(t => t.copy.leading)
      case 'disk-slow':
      case 'disk-full':
        return tablets.filter(t => this.cluster.volume(t.pod) !== undefined).map(t => `volume:${t.pod}`)
      case 'api-server-away':
        return ['control-plane']
      case 'image-pull-slow':
        return ['registry']
      case 'coordinator-away':
        return ['coordinator:topo', ...(world.options.vtorc === false ? [] : ['coordinator:vtorc']), 'coordinator:operator']
      case 'load-spike':
        return ['clients']
      case 'new-version-crashes':
      case 'new-version-slow':
      case 'new-version-cannot-read':
      case 'new-version-breaks-replication':
      case 'new-version-false-ready':
        return Object.keys(world.defects.target).length === 0 ? [] : [NEW_VERSION]
      case 'proxy-restart':
        return kubernetes.pods().filter(p => p.image === VTGATE_IMAGE && p.containerState === 'running').map(p => `pod:${p.name}`)
      case 'operator-killed':
      case 'operator-rolls-back':
      case 'operator-skips':
      case 'operator-repeats':
      case 'operator-swaps':
      case 'operator-wrong-target':
      case 'operator-stale-reading':
        return ['operator']
      // What a MySQL server does not have: replication slots, and a commit that is not on the disk (sync_binlog and innodb_flush_log_at_trx_commit are 1).
      case 'slot-lost':
      case 'unsynced-writes-lost':
        return []
      default:
        return []
    }
  }

  strike(fault: StruckFault): Strike {
    this.world.faultStriking = true
    try {
      return this.hit(fault)
    } finally {
      this.world.faultStriking = false
    }
  }

  private membersOn(machine: (name: string) => boolean): string[] {
    return [...this.world.tablets.values()].filter(t => {
      const node = this.world.kubernetes.pods$.get(t.pod)?.node
      return node !== undefined && machine(node)
    }).map(t => t.pod)
  }

  private hit(fault: StruckFault): Strike {
    const { world, cluster } = this
    const { kubernetes, network, sim } = world
    const name = fault.target.slice(fault.target.indexOf(':') + 1)
    if (isPlatformKind(fault.kind)) return this.platform.strike(fault.kind, fault) ?? MISSED
    const tablet = world.tablets.get(name)
    switch (fault.kind) {
      case 'process-kill': {
        if (tablet === undefined || !tablet.up) return MISSED
        cluster.tablets.heldUntilUs.set(name, sim.now + fault.durationUs)
        cluster.tablets.kill(tablet)
        return struck(name)
      }
      case 'process-crash': {
        if (tablet === undefined || !tablet.up || !tablet.agent) return MISSED
        cluster.tablets.crashAgent(tablet, fault.durationUs)
        return struck(name)
      }
      case 'process-pause': {
        if (tablet === undefined || !tablet.up || tablet.paused) return MISSED
        cluster.tablets.pause(tablet, true)
        return { struck: true, members: [name], end: () => tablet.up && cluster.tablets.pause(tablet, false) }
      }
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
        const is = (place: string): boolean => place === name
        const others = (place: string): boolean => place !== name
        const ends: (() => void)[] = []
        if (fault.kind !== 'partition-outbound') ends.push(network.cut(`into ${name}`, others, is))
        if (fault.kind !== 'partition-inbound') ends.push(network.cut(`out of ${name}`, is, others))
        return { struck: true, members: this.membersOn(m => m === name), end: () => ends.forEach(end => end()) }
      }
      case 'latency':
        if (!kubernetes.machines.has(name)) return MISSED
        return { struck: true, members: this.membersOn(m => m === name), end: network.slowDown(name, Math.round(fault.magnitude)) }
      case 'replication-lag': {
        const stream = tablet === undefined ? undefined : fedBy(tablet)
        if (tablet === undefined || (!tablet.linked && stream === undefined)) return MISSED
        // A lag cannot grow faster than time passes: a second of congestion makes no minute of lag.
        const lateUs = Math.round(Math.min(fault.magnitude, Math.max(fault.durationUs, 1)))
        return this.during(tablet, `${name} receives binlogs ${Math.round(lateUs / 1000) / 1000} s late`, by => {
          if (stream !== undefined) stream.extraDelayUs += by * lateUs
          else tablet.extraDelayUs += by * lateUs
        })
      }
      case 'replay-stall': {
        const stream = tablet === undefined ? undefined : fedBy(tablet)
        if (tablet === undefined || (!tablet.linked && stream === undefined)) return MISSED
        if (stream !== undefined) return this.stalled(tablet, stream)
        return this.during(tablet, `${name} applies nothing`, by => tablet.pauseApplying(by))
      }
      case 'standby-diverged':
        return tablet === undefined || !tablet.linked ? MISSED : this.leadAstray(tablet, fault.magnitude)
      case 'long-transaction': {
        if (tablet === undefined) return MISSED
        world.longTransactionUntilUs = Math.max(world.longTransactionUntilUs, sim.now + fault.durationUs)
        sim.note(EVENT.fault, name, fault.durationUs, `a client of ${name} holds a transaction open`)
        return { struck: true, members: [], end: () => {} }
      }
      case 'disk-slow': {
        const disk = cluster.volume(name)
        return disk === undefined ? MISSED : { struck: true, members: [name], end: disk.slow(Math.max(1, fault.magnitude)) }
      }
      case 'disk-full': {
        const disk = cluster.volume(name)
        return disk === undefined ? MISSED : { struck: true, members: [name], end: disk.fill() }
      }
      case 'api-server-away':
        return { struck: true, members: [], end: kubernetes.faults.apiServer('down') }
      case 'image-pull-slow':
        return { struck: true, members: [], end: kubernetes.faults.imagePullSlow(Math.max(1, fault.magnitude)) }
      case 'coordinator-away':
        return { struck: true, members: [], end: name === 'topo' ? world.loseTopo() : name === 'vtorc' ? cluster.vtorc.stop() : cluster.operator.stop() }
      case 'new-version-crashes':
      case 'new-version-slow':
      case 'new-version-cannot-read':
      case 'new-version-breaks-replication':
      case 'new-version-false-ready':
        return this.strikeVersion(fault)
      case 'proxy-restart':
        if (kubernetes.pod(name)?.containerState !== 'running') return MISSED
        // On a machine that is gone nothing runs, whatever the API says.
        if (!kubernetes.faults.podKill(name)) return MISSED
        return { struck: true, members: [], end: () => {} }
      default:
        return MISSED
    }
  }

  /** The applier of a workflow’s stream stands still. */
  private stalled(tablet: Tablet, stream: Stream): Strike {
    let goOn = (): void => {}
    return this.during(tablet, `${stream.name} applies nothing`, by => {
      if (by > 0) goOn = stream.stall()
      else goOn()
    })
  }

  /** Something about one tablet while the fault lasts. */
  private during(tablet: Tablet, words: string, change: (by: 1 | -1) => void): Strike {
    const { sim } = this.world
    change(1)
    sim.note(EVENT.fault, tablet.pod, 1, words)
    tablet.shard.changed()
    let over = false
    return {
      struck: true,
      members: [tablet.pod],
      end: () => {
        if (over) return
        over = true
        change(-1)
        sim.note(EVENT.fault, tablet.pod, 0)
        tablet.shard.changed()
      },
    }
  }

  /** Somebody wrote on a replica with super_read_only off: errant GTIDs that nobody else has (rule VT-GTID-1). */
  private leadAstray(tablet: Tablet, ownKb: number): Strike {
    const { copy, shard } = tablet
    copy.unfollow()
    shard.terms += 1
    copy.lead({ timeline: shard.terms })
    copy.append(Math.max(1, Math.round(ownKb * KB)))
    copy.stopLeading('clean')
    tablet.errant = true
    this.world.sim.note(EVENT.errant, tablet.pod, shard.terms, `somebody wrote on ${tablet.pod}: ${Math.round(ownKb)} kB that the primary lacks`)
    shard.changed()
    return { struck: true, members: [tablet.pod], end: () => this.rebuild(tablet) }
  }

  /** The fault ends when somebody has restored the tablet from a backup. */
  private rebuild(tablet: Tablet): void {
    if (!tablet.errant || tablet.copy.leading || !tablet.up) return
    const { tablets } = this.cluster
    this.world.sim.spawn(
      (function* (): Process<void> {
        // What was put aside stays aside until somebody says that it is a replica again (rule VT-BACKUP-4).
        if (!(yield* tablets.restoreAgain(tablet)) || tablet.type !== 'drained') return
        tablet.setType(tablet.declared)
        tablet.shard.leader?.applyRule()
        tablet.shard.changed()
      })(),
    )
  }

  private strikeVersion(fault: StruckFault): Strike {
    const { world } = this
    const defect = DEFECTS[fault.kind]
    if (defect === undefined || Object.keys(world.defects.target).length === 0) return MISSED
    const members = defect === 'crashes' || defect === 'cannot-read' ? [] : [...world.tablets.values()].filter(t => t.up && world.defects.isNew(t)).map(t => t.pod)
    return { struck: true, members, end: world.defects.begin(world, defect, Math.max(1, fault.magnitude)) }
  }
}

/** The stream that a primary applies now, if it is the target of one. */
function fedBy(t: Tablet): Stream | undefined {
  return t.shard.primary === t ? t.shard.streams.find(stream => stream.streaming) : undefined
}

function struck(name: string): Strike {
  return { struck: true, members: [name], end: () => {} }
}
