/** One replica set on Kubernetes in one rehearsal: everything put together (engine.ts, Cluster). */
import type { Disk } from '../../src/cluster/disk.ts'
import { ReplicatedLog } from '../../src/cluster/log/index.ts'
import { Network } from '../../src/cluster/network.ts'
import type { Budget, Cluster, Entrance, EngineKind, Strike, StruckFault, Truth } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import { type Image, Kubernetes, PlatformFaults, withDefaults } from '../kubernetes/index.ts'
import { canAcknowledge, commitPace, setAcknowledgement } from './acknowledge.ts'
import { initialConfig } from './config.ts'
import { DbPath } from './dbpath.ts'
import { Defects } from './defects.ts'
import { DirectEntrance, ReplicaSetEntrance } from './driver.ts'
import { MongodbFaults } from './faults.ts'
import { FlowControl } from './flow-control.ts'
import type { Mongod } from './mongod.ts'
import { releaseOf, versionOf } from './names.ts'
import { LAB_KUBERNETES, type MongodbOptions, networkDelaysUs, timingOf } from './options.ts'
import { MongodbProgram } from './program.ts'
import { addMachines, objects } from './topology.ts'
import { arbiterNames, isDataSet, memberNames } from './topology-names.ts'
import { MongodbTruth } from './truth.ts'
import { workstationPrograms } from './workstation.ts'
import { World } from './world.ts'

/** First place in the log of a story: a set that has lived a little. */
const GENESIS_LSN = 64 * 1024 * 1024 * 1024
const FIRST_TERM = 1
/** Lag at which `caught-up` is still true while writes go on (facts §8.2: lag < 2 s). */
const CAUGHT_UP_US = 2 * SECOND

export class MongodbCluster implements Cluster {
  readonly world: World
  readonly kubernetes: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: Truth
  readonly budget: Budget
  private readonly faults: MongodbFaults
  readonly flowControl: FlowControl

  constructor(
    private readonly sim: Simulation,
    readonly options: MongodbOptions,
  ) {
    const log = new ReplicatedLog(sim, 'oplog')
    this.logs = [log]
    const machines = new Map<string, { zone: string }>()
    const network = new Network(sim, { ...networkDelaysUs(options), zoneOf: place => machines.get(place)?.zone })
    const world = new World(sim, options, timingOf(options), network, log, log.genesis(GENESIS_LSN, FIRST_TERM), initialConfig(options), new Defects(targetVersions(options), versionOf(options.image)))
    this.world = world
    world.memberNames = memberNames(options)
    world.fcvEntries.push({ at: { branch: world.genesis, lsn: GENESIS_LSN }, fcv: options.fcv ?? releaseOf(versionOf(options.image)) })
    const kubernetes = new Kubernetes(sim, network, withDefaults({
      controlPlaneVersion: options.kubernetesVersion,
      nodeVersion: options.kubernetesVersion,
      ...(options.profile === 'lab' ? LAB_KUBERNETES : {}),
      ...definedOnly(options.kubernetes),
    }))
    kubernetes.takesNames = true
    this.kubernetes = kubernetes
    world.kubernetes = kubernetes
    addMachines(kubernetes, options)
    for (const [name, machine] of kubernetes.machines) machines.set(name, machine)
    const program = new MongodbProgram(world, pod => this.bootDirectory(pod))
    const image = (name: string): Image => ({ name, stopSignal: 'TERM', program, versions: { engine: versionOf(name) }, user: 'root' })
    for (const name of new Set([options.image, ...(options.targetImage === null ? [] : [options.targetImage])])) kubernetes.defineImage(image(name))
    kubernetes.defineRepository(options.image, image)
    for (const object of objects(options)) kubernetes.create(object)
    this.beginReign()
    const roundTripUs = 2 * networkDelaysUs(options).nearUs
    const entrance = new ReplicaSetEntrance(world, roundTripUs)
    this.entrances = { 'replica-set': entrance, direct: new DirectEntrance(world, roundTripUs, this.firstPrimary()) }
    this.truth = new MongodbTruth(world, entrance, pod => isDataSet(options, pod.owner?.name))
    this.faults = new MongodbFaults(world, pod => this.volume(pod), new PlatformFaults(kubernetes, pod => isDataSet(options, pod.owner?.name)))
    this.budget = { members: this.budgetMembers() }
    this.commands = new CommandRegistry("the operator's workstation").register(...workstationPrograms(world))
    this.flowControl = new FlowControl(world)
    network.onChange(() => {
      for (const m of world.mongods) m.syncing.relink()
      world.topologyChanged()
      for (const m of [...world.mongods]) m.tellBackends()
    })
    kubernetes.onRouteChange(() => world.topologyChanged())
    kubernetes.begin()
  }

