/**
 * A managed blue/green deployment: the service makes green, fills it by logical replication, and switches over under guardrails. Source: AWS RDS and Aurora
 * user guides, blue-green-deployments-switching, -considerations, -overview; facts/vitess-bluegreen.md §2.1 BG-F01…F08.
 */
import { defineEvent, type Process, SECOND, type Us } from '../../../src/kernel/index.ts'
import type { PodTemplate } from '../../kubernetes/objects.ts'
import { perform } from '../effects.ts'
import { versionOf } from '../names.ts'
import type { Server } from '../server.ts'
import { SqlSession } from '../sessions.ts'
import { formatSettings, parseConf } from '../settings.ts'
import type { Effect, EffectResult } from '../sql/host.ts'
import { podDns } from '../topology.ts'
import type { World } from '../world.ts'
import type { ManagedOptions } from './options.ts'

const STATUS = defineEvent('managed.status')
const RENAMED = defineEvent('managed.endpoint')

export type Status = 'PROVISIONING' | 'AVAILABLE' | 'SWITCHOVER_IN_PROGRESS' | 'SWITCHOVER_COMPLETED' | 'SWITCHOVER_FAILED' | 'INVALID_CONFIGURATION' | 'DELETING'

/** Where the service's own control plane sits. */
const PLACE = 'control-plane'
const LOOK_US: Us = SECOND
const NAME = 'rds_bg'

function withImage(template: PodTemplate, image: string): PodTemplate {
  const [first, ...others] = template.spec.containers
  if (first === undefined || first.image === image) return template
  return { ...template, spec: { ...template.spec, containers: [{ ...first, image }, ...others] } }
}

export class ManagedService {
  status: Status | undefined
  details = ''
  /** Where the endpoint leads now: a pod's name. */
  record: string
  /** While it switches, new connections are refused. */
  refusing = false
  readonly id = 'bgd-abcdefghijklmnop'

  constructor(
    readonly world: World,
    readonly options: ManagedOptions,
  ) {
    this.record = this.blue
  }

  get blue(): string {
    return this.world.memberNames[0] ?? ''
  }

  get green(): string {
    const { green } = this.world.options
    return green === false ? '' : `${green.name}-0`
  }

  /** The image of a version, if the service has it; without one green is what blue is. */
  imageOf(version: string | undefined): string | undefined {
    const { image, targetImage } = this.world.options
    if (version === undefined) return image
    return [targetImage, image].find((each): each is string => each !== null && versionOf(each) === version)
  }

  /** Makes green of that image and fills it (rule PG-MANAGED-1). */
  create(image: string): void {
    this.set('PROVISIONING')
    this.world.sim.spawn(this.provision(image))
  }

  private *provision(image: string): Process {
    const { world, options } = this
    const { kubernetes, options: cluster } = world
    yield Math.round(options.provisionSeconds * SECOND)
    const name = cluster.green === false ? '' : cluster.green.name
    const set = kubernetes.store.get('StatefulSet', name)
    if (set !== undefined) kubernetes.create({ ...set, spec: { ...set.spec, replicas: 1, template: withImage(set.spec?.template as PodTemplate, image) } })
    while (world.serverOf(this.green)?.state !== 'primary') yield LOOK_US
    // Tried until it works: servers may be away meanwhile.
    while (!(yield* this.sql(this.blue, { kind: 'createPublication', name: NAME }))) yield 5 * LOOK_US
    const conninfo = `host=${podDns(cluster, this.blue)} dbname=${cluster.database} user=replicator`
    while (!(yield* this.sql(this.green, { kind: 'createSubscription', name: NAME, conninfo, publication: NAME, options: {} }))) yield 5 * LOOK_US
    while (!this.subscription()?.copied) yield LOOK_US
    this.set('AVAILABLE')
  }

  /** Begins the switchover, or says which guardrail is in its way (rule PG-MANAGED-2). */
  switchOver(timeoutSeconds: number): string | undefined {
    const obstacle = this.obstacle()
    if (obstacle !== undefined) {
      this.details = obstacle
      return obstacle
    }
    this.set('SWITCHOVER_IN_PROGRESS')
    this.world.sim.spawn(this.switching(timeoutSeconds * SECOND))
    return undefined
  }

  /** The guardrails: green replicates, with a lag that can be caught up; no long transaction or DDL on blue. */
  private obstacle(): string | undefined {
    const { world } = this
    const [blue, green] = [world.serverOf(this.blue), world.serverOf(this.green)]
    if (blue?.state !== 'primary' || green?.state !== 'primary') return 'Switchover is not possible: an instance is not available'
    const subscription = this.subscription()
    if (subscription === undefined || !subscription.streaming) return 'Switchover is not possible: green replication is not healthy'
    if (world.logical.lagBytes(subscription) > MOST_LAG_BYTES) return 'Switchover is not possible: replication lag is too high'
    if (world.longTransactionUntilUs > world.sim.now + 5 * SECOND) return 'Switchover is not possible: long-running transactions on the blue environment'
    if (blue.locksIfAny !== undefined && !blue.locksIfAny.idle && blue.clientsBlocked !== undefined) return 'Switchover is not possible: DDL is running on the blue environment'
    return undefined
  }

