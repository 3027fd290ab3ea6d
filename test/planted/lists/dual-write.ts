import { inCommand, keys, moved } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

type More = Partial<Pick<RunbookDefect, 'look' | 'kinds' | 'most'>>

const dual = (id: string, what: string, change: RunbookDefect['change'], more: More = {}): RunbookDefect => ({ id: `dual-${id}`, what, scenario: 'dual-write-migration/verified', change, most: 60, ...more })
const onVitess = (id: string, what: string, change: RunbookDefect['change'], more: More = {}): RunbookDefect => dual(`vt-${id}`, what, { ...change, set: { 'cluster.engine': 'vitess', ...change.set } }, more)
const managed = (id: string, what: string, change: RunbookDefect['change'], more: More = {}): RunbookDefect => ({ id: `managed-${id}`, what, scenario: 'blue-green/managed', change, most: 60, ...more })

const UPSERT = inCommand('--mode=versioned', '--mode=upsert')
const VERIFIED = ['verify', 'check-back'] as const

export const dualWrite: Family = {
  name: 'dual-write',
  title: 'Dual-write migration, verified',
  defects: [
    // ── the copy ──
    dual('copy-first', 'what was there is copied before changes are captured; the comparison is still there', { runbook: moved('capture', { after: 'copy' }) }),
    dual('copy-first-no-proof', 'what was there is copied before changes are captured, and nobody compares', { runbook: moved('capture', { after: 'copy' }), without: VERIFIED }),
    // It changes nothing: the connector lags by more than a chunk takes, so what a chunk overwrites comes after it.
    dual('copy-overwrites', 'the copy overwrites what is newer, and nobody compares', { step: { backfill: UPSERT }, without: VERIFIED }),
    dual('slow-copy-overwrites', 'the copy overwrites what is newer, in chunks that take longer than the connector lags, and nobody compares', { step: { backfill: UPSERT }, without: VERIFIED, set: { 'cluster.chunkRows': '10000' } }),
    dual('no-copy', 'what was there is not copied, and nobody compares', { without: ['copy', ...VERIFIED] }),
    // ── the switch ──
    dual('no-build', 'the program that knows the flag is not rolled out', { without: ['build'] }),
    dual('nobody-stops', 'the new database is not closed, no pod confirms that it has gone over, and the old one is not fenced', { without: ['close', 'closed', 'heard', 'fence', 'fenced', 'blue-end', 'passed'] }),
    dual('no-open', 'the new database is never opened', { without: ['open', 'opened'] }),
    dual('delete-first', 'the old database is deleted before the switch', { runbook: moved('delete-blue', { before: 'announce' }), step: { 'delete-blue': keys({ pointOfNoReturn: undefined }) } }),
    dual('connectors-stop-early', 'the connectors stop before the soak; the comparison after it is still there', { runbook: moved('stop-connectors', { before: 'soak' }) }),
    // ── on Vitess ──
    onVitess('no-tables', 'the new keyspace gets no tables', { without: ['tables'] }),
    onVitess('copy-first-no-proof', 'what was there is copied before changes are captured, and nobody compares', { runbook: moved('capture', { after: 'copy' }), without: VERIFIED }),
    onVitess('old-version-no-proof', 'the new keyspace is made of the old version, and nobody looks', { without: ['image'], step: { 'green-up': inCommand("grep -c '${want} *true'", "grep -c 'true'") } }),
  ],
}

const watched = (id: string, what: string, change: RunbookDefect['change'], more: More = {}): RunbookDefect => ({ id: `watched-${id}`, what, scenario: 'watched-canary/verified-fast-relay', change, most: 60, ...more })
/** The relay that falls behind from the half on. */
const SLOW = { 'cluster.relays.0.batchRows': '100' }
const UNWATCHED = { 'cluster.canary': '[{ setWeight: 20 }, { pause: { duration: 2m } }, { setWeight: 50 }, { pause: { duration: 2m } }]' }

export const watchedCanary: Family = {
  name: 'watched-canary',
  title: 'A canary of the outbox, watched',
  defects: [
    watched('slow-relay', 'the relay takes fewer rows than come; the analyses are there', { set: SLOW }),
    watched('slow-relay-unwatched', 'the relay takes fewer rows than come, and neither analysis nor alert nor comparison looks', { set: { ...SLOW, ...UNWATCHED }, without: ['no-alert', 'verify', 'check-back', 'emptied'] }),
    // In most rehearsals the comparison turns back, and in some no sampled row shows it.
    watched('kept', 'what the canary has carried is kept; the comparison is there', { without: ['fresh'] }),
    watched('kept-uncompared', 'what the canary has carried is kept, and nobody compares', { without: ['fresh', 'verify', 'check-back'] }),
    watched('no-copy', 'what was there before is not copied, and nobody compares', { without: ['copy', 'verify', 'check-back'] }),
    // What is on its way arrives within a poll, and by version: it takes the loss of the relay or of the database in that second.
    watched('not-emptied', 'nobody waits until the outbox is empty', { without: ['emptied'] }),
    watched('stale-gauge', 'the gauge is taken for the table', { step: { emptied: keys({ gate: "kubectl exec deploy/forward -- curl -s localhost:8083/metrics | grep outbox_pending | cut -d' ' -f2", expect: { max: 1000 } }) } }),
    watched('nobody-pauses', 'no pod confirms that it has paused, and the old database is not fenced', { without: ['pause', 'fence', 'fenced', 'emptied'] }),
    // The way back lets them on again.
    watched('relays-stop-early', 'the relays stop before the soak, and nobody compares afterwards', { runbook: moved('stop-relays', { before: 'soak' }), without: ['check-back'] }, { look: 'rollback' }),
    watched('never-opened', 'the new database is never opened', { without: ['open', 'opened', 'all-modern'] }),
  ],
}

export const managedService: Family = {
  name: 'managed',
  title: 'Blue/green by a managed service',
  defects: [
    managed('old-version', 'green is made of the old version', { step: { create: inCommand('--target-engine-version 17.5', '--target-engine-version 16.9') } }),
    managed('old-version-no-proof', 'green is made of the old version, and nobody looks', { step: { create: inCommand('--target-engine-version 17.5', '--target-engine-version 16.9') }, without: ['new-version'] }),
    managed('never-switched', 'the switchover is never asked for', { step: { switch: keys({ run: "echo ''", pointOfNoReturn: undefined }) } }),
    managed('delete-first', 'the old instance is deleted before the switchover', { runbook: moved('delete-old', { before: 'switch' }) }),
    managed('blue-stays', 'what was blue is not deleted', { without: ['delete-old', 'gone'] }),
  ],
}
