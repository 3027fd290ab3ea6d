/**
 * Common ground: all scenarios of a comparison run on the first one's cluster, under its load. What is compared must be the runbooks, so nothing else
 * may differ; and a fleet of another size answers another question.
 */
import type { Engine } from '../../engine.ts'
import { Simulation } from '../../kernel/index.ts'
import { type Scenario, keysAt, loadScenarioFrom, sectionsOf } from '../../scenario/index.ts'
import { ScenarioSchema } from '../../scenario/schema.ts'

/** Why scenarios cannot be compared, in one message for the user. */
export class CompareError extends Error {
  override readonly name = 'CompareError'
}

/** How large a cluster is, as the facts count it. */
export interface Fleet {
  readonly members: number
  /** Nodes that are paid for whether or not anything is upgraded. */
  readonly nodes: number
}

/** The fleet that a scenario's own cluster has before its runbook begins. */
export function fleetOf(scenario: Scenario): Fleet {
  const cluster = scenario.engine.build(new Simulation({ seed: 'fleet' }), scenario.options)
  return { members: cluster.truth.expectedMembers, nodes: cluster.cost().baseNodes }
}

/** From which versions to which a scenario's runbook is to bring its members, by component; a target that nobody stated is none. */
export function upgradeOf({ engine, options, assumedTargets = [] }: Scenario): string[] {
  const { truth } = engine.build(new Simulation({ seed: 'upgrade' }), options)
  return Object.entries(truth.targetVersions).flatMap(([component, target]) => {
    const before = [...new Set(truth.members().map(({ versions }) => versions[component] ?? '').filter((version) => version !== ''))]
    return assumedTargets.includes(component) || before.length === 0 || (before.length === 1 && before[0] === target) ? [] : [`${component} ${before.join(', ')} → ${target}`]
  })
}

/**
 * The scenarios as they are compared. @param set overrides by path, over the scenarios' own: of `cluster` and `load` for the first, and through it for all
 * @param ownClusters let each keep its own cluster and load: then only the fleets must be equal
 * @throws CompareError when engines or fleets differ; ScenarioError when a runbook cannot run on the first one's cluster
 */
export function onCommonGround(given: readonly Scenario[], engines: readonly Engine[], set: Readonly<Record<string, string>>, ownClusters: boolean): Scenario[] {
  const [named, ...rest] = given
  if (named === undefined || rest.length === 0) throw new CompareError('name at least two scenarios to compare')
  const first = Object.keys(set).length === 0 ? named : loadScenarioFrom(named.source, engines, { set })
  const others = rest.map((scenario) => (Object.keys(set).length === 0 ? scenario : loadScenarioFrom(scenario.source, engines, { set })))
  for (const other of others) refuseUnequal(first, other, engines)
  return [first, ...others.map((other) => (ownClusters ? other : onGroundOf(first, other, engines)))]
}

/** The scenarios on the first one's engine, as far as they have a form for it (`onEngine:`). */
export function onOneEngine(given: readonly Scenario[], engines: readonly Engine[]): readonly Scenario[] {
  const wanted = given[0]?.engine.name ?? ''
  return given.map((scenario) => (scenario.engine.name === wanted || !scenario.alsoOn.includes(wanted) ? scenario : loadScenarioFrom(scenario.source, engines, { set: { 'cluster.engine': wanted } })))
}

/** The options of `cluster` and `load` that the other scenario itself sets otherwise than the first: what running on the first one's ground takes from it. */
export function replacedBy(first: Scenario, other: Scenario, engines: readonly Engine[]): string[] {
  const [mine, theirs] = [sectionsOf(first.source, engines), sectionsOf(other.source, engines)]
  return (['cluster', 'load'] as const).flatMap((section) => {
    const options = [...new Set([...Object.keys(mine[section]), ...Object.keys(theirs[section])])]
    return options.filter((option) => JSON.stringify(mine[section][option]) !== JSON.stringify(theirs[section][option])).map((option) => `${section}.${option}`)
  })
}

function refuseUnequal(first: Scenario, other: Scenario, engines: readonly Engine[]): void {
  if (first.engine.name !== other.engine.name) {
    throw new CompareError(`${first.name} runs on ${first.engine.name}, ${other.name} on ${other.engine.name}: they do not answer the same question\n    compare patterns of one engine; \`--set cluster.engine=…\` chooses it where a scenario takes several`)
  }
  const [a, b] = [fleetOf(first), fleetOf(other)]
  if (a.members === b.members && a.nodes === b.nodes) return
  throw new CompareError(`unequal fleets: ${first.name} has ${fleetWords(a)}, ${other.name} ${fleetWords(b)}\n    the smaller one would win on everything that is paid by the node; ${sizeSetting(first, other, engines)}`)
}

/** Values of a size tried beyond the two that the scenarios have. */
const SIZES_TRIED = 8

