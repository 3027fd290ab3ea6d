/** The lock table of one server among its client programs: their statements are a flow, and hold and want the same locks as anybody's. */
import type { Us } from '../../../src/kernel/index.ts'
import type { Server } from '../server.ts'
import { SqlSession } from '../sessions.ts'
import { conflict, type LockMode, Locks, type Tag, type Waiter } from './locks.ts'

/** What the statements of the client programs take on the table they work on. */
const WRITES: LockMode = 'RowExclusive'
const READS: LockMode = 'AccessShare'

export class ServerLocks extends Locks {
  /** Until when client transactions that were open at a request keep their locks, by waiter. */
  private readonly clearAtUs = new WeakMap<Waiter, Us>()
  private told: 'writes' | 'all' | undefined

  constructor(private readonly server: Server) {
    super()
    this.onChange = () => this.changedHere()
    this.clientsHold = (tag, mode, waiter) => this.clientsInTheWay(tag, mode, waiter)
  }

  /** The table of the client programs, if the scenario says which. */
  private get clientTable(): Tag | undefined {
    const { application } = this.server.world.options
    return application === false ? undefined : `table ${application.table}`
  }

  /** What client programs cannot do now: a newcomer's place is behind whoever holds or waits for a conflicting lock (rule PG-LOCK-2). */
  get clientsBlocked(): 'writes' | 'all' | undefined {
    const table = this.clientTable
    if (table === undefined || this.idle || !this.blocks(table, WRITES)) return undefined
    return this.blocks(table, READS) ? 'all' : 'writes'
  }

  /** The request now stands in the queue: client transactions that are open keep their locks until they end, the longest is drawn (rule PG-LOCK-4). */
  queued(waiter: Waiter): void {
    const { server } = this
    const { world } = server
    if (!this.meetsClients(waiter.tag, waiter.mode)) return
    const us = this.clientsOpen() ? world.longTransactionUs(`${server.name} lock`) : 0
    this.clearAtUs.set(waiter, world.sim.now + us)
    server.later(us, () => this.retry(waiter.tag))
  }

  /** How long transactions of the clients that are open now go on, at most. */
  clientTransactionsUs(): Us {
    return this.clientsOpen() ? this.server.world.longTransactionUs(`${this.server.name} lock`) : 0
  }

  private meetsClients(tag: Tag, mode: LockMode): boolean {
    return tag === this.clientTable && conflict(mode, WRITES)
  }

  private clientsOpen(): boolean {
    for (const backend of this.server.backends) if (!(backend instanceof SqlSession)) return true
    return false
  }

  private clientsInTheWay(tag: Tag, mode: LockMode, waiter: Waiter | undefined): boolean {
    if (!this.meetsClients(tag, mode)) return false
    if (waiter === undefined) return this.clientsOpen()
    return this.server.world.sim.now < (this.clearAtUs.get(waiter) ?? 0)
  }

  private changedHere(): void {
    const now = this.clientsBlocked
    if (now === this.told) return
    this.told = now
    this.server.tellBackends()
    this.server.world.topologyChanged()
  }
}
