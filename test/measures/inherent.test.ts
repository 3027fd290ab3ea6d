/** Whose doing a split brain or an unsupported mix of versions is: each clause, and its opposite. */
import { describe, expect, it } from 'vitest'
import type { Departure, Promotion } from '../../src/engine.ts'
import { SECOND } from '../../src/kernel/index.ts'
import { type FaultRecord, struckAtUs } from '../../src/measures/loss.ts'
import { isInherentSplit } from '../../src/measures/splitBrain.ts'
import { isInherentSkew } from '../../src/measures/versions.ts'
import type { MemberChange } from '../../src/result.ts'

const from = undefined as unknown as Promotion['from']
const promotion = (given: Partial<Promotion> = {}): Promotion => ({ atUs: 120 * SECOND, member: 'b', from, furthestReachable: true, by: 'engine', verdictUs: 119 * SECOND, ...given })
const fault = (given: Partial<FaultRecord> = {}): FaultRecord => ({ atUs: 100 * SECOND, endUs: 130 * SECOND, kind: 'partition', target: 'node:1', struck: true, members: ['a'], ...given })
const change = (member: string, atUs: number, engine = '7.0', role: MemberChange['role'] = 'leader'): MemberChange => ({ atUs, member, node: 'n', running: true, role, timeline: 1, versions: { engine } })

describe('a split brain', () => {
  const window = { fromUs: 120 * SECOND, toUs: 121 * SECOND, open: false, members: ['a', 'b'] }
  const context = { promotions: [promotion()], departures: [] as Departure[], faults: [fault()], changes: [change('a', 0)] }

  it('is inherent when the engine replaced a leader that a fault had cut off', () => {
    expect(isInherentSplit(window, context)).toBe(true)
    // It stood still, and goes on after the fault until it hears of its successor.
    expect(isInherentSplit({ ...window, fromUs: 131 * SECOND, toUs: 131 * SECOND + 5_000 }, { ...context, faults: [fault({ kind: 'process-pause' })] })).toBe(true)
  })

  it.each([
    ['it does not end', { ...window, open: true }, context],
    ['the operator promoted', window, { ...context, promotions: [promotion({ by: 'operator' })] }],
    ['nobody was promoted', window, { ...context, promotions: [] }],
    ['the fault was over when the engine gave the leader up', window, { ...context, faults: [fault({ endUs: 118 * SECOND })] }],
    ['the fault came later', window, { ...context, faults: [fault({ atUs: 119.5 * SECOND })] }],
    ['the fault struck somebody else', window, { ...context, faults: [fault({ members: ['c'] })] }],
    ['a fault that takes nobody away', window, { ...context, faults: [fault({ kind: 'load-spike' })] }],
    ['the fault did not strike', window, { ...context, faults: [fault({ struck: false })] }],
    ['the runbook had stopped the leader', window, { ...context, departures: [{ atUs: 110 * SECOND, member: 'a', position: from, cause: 'runbook' as const }] }],
    ['a third one that no fault touched', { ...window, members: ['a', 'b', 'c'] }, context],
  ])('is the runbook’s when %s', (_why, given, circumstances) => {
    expect(isInherentSplit(given, circumstances)).toBe(false)
  })

  it('why a leader went away before it came back as one does not matter', () => {
    const departures: Departure[] = [{ atUs: 50 * SECOND, member: 'a', position: from, cause: 'runbook' }]
    expect(struckAtUs('a', promotion(), { departures, faults: [fault()], changes: [change('a', 60 * SECOND)] })).toBe(100 * SECOND)
    expect(struckAtUs('a', promotion(), { departures, faults: [fault()], changes: [change('a', 40 * SECOND)] })).toBeUndefined()
  })

  it('a fault that was over before the promotion counts as of the engine’s verdict', () => {
    const faults = [fault({ endUs: 119.5 * SECOND })]
    expect(struckAtUs('a', promotion(), { departures: [], faults, changes: [] })).toBe(100 * SECOND)
    const { verdictUs: _, ...without } = promotion()
    expect(struckAtUs('a', without, { departures: [], faults, changes: [] })).toBeUndefined()
  })
})

describe('an unsupported mix of versions', () => {
  const window = { fromUs: 140 * SECOND, toUs: 150 * SECOND, open: false, what: ['a (7.0) follows b (7.2)'], members: ['a', 'b'] }
  const context = { promotions: [promotion()], faults: [fault()], changes: [change('a', 0), change('b', 0, '7.2')] }

  it('is a fault’s doing when it took one of them away and nothing else happened to them', () => {
    expect(isInherentSkew(window, context)).toBe(true)
  })

  it.each([
    ['it does not end', { ...window, open: true }, context],
    ['the engine does not say who is concerned', { ...window, members: [] }, context],
    ['the fault struck somebody else', window, { ...context, faults: [fault({ members: ['c'] })] }],
    ['the fault came later', window, { ...context, faults: [fault({ atUs: 141 * SECOND })] }],
    ['the fault takes nobody away', window, { ...context, faults: [fault({ kind: 'load-spike' })] }],
    ['the operator promoted one of them after the fault was over', window, { ...context, promotions: [promotion({ by: 'operator', atUs: 135 * SECOND })] }],
    ['one of them got its version after the fault', window, { ...context, changes: [...context.changes, change('b', 138 * SECOND, '7.4')] }],
  ])('is the runbook’s when %s', (_why, given, circumstances) => {
    expect(isInherentSkew(given, circumstances)).toBe(false)
  })

  it('an operator’s promotion while the fault was on does not make it the runbook’s', () => {
    expect(isInherentSkew(window, { ...context, promotions: [promotion({ by: 'operator', atUs: 125 * SECOND })] })).toBe(true)
  })
})
