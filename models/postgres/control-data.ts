/**
 * What pg_controldata prints: all lines of PostgreSQL 15 in their order, so that scripts find the ones they look for. What the model does not keep (transaction numbers,
 * object numbers, build constants) says what a small new cluster says. Source: PostgreSQL 15.18; pg_controldata.c.
 */
import { SECOND } from '../../src/kernel/index.ts'
import { strftime } from '../../src/operator/shell/utilities/strftime.ts'
import { advanceCheckpoint, type DataDirectory, formatLsn } from './datadir.ts'
import { CALENDAR_US } from './columns.ts'
import { walFile } from './relations.ts'
import { SIZES } from './shortage.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

/** `strftime("%c")` as the official image has it (LANG en_US.utf8, UTC). @param us since the story's beginning */
function dateAndTime(us: number): string {
  return strftime('%a %d %b %Y %r %Z', (CALENDAR_US + us) / SECOND, 0)
}

const LABEL_WIDTH = 38

/** The control data of a directory. @param server the one that runs on it, if any */
export function controlDataOf(world: World, dir: DataDirectory, server: Server | undefined): string {
  const { options, sim } = world
  if (server !== undefined) advanceCheckpoint(dir, sim.now, options.checkpointTimeoutSeconds * SECOND, options.maxWalSizeMB * 1_000_000)
  const settings = server?.settings ?? {}
  const size = (name: string): string => String(settings[name] ?? SIZES[name] ?? 0)
  // A standby must replay as far as this before it is consistent; a primary has no such place.
  const recovers = dir.isStandby && dir.control !== 'in production'
  const minimum = dir.control === 'shut down in recovery' ? dir.copy.lsn('apply') : dir.checkpointLsn
  const lines: readonly (readonly [string, string | number])[] = [
    ['pg_control version number', 1300],
    ['Catalog version number', 202209061],
    ['Database system identifier', dir.systemId],
    ['Database cluster state', dir.control],
    ['pg_control last modified', dateAndTime(dir.checkpointAtUs)],
    ['Latest checkpoint location', formatLsn(dir.checkpointLsn)],
    ["Latest checkpoint's REDO location", formatLsn(dir.checkpointLsn)],
    ["Latest checkpoint's REDO WAL file", walFile(dir.checkpointTimeline, dir.checkpointLsn)],
    ["Latest checkpoint's TimeLineID", dir.checkpointTimeline],
    ["Latest checkpoint's PrevTimeLineID", dir.checkpointTimeline],
    ["Latest checkpoint's full_page_writes", 'on'],
    ["Latest checkpoint's NextXID", '0:1000'],
    ["Latest checkpoint's NextOID", 24576],
    ["Latest checkpoint's NextMultiXactId", 1],
    ["Latest checkpoint's NextMultiOffset", 0],
    ["Latest checkpoint's oldestXID", 716],
    ["Latest checkpoint's oldestXID's DB", 1],
    ["Latest checkpoint's oldestActiveXID", 0],
    ["Latest checkpoint's oldestMultiXid", 1],
    ["Latest checkpoint's oldestMulti's DB", 1],
    ["Latest checkpoint's oldestCommitTsXid", 0],
    ["Latest checkpoint's newestCommitTsXid", 0],
    ['Time of latest checkpoint', dateAndTime(dir.checkpointAtUs)],
    ['Fake LSN counter for unlogged rels', '0/3E8'],
    ['Minimum recovery ending location', recovers ? formatLsn(minimum) : '0/0'],
    ["Min recovery ending loc's timeline", recovers ? dir.timeline : 0],
    ['Backup start location', '0/0'],
    ['Backup end location', '0/0'],
    ['End-of-backup record required', 'no'],
    ['wal_level setting', settings.wal_level ?? 'replica'],
    ['wal_log_hints setting', dir.isRewindable(options.rewindable) ? 'on' : 'off'],
    ['max_connections setting', size('max_connections')],
    ['max_worker_processes setting', size('max_worker_processes')],
    ['max_wal_senders setting', size('max_wal_senders')],
    ['max_prepared_xacts setting', size('max_prepared_transactions')],
    ['max_locks_per_xact setting', size('max_locks_per_transaction')],
    ['track_commit_timestamp setting', 'off'],
    ['Maximum data alignment', 8],
    ['Database block size', 8192],
    ['Blocks per segment of large relation', 131072],
    ['WAL block size', 8192],
    ['Bytes per WAL segment', 16777216],
    ['Maximum length of identifiers', 64],
    ['Maximum columns in an index', 32],
    ['Maximum size of a TOAST chunk', 1996],
    ['Size of a large-object chunk', 2048],
    ['Date/time type storage', '64-bit integers'],
    ['Float8 argument passing', 'by value'],
    ['Data page checksum version', 0],
    ['Mock authentication nonce', '0'.repeat(64)],
  ]
  return lines.map(([key, value]) => `${`${key}:`.padEnd(LABEL_WIDTH)}${value}\n`).join('')
}
