import { keys } from '../change.ts'
import type { Family, RunbookDefect, SourceDefect } from '../defect.ts'

const scenario = 'postgres-operator/rolling-minor'
const defect = (id: string, what: string, change: RunbookDefect['change']): RunbookDefect => ({ id: `operator-${id}`, what, scenario, change, most: 400 })

const T = ['test/postgres/experiments/patroni.test.ts']
const rule = (id: string, what: string, file: string, find: string, replace: string): SourceDefect => ({ id: `rule-pg-patroni-${id}`, what, patches: [{ file: `models/postgres/patroni/${file}`, find, replace }], tests: T })

const M = ['test/postgres/experiments/major.test.ts']
const major = (id: string, what: string, file: string, find: string, replace: string): SourceDefect => ({ id: `rule-pg-major-${id}`, what, patches: [{ file: `models/postgres/${file}`, find, replace }], tests: M })

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
    rule('never-rewound', 'a member with another history is started as it is', 'agent.ts', 'if (source !== undefined && (dir.unusable || divergedFrom(dir, source))) {', 'if (source !== undefined && dir.unusable) {'),
    rule('any-standby', 'in synchronous mode anybody may lead', 'agent.ts', 'if (dcs.options.synchronousMode && dcs.sync !== undefined && !dcs.sync.includes(name)) return false', 'void name'),
    rule('strict', 'the list of synchronous standbys is never emptied', 'synchronous.ts', "const wanted = now === undefined ? '' : `\"${now}\"`", "const wanted = now === undefined ? (server.settings['synchronous_standby_names'] ?? '') : `\"${now}\"`"),
    rule('blind-leader', 'a leader without the API leads on', 'agent.ts', "if (server?.state !== 'primary' || dcs.leader !== name) return BLIND_US", "if (server?.state !== 'primary' || dcs.leader === name) return BLIND_US"),
    rule('safe-alone', 'in failsafe mode it leads on though a member does not answer', 'agent.ts', 'if (dcs.options.failsafeMode && all) {', 'if (dcs.options.failsafeMode && memberNames.length > 0) {'),
    rule('pause-ignored', 'paused, members take over all the same', 'agent.ts', 'if (dcs.paused) return false', 'void wanted'),
    rule('primary-first', 'the operator begins with the primary', 'operator.ts', 'if (pod.name === this.dcs.holder) continue', "if (pod.name === '') continue"),
    rule('waits-for-nobody', 'the operator does not wait for a new pod', 'operator.ts', "now.containerState === 'running' && this.world.serverOf(pod.name)?.accepting === true", "now.uid !== ''"),
    major('any-binaries', 'an image runs its newest version on whatever data', 'program.ts', "(binaryOf(spilo, major(dir.image)) ?? '0')", "(binaryOf(spilo, world.options.patroni === false ? '' : '17') ?? '0')"),
    major('off-upgrades', 'with the mode off a higher version is an upgrade', 'patroni/operator.ts', "if (majorVersionUpgradeMode === 'off' || spilo === false) return 'nothing'", "if (spilo === false) return 'nothing'"),
    major('members-uncounted', 'it begins with fewer members than there should be', 'patroni/major.ts', 'if (others.length + 1 !== this.members) return', 'if (others.length < 0) return'),
    major('any-lag', 'it begins however far a replica is behind', 'patroni/major.ts', 'if (lag > UPGRADE_LAG_BYTES) return', 'if (lag > Number.MAX_SAFE_INTEGER) return'),
    major('without-the-key', 'it begins on a primary that does not hold the key', 'patroni/major.ts', 'if (dcs.holder !== agent.name) return', "if (dcs.holder === '') return"),
    major('tries-again', 'what has failed is tried again at once', 'patroni/operator.ts', 'if (this.object?.metadata.annotations?.[FAILED] !== undefined || !this.allReady(server))', 'if (!this.allReady(server))'),
    major('skips-nothing', 'the operator starts it whether or not the replicas are near', 'patroni/operator.ts', "sender?.state === 'streaming' && server.copy.lsn('flush') - sender.standby.copy.lsn('apply') <= UPGRADE_LAG_BYTES", 'sender !== undefined'),
    major('nobody-replays', 'nobody waits until the replicas have replayed all of it', 'patroni/major.ts', 'if (!(yield* this.replayed(dir))) return false', 'if (!(yield* this.replayed(dir)) && dir.destroyed) return false'),
    major('pause-unconfirmed', 'maintenance mode needs nobody to confirm it', 'patroni/major.ts', 'if ([...dcs.agents.values()].every(each => each.upToDate)) {', 'if (tried >= 0) {'),
    major('links-before-it-checks', 'a pg_upgrade that fails has linked already', 'patroni/major.ts', "    const host = { version: target, nodeVersion: agent.body.c.pod.nodeVersion } as Server['host']\n", "    const host = { version: target, nodeVersion: agent.body.c.pod.nodeVersion } as Server['host']\n    dir.files.set(LINKED, '')\n"),
    major('linked-starts', 'data that is linked starts on its old version', 'patroni/major.ts', "    dir.files.set(LINKED, '')\n    yield this.takes('linkMs')", "    yield this.takes('linkMs')"),
    major('rsync-for-ever', 'copying the replicas has no limit', 'patroni/major.ts', 'yield within(task, Math.max(0, endsUs - world.sim.now))', 'yield task'),
    major('lost-copy-is-fine', 'a replica that was not copied does not count', 'patroni/major.ts', 'return copied.every(done => done)', 'return copied.length >= 0'),
    major('key-stays', 'the initialize key is not removed', 'patroni/major.ts', 'if (dcs.reachedFrom(agent.place)) dcs.systemId = undefined', 'if (dcs.reachedFrom(agent.place)) void dcs.systemId'),
    major('starts-without-the-api', 'Patroni starts the server while it cannot reach the API', 'patroni/major.ts', "if (!dcs.reachedFrom(agent.place)) return this.say('Failed to start primary after upgrade')", "if (agent.name === '') return this.say('Failed to start primary after upgrade')"),
    major('seen-without-the-api', 'the operator sees the script without the API', 'patroni/operator.ts', "while (script.state === 'running' && world.kubernetes.apiUp) yield", "while (script.state === 'running') yield"),
    rule('everybody-is-primary', '/primary says 200 of every member', 'patronictl.ts', "'/': leads, '/primary': leads,", "'/': leads, '/primary': true,"),
  ],
}
