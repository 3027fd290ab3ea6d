/** The Redis Cluster engine: the one thing that models/index.ts lists. */
import type { Assumption, AssumptionRange, Cluster, Engine, Problem } from '../../src/engine.ts'
import type { Simulation } from '../../src/kernel/index.ts'
import { KUBERNETES_RANGES, type KubernetesOptions, kubernetesOptions, kubernetesRules } from '../kubernetes/index.ts'
import { safeBeside } from './beside.ts'
import { RedisCluster } from './cluster.ts'
import { FAULT_KINDS } from './faults.ts'
import { LAB_KUBERNETES, type RedisOptions, redisOptions, TIMING, type TimingName, timingOf } from './options.ts'
import { versionOf } from './names.ts'
import { OPTION_RANGES, TIMING_RANGES } from './ranges.ts'
import { remedies } from './remedies.ts'
import { rules } from './rules.ts'
import { sizes } from './sizes.ts'
import { starter } from './starter.ts'
import { headlessName, memberNames, podDns } from './topology.ts'

/** What no schema can say. */
function problems(options: RedisOptions): readonly Problem[] {
  const found: Problem[] = []
  for (const key of ['image', 'targetImage'] as const) {
    const image = options[key]
    if (image !== null && versionOf(image) === '0') found.push({ path: [key], message: `\`${image}\` names no version; right would be, for example, redis:7.2.5` })
  }
  if (options.minReplicasToWrite > options.replicasPerShard) found.push({ path: ['minReplicasToWrite'], message: `can never be met: each shard has ${options.replicasPerShard} replicas; use at most ${options.replicasPerShard}` })
  if (options.hostNetwork && options.spareNodes > 0 && options.storage === 'emptyDir') found.push({ path: ['spareNodes'], message: 'with hostNetwork and emptyDir a pod keeps its address only where it has no other node to go to; use 0' })
  return found
}

interface Described {
  readonly description?: string
  meta?(): { unit?: string; source?: string } | undefined
}

/** Every option that the user did not set, with the value in force, where it comes from and within what it may differ. */
function assumptions(given: Readonly<Record<string, unknown>>, options: RedisOptions): readonly Assumption[] {
  const result: Assumption[] = []
  const lab = options.profile === 'lab'
  const add = (option: string, value: unknown, meaning: string, unit: string | undefined, source: string, range: AssumptionRange | undefined): void => {
    result.push({ option: `cluster.${option}`, value, meaning: unit === undefined || unit === '' ? meaning : `${meaning} [${unit}]`, source, ...(range === undefined ? {} : { range }) })
  }
  const described = (option: string, value: unknown, field: Described, range: AssumptionRange | undefined): void => {
    const meta = field.meta?.()
    add(option, value, field.description ?? '', meta?.unit, meta?.source ?? '', range)
  }
  for (const [name, field] of Object.entries(redisOptions.shape) as [keyof RedisOptions, Described][]) {
    if (name in given || name === 'engine' || name === 'timing' || name === 'kubernetes') continue
    described(name, options[name], field, possible(name, options))
  }
  const timing = timingOf(options)
  for (const [name, row] of Object.entries(TIMING) as [TimingName, (typeof TIMING)[TimingName]][]) {
    if (!(name in options.timing)) add(`timing.${name}`, timing[name], row[3], row[2], row[4], lab ? undefined : TIMING_RANGES[name])
  }
  const defaults: Readonly<Record<string, unknown>> = { ...kubernetesOptions.parse({}), ...(lab ? LAB_KUBERNETES : {}) }
  for (const [name, field] of Object.entries(kubernetesOptions.shape) as [keyof KubernetesOptions, Described][]) {
    if (!(name in options.kubernetes)) described(`kubernetes.${name}`, defaults[name], field, lab ? undefined : KUBERNETES_RANGES[name])
  }
  return result
}

/** The range of an option, without the values that would be wrong in this cluster. */
function possible(name: keyof RedisOptions, options: RedisOptions): AssumptionRange | undefined {
  const range = OPTION_RANGES[name]
  if (range?.values === undefined) return range
  const values = range.values.filter(value => problems({ ...options, [name]: value } as RedisOptions).length === 0)
  return values.length > 1 ? { values, source: range.source } : undefined
}

function names(options: RedisOptions): readonly string[] {
  return [...memberNames(options), ...memberNames(options).map(pod => podDns(options, pod)), options.name, headlessName(options)]
}

export const redis: Engine<RedisOptions> = {
  name: 'redis',
  title: 'Redis Cluster 6.2–8.0 on Kubernetes (AKS)',
  options: redisOptions,
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
  build: (sim: Simulation, options: RedisOptions): Cluster => new RedisCluster(sim, options),
}

export { redisOptions, type RedisOptions } from './options.ts'
export { RedisCluster } from './cluster.ts'
