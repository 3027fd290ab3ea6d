import { z } from 'zod'
import { distributionSchema } from '../../kubernetes/options.ts'

/** Times of an in-place upgrade. None of them grows with the data: files are linked, not copied. What they hang on is the number of objects and files. */
const times = {
  initdbMs: distributionSchema.default({ is: 'uniform', min: 1_000, max: 4_000 }).describe('initdb of the new data directory, while the old server serves').meta({ unit: 'ms', source: 'judgement' }),
  checkMs: distributionSchema.default({ is: 'uniform', min: 2_000, max: 8_000 }).describe('pg_upgrade --check, while the old server serves').meta({ unit: 'ms', source: 'judgement' }),
  upgradeMs: distributionSchema.default({ is: 'lognormal', median: 10_000, p95: 30_000, max: 300_000 }).describe('pg_upgrade until it links: dump and restore of the schema').meta({ unit: 'ms', source: 'postgres-operator administrator.md: downtime well under a minute; judgement' }),
  linkMs: distributionSchema.default({ is: 'uniform', min: 500, max: 3_000 }).describe('pg_upgrade while it links the files').meta({ unit: 'ms', source: 'judgement' }),
  rsyncMs: distributionSchema.default({ is: 'lognormal', median: 5_000, p95: 20_000, max: 400_000 }).describe('rsync of a replica: links as on the primary, and the new catalogs').meta({ unit: 'ms', source: 'judgement; Spilo gives it 300 s' }),
  patroniMs: distributionSchema.default({ is: 'uniform', min: 2_000, max: 6_000 }).describe('Patroni from its kill until its API answers again').meta({ unit: 'ms', source: 'judgement; Spilo looks for 10 s' }),
  analyzeMs: distributionSchema.default({ is: 'lognormal', median: 60_000, p95: 300_000, max: 3_600_000 }).describe('vacuumdb --analyze-in-stages and what follows').meta({ unit: 'ms', source: 'judgement' }),
}

/** `cluster.patroni.spilo`: an image that holds several versions of PostgreSQL. */
const spilo = z.strictObject({
  versions: z.array(z.string().regex(/^\d+\.\d+$/)).min(1).describe('versions of PostgreSQL in the image, one a major').meta({ unit: '', source: 'Spilo Dockerfile' }),
  version: z.string().regex(/^\d+$/).describe('major version of the database when the story begins, and of the `postgresql` object').meta({ unit: '', source: 'scenario' }),
  targetVersion: z.string().regex(/^\d+$/).nullable().default(null).describe('major version that the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  ...times,
})

/** `cluster.patroni`: an HA manager in each member's container, with its state in the Kubernetes API. */
export const patroniOptions = z.strictObject({
  ttlSeconds: z.number().min(20).default(30).describe('ttl: how long a leader key that nobody renews is valid').meta({ unit: 's', source: 'Patroni dynamic_configuration.rst' }),
  loopWaitSeconds: z.number().min(1).default(10).describe('loop_wait: time between two looks of each member').meta({ unit: 's', source: 'Patroni dynamic_configuration.rst' }),
  retryTimeoutSeconds: z.number().min(3).default(10).describe('retry_timeout: how long a failing call to the API is tried again before the leader gives up').meta({ unit: 's', source: 'Patroni dynamic_configuration.rst' }),
  maximumLagOnFailoverMB: z.number().min(0).default(1).describe('maximum_lag_on_failover: a member that lacks more of what the leader last told is no candidate').meta({ unit: 'MB', source: 'Patroni: 1 MiB' }),
  memberSlotsTtlSeconds: z.number().min(0).default(1800).describe('member_slots_ttl: how long the slot of a member that is gone is kept; 0 = not at all, as before Patroni 4').meta({ unit: 's', source: 'Patroni dynamic_configuration.rst: 30min' }),
  synchronousMode: z.boolean().default(false).describe('synchronous_mode: one standby is synchronous, and only it may be promoted; without one, writes go on').meta({ unit: '', source: 'Patroni replication_modes.rst' }),
  failsafeMode: z.boolean().default(false).describe('failsafe_mode: a leader without the API goes on as long as all members answer it').meta({ unit: '', source: 'Patroni dcs_failsafe_mode.rst' }),
  operator: z.boolean().default(true).describe('a Zalando postgres-operator owns the StatefulSet and follows the `postgresql` object').meta({ unit: '', source: 'postgres-operator administrator.md' }),
  majorVersionUpgradeMode: z.enum(['off', 'manual']).default('off').describe('major_version_upgrade_mode: manual = another version in the object is an in-place upgrade; off = a rolling restart').meta({ unit: '', source: 'postgres-operator v1.9: off; today: manual' }),
  resyncMinutes: z.number().min(1).default(30).describe('resync_period: what the operator skipped it looks at again then').meta({ unit: 'min', source: 'postgres-operator operator_parameters.md' }),
  spilo: z.union([z.literal(false), spilo]).default(false).describe('the image is a Spilo: it holds several versions of PostgreSQL, and a database keeps that of its data; false: it holds the version in its name').meta({ unit: '', source: 'Spilo' }),
  podLabelWaitSeconds: z.number().min(1).default(600).describe('pod_label_wait_timeout: how long the operator waits for a new pod to have a role').meta({ unit: 's', source: 'postgres-operator operator_parameters.md' }),
})

export type PatroniOptions = z.output<typeof patroniOptions>
export type SpiloOptions = z.output<typeof spilo>

/** The version in a Spilo's image that a major means: `17` → `17.5`. */
export function binaryOf({ versions }: SpiloOptions, major: string): string | undefined {
  return versions.find(version => version.startsWith(`${major}.`))
}
