/** Programs between two databases: see `play.ts`. 1,000 rows, 50 writes a second, of which four in five go to 200 of them; the sample is a fifth of the rows, so small counts vary. */
import type { Step } from '../variant.ts'
import { unseen } from './play.ts'

const wait = (sleep: string): Step => ({ sleep })
const flag = (value: string): string => `kubectl patch configmap flags --patch '{"data":{"path":"${value}"}}'`
/** A Job of the migrator's image, and waiting for it. */
const job = (name: string, ...args: string[]): Step => ({
  run: [`echo '{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"${name}"},"spec":{"backoffLimit":0,"template":{"spec":{"containers":[{"name":"${name}","image":"migrator:1","args":${JSON.stringify(args)}}]}}}}' | kubectl apply -f -`, `kubectl wait --for=condition=complete job/${name} --timeout=10m`],
})
const copy = (mode = 'versioned'): Step => job('backfill', 'backfill', `--mode=${mode}`)
const scale = (name: string, replicas: number): string => `kubectl scale deployment/${name} --replicas=${replicas}`

const DATABASE = { name: 'blue-db', members: 1, service: 'database', serviceSelects: 'app', image: 'postgres:16.9', targetImage: null, targetKubernetesVersion: null, databaseMB: 500, green: { name: 'green-db', replicas: 1, readOnly: false }, pooler: false }
const BOTH = { writes: 'both', reads: 'legacy', order: 'legacy-first', statement: 'versioned', idempotencyKeys: true }
const MODERN = { writes: 'modern', reads: 'modern' }
const FLAGS = { path: { new: MODERN } }
const cluster = (more: Record<string, unknown> = {}) => ({ engine: 'application', database: DATABASE, keys: 1_000, sampledHot: 100, sampledCold: 100, writesPerSecond: 50, legacyErrorP: 0, modernErrorP: 0, answerLostP: 0, flags: { delivery: 'stream', missedUpdateP: 0 }, ...more })
const load = { writesPerSecond: 50, cohorts: 12, connections: 48 }
const dual = (build: object = {}, more: Record<string, unknown> = {}) => cluster({ image: 'webapp:2', builds: { 'webapp:2': { ...BOTH, flags: FLAGS, ...build } }, ...more })
const cdc = (mode: string, replicas = 1) => ({ connectors: [{ name: 'cdc', replicas, mode }] })
const switching = { image: 'webapp:2', builds: { 'webapp:2': { statement: 'versioned', idempotencyKeys: true, flags: FLAGS } } }
const outbox = (relay: object) => ({ image: 'webapp:2', builds: { 'webapp:2': { outbox: true, statement: 'versioned', idempotencyKeys: true, flags: FLAGS } }, relays: [{ name: 'relay', replicas: 1, from: 'legacy', to: 'modern', mode: 'versioned', ...relay }] })

/** Pods hear of a streamed flag one by one, within a second: for so long some write here and some there (BG-T16). */
const SWITCHING = [0, 1.1] as const

