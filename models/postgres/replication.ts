import { contains, type Link } from '../../src/cluster/log/index.ts'
import { defineEvent, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import type { PodView } from '../kubernetes/index.ts'
import { type DataDirectory, formatLsn, type Slot } from './datadir.ts'
import { MergedStream } from './merged.ts'
import type { Server } from './server.ts'
import { watchRoom } from './room.ts'
import { parseConninfo } from './settings.ts'
import { oldestWal } from './slots.ts'
import { BROKEN_LOGIN } from './defects.ts'
import { applySynchronousStandbys } from './syncrep.ts'
import { unwrittenUs } from './unwritten.ts'

const STREAMING = defineEvent('postgres.streaming')
const LINK_LOST = defineEvent('postgres.replication-lost')
const DIVERGED = defineEvent('postgres.diverged')
const WAL_REMOVED = defineEvent('postgres.wal-removed')
const NO_SLOT = defineEvent('postgres.slot-missing')

/** One replication connection, as the sending server shows it in pg_stat_replication. */
export class Walsender {
  state: 'startup' | 'catchup' | 'streaming' = 'startup'
  /** Nothing passes (partition, a paused end), but neither side has given up yet. */
  frozen = false
  readonly pid: number
  readonly startedAtUs: Us
  private giveUp: TimerId | undefined
  private frozenSinceUs: Us = 0
  private readonly gone: (() => void)[] = []

  constructor(
    readonly upstream: Server,
    readonly standby: Server,
    readonly applicationName: string,
    readonly slot: Slot | undefined,
    private readonly receiver: Receiver,
  ) {
    this.pid = upstream.newPid()
    this.startedAtUs = upstream.world.sim.now
    upstream.walsenders.push(this)
    if (slot === undefined) return
    slot.active = true
    if (Number.isFinite(slot.restartLsn)) return
    slot.restartLsn = standby.copy.lsn('flush')
    watchRoom(upstream)
  }

  /** Delay that a fault adds to this connection. */
  extraDelayUs: Us = 0
  private flushDelayUs: Us | undefined

  /** What the upstream merges of other databases comes with its WAL. */
  merged: MergedStream | undefined

  get delayUs(): Us {
    return this.upstream.world.network.delayUs(this.upstream.place, this.standby.place) + this.extraDelayUs + unwrittenUs(this.upstream)
  }

  /** The link as network, disk and faults make it now. */
  link(): Link {
    const { world } = this.upstream
    this.flushDelayUs ??= world.timeUs('standbyFlushMs', this.standby.name)
    return {
      delayUs: this.delayUs,
      ackDelayUs: world.network.delayUs(this.standby.place, this.upstream.place),
      flushDelayUs: Math.round(this.flushDelayUs * Math.max(1, this.standby.diskSlowdown) * this.standby.slowness),
      bytesPerSecond: Math.min(world.network.bytesPerSecond(this.upstream.place, this.standby.place), world.bytesPerSecond('replicationMBps', this.standby.name) / Math.max(1, this.standby.diskSlowdown / 4)),
    }
  }

  /** Network or disk changed: the link follows. */
  relink(): void {
    if (this.state === 'startup') return
    this.standby.copy.setLink(this.link())
    this.merged?.relink()
  }

  onGone(listener: () => void): void {
    this.gone.push(listener)
  }

  /** Looks again whether packets pass; a silent connection is given up after wal_sender_timeout and wal_receiver_timeout (rule PG-SYNC-6). */
  reachChanged(): void {
    const { world } = this.upstream
    const frozen = this.upstream.paused || this.standby.paused || !world.network.connected(this.upstream.place, this.standby.place)
    if (frozen === this.frozen) return
    this.frozen = frozen
    const receiverUs = this.standby.settingUs('wal_receiver_timeout', world.options.walReceiverTimeoutSeconds * SECOND)
    if (!frozen) {
      if (this.giveUp !== undefined) world.sim.cancel(this.giveUp)
      this.giveUp = undefined
      // The standby may have given up meanwhile: then its end of the connection is gone, and the first packet through says so.
      if (receiverUs > 0 && world.sim.now - this.frozenSinceUs >= receiverUs) return this.close('the standby had given the connection up')
      if (this.state !== 'startup') this.standby.copy.thaw('receive')
      this.merged?.freeze(false)
      world.topologyChanged()
      return
    }
    this.frozenSinceUs = world.sim.now
    if (this.state !== 'startup') this.standby.copy.freeze('receive')
    this.merged?.freeze(true)
    // The sending side counts: as long as it believes in the standby, commits wait for it. 0 = for ever.
    const senderUs = this.upstream.settingUs('wal_sender_timeout', world.options.walSenderTimeoutSeconds * SECOND)
    if (senderUs > 0) {
      this.giveUp = world.sim.after(senderUs, () => {
        this.giveUp = undefined
        this.close('nothing was heard for the time-out')
      })
    }
    world.topologyChanged()
  }

  /** The standby's link by pg_terminate_backend, or either side's end. */
  close(why: string): void {
    const i = this.upstream.walsenders.indexOf(this)
    if (i < 0) return
    this.upstream.walsenders.splice(i, 1)
    const { sim } = this.upstream.world
    if (this.giveUp !== undefined) sim.cancel(this.giveUp)
    if (this.frozen && this.state !== 'startup') this.standby.copy.thaw('receive')
    this.merged?.end()
    if (this.slot !== undefined) {
      this.slot.active = false
      this.slot.restartLsn = Math.max(this.slot.restartLsn, this.standby.copy.lsn('flush'))
    }
    if (this.state !== 'startup') {
      this.standby.copy.unfollow()
      sim.note(LINK_LOST, this.standby.name, 0, `${this.standby.name} lost its upstream ${this.upstream.name}: ${why}`)
    }
    applySynchronousStandbys(this.upstream)
    for (const listener of this.gone) listener()
    this.receiver.closed(this)
    if (this.standby.alive) this.standby.host.readinessChanged()
    this.upstream.world.topologyChanged()
  }

  upstreamGone(): void {
    this.close('the upstream process ended')
  }

  /** A cascaded standby follows its promoted upstream: the stream ends at the switch point and is taken up on the new timeline. */
  upstreamSwitchedTimeline(): void {
    this.close('end of the old timeline')
    this.receiver.takeUpAgain()
  }
}

/** The walreceiver of one standby: connects, follows, and tries again every wal_retrieve_retry_interval (rules PG-FOLLOW-1…7). */
export class Receiver {
  sender: Walsender | undefined
  /** Why it does not stream, for pg_stat_wal_receiver, logs and stories. */
  trouble = ''
  private stopped = false
  private timer: TimerId | undefined
  private lastAttemptUs: Us = 0
  private failing = false
  private readonly forget: () => void

  constructor(private readonly server: Server) {
    // Instead of an event every five seconds for as long as nobody is there: an attempt at the next tick after something changed.
    this.forget = server.world.onTopology(() => this.sender === undefined && this.schedule())
  }

  get streaming(): boolean {
    return this.sender?.state === 'streaming'
  }

  /** It is going to try to connect. */
  get attemptDue(): boolean {
    return this.timer !== undefined
  }

  start(): void {
    this.attempt()
  }

  stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.forget()
    if (this.timer !== undefined) this.server.world.sim.cancel(this.timer)
    this.sender?.close('the receiving server stopped')
  }

  /** primary_conninfo or the slot changed by reload: the connection is made anew at once. */
  repoint(): void {
    if (this.timer !== undefined) this.server.world.sim.cancel(this.timer)
    this.timer = undefined
    this.sender?.close('primary_conninfo changed')
    if (this.timer !== undefined) this.server.world.sim.cancel(this.timer)
    this.timer = this.server.world.sim.after(1, () => this.attempt())
  }

  /** The stream ended at a timeline switch: the same walreceiver goes on with the new timeline, without waiting for the next attempt. */
  takeUpAgain(): void {
    if (this.stopped) return
    if (this.timer !== undefined) this.server.world.sim.cancel(this.timer)
    this.timer = this.server.world.sim.after(1_000, () => this.attempt())
  }

  reachChanged(): void {
    this.sender?.reachChanged()
  }

  /** The connection ended, from whichever side. */
  closed(sender: Walsender): void {
    if (this.sender === sender) this.sender = undefined
    if (!this.stopped) this.schedule()
  }

  private retryUs(): Us {
    return this.server.settingUs('wal_retrieve_retry_interval', this.server.world.options.walRetrieveRetrySeconds * SECOND)
  }

  /** Plans the next attempt on the retry grid, unless one is planned. */
  private schedule(): void {
    if (this.stopped || this.timer !== undefined) return
    const { sim } = this.server.world
    const retryUs = this.retryUs()
    const since = sim.now - this.lastAttemptUs
    // A stream that ended after more than one interval is taken up at once; after a failed attempt the next comes on the grid of intervals.
    const waitUs = this.failing || since < retryUs ? (Math.floor(since / retryUs) + 1) * retryUs - since : 5_000
    this.timer = sim.after(waitUs, () => this.attempt())
  }

  private attempt(): void {
    this.timer = undefined
    if (this.stopped || this.sender !== undefined || !this.server.alive || this.server.paused) return
    const { world } = this.server
    this.lastAttemptUs = world.sim.now
    this.failing = true
    const target = this.target()
    if (typeof target === 'string') {
      this.trouble = target
      return
    }
    const { upstream, applicationName, slotName } = target
    if (upstream.dir.systemId !== this.server.dir.systemId) {
      this.trouble = 'database system identifier differs between the primary and standby'
      return
    }
    if (major(upstream.host.version) !== major(this.server.host.version)) {
      this.trouble = 'incompatible WAL of another major version'
      return
    }
    if (world.defects.partsThem(upstream, this.server)) {
      this.trouble = `invalid resource manager ID in WAL of ${upstream.name}`
      return
    }
    if (followsAlready(upstream, this.server)) {
      this.trouble = `${upstream.name} follows this very server`
      return
    }
    let slot: Slot | undefined
    if (slotName !== '') {
      slot = upstream.dir.slots.get(slotName)
      if (slot === undefined || slot.lost || slot.active) return this.refusedSlot(upstream, slotName, slot)
    }
    const received = this.server.copy.position('receive')
    if (!contains(upstream.copy.position('flush'), received)) return !upstream.copy.leading && contains(received, upstream.copy.position('flush')) ? this.ahead(upstream, received.lsn) : this.diverged(upstream, applicationName)
    const oldest = oldestWal(upstream)
    if (this.server.copy.lsn('receive') < oldest) {
      this.trouble = `requested WAL segment has already been removed (needs ${formatLsn(this.server.copy.lsn('receive'))}, oldest is ${formatLsn(oldest)})`
      world.sim.note(WAL_REMOVED, this.server.name, 0, `${this.server.name} cannot follow ${upstream.name}: ${this.trouble}`)
      return
    }
    this.connect(upstream, applicationName, slot)
  }

  private refusedSlot(upstream: Server, name: string, slot: Slot | undefined): void {
    this.trouble = slot === undefined ? `replication slot "${name}" does not exist` : slot.lost ? `can no longer get changes from replication slot "${name}"` : `replication slot "${name}" is active`
    upstream.world.sim.note(NO_SLOT, this.server.name, 0, `${this.server.name} cannot follow ${upstream.name}: ${this.trouble}`)
    if (slot?.active) this.schedule()
  }

  /** The upstream is a standby that has less of the same history: refused until it has caught up (rule PG-FOLLOW-7). */
  private ahead(upstream: Server, lsn: number): void {
    this.trouble = `requested starting point ${formatLsn(lsn)} is ahead of the WAL flush position of this server ${formatLsn(upstream.copy.lsn('flush'))}`
    upstream.copy.whenReaches('flush', lsn, () => this.sender === undefined && this.schedule())
  }

  /** The standby has WAL that the upstream's history does not: it tries again for ever, and shows up there in state `startup`. */
  private diverged(upstream: Server, applicationName: string): void {
    const { world } = upstream
    this.trouble = parting(upstream, this.server)
    world.sim.note(DIVERGED, this.server.name, upstream.dir.timeline, `${this.server.name} has diverged from ${upstream.name}: ${this.trouble}`)
    this.sender = new Walsender(upstream, this.server, applicationName, undefined, this)
    this.sender.reachChanged()
    world.topologyChanged()
  }

  private connect(upstream: Server, applicationName: string, slot: Slot | undefined): void {
    const { world } = upstream
    const sender = new Walsender(upstream, this.server, applicationName, slot, this)
    this.sender = sender
    this.failing = false
    this.trouble = ''
    const handshakeUs = world.timeUs('repointMs', this.server.name)
    world.sim.after(handshakeUs, () => {
      if (this.sender !== sender || this.stopped) return
      // Things may have moved during the handshake: look once more before taking up the stream.
      if (!contains(upstream.copy.position('flush'), this.server.copy.position('receive')) || followsAlready(upstream, this.server)) {
        sender.close('things moved during the handshake')
        return
      }
      this.server.copy.follow(upstream.copy, sender.link())
      sender.state = 'catchup'
      sender.merged = new MergedStream(upstream, this.server, () => sender.link())
      this.server.streamed = true
      this.server.dir.timeline = upstream.dir.timeline
      sender.reachChanged()
      this.awaitTracking(sender)
      world.topologyChanged()
    })
  }

  /**
   * A stream is `catchup` until it has sent all there is, then `streaming`. Instead of asking all the time: what was the end when we looked is
   * waited for; if that took no longer than the way there, the stream has caught up, otherwise look again.
   */
  private awaitTracking(sender: Walsender): void {
    const { upstream } = sender
    const { world } = upstream
    const end = upstream.copy.lsn('flush')
    const lookedAtUs = world.sim.now
    this.server.copy.whenReaches('receive', end, () => {
      if (this.sender !== sender || sender.state !== 'catchup') return
      if (world.sim.now - lookedAtUs > 2 * sender.delayUs + 2_000) return this.awaitTracking(sender)
      sender.state = 'streaming'
      world.sim.note(STREAMING, this.server.name, upstream.dir.timeline, `${this.server.name} streams from ${upstream.name} on timeline ${upstream.dir.timeline}`)
      applySynchronousStandbys(upstream)
      this.server.host.readinessChanged()
      world.topologyChanged()
    })
  }

  /** The server that primary_conninfo leads to now, or why none. */
  private target(): { upstream: Server; applicationName: string; slotName: string } | string {
    const { world, settings } = this.server
    const info = parseConninfo(settings.primary_conninfo ?? '')
    const host = info.host
    if (host === undefined || host === '') return 'primary_conninfo names no host'
    const upstream = findServer(this.server, host)
    if (typeof upstream === 'string') return upstream
    if (upstream === this.server) return 'primary_conninfo leads to the server itself'
    if (!world.network.connected(this.server.place, upstream.place)) return `connection to server at "${host}" failed: Connection timed out`
    if (upstream.broken) return `connection to server at "${host}" failed: ${BROKEN_LOGIN}`
    if (!upstream.accepting) return `connection to server at "${host}" failed: FATAL:  the database system is ${upstream.state === 'stopping' ? 'shutting down' : 'starting up'}`
    return { upstream, applicationName: info.application_name ?? settings.cluster_name ?? 'walreceiver', slotName: settings.primary_slot_name ?? '' }
  }
}

