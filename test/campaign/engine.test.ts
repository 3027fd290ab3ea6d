/** What a campaign engine promises beyond its numbers: bounded memory, parts that can be put together, twins that are compared, nothing vacuous. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Aggregate, emptyAggregate, mergeAggregate } from '../../src/campaign/aggregate.ts'
import { aggregateFromJson, aggregateToJson } from '../../src/campaign/aggregateJson.ts'
import { type CampaignOptions, runCampaign } from '../../src/campaign/campaign.ts'
import { firstDifference } from '../../src/campaign/diverge.ts'
import { type Ranges, missingFrom, unite, uniteLoosely } from '../../src/campaign/ranges.ts'
import { type Rehearser, runRange } from '../../src/campaign/rehearser.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import { mergeResults } from '../../src/campaign/summarise.ts'
import { renderSummary } from '../../src/report/index.ts'
import { fakeRehearser, fakeScenario, goodRehearser } from './fakes.ts'

type What = Parameters<Rehearser['rehearse']>[0]
const text = (aggregate: Aggregate): string => JSON.stringify(aggregateToJson(aggregate))
const copy = (aggregate: Aggregate): Aggregate => aggregateFromJson(JSON.parse(text(aggregate)))

/** A world in which every run ends for a reason of its own and fails in a way of its own. */
const babel: Rehearser = {
  ...fakeRehearser,
  rehearse(what) {
    const result = fakeRehearser.rehearse(what)
    const word = [...what.seed].map((sign) => String.fromCodePoint(97 + (sign.codePointAt(0) ?? 0) % 26)).join('')
    const signature = { check: 'terminates', cause: word, step: 'wait' } as const
    return { ...result, outcomeReason: `${word}${'!'.repeat(600)}`, verdicts: [...result.verdicts, { check: 'terminates', status: 'fail', evidence: word.repeat(2000), signature }] }
  },
}

describe('what runs can multiply is bounded', () => {
  const range = (first: number, end: number): Aggregate => runRange(fakeScenario, babel, { seed: '7', strategy: { kind: 'random', faults: 0 }, first, end })
  const pieces = Array.from({ length: 12 }, (_, i) => range(i * 50, i * 50 + 50))
  const whole = range(0, 600)

  test('600 different reasons and signatures: the first in text order are kept, the rest is counted', () => {
    expect(Object.keys(whole.reasons)).toHaveLength(200)
    expect(Object.values(whole.reasons).reduce((sum, n) => sum + n, whole.beyond.reasons)).toBe(600)
    const kept = Object.values(whole.signatures).filter(({ signature }) => signature.check === 'terminates')
    expect(kept).toHaveLength(100)
    expect(kept.reduce((sum, { runs }) => sum + runs, whole.beyond.signatures['terminates'] ?? 0)).toBe(600)
    expect(Math.max(...Object.keys(whole.reasons).map((reason) => reason.length))).toBe(500)
    expect(Math.max(...kept.map(({ evidence }) => evidence.length))).toBe(4000)
  })

  test('… whatever the order and grouping in which parts are merged', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(pieces, { minLength: pieces.length }), fc.integer({ min: 1, max: 11 }), (order, cut) => {
        const merge = (parts: readonly Aggregate[]): Aggregate => parts.reduce((sum, part) => (mergeAggregate(sum, copy(part)), sum), emptyAggregate())
        const left = merge(order.slice(0, cut))
        mergeAggregate(left, merge(order.slice(cut)))
        expect(text(left)).toBe(text(whole))
      }),
      { numRuns: 20 },
    )
  })

  test('a part merged a second time is refused, and nothing is changed', () => {
    const sum = copy(whole)
    expect(() => mergeAggregate(sum, copy(pieces[3] as Aggregate))).toThrow('runs 150…199 are in both results')
    expect(text(sum)).toBe(text(whole))
  })
})

