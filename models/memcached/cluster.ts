/** Memcached servers on Kubernetes, and the database behind them, in one rehearsal (engine.ts, Cluster and Truth). Small on purpose: see README.md. */
import { type Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { Network } from '../../src/cluster/network.ts'
import type { Client, Cluster, EngineKind, Entrance, HistoryWords, Knock, Member, Strike, StruckFault, Truth } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { CommandRegistry } from '../../src/operator/command.ts'
import { type Image, isPlatformKind, Kubernetes, PlatformFaults, type PodView, withDefaults } from '../kubernetes/index.ts'
import { type MemcachedOptions, versionOf } from './options.ts'
import { ApplicationSession, Program, Shared } from './server.ts'

const GENESIS = 64 * 1024 * 1024 * 1024
const MISSED: Strike = { struck: false, members: [], end: () => {} }
const COMPONENT = 'app.kubernetes.io/component'

/** The application: it always reaches the database; what it waits for is the database's answer. */
class ApplicationEntrance implements Entrance {
  readonly name = 'application'
  readonly roundTripUs = 500

  constructor(private readonly shared: Shared) {}

  connect(client: Client): Knock {
    return { is: 'open', session: new ApplicationSession(this.shared, client), afterUs: 3_000 }
  }

  fresh(): ReturnType<Entrance['fresh']> {
    return { is: 'leader', copy: this.shared.database }
  }
}

/** The truth's words are those of leaders and followers; here the first server that runs stands for all (rule MC-TRUTH-1). */
class MemcachedTruth implements Truth {
  readonly history: HistoryWords = { line: '', place: (_, bytes) => `byte ${bytes} of what was written` }
  readonly promise = 'asynchronous'
  readonly promotions = []
  readonly departures = []
  private last: readonly Member[] = []

  constructor(
    private readonly shared: Shared,
    private readonly isMember: (pod: PodView) => boolean,
    readonly targetVersions: Readonly<Record<string, string>>,
  ) {}

  versionsAround(): ReturnType<Kubernetes['versionsOfNodes']> {
    return this.shared.kubernetes.versionsOfNodes()
  }

  get expectedMembers(): number {
    return this.shared.options.members
  }

  /** The first server that runs: what the tool's words call the leader. */
  get first(): string | undefined {
    const { shared } = this
    return shared.names.find(name => shared.servers.get(name)?.up === true && !shared.servers.get(name)?.paused)
  }

  members(): readonly Member[] {
    const { shared, first } = this
    shared.catchUp()
    const now = shared.kubernetes.pods().filter(p => this.isMember(p)).map((pod): Member => {
      const server = shared.servers.get(pod.name)
      const running = server !== undefined && server.up && !server.paused
      return {
        name: pod.name,
        node: pod.node,
        zone: pod.node === undefined ? undefined : shared.kubernetes.machines.get(pod.node)?.zone,
        running,
        ready: pod.ready,
        role: first === pod.name ? 'leader' : running ? 'follower' : 'none',
        timeline: undefined,
        versions: server?.c.imageUsed.versions ?? {},
        copy: undefined,
        attached: running,
        caughtUp: running && shared.warm(pod.name),
      }
    })
    const same = now.length === this.last.length && now.every((m, i) => JSON.stringify(m) === JSON.stringify(this.last[i]))
    return same ? this.last : (this.last = now)
  }

  /** Writes are the database's affair; nothing that happens to a cache splits it. */
  couldAcknowledge(): readonly string[] {
    return ['database']
  }

  forbiddenSkew(): readonly string[] {
    return []
  }

  authority(): { readonly position: Position | undefined; readonly why: string; readonly member: string | undefined } {
    return { position: this.shared.database.position('flush'), why: 'all writes are in the database', member: 'database' }
  }

  holders(): readonly string[] {
    return ['database']
  }
}

export class MemcachedCluster implements Cluster {
  readonly shared: Shared
  readonly kubernetes: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: Truth
  readonly budget: { readonly members: number }
  private readonly platform: PlatformFaults
  private readonly isMember = (pod: PodView): boolean => pod.owner?.name === this.options.name

  constructor(
    private readonly sim: Simulation,
    readonly options: MemcachedOptions,
  ) {
    const log = new ReplicatedLog(sim, 'database')
    this.logs = [log]
    const zones = new Map<string, string>()
    const network = new Network(sim, { localUs: 50, nearUs: 250, farUs: 700, zoneOf: place => zones.get(place) })
    this.shared = new Shared(sim, options, network, log, { branch: log.genesis(GENESIS), lsn: GENESIS })
    const defined = Object.fromEntries(Object.entries(options.kubernetes).filter(([, v]) => v !== undefined)) as object
    this.kubernetes = new Kubernetes(sim, network, withDefaults({ controlPlaneVersion: options.kubernetesVersion, nodeVersion: options.kubernetesVersion, ...defined }))
    this.shared.kubernetes = this.kubernetes
    for (let i = 0; i < options.members + options.spareNodes; i++) {
      const zone = String((i % options.zones) + 1)
      const name = `aks-nodepool1-12345678-vmss${String(i).padStart(6, '0')}`
      zones.set(name, zone)
      this.kubernetes.addMachine(name, zone, 'nodepool1', { version: options.kubernetesVersion })
    }
    const program = new Program(this.shared)
    const image = (name: string): Image => ({ name, stopSignal: 'TERM', program, versions: { engine: versionOf(name) }, user: 'memcache' })
    for (const name of new Set([options.image, ...(options.targetImage === null ? [] : [options.targetImage])])) this.kubernetes.defineImage(image(name))
    this.kubernetes.defineRepository(options.image, image)
    this.createObjects()
    this.platform = new PlatformFaults(this.kubernetes, this.isMember)
    this.entrances = { application: new ApplicationEntrance(this.shared) }
    this.truth = new MemcachedTruth(this.shared, this.isMember, options.targetImage === null ? {} : { engine: versionOf(options.targetImage) })
    this.budget = { members: Math.max(0, Math.min(1, options.members - 1)) }
    this.commands = new CommandRegistry("the operator's workstation").register(this.kubernetes.commands.kubectl, this.kubernetes.commands.az, this.kubernetes.commands.curl)
    network.onChange(() => this.shared.changed())
    this.kubernetes.begin()
  }

  private createObjects(): void {
    const { options } = this
    const labels = { app: options.name, [COMPONENT]: 'cache' }
    this.kubernetes.create({ apiVersion: 'v1', kind: 'Service', metadata: { name: options.name }, spec: { clusterIP: 'None', selector: { app: options.name }, ports: [{ port: 11211 }] } })
    this.kubernetes.create({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: options.name, labels },
      spec: {
        replicas: options.members,
        serviceName: options.name,
        updateStrategy: { type: options.updateStrategy },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: options.terminationGraceSeconds,
            affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { [COMPONENT]: 'cache' } }, topologyKey: 'kubernetes.io/hostname' }] } },
            containers: [{ name: 'memcached', image: options.image, readinessProbe: {} }],
          },
        },
      },
    })
  }

  settle(): void {
    this.shared.changed()
    this.sim.run(this.sim.now + 3 * SECOND)
  }

  underWay(sinceUs: Us): boolean {
    const pods = this.kubernetes.pods().filter(this.isMember)
    if (this.truth.members().some(m => m.running && !m.caughtUp) || [...this.shared.servers.values()].some(s => !s.up)) return true
    if (pods.some(p => p.reason === 'CrashLoopBackOff' && p.containerState !== 'running' && (p.startedUs ?? 0) < sinceUs)) return true
    return pods.some(p => p.node !== undefined && p.containerState === 'waiting' && p.reason === 'ContainerCreating')
  }

  claim(name: string, args: readonly string[]): boolean | undefined {
    const member = this.truth.members().find(m => m.name === args[0])
    if (name === 'caught-up') return member?.caughtUp === true
    if (name === 'on-version') return member !== undefined && Object.values(member.versions).includes(args[1] ?? '')
    return undefined
  }

  cost(): ReturnType<Cluster['cost']> {
    const cost = this.kubernetes.cost()
    return { baseNodeUs: cost.nodeUsBase, extraNodeUs: cost.nodeUsExtra, peakNodes: cost.nodesPeak, baseNodes: cost.nodesAtStart, dollarsPerNodeHour: this.options.dollarsPerNodeHour }
  }

  /** Machines that have power, those with a member first. */
  private machinesThatMatter(): readonly string[] {
    const up = [...this.kubernetes.machines.values()].filter(m => m.up).map(m => m.name)
    const busy = new Set(this.kubernetes.pods().filter(this.isMember).map(p => p.node))
    return [...up.filter(m => busy.has(m)), ...up.filter(m => !busy.has(m))].map(m => `node:${m}`)
  }

  targets(kind: EngineKind): readonly string[] {
    if (isPlatformKind(kind)) return this.platform.targets(kind)
    if (kind === 'process-kill' || kind === 'process-pause') return this.shared.names.filter(name => this.shared.servers.get(name)?.up).map(name => `member:${name}`)
    if (kind === 'node-loss' || kind === 'partition') return this.machinesThatMatter()
    if (kind === 'api-server-away') return ['control-plane']
    if (kind === 'image-pull-slow') return ['registry']
    return kind.startsWith('operator-') ? ['operator'] : []
  }

  strike(fault: StruckFault): Strike {
    const { shared, kubernetes } = this
    const name = fault.target.slice(fault.target.indexOf(':') + 1)
    if (isPlatformKind(fault.kind)) return this.platform.strike(fault.kind, fault) ?? MISSED
    const on = kubernetes.pods().filter(p => p.node === name && this.isMember(p)).map(p => p.name)
    const server = shared.servers.get(name)
    switch (fault.kind) {
      case 'process-kill':
        if (server === undefined) return MISSED
        shared.heldUntilUs.set(name, this.sim.now + fault.durationUs)
        server.end(137, 'SIGKILL')
        return { struck: true, members: [name], end: () => {} }
      case 'process-pause': {
        if (server === undefined || server.paused) return MISSED
        const pause = (paused: boolean): void => {
          server.paused = paused
          shared.changed()
        }
        pause(true)
        return { struck: true, members: [name], end: () => server.alive && pause(false) }
      }
      case 'node-loss':
        if (kubernetes.machines.get(name)?.up !== true) return MISSED
        return { struck: true, members: on, end: kubernetes.faults.nodeLoss(name, { volume: false }) }
      case 'partition': {
        if (!kubernetes.machines.has(name)) return MISSED
        const is = (place: string): boolean => place === name
        const others = (place: string): boolean => place !== name
        const ends = [shared.network.cut(`into ${name}`, others, is), shared.network.cut(`out of ${name}`, is, others)]
        return { struck: true, members: on, end: () => ends.forEach(end => end()) }
      }
      case 'api-server-away':
        return { struck: true, members: [], end: kubernetes.faults.apiServer('down') }
      case 'image-pull-slow':
        return { struck: true, members: [], end: kubernetes.faults.imagePullSlow(Math.max(1, fault.magnitude)) }
      default:
        return MISSED
    }
  }
}
