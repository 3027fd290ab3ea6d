/**
 * A Zalando-style postgres-operator: it follows a `postgresql` object and rolls its pods. Source: postgres-operator pkg/cluster/pod.go (recreatePods,
 * recreatePod, getSwitchoverCandidate), sync.go, docs/administrator.md; facts/postgres.md §4, facts/vitess-bluegreen.md BG-F20.
 */
import { defineEvent, type Process, SECOND, TIMED_OUT, type TimerId, type Us, within } from '../../../src/kernel/index.ts'
import type { ContainerSpec, DeploymentSpec, KubeObject, PodView } from '../../kubernetes/index.ts'
import { differences, timestamp } from '../../kubernetes/objects.ts'
import type { Server } from '../server.ts'
import type { World } from '../world.ts'
import type { Dcs } from './dcs.ts'
import { InplaceUpgrade, UPGRADE_LAG_BYTES } from './major.ts'
import { askFor } from './patronictl.ts'
import { major } from '../replication.ts'
import { majorOf } from '../topology.ts'

const STATUS = defineEvent('operator.status')

/** What failed is looked at again then. Source: operator_parameters.md repair_period 5m */
const REPAIR_US: Us = 300 * SECOND

/** What a sync does between the pods and an upgrade: Patroni's configuration, roles, databases. Judgement: a few calls each. */
const REST_US = { min: 2 * SECOND, max: 8 * SECOND }

/** What it leaves at the object after an in-place upgrade. Source: majorversionupgrade.go */
const SUCCEEDED = 'last-major-upgrade-success'
const FAILED = 'last-major-upgrade-failure'

/** patroni_api_check_timeout 5s, every patroni_api_check_interval 1s. */
const CANDIDATE_TRIES = 5

interface Wanted {
  readonly image: string
  readonly version: string
}

/** PGVERSION of a container. */
function versionIn(container: ContainerSpec | undefined): string {
  return container?.env?.find(e => e.name === 'PGVERSION')?.value ?? ''
}

export class PostgresOperator {
  private busy = false
  private again = false

  constructor(
    private readonly world: World,
    private readonly dcs: Dcs,
  ) {}

  /** Follows the object from now on. */
  watch(): void {
    const { kubernetes } = this.world
    kubernetes.controllers.register('postgresql', () => this.look())
    kubernetes.unread.set('postgresql', (spec, before) => {
      const other = differences(before, spec).find(path => path !== 'dockerImage' && path !== 'postgresql.version')
      return other === undefined ? undefined : { what: `\`${other}\``, instead: 'the operator here goes by dockerImage and postgresql.version; members, Patroni’s settings and parameters are the scenario’s' }
    })
  }

  /** The object of the cluster, as its user applies it. */
  static manifest(world: World): KubeObject {
    const { options } = world
    return {
      apiVersion: 'acid.zalan.do/v1', kind: 'postgresql', metadata: { name: options.name, labels: { app: options.name } },
      spec: { teamId: options.name.split('-')[0], numberOfInstances: options.members, dockerImage: options.image, postgresql: { version: majorOf(options) } },
      status: { PostgresClusterStatus: 'Running' },
    }
  }

  private get object(): KubeObject | undefined {
    return this.world.kubernetes.store.get('postgresql', this.world.options.name)
  }

  private look(): void {
    if (this.world.kubernetes.booting) return
    if (this.busy) {
      this.again = true
      return
    }
    this.busy = true
    this.world.sim.spawn(this.sync())
  }

  private *sync(): Process {
    const wanted = this.wanted()
    const rolled = wanted === undefined ? 'nothing' : yield* this.roll(wanted)
    const outcome = wanted === undefined || rolled === 'failed' ? rolled : yield* this.upgrade(wanted)
    if (outcome === 'failed') {
      if (rolled !== 'failed') this.status('UpdateFailed')
    } else if (rolled === 'done' || this.object?.status?.['PostgresClusterStatus'] === 'UpdateFailed') this.status('Running')
    this.busy = false
    if (outcome === 'failed') this.later(REPAIR_US)
    if (outcome === 'skipped') this.later(this.dcs.options.resyncMinutes * 60 * SECOND)
    if (!this.again) return
    this.again = false
    this.look()
  }

