/**
 * What one database has merged of another, and how that comes to its standbys: an apply worker's changes are in its own server's WAL like any
 * other, so whoever streams that WAL gets them too (rule PG-LOGICAL-10). Source: D:logical-replication-architecture, D:warm-standby.
 *
 * Not modelled: that WAL's volume in the subscriber's own positions (rule PG-LOGICAL-4), so it fills no slot and no wal_keep_size there.
 */
import type { Bytes, Copy, Link } from '../../src/cluster/log/index.ts'
import { contains } from '../../src/cluster/log/index.ts'
import { SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import type { DataDirectory } from './datadir.ts'
import type { Subscription } from './logical.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** Changes of another database that a data directory holds, as far as they have come to it. */
export interface Merged {
  /** By which subscription they came, of this directory or of the one whose WAL it has. */
  readonly by: Subscription
  readonly copy: Copy
  /** It began in the middle, without a copy of what was there. */
  readonly since?: Bytes
  /** How much WAL the initial copy was, and when that began. */
  readonly bulkBytes: Bytes
  readonly bulkFromUs: Us
}

/** Bytes of a database cluster that initdb has just made. Source: du of a fresh PGDATA of PostgreSQL 16, 17: 38–39 MB. */
const EMPTY_CLUSTER_BYTES = 39_000_000

/** What a base backup of this directory has to copy: the database, unless it is a new cluster that nobody has filled. */
export function backupBytes(world: World, dir: DataDirectory): Bytes {
  const filled = dir.systemId === world.systemId || dir.merged.some(({ since }) => since === undefined)
  return filled ? world.options.databaseMB * 1_000_000 : EMPTY_CLUSTER_BYTES
}

/** `dir` becomes a copy of `source` as it is now: it holds what that has merged. */
export function mergedLike(world: World, dir: DataDirectory, source: DataDirectory): void {
  dir.merged.length = 0
  for (const each of source.merged) dir.merged.push({ ...each, copy: world.log.copy(`${dir.name}/${each.by.name}`, each.copy.position('flush')) })
}

/** The part of one replication connection that carries what the upstream has merged and goes on merging. */
export class MergedStream {
  private readonly sinceUs: Us
  private readonly arriving = new Map<Subscription, TimerId>()
  private frozen = false
  private over = false

  constructor(
    private readonly upstream: Server,
    private readonly standby: Server,
    private readonly link: () => Link,
  ) {
    this.sinceUs = upstream.world.sim.now
    this.look()
  }

  /** Whatever the upstream has merged and the standby lacks begins to come; the rest goes on coming. */
  look(): void {
    for (const each of this.upstream.dir.merged) {
      const mine = this.standby.dir.merged.find(({ by }) => by === each.by)
      if (mine !== undefined) this.follow(mine.copy, each.copy)
      else if (!this.arriving.has(each.by)) this.await(each)
    }
  }

  relink(): void {
    for (const { copy } of this.standby.dir.merged) if (copy.upstream !== undefined) copy.setLink(this.link())
  }

  freeze(frozen: boolean): void {
    if (frozen === this.frozen) return
    this.frozen = frozen
    for (const { copy } of this.standby.dir.merged) copy[frozen ? 'freeze' : 'thaw']('receive')
  }

  end(): void {
    if (this.over) return
    this.freeze(false)
    this.over = true
    for (const timer of this.arriving.values()) this.upstream.world.sim.cancel(timer)
    this.arriving.clear()
    for (const { copy } of this.standby.dir.merged) copy.unfollow()
  }

  /** The initial copy is WAL too: what had not yet come while it was written takes its time. Interrupted, it counts from the next connection on. */
  private await(each: Merged): void {
    const { world } = this.upstream
    const beganUs = Math.max(this.sinceUs, each.bulkFromUs)
    const neededUs = Math.round((each.bulkBytes / this.link().bytesPerSecond) * SECOND)
    const timer = world.sim.after(Math.max(0, beganUs + neededUs - world.sim.now), () => {
      this.arriving.delete(each.by)
      if (this.over) return
      // A standby that has the initial copy has what was applied up to then, and the stream goes on from there.
      const at = each.copy.position('flush')
      const copy = world.log.copy(`${this.standby.name}/${each.by.name}`, at)
      this.standby.dir.merged.push({ ...each, copy })
      if (this.frozen) copy.freeze('receive')
      this.follow(copy, each.copy)
      world.topologyChanged()
    })
    this.arriving.set(each.by, timer)
  }

  private follow(copy: Copy, source: Copy): void {
    if (copy.upstream === source || !contains(source.position('flush'), copy.position('receive'))) return
    copy.follow(source, this.link())
  }
}
