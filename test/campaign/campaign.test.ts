import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyAggregate, mergeAggregate } from '../../src/campaign/aggregate.ts'
import { type AggregateJson, aggregateFromJson, aggregateToJson } from '../../src/campaign/aggregateJson.ts'
import { runCampaign } from '../../src/campaign/campaign.ts'
import { replay, toFile } from '../../src/campaign/counterexample.ts'
import { type Ranges, countRuns, unite } from '../../src/campaign/ranges.ts'
import { RunQueue, pieceFor } from '../../src/campaign/queue.ts'
import { RehearsalError, runRange } from '../../src/campaign/rehearser.ts'
import type { CampaignResult } from '../../src/campaign/result.ts'
import { failsWith, shrinkSchedule } from '../../src/campaign/shrink.ts'
import { strategyOf } from '../../src/campaign/strategy.ts'
import { mergeResults } from '../../src/campaign/summarise.ts'
import type { Schedule } from '../../src/faults/schedule.ts'
import { MEASURES, type MeasureId } from '../../src/result.ts'
import { fakeRehearsal, fakeRehearser, fakeScenario, fakeSchedule, goodRehearser } from './fakes.ts'

const clockMs = () => 0
const campaign = async (runs: number, faults: number, more: object = {}) => (await runCampaign(fakeScenario, { runs, faults, seed: '7', clockMs, ...more }, fakeRehearser)).result

describe('aggregates', () => {
  test('any split into ranges, merged in any order and through JSON, is the whole', () => {
    const range = (first: number, end: number) => runRange(fakeScenario, fakeRehearser, { seed: '7', strategy: { kind: 'random', faults: 2 }, first, end })
    const whole = aggregateToJson(range(0, 60))
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 59 }), { maxLength: 6 }), fc.infiniteStream(fc.nat()), (cuts, luck) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), 60]
        const parts = edges.slice(0, -1).map((first, i) => ({ first, end: edges[i + 1] as number, order: luck.next().value as number })).sort((a, b) => a.order - b.order)
        const merged = emptyAggregate()
        for (const { first, end } of parts) mergeAggregate(merged, aggregateFromJson(JSON.parse(JSON.stringify(aggregateToJson(range(first, end))))))
        expect(JSON.stringify(aggregateToJson(merged))).toBe(JSON.stringify(whole))
      }),
      { numRuns: 30 },
    )
  })

  test('of failures that are the same one, the lowest run stands for them, whichever part it was in', () => {
    const range = (first: number, end: number) => runRange(fakeScenario, fakeRehearser, { seed: '7', strategy: { kind: 'random', faults: 0 }, first, end })
    const early = range(2, 5)
    for (const [into, other] of [[range(2, 5), range(5, 20)], [range(5, 20), range(2, 5)]] as const) {
      mergeAggregate(into, other)
      for (const [key, { run, hash }] of Object.entries(early.signatures)) expect(into.signatures[key]).toMatchObject({ run, hash })
    }
    expect(Object.values(early.signatures).map(({ run }) => run)).toContain(2)
    expect(Object.values(early.signatures).every(({ run, runs }) => run === 2 || runs < 3)).toBe(true)
  })

  test('the worst run of a measure is the first of those with its greatest value; of a part that kept none nothing is claimed', () => {
    const strategy = { kind: 'random', faults: 2 } as const
    const { caseOf } = strategyOf(strategy, fakeScenario, fakeRehearser, '7')
    const range = (first: number, end: number) => runRange(fakeScenario, fakeRehearser, { seed: '7', strategy, first, end })
    const whole = range(0, 60)
    const found = Object.entries(whole.worst) as [MeasureId, number][]
    expect(found.length).toBeGreaterThan(3)
    for (const [id, run] of found) {
      const values = Array.from({ length: 60 }, (_, i) => fakeRehearser.rehearse({ scenario: fakeScenario, ...caseOf(i) })).map(({ measures, inBudget }) => (inBudget ? measures[id] : -1))
      expect([id, run]).toEqual([id, values.indexOf(Math.max(...values))])
    }
    const old = (first: number, end: number) => {
      const { worst: _, ...json } = aggregateToJson(range(first, end))
      return aggregateFromJson(json as AggregateJson)
    }
    // The greatest is in the part that does not say where; then in the one that does.
    for (const [mine, theirs] of [[range(0, 30), old(30, 60)], [old(30, 60), range(0, 30)]] as const) {
      const known = range(0, 30)
      const above = MEASURES.filter((id) => range(30, 60).measures[id].max > known.measures[id].max)
      mergeAggregate(mine, theirs)
      for (const id of above) expect([id, mine.worst[id]]).toEqual([id, undefined])
      for (const id of MEASURES.filter((each) => known.measures[each].max > range(30, 60).measures[each].max)) expect([id, mine.worst[id]]).toEqual([id, known.worst[id]])
    }
  })

  test('a run counted twice is refused', () => {
    const part = runRange(fakeScenario, fakeRehearser, { seed: '7', strategy: { kind: 'random', faults: 0 }, first: 3, end: 8 })
    expect(() => mergeAggregate(runRange(fakeScenario, fakeRehearser, { seed: '7', strategy: { kind: 'random', faults: 0 }, first: 0, end: 5 }), part)).toThrow('runs 3…4 are in both results')
  })

  test('the fingerprint tells which run had which trace', async () => {
    const other = { ...fakeRehearser, seedOf: (seed: string, run: number) => `${seed}/${run === 0 ? 1 : run === 1 ? 0 : run}` }
    const swapped = (await runCampaign(fakeScenario, { runs: 10, faults: 0, seed: '7', clockMs }, other)).result
    expect(swapped.fingerprint).not.toBe((await campaign(10, 0)).fingerprint)
    expect((await campaign(10, 0)).fingerprint).toBe((await campaign(10, 0)).fingerprint)
  })
})

