/** What `proofroll init postgres` writes: a scenario and a runbook to edit, short enough to read in one go. */

const scenario = `# yaml-language-server: $schema=./node_modules/proofroll/schemas/scenario.schema.json
# What is upgraded, under which load, and what must hold. Run it:  npx proofroll run
format: 1
title: Our PostgreSQL upgrade
cluster:
  engine: postgres
  name: postgres-cluster          # EDIT: the name of your StatefulSet (and of its app label)
  members: 3
  service: postgres-primary       # the Service that clients write through
  serviceSelects: pod-name        # its selector: pod-name or role
  synchronousStandbyNames: ""     # or: ANY 1
  databaseMB: 2000
  targetKubernetesVersion: null   # this procedure upgrades no node
load:
  writesPerSecond: 500            # EDIT: your peak
runbook: ./upgrade.runbook.yaml
# What the author of the procedure promises: shown beside what is measured.
claims: { writeDowntimeSeconds: 30s, lostAcknowledgedWrites: 0 }
# What you need: a run that misses one makes the command end with status 1.
objectives:
  - { measure: writeDowntimeSeconds, at: p99, max: 30s }
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
  - { measure: splitBrainSeconds, at: max, max: 0 }
deadline: 2h
`

const runbook = `# yaml-language-server: $schema=./node_modules/proofroll/schemas/runbook.schema.json
# The procedure, with the commands you would type. This one switches over to a standby and has a defect: Proofroll will show it.
format: 1
title: Switch over to a standby
vars:                             # EDIT: pods of your cluster
  primary: postgres-cluster-0
  candidate: postgres-cluster-1
steps:
  - id: caught-up
    title: The candidate streams with little lag
    gate: >-
      kubectl exec \${primary} -- psql -U postgres -Atc "select pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)
      from pg_stat_replication where application_name = '\${candidate}' and state = 'streaming'"
    expect: { max: 1048576 }
    every: 2s
    timeout: 10m
    claims: caught-up(\${candidate})
  - id: promote
    title: Promote it
    run: kubectl exec \${candidate} -- pg_ctl promote -D /var/lib/postgresql/data
  - id: route
    title: Point the Service at it
    run: >-
      kubectl patch service postgres-primary
      --patch '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"\${candidate}"}}}'
  - id: restart-old
    title: Restart the old primary
    run: kubectl delete pod \${primary}
  # How to do it right:  npx proofroll run postgres-ferris-wheel/fenced
`

export const starter: Readonly<Record<string, string>> = {
  'upgrade.yaml': scenario,
  'upgrade.runbook.yaml': runbook,
}
