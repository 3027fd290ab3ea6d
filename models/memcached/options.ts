/** The `cluster:` section of a Memcached scenario: few options, for a small model. */
import { z } from 'zod'
import type { AssumptionRange } from '../../src/engine.ts'
import { kubernetesOptions } from '../kubernetes/options.ts'

export const memcachedOptions = z.strictObject({
  engine: z.literal('memcached').default('memcached'),
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('memcached').describe('name of the StatefulSet, of its headless Service and of the `app` label').meta({ unit: '', source: 'scenario' }),
  members: z.number().int().min(1).max(16).default(4).describe('cache servers; none knows of the others').meta({ unit: 'members', source: 'scenario' }),
  image: z.string().default('memcached:1.6.21-alpine').describe('image at the start').meta({ unit: '', source: 'scenario' }),
  targetImage: z.string().nullable().default('memcached:1.6.31-alpine').describe('image the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  hashing: z.enum(['ketama', 'modulo']).default('ketama').describe('how clients choose the server of a key: on a ring of points, or by the remainder of its hash').meta({ unit: '', source: 'memcached wiki, clients; libmemcached distributions' }),
  onFailure: z.enum(['miss', 'eject']).default('miss').describe('a server that is away: its keys are misses, or clients take it off the list and hash its keys to the others').meta({ unit: '', source: 'memcached wiki, configuring clients; twemproxy auto_eject_hosts' }),
  readsPerSecond: z.number().positive().default(5_000).describe('reads that the application asks the cache for; give `load.readsPerSecond` the same').meta({ unit: 'reads/s', source: 'scenario' }),
  writesPerSecond: z.number().min(0).default(100).describe('writes of the application, which go to the database; give `load.writesPerSecond` the same').meta({ unit: 'writes/s', source: 'scenario' }),
  databasePerSecond: z.number().positive().default(2_000).describe('operations that the backing database can answer').meta({ unit: 'operations/s', source: 'judgement: some times its usual load behind a warm cache' }),
  hitShare: z.number().min(0.01).max(1).default(0.95).describe('share of hits when the cache is warm; the rest are entries expired, evicted or deleted by a write').meta({ unit: '', source: 'judgement' }),
  keys: z.number().positive().default(400_000).describe('keys that are asked for').meta({ unit: 'keys', source: 'scenario' }),
  hotKeys: z.number().gt(0).max(1).default(0.2).describe('share of the keys that are hot').meta({ unit: '', source: 'judgement: 80/20' }),
  hotReads: z.number().min(0).max(1).default(0.8).describe('share of the reads that ask for hot keys').meta({ unit: '', source: 'judgement: 80/20' }),
  updateStrategy: z.enum(['RollingUpdate', 'OnDelete']).default('RollingUpdate').describe('updateStrategy of the StatefulSet').meta({ unit: '', source: 'K8s default' }),
  terminationGraceSeconds: z.number().int().min(1).default(30).describe('terminationGracePeriodSeconds').meta({ unit: 's', source: 'K8s default' }),
  startSeconds: z.number().positive().default(0.2).describe('start of a server until it answers').meta({ unit: 's', source: 'judgement: it has nothing to load' }),
  kubernetesVersion: z.string().default('1.28.9').describe('version of the nodes').meta({ unit: '', source: 'scenario' }),
  zones: z.number().int().min(1).max(6).default(3).describe('availability zones').meta({ unit: 'zones', source: 'scenario' }),
  spareNodes: z.number().int().min(0).max(8).default(1).describe('nodes beyond one for each member').meta({ unit: 'nodes', source: 'judgement' }),
  dollarsPerNodeHour: z.number().min(0).default(0.384).describe('price of a node').meta({ unit: '$/h', source: 'Azure D8s v5 list price' }),
  kubernetes: kubernetesOptions.partial().default({}).describe('numbers of the Kubernetes model'),
})

export type MemcachedOptions = z.output<typeof memcachedOptions>

/** Within what the judgements may plausibly differ. */
export const RANGES: Partial<Record<keyof MemcachedOptions, AssumptionRange>> = {
  databasePerSecond: { low: 500, high: 10_000, source: '[J] just above the usual load, or enough for all reads' },
  hitShare: { low: 0.8, high: 0.99, source: '[J]' },
  hotKeys: { low: 0.05, high: 0.5, source: '[J]' },
  hotReads: { low: 0.5, high: 0.95, source: '[J]' },
  startSeconds: { low: 0.05, high: 2, source: '[J] preallocated memory takes longer' },
  hashing: { values: ['ketama', 'modulo'], source: 'client libraries offer both' },
  onFailure: { values: ['miss', 'eject'], source: 'client libraries offer both' },
}

export function versionOf(image: string): string {
  return /:(?:.*?)(\d+(?:\.\d+)*)/.exec(image)?.[1] ?? '0'
}
