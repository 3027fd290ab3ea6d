import { keys } from '../change.ts'
import type { Family, RunbookDefect, SourceDefect } from '../defect.ts'

const scenario = 'postgres-operator/rolling-minor'
const defect = (id: string, what: string, change: RunbookDefect['change']): RunbookDefect => ({ id: `operator-${id}`, what, scenario, change, most: 400 })

const T = ['test/postgres/experiments/patroni.test.ts']
const rule = (id: string, what: string, file: string, find: string, replace: string): SourceDefect => ({ id: `rule-pg-patroni-${id}`, what, patches: [{ file: `models/postgres/patroni/${file}`, find, replace }], tests: T })

export const postgresOperator: Family = {
  name: 'postgres-operator',
  title: 'A minor update by an operator over Patroni',
  defects: [
    defect('version-for-image', 'the version is asked for, not the image', { replace: [['{"spec":{"dockerImage":"${image}"}}', '{"spec":{"postgresql":{"version":"16.9"}}}']], without: ['done', 'version'] }),
    defect('nothing-asked', 'nothing is asked for, and nobody looks', { without: ['ask', 'done', 'version'] }),
    defect('does-not-wait', 'nobody waits until it is done', { without: ['done', 'at-rest', 'version', 'all-follow-after'] }),
    defect('all-pods-at-once', 'the pods are deleted by hand, all at once', { step: { ask: keys({ run: ['kubectl patch postgresql ${cluster} --type=merge -p \'{"spec":{"dockerImage":"${image}"}}\'', 'kubectl delete pod acid-main-0 acid-main-1 acid-main-2 --wait=false'] }) } }),
    defect('paused', 'Patroni is paused meanwhile, and nobody lets it on', { step: { ask: keys({ run: ['patronictl pause', 'kubectl patch postgresql ${cluster} --type=merge -p \'{"spec":{"dockerImage":"${image}"}}\''] }) } }),
    defect('one-member', 'there is no replica to switch over to', { set: { 'cluster.members': '1' }, without: ['all-follow', 'all-follow-after'] }),
  ],
}

export const postgresPatroniRules: Family = {
  name: 'postgres-patroni-rules',
  title: 'Rules of Patroni and of the operator',
  defects: [
    rule('key-for-ever', 'a leader key is valid for ever', 'dcs.ts', 'this.world.sim.now - this.renewedUs < this.options.ttlSeconds * SECOND ?', 'this.world.sim.now - this.renewedUs >= 0 ?'),
    rule('two-holders', 'anybody takes the key at any time', 'dcs.ts', 'if (holder !== undefined && holder !== name) return false', 'if (holder === name) return true'),
    rule('no-release', 'the key is not given back after a clean stop', 'agent.ts', 'if (someone) dcs.release(name, dir.checkpointLsn)', 'void someone'),
    rule('any-lag', 'a member may lead however far it is behind', 'agent.ts', 'if (dcs.optimeLsn - received > dcs.options.maximumLagOnFailoverMB * 1_048_576) return false', 'void received'),
    rule('first-come', 'nobody asks whether another has more', 'agent.ts', "if (theirs.state === 'standby' && theirs.copy.lsn('receive') > received && wanted !== name) return false", 'void received'),
    rule('starts-as-it-was', 'a replaced primary is started as a primary', 'agent.ts', "    dir.files.set('standby.signal', '')\n    if (holder !== undefined) this.pointAt(holder)", "    if (holder !== undefined) this.pointAt(holder)"),
    rule('never-rewound', 'a member with another history is started as it is', 'agent.ts', 'if (source !== undefined && (dir.unusable || this.diverged(dir, source))) {', 'if (source !== undefined && dir.unusable) {'),
    rule('any-standby', 'in synchronous mode anybody may lead', 'agent.ts', 'if (dcs.options.synchronousMode && dcs.sync !== undefined && !dcs.sync.includes(name)) return false', 'void name'),
    rule('strict', 'the list of synchronous standbys is never emptied', 'agent.ts', "const wanted = now === undefined ? '' : `\"${now}\"`", "const wanted = now === undefined ? (server.settings['synchronous_standby_names'] ?? '') : `\"${now}\"`"),
    rule('blind-leader', 'a leader without the API leads on', 'agent.ts', "if (server?.state !== 'primary' || dcs.leader !== name) return BLIND_US", "if (server?.state !== 'primary' || dcs.leader === name) return BLIND_US"),
    rule('safe-alone', 'in failsafe mode it leads on though a member does not answer', 'agent.ts', 'if (dcs.options.failsafeMode && all) {', 'if (dcs.options.failsafeMode && memberNames.length > 0) {'),
    rule('pause-ignored', 'paused, members take over all the same', 'agent.ts', 'if (dcs.paused || !this.mayTry(server)', 'if (!this.mayTry(server)'),
    rule('primary-first', 'the operator begins with the primary', 'operator.ts', 'if (pod.name === this.dcs.holder) continue', "if (pod.name === '') continue"),
    rule('waits-for-nobody', 'the operator does not wait for a new pod', 'operator.ts', "now.containerState === 'running' && this.world.serverOf(pod.name)?.accepting === true", "now.uid !== ''"),
    rule('everybody-is-primary', '/primary says 200 of every member', 'patronictl.ts', "'/': leads, '/primary': leads,", "'/': leads, '/primary': true,"),
  ],
}
