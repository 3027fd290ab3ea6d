/** Blue/green on PostgreSQL: the documented order, the guarded one, and what each guard of it is for. */
import { describe, expect, test } from 'vitest'
import { engines } from '../../models/index.ts'
import { runCampaign } from '../../src/campaign/index.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { loadScenario } from '../../src/scenario/index.ts'
import { type Change, play, variant, verdict, why } from '../traps/stage.ts'

const GUARDED = 'blue-green/guarded'
const SWITCH = 'blue-green/service-switch'
const RUNS = 8
/** A few lucks, without looking for the smallest form of each failure: that takes minutes. */
const played = (name: string, change: Change = {}, seeds = ['1/0', '1/1']) => seeds.map(seed => play(variant(name, change), seed))
const failing = (results: ReturnType<typeof played>): string[] => results.flatMap(({ verdicts }) => verdicts.filter(v => v.status === 'fail' && v.check !== 'objectives-met').map(v => `${v.check}: ${v.signature?.cause} at ${v.signature?.step}`))
const outcomes = (results: ReturnType<typeof played>): string[] => results.map(({ outcome }) => outcome)

describe('guarded', () => {
  test('reaches its target within the best that can be had: nothing lost, nobody gets an error, clients wait 1–5 s (O10, PF02, PF10)', async () => {
    const { result } = await runCampaign(loadScenario(GUARDED, engines), { runs: RUNS, seed: '1', faults: 0 })
    expect(result.outcomes.completed).toBe(RUNS)
    expect(result.checks.filter(c => c.status === 'fail')).toEqual([])
    for (const id of ['target-reached', 'converges', 'serves-at-end', 'no-false-success', 'gates-honest', 'no-split-brain']) expect(result.checks.find(c => c.id === id)).toMatchObject({ status: 'pass', judged: RUNS })
    const { writeDowntimeSeconds, lostAcknowledgedWrites, failedAttempts, splitBrainSeconds, forbiddenSkewSeconds } = result.measures
    expect(writeDowntimeSeconds.p50).toBeGreaterThan(0.5)
    expect(writeDowntimeSeconds.max).toBeLessThanOrEqual(5)
    expect([lostAcknowledgedWrites.max, failedAttempts.max, splitBrainSeconds.max, forbiddenSkewSeconds.max]).toEqual([0, 0, 0, 0])
  })

  test('green gets as many members as blue: nothing is ever on one copy only; pods that do not follow one another are held back before the switch', async () => {
    const ofThree = (set: Readonly<Record<string, string>> = {}) => loadScenario(GUARDED, engines, { set: { 'cluster.members': '3', ...set } })
    const { result } = await runCampaign(ofThree(), { runs: 4, seed: '1', faults: 0 })
    expect(result.checks.filter(c => c.status === 'fail')).toEqual([])
    expect(result.outcomes.completed).toBe(4)
    expect([result.measures.redundancyExposedSeconds.max, result.measures.peakMultiplier.max]).toEqual([0, 1.5])
    const five = play(loadScenario(GUARDED, engines, { set: { 'cluster.members': '5' } }))
    expect([five.outcome, ...five.verdicts.filter(v => v.status === 'fail')]).toEqual(['completed'])
    // Each pod of green a database of its own: nobody follows, and the gate holds the runbook back before anything is switched.
    const alone = play(ofThree({ 'cluster.green': '{"name":"green-db"}' }))
    expect([alone.outcome, alone.measures.writeDowntimeSeconds]).toEqual(['rolledBack', 0])
    expect(alone.outcomeReason).toContain('green-standbys')
  })

  test('a metric that stands still takes nobody in: with the apply worker stalled the switch is taken back, and blue writes on (BG-T33, O9)', () => {
    const scenario = loadScenario(GUARDED, engines)
    const result = play(scenario, '1/0', [{ kind: 'replay-stall', target: 'member:green-db-0', at: { step: 'fence', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 300 * SECOND, magnitude: 0 }])
    expect(result).toMatchObject({ outcome: 'rolledBack', struck: 1, outcomeReason: expect.stringContaining('green-has-all') as string })
    expect(result.verdicts.filter(v => v.status === 'fail')).toEqual([])
    expect(result.measures.lostAcknowledgedWrites).toBe(0)
  })

  test('after the soak blue has all that green has taken: going back would lose nothing (BG-T28)', () => {
    // The way back is there as long as blue is: ask before it is retired.
    const kept = play(variant(GUARDED, { without: ['retire'] }))
    expect(kept.outcome).toBe('completed')
    expect(verdict(kept, 'no-acknowledged-write-lost').status).toBe('pass')
    const last = kept.story?.members.filter(m => m.member === 'blue-db-0').at(-1)
    expect(last).toMatchObject({ running: true, role: 'follower' })
  })

  describe('without one of its guards', () => {
    test('the fence: the gate `fenced` holds every run back', () => {
      expect(outcomes(played(GUARDED, { without: ['fence'] }))).toEqual(['rolledBack', 'rolledBack'])
    })

    test('the fence and its proof: both take writes', () => {
      expect(failing(played(GUARDED, { without: ['fence', 'fenced'] })).some(text => text.startsWith('no-split-brain'))).toBe(true)
    })

    test('the comparison of positions, when green lags: what it lacks is lost for good once blue is deleted', () => {
      const lag = (change: Change) =>
        play(variant(GUARDED, change), '1/0', [{ kind: 'replay-stall', target: 'member:green-db-0', at: { step: 'pause-all', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 120 * SECOND, magnitude: 0 }])
      const without = lag({ without: ['blue-end', 'green-has-all'] })
      expect(without.outcome).toBe('completed')
      expect(verdict(without, 'no-acknowledged-write-lost')).toMatchObject({ status: 'fail', signature: { cause: 'unreplicated-tail' } })
      expect(why(without, 'no-acknowledged-write-lost')).toContain('what was merged ends before them')
      expect(verdict(lag({}), 'no-acknowledged-write-lost').status).toBe('pass')
    })

    test('the opening of green: nobody can write, and the runbook does not say that it is done', () => {
      const results = played(GUARDED, { without: ['open'] }, ['1/0'])
      expect(failing(results).filter(text => text.startsWith('serves-at-end')).length).toBe(1)
      expect(outcomes(results)).not.toContain('completed')
    })

    test('the Service: clients stay at a fenced blue', () => {
      const results = played(GUARDED, { without: ['route'] }, ['1/0'])
      expect(Math.min(...results.map(r => r.measures.writeDowntimeSeconds))).toBeGreaterThan(60)
      expect(outcomes(results)).not.toContain('completed')
    })

    test('the deletion of blue: two versions remain, and the runbook says that it is done', () => {
      expect(failing(played(GUARDED, { without: ['delete-blue', 'blue-gone', 'delete-volumes'] })).some(text => text.startsWith('converges'))).toBe(true)
    })
  })
})

describe('service-switch, as documented (O1)', () => {
  test('BG-T18, PG-S04 deletes blue before it switches: nobody can write in between; what was on its way blue still sends, since it stops cleanly (PG-LOGICAL-11)', () => {
    const results = played(SWITCH, {}, ['1/0', '1/1', '1/2'])
    expect(outcomes(results)).toEqual(['completed', 'completed', 'completed'])
    for (const { measures } of results) {
      expect(measures.writeDowntimeSeconds).toBeGreaterThan(0.2)
      expect(measures.lostAcknowledgedWrites).toBe(0)
    }
    expect(failing(results)).toEqual(expect.arrayContaining([expect.stringMatching(/^no-split-brain/), expect.stringMatching(/^no-false-success/)]))
  })

  test.each([
    ['when the image stops it at once', { set: { 'cluster.stopSignal': 'QUIT' } }, [1, 1_000]],
    ['after a copy that nobody follows up, as a dump would be', { step: { 'delete-blue': (step: Record<string, unknown>) => void (step['run'] = ['psql -h ${green} -c "alter subscription green disable"', 'psql -h ${green} -c "select pg_sleep(60)"', 'kubectl delete statefulset blue-db']) } }, [25_000, 40_000]],
  ] as const)('BG-T18, PG-S04 %s: what green does not have then is on no copy', (_, change, [least, most]) => {
    const result = play(variant(SWITCH, change))
    expect(result.outcome).toBe('completed')
    expect(result.measures.lostAcknowledgedWrites).toBeGreaterThanOrEqual(least)
    expect(result.measures.lostAcknowledgedWrites).toBeLessThan(most)
    expect(result.measures.strandedWrites).toBe(0)
    expect(verdict(result, 'no-acknowledged-write-lost').signature?.cause).toBe('unreplicated-tail')
  })

  test('on Vitess, also with the step left out that fills a variable of a patch: the API server refuses what is missing, and nothing is beyond the model', () => {
    for (const without of [[], ['parts']]) expect(play(variant(SWITCH, { set: { 'cluster.engine': 'vitess' }, without })).outcome, without.join()).toMatch(/completed|aborted/)
  })

  test('the longer somebody takes between the two, the longer the outage', () => {
    const usual = play(variant(SWITCH))
    const slow = play(variant(SWITCH, { step: { 'delete-blue': step => { step['run'] = ['kubectl delete statefulset blue-db', 'kubectl wait --for=condition=Ready pod/green-db-0 --timeout=5s', 'kubectl wait --for=delete pod/blue-db-0 --timeout=120s', 'kubectl wait --for=condition=Failed pod/green-db-0 --timeout=90s']; step['otherwise'] = 'continue' } } }))
    expect(usual.measures.writeDowntimeSeconds).toBeLessThan(6)
    expect(slow.measures.writeDowntimeSeconds).toBeGreaterThan(80)
  })

  test('BG-T19, PG-S05 takes the volumes with it: no way back', () => {
    const result = play(variant(SWITCH))
    expect(result.story?.trace.some(r => r.label === 'disk.destroyed' && r.node.includes('blue-db-0'))).toBe(true)
  })

  test('BG-T22, PG-S06 the compare job has nothing to compare with, and nobody minds', () => {
    const result = play(variant(SWITCH))
    const asked = result.story?.commands.filter(c => c.step === 'compare-blue')
    expect(asked?.map(c => c.code)).toEqual([2])
    expect(asked?.[0]?.err).toMatch(/could not translate host name|shutting down|Connection refused|timed out/)
    expect(result.outcome).toBe('completed')
  })

  test('BG-T20 without the deletion the pools stay where they are: the Service has moved, and blue goes on taking their writes', () => {
    const result = play(variant(SWITCH, { without: ['delete-blue'] }))
    const after = result.steps.find(s => s.step === 'switch-service')?.endUs ?? 0
    expect(result.measures.splitBrainSeconds).toBeGreaterThan(60)
    expect(result.simulatedUs).toBeGreaterThan(after)
    expect(result.measures.writeDowntimeSeconds).toBeLessThan(1)
  })

  test('BG-T21, PG-S08 two replicas of a plain StatefulSet are two databases: half of the clients write into each', () => {
    const result = play(variant(SWITCH, { set: { 'cluster.green.nodes': '2' }, step: { 'deploy-green': step => void (step['run'] = 'kubectl scale statefulset green-db --replicas=2') } }))
    expect(verdict(result, 'no-split-brain').status).toBe('fail')
    expect(verdict(result, 'converges').evidence).toContain('green-db-0 and green-db-1 both lead')
  })
})
