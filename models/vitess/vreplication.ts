/**
 * VReplication: workflows that copy the tables of one keyspace into another and go on applying what is written meanwhile, a stream a shard (rules
 * VT-VREPL-…; facts DW-F10). A stream's {@link Stream.copy} is how far the target holds the source's commits; what clients write on the target
 * is the target's own history.
 */
import { type Bytes, contains, type Copy, type History, type Link } from '../../src/cluster/log/index.ts'
import { SECOND, type TimerId } from '../../src/kernel/index.ts'
import { EVENT } from './events.ts'
import type { Keyspace } from './keyspace.ts'
import { canAcknowledge } from './semisync.ts'
import type { Shard } from './shard.ts'
import type { Tablet } from './tablet.ts'
import type { Diff } from './workflow-commands.ts'
import type { World } from './world.ts'

/** vreplication_retry_delay: how long a stream that broke waits before it is tried again. */
const RETRY_US = 5 * SECOND

export class Stream {
  /** The tablet it reads from now. */
  from: Tablet | undefined
  copied: boolean
  /** What it cannot go on for, until somebody acts. */
  error: string | undefined
  extraDelayUs = 0
  private stalls = 0
  private retryAtUs = 0
  private timer: TimerId | undefined
  private copying: TimerId | undefined

  constructor(
    readonly workflow: Workflow,
    readonly source: Shard,
    readonly target: Shard,
    readonly copy: Copy,
    /** Rows written from here on are carried over; undefined = from the beginning, by a copy of the tables. */
    readonly since: Bytes | undefined,
  ) {
    this.copied = since !== undefined
    this.ownAtStart = this.ownBytes
  }

  /** Where the target's own history ended when this began. */
  readonly ownAtStart: Bytes

  /** Where the target's own history ends: what was written there and did not come by a stream. */
  get ownBytes(): Bytes {
    return this.target.primary?.copy.lsn('receive') ?? 0
  }

  get name(): string {
    return `${this.target.path}/${this.workflow.name}`
  }

  get streaming(): boolean {
    return this.from !== undefined && this.copied
  }

  get state(): 'Copying' | 'Running' | 'Stopped' | 'Error' {
    if (this.error !== undefined) return 'Error'
    if (this.workflow.stopped) return 'Stopped'
    return this.copied ? 'Running' : 'Copying'
  }

  /** How many bytes of what the source's primary has written the target lacks; Infinity while there is no such primary. */
  get lagBytes(): Bytes {
    const { leader } = this.source
    return leader === undefined ? Number.POSITIVE_INFINITY : Math.max(0, leader.copy.lsn('receive') - this.copy.lsn('apply'))
  }

  /** The same in seconds of the load: what a workflow's max_v_replication_lag comes to. */
  get lagSeconds(): number {
    const rate = this.source.bytesPerSecond
    return rate === 0 ? 0 : this.lagBytes / rate
  }

  /** Looks whether it can go on, and with whom. Called at every change of either shard. */
  look(): void {
    const { world } = this.workflow
    if (this.workflow.ended) return this.detach()
    // Each row is a commit on the target: without anybody to acknowledge it nothing is applied (rule VT-VREPL-3).
    const possible = !this.workflow.stopped && this.error === undefined && this.target.primary !== undefined && canAcknowledge(this.target.primary) && this.target.primary.agent
    if (this.from !== undefined) {
      if (possible && this.readable(this.from)) return this.relink(this.from)
      this.detach()
      this.retryAtUs = world.sim.now + RETRY_US
    }
    if (!possible) return
    if (world.sim.now < this.retryAtUs) {
      this.timer ??= world.sim.call(this.retryAtUs, () => {
        this.timer = undefined
        this.look()
      })
      return
    }
    this.attach()
  }

