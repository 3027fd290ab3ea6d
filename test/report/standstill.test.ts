/** When writes stood still: whose, from when to when, because of what. By hand where a rule is meant, on every engine where it is a law. */
import { describe, expect, test } from 'vitest'
import { loadScenario } from '../../src/index.ts'
import type { TraceRecord } from '../../src/kernel/index.ts'
import { rehearse, runSeed, scheduleFor } from '../../src/rehearsal.ts'
import { moreStandstills, standstillWords, standstillsOf, whoseWords } from '../../src/report/standstill.ts'
import type { MemberChange, RehearsalResult, StepRecord } from '../../src/result.ts'

const S = 1e6
const names = (id: string): string => `1 ${id}`
type Story = NonNullable<RehearsalResult['story']>

const step = (id: string, fromS: number, toS: number): StepRecord => ({ step: id, title: '', path: 'forward', visit: 1, startUs: fromS * S, endUs: toS * S, result: 'done', writeDowntimeUs: 0, commands: 1 })
const down = (who: string, fromS: number, toS: number, open = false): Story['windows'][number] => ({ is: 'writesDown', who, fromUs: fromS * S, toUs: toS * S, open })
const traced = (atS: number, node: string, detail: string, more: Partial<TraceRecord> = {}): TraceRecord => ({ atUs: atS * S, label: 'engine.event', node, payload: 0, detail, ...more })
const change = (atS: number, member: string, role: MemberChange['role'], running = true): MemberChange => ({ atUs: atS * S, member, node: undefined, running, role, timeline: 1, versions: {} })
const typed = (atS: number, id: string, words: string, acted = true): Story['commands'][number] => ({ atUs: atS * S, step: id, argv: words.split(' '), code: 0, out: '', err: '', ...(acted ? { acted: true as const } : {}) })
const fault = (atS: number, endS: number, members: readonly string[]): Story['faults'][number] => ({ atUs: atS * S, endUs: endS * S, kind: 'partition', target: 'node:n1', struck: true, why: '', words: '', members })

/** Three shards of two members each, led by the first of each. */
function fleet(more: Partial<Story>, steps: readonly StepRecord[] = [step('roll', 0, 90)]): RehearsalResult {
  const shards = ['a', 'b', 'c']
  const logs = shards.map((log) => ({ log, members: [`${log}-1`, `${log}-2`], clients: [`${log}/clients`] }))
  const members = logs.flatMap(({ members: [leader, follower] }) => [change(0, leader!, 'leader'), change(0, follower!, 'follower')])
  const clients = logs.map(({ clients: [client], members: [leader] }) => ({ atUs: 0, client: client!, state: 'writable', on: leader }))
  return { outcome: 'completed', steps, gates: [], schedule: [], faults: [], verdicts: [], story: { line: '', trace: [], commands: [], faults: [], lines: [], windows: [], losses: [], lag: [], acknowledgers: [], ...more, logs, members: [...members, ...(more.members ?? [])], clients: [...clients, ...(more.clients ?? [])] } } as unknown as RehearsalResult
}

const tell = (rehearsal: RehearsalResult): string[] => standstillsOf(rehearsal, names).flatMap((each) => [standstillWords(each, names), ...each.told.map(({ atUs, text }) => `${atUs / S} ${text}`)])