  private firstPrimary(): string {
    return this.world.memberNames[this.options.primary] ?? ''
  }

  /** What faults may take away without the set losing its promise: a majority must stay (design §8); with w:1 one member. */
  private budgetMembers(): number {
    const { firstConfig } = this.world
    return this.truth.promise === 'synchronous' ? Math.floor((firstConfig.voters.length - 1) / 2) : 1
  }

  private volume(pod: string): Disk | undefined {
    const view = this.kubernetes.pod(pod)
    if (view === undefined || !isDataSet(this.options, view.owner?.name)) return undefined
    return this.options.storage === 'pvc' ? this.kubernetes.volumes.disk(`${this.options.naming.volume}-${pod}`) : undefined
  }

  /** Members that exist when the story begins have their data and configuration already. */
  private bootDirectory(pod: string): DbPath | undefined {
    const { world, options } = this
    const arbiter = arbiterNames(options).includes(pod)
    if (!arbiter && !world.memberNames.includes(pod)) return undefined
    const copy = arbiter ? undefined : world.log.copy(pod, { branch: world.genesis, lsn: GENESIS_LSN })
    const dir = new DbPath(pod, copy, world.firstConfig, false)
    dir.lastVote = { term: FIRST_TERM, candidate: this.firstPrimary() }
    world.dbpaths.push(dir)
    return dir
  }

  /** The set has a primary already, and everybody knows it. */
  private beginReign(): void {
    const { world } = this
    const primary = world.mongodOf(this.firstPrimary()) as Mongod
    const copy = primary.copy as NonNullable<Mongod['copy']>
    primary.primary = { name: primary.name, term: FIRST_TERM }
    copy.lead({ commitLatencyUs: commitPace(primary) })
    copy.setBackground(this.options.backgroundOplogKBps * 1000)
    primary.writable = true
    primary.electionUs = 0
    primary.become('PRIMARY')
    setAcknowledgement(primary)
    for (const m of [...world.mongods]) if (m !== primary) m.learnPrimary(primary)
    world.topologyChanged()
  }

  settle(): void {
    for (let i = 0; i < 30; i++) {
      this.sim.run(this.sim.now + SECOND)
      if (this.truth.members().every(m => m.running && m.ready && m.attached)) break
    }
    // Every member has heard of every other.
    this.sim.run(this.sim.now + 3 * SECOND)
  }

  onDelay(listener: () => void): void {
    this.world.network.onChange(listener)
  }

  underWay(sinceUs: Us): boolean {
    for (const m of this.truth.members()) if (m.attached && !m.caughtUp) return true
    for (const m of this.world.mongods) {
      if (!m.listening || m.stopping || m.campaigning || m.state === 'ROLLBACK' || (m.state === 'STARTUP2' && m.syncing.source !== undefined) || (m.isPrimary && !m.writable) || m.steppingDown) return true
      if (m.state === 'STARTUP2' && m.syncing.attempts > 0 && [...this.world.mongods].some(o => o.isPrimary)) return true
      if (m.ineligibleUntilUs > this.sim.now && ![...this.world.mongods].some(o => o.isPrimary)) return true
    }
    if (this.kubernetes.pods().some(p => isDataSet(this.options, p.owner?.name) && p.node !== undefined && p.reason === 'CrashLoopBackOff' && p.containerState !== 'running' && (p.startedUs ?? 0) < sinceUs)) return true
    // Waiting for its disk or its image; one whose disk is gone waits for somebody else.
    return this.kubernetes.pods().some(p => isDataSet(this.options, p.owner?.name) && p.node !== undefined && p.containerState === 'waiting' && (p.reason === 'ContainerCreating' || p.reason === 'PodInitializing') && this.volume(p.name)?.destroyed !== true)
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
    const m = this.world.mongodOf(first)
    switch (name) {
      case 'caught-up':
        return m !== undefined && (m.isPrimary || (m.state === 'SECONDARY' && m.syncing.lagUs() <= CAUGHT_UP_US))
      case 'writable':
        return m !== undefined && canAcknowledge(m)
      case 'one-leader':
        return this.truth.couldAcknowledge().length === 1
      case 'fenced':
        return m === undefined || !m.isPrimary
      case 'on-version': {
        const member = this.truth.members().find(x => x.name === first)
        return member !== undefined && Object.values(member.versions).includes(args[1] ?? '')
      }
      default:
        return undefined
    }
  }
}

function targetVersions(options: MongodbOptions): Readonly<Record<string, string>> {
  const target: Record<string, string> = {}
  if (options.targetImage !== null) target.engine = versionOf(options.targetImage)
  if (options.targetFcv !== null) target.fcv = options.targetFcv
  return target
}

function definedOnly<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }
}
