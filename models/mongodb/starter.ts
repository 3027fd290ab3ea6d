/** What `proofroll init mongodb` writes: a scenario and a runbook to edit, short enough to read in one go. */

const scenario = `# yaml-language-server: $schema=./node_modules/proofroll/schemas/scenario.schema.json
# What is upgraded, under which load, and what must hold. Run it:  npx proofroll run
format: 1
title: Our MongoDB upgrade
cluster:
  engine: mongodb
  name: mongo                     # EDIT: the name of your StatefulSet (pods mongo-0, mongo-1, …; headless Service mongo)
  members: 3
  image: mongo:7.0.14             # EDIT: from …
  targetImage: mongo:8.0.4        # … to
  updateStrategy: OnDelete
  writeConcern: implicit          # majority unless arbiters say otherwise; or 1
load:
  writesPerSecond: 500            # EDIT: your peak
runbook: ./upgrade.runbook.yaml
# What the author of the procedure promises: shown beside what is measured.
claims: { writeDowntimeSeconds: 10s, lostAcknowledgedWrites: 0 }
# What you need: a run that misses one makes the command end with status 1.
objectives:
  - { measure: writeDowntimeSeconds, at: p99, max: 10s }
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
deadline: 2h
`

const runbook = `# yaml-language-server: $schema=./node_modules/proofroll/schemas/runbook.schema.json
# The procedure, with the commands you would type. This one restarts whoever is next, primary or not, and waits for Ready only: Proofroll will show
# what that costs. How to do it right:  npx proofroll run mongodb-step-down/verified
format: 1
title: Restart the members with the new image
steps:
  - id: image
    title: The new image (OnDelete, so nothing moves yet)
    run: >-
      kubectl patch statefulset mongo --patch
      '{"spec":{"template":{"spec":{"containers":[{"name":"mongod","image":"mongo:8.0.4"}]}}}}'
  - id: restart
    title: One member after the other
    forEach:
      words: mongo-0 mongo-1 mongo-2
      as: member
      steps:
        - id: delete
          run: kubectl delete pod \${member} --grace-period=5
        - id: back
          gate: kubectl exec \${member} -- mongosh --quiet --eval "db.version()"
          expect: { equals: 8.0.4 }
          every: 5s
          timeout: 10m
`

export const starter: Readonly<Record<string, string>> = {
  'upgrade.yaml': scenario,
  'upgrade.runbook.yaml': runbook,
}