describe('campaigns', () => {
  test('shards 1/4 … 4/4 merged are the whole, to the last byte', async () => {
    const whole = await campaign(101, 2)
    const shards: CampaignResult[] = []
    for (const n of [3, 1, 4, 2]) shards.push(JSON.parse(JSON.stringify(await campaign(101, 2, { shard: { n, of: 4 } }))) as CampaignResult)
    expect(JSON.stringify(mergeResults(fakeScenario, shards, fakeRehearser).result)).toBe(JSON.stringify(whole))
  })

  test('parts of another campaign are refused with what differs', async () => {
    const one = await campaign(5, 0)
    const other = (await runCampaign(fakeScenario, { runs: 5, firstRun: 5, faults: 0, seed: '8' }, fakeRehearser)).result
    expect(() => mergeResults(fakeScenario, [one, other], fakeRehearser)).toThrow('the seed differs (7 and 8): these are not parts of one campaign')
    expect(() => mergeResults(fakeScenario, [one, one], fakeRehearser)).toThrow('are in both results')
  })

  test('runs out of budget stand apart: in no check, measure or verdict', async () => {
    const partition: Schedule = [{ ...(fakeSchedule(fakeScenario, '1', 1, 1)[0] as Schedule[number]), kind: 'partition' }]
    const rehearser = { ...fakeRehearser, scheduleOf: () => partition }
    const { result, stories } = await runCampaign(fakeScenario, { runs: 20, faults: 1, seed: '1', clockMs }, rehearser)
    expect(result.verdict).toBe('held')
    expect(result.outOfBudget).toMatchObject({ runs: 20, violations: { 'no-acknowledged-write-lost': 20 } })
    expect(result.checks.every((check) => check.violations === 0)).toBe(true)
    expect(result.measures.lostAcknowledgedWrites.max).toBe(0)
    expect(result.objectives.map((each) => each.status)).toEqual(['notExercised', 'notExercised'])
    expect(stories).toEqual([])
  })

  test('the result says what design §11 asks for', async () => {
    const result = await campaign(200, 2)
    expect(result).toMatchObject({ format: 1, scenario: 'postgres-ferris-wheel/as-documented', seed: '7', runs: 200, strategy: { kind: 'random', faults: 2 }, faultsPerRun: 2, pointOfNoReturn: null, verdict: 'violated' })
    expect(Object.values(result.outcomes).reduce((sum, n) => sum + n, 0)).toBe(200)
    const lost = result.checks.find((check) => check.id === 'no-acknowledged-write-lost')
    expect(lost).toMatchObject({ status: 'fail', violations: 200 - result.outOfBudget.runs, rate: 1 })
    expect(result.claims[0]).toMatchObject({ measure: 'writeDowntimeSeconds', claimed: 30, p50: 900.4, runsAbove: 200 - result.outOfBudget.runs })
    expect(result.steps.map((step) => step.step)).toEqual(['surge', 'wait', 'promote', 'patch', 'remove', 'shrink'])
    expect(result.steps.reduce((sum, step) => sum + step.share, 0)).toBeCloseTo(1, 4)
    expect(result.coverage).toMatchObject({ undoNeverTaken: ['promote'], gatesNeverFailed: ['wait'], stepsNeverStarted: [] })
    expect(result.counterexamples[0]).toMatchObject({ check: 'no-acknowledged-write-lost', faults: 0 })
  })

  test('every failure and one pass in a hundred runs twice; a difference is reported', async () => {
    expect((await campaign(250, 0)).determinism).toEqual({ twice: 250, mismatches: [], divergence: null })
    const good = (await runCampaign(fakeScenario, { runs: 250, faults: 0, seed: '7', clockMs }, goodRehearser)).result
    expect(good.determinism).toEqual({ twice: 3, mismatches: [], divergence: null })
    let calls = 0
    const fickle = { ...goodRehearser, rehearse: (what: Parameters<typeof goodRehearser.rehearse>[0]) => ({ ...goodRehearser.rehearse(what), hash: String(calls++).padStart(16, '0') }) }
    expect((await runCampaign(fakeScenario, { runs: 250, faults: 0, seed: '7', clockMs }, fickle)).result.determinism.mismatches).toEqual([0, 100, 200])
  })

  test('one slow run in a hundred does not break a p99, and yields no counterexample', async () => {
    const slow = { ...goodRehearser, rehearse: (what: Parameters<typeof goodRehearser.rehearse>[0]) => {
      const result = goodRehearser.rehearse(what)
      if (what.seed !== '7/150') return result
      const signature = { check: 'objectives-met', cause: 'writeDowntimeSeconds', step: 'patch' } as const
      return { ...result, measures: { ...result.measures, writeDowntimeSeconds: 45 }, verdicts: [...result.verdicts, { check: 'objectives-met', status: 'fail', evidence: '45 s', signature } as const] }
    } }
    const { result } = await runCampaign(fakeScenario, { runs: 200, faults: 0, seed: '7', clockMs }, slow)
    expect(result).toMatchObject({ verdict: 'held', counterexamples: [], signatures: [] })
    expect(result.measures.writeDowntimeSeconds.max).toBe(45)
  })

  test('a rehearsal that throws names its run', async () => {
    const broken = { ...fakeRehearser, rehearse: (what: Parameters<typeof fakeRehearsal>[0]) => {
      if (what.seed === '7/4') throw new TypeError('no such thing')
      return fakeRehearsal(what)
    } }
    await expect(runCampaign(fakeScenario, { runs: 9, faults: 0, seed: '7' }, broken)).rejects.toThrow(RehearsalError)
    await expect(runCampaign(fakeScenario, { runs: 9, faults: 0, seed: '7' }, broken)).rejects.toThrow('run 4: no such thing')
  })

  test('the queue hands out every missing run once, in pieces no longer than wanted', () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 5000 })), { maxLength: 8 })
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 32 }), (lengths, jobs) => {
        let at = 0
        const missing: Ranges = lengths.map(([gap, length]) => [at + gap, (at += gap + length)] as const)
        const queue = new RunQueue(missing)
        const most = pieceFor(countRuns(missing), jobs)
        let handed: Ranges = []
        for (let piece = queue.take(most); piece !== undefined; piece = queue.take(most)) {
          expect(piece[1] - piece[0]).toBeGreaterThan(0)
          expect(piece[1] - piece[0]).toBeLessThanOrEqual(most)
          handed = unite(handed, [piece])
        }
        expect(handed).toEqual(missing)
      }),
    )
  })
})

