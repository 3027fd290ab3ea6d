/** A commented starter scenario and runbook for `proofroll init vitess`. */
export const starter: Readonly<Record<string, string>> = {
  'upgrade.yaml': `format: 1
title: Rolling our tablets
cluster:
  engine: vitess
  fleet: 8                        # tablets in all; a shard has four
  durabilityPolicy: semi_sync     # as the keyspace has it; the default of Vitess is none
  updateStrategy: External        # Immediate: the operator rolls every shard at once, unasked
  mysqlVersion: 8.0.36
  targetMysqlVersion: 8.0.40
  buffer: { enabled: true }       # enable_buffer of the vtgates; off by default
load: { writesPerSecond: 500 }    # of each shard
runbook: ./upgrade.runbook.yaml
objectives:
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
  - { measure: longestWriteGapSeconds, at: p99, max: 30s, faults: none }
deadline: 12h
`,
  'upgrade.runbook.yaml': `format: 1
title: Rolling our tablets
steps:
  - id: images
    title: Change the image; with External nothing moves yet
    run: >-
      kubectl patch vitesscluster example --type merge
      --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.40"}}}}'
  - id: shards
    run: kubectl get vitessshards -o jsonpath='{range .items[*]}{.metadata.name}{"\\n"}{end}'
    as: shards
  - id: each-shard
    title: One shard after the other
    forEach:
      lines: \${shards}
      as: shard
      steps:
        - id: release
          run: kubectl annotate vitessshard \${shard} rollout.planetscale.com/cascade=now --overwrite
        - id: pause
          sleep: 10m
  - id: finished
    title: Every tablet runs the new version
    gate: kubectl get pods -l planetscale.com/component=vttablet -o custom-columns=V:.spec.containers[0].image,R:.status.containerStatuses[0].ready --no-headers
    expect: { matches: 'mysql:8.0.40 +true', not: { matches: '8.0.36|false|<none>' } }
    every: 15s
    timeout: 2h
`,
}
