/** A fleet's roll costs in proportion to its tablets: work is counted, never time (docs/cost-growth.md has the time). */
import { afterEach, expect, test, vi } from 'vitest'
import { engines } from '../../models/index.ts'
import { VitessTruth } from '../../models/vitess/truth.ts'
import { LabelIndex } from '../../models/kubernetes/label-index.ts'
import { rehearse } from '../../src/rehearsal.ts'
import { loadScenario } from '../../src/scenario/index.ts'

afterEach(() => vi.restoreAllMocks())

const roll = (fleet: number, set: Record<string, string> = {}) => rehearse({ scenario: loadScenario('vitess-rolling/primary-last', engines, { set: { 'cluster.fleet': String(fleet), 'cluster.shardsPerWave': '2', ...set } }), schedule: [], seed: '1' })

test('32 and 128 tablets: as many events a tablet, and as many members and labelled objects looked at, within 1.2×', () => {
  const perTablet = [32, 128].map(fleet => {
    let labelled = 0
    const count = vi.spyOn(VitessTruth.prototype as unknown as { member: (...args: unknown[]) => unknown }, 'member')
    const found = LabelIndex.prototype.with
    vi.spyOn(LabelIndex.prototype, 'with').mockImplementation(function (this: LabelIndex<unknown>, key, value) {
      const all = found.call(this, key, value)
      // Every tablet has the component’s label, and nobody but the last gate asks for all of them.
      if (key === 'rollout/wave') labelled += all.size
      return all
    })
    const { outcome, eventsRun } = roll(fleet)
    const looked = count.mock.calls.length
    vi.restoreAllMocks()
    expect(outcome).toBe('completed')
    return [eventsRun / fleet, looked / fleet, labelled / fleet]
  })
  const [few = [], many = []] = perTablet
  for (const [i, value] of many.entries()) expect(value / (few[i] as number)).toBeLessThan(1.2)
})

test('a watcher that hears of the members that changed sees what one sees that compares them all', () => {
  const heard = roll(8)
  vi.spyOn(VitessTruth.prototype, 'news', 'get').mockReturnValue(undefined as never)
  const compared = roll(8)
  expect(heard.hash).toBe(compared.hash)
  expect(heard.measures).toEqual(compared.measures)
  expect(heard.verdicts).toEqual(compared.verdicts)
})
