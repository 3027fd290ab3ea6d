/**
 * Bar 3 of issue 2: whatever is taken out of the corrected wheel is found. A step whose success the runbook itself proves is first caught by
 * that proof (nothing is lost, but the run does not get through); with the proof gone too, the checks say what it was for.
 */
import { describe, expect, test } from 'vitest'
import { runCampaign } from '../../src/campaign/index.ts'
import type { Schedule } from '../../src/faults/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { type Change, play, variant, verdict, why } from '../traps/stage.ts'

const FENCED = 'postgres-ferris-wheel/fenced'
const RUNS = 10

const failed = async (change: Change, runs = RUNS) => {
  const { result } = await runCampaign(variant(FENCED, change), { runs, seed: '1', faults: 0 })
  return { outcomes: result.outcomes, objectives: result.objectives.filter(o => o.status === 'fail').map(o => o.measure), signatures: result.signatures.map(s => `${s.check}: ${s.cause} at ${s.step}`), checks: result.checks.filter(c => c.status === 'fail').map(c => c.id) }
}

const noSignal: NonNullable<Change['step']> = {
  'fence-by-construction': step => {
    step['run'] = (step['run'] as string[]).slice(0, 1)
  },
}

describe('taken out of the corrected wheel', () => {
  test('the stop of the old primary: the gate `fenced` holds every run back, and clients wait for it too long', async () => {
    const alone = await failed({ without: ['stop-old'] })
    expect(alone).toMatchObject({ outcomes: { completed: 0 }, objectives: ['writeDowntimeSeconds'] })
    expect(play(variant(FENCED, { without: ['stop-old'] }))).toMatchObject({ outcome: 'rolledBack', outcomeReason: expect.stringContaining('fenced') })
  })

  test('the stop and its proof: two leaders from the promotion on, because nothing stopped the old one', async () => {
    const change = { without: ['stop-old', 'fenced', 'old-end', 'candidate-has-all'] }
    const { signatures, checks } = await failed(change)
    expect(checks).toContain('no-split-brain')
    expect(signatures).toContain('no-split-brain: overlap at promote')
    expect(why(play(variant(FENCED, change)), 'no-split-brain')).toMatch(/nothing had stopped postgres-cluster-0/)
  })

  test('the pause: clients get errors', async () => {
    const { outcomes, objectives } = await failed({ without: ['pause'] })
    expect(outcomes.completed).toBe(RUNS)
    expect(objectives).toEqual(['failedAttempts'])
  })

  test('standby.signal: the old primary comes back as a primary; the gate `fenced` sees it and holds every run back', async () => {
    const alone = await failed({ step: noSignal })
    expect(alone).toMatchObject({ outcomes: { completed: 0 }, objectives: ['writeDowntimeSeconds'] })
    expect(play(variant(FENCED, { step: noSignal }))).toMatchObject({ outcome: 'rolledBack', outcomeReason: expect.stringContaining('fenced') })
  })

  test('standby.signal and its proof: two leaders, because the old one returned', async () => {
    const change = { step: noSignal, without: ['fenced', 'old-end', 'candidate-has-all'] }
    const { signatures } = await failed(change)
    expect(signatures.some(s => s.startsWith('no-split-brain: returned-leader'))).toBe(true)
    expect(why(play(variant(FENCED, change)), 'no-split-brain')).toContain('postgres-cluster-0 started as a leader')
  })

  test('the re-pointing of the other standbys: its own gate never passes and no run gets through', async () => {
    const alone = await failed({ without: ['repoint-conninfo'] })
    expect(alone.outcomes).toMatchObject({ completed: 0, aborted: RUNS })
    expect(play(variant(FENCED, { without: ['repoint-conninfo'] })).outcomeReason).toContain('repoint-streams')
  })

  test('the re-pointing and its proofs: the others cascade from the fenced old primary, a chain that breaks with it', async () => {
    const change = { without: ['follow', 'all-stream', 'verify-standbys'] }
    const { outcomes, checks } = await failed(change)
    expect(outcomes.completed).toBe(RUNS)
    expect(checks).toContain('converges')
    expect(why(play(variant(FENCED, change)), 'converges')).toMatch(/running and caught up|does not follow|follow/)
    // When the old primary's node is lost after the switchover, nobody is left that streams from the new one.
    const exposed = (scenario: Change): number => {
      const plain = play(variant(FENCED, scenario))
      const atUs = plain.steps.find(s => s.step === 'verify-leader')?.startUs ?? 0
      const node = plain.story?.members.filter(m => m.member === 'postgres-cluster-0' && m.running && m.atUs < atUs).at(-1)?.node ?? ''
      const struck = play(variant(FENCED, scenario), '1/0', [{ kind: 'node-loss', target: `node:${node}`, at: atUs, durationUs: 3600 * SECOND, magnitude: 0 }])
      expect(struck.struck).toBe(1)
      return struck.measures.redundancyExposedSeconds - plain.measures.redundancyExposedSeconds
    }
    expect(exposed({})).toBeLessThan(5)
    expect(exposed(change)).toBeGreaterThan(30)
  })

  describe('the LSN gate', () => {
    /** The candidate dies between being chosen and the pause, and is back without what was written meanwhile. */
    const schedules: Schedule[] = [0, 1, 2].flatMap(follower =>
      ['poolers', 'no-long-transaction'].map(step => [
        { kind: 'process-kill' as const, target: `role:follower/${follower}`, at: { step, path: 'forward' as const, visit: 1, phase: 'start' as const, command: 1, offsetUs: 0 }, durationUs: 3 * SECOND, magnitude: 0 },
      ]),
    )
    const losses = (change: Change): string[] => {
      const scenario = variant(FENCED, change)
      return schedules.flatMap(schedule =>
        ['1/0', '1/1', '1/2'].flatMap(seed => {
          const found = verdict(play(scenario, seed, schedule), 'no-acknowledged-write-lost')
          return found.status === 'fail' ? [`${found.signature?.cause} at ${found.signature?.step}`] : []
        }),
      )
    }

    test('with it nothing is lost when the candidate dies at the wrong moment', () => {
      expect(losses({})).toEqual([])
    })

    test('without it a candidate that lacks the end is promoted', () => {
      const found = losses({ without: ['candidate-has-all'] })
      expect(found.length).toBeGreaterThan(0)
      expect(found.every(text => /(behind-candidate|unreplicated-tail) at promote/.test(text))).toBe(true)
    })
  })
})
