/**
 * Change data capture: a connector that reads one database's log and applies it to the other (rules APP-CDC-…). Its bulk is a flow (how far it has come is a
 * position in the source's time); the changes of the sampled keys are applied one by one when that position passes them.
 */
import { contains, type Copy } from '../../src/cluster/log/index.ts'
import { defineEvent, MILLISECOND, NEVER, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import { type Command, CommandRegistry, failed, ok } from '../../src/operator/command.ts'
import type { ContainerHandle, ContainerProgram } from '../kubernetes/index.ts'
import { isSide } from './backfill.ts'
import type { Connection } from './connection.ts'
import { type Commit, type Key, NO_ROW, type Row, type Side } from './rows.ts'
import { effectOf } from './statements.ts'
import { checkCurl, type World } from './world.ts'

const RUNS = defineEvent('application.cdc')

/** A change as it stands in a log. */
export interface Change {
  readonly key: Key
  readonly commit: Commit
}

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
  /** blind: the row as the change has it; versioned: only over an older one. */
  readonly mode: 'blind' | 'versioned'
}

/** The row that a change leaves. */
export function applied(there: Row, { row, version }: Commit, mode: ConnectorOptions['mode']): Row | undefined {
  if (mode === 'blind') return row.present ? row : { ...NO_ROW, op: row.op }
  const effect = effectOf(there, { id: row.op }, { sql: row.present ? 'update' : 'delete', form: 'versioned', version })
  return effect.is === 'changed' ? effect.row : undefined
}

export class Connector {
  alive = true
  up = false
  private source: Connection | undefined
  private sink: Connection | undefined
  private offsets: Offsets | undefined
  /** Where it was when it last began to move, and when that was; it moves while `moving`. */
  private fromUs: Us = 0
  private sinceUs: Us = 0
  private moving = false
  private stalls = 0
  /** The last lag it measured: what its metric shows, for ever if nothing moves. */
  private measuredUs: Us | undefined
  private next = 0
  private timer: TimerId | undefined
  private flushTimer: TimerId | undefined

  constructor(
    private readonly world: World,
    readonly c: ContainerHandle,
    readonly options: ConnectorOptions,
  ) {
    world.connectors.add(this)
    const { sim } = world
    this.timer = sim.after(world.options.startSeconds * SECOND * c.machine.slowdownFactor, () => this.begin())
  }

  private begin(): void {
    const { world, options } = this
    const where = this.c.machine.name
    this.up = true
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
    this.up = false
    if (this.timer !== undefined) world.sim.cancel(this.timer)
    if (this.flushTimer !== undefined) world.sim.cancel(this.flushTimer)
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

  /** The database that it fills, while it can. */
  get fills(): Copy | undefined {
    return this.sinkCopy
  }

  /** A superuser's session writes although the default is read-only (facts BG-F06), if the server leads at all. */
  private get sinkCopy(): Copy | undefined {
    const state = this.sink?.state
    return state?.is === 'writable' ? state.leader : state?.is === 'readOnly' && state.copy.leading ? state.copy : undefined
  }

  /** Up to where the source's changes are applied, in its time. */
  positionUs(): Us {
    const { now } = this.world.sim
    if (!this.moving) return this.fromUs
    const { cdcLagMs, cdcApplyRatio } = this.world.options
    return Math.max(this.fromUs, Math.min(now - cdcLagMs * MILLISECOND, this.fromUs + (now - this.sinceUs) * cdcApplyRatio))
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
      this.fromUs = this.offsets.flushedUs
      this.next = world.changes.findIndex(({ commit }) => commit.atUs >= this.fromUs)
      if (this.next < 0) this.next = world.changes.length
      this.flushLater()
    }
    const can = this.offsets !== undefined && this.sameDatabase(source) && this.sinkCopy !== undefined && this.stalls === 0
    if (can === this.moving) return
    if (can) {
      this.sinceUs = world.sim.now
      this.moving = true
      world.sim.note(RUNS, options.name, 1, `connector ${options.name} reads from ${options.from} and writes to ${options.to}`)
    } else {
      this.freeze()
      world.sim.note(RUNS, options.name, 0, `connector ${options.name} stands still`)
    }
    this.plan()
    world.changed()
  }

  private freeze(): void {
    this.measuredUs = this.lagUs()
    this.fromUs = this.positionUs()
    this.moving = false
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
    const us = Math.max(atUs + options.cdcLagMs * MILLISECOND, this.sinceUs + Math.max(0, atUs - this.fromUs) / options.cdcApplyRatio) - sim.now
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

  /** Changes of its source, but for those that a connector brought there. */
  private concerns({ commit }: Change): boolean {
    return this.sameDatabase(commit.copy) && commit.by !== 'cdc'
  }

  /** @returns false when the sink has just gone: the change is not passed over */
  private apply({ key, commit }: Change): boolean {
    const sink = this.sinkCopy
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

  private lagUs(): Us | undefined {
    return this.offsets === undefined ? undefined : this.moving ? this.world.sim.now - this.positionUs() : this.measuredUs
  }

  /** What its metrics show: the lag as last measured (rule APP-CDC-3). */
  metrics(): string {
    const lag = this.lagUs()
    return `milliseconds_behind_source ${lag === undefined ? -1 : Math.round(lag / MILLISECOND)}\n`
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
export class ConnectorProgram implements ContainerProgram {
  private readonly running = new Map<string, Connector>()

  constructor(private readonly world: World) {}

  private of(c: ContainerHandle): Connector | undefined {
    return this.running.get(`${c.pod.uid}/${c.incarnation}`)
  }

  start(c: ContainerHandle): void {
    const options = connectorOptions(c.container.args ?? [])
    if (typeof options === 'string') return c.exited(2)
    this.running.set(`${c.pod.uid}/${c.incarnation}`, new Connector(this.world, c, options))
  }

  signal(c: ContainerHandle, s: 'TERM' | 'INT' | 'QUIT' | 'KILL'): void {
    const connector = this.of(c)
    if (connector === undefined) return c.exited(s === 'KILL' ? 137 : 143)
    connector.end(s === 'KILL' ? 137 : 0, s !== 'KILL')
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
      summary: 'kubectl exec deploy/cdc -- curl -s localhost:8083/metrics | /offset',
      check: checkCurl,
      latencyUs: () => 5_000,
      look: call => {
        const connector = this.of(c)
        if (connector?.up !== true || !/:8083\//.test(call.argv.at(-1) ?? '')) return { output: failed('curl: (7) Failed to connect to localhost port 8083: Connection refused\n', 7), afterUs: 0, stableUntilUs: NEVER }
        return { output: ok(call.argv.at(-1)?.endsWith('/offset') === true ? connector.offset() : connector.metrics()), afterUs: 0, stableUntilUs: sim.now }
      },
      *run() {
        return ok()
      },
    }
    return new CommandRegistry('container cdc').register(curl)
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
