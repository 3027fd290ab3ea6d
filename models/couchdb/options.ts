/** The `cluster:` section of a CouchDB scenario: few options, for a small model. */
import { z } from 'zod'
import type { Distribution } from '../../src/kernel/index.ts'
import { kubernetesOptions } from '../kubernetes/options.ts'

export const couchdbOptions = z.strictObject({
  engine: z.literal('couchdb').default('couchdb'),
  name: z.string().regex(/^[a-z][a-z0-9-]*$/).default('couchdb').describe('name of the StatefulSet, of its headless Service and of the `app` label').meta({ unit: '', source: 'scenario' }),
  service: z.string().default('couchdb-svc').describe('the Service that clients use').meta({ unit: '', source: 'scenario' }),
  members: z.number().int().min(1).max(9).default(3).describe('nodes; each holds a copy of every shard (n = members)').meta({ unit: 'members', source: 'CouchDB default n=3' }),
  w: z.number().int().min(1).max(9).default(2).describe('write quorum: copies that answer before 201 Created').meta({ unit: 'copies', source: 'CouchDB default: a majority of n' }),
  image: z.string().default('couchdb:3.3.3').describe('image at the start').meta({ unit: '', source: 'scenario' }),
  targetImage: z.string().nullable().default('couchdb:3.4.2').describe('image the upgrade is meant to reach; null = not part of it').meta({ unit: '', source: 'scenario' }),
  kubernetesVersion: z.string().default('1.28.9').describe('version of the nodes').meta({ unit: '', source: 'scenario' }),
  zones: z.number().int().min(1).max(6).default(3).describe('availability zones').meta({ unit: 'zones', source: 'scenario' }),
  spareNodes: z.number().int().min(0).max(8).default(1).describe('nodes beyond one for each member').meta({ unit: 'nodes', source: 'judgement' }),
  updateStrategy: z.enum(['RollingUpdate', 'OnDelete']).default('RollingUpdate').describe('updateStrategy of the StatefulSet').meta({ unit: '', source: 'K8s default' }),
  terminationGraceSeconds: z.number().int().min(1).default(30).describe('terminationGracePeriodSeconds').meta({ unit: 's', source: 'K8s default' }),
  databaseMB: z.number().positive().default(5_000).describe('size of the data').meta({ unit: 'MB', source: 'judgement' }),
  diskMB: z.number().positive().default(100_000).describe('size of each data volume').meta({ unit: 'MB', source: 'judgement' }),
  startSeconds: z.number().positive().default(4).describe('start of a node until it answers /_up').meta({ unit: 's', source: 'judgement: an Erlang release starts in seconds' }),
  syncMBps: z.number().positive().default(40).describe('internal replication to a node that was away').meta({ unit: 'MB/s', source: 'judgement' }),
  dollarsPerNodeHour: z.number().min(0).default(0.384).describe('price of a node').meta({ unit: '$/h', source: 'Azure D8s v5 list price' }),
  kubernetes: kubernetesOptions.partial().default({}).describe('numbers of the Kubernetes model'),
})

export type CouchdbOptions = z.output<typeof couchdbOptions>

/** What a write takes on a node, fsync included. Source: judgement, network disks. */
export const COMMIT: Distribution = { is: 'uniform', min: 3, max: 10 }

export function versionOf(image: string): string {
  return /:(?!.*\/).*?(\d+(?:\.\d+)*)/.exec(image)?.[1] ?? '0'
}
