/** The `cluster:` section of an application scenario: the programs, their flags and jobs, and the databases beneath them. */
import { z } from 'zod'
import { distributionSchema } from '../kubernetes/index.ts'
import { postgresOptions } from '../postgres/index.ts'
import { vitessOptions } from '../vitess/index.ts'

const side = z.enum(['legacy', 'modern'])

/** What a build of the program does. A flag's value changes some of it. */
const behaviour = {
  writes: z.enum(['legacy', 'modern', 'both']).describe('where it writes').meta({ unit: '', source: 'scenario' }),
  reads: side.describe('where it reads, and what it goes by when it decides between INSERT and UPDATE').meta({ unit: '', source: 'scenario' }),
  paused: z.boolean().describe('writes wait until this is over').meta({ unit: '', source: 'VB §9c step 7' }),
  order: z.enum(['legacy-first', 'modern-first']).describe('which of two writes is made first; the other follows when it has been answered').meta({ unit: '', source: 'seed 001 WriteBoth' }),
  onLegacyError: z.enum(['return', 'log']).describe('return: the caller gets the error, and what has not been tried is not; log: go on as if nothing had happened').meta({ unit: '', source: 'seed 001 WriteBoth; VB DW-F03' }),
  onModernError: z.enum(['return', 'log']).describe('the same for the modern one').meta({ unit: '', source: 'seed 001 WriteBoth; VB DW-F03' }),
  onReadOnly: z.enum(['return', 'wait']).describe('a database that says that it takes no writes (it is read-only, or its tables are denied): return: the caller gets the error; wait: the statement is tried again until the deadline of the request').meta({ unit: '', source: 'postgresql.org errcodes 25006; VB §9c step 7' }),
  statement: z.enum(['plain', 'upsert', 'versioned']).describe('plain: INSERT, UPDATE or DELETE; upsert: the whole row whatever is there; versioned: only over an older version, and a delete leaves a tombstone').meta({ unit: '', source: 'VB §9c; DW-F07' }),
  idempotencyKeys: z.boolean().describe('a write that is tried again is known by its key and done once').meta({ unit: '', source: 'VB I5' }),
  outbox: z.boolean().describe('each write puts a row into the table outbox of its database, in the same transaction, for a relay to carry on').meta({ unit: '', source: 'microservices.io Transactional outbox; VB §9c' }),
  errorP: z.number().min(0).max(1).describe('share of the requests that it answers with an error by a defect of its own, without having done anything').meta({ unit: '', source: 'scenario' }),
}

const changes = z.strictObject(Object.fromEntries(Object.entries(behaviour).map(([name, field]) => [name, (field as z.ZodType).optional()])) as { [K in keyof typeof behaviour]: z.ZodOptional<(typeof behaviour)[K]> })

const build = z.strictObject({
  writes: behaviour.writes.default('legacy'),
  reads: behaviour.reads.default('legacy'),
  paused: behaviour.paused.default(false),
  order: behaviour.order.default('legacy-first'),
  onLegacyError: behaviour.onLegacyError.default('return'),
  onModernError: behaviour.onModernError.default('return'),
  onReadOnly: behaviour.onReadOnly.default('return'),
  statement: behaviour.statement.default('plain'),
  idempotencyKeys: behaviour.idempotencyKeys.default(false),
  outbox: behaviour.outbox.default(false),
  errorP: behaviour.errorP.default(0),
  flags: z.record(z.string(), z.record(z.string(), changes)).default({}).describe('flags that it asks for, and what each value of one changes; a flag or value that is not here changes nothing').meta({ unit: '', source: 'scenario' }),
})
export type Build = z.output<typeof build>

/** An analysis of a canary: an AnalysisTemplate with one metric of Prometheus, in place. */
const analysis = z.strictObject({
  name: z.string().default('metric'),
  query: z.string(),
  intervalSeconds: z.number().positive().default(60),
  count: z.number().int().min(1).default(1),
  initialDelaySeconds: z.number().min(0).default(0),
  successCondition: z.string().default(''),
  failureCondition: z.string().default(''),
  failureLimit: z.number().int().min(0).default(0),
  inconclusiveLimit: z.number().int().min(0).default(0),
  consecutiveErrorLimit: z.number().int().min(0).default(4),
})

const step = z.union([
  z.strictObject({ setWeight: z.number().min(0).max(100) }),
  z.strictObject({ pause: z.strictObject({ duration: z.string().regex(/^\d+(s|m|h)?$/).optional() }) }),
  z.strictObject({ analysis }),
])

