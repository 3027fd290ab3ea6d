/** What people who run PostgreSQL do against a failure of a cause: told after the general advice (see `Engine.remedies`). Each is what a rule of this model makes work. */
export const remedies: Readonly<Record<string, string>> = {
  overlap: 'Here: stop the old primary (`pg_ctl stop -m fast`, or its pod) and see it down before `pg_promote()`; promoting does not stop it.',
  'behind-candidate': 'Here: with writes held, `pg_current_wal_lsn()` of the primary and `pg_last_wal_replay_lsn()` of the candidate must be equal.',
  'unreplicated-tail': 'Here: `synchronous_standby_names` for the time of the upgrade, or a clean stop (`-m fast`), which sends connected standbys all there is.',
  'no-endpoint': 'Here: a pod that is made anew has the labels of its template, and without Patroni nobody puts its role on it: `kubectl label pod … role=primary` when it is back. If your Service selects a pod by name, or something keeps the label, say so: `cluster.serviceSelects: pod-name`.',
  'removed-leader': 'Here: ask `pg_is_in_recovery()`; a StatefulSet that is scaled down takes its highest ordinal, whoever leads.',
  'diverged-follower': 'Here: `pg_rewind` with the member stopped, or a new `pg_basebackup`.',
  'unattached-follower': 'Here: `primary_conninfo` and its slot on the new primary; `pg_stat_replication` must show it as `streaming`.',
  'ack-hang': 'Here: `synchronous_standby_names` must name standbys that are connected (`sync_state` in `pg_stat_replication`).',
  'not-upgraded': 'Here: `SHOW server_version` on every member.',
  'returned-leader': 'Here: `standby.signal` in its data directory before it is started again.',
}
