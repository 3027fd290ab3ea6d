/** The Vitess engine: the one thing that models/index.ts lists. */
import type { Assumption, AssumptionRange, Cluster, Engine, Problem } from '../../src/engine.ts'
import { safeBeside } from './beside.ts'
import { Simulation } from '../../src/kernel/index.ts'
import { KUBERNETES_RANGES, type KubernetesOptions, kubernetesOptions, kubernetesRules, withDefaults } from '../kubernetes/index.ts'
import { VitessCluster } from './cluster.ts'
import { FAULT_KINDS } from './faults.ts'
import { TIMING, type TimingName, timingOf, type VitessOptions, vitessOptions } from './options.ts'
import { OPTION_RANGES, TIMING_RANGES } from './ranges.ts'
import { remedies } from './remedies.ts'
import { rules } from './rules.ts'
import { sizes } from './sizes.ts'
import { starter } from './starter.ts'
import { neededFor } from './topology.ts'

/** Bytes of a gibibyte. */
const GIB = 1024 * 1024 * 1024

/** What no schema can say. */
function problems(options: VitessOptions): readonly Problem[] {
  const found: Problem[] = []
  const { fleet, tabletsPerShard, rdonlyPerShard, durabilityPolicy, cells, buffer } = options
  const shards = fleet / tabletsPerShard
  if (!Number.isInteger(shards)) found.push({ path: ['fleet'], message: `${fleet} tablets do not make whole shards of ${tabletsPerShard}; right would be ${Math.max(1, Math.round(shards)) * tabletsPerShard}` })
  else if (shards > 65_536 || 65_536 % shards !== 0) found.push({ path: ['fleet'], message: `${shards} shards do not divide the key space evenly: their number must be a power of two` })
  if (rdonlyPerShard >= tabletsPerShard) found.push({ path: ['rdonlyPerShard'], message: `${rdonlyPerShard} of ${tabletsPerShard} tablets cannot be rdonly: somebody must be the primary` })
  const replicas = tabletsPerShard - rdonlyPerShard - 1
  const ackers = durabilityPolicy === 'none' ? 1 : durabilityPolicy === 'semi_sync_with_rdonly_ack' ? tabletsPerShard - 1 : replicas
  if (ackers < 1) found.push({ path: ['durabilityPolicy'], message: `nobody could acknowledge under ${durabilityPolicy}: a shard has ${replicas} replicas beside its primary` })
  if (durabilityPolicy === 'cross_cell' && cells < 2) found.push({ path: ['durabilityPolicy'], message: 'cross_cell needs a second cell' })
  if (buffer.windowSeconds > buffer.maxFailoverSeconds) found.push({ path: ['buffer', 'windowSeconds'], message: `vtgate would not start: buffer_window must be at most buffer_max_failover_duration (${buffer.maxFailoverSeconds} s)` })
  if (buffer.minBetweenSeconds < 2 * buffer.maxFailoverSeconds) found.push({ path: ['buffer', 'minBetweenSeconds'], message: `vtgate would not start: buffer_min_time_between_failovers must be at least twice buffer_max_failover_duration (${2 * buffer.maxFailoverSeconds} s)` })
  return [...found, ...tooLarge(options)]
}

/** A tablet that no node could take: the cluster would never come up, or the resize never be done. */
function tooLarge({ memory, targetMemory, kubernetes }: VitessOptions): readonly Problem[] {
  const found: Problem[] = []
  const standard = withDefaults()
  const { nodeCpu = standard.nodeCpu, nodeMemoryBytes = standard.nodeMemoryBytes } = kubernetes
  const { cpu } = neededFor(memory)
  if (cpu > nodeCpu) found.push({ path: ['kubernetes', 'nodeCpu'], message: `a tablet asks for ${cpu} processors, and a node has ${nodeCpu}: no node takes it; right would be at least ${cpu}` })
  for (const [key, size] of [['memory', memory], ['targetMemory', targetMemory]] as const) {
    if (size === null) continue
    const { memoryBytes } = neededFor(size)
    if (memoryBytes <= nodeMemoryBytes) continue
    const most = Math.floor((nodeMemoryBytes - neededFor('0Gi').memoryBytes) / GIB)
    found.push({ path: [key], message: `a tablet of ${size} asks for ${memoryBytes / GIB} GiB with its vttablet, and a node has ${Number((nodeMemoryBytes / GIB).toFixed(1))} GiB: no node takes it; right would be ${most < 1 ? '' : `at most ${most}Gi, or `}larger nodes: kubernetes.nodeMemoryBytes of at least ${memoryBytes}` })
  }
  return found
}

