/** Changes of a schema in other orders, broken off, tried again: see `play.ts`. A table of 5 GB: 83 s to write anew, 100 s for an index, 17 s to read. */
import type { Fault } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const sql = (...statements: string[]): string => `psql -h database -v ON_ERROR_STOP=1 ${statements.map(s => `-c "${s}"`).join(' ')}`
const ask = (statement: string): string => `psql -h database -Atc "${statement}"`
const wait = (sleep: string): Step => ({ sleep })
const open = (seconds: number, at = 5): Fault => ({ kind: 'long-transaction', target: 'role:leader', at: at * SECOND, durationUs: seconds * SECOND, magnitude: 0 })
const cluster = (application: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  engine: 'postgres', name: 'orders-db', members: 2, service: 'database', serviceSelects: 'pod-name', image: 'postgres:16.9', targetImage: null, targetKubernetesVersion: null,
  application: { name: 'web', replicas: 4, ...application }, ...more,
})
const load = { writesPerSecond: 200, readsPerSecond: 200, cohorts: 4, connections: 40, timeout: '300s', queueAgeLimit: '300s' }
const impatient = { ...load, timeout: '5s', queueAgeLimit: '5s' }
const invalid = "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname = 'orders_total' and not i.indisvalid"
const valid = "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname = 'orders_total' and i.indisvalid"
/** An index that is built concurrently, and given up by the server in the middle. */
const brokenOff: readonly (string | Step)[] = [{ run: sql("set statement_timeout = '40s'", 'create index concurrently orders_total on orders (total)'), otherwise: 'continue' }]
/** Whatever pod has not started yet is deleted. */
const endMigrating: readonly Step[] = [{ run: 'kubectl get pods -l app=web --field-selector=status.phase=Pending -o name', as: 'migrating' }, { forEach: { lines: '${migrating}', as: 'pod', steps: [{ run: 'kubectl delete ${pod} --wait=false', otherwise: 'continue' }] } } as unknown as Step]
const NEXT = { 'shop:1': { reads: ['customer'], writes: ['id', 'customer', 'total'] }, 'shop:2': { reads: ['id'], writes: ['id', 'total'] } }

