import { z } from 'zod'
import type { PgType } from '../sql/types.ts'

const TYPES = ['bool', 'int4', 'int8', 'text', 'varchar', 'numeric', 'timestamptz', 'float8'] as const satisfies readonly PgType[]

const release = z.strictObject({
  reads: z.array(z.string()).default([]).describe('columns that its queries name').meta({ unit: '', source: 'scenario' }),
  writes: z.array(z.string()).default([]).describe('columns that its INSERTs and UPDATEs set').meta({ unit: '', source: 'scenario' }),
  migrations: z.record(z.string().regex(/^\d+$/), z.string()).default({}).describe('SQL of each migration that its image brings along, by number').meta({ unit: '', source: 'scenario' }),
})

/** `cluster.application`: the program that the database is for, where its schema is what is upgraded. */
export const applicationOptions = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('web').describe('name of its Deployment, of its Service and of its `app` label').meta({ unit: '', source: 'scenario' }),
  replicas: z.number().int().min(1).max(50).default(6).describe('pods').meta({ unit: 'pods', source: 'seed 001' }),
  image: z.string().default('shop:1').describe('release at the start').meta({ unit: '', source: 'scenario' }),
  targetImage: z.string().nullable().default(null).describe('release that the pods are meant to reach; null = not part of the upgrade').meta({ unit: '', source: 'scenario' }),
  migrateBy: z.enum(['none', 'init-container', 'pre-upgrade', 'post-upgrade']).default('none').describe('who runs `migrate up`: nobody, an init container of each pod, or a hook of the Helm chart before or after the pods roll').meta({ unit: '', source: 'PG-S18; helm.sh charts_hooks' }),
  table: z.string().default('orders').describe('the table that the load reads and writes').meta({ unit: '', source: 'scenario' }),
  columns: z.record(z.string(), z.enum(TYPES)).default({ id: 'int8', customer: 'text', total: 'int4' }).describe('its columns at the start; the first is its key').meta({ unit: '', source: 'scenario' }),
  notNull: z.array(z.string()).default([]).describe('columns that are NOT NULL at the start, beside the key').meta({ unit: '', source: 'scenario' }),
  targetColumns: z.array(z.string()).nullable().default(null).describe('columns that the table is meant to have in the end, `name!` for one that is NOT NULL; null = not part of the upgrade').meta({ unit: '', source: 'scenario' }),
  rows: z.number().int().min(1).default(20_000_000).describe('rows of the table').meta({ unit: 'rows', source: 'judgement' }),
  tableMB: z.number().positive().default(5_000).describe('size of the table').meta({ unit: 'MB', source: 'judgement' }),
  releases: z.record(z.string(), release).default({ 'shop:1': { reads: ['customer'], writes: ['id', 'customer', 'total'], migrations: {} } }).describe('what each release does, by image').meta({ unit: '', source: 'scenario' }),
  lock: z.enum(['none', 'advisory', 'table']).default('advisory').describe('how the migration tool keeps others out: not at all, by an advisory lock of its session, or by a row of a table').meta({ unit: '', source: 'golang-migrate, Flyway: advisory; Liquibase: databasechangeloglock' }),
  lockWaitSeconds: z.number().min(0).default(300).describe('how long the tool waits for that lock; 0 = for ever').meta({ unit: 's', source: 'Liquibase changelogLockWaitTimeInMinutes 5' }),
  lockTimeoutSeconds: z.number().min(0).default(0).describe('lock_timeout that the tool sets before each migration; 0 = none').meta({ unit: 's', source: 'no tool sets one by itself' }),
  startSeconds: z.number().min(0).default(8).describe('from the start of its process until it is ready').meta({ unit: 's', source: 'judgement' }),
  rewriteMBps: z.number().positive().default(60).describe('writing a table anew').meta({ unit: 'MB/s', source: 'judgement: network disks 100–200 MB/s, read and written' }),
  indexMBps: z.number().positive().default(50).describe('building an index, by the size of the table').meta({ unit: 'MB/s', source: 'judgement' }),
  scanMBps: z.number().positive().default(300).describe('reading a table').meta({ unit: 'MB/s', source: 'judgement' }),
  updateRowsPerSecond: z.number().positive().default(20_000).describe('rows that one UPDATE changes').meta({ unit: 'rows/s', source: 'judgement; VB §6 backfill 5 k rows/s' }),
})

export type ApplicationOptions = z.output<typeof applicationOptions>
export type Release = z.output<typeof release>
