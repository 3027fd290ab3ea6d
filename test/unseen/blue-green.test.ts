/** Blue/green by logical replication on PostgreSQL, put together by hand: see `play.ts`. Blue is never deleted, so the target is never wholly reached. */
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const blue = (statement: string): string => `psql -h blue-db-0.blue-db -Atc "${statement}"`
const command = (host: string, ...statements: string[]): string => `psql -h ${host}-0.${host} ${statements.map(s => `-c "${s}"`).join(' ')}`
const readOnly = (host: string, on: boolean): string => command(host, `alter system set default_transaction_read_only = '${on ? 'on' : 'off'}'`, 'select pg_reload_conf()')
const cut = (host: string): string => command(host, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app_user'")
const route = (host: string, n = 0): string => `kubectl patch service database --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"${host}-${n}","app":"${host}"}}}'`
const wait = (sleep: string): Step => ({ sleep })
const DATA = '/var/lib/postgresql/data'
/** Blue's primary stopped in good order, and its standby promoted. */
const BLUE_FAILS_OVER: readonly (string | Step)[] = [
  `kubectl exec blue-db-0 -- psql -U postgres -Atc "alter system set primary_conninfo = 'host=blue-db-1.blue-db user=replicator application_name=blue-db-0'"`, `kubectl exec blue-db-0 -- touch ${DATA}/standby.signal`,
  { run: `kubectl exec blue-db-0 -- pg_ctl stop -m fast -D ${DATA}`, otherwise: 'continue' }, `kubectl exec blue-db-1 -- pg_ctl promote -D ${DATA}`, route('blue-db', 1),
]
const MAKE_GREEN = ['kubectl scale statefulset green-db --replicas=1', 'kubectl rollout status statefulset/green-db --timeout=10m']
const FILL_GREEN: readonly (string | Step)[] = [
  ...MAKE_GREEN,
  blue('create publication upgrade for all tables'),
  command('green-db', 'set default_transaction_read_only = off', "create subscription green connection 'host=blue-db-0.blue-db dbname=appdb user=replicator' publication upgrade"),
  { gate: blue("select count(*) from pg_stat_replication where application_name = 'green' and state = 'streaming' and pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) <= 1048576"), expect: { min: 1 }, for: '20s', every: '2s', timeout: '2h' },
]
/** Equality, as the documents have it: with blue closed to clients nothing moves. */
const GREEN_HAS_ALL: Step = { gate: blue("select confirmed_flush_lsn = pg_current_wal_lsn() from pg_replication_slots where slot_name = 'green'"), expect: { equals: 't' }, every: '1s', timeout: '2m' }
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'postgres', name: 'blue-db', members: 1, service: 'database', serviceSelects: 'pod-name', image: 'postgres:16.9', targetImage: 'postgres:17.5', targetKubernetesVersion: null, databaseMB: 500, green: { name: 'green-db' }, ...more })

unseen({
  'fence, wait for equality, open, route, cut: seconds, nothing lost, never two': {
    cluster: cluster(), steps: [...FILL_GREEN, readOnly('blue-db', true), GREEN_HAS_ALL, readOnly('green-db', false), route('green-db'), cut('blue-db'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [1, 6] }, fails: ['target-reached'], passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end', 'no-forbidden-skew'] }, source: 'VB §9b; D:logical-replication-upgrade',
  },
  'no fence: whoever is connected writes on to blue while others write to green': {
    cluster: cluster(), steps: [...FILL_GREEN, readOnly('green-db', false), route('green-db'), wait('60s')],
    predicts: { measures: { splitBrainSeconds: [110, 130], lostAcknowledgedWrites: [0, 100], writeDowntimeSeconds: 0 }, fails: ['no-split-brain', 'no-false-success'] }, source: 'PG-S08; PG-ROUTE-1',
  },
  'green opened empty, clients cut off blue: all they ever wrote is lost': {
    cluster: cluster(), steps: [...MAKE_GREEN, readOnly('green-db', false), route('green-db'), wait('5s'), cut('blue-db'), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [4_000, 60_000], splitBrainSeconds: [100, 140], writeDowntimeSeconds: [0.5, 3] }, fails: ['no-acknowledged-write-lost', 'no-split-brain'] }, source: 'PG-S01',
  },
  'blue deleted before the switch: down from there to the switch, and the tail is lost': {
    cluster: cluster(), steps: [...FILL_GREEN, 'kubectl delete statefulset blue-db', wait('10s'), readOnly('green-db', false), route('green-db'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [10, 75], lostAcknowledgedWrites: [0, 100] }, passes: ['no-split-brain', 'serves-at-end'] }, source: 'PG-S04',
  },
  'back to blue without replication backward: what green had acknowledged is lost': {
    cluster: cluster(),
    steps: [...FILL_GREEN, readOnly('blue-db', true), GREEN_HAS_ALL, readOnly('green-db', false), route('green-db'), cut('blue-db'), wait('60s'), readOnly('blue-db', false), route('blue-db'), wait('5s'), cut('green-db'), wait('60s')],
    // 200 a second for about 65 s.
    predicts: { measures: { lostAcknowledgedWrites: [11_000, 15_000], splitBrainSeconds: [60, 140], writeDowntimeSeconds: [2, 10] }, fails: ['no-acknowledged-write-lost', 'no-split-brain'] }, source: 'PG-S16; VB BG-F05',
  },
  'blue fails over to its standby after the subscription was made: the slot is not there, green stands still; the gate is never met': {
    cluster: cluster({ members: 2 }),
    steps: [...FILL_GREEN, ...BLUE_FAILS_OVER, wait('30s'),
      { gate: "psql -h blue-db-1.blue-db -Atc \"select count(*) from pg_replication_slots where slot_name = 'green'\"", expect: { min: 1 }, every: '2s', timeout: '1m' }],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: [1, 8] }, passes: ['no-acknowledged-write-lost'] }, source: 'logical slots are not on standbys before 17',
  },
  'careless: the switch is made all the same, and what was written since the failover is lost': {
    cluster: cluster({ members: 2 }),
    steps: [...FILL_GREEN, ...BLUE_FAILS_OVER, wait('60s'),
      'psql -h blue-db-1.blue-db -c "alter system set default_transaction_read_only = \'on\'" -c "select pg_reload_conf()"', wait('5s'), readOnly('green-db', false), route('green-db'), 'psql -h blue-db-1.blue-db -c "select pg_terminate_backend(pid) from pg_stat_activity where usename = \'app_user\'"', wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [10_000, 16_000] }, fails: ['no-acknowledged-write-lost'] }, source: 'the same',
  },
  'a table made on blue after the publication: green has none, its worker stops at the first row': {
    cluster: cluster(), steps: [...FILL_GREEN, blue('create table later (a int)'), blue('insert into later values (1)'), wait('30s'), readOnly('blue-db', true), GREEN_HAS_ALL],
    predicts: { outcome: 'aborted' }, source: 'logical-replication-restrictions',
  },
})