describe('shrinking', () => {
  test('keeps the signature, drops what does not matter, shortens what does', () => {
    const schedule = fakeSchedule(fakeScenario, '1', findRun('process-kill'), 2)
    const key = 'terminates/step-failed/shrink'
    const failing = { scenario: fakeScenario, rehearser: fakeRehearser, seed: '1/3', schedule, key, step: 'shrink' }
    const small = shrinkSchedule(failing)
    expect(small.form.schedule).toEqual([{ ...schedule[0], durationUs: 10_000_000 }])
    expect(failsWith(fakeRehearsal({ schedule: small.form.schedule, seed: '1/3' }), key)).toBe(true)
    expect(shrinkSchedule({ ...failing, key: 'no-split-brain/overlap/promote' }).form.schedule).toEqual([])
    expect(small.attempts).toBeLessThan(20)
  })

  test('goes round: what one change makes superfluous is taken away, too', () => {
    const kill = fakeSchedule(fakeScenario, '1', findRun('process-kill'), 2)[0]!
    const other = { kind: 'disk-slow' as const, target: 'any/0', at: 0, durationUs: 1e6, magnitude: 2 }
    // A long kill fails only beside the other fault, a short one by itself.
    const rehearser = { ...fakeRehearser, rehearse: (what: Parameters<typeof fakeRehearser.rehearse>[0]) => ({ ...fakeRehearser.rehearse(what), inBudget: what.schedule.some((fault) => fault.kind === 'disk-slow' || (fault.kind === 'process-kill' && fault.durationUs <= 10e6)) }) }
    const small = shrinkSchedule({ scenario: fakeScenario, rehearser, seed: '1/3', schedule: [{ ...kill, durationUs: 60e6 }, other], key: 'terminates/step-failed/shrink', step: 'shrink' })
    expect(small.form.schedule).toEqual([expect.objectContaining({ kind: 'process-kill', durationUs: 10e6 })])
    expect(small.minimal).toBe(true)
  })

  test('a smaller run whose faults no design survives is not the same failure', () => {
    const schedule = fakeSchedule(fakeScenario, '1', findRun('process-kill'), 2)
    const key = 'terminates/step-failed/shrink'
    // Only with the other fault beside it is the kill in budget.
    const rehearser = { ...fakeRehearser, rehearse: (what: Parameters<typeof fakeRehearser.rehearse>[0]) => ({ ...fakeRehearser.rehearse(what), inBudget: what.schedule.length > 1 }) }
    const small = shrinkSchedule({ scenario: fakeScenario, rehearser, seed: '1/3', schedule: [...schedule, { kind: 'disk-slow', target: 'any/0', at: 0, durationUs: 1e6, magnitude: 2 }], key, step: 'shrink' })
    expect(small.form.schedule).toHaveLength(2)
    expect(small.result.inBudget).toBe(true)
  })

  test('a counterexample file replays the same, and says when it does not', async () => {
    const { result } = await runCampaign(fakeScenario, { runs: 30, faults: 2, seed: '7' }, fakeRehearser)
    const found = result.counterexamples.find((each) => each.check === 'terminates')!
    const file = toFile(found, result)
    expect(replay(JSON.parse(JSON.stringify(file)), fakeScenario, fakeRehearser)).toMatchObject({ is: 'same', stillFails: true })
    expect(replay(file, fakeScenario, { ...goodRehearser, rehearse: (what) => ({ ...goodRehearser.rehearse(what), hash: '0'.repeat(16) }) })).toMatchObject({ is: 'changed', stillFails: false })
  })

  test('the same trace is no longer the same failure when the check judges otherwise', async () => {
    const { result } = await runCampaign(fakeScenario, { runs: 30, faults: 2, seed: '7' }, fakeRehearser)
    const file = toFile(result.counterexamples[0]!, result)
    const judged = { ...fakeRehearser, rehearse: (what: Parameters<typeof fakeRehearser.rehearse>[0]) => ({ ...fakeRehearser.rehearse(what), verdicts: [] }) }
    expect(replay(file, fakeScenario, judged)).toMatchObject({ is: 'changed', stillFails: false, rehearsal: { hash: file.expected.hash }, smallest: { is: 'changed', stillFails: false } })
  })

  test('only the gravest is explained; a file without a smallest form, as older versions wrote it, replays', async () => {
    const { result } = await runCampaign(fakeScenario, { runs: 30, faults: 2, seed: '7' }, fakeRehearser)
    expect(result.counterexamples.map((each) => each.explained !== undefined)).toEqual(result.counterexamples.map((_, i) => i === 0))
    const { smallest, ...older } = toFile(result.counterexamples[0]!, result)
    expect(smallest?.hash).toMatch(/^[0-9a-f]{16}$/)
    expect(replay(older, fakeScenario, fakeRehearser)).toMatchObject({ is: 'same', smallest: null })
    expect(replay({ ...older, smallest: { ...smallest!, hash: 'f'.repeat(16) } }, fakeScenario, fakeRehearser)).toMatchObject({ is: 'changed', stillFails: true, smallest: { is: 'changed', stillFails: true } })
  })
})

function findRun(kind: string): number {
  for (let run = 0; ; run++) if (fakeSchedule(fakeScenario, '1', run, 2)[0]?.kind === kind) return run
}

test('an objective about the upgrade alone is judged only where no fault was drawn', async () => {
  const scenario = { ...fakeScenario, objectives: fakeScenario.objectives.map((each) => ({ ...each, faults: 'none' as const })) }
  const statuses = async (faults: number) => (await runCampaign(scenario, { runs: 50, faults, seed: '7', clockMs }, fakeRehearser)).result.objectives.map((each) => each.status)
  expect(new Set(await statuses(2))).toEqual(new Set(['notExercised']))
  expect(await statuses(0)).toEqual((await campaign(50, 0)).objectives.map((each) => each.status))
})