  /** Tablets to read from, the preferred first: replicas that serve, then the primary (tablet-types in_order:REPLICA,PRIMARY), or as the workflow says. */
  private candidates(): readonly Tablet[] {
    const { tabletTypes } = this.workflow
    return tabletTypes.flatMap(type => this.source.tablets.filter(t => t.type === type && this.readable(t)))
  }

  private readable(t: Tablet): boolean {
    const target = this.target.primary
    return t.healthy && t.shard === this.source && this.workflow.tabletTypes.includes(t.type) && target !== undefined && this.workflow.world.network.connected(target.place, t.place)
  }

  private attach(): void {
    const { world } = this.workflow
    const mine = this.copy.position('receive')
    for (const t of this.candidates()) {
      const theirs = t.copy.position('flush')
      if (!contains(theirs, mine)) {
        // A replica may only be behind; a primary that lacks what was carried over will not have it.
        if (t === this.source.primary && mine.lsn > theirs.lsn) this.fail(`GTIDSet Mismatch: requested source position ${mine.lsn} is not in the history of ${t.alias}`)
        continue
      }
      this.from = t
      world.sim.note(EVENT.vreplication, this.target.path, 1, `${this.name} reads from ${t.pod}`)
      if (this.copied) this.copy.follow(t.copy, this.linkTo(t))
      else this.copyTables()
      return
    }
  }

  private fail(error: string): void {
    this.error = error
    this.workflow.world.sim.note(EVENT.vreplication, this.target.path, 3, `${this.name} cannot go on: ${error}`)
  }

  /** The copy phase, table by table; broken off it goes on after the last row that it has (rule VT-VREPL-2). */
  private copyTables(): void {
    const { world } = this.workflow
    const began = world.sim.now
    this.copying = world.sim.after(this.leftUs, () => {
      this.copying = undefined
      this.leftUs = 0
      this.copied = true
      world.sim.note(EVENT.vreplication, this.target.path, 2, `${this.target.path} holds a copy of what ${this.source.path} had when ${this.workflow.name} began`)
      // It goes on from there like any other that begins to stream.
      this.from = undefined
      this.look()
      world.sim.touch()
      this.target.changed()
    })
    this.copyingSince = began
  }

  private copyingSince = 0
  /** What is left of the copy phase. */
  leftUs = 0

  private detach(): void {
    const { world } = this.workflow
    if (this.from === undefined) return
    if (this.copying !== undefined) {
      world.sim.cancel(this.copying)
      this.copying = undefined
      this.leftUs = Math.max(1, this.leftUs - (world.sim.now - this.copyingSince))
    } else this.copy.unfollow()
    world.sim.note(EVENT.vreplication, this.target.path, 0, `${this.name} reads no more from ${this.from.pod}`)
    this.from = undefined
  }

  private relink(t: Tablet): void {
    if (!this.copied) return
    if (this.copy.upstream !== t.copy) return
    const link = this.linkTo(t)
    const now = this.copy.link
    if (now !== undefined && (now.delayUs !== link.delayUs || now.bytesPerSecond !== link.bytesPerSecond)) this.copy.setLink(link)
  }

  private linkTo(t: Tablet): Link {
    const { world } = this.workflow
    const target = this.target.primary as Tablet
    const slow = target.slowness
    const rate = this.source.bytesPerSecond
    const apply = rate === 0 ? Number.POSITIVE_INFINITY : Math.max(1, (world.options.applyRatio * rate) / slow)
    return {
      delayUs: world.network.delayUs(t.place, target.place) + Math.round(this.workflow.delayOf(this.target) * slow) + this.extraDelayUs,
      ackDelayUs: world.network.delayUs(target.place, t.place),
      flushDelayUs: 0,
      bytesPerSecond: Math.min(world.network.bytesPerSecond(t.place, target.place), apply),
    }
  }

  /** Its applier stands still; returns how to let it go on. */
  stall(): () => void {
    this.stalls += 1
    if (this.stalls === 1) this.copy.freeze('receive')
    let over = false
    return () => {
      if (over) return
      over = true
      this.stalls -= 1
      if (this.stalls === 0) this.copy.thaw('receive')
    }
  }
}

