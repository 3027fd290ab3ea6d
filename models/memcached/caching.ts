/**
 * What lies in the caches and what reaches the database, as flows: no request is an event. Pure; README.md has the formulas.
 * Keys form one group for each server of the full list (its home); each group has hot and cold keys.
 */
import { exp, SECOND, type Us } from '../../src/kernel/index.ts'

/** What the flows are made of; the options of the same names. */
export interface Traffic {
  readonly members: number
  readonly hashing: 'ketama' | 'modulo'
  readonly onFailure: 'miss' | 'eject'
  readonly readsPerSecond: number
  readonly writesPerSecond: number
  readonly databasePerSecond: number
  readonly hitShare: number
  readonly keys: number
  readonly hotKeys: number
  readonly hotReads: number
}

/** Shares of the hot and of the cold keys that are held, 0 … 1. */
type Fill = [hot: number, cold: number]

/** The keys whose home is one server. */
interface Group {
  live: boolean
  /** The share of its keys for which clients still go to the home server, by the present list (rules MC-HASH-1, MC-HASH-2). */
  stay: number
  /** At home, of the keys that stay. */
  kept: Fill
  /** At home, of the keys that are asked for elsewhere: they lie there untouched. */
  idle: Fill
  /** Elsewhere, of the keys that are asked for elsewhere. */
  moved: Fill
}

/** What a server has counted since its process began. */
export interface Counters {
  hits: number
  misses: number
}

export class Caching {
  readonly counters: Counters[]
  private readonly groups: Group[]

  /** All servers are there and warm. */
  constructor(private readonly traffic: Traffic) {
    this.groups = Array.from({ length: traffic.members }, () => ({ live: true, stay: 1, kept: [1, 1], idle: [1, 1], moved: [0, 0] }))
    this.counters = this.groups.map(() => ({ hits: 0, misses: 0 }))
  }

  get live(): number {
    return this.groups.filter(g => g.live).length
  }

  /** Hits among the reads of a group, 0 … 1. */
  private hitShareOf(g: Group): number {
    const { hotReads, hitShare } = this.traffic
    const of = ([hot, cold]: Fill): number => hotReads * hot + (1 - hotReads) * cold
    return hitShare * (g.stay * of(g.kept) + (1 - g.stay) * of(g.moved))
  }

  /** Hits among all reads, 0 … 1. */
  get hitShare(): number {
    return this.groups.reduce((sum, g) => sum + this.hitShareOf(g), 0) / this.groups.length
  }

  /** Operations a second that want to reach the database: reads that miss, and writes. */
  get demandPerSecond(): number {
    return this.traffic.readsPerSecond * (1 - this.hitShare) + this.traffic.writesPerSecond
  }

  /** The share of the application's operations that go through (rule MC-STORM-1). */
  get served(): number {
    return Math.min(1, this.traffic.databasePerSecond / this.demandPerSecond)
  }

  /** Hits of one server's own keys in relation to a warm one's, 0 … 1; 0 while it is away. */
  warmth(i: number): number {
    const g = this.groups[i]
    return g === undefined || !g.live ? 0 : this.hitShareOf({ ...g, stay: 1 }) / this.traffic.hitShare
  }

  /** Items that a server holds: of its own keys, and of those that clients bring to it from servers that are off the list. */
  items(i: number): number {
    const g = this.groups[i]
    if (g === undefined || !g.live) return 0
    const { keys, members, hotKeys } = this.traffic
    const of = ([hot, cold]: Fill): number => hotKeys * hot + (1 - hotKeys) * cold
    const guests = this.groups.reduce((sum, o) => sum + (1 - o.stay) * of(o.moved), 0) / this.live
    return Math.floor((keys / members) * (g.stay * of(g.kept) + (1 - g.stay) * of(g.idle) + guests))
  }

  /** Whether nothing is left to be filled: the flows stay as they are until a server comes or goes. */
  get settled(): boolean {
    return this.groups.every(g => (g.stay === 0 || full(g.kept)) && (g.stay === 1 || !this.rehashes || full(g.moved)))
  }

