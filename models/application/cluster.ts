/** A program on Kubernetes, its flags and jobs, and the two databases it writes to, in one rehearsal (engine.ts, Cluster). */
import { type Copy, type Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import type { Budget, Cluster, EngineKind, Entrance, RowAudit, Strike, StruckFault } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import type { Kubernetes, KubeObject } from '../kubernetes/index.ts'
import { PostgresCluster } from '../postgres/index.ts'
import { audit } from './audit.ts'
import { gofeatureflag, KubectlWithRollouts } from './commands.ts'
import { ApplicationEntrance } from './entrance.ts'
import { Migrator } from './migrator.ts'
import { type ApplicationOptions, versionOf } from './options.ts'
import { Program } from './pod.ts'
import { postgresDatabases } from './postgres.ts'
import { Requests } from './requests.ts'
import { KIND, Rollouts } from './rollout.ts'
import { Rows } from './rows.ts'
import { ApplicationTruth } from './truth.ts'
import { type Databases, World } from './world.ts'

/** First position of the log of what clients were acknowledged. */
const GENESIS = 1024 * 1024
export const MIGRATOR_IMAGE = 'migrator:1'
const MISSED: Strike = { struck: false, members: [], end: () => {} }

export class ApplicationCluster implements Cluster {
  readonly world: World
  readonly kubernetes: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: ApplicationTruth
  readonly budget: Budget
  readonly rollouts: Rollouts
  readonly requests: Requests
  private readonly databases: Databases
  private origin: Position | undefined

  constructor(
    private readonly sim: Simulation,
    readonly options: ApplicationOptions,
  ) {
    const inner = new PostgresCluster(sim, options.database)
    this.inner = inner
    this.databases = postgresDatabases(inner)
    this.kubernetes = inner.kubernetes
    this.world = new World(sim, options, this.databases)
    const front = this.frontLog()
    this.logs = [front.log]
    this.rollouts = new Rollouts(this.world)
    this.defineImages()
    this.truth = new ApplicationTruth(this.world, inner, front, options.database.targetImage === null ? {} : inner.truth.targetVersions)
    this.entrances = { application: new ApplicationEntrance(this.world, front) }
    this.budget = inner.budget
    this.commands = new CommandRegistry("the operator's workstation").register(...inner.commands.names.map(name => inner.commands.get(name)))
    this.commands.register(new KubectlWithRollouts(inner.commands.get('kubectl'), this.world, this.rollouts), gofeatureflag)
    this.world.rows = new Rows(sim, options, () => this.originOf())
    this.requests = new Requests(this.world)
  }

  private readonly inner: PostgresCluster

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

  private defineImages(): void {
    const { options, kubernetes, world } = this
    const program = new Program(world)
    for (const image of new Set([options.image, ...Object.keys(options.builds)])) kubernetes.defineImage({ name: image, stopSignal: 'TERM', program, versions: { application: versionOf(image) }, user: 'app' })
    kubernetes.defineImage({ name: MIGRATOR_IMAGE, stopSignal: 'TERM', program: new Migrator(world), versions: {}, user: 'app' })
  }

  private objects(): readonly KubeObject[] {
    const { options } = this
    const labels = { app: options.name }
    const spec: Record<string, unknown> = {
      replicas: options.replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { nodeSelector: { agentpool: 'system' }, containers: [{ name: options.name, image: options.image, readinessProbe: { periodSeconds: 2 } }] } },
    }
    if (options.controller === 'rollout') spec.strategy = { canary: { steps: options.canary, ...(options.trafficRouting ? { trafficRouting: { plugins: {} } } : {}) } }
    return [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: options.flags.configMap }, data: { ...options.flags.values } },
      { apiVersion: 'v1', kind: 'Service', metadata: { name: options.name }, spec: { selector: labels, ports: [{ port: 80 }] } },
      { apiVersion: options.controller === 'rollout' ? 'argoproj.io/v1alpha1' : 'apps/v1', kind: options.controller === 'rollout' ? KIND : 'Deployment', metadata: { name: options.name, labels }, spec },
    ]
  }

  settle(): void {
    this.inner.settle()
    if (this.origin === undefined) this.begin()
    this.sim.run(this.sim.now + 3 * SECOND)
  }

  /** The databases are up: the program comes up beside them, and its clients begin. */
  private begin(): void {
    const { kubernetes, sim } = this
    const leader = this.inner.truth.members().find(member => member.role === 'leader')?.copy
    if (leader === undefined) throw new Error('application: the legacy database does not lead')
    this.origin = leader.position('flush')
    for (const object of this.objects()) kubernetes.create(object)
    for (let i = 0; i < 600 && kubernetes.endpoints(this.options.name).length < this.options.replicas; i++) sim.run(sim.now + SECOND)
    this.requests.start()
  }

  underWay(sinceUs: Us): boolean {
    if (this.inner.underWay(sinceUs)) return true
    const coming = this.kubernetes.pods().some(pod => pod.labels.app === this.options.name && pod.node !== undefined && (pod.containerState === 'waiting' ? pod.reason === 'ContainerCreating' : !pod.ready && pod.containerState === 'running'))
    // Rows that are younger than that are not judged: writes that stop would leave none.
    return coming
  }

  claim(name: string, args: readonly string[]): boolean | undefined {
    if (name === 'rows-agree') return this.rows().divergent.length === 0
    return this.inner.claim(name, args)
  }

  cost(): ReturnType<Cluster['cost']> {
    return this.inner.cost()
  }

  rows(): RowAudit {
    return audit(this.world, this.truth.kept())
  }

  targets(kind: EngineKind): readonly string[] {
    if (kind === 'coordinator-away') return ['flags']
    const beneath = this.inner.targets(kind)
    return kind === 'process-kill' || kind === 'process-pause' ? [...beneath, ...this.podTargets()] : beneath
  }

  private podTargets(): readonly string[] {
    return [...this.world.pods.values()].map(pod => `pod:${pod.name}`).sort()
  }

  strike(fault: StruckFault): Strike {
    const { world } = this
    if (fault.kind === 'coordinator-away') {
      world.flagsAway += 1
      this.kubernetes.touched()
      return { struck: true, members: [], end: () => this.flagsBack() }
    }
    const pod = [...world.pods.values()].find(each => fault.target === `pod:${each.name}`)
    if (pod === undefined) return fault.target.startsWith('pod:') && (fault.kind === 'process-kill' || fault.kind === 'process-pause') ? MISSED : this.inner.strike(fault)
    if (fault.kind === 'process-kill') pod.end(137, 'SIGKILL')
    else {
      if (pod.frozen) return MISSED
      const freeze = (frozen: boolean): void => {
        pod.frozen = frozen
        pod.c.readinessChanged()
        world.changed()
      }
      freeze(true)
      return { struck: true, members: [], end: () => pod.alive && freeze(false) }
    }
    return { struck: true, members: [], end: () => {} }
  }

  private flagsBack(): void {
    this.world.flagsAway -= 1
    this.kubernetes.touched()
  }
}