/** What makes the fleets equal, tried out: one option that says how large a cluster is, in a value that both take; else where they differ. */
function sizeSetting(first: Scenario, other: Scenario, engines: readonly Engine[]): string {
  const paths = [...new Set([first, other].flatMap(({ engine, options }) => engine.shrinks?.(options) ?? []).map(({ path }) => path.join('.')))]
  const valueIn = ({ options }: Scenario, path: string): unknown => path.split('.').reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], options)
  for (const path of paths) {
    const own = [valueIn(first, path), valueIn(other, path)].filter((value): value is number => typeof value === 'number')
    for (const value of [...new Set([...own.toSorted((a, b) => b - a), ...Array.from({ length: SIZES_TRIED }, (_, i) => i)])]) {
      const set = { [`cluster.${path}`]: String(value) }
      const fleets = [first, other].map((scenario) => fleetWith(scenario, engines, set))
      const [a, b] = fleets
      if (a === undefined || b === undefined || a.members !== b.members || a.nodes !== b.nodes) continue
      return `make them equal with --set cluster.${path}=${value}, which holds for all of them (${fleetWords(a)} each)\n    it also replaces what each says of it (${[first, other].map((scenario) => `${scenario.name}: ${JSON.stringify(valueIn(scenario, path))}`).join(', ')}): look at what each does with it alone, by \`proofroll run\` and the same --set`
    }
  }
  const differ = replacedBy(first, other, engines).filter((option) => option.startsWith('cluster.'))
  return `no size of their clusters${paths.length === 0 ? '' : ` (${paths.map((path) => `cluster.${path}`).join(', ')})`} makes them equal; they differ in ${differ.join(', ') || 'nothing that they say'}`
}

/** Its fleet with an override; undefined where it cannot have that. */
function fleetWith(scenario: Scenario, engines: readonly Engine[], set: Readonly<Record<string, string>>): Fleet | undefined {
  try {
    return fleetOf(loadScenarioFrom(scenario.source, engines, { set: { ...scenario.source.set, ...set } }))
  } catch {
    return undefined
  }
}

/** What the command line set for a scenario, with what it says itself: `null` where it does not say. */
export function overriddenIn({ source }: Scenario, engines: readonly Engine[]): { readonly option: string; readonly value: string; readonly own: string | null }[] {
  const own = sectionsOf({ ...source, set: Object.fromEntries(Object.entries(source.set).filter(([path]) => path === 'cluster.engine')) }, engines)
  return Object.entries(source.set).map(([option, value]) => {
    const before = option.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>)[key] : undefined), own)
    return { option, value, own: before === undefined ? null : typeof before === 'string' ? before : JSON.stringify(before) }
  })
}

/**
 * Patterns differ in what they presuppose: a runbook that cannot do its work on the first one's cluster, but can on its own, would lose for no fault of its own.
 * @param outcomeOf how the scenario ends without faults @throws CompareError when one of the others is such
 */
export function refuseStrangers(grounded: readonly Scenario[], own: readonly Scenario[], outcomeOf: (scenario: Scenario) => { readonly outcome: string; readonly outcomeReason: string }): void {
  const [first] = grounded
  for (const [i, scenario] of grounded.entries()) {
    const its = own[i]
    if (i === 0 || its === undefined || JSON.stringify(its.options) === JSON.stringify(scenario.options)) continue
    const there = outcomeOf(scenario)
    if (there.outcome === 'completed' || outcomeOf(its).outcome !== 'completed') continue
    throw new CompareError(`${scenario.name} presupposes a cluster of its own: on that of ${first?.name} it does not complete even without faults (${there.outcomeReason || there.outcome}), on its own it does\n    add --own-clusters, which lets each keep its own cluster and load; --set load.…=… then sets the load of all`)
  }
}

function fleetWords({ members, nodes }: Fleet): string {
  return `${members} ${members === 1 ? 'member' : 'members'} on ${nodes} ${nodes === 1 ? 'node' : 'nodes'}`
}

/** The other scenario with the first one's `cluster:` and `load:` in place of its own. */
function onGroundOf(first: Scenario, other: Scenario, engines: readonly Engine[]): Scenario {
  const { cluster, load } = sectionsOf(first.source, engines)
  // A layer over the engine that was chosen: its section is found by that choice.
  const layered = other.source.set['cluster.engine'] !== other.engine.name
  const kept = Object.fromEntries(Object.entries(other.source.set).filter(([path]) => !/^(?:cluster|load)(?:\.|$)/.test(path) || (layered && path === 'cluster.engine')))
  return loadScenarioFrom({ ...other.source, set: { ...kept, cluster: JSON.stringify(cluster), load: JSON.stringify(load) } }, engines)
}

/** What `--vary` may call things by instead of their path. */
const ALIASES: Readonly<Record<string, string>> = { writes: 'load.writesPerSecond', writeRate: 'load.writesPerSecond' }

/**
 * The path of what is varied: as written when it begins with a section; else an option of the cluster or the load of that name. `fleet` is the
 * engine's own first size where no option has that name. @throws CompareError when there is none
 */
export function pathVaried(key: string, scenario: Scenario): string {
  if (/^(?:cluster|load|faults)\./.test(key)) return key
  const options = keysAt(scenario.engine.options, [])
  const load = keysAt(ScenarioSchema, ['load'])
  if (options.includes(key)) return `cluster.${key}`
  if (load.includes(key)) return `load.${key}`
  const size = key === 'fleet' ? scenario.engine.shrinks?.(scenario.options)[0] : undefined
  const path = ALIASES[key] ?? (size === undefined ? undefined : `cluster.${size.path.join('.')}`)
  if (path !== undefined) return path
  throw new CompareError(`--vary ${key}: neither the cluster nor the load of ${scenario.name} has it\n    of the cluster: ${options.join(', ')}\n    of the load: ${load.join(', ')}`)
}
