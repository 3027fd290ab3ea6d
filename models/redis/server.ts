/** One incarnation of a redis-server process on a data directory. What it does on the bus stands in the files named after it. */
import type { Copy, ReplicatedLog } from '../../src/cluster/log/index.ts'
import { MILLISECOND, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import { LogBook } from '../kubernetes/container.ts'
import type { DataDir, Image } from './data.ts'
import { Dataset, unpack } from './dataset.ts'
import { DEMOTED, DOWN, MANUAL, PAUSED, SHUTDOWN, START_FAILED, STARTED, UP } from './events.ts'
import { Holds } from './holds.ts'
import type { Host } from './host.ts'
import { inherit, leadOn, owns } from './lead.ts'
import { versionNumber } from './names.ts'
import { imageAtEnd, imageToLoad, type Ending, saves } from './persistence.ts'
import { type Listener, Numbers } from './listener.ts'
import { newUpstream, replicasLeft, type Upstream } from './replication.ts'
import { Table } from './table.ts'
import type { World } from './world.ts'

/** A pending CLUSTER MEET. */
export interface Handshake {
  readonly ip: string
  readonly sinceUs: Us
  readonly id: string
}

export class Server {
  state: 'loading' | 'up' | 'stopping' | 'down' = 'loading'
  private readonly stoppedBy = new Set<string>()
  /** Saving in the foreground: answers nothing either. */
  blocked = false
  /** What it has in memory. */
  readonly data: Dataset
  /** How much data that is. */
  sizeMB = 0
  /** The first byte of the dataset's history that its backlog can still send. */
  backlogFrom = 0
  /** It knows a replication id and offset to go on from: not after a start from an append-only file or a dump of a crash. */
  resumable = false
  /** Since when, and from which byte on, this dataset has been in memory: what background saves are reckoned from. */
  datasetSinceUs: Us = 0
  savedFromOffset = 0
  /** A save that somebody asked for: under way since then, and the last that was done. */
  savingSinceUs: Us | undefined
  savedAtUs: Us | undefined
  upstream: Upstream | undefined
  readonly downstream = new Set<Upstream>()
  /** Replicas that wait for a full synchronisation, and whether one is about to begin. */
  readonly syncQueue: Upstream[] = []
  syncTimer: TimerId | undefined
  readonly listeners = new Set<Listener>()
  readonly clientNumbers = new Numbers()
  readonly config = new Map<string, string>()
  readonly logBook = new LogBook(() => this.world.sim.now)

  // Cluster state (state.ts).
  clusterOk = false
  stateSinceUs: Us | undefined
  minorityUs = Number.NEGATIVE_INFINITY
  // Elections (failover.ts). They outlive roles: only a restart of the process clears them (rule RD-MANUAL-4).
  authUs = Number.NEGATIVE_INFINITY
  authSent = false
  authCount = 0
  authRank = 0
  authEpoch = 0
  // Manual failover: on the replica, and (mfReplica) on its master.
  mfEndUs = 0
  mfCanStart = false
  mfMasterOffset = -1
  mfReplica: string | undefined
  /** What its clients wait for. */
  readonly holds = new Holds(this)
  readonly blacklist = new Map<string, Us>()
  /** Keys of slots that are another’s, by slot, and shares that are leaving this instant (moving.ts). */
  readonly strays = new Map<number, number>()
  readonly leaving = new Set<ReplicatedLog>()
  readonly meets: Handshake[] = []
  // The bus (bus.ts).
  phaseUs: Us = 0
  /** Its first tick that has not been counted yet, and the next in which it has something to do (bus.ts). */
  nextTickUs: Us = 0
  dueUs: Us = 0
  /** How often the bus had been stirred when it last looked. */
  stirs = -1
  iteration = 0
  draws = 0
  packets = 0
  /** Packets sent and received on the bus. */
  sent = 0
  received = 0
  /** Looks at once whether to stand for election, or whether it has won: set when it joins the bus. */
  poke: () => void = () => {}
  readonly key: string
  readonly busLuck: (nth: number) => number
  readonly startedAtUs: Us
  readonly table: Table
  private readonly timers = new Set<TimerId>()
  /** How often it was told to stop, or not to; and whether it only waits for its replicas. */
  private stops = 0
  private waitsToStop = false

  constructor(
    readonly world: World,
    readonly dir: DataDir,
    readonly host: Host,
    readonly incarnation: number,
  ) {
    this.startedAtUs = world.sim.now
    this.key = `${host.pod}#${world.dirs.indexOf(dir)}.${world.uniform(host.pod, 'process').toString(36).slice(2, 8)}`
    this.busLuck = world.sim.chance.drawer(this.key, 'bus')
    // Without a nodes.conf it is a new node (rule RD-ID-1).
    dir.table ??= new Table(world.newId(host.pod), world.ranges.length, world.acquaintances)
    this.table = dir.table
    this.data = new Dataset(dir)
    world.began(this)
  }

  get name(): string {
    return this.host.pod
  }

  get place(): string {
    return this.host.place
  }

  get id(): string {
    return this.table.myself.id
  }

  get alive(): boolean {
    return this.state !== 'down'
  }

  /** It stands still, stopped from outside or asleep: holds its sockets, answers nothing. */
  get paused(): boolean {
    return this.stoppedBy.size > 0
  }

  /** Its event loop runs and its ports answer; while it loads at its start it takes no part in the bus (rule RD-LOAD-1). */
  get onBus(): boolean {
    return (this.state === 'up' || this.state === 'stopping') && !this.paused && !this.blocked
  }

  get isMaster(): boolean {
    return this.table.myself.role === 'master'
  }

  get version(): number {
    return versionNumber(this.host.version)
  }

  /** What it has of the first share in memory; undefined = it is empty. */
  get copy(): Copy | undefined {
    return this.data.first
  }

  get loading(): boolean {
    return this.state === 'loading' || this.upstream?.state === 'loading'
  }

  get slowness(): number {
    return this.host.slowdown() * this.world.defects.slowness(this.host)
  }

  /** Replication offset at an instant up to now. */
  offsetAt(us: Us): number {
    return this.data.offsetAt(us)
  }

  get offset(): number {
    return this.data.offset
  }

  setting(name: string, otherwise: string): string {
    return this.config.get(name) ?? otherwise
  }

  get nodeTimeoutUs(): Us {
    const set = this.config.get('cluster-node-timeout')
    return set === undefined ? Math.round(this.world.options.nodeTimeoutSeconds * SECOND) : Number(set) * MILLISECOND
  }

  /** cluster-replica-no-failover: it does not stand unless it is told to (rule RD-ELECT-7). */
  get cannotFailover(): boolean {
    return this.setting('cluster-replica-no-failover', 'no') === 'yes'
  }

  get minReplicas(): number {
    return Number(this.setting('min-replicas-to-write', String(this.world.options.minReplicasToWrite)))
  }

  /** Replicas whose link is up and not too far behind: fewer than min-replicas-to-write, and writes are refused (rule RD-REPL-6). */
  get goodReplicas(): number {
    let good = 0
    for (const link of this.downstream) if (link.state === 'up' && !link.stalledFor(this.world.options.minReplicasMaxLagSeconds * SECOND)) good++
    return good
  }

  /** Whether a write to a shard's slots would be acknowledged here now, whoever reaches it. */
  canAcknowledge(log: ReplicatedLog): boolean {
    if (!this.onBus || this.state !== 'up' || this.holds.writes || this.loading) return false
    if (this.data.of(log)?.leading !== true || !this.isMaster) return false
    return this.serves(this.world.groupOf(log)) && (owns(this, log) || this.table.importing.has(this.world.slotOf(log))) && !this.leaving.has(log) && this.goodReplicas >= this.minReplicas
  }

  /** Whether keys of a slot group are answered, as far as the cluster's state goes (rule RD-STATE-1). */
  serves(_group: number): boolean {
    return this.clusterOk
  }

  later(us: Us, action: () => void): void {
    const timer = this.world.sim.after(us, () => {
      this.timers.delete(timer)
      if (this.alive) action()
    })
    this.timers.add(timer)
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts: at once when the story begins with it running, otherwise in its own time. */
  start(atBoot: boolean): void {
    const { world, host } = this
    world.sim.note(STARTED, this.name, this.incarnation)
    if (world.defects.of(host, 'crashes')) return this.refuse('=== REDIS BUG REPORT START === crashed by signal: 11', 139)
    const image = imageToLoad(this)
    const tooNew = image !== undefined && image.rdbVersion > this.rdbReads
    if (tooNew || (image !== undefined && world.defects.of(host, 'cannot-read'))) {
      return this.refuse(`Can't handle RDB format version ${image.rdbVersion}\nFatal error loading the DB, check server logs. Exiting.`, 1)
    }
    if (atBoot) return this.up(this.dir.boot)
    const heldUs = Math.max(0, (world.heldUntilUs.get(this.name) ?? 0) - world.sim.now)
    const rate = world.rateMBps(image !== undefined && world.options.appendonly ? 'aofLoadMBps' : 'rdbLoadMBps', this.name)
    const loadUs = image === undefined ? 0 : (image.sizeMB / rate) * SECOND * host.diskSlowdown() * (world.loadFactor.get(this.name) ?? 1)
    this.later(heldUs + Math.round(this.slowness * (world.timeUs('startMs', this.name) + loadUs)), () => this.up(imageToLoad(this)))
    world.byAddress.set(host.address, this)
    host.readinessChanged()
    world.changed()
  }

  private get rdbReads(): number {
    const v = this.version
    return v >= 704 ? 12 : v >= 702 ? 11 : v >= 700 ? 10 : 9
  }

  /** The dataset in memory is another one now. */
  datasetIs(): void {
    this.datasetSinceUs = this.world.sim.now
    this.savedFromOffset = this.offset
  }

  private refuse(why: string, code: number): void {
    this.logBook.add(why)
    this.later(60_000, () => {
      this.world.sim.note(START_FAILED, this.name, 0, `${this.name} does not start: ${why.split('\n')[0]}`)
      this.die('refused', code)
    })
  }

  private up(image: Image | undefined): void {
    const { world, dir, host } = this
    const { sim, options } = world
    this.table.forgetVolatile(sim.now)
    const { myself } = this.table
    if (options.announceIp) myself.ip = host.address
    if (options.announceHostname) myself.hostname = host.hostname
    this.data.become(image === undefined ? [] : unpack(dir, image.parts), image?.beside ?? 0)
    if (image !== undefined) {
      this.sizeMB = image.sizeMB
      this.resumable = image.resumable
      this.backlogFrom = this.offset
    }
    this.datasetIs()
    this.state = 'up'
    world.acquaintances.n++
    world.byAddress.set(host.address, this)
    sim.note(UP, this.name, this.incarnation)
    if (this.isMaster && myself.slots > 0) leadOn(this)
    else if (!this.isMaster) newUpstream(this)
    world.bus.join(this)
    host.readinessChanged()
    world.changed()
  }

  /** SIGTERM or SHUTDOWN: writes wait for the replicas, unless it is to go `now`, then the data is saved, then it exits (rule RD-STOP-1). */
  shutdown(save: 'default' | 'nosave' | 'save' = 'default', now = false): void {
    if (!this.alive || this.state === 'stopping') return
    const { world } = this
    world.sim.note(SHUTDOWN, this.name, 0, `${this.name} was told to shut down`)
    if (this.state === 'loading') return void this.later(10 * MILLISECOND, () => this.die('nosave', 0))
    this.state = 'stopping'
    const nth = ++this.stops
    const finish = (): void => {
      if (nth !== this.stops) return
      this.waitsToStop = false
      const writes = save === 'save' || (save === 'default' && saves(this))
      const saveUs = writes && this.copy !== undefined ? (this.sizeMB / world.rateMBps('rdbSaveMBps', this.name)) * SECOND * this.host.diskSlowdown() : 0
      world.bus.catchUp()
      this.blocked = saveUs > 0
      if (this.blocked) world.bus.stir()
      this.later(Math.round(this.slowness * (world.timeUs('stopMs', this.name) + saveUs)), () => this.die(writes ? 'saved' : 'nosave', 0))
    }
    this.host.readinessChanged()
    if (!now && this.version >= 700 && this.isMaster && this.data.leading && this.downstream.size > 0) {
      this.waitsToStop = true
      this.holds.holdWrites(world.sim.now + world.options.shutdownTimeoutSeconds * SECOND)
      replicasLeft(this, world.options.shutdownTimeoutSeconds * SECOND, finish)
    } else finish()
    this.changed()
  }

  /** SHUTDOWN ABORT, while it waits for its replicas (rule RD-STOP-2). @returns whether there was anything to call off */
  abortShutdown(): boolean {
    if (this.state !== 'stopping' || !this.waitsToStop) return false
    this.stops++
    this.waitsToStop = false
    this.state = 'up'
    this.holds.releaseWrites()
    this.host.readinessChanged()
    this.changed()
    return true
  }

  /** Gone without a chance: signal, power loss, crash. */
  crash(ending: Ending, code: number): void {
    if (this.alive) this.die(ending, code)
  }

  private die(ending: Ending, code: number): void {
    const { world, dir } = this
    world.bus.catchUp()
    const wasUp = this.state !== 'loading'
    const { copies } = this.data
    for (const copy of copies) if (copy.leading) world.departures.push({ atUs: world.sim.now, member: this.name, position: copy.position('receive'), cause: world.faultStriking ? 'fault' : 'runbook' })
    if (wasUp) imageAtEnd(this, ending)
    this.state = 'down'
    world.acquaintances.n++
    for (const timer of this.timers) world.sim.cancel(timer)
    this.timers.clear()
    if (this.syncTimer !== undefined) world.sim.cancel(this.syncTimer)
    this.upstream?.stop()
    this.upstream = undefined
    for (const link of [...this.downstream, ...this.syncQueue]) link.lost('the connection to the master was closed')
    if (copies.length > 0 && wasUp) {
      for (const copy of copies) {
        if (copy.leading) copy.stopLeading(ending === 'saved' || ending === 'nosave' ? 'clean' : 'killed')
        copy.crash(true)
      }
      const image = imageToLoad(this)
      dir.dataset = image === undefined ? [] : unpack(dir, image.parts)
    }
    this.data.copies = []
    if (world.byAddress.get(this.host.address) === this) world.byAddress.delete(this.host.address)
    world.sim.note(DOWN, this.name, code, `${this.name} is down (${ending})`)
    world.bus.leave(this)
    world.ended(this)
    this.changed()
    this.host.exited(code)
  }

  pause(paused: boolean, by = 'signal'): void {
    const before = this.paused
    this.world.bus.catchUp()
    if (paused) this.stoppedBy.add(by)
    else this.stoppedBy.delete(by)
    if (this.paused === before) return
    this.world.sim.note(PAUSED, this.name, paused ? 1 : 0)
    this.linksChanged()
    this.world.bus.stir()
    this.host.readinessChanged()
    this.changed()
  }

  /** Who can reach whom changed. */
  linksChanged(): void {
    this.upstream?.reconsider()
    this.upstream?.relink()
    for (const link of [...this.downstream]) link.reconsider()
  }

  /** Tells clients and onlookers that this node's role, state or answers changed. */
  changed(): void {
    for (const listener of [...this.listeners]) listener.serverChanged()
    this.world.changed()
  }

  // ── roles ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes over its master's slots and leads their history from here (rule RD-ELECT-6). */
  takeOver(by: 'operator' | 'engine'): void {
    const { world, table } = this
    const old = table.master
    if (old === undefined) return
    world.acquaintances.n++
    const groups = table.groupsOf(old)
    this.upstream?.stop()
    this.upstream = undefined
    table.setMaster(table.myself)
    for (const group of groups) table.own(group, table.myself)
    this.resetManualFailover()
    if (groups.length > 0) inherit(this, old, groups, by)
    world.bus.stir()
    this.host.readinessChanged()
    this.changed()
  }

  /** Becomes a replica of `masterId` (clusterSetMaster). */
  follow(masterId: string): void {
    const { world, table } = this
    world.acquaintances.n++
    if (this.data.leading) {
      this.data.stopLeading('clean')
      world.sim.note(DEMOTED, this.name, 0, `${this.name} is a replica of ${world.serverById(masterId)?.name ?? masterId.slice(0, 8)} now`)
    }
    for (const group of table.groupsOf(table.myself)) table.own(group, undefined)
    table.setReplica(table.myself, masterId)
    for (const link of [...this.downstream]) if (link.replica.table.myself.masterId !== this.id) link.lost('the master is a replica now')
    this.resetManualFailover()
    newUpstream(this)
    world.bus.stir()
    this.host.readinessChanged()
    this.changed()
  }

  resetManualFailover(): void {
    if (this.mfReplica !== undefined) this.holds.releaseWrites()
    if (this.mfEndUs !== 0) this.world.sim.note(MANUAL, this.name, 0)
    this.mfEndUs = 0
    this.mfCanStart = false
    this.mfMasterOffset = -1
    this.mfReplica = undefined
  }
}
