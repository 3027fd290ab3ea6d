/** Each corrected runbook as a shell script beside its steps: the same outcomes, the same checks, measures within the noise of seeds (docs/scripts-against-steps.md has hundreds of each). */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { rehearse, runSeed, scheduleFor } from '../../src/rehearsal.ts'
import type { RehearsalResult } from '../../src/result.ts'
import { loadScenario } from '../../src/scenario/index.ts'

const RUNS = 4

function tried(name: string, faults: number): readonly RehearsalResult[] {
  const scenario = loadScenario(name, engines)
  return Array.from({ length: RUNS }, (_, run) => rehearse({ scenario, seed: runSeed('1', run), schedule: scheduleFor(scenario, '1', run, faults) }))
}

const failed = (results: readonly RehearsalResult[]): string[] => [...new Set(results.flatMap(r => r.verdicts.filter(v => v.status === 'fail').map(v => v.check)))].sort()
const mean = (results: readonly RehearsalResult[], read: (result: RehearsalResult) => number | undefined): number => results.reduce((sum, r) => sum + (read(r) ?? 0), 0) / results.length

describe.each([
  'postgres-ferris-wheel/fenced', 'postgres-ferris-wheel/quorum', 'postgres-rotate-in-place/fenced', 'blue-green/guarded', 'mongodb-step-down/verified', 'redis-rolling-replace/verified', 'vitess-rolling/primary-last',
])('%s as a script', name => {
  test('without faults: reaches its end, every check judged alike, measures as those of the steps', () => {
    const steps = tried(name, 0)
    const script = tried(`${name}-script`, 0)
    expect(script.map(r => r.outcome)).toEqual(steps.map(r => r.outcome))
    expect(new Set(script.map(r => r.outcome))).toEqual(new Set(['completed']))
    // A script has no gates that claim anything, and declares no point of no return.
    const judged = (results: readonly RehearsalResult[]): string[] => results.flatMap((r, i) => r.verdicts.filter(v => v.check !== 'gates-honest' && v.check !== 'rollback-safe').map(v => `${i} ${v.check} ${v.status}`)).sort()
    expect(judged(script)).toEqual(judged(steps))
    expect(failed(script)).toEqual([])
    for (const [measure, slack] of [['writeDowntimeSeconds', 0.6], ['longestWriteGapSeconds', 0.6], ['durationSeconds', 30], ['mixedVersionSeconds', 30], ['extraCostDollars', 0.02], ['failedAttempts', 0], ['lostAcknowledgedWrites', 0]] as const) {
      const wanted = mean(steps, r => r.measures[measure])
      expect(Math.abs(mean(script, r => r.measures[measure]) - wanted), `${measure}, of the steps ${wanted}`).toBeLessThanOrEqual(slack + 0.1 * wanted)
    }
  })

  test('with up to two faults no check fails that the steps hold', () => {
    expect(failed(tried(`${name}-script`, 2))).toEqual(failed(tried(name, 2)))
  })
})

test('killed at any of its waits and run again from the top, the wheel still comes to its end', () => {
  const scenario = loadScenario('postgres-ferris-wheel/fenced-script', engines)
  const lines = scenario.runbook.steps.map(step => step.id)
  const outcomes = lines.filter((_, i) => i % 6 === 3).map(step => {
    const { outcome, verdicts } = rehearse({ scenario, seed: runSeed('k', 0), schedule: [{ kind: 'operator-killed', target: 'operator', at: { step, path: 'forward', visit: 1, phase: 'await', command: 1, offsetUs: 0 }, durationUs: 30_000_000, magnitude: 0 }] })
    return `${step} ${outcome} ${verdicts.filter(v => v.status === 'fail').map(v => v.check).join()}`
  })
  expect(outcomes.filter(text => !text.endsWith(' completed '))).toEqual([])
  expect(outcomes.length).toBeGreaterThan(10)
})
