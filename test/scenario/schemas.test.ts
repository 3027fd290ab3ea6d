import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { engines } from '../../models/index.ts'
import { packageRoot, schemaFiles } from '../../src/scenario/index.ts'
import { toy } from '../toy/engine.ts'

test('the committed JSON Schemas are those of the validators (else: npm run schemas)', () => {
  for (const [name, text] of Object.entries(schemaFiles(engines))) {
    const file = `${packageRoot()}/schemas/${name}`
    expect(existsSync(file) && readFileSync(file, 'utf8') === text, `schemas/${name} is out of date: npm run schemas`).toBe(true)
  }
})

test('what is shared in a schema is what stood there: put back, it is the schema of each engine alone, and every reference leads somewhere', () => {
  const whole = JSON.parse(schemaFiles(engines)['scenario.schema.json'] ?? '')
  const used = new Set<string>()
  const back = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(back)
    if (typeof value !== 'object' || value === null) return value
    const name = /^#\/\$defs\/(shared\d+)$/.exec((value as { $ref?: string }).$ref ?? '')?.[1]
    if (name === undefined) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, back(each)]))
    used.add(name)
    expect(whole.$defs[name], name).toBeDefined()
    return back(whole.$defs[name])
  }
  const clusters = back(whole.properties.cluster.anyOf) as { properties: Record<string, unknown> }[]
  for (const [i, engine] of engines.entries()) {
    const plain = z.toJSONSchema(engine.options, { io: 'input', unrepresentable: 'any', reused: 'inline' })
    const { engine: _, ...options } = clusters[i]?.properties ?? {}
    const { engine: __, ...expected } = plain.properties as Record<string, unknown>
    expect(options).toEqual(expected)
  }
  expect(used.size).toBeGreaterThan(5)
  expect(Object.keys(whole.$defs).filter((name) => name.startsWith('shared')).length).toBeGreaterThanOrEqual(used.size)
})

test('an editor learns the keys of the cluster from the engine', () => {
  const schema = JSON.parse(schemaFiles([toy])['scenario.schema.json'] ?? '')
  expect(Object.keys(schema.properties.cluster.properties)).toEqual(['engine', 'members', 'promise', 'delayUs', 'commandUs'])
  expect(schema.properties.load.properties.timeout.pattern).toContain('ms|s|m|h|d')
  expect(schema.properties.deadline.description).toContain('stuck')
  expect(schema.anyOf).toContainEqual({ required: ['extends'] })
})
