/** What a scenario says of its cluster, what the command line changed of that, and what was never tried: told wherever a result is. */
import { expect, test } from 'vitest'
import { engines, loadScenario } from '../../src/index.ts'
import { CompareError, onCommonGround } from '../../src/campaign/compare/ground.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import { overrideWords, settingLines, settingsOf, settingWords } from '../../src/report/settings.ts'
import { notTried } from '../../src/report/summary.ts'

const screen = { columns: 80, colour: false, unicode: true } as Parameters<typeof settingLines>[2]

test('the values that a scenario sets are told with what they mean; what the command line set is marked, with the scenario’s own value', () => {
  const own = loadScenario('mongodb-step-down/naive')
  expect(settingsOf(own).find(({ option }) => option === 'cluster.forwardsSignals')).toMatchObject({ value: 'false', overridden: false, meaning: expect.stringContaining('SIGTERM') })
  expect(settingWords(settingsOf(own))).toContain('forwardsSignals=false, writeConcern=1')
  expect(overrideWords(own)).toBe('')
  const set = loadScenario('mongodb-step-down/naive', { 'cluster.writeConcern': '2', 'cluster.members': '5', 'cluster.zones': '2' })
  expect(overrideWords(set)).toBe('cluster.writeConcern=2 (the scenario itself: 1), cluster.members=5 (the scenario itself: 3), cluster.zones=2 (the scenario itself does not say)')
  expect(settingWords(settingsOf(set))).not.toContain('writeConcern')
  const lines = settingLines(set, settingsOf(set), screen)
  expect(lines.join('\n')).toContain('cluster.writeConcern = 2 (set)')
  expect(lines.every((line) => line.length <= 80)).toBe(true)
})

test('read downtime of clients that read nothing was not tried; one that was measured is told whatever the load says', () => {
  const of = (readsPerSecond: number | undefined, max: number) => notTried({ load: { writesPerSecond: 1, ...(readsPerSecond === undefined ? {} : { readsPerSecond }) }, measures: { readDowntimeSeconds: { max } } } as unknown as CampaignResult)
  expect([of(0, 0), of(5, 0), of(0, 2), of(undefined, 0)]).toEqual([['readDowntimeSeconds'], [], [], []])
})

test('fleets of unequal nodes: the option that makes them equal is tried out, and named with what each scenario says of it', () => {
  const ground = (set: Readonly<Record<string, string>>) => () => onCommonGround(['postgres-ferris-wheel/fenced', 'postgres-rotate-in-place/fenced'].map((name) => loadScenario(name, set)), engines, set, false)
  expect(ground({})).toThrow(CompareError)
  expect(ground({})).toThrow('make them equal with --set cluster.spareNodes=1, which holds for all of them (3 members on 6 nodes each)')
  expect(ground({})).toThrow('(postgres-ferris-wheel/fenced: 1, postgres-rotate-in-place/fenced: 0)')
})