  /** Writes stop on both, all connections are dropped, green catches up, the endpoint is renamed, green opens. What is not done in time is taken back (rule PG-MANAGED-3). */
  private *switching(limitUs: Us): Process {
    const { world, options } = this
    const startUs = world.sim.now
    this.refusing = true
    this.readOnly(this.blue, true)
    yield Math.round(options.dropSeconds * SECOND)
    for (const pod of [this.blue, this.green]) world.serverOf(pod)?.closeBackends('57P01 terminating connection due to administrator command')
    // Where the clients' writes end: what blue writes afterwards is its own.
    let endLsn: number | undefined
    const caughtUp = (): boolean => {
      const subscription = this.subscription()
      const blue = world.serverOf(this.blue)
      if (blue?.state !== 'primary' || !blue.readOnlyDefault) return false
      endLsn ??= blue.copy.lsn('flush')
      return subscription !== undefined && subscription.copy.lsn('flush') >= endLsn && world.serverOf(this.green)?.state === 'primary'
    }
    while (!caughtUp()) {
      if (world.sim.now - startUs >= limitUs) {
        this.readOnly(this.blue, false)
        this.refusing = false
        this.details = 'Switchover timed out: the environments are as they were'
        return this.set('SWITCHOVER_FAILED')
      }
      yield LOOK_US / 10
    }
    yield Math.round(options.renameSeconds * SECOND)
    this.record = this.green
    world.sim.note(RENAMED, this.green, 0, `the endpoint leads to ${this.green}; ${this.blue} is ${this.blue.replace(/-0$/, '')}-old1`)
    // No way back: replication ends, nothing runs the other way, and blue stays read-only (rule PG-MANAGED-4).
    yield* this.sql(this.green, { kind: 'alterSubscription', name: NAME, enabled: false })
    yield* this.sql(this.green, { kind: 'alterSubscription', name: NAME, slotName: 'none' })
    yield* this.sql(this.green, { kind: 'dropSubscription', name: NAME, ifExists: true })
    this.readOnly(this.green, false)
    this.refusing = false
    this.set('SWITCHOVER_COMPLETED')
  }

  /** The instance behind a name. A switchover gives blue's name to green, and blue another (rule PG-MANAGED-6). */
  instance(name: string): string | undefined {
    const own = this.world.options.name
    const switched = this.record === this.green
    const names: Readonly<Record<string, string>> = switched ? { [own]: this.green, [`${own}-old1`]: this.blue } : { [own]: this.blue, [`${own}-green`]: this.green }
    const pod = names[name]
    return pod === undefined || this.world.kubernetes.pod(pod) === undefined ? undefined : pod
  }

  /** An instance goes with its volume. */
  delete(pod: string): void {
    const { kubernetes } = this.world
    kubernetes.deleteStored('StatefulSet', pod.replace(/-0$/, ''))
    kubernetes.claims.delete(`${this.world.options.naming.volume}-${pod}`)
  }

  private subscription() {
    return this.world.directoryOf.get(this.green)?.subscriptions.get(NAME)
  }

  /** default_transaction_read_only of an instance: it holds from the next transaction on. */
  private readOnly(pod: string, on: boolean): void {
    const dir = this.world.directoryOf.get(pod)
    if (dir === undefined) return
    const parsed = parseConf(dir.files.get('postgresql.auto.conf') ?? '', 'postgresql.auto.conf')
    dir.files.set('postgresql.auto.conf', formatSettings({ ...(typeof parsed.error === 'string' ? {} : (parsed as Record<string, string>)), default_transaction_read_only: on ? 'on' : 'off' }))
    this.world.serverOf(pod)?.reload()
  }

  private *sql(pod: string, effect: Effect): Process<boolean> {
    const server: Server | undefined = this.world.serverOf(pod)
    if (server === undefined || !server.accepting) return false
    const session = new SqlSession(server, PLACE)
    session.settings.set('default_transaction_read_only', 'off')
    const result: EffectResult = yield* perform(session, effect)
    session.close()
    return result.is === 'ok' || (result.is === 'error' && result.state === '42710')
  }

  private set(status: Status): void {
    this.status = status
    this.world.sim.note(STATUS, this.id, 0, `the blue/green deployment is ${status}`)
  }
}

/** Lag that the guardrail lets pass: what an apply worker catches up within the time-out. Judgement. */
const MOST_LAG_BYTES = 256 * 1024 * 1024
