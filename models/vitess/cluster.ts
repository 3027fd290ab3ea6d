/** One VitessCluster on Kubernetes in one rehearsal: everything put together (engine.ts, Cluster). */
import type { ReplicatedLog } from '../../src/cluster/log/index.ts'
import { Network } from '../../src/cluster/network.ts'
import type { Budget, Cluster, EngineKind, Entrance, Strike, StruckFault, Truth } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import { type Image, Kubernetes, PlatformFaults, type PodView, type Served, withDefaults } from '../kubernetes/index.ts'
import { Defects } from './defects.ts'
import { VitessFaults } from './faults.ts'
import { mysqlClient, shellOf } from './mysql.ts'
import { declareKeyspace } from './fleet.ts'
import type { Keyspace, KeyRange } from './keyspace.ts'
import { versionOf } from './names.ts'
import { Operator } from './operator.ts'
import { NETWORK_DELAYS_US, timingOf, type VitessOptions } from './options.ts'
import { SHARD_WATCH_US, stepDown, TabletProgram } from './program.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import { addMachines, claimOf, clusterObject, gateObjects, mysqldImage, shardObject, VTGATE_IMAGE, vtgateName } from './topology.ts'
import { VitessTruth } from './truth.ts'
import { Vtctldclient } from './vtctldclient.ts'
import { GateEntrance, GateProgram } from './vtgate.ts'
import { Vtorc } from './vtorc.ts'
import { canAcknowledge } from './semisync.ts'
import { World } from './world.ts'

/** Where vttablets and vtgates serve their web pages. */
const WEB_PORT = 15000
/** Lag at which `caught-up` is still true while writes go on, in seconds of the load. */
const CAUGHT_UP_SECONDS = 1

export class VitessCluster implements Cluster {
  readonly world: World
  readonly kubernetes: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: Truth
  readonly budget: Budget = { members: 1 }
  readonly operator: Operator
  readonly vtorc: Vtorc
  readonly tablets: TabletProgram
  readonly gates: GateProgram
  /** The way in of programs that are not in transactions. */
  readonly gate: GateEntrance
  private readonly faults: VitessFaults

  constructor(
    private readonly sim: Simulation,
    readonly options: VitessOptions,
    /** Adds what stands beside the databases when the story begins (their clients' programs). */
    besides?: (cluster: VitessCluster) => void,
  ) {
    const machines = new Map<string, { zone: string }>()
    const network = new Network(sim, { ...NETWORK_DELAYS_US, zoneOf: place => machines.get(place)?.zone })
    const target = targetVersions(options)
    const old = { engine: options.mysqlVersion, node: options.kubernetesVersion, size: options.memory }
    const world = new World(sim, options, timingOf(options), network, new Defects(target, old))
    this.world = world
    const kubernetes = new Kubernetes(sim, network, withDefaults({ controlPlaneVersion: options.controlPlaneVersion, nodeVersion: options.kubernetesVersion, poolQuotaNodes: 100_000, ...definedOnly(options.kubernetes) }))
    this.kubernetes = kubernetes
    world.kubernetes = kubernetes
    const { keyspace, durabilityPolicy, fleet, tabletsPerShard, rdonlyPerShard } = options
    declareKeyspace(world, { name: keyspace, durabilityPolicy, parts: fleet / tabletsPerShard, replicas: tabletsPerShard }, rdonlyPerShard)
    this.logs = [...world.ranges.keys()]
    addMachines(kubernetes, options, [...world.tablets.values()])
    for (const [name, machine] of kubernetes.machines) machines.set(name, machine)
    this.operator = new Operator(world)
    this.vtorc = new Vtorc(world)
    this.tablets = new TabletProgram(world, (t, c) => shellOf(t, c), t => versionOf(this.operator.next(t).mysqld).version)
    this.gates = new GateProgram(world)
    this.images()
    this.create()
    const roundTripUs = 2 * NETWORK_DELAYS_US.farUs
    const entrance = (name: string, reserved: boolean): GateEntrance => new GateEntrance(world, this.gates, name, vtgateName(options), roundTripUs, reserved, log => world.ranges.get(log) as KeyRange)
    this.gate = entrance('vtgate', false)
    this.entrances = { vtgate: this.gate, reserved: entrance('reserved', true) }
    this.truth = new VitessTruth(world, this.gate, target, log => this.shardOf(log))
    this.faults = new VitessFaults(world, this, new PlatformFaults(kubernetes, pod => world.tablets.has(pod.name)))
    this.commands = new CommandRegistry("the operator's workstation").register(kubernetes.commands.kubectl, kubernetes.commands.az, kubernetes.commands.curl, new Vtctldclient(this), mysqlClient(this))
    kubernetes.serves = (pod, port, path) => this.served(pod, port, path)
    world.shardListeners.push(shard => {
      for (const gate of this.gates.gates.values()) gate.listen(shard)
    })
    world.shardListeners.push(shard => this.tablets.readinessChanged(shard.tablets), shard => this.watchTerms(shard))
    network.onChange(() => {
      for (const shard of world.shards) shard.changed()
    })
    besides?.(this)
    kubernetes.begin()
    world.booting = false
  }