describe('stopping and going on', () => {
  const options: CampaignOptions = { runs: 90, seed: '7', faults: 2, clockMs: () => 0 }

  test('stopped after any range, written down, and resumed: the result of a campaign never stopped', async () => {
    const { result: whole } = await runCampaign(fakeScenario, options, fakeRehearser)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }), async (stops) => {
        let part: CampaignResult | undefined
        for (const after of stops) {
          const stop = new AbortController()
          let ranges = 0
          const onRange = (soFar: () => CampaignResult): void => {
            part = JSON.parse(JSON.stringify(soFar())) as CampaignResult
            if (++ranges === after) stop.abort()
          }
          const { result } = await runCampaign(fakeScenario, { ...options, onRange, stop: stop.signal, ...(part === undefined ? {} : { resume: part }) }, fakeRehearser)
          expect(result).toMatchObject({ partial: result.runs < 90, runs: part?.runs, ranges: part?.ranges })
        }
        const { result } = await runCampaign(fakeScenario, { ...options, ...(part === undefined ? {} : { resume: part }) }, fakeRehearser)
        expect(JSON.stringify(result)).toBe(JSON.stringify(whole))
      }),
      { numRuns: 20 },
    )
  })

  test('a partial result merged with what it lacks is whole; without it, it stays partial', async () => {
    const part = async (firstRun: number, runs: number): Promise<CampaignResult> => (await runCampaign(fakeScenario, { ...options, firstRun, runs }, fakeRehearser)).result
    const stop = new AbortController()
    const { result: stopped } = await runCampaign(fakeScenario, { ...options, stop: stop.signal, onRange: () => stop.abort() }, fakeRehearser)
    expect(stopped).toMatchObject({ runs: 1, partial: true, asked: [[0, 90]] })
    expect(mergeResults(fakeScenario, [stopped, await part(1, 89)], fakeRehearser).result).toEqual((await runCampaign(fakeScenario, options, fakeRehearser)).result)
    expect(mergeResults(fakeScenario, [stopped, await part(90, 5)], fakeRehearser).result).toMatchObject({ runs: 6, partial: true, asked: [[0, 95]] })
  })

  test('missing runs and loose unions are what sets say', () => {
    const ranges = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 10 })), { maxLength: 6 }).map((pairs) => pairs.reduce<Ranges>((all, [first, length]) => uniteLoosely(all, [[first, first + length]]), []))
    const numbers = (set: Ranges): number[] => set.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i))
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        const have = new Set(numbers(b))
        expect(numbers(missingFrom(a, b))).toEqual(numbers(a).filter((run) => !have.has(run)))
        expect(numbers(uniteLoosely(a, b))).toEqual([...new Set([...numbers(a), ...numbers(b)])].sort((x, y) => x - y))
        expect(unite(b, missingFrom(a, b))).toEqual(uniteLoosely(b, a))
      }),
    )
  })
})

