/** The Memcached engine: caches that lose what they hold, in front of a database that cannot answer everything. */
import type { Assumption, Cluster, Engine, FaultKind, Rule } from '../../src/engine.ts'
import type { Simulation } from '../../src/kernel/index.ts'
import { kubernetesRules } from '../kubernetes/index.ts'
import { MemcachedCluster } from './cluster.ts'
import { type MemcachedOptions, memcachedOptions, RANGES } from './options.ts'

const rule = (id: string, statement: string, source: string): Rule => ({ id, statement, source, test: 'test/memcached/memcached.test.ts' })

export const rules: readonly Rule[] = [
  rule('MC-SHARE-1', 'Servers do not know of each other and copy nothing: a server whose process ends has lost its share of the cache; one that is only out of reach has not.', 'memcached wiki, Overview; facts EM-T05'),
  rule('MC-HASH-1', 'On a ring (ketama) the keys of a server that is taken off the list go to the others, and no other key moves.', 'libmemcached documentation, distribution ketama'),
  rule('MC-HASH-2', 'By remainder, a list with one server fewer leaves 1/n of all keys where they were.', 'memcached wiki, ConfiguringClient; arithmetic of remainders'),
  rule('MC-HASH-3', 'Clients that do not take a dead server off the list miss all its keys while it is away, and cannot store them.', 'twemproxy notes, auto_eject_hosts false'),
  rule('MC-FILL-1', 'A missing key is stored by the first read of it that the database answers: what is missing falls exponentially, hot keys first.', 'memcached wiki, cache-aside use; Poisson arrivals'),
  rule('MC-STORM-1', 'Misses and writes go to the database. When they are more than it can answer, the share of operations that goes through is its capacity over what is wanted; the rest wait for their time-out.', "Little's law for clients with a limited number of workers"),
  rule('MC-DATA-1', 'Acknowledged writes are in the database: no cache that is emptied loses one.', 'memcached wiki, Overview'),
  rule('MC-STATS-1', 'stats counts since the start of the process; lines end in CR LF.', 'memcached protocol.txt'),
  rule('MC-TRUTH-1', 'Where the tool asks for a leader, the first server that runs stands for all; a server has caught up when its hits are nine tenths of a warm one’s.', 'this model'),
]

const FAULTS: readonly FaultKind[] = [
  'process-kill', 'process-pause', 'node-loss', 'partition', 'api-server-away', 'image-pull-slow', 'operator-killed',
  'clock-jump', 'eviction', 'node-pressure', 'surge-missing', 'probe-flapping', 'pdb-blocking', 'controller-down',
]

export const memcached: Engine<MemcachedOptions> = {
  name: 'memcached',
  title: 'Memcached servers in front of a database, on Kubernetes',
  options: memcachedOptions,
  rules: [...rules, ...kubernetesRules.map(r => ({ ...r, model: 'Kubernetes (AKS)' }))],
  faultKinds: FAULTS,
  starter: {
    'upgrade.yaml': `format: 1
title: Our Memcached upgrade
cluster:
  engine: memcached
  members: 4
  # What the application asks for: the same figures as under load.
  readsPerSecond: 5000
  writesPerSecond: 100
  # What the database behind the caches can answer.
  databasePerSecond: 2000
load: { readsPerSecond: 5000, writesPerSecond: 100, cohorts: 20 }
runbook: ./upgrade.runbook.yaml
claims: { readDowntimeSeconds: 0s }
objectives:
  - { measure: readDowntimeSeconds, at: p99, max: 1s }
  - { measure: lostAcknowledgedWrites, at: max, max: 0 }
deadline: 2h
`,
    'upgrade.runbook.yaml': `format: 1
title: Roll the new image out
steps:
  - id: image
    run: >-
      kubectl patch statefulset memcached --patch
      '{"spec":{"template":{"spec":{"containers":[{"name":"memcached","image":"memcached:1.6.31-alpine"}]}}}}'
  - id: rolled
    run: kubectl rollout status statefulset/memcached --timeout=1h
`,
  },
  problems: ({ writesPerSecond, readsPerSecond, hitShare, databasePerSecond }) => {
    const usual = readsPerSecond * (1 - hitShare) + writesPerSecond
    return usual > databasePerSecond ? [{ path: ['databasePerSecond'], message: `the database answers ${databasePerSecond} operations a second, but ${Math.ceil(usual)} reach it behind warm caches: nothing would ever recover` }] : []
  },
  assumptions(given, options): readonly Assumption[] {
    const result: Assumption[] = []
    for (const [name, field] of Object.entries(memcachedOptions.shape) as [keyof MemcachedOptions, { description?: string; meta?(): { source?: string } | undefined }][]) {
      if (name in given || name === 'engine' || name === 'kubernetes') continue
      const range = RANGES[name]
      result.push({ option: `cluster.${name}`, value: options[name], meaning: field.description ?? '', source: field.meta?.()?.source ?? '', ...(range === undefined ? {} : { range }) })
    }
    return result
  },
  shrinks: ({ members, spareNodes, zones }) => [
    { path: ['members'], candidates: Array.from({ length: members - 1 }, (_, i) => i + 1) },
    { path: ['spareNodes'], candidates: Array.from({ length: spareNodes }, (_, i) => i) },
    { path: ['zones'], candidates: Array.from({ length: zones - 1 }, (_, i) => i + 1) },
  ],
  build: (sim: Simulation, options: MemcachedOptions): Cluster => new MemcachedCluster(sim, options),
}

export { MemcachedCluster } from './cluster.ts'
export { memcachedOptions, type MemcachedOptions } from './options.ts'
