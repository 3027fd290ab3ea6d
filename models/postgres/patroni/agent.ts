/**
 * Patroni in one container: it looks every loop_wait, and when something it watches changes, and does what follows. Source: Patroni patroni/ha.py
 * (_run_cycle, process_unhealthy_cluster, is_healthiest_node, demote), docs/replication_modes.rst, docs/dcs_failsafe_mode.rst; facts/postgres.md §4.
 */
import type { Disk } from '../../../src/cluster/disk.ts'
import { contains } from '../../../src/cluster/log/index.ts'
import { defineEvent, type Process, SECOND, Signal, type Task, type Us, within } from '../../../src/kernel/index.ts'
import type { ContainerHandle } from '../../kubernetes/container.ts'
import { checkpointUs } from '../checkpoints.ts'
import { cloneFrom } from '../clone.ts'
import { type DataDirectory, LINKED } from '../datadir.ts'
import { standbyConf, slotName } from '../standby-conf.ts'
import { usesSlots } from '../options.ts'
import { releaseSlots, reserveSlots } from '../room.ts'
import type { Server } from '../server.ts'
import { formatSettings, parseConf } from '../settings.ts'
import { divergedFrom, joinHistory } from '../copying.ts'
import { podDns } from '../topology.ts'
import type { Dcs } from './dcs.ts'
import { Renewal } from './renewal.ts'
import { keepSynchronous, untilNotSynchronous } from './synchronous.ts'

const DEMOTED = defineEvent('patroni.demoted')
const REWOUND = defineEvent('patroni.rewound')
const REINIT = defineEvent('patroni.reinit')
const SAFE = defineEvent('patroni.failsafe')

/** From a change of a watched object until a member acts on it. */
const WATCH_US = 100_000
/** A member that cannot reach the API tries again this often. */
const BLIND_US = SECOND

/** What the container does for it. */
export interface Body {
  readonly c: ContainerHandle
  readonly disk: Disk
  server(): Server | undefined
  dir(): DataDirectory | undefined
  /** Puts another data directory on the volume. */
  replace(dir: DataDirectory): void
  /** Starts the server on what is there. */
  launch(): void
}

export class Agent {
  readonly name: string
  private readonly woken = new Signal()
  private blindSinceUs: Us | undefined
  private over = false
  private stopping = false
  /** It is about to stop: no synchronous standby any more (rule PG-PATRONI-16). */
  leaving = false
  /** A reinit was asked for. */
  private toReinit = false
  private readonly children = new Set<{ kill(): void }>()
  /** It holds what an in-place upgrade of the leader made, and was started anew since (rule PG-MAJOR-6). */
  copied = false

  constructor(
    readonly dcs: Dcs,
    readonly body: Body,
  ) {
    this.name = body.c.pod.name
    dcs.agents.set(this.name, this)
    dcs.world.sim.spawn(this.run())
    this.watch()
  }

  get place(): string {
    return this.body.c.machine.name
  }

  /** Its process runs, and answers. */
  get answers(): boolean {
    return !this.over && this.body.c.running && this.body.server()?.paused !== true && this.body.c.machine.up && (this.dcs.paused || !this.foreign)
  }

  /** It has seen what was last written through the API. */
  get upToDate(): boolean {
    return this.answers && this.dcs.reachedFrom(this.place)
  }

  /** Its data is of another cluster than the one that its name stands for: Patroni refuses to run (rule PG-MAJOR-7). */
  private get foreign(): boolean {
    const id = this.body.dir()?.systemId
    return id !== undefined && this.dcs.systemId !== undefined && id !== this.dcs.systemId
  }

  /** Starts a program in its container: it ends with it. */
  start<T>(program: Process<T>): Task<T> {
    const task = this.dcs.world.sim.spawn(program)
    this.children.add(task)
    return task
  }

