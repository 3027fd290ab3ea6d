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
    dual('copy-overwrites', 'the copy overwrites what is newer, and nobody compares', { step: { backfill: UPSERT }, without: VERIFIED }),
    dual('no-copy', 'what was there is not copied, and nobody compares', { without: ['copy', ...VERIFIED] }),
    // ── the switch ──
    dual('no-build', 'the program that knows the flag is not rolled out', { without: ['build'] }),
    dual('nobody-stops', 'no pod confirms that it has paused, and the old database is not fenced', { without: ['paused', 'fence', 'fenced', 'blue-end', 'passed'] }),
    dual('no-open', 'the new database is never opened', { without: ['open', 'opened'] }),
    dual('delete-first', 'the old database is deleted before the switch', { runbook: moved('delete-blue', { before: 'pause' }), step: { 'delete-blue': keys({ pointOfNoReturn: undefined }) } }),
    dual('connectors-stop-early', 'the connectors stop before the soak; the comparison after it is still there', { runbook: moved('stop-connectors', { before: 'soak' }) }),
    // ── on Vitess ──
    onVitess('no-tables', 'the new keyspace gets no tables', { without: ['tables'] }),
    onVitess('copy-first-no-proof', 'what was there is copied before changes are captured, and nobody compares', { runbook: moved('capture', { after: 'copy' }), without: VERIFIED }),
    onVitess('old-version-no-proof', 'the new keyspace is made of the old version, and nobody looks', { without: ['image'], step: { 'green-up': inCommand("grep -c '${want} *true'", "grep -c 'true'") } }),
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
