/** One CouchDB cluster on Kubernetes in one rehearsal (engine.ts, Cluster and Truth). Small on purpose: see README.md. */
import { type AckInterval, contains, type Position, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { Network } from '../../src/cluster/network.ts'
import type { Client, Cluster, EngineKind, Entrance, HistoryWords, Knock, Member, Session, SessionState, Strike, StruckFault, Truth } from '../../src/engine.ts'
import { SECOND, type Simulation, type Us } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, ok } from '../../src/operator/command.ts'
import { type Image, isPlatformKind, Kubernetes, PlatformFaults, type PodView, withDefaults } from '../kubernetes/index.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/container.ts'
import { type Backend, Node, Shared, type Shards } from './node.ts'
import { type CouchdbOptions, versionOf } from './options.ts'

const DATA = 'data'
const GENESIS = 64 * 1024 * 1024 * 1024
const MISSED: Strike = { struck: false, members: [], end: () => {} }
const COMPONENT = 'app.kubernetes.io/component'

class Program implements ContainerProgram {
  private readonly running = new Map<string, Node>()

  constructor(private readonly shared: Shared) {}

  start(c: ContainerHandle): void {
    const { shared } = this
    const disk = c.volume(DATA)
    if (disk === undefined || disk.destroyed) return void shared.sim.after(10_000, () => c.exited(1))
    if (disk.contents === undefined) {
      const at = c.atBoot ? shared.genesis : { branch: shared.log.genesis(0, 0), lsn: 0 }
      const shards: Shards = { name: c.pod.name, copy: shared.log.copy(shared.shardsOf.has(c.pod.name) ? `${c.pod.name} (new volume)` : c.pod.name, at), destroyed: false, version: '' }
      shared.all.push(shards)
      disk.contents = shards
      shared.diskEmptied(disk, shards)
    }
    const shards = disk.contents as Shards
    shared.shardsOf.set(c.pod.name, shards)
    const node = new Node(shared, shards, c)
    this.running.set(key(c), node)
    node.start(c.atBoot)
  }

  /** SIGTERM ends it within a second: it hands nothing over, there is nothing to hand over. */
  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const node = this.running.get(key(c))
    if (node === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    if (s === 'KILL') node.end(137, 'SIGKILL')
    else this.shared.sim.after(SECOND / 2, () => node.end(0, 'stopped'))
  }

  machineLost(c: ContainerHandle): void {
    this.running.get(key(c))?.end(137, 'power loss')
  }

  ready(c: ContainerHandle): boolean {
    return this.running.get(key(c))?.up === true
  }

  programs(c: ContainerHandle): CommandRegistry {
    const registry = new CommandRegistry('container couchdb')
    const curl: Command = {
      name: 'curl',
      summary: 'curl …/_up',
      check: argv => (argv.some(a => a.endsWith('/_up')) ? [] : [{ severity: 'error', message: 'curl: only http://…:5984/_up is modelled here' }]),
      latencyUs: () => 5_000,
      look: () => ({ output: this.running.get(key(c))?.up === true ? ok('{"status":"ok","seeds":{}}\n') : { out: '', err: 'curl: (7) Failed to connect to localhost port 5984: Connection refused\n', code: 7 }, afterUs: 0, stableUntilUs: Number.POSITIVE_INFINITY }),
      *run() {
        return ok()
      },
    }
    return registry.register(curl)
  }
}

const key = (c: ContainerHandle): string => `${c.pod.uid}/${c.incarnation}`

class HttpSession implements Session, Backend {
  state: SessionState
  private open = true

  constructor(
    private readonly node: Node,
    private readonly client: Client,
  ) {
    this.state = node.shared.stateOf(node)
    node.backends.add(this)
  }

  get backend(): string {
    return this.node.name
  }

  stateChanged(state: SessionState): void {
    if (!this.open || this.state.is === state.is) return
    this.state = state
    if (state.is === 'closed') this.open = false
    this.client.sessionChanged(state)
  }

  close(): void {
    this.open = false
    this.node.backends.delete(this)
  }
}

/** Any node that the Service sends a request to takes it. */
class ServiceEntrance implements Entrance {
  readonly name = 'service'
  readonly roundTripUs = 500

  constructor(private readonly shared: Shared) {}

  connect(client: Client, nth: number): Knock {
    const { shared } = this
    const route = shared.kubernetes.route(shared.options.service, client.id, nth)
    if (route.is !== 'pod') return { is: 'refused', error: 'connection refused', afterUs: 1_000 }
    const node = shared.nodeOf(route.pod.name)
    if (node === undefined || !node.up || node.c.pod.uid !== route.pod.uid) {
      const machine = route.pod.node === undefined ? undefined : shared.kubernetes.machines.get(route.pod.node)
      return route.pod.removed || machine?.up === false ? { is: 'silent' } : { is: 'refused', error: 'connection refused', afterUs: 1_000 }
    }
    return shared.stateOf(node).is === 'silent' ? { is: 'silent' } : { is: 'open', session: new HttpSession(node, client), afterUs: 3_000 }
  }