  /** The container is gone. */
  end(): void {
    this.over = true
    for (const child of this.children) child.kill()
    this.woken.fire()
    if (this.dcs.agents.get(this.name) === this) this.dcs.agents.delete(this.name)
  }

  /** Its server has ended: the next look comes at once when it was not Patroni that ended it. */
  serverEnded(): void {
    this.dcs.world.sim.after(SECOND, () => this.wake())
  }

  reinit(): void {
    this.toReinit = true
    this.wake()
  }

  wake(): void {
    if (this.over) return
    this.called = true
    this.woken.fire()
  }

  /** It was called while it was busy: it looks again at once. */
  private called = false

  private watch(): void {
    if (this.over) return
    this.dcs.changed.park(this.dcs.world.sim, () => {
      this.dcs.world.sim.after(WATCH_US, () => this.wake())
      this.watch()
    })
  }

  private *run(): Process {
    const { sim } = this.dcs.world
    const loopUs = this.dcs.options.loopWaitSeconds * SECOND
    // Members begin at different instants of the loop.
    let nextUs = sim.now + Math.round(loopUs * sim.chance.draw(this.name, 'patroni phase', this.body.c.incarnation + this.body.c.pod.uid.length))
    if (!this.body.c.atBoot) nextUs = sim.now
    while (!this.over) {
      if (!this.called) yield within(this.woken, Math.max(1, nextUs - sim.now))
      this.called = false
      if (this.over || this.stopping) return
      if (!this.body.c.machine.up || this.body.server()?.paused === true) {
        // A stopped process looks again when it goes on, at once if its time has come meanwhile.
        nextUs = sim.now + SECOND
        yield SECOND / 10
        continue
      }
      const again = yield* this.cycle()
      nextUs = sim.now + (again ?? loopUs)
    }
  }

  /** One look. Gives when to look again, if not after loop_wait. */
  private *cycle(): Process<Us | undefined> {
    const { dcs, name } = this
    const server = this.body.server()
    if (!dcs.reachedFrom(this.place)) return yield* this.blind(server)
    this.blindSinceUs = undefined
    const { holder } = dcs
    if (!dcs.paused && this.foreign) {
      if (server !== undefined) yield* this.stop(server, 'fast')
      return undefined
    }
    if (this.toReinit) return yield* this.rebuild(holder)
    if (server === undefined && dcs.paused) {
      // It starts nothing, and a leader without a server gives its key back (rule PG-PATRONI-11).
      if (dcs.leader === name) dcs.release(name, dcs.optimeLsn)
      return undefined
    }
    if (server === undefined) return yield* this.bringUp(holder)
    if (server.state === 'primary') {
      if (holder === name) return yield* this.lead(server)
      if (holder === undefined) {
        if (dcs.acquire(name)) this.took(server)
        return undefined
      }
      if (!dcs.paused) yield* this.demote(server, 'immediate', 'somebody else holds the leader key')
      return 0
    }
    if (server.state !== 'standby') {
      if (holder === name) dcs.renew(name, dcs.optimeLsn)
      return SECOND
    }
    if (holder === name) return yield* this.promote(server)
    if (holder !== undefined) return yield* this.follow(server, holder)
    if (!this.mayTry(server) || !dcs.acquire(name)) return undefined
    return yield* this.promote(server)
  }

