/**
 * The application in front of the database, as far as its schema concerns it: releases in pods, each with the columns that it names, and clients whose requests go to
 * one of the pods. What a release does with a table is its statements: a column that is gone, or one that must have a value and gets none, fails them.
 */
import type { Client, Entrance, Knock, Session, SessionState } from '../../../src/engine.ts'
import type { PodView } from '../../kubernetes/index.ts'
import type { Position } from '../../../src/cluster/log/index.ts'
import type { Server } from '../server.ts'
import { eyesOf } from '../sessions.ts'
import type { NewColumn } from '../sql/host.ts'
import type { PgType, Value } from '../sql/types.ts'
import { type Shape, Table } from '../tables.ts'
import type { World } from '../world.ts'
import type { ApplicationOptions, Release } from './options.ts'

/** How many rows stand for the whole table. Conditions and counts of a statement are judged on them, and its time on what they stand for. */
export const SAMPLE_ROWS = 100

export class Application {
  readonly table: Table
  readonly sessions = new Set<ApplicationSession>()
  /** Pods (by uid) whose process runs. */
  readonly processes = new Set<string>()
  /** Releases whose writes have come since the rows were last looked at, though nobody of them writes now. */
  private readonly wrote = new Set<string>()
  /** Rows of a release that stand for what it writes now: one each until somebody changes rows or columns. */
  private readonly shown = new Set<string>()
  private nextId = SAMPLE_ROWS + 1

  constructor(
    readonly world: World,
    readonly options: ApplicationOptions,
    genesis: Position,
  ) {
    const by = { at: genesis, waitingOn: undefined }
    const columns = Object.entries(options.columns).map(([name, type], i): NewColumn => ({ name, type: type as PgType, modifiers: [], serial: false, notNull: i === 0 || options.notNull.includes(name), primaryKey: i === 0, defaultOf: undefined }))
    this.table = new Table(options.table, columns, by)
    world.tables.add(this.table)
    for (let id = 1; id <= SAMPLE_ROWS; id++) this.table.rows.push({ values: columns.map((c, i) => (i === 0 ? id : someValue(c.type))), by, deletedBy: [] })
  }

  /** How many rows of the table one of those here stands for. */
  get rowsEach(): number {
    return this.options.rows / SAMPLE_ROWS
  }

  release(image: string): Release | undefined {
    return this.options.releases[image]
  }

  /** Why statements of a release fail on this server now, in its words; undefined when they do not (rules PG-APP-1, PG-APP-2). */
  problem(image: string, server: Server): string | undefined {
    const release = this.release(image)
    if (release === undefined) return undefined
    const eyes = eyesOf(server)
    if (!this.table.existsFor(eyes)) return `42P01 relation "${this.table.name}" does not exist`
    const { definition } = this.table.shape(eyes)
    const unknown = [...release.writes, ...release.reads].find(name => !definition.some(c => c.name === name))
    if (unknown !== undefined) return `42703 column "${unknown}" of relation "${this.table.name}" does not exist`
    const unset = definition.find(c => c.notNull && c.defaultOf === undefined && !c.serial && !release.writes.includes(c.name))
    if (unset !== undefined) return `23502 null value in column "${unset.name}" of relation "${this.table.name}" violates not-null constraint`
    // A constraint that is not valid yet binds new rows all the same.
    const refused = this.table.constraintsFor(eyes).find(c => c.notNullOf !== undefined && !release.writes.includes(c.notNullOf) && definition.find(d => d.name === c.notNullOf)?.defaultOf === undefined)
    return refused === undefined ? undefined : `23514 new row for relation "${this.table.name}" violates check constraint "${refused.name}"`
  }

  /** Somebody of this release stops writing. */
  ceases(image: string): void {
    this.wrote.add(image)
  }

  /** Puts rows into the table for what releases have written since: with NULL (or the default) wherever a release sets no value (rule PG-APP-3). */
  materialise(server: Server): void {
    if (!server.copy.leading) return
    const images = new Set(this.wrote)
    for (const session of this.sessions) if (session.state.is === 'writable' && session.server === server) images.add(session.image)
    this.wrote.clear()
    const shape = this.table.shape(eyesOf(server))
    for (const image of [...images].sort()) {
      const key = `${image}/${this.table.version}`
      const release = this.release(image)
      if (release === undefined || this.shown.has(key)) continue
      this.shown.add(key)
      this.table.rows.push({ values: this.table.stored(this.valuesOf(release, shape, server), shape), by: { at: server.copy.position('flush'), waitingOn: undefined }, deletedBy: [] })
    }
  }

