/**
 * Who is connected to a server, as CLIENT LIST tells it, and CLIENT KILL (rule RD-KILL-1). A pool of the load is as many connections as its client program
 * holds, on the master that it works with. Source: networking.c catClientInfoString, clientKillCommand (7.0.15); recordings in test/redis/recordings.
 */
import { SECOND, type Us } from '../../src/kernel/index.ts'
import { PORT } from './names.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

export type ClientType = 'normal' | 'master' | 'replica'

/** One connection of a server. */
export interface Connection {
  readonly id: number
  readonly addr: string
  readonly laddr: string
  readonly type: ClientType
  readonly sinceUs: Us
}

/** The connections that a client program holds on one server: all alike, but each with a number of its own. */
export class Pool {
  /** Made only where somebody lists them: most are never looked at. */
  private connections: Connection[] = []
  private readonly firstId: number
  private readonly sinceUs: Us

  constructor(
    private readonly server: Server,
    private readonly address: string,
    private readonly size: number,
  ) {
    this.firstId = server.clientNumbers.take(size)
    this.sinceUs = server.world.sim.now
  }

  list(): readonly Connection[] {
    if (this.connections.length === 0) this.connections = Array.from({ length: this.size }, (_, i) => this.connection(this.firstId + i, this.sinceUs))
    return this.connections
  }

  /** Some of them were killed and are back at once, under new numbers. @returns whether all of them were */
  killed(ids: ReadonlySet<number>): boolean {
    const all = this.list()
    const left = all.filter(c => !ids.has(c.id))
    if (left.length === 0) return true
    const first = this.server.clientNumbers.take(all.length - left.length)
    this.connections = [...left, ...Array.from({ length: all.length - left.length }, (_, i) => this.connection(first + i, this.server.world.sim.now))]
    return false
  }

  private connection(id: number, sinceUs: Us): Connection {
    return { id, addr: `${this.address}:${portOf(id)}`, laddr: `${this.server.host.address}:${PORT}`, type: 'normal', sinceUs }
  }
}

/** A port that the kernel of the other end would give: of its ephemeral range. */
function portOf(id: number): number {
  return 32_768 + ((id * 7_919) % 28_232)
}

/** Where a client program's connections come from: an address of a network that is none of the pods'. */
export function clientAddress(world: World, client: string): string {
  let n = world.clientNumbers.get(client)
  if (n === undefined) world.clientNumbers.set(client, (n = world.clientNumbers.size))
  return `10.224.${1 + (Math.floor(n / 250) % 250)}.${4 + (n % 250)}`
}

/** Every connection but the one that asks, by number. */
export function connectionsOf(server: Server): readonly Connection[] {
  const found: Connection[] = []
  for (const listener of server.listeners) found.push(...listener.pool.list())
  const laddr = `${server.host.address}:${PORT}`
  for (const link of [...server.downstream, ...server.syncQueue]) found.push({ id: link.idAtMaster, addr: `${link.replica.host.address}:${portOf(link.idAtMaster)}`, laddr, type: 'replica', sinceUs: link.connectedAtUs })
  const { upstream } = server
  if (upstream?.state === 'up') found.push({ id: upstream.idAtReplica, addr: `${upstream.ip}:${PORT}`, laddr: `${server.host.address}:${portOf(upstream.idAtMaster)}`, type: 'master', sinceUs: upstream.connectedAtUs })
  return found.sort((a, b) => a.id - b.id)
}

/** Ends connections: clients see theirs closed and come back, replication links are made anew (rule RD-KILL-1). */
export function kill(server: Server, victims: readonly Connection[]): void {
  const ids = new Set(victims.map(c => c.id))
  if (ids.size === 0) return
  for (const listener of [...server.listeners]) if (listener.pool.list().some(c => ids.has(c.id)) && listener.pool.killed(ids)) listener.disconnected()
  for (const link of [...server.downstream, ...server.syncQueue]) if (ids.has(link.idAtMaster)) link.lost('CLIENT KILL', againUs(link.replica))
  const { upstream } = server
  if (upstream?.state === 'up' && ids.has(upstream.idAtReplica)) upstream.lost('CLIENT KILL', againUs(server))
  server.world.sim.touch()
}

/** From 7.0 on a replica whose link ends tries again at once, before that with the next second. Source: replicationHandleMasterDisconnection; measured on 7.0.15. */
function againUs(replica: Server): Us {
  return replica.version >= 700 ? 0 : SECOND
}