unseen({
  'a lock time-out of two seconds, tried again every five, beside a transaction of 40 s: two seconds at a time': {
    cluster: cluster(), load, steps: [wait('10s'), { run: sql("set lock_timeout = '2s'", 'alter table orders add column note text'), retry: { times: 20, every: '5s' } }, wait('30s')], faults: [open(40)],
    predicts: { measures: { longestWriteGapSeconds: [1.9, 2.6], writeDowntimeSeconds: [7, 16] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'lock queue: five or six tries in 35 s, each holding everybody up for two',
  },
  // Predicted: ten seconds. But a psql that is killed cancels nothing: its server process waits on in the queue, with everybody behind it (client_connection_check_interval = 0).
  'without a time-out, its psql killed after ten seconds: as long as the transaction all the same': {
    cluster: cluster(), load, steps: [wait('10s'), { run: sql('alter table orders add column note text'), timeout: '10s', otherwise: 'continue' }, wait('60s')], faults: [open(120)],
    predicts: { measures: { longestWriteGapSeconds: [110, 118] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'D:runtime-config-connection client_connection_check_interval',
  },
  'two changes in one transaction, the second of which reads the table: the first one’s lock is held for that': {
    cluster: cluster(), load, steps: [sql('begin; alter table orders add column note text; alter table orders alter column total set not null; commit'), wait('30s')],
    predicts: { measures: { longestWriteGapSeconds: [16, 20], readDowntimeSeconds: [16, 20] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'explicit-locking: locks are held to the end of the transaction',
  },
  'an index CONCURRENTLY that a statement_timeout ends: it is left invalid, nobody waited': {
    cluster: cluster(), load, steps: [...brokenOff, { gate: ask(invalid), expect: { equals: '1' }, every: '1s', timeout: '10s' }, wait('10s')], predicts: { measures: { writeDowntimeSeconds: 0, readDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'sql-createindex: an invalid index is left behind',
  },
  'and tried again with IF NOT EXISTS: nothing is done, and the gate never met': {
    cluster: cluster(), load, steps: [...brokenOff, sql('create index concurrently if not exists orders_total on orders (total)'), { gate: ask(valid), expect: { equals: '1' }, every: '5s', timeout: '5m' }], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'sql-createindex: IF NOT EXISTS looks at the name alone',
  },
  'dropped first: it is built': {
    cluster: cluster(), load, steps: [...brokenOff, sql('drop index concurrently if exists orders_total'), sql('create index concurrently orders_total on orders (total)'), { gate: ask(valid), expect: { equals: '1' }, every: '5s', timeout: '5m' }], predicts: { measures: { writeDowntimeSeconds: 0, readDowntimeSeconds: 0, durationSeconds: [140, 190] }, passes: 'all' }, source: 'sql-createindex',
  },
  'CONCURRENTLY inside a transaction block: refused': {
    cluster: cluster(), load, steps: [sql('begin', 'create index concurrently orders_total on orders (total)', 'commit')], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: [0, 0.3] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'sql-createindex: cannot run inside a transaction block; DW-F12',
  },
  'NOT NULL on a column that was just added and filled by nobody: refused': {
    cluster: cluster(), load, steps: [sql('alter table orders add column region text'), sql('alter table orders alter column region set not null')], predicts: { outcome: 'aborted', passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'sql-altertable: column contains null values',
  },
  'NOT NULL without a default on a new column: every row lacks it': {
    cluster: cluster(), load, steps: [sql('alter table orders add column region text not null')], predicts: { outcome: 'aborted', passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'sql-altertable 23502',
  },
  'a column that the running release writes is dropped, the next one rolled out a minute later: down from there to there': {
    cluster: cluster({ targetImage: 'shop:2', releases: NEXT }), load: impatient, steps: [sql('alter table orders drop column customer'), wait('60s'), 'kubectl set image deployment/web web=shop:2', 'kubectl rollout status deployment/web --timeout=10m', wait('30s')],
    predicts: { measures: { longestWriteGapSeconds: [60, 140] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'target-reached'] }, source: 'PG-S18: contract before the code; 42703',
  },
  'in the right order nobody notices': {
    cluster: cluster({ targetImage: 'shop:2', releases: NEXT }), load: impatient, steps: ['kubectl set image deployment/web web=shop:2', 'kubectl rollout status deployment/web --timeout=10m', wait('10s'), sql("set lock_timeout = '1s'", 'alter table orders drop column customer'), wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: [0, 0.5] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'target-reached'] }, source: 'expand and contract',
  },
  'the release is taken back after the contraction: every statement of the old one fails': {
    cluster: cluster({ targetImage: null, releases: NEXT }), load: impatient, steps: ['kubectl set image deployment/web web=shop:2', 'kubectl rollout status deployment/web --timeout=10m', sql('alter table orders drop column customer'), wait('20s'), 'kubectl rollout undo deployment/web', 'kubectl rollout status deployment/web --timeout=10m', wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [40, 240] }, fails: ['serves-at-end', 'no-false-success'], passes: ['no-acknowledged-write-lost'] }, source: 'BG-T29: what was dropped does not come back with the code',
  },
  'a pod that migrates is deleted in the middle, the lock is a row: its successor waits for it in vain': {
    cluster: cluster({ targetImage: 'shop:2', migrateBy: 'init-container', lock: 'table', releases: { 'shop:1': NEXT['shop:1'], 'shop:2': { ...NEXT['shop:1'], migrations: { '1': 'create index concurrently orders_total on orders (total)' } } } }), load,
    steps: ['kubectl set image deployment/web web=shop:2 migrate=shop:2', wait('45s'), ...endMigrating, { run: 'kubectl rollout status deployment/web --timeout=30m' }],
    predicts: { outcome: 'aborted', measures: { readDowntimeSeconds: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'DW-F12: DATABASECHANGELOGLOCK stays held',
  },
  'the same with an advisory lock: it goes with the session, the successor does it': {
    cluster: cluster({ targetImage: 'shop:2', migrateBy: 'init-container', lock: 'advisory', releases: { 'shop:1': NEXT['shop:1'], 'shop:2': { ...NEXT['shop:1'], migrations: { '1': 'alter table orders add column if not exists note text' } } } }), load,
    steps: ['kubectl set image deployment/web web=shop:2 migrate=shop:2', wait('45s'), ...endMigrating, { run: 'kubectl rollout status deployment/web --timeout=30m' }, wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: [0, 1] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'target-reached'] }, source: 'explicit-locking: advisory locks of a session end with it',
  },
  'an index built plainly on a primary whose standby is late: writers wait for the building, not for the standby': {
    cluster: cluster(), load, steps: [wait('10s'), sql('create index orders_total on orders (total)'), wait('60s')], faults: [{ kind: 'replication-lag', target: 'role:follower', at: 5 * SECOND, durationUs: 300 * SECOND, magnitude: 20 * SECOND }],
    predicts: { measures: { longestWriteGapSeconds: [97, 112], readDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'asynchronous replication',
  },
})
