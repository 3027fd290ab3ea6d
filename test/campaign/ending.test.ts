/** Where no run reached its end: what led to that, so that a stranger sees why. */
import { expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { type CampaignResult, campaignResult, endingOf, realRehearser, version } from '../../src/campaign/index.ts'
import { runRange } from '../../src/campaign/rehearser.ts'
import { summarise } from '../../src/campaign/summarise.ts'
import { endingRows, renderEnding } from '../../src/report/ending.ts'
import { PLAIN } from '../../src/report/text.ts'
import { type Scenario, loadScenarioWritten } from '../../src/scenario/index.ts'

function campaignOf(engine: string, script: string, deadline = '2h'): { scenario: Scenario; result: CampaignResult } {
  const scenario = loadScenarioWritten({ name: 'mine', folder: '/nowhere', yaml: `format: 1\ncluster: { engine: ${engine} }\nload: { writesPerSecond: 50 }\nrunbook: ./mine.sh\ndeadline: ${deadline}\n`, files: { 'mine.sh': script } }, engines)
  const strategy = { kind: 'random', faults: 0 } as const
  const aggregate = runRange(scenario, realRehearser, { seed: '1', strategy, first: 0, end: 2 })
  return { scenario, result: summarise(scenario, realRehearser, aggregate, [], { proofroll: version, seed: '1', strategy, without: [], asked: [[0, 2]], strict: false, elapsedSeconds: () => 1 }) }
}

test('a pod that a controller takes away under a command: the story names who did it', () => {
  const { scenario, result } = campaignOf('redis', `set -e\nkubectl patch sts redis -p '{"spec":{"template":{"metadata":{"annotations":{"x":"1"}}}}}'\nsleep 2\nkubectl exec redis-5 -- sleep 60\n`)
  expect(result.outcomes.aborted).toBe(2)
  const ending = endingOf(scenario, realRehearser, result)
  const told: CampaignResult = { ...result, ending: ending as NonNullable<typeof ending> }
  expect(ending).toMatchObject({ run: 0, outcome: 'aborted', reason: expect.stringContaining('status 137 at line 4') })
  const rows = endingRows(told).map(({ step, text }) => `${step}|${text}`)
  expect(rows).toEqual(expect.arrayContaining(['L4|kubectl exec redis-5 -- sleep 60', '|pod redis-5 deleted: StatefulSet redis rolls to its new template, highest ordinal first', expect.stringMatching(/^\|aborted: mine\.sh/)]))
  expect(rows.findIndex(row => row.includes('rolls to its new template'))).toBeLessThan(rows.findIndex(row => row.startsWith('L4|')))
  expect(renderEnding(told, PLAIN)[0]).toContain('What led to that in run 0')
  expect(campaignResult(told, '')).toBeUndefined()
})

test('a loop that polls until the deadline is told once, with how often', () => {
  const { scenario, result } = campaignOf('postgres', 'while kubectl get pod postgres-cluster-0 > /dev/null; do sleep 5; done\n', '10m')
  const ending = endingOf(scenario, realRehearser, result)
  expect(ending?.outcome).toBe('stuck')
  expect(ending?.moments.filter(({ step }) => step !== null).map(({ text, times }) => [text, times > 50])).toEqual([['kubectl get pod postgres-cluster-0', true], ['sleep 5', true]])
})

test('where some runs fail by themselves, the first of those is told', () => {
  const { scenario, result } = campaignOf('postgres', 'kubectl get pods\n[ $(( RANDOM % 2 )) -eq 0 ] || exit 7\n')
  const runs = [0, 1, 2, 3, 4, 5]
  const failed = runs.filter(run => realRehearser.rehearse({ scenario, seed: realRehearser.seedOf('1', run), schedule: [] }).outcome !== 'completed')
  expect(failed.length).toBeGreaterThan(0)
  expect(failed.length).toBeLessThan(6)
  const some: CampaignResult = { ...result, runs: 6, ranges: [[0, 6]], outcomes: { completed: 6 - failed.length, aborted: failed.length, rolledBack: 0, stuck: 0 } }
  expect(endingOf(scenario, realRehearser, some)).toMatchObject({ run: failed[0], outcome: 'aborted' })
  expect(endingOf(scenario, realRehearser, { ...some, faultsPerRun: 2 })).toBeUndefined()
})

test('each command is told with what it answered, a poll with the last answer', () => {
  const { scenario, result } = campaignOf('postgres', `kubectl get pods -l app=nothing -o name\nfor i in 1 2 3; do kubectl get pod postgres-cluster-9; sleep 1; done\nexit 3\n`)
  const told: CampaignResult = { ...result, ending: endingOf(scenario, realRehearser, result) as NonNullable<CampaignResult['ending']> }
  const answers = new Map(endingRows(told).map(({ text, answer }) => [text, answer]))
  expect(answers.get('kubectl get pods -l app=nothing -o name')).toBe('printed nothing')
  expect(answers.get('kubectl get pod postgres-cluster-9 (3 times from then on)')).toBe('at last: exit 1: Error from server (NotFound): pods "postgres-cluster-9" not found')
  expect([...answers.keys()].filter(text => text.startsWith('sleep')).map(text => answers.get(text))).toEqual([undefined])
  const lines = renderEnding(told, PLAIN)
  expect(lines.join('\n')).toContain('→ printed nothing')
  expect(renderEnding(told, { ...PLAIN, unicode: false }).join('\n')).toContain('-> printed nothing')
  expect(lines.filter(line => line.length > PLAIN.columns)).toEqual([])
  // Read as a result file it is the same.
  expect(campaignResult(told, '')).toBeUndefined()
})

test('a disk on its way to another node is told, and is no part of the trace', () => {
  const script = 'node=$(kubectl get pod postgres-cluster-2 -o jsonpath={.spec.nodeName})\nkubectl cordon $node\nkubectl delete pod postgres-cluster-2\nsleep 5\nexit 3\n'
  const { scenario, result } = campaignOf('postgres, zones: 1', script)
  const ending = endingOf(scenario, realRehearser, result)
  expect(ending?.moments.map(({ text }) => text).find(text => text.startsWith('the disk of'))).toMatch(/^the disk of \S*postgres-cluster-2 has to be moved from (\S+) to (?!\1)\S+, which takes .*: its pod starts after that$/)
  const [, second] = [false, true].map(record => realRehearser.rehearse({ scenario, seed: 's', schedule: [], record }).hash)
  expect(realRehearser.rehearse({ scenario, seed: 's', schedule: [] }).hash).toBe(second)
})

test('where a run reached its end nothing is told', () => {
  const { scenario, result } = campaignOf('postgres', 'kubectl get pods\n')
  expect(endingOf(scenario, realRehearser, result)).toBeUndefined()
})
