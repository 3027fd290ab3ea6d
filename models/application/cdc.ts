/**
 * Change data capture: a connector that reads one database's log and applies it to the other (rules APP-CDC-…). Its bulk is a flow (how far it has come is a
 * position in the source's time); the changes of the sampled keys are applied one by one when that position passes them.
 */
import { contains, type Copy } from '../../src/cluster/log/index.ts'
import { defineEvent, MILLISECOND, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import type { ContainerHandle } from '../kubernetes/index.ts'
import { isSide } from './backfill.ts'
import { applied, born, type Carrier, CarrierProgram, type Change, leading, type Life, type Mode, Stalls } from './carrier.ts'
import type { Connection } from './connection.ts'
import type { Side } from './rows.ts'
import type { World } from './world.ts'

const RUNS = defineEvent('application.cdc')

/** What a connector left where it outlives its pods: the slot at the source, and the offset that was last flushed. */
export interface Offsets {
  readonly source: Copy
  /** Up to where changes are flushed as applied, in the source's time. */
  flushedUs: Us
}

export interface ConnectorOptions {
  readonly name: string
  readonly from: Side
  readonly to: Side
  readonly mode: Mode
}

/** From `atUs` on: where it was by then, whether it moves, and the lag that it had measured. */
interface Leg {
  readonly atUs: Us
  readonly fromUs: Us
  readonly moving: boolean
  readonly measuredUs: Us | undefined
}

export class Connector implements Carrier {
  alive = true
  up = false
  private source: Connection | undefined
  private sink: Connection | undefined
  private offsets: Offsets | undefined
  readonly life: Life
  /** Its way so far. The lag it measured last is what its metric shows, for ever if nothing moves. */
  private readonly legs: Leg[] = []
  private readonly stalls = new Stalls(() => this.consider())
  private next = 0
  private timer: TimerId | undefined
  private flushTimer: TimerId | undefined

  constructor(
    private readonly world: World,
    readonly c: ContainerHandle,
    readonly options: ConnectorOptions,
  ) {
    world.connectors.add(this)
    world.carriers.push(this)
    const { sim } = world
    this.life = born(sim.now)
    this.timer = sim.after(world.options.startSeconds * SECOND * c.machine.slowdownFactor, () => this.begin())
  }

  private begin(): void {
    const { world, options } = this
    const where = this.c.machine.name
    this.up = true
    this.life.upUs = world.sim.now
    this.source = world.connect(this.c.pod.name, where, options.from, () => this.consider())
    this.sink = world.connect(this.c.pod.name, where, options.to, () => this.consider())
    this.c.readinessChanged()
    this.consider()
  }

  /** Ends it. @param clean it had time to flush how far it has come */
  end(code: number, clean: boolean): void {
    if (!this.alive) return
    const { world } = this
    if (clean && this.offsets !== undefined) this.offsets.flushedUs = this.positionUs()
    this.freeze()
    this.alive = false
    this.life.endedUs = world.sim.now
    this.up = false
    if (this.timer !== undefined) world.sim.cancel(this.timer)
    if (this.flushTimer !== undefined) world.sim.cancel(this.flushTimer)
    for (const connection of [this.source, this.sink]) if (connection !== undefined) world.disconnect(connection)
    world.connectors.delete(this)
    this.c.exited(code)
    world.changed()
  }

  stall(): () => void {
    return this.stalls.begin()
  }

  /** The database that it fills, while it can. */
  get fills(): Copy | undefined {
    return leading(this.sink)
  }

  /** Up to where the source's changes are applied, in its time. */
  positionUs(atUs: Us = this.world.sim.now): Us {
    const leg = this.legs.findLast(each => each.atUs <= atUs)
    if (leg?.moving !== true) return leg?.fromUs ?? 0
    const { cdcLagMs, cdcApplyRatio } = this.world.options
    return Math.max(leg.fromUs, Math.min(atUs - cdcLagMs * MILLISECOND, leg.fromUs + (atUs - leg.atUs) * cdcApplyRatio))
  }

  private get moving(): boolean {
    return this.legs.at(-1)?.moving === true
  }

  /** Whether it moves may have changed. */
  private consider(): void {
    if (!this.alive || !this.up) return
    const { world, options } = this
    const source = this.source?.readable
    if (source !== undefined && this.offsets === undefined) {
      // The slot keeps the log from the instant at which it is first made.
      this.offsets = world.offsets.get(options.name) ?? { source, flushedUs: world.sim.now }
      world.offsets.set(options.name, this.offsets)
      const fromUs = this.offsets.flushedUs
      this.legs.push({ atUs: world.sim.now, fromUs, moving: false, measuredUs: undefined })
      this.next = world.changes.findIndex(({ commit }) => commit.atUs >= fromUs)
      if (this.next < 0) this.next = world.changes.length
      this.flushLater()
    }
    const can = this.offsets !== undefined && this.sameDatabase(source) && this.fills !== undefined && !this.stalls.any
    if (can === this.moving) return
    if (can) {
      this.legs.push({ atUs: world.sim.now, fromUs: this.positionUs(), moving: true, measuredUs: undefined })
      world.sim.note(RUNS, options.name, 1, `connector ${options.name} reads from ${options.from} and writes to ${options.to}`)
    } else {
      this.freeze()
      world.sim.note(RUNS, options.name, 0, `connector ${options.name} stands still`)
    }
    this.plan()
    world.changed()
  }

  private freeze(): void {
    const { now } = this.world.sim
    this.legs.push({ atUs: now, fromUs: this.positionUs(), moving: false, measuredUs: this.lagUs(now) })
  }

  private flushLater(): void {
    const { sim, options } = this.world
    this.flushTimer = sim.after(options.cdcFlushSeconds * SECOND, () => {
      if (this.offsets !== undefined) this.offsets.flushedUs = this.positionUs()
      this.flushLater()
    })
  }

  /** There is something new in the log. */
  changed(): void {
    if (this.timer === undefined) this.plan()
  }

  /** Waits for the position to pass the next change. */
  private plan(): void {
    const { sim, options, changes } = this.world
    if (!this.up) return
    if (this.timer !== undefined) sim.cancel(this.timer)
    this.timer = undefined
    if (!this.moving) return
    while (this.next < changes.length && !this.concerns(changes[this.next] as Change)) this.next += 1
    const change = changes[this.next]
    if (change === undefined) return
    const { atUs } = change.commit
    const leg = this.legs.at(-1) as Leg
    const us = Math.max(atUs + options.cdcLagMs * MILLISECOND, leg.atUs + Math.max(0, atUs - leg.fromUs) / options.cdcApplyRatio) - sim.now
    this.timer = sim.after(Math.ceil(Math.max(0, us)), () => {
      this.timer = undefined
      if (!this.apply(change)) return
      this.next += 1
      this.plan()
    })
  }

  private sameDatabase(copy: Copy | undefined): boolean {
    const { databases } = this.world
    return copy !== undefined && this.offsets !== undefined && databases.database(copy) === databases.database(this.offsets.source)
  }

  /** Changes of its source, but for those that a connector brought there: they have an origin. What a relay writes is a client's like any other. */
  private concerns({ commit }: Change): boolean {
    return this.sameDatabase(commit.copy) && commit.by !== 'cdc'
  }

  /** @returns false when the sink has just gone: the change is not passed over */
  private apply({ key, commit }: Change): boolean {
    const { fills: sink } = this
    if (sink === undefined) {
      this.consider()
      return false
    }
    const { rows, databases } = this.world
    // A commit that its own database has lost to a failover stands in no log.
    const source = databases.current(commit.copy)
    if (source !== undefined && !contains(source.position('flush'), commit.at)) return true
    const now = applied(rows.row(sink, key), commit, this.options.mode)
    if (now !== undefined) rows.commit(sink, key, now, commit.version, 'cdc')
    return true
  }

  /** It moves, and is further behind than usual: it will catch up by itself. */
  get catchingUp(): boolean {
    return this.moving && this.world.sim.now - this.positionUs() > 2 * this.world.options.cdcLagMs * MILLISECOND
  }

  private lagUs(atUs: Us): Us | undefined {
    const leg = this.legs.findLast(each => each.atUs <= atUs)
    return leg === undefined ? undefined : leg.moving ? atUs - this.positionUs(atUs) : leg.measuredUs
  }

  gaugesAt(atUs: Us): Readonly<Record<string, number>> {
    const lag = this.lagUs(atUs)
    return { milliseconds_behind_source: lag === undefined ? -1 : Math.round(lag / MILLISECOND) }
  }

  /** What its metrics show: the lag as last measured (rule APP-CDC-3). */
  metrics(): string {
    return `milliseconds_behind_source ${this.gaugesAt(this.world.sim.now).milliseconds_behind_source}\n`
  }

  /** The position in the source's log up to which changes are applied, in bytes; empty before it has one. */
  offset(): string {
    if (this.offsets === undefined) return ''
    const { databases } = this.world
    const source = databases.current(this.offsets.source) ?? this.offsets.source
    return `${Math.floor(databases.printed(source, source.curves.flush.valueAt(this.positionUs())))}\n`
  }
}

/** The image `cdc:1`: `args: [--name=forward, --from=legacy, --to=modern, --mode=versioned]`. */
export class ConnectorProgram extends CarrierProgram<Connector> {
  constructor(world: World) {
    super(world, 'cdc', 'kubectl exec deploy/cdc -- curl -s localhost:8083/metrics | /offset')
  }

  protected begun(c: ContainerHandle): Connector | string {
    const options = connectorOptions(c.container.args ?? [])
    return typeof options === 'string' ? options : new Connector(this.world, c, options)
  }

  protected page(connector: Connector, path: string): string | undefined {
    return path === '/offset' ? connector.offset() : path === '/metrics' ? connector.metrics() : undefined
  }
}

/** What a connector is to do, or what is wrong with its arguments. */
export function connectorOptions(args: readonly string[]): ConnectorOptions | string {
  const given = new Map(args.map(word => [word.replace(/=.*$/s, ''), word.slice(word.indexOf('=') + 1)]))
  for (const flag of given.keys()) if (!['--name', '--from', '--to', '--mode'].includes(flag)) return `cdc: ${flag} is not modelled; there are --name, --from, --to, --mode`
  const [name = 'cdc', from = 'legacy', to = 'modern', mode = 'blind'] = ['--name', '--from', '--to', '--mode'].map(flag => given.get(flag))
  if (!isSide(from) || !isSide(to) || from === to) return 'cdc: --from and --to are legacy and modern'
  if (mode !== 'blind' && mode !== 'versioned') return 'cdc: --mode is blind or versioned'
  return { name, from, to, mode }
}
