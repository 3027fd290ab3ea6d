/** MongoDB replica sets: see `play.ts`. One to five members, arbiters, hidden members, write concerns, feature compatibility versions out of order. */
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const shell = (member: number, text: string): string => `mongosh --quiet --host mongo-${member}.mongo --eval "${text}"`
const passOver = (run: string): Step => ({ run, otherwise: 'continue' })
const del = (n: number, more = ''): string => `kubectl delete pod mongo-${n} ${more}`.trim()
const ready = (n: number): string => `kubectl wait --for=condition=ready pod mongo-${n} --timeout=600s`
const wait = (sleep: string): Step => ({ sleep })
const image = (to: string, timeout = '5m'): (string | Step)[] => [`kubectl set image statefulset/mongo mongod=mongo:${to}`, passOver(`kubectl rollout status statefulset/mongo --timeout=${timeout}`)]
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'mongodb', targetImage: null, databaseMB: 500, terminationGraceSeconds: 60, readiness: 'member-state', spareNodes: 0, ...more })

/** As a shop would write it: everybody but the primary, then a step-down, then the primary, then the feature compatibility version. */
const SHOP = `#!/usr/bin/env bash
set -euo pipefail
URI='mongodb://mongo-0.mongo,mongo-1.mongo,mongo-2.mongo,mongo-3.mongo,mongo-4.mongo/?replicaSet=rs0'
kubectl patch statefulset mongo --patch '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null},"template":{"spec":{"containers":[{"name":"mongod","image":"mongo:8.0.4"}]}}}}'
again() {
  kubectl delete pod "$1"
  until kubectl wait --for=condition=ready "pod/$1" --timeout=300s; do sleep 1; done
  until [ "$(mongosh --quiet --host "$1.mongo" --eval 'db.hello().secondary')" = true ]; do sleep 2; done
}
primary=$(mongosh --quiet "$URI" --eval 'db.hello().me' | cut -d. -f1)
for i in 0 1 2 3 4 5 6; do
  [ "mongo-$i" = "$primary" ] || again "mongo-$i"
done
mongosh --quiet "$URI" --eval 'rs.stepDown(120)'
sleep 20
again "$primary"
mongosh --quiet "$URI" --eval "db.adminCommand({setFeatureCompatibilityVersion: '8.0', confirm: true}).ok"
`
/** Two of seven are hidden and cannot lead. */
const seven = { members: 7, hidden: [5, 6], priorities: [1, 1, 1, 1, 1, 0, 0] }

