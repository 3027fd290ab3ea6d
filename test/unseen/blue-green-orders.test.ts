/** Blue/green on PostgreSQL in other orders, turned back half-way, by a managed service, by a DNS name: see `play.ts`. */
import type { Fault } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'
import { expect, test } from 'vitest'
import { rehearsals, unseen } from './play.ts'

const blue = (statement: string): string => `psql -h blue-db-0.blue-db -Atc "${statement}"`
const command = (host: string, ...statements: string[]): string => `psql -h ${host}-0.${host} ${statements.map(s => `-c "${s}"`).join(' ')}`
const readOnly = (host: string, on: boolean): string => command(host, `alter system set default_transaction_read_only = '${on ? 'on' : 'off'}'`, 'select pg_reload_conf()')
const cut = (host: string): string => command(host, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app_user'")
const route = (host: string): string => `kubectl patch service database --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"${host}-0","app":"${host}"}}}'`
const wait = (sleep: string): Step => ({ sleep })
const late = (seconds: number, at: number): Fault => ({ kind: 'replication-lag', target: 'member:green-db-0', at: at * SECOND, durationUs: 5 * MINUTE, magnitude: seconds * SECOND })
const FILL: readonly (string | Step)[] = [
  'kubectl scale statefulset green-db --replicas=1', 'kubectl rollout status statefulset/green-db --timeout=10m', blue('create publication upgrade for all tables'),
  command('green-db', 'set default_transaction_read_only = off', "create subscription green connection 'host=blue-db-0.blue-db dbname=appdb user=replicator' publication upgrade"),
  { gate: blue("select count(*) from pg_stat_replication where application_name = 'green' and state = 'streaming' and pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) <= 1048576"), expect: { min: 1 }, for: '20s', every: '2s', timeout: '2h' },
]
const EQUAL: Step = { gate: blue("select confirmed_flush_lsn = pg_current_wal_lsn() from pg_replication_slots where slot_name = 'green'"), expect: { equals: 't' }, every: '1s', timeout: '2m' }
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'postgres', name: 'blue-db', members: 1, service: 'database', serviceSelects: 'pod-name', image: 'postgres:16.9', targetImage: 'postgres:17.5', targetKubernetesVersion: null, databaseMB: 500, green: { name: 'green-db' }, ...more })

const ID = 'bgd-abcdefghijklmnop'
const managed = (more: Record<string, unknown> = {}) => cluster({ terminationGraceSeconds: 120, managed: { provisionSeconds: 60 }, ...more })
const MADE: readonly (string | Step)[] = [
  'aws rds create-blue-green-deployment --blue-green-deployment-name upgrade --source blue-db --target-engine-version 17.5',
  { gate: `aws rds describe-blue-green-deployments --blue-green-deployment-identifier ${ID} --query BlueGreenDeployments[0].Status --output text`, expect: { equals: 'AVAILABLE' }, every: '10s', timeout: '2h' }, wait('30s'),
]
const switchOver = (seconds = 300): string => `aws rds switchover-blue-green-deployment --blue-green-deployment-identifier ${ID} --switchover-timeout ${seconds}`

const weights = (b: number, g: number): string => `aws route53 change-resource-record-sets --hosted-zone-id Z0123456789EXAMPLE --change-batch '{"Changes":[${[['blue', b], ['green', g]].map(([id, w]) => `{"Action":"UPSERT","ResourceRecordSet":{"Name":"database.example.com","Type":"CNAME","SetIdentifier":"${id}","Weight":${w},"TTL":60,"ResourceRecords":[{"Value":"${id}-db-0.${id}-db"}]}}`).join(',')}]}'`
const named = cluster({ dns: { name: 'database.example.com', ttlSeconds: 60, records: [{ id: 'blue', host: 'blue-db-0.blue-db', weight: 255 }, { id: 'green', host: 'green-db-0.green-db', weight: 0 }] } })
const pools = { entrance: 'dns', cohorts: 12, connections: 48, timeout: '5s', queueAgeLimit: '5s' }

