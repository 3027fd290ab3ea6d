import type { Machine } from '../../src/cluster/machine.ts'
import type { Network } from '../../src/cluster/network.ts'
import { type Distribution, type EventKind, SECOND, Signal, type Simulation, type Us } from '../../src/kernel/index.ts'
import type { Command, Overlay } from '../../src/operator/command.ts'
import { rememberedByText } from '../../src/operator/remembered.ts'
import { Aks } from './aks.ts'
import { Billing, type Cost } from './billing.ts'
import { Claims } from './claims.ts'
import type { Image } from './container.ts'
import { Controllers } from './controllers.ts'
import { curl, type Serves } from './curl.ts'
import { Deployments } from './deployment.ts'
import { Disruption } from './disruption.ts'
import { Faults } from './faults.ts'
import { Jobs } from './jobs.ts'
import { Kubectl } from './kubectl/kubectl.ts'
import { az } from './az/az.ts'
import { Happened } from './happened.ts'
import type { KubeNode } from './node.ts'
import { type MachineOptions, Nodes } from './nodes.ts'
import type { KubeObject, PodSpec } from './objects.ts'
import { asDistribution, type KubernetesOptions } from './options.ts'
import type { PodView } from './pod.ts'
import { Pods } from './pods.ts'
import { Scheduler } from './scheduler.ts'
import { type Routed, Services } from './services.ts'
import { StatefulSets } from './statefulset.ts'
import { Store } from './store.ts'
import { Volumes } from './volumes.ts'
import type { Worker } from './worker.ts'

/** Fields of the options that are durations to draw. */
export type DurationField = {
  [K in keyof KubernetesOptions]-?: KubernetesOptions[K] extends number | Distribution ? (K extends `${string}Seconds` ? K : never) : never
}[keyof KubernetesOptions]

/** The labels of a host name without its dot at the end and the suffix of cluster-internal names. */
const readHostname = rememberedByText(hostname => {
  const [first = '', second, third, ...more] = hostname.replace(/\.$/, '').replace(/\.svc(\.cluster\.local)?$/, '').split('.')
  return { labels: 1 + Number(second !== undefined) + Number(third !== undefined) + more.length, first, second, third }
})

/** A tag that names a version: `:15.4`, `:v2`, `:7.2.5-alpine`. */
const VERSION_TAG = /:[^/:]*\d[^/:]*$/

/** `registry:5000/db/postgres:15.4` → `registry:5000/db/postgres`. */
function repositoryOf(name: string): string {
  const tag = name.lastIndexOf(':')
  return tag > name.lastIndexOf('/') ? name.slice(0, tag) : name
}

/**
 * One cluster: control plane, kubelets, data plane. Make it, define images, add machines, {@link create} objects, then {@link begin} the story.
 * Until then everything comes up at once and costs no time; from then on every delay, refusal and race of the README's rules applies.
 */
export class Kubernetes {
  readonly machines = new Map<string, Machine>()
  readonly images = new Map<string, Image>()
  private readonly repositories = new Map<string, (name: string) => Image>()
  readonly store: Store
  readonly controllers: Controllers
  readonly nodes$: Nodes
  readonly pods$: Pods
  readonly services: Services
  readonly scheduler: Scheduler
  readonly volumes: Volumes
  readonly claims: Claims
  readonly statefulSets: StatefulSets
  readonly deployments: Deployments
  readonly jobs: Jobs
  readonly disruption: Disruption
  readonly aks: Aks
  readonly billing: Billing
  readonly faults: Faults
  readonly commands: { readonly kubectl: Command; readonly az: Command; readonly curl: Command }
  /** Of a kind that an operator keeps: which changed path of the spec it does not go by, and what it does; undefined = it goes by all of them (rule K8S-APPLY-2). */
  readonly unread = new Map<string, (spec: Readonly<Record<string, unknown>>, before: Readonly<Record<string, unknown>>) => { readonly what: string; readonly instead: string } | undefined>()
  /** Of a kind with a schema of its own: what of a spec the API server would not let in, as it says it. */
  readonly schemas = new Map<string, (spec: Readonly<Record<string, unknown>>) => string | undefined>()
  /** What the containers of an engine answer over HTTP; by default nothing listens. */
  serves: Serves = () => undefined
  /** Fired at every change of an API object: what waits for a condition looks again. */
  readonly changed = new Signal<void>()
  /** What `kubectl get events` shows. */
  readonly happened = new Happened()
  /** Fired when a container's process has ended, with its worker. */
  readonly containerEnded = new Signal<Worker>()
  /** Told after the wall clock of a machine jumped. */
  readonly clockListeners: ((machine: string, byUs: Us) => void)[] = []
  /** The story has not begun: everything comes up at once. */
  booting = true
  apiUp = true
  /** Factors that faults put on delays (1 = healthy). */
  apiFactor = 1
  pullFactor = 1
  diskFactor = 1
  controlPlaneVersion: string
  private readonly counters = new Map<string, number>()
  /** What {@link drawUs} knows of each field: nothing is read or named anew at each draw. */
  private readonly durations = new Map<DurationField, { readonly distribution: Distribution; readonly purpose: string }>()
  private versions = 1000
  private uids = 0