  private due: TimerId | undefined

  /** Looks again by itself after a while, once. */
  private later(us: Us): void {
    if (this.due !== undefined) this.world.sim.cancel(this.due)
    this.due = this.world.sim.after(us, () => {
      this.due = undefined
      this.look()
    })
  }

  /**
   * What the object asks for. Its `version` becomes PGVERSION of the pods, and a running database keeps the version of its data: with
   * major_version_upgrade_mode off, another one is a rolling restart and nothing else (rule PG-OPERATOR-5).
   */
  private wanted(): Wanted | undefined {
    const spec = this.object?.spec
    const image = spec?.['dockerImage']
    const version = (spec?.['postgresql'] as { version?: unknown } | undefined)?.version
    return typeof image === 'string' ? { image, version: String(version ?? '') } : undefined
  }

  /** All pods on an image: the template first, then the replicas one after the other, a switchover, and the old primary (rule PG-OPERATOR-1). */
  private *roll(wanted: Wanted): Process<'nothing' | 'done' | 'failed'> {
    const { world } = this
    const asWanted = (p: PodView): boolean => p.image === wanted.image && versionIn(p.spec.containers[0]) === wanted.version
    if (!this.retemplate(wanted) && this.pods().every(asWanted)) return 'nothing'
    this.status('Updating')
    const old = (): readonly PodView[] => this.pods().filter(p => !asWanted(p))
    for (const pod of old()) {
      if (pod.name === this.dcs.holder) continue
      if (!(yield* this.recreate(pod, asWanted))) return this.status('UpdateFailed')
    }
    const primary = old().find(p => p.name === this.dcs.holder)
    if (primary !== undefined) {
      if (world.options.members > 1) {
        let candidate = this.candidate(primary.name)
        for (let asked = 0; candidate === undefined && asked < CANDIDATE_TRIES; asked++) {
          yield SECOND
          candidate = this.candidate(primary.name)
        }
        if (candidate === undefined) return this.status('UpdateFailed')
        const { ok } = yield* askFor(this.dcs, primary.name, candidate)
        if (!ok) return this.status('UpdateFailed')
      }
      if (!(yield* this.recreate(primary, asWanted))) return this.status('UpdateFailed')
    }
    return old().length > 0 ? this.status('UpdateFailed') : 'done'
  }

  /**
   * The last thing it does, when all pods are as wanted: an in-place upgrade, if the object's version is above the database's (rule PG-MAJOR-1). What is not ready
   * for it is skipped without a word, and the object says Running (rule PG-MAJOR-3).
   */
  private *upgrade(wanted: Wanted): Process<'nothing' | 'done' | 'skipped' | 'failed'> {
    const { world, dcs } = this
    const { spilo, majorVersionUpgradeMode } = dcs.options
    if (majorVersionUpgradeMode === 'off' || spilo === false) return 'nothing'
    yield Math.round(world.uniform('operator', 'rest of a sync') * (REST_US.max - REST_US.min)) + REST_US.min
    const agent = dcs.holder === undefined ? undefined : dcs.agents.get(dcs.holder)
    const server = agent?.body.server()
    if (agent === undefined || server?.state !== 'primary') return 'skipped'
    if (Number(major(server.host.version)) >= Number(wanted.version)) {
      this.annotate(FAILED, undefined)
      return 'nothing'
    }
    if (this.object?.metadata.annotations?.[FAILED] !== undefined || !this.allReady(server)) return 'skipped'
    if (!world.kubernetes.apiUp) return 'failed'
    const script = agent.start(new InplaceUpgrade(agent, spilo, this.pods().length).run())
    // What it sees of it comes through the API: without that it takes it for failed, and the script goes on (rule PG-MAJOR-8).
    while (script.state === 'running' && world.kubernetes.apiUp) yield within(script, SECOND)
    const done = script.result?.ok === true
    this.annotate(done ? SUCCEEDED : FAILED, timestamp(world.sim.now))
    return done ? 'done' : 'failed'
  }

