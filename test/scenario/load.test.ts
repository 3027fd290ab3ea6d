import { describe, expect, test } from 'vitest'
import { FAULT_KINDS } from '../../src/faults/index.ts'
import { loadScenario, loadScenarioFrom, type Scenario } from '../../src/scenario/index.ts'
import { toy } from '../toy/engine.ts'

const FILES = 'test/scenario/files'
const load = (file: string, set: Record<string, string> = {}): Scenario => loadScenario(`${FILES}/${file}`, [toy], { set })

test('a scenario file becomes a scenario, with figures in the unit of their measure', () => {
  const s = load('good.yaml')
  expect(s).toMatchObject({
    name: `${FILES}/good`,
    title: 'A toy moves its leader',
    file: `${FILES}/good.yaml`,
    options: { members: 3, promise: 'asynchronous' },
    load: { writesPerSecond: 200, timeoutUs: 2_000_000, cohorts: 4, connectionLifeUs: Number.POSITIVE_INFINITY },
    claims: { writeDowntimeSeconds: 30, lostAcknowledgedWrites: 0 },
    objectives: [
      { measure: 'writeDowntimeSeconds', at: 'p99', max: 60, min: undefined },
      { measure: 'lostAcknowledgedWrites', at: 'max', max: 0, min: undefined },
    ],
    deadlineUs: 3_600_000_000,
  })
  expect(s.runbook.steps.filter(step => step.path === 'forward').map(step => step.id)).toEqual(['caught-up', 'pause', 'stop', 'promote', 'rejoin', 'route'])
  expect(s.start?.steps).toHaveLength(1)
})

test('faults: the kinds of the engine less those left out', () => {
  expect(load('good.yaml').faults).toEqual({
    kinds: FAULT_KINDS.filter(kind => kind !== 'node-loss-with-volume' && (kind === 'operator-killed' || toy.faultKinds.includes(kind))),
    max: 0,
    maxDurationUs: 120_000_000,
    budgetMembers: undefined,
  })
})

test('a variant overrides what it extends, key by key', () => {
  const s = load('variant.yaml')
  expect(s.options).toMatchObject({ members: 5 })
  expect(s.load).toMatchObject({ writesPerSecond: 10, timeoutUs: 2_000_000 })
  expect(s.title).toBe('The same with five members')
  expect(s.runbook.title).toBe('Move the leader')
})

test('--set replaces values, read as their schema wants them', () => {
  const s = load('good.yaml', { 'cluster.members': '4', 'load.timeout': '3s', 'faults.kinds': '[partition]', 'faults.budget.members': '2', 'objectives.0.max': '5', title: '15' })
  expect(s.options).toMatchObject({ members: 4 })
  expect(s.load.timeoutUs).toBe(3_000_000)
  expect(s.faults).toMatchObject({ kinds: ['partition'], budgetMembers: 2 })
  expect(s.objectives[0]?.max).toBe(5)
  expect(s.title).toBe('15')
})

test('defaults of the load that nobody set are assumptions', () => {
  const options = load('good.yaml').assumptions.map(a => a.option)
  expect(options).toContain('load.cohorts')
  expect(options).not.toContain('load.writesPerSecond')
})

test('a scenario carries itself: from its source it loads the same, anywhere', () => {
  for (const original of [load('good.yaml', { 'cluster.members': '5' }), load('variant.yaml')]) {
    const copy = loadScenarioFrom(JSON.parse(JSON.stringify(original.source)), [toy])
    const comparable = (s: Scenario): unknown => ({ ...s, file: '', source: '', runbook: { ...s.runbook, file: '' }, start: { ...s.start, file: '' } })
    expect(comparable(copy)).toEqual(comparable(original))
    expect(copy.source).toEqual(original.source)
  }
})

describe('runbooks', () => {
  const scenario = (yaml: string, files: Record<string, string> = {}): Scenario => loadScenarioFrom({ name: 'test', yaml: `format: 1\ncluster: { engine: toy }\ndeadline: 1h\n${yaml}`, files, set: {} }, [toy])

  test('may stand in the scenario itself', () => {
    const s = scenario('title: Inline\nrunbook:\n  - role m-0\n  - id: go\n    run: promote m-1\nload: { cohorts: 1 }\n')
    expect(s.runbook.title).toBe('Inline')
    expect(s.runbook.steps.map(step => [step.id, step.place.line])).toEqual([['1', 6], ['go', 7]])
  })

  test('may be several files, run in order as one', () => {
    const one = 'format: 1\ntitle: One\nsteps:\n  - run: role m-0\n    undo: role m-1\n'
    const two = 'format: 1\ntitle: Two\notherwise: continue\nsteps:\n  - run: role m-2\nundo: role m-0\n'
    const s = scenario('runbook: [a.runbook.yaml, b/b.runbook.yaml]', { 'a.runbook.yaml': one, 'b/b.runbook.yaml': two })
    expect(s.runbook.title).toBe('One, then Two')
    expect(s.runbook.steps.map(step => `${step.path} ${step.id} ${step.otherwise.is}`)).toMatchInlineSnapshot(`
      [
        "forward a rollback",
        "forward a.1 rollback",
        "forward b continue",
        "forward b.1 continue",
        "undo a.1 abort",
        "undo b abort",
      ]
    `)
  })

  test('start may be a runbook file', () => {
    const s = scenario('runbook: [role m-0]\nstart: prepare.runbook.yaml'.replace('[role m-0]', '[{ run: role m-0 }]'), { 'prepare.runbook.yaml': 'format: 1\ntitle: Prepare\nsteps: [role m-1]\n' })
    expect(s.start?.title).toBe('Prepare')
  })
})
