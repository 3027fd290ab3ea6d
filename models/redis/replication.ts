/** The replica's side of a replication link, and how a master serves it (rules RD-REPL-…). Source: replication.c; facts F12–F16. */
import { contains, type Link } from '../../src/cluster/log/index.ts'
import { MILLISECOND, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import type { Part } from './data.ts'
import { unpack, whenLevel } from './dataset.ts'
import { LINK_DOWN, LINK_UP, SYNC, WIPED } from './events.ts'
import { rdbVersion } from './names.ts'
import { saveNow } from './persistence.ts'
import type { Server } from './server.ts'

export type LinkState = 'connecting' | 'handshake' | 'waiting' | 'transfer' | 'loading' | 'up' | 'closed'

/** replicationCron: a lost master is tried again each second. */
const RETRY_US = SECOND

/** Gives a replica its link to the master that its table names; without an address it waits for one. */
export function newUpstream(replica: Server): void {
  const before = replica.upstream
  const downSinceUs = before === undefined ? undefined : before.downSinceUs ?? (before.state === 'up' ? replica.world.sim.now : undefined)
  before?.stop()
  replica.upstream = undefined
  const master = replica.table.master
  if (replica.isMaster || master === undefined || master.noaddr || master.ip === '') return
  replica.upstream = new Upstream(replica, master.ip, downSinceUs)
  replica.upstream.attempt()
}

export class Upstream {
  state: LinkState = 'connecting'
  master: Server | undefined
  /** Since when it has had no link; undefined while it has one, or if this process never had one. */
  downSinceUs: Us | undefined
  /** Extra delay that a fault puts on it. */
  extraDelayUs: Us = 0
  /** The numbers of this connection at either end, and since when it has been there (clients.ts). */
  idAtMaster = 0
  idAtReplica = 0
  connectedAtUs: Us = 0
  private timer: TimerId | undefined
  private stalledSinceUs: Us | undefined
  private snapshot: readonly Part[] = []
  private snapshotBeside = 0
  private snapshotMB = 0

  constructor(
    readonly replica: Server,
    /** Address of the master; the link stays with it until the table says otherwise. */
    readonly ip: string,
    downSinceUs: Us | undefined,
  ) {
    this.downSinceUs = downSinceUs
  }

  private get sim() {
    return this.replica.world.sim
  }

  /** Tries to connect now, and again each second. */
  attempt(): void {
    if (this.state === 'closed' || !this.replica.alive) return
    this.state = 'connecting'
    const { world } = this.replica
    const master = world.byAddress.get(this.ip)
    if (master === undefined || !this.reaches(master) || !master.onBus || master.loading || master === this.replica || !this.serving(master)) return this.wait(RETRY_US, () => this.attempt())
    if (world.defects.of(this.replica.host, 'breaks-replication') || (world.defects.of(master.host, 'breaks-replication') && this.replica.host.version !== master.host.version)) return this.wait(RETRY_US, () => this.attempt())
    this.master = master
    this.state = 'handshake'
    this.wait(world.timeUs('handshakeMs', this.replica.name), () => this.psync(master))
  }

  /** A replica without a link of its own answers -NOMASTERLINK. */
  private serving(master: Server): boolean {
    return master.isMaster || master.upstream?.state === 'up'
  }

  private reaches(master: Server): boolean {
    return this.replica.world.network.connected(this.replica.place, master.place) && !this.replica.world.bus.peersCut(this.replica, master)
  }

  private get broken(): boolean {
    const { master } = this
    return master === undefined || !master.alive
  }

  private psync(master: Server): void {
    if (this.broken || !this.reaches(master) || master.loading) return this.lost('the master does not answer')
    if (master.syncQueue.includes(this)) return
    this.idAtMaster = master.clientNumbers.take(1)
    this.connectedAtUs = this.sim.now
    if (this.canGoOn(master)) {
      master.downstream.add(this)
      this.wait(this.replica.world.timeUs('partialSyncMs', this.replica.name), () => this.join(master))
      return
    }
    this.state = 'waiting'
    queueFullSync(master, this)
  }

  /** Partial resynchronisation: what it lacks is in the backlog of a history that is its own (rules RD-REPL-2, RD-REPL-3). */
  private canGoOn(master: Server): boolean {
    const { replica } = this
    if (!replica.resumable || !this.shares(master)) return false
    for (const theirs of master.data.copies) {
      const mine = replica.data.of(theirs.log)
      if (mine !== undefined && !contains(theirs.position('receive'), mine.position('receive'))) return false
    }
    return replica.offset >= backlogStart(master, master.offset)
  }

  /** Whether the two have something of one history. */
  private shares(master: Server): boolean {
    return master.data.copies.some(theirs => this.replica.data.of(theirs.log) !== undefined)
  }

  private join(master: Server): void {
    const { replica } = this
    if (this.broken || (master.copy !== undefined && !this.shares(master))) return this.lost('the master is gone')
    for (const theirs of master.data.copies) {
      const mine = replica.data.of(theirs.log)
      if (mine !== undefined && !contains(theirs.position('flush'), mine.position('receive'))) return this.lost('the history is another one')
    }
    for (const theirs of master.data.copies) replica.data.of(theirs.log)?.follow(theirs, this.link())
    master.downstream.add(this)
    this.state = 'up'
    this.align()
    this.idAtReplica = replica.clientNumbers.take(1)
    this.downSinceUs = undefined
    this.stalledSinceUs = undefined
    replica.resumable = true
    this.sim.note(LINK_UP, replica.name, 0, `${replica.name} follows ${master.name}`)
    this.reconsider()
    replica.world.bus.stir()
    replica.changed()
    master.changed()
  }

  /** Its stream brought the keys of slots that came to the master, and took those that left, unless it stands still (rule RD-MOVE-2). */
  align(): void {
    const { master, replica } = this
    if (this.state !== 'up' || master === undefined || this.stalledSinceUs !== undefined || !replica.world.slotsMoved) return
    for (const theirs of master.data.copies) {
      if (replica.data.of(theirs.log) !== undefined) continue
      const position = theirs.position('receive')
      const copy = replica.dir.copyIn(theirs.log, position)
      copy.adopt(position)
      replica.data.take(copy, this.sim.now)
      copy.follow(theirs, this.link())
    }
    for (const mine of replica.data.copies) if (master.data.copies.length > 0 && master.data.of(mine.log) === undefined) replica.data.drop(mine)
    replica.data.beside = master.data.beside
    replica.sizeMB = master.sizeMB
    for (const link of replica.downstream) link.align()
  }

  private link(): Link {
    const { world, place, name } = this.replica
    const master = this.master as Server
    const there = world.network.delayUs(master.place, place) + this.extraDelayUs
    const bytesPerSecond = Math.min(world.rateMBps('replicationMBps', name) * 1_000_000, world.network.bytesPerSecond(master.place, place))
    return { delayUs: there, ackDelayUs: world.network.delayUs(place, master.place), flushDelayUs: 0, bytesPerSecond }
  }

  /** The link's delay or bandwidth changed. */
  relink(): void {
    if (this.state === 'up') this.replica.data.setLink(this.link())
  }

  // ── full synchronisation ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The master's child has begun to write an RDB for it. */
  beginTransfer(master: Server): void {
    const { replica } = this
    if (this.state !== 'waiting') return
    this.state = 'transfer'
    this.snapshot = master.data.parts()
    this.snapshotBeside = master.data.beside
    this.snapshotMB = master.sizeMB
    master.downstream.add(this)
    this.sim.note(SYNC, replica.name, Math.round(this.snapshotMB), `${replica.name} receives the whole dataset of ${master.name} (${Math.round(this.snapshotMB)} MB)`)
    const us = (this.snapshotMB / replica.world.rateMBps('fullSyncMBps', replica.name)) * SECOND * master.slowness
    this.wait(10 * MILLISECOND + Math.round(us), () => this.load(master))
  }

  /** Its own data goes first, then the new is loaded: from here on it has nothing (rule RD-REPL-5), for good where it cannot read it (RD-VERSION-2). */
  private load(master: Server): void {
    const { replica, snapshot } = this
    if (this.broken) return this.lost('the transfer was cut off')
    if (this.stalledSinceUs !== undefined) return this.wait(RETRY_US, () => this.load(master))
    // A master without slots has no shard: its emptiness replaces what the replica has in its own.
    const logs = (master.data.copies.length > 0 ? master : replica).data.copies.map(copy => copy.log)
    if (logs.length === 0) return this.join(master)
    const voids = logs.map(log => ({ log, position: { branch: log.genesis(0, 0), lsn: 0 } }))
    if (replica.copy !== undefined) {
      replica.data.unfollow()
      if (replica.sizeMB > 0 && this.snapshotMB < replica.sizeMB) this.sim.note(WIPED, replica.name, Math.round(replica.sizeMB), `${replica.name} throws its dataset away for the one of ${master.name}, which is ${this.snapshotMB === 0 ? 'empty' : 'smaller'}`)
    }
    replica.data.become(unpack(replica.dir, voids))
    replica.sizeMB = 0
    replica.resumable = false
    replica.datasetIs()
    // The other way round all is well (rule RD-VERSION-1).
    if (rdbVersion(master.host.version) > rdbVersion(replica.host.version)) {
      replica.logBook.add(`Can't handle RDB format version ${rdbVersion(master.host.version)}`)
      return this.lost('the replica cannot read the RDB of a newer version')
    }
    this.state = 'loading'
    replica.changed()
    const us = (this.snapshotMB / replica.world.rateMBps('rdbLoadMBps', replica.name)) * SECOND * replica.slowness * (replica.world.loadFactor.get(replica.name) ?? 1)
    this.wait(MILLISECOND + Math.round(us), () => this.loaded(master, snapshot))
  }

  private loaded(master: Server, snapshot: readonly Part[]): void {
    const { replica } = this
    if (master.copy !== undefined && !this.shares(master)) return this.lost('the master is gone')
    for (const { log, position } of snapshot) replica.data.of(log)?.adopt(position)
    replica.data.beside = this.snapshotBeside
    replica.sizeMB = this.snapshotMB
    replica.backlogFrom = replica.offset
    replica.resumable = true
    replica.datasetIs()
    // The file received stays on the volume, save points or not (rdb-del-sync-files no; rule RD-PERSIST-4).
    saveNow(replica, true)
    if (this.broken) return this.lost('the master is gone')
    this.join(master)
  }

  // ── ends ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether nothing has come through for at least this long. */
  stalledFor(us: Us): boolean {
    return this.stalledSinceUs !== undefined && this.sim.now - this.stalledSinceUs >= us
  }

  /** When the master last spoke. */
  get lastIoUs(): Us {
    return this.stalledSinceUs ?? this.sim.now
  }

  /** Reachability may have changed: a cut link freezes, and is given up after repl-timeout. */
  reconsider(): void {
    const { master, replica } = this
    if (this.state !== 'up' && this.state !== 'transfer') return
    if (master === undefined) return
    const stalled = !this.reaches(master) || master.paused || replica.paused
    if (stalled && this.stalledSinceUs === undefined) {
      this.stalledSinceUs = this.sim.now
      if (this.state === 'up') replica.data.freeze()
      const since = this.sim.now
      // Then it is no good replica any more.
      if (master.minReplicas > 0) master.later(replica.world.options.minReplicasMaxLagSeconds * SECOND + 1, () => master.changed())
      this.sim.after(replica.world.options.replTimeoutSeconds * SECOND, () => this.stalledSinceUs === since && this.lost('repl-timeout'))
    } else if (!stalled && this.stalledSinceUs !== undefined) {
      this.stalledSinceUs = undefined
      if (this.state === 'up') {
        replica.data.thaw()
        this.align()
      }
    }
  }

  /** The link is gone; the replica tries again after `againUs`. */
  lost(why: string, againUs: Us = RETRY_US): void {
    if (this.state === 'closed') return
    const { replica } = this
    const wasUp = this.state === 'up'
    this.leave()
    if (wasUp) {
      this.downSinceUs = this.sim.now
      this.sim.note(LINK_DOWN, replica.name, 0, `${replica.name} lost its master: ${why}`)
    }
    if (!replica.alive) return
    this.state = 'connecting'
    this.wait(againUs, () => this.attempt())
    replica.changed()
  }

  /** No more attempts. */
  stop(): void {
    if (this.state === 'up') this.downSinceUs = this.sim.now
    this.leave()
    this.state = 'closed'
  }

  private leave(): void {
    if (this.timer !== undefined) this.sim.cancel(this.timer)
    this.timer = undefined
    const { master, replica } = this
    if (master !== undefined) {
      const told = master.downstream.delete(this)
      const i = master.syncQueue.indexOf(this)
      if (i >= 0) master.syncQueue.splice(i, 1)
      if (told && master.alive) master.changed()
    }
    if (this.stalledSinceUs !== undefined && this.state === 'up') replica.data.thaw()
    this.stalledSinceUs = undefined
    if (this.state === 'up') replica.data.unfollow()
    this.master = undefined
    this.snapshot = []
  }

  private wait(us: Us, then: () => void): void {
    if (this.timer !== undefined) this.sim.cancel(this.timer)
    this.timer = this.sim.after(us, () => {
      this.timer = undefined
      if (this.state !== 'closed' && this.replica.alive) then()
    })
  }
}

/** The oldest byte that a master can still send to whoever comes back. */
export function backlogStart(master: Server, end: number): number {
  const size = master.world.options.replBacklogMB * 1_000_000 * master.world.backlogShare
  return Math.max(master.backlogFrom, end - size)
}

/** A replica needs everything: the RDB for all who wait begins repl-diskless-sync-delay after the first of them (rule RD-REPL-4). */
function queueFullSync(master: Server, link: Upstream): void {
  master.syncQueue.push(link)
  if (master.syncTimer !== undefined) return
  master.syncTimer = master.world.sim.after(Math.round(master.world.options.replDisklessSyncDelaySeconds * SECOND), () => {
    master.syncTimer = undefined
    if (!master.alive) return
    for (const waiting of master.syncQueue.splice(0)) waiting.beginTransfer(master)
  })
}

/** Calls `then` once every connected replica has all of the master's data, at the latest after `us` (rule RD-STOP-1). */
export function replicasLeft(master: Server, us: Us, then: () => void): void {
  const { copy } = master
  if (copy === undefined) return then()
  const waiting = new Set([...master.downstream].filter(link => link.state === 'up'))
  let over = false
  const finish = (): void => {
    if (over || !master.alive) return
    over = true
    then()
  }
  for (const link of waiting) {
    whenLevel(link.replica.data, master.data, () => {
      waiting.delete(link)
      if (waiting.size === 0) finish()
    })
  }
  if (waiting.size === 0) return finish()
  master.later(us, finish)
}