  fresh(): ReturnType<Entrance['fresh']> {
    const { shared } = this
    const serving = shared.serving()
    const able = shared.kubernetes.endpoints(shared.options.service).some(p => serving.some(n => n.name === p.name && shared.network.connected('clients', n.place)))
    return able ? { is: 'leader', copy: shared.accepted } : { is: 'none', why: 'the Service leads to no node that takes part' }
  }
}

/** The truth's words are those of leaders and followers; here one node that takes part stands for all of them as the leader (rule CD-TRUTH-1). */
class CouchdbTruth implements Truth {
  readonly history: HistoryWords = { line: '', place: (_, bytes) => `byte ${bytes} of its changes` }
  readonly promise = 'synchronous'
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

  members(): readonly Member[] {
    const { shared } = this
    const first = shared.serving().find(n => n.shards.copy.upstream !== undefined)?.name
    const now = shared.kubernetes.pods().filter(p => this.isMember(p)).map((pod): Member => {
      const node = shared.nodeOf(pod.name)
      const shards = shared.shardsOf.get(pod.name)
      const copy = shards === undefined || shards.destroyed ? undefined : shards.copy
      const attached = copy?.upstream !== undefined
      return {
        name: pod.name,
        node: pod.node,
        zone: pod.node === undefined ? undefined : shared.kubernetes.machines.get(pod.node)?.zone,
        running: node !== undefined && node.up && !node.paused,
        ready: pod.ready,
        role: first === pod.name ? 'leader' : attached ? 'follower' : 'none',
        timeline: copy === undefined ? undefined : 1,
        versions: shards === undefined || shards.version === '' ? {} : { engine: shards.version },
        copy,
        attached,
        caughtUp: attached && copy.lagBytes('flush') <= 16 * 1024 * 1024,
      }
    })
    const same = now.length === this.last.length && now.every((m, i) => JSON.stringify({ ...m, copy: m.copy?.name }) === JSON.stringify({ ...this.last[i], copy: this.last[i]?.copy?.name }))
    return same ? this.last : (this.last = now)
  }

  couldAcknowledge(): readonly string[] {
    const first = this.shared.serving().find(n => n.shards.copy.upstream !== undefined)
    return first === undefined ? [] : [first.name]
  }

  forbiddenSkew(): readonly string[] {
    return []
  }

  authority(): { readonly position: Position | undefined; readonly why: string; readonly member: string | undefined } {
    let best: Shards | undefined
    for (const s of this.shared.all) if (!s.destroyed && s.copy.lsn('flush') > (best?.copy.lsn('flush') ?? -1)) best = s
    return best === undefined ? { position: undefined, why: 'no copy of the data is left', member: undefined } : { position: best.copy.position('flush'), why: 'the copies converge on the furthest', member: best.name }
  }

  holders(interval: AckInterval): readonly string[] {
    const at: Position = { branch: interval.branch, lsn: interval.toLsn }
    return this.shared.all.filter(s => !s.destroyed && contains(s.copy.position('flush'), at)).map(s => s.name)
  }
}

export class CouchdbCluster implements Cluster {
  readonly shared: Shared
  readonly kubernetes: Kubernetes
  readonly commands: CommandRegistry
  readonly entrances: Readonly<Record<string, Entrance>>
  readonly logs: readonly ReplicatedLog[]
  readonly truth: Truth
  readonly budget: { readonly members: number }
  private readonly platform: PlatformFaults

  constructor(
    private readonly sim: Simulation,
    readonly options: CouchdbOptions,
  ) {
    const log = new ReplicatedLog(sim, 'updates')
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
    const image = (name: string): Image => ({ name, stopSignal: 'TERM', program, versions: { engine: versionOf(name) }, user: 'couchdb' })
    for (const name of new Set([options.image, ...(options.targetImage === null ? [] : [options.targetImage])])) this.kubernetes.defineImage(image(name))
    this.kubernetes.defineRepository(options.image, image)
    this.createObjects()
    const isMember = (pod: PodView): boolean => pod.owner?.name === options.name
    this.platform = new PlatformFaults(this.kubernetes, isMember)
    const entrance = new ServiceEntrance(this.shared)
    this.entrances = { service: entrance }
    this.truth = new CouchdbTruth(this.shared, isMember, options.targetImage === null ? {} : { engine: versionOf(options.targetImage) })
    this.budget = { members: Math.max(0, Math.min(options.w, options.members) - 1) }
    this.commands = new CommandRegistry("the operator's workstation").register(this.kubernetes.commands.kubectl, this.kubernetes.commands.az, this.kubernetes.commands.curl)
    network.onChange(() => this.shared.changed())
    this.kubernetes.onRouteChange(() => this.sim.touch())
    this.kubernetes.begin()
  }