describe('rules', () => {
  test('a shard that is handed over: the command that names it, what its leader did, and who took over; other shards and what only looks are not told', () => {
    expect(tell(fleet({
      windows: [down('b/clients', 10, 14)],
      commands: [typed(9, 'roll', 'reparent b --avoid b-1'), typed(9.5, 'roll', 'show b-1', false), typed(9.6, 'roll', 'reparent a')],
      trace: [traced(9.9, 'a-1', 'a-1 is demoted'), traced(10, 'b-1', 'b-1 is demoted'), traced(12, 'b-1', 'b-1 starts again'), traced(13.9, 'b-2', 'b-2 leads b'), traced(13.95, 'b-2', 'labels of b-2 changed', { label: 'engine.object-changed' })],
      clients: [{ atUs: 10 * S, client: 'b/clients', state: 'failing', error: 'NOT_SERVING' }, { atUs: 14 * S, client: 'b/clients', state: 'writable', on: 'b-2' }],
    }))).toEqual([
      'key share b: no writes for 4.00 s, from 00:10.0 to 00:14.0, in step 1 roll',
      '9 step 1 roll: `reparent b --avoid b-1`', '10 b-1 is demoted', '10 clients are told `NOT_SERVING`', '13.9 nothing for 3.90 s, then: b-2 leads b', '14 clients write to b-2, no longer to b-1',
    ])
  })

  test('one fault that touched two shards is one standstill; a shard that it did not touch is another', () => {
    const told = standstillsOf(fleet({ windows: [down('a/clients', 20, 30), down('b/clients', 20.2, 31), down('c/clients', 20, 22)], faults: [fault(20, 29, ['a-1', 'b-1'])] }), names)
    expect(told.map(whoseWords)).toEqual(['2 of 3 key shares (a and b)', 'key share c'])
    expect(told[0]!.told.map(({ text }) => text)).toEqual(['the fault partition of node:n1 for 9.00 s strikes a-1 and b-1', 'the fault partition ends', 'clients write to a-1 and b-1 again'])
    // Of c nothing of its own is told, so what was struck elsewhere meanwhile is.
    expect(told[1]!.told.map(({ text }) => text)).toEqual(['the fault partition of node:n1 for 9.00 s', 'clients write to c-1 again'])
  })

  test('who was removed by a controller: what it was for, the object that had changed, and what was typed to change it', () => {
    expect(tell(fleet({
      windows: [down('c/clients', 60, 65, true)],
      commands: [typed(1, 'scale', 'kubectl scale statefulset web --replicas=1')],
      trace: [traced(1.5, 'ns/web', 'StatefulSet web changed', { label: 'platform.object-changed' }), traced(59, 'c-1', 'pod c-1 deleted: StatefulSet web scales down', { label: 'platform.pod-deleted' }), traced(60, 'c-1', 'c-1 shuts down')],
    }, [step('scale', 0, 2), step('wait', 2, 100)]))).toEqual([
      'key share c: no writes for at least 5.00 s, from 01:00.0 to the end, in step 1 wait',
      '1 step 1 scale: `kubectl scale statefulset web --replicas=1`', '1.5 StatefulSet web changed', '59 pod c-1 deleted: StatefulSet web scales down', '60 c-1 shuts down',
    ])
  })

  test('with nothing else to tell, what its leader did half a minute before; with a fault not', () => {
    const trace = [traced(20, 'a-1', 'the controller moves a from a-1 to a-2'), traced(40, 'a-1', 'a-1 is demoted')]
    const early = '20 the controller moves a from a-1 to a-2'
    expect(tell(fleet({ windows: [down('a/clients', 40, 42)], trace }))).toContain(early)
    expect(tell(fleet({ windows: [down('a/clients', 40, 42)], trace, faults: [fault(39, 41, ['a-1'])] }))).not.toContain(early)
    expect(tell(fleet({ windows: [down('a/clients', 60, 62)], trace }))).not.toContain(early)
  })

  test('clients that were held up on purpose, and where nothing is known: what had been typed last', () => {
    expect(tell(fleet({ windows: [down('a/clients', 10, 12)], trace: [traced(10, 'pooler', 'pooler: PAUSE', { holdsClients: true })], commands: [typed(9.9, 'roll', 'admin pooler PAUSE')] }))).toContain('10 pooler: PAUSE')
    expect(tell(fleet({ windows: [down('a/clients', 10, 12)], commands: [typed(9, 'roll', 'set image web')] }))).toContain('9 step 1 roll: `set image web`')
  })

  test('groups of clients that overlap are one, and counted; under a tenth of a second is no news; the rest is counted', () => {
    const rehearsal = fleet({ windows: [down('a/clients', 10, 12), down('b/clients', 40, 43), down('b/clients', 60, 60.05), down('c/clients', 70, 70.5)] })
    const told = standstillsOf(rehearsal, names)
    expect(told.map(({ fromUs }) => fromUs / S)).toEqual([40, 10, 70])
    expect(moreStandstills(told.slice(1))).toBe('2 more stops, of 500 ms to 2.00 s: key shares a and c.')
    expect([moreStandstills([]), moreStandstills(told.slice(2))]).toEqual(['', '1 more stop, of 500 ms: key share c.'])
    const one = { ...rehearsal, story: { ...rehearsal.story!, logs: [{ log: 'a', members: ['a-1'], clients: ['x', 'y', 'z'] }], windows: [down('x', 10, 12), down('y', 11, 15)] } }
    expect(standstillsOf(one, names).map((each) => standstillWords(each, names))).toEqual(['2 of 3 groups of clients: no writes for 5.00 s, from 00:10.0 to 00:15.0, in step 1 roll'])
  })

  test('a rehearsal that was not recorded, or has no logs, tells nothing', () => {
    expect(standstillsOf({ steps: [] } as unknown as RehearsalResult, names)).toEqual([])
    expect(standstillsOf({ ...fleet({ windows: [down('a/clients', 1, 9)] }), story: { ...fleet({}).story!, logs: undefined } } as unknown as RehearsalResult, names)).toEqual([])
  })
})

