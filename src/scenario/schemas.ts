/** The JSON Schemas for editors, from the same source as the validators. */
import { z } from 'zod'
import type { Engine } from '../engine.ts'
import { RunbookSchema } from '../operator/index.ts'
import { ScenarioSchema } from './schema.ts'

const BASE = 'https://proofroll.dev/schemas'

/** The schema files by name, as text. A scenario's `cluster` is one of the engines' options, told apart by `engine`. */
export function schemaFiles(engines: readonly Engine[]): Readonly<Record<string, string>> {
  return {
    'scenario.schema.json': text(shared({ $id: `${BASE}/scenario.schema.json`, ...scenarioSchema(engines) })),
    'runbook.schema.json': text({ $id: `${BASE}/runbook.schema.json`, ...json(RunbookSchema) }),
  }
}

function scenarioSchema(engines: readonly Engine[]): Record<string, unknown> {
  const schema = json(ScenarioSchema)
  // A variant that extends another file holds only what differs.
  const { required, ...rest } = schema as { required?: readonly string[] }
  const properties = schema['properties'] as Record<string, Record<string, unknown>>
  const description = properties['cluster']?.['description']
  return {
    ...rest,
    properties: { ...properties, cluster: { description, ...clusterSchema(engines) } },
    anyOf: [{ required: ['extends'] }, { required: required ?? [] }],
  }
}

function clusterSchema(engines: readonly Engine[]): Record<string, unknown> {
  if (engines.length === 0) return { type: 'object', properties: { engine: { type: 'string' } } }
  const options = engines.map(engine => {
    const { $schema: _schema, ...own } = json(engine.options)
    const properties = own['properties'] as Record<string, unknown> | undefined
    return { ...own, title: engine.title, properties: { engine: { const: engine.name, description: 'The simulated database.' }, ...properties } }
  })
  return options.length === 1 ? (options[0] as Record<string, unknown>) : { anyOf: options }
}

function json(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Record<string, unknown>
}

/** Schemas shorter than this (in characters of JSON) are written out each time. */
const WORTH_SHARING = 150

/**
 * What stands in several places (the options of Kubernetes in every engine, a distribution in every timing) stands once, in `$defs`: a fifth of the
 * file, and the same for an editor.
 */
function shared(schema: Record<string, unknown>): Record<string, unknown> {
  const times = new Map<string, number>()
  each(schema, (of) => {
    const key = JSON.stringify(of)
    times.set(key, (times.get(key) ?? 0) + 1)
    // What is inside something that stands elsewhere too is counted where that is written.
    return (times.get(key) as number) === 1
  })
  const definitions: Record<string, unknown> = {}
  const names = new Map<string, string>()
  const swap = (of: unknown): unknown => {
    const key = JSON.stringify(of)
    if ((times.get(key) ?? 0) < 2 || key.length < WORTH_SHARING) return inside(of as Record<string, unknown>, swap)
    let name = names.get(key)
    if (name === undefined) {
      name = `shared${names.size + 1}`
      names.set(key, name)
      definitions[name] = inside(of as Record<string, unknown>, swap)
    }
    return { $ref: `#/$defs/${name}` }
  }
  const whole = inside(schema, swap)
  return { ...whole, $defs: { ...(whole['$defs'] as Record<string, unknown> | undefined), ...definitions } }
}

/** Keywords that hold schemas: in a map by name, in a list, or one. */
const MAPS = new Set(['properties', '$defs'])
const LISTS = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems'])
const ONES = new Set(['items', 'additionalProperties', 'propertyNames'])

/** The schema with those directly inside it put through `change`. */
function inside(schema: Record<string, unknown>, change: (of: unknown) => unknown): Record<string, unknown> {
  if (!isMap(schema)) return schema
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => {
    if (MAPS.has(key) && isMap(value)) return [key, Object.fromEntries(Object.entries(value).map(([name, of]) => [name, change(of)]))]
    if (LISTS.has(key) && Array.isArray(value)) return [key, value.map(change)]
    return [key, ONES.has(key) && isMap(value) ? change(value) : value]
  }))
}

/** Visits every schema inside; deeper only where `visit` says so. */
function each(schema: Record<string, unknown>, visit: (of: unknown) => boolean): void {
  inside(schema, (of) => {
    if (visit(of) && isMap(of)) each(of, visit)
    return of
  })
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(schema: Record<string, unknown>): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`
}
