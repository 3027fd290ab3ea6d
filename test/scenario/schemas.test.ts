import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { packageRoot, schemaFiles } from '../../src/scenario/index.ts'
import { toy } from '../toy/engine.ts'

test('the committed JSON Schemas are those of the validators (else: npm run schemas)', () => {
  for (const [name, text] of Object.entries(schemaFiles(engines))) {
    const file = `${packageRoot()}/schemas/${name}`
    expect(existsSync(file) && readFileSync(file, 'utf8') === text, `schemas/${name} is out of date: npm run schemas`).toBe(true)
  }
})

test('an editor learns the keys of the cluster from the engine', () => {
  const schema = JSON.parse(schemaFiles([toy])['scenario.schema.json'] ?? '')
  expect(Object.keys(schema.properties.cluster.properties)).toEqual(['engine', 'members', 'promise', 'delayUs', 'commandUs'])
  expect(schema.properties.load.properties.timeout.pattern).toContain('ms|s|m|h|d')
  expect(schema.properties.deadline.description).toContain('stuck')
  expect(schema.anyOf).toContainEqual({ required: ['extends'] })
})