unseen({
  // ── orders ──
  'fence, and open without asking whether green has all, five seconds late: blue stops cleanly, and waits until green has them': {
    cluster: cluster(), steps: [...FILL, wait('2m'), readOnly('blue-db', true), readOnly('green-db', false), route('green-db'), cut('blue-db'), 'kubectl delete statefulset blue-db', wait('60s')], faults: [late(5, 130)],
    predicts: { measures: { lostAcknowledgedWrites: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'walsender.c WalSndDone: a stopping publisher sends all (PG-LOGICAL-11)',
  },
  'fence, and open without asking whether green has all, five seconds late, and let the subscription go: those five seconds are gone': {
    cluster: cluster(), steps: [...FILL, wait('2m'), readOnly('blue-db', true), readOnly('green-db', false), route('green-db'), cut('blue-db'), command('green-db', 'drop subscription green'), 'kubectl delete statefulset blue-db', wait('60s')], faults: [late(5, 130)],
    predicts: { measures: { lostAcknowledgedWrites: [500, 1_300] }, fails: ['no-acknowledged-write-lost'], passes: ['serves-at-end'] }, source: 'BG-T33: 200/s × 5 s',
  },
  'turned back before green is open: only as long as it took': {
    cluster: cluster({ targetImage: 'postgres:17.5' }), steps: [...FILL, readOnly('blue-db', true), wait('10s'), readOnly('blue-db', false), wait('60s')],
    predicts: { measures: { longestWriteGapSeconds: [9, 14] }, fails: ['target-reached'], passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VB §9b R1: undo = unfence blue, loss 0',
  },
  'blue is fenced by a default that only new sessions take: those that are there write on': {
    cluster: cluster(), steps: [...FILL, command('blue-db', "alter system set default_transaction_read_only = 'on'"), wait('10s'), readOnly('green-db', false), route('green-db'), wait('60s')],
    predicts: { measures: { splitBrainSeconds: [50, 140], lostAcknowledgedWrites: [0, 100] }, fails: ['no-split-brain'] }, source: 'ALTER SYSTEM without a reload changes nothing',
  },
  // ── a managed service ──
  'a switchover, programs that ask for the address each time': {
    cluster: managed(), load: { timeout: '5s', queueAgeLimit: '5s' }, steps: [...MADE, switchOver(), wait('2m')], predicts: { measures: { writeDowntimeSeconds: [3, 25], lostAcknowledgedWrites: 0 }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'BG-F01, BG-F04; PF01, PF04',
  },
  'programs that keep an address for a minute: up to that minute longer': {
    cluster: managed(), load: { timeout: '5s', queueAgeLimit: '5s', dnsCache: '60s', cohorts: 12, connections: 48 }, steps: [...MADE, switchOver(), wait('3m')], predicts: { measures: { longestWriteGapSeconds: [5, 75], lostAcknowledgedWrites: 0 }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'BG-F04: max(switch, TTL/caching)',
  },
  'programs that keep an address for ever find blue, which refuses, until somebody restarts them': {
    cluster: managed(), load: { timeout: '5s', queueAgeLimit: '5s', dnsCache: 'forever' }, steps: [...MADE, switchOver(), wait('3m')], predicts: { measures: { writeDowntimeSeconds: [170, 1e4] }, passes: ['no-acknowledged-write-lost', 'no-split-brain'] }, source: 'BG-F04; networkaddress.cache.ttl = -1',
  },
  'a transaction of ten minutes on blue: refused, nothing changed': {
    cluster: managed(), steps: [...MADE, wait('10m'), switchOver()], faults: [{ kind: 'long-transaction', target: 'member:blue-db-0', at: 8 * MINUTE, durationUs: 20 * MINUTE, magnitude: 0 }], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'BG-F03',
  },
  'a column added on blue while green follows: replication is degraded, it cannot be switched': {
    cluster: managed(), steps: [...MADE, blue('create table later (a int)'), blue('insert into later values (1)'), wait('30s'), switchOver()], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: [0, 0.5] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-F03: DDL on blue',
  },
  'a time-out below what the service takes': {
    cluster: managed(), steps: [...MADE, switchOver(10)], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-F02: 30 to 3,600',
  },
  // ── a name ──
  'all answers to green at once, no fence, pools that never move: they write on to blue': {
    cluster: named, load: { ...pools, connectionLife: 'never' }, steps: [...FILL, readOnly('green-db', false), weights(0, 255), wait('5m')], predicts: { measures: { lostAcknowledgedWrites: [0, 100], splitBrainSeconds: [200, 400] }, fails: ['no-split-brain', 'target-reached'], passes: ['serves-at-end'] }, source: 'BG-T15, BG-T20; §7 BG-T15: pooled connections never move',
  },
  'with the fence and the sessions ended first: as long as the answers are kept': {
    cluster: named, load: { ...pools, connectionLife: '30m', dnsCache: '30s' }, steps: [...FILL, readOnly('blue-db', true), EQUAL, readOnly('green-db', false), weights(0, 255), cut('blue-db'), wait('5m')], predicts: { measures: { longestWriteGapSeconds: [20, 125] }, fails: ['target-reached'], passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'BG-F04; O10: TTL 60 s and a cache of 30 s',
  },
})

// Predicted: keys clash after the switch, as sequences are not replicated (BG-T41). Sequences are not modelled, and who sets one hears that before anything runs.
test('setval and nextval are refused by name', () => {
  for (const statement of ["select setval('orders_id_seq', 1000)", "select nextval('orders_id_seq')"]) expect(() => rehearsals({ cluster: cluster(), steps: [blue(statement)] }, 1)).toThrow(/the function (?:setval|nextval)\(\) is not modelled/)
})