const monitoring = z.strictObject({
  enabled: z.boolean().default(false).describe('a Prometheus scrapes the pods of the program and answers at prometheus:9090').meta({ unit: '', source: 'scenario' }),
  scrapeSeconds: z.number().positive().default(15).describe('scrape_interval').meta({ unit: 's', source: 'prometheus.io configuration: 1m; usual charts 15–30 s' }),
  evaluationSeconds: z.number().positive().default(15).describe('evaluation_interval of the alert rules').meta({ unit: 's', source: 'prometheus.io configuration: 1m; usual charts 15–30 s' }),
  lookbackSeconds: z.number().positive().default(300).describe('query.lookback-delta: a sample that is older is no value').meta({ unit: 's', source: 'prometheus.io querying basics, staleness' }),
  rules: z
    .array(z.strictObject({ alert: z.string(), expr: z.string(), forSeconds: z.number().min(0).default(0) }))
    .default([])
    .describe('alert rules: name, expression, and how long it must hold')
    .meta({ unit: '', source: 'scenario' }),
})

const probability = z.number().min(0).max(1)

export const applicationOptions = z.strictObject({
  engine: z.literal('application').default('application'),
  database: postgresOptions.prefault({}).describe('the databases: the cluster of this section is the legacy one, its `green` the modern one').meta({ unit: '', source: 'scenario' }),
  vitess: vitessOptions.nullable().default(null).describe('two keyspaces of a VitessCluster as the databases instead: the one of this section is the legacy one; `legacy` and `modern` are the keyspaces that the programs name').meta({ unit: '', source: 'scenario' }),
  legacy: z.string().default('blue-db-0.blue-db').describe('host name under which the programs know the legacy database').meta({ unit: '', source: 'scenario' }),
  modern: z.string().default('green-db-0.green-db').describe('host name under which the programs know the modern database').meta({ unit: '', source: 'scenario' }),
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('webapp').describe('name of the program, of its Service and of its `app` label').meta({ unit: '', source: 'seed 001' }),
  controller: z.enum(['rollout', 'deployment']).default('rollout').describe('what keeps its pods: an Argo Rollout with canary steps, or a Deployment').meta({ unit: '', source: 'seed 001' }),
  replicas: z.number().int().min(1).max(64).default(6).describe('pods of the program').meta({ unit: 'pods', source: 'seed 001' }),
  canary: z.array(step).default([]).describe('steps of the Rollout').meta({ unit: '', source: 'Argo Rollouts canary' }),
  trafficRouting: z.boolean().default(false).describe('a mesh or ingress splits requests by weight; false: requests are spread evenly over the Ready pods, so a weight is a share of pods').meta({ unit: '', source: 'VB BG-F24' }),
  image: z.string().default('webapp:2.3.0').describe('build that runs when the story begins').meta({ unit: '', source: 'scenario' }),
  builds: z.record(z.string(), build).default({}).describe('builds of the program by image; one that is not here writes to and reads from legacy').meta({ unit: '', source: 'scenario' }),
  flags: z
    .strictObject({
      configMap: z.string().default('flags').describe('ConfigMap with one key a flag').meta({ unit: '', source: 'VB BG-F26' }),
      values: z.record(z.string(), z.string()).default({}).describe('flags when the story begins').meta({ unit: '', source: 'scenario' }),
      delivery: z.enum(['poll', 'stream']).default('poll').describe('each pod asks on its own, or is told').meta({ unit: '', source: 'VB BG-F26' }),
      pollSeconds: z.number().positive().default(60).describe('pause between two polls of a pod').meta({ unit: 's', source: 'VB BG-F26 (go-feature-flag default, [U])' }),
      streamSeconds: z.number().min(0).default(1).describe('a streamed change arrives within this').meta({ unit: 's', source: 'VB §6 (≤ 1 s)' }),
      missedUpdateP: probability.default(0.001).describe('a pod misses an update until the next one, or until it polls again').meta({ unit: '', source: 'VB §6 [U]' }),
    })
    .prefault({})
    .describe('how flags reach the pods'),
  monitoring: monitoring.prefault({}).describe('what watches the program'),
  writesPerSecond: z.number().positive().default(500).describe('writes of the application; give `load.writesPerSecond` the same').meta({ unit: 'writes/s', source: 'scenario' }),
  keys: z.number().int().min(100).default(1_000_000).describe('keys that are written and deleted').meta({ unit: 'keys', source: 'scenario' }),
  hotKeys: z.number().gt(0).lt(1).default(0.2).describe('share of the keys that are hot').meta({ unit: '', source: 'judgement: 80/20' }),
  hotWrites: z.number().gt(0).lt(1).default(0.8).describe('share of the writes that go to hot keys').meta({ unit: '', source: 'judgement: 80/20' }),
  sampledHot: z.number().int().min(1).max(20_000).default(600).describe('hot keys that are simulated one by one; what they show is extrapolated').meta({ unit: 'keys', source: 'this model' }),
  sampledCold: z.number().int().min(1).max(20_000).default(400).describe('cold keys that are simulated one by one').meta({ unit: 'keys', source: 'this model' }),
  absentShare: probability.default(0.1).describe('share of the keys that have no row when the story begins').meta({ unit: '', source: 'judgement' }),
  deleteShare: probability.default(0.1).describe('share of the operations on a row that delete it').meta({ unit: '', source: 'judgement' }),
  followUpShare: probability.default(0.3).describe('share of the writes that are followed by another on the same key, by another request').meta({ unit: '', source: 'judgement: created and updated, clicked twice' }),
  followUpMs: z.number().positive().default(20).describe('mean time until that one').meta({ unit: 'ms', source: 'judgement' }),
  legMs: distributionSchema.default({ is: 'lognormal', median: 2, p95: 8, max: 500 }).describe('a statement from the call until its answer').meta({ unit: 'ms', source: 'VB §6 (commit 2 ms)' }),
  legacyErrorP: probability.default(0.0001).describe('a statement on the legacy database fails').meta({ unit: '', source: 'VB §6' }),
  modernErrorP: probability.default(0.0001).describe('a statement on the modern database fails').meta({ unit: '', source: 'VB §6' }),
  answerLostP: probability.default(0.0001).describe('a statement is done but its answer does not arrive in time').meta({ unit: '', source: 'VB §6 (timeout rate)' }),
  requestTimeoutSeconds: z.number().positive().default(5).describe('a request is given up after this, with what it has done so far').meta({ unit: 's', source: 'VB §6' }),
  attempts: z.number().int().min(1).max(10).default(3).describe('how often a client tries a write that failed').meta({ unit: '', source: 'VB §6 (2 retries)' }),
  retryMs: z.number().positive().default(500).describe('pause before it tries again').meta({ unit: 'ms', source: 'judgement' }),
  readOnlyRetryMs: z.number().positive().default(100).describe('pause before a program that waits for a database to take writes asks it again').meta({ unit: 'ms', source: 'judgement' }),
  connectionLifeSeconds: z.number().positive().default(1_800).describe('a pooled connection of a pod is opened anew after this age').meta({ unit: 's', source: 'VB §6 (30 min)' }),
  drainSeconds: z.number().min(0).default(5).describe('a pod that is told to stop answers what has come within this and takes nothing new').meta({ unit: 's', source: 'judgement' }),
  startSeconds: z.number().positive().default(5).describe('start of a pod until it serves').meta({ unit: 's', source: 'judgement' }),
  connectors: z
    .array(z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]*$/), replicas: z.number().int().min(0).max(1).default(0), from: side.default('legacy'), to: side.default('modern'), mode: z.enum(['blind', 'versioned']).default('blind') }))
    .default([])
    .describe('Deployments of the image cdc:1, by name')
    .meta({ unit: '', source: 'scenario' }),
  relays: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9-]*$/), replicas: z.number().int().min(0).max(1).default(0), from: side.default('legacy'), to: side.default('modern'), mode: z.enum(['blind', 'versioned']).default('blind'),
        batchRows: z.number().int().min(1).default(100), pollMs: z.number().positive().default(1_000), workers: z.number().int().min(1).max(64).default(1),
      }),
    )
    .default([])
    .describe('Deployments of the image relay:1, by name: at each poll one takes up to batchRows rows of the outbox of `from`, which so many workers apply')
    .meta({ unit: '', source: 'scenario; microservices.io Polling publisher; batch 100, poll 1 s: judgement' }),
  relayRowMs: z.number().positive().default(1).describe('a worker of a relay applies a row in this').meta({ unit: 'ms', source: 'VB §6 (commit 1–3 ms), several rows to a commit: judgement' }),
  cdcLagMs: z.number().min(0).default(500).describe('lag of a connector that keeps up').meta({ unit: 'ms', source: 'VB §6 (0.5 s)' }),
  cdcApplyRatio: z.number().gt(1).default(2).describe('how many times the usual rate a connector applies when it catches up').meta({ unit: '', source: 'VB §6 (apply ratio)' }),
  cdcFlushSeconds: z.number().positive().default(60).describe('pause between two flushes of its offset: what was applied since comes again after a crash').meta({ unit: 's', source: 'VB §6; Debezium offset.flush.interval.ms' }),
  backfillRowsPerSecond: z.number().positive().default(5_000).describe('rows that the backfill job copies').meta({ unit: 'rows/s', source: 'VB §6' }),
  chunkRows: z.number().int().min(1).default(1_000).describe('rows of one chunk of it').meta({ unit: 'rows', source: 'VB §6; gh-ost chunk-size' }),
  checksumRowsPerSecond: z.number().positive().default(50_000).describe('rows that the checksum job compares').meta({ unit: 'rows/s', source: 'judgement' }),
})

export type ApplicationOptions = z.output<typeof applicationOptions>
export type CanaryStep = ApplicationOptions['canary'][number]

const PLAIN: Build = build.parse({})

/** The behaviour of an image; one that the scenario does not describe knows the legacy database only. */
export function buildOf(options: ApplicationOptions, image: string): Build {
  return options.builds[image] ?? PLAIN
}

/** `webapp:2.3.1` → `2.3.1`. */
export function versionOf(image: string): string {
  return image.slice(image.lastIndexOf(':') + 1)
}
