import { inCommand, keys } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

const scenario = 'redis-rolling-replace/verified'
const defect = (id: string, what: string, change: RunbookDefect['change']): RunbookDefect => ({ id: `redis-${id}`, what, scenario, change, most: 300 })
const PROOF = ['is-replica', 'spare-has-it']
const OF_A_MASTER = keys({ run: 'kubectl exec ${subject} -- redis-cli role | head -3 | tail -1', otherwise: 'continue', retry: undefined, expect: undefined })
const FIRST_THREE = keys({ run: "kubectl get pods -l app=${name} -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}' | head -3", expect: { count: 3 } })

const HANDOVER = 'kubectl exec ${replica} -- redis-cli cluster failover'
const MOMENT = 'kubectl exec ${replica} -- sleep 10'
const BACK = 'kubectl exec ${subject} -- redis-cli cluster failover'

export const redisRolling: Family = {
  name: 'redis-rolling',
  title: 'The corrected Redis rolling replace',
  defects: [
    defect('no-relief', 'a master is not relieved of its slots; the gate that wants a replica is still there', { without: ['relieve'] }),
    defect('no-relief-no-proof', 'masters are deleted as they are', { without: ['relieve', ...PROOF], step: { 'its-master': OF_A_MASTER, introduce: keys({ otherwise: 'continue', retry: undefined }) } }),
    defect('failover-to-the-master', 'the failover is asked of the master itself', { step: { failover: inCommand('${replica}', '${subject}') } }),
    defect('failover-to-the-master-no-proof', 'the failover is asked of the master, and nobody reads the answer or looks', {
      step: { failover: keys({ run: 'kubectl exec ${subject} -- redis-cli cluster failover', expect: undefined }), 'its-master': OF_A_MASTER, introduce: keys({ otherwise: 'continue', retry: undefined }) },
      without: ['has-taken', 'has-left', ...PROOF],
    }),
    defect('no-new-image', 'the template keeps the old image; the gate that wants the new version is there', { without: ['new-image'] }),
    defect('no-new-image-no-proof', 'the template keeps the old image, and nobody looks at versions', { without: ['new-image', 'versions-after', 'spare-answers', 'left', 'once-more-round'], step: { 'spare-known': keys({ otherwise: 'abort' }), 'new-version': keys({ expect: { matches: 'loading:0' }, claims: undefined }) } }),
    defect('rolling-update', 'the controller restarts everything by itself, masters too', { step: { 'new-image': inCommand('"type":"OnDelete","rollingUpdate":null', '"type":"RollingUpdate"') } }),
    defect('another-image', 'the image is another than the version that is waited for', { step: { 'new-image': inCommand('"image":"${image}"', '"image":"redis:7.0.15"') } }),
    defect('empty-dir', 'nothing outlives a pod, and the procedure does not know', { set: { 'cluster.storage': 'emptyDir' } }),
    defect('no-append-only-file', 'a master that dies and is back within the node time-out has its last save only', { set: { 'cluster.appendonly': 'false' } }),
    defect('reset-after-failover', 'who was relieved is reset instead of left to follow', { step: { relieved: keys({ run: ['kubectl exec ${subject} -- redis-cli cluster reset', 'echo yes'] }) } }),
    defect('shutdown-for-a-failover', 'the master is shut down where its replica should be asked', { step: { failover: keys({ run: 'kubectl exec ${subject} -- redis-cli shutdown nosave', expect: undefined, otherwise: 'continue' }) } }),
    defect('half-the-pods', 'only the first three pods are gone through, and nobody looks who is left', { step: { everyone: FIRST_THREE }, without: ['left', 'once-more-round', 'versions-after'] }),
    { ...defect('no-second-copy', 'the spare stays empty: while one copy of a shard is away the other is the only one', { without: ['second-copy', 'spare-has-it'] }), kinds: ['node-loss-with-volume'] },
    { ...defect('level-means-linked', 'a replica whose link is up is taken to be level', { step: { level: keys({ gate: 'kubectl exec ${replica} -- redis-cli info replication', expect: { matches: 'master_link_status:up' } }) } }), kinds: ['replication-lag'] },
    { ...defect('replicas-may-move', 'a replica may go to another shard by itself, one of the old version too', { without: ['nobody-moves', 'stays', 'spare-stays'] }), kinds: ['node-pressure', 'process-crash', 'partition'] },
    { ...defect('no-relink', 'nobody looks whether the replicas have their links', { without: ['linked', 'relink', 'linked-after', 'relink-after'] }), kinds: ['partition-heartbeats'], look: 'faults', most: 3_000 },
    defect('spare-not-forgotten', 'the spare is scaled away and the others are not told', { without: ['spare-forgotten'], step: { 'peers-after': keys({ otherwise: 'abort' }) } }),
    // Asking again at once for a failover that did not come about is no defect of this runbook: its gates ask only a replica that reaches everybody,
    // so none of its elections fails by one fault at a time: 539 rehearsals that came to the wait (every fault of the sweep around the handover, and those that
    // strike the replica within its election) lose and wait no more without it. What the wait guards against is this.
    defect('there-and-back-again', 'the handover is tried out: there, back, and there again before the last election is forgotten (this stands for a retry at once, which makes no difference in this runbook)', { step: { failover: keys({ run: [HANDOVER, MOMENT, BACK, MOMENT, HANDOVER] }) } }),
  ],
}