/** One MoveTables workflow, or the reverse of one (rules VT-VREPL-1, VT-MOVE-6). */
export class Workflow {
  readonly streams: Stream[] = []
  stopped = false
  /** Completed or cancelled: nothing of it is left. */
  ended = false
  /** Traffic has been switched: its streams rest, and the reverse workflow runs. */
  frozen = false
  /** Journals exist: from here on a switch can only be finished (rule VT-MOVE-3). */
  journalled = false
  readonly diffs: Diff[] = []
  private readonly delays = new Map<Shard, number>()

  constructor(
    readonly world: World,
    readonly name: string,
    readonly source: Keyspace,
    readonly target: Keyspace,
    readonly tabletTypes: readonly Tablet['type'][],
    /** The workflow of which this is the way back. */
    readonly reverseOf: Workflow | undefined,
  ) {}

  /** Base delay from a commit on the source until it is applied on the target. */
  delayOf(target: Shard): number {
    let delay = this.delays.get(target)
    if (delay === undefined) this.delays.set(target, (delay = this.world.timeUs('vreplicationMs', `${target.path}/${this.name}`)))
    return delay
  }

  look(): void {
    for (const stream of this.streams) stream.look()
  }

  /** Its way back, once traffic was switched. */
  get reverse(): Workflow | undefined {
    return this.world.workflows.all.find(other => other.reverseOf === this && !other.ended)
  }
}

/** All workflows of a rehearsal. */
export class Workflows {
  readonly all: Workflow[] = []

  constructor(private readonly world: World) {
    world.shardListeners.push(shard => {
      if (this.all.length === 0) return
      for (const workflow of this.all) for (const stream of workflow.streams) if (stream.source === shard || stream.target === shard) stream.look()
    })
    world.keyspaceListeners.push(keyspace => {
      if (world.keyspaces.get(keyspace.name) === keyspace) return
      for (const workflow of this.all) if (workflow.source === keyspace || workflow.target === keyspace) this.end(workflow)
    })
  }

  find(keyspace: string, name: string): Workflow | undefined {
    return this.all.find(workflow => workflow.name === name && workflow.target.name === keyspace && !workflow.ended)
  }

  /** A workflow with a stream for each shard. `since`: for the way back, what the other side has at this instant is there already. */
  make(name: string, source: Keyspace, target: Keyspace, tabletTypes: readonly Tablet['type'][], reverseOf: Workflow | undefined): Workflow {
    const { world } = this
    const workflow = new Workflow(world, name, source, target, tabletTypes, reverseOf)
    for (const shard of target.shards) {
      const from = source.shards.find(other => other.keys === shard.keys) as Shard
      const at = (from.primary as Tablet).copy.position('flush')
      const stream = new Stream(workflow, from, shard, shard.log.copy(`${shard.path}/${name}`, at), reverseOf === undefined ? undefined : at.lsn)
      stream.leftUs = reverseOf === undefined ? world.readingUs('vreplicationCopyMBps', stream.name) : 0
      workflow.streams.push(stream)
      shard.streams.push(stream)
      shard.bare = false
    }
    this.all.push(workflow)
    return workflow
  }

  /** Its streams are gone for good. What they brought stays unless the tables are dropped. */
  end(workflow: Workflow): void {
    if (workflow.ended) return
    workflow.ended = true
    workflow.look()
    this.world.sim.note(EVENT.vreplication, workflow.target.name, 4, `the workflow ${workflow.target.name}.${workflow.name} is gone`)
  }
}

/** The histories of other shards whose rows this one holds as well, as far as each stream has come. */
export function mergedInto(shard: Shard): readonly History[] {
  const found: History[] = []
  for (const { copy, copied, since } of shard.streams) {
    if (copied) found.push({ ...copy.position('flush'), ...(since === undefined ? {} : { since }) })
  }
  return found
}
