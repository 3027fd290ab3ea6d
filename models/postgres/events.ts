/** The events of a server's life, as traces name them. */
import { defineEvent } from '../../src/kernel/index.ts'

export const STARTED = defineEvent('postgres.started')
export const START_FAILED = defineEvent('postgres.start-failed')
export const READ_WRITE = defineEvent('postgres.opened-read-write')
export const READ_ONLY = defineEvent('postgres.opened-read-only')
export const PROMOTE_ASKED = defineEvent('postgres.promotion-requested')
export const PROMOTED = defineEvent('postgres.promoted')
export const SHUTDOWN = defineEvent('postgres.shutdown-requested')
export const STOPPED = defineEvent('postgres.stopped')
export const CRASHED = defineEvent('postgres.crashed')
export const SHARED = defineEvent('postgres.data-directory-shared')
export const RELOADED = defineEvent('postgres.reloaded')
/** Replay stands still for good: rule PG-SIZE-2. */
export const REPLAY_HELD = defineEvent('postgres.replay-held')
