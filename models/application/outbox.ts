/**
 * The transactional outbox: a write puts a row into the table `outbox` of its own database in its own transaction, and a relay carries those rows to the other database
 * (rules APP-OUTBOX-…). The bulk is a queue of rows as a flow (`polling.ts`); the rows of the sampled keys are carried one by one when the relay has come so far. Source: microservices.io Transactional outbox, Polling publisher, Idempotent consumer; facts/vitess-bluegreen.md §9c.
 */
import { contains, type Copy } from '../../src/cluster/log/index.ts'
import { defineEvent, MILLISECOND, NEVER, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, failed, ok } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/index.ts'
import { isSide } from './backfill.ts'
import { applied, born, type Carrier, type Life } from './cdc.ts'
import type { Connection } from './connection.ts'
import { advance, type Piece, valueAt } from './monitoring/pieces.ts'
import { type Pace, Polling } from './polling.ts'
import type { Side } from './rows.ts'
import { checkCurl, type World } from './world.ts'

const RUNS = defineEvent('application.relay')

/** The outbox of one of the two databases: how many rows the program has put there, as a flow. */
export class Outbox {
  private readonly written: Piece[] = []

  constructor(
    private readonly world: World,
    private readonly side: Side,
  ) {
    const { builds } = world.options
    const used = Object.values(builds).some(({ outbox, flags }) => outbox || Object.values(flags).some(values => Object.values(values).some(changes => changes.outbox === true)))
    if (!used) return
    // Rows wait from the first write on, whether or not anybody carries them.
    const account = (): void => this.account()
    world.onChange(account)
    world.kubernetes.onRouteChange(account)
  }

  /** Rows that had come by then. */
  writtenAt(atUs: Us): number {
    return valueAt(this.written, atUs)
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

  private account(): void {
    const { sim, options } = this.world
    let share = 0
    for (const { view, share: each } of this.world.routes()) {
      const pod = this.world.pods.get(view.uid)
      if (pod === undefined || !pod.behaviour.outbox || pod.prospect().is !== 'served') continue
      if (pod.behaviour.writes === this.side || pod.behaviour.writes === 'both') share += each
    }
    const perUs = (share * options.writesPerSecond) / SECOND
    advance(this.written, sim.now, perUs)
  }
}

export interface RelayOptions {
  readonly name: string
  readonly from: Side
  readonly to: Side
  /** blind: the row as the outbox has it; versioned: only over an older one. */
  readonly mode: 'blind' | 'versioned'
  /** How many rows it takes at a poll, how often it polls, and how many of them it applies at a time. */
  readonly batchRows: number
  readonly pollMs: number
  readonly workers: number
}

/** What a relay leaves in the database: the rows that it has not deleted yet, and how many it has taken in all. */
export interface RelayState {
  /** Every change before this place of the list is delivered, and its row deleted. */
  marked: number
  served: number
}

export class Relay implements Carrier {
  alive = true
  up = false
  readonly life: Life
  private source: Connection | undefined
  private sink: Connection | undefined
  private state: RelayState | undefined
  /** The database whose outbox it reads. */
  private home: object | undefined
  private readonly outbox: Outbox
  private polling: Polling | undefined
  private stalls = 0
  private next = 0
  /** When each change since `marked` was delivered, by its place. */
  private readonly delivered = new Map<number, Us>()
  private timer: TimerId | undefined

  constructor(
    private readonly world: World,
    readonly c: ContainerHandle,
    readonly options: RelayOptions,
  ) {
    const { sim, options: cluster } = world
    this.outbox = world.outboxes[options.from]
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
    this.state = world.relayed.get(options.name) ?? { marked: 0, served: 0 }
    world.relayed.set(options.name, this.state)
    this.next = this.state.marked
    this.polling = new Polling(atUs => this.outbox.writtenAt(atUs), this.pace(), world.sim.now, this.state.served)
    this.source = world.connect(this.c.pod.name, this.c.machine.name, options.from, () => this.consider())
    this.sink = world.connect(this.c.pod.name, this.c.machine.name, options.to, () => this.consider())
    this.c.readinessChanged()
    this.consider()
  }