  private allReady(server: Server): boolean {
    if (!this.pods().every(pod => this.dcs.agents.get(pod.name)?.answers === true && this.world.serverOf(pod.name)?.accepting === true)) return false
    const replicas = this.pods().filter(pod => pod.name !== server.name)
    return replicas.every(({ name }) => {
      const sender = server.walsenders.find(s => s.standby.name === name)
      return sender?.state === 'streaming' && server.copy.lsn('flush') - sender.standby.copy.lsn('apply') <= UPGRADE_LAG_BYTES
    })
  }

  private annotate(name: string, value: string | undefined): void {
    const { object, world } = this
    if (object === undefined || !world.kubernetes.apiUp || object.metadata.annotations?.[name] === value) return
    const { [name]: _, ...others } = object.metadata.annotations ?? {}
    // A change of annotations alone is nothing that it looks at again.
    world.kubernetes.store.put({ ...object, metadata: { ...object.metadata, annotations: value === undefined ? others : { ...others, [name]: value } } })
    world.kubernetes.touched()
  }

  /** The standby that streams and lacks least (rule PG-OPERATOR-2). */
  private candidate(primary: string): string | undefined {
    const server = this.world.serverOf(primary)
    const agent = this.dcs.agents.get(primary)
    if (server === undefined || agent === undefined) return undefined
    return [...agent.candidates(server, undefined)].sort((a, b) => b.copy.lsn('receive') - a.copy.lsn('receive') || (a.name < b.name ? -1 : 1))[0]?.name
  }

  /** Deletes a pod and waits until its successor runs and has a role: that it is Ready, or has caught up, nobody asks (rule PG-OPERATOR-3). */
  private *recreate(pod: PodView, asWanted: (pod: PodView) => boolean): Process<boolean> {
    const { kubernetes, sim } = this.world
    const endsUs = sim.now + this.dcs.options.podLabelWaitSeconds * SECOND
    const found = kubernetes.pods$.get(pod.name)
    if (found !== undefined && found.uid === pod.uid) kubernetes.pods$.delete(found)
    for (;;) {
      const now = kubernetes.pod(pod.name)
      if (now !== undefined && now.uid !== pod.uid && asWanted(now) && now.containerState === 'running' && this.world.serverOf(pod.name)?.accepting === true) {
        this.label(now)
        return true
      }
      const leftUs = endsUs - sim.now
      if (leftUs <= 0 || (yield within(kubernetes.changed, Math.min(leftUs, SECOND))) === TIMED_OUT) {
        if (leftUs <= 0) return false
      }
    }
  }

  private label(pod: PodView): void {
    const { pods$ } = this.world.kubernetes
    const found = pods$.get(pod.name)
    const { key, primary, replica } = this.world.options.roleLabel
    if (found !== undefined && found.labels[key] === undefined) pods$.setLabels(found, { ...found.labels, [key]: this.dcs.holder === pod.name ? primary : replica })
  }

  private pods(): readonly PodView[] {
    return this.world.kubernetes.pods$.ownedBy('StatefulSet', this.world.options.name).filter(p => !p.terminating)
  }

  private retemplate({ image, version }: Wanted): boolean {
    const { kubernetes, options } = this.world
    const set = kubernetes.store.get('StatefulSet', options.name)
    if (set === undefined) return false
    const spec = set.spec as unknown as DeploymentSpec
    const { containers, initContainers = [] } = spec.template.spec
    if (containers[0]?.image === image && versionIn(containers[0]) === version) return false
    const env = [{ name: 'PGVERSION', value: version }]
    const renewed = { ...spec.template, spec: { ...spec.template.spec, containers: containers.map(c => ({ ...c, image, env })), initContainers: initContainers.map(c => ({ ...c, image })) } }
    kubernetes.create({ ...set, spec: { ...set.spec, template: renewed } })
    return true
  }

  private status(value: string): 'failed' {
    const { object } = this
    if (object !== undefined) object.status = { PostgresClusterStatus: value }
    this.world.sim.note(STATUS, this.world.options.name, 0, `postgresql ${this.world.options.name} is ${value}`)
    this.world.kubernetes.touched()
    return 'failed'
  }
}
