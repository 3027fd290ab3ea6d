/** The CouchDB engine: a small model of a quorum cluster, for the list entry that calls it a database with a primary. */
import type { Assumption, Cluster, Engine, FaultKind, Rule } from '../../src/engine.ts'
import type { Simulation } from '../../src/kernel/index.ts'
import { kubernetesRules } from '../kubernetes/index.ts'
import { CouchdbCluster } from './cluster.ts'
import { type CouchdbOptions, couchdbOptions } from './options.ts'

const rule = (id: string, statement: string, source: string): Rule => ({ id, statement, source, test: 'test/couchdb/couchdb.test.ts' })

export const rules: readonly Rule[] = [
  rule('CD-WRITE-1', 'There is no primary: any node takes a write and sends it to all copies of the shard.', 'CouchDB documentation, cluster theory'),
  rule('CD-WRITE-2', 'A write is answered when w copies have it (201), or all within reach if they are fewer (202 Accepted); one copy is enough to go on.', 'CouchDB documentation, cluster theory'),
  rule('CD-SYNC-1', 'A node that was away gets what it missed by internal replication; an empty one gets everything.', 'CouchDB documentation, cluster sharding'),
  rule('CD-TRUTH-1', 'Where the tool asks for a leader, the first node that takes part stands for all: nothing can split, nothing is promoted.', 'this model'),
]

const FAULTS: readonly FaultKind[] = [
  'process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'partition', 'api-server-away', 'image-pull-slow', 'operator-killed', 'load-spike',
  'clock-jump', 'eviction', 'node-pressure', 'endpoints-stale', 'attach-slow', 'surge-missing', 'probe-flapping', 'pdb-blocking', 'controller-down',
]

export const couchdb: Engine<CouchdbOptions> = {
  name: 'couchdb',
  title: 'CouchDB 3 clusters (quorum writes, no primary) on Kubernetes',
  options: couchdbOptions,
  rules: [...rules, ...kubernetesRules.map(r => ({ ...r, model: 'Kubernetes (AKS)' }))],
  faultKinds: FAULTS,
  starter: {
    'upgrade.yaml': `format: 1
title: Our CouchDB upgrade
cluster: { engine: couchdb, members: 3 }
load: { writesPerSecond: 200 }
runbook: ./upgrade.runbook.yaml
claims: { writeDowntimeSeconds: 10s }
objectives:
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
deadline: 2h
`,
    'upgrade.runbook.yaml': `format: 1
title: Roll the new image out
steps:
  - id: image
    run: >-
      kubectl patch statefulset couchdb --patch
      '{"spec":{"template":{"spec":{"containers":[{"name":"couchdb","image":"couchdb:3.4.2"}]}}}}'
  - id: rolled
    run: kubectl rollout status statefulset/couchdb --timeout=1h
`,
  },
  problems: options => (options.w > options.members ? [{ path: ['w'], message: `a write quorum of ${options.w} can never be met by ${options.members} copies` }] : []),
  assumptions(given, options): readonly Assumption[] {
    const result: Assumption[] = []
    for (const [name, field] of Object.entries(couchdbOptions.shape) as [keyof CouchdbOptions, { description?: string; meta?(): { source?: string } | undefined }][]) {
      if (!(name in given) && name !== 'engine' && name !== 'kubernetes') result.push({ option: `cluster.${name}`, value: options[name], meaning: field.description ?? '', source: field.meta?.()?.source ?? '' })
    }
    return result
  },
  shrinks: ({ members, spareNodes, zones }) => [
    { path: ['members'], candidates: Array.from({ length: members - 1 }, (_, i) => i + 1) },
    { path: ['spareNodes'], candidates: Array.from({ length: spareNodes }, (_, i) => i) },
    { path: ['zones'], candidates: Array.from({ length: zones - 1 }, (_, i) => i + 1) },
  ],
  build: (sim: Simulation, options: CouchdbOptions): Cluster => new CouchdbCluster(sim, options),
}

export { CouchdbCluster } from './cluster.ts'
export { couchdbOptions, type CouchdbOptions } from './options.ts'
