/** Faults, checks and probes that a suite writes as plain functions. */
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { faultSpec, type Schedule } from '../../src/faults/index.ts'
import { expectProbes, expectRehearsal, expectRunbook, fault, faultSchedules, fc, type OwnCheck, type OwnFault, rehearsal, runbook, type RunbookViolation, scenario, sleep, withFaults } from '../../src/vitest.ts'
import { proofroll } from '../cli/workshop.ts'
import { engines, enterFolder, onToy } from './toy.ts'

beforeEach(() => void enterFolder())

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

/** Whoever leads hangs, and is cut off at the same instant. */
const rack: OwnFault = fault({
  kind: 'x-rack-fails',
  doc: 'The leader hangs and its network is gone.',
  duration: { min: '1s', usual: '10s', max: '2m' },
  like: 'process-pause',
  strike(hands, { target }) {
    hands.strike('process-pause', target)
    hands.strike('partition', target)
  },
})
const at = { step: 'settle', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 } as const
const strikes = (kind: `x-${string}`, target = 'role:leader', durationUs = 10e6): Schedule => [{ kind, target, at, durationUs, magnitude: 0 }]

describe('a fault of one’s own', () => {
  test('strikes with the engine’s kinds, holds its members against the budget, and ends them', () => {
    const swap = onToy({ faults: [rack] })
    const { faults, measures, inBudget, story } = rehearsal(swap, { schedule: strikes('x-rack-fails'), record: true })
    expect(faults).toMatchObject([{ kind: 'x-rack-fails', target: 'member:m-0', struck: true, atUs: 500_000, endUs: 10_500_000 }])
    expect(inBudget).toBe(true)
    expect(measures.durationSeconds).toBeGreaterThan(rehearsal(swap).measures.durationSeconds - 1)
    const runs = (us: number): boolean | undefined => story?.members.findLast(change => change.member === 'm-0' && change.atUs <= us)?.running
    expect([runs(499_999), runs(5e6), runs(11e6)]).toEqual([true, false, true])
    const twice = [...strikes('x-rack-fails', 'member:m-0'), ...strikes('x-rack-fails', 'member:m-1')]
    expect(rehearsal(swap, { schedule: twice }).inBudget).toBe(false)
    expect(rehearsal(swap, { schedule: strikes('x-rack-fails') }).hash).toBe(rehearsal(swap, { schedule: strikes('x-rack-fails') }).hash)
  })

  test('issues commands, which take away the members that it names', () => {
    const stops: OwnFault = { kind: 'x-somebody-stops-it', doc: 'A colleague stops a follower.', duration: '1s', like: 'process-kill', strike: (hands, { target }) => hands.run(`stop ${target.slice(7)}`, [target.slice(7)]) }
    const swap = onToy({ faults: [stops] })
    const { faults, story, inBudget } = rehearsal(swap, { schedule: strikes('x-somebody-stops-it', 'member:m-2'), record: true })
    expect(faults[0]).toMatchObject({ struck: true })
    expect(story?.members.some(change => change.member === 'm-2' && !change.running && change.atUs >= 500_000 && change.atUs < 1e6)).toBe(true)
    expect(inBudget).toBe(true)
    expect(rehearsal(swap, { schedule: [...strikes('x-somebody-stops-it', 'member:m-1'), ...strikes('x-somebody-stops-it', 'member:m-2')] }).inBudget).toBe(false)
  })

  test('that does nothing has found nothing to strike', () => {
    const swap = onToy({ faults: [{ kind: 'x-nothing', doc: 'Nothing.', duration: '1s', strike: hands => void hands.strike('process-kill', 'member:m-9') }] })
    expect(rehearsal(swap, { schedule: strikes('x-nothing', 'cluster') })).toMatchObject({ struck: 0, faults: [{ struck: false, why: 'nothing was there to strike' }] })
  })

  test('is drawn with the others, in budget, by campaigns and by fast-check, and shrinks like them', () => {
    const swap = onToy({ faults: [rack] })
    expect(swap.faults.kinds).toContain('x-rack-fails')
    const found = fc.check(fc.property(faultSchedules(swap, { max: 3 }), schedule => !schedule.some(({ kind }) => kind === 'x-rack-fails')), { numRuns: 500 })
    expect(found.counterexample?.[0]).toEqual([{ kind: 'x-rack-fails', target: 'role:leader', at: { ...at, step: 'pause' }, durationUs: 10e6, magnitude: 0 }])
    const only = fc.sample(faultSchedules(swap, { kinds: ['x-rack-fails'] }), { numRuns: 200, seed: 1 }).flat()
    expect(only.length).toBeGreaterThan(150)
    for (const { durationUs } of only) expect(durationUs >= 1e6 && durationUs <= 120e6).toBe(true)
    expect(new Set(only.map(({ target }) => target))).toEqual(new Set(['role:leader', 'role:follower/0', 'role:follower/1', 'role:follower/2', 'member:m-0', 'member:m-1', 'member:m-2']))
  })

  test('in a campaign it strikes runs; threads are refused, unless a module has it', async () => {
    const swap = onToy({ faults: [rack] })
    const { coverage } = await expectRunbook(swap).toHold({ runs: 60, faults: 1, folder: null }).catch((error: RunbookViolation) => error.result)
    expect(coverage.faultsStruck).toBeGreaterThan(30)
    expect(coverage.kindsNeverStruck).not.toContain('x-rack-fails')
    await expect(expectRunbook(swap).toHold({ jobs: 2 })).rejects.toThrow('use jobs: 1, or enginesModule')
    await expect(expectRunbook(onToy({ checks: [{ id: 'x-any', judge: () => undefined }] })).toHold({ jobs: 2 })).rejects.toThrow('use jobs: 1')
  })

  test('its failure’s file plays in the suite; the command line says so', async () => {
    const swap = onToy({ faults: [{ ...rack, kind: 'x-rack-stays', duration: '15m' }], runbook: runbook({ title: 'Wait', steps: [sleep('20m', { id: 'wait' })] }) })
    const schedule: Schedule = [{ kind: 'x-rack-stays', target: 'role:leader', at: { ...at, step: 'wait' }, durationUs: 900e6, magnitude: 0 }]
    expect(messageOf(() => expectRehearsal(rehearsal(swap, { schedule }), 'rack').toKeepWriteDowntimeUnder('30s'))).toContain('in this suite: rehearsal(scenario, { replay: "reports/swap/rack.json" })')
    expect(rehearsal(swap, { replay: 'reports/swap/rack.json' })).not.toKeepWriteDowntimeUnder('30s')
    const { code, err } = await proofroll(['replay', 'reports/swap/rack.json'])
    expect(code).toBe(2)
    expect(err.replace(/\s+/g, ' ')).toContain('`x-rack-stays` is a function of the test suite that found this')
  })

  test('what is wrong with one is said when it is defined', () => {
    const broken = (more: Partial<OwnFault>): string => messageOf(() => fault({ ...rack, ...more }))
    expect(broken({ kind: 'x-Rack' })).toContain('`x-Rack` cannot be the name of a fault of your own')
    expect(broken({ kind: 'rack' as never })).toContain('cannot be the name')
    expect(broken({ duration: 'long' })).toBe('x-rack-fails: `long` is no duration; write 500ms, 30s, 5m')
    expect(broken({ duration: { min: '5s', usual: '1s', max: '9s' } })).toBe('x-rack-fails: duration: min ≤ usual ≤ max must hold, and none may be negative')
    expect(messageOf(() => withFaults(engines, [rack, rack]))).toBe('x-rack-fails: two faults have this name')
    const doing = (kind: `x-${string}`, strike: OwnFault['strike']): string => messageOf(() => rehearsal(onToy({ faults: [{ kind, doc: '', duration: '1s', strike }] }), { schedule: strikes(kind, 'cluster') }))
    expect(doing('x-operator', hands => void hands.strike('operator-killed', 'operator'))).toContain('it cannot strike with operator-killed, which is about the operator')
    expect(doing('x-piped', hands => hands.run('stop m-1 | cat'))).toContain('is not one plain command line')
    expect(doing('x-typo', hands => hands.run('stopp m-1'))).toContain('`stopp` is not modelled')
    expect(faultSpec('x-rack-fails').doc).toBe(rack.doc)
  })
})

