import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { faultSpec, isAnchor, type Fault, type Schedule } from '../../src/faults/index.ts'
import { itineraryOf } from '../../src/rehearsal.ts'
import { loadScenarioFrom, ScenarioError } from '../../src/scenario/index.ts'
import { expectRehearsal, expectRunbook, faultSchedules, fc, gate, rehearsal, run, runbook, scenario } from '../../src/vitest.ts'
import { proofroll, SWAP, SWAP_RUNBOOK } from '../cli/workshop.ts'
import { careless, engines, enterFolder, onToy } from './toy.ts'

beforeEach(() => void enterFolder())

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

const lag: Fault = { kind: 'replication-lag', target: 'role:follower/1', at: 0, durationUs: 5e6, magnitude: 1 }
const kill: Fault = { kind: 'process-kill', target: 'member:m-1', at: { step: 'promote', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs: 600e6, magnitude: 0 }

describe('expectations', () => {
  test('a failure tells its smallest story and how to see it again', () => {
    const swap = onToy({ runbook: careless })
    expect(messageOf(() => expectRehearsal(rehearsal(swap, { schedule: [lag] }), 'swapping loses nothing').toLoseNoAcknowledgedWrite())).toMatchInlineSnapshot(`
      "swap: the rehearsal was to lose no acknowledged write, and did not

      How it lost acknowledged writes (no fault needed, shrunk from 1)
          00:00.0  1 promote  promote m-1                                       100 ms
        ✗ 00:00.1  2 route    route m-1                                 100 ms  ← here
          00:00.2  3 remove   stop m-0                                          100 ms

      Why
        Another member was promoted while the old leader still took writes (overlap).
        20 of 7,640 acknowledged writes are lost: still on m-0 and m-2, where nobody
        reads them
        because 00:00.1  nothing had stopped m-0 before: it neither exited nor was
                         fenced
        because 00:00.1  the runbook promoted m-1 from LSN 3019978 of timeline 1,
                         although m-0, still running, was further ahead (step 2 route)
        because 00:00.1  m-0 acknowledged the lost writes on timeline 1 from 00:00.100
                         to 00:00.300 (step 2 route)
        because 01:01.4  the history that counts at the end, that of m-1, lacks them
                         (it ends at LSN 15247767 of timeline 2; a fresh client writes
                         there)
        at the end       01:01.4, 1m 01s after the runbook’s: m-0 is down; m-1 leads
                         on engine v1; m-2 follows on engine v1; clients can write.
        correlated       it also happens without step 2 route, on the same luck: the
                         chain tells what went together, not what did it

      When writes stood still
        all clients: no writes for 1.14 s, from 00:00.3 to 00:01.4, in step 3 remove
           00:00.2  step 3 remove: \`stop m-0\`
           00:00.3  clients are told \`m-0 has gone\`
           00:01.4  clients write to m-1, no longer to m-0

      Who led
        step     1        2         3
        m-0      ████████████████████████████·········································
        m-1      ▒▒▒▒▒▒▒▒▒████████████████████████████████████████████████████████████
        m-2      ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
        leaders  111111111222222222222222222211111111111111111111111111111111111111111
                 00:00.0            00:00.2  00:00.3
        █ leads   ▒ follows   ░ neither   · down   (time is not to scale)

      What would avoid it
        Stop or fence the old leader, and see it down, before the new one is promoted.
        (what usually helps in such a case; not tested here)

      See it again
        proofroll replay reports/swap/swapping-loses-nothing.json"
    `)
    expect(existsSync('reports/swap/swapping-loses-nothing.json')).toBe(true)
  })

  test('matchers say the same, and name the file after the test', async () => {
    const message = messageOf(() => expect(rehearsal(onToy({ runbook: careless }))).toNeverSplit())
    expect(message).toContain('swap: the rehearsal was to never have two leaders that take writes, and did not')
    const [, file = ''] = /proofroll replay (\S+)/.exec(message) ?? []
    expect(file).toBe('reports/swap/expectations-matchers-say-the-same-and-name-the-file-after-the-test.json')
    const { code, out } = await proofroll(['replay', file])
    expect([code, out.split(':')[0]]).toEqual([1, 'same'])
  })

  test('all hold of a careful runbook; of a careless one those fail that should', () => {
    const well = rehearsal(onToy())
    expect(well).toHold()
    expect(well).toLoseNoAcknowledgedWrite()
    expect(well).toKeepWriteDowntimeUnder('2m')
    expect(well).toKeepMeasureUnder('splitBrainSeconds', 0)
    expect(well).toNeverSplit()
    expect(well).toServeAtEnd()
    expect(well).toConverge()
    expect(well).toComplete()
    expect(well).toPassCheck('terminates')
    const badly = rehearsal(onToy({ runbook: careless }), { folder: null })
    expect(badly).not.toHold()
    expect(badly).not.toLoseNoAcknowledgedWrite()
    expect(badly).not.toKeepMeasureUnder('lostAcknowledgedWrites', 19)
    expect(badly).not.toNeverSplit()
    expect(badly).not.toConverge()
    expect(badly).not.toPassCheck('no-split-brain')
    expect(messageOf(() => expect(well).not.toHold())).toBe('swap: the rehearsal was not to hold, and did')
    expect(messageOf(() => expect(badly).toHold())).toContain('rehearsal(scenario, {"seed":"1","schedule":[]})')
    expect(readdirSync('.')).toEqual([])
  })

  test('a limit becomes an objective of the file, which so fails by itself', async () => {
    const swap = onToy()
    const { writeDowntimeSeconds } = rehearsal(swap).measures
    expect(writeDowntimeSeconds).toBeGreaterThan(1)
    expect(rehearsal(swap)).toKeepWriteDowntimeUnder(writeDowntimeSeconds)
    const message = messageOf(() => expectRehearsal(rehearsal(swap), 'short').toKeepWriteDowntimeUnder('500ms'))
    expect(message).toContain('the rehearsal was to keep write downtime at 500 ms or less, and did not')
    const { code, out } = await proofroll(['replay', 'reports/swap/short.json'])
    expect(code).toBe(1)
    expect(out).toContain('same: objectives-met/writeDowntimeSeconds')
  })

  test('not to complete is a failure of its own: its file plays in the suite', async () => {
    const stops = onToy({ runbook: runbook({ title: 'Stops', steps: [run('role m-0', { id: 'look' }), gate('role m-0', { id: 'wait', expect: { equals: 'follower' }, timeout: '10s' })] }) })
    const message = messageOf(() => expectRehearsal(rehearsal(stops), 'stops').toComplete())
    expect(message).toMatch(/How it did not complete[\s\S]*✗ .* wait .*\n[\s\S]*the operator stopped/)
    expect(message).toContain('in this suite: rehearsal(scenario, { replay: "reports/swap/stops.json" })')
    expect(rehearsal(stops, { replay: 'reports/swap/stops.json' })).not.toComplete()
    const { code, err } = await proofroll(['replay', 'reports/swap/stops.json'])
    expect(code).toBe(2)
    expect(err.replace(/\s+/g, ' ')).toContain('`x-completes` is a function of the test suite that found this')
  })

  test('nothing follows from a rehearsal out of budget: every expectation is met, and its opposite is not', () => {
    const both: Schedule = [kill, { ...kill, target: 'member:m-2' }]
    const result = rehearsal(onToy(), { schedule: both })
    expect(result.inBudget).toBe(false)
    expect(result.verdicts.some(({ status }) => status === 'fail')).toBe(true)
    expect(result).toHold()
    expect(messageOf(() => expect(result).not.toHold())).toContain('fc.pre(result.inBudget)')
  })

  test('wrong input gets one clear error', () => {
    const well = rehearsal(onToy())
    expect(messageOf(() => expect({}).toHold())).toBe('toHold: expected what `rehearsal(scenario, { schedule })` returns')
    expect(messageOf(() => expect(well).toKeepWriteDowntimeUnder('soon'))).toBe('`soon` cannot be a limit of writeDowntimeSeconds: write a duration such as 30s, or a number of seconds')
    expect(messageOf(() => expect(well).toKeepMeasureUnder('lostAcknowledgedWrites', '1s'))).toContain('write a number')
    expect(messageOf(() => expect(well).toKeepMeasureUnder('downtime' as never, 1))).toContain('there is no measure `downtime`; there are: writeDowntimeSeconds')
    expect(messageOf(() => expect(well).toPassCheck('no-split'  as never))).toContain('there is no check `no-split`; there are: no-acknowledged-write-lost')
    writeFileSync('no.json', '{}')
    expect(messageOf(() => rehearsal(onToy(), { replay: 'no.json' }))).toContain('no.json: this is no counterexample file')
    expect(messageOf(() => rehearsal(onToy(), { replay: 'no.json', seed: '2' }))).toContain('brings its own')
  })
})

describe('schedules of faults', () => {
  test('are of the scenario: its kinds, targets of its cluster, places on the way its runbook takes', () => {
    const swap = onToy({ document: { cluster: { engine: 'toy', members: 2 }, deadline: '1h', faults: { without: ['node-loss'] } } })
    const way = itineraryOf(swap).stops.map(({ step, visit }) => `${step}/${visit}`)
    const schedules = fc.sample(faultSchedules(swap, { max: 3 }), { numRuns: 500, seed: 1 })
    const faults = schedules.flat()
    expect(Math.max(...schedules.map(({ length }) => length))).toBe(3)
    expect(schedules.filter(({ length }) => length === 0).length).toBeLessThan(30)
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(swap.faults.kinds))
    expect(new Set(faults.map(({ target }) => target).filter(target => !target.startsWith('role:')))).toEqual(new Set(['member:m-0', 'member:m-1', 'operator']))
    const anchors = faults.flatMap(({ at }) => (isAnchor(at) ? [`${at.step}/${at.visit}`] : []))
    expect(anchors.length).toBeGreaterThan(faults.length / 2)
    expect(anchors.filter(place => !way.includes(place))).toEqual([])
    const struck = schedules.filter(schedule => rehearsal(swap, { schedule }).struck > 0)
    expect(struck.length).toBeGreaterThan(375)
  })

  test('shrink to no fault, and each fault to the plainest of its kind', () => {
    const swap = onToy()
    const smallest = (seed: number, fails: (schedule: Schedule) => boolean): unknown => fc.check(fc.property(faultSchedules(swap, { max: 4 }), schedule => !fails(schedule)), { seed, numRuns: 1_000 }).counterexample?.[0]
    expect(smallest(1, () => true)).toEqual([])
    const plain = (kind: Fault['kind'], durationUs: number): Fault => ({ kind, target: 'role:leader', at: { step: 'pause', path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }, durationUs, magnitude: 0 })
    const usualUs = (kind: Fault['kind']): number => faultSpec(kind).durationUs.usual
    for (let seed = 1; seed <= 10; seed++) {
      expect(smallest(seed, schedule => schedule.some(({ kind }) => kind === 'partition'))).toEqual([plain('partition', usualUs('partition'))])
      expect(smallest(seed, schedule => schedule.filter(({ kind }) => kind === 'process-kill').length > 1)).toEqual([plain('process-kill', usualUs('process-kill')), plain('process-kill', usualUs('process-kill'))])
      expect(smallest(seed, schedule => schedule.some(({ at }) => isAnchor(at) && at.phase === 'await' && at.step === 'promote'))).toMatchObject([{ at: { step: 'promote', phase: 'await', command: 1, offsetUs: 0 } }])
    }
  })

  test('a property that fails replays by seed and path, and leaves one file, of the smallest failure', () => {
    const swap = onToy()
    const property = fc.property(faultSchedules(swap, { max: 3 }), schedule => {
      expect(rehearsal(swap, { schedule })).toHold()
    })
    const found = fc.check(property)
    expect(found.failed).toBe(true)
    const schedule = found.counterexample?.[0] as Schedule
    expect(schedule.length).toBe(1)
    const again = fc.check(property, { seed: found.seed, path: found.counterexamplePath as string, endOnFailure: true })
    expect(again.counterexample?.[0]).toEqual(schedule)
    expect([again.numRuns, again.numShrinks]).toEqual([1, 0])
    expect(messageOf(() => fc.assert(property))).toMatch(/path: "[\d:]+"[\s\S]*Counterexample: \[1 fault: [a-z-]+ of .* step [a-z]+\]/)
    const files = readdirSync('reports/swap')
    expect(files.length).toBe(1)
    expect(JSON.parse(readFileSync(`reports/swap/${files[0]}`, 'utf8')).schedule).toEqual(schedule)
    expect(rehearsal(swap, { replay: `reports/swap/${files[0]}` })).not.toHold()
  })

  test('a kind out of budget is refused, since nothing would follow', () => {
    const swap = onToy()
    expect(messageOf(() => faultSchedules(swap, { kinds: ['operator-skips'] }))).toMatch(/^faultSchedules: operator-skips: not among the faults of swap, .* or take of: process-kill, /)
    expect(messageOf(() => faultSchedules(swap, { kinds: ['x-rack'] }))).toMatch(/^faults: there is no kind `x-rack` here/)
    expect(messageOf(() => faultSchedules(swap, { max: 0.5 }))).toContain('0.5 is no number of faults')
    expect(fc.sample(faultSchedules(swap, { max: 0 }), 5)).toEqual([[], [], [], [], []])
  })
})

