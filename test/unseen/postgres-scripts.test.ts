/**
 * Shell scripts as people write them, for PostgreSQL: members retired under a quorum, Patroni's maintenance mode, poolers, partitions, a name mistyped behind `|| true`.
 * Predicted before they were run, some against PostgreSQL 15.18 itself: see `play.ts`.
 */
import { unseen } from './play.ts'

const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'postgres', serviceSelects: 'pod-name', databaseMB: 500, targetKubernetesVersion: null, ...more })
const patroni = (more: Record<string, unknown> = {}, besides: Record<string, unknown> = {}) => ({ engine: 'postgres', databaseMB: 500, targetKubernetesVersion: null, patroni: { operator: false, ...more }, ...besides })
const sh = (body: string): string => `#!/usr/bin/env bash
set -euo pipefail
C=postgres-cluster D=/var/lib/postgresql/data
on() { kubectl exec "$C-$1" -- "\${@:2}"; }
q() { kubectl exec "$C-$1" -- psql -U postgres -v ON_ERROR_STOP=1 -Atqc "$2"; }
ready() { until kubectl get pod "$C-$1" >/dev/null 2>&1; do sleep 1; done; kubectl wait --for=condition=Ready "pod/$C-$1" --timeout=20m; }
fence() { q "$1" "alter system set primary_conninfo = 'host=$C-$2.$C user=replicator application_name=$C-$1'"; on "$1" touch $D/standby.signal; on "$1" pg_ctl stop -m fast -D $D || true; }
follow() { q "$1" "alter system set primary_conninfo = 'host=$C-$2.$C user=replicator application_name=$C-$1'"; q "$1" "select pg_reload_conf()"; }
route() { kubectl patch svc postgres-primary -p "{\\"spec\\":{\\"selector\\":{\\"statefulset.kubernetes.io/pod-name\\":\\"$C-$1\\"}}}"; }
${body}
`
/** With Patroni. */
const shPatroni = (body: string): string => sh(`pctl() { kubectl exec "$C-2" -- patronictl "$@"; }\n${body}`)
const POOLERS = `pods() { kubectl get pods -l app=pgbouncer -o jsonpath='{.items[*].metadata.name}'; }
console() { for p in $(pods); do kubectl exec "$p" -- psql -p 6432 -U pgbouncer pgbouncer -c "$1"; done; }`
/** A new host in the poolers' ConfigMap, and RELOAD after a while. */
const repoint = (seconds: number): string => sh(`${POOLERS}
q 0 "alter system set primary_conninfo = 'host=$C-1.$C user=replicator application_name=$C-0'"
on 0 touch $D/standby.signal
console PAUSE
on 0 pg_ctl stop -m fast -D $D || true
on 1 pg_ctl promote -D $D
kubectl get configmap pgbouncer-config -o jsonpath='{.data.pgbouncer\\.ini}' > /tmp/pgb.ini
sed -i "s/^\\(.*host=\\)[^ ]*/\\1$C-1.$C/" /tmp/pgb.ini
kubectl create configmap pgbouncer-config --from-file=pgbouncer.ini=/tmp/pgb.ini --dry-run=client -o yaml | kubectl apply -f -
sleep ${seconds}
console RELOAD
console RESUME
follow 2 1
sleep 60`)

