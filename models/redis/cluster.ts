/** One Redis Cluster on Kubernetes in one rehearsal: everything put together (engine.ts, Cluster). */
import type { Disk } from '../../src/cluster/disk.ts'
import { ReplicatedLog } from '../../src/cluster/log/index.ts'
import { Network } from '../../src/cluster/network.ts'
import type { Budget, Cluster, Entrance, EngineKind, Strike, StruckFault, Truth } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import { type Image as ContainerImage, Kubernetes, PlatformFaults, withDefaults } from '../kubernetes/index.ts'
import { Bus } from './bus.ts'
import { workstationPrograms } from './cli/programs.ts'
import { DataDir, type Image, type Part } from './data.ts'
import { Defects } from './defects.ts'
import { ClusterEntrance } from './entrances.ts'
import { RedisFaults } from './faults.ts'
import { rdbVersion, versionOf } from './names.ts'
import { LAB_KUBERNETES, networkDelaysUs, type RedisOptions, timingOf } from './options.ts'
import { RedisProgram } from './program.ts'
import { slotRanges } from './slots.ts'
import { Table } from './table.ts'
import { addMachines, memberNames, objects, podDns, seats } from './topology.ts'
import { RedisTruth } from './truth.ts'
import { World } from './world.ts'

/** First offset of a shard's history in a story: a database that has lived a little; another one for each. */
const GENESIS_LSN = 10_000_000_000

export class RedisCluster implements Cluster {
  readonly world: World
  readonly kubernetes: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: RedisTruth
  readonly budget: Budget = { members: 1 }
  private readonly faults: RedisFaults

  constructor(
    private readonly sim: Simulation,
    readonly options: RedisOptions,
  ) {
    this.logs = Array.from({ length: options.shards * options.slotShares }, (_, i) => new ReplicatedLog(sim, options.slotShares === 1 ? `shard-${i}` : `shard-${Math.floor(i / options.slotShares)}.${i % options.slotShares}`))
    const machines = new Map<string, { zone: string }>()
    const network = new Network(sim, { ...networkDelaysUs(options), zoneOf: place => machines.get(place)?.zone })
    const geneses = this.logs.map((log, i) => log.genesis(GENESIS_LSN * (i + 1), Math.floor(i / options.slotShares) + 1))
    const world = new World(sim, options, timingOf(options), network, this.logs, geneses, slotRanges(options.shards), new Defects(targetVersions(options), { engine: versionOf(options.image), node: options.kubernetesVersion }))
    this.world = world
    world.memberNames = memberNames(options)
    world.bus = new Bus(world)
    const kubernetes = new Kubernetes(sim, network, withDefaults({
      controlPlaneVersion: options.controlPlaneVersion,
      nodeVersion: options.kubernetesVersion,
      ...(options.profile === 'lab' ? LAB_KUBERNETES : {}),
      ...definedOnly(options.kubernetes),
    }))
    kubernetes.takesNames = true
    this.kubernetes = kubernetes
    world.kubernetes = kubernetes
    addMachines(kubernetes, options)
    for (const [name, machine] of kubernetes.machines) machines.set(name, machine)
    const boot = bootTables(world)
    const program = new RedisProgram(world, pod => boot.get(pod))
    const image = (name: string): ContainerImage => ({ name, stopSignal: 'TERM', program, versions: { engine: versionOf(name) }, user: 'redis' })
    for (const name of new Set([options.image, ...(options.targetImage === null ? [] : [options.targetImage])])) kubernetes.defineImage(image(name))
    kubernetes.defineRepository(options.image, image)
    for (const object of objects(options)) kubernetes.create(object)
    const entrance = new ClusterEntrance(world, 2 * networkDelaysUs(options).nearUs)
    this.entrances = { cluster: entrance }
    this.truth = new RedisTruth(world, entrance)
    this.faults = new RedisFaults(world, pod => this.volume(pod), new PlatformFaults(kubernetes, pod => pod.owner?.name === options.name))
    this.commands = new CommandRegistry("the operator's workstation").register(...workstationPrograms(world))
    network.onChange(() => {
      world.bus.stir()
      for (const server of [...world.servers]) server.linksChanged()
      for (const server of [...world.servers]) for (const listener of [...server.listeners]) listener.serverChanged()
      world.changed()
    })
    kubernetes.onRouteChange(() => world.changed())
    kubernetes.begin()
    this.introduce()
  }

  /** The data volume of a member that exists. */
  private volume(pod: string): Disk | undefined {
    const view = this.kubernetes.pod(pod)
    if (view === undefined || view.owner?.name !== this.options.name) return undefined
    return this.options.storage === 'pvc' ? this.kubernetes.volumes.disk(`${this.options.naming.volume}-${pod}`) : undefined
  }

  /** When the story begins everybody knows everybody's address: the nodes have met long ago. */
  private introduce(): void {
    const addresses = new Map<string, string>()
    for (const server of this.world.servers) addresses.set(server.id, server.host.address)
    for (const server of this.world.servers) for (const peer of server.table.peers.values()) peer.ip = addresses.get(peer.id) ?? ''
  }