  constructor(
    readonly sim: Simulation,
    readonly network: Network,
    readonly options: KubernetesOptions,
  ) {
    this.controlPlaneVersion = options.controlPlaneVersion
    this.billing = new Billing(sim)
    this.store = new Store(this)
    this.controllers = new Controllers(this)
    this.pods$ = new Pods(this)
    this.scheduler = new Scheduler(this)
    this.services = new Services(this)
    this.volumes = new Volumes(this)
    this.claims = new Claims(this)
    this.statefulSets = new StatefulSets(this)
    this.deployments = new Deployments(this)
    this.jobs = new Jobs(this)
    this.disruption = new Disruption(this)
    this.nodes$ = new Nodes(this)
    this.aks = new Aks(this)
    this.faults = new Faults(this)
    this.commands = { kubectl: new Kubectl(this), az: az(this), curl: curl(this, (pod, port, path) => this.serves(pod, port, path)) }
  }

  /** The `curl` of an image that has one. */
  curlIn({ pod, machine }: { readonly pod: PodView; readonly machine: { readonly name: string } }): Command {
    return curl(this, (other, port, path) => this.serves(other, port, path), { place: () => machine.name, pod })
  }

  /** What version each node runs, for a truth to tell (`Truth.versionsAround`). */
  versionsOfNodes(): { readonly node: readonly { readonly name: string; readonly version: string }[] } {
    return { node: [...this.nodes.values()].map(({ name, version }) => ({ name, version })) }
  }

  /** The nodes of the API server by name. */
  get nodes(): ReadonlyMap<string, KubeNode> {
    return this.nodes$.all
  }

  /** Adds a machine as a node of a pool. Returns it. */
  addMachine(name: string, zone: string, pool: string, options: MachineOptions = {}): Machine {
    this.aks.pool(pool, options.version)
    return this.nodes$.add(name, zone, pool, options).machine
  }

  /** The cluster takes the option `naming`: `check` may advise it for a name that is not there. */
  takesNames = false
  /** Programs that a scenario brings along: `kubectl exec` finds them inside. */
  overlays: readonly Overlay[] = []
  /** Programs that `kubectl exec` has found inside, by name: they say how long a call takes that finds nobody. */
  readonly execPrograms = new Map<string, Command>()

  /** Makes an image known to the registry. Defining a name again moves the tag: nodes that pulled it before keep what they have. */
  defineImage(image: Image): void {
    this.images.set(image.name, image)
  }

  /** Says that every tag with a version in the repository of `name` can be pulled as well; `make` says what is in it. */
  defineRepository(name: string, make: (name: string) => Image): void {
    this.repositories.set(repositoryOf(name), make)
  }

  /** The image of this name in the registry; undefined when a pull of it fails (rule K8S-POD-6). */
  imageNamed(name: string): Image | undefined {
    const known = this.images.get(name)
    if (known !== undefined || !VERSION_TAG.test(name)) return known
    const made = this.repositoryFor(name)?.(name)
    if (made !== undefined) this.images.set(name, made)
    return made
  }

  /** The repository of an image; one of the same last name in another registry is a mirror of it, as shops have them. */
  private repositoryFor(name: string): ((name: string) => Image) | undefined {
    const wanted = repositoryOf(name)
    const last = (repository: string): string => repository.slice(repository.lastIndexOf('/') + 1)
    return this.repositories.get(wanted) ?? [...this.repositories].find(([repository]) => last(repository) === last(wanted))?.[1]
  }

  /** Creates or replaces an object, as `kubectl apply` would at this instant. */
  create(object: KubeObject): void {
    const namespace = object.metadata.namespace ?? this.options.namespace
    const placed: KubeObject = { ...object, metadata: { ...object.metadata, namespace } }
    const key = this.key(object.metadata.name, namespace)
    if (object.kind === 'Pod') {
      this.pods$.create({ name: object.metadata.name, namespace, labels: { ...object.metadata.labels }, annotations: { ...object.metadata.annotations }, spec: object.spec as unknown as PodSpec })
    } else if (this.store.put(placed)) this.objectChanged(object.kind, key, placed)
    if (this.booting) this.controllers.drain()
  }

  /** Tells whoever is concerned that a stored object is new or changed. */
  objectChanged(kind: string, key: string, object: KubeObject): void {
    if (kind === 'Service') this.services.changed(key, object)
    else if (kind === 'PersistentVolumeClaim') {
      this.claims.created(object)
      this.scheduler.retry()
    } else if (kind === 'ConfigMap' || kind === 'Secret') {
      for (const node of this.nodes.values()) for (const worker of node.workers) worker.mounts.changed(`${kind}/${key}`)
    } else this.controllers.enqueue(kind, key)
  }

