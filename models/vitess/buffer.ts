/**
 * The buffer of a vtgate. {@link RequestBuffer} holds single requests exactly as the real one does; {@link GateBuffer} says what that comes to for
 * flows: how long a request may wait before it is turned away (rules VT-BUF-…; facts VT-F30…35).
 */
import { SECOND, type Us } from '../../src/kernel/index.ts'
import type { VitessOptions } from './options.ts'
import type { GateSession } from './vtgate.ts'

export type BufferOptions = VitessOptions['buffer']

/** Limits that differ by less than this share are the same: whoever waits is not told at every newcomer. */
const NOTABLE = 0.05

/** One vtgate's buffer as clients that flow meet it: `buffer_size` is shared by all shards, the oldest request goes first, nobody waits longer than the window. */
export class GateBuffer {
  private readonly held = new Set<GateSession>()
  private told: Us

  constructor(private readonly options: BufferOptions) {
    this.told = options.windowSeconds * SECOND
  }

  /** How long a request waits at most now, in µs. */
  get ageLimitUs(): Us {
    return this.told
  }

  join(session: GateSession): void {
    this.held.add(session)
    this.look(session)
  }

  leave(session: GateSession): void {
    this.held.delete(session)
    this.look(session)
  }

  private look(mover: GateSession): void {
    const limit = ageLimitUs([...this.held].map(({ client }) => wishOf(client)), this.options)
    if (limit === this.told || (this.held.size > 1 && Math.abs(limit - this.told) < NOTABLE * this.told)) return
    this.told = limit
    for (const session of this.held) if (session !== mover) session.refresh()
  }
}

/** What a group of clients asks of a buffer while nothing is answered. */
export type Wish =
  | { readonly loop: 'open'; readonly perSecond: number }
  /** At most so many requests; one that is turned away comes again after the pause. */
  | { readonly loop: 'closed'; readonly clients: number; readonly pauseUs: Us }

function wishOf({ id, log }: GateSession['client']): Wish {
  const demand = log.demands.find(({ options }) => options.id === id)
  if (demand === undefined) return { loop: 'open', perSecond: 0 }
  const { loop, writesPerSecond, connections, thinkUs } = demand.options
  return loop === 'open' ? { loop, perSecond: writesPerSecond * demand.factor } : { loop, clients: connections * demand.factor, pauseUs: Math.max(1000, thinkUs) }
}

/**
 * How long a request may wait when these ask at once: the window, or less where the buffer fills (rule VT-BUF-3). Open loops fill it in size ÷ Σ rate.
 * Closed ones never ask for more than there are clients: with C ≤ size nobody is turned away (rule VT-BUF-6); else each waits until newcomers push
 * it out, pause × size ÷ (C − size) later.
 */
export function ageLimitUs(wishes: readonly Wish[], { size, windowSeconds }: Pick<BufferOptions, 'size' | 'windowSeconds'>): Us {
  const windowUs = windowSeconds * SECOND
  let perSecond = 0
  let clients = 0
  let pauseUs = 0
  for (const wish of wishes) {
    if (wish.loop === 'open') perSecond += wish.perSecond
    else {
      clients += wish.clients
      pauseUs = Math.max(pauseUs, wish.pauseUs)
    }
  }
  const room = Math.max(1, size - (perSecond > 0 ? Math.min(clients, size) : 0))
  let limitUs = windowUs
  if (perSecond > 0) limitUs = Math.min(limitUs, (room * SECOND) / perSecond)
  if (clients > size) limitUs = Math.min(limitUs, (pauseUs * size) / (clients - size))
  return Math.max(1, Math.round(limitUs))
}

/** How many requests a stall turns away: max(0, rate × stall − size) (VT-F35). */
export function evictions(perSecond: number, stallSeconds: number, size: number): number {
  return Math.max(0, perSecond * stallSeconds - size)
}

/** How long the last of the buffered requests waits for its turn: queued × service time ÷ concurrency (VT-F35). */
export function drainSeconds(queued: number, serviceSeconds: number, concurrency: number): number {
  return (queued * serviceSeconds) / concurrency
}

/** What became of a buffered request. */
export type Fate = 'answered' | 'evicted' | 'full' | 'window' | 'stopped' | 'not buffered'

/** The buffer request by request: what the fluid one above is held against in tests. Times are the caller's, in µs, and never go back. */
export class RequestBuffer {
  /** Oldest first. */
  private readonly queue: { readonly id: number; readonly shard: string; readonly atUs: Us }[] = []
  private readonly failovers = new Map<string, { beganUs: Us | undefined; endedUs: Us }>()
  readonly fates = new Map<number, Fate>()

  constructor(private readonly options: BufferOptions) {}

  /** The primary of a shard says that it does not serve: whether its requests are buffered from now on. */
  begin(shard: string, nowUs: Us): boolean {
    const before = this.failovers.get(shard)
    const soon = before !== undefined && nowUs - before.endedUs < this.options.minBetweenSeconds * SECOND
    if (!this.options.enabled || soon) return false
    this.failovers.set(shard, { beganUs: nowUs, endedUs: before?.endedUs ?? Number.NEGATIVE_INFINITY })
    return true
  }

  /** A request outside a transaction. */
  request(id: number, shard: string, nowUs: Us): void {
    this.age(nowUs)
    if (this.failovers.get(shard)?.beganUs === undefined) return void this.fates.set(id, 'not buffered')
    if (this.queue.length >= this.options.size) {
      const oldest = this.queue.findIndex(entry => entry.shard === shard)
      if (oldest < 0) return void this.fates.set(id, 'full')
      this.fates.set((this.queue.splice(oldest, 1)[0] as { id: number }).id, 'evicted')
    }
    this.queue.push({ id, shard, atUs: nowUs })
  }

  /** The shard serves again: everything that waits is answered. */
  end(shard: string, nowUs: Us): void {
    this.age(nowUs)
    this.finish(shard, nowUs, 'answered')
  }

  /** Whoever has waited for the window goes, and a shard that takes too long is given up. */
  age(nowUs: Us): void {
    const windowUs = this.options.windowSeconds * SECOND
    for (let i = 0; i < this.queue.length; ) {
      const entry = this.queue[i] as { id: number; atUs: Us }
      if (nowUs - entry.atUs < windowUs) i++
      else this.fates.set((this.queue.splice(i, 1)[0] as { id: number }).id, 'window')
    }
    for (const [shard, { beganUs }] of this.failovers) if (beganUs !== undefined && nowUs - beganUs >= this.options.maxFailoverSeconds * SECOND) this.finish(shard, nowUs, 'stopped')
  }

  private finish(shard: string, nowUs: Us, fate: Fate): void {
    this.failovers.set(shard, { beganUs: undefined, endedUs: nowUs })
    for (let i = 0; i < this.queue.length; ) {
      if (this.queue[i]?.shard === shard) this.fates.set((this.queue.splice(i, 1)[0] as { id: number }).id, fate)
      else i++
    }
  }
}
