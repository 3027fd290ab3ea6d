import { inCommand, keys, moved } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

type More = Partial<Pick<RunbookDefect, 'look' | 'kinds' | 'most' | 'why'>>

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
    dual('copy-overwrites', 'the copy overwrites what is newer, and nobody compares', { step: { backfill: UPSERT }, without: VERIFIED }, {
      why: 'harmless here: a chunk takes 0.2 s and the connector lags by 0.5 s, so that what a chunk overwrites is carried after it; `dual-slow-copy-overwrites` has the chunks that do harm',
    }),
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
/** One that asks every five seconds, and takes all there is. */
const SLOW_POLL = { 'cluster.relays.0.pollMs': '5000', 'cluster.relays.0.batchRows': '10000' }
const GAUGE = keys({ gate: "kubectl exec deploy/forward -- curl -s localhost:8083/metrics | grep outbox_pending | cut -d' ' -f2", expect: { max: 10_000 } })
const UNWATCHED = { 'cluster.canary': '[{ setWeight: 20 }, { pause: { duration: 2m } }, { setWeight: 50 }, { pause: { duration: 2m } }]' }

export const watchedCanary: Family = {
  name: 'watched-canary',
  title: 'A canary of the outbox, watched',
  defects: [
    watched('slow-relay', 'the relay takes fewer rows than come; the analyses are there', { set: SLOW }),
    watched('slow-relay-unwatched', 'the relay takes fewer rows than come, and neither analysis nor alert nor comparison looks', { set: { ...SLOW, ...UNWATCHED }, without: ['no-alert', 'verify', 'check-back', 'emptied'] }),
    watched('kept', 'what the canary has carried is kept; the comparison is there', { without: ['fresh'] }, {
      why: 'the comparison that is left finds it and the runbook turns back; where none of the rows differs, nothing is wrong. `watched-kept-uncompared` is the same without it',
    }),
    watched('kept-uncompared', 'what the canary has carried is kept, and nobody compares', { without: ['fresh', 'verify', 'check-back'] }),
    watched('no-copy', 'what was there before is not copied, and nobody compares', { without: ['copy', 'verify', 'check-back'] }),
    watched('not-emptied', 'nobody waits until the outbox is empty', { without: ['emptied'] }, {
      why: 'harmless here: what is on its way arrives within a poll, and is applied by version. It takes a relay that goes no further: `watched-not-emptied-stopped`',
    }),
    watched('not-emptied-stopped', 'nobody waits until the outbox is empty, and the relays, which ask every five seconds, are stopped with the switch', { runbook: moved('stop-relays', { before: 'open' }), without: ['emptied', 'check-back'], set: SLOW_POLL }),
    watched('stale-gauge', 'the gauge is taken for the table', { step: { emptied: GAUGE } }, {
      why: 'harmless here: the relay asks every second, and between the pause and this gate more than a second passes; what has been on its way for less than 20 s no claim of a gate is judged by. It takes a slower relay that goes no further: `watched-stale-gauge-stopped`',
    }),
    watched('stale-gauge-stopped', 'the gauge of a relay that asks every five seconds is taken for the table, and the relays are stopped with the switch', { runbook: moved('stop-relays', { before: 'open' }), step: { emptied: GAUGE }, without: ['check-back'], set: SLOW_POLL }),
    watched('nobody-pauses', 'no pod confirms that it has paused, and the old database is not fenced', { without: ['pause', 'fence', 'fenced', 'emptied'] }),
    watched('relays-stop-early', 'the relays stop before the soak, and nobody compares afterwards', { runbook: moved('stop-relays', { before: 'soak' }), without: ['check-back'] }, {
      look: 'rollback', why: 'harmless: nobody reads the old database in the soak, and the way back lets the relays on again and waits until they have carried all (`undo-open-emptied`). What it costs is room in the outbox, which is not modelled',
    }),
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
