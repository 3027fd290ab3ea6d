/** MongoDB replica sets of other shapes: see `play.ts`. Priorities, votes, hidden and delayed members, arguments of step-downs, configurations, write concerns that nobody can meet. */
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Fault } from '../../src/faults/index.ts'
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const shell = (member: number, text: string): string => `mongosh --quiet --host mongo-${member}.mongo --eval "${text}"`
const passOver = (run: string): Step => ({ run, otherwise: 'continue' })
const del = (n: number, more = ''): string => `kubectl delete pod mongo-${n} ${more}`.trim()
const wait = (sleep: string): Step => ({ sleep })
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'mongodb', targetImage: null, databaseMB: 500, terminationGraceSeconds: 60, readiness: 'member-state', spareNodes: 0, ...more })
const fault = (kind: Fault['kind'], target: string, at: number, durationUs: number, magnitude = 0): Fault => ({ kind, target, at, durationUs, magnitude })
const set = (fcv: string): string => `mongosh --quiet 'mongodb://mongo-0.mongo,mongo-1.mongo,mongo-2.mongo/?replicaSet=rs0' --eval "db.adminCommand({setFeatureCompatibilityVersion: '${fcv}', confirm: true}).ok"`
/** It is a secondary again. */
const level = (n: number): Step => ({ gate: shell(n, 'db.hello().secondary'), expect: { equals: 'true' }, every: '2s', timeout: '5m' })
const config = (what: string, more = '', on = 0): string => shell(on, `const c = rs.conf(); ${what}; rs.reconfig(c${more}).ok`)