  shardOf(log: ReplicatedLog): Shard {
    const keys = this.world.ranges.get(log)
    if (keys === undefined) throw new Error(`vitess: the log ${log.name} is no key range’s`)
    return keys.serving
  }

  private images(): void {
    const { kubernetes, options } = this
    const mysqld = (name: string): Image => ({ name, stopSignal: 'TERM', program: this.tablets, versions: { engine: versionOf(name).version }, user: 'vitess' })
    for (const version of new Set([options.mysqlVersion, ...(options.targetMysqlVersion === null ? [] : [options.targetMysqlVersion])])) {
      kubernetes.defineImage(mysqld(mysqldImage(version)))
    }
    kubernetes.defineRepository(mysqldImage(options.mysqlVersion), mysqld)
    kubernetes.defineImage({ name: VTGATE_IMAGE, stopSignal: 'TERM', program: this.gates, versions: { vtgate: String(options.vitessVersion) }, user: 'vitess' })
  }

  private create(): void {
    const { kubernetes, options, world } = this
    kubernetes.create(clusterObject(options, world.shards.length))
    for (const tablet of world.tablets.values()) kubernetes.create(claimOf(tablet))
    for (const shard of world.shards) {
      this.operator.manage(shard)
      kubernetes.create(shardObject(shard))
    }
    for (const object of gateObjects(options)) kubernetes.create(object)
  }

  /** A primary that can read the topo server and finds a newer term there steps down a little later (rule VT-TOPO-2). */
  private watchTerms(shard: Shard): void {
    const { world } = this
    for (const tablet of shard.tablets) {
      if (!tablet.copy.leading || tablet === shard.primary || !world.topoUp || !tablet.answers || this.watching.has(tablet)) continue
      this.watching.add(tablet)
      world.sim.after(SHARD_WATCH_US, () => {
        this.watching.delete(tablet)
        if (!tablet.copy.leading || tablet === shard.primary || !world.topoUp || !tablet.answers) return
        stepDown(tablet)
        shard.changed()
      })
    }
  }

  private readonly watching = new Set<Tablet>()

  settle(): void {
    for (let i = 0; i < 60; i++) {
      this.sim.run(this.sim.now + SECOND)
      if (i >= this.options.availableSeconds && this.truth.members().every(m => m.running && m.ready && m.attached)) break
    }
    // The nightly backup: what a tablet without data comes back with.
    for (const shard of this.world.shards) {
      const { leader } = shard
      if (leader !== undefined) this.world.backups.set(shard, { position: leader.copy.position('flush'), version: leader.dataVersion })
    }
  }

  onDelay(listener: () => void): void {
    this.world.network.onChange(listener)
  }

  underWay(): boolean {
    for (const member of this.truth.members()) if (member.attached && !member.caughtUp) return true
    for (const shard of this.world.shards) {
      if (this.vtorc.underWay(shard) || this.operator.underWay(shard) || shard.lockedBy !== undefined) return true
      for (const t of shard.tablets) {
        if (t.state === 'starting' && (t.type !== 'restore' || this.options.backup)) return true
        if (t.state === 'stopping') return true
        const pod = this.kubernetes.pods$.get(t.pod)
        if (pod === undefined || pod.terminating) return true
        if (pod.node !== undefined && pod.containerState === 'waiting' && pod.reason !== 'ImagePullBackOff' && this.kubernetes.volumes.disk(t.pod)?.destroyed !== true) return true
      }
    }
    return false
  }

  targets(kind: EngineKind): readonly string[] {
    return this.faults.targets(kind)
  }

  strike(fault: StruckFault): Strike {
    return this.faults.strike(fault)
  }