  /** Ends it. What it applied since its last poll is still in the outbox, and comes again. @param clean it deleted those rows first */
  end(code: number, clean: boolean): void {
    if (!this.alive) return
    const { world } = this
    const { now } = world.sim
    if (this.polling !== undefined && this.state !== undefined) {
      this.mark(clean ? now : this.polling.deletedUntilUs(now))
      this.state.served = clean ? this.polling.servedAt(now) : this.polling.deletedAt(now)
      this.polling.move(now, false)
    }
    this.alive = false
    this.life.endedUs = now
    this.up = false
    if (this.timer !== undefined) world.sim.cancel(this.timer)
    for (const connection of [this.source, this.sink]) if (connection !== undefined) world.disconnect(connection)
    world.connectors.delete(this)
    this.c.exited(code)
    world.changed()
  }

  /** A fault holds it up; returns how to end that. */
  stall(): () => void {
    this.stalls += 1
    this.consider()
    let over = false
    return () => {
      if (over) return
      over = true
      this.stalls -= 1
      this.consider()
    }
  }

  /** The database that it fills, while it can: its session may write where the default is read-only, as a connector's (rule APP-CDC-5). */
  get fills(): Copy | undefined {
    return leading(this.sink)
  }

  private consider(): void {
    if (!this.alive || !this.up) return
    // It deletes what it has carried, so the source, too, has to take writes.
    const source = leading(this.source)
    if (source !== undefined) this.home = this.world.databases.database(source)
    const can = source !== undefined && this.fills !== undefined && this.stalls === 0
    if (can === this.moving) return
    this.polling?.move(this.world.sim.now, can)
    this.world.sim.note(RUNS, this.options.name, can ? 1 : 0, () => (can ? `relay ${this.options.name} carries the outbox of ${this.options.from} to ${this.options.to}` : `relay ${this.options.name} stands still`))
    this.plan()
    this.world.changed()
  }

  private get moving(): boolean {
    return this.polling?.moving === true
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
    if (!this.moving) return
    while (this.next < changes.length && !this.concerns(this.next)) this.next += 1
    const change = changes[this.next]
    if (change === undefined) return
    const cameUs = change.commit.atUs
    const dueUs = (this.polling as Polling).dueUs(cameUs, this.outbox.writtenAt(cameUs), sim.now)
    this.timer = sim.after(Math.max(0, Math.ceil(dueUs - sim.now)), () => {
      this.timer = undefined
      this.take(this.next)
      this.plan()
    })
  }

  /** One worker applies rows in their order; several share a batch, and nobody holds a row back until the one before it is done (rule APP-OUTBOX-4). */
  private take(nth: number): void {
    const { sim, options } = this.world
    this.mark((this.polling as Polling).deletedUntilUs(sim.now))
    this.next = nth + 1
    const { workers, name } = this.options
    if (workers === 1) return this.apply(nth)
    // Each of them has a row of its own at hand, for as long as a row takes.
    sim.after(Math.round(options.relayRowMs * MILLISECOND * sim.chance.draw(name, 'application.relay-worker', nth)), () => {
      if (this.alive && this.moving) this.apply(nth)
      else this.next = Math.min(this.next, nth)
    })
  }

