/** Small edits tried out on a campaign's own runs, with scripts for two engines; and one that no small edit helps. */
import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { type CampaignResult, type Mends, campaignResult, findMends, realRehearser, version, withEdit } from '../../src/campaign/index.ts'
import { runRange } from '../../src/campaign/rehearser.ts'
import { summarise } from '../../src/campaign/summarise.ts'
import { scriptEdits } from '../../src/operator/index.ts'
import { renderMends } from '../../src/report/index.ts'
import { type Scenario, loadScenarioWritten } from '../../src/scenario/index.ts'
import { proofroll, enterFolder } from '../cli/workshop.ts'
import { removeFolders } from '../folder.ts'

afterAll(removeFolders)

const scenarioOf = (cluster: string, script: string): Scenario =>
  loadScenarioWritten({ name: 'mine', folder: '/nowhere', yaml: `format: 1\ncluster: ${cluster}\nload: { writesPerSecond: 50 }\nrunbook: ./mine.sh\ndeadline: 2h\n`, files: { 'mine.sh': script } }, engines)

/** Without shrinking and explaining: those are tested elsewhere. */
function campaignOf(scenario: Scenario, runs: number): CampaignResult {
  const strategy = { kind: 'random', faults: 0 } as const
  const aggregate = runRange(scenario, realRehearser, { seed: '1', strategy, first: 0, end: runs })
  return summarise(scenario, realRehearser, aggregate, [], { proofroll: version, seed: '1', strategy, without: [], asked: [[0, runs]], strict: false, elapsedSeconds: () => 1 })
}

async function mend(cluster: string, script: string, runs = 3): Promise<{ scenario: Scenario; result: CampaignResult; mends: Mends }> {
  const scenario = scenarioOf(cluster, script)
  const result = campaignOf(scenario, runs)
  const mends = await findMends(scenario, realRehearser, { result })
  return { scenario, result, mends }
}

const added = (patch: string | undefined): string[] => (patch ?? '').split('\n').slice(2).filter(line => line.startsWith('+'))

test('PostgreSQL: a promotion while the old leader serves is mended by stopping that first, and by a guard that stops the script', async () => {
  const { scenario, result, mends } = await mend('{ engine: postgres, serviceSelects: pod-name }', '#!/bin/bash\nkubectl exec postgres-cluster-0 -- psql -U postgres -Atc "select 1"\nkubectl exec postgres-cluster-1 -- pg_ctl promote -D /var/lib/postgresql/data\nkubectl patch service postgres-primary -p \'{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"postgres-cluster-1"}}}\'\nsleep 10\n', 3)
  const split = mends.checks.find(({ check }) => check === 'no-split-brain')?.mends ?? []
  expect(mends.before.violations['no-split-brain']).toBe(3)
  // Those with which it reaches its end stand first, the smallest of them first.
  expect(split.map(({ stops }) => stops)).toEqual(split.map(({ stops }) => stops).sort())
  const [best] = split
  expect(best).toMatchObject({ is: 'insert', stops: false, line: 3, does: expect.stringContaining('stop the one that leads'), after: { runs: 3, outcomes: { completed: 3 } } })
  expect(best?.after.violations['no-split-brain']).toBeUndefined()
  expect(split.some(({ stops, patch }) => stops && added(patch).some(line => line.includes('exit 1')))).toBe(true)
  // What is offered is what was tried: the patched script, rehearsed again, holds.
  const edit = scriptEdits(scenario.runbook, typed => scenario.engine.safeBeside?.(scenario.options, typed) ?? []).find(({ patch }) => patch === best?.patch)
  expect(campaignOf(withEdit(scenario, edit as NonNullable<typeof edit>), 3).checks.find(({ id }) => id === 'no-split-brain')?.violations).toBe(0)
  expect(campaignResult({ ...result, mends }, '')).toBeUndefined()
  expect(campaignResult({ ...result, mends: { ...mends, tried: 'many' } }, '')).toBe('`mends.tried` is not a number')
})

test('under strict mode, with functions and a namespace of its own: the lines call kubectl as the script does, and what only breaks the script is not offered', async () => {
  const script = [
    'set -euo pipefail', 'NS=shop', 'k() { kubectl -n "$NS" "$@"; }', 'k get pods', 'new=db-1',
    'k exec "$new" -c postgres -- pg_ctl promote -D /var/lib/postgresql/data',
    `k patch service postgres-primary -p '{"spec":{"selector":{"statefulset.kubernetes.io/pod-name":"db-1"}}}'`, 'sleep 10', '',
  ].join('\n')
  const { mends } = await mend('{ engine: postgres, name: db, serviceSelects: pod-name, kubernetes: { namespace: shop } }', script)
  const [best] = mends.checks.find(({ check }) => check === 'no-split-brain')?.mends ?? []
  expect(best).toMatchObject({ is: 'insert', stops: false, line: 6, after: { outcomes: { completed: 3 } } })
  const lines = added(best?.patch)
  expect(lines.filter(line => line.includes('k exec $_pod')).length).toBe(4)
  expect(lines.join('\n')).not.toContain('kubectl')
  expect(mends.checks.flatMap(each => each.mends).filter(({ is, after }) => is === 'reorder' && after.outcomes.completed === 0)).toEqual([])
})

