/** Programs between two databases in other orders: flags that do not arrive, ways back, connectors in both directions, analyses that find nothing. As in `application.test.ts`: 1,000 rows, 50 writes a second. */
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const wait = (sleep: string): Step => ({ sleep })
const flag = (value: string): string => `kubectl patch configmap flags --patch '{"data":{"path":"${value}"}}'`
const job = (name: string, ...args: string[]): Step => ({
  run: [`echo '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"${name}"},"spec":{"backoffLimit":0,"template":{"spec":{"containers":[{"name":"${name}","image":"migrator:1","args":${JSON.stringify(args)}}]}}}}' | kubectl apply -f -`, `kubectl wait --for=condition=complete job/${name} --timeout=10m`],
})
const copy = (mode = 'versioned'): Step => job('backfill', 'backfill', `--mode=${mode}`)
const scale = (name: string, replicas: number): string => `kubectl scale deployment/${name} --replicas=${replicas}`
const bring = 'kubectl argo rollouts set image webapp webapp=webapp:2'
const rolledOut = 'kubectl argo rollouts status webapp --timeout=30m'

const DATABASE = { name: 'blue-db', members: 1, service: 'database', serviceSelects: 'app', image: 'postgres:16.9', targetImage: null, targetKubernetesVersion: null, databaseMB: 500, green: { name: 'green-db', replicas: 1, readOnly: false }, pooler: false }
const BOTH = { writes: 'both', reads: 'legacy', order: 'legacy-first', statement: 'versioned', idempotencyKeys: true }
const FLAGS = { path: { new: { writes: 'modern', reads: 'modern' } } }
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'application', database: DATABASE, keys: 1_000, sampledHot: 100, sampledCold: 100, writesPerSecond: 50, legacyErrorP: 0, modernErrorP: 0, answerLostP: 0, flags: { delivery: 'stream', missedUpdateP: 0 }, ...more })
const load = { writesPerSecond: 50, cohorts: 12, connections: 48 }
const dual = (more: Record<string, unknown> = {}) => cluster({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, flags: FLAGS } }, ...more })
const one = { image: 'webapp:2', builds: { 'webapp:2': { statement: 'versioned', idempotencyKeys: true, flags: FLAGS } } }
const connector = (name: string, from: string, to: string, replicas: number, mode = 'versioned') => ({ name, from, to, replicas, mode })
const canary = (analysis: object) => cluster({ image: 'webapp:1', monitoring: { enabled: true }, builds: { 'webapp:2': { errorP: 0.2 } }, canary: [{ setWeight: 20 }, { pause: { duration: '2m' } }, { analysis }, { setWeight: 60 }, { pause: { duration: '1m' } }] })
const SWITCHING = [0, 1.1] as const
const relayed = (more: Record<string, unknown>) => cluster({ image: 'webapp:2', builds: { 'webapp:2': { outbox: true, statement: 'versioned', idempotencyKeys: true, flags: FLAGS } }, relays: [{ name: 'relay', replicas: 1, from: 'legacy', to: 'modern', batchRows: 1_000, ...more }] })

