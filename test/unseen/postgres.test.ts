/** PostgreSQL on Kubernetes: see `play.ts`. Two to seven members, synchronous or not, with and without poolers, slots and volumes. */
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'
import { ctl, DATA, exec, fence, follow, passOver, pod, promote, ready, route, SET, sql, stop, wait } from './postgres-words.ts'

const nodeOf = (n: number, as = 'node'): Step => ({ run: `kubectl get pod ${pod(n)} -o jsonpath='{.spec.nodeName}'`, as })
const drain = (node: string, timeout = '15m'): string => `kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data --timeout=${timeout}`
const POOLERS: Step = { run: `kubectl get endpoints pgbouncer -o jsonpath='{range .subsets[*].addresses[*]}{.ip}{"\\n"}{end}'`, as: 'poolers' }
const bouncer = (word: string): Step => ({ forEach: { lines: '${poolers}', as: 'b', steps: [{ run: `psql -h \${b} -p 6432 -U pgbouncer pgbouncer -c "${word}"`, timeout: '10s', otherwise: 'continue' }] } } as unknown as Step)
/** Away for some minutes: its node takes no pod. */
const away = (n: number, minutes: number): (string | Step)[] => [nodeOf(n), 'kubectl cordon ${node}', `kubectl delete pod ${pod(n)}`, wait(`${minutes}m`), 'kubectl uncordon ${node}', ready(n), wait('60s')]

const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'postgres', serviceSelects: 'pod-name', databaseMB: 500, targetKubernetesVersion: null, ...more })

