/** The PostgreSQL engine: the one thing that models/index.ts lists. */
import type { Assumption, Cluster, Engine, Problem } from '../../src/engine.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { kubernetesOptions, kubernetesRules } from '../kubernetes/index.ts'
import { PostgresCluster } from './cluster.ts'
import { FAULT_KINDS } from './faults.ts'
import { LAB_KUBERNETES, type PostgresOptions, postgresOptions, TIMING, timingOf } from './options.ts'
import { rules } from './rules.ts'
import { completeSyncNames, parseSyncNames } from './settings.ts'
import { starter } from './starter.ts'
import { memberNames } from './topology.ts'

/** What no schema can say. */
function problems(options: PostgresOptions): readonly Problem[] {
  const found: Problem[] = []
  const standbys = options.members - 1
  if (options.primary >= options.members) found.push({ path: ['primary'], message: `member ${options.primary} does not exist: ${options.members} members are numbered 0 to ${options.members - 1}` })
  const names = parseSyncNames(completeSyncNames(options.synchronousStandbyNames, memberNames(options)))
  if (names !== undefined && 'error' in names) {
    found.push({ path: ['synchronousStandbyNames'], message: `PostgreSQL would not start with this: ${names.error} (a name with a hyphen needs double quotes)` })
  } else if (names !== undefined && names.k > standbys) {
    found.push({ path: ['synchronousStandbyNames'], message: `a quorum of ${names.k} can never be met: there are ${standbys} standbys; use at most ${standbys}` })
  }
  for (const [alias, pod] of Object.entries(options.aliases)) {
    if (!/^[a-z0-9-]+-\d+$/.test(pod)) found.push({ path: ['aliases', alias], message: `\`${pod}\` is no pod name; right would be, for example, ${memberNames(options)[0]}` })
  }
  if (options.upgradedPool !== false && options.targetKubernetesVersion === null) found.push({ path: ['upgradedPool'], message: 'an upgraded pool needs `targetKubernetesVersion`' })
  if (options.upgradedPool !== false) {
    for (const zone of options.upgradedPool.zones ?? []) if (zone > options.zones) found.push({ path: ['upgradedPool', 'zones'], message: `zone ${zone} does not exist: there are ${options.zones}` })
  }
  return found
}

interface Described {
  readonly description?: string
  meta?(): { unit?: string; source?: string } | undefined
}

/** Every option that the user did not set, with the value in force and where it comes from. */
function assumptions(given: Readonly<Record<string, unknown>>, options: PostgresOptions): readonly Assumption[] {
  const result: Assumption[] = []
  for (const [name, field] of Object.entries(postgresOptions.shape) as [keyof PostgresOptions, Described][]) {
    if (name in given || name === 'engine' || name === 'timing' || name === 'kubernetes') continue
    result.push({ option: `cluster.${name}`, value: options[name], meaning: withUnit(field.description ?? '', field.meta?.()?.unit), source: field.meta?.()?.source ?? '' })
  }
  const givenTiming = (given.timing ?? {}) as Record<string, unknown>
  const timing = timingOf(options)
  for (const [name, row] of Object.entries(TIMING)) {
    if (!(name in givenTiming)) result.push({ option: `cluster.timing.${name}`, value: timing[name as keyof typeof timing], meaning: withUnit(row[3], row[2]), source: row[4] })
  }
  const givenKubernetes = (given.kubernetes ?? {}) as Record<string, unknown>
  const lab: Readonly<Record<string, unknown>> = options.profile === 'lab' ? LAB_KUBERNETES : {}
  const defaults: Readonly<Record<string, unknown>> = { ...kubernetesOptions.parse({}), ...lab }
  for (const [name, field] of Object.entries(kubernetesOptions.shape) as [string, Described][]) {
    if (!(name in givenKubernetes)) result.push({ option: `cluster.kubernetes.${name}`, value: defaults[name], meaning: withUnit(field.description ?? '', field.meta?.()?.unit), source: field.meta?.()?.source ?? '' })
  }
  return result
}

function withUnit(text: string, unit: string | undefined): string {
  return unit === undefined || unit === '' ? text : `${text} [${unit}]`
}

/** Members, poolers and services as they are when the runbook begins, and the document's other names for them. */
function names(options: PostgresOptions): readonly string[] {
  const { kubernetes } = new PostgresCluster(new Simulation({ seed: 'names' }), options)
  return [...memberNames(options), ...kubernetes.pods().map(pod => pod.name), ...kubernetes.store.entries('Service').map(([key]) => key), ...Object.keys(options.aliases)]
}

export const postgres: Engine<PostgresOptions> = {
  name: 'postgres',
  title: 'PostgreSQL 12–17 with streaming replication and PgBouncer on Kubernetes (AKS)',
  options: postgresOptions,
  rules: [...rules, ...kubernetesRules.map(rule => ({ ...rule, model: 'Kubernetes (AKS)' }))],
  faultKinds: FAULT_KINDS,
  starter,
  problems,
  assumptions,
  names,
  build: (sim: Simulation, options: PostgresOptions): Cluster => new PostgresCluster(sim, options),
}

export { postgresOptions, type PostgresOptions } from './options.ts'
export { PostgresCluster } from './cluster.ts'
