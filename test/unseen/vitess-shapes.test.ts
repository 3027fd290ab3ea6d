/** Vitess of other shapes: see `play.ts`. Cells that go, lag, limits of the buffer, VTOrc's switches, rollouts. A pod that is replaced is back 25 to 40 s after its mysqld began to stop. */
import type { Fault } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'
import { expect, test } from 'vitest'
import { rehearsals, unseen } from './play.ts'

const quick = { imagePullSeconds: 1, unmountSeconds: 0.5, controllerLagSeconds: 0.05, scheduleSeconds: 0.1, kubeletLagSeconds: 0.1, mountSeconds: 1, containerStartSeconds: 1 }
const timing = { mysqlStopSeconds: 10, mysqlStartSeconds: 15, crashStartSeconds: 60, slowStopSeconds: 120, dictionaryUpgradeSeconds: 60, vttabletRestartSeconds: 5, restoreMinutes: 10 }
const shard = (tablets: number, more: Record<string, unknown> = {}) => ({ engine: 'vitess', fleet: tablets, tabletsPerShard: tablets, coldCacheSeconds: 0, longTransactionP: 0, kubernetes: quick, ...more, timing: { ...timing, ...(more['timing'] as object | undefined) } })
const alias = (n: number, cells = 3): string => `zone${((n - 1) % cells) + 1}-${String(100 + n).padStart(10, '0')}`
const pod = (n: number, cells = 3): string => `example-vttablet-${alias(n, cells)}`
const del = (n: number, cells = 3): string => `kubectl delete pod ${pod(n, cells)} --wait=false`
const wait = (sleep: string): Step => ({ sleep })
const passOver = (run: string): Step => ({ run, otherwise: 'continue' })
const prs = (more = ''): string => `vtctldclient PlannedReparentShard commerce/- --allow-cross-cell-promotion ${more}`.trim()
const ers = (more = ''): string => `vtctldclient EmergencyReparentShard commerce/- ${more}`.trim()
const fault = (kind: Fault['kind'], target: string, at: number, durationUs: number, magnitude = 0): Fault => ({ kind, target, at, durationUs, magnitude })
const late = (n: number, seconds: number): Fault => fault('replication-lag', `member:${pod(n)}`, 5 * SECOND, 5 * MINUTE, seconds * SECOND)
const patient = { loop: 'closed', connections: 20, think: '100ms', timeout: '20s', queueAgeLimit: '20s' }
const image = (to: string): string => `kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:${to}"}}}}'`