interface Described {
  readonly description?: string
  meta?(): { unit?: string; source?: string } | undefined
}

/** Every option that the user did not set, with the value in force, where it comes from and within what it may differ. */
function assumptions(given: Readonly<Record<string, unknown>>, options: VitessOptions): readonly Assumption[] {
  const result: Assumption[] = []
  const add = (option: string, value: unknown, meaning: string, unit: string | undefined, source: string, range: AssumptionRange | undefined): void => {
    result.push({ option: `cluster.${option}`, value, meaning: unit === undefined || unit === '' ? meaning : `${meaning} [${unit}]`, source, ...(range === undefined ? {} : { range }) })
  }
  const described = (name: string, value: unknown, field: Described, range: AssumptionRange | undefined): void => {
    const meta = field.meta?.()
    add(name, value, field.description ?? '', meta?.unit, meta?.source ?? '', range)
  }
  for (const [name, field] of Object.entries(vitessOptions.shape) as [keyof VitessOptions, Described][]) {
    if (name in given || name === 'engine' || name === 'timing' || name === 'kubernetes') continue
    described(name, options[name], field, possible(name, options))
  }
  const timing = timingOf(options)
  for (const [name, row] of Object.entries(TIMING) as [TimingName, (typeof TIMING)[TimingName]][]) if (!(name in options.timing)) add(`timing.${name}`, timing[name], row[2], row[1], row[3], TIMING_RANGES[name])
  const defaults = kubernetesOptions.parse({})
  for (const [name, field] of Object.entries(kubernetesOptions.shape) as [keyof KubernetesOptions, Described][]) {
    if (!(name in options.kubernetes)) described(`kubernetes.${name}`, defaults[name], field, KUBERNETES_RANGES[name])
  }
  return result
}

/** The range of an option, without the values that would be wrong in this cluster. */
function possible(name: keyof VitessOptions, options: VitessOptions): AssumptionRange | undefined {
  const range = OPTION_RANGES[name]
  if (range?.values === undefined) return range
  const values = range.values.filter(value => problems({ ...options, [name]: value } as VitessOptions).length === 0)
  return values.length > 1 ? { values, source: range.source } : undefined
}

/** What commands can name: pods, aliases, shards, services. */
function names(options: VitessOptions): readonly string[] {
  const { kubernetes, world } = new VitessCluster(new Simulation({ seed: 'names' }), options)
  return [...world.byAlias.keys(), ...world.shards.map(s => s.path), ...kubernetes.pods().map(pod => pod.name), ...kubernetes.store.entries('Service').map(([key]) => key)]
}

export const vitess: Engine<VitessOptions> = {
  name: 'vitess',
  title: 'Vitess 14–24: MySQL shards behind vtgates, on Kubernetes with the vitess-operator',
  options: vitessOptions,
  rules: [...rules, ...kubernetesRules.map(rule => ({ ...rule, model: 'Kubernetes (AKS)' }))],
  faultKinds: FAULT_KINDS,
  starter,
  problems,
  assumptions,
  names,
  shrinks: sizes,
  safeBeside,
  remedies,
  build: (sim: Simulation, options: VitessOptions): Cluster => new VitessCluster(sim, options),
}

export { VitessCluster } from './cluster.ts'
export { type VitessOptions, vitessOptions } from './options.ts'
