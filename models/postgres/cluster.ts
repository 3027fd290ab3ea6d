/** One PostgreSQL cluster on Kubernetes in one rehearsal: everything put together (engine.ts, Cluster). */
import type { Disk } from '../../src/cluster/disk.ts'
import { contains, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { Network } from '../../src/cluster/network.ts'
import type { Budget, Cluster, Entrance, EngineKind, Strike, StruckFault, Truth } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import { type Image, Kubernetes, PlatformFaults, withDefaults } from '../kubernetes/index.ts'
import { clockJumped } from './clock.ts'
import { workstationPrograms } from './workstation.ts'
import { DataDirectory } from './datadir.ts'
import { HostsEntrance, ServiceEntrance } from './entrances.ts'
import { PostgresFaults } from './faults.ts'
import { LAB_KUBERNETES, networkDelaysUs, type PostgresOptions, timingOf, usesSlots } from './options.ts'
import { BouncerProgram, PoolerEntrance } from './pgbouncer/program.ts'
import { Defects } from './defects.ts'
import { POOLER, POOLER_IMAGE, versionOf } from './names.ts'
import { binaryOf } from './patroni/options.ts'
import { PostgresProgram } from './program.ts'
import { slotName, standbyConf } from './standby-conf.ts'
import { Application, ApplicationEntrance } from './schema/application.ts'
import { ApplicationProgram } from './schema/program.ts'
import { DnsEntrance } from './dns/entrance.ts'
import { Zone } from './dns/zone.ts'
import { EndpointEntrance } from './managed/entrance.ts'
import { ManagedService } from './managed/service.ts'
import { Dcs } from './patroni/dcs.ts'
import { PostgresOperator } from './patroni/operator.ts'
import { watchMembers } from './patroni/slots.ts'
import { restAnswer } from './patroni/patronictl.ts'
import type { Server } from './server.ts'
import { completeSyncNames, parseSyncNames } from './settings.ts'
import { canAcknowledge } from './syncrep.ts'
import { addGreenPool, addMachines, addUpgradedPool, isGreen, isMemberSet, memberNames, objects, podDns } from './topology.ts'
import { PostgresTruth } from './truth.ts'
import { World } from './world.ts'
import { NO_MANAGER } from './container-programs.ts'

/** First LSN of a story: a database that has lived a little. */
const GENESIS_LSN = 64 * 1024 * 1024 * 1024
/** Lag at which `caught-up` is still true while writes go on. Source: PG §8.3 (candidate lag < 1 MB). */
const CAUGHT_UP_BYTES = 1024 * 1024

export class PostgresCluster implements Cluster {
  readonly world: World
  readonly kubernetes: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: Truth
  readonly budget: Budget
  readonly poolers: BouncerProgram
  private readonly faults: PostgresFaults

  constructor(
    private readonly sim: Simulation,
    readonly options: PostgresOptions,
    /** Adds what stands beside the databases when the story begins (their clients' programs). */
    besides?: (cluster: PostgresCluster) => void,
  ) {
    const log = new ReplicatedLog(sim, 'wal')
    this.logs = [log]
    const machines = new Map<string, { zone: string }>()
    const network = new Network(sim, { ...networkDelaysUs(options), zoneOf: place => machines.get(place)?.zone })
    const world = new World(sim, options, timingOf(options), network, log, log.genesis(GENESIS_LSN), new Defects(targetVersions(options), { engine: engineVersion(options), node: options.kubernetesVersion }))
    this.world = world
    world.memberNames = memberNames(options)
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
    this.poolers = new BouncerProgram(world, options.pooler !== false && options.pooler.config === 'volume-with-reloader')
    if (options.patroni !== false) watchMembers((world.patroni = new Dcs(world, options.patroni)))
    if (world.patroni !== undefined && options.patroni !== false && options.patroni.operator) new PostgresOperator(world, world.patroni).watch()
    if (options.application !== false) world.application = new Application(world, options.application, { branch: world.genesis, lsn: GENESIS_LSN })
    this.defineImages()
    for (const object of objects(options)) kubernetes.create(object)
    this.labelPrimary()
    if (world.patroni !== undefined) {
      kubernetes.serves = (pod, port, path) => (port === 8008 ? restAnswer(world, pod.name, path) : undefined)
      world.patroni.acquire(this.configuredPrimary())
      world.patroni.point(this.configuredPrimary())
      if (options.patroni !== false && options.patroni.operator) kubernetes.create(PostgresOperator.manifest(world))
    }
    const roundTripUs = 2 * networkDelaysUs(options).nearUs
    const service = new ServiceEntrance(world, roundTripUs, options.service)
    const hosts = new HostsEntrance(world, roundTripUs)
    this.entrances = options.pooler === false ? { service, hosts } : { pooler: new PoolerEntrance(world, this.poolers, roundTripUs + 100, POOLER), service, hosts }
    if (options.managed !== false) {
      world.managed = new ManagedService(world, options.managed)
      this.entrances = { endpoint: new EndpointEntrance(world.managed, roundTripUs), ...this.entrances }
    }
    if (options.dns !== false) {
      world.dns = new Zone(world, options.dns)
      this.entrances = { dns: new DnsEntrance(world, world.dns, roundTripUs), ...this.entrances }
    }
    const direct = Object.values(this.entrances)[0] as Entrance
    // Users reach the database by way of the application, where there is one.
    if (world.application !== undefined) this.entrances = { application: new ApplicationEntrance(world.application, direct, 2 * roundTripUs), ...this.entrances }
    this.truth = new PostgresTruth(world, Object.values(this.entrances)[0] as Entrance, pod => isMemberSet(options, pod.owner?.name))
    this.faults = new PostgresFaults(world, pod => this.volume(pod), new PlatformFaults(kubernetes, pod => isMemberSet(options, pod.owner?.name)))
    const sync = parseSyncNames(completeSyncNames(options.synchronousStandbyNames, world.memberNames))
    this.budget = { members: sync !== undefined && !('error' in sync) ? sync.k : 1 }
    this.commands = new CommandRegistry("the operator's workstation").refuse('patronictl', NO_MANAGER).register(...workstationPrograms(this))
    network.onChange(() => {
      for (const server of [...world.servers]) server.networkChanged()
      world.topologyChanged()
    })
    kubernetes.clockListeners.push((machine, byUs) => clockJumped(world, machine, byUs))
    kubernetes.onRouteChange(() => world.topologyChanged())
    besides?.(this)
    kubernetes.begin()
    addUpgradedPool(kubernetes, options)
    addGreenPool(kubernetes, options)
    for (const [name, machine] of kubernetes.machines) machines.set(name, machine)
    if (!options.imagePinned) this.moveTag()
  }

  /** The data volume of a member that exists. */
  private volume(pod: string): Disk | undefined {
    const view = this.kubernetes.pod(pod)
    return view !== undefined && isMemberSet(this.options, view.owner?.name) ? this.kubernetes.volumes.disk(`${this.options.naming.volume}-${pod}`) : undefined
  }

  /** Pods that exist when the story begins have their data already; the primary's history is the others'. */
  private bootDirectory(pod: string): DataDirectory | undefined {
    const { world, options } = this
    const i = world.memberNames.indexOf(pod)
    if (i < 0) return undefined
    const dir = new DataDirectory(pod, world.systemId, world.log.copy(pod, { branch: world.genesis, lsn: GENESIS_LSN }), 1, engineVersion(options))
    const primary = world.memberNames[options.primary] ?? ''
    if (pod !== primary) {
      dir.files.set('standby.signal', '')
      dir.files.set('postgresql.auto.conf', standbyConf(world, pod, this.upstreamHost(primary)))
      dir.control = 'shut down in recovery'
    }
    // A standby has none, for one that nobody uses holds its log for ever: who is to lead is given them by the runbook (rule PG-SLOT-2). Patroni has them everywhere, and moves them on.
    const slots = usesSlots(options) && (pod === primary || options.patroni !== false) ? world.memberNames.filter(other => other !== pod).map(slotName) : []
    for (const name of slots) dir.slots.set(name, { name, restartLsn: pod === primary ? GENESIS_LSN : Number.POSITIVE_INFINITY, active: false, lost: false })
    world.directories.push(dir)
    world.directoryOf.set(pod, dir)
    return dir
  }

  /** What a standby that is set up now follows: the primary pod's DNS name (as it is now), or the Service (K4). */
  private upstreamHost(primary: string): string {
    return this.options.primaryConninfo === 'service' ? this.options.service : podDns(this.options, primary)
  }

  private defineImages(): void {
    const { options, kubernetes, world } = this
    const program = new PostgresProgram(world, () => this.upstreamHost(this.configuredPrimary()), pod => this.bootDirectory(pod))
    const names = new Set([options.image, ...(options.targetImage === null ? [] : [options.targetImage])])
    const image = (name: string): Image => ({ name, stopSignal: options.stopSignal, program, versions: { engine: versionOf(name) }, user: options.execUser, env: { PGDATA: options.dataDirectory, PG_MAJOR: (versionOf(name) ?? '').split('.')[0] ?? '' } })
    for (const name of names) kubernetes.defineImage(image(name))
    kubernetes.defineRepository(options.image, image)
    kubernetes.defineImage({ name: POOLER_IMAGE, stopSignal: 'INT', program: this.poolers, versions: { pgbouncer: '1.18.0' }, user: 'pgbouncer' })
    if (options.application !== false) {
      const serving = new ApplicationProgram(world, options.application)
      for (const name of new Set([options.application.image, ...Object.keys(options.application.releases)])) kubernetes.defineImage({ name, stopSignal: 'TERM', program: serving, versions: { application: name }, user: 'app' })
    }
    this.program = program
  }

  private program!: PostgresProgram

  /** Where the clone script of the image looks for the primary: the member that was primary when it was written. */
  private configuredPrimary(): string {
    return this.world.memberNames[this.options.primary] ?? ''
  }

  /** A floating tag has moved since the members were pulled (K14; rule PG-VERSION-1). */
  private moveTag(): void {
    const { options, kubernetes } = this
    kubernetes.defineImage({ name: options.image, stopSignal: options.stopSignal, program: this.program, versions: { engine: options.floatingTo }, user: options.execUser, env: { PGDATA: options.dataDirectory, PG_MAJOR: options.floatingTo.split('.')[0] ?? '' } })
  }

  private labelPrimary(): void {
    const pod = this.kubernetes.pods$.get(this.configuredPrimary())
    const { key, primary } = this.options.roleLabel
    if (pod !== undefined && this.options.serviceSelects === 'role') this.kubernetes.pods$.setLabels(pod, { ...pod.labels, [key]: primary })
  }

  settle(): void {
    // Long enough for every standby to be streaming and every cache to be warm; nothing is measured yet.
    for (let i = 0; i < 30; i++) {
      this.sim.run(this.sim.now + SECOND)
      if (this.truth.members().every(m => m.running && m.ready && m.attached)) break
    }
    // A second cluster that is there from the start is up by then, however long its image takes.
    for (let i = 0; i < 600 && this.kubernetes.pods().some(pod => isGreen(this.options, pod.name) && !pod.ready); i++) this.sim.run(this.sim.now + SECOND)
    this.sim.run(this.sim.now + SECOND)
  }

  onDelay(listener: () => void): void {
    this.world.network.onChange(listener)
  }

  underWay(sinceUs: Us): boolean {
    if (this.truth.members().some(m => m.attached && !m.caughtUp)) return true
    for (const server of this.world.servers) if (server.state === 'starting' || server.state === 'promoting' || server.state === 'stopping') return true
    // A crash loop is tried again within five minutes; until then it cannot know that what broke it is over.
    if (this.kubernetes.pods().some(p => isMemberSet(this.options, p.owner?.name) && p.node !== undefined && p.reason === 'CrashLoopBackOff' && p.containerState !== 'running' && (p.startedUs ?? 0) < sinceUs)) return true
    // Waiting for its disk, its image or its base backup; a pod that crash-loops, cannot be placed or whose disk is gone waits for somebody else.
    return this.kubernetes.pods().some(p => isMemberSet(this.options, p.owner?.name) && p.node !== undefined && p.containerState === 'waiting' && (p.reason === 'ContainerCreating' || p.reason === 'PodInitializing') && this.volume(p.name)?.destroyed !== true)
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
    const first = args[0] ?? ''
    const server = this.world.serverOf(first)
    switch (name) {
      case 'caught-up':
        return server === undefined ? this.holdsAll(first) === true : this.caughtUp(server)
      case 'writable':
        return server !== undefined && server.accepting && canAcknowledge(server)
      case 'one-leader':
        return this.truth.couldAcknowledge().length === 1
      case 'fenced':
        return server === undefined ? this.world.directoryOf.get(first)?.isStandby !== false : server.readOnlyDefault || (!server.copy.leading && server.dir.isStandby)
      case 'on-version': {
        const member = this.truth.members().find(m => m.name === first)
        return member !== undefined && Object.values(member.versions).includes(args[1] ?? '')
      }
      default:
        return undefined
    }
  }

  /** Of a database that logical replication fills: whether it has confirmed all but a megabyte, running or not, for what it confirmed is durable. */
  private holdsAll(member: string): boolean | undefined {
    const subscription = [...(this.world.directoryOf.get(member)?.subscriptions.values() ?? [])].find(each => each.enabled)
    return subscription === undefined ? undefined : subscription.copied && this.world.logical.lagBytes(subscription) <= CAUGHT_UP_BYTES
  }

  /** Streams from the leader within a megabyte; when no leader runs, holds all that the last one had. */
  private caughtUp(server: Server): boolean {
    const filled = this.holdsAll(server.name)
    if (filled !== undefined) return filled
    if (server.copy.leading) return true
    const leader = [...this.world.servers].find(s => s.copy.leading && s.dir.systemId === server.dir.systemId)
    if (leader !== undefined) return server.receiver?.streaming === true && server.copy.lagBytes('flush') <= CAUGHT_UP_BYTES
    const last = this.world.departures[this.world.departures.length - 1]
    return last === undefined || contains(server.copy.position('flush'), last.position)
  }
}

/** The version of the servers when the story begins. */
function engineVersion({ image, patroni }: PostgresOptions): string {
  const spilo = patroni !== false && patroni.spilo
  return spilo === false ? versionOf(image) : (binaryOf(spilo, spilo.version) ?? '0')
}

/** The versions the upgrade is meant to reach, by component. */
function targetVersions(options: PostgresOptions): Readonly<Record<string, string>> {
  const target: Record<string, string> = {}
  if (options.targetKubernetesVersion !== null) target.node = options.targetKubernetesVersion
  const spilo = options.patroni !== false && options.patroni.spilo
  if (spilo !== false) {
    if (spilo.targetVersion !== null) target.engine = binaryOf(spilo, spilo.targetVersion) ?? '0'
  } else if (options.targetImage !== null) target.engine = versionOf(options.targetImage)
  if (options.application !== false && options.application.targetImage !== null) target.application = options.application.targetImage
  if (options.application !== false && options.application.targetColumns !== null) target.schema = options.application.targetColumns.join(' ')
  return target
}

function definedOnly<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }
}
