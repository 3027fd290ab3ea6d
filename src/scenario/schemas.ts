/** The JSON Schemas for editors, from the same source as the validators. */
import { z } from 'zod'
import type { Engine } from '../engine.ts'
import { RunbookSchema } from '../operator/index.ts'
import { ScenarioSchema } from './schema.ts'

const BASE = 'https://proofroll.dev/schemas'

/** The schema files by name, as text. A scenario's `cluster` is one of the engines' options, told apart by `engine`. */
export function schemaFiles(engines: readonly Engine[]): Readonly<Record<string, string>> {
  return {
    'scenario.schema.json': text({ $id: `${BASE}/scenario.schema.json`, ...scenarioSchema(engines) }),
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

function text(schema: Record<string, unknown>): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`
}
