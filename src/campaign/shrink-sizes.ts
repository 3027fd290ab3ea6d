/** Shrinks the cluster and its load: whatever the engine calls a size, and the figures of the load. */
import type { Engine, Size } from '../engine.ts'
import type { Load, Scenario } from '../scenario/scenario.ts'
import { leastHalf } from './least.ts'
import type { Search } from './search.ts'

type LoadSize = 'writesPerSecond' | 'readsPerSecond' | 'cohorts' | 'connections'

/** Makes the sizes smaller one by one. */
export function shrinkSizes(search: Search, scenario: Scenario): void {
  const { load } = scenario
  const now = (): Scenario => resized(scenario, search.best.set) ?? scenario
  const takes = (path: string, value: unknown): boolean => search.keeps({ ...search.best, set: { ...search.best.set, [path]: JSON.stringify(value) } })
  // A size may depend on another (zones of a pool on members): the engine is asked again after each.
  for (let i = 0; i < sizesOf(now()).length; i++) {
    const { path, candidates } = sizesOf(now())[i] as Size
    candidates.find((value) => takes(['cluster', ...path].join('.'), value))
  }
  const halve = (key: LoadSize, floor: number): void => {
    const value = now().load[key]
    if (value !== undefined) leastHalf(value, floor, (half) => takes(`load.${key}`, half))
  }
  halve('readsPerSecond', 0)
  halve('cohorts', 1)
  // Each cohort needs a connection.
  halve('connections', now().load.cohorts)
  // At zero there would be nothing to lose and nobody to keep waiting.
  if (load.writesPerSecond > 1) halve('writesPerSecond', 1)
}

function sizesOf({ engine, options }: Scenario): readonly Size[] {
  return (engine as Engine).shrinks?.(options) ?? []
}

/** The scenario with some values replaced, as `--set` would; undefined when the engine says there can be no such cluster. */
export function resized(scenario: Scenario, set: Readonly<Record<string, string>>): Scenario | undefined {
  if (Object.keys(set).length === 0) return scenario
  let options = scenario.options
  let load: Load = scenario.load
  for (const [name, text] of Object.entries(set)) {
    const [section, ...path] = name.split('.')
    const value: unknown = JSON.parse(text)
    if (section === 'cluster') options = replaced(options, path, value)
    else load = replaced(load, path, value) as Load
  }
  if (scenario.engine.problems(options).length > 0) return undefined
  return { ...scenario, options, load, source: { ...scenario.source, set: { ...scenario.source.set, ...set } } }
}

function replaced(record: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  const old = record as Readonly<Record<string, unknown>>
  return { ...old, [key]: replaced(old[key], rest, value) }
}
