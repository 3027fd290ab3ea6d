import { inCommand, keys } from '../change.ts'
import type { Family, RunbookDefect, SourceDefect } from '../defect.ts'

const scenario = 'couchdb-step-down/as-documented'
const defect = (id: string, what: string, change: RunbookDefect['change']): RunbookDefect => ({ id: `couchdb-${id}`, what, scenario, change, most: 200 })

export const couchdbRolling: Family = {
  name: 'couchdb-rolling',
  title: 'The rolling restart of CouchDB',
  defects: [
    defect('no-image', 'the template keeps the old image: nothing is restarted, and all answer', { without: ['image'] }),
    defect('another-image', 'the image is another than the one that the upgrade is to reach', { step: { image: inCommand('couchdb:3.4.2', 'couchdb:3.3.3-1') } }),
    defect('on-delete', 'the controller waits for somebody to delete the pods, and nobody does; nor does anybody wait for it', { without: ['rolled'], step: { image: inCommand('{"spec":{"template"', '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null},"template"') } }),
    defect('another-set', 'the image goes into a StatefulSet that is not there; whether it did is not looked at', { step: { image: step => Object.assign(step, { run: String(step['run']).replace('statefulset couchdb', 'statefulset couch'), otherwise: 'continue' }) } }),
    defect('does-not-wait', 'nobody waits for the roll, and the nodes are asked at once', { without: ['rolled'] }),
    defect('all-at-once', 'all pods are deleted in one command', { step: { rolled: keys({ run: 'kubectl delete pod -l app=couchdb --timeout=10m' }) } }),
    defect('scaled-to-none', 'the nodes are stopped all together and started again', { step: { rolled: keys({ run: ['kubectl scale statefulset couchdb --replicas=0', 'kubectl wait --for=delete pod -l app=couchdb --timeout=10m', 'kubectl scale statefulset couchdb --replicas=3', 'kubectl rollout status statefulset/couchdb --timeout=1h'] }) } }),
    defect('volumes-anew', 'each pod gets a new volume while the next is restarted without waiting for its copy', { step: { rolled: keys({ run: ['kubectl delete pvc -l app=couchdb --wait=false', 'kubectl delete pod -l app=couchdb --timeout=10m'] }) } }),
    defect('two-left', 'the set is left one node smaller', { step: { rolled: keys({ run: ['kubectl rollout status statefulset/couchdb --timeout=1h', 'kubectl scale statefulset couchdb --replicas=2'] }), up: keys({ otherwise: 'continue', timeout: '30s' }) } }),
    defect('without-clients', 'the Service that clients use selects what no pod has', { step: { image: step => Object.assign(step, { run: [String(step['run']), `kubectl patch service couchdb-svc --patch '{"spec":{"selector":{"app":"couch"}}}'`] }) } }),
  ],
}

const rule = (id: string, what: string, file: 'cluster' | 'node', find: string, replace: string): SourceDefect => ({ id: `rule-cd-${id}`, what, patches: [{ file: `models/couchdb/${file}.ts`, find, replace }], tests: ['test/couchdb/couchdb.test.ts'] })

export const couchdbRules: Family = {
  name: 'couchdb-rules',
  title: 'Rules of the CouchDB model',
  defects: [
    rule('waits-for-all-w', 'with fewer than w copies within reach a write waits (CouchDB answers 202)', 'node', 'k: Math.max(1, Math.min(this.options.w, copies.length))', 'k: this.options.w'),
    rule('one-copy-is-enough', 'a write is answered when one copy has it, however many are there', 'node', 'k: Math.max(1, Math.min(this.options.w, copies.length))', 'k: 1'),
    rule('never-catches-up', 'a node that was away stays behind', 'node', '} else if (copy.upstream === undefined && !this.joining.has(node)) this.join(node)', '} else if (copy.upstream === undefined && this.sim.now === 0) this.join(node)'),
    rule('empty-is-level', 'a node with an empty volume takes part without having copied anything', 'node', 'const us = this.sim.now === 0 ? 0 : 50 * MILLISECOND + (empty ? (this.options.databaseMB / this.options.syncMBps) * SECOND : 0)', 'const us = this.sim.now === 0 ? 0 : 50 * MILLISECOND'),
    rule('dead-takes-part', 'what is on the volume of a dead node counts as a copy within reach', 'node', '    this.shards.copy.unfollow()\n', ''),
    rule('stopped-takes-part', 'a node that stands still takes part', 'node', 'filter(n => n.up && !n.paused)', 'filter(n => n.up)'),
    rule('minority-serves', 'clients on the smaller side of a cut are served there', 'node', "if (!this.serving().includes(node)) return { is: 'failing'", "if (!node.up) return { is: 'failing'"),
    rule('a-leader-forever', 'the node that stood for all goes on standing for all when it is dead', 'cluster', 'const first = shared.serving().find(n => n.shards.copy.upstream !== undefined)?.name', "const first: string | undefined = shared.options.name + '-0'"),
    rule('kept-on-a-dead-connection', 'a connection to a dead node is not closed', 'node', "for (const backend of [...this.backends]) backend.stateChanged({ is: 'closed', error: 'connection closed' })\n    this.backends.clear()", ''),
    rule('the-nearest-copy-counts', 'at the end not the furthest copy counts', 'cluster', "s.copy.lsn('flush') > (best?.copy.lsn('flush') ?? -1)", "s.copy.lsn('flush') < (best?.copy.lsn('flush') ?? Infinity)"),
  ],
}