/** No two standbys may be replaced within ten seconds. */
const slowly: OwnCheck = {
  id: 'x-no-hurry',
  judge({ steps }) {
    const replace = steps.find(({ step }) => step === 'replace')
    const tookUs = replace === undefined ? 0 : (replace.endUs ?? 0) - replace.startUs
    return tookUs > 10e6 ? undefined : { evidence: `both standbys were replaced within ${tookUs / 1e6} s`, step: 'replace' }
  },
}
/** Fails only while something strikes. */
const calm: OwnCheck = { id: 'x-calm', judge: ({ struck }) => (struck > 0 ? `${struck} faults struck` : undefined) }

describe('a check of one’s own', () => {
  test('is judged by toHold and toPassCheck, with a story and a file', () => {
    const swap = onToy({ checks: [slowly] })
    const result = rehearsal(swap)
    expect(result).not.toHold()
    expect(result).not.toPassCheck('x-no-hurry')
    expect(result).toLoseNoAcknowledgedWrite()
    const message = messageOf(() => expectRehearsal(result, 'hurry').toHold())
    expect(message).toMatch(/How it failed x-no-hurry[\s\S]*✗ .* replace .*← here[\s\S]*both standbys were replaced within 0.4 s/)
    expect(JSON.parse(readFileSync('reports/swap/hurry.json', 'utf8')).signature).toEqual({ check: 'x-no-hurry', cause: 'own', step: 'replace' })
  })

  test('shrinks a schedule by hand to the fault that it needs', () => {
    const swap = onToy({ checks: [calm] })
    const schedule: Schedule = [0, 1, 2].map(i => ({ kind: 'replication-lag', target: 'member:m-1', at: i * 1e6, durationUs: 64e6, magnitude: 1 }))
    messageOf(() => expectRehearsal(rehearsal(swap, { schedule }), 'calm').toHold())
    expect(JSON.parse(readFileSync('reports/swap/calm.json', 'utf8')).schedule.length).toBe(1)
  })

  test('is judged in each run of a campaign in this thread, and only there', async () => {
    const counted: number[] = []
    const swap = onToy({ checks: [{ id: 'x-counts', judge: ({ struck }) => void counted.push(struck) }, calm] })
    const failure = await expectRunbook(swap).toHold({ runs: 20, faults: 1, folder: null }).catch((error: Error) => error)
    // The story of the failure is rehearsed again, by one who knows these checks; the campaign's own runs are 20.
    expect(counted.length).toBeGreaterThanOrEqual(20)
    expect((failure as Error).message).toMatch(/x-calm failed in \d+ of \d+ rehearsals\n[\s\S]*faults struck/)
    await expect(expectRunbook(swap).toViolate('x-calm', { runs: 20, faults: 1, folder: null })).resolves.toMatchObject({ runs: 20 })
    await expect(expectRunbook(swap).toViolate('x-calm', { runs: 5, folder: null })).rejects.toThrow('no rehearsal violated x-calm')
    counted.length = 0
    await expectRunbook(onToy({ checks: [swap.own.checks[0] as OwnCheck] })).toHold({ runs: 20, folder: null })
    expect(counted.length).toBe(20)
  })

  test('gets the story when it asks for it, and its own error when it throws', () => {
    const seen: (number | undefined)[] = []
    rehearsal(onToy({ checks: [{ id: 'x-reads', readsStory: true, judge: ({ story }) => void seen.push(story?.commands.length) }] }))
    expect(seen).toEqual([13])
    expect(messageOf(() => rehearsal(onToy({ checks: [{ id: 'x-throws', judge: () => { throw new Error('oops') } }] })))).toBe('the check x-throws threw: oops')
    expect(messageOf(() => onToy({ checks: [{ id: 'slow' as never, judge: () => undefined }] }))).toContain('`slow` cannot be the name of a check of your own')
    expect(messageOf(() => onToy({ checks: [calm, calm] }))).toBe('`x-calm` stands twice among the checks and probes')
  })
})

