/** Redis Cluster: see `play.ts`. Pods come back on their node, six seconds after their process ended unless said otherwise. */
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const cli = (n: number, words: string): string => `kubectl exec redis-${n} -- redis-cli ${words}`
const del = (n: number, more = ''): string => `kubectl delete pod redis-${n} ${more}`.trim()
const wait = (sleep: string): Step => ({ sleep })
const quick = { imagePullSeconds: 1, unmountSeconds: 0.5, controllerLagSeconds: 0.05, scheduleSeconds: 0.1, kubeletLagSeconds: 0.1, mountSeconds: 1, containerStartSeconds: 4 }
/** 26 s away: longer than the node time-out of 15 s. */
const slow = { ...quick, containerStartSeconds: 24 }
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'redis', targetImage: null, datasetMB: 20, spareNodes: 0, timing: { startMs: 100, stopMs: 100 }, kubernetes: quick, ...more })
/** Each shard's. */
const load = { writesPerSecond: 300, bytesPerWrite: 200, retry: '50ms', timeout: '5s', queueAgeLimit: '10s' }
const forget = (of: number, on: number): (string | Step)[] => [{ run: cli(of, 'cluster myid'), as: 'id' }, cli(on, 'cluster forget ${id}'), wait('120s')]

unseen({
  'no replicas, back within the node time-out: that shard is down for restart and 2 s, nothing is lost': {
    cluster: cluster({ replicasPerShard: 0 }), load, steps: [del(0), wait('90s')],
    predicts: { measures: { longestWriteGapSeconds: [6, 10], writeDowntimeSeconds: [2, 3.5] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] },
    source: 'CLUSTER_WRITABLE_DELAY 2 s; e30_a 8.0 s',
  },
  'no replicas, back after it: with full coverage all shards are down from FAIL to twice the node time-out later': {
    cluster: cluster({ replicasPerShard: 0, kubernetes: slow }), load, steps: [del(0), wait('120s')],
    predicts: { measures: { writeDowntimeSeconds: [26, 34], longestWriteGapSeconds: [28, 36] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'clearNodeFailureIfNeeded: a master with slots stays FAIL for 2 × NT; facts §1, F17',
  },
  'the same without full coverage: a third is down, for the restart': {
    cluster: cluster({ replicasPerShard: 0, requireFullCoverage: false, kubernetes: slow }), load, steps: [del(0), wait('120s')],
    predicts: { measures: { writeDowntimeSeconds: [8.5, 11], longestWriteGapSeconds: [26, 32] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'facts F17',
  },
  'nothing saved, back within the node time-out: master and replica are empty': {
    cluster: cluster({ save: '' }), load, steps: [del(0), wait('120s')],
    predicts: { measures: { lostAcknowledgedWrites: [4_000, 5_500], longestWriteGapSeconds: [6, 10] }, fails: ['no-acknowledged-write-lost', 'no-false-success'], passes: ['converges'] },
    source: 'F12, e30_h',
  },
  'nothing saved, back after it: the replica has taken over, and nothing is lost': {
    cluster: cluster({ save: '', kubernetes: slow }), load, steps: [del(0), wait('120s')],
    predicts: { measures: { longestWriteGapSeconds: [17, 25] }, passes: ['no-acknowledged-write-lost', 'converges', 'serves-at-end'] },
    source: 'facts §1.2: promoted 17–24 s after',
  },
  'emptyDir and a replica: its shard fails over, and what comes back is a stranger': {
    cluster: cluster({ storage: 'emptyDir' }), load, steps: [del(0), wait('120s')],
    predicts: { measures: { longestWriteGapSeconds: [17, 25] }, fails: ['converges', 'no-false-success'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'RD-ID-1; facts §1.2',
  },
  'append-only file, killed by force: nothing is lost': {
    cluster: cluster({ appendonly: true, save: '' }), load, steps: [del(0, '--force --grace-period=0'), wait('120s')],
    predicts: { measures: { longestWriteGapSeconds: [4, 10] }, passes: ['no-acknowledged-write-lost', 'converges'] },
    source: 'a process that dies loses nothing it has written; redis.conf appendfsync',
  },
  'min-replicas-to-write 1 and one replica: the replica’s restart is the shard’s outage': {
    cluster: cluster({ minReplicasToWrite: 1 }), load, steps: [del(4), wait('60s')],
    predicts: { measures: { longestWriteGapSeconds: [4, 10], writeDowntimeSeconds: [1.3, 3.5] }, passes: ['no-acknowledged-write-lost', 'converges'] },
    source: 'F19 [M X6]: 8.03 s for a restart of 8 s',
  },
  'FORGET of a replica on one node (7.0): nobody notices, gossip brings it back': {
    cluster: cluster(), load, steps: forget(4, 0), predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'C4',
  },
  'FORGET of a master on one node (7.0): that node is down for a minute, its shard with it': {
    cluster: cluster(), load, steps: forget(1, 0),
    predicts: { measures: { longestWriteGapSeconds: [58, 66], writeDowntimeSeconds: [19, 22] }, passes: ['no-acknowledged-write-lost', 'converges'] },
    source: 'C5: 60.6 s',
  },
  'the same on 7.2: the ban is gossiped, and both other masters are down': {
    cluster: cluster({ image: 'redis:7.2.5' }), load, steps: forget(1, 0),
    predicts: { measures: { longestWriteGapSeconds: [58, 66], writeDowntimeSeconds: [38, 44] }, passes: ['no-acknowledged-write-lost', 'converges'] },
    source: 'F07: the receiver deletes the node too, unless it is itself or its own master',
  },
  'and without full coverage nobody notices': {
    cluster: cluster({ requireFullCoverage: false }), load, steps: forget(1, 0), predicts: { measures: { writeDowntimeSeconds: 0 }, passes: 'all' }, source: 'F17',
  },
  'FAILOVER: milliseconds, nothing lost': {
    cluster: cluster(), load, steps: [cli(4, 'cluster failover'), wait('60s')],
    predicts: { measures: { longestWriteGapSeconds: [0.01, 0.1] }, passes: 'all' }, source: 'C2: 14–61 ms',
  },
  'FAILOVER TAKEOVER while the master lives: two masters for a moment': {
    cluster: cluster(), load, steps: [cli(4, 'cluster failover takeover'), wait('60s')],
    predicts: { measures: { splitBrainSeconds: [0.00001, 0.5], lostAcknowledgedWrites: [0, 30] }, fails: ['no-split-brain'], passes: ['converges', 'serves-at-end'] },
    source: 'F04: no votes, no handshake',
  },
  'failed over and back within 4 × node time-out: a write pause of 5 s in vain': {
    cluster: cluster(), load, steps: [cli(4, 'cluster failover'), wait('10s'), cli(0, 'cluster failover'), wait('10s'), cli(4, 'cluster failover'), wait('60s')],
    predicts: { measures: { longestWriteGapSeconds: [4.8, 5.3], splitBrainSeconds: [0, 2] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'C3, T09 [M e20]',
  },
  'all pods at once, with new addresses: nobody ever finds anybody': {
    cluster: cluster(), load, steps: ['kubectl delete pod -l app=redis --wait=false', wait('300s')],
    predicts: { measures: { writeDowntimeSeconds: [1_000, 1_300] }, fails: ['serves-at-end', 'converges'] },
    source: 'F10: redis/redis#15136',
  },
  'two of three masters at once, longer than the node time-out: no election, all down until they are back': {
    cluster: cluster({ kubernetes: slow }), load, steps: [{ parallel: [del(0, '--wait=false'), del(1, '--wait=false')] }, wait('120s')],
    predicts: { measures: { longestWriteGapSeconds: [26, 32], writeDowntimeSeconds: [18, 30] }, passes: ['no-acknowledged-write-lost', 'converges'] },
    source: 'F02',
  },
  'five shards with two replicas: a master and one of its replicas at once, the other takes over': {
    cluster: cluster({ shards: 5, replicasPerShard: 2, kubernetes: slow }), load, steps: [{ parallel: [del(0, '--wait=false'), del(5, '--wait=false')] }, wait('120s')],
    predicts: { measures: { longestWriteGapSeconds: [17, 26] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] },
    source: 'facts §1.2',
  },
  'every pod restarted by a rollout: each shard is down once, for restart and 2 s': {
    cluster: cluster(), load, steps: ['kubectl rollout restart statefulset/redis', 'kubectl rollout status statefulset/redis --timeout=10m', wait('60s')],
    predicts: { measures: { longestWriteGapSeconds: [6, 10], writeDowntimeSeconds: [6, 10] }, passes: ['no-acknowledged-write-lost', 'converges'] },
    source: 'e30_a: 8.0 / 8.0 / 8.0',
  },
})
