/** The PostgreSQL engine: the one thing that models/index.ts lists. */
import type { Assumption, AssumptionRange, Cluster, Engine, Problem } from '../../src/engine.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { KUBERNETES_RANGES, type KubernetesOptions, kubernetesOptions, kubernetesRules } from '../kubernetes/index.ts'
import { safeBeside } from './beside.ts'
import { PostgresCluster } from './cluster.ts'
import { FAULT_KINDS } from './faults.ts'
import { LAB_KUBERNETES, type PostgresOptions, postgresOptions, TIMING, type TimingName, timingOf } from './options.ts'
import { versionOf } from './names.ts'
import { binaryOf, type PatroniOptions } from './patroni/options.ts'
import { OPTION_RANGES, TIMING_RANGES } from './ranges.ts'
import { remedies } from './remedies.ts'
import { rules } from './rules.ts'
import { completeSyncNames, parseSyncNames } from './settings.ts'
import { sizes } from './sizes.ts'
import { starter } from './starter.ts'
import { memberNames } from './topology.ts'

/** What no schema can say. */
function problems(options: PostgresOptions): readonly Problem[] {
  const found: Problem[] = []
  for (const key of ['image', 'targetImage'] as const) {
    const image = options[key]
    if (image !== null && versionOf(image) === '0') found.push({ path: [key], message: `\`${image}\` names no version; right would be, for example, postgres:15.8` })
  }
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
  if (options.databaseMB >= options.diskMB) found.push({ path: ['databaseMB'], message: `a database of ${options.databaseMB} MB does not fit on a volume of ${options.diskMB} MB; say how large the volumes are, for example diskMB: ${2 * options.databaseMB}` })
  if (options.patroni !== false) found.push(...spiloProblems(options.patroni))
  if (options.managed !== false && options.members !== 1) found.push({ path: ['members'], message: `of a managed service one instance is modelled, and green is as large: right would be 1, not ${options.members}` })
  if (options.managed !== false && options.green === false) found.push({ path: ['managed'], message: 'a managed blue/green deployment needs `green`: where its second instance is to be' })
  if (options.green !== false && options.green.standbys && options.patroni !== false) found.push({ path: ['green', 'standbys'], message: 'standbys of green beside an HA manager are not modelled: set `patroni: false`, or leave green its one pod' })
  if (options.upgradedPool !== false && options.targetKubernetesVersion === null) found.push({ path: ['upgradedPool'], message: 'an upgraded pool needs `targetKubernetesVersion`' })
  if (options.upgradedPool !== false) {
    for (const zone of options.upgradedPool.zones ?? []) if (zone > options.zones) found.push({ path: ['upgradedPool', 'zones'], message: `zone ${zone} does not exist: there are ${options.zones}` })
  }
  return found
}

/** What an image with several versions must hold. */
function spiloProblems({ spilo, majorVersionUpgradeMode }: PatroniOptions): readonly Problem[] {
  const at = (...path: string[]): string[] => ['patroni', ...path]
  if (spilo === false) return majorVersionUpgradeMode === 'off' ? [] : [{ path: at('majorVersionUpgradeMode'), message: 'an in-place upgrade needs an image with both versions: right would be, for example, spilo: { versions: ["16.9", "17.5"], version: "16", targetVersion: "17" }' }]
  const missing = ([['version', spilo.version], ['targetVersion', spilo.targetVersion]] as const).filter(([, major]) => major !== null && binaryOf(spilo, major) === undefined)
  const found: Problem[] = missing.map(([name, major]) => ({ path: at('spilo', name), message: `the image has no version ${major}: \`versions\` has ${spilo.versions.join(', ')}` }))
  if (spilo.targetVersion !== null && Number(spilo.targetVersion) <= Number(spilo.version)) found.push({ path: at('spilo', 'targetVersion'), message: `${spilo.targetVersion} is not above ${spilo.version}, and there is no way down` })
  return found
}

interface Described {
  readonly description?: string
  meta?(): { unit?: string; source?: string } | undefined
}

/** Every option that the user did not set, with the value in force, where it comes from and within what it may differ. */
function assumptions(given: Readonly<Record<string, unknown>>, options: PostgresOptions): readonly Assumption[] {
  const result: Assumption[] = []
  const lab = options.profile === 'lab'
  const add = (option: string, value: unknown, field: Words, range: AssumptionRange | undefined): void => {
    const { meaning, unit, source } = field
    result.push({ option: `cluster.${option}`, value, meaning: withUnit(meaning, unit), source, ...(range === undefined ? {} : { range }) })
  }
  for (const [name, field] of Object.entries(postgresOptions.shape) as [keyof PostgresOptions, Described][]) {
    if (name in given || name === 'engine' || name === 'timing' || name === 'kubernetes') continue
    add(name, options[name], words(field), possible(name, options))
  }
  const timing = timingOf(options)
  for (const [name, row] of Object.entries(TIMING) as [TimingName, (typeof TIMING)[TimingName]][]) {
    if (!(name in options.timing)) add(`timing.${name}`, timing[name], { meaning: row[3], unit: row[2], source: row[4] }, lab ? undefined : TIMING_RANGES[name])
  }
  const defaults: Readonly<Record<string, unknown>> = { ...kubernetesOptions.parse({}), ...(lab ? LAB_KUBERNETES : {}) }
  for (const [name, field] of Object.entries(kubernetesOptions.shape) as [keyof KubernetesOptions, Described][]) {
    if (!(name in options.kubernetes)) add(`kubernetes.${name}`, defaults[name], words(field), lab ? undefined : KUBERNETES_RANGES[name])
  }
  return result
}

/** The range of an option, without the values that would be wrong in this cluster (a quorum of one where there is no standby). */
function possible(name: keyof PostgresOptions, options: PostgresOptions): AssumptionRange | undefined {
  const range = OPTION_RANGES[name]
  if (range?.values === undefined) return range
  const values = range.values.filter(value => problems({ ...options, [name]: value } as PostgresOptions).length === 0)
  return values.length > 1 ? { values, source: range.source } : undefined
}

interface Words {
  readonly meaning: string
  readonly unit: string | undefined
  readonly source: string
}

function words(field: Described): Words {
  const meta = field.meta?.()
  return { meaning: field.description ?? '', unit: meta?.unit, source: meta?.source ?? '' }
}

function withUnit(text: string, unit: string | undefined): string {
  return unit === undefined || unit === '' ? text : `${text} [${unit}]`
}

/** Members, poolers and services as they are when the runbook begins, and the document's other names for them. */
function names(options: PostgresOptions): readonly string[] {
  const { kubernetes } = new PostgresCluster(new Simulation({ seed: 'names' }), options)
  // A green cluster is scaled up on the way.
  const green = options.green === false ? [] : Array.from({ length: Math.max(3, options.members) }, (_, i) => `${(options.green as { name: string }).name}-${i}`)
  return [...memberNames(options), ...green, ...kubernetes.pods().map(pod => pod.name), ...kubernetes.store.entries('Service').map(([key]) => key), ...Object.keys(options.aliases)]
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
  // A pool that was bought for the upgrade says as much as the version does.
  assumedTargets: given => ('targetKubernetesVersion' in given || 'upgradedPool' in given ? [] : ['node']),
  names,
  shrinks: sizes,
  safeBeside,
  remedies,
  build: (sim: Simulation, options: PostgresOptions): Cluster => new PostgresCluster(sim, options),
}

export { postgresOptions, type PostgresOptions } from './options.ts'
export { PostgresCluster } from './cluster.ts'
