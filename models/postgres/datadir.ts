import type { Bytes, Copy, History, Position } from '../../src/cluster/log/index.ts'
import type { Us } from '../../src/kernel/index.ts'
import type { Subscription } from './logical.ts'
import type { Merged } from './merged.ts'

/** What pg_controldata calls the database cluster state. */
export type ControlState = 'in production' | 'shut down' | 'in archive recovery' | 'shut down in recovery' | 'in crash recovery'

/** A physical replication slot of one server; slots are not replicated (rule PG-SLOT-2). */
export interface Slot {
  readonly name: string
  /** WAL from here on is kept. Stands still while nobody uses the slot. */
  restartLsn: Bytes
  /** The standby that streams through it, if any. */
  active: boolean
  lost: boolean
  /** The subscription that reads through it; undefined = physical. */
  logical?: Subscription
}

/** What pg_upgrade --link calls the old control file when it begins to link: without its old name no server starts (rule PG-MAJOR-5). */
export const LINKED = 'global/pg_control.old'

/** WAL file size: what recycling works in. */
export const SEGMENT_BYTES = 16 * 1024 * 1024

/** Size of a shutdown checkpoint or timeline-switch record. */
export const RECORD_BYTES: Bytes = 120

/** How many checkpoints a directory remembers. */
const REMEMBERED = 16

/**
 * One PGDATA: everything that survives the process. It lives on a volume, so it outlives pods too: a pod that comes back on its old volume
 * finds its old timeline, its old role (is there a `standby.signal`?) and its old slots.
 */
export class DataDirectory {
  /** Files of PGDATA that runbooks touch, by name relative to it. */
  readonly files = new Map<string, string>()
  readonly slots = new Map<string, Slot>()
  /** What it receives by logical replication, by name of the subscription; and what it offers. */
  readonly subscriptions = new Map<string, Subscription>()
  readonly publications = new Set<string>()
  /** The changes of other databases that have been merged into this one, as far as each has come. */
  readonly merged: Merged[] = []
  control: ControlState = 'shut down'
  /** Last completed checkpoint (on a standby: restartpoint) and the redo pointer crash recovery starts from. */
  checkpointLsn: Bytes
  checkpointAtUs: Us = 0
  /** When its last process ended (while one runs: never), and how long none ran since the last checkpoint: nobody takes checkpoints meanwhile. */
  private endedAtUs: Us = Number.POSITIVE_INFINITY
  private idleUs: Us = 0
  /** Timeline of that checkpoint, as the control file shows it: behind {@link timeline} for a while after a promotion. */
  checkpointTimeline: number
  /** Number of server processes that have it open: more than one corrupts it (rule PG-DATA-1). */
  open = 0
  corrupted = false
  /** A primary has run on it. */
  hasLed = false
  /** Until then orphaned children of a killed postmaster hold its lock file and shared memory: no server starts. */
  orphansUntilUs: Us = 0
  /** wal_log_hints of the server that ran on it last, as the control file has it; undefined = as the scenario says. */
  logHints: boolean | undefined
  /** Half-written by a failed pg_rewind or base backup: the server refuses to start. */
  unusable = false
  /** Its volume is gone. */
  destroyed = false

  constructor(
    readonly name: string,
    readonly systemId: string,
    readonly copy: Copy,
    public timeline: number,
    public image: string,
  ) {
    this.checkpointLsn = copy.lsn('flush')
    this.checkpointTimeline = timeline
    this.checkpoints.push(this.checkpointLsn)
  }

  /** A primary of this image runs on it now. */
  leads(image: string): void {
    this.control = 'in production'
    this.image = image
    this.hasLed = true
  }

  /** What pg_rewind asks of its target: hint bits in the WAL, or checksums, which the scenario may have (rule PG-REWIND-2). */
  isRewindable(byScenario: boolean): boolean {
    return byScenario || this.logHints === true
  }

  /** Where its history ends, as durable bytes. */
  get position(): Position {
    return this.copy.position('flush')
  }

  /** Its own history, and those merged into it. */
  get histories(): readonly History[] {
    return [this.position, ...this.merged.map(({ copy, since }): History => ({ ...copy.position('flush'), ...(since === undefined ? {} : { since }) }))]
  }

  get isStandby(): boolean {
    return this.files.has('standby.signal')
  }

  /** Its last process ended, open or not yet open. */
  ended(nowUs: Us): void {
    this.endedAtUs = Math.min(this.endedAtUs, nowUs)
  }

  /** A server is open on it again. */
  resumed(nowUs: Us): void {
    if (this.endedAtUs < nowUs) this.idleUs += nowUs - this.endedAtUs
    this.endedAtUs = Number.POSITIVE_INFINITY
  }

  /** How long since its last checkpoint somebody was there to take another. */
  sinceCheckpointUs(nowUs: Us): Us {
    return Math.min(nowUs, this.endedAtUs) - this.checkpointAtUs - this.idleUs
  }

  /** Its latest checkpoints, oldest first: where pg_rewind may begin. */
  private readonly checkpoints: Bytes[] = []

  /** The last checkpoint at or before `lsn`; undefined when none is remembered. */
  checkpointBefore(lsn: Bytes): Bytes | undefined {
    return this.checkpoints.findLast(each => each <= lsn)
  }

  /** How often the server that runs here, or ran last, takes checkpoints, where its configuration says so. */
  pace: { readonly us: Us; readonly bytes: Bytes } | undefined

  /** Notes a checkpoint: WAL before it is no longer needed for crash recovery. */
  checkpoint(lsn: Bytes, atUs: Us): void {
    this.checkpoints.push(lsn)
    if (this.checkpoints.length > REMEMBERED) this.checkpoints.shift()
    this.checkpointLsn = lsn
    this.checkpointAtUs = atUs
    this.idleUs = 0
    this.checkpointTimeline = this.timeline
  }
}

/**
 * Where the latest checkpoint would be by now, without an event per checkpoint: they come every `timeoutUs`, or as often as the WAL written
 * since the last known one fills half of max_wal_size (both as the configuration of the server that last ran there has them, if it says so). Advances the directory's checkpoint to that point. Source: PG §1.5.
 * @returns bytes of WAL written since that checkpoint
 */
export function advanceCheckpoint(dir: DataDirectory, nowUs: Us, timeoutUs: Us, maxWalBytes: Bytes): Bytes {
  const lsn = dir.copy.lsn('flush')
  const sinceUs = dir.sinceCheckpointUs(nowUs)
  const sinceBytes = lsn - dir.checkpointLsn
  if (sinceBytes <= 0 || sinceUs <= 0) return Math.max(0, sinceBytes)
  const perUs = sinceBytes / sinceUs
  const { us, bytes } = dir.pace ?? { us: timeoutUs, bytes: maxWalBytes }
  const intervalUs = Math.min(us, bytes / 2 / perUs)
  const passed = Math.floor(sinceUs / intervalUs)
  if (passed >= 1) {
    const { checkpointLsn, checkpointAtUs } = dir
    for (let n = Math.max(1, passed - REMEMBERED); n <= passed; n++) dir.checkpoint(Math.floor(checkpointLsn + perUs * n * intervalUs), checkpointAtUs + n * intervalUs)
  }
  return lsn - dir.checkpointLsn
}

/** The `X/Y` form of an LSN. */
export function formatLsn(lsn: Bytes): string {
  return `${Math.floor(lsn / 4294967296).toString(16).toUpperCase()}/${(lsn % 4294967296).toString(16).toUpperCase()}`
}