/** What the log of a standby says whose history is not its upstream's: by the timelines' numbers, which is all that either side compares first (rule PG-FOLLOW-8). */
function parting(upstream: Server, standby: Server): string {
  const theirs = upstream.dir.timeline
  const mine = standby.dir.timeline
  const at = formatLsn(standby.copy.lsn('receive'))
  if (theirs > mine) return `new timeline ${theirs} forked off current database system timeline ${mine} before current recovery point ${at}`
  if (theirs < mine) return `highest timeline ${theirs} of the primary is behind recovery timeline ${mine}`
  return `record with incorrect prev-link at ${at}`
}

/**
 * Whether `upstream` gets its WAL from `standby`, directly or not. Two standbys that follow each other would stream nothing for ever; the
 * model leaves the second connection out, which moves no byte either.
 */
function followsAlready(upstream: Server, standby: Server): boolean {
  for (let at: Server | undefined = upstream; at !== undefined; at = at.receiver?.sender?.upstream) if (at === standby) return true
  return false
}

/** The server behind a host name as `from` would reach it: a pod's DNS name, or a Service by its endpoints. */
export function findServer(from: Server, host: string): Server | string {
  const { world } = from
  const resolved = world.kubernetes.resolve(host)
  if (resolved === undefined) return `could not translate host name "${host}" to address: Name or service not known`
  let pod: PodView
  if (resolved.is === 'pod') pod = resolved.pod
  else {
    const route = world.kubernetes.route(resolved.service, from.name, from.incarnation)
    if (route.is !== 'pod') return `connection to server at "${host}" failed: Connection refused`
    pod = route.pod
  }
  return world.serverIn(pod) ?? `connection to server at "${host}" failed: Connection refused`
}

const majors = new Map<string, string>()

/** `15.8` → `15`. */
export function major(version: string): string {
  let known = majors.get(version)
  if (known === undefined) majors.set(version, (known = version.split('.')[0] as string))
  return known
}

/** Whether a directory's history is contained in a server's. */
export function onHistoryOf(server: Server, dir: DataDirectory): boolean {
  return contains(server.copy.position('flush'), dir.position)
}