  settle(): void {
    // Long enough for every replica to be in step and every node to say ok; nothing is measured yet.
    for (let i = 0; i < 60; i++) {
      this.sim.run(this.sim.now + SECOND)
      if (this.truth.members().every(m => m.running && m.ready && m.attached) && [...this.world.servers].every(s => s.clusterOk)) break
    }
    this.sim.run(this.sim.now + 3 * SECOND)
  }

  onDelay(listener: () => void): void {
    this.world.network.onChange(listener)
  }

  underWay(sinceUs: Us): boolean {
    const { world, kubernetes, options } = this
    if (this.truth.members().some(m => m.attached && !m.caughtUp)) return true
    for (const server of world.servers) {
      if (server.state === 'loading' || server.state === 'stopping' || server.mfEndUs !== 0) return true
      const link = server.upstream?.state
      if (link === 'handshake' || link === 'waiting' || link === 'transfer' || link === 'loading') return true
      if (this.electing(server)) return true
    }
    const own = kubernetes.pods().filter(p => p.owner?.name === options.name && p.node !== undefined)
    if (own.some(p => p.reason === 'CrashLoopBackOff' && p.containerState !== 'running' && (p.startedUs ?? 0) < sinceUs)) return true
    return own.some(p => p.containerState === 'waiting' && (p.reason === 'ContainerCreating' || p.reason === 'PodInitializing') && this.volume(p.name)?.destroyed !== true)
  }

  /** A node is suspected and the verdict is still to come. */
  private electing(server: { readonly table: Table }): boolean {
    for (const peer of server.table.others) if (peer.pfail && !peer.failed) return true
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
    return { baseNodeUs: cost.nodeUsBase, extraNodeUs: cost.nodeUsExtra, peakNodes: cost.nodesPeak, baseNodes: cost.nodesAtStart, dollarsPerNodeHour: this.options.dollarsPerNodeHour }
  }

  claim(name: string, args: readonly string[]): boolean | undefined {
    const server = this.world.serverOf(args[0] ?? '')
    const member = (): ReturnType<Truth['members']>[number] | undefined => this.truth.members().find(m => m.name === args[0])
    switch (name) {
      case 'caught-up':
        return member()?.caughtUp === true || (server !== undefined && this.truth.seemsLevel(server))
      case 'writable':
        return server !== undefined && server.data.copies.length > 0 && server.data.copies.every(copy => server.canAcknowledge(copy.log))
      case 'one-leader':
        return this.logs.every(log => this.truth.couldAcknowledge(log).length === 1)
      case 'fenced':
        return server === undefined || !server.data.leading
      case 'on-version': {
        const found = member()
        return found !== undefined && Object.values(found.versions).includes(args[1] ?? '')
      }
      default:
        return undefined
    }
  }
}

/** What each member has on its volume and in memory when the story begins. */
function bootTables(world: World): ReadonlyMap<string, DataDir> {
  const { options } = world
  const plan = seats(options)
  const ids = new Map(plan.map(seat => [seat.pod, world.newId(seat.pod)]))
  const masters = plan.filter(seat => seat.master)
  const dirs = new Map<string, DataDir>()
  for (const seat of plan) {
    const dir = new DataDir(seat.pod)
    const table = new Table(ids.get(seat.pod) as string, options.shards, world.acquaintances)
    for (const other of plan) {
      const peer = other === seat ? table.myself : table.add(ids.get(other.pod) as string, 0)
      if (options.announceHostname) peer.hostname = podDns(options, other.pod)
    }
    for (const other of plan) {
      const peer = table.get(ids.get(other.pod))
      const master = masters[other.shard]
      if (peer === undefined || master === undefined) continue
      peer.configEpoch = other.shard + 1
      if (other.master) table.own(other.shard, peer)
      else table.setReplica(peer, ids.get(master.pod))
    }
    table.currentEpoch = plan.length
    dir.table = table
    const shares = Array.from({ length: options.slotShares }, (_, i) => seat.shard * options.slotShares + i)
    const parts = shares.map(i => ({ log: world.logs[i] as ReplicatedLog, position: { branch: world.geneses[i] as Part['position']['branch'], lsn: GENESIS_LSN * (i + 1) } }))
    const image: Image = { parts, beside: 0, sizeMB: options.datasetMB, resumable: true, rdbVersion: rdbVersion(versionOf(options.image)) }
    dir.boot = image
    // A replica has the file that it received when the cluster was made; a master what its save points wrote.
    if (!seat.master || options.save !== '') dir.rdb = { ...image, resumable: !seat.master }
    if (options.appendonly) dir.aof = { ...image, resumable: false }
    dirs.set(seat.pod, dir)
  }
  return dirs
}

/** The versions the upgrade is meant to reach, by component. */
function targetVersions(options: RedisOptions): Readonly<Record<string, string>> {
  const target: Record<string, string> = {}
  if (options.targetKubernetesVersion !== null) target.node = options.targetKubernetesVersion
  if (options.targetImage !== null) target.engine = versionOf(options.targetImage)
  return target
}

function definedOnly<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }
}