unseen({
  'FIRST 2 of two standbys, one retired without shrinking the names: every commit hangs from then on': {
    cluster: cluster({ synchronousStandbyNames: 'FIRST 2' }),
    script: sh(`kubectl scale sts $C --replicas=2
kubectl wait --for=delete pod/$C-2 --timeout=2m
[ "$(q 0 "select count(*) from pg_stat_replication where state='streaming'")" = 1 ]
sleep 120`),
    predicts: { measures: { writeDowntimeSeconds: [179, 190] }, fails: ['serves-at-end', 'converges', 'no-false-success'], passes: ['no-acknowledged-write-lost', 'no-split-brain'] },
    source: 'facts §1.2; E-6/E16: no time-out, no degrading',
  },
  'the names emptied under a mistyped parameter, behind `|| true`: nothing has changed, and commits hang while both standbys are away': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1' }),
    script: sh(`q 0 "ALTER SYSTEM SET synchronous_standby_name = ''" || true
q 0 "SELECT pg_reload_conf()"
for n in 1 2; do kubectl cordon "$(kubectl get pod $C-$n -o jsonpath='{.spec.nodeName}')"; done
kubectl delete pod $C-1 $C-2
sleep 90
kubectl get nodes --no-headers | awk '/SchedulingDisabled/ {print $1}' | xargs -r kubectl uncordon
ready 1
ready 2
sleep 30`),
    predicts: { measures: { writeDowntimeSeconds: [90, 130] }, passes: 'all' },
    source: 'PostgreSQL 15.18: unrecognized configuration parameter; facts §1.2',
  },
  'the same, spelled right: nobody notices': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1' }),
    script: sh(`q 0 "ALTER SYSTEM SET synchronous_standby_names = ''"
q 0 "SELECT pg_reload_conf()"
kubectl delete pod $C-1 $C-2
ready 1
ready 2
q 0 "ALTER SYSTEM RESET synchronous_standby_names"
q 0 "SELECT pg_reload_conf()"
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'facts §1.2',
  },
  'wal_level and max_connections by reload: in force only after a restart, as pending_restart says': {
    cluster: cluster({ spareNodes: 0 }),
    load: { timeout: '5s', queueAgeLimit: '10s' },
    script: sh(`q 0 "ALTER SYSTEM SET wal_level = 'logical'"; q 0 "ALTER SYSTEM SET max_connections = 300"; q 0 "SELECT pg_reload_conf()"
sleep 1
[ "$(q 0 'SHOW wal_level') $(q 0 'SHOW max_connections') $(q 0 'SELECT count(*) FROM pg_settings WHERE pending_restart')" = "replica 100 2" ]
kubectl delete pod $C-0; ready 0
[ "$(q 0 'SHOW wal_level') $(q 0 'SHOW max_connections') $(q 0 'SELECT count(*) FROM pg_settings WHERE pending_restart')" = "logical 300 0" ]
sleep 20`),
    // Raised on the primary alone: the standbys replay nothing from there on.
    predicts: { measures: { writeDowntimeSeconds: [3, 60] }, fails: ['converges'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'PostgreSQL 15.18; D:hot-standby',
  },
  'a parameter mistyped in PGOPTIONS: psql does not connect, and the script stops before it has done anything': {
    cluster: cluster(),
    script: sh(`[ "$(PGOPTIONS='-c lock_timeout=2s' psql -h $C-0.$C -U postgres -Atc 'show lock_timeout')" = 2s ]
PGOPTIONS='-c lock_timeut=2s' psql -h $C-0.$C -U postgres -c "alter system set synchronous_standby_names = 'nobody'" -c "select pg_reload_conf()"
exit 0`),
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'PostgreSQL 15.18: FATAL, status 2',
  },
  'Patroni paused, the leader’s pod deleted: nobody leads until somebody resumes': {
    cluster: patroni(),
    script: shPatroni(`pctl pause\nkubectl delete pod $C-0\nsleep 60\npctl resume\nsleep 60`),
    predicts: { measures: { writeDowntimeSeconds: [60, 80] }, passes: 'all' },
    source: 'Patroni pause.rst, ha.py: a server that is down is not started, nobody is promoted',
  },
  'Patroni paused: a switchover without a candidate is refused with status 0, one with a candidate takes seconds': {
    cluster: patroni(),
    script: shPatroni(`pctl pause
pctl switchover --force | grep -q 'only to a specific candidate in a paused state'
pctl switchover --candidate $C-1 --force | grep -q 'Successfully switched over to "postgres-cluster-1"'
sleep 20
pctl resume
sleep 30
[ "$(pctl list -f json | jq -r '.[] | select(.Role=="Leader") | .Member')" = $C-1 ]`),
    predicts: { measures: { writeDowntimeSeconds: [0.2, 8] }, passes: 'all' },
    source: 'Patroni api.py do_POST_failover, ha.py manual_failover_process_no_leader, ctl.py',
  },
  'synchronous_mode: a switchover to the asynchronous one does not happen, and `if !` does not notice': {
    cluster: patroni({ synchronousMode: true }),
    script: shPatroni(`sleep 20
if ! pctl switchover --candidate $C-2 --force; then exit 3; fi
sleep 30
[ "$(pctl list -f json | jq -r '.[] | select(.Role=="Leader") | .Member')" = $C-0 ]`),
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'Patroni api.py is_failover_possible; ctl.py: what the API refuses ends with status 0',
  },
  'synchronous_mode: a failover to the asynchronous one does happen': {
    cluster: patroni({ synchronousMode: true }),
    script: shPatroni(`sleep 20
pctl failover --candidate $C-2 --force
sleep 40
[ "$(pctl list -f json | jq -r '.[] | select(.Role=="Leader") | .Member')" = $C-2 ]`),
    predicts: { measures: { writeDowntimeSeconds: [0.2, 8] }, passes: 'all' },
    source: 'Patroni ha.py get_failover_candidates, replication_modes.rst',
  },
  'synchronous_mode: the pod of the synchronous standby deleted: another is chosen first, and nobody notices': {
    cluster: patroni({ synchronousMode: true }),
    script: shPatroni(`sleep 20
sync=$(kubectl exec $C-0 -- patronictl list -f json | jq -r '.[] | select(.Role=="Sync Standby") | .Member')
kubectl delete pod "$sync"
ready "\${sync##*-}"
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'Patroni replication_modes.rst: shutting down a standby by hand interrupts no commits',
  },
  'Patroni, the leader’s node drained: it hands over as its pod ends': {
    cluster: patroni({}, { spareNodes: 2 }),
    load: { timeout: '5s', queueAgeLimit: '10s' },
    script: shPatroni(`kubectl drain "$(kubectl get pod $C-0 -o jsonpath='{.spec.nodeName}')" --ignore-daemonsets --delete-emptydir-data --timeout=10m
ready 0
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: [0.3, 15] }, passes: 'all' },
    source: 'Patroni ha.py shutdown: the key is given back; V11',
  },
  'the poolers’ ConfigMap changed and RELOAD at once: they read the old file, and stay at the old primary for good': {
    cluster: cluster({ pooler: {} }),
    script: repoint(0),
    predicts: { measures: { writeDowntimeSeconds: [60, 150] }, fails: ['serves-at-end', 'no-false-success'], passes: ['no-acknowledged-write-lost', 'no-split-brain'] },
    source: 'PGB-CONF-3; K8s: a mounted ConfigMap follows after up to two minutes',
  },
  'the same with RELOAD after two minutes, within a longer query_wait_timeout: a long stall, no error': {
    cluster: cluster({ pooler: { queryWaitTimeoutSeconds: 300 } }),
    load: { timeout: '200s', queueAgeLimit: '200s' },
    script: repoint(125),
    predicts: { measures: { writeDowntimeSeconds: [127, 140], failedAttempts: 0 }, passes: 'all' },
    source: 'E-8 A, D',
  },
  'poolers scaled while they are paused: who was connected waits where it is until RESUME': {
    cluster: cluster({ pooler: {} }),
    script: sh(`${POOLERS}
trap 'console RESUME || true' EXIT
console PAUSE
kubectl scale deployment pgbouncer --replicas=4
kubectl rollout status deployment/pgbouncer --timeout=2m
sleep 10`),
    predicts: { measures: { writeDowntimeSeconds: [12, 60], failedAttempts: 0 }, passes: 'all' },
    source: 'E-8 D; facts §3: an established connection stays',
  },
  'poolers rolled: two seconds at most, in session pooling too': {
    cluster: cluster({ pooler: { poolMode: 'session' } }),
    load: { timeout: '5s', queueAgeLimit: '10s' },
    script: sh('kubectl rollout restart deployment/pgbouncer\nkubectl rollout status deployment/pgbouncer --timeout=5m\nsleep 20'),
    predicts: { measures: { writeDowntimeSeconds: [0, 4] }, passes: 'all' },
    source: 'K8s deployment: one comes before one goes; endpoints follow within two seconds',
  },
  'ANY 2 grown by a fourth member, narrowed to ANY 1 while standbys are deleted one after the other, and back: nobody notices': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 2', slots: true }),
    script: sh(`all() { until [ "$(q 0 "select count(*) from pg_stat_replication where state='streaming'")" = 3 ]; do sleep 2; done; }
q 0 "select pg_create_physical_replication_slot('postgres_cluster_3', true)"
kubectl scale sts $C --replicas=4
kubectl rollout status sts/$C --timeout=20m
all
q 0 "alter system set synchronous_standby_names = 'ANY 1 (\\"$C-1\\",\\"$C-2\\",\\"$C-3\\")'"; q 0 "select pg_reload_conf()"
for n in 2 1; do kubectl delete pod $C-$n; ready $n; all; done
q 0 "alter system reset synchronous_standby_names"; q 0 "select pg_reload_conf()"
kubectl scale sts $C --replicas=3
kubectl wait --for=delete pod/$C-3 --timeout=5m
q 0 "select pg_drop_replication_slot('postgres_cluster_3')"
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'facts §1.2, §8.5',
  },
  'a cascade: the third follows the second, which is promoted; it follows on by itself': {
    cluster: cluster(),
    script: sh(`follow 2 1
for i in $(seq 30); do [ "$(q 1 "select count(*) from pg_stat_replication where state='streaming'")" = 1 ] && break; sleep 1; done
[ "$(q 0 'select count(*) from pg_stat_replication')" = 1 ]
fence 0 1
on 1 pg_ctl promote -D $D
route 1
sleep 30
[ "$(q 1 "select count(*) from pg_stat_replication where state='streaming'")" = 2 ]`),
    predicts: { measures: { writeDowntimeSeconds: [1, 7] }, passes: 'all' },
    source: 'facts §1.3: cascaded standbys follow a promoted upstream',
  },
  'a cascade made on purpose and kept: it follows the leader by way of the other standby': {
    cluster: cluster(),
    script: sh(`follow 2 1
for i in $(seq 30); do [ "$(q 1 "select count(*) from pg_stat_replication where state='streaming'")" = 1 ] && break; sleep 1; done
[ "$(q 0 'select count(*) from pg_stat_replication')" = 1 ]
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: 0, redundancyExposedSeconds: [0, 6] }, passes: 'all' },
    source: 'warm-standby §26.2.7: cascading replication',
  },
  'the same on a member that has led: it is left over there, and goes with it': {
    cluster: cluster(),
    script: sh(`fence 0 1
on 1 pg_ctl promote -D $D
route 1
sleep 30
[ "$(q 1 "select count(*) from pg_stat_replication where state='streaming'")" = 1 ]
follow 0 1
sleep 60`),
    predicts: { fails: ['converges'] },
    source: 'facts §1.3: re-pointed standbys follow the new primary; nobody re-pointed the third',
  },
  'max_slot_wal_keep_size set too small, a standby away for 15 minutes: its slot is lost, and it is copied anew': {
    cluster: cluster({ slots: true }),
    script: sh(`q 0 "ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'"; q 0 "SELECT pg_reload_conf()"
node=$(kubectl get pod $C-2 -o jsonpath='{.spec.nodeName}')
kubectl cordon $node; kubectl delete pod $C-2
sleep 900
kubectl uncordon $node; ready 2
sleep 60
slot=$(q 0 "SELECT slot_name FROM pg_replication_slots WHERE wal_status = 'lost'")
[ -n "$slot" ]
q 0 "SELECT pg_drop_replication_slot('$slot')"; q 0 "SELECT pg_create_physical_replication_slot('$slot', true)"
kubectl delete pvc data-$C-2 --wait=false; kubectl delete pod $C-2
ready 2
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'facts §1.6; E-9: 400 kB/s for 15 minutes is more than 64 MB',
  },
  'promoted in a directory that there is not, behind `|| true`: read-only for good, and “done”': {
    cluster: cluster(),
    script: sh(`fence 0 1\non 1 pg_ctl promote -D /var/lib/pgsql/15/data || true\nroute 1\necho "new primary: $C-1"`),
    predicts: { measures: { writeDowntimeSeconds: [55, 80] }, fails: ['serves-at-end', 'converges', 'no-false-success'], passes: ['no-acknowledged-write-lost', 'no-split-brain'] },
    source: 'PostgreSQL 15.18: directory does not exist, status 1; facts §1.3',
  },
  'the same without `|| true`: it stops there, and nobody leads': {
    cluster: cluster(),
    script: sh(`fence 0 1\non 1 pg_ctl promote -D /var/lib/pgsql/15/data\nroute 1`),
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: [55, 80] }, fails: ['serves-at-end'], passes: ['no-acknowledged-write-lost', 'no-split-brain'] },
    source: 'the same; E-15: it comes back as a standby',
  },
  'another major by accident: `rollout undo` heals nothing until somebody deletes the pod that crash-loops': {
    cluster: cluster({ targetImage: 'postgres:16.4' }),
    script: sh(`kubectl set image sts/$C postgres=postgres:16.4
if kubectl rollout status sts/$C --timeout=3m; then exit 9; fi
kubectl rollout undo sts/$C
if kubectl rollout status sts/$C --timeout=5m; then exit 10; fi
kubectl delete pod $C-2
kubectl rollout status sts/$C --timeout=5m
sleep 30`),
    predicts: { measures: { writeDowntimeSeconds: 0, mixedVersionSeconds: 0 }, fails: ['target-reached'], passes: ['serves-at-end', 'no-forbidden-skew'] },
    source: 'K8s statefulset, forced rollback; facts §1.7',
  },
  'OnDelete: `rollout status` is an error, not a wait': {
    cluster: cluster({ updateStrategy: 'OnDelete', targetImage: 'postgres:15.9' }),
    script: sh(`kubectl set image sts/$C postgres=postgres:15.9\nkubectl rollout status sts/$C --timeout=5m`),
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0, durationSeconds: [0.1, 5] }, passes: ['serves-at-end', 'no-acknowledged-write-lost'] },
    source: 'kubectl rollout_status.go',
  },
  'a minor upgrade by partitions with slots and a quorum, one switchover': {
    cluster: cluster({ synchronousStandbyNames: 'ANY 1', slots: true, targetImage: 'postgres:15.9', podDisruptionBudget: true, spareNodes: 0 }),
    script: sh(`part() { kubectl patch sts $C --type=merge -p "{\\"spec\\":{\\"updateStrategy\\":{\\"type\\":\\"RollingUpdate\\",\\"rollingUpdate\\":{\\"partition\\":$1}}}}"; }
streams() { for ((i = 0; i < 60; i++)); do [[ $(q $1 "select count(*) from pg_stat_replication where state='streaming' and application_name='$C-$2'") == 1 ]] && return 0; sleep 2; done; return 1; }
part 3
kubectl set image sts/$C postgres=postgres:15.9
for n in 2 1; do part $n; kubectl rollout status sts/$C --timeout=15m; streams 0 $n; done
for s in 0 2; do q 1 "select pg_create_physical_replication_slot('postgres_cluster_$s', true) where not exists (select from pg_replication_slots where slot_name = 'postgres_cluster_$s')"; done
fence 0 1
on 1 pg_ctl promote -D $D
follow 2 1
route 1
streams 1 2
part 0
kubectl rollout status sts/$C --timeout=15m
streams 1 0
sleep 30`),
    predicts: { measures: { writeDowntimeSeconds: [1, 9], mixedVersionSeconds: [15, 200] }, passes: 'all' },
    source: 'facts §1.7, §8; K8s statefulset partitions',
  },
  'a standby moved to another zone: its volume keeps it Pending until both are made anew': {
    cluster: cluster(),
    script: sh(`node=$(kubectl get pod $C-1 -o jsonpath='{.spec.nodeName}')
zone=$(kubectl get node $node -o jsonpath='{.metadata.labels.topology\\.kubernetes\\.io/zone}')
kubectl get nodes -l topology.kubernetes.io/zone=$zone -o name | xargs kubectl cordon
kubectl delete pod $C-1
sleep 2
if kubectl wait --for=condition=Ready pod/$C-1 --timeout=90s; then exit 12; fi
kubectl get events --field-selector involvedObject.name=$C-1,type=Warning | grep -q FailedScheduling
kubectl delete pvc data-$C-1 --wait=false
kubectl delete pod $C-1
ready 1
[ "$(kubectl get node "$(kubectl get pod $C-1 -o jsonpath='{.spec.nodeName}')" -o jsonpath='{.metadata.labels.topology\\.kubernetes\\.io/zone}')" != "$zone" ]
kubectl get nodes --field-selector spec.unschedulable=true -o name | xargs kubectl uncordon
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' },
    source: 'K8s storage: volume node affinity; facts §1.6, K3',
  },
  'OnDelete said without taking the rolling part away: refused, nothing looks at it, and the new image rolls over the primary too': {
    cluster: cluster({ targetImage: 'postgres:15.9' }),
    script: sh(`set +e
kubectl patch sts $C -p '{"spec":{"updateStrategy":{"type":"OnDelete"}}}'
kubectl set image sts/$C postgres=postgres:15.9
sleep 20m`),
    predicts: { measures: { writeDowntimeSeconds: [3, 400], mixedVersionSeconds: [5, 1000] }, passes: 'all' },
    source: 'kubernetes/kubernetes#100151, kubernetes/website#47038: rollingUpdate only allowed for RollingUpdate; K8S-STATEFULSET-1',
  },
  'the same with rollingUpdate null: nothing moves until pods are deleted, and the primary is not': {
    cluster: cluster({ targetImage: 'postgres:15.9' }),
    script: sh(`kubectl patch sts $C -p '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'
kubectl set image sts/$C postgres=postgres:15.9
for n in 2 1; do kubectl delete pod $C-$n; ready $n; done
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: 0, mixedVersionSeconds: [60, 1500] }, fails: ['target-reached', 'no-false-success'], passes: ['serves-at-end', 'no-acknowledged-write-lost'] },
    source: 'K8s statefulset: OnDelete; the default strategy is filled in (pkg/apis/apps/v1/defaults.go)',
  },
  'partitions by JSON patch: the filled-in 0 is there to be replaced, and a number in quotes is none': {
    cluster: cluster({ targetImage: 'postgres:15.9' }),
    script: sh(`part() { kubectl patch sts $C --type=json -p "[{\\"op\\":\\"replace\\",\\"path\\":\\"/spec/updateStrategy/rollingUpdate/partition\\",\\"value\\":$1}]"; }
part 3
kubectl set image sts/$C postgres=postgres:15.9
for n in 2 1; do part $n; kubectl rollout status sts/$C --timeout=15m; done
part '"0"' || exit 9`),
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0, mixedVersionSeconds: [5, 1500] } },
    source: 'K8s statefulset partitions; kubernetes/kubernetes#73692 (a string where an int32 is wanted)',
  },
  'a switchover without --force in a script: it asks, nobody answers, and it says Aborted! where nothing looks': {
    cluster: patroni(),
    script: sh(`set +e
kubectl exec $C-2 -- patronictl switchover --leader $C-0 --candidate $C-1 > out 2> err
[ $? = 1 ] && grep -q 'Aborted!' err && grep -q 'When should the switchover take place' out || exit 8
kubectl exec $C-0 -- psql -U postgres -Atc 'select pg_is_in_recovery()' | grep -qx f || exit 9
sleep 30`),
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'Patroni ctl.py; click termui.py: Abort at the end of the input',
  },
  'the same with its answers on standard input, and a no first': {
    cluster: patroni(),
    script: sh(`no=$(printf 'now\\nn\\n' | kubectl exec -i $C-2 -- patronictl switchover --leader $C-0 --candidate $C-1 2>&1) && exit 8
[[ $no == *'Aborting switchover'* ]]
printf '\\n%s\\n\\ny\\n' $C-1 | kubectl exec -i $C-2 -- patronictl switchover | grep 'Successfully switched over to "postgres-cluster-1"'
[ "$(q 1 'select pg_is_in_recovery()')" = f ]
sleep 60`),
    predicts: { measures: { writeDowntimeSeconds: [1, 12] }, passes: 'all' },
    source: 'Patroni ctl.py _do_failover_or_switchover; facts §4',
  },
})
