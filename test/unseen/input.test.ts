/** Input that nobody should write: one clear error, or something sensible. */
import { expect, test } from 'vitest'
import { rehearse } from '../../src/rehearsal.ts'
import { ScenarioError } from '../../src/scenario/index.ts'
import { scenarioOf } from './play.ts'

const LOOK = ['kubectl get pods']
const load = (cluster: Record<string, unknown>, load_: Record<string, unknown> = {}, steps: readonly string[] = LOOK): string => {
  try {
    scenarioOf({ cluster: { engine: 'postgres', databaseMB: 100, ...cluster }, load: load_, steps })
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.split('\n')[0] as string
    throw error
  }
  return ''
}

test.each<[string, Record<string, unknown>, Record<string, unknown>, RegExp]>([
  ['no members', { members: 0 }, {}, /`cluster\.members` should be at least 1/],
  ['a member and a half', { members: 1.5 }, {}, /whole number/],
  ['a primary that does not exist', { members: 2, primary: 2 }, {}, /member 2 does not exist/],
  ['a quorum that can never be met', { members: 3, synchronousStandbyNames: 'ANY 3' }, {}, /can never be met/],
  ['a setting that is none', { synchronousStandbyNames: 'SOME 1' }, {}, /PostgreSQL would not start/],
  ['a key with a letter missing', { membrs: 3 }, {}, /unknown key `membrs`/],
  ['another engine’s key', { shards: 3 }, {}, /unknown key `shards`/],
  ['less than no load', {}, { writesPerSecond: -1 }, /at least 0/],
  ['more groups than connections', {}, { cohorts: 50, connections: 10 }, /each cohort needs a connection/],
  ['a size that is no number', { databaseMB: '10GB' }, {}, /`cluster\.databaseMB`/],
])('%s', (_name, cluster, load_, message) => {
  expect(load(cluster, load_)).toMatch(message)
})

const vitess = (cluster: Record<string, unknown>): string => {
  try {
    scenarioOf({ cluster: { engine: 'vitess', ...cluster }, steps: LOOK })
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.replace(/\s+/g, ' ')
    throw error
  }
  return ''
}

// The only pods with a size that a scenario chooses. 32 GiB and 8 processors a node unless it says otherwise; a vttablet asks for 1 GiB and 1 processor of its own.
test.each<[string, Record<string, unknown>, RegExp]>([
  ['a tablet larger than a node', { memory: '2000Gi' }, /`cluster\.memory`: a tablet of 2000Gi asks for 2001 GiB with its vttablet, and a node has 32 GiB: no node takes it; right would be at most 31Gi, or larger nodes: kubernetes\.nodeMemoryBytes of at least 2148557389824/],
  ['one that is to become so', { targetMemory: '32Gi' }, /`cluster\.targetMemory`: .* right would be at most 31Gi/],
  ['nodes that take nobody', { memory: '1Gi', kubernetes: { nodeMemoryBytes: 1e9 } }, /a node has 0\.9 GiB: no node takes it; right would be larger nodes: kubernetes\.nodeMemoryBytes of at least 2147483648/],
  ['too few processors', { kubernetes: { nodeCpu: 4 } }, /`cluster\.kubernetes\.nodeCpu`: a tablet asks for 5 processors, and a node has 4: no node takes it; right would be at least 5/],
])('Vitess: %s', (_name, cluster, message) => {
  expect(vitess(cluster)).toMatch(message)
})

test('Vitess: a tablet that just fits comes up', () => {
  const scenario = scenarioOf({ cluster: { engine: 'vitess', memory: '31Gi', fleet: 4, kubernetes: { nodeCpu: 5 } }, steps: LOOK })
  expect(rehearse({ scenario, schedule: [], seed: 'unseen/0' }).verdicts.filter(v => v.status === 'fail')).toEqual([])
})

test('a command and a flag that do not exist are named before anything runs', () => {
  expect(load({}, {}, ['kubectl obliterate pod postgres-cluster-0'])).toMatch(/obliterate/)
  expect(load({}, {}, ['kubectl delete pod postgres-cluster-0 --gently'])).toMatch(/--gently/)
})

test.each([0, 1, 100_000, 10_000_000])('a load of %d writes a second is rehearsed, and what is not carried has failed', writesPerSecond => {
  const scenario = scenarioOf({ cluster: { engine: 'postgres', databaseMB: 100, targetKubernetesVersion: null }, load: { writesPerSecond, queueAgeLimit: '10s', timeout: '5s' }, steps: [...LOOK, { sleep: '30s' }] })
  const { outcome, measures, verdicts } = rehearse({ scenario, schedule: [], seed: 'unseen/0' })
  expect(outcome).toBe('completed')
  expect(verdicts.filter(v => v.status === 'fail').map(v => v.check)).toEqual([])
  if (writesPerSecond <= 1) expect(measures.failedAttempts).toBe(0)
  // 40 connections carry some 25,000 a second.
  else expect(measures.failedAfterRetry).toBeGreaterThan(writesPerSecond * 20)
})

test('a deadline of a second: stuck, and said so', () => {
  const scenario = scenarioOf({ cluster: { engine: 'postgres', databaseMB: 100 }, steps: [{ sleep: '30s' }] }, '1s')
  expect(rehearse({ scenario, schedule: [], seed: 'unseen/0' })).toMatchObject({ outcome: 'stuck' })
})