  /** Deletes a stored object; what it owns goes with it (garbage collection) unless `orphan`. */
  deleteStored(kind: string, key: string, orphan = false): void {
    const object = this.store.get(kind, key)
    if (object === undefined || !this.store.remove(kind, key)) return
    if (kind === 'Service') this.services.deleted(key)
    if (kind === 'StatefulSet') this.statefulSets.forget(key)
    if (kind === 'Deployment') this.deployments.forget(key)
    if (orphan) return
    const retention = (object.spec?.persistentVolumeClaimRetentionPolicy as { whenDeleted?: string } | undefined)?.whenDeleted
    for (const pod of this.pods$.ownedBy(kind, key)) {
      this.pods$.delete(pod)
      if (retention === 'Delete') for (const claim of pod.claims) this.claims.delete(claim)
    }
  }

  /** Ends the time before the story: from now on everything takes its time, and node-hours count. */
  begin(): void {
    this.controllers.drain()
    this.booting = false
    this.billing.begin()
  }

  pods(): readonly PodView[] {
    return this.pods$.list()
  }

  /** A pod of the API server by name (`namespace/name` outside the default namespace). */
  pod(name: string): PodView | undefined {
    return this.pods$.get(name)
  }

  /** Where a new connection of `client` to a Service goes at this instant, by the data plane's view. `nth` counts the client's connections. */
  route(service: string, client: string, nth: number): Routed {
    return this.services.route(service, client, nth)
  }

  /** The data plane's endpoints of a Service at this instant. */
  endpoints(service: string): readonly PodView[] {
    return this.services.active(service)
  }

  /** Why a Service has no endpoint, for stories. */
  whyNoEndpoint(service: string): string {
    return this.services.whyEmpty(service)
  }

  onRouteChange(listener: (service: string) => void): void {
    this.services.onRouteChange(listener)
  }

  /**
   * What a name means in the cluster's DNS: a pod of a headless Service (`pod.service`, only while it is among its endpoints), or a Service.
   * Cluster suffixes (`.default.svc.cluster.local`) may follow.
   */
  resolve(hostname: string): { readonly is: 'pod'; readonly pod: PodView } | { readonly is: 'service'; readonly service: string } | undefined {
    const { labels, first, second, third } = readHostname(hostname)
    if (labels <= 2) {
      const key = this.key(first, second)
      if (this.services.spec(key) !== undefined) return { is: 'service', service: key }
    }
    if (second === undefined || labels > 3) return undefined
    const pod = this.services.active(this.key(second, third)).find(p => (p.spec.hostname ?? '') === first && p.spec.subdomain === second)
    return pod === undefined ? undefined : { is: 'pod', pod }
  }

  cost(): Cost {
    return this.billing.cost()
  }

  // What the parts share.

  /** `name` in the default namespace, `namespace/name` elsewhere. */
  key(name: string, namespace: string | undefined): string {
    return namespace === undefined || namespace === this.options.namespace ? name : `${namespace}/${name}`
  }

  accessMode(claim: string): string {
    const modes = this.store.get('PersistentVolumeClaim', claim)?.spec?.accessModes
    return Array.isArray(modes) ? String(modes[0]) : 'ReadWriteOnce'
  }

  /** A keyed sample of one of the options' durations. */
  drawUs(field: DurationField, entity: string, nth: number): Us {
    let duration = this.durations.get(field)
    if (duration === undefined) {
      duration = { distribution: asDistribution(this.options[field]), purpose: `kubernetes.${field}` }
      this.durations.set(field, duration)
    }
    const seconds = this.sim.chance.sample(duration.distribution, entity, duration.purpose, nth)
    return Math.max(0, Math.round(seconds * SECOND))
  }

  /** 0, 1, 2 … for each further call with the same name: the how-manieth draw of an entity. */
  count(name: string): number {
    const n = this.counters.get(name) ?? 0
    this.counters.set(name, n + 1)
    return n
  }

  newUid(): string {
    const n = String(++this.uids)
    return `00000000-0000-4000-8000-${n.padStart(12, '0')}`
  }

  nextVersion(): number {
    return ++this.versions
  }

  /** Notes an event in the trace and wakes whoever waits for a condition. */
  note(kind: EventKind, name: string, payload = 0, detail?: string | (() => string)): void {
    this.sim.note(kind, name, payload, detail)
    if (!this.booting) this.happened.add(this.sim.now, kind, name, payload, detail ?? '')
    this.changed.fire()
  }

  /** Something changed that a command could print but that is no event of its own. */
  touched(): void {
    this.sim.touch()
    this.changed.fire()
  }
}