unseen({
  // ── flags ──
  'nobody hears of the flag: everything stays as it was': {
    cluster: dual({ flags: { delivery: 'stream', missedUpdateP: 1 } }), load, steps: [copy(), wait('30s'), flag('new'), wait('90s')], predicts: { measures: { divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'APP-FLAG-2: a missed update is learnt with the next one; BG-T17',
  },
  'half of the pods miss it: two authorities until somebody changes it again': {
    cluster: dual({ flags: { delivery: 'stream', missedUpdateP: 0.5 }, replicas: 12 }), load, steps: [copy(), wait('30s'), flag('new'), wait('90s')], predicts: { measures: { splitBrainSeconds: [60, 200], lostAcknowledgedWrites: [0, 4_500] }, fails: ['no-split-brain'] }, source: 'BG-T16, BG-F26',
  },
  'there and back within a minute of polling: who asked between has seen it, the others never': {
    cluster: dual({ flags: { delivery: 'poll', pollSeconds: 60, missedUpdateP: 0 } }), load, steps: [copy(), flag('new'), wait('20s'), flag('old'), wait('2m')], predicts: { measures: { splitBrainSeconds: [1, 62], lostAcknowledgedWrites: [0, 3_000] }, passes: ['serves-at-end'] }, source: 'APP-FLAG-1; BG-T16',
  },
  // ── ways back ──
  'back a minute after the switch, nothing carries back: what only the new one has is missing on the old': {
    cluster: dual(), load, steps: [copy(), wait('30s'), flag('new'), wait('60s'), flag('old'), wait('60s')], predicts: { measures: { splitBrainSeconds: [0, 2.2], lostAcknowledgedWrites: [100, 3_000], divergentRows: [60, 900] }, fails: ['no-acknowledged-write-lost'] }, source: 'BG-T28, PG-S16',
  },
  'with a connector backward that keeps up: half a second’s worth at most': {
    cluster: cluster({ ...one, connectors: [connector('cdc', 'legacy', 'modern', 1), connector('back', 'modern', 'legacy', 1)] }), load, steps: [copy(), wait('60s'), flag('new'), wait('60s'), flag('old'), wait('60s')], predicts: { measures: { splitBrainSeconds: [0, 2.2], lostAcknowledgedWrites: [0, 100], divergentRows: [0, 100] }, passes: ['serves-at-end'] }, source: 'VB §9b R2',
  },
  'connectors in both directions, by version, nobody switches: no circle, nothing differs': {
    cluster: cluster({ ...one, connectors: [connector('cdc', 'legacy', 'modern', 1), connector('back', 'modern', 'legacy', 1)] }), load, steps: [copy(), wait('5m')], predicts: { measures: { divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'no-split-brain', 'serves-at-end'] }, source: 'APP-CDC-4: origin = none',
  },
  // ── connectors and relays ──
  'a connector that was away for two minutes and has caught up before the flag': {
    cluster: cluster({ ...one, connectors: [connector('cdc', 'legacy', 'modern', 1)] }), load, steps: [copy(), scale('cdc', 0), wait('2m'), scale('cdc', 1), wait('6m'), flag('new'), wait('60s')], predicts: { measures: { splitBrainSeconds: SWITCHING, lostAcknowledgedWrites: [0, 100], divergentRows: [0, 100] }, passes: ['serves-at-end'] }, source: 'APP-CDC-1: apply ratio 2; BG-T33',
  },
  'one whose slot came after the copy: what was written between is missing': {
    cluster: cluster({ ...one, connectors: [connector('cdc', 'legacy', 'modern', 0)] }), load, steps: [copy(), wait('2m'), scale('cdc', 1), wait('2m'), flag('new'), wait('30s')], predicts: { measures: { splitBrainSeconds: SWITCHING, lostAcknowledgedWrites: [60, 4_000], divergentRows: [60, 900] }, fails: ['no-acknowledged-write-lost'] }, source: 'DW-F05: capture before the copy; BG-T10',
  },
  'eight workers that apply a batch in no order, blindly, pairs of writes on one key: older ones last': {
    cluster: relayed({ workers: 8, mode: 'blind' }), load, steps: [copy('upsert'), wait('4m')], predicts: { measures: { divergentRows: [1, 600], writeDowntimeSeconds: 0 }, fails: ['no-divergent-rows'], passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'APP-OUTBOX-4; BG-T32',
  },
  'the same by version: nothing differs': {
    cluster: relayed({ workers: 8, mode: 'versioned' }), load, steps: [copy(), wait('4m')], predicts: { measures: { divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VB §9c step 3',
  },
  'two ways at once, a dual writer and a connector, by version: nothing differs': {
    cluster: dual({ connectors: [connector('cdc', 'legacy', 'modern', 1)] }), load, steps: [copy(), wait('4m')], predicts: { measures: { divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-T32: idempotent by version',
  },
  // ── canaries ──
  'an analysis of a metric that nobody exports: errors, and the canary is aborted': {
    cluster: canary({ query: 'sum(rate(http_errors_total{version="2"}[1m]))', successCondition: 'result[0] < 0.01', intervalSeconds: 10, count: 3 }), load, steps: [bring, rolledOut], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'APP-ANALYSIS-2: consecutiveErrorLimit 4',
  },
  'the same that takes an empty answer for a good one: the bad build is everywhere': {
    cluster: canary({ query: 'sum(rate(http_errors_total{version="2"}[1m]))', successCondition: 'len(result) == 0 || result[0] < 0.01', intervalSeconds: 10, count: 3 }), load, steps: [bring, rolledOut], predicts: { outcome: 'completed', passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-T14: absence is no health',
  },
  'a threshold above what the build breaks: through': {
    cluster: canary({ query: 'sum(rate(http_requests_total{version="2",code="500"}[1m])) / sum(rate(http_requests_total{version="2"}[1m]))', successCondition: 'result[0] < 0.25', intervalSeconds: 30, count: 3 }), load, steps: [bring, rolledOut], predicts: { outcome: 'completed', passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'Argo Rollouts analysis: 0.2 is below 0.25',
  },
  'asked before anything was scraped of the new pods: nothing there yet, an error, tried again, and then too many errors of the build': {
    cluster: cluster({ image: 'webapp:1', monitoring: { enabled: true }, builds: { 'webapp:2': { errorP: 0.2 } }, canary: [{ setWeight: 20 }, { analysis: { query: 'sum(rate(http_requests_total{version="2",code="500"}[1m])) / sum(rate(http_requests_total{version="2"}[1m]))', successCondition: 'result[0] < 0.01', intervalSeconds: 15, count: 3 } }] }), load, steps: [bring, rolledOut],
    predicts: { outcome: 'aborted', passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'APP-ANALYSIS-2, APP-METRIC-4',
  },
  'paused without a duration and promoted by hand': {
    cluster: cluster({ image: 'webapp:1', builds: { 'webapp:2': {} }, canary: [{ setWeight: 20 }, { pause: {} }] }), load, steps: [bring, wait('2m'), 'kubectl argo rollouts promote webapp', rolledOut], predicts: { measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'APP-CANARY-2',
  },
  'never promoted: the status never comes': {
    cluster: cluster({ image: 'webapp:1', builds: { 'webapp:2': {} }, canary: [{ setWeight: 20 }, { pause: {} }] }), load, steps: [bring, rolledOut], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'APP-CANARY-2',
  },
  'kubectl rollout pause of a Rollout': {
    cluster: cluster({ image: 'webapp:1', builds: { 'webapp:2': {} }, canary: [{ setWeight: 20 }, { pause: {} }] }), load, steps: [bring, wait('20s'), 'kubectl rollout pause rollout/webapp'], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-F25',
  },
})