  private valuesOf(release: Release, { definition }: Shape, server: Server): Value[] {
    return definition.map((c, i) => {
      if (i === 0) return this.nextId++
      if (release.writes.includes(c.name)) return someValue(c.type)
      // A default of these columns asks nothing of the server but its clock.
      return c.defaultOf?.({ inRecovery: false, nowUs: () => server.world.sim.now, relation: () => undefined, call: () => undefined, setting: () => undefined }) ?? null
    })
  }

  /** Something changed that may fail or mend statements of the application. */
  look(): void {
    for (const session of [...this.sessions]) session.look()
  }

  /** A pod has stopped or died: who was with it hears. */
  routesChanged(): void {
    for (const session of [...this.sessions]) session.podMayBeGone()
  }

  /** Pods behind the application's Service that requests go to now. */
  pods(): readonly PodView[] {
    return this.world.kubernetes.endpoints(this.options.name)
  }

  /** The columns of the table as a server has them: `name!` for one that is NOT NULL. */
  columnsFor(server: Server): string {
    const shape = this.table.shape(eyesOf(server))
    let text = this.texts.get(shape)
    if (text === undefined) this.texts.set(shape, (text = shape.definition.map(c => (c.notNull ? `${c.name}!` : c.name)).join(' ')))
    return text
  }

  private readonly texts = new WeakMap<Shape, string>()

  /** Releases of the pods that run, for everybody to see. */
  versions(): string {
    const images = new Set(this.world.kubernetes.pods().filter(p => p.labels['app'] === this.options.name && p.owner?.kind === 'Deployment' && this.processes.has(p.uid)).map(p => p.image))
    return [...images].sort().join('+')
  }
}

function someValue(type: PgType): Value {
  if (type === 'bool') return true
  if (type === 'text' || type === 'varchar' || type === 'name') return 'x'
  return 1
}

/** A cohort's requests: each goes to some pod of the application, which asks the database through its own pool. */
export class ApplicationSession implements Session, Client {
  state: SessionState = { is: 'held' }
  readonly id: string
  readonly log: Client['log']
  private inner: Session | undefined
  private pod: PodView | undefined
  private open = true
  private attempts = 0
  /** How often it has been balanced anew. */
  private turns = 0

  constructor(
    private readonly application: Application,
    private readonly database: Entrance,
    private readonly client: Client,
  ) {
    this.id = `${client.id} by way of ${application.options.name}`
    this.log = client.log
    application.sessions.add(this)
  }

  get place(): string {
    return this.pod?.node ?? this.client.place
  }

  get image(): string {
    return this.pod?.image ?? ''
  }

  get backend(): string | undefined {
    return this.inner?.backend
  }

  addedUs(): number {
    const { world } = this.application
    return (this.pod?.node === undefined ? 0 : world.network.addedUs(this.client.place, this.pod.node)) + (this.inner?.addedUs?.() ?? 0)
  }

  get server(): Server | undefined {
    return this.backend === undefined ? undefined : this.application.world.serverOf(this.backend)
  }

  /** Goes to a pod; why not, if not. */
  begin(pod: PodView): Exclude<Knock, { is: 'open' }> | undefined {
    this.pod = pod
    const knock = this.database.connect(this, this.attempts++)
    if (knock.is !== 'open') return knock
    this.inner = knock.session
    this.state = this.judged(knock.session.state)
    return undefined
  }

  /** What the database session became. */
  sessionChanged(state: SessionState): void {
    this.tell(this.judged(state))
  }

  /** The schema, a lock, or the pods may be others now. */
  look(): void {
    if (!this.open || this.inner === undefined || this.state.is === 'silent') return
    this.tell(this.judged(this.inner.state))
  }