unseen({
  'two members, promoted without a fence: all that the old one acknowledges from then on is lost, and clients notice nothing': {
    cluster: cluster({ members: 2 }),
    steps: [promote(1), wait('20s'), route(1), wait('30s')],
    // 200 a second from the promotion to the end of the settling: 50 s and 60 s.
    predicts: { measures: { lostAcknowledgedWrites: [20_000, 24_000], splitBrainSeconds: [105, 120], writeDowntimeSeconds: 0 }, fails: ['no-acknowledged-write-lost', 'no-split-brain', 'converges', 'no-false-success'] },
    source: 'PG-T21, E-5 L3; facts §3: an established connection stays',
  },
  'stopped and promoted, but the container restarts the old one as a primary: nothing is lost, both could acknowledge': {
    cluster: cluster({ members: 2 }),
    steps: [stop(0), promote(1), route(1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [1, 6], splitBrainSeconds: [110, 125] }, fails: ['no-split-brain', 'converges'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'PG-T36, E-4/T1',
  },
  'fenced by standby.signal, stopped, promoted: nothing is lost, all is well without a rewind': {
    cluster: cluster({ members: 2 }),
    steps: [...fence(0, 1), stop(0), promote(1), route(1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [1, 6] }, passes: 'all' },
    source: 'E-13, E-15',
  },
  'an immediate stop leaves a tail that the candidate lacks: the old one cannot follow without a rewind': {
    cluster: cluster(),
    steps: [...fence(0, 1), stop(0, 'immediate'), promote(1), route(1), ...follow(2, 1), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [0, 2], writeDowntimeSeconds: [1, 6] }, fails: ['converges'] },
    source: 'E-5 L1, E-10/B',
  },
  'a smart stop ends nothing while clients are there: whoever promotes then has two that acknowledge': {
    cluster: cluster(),
    steps: [...fence(0, 1), passOver(ctl(0, 'stop -m smart -t 20')), promote(1), route(1), ...follow(2, 1), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [150_000, 210_000], splitBrainSeconds: [800, 1000], writeDowntimeSeconds: 0 }, fails: ['no-acknowledged-write-lost', 'no-split-brain', 'converges'] },
    source: 'E-6: a smart shutdown waits for its clients, who go on',
  },
  'STOPSIGNAL TERM and a pod that is deleted: its clients write on for the grace period, the outage is the start alone': {
    cluster: cluster({ stopSignal: 'TERM', spareNodes: 0 }),
    load: { timeout: '5s', queueAgeLimit: '10s' },
    steps: [`kubectl delete pod ${pod(0)}`, ready(0)],
    predicts: { measures: { writeDowntimeSeconds: [4, 30], durationSeconds: [30, 70] }, passes: 'all' },
    source: 'facts §1.5: 30 s of refused connections, then SIGKILL',
  },
  'one member, its pod deleted: down for stop, start and probe, nothing lost': {
    cluster: cluster({ members: 1, spareNodes: 0 }),
    load: { timeout: '5s', queueAgeLimit: '10s' },
    steps: [`kubectl delete pod ${pod(0)}`, ready(0)],
    predicts: { measures: { writeDowntimeSeconds: [3, 30] }, passes: 'all' },
    source: 'facts §5: clean start 0.12 s, container 1–5 s, probe U(0, 10) s',
  },
  'the primary with its volume, where the image clones: it waits for a primary to clone, which is itself': {
    cluster: cluster(),
    steps: [`kubectl delete pvc data-${pod(0)} --wait=false`, `kubectl delete pod ${pod(0)}`, passOver(ready(0))],
    predicts: { measures: { writeDowntimeSeconds: [600, 720] }, fails: ['serves-at-end', 'converges'] },
    source: 'PG-T12; facts §6 K3, K4',
  },
  'the same where it does not clone: an empty database, Ready; all that was there is stranded on the standbys': {
    cluster: cluster({ cloneOnStart: false }),
    steps: [`kubectl delete pvc data-${pod(0)} --wait=false`, `kubectl delete pod ${pod(0)}`, passOver(ready(0)), wait('30s')],
    predicts: { measures: { lostAcknowledgedWrites: [2_500, 4_500], strandedWrites: [2_500, 4_500] }, fails: ['no-acknowledged-write-lost', 'converges'] },
    source: 'PG-T12',
  },
  'a standby with its volume clones itself anew, and nobody notices': {
    cluster: cluster(),
    steps: [`kubectl delete pvc data-${pod(2)} --wait=false`, `kubectl delete pod ${pod(2)}`, ready(2), wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'facts §1.6, §6 K3',
  },

  // ── poolers ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  'PAUSE, fence, stop, promote, route, RESUME: a stall of seconds, not one error': {
    cluster: cluster({ pooler: {} }),
    steps: [POOLERS, ...fence(0, 1), bouncer('PAUSE'), stop(0), promote(1), route(1), wait('3s'), bouncer('RESUME'), ...follow(2, 1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [4, 8], failedAttempts: 0 }, passes: 'all' },
    source: 'E-8 F, E-13',
  },
  'the same in session pooling: PAUSE gets nobody off, clients write until the stop, and wait from there to RESUME': {
    cluster: cluster({ pooler: { poolMode: 'session' } }),
    steps: [POOLERS, ...fence(0, 1), bouncer('PAUSE'), stop(0), promote(1), route(1), wait('3s'), bouncer('RESUME'), ...follow(2, 1), wait('60s')],
    // Ctrl-C after 10 s at each of two poolers; of these 20 s nothing is downtime.
    predicts: { measures: { writeDowntimeSeconds: [3, 8], durationSeconds: [75, 100] }, passes: 'all' },
    source: 'PgBouncer 1.18: a linked session writes on through PAUSE, which ends with it; objects.c find_server',
  },
  'no PAUSE: the failed login keeps everybody out for server_login_retry': {
    cluster: cluster({ pooler: {} }),
    steps: [...fence(0, 1), stop(0), promote(1), route(1), ...follow(2, 1), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [14, 18], failedAttempts: [1_000, 10_000] }, passes: 'all' },
    source: 'E-8/G: 15 s server_login_retry',
  },
  'paused and promoted before the old one is stopped: nothing is lost, but both could acknowledge, and what followed the old one has diverged': {
    cluster: cluster({ pooler: {} }),
    steps: [POOLERS, bouncer('PAUSE'), wait('2s'), promote(1), ...fence(0, 1), stop(0), route(1), wait('3s'), bouncer('RESUME'), ...follow(2, 1), wait('60s')],
    predicts: { measures: { splitBrainSeconds: [1, 5], writeDowntimeSeconds: [6, 13] }, fails: ['no-split-brain', 'converges'], passes: ['no-acknowledged-write-lost'] },
    source: 'PG-T21, PG-T33',
  },
  'lag of nothing after PAUSE: the gate passes at once': {
    cluster: cluster({ pooler: {} }),
    steps: [POOLERS, bouncer('PAUSE'), { gate: sql(0, 'select pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) from pg_stat_replication'), expect: { max: 0 }, every: '1s', timeout: '30s' }, bouncer('RESUME'), wait('10s')],
    predicts: { measures: { writeDowntimeSeconds: [0.3, 5] }, passes: 'all' },
    source: 'PostgreSQL 15.18: idle, the lag is 0 in 120 of 120 looks',
  },

  // ── synchronous replication ────────────────────────────────────────────────────────────────────────────────────────────────────
  'ANY 1 does not help who promotes without a fence: the third still confirms what the old one writes, and the new one hangs': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1' }),
    steps: [promote(1), wait('20s'), route(1), wait('30s')],
    predicts: { measures: { lostAcknowledgedWrites: [20_000, 24_000], writeDowntimeSeconds: 0 }, fails: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'], passes: ['no-split-brain'] },
    source: 'E-6/E16; real-measurements: ANY 2 of 3 does not prevent it',
  },
  'FIRST 2 with two standbys: a standby’s restart holds every commit': {
    cluster: cluster({ synchronousStandbyNames: 'FIRST 2' }),
    steps: [`kubectl delete pod ${pod(2)}`, ready(2), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [2, 25] }, passes: 'all' },
    source: 'PG-T09, E-1',
  },
  'ANY 2 of four standbys: it holds nothing': {
    cluster: cluster({ members: 5, synchronousStandbyNames: 'ANY 2' }),
    steps: [`kubectl delete pod ${pod(4)}`, ready(4), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'facts §1.2',
  },
  'ANY 3 of six: three standbys away hold nothing': {
    cluster: cluster({ members: 7, zones: 1, synchronousStandbyNames: 'ANY 3', slots: true }),
    steps: [{ parallel: [4, 5, 6].map(n => `kubectl delete pod ${pod(n)}`) }, wait('120s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'facts §1.2',
  },
  'ANY 3 of six: four away hold every commit until one is back': {
    cluster: cluster({ members: 7, zones: 1, synchronousStandbyNames: 'ANY 3', slots: true, podManagementPolicy: 'Parallel' }),
    steps: [{ parallel: [3, 4, 5, 6].map(n => `kubectl delete pod ${pod(n)}`) }, wait('120s')],
    predicts: { measures: { writeDowntimeSeconds: [1, 1_000] }, passes: ['no-acknowledged-write-lost'] },
    source: 'facts §1.2: sync standbys vanish, commits hang',
  },
  'names that match nobody: every commit hangs from the reload on': {
    cluster: cluster(),
    steps: [sql(0, "alter system set synchronous_standby_names = 'ANY 1 (standby1, standby2)'"), sql(0, 'select pg_reload_conf()'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [115, 125] }, fails: ['serves-at-end', 'no-false-success'] },
    source: 'PG-T40, E-1',
  },
  'remote_apply and FIRST 1: replay paused on the synchronous standby holds every commit': {
    cluster: cluster({ synchronousStandbyNames: 'FIRST 1', synchronousCommit: 'remote_apply' }),
    steps: [sql(1, 'select pg_wal_replay_pause()'), wait('30s'), sql(1, 'select pg_wal_replay_resume()'), wait('10s')],
    predicts: { measures: { writeDowntimeSeconds: [29, 34] }, passes: 'all' },
    source: 'E-12',
  },
  'on and FIRST 1: paused replay holds nothing': {
    cluster: cluster({ synchronousStandbyNames: 'FIRST 1' }),
    steps: [sql(1, 'select pg_wal_replay_pause()'), wait('30s'), sql(1, 'select pg_wal_replay_resume()'), wait('10s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'E-12',
  },
  'remote_apply and ANY 1 of two: the other one confirms': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1', synchronousCommit: 'remote_apply' }),
    steps: [sql(1, 'select pg_wal_replay_pause()'), wait('30s'), sql(1, 'select pg_wal_replay_resume()'), wait('10s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'facts §1.1, §1.2',
  },
  'synchronous_commit off: a crash loses some tenths of a second, though the same server comes back and two standbys are there': {
    cluster: cluster({ synchronousCommit: 'off' }),
    steps: [stop(0, 'immediate'), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [1, 130], writeDowntimeSeconds: [3, 30] }, fails: ['no-acknowledged-write-lost'] },
    source: 'facts §1.1: ≤ 3 × wal_writer_delay; PostgreSQL 15.18: 1–77 of 190 a second',
  },
  'synchronous_commit on: the same crash loses nothing': {
    cluster: cluster(),
    steps: [stop(0, 'immediate'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [3, 30] }, passes: 'all' },
    source: 'real-measurements restart',
  },

  // ── WAL retention ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
  'a standby away for 20 minutes without slot or wal_keep_size never streams again, and is Ready': {
    cluster: cluster({ spareNodes: 0 }),
    steps: away(2, 20),
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['converges', 'no-false-success'] },
    source: 'PG-T61, E-9',
  },
  'with wal_keep_size it does': { cluster: cluster({ spareNodes: 0, walKeepMB: 1_000 }), steps: away(2, 20), predicts: { passes: 'all' }, source: 'facts §1.6' },
  'with a slot it does': { cluster: cluster({ spareNodes: 0, slots: true }), steps: away(2, 20), predicts: { passes: 'all' }, source: 'facts §1.6' },
  'with a slot that is limited to less it does not': { cluster: cluster({ spareNodes: 0, slots: true, maxSlotWalKeepMB: 100 }), steps: away(2, 20), predicts: { fails: ['converges'] }, source: 'E-9' },

  // ── rewind or copy anew ────────────────────────────────────────────────────────────────────────────────────────────────────────
  'a diverged primary rewound after a checkpoint follows; what it alone had acknowledged is lost': {
    cluster: cluster({ members: 2, supervised: true, walKeepMB: 1_000 }),
    steps: [promote(1), route(1), wait('5s'), ctl(0, 'stop -m fast'), sql(1, 'checkpoint'), exec(0, `pg_rewind -D ${DATA} --source-server='host=${pod(1)}.${SET} user=postgres dbname=postgres' -R`), ctl(0, 'start'), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [800, 2_000], splitBrainSeconds: [4, 10] }, fails: ['no-acknowledged-write-lost'], passes: ['converges', 'serves-at-end'] },
    source: 'E-4/T4',
  },
  'rewound at once, before the checkpoint: nothing to do, it says; with -R it is a standby all the same, and cannot follow': {
    cluster: cluster({ members: 2, supervised: true }),
    steps: [promote(1), route(1), ctl(0, 'stop -m fast'), exec(0, `pg_rewind -D ${DATA} --source-server='host=${pod(1)}.${SET} user=postgres dbname=postgres' -R`), ctl(0, 'start'), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [100, 800], splitBrainSeconds: [0.3, 5] }, fails: ['no-acknowledged-write-lost', 'converges'] },
    source: 'PostgreSQL 15.18: “no rewind required”, standby.signal written, new timeline forked off before current recovery point',
  },
  'emptied and copied anew it follows': {
    cluster: cluster({ members: 2, supervised: true }),
    steps: [promote(1), route(1), ctl(0, 'stop -m fast'), exec(0, `sh -c 'rm -rf ${DATA}/*'`), exec(0, `pg_basebackup -h ${pod(1)}.${SET} -U replicator -D ${DATA} -R -X stream -c fast`), ctl(0, 'start'), wait('60s')],
    predicts: { measures: { lostAcknowledgedWrites: [100, 800], splitBrainSeconds: [0.3, 5] }, fails: ['no-acknowledged-write-lost'], passes: ['converges'] },
    source: 'D:app-pgbasebackup',
  },

  // ── nodes, budgets, rollouts ───────────────────────────────────────────────────────────────────────────────────────────────────
  'two standbys’ nodes drained at once under a budget of one: one after the other, nobody notices': {
    cluster: cluster({ podDisruptionBudget: true, spareNodes: 3, slots: true }),
    steps: [nodeOf(1, 'a'), nodeOf(2, 'b'), { parallel: [drain('${a}', '60m'), drain('${b}', '60m')] }, ready(1, '60m'), ready(2, '60m'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'K8S: eviction honours the budget',
  },
  'the same without a budget under ANY 1: every commit hangs until one is back': {
    cluster: cluster({ spareNodes: 3, slots: true, synchronousStandbyNames: 'ANY 1' }),
    steps: [nodeOf(1, 'a'), nodeOf(2, 'b'), { parallel: [drain('${a}', '60m'), drain('${b}', '60m')] }, ready(1, '60m'), ready(2, '60m'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [10, 1_800] }, passes: 'all' },
    source: 'facts §1.2, §3 (a disk moves in 1–20 min)',
  },
  'a budget of maxUnavailable 0: the drain gives up, and nothing has happened': {
    cluster: cluster({ podDisruptionBudget: true }),
    steps: [{ run: 'kubectl get pdb -o name', as: 'pdb' }, `kubectl patch \${pdb} --type=merge --patch '{"spec":{"maxUnavailable":0}}'`, nodeOf(0), passOver(drain('${node}', '2m')), 'kubectl uncordon ${node}'],
    predicts: { measures: { writeDowntimeSeconds: 0, durationSeconds: [115, 135] }, passes: 'all' },
    source: 'K8s disruptions',
  },
  'the primary’s node drained with nowhere to go: down until somebody uncordons it': {
    cluster: cluster({ spareNodes: 0 }),
    steps: [nodeOf(0), drain('${node}'), passOver(ready(0, '5m')), 'kubectl uncordon ${node}', ready(0), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [295, 335] }, passes: 'all' },
    source: 'PG-T52',
  },
  'scaled to nothing and back on the same nodes: down from the primary’s stop to its start, nothing lost': {
    cluster: cluster({ spareNodes: 0 }),
    load: { timeout: '5s' },
    steps: [`kubectl scale statefulset ${SET} --replicas=0`, `kubectl wait --for=delete pod/${pod(0)} --timeout=5m`, `kubectl scale statefulset ${SET} --replicas=3`, `kubectl rollout status statefulset/${SET} --timeout=10m`, wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [4, 40] }, passes: 'all' },
    source: 'K8s statefulset: highest ordinal first, the lowest last to go and first to come',
  },
  'a minor image rolled by the StatefulSet: standbys first, then the primary without a switchover': {
    cluster: cluster({ targetImage: 'postgres:15.9' }),
    load: { timeout: '5s', queueAgeLimit: '10s' },
    steps: [`kubectl set image statefulset/${SET} postgres=postgres:15.9`, `kubectl rollout status statefulset/${SET} --timeout=30m`],
    predicts: { measures: { writeDowntimeSeconds: [5, 200], mixedVersionSeconds: [5, 600] }, passes: 'all' },
    source: 'PG-T15; facts §5',
  },
  'a partition of 2: only the highest is upgraded': {
    cluster: cluster({ targetImage: 'postgres:15.9' }),
    steps: [`kubectl patch statefulset ${SET} --patch '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}'`, `kubectl set image statefulset/${SET} postgres=postgres:15.9`, `kubectl rollout status statefulset/${SET} --timeout=30m`],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'] },
    source: 'K8s statefulset partitions',
  },
  'a Service that leads to any member: who is told read-only tries again, and finds the primary before long': {
    cluster: cluster({ serviceSelects: 'app' }),
    steps: [wait('120s')],
    // A third of the tries succeed; the next comes after a second, for ever.
    predicts: { measures: { writeDowntimeSeconds: [0, 12] }, passes: 'all' },
    source: 'facts §6.6: several → random; K8s service',
  },
  'another major on the same data: the first pod crash-loops, the rollout stops there, nobody notices, and no two majors ever run together': {
    cluster: cluster({ targetImage: 'postgres:16.4' }),
    steps: [`kubectl set image statefulset/${SET} postgres=postgres:16.4`, passOver(`kubectl rollout status statefulset/${SET} --timeout=10m`)],
    predicts: { measures: { writeDowntimeSeconds: 0, mixedVersionSeconds: 0 }, fails: ['target-reached', 'converges'], passes: ['no-forbidden-skew', 'serves-at-end'] },
    source: 'facts §1.7: database files are incompatible with server; K8s: the roll waits for Ready',
  },

  'scaled in below the primary’s ordinal: the primary goes, and nobody is left to write to': {
    cluster: cluster(),
    steps: [...fence(0, 2), stop(0), promote(2), route(2), ...follow(1, 2), wait('30s'), `kubectl scale statefulset ${SET} --replicas=2`, wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [110, 135] }, fails: ['serves-at-end', 'converges'], passes: ['no-acknowledged-write-lost'] },
    source: 'PG-T38',
  },
  'a minor upgrade by hand, standbys first, one switchover: seconds, nothing lost, one version at the end': {
    cluster: cluster({ updateStrategy: 'OnDelete', targetImage: 'postgres:15.9', slots: true, spareNodes: 0 }),
    steps: [
      `kubectl set image statefulset/${SET} postgres=postgres:15.9`, ...[1, 2].flatMap(n => [`kubectl delete pod ${pod(n)}`, wait('5s'), ready(n)]), wait('10s'),
      ...[0, 2].map(n => sql(1, `select pg_create_physical_replication_slot('postgres_cluster_${n}', true) where not exists (select 1 from pg_replication_slots where slot_name = 'postgres_cluster_${n}')`)),
      ...fence(0, 1), stop(0), promote(1), route(1), ...follow(2, 1), wait('20s'), `kubectl delete pod ${pod(0)}`, wait('5s'), ready(0), wait('60s'),
    ],
    predicts: { measures: { writeDowntimeSeconds: [1, 6], mixedVersionSeconds: [30, 200] }, passes: 'all' },
    source: 'facts §1.7, §8: update the standby servers first',
  },
  'a link of 20 MB/s under 30 MB/s of WAL, an immediate stop: a third of all that was written in 77 s is lost': {
    cluster: cluster({ members: 2, timing: { replicationMBps: 20 } }),
    load: { writesPerSecond: 15_000, connections: 400 },
    steps: [wait('60s'), ...fence(0, 1), stop(0, 'immediate'), promote(1), route(1), wait('120s')],
    predicts: { measures: { lostAcknowledgedWrites: [360_000, 410_000] }, fails: ['no-acknowledged-write-lost', 'converges'] },
    source: 'arithmetic: (30 − 20) MB/s ÷ 2 kB for the 15 s before and 62 s until the stop',
  },
  'the same with a fast stop: it sends the rest, half as long as that took to pile up': {
    cluster: cluster({ members: 2, timing: { replicationMBps: 20 } }),
    load: { writesPerSecond: 15_000, connections: 400 },
    steps: [wait('60s'), ...fence(0, 1), stop(0), promote(1), route(1), wait('120s')],
    predicts: { measures: { writeDowntimeSeconds: [37, 46] }, fails: ['converges'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'facts §1.5; 770 MB at 20 MB/s',
  },

  // ── one fault ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  'a candidate 20 s behind, an immediate stop: 20 s of writes are lost': {
    cluster: cluster(),
    steps: [wait('30s'), ...fence(0, 1), stop(0, 'immediate'), promote(1), route(1), ...follow(2, 1), wait('60s')],
    faults: [{ kind: 'replication-lag', target: `member:${pod(1)}`, at: 5_000_000, durationUs: 200_000_000, magnitude: 20_000_000 }],
    predicts: { measures: { lostAcknowledgedWrites: [3_950, 4_050] }, fails: ['no-acknowledged-write-lost', 'converges'] },
    source: 'PG-T22',
  },
  'the same candidate, a fast stop: it waits for the candidate, 20 s of downtime and nothing lost': {
    cluster: cluster(),
    steps: [wait('30s'), ...fence(0, 1), stop(0), promote(1), route(1), ...follow(2, 1), wait('60s')],
    faults: [{ kind: 'replication-lag', target: `member:${pod(1)}`, at: 5_000_000, durationUs: 200_000_000, magnitude: 20_000_000 }],
    predicts: { measures: { writeDowntimeSeconds: [20, 28] }, passes: 'all' },
    source: 'facts §1.5: not before everything is sent to the connected standbys',
  },
  'the only synchronous standby frozen (FIRST 1): commits stall for wal_sender_timeout': {
    cluster: cluster({ synchronousStandbyNames: 'FIRST 1' }),
    steps: [wait('150s')],
    faults: [{ kind: 'process-pause', target: `member:${pod(1)}`, at: 10_000_000, durationUs: 130_000_000, magnitude: 0 }],
    predicts: { measures: { writeDowntimeSeconds: [59, 62] }, passes: 'all' },
    source: 'E-10 G: 6.0 s with a time-out of 6 s',
  },
  'one of two frozen (ANY 1): nobody notices': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1' }),
    steps: [wait('150s')],
    faults: [{ kind: 'process-pause', target: `member:${pod(1)}`, at: 10_000_000, durationUs: 130_000_000, magnitude: 0 }],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'E-10 G2: 12 ms',
  },
  'the primary killed: crash recovery where it stands, nothing lost': {
    cluster: cluster(),
    steps: [wait('120s')],
    faults: [{ kind: 'process-kill', target: `member:${pod(0)}`, at: 10_000_000, durationUs: 1_000_000, magnitude: 0 }],
    predicts: { measures: { writeDowntimeSeconds: [3, 30] }, passes: 'all' },
    source: 'real-measurements restart; facts §5',
  },
  'Patroni, the leader’s node lost: a new one within 20 to 48 s': {
    cluster: cluster({ patroni: {}, serviceSelects: 'role' }),
    load: { timeout: '5s', queueAgeLimit: '10s' },
    steps: [wait('120s')],
    faults: [{ kind: 'node-loss', target: 'role:leader', at: 10_000_000, durationUs: 900_000_000, magnitude: 0 }],
    predicts: { measures: { longestWriteGapSeconds: [20, 48] }, passes: ['no-split-brain', 'serves-at-end'] },
    source: 'V1: 22/34/46 s',
  },
  'Patroni, a replica promoted by hand: two lead until Patroni’s next look': {
    cluster: cluster({ patroni: {}, serviceSelects: 'role' }),
    steps: [promote(1), wait('120s')],
    predicts: { measures: { splitBrainSeconds: [0.05, 12], lostAcknowledgedWrites: 0 }, fails: ['no-split-brain'], passes: ['converges'] },
    source: 'Patroni ha.py: a leader without the key is demoted; loop_wait 10 s',
  },
})
