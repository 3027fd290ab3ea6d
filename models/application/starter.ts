/** What `proofroll init application` writes. */
export const starter: Readonly<Record<string, string>> = {
  'upgrade.yaml': `format: 1
title: Our move to another database
cluster:
  engine: application
  database:
    engine: postgres
    name: blue-db
    members: 1
    image: postgres:16.9
    targetImage: postgres:17.5
    targetKubernetesVersion: null
    # The modern database is there when the story begins, empty.
    green: { name: green-db, replicas: 1, readOnly: false }
  image: webapp:2.3.0
  builds:
    webapp:2.3.1:
      writes: both
      order: legacy-first
      onModernError: log
      flags:
        path: { new: { writes: modern, reads: modern } }
  flags: { values: { path: old } }
load: { writesPerSecond: 500 }
runbook: ./upgrade.runbook.yaml
objectives:
  - { measure: divergentRows, at: max, max: 0 }
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
deadline: 6h
`,
  'upgrade.runbook.yaml': `format: 1
title: Write to both, copy what is old, then switch
steps:
  - id: both
    title: Every pod writes to both databases
    run:
      - kubectl argo rollouts set image webapp webapp=webapp:2.3.1
      - kubectl argo rollouts status webapp --timeout=30m
  - id: backfill
    title: Copy what was there before
    run:
      - >-
        echo '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"backfill"},"spec":{"template":{"spec":{"containers":[{"name":"backfill","image":"migrator:1","args":["backfill","--mode=insert"]}]}}}}' | kubectl apply -f -
      - kubectl wait --for=condition=complete job/backfill --timeout=2h
  - id: switch
    title: Read and write the new one
    run: kubectl patch configmap flags --patch '{"data":{"path":"new"}}'
  - id: propagate
    sleep: 2m
`,
}
