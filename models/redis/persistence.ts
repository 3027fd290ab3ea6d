/** What a process leaves on its volume, and what the next one loads (rules RD-PERSIST-…). */
import type { Copy, Position } from '../../src/cluster/log/index.ts'
import { SECOND, type Us } from '../../src/kernel/index.ts'
import type { Image } from './data.ts'
import { rdbVersion } from './names.ts'
import type { Server } from './server.ts'

/**
 * How a process ends: `saved` and `nosave` cleanly, with or without an RDB written; `killed` alone, so that what it gave to the operating system
 * is written; `power`, so that it is not; `refused` before it was up.
 */
export type Ending = 'saved' | 'nosave' | 'killed' | 'power' | 'refused'

/** What a power failure may take of the append-only file; without fsync Linux writes after 30 s (vm.dirty_expire_centisecs) (rule RD-PERSIST-5). */
const UNSYNCED_US = { always: 0, everysec: SECOND, no: 30 * SECOND } as const

/** Save points in force: [seconds, changes]. */
export function savePoints(server: Server): readonly (readonly [number, number])[] {
  const words = server.setting('save', server.world.options.save).split(' ').filter(word => word !== '').map(Number)
  const points: [number, number][] = []
  for (let i = 0; i + 1 < words.length; i += 2) points.push([words[i] as number, words[i + 1] as number])
  return points
}

/** Whether a clean stop writes an RDB: with save points, and without an append-only file it is the only copy (rule RD-PERSIST-1). */
export function saves(server: Server): boolean {
  return savePoints(server).length > 0
}

/** What the next process on this volume would load: the append-only file if that is in use, else the RDB (rule RD-PERSIST-2). */
export function imageToLoad(server: Server): Image | undefined {
  if (server.dir.destroyed) return undefined
  return server.world.options.appendonly ? server.dir.aof : server.dir.rdb
}

/** The dataset as it is now, or (`us`) as it was. */
function image(server: Server, resumable: boolean, us?: Us): Image | undefined {
  const { data, sizeMB } = server
  const copies = us === undefined ? data.copies : data.at(us)
  if (copies.length === 0) return undefined
  const parts = copies.map(copy => ({ log: copy.log, position: us === undefined ? copy.position('receive') : positionAt(server, copy, us) }))
  return { parts, beside: data.beside, sizeMB: copies === data.copies ? sizeMB : (sizeMB * copies.length) / data.copies.length, resumable, rdbVersion: rdbVersion(server.host.version) }
}

/** The RDB of a full synchronisation, or of a stop: it is on the volume. */
export function saveNow(server: Server, resumable = false): void {
  if (server.copy === undefined || server.world.unpersisted.has(server.name) || server.host.diskFull()) return
  server.dir.rdb = image(server, resumable)
}

/** How long it takes to write the dataset to the volume. */
export function savingUs(server: Server): Us {
  return Math.round((server.sizeMB / server.world.rateMBps('rdbSaveMBps', server.name)) * SECOND * server.host.diskSlowdown() * server.slowness)
}

/**
 * A save that somebody asked for: the dataset as it is at this instant, on the volume once it is written; a process that dies before leaves what was
 * there (rule RD-PERSIST-6). False while another one is under way.
 */
export function startSave(server: Server): boolean {
  if (server.savingSinceUs !== undefined) return false
  const { world } = server
  const taken = image(server, false)
  server.savingSinceUs = world.sim.now
  server.later(Math.max(1, savingUs(server)), () => {
    server.savingSinceUs = undefined
    if (!world.unpersisted.has(server.name) && !server.host.diskFull()) {
      server.savedAtUs = world.sim.now
      if (taken !== undefined) server.dir.rdb = taken
    }
    world.sim.touch()
  })
  world.sim.touch()
  return true
}

/** When the RDB on the volume was written last, by a save point or because somebody asked; undefined = not since the process began. */
export function lastSavedUs(server: Server): Us | undefined {
  const byItself = server.copy === undefined || !saves(server) ? undefined : lastSaveUs(server, server.world.sim.now)
  return byItself === undefined || (server.savedAtUs ?? -1) > byItself ? server.savedAtUs : byItself
}

/** The process ends: what is on the volume afterwards. */
export function imageAtEnd(server: Server, ending: Ending): void {
  const { copy, dir, world } = server
  if (copy === undefined) {
    if (ending === 'saved') dir.rdb = undefined
    return
  }
  if (world.unpersisted.has(server.name) || server.host.diskFull()) return
  const now = world.sim.now
  if (ending === 'saved') dir.rdb = image(server, true)
  else {
    const at = lastSaveUs(server, now)
    if (at !== undefined && at > (server.savedAtUs ?? -1)) dir.rdb = image(server, false, at) ?? dir.rdb
  }
  if (world.options.appendonly) dir.aof = image(server, false, ending === 'power' ? Math.max(server.startedAtUs, now - UNSYNCED_US[world.options.appendfsync]) : undefined)
}

/** Where the dataset was at an instant of this process's life; never before the history that it has now began. */
function positionAt(server: Server, copy: Copy, us: Us): Position {
  const now = copy.position('receive')
  const from = server.data.copies.length === 1 ? server.savedFromOffset - server.data.beside : 0
  return { branch: now.branch, lsn: Math.min(now.lsn, Math.max(from, Math.floor(copy.curves.receive.valueAt(us)))) }
}

/**
 * When the last background save began: save points come round every so many seconds while enough changes are made (rule RD-PERSIST-3). Taken from
 * the mean rate of changes since the dataset came into memory. undefined = none since then.
 */
function lastSaveUs(server: Server, now: Us): Us | undefined {
  const copy = server.copy as NonNullable<Server['copy']>
  const sinceUs = server.datasetSinceUs
  const lived = now - sinceUs
  if (lived <= 0) return undefined
  const changes = (server.offset - server.savedFromOffset) / server.world.bytesPerWrite(copy.log)
  let best: Us | undefined
  for (const [seconds, wanted] of savePoints(server)) {
    const periodUs = seconds * SECOND
    if (lived < periodUs || (changes / lived) * periodUs < wanted) continue
    const at = sinceUs + Math.floor(lived / periodUs) * periodUs
    if (best === undefined || at > best) best = at
  }
  return best
}