unseen({
  // ── cells ──
  // Predicted: nobody notices. But a vtgate is in that cell, and whoever is connected to it hears nothing any more.
  'six tablets in three cells, cross_cell, a cell without the primary goes: the third one acknowledges; clients of its vtgate have to find another': {
    cluster: shard(6, { durabilityPolicy: 'cross_cell' }), steps: [wait('10m')], faults: [fault('zone-outage', 'zone:zone2', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [0, 66] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end', 'converges'] }, source: 'VT-F21; the load’s own time-out of 60 s',
  },
  'the primary’s cell goes, semi_sync: it might acknowledge with its neighbour, so no emergency reparent dares; down for as long as the cell': {
    cluster: shard(6), steps: [wait('15m')], faults: [fault('zone-outage', 'zone:zone1', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [300, 480] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'reparentutil haveRevoked: 5 ackers, 4 reached, 1 is not less than 1',
  },
  'the same under cross_cell: its neighbour does not count, so another leads when the replicas have noticed': {
    cluster: shard(6, { durabilityPolicy: 'cross_cell' }), steps: [wait('15m')], faults: [fault('zone-outage', 'zone:zone1', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [60, 100] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'haveRevoked: 4 ackers, 4 reached; VT-F41: replica_net_timeout 60 s, then polls of 5 and 1 s; 15 s for the two that are silent',
  },
  'three tablets in three cells, the primary’s goes: replica_net_timeout and a poll': {
    cluster: shard(3), steps: [wait('15m')], faults: [fault('zone-outage', 'zone:zone1', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [60, 80] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F41, VT-F40',
  },
  'the same with replica_net_timeout 8 s': {
    cluster: shard(3, { replicaNetTimeoutSeconds: 8 }), steps: [wait('15m')], faults: [fault('zone-outage', 'zone:zone1', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [8, 25] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F41, VT-F44',
  },
  'mysqld stands still (SIGSTOP) for five minutes: as silent as a machine that is gone': {
    cluster: shard(3), steps: [wait('15m')], faults: [fault('process-pause', 'role:leader', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [60, 85] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F41',
  },
  'VTOrc without emergency reparents: the killed primary comes back by itself, after InnoDB’s recovery': {
    cluster: shard(3, { vtorc: { allowEmergencyReparent: false } }), steps: [wait('10m')], faults: [fault('process-kill', 'role:leader', 30 * SECOND, 0)],
    predicts: { measures: { longestWriteGapSeconds: [58, 80] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end', 'converges'] }, source: 'VT-F40 allow-emergency-reparent; crash start 60 s',
  },
  'VTOrc away for ten minutes, the primary killed for three: nobody reparents before it is back itself': {
    cluster: shard(3), steps: [wait('15m')], faults: [fault('coordinator-away', 'coordinator:vtorc', 10 * SECOND, 10 * MINUTE), fault('process-kill', 'role:leader', 30 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [230, 270] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F40',
  },
  // ── who counts ──
  'two rdonly, two replicas, both replicas away: rdonly tablets acknowledge nothing, commits hang': {
    cluster: shard(5, { rdonlyPerShard: 2 }), steps: [del(2), del(3), wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [20, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F03, VT-F22',
  },
  'a replica made RDONLY acknowledges no more: the other one’s replacement is the outage': {
    cluster: shard(3), steps: [`vtctldclient ChangeTabletType ${alias(3)} rdonly`, del(2), wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [20, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F03',
  },
  'five tablets, one drained and one replaced: nobody notices': {
    cluster: shard(5), steps: [`vtctldclient ChangeTabletType ${alias(5)} drained`, del(2), wait('3m'), `vtctldclient ChangeTabletType ${alias(5)} replica`],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F21',
  },
  // ── planned reparents ──
  'to one that is 10 s behind, waiting 15 s: writes stand still for those ten seconds': {
    cluster: shard(3), steps: [wait('30s'), prs(`--new-primary ${alias(2)}`), wait('2m')], faults: [late(2, 10)],
    predicts: { measures: { longestWriteGapSeconds: [9.5, 16] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT §1.2: phases 3 and 5 wait for it',
  },
  'waiting 8 s: given up before anybody was demoted, nobody notices': {
    cluster: shard(3), steps: [wait('30s'), prs(`--new-primary ${alias(2)} --wait-replicas-timeout 8s`)], faults: [late(2, 10)],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT §1.2 phase 3',
  },
  // Predicted of replicas that receive 10 s late; but those slow every commit down by as much (one has to acknowledge), and are hardly behind in what they hold.
  'a tolerance of 5 s and nobody who applies: given up, nobody notices': {
    cluster: shard(3), steps: [wait('30s'), prs('--tolerable-replication-lag 5s')], faults: [2, 3].map(n => fault('replay-stall', `member:${pod(n)}`, 5 * SECOND, 5 * MINUTE)),
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT §1.2 phase 2',
  },
  'a grace of 10 s and a transaction of a minute: ten seconds': {
    cluster: shard(3, { shutdownGraceSeconds: 10 }), steps: [wait('10s'), prs('--wait-replicas-timeout 60s'), wait('2m')], faults: [fault('long-transaction', 'role:leader', 5 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [10, 16] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F12',
  },
  'asked for twice at once to leave the same primary: it moves once': {
    cluster: shard(3, { buffer: { enabled: true } }), load: patient, steps: [{ parallel: [prs(`--avoid-primary ${alias(1)}`), prs(`--avoid-primary ${alias(1)}`)] }, wait('1m')],
    predicts: { measures: { failedAttempts: 0, longestWriteGapSeconds: [0.2, 10] }, passes: 'all' }, source: 'VT §1.2: the second waits for the lock and finds another primary',
  },
  'the primary’s vttablet is gone: a planned reparent refuses, an emergency one does not': {
    cluster: shard(3, { vtorc: false }), steps: [wait('15s'), passOver(prs()), wait('10s'), ers(), wait('2m')], faults: [fault('process-crash', 'role:leader', 10 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [14, 50] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F43; VT §1.2 phase 2; VT-F20',
  },
  // ── the buffer ──
  'a second reparent 70 s after the first is buffered again': {
    cluster: shard(3, { buffer: { enabled: true } }), load: patient, steps: [prs(), wait('70s'), prs(), wait('1m')],
    predicts: { measures: { failedAttempts: 0 }, passes: 'all' }, source: 'VT-F31: 60 s',
  },
  'a window of 1 s and a reparent of 4 s: every client has an error': {
    cluster: shard(3, { buffer: { enabled: true, windowSeconds: 1 }, timing: { reparentSeconds: 4 } }), load: patient, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [20, 1e4], longestWriteGapSeconds: [3.5, 8] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F32, PF19',
  },
  'twenty clients, a buffer of ten on one vtgate: as many as do not fit are turned away': {
    cluster: shard(3, { vtgates: 1, buffer: { enabled: true, size: 10 }, timing: { reparentSeconds: 2 } }), load: patient, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [10, 1e4] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F32, VT-F35',
  },
  'an open loop of 2,000 a second, one vtgate, four seconds: some 7,000 turned away': {
    cluster: shard(3, { vtgates: 1, buffer: { enabled: true }, timing: { reparentSeconds: 4 } }), load: { writesPerSecond: 2000, connections: 2000, timeout: '20s', queueAgeLimit: '20s', attempts: 1 }, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [5_500, 9_500] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F35: rate × stall − size',
  },
  'spread over four vtgates: half as many': {
    cluster: shard(3, { vtgates: 4, buffer: { enabled: true }, timing: { reparentSeconds: 4 } }), load: { writesPerSecond: 2000, connections: 2000, cohorts: 8, timeout: '20s', queueAgeLimit: '20s', attempts: 1 }, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [2_500, 6_500] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F30: buffer_size is each vtgate’s',
  },
  'programs in transactions are not helped by it': {
    cluster: shard(3, { buffer: { enabled: true } }), load: { ...patient, entrance: 'reserved' }, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [1, 1e6] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F13, VT-F31',
  },
  // ── rollouts ──
  'External, and nobody releases anything: nothing happens': {
    cluster: shard(3, { targetMysqlVersion: '8.0.40' }), steps: [image('8.0.40'), wait('30m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached'], passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F51',
  },
  'Immediate, one tablet a shard: its pod is deleted under its clients': {
    cluster: shard(1, { durabilityPolicy: 'none', updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40' }), steps: [image('8.0.40'), wait('30m')],
    predicts: { measures: { longestWriteGapSeconds: [25, 110] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges', 'target-reached'] }, source: 'VT-F52',
  },
  'Immediate, four tablets, within a series: one reparent, everything else unnoticed': {
    cluster: shard(4, { updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40', patchBreakP: 0 }), steps: [image('8.0.40'), wait('60m')],
    predicts: { measures: { writeDowntimeSeconds: [0.2, 12] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end', 'converges', 'target-reached'] }, source: 'VT-F52: primary last; VT-F53: a reparent before its drain',
  },
  'Immediate, two tablets, semi_sync: the replica’s replacement is an outage, and so is the old primary’s': {
    cluster: shard(2, { cells: 1, updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40', patchBreakP: 0 }), steps: [image('8.0.40'), wait('60m')],
    predicts: { measures: { writeDowntimeSeconds: [50, 230], longestWriteGapSeconds: [25, 150] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges', 'target-reached'] }, source: 'VT-F25, O5: n = 2 stalls for u each',
  },
  // ── candidates, restores, policies by hand ──
  'a candidate 20 s behind, --wait-replicas-timeout 5s: refused before the demotion': {
    cluster: shard(3), steps: [wait('30s'), passOver(prs(`--new-primary ${alias(2)} --wait-replicas-timeout 5s`)), wait('60s')], faults: [fault('replication-lag', `member:${pod(2)}`, 5 * SECOND, 60 * SECOND, 20 * SECOND)],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'VT §1.2 phase 3',
  },
  'a rdonly tablet named as the new primary: refused': {
    cluster: shard(3, { rdonlyPerShard: 1 }), steps: [prs(`--new-primary ${alias(3)}`)],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'VT-F03; reparentutil: must not be promoted',
  },
  'VTOrc off, the primary’s pod deleted: its shard waits for it': {
    cluster: shard(3, { vtorc: false }), steps: [del(1), wait('3m')], predicts: { measures: { longestWriteGapSeconds: [25, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'mysqld stop and start',
  },
  'the durability policy set by hand is taken back by the operator: the replica’s replacement hangs commits': {
    cluster: shard(2), steps: ['vtctldclient SetKeyspaceDurabilityPolicy --durability-policy none commerce', wait('2m'), del(2), wait('2m')], predicts: { measures: { longestWriteGapSeconds: [25, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-DUR-2',
  },
  'two of three silent: an emergency reparent is refused': {
    cluster: shard(3, { vtorc: false }), steps: [wait('20s'), passOver(ers()), wait('4m')], faults: [fault('process-kill', `member:${pod(1)}`, 10 * SECOND, 2 * MINUTE), fault('process-kill', `member:${pod(2)}`, 10 * SECOND, 2 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [150, 260] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-ERS-2',
  },
  'a replica’s disk lost: it restores for ten minutes, nobody notices, half of the redundancy is gone': {
    cluster: shard(3), steps: [`kubectl delete pvc ${pod(2)} --wait=false`, del(2), wait('20m')], predicts: { measures: { writeDowntimeSeconds: 0, redundancyExposedSeconds: 0 }, passes: 'all' }, source: 'VT-BACKUP-1',
  },
  'two tablets, the replica’s disk lost: every commit hangs for the restore': {
    cluster: shard(2), steps: [`kubectl delete pvc ${pod(2)} --wait=false`, del(2), wait('20m')], predicts: { measures: { longestWriteGapSeconds: [600, 720] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-BACKUP-1, VT-F22',
  },
  'buffer of 100 requests under 200 a second of an open loop, a reparent of some seconds: those beyond are turned away': {
    cluster: shard(3, { buffer: { enabled: true, size: 100 }, vtgates: 1, timing: { ...timing, reparentSeconds: 3 } }), load: { writesPerSecond: 200, timeout: '20s', queueAgeLimit: '20s' }, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [300, 900] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-BUF-3: max(0, 200 × 3 − 100)',
  },
  'five tablets, cross_cell over two: the other cell lost, commits hang until it is back': {
    cluster: shard(5, { cells: 2, durabilityPolicy: 'cross_cell' }), steps: [wait('10m')], faults: [fault('zone-outage', 'zone:zone2', 30 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [180, 330] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F21, VT-F22',
  },
})

// Predicted: a tablet more in each shard, flags that restart them, vtgates that roll. Nothing of it happened, and nobody said so.
test.each([
  ['a tablet more', '[{"op":"replace","path":"/spec/keyspaces/0/partitionings/0/equal/shardTemplate/tabletPools/0/replicas","value":4}]', 'replicas'],
  ['flags of its vttablets', '[{"op":"add","path":"/spec/keyspaces/0/partitionings/0/equal/shardTemplate/tabletPools/0/vttablet","value":{"extraFlags":{"queryserver-config-pool-size":"90"}}}]', 'extraFlags'],
  ['another vtgate', '[{"op":"replace","path":"/spec/images/vtgate","value":"vitess/lite:v22.0.0"}]', 'images.vtgate'],
])('%s in the cluster object is refused by name', (_name, patch, word) => {
  const refused = () => rehearsals({ cluster: shard(3), steps: [`kubectl patch vitesscluster example --type json --patch '${patch}'`] }, 1)
  expect(refused).toThrow(word)
})
