import type { Rule } from '../../../src/engine.ts'

const rule = (id: string, statement: string, source: string): Rule => ({ id, statement, source, test: 'test/postgres/experiments/patroni.test.ts' })

/** Rules of the HA manager and of the operator over it. */
export const patroniRules: readonly Rule[] = [
  rule('PG-PATRONI-1', 'The leader holds a key that it renews every loop_wait (10 s) and that is valid for ttl (30 s); the Service leads to its holder.', 'Patroni dynamic_configuration.rst, kubernetes.rst; facts §4, V1'),
  rule('PG-PATRONI-2', 'A server is started as standby of the holder, unless its own member still holds the key: then as primary.', 'Patroni ha.py recover'),
  rule('PG-PATRONI-3', 'When nobody holds it, a member tries that lacks no more than maximum_lag_on_failover (1 MiB) of what the leader last told, and nothing that another member has that answers.', 'Patroni ha.py is_healthiest_node; facts §4'),
  rule('PG-PATRONI-4', 'A switchover is a checkpoint and a fast stop; the key is given back as soon as somebody has received the shutdown checkpoint, and the old primary follows without rewind. So is the end of a leader’s pod.', 'Patroni ha.py:1696–1741; facts §4, V11'),
  rule('PG-PATRONI-5', 'It is refused when the candidate does not stream, lags too far, or does not answer.', 'Patroni api.py is_failover_possible'),
  rule('PG-PATRONI-6', 'A member whose history is not the leader’s is stopped, rewound (or copied anew, where pg_rewind cannot) and follows.', 'Patroni rewind.py; use_pg_rewind as Spilo sets it'),
  rule('PG-PATRONI-7', 'synchronous_mode keeps one standby synchronous, and promotes no other; without a standby the list is emptied at the leader’s next look, and commits go on.', 'Patroni replication_modes.rst'),
  rule('PG-PATRONI-8', 'A leader that cannot reach the API for retry_timeout (10 s) stops leading, though nothing else is wrong.', 'Patroni ha.py handle_dcs_error; facts §4'),
  rule('PG-PATRONI-9', 'In failsafe_mode it leads on as long as all members answer it.', 'Patroni dcs_failsafe_mode.rst'),
  rule('PG-PATRONI-10', 'Without a watchdog nothing stops a primary whose Patroni does not run: one that stood still leads on until its next look.', 'Patroni watchdog.rst'),
  rule('PG-PATRONI-11', 'Paused, nobody is promoted or demoted.', 'Patroni pause.rst'),
  rule('PG-PATRONI-12', 'The REST API says by its status what a member is: 200 at /primary for the leader alone, at /replica for standbys; patronictl lists, switches over, fails over, pauses, resumes, reinitialises.', 'Patroni rest_api.rst, patronictl.rst'),
  rule('PG-OPERATOR-1', 'Another image of the postgresql object: the replicas’ pods are made anew one by one, then a switchover, then the old primary’s.', 'postgres-operator pkg/cluster/pod.go recreatePods; VB BG-F20'),
  rule('PG-OPERATOR-2', 'The candidate streams and lacks least; where there is none the primary stays as it is, the status is UpdateFailed, and it is tried again after five minutes.', 'postgres-operator pod.go getSwitchoverCandidate; operator_parameters.md repair_period'),
  rule('PG-OPERATOR-3', 'Between pods it waits until the new one runs and has a role (10 min at most), not until it has caught up.', 'postgres-operator pod.go waitForPodLabel'),
  rule('PG-OPERATOR-4', 'Its PodDisruptionBudget selects the primary alone: it is not evicted, replicas are.', 'postgres-operator administrator.md pod disruption budget'),
  rule('PG-OPERATOR-5', 'Another version in the object, with major_version_upgrade_mode off, is a rolling restart: the database keeps the version of its data.', 'postgres-operator v1.9 administrator.md; VB BG-F20, PG-S10'),
]