describe('a scenario in code', () => {
  test('is the scenario that the same text makes, and plain data that makes it again', () => {
    writeFileSync('swap.yaml', SWAP)
    writeFileSync('swap.runbook.yaml', SWAP_RUNBOOK)
    const file = scenario({ base: 'swap.yaml', engines })
    const steps = [run('promote m-1', { id: 'promote', title: 'Promote the second member' }), run('route m-1', { id: 'route', title: 'Send clients to it' }), run('stop m-0', { id: 'remove', title: 'Stop the old leader' })]
    const code = scenario({ base: 'swap.yaml', runbook: runbook({ title: 'Swap', steps }), engines })
    const { hash } = rehearsal(file)
    expect(rehearsal(code).hash).toBe(hash)
    expect(rehearsal(scenario({ base: 'swap.yaml', runbook: 'swap.runbook.yaml', engines })).hash).toBe(hash)
    const carried = loadScenarioFrom(JSON.parse(JSON.stringify(code.source)), engines)
    expect(rehearsal(carried).hash).toBe(hash)
    expect(rehearsal(scenario({ base: 'swap.yaml', set: { 'cluster.members': 4 }, engines })).hash).not.toBe(hash)
    expect(code.objectives).toEqual(file.objectives)
  })

  test('errors are those of a file', () => {
    const typo = runbook({ title: 'Typo', steps: [run('promot m-1', { id: 'a' }), { id: 'b', rum: 'x' } as never] })
    expect(messageOf(() => onToy({ runbook: typo }))).toContain('swap.in-code.runbook.yaml (in code)')
    expect(messageOf(() => onToy({ runbook: typo }))).toContain('rum')
    expect(messageOf(() => onToy({ runbook: runbook({ title: 'T', steps: [run('promot m-1')] }) }))).toContain('did you mean `promote`?')
    expect(() => scenario('no-such/scenario')).toThrow(ScenarioError)
  })

  test('a campaign takes it as well', async () => {
    await expect(expectRunbook(onToy()).toHold({ runs: 5 })).resolves.toMatchObject({ runs: 5, verdict: 'held' })
    await expect(expectRunbook(onToy({ runbook: careless })).toViolate('no-split-brain', { runs: 5, folder: null })).resolves.toMatchObject({ runs: 5 })
    await expect(expectRunbook(onToy()).toHold({ set: {} })).rejects.toThrow('`set` and `engines` are for a scenario given by name')
  })
})
