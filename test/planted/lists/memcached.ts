import { inCommand, keys } from '../change.ts'
import type { Family, RunbookDefect, SourceDefect } from '../defect.ts'

const scenario = 'memcached-rolling-replace/verified'
const defect = (id: string, what: string, change: RunbookDefect['change']): RunbookDefect => ({ id: `memcached-${id}`, what, scenario, change, most: 200 })

export const memcachedRolling: Family = {
  name: 'memcached-rolling',
  title: 'The corrected Memcached rolling replace',
  defects: [
    defect('not-warm-before', 'the next server is replaced while the last one is cold; at the end all are waited for', { without: ['all-warm'] }),
    defect('never-warm', 'nobody waits for a cache to be warm', { without: ['all-warm', 'warm-again'] }),
    defect('warm-means-an-item', 'one item in a cache is taken for warmth', { step: { 'is-warm': keys({ expect: { min: 1 } }) } }),
    defect('looks-at-one-server', 'only the first server is looked at', { step: { 'is-warm': inCommand('${other}', 'memcached-0') } }),
    defect('no-new-image', 'the template keeps the old image; the gate that wants the new version is there', { without: ['image'] }),
    defect('no-new-image-no-proof', 'the template keeps the old image, and nobody looks', { without: ['image', 'new-version'] }),
    defect('another-image', 'the image is another than the version that is waited for', { step: { image: inCommand('"image":"${image}"', '"image":"memcached:1.6.21-alpine"') } }),
    defect('rolling-update', 'the controller restarts all of them by itself', { step: { image: inCommand('"type":"OnDelete","rollingUpdate":null', '"type":"RollingUpdate"') } }),
    defect('half-the-servers', 'only the first two are replaced', { step: { pods: inCommand("{end}'", "{end}' | head -2") } }),
    defect('all-at-once', 'all pods are deleted in one command', { step: { delete: keys({ run: 'kubectl delete pod -l app=memcached' }) } }),
  ],
}

const rule = (id: string, what: string, find: string, replace: string): SourceDefect => ({ id: `rule-mc-${id}`, what, patches: [{ file: 'models/memcached/caching.ts', find, replace }], tests: ['test/memcached/memcached.test.ts'] })

export const memcachedRules: Family = {
  name: 'memcached-rules',
  title: 'Rules of the Memcached model',
  defects: [
    rule('restart-keeps-all', 'a process that ends keeps its cache', 'changed.kept = changed.idle = [0, 0]', 'changed.kept = [changed.kept[0], changed.kept[1]]'),
    rule('out-of-reach-empties', 'a server that is only out of reach loses its cache', 'if (emptied) {', 'if (emptied || !live) {'),
    rule('database-without-limit', 'the database answers everything', 'Math.min(1, this.traffic.databasePerSecond / this.demandPerSecond)', 'Math.min(1, this.traffic.databasePerSecond)'),
    rule('writes-are-free', 'writes do not reach the database', '+ this.traffic.writesPerSecond', '+ 0 * this.traffic.writesPerSecond'),
    rule('remainder-like-a-ring', 'by remainder no key moves but those of the server that left', "this.rehashes && this.traffic.hashing === 'modulo' ? remainders", "this.rehashes && this.traffic.hashing === 'ketama' ? remainders"),
    rule('always-ejected', 'a dead server is always taken off the list', "return this.traffic.onFailure === 'eject' && this.live > 0", 'return this.live > 0'),
    rule('filled-evenly', 'hot keys are filled no sooner than cold ones', 'exp((-reads * hotReads) / (keys * hotKeys))', 'exp(-reads / keys)'),
  ],
}