describe('a probe', () => {
  const probes = [{ name: 'a fault strikes', hit: ({ struck }: { struck: number }) => struck > 0 }]

  test('must be hit by some rehearsal', () => {
    const swap = onToy({ probes })
    rehearsal(swap)
    expect(swap).not.toHitEveryProbe()
    expect(messageOf(() => expectProbes(swap).toHitEveryProbe())).toBe('swap: in 1 rehearsals nothing hit `a fault strikes`; what these tests say does not cover that')
    rehearsal(swap, { schedule: [{ kind: 'replication-lag', target: 'member:m-1', at: 0, durationUs: 1e6, magnitude: 1 }] })
    expect(swap).toHitEveryProbe()
    expect(messageOf(() => expect(onToy()).toHitEveryProbe())).toContain('the scenario has no probes')
    expect(messageOf(() => expect(1).toHitEveryProbe())).toContain('expected a scenario')
  })

  test('must be hit by some run of a campaign', async () => {
    await expect(expectRunbook(onToy({ probes })).toHold({ runs: 5 })).rejects.toThrow('In 5 rehearsals nothing hit `a fault strikes`.')
  })
})

test('a scenario by name carries nothing of its own', () => {
  expect(scenario('postgres-ferris-wheel/fenced').own).toMatchObject({ checks: [], probes: [], faults: false })
})
