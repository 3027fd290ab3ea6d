/** A Zalando-style operator on clusters of one, two and three, with hands in between: see `play.ts`. */
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const wait = (sleep: string): Step => ({ sleep })
const members = (n: number, more: Record<string, unknown> = {}) => ({ engine: 'postgres', name: 'acid-main', members: n, service: 'acid-main-rw', image: 'postgres:16.4', targetImage: 'postgres:16.9', targetKubernetesVersion: null, databaseMB: 500, slots: true, maxSlotWalKeepMB: 20_000, terminationGraceSeconds: 300, patroni: {}, ...more })
const minor = (to = 'postgres:16.9'): string => `kubectl patch postgresql acid-main --type=merge -p '{"spec":{"dockerImage":"${to}"}}'`
const spilo = (n: number, mode: 'manual' | 'off', from = '16', to = '17') => members(n, { image: 'ghcr.io/zalando/spilo-17:4.0-p2', targetImage: undefined, patroni: { majorVersionUpgradeMode: mode, spilo: { versions: ['16.9', '17.5'], version: from, targetVersion: to } } })
const major = (to: string): string => `kubectl patch postgresql acid-main --type=merge -p '{"spec":{"postgresql":{"version":"${to}"}}}'`
const load = { timeout: '5s', queueAgeLimit: '5s', attempts: 3 }
const kept = ['no-acknowledged-write-lost', 'serves-at-end', 'converges'] as const

unseen({
  'three members, another image: replicas, a switchover, the old primary': {
    cluster: members(3), load, steps: [minor(), wait('30m')], predicts: { measures: { writeDowntimeSeconds: [0.5, 12] }, passes: [...kept, 'no-split-brain', 'target-reached'] }, source: 'BG-F20: switchover < 5 s and reconnecting',
  },
  'two members': {
    cluster: members(2), load, steps: [minor(), wait('30m')], predicts: { measures: { writeDowntimeSeconds: [0.5, 12] }, passes: [...kept, 'no-split-brain', 'target-reached'] }, source: 'BG-F20',
  },
  'one member: its pod is made anew, and that is the outage': {
    cluster: members(1), load, steps: [minor(), wait('30m')], predicts: { measures: { longestWriteGapSeconds: [5, 90] }, passes: [...kept, 'target-reached'] }, source: 'pod.go recreatePods: no replicas, the master is recreated all the same',
  },
  'three members, synchronous mode': {
    cluster: members(3, { patroni: { synchronousMode: true } }), load, steps: [minor(), wait('30m')], predicts: { measures: { writeDowntimeSeconds: [0.5, 40] }, passes: [...kept, 'no-split-brain', 'target-reached'] }, source: 'Patroni replication_modes: another becomes synchronous within loop_wait',
  },
  'two members, synchronous mode: commits wait until Patroni goes on without': {
    cluster: members(2, { patroni: { synchronousMode: true } }), load, steps: [minor(), wait('30m')], predicts: { measures: { writeDowntimeSeconds: [1, 60] }, passes: [...kept, 'no-split-brain', 'target-reached'] }, source: 'Patroni replication_modes: without strict mode writes go on',
  },
  'a replica’s pod is deleted by hand meanwhile: one thing more to wait for': {
    cluster: members(3), load, steps: [minor(), wait('8s'), 'kubectl delete pod acid-main-2 --ignore-not-found --wait=false', wait('30m')], predicts: { measures: { writeDowntimeSeconds: [0.5, 12] }, passes: [...kept, 'no-split-brain', 'target-reached'] }, source: 'PG-OPERATOR-3',
  },
  'the primary’s pod is deleted by hand meanwhile: it hands over before it stops': {
    cluster: members(3), load, steps: [minor(), wait('60s'), 'kubectl delete pod acid-main-0 --wait=false', wait('40m')], predicts: { measures: { writeDowntimeSeconds: [0.5, 60] }, passes: [...kept, 'no-split-brain', 'target-reached'] }, source: 'Patroni: a clean stop releases the leader key',
  },
  'an image that is not there: the first replica never comes back, the primary is left alone': {
    cluster: members(3), load, steps: [minor('registry.example.com/other:1'), wait('40m')], predicts: { measures: { writeDowntimeSeconds: 0 }, fails: ['target-reached', 'converges'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'pod.go waitForPodLabel: 10 min; K8s ImagePullBackOff',
  },
  'asked for and taken back ten seconds later: mixed for a while, and old again': {
    cluster: members(3, { targetImage: null }), load, steps: [minor(), wait('10s'), minor('postgres:16.4'), wait('40m')], predicts: { measures: { writeDowntimeSeconds: [0, 24] }, passes: [...kept, 'no-split-brain'] }, source: 'level-triggered: the object says the old image',
  },
  'another major with the mode off: a rolling restart, nothing else': {
    cluster: spilo(3, 'off'), load, steps: [major('17'), wait('40m')], predicts: { measures: { writeDowntimeSeconds: [0.5, 12] }, fails: ['target-reached'], passes: kept }, source: 'BG-F20, BG-T24, PG-S10',
  },
  'in place, one member': {
    cluster: spilo(1, 'manual'), load, steps: [major('17'), wait('90m')], predicts: { measures: { longestWriteGapSeconds: [8, 120] }, passes: [...kept, 'target-reached'] }, source: 'BG-F20: well under one minute; its pod is made anew before',
  },
  'in place, two members': {
    cluster: spilo(2, 'manual'), load, steps: [major('17'), wait('90m')], predicts: { measures: { writeDowntimeSeconds: [8, 120] }, passes: [...kept, 'target-reached'] }, source: 'BG-F20',
  },
  'in place and then the old major in the object again: nothing goes back': {
    cluster: spilo(3, 'manual'), load, steps: [major('17'), wait('90m'), major('16'), wait('40m')], predicts: { measures: { writeDowntimeSeconds: [8, 132] }, passes: ['no-acknowledged-write-lost', 'serves-at-end', 'target-reached'] }, source: 'majorversionupgrade.go: the current version is not below what is wanted',
  },
})
