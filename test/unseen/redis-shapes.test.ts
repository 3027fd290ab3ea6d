/** Redis Clusters of other shapes: see `play.ts`. Pods come back on their node, six seconds after their process ended unless said otherwise; of three shards 4 follows 0, 5 follows 1, 3 follows 2. */
import type { Fault } from '../../src/faults/index.ts'
import { MINUTE, SECOND } from '../../src/kernel/index.ts'
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const cli = (n: number, words: string): string => `kubectl exec redis-${n} -- redis-cli ${words}`
const del = (n: number, more = ''): string => `kubectl delete pod redis-${n} ${more}`.trim()
const wait = (sleep: string): Step => ({ sleep })
const quick = { imagePullSeconds: 1, unmountSeconds: 0.5, controllerLagSeconds: 0.05, scheduleSeconds: 0.1, kubeletLagSeconds: 0.1, mountSeconds: 1, containerStartSeconds: 4 }
const slow = { ...quick, containerStartSeconds: 24 }
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'redis', targetImage: null, datasetMB: 20, spareNodes: 0, timing: { startMs: 100, stopMs: 100 }, kubernetes: quick, ...more })
const load = { writesPerSecond: 300, bytesPerWrite: 200, retry: '50ms', timeout: '5s', queueAgeLimit: '10s' }
const kill = (n: number, at: number, durationUs: number): Fault => ({ kind: 'process-kill', target: `member:redis-${n}`, at, durationUs, magnitude: 0 })
const fault = (kind: Fault['kind'], target: string, at: number, durationUs: number, magnitude = 0): Fault => ({ kind, target, at, durationUs, magnitude })
/** Takes the replica of shard 0 out of the cluster for good. */
const noReplica = [cli(4, 'cluster reset'), `redis-cli -h redis-4.redis cluster myid`, { run: cli(4, 'cluster myid'), as: 'gone' }, ...[0, 1, 2, 3, 5].map(n => cli(n, 'cluster forget ${gone}'))] as (string | Step)[]

