/** What people who run Redis Cluster do against a failure of a cause: told after the general advice (see `Engine.remedies`). Each is what a rule of this model makes work. */
export const remedies: Readonly<Record<string, string>> = {
  'unreplicated-tail': 'Here: `CLUSTER FAILOVER`, sent to the replica, has the master hold writes until the replica has everything.',
  'behind-candidate': 'Here: `CLUSTER FAILOVER` without FORCE or TAKEOVER, sent to the replica: it waits until the replica has everything.',
  overlap: 'Here: `CLUSTER FAILOVER` without TAKEOVER, and `min-replicas-to-write` for the time in which a master is cut off.',
  'removed-leader': 'Here: ask `ROLE` of the pod, and send `CLUSTER FAILOVER` to its replica first.',
  'no-leader': 'Here: `cluster_state:ok` and `cluster_slots_ok:16384` in `CLUSTER INFO`.',
  'not-upgraded': 'Here: `redis_version` in `INFO server` of every node.',
  wiped: 'Here: persistence on (`appendonly` or `save`), or a pod that does not come back before a replica leads: an empty master has its replicas copy the nothing it holds.',
}
