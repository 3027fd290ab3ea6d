/** Vitess: see `play.ts`. One shard unless said otherwise; a pod that is replaced is back 25 to 40 s after its mysqld began to stop (10 s to stop, 15 s to start, a probe). */
import type { Fault } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenarioFrom } from '../../src/scenario/index.ts'
import { stringify } from 'yaml'
import { unseen } from './play.ts'

const quick = { imagePullSeconds: 1, unmountSeconds: 0.5, controllerLagSeconds: 0.05, scheduleSeconds: 0.1, kubeletLagSeconds: 0.1, mountSeconds: 1, containerStartSeconds: 1 }
const timing = { mysqlStopSeconds: 10, mysqlStartSeconds: 15, crashStartSeconds: 60, slowStopSeconds: 120, dictionaryUpgradeSeconds: 60, vttabletRestartSeconds: 5, restoreMinutes: 10 }
const shard = (tablets: number, more: Record<string, unknown> = {}) => ({ engine: 'vitess', fleet: tablets, tabletsPerShard: tablets, coldCacheSeconds: 0, longTransactionP: 0, timing, kubernetes: quick, ...more })
/** The nth tablet of the only shard, of `cells` cells. */
const alias = (n: number, cells = 3): string => `zone${((n - 1) % cells) + 1}-${String(100 + n).padStart(10, '0')}`
const pod = (n: number, cells = 3): string => `example-vttablet-${alias(n, cells)}`
const del = (n: number, cells = 3): string => `kubectl delete pod ${pod(n, cells)} --wait=false`
const wait = (sleep: string): Step => ({ sleep })
const prs = (more = ''): string => `vtctldclient PlannedReparentShard commerce/- --allow-cross-cell-promotion ${more}`.trim()
const ers = (more = ''): string => `vtctldclient EmergencyReparentShard commerce/- ${more}`.trim()
const policy = (word: string): string => `kubectl patch vitesscluster example --type json --patch '[{"op":"replace","path":"/spec/keyspaces/0/durabilityPolicy","value":"${word}"}]'`
const fault = (kind: Fault['kind'], target: string, at: number, durationUs: number, magnitude = 0): Fault => ({ kind, target, at, durationUs, magnitude })
/** Clients that take part in buffering wait for their answers. */
const patient = { loop: 'closed', connections: 20, think: '100ms', timeout: '20s', queueAgeLimit: '20s' }

