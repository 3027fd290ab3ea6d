/** The MongoDB engine: what models/index.ts lists. */
import type { Assumption, AssumptionRange, Cluster, Engine, Problem } from '../../src/engine.ts'
import { safeBeside } from './beside.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { KUBERNETES_RANGES, type KubernetesOptions, kubernetesOptions, kubernetesRules } from '../kubernetes/index.ts'
import { MongodbCluster } from './cluster.ts'
import { initialConfig } from './config.ts'
import { FAULT_KINDS } from './faults.ts'
import { releaseIndex, versionOf } from './names.ts'
import { LAB_KUBERNETES, type MongodbOptions, mongodbOptions, TIMING, type TimingName, timingOf } from './options.ts'
import { OPTION_RANGES, TIMING_RANGES } from './ranges.ts'
import { remedies } from './remedies.ts'
import { rules } from './rules.ts'
import { sizes } from './sizes.ts'
import { starter } from './starter.ts'
import { memberNames } from './topology-names.ts'

/** What no schema can say. */
function problems(options: MongodbOptions): readonly Problem[] {
  const found: Problem[] = []
  const config = initialConfig(options)
  const primary = config.members[options.primary]
  if (options.primary >= options.members) found.push({ path: ['primary'], message: `member ${options.primary} does not exist: ${options.members} members are numbered 0 to ${options.members - 1}` })
  else if (primary !== undefined && primary.priority === 0) found.push({ path: ['primary'], message: `member ${options.primary} has priority 0 and cannot be primary` })
  if (config.voters.length > 7) found.push({ path: ['votes'], message: `${config.voters.length} members vote; at most 7 may` })
  config.members.forEach((m, i) => {
    if (m.secondaryDelaySecs > 0 && m.priority > 0) found.push({ path: ['priorities', i], message: `member ${i} is delayed, so its priority must be 0` })
    if (m.votes === 0 && m.priority > 0) found.push({ path: ['priorities', i], message: `member ${i} has no vote, so its priority must be 0` })
    if (m.hidden && m.priority > 0) found.push({ path: ['priorities', i], message: `member ${i} is hidden, so its priority must be 0` })
  })
  for (const i of options.hidden) if (i >= options.members) found.push({ path: ['hidden'], message: `member ${i} does not exist: ${options.members} members are numbered 0 to ${options.members - 1}` })
  if (typeof options.writeConcern === 'number' && options.writeConcern > options.members) found.push({ path: ['writeConcern'], message: `w:${options.writeConcern} can never be met: there are ${options.members} members that hold data` })
  for (const key of ['image', 'targetImage'] as const) {
    const image = options[key]
    if (image !== null && releaseIndex(versionOf(image)) < 0) found.push({ path: [key], message: `\`${image}\` is no release this model knows; right would be, for example, mongo:7.0.14 (4.0 to 8.0)` })
  }
  for (const key of ['fcv', 'targetFcv'] as const) {
    const fcv = options[key]
    if (fcv !== null && releaseIndex(fcv) < 0) found.push({ path: [key], message: `\`${fcv}\` is no featureCompatibilityVersion; right would be, for example, "8.0"` })
  }
  return found
}

interface Described {
  readonly description?: string
  meta?(): { unit?: string; source?: string } | undefined
}

/** Every option that the user did not set, with the value in force, where it comes from and within what it may differ. */
function assumptions(given: Readonly<Record<string, unknown>>, options: MongodbOptions): readonly Assumption[] {
  const result: Assumption[] = []
  const lab = options.profile === 'lab'
  const add = (option: string, value: unknown, meaning: string, unit: string | undefined, source: string, range: AssumptionRange | undefined): void => {
    result.push({ option: `cluster.${option}`, value, meaning: unit === undefined || unit === '' ? meaning : `${meaning} [${unit}]`, source, ...(range === undefined ? {} : { range }) })
  }
  const described = (field: Described): [string, string | undefined, string] => [field.description ?? '', field.meta?.()?.unit, field.meta?.()?.source ?? '']
  for (const [name, field] of Object.entries(mongodbOptions.shape) as [keyof MongodbOptions, Described][]) {
    if (name in given || name === 'engine' || name === 'timing' || name === 'kubernetes') continue
    add(name, options[name], ...described(field), possible(name, options))
  }
  const timing = timingOf(options)
  for (const [name, row] of Object.entries(TIMING) as [TimingName, (typeof TIMING)[TimingName]][]) {
    if (!(name in options.timing)) add(`timing.${name}`, timing[name], row[3], row[2], row[4], lab ? undefined : TIMING_RANGES[name])
  }
  const defaults: Readonly<Record<string, unknown>> = { ...kubernetesOptions.parse({}), ...(lab ? LAB_KUBERNETES : {}) }
  for (const [name, field] of Object.entries(kubernetesOptions.shape) as [keyof KubernetesOptions, Described][]) {
    if (!(name in options.kubernetes)) add(`kubernetes.${name}`, defaults[name], ...described(field), lab ? undefined : KUBERNETES_RANGES[name])
  }
  return result
}

/** The range of an option, without the values that would be wrong in this cluster. */
function possible(name: keyof MongodbOptions, options: MongodbOptions): AssumptionRange | undefined {
  const range = OPTION_RANGES[name]
  if (range?.values === undefined) return range
  const values = range.values.filter(value => problems({ ...options, [name]: value } as MongodbOptions).length === 0)
  return values.length > 1 ? { values, source: range.source } : undefined
}

/** Pods and services as they are when the runbook begins. */
function names(options: MongodbOptions): readonly string[] {
  const { kubernetes } = new MongodbCluster(new Simulation({ seed: 'names' }), options)
  return [...memberNames(options), ...kubernetes.pods().map(pod => pod.name), ...kubernetes.store.entries('Service').map(([key]) => key)]
}

export const mongodb: Engine<MongodbOptions> = {
  name: 'mongodb',
  title: 'MongoDB 4.4–8.0 replica sets on Kubernetes',
  options: mongodbOptions,
  rules: [...rules, ...kubernetesRules.map(rule => ({ ...rule, model: 'Kubernetes (AKS)' }))],
  faultKinds: FAULT_KINDS,
  starter,
  problems,
  assumptions,
  assumedTargets: given => ('targetImage' in given ? [] : ['engine']),
  names,
  shrinks: sizes,
  safeBeside,
  remedies,
  build: (sim: Simulation, options: MongodbOptions): Cluster => new MongodbCluster(sim, options),
}

export { mongodbOptions, type MongodbOptions } from './options.ts'
export { MongodbCluster } from './cluster.ts'
