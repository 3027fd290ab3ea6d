/**
 * The cluster bus: each node's clusterCron, ten times a second, with heartbeats exchanged as they are sent. A tick in which a node would find nothing
 * to do has no event: each tick says which one is the next that will, and whoever changes what that hangs on stirs the bus. While nothing at all is
 * silent or changing no tick has one: they are made up for, in order, as soon as something happens (rule RD-BUS-6; test/redis/lazy.test.ts).
 */
import { NEVER, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import { cron, TICK_US } from './cron.ts'
import { handleReplicaFailover } from './failover.ts'
import { calm } from './quiet.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** The bus must have been still for this long before its ticks are left out. */
const STILL_US: Us = 2 * SECOND

interface BusCut {
  readonly between: (a: string, b: string) => boolean
  /** Only heartbeats, or the members' whole traffic among themselves. */
  readonly all: boolean
}

export class Bus {
  /** In the order in which they tick. */
  servers: Server[] = []
  /** Ticks of the past are made up for: they were quiet ones, whatever has just changed. */
  replaying = false
  /** Grows when a process ends: links to it are gone. */
  links = 0
  /** Room for the indexes of those that a packet tells of: one packet at a time. */
  private told = new Int32Array(64)
  private quiet = false
  private changedUs: Us = 0
  private checkedUs: Us = 0
  /** How often it has been stirred, and when last: the present, or the instant that is being made up for. */
  private stirs = 0
  private stirredUs: Us = 0
  private replayUs: Us = 0
  private timer: TimerId | undefined
  private armedUs: Us = NEVER
  /** Since the last tick it has been stirred already: the timer stands at the earliest tick there is. */
  private awake = false
  private readonly cuts = new Set<BusCut>()

  constructor(private readonly world: World) {}

  get nowUs(): Us {
    return this.world.sim.now
  }

  join(server: Server): void {
    this.catchUp()
    const { sim } = this.world
    server.phaseUs = Math.floor(sim.chance.draw(server.key, 'cron phase', server.incarnation) * TICK_US)
    server.iteration = 0
    server.nextTickUs = sim.now + server.phaseUs
    this.servers.push(server)
    server.poke = () => handleReplicaFailover(server, sim.now)
    this.awake = false
    this.stir()
  }

  leave(server: Server): void {
    this.links++
    if (!this.servers.includes(server)) return
    this.catchUp()
    this.servers = this.servers.filter(s => s !== server)
    this.stir()
  }

  /** Something is silent or changing: every tick counts again. */
  stir(): void {
    const { now } = this.world.sim
    this.changedUs = now
    if (this.replaying) {
      this.stirs++
      this.stirredUs = this.replayUs
      return
    }
    if (this.quiet) {
      this.catchUp()
      this.quiet = false
      this.awake = false
    }
    this.stirs++
    this.stirredUs = now
    if (this.awake) return
    this.awake = true
    this.arm()
  }

  /** Makes up for the ticks that were left out before this instant. Whoever changes what a tick depends on calls it first. */
  catchUp(): void {
    const { now } = this.world.sim
    if (this.replaying) return
    if (this.quiet) this.replay(now)
    for (const server of this.servers) this.skipTo(server, now)
  }

  private replay(now: Us): void {
    const { stirs } = this
    this.replaying = true
    for (;;) {
      const next = this.next()
      if (next === undefined) break
      this.replayUs = this.dueUs(next)
      if (this.replayUs >= now) break
      this.look(next, this.replayUs)
    }
    this.replaying = false
    if (stirs === this.stirs) return
    // It was not as quiet as it looked.
    this.quiet = false
    this.awake = false
    this.stir()
  }

  /** The next tick of a server, now or later. */
  nextTickUs(server: Server): Us {
    const { now } = this.world.sim
    return server.nextTickUs >= now ? server.nextTickUs : server.nextTickUs + Math.ceil((now - server.nextTickUs) / TICK_US) * TICK_US
  }

  /** When a server has to look: as it said, or at its next tick when the bus was stirred since. */
  private dueUs(server: Server): Us {
    if (server.stirs === this.stirs && this.world.options.lazyBus) return server.dueUs
    const { stirredUs } = this
    return server.nextTickUs >= stirredUs ? server.nextTickUs : server.nextTickUs + Math.ceil((stirredUs - server.nextTickUs) / TICK_US) * TICK_US
  }

  /** Whose tick comes next. */
  private next(): Server | undefined {
    let next: Server | undefined
    let atUs = NEVER
    for (const server of this.servers) {
      const dueUs = this.dueUs(server)
      if (dueUs >= atUs) continue
      next = server
      atUs = dueUs
    }
    return next
  }

  /** Counts a server's ticks before an instant, in which there was nothing to do. While it stands still it does not count them. */
  private skipTo(server: Server, us: Us): void {
    if (server.nextTickUs >= us) return
    const ticks = Math.ceil((us - server.nextTickUs) / TICK_US)
    server.nextTickUs += ticks * TICK_US
    if (server.onBus || this.replaying) server.iteration += ticks
  }

  private look(server: Server, us: Us): void {
    this.skipTo(server, us)
    server.nextTickUs = us + TICK_US
    server.stirs = this.stirs
    server.dueUs = cron(server, us)
  }

  /** Room for at least `n` indexes, free until the next packet. */
  tellingOf(n: number): Int32Array {
    if (this.told.length < n) this.told = new Int32Array(2 * n)
    return this.told
  }

  /** Whether one member's packets to another's bus port are lost though the machines reach each other. */
  busCut(a: Server, b: Server): boolean {
    for (const cut of this.cuts) if (cut.between(a.name, b.name)) return true
    return false
  }

  /** The same for all traffic of members among themselves. */
  peersCut(a: Server, b: Server): boolean {
    for (const cut of this.cuts) if (cut.all && cut.between(a.name, b.name)) return true
    return false
  }

  cut(between: (a: string, b: string) => boolean, all: boolean): () => void {
    const cut = { between, all }
    this.cuts.add(cut)
    this.cutsChanged()
    return () => {
      if (this.cuts.delete(cut)) this.cutsChanged()
    }
  }

  private cutsChanged(): void {
    this.stir()
    for (const server of [...this.world.servers]) server.linksChanged()
    this.world.changed()
  }

  /** Whether a packet from `a` arrives at `b`'s bus port. */
  arrives(a: Server, b: Server): boolean {
    return this.world.network.arrives(a.place, b.place) && (this.cuts.size === 0 || !this.busCut(a, b))
  }

  /** Sends something that takes effect when it arrives, over the sender's own link. False when there is no link to send it on. */
  send(from: Server, peer: { readonly link: Server | undefined }, effect: (to: Server) => void): boolean {
    const to = peer.link
    if (to === undefined || !to.alive) return false
    if (!this.arrives(from, to)) return true
    this.world.sim.after(this.world.network.delayUs(from.place, to.place), () => {
      if (to.onBus && this.arrives(from, to)) effect(to)
    })
    return true
  }

  /** Puts the timer at the next tick that has to be looked at. */
  private arm(): void {
    const { sim } = this.world
    const next = this.next()
    const atUs = next === undefined ? NEVER : Math.max(sim.now, this.dueUs(next))
    if (this.timer !== undefined) {
      if (atUs === this.armedUs) return
      sim.cancel(this.timer)
    }
    this.armedUs = atUs
    this.timer = atUs === NEVER ? undefined : sim.call(atUs, this.tick)
  }

  private readonly tick = (): void => {
    const { now } = this.world.sim
    this.timer = undefined
    if (this.quiet) return
    this.awake = true
    for (;;) {
      const server = this.next()
      if (server === undefined || this.dueUs(server) > now) break
      this.look(server, now)
    }
    this.awake = false
    if (this.world.options.lazyBus && now - this.changedUs > STILL_US && now - this.checkedUs > SECOND) {
      this.checkedUs = now
      if (calm(this.world)) {
        this.quiet = true
        return
      }
    }
    this.arm()
  }
}