unseen({
  'seven members, two of them hidden: the primary’s pod deleted, one of the others takes over': {
    cluster: cluster(seven), steps: [del(0), ready(0), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [0.1, 2] }, passes: 'all' }, source: 'M13, M15',
  },
  'seven, three secondaries at once: four are a majority': {
    cluster: cluster(seven), steps: [{ parallel: [del(4), del(5), del(6)] }, wait('120s')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'M01',
  },
  'seven, four at once: three are none': {
    cluster: cluster(seven), steps: [{ parallel: [del(3), del(4), del(5), del(6)] }, wait('120s')], predicts: { measures: { writeDowntimeSeconds: [3, 80] }, passes: ['no-acknowledged-write-lost'] }, source: 'M07',
  },
  'a shop’s script, seven members, majority and journal: one hand-over': {
    cluster: cluster({ ...seven, targetImage: 'mongo:8.0.4', targetFcv: '8.0', writeConcern: 'majority', journal: true }), script: SHOP, predicts: { measures: { writeDowntimeSeconds: [0.1, 3] }, passes: 'all' }, source: 'M13, M32',
  },
  'an arbiter, the primary’s pod deleted: the one secondary takes over, with nobody to copy to until it is back': {
    cluster: cluster({ members: 2, arbiters: 1 }), steps: [del(0), ready(0), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [0.1, 2], redundancyExposedSeconds: [3, 45] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'M13, M20, M25, T16',
  },
  'of higher priority: handed over when it goes, and once more some ten seconds after it is back': {
    cluster: cluster({ priorities: [5, 1, 1] }), steps: [del(0), ready(0), wait('120s')], predicts: { measures: { writeDowntimeSeconds: [0.2, 4], longestWriteGapSeconds: [0.1, 2] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'M05, T14',
  },
  'the primary’s pod deleted: it hands over, less than two seconds': {
    cluster: cluster(), steps: [del(0), ready(0), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [0.1, 2] }, passes: 'all' }, source: 'M13, M15',
  },
  'by force: two seconds of grace are enough to hand over': {
    cluster: cluster({ writeConcern: 'majority' }), steps: [del(0, '--force --grace-period=0'), wait('120s')], predicts: { measures: { writeDowntimeSeconds: [0.1, 13] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'M06, M13; kubelet minimumGracePeriodInSeconds 2',
  },
  'an arbiter, the secondary away: w:1 by default, nobody notices': {
    cluster: cluster({ members: 2, arbiters: 1 }), steps: [del(1), ready(1), wait('60s')], predicts: { measures: { writeDowntimeSeconds: 0, redundancyExposedSeconds: [3, 40] }, passes: 'all' }, source: 'M20, M25',
  },
  'an arbiter, the secondary away, w:majority: blocked until it is back': {
    cluster: cluster({ members: 2, arbiters: 1, writeConcern: 'majority' }), steps: [del(1), ready(1), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [3, 40] }, passes: 'all' }, source: 'M25',
  },
  'two members and no arbiter: the primary alone is no majority and gives up': {
    cluster: cluster({ members: 2 }), steps: [del(1), ready(1), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [3, 45] }, passes: ['no-acknowledged-write-lost', 'converges'] }, source: 'M07',
  },
  'five members, two secondaries at once: nobody notices': {
    cluster: cluster({ members: 5 }), steps: [{ parallel: [del(3), del(4)] }, wait('120s')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'M01: 3 of 5 is a majority',
  },
  'five members, three at once: no majority until one is back': {
    cluster: cluster({ members: 5 }), steps: [{ parallel: [del(2), del(3), del(4)] }, wait('120s')], predicts: { measures: { writeDowntimeSeconds: [3, 80] }, passes: ['no-acknowledged-write-lost'] }, source: 'M07',
  },
  'four members, two at once: half is no majority': {
    cluster: cluster({ members: 4 }), steps: [{ parallel: [del(2), del(3)] }, wait('120s')], predicts: { measures: { writeDowntimeSeconds: [3, 80] }, passes: ['no-acknowledged-write-lost'] }, source: 'M07',
  },
  'stepDown with nobody electable: an error after 10 s, and the primary stays': {
    cluster: cluster({ priorities: [1, 0, 0], hidden: [1, 2] }), steps: [passOver(shell(0, 'rs.stepDown(120)')), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [9.5, 11] }, passes: 'all' }, source: 'M11, M12',
  },
  'the same with force: nobody leads until it may stand again': {
    cluster: cluster({ priorities: [1, 0, 0], hidden: [1, 2] }), steps: [passOver(shell(0, 'db.adminCommand({replSetStepDown: 60, force: true})')), wait('180s')], predicts: { measures: { writeDowntimeSeconds: [55, 75] }, passes: 'all' }, source: 'M10, M11',
  },
  'a binary two releases on: the first member crash-loops, the others serve': {
    cluster: cluster({ image: 'mongo:6.0.15', targetImage: 'mongo:8.0.4' }), steps: image('8.0.4'), predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: ['serves-at-end'] }, source: 'M30, M33',
  },
  'the new binary on an older feature compatibility version: the same': {
    cluster: cluster({ targetImage: 'mongo:8.0.4', fcv: '6.0' }), steps: image('8.0.4'), predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: ['serves-at-end'] }, source: 'M33, T17',
  },
  'the old binary after the feature compatibility version was set: no way back': {
    cluster: cluster({ image: 'mongo:8.0.4', targetImage: 'mongo:7.0.14' }), steps: image('7.0.14'), predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: ['serves-at-end'] }, source: 'M34',
  },
  'without confirm it is refused': {
    cluster: cluster({ image: 'mongo:8.0.4', fcv: '7.0' }), steps: [shell(0, "db.adminCommand({setFeatureCompatibilityVersion: '8.0'})")], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 } }, source: 'M32: confirm required since 7.0',
  },
  'image, then feature compatibility version, in this order: one hand-over, all is well': {
    cluster: cluster({ targetImage: 'mongo:8.0.4', targetFcv: '8.0' }),
    steps: [...image('8.0.4', '30m'), wait('20s'), `mongosh --quiet 'mongodb://mongo-0.mongo,mongo-1.mongo,mongo-2.mongo/?replicaSet=rs0' --eval "db.adminCommand({setFeatureCompatibilityVersion: '8.0', confirm: true}).ok"`, wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [0.1, 3] }, passes: 'all' },
    source: 'M31, M32',
  },
  'one member: down for the quiesce of 15 s and its start': {
    cluster: cluster({ members: 1 }), steps: [del(0), ready(0), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [17, 60] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M15; facts §4',
  },
})