unseen({
  // ── step-downs ──
  'rs.stepDown(5) is refused (the catch-up is ten seconds), and nobody notices': {
    cluster: cluster(), steps: [shell(0, 'rs.stepDown(5)')], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'repl_set_commands.cpp: secondaryCatchUpPeriodSecs 10 unless forced',
  },
  'rs.stepDown(15, 5) of five, three of which are 8 s behind: an error after 5 s, the primary stays': {
    cluster: cluster({ members: 5 }), steps: [wait('30s'), passOver(shell(0, 'rs.stepDown(15, 5)')), wait('60s')],
    faults: [2, 3, 4].map(n => fault('replication-lag', `member:mongo-${n}`, 5 * SECOND, 3 * MINUTE, 8 * SECOND)),
    predicts: { measures: { writeDowntimeSeconds: [4.9, 16] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M11: the last write is not on a majority within the period (and w:majority is late by 8 s after it)',
  },
  'the same with two of them behind: three of five are level, it hands over': {
    cluster: cluster({ members: 5 }), steps: [wait('30s'), shell(0, 'rs.stepDown(60, 5)'), wait('2m')], faults: [3, 4].map(n => fault('replication-lag', `member:mongo-${n}`, 5 * SECOND, MINUTE, 8 * SECOND)),
    predicts: { measures: { writeDowntimeSeconds: [0.1, 2.5] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'M11, M13',
  },
  'forced, w:1, the others 5 s behind: it steps down at once, nobody is elected before the time-out, 5 s are rolled back': {
    cluster: cluster({ writeConcern: 1 }), steps: [wait('30s'), shell(0, 'db.adminCommand({replSetStepDown: 120, force: true}).ok'), wait('3m')],
    faults: [1, 2].map(n => fault('replication-lag', `member:mongo-${n}`, 5 * SECOND, 40 * SECOND, 5 * SECOND)),
    predicts: { measures: { longestWriteGapSeconds: [10, 14], lostAcknowledgedWrites: [0, 1_100] }, passes: ['no-split-brain', 'serves-at-end', 'converges'] }, source: 'M11, M13, M21; what the old primary has the new one fetches in its catch-up, if it gets that far (M04)',
  },
  'every secondary frozen: the step-down finds nobody, errors after 10 s, and the primary stays': {
    cluster: cluster(), steps: [shell(1, 'rs.freeze(300).ok'), shell(2, 'rs.freeze(300).ok'), passOver(shell(0, 'rs.stepDown(60)')), wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: [9.8, 11] }, passes: 'all' }, source: 'M11: frozen members are not electable',
  },
  'one frozen: the other takes over': {
    cluster: cluster(), steps: [shell(1, 'rs.freeze(300).ok'), shell(0, 'rs.stepDown(60).ok'), wait('30s'), { gate: shell(2, 'db.hello().isWritablePrimary'), expect: { equals: 'true' }, timeout: '60s' }],
    predicts: { measures: { writeDowntimeSeconds: [0.1, 2.5] }, passes: 'all' }, source: 'M11, M13',
  },
  'both frozen, the primary killed for a minute: nobody stands before the freeze is over, and then one of those does': {
    cluster: cluster(), steps: [shell(1, 'rs.freeze(40).ok'), shell(2, 'rs.freeze(40).ok'), wait('4m')], faults: [fault('process-kill', 'role:leader', 10 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [28, 45] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'replSetFreeze: not electable until then; M02',
  },
  'without the handoff a step-down costs the election time-out': {
    cluster: cluster({ electionHandoff: false }), steps: [shell(0, 'rs.stepDown(120).ok'), wait('60s')], predicts: { measures: { writeDowntimeSeconds: [9, 14] }, passes: 'all' }, source: 'M13',
  },
  // ── elections ──
  'an election time-out of 2 s, the primary killed: a write gap of 2 to 5 s': {
    cluster: cluster({ electionTimeoutMillis: 2000, heartbeatIntervalMillis: 500 }), steps: [wait('2m')], faults: [fault('process-kill', 'role:leader', 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [1.4, 4.5] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'M02, M06: (1 + 0.15) × 2 s + 1.2 s',
  },
  'five members at defaults, the primary killed: within 12.7 s': {
    cluster: cluster({ members: 5 }), steps: [wait('3m')], faults: [fault('process-kill', 'role:leader', 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [7.5, 13.2] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'M02, M06',
  },
  'seven members, the primary and two others of its zone lost: the four others elect one': {
    cluster: cluster({ members: 7, zones: 3 }), steps: [wait('4m')], faults: [fault('zone-outage', 'role:leader', 10 * SECOND, 2 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [7.5, 14] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'M01, M06: 4 of 7 votes',
  },
  'of the others only the second has a priority: it leads after the primary is killed, whoever is first': {
    cluster: cluster({ members: 5, priorities: [2, 0, 1, 0, 0] }), steps: [wait('30s'), { gate: shell(2, 'db.hello().isWritablePrimary'), expect: { equals: 'true' }, timeout: '60s' }],
    faults: [fault('process-kill', 'role:leader', 10 * SECOND, 5 * MINUTE)], predicts: { measures: { longestWriteGapSeconds: [7.5, 14] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'priority 0 never stands',
  },
  'three of priority, the primary handed over: ten seconds later the highest takes it back, once': {
    cluster: cluster({ members: 5, priorities: [3, 2, 1, 1, 1] }), steps: [shell(0, 'rs.stepDown(20).ok'), wait('90s'), { gate: shell(0, 'db.hello().isWritablePrimary'), expect: { equals: 'true' }, timeout: '60s' }],
    predicts: { measures: { writeDowntimeSeconds: [0.2, 5], longestWriteGapSeconds: [0.1, 2.5] }, passes: 'all' }, source: 'M05: rank 0 waits 10 s, and until it may stand again (20 s)',
  },
  'the primary cut off from everybody with w:1 for 30 s: it acknowledges until nobody reaches it, the writes of the time until then that went nowhere are few': {
    cluster: cluster({ writeConcern: 1 }), steps: [wait('3m')], faults: [fault('partition', 'role:leader', 10 * SECOND, 30 * SECOND)],
    predicts: { measures: { longestWriteGapSeconds: [7.5, 15], lostAcknowledgedWrites: [0, 20], splitBrainSeconds: [0, 2] }, passes: ['serves-at-end', 'converges'] }, source: 'M06; M07: two primaries for as long as the new one heard less lately from the old than that from the others',
  },
  'cut off from the other members alone, w:1: it acknowledges for up to the election time-out, and all of that is rolled back': {
    cluster: cluster({ writeConcern: 1 }), steps: [wait('3m')], faults: [1, 2].map(n => fault('partition-pair', `pair:mongo-0~mongo-${n}`, 10 * SECOND, 60 * SECOND)),
    predicts: { measures: { lostAcknowledgedWrites: [1_400, 2_400], splitBrainSeconds: [0, 2] }, passes: ['serves-at-end', 'converges'] }, source: 'M07: ≤ 10 s at 200 a second',
  },
  'the same with w:majority: nothing': {
    cluster: cluster({ writeConcern: 'majority' }), steps: [wait('3m')], faults: [1, 2].map(n => fault('partition-pair', `pair:mongo-0~mongo-${n}`, 10 * SECOND, 60 * SECOND)),
    predicts: { measures: { longestWriteGapSeconds: [7.5, 15] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end', 'converges'] }, source: 'M07, M21',
  },
  // ── who counts ──
  'five, two of them without a vote, both voting secondaries away: a majority of the votes is gone': {
    cluster: cluster({ members: 5, votes: [1, 1, 1, 0, 0], priorities: [1, 1, 1, 0, 0] }), steps: [{ parallel: [del(1), del(2)] }, wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: [3, 80] }, passes: ['no-acknowledged-write-lost'] }, source: 'M01; write concern “majority” counts voting members',
  },
  'both without a vote away: nobody notices': {
    cluster: cluster({ members: 5, votes: [1, 1, 1, 0, 0], priorities: [1, 1, 1, 0, 0] }), steps: [{ parallel: [del(3), del(4)] }, wait('2m')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'the same',
  },
  'w:3 of three, one away: writes wait until it is back': {
    cluster: cluster({ writeConcern: 3 }), steps: [del(2), wait('2m')], predicts: { measures: { writeDowntimeSeconds: [3, 60] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M20: it waits',
  },
  'w:4 of five, one away: nobody notices': {
    cluster: cluster({ members: 5, writeConcern: 4 }), steps: [del(4), wait('2m')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'M20',
  },
  'four and an arbiter (majority 3 of 5), two with data away: the primary and the arbiter are no majority': {
    cluster: cluster({ members: 4, arbiters: 1 }), steps: [{ parallel: [del(1), del(2), del(3)] }, wait('2m')], predicts: { measures: { writeDowntimeSeconds: [3, 80] }, passes: ['no-acknowledged-write-lost'] }, source: 'M01, M07',
  },
  'the same, two away: three votes are there, but only two hold data, and the majority is three: writes wait': {
    cluster: cluster({ members: 4, arbiters: 1, writeConcern: 'majority' }), steps: [{ parallel: [del(2), del(3)] }, wait('2m')], predicts: { measures: { writeDowntimeSeconds: [3, 80] }, passes: ['no-acknowledged-write-lost', 'no-split-brain'] }, source: 'M25: an arbiter acknowledges nothing',
  },
  'a delayed member is one of three: the other secondary away, w:majority waits for the delay': {
    cluster: cluster({ delays: [0, 0, 3600] }), steps: [del(1), wait('2m')], predicts: { measures: { writeDowntimeSeconds: [3, 60] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'core/replica-set-delayed-member',
  },
  'without a vote it is no use in that either: the same': {
    cluster: cluster({ delays: [0, 0, 3600], votes: [1, 1, 0], priorities: [1, 1, 0] }), steps: [del(1), wait('2m')], predicts: { measures: { writeDowntimeSeconds: [3, 60] }, passes: ['no-acknowledged-write-lost'] }, source: 'two votes: one is no majority',
  },
  'a delayed member away: nobody notices': {
    cluster: cluster({ delays: [0, 0, 3600] }), steps: [del(2), wait('2m')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M01',
  },
  // ── configurations ──
  'two votes taken away at once: refused, nobody notices': {
    cluster: cluster({ members: 5 }), steps: [config('for (const i of [3, 4]) { c.members[i].votes = 0; c.members[i].priority = 0 }')], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'replSetReconfig: at most one voting member',
  },
  'one after the other: fine, and then two of five away are no outage while the three that vote are there': {
    cluster: cluster({ members: 5 }), steps: [3, 4].map(i => config(`c.members[${i}].votes = 0; c.members[${i}].priority = 0`)).concat([del(3), del(4)]).map(run => run), predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'replSetReconfig; M01',
  },
  // Predicted: it steps down. It does so only if it is forced to.
  'the primary’s own priority put to 0: refused, nobody notices': {
    cluster: cluster(), steps: [config('c.members[0].priority = 0')], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'repl_set_config_checks.cpp: NodeNotElectable',
  },
  'the same by force: it steps down, another is elected when the time-out is over': {
    cluster: cluster(), steps: [config('c.members[0].priority = 0', ', {force: true}'), wait('60s'), { gate: shell(0, 'db.hello().isWritablePrimary'), expect: { equals: 'false' }, timeout: '60s' }],
    predicts: { measures: { writeDowntimeSeconds: [7.5, 14] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'topology_coordinator.cpp updateConfig; M02',
  },
  'a member that is down is taken out, then the primary’s pod goes: two of two are needed, and one is away': {
    cluster: cluster(), steps: [shell(0, "rs.remove('mongo-2.mongo:27017').ok"), del(0), wait('2m')], predicts: { measures: { writeDowntimeSeconds: [2, 60] }, passes: ['no-acknowledged-write-lost'] }, source: 'M01: a majority of two is two',
  },
  // ── feature compatibility versions ──
  'set while one member is on the old binary: that one dies of it and never comes up again, the others serve': {
    cluster: cluster({ updateStrategy: 'OnDelete', targetImage: 'mongo:8.0.4', targetFcv: '8.0' }),
    steps: [`kubectl patch statefulset mongo --patch '{"spec":{"template":{"spec":{"containers":[{"name":"mongod","image":"mongo:8.0.4"}]}}}}'`, del(1), level(1), del(2), level(2), shell(0, 'rs.stepDown(60).ok'), wait('20s'), set('8.0'), wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [0.1, 3] }, fails: ['converges', 'target-reached'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M32, M33, T18',
  },
  'set before any binary: refused': {
    cluster: cluster({ targetImage: null }), steps: [set('8.0')], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'M31: only the binary’s own and the one before',
  },
  'set twice: the second time it is done already': {
    cluster: cluster({ image: 'mongo:8.0.4', fcv: '7.0' }), steps: [set('8.0'), set('8.0'), { gate: shell(2, 'db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1}).featureCompatibilityVersion.version'), expect: { equals: '8.0' }, timeout: '30s' }],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'M32: idempotent',
  },
  'set with one of three away: a majority is enough, and the third has it when it is back': {
    cluster: cluster({ image: 'mongo:8.0.4', fcv: '7.0' }), steps: [del(2, '--wait=false'), wait('18s'), set('8.0'), wait('90s'), { gate: shell(2, 'db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1}).featureCompatibilityVersion.version'), expect: { equals: '8.0' }, timeout: '60s' }],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'M32',
  },
  'one that is delayed by an hour and one that is away: it waits for a majority, and gives up after a minute': {
    cluster: cluster({ image: 'mongo:8.0.4', fcv: '7.0', delays: [0, 0, 3600], writeConcern: 1, kubernetes: { containerStartSeconds: 180 } }), steps: [del(1, '--wait=false'), wait('20s'), set('8.0')],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: [0, 2] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M32: majority of the members with data, wtimeout 60 s; M24: flow control sees a majority point that is an hour late',
  },
  // ── zones, arbiters, configurations at run time ──
  'five members over two zones, the zone with three fails: no majority as long as that': {
    cluster: cluster({ members: 5, zones: 2 }), steps: [wait('8m')], faults: [fault('zone-outage', 'zone:1', 20 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [180, 240] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'M01',
  },
  'three of five gone for ten minutes, the two left made a set of their own by force: writable from there on': {
    cluster: cluster({ members: 5 }), steps: [wait('60s'), config("c.members = c.members.filter(m => /mongo-(1|3)/.test(m.host))", ', {force: true}', 1), wait('3m')],
    faults: [0, 2, 4].map(n => fault('process-kill', `member:mongo-${n}`, 10 * SECOND, 10 * MINUTE)),
    predicts: { measures: { longestWriteGapSeconds: [50, 80] }, fails: ['converges'], passes: ['no-acknowledged-write-lost'] }, source: 'reconfigure-replica-set-with-unavailable-members',
  },
  'the election time-out set to 2 s by rs.reconfig: in force': {
    cluster: cluster(), steps: [config('c.settings.electionTimeoutMillis = 2000; c.settings.heartbeatIntervalMillis = 500'), wait('2m')], faults: [fault('process-kill', 'role:leader', 30 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [1.9, 4] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M02',
  },
  'a secondary away for longer than the oplog: too stale': {
    cluster: cluster({ oplogMB: 100, writeConcern: 1 }), load: { writesPerSecond: 500, bytesPerWrite: 2000 }, steps: [{ run: "kubectl get pod mongo-2 -o jsonpath='{.spec.nodeName}'", as: 'n' }, 'kubectl cordon ${n}', del(2), wait('10m'), 'kubectl uncordon ${n}', wait('3m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['converges'] }, source: 'M24: 100 MB at 1 MB/s',
  },
  'PSA with w:majority, the primary lost for three minutes: elected, and every write hangs until it is back': {
    cluster: cluster({ members: 2, arbiters: 1, writeConcern: 'majority' }), steps: [wait('6m')], faults: [fault('process-kill', 'role:leader', 20 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [180, 230] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M20, M25',
  },
  'by default (w:1): in time': {
    cluster: cluster({ members: 2, arbiters: 1 }), steps: [wait('6m')], faults: [fault('process-kill', 'role:leader', 20 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [9.9, 13], lostAcknowledgedWrites: [0, 30] }, passes: ['serves-at-end'] }, source: 'M20',
  },
  'three and two arbiters, w:majority (3 of 5): one with data away holds all writes': {
    cluster: cluster({ members: 3, arbiters: 2, writeConcern: 'majority' }), steps: [del(2), wait('2m')], predicts: { measures: { writeDowntimeSeconds: [3, 60] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'M20, M25',
  },
})
