import { inCommand, keys, moved } from '../change.ts'
import type { Family, RunbookDefect } from '../defect.ts'

type More = Partial<Pick<RunbookDefect, 'look' | 'kinds' | 'most' | 'why'>>

const rolling = (id: string, what: string, change: RunbookDefect['change'], more: More = {}): RunbookDefect => ({ id: `vtroll-${id}`, what, scenario: 'vitess-rolling/primary-last', change, most: 60, ...more })
/** On one shard: what goes wrong does so in each. */
const guarded = (id: string, what: string, change: RunbookDefect['change'], more: More = {}): RunbookDefect => ({ id: `bgvt-${id}`, what, scenario: 'blue-green/guarded', change: { ...change, set: { 'cluster.engine': 'vitess', 'cluster.fleet': '4', ...change.set } }, most: 60, ...more })

/** A step whose others go back to it cannot be left out; it may find nothing. */
const nothing = keys({ run: "echo ''" })

export const vitessRolling: Family = {
  name: 'vitess-rolling',
  title: 'Rolling a Vitess fleet, the primary last',
  defects: [
    // ── the primary ──
    rolling('no-reparent', 'the primary is replaced without having been moved', { without: ['reparent', 'moved'] }),
    rolling('no-buffer', 'the vtgates do not buffer', { set: { 'cluster.buffer': '{ enabled: false }' } }),
    // ── who acknowledges ──
    rolling('replicas-at-once', 'all replicas of a shard are replaced at once', { step: { 'units-of-round': inCommand(',planetscale.com/tablet-index=${round}', ''), release: keys({ run: 'kubectl delete pod ${units} --wait=false' }) } }),
    // Of four tablets one is being replaced and one is struck: somebody always acknowledges, so the time-out never begins (facts VT-F25: n = 4). With three it loses: test/unseen/vitess.test.ts.
    rolling('stock-semi-sync', 'semi-sync gives up after ten seconds, as MySQL ships it', { set: { 'cluster.semiSyncTimeoutSeconds': '10' } }, { most: 300, why: 'of four tablets with one replaced and one struck, one still acknowledges' }),
    // ── the gates ──
    rolling('no-release', 'nothing is ever released to the operator', { without: ['release'] }),
    rolling('no-proof', 'nobody looks whether anything was replaced', { without: ['replaced', 'round-whole', 'finished'] }),
    rolling('old-primary-forgotten', 'what was the primary stays on the old version, and nobody looks', { without: ['replace-old', 'units-left', 'round-whole', 'finished'] }),
    // ── what faults leave behind ──
    rolling('lost-disks', 'tablets whose disk is gone are not made anew', { step: { 'lost-disks': nothing, 'last-lost-disks': nothing, 'undo-roll-lost-disks': nothing } }, { kinds: ['node-loss-with-volume'], most: 300 }),
    rolling('put-aside', 'tablets that a failover has put aside are not restored', { step: { drained: nothing, 'last-drained': nothing, 'undo-roll-drained': nothing } }, { kinds: ['process-kill', 'standby-diverged', 'partition'], most: 250 }),
  ],
}

export const vitessBlueGreen: Family = {
  name: 'vitess-blue-green',
  title: 'Guarded blue/green on Vitess',
  defects: [
    guarded('no-switch', 'traffic is never switched', { without: ['switch-traffic', 'how-far', 'finish', 'switched', 'backward', 'still-same', 'complete', 'completed'] }),
    guarded('not-copied', 'nobody waits until the tables are copied', { without: ['copied', 'diff', 'same', 'soak-before'], step: { go: keys({ gate: 'echo 1', expect: { equals: '1' }, claims: undefined }) } }),
    guarded('delete-first', 'blue is taken out before traffic is switched', { runbook: moved('blue-goes', { before: 'switch-traffic' }) }),
    guarded('no-move', 'green is made and never filled', { step: { move: nothing } }),
    guarded('old-version', 'green is made of the old version', { without: ['images'] }),
    guarded('old-version-no-proof', 'green is made of the old version, and nobody looks', { without: ['images'], step: { 'green-up': inCommand("grep -c '${want} *true'", "grep -c 'true'") } }),
    guarded('no-durability', 'green is made without a durability policy', { step: { keyspace: inCommand('"name":"${green}","durabilityPolicy":"${policy}"', '"name":"${green}"'), 'blue-goes': inCommand('"name":"${green}","durabilityPolicy":"${policy}"', '"name":"${green}"') } }),
    guarded('blue-stays', 'blue is not taken out', { without: ['blue-goes', 'blue-gone', 'old-nodes'] }),
    guarded('no-buffer', 'the vtgates do not buffer', { set: { 'cluster.buffer': '{ enabled: false }' } }),
    guarded('no-way-back', 'the switch makes no way back; what looks for it is still there', { step: { 'switch-traffic': inCommand('switchtraffic', 'switchtraffic --enable-reverse-replication=false'), finish: inCommand('switchtraffic', 'switchtraffic --enable-reverse-replication=false') } }),
  ],
}
