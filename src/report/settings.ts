/** What a scenario itself says of its cluster and its load, and what the command line changed of that: what somebody chose most often decides. */
import type { Scenario } from '../scenario/index.ts'
import { sectionsOf } from '../scenario/index.ts'
import { ScenarioSchema } from '../scenario/schema.ts'
import { type Screen, cut, glyphsFor, hang, paintFor } from './text.ts'
import { count } from './words.ts'

/** Told in the terminal before the rest are only counted. */
const SHOWN = 24
/** Told on a page's first screen. */
const FIRST = 10
const VALUE_MAX = 60

export interface Setting {
  /** `cluster.writeConcern`. */
  readonly option: string
  readonly value: string
  /** What it means; empty where the engine does not say. */
  readonly meaning: string
  /** It was set on the command line; else by the scenario. */
  readonly overridden: boolean
}

/** Every value that the scenario's `cluster:` and `load:` state, as written, those of the command line among them. The engine itself is none. */
export function settingsOf({ source, engine, options }: Scenario): Setting[] {
  const { cluster, load } = sectionsOf(source, [engine])
  const meanings = new Map(engine.assumptions({}, options).map(({ option, meaning }) => [option, meaning]))
  for (const [key, schema] of Object.entries(ScenarioSchema.shape.load.unwrap().shape)) meanings.set(`load.${key}`, (schema as { readonly description?: string }).description ?? '')
  const meaningOf = (option: string): string => meanings.get(option) ?? (option.split('.').length > 2 ? meaningOf(option.slice(0, option.lastIndexOf('.'))) : '')
  return [...leaves('cluster', cluster), ...leaves('load', load)].filter(([option]) => option !== 'cluster.engine').map(([option, value]) => ({ option, value: cut(written(value), VALUE_MAX, '…'), meaning: meaningOf(option), overridden: Object.keys(source.set).some((path) => path === option || option.startsWith(`${path}.`)) }))
}

/** As it would be typed behind `--set`. */
function written(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value)
}

function leaves(path: string, value: unknown): [option: string, value: unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]]
  return Object.entries(value).flatMap(([key, each]) => leaves(`${path}.${key}`, each))
}

/** What the command line overrides, with what the scenario says itself; empty where it overrides nothing. */
export function overrideWords({ source, engine }: Pick<Scenario, 'source' | 'engine'>): string {
  if (Object.keys(source.set).length === 0) return ''
  const own = sectionsOf({ ...source, set: {} }, source.set['cluster.engine'] === undefined ? [engine] : [])
  const before = (path: string): unknown => path.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>)[key] : undefined), own)
  return Object.entries(source.set).map(([path, value]) => {
    const was = before(path)
    const told = source.set['cluster.engine'] !== undefined || !/^(?:cluster|load)\./.test(path) ? '' : was === undefined ? ' (the scenario itself does not say)' : ` (the scenario itself: ${cut(written(was), VALUE_MAX, '…')})`
    return `${path}=${cut(value, VALUE_MAX, '…')}${told}`
  }).join(', ')
}

/** The first of them in a phrase. */
export function settingWords(settings: readonly Setting[]): string {
  const told = settings.filter(({ overridden }) => !overridden)
  return `${told.slice(0, FIRST).map(({ option, value }) => `${option.replace(/^cluster\./, '')}=${value}`).join(', ')}${told.length > FIRST ? ` and ${count(told.length - FIRST, 'more value')}` : ''}`
}

/** For a terminal: what the scenario is, and every value that it sets; as many a line as fit, a value is never broken. */
export function settingLines(scenario: Pick<Scenario, 'description'>, settings: readonly Setting[], screen: Screen): string[] {
  const description = scenario.description.replace(/\s+/g, ' ').trim()
  if (settings.length === 0 && description === '') return []
  const { ellipsis } = glyphsFor(screen)
  const lines = description === '' ? [] : hang('  ', screen.unicode ? description : description.replace(/[“”]/g, '"').replace(/’/g, "'"), screen.columns)
  let line = ''
  for (const { option, value, overridden } of settings.slice(0, SHOWN)) {
    const pair = cut(`${option} = ${value}${overridden ? ' (set)' : ''}`, screen.columns - 2, ellipsis)
    if (line !== '' && line.length + 2 + pair.length <= screen.columns) line += `, ${pair}`
    else {
      if (line !== '') lines.push(line)
      line = `  ${pair}`
    }
  }
  if (line !== '') lines.push(line)
  if (settings.length > SHOWN) lines.push(`  and ${count(settings.length - SHOWN, 'more value')}; the page has all`)
  return [paintFor(screen).bold('What the scenario says of its cluster and load'), ...lines]
}