  private createObjects(): void {
    const { options } = this
    const labels = { app: options.name, [COMPONENT]: 'database' }
    this.kubernetes.create({ apiVersion: 'v1', kind: 'Service', metadata: { name: options.name }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: { app: options.name }, ports: [{ port: 5984 }] } })
    this.kubernetes.create({ apiVersion: 'v1', kind: 'Service', metadata: { name: options.service }, spec: { selector: { app: options.name }, ports: [{ port: 5984 }] } })
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
            affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { [COMPONENT]: 'database' } }, topologyKey: 'kubernetes.io/hostname' }] } },
            containers: [{ name: 'couchdb', image: options.image, readinessProbe: {}, volumeMounts: [{ name: DATA, mountPath: '/opt/couchdb/data' }] }],
          },
        },
        volumeClaimTemplates: [{ metadata: { name: DATA }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: `${Math.round(options.diskMB / 1000)}Gi` } } } }],
      },
    })
  }

  settle(): void {
    this.shared.changed()
    this.sim.run(this.sim.now + 3 * SECOND)
  }

  underWay(sinceUs: Us): boolean {
    const pods = this.kubernetes.pods().filter(p => p.owner?.name === this.options.name)
    if (this.truth.members().some(m => m.running && (!m.attached || !m.caughtUp)) || [...this.shared.nodes].some(n => !n.up)) return true
    if (pods.some(p => p.reason === 'CrashLoopBackOff' && p.containerState !== 'running' && (p.startedUs ?? 0) < sinceUs)) return true
    return pods.some(p => p.node !== undefined && p.containerState === 'waiting' && p.reason === 'ContainerCreating' && this.kubernetes.volumes.disk(`${DATA}-${p.name}`)?.destroyed !== true)
  }

  claim(name: string, args: readonly string[]): boolean | undefined {
    const member = this.truth.members().find(m => m.name === args[0])
    if (name === 'caught-up') return member?.caughtUp === true
    if (name === 'writable') return this.shared.serving().some(n => n.name === args[0])
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
    const busy = new Set(this.kubernetes.pods().filter(p => p.owner?.name === this.options.name).map(p => p.node))
    return [...up.filter(m => busy.has(m)), ...up.filter(m => !busy.has(m))].map(m => `node:${m}`)
  }

  targets(kind: EngineKind): readonly string[] {
    if (isPlatformKind(kind)) return this.platform.targets(kind)
    if (kind === 'process-kill' || kind === 'process-pause') return [...this.shared.nodes].filter(n => n.up).map(n => `member:${n.name}`).sort()
    if (kind === 'node-loss' || kind === 'node-loss-with-volume' || kind === 'partition') return this.machinesThatMatter()
    if (kind === 'api-server-away') return ['control-plane']
    if (kind === 'image-pull-slow') return ['registry']
    if (kind === 'load-spike') return ['clients']
    return kind.startsWith('operator-') ? ['operator'] : []
  }

  strike(fault: StruckFault): Strike {
    const { shared, kubernetes } = this
    const name = fault.target.slice(fault.target.indexOf(':') + 1)
    if (isPlatformKind(fault.kind)) return this.platform.strike(fault.kind, fault) ?? MISSED
    const on = kubernetes.pods().filter(p => p.node === name && p.owner?.name === this.options.name).map(p => p.name)
    const node = shared.nodeOf(name)
    switch (fault.kind) {
      case 'process-kill':
        if (node === undefined) return MISSED
        shared.heldUntilUs.set(name, this.sim.now + fault.durationUs)
        node.end(137, 'SIGKILL')
        return { struck: true, members: [name], end: () => {} }
      case 'process-pause': {
        if (node === undefined || node.paused) return MISSED
        const pause = (paused: boolean): void => {
          node.paused = paused
          shared.changed()
        }
        pause(true)
        return { struck: true, members: [name], end: () => node.alive && pause(false) }
      }
      case 'node-loss':
      case 'node-loss-with-volume':
        if (kubernetes.machines.get(name)?.up !== true) return MISSED
        return { struck: true, members: on, end: kubernetes.faults.nodeLoss(name, { volume: fault.kind === 'node-loss-with-volume' }) }
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