unseen({
  // ── time-outs and coverage ──
  'a node time-out of 1 s: a master killed for a minute is replaced within 1.8 to 3 s': {
    cluster: cluster({ nodeTimeoutSeconds: 1 }), load, steps: [wait('90s')], faults: [kill(0, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [1.6, 3.4] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'facts §1.2: 1.84 / 2.33 / 2.81 s',
  },
  'a node time-out of 5 s: 6.9 to 9.5 s': {
    cluster: cluster({ nodeTimeoutSeconds: 5 }), load, steps: [wait('2m')], faults: [kill(0, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [6.5, 9.7] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'facts §1.2: 6.91 / 8.01 / 8.92 s; measured up to 8.93',
  },
  'without full coverage the others never notice: a third of the failover': {
    cluster: cluster({ requireFullCoverage: false }), load, steps: [wait('2m')], faults: [kill(0, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [17, 25], writeDowntimeSeconds: [5.6, 8.4] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'F17',
  },
  'ten shards without full coverage: a tenth of it': {
    cluster: cluster({ shards: 10, requireFullCoverage: false }), load, steps: [wait('2m')], faults: [kill(0, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [16.5, 26], writeDowntimeSeconds: [1.6, 2.7] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'F17; facts §1.2',
  },
  'five shards of three, a master killed: its shard 17 to 25 s, the others about a second': {
    cluster: cluster({ shards: 5, replicasPerShard: 2 }), load, steps: [wait('2m')], faults: [kill(0, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [16.5, 25], writeDowntimeSeconds: [3.6, 6.5] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'facts §1.2; RD-T07: others 0.65–1.2 s',
  },
  // ── a shard without a replica ──
  'the one shard without a replica: its master back within the time-out, restart and 2 s': {
    cluster: cluster(), load, steps: [...noReplica, del(0), wait('90s')], predicts: { measures: { longestWriteGapSeconds: [6, 10] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'C7',
  },
  'after it: nobody is elected; all shards are down until twice the time-out after FAIL': {
    cluster: cluster({ kubernetes: slow }), load, steps: [...noReplica, del(0), wait('2m')], predicts: { measures: { longestWriteGapSeconds: [28, 55], writeDowntimeSeconds: [26, 52] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'clearNodeFailureIfNeeded: 2 × NT',
  },
  'a master with a replica beside it: fails over as ever': {
    cluster: cluster({ kubernetes: slow }), load, steps: [...noReplica, del(1), wait('2m')], predicts: { measures: { longestWriteGapSeconds: [16.5, 25] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'facts §1.2',
  },
  // ── replica migration ──
  'two replicas each; a shard that lost both gets another’s, and survives its master': {
    cluster: cluster({ shards: 3, replicasPerShard: 2 }), load,
    steps: [{ run: "kubectl exec redis-0 -- redis-cli info replication | grep -c ^slave[0-9]", as: 'own' }, wait('3m'), cli(1, 'ping'), wait('3m')],
    faults: [], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'nothing happens',
  },
  // ── manual failovers with a master that is gone ──
  'FORCE three seconds after the master died: the votes are given, no time-out is waited for': {
    cluster: cluster(), load, steps: [wait('13s'), cli(4, 'cluster failover force'), wait('90s')], faults: [kill(0, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [2.5, 5.5] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'F04: skips the handshake, needs a majority; FORCEACK',
  },
  'without it the request is refused, and the engine takes its time': {
    cluster: cluster(), load, steps: [wait('13s'), cli(4, 'cluster failover'), wait('90s')], faults: [kill(0, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [16.5, 25] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] }, source: 'F04: Master is down or failed',
  },
  'two of three masters dead: FORCE gets no majority of votes': {
    cluster: cluster({ appendonly: true }), load, steps: [wait('13s'), cli(4, 'cluster failover force'), cli(5, 'cluster failover force'), wait('2m')], faults: [kill(0, 10 * SECOND, MINUTE), kill(1, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [55, 75] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'F02, F04',
  },
  'TAKEOVER needs none: the cluster is whole after it': {
    cluster: cluster(), load, steps: [wait('13s'), cli(4, 'cluster failover takeover'), cli(5, 'cluster failover takeover'), wait('2m')], faults: [kill(0, 10 * SECOND, MINUTE), kill(1, 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [2.5, 8] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'F04',
  },
  // ── what is lost ──
  'a replica 3 s behind, the master stopped by SIGTERM and away for longer than the time-out: 7.0 waits for the replica': {
    cluster: cluster({ kubernetes: slow }), load, steps: [wait('20s'), del(0), wait('2m')], faults: [fault('replication-lag', 'member:redis-4', 5 * SECOND, 40 * SECOND, 3 * SECOND)],
    predicts: { measures: { longestWriteGapSeconds: [18, 29] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'prepareForShutdown: up to shutdown-timeout 10 s',
  },
  '6.2 does not: the 3 s are gone': {
    cluster: cluster({ image: 'redis:6.2.14', kubernetes: slow }), load, steps: [wait('20s'), del(0), wait('2m')], faults: [fault('replication-lag', 'member:redis-4', 5 * SECOND, 40 * SECOND, 3 * SECOND)],
    predicts: { measures: { lostAcknowledgedWrites: [700, 1_100], longestWriteGapSeconds: [16, 26] }, fails: ['no-acknowledged-write-lost'], passes: ['serves-at-end'] }, source: 'before 7.0 no shutdown-timeout; loss = lag × rate',
  },
  'a shutdown-timeout of one second is not enough for three: two are lost': {
    cluster: cluster({ shutdownTimeoutSeconds: 1, kubernetes: slow }), load, steps: [wait('20s'), del(0), wait('2m')], faults: [fault('replication-lag', 'member:redis-4', 5 * SECOND, 40 * SECOND, 3 * SECOND)],
    predicts: { measures: { lostAcknowledgedWrites: [400, 800] }, fails: ['no-acknowledged-write-lost'], passes: ['serves-at-end'] }, source: 'redis.conf shutdown-timeout',
  },
  'cut off from the other nodes with its clients, node time-out 5 s: what it acknowledges for 5 to 8 s is lost': {
    cluster: cluster({ nodeTimeoutSeconds: 5 }), load, steps: [wait('2m')], faults: [fault('partition-peers', 'member:redis-0', 10 * SECOND, 40 * SECOND)],
    predicts: { measures: { lostAcknowledgedWrites: [1_400, 2_700], splitBrainSeconds: [0, 3.1] }, passes: ['serves-at-end', 'converges'] }, source: 'C9: 6.4 s',
  },
  'with min-replicas-to-write 1 and a lag of 2 s it stops earlier, but its successor has no replica: no write before the heal': {
    cluster: cluster({ nodeTimeoutSeconds: 5, minReplicasToWrite: 1, minReplicasMaxLagSeconds: 2 }), load, steps: [wait('2m')], faults: [fault('partition-peers', 'member:redis-0', 10 * SECOND, 40 * SECOND)],
    predicts: { measures: { lostAcknowledgedWrites: [500, 1_300], longestWriteGapSeconds: [36, 46], splitBrainSeconds: 0 }, passes: ['serves-at-end', 'converges'] }, source: 'F19 [M e51 mrw]: 3.0 s; blocked until heal, and until the old master has copied everything (repl-diskless-sync-delay 5 s)',
  },
  'the same with two replicas: the successor has one, and goes on': {
    cluster: cluster({ replicasPerShard: 2, nodeTimeoutSeconds: 5, minReplicasToWrite: 1, minReplicasMaxLagSeconds: 2 }), load, steps: [wait('2m')], faults: [fault('partition-peers', 'member:redis-0', 10 * SECOND, 40 * SECOND)],
    predicts: { measures: { lostAcknowledgedWrites: [500, 1_300], longestWriteGapSeconds: [3, 12], splitBrainSeconds: 0 }, passes: ['serves-at-end', 'converges'] }, source: 'F19',
  },
  'append-only, everysec, the machine loses its power and is back within the time-out: up to a second is gone': {
    cluster: cluster({ appendonly: true, nodeTimeoutSeconds: 60 }), load, steps: [wait('2m')], faults: [fault('unsynced-writes-lost', 'member:redis-0', 20 * SECOND, 0)],
    predicts: { measures: { lostAcknowledgedWrites: [200, 400], longestWriteGapSeconds: [2, 12] }, passes: ['serves-at-end', 'converges'] }, source: 'appendfsync everysec',
  },
  'append-only, always: nothing': {
    cluster: cluster({ appendonly: true, appendfsync: 'always', nodeTimeoutSeconds: 60 }), load, steps: [wait('2m')], faults: [fault('unsynced-writes-lost', 'member:redis-0', 20 * SECOND, 0)],
    predicts: { measures: { longestWriteGapSeconds: [2, 12] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'redis.conf: fsync before the answer',
  },
  // ── FORGET, addresses, silence ──
  'a replica forgotten by one of the other masters (7.0), its own master killed: one vote is missing for a minute': {
    cluster: cluster({ appendonly: true }), load, steps: [{ run: cli(4, 'cluster myid'), as: 'id' }, cli(1, 'cluster forget ${id}'), wait('6m')], faults: [kill(0, 5 * SECOND, 4 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [57, 125] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'C6, RD-T02: no failover for 65 s, then at its next try (4 × NT)',
  },
  'the same at a node time-out of 5 s: by then its data is too old to stand at all': {
    cluster: cluster({ appendonly: true, nodeTimeoutSeconds: 5 }), load, steps: [{ run: cli(4, 'cluster myid'), as: 'id' }, cli(1, 'cluster forget ${id}'), wait('6m')], faults: [kill(0, 5 * SECOND, 4 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [235, 260] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'RD-T02: permanent at NT = 5; validity 10 s + 10 × NT = 60 s',
  },
  'the same at 5 s without a validity limit: it is elected when the ban is over': {
    cluster: cluster({ appendonly: true, nodeTimeoutSeconds: 5, replicaValidityFactor: 0 }), load, steps: [{ run: cli(4, 'cluster myid'), as: 'id' }, cli(1, 'cluster forget ${id}'), wait('6m')], faults: [kill(0, 5 * SECOND, 4 * MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [52, 95] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'cluster-replica-validity-factor 0',
  },
  'a master stands still (SIGSTOP) for a minute: replaced as if it were dead, and demoted within milliseconds of its return': {
    cluster: cluster(), load, steps: [wait('3m')], faults: [fault('process-pause', 'member:redis-0', 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [16.5, 25], splitBrainSeconds: [0, 0.1], lostAcknowledgedWrites: [0, 30] }, passes: ['serves-at-end', 'converges'] }, source: 'facts §1.2 SIGSTOP 20.4–21.4; §4: 7–11 ms after SIGCONT',
  },
  'an emptyDir and the node’s own address: a stranger at a known address is never failed over, and the replica copies its emptiness': {
    cluster: cluster({ storage: 'emptyDir', hostNetwork: true }), load, steps: [del(0), wait('3m')],
    predicts: { measures: { lostAcknowledgedWrites: [300, 8_000], longestWriteGapSeconds: [150, 400] }, fails: ['no-acknowledged-write-lost', 'serves-at-end', 'converges', 'no-false-success'] }, source: 'F11, C7: permanent outage and replica wiped',
  },
  'a master that others hear but that hears nobody: nobody suspects it, and its clients wait as long': {
    cluster: cluster(), load, steps: [wait('3m')], faults: [fault('partition-inbound', 'role:leader', 10 * SECOND, MINUTE)],
    predicts: { measures: { longestWriteGapSeconds: [55, 70] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: '§1 PFAIL: any inbound data counts as alive [M e11]',
  },
  // ── WAIT and reads ──
  'WAIT 1 on a master whose replica is away: 0 after its time-out, exit status 0; nobody else notices': {
    cluster: cluster(), load, steps: [del(4, '--wait=false'), wait('2s'), { gate: cli(0, 'wait 1 1000'), expect: { equals: '0' }, timeout: '5s' }, wait('30s'), { gate: cli(0, 'wait 1 1000'), expect: { equals: '1' }, timeout: '5s' }],
    predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'F19; waitCommand',
  },
  'reads while the cluster is down, allowed: only those of the shard that is away fail': {
    cluster: cluster({ replicasPerShard: 0, allowReadsWhenDown: true, kubernetes: slow }), load: { ...load, readsPerSecond: 300 }, steps: [del(0), wait('2m')],
    predicts: { measures: { readDowntimeSeconds: [8, 11.5], writeDowntimeSeconds: [26, 34] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'cluster-allow-reads-when-down; F17',
  },
  'not allowed: those of all': {
    cluster: cluster({ replicasPerShard: 0, kubernetes: slow }), load: { ...load, readsPerSecond: 300 }, steps: [del(0), wait('2m')],
    predicts: { measures: { readDowntimeSeconds: [24, 34], writeDowntimeSeconds: [26, 34] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'F17',
  },
  // ── large data, late replicas, reads ──
  'an append-only file of 5 GB takes 50 s to load: a restart is a failover': {
    cluster: cluster({ appendonly: true, datasetMB: 5000 }), load, steps: [del(0), wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [15, 25] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'F18; §1.2',
  },
  '5 GB and save points: SIGTERM saves for 42 s, killed after 30: a failover, nothing lost': {
    cluster: cluster({ datasetMB: 5000 }), load, steps: [del(0), wait('5m')],
    predicts: { measures: { longestWriteGapSeconds: [15, 27] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'prepareForShutdown: writes wait, replicas get all, then SAVE blocks the bus; §1.2',
  },
  'the same without a replica: the file of before is what is left': {
    cluster: cluster({ datasetMB: 5000, replicasPerShard: 0 }), load, steps: [wait('60s'), del(0), wait('5m')],
    predicts: { measures: { lostAcknowledgedWrites: [5000, 9000] }, fails: ['no-acknowledged-write-lost'] }, source: 'SIGKILL in the middle of a SAVE leaves the old dump.rdb',
  },
  'its replica restarts first, then the master dies for a minute: the replica never had a link, so it does not stand': {
    cluster: cluster(), load, steps: [wait('4m')], faults: [fault('process-kill', 'member:redis-0', 10 * SECOND, 70 * SECOND), fault('process-kill', 'member:redis-4', 8 * SECOND, 10 * SECOND)],
    predicts: { measures: { longestWriteGapSeconds: [70, 90], lostAcknowledgedWrites: [1, 20_000] }, passes: ['serves-at-end'] }, source: 'RD-ELECT-3',
  },
  'CLUSTER FAILOVER to a replica 8 s behind: five seconds of pause in vain': {
    cluster: cluster(), load, steps: [wait('30s'), cli(4, 'cluster failover'), wait('60s')], faults: [fault('replication-lag', 'member:redis-4', 5 * SECOND, 60 * SECOND, 8 * SECOND)],
    predicts: { measures: { longestWriteGapSeconds: [4.8, 5.6] }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'F03, C3',
  },
  'allow-reads-when-down, two of three masters killed: a third of the reads goes on': {
    cluster: cluster({ allowReadsWhenDown: true, nodeTimeoutSeconds: 5 }), load: { ...load, readsPerSecond: 300 }, steps: [wait('3m')], faults: [fault('process-kill', 'member:redis-0', 10 * SECOND, 60 * SECOND), fault('process-kill', 'member:redis-1', 10 * SECOND, 60 * SECOND)],
    predicts: { measures: { readDowntimeSeconds: [36, 52], writeDowntimeSeconds: [50, 75], lostAcknowledgedWrites: [1, 40_000] }, passes: ['serves-at-end'] }, source: 'redis.conf cluster-allow-reads-when-down',
  },
  'without: none': {
    cluster: cluster({ nodeTimeoutSeconds: 5 }), load: { ...load, readsPerSecond: 300 }, steps: [wait('3m')], faults: [fault('process-kill', 'member:redis-0', 10 * SECOND, 60 * SECOND), fault('process-kill', 'member:redis-1', 10 * SECOND, 60 * SECOND)],
    predicts: { measures: { readDowntimeSeconds: [52, 70], lostAcknowledgedWrites: [1, 40_000] }, passes: ['serves-at-end'] }, source: 'F17',
  },
  'one replica of two sits 20 s behind, the master dies: the other is elected, nothing lost': {
    cluster: cluster({ replicasPerShard: 2 }), load, steps: [wait('3m')], faults: [fault('process-kill', 'member:redis-0', 30 * SECOND, 90 * SECOND), fault('replication-lag', 'member:redis-4', 5 * SECOND, 60 * SECOND, 20 * SECOND)],
    predicts: { measures: { longestWriteGapSeconds: [16, 26] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'RD-ELECT-1/2',
  },
  'min-replicas-to-write by CONFIG SET is gone after a restart': {
    cluster: cluster(), load, steps: [cli(0, 'config set min-replicas-to-write 1'), del(0), wait('60s'), { gate: cli(0, 'config get min-replicas-to-write | tail -1'), expect: { equals: '0' }, timeout: '5s' }, del(4), wait('60s')],
    predicts: { measures: { longestWriteGapSeconds: [6, 10] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'CONFIG REWRITE',
  },
  'min-replicas-to-write by CONFIG SET holds at once: the replica’s restart is the outage': {
    cluster: cluster(), load, steps: [cli(0, 'config set min-replicas-to-write 1'), del(4), wait('60s')],
    predicts: { measures: { longestWriteGapSeconds: [4, 10] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: 'F19',
  },
  'kubectl drain of two nodes of Redis masters at once under a budget of one': {
    cluster: cluster({ podDisruptionBudget: true, spareNodes: 2, zones: 1, kubernetes: { ...quick, diskMoveSeconds: 20 } }), load, steps: [{ run: "kubectl get pod redis-0 -o jsonpath='{.spec.nodeName}'", as: 'a' }, { run: "kubectl get pod redis-1 -o jsonpath='{.spec.nodeName}'", as: 'b' }, { parallel: ['kubectl drain ${a} --ignore-daemonsets --delete-emptydir-data --timeout=20m', 'kubectl drain ${b} --ignore-daemonsets --delete-emptydir-data --timeout=20m'] }, wait('3m')],
    predicts: { measures: { longestWriteGapSeconds: [17, 30] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] }, source: '§1.2; away for 26 s and more',
  },
})