  private get rehashes(): boolean {
    return this.traffic.onFailure === 'eject' && this.live > 0
  }

  /** A server comes or goes. What it held is lost with its process, never by being out of reach. */
  set(i: number, live: boolean, emptied: boolean): void {
    const changed = this.groups[i]
    if (changed === undefined) return
    const before = this.live
    for (const g of this.groups) g.kept = g.idle = mixed(g.kept, g.idle, g.stay)
    if (emptied) {
      changed.kept = changed.idle = [0, 0]
      this.counters[i] = { hits: 0, misses: 0 }
    }
    if (changed.live === live) return this.place(() => 1)
    changed.live = live
    changed.moved = [0, 0]
    // On the ring the other guests stay where they are, but for those whose host has gone or who belong to the one that came; a remainder changes for all.
    const hosted = Math.min(before, this.live) / Math.max(before, this.live)
    this.place(() => (this.traffic.hashing === 'modulo' ? 0 : hosted))
  }

  private place(hosted: () => number): void {
    const stays = this.rehashes && this.traffic.hashing === 'modulo' ? remainders(this.groups.map(g => g.live)) : this.groups.map(g => (g.live ? 1 : 0))
    this.groups.forEach((g, i) => {
      g.stay = stays[i] ?? 0
      const share = this.rehashes ? hosted() : 0
      g.moved = [g.moved[0] * share, g.moved[1] * share]
    })
  }

  /** Lets time pass. A missing key is filled by the first read of it that the database answers (rule MC-FILL-1). */
  advance(us: Us): void {
    const { readsPerSecond, keys, hotKeys, hotReads, members, hitShare } = this.traffic
    const reads = (this.served * readsPerSecond * us) / SECOND
    const left: Fill = [exp((-reads * hotReads) / (keys * hotKeys)), hotKeys === 1 ? 0 : exp((-reads * (1 - hotReads)) / (keys * (1 - hotKeys)))]
    const filled = (f: Fill): Fill => [1 - (1 - f[0]) * left[0], 1 - (1 - f[1]) * left[1]]
    const of = ([hot, cold]: Fill): number => hitShare * (hotReads * hot + (1 - hotReads) * cold)
    const each = reads / members
    const guests = this.rehashes ? this.groups.reduce((sum, g) => sum + (1 - g.stay), 0) / this.live : 0
    const guestHits = this.rehashes ? this.groups.reduce((sum, g) => sum + (1 - g.stay) * of(g.moved), 0) / this.live : 0
    this.groups.forEach((g, i) => {
      const counters = this.counters[i]
      if (g.live && counters !== undefined) {
        const hits = each * (g.stay * of(g.kept) + guestHits)
        counters.hits += hits
        counters.misses += each * (g.stay + guests) - hits
      }
    })
    for (const g of this.groups) {
      if (g.stay > 0) g.kept = filled(g.kept)
      if (g.stay < 1 && this.rehashes) g.moved = filled(g.moved)
    }
  }
}

const full = ([hot, cold]: Fill): boolean => hot > 0.998 && cold > 0.99

function mixed(kept: Fill, idle: Fill, stay: number): Fill {
  return [stay * kept[0] + (1 - stay) * idle[0], stay * kept[1] + (1 - stay) * idle[1]]
}

/** By remainder: of each server's keys, the share that is still sent to it when only the live ones are on the list. Counted over all pairs of remainders. */
export function remainders(live: readonly boolean[]): readonly number[] {
  const all = live.length
  const list = live.flatMap((is, i) => (is ? [i] : []))
  if (list.length === 0) return live.map(() => 0)
  const stays = live.map(() => 0)
  const round = all * list.length
  for (let hash = 0; hash < round; hash++) if (list[hash % list.length] === hash % all) stays[hash % all] = (stays[hash % all] ?? 0) + 1
  return stays.map(count => count / list.length)
}