  /**
   * The pods behind the Service are others: requests are balanced one by one, so this share goes to one of them, drawn anew (rule PG-APP-4). A pod that is told to
   * stop answers what it has begun; one that dies leaves its requests without an answer.
   */
  routesChanged(): void {
    if (!this.open) return
    const { world } = this.application
    const route = world.kubernetes.route(this.application.options.name, this.id, this.turns++)
    if (route.is !== 'pod') return this.end('no pod of the application is ready')
    if (route.pod === this.pod) return
    if (this.pod === undefined || !this.application.processes.has(this.pod.uid)) return this.podMayBeGone()
    const old = this.inner
    this.inner = undefined
    if (this.state.is === 'writable') this.application.ceases(this.image)
    old?.close()
    const failure = this.begin(route.pod)
    if (failure !== undefined) return this.end('error' in failure ? failure.error : 'the database does not answer')
    const now = this.state
    this.state = { is: 'held' }
    this.tell(now)
  }

  /** Its pod's process has ended: nobody answers what was sent to it. */
  podMayBeGone(): void {
    const { application, pod } = this
    if (!this.open || pod === undefined || application.processes.has(pod.uid)) return
    // A machine without power says nothing: requests go into the void until a time-out.
    if (!application.world.unanswered(pod)) return this.end('the application closed the connection')
    const inner = this.inner
    this.tell({ is: 'silent' })
    inner?.close()
  }

  private judged(state: SessionState): SessionState {
    const { server } = this
    if (server === undefined || (state.is !== 'writable' && state.is !== 'readOnly')) return state
    const problem = this.application.problem(this.image, server)
    return problem === undefined ? state : { is: 'failing', error: problem }
  }

  private tell(state: SessionState): void {
    if (!this.open || same(this.state, state)) return
    if (this.state.is === 'writable' && state.is !== 'writable') this.application.ceases(this.image)
    this.state = state
    if (state.is === 'closed') this.leave()
    this.client.sessionChanged(state)
  }

  private end(error: string): void {
    const inner = this.inner
    this.tell({ is: 'closed', error })
    inner?.close()
  }

  close(): void {
    if (!this.open) return
    if (this.state.is === 'writable') this.application.ceases(this.image)
    const inner = this.inner
    this.leave()
    inner?.close()
  }

  private leave(): void {
    this.open = false
    this.inner = undefined
    this.application.sessions.delete(this)
  }
}

function same(a: SessionState, b: SessionState): boolean {
  if (a.is !== b.is) return false
  if (a.is === 'writable' && b.is === 'writable') return a.leader === b.leader
  if (a.is === 'held' && b.is === 'held') return a.readsFrom === b.readsFrom && a.ageLimitUs === b.ageLimitUs
  if (a.is === 'failing' && b.is === 'failing') return a.error === b.error
  return true
}

/** Users: their requests go through the application's pods. */
export class ApplicationEntrance implements Entrance {
  readonly name = 'application'

  constructor(
    private readonly application: Application,
    private readonly database: Entrance,
    readonly roundTripUs: number,
  ) {
    const { world } = application
    world.kubernetes.onRouteChange(service => {
      if (service === application.options.name) for (const session of [...application.sessions]) session.routesChanged()
    })
  }

  connect(client: Client, nth: number): Knock {
    const { application } = this
    const { world, options } = application
    const route = world.kubernetes.route(options.name, client.id, nth)
    if (route.is !== 'pod') return { is: 'refused', error: 'no pod of the application is ready', afterUs: 5_000 }
    if (world.unanswered(route.pod)) return { is: 'silent' }
    if (!application.processes.has(route.pod.uid)) return { is: 'refused', error: 'connection refused', afterUs: 1_000 }
    const session = new ApplicationSession(application, this.database, client)
    const failure = session.begin(route.pod)
    if (failure === undefined) return { is: 'open', session, afterUs: world.timeUs('connectMs', client.id) }
    session.close()
    return failure
  }

  /** Whom a fresh user reaches: any pod may get his request, so one whose statements fail counts against all. */
  fresh(): ReturnType<Entrance['fresh']> {
    const { application } = this
    const behind = this.database.fresh()
    const pods = application.pods()
    if (pods.length === 0) return { is: 'none', why: `the Service ${application.options.name} has no endpoint: no pod of the application is ready` }
    if (behind.is !== 'leader') return behind
    const server = application.world.serverOf(behind.copy.name)
    for (const pod of pods) {
      const problem = server === undefined ? undefined : application.problem(pod.image, server)
      if (problem !== undefined) return { is: 'none', why: `statements of ${pod.name} (${pod.image}) fail: ${problem.slice(6)}` }
    }
    return behind
  }
}
