/** The application engine: programs that write to two databases, on the way from one to the other. */
import type { Assumption, Cluster, Engine, FaultKind, Problem } from '../../src/engine.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { kubernetesRules, PLATFORM_KINDS } from '../kubernetes/index.ts'
import { postgres } from '../postgres/index.ts'
import { rules as postgresRules } from '../postgres/rules.ts'
import { vitess, type VitessOptions } from '../vitess/index.ts'
import { ApplicationCluster } from './cluster.ts'
import { parseCondition } from './monitoring/analysis.ts'
import { parseQuery } from './monitoring/promql.ts'
import { type ApplicationOptions, applicationOptions } from './options.ts'
import { RANGES } from './ranges.ts'
import { rules } from './rules.ts'
import { starter } from './starter.ts'

/** Kinds that strike the platform, the databases or the programs. What only a standby or a pooler has is not among them. */
const FAULT_KINDS: readonly FaultKind[] = [
  'process-crash', 'process-kill', 'process-pause', 'node-loss', 'node-loss-with-volume', 'zone-outage', 'partition', 'partition-inbound', 'partition-outbound',
  'api-server-away', 'image-pull-slow', 'operator-killed', 'load-spike', 'coordinator-away', 'replay-stall', ...PLATFORM_KINDS,
]

function problems(options: ApplicationOptions): readonly Problem[] {
  const found: Problem[] = beneath(options).problems.map(({ path, message }) => ({ path: [beneath(options).section, ...path], message }))
  if (options.vitess !== null) found.push(...onVitess(options, options.vitess))
  else if (options.database.green === false) found.push({ path: ['database', 'green'], message: 'the modern database is the `green` one: right would be, for example, { name: green-db, replicas: 1, readOnly: false }' })
  if (options.vitess === null && options.database.pooler !== false) found.push({ path: ['database', 'pooler'], message: 'the programs connect to the databases themselves: right would be false' })
  for (const [image, build] of Object.entries(options.builds)) {
    const shapes = [build, ...Object.values(build.flags).flatMap(values => Object.values(values).map(changes => ({ ...build, ...Object.fromEntries(Object.entries(changes).filter(([, v]) => v !== undefined)) })))]
    if (shapes.some(({ writes, statement, order }) => writes === 'both' && statement === 'versioned' && order === 'modern-first')) {
      found.push({ path: ['builds', image, 'order'], message: 'versions come from the legacy database, so a versioned write to both begins there: right would be legacy-first' })
    }
  }
  found.push(...monitoringProblems(options))
  for (const [which, count, all] of [['sampledHot', options.sampledHot, options.keys * options.hotKeys], ['sampledCold', options.sampledCold, options.keys * (1 - options.hotKeys)]] as const) {
    if (count > all) found.push({ path: [which], message: `${count} keys cannot be sampled of ${Math.floor(all)}` })
  }
  return found
}

/** The databases' own section, and what their engine says of it. */
function beneath({ vitess: fleet, database }: ApplicationOptions): { readonly section: 'vitess' | 'database'; readonly problems: readonly Problem[]; readonly assumptions: (given: Readonly<Record<string, unknown>>) => readonly Assumption[]; readonly names: () => readonly string[] } {
  if (fleet !== null) return { section: 'vitess', problems: vitess.problems(fleet), assumptions: given => vitess.assumptions(given, fleet), names: () => vitess.names?.(fleet) ?? [] }
  return { section: 'database', problems: postgres.problems(database), assumptions: given => postgres.assumptions(given, database), names: () => postgres.names?.(database) ?? [] }
}

function onVitess({ legacy, modern }: ApplicationOptions, { keyspace, fleet, tabletsPerShard }: VitessOptions): readonly Problem[] {
  const found: Problem[] = []
  if (fleet !== tabletsPerShard) found.push({ path: ['vitess', 'fleet'], message: `the rows of the programs lie in one shard: right would be ${tabletsPerShard}` })
  if (legacy !== keyspace) found.push({ path: ['legacy'], message: `the legacy database is the keyspace of the cluster: right would be ${keyspace}` })
  if (modern === legacy || !/^[a-z][a-z0-9_]*$/.test(modern)) found.push({ path: ['modern'], message: `the modern database is another keyspace: right would be, for example, ${keyspace}green` })
  return found
}

/** Queries and conditions that cannot be read, and an analysis that has nobody to ask. */
function monitoringProblems({ canary, monitoring }: ApplicationOptions): readonly Problem[] {
  const found: Problem[] = []
  const read = (path: readonly (string | number)[], parse: () => unknown): void => {
    try {
      parse()
    } catch (error) {
      found.push({ path, message: (error as Error).message })
    }
  }
  for (const [i, { expr }] of monitoring.rules.entries()) read(['monitoring', 'rules', i, 'expr'], () => parseQuery(expr))
  for (const [i, step] of canary.entries()) {
    if (!('analysis' in step)) continue
    if (!monitoring.enabled) found.push({ path: ['canary', i, 'analysis'], message: 'an analysis asks Prometheus: right would be monitoring: { enabled: true }' })
    read(['canary', i, 'analysis', 'query'], () => parseQuery(step.analysis.query))
    for (const which of ['successCondition', 'failureCondition'] as const) if (step.analysis[which] !== '') read(['canary', i, 'analysis', which], () => parseCondition(step.analysis[which]))
  }
  return found
}

function assumptions(given: Readonly<Record<string, unknown>>, options: ApplicationOptions): readonly Assumption[] {
  const result: Assumption[] = []
  for (const [name, field] of Object.entries(applicationOptions.shape) as [keyof ApplicationOptions, { description?: string; meta?(): { unit?: string; source?: string } | undefined }][]) {
    if (name in given || name === 'engine' || name === 'database' || name === 'vitess') continue
    const { unit = '', source = '' } = field.meta?.() ?? {}
    const range = RANGES[name]
    result.push({ option: `cluster.${name}`, value: options[name], meaning: unit === '' ? (field.description ?? '') : `${field.description ?? ''} [${unit}]`, source, ...(range === undefined ? {} : { range }) })
  }
  const { section, assumptions: theirs } = beneath(options)
  return [...result, ...theirs((given[section] ?? {}) as Record<string, unknown>).map(each => ({ ...each, option: each.option.replace(/^cluster\./, `cluster.${section}.`) }))]
}

export const application: Engine<ApplicationOptions> = {
  name: 'application',
  title: 'A program that writes to two databases, on the way from one to the other, on Kubernetes',
  options: applicationOptions,
  rules: [...rules, ...postgresRules.map(rule => ({ ...rule, model: 'PostgreSQL' })), ...kubernetesRules.map(rule => ({ ...rule, model: 'Kubernetes (AKS)' }))],
  faultKinds: FAULT_KINDS,
  starter,
  problems,
  assumptions,
  names: options => {
    const cluster = new ApplicationCluster(new Simulation({ seed: 'names' }), options)
    return [...beneath(options).names(), options.name, ...cluster.kubernetes.store.entries('Service').map(([key]) => key)]
  },
  shrinks: ({ replicas, sampledHot, sampledCold }) => [
    { path: ['replicas'], candidates: Array.from({ length: replicas - 1 }, (_, i) => i + 1) },
    { path: ['sampledCold'], candidates: sampledCold > 50 ? [50] : [] },
    { path: ['sampledHot'], candidates: sampledHot > 50 ? [50] : [] },
  ],
  build: (sim: Simulation, options: ApplicationOptions): Cluster => new ApplicationCluster(sim, options),
}

export { ApplicationCluster } from './cluster.ts'
export { applicationOptions, type ApplicationOptions } from './options.ts'
