/** What `proofroll init redis` writes: a scenario and a runbook to edit, short enough to read in one go. */

const scenario = `# yaml-language-server: $schema=./node_modules/proofroll/schemas/scenario.schema.json
# What is upgraded, under which load, and what must hold. Run it:  npx proofroll run
format: 1
title: Our Redis Cluster upgrade
cluster:
  engine: redis
  name: redis                     # EDIT: the name of your StatefulSet (pods redis-0, redis-1, …)
  shards: 3
  replicasPerShard: 1
  storage: pvc                    # or emptyDir
  save: 3600 1 300 100 60 10000   # save points; "" = none
  appendonly: true
  nodeTimeoutSeconds: 15
  datasetMB: 500                  # of each shard
  image: redis:7.0.15
  targetImage: redis:7.2.5
  updateStrategy: OnDelete
load:
  writesPerSecond: 200            # of each shard
  bytesPerWrite: 1000
runbook: ./upgrade.runbook.yaml
objectives:
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
  - { measure: longestWriteGapSeconds, at: p99, max: 2s }
deadline: 2h
`

const runbook = `# yaml-language-server: $schema=./node_modules/proofroll/schemas/runbook.schema.json
# Replaces one pod. EDIT: this is where your own commands go. \`npx proofroll list\` shows a corrected rolling replace to start from.
format: 1
title: Replace a replica
vars: { pod: redis-3 }
otherwise: abort
steps:
  - id: new-image
    title: The next pods get the new image
    run: >-
      kubectl patch statefulset redis --type merge
      --patch '{"spec":{"template":{"spec":{"containers":[{"name":"redis","image":"redis:7.2.5"}]}}}}'
  - id: is-replica
    title: Never a master
    gate: kubectl exec \${pod} -- redis-cli role
    expect: { matches: '^slave' }
    timeout: 10s
  - id: replace
    run: kubectl delete pod \${pod}
  - id: back
    title: Its link is up again
    gate: kubectl exec \${pod} -- redis-cli info replication
    expect: { matches: 'master_link_status:up' }
    every: 1s
    timeout: 10m
    claims: caught-up(\${pod})
`

export const starter: Readonly<Record<string, string>> = { 'upgrade.yaml': scenario, 'upgrade.runbook.yaml': runbook }