unseen({
  // ── dual writes ──
  'everybody writes both with versions, then the copy, then the flag: nothing is missing': {
    cluster: dual(), load, steps: [copy(), wait('60s'), flag('new'), wait('90s')], predicts: { measures: { splitBrainSeconds: SWITCHING, divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VB §9c; DW-F05',
  },
  'the copy first, the build that writes both after it: what was written between is missing where nobody wrote again': {
    cluster: cluster({ controller: 'deployment', image: 'webapp:1', builds: { 'webapp:2': { ...BOTH, flags: FLAGS } } }), load,
    steps: [copy(), wait('60s'), 'kubectl set image deployment/webapp webapp=webapp:2', 'kubectl rollout status deployment/webapp --timeout=10m', wait('30s'), flag('new'), wait('30s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, lostAcknowledgedWrites: [60, 2_000], divergentRows: [60, 700] }, fails: ['no-acknowledged-write-lost'] }, source: 'DW-F05, BG-T10',
  },
  'a fifth of the pods writes both and the flag sends everybody over: four fifths of what was not written again is missing': {
    cluster: cluster({ image: 'webapp:1', canary: [{ setWeight: 20 }, { pause: {} }], builds: { 'webapp:1': { statement: 'versioned', idempotencyKeys: true, flags: FLAGS }, 'webapp:2': { ...BOTH, flags: FLAGS } } }), load,
    steps: ['kubectl argo rollouts set image webapp webapp=webapp:2', wait('60s'), copy(), wait('60s'), flag('new'), wait('30s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, lostAcknowledgedWrites: [150, 4_000], divergentRows: [120, 800] }, fails: ['no-acknowledged-write-lost'] }, source: 'BG-T11',
  },
  'the new database away for a while, its error returned: an outage although nobody reads it': {
    cluster: dual(), load, steps: [copy(), wait('20s'), 'kubectl delete pod green-db-0', wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: [3, 70] }, passes: ['serves-at-end'] }, source: 'DW-F04: A_B × A_G; BG-T08',
  },
  // Predicted with clients that try again: they mend it, since what hangs is no error that could be logged, but the end of the request's one deadline.
  'its error logged, clients that do not try again: hardly an outage, and rows that differ': {
    cluster: dual({ onModernError: 'log' }, { attempts: 1, sampledHot: 200, sampledCold: 800 }), load, steps: [copy(), wait('20s'), 'kubectl delete pod green-db-0', wait('60s')],
    predicts: { measures: { writeDowntimeSeconds: [0, 12], divergentRows: [8, 800] }, fails: ['no-divergent-rows'], passes: ['serves-at-end'] }, source: 'DW-F03, BG-T07',
  },
  // Predicted of a database that is away: but the program reads there before it writes, and says no.
  'one statement in twenty fails on the old one and is only logged: the program says yes to what the database that counts does not have': {
    cluster: dual({ onLegacyError: 'log', statement: 'upsert' }, { legacyErrorP: 0.05 }), load, steps: [copy('insert'), wait('2m')],
    predicts: { measures: { lostAcknowledgedWrites: [10, 400], divergentRows: [10, 150], writeDowntimeSeconds: 0 }, fails: ['no-acknowledged-write-lost'] }, source: 'BG-T01, DW-F03',
  },
  'the old one away: an outage, whatever is logged': {
    cluster: dual({ onLegacyError: 'log', statement: 'upsert' }), load, steps: [copy('insert'), wait('20s'), 'kubectl delete pod blue-db-0', wait('2m')],
    predicts: { measures: { writeDowntimeSeconds: [3, 70] }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'APP-SQL-1: it decides by what it reads',
  },
  // ── copies ──
  'a chunk of all rows that takes ten seconds, overwriting: rows written meanwhile are old again': {
    cluster: dual({ statement: 'upsert' }, { chunkRows: 1_000, backfillRowsPerSecond: 100, deleteShare: 0 }), load, steps: [copy('upsert'), wait('1s'), flag('new'), wait('30s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, divergentRows: [10, 400], lostAcknowledgedWrites: [10, 400] }, fails: ['no-acknowledged-write-lost'] }, source: 'DW-F07; VB §7 BG-T27',
  },
  'only where there is none, on tables with few writes: deleted rows come back, those written are safe': {
    cluster: dual({ statement: 'upsert' }, { chunkRows: 1_000, backfillRowsPerSecond: 20, deleteShare: 0.5, hotWrites: 0.3, writesPerSecond: 10 }), load, steps: [copy('insert'), wait('1s'), flag('new'), wait('30s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, divergentRows: [10, 500], lostAcknowledgedWrites: [10, 500] }, fails: ['no-acknowledged-write-lost'] }, source: 'DW-F07: resurrects deletes',
  },
  'versions and tombstones: neither': {
    cluster: dual({}, { chunkRows: 1_000, backfillRowsPerSecond: 20, deleteShare: 0.5, hotWrites: 0.3, writesPerSecond: 10 }), load, steps: [copy(), wait('1s'), flag('new'), wait('30s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, divergentRows: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VB §9c steps 3–4',
  },
  // ── connectors ──
  'a connector that keeps up, no fence: half a second of writes is missing, most of it written again': {
    cluster: cluster({ ...switching, ...cdc('versioned') }), load, steps: [copy(), wait('60s'), scale('cdc', 0), flag('new'), wait('60s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, lostAcknowledgedWrites: [0, 200], divergentRows: [0, 200] }, passes: ['serves-at-end'] }, source: 'BG-T33',
  },
  'one that was stopped a minute before: that minute': {
    cluster: cluster({ ...switching, ...cdc('versioned') }), load, steps: [copy(), wait('60s'), scale('cdc', 0), wait('60s'), flag('new'), wait('30s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, lostAcknowledgedWrites: [100, 4_000], divergentRows: [100, 900] }, fails: ['no-acknowledged-write-lost'] }, source: 'BG-T33, DW-F08',
  },
  'killed and back, blind: what it brings again is older, and then newer again: alike in the end': {
    cluster: cluster({ ...switching, ...cdc('blind') }), load, steps: [copy('insert'), wait('90s'), 'kubectl delete pod -l app=cdc', wait('4m')],
    predicts: { measures: { divergentRows: [0, 60], writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-T34, DW-F08: at least once, in order',
  },
  // ── the outbox ──
  'a relay that keeps up, the flag at once: a poll’s worth is still in the outbox, and arrives': {
    cluster: cluster(outbox({ batchRows: 1_000 })), load, steps: [copy(), wait('60s'), flag('new'), wait('90s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'VB §9c: applied by version, whenever it comes',
  },
  'one that takes ten rows a second where fifty come: most of five minutes is still in the outbox': {
    cluster: cluster(outbox({ batchRows: 10 })), load, steps: [copy(), wait('5m'), flag('new'), wait('30s'), scale('relay', 0), wait('10s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, lostAcknowledgedWrites: [200, 16_000], divergentRows: [150, 950] }, fails: ['no-acknowledged-write-lost'] }, source: 'VB §9c; a queue that grows by 40 a second',
  },
  'scaled down for two minutes and up again before the flag: all of it arrives': {
    cluster: cluster(outbox({ batchRows: 1_000 })), load, steps: [copy(), scale('relay', 0), wait('2m'), scale('relay', 1), wait('2m'), flag('new'), wait('60s')],
    predicts: { measures: { splitBrainSeconds: SWITCHING, divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'what it has not deleted waits for it',
  },
  // ── flags, comparisons, canaries ──
  'a flag that pods ask for once a minute moves them one by one: for that minute each database has writes that the other lacks': {
    cluster: cluster({ ...switching, ...cdc('versioned', 0), flags: { delivery: 'poll', pollSeconds: 60, missedUpdateP: 0 } }), load, steps: [copy(), flag('new'), wait('2m')],
    predicts: { measures: { splitBrainSeconds: [0, 62], lostAcknowledgedWrites: [10, 2_000] }, fails: ['no-acknowledged-write-lost'] }, source: 'BG-T16, BG-F26',
  },
  'a comparison of whole tables that are written: it always finds something': {
    cluster: dual({}, { checksumRowsPerSecond: 50 }), load, steps: [copy(), job('compare', 'checksum', '--ordered')], predicts: { outcome: 'aborted', measures: { writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-T23',
  },
  'chunks read again until they agree: nothing': {
    cluster: dual({}, { checksumRowsPerSecond: 50 }), load, steps: [copy(), job('compare', 'checksum', '--rechecked')], predicts: { measures: { divergentRows: 0, writeDowntimeSeconds: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-T23, VDiff',
  },
  'a canary whose build fails one request in five, watched by the ratio of its own errors: aborted, the stable build is back': {
    cluster: cluster({
      image: 'webapp:1', monitoring: { enabled: true }, builds: { 'webapp:2': { errorP: 0.2 } },
      canary: [{ setWeight: 20 }, { pause: { duration: '3m' } }, { analysis: { query: 'sum(rate(http_requests_total{version="2",code="500"}[2m])) / sum(rate(http_requests_total{version="2"}[2m]))', successCondition: 'result[0] < 0.01', intervalSeconds: 30, count: 3 } }, { setWeight: 50 }, { pause: { duration: '2m' } }],
    }), load, steps: ['kubectl argo rollouts set image webapp webapp=webapp:2', 'kubectl argo rollouts status webapp --timeout=30m'],
    predicts: { outcome: 'aborted', measures: { lostAcknowledgedWrites: 0 }, passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'Argo Rollouts analysis',
  },
  'watched by the ratio of all pods’ errors at a tenth: 20 % of 20 % is not enough to see': {
    cluster: cluster({
      image: 'webapp:1', monitoring: { enabled: true }, builds: { 'webapp:2': { errorP: 0.2 } },
      canary: [{ setWeight: 20 }, { pause: { duration: '3m' } }, { analysis: { query: 'sum(rate(http_requests_total{code="500"}[2m])) / sum(rate(http_requests_total[2m]))', successCondition: 'len(result) == 0 || result[0] < 0.1', intervalSeconds: 30, count: 3 } }],
    }), load, steps: ['kubectl argo rollouts set image webapp webapp=webapp:2', 'kubectl argo rollouts status webapp --timeout=30m'],
    predicts: { outcome: 'completed', passes: ['no-acknowledged-write-lost', 'serves-at-end'] }, source: 'BG-T13: a share of a share',
  },
})
