/** Upkeep of Vitess: backups, types of tablets, stopped replication, topo outages inside a reparent, releases by annotations, several shards. See `play.ts`. */
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import { expect, test } from 'vitest'
import { rehearsals, unseen } from './play.ts'
import { alias, del, ers, fault, image, late, passOver, patient, pod, prs, release, shard, wait } from './vitess-words.ts'

const kept = ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] as const
/** A script that does something while something else goes on. */
const beside = (first: string, afterSeconds: number, second: string, waits = 'wait'): string => `#!/bin/bash\n${first} &\nbackup=$!\nsleep ${afterSeconds}\n${second}${waits === 'wait' ? ' || true' : ''}\n${waits}\nsleep 60\n`
const backup = (n: number): string => `vtctldclient Backup ${alias(n)}`

unseen({
  // ── backups ──
  'two tablets, the builtin engine backs the replica up: commits hang for all of it': {
    cluster: shard(2), steps: [backup(2), wait('1m')], predicts: { measures: { longestWriteGapSeconds: [200, 215] }, passes: [...kept, 'converges'] }, source: 'vitess.io creating-a-backup: mysqld is shut down (10 + 180 + 15 s); VT-F22',
  },
  'xtrabackup instead: nobody notices': {
    cluster: shard(2, { backupEngine: 'xtrabackup' }), steps: [backup(2), wait('1m')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'vitess.io creating-a-backup',
  },
  'three tablets, one is backed up while the other is replaced: commits hang for the replacement': {
    cluster: shard(3), steps: [{ parallel: [backup(3), del(2)] }, wait('1m')], predicts: { measures: { longestWriteGapSeconds: [20, 42] }, passes: [...kept, 'converges'] }, source: 'VT-T17, VT-F25',
  },
  'a planned reparent beside a backup: it moves, and fails for the one that it cannot repoint': {
    cluster: shard(4), script: beside(backup(4), 30, prs(`--new-primary ${alias(2)}`)), predicts: { measures: { writeDowntimeSeconds: [0.2, 12] }, passes: [...kept, 'converges'] }, source: 'VT-F14, VT-T17',
  },
  // Predicted: at most 12 s. But the one that was backed up still applies what it missed when it is chosen, and half of that is left at the demotion (VT-T21).
  'Immediate while a replica is backed up: the operator waits for it and is done afterwards': {
    cluster: shard(4, { updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40', patchBreakP: 0 }), script: `${beside(backup(4), 5, image('8.0.40'))}sleep 1800\n`,
    predicts: { measures: { writeDowntimeSeconds: [0.2, 30] }, passes: [...kept, 'converges', 'target-reached'] }, source: 'VT-F52: any tablet that is not Available pauses it',
  },
  'the pod goes in the middle of its backup: the command fails, and the tablet is back': {
    cluster: shard(3), script: `set -e\n${beside(backup(3), 60, del(3), 'wait $backup')}`, predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: kept }, source: 'rpc_backup.go; VT-F25',
  },
  'a backup of the primary is refused': {
    cluster: shard(3), steps: [backup(1)], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'rpc_backup.go: type PRIMARY cannot take backup',
  },
  'back to the series before on emptied disks, replica by replica, from the backup of before': {
    cluster: shard(3, { targetMysqlVersion: '8.4.3' }),
    steps: ['vtctldclient BackupShard commerce/-', wait('1m'), image('8.4.3'), del(2), wait('6m'), image('8.0.36'), `kubectl delete pvc ${pod(2)} --wait=false`, del(2), wait('20m')],
    predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached'], passes: [...kept, 'converges', 'no-forbidden-skew'] }, source: 'VT-F54 (MY-DOWN): the only way back is a backup of before',
  },
  'the primary’s disk lost with a backup of an hour ago: an emergency reparent, and nothing that was acknowledged is lost': {
    cluster: shard(3), steps: ['vtctldclient BackupShard commerce/-', wait('40m')], faults: [fault('node-loss-with-volume', 'role:leader', 20 * MINUTE, 5 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [60, 90] }, passes: kept }, source: 'VT-F23: the acker has it; VT-F41 replica_net_timeout',
  },
  // ── types ──
  'a dry run of a change of type changes nothing': {
    cluster: shard(3), steps: [`vtctldclient ChangeTabletType --dry-run ${alias(3)} rdonly`, del(2), wait('2m')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'vtctldclient ChangeTabletType',
  },
  'a spare tablet acknowledges nothing': {
    cluster: shard(3), steps: [`vtctldclient ChangeTabletType ${alias(3)} spare`, del(2), wait('2m')], predicts: { measures: { longestWriteGapSeconds: [20, 42] }, passes: kept }, source: 'VT-F03',
  },
  'one that is drained by hand and replaced is a replica again: the next replacement goes unnoticed': {
    cluster: shard(3), steps: [`vtctldclient ChangeTabletType ${alias(3)} drained`, del(3), wait('90s'), del(2), wait('90s')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'tm_init.go: init_tablet_type',
  },
  'Immediate with a tablet drained by hand: it is Ready, the rollout goes on': {
    cluster: shard(4, { updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40', patchBreakP: 0 }), steps: [`vtctldclient ChangeTabletType ${alias(4)} drained`, image('8.0.40'), wait('30m')],
    predicts: { measures: { writeDowntimeSeconds: [0.2, 12] }, passes: [...kept, 'converges', 'target-reached'] }, source: 'vitess-operator pod.go: /healthz; VT-F52',
  },
  'the last replica made rdonly under semi_sync: every commit hangs until it is a replica again': {
    cluster: shard(2), steps: [`vtctldclient ChangeTabletType ${alias(2)} rdonly`, wait('60s'), `vtctldclient ChangeTabletType ${alias(2)} replica`, wait('30s')], predicts: { measures: { longestWriteGapSeconds: [58, 66] }, passes: [...kept, 'converges'] }, source: 'VT-F03, VT-F22',
  },
  'the primary’s type is not changed': {
    cluster: shard(3), steps: [`vtctldclient ChangeTabletType ${alias(1)} replica`], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'IsTrivialTypeChange',
  },
  // ── replication stopped by hand ──
  'replication of one replica stopped, no VTOrc, the other one replaced: commits hang until that is back': {
    cluster: shard(3, { vtorc: false }), steps: [`vtctldclient StopReplication ${alias(3)}`, wait('10s'), del(2), wait('2m'), `vtctldclient StartReplication ${alias(3)}`, wait('1m')], predicts: { measures: { longestWriteGapSeconds: [20, 42] }, passes: [...kept, 'converges'] }, source: 'VT-F22, VT-F25',
  },
  'with VTOrc it was started again long before': {
    cluster: shard(3), steps: [`vtctldclient StopReplication ${alias(3)}`, wait('30s'), del(2), wait('2m')], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'vtorc ReplicationStopped; VT-F40',
  },
  'both stopped for a minute, no VTOrc: a minute': {
    cluster: shard(3, { vtorc: false }), steps: [`vtctldclient StopReplication ${alias(2)}`, `vtctldclient StopReplication ${alias(3)}`, wait('60s'), `vtctldclient StartReplication ${alias(2)}`, `vtctldclient StartReplication ${alias(3)}`, wait('1m')],
    predicts: { measures: { longestWriteGapSeconds: [58, 66] }, passes: [...kept, 'converges'] }, source: 'VT-F22',
  },
  'both stopped, with VTOrc: a poll': {
    cluster: shard(3), steps: [{ parallel: [`vtctldclient StopReplication ${alias(2)}`, `vtctldclient StopReplication ${alias(3)}`] }, wait('2m')], predicts: { measures: { longestWriteGapSeconds: [0, 14] }, passes: 'all' }, source: 'vtorc ReplicationStopped; VT-F40: 5 s and 1 s',
  },
  'a reparent to one whose replication is stopped, no VTOrc: refused before the demotion': {
    cluster: shard(3, { vtorc: false }), steps: [`vtctldclient StopReplication ${alias(2)}`, wait('5s'), prs(`--new-primary ${alias(2)}`)], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: kept }, source: 'VT §1.2 phase 3',
  },
  // ── who is expected ──
  'another primary is expected: nothing is done': {
    cluster: shard(3), steps: [prs(`--new-primary ${alias(2)} --expected-primary ${alias(3)}`)], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'planned_reparenter.go: FAILED_PRECONDITION',
  },
  'two planned reparents at once that both expect the old primary: one is done, the other one refused': {
    cluster: shard(3), steps: [{ parallel: [prs(`--new-primary ${alias(2)} --expected-primary ${alias(1)}`), prs(`--new-primary ${alias(3)} --expected-primary ${alias(1)}`)] }],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: [0.2, 12] }, passes: kept }, source: 'the lock; planned_reparenter.go',
  },
  'an emergency reparent of a healthy shard that expects somebody else': {
    cluster: shard(3), steps: [ers(`--expected-primary ${alias(2)}`)], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'emergency_reparenter.go',
  },
  // ── the topo server inside a reparent ──
  'it goes before the demotion: given up, nobody notices': {
    cluster: shard(3), steps: [wait('30s'), prs(`--new-primary ${alias(2)}`)], faults: [late(2, 10), fault('coordinator-away', 'coordinator:topo', 33 * SECOND, MINUTE)],
    predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: kept }, source: 'planned_reparenter.go: CheckShardLocked before the demotion',
  },
  'it goes for a minute just after: nobody writes until it is back and VTOrc has looked': {
    cluster: shard(3, { shutdownGraceSeconds: 10 }), steps: [wait('10s'), passOver(prs('--wait-replicas-timeout 30s')), wait('3m')], faults: [fault('long-transaction', 'role:leader', 5 * SECOND, MINUTE), fault('coordinator-away', 'coordinator:topo', 15 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [60, 80] }, passes: [...kept, 'converges'] }, source: 'CheckShardLocked after performGracefulPromotion; lease 30 s; VT-F40',
  },
  'for ten seconds: as much longer': {
    cluster: shard(3, { shutdownGraceSeconds: 10 }), steps: [wait('10s'), prs('--wait-replicas-timeout 30s'), wait('3m')], faults: [fault('long-transaction', 'role:leader', 5 * SECOND, MINUTE), fault('coordinator-away', 'coordinator:topo', 16 * SECOND, 10 * SECOND)],
    predicts: { measures: { longestWriteGapSeconds: [15, 24] }, passes: [...kept, 'converges'] }, source: 'the same, within the lease',
  },
  // ── releases, and several shards ──
  'External, all four released by annotation: one reparent, the primary last': {
    cluster: shard(4, { targetMysqlVersion: '8.0.40', patchBreakP: 0 }), steps: [image('8.0.40'), wait('5s'), release(1), release(2), release(3), release(4), wait('30m')],
    predicts: { measures: { writeDowntimeSeconds: [0.2, 12] }, passes: [...kept, 'converges', 'target-reached'] }, source: 'VT-F51, VT-F52',
  },
  'only one of four released: the others stay as they are': {
    cluster: shard(4, { targetMysqlVersion: '8.0.40', patchBreakP: 0 }), steps: [image('8.0.40'), wait('5s'), release(3), wait('30m')], predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: kept }, source: 'VT-F51',
  },
  'released before there is anything to release: it counts when there is': {
    cluster: shard(4, { targetMysqlVersion: '8.0.40', patchBreakP: 0 }), steps: [release(2), release(3), release(4), image('8.0.40'), wait('30m')], predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: kept }, source: 'VT-F51: the annotation is on the pod',
  },
  'two shards, Immediate: each has its reparent': {
    cluster: { ...shard(4, { updateStrategy: 'Immediate', targetMysqlVersion: '8.0.40', patchBreakP: 0 }), fleet: 8 }, steps: [image('8.0.40'), wait('60m')], predicts: { measures: { writeDowntimeSeconds: [0.4, 24] }, passes: [...kept, 'converges', 'target-reached'] }, source: 'VT-F51',
  },
  'four shards, buffered, reparented one after the other: nobody has an error': {
    cluster: { ...shard(3, { buffer: { enabled: true } }), fleet: 12 }, load: patient, steps: ['-40', '40-80', '80-c0', 'c0-'].map(range => prs('', `commerce/${range}`)), predicts: { measures: { failedAttempts: 0 }, passes: [...kept, 'converges'] }, source: 'VT-F31: the minute between failovers is a shard’s own',
  },
  'one shard twice with 61 s between the end of the one and the begin of the other, unbuffered programs: two outages': {
    cluster: shard(3), load: patient, steps: [prs(), wait('61s'), prs(), wait('1m')], predicts: { measures: { writeDowntimeSeconds: [0.4, 24], failedAttempts: [1, 1e5] }, passes: [...kept, 'converges'] }, source: 'VT-F30',
  },
  // Predicted at first: it follows. But its own data directory cannot be opened, and no rule said so.
  'over 8.4, from 8.0 to 9.4, one replica: its mysqld does not start, and nobody misses it': {
    cluster: shard(4, { targetMysqlVersion: '9.4.0' }), steps: [image('9.4.0'), del(2), wait('20m')], predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: kept }, source: 'dev.mysql.com upgrade-paths: two steps are required',
  },
  'the same in one sweep over all, Immediate: the first one never comes up, and the operator goes no further': {
    cluster: shard(4, { updateStrategy: 'Immediate', targetMysqlVersion: '9.4.0' }), steps: [image('9.4.0'), wait('60m')], predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: kept }, source: 'dev.mysql.com upgrade-paths; VT-F52',
  },
  'by way of 8.4, replica by replica, the primary last': {
    cluster: shard(3, { targetMysqlVersion: '9.4.0' }),
    steps: [...['8.4.3', '9.4.0'].flatMap(to => [image(to), del(to === '8.4.3' ? 2 : 3), wait('8m'), del(to === '8.4.3' ? 3 : 1), wait('8m'), passOver(prs(`--new-primary ${alias(to === '8.4.3' ? 2 : 3)}`)), del(to === '8.4.3' ? 1 : 2), wait('10m')])],
    // One of three is away at a time, but each old primary follows a newer one until it is replaced.
    predicts: { measures: { forbiddenSkewSeconds: [1, 600] }, fails: ['no-forbidden-skew'], passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges', 'target-reached'] }, source: 'dev.mysql.com upgrade-paths; VT-F54',
  },
  'a patch release is taken back, 8.0.40 to 8.0.36, one tablet a shard: it opens': {
    cluster: shard(1, { durabilityPolicy: 'none', mysqlVersion: '8.0.40', targetMysqlVersion: '8.0.36' }), steps: [image('8.0.36'), del(1), wait('5m')], predicts: { measures: { longestWriteGapSeconds: [25, 42] }, passes: [...kept, 'target-reached', 'converges'] }, source: 'dev.mysql.com downgrading: in place from 8.0.35 on',
  },
  'to 8.0.30: it does not, and the shard is down for good': {
    cluster: shard(1, { durabilityPolicy: 'none', mysqlVersion: '8.0.40', targetMysqlVersion: '8.0.30' }), steps: [image('8.0.30'), del(1), wait('5m')], predicts: { measures: { longestWriteGapSeconds: [290, 1e5] }, fails: ['serves-at-end', 'target-reached'], passes: ['no-acknowledged-write-lost'] }, source: 'percona.com mysql-8-minor-version-upgrades-are-one-way-only',
  },
})

// The real one wants four different things of GetTablets; what it refuses ends a script.
test.each([
  [`vtctldclient GetTablets -k commerce -s - --tablet-type replica | wc -l`, 'completed'],
  ['vtctldclient GetTablets --shard -', 'aborted'],
  [`vtctldclient GetTablets -t ${alias(2)} -k commerce`, 'aborted'],
  ['vtctldclient GetTablets --tablet-type follower', 'aborted'],
])('%s: %s', (line, outcome) => {
  expect(rehearsals({ cluster: shard(3), steps: [line] }, 1)[0]?.outcome).toBe(outcome)
})
