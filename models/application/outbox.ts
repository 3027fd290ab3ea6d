/**
 * The transactional outbox: a write puts a row into the table `outbox` of its own database in its own transaction, and a relay carries those rows to the other database
 * (rules APP-OUTBOX-…). The bulk is a queue of rows as a flow (`polling.ts`); the rows of the sampled keys are carried one by one when the relay has come so far. Source: microservices.io Transactional outbox, Polling publisher, Idempotent consumer; facts/vitess-bluegreen.md §9c.
 */
import { contains, type Copy } from '../../src/cluster/log/index.ts'
import { defineEvent, MILLISECOND, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import type { ContainerHandle } from '../kubernetes/index.ts'
import { isSide } from './backfill.ts'
import { applied, born, type Carrier, CarrierProgram, leading, type Life, type Mode, Stalls } from './carrier.ts'
import type { Connection } from './connection.ts'
import { advance, type Piece, valueAt } from './monitoring/pieces.ts'
import { type Pace, Polling } from './polling.ts'
import type { Side } from './rows.ts'
import type { World } from './world.ts'

const RUNS = defineEvent('application.relay')

/** The table `outbox` of a database: how many rows the program has put there, as a flow, and which of them are gone again. It goes with its database. */
export class Outbox {
  /** Every change before this place of the list is delivered, and its row deleted. */
  marked = 0
  /** Who deletes from it now, and how many rows had been deleted by those who have left. */
  readonly readers = new Set<Polling>()
  private left = 0
  private readonly written: Piece[] = []

  constructor(
    private readonly world: World,
    readonly database: object,
  ) {}

  /** From now on rows come at this rate. @param perUs rows a microsecond */
  comes(perUs: number): void {
    advance(this.written, this.world.sim.now, perUs)
  }

  /** Rows that had come by then. */
  writtenAt(atUs: Us): number {
    return valueAt(this.written, atUs)
  }

  /** How many rows have been deleted from it in all. Two relays of one outbox each take all of it: a row goes when the first has it. */
  deletedAt(atUs: Us): number {
    return Math.max(this.left, ...[...this.readers].map(each => each.deletedAt(atUs)))
  }

  /** One has deleted so many rows, and goes. */
  leaves(reader: Polling, deleted: number): void {
    this.readers.delete(reader)
    this.left = Math.max(this.left, deleted)
  }

  /** Rows a microsecond, now. */
  get perUs(): number {
    return this.written.at(-1)?.perUs ?? 0
  }

  /** When the row at that place of the queue came. */
  whenCame(rows: number): Us {
    const at = Math.max(0, this.written.findLastIndex(({ value }) => value <= rows))
    for (const { atUs, value, perUs } of this.written.slice(at)) if (perUs > 0) return atUs + Math.max(0, rows - value) / perUs
    return this.world.sim.now
  }
}

/** The outboxes of all databases: rows wait from the first write on, whether or not anybody carries them. */
export class Outboxes {
  private readonly all = new Map<object, Outbox>()

  constructor(private readonly world: World) {
    const { builds } = world.options
    const used = Object.values(builds).some(({ outbox, flags }) => outbox || Object.values(flags).some(values => Object.values(values).some(changes => changes.outbox === true)))
    if (!used) return
    const account = (): void => this.account()
    world.onChange(account)
    world.kubernetes.onRouteChange(account)
  }

  /** That of the database which a copy belongs to. */
  of(copy: Copy): Outbox {
    const database = this.world.databases.database(copy)
    let outbox = this.all.get(database)
    if (outbox === undefined) this.all.set(database, (outbox = new Outbox(this.world, database)))
    return outbox
  }

  /** A row comes with each statement that succeeds (rule APP-OUTBOX-1): as many as `database_writes_total` counts. */
  private account(): void {
    const { world } = this
    const rates = new Map<Outbox, number>()
    for (const { view, share } of world.routes()) {
      const pod = world.pods.get(view.uid)
      if (pod === undefined || !pod.behaviour.outbox || pod.prospect().is !== 'served') continue
      for (const [side, { tried, failed }] of Object.entries(pod.statements())) {
        const copy = pod.connection(side as Side)?.writable
        if (copy !== undefined) rates.set(this.of(copy), (rates.get(this.of(copy)) ?? 0) + share * (tried - failed))
      }
    }
    for (const outbox of this.all.values()) outbox.comes(((rates.get(outbox) ?? 0) * world.options.writesPerSecond) / SECOND)
  }
}

export interface RelayOptions {
  readonly name: string
  readonly from: Side
  readonly to: Side
  readonly mode: Mode
  /** How many rows it takes at a poll, how often it polls, and how many of them it applies at a time. */
  readonly batchRows: number
  readonly pollMs: number
  readonly workers: number
}

/** A relay reads the outbox of the database that it is connected to; of another one after that, where a new one has come in its place. */
interface Stint {
  readonly outbox: Outbox
  readonly polling: Polling
}

export class Relay implements Carrier {
  alive = true
  up = false
  readonly life: Life
  private source: Connection | undefined
  private sink: Connection | undefined
  private readonly stints: Stint[] = []
  private readonly stalls = new Stalls(() => this.consider())
  private next = 0
  /** When it delivered each change that is not marked yet, by its place. */
  private readonly delivered = new Map<number, Us>()
  private timer: TimerId | undefined

  constructor(
    private readonly world: World,
    readonly c: ContainerHandle,
    readonly options: RelayOptions,
  ) {
    const { sim, options: cluster } = world
    this.life = born(sim.now)
    world.connectors.add(this)
    world.carriers.push(this)
    this.timer = sim.after(cluster.startSeconds * SECOND * c.machine.slowdownFactor, () => this.begin())
  }

  private begin(): void {
    const { world, options } = this
    this.timer = undefined
    this.up = true
    this.life.upUs = world.sim.now
    this.source = world.connect(this.c.pod.name, this.c.machine.name, options.from, () => this.consider())
    this.sink = world.connect(this.c.pod.name, this.c.machine.name, options.to, () => this.consider())
    this.c.readinessChanged()
    this.consider()
  }

  /** Ends it. What it applied since its last poll is still in the outbox, and comes again. @param clean it deleted those rows first */
  end(code: number, clean: boolean): void {
    if (!this.alive) return
    const { world } = this
    this.leave(clean)
    this.alive = false
    this.life.endedUs = world.sim.now
    this.up = false
    if (this.timer !== undefined) world.sim.cancel(this.timer)
    for (const connection of [this.source, this.sink]) if (connection !== undefined) world.disconnect(connection)
    world.connectors.delete(this)
    this.c.exited(code)
    world.changed()
  }

  /** It turns to the outbox of this database. */
  private turn(outbox: Outbox): void {
    if (this.stint?.outbox === outbox) return
    this.leave(false)
    this.delivered.clear()
    this.next = outbox.marked
    const { now } = this.world.sim
    const polling = new Polling(atUs => outbox.writtenAt(atUs), this.pace(), now, outbox.deletedAt(now))
    outbox.readers.add(polling)
    this.stints.push({ outbox, polling })
  }

  /** It has no more to do with the outbox that it reads. @param clean it deletes what it has applied of a batch first */
  private leave(clean: boolean): void {
    const { stint } = this
    if (stint === undefined) return
    const { now } = this.world.sim
    const { outbox, polling } = stint
    this.mark(stint, clean ? now : polling.deletedUntilUs(now))
    outbox.leaves(polling, clean ? polling.servedAt(now) : polling.deletedAt(now))
    polling.move(now, false)
  }

  private get stint(): Stint | undefined {
    return this.stints.at(-1)
  }

  stall(): () => void {
    return this.stalls.begin()
  }

  /** The database that it fills, while it can: its session may write where the default is read-only, as a connector's (rule APP-CDC-5). */
  get fills(): Copy | undefined {
    return leading(this.sink)
  }

  private consider(): void {
    if (!this.alive || !this.up) return
    // It deletes what it has carried, so the source, too, has to take writes.
    const source = leading(this.source)
    if (source !== undefined) this.turn(this.world.outboxes.of(source))
    const can = source !== undefined && this.fills !== undefined && !this.stalls.any
    if (can === this.moving) return
    this.stint?.polling.move(this.world.sim.now, can)
    this.world.sim.note(RUNS, this.options.name, can ? 1 : 0, () => (can ? `relay ${this.options.name} carries the outbox of ${this.options.from} to ${this.options.to}` : `relay ${this.options.name} stands still`))
    this.plan()
    this.world.changed()
  }

  private get moving(): boolean {
    return this.stint?.polling.moving === true
  }

  private pace(): Pace {
    const { options, world, c } = this
    const pollUs = Math.max(1, Math.round(options.pollMs * MILLISECOND))
    const phaseUs = Math.floor(pollUs * world.sim.chance.draw(c.pod.name, 'application.relay-phase', c.incarnation))
    return { pollUs, phaseUs, batchRows: options.batchRows, rowUs: (world.options.relayRowMs * MILLISECOND) / options.workers }
  }

  /** There is something new in the outbox. */
  changed(): void {
    if (this.timer === undefined) this.plan()
  }

  private plan(): void {
    const { sim, changes } = this.world
    if (!this.up) return
    if (this.timer !== undefined) sim.cancel(this.timer)
    this.timer = undefined
    const { stint } = this
    if (stint === undefined || !stint.polling.moving) return
    this.next = Math.max(this.next, stint.outbox.marked)
    while (this.next < changes.length && !this.concerns(this.next)) this.next += 1
    const change = changes[this.next]
    if (change === undefined) return
    const cameUs = change.commit.atUs
    const dueUs = stint.polling.dueUs(cameUs, stint.outbox.writtenAt(cameUs), sim.now)
    this.timer = sim.after(Math.max(0, Math.ceil(dueUs - sim.now)), () => {
      this.timer = undefined
      this.take(stint, this.next)
      this.plan()
    })
  }

  /** One worker applies rows in their order; several share a batch, and nobody holds a row back until the one before it is done (rule APP-OUTBOX-4). */
  private take(stint: Stint, nth: number): void {
    const { sim, options } = this.world
    this.mark(stint, stint.polling.deletedUntilUs(sim.now))
    this.next = nth + 1
    const { workers, name } = this.options
    if (workers === 1) return this.apply(nth)
    // Each of them has a row of its own at hand, for as long as a row takes.
    sim.after(Math.round(options.relayRowMs * MILLISECOND * sim.chance.draw(name, 'application.relay-worker', nth)), () => {
      if (this.stint !== stint) return
      if (this.alive && this.moving) this.apply(nth)
      else this.next = Math.min(this.next, nth)
    })
  }

  /** Rows of the outbox of its source, which is where the program wrote them. */
  private concerns(nth: number): boolean {
    const commit = this.world.changes[nth]?.commit
    return commit?.outbox === true && this.world.databases.database(commit.copy) === this.stint?.outbox.database
  }

  private apply(nth: number): void {
    const change = this.world.changes[nth]
    const { fills: sink } = this
    const source = leading(this.source)
    if (change === undefined) return
    if (sink === undefined || source === undefined) {
      this.next = Math.min(this.next, nth)
      return this.consider()
    }
    const { key, commit } = change
    this.delivered.set(nth, this.world.sim.now)
    // A row that its database has lost to a failover is in no outbox either.
    if (!contains(source.position('flush'), commit.at)) return
    const { rows } = this.world
    const now = applied(rows.row(sink, key), commit, this.options.mode)
    if (now !== undefined) rows.commit(sink, key, now, commit.version, 'relay')
  }

  /** The rows that it had delivered by then are deleted from the outbox. */
  private mark({ outbox }: Stint, byUs: Us): void {
    const { delivered } = this
    for (; outbox.marked < this.next; outbox.marked++) {
      const atUs = delivered.get(outbox.marked)
      if (atUs === undefined && this.concerns(outbox.marked)) return
      if (atUs !== undefined && atUs > byUs) return
      delivered.delete(outbox.marked)
    }
  }

  get catchingUp(): boolean {
    const { stint } = this
    const { now } = this.world.sim
    if (stint === undefined || !stint.polling.moving) return false
    const { outbox, polling } = stint
    return outbox.writtenAt(now) - polling.servedAt(now) > 10 * outbox.perUs * SECOND + 1 && this.takesUs > outbox.perUs
  }

  /** Rows a microsecond that it can take. */
  private get takesUs(): number {
    const { pollUs, batchRows, rowUs } = this.pace()
    return Math.min(batchRows / pollUs, 1 / rowUs)
  }

  /** What was left after its last poll, however long ago that was. */
  gaugesAt(atUs: Us): Readonly<Record<'outbox_pending' | 'outbox_oldest_seconds', number>> {
    for (const { outbox, polling } of this.stints.toReversed()) {
      const measuredUs = polling.measuredUs(atUs)
      if (measuredUs === undefined) continue
      const served = polling.servedAt(measuredUs)
      const pending = Math.max(0, Math.round(outbox.writtenAt(measuredUs) - served))
      return { outbox_pending: pending, outbox_oldest_seconds: pending === 0 ? 0 : Math.round((10 * Math.max(0, measuredUs - outbox.whenCame(served))) / SECOND) / 10 }
    }
    return { outbox_pending: -1, outbox_oldest_seconds: -1 }
  }

  metrics(): string {
    return Object.entries(this.gaugesAt(this.world.sim.now)).map(([name, value]) => `${name} ${value}\n`).join('')
  }

  /** Asks the database itself how many rows are in its outbox, those of the batch at hand among them; empty when that cannot be asked. */
  pending(): string {
    const { stint } = this
    if (stint === undefined || leading(this.source) === undefined) return ''
    const { sim, changes } = this.world
    const { outbox, polling } = stint
    const deletedUntilUs = polling.deletedUntilUs(sim.now)
    let sampled = 0
    for (let nth = outbox.marked; nth < changes.length; nth++) if (this.concerns(nth) && (this.delivered.get(nth) ?? Number.POSITIVE_INFINITY) > deletedUntilUs) sampled += 1
    return `${Math.max(sampled, Math.round(outbox.writtenAt(sim.now) - outbox.deletedAt(sim.now)))}\n`
  }
}

/** The image `relay:1`: `args: [--name=forward, --from=legacy, --to=modern, --mode=versioned, --batch=100, --poll-ms=1000, --workers=1]`. */
export class RelayProgram extends CarrierProgram<Relay> {
  constructor(world: World) {
    super(world, 'relay', 'kubectl exec deploy/relay -- curl -s localhost:8083/metrics | /pending')
  }

  protected begun(c: ContainerHandle): Relay | string {
    const options = relayOptions(c.container.args ?? [])
    return typeof options === 'string' ? options : new Relay(this.world, c, options)
  }

  protected page(relay: Relay, path: string): string | undefined {
    return path === '/pending' ? relay.pending() : path === '/metrics' ? relay.metrics() : undefined
  }
}

const FLAGS = ['--name', '--from', '--to', '--mode', '--batch', '--poll-ms', '--workers']

/** What a relay is to do, or what is wrong with its arguments. */
export function relayOptions(args: readonly string[]): RelayOptions | string {
  const given = new Map(args.map(word => [word.replace(/=.*$/s, ''), word.slice(word.indexOf('=') + 1)]))
  for (const flag of given.keys()) if (!FLAGS.includes(flag)) return `relay: ${flag} is not modelled; there are ${FLAGS.join(', ')}`
  const [name = 'relay', from = 'legacy', to = 'modern', mode = 'blind'] = FLAGS.map(flag => given.get(flag))
  const [batchRows = 0, pollMs = 0, workers = 0] = [['--batch', '100'], ['--poll-ms', '1000'], ['--workers', '1']].map(([flag, usual]) => Number(given.get(flag as string) ?? usual))
  if (!isSide(from) || !isSide(to) || from === to) return 'relay: --from and --to are legacy and modern'
  if (mode !== 'blind' && mode !== 'versioned') return 'relay: --mode is blind or versioned'
  if (!(batchRows >= 1 && pollMs > 0 && workers >= 1)) return 'relay: --batch, --poll-ms and --workers are numbers above 0'
  return { name, from, to, mode, batchRows, pollMs, workers: Math.floor(workers) }
}