  cost(): ReturnType<Cluster['cost']> {
    const cost = this.kubernetes.cost()
    // The fleet is billed, not the machines of the control plane beside it.
    const system = Math.max(2, this.options.cells)
    const baseNodes = cost.nodesAtStart - system
    return { baseNodeUs: baseNodes === 0 ? 0 : (cost.nodeUsBase / cost.nodesAtStart) * baseNodes, extraNodeUs: cost.nodeUsExtra, peakNodes: cost.nodesPeak - system, baseNodes, dollarsPerNodeHour: this.options.dollarsPerNodeHour }
  }

  /** A tablet by alias, pod name or machine. */
  find(name: string): Tablet | undefined {
    return this.world.tablets.get(name) ?? this.world.byAlias.get(name)
  }

  claim(name: string, args: readonly string[]): boolean | undefined {
    const tablet = this.find(args[0] ?? '')
    const keyspace = this.world.keyspaces.get(args[0] ?? '')
    if (keyspace !== undefined) return this.claimOf(name, keyspace)
    switch (name) {
      case 'caught-up':
        return tablet !== undefined && (tablet.copy.leading || (tablet.linked && tablet.lagSeconds <= CAUGHT_UP_SECONDS))
      case 'writable':
        return tablet !== undefined && tablet.serving && canAcknowledge(tablet) && tablet.shard.deniedUs === undefined
      case 'one-leader':
        return this.logs.every(log => this.truth.couldAcknowledge(log).length === 1)
      case 'fenced':
        return tablet === undefined || !tablet.copy.leading || tablet.shard.deniedUs !== undefined
      case 'on-version': {
        const member = this.truth.members().find(m => m.name === tablet?.pod)
        return member !== undefined && Object.values(member.versions).includes(args[1] ?? '')
      }
      default:
        return undefined
    }
  }

  /** Claims about a whole keyspace: its shards follow another’s, are denied to clients, take their writes. */
  private claimOf(name: string, { shards }: Keyspace): boolean | undefined {
    switch (name) {
      case 'caught-up':
        return shards.every(({ streams }) => streams.some(stream => stream.streaming && stream.lagSeconds <= CAUGHT_UP_SECONDS))
      case 'fenced':
        return shards.every(shard => shard.deniedUs !== undefined)
      case 'writable':
        return shards.every(shard => shard.keys.serving === shard && shard.deniedUs === undefined && shard.primary?.serving === true && canAcknowledge(shard.primary))
      default:
        return undefined
    }
  }

  /** The data volume of a tablet. */
  volume(pod: string): ReturnType<Kubernetes['volumes']['disk']> {
    return this.world.tablets.has(pod) ? this.kubernetes.volumes.disk(pod) : undefined
  }

  get now(): Us {
    return this.sim.now
  }

  /** The web port of vttablets and vtgates (rule VT-HEALTH-1). */
  private served(pod: PodView, port: number, path: string): Served | 'unknown' | undefined {
    if (port !== WEB_PORT) return undefined
    const tablet = this.world.tablets.get(pod.name)
    const runs = tablet === undefined ? this.gates.gates.get(pod.uid)?.running === true : tablet.up && tablet.agent && !tablet.paused
    if (!runs) return undefined
    // Of a tablet that is not to serve /debug/health says ok whatever it does; /healthz is the vttablet's readiness.
    if (path === '/healthz' && tablet !== undefined) return tablet.ready ? { status: 200, body: 'ok\n' } : { status: 500, body: '500 internal server error: vttablet is not serving\n' }
    if (path !== '/debug/health') return 'unknown'
    const idle = tablet !== undefined && tablet.type !== 'primary' && tablet.type !== 'replica' && tablet.type !== 'rdonly'
    return tablet === undefined || idle || tablet.healthy ? { status: 200, body: 'ok' } : { status: 500, body: 'not ok: the query service is not healthy\n' }
  }
}

/** The versions that the upgrade is meant to reach, by component. */
function targetVersions(options: VitessOptions): Readonly<Record<string, string>> {
  const target: Record<string, string> = {}
  if (options.targetMysqlVersion !== null) target.engine = options.targetMysqlVersion
  if (options.targetKubernetesVersion !== null) target.node = options.targetKubernetesVersion
  if (options.targetMemory !== null) target.size = options.targetMemory
  return target
}

function definedOnly<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }
}
