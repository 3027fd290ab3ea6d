/** A program on Kubernetes, its flags and jobs, and the two databases it writes to, in one rehearsal (engine.ts, Cluster). */
import { type Copy, type Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Budget, Cluster, EngineKind, Entrance, RowAudit, Strike, StruckFault } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import type { Kubernetes } from '../kubernetes/index.ts'
import { PostgresCluster } from '../postgres/index.ts'
import { VitessCluster } from '../vitess/index.ts'
import { audit } from './audit.ts'
import { gofeatureflag, KubectlWithRollouts } from './commands.ts'
import { ApplicationEntrance } from './entrance.ts'
import type { ApplicationOptions } from './options.ts'
import { CurlWithPrometheus, Prometheus } from './monitoring/prometheus.ts'
import { postgresDatabases } from './postgres.ts'
import { Outboxes } from './outbox.ts'
import { Requests } from './requests.ts'
import { Rollouts } from './rollout.ts'
import { Rows } from './rows.ts'
import { defineImages, objects } from './topology.ts'
import { ApplicationTruth } from './truth.ts'
import { vitessDatabases } from './vitess.ts'
import { type Databases, World } from './world.ts'

/** First position of the log of what clients were acknowledged. */
const GENESIS = 1024 * 1024
const MISSED: Strike = { struck: false, members: [], end: () => {} }

export class ApplicationCluster implements Cluster {
  readonly world!: World
  readonly kubernetes!: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: ApplicationTruth
  readonly budget: Budget
  readonly rollouts!: Rollouts
  readonly requests: Requests
  private readonly databases!: Databases
  /** The databases beneath. */
  readonly inner: Cluster
  private origin: Position | undefined

  constructor(
    private readonly sim: Simulation,
    readonly options: ApplicationOptions,
  ) {
    const beside = (databases: Databases): void => void Object.assign(this, this.besides(databases))
    const inner = options.vitess === null ? new PostgresCluster(sim, options.database, cluster => beside(postgresDatabases(cluster))) : new VitessCluster(sim, options.vitess, cluster => beside(vitessDatabases(cluster)))
    this.inner = inner
    const front = this.frontLog()
    this.logs = [front.log]
    this.truth = new ApplicationTruth(this.world, inner, front, options.vitess === null && options.database.targetImage === null ? {} : inner.truth.targetVersions)
    this.entrances = { application: new ApplicationEntrance(this.world, front) }
    this.budget = inner.budget
    this.commands = new CommandRegistry("the operator's workstation").register(...inner.commands.names.map(name => inner.commands.get(name)))
    this.commands.register(new KubectlWithRollouts(inner.commands.get('kubectl'), this.world, this.rollouts), gofeatureflag)
    if (options.monitoring.enabled) this.world.prometheus = new Prometheus(this.world)
    this.commands.register(new CurlWithPrometheus(inner.commands.get('curl'), this.world.prometheus))
    this.world.rows = new Rows(sim, options, () => this.originOf())
    this.world.rows.onCommit((commit, key) => {
      this.world.changes.push({ commit, key })
      for (const connector of this.world.connectors) connector.changed()
    })
    this.requests = new Requests(this.world)
  }

  /** The program and what belongs to it, there when the databases are. */
  private besides(databases: Databases): Pick<ApplicationCluster, 'world' | 'kubernetes' | 'rollouts'> & { readonly databases: Databases } {
    const { kubernetes } = databases
    const world = new World(this.sim, this.options, databases)
    world.outboxes = new Outboxes(world)
    const rollouts = new Rollouts(world)
    defineImages(world)
    for (const object of objects(this.options)) kubernetes.create(object)
    return { world, kubernetes, rollouts, databases }
  }

  /** The log of what the clients were acknowledged: it carries their load, and how long they waited. */
  private frontLog(): Copy {
    const log = new ReplicatedLog(this.sim, 'application')
    const copy = log.copy('application', { branch: log.genesis(GENESIS), lsn: GENESIS })
    copy.lead({ commitLatencyUs: 5_000 })
    copy.acknowledge(null)
    return copy
  }

  /** What a database's history must contain to have the rows of before the story: the legacy leader's as it was when the program first ran. */
  private originOf(): Position {
    if (this.origin === undefined) throw new Error('application: rows are asked for before the databases have come up')
    return this.origin
  }