describe('twins', () => {
  const event = { atUs: 5_000_000, label: 'log.promoted', node: 'm-1', payload: 3, detail: 'timeline 2' }
  /** Every rehearsal of run 100 gives another hash; recorded, its second event differs. */
  function fickle(recorded: boolean): Rehearser {
    let calls = 0
    return {
      ...goodRehearser,
      rehearse(what: What) {
        const result = goodRehearser.rehearse(what)
        if (what.seed !== '7/100' || (what.record === true && !recorded)) return what.record === true && result.story !== undefined ? { ...result, story: { ...result.story, trace: [event] } } : result
        calls += 1
        const hash = String(calls).padStart(16, '0')
        return result.story === undefined ? { ...result, hash } : { ...result, hash, story: { ...result.story, trace: [event, { ...event, atUs: 6_000_000, payload: calls }] } }
      },
    }
  }
  const campaign = async (recorded: boolean): Promise<CampaignResult> => (await runCampaign(fakeScenario, { runs: 150, faults: 0, seed: '7', clockMs: () => 0 }, fickle(recorded))).result

  test('a mismatch names the first event in which the traces part', async () => {
    const result = await campaign(true)
    const differing = { atUs: 6_000_000, kind: 'log.promoted', node: 'm-1', detail: 'timeline 2' }
    expect(result.determinism).toEqual({ twice: 2, mismatches: [100], divergence: { run: 100, event: 1, first: { ...differing, payload: 3 }, second: { ...differing, payload: 4 } } })
    expect(renderSummary(result, { columns: 80, colour: false, unicode: true }).join(' ').replace(/\s+/g, ' ')).toContain('The traces of run 100 part at event 1: 6.000000 s log.promoted at m-1 (payload 3: timeline 2) the first time, 6.000000 s log.promoted at m-1 (payload 4: timeline 2) the second.')
  })

  test('a difference that does not show again is said to depend on the process', async () => {
    const result = await campaign(false)
    expect(result.determinism).toEqual({ twice: 2, mismatches: [100], divergence: { run: 100, event: null, first: null, second: null } })
    expect(renderSummary(result, { columns: 80, colour: false, unicode: true }).join(' ').replace(/\s+/g, ' ')).toContain('Recorded again, run 100 did not differ: it depends on what its process did before.')
  })

  test('traces part where anything hashed differs, or where one ends; words for people do not count', () => {
    expect(firstDifference([event], [{ ...event, detail: 'other words' }])).toEqual({ event: null, first: null, second: null })
    for (const change of [{ atUs: 1 }, { label: 'x' }, { node: 'm-2' }, { payload: -0 }]) expect(firstDifference([event, event], [event, { ...event, ...change }]).event).toBe(1)
    expect(firstDifference([event, event], [event])).toMatchObject({ event: 1, second: null })
    expect(firstDifference([event], [event, event])).toMatchObject({ event: 1, first: null })
  })
})

describe('nothing vacuous', () => {
  const campaign = async (strict: boolean, more: Partial<CampaignOptions> = {}): Promise<CampaignResult> => (await runCampaign(fakeScenario, { runs: 60, faults: 2, seed: '7', strict, clockMs: () => 0, ...more }, { ...goodRehearser, rehearse: (what) => ({ ...goodRehearser.rehearse(what), gates: fakeRehearser.rehearse(what).gates }) })).result

  test('each fault kind, gate outcome and undo edge is a probe with its hits', async () => {
    const { probes, runs, outOfBudget } = await campaign(false)
    expect(probes.map(({ probe, of }) => `${probe} ${of}`)).toEqual(['fault process-kill', 'fault partition', 'fault disk-slow', 'gate-passed wait', 'gate-failed wait', 'undo promote'])
    expect(probes.slice(3).map(({ hits }) => hits)).toEqual([runs - outOfBudget.runs, 0, 0])
    expect(probes.slice(0, 3).every(({ hits }) => hits > 0)).toBe(true)
    expect((await campaign(false, { faults: 0 })).probes.map(({ probe }) => probe)).toEqual(['gate-passed', 'gate-failed', 'undo'])
  })

  test('--strict fails on those never hit, and lists them; a part of a campaign is not judged', async () => {
    expect((await campaign(false)).verdict).toBe('held')
    const strict = await campaign(true)
    expect(strict.verdict).toBe('violated')
    expect(strict.floors.at(-1)).toEqual({ id: 'probes-hit', status: 'fail', evidence: '2 of 6 probes were never hit; gates that never failed: wait; undo never taken: promote' })
    const summary = renderSummary(strict, { columns: 80, colour: false, unicode: true }).join('\n')
    expect(summary).toContain('Not everything was hit, and --strict wants it: 2 of 6 probes were never hit.')
    expect(summary).toContain('gates that never failed: wait\n  undo never taken: promote')
    const stop = new AbortController()
    expect((await campaign(true, { stop: stop.signal, onRange: () => stop.abort() })).floors.map(({ id }) => id)).toEqual(['completes', 'faults-strike', 'acts'])
  })
})
