/**
 * Heavyweight locks of one server: the eight table modes, advisory locks, and the queue before them. Source: D:explicit-locking, src/backend/storage/lmgr
 * (lock.c LockAcquireExtended, proc.c ProcSleep and ProcLockWakeup, deadlock.c).
 */

/** Table lock modes, weakest first. */
export const MODES = ['AccessShare', 'RowShare', 'RowExclusive', 'ShareUpdateExclusive', 'Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'] as const
export type LockMode = (typeof MODES)[number]

/** Which modes each conflicts with (D:explicit-locking, table 13.2; rule PG-LOCK-1). */
const CONFLICTS: Readonly<Record<LockMode, readonly LockMode[]>> = {
  AccessShare: ['AccessExclusive'],
  RowShare: ['Exclusive', 'AccessExclusive'],
  RowExclusive: ['Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'],
  ShareUpdateExclusive: ['ShareUpdateExclusive', 'Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'],
  Share: ['RowExclusive', 'ShareUpdateExclusive', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'],
  ShareRowExclusive: ['RowExclusive', 'ShareUpdateExclusive', 'Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'],
  Exclusive: ['RowShare', 'RowExclusive', 'ShareUpdateExclusive', 'Share', 'ShareRowExclusive', 'Exclusive', 'AccessExclusive'],
  AccessExclusive: MODES,
}

export function conflict(a: LockMode, b: LockMode): boolean {
  return CONFLICTS[a].includes(b)
}

/** Who may hold or wait: a backend, by identity. */
export type Owner = object

/** What is locked: a table by name, or an advisory key. */
export type Tag = `table ${string}` | `advisory ${string}`

export interface Held {
  readonly owner: Owner
  readonly mode: LockMode
  /** Advisory locks of a session stay until it unlocks them or ends; all others go with the transaction. */
  readonly scope: 'transaction' | 'session'
}

/** A request that was not granted at once. */
export interface Waiter extends Held {
  readonly tag: Tag
  /** Called when it is granted. */
  granted(): void
}

interface Place {
  readonly held: Held[]
  readonly queue: Waiter[]
}

/** The lock table of one server; it goes with the server. */
export class Locks {
  private readonly places = new Map<Tag, Place>()
  /** Called after every change of who holds or waits for a table. */
  onChange: (() => void) | undefined
  /** Instants until which client transactions that were open at the request hold their locks, by waiter: asked before a grant. */
  clientsHold: (tag: Tag, mode: LockMode, waiter: Waiter | undefined) => boolean = () => false

  /** Whether anything is held or wanted at all. */
  get idle(): boolean {
    return this.places.size === 0
  }

  /**
   * Grants now, or gives the waiter that stands in the queue. A newcomer that conflicts with somebody who waits stands behind him, even if it conflicts
   * with no holder: this is how one waiting ACCESS EXCLUSIVE blocks everybody (rule PG-LOCK-2). Who holds already what a waiter conflicts with goes before that
   * waiter, as he could never be served otherwise.
   */
  request(owner: Owner, tag: Tag, mode: LockMode, scope: Held['scope'], granted: () => void): Waiter | undefined {
    const place = this.place(tag)
    const mine = place.held.filter(h => h.owner === owner)
    const at = place.queue.findIndex(w => mine.some(h => conflict(h.mode, w.mode)))
    const ahead = at < 0 ? place.queue : place.queue.slice(0, at)
    const waiter: Waiter = { owner, tag, mode, scope, granted }
    const free = !ahead.some(w => w.owner !== owner && conflict(w.mode, mode)) && this.grantable(place, waiter) && !this.clientsHold(tag, mode, undefined)
    if (free) {
      place.held.push({ owner, mode, scope })
      this.changed()
      return undefined
    }
    if (at < 0) place.queue.push(waiter)
    else place.queue.splice(at, 0, waiter)
    this.changed()
    return waiter
  }

  /** pg_try_advisory_lock: never waits. */
  attempt(owner: Owner, tag: Tag, mode: LockMode, scope: Held['scope']): boolean {
    const place = this.place(tag)
    const free = this.grantable(place, { owner, mode }) && !place.queue.some(w => w.owner !== owner && conflict(w.mode, mode))
    if (free) place.held.push({ owner, mode, scope })
    this.tidy(tag, place)
    return free
  }

  /** Leaves the queue: time-out, cancel, end. Whoever stood behind may be served now (rule PG-LOCK-3). */
  withdraw(waiter: Waiter): void {
    const place = this.places.get(waiter.tag)
    if (place === undefined) return
    const i = place.queue.indexOf(waiter)
    if (i < 0) return
    place.queue.splice(i, 1)
    this.serve(waiter.tag, place)
    this.changed()
  }

  /** Gives back one session-level advisory lock; false when it is not held. */
  unlock(owner: Owner, tag: Tag): boolean {
    const place = this.places.get(tag)
    const i = place?.held.findIndex(h => h.owner === owner && h.scope === 'session') ?? -1
    if (place === undefined || i < 0) return false
    place.held.splice(i, 1)
    this.serve(tag, place)
    this.changed()
    return true
  }

  /** The end of a transaction (`transaction`) or of the backend (everything). */
  release(owner: Owner, what: 'transaction' | 'all'): void {
    let any = false
    for (const [tag, place] of [...this.places]) {
      const before = place.held.length + place.queue.length
      keep(place.held, h => h.owner !== owner || (what === 'transaction' && h.scope === 'session'))
      if (what === 'all') keep(place.queue, w => w.owner !== owner)
      if (place.held.length + place.queue.length === before) continue
      any = true
      this.serve(tag, place)
    }
    if (any) this.changed()
  }

  /** Looks again at the queue of a table: a client transaction that was in the way has ended. */
  retry(tag: Tag): void {
    const place = this.places.get(tag)
    if (place === undefined) return
    this.serve(tag, place)
    this.changed()
  }

  /** Whether a newcomer with `mode` would have to wait. */
  blocks(tag: Tag, mode: LockMode): boolean {
    const place = this.places.get(tag)
    return place !== undefined && (place.held.some(h => conflict(h.mode, mode)) || place.queue.some(w => conflict(w.mode, mode)))
  }

  /** Whether that owner has it already, in that mode. */
  holds(owner: Owner, tag: Tag, mode: LockMode): boolean {
    return this.places.get(tag)?.held.some(h => h.owner === owner && h.mode === mode) === true
  }

  /** Whom a waiter waits for: conflicting holders, and conflicting waiters before it. */
  waitsFor(waiter: Waiter): readonly Owner[] {
    const place = this.places.get(waiter.tag)
    if (place === undefined) return []
    const ahead = place.queue.slice(0, Math.max(0, place.queue.indexOf(waiter)))
    return [...place.held, ...ahead].filter(h => h.owner !== waiter.owner && conflict(h.mode, waiter.mode)).map(h => h.owner)
  }

  /** Whether a backend holds or waits for anything. */
  holdsAny(owner: Owner): boolean {
    for (const { held, queue } of this.places.values()) if (held.some(h => h.owner === owner) || queue.some(w => w.owner === owner)) return true
    return false
  }

  /** Owners of locks on a table that conflict with `mode`. */
  holders(tag: Tag, mode: LockMode): readonly Owner[] {
    return (this.places.get(tag)?.held ?? []).filter(h => conflict(h.mode, mode)).map(h => h.owner)
  }

  /** Everything held and waited for, for pg_locks. */
  *all(): Generator<{ readonly tag: Tag; readonly owner: Owner; readonly mode: LockMode; readonly granted: boolean }> {
    for (const [tag, { held, queue }] of this.places) {
      for (const { owner, mode } of held) yield { tag, owner, mode, granted: true }
      for (const { owner, mode } of queue) yield { tag, owner, mode, granted: false }
    }
  }

  private grantable(place: Place, { owner, mode }: Pick<Held, 'owner' | 'mode'>): boolean {
    return !place.held.some(h => h.owner !== owner && conflict(h.mode, mode))
  }

  /** Serves the queue in order; nobody overtakes a waiter it conflicts with. */
  private serve(tag: Tag, place: Place): void {
    const ahead: Waiter[] = []
    for (const waiter of [...place.queue]) {
      const held = !this.grantable(place, waiter) || ahead.some(w => w.owner !== waiter.owner && conflict(w.mode, waiter.mode)) || this.clientsHold(tag, waiter.mode, waiter)
      if (held) {
        ahead.push(waiter)
        continue
      }
      place.queue.splice(place.queue.indexOf(waiter), 1)
      place.held.push({ owner: waiter.owner, mode: waiter.mode, scope: waiter.scope })
      waiter.granted()
    }
    this.tidy(tag, place)
  }

  private place(tag: Tag): Place {
    let place = this.places.get(tag)
    if (place === undefined) this.places.set(tag, (place = { held: [], queue: [] }))
    return place
  }

  private tidy(tag: Tag, place: Place): void {
    if (place.held.length === 0 && place.queue.length === 0) this.places.delete(tag)
  }

  private changed(): void {
    this.onChange?.()
  }
}

function keep<T>(list: T[], wanted: (item: T) => boolean): void {
  for (let i = list.length - 1; i >= 0; i--) if (!wanted(list[i] as T)) list.splice(i, 1)
}