  settle(): void {
    this.inner.settle()
    if (this.origin === undefined) this.begin()
    this.sim.run(this.sim.now + 3 * SECOND)
  }

  /** The databases are up, and the program beside them: its clients begin. */
  private begin(): void {
    const { kubernetes, sim } = this
    const leader = this.inner.truth.members().find(member => member.role === 'leader')?.copy
    if (leader === undefined) throw new Error('application: the legacy database does not lead')
    this.origin = leader.position('flush')
    this.world.filled.add(this.databases.database(leader))
    for (let i = 0; i < 600 && kubernetes.endpoints(this.options.name).length < this.options.replicas; i++) sim.run(sim.now + SECOND)
    this.requests.start()
  }

  onDelay(listener: () => void): void {
    this.world.kubernetes.network.onChange(listener)
  }

  underWay(sinceUs: Us): boolean {
    if (this.inner.underWay(sinceUs)) return true
    const coming = this.kubernetes.pods().some(pod => pod.labels.app === this.options.name && pod.node !== undefined && (pod.containerState === 'waiting' ? pod.reason === 'ContainerCreating' : !pod.ready && pod.containerState === 'running'))
    return coming || [...this.world.connectors].some(connector => connector.catchingUp)
  }

  claim(name: string, args: readonly string[]): boolean | undefined {
    // A database of rows has caught up when its rows are those of the one that counts, whatever its log says.
    if (name !== 'caught-up') return this.inner.claim(name, args)
    const other = this.databases.named(args[0] ?? '')
    const authority = this.truth.authorityNow()
    return other === undefined || authority === undefined ? undefined : audit(this.world, { authority, other }).divergent.length === 0
  }

  cost(): ReturnType<Cluster['cost']> {
    return this.inner.cost()
  }

  rows(): RowAudit {
    return audit(this.world, this.truth.kept())
  }

  targets(kind: EngineKind): readonly string[] {
    if (kind === 'coordinator-away') return ['flags']
    if (kind === 'replay-stall') return [...this.world.connectors].filter(({ fills }) => fills !== undefined).map(({ options }) => `connector:${options.name}`).sort()
    const beneath = this.inner.targets(kind)
    return kind === 'process-kill' || kind === 'process-pause' ? [...beneath, ...this.podTargets()] : beneath
  }

  private podTargets(): readonly string[] {
    return [...[...this.world.pods.values()].map(pod => pod.name), ...[...this.world.connectors].map(connector => connector.c.pod.name)].map(name => `pod:${name}`).sort()
  }

  strike(fault: StruckFault): Strike {
    const { world } = this
    if (fault.kind === 'coordinator-away') {
      world.flagsAway += 1
      this.kubernetes.touched()
      return { struck: true, members: [], end: () => this.flagsBack() }
    }
    if (fault.kind === 'replay-stall') {
      const connector = [...world.connectors].find(({ options }) => fault.target === `connector:${options.name}`)
      const fills = connector?.fills
      return connector === undefined || fills === undefined ? MISSED : { struck: true, members: [this.databases.nameOf(fills)], end: connector.stall() }
    }
    return this.strikeProcess(fault) ?? this.inner.strike(fault)
  }

  /** A process of the program or of a connector; undefined when the target is none. */
  private strikeProcess({ kind, target }: StruckFault): Strike | undefined {
    if (!target.startsWith('pod:') || (kind !== 'process-kill' && kind !== 'process-pause')) return undefined
    const name = target.slice('pod:'.length)
    const connector = [...this.world.connectors].find(each => each.c.pod.name === name)
    if (connector !== undefined) {
      if (kind === 'process-pause') return { struck: true, members: [], end: connector.stall() }
      connector.end(137, false)
      return { struck: true, members: [], end: () => {} }
    }
    const pod = [...this.world.pods.values()].find(each => each.name === name)
    if (pod === undefined || (kind === 'process-pause' && pod.frozen)) return MISSED
    if (kind === 'process-kill') {
      pod.end(137, 'SIGKILL')
      return { struck: true, members: [], end: () => {} }
    }
    pod.freeze(true)
    return { struck: true, members: [], end: () => pod.freeze(false) }
  }

  private flagsBack(): void {
    this.world.flagsAway -= 1
    this.kubernetes.touched()
  }
}
