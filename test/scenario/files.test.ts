import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../folder.ts'
import { builtInScenarios, findScenario, packageRoot, ScenarioError } from '../../src/scenario/index.ts'

function root(): string {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'scenarios', 'pg-wheel'), { recursive: true })
  for (const file of ['fenced.yaml', 'fenced.runbook.yaml', 'quick.yml', '_base.yaml', 'notes.md']) writeFileSync(join(folder, 'scenarios', 'pg-wheel', file), 'format: 1\n')
  return folder
}

test('built-ins are the scenario files under scenarios/, without runbooks and bases', () => {
  expect(builtInScenarios(root())).toEqual(['pg-wheel/fenced', 'pg-wheel/quick'])
  expect(builtInScenarios(tmpdir())).toEqual([])
})

test('a name finds its file; a path to a built-in has the built-in’s name', () => {
  const folder = root()
  const path = join(folder, 'scenarios', 'pg-wheel', 'fenced.yaml')
  expect(findScenario('pg-wheel/fenced', folder)).toEqual({ name: 'pg-wheel/fenced', path })
  expect(findScenario(path, folder)).toEqual({ name: 'pg-wheel/fenced', path })
  expect(findScenario('test/scenario/files/good.yaml', folder).name).toBe('test/scenario/files/good')
})

test('a wrong name gets the nearest one and the list', () => {
  try {
    findScenario('pg-wheel/fencd', root())
    expect.unreachable()
  } catch (error) {
    expect((error as ScenarioError).message).toMatchInlineSnapshot(`
      "pg-wheel/fencd: there is no such scenario
          did you mean \`pg-wheel/fenced\`?
          in that group there are: pg-wheel/fenced, pg-wheel/quick
          name a scenario file, or a built-in scenario: \`proofroll list\` names them"
    `)
  }
})

test('a file that is not there gets the files of its folder, and no list of built-ins', () => {
  const said = (path: string): string => {
    try {
      return findScenario(path, root()).path
    } catch (error) {
      return (error as ScenarioError).message
    }
  }
  expect(said('test/scenario/files/god.yaml')).toMatchInlineSnapshot(`
    "test/scenario/files/god.yaml: there is no such file
        did you mean \`test/scenario/files/good.yaml\`?
        there are: test/scenario/files/good.yaml, test/scenario/files/variant.yaml
        \`proofroll list\` names the built-in scenarios"
  `)
  expect(said('test/nowhere/up.sh')).toMatchInlineSnapshot(`
    "test/nowhere/up.sh: there is no such file
        there is no folder \`test/nowhere\`"
  `)
  expect(said('./test/scenario/up.yaml')).toMatchInlineSnapshot(`
    "./test/scenario/up.yaml: there is no such file
        in \`./test/scenario\` there is no scenario and no script; \`proofroll init\`
          writes one to start from, \`proofroll list\` names the built-in ones"
  `)
})

test('the package’s folder is found from here', () => {
  expect(existsSync(join(packageRoot(), 'package.json'))).toBe(true)
})
