/** PostgreSQL's parameters: what a restart, a promotion or Patroni make of them; see `play.ts`. */
import type { Fault } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'
import { expect, test } from 'vitest'
import { rehearsals, unseen } from './play.ts'
import { ctl, DATA, exec, fence, follow, passOver, pod, promote, ready, route, SET, sql, stop, wait } from './postgres-words.ts'
const set = (n: number, name: string, value: string): string => sql(n, `alter system set ${name} = '${value}'`)
const restart = (n: number): (string | Step)[] => [`kubectl delete pod ${pod(n)}`, wait('5s'), passOver(ready(n, '3m'))]
const fault = (kind: Fault['kind'], target: string, at: number, durationUs: number, magnitude = 0): Fault => ({ kind, target, at, durationUs, magnitude })
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'postgres', serviceSelects: 'pod-name', databaseMB: 500, targetKubernetesVersion: null, spareNodes: 0, slots: true, ...more })
const quick = { timeout: '5s', queueAgeLimit: '10s' }

unseen({
  'max_connections lowered on a standby below the primary, restarted: it does not start (FATAL), the primary does not care': {
    cluster: cluster(), steps: [set(2, 'max_connections', '50'), ...restart(2), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['converges', 'no-false-success'] }, source: 'D:hot-standby: parameter settings',
  },
  'max_connections raised on the primary first: both standbys pause replay; at the next restart they do not start': {
    cluster: cluster(), load: quick, steps: [set(0, 'max_connections', '500'), ...restart(0), wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: [3, 40] }, fails: ['converges', 'no-false-success'] }, source: 'D:hot-standby: PG14+ pauses recovery',
  },
  'the same with remote_apply and ANY 1: every commit hangs': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1', synchronousCommit: 'remote_apply' }), load: quick, steps: [set(0, 'max_connections', '500'), ...restart(0), wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: [100, 1100] }, fails: ['serves-at-end', 'converges'] }, source: 'D:hot-standby',
  },
  'raised on the standbys first, then the primary: all is well': {
    cluster: cluster(), load: quick, steps: [set(2, 'max_connections', '500'), ...restart(2), set(1, 'max_connections', '500'), ...restart(1), set(0, 'max_connections', '500'), ...restart(0), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [3, 40] }, passes: 'all' }, source: 'D:hot-standby',
  },
  'lowered on the primary first, then the standbys: all is well': {
    cluster: cluster(), load: quick, steps: [set(0, 'max_connections', '50'), ...restart(0), set(2, 'max_connections', '50'), ...restart(2), set(1, 'max_connections', '50'), ...restart(1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [3, 40] }, passes: 'all' }, source: 'D:hot-standby',
  },
  'raised on the primary first, then promoted a standby: promotion is not possible': {
    cluster: cluster({ slots: false }), load: quick, steps: [set(0, 'max_connections', '500'), ...restart(0), wait('30s'), ...fence(0, 1), stop(0), passOver(promote(1)), route(1), ...follow(2, 1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [60, 400] }, fails: ['serves-at-end'] }, source: 'xlogrecovery.c: promotion is not possible because of insufficient parameter settings',
  },
  'FIRST 2 with a name that nobody has: the two next ones are enough': {
    cluster: cluster({ synchronousStandbyNames: `FIRST 2 (ghost, "${pod(1)}", "${pod(2)}")` }), steps: [wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'runtime-config-replication',
  },
  'and with one of them away: hangs': {
    cluster: cluster({ synchronousStandbyNames: `FIRST 2 (ghost, "${pod(1)}", "${pod(2)}")` }), steps: [`kubectl delete pod ${pod(2)}`, wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: [2, 30] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'runtime-config-replication',
  },
  'synchronous_commit set to local on the server by ALTER SYSTEM unhangs commits (names still there, standbys away)': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1' }),
    steps: [set(0, 'synchronous_commit', 'local'), sql(0, 'select pg_reload_conf()'), wait('5s'), { parallel: [`kubectl delete pod ${pod(1)}`, `kubectl delete pod ${pod(2)}`] } as unknown as Step, wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: 0 } }, source: 'a reload changes the default of sessions that did not set it themselves',
  },
  'wal_sender_timeout 5 s by reload: a frozen FIRST 1 standby stalls commits 5 s, not 60': {
    cluster: cluster({ synchronousStandbyNames: 'FIRST 1' }), steps: [set(0, 'wal_sender_timeout', '5s'), sql(0, 'select pg_reload_conf()'), wait('150s')],
    faults: [fault('process-pause', `member:${pod(1)}`, 20 * SECOND, 100 * SECOND)],
    predicts: { measures: { writeDowntimeSeconds: [4, 8] }, passes: 'all' }, source: 'E-10 G',
  },
  'wal_log_hints on by ALTER SYSTEM and restart makes pg_rewind possible': {
    cluster: cluster({ members: 2, slots: false, supervised: true, rewindable: false, walKeepMB: 1000 }),
    steps: [set(0, 'wal_log_hints', 'on'), ctl(0, 'restart -m fast'), wait('30s'), promote(1), route(1), wait('5s'), ctl(0, 'stop -m fast'), sql(1, 'checkpoint'), exec(0, `pg_rewind -D ${DATA} --source-server='host=${pod(1)}.${SET} user=postgres dbname=postgres' -R`), ctl(0, 'start'), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [500, 3000], splitBrainSeconds: [4, 12] }, passes: ['converges', 'serves-at-end'] }, source: 'app-pgrewind: wal_log_hints',
  },
  'without: refused': {
    cluster: cluster({ members: 2, slots: false, supervised: true, rewindable: false, walKeepMB: 1000 }),
    steps: [promote(1), route(1), wait('5s'), ctl(0, 'stop -m fast'), sql(1, 'checkpoint'), exec(0, `pg_rewind -D ${DATA} --source-server='host=${pod(1)}.${SET} user=postgres dbname=postgres' -R`), ctl(0, 'start'), wait('60s')],
    predicts: { outcome: 'aborted', measures: { lostAcknowledgedWrites: [500, 40000], splitBrainSeconds: [4, 200] } }, source: 'E-4/T3',
  },
  'Patroni, API away for two minutes, failsafe off: the leader gives up after some 10 to 25 s, back when the API is': {
    cluster: cluster({ patroni: {}, serviceSelects: 'role' }), load: quick, steps: [wait('4m')], faults: [fault('api-server-away', 'control-plane', 10 * SECOND, 2 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [90, 140] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'PG-PATRONI-8',
  },
  'failsafe on: nobody notices': {
    cluster: cluster({ patroni: { failsafeMode: true }, serviceSelects: 'role' }), load: quick, steps: [wait('4m')], faults: [fault('api-server-away', 'control-plane', 10 * SECOND, 2 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [0, 1] }, passes: 'all' }, source: 'PG-PATRONI-9',
  },
  'failsafe on and one member away as well: it gives up': {
    cluster: cluster({ patroni: { failsafeMode: true }, serviceSelects: 'role' }), load: quick, steps: [wait('5m')], faults: [fault('api-server-away', 'control-plane', 30 * SECOND, 2 * MINUTE), fault('process-pause', `member:${pod(2)}`, 20 * SECOND, 150 * SECOND)],
    predicts: { measures: { longestWriteGapSeconds: [70, 140] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'dcs_failsafe_mode: all members must answer',
  },
  'Patroni, both replicas 20 s behind, the leader’s node lost for 5 min: nobody may lead until they have caught up or it is back': {
    cluster: cluster({ patroni: {}, serviceSelects: 'role' }), load: quick, steps: [wait('10m')],
    faults: [fault('node-loss', 'role:leader', 60 * SECOND, 5 * MINUTE), ...[1, 2].map(n => fault('replication-lag', `member:${pod(n)}`, 5 * SECOND, 100 * SECOND, 20 * SECOND))],
    predicts: { measures: { longestWriteGapSeconds: [20, 420] }, passes: ['no-split-brain', 'serves-at-end'] }, source: 'maximum_lag_on_failover 1 MiB; 200 × 2 kB × 20 s = 8 MB',
  },
  'maximum_lag_on_failover 100 MB: one of them leads after 20 to 48 s, 20 s are lost': {
    cluster: cluster({ patroni: { maximumLagOnFailoverMB: 100 }, serviceSelects: 'role' }), load: quick, steps: [wait('10m')],
    faults: [fault('node-loss', 'role:leader', 60 * SECOND, 5 * MINUTE), ...[1, 2].map(n => fault('replication-lag', `member:${pod(n)}`, 5 * SECOND, 100 * SECOND, 20 * SECOND))],
    predicts: { measures: { longestWriteGapSeconds: [20, 60], lostAcknowledgedWrites: [3500, 4300] }, fails: [], passes: ['no-split-brain', 'serves-at-end'] }, source: 'maximum_lag_on_failover',
  },
  'wal_level minimal: the server does not start (max_wal_senders > 0)': {
    cluster: cluster(), load: quick, steps: [set(0, 'wal_level', 'minimal'), ...restart(0), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [120, 1000] }, fails: ['serves-at-end'] }, source: 'xlog.c/postmaster.c: WAL streaming (max_wal_senders > 0) requires wal_level replica or logical',
  },
  'FIRST 1 names the candidate alone, in the file of all: promoted it waits for itself': {
    cluster: cluster({ slots: false, synchronousStandbyNames: `FIRST 1 ("${pod(1)}")` }), load: quick, steps: [...fence(0, 1), stop(0), promote(1), route(1), ...follow(2, 1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [100, 400] }, fails: ['serves-at-end'] }, source: 'E-6/E16',
  },
  'ANY 1 (*) : the new one takes whoever follows': {
    cluster: cluster({ slots: false, synchronousStandbyNames: 'ANY 1 (*)' }), load: quick, steps: [...fence(0, 1), stop(0), promote(1), route(1), ...follow(2, 1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [1, 8] }, passes: 'all' }, source: 'runtime-config-replication',
  },
  'the old form 1 (a, b) is FIRST 1: the first frozen stalls for wal_sender_timeout': {
    cluster: cluster({ synchronousStandbyNames: `1 ("${pod(1)}", "${pod(2)}")` }), steps: [wait('150s')], faults: [fault('process-pause', `member:${pod(1)}`, 10 * SECOND, 130 * SECOND)],
    predicts: { measures: { writeDowntimeSeconds: [59, 62] }, passes: 'all' }, source: 'runtime-config-replication: num (…) is FIRST',
  },
  'remote_write, the synchronous standby’s process killed and the primary’s disk lost a minute later: nothing is lost': {
    cluster: cluster({ synchronousStandbyNames: 'FIRST 1', synchronousCommit: 'remote_write', slots: false }), load: quick, steps: [wait('60s'), `kubectl delete pvc data-${pod(0)} --wait=false`, `kubectl delete pod ${pod(0)} --force --grace-period=0`, wait('3s'), promote(1), route(1), set(1, 'synchronous_standby_names', ''), sql(1, 'select pg_reload_conf()'), wait('60s')], faults: [fault('process-kill', `member:${pod(1)}`, 10 * SECOND, 5 * SECOND)],
    predicts: { measures: { writeDowntimeSeconds: [3, 15] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: '§1.1 remote_write survives a standby process crash',
  },
  'a base backup taken from a standby: a standby that follows': {
    cluster: cluster({ slots: false, supervised: true, walKeepMB: 1000 }), steps: [ctl(2, 'stop -m fast'), exec(2, `sh -c 'rm -rf ${DATA}/*'`), exec(2, `pg_basebackup -h ${pod(1)}.${SET} -U replicator -D ${DATA} -R -X stream -c fast`), ctl(2, 'start'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'app-pgbasebackup; warm-standby cascading',
  },
  'poolers scaled to nothing: nobody gets in': {
    cluster: cluster({ pooler: {} }), load: quick, steps: ['kubectl scale deployment pgbouncer --replicas=0', wait('60s'), 'kubectl scale deployment pgbouncer --replicas=2', 'kubectl rollout status deployment/pgbouncer --timeout=5m', wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: [55, 95] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'deployment',
  },
})

// Predicted: a member less, servers started anew with another max_connections, a synchronous standby. Nothing of it happened, and nobody said so.
test.each([
  ['a member less', { numberOfInstances: 2 }, 'numberOfInstances'],
  ['parameters', { postgresql: { parameters: { max_connections: '300' } } }, 'postgresql.parameters.max_connections'],
  ['Patroni’s own settings', { patroni: { synchronous_mode: true } }, 'patroni.synchronous_mode'],
])('%s in the postgresql object is refused by name', (_name, spec, word) => {
  const refused = () => rehearsals({ cluster: cluster({ patroni: {}, serviceSelects: 'role' }), steps: [`kubectl patch postgresql ${SET} --type merge --patch '${JSON.stringify({ spec })}'`] }, 1)
  expect(refused).toThrow(word)
})