  /** Rows of the outbox of its source, which is where the program wrote them. */
  private concerns(nth: number): boolean {
    const commit = this.world.changes[nth]?.commit
    return commit?.outbox === true && this.home !== undefined && this.world.databases.database(commit.copy) === this.home
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
  private mark(byUs: Us): void {
    const { state, delivered } = this
    if (state === undefined) return
    for (; state.marked < this.next; state.marked++) {
      const atUs = delivered.get(state.marked)
      if (atUs === undefined && this.concerns(state.marked)) return
      if (atUs !== undefined && atUs > byUs) return
      delivered.delete(state.marked)
    }
  }

  get catchingUp(): boolean {
    const { polling, outbox } = this
    const { now } = this.world.sim
    return polling?.moving === true && outbox.writtenAt(now) - polling.servedAt(now) > 10 * outbox.perUs * SECOND + 1 && this.takesUs > outbox.perUs
  }

  /** Rows a microsecond that it can take. */
  private get takesUs(): number {
    const { pollUs, batchRows, rowUs } = this.pace()
    return Math.min(batchRows / pollUs, 1 / rowUs)
  }

  /** What was left after its last poll, however long ago that was. */
  gaugesAt(atUs: Us): Readonly<Record<'outbox_pending' | 'outbox_oldest_seconds', number>> {
    const measuredUs = this.polling?.measuredUs(atUs)
    if (this.polling === undefined || measuredUs === undefined) return { outbox_pending: -1, outbox_oldest_seconds: -1 }
    const served = this.polling.servedAt(measuredUs)
    const pending = Math.max(0, Math.round(this.outbox.writtenAt(measuredUs) - served))
    return { outbox_pending: pending, outbox_oldest_seconds: pending === 0 ? 0 : Math.round((10 * Math.max(0, measuredUs - this.outbox.whenCame(served))) / SECOND) / 10 }
  }

  metrics(): string {
    return Object.entries(this.gaugesAt(this.world.sim.now)).map(([name, value]) => `${name} ${value}\n`).join('')
  }

  /** Asks the database itself how many rows are in its outbox; empty when that cannot be asked. */
  pending(): string {
    if (leading(this.source) === undefined) return ''
    const { sim, changes } = this.world
    let sampled = 0
    for (let nth = this.state?.marked ?? 0; nth < changes.length; nth++) if (this.concerns(nth) && !this.delivered.has(nth)) sampled += 1
    return `${Math.max(sampled, Math.round(this.outbox.writtenAt(sim.now) - (this.polling?.servedAt(sim.now) ?? 0)))}\n`
  }
}

/** The copy behind a session that may write whatever the default is. */
function leading(connection: Connection | undefined): Copy | undefined {
  const state = connection?.state
  return state?.is === 'writable' ? state.leader : state?.is === 'readOnly' && state.copy.leading ? state.copy : undefined
}

/** The image `relay:1`: `args: [--name=forward, --from=legacy, --to=modern, --mode=versioned, --batch=100, --poll-ms=1000, --workers=1]`. */
export class RelayProgram implements ContainerProgram {
  private readonly running = new Map<string, Relay>()

  constructor(private readonly world: World) {}

  private of(c: ContainerHandle): Relay | undefined {
    return this.running.get(`${c.pod.uid}/${c.incarnation}`)
  }

  start(c: ContainerHandle): void {
    const options = relayOptions(c.container.args ?? [])
    if (typeof options === 'string') return c.exited(2)
    this.running.set(`${c.pod.uid}/${c.incarnation}`, new Relay(this.world, c, options))
  }

  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const relay = this.of(c)
    if (relay === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    relay.end(s === 'KILL' ? 137 : 0, s !== 'KILL')
  }

  machineLost(c: ContainerHandle): void {
    this.of(c)?.end(137, false)
  }

  ready(c: ContainerHandle): boolean {
    return this.of(c)?.up === true
  }

  programs(c: ContainerHandle): CommandRegistry {
    const { sim } = this.world
    const curl: Command = {
      name: 'curl',
      summary: 'kubectl exec deploy/relay -- curl -s localhost:8083/metrics | /pending',
      check: checkCurl,
      latencyUs: () => 5_000,
      look: call => {
        const relay = this.of(c)
        const url = call.argv.at(-1) ?? ''
        if (relay?.up !== true || !/:8083\//.test(url)) return { output: failed('curl: (7) Failed to connect to localhost port 8083: Connection refused\n', 7), afterUs: 0, stableUntilUs: NEVER }
        return { output: ok(url.endsWith('/pending') ? relay.pending() : url.endsWith('/metrics') ? relay.metrics() : '404 page not found\n'), afterUs: 0, stableUntilUs: sim.now }
      },
      *run() {
        return ok()
      },
    }
    return new CommandRegistry('container relay').register(curl)
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