/** What becomes of a script with each of the lines that its engine offers beside it. */
function withEach(cluster: string, script: string): Map<string, { readonly outcome: string; readonly downtime: number; readonly failed: number }> {
  const scenario = scenarioOf(cluster, script)
  const played = (each: Scenario): { outcome: string; downtime: number; failed: number } => {
    const { outcome, measures } = realRehearser.rehearse({ scenario: each, seed: '1', schedule: [] })
    return { outcome, downtime: measures.writeDowntimeSeconds ?? 0, failed: measures.failedAttempts ?? 0 }
  }
  const edits = scriptEdits(scenario.runbook, typed => scenario.engine.safeBeside?.(scenario.options, typed) ?? []).filter(({ is }) => is === 'insert')
  return new Map([['', played(scenario)], ...edits.map(edit => [edit.does, played(withEdit(scenario, edit))] as const)])
}

test('MongoDB: a primary that is deleted leads no more when it was stepped down first; the other lines let the script go on', () => {
  const played = withEach('{ engine: mongodb, updateStrategy: OnDelete, forwardsSignals: false, targetImage: null }', 'set -e\nkubectl delete pod mongo-0 --grace-period=5\nsleep 1\n')
  expect([...played].map(([does, { outcome }]) => `${does}: ${outcome}`)).toEqual([
    ': completed', 'first make sure that it does not lead: aborted', 'first wait until every member is there and less than 10 s behind: completed', 'first step it down, if it leads, and wait until another one does: completed',
    'then wait until it is Ready again: completed', 'then wait until it is a secondary, or leads: completed', 'then wait until somebody leads: completed',
  ])
  expect(played.get('')?.downtime).toBeGreaterThan(8)
  expect(played.get('first step it down, if it leads, and wait until another one does')?.downtime).toBeLessThan(3)
})

test('Vitess: a primary that is deleted has handed over first', () => {
  const played = withEach('{ engine: vitess, fleet: 4 }', 'set -e\nkubectl delete pod example-vttablet-zone1-0000000101 --grace-period=0 --force\nsleep 60\n')
  expect([...played].map(([does, { outcome }]) => `${does}: ${outcome}`)).toEqual([
    ': completed', 'first make sure that it is no primary: aborted', 'first let another tablet of its shard lead, if it does: completed', 'then wait until it is Ready again: completed', 'then wait until its shard has a primary: completed',
  ])
  expect(played.get('first let another tablet of its shard lead, if it does')?.downtime).toBeLessThan((played.get('')?.downtime ?? 0) / 2)
})

const REDIS = '{ engine: redis, save: "", layout: interleaved, spareNodes: 0, timing: { startMs: 100, stopMs: 100 }, kubernetes: { imagePullSeconds: 1, unmountSeconds: 0.5, controllerLagSeconds: 0.05, scheduleSeconds: 0.1, kubeletLagSeconds: 0.1, mountSeconds: 1, containerStartSeconds: 4 } }'

test('Redis: masters deleted without persistence lose all; asking for the role first stops the script, handing over lets it go on', async () => {
  const { mends } = await mend(REDIS, 'for n in 0 1 2 3 4 5; do\n  kubectl delete pod redis-$n\n  kubectl wait --for=condition=Ready pod/redis-$n --timeout=2m\ndone\n', 2)
  const lost = mends.checks.find(({ check }) => check === 'no-acknowledged-write-lost')?.mends ?? []
  expect(lost.map(({ does, stops }) => [does, stops])).toEqual(expect.arrayContaining([['first hand over to its replica once that is in step, if it is a master', false], ['first make sure that it is a replica', true]]))
  expect(lost[0]?.stops).toBe(false)
  expect(lost[0]?.after).toMatchObject({ runs: 2, outcomes: { completed: 2 }, violations: {} })
})

test('Redis: where all pods go at once no small edit helps, and that is said with the number tried', async () => {
  const { result, mends } = await mend(REDIS, '#!/bin/sh\nkubectl delete pod -l app=redis\nkubectl wait --for=condition=Ready pod -l app=redis --timeout=5m\nsleep 5\n', 2)
  expect(mends.checks.find(({ check }) => check === 'no-acknowledged-write-lost')).toEqual({ check: 'no-acknowledged-write-lost', mends: [] })
  expect(mends.tried).toBeGreaterThan(4)
  expect(renderMends({ ...result, mends }, { columns: 200, colour: false, unicode: true }).join('\n')).toContain(`None of the ${mends.tried} edits alone prevents that it lost acknowledged writes`)
})

test('run --mend: in JSON, and refused for a runbook of steps', async () => {
  enterFolder({ 'a.yaml': 'format: 1\ncluster: { engine: toy }\nrunbook: ./a.runbook.yaml\ndeadline: 1h\n', 'a.runbook.yaml': 'format: 1\ntitle: A\nsteps:\n  - run: promote m-1\n', 'b.sh': 'stop m-0\npromote m-1\n' })
  const refused = await proofroll(['run', 'a.yaml', '--mend', '--runs', '1'])
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--mend edits shell scripts')])
  const told = await proofroll(['run', 'b.sh', '--cluster', 'toy', '--mend', '--runs', '2', '--faults', '0', '--json', 'b.json'])
  expect(told.out).toContain('Smallest edits that prevent it')
  const { mends } = JSON.parse(readFileSync('b.json', 'utf8')) as CampaignResult
  expect(mends?.tried).toBeGreaterThan(0)
})
