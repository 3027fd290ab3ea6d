/**
 * The cluster bus: each node's clusterCron, ten times a second, with heartbeats exchanged as they are sent. While nothing is silent or changing
 * the ticks have no event: they are made up for, in order, as soon as something happens (rule RD-BUS-6; test/redis/lazy.test.ts).
 */
import { MILLISECOND, SECOND, type Us } from '../../src/kernel/index.ts'
import { cron } from './cron.ts'
import { handleReplicaFailover } from './failover.ts'
import { calm } from './quiet.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

export const TICK_US: Us = 100 * MILLISECOND
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
  private quiet = false
  private changedUs: Us = 0
  private checkedUs: Us = 0
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
    this.stir()
    this.arm(server)
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
    this.changedUs = this.world.sim.now
    if (!this.quiet) return
    this.catchUp()
    this.quiet = false
    for (const server of this.servers) this.arm(server)
  }

  /** Makes up for the ticks that were left out before this instant. Whoever changes what a tick depends on calls it first. */
  catchUp(): void {
    if (!this.quiet || this.replaying) return
    const { now } = this.world.sim
    this.replaying = true
    this.replay(now)
    this.replaying = false
  }

  private replay(now: Us): void {
    for (;;) {
      let next: Server | undefined
      for (const server of this.servers) if (server.nextTickUs < now && (next === undefined || server.nextTickUs < next.nextTickUs)) next = server
      if (next === undefined) return
      const at = next.nextTickUs
      next.nextTickUs = at + TICK_US
      cron(next, at)
    }
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

  private arm(server: Server): void {
    const { sim } = this.world
    sim.call(Math.max(sim.now, server.nextTickUs), () => this.tick(server))
  }

  private tick(server: Server): void {
    if (this.quiet || !server.alive || !this.servers.includes(server)) return
    const { now } = this.world.sim
    // Armed twice: the earlier call has done it.
    if (now < server.nextTickUs) return
    server.nextTickUs = now + TICK_US
    cron(server, now)
    if (!server.alive) return
    if (this.world.options.lazyBus && now - this.changedUs > STILL_US && now - this.checkedUs > SECOND) {
      this.checkedUs = now
      if (calm(this.world)) {
        this.quiet = true
        return
      }
    }
    this.arm(server)
  }
}