  // ── leading ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *lead(server: Server): Process<Us | undefined> {
    const { dcs, name } = this
    dcs.renew(name, server.copy.lsn('flush'))
    dcs.point(name)
    const { failover } = dcs
    if (failover !== undefined && failover.candidate !== name) {
      if (this.candidates(server, failover.candidate, failover.leader === undefined).length > 0) {
        yield* this.handOver(server)
        return undefined
      }
      // Nobody could take it: what was asked for is forgotten.
      dcs.failover = undefined
      dcs.tell()
    }
    if (dcs.options.synchronousMode) keepSynchronous(this, server)
    return undefined
  }

  /** To whom it could be handed over: streaming standbys that lack no more than maximum_lag_on_failover, the synchronous alone but for a failover by name (rules PG-PATRONI-5, PG-PATRONI-14). */
  candidates(server: Server, wanted: string | undefined, failover = false): readonly Server[] {
    const limit = this.dcs.options.maximumLagOnFailoverMB * 1_048_576
    return server.walsenders
      .filter(s => s.state === 'streaming' && !s.frozen && (wanted === undefined || s.standby.name === wanted) && this.dcs.agents.get(s.standby.name)?.answers === true)
      .filter(s => (this.dcs.options.synchronousMode && !(failover && wanted !== undefined) ? this.dcs.sync?.includes(s.standby.name) === true : true))
      .map(s => s.standby)
      .filter(s => server.copy.lsn('flush') - s.copy.lsn('receive') <= limit)
  }

  /** A switchover: checkpoint, fast stop, and the key goes when a standby has received all of it (rule PG-PATRONI-4). */
  private *handOver(server: Server): Process {
    const renewal = new Renewal(this.dcs, this.place, server)
    yield* renewal.wait(checkpointUs(server))
    if (server.alive && server.state === 'primary') {
      server.checkpointDone()
      yield* this.stop(server, 'fast', renewal.look)
    }
    this.letGo()
    yield 2 * SECOND
    // Paused, what is down stays down: but who was demoted on request is started again at once (rule PG-PATRONI-11).
    if (this.dcs.paused && !this.over && this.body.server() === undefined) yield* this.bringUp(this.dcs.holder)
  }

  /** After a clean stop the key is given back, if somebody has all; otherwise it runs out. */
  private letGo(): void {
    const { dcs, name } = this
    const dir = this.body.dir()
    if (dir === undefined || dir.control !== 'shut down' || !dcs.reachedFrom(this.place)) return
    const end = dir.position
    const someone = [...dcs.agents.values()].some(a => a !== this && a.answers && a.body.server()?.state === 'standby' && contains((a.body.server() as Server).copy.position('receive'), { ...end, lsn: dir.checkpointLsn }))
    if (someone) dcs.release(name, dir.checkpointLsn)
  }

  // ── following ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *follow(server: Server, leader: string): Process<Us | undefined> {
    if (this.conninfoHost() !== podDns(this.dcs.world.options, leader)) {
      this.pointAt(leader)
      server.reload()
    }
    if (server.receiver?.streaming === true) return undefined
    const source = this.leaderServer(leader)
    if (source === undefined || !divergedFrom(server.dir, source)) return undefined
    yield* this.stop(server, 'fast')
    return yield* this.bringUp(leader)
  }

  private leaderServer(leader: string): Server | undefined {
    const server = this.dcs.world.serverOf(leader)
    return server?.state === 'primary' && this.dcs.world.network.connected(this.place, server.place) ? server : undefined
  }

  /** Starts the server: as primary if it still holds the key, else as a standby, rewound if its history went another way (rules PG-PATRONI-2, PG-PATRONI-6). */
  private *bringUp(holder: string | undefined): Process<Us | undefined> {
    const { dcs, name, body } = this
    const { world } = dcs
    let dir = body.dir()
    if (dir === undefined || (world.heldUntilUs.get(name) ?? 0) > world.sim.now) return SECOND
    // There is nothing to start: somebody has to give the control file its name back.
    if (dir.files.has(LINKED)) return undefined
    if (holder === name) {
      dcs.renew(name, dcs.optimeLsn)
      dir.files.delete('standby.signal')
      body.launch()
      return SECOND
    }
    const source = holder === undefined ? undefined : this.leaderServer(holder)
    if (source !== undefined && (dir.unusable || divergedFrom(dir, source))) {
      if (dir.unusable || !dir.isRewindable(world.options.rewindable)) {
        dir = yield* this.clone(source)
      } else {
        if (!dir.control.startsWith('shut down')) yield world.timeUs('crashStartMs', name)
        yield world.timeUs('rewindMs', name)
        if (!source.alive || this.over) return SECOND
        joinHistory(dir, source)
        world.sim.note(REWOUND, name, 0, `${name} was rewound to the history of ${source.name}`)
      }
      if (dir === undefined || this.over) return SECOND
    }
    dir.files.set('standby.signal', '')
    if (holder !== undefined) this.pointAt(holder)
    body.launch()
    return SECOND
  }

  private *clone(source: Server): Process<DataDirectory | undefined> {
    const { world } = this.dcs
    const result = yield* cloneFrom(world, source, this.name, this.place, { checkpoint: 'fast', slot: usesSlots(world.options) ? slotName(this.name) : undefined })
    if (typeof result === 'string') return undefined
    this.body.replace(result)
    return result
  }

  /** patronictl reinit: everything is thrown away and copied anew. */
  private *rebuild(holder: string | undefined): Process<Us | undefined> {
    this.toReinit = false
    const { name } = this
    const source = holder === undefined || holder === name ? undefined : this.leaderServer(holder)
    if (source === undefined) return undefined
    this.dcs.world.sim.note(REINIT, name, 0, `${name} is copied anew from ${source.name}`)
    yield* untilNotSynchronous(this)
    const server = this.body.server()
    if (server !== undefined) yield* this.stop(server, 'fast')
    this.leaving = false
    if ((yield* this.clone(source)) === undefined) return SECOND
    return yield* this.bringUp(holder)
  }

  // ── who may lead ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nobody leads: whether it is for this member to try (rule PG-PATRONI-3). */
  private mayTry(server: Server): boolean {
    const { dcs, name } = this
    const { leader: asked, candidate: wanted } = dcs.failover ?? {}
    if (wanted === name && (asked === undefined || !dcs.options.synchronousMode || dcs.sync?.includes(name) === true)) return true
    // Paused, nobody takes over whom nobody named (rule PG-PATRONI-11).
    if (dcs.paused) return false
    if (wanted !== undefined && wanted !== name) {
      const other = dcs.agents.get(wanted)
      if (other?.answers === true && other.body.server()?.state === 'standby') return false
    }
    if (dcs.options.synchronousMode && dcs.sync !== undefined && !dcs.sync.includes(name)) return false
    const received = server.copy.lsn('receive')
    if (dcs.optimeLsn - received > dcs.options.maximumLagOnFailoverMB * 1_048_576) return false
    for (const other of dcs.agents.values()) {
      if (other === this || !other.answers || !dcs.world.network.connected(this.place, other.place)) continue
      const theirs = other.body.server()
      if (theirs === undefined || theirs.dir.systemId !== server.dir.systemId) continue
      if (theirs.state === 'primary') return false
      if (theirs.state === 'standby' && theirs.copy.lsn('receive') > received && wanted !== name) return false
    }
    return true
  }

  private *promote(server: Server): Process<Us | undefined> {
    const { dcs, name } = this
    dcs.optimeLsn = server.copy.lsn('receive')
    if (dcs.options.synchronousMode) this.configure({ synchronous_standby_names: '' })
    if (dcs.options.synchronousMode) server.reload()
    if (!server.promote('engine')) return SECOND
    const turned = new Signal()
    const forget = dcs.world.onTopology(() => turned.fire())
    while (server.alive && server.state !== 'primary') {
      yield within(turned, SECOND)
      dcs.renew(name, dcs.optimeLsn)
    }
    forget()
    if (!server.alive) return SECOND
    this.took(server)
    return undefined
  }

  /** It leads: slots for the others, the Service, and everybody hears. */
  private took(server: Server): void {
    const { dcs, name } = this
    if (usesSlots(dcs.world.options)) reserveSlots(server, dcs.world.memberNames.filter(other => other !== name && !dcs.gone.has(other)))
    if (dcs.options.synchronousMode) this.dcs.sync = [name]
    dcs.systemId ??= server.dir.systemId
    dcs.failover = undefined
    dcs.point(name)
    dcs.tell()
  }

  // ── without the API ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * It cannot reach the API. A leader tries for retry_timeout and then stops leading, for somebody else may by now (rule PG-PATRONI-8); in failsafe mode it
   * goes on while every member answers it (PG-PATRONI-9). There is no watchdog: a leader whose Patroni does not run leads on (PG-PATRONI-10).
   */
  private *blind(server: Server | undefined): Process<Us> {
    const { dcs, name } = this
    const { sim, network, memberNames } = dcs.world
    this.blindSinceUs ??= sim.now
    if (server?.state !== 'primary' || dcs.leader !== name) return BLIND_US
    if (sim.now - this.blindSinceUs < dcs.options.retryTimeoutSeconds * SECOND) return BLIND_US
    const all = memberNames.every(member => member === name || (dcs.agents.get(member)?.answers === true && network.connected(this.place, (dcs.agents.get(member) as Agent).place)))
    if (dcs.options.failsafeMode && all) {
      sim.note(SAFE, name, 0, `${name} leads on without the API: every member answers it`)
      return dcs.options.loopWaitSeconds * SECOND
    }
    yield* this.demote(server, 'fast', 'it cannot reach the API')
    const dir = this.body.dir()
    if (dir !== undefined && this.body.server() === undefined) {
      dir.files.set('standby.signal', '')
      this.body.launch()
    }
    return BLIND_US
  }

  private *demote(server: Server, mode: 'fast' | 'immediate', why: string): Process {
    this.dcs.world.sim.note(DEMOTED, this.name, 0, `${this.name} is demoted: ${why}`)
    yield* this.stop(server, mode)
  }

  /** Stops the server and waits until it is gone. */
  private *stop(server: Server, mode: 'fast' | 'immediate', meanwhile?: () => void): Process {
    const gone = new Signal()
    const forget = this.dcs.world.onTopology(() => gone.fire())
    server.shutdown(mode)
    while (server.alive) {
      yield within(gone, SECOND)
      meanwhile?.()
    }
    forget()
  }

  /**
   * The container is told to stop: the server first, cleanly, and the key given back; then the process ends. Paused, Patroni ends and stops nothing: the server dies with
   * its container, and the key stays (rule PG-PATRONI-11).
   */
  *shutDown(): Process {
    this.stopping = true
    if (this.dcs.paused) return this.body.server()?.crash('SIGKILL')
    yield* untilNotSynchronous(this)
    const server = this.body.server()
    const led = server?.state === 'primary' && this.dcs.leader === this.name
    if (server !== undefined) yield* this.stop(server, 'fast')
    if (led) this.letGo()
  }

  // ── configuration ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private conninfoHost(): string | undefined {
    return /host=(\S+)/.exec(this.body.dir()?.files.get('postgresql.auto.conf') ?? '')?.[1]
  }

  private pointAt(leader: string): void {
    const { world } = this.dcs
    releaseSlots(this.body.dir(), world.memberNames)
    const [, value = ''] = /primary_conninfo = '(.*)'/.exec(standbyConf(world, this.name, podDns(world.options, leader))) ?? []
    this.configure({ primary_conninfo: value, ...(usesSlots(world.options) ? { primary_slot_name: slotName(this.name) } : {}) })
  }

  configure(values: Readonly<Record<string, string>>): void {
    const dir = this.body.dir()
    if (dir === undefined) return
    const parsed = parseConf(dir.files.get('postgresql.auto.conf') ?? '', 'postgresql.auto.conf')
    dir.files.set('postgresql.auto.conf', formatSettings({ ...(typeof parsed.error === 'string' ? {} : (parsed as Record<string, string>)), ...values }))
  }
}