describe('laws, on every engine and pattern', () => {
  test.each([['vitess-rolling/operator-immediate', 2], ['vitess-rolling/primary-last', 0], ['redis-rolling-replace/as-documented', 2], ['mongodb-step-down/naive', 2], ['postgres-ferris-wheel/as-documented', 2], ['postgres-operator/rolling-minor', 2], ['blue-green/service-switch', 2], ['couchdb-step-down/as-documented', 2]] as const)('%s, up to %d faults', (name, faults) => {
    const scenario = loadScenario(name)
    let told = 0
    for (let run = 0; run < 4; run++) {
      const rehearsal = rehearse({ scenario, seed: runSeed('s', run), schedule: scheduleFor(scenario, 's', run, faults), record: true })
      const all = standstillsOf(rehearsal, (id) => id)
      for (const { is, who, fromUs, toUs } of rehearsal.story!.windows) {
        if (is !== 'writesDown' || toUs - fromUs < 100_000) continue
        const log = rehearsal.story!.logs!.find(({ clients }) => clients.includes(who))!.log
        // No window goes untold, and none is told of another's key share.
        expect([who, all.filter((each) => (each.logs.length === 0 || each.logs.includes(log)) && each.fromUs <= fromUs && each.toUs >= toUs).length]).toEqual([who, 1])
      }
      for (const each of all) {
        told += 1
        expect(each.told.map(({ atUs }) => atUs)).toEqual(each.told.map(({ atUs }) => atUs).toSorted((a, b) => a - b))
        // Something led to it, and something ended it.
        expect([standstillWords(each, (id) => id), each.told.some(({ atUs }) => atUs <= each.fromUs + 50_000), each.open || each.told.at(-1)!.atUs >= each.toUs - 50_000]).toEqual([standstillWords(each, (id) => id), true, true])
      }
    }
    expect(told).toBeGreaterThan(0)
  })
})

test('a rollout that waits is told of those that it does not go on with, and a trace with it has the same hash', () => {
  const scenario = loadScenario('vitess-rolling/operator-immediate')
  const at = (step: string) => ({ step, path: 'forward', visit: 1, phase: 'start', command: 1, offsetUs: 0 }) as const
  const run = { scenario, seed: '1/10', schedule: [{ kind: 'api-server-away', target: 'any/0', at: at('rolled'), durationUs: 100e6, magnitude: 0 }, { kind: 'standby-diverged', target: 'role:follower/0', at: at('images'), durationUs: 1e6, magnitude: 1 }] as const }
  const recorded = rehearse({ ...run, record: true })
  const verdict = recorded.verdicts.find(({ check }) => check === 'target-reached')!
  expect(verdict.status).toBe('fail')
  const waiting = verdict.because!.filter(({ text }) => / replaces no tablet of commerce\/\S+ as long as example-vttablet-\S+ is not Available/.test(text))
  expect(waiting.length).toBe(1)
  expect(rehearse(run).hash).toBe(recorded.hash)
  expect(rehearse(run).verdicts.find(({ check }) => check === 'target-reached')!.signature).toEqual(verdict.signature)
  const rolled = rehearse({ scenario: loadScenario('couchdb-step-down/as-documented'), seed: runSeed('1', 0), schedule: [], record: true })
  expect(rolled.story!.trace.filter(({ waits }) => waits === true).map(({ detail }) => detail)).toContain('StatefulSet couchdb does not replace couchdb-1 before couchdb-2 is Ready')
})