unseen({
  // ── who acknowledges ──
  'two tablets, semi-sync: a replica’s replacement is the shard’s outage, and nobody gets an error': {
    cluster: shard(2), steps: [del(2), wait('2m')],
    predicts: { measures: { longestWriteGapSeconds: [25, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F25, O5',
  },
  'two tablets, no durability policy: nobody notices': {
    cluster: shard(2, { durabilityPolicy: 'none' }), steps: [del(2), wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F21',
  },
  'three tablets, one replica at a time: nobody notices': {
    cluster: shard(3), steps: [del(2), wait('90s'), del(3), wait('90s')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'VT-F25',
  },
  'three tablets, both replicas at once: commits hang until one is back': {
    cluster: shard(3), steps: [del(2), del(3), wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [20, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F22, VT-F25',
  },
  'the same with stock MySQL: after ten seconds the primary goes on alone': {
    cluster: shard(3, { semiSyncTimeoutSeconds: 10 }), steps: [del(2), del(3), wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [9, 13], redundancyExposedSeconds: [3, 30] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F22; dev.mysql.com replication-semisync',
  },
  'and its disk is lost while it is alone: what it acknowledged then is gone': {
    cluster: shard(3, { semiSyncTimeoutSeconds: 10 }), steps: [del(2), del(3), wait('5m')],
    faults: [fault('node-loss-with-volume', 'role:leader', 26 * SECOND, 10 * MINUTE)],
    predicts: { measures: { lostAcknowledgedWrites: [4_800, 5_300] }, fails: ['no-acknowledged-write-lost'] }, source: 'VT-F23c: stock time-out fell back to async; what had waited since the replicas stopped is acknowledged too',
  },
  'the same as Vitess sets it: nothing was acknowledged meanwhile, so nothing is': {
    cluster: shard(3), steps: [del(2), del(3), wait('5m')],
    faults: [fault('node-loss-with-volume', 'role:leader', 26 * SECOND, 10 * MINUTE)],
    predicts: { passes: ['no-acknowledged-write-lost'] }, source: 'VT-F22, VT-F23',
  },
  'a rdonly tablet acknowledges nothing under semi_sync: with one replica beside it the replica’s replacement is the outage': {
    cluster: shard(3, { rdonlyPerShard: 1 }), steps: [del(2), wait('2m')],
    predicts: { measures: { longestWriteGapSeconds: [25, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F03, VT-F21',
  },
  'under semi_sync_with_rdonly_ack it does': {
    cluster: shard(3, { rdonlyPerShard: 1, durabilityPolicy: 'semi_sync_with_rdonly_ack' }), steps: [del(2), wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'VT-F03, VT-F21',
  },
  'cross_cell over two cells, three tablets: of the two replicas only the one elsewhere counts': {
    cluster: shard(3, { cells: 2, durabilityPolicy: 'cross_cell' }), steps: [del(2, 2), wait('2m')],
    predicts: { measures: { longestWriteGapSeconds: [25, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F21',
  },
  'and the replacement of the one at home goes unnoticed': {
    cluster: shard(3, { cells: 2, durabilityPolicy: 'cross_cell' }), steps: [del(3, 2), wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'VT-F21',
  },
  'five tablets, two replicas at once: nobody notices': {
    cluster: shard(5), steps: [del(2), del(3), wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'VT-F21: one acknowledgement is enough',
  },
  'two tablets, the policy taken away for the replacement and given back: nobody notices': {
    cluster: shard(2), steps: [policy('none'), wait('30s'), del(2), wait('2m'), policy('semi_sync'), wait('30s')],
    predicts: { measures: { writeDowntimeSeconds: 0, redundancyExposedSeconds: [120, 180] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F21; vtorc PrimarySemiSyncMustNotBeSet; under the promise every write that is acknowledged by one tablet alone counts',
  },
  'replaced before VTOrc has heard of the policy: the outage is as long as that takes': {
    cluster: shard(2), steps: [policy('none'), del(2), wait('2m'), policy('semi_sync'), wait('30s')],
    predicts: { measures: { longestWriteGapSeconds: [0, 22] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F40: topo refresh 15 s, polls 5 s and 1 s',
  },
  'and never given back: the shard ends without the durability that was promised': {
    cluster: shard(2), steps: [policy('none'), wait('30s'), del(2), wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['converges', 'no-false-success'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F21',
  },
  'and the primary’s disk is lost meanwhile: so is what it acknowledged since the replica stopped': {
    cluster: shard(2), steps: [policy('none'), wait('30s'), del(2), wait('5m')], faults: [fault('node-loss-with-volume', 'role:leader', 50 * SECOND, 10 * MINUTE)],
    predicts: { measures: { lostAcknowledgedWrites: [3_700, 4_100] }, fails: ['no-acknowledged-write-lost'] }, source: 'VT-F21, VT-F23b',
  },
  // ── when a primary goes ──
  'no VTOrc: the shard is down for as long as its primary, with InnoDB’s recovery': {
    cluster: shard(3, { vtorc: false }), steps: [wait('10m')], faults: [fault('process-kill', 'role:leader', 30 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [230, 270] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F40; crash start 60 s',
  },
  'VTOrc: a poll, a look for recoveries and an emergency reparent': {
    cluster: shard(3), steps: [wait('10m')], faults: [fault('process-kill', 'role:leader', 30 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [0.3, 15] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F40: up to 5 s and 1 s; replicas notice at once',
  },
  'its vttablet alone goes: VTOrc does nothing, the outage is the vttablet’s': {
    cluster: shard(3), steps: [wait('10m')], faults: [fault('process-crash', 'role:leader', 30 * SECOND, 3 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [180, 195] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F43',
  },
  'it falls silent: replicas believe in it for replica_net_timeout, and what it would write nobody acknowledges': {
    cluster: shard(3), steps: [wait('10m')], faults: [fault('partition', 'role:leader', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [60, 135], splitBrainSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F41, VT-F26',
  },
  'a zone with the primary, two tablets in two cells: nobody is left to acknowledge, so the shard is down as long as the zone': {
    cluster: shard(2, { cells: 2, durabilityPolicy: 'cross_cell' }), steps: [wait('15m')], faults: [fault('zone-outage', 'zone:zone1', 30 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [300, 480] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F20, VT-F21',
  },
  'emergency reparent by hand of a healthy shard, semi-sync: nothing is lost': {
    cluster: shard(3, { vtorc: false }), steps: [ers(), wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [0.05, 20] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'VT-F20: a primary that answers is demoted',
  },
  'no policy, the replica 5 s behind, the primary gone for good: the emergency loses those 5 s': {
    cluster: shard(2, { durabilityPolicy: 'none', vtorc: false }), steps: [wait('40s'), `kubectl delete pvc ${pod(1)} --wait=false`, `kubectl delete pod ${pod(1)} --force --grace-period=0`, wait('3s'), ers(), wait('2m')],
    faults: [fault('replication-lag', `member:${pod(2)}`, 5 * SECOND, 60 * SECOND, 5 * SECOND)],
    predicts: { measures: { lostAcknowledgedWrites: [800, 1_700] }, fails: ['no-acknowledged-write-lost'] }, source: 'VT-F21: unreplicated tail (and up to 2 s until the process is stopped)',
  },
  'semi-sync, one replica 5 s behind and the other not: the emergency takes the other': {
    cluster: shard(3, { vtorc: false }), steps: [wait('40s'), `kubectl delete pvc ${pod(1)} --wait=false`, `kubectl delete pod ${pod(1)} --force --grace-period=0`, wait('3s'), ers(), wait('2m')],
    faults: [fault('replication-lag', `member:${pod(2)}`, 5 * SECOND, 60 * SECOND, 5 * SECOND)],
    predicts: { passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F20, VT-F23',
  },
  'named by hand, the one behind comes level first: nothing is lost either': {
    cluster: shard(3, { vtorc: false }), steps: [wait('40s'), `kubectl delete pvc ${pod(1)} --wait=false`, `kubectl delete pod ${pod(1)} --force --grace-period=0`, wait('3s'), ers(`--new-primary ${alias(2)}`), wait('2m')],
    faults: [fault('replication-lag', `member:${pod(2)}`, 5 * SECOND, 60 * SECOND, 5 * SECOND)],
    predicts: { passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'emergency_reparenter.go: intermediate source, then the proposed primary',
  },
  'told to ignore the one that has acknowledged: 5 s are lost under semi-sync': {
    cluster: shard(4, { vtorc: false }), steps: [wait('40s'), `kubectl delete pvc ${pod(1)} --wait=false`, `kubectl delete pod ${pod(1)} --force --grace-period=0`, wait('3s'), ers(`--ignore-replicas ${alias(1)},${alias(3)}`), wait('2m')],
    faults: [fault('replication-lag', `member:${pod(2)}`, 5 * SECOND, 60 * SECOND, 5 * SECOND), fault('replication-lag', `member:${pod(4)}`, 5 * SECOND, 60 * SECOND, 5 * SECOND)],
    predicts: { measures: { lostAcknowledgedWrites: [800, 1_700] }, fails: ['no-acknowledged-write-lost'] }, source: 'VT-F23e',
  },
  // ── planned reparents ──
  'a cell has one tablet of the shard: a planned reparent without crossing cells finds nobody, and nobody notices': {
    cluster: shard(3), steps: ['vtctldclient PlannedReparentShard commerce/-'],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'VT §1.2 phase 2',
  },
  'without buffering clients get errors': {
    cluster: shard(3), load: patient, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [1, 1e6], longestWriteGapSeconds: [0.2, 10] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F30, VT-F37',
  },
  'with it none': {
    cluster: shard(3, { buffer: { enabled: true } }), load: patient, steps: [prs(), wait('1m')],
    predicts: { measures: { failedAttempts: 0, longestWriteGapSeconds: [0.2, 10] }, passes: 'all' }, source: 'VT-F15, PF16',
  },
  'a second one within the minute is not buffered': {
    cluster: shard(3, { buffer: { enabled: true } }), load: patient, steps: [prs(), wait('10s'), prs(), wait('1m')],
    predicts: { measures: { failedAttempts: [1, 1e6] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F31, PF19',
  },
  'v19: a transaction that goes on is waited for up to the transaction time-out, longer than requests are kept': {
    cluster: shard(3, { vitessVersion: 19, buffer: { enabled: true } }), load: patient, steps: [wait('10s'), prs('--wait-replicas-timeout 60s'), wait('2m')], faults: [fault('long-transaction', 'role:leader', 5 * SECOND, 2 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [28, 40], failedAttempts: [1, 1e6] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F12',
  },
  'v21: it is killed after 3 s, and nobody else notices': {
    cluster: shard(3, { vitessVersion: 21, buffer: { enabled: true } }), load: patient, steps: [wait('10s'), prs('--wait-replicas-timeout 60s'), wait('2m')], faults: [fault('long-transaction', 'role:leader', 5 * SECOND, 2 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [3, 9], failedAttempts: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F12',
  },
  'topo server away: a reparent fails and changes nothing; queries need no topo server': {
    cluster: shard(3), steps: [wait('10s'), prs()], faults: [fault('coordinator-away', 'coordinator:topo', 5 * SECOND, 5 * MINUTE)],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F02',
  },
  'topo server away, three tablets: a replica that was replaced waits for it, and the next replacement is an outage': {
    cluster: shard(3), steps: [wait('10s'), del(2), wait('90s'), del(3), wait('8m')], faults: [fault('coordinator-away', 'coordinator:topo', 5 * SECOND, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [170, 240] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F02: the tablet reads the shard record when it starts; VT-F25',
  },
  'a tablet restores: a planned reparent moves the primary and fails for the one that is left behind': {
    cluster: shard(4), steps: [{ parallel: [`vtctldclient RestoreFromBackup ${alias(4)}`, prs(`--new-primary ${alias(2)}`)] }],
    predicts: { outcome: 'aborted', measures: { longestWriteGapSeconds: [0.2, 25] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F14',
  },
  'three tablets, one restores from the backup while the other is replaced: commits hang': {
    cluster: shard(3), steps: [{ parallel: [`vtctldclient RestoreFromBackup ${alias(3)}`, del(2)] }, wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [20, 42] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'VT-F03: restore is not served, and acknowledges nothing; VT-F25',
  },
  // ── versions ──
  'a new series on the primary first: the others cannot follow, and no commit is ever acknowledged': {
    cluster: shard(3, { targetMysqlVersion: '8.4.3', seriesBreakP: 1 }), load: { timeout: '5s' },
    steps: [`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.4.3"}}}}'`, del(2), wait('10m'), prs(`--new-primary ${alias(2)}`), wait('10m')],
    predicts: { outcome: 'aborted', fails: ['serves-at-end', 'no-forbidden-skew'], measures: { forbiddenSkewSeconds: [1, 1e5] }, passes: ['no-acknowledged-write-lost'] }, source: 'VT-F54; VT §1.2 phase 7',
  },
  'a new series on all replicas, then the reparent: the old primary alone cannot follow': {
    cluster: shard(3, { targetMysqlVersion: '8.4.3', seriesBreakP: 1 }),
    steps: [`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.4.3"}}}}'`, del(2), wait('10m'), del(3), wait('10m'), prs(`--new-primary ${alias(2)}`)],
    predicts: { outcome: 'aborted', measures: { longestWriteGapSeconds: [0.2, 12], forbiddenSkewSeconds: [1, 1e5] }, fails: ['no-forbidden-skew'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VT-F54, VT-F14',
  },
  'a replica goes back to the old series on its own disk: it never comes up, and nobody misses it': {
    cluster: shard(4, { targetMysqlVersion: '8.4.3' }),
    steps: [`kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.4.3"}}}}'`, del(2), wait('10m'), `kubectl patch vitesscluster example --type merge --patch '{"spec":{"images":{"mysqld":{"mysql80Compatible":"mysql:8.0.36"}}}}'`, del(2), wait('20m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['converges'], passes: ['no-acknowledged-write-lost', 'serves-at-end', 'no-forbidden-skew'] }, source: 'VT-F54 (MY-DOWN)',
  },
})

/** A roll as a shop has it in its drawer: replicas one after the other, the primary in the end. */
const drawer = (waiting: string): string => `#!/bin/bash
for t in $(vtctldclient GetTablets --keyspace commerce --shard - --tablet-type replica | awk '{print $1}'); do
  echo "replacing $t"
  kubectl delete pod "example-vttablet-$t" --wait=true
  ${waiting}
done
old=$(vtctldclient GetTablets --keyspace commerce --shard - --tablet-type primary | awk '{print $1}')
vtctldclient PlannedReparentShard commerce/- --allow-cross-cell-promotion || exit 1
kubectl delete pod "example-vttablet-$old" --wait=true
`

// Without waiting the second replica goes while the first still starts: 17 s after it was gone, less the 5 s of sleep. And the planned reparent that follows asks one that is not
// back yet, which is its error (VT-PRS-2).
test.each([
  ['that does not wait for the new pod at all', 'sleep 5', 'aborted', [9, 20]],
  ['that tries until the new pod is Ready', 'until kubectl wait --for=condition=Ready --timeout=5m "pod/example-vttablet-$t"; do sleep 2; done', 'completed', [0.2, 12]],
] as const)('a script from a drawer %s, three tablets, semi-sync', (_what, waiting, ends, [least, most]) => {
  const yaml = stringify({ format: 1, cluster: shard(3), load: { writesPerSecond: 200, timeout: '60s', queueAgeLimit: '60s' }, runbook: './roll.sh', deadline: '3h' })
  const scenario = loadScenarioFrom({ name: 'drawer', yaml, files: { 'roll.sh': drawer(waiting) }, set: {} }, engines)
  for (const seed of ['1', '2']) {
    const { outcome, measures } = rehearse({ scenario, schedule: [], seed })
    expect(outcome).toBe(ends)
    expect(measures.lostAcknowledgedWrites).toBe(0)
    expect(measures.longestWriteGapSeconds).toBeGreaterThan(least)
    expect(measures.longestWriteGapSeconds).toBeLessThan(most)
  }
})
